/* SPDX-License-Identifier: Apache-2.0 */
/* What the core asks of the shell, and a turn from its first event to its commit; turn_load.c loads the rows. */
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

/* --- a turn --------------------------------------------------------------------------- */

/* Which occurrences the events were about: new ones have a number since they were written. */
static void
number(struct turn *t, struct event *events, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct id16 *key = &events[i].alert_r;
        const struct world_alert *a = id_is_zero(key) ? NULL : world_alert(&t->world, key);

        if (a != NULL && a->row.state != ALERT_NONE)
            events[i].number_r = a->row.rowid;
    }
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
    if (turn_load_repeats(&t)) {
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
    rc = turn_load(&t, max_timers);
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
        *n_out = turn_sort_unique(ids, n);
        *out_r = ids;
        ids = NULL;
    }
    free(ids);
    arena_free(arena);
    return rc;
}
