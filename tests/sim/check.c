/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants.  The numbers are those of the list in tests/README.md. */
#include <string.h>

#include "sim/sim.h"

static size_t
all_incidents(struct sim *s, struct arena *a, struct incident_row **out)
{
    struct incident_filter f = { .limit = 100000,
                                 .states = INCIDENT_DELAYED | 1u << TOCSIN_INC_TRIGGERED |
                                           1u << TOCSIN_INC_ACKNOWLEDGED | 1u << TOCSIN_INC_RESOLVED };
    struct tocsin_err err;
    size_t n = 0;

    if (s->store->ops->list_incidents(s->store, a, &f, out, &n, &err) != TOCSIN_OK)
        broken(s, "list_incidents failed: %s", err.what);
    return n;
}

/* I2: at most one open incident per group. */
static void
one_per_group(struct sim *s, const struct incident_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++)
            if (rows[i].state != TOCSIN_INC_RESOLVED && rows[k].state != TOCSIN_INC_RESOLVED &&
                id_eq(&rows[i].group, &rows[k].group))
                broken(s, "I2: two open incidents of group '%s'", rows[i].group_key);
}

/* The counts of an incident are those of its open alerts. */
static void
counts(struct sim *s, struct arena *a, const struct incident_row *r)
{
    struct alert_row *alerts = NULL;
    struct tocsin_err err;
    size_t n = 0;
    uint32_t firing[TOCSIN_CRITICAL + 1] = { 0 }, quiet = 0;

    if (s->store->ops->load_members(s->store, a, &r->id, &alerts, &n, &err) != TOCSIN_OK)
        broken(s, "load_members failed: %s", err.what);
    for (size_t i = 0; i < n; i++) {
        if (alerts[i].state != ALERT_FIRING)
            continue;
        if (alerts[i].suppressed)
            quiet++;
        else
            firing[alerts[i].severity]++;
    }
    if (quiet != r->n_quiet || memcmp(firing, r->n_firing, sizeof firing) != 0)
        broken(s, "the counts of incident '%s' are not those of its alerts", r->group_key);
    if (r->state != TOCSIN_INC_RESOLVED && n == 0)
        broken(s, "incident '%s' is open without an open alert", r->group_key);
}

/* An open incident that pages has a timer, unless everything was done or it waits for a person. */
static void
timers(struct sim *s, const struct incident_row *r)
{
    bool waits = r->state != TOCSIN_INC_TRIGGERED || r->suppressed_by[0] != '\0' || !r->paging;

    if (r->state == TOCSIN_INC_RESOLVED && r->next_due != 0)
        broken(s, "a resolved incident has a timer");
    if (r->snoozed_until > 0 && r->next_due != r->snoozed_until)
        broken(s, "a snoozed incident does not wake up");
    if (!waits && r->snoozed_until == 0 && r->next_due == 0 && !r->exhausted)
        broken(s, "incident '%s' waits for an answer without a timer", r->group_key);
    if (r->state == TOCSIN_INC_TRIGGERED && !r->paging && r->suppressed_by[0] == '\0' && r->snoozed_until == 0 &&
        r->n_firing[TOCSIN_WARNING] + r->n_firing[TOCSIN_ERROR] + r->n_firing[TOCSIN_CRITICAL] > 0)
        broken(s, "incident '%s' should wake people and does not", r->group_key);
}

void
check_state(struct sim *s)
{
    struct arena *a = arena_new();
    struct incident_row *rows = NULL;
    size_t n = all_incidents(s, a, &rows);

    one_per_group(s, rows, n);
    for (size_t i = 0; i < n; i++) {
        timers(s, &rows[i]);
        counts(s, a, &rows[i]);
    }
    check_silences(s);
    check_beats(s, a);
    check_times(s, a);
    check_merged(s, a);
    arena_free(a);
}

enum { LONGEST_WAIT_MS = 600000 };           /* between two steps or tries of the policies in sim.c, and to spare */

/* I6: no escalation and no send waits longer than its policy or its back-off, whatever the clock was. */
void
check_waits(struct sim *s)
{
    struct arena *a = arena_new();
    struct incident_row *rows = NULL;
    struct pending *sends = NULL;
    struct tocsin_err err;
    size_t n = all_incidents(s, a, &rows), n_sends = 0;

    for (size_t i = 0; i < n; i++)
        if (rows[i].state == TOCSIN_INC_TRIGGERED && rows[i].paging && rows[i].paused_at == 0 &&
            rows[i].snoozed_until == 0 && rows[i].next_due > s->now + LONGEST_WAIT_MS)
            broken(s, "I6: '%s' waits %lld s for its next step after the clock was set back", rows[i].group_key,
                   (long long)(rows[i].next_due - s->now) / 1000);
    if (s->store->ops->pending(s->store, a, &sends, &n_sends, &err) != TOCSIN_OK)
        broken(s, "pending failed: %s", err.what);
    for (size_t i = 0; i < n_sends; i++)
        if (sends[i].due_at > s->now + LONGEST_WAIT_MS)
            broken(s, "I6: a send to %s waits %lld s after the clock was set back", sends[i].target,
                   (long long)(sends[i].due_at - s->now) / 1000);
    arena_free(a);
}

/* I1: what was accepted is there. */
static void
accepted(struct sim *s, struct arena *a)
{
    for (int source = 0; source < N_SOURCES; source++)
        for (int key = 0; key < N_KEYS; key++) {
            const struct source_alert *f = &s->alerts[source][key];
            struct id16 id = sender_key(a, source, key);
            struct alert_row row;
            struct tocsin_err err;

            if (!f->known || times_expires(key))
                continue;                    /* those that need news are looked at in times.c */
            if (s->store->ops->load_alerts(s->store, &id, 1, &row, &err) != TOCSIN_OK)
                broken(s, "load_alerts failed: %s", err.what);
            if (f->accepted_firing && !alert_is_open(&row))
                broken(s, "I1: a firing alert that was accepted is not open");
            if (!f->accepted_firing && row.state == ALERT_FIRING && !f->firing)
                broken(s, "I1: a resolve that was accepted did not close the alert");
        }
}

/* I3, I4, I5: what each vendor believes is what is so. */
static void
ledger(struct sim *s, const struct incident_row *r, const struct delivery_row *d)
{
    struct vendor *v = vendor_find(s, d->target);
    struct vendor_alert *a = vendor_alert(v, &r->id);
    bool quiet = r->state == TOCSIN_INC_ACKNOWLEDGED || r->snoozed_until > 0;

    if (d->due_at != 0)
        broken(s, "I10: a delivery to %s is still due when all is drained", d->target);
    if (a != NULL && a->pages > 1)
        broken(s, "I4: %s paged %u times for one incident", v->name, a->pages);
    if (r->state == TOCSIN_INC_RESOLVED) {
        if (a != NULL && a->open)
            broken(s, "I5: %s still believes resolved incident %02x%02x to be open", v->name, r->id.b[14], r->id.b[15]);
    } else if (!quiet && r->suppressed_by[0] == '\0' && d->want_page > 0 && (a == NULL || !a->open)) {
        broken(s, "I3: %s was to be told of '%s' (%02x%02x) and does not know it", v->name, r->group_key, r->id.b[14],
               r->id.b[15]);
    } else if (quiet && v->caps.can_ack && a != NULL && a->open && !a->acked) {
        broken(s, "%s does not know that '%s' is acknowledged", v->name, r->group_key);
    }
}

/* I3: a person was told, or the last resort was. */
static void
told(struct sim *s, const struct incident_detail *d)
{
    const struct incident_row *r = &d->row;
    bool somebody = false;

    if (r->state != TOCSIN_INC_TRIGGERED || !r->paging || r->suppressed_by[0] != '\0' || r->snoozed_until > 0)
        return;
    for (size_t i = 0; i < d->n_deliveries; i++)
        somebody |= d->deliveries[i].told >= TOLD_KNOWN;
    if (!somebody)
        broken(s, "I3: nobody was told of '%s'", r->group_key);
    if (r->next_due != 0 && r->next_due <= s->now)
        broken(s, "I6: a timer of '%s' is overdue and does not fire", r->group_key);
    if (!r->exhausted && r->next_due == 0)
        broken(s, "I3: '%s' is unanswered, and its policy stopped before the end", r->group_key);
}

void
check_end(struct sim *s)
{
    struct arena *a = arena_new();
    struct incident_row *rows = NULL;
    size_t n = all_incidents(s, a, &rows);

    accepted(s, a);
    for (size_t i = 0; i < n; i++) {
        struct incident_detail d;
        struct tocsin_err err;

        if (s->store->ops->get_incident(s->store, a, &rows[i].id, 10, 10000, &d, &err) != TOCSIN_OK) {
            broken(s, "get_incident failed: %s", err.what);
            continue;
        }
        for (size_t k = 0; k < d.n_deliveries; k++)
            ledger(s, &d.row, &d.deliveries[k]);
        told(s, &d);
        check_silence_over(s, &d);
    }
    /* I4: no key at a vendor that is no incident's */
    for (size_t v = 0; v < N_VENDORS; v++)
        for (size_t k = 0; k < s->vendors[v].n; k++) {
            bool ours = false;

            for (size_t i = 0; i < n; i++)
                ours |= id_eq(&rows[i].id, &s->vendors[v].alerts[k].key);
            if (!ours)
                broken(s, "I4: %s was sent a key that is no incident's", s->vendors[v].name);
        }
    arena_free(a);
}
