/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_live.h - what a running daemon adds to an explanation: the silences
 * in force, and which alerts of the collector fire already.
 */
#ifndef CLI_EXPLAIN_LIVE_H
#define CLI_EXPLAIN_LIVE_H

#include "cli/internal.h"
#include "core/rules/rules.h"

struct explain_live;

/* Asks the daemon; NULL with a line on stderr when it does not tell. */
struct explain_live *explain_live_ask(const struct cli *, const char *collector);
void explain_live_free(struct explain_live *);                 /* NULL is fine */
/* "silence '...' (anna): new disk, until 2026-01-31T14:00:00.000Z"; NULL: none holds it. */
const char *explain_live_silence(struct explain_live *, struct arena *, const struct decision *);
/* The open alert of this key, as the API tells it; NULL: none. */
const json_t *explain_live_open(const struct explain_live *, const char *dedup_key);

#endif
