/* SPDX-License-Identifier: Apache-2.0 */
/* What the store writes on its own account, in transactions like those of its user. */
#include "store/writer.h"

enum { SILENT_BATCH = 256 };
#define SILENT_MS ((int64_t)24 * 60 * 60 * 1000)
#define SILENCE_KEEP_MS ((int64_t)120 * 60 * 60 * 1000)

enum tocsin_rc
writer_write_own(struct writer *w, const struct writeset *ws, struct tocsin_err *err)
{
    enum tocsin_rc rc = writer_begin(&w->store, err);

    if (rc != TOCSIN_OK)
        return rc;
    rc = writer_write(&w->store, ws, err);
    if (rc != TOCSIN_OK) {
        writer_rollback(&w->store);
        return rc;
    }
    return writer_commit(&w->store, err);
}

enum tocsin_rc
writer_close_silent(struct writer *w, int64_t now, struct tocsin_err *err)
{
    struct alert_row rows[SILENT_BATCH];
    struct alert_write writes[SILENT_BATCH];
    struct writeset ws = { .alerts = writes };

    ws.n_alerts = cache_silent(&w->cache, now - SILENT_MS, rows, SILENT_BATCH);
    if (ws.n_alerts == 0)
        return TOCSIN_OK;
    for (size_t i = 0; i < ws.n_alerts; i++) {
        rows[i].state = ALERT_RESOLVED;
        rows[i].ends_at = now;
        writes[i] = (struct alert_write){ &rows[i], false };
    }
    return writer_write_own(w, &ws, err);
}

enum tocsin_rc
writer_forget_silences(struct writer *w, int64_t now, int64_t keep_ms, struct tocsin_err *err)
{
    int64_t before = now - (keep_ms < SILENCE_KEEP_MS ? keep_ms : SILENCE_KEEP_MS);
    struct arena *a;
    struct silence_row *rows;
    struct writeset ws = { 0 };
    struct id16 *gone;
    enum tocsin_rc rc = TOCSIN_OK;

    if (w->cache.counts.silences[SILENCE_EXPIRED] == 0 || before <= 0)
        return TOCSIN_OK;
    a = arena_new();
    cache_silences(&w->cache, a, SILENCE_EXPIRED, before, &rows, &ws.n_gone_silences);
    gone = arena_alloc(a, (ws.n_gone_silences + 1) * sizeof *gone);
    for (size_t i = 0; i < ws.n_gone_silences; i++)
        gone[i] = rows[i].id;
    ws.gone_silences = gone;
    if (ws.n_gone_silences > 0)
        rc = writer_write_own(w, &ws, err);
    arena_free(a);
    return rc;
}
