/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random operations that a core could do: what is legal is decided from the
 * loads of one store, and the same rows go to both.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/store_rows.h"

static unsigned
pick(struct life *l, unsigned n)
{
    return (unsigned)(idgen_u64(&l->rng) >> 33) % n;
}

static void
must(enum tocsin_rc rc, const struct tocsin_err *err)
{
    if (rc == TOCSIN_OK)
        return;
    fprintf(stderr, "store: %s\n", err->what);
    abort();
}

static struct alert_row
load_alert(struct life *l, unsigned key)
{
    struct id16 id = id_of("key", key);
    struct tocsin_err err;
    struct alert_row row;

    must(l->a->ops->load_alerts(l->a, &id, 1, &row, &err), &err);
    return row;
}

static bool
load_group(struct life *l, struct arena *a, unsigned group, struct incident_row *out)
{
    struct id16 id = id_of("group", group);
    struct tocsin_err err;
    bool found;

    must(l->a->ops->load_groups(l->a, a, &id, 1, out, &found, &err), &err);
    return found;
}

static void
new_incident(struct life *l, struct arena *a, struct rowset *set, unsigned group, struct incident_row *out)
{
    struct id16 gid = id_of("group", group);
    struct tocsin_err err;
    struct delivery_row d;
    uint32_t episodes;

    must(l->a->ops->episodes(l->a, &gid, &episodes, &err), &err);
    *out = make_incident(a, &l->ids, group, l->now);
    out->episode = episodes + 1;
    if (pick(l, 3) == 0) {                     /* a rule delays it: it has no number, and nobody is told */
        out->opened_at = 0;
        out->episode = 0;
        out->state = TOCSIN_INC_TRIGGERED;
        rowset_incident(set, a, out);
        return;
    }
    rowset_incident(set, a, out);
    d = make_delivery(a, &out->id, "pd", l->now);
    rowset_delivery(set, a, &d);
    if (group % 2 == 0) {
        d = make_delivery(a, &out->id, "vo", l->now);
        rowset_delivery(set, a, &d);
    }
    set->policies[set->ws.n_policies++] = (struct policy_row){ out->policy, "{\"name\":\"ml-oncall\"}" };
}

/* A sender's own key, or two, under an alert that is new or was known. */
static void
join(struct life *l, struct arena *a, struct rowset *set, struct alert_row *alert, const struct alert_row *stored)
{
    for (unsigned n = pick(l, 3); n > 0; n--) {
        struct own_row own = make_own(pick(l, LIFE_OWNS), alert);

        own.firing = pick(l, 4) != 0;
        rowset_own(set, a, &own, stored);
    }
}

static void
fire(struct life *l, struct arena *a, struct rowset *set)
{
    unsigned key = pick(l, LIFE_KEYS), group = key % LIFE_GROUPS;
    struct alert_row row = load_alert(l, key), new = make_alert(a, key, l->now);
    struct incident_row incident;
    struct event_row event;

    if (row.state != ALERT_NONE)
        return;
    if (key % 8 == 7) {                        /* what belongs to no incident */
        new.state = pick(l, 2) ? ALERT_DROPPED : ALERT_UNKNOWN;
        rowset_alert(set, a, &new, false);
        event = make_event(a, &new.incident, "dropped", l->serial++, l->now);
        rowset_event(set, &event);
        return;
    }
    if (!load_group(l, a, group, &incident))
        new_incident(l, a, set, group, &incident);
    new.incident = incident.id;
    new.own_mode = (uint8_t)pick(l, 3);
    new.n_own = 2;
    rowset_alert(set, a, &new, false);
    join(l, a, set, &new, NULL);
    event = make_event(a, &incident.id, pick(l, 2) ? "note" : "alert", l->serial++, l->now);
    rowset_event(set, &event);
}

static void
change_alert(struct life *l, struct arena *a, struct rowset *set)
{
    unsigned key = pick(l, LIFE_KEYS);
    struct alert_row row = load_alert(l, key);

    if (row.state == ALERT_NONE)
        return;
    row.count++;
    row.last_at = l->now;
    row.expires_at = pick(l, 4) ? l->now + 90000 : 0;
    switch (pick(l, 4)) {
    case 0:
        row.state = ALERT_RESOLVED;
        row.ends_at = l->now;
        break;
    case 1:
        row.severity = (uint8_t)(1 + pick(l, 4));
        row.own_mode = OWN_ALL;
        row.n_own++;
        row.digest++;
        row.body = "new body";
        row.body_len = 8;
        break;
    default:
        break;
    }
    rowset_alert(set, a, &row, row.state != ALERT_RESOLVED && row.body == NULL);
    if (row.n_own > 0)
        join(l, a, set, &row, NULL);
}

/* The same alert ends and begins again in one transaction. */
static void
flap(struct life *l, struct arena *a, struct rowset *set)
{
    unsigned key = pick(l, LIFE_KEYS);
    struct alert_row row = load_alert(l, key), again = make_alert(a, key, l->now);
    bool first = pick(l, 2);

    if (row.state != ALERT_FIRING)
        return;
    row.state = ALERT_RESOLVED;
    again.incident = row.incident;
    if (first)
        rowset_alert(set, a, &again, false);
    rowset_alert(set, a, &row, false);
    if (!first)
        rowset_alert(set, a, &again, false);
}

/* By a person: what still fires is dismissed. */
static void
resolve(struct life *l, struct arena *a, struct rowset *set, struct incident_row *incident)
{
    struct alert_row *members;
    struct tocsin_err err;
    size_t n;

    must(l->a->ops->load_members(l->a, a, &incident->id, &members, &n, &err), &err);
    if (n > 16)
        return;
    incident->state = TOCSIN_INC_RESOLVED;
    incident->resolved_at = l->now;
    incident->resolved_by = "anna";
    incident->next_due = 0;
    rowset_incident(set, a, incident);
    for (size_t i = 0; i < n; i++) {
        members[i].state = ALERT_DISMISSED;
        rowset_alert(set, a, &members[i], false);
    }
}

/* A delayed one opens, or never was: then its alerts are over as well. */
static void
settle_delayed(struct life *l, struct arena *a, struct rowset *set, unsigned group, struct incident_row *incident)
{
    struct id16 gid = id_of("group", group);
    struct alert_row *members;
    struct tocsin_err err;
    uint32_t episodes;
    size_t n;

    if (pick(l, 2)) {
        must(l->a->ops->episodes(l->a, &gid, &episodes, &err), &err);
        incident->opened_at = incident->updated_at = l->now;
        incident->episode = episodes + 1;
        incident->ver++;
        rowset_incident(set, a, incident);
        return;
    }
    must(l->a->ops->load_members(l->a, a, &incident->id, &members, &n, &err), &err);
    if (n > 16)
        return;
    incident->state = TOCSIN_INC_RESOLVED;
    incident->resolved_at = incident->updated_at = l->now;
    incident->next_due = incident->snoozed_until = 0;
    rowset_incident(set, a, incident);
    for (size_t i = 0; i < n; i++) {
        members[i].state = ALERT_RESOLVED;
        members[i].incident = (struct id16){ { 0 } };
        rowset_alert(set, a, &members[i], false);
    }
}

static void
change_incident(struct life *l, struct arena *a, struct rowset *set)
{
    unsigned group = pick(l, LIFE_GROUPS);
    struct incident_row incident;
    struct delivery_row *d;
    struct tocsin_err err;
    size_t n;

    if (!load_group(l, a, group, &incident))
        return;
    if (incident.opened_at == 0) {
        settle_delayed(l, a, set, group, &incident);
        return;
    }
    if (pick(l, 3) == 0) {
        resolve(l, a, set, &incident);
        return;
    }
    incident.state = pick(l, 2) ? TOCSIN_INC_ACKNOWLEDGED : TOCSIN_INC_TRIGGERED;
    incident.acked_by = incident.state == TOCSIN_INC_ACKNOWLEDGED ? "bea" : "";
    incident.exhausted = pick(l, 2);
    incident.ver++;
    incident.next_due = pick(l, 2) ? l->now + pick(l, 60000) : 0;
    rowset_incident(set, a, &incident);
    must(l->a->ops->load_deliveries(l->a, a, &incident.id, &d, &n, &err), &err);
    for (size_t i = 0; i < n; i++) {
        d[i].due_at = pick(l, 2) ? l->now + pick(l, 5000) : 0;
        d[i].state = d[i].due_at != 0 ? DELIVERY_FAILING : DELIVERY_IDLE;
        d[i].step = (uint16_t)pick(l, 3);
        d[i].last_error = pick(l, 2) ? "" : "timed out";
        rowset_delivery(set, a, &d[i]);
    }
}

/* An answer of a vendor for an incident that may be history by now. */
static void
answer_old(struct life *l, struct arena *a, struct rowset *set)
{
    struct incident_filter f = { .states = 1u << TOCSIN_INC_RESOLVED, .limit = 4 };
    struct incident_row *rows, row;
    struct delivery_row *d;
    struct tocsin_err err;
    size_t n, k;
    bool found;

    must(l->a->ops->list_incidents(l->a, a, &f, &rows, &n, &err), &err);
    if (n == 0)
        return;
    k = pick(l, (unsigned)n);
    must(l->a->ops->load_incidents(l->a, a, &rows[k].id, 1, &row, &found, &err), &err);
    if (!found)
        abort();
    must(l->a->ops->load_deliveries(l->a, a, &row.id, &d, &n, &err), &err);
    for (size_t i = 0; i < n; i++) {
        d[i].due_at = pick(l, 3) == 0 ? l->now : 0;
        d[i].told = TOLD_RESOLVED;
        rowset_delivery(set, a, &d[i]);
    }
    if (pick(l, 2)) {
        row.notes++;
        rowset_incident(set, a, &row);
    }
}

/* Made, changed, begun, ended; and one that is gone. */
static void
change_silence(struct life *l, struct arena *a, struct rowset *set)
{
    static const char *const matchers[] = { "host=\"a\"", "host=~\"a|b\"\nkind!=\"x\"" };
    struct silence_row *row = arena_zalloc(a, sizeof *row);
    struct id16 id = id_of("silence", pick(l, LIFE_SILENCES));

    if (pick(l, 6) == 0) {
        set->gone = id;
        set->ws.gone_silences = &set->gone;
        set->ws.n_gone_silences = 1;
        return;
    }
    *row = (struct silence_row){ .id = id, .phase = (uint8_t)(SILENCE_PENDING + pick(l, 3)), .starts_at = l->now,
                                 .ends_at = l->now + 1 + pick(l, 90000), .updated_at = l->now,
                                 .sweep = pick(l, 3) == 0 ? (int64_t)pick(l, 500) + 1 : 0,
                                 .matchers = matchers[pick(l, 2)], .created_by = pick(l, 2) ? "anna" : "",
                                 .comment = "works", .annotations = pick(l, 2) ? "{\"a\":1}" : "" };
    row->next_due = row->phase != SILENCE_EXPIRED || row->sweep != 0 ? l->now + pick(l, 60000) + 1 : 0;
    set->silence = row;
    set->ws.silences = &set->silence;
    set->ws.n_silences = 1;
}

static void
put_both(struct life *l, struct rowset *set)
{
    struct alert_row rows[16];
    struct store *stores[2] = { l->a, l->b };
    bool commits = pick(l, 6) != 0;

    for (size_t i = 0; i < set->ws.n_alerts; i++)
        rows[i] = *set->alerts[i].row;
    for (int k = 0; k < 2; k++) {
        struct store *s = stores[k];
        struct tocsin_err err;

        for (size_t i = 0; i < set->ws.n_alerts; i++)
            *set->alerts[i].row = rows[i];
        must(s->ops->begin(s, &err), &err);
        must(s->ops->write(s, &set->ws, &err), &err);
        if (commits)
            must(s->ops->commit(s, &err), &err);
        else
            s->ops->rollback(s);
    }
}

static void
upkeep(struct life *l)
{
    struct tocsin_err err;

    if (pick(l, 3) != 0) {
        must(l->a->ops->flush(l->a, &err), &err);
        must(l->b->ops->flush(l->b, &err), &err);
        return;
    }
    l->now += (int64_t)pick(l, 3) * 20 * 60 * 60 * 1000;
    must(l->a->ops->maintain(l->a, l->now, 36LL * 60 * 60 * 1000, 1000, &err), &err);
    must(l->b->ops->maintain(l->b, l->now, 36LL * 60 * 60 * 1000, 1000, &err), &err);
}

void
life_step(struct life *l)
{
    static void (*const ops[])(struct life *, struct arena *, struct rowset *) = {
        fire, fire, fire, change_alert, change_alert, change_alert, flap, change_incident, change_incident, answer_old,
        change_silence,
    };
    unsigned what = pick(l, 13);
    struct arena *a = arena_new();
    struct rowset set;

    l->now += pick(l, 3000);
    rowset_init(&set);
    if (what < sizeof ops / sizeof ops[0]) {
        ops[what](l, a, &set);
        put_both(l, &set);
    } else {
        upkeep(l);
    }
    arena_free(a);
}
