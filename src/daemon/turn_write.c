/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a turn: what changed in its world becomes one transaction. */
#include <string.h>

#include "daemon/turn_impl.h"

enum { ANNOUNCED_TURN = 32, ANNOUNCED_ALERTS = 20 };

static void
collect_alerts(struct turn *t, struct writeset *ws)
{
    struct world *w = &t->world;
    size_t cap = 0;

    for (size_t i = 0; i < w->n_alerts; i++)
        for (struct world_alert *a = w->alert_list[i]; a != NULL; a = a->earlier)
            cap++;
    ws->alerts = arena_alloc(t->arena, (cap + 1) * sizeof *ws->alerts);
    for (size_t i = 0; i < w->n_alerts; i++) {
        struct world_alert *chain[2] = { w->alert_list[i]->earlier, w->alert_list[i] };

        /* oldest first: an occurrence is closed before the next one of its key opens */
        for (struct world_alert *a = chain[0]; a != NULL; a = a->earlier)
            ws->n_alerts++;
        for (size_t at = ws->n_alerts; chain[0] != NULL; chain[0] = chain[0]->earlier)
            ws->alerts[--at] = (struct alert_write){ &chain[0]->row, false };
        if (chain[1]->dirt != CLEAN)
            ws->alerts[ws->n_alerts++] = (struct alert_write){ &chain[1]->row, chain[1]->dirt == COUNTED };
    }
}

static void
collect_owns(struct turn *t, struct writeset *ws)
{
    struct world *w = &t->world;

    if (w->n_owns == 0)
        return;
    ws->owns = arena_alloc(t->arena, w->n_owns * sizeof *ws->owns);
    for (size_t i = 0; i < w->n_owns; i++)
        if (w->own_list[i]->dirty)
            ws->owns[ws->n_owns++] = (struct own_write){ &w->own_list[i]->row, w->own_list[i]->of };
}

static void
collect(struct turn *t, struct writeset *ws)
{
    struct world *w = &t->world;
    struct incident_row **incidents = arena_alloc(t->arena, (w->n_incidents + 1) * sizeof(struct incident_row *));
    struct delivery_row **deliveries;
    struct policy_row *policies = arena_alloc(t->arena, (w->n_new_policies + 1) * sizeof *policies);
    size_t n_deliveries = 0;

    *ws = (struct writeset){ .incidents = incidents, .policies = policies, .events = w->events,
                             .n_events = w->n_events,
                             .outbox = t->env->outbox, .n_outbox = t->env->n_outbox,
                             .outbox_gone = t->env->outbox_gone, .n_outbox_gone = t->env->n_outbox_gone };
    collect_alerts(t, ws);
    collect_owns(t, ws);
    for (size_t i = 0; i < w->n_incidents; i++) {
        if (w->incident_list[i]->dirty)
            incidents[ws->n_incidents++] = &w->incident_list[i]->row;
        for (struct world_delivery *d = w->incident_list[i]->deliveries; d != NULL; d = d->next)
            n_deliveries += d->dirty;
    }
    deliveries = arena_alloc(t->arena, (n_deliveries + 1) * sizeof(struct delivery_row *));
    t->out->due = arena_alloc(t->arena, (n_deliveries + 1) * sizeof *t->out->due);
    for (size_t i = 0; i < w->n_incidents; i++)
        for (struct world_delivery *d = w->incident_list[i]->deliveries; d != NULL; d = d->next) {
            if (!d->dirty)
                continue;
            deliveries[ws->n_deliveries++] = &d->row;
            t->out->due[t->out->n_due++] = (struct due_delivery){ d->row.incident, d->row.target, d->row.due_at };
        }
    ws->deliveries = deliveries;
    turn_collect_silences(t, ws);
    for (size_t i = 0; i < w->n_new_policies; i++)
        policies[ws->n_policies++] = (struct policy_row){ w->new_policies[i]->id, w->new_policies[i]->body };
}

/* The alerts of an incident that begins here, newest first.  False: there are too many to be told at once. */
static bool
alerts_of(const struct writeset *ws, const struct id16 *incident, struct incident_detail *out)
{
    for (size_t i = ws->n_alerts; i-- > 0;) {
        const struct alert_row *row = ws->alerts[i].row;

        if (!id_eq(&row->incident, incident))
            continue;
        if (out->n_alerts == ANNOUNCED_ALERTS || row->body == NULL || row->rowid == 0 ||
            (out->n_alerts > 0 && out->alerts[out->n_alerts - 1].rowid < row->rowid))
            return false;
        out->alerts[out->n_alerts++] = *row;
    }
    return out->n_alerts > 0;
}

/*
 * Who is to be paged can make the page ready while the disk is busy.  In a turn of many alerts that would save
 * nothing: the first of them wait for the others.
 */
static void
announce(struct turn *t, const struct writeset *ws)
{
    struct world *w = &t->world;
    struct alert_row alerts[ANNOUNCED_ALERTS];

    if (t->env->announce == NULL || ws->n_alerts > ANNOUNCED_TURN)
        return;
    for (size_t i = 0; i < w->n_incidents; i++) {
        struct world_incident *inc = w->incident_list[i];
        struct incident_detail detail = { .row = inc->row, .alerts = alerts, .n_deliveries = 1 };

        if (!inc->fresh || inc->deliveries == NULL || !alerts_of(ws, &inc->row.id, &detail))
            continue;
        for (struct world_delivery *d = inc->deliveries; d != NULL; d = d->next) {
            detail.deliveries = &d->row;
            if (d->dirty && d->row.due_at != 0 && d->row.due_at <= w->now)
                t->env->announce(t->env->ctx, &detail);
        }
    }
}

enum tocsin_rc
turn_commit(struct turn *t)
{
    struct writeset ws;
    enum tocsin_rc rc;

    collect(t, &ws);
    for (size_t i = 0; i < ws.n_alerts; i++) {
        t->out->repeats += ws.alerts[i].lazy;
        t->out->wrote |= !ws.alerts[i].lazy;
    }
    t->out->wrote |=
        ws.n_incidents + ws.n_deliveries + ws.n_events + ws.n_silences + ws.n_outbox + ws.n_outbox_gone > 0;
    t->out->damage = t->world.damage;
    t->out->n_damage = t->world.n_damage;
    rc = t->ops->write(t->store, &ws, t->err);
    if (rc != TOCSIN_OK)
        return rc;
    announce(t, &ws);
    return t->ops->commit(t->store, t->err);
}
