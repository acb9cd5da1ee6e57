/* SPDX-License-Identifier: Apache-2.0 */
/* What a source says of an alert: that it fires, that it is over, that it does not know.  own.h says of which alert. */
#include "core/incident/impl.h"
#include "core/incident/own.h"

static void
counted(struct world_alert *a, const struct decision *d, const struct world *w)
{
    a->row.count += d != NULL ? incident_reports(d) : 1;
    a->row.last_at = w->now;
    if (d != NULL && incident_expiry(&a->row, d, w) > 0)
        a->row.expires_at = incident_expiry(&a->row, d, w);
    if (a->dirt == CLEAN)
        a->dirt = COUNTED;
}

/*
 * A new problem, of an alert whose incident a person resolved.  Where the rules give it another key by now, what else
 * fires under the old one stays dismissed.
 */
static void
leave_dismissed(struct world *w, const struct own_place *at, const struct decision *d)
{
    if (at->member != NULL && own_has_others(at) && !id_eq(&at->alert->row.key, &d->key))
        own_leave(at->alert, at->member);
    else
        incident_close_alert(w, at->alert, d->starts_at);
}

static void
on_firing(struct world *w, struct event *e)
{
    const struct decision *d = e->decision;
    struct own_place at = own_place(w, d);
    struct world_alert *a = at.alert;

    if (a != NULL && d->amends && (!alert_is_open(&a->row) || a->row.state == ALERT_DISMISSED))
        return;                              /* over since its source looked: it opens nothing */
    if (a != NULL && a->row.state == ALERT_DISMISSED && !own_repeats(d, &at)) {
        leave_dismissed(w, &at, d);
        at = own_place(w, d);
        a = at.alert;
    }
    if (a == NULL)
        return;
    e->alert_r = a->row.key;
    if (own_repeats(d, &at)) {
        counted(a, d, w);
        e->incident_r = a->row.state == ALERT_FIRING ? a->row.incident : e->incident_r;
        return;
    }
    if (a->row.state == ALERT_FIRING) {
        if (d->drop)                         /* dropped only now: it stays what it is, until its source resolves it */
            counted(a, d, w);
        else
            incident_update(w, a, e);
        e->incident_r = a->row.incident;
        return;
    }
    if (a->row.state == ALERT_DROPPED && !d->drop) {   /* no rule drops it any more: it alone is to be known of */
        if (!own_has_others(&at)) {
            incident_attach(w, a, e);
            return;
        }
        incident_close_alert(w, a, w->now);
    }
    if (!alert_is_open(&a->row) && a->row.state != ALERT_NONE)
        a = world_next_occurrence(w, a);
    if (d->drop) {
        own_join(w, a, d);
        incident_take_report(a, d, w, ALERT_DROPPED);
    } else {
        incident_attach(w, a, e);
    }
}

/* The key that its sender knows it by; what is decided without rules has but one. */
static const char *
own_name(const struct decision *d)
{
    return d->own_key != NULL ? d->own_key : d->dedup_key;
}

/* One of several that fire under the alert is over. */
static void
part_over(struct world *w, const struct own_end *end, const struct decision *d)
{
    struct world_alert *a = end->alert;

    own_leave(a, end->member);
    a->row.last_at = w->now;
    if (a->row.state == ALERT_FIRING)
        world_note(w, &a->row.incident, "alert", d->source,
                   "'%s' is over; of what is one alert with it %u still fire%s", own_name(d), a->row.n_own,
                   a->row.n_own == 1 ? "s" : "");
}

static void
end_one(struct world *w, const struct own_end *end, struct event *e)
{
    const struct decision *d = e->decision;
    struct world_alert *a = end->alert;
    int64_t starts_at = end->member != NULL ? end->member->row.starts_at : a->row.starts_at;

    e->alert_r = a->row.key;
    e->incident_r = a->row.incident;
    if (d->ends_at > 0 && starts_at > 0 && d->ends_at < starts_at) {
        if (a->row.state == ALERT_FIRING)
            world_note_lately(w, &a->row.incident, "alert", d->source,
                              "a resolve of an earlier occurrence came late: ignored", "");
        counted(a, NULL, w);
        return;
    }
    a->row.count += incident_reports(d);
    if (!end->whole) {
        part_over(w, end, d);
        return;
    }
    if (d->by != NULL && d->by[0] != '\0')
        incident_alert_over(w, a, d->ends_at, d->by, arena_printf(w->arena, "told '%s' that it is over", d->source));
    else
        incident_alert_over(w, a, d->ends_at, d->source, "the source says it is over");
    e->incident_r = a->row.incident;
}

/* A resolve under the key of an alert, from one that does not fire under it. */
static void
on_stranger(struct world *w, struct event *e)
{
    const struct decision *d = e->decision;
    struct world_alert *a = world_alert(w, &d->key);

    if (a->row.state != ALERT_FIRING || d->number != 0)
        return;                              /* a resolve for what never fired opens nothing */
    world_note_lately(w, &a->row.incident, "alert", d->source, "a resolve came from a key that does not fire here: ",
                      arena_printf(w->arena, "'%s'; ignored (resolve_when of the rule says what ends it)", own_name(d)));
    counted(a, NULL, w);
    e->alert_r = a->row.key;
    e->incident_r = a->row.incident;
}

static void
on_resolved(struct world *w, struct event *e)
{
    struct own_end end = { .alert = NULL };
    bool any = false;

    while (own_next_end(w, e->decision, &end)) {
        end_one(w, &end, e);
        any = true;
    }
    if (!any)
        on_stranger(w, e);
}

static void
on_unknown(struct world *w, struct event *e)
{
    const struct decision *d = e->decision;
    struct world_alert *a = own_place(w, d).alert;

    if (a == NULL)
        return;
    e->alert_r = a->row.key;
    if (a->row.state == ALERT_FIRING) {
        world_note_lately(w, &a->row.incident, "alert", d->source, "the source does not know at the moment: ",
                          d->summary);
        counted(a, NULL, w);
        e->incident_r = a->row.incident;
        return;
    }
    if (alert_is_open(&a->row)) {
        counted(a, NULL, w);
        return;
    }
    if (a->row.state != ALERT_NONE)
        a = world_next_occurrence(w, a);
    incident_take_report(a, d, w, ALERT_UNKNOWN);
}

void
incident_on_alert(struct world *w, struct event *e)
{
    switch (e->decision->status) {
    case TOCSIN_FIRING:
        on_firing(w, e);
        break;
    case TOCSIN_RESOLVED:
        on_resolved(w, e);
        break;
    case TOCSIN_UNKNOWN:
        on_unknown(w, e);
        break;
    }
}
