/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch.h - GETs that payloads asked for, such as the confirmation of a subscription.
 *
 * One thread.  Each is tried again with growing waits, for an hour at most;
 * the sender offers such a thing again by itself when it is not taken up.
 */
#ifndef DAEMON_FETCH_H
#define DAEMON_FETCH_H

#include "notifier/notifier.h"

struct fetcher;

struct fetcher *fetcher_start(struct notifier *);
void fetcher_get(struct fetcher *, const char *collector, const char *url, const char *why);   /* never blocks */
void fetcher_stop(struct fetcher *);         /* abandons what waits; frees */

#endif
