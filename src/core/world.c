/* SPDX-License-Identifier: Apache-2.0 */
/* Lists in the order of loading, each with a hash index over its ids.  Everything lives in the turn's arena. */
#include "core/world.h"

#include <assert.h>
#include <string.h>

enum { LATELY_MS = 3600000 };

/* --- index: id16 -> pointer, open addressing, never more than half full ------- */

struct slot {
    struct id16 id;
    void *value;                             /* NULL: free */
};

enum { FIRST_SLOTS = 16 };

struct world_index {
    struct slot *slots;
    size_t cap, n;                           /* cap 0 until something is put: many turns need one index of three */
};

static struct world_index *
index_new(struct arena *a)
{
    return arena_zalloc(a, sizeof(struct world_index));
}

static struct slot *
index_slot(const struct world_index *x, const struct id16 *id)
{
    uint64_t h;
    size_t i;

    memcpy(&h, id->b + 8, sizeof h);         /* the random half of a UUIDv7, any half of a hash */
    for (i = h & (x->cap - 1); x->slots[i].value != NULL; i = (i + 1) & (x->cap - 1))
        if (id_eq(&x->slots[i].id, id))
            break;
    return &x->slots[i];
}

static void
index_grow(struct world_index *x, struct arena *a)
{
    struct slot *old = x->slots;
    size_t n = x->cap;

    x->cap = x->cap > 0 ? x->cap * 2 : FIRST_SLOTS;
    x->slots = arena_zalloc(a, x->cap * sizeof *x->slots);
    for (size_t i = 0; i < n; i++)
        if (old[i].value != NULL)
            *index_slot(x, &old[i].id) = old[i];
}

static void
index_put(struct world_index *x, struct arena *a, const struct id16 *id, void *value)
{
    struct slot *s;

    if (2 * (x->n + 1) > x->cap)
        index_grow(x, a);
    s = index_slot(x, id);
    if (s->value == NULL)
        x->n++;
    s->id = *id;
    s->value = value;
}

static void *
index_get(const struct world_index *x, const struct id16 *id)
{
    return x->n > 0 ? index_slot(x, id)->value : NULL;
}

/* --- growing lists -------------------------------------------------------------- */

static void *
grow(struct arena *a, void *items, size_t n, size_t *cap, size_t size)
{
    void *more;

    if (n < *cap)
        return items;
    *cap = *cap > 0 ? *cap * 2 : 16;
    more = arena_alloc(a, *cap * size);
    if (n > 0)
        memcpy(more, items, n * size);
    return more;
}

void
world_init(struct world *w, struct arena *a, int64_t now, struct idgen *ids, const struct world_hooks *hooks,
           void *hooks_ctx)
{
    *w = (struct world){ .arena = a, .now = now, .ids = ids, .hooks = hooks, .hooks_ctx = hooks_ctx };
    w->alerts = index_new(a);
    w->incidents = index_new(a);
    w->groups = index_new(a);
}

/* --- alerts ------------------------------------------------------------------------ */

struct world_alert *
world_put_alert(struct world *w, const struct alert_row *row)
{
    struct world_alert *a = index_get(w->alerts, &row->key);

    if (a != NULL)
        return a;
    a = arena_zalloc(w->arena, sizeof *a);
    a->row = *row;
    index_put(w->alerts, w->arena, &row->key, a);
    w->alert_list = grow(w->arena, w->alert_list, w->n_alerts, &w->cap_alerts, sizeof(struct world_alert *));
    w->alert_list[w->n_alerts++] = a;
    return a;
}

struct world_alert *
world_alert(struct world *w, const struct id16 *key)
{
    return index_get(w->alerts, key);
}

struct world_alert *
world_next_occurrence(struct world *w, struct world_alert *a)
{
    struct world_alert *closed = arena_memdup(w->arena, a, sizeof *a);

    assert(!alert_is_open(&a->row));
    for (struct world_own *o = a->owns; o != NULL; o = o->beside)
        o->of = &closed->row;
    a->owns = NULL;
    a->earlier = a->row.state != ALERT_NONE && a->dirt != CLEAN ? closed : a->earlier;
    a->row = (struct alert_row){ .key = closed->row.key };
    a->dirt = CLEAN;
    return a;
}

/* --- own keys --------------------------------------------------------------------- */

static struct world_own *
add_own(struct world *w, struct world_alert *a, const struct own_row *row)
{
    struct world_own *o = arena_zalloc(w->arena, sizeof *o);

    o->row = *row;
    o->alert = a;
    o->of = &a->row;
    if (w->owns == NULL)
        w->owns = index_new(w->arena);
    o->next = world_owns(w, &row->own);
    o->beside = a->owns;
    a->owns = o;
    index_put(w->owns, w->arena, &row->own, o);
    w->own_list = grow(w->arena, w->own_list, w->n_owns, &w->cap_owns, sizeof(struct world_own *));
    w->own_list[w->n_owns++] = o;
    return o;
}

struct world_own *
world_put_own(struct world *w, const struct own_row *row)
{
    struct world_alert *a = world_alert(w, &row->key);

    assert(a != NULL && alert_is_open(&a->row));
    return add_own(w, a, row);
}

struct world_own *
world_new_own(struct world *w, struct world_alert *a, const struct id16 *own)
{
    const struct own_row row = { .own = *own, .key = a->row.key, .alert = a->row.rowid, .firing = true };
    struct world_own *o;

    for (o = world_owns(w, own); o != NULL; o = o->next)     /* it was over there, and fires again */
        if (o->alert == a)
            break;
    if (o == NULL)
        o = add_own(w, a, &row);
    o->row.firing = o->dirty = true;
    return o;
}

struct world_own *
world_owns(struct world *w, const struct id16 *own)
{
    return w->owns != NULL ? index_get(w->owns, own) : NULL;
}

void
world_alert_closed(struct world_alert *a)
{
    for (struct world_own *o = a->owns; o != NULL; o = o->beside)
        o->alert = NULL;
}

/* --- incidents ------------------------------------------------------------------------ */

static void
remember_policy(struct world *w, const struct policy *p)
{
    for (size_t i = 0; i < w->n_new_policies; i++)
        if (id_eq(&w->new_policies[i]->id, &p->id))
            return;
    w->new_policies = grow(w->arena, w->new_policies, w->n_new_policies, &w->cap_new_policies,
                           sizeof(const struct policy *));
    w->new_policies[w->n_new_policies++] = p;
}

/* Nobody knows any more whom the lost policy would have told, so all of the default policy's people are. */
static void
replace_policy(struct world *w, struct world_incident *i)
{
    struct incident_row *r = &i->row;

    i->policy = w->hooks->default_policy(w->hooks_ctx);
    if (r->state == TOCSIN_INC_RESOLVED)
        return;
    world_damage(w, &r->id, "the stored policy '%s' is missing or damaged: the default policy '%s' takes over",
                 r->policy_name, i->policy->name);
    remember_policy(w, i->policy);
    r->policy = i->policy->id;
    r->policy_name = i->policy->name;
    i->dirty = true;
    if (!r->paging)
        return;
    r->step = 0;
    r->loop = 0;
    r->exhausted = false;
    r->esc_start = w->now;
    if (r->paused_at > 0)
        r->paused_at = w->now;
    if (r->state == TOCSIN_INC_TRIGGERED && r->paused_at == 0)
        r->next_due = w->now;                /* whatever event it was loaded for: its timer goes on from here */
}

struct world_incident *
world_put_incident(struct world *w, const struct incident_row *row)
{
    struct world_incident *i = index_get(w->incidents, &row->id);

    if (i != NULL)
        return i;
    i = arena_zalloc(w->arena, sizeof *i);
    i->row = *row;
    i->policy = w->hooks->policy_of(w->hooks_ctx, &row->policy);
    if (i->policy == NULL)
        replace_policy(w, i);
    index_put(w->incidents, w->arena, &row->id, i);
    if (row->state != TOCSIN_INC_RESOLVED)
        index_put(w->groups, w->arena, &row->group, i);
    w->incident_list = grow(w->arena, w->incident_list, w->n_incidents, &w->cap_incidents,
                            sizeof(struct world_incident *));
    w->incident_list[w->n_incidents++] = i;
    return i;
}

struct world_incident *
world_incident(struct world *w, const struct id16 *id)
{
    return index_get(w->incidents, id);
}

struct world_incident *
world_open_incident(struct world *w, const struct id16 *group)
{
    struct world_incident *i = index_get(w->groups, group);

    return i != NULL && i->row.state != TOCSIN_INC_RESOLVED ? i : NULL;
}

/* The incident that this group had before, if this turn closed it: its number counts on. */
uint32_t
world_next_episode(struct world *w, const struct id16 *group)
{
    const struct world_incident *i = index_get(w->groups, group);

    return 1 + (i != NULL && i->row.episode > 0 ? i->row.episode : w->hooks->episodes_of(w->hooks_ctx, group));
}

struct world_incident *
world_new_incident(struct world *w, const struct id16 *group, const struct policy *policy)
{
    struct incident_row row = { .id = idgen_uuid7(w->ids, w->now),
                                .group = *group,
                                .policy = policy->id,
                                .state = TOCSIN_INC_TRIGGERED,
                                .episode = world_next_episode(w, group),
                                .ver = 1,
                                .opened_at = w->now,
                                .updated_at = w->now,
                                .group_key = "",
                                .summary = "",
                                .source = "",
                                .policy_name = policy->name,
                                .acked_by = "",
                                .resolved_by = "",
                                .suppressed_by = "",
                                .notify = "" };
    struct world_incident *i = arena_zalloc(w->arena, sizeof *i);

    remember_policy(w, policy);
    i->row = row;
    i->policy = policy;
    i->dirty = i->fresh = true;
    index_put(w->incidents, w->arena, &row.id, i);
    index_put(w->groups, w->arena, &row.group, i);
    w->incident_list = grow(w->arena, w->incident_list, w->n_incidents, &w->cap_incidents,
                            sizeof(struct world_incident *));
    w->incident_list[w->n_incidents++] = i;
    return i;
}

/* --- deliveries --------------------------------------------------------------------------- */

static struct world_delivery *
append_delivery(struct world *w, struct world_incident *i, const struct delivery_row *row)
{
    struct world_delivery **at = &i->deliveries;
    struct world_delivery *d;

    for (; *at != NULL; at = &(*at)->next)
        if (strcmp((*at)->row.target, row->target) == 0)
            return *at;
    d = arena_zalloc(w->arena, sizeof *d);
    d->row = *row;
    *at = d;
    return d;
}

struct world_delivery *
world_put_delivery(struct world *w, const struct delivery_row *row)
{
    struct world_incident *i = world_incident(w, &row->incident);

    assert(i != NULL);
    return append_delivery(w, i, row);
}

struct world_delivery *
world_delivery(struct world *w, struct world_incident *i, const char *target, bool create)
{
    struct delivery_row row = { .incident = i->row.id,
                                .target = target,
                                .step = STEP_NONE,
                                .last_error = "",
                                .vendor_ref = "" };

    if (create)
        return append_delivery(w, i, &row);
    for (struct world_delivery *d = i->deliveries; d != NULL; d = d->next)
        if (strcmp(d->row.target, target) == 0)
            return d;
    return NULL;
}

/* --- silences: a handful ------------------------------------------------------------------- */

struct world_silence *
world_silence(struct world *w, const struct id16 *id)
{
    for (struct world_silence *s = w->silence_list; s != NULL; s = s->next)
        if (id_eq(&s->row.id, id))
            return s;
    return NULL;
}

struct world_silence *
world_put_silence(struct world *w, const struct silence_row *row)
{
    struct world_silence *s = world_silence(w, &row->id);

    if (s != NULL)
        return s;
    s = arena_zalloc(w->arena, sizeof *s);
    s->row = *row;
    s->next = w->silence_list;
    w->silence_list = s;
    return s;
}

/* --- timeline ------------------------------------------------------------------------------- */

bool
event_begins(const struct event_row *e, const struct event_row *like, const char *start)
{
    return id_eq(&e->incident, &like->incident) && strcmp(e->kind, like->kind) == 0 &&
           strcmp(e->actor, like->actor) == 0 && strncmp(e->text, start, strlen(start)) == 0;
}

static void
add_event(struct world *w, const struct id16 *incident, const char *kind, const char *actor, const char *text)
{
    w->events = grow(w->arena, w->events, w->n_events, &w->cap_events, sizeof *w->events);
    w->events[w->n_events++] = (struct event_row){ w->now, *incident, kind, actor, text };
}

void
world_note(struct world *w, const struct id16 *incident, const char *kind, const char *actor, const char *fmt, ...)
{
    const char *text;
    va_list ap;

    va_start(ap, fmt);
    text = arena_vprintf(w->arena, fmt, ap);
    va_end(ap);
    add_event(w, incident, kind, actor, text);
}

void
world_note_lately(struct world *w, const struct id16 *incident, const char *kind, const char *actor, const char *start,
                  const char *rest)
{
    const struct event_row line = { w->now, *incident, kind, actor, arena_printf(w->arena, "%s%s", start, rest) };

    for (size_t i = 0; i < w->n_events; i++)
        if (event_begins(&w->events[i], &line, start))
            return;
    if (!w->hooks->said_since(w->hooks_ctx, &line, start, w->now - LATELY_MS))
        add_event(w, incident, kind, actor, line.text);
}

void
world_damage(struct world *w, const struct id16 *incident, const char *fmt, ...)
{
    char id[ID_TEXT];
    const char *text;
    va_list ap;

    va_start(ap, fmt);
    text = arena_vprintf(w->arena, fmt, ap);
    va_end(ap);
    add_event(w, incident, "damaged", "store", text);
    id_format(incident, id);
    w->damage = grow(w->arena, w->damage, w->n_damage, &w->cap_damage, sizeof(const char *));
    w->damage[w->n_damage++] = arena_printf(w->arena, "incident '%s': %s", id, text);
}
