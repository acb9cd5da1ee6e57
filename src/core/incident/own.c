/* SPDX-License-Identifier: Apache-2.0 */
#include "core/incident/own.h"

#include "core/incident/incident.h"

/*
 * A sender that gives no key may give other labels with every report, and each would be an own key.  They are only
 * kept to be found by, where any of them ends the alert, so some will do.
 */
enum { UNKEYED_MAX = 64 };

/* The key that the sender knows the alert by. */
static const struct id16 *
own_of(const struct decision *d)
{
    return id_is_zero(&d->own) ? &d->key : &d->own;
}

static struct world_own *
member_of(struct world *w, const struct world_alert *a, const struct id16 *own)
{
    struct world_own *o = world_owns(w, own);

    while (o != NULL && (o->alert != a || !o->row.firing))
        o = o->next;
    return o;
}

/* Nothing was ever reported under it but its own key, which therefore is in no list. */
static bool
is_itself(const struct alert_row *a, const struct id16 *own)
{
    return a->n_own == 0 && id_eq(&a->key, own);
}

static bool
is_crowded(const struct alert_row *a, const struct decision *d)
{
    return a->own_mode == OWN_ANY && !d->keyed && a->n_own >= UNKEYED_MAX && id_eq(&a->key, &d->key);
}

static struct own_place
place_in(struct world *w, struct world_alert *a, const struct decision *d)
{
    struct own_place p = { .alert = a };

    if (a == NULL || !alert_is_open(&a->row))
        return p;
    p.member = member_of(w, a, own_of(d));
    p.in = p.member != NULL || is_itself(&a->row, own_of(d)) || is_crowded(&a->row, d);
    return p;
}

/* The occurrence that a report names by its number. */
static struct world_alert *
numbered(struct world *w, const struct decision *d)
{
    struct own_acted at = { .step = 0 };
    struct world_alert *a;

    while ((a = own_next_acted(w, own_of(d), &at)) != NULL)
        if (a->row.rowid == d->number)
            return a;
    return NULL;
}

/*
 * Another key by the same rules, from all that they wanted to know: another alert.  `by` is what the alert there got
 * its key by.
 */
static bool
rules_tell_apart(const struct decision *d, uint64_t by)
{
    return d->key_whole && d->key_by == by;
}

struct own_place
own_place(struct world *w, const struct decision *d)
{
    struct own_place here, there = { .alert = NULL };
    size_t n = 0;

    if (d->number != 0) {
        here = (struct own_place){ .alert = numbered(w, d) };
        here.in = here.alert != NULL;
        return here;
    }
    here = place_in(w, world_alert(w, &d->key), d);
    if (here.in || (id_is_zero(&d->own) && world_owns(w, &d->key) == NULL))
        return here;
    for (struct world_own *o = world_owns(w, own_of(d)); o != NULL; o = o->next) {
        if (o->alert == NULL || !o->row.firing)
            continue;
        if (rules_tell_apart(d, o->row.by))
            return here;
        there = (struct own_place){ o->alert, o, true };
        n++;
    }
    if (n == 0 && !id_is_zero(&d->own)) {
        struct world_alert *self = world_alert(w, &d->own);

        if (self != NULL && alert_is_open(&self->row) && is_itself(&self->row, &d->own)) {
            there = (struct own_place){ .alert = self, .in = true };
            n++;
        }
    }
    return n == 1 ? there : here;            /* of several: the rules told them apart, so let them go on */
}

/* --- repeats ------------------------------------------------------------------------------ */

bool
own_is_merged(const struct alert_row *a)
{
    return a->own_mode == OWN_ALL && a->n_own > 1 && a->state == ALERT_FIRING;
}

/* Where all have to end, each is compared with what it said before; else with the alert as it is. */
static bool
says_the_same(const struct decision *d, const struct own_place *at)
{
    const struct alert_row *a = &at->alert->row;
    const struct own_row *m = at->member != NULL && a->own_mode == OWN_ALL ? &at->member->row : NULL;

    if (d->steady)
        return d->severity <= (enum tocsin_severity)a->severity;
    if (m != NULL)
        return d->digest == m->digest && d->severity == (enum tocsin_severity)m->severity;
    return d->digest == a->digest && d->severity == (enum tocsin_severity)a->severity;
}

/* One of several that is held back does not hold the alert back, but one that is not lets it go. */
static bool
holds_the_same(const struct decision *d, const struct alert_row *a)
{
    bool held = (a->suppressed & HELD_BY_RULE) != 0, hold = incident_suppresses(d, a);

    return hold == held || (hold && own_is_merged(a));
}

bool
own_repeats(const struct decision *d, const struct own_place *at)
{
    const struct alert_row *a;

    if (!at->in || d->status != TOCSIN_FIRING)
        return false;
    a = &at->alert->row;
    if (at->member != NULL && id_eq(&a->key, &d->key) && at->member->row.by != d->key_by)
        return false;                        /* the rules were edited, and say the same: to be remembered */
    switch (a->state) {
    case ALERT_FIRING:
        return !d->drop && says_the_same(d, at) && holds_the_same(d, a);
    case ALERT_DROPPED:
        return d->drop;
    case ALERT_DISMISSED:
        return d->starts_at != 0 && d->starts_at == (at->member != NULL ? at->member->row.starts_at : a->starts_at);
    default:
        return false;
    }
}

/* --- joining and leaving ---------------------------------------------------------------------- */

/* The alert was there before the first report with another own key: from now on its own key is one among others. */
static void
list_itself(struct world *w, struct world_alert *a)
{
    struct world_own *o = world_new_own(w, a, &a->row.key);

    o->row.starts_at = a->row.starts_at;
    o->row.digest = a->row.digest;
    o->row.severity = a->row.severity;
    a->row.n_own++;
}

void
own_join(struct world *w, struct world_alert *a, const struct decision *d)
{
    const struct id16 *own = own_of(d);
    struct world_own *o = alert_is_open(&a->row) ? member_of(w, a, own) : NULL;

    if (d->number != 0 || is_itself(&a->row, own) || (o == NULL && is_crowded(&a->row, d)))
        return;
    if (o == NULL) {
        if (alert_is_open(&a->row) && a->row.own_mode == OWN_NONE)
            list_itself(w, a);
        if (a->row.own_mode == OWN_NONE)
            a->row.own_mode = d->resolve_when;
        o = world_new_own(w, a, own);
        o->row.by = d->key_by;
        a->row.n_own++;
    }
    o->row.starts_at = d->starts_at;
    o->row.digest = d->digest;
    o->row.severity = (uint8_t)d->severity;
    if (id_eq(&a->row.key, &d->key))
        o->row.by = d->key_by;
    o->dirty = true;
}

bool
own_has_others(const struct own_place *at)
{
    const struct alert_row *a = &at->alert->row;
    uint32_t n = a->n_own == 0 && a->own_mode == OWN_NONE ? 1 : a->n_own;

    return n > (at->in ? 1 : 0);
}

void
own_leave(struct world_alert *a, struct world_own *o)
{
    o->row.firing = false;
    o->dirty = true;
    if (a->row.n_own > 0)
        a->row.n_own--;
    a->dirt = DIRTY;
}

/* --- what a resolve ends ------------------------------------------------------------------------ */

/* A resolve found its own key here. */
static bool
end_here(const struct decision *d, struct world_alert *a, struct world_own *member, struct own_end *out)
{
    out->alert = a;
    out->member = member;
    out->whole = d->number != 0 || d->any_ends || a->row.own_mode == OWN_ANY || a->row.state == ALERT_DROPPED ||
                 member == NULL || a->row.n_own <= 1;
    return true;
}

/* Its own key fires nowhere: does it end the alert of the rules' key, whoever reported that? */
static bool
ends_stranger(const struct decision *d, const struct world_alert *a)
{
    return a != NULL && alert_is_open(&a->row) &&
           (d->any_ends || a->row.own_mode == OWN_ANY || a->row.state == ALERT_DROPPED);
}

/* The other alerts of its own key, but for those from which the rules tell it apart. */
static bool
next_elsewhere(struct world *w, const struct decision *d, struct own_end *at)
{
    while (at->rest != NULL) {
        struct world_own *o = (struct world_own *)(uintptr_t)at->rest;

        at->rest = o->next;
        if (o->alert != NULL && o->row.firing && (d->named || !rules_tell_apart(d, o->row.by)))
            return end_here(d, o->alert, o, at);
    }
    if (at->step == 1 && !id_is_zero(&d->own)) {
        struct world_alert *self = world_alert(w, &d->own);

        at->step = 2;
        if (self != NULL && alert_is_open(&self->row) && is_itself(&self->row, &d->own))
            return end_here(d, self, NULL, at);
    }
    return false;
}

bool
own_next_end(struct world *w, const struct decision *d, struct own_end *at)
{
    enum { DONE = 3 };
    bool first = at->step == 0, found;
    struct own_place here;

    if (at->step == DONE)
        return false;
    if (first) {
        at->step = DONE;
        here.alert = d->number != 0 ? numbered(w, d) : world_alert(w, &d->key);
        if (d->number != 0)
            return here.alert != NULL && end_here(d, here.alert, NULL, at);
        here = place_in(w, here.alert, d);
        if (here.in)
            return end_here(d, here.alert, here.member, at);
        at->step = 1;
        at->rest = world_owns(w, own_of(d));
    }
    found = next_elsewhere(w, d, at);
    if (!found && first && ends_stranger(d, world_alert(w, &d->key))) {
        at->step = DONE;
        return end_here(d, world_alert(w, &d->key), NULL, at);
    }
    return found;
}

/* --- actions ---------------------------------------------------------------------------------------- */

struct world_alert *
own_next_acted(struct world *w, const struct id16 *key, struct own_acted *at)
{
    struct world_alert *self = world_alert(w, key);

    if (at->step == 0) {
        at->step = 1;
        at->rest = world_owns(w, key);
        if (self != NULL && alert_is_open(&self->row))
            return self;
    }
    while (at->rest != NULL) {
        const struct world_own *o = at->rest;

        at->rest = o->next;
        if (o->alert != NULL && o->row.firing && o->alert != self)
            return o->alert;
    }
    return NULL;
}
