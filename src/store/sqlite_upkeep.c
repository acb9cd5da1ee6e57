/* SPDX-License-Identifier: Apache-2.0 */
/* Upkeep: history that is old enough goes, and pages and space are given back. */
#include "base/err.h"
#include "os/clock.h"
#include "store/sqlite_files.h"
#include "store/sqlite_store.h"

/* --- retention ---------------------------------------------------------------- */

static enum tocsin_rc
next_incident(struct writer *w, const struct id16 *after, struct old_incident *out, bool *found,
              struct tocsin_err *err)
{
    struct conn *c = &((struct sq *)w)->conn;
    sqlite3_stmt *st = conn_take(c, ST_OLD_INCIDENT, err);
    enum tocsin_rc rc;

    if (st == NULL)
        return conn_kind(c);
    bind_id(st, 1, after);
    rc = conn_step(c, st, found, err);
    if (!*found)
        return rc;
    *out = (struct old_incident){ column_id(st, 0), (uint8_t)sqlite3_column_int(st, 1), sqlite3_column_int64(st, 2),
                                  sqlite3_column_int64(st, 3) };
    conn_done(st);
    return rc;
}

static enum tocsin_rc
next_orphan(struct writer *w, enum history_part part, int64_t after, struct orphan *out, bool *found,
            struct tocsin_err *err)
{
    struct conn *c = &((struct sq *)w)->conn;
    sqlite3_stmt *st = conn_take(c, part == HISTORY_ALERTS ? ST_ORPHAN_ALERT : ST_ORPHAN_EVENT, err);
    enum tocsin_rc rc;

    if (st == NULL)
        return conn_kind(c);
    sqlite3_bind_int64(st, 1, after);
    rc = conn_step(c, st, found, err);
    if (!*found)
        return rc;
    *out = (struct orphan){ sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1), sqlite3_column_int64(st, 2),
                            sqlite3_column_int(st, 3) != 0 };
    conn_done(st);
    return rc;
}

static enum tocsin_rc
drop(struct conn *c, enum statement which, const struct id16 *incident, size_t max, size_t *n_out,
     struct tocsin_err *err)
{
    sqlite3_stmt *st = conn_take(c, which, err);
    enum tocsin_rc rc;

    if (st == NULL)
        return conn_kind(c);
    bind_id(st, 1, incident);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)max);
    rc = conn_run(c, st, err);
    *n_out = (size_t)sqlite3_changes(c->db);
    return rc;
}

static enum tocsin_rc
drop_part(struct writer *w, enum history_part part, const struct id16 *incident, size_t max, size_t *n_out,
          struct tocsin_err *err)
{
    struct conn *c = &((struct sq *)w)->conn;

    if (part == HISTORY_ALERTS) {
        enum tocsin_rc rc = drop(c, ST_DROP_OWNS, incident, max, n_out, err);

        if (rc == TOCSIN_OK)
            rc = drop(c, ST_DROP_ALERT_TEXTS, incident, max, n_out, err);
        return rc == TOCSIN_OK ? drop(c, ST_DROP_ALERTS, incident, max, n_out, err) : rc;
    }
    return drop(c, part == HISTORY_EVENTS ? ST_DROP_EVENTS : ST_DROP_DELIVERIES, incident, max, n_out, err);
}

static enum tocsin_rc
drop_one(struct conn *c, enum statement which, int64_t rowid, struct tocsin_err *err)
{
    sqlite3_stmt *st = conn_take(c, which, err);

    if (st == NULL)
        return conn_kind(c);
    sqlite3_bind_int64(st, 1, rowid);
    return conn_run(c, st, err);
}

static enum tocsin_rc
drop_incident(struct writer *w, const struct id16 *incident, struct tocsin_err *err)
{
    struct conn *c = &((struct sq *)w)->conn;
    sqlite3_stmt *st = conn_take(c, ST_DROP_INCIDENT, err);

    if (st == NULL)
        return conn_kind(c);
    bind_id(st, 1, incident);
    return conn_run(c, st, err);
}

static enum tocsin_rc
drop_orphan(struct writer *w, enum history_part part, int64_t rowid, struct tocsin_err *err)
{
    struct conn *c = &((struct sq *)w)->conn;
    enum tocsin_rc rc;

    if (part == HISTORY_EVENTS)
        return drop_one(c, ST_DROP_EVENT, rowid, err);
    rc = drop_one(c, ST_DROP_OWN, rowid, err);
    if (rc == TOCSIN_OK)
        rc = drop_one(c, ST_DROP_ALERT_TEXT, rowid, err);
    return rc == TOCSIN_OK ? drop_one(c, ST_DROP_ALERT, rowid, err) : rc;
}

static const struct history_ops history_ops = { next_incident, next_orphan, drop_part, drop_incident, drop_orphan };

/* Old rows in one transaction; a disk that is too full for that only puts it off. */
static enum tocsin_rc
sweep(struct sq *sq, int64_t before, size_t *n_out, struct tocsin_err *err)
{
    struct history start = sq->history;
    enum tocsin_rc rc = conn_do(&sq->conn, ST_BEGIN_WRITE, err), undone = TOCSIN_OK;

    *n_out = 0;
    if (rc == TOCSIN_OK)
        rc = history_sweep(&sq->history, &sq->w, &history_ops, before, SWEEP_ROWS, n_out, err);
    if (rc == TOCSIN_OK)
        rc = conn_do(&sq->conn, *n_out > 0 ? ST_COMMIT : ST_ROLLBACK, err);
    if (rc == TOCSIN_OK)
        return TOCSIN_OK;
    sq->history = start;
    if (!sqlite3_get_autocommit(sq->conn.db) && rc != TOCSIN_FATAL)
        undone = conn_do(&sq->conn, ST_ROLLBACK, err);
    return sq_result(sq, undone != TOCSIN_OK ? TOCSIN_FATAL : rc, err);
}

/* incremental_vacuum gives a row for each page it frees, as it goes. */
static enum tocsin_rc
give_pages_back(struct sq *sq, struct tocsin_err *err)
{
    sqlite3_stmt *st = conn_take(&sq->conn, ST_VACUUM, err);
    enum tocsin_rc rc;
    bool row;

    if (st == NULL)
        return sq_result(sq, conn_kind(&sq->conn), err);
    do
        rc = conn_step(&sq->conn, st, &row, err);
    while (rc == TOCSIN_OK && row);
    return sq_result(sq, rc, err);
}

enum tocsin_rc
sqlite_maintain(struct store *s, int64_t now, int64_t keep_ms, int64_t budget_ms, struct tocsin_err *err)
{
    int64_t until = clock_mono_ms() + budget_ms;
    struct sq *sq = sq_of(s);
    enum tocsin_rc rc = sq_alive(sq, err);
    size_t removed = 0;
    int code;

    if (rc == TOCSIN_OK)
        rc = writer_close_silent(&sq->w, now, err);
    if (rc == TOCSIN_OK)
        rc = writer_forget_silences(&sq->w, now, keep_ms, err);
    if (rc == TOCSIN_OK)
        rc = sweep(sq, now - keep_ms, &removed, err);
    if (rc == TOCSIN_OK && removed > 0 && clock_mono_ms() < until)
        rc = give_pages_back(sq, err);
    if (rc != TOCSIN_OK)
        return rc;
    if (sq->checkpoint_ms < 0)
        log_checkpoint(sq, &sq->conn, SQLITE_CHECKPOINT_PASSIVE, &code);
    if (clock_mono_ms() < until && file_size(sq->path, "-wal") > sq->wal_limit)
        rc = log_shrink(sq, err);
    if (rc != TOCSIN_OK)
        return sq_result(sq, rc, err);
    reserve_make(sq->path, sq->dir, sq->reserve);
    return sq_alive(sq, err);
}
