/* SPDX-License-Identifier: Apache-2.0 */
/* Two open-addressing tables: names to slots, and (slot, value) to the rules filed there.  The idea is in index.h. */
#include "core/rules/index.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/arena.h"
#include "core/rules/ruleset.h"

/* --- names to slots ---------------------------------------------------------------- */

static size_t
table_size(size_t entries)
{
    size_t size = 16;

    while (size < entries * 2)
        size *= 2;
    return size;
}

/* The place of a name in the table: where it stands or where it would go. */
static uint32_t *
name_place(const struct index *x, const char *name)
{
    size_t i = XXH3_64bits(name, strlen(name)) & x->names_mask;

    while (x->names[i] != 0 && strcmp(x->slots[x->names[i] - 1].name, name) != 0)
        i = (i + 1) & x->names_mask;
    return &x->names[i];
}

uint32_t
index_slot(const struct index *x, const char *label)
{
    return *name_place(x, label) - 1;        /* 0 becomes NO_SLOT */
}

static uint32_t
slot_for(struct index *x, const struct matcher *m)
{
    uint32_t *place;

    if (m->field != FIELD_LABEL)
        return m->field;
    place = name_place(x, m->label);
    if (*place == 0) {
        x->slots[x->n_slots].name = m->label;
        *place = ++x->n_slots;
    }
    return *place - 1;
}

/* --- pairs to rules ------------------------------------------------------------------ */

static struct bucket *
bucket_place(const struct index *x, uint32_t slot, const char *value)
{
    size_t i = XXH3_64bits_withSeed(value, strlen(value), slot) & x->buckets_mask;

    while (x->buckets[i].value != NULL && (x->buckets[i].slot != slot || strcmp(x->buckets[i].value, value) != 0))
        i = (i + 1) & x->buckets_mask;
    return &x->buckets[i];
}

const struct bucket *
index_find(const struct index *x, uint32_t slot, const char *value)
{
    const struct bucket *b;

    if (!x->slots[slot].keyed)
        return NULL;
    b = bucket_place(x, slot, value);
    return b->n > 0 ? b : NULL;
}

/* Can a rule be filed under this matcher?  Not under "", which is also what a missing label has. */
static bool
is_key(const struct matcher *m)
{
    if (m->op != OP_EQ)
        return false;
    for (size_t i = 0; i < m->n_values; i++)
        if (m->values[i][0] == '\0')
            return false;
    return true;
}

static void
count(struct index *x, const struct matcher *m)
{
    for (size_t i = 0; is_key(m) && i < m->n_values; i++) {
        struct bucket *b = bucket_place(x, m->slot, m->values[i]);

        b->value = m->values[i];
        b->slot = m->slot;
        b->count++;
    }
}

static void
file(struct bucket *b, struct arena *arena, uint32_t rule)
{
    if (b->n > 0 && b->rules[b->n - 1] == rule)
        return;                    /* another alternative of the same rule */
    if (b->n == b->cap) {
        uint32_t cap = b->cap > 0 ? b->cap * 2 : 4;
        uint32_t *more = arena_alloc(arena, cap * sizeof *more);

        if (b->n > 0)
            memcpy(more, b->rules, b->n * sizeof *more);
        b->rules = more;
        b->cap = cap;
    }
    b->rules[b->n++] = rule;
}

/* How many alternatives share the pairs of this matcher: fewer is better. */
static uint64_t
weight(const struct index *x, const struct matcher *m)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < m->n_values; i++)
        sum += bucket_place(x, m->slot, m->values[i])->count;
    return sum;
}

static void
file_alternative(struct index *x, struct arena *arena, const struct alternative *alt, uint32_t rule)
{
    const struct matcher *best = NULL;
    uint64_t best_weight = UINT64_MAX;

    for (size_t i = 0; i < alt->n; i++) {
        const struct matcher *m = &alt->matchers[i];
        uint64_t w = is_key(m) ? weight(x, m) : UINT64_MAX;

        if (w < best_weight) {
            best = m;
            best_weight = w;
        }
    }
    if (best == NULL) {
        file(&x->always, arena, rule);
        return;
    }
    x->slots[best->slot].keyed = true;
    for (size_t i = 0; i < best->n_values; i++)
        file(bucket_place(x, best->slot, best->values[i]), arena, rule);
}

static void
reserve(struct index *x, struct arena *arena, const struct rule *rules, size_t n)
{
    static const char *const fields[] = { "severity", "summary", "source", "status" };
    size_t names = 0, values = 0;

    for (size_t r = 0; r < n; r++)
        for (size_t a = 0; a < rules[r].n_any; a++) {
            names += rules[r].any[a].n;
            for (size_t m = 0; m < rules[r].any[a].n; m++)
                values += rules[r].any[a].matchers[m].n_values;
        }
    x->slots = arena_zalloc(arena, (FIELD_LABEL + names) * sizeof *x->slots);
    for (uint32_t i = 0; i < FIELD_LABEL; i++)
        x->slots[i].name = fields[i];
    x->n_slots = FIELD_LABEL;
    x->names_mask = table_size(names) - 1;
    x->names = arena_zalloc(arena, (x->names_mask + 1) * sizeof *x->names);
    x->buckets_mask = table_size(values) - 1;
    x->buckets = arena_zalloc(arena, (x->buckets_mask + 1) * sizeof *x->buckets);
}

void
index_build(struct index *x, struct arena *arena, struct rule *rules, size_t n)
{
    memset(x, 0, sizeof *x);
    reserve(x, arena, rules, n);
    for (size_t r = 0; r < n; r++)
        for (size_t a = 0; a < rules[r].n_any; a++)
            for (size_t i = 0; i < rules[r].any[a].n; i++) {
                struct matcher *m = &rules[r].any[a].matchers[i];

                m->slot = slot_for(x, m);
                count(x, m);
            }
    for (size_t r = 0; r < n; r++) {
        for (size_t a = 0; a < rules[r].n_any; a++)
            file_alternative(x, arena, &rules[r].any[a], (uint32_t)r);
        if (rules[r].n_any == 0)
            file(&x->always, arena, (uint32_t)r);
    }
}
