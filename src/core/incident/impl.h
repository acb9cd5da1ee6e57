/* SPDX-License-Identifier: Apache-2.0 */
/* impl.h - shared by incident.c (alerts) and action.c (people, timers). */
#ifndef CORE_INCIDENT_IMPL_H
#define CORE_INCIDENT_IMPL_H

#include "core/incident/incident.h"

/* Count an open alert in, or (by -1) out. */
void incident_count(struct incident_row *, const struct alert_row *, int by);
/* A delayed incident opens: people are told from now on. */
void incident_open(struct world *, struct world_incident *);
/* For good: state, ledger, timers. */
void incident_resolve(struct world *, struct world_incident *, const char *by, const char *text);

#endif
