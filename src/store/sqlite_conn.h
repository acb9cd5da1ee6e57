/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_conn.h - one connection with its prepared statements.
 *
 * Statements are named by number, prepared at first use and kept.  One thread
 * at a time uses a connection; whoever steps a statement ends it with
 * conn_done(), also on the way out of an error.
 */
#ifndef STORE_SQLITE_CONN_H
#define STORE_SQLITE_CONN_H

#include <sqlite3.h>

#include "store/row_fields.h"

enum statement {
    ST_BEGIN, ST_BEGIN_WRITE, ST_COMMIT, ST_ROLLBACK,
    ST_ALERT_INSERT, ST_ALERT_TEXT_INSERT, ST_ALERT_UPDATE, ST_ALERT_MOVE, ST_ALERT_BODY, ST_ALERT_COUNT,
    ST_OWN_PUT, ST_OWN_OVER, ST_OWN_OF, ST_LOAD_OWNS, ST_DROP_OWNS, ST_DROP_OWN,
    ST_INCIDENT_PUT, ST_INCIDENT_EPISODE, ST_DELIVERY_PUT, ST_EVENT_INSERT, ST_POLICY_INSERT,
    ST_INCIDENT_GET, ST_INCIDENT_EPISODES, ST_INCIDENT_LIST, ST_INCIDENT_LIST_OPEN,
    ST_DELIVERIES_GET, ST_DELIVERY_GET, ST_DELIVERY_PENDING, ST_POLICY_GET,
    ST_ALERT_LIST, ST_ALERT_LIST_OPEN, ST_ALERTS_OF, ST_EVENTS_OF, ST_NOTES_OF,
    ST_LOAD_INCIDENTS, ST_LOAD_DELIVERIES, ST_LOAD_ALERTS, ST_LOAD_DUE, ST_MAX_ALERT,
    ST_MAX_INCIDENT,
    ST_OLD_INCIDENT, ST_ORPHAN_ALERT, ST_ORPHAN_EVENT,
    ST_DROP_ALERTS, ST_DROP_ALERT_TEXTS, ST_DROP_EVENTS, ST_DROP_DELIVERIES, ST_DROP_INCIDENT,
    ST_DROP_ALERT, ST_DROP_ALERT_TEXT, ST_DROP_EVENT, ST_VACUUM,
    ST_SILENCE_PUT, ST_SILENCE_LIST, ST_DROP_SILENCE, ST_FIRING, ST_FIRING_HELD,
    ST_OUTBOX_INSERT, ST_OUTBOX_DELETE, ST_OUTBOX_LIST, ST_OUTBOX_GET, ST_OUTBOX_LAST,
    N_STATEMENTS
};

struct conn {
    sqlite3 *db;
    sqlite3_stmt *st[N_STATEMENTS];
    const char *path;              /* borrowed: for messages */
};

struct conn_options {
    const char *path, *vfs;
    const char *synchronous;       /* NULL: FULL */
    bool writer;                   /* or query_only */
    int cache_kib;
};

enum tocsin_rc conn_open(struct conn *, const struct conn_options *, struct tocsin_err *);
void conn_close(struct conn *);
enum tocsin_rc conn_exec(struct conn *, const char *sql, struct tocsin_err *);

/* The kind of the last error. */
enum tocsin_rc conn_kind(struct conn *);
/* The statement, ready to bind; NULL with err filled when it cannot be prepared. */
sqlite3_stmt *conn_take(struct conn *, enum statement, struct tocsin_err *);
/* Step once.  *row_r: there is a row, and conn_done() is still to be called; otherwise it is done. */
enum tocsin_rc conn_step(struct conn *, sqlite3_stmt *, bool *row_r, struct tocsin_err *);
enum tocsin_rc conn_run(struct conn *, sqlite3_stmt *, struct tocsin_err *);        /* no rows expected */
enum tocsin_rc conn_do(struct conn *, enum statement, struct tocsin_err *);         /* nothing to bind */
void conn_done(sqlite3_stmt *);

/* What the connection's last error means, in words that name the file.  doing: "commit", "open", ... */
enum tocsin_rc conn_error(struct conn *, const char *doing, struct tocsin_err *);

void bind_id(sqlite3_stmt *, int n, const struct id16 *);        /* x'' for the zero id */
struct id16 column_id(sqlite3_stmt *, int n);
const char *column_text(sqlite3_stmt *, int n, struct arena *);  /* a copy; never NULL */

#endif
