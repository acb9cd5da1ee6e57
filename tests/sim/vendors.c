/* SPDX-License-Identifier: Apache-2.0 */
/* Vendors that dedup by key as the real ones do, and the notifier's loop in virtual time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "core/delivery/delivery.h"
#include "sim/sim.h"

void
vendors_init(struct sim *s)
{
    static const char *const names[N_VENDORS] = { "pd", "vo", "og", "chat" };
    static const struct delivery_caps caps[N_VENDORS] = {
        { .can_ack = true, .send_resolved = true },
        { .can_ack = true, .can_note = true, .send_resolved = true },
        { .can_ack = true, .can_note = true, .can_unack = true, .send_resolved = true },
        { .can_note = true, .send_resolved = true },
    };

    for (size_t i = 0; i < N_VENDORS; i++)
        s->vendors[i] = (struct vendor){ .name = names[i], .caps = caps[i], .configured = true };
}

struct vendor *
vendor_find(struct sim *s, const char *name)
{
    for (size_t i = 0; i < N_VENDORS; i++)
        if (strcmp(s->vendors[i].name, name) == 0)
            return &s->vendors[i];
    return NULL;
}

struct vendor_alert *
vendor_alert(struct vendor *v, const struct id16 *key)
{
    for (size_t i = 0; i < v->n; i++)
        if (id_eq(&v->alerts[i].key, key))
            return &v->alerts[i];
    return NULL;
}

static struct vendor_alert *
vendor_new(struct sim *s, struct vendor *v, const struct id16 *key)
{
    if (v->n == v->cap) {
        v->cap = v->cap > 0 ? v->cap * 2 : 16;
        v->alerts = xrealloc(v->alerts, v->cap * sizeof *v->alerts);
    }
    v->alerts[v->n] = (struct vendor_alert){ .key = *key, .first_at = s->now };
    return &v->alerts[v->n++];
}

/* What the vendor does with a request that reached it. */
static void
process(struct sim *s, struct vendor *v, const struct id16 *key, enum tocsin_change change)
{
    struct vendor_alert *a = vendor_alert(v, key);

    if (a == NULL && change != TOCSIN_TRIGGER)
        return;                              /* dropped silently */
    if (a == NULL)
        a = vendor_new(s, v, key);
    switch (change) {
    case TOCSIN_TRIGGER:
    case TOCSIN_UPDATE:
        if (!a->open && a->pages > 0 && change == TOCSIN_TRIGGER)
            broken(s, "%s: a trigger came after the resolve", v->name);
        if (!a->open && change == TOCSIN_TRIGGER)
            a->pages++;
        a->open |= change == TOCSIN_TRIGGER;
        break;
    case TOCSIN_ACKNOWLEDGE:
        a->acked = a->open;
        break;
    case TOCSIN_UNACKNOWLEDGE:
        a->acked = false;
        break;
    case TOCSIN_RESOLVE:
        a->open = false;
        break;
    case TOCSIN_NOTE:
        break;
    }
}

static struct tocsin_outcome
send(struct sim *s, struct vendor *v, const struct id16 *id, enum tocsin_change change)
{
    struct tocsin_outcome o = { .verdict = TOCSIN_DELIVERED };
    struct id16 key = *id;

    s->sends++;
    if (v == NULL || !v->configured) {
        o = (struct tocsin_outcome){ .verdict = TOCSIN_RETRY, .delay_ms = 300000, .reason = "not configured" };
    } else if (v->down) {
        o = (struct tocsin_outcome){ .verdict = TOCSIN_RETRY, .reason = "down" };
    } else if (v->rejects) {
        o = (struct tocsin_outcome){ .verdict = TOCSIN_REJECTED, .reason = "refused" };
    } else {
        if (s->plant == PLANT_NEW_KEY && change == TOCSIN_TRIGGER)
            key.b[15] = (uint8_t)roll(s, 256);
        if (!((s->plant == PLANT_SKIP_RESOLVE && change == TOCSIN_RESOLVE) ||
              (s->plant == PLANT_SKIP_ACK && change == TOCSIN_ACKNOWLEDGE)) || roll(s, 10) != 0)
            process(s, v, &key, change);
        if (v->loses_answers && roll(s, 2) == 0)
            o = (struct tocsin_outcome){ .verdict = TOCSIN_UNCERTAIN, .reason = "no answer" };
    }
    trace(s, "send change %d of %02x%02x to %s: verdict %d", (int)change, id->b[14], id->b[15],
          v != NULL ? v->name : "?", (int)o.verdict);
    return o;
}

/* --- the schedule ------------------------------------------------------------------------- */

static void
schedule(struct sim *s, const struct id16 *incident, const char *target, int64_t at)
{
    size_t i = 0;

    while (i < s->n_due && (!id_eq(&s->due[i].incident, incident) || strcmp(s->due[i].target, target) != 0))
        i++;
    if (at == 0) {
        if (i < s->n_due)
            s->due[i] = s->due[--s->n_due];
        return;
    }
    if (i == s->n_due) {
        if (s->n_due == s->cap_due) {
            s->cap_due = s->cap_due > 0 ? s->cap_due * 2 : 64;
            s->due = xrealloc(s->due, s->cap_due * sizeof *s->due);
        }
        s->n_due++;
    }
    s->due[i].incident = *incident;
    snprintf(s->due[i].target, sizeof s->due[i].target, "%s", target);
    s->due[i].at = at;
}

void
notifier_due(struct sim *s, const struct turn_result *r)
{
    for (size_t i = 0; i < r->n_due; i++)
        schedule(s, &r->due[i].incident, r->due[i].target, r->due[i].due_at);
}

static size_t
pending(struct sim *s, struct arena *a, struct pending **rows)
{
    struct tocsin_err err;
    size_t n = 0;

    if (s->store->ops->pending(s->store, a, rows, &n, &err) != TOCSIN_OK)
        broken(s, "pending failed: %s", err.what);
    return n;
}

void
notifier_restart(struct sim *s)
{
    struct arena *a = arena_new();
    struct pending *rows = NULL;
    size_t n = pending(s, a, &rows);

    s->n_due = 0;
    for (size_t i = 0; i < n; i++)
        if (rows[i].due_at > 0)
            schedule(s, &rows[i].incident, rows[i].target, rows[i].due_at);
    arena_free(a);
}

void
notifier_rearm(struct sim *s)
{
    struct arena *a = arena_new();
    struct pending *rows = NULL;
    size_t n = pending(s, a, &rows);

    for (size_t i = 0; i < n; i++) {
        struct event e = { .kind = EV_REARM, .incident = rows[i].incident, .target = rows[i].target };

        while (!sim_turn(s, &e, 1))
            ;
    }
    arena_free(a);
}

/* One row: what the notifier does between being woken and reporting. */
static void
work_off(struct sim *s, const struct id16 *incident, const char *target, bool crash)
{
    struct arena *a = arena_new();
    struct vendor *v = vendor_find(s, target);
    struct delivery_caps caps = { true, true, true, true, true };
    struct incident_detail d;
    struct delivery_work work;
    struct tocsin_err err;
    struct tocsin_outcome o = { .verdict = TOCSIN_DELIVERED };
    struct event e = { .kind = EV_DELIVERY, .incident = *incident, .target = target, .seed = roll(s, UINT64_MAX),
                       .outcome = &o };

    if (v != NULL && v->configured)
        caps = v->caps;
    if (s->store->ops->get_delivery(s->store, a, incident, target, 5, &d, &err) != TOCSIN_OK || d.n_deliveries != 1) {
        broken(s, "a due delivery to %s is not in the store", target);
        goto out;
    }
    delivery_next(&d.row, &d.deliveries[0], &caps, &work);
    e.change = work.change;
    e.ver = work.ver;
    e.page = work.page;
    e.notes = work.notes;
    if (work.change != 0)
        o = send(s, v, incident, work.change);
    if (crash) {
        trace(s, "crash between a send and its result");
        s->crashes++;
        notifier_restart(s);
        goto out;
    }
    if (s->plant == PLANT_FORGET_RETRY && o.verdict == TOCSIN_RETRY && roll(s, 3) == 0)
        goto out;
    while (!sim_turn(s, &e, 1))
        ;
out:
    arena_free(a);
}

void
notifier_work(struct sim *s, bool crash)
{
    for (int rounds = 0; rounds < 200 && s->problem[0] == '\0'; rounds++) {
        struct sim_due next;
        size_t i = 0;

        while (i < s->n_due && s->due[i].at > s->now)
            i++;
        if (i == s->n_due)
            return;
        next = s->due[i];
        s->due[i] = s->due[--s->n_due];
        work_off(s, &next.incident, next.target, crash);
        if (crash)
            return;
        if (rounds == 199)
            broken(s, "deliveries do not settle: %s is due again and again", next.target);
    }
}
