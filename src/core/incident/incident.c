/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts into incidents: counting, joining, ending; report.c says which of these a report is. */
#include "core/incident/impl.h"

#include <string.h>

#include "base/text.h"
#include "core/alert.h"
#include "core/delivery/ledger.h"
#include "core/incident/own.h"
#include "core/escalation/escalation.h"
#include "core/normalise/severity.h"
#include "core/silence/silence.h"

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

/*
 * What held the whole incident is gone.  Where an alert joined that is not held, the clock goes on.  Where a silence
 * ended, nobody has been told for so long that the step reached is told again.
 */
static void
let_go(struct world *w, struct world_incident *i, const char *freed_by)
{
    struct incident_row *r = &i->row;

    r->suppressed_by = "";
    if (freed_by == NULL)
        world_note(w, &r->id, "unsuppressed", "", "an alert that is not suppressed fires");
    else
        world_note(w, &r->id, "unsuppressed", freed_by, "no silence holds it any more, and it still fires");
    if (r->state != TOCSIN_INC_TRIGGERED || r->snoozed_until > 0)
        return;
    if (freed_by != NULL && r->paging)
        escalation_bring_back(w, i);
    else
        escalation_resume(w, i);
}

/* Severity, suppression and the escalation follow from the counts.  freed_by: the silence that ended; NULL: none. */
static void
settle_after(struct world *w, struct world_incident *i, const char *held_by, const char *freed_by)
{
    struct incident_row *r = &i->row;
    static const char by_rules[] = "its alerts are suppressed";
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
        r->suppressed_by = held_by[0] != '\0' ? held_by : by_rules;
        world_note(w, &r->id, "suppressed", r->suppressed_by, "every alert of it is suppressed: nobody is told");
        escalation_pause(w, i);
        i->dirty = true;
    } else if (!quiet && r->suppressed_by[0] != '\0') {
        let_go(w, i, freed_by);
        i->dirty = true;
    } else if (quiet && freed_by != NULL) {
        r->suppressed_by = held_by[0] != '\0' ? held_by : by_rules;   /* a rule holds what the silence let go */
        i->dirty = true;
    }
    escalation_begin(w, i);
    ledger_touch(w, i);
    escalation_run(w, i);
    escalation_reschedule(w, i);
}

static void
settle(struct world *w, struct world_incident *i, const char *held_by)
{
    settle_after(w, i, held_by, NULL);
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

int64_t
incident_expiry(const struct alert_row *a, const struct decision *d, const struct world *w)
{
    int64_t at = d->status == TOCSIN_FIRING && d->resolve_after_ms > 0 ? w->now + d->resolve_after_ms : d->expires_at;

    if (!own_is_merged(a))
        return at;
    return a->expires_at == 0 || at == 0 ? 0 : at > a->expires_at ? at : a->expires_at;
}

/* The alert as its source tells it now; what holds it back, in words, or "". */
const char *
incident_take_report(struct world_alert *a, const struct decision *d, struct world *w, enum alert_state state)
{
    struct alert_row *r = &a->row;
    const struct silence_row *silence;
    /* where others report it too, one of them must not end it, hush it or hold it back for all */
    bool merged = own_is_merged(r), held = r->suppressed & HELD_BY_RULE, silenced = r->suppressed & HELD_BY_SILENCE;
    int64_t expires_at = incident_expiry(r, d, w);

    r->suppressed = incident_suppresses(d, r) && (!merged || held) ? HELD_BY_RULE : 0;
    r->state = (uint8_t)state;
    if (!merged || d->severity > (enum tocsin_severity)r->severity)
        r->severity = (uint8_t)d->severity;
    r->source = d->source;
    r->dedup_key = d->dedup_key;
    r->starts_at = d->starts_at;
    r->ends_at = d->ends_at;
    r->expires_at = expires_at;
    r->last_at = w->now;
    if (r->count == 0)
        r->first_at = w->now;
    r->count += incident_reports(d);
    a->dirt = DIRTY;
    silence = state == ALERT_FIRING ? silence_holding(w, r, d->body, d->body_len) : NULL;
    if (merged && !silenced && silence != NULL)
        return d->held_by;                   /* it keeps the text of those that nobody silenced */
    r->digest = d->digest;
    r->body = d->body;
    r->body_len = d->body_len;
    if (silence != NULL)
        r->suppressed |= HELD_BY_SILENCE;
    return d->suppress || silence == NULL ? d->held_by : silence_text(w, silence);
}

void
incident_attach(struct world *w, struct world_alert *a, struct event *e)
{
    const struct decision *d = e->decision;
    struct world_incident *i = incident_for(w, d);
    const char *held_by;

    own_join(w, a, d);
    held_by = incident_take_report(a, d, w, ALERT_FIRING);
    a->row.incident = i->row.id;
    incident_count(&i->row, &a->row, 1);
    i->row.routed |= d->routed;
    if (i->row.n_total++ > 0) {
        world_note(w, &i->row.id, "alert", d->source, "%s joined: %s", severity_name(d->severity), d->summary);
        incident_note_rules(w, i, d, true);
        changed(w, i);
    }
    incident_add_targets(w, i, d);
    settle(w, i, held_by);
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
    world_alert_closed(a);
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

void
incident_update(struct world *w, struct world_alert *a, struct event *e)
{
    const struct decision *d = e->decision;
    struct world_incident *i = world_incident(w, &a->row.incident);
    const char *held_by;

    if (i == NULL || i->row.state == TOCSIN_INC_RESOLVED) {
        struct id16 lost = a->row.incident;
        char id[ID_TEXT];

        incident_attach(w, a, e);
        id_format(&lost, id);
        world_damage(w, &a->row.incident, "alert '%s' belonged to incident '%s', which is %s: it goes on here",
                     d->dedup_key, id, i == NULL ? "not stored" : "resolved");
        return;
    }
    incident_count(&i->row, &a->row, -1);
    own_join(w, a, d);
    held_by = incident_take_report(a, d, w, ALERT_FIRING);
    incident_count(&i->row, &a->row, 1);
    i->row.routed |= d->routed;
    if (i->row.n_total == 1)
        i->row.summary = d->summary;
    changed(w, i);
    incident_add_targets(w, i, d);
    if (incident_is_delayed(&i->row) && !a->row.suppressed)
        incident_delay(w, i, d);             /* what it says now may wait less long, or not at all */
    settle(w, i, held_by);
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
            incident_attach(w, a, e);
        return;
    }
    incident_alert_over(w, a, a->row.expires_at, "timer", "no news from the source");
}

/* --- silences ---------------------------------------------------------------------------- */

static const char gone[] = "a silence that ended";

void
incident_on_recheck(struct world *w, const struct event *e)
{
    struct world_alert *a = world_alert(w, &e->key);
    struct world_incident *i = a != NULL ? world_incident(w, &a->row.incident) : NULL;
    const struct silence_row *silence;
    bool was;

    if (i == NULL || a->row.state != ALERT_FIRING)
        return;
    was = a->row.suppressed & HELD_BY_SILENCE;
    silence = silence_holding(w, e->stored, e->stored->body, e->stored->body_len);
    if (was && silence != NULL) {
        /* still held, perhaps by another one */
        if (i->row.suppressed_by[0] != '\0' && !(a->row.suppressed & HELD_BY_RULE)) {
            i->row.suppressed_by = silence_text(w, silence);
            i->dirty = true;
        }
        return;
    }
    if (!was && silence == NULL)
        return;
    incident_count(&i->row, &a->row, -1);
    a->row.suppressed ^= HELD_BY_SILENCE;
    incident_count(&i->row, &a->row, 1);
    a->dirt = DIRTY;
    changed(w, i);
    if (silence != NULL) {
        const char *text = silence_text(w, silence);

        settle_after(w, i, text, NULL);
        if (i->row.suppressed_by[0] == '\0')
            world_note(w, &i->row.id, "suppressed", text, "one of its alerts is held, %u are not",
                       open_alerts(&i->row) - i->row.n_quiet);
        return;
    }
    settle_after(w, i, "", i->row.suppressed_by[0] != '\0' ? i->row.suppressed_by : gone);
}
