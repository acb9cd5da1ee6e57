/* SPDX-License-Identifier: Apache-2.0 */
/* The incident that an alert belongs to: the open one of its group, or a new one; at once, or after a rule's delay. */
#include <string.h>

#include "base/text.h"
#include "core/delivery/ledger.h"
#include "core/incident/impl.h"

enum { RULES_TOLD = 10, RULE_TEXT = 300 };

/* Why it became what it is: each rule that shaped the alert, and each that should have but failed. */
void
incident_note_rules(struct world *w, const struct world_incident *i, const struct decision *d, bool failed_only)
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
void
incident_delay(struct world *w, struct world_incident *i, const struct decision *d)
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

struct world_incident *
incident_for(struct world *w, const struct decision *d)
{
    struct world_incident *i = world_open_incident(w, &d->group);

    if (i != NULL) {
        if (incident_is_delayed(&i->row))
            incident_delay(w, i, d);
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
    incident_note_rules(w, i, d, false);
    if (d->delay_ms > 0)
        incident_delay(w, i, d);
    return i;
}

void
incident_add_targets(struct world *w, struct world_incident *i, const struct decision *d)
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
