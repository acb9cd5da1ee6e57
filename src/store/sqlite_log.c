/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: laid out once, moved into the database in the background, begun anew, written over.
 *
 * A sync that only writes over blocks which the file has already costs half of one that makes it grow, and much
 * less while the disk is busy: growth goes through the file system's journal.  So the log is filled with zeros
 * to its usual size when the store is opened (behind the last commit SQLite reads on until a frame fails its
 * checks, and zeros do), and it begins anew long before it would grow.
 *
 * A thread moves the log into the database without holding anybody up; but
 * while writing never pauses it cannot get to its end, so the writer moves
 * the little that came meanwhile; its next commit begins at the log's start.
 *
 * The writer does its part when the answers of its commit are out (store.h, settle): a page, or the next sender,
 * does not wait for it.
 *
 * The thread looks ten times a second but moves only what is worth it, half a
 * log or what has lain there for ten seconds: each checkpoint syncs the
 * database in the way of commits, and the commit after it syncs twice, for the
 * log begins anew.
 */
#include <errno.h>
#include <time.h>

#include "base/err.h"
#include "os/log.h"
#include "store/sqlite_files.h"
#include "store/sqlite_store.h"

enum { CHECKPOINT_MS = 100, CHECKPOINT_LOOKS = 100,
       TURN_REST = 1 << 20,        /* the writer moves no more than this by itself, unless the log is at its limit */
       ZEROS = 65536 };

/* --- checkpoints -------------------------------------------------------------- */

static int
on_commit(void *ctx, sqlite3 *db, const char *name, int pages)
{
    struct sq *sq = ctx;

    (void)db;
    (void)name;
    atomic_store(&sq->wal_bytes, (long long)pages * 4120);     /* a frame is a page and 24 bytes */
    return SQLITE_OK;
}

/* A checkpoint syncs: when that fails nothing is known any more.  A full disk only makes it wait. */
void
log_checkpoint(struct sq *sq, struct conn *c, int mode, int *code_r)
{
    static struct complaint full;
    struct tocsin_err err;

    *code_r = sqlite3_wal_checkpoint_v2(c->db, NULL, mode, NULL, NULL);
    if (*code_r == SQLITE_OK) {
        complaint_over(&full, "store", "", "the log is moved into the database again");
        return;
    }
    if ((*code_r & 0xff) == SQLITE_BUSY || (*code_r & 0xff) == SQLITE_LOCKED)
        return;
    if (conn_error(c, "checkpoint", &err) == TOCSIN_FATAL)
        sq_die(sq, err.what);
    else
        complain(&full, "store", "", "%s", err.what);
}

/* Sleeps until the next checkpoint.  False: stop. */
static bool
wait_turn(struct sq *sq)
{
    struct timespec until;
    bool stop;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(sq->checkpoint_ms % 1000) * 1000000;
    until.tv_sec += sq->checkpoint_ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&sq->checkpoint_lock);
    while (!sq->checkpoint_stop &&
           pthread_cond_timedwait(&sq->checkpoint_wake, &sq->checkpoint_lock, &until) != ETIMEDOUT)
        continue;
    stop = sq->checkpoint_stop;
    pthread_mutex_unlock(&sq->checkpoint_lock);
    return !stop;
}

static void *
checkpointer_main(void *arg)
{
    struct sq *sq = arg;
    long long done = 0;
    int looks = 0;

    while (wait_turn(sq)) {
        long long bytes = atomic_load(&sq->wal_bytes);
        int code;

        if (bytes < done)
            atomic_store(&sq->log_moved, done = 0);            /* the log has begun anew */
        if (bytes == done || atomic_load(&sq->dead))
            continue;
        if (bytes - done < sq->log_bytes / 2 && ++looks < CHECKPOINT_LOOKS)
            continue;
        log_checkpoint(sq, &sq->checkpoint_conn, SQLITE_CHECKPOINT_PASSIVE, &code);
        looks = 0;
        if (code == SQLITE_OK)
            atomic_store(&sq->log_moved, done = bytes);
    }
    return NULL;
}

enum tocsin_rc
checkpointer_start(struct sq *sq, struct tocsin_err *err)
{
    struct conn_options options = { .path = sq->path, .vfs = sq->vfs, .synchronous = sq->synchronous,
                                    .cache_kib = READER_CACHE_KIB };
    pthread_condattr_t attr;
    enum tocsin_rc rc;

    sq->restart_at = sq->wal_limit;
    sqlite3_wal_hook(sq->conn.db, on_commit, sq);
    if (sq->checkpoint_ms == 0)
        sq->checkpoint_ms = CHECKPOINT_MS;
    if (sq->checkpoint_ms < 0)
        return TOCSIN_OK;
    rc = conn_open(&sq->checkpoint_conn, &options, err);
    if (rc != TOCSIN_OK)
        return rc;
    pthread_mutex_init(&sq->checkpoint_lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&sq->checkpoint_wake, &attr);
    pthread_condattr_destroy(&attr);
    errno = pthread_create(&sq->checkpointer, NULL, checkpointer_main, sq);
    if (errno != 0) {
        rc = err_sys(err, TOCSIN_FATAL, "", "cannot start the checkpoint thread");
        conn_close(&sq->checkpoint_conn);
        pthread_mutex_destroy(&sq->checkpoint_lock);
        pthread_cond_destroy(&sq->checkpoint_wake);
    }
    sq->has_checkpointer = rc == TOCSIN_OK;
    return rc;
}

void
checkpointer_stop(struct sq *sq)
{
    if (!sq->has_checkpointer)
        return;
    pthread_mutex_lock(&sq->checkpoint_lock);
    sq->checkpoint_stop = true;
    pthread_cond_signal(&sq->checkpoint_wake);
    pthread_mutex_unlock(&sq->checkpoint_lock);
    pthread_join(sq->checkpointer, NULL);
    conn_close(&sq->checkpoint_conn);
    pthread_mutex_destroy(&sq->checkpoint_lock);
    pthread_cond_destroy(&sq->checkpoint_wake);
    sq->has_checkpointer = false;
}

/* The thread has just been at it: what is left is moved here, and the log's end is reached. */
static void
turn_over(struct sq *sq, int64_t bytes)
{
    int code;

    if (bytes < sq->log_bytes / 2)
        sq->turn_at = sq->log_bytes / 2;
    if (bytes < sq->turn_at || bytes - atomic_load(&sq->log_moved) > TURN_REST)
        return;
    log_checkpoint(sq, &sq->conn, SQLITE_CHECKPOINT_PASSIVE, &code);
    sq->turn_at = bytes + TURN_REST;           /* a reader may keep the log from beginning anew: not at every commit */
}

void
log_settle(struct sq *sq)
{
    int64_t bytes = atomic_load(&sq->wal_bytes);
    int code;

    if (!sq->log_due || !sqlite3_get_autocommit(sq->conn.db))
        return;
    sq->log_due = false;
    turn_over(sq, bytes);
    if (bytes < sq->restart_at)
        return;
    sqlite3_busy_timeout(sq->conn.db, 0);      /* a reader in the way is not waited for */
    log_checkpoint(sq, &sq->conn, SQLITE_CHECKPOINT_RESTART, &code);
    sqlite3_busy_timeout(sq->conn.db, 1000);
    sq->restart_at = code == SQLITE_OK ? sq->wal_limit : bytes + sq->wal_limit / 8;
}

/* --- laying out --------------------------------------------------------------- */

static int
fill(sqlite3_file *f, int64_t size)
{
    static const char zeros[ZEROS];
    sqlite3_int64 was = 0;
    int code = f->pMethods->xFileSize(f, &was);

    if (code != SQLITE_OK || was >= size)
        return code;
    for (sqlite3_int64 at = was; at < size && code == SQLITE_OK; at += ZEROS)
        code = f->pMethods->xWrite(f, zeros, size - at < ZEROS ? (int)(size - at) : ZEROS, at);
    if (code == SQLITE_OK)
        code = f->pMethods->xSync(f, SQLITE_SYNC_NORMAL);
    else if ((code & 0xff) == SQLITE_FULL)
        code = f->pMethods->xTruncate(f, was);             /* it grows as it is needed, then */
    return code;
}

enum tocsin_rc
log_lay_out(struct sq *sq, struct tocsin_err *err)
{
    int64_t space = disk_free(sq->dir);
    sqlite3_file *f = NULL;
    enum tocsin_rc rc;
    int code;

    if (space >= 0 && space < 2 * sq->reserve + sq->log_bytes)
        return TOCSIN_OK;
    rc = conn_exec(&sq->conn, "begin immediate", err);     /* nobody else writes behind the log's end meanwhile */
    if (rc != TOCSIN_OK)
        return rc;
    code = sqlite3_file_control(sq->conn.db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &f);
    if (code == SQLITE_OK && f != NULL && f->pMethods != NULL)
        code = fill(f, sq->log_bytes);
    rc = conn_exec(&sq->conn, "rollback", err);
    if (code != SQLITE_OK)
        rc = err_set(err, TOCSIN_FATAL, "", "database '%s': cannot lay out the log: %s", sq->path,
                     sqlite3_errstr(code));
    return rc;
}

enum tocsin_rc
log_shrink(struct sq *sq, struct tocsin_err *err)
{
    int code;

    sqlite3_busy_timeout(sq->conn.db, 0);
    log_checkpoint(sq, &sq->conn, SQLITE_CHECKPOINT_TRUNCATE, &code);
    sqlite3_busy_timeout(sq->conn.db, 1000);
    return code == SQLITE_OK ? log_lay_out(sq, err) : TOCSIN_OK;
}
