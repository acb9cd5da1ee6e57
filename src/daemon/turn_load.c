/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows are loaded in the order of the store's locks: alerts, then incidents,
 * then deliveries.  Alerts that only repeat what is known load nothing else, and
 * a turn of such repeats alone writes nothing to the disk.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/turn_impl.h"

static enum tocsin_rc
add_timers(struct turn *t, size_t max)
{
    struct id16 *incidents = arena_alloc(t->arena, max * sizeof *incidents);
    struct id16 *keys = arena_alloc(t->arena, max * sizeof *keys);
    size_t n_inc = 0, n_keys = 0;
    struct event *all;
    int64_t grace = t->env->grace_until > t->world.now ? t->env->grace_until : 0;
    enum tocsin_rc rc = t->ops->due_incidents(t->store, t->world.now, incidents, max, &n_inc, t->err);

    if (rc == TOCSIN_OK)
        rc = t->ops->due_alerts(t->store, t->world.now, keys, max, &n_keys, t->err);
    if (rc != TOCSIN_OK || n_inc + n_keys == 0)
        return rc;
    /* behind the events that came in: an acknowledgement beats the timer that it raced */
    all = arena_zalloc(t->arena, (t->n + n_inc + n_keys) * sizeof *all);
    if (t->n > 0)
        memcpy(all, t->events, t->n * sizeof *all);
    for (size_t i = 0; i < n_inc; i++)
        all[t->n + i] = (struct event){ .kind = EV_TIMER, .incident = incidents[i] };
    for (size_t i = 0; i < n_keys; i++)
        all[t->n + n_inc + i] = (struct event){ .kind = EV_EXPIRY, .key = keys[i], .until = grace };
    t->events = all;
    t->n += n_inc + n_keys;
    return TOCSIN_OK;
}

static int
by_id(const void *a, const void *b)
{
    return id_cmp(a, b);
}

size_t
turn_sort_unique(struct id16 *ids, size_t n)
{
    size_t out = 0;

    qsort(ids, n, sizeof *ids, by_id);
    for (size_t i = 0; i < n; i++)
        if (out == 0 || !id_eq(&ids[out - 1], &ids[i]))
            ids[out++] = ids[i];
    return out;
}

static bool
is_by_key(const struct event *e)
{
    return e->kind == EV_ACTION && id_is_zero(&e->incident);
}

/* The alert that an event is about; NULL: none. */
static const struct id16 *
key_of(const struct event *e)
{
    switch (e->kind) {
    case EV_ALERT:
    case EV_BEAT:
    case EV_ARM:
    case EV_DISARM:
        return &e->decision->key;
    case EV_EXPIRY:
    case EV_RECHECK:
        return &e->key;
    case EV_ACTION:
        return is_by_key(e) ? &e->key : NULL;
    default:
        return NULL;
    }
}

/* Is it news of an alert, by itself?  An action on one is not. */
static bool
is_report(const struct event *e)
{
    return key_of(e) != NULL && e->kind != EV_ACTION;
}

/*
 * What a heartbeat becomes whose deadline passed; other alerts just end.  The grace after a start is for those that
 * have not been heard of since; heartbeats have it in their deadlines already.
 */
static void
decide_silent(struct turn *t)
{
    for (size_t i = 0; i < t->n; i++) {
        struct event *e = &t->events[i];
        const struct world_alert *a = e->kind == EV_EXPIRY ? world_alert(&t->world, &e->key) : NULL;

        if (a == NULL)
            continue;
        if (a->row.state == ALERT_DROPPED && t->env->silent != NULL)
            e->decision = t->env->silent(t->env->ctx, t->arena, &a->row);
        if (e->decision != NULL || a->row.last_at >= t->env->started_at)
            e->until = 0;
    }
}

/* The key by which a sender knows what the event is about; NULL: it is of no sender, or may be known by no other. */
static const struct id16 *
own_of(const struct event *e)
{
    if (e->kind == EV_ALERT)
        return id_is_zero(&e->decision->own) ? &e->decision->key : &e->decision->own;
    return is_by_key(e) ? &e->key : NULL;
}

/* Under which open alerts the senders' own keys are; their keys join those that are loaded.  Mostly there are none. */
static enum tocsin_rc
find_owns(struct turn *t, struct own_row **out, size_t *n_out)
{
    enum tocsin_rc rc = TOCSIN_OK;
    struct id16 *owns;
    size_t n = 0;

    *n_out = 0;
    *out = NULL;
    if (!t->ops->has_owns(t->store))
        return TOCSIN_OK;
    owns = arena_alloc(t->arena, (t->n + 1) * sizeof *owns);
    for (size_t i = 0; i < t->n; i++) {
        const struct id16 *own = own_of(&t->events[i]);

        if (own != NULL)
            owns[n++] = *own;
    }
    n = turn_sort_unique(owns, n);
    if (n > 0)
        rc = t->ops->load_owns(t->store, t->arena, owns, n, out, n_out, t->err);
    return rc;
}

static void
put_owns(struct turn *t, const struct own_row *owns, size_t n)
{
    for (size_t i = 0; i < n; i++)
        world_put_own(&t->world, &owns[i]);
}

static enum tocsin_rc
load_alerts(struct turn *t)
{
    struct own_row *owns;
    struct alert_row *rows;
    size_t n = 0, n_owns;
    enum tocsin_rc rc = find_owns(t, &owns, &n_owns);

    if (rc != TOCSIN_OK)
        return rc;
    t->keys = arena_alloc(t->arena, (2 * t->n + n_owns + 1) * sizeof *t->keys);
    for (size_t i = 0; i < t->n; i++) {
        const struct event *e = &t->events[i];
        const struct id16 *key = key_of(e);

        if (key != NULL)
            t->keys[n++] = *key;
        if (e->kind == EV_ALERT && !id_is_zero(&e->decision->own))
            t->keys[n++] = e->decision->own;
    }
    for (size_t i = 0; i < n_owns; i++)
        t->keys[n++] = owns[i].key;
    n = turn_sort_unique(t->keys, n);
    rows = arena_zalloc(t->arena, (n + 1) * sizeof *rows);
    rc = n > 0 ? t->ops->load_alerts(t->store, t->keys, n, rows, t->err) : TOCSIN_OK;
    for (size_t i = 0; i < n && rc == TOCSIN_OK; i++) {
        rows[i].key = t->keys[i];
        world_put_alert(&t->world, &rows[i]);
    }
    if (rc == TOCSIN_OK)
        put_owns(t, owns, n_owns);
    return rc;
}

/* The alerts that an event may turn out to be about.  Begin with at zero; NULL: no more. */
struct about { const struct world_own *rest; int step; };

static struct world_alert *
next_about(struct turn *t, const struct event *e, struct about *at)
{
    const struct id16 *own = own_of(e);

    if (at->step == 0) {
        at->step = 1;
        at->rest = own != NULL ? world_owns(&t->world, own) : NULL;
        return world_alert(&t->world, key_of(e));
    }
    if (at->step == 1) {
        at->step = 2;
        if (e->kind == EV_ALERT && !id_is_zero(&e->decision->own))
            return world_alert(&t->world, own);
    }
    while (at->rest != NULL) {
        const struct world_own *o = at->rest;

        at->rest = o->next;
        if (o->alert != NULL)
            return o->alert;
    }
    return NULL;
}

static enum tocsin_rc
put_incidents(struct turn *t, const struct incident_row *rows, const bool *found, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct delivery_row *deliveries = NULL;
        size_t n_deliveries = 0;
        enum tocsin_rc rc;

        if (!found[i] || world_incident(&t->world, &rows[i].id) != NULL)
            continue;
        world_put_incident(&t->world, &rows[i]);
        rc = t->ops->load_deliveries(t->store, t->arena, &rows[i].id, &deliveries, &n_deliveries, t->err);
        if (rc != TOCSIN_OK)
            return rc;
        for (size_t k = 0; k < n_deliveries; k++)
            world_put_delivery(&t->world, &deliveries[k]);
    }
    return TOCSIN_OK;
}

static enum tocsin_rc
load_by(struct turn *t, struct id16 *ids, size_t n, bool groups)
{
    struct incident_row *rows;
    bool *found;
    enum tocsin_rc rc;

    n = turn_sort_unique(ids, n);
    if (n == 0)
        return TOCSIN_OK;
    rows = arena_zalloc(t->arena, n * sizeof *rows);
    found = arena_zalloc(t->arena, n * sizeof *found);
    rc = groups ? t->ops->load_groups(t->store, t->arena, ids, n, rows, found, t->err)
                : t->ops->load_incidents(t->store, t->arena, ids, n, rows, found, t->err);
    return rc == TOCSIN_OK ? put_incidents(t, rows, found, n) : rc;
}

/*
 * Does this event need more than its alert row?  Not if every event of its key repeats what is stored, and there is no
 * other alert that it may be about.
 */
static bool
is_news(struct turn *t, const struct event *e)
{
    const struct world_alert *a, *open = NULL;
    struct about at = { .step = 0 };

    while ((a = next_about(t, e, &at)) != NULL) {
        if (a->dirt == DIRTY || (alert_is_open(&a->row) && open != NULL && open != a))
            return true;
        if (alert_is_open(&a->row))
            open = a;
    }
    return !pipeline_repeats(&t->world, e);
}

/* An alert with any news makes all its events news: the first of them may change what the others meet. */
static void
mark_news(struct turn *t)
{
    for (size_t i = 0; i < t->n; i++) {
        struct about at = { .step = 0 };
        struct world_alert *a;

        if (!is_report(&t->events[i]) || !is_news(t, &t->events[i]))
            continue;
        while ((a = next_about(t, &t->events[i], &at)) != NULL)
            a->dirt = DIRTY;
    }
}

/* Room for the ids of incidents that events name, and of those of all alerts that they may be about. */
static size_t
count_ids(struct turn *t)
{
    size_t n = t->n;

    for (size_t i = 0; i < t->n; i++) {
        struct about at = { .step = 0 };

        while (key_of(&t->events[i]) != NULL && next_about(t, &t->events[i], &at) != NULL)
            n++;
    }
    return n;
}

static enum tocsin_rc
load_incidents(struct turn *t)
{
    struct id16 *ids = arena_alloc(t->arena, (count_ids(t) + 1) * sizeof *ids);
    struct id16 *groups = arena_alloc(t->arena, (t->n + 1) * sizeof *groups);
    size_t n_ids = 0, n_groups = 0;
    enum tocsin_rc rc;

    mark_news(t);
    for (size_t i = 0; i < t->n; i++) {
        const struct event *e = &t->events[i];
        struct about at = { .step = 0 };
        const struct world_alert *a;

        if (turn_is_silence(e))
            continue;
        if (key_of(e) == NULL) {
            ids[n_ids++] = e->incident;
            continue;
        }
        if (is_report(e) && !is_news(t, e))
            continue;
        while ((a = next_about(t, e, &at)) != NULL)
            if (!is_report(e) || a->row.state == ALERT_FIRING)
                ids[n_ids++] = a->row.incident;
        if (e->kind == EV_ALERT || (e->kind == EV_EXPIRY && e->decision != NULL))
            groups[n_groups++] = e->decision->group;
    }
    for (size_t i = 0; i < t->world.n_alerts; i++)
        t->world.alert_list[i]->dirt = CLEAN;
    rc = load_by(t, ids, n_ids, false);
    return rc == TOCSIN_OK ? load_by(t, groups, n_groups, true) : rc;
}

/* A resolve by a person closes the alerts of the incident. */
static enum tocsin_rc
load_members_of(struct turn *t, const struct id16 *incident)
{
    struct alert_row *rows = NULL;
    size_t n = 0;
    enum tocsin_rc rc = TOCSIN_OK;

    if (!id_is_zero(incident))
        rc = t->ops->load_members(t->store, t->arena, incident, &rows, &n, t->err);
    for (size_t k = 0; k < n && rc == TOCSIN_OK; k++)
        world_put_alert(&t->world, &rows[k]);
    return rc;
}

static enum tocsin_rc
load_members(struct turn *t)
{
    enum tocsin_rc rc = TOCSIN_OK;

    for (size_t i = 0; i < t->n && rc == TOCSIN_OK; i++) {
        const struct event *e = &t->events[i];
        struct about at = { .step = 0 };
        const struct world_alert *a;

        if (e->kind != EV_ACTION || e->action != ACTION_RESOLVE)
            continue;
        if (!is_by_key(e))
            rc = load_members_of(t, &e->incident);
        while (is_by_key(e) && rc == TOCSIN_OK && (a = next_about(t, e, &at)) != NULL)
            rc = load_members_of(t, &a->row.incident);
    }
    return rc;
}

enum tocsin_rc
turn_load(struct turn *t, size_t max_timers)
{
    enum tocsin_rc rc = max_timers > 0 ? add_timers(t, max_timers) : TOCSIN_OK;

    if (rc == TOCSIN_OK)
        rc = turn_silences(t, max_timers > 0);
    if (rc == TOCSIN_OK)
        rc = load_alerts(t);
    if (rc == TOCSIN_OK)
        rc = load_members(t);
    if (rc == TOCSIN_OK)
        decide_silent(t);
    return rc == TOCSIN_OK ? load_incidents(t) : rc;
}

/* Those under which own keys are, if they are not in yet. */
static bool
load_owning(struct turn *t, const struct own_row *owns, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct alert_row row;

        if (world_alert(&t->world, &owns[i].key) != NULL)
            continue;
        if (t->ops->load_alerts(t->store, &owns[i].key, 1, &row, t->err) != TOCSIN_OK)
            return false;
        world_put_alert(&t->world, &row);
    }
    put_owns(t, owns, n);
    return true;
}

/* Rows in the order of the events: with nothing to lock, and mostly few of them, sorting would only cost. */
bool
turn_load_repeats(struct turn *t)
{
    struct alert_row *rows = arena_alloc(t->arena, (t->n + 1) * sizeof *rows);
    struct own_row *owns;
    size_t n_owns;

    t->keys = arena_alloc(t->arena, (t->n + 1) * sizeof *t->keys);
    for (size_t i = 0; i < t->n; i++)
        t->keys[i] = t->events[i].decision->key;
    if (t->ops->load_alerts(t->store, t->keys, t->n, rows, t->err) != TOCSIN_OK)
        return false;
    for (size_t i = 0; i < t->n; i++)
        world_put_alert(&t->world, &rows[i]);
    if (find_owns(t, &owns, &n_owns) != TOCSIN_OK || !load_owning(t, owns, n_owns))
        return false;
    for (size_t i = 0; i < t->n; i++)
        if (!pipeline_repeats(&t->world, &t->events[i]))
            return false;
    return true;
}
