/* SPDX-License-Identifier: Apache-2.0 */
/* What people do to an incident, from wherever they do it, and what happens when their acknowledgement runs out. */
#include "base/err.h"
#include "base/text.h"
#include "core/delivery/ledger.h"
#include "core/escalation/escalation.h"
#include "core/incident/impl.h"
#include "core/incident/own.h"

static enum tocsin_rc
acknowledge(struct world *w, struct world_incident *i, struct event *e)
{
    struct incident_row *r = &i->row;

    if (r->state == TOCSIN_INC_RESOLVED)
        return err_set(e->err, TOCSIN_CONFLICT, "", "the incident is resolved");
    if (e->origin != NULL)
        ledger_heard(w, i, e->origin, TOLD_ACKNOWLEDGED);
    if (r->state == TOCSIN_INC_ACKNOWLEDGED)
        return TOCSIN_OK;
    r->state = TOCSIN_INC_ACKNOWLEDGED;
    r->acked_at = w->now;
    r->acked_by = e->by;
    r->snoozed_until = 0;
    r->updated_at = w->now;
    i->dirty = true;
    world_note(w, &r->id, "acknowledged", e->by, "%s", e->note != NULL ? e->note : "");
    escalation_pause(w, i);
    return TOCSIN_OK;
}

static void
bring_back(struct world *w, struct world_incident *i, const char *by, const char *text)
{
    struct incident_row *r = &i->row;

    r->state = TOCSIN_INC_TRIGGERED;
    r->acked_at = 0;
    r->acked_by = "";
    r->snoozed_until = 0;
    r->updated_at = w->now;
    i->dirty = true;
    world_note(w, &r->id, "unacknowledged", by, "%s", text);
    if (r->suppressed_by[0] == '\0')
        escalation_bring_back(w, i);
}

static enum tocsin_rc
unacknowledge(struct world *w, struct world_incident *i, struct event *e)
{
    struct incident_row *r = &i->row;

    if (r->state == TOCSIN_INC_RESOLVED)
        return err_set(e->err, TOCSIN_CONFLICT, "", "the incident is resolved");
    if (e->origin != NULL)
        ledger_heard(w, i, e->origin, TOLD_TRIGGERED);
    if (r->state == TOCSIN_INC_TRIGGERED && r->snoozed_until == 0)
        return TOCSIN_OK;
    bring_back(w, i, e->by, e->note != NULL ? e->note : "");
    return TOCSIN_OK;
}

static enum tocsin_rc
snooze(struct world *w, struct world_incident *i, struct event *e)
{
    struct incident_row *r = &i->row;
    char until[TIME_TEXT];

    if (r->state == TOCSIN_INC_RESOLVED)
        return err_set(e->err, TOCSIN_CONFLICT, "", "the incident is resolved");
    if (e->until <= w->now)
        return err_set(e->err, TOCSIN_MEANINGLESS, "$.until", "the end of a snooze must lie in the future");
    r->state = TOCSIN_INC_TRIGGERED;
    r->acked_at = 0;
    r->acked_by = "";
    r->snoozed_until = e->until;
    r->updated_at = w->now;
    i->dirty = true;
    world_note(w, &r->id, "snoozed", e->by, "until %s%s%s", time_format(e->until, until), e->note != NULL ? ": " : "",
               e->note != NULL ? e->note : "");
    escalation_pause(w, i);
    return TOCSIN_OK;
}

static enum tocsin_rc
resolve_by_hand(struct world *w, struct world_incident *i, struct event *e)
{
    if (e->origin != NULL)
        ledger_heard(w, i, e->origin, TOLD_RESOLVED);
    if (i->row.state == TOCSIN_INC_RESOLVED)
        return TOCSIN_OK;
    for (size_t k = 0; k < w->n_alerts; k++) {
        struct world_alert *a = w->alert_list[k];

        if (a->row.state != ALERT_FIRING || !id_eq(&a->row.incident, &i->row.id))
            continue;
        incident_count(&i->row, &a->row, -1);
        a->row.state = ALERT_DISMISSED;
        a->dirt = DIRTY;
    }
    incident_resolve(w, i, e->by, e->note != NULL ? e->note : "");
    return TOCSIN_OK;
}

static enum tocsin_rc
take_note(struct world *w, struct world_incident *i, struct event *e)
{
    struct world_delivery *d = e->origin != NULL ? world_delivery(w, i, e->origin, false) : NULL;

    if (e->note == NULL || e->note[0] == '\0')
        return err_set(e->err, TOCSIN_MEANINGLESS, "$.note", "a note needs a text");
    if (d != NULL && d->row.told_notes == i->row.notes) {
        d->row.told_notes++;
        d->dirty = true;
    }
    i->row.notes++;
    i->row.updated_at = w->now;
    i->dirty = true;
    world_note(w, &i->row.id, "note", e->by, "%s", e->note);
    return TOCSIN_OK;
}

static enum tocsin_rc
escalate(struct world *w, struct world_incident *i, struct event *e)
{
    struct incident_row *r = &i->row;

    if (r->state == TOCSIN_INC_RESOLVED)
        return err_set(e->err, TOCSIN_CONFLICT, "", "the incident is resolved");
    r->state = TOCSIN_INC_TRIGGERED;
    r->acked_at = 0;
    r->acked_by = "";
    r->snoozed_until = 0;
    r->updated_at = w->now;
    i->dirty = true;
    r->suppressed_by = "";                   /* a person says that people are to be told */
    world_note(w, &r->id, "escalated", e->by, "%s", e->note != NULL ? e->note : "");
    escalation_force(w, i, e->by);
    return TOCSIN_OK;
}

static enum tocsin_rc
act_on(struct world *w, struct world_incident *i, struct event *e)
{
    static enum tocsin_rc (*const actions[])(struct world *, struct world_incident *, struct event *) = {
        [ACTION_ACK] = acknowledge,       [ACTION_UNACK] = unacknowledge, [ACTION_RESOLVE] = resolve_by_hand,
        [ACTION_SNOOZE] = snooze,         [ACTION_NOTE] = take_note,      [ACTION_ESCALATE] = escalate,
    };
    enum tocsin_rc rc;

    if (i == NULL || i->row.opened_at == 0)
        return err_set(e->err, TOCSIN_NOT_FOUND, "", "no such incident");
    rc = actions[e->action](w, i, e);
    if (rc != TOCSIN_OK)
        return rc;
    ledger_touch(w, i);
    escalation_reschedule(w, i);
    return TOCSIN_OK;
}

/*
 * By an alert of it, as senders that know nothing of incidents name it.  Where rules made several alerts of what the
 * sender gives one key, it is about the incident of each; done if it was done to one of them.
 */
static void
act_by_key(struct world *w, struct event *e)
{
    struct own_acted at = { .step = 0 };
    struct world_alert *a;
    bool done = false;

    e->rc = err_set(e->err, TOCSIN_NOT_FOUND, "", "no such incident");
    while ((a = own_next_acted(w, &e->key, &at)) != NULL) {
        enum tocsin_rc rc;

        if ((e->number != 0 && e->number != a->row.rowid) || (done && id_eq(&a->row.incident, &e->incident_r)))
            continue;
        rc = act_on(w, world_incident(w, &a->row.incident), e);
        if (done)
            continue;
        e->rc = rc;
        e->incident_r = a->row.incident;
        e->alert_r = a->row.key;
        done = rc == TOCSIN_OK;
    }
}

void
incident_on_action(struct world *w, struct event *e)
{
    if (id_is_zero(&e->incident))
        act_by_key(w, e);
    else
        e->rc = act_on(w, world_incident(w, &e->incident), e);
}

void
incident_on_timer(struct world *w, struct world_incident *i)
{
    struct incident_row *r = &i->row;

    if (incident_is_delayed(r) && r->snoozed_until <= w->now)
        incident_open(w, i);
    else if (r->state == TOCSIN_INC_TRIGGERED && r->snoozed_until > 0 && r->snoozed_until <= w->now)
        bring_back(w, i, "timer", "the snooze is over");
    else if (r->state == TOCSIN_INC_ACKNOWLEDGED && i->policy->ack_timeout_ms > 0 &&
             r->acked_at + i->policy->ack_timeout_ms <= w->now)
        bring_back(w, i, "timer", "acknowledged, but not resolved in time (ack_timeout)");
    else
        escalation_run(w, i);
    ledger_touch(w, i);
    escalation_reschedule(w, i);
}
