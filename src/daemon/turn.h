/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turn.h - one turn: events -> rows -> core -> one transaction -> what is due.
 *
 * No threads, no clock, no network here, so the daemon and the simulator run
 * the same code.  The caller gives the time and acts on the outcome: answers
 * senders, wakes the notifier.
 */
#ifndef DAEMON_TURN_H
#define DAEMON_TURN_H

#include "base/arena.h"
#include "core/pipeline.h"
#include "store/store.h"

struct turn_env {
    struct store *store;
    struct idgen ids;
    /* Until then an alert whose news ran out, and of which nothing was heard since started_at, is not resolved but
     * given time until then: its source may have had nowhere to report to.  0: no such time. */
    int64_t started_at, grace_until;
    /* What a notifier of the current configuration understands; false: there is none of this name. */
    bool (*caps_of)(void *ctx, const char *target, struct delivery_caps *out);
    /* What a heartbeat becomes whose deadline passed; NULL: it is none, or not watched any more.  May be NULL. */
    const struct decision *(*silent)(void *ctx, struct arena *, const struct alert_row *);
    /* The current configuration's default policy: for incidents whose own cannot be read. */
    const struct policy *(*default_policy)(void *ctx);
    /* About to be committed: an incident that begins with this turn, with its alerts and one delivery that is due at
     * once.  Nothing of it holds before turn_run() has returned TOCSIN_OK.  May be NULL. */
    void (*announce)(void *ctx, const struct incident_detail *);
    void *ctx;
    struct policy_cache *policies;
    struct silence_set *silences;            /* in force, as of the last turn that was committed */
    bool silences_stale;                     /* or not: it is to be made anew from the store */
    /* What else goes into the next transaction: to be sent, and sent.  Whoever sets it clears it. */
    struct outbox_row *const *outbox; size_t n_outbox;
    const int64_t *outbox_gone; size_t n_outbox_gone;
};

void turn_env_init(struct turn_env *, struct store *, uint64_t seed_a, uint64_t seed_b);
void turn_env_release(struct turn_env *);

struct due_delivery { struct id16 incident; const char *target; int64_t due_at; };

struct turn_result {
    struct due_delivery *due; size_t n_due;  /* rows that became due, or (due_at 0) are done; in the turn's arena */
    size_t repeats;                          /* alerts that changed nothing but counters */
    bool wrote;                              /* something reached the disk */
    const char *const *damage; size_t n_damage;  /* what stored rows turned out to be damaged: for the log */
};

/*
 * Apply events at `now` and commit.  On TOCSIN_OK all of it is on disk and each event's results are set;
 * otherwise none of it happened.  timers: also fire what is due, at most max_timers.
 */
enum tocsin_rc turn_run(struct turn_env *, struct arena *, struct event *events, size_t n, int64_t now,
                        size_t max_timers, struct turn_result *out, struct tocsin_err *err);
/*
 * Incidents with a deadline or a send ahead of now, for an EV_CLOCK each: to be asked for once, after a start.  Heap;
 * NULL when there are none.
 */
enum tocsin_rc turn_deadlines(struct turn_env *, int64_t now, struct id16 **out_r, size_t *n_out,
                              struct tocsin_err *err);
/*
 * The same for alerts and beats that all repeat what is stored, which touches no disk.  False: at least one is news,
 * and nothing has happened.
 */
bool turn_repeats(struct turn_env *, struct arena *, struct event *alerts, size_t n, int64_t now,
                  struct turn_result *out);

#endif
