/* SPDX-License-Identifier: Apache-2.0 */
/* turn_impl.h - shared by turn.c, turn_load.c, turn_silence.c and turn_write.c. */
#ifndef DAEMON_TURN_IMPL_H
#define DAEMON_TURN_IMPL_H

#include "core/silence/silence.h"
#include "core/world.h"
#include "daemon/turn.h"

struct turn {
    struct turn_env *env;
    struct arena *arena;
    struct store *store;
    const struct store_ops *ops;
    struct world world;
    struct event *events;
    size_t n, first;                         /* the caller's events begin at events[first] */
    struct id16 *keys;
    size_t n_keys;
    struct turn_result *out;
    struct tocsin_err *err;
};

/* Events about silences are applied before all others, which then meet the silences as they are now. */
static inline bool
turn_is_silence(const struct event *e)
{
    return e->kind == EV_SILENCE || e->kind == EV_SILENCE_END || e->kind == EV_SILENCE_TIMER;
}

/*
 * Apply what is to happen to silences, and look at some of the open alerts if one began or ended: those that change
 * become events, in front of the others.
 */
enum tocsin_rc turn_silences(struct turn *, bool timers);
/* Timers that are due become events, at most max_timers; then all rows that the events are about. */
enum tocsin_rc turn_load(struct turn *, size_t max_timers);
/* Those of events that all repeat what is stored.  False: at least one does not. */
bool turn_load_repeats(struct turn *);
size_t turn_sort_unique(struct id16 *, size_t n);
/* Write what is dirty, and commit; fills the outcome. */
enum tocsin_rc turn_commit(struct turn *);
void turn_collect_silences(struct turn *, struct writeset *);

#endif
