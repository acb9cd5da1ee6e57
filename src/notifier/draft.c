/* SPDX-License-Identifier: Apache-2.0 */
/*
 * draft.c - first pages that are made ready while the commit is under way that lets them go.
 *
 *   notifier_draft() --> rendered, its request prepared --wake of the same turn--> sent, without a look at the ledger
 *                                                       '--anything else---------> thrown away; the row goes the usual way
 *
 * Nothing leaves before the commit: what sends is the wake, and that comes after it.  What a draft says is what the
 * commit stores, so it is the snapshot that would have been read.  An incident that begins with the turn has no
 * row here yet; one that has is asked for in the ledger as ever.
 */
#include <stdlib.h>
#include <utlist.h>

#include "base/xalloc.h"
#include "notifier/impl.h"
#include "os/clock.h"
#include "store/row_fields.h"

struct draft *
draft_new(const struct incident_detail *from)
{
    struct arena *a = arena_new();
    struct draft *d = arena_zalloc(a, sizeof *d);

    d->arena = a;
    incident_row_copy(a, &d->detail.row, &from->row);
    d->detail.n_deliveries = 1;
    d->detail.deliveries = arena_alloc(a, sizeof *d->detail.deliveries);
    delivery_row_copy(a, d->detail.deliveries, from->deliveries);
    d->detail.n_alerts = from->n_alerts;
    d->detail.alerts = arena_alloc(a, (from->n_alerts + 1) * sizeof *d->detail.alerts);
    for (size_t i = 0; i < from->n_alerts; i++)
        alert_row_copy(a, &d->detail.alerts[i], &from->alerts[i]);
    return d;
}

void
draft_free(struct draft *d)
{
    if (d != NULL)
        arena_free(d->arena);                /* it lives in it */
}

/* Would this send go at once if it were due now? */
static bool
may_go(const struct lane *lane)
{
    return lane->cn != NULL && lane->n_ready == 0 && (lane->host == NULL || !lane->host->breaker.open) &&
           (lane->cn->concurrency == 0 || lane->in_flight < lane->cn->concurrency);
}

void
draft_take(struct notifier *n, struct lane *lane, struct draft *d)
{
    struct row *row = row_get(n, &d->detail.row.id, lane);
    struct flight *f;

    if (row->state != ROW_IDLE || row->draft != NULL) {      /* not as new as it should be */
        draft_discard(n, row);
        draft_free(d);
        return;
    }
    if (!may_go(lane)) {
        draft_free(d);
        row_forget(n, row);
        return;
    }
    f = flight_new(n, row, d->arena);
    f->detail = d->detail;
    f->delivery = f->detail.deliveries;
    if (flight_prepare(f)) {
        row->draft = f;
        DL_APPEND(n->drafts, f);
    } else {                                 /* what is wrong with it is said when it is due */
        flight_free(f);
        row_forget(n, row);
    }
}

void
draft_discard(struct notifier *n, struct row *row)
{
    if (row->draft == NULL)
        return;
    DL_DELETE(n->drafts, row->draft);
    flight_free(row->draft);
    row->draft = NULL;
}

void
drafts_discard(struct notifier *n)
{
    while (n->drafts != NULL) {
        struct row *row = n->drafts->row;

        draft_discard(n, row);
        if (row->state == ROW_IDLE)
            row_forget(n, row);
    }
}

struct flight *
draft_release(struct notifier *n, struct row *row)
{
    struct flight *f = row->draft;

    DL_DELETE(n->drafts, f);
    row->draft = NULL;
    f->due_at = f->delivery->due_at;
    return f;
}
