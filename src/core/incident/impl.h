/* SPDX-License-Identifier: Apache-2.0 */
/* impl.h - shared by incident.c (alerts), report.c (what sources say of them) and action.c (people, timers). */
#ifndef CORE_INCIDENT_IMPL_H
#define CORE_INCIDENT_IMPL_H

#include "core/incident/incident.h"

/* Count an open alert in, or (by -1) out. */
void incident_count(struct incident_row *, const struct alert_row *, int by);
/* The alert as its source tells it now; what holds it back, in words, or "". */
const char *incident_take_report(struct world_alert *, const struct decision *, struct world *, enum alert_state);
/* How many reports of the alert this one stands for. */
static inline uint32_t
incident_reports(const struct decision *d)
{
    return d->amends ? 0 : 1 + d->more;
}

/* When it is resolved for want of news, by what this report says of it; 0: never. */
int64_t incident_expiry(const struct alert_row *, const struct decision *, const struct world *);
/* An alert that was not known, or not as one that fires, becomes part of an incident. */
void incident_attach(struct world *, struct world_alert *, struct event *);
/* The source tells something new about an alert that fires. */
void incident_update(struct world *, struct world_alert *, struct event *);
void incident_close_alert(struct world *, struct world_alert *, int64_t ended_at);
/* An open alert of an incident ended: by its source, or for want of news. */
void incident_alert_over(struct world *, struct world_alert *, int64_t ended_at, const char *by, const char *why);
/* The incident that the alert belongs to; opened if its group has none. */
struct world_incident *incident_for(struct world *, const struct decision *);
/* One that waits: until the end of this report's delay, if that is sooner; without one it opens. */
void incident_delay(struct world *, struct world_incident *, const struct decision *);
/* Why an alert became what it is: each rule that shaped it, and each that should have but failed. */
void incident_note_rules(struct world *, const struct world_incident *, const struct decision *, bool failed_only);
/* Targets that rules name beside the policy. */
void incident_add_targets(struct world *, struct world_incident *, const struct decision *);
/* A delayed incident opens: people are told from now on. */
void incident_open(struct world *, struct world_incident *);
/* For good: state, ledger, timers. */
void incident_resolve(struct world *, struct world_incident *, const char *by, const char *text);

#endif
