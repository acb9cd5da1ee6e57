/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timers.h - deadlines in order: a heap whose entries know where they are.
 *
 * Four children to a node, so that a million entries are ten levels deep and a
 * node's children lie in one cache line.  Equal times are ordered by the id of
 * the item, so that two stores with the same rows give the same order whatever
 * their history.  The item keeps its position (through moved) so that a
 * deadline can be changed or removed in O(log n).
 */
#ifndef STORE_TIMERS_H
#define STORE_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/id.h"

#define TIMER_NONE UINT32_MAX

struct timer { int64_t at; uint32_t item; };

struct timers {
    struct timer *v;
    uint32_t n, cap;
    void *ctx;
    const struct id16 *(*key_of)(const void *ctx, uint32_t item);
    void (*moved)(void *ctx, uint32_t item, uint32_t pos);    /* TIMER_NONE: no longer in */
};

void timers_init(struct timers *, void *ctx, const struct id16 *(*key_of)(const void *ctx, uint32_t item),
                 void (*moved)(void *ctx, uint32_t item, uint32_t pos));
void timers_release(struct timers *);
/* pos is what moved() said last for this item; TIMER_NONE: it is not in.  at 0: take it out. */
void timers_set(struct timers *, uint32_t pos, uint32_t item, int64_t at);
int64_t timers_first(const struct timers *);                  /* 0: none */
/* The items due at `now`, in order, at most max; the heap stays as it is.  O(max log max). */
size_t timers_due(const struct timers *, int64_t now, uint32_t *items, size_t max);

#endif
