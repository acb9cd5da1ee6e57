/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_store.h - the SQLite engine's state, shared by its files only.
 *
 * Connections: the writer's (the committer thread), one for checkpoints (a
 * thread of its own), and a few for readers (any thread).  Nobody takes the
 * connection of another, and none of the locks here is held during I/O but by
 * its owner.
 */
#ifndef STORE_SQLITE_STORE_H
#define STORE_SQLITE_STORE_H

#include <stdatomic.h>

#include "store/history.h"
#include "store/sqlite_conn.h"
#include "store/store.h"
#include "store/writer.h"

enum { WRITER_CACHE_KIB = 16384, READER_CACHE_KIB = 2048, MAX_READERS = 4 };

struct reader { struct conn conn; struct reader *next; };

struct sq {
    struct writer w;               /* first: a struct store is a struct sq */
    char *path, *dir, *vfs, *synchronous;
    int64_t wal_limit, reserve;
    struct conn conn;
    int lock_fd;

    atomic_bool dead;              /* a sync or write failed: never again */
    pthread_mutex_t why_lock;
    char why[512];

    pthread_mutex_t reader_lock;
    pthread_cond_t reader_free;
    struct reader *idle;
    unsigned n_readers;

    pthread_t checkpointer;
    bool has_checkpointer;
    struct conn checkpoint_conn;
    pthread_mutex_t checkpoint_lock;
    pthread_cond_t checkpoint_wake;
    bool checkpoint_stop;
    int checkpoint_ms;
    atomic_llong wal_bytes;
    atomic_llong log_moved;        /* of them the thread has moved */
    int64_t log_bytes;             /* the log's usual size */
    int64_t turn_at;               /* size of the log from which the writer helps the thread to reach its end */
    bool log_due;                  /* the last commit is not looked after yet: log_settle() */
    int64_t restart_at;            /* size of the log at which the writer starts it anew, whatever it takes */

    struct history history;
    unsigned char secret[STORE_SECRET];
};

static inline struct sq *
sq_of(struct store *s)
{
    return (struct sq *)s;
}

/* store_sqlite.c */
/* Passes rc on; when it is TOCSIN_FATAL the store is dead from here on. */
enum tocsin_rc sq_result(struct sq *, enum tocsin_rc rc, struct tocsin_err *);
enum tocsin_rc sq_alive(struct sq *, struct tocsin_err *);
void sq_die(struct sq *, const char *why);

/* sqlite_write.c */
extern const struct engine sqlite_engine;
enum tocsin_rc sqlite_flush(struct store *, struct tocsin_err *);

/* sqlite_load.c */
enum tocsin_rc sqlite_load(struct sq *, struct tocsin_err *);

/* sqlite_read.c */
void sqlite_readers_close(struct sq *);
const char *sqlite_policy_body(struct store *, struct arena *, const struct id16 *id);
enum tocsin_rc sqlite_pending(struct store *, struct arena *, struct pending **out, size_t *n_out,
                              struct tocsin_err *);
enum tocsin_rc sqlite_list_incidents(struct store *, struct arena *, const struct incident_filter *,
                                     struct incident_row **out, size_t *n_out, struct tocsin_err *);
enum tocsin_rc sqlite_list_alerts(struct store *, struct arena *, const struct alert_filter *, struct alert_row **out,
                                  size_t *n_out, struct tocsin_err *);
enum tocsin_rc sqlite_list_silences(struct store *, struct arena *, struct silence_row **out, size_t *n_out,
                                    struct tocsin_err *);
enum tocsin_rc sqlite_get_incident(struct store *, struct arena *, const struct id16 *id, size_t max_alerts,
                                   size_t max_events, struct incident_detail *out, struct tocsin_err *);
enum tocsin_rc sqlite_get_delivery(struct store *, struct arena *, const struct id16 *id, const char *target,
                                   size_t max_alerts, struct incident_detail *out, struct tocsin_err *);
enum tocsin_rc sqlite_get_notes(struct store *, struct arena *, const struct id16 *id, uint32_t from,
                                struct event_row **out, size_t *n_out, struct tocsin_err *);
enum tocsin_rc sqlite_list_outbox(struct store *, struct arena *, struct outbox_row **out, size_t *n_out,
                                  struct tocsin_err *);
enum tocsin_rc sqlite_get_outbox(struct store *, struct arena *, int64_t id, struct outbox_row *out,
                                 struct tocsin_err *);

/* sqlite_log.c */
enum tocsin_rc checkpointer_start(struct sq *, struct tocsin_err *);
void checkpointer_stop(struct sq *);
void log_checkpoint(struct sq *, struct conn *, int mode, int *code_r);
enum tocsin_rc log_lay_out(struct sq *, struct tocsin_err *);  /* its usual size, if there is space */
enum tocsin_rc log_shrink(struct sq *, struct tocsin_err *);   /* to its usual size, if no reader is in the way */
void log_settle(struct sq *);                                  /* writer, outside a transaction: look after the log */

/* sqlite_upkeep.c */
enum tocsin_rc sqlite_maintain(struct store *, int64_t now, int64_t keep_ms, int64_t budget_ms, struct tocsin_err *);

#endif
