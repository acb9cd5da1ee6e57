/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deleting moves later entries of the same run back instead of leaving a
 * tombstone: alerts come and go for months, and tombstones would pile up.
 */
#include "base/idmap.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

enum { FIRST_CAP = 16 };

static uint32_t
hash_of(const struct id16 *key)
{
    uint64_t a, b;

    memcpy(&a, key->b, 8);
    memcpy(&b, key->b + 8, 8);
    a = (a ^ (b << 32 | b >> 32)) * 0x9e3779b97f4a7c15u;
    a = (a ^ (a >> 29)) * 0xbf58476d1ce4e5b9u;
    return (uint32_t)(a >> 32);
}

static uint32_t
slot_hash(uint64_t slot)
{
    return (uint32_t)(slot >> 32);
}

static uint32_t
slot_value(uint64_t slot)
{
    return (uint32_t)slot - 1;
}

void
idmap_init(struct idmap *m, const struct id16 *(*key_of)(const void *ctx, uint32_t value), const void *ctx)
{
    memset(m, 0, sizeof *m);
    m->key_of = key_of;
    m->ctx = ctx;
}

void
idmap_release(struct idmap *m)
{
    free(m->slots);
    m->slots = NULL;
    m->cap = m->used = 0;
}

/* The slot of key, or the empty one where it would go. */
static size_t
find(const struct idmap *m, const struct id16 *key, uint32_t hash)
{
    size_t i = hash & (m->cap - 1);

    while (m->slots[i] != 0) {
        if (slot_hash(m->slots[i]) == hash && id_eq(m->key_of(m->ctx, slot_value(m->slots[i])), key))
            break;
        i = (i + 1) & (m->cap - 1);
    }
    return i;
}

static void
grow(struct idmap *m)
{
    size_t cap = m->cap > 0 ? m->cap * 2 : FIRST_CAP;
    uint64_t *slots = xcalloc(cap, sizeof *slots);

    for (size_t k = 0; k < m->cap; k++) {
        size_t i;

        if (m->slots[k] == 0)
            continue;
        for (i = slot_hash(m->slots[k]) & (cap - 1); slots[i] != 0;)
            i = (i + 1) & (cap - 1);
        slots[i] = m->slots[k];
    }
    free(m->slots);
    m->slots = slots;
    m->cap = cap;
}

bool
idmap_get(const struct idmap *m, const struct id16 *key, uint32_t *value_r)
{
    size_t i;

    if (m->used == 0)
        return false;
    i = find(m, key, hash_of(key));
    if (m->slots[i] == 0)
        return false;
    *value_r = slot_value(m->slots[i]);
    return true;
}

void
idmap_put(struct idmap *m, const struct id16 *key, uint32_t value)
{
    uint32_t hash = hash_of(key);
    size_t i;

    if (4 * (m->used + 1) > 3 * m->cap)
        grow(m);
    i = find(m, key, hash);
    if (m->slots[i] == 0)
        m->used++;
    m->slots[i] = (uint64_t)hash << 32 | (value + 1);
}

bool
idmap_del(struct idmap *m, const struct id16 *key)
{
    size_t mask = m->cap - 1, hole, i;

    if (m->used == 0)
        return false;
    hole = find(m, key, hash_of(key));
    if (m->slots[hole] == 0)
        return false;
    for (i = (hole + 1) & mask; m->slots[i] != 0; i = (i + 1) & mask) {
        size_t home = slot_hash(m->slots[i]) & mask;

        /* an entry may fill the hole unless its home lies behind it, up to where it stands */
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        m->slots[hole] = m->slots[i];
        hole = i;
    }
    m->slots[hole] = 0;
    m->used--;
    return true;
}

size_t
idmap_bytes(const struct idmap *m)
{
    return m->cap * sizeof *m->slots;
}
