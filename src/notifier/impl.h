/* SPDX-License-Identifier: Apache-2.0 */
/*
 * impl.h - what the files of the notifier share.  Everything here belongs to
 * its thread; what other threads see is the inbox and the statistics, both
 * under `lock`.
 *
 * A row's life:
 *
 *   wake --> SLEEPING (heap, by due time) --due--> READY (its lane's queues) --room--> FLYING
 *               ^                 |                                                      |
 *               '-- wake, put off-'<---------- reported: the turn settles it ------------'
 *
 * A first page may be rendered before it is due: draft.c.
 *
 * After a report the ledger lags until the turn that takes it has committed.
 * A row read before that would be sent twice, so the figures that settling
 * changes are kept (`told`) and a read that still shows them waits.
 */
#ifndef NOTIFIER_IMPL_H
#define NOTIFIER_IMPL_H

#include <pthread.h>
#include <uthash.h>

#include "core/delivery/delivery.h"
#include "notifier/breaker.h"
#include "notifier/bucket.h"
#include "notifier/notifier.h"
#include "os/log.h"

enum row_state { ROW_IDLE = 0, ROW_SLEEPING, ROW_READY, ROW_FLYING };

/* In the order in which they go when there is not room for all. */
enum row_class { CLASS_TRIGGER = 0, CLASS_RESOLVE, CLASS_ACK, CLASS_REST, N_CLASSES };

struct lane;
struct flight;

struct row_key {
    struct id16 incident;
    struct lane *lane;
};

/* What settling a report changes in the ledger. */
struct told_mark {
    uint32_t sends, attempts, told_ver, told_page, told_notes, refused_ver, refused_page;
    uint8_t refused_change, told, state;
};

struct row {
    struct row_key key;
    UT_hash_handle hh;
    struct row *prev, *next;       /* READY */
    size_t heap_pos;               /* SLEEPING */
    int64_t due_at;                /* wall clock */
    enum row_state state;
    enum row_class class;
    bool counted;                  /* in its lane's `waiting` */
    bool again;                    /* FLYING: a wake came, for due_again */
    int64_t due_again;
    bool put_off;                  /* reported as failing because of an open breaker */
    struct flight *draft;          /* IDLE: waits for the wake after the commit; SLEEPING: goes when it is due */
    bool reported;                 /* `mark` is what the ledger showed before our last report, at reported_ms */
    int64_t reported_ms;
    struct told_mark mark;
};

struct host {                      /* one breaker for each way to an "https://host:port" */
    UT_hash_handle hh;
    struct breaker breaker;
    char *origin, *way;            /* way: the origin, and through which proxy and trusting whom */
};

struct lane {                      /* one for each notifier's name; never freed while running */
    UT_hash_handle hh;
    char *name;
    const struct conf_notifier *cn;          /* in notifier->conf; NULL: not configured (any more) */
    struct bucket bucket;
    struct row *ready[N_CLASSES];
    size_t n_ready, in_flight;
    struct host *host;             /* of the last send */
    struct complaint complaint;
    struct notifier_stats stats;   /* under lock */
};

struct flight {                    /* one send of one row; may take several requests */
    struct flight *prev, *next;    /* notifier->drafts; notifier->flights, from the first request on */
    struct notifier *n;
    struct row *row;
    struct conf *conf;             /* reference: a reload does not touch a send in flight */
    const struct conf_notifier *cn;
    struct host *host;
    struct arena *arena;
    struct incident_detail detail;
    struct delivery_row *delivery; /* in detail */
    struct delivery_work work;
    struct tocsin_incident incident;
    struct tocsin_job job;
    const char *origin;            /* of the request */
    struct transport_call *call;   /* prepared and not started yet */
    int64_t due_at;
    bool paused;                   /* TOCSIN_CONTINUE: the next request goes at resume_ms (monotonic) */
    int64_t resume_ms;
};

struct draft { struct arena *arena; struct incident_detail detail; };     /* lives in its arena */

enum wake_kind { WAKE_ROW, WAKE_DRAFT, WAKE_DROP_DRAFTS };

struct wake {
    enum wake_kind kind;
    struct id16 incident; char *target; int64_t due_at;      /* WAKE_ROW */
    struct draft *draft;
};

struct notifier {
    struct store *store;
    struct transport *transport;
    struct notifier_hooks hooks;
    pthread_t thread;
    bool joined;

    pthread_mutex_t lock;
    struct wake *inbox; size_t n_inbox, cap_inbox;
    bool reload, stopping;
    int64_t stop_at_ms;            /* monotonic; once stopping */

    struct conf *conf;
    struct lane *lanes;            /* hash; changed under lock */
    struct host *hosts;
    struct row *rows;              /* hash */
    struct row **heap; size_t n_heap, cap_heap;
    struct flight *flights, *drafts;
    struct complaint store_complaint;
};

/* rows.c */
struct lane *lane_get(struct notifier *, const char *name);
struct row *row_get(struct notifier *, const struct id16 *incident, struct lane *);
void row_sleep(struct notifier *, struct row *, int64_t due_at);
struct row *row_pop_due(struct notifier *, int64_t now);            /* NULL: none; IDLE afterwards */
int64_t row_next_due(const struct notifier *);                       /* 0: none */
void row_ready(struct notifier *, struct row *, enum row_class);
struct row *row_pop_ready(struct lane *);                            /* best class first; IDLE afterwards */
void row_unlink(struct notifier *, struct row *);                    /* out of heap or queue; IDLE afterwards */
void row_forget(struct notifier *, struct row *);
void row_count(struct notifier *, struct row *, bool waiting);
void rows_free(struct notifier *);
struct host *host_get(struct notifier *, const char *origin, const struct conf_notifier *);

/* attempt.c: send a row now; or class it for the queue */
struct flight *flight_new(struct notifier *, struct row *, struct arena *);      /* takes the arena over */
/* Render the first request of a flight that has its rows, if that can be done without the store.  False: it cannot. */
bool flight_prepare(struct flight *);
void attempt_row(struct notifier *, struct row *);
enum row_class attempt_class(struct notifier *, struct row *);
void flight_run(struct flight *);

/* draft.c */
struct draft *draft_new(const struct incident_detail *);             /* copies */
void draft_free(struct draft *);
void draft_take(struct notifier *, struct lane *, struct draft *);   /* takes it over */
void draft_discard(struct notifier *, struct row *);                 /* the row's, if it has one */
void drafts_discard(struct notifier *);                              /* all, and the rows that have nothing else */
struct flight *draft_release(struct notifier *, struct row *);       /* it goes now */

/* report.c */
struct told_mark told_mark_of(const struct delivery_row *);
void report_send(struct flight *, struct tocsin_outcome *);          /* ends and frees the flight */
void flight_free(struct flight *);                                   /* one that has not begun, or has ended */

/* incident.c: ledger rows as the integration sees them */
enum tocsin_rc incident_fill(struct flight *, struct tocsin_err *);

#endif
