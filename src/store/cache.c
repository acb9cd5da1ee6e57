/* SPDX-License-Identifier: Apache-2.0 */
/* The three kinds of records, their indexes, links and counts; cache_rows.c gives them out. */
#include "store/cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

enum { MALLOC_OVERHEAD = 16 };     /* header and rounding, on average: for cache_bytes() */

static const struct id16 *
alert_key(const void *ctx, uint32_t i)
{
    const struct cache_alert *a = pool_at(&((const struct cache *)ctx)->alerts, i);

    return &a->key;
}

static const struct id16 *
incident_id(const void *ctx, uint32_t i)
{
    const struct cache_incident *n = pool_at(&((const struct cache *)ctx)->incidents, i);

    return &n->id;
}

static const struct id16 *
incident_group(const void *ctx, uint32_t i)
{
    const struct cache_incident *n = pool_at(&((const struct cache *)ctx)->incidents, i);

    return &n->group;
}

static const struct id16 *
delivery_incident(const void *ctx, uint32_t i)
{
    const struct cache_delivery *d = pool_at(&((const struct cache *)ctx)->deliveries, i);

    return incident_id(ctx, d->incident);
}

static void
alert_moved(void *ctx, uint32_t i, uint32_t pos)
{
    ((struct cache_alert *)pool_at(&((struct cache *)ctx)->alerts, i))->timer = pos;
}

static void
incident_moved(void *ctx, uint32_t i, uint32_t pos)
{
    ((struct cache_incident *)pool_at(&((struct cache *)ctx)->incidents, i))->timer = pos;
}

static void
delivery_moved(void *ctx, uint32_t i, uint32_t pos)
{
    ((struct cache_delivery *)pool_at(&((struct cache *)ctx)->deliveries, i))->timer = pos;
}

void
cache_init(struct cache *c)
{
    memset(c, 0, sizeof *c);
    pool_init(&c->alerts, sizeof(struct cache_alert));
    pool_init(&c->incidents, sizeof(struct cache_incident));
    pool_init(&c->deliveries, sizeof(struct cache_delivery));
    idmap_init(&c->by_key, alert_key, c);
    idmap_init(&c->by_id, incident_id, c);
    idmap_init(&c->by_group, incident_group, c);
    timers_init(&c->expiries, c, alert_key, alert_moved);
    timers_init(&c->dues, c, incident_id, incident_moved);
    timers_init(&c->sends, c, delivery_incident, delivery_moved);
    cache_own_init(c);
    cache_silence_init(c);
}

void
cache_release(struct cache *c)
{
    for (uint32_t i = 0; i < c->incidents.used; i++)
        free(((struct cache_incident *)pool_at(&c->incidents, i))->text);
    for (uint32_t i = 0; i < c->deliveries.used; i++)
        free(((struct cache_delivery *)pool_at(&c->deliveries, i))->text);
    pool_release(&c->alerts);
    pool_release(&c->incidents);
    pool_release(&c->deliveries);
    idmap_release(&c->by_key);
    idmap_release(&c->by_id);
    idmap_release(&c->by_group);
    timers_release(&c->expiries);
    timers_release(&c->dues);
    timers_release(&c->sends);
    cache_own_release(c);
    cache_silence_release(c);
    free(c->lazy);
    free(c->touched);
}

size_t
cache_bytes(const struct cache *c)
{
    return pool_bytes(&c->alerts) + pool_bytes(&c->incidents) + pool_bytes(&c->deliveries) + pool_bytes(&c->owns) +
           idmap_bytes(&c->by_own) + idmap_bytes(&c->by_key) + idmap_bytes(&c->by_id) + idmap_bytes(&c->by_group) +
           (c->expiries.cap + c->dues.cap + c->sends.cap) * sizeof(struct timer) +
           (c->cap_lazy + c->cap_touched) * sizeof(uint32_t) + c->text_bytes;
}

struct cache_alert *
cache_alert(const struct cache *c, const struct id16 *key)
{
    uint32_t i;

    return idmap_get(&c->by_key, key, &i) ? pool_at(&c->alerts, i) : NULL;
}

struct cache_incident *
cache_incident(const struct cache *c, const struct id16 *id)
{
    uint32_t i;

    return idmap_get(&c->by_id, id, &i) ? pool_at(&c->incidents, i) : NULL;
}

struct cache_incident *
cache_group(const struct cache *c, const struct id16 *group)
{
    uint32_t i;

    return idmap_get(&c->by_group, group, &i) ? pool_at(&c->incidents, i) : NULL;
}

static void
push(uint32_t **list, size_t *n, size_t *cap, uint32_t value)
{
    if (*n == *cap) {
        *cap = *cap > 0 ? *cap * 2 : 64;
        *list = xrealloc(*list, *cap * sizeof **list);
    }
    (*list)[(*n)++] = value;
}

static void
touch(struct cache *c, uint32_t i)
{
    struct cache_incident *n = pool_at(&c->incidents, i);

    if (!n->touched)
        push(&c->touched, &c->n_touched, &c->cap_touched, i);
    n->touched = true;
}

void
cache_touch(struct cache *c, struct cache_incident *n)
{
    uint32_t i;

    if (idmap_get(&c->by_id, &n->id, &i))
        touch(c, i);
}

static void
drop_text(struct cache *c, char *text, size_t n)
{
    for (size_t i = 0, at = 0; text != NULL && i < n; i++) {
        size_t len = strlen(text + at) + 1;

        c->text_bytes -= len;
        at += len;
    }
    c->text_bytes -= text != NULL ? MALLOC_OVERHEAD : 0;
    free(text);
}

static char *
pack_text(struct cache *c, const char *const *texts, size_t n)
{
    size_t total = 0, at = 0;
    char *text;

    for (size_t i = 0; i < n; i++)
        total += strlen(texts[i]) + 1;
    text = xmalloc(total);
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(texts[i]) + 1;

        memcpy(text + at, texts[i], len);
        at += len;
    }
    c->text_bytes += total + MALLOC_OVERHEAD;
    return text;
}

/* --- counts ------------------------------------------------------------------- */

static void
count_incident(struct cache *c, const struct cache_incident *n, uint64_t by)
{
    if (n->state == TOCSIN_INC_RESOLVED || n->opened_at == 0)
        return;
    c->counts.open_incidents += by;
    c->counts.triggered += n->state == TOCSIN_INC_TRIGGERED ? by : 0;
    c->counts.acknowledged += n->state == TOCSIN_INC_ACKNOWLEDGED ? by : 0;
    c->counts.exhausted += n->exhausted ? by : 0;
}

static void
count_delivery(struct cache *c, const struct cache_delivery *d, uint64_t by)
{
    struct cache_incident *n = pool_at(&c->incidents, d->incident);

    if (d->due_at == 0)
        return;
    n->n_due += (uint32_t)by;
    c->counts.pending_deliveries += by;
    c->counts.failing_deliveries += d->state == DELIVERY_FAILING ? by : 0;
}

static void
count_suppressed(struct cache *c, const struct cache_alert *a, uint64_t by)
{
    if (a->state == ALERT_FIRING && a->suppressed != 0)
        c->counts.suppressed_alerts += by;
}

/* --- incidents ---------------------------------------------------------------- */

#define TEXT_OF(f) row->f,
#define SET(f) to->f = row->f;

void
cache_put_incident(struct cache *c, const struct incident_row *row)
{
    const char *const texts[] = { INCIDENT_TEXTS(TEXT_OF) };
    struct cache_incident *to;
    uint32_t i, other;

    if (!idmap_get(&c->by_id, &row->id, &i)) {
        i = pool_take(&c->incidents);
        to = pool_at(&c->incidents, i);
        to->id = row->id;
        to->timer = TIMER_NONE;
        to->alerts = to->deliveries = POOL_NONE;
        to->live = true;
        idmap_put(&c->by_id, &to->id, i);
    } else {
        to = pool_at(&c->incidents, i);
        count_incident(c, to, (uint64_t)-1);
        if (to->state != TOCSIN_INC_RESOLVED && idmap_get(&c->by_group, &to->group, &other) && other == i)
            idmap_del(&c->by_group, &to->group);
        drop_text(c, to->text, N_INCIDENT_TEXTS);
    }
    to->group = row->group;
    to->policy = row->policy;
    to->episode = row->episode;
    INCIDENT_INTS(SET)
    to->text = pack_text(c, texts, N_INCIDENT_TEXTS);
    if (to->state != TOCSIN_INC_RESOLVED)
        idmap_put(&c->by_group, &to->group, i);
    timers_set(&c->dues, to->timer, i, to->state != TOCSIN_INC_RESOLVED ? to->next_due : 0);
    count_incident(c, to, 1);
    touch(c, i);
}

/* --- deliveries --------------------------------------------------------------- */

void
cache_put_delivery(struct cache *c, const struct delivery_row *row)
{
    const char *const texts[] = { row->target, DELIVERY_TEXTS(TEXT_OF) };
    struct cache_incident *n;
    struct cache_delivery *to = NULL;
    uint32_t incident, i;
    bool known;

    known = idmap_get(&c->by_id, &row->incident, &incident);
    assert(known);                             /* the writer has seen to it; so below */
    n = pool_at(&c->incidents, incident);
    for (i = n->deliveries; i != POOL_NONE; i = to->next) {
        to = pool_at(&c->deliveries, i);
        if (strcmp(to->text, row->target) == 0)
            break;
    }
    if (i == POOL_NONE) {
        i = pool_take(&c->deliveries);
        to = pool_at(&c->deliveries, i);
        to->incident = incident;
        to->timer = TIMER_NONE;
        to->next = n->deliveries;
        n->deliveries = i;
    } else {
        count_delivery(c, to, (uint64_t)-1);
        drop_text(c, to->text, N_DELIVERY_TEXTS);
    }
    DELIVERY_INTS(SET)
    to->text = pack_text(c, texts, N_DELIVERY_TEXTS);
    timers_set(&c->sends, to->timer, i, to->due_at);
    count_delivery(c, to, 1);
    touch(c, incident);
}

/* --- alerts ------------------------------------------------------------------- */

static void
unlink_alert(struct cache *c, struct cache_alert *a)
{
    if (a->incident == POOL_NONE)
        return;
    if (a->prev != POOL_NONE)
        ((struct cache_alert *)pool_at(&c->alerts, a->prev))->next = a->next;
    else
        ((struct cache_incident *)pool_at(&c->incidents, a->incident))->alerts = a->next;
    if (a->next != POOL_NONE)
        ((struct cache_alert *)pool_at(&c->alerts, a->next))->prev = a->prev;
    touch(c, a->incident);
    a->incident = POOL_NONE;
}

static void
link_alert(struct cache *c, struct cache_alert *a, uint32_t i, uint32_t incident)
{
    struct cache_incident *n;

    if (a->incident == incident)
        return;
    unlink_alert(c, a);
    a->incident = incident;
    if (incident == POOL_NONE)
        return;
    n = pool_at(&c->incidents, incident);
    a->prev = POOL_NONE;
    a->next = n->alerts;
    if (a->next != POOL_NONE)
        ((struct cache_alert *)pool_at(&c->alerts, a->next))->prev = i;
    n->alerts = i;
}

static void
close_alert(struct cache *c, const struct alert_row *row)
{
    struct cache_alert *a;
    uint32_t i;

    if (!idmap_get(&c->by_key, &row->key, &i))
        return;
    a = pool_at(&c->alerts, i);
    if (a->rowid != row->rowid)
        return;                    /* an earlier occurrence: the open one is newer */
    unlink_alert(c, a);
    cache_drop_owns(c, a);
    count_suppressed(c, a, (uint64_t)-1);
    timers_set(&c->expiries, a->timer, i, 0);
    idmap_del(&c->by_key, &a->key);
    c->counts.open_alerts--;
    c->counts.lazy_unflushed -= a->lazy;
    pool_give(&c->alerts, i);
}

void
cache_put_alert(struct cache *c, const struct alert_row *row)
{
    uint32_t i, incident = POOL_NONE;
    struct cache_alert *to;
    bool known;

    if (!alert_is_open(row)) {
        close_alert(c, row);
        return;
    }
    known = id_is_zero(&row->incident) || idmap_get(&c->by_id, &row->incident, &incident);
    assert(known);
    if (!idmap_get(&c->by_key, &row->key, &i)) {
        i = pool_take(&c->alerts);
        to = pool_at(&c->alerts, i);
        to->key = row->key;
        to->incident = to->owns = POOL_NONE;
        to->timer = TIMER_NONE;
        idmap_put(&c->by_key, &to->key, i);
        c->counts.open_alerts++;
    } else {
        to = pool_at(&c->alerts, i);
        c->counts.lazy_unflushed -= to->lazy;
        count_suppressed(c, to, (uint64_t)-1);
        if (to->rowid != row->rowid)           /* the occurrence before was closed by the row of the next one */
            cache_drop_owns(c, to);
    }
    to->lazy = false;
    to->rowid = row->rowid;
    to->state = row->state;
    ALERT_INTS(SET)
    count_suppressed(c, to, 1);
    link_alert(c, to, i, incident);
    timers_set(&c->expiries, to->timer, i, to->expires_at);
}

/* A row may have become lazy, been written and become lazy again many times since the last flush. */
static void
compact_lazy(struct cache *c)
{
    size_t n = 0;

    for (size_t k = c->lazy_head; k < c->n_lazy; k++) {
        struct cache_alert *a = pool_at(&c->alerts, c->lazy[k]);

        if (a->lazy)
            c->lazy[n++] = c->lazy[k];
        a->lazy = false;
    }
    for (size_t k = 0; k < n; k++)
        ((struct cache_alert *)pool_at(&c->alerts, c->lazy[k]))->lazy = true;
    c->n_lazy = n;
    c->lazy_head = 0;
}

bool
cache_count_alert(struct cache *c, const struct alert_row *row)
{
    struct cache_alert *to;
    uint32_t i;

    if (!idmap_get(&c->by_key, &row->key, &i))
        return false;
    to = pool_at(&c->alerts, i);
    if (to->rowid != row->rowid)
        return false;
    ALERT_LAZY_INTS(SET)
    timers_set(&c->expiries, to->timer, i, to->expires_at);
    if (!to->lazy) {
        if (c->n_lazy == c->cap_lazy && c->n_lazy > 2 * c->counts.lazy_unflushed)
            compact_lazy(c);
        push(&c->lazy, &c->n_lazy, &c->cap_lazy, i);
        c->counts.lazy_unflushed++;
    }
    to->lazy = true;
    return true;
}

/* --- forgetting --------------------------------------------------------------- */

static void
forget(struct cache *c, uint32_t i)
{
    struct cache_incident *n = pool_at(&c->incidents, i);

    for (uint32_t k = n->deliveries, next; k != POOL_NONE; k = next) {
        struct cache_delivery *d = pool_at(&c->deliveries, k);

        next = d->next;
        drop_text(c, d->text, N_DELIVERY_TEXTS);
        timers_set(&c->sends, d->timer, k, 0);
        pool_give(&c->deliveries, k);
    }
    drop_text(c, n->text, N_INCIDENT_TEXTS);
    timers_set(&c->dues, n->timer, i, 0);
    idmap_del(&c->by_id, &n->id);
    pool_give(&c->incidents, i);
}

void
cache_trim(struct cache *c)
{
    for (size_t k = 0; k < c->n_touched; k++) {
        uint32_t i = c->touched[k];
        struct cache_incident *n = pool_at(&c->incidents, i);

        n->touched = false;
        if (n->state == TOCSIN_INC_RESOLVED && n->alerts == POOL_NONE && n->n_due == 0)
            forget(c, i);
    }
    c->n_touched = 0;
}
