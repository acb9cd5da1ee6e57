/* SPDX-License-Identifier: Apache-2.0 */
/*
 * escalation.h - who is told next, and when.
 *
 *                    step due, or all of a step failed
 *                        +------+
 *   start --> step 0 --> |  step k  | --> last step waited for --> next loop, or exhausted: last resort
 *                        +------+
 *   acknowledged, snoozed, suppressed: the clock stands; afterwards it goes on at the step reached.
 *
 * Deadlines are absolute (esc_start + offset).  After downtime only the latest
 * step that is due fires; those that were missed are named in the timeline.
 */
#ifndef CORE_ESCALATION_H
#define CORE_ESCALATION_H

#include "core/world.h"

/* Begin if the incident is to page and has not begun; tell the first step. */
void escalation_begin(struct world *, struct world_incident *);
/* Stop and restart the clock. */
void escalation_pause(struct world *, struct world_incident *);
void escalation_resume(struct world *, struct world_incident *);
/* After an acknowledgement was taken back or ran out: tell the step reached again, or restart (on_unack). */
void escalation_bring_back(struct world *, struct world_incident *);
/* Fire what is due at now: steps, failover, exhaustion. */
void escalation_run(struct world *, struct world_incident *);
/* A person says: next step now. */
void escalation_force(struct world *, struct world_incident *, const char *by);
/*
 * No deadline lies further ahead than the row itself allows: what has happened already happened before now.  For rows
 * that were written while the clock was ahead and are read after it was set back.
 */
void escalation_clamp(struct world *, struct world_incident *);
/* Does the incident wake people at all? */
bool escalation_wanted(const struct world_incident *);
/* Compute next_due from the state; call after every change. */
void escalation_reschedule(struct world *, struct world_incident *);

#endif
