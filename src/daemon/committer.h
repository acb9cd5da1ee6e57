/* SPDX-License-Identifier: Apache-2.0 */
/*
 * committer.h - the one thread that takes turns.
 *
 * Work arrives from any thread through a bounded queue.  A turn takes all that
 * queued while the one before was committing (group commit), so one sync
 * serves many senders; its answers go out after the commit.
 *
 * What happens when a commit fails:
 *   disk full, busy   alerts and actions of the turn are refused (503); results
 *                     of sends and timers stay and are tried again, alone
 *   failed sync       everything is refused from then on, and the process ends
 */
#ifndef DAEMON_COMMITTER_H
#define DAEMON_COMMITTER_H

#include "api/api.h"
#include "daemon/turn.h"
#include "notifier/notifier.h"

struct committer;

/* After a start, for sources that had nowhere to report to. */
enum { COMMITTER_GRACE_MS = 120000 };

/* One payload that was decoded and decided, with what its sender does to open alerts; freed after done(). */
struct intake {
    struct intake *next;
    struct arena *arena;                     /* owns everything below */
    struct conf *conf;                       /* reference: decisions point into its policies */
    /* EV_ALERT, EV_ACTION by key; EV_BEAT, EV_ARM, EV_DISARM; in the order of their effect */
    struct event *events; size_t n, cap;
    size_t n_alerts, n_beats;                /* of events; all that is about heartbeats is a beat */
    struct outbox_row **outbox; size_t n_outbox;   /* to be sent once all is stored; they get their ids */
    ingest_done done;
    void *done_ctx;
};

struct committer_options {
    struct store *store;
    size_t queue_max;                        /* alerts waiting; beyond it intake is refused with TOCSIN_TOO_MANY */
    struct conf *(*conf)(void *ctx);         /* the current configuration, with a reference */
    /* What a heartbeat becomes whose deadline passed, by this configuration; NULL: nothing */
    const struct decision *(*silent)(void *ctx, const struct conf *, struct arena *, const struct alert_row *);
    void (*fatal)(void *ctx, const struct tocsin_err *);  /* called once, from the committer's thread */
    void *ctx;
};

/* Queues work, but takes no turn before committer_run(). */
struct committer *committer_new(const struct committer_options *);
/* Take turns from now on; what becomes due is passed on to the notifier. */
void committer_run(struct committer *, struct notifier *);

/* Queue it, or answer at once when that is not possible.  Takes the intake over in any case. */
void committer_intake(struct committer *, struct intake *);
void committer_act(struct committer *, const struct api_action *, const char *origin,
                   void (*done)(void *done_ctx, enum tocsin_rc, const struct tocsin_err *), void *done_ctx);
void committer_silence(struct committer *, const struct api_silence *, silence_done done, void *done_ctx);
/* A send ended (EV_DELIVERY), or a target is to be tried again (EV_REARM).  Copied.  Never refused. */
void committer_report(struct committer *, const struct event *);

/* A row of the outbox was sent, or given up.  Never refused. */
void committer_outbox_gone(struct committer *, int64_t id);

void committer_stats(struct committer *, struct turn_stats *);
/* TOCSIN_OK, or why nothing can be committed at present. */
enum tocsin_rc committer_health(struct committer *, struct tocsin_err *);
/* Works off what is queued, flushes, ends the thread.  Later calls are refused.  The notifier is not used any more. */
void committer_stop(struct committer *);
void committer_free(struct committer *);

#endif
