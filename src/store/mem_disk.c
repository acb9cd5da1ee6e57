/* SPDX-License-Identifier: Apache-2.0 */
#include "store/mem_disk.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "store/outbox.h"

void
list_insert(struct list *l, size_t i, void *p)
{
    if (l->n == l->cap) {
        l->cap = l->cap > 0 ? l->cap * 2 : 4;
        l->v = xrealloc(l->v, l->cap * sizeof *l->v);
    }
    memmove(l->v + i + 1, l->v + i, (l->n - i) * sizeof *l->v);
    l->v[i] = p;
    l->n++;
}

void
list_remove(struct list *l, size_t i)
{
    memmove(l->v + i, l->v + i + 1, (l->n - i - 1) * sizeof *l->v);
    l->n--;
}

/* Position of the first element for which cmp(element, key) >= 0.  Most look for the end. */
static size_t
list_find(const struct list *l, int (*cmp)(const void *, const void *), const void *key)
{
    size_t lo = 0, hi = l->n;

    if (hi > 0 && cmp(l->v[hi - 1], key) < 0)
        return hi;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;

        if (cmp(l->v[mid], key) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static int
alert_cmp(const void *p, const void *key)
{
    int64_t a = ((const struct alert_row *)p)->rowid, b = *(const int64_t *)key;

    return a < b ? -1 : a > b;
}

static int
incident_cmp(const void *p, const void *key)
{
    return id_cmp(&((const struct mem_incident *)p)->row->id, key);
}

static int
delivery_cmp(const void *p, const void *key)
{
    return strcmp(((const struct delivery_row *)p)->target, key);
}

static int
policy_cmp(const void *p, const void *key)
{
    return id_cmp(&((const struct policy_row *)p)->id, key);
}

static int
silence_cmp(const void *p, const void *key)
{
    return id_cmp(&((const struct silence_row *)p)->id, key);
}

/* --- finding ------------------------------------------------------------------ */

size_t
mem_alert_from(const struct mem_disk *d, int64_t rowid)
{
    return list_find(&d->alerts, alert_cmp, &rowid);
}

size_t
mem_incident_from(const struct mem_disk *d, const struct id16 *id)
{
    return list_find(&d->incidents, incident_cmp, id);
}

struct alert_row *
mem_alert(const struct mem_disk *d, int64_t rowid)
{
    size_t i = mem_alert_from(d, rowid);

    return i < d->alerts.n && alert_cmp(d->alerts.v[i], &rowid) == 0 ? d->alerts.v[i] : NULL;
}

struct mem_incident *
mem_incident(const struct mem_disk *d, const struct id16 *id)
{
    size_t i = mem_incident_from(d, id);

    return i < d->incidents.n && incident_cmp(d->incidents.v[i], id) == 0 ? d->incidents.v[i] : NULL;
}

const struct policy_row *
mem_policy(const struct mem_disk *d, const struct id16 *id)
{
    size_t i = list_find(&d->policies, policy_cmp, id);

    return i < d->policies.n && policy_cmp(d->policies.v[i], id) == 0 ? d->policies.v[i] : NULL;
}

/* --- writing ------------------------------------------------------------------ */

static void
unlist_alert(struct mem_incident *n, int64_t rowid)
{
    size_t i;

    if (n == NULL)
        return;
    i = list_find(&n->alerts, alert_cmp, &rowid);
    if (i < n->alerts.n && alert_cmp(n->alerts.v[i], &rowid) == 0)
        list_remove(&n->alerts, i);
}

static void
enlist_alert(struct mem_incident *n, struct alert_row *row)
{
    if (n != NULL)
        list_insert(&n->alerts, list_find(&n->alerts, alert_cmp, &row->rowid), row);
}

void
mem_put_alert(struct mem_disk *d, const struct alert_row *row)
{
    size_t i = mem_alert_from(d, row->rowid);
    struct alert_row merged = *row, *old = NULL, *made;

    if (i < d->alerts.n && alert_cmp(d->alerts.v[i], &row->rowid) == 0)
        old = d->alerts.v[i];
    if (old != NULL) {
        merged.source = old->source;
        merged.dedup_key = old->dedup_key;
        merged.key = old->key;
        if (row->body == NULL) {
            merged.body = old->body;
            merged.body_len = old->body_len;
        }
    }
    made = alert_row_dup(&merged);
    if (old == NULL) {
        list_insert(&d->alerts, i, made);
    } else {
        unlist_alert(mem_incident(d, &old->incident), old->rowid);
        free(old);
        d->alerts.v[i] = made;
    }
    enlist_alert(mem_incident(d, &made->incident), made);
}

void
mem_put_incident(struct mem_disk *d, const struct incident_row *row)
{
    size_t i = mem_incident_from(d, &row->id);
    struct mem_incident *n;

    if (i < d->incidents.n && incident_cmp(d->incidents.v[i], &row->id) == 0) {
        n = d->incidents.v[i];
        free(n->row);
        n->row = incident_row_dup(row);
        return;
    }
    n = xcalloc(1, sizeof *n);
    n->row = incident_row_dup(row);
    list_insert(&d->incidents, i, n);
}

void
mem_put_delivery(struct mem_disk *d, const struct delivery_row *row)
{
    struct mem_incident *n = mem_incident(d, &row->incident);
    size_t i;

    if (n == NULL)
        abort();                   /* writer_write() has checked */
    i = list_find(&n->deliveries, delivery_cmp, row->target);
    if (i < n->deliveries.n && delivery_cmp(n->deliveries.v[i], row->target) == 0) {
        free(n->deliveries.v[i]);
        n->deliveries.v[i] = delivery_row_dup(row);
    } else {
        list_insert(&n->deliveries, i, delivery_row_dup(row));
    }
}

static void
put_event(struct mem_disk *d, const struct event_row *row, int64_t seq)
{
    struct mem_incident *n = mem_incident(d, &row->incident);
    struct list *l = n != NULL ? &n->events : &d->orphans;
    struct mem_event *e = xmalloc(sizeof *e);

    e->seq = seq;
    e->row = event_row_dup(row);
    list_insert(l, l->n, e);
}

void
mem_put_event(struct mem_disk *d, const struct event_row *row)
{
    put_event(d, row, ++d->last_seq);
}

void
mem_put_policy(struct mem_disk *d, const struct policy_row *row)
{
    size_t i = list_find(&d->policies, policy_cmp, &row->id);

    if (i == d->policies.n || policy_cmp(d->policies.v[i], &row->id) != 0)
        list_insert(&d->policies, i, policy_row_dup(row));
}

void
mem_drop_silence(struct mem_disk *d, const struct id16 *id)
{
    size_t i = list_find(&d->silences, silence_cmp, id);

    if (i == d->silences.n || silence_cmp(d->silences.v[i], id) != 0)
        return;
    free(d->silences.v[i]);
    list_remove(&d->silences, i);
}

void
mem_put_silence(struct mem_disk *d, const struct silence_row *row)
{
    mem_drop_silence(d, &row->id);
    list_insert(&d->silences, list_find(&d->silences, silence_cmp, &row->id), silence_row_dup(row));
}

void
mem_put_outbox(struct mem_disk *d, const struct outbox_row *row)
{
    struct arena *a = arena_new();
    struct mem_outbox *o = arena_alloc(a, sizeof *o);

    outbox_row_copy(a, &o->row, row);
    o->arena = a;
    list_insert(&d->outbox, d->outbox.n, o);       /* ids rise */
}

/* --- removing ----------------------------------------------------------------- */

void
mem_event_free(struct mem_event *e)
{
    free(e->row);
    free(e);
}

void
mem_drop_alert(struct mem_disk *d, int64_t rowid)
{
    size_t i = mem_alert_from(d, rowid);
    struct alert_row *row;

    if (i == d->alerts.n || alert_cmp(d->alerts.v[i], &rowid) != 0)
        return;
    row = d->alerts.v[i];
    if (row->n_own > 0)
        mem_drop_owns(d, rowid);
    unlist_alert(mem_incident(d, &row->incident), rowid);
    list_remove(&d->alerts, i);
    free(row);
}

void
mem_drop_outbox(struct mem_disk *d, int64_t id)
{
    for (size_t i = 0; i < d->outbox.n; i++) {
        struct mem_outbox *o = d->outbox.v[i];

        if (o->row.id != id)
            continue;
        list_remove(&d->outbox, i);
        arena_free(o->arena);
        return;
    }
}

static void
incident_free(struct mem_incident *n)
{
    for (size_t i = 0; i < n->deliveries.n; i++)
        free(n->deliveries.v[i]);
    for (size_t i = 0; i < n->events.n; i++)
        mem_event_free(n->events.v[i]);
    free(n->alerts.v);
    free(n->deliveries.v);
    free(n->events.v);
    free(n->row);
    free(n);
}

void
mem_drop_incident(struct mem_disk *d, const struct id16 *id)
{
    size_t i = mem_incident_from(d, id);

    if (i == d->incidents.n || incident_cmp(d->incidents.v[i], id) != 0)
        return;
    incident_free(d->incidents.v[i]);
    list_remove(&d->incidents, i);
}

void
mem_disk_release(struct mem_disk *d)
{
    for (size_t i = 0; i < d->incidents.n; i++)
        incident_free(d->incidents.v[i]);
    for (size_t i = 0; i < d->alerts.n; i++)
        free(d->alerts.v[i]);
    for (size_t i = 0; i < d->orphans.n; i++)
        mem_event_free(d->orphans.v[i]);
    for (size_t i = 0; i < d->policies.n; i++)
        free(d->policies.v[i]);
    for (size_t i = 0; i < d->silences.n; i++)
        free(d->silences.v[i]);
    for (size_t i = 0; i < d->owns.n; i++)
        free(d->owns.v[i]);
    free(d->owns.v);
    free(d->silences.v);
    free(d->incidents.v);
    free(d->alerts.v);
    free(d->orphans.v);
    free(d->policies.v);
    while (d->outbox.n > 0)
        mem_drop_outbox(d, ((struct mem_outbox *)d->outbox.v[0])->row.id);
    free(d->outbox.v);
    memset(d, 0, sizeof *d);
}

static void
clone_events(struct mem_disk *to, const struct list *from)
{
    for (size_t i = 0; i < from->n; i++) {
        const struct mem_event *e = from->v[i];

        put_event(to, e->row, e->seq);
    }
}

void
mem_disk_clone(struct mem_disk *to, const struct mem_disk *from)
{
    for (size_t i = 0; i < from->incidents.n; i++) {
        const struct mem_incident *n = from->incidents.v[i];

        mem_put_incident(to, n->row);
        for (size_t k = 0; k < n->deliveries.n; k++)
            mem_put_delivery(to, n->deliveries.v[k]);
        clone_events(to, &n->events);
    }
    for (size_t i = 0; i < from->alerts.n; i++)
        mem_put_alert(to, from->alerts.v[i]);
    for (size_t i = 0; i < from->owns.n; i++)
        mem_put_own(to, from->owns.v[i]);
    clone_events(to, &from->orphans);
    for (size_t i = 0; i < from->policies.n; i++)
        mem_put_policy(to, from->policies.v[i]);
    for (size_t i = 0; i < from->silences.n; i++)
        mem_put_silence(to, from->silences.v[i]);
    for (size_t i = 0; i < from->outbox.n; i++)
        mem_put_outbox(to, &((struct mem_outbox *)from->outbox.v[i])->row);
    to->last_seq = from->last_seq;
}
