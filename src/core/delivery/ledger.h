/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger.h - the delivery rows of an incident, kept true through a turn.
 *
 *            want                    result: delivered
 *   IDLE ----------> PENDING ---------------------------> IDLE
 *    ^                  |  retry, uncertain                 ^
 *    |                  +-----------------> FAILING --------+
 *    |                  |  rejected            |
 *    +---- news --------+-----------------> REJECTED
 */
#ifndef CORE_LEDGER_H
#define CORE_LEDGER_H

#include "core/pipeline.h"

/* The target is to be told, and to wake its people; step: of the policy, or STEP_NONE. */
void ledger_page(struct world *, struct world_incident *, const char *target, uint16_t step);
/* The incident changed: every target that now believes something else becomes due. */
void ledger_touch(struct world *, struct world_incident *);
/* The target itself said so (a callback): it believes what we now believe, without being told. */
void ledger_heard(struct world *, struct world_incident *, const char *target, enum told told);
/* A send ended. */
void ledger_result(struct world *, struct world_incident *, const struct event *);
/* The configuration changed: what was refused is tried once more. */
void ledger_rearm(struct world *, struct world_incident *, const char *target);

/* No send waits longer than a back-off does, nor has one failed since a time to come (escalation_clamp() says why). */
void ledger_clamp(struct world *, struct world_incident *);

/*
 * When has every target that this step named failed for failover_after, refused, or left the configuration?
 * 0: one of them was told, or may still be, or the step named nobody who is known.
 */
int64_t ledger_step_failed_at(const struct world *, const struct world_incident *, uint16_t step);
/* Can at least one target of the step wake its people again after an acknowledgement? */
bool ledger_step_can_repage(const struct world *, const struct world_incident *, uint16_t step);

#endif
