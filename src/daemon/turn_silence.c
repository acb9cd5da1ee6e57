/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of a turn that is about silences.
 *
 * Without silences it is one look at a heap.  The set in force lives from turn
 * to turn; if a turn that changed it is not committed, the next one makes it
 * anew.  All sweeps that are under way go over the open alerts together, since
 * an alert is compared with the whole set at once.
 */
#include <string.h>

#include "daemon/turn_impl.h"

enum { TIMERS = 500, SWEEP_ALERTS = 500 };   /* in one turn */

static enum tocsin_rc
refresh_set(struct turn *t)
{
    struct silence_row *rows = NULL;
    size_t n = 0;
    enum tocsin_rc rc;

    if (!t->env->silences_stale)
        return TOCSIN_OK;
    rc = t->ops->load_silences(t->store, t->arena, &rows, &n, t->err);
    if (rc != TOCSIN_OK)
        return rc;
    silence_set_clear(t->env->silences);
    for (size_t i = 0; i < n; i++)
        silence_set_put(t->env->silences, &rows[i]);
    t->env->silences_stale = false;
    return TOCSIN_OK;
}

static enum tocsin_rc
load_silence(struct turn *t, const struct id16 *id)
{
    struct silence_row row;
    bool found = false;
    enum tocsin_rc rc = TOCSIN_OK;

    if (!id_is_zero(id))
        rc = t->ops->load_silence(t->store, t->arena, id, &row, &found, t->err);
    if (found)
        world_put_silence(&t->world, &row);
    return rc;
}

static enum tocsin_rc
apply_events(struct turn *t)
{
    enum tocsin_rc rc = TOCSIN_OK;

    for (size_t i = 0; i < t->n && rc == TOCSIN_OK; i++) {
        struct event *e = &t->events[i];

        if (!turn_is_silence(e))
            continue;
        rc = load_silence(t, e->kind == EV_SILENCE ? &e->silence->id : &e->key);
        if (rc == TOCSIN_OK)
            pipeline_apply(&t->world, e);
    }
    return rc;
}

static enum tocsin_rc
apply_timers(struct turn *t)
{
    struct id16 *ids;
    size_t n = 0;
    enum tocsin_rc rc;
    int64_t due = t->ops->next_due(t->store);

    if (due == 0 || due > t->world.now)
        return TOCSIN_OK;
    ids = arena_alloc(t->arena, TIMERS * sizeof *ids);
    rc = t->ops->due_silences(t->store, t->world.now, ids, TIMERS, &n, t->err);
    for (size_t i = 0; i < n && rc == TOCSIN_OK; i++) {
        struct event e = { .kind = EV_SILENCE_TIMER, .key = ids[i] };

        rc = load_silence(t, &ids[i]);
        if (rc == TOCSIN_OK)
            pipeline_apply(&t->world, &e);
    }
    return rc;
}

/* --- sweeps ---------------------------------------------------------------------------- */

struct sweep {
    int64_t before;                          /* the newest row that somebody wants looked at is below it; 0: nobody */
    bool held_only;                          /* silences only ended: what is not held stays as it is */
    bool ended;                              /* at least one did */
};

static struct sweep
plan(const struct turn *t)
{
    struct sweep s = { .held_only = true };

    for (const struct world_silence *x = t->world.silence_list; x != NULL; x = x->next) {
        if (x->row.sweep == 0)
            continue;
        if (x->row.sweep > s.before)
            s.before = x->row.sweep;
        s.held_only &= x->row.phase == SILENCE_EXPIRED;
        s.ended |= x->row.phase == SILENCE_EXPIRED;
    }
    return s;
}

static void
note_progress(struct turn *t, int64_t reached)
{
    for (struct world_silence *x = t->world.silence_list; x != NULL; x = x->next)
        if (x->row.sweep > reached)
            silence_swept(&t->world, x, reached);
}

static bool
is_touched(struct turn *t, const struct alert_row *a, const struct sweep *s)
{
    bool was = a->suppressed & HELD_BY_SILENCE, is = silence_holding(&t->world, a, a->body, a->body_len) != NULL;

    return was != is || (was && s->ended);   /* held before and after, perhaps not by the same one */
}

static enum tocsin_rc
sweep(struct turn *t)
{
    struct sweep s = plan(t);
    struct alert_row *rows = NULL;
    struct event *all;
    size_t n = 0, k = 0;
    enum tocsin_rc rc;

    if (s.before == 0)
        return TOCSIN_OK;
    rc = t->ops->load_firing(t->store, t->arena, s.before, s.held_only, SWEEP_ALERTS, &rows, &n, t->err);
    if (rc != TOCSIN_OK)
        return rc;
    all = arena_zalloc(t->arena, (n + t->n + 1) * sizeof *all);
    for (size_t i = 0; i < n; i++)
        if (is_touched(t, &rows[i], &s))
            all[k++] = (struct event){ .kind = EV_RECHECK, .key = rows[i].key, .stored = &rows[i] };
    if (t->n > 0)
        memcpy(all + k, t->events, t->n * sizeof *all);
    t->events = all;
    t->n += k;
    t->first = k;
    note_progress(t, n < SWEEP_ALERTS ? 0 : rows[n - 1].rowid);
    return TOCSIN_OK;
}

enum tocsin_rc
turn_silences(struct turn *t, bool timers)
{
    enum tocsin_rc rc = refresh_set(t);

    t->world.silences = t->env->silences;
    if (rc == TOCSIN_OK)
        rc = apply_events(t);
    if (rc == TOCSIN_OK && timers)
        rc = apply_timers(t);
    if (rc == TOCSIN_OK && t->world.silence_list != NULL)
        rc = sweep(t);
    t->env->silences_stale |= t->world.silences_changed;     /* until it is committed */
    return rc;
}

void
turn_collect_silences(struct turn *t, struct writeset *ws)
{
    struct silence_row **rows;
    size_t n = 0;

    for (struct world_silence *s = t->world.silence_list; s != NULL; s = s->next)
        n++;
    rows = arena_alloc(t->arena, (n + 1) * sizeof(struct silence_row *));
    for (struct world_silence *s = t->world.silence_list; s != NULL; s = s->next)
        if (s->dirty)
            rows[ws->n_silences++] = &s->row;
    ws->silences = rows;
}
