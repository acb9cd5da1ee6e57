/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_rows.h"

#include <string.h>

#define BIND_INT(f) sqlite3_bind_int64(st, ++n, (sqlite3_int64)row->f);
#define BIND_TEXT(f) sqlite3_bind_text(st, ++n, row->f, -1, SQLITE_STATIC);
#define READ_INT(f) out->f = (__typeof__(out->f))sqlite3_column_int64(st, n++);
#define READ_TEXT(f) out->f = column_text(st, n++, a);

enum { N_ALERT_COLUMNS = 4 ALERT_INTS(ONE_MORE) };

void
bind_alert(sqlite3_stmt *st, const struct alert_row *row)
{
    int n = 4;

    sqlite3_bind_int64(st, 1, row->rowid);
    sqlite3_bind_blob(st, 2, row->key.b, sizeof row->key.b, SQLITE_STATIC);
    bind_id(st, 3, &row->incident);
    sqlite3_bind_int(st, 4, row->state);
    ALERT_INTS(BIND_INT)
}

void
bind_own(sqlite3_stmt *st, const struct own_row *row)
{
    int n = 1;

    bind_id(st, 1, &row->own);
    OWN_INTS(BIND_INT)
}

void
read_own(sqlite3_stmt *st, struct own_row *out)
{
    int n = 1;

    out->own = column_id(st, 0);
    OWN_INTS(READ_INT)
    out->key = column_id(st, n);
}

void
read_alert(sqlite3_stmt *st, struct alert_row *out)
{
    int n = 4;

    memset(out, 0, sizeof *out);
    out->rowid = sqlite3_column_int64(st, 0);
    out->key = column_id(st, 1);
    out->incident = column_id(st, 2);
    out->state = (uint8_t)sqlite3_column_int(st, 3);
    ALERT_INTS(READ_INT)
}

void
read_alert_text(sqlite3_stmt *st, struct arena *a, struct alert_row *out)
{
    out->source = column_text(st, N_ALERT_COLUMNS, a);
    out->dedup_key = column_text(st, N_ALERT_COLUMNS + 1, a);
    out->body_len = (size_t)sqlite3_column_bytes(st, N_ALERT_COLUMNS + 2);
    out->body = arena_memdup(a, sqlite3_column_blob(st, N_ALERT_COLUMNS + 2), out->body_len);
}

void
bind_incident(sqlite3_stmt *st, const struct incident_row *row)
{
    int n = 4;

    bind_id(st, 1, &row->id);
    bind_id(st, 2, &row->group);
    bind_id(st, 3, &row->policy);
    sqlite3_bind_int64(st, 4, row->episode);
    INCIDENT_INTS(BIND_INT)
    INCIDENT_TEXTS(BIND_TEXT)
}

void
read_incident(sqlite3_stmt *st, struct arena *a, struct incident_row *out)
{
    int n = 4;

    memset(out, 0, sizeof *out);
    out->id = column_id(st, 0);
    out->group = column_id(st, 1);
    out->policy = column_id(st, 2);
    out->episode = (uint32_t)sqlite3_column_int64(st, 3);
    INCIDENT_INTS(READ_INT)
    INCIDENT_TEXTS(READ_TEXT)
}

void
bind_delivery(sqlite3_stmt *st, const struct delivery_row *row)
{
    int n = 2;

    bind_id(st, 1, &row->incident);
    sqlite3_bind_text(st, 2, row->target, -1, SQLITE_STATIC);
    DELIVERY_INTS(BIND_INT)
    DELIVERY_TEXTS(BIND_TEXT)
}

void
read_delivery(sqlite3_stmt *st, struct arena *a, struct delivery_row *out)
{
    int n = 2;

    memset(out, 0, sizeof *out);
    out->incident = column_id(st, 0);
    out->target = column_text(st, 1, a);
    DELIVERY_INTS(READ_INT)
    DELIVERY_TEXTS(READ_TEXT)
}

void
bind_event(sqlite3_stmt *st, const struct event_row *row)
{
    int n = 2;

    bind_id(st, 1, &row->incident);
    sqlite3_bind_int64(st, 2, row->at);
    BIND_TEXT(kind)
    BIND_TEXT(actor)
    BIND_TEXT(text)
}

void
read_event(sqlite3_stmt *st, struct arena *a, struct event_row *out)
{
    int n = 2;

    out->incident = column_id(st, 0);
    out->at = sqlite3_column_int64(st, 1);
    READ_TEXT(kind)
    READ_TEXT(actor)
    READ_TEXT(text)
}

void
bind_silence(sqlite3_stmt *st, const struct silence_row *row)
{
    int n = 1;

    bind_id(st, 1, &row->id);
    SILENCE_INTS(BIND_INT)
    SILENCE_TEXTS(BIND_TEXT)
}

void
read_silence(sqlite3_stmt *st, struct arena *a, struct silence_row *out)
{
    int n = 1;

    memset(out, 0, sizeof *out);
    out->id = column_id(st, 0);
    SILENCE_INTS(READ_INT)
    SILENCE_TEXTS(READ_TEXT)
}

void *
rows_add(struct rows *r)
{
    if (r->n == r->cap) {
        size_t cap = r->cap > 0 ? 2 * r->cap : 8;
        void *v = arena_alloc(r->arena, cap * r->size);

        if (r->n > 0)
            memcpy(v, r->v, r->n * r->size);
        r->v = v;
        r->cap = cap;
    }
    return (char *)r->v + r->size * r->n++;
}

enum tocsin_rc
query_incident(struct conn *c, struct arena *a, const struct id16 *id, struct incident_row *out, bool *found,
               struct tocsin_err *err)
{
    sqlite3_stmt *st = conn_take(c, ST_INCIDENT_GET, err);
    enum tocsin_rc rc;

    *found = false;
    if (st == NULL)
        return conn_kind(c);
    bind_id(st, 1, id);
    rc = conn_step(c, st, found, err);
    if (rc == TOCSIN_OK && *found) {
        read_incident(st, a, out);
        conn_done(st);
    }
    return rc;
}

enum tocsin_rc
query_deliveries(struct conn *c, struct arena *a, const struct id16 *incident, struct delivery_row **out,
                 size_t *n_out, struct tocsin_err *err)
{
    sqlite3_stmt *st = conn_take(c, ST_DELIVERIES_GET, err);
    struct rows rows = { .arena = a, .size = sizeof **out };
    enum tocsin_rc rc;
    bool row;

    if (st == NULL)
        return conn_kind(c);
    bind_id(st, 1, incident);
    while ((rc = conn_step(c, st, &row, err)) == TOCSIN_OK && row)
        read_delivery(st, a, rows_add(&rows));
    delivery_rows_sort(rows.v, rows.n);
    *out = rows.v;
    *n_out = rows.n;
    return rc;
}

enum tocsin_rc
query_silences(struct conn *c, struct arena *a, struct silence_row **out, size_t *n_out, struct tocsin_err *err)
{
    sqlite3_stmt *st = conn_take(c, ST_SILENCE_LIST, err);
    struct rows rows = { .arena = a, .size = sizeof **out };
    enum tocsin_rc rc;
    bool row;

    if (st == NULL)
        return conn_kind(c);
    while ((rc = conn_step(c, st, &row, err)) == TOCSIN_OK && row)
        read_silence(st, a, rows_add(&rows));
    *out = rows.v;
    *n_out = rows.n;
    return rc;
}
