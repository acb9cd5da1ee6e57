/* SPDX-License-Identifier: Apache-2.0 */
/* refusal.h - what senders were refused, said to the operator too: a sender seldom tells anybody. */
#ifndef COLLECTOR_REFUSAL_H
#define COLLECTOR_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tocsin/err.h>

struct arena;

/*
 * A line in the log: at once, then at most one a minute for each name, with how many there were.  name: of a collector
 * or heartbeat that is configured, so that strangers cannot make names.  What the payload held is not repeated: only
 * where it was wrong.
 */
void refusal_say(const char *name, const char *peer, const struct tocsin_err *err);

/* What was refused since the start: how often somebody had no right to send, and the latest reason of any kind. */
struct refusal_count { const char *name; uint64_t unauthorized; const char *last; };
size_t refusal_counts(struct arena *, struct refusal_count **out);

/*
 * For collectors that log each refused message: a flood of them does not flood the log.  Zeroed at the start; of one
 * thread.
 */
struct refusal_flood { int64_t second; unsigned lines; unsigned long hidden; };
/* May this one have its line?  If not, it is counted. */
bool refusal_flood_line(struct refusal_flood *, const char *comp, const char *name);
/* When the second is over: a line with the number of those that had none.  Call it now and then. */
void refusal_flood_report(struct refusal_flood *, const char *comp, const char *name);

#endif
