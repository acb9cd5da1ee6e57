/* SPDX-License-Identifier: Apache-2.0 */
/* The cache's records as rows. */
#include "store/cache.h"

#include <stdlib.h>
#include <string.h>

#define TAKE(f) out->f = from->f;

void
cache_alert_row(const struct cache *c, const struct cache_alert *from, struct alert_row *out)
{
    memset(out, 0, sizeof *out);
    out->key = from->key;
    out->rowid = from->rowid;
    out->state = from->state;
    ALERT_INTS(TAKE)
    if (from->incident != POOL_NONE)
        out->incident = ((const struct cache_incident *)pool_at(&c->incidents, from->incident))->id;
}

/* n strings that stand one behind the other, as a copy in the arena. */
static void
give_texts(struct arena *a, const char *text, const char **out[], size_t n)
{
    size_t len[N_INCIDENT_TEXTS], total = 0;
    char *copy;

    for (size_t i = 0; i < n; i++) {
        len[i] = strlen(text + total) + 1;
        total += len[i];
    }
    copy = arena_memdup(a, text, total);
    for (size_t i = 0; i < n; i++) {
        *out[i] = copy;
        copy += len[i];
    }
}

#define PLACE(f) &out->f,

void
cache_incident_row(const struct cache_incident *from, struct arena *a, struct incident_row *out)
{
    const char **texts[] = { INCIDENT_TEXTS(PLACE) };

    memset(out, 0, sizeof *out);
    out->id = from->id;
    out->group = from->group;
    out->policy = from->policy;
    out->episode = from->episode;
    INCIDENT_INTS(TAKE)
    give_texts(a, from->text, texts, N_INCIDENT_TEXTS);
}

static void
delivery_out(const struct cache_incident *n, const struct cache_delivery *from, struct arena *a,
             struct delivery_row *out)
{
    const char **texts[] = { &out->target, DELIVERY_TEXTS(PLACE) };

    memset(out, 0, sizeof *out);
    out->incident = n->id;
    DELIVERY_INTS(TAKE)
    give_texts(a, from->text, texts, N_DELIVERY_TEXTS);
}

void
cache_deliveries(const struct cache *c, const struct cache_incident *n, struct arena *a, struct delivery_row **out,
                 size_t *n_out)
{
    const struct cache_delivery *d;
    struct delivery_row *rows;
    size_t count = 0, k = 0;

    for (uint32_t i = n->deliveries; i != POOL_NONE; i = d->next, count++)
        d = pool_at(&c->deliveries, i);
    rows = arena_alloc(a, count * sizeof *rows);
    for (uint32_t i = n->deliveries; i != POOL_NONE; i = d->next) {
        d = pool_at(&c->deliveries, i);
        delivery_out(n, d, a, &rows[k++]);
    }
    delivery_rows_sort(rows, count);
    *out = rows;
    *n_out = count;
}

static int
by_rowid(const void *x, const void *y)
{
    const struct alert_row *a = x, *b = y;

    return a->rowid < b->rowid ? -1 : a->rowid > b->rowid;
}

void
cache_members(const struct cache *c, const struct cache_incident *n, struct arena *arena, struct alert_row **out,
              size_t *n_out)
{
    const struct cache_alert *a;
    struct alert_row *rows;
    size_t count = 0, k = 0;

    for (uint32_t i = n->alerts; i != POOL_NONE; i = a->next, count++)
        a = pool_at(&c->alerts, i);
    rows = arena_alloc(arena, count * sizeof *rows);
    for (uint32_t i = n->alerts; i != POOL_NONE; i = a->next) {
        a = pool_at(&c->alerts, i);
        cache_alert_row(c, a, &rows[k++]);
    }
    if (count > 1)
        qsort(rows, count, sizeof *rows, by_rowid);
    *out = rows;
    *n_out = count;
}

size_t
cache_lazy(const struct cache *c, struct alert_row *out, size_t max)
{
    size_t n = 0;

    for (size_t k = c->lazy_head; k < c->n_lazy && n < max; k++) {
        const struct cache_alert *a = pool_at(&c->alerts, c->lazy[k]);

        if (a->lazy)
            cache_alert_row(c, a, &out[n++]);
    }
    return n;
}

void
cache_flushed(struct cache *c, const struct alert_row *rows, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        struct cache_alert *a = cache_alert(c, &rows[k].key);

        if (a == NULL || !a->lazy || a->rowid != rows[k].rowid)
            continue;
        a->lazy = false;
        c->counts.lazy_unflushed--;
    }
    while (c->lazy_head < c->n_lazy && !((struct cache_alert *)pool_at(&c->alerts, c->lazy[c->lazy_head]))->lazy)
        c->lazy_head++;
    if (c->lazy_head == c->n_lazy)
        c->lazy_head = c->n_lazy = 0;
}

size_t
cache_silent(struct cache *c, int64_t before, struct alert_row *out, size_t max)
{
    enum { LOOKS = 16384 };
    uint32_t end = c->alerts.used;
    size_t n = 0;

    for (uint32_t looked = 0; looked < LOOKS && looked < end && n < max; looked++) {
        const struct cache_alert *a;

        if (c->sweep >= end)
            c->sweep = 0;
        a = pool_at(&c->alerts, c->sweep++);
        if ((a->state == ALERT_DISMISSED || (a->state == ALERT_DROPPED && a->expires_at == 0)) && a->last_at < before)
            cache_alert_row(c, a, &out[n++]);
    }
    if (n > 1)
        qsort(out, n, sizeof *out, by_rowid);
    return n;
}
