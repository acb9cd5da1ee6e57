/* SPDX-License-Identifier: Apache-2.0 */
/*
 * life.h - the daemon in virtual time: a configuration, what arrives, what
 * people do, and the clock, which moves when it is told to.
 *
 * The rules, counters, turns, heartbeats, timers and the ledger are the
 * daemon's own code over the model store; there is no thread, no socket and no
 * disk.  What would be sent is written down.  Every send succeeds at once,
 * but those to targets that are down, which are tried again as the daemon does.
 */
#ifndef TRIAL_LIFE_H
#define TRIAL_LIFE_H

#include <stdbool.h>

#include "core/pipeline.h"
#include "store/store.h"
#include "trial/arrival.h"

struct life;

struct life_send {
    int64_t at;
    const char *target;
    enum tocsin_change change;
    struct id16 incident;
    enum tocsin_severity severity;
    const char *summary, *group_key;         /* of the incident, when it was sent */
    bool failed;
};

/* conf is borrowed, and outlives it.  Heartbeats are watched from their first beat on. */
struct life *life_new(struct conf *, int64_t now);
void life_free(struct life *);               /* NULL is fine */
int64_t life_now(const struct life *);

/* For arrival_read(): intakes that ask what is known are answered from what is stored here. */
void life_ask(struct life *, struct arrival *);
/* A payload that was read at life_now(): its alerts, actions and beats, and what is sent because of them. */
enum tocsin_rc life_arrive(struct life *, const struct arrival *, struct tocsin_err *);
/* Watch these from now on, as the daemon does with all from its start.  Once, before any beat. */
enum tocsin_rc life_watch(struct life *, struct conf_heartbeat *list, size_t n_list, struct tocsin_err *);
enum tocsin_rc life_beat(struct life *, const struct conf_heartbeat *, struct tocsin_err *);
/* Somebody acts on an incident: TOCSIN_NOT_FOUND, CONFLICT as for anybody.  until: ACTION_SNOOZE. */
enum tocsin_rc life_act(struct life *, const struct id16 *incident, enum action, const char *by, const char *note,
                        int64_t until, struct tocsin_err *);
/* A silence from now on; matchers as matchers_format() writes them. */
enum tocsin_rc life_silence(struct life *, const char *matchers, int64_t ends_at, struct tocsin_err *);
/* Sends to the target fail from now on, or succeed again.  False: there is no such notifier. */
bool life_down(struct life *, const char *target, bool down);
/* Time passes: timers fire, and failed sends are tried again, in their order. */
enum tocsin_rc life_pass(struct life *, int64_t until, struct tocsin_err *);

/* All that was sent since the beginning, in its order. */
const struct life_send *life_sends(const struct life *, size_t *n_r);
/* All incidents, oldest first, those that are delayed included; those that never were are not.  In the arena. */
enum tocsin_rc life_incidents(struct life *, struct arena *, struct incident_detail **out_r, size_t *n_r,
                              struct tocsin_err *);

#endif
