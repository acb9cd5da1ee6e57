/* SPDX-License-Identifier: Apache-2.0 */
/*
 * silence.h - the life of a silence.
 *
 *              starts_at              ends_at, or somebody ends it
 *   pending -------------> active -----------------------------------> expired (for good)
 *
 * Beginning and end each start a sweep over the open alerts; the shell brings
 * them, as many as a turn can bear, and what changed for one of them is an
 * EV_RECHECK (incident.h).  Alerts that arrive meanwhile are held by the set
 * as it is, so a sweep only ever has to look back.
 *
 * What may be changed is what Alertmanager allows: the end, the comment and,
 * before it began, the start.  Any other change ends the silence and makes
 * another one.
 */
#ifndef CORE_SILENCE_H
#define CORE_SILENCE_H

#include "core/pipeline.h"
#include "core/silence/set.h"

/* EV_SILENCE: make one, or change the one whose id is given. */
void silence_on_post(struct world *, struct event *);
/* EV_SILENCE_END.  Ending what is over is no mistake. */
void silence_on_end(struct world *, struct event *);
/* EV_SILENCE_TIMER */
void silence_on_timer(struct world *, const struct event *);

/* The shell has looked at open alerts down to this row number; 0: at all of them. */
void silence_swept(struct world *, struct world_silence *, int64_t rowid);

/* The silence that holds an alert with this stored text; NULL: none does. */
const struct silence_row *silence_holding(struct world *, const struct alert_row *, const void *body, size_t len);
/* "silence '01234567-...' (anna): comment" */
const char *silence_text(struct world *, const struct silence_row *);

#endif
