/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest_impl.h - shared by ingest.c (a payload's way), ingest_rules.c (alerts and actions into events) and
 * ingest_stats.c (what is counted); trial/life.c leads payloads through the rules with it, without threads.
 */
#ifndef DAEMON_INGEST_IMPL_H
#define DAEMON_INGEST_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/rules/tally.h"
#include "daemon/ingest.h"
#include "os/log.h"
#include "plugin/host.h"

/* A rule machine that nobody uses at the moment; of the configuration with this generation. */
struct spare {
    struct spare *next;
    struct rule_scratch *scratch;
    uint64_t generation;
};

/* Counters of one collector name; kept for good, so that a reload does not reset them. */
struct counter {
    struct counter *next;
    char *name;
    atomic_ullong payloads, alerts, refused, records;
    atomic_llong last_at;
    struct kind_count kinds[HOST_MAX_KINDS]; size_t n_kinds;   /* guarded by the mutex of the ingest */
};

/* A rule that failed: an alert storm through it is one line now and then, not one per alert. */
struct failing {
    struct failing *next;
    char *rule, *file;
    unsigned line;
    struct complaint complaint;
};

struct ingest {
    struct ingest_options opt;
    struct sink sink;
    pthread_mutex_t mutex;                   /* guards spares and the list of counters */
    struct spare *spares;
    struct counter *counters;
    pthread_mutex_t failing_mutex;           /* guards failing */
    struct failing *failing;
    pthread_mutex_t tally_mutex;
    struct tally *tally;                     /* of thresholds; a rule keeps its counts over a reload, as it keeps its name */
};

/* Between the committer and whoever waits: what became of it is counted. */
struct counted {
    struct counter *counter;
    int64_t received_at;
    struct beats *beats;
    const struct event *beat;                /* NULL: none */
    size_t records, lines;                   /* of the payload; those that became no alert of their own */
    ingest_done done;
    void *done_ctx;
    struct outbox *outbox;
    struct outbox_row **rows; size_t n_rows; /* reserved there: with the payload they are stored, or not */
    int reply_status;                        /* what the integration answers; 0: nothing */
    const char *reply; size_t reply_len;
};

/* Before there are payloads, and after the last one. */
void ingest_rules_init(struct ingest *);
void ingest_rules_release(struct ingest *);
void ingest_stats_release(struct ingest *);

struct counter *ingest_counter(struct ingest *, const char *collector);
/* kind is a constant of an integration, so it is kept by its address. */
void ingest_count_kind(struct ingest *, const char *collector, const char *kind, unsigned n);
/* The intake's done: counts, and tells who waits. */
void ingest_counted(void *counted, const struct ingest_result *);

void ingest_add_event(struct intake *, struct event);
/* Alerts through the rules, with the actions of an intake between them where it put them. */
void ingest_decide(struct ingest *, struct intake *, const struct conf_collector *, const struct tocsin_batch *,
                   const struct host_call *, const struct rule_route *);

#endif
