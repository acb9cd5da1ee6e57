/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Own keys of senders that fire under open alerts.  The index knows the first
 * of each; the rare others of the same own key hang behind it.
 */
#include "store/cache.h"

static struct cache_own *
at(const struct cache *c, uint32_t i)
{
    return pool_at(&c->owns, i);
}

static const struct id16 *
own_key(const void *ctx, uint32_t i)
{
    return &at(ctx, i)->own;
}

void
cache_own_init(struct cache *c)
{
    pool_init(&c->owns, sizeof(struct cache_own));
    idmap_init(&c->by_own, own_key, c);
}

void
cache_own_release(struct cache *c)
{
    pool_release(&c->owns);
    idmap_release(&c->by_own);
}

bool
cache_has_owns(const struct cache *c)
{
    return c->by_own.used > 0;
}

/* The record of this own key under this alert; POOL_NONE: none. */
static uint32_t
find(const struct cache *c, const struct id16 *own, uint32_t alert)
{
    uint32_t i;

    if (!idmap_get(&c->by_own, own, &i))
        return POOL_NONE;
    while (i != POOL_NONE && at(c, i)->alert != alert)
        i = at(c, i)->next;
    return i;
}

/* Out of the list of its own key: the index follows its first. */
static void
unlink_same(struct cache *c, uint32_t i)
{
    struct cache_own *o = at(c, i);
    uint32_t k;

    if (!idmap_get(&c->by_own, &o->own, &k))
        return;
    if (k == i) {
        idmap_del(&c->by_own, &o->own);
        if (o->next != POOL_NONE)
            idmap_put(&c->by_own, &at(c, o->next)->own, o->next);
        return;
    }
    while (at(c, k)->next != i)
        k = at(c, k)->next;
    at(c, k)->next = o->next;
}

static void
drop(struct cache *c, uint32_t i)
{
    struct cache_own *o = at(c, i);
    struct cache_alert *a = pool_at(&c->alerts, o->alert);

    unlink_same(c, i);
    if (o->prev != POOL_NONE)
        at(c, o->prev)->beside = o->beside;
    else
        a->owns = o->beside;
    if (o->beside != POOL_NONE)
        at(c, o->beside)->prev = o->prev;
    pool_give(&c->owns, i);
}

static uint32_t
add(struct cache *c, const struct id16 *own, uint32_t alert)
{
    uint32_t i = pool_take(&c->owns), head = POOL_NONE;
    struct cache_own *o = at(c, i);
    struct cache_alert *a = pool_at(&c->alerts, alert);

    o->own = *own;
    o->alert = alert;
    if (idmap_get(&c->by_own, own, &head)) {
        o->next = at(c, head)->next;
        at(c, head)->next = i;
    } else {
        o->next = POOL_NONE;
        idmap_put(&c->by_own, &o->own, i);
    }
    o->prev = POOL_NONE;
    o->beside = a->owns;
    if (o->beside != POOL_NONE)
        at(c, o->beside)->prev = i;
    a->owns = i;
    return i;
}

void
cache_put_own(struct cache *c, const struct own_row *row)
{
    struct cache_own *to;
    uint32_t alert, i;

    if (!idmap_get(&c->by_key, &row->key, &alert) ||
        ((const struct cache_alert *)pool_at(&c->alerts, alert))->rowid != row->alert)
        return;                              /* that occurrence is over */
    i = find(c, &row->own, alert);
    if (!row->firing) {
        if (i != POOL_NONE)
            drop(c, i);
        return;
    }
    if (i == POOL_NONE)
        i = add(c, &row->own, alert);
    to = at(c, i);
    to->starts_at = row->starts_at;
    to->digest = row->digest;
    to->by = row->by;
    to->severity = row->severity;
}

void
cache_drop_owns(struct cache *c, struct cache_alert *a)
{
    while (a->owns != POOL_NONE)
        drop(c, a->owns);
}

size_t
cache_owns(const struct cache *c, const struct id16 *own, struct own_row *out, size_t max)
{
    uint32_t i;
    size_t n = 0;

    if (!idmap_get(&c->by_own, own, &i))
        return 0;
    for (; i != POOL_NONE; i = at(c, i)->next, n++) {
        const struct cache_own *o = at(c, i);
        const struct cache_alert *a = pool_at(&c->alerts, o->alert);

        if (n < max)
            out[n] = (struct own_row){ .own = o->own, .key = a->key, .alert = a->rowid, .starts_at = o->starts_at,
                                       .digest = o->digest, .severity = o->severity, .by = o->by, .firing = true };
    }
    return n;
}
