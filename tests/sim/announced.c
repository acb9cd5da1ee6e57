/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a turn announces before its commit is what the ledger says after it: a page that was made ready during the
 * commit is the page that would have been made from the rows.
 */
#include <string.h>

#include "base/xalloc.h"
#include "sim/sim.h"
#include "store/row_fields.h"

enum { ALERTS_MAX = 20 };

static struct {
    struct arena *arena;                     /* of the turn */
    struct incident_detail *list[64];
    size_t n;
} announced;

void
announced_begin(struct arena *a)
{
    announced.arena = a;
    announced.n = 0;
}

void
announced_add(void *ctx, const struct incident_detail *d)
{
    struct arena *a = announced.arena;
    struct incident_detail *to = arena_zalloc(a, sizeof *to);

    if (d->n_deliveries != 1 || announced.n == sizeof announced.list / sizeof announced.list[0]) {
        broken(ctx, "announced: %zu pages of %zu deliveries", announced.n, d->n_deliveries);
        return;
    }
    incident_row_copy(a, &to->row, &d->row);
    to->deliveries = arena_alloc(a, sizeof *to->deliveries);
    delivery_row_copy(a, to->deliveries, d->deliveries);
    to->n_alerts = d->n_alerts;
    to->alerts = arena_alloc(a, (d->n_alerts + 1) * sizeof *to->alerts);
    for (size_t i = 0; i < d->n_alerts; i++)
        alert_row_copy(a, &to->alerts[i], &d->alerts[i]);
    announced.list[announced.n++] = to;
}

#define SAME_INT(f) && x->f == y->f
#define SAME_TEXT(f) && strcmp(x->f, y->f) == 0

static bool
same_incident(const struct incident_row *x, const struct incident_row *y)
{
    return id_eq(&x->id, &y->id) && id_eq(&x->group, &y->group) && id_eq(&x->policy, &y->policy)
           SAME_INT(episode) INCIDENT_INTS(SAME_INT) INCIDENT_TEXTS(SAME_TEXT);
}

static bool
same_delivery(const struct delivery_row *x, const struct delivery_row *y)
{
    return id_eq(&x->incident, &y->incident) SAME_TEXT(target) DELIVERY_INTS(SAME_INT) DELIVERY_TEXTS(SAME_TEXT);
}

static bool
same_alert(const struct alert_row *x, const struct alert_row *y)
{
    return id_eq(&x->key, &y->key) && id_eq(&x->incident, &y->incident) SAME_INT(rowid) SAME_INT(state)
           ALERT_INTS(SAME_INT) SAME_TEXT(source) SAME_TEXT(dedup_key) SAME_INT(body_len) &&
           memcmp(x->body, y->body, x->body_len) == 0;
}

static bool
is_due(const struct turn_result *r, const struct delivery_row *d)
{
    for (size_t i = 0; i < r->n_due; i++)
        if (id_eq(&r->due[i].incident, &d->incident) && strcmp(r->due[i].target, d->target) == 0)
            return r->due[i].due_at == d->due_at;
    return false;
}

void
check_announced(struct sim *s, const struct turn_result *r)
{
    for (size_t i = 0; i < announced.n; i++) {
        const struct incident_detail *was = announced.list[i];
        const char *target = was->deliveries[0].target;
        struct incident_detail now;
        struct tocsin_err err;
        bool same;

        if (s->store->ops->get_delivery(s->store, announced.arena, &was->row.id, target, ALERTS_MAX, &now, &err) !=
            TOCSIN_OK) {
            broken(s, "announced: the ledger has no such row: %s", err.what);
            return;
        }
        same = same_incident(&was->row, &now.row) && same_delivery(was->deliveries, now.deliveries) &&
               was->n_alerts == now.n_alerts;
        for (size_t k = 0; same && k < now.n_alerts; k++)
            same = same_alert(&was->alerts[k], &now.alerts[k]);
        if (!same)
            broken(s, "announced: incident '%s' for '%s' is not what was committed", was->row.group_key, target);
        if (!is_due(r, was->deliveries))
            broken(s, "announced: '%s' is not woken for '%s'", target, was->row.group_key);
        s->announced++;
    }
}
