/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rule does to an alert.  Each action happens as a whole or not at all:
 * its text is rendered before anything is touched.  When an action of a rule
 * failed, the rule's drop and suppress are passed over too, because a rule that
 * did not work must not silence anybody.
 */
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "base/xalloc.h"
#include "core/alert.h"
#include "core/normalise/normalise.h"
#include "core/normalise/severity.h"
#include "core/rows.h"
#include "core/rules/ruleset.h"

enum { MAX_SHOWN = 80, MAX_KEY = 1024 };

/* --- the trace -------------------------------------------------------------------------- */

static void
say(struct run *r, const char *what, const char *more)
{
    struct buf *b = &r->sc->trace;

    if (b->n > 0)
        buf_add(b, "; ");
    buf_add(b, what);
    buf_add(b, more);
}

static void
say_change(struct run *r, const char *name, const char *from, const char *to)
{
    if (strcmp(from, to) == 0)
        return;
    say(r, name, ": ");
    buf_add(&r->sc->trace, from[0] != '\0' ? text_cut_bytes(r->arena, from, MAX_SHOWN) : "(none)");
    buf_add(&r->sc->trace, " -> ");
    buf_add(&r->sc->trace, to[0] != '\0' ? text_cut_bytes(r->arena, to, MAX_SHOWN) : "(none)");
}

static bool
say_failure(struct run *r, const char *what, const char *why)
{
    say(r, what, " failed: ");
    buf_add(&r->sc->trace, text_clean(r->arena, why, strlen(why), 400));
    return false;
}

static void
say_list(struct run *r, const char *what, const char *const *names, size_t n)
{
    say(r, what, "");
    for (size_t i = 0; i < n; i++) {
        buf_add(&r->sc->trace, i > 0 ? ", " : " ");
        buf_add(&r->sc->trace, names[i]);
    }
}

/* --- labels ------------------------------------------------------------------------------- */

static size_t
label_place(const struct run *r, const char *name, bool *found_r)
{
    size_t i = 0;
    int order = 1;

    while (i < r->view.n_labels && (order = strcmp(r->labels[i].name, name)) < 0)
        i++;
    *found_r = i < r->view.n_labels && order == 0;
    return i;
}

static void
grow_labels(struct run *r)
{
    size_t cap = r->cap_labels * 2 + 8;
    struct tocsin_pair *more = arena_alloc(r->arena, cap * sizeof *more);

    if (r->view.n_labels > 0)
        memcpy(more, r->labels, r->view.n_labels * sizeof *more);
    r->labels = more;
    r->view.labels = more;
    r->cap_labels = cap;
}

/* An empty value removes the label. */
static void
put_label(struct run *r, const struct name_ref *ref, const char *value)
{
    bool found;
    size_t i = label_place(r, ref->label, &found);
    size_t after;

    say_change(r, ref->label, found ? r->labels[i].value : "", value);
    run_value_is_plain(r, ref->label);
    if (found && value[0] == '\0') {
        after = --r->view.n_labels - i;
        memmove(&r->labels[i], &r->labels[i + 1], after * sizeof r->labels[0]);
    } else if (found) {
        r->labels[i].value = value;
    } else if (value[0] != '\0') {
        if (r->view.n_labels == r->cap_labels)
            grow_labels(r);
        after = r->view.n_labels++ - i;
        memmove(&r->labels[i + 1], &r->labels[i], after * sizeof r->labels[0]);
        r->labels[i] = (struct tocsin_pair){ .name = ref->label, .value = value };
    }
    if (ref->slot != NO_SLOT)
        run_put_value(r, ref->slot, value);
    jq_pool_forget(r->sc->jq);
}

/* --- set, unset, dedup_key -------------------------------------------------------------------- */

/* The text of a template; NULL after a failure, which is in the trace.  Did every expression of it have some text? */
static const char *
render_whole(struct run *r, const char *what, const struct template *t, size_t max, bool cut, bool *whole_r)
{
    const char *literal = template_literal(t);
    struct buf *b = &r->sc->text;
    struct tocsin_err err;

    *whole_r = true;
    if (literal != NULL)
        return literal;
    buf_reset(b);
    if (template_render_whole(t, &r->view, r->sc->jq, b, whole_r, &err) != TOCSIN_OK) {
        say_failure(r, what, err.what);
        return NULL;
    }
    if (b->n > max && !cut) {
        say_failure(r, what, arena_printf(r->arena, "the text is longer than %zu bytes", max));
        return NULL;
    }
    return b->n > 0 ? text_clean(r->arena, b->p, b->n, max) : "";
}

static const char *
render(struct run *r, const char *what, const struct template *t, size_t max, bool cut)
{
    bool whole;

    return render_whole(r, what, t, max, cut, &whole);
}

static bool
set_severity(struct run *r, const struct set_action *a)
{
    enum tocsin_severity severity = a->severity;

    if (severity == TOCSIN_SEV_NONE) {
        const char *word = render(r, "severity", &a->text, TEMPLATE_MAX, false);

        if (word == NULL)
            return false;
        severity = severity_of(word);
        if (severity == TOCSIN_SEV_NONE)
            return say_failure(r, "severity", arena_printf(r->arena, "'%s' is not a severity", word));
    }
    say_change(r, "severity", severity_name(r->view.severity), severity_name(severity));
    r->view.severity = severity;
    run_put_value(r, FIELD_SEVERITY, severity_name(severity));
    jq_pool_forget(r->sc->jq);
    return true;
}

/* A summary is one line. */
static const char *
one_line(struct run *r, const char *text)
{
    char *copy;

    if (strpbrk(text, "\n\t") == NULL)
        return text;
    copy = arena_strdup(r->arena, text);
    for (char *p = copy; *p != '\0'; p++)
        if (*p == '\n' || *p == '\t')
            *p = ' ';
    return copy;
}

static bool
set_summary(struct run *r, const struct set_action *a)
{
    const char *text = render(r, "summary", &a->text, NORMAL_MAX_SUMMARY, true);

    if (text == NULL)
        return false;
    if (text[0] == '\0')
        return say_failure(r, "summary", "the text is empty");
    text = one_line(r, text_cut_bytes(r->arena, text, NORMAL_MAX_SUMMARY));
    say_change(r, "summary", r->view.summary, text);
    r->view.summary = text;
    run_put_value(r, FIELD_SUMMARY, text);
    jq_pool_forget(r->sc->jq);
    return true;
}

static bool
apply_set(struct run *r, const struct set_action *a)
{
    const char *value;

    if (a->target.field == FIELD_SEVERITY)
        return set_severity(r, a);
    if (a->target.field == FIELD_SUMMARY)
        return set_summary(r, a);
    value = render(r, a->target.label, &a->text, TEMPLATE_MAX, false);
    if (value == NULL)
        return false;
    put_label(r, &a->target, value);
    return true;
}

static const char *
render_key(struct run *r, const struct template *t, bool *whole_r)
{
    struct view plain = r->view;
    const char *key;

    if (r->n_hidden == 0)
        return render_whole(r, "dedup_key", t, MAX_KEY, false, whole_r);
    r->view = run_key_view(r);
    jq_pool_forget(r->sc->jq);
    key = render_whole(r, "dedup_key", t, MAX_KEY, false, whole_r);
    r->view = plain;
    jq_pool_forget(r->sc->jq);
    return key;
}

static bool
apply_dedup_key(struct run *r, const struct rule *rule)
{
    bool whole;
    const char *key = render_key(r, &rule->dedup_key, &whole);

    if (key == NULL)
        return false;
    if (key[0] == '\0')
        return say_failure(r, "dedup_key", "the text is empty");
    say_change(r, "dedup_key", r->view.dedup_key, key);
    r->key_rule = rule;
    r->key_whole = whole;
    r->view.dedup_key = key;
    jq_pool_forget(r->sc->jq);
    return true;
}

/* --- where it goes -------------------------------------------------------------------------------- */

static bool
is_notified(const struct decision *d, const char *target)
{
    for (size_t i = 0; i < d->n_notify; i++)
        if (strcmp(d->notify[i], target) == 0)
            return true;
    return false;
}

static void
apply_notify(struct run *r, const struct rule *rule)
{
    struct decision *d = r->out;

    for (size_t i = 0; i < rule->n_notify; i++) {
        if (is_notified(d, rule->notify[i]))
            continue;
        if (d->n_notify == r->cap_notify) {
            size_t cap = r->cap_notify * 2 + 4;
            const char **more = arena_alloc(r->arena, cap * sizeof *more);

            if (d->n_notify > 0)
                memcpy(more, d->notify, d->n_notify * sizeof *more);
            d->notify = more;
            r->cap_notify = cap;
        }
        d->notify[d->n_notify++] = arena_strdup(r->arena, rule->notify[i]);
    }
    if (rule->n_notify > 0)
        say_list(r, "notify", rule->notify, rule->n_notify);
}

static void
apply_route(struct run *r, const struct rule *rule)
{
    if (rule->has_group_by) {
        r->group_rule = rule;
        say(r, "group_by", rule->n_group_by == 0 ? " nothing" : "");
        for (size_t i = 0; i < rule->n_group_by; i++) {
            buf_add(&r->sc->trace, i > 0 ? ", " : " ");
            buf_add(&r->sc->trace, rule->group_by[i].label);
        }
    }
    if (rule->policy != NULL) {
        r->out->policy = rule->policy;
        r->out->routed = true;
        r->out->routed_by = rule->said_by;
        say(r, "policy ", rule->policy->name);
    }
    apply_notify(r, rule);
}

/* The first rule that holds an alert back is named, and a drop rather than a suppression. */
static void
apply_hold(struct run *r, const struct rule *rule)
{
    struct decision *d = r->out;

    if (rule->drop && !d->drop)
        d->held_by = rule->said_by;
    else if (rule->suppress && !d->suppress && !d->drop)
        d->held_by = rule->said_by;
    d->drop = d->drop || rule->drop;
    d->suppress = d->suppress || rule->suppress;
    if (rule->drop)
        say(r, "drop", "");
    if (rule->suppress)
        say(r, "suppress", "");
}

/* --- in time ---------------------------------------------------------------------------------------- */

static void
apply_times(struct run *r, const struct rule *rule)
{
    struct decision *d = r->out;
    char text[DURATION_TEXT];

    if (rule->has_delay) {
        d->delay_ms = rule->delay_ms;
        d->delayed_by = rule->said_by;
        say(r, "delay ", duration_format(rule->delay_ms, text));
    }
    if (rule->has_resolve_after) {
        d->resolve_after_ms = rule->resolve_after_ms;
        say(r, "resolve_after ", duration_format(rule->resolve_after_ms, text));
    }
}

/* "threshold/<rule>" and, behind it, "/name=value" for each of `by`: identity of what many lines become together. */
static const char *
threshold_key(struct run *r, const struct rule *rule)
{
    struct buf *b = &r->sc->text;

    buf_reset(b);
    buf_add(b, "threshold/");
    buf_add(b, rule->name);
    for (size_t i = 0; i < rule->n_by; i++) {
        buf_add(b, "/");
        buf_add(b, rule->by[i].label);
        buf_add(b, "=");
        buf_add(b, run_key_value(r, &rule->by[i]));
    }
    return arena_strndup(r->arena, b->p, b->n);
}

/* Several alerts that a rule makes one count each, unless their sender tells them apart by nothing that lasts. */
static const char *
counted_apart(const struct run *r)
{
    bool lasts = r->own_key != NULL && (r->key_rule == NULL || r->key_rule->resolve_when != OWN_ANY);

    return lasts ? r->own_key : "";
}

static uint32_t
count_hit(struct run *r, const struct rule *rule, const char *key)
{
    struct rule_scratch *sc = r->sc;
    struct rule_hit hit = { .count = rule->count, .window_ms = rule->window_ms };
    uint32_t n;

    if (sc->repeats)
        return sc->next_said < sc->n_said ? sc->said[sc->next_said++] : 0;
    hit.group = id_hash(&key, 1);
    if (!r->record) {
        const char *parts[] = { r->view.source, r->view.dedup_key, counted_apart(r),
                                arena_printf(r->arena, "%lld", (long long)r->view.starts_at) };
        struct id16 id = id_hash(parts, 4);

        memcpy(&hit.what, id.b, sizeof hit.what);
        hit.what |= 1;
    }
    n = sc->count != NULL ? sc->count(sc->count_ctx, &hit) : 0;
    if (r->record) {
        if (sc->n_said == sc->cap_said) {
            sc->cap_said = sc->cap_said * 2 + 8;
            sc->said = xrealloc(sc->said, sc->cap_said * sizeof *sc->said);
        }
        sc->said[sc->n_said++] = n;
    }
    return n;
}

/* False: a line of a log below the threshold, of which the rule makes nothing yet. */
static bool
apply_threshold(struct run *r, const struct rule *rule)
{
    struct decision *d = r->out;
    char text[DURATION_TEXT];
    const char *key;
    uint32_t n;

    if (rule->count == 0 || r->view.status != TOCSIN_FIRING)
        return true;
    key = threshold_key(r, rule);
    n = count_hit(r, rule, key);
    account_threshold(r, rule, n);
    say(r, "threshold ", arena_printf(r->arena, "%u of %u in %s", n, rule->count,
                                      duration_format(rule->window_ms, text)));
    if (n < rule->count && r->record)
        return false;
    if (n < rule->count) {
        d->below = true;
        if (d->held_by[0] == '\0')
            d->held_by = rule->said_by;
        return true;
    }
    if (r->record) {
        r->view.dedup_key = text_clean(r->arena, key, strlen(key), MAX_KEY);
        d->steady = true;
        d->resolve_after_ms = rule->window_ms;
    }
    return true;
}

/* A rule that failed makes an alert all the same: something that a person waits for happened. */
static void
apply_makes(struct run *r, const struct rule *rule)
{
    if (!r->record || rule->makes == MAKES_NOTHING)
        return;
    r->wanted = rule->makes == MAKES_ALERT;
    say(r, r->wanted ? "made an alert" : "no alert", "");
}

void
actions_apply(struct run *r, const struct rule *rule)
{
    struct buf *trace = &r->sc->trace;
    bool good = true;

    buf_reset(trace);
    if (!apply_threshold(r, rule)) {
        run_trace(r, rule, trace->p, false);
        return;
    }
    for (size_t i = 0; i < rule->n_set; i++)
        good = apply_set(r, &rule->set[i]) && good;
    for (size_t i = 0; i < rule->n_unset; i++)
        put_label(r, &rule->unset[i], "");
    if (rule->has_dedup_key)
        good = apply_dedup_key(r, rule) && good;
    apply_route(r, rule);
    apply_times(r, rule);
    if (good)
        apply_hold(r, rule);
    else if (rule->drop || rule->suppress)
        say(r, rule->drop ? "drop" : "suppress", " passed over because of the failure");
    apply_makes(r, rule);
    if (rule->stop)
        say(r, "stop", "");
    run_trace(r, rule, trace->n > 0 ? trace->p : "matched, changed nothing", !good);
}
