/* SPDX-License-Identifier: Apache-2.0 */
#include "store/outbox.h"

#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "store/sqlite_rows.h"

/* --- staging ---------------------------------------------------------------------------- */

void
outbox_row_copy(struct arena *a, struct outbox_row *dst, const struct outbox_row *src)
{
    *dst = *src;
    dst->collector = arena_strdup(a, src->collector);
    dst->what = arena_strdup(a, src->what);
    dst->url = arena_strdup(a, src->url);
    dst->body = src->body_len > 0 && src->body != NULL ? arena_memdup(a, src->body, src->body_len) : NULL;
}

void
outbox_stage(struct stage *s, const struct writeset *ws, int64_t *next_id)
{
    size_t rows = s->n_outbox + ws->n_outbox, gone = s->n_outbox_gone + ws->n_outbox_gone;

    if (ws->n_outbox > 0)
        s->outbox = xrealloc(s->outbox, rows * sizeof *s->outbox);
    for (size_t i = 0; i < ws->n_outbox; i++) {
        ws->outbox[i]->id = (*next_id)++;
        outbox_row_copy(s->arena, &s->outbox[s->n_outbox++], ws->outbox[i]);
    }
    if (ws->n_outbox_gone > 0) {
        s->outbox_gone = xrealloc(s->outbox_gone, gone * sizeof *s->outbox_gone);
        memcpy(s->outbox_gone + s->n_outbox_gone, ws->outbox_gone, ws->n_outbox_gone * sizeof *s->outbox_gone);
        s->n_outbox_gone = gone;
    }
    s->news |= ws->n_outbox > 0;
    s->durable |= ws->n_outbox + ws->n_outbox_gone > 0;
}

/* --- SQLite ------------------------------------------------------------------------------- */

enum tocsin_rc
outbox_persist(struct conn *c, const struct stage *s, struct tocsin_err *err)
{
    enum tocsin_rc rc = TOCSIN_OK;

    for (size_t i = 0; i < s->n_outbox && rc == TOCSIN_OK; i++) {
        const struct outbox_row *row = &s->outbox[i];
        sqlite3_stmt *st = conn_take(c, ST_OUTBOX_INSERT, err);

        if (st == NULL)
            return conn_kind(c);
        sqlite3_bind_int64(st, 1, row->id);
        sqlite3_bind_int64(st, 2, row->kind);
        sqlite3_bind_int64(st, 3, row->created_at);
        sqlite3_bind_text(st, 4, row->collector, -1, SQLITE_STATIC);
        sqlite3_bind_text(st, 5, row->what, -1, SQLITE_STATIC);
        sqlite3_bind_text(st, 6, row->url, -1, SQLITE_STATIC);
        sqlite3_bind_blob64(st, 7, row->body != NULL ? row->body : "", row->body != NULL ? row->body_len : 0,
                            SQLITE_STATIC);
        rc = conn_run(c, st, err);
    }
    for (size_t i = 0; i < s->n_outbox_gone && rc == TOCSIN_OK; i++) {
        sqlite3_stmt *st = conn_take(c, ST_OUTBOX_DELETE, err);

        if (st == NULL)
            return conn_kind(c);
        sqlite3_bind_int64(st, 1, s->outbox_gone[i]);
        rc = conn_run(c, st, err);
    }
    return rc;
}

enum tocsin_rc
outbox_last(struct conn *c, int64_t *out, struct tocsin_err *err)
{
    sqlite3_stmt *st = conn_take(c, ST_OUTBOX_LAST, err);
    bool row;
    enum tocsin_rc rc = st != NULL ? conn_step(c, st, &row, err) : conn_kind(c);

    if (rc != TOCSIN_OK)
        return rc;
    *out = row ? sqlite3_column_int64(st, 0) : 0;
    if (row)
        conn_done(st);
    return TOCSIN_OK;
}

/* id, kind, created_at, collector, what, url, length of body, and body if there is a column for it */
static void
read_row(sqlite3_stmt *st, struct arena *a, struct outbox_row *out)
{
    out->id = sqlite3_column_int64(st, 0);
    out->kind = (uint8_t)sqlite3_column_int(st, 1);
    out->created_at = sqlite3_column_int64(st, 2);
    out->collector = arena_strdup(a, (const char *)sqlite3_column_text(st, 3));
    out->what = arena_strdup(a, (const char *)sqlite3_column_text(st, 4));
    out->url = arena_strdup(a, (const char *)sqlite3_column_text(st, 5));
    out->body_len = (size_t)sqlite3_column_int64(st, 6);
    out->body = sqlite3_column_count(st) > 7 && out->body_len > 0
                    ? arena_memdup(a, sqlite3_column_blob(st, 7), out->body_len)
                    : NULL;
}

enum tocsin_rc
outbox_query(struct conn *c, struct arena *a, struct outbox_row **out, size_t *n_out, struct tocsin_err *err)
{
    struct rows list = { .arena = a, .size = sizeof **out };
    sqlite3_stmt *st = conn_take(c, ST_OUTBOX_LIST, err);
    enum tocsin_rc rc = TOCSIN_OK;
    bool row;

    if (st == NULL)
        return conn_kind(c);
    while ((rc = conn_step(c, st, &row, err)) == TOCSIN_OK && row)
        read_row(st, a, rows_add(&list));
    *out = list.v;
    *n_out = list.n;
    return rc;
}

enum tocsin_rc
outbox_query_one(struct conn *c, struct arena *a, int64_t id, struct outbox_row *out, struct tocsin_err *err)
{
    sqlite3_stmt *st = conn_take(c, ST_OUTBOX_GET, err);
    enum tocsin_rc rc;
    bool row;

    if (st == NULL)
        return conn_kind(c);
    sqlite3_bind_int64(st, 1, id);
    rc = conn_step(c, st, &row, err);
    if (rc == TOCSIN_OK && !row)
        return err_set(err, TOCSIN_NOT_FOUND, "", "there is no such row in the outbox");
    if (rc != TOCSIN_OK)
        return rc;
    read_row(st, a, out);
    conn_done(st);
    return TOCSIN_OK;
}
