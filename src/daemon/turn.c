/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows are loaded in the order of the store's locks: alerts, then incidents,
 * then deliveries.  Alerts that only repeat what is known load nothing else, and
 * a turn of such repeats alone writes nothing to the disk.
 */
#include "daemon/turn.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "daemon/turn_impl.h"

/* --- policies that incidents were opened with ----------------------------------- */

struct policy_cache {
    struct arena *arena;
    struct policy_entry { struct id16 id; const struct policy *policy; } *items;
    size_t n, cap;
};

static const struct policy *
cache_find(const struct policy_cache *c, const struct id16 *id)
{
    for (size_t i = 0; i < c->n; i++)
        if (id_eq(&c->items[i].id, id))
            return c->items[i].policy;
    return NULL;
}

static const struct policy *
cache_add(struct policy_cache *c, const struct id16 *id, const char *body)
{
    struct policy *p = policy_parse(body, c->arena);

    if (p == NULL || !id_eq(&p->id, id))     /* the id is the hash of the body: it is not what was stored */
        return NULL;
    if (c->n == c->cap) {
        c->cap = c->cap > 0 ? c->cap * 2 : 16;
        c->items = xrealloc(c->items, c->cap * sizeof *c->items);
    }
    policy_seal(p, c->arena);
    c->items[c->n++] = (struct policy_entry){ *id, p };
    return p;
}

void
turn_env_init(struct turn_env *env, struct store *store, uint64_t seed_a, uint64_t seed_b)
{
    *env = (struct turn_env){ .store = store };
    idgen_seed(&env->ids, seed_a, seed_b);
    env->policies = xcalloc(1, sizeof *env->policies);
    env->policies->arena = arena_new();
    env->silences = silence_set_new();
    env->silences_stale = true;
}

void
turn_env_release(struct turn_env *env)
{
    arena_free(env->policies->arena);
    free(env->policies->items);
    free(env->policies);
    env->policies = NULL;
    silence_set_free(env->silences);
    env->silences = NULL;
}

/* --- what the core asks ----------------------------------------------------------- */

static const struct policy *
policy_of(void *ctx, const struct id16 *id)
{
    struct turn *t = ctx;
    const struct policy *p = cache_find(t->env->policies, id);
    const char *body;

    if (p == NULL && id_eq(&t->env->default_policy(t->env->ctx)->id, id))
        p = t->env->default_policy(t->env->ctx);
    if (p != NULL)
        return p;
    body = t->ops->policy_body(t->store, t->arena, id);
    return body != NULL ? cache_add(t->env->policies, id, body) : NULL;
}

static const struct policy *
default_policy(void *ctx)
{
    struct turn *t = ctx;

    return t->env->default_policy(t->env->ctx);
}

static uint32_t
episodes_of(void *ctx, const struct id16 *group)
{
    struct turn *t = ctx;
    uint32_t n = 0;

    if (t->ops->episodes(t->store, group, &n, t->err) != TOCSIN_OK)
        n = 0;                               /* a number for people: not worth refusing an alert */
    return n;
}

static bool
caps_of(void *ctx, const char *target, struct delivery_caps *out)
{
    struct turn *t = ctx;

    return t->env->caps_of(t->env->ctx, target, out);
}

enum { EVENTS_BACK = 50 };          /* lines of a timeline that are looked through for one that need not be repeated */

static bool
said_since(void *ctx, const struct event_row *line, const char *start, int64_t since)
{
    struct turn *t = ctx;
    struct incident_detail d;

    if (t->ops->get_incident(t->store, t->arena, &line->incident, 0, EVENTS_BACK, &d, t->err) != TOCSIN_OK)
        return false;                        /* a new incident, or a line too many: not worth refusing an event */
    for (size_t i = d.n_events; i > 0 && d.events[i - 1].at >= since; i--)
        if (event_begins(&d.events[i - 1], line, start))
            return true;
    return false;
}

static const struct world_hooks hooks = { policy_of, default_policy, episodes_of, said_since, caps_of };

/* --- loading -------------------------------------------------------------------------- */

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

static size_t
sort_unique(struct id16 *ids, size_t n)
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

static enum tocsin_rc
load_alerts(struct turn *t)
{
    struct alert_row *rows;
    enum tocsin_rc rc;
    size_t n = 0;

    t->keys = arena_alloc(t->arena, (t->n + 1) * sizeof *t->keys);
    for (size_t i = 0; i < t->n; i++) {
        const struct id16 *key = key_of(&t->events[i]);

        if (key != NULL)
            t->keys[n++] = *key;
    }
    n = sort_unique(t->keys, n);
    rows = arena_zalloc(t->arena, (n + 1) * sizeof *rows);
    rc = n > 0 ? t->ops->load_alerts(t->store, t->keys, n, rows, t->err) : TOCSIN_OK;
    for (size_t i = 0; i < n && rc == TOCSIN_OK; i++) {
        rows[i].key = t->keys[i];
        world_put_alert(&t->world, &rows[i]);
    }
    return rc;
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

    n = sort_unique(ids, n);
    if (n == 0)
        return TOCSIN_OK;
    rows = arena_zalloc(t->arena, n * sizeof *rows);
    found = arena_zalloc(t->arena, n * sizeof *found);
    rc = groups ? t->ops->load_groups(t->store, t->arena, ids, n, rows, found, t->err)
                : t->ops->load_incidents(t->store, t->arena, ids, n, rows, found, t->err);
    return rc == TOCSIN_OK ? put_incidents(t, rows, found, n) : rc;
}

/* Does this event need more than its alert row?  Not if every event of its key repeats what is stored. */
static bool
is_news(struct turn *t, const struct event *e)
{
    const struct world_alert *a = world_alert(&t->world, key_of(e));

    return a->dirt == DIRTY || !pipeline_repeats(e, &a->row);
}

static enum tocsin_rc
load_incidents(struct turn *t)
{
    struct id16 *ids = arena_alloc(t->arena, (t->n + 1) * sizeof *ids);
    struct id16 *groups = arena_alloc(t->arena, (t->n + 1) * sizeof *groups);
    size_t n_ids = 0, n_groups = 0;
    enum tocsin_rc rc;

    /* a key with any news makes all its events news: the first of them may change what the others meet */
    for (size_t i = 0; i < t->n; i++)
        if (is_report(&t->events[i]) && is_news(t, &t->events[i]))
            world_alert(&t->world, key_of(&t->events[i]))->dirt = DIRTY;
    for (size_t i = 0; i < t->n; i++) {
        const struct event *e = &t->events[i];
        const struct world_alert *a;

        if (turn_is_silence(e))
            continue;
        if (is_report(e)) {
            if (!is_news(t, e))
                continue;
            a = world_alert(&t->world, key_of(e));
            if (a->row.state == ALERT_FIRING)
                ids[n_ids++] = a->row.incident;
            if (e->kind == EV_ALERT || (e->kind == EV_EXPIRY && e->decision != NULL))
                groups[n_groups++] = e->decision->group;
        } else {
            ids[n_ids++] = is_by_key(e) ? world_alert(&t->world, &e->key)->row.incident : e->incident;
        }
    }
    for (size_t i = 0; i < t->world.n_alerts; i++)
        t->world.alert_list[i]->dirt = CLEAN;
    rc = load_by(t, ids, n_ids, false);
    return rc == TOCSIN_OK ? load_by(t, groups, n_groups, true) : rc;
}

/* A resolve by a person closes the alerts of the incident. */
static enum tocsin_rc
load_members(struct turn *t)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct event *e = &t->events[i];
        struct alert_row *rows = NULL;
        const struct id16 *incident;
        size_t n = 0;
        enum tocsin_rc rc;

        if (e->kind != EV_ACTION || e->action != ACTION_RESOLVE)
            continue;
        incident = is_by_key(e) ? &world_alert(&t->world, &e->key)->row.incident : &e->incident;
        rc = id_is_zero(incident) ? TOCSIN_OK : t->ops->load_members(t->store, t->arena, incident, &rows, &n, t->err);
        if (rc != TOCSIN_OK)
            return rc;
        for (size_t k = 0; k < n; k++)
            world_put_alert(&t->world, &rows[k]);
    }
    return TOCSIN_OK;
}

/* Which occurrences the events were about: new ones have a number since they were written. */
static void
number(struct turn *t, struct event *events, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct world_alert *a = events[i].kind == EV_ALERT ? world_alert(&t->world, &events[i].decision->key)
                                      : is_by_key(&events[i])    ? world_alert(&t->world, &events[i].key)
                                                                 : NULL;

        if (a != NULL && a->row.state != ALERT_NONE)
            events[i].number_r = a->row.rowid;
    }
}

static enum tocsin_rc
load_all(struct turn *t, size_t max_timers)
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

/* Rows in the order of the events: with nothing to lock, and mostly few of them, sorting would only cost. */
static bool
load_repeats(struct turn *t)
{
    struct alert_row *rows = arena_alloc(t->arena, (t->n + 1) * sizeof *rows);

    t->keys = arena_alloc(t->arena, (t->n + 1) * sizeof *t->keys);
    for (size_t i = 0; i < t->n; i++)
        t->keys[i] = t->events[i].decision->key;
    if (t->ops->load_alerts(t->store, t->keys, t->n, rows, t->err) != TOCSIN_OK)
        return false;
    for (size_t i = 0; i < t->n; i++) {
        if (!pipeline_repeats(&t->events[i], &rows[i]))
            return false;
        world_put_alert(&t->world, &rows[i]);
    }
    return true;
}

bool
turn_repeats(struct turn_env *env, struct arena *arena, struct event *alerts, size_t n, int64_t now,
             struct turn_result *out)
{
    struct tocsin_err err;
    struct turn t = { .env = env, .arena = arena, .store = env->store, .ops = env->store->ops, .events = alerts,
                      .n = n, .out = out, .err = &err };
    bool done = false;

    *out = (struct turn_result){ 0 };
    if (t.ops->begin(t.store, &err) != TOCSIN_OK)
        return false;
    world_init(&t.world, arena, now, &env->ids, &hooks, &t);
    if (load_repeats(&t)) {
        for (size_t i = 0; i < n; i++)
            pipeline_apply(&t.world, &alerts[i]);
        done = turn_commit(&t) == TOCSIN_OK;
    }
    if (done)
        number(&t, alerts, n);
    else
        t.ops->rollback(t.store);
    return done;
}

enum tocsin_rc
turn_run(struct turn_env *env, struct arena *arena, struct event *events, size_t n, int64_t now, size_t max_timers,
         struct turn_result *out, struct tocsin_err *err)
{
    struct turn t = { .env = env, .arena = arena, .store = env->store, .ops = env->store->ops, .events = events,
                      .n = n, .out = out, .err = err };
    enum tocsin_rc rc;

    *out = (struct turn_result){ 0 };
    rc = t.ops->begin(t.store, err);
    if (rc != TOCSIN_OK)
        return rc;
    world_init(&t.world, arena, now, &env->ids, &hooks, &t);
    rc = load_all(&t, max_timers);
    if (rc != TOCSIN_OK)
        goto out;
    for (size_t i = 0; i < t.n; i++)
        if (!turn_is_silence(&t.events[i]))  /* those came first */
            pipeline_apply(&t.world, &t.events[i]);
    if (t.events != events && n > 0)         /* others were added around them: give the results back */
        memcpy(events, t.events + t.first, n * sizeof *events);
    rc = turn_commit(&t);
    if (rc == TOCSIN_OK) {
        env->silences_stale = false;
        number(&t, events, n);
    }
out:
    if (rc != TOCSIN_OK)
        t.ops->rollback(t.store);
    return rc;
}

/* --- after a start --------------------------------------------------------------------------- */

enum tocsin_rc
turn_deadlines(struct turn_env *env, int64_t now, struct id16 **out_r, size_t *n_out, struct tocsin_err *err)
{
    const struct store_ops *ops = env->store->ops;
    struct arena *arena = arena_new();
    struct pending *rows = NULL;
    struct id16 *ids = NULL;
    size_t n = 0, n_rows = 0, cap = 64;
    enum tocsin_rc rc = ops->pending(env->store, arena, &rows, &n_rows, err);

    do {                                     /* nobody counts the incidents that have a timer: until there is room */
        cap *= 2;
        ids = xrealloc(ids, (cap + n_rows) * sizeof *ids);
        if (rc == TOCSIN_OK)
            rc = ops->due_incidents(env->store, INT64_MAX, ids, cap, &n, err);
    } while (rc == TOCSIN_OK && n == cap);
    for (size_t i = 0; rc == TOCSIN_OK && i < n_rows; i++)
        if (rows[i].due_at > now)
            ids[n++] = rows[i].incident;
    if (rc == TOCSIN_OK && n > 0) {
        *n_out = sort_unique(ids, n);
        *out_r = ids;
        ids = NULL;
    }
    free(ids);
    arena_free(arena);
    return rc;
}
