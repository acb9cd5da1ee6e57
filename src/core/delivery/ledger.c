/* SPDX-License-Identifier: Apache-2.0 */
#include "core/delivery/ledger.h"

static const char *const change_words[] = {
    [TOCSIN_TRIGGER] = "trigger",
    [TOCSIN_UPDATE] = "update",
    [TOCSIN_ACKNOWLEDGE] = "acknowledge",
    [TOCSIN_UNACKNOWLEDGE] = "unacknowledge",
    [TOCSIN_NOTE] = "note",
    [TOCSIN_RESOLVE] = "resolve",
};

/* A target that left the configuration keeps its work: it may come back. */
static struct delivery_caps
caps_of(const struct world *w, const char *target)
{
    struct delivery_caps caps = { true, true, true, true, true };

    w->hooks->caps_of(w->hooks_ctx, target, &caps);
    return caps;
}

static bool
is_configured(const struct world *w, const char *target)
{
    struct delivery_caps caps;

    return w->hooks->caps_of(w->hooks_ctx, target, &caps);
}

static bool
has_work(const struct world *w, const struct world_incident *i, const struct delivery_row *d,
         struct delivery_work *work)
{
    struct delivery_caps caps = caps_of(w, d->target);

    return delivery_next(&i->row, d, &caps, work);
}

/* attempts goes on counting until a success: it also tells the notifier's reader that a result was entered. */
static void
start_over(struct delivery_row *d, enum delivery_state state, int64_t due_at)
{
    d->state = (uint8_t)state;
    d->due_at = due_at;
    if (state == DELIVERY_IDLE)
        d->attempts = 0;
    d->failing_since = 0;
    d->refused_change = 0;
}

static bool
was_refused(const struct delivery_row *d, const struct delivery_work *work)
{
    return d->state == DELIVERY_REJECTED && d->refused_change == work->change && d->refused_ver == work->ver &&
           d->refused_page == work->page;
}

/* What is about to be told is uncertain from now until it is confirmed. */
static void
doubt(struct world_delivery *d, enum tocsin_change change)
{
    if ((change == TOCSIN_ACKNOWLEDGE && d->row.told == TOLD_TRIGGERED) ||
        (change == TOCSIN_UNACKNOWLEDGE && d->row.told == TOLD_ACKNOWLEDGED)) {
        d->row.told = TOLD_KNOWN;
        d->dirty = true;
    }
}

/* Make the row due or idle, after anything about it or its incident changed. */
static void
refresh(const struct world *w, const struct world_incident *i, struct world_delivery *d)
{
    struct delivery_work work;

    if (!has_work(w, i, &d->row, &work)) {
        if (d->row.state == DELIVERY_IDLE)
            return;
        start_over(&d->row, DELIVERY_IDLE, 0);
        d->dirty = true;
        return;
    }
    if (d->row.state == DELIVERY_IDLE || (d->row.state == DELIVERY_REJECTED && !was_refused(&d->row, &work))) {
        start_over(&d->row, DELIVERY_PENDING, w->now);
        d->dirty = true;
    }                                        /* pending or failing: its time stands; refused: nothing new */
    if (d->row.state != DELIVERY_REJECTED)
        doubt(d, work.change);
}

void
ledger_page(struct world *w, struct world_incident *i, const char *target, uint16_t step)
{
    struct world_delivery *d = world_delivery(w, i, target, true);

    if (d->row.told == TOLD_NOTHING)
        d->row.told = TOLD_MAYBE;            /* from the commit on it may be told at any moment */
    d->row.want_page = ++i->row.page;
    if (step != STEP_NONE)                   /* otherwise it stays a target of its step, which may fail over */
        d->row.step = step;
    d->dirty = true;
    i->dirty = true;
    refresh(w, i, d);
}

void
ledger_touch(struct world *w, struct world_incident *i)
{
    for (struct world_delivery *d = i->deliveries; d != NULL; d = d->next)
        refresh(w, i, d);
}

void
ledger_heard(struct world *w, struct world_incident *i, const char *target, enum told told)
{
    struct world_delivery *d = world_delivery(w, i, target, false);

    if (d == NULL)
        return;
    d->row.told = (uint8_t)told;
    if (told == TOLD_TRIGGERED)
        d->row.told_page = d->row.want_page; /* its people know: they took the acknowledgement back */
    d->dirty = true;
}

void
ledger_rearm(struct world *w, struct world_incident *i, const char *target)
{
    struct world_delivery *d = world_delivery(w, i, target, false);

    if (d == NULL || (d->row.state != DELIVERY_REJECTED && d->row.state != DELIVERY_FAILING))
        return;
    start_over(&d->row, DELIVERY_PENDING, w->now);
    d->dirty = true;
    refresh(w, i, d);
}

void
ledger_clamp(struct world *w, struct world_incident *i)
{
    for (struct world_delivery *d = i->deliveries; d != NULL; d = d->next) {
        int64_t latest = w->now + (d->row.state == DELIVERY_FAILING ? DELIVERY_BACKOFF_MAX_MS : 0);

        if (d->row.due_at > latest) {
            d->row.due_at = latest;
            d->dirty = true;
        }
        if (d->row.failing_since > w->now) {
            d->row.failing_since = w->now;
            d->dirty = true;
        }
    }
}

/* --- results ------------------------------------------------------------------------ */

static void
enter_told(struct delivery_row *d, const struct event *e)
{
    switch (e->change) {
    case TOCSIN_TRIGGER:
        d->told = TOLD_TRIGGERED;
        d->told_ver = e->ver;
        d->told_page = e->page;
        break;
    case TOCSIN_UPDATE:
        d->told_ver = e->ver;
        d->told_page = e->page;
        break;
    case TOCSIN_ACKNOWLEDGE:
        d->told = d->told == TOLD_MAYBE ? TOLD_MAYBE_ACKED : TOLD_ACKNOWLEDGED;
        break;
    case TOCSIN_UNACKNOWLEDGE:
        d->told = TOLD_TRIGGERED;
        d->told_page = e->page;
        break;
    case TOCSIN_NOTE:
        d->told_notes = e->notes;
        break;
    case TOCSIN_RESOLVE:
        d->told = TOLD_RESOLVED;
        break;
    }
}

static void
delivered(struct world *w, struct world_incident *i, struct world_delivery *d, const struct event *e)
{
    struct delivery_row *r = &d->row;
    bool first = e->change == TOCSIN_TRIGGER || e->change == TOCSIN_RESOLVE || e->change == TOCSIN_ACKNOWLEDGE ||
                 e->change == TOCSIN_UNACKNOWLEDGE;

    if (first && r->attempts > 0)
        world_note(w, &i->row.id, "delivered", r->target, "%s reached %s after %u failed tr%s",
                   change_words[e->change], r->target, r->attempts, r->attempts == 1 ? "y" : "ies");
    else if (first)
        world_note(w, &i->row.id, "delivered", r->target, "%s reached %s", change_words[e->change], r->target);
    else if (r->failing_since > 0)
        world_note(w, &i->row.id, "delivered", r->target, "%s answers again", r->target);
    if (e->change != 0) {
        r->sends++;
        r->told_at = w->now;
        enter_told(r, e);
    }
    if (e->outcome->vendor_ref[0] != '\0')
        r->vendor_ref = arena_strdup(w->arena, e->outcome->vendor_ref);
    r->last_error = "";
    start_over(r, DELIVERY_IDLE, 0);
    if (e->change != 0)                      /* 0: the sender found nothing that it could tell */
        refresh(w, i, d);
}

static void
rejected(struct world *w, struct world_incident *i, struct world_delivery *d, const struct event *e)
{
    struct delivery_row *r = &d->row;

    world_note(w, &i->row.id, "rejected", r->target, "%s refused the %s: %s", r->target,
               e->change != 0 ? change_words[e->change] : "request", e->outcome->reason);
    if (e->change == TOCSIN_NOTE) {          /* given up: it must not stand in the way of the resolve */
        r->told_notes = e->notes;
        start_over(r, DELIVERY_IDLE, 0);
        return;
    }
    r->state = DELIVERY_REJECTED;
    r->refused_change = (uint8_t)e->change;
    r->refused_ver = e->ver;
    r->refused_page = e->page;
    r->due_at = 0;
    r->attempts++;
    if (r->failing_since == 0)
        r->failing_since = w->now;
}

static void
retry(struct world *w, struct world_incident *i, struct world_delivery *d, const struct event *e)
{
    struct delivery_row *r = &d->row;
    int64_t wait = delivery_backoff_ms(r->attempts, e->seed);

    if (r->failing_since == 0) {
        r->failing_since = w->now;
        world_note(w, &i->row.id, "failing", r->target, "%s could not be told (%s): %s", r->target,
                   e->change != 0 ? change_words[e->change] : "request", e->outcome->reason);
    }
    /* better twice than never, but people should know why their pager rang twice */
    if (e->outcome->verdict == TOCSIN_UNCERTAIN && e->change != 0 && !caps_of(w, r->target).dedupes)
        world_note_lately(w, &i->row.id, "repeated", r->target,
                          arena_printf(w->arena, "nobody knows whether the %s reached %s, which does not tell repeats "
                                       "apart: it is sent again and may arrive twice",
                                       change_words[e->change], r->target), "");
    if (wait < e->outcome->delay_ms)
        wait = e->outcome->delay_ms;
    r->state = DELIVERY_FAILING;
    r->attempts++;
    r->due_at = w->now + wait;
}

void
ledger_result(struct world *w, struct world_incident *i, const struct event *e)
{
    struct world_delivery *d = world_delivery(w, i, e->target, false);

    if (d == NULL)
        return;
    d->dirty = true;
    if (e->outcome->verdict == TOCSIN_DELIVERED) {
        delivered(w, i, d, e);
        return;
    }
    d->row.last_error = arena_strdup(w->arena, e->outcome->reason);
    if (e->outcome->verdict == TOCSIN_REJECTED)
        rejected(w, i, d, e);
    else
        retry(w, i, d, e);
    refresh(w, i, d);                        /* perhaps what failed is not wanted any more */
}

/* --- how a step is doing ---------------------------------------------------------------- */

int64_t
ledger_step_failed_at(const struct world *w, const struct world_incident *i, uint16_t step)
{
    int64_t latest = 0;

    for (const struct world_delivery *d = i->deliveries; d != NULL; d = d->next) {
        int64_t at;

        if (d->row.step != step || d->row.want_page == 0)
            continue;
        if (d->row.told_page == d->row.want_page || d->row.failing_since == 0)
            return 0;
        at = d->row.failing_since;
        /* who refuses, or is no longer configured, will not do better by being waited for */
        if (d->row.state != DELIVERY_REJECTED && is_configured(w, d->row.target))
            at += i->policy->failover_after_ms;
        if (at > latest)
            latest = at;
    }
    return latest;
}

bool
ledger_step_can_repage(const struct world *w, const struct world_incident *i, uint16_t step)
{
    for (const struct world_delivery *d = i->deliveries; d != NULL; d = d->next)
        if (d->row.step == step && d->row.want_page > 0 &&
            (d->row.told == TOLD_MAYBE || d->row.told == TOLD_TRIGGERED || caps_of(w, d->row.target).can_unack))
            return true;
    return false;
}
