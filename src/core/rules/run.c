/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One alert through the rules: normalise, look at the candidates from top to
 * bottom, group, encode.
 *
 * Candidates come from cursors, one for each bucket of the index that the
 * alert's values name.  The lowest rule number among them is next; when an
 * action changes a value, a cursor for the new value joins, positioned after
 * the rule at work.  So the order is that of the file, and rules that nothing
 * points to cost nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/xalloc.h"
#include "core/alert.h"
#include "core/normalise/normalise.h"
#include "core/normalise/severity.h"
#include "core/rules/ruleset.h"

enum { SPARE_LABELS = 4, MAX_TEXT = 1 << 16, MAX_TRACE = 1 << 20 };

/* --- scratch -------------------------------------------------------------------------- */

struct rule_scratch *
rule_scratch_new(const struct ruleset *rs)
{
    struct rule_scratch *sc = xcalloc(1, sizeof *sc);

    match_state_init(&sc->match);
    sc->jq = jq_pool_new(&rs->exprs);
    if (sc->jq == NULL)
        abort();                   /* the same expressions compiled when the rule set was made: out of memory */
    sc->values = xcalloc(rs->index.n_slots, sizeof *sc->values);
    sc->touched = xcalloc(rs->index.n_slots, sizeof *sc->touched);
    buf_init(&sc->trace, MAX_TRACE);
    buf_init(&sc->text, MAX_TEXT);
    sc->trial = arena_new();
    return sc;
}

void
rule_scratch_free(struct rule_scratch *sc)
{
    if (sc == NULL)
        return;
    match_state_release(&sc->match);
    jq_pool_free(sc->jq);
    free(sc->values);
    free(sc->touched);
    free(sc->cursors);
    free(sc->said);
    buf_release(&sc->trace);
    buf_release(&sc->text);
    arena_free(sc->trial);
    free(sc);
}

void
rule_scratch_count(struct rule_scratch *sc, rule_count count, void *ctx)
{
    sc->count = count;
    sc->count_ctx = ctx;
}

/* --- candidates --------------------------------------------------------------------------- */

static void
add_cursor(struct rule_scratch *sc, const uint32_t *p, const uint32_t *end)
{
    if (p == end)
        return;
    if (sc->n_cursors == sc->cap_cursors) {
        sc->cap_cursors = sc->cap_cursors * 2 + 16;
        sc->cursors = xrealloc(sc->cursors, sc->cap_cursors * sizeof *sc->cursors);
    }
    sc->cursors[sc->n_cursors++] = (struct cursor){ .p = p, .end = end };
}

/* The first rule in [p, end) after `rule`. */
static const uint32_t *
rules_after(const uint32_t *p, const uint32_t *end, size_t rule)
{
    while (p < end) {
        const uint32_t *middle = p + (end - p) / 2;

        if (*middle <= rule)
            p = middle + 1;
        else
            end = middle;
    }
    return p;
}

static const struct bucket *
bucket_of(const struct run *r, uint32_t slot, const char *value)
{
    return value[0] != '\0' ? index_find(&r->rs->index, slot, value) : NULL;
}

/* Store a value; labels are remembered, so that the next alert begins with an empty table. */
static void
put_value(struct run *r, uint32_t slot, const char *value)
{
    struct rule_scratch *sc = r->sc;

    if (sc->values[slot] == NULL && slot >= FIELD_LABEL)
        sc->touched[sc->n_touched++] = slot;
    sc->values[slot] = value;
}

void
run_put_value(struct run *r, uint32_t slot, const char *value)
{
    const struct bucket *b = bucket_of(r, slot, value);

    put_value(r, slot, value);
    if (b != NULL && r->indexed)
        add_cursor(r->sc, rules_after(b->rules, b->rules + b->n, r->current), b->rules + b->n);
}

static void
first_value(struct run *r, uint32_t slot, const char *value)
{
    const struct bucket *b = bucket_of(r, slot, value);

    put_value(r, slot, value);
    if (b != NULL)
        add_cursor(r->sc, b->rules, b->rules + b->n);
}

/* The lowest number under the cursors, taken from all that stand on it.  False at the end. */
static bool
take_next(struct rule_scratch *sc, size_t *rule_r)
{
    uint32_t lowest = UINT32_MAX;

    for (size_t i = 0; i < sc->n_cursors; i++)
        if (*sc->cursors[i].p < lowest)
            lowest = *sc->cursors[i].p;
    if (sc->n_cursors == 0)
        return false;
    for (size_t i = 0; i < sc->n_cursors;) {
        struct cursor *c = &sc->cursors[i];

        if (*c->p == lowest && ++c->p == c->end)
            *c = sc->cursors[--sc->n_cursors];
        else
            i++;
    }
    *rule_r = lowest;
    return true;
}

static bool
next_rule(struct run *r, bool first)
{
    if (r->indexed)
        return take_next(r->sc, &r->current);
    r->current = first ? 0 : r->current + 1;
    return r->current < r->rs->n;
}

/* --- does it match? --------------------------------------------------------------------------- */

static enum truth
test_all(struct run *r, const struct alternative *alt, const struct matcher **unsure_r, const char **why_r)
{
    enum truth all = YES;

    for (size_t i = 0; i < alt->n; i++) {
        const struct matcher *m = &alt->matchers[i];
        const char *value = r->sc->values[m->slot];
        enum truth t = matcher_test(m, value != NULL ? value : "", r->view.severity, &r->sc->match, why_r);

        if (t == NO)
            return NO;
        if (t == UNSURE) {
            all = UNSURE;
            *unsure_r = m;
        }
    }
    return all;
}

/* Yes if any alternative says so; unsure if none does and one could not tell. */
static enum truth
test_rule(struct run *r, const struct rule *rule, const struct matcher **unsure_r, const char **why_r)
{
    enum truth any = rule->n_any == 0 ? YES : NO;

    for (size_t i = 0; i < rule->n_any && any != YES; i++) {
        enum truth t = test_all(r, &rule->any[i], unsure_r, why_r);

        if (t != NO)
            any = t;
    }
    return any;
}

void
run_trace(struct run *r, const struct rule *rule, const char *text, bool failed)
{
    struct decision *d = r->out;

    if (d->n_trace == r->cap_trace) {
        size_t cap = r->cap_trace * 2 + 8;
        struct rule_trace *more = arena_alloc(r->arena, cap * sizeof *more);

        if (d->n_trace > 0)
            memcpy(more, d->trace, d->n_trace * sizeof *more);
        d->trace = more;
        r->cap_trace = cap;
    }
    d->trace[d->n_trace].rule = arena_strdup(r->arena, rule->name);
    d->trace[d->n_trace].pos.file = arena_strdup(r->arena, rule->pos.file);
    d->trace[d->n_trace].pos.line = rule->pos.line;
    d->trace[d->n_trace].text = arena_strdup(r->arena, text);
    d->trace[d->n_trace].failed = failed;
    d->n_trace++;
    d->failed = d->failed || failed;
}

static void
add_matched(struct run *r, const struct rule *rule)
{
    if (r->n_matched == r->cap_matched) {
        size_t cap = r->cap_matched * 2 + 8;
        struct tocsin_pair *more = arena_alloc(r->arena, cap * sizeof *more);

        if (r->n_matched > 0)
            memcpy(more, r->matched, r->n_matched * sizeof *more);
        r->matched = more;
        r->cap_matched = cap;
    }
    r->matched[r->n_matched++] = (struct tocsin_pair){ .name = rule->name, .value = rule->at };
}

static void
run_rules(struct run *r)
{
    for (bool first = true; next_rule(r, first); first = false) {
        const struct rule *rule = &r->rs->rules[r->current];
        const struct matcher *unsure = NULL;
        const char *why = "";
        enum truth t = test_rule(r, rule, &unsure, &why);

        if (t == UNSURE)
            run_trace(r, rule, arena_printf(r->arena, "skipped: matcher '%s': %s", unsure->text, why), true);
        if (t == YES) {
            add_matched(r, rule);
            actions_apply(r, rule);
        }
        if (r->accounts != NULL)
            account_rule(r, rule, t);
        if (t == YES && rule->stop)
            return;
    }
}

/* --- before and after ------------------------------------------------------------------------------ */

static const char *
status_name(enum tocsin_status s)
{
    return s == TOCSIN_FIRING ? "firing" : s == TOCSIN_RESOLVED ? "resolved" : "unknown";
}

static void
begin(struct run *r, const char *source, const struct tocsin_alert *a, const struct normal *n)
{
    struct rule_scratch *sc = r->sc;
    const struct bucket *always = &r->rs->index.always;

    r->view = (struct view){ .summary = n->summary, .source = source, .dedup_key = n->dedup_key, .group = a->group,
                             .severity = n->severity, .starts_at = a->starts_at, .ends_at = a->ends_at,
                             .labels = n->labels, .n_labels = n->n_labels, .annotations = n->annotations,
                             .n_annotations = n->n_annotations, .links = a->links, .n_links = a->n_links };
    /* a status that no decoder may give would otherwise be an alert that neither pages nor resolves */
    r->view.status = a->status == TOCSIN_RESOLVED || a->status == TOCSIN_UNKNOWN ? a->status : TOCSIN_FIRING;
    r->labels = n->labels;
    r->cap_labels = n->cap_labels;
    r->hidden = a->hidden;
    r->n_hidden = a->n_hidden;
    r->own_key = run_is_keyed(a) ? n->dedup_key : NULL;
    sc->n_cursors = 0;
    for (size_t i = 0; i < sc->n_touched; i++)
        sc->values[sc->touched[i]] = NULL;
    sc->n_touched = 0;
    jq_pool_forget(sc->jq);
    add_cursor(sc, always->rules, always->rules + always->n);
    first_value(r, FIELD_SEVERITY, severity_name(r->view.severity));
    first_value(r, FIELD_SUMMARY, r->view.summary);
    first_value(r, FIELD_SOURCE, source);
    first_value(r, FIELD_STATUS, status_name(r->view.status));
    for (size_t i = 0; i < r->view.n_labels; i++) {
        uint32_t slot = index_slot(&r->rs->index, r->labels[i].name);

        if (slot != NO_SLOT)
            first_value(r, slot, r->labels[i].value);
    }
}

const char *
run_value(const struct run *r, const struct name_ref *ref)
{
    switch (ref->field) {
    case FIELD_SEVERITY:
        return severity_name(r->view.severity);
    case FIELD_SUMMARY:
        return r->view.summary;
    case FIELD_SOURCE:
        return r->view.source;
    case FIELD_STATUS:
        return status_name(r->view.status);
    case FIELD_LABEL:
        break;
    }
    return alert_pair_find(r->labels, r->view.n_labels, ref->label);
}

static void
encode(struct run *r, enum tocsin_severity original)
{
    struct decision *d = r->out;
    struct alert_text t = { .summary = r->view.summary,
                            .source_severity = original != r->view.severity ? severity_name(original) : "",
                            .labels = r->labels, .n_labels = r->view.n_labels,
                            /* only read here; the struct has no const because decoding fills it */
                            .annotations = (struct tocsin_pair *)r->view.annotations,
                            .n_annotations = r->view.n_annotations,
                            .links = (struct tocsin_link *)r->view.links, .n_links = r->view.n_links,
                            .rules = r->matched, .n_rules = r->n_matched };

    alert_text_encode(r->arena, &t, &d->body, &d->body_len, &d->digest);
}

static void
finish(struct run *r, const char *source, const struct tocsin_alert *a, const struct normal *n)
{
    struct decision *d = r->out;

    d->status = r->view.status;
    d->severity = r->view.severity;
    d->starts_at = a->starts_at;
    d->ends_at = a->ends_at;
    d->expires_at = a->expires_at;
    d->amends = a->amends;
    d->by = a->by != NULL ? arena_strdup(r->arena, a->by) : "";
    d->summary = arena_strdup(r->arena, r->view.summary);
    d->held_by = arena_strdup(r->arena, d->held_by);
    d->routed_by = arena_strdup(r->arena, d->routed_by);
    d->delayed_by = arena_strdup(r->arena, d->delayed_by);
    run_identify(r, source, a, n->dedup_key);
    encode(r, n->severity);
}

struct decision *
run_decide(const struct ruleset *rs, struct rule_scratch *sc, struct arena *arena, const char *source,
           const struct tocsin_alert *a, const struct rule_route *route, bool indexed, struct rule_explanation *asked)
{
    struct run r = { .rs = rs, .sc = sc, .arena = arena, .indexed = indexed, .record = a->record,
                     .accounts = asked != NULL ? asked->rules : NULL };
    struct normal n;

    r.out = arena_zalloc(arena, sizeof *r.out);
    r.out->policy = rs->default_policy;
    r.out->held_by = r.out->delayed_by = "";
    r.out->routed_by = "default policy";
    if (route != NULL && route->policy != NULL) {
        r.out->policy = route->policy;
        r.out->routed = true;
        r.out->routed_by = route->by;
    }
    alert_normalise(arena, a, SPARE_LABELS, &n);
    begin(&r, source, a, &n);
    run_rules(&r);
    if (asked != NULL)
        asked->is_alert = !r.record || (r.wanted && !r.out->drop);
    else if (r.record && (!r.wanted || r.out->drop))
        return NULL;
    finish(&r, source, a, &n);
    return r.out;
}

struct decision *
ruleset_decide(const struct ruleset *rs, struct rule_scratch *sc, struct arena *arena, const char *source,
               const struct tocsin_alert *a)
{
    return run_decide(rs, sc, arena, source, a, NULL, true, NULL);
}

struct decision *
ruleset_decide_plainly(const struct ruleset *rs, struct rule_scratch *sc, struct arena *arena, const char *source,
                       const struct tocsin_alert *a)
{
    return run_decide(rs, sc, arena, source, a, NULL, false, NULL);
}

/* Does any rule match it as it came?  If none does, none changes it, and so none will.  Nothing is allocated. */
static bool
is_matched(const struct ruleset *rs, struct rule_scratch *sc, const char *source, const struct tocsin_alert *a)
{
    struct run r = { .rs = rs, .sc = sc, .indexed = true };
    const struct normal raw = { .summary = a->summary != NULL ? a->summary : "", .dedup_key = "",
                                .severity = a->severity,
                                /* only read here: the labels of a run that applies rules are a copy */
                                .labels = (struct tocsin_pair *)(uintptr_t)a->labels, .n_labels = a->n_labels };
    const struct matcher *unsure;
    const char *why;

    begin(&r, source, a, &raw);
    for (bool first = true; next_rule(&r, first); first = false)
        if (test_rule(&r, &rs->rules[r.current], &unsure, &why) != NO)
            return true;
    return false;
}

static struct decision *
decide_record(const struct ruleset *rs, struct rule_scratch *sc, struct arena *arena, const char *source,
              const struct tocsin_alert *a, const struct rule_route *route)
{
    bool plain = a->severity != TOCSIN_SEV_NONE && a->summary != NULL;
    struct decision *d;

    if (!rs->makes_alerts || (plain && !is_matched(rs, sc, source, a)))
        return NULL;
    sc->n_said = 0;
    d = run_decide(rs, sc, sc->trial, source, a, route, true, NULL);
    if (d != NULL) {                         /* the same again, to stay */
        sc->repeats = true;
        sc->next_said = 0;
        d = run_decide(rs, sc, arena, source, a, route, true, NULL);
        sc->repeats = false;
    }
    arena_reset(sc->trial);
    return d;
}

struct decision *
ruleset_decide_record(const struct ruleset *rs, struct rule_scratch *sc, struct arena *arena, const char *source,
                      const struct tocsin_alert *a)
{
    return decide_record(rs, sc, arena, source, a, NULL);
}

struct decision *
ruleset_decide_routed(const struct ruleset *rs, struct rule_scratch *sc, struct arena *arena, const char *source,
                      const struct tocsin_alert *a, const struct rule_route *route)
{
    return a->record ? decide_record(rs, sc, arena, source, a, route)
                     : run_decide(rs, sc, arena, source, a, route, true, NULL);
}
