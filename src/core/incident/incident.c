/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts into incidents: counting, joining, ending. */
#include "core/incident/impl.h"

#include <string.h>

#include "base/text.h"
#include "core/alert.h"
#include "core/delivery/ledger.h"
#include "core/escalation/escalation.h"
#include "core/normalise/severity.h"

/* --- counting --------------------------------------------------------------------- */

void
incident_count(struct incident_row *i, const struct alert_row *a, int by)
{
    uint32_t *n = a->suppressed ? &i->n_quiet : &i->n_firing[a->severity];

    if (by > 0 || *n > 0)                    /* never below zero, whatever a damaged row says */
        *n = (uint32_t)((int64_t)*n + by);
}

static uint32_t
open_alerts(const struct incident_row *i)
{
    uint32_t n = i->n_quiet;

    for (int s = 0; s <= TOCSIN_CRITICAL; s++)
        n += i->n_firing[s];
    return n;
}

static void
changed(struct world *w, struct world_incident *i)
{
    i->row.ver++;
    i->row.updated_at = w->now;
    i->dirty = true;
}

/* Severity, suppression and the escalation follow from the counts. */
static void
settle(struct world *w, struct world_incident *i, const char *held_by)
{
    struct incident_row *r = &i->row;
    bool quiet = open_alerts(r) == r->n_quiet && r->n_quiet > 0;

    for (int s = TOCSIN_CRITICAL; s > 0; s--) {
        if (r->n_firing[s] == 0)
            continue;
        if (r->severity != s)
            world_note(w, &r->id, "severity", r->source, "%s -> %s", severity_name((enum tocsin_severity)r->severity),
                       severity_name((enum tocsin_severity)s));
        r->severity = (uint8_t)s;
        break;
    }
    if (quiet && r->suppressed_by[0] == '\0') {
        r->suppressed_by = held_by[0] != '\0' ? held_by : "its alerts are suppressed";
        world_note(w, &r->id, "suppressed", r->suppressed_by, "every alert of it is suppressed: nobody is told");
        escalation_pause(w, i);
    } else if (!quiet && r->suppressed_by[0] != '\0') {
        r->suppressed_by = "";
        world_note(w, &r->id, "unsuppressed", "", "an alert that is not suppressed fires");
        if (r->state == TOCSIN_INC_TRIGGERED && r->snoozed_until == 0)
            escalation_resume(w, i);
    }
    escalation_begin(w, i);
    ledger_touch(w, i);
    escalation_run(w, i);
    escalation_reschedule(w, i);
}

void
incident_open(struct world *w, struct world_incident *i)
{
    i->row.opened_at = w->now;
    i->row.snoozed_until = 0;
    i->row.episode = world_next_episode(w, &i->row.group);
    changed(w, i);
    world_note(w, &i->row.id, "opened", "timer", "%s", i->row.summary);
    settle(w, i, "");
}

void
incident_resolve(struct world *w, struct world_incident *i, const char *by, const char *text)
{
    struct incident_row *r = &i->row;

    r->state = TOCSIN_INC_RESOLVED;
    r->resolved_at = w->now;
    r->resolved_by = by;
    r->snoozed_until = 0;
    changed(w, i);
    world_note(w, &r->id, "resolved", by, "%s", text);
    ledger_touch(w, i);
    escalation_reschedule(w, i);
}

/* --- alerts --------------------------------------------------------------------------- */

/* When it is resolved for want of news; 0: never. */
static int64_t
expiry(const struct decision *d, const struct world *w)
{
    return d->status == TOCSIN_FIRING && d->resolve_after_ms > 0 ? w->now + d->resolve_after_ms : d->expires_at;
}

void
incident_take_report(struct world_alert *a, const struct decision *d, const struct world *w, enum alert_state state)
{
    struct alert_row *r = &a->row;

    r->suppressed = incident_suppresses(d, r);
    r->state = (uint8_t)state;
    r->severity = (uint8_t)d->severity;
    r->digest = d->digest;
    r->body = d->body;
    r->body_len = d->body_len;
    r->source = d->source;
    r->dedup_key = d->dedup_key;
    r->starts_at = d->starts_at;
    r->ends_at = d->ends_at;
    r->expires_at = expiry(d, w);
    r->last_at = w->now;
    if (r->count == 0)
        r->first_at = w->now;
    r->count += 1 + d->more;
    a->dirt = DIRTY;
}

static void
counted(struct world_alert *a, const struct decision *d, const struct world *w)
{
    a->row.count += 1 + (d != NULL ? d->more : 0);
    a->row.last_at = w->now;
    if (d != NULL && expiry(d, w) > 0)
        a->row.expires_at = expiry(d, w);
    if (a->dirt == CLEAN)
        a->dirt = COUNTED;
}

enum { RULES_TOLD = 10, RULE_TEXT = 300 };

/* Why it became what it is: each rule that shaped the alert, and each that should have but failed. */
static void
note_rules(struct world *w, const struct world_incident *i, const struct decision *d, bool failed_only)
{
    size_t told = 0;

    for (size_t k = 0; k < d->n_trace; k++) {
        const struct rule_trace *t = &d->trace[k];

        if (failed_only && !t->failed)
            continue;
        if (told++ == RULES_TOLD) {
            world_note(w, &i->row.id, "rule", d->source, "and more rules, which this line stands for");
            return;
        }
        world_note(w, &i->row.id, t->failed ? "rule failed" : "rule", t->rule, "%s:%u: %s", t->pos.file, t->pos.line,
                   text_cut_bytes(w->arena, t->text, RULE_TEXT));
    }
}

/* An incident waits for the end of the shortest delay of its alerts; one without a delay opens it at once. */
static void
delay(struct world *w, struct world_incident *i, const struct decision *d)
{
    int64_t until = w->now + d->delay_ms;
    char text[TIME_TEXT];

    if (d->delay_ms == 0) {
        incident_open(w, i);
        return;
    }
    if (i->row.snoozed_until != 0 && i->row.snoozed_until <= until)
        return;
    i->row.snoozed_until = until;
    i->dirty = true;
    world_note(w, &i->row.id, "delayed", d->delayed_by, "opens at %s if it still fires then", time_format(until, text));
}

static struct world_incident *
open_incident(struct world *w, const struct decision *d)
{
    struct world_incident *i = world_open_incident(w, &d->group);

    if (i != NULL) {
        if (incident_is_delayed(&i->row))
            delay(w, i, d);
        return i;
    }
    i = world_new_incident(w, &d->group, d->policy);
    i->row.group_key = d->group_key;
    i->row.summary = d->summary;
    i->row.source = d->source;
    i->row.severity = (uint8_t)d->severity;
    if (d->delay_ms > 0) {
        i->row.opened_at = 0;
        i->row.episode = 0;                  /* given when it opens: one that never does is none */
    }
    world_note(w, &i->row.id, d->delay_ms > 0 ? "alert" : "opened", d->source, "%s; routed to %s by %s", d->summary,
               d->policy->name, d->routed_by);
    note_rules(w, i, d, false);
    if (d->delay_ms > 0)
        delay(w, i, d);
    return i;
}

static void
add_targets(struct world *w, struct world_incident *i, const struct decision *d)
{
    for (size_t k = 0; k < d->n_notify; k++) {
        size_t n = strlen(d->notify[k]);
        const char *at = i->row.notify;
        bool there = false;

        while ((at = strstr(at, d->notify[k])) != NULL) {
            there |= (at == i->row.notify || at[-1] == '\n') && (at[n] == '\0' || at[n] == '\n');
            at += n;
        }
        if (there)
            continue;
        i->row.notify = i->row.notify[0] == '\0' ? d->notify[k]
                                                 : arena_printf(w->arena, "%s\n%s", i->row.notify, d->notify[k]);
        i->dirty = true;
        if (i->row.paging && i->row.state == TOCSIN_INC_TRIGGERED)
            ledger_page(w, i, d->notify[k], STEP_NONE);
    }
}

static void
attach(struct world *w, struct world_alert *a, struct event *e)
{
    const struct decision *d = e->decision;
    struct world_incident *i = open_incident(w, d);

    incident_take_report(a, d, w, ALERT_FIRING);
    a->row.incident = i->row.id;
    incident_count(&i->row, &a->row, 1);
    i->row.routed |= d->routed;
    if (i->row.n_total++ > 0) {
        world_note(w, &i->row.id, "alert", d->source, "%s joined: %s", severity_name(d->severity), d->summary);
        note_rules(w, i, d, true);
        changed(w, i);
    }
    add_targets(w, i, d);
    settle(w, i, d->held_by);
    e->incident_r = i->row.id;
}

void
incident_close_alert(struct world *w, struct world_alert *a, int64_t ended_at)
{
    a->row.state = ALERT_RESOLVED;
    a->row.ends_at = ended_at > 0 ? ended_at : w->now;
    a->row.expires_at = 0;
    a->row.last_at = w->now;
    a->dirt = DIRTY;
}

/* All is over before the delay was: there never was an incident. */
static void
forget_incident(struct world *w, struct world_alert *a, struct world_incident *i)
{
    i->row.state = TOCSIN_INC_RESOLVED;
    i->row.resolved_at = i->row.updated_at = w->now;
    i->row.snoozed_until = i->row.next_due = 0;
    i->dirty = true;
    a->row.incident = (struct id16){ { 0 } };
}

/* An open alert of an incident ended: by its source, or for want of news. */
void
incident_alert_over(struct world *w, struct world_alert *a, int64_t ended_at, const char *by, const char *why)
{
    struct world_incident *i = world_incident(w, &a->row.incident);

    if (a->row.state == ALERT_FIRING && i != NULL && i->row.state != TOCSIN_INC_RESOLVED) {
        incident_count(&i->row, &a->row, -1);
        if (open_alerts(&i->row) == 0 && incident_is_delayed(&i->row)) {
            forget_incident(w, a, i);
        } else if (open_alerts(&i->row) == 0) {
            incident_resolve(w, i, by, why);
        } else {
            world_note(w, &i->row.id, "alert", by, "an alert ended (%s); %u still fire", why, open_alerts(&i->row));
            changed(w, i);
            settle(w, i, "");
        }
    }
    incident_close_alert(w, a, ended_at);
}

/* The source tells something new about an alert that fires. */
static void
update(struct world *w, struct world_alert *a, struct event *e)
{
    const struct decision *d = e->decision;
    struct world_incident *i = world_incident(w, &a->row.incident);

    if (i == NULL || i->row.state == TOCSIN_INC_RESOLVED) {
        struct id16 lost = a->row.incident;
        char id[ID_TEXT];

        attach(w, a, e);
        id_format(&lost, id);
        world_damage(w, &a->row.incident, "alert '%s' belonged to incident '%s', which is %s: it goes on here",
                     d->dedup_key, id, i == NULL ? "not stored" : "resolved");
        return;
    }
    incident_count(&i->row, &a->row, -1);
    incident_take_report(a, d, w, ALERT_FIRING);
    incident_count(&i->row, &a->row, 1);
    i->row.routed |= d->routed;
    if (i->row.n_total == 1)
        i->row.summary = d->summary;
    changed(w, i);
    add_targets(w, i, d);
    settle(w, i, d->held_by);
}

static void
on_firing(struct world *w, struct world_alert *a, struct event *e)
{
    const struct decision *d = e->decision;

    if (pipeline_is_repeat(d, &a->row)) {
        counted(a, d, w);
        e->incident_r = a->row.state == ALERT_FIRING ? a->row.incident : e->incident_r;
        return;
    }
    switch (a->row.state) {
    case ALERT_FIRING:
        if (d->drop)                         /* dropped only now: it stays what it is, until its source resolves it */
            counted(a, d, w);
        else
            update(w, a, e);
        e->incident_r = a->row.incident;
        return;
    case ALERT_DISMISSED:                    /* not the occurrence that a person resolved: a new problem */
        incident_close_alert(w, a, d->starts_at);
        break;
    case ALERT_DROPPED:                      /* no rule drops it any more */
        attach(w, a, e);
        return;
    default:
        break;
    }
    if (a->row.state != ALERT_NONE)
        a = world_next_occurrence(w, a);
    if (d->drop)
        incident_take_report(a, d, w, ALERT_DROPPED);
    else
        attach(w, a, e);
}

static void
on_resolved(struct world *w, struct world_alert *a, struct event *e)
{
    const struct decision *d = e->decision;

    if (!alert_is_open(&a->row))
        return;                              /* a resolve for what never fired opens nothing */
    e->incident_r = a->row.incident;
    if (d->ends_at > 0 && a->row.starts_at > 0 && d->ends_at < a->row.starts_at) {
        if (a->row.state == ALERT_FIRING)
            world_note_lately(w, &a->row.incident, "alert", d->source,
                              "a resolve of an earlier occurrence came late: ignored", "");
        counted(a, NULL, w);
        return;
    }
    a->row.count++;
    incident_alert_over(w, a, d->ends_at, d->source, "the source says it is over");
    e->incident_r = a->row.incident;
}

static void
on_unknown(struct world *w, struct world_alert *a, struct event *e)
{
    const struct decision *d = e->decision;

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
    struct world_alert *a = world_alert(w, &e->decision->key);

    switch (e->decision->status) {
    case TOCSIN_FIRING:
        on_firing(w, a, e);
        break;
    case TOCSIN_RESOLVED:
        on_resolved(w, a, e);
        break;
    case TOCSIN_UNKNOWN:
        on_unknown(w, a, e);
        break;
    }
}

void
incident_on_expiry(struct world *w, struct event *e)
{
    struct world_alert *a = world_alert(w, &e->key);

    if (a == NULL || !alert_is_open(&a->row) || a->row.expires_at == 0 || a->row.expires_at > w->now)
        return;
    if (e->until > 0) {
        a->row.expires_at = e->until;
        a->dirt = DIRTY;
        return;
    }
    if (a->row.state == ALERT_DROPPED && e->decision != NULL) {
        if (e->decision->drop)
            incident_take_report(a, e->decision, w, ALERT_DROPPED);
        else
            attach(w, a, e);
        return;
    }
    incident_alert_over(w, a, a->row.expires_at, "timer", "no news from the source");
}
