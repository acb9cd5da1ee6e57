/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory engine: the cache that all engines have, and a "disk" that is a
 * few sorted lists.  Lazy rows reach that disk with flush() as elsewhere, and
 * store_mem_clone() keeps only what is on it: a clone is what a restart after
 * a crash would find.
 */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "store/filter.h"
#include "store/history.h"
#include "store/mem_disk.h"

struct mem {
    struct writer w;               /* first: a struct store is a struct mem */
    pthread_mutex_t lock;          /* disk: one writes, all may read */
    struct mem_disk disk;
    struct history history;
};

static struct mem *
mem_of(struct store *s)
{
    return (struct mem *)s;
}

static const struct mem_disk *
disk_of(struct writer *w)
{
    return &((struct mem *)w)->disk;
}

/* --- engine ------------------------------------------------------------------- */

static enum tocsin_rc
persist(struct writer *w, const struct stage *st, struct tocsin_err *err)
{
    struct mem *m = (struct mem *)w;

    (void)err;
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < st->n_policies; i++)
        mem_put_policy(&m->disk, &st->policies[i]);
    for (size_t i = 0; i < st->n_incidents; i++)
        mem_put_incident(&m->disk, &st->incidents[i]);
    for (size_t i = 0; i < st->n_deliveries; i++)
        mem_put_delivery(&m->disk, &st->deliveries[i]);
    for (size_t i = 0; i < st->n_alerts; i++)
        if (!st->alerts[i].lazy && (st->alerts[i].fresh || mem_alert(&m->disk, st->alerts[i].row.rowid) != NULL))
            mem_put_alert(&m->disk, &st->alerts[i].row);
    for (size_t i = 0; i < st->n_events; i++)
        mem_put_event(&m->disk, &st->events[i]);
    pthread_mutex_unlock(&m->lock);
    return TOCSIN_OK;
}

static enum tocsin_rc
fetch_incident(struct writer *w, struct arena *a, const struct id16 *id, struct incident_row *out, bool *found,
               struct tocsin_err *err)
{
    const struct mem_incident *n = mem_incident(disk_of(w), id);

    (void)err;
    *found = n != NULL;
    if (n != NULL)
        incident_row_copy(a, out, n->row);
    return TOCSIN_OK;
}

static struct delivery_row *
copy_deliveries(struct arena *a, const struct mem_incident *n, size_t *n_out)
{
    struct delivery_row *rows = arena_alloc(a, n->deliveries.n * sizeof *rows);

    for (size_t i = 0; i < n->deliveries.n; i++)
        delivery_row_copy(a, &rows[i], n->deliveries.v[i]);
    delivery_rows_sort(rows, n->deliveries.n);
    *n_out = n->deliveries.n;
    return rows;
}

static enum tocsin_rc
fetch_deliveries(struct writer *w, struct arena *a, const struct id16 *incident, struct delivery_row **out,
                 size_t *n_out, struct tocsin_err *err)
{
    const struct mem_incident *n = mem_incident(disk_of(w), incident);

    (void)err;
    *n_out = 0;
    *out = NULL;
    if (n != NULL)
        *out = copy_deliveries(a, n, n_out);
    return TOCSIN_OK;
}

static enum tocsin_rc
fetch_episodes(struct writer *w, const struct id16 *group, uint32_t *out, struct tocsin_err *err)
{
    const struct mem_disk *d = disk_of(w);

    (void)err;
    *out = 0;
    for (size_t i = 0; i < d->incidents.n; i++) {
        const struct incident_row *row = ((struct mem_incident *)d->incidents.v[i])->row;

        if (id_eq(&row->group, group) && row->episode > *out)
            *out = row->episode;
    }
    return TOCSIN_OK;
}

static const struct engine engine = { persist, fetch_incident, fetch_deliveries, fetch_episodes };

/* --- upkeep ------------------------------------------------------------------- */

static enum tocsin_rc
mem_flush(struct store *s, struct tocsin_err *err)
{
    struct mem *m = mem_of(s);
    struct alert_row *rows = xmalloc(FLUSH_BATCH * sizeof *rows);
    size_t n = cache_lazy(&m->w.cache, rows, FLUSH_BATCH);

    (void)err;
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < n; i++) {
        struct alert_row *to = mem_alert(&m->disk, rows[i].rowid);

        if (to == NULL)
            abort();               /* what is lazy is open, and what is open is on the disk */
        to->count = rows[i].count;
        to->last_at = rows[i].last_at;
        to->expires_at = rows[i].expires_at;
    }
    pthread_mutex_unlock(&m->lock);
    cache_flushed(&m->w.cache, rows, n);
    writer_publish(&m->w);
    free(rows);
    return TOCSIN_OK;
}

static enum tocsin_rc
next_incident(struct writer *w, const struct id16 *after, struct old_incident *out, bool *found,
              struct tocsin_err *err)
{
    const struct mem_disk *d = disk_of(w);
    size_t i = mem_incident_from(d, after);
    const struct incident_row *row;

    (void)err;
    if (i < d->incidents.n && id_eq(&((struct mem_incident *)d->incidents.v[i])->row->id, after))
        i++;
    *found = i < d->incidents.n;
    if (!*found)
        return TOCSIN_OK;
    row = ((struct mem_incident *)d->incidents.v[i])->row;
    *out = (struct old_incident){ row->id, row->state, row->opened_at, row->resolved_at };
    return TOCSIN_OK;
}

static enum tocsin_rc
next_orphan(struct writer *w, enum history_part part, int64_t after, struct orphan *out, bool *found,
            struct tocsin_err *err)
{
    const struct mem_disk *d = disk_of(w);

    (void)err;
    *found = false;
    for (size_t i = 0; part == HISTORY_EVENTS && i < d->orphans.n && !*found; i++) {
        const struct mem_event *e = d->orphans.v[i];

        *found = e->seq > after && id_is_zero(&e->row->incident);
        *out = (struct orphan){ e->seq, e->row->at, e->row->at, false };
    }
    for (size_t i = mem_alert_from(d, after + 1); part == HISTORY_ALERTS && i < d->alerts.n && !*found; i++) {
        const struct alert_row *a = d->alerts.v[i];

        *found = id_is_zero(&a->incident);
        *out = (struct orphan){ a->rowid, a->first_at, a->last_at, alert_is_open(a) };
    }
    return TOCSIN_OK;
}

static enum tocsin_rc
drop_part(struct writer *w, enum history_part part, const struct id16 *incident, size_t max, size_t *n_out,
          struct tocsin_err *err)
{
    struct mem *m = (struct mem *)w;
    struct mem_incident *n = mem_incident(&m->disk, incident);
    struct list *l = part == HISTORY_ALERTS ? &n->alerts : part == HISTORY_EVENTS ? &n->events : &n->deliveries;

    (void)err;
    for (*n_out = 0; *n_out < max && l->n > 0; ++*n_out) {
        if (part == HISTORY_ALERTS) {
            mem_drop_alert(&m->disk, ((struct alert_row *)l->v[0])->rowid);
            continue;
        }
        if (part == HISTORY_EVENTS)
            mem_event_free(l->v[0]);
        else
            free(l->v[0]);
        list_remove(l, 0);
    }
    return TOCSIN_OK;
}

static enum tocsin_rc
drop_incident(struct writer *w, const struct id16 *incident, struct tocsin_err *err)
{
    (void)err;
    mem_drop_incident(&((struct mem *)w)->disk, incident);
    return TOCSIN_OK;
}

static enum tocsin_rc
drop_orphan(struct writer *w, enum history_part part, int64_t rowid, struct tocsin_err *err)
{
    struct mem_disk *d = &((struct mem *)w)->disk;

    (void)err;
    if (part == HISTORY_ALERTS)
        mem_drop_alert(d, rowid);
    for (size_t i = 0; part == HISTORY_EVENTS && i < d->orphans.n; i++) {
        struct mem_event *e = d->orphans.v[i];

        if (e->seq != rowid)
            continue;
        mem_event_free(e);
        list_remove(&d->orphans, i);
        break;
    }
    return TOCSIN_OK;
}

static const struct history_ops history_ops = { next_incident, next_orphan, drop_part, drop_incident, drop_orphan };

static enum tocsin_rc
mem_maintain(struct store *s, int64_t now, int64_t keep_ms, int64_t budget_ms, struct tocsin_err *err)
{
    struct mem *m = mem_of(s);
    enum tocsin_rc rc = writer_close_silent(&m->w, now, err);
    size_t n;

    (void)budget_ms;
    if (rc != TOCSIN_OK)
        return rc;
    pthread_mutex_lock(&m->lock);
    rc = history_sweep(&m->history, &m->w, &history_ops, now - keep_ms, SWEEP_ROWS, &n, err);
    pthread_mutex_unlock(&m->lock);
    return rc;
}

/* --- reads -------------------------------------------------------------------- */

static const char *
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

static enum tocsin_rc
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

static enum tocsin_rc
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

static enum tocsin_rc
mem_list_alerts(struct store *s, struct arena *a, const struct alert_filter *f, struct alert_row **out, size_t *n_out,
                struct tocsin_err *err)
{
    struct mem *m = mem_of(s);
    const struct list *l = &m->disk.alerts;
    size_t limit = filter_limit(f->limit);

    (void)err;
    *n_out = 0;
    pthread_mutex_lock(&m->lock);
    *out = arena_alloc(a, (limit < l->n ? limit : l->n) * sizeof **out);
    for (size_t i = f->before != 0 ? mem_alert_from(&m->disk, f->before) : l->n; i > 0 && *n_out < limit; i--)
        if (filter_alert(f, l->v[i - 1]))
            alert_row_copy(a, &(*out)[(*n_out)++], l->v[i - 1]);
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

static enum tocsin_rc
mem_get_incident(struct store *s, struct arena *a, const struct id16 *id, size_t max_alerts, size_t max_events,
                 struct incident_detail *out, struct tocsin_err *err)
{
    struct mem *m = mem_of(s);
    const struct mem_incident *n;
    char text[ID_TEXT];

    pthread_mutex_lock(&m->lock);
    n = mem_incident(&m->disk, id);
    if (n != NULL) {
        incident_row_copy(a, &out->row, n->row);
        copy_alerts(a, n, max_alerts, out);
        out->deliveries = copy_deliveries(a, n, &out->n_deliveries);
        copy_events(a, n, max_events, out);
    }
    pthread_mutex_unlock(&m->lock);
    return n != NULL ? TOCSIN_OK : err_set(err, TOCSIN_NOT_FOUND, "", "no incident '%s'", id_format(id, text));
}

static enum tocsin_rc
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

static enum tocsin_rc
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

static enum tocsin_rc
mem_stats(struct store *s, struct store_stats *out, struct tocsin_err *err)
{
    (void)err;
    writer_stats(&mem_of(s)->w, out);
    return TOCSIN_OK;
}

static enum tocsin_rc
mem_health(struct store *s, struct tocsin_err *err)
{
    (void)s;
    (void)err;
    return TOCSIN_OK;
}

/* --- opening ------------------------------------------------------------------ */

static void
mem_close(struct store *s)
{
    struct mem *m = mem_of(s);

    mem_disk_release(&m->disk);
    writer_release(&m->w);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static const struct store_ops mem_ops = {
    .name = "memory",
    .close = mem_close,
    .begin = writer_begin,
    .load_alerts = writer_load_alerts,
    .load_groups = writer_load_groups,
    .load_incidents = writer_load_incidents,
    .episodes = writer_episodes,
    .load_deliveries = writer_load_deliveries,
    .load_members = writer_load_members,
    .due_incidents = writer_due_incidents,
    .due_alerts = writer_due_alerts,
    .next_due = writer_next_due,
    .write = writer_write,
    .commit = writer_commit,
    .rollback = writer_rollback,
    .flush = mem_flush,
    .maintain = mem_maintain,
    .policy_body = mem_policy_body,
    .pending = mem_pending,
    .list_incidents = mem_list_incidents,
    .list_alerts = mem_list_alerts,
    .get_incident = mem_get_incident,
    .get_delivery = mem_get_delivery,
    .get_notes = mem_get_notes,
    .stats = mem_stats,
    .health = mem_health,
};

struct store *
store_mem_open(void)
{
    struct mem *m = xcalloc(1, sizeof *m);

    writer_init(&m->w, &mem_ops, &engine);
    pthread_mutex_init(&m->lock, NULL);
    return &m->w.store;
}

static bool
is_wanted(const struct mem_incident *n)
{
    if (n->row->state != TOCSIN_INC_RESOLVED)
        return true;
    for (size_t i = 0; i < n->alerts.n; i++)
        if (alert_is_open(n->alerts.v[i]))
            return true;
    for (size_t i = 0; i < n->deliveries.n; i++)
        if (((struct delivery_row *)n->deliveries.v[i])->due_at != 0)
            return true;
    return false;
}

/* What opening a store does: put what is open into the cache. */
static void
load(struct mem *m)
{
    const struct mem_disk *d = &m->disk;

    for (size_t i = 0; i < d->incidents.n; i++) {
        const struct mem_incident *n = d->incidents.v[i];

        if (!is_wanted(n))
            continue;
        cache_put_incident(&m->w.cache, n->row);
        for (size_t k = 0; k < n->deliveries.n; k++)
            cache_put_delivery(&m->w.cache, n->deliveries.v[k]);
    }
    for (size_t i = 0; i < d->alerts.n; i++) {
        const struct alert_row *a = d->alerts.v[i];

        if (alert_is_open(a))
            cache_put_alert(&m->w.cache, a);
        m->w.last_rowid = a->rowid;
    }
    cache_trim(&m->w.cache);
    writer_publish(&m->w);
}

struct store *
store_mem_clone(struct store *s)
{
    struct store *copy = store_mem_open();

    mem_disk_clone(&mem_of(copy)->disk, &mem_of(s)->disk);
    load(mem_of(copy));
    return copy;
}
