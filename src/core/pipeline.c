/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pipeline.h"

#include "core/delivery/ledger.h"
#include "core/escalation/escalation.h"
#include "core/incident/incident.h"
#include "core/incident/own.h"
#include "core/silence/silence.h"

bool
pipeline_repeats(struct world *w, const struct event *e)
{
    struct own_place at;

    if (e->kind == EV_BEAT)
        return incident_beat_is_counted(e->decision, &world_alert(w, &e->decision->key)->row);
    if (e->kind != EV_ALERT || e->decision->status != TOCSIN_FIRING)
        return false;
    at = own_place(w, e->decision);
    return own_repeats(e->decision, &at);
}

static void
on_delivery(struct world *w, const struct event *e)
{
    struct world_incident *i = world_incident(w, &e->incident);

    if (i == NULL)
        return;
    if (e->kind == EV_REARM)
        ledger_rearm(w, i, e->target);
    else
        ledger_result(w, i, e);
    escalation_run(w, i);
    escalation_reschedule(w, i);
}

void
pipeline_apply(struct world *w, struct event *e)
{
    struct world_incident *i;

    e->rc = TOCSIN_OK;
    switch (e->kind) {
    case EV_ALERT:
        incident_on_alert(w, e);
        break;
    case EV_BEAT:
    case EV_ARM:
    case EV_DISARM:
        incident_on_beat(w, e);
        break;
    case EV_EXPIRY:
        incident_on_expiry(w, e);
        break;
    case EV_ACTION:
        incident_on_action(w, e);
        break;
    case EV_TIMER:
        i = world_incident(w, &e->incident);
        if (i != NULL)
            incident_on_timer(w, i);
        break;
    case EV_CLOCK:
        i = world_incident(w, &e->incident);
        if (i != NULL)
            escalation_clamp(w, i);
        break;
    case EV_DELIVERY:
    case EV_REARM:
        on_delivery(w, e);
        break;
    case EV_SILENCE:
        silence_on_post(w, e);
        break;
    case EV_SILENCE_END:
        silence_on_end(w, e);
        break;
    case EV_SILENCE_TIMER:
        silence_on_timer(w, e);
        break;
    case EV_RECHECK:
        incident_on_recheck(w, e);
        break;
    }
}
