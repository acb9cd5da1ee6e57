/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which alert is it, and of which incident: the keys that a decision ends with.
 *
 * A label that was redacted may have the same text in all alerts.  Keys are made
 * of what the host says stands for what was sent (tocsin_alert.hidden), so that
 * rules merge no more than they would without redaction.
 */
#include <string.h>

#include "base/arena.h"
#include "core/alert.h"
#include "core/rows.h"
#include "core/rules/ruleset.h"

/* --- what was redacted ------------------------------------------------------------------ */

const char *
run_key_value(const struct run *r, const struct name_ref *ref)
{
    const char *hidden = ref->field == FIELD_LABEL ? alert_pair_find(r->hidden, r->n_hidden, ref->label) : "";

    return hidden[0] != '\0' ? hidden : run_value(r, ref);
}

void
run_value_is_plain(struct run *r, const char *label)
{
    struct tocsin_pair *left;
    size_t n = 0;

    if (alert_pair_find(r->hidden, r->n_hidden, label)[0] == '\0')
        return;
    left = arena_alloc(r->arena, r->n_hidden * sizeof *left);
    for (size_t i = 0; i < r->n_hidden; i++)
        if (strcmp(r->hidden[i].name, label) != 0)
            left[n++] = r->hidden[i];
    r->hidden = left;
    r->n_hidden = n;
}

struct view
run_key_view(const struct run *r)
{
    size_t n = r->view.n_labels;
    struct tocsin_pair *labels = arena_alloc(r->arena, (n + r->n_hidden) * sizeof *labels);
    struct view view = r->view;

    memcpy(labels, r->labels, n * sizeof *labels);
    memcpy(labels + n, r->hidden, r->n_hidden * sizeof *labels);
    view.labels = labels;
    view.n_labels = alert_pairs_normalise(labels, n + r->n_hidden);
    return view;
}

/* --- keys --------------------------------------------------------------------------------- */

/* Without escapes, `a=1,b=2` could be one value or two, and two problems would share an incident. */
static char *
add_escaped(char *p, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == ',' || *value == '=' || *value == '\\')
            *p++ = '\\';
        *p++ = *value;
    }
    return p;
}

/* "policy/cluster=a,host=b" */
static const char *
key_of_labels(const struct run *r)
{
    const struct rule *rule = r->group_rule;
    size_t len = strlen(r->out->policy->name) + 2;
    char *text, *p;

    for (size_t i = 0; i < rule->n_group_by; i++)
        len += 2 * (strlen(rule->group_by[i].label) + strlen(run_key_value(r, &rule->group_by[i]))) + 2;
    text = arena_alloc(r->arena, len);
    p = stpcpy(text, r->out->policy->name);
    *p++ = '/';
    for (size_t i = 0; i < rule->n_group_by; i++) {
        if (i > 0)
            *p++ = ',';
        p = add_escaped(p, rule->group_by[i].label);
        *p++ = '=';
        p = add_escaped(p, run_key_value(r, &rule->group_by[i]));
    }
    *p = '\0';
    return text;
}

static const char *
joined(struct arena *arena, const char *a, const char *b)
{
    size_t n = strlen(a);
    char *text = arena_alloc(arena, n + strlen(b) + 2);

    memcpy(text, a, n);
    text[n] = '/';
    memcpy(text + n + 1, b, strlen(b) + 1);
    return text;
}

bool
run_is_keyed(const struct tocsin_alert *a)
{
    return a->dedup_key != NULL && a->dedup_key[0] != '\0' && !a->unkeyed;
}

/*
 * The key that the sender knows the alert by, where a rule gave it another.  A line of a log has none: nobody asks for
 * it, and what makes it an alert is what a rule makes of it.
 */
static void
identify_own(struct run *r, const struct tocsin_alert *a, const char *own_key)
{
    struct decision *d = r->out;
    const struct rule *rule = r->key_rule;
    const char *parts[] = { d->source, own_key };

    d->keyed = run_is_keyed(a);
    d->number = a->number;
    d->own_key = d->dedup_key;
    d->resolve_when = d->keyed ? OWN_ALL : OWN_ANY;
    d->key_whole = true;
    if (rule == NULL || r->record)
        return;
    d->key_whole = r->key_whole;
    d->key_by = r->key_whole ? rule->key_by : ~rule->key_by;
    if (rule->resolve_when != OWN_NONE)
        d->resolve_when = rule->resolve_when;
    d->any_ends = rule->resolve_when == OWN_ANY;
    if (strcmp(own_key, d->dedup_key) == 0)
        return;
    d->own_key = arena_strdup(r->arena, own_key);
    d->own = id_hash(parts, 2);
}

void
run_identify(struct run *r, const char *source, const struct tocsin_alert *a, const char *own_key)
{
    struct decision *d = r->out;
    const char *parts[2];

    d->source = arena_strdup(r->arena, source);
    d->dedup_key = arena_strdup(r->arena, r->view.dedup_key);
    if (r->group_rule != NULL)
        d->group_key = key_of_labels(r);
    else if (r->view.group != NULL && r->view.group[0] != '\0')
        d->group_key = joined(r->arena, source, r->view.group);
    else
        d->group_key = joined(r->arena, source, d->dedup_key);
    parts[0] = source;
    parts[1] = d->dedup_key;
    d->key = id_hash(parts, 2);
    identify_own(r, a, own_key);
    d->group = id_hash(&d->group_key, 1);
}
