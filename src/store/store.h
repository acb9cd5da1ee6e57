/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - durable state behind a table of functions.
 *
 * One writer (the committer thread) uses begin ... commit; it sees its own
 * rows, and TOCSIN_OK from commit means: on disk.  Reads for people (list_*,
 * get_*) may come from any thread and see committed state only; they never
 * block the writer.
 *
 * After TOCSIN_FULL or TOCSIN_TEMPORARY nothing of the transaction remains,
 * in memory or on disk, and the store is usable.  After TOCSIN_FATAL (a failed
 * sync) it must not be used again: stop acknowledging and end the process.
 *
 * Rows that load_* gives are copies in the caller's arena.
 */
#ifndef STORE_H
#define STORE_H

#include <tocsin/err.h>

#include "base/arena.h"
#include "core/rows.h"

struct store;                      /* an engine embeds this as its first member */

struct alert_write { struct alert_row *row; bool lazy; };

/* An own key, and the alert under which it is: one of the same writeset, or one that is stored. */
struct own_write { struct own_row *row; const struct alert_row *alert; };

struct writeset {
    struct alert_write *alerts;            size_t n_alerts;     /* body NULL: keep the stored one */
    struct own_write *owns;                size_t n_owns;
    struct incident_row *const *incidents; size_t n_incidents;
    struct delivery_row *const *deliveries; size_t n_deliveries;
    const struct event_row *events;        size_t n_events;
    const struct policy_row *policies;     size_t n_policies;   /* known ids are skipped */
    struct silence_row *const *silences;   size_t n_silences;
    const struct id16 *gone_silences;      size_t n_gone_silences;
    struct outbox_row *const *outbox;      size_t n_outbox;     /* new ones; they get their ids */
    const int64_t *outbox_gone;            size_t n_outbox_gone;  /* ids; unknown ones are skipped */
};

enum { STORE_SECRET = 32 };

#define INCIDENT_DELAYED 1u        /* of incident_filter.states */

struct incident_filter {
    unsigned states;               /* bit (1 << enum tocsin_incident_state), INCIDENT_DELAYED; 0: all but the latter */
    unsigned severities;           /* bit (1 << enum tocsin_severity); 0: all */
    const char *q;                 /* substring of summary, group key, source or id, case folded; NULL: all */
    const struct id16 *before;     /* cursor: only ids below it; NULL: from the newest */
    size_t limit;
};

struct alert_filter {
    bool waiting;                  /* heartbeats that wait for their next beat as well */
    const char *source;            /* collector; NULL: all */
    const struct id16 *key;        /* NULL: all; has no index, so with it ask for few states */
    bool own;                      /* those as well under which key is a sender's own key, firing or over */
    unsigned states;               /* bit (1 << enum alert_state); 0: all */
    int64_t before;                /* cursor: only rowids below it; 0: from the newest */
    size_t limit;
};

struct incident_detail {
    struct incident_row row;
    struct alert_row *alerts;      size_t n_alerts;      /* newest first, with text; at most max_alerts */
    struct delivery_row *deliveries; size_t n_deliveries;
    struct event_row *events;      size_t n_events;      /* oldest first; at most the newest max_events */
};

/* A delivery that is to be made at due_at, or (due_at 0) one that was refused and waits for a change. */
struct pending { struct id16 incident; const char *target; int64_t due_at; };

struct store_stats {
    uint64_t open_incidents, triggered, acknowledged, open_alerts, exhausted;
    uint64_t suppressed_alerts;    /* of the open ones: firing, and held back */
    uint64_t silences[SILENCE_EXPIRED + 1];                     /* by phase */
    uint64_t pending_deliveries, failing_deliveries;
    int64_t oldest_pending_at;     /* due_at of the oldest undelivered row; 0 none */
    uint64_t commits, rows_written, lazy_unflushed;
    int64_t db_bytes, wal_bytes, free_bytes;
};

struct store_ops {
    const char *name;                                             /* "sqlite", "memory" */
    void (*close)(struct store *);

    /* unit of work; writer only */
    enum tocsin_rc (*begin)(struct store *, struct tocsin_err *);
    /* out[i] is the open occurrence of keys[i], or a row with state ALERT_NONE.  Without text and body. */
    enum tocsin_rc (*load_alerts)(struct store *, const struct id16 *keys, size_t n, struct alert_row *out,
                                  struct tocsin_err *);
    /* Are there own keys under any open alert? */
    bool (*has_owns)(struct store *);
    /* Those of them that are asked for and fire, one row for each open alert that they are under.  Any order. */
    enum tocsin_rc (*load_owns)(struct store *, struct arena *, const struct id16 *owns, size_t n,
                                struct own_row **out, size_t *n_out, struct tocsin_err *);
    /* Open incidents by group, and incidents in any state by id: found[i] says which exist. */
    enum tocsin_rc (*load_groups)(struct store *, struct arena *, const struct id16 *groups, size_t n,
                                  struct incident_row *out, bool *found, struct tocsin_err *);
    enum tocsin_rc (*load_incidents)(struct store *, struct arena *, const struct id16 *ids, size_t n,
                                     struct incident_row *out, bool *found, struct tocsin_err *);
    /* How many incidents the group had so far. */
    enum tocsin_rc (*episodes)(struct store *, const struct id16 *group, uint32_t *out, struct tocsin_err *);
    enum tocsin_rc (*load_deliveries)(struct store *, struct arena *, const struct id16 *incident,
                                      struct delivery_row **out, size_t *n_out, struct tocsin_err *);
    /* Open alerts of an incident, without text: for a resolve by a person. */
    enum tocsin_rc (*load_members)(struct store *, struct arena *, const struct id16 *incident,
                                   struct alert_row **out, size_t *n_out, struct tocsin_err *);
    /* What is due at `now`, oldest first, at most max. */
    enum tocsin_rc (*due_incidents)(struct store *, int64_t now, struct id16 *out, size_t max, size_t *n_out,
                                    struct tocsin_err *);
    enum tocsin_rc (*due_alerts)(struct store *, int64_t now, struct id16 *keys_out, size_t max, size_t *n_out,
                                 struct tocsin_err *);
    enum tocsin_rc (*due_silences)(struct store *, int64_t now, struct id16 *out, size_t max, size_t *n_out,
                                   struct tocsin_err *);
    int64_t (*next_due)(struct store *);                          /* earliest of the three; 0 none */
    enum tocsin_rc (*load_silence)(struct store *, struct arena *, const struct id16 *id, struct silence_row *out,
                                   bool *found, struct tocsin_err *);
    /* Those that are in force: phase SILENCE_ACTIVE. */
    enum tocsin_rc (*load_silences)(struct store *, struct arena *, struct silence_row **out, size_t *n_out,
                                    struct tocsin_err *);
    /* Firing alerts with a rowid below `before`, newest first, with text; held: only those that a silence holds. */
    enum tocsin_rc (*load_firing)(struct store *, struct arena *, int64_t before, bool held, size_t max,
                                  struct alert_row **out, size_t *n_out, struct tocsin_err *);
    /* Rows that are lazy alone need no sync: they reach the disk with flush() or the next commit. */
    enum tocsin_rc (*write)(struct store *, const struct writeset *, struct tocsin_err *);
    enum tocsin_rc (*commit)(struct store *, struct tocsin_err *);
    void (*rollback)(struct store *);
    /* What a commit has left to do that nobody should wait for: to be called when its answers are out.  What was not
     * asked for is done by the next commit.  NULL: nothing. */
    void (*settle)(struct store *);
    enum tocsin_rc (*flush)(struct store *, struct tocsin_err *); /* lazy rows; outside begin ... commit */
    /* Up to budget_ms of upkeep: checkpoints, retention.  now and keep_ms say what is history old enough to go. */
    enum tocsin_rc (*maintain)(struct store *, int64_t now, int64_t keep_ms, int64_t budget_ms, struct tocsin_err *);

    /* reads; any thread.  policy_body: NULL when unknown. */
    const char *(*policy_body)(struct store *, struct arena *, const struct id16 *id);
    enum tocsin_rc (*pending)(struct store *, struct arena *, struct pending **out, size_t *n_out, struct tocsin_err *);
    enum tocsin_rc (*list_incidents)(struct store *, struct arena *, const struct incident_filter *,
                                     struct incident_row **out, size_t *n_out, struct tocsin_err *);
    enum tocsin_rc (*list_alerts)(struct store *, struct arena *, const struct alert_filter *,
                                  struct alert_row **out, size_t *n_out, struct tocsin_err *);
    /* All of them, in the order of their ids. */
    enum tocsin_rc (*list_silences)(struct store *, struct arena *, struct silence_row **out, size_t *n_out,
                                    struct tocsin_err *);
    /* TOCSIN_NOT_FOUND when there is no such incident. */
    enum tocsin_rc (*get_incident)(struct store *, struct arena *, const struct id16 *id, size_t max_alerts,
                                   size_t max_events, struct incident_detail *out, struct tocsin_err *);
    /* For the notifier: the incident, its newest alerts and one delivery, in one snapshot. */
    enum tocsin_rc (*get_delivery)(struct store *, struct arena *, const struct id16 *id, const char *target,
                                   size_t max_alerts, struct incident_detail *out, struct tocsin_err *);
    /* Texts of notes number from+1 ... of an incident, oldest first: events of kind "note". */
    enum tocsin_rc (*get_notes)(struct store *, struct arena *, const struct id16 *id, uint32_t from,
                                struct event_row **out, size_t *n_out, struct tocsin_err *);
    /* All that is to be sent, oldest first, without bodies; and one with its body (TOCSIN_NOT_FOUND: gone). */
    enum tocsin_rc (*list_outbox)(struct store *, struct arena *, struct outbox_row **out, size_t *n_out,
                                  struct tocsin_err *);
    enum tocsin_rc (*get_outbox)(struct store *, struct arena *, int64_t id, struct outbox_row *out,
                                 struct tocsin_err *);
    /* Bytes of chance that the store made for itself when it was new, the same ever after: a key of hashes. */
    void (*secret)(struct store *, unsigned char out[STORE_SECRET]);
    enum tocsin_rc (*stats)(struct store *, struct store_stats *out, struct tocsin_err *);
    /* TOCSIN_OK when a commit would succeed now, as far as can be told: disk space, last sync. */
    enum tocsin_rc (*health)(struct store *, struct tocsin_err *);
};

struct store { const struct store_ops *ops; };

struct store_sqlite_options {
    const char *path;              /* of the database file; its folder is created (0700) when missing */
    int64_t wal_limit_bytes;       /* the writer checkpoints at this size; 0: 256 MiB */
    int64_t log_bytes;             /* usual size of the log, laid out at the start; 0: 16 MiB */
    int64_t reserve_bytes;         /* free space below which nothing new is accepted; 0: 32 MiB */
    const char *vfs;               /* NULL: the system's; tests pass their own */
    const char *synchronous;       /* NULL: FULL; tests alone pass anything else */
    int checkpoint_ms;             /* pause between looks at the log; 0: 100; below 0: only by maintain() */
};

enum tocsin_rc store_sqlite_open(const struct store_sqlite_options *, struct store **out_r, struct tocsin_err *);
/* The same behaviour without a disk: the model that simulations run on and the others are compared with. */
struct store *store_mem_open(void);
/* The store that a restart would find if the process died now: what is committed or flushed, nothing that is lazy. */
struct store *store_mem_clone(struct store *);

#endif
