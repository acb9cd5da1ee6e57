/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writer.h - the writing half of a store, shared by the engines.
 *
 * begin ... commit works on the cache.  write() copies the rows aside (the
 * stage) and checks them; commit() hands the stage to the engine, which makes
 * it durable, all or nothing, and only then does the cache take it over.  So
 * rollback, and any failure of the engine, leaves nothing to undo.
 */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include <pthread.h>

#include "store/cache.h"

struct staged_alert {
    struct alert_row row;
    bool lazy, fresh;              /* fresh: to be inserted */
};

struct stage {
    struct arena *arena;
    struct staged_alert *alerts;      size_t n_alerts, cap_alerts;
    struct own_row *owns;             size_t n_owns, cap_owns;
    struct incident_row *incidents;   size_t n_incidents, cap_incidents;
    struct delivery_row *deliveries;  size_t n_deliveries, cap_deliveries;
    struct event_row *events;         size_t n_events, cap_events;
    struct policy_row *policies;      size_t n_policies, cap_policies;
    struct silence_row *silences;     size_t n_silences, cap_silences;
    struct id16 *gone_silences;       size_t n_gone_silences, cap_gone_silences;
    struct outbox_row *outbox;        size_t n_outbox;
    int64_t *outbox_gone;             size_t n_outbox_gone;
    bool news;                     /* holds an alert or incident that is new: refused first when space is short */
    bool durable;                  /* holds more than lazy rows */
};

struct writer;

enum { FLUSH_BATCH = 500, SWEEP_ROWS = 500 };     /* rows in one flush() and removed in one maintain() */

/* What an engine does for the writer; committed state only. */
struct engine {
    enum tocsin_rc (*persist)(struct writer *, const struct stage *, struct tocsin_err *);
    enum tocsin_rc (*fetch_incident)(struct writer *, struct arena *, const struct id16 *id, struct incident_row *out,
                                     bool *found, struct tocsin_err *);
    enum tocsin_rc (*fetch_deliveries)(struct writer *, struct arena *, const struct id16 *incident,
                                       struct delivery_row **out, size_t *n_out, struct tocsin_err *);
    enum tocsin_rc (*fetch_episodes)(struct writer *, const struct id16 *group, uint32_t *out, struct tocsin_err *);
    /* store.h, load_firing(); with the rows as they are on the disk, which the writer brings up to date. */
    enum tocsin_rc (*fetch_firing)(struct writer *, struct arena *, int64_t before, bool held, size_t max,
                                   struct alert_row **out, size_t *n_out, struct tocsin_err *);
    /* The unit of work is over, with or without persist(): let go of what a fetch has taken.  NULL: nothing. */
    void (*end)(struct writer *);
};

struct writer {
    struct store store;            /* first: a struct store is a struct writer */
    const struct engine *engine;
    struct cache cache;
    struct stage stage;
    int64_t last_rowid, next_rowid;
    int64_t last_outbox, next_outbox;
    struct id16 newest;            /* no stored incident has a greater id */
    bool open;                     /* between begin and commit */
    bool refused;                  /* a write() failed: nothing but rollback is left */
    pthread_mutex_t lock;          /* for published alone */
    struct store_stats published;
};

void writer_init(struct writer *, const struct store_ops *, const struct engine *);
void writer_release(struct writer *);
void writer_publish(struct writer *);              /* let other threads see the counts */
void writer_stats(struct writer *, struct store_stats *out);
/* One transaction of the store's own, such as the closing of silent alerts. */
enum tocsin_rc writer_write_own(struct writer *, const struct writeset *, struct tocsin_err *);
/* Close what was dismissed or dropped and has had no news for a day. */
enum tocsin_rc writer_close_silent(struct writer *, int64_t now, struct tocsin_err *);

/* Let go of silences that ended more than five days ago, or keep_ms if that is less. */
enum tocsin_rc writer_forget_silences(struct writer *, int64_t now, int64_t keep_ms, struct tocsin_err *);

/* members of struct store_ops */
enum tocsin_rc writer_begin(struct store *, struct tocsin_err *);
enum tocsin_rc writer_load_alerts(struct store *, const struct id16 *keys, size_t n, struct alert_row *out,
                                  struct tocsin_err *);
bool writer_has_owns(struct store *);
enum tocsin_rc writer_load_owns(struct store *, struct arena *, const struct id16 *owns, size_t n, struct own_row **out,
                                size_t *n_out, struct tocsin_err *);
enum tocsin_rc writer_load_groups(struct store *, struct arena *, const struct id16 *groups, size_t n,
                                  struct incident_row *out, bool *found, struct tocsin_err *);
enum tocsin_rc writer_load_incidents(struct store *, struct arena *, const struct id16 *ids, size_t n,
                                     struct incident_row *out, bool *found, struct tocsin_err *);
enum tocsin_rc writer_episodes(struct store *, const struct id16 *group, uint32_t *out, struct tocsin_err *);
enum tocsin_rc writer_load_deliveries(struct store *, struct arena *, const struct id16 *incident,
                                      struct delivery_row **out, size_t *n_out, struct tocsin_err *);
enum tocsin_rc writer_load_members(struct store *, struct arena *, const struct id16 *incident, struct alert_row **out,
                                   size_t *n_out, struct tocsin_err *);
enum tocsin_rc writer_due_incidents(struct store *, int64_t now, struct id16 *out, size_t max, size_t *n_out,
                                    struct tocsin_err *);
enum tocsin_rc writer_due_alerts(struct store *, int64_t now, struct id16 *keys_out, size_t max, size_t *n_out,
                                 struct tocsin_err *);
enum tocsin_rc writer_due_silences(struct store *, int64_t now, struct id16 *out, size_t max, size_t *n_out,
                                   struct tocsin_err *);
int64_t writer_next_due(struct store *);
enum tocsin_rc writer_load_silence(struct store *, struct arena *, const struct id16 *id, struct silence_row *out,
                                   bool *found, struct tocsin_err *);
enum tocsin_rc writer_load_silences(struct store *, struct arena *, struct silence_row **out, size_t *n_out,
                                    struct tocsin_err *);
enum tocsin_rc writer_load_firing(struct store *, struct arena *, int64_t before, bool held, size_t max,
                                  struct alert_row **out, size_t *n_out, struct tocsin_err *);
enum tocsin_rc writer_write(struct store *, const struct writeset *, struct tocsin_err *);
enum tocsin_rc writer_commit(struct store *, struct tocsin_err *);
void writer_rollback(struct store *);

#endif
