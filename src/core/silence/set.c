/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A silence is filed as a rule with one alternative.  Compiled matchers stay
 * when the set changes; only the index is made anew, at the next question.
 */
#include "core/silence/set.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/xalloc.h"
#include "core/rules/ruleset.h"
#include "core/silence/matchers.h"

struct item {
    struct arena *arena;           /* owns all of it but the regexes */
    struct silence_row row;
    struct alternative all;
};

struct silence_set {
    struct item **items; size_t n, cap;      /* by id */
    bool filed;
    struct arena *arena;           /* of the index and what follows */
    struct index index;
    struct rule *rules;            /* rules[i] stands for items[i] */
    const char **values;           /* by slot; NULL: "" */
    uint32_t *touched; size_t n_touched;
    struct match_state match;
};

struct silence_set *
silence_set_new(void)
{
    struct silence_set *s = xcalloc(1, sizeof *s);

    s->arena = arena_new();
    match_state_init(&s->match);
    return s;
}

static void
item_free(struct item *item)
{
    for (size_t i = 0; i < item->all.n; i++)
        matcher_release(&item->all.matchers[i]);
    arena_free(item->arena);                 /* the item lives in it */
}

void
silence_set_clear(struct silence_set *s)
{
    for (size_t i = 0; i < s->n; i++)
        item_free(s->items[i]);
    s->n = 0;
    s->filed = false;
}

void
silence_set_free(struct silence_set *s)
{
    if (s == NULL)
        return;
    silence_set_clear(s);
    free(s->items);
    arena_free(s->arena);
    match_state_release(&s->match);
    free(s);
}

size_t
silence_set_count(const struct silence_set *s)
{
    return s->n;
}

/* --- changing --------------------------------------------------------------------------- */

static size_t
place_of(const struct silence_set *s, const struct id16 *id)
{
    size_t lo = 0, hi = s->n;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;

        if (id_cmp(&s->items[mid]->row.id, id) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool
is_at(const struct silence_set *s, size_t i, const struct id16 *id)
{
    return i < s->n && id_eq(&s->items[i]->row.id, id);
}

static struct item *
item_new(const struct silence_row *row)
{
    struct arena *a = arena_new();
    struct item *item = arena_zalloc(a, sizeof *item);
    struct matchers parsed;
    bool ok;

    item->arena = a;
    item->row = *row;
    item->row.matchers = arena_strdup(a, row->matchers);
    item->row.created_by = arena_strdup(a, row->created_by);
    item->row.comment = arena_strdup(a, row->comment);
    item->row.annotations = arena_strdup(a, row->annotations);
    ok = matchers_parse(a, row->matchers, &parsed);
    item->all.matchers = arena_zalloc(a, (parsed.n + 1) * sizeof *item->all.matchers);
    for (size_t i = 0; i < parsed.n && ok; i++) {
        ok = matcher_of_label(a, &parsed.v[i], &item->all.matchers[i], NULL) == TOCSIN_OK;
        item->all.n += ok;
    }
    if (!ok) {                               /* half of its matchers would hold more than it was made for */
        item_free(item);
        return NULL;
    }
    return item;
}

void
silence_set_drop(struct silence_set *s, const struct id16 *id)
{
    size_t i = place_of(s, id);

    if (!is_at(s, i, id))
        return;
    item_free(s->items[i]);
    memmove(s->items + i, s->items + i + 1, (s->n - i - 1) * sizeof(struct item *));
    s->n--;
    s->filed = false;
}

void
silence_set_put(struct silence_set *s, const struct silence_row *row)
{
    struct item *item = item_new(row);
    size_t i;

    silence_set_drop(s, &row->id);
    if (item == NULL)
        return;
    if (s->n == s->cap) {
        s->cap = s->cap > 0 ? s->cap * 2 : 16;
        s->items = xrealloc(s->items, s->cap * sizeof(struct item *));
    }
    i = place_of(s, &row->id);
    memmove(s->items + i + 1, s->items + i, (s->n - i) * sizeof(struct item *));
    s->items[i] = item;
    s->n++;
    s->filed = false;
}

static void
file_all(struct silence_set *s)
{
    arena_reset(s->arena);
    s->rules = arena_zalloc(s->arena, s->n * sizeof *s->rules);
    for (size_t i = 0; i < s->n; i++) {
        s->rules[i].any = &s->items[i]->all;
        s->rules[i].n_any = 1;
    }
    index_build(&s->index, s->arena, s->rules, s->n);
    s->values = arena_zalloc(s->arena, s->index.n_slots * sizeof *s->values);
    s->touched = arena_alloc(s->arena, s->index.n_slots * sizeof *s->touched);
    s->n_touched = 0;
    s->filed = true;
}

/* --- asking -------------------------------------------------------------------------------- */

static void
put_value(struct silence_set *s, const char *name, const char *value)
{
    uint32_t slot = index_slot(&s->index, name);

    if (slot == NO_SLOT || s->values[slot] != NULL || value == NULL)
        return;
    s->values[slot] = value;
    s->touched[s->n_touched++] = slot;
}

static void
put_values(struct silence_set *s, const struct silence_subject *a)
{
    for (size_t i = 0; i < s->n_touched; i++)
        s->values[s->touched[i]] = NULL;
    s->n_touched = 0;
    for (size_t i = 0; i < a->n_labels; i++)
        put_value(s, a->labels[i].name, a->labels[i].value);
    put_value(s, "severity", a->severity);
    put_value(s, "summary", a->summary);
    put_value(s, "alertname", a->summary);
    put_value(s, "source", a->source);
    put_value(s, "status", "firing");
}

/* A regex that ran into its limit holds nothing: in doubt the alert pages. */
static bool
holds(struct silence_set *s, const struct item *item)
{
    const char *why;

    for (size_t i = 0; i < item->all.n; i++) {
        const struct matcher *m = &item->all.matchers[i];
        const char *value = s->values[m->slot];

        if (matcher_test(m, value != NULL ? value : "", TOCSIN_SEV_NONE, &s->match, &why) != YES)
            return false;
    }
    return true;
}

/* What becomes of each silence that matches. */
struct finding {
    const struct silence_row **out; size_t n, max;
    const struct silence_row *last;
};

static void
look_in(struct silence_set *s, const struct bucket *b, struct finding *f)
{
    for (uint32_t i = 0; b != NULL && i < b->n; i++) {
        const struct item *item = s->items[b->rules[i]];

        if (!holds(s, item))
            continue;
        if (f->last == NULL || item->row.ends_at > f->last->ends_at)
            f->last = &item->row;
        if (f->n < f->max)
            f->out[f->n++] = &item->row;
    }
}

/* Each silence is filed once for every value of one name, of which an alert has one: nothing is found twice. */
static void
find(struct silence_set *s, const struct silence_subject *a, struct finding *f)
{
    if (s->n == 0)
        return;
    if (!s->filed)
        file_all(s);
    put_values(s, a);
    look_in(s, &s->index.always, f);
    for (size_t i = 0; i < s->n_touched; i++) {
        const char *value = s->values[s->touched[i]];

        if (value[0] != '\0')
            look_in(s, index_find(&s->index, s->touched[i], value), f);
    }
}

const struct silence_row *
silence_set_match(struct silence_set *s, const struct silence_subject *a)
{
    struct finding f = { 0 };

    find(s, a, &f);
    return f.last;
}

static int
by_id(const void *x, const void *y)
{
    const struct silence_row *const *a = x, *const *b = y;

    return id_cmp(&(*a)->id, &(*b)->id);
}

size_t
silence_set_all(struct silence_set *s, const struct silence_subject *a, const struct silence_row **out, size_t max)
{
    struct finding f = { .out = out, .max = max };

    find(s, a, &f);
    if (f.n > 1)
        qsort(out, f.n, sizeof *out, by_id);
    return f.n;
}
