/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notifier.h - works off the ledger.
 *
 * One thread.  It is told which deliveries are due, reads incident and row in
 * one snapshot, asks the core what to tell (delivery_next), the integration
 * how (render), sends, asks what the answer means (classify), and reports an
 * EV_DELIVERY; the turn that commits it tells the notifier what is due next.
 * Nothing is kept here that a restart would miss: notifier_wake() with all
 * pending rows of the store rebuilds it.
 *
 * Per notifier: a token bucket, a limit of requests in flight; per host: a
 * circuit breaker, which delays and never drops.  One delivery row has one
 * send at a time.
 */
#ifndef NOTIFIER_NOTIFIER_H
#define NOTIFIER_NOTIFIER_H

#include "conf/conf.h"
#include "core/pipeline.h"
#include "store/store.h"
#include "transport/transport.h"

struct notifier;

struct notifier_hooks {
    /* A send ended: queue this event for the next turn (strings are copied by the callee). */
    void (*report)(void *ctx, const struct event *);
    struct conf *(*conf)(void *ctx);             /* with a reference */
    void *ctx;
};

struct notifier_stats {                          /* one per notifier name */
    const char *name;
    uint64_t sent, retried, rejected, uncertain;
    uint64_t waiting, in_flight;
    bool breaker_open;
    char last_error[256];
    int64_t last_ok_at, last_error_at;
    /* due to answered; how many fell in each, not cumulated: 1,2,5,10,20,50,100,200,500,1000,5000,inf */
    uint64_t latency_ms_buckets[12];
    uint64_t latency_ms_sum;
};

/* *out_r is set before the first report is made, because the turn that takes it may wake the notifier at once. */
enum tocsin_rc notifier_start(struct store *, struct transport *, const struct notifier_hooks *,
                              struct notifier **out_r, struct tocsin_err *err);
/*
 * What a turn is about to commit: an incident that begins with it, all its alerts (newest first) and one delivery that
 * is due.  Copied, and made ready to be sent by the notifier_wake() that follows the commit; any other wake of the
 * row makes it void, and so does a notifier that has no room.  When the commit fails: notifier_drop_drafts().
 */
void notifier_draft(struct notifier *, const struct incident_detail *);
void notifier_drop_drafts(struct notifier *);
/* This row is due at due_at (0: nothing more to do).  Called after each commit; from any thread, never blocks. */
void notifier_wake(struct notifier *, const struct id16 *incident, const char *target, int64_t due_at);
void notifier_reload(struct notifier *);         /* the configuration changed */
size_t notifier_stats(struct notifier *, struct arena *, struct notifier_stats **out);
/* Starts no new send; waits up to grace_ms for those in flight to be answered and reported. */
void notifier_stop(struct notifier *, int64_t grace_ms);
/* Stops it first if need be.  The transport may hold abandoned requests: free it next, without another poll. */
void notifier_free(struct notifier *);

/* A one-shot GET (certificates, subscription confirmations), from any thread but the notifier's own. */
enum tocsin_rc notifier_get(struct notifier *, const char *url, struct arena *, const char **body, size_t *len,
                            struct tocsin_err *err);

#endif
