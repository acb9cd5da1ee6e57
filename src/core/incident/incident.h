/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident.h - alerts into incidents, and what people do to them.
 *
 *            first alert                       all alerts resolved, or a person says so
 *   (none) -------------> triggered <--------+ ------------------------------------> resolved (for good)
 *                           |   ^            |                                          ^
 *                     ack   |   | unack,     | snooze ends                              |
 *                           v   | ack_timeout|                                          |
 *                         acknowledged ------+------------------------------------------+
 *
 * A new problem of the same group after a resolve is a new incident, the next
 * episode.
 */
#ifndef CORE_INCIDENT_H
#define CORE_INCIDENT_H

#include "core/pipeline.h"

void incident_on_alert(struct world *, struct event *);
void incident_on_expiry(struct world *, struct event *);
/* EV_BEAT, EV_ARM, EV_DISARM. */
void incident_on_beat(struct world *, const struct event *);
/* Does this beat change nothing but counters, as far as a crash may take them back? */
bool incident_beat_is_counted(const struct decision *, const struct alert_row *);
/* Silences changed: hold the alert, or let it go; then the incident pages as if its alert were new. */
void incident_on_recheck(struct world *, const struct event *);
void incident_on_action(struct world *, struct event *);
/* Acknowledgement or snooze ran out. */
void incident_on_timer(struct world *, struct world_incident *);

/*
 * Is an alert of this decision suppressed?  Below a threshold it is, unless it has been told already: what fell
 * asleep with a restart of the counters must not hide what pages.
 */
static inline bool
incident_suppresses(const struct decision *d, const struct alert_row *a)
{
    return d->suppress || (d->below && (a->state != ALERT_FIRING || (a->suppressed & HELD_BY_RULE) != 0));
}

#endif
