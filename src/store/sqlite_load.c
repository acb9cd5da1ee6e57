/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling the cache at start: what is open, what has a delivery to do, what
 * has an open alert.  Two scans of partial indexes bring nearly all of it;
 * resolved incidents that are still wanted are few and come one by one.
 */
#include "base/err.h"
#include "store/outbox.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_store.h"

enum { ARENA_BYTES = 1 << 20 };

static enum tocsin_rc
load_open_incidents(struct sq *sq, struct arena *a, struct tocsin_err *err)
{
    sqlite3_stmt *st = conn_take(&sq->conn, ST_LOAD_INCIDENTS, err);
    enum tocsin_rc rc;
    bool row;

    if (st == NULL)
        return conn_kind(&sq->conn);
    while ((rc = conn_step(&sq->conn, st, &row, err)) == TOCSIN_OK && row) {
        struct incident_row incident;

        read_incident(st, a, &incident);
        cache_put_incident(&sq->w.cache, &incident);
        if (arena_used(a) > ARENA_BYTES)
            arena_reset(a);
    }
    return rc;
}

static enum tocsin_rc
load_open_deliveries(struct sq *sq, struct arena *a, struct tocsin_err *err)
{
    sqlite3_stmt *st = conn_take(&sq->conn, ST_LOAD_DELIVERIES, err);
    enum tocsin_rc rc;
    bool row;

    if (st == NULL)
        return conn_kind(&sq->conn);
    while ((rc = conn_step(&sq->conn, st, &row, err)) == TOCSIN_OK && row) {
        struct delivery_row delivery;

        read_delivery(st, a, &delivery);
        cache_put_delivery(&sq->w.cache, &delivery);
        if (arena_used(a) > ARENA_BYTES)
            arena_reset(a);
    }
    return rc;
}

/* An incident that is resolved but still wanted; *found: it exists. */
static enum tocsin_rc
load_one(struct sq *sq, struct arena *a, const struct id16 *id, bool *found, struct tocsin_err *err)
{
    struct incident_row incident;
    struct delivery_row *deliveries;
    size_t n;
    enum tocsin_rc rc;

    *found = cache_incident(&sq->w.cache, id) != NULL;
    if (*found)
        return TOCSIN_OK;
    rc = query_incident(&sq->conn, a, id, &incident, found, err);
    if (rc != TOCSIN_OK || !*found)
        return rc;
    rc = query_deliveries(&sq->conn, a, id, &deliveries, &n, err);
    if (rc != TOCSIN_OK)
        return rc;
    cache_put_incident(&sq->w.cache, &incident);
    for (size_t i = 0; i < n; i++)
        cache_put_delivery(&sq->w.cache, &deliveries[i]);
    return TOCSIN_OK;
}

static enum tocsin_rc
load_due(struct sq *sq, struct arena *a, struct tocsin_err *err)
{
    sqlite3_stmt *st = conn_take(&sq->conn, ST_LOAD_DUE, err);
    enum tocsin_rc rc;
    bool row, found;

    if (st == NULL)
        return conn_kind(&sq->conn);
    while ((rc = conn_step(&sq->conn, st, &row, err)) == TOCSIN_OK && row) {
        struct id16 id = column_id(st, 0);

        rc = load_one(sq, a, &id, &found, err);
        if (rc != TOCSIN_OK) {
            conn_done(st);
            break;
        }
    }
    return rc;
}

static enum tocsin_rc
load_alerts(struct sq *sq, struct arena *a, struct tocsin_err *err)
{
    sqlite3_stmt *st = conn_take(&sq->conn, ST_LOAD_ALERTS, err);
    enum tocsin_rc rc;
    bool row, found = true;

    if (st == NULL)
        return conn_kind(&sq->conn);
    while ((rc = conn_step(&sq->conn, st, &row, err)) == TOCSIN_OK && row) {
        struct alert_row alert;
        char text[ID_TEXT];

        read_alert(st, &alert);
        if (!id_is_zero(&alert.incident))
            rc = load_one(sq, a, &alert.incident, &found, err);
        if (rc == TOCSIN_OK && !found)
            rc = err_set(err, TOCSIN_FATAL, "", "database '%s' is damaged: incident '%s' of alert %lld is missing",
                         sq->path, id_format(&alert.incident, text), (long long)alert.rowid);
        if (rc != TOCSIN_OK) {
            conn_done(st);
            break;
        }
        cache_put_alert(&sq->w.cache, &alert);
    }
    return rc;
}

static enum tocsin_rc
load_owns(struct sq *sq, struct tocsin_err *err)
{
    sqlite3_stmt *st = conn_take(&sq->conn, ST_LOAD_OWNS, err);
    enum tocsin_rc rc;
    bool row;

    if (st == NULL)
        return conn_kind(&sq->conn);
    while ((rc = conn_step(&sq->conn, st, &row, err)) == TOCSIN_OK && row) {
        struct own_row own;

        read_own(st, &own);
        cache_put_own(&sq->w.cache, &own);
    }
    return rc;
}

static enum tocsin_rc
load_silences(struct sq *sq, struct arena *a, struct tocsin_err *err)
{
    struct silence_row *rows;
    size_t n = 0;
    enum tocsin_rc rc = query_silences(&sq->conn, a, &rows, &n, err);

    for (size_t i = 0; i < n && rc == TOCSIN_OK; i++)
        if (rows[i].phase >= SILENCE_PENDING && rows[i].phase <= SILENCE_EXPIRED)
            cache_put_silence(&sq->w.cache, &rows[i]);
        else
            rc = err_set(err, TOCSIN_FATAL, "", "database '%s' is damaged: a silence in phase %u", sq->path,
                         rows[i].phase);
    return rc;
}

/* The first and only row of a statement without parameters; conn_done() is to be called. */
static enum tocsin_rc
only_row(struct sq *sq, enum statement which, sqlite3_stmt **out, struct tocsin_err *err)
{
    sqlite3_stmt *st = conn_take(&sq->conn, which, err);
    enum tocsin_rc rc = st != NULL ? TOCSIN_OK : conn_kind(&sq->conn);
    bool row;

    if (rc == TOCSIN_OK)
        rc = conn_step(&sq->conn, st, &row, err);
    *out = st;
    return rc;
}

static enum tocsin_rc
load_last(struct sq *sq, struct tocsin_err *err)
{
    sqlite3_stmt *st;
    enum tocsin_rc rc = only_row(sq, ST_MAX_ALERT, &st, err);

    if (rc != TOCSIN_OK)
        return rc;
    sq->w.last_rowid = sqlite3_column_int64(st, 0);
    conn_done(st);
    rc = only_row(sq, ST_MAX_INCIDENT, &st, err);
    if (rc != TOCSIN_OK)
        return rc;
    sq->w.newest = column_id(st, 0);           /* zero when there is none */
    conn_done(st);
    return outbox_last(&sq->conn, &sq->w.last_outbox, err);
}

enum tocsin_rc
sqlite_load(struct sq *sq, struct tocsin_err *err)
{
    struct arena *a = arena_new();
    enum tocsin_rc rc = load_open_incidents(sq, a, err);

    if (rc == TOCSIN_OK)
        rc = load_open_deliveries(sq, a, err);
    if (rc == TOCSIN_OK)
        rc = load_due(sq, a, err);
    if (rc == TOCSIN_OK)
        rc = load_alerts(sq, a, err);
    if (rc == TOCSIN_OK)
        rc = load_owns(sq, err);
    if (rc == TOCSIN_OK)
        rc = load_silences(sq, a, err);
    if (rc == TOCSIN_OK)
        rc = load_last(sq, err);
    cache_trim(&sq->w.cache);
    writer_publish(&sq->w);
    arena_free(a);
    return rc;
}
