/* SPDX-License-Identifier: Apache-2.0 */
/* What the memory engine shows to people and to the notifier. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "store/outbox.h"
#include "store/filter.h"
#include "store/mem_store.h"

struct delivery_row *
mem_deliveries(struct arena *a, const struct mem_incident *n, size_t *n_out)
{
    struct delivery_row *rows = arena_alloc(a, n->deliveries.n * sizeof *rows);

    for (size_t i = 0; i < n->deliveries.n; i++)
        delivery_row_copy(a, &rows[i], n->deliveries.v[i]);
    delivery_rows_sort(rows, n->deliveries.n);
    *n_out = n->deliveries.n;
    return rows;
}

const char *
mem_policy_body(struct store *s, struct arena *a, const struct id16 *id)
{
    struct mem *m = mem_of(s);
    const struct policy_row *p;
    const char *body;

    pthread_mutex_lock(&m->lock);
    p = mem_policy(&m->disk, id);
    body = p != NULL ? arena_strdup(a, p->body) : NULL;
    pthread_mutex_unlock(&m->lock);
    return body;
}

static int
by_due(const void *x, const void *y)
{
    const struct pending *a = x, *b = y;
    int d = a->due_at < b->due_at ? -1 : a->due_at > b->due_at;

    if (d == 0)
        d = id_cmp(&a->incident, &b->incident);
    return d != 0 ? d : strcmp(a->target, b->target);
}

enum tocsin_rc
mem_pending(struct store *s, struct arena *a, struct pending **out, size_t *n_out, struct tocsin_err *err)
{
    struct mem *m = mem_of(s);
    struct pending *rows = NULL;
    size_t n = 0, cap = 0;

    (void)err;
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->disk.incidents.n; i++) {
        const struct mem_incident *inc = m->disk.incidents.v[i];

        for (size_t k = 0; k < inc->deliveries.n; k++) {
            const struct delivery_row *d = inc->deliveries.v[k];

            if (d->due_at == 0 && d->state != DELIVERY_REJECTED)
                continue;
            if (n == cap)
                rows = xrealloc(rows, (cap = cap > 0 ? cap * 2 : 16) * sizeof *rows);
            rows[n++] = (struct pending){ d->incident, arena_strdup(a, d->target), d->due_at };
        }
    }
    pthread_mutex_unlock(&m->lock);
    if (n > 1)
        qsort(rows, n, sizeof *rows, by_due);
    *out = arena_memdup(a, rows, n * sizeof *rows);
    *n_out = n;
    free(rows);
    return TOCSIN_OK;
}

enum tocsin_rc
mem_list_incidents(struct store *s, struct arena *a, const struct incident_filter *f, struct incident_row **out,
                   size_t *n_out, struct tocsin_err *err)
{
    struct mem *m = mem_of(s);
    const struct list *l = &m->disk.incidents;
    size_t limit = filter_limit(f->limit);

    (void)err;
    *n_out = 0;
    pthread_mutex_lock(&m->lock);
    *out = arena_alloc(a, (limit < l->n ? limit : l->n) * sizeof **out);
    for (size_t i = f->before != NULL ? mem_incident_from(&m->disk, f->before) : l->n; i > 0 && *n_out < limit; i--) {
        const struct mem_incident *n = l->v[i - 1];

        if (filter_incident(f, n->row))
            incident_row_copy(a, &(*out)[(*n_out)++], n->row);
    }
    pthread_mutex_unlock(&m->lock);
    return TOCSIN_OK;
}

static struct owned
owned_by(const struct mem_disk *d, struct arena *a, const struct id16 *own)
{
    size_t first = mem_own_from(d, own), n = 0;
    int64_t *alerts;

    while (first + n < d->owns.n && id_eq(&((const struct own_row *)d->owns.v[first + n])->own, own))
        n++;
    alerts = arena_alloc(a, (n + 1) * sizeof *alerts);
    for (size_t i = 0; i < n; i++)
        alerts[i] = ((const struct own_row *)d->owns.v[first + i])->alert;
    return (struct owned){ alerts, n };
}

enum tocsin_rc
mem_list_alerts(struct store *s, struct arena *a, const struct alert_filter *f, struct alert_row **out, size_t *n_out,
                struct tocsin_err *err)
{
    struct mem *m = mem_of(s);
    const struct list *l = &m->disk.alerts;
    size_t limit = filter_limit(f->limit);
    struct owned owned = { NULL, 0 };

    (void)err;
    *n_out = 0;
    pthread_mutex_lock(&m->lock);
    if (f->own && f->key != NULL)
        owned = owned_by(&m->disk, a, f->key);
    *out = arena_alloc(a, (limit < l->n ? limit : l->n) * sizeof **out);
    for (size_t i = f->before != 0 ? mem_alert_from(&m->disk, f->before) : l->n; i > 0 && *n_out < limit; i--)
        if (filter_alert(f, &owned, l->v[i - 1]))
            alert_row_copy(a, &(*out)[(*n_out)++], l->v[i - 1]);
    pthread_mutex_unlock(&m->lock);
    return TOCSIN_OK;
}

enum tocsin_rc
mem_list_silences(struct store *s, struct arena *a, struct silence_row **out, size_t *n_out, struct tocsin_err *err)
{
    struct mem *m = mem_of(s);
    const struct list *l = &m->disk.silences;

    (void)err;
    pthread_mutex_lock(&m->lock);
    *out = arena_alloc(a, (l->n + 1) * sizeof **out);
    for (size_t i = 0; i < l->n; i++)
        silence_row_copy(a, &(*out)[i], l->v[i]);
    *n_out = l->n;
    pthread_mutex_unlock(&m->lock);
    return TOCSIN_OK;
}

static void
copy_alerts(struct arena *a, const struct mem_incident *n, size_t max, struct incident_detail *out)
{
    size_t have = n->alerts.n;

    out->n_alerts = have < max ? have : max;
    out->alerts = arena_alloc(a, out->n_alerts * sizeof *out->alerts);
    for (size_t i = 0; i < out->n_alerts; i++)
        alert_row_copy(a, &out->alerts[i], n->alerts.v[have - 1 - i]);
}

static void
copy_events(struct arena *a, const struct mem_incident *n, size_t max, struct incident_detail *out)
{
    size_t have = n->events.n;

    out->n_events = have < max ? have : max;
    out->events = arena_alloc(a, out->n_events * sizeof *out->events);
    for (size_t i = 0; i < out->n_events; i++)
        event_row_copy(a, &out->events[i], ((struct mem_event *)n->events.v[have - out->n_events + i])->row);
}

enum tocsin_rc
mem_get_incident(struct store *s, struct arena *a, const struct id16 *id, size_t max_alerts, size_t max_events,
                 struct incident_detail *out, struct tocsin_err *err)
{
    struct mem *m = mem_of(s);
    const struct mem_incident *n;
    char text[ID_TEXT];

    pthread_mutex_lock(&m->lock);
    n = mem_incident(&m->disk, id);
    if (n != NULL && incident_never_was(n->row))
        n = NULL;
    if (n != NULL) {
        incident_row_copy(a, &out->row, n->row);
        copy_alerts(a, n, max_alerts, out);
        out->deliveries = mem_deliveries(a, n, &out->n_deliveries);
        copy_events(a, n, max_events, out);
    }
    pthread_mutex_unlock(&m->lock);
    return n != NULL ? TOCSIN_OK : err_set(err, TOCSIN_NOT_FOUND, "", "no incident '%s'", id_format(id, text));
}

enum tocsin_rc
mem_get_delivery(struct store *s, struct arena *a, const struct id16 *id, const char *target, size_t max_alerts,
                 struct incident_detail *out, struct tocsin_err *err)
{
    struct mem *m = mem_of(s);
    const struct mem_incident *n;
    char text[ID_TEXT];

    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&m->lock);
    n = mem_incident(&m->disk, id);
    for (size_t i = 0; n != NULL && i < n->deliveries.n; i++) {
        const struct delivery_row *d = n->deliveries.v[i];

        if (strcmp(d->target, target) != 0)
            continue;
        out->deliveries = arena_alloc(a, sizeof *out->deliveries);
        out->n_deliveries = 1;
        delivery_row_copy(a, out->deliveries, d);
        incident_row_copy(a, &out->row, n->row);
        copy_alerts(a, n, max_alerts, out);
    }
    pthread_mutex_unlock(&m->lock);
    if (out->n_deliveries == 0)
        return err_set(err, TOCSIN_NOT_FOUND, "", "no delivery of incident '%s' to '%s'", id_format(id, text), target);
    return TOCSIN_OK;
}

enum tocsin_rc
mem_get_notes(struct store *s, struct arena *a, const struct id16 *id, uint32_t from, struct event_row **out,
              size_t *n_out, struct tocsin_err *err)
{
    struct mem *m = mem_of(s);
    const struct mem_incident *n;
    uint32_t seen = 0;

    (void)err;
    *n_out = 0;
    *out = NULL;
    pthread_mutex_lock(&m->lock);
    n = mem_incident(&m->disk, id);
    if (n != NULL)
        *out = arena_alloc(a, n->events.n * sizeof **out);
    for (size_t i = 0; n != NULL && i < n->events.n; i++) {
        const struct event_row *e = ((struct mem_event *)n->events.v[i])->row;

        if (strcmp(e->kind, "note") == 0 && seen++ >= from)
            event_row_copy(a, &(*out)[(*n_out)++], e);
    }
    pthread_mutex_unlock(&m->lock);
    return TOCSIN_OK;
}

enum tocsin_rc
mem_list_outbox(struct store *s, struct arena *a, struct outbox_row **out, size_t *n_out, struct tocsin_err *err)
{
    struct mem *m = mem_of(s);

    (void)err;
    pthread_mutex_lock(&m->lock);
    *n_out = m->disk.outbox.n;
    *out = arena_alloc(a, (*n_out + 1) * sizeof **out);
    for (size_t i = 0; i < *n_out; i++) {
        outbox_row_copy(a, &(*out)[i], &((struct mem_outbox *)m->disk.outbox.v[i])->row);
        (*out)[i].body = NULL;
    }
    pthread_mutex_unlock(&m->lock);
    return TOCSIN_OK;
}

enum tocsin_rc
mem_get_outbox(struct store *s, struct arena *a, int64_t id, struct outbox_row *out, struct tocsin_err *err)
{
    struct mem *m = mem_of(s);
    bool found = false;

    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->disk.outbox.n && !found; i++) {
        const struct outbox_row *row = &((struct mem_outbox *)m->disk.outbox.v[i])->row;

        found = row->id == id;
        if (found)
            outbox_row_copy(a, out, row);
    }
    pthread_mutex_unlock(&m->lock);
    return found ? TOCSIN_OK : err_set(err, TOCSIN_NOT_FOUND, "", "there is no such row in the outbox");
}
