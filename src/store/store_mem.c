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
#include "os/rand.h"
#include "store/mem_store.h"

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
    for (size_t i = 0; i < st->n_alerts; i++)
        if (!alert_is_open(&st->alerts[i].row) && st->alerts[i].row.n_own > 0)
            mem_owns_over(&m->disk, st->alerts[i].row.rowid);
    for (size_t i = 0; i < st->n_owns; i++)
        mem_put_own(&m->disk, &st->owns[i]);
    for (size_t i = 0; i < st->n_events; i++)
        mem_put_event(&m->disk, &st->events[i]);
    for (size_t i = 0; i < st->n_silences; i++)
        mem_put_silence(&m->disk, &st->silences[i]);
    for (size_t i = 0; i < st->n_gone_silences; i++)
        mem_drop_silence(&m->disk, &st->gone_silences[i]);
    for (size_t i = 0; i < st->n_outbox; i++)
        mem_put_outbox(&m->disk, &st->outbox[i]);
    for (size_t i = 0; i < st->n_outbox_gone; i++)
        mem_drop_outbox(&m->disk, st->outbox_gone[i]);
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

static enum tocsin_rc
fetch_deliveries(struct writer *w, struct arena *a, const struct id16 *incident, struct delivery_row **out,
                 size_t *n_out, struct tocsin_err *err)
{
    const struct mem_incident *n = mem_incident(disk_of(w), incident);

    (void)err;
    *n_out = 0;
    *out = NULL;
    if (n != NULL)
        *out = mem_deliveries(a, n, n_out);
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

static enum tocsin_rc
fetch_firing(struct writer *w, struct arena *a, int64_t before, bool held, size_t max, struct alert_row **out,
             size_t *n_out, struct tocsin_err *err)
{
    const struct mem_disk *d = disk_of(w);

    (void)err;
    *n_out = 0;
    *out = arena_alloc(a, (max < d->alerts.n ? max : d->alerts.n) * sizeof **out);
    for (size_t i = mem_alert_from(d, before); i > 0 && *n_out < max; i--) {
        const struct alert_row *row = d->alerts.v[i - 1];

        if (row->state == ALERT_FIRING && (!held || row->suppressed & HELD_BY_SILENCE))
            alert_row_copy(a, &(*out)[(*n_out)++], row);
    }
    return TOCSIN_OK;
}

static const struct engine engine = { persist, fetch_incident, fetch_deliveries, fetch_episodes, fetch_firing, NULL };

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

    if (rc == TOCSIN_OK)
        rc = writer_forget_silences(&m->w, now, keep_ms, err);

    (void)budget_ms;
    if (rc != TOCSIN_OK)
        return rc;
    pthread_mutex_lock(&m->lock);
    rc = history_sweep(&m->history, &m->w, &history_ops, now - keep_ms, SWEEP_ROWS, &n, err);
    pthread_mutex_unlock(&m->lock);
    return rc;
}

/* --- health ------------------------------------------------------------------- */

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

static void
mem_secret(struct store *s, unsigned char out[STORE_SECRET])
{
    memcpy(out, mem_of(s)->secret, STORE_SECRET);
}

static const struct store_ops mem_ops = {
    .name = "memory",
    .close = mem_close,
    .begin = writer_begin,
    .load_alerts = writer_load_alerts,
    .has_owns = writer_has_owns,
    .load_owns = writer_load_owns,
    .load_groups = writer_load_groups,
    .load_incidents = writer_load_incidents,
    .episodes = writer_episodes,
    .load_deliveries = writer_load_deliveries,
    .load_members = writer_load_members,
    .due_incidents = writer_due_incidents,
    .due_alerts = writer_due_alerts,
    .next_due = writer_next_due,
    .due_silences = writer_due_silences,
    .load_silence = writer_load_silence,
    .load_silences = writer_load_silences,
    .load_firing = writer_load_firing,
    .list_silences = mem_list_silences,
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
    .list_outbox = mem_list_outbox,
    .get_outbox = mem_get_outbox,
    .secret = mem_secret,
    .stats = mem_stats,
    .health = mem_health,
};

struct store *
store_mem_open(void)
{
    struct mem *m = xcalloc(1, sizeof *m);

    writer_init(&m->w, &mem_ops, &engine);
    pthread_mutex_init(&m->lock, NULL);
    rand_bytes(m->secret, sizeof m->secret);
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

        if (id_cmp(&n->row->id, &m->w.newest) > 0)
            m->w.newest = n->row->id;
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
    for (size_t i = 0; i < d->owns.n; i++) {
        struct own_row own = *(const struct own_row *)d->owns.v[i];
        const struct alert_row *a = mem_alert(d, own.alert);

        if (!own.firing || a == NULL)
            continue;
        own.key = a->key;
        cache_put_own(&m->w.cache, &own);
    }
    for (size_t i = 0; i < d->silences.n; i++)
        cache_put_silence(&m->w.cache, d->silences.v[i]);
    if (d->outbox.n > 0)
        m->w.last_outbox = ((struct mem_outbox *)d->outbox.v[d->outbox.n - 1])->row.id;
    cache_trim(&m->w.cache);
    writer_publish(&m->w);
}

struct store *
store_mem_clone(struct store *s)
{
    struct store *copy = store_mem_open();

    memcpy(mem_of(copy)->secret, mem_of(s)->secret, STORE_SECRET);
    mem_disk_clone(&mem_of(copy)->disk, &mem_of(s)->disk);
    load(mem_of(copy));
    return copy;
}
