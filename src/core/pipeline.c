/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pipeline.h"

#include "core/delivery/ledger.h"
#include "core/escalation/escalation.h"
#include "core/incident/incident.h"
#include "core/silence/silence.h"

static bool
says_the_same(const struct decision *d, const struct alert_row *a)
{
    if (d->steady)
        return d->severity <= (enum tocsin_severity)a->severity;
    return d->digest == a->digest && d->severity == (enum tocsin_severity)a->severity;
}

bool
pipeline_is_repeat(const struct decision *d, const struct alert_row *a)
{
    if (d->status != TOCSIN_FIRING)
        return false;
    switch (a->state) {
    case ALERT_FIRING:
        return !d->drop && says_the_same(d, a) &&
               incident_suppresses(d, a) == ((a->suppressed & HELD_BY_RULE) != 0);
    case ALERT_DROPPED:
        return d->drop;
    case ALERT_DISMISSED:
        return d->starts_at != 0 && d->starts_at == a->starts_at;
    default:
        return false;
    }
}

bool
pipeline_repeats(const struct event *e, const struct alert_row *a)
{
    if (e->kind == EV_BEAT)
        return incident_beat_is_counted(e->decision, a);
    return e->kind == EV_ALERT && pipeline_is_repeat(e->decision, a);
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
