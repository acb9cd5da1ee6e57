/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads for people and for the notifier: a small pool of connections that can
 * only query.  Each request is one transaction, so it sees one state; in WAL
 * mode that holds up nobody.  When all connections are busy a request waits
 * for one, which no writer ever does.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "store/filter.h"
#include "store/outbox.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_store.h"

static struct reader *
reader_wait(struct sq *sq, bool *new_r)
{
    struct reader *r = NULL;

    pthread_mutex_lock(&sq->reader_lock);
    while (sq->idle == NULL && sq->n_readers == MAX_READERS)
        pthread_cond_wait(&sq->reader_free, &sq->reader_lock);
    r = sq->idle;
    *new_r = r == NULL;
    if (r != NULL)
        sq->idle = r->next;
    else
        sq->n_readers++;
    pthread_mutex_unlock(&sq->reader_lock);
    return r;
}

static void
reader_give(struct sq *sq, struct reader *r)
{
    pthread_mutex_lock(&sq->reader_lock);
    if (r != NULL) {
        r->next = sq->idle;
        sq->idle = r;
    } else {
        sq->n_readers--;
    }
    pthread_cond_signal(&sq->reader_free);
    pthread_mutex_unlock(&sq->reader_lock);
}

/* What fails for a reader does not condemn the store: its connection writes nothing. */
static enum tocsin_rc
reader_result(enum tocsin_rc rc, struct tocsin_err *err)
{
    if (rc != TOCSIN_FATAL && rc != TOCSIN_FULL)
        return rc;
    if (err != NULL)
        err->rc = TOCSIN_TEMPORARY;
    return TOCSIN_TEMPORARY;
}

static enum tocsin_rc
reader_begin(struct sq *sq, struct reader **out, struct tocsin_err *err)
{
    struct conn_options options = { .path = sq->path, .vfs = sq->vfs, .cache_kib = READER_CACHE_KIB };
    enum tocsin_rc rc = TOCSIN_OK;
    bool is_new;
    struct reader *r = reader_wait(sq, &is_new);

    if (is_new) {
        r = xcalloc(1, sizeof *r);
        rc = conn_open(&r->conn, &options, err);
    }
    if (rc != TOCSIN_OK) {
        free(r);
        reader_give(sq, NULL);
        return reader_result(rc, err);
    }
    rc = conn_do(&r->conn, ST_BEGIN, err);
    if (rc != TOCSIN_OK) {
        reader_give(sq, r);
        return reader_result(rc, err);
    }
    *out = r;
    return TOCSIN_OK;
}

/* Ends the snapshot whatever came before; rc is what the request came to. */
static enum tocsin_rc
reader_end(struct sq *sq, struct reader *r, enum tocsin_rc rc, struct tocsin_err *err)
{
    for (int i = 0; i < N_STATEMENTS; i++)
        conn_done(r->conn.st[i]);
    if (!sqlite3_get_autocommit(r->conn.db)) {
        enum tocsin_rc ended = conn_do(&r->conn, rc == TOCSIN_OK ? ST_COMMIT : ST_ROLLBACK,
                                       rc == TOCSIN_OK ? err : NULL);

        rc = rc == TOCSIN_OK ? ended : rc;
    }
    reader_give(sq, r);
    return reader_result(rc, err);
}

void
sqlite_readers_close(struct sq *sq)
{
    while (sq->idle != NULL) {
        struct reader *r = sq->idle;

        sq->idle = r->next;
        conn_close(&r->conn);
        free(r);
    }
}

/* --- lists -------------------------------------------------------------------- */

static enum tocsin_rc
query_incidents(struct conn *c, struct arena *a, const struct incident_filter *f, struct rows *out,
                struct tocsin_err *err)
{
    static const unsigned open = INCIDENT_DELAYED | 1u << TOCSIN_INC_TRIGGERED | 1u << TOCSIN_INC_ACKNOWLEDGED;
    static const unsigned char last[17] = { 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                            255, 255, 255, 255, 255, 255, 255, 255 };
    bool open_only = f->states != 0 && (f->states & ~open) == 0;
    sqlite3_stmt *st = conn_take(c, open_only ? ST_INCIDENT_LIST_OPEN : ST_INCIDENT_LIST, err);
    size_t limit = filter_limit(f->limit);
    struct arena *scratch = arena_new();
    enum tocsin_rc rc = TOCSIN_OK;
    bool row;

    if (st == NULL) {
        arena_free(scratch);
        return conn_kind(c);
    }
    if (f->before != NULL)
        sqlite3_bind_blob(st, 1, f->before->b, sizeof f->before->b, SQLITE_STATIC);
    else
        sqlite3_bind_blob(st, 1, last, sizeof last, SQLITE_STATIC);
    while (out->n < limit && (rc = conn_step(c, st, &row, err)) == TOCSIN_OK && row) {
        struct incident_row found;

        arena_reset(scratch);
        read_incident(st, scratch, &found);
        if (filter_incident(f, &found))
            incident_row_copy(a, rows_add(out), &found);
    }
    conn_done(st);
    arena_free(scratch);
    return rc;
}

enum tocsin_rc
sqlite_list_incidents(struct store *s, struct arena *a, const struct incident_filter *f, struct incident_row **out,
                      size_t *n_out, struct tocsin_err *err)
{
    struct rows rows = { .arena = a, .size = sizeof **out };
    struct sq *sq = sq_of(s);
    struct reader *r;
    enum tocsin_rc rc = reader_begin(sq, &r, err);

    if (rc != TOCSIN_OK)
        return rc;
    rc = query_incidents(&r->conn, a, f, &rows, err);
    *out = rows.v;
    *n_out = rows.n;
    return reader_end(sq, r, rc, err);
}

enum tocsin_rc
sqlite_list_silences(struct store *s, struct arena *a, struct silence_row **out, size_t *n_out, struct tocsin_err *err)
{
    struct sq *sq = sq_of(s);
    struct reader *r;
    enum tocsin_rc rc = reader_begin(sq, &r, err);

    return rc == TOCSIN_OK ? reader_end(sq, r, query_silences(&r->conn, a, out, n_out, err), err) : rc;
}

/* The alerts under which this is a sender's own key. */
static enum tocsin_rc
query_owned(struct conn *c, struct arena *a, const struct id16 *own, struct owned *out, struct tocsin_err *err)
{
    sqlite3_stmt *st = conn_take(c, ST_OWN_OF, err);
    struct rows rows = { .arena = a, .size = sizeof(int64_t) };
    enum tocsin_rc rc;
    bool row;

    if (st == NULL)
        return conn_kind(c);
    bind_id(st, 1, own);
    while ((rc = conn_step(c, st, &row, err)) == TOCSIN_OK && row)
        *(int64_t *)rows_add(&rows) = sqlite3_column_int64(st, 0);
    *out = (struct owned){ rows.v, rows.n };
    return rc;
}

static enum tocsin_rc
query_alerts(struct conn *c, struct arena *a, const struct alert_filter *f, struct rows *out, struct tocsin_err *err)
{
    static const unsigned open = 1u << ALERT_FIRING | 1u << ALERT_DISMISSED | 1u << ALERT_DROPPED;
    bool open_only = f->states != 0 && (f->states & ~open) == 0;
    sqlite3_stmt *st = conn_take(c, open_only ? ST_ALERT_LIST_OPEN : ST_ALERT_LIST, err);
    size_t limit = filter_limit(f->limit);
    struct arena *scratch = arena_new();
    struct owned owned = { NULL, 0 };
    enum tocsin_rc rc = st != NULL ? TOCSIN_OK : conn_kind(c);
    bool row;

    if (rc == TOCSIN_OK && f->own && f->key != NULL)
        rc = query_owned(c, a, f->key, &owned, err);
    if (rc != TOCSIN_OK) {
        arena_free(scratch);
        return rc;
    }
    sqlite3_bind_int64(st, 1, f->before != 0 ? f->before : INT64_MAX);
    while (out->n < limit && (rc = conn_step(c, st, &row, err)) == TOCSIN_OK && row) {
        struct alert_row found;

        arena_reset(scratch);
        read_alert(st, &found);
        if (!filter_alert_key(f, &owned, &found))
            continue;                        /* before its text is read */
        read_alert_text(st, scratch, &found);
        if (filter_alert(f, &owned, &found))
            alert_row_copy(a, rows_add(out), &found);
    }
    conn_done(st);
    arena_free(scratch);
    return rc;
}

enum tocsin_rc
sqlite_list_alerts(struct store *s, struct arena *a, const struct alert_filter *f, struct alert_row **out,
                   size_t *n_out, struct tocsin_err *err)
{
    struct rows rows = { .arena = a, .size = sizeof **out };
    struct sq *sq = sq_of(s);
    struct reader *r;
    enum tocsin_rc rc = reader_begin(sq, &r, err);

    if (rc != TOCSIN_OK)
        return rc;
    rc = query_alerts(&r->conn, a, f, &rows, err);
    *out = rows.v;
    *n_out = rows.n;
    return reader_end(sq, r, rc, err);
}

enum tocsin_rc
sqlite_pending(struct store *s, struct arena *a, struct pending **out, size_t *n_out, struct tocsin_err *err)
{
    struct rows rows = { .arena = a, .size = sizeof **out };
    struct sq *sq = sq_of(s);
    struct reader *r;
    sqlite3_stmt *st;
    bool row;
    enum tocsin_rc rc = reader_begin(sq, &r, err);

    if (rc != TOCSIN_OK)
        return rc;
    st = conn_take(&r->conn, ST_DELIVERY_PENDING, err);
    if (st == NULL)
        return reader_end(sq, r, conn_kind(&r->conn), err);
    while ((rc = conn_step(&r->conn, st, &row, err)) == TOCSIN_OK && row) {
        struct pending *p = rows_add(&rows);

        p->incident = column_id(st, 0);
        p->target = column_text(st, 1, a);
        p->due_at = sqlite3_column_int64(st, 2);
    }
    *out = rows.v;
    *n_out = rows.n;
    return reader_end(sq, r, rc, err);
}

const char *
sqlite_policy_body(struct store *s, struct arena *a, const struct id16 *id)
{
    const char *body = NULL;
    struct sq *sq = sq_of(s);
    struct reader *r;
    sqlite3_stmt *st;
    bool row = false;

    if (reader_begin(sq, &r, NULL) != TOCSIN_OK)
        return NULL;
    st = conn_take(&r->conn, ST_POLICY_GET, NULL);
    if (st != NULL) {
        bind_id(st, 1, id);
        if (conn_step(&r->conn, st, &row, NULL) == TOCSIN_OK && row)
            body = column_text(st, 0, a);
    }
    return reader_end(sq, r, TOCSIN_OK, NULL) == TOCSIN_OK ? body : NULL;
}

/* --- one incident ------------------------------------------------------------- */

static enum tocsin_rc
query_alerts_of(struct conn *c, struct arena *a, const struct id16 *id, size_t max, struct incident_detail *out,
                struct tocsin_err *err)
{
    sqlite3_stmt *st = conn_take(c, ST_ALERTS_OF, err);
    struct rows rows = { .arena = a, .size = sizeof *out->alerts };
    enum tocsin_rc rc;
    bool row;

    if (st == NULL)
        return conn_kind(c);
    bind_id(st, 1, id);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)filter_limit(max) * (max > 0));
    while ((rc = conn_step(c, st, &row, err)) == TOCSIN_OK && row) {
        struct alert_row *alert = rows_add(&rows);

        read_alert(st, alert);
        read_alert_text(st, a, alert);
    }
    out->alerts = rows.v;
    out->n_alerts = rows.n;
    return rc;
}

static enum tocsin_rc
query_events(struct conn *c, struct arena *a, enum statement which, const struct id16 *id, sqlite3_int64 second,
             struct event_row **out, size_t *n_out, struct tocsin_err *err)
{
    sqlite3_stmt *st = conn_take(c, which, err);
    struct rows rows = { .arena = a, .size = sizeof **out };
    enum tocsin_rc rc;
    bool row;

    if (st == NULL)
        return conn_kind(c);
    bind_id(st, 1, id);
    sqlite3_bind_int64(st, 2, second);
    while ((rc = conn_step(c, st, &row, err)) == TOCSIN_OK && row)
        read_event(st, a, rows_add(&rows));
    *out = rows.v;
    *n_out = rows.n;
    return rc;
}

enum tocsin_rc
sqlite_get_incident(struct store *s, struct arena *a, const struct id16 *id, size_t max_alerts, size_t max_events,
                    struct incident_detail *out, struct tocsin_err *err)
{
    struct sq *sq = sq_of(s);
    char text[ID_TEXT];
    struct reader *r;
    bool found;
    enum tocsin_rc rc = reader_begin(sq, &r, err);

    if (rc != TOCSIN_OK)
        return rc;
    rc = query_incident(&r->conn, a, id, &out->row, &found, err);
    if (rc == TOCSIN_OK && (!found || incident_never_was(&out->row)))
        rc = err_set(err, TOCSIN_NOT_FOUND, "", "no incident '%s'", id_format(id, text));
    if (rc == TOCSIN_OK)
        rc = query_alerts_of(&r->conn, a, id, max_alerts, out, err);
    if (rc == TOCSIN_OK)
        rc = query_deliveries(&r->conn, a, id, &out->deliveries, &out->n_deliveries, err);
    if (rc == TOCSIN_OK)
        rc = query_events(&r->conn, a, ST_EVENTS_OF, id, (sqlite3_int64)filter_limit(max_events) * (max_events > 0),
                          &out->events, &out->n_events, err);
    return reader_end(sq, r, rc, err);
}

static enum tocsin_rc
query_delivery(struct conn *c, struct arena *a, const struct id16 *id, const char *target, struct incident_detail *out,
               struct tocsin_err *err)
{
    sqlite3_stmt *st = conn_take(c, ST_DELIVERY_GET, err);
    char text[ID_TEXT];
    enum tocsin_rc rc;
    bool row;

    if (st == NULL)
        return conn_kind(c);
    bind_id(st, 1, id);
    sqlite3_bind_text(st, 2, target, -1, SQLITE_STATIC);
    rc = conn_step(c, st, &row, err);
    if (rc != TOCSIN_OK)
        return rc;
    if (!row)
        return err_set(err, TOCSIN_NOT_FOUND, "", "no delivery of incident '%s' to '%s'", id_format(id, text), target);
    out->deliveries = arena_alloc(a, sizeof *out->deliveries);
    out->n_deliveries = 1;
    read_delivery(st, a, out->deliveries);
    conn_done(st);
    return TOCSIN_OK;
}

enum tocsin_rc
sqlite_get_delivery(struct store *s, struct arena *a, const struct id16 *id, const char *target, size_t max_alerts,
                    struct incident_detail *out, struct tocsin_err *err)
{
    struct sq *sq = sq_of(s);
    char text[ID_TEXT];
    struct reader *r;
    bool found;
    enum tocsin_rc rc = reader_begin(sq, &r, err);

    memset(out, 0, sizeof *out);
    if (rc != TOCSIN_OK)
        return rc;
    rc = query_delivery(&r->conn, a, id, target, out, err);
    if (rc == TOCSIN_OK)
        rc = query_incident(&r->conn, a, id, &out->row, &found, err);
    if (rc == TOCSIN_OK && !found)
        rc = err_set(err, TOCSIN_NOT_FOUND, "", "no incident '%s'", id_format(id, text));
    if (rc == TOCSIN_OK)
        rc = query_alerts_of(&r->conn, a, id, max_alerts, out, err);
    return reader_end(sq, r, rc, err);
}

enum tocsin_rc
sqlite_get_notes(struct store *s, struct arena *a, const struct id16 *id, uint32_t from, struct event_row **out,
                 size_t *n_out, struct tocsin_err *err)
{
    struct sq *sq = sq_of(s);
    struct reader *r;
    enum tocsin_rc rc = reader_begin(sq, &r, err);

    if (rc == TOCSIN_OK)
        rc = reader_end(sq, r, query_events(&r->conn, a, ST_NOTES_OF, id, from, out, n_out, err), err);
    return rc;
}

enum tocsin_rc
sqlite_list_outbox(struct store *s, struct arena *a, struct outbox_row **out, size_t *n_out, struct tocsin_err *err)
{
    struct sq *sq = sq_of(s);
    struct reader *r;
    enum tocsin_rc rc = reader_begin(sq, &r, err);

    if (rc == TOCSIN_OK)
        rc = reader_end(sq, r, outbox_query(&r->conn, a, out, n_out, err), err);
    return rc;
}

enum tocsin_rc
sqlite_get_outbox(struct store *s, struct arena *a, int64_t id, struct outbox_row *out, struct tocsin_err *err)
{
    struct sq *sq = sq_of(s);
    struct reader *r;
    enum tocsin_rc rc = reader_begin(sq, &r, err);

    if (rc == TOCSIN_OK)
        rc = reader_end(sq, r, outbox_query_one(&r->conn, a, id, out, err), err);
    return rc;
}
