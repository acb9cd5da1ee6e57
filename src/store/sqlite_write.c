/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's connection: one stage, one transaction. */
#include <stdlib.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "store/outbox.h"
#include "store/sqlite_files.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_store.h"

/* Take a statement, bind with `how`, run it. */
#define RUN(c, which, how) \
    do { \
        sqlite3_stmt *st_ = conn_take((c), (which), err); \
        enum tocsin_rc rc_; \
        if (st_ == NULL) \
            return conn_kind(c); \
        how; \
        rc_ = conn_run((c), st_, err); \
        if (rc_ != TOCSIN_OK) \
            return rc_; \
    } while (0)

static enum tocsin_rc
put_body(struct conn *c, const struct alert_row *row, struct tocsin_err *err)
{
    RUN(c, ST_ALERT_BODY,
        (sqlite3_bind_int64(st_, 1, row->rowid),
         sqlite3_bind_blob64(st_, 2, row->body, (sqlite3_uint64)row->body_len, SQLITE_STATIC)));
    return TOCSIN_OK;
}

static enum tocsin_rc
insert_alert(struct conn *c, const struct alert_row *row, struct tocsin_err *err)
{
    RUN(c, ST_ALERT_INSERT, bind_alert(st_, row));
    RUN(c, ST_ALERT_TEXT_INSERT,
        (sqlite3_bind_int64(st_, 1, row->rowid), sqlite3_bind_text(st_, 2, row->source, -1, SQLITE_STATIC),
         sqlite3_bind_text(st_, 3, row->dedup_key, -1, SQLITE_STATIC),
         sqlite3_bind_blob64(st_, 4, row->body != NULL ? row->body : "", row->body != NULL ? row->body_len : 0,
                             SQLITE_STATIC)));
    return TOCSIN_OK;
}

static enum tocsin_rc
put_alert(struct sq *sq, const struct staged_alert *a, struct tocsin_err *err)
{
    const struct alert_row *row = &a->row;
    const struct cache_alert *was;
    bool moves = true;

    if (a->lazy)
        return TOCSIN_OK;
    if (a->fresh)
        return insert_alert(&sq->conn, row, err);
    if (!alert_is_open(row) && row->n_own > 0)
        RUN(&sq->conn, ST_OWN_OVER, sqlite3_bind_int64(st_, 1, row->rowid));
    was = cache_alert(&sq->w.cache, &row->key);
    if (was != NULL && was->rowid == row->rowid && was->state == row->state) {
        struct alert_row before;

        cache_alert_row(&sq->w.cache, was, &before);
        moves = !id_eq(&before.incident, &row->incident);
    }
    RUN(&sq->conn, moves ? ST_ALERT_MOVE : ST_ALERT_UPDATE, bind_alert(st_, row));
    return row->body != NULL ? put_body(&sq->conn, row, err) : TOCSIN_OK;
}

static enum tocsin_rc
put_rest(struct conn *c, const struct stage *s, struct tocsin_err *err)
{
    for (size_t i = 0; i < s->n_owns; i++)
        RUN(c, ST_OWN_PUT, bind_own(st_, &s->owns[i]));
    for (size_t i = 0; i < s->n_policies; i++)
        RUN(c, ST_POLICY_INSERT,
            (bind_id(st_, 1, &s->policies[i].id), sqlite3_bind_text(st_, 2, s->policies[i].body, -1, SQLITE_STATIC)));
    for (size_t i = 0; i < s->n_incidents; i++) {
        const struct incident_row *row = &s->incidents[i];

        RUN(c, ST_INCIDENT_PUT, bind_incident(st_, row));
        /* one that was delayed has a number from now on; ST_INCIDENT_PUT leaves it and its index alone */
        if (row->ver > 1 && row->opened_at == row->updated_at)
            RUN(c, ST_INCIDENT_EPISODE, (bind_id(st_, 1, &row->id), sqlite3_bind_int64(st_, 2, row->episode)));
    }
    for (size_t i = 0; i < s->n_deliveries; i++)
        RUN(c, ST_DELIVERY_PUT, bind_delivery(st_, &s->deliveries[i]));
    for (size_t i = 0; i < s->n_events; i++)
        RUN(c, ST_EVENT_INSERT, bind_event(st_, &s->events[i]));
    for (size_t i = 0; i < s->n_silences; i++)
        RUN(c, ST_SILENCE_PUT, bind_silence(st_, &s->silences[i]));
    for (size_t i = 0; i < s->n_gone_silences; i++)
        RUN(c, ST_DROP_SILENCE, bind_id(st_, 1, &s->gone_silences[i]));
    return outbox_persist(c, s, err);
}

/* Nothing of a failed transaction may stay; a rollback that fails is the end, as memory and disk then differ. */
static enum tocsin_rc
abandon(struct sq *sq, enum tocsin_rc rc, struct tocsin_err *err)
{
    enum tocsin_rc undone = TOCSIN_OK;

    if (!sqlite3_get_autocommit(sq->conn.db) && rc != TOCSIN_FATAL)
        undone = conn_do(&sq->conn, ST_ROLLBACK, NULL);
    if (undone != TOCSIN_OK)
        rc = err_set(err, TOCSIN_FATAL, "", "database '%s': cannot roll back: %s", sq->path,
                     sqlite3_errmsg(sq->conn.db));
    return sq_result(sq, rc, err);
}

/* Begins the transaction, unless a fetch of this unit of work has. */
static enum tocsin_rc
begin(struct sq *sq, struct tocsin_err *err)
{
    return sqlite3_get_autocommit(sq->conn.db) ? conn_do(&sq->conn, ST_BEGIN_WRITE, err) : TOCSIN_OK;
}

static void
end(struct writer *w)
{
    struct sq *sq = (struct sq *)w;
    struct tocsin_err err;

    if (!sqlite3_get_autocommit(sq->conn.db) && !atomic_load(&sq->dead))
        abandon(sq, TOCSIN_OK, &err);
}

static enum tocsin_rc
attempt(struct sq *sq, const struct stage *s, struct tocsin_err *err)
{
    enum tocsin_rc rc = begin(sq, err);

    for (size_t i = 0; i < s->n_alerts && rc == TOCSIN_OK; i++)
        rc = put_alert(sq, &s->alerts[i], err);
    if (rc == TOCSIN_OK)
        rc = put_rest(&sq->conn, s, err);
    if (rc == TOCSIN_OK)
        rc = conn_do(&sq->conn, ST_COMMIT, err);
    return rc == TOCSIN_OK ? TOCSIN_OK : abandon(sq, rc, err);
}

/*
 * What is new is refused while there is still space, so that what is open can
 * be finished; for that the reserve is given up when even the rest is gone.
 */
static enum tocsin_rc
persist(struct writer *w, const struct stage *s, struct tocsin_err *err)
{
    struct sq *sq = (struct sq *)w;
    enum tocsin_rc rc = sq_alive(sq, err);
    int64_t space;

    if (rc != TOCSIN_OK)
        return rc;
    log_settle(sq);                          /* nobody asked for it since the commit before */
    space = s->news ? disk_free(sq->dir) : -1;
    if (space >= 0 && space < sq->reserve)
        return err_set(err, TOCSIN_FULL, "", "disk of '%s' is full: %lld bytes free, %lld kept for what is open",
                       sq->path, (long long)space, (long long)sq->reserve);
    rc = attempt(sq, s, err);
    if (rc == TOCSIN_FULL && !s->news && reserve_free(sq->path))
        rc = attempt(sq, s, err);
    sq->log_due |= rc == TOCSIN_OK;
    return rc;
}

/*
 * What a unit of work reads, it reads in its transaction: a query by itself takes and gives back the locks of the
 * file, which costs more than the query.
 */
static enum tocsin_rc
join(struct sq *sq, struct tocsin_err *err)
{
    enum tocsin_rc rc = sq_alive(sq, err);

    return rc == TOCSIN_OK && sq->w.open ? begin(sq, err) : rc;
}

static enum tocsin_rc
fetch_incident(struct writer *w, struct arena *a, const struct id16 *id, struct incident_row *out, bool *found,
               struct tocsin_err *err)
{
    struct sq *sq = (struct sq *)w;
    enum tocsin_rc rc = join(sq, err);

    if (rc == TOCSIN_OK)
        rc = query_incident(&sq->conn, a, id, out, found, err);
    return sq_result(sq, rc, err);
}

static enum tocsin_rc
fetch_deliveries(struct writer *w, struct arena *a, const struct id16 *incident, struct delivery_row **out,
                 size_t *n_out, struct tocsin_err *err)
{
    struct sq *sq = (struct sq *)w;
    enum tocsin_rc rc = join(sq, err);

    if (rc == TOCSIN_OK)
        rc = query_deliveries(&sq->conn, a, incident, out, n_out, err);
    return sq_result(sq, rc, err);
}

static enum tocsin_rc
fetch_episodes(struct writer *w, const struct id16 *group, uint32_t *out, struct tocsin_err *err)
{
    struct sq *sq = (struct sq *)w;
    enum tocsin_rc rc = join(sq, err);
    sqlite3_stmt *st;
    bool row;

    if (rc != TOCSIN_OK)
        return sq_result(sq, rc, err);
    st = conn_take(&sq->conn, ST_INCIDENT_EPISODES, err);
    if (st == NULL)
        return sq_result(sq, conn_kind(&sq->conn), err);
    bind_id(st, 1, group);
    rc = conn_step(&sq->conn, st, &row, err);
    *out = row ? (uint32_t)sqlite3_column_int64(st, 0) : 0;
    if (row)
        conn_done(st);
    return sq_result(sq, rc, err);
}

static enum tocsin_rc
fetch_firing(struct writer *w, struct arena *a, int64_t before, bool held, size_t max, struct alert_row **out,
             size_t *n_out, struct tocsin_err *err)
{
    struct sq *sq = (struct sq *)w;
    struct rows rows = { .arena = a, .size = sizeof **out };
    enum tocsin_rc rc = join(sq, err);
    sqlite3_stmt *st;
    bool row;

    if (rc != TOCSIN_OK)
        return sq_result(sq, rc, err);
    st = conn_take(&sq->conn, held ? ST_FIRING_HELD : ST_FIRING, err);
    if (st == NULL)
        return sq_result(sq, conn_kind(&sq->conn), err);
    sqlite3_bind_int64(st, 1, before);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)max);
    while ((rc = conn_step(&sq->conn, st, &row, err)) == TOCSIN_OK && row) {
        struct alert_row *alert = rows_add(&rows);

        read_alert(st, alert);
        read_alert_text(st, a, alert);
    }
    *out = rows.v;
    *n_out = rows.n;
    return sq_result(sq, rc, err);
}

const struct engine sqlite_engine = { persist,        fetch_incident, fetch_deliveries, fetch_episodes,
                                      fetch_firing, end };

/* --- lazy rows ---------------------------------------------------------------- */

static enum tocsin_rc
write_counts(struct conn *c, const struct alert_row *rows, size_t n, struct tocsin_err *err)
{
    for (size_t i = 0; i < n; i++)
        RUN(c, ST_ALERT_COUNT,
            (sqlite3_bind_int64(st_, 1, rows[i].rowid), sqlite3_bind_int64(st_, 2, rows[i].count),
             sqlite3_bind_int64(st_, 3, rows[i].last_at), sqlite3_bind_int64(st_, 4, rows[i].expires_at)));
    return TOCSIN_OK;
}

static int
by_rowid(const void *x, const void *y)
{
    const struct alert_row *a = x, *b = y;

    return a->rowid < b->rowid ? -1 : a->rowid > b->rowid;
}

enum tocsin_rc
sqlite_flush(struct store *s, struct tocsin_err *err)
{
    struct sq *sq = sq_of(s);
    enum tocsin_rc rc = sq_alive(sq, err);
    struct alert_row *rows;
    size_t n;

    if (rc != TOCSIN_OK || sq->w.cache.counts.lazy_unflushed == 0)
        return rc;
    rows = xmalloc(FLUSH_BATCH * sizeof *rows);
    n = cache_lazy(&sq->w.cache, rows, FLUSH_BATCH);
    qsort(rows, n, sizeof *rows, by_rowid);    /* neighbours share pages */
    rc = conn_do(&sq->conn, ST_BEGIN_WRITE, err);
    if (rc == TOCSIN_OK)
        rc = write_counts(&sq->conn, rows, n, err);
    if (rc == TOCSIN_OK)
        rc = conn_do(&sq->conn, ST_COMMIT, err);
    if (rc == TOCSIN_OK) {
        cache_flushed(&sq->w.cache, rows, n);
        writer_publish(&sq->w);
        sq->log_due = true;
        log_settle(sq);
    } else {
        rc = abandon(sq, rc, err);
    }
    free(rows);
    return rc;
}
