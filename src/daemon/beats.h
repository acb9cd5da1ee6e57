/* SPDX-License-Identifier: Apache-2.0 */
/*
 * beats.h - which heartbeats are watched, and what is said of one that is silent.
 *
 * The deadlines are in the store and the turn fires them; here is what they
 * belong to: the name, the labels that tell it apart (host=...), the last beat.
 * It is read from the store at the start and follows what is committed.
 */
#ifndef DAEMON_BEATS_H
#define DAEMON_BEATS_H

#include "api/api.h"
#include "daemon/committer.h"

struct beats;

struct beats *beats_new(struct store *);
void beats_free(struct beats *);       /* NULL is fine */
/* Read what was watched before.  Once, before anything comes in. */
enum tocsin_rc beats_load(struct beats *, struct tocsin_err *err);
/*
 * A configuration is in force: watch what is new in it, with the deadlines that it says, and no more what is gone.
 * starting: before the committer runs.
 */
void beats_apply(struct beats *, struct conf *, struct committer *, bool starting);
/* The same as events for a turn, in the arena; each is to be given to beats_done() when it is committed. */
size_t beats_changes(struct beats *, const struct conf *, struct arena *, int64_t now, bool starting,
                     struct event **out_r);
/*
 * A beat, as an event for the committer; in the arena.  topic_labels: what a payload came with.  False: it is one more
 * than the heartbeat may have, or does not say of whom it is, and is not watched.
 */
bool beats_event(struct beats *, struct arena *, const struct conf_heartbeat *, const struct tocsin_pair *topic_labels,
                 size_t n, int64_t now, struct event *out);
/* It is committed. */
void beats_done(struct beats *, const struct event *, int64_t now);
/* What a silent one becomes: the hook of the committer, on its thread. */
const struct decision *beats_silent(struct beats *, const struct conf *, struct arena *, const struct alert_row *);
size_t beats_status(struct beats *, struct conf *, struct arena *, struct heartbeat_status **out);

#endif
