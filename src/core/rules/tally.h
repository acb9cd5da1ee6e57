/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally.h - how often something matched within a window: the counters of `threshold`.
 *
 * A group (a rule with the values of its `by`) keeps the times of its latest
 * matches, as many as its threshold counts to: it is reached when the oldest of
 * them lies within the window.  So the answer is exact, and the memory is
 * bounded: when there are too many groups or times, the group that matched
 * longest ago is forgotten.  Not thread-safe.
 */
#ifndef CORE_TALLY_H
#define CORE_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"

enum { TALLY_MAX_COUNT = 1000, TALLY_MAX_GROUPS = 20000, TALLY_MAX_TIMES = 1000000 };

struct tally;

struct tally *tally_new(void);
void tally_free(struct tally *);       /* NULL is fine */
/*
 * One more match at `now`.  what: the same thing twice within the window counts once; 0: everything counts.
 * Returns how many there are within the window, at most count.
 */
uint32_t tally_hit(struct tally *, const struct id16 *group, uint64_t what, uint32_t count, int64_t window_ms,
                   int64_t now);
size_t tally_groups(const struct tally *);

#endif
