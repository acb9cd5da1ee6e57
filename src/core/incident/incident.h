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
void incident_on_expiry(struct world *, const struct event *);
/* Silences changed: hold the alert, or let it go; then the incident pages as if its alert were new. */
void incident_on_recheck(struct world *, const struct event *);
void incident_on_action(struct world *, struct event *);
/* Acknowledgement or snooze ran out. */
void incident_on_timer(struct world *, struct world_incident *);

#endif
