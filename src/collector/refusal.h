/* SPDX-License-Identifier: Apache-2.0 */
/* refusal.h - what senders were refused, said to the operator too: a sender seldom tells anybody. */
#ifndef COLLECTOR_REFUSAL_H
#define COLLECTOR_REFUSAL_H

#include <tocsin/err.h>

/*
 * A line in the log: at once, then at most one a minute for each name, with how many there were.  name: of a collector
 * or heartbeat that is configured, so that strangers cannot make names.  What the payload held is not repeated: only
 * where it was wrong.
 */
void refusal_say(const char *name, const char *peer, const struct tocsin_err *err);

#endif
