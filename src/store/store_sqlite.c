/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQLite engine: opening, closing, and what becomes of it when the disk
 * fails.  README.md tells why each step of opening is there.
 */
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "os/file.h"
#include "os/log.h"
#include "store/sqlite_files.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_store.h"

#define DEFAULT_WAL_LIMIT ((int64_t)256 << 20)
#define DEFAULT_RESERVE ((int64_t)32 << 20)
#define LOG_BYTES ((int64_t)16 << 20)

/* --- a failed disk ------------------------------------------------------------ */

void
sq_die(struct sq *sq, const char *why)
{
    pthread_mutex_lock(&sq->why_lock);
    if (!atomic_load(&sq->dead)) {
        snprintf(sq->why, sizeof sq->why, "%s", why);
        log_error("store", "", "%s", why);
        mark_failed(sq->path, sq->dir, why);
        atomic_store(&sq->dead, true);
    }
    pthread_mutex_unlock(&sq->why_lock);
}

enum tocsin_rc
sq_alive(struct sq *sq, struct tocsin_err *err)
{
    enum tocsin_rc rc;

    if (!atomic_load(&sq->dead))
        return TOCSIN_OK;
    pthread_mutex_lock(&sq->why_lock);
    rc = err_set(err, TOCSIN_FATAL, "", "the store has failed and must be opened again: %s", sq->why);
    pthread_mutex_unlock(&sq->why_lock);
    return rc;
}

enum tocsin_rc
sq_result(struct sq *sq, enum tocsin_rc rc, struct tocsin_err *err)
{
    char why[160];

    if (rc != TOCSIN_FATAL)
        return rc;
    snprintf(why, sizeof why, "database '%.80s' failed (code %d)", sq->path, sqlite3_extended_errcode(sq->conn.db));
    sq_die(sq, err != NULL ? err->what : why);
    return rc;
}

/* --- health ------------------------------------------------------------------- */

static enum tocsin_rc
sqlite_stats(struct store *s, struct store_stats *out, struct tocsin_err *err)
{
    struct sq *sq = sq_of(s);

    (void)err;
    writer_stats(&sq->w, out);
    out->db_bytes = file_size(sq->path, "");
    out->wal_bytes = file_size(sq->path, "-wal");
    out->free_bytes = disk_free(sq->dir);
    return TOCSIN_OK;
}

static enum tocsin_rc
sqlite_health(struct store *s, struct tocsin_err *err)
{
    struct sq *sq = sq_of(s);
    int64_t space = disk_free(sq->dir);
    enum tocsin_rc rc = sq_alive(sq, err);

    if (rc == TOCSIN_OK && space >= 0 && space < sq->reserve)
        rc = err_set(err, TOCSIN_FULL, "", "disk of '%s' is full: %lld bytes free, at least %lld are needed", sq->path,
                     (long long)space, (long long)sq->reserve);
    return rc;
}

static void
sqlite_settle(struct store *s)
{
    struct sq *sq = sq_of(s);

    if (!atomic_load(&sq->dead))
        log_settle(sq);
}

/* --- closing ------------------------------------------------------------------ */

static void
release(struct sq *sq)
{
    checkpointer_stop(sq);
    sqlite_readers_close(sq);
    conn_close(&sq->conn);
    if (sq->lock_fd >= 0)
        close(sq->lock_fd);
    writer_release(&sq->w);
    pthread_mutex_destroy(&sq->why_lock);
    pthread_mutex_destroy(&sq->reader_lock);
    pthread_cond_destroy(&sq->reader_free);
    free(sq->path);
    free(sq->dir);
    free(sq->vfs);
    free(sq->synchronous);
    free(sq);
}

static void
sqlite_store_close(struct store *s)
{
    struct sq *sq = sq_of(s);
    struct tocsin_err err;

    writer_rollback(s);
    while (sq->w.cache.counts.lazy_unflushed > 0) {
        if (sqlite_flush(s, &err) == TOCSIN_OK)
            continue;
        log_warn("store", "", "counters of %llu alerts are lost: %s",
                 (unsigned long long)sq->w.cache.counts.lazy_unflushed, err.what);
        break;
    }
    release(sq);
}

/* --- opening ------------------------------------------------------------------ */

static void
sqlite_secret(struct store *s, unsigned char out[STORE_SECRET])
{
    memcpy(out, sq_of(s)->secret, STORE_SECRET);
}

static const struct store_ops sqlite_ops = {
    .name = "sqlite",
    .close = sqlite_store_close,
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
    .list_silences = sqlite_list_silences,
    .write = writer_write,
    .commit = writer_commit,
    .rollback = writer_rollback,
    .settle = sqlite_settle,
    .flush = sqlite_flush,
    .maintain = sqlite_maintain,
    .policy_body = sqlite_policy_body,
    .pending = sqlite_pending,
    .list_incidents = sqlite_list_incidents,
    .list_alerts = sqlite_list_alerts,
    .get_incident = sqlite_get_incident,
    .get_delivery = sqlite_get_delivery,
    .get_notes = sqlite_get_notes,
    .list_outbox = sqlite_list_outbox,
    .get_outbox = sqlite_get_outbox,
    .secret = sqlite_secret,
    .stats = sqlite_stats,
    .health = sqlite_health,
};

static struct sq *
sq_new(const struct store_sqlite_options *o)
{
    struct sq *sq = xcalloc(1, sizeof *sq);
    char *slash;

    writer_init(&sq->w, &sqlite_ops, &sqlite_engine);
    sq->path = xstrdup(o->path);
    sq->dir = xstrdup(o->path);
    slash = strrchr(sq->dir, '/');
    if (slash == NULL)
        snprintf(sq->dir, strlen(o->path) + 1, ".");
    else
        slash[slash == sq->dir] = '\0';
    sq->vfs = o->vfs != NULL ? xstrdup(o->vfs) : NULL;
    sq->synchronous = o->synchronous != NULL ? xstrdup(o->synchronous) : NULL;
    sq->wal_limit = o->wal_limit_bytes > 0 ? o->wal_limit_bytes : DEFAULT_WAL_LIMIT;
    sq->log_bytes = o->log_bytes > 0 ? o->log_bytes : LOG_BYTES;
    if (sq->log_bytes > sq->wal_limit)
        sq->log_bytes = sq->wal_limit;
    sq->turn_at = sq->log_bytes / 2;
    sq->reserve = o->reserve_bytes > 0 ? o->reserve_bytes : DEFAULT_RESERVE;
    sq->checkpoint_ms = o->checkpoint_ms;
    sq->lock_fd = -1;
    pthread_mutex_init(&sq->why_lock, NULL);
    pthread_mutex_init(&sq->reader_lock, NULL);
    pthread_cond_init(&sq->reader_free, NULL);
    return sq;
}

static enum tocsin_rc
take_folder(struct sq *sq, struct tocsin_err *err)
{
    enum tocsin_rc rc = file_make_dirs(sq->dir, 0700, err);

    if (rc == TOCSIN_OK)
        rc = folder_check(sq->dir, err);
    if (rc == TOCSIN_OK)
        rc = lock_take(sq->path, &sq->lock_fd, err);
    if (rc == TOCSIN_OK && is_marked_failed(sq->path))
        rc = database_rescue(sq->path, sq->dir, sq->vfs, err);
    if (rc == TOCSIN_OK && sq->vfs == NULL)
        rc = database_create(sq->path, err);
    return rc;
}

/*
 * The first commit makes the log; then the folder is synced, so that the log's name survives a power cut too.
 * SQLite syncs the folder as well, but passes over a failure.
 */
static enum tocsin_rc
open_database(struct sq *sq, struct tocsin_err *err)
{
    struct conn_options options = { .path = sq->path, .vfs = sq->vfs, .synchronous = sq->synchronous, .writer = true,
                                    .cache_kib = WRITER_CACHE_KIB };
    size_t had = 0;
    enum tocsin_rc rc = conn_open(&sq->conn, &options, err);

    if (rc == TOCSIN_OK)
        rc = schema_migrate(&sq->conn, schema_migrations, schema_version, &had, err);
    if (rc == TOCSIN_OK && had > 0 && had < schema_version)
        log_info("store", "", "migrated '%s' from schema version %zu to %zu", sq->path, had, schema_version);
    if (rc == TOCSIN_OK)
        rc = conn_exec(&sq->conn, "begin immediate; replace into meta values ('starts', 1 + coalesce((select v from meta "
                                  "where k = 'starts'), 0)); insert or ignore into meta values ('secret', "
                                  "randomblob(32)); commit", err);
    if (rc == TOCSIN_OK)
        rc = schema_secret(&sq->conn, sq->secret, err);
    if (rc == TOCSIN_OK)
        rc = file_sync_dir(sq->dir, err);
    if (rc == TOCSIN_OK)
        rc = log_lay_out(sq, err);
    return rc;
}

enum tocsin_rc
store_sqlite_open(const struct store_sqlite_options *options, struct store **out_r, struct tocsin_err *err)
{
    struct sq *sq = sq_new(options);
    enum tocsin_rc rc = take_folder(sq, err);

    if (rc == TOCSIN_OK)
        rc = open_database(sq, err);
    if (rc == TOCSIN_OK)
        rc = sqlite_load(sq, err);
    if (rc == TOCSIN_OK)
        rc = checkpointer_start(sq, err);
    if (rc != TOCSIN_OK) {
        if (rc == TOCSIN_FATAL && sq->conn.db != NULL)
            sq_result(sq, rc, err);            /* a sync may have failed: the next start makes a copy */
        release(sq);
        return rc;
    }
    reserve_make(sq->path, sq->dir, sq->reserve);
    *out_r = &sq->w.store;
    return TOCSIN_OK;
}
