/* SPDX-License-Identifier: Apache-2.0 */
/* Events into turns, due deliveries into sends, the clock to the next thing that is due. */
#include "trial/life.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "daemon/beats.h"
#include "daemon/ingest_find.h"
#include "daemon/ingest_impl.h"
#include "daemon/turn.h"
#include "plugin/loader.h"

enum { TIMERS = 100, MAX_ALERTS = 100, MAX_EVENTS = 1000, LIST = 200, ROUNDS_MAX = 100000 };

struct life {
    struct conf *conf;
    struct arena *arena;           /* of what was sent */
    struct store *store;
    struct turn_env env;
    struct ingest *ingest;
    struct beats *beats;
    int64_t now;
    bool *down;                    /* by the place of the notifier */
    struct life_send *sends; size_t n_sends, cap_sends;
};

/* --- what turns ask ------------------------------------------------------------------------ */

static bool
caps_of(void *ctx, const char *target, struct delivery_caps *out)
{
    const struct life *l = ctx;
    const struct conf_notifier *n = conf_notifier(l->conf, target);

    if (n == NULL)
        return false;
    *out = (struct delivery_caps){ .can_ack = n->flags & TOCSIN_CAN_ACK, .can_note = n->flags & TOCSIN_CAN_NOTE,
                                   .can_unack = n->flags & TOCSIN_CAN_UNACK, .send_resolved = n->send_resolved,
                                   .dedupes = n->flags & TOCSIN_DEDUPES };
    return true;
}

static const struct policy *
default_policy(void *ctx)
{
    const struct life *l = ctx;

    return l->conf->default_policy;
}

static const struct decision *
silent(void *ctx, struct arena *arena, const struct alert_row *row)
{
    const struct life *l = ctx;

    return beats_silent(l->beats, l->conf, arena, row);
}

/* --- turns and sends -------------------------------------------------------------------------- */

static enum tocsin_rc
turn(struct life *l, struct arena *arena, struct event *events, size_t n, struct tocsin_err *err)
{
    struct turn_result r;

    return turn_run(&l->env, arena, events, n, l->now, TIMERS, &r, err);
}

static size_t
place_of(const struct life *l, const char *target)
{
    size_t i = 0;

    while (i < l->conf->n_notifiers && strcmp(l->conf->notifiers[i].name, target) != 0)
        i++;
    return i;
}

/* Of what is due now, that for the notifier which stands first in the configuration. */
static const struct pending *
next_of(const struct life *l, const struct pending *rows, size_t n)
{
    const struct pending *best = NULL;

    for (size_t i = 0; i < n; i++)
        if (rows[i].due_at > 0 && rows[i].due_at <= l->now &&
            (best == NULL || place_of(l, rows[i].target) < place_of(l, best->target)))
            best = &rows[i];
    return best;
}

static void
write_down(struct life *l, const struct event *e, const struct incident_row *row, bool failed)
{
    if (e->change == 0)
        return;
    if (l->n_sends == l->cap_sends) {
        l->cap_sends = l->cap_sends * 2 + 16;
        l->sends = xrealloc(l->sends, l->cap_sends * sizeof *l->sends);
    }
    l->sends[l->n_sends++] = (struct life_send){
        .at = l->now, .target = arena_strdup(l->arena, e->target), .change = e->change, .incident = e->incident,
        .severity = (enum tocsin_severity)row->severity, .summary = arena_strdup(l->arena, row->summary),
        .group_key = arena_strdup(l->arena, row->group_key), .failed = failed };
}

static enum tocsin_rc
send_one(struct life *l, struct arena *arena, const struct pending *p, struct tocsin_err *err)
{
    size_t place = place_of(l, p->target);
    bool fails = place == l->conf->n_notifiers || l->down[place];
    struct tocsin_outcome outcome = { .verdict = fails ? TOCSIN_RETRY : TOCSIN_DELIVERED, .reason = "" };
    struct event e = { .kind = EV_DELIVERY, .incident = p->incident, .target = p->target, .outcome = &outcome };
    struct delivery_caps caps = { 0 };
    struct incident_detail d;
    struct delivery_work work = { 0 };
    enum tocsin_rc rc = l->store->ops->get_delivery(l->store, arena, &p->incident, p->target, 1, &d, err);

    if (rc != TOCSIN_OK)
        return rc;
    if (fails)
        memcpy(outcome.reason, "it is down", sizeof "it is down");
    caps_of(l, p->target, &caps);
    delivery_next(&d.row, &d.deliveries[0], &caps, &work);
    e.change = work.change;
    e.ver = work.ver;
    e.page = work.page;
    e.notes = work.notes;
    write_down(l, &e, &d.row, fails);
    return turn(l, arena, &e, 1, err);
}

/* All that is due is sent; what a send makes due as well. */
static enum tocsin_rc
send_due(struct life *l, struct tocsin_err *err)
{
    enum tocsin_rc rc = TOCSIN_OK;
    bool more = true;

    for (int round = 0; rc == TOCSIN_OK && more; round++) {
        struct arena *arena = arena_new();
        struct pending *rows = NULL;
        size_t n = 0;

        rc = l->store->ops->pending(l->store, arena, &rows, &n, err);
        if (rc == TOCSIN_OK) {
            const struct pending *p = next_of(l, rows, n);

            more = p != NULL;
            if (more)
                rc = round < ROUNDS_MAX ? send_one(l, arena, p, err)
                                        : err_set(err, TOCSIN_INTERNAL, "", "the sends of one moment have no end");
        }
        arena_free(arena);
    }
    return rc;
}

static enum tocsin_rc
apply(struct life *l, struct arena *arena, struct event *events, size_t n, struct tocsin_err *err)
{
    enum tocsin_rc rc = turn(l, arena, events, n, err);

    for (size_t i = 0; rc == TOCSIN_OK && i < n; i++)
        if (events[i].kind == EV_BEAT || events[i].kind == EV_ARM || events[i].kind == EV_DISARM)
            beats_done(l->beats, &events[i], l->now);
    return rc == TOCSIN_OK ? send_due(l, err) : rc;
}

/* --- beginning and end ---------------------------------------------------------------------------- */

static struct conf *
conf_of(void *ctx)
{
    return conf_ref(((struct life *)ctx)->conf);
}

struct life *
life_new(struct conf *conf, int64_t now)
{
    struct life *l = xcalloc(1, sizeof *l);
    struct ingest_options options = { .conf = conf_of, .ctx = l };

    l->conf = conf;
    l->now = now;
    l->arena = arena_new();
    l->store = store_mem_open();
    l->down = xcalloc(conf->n_notifiers + 1, sizeof *l->down);
    l->beats = beats_new(l->store);
    options.beats = l->beats;
    l->ingest = ingest_new(&options);
    turn_env_init(&l->env, l->store, 1, 2);  /* the same ids in every life: what is shown does not change */
    l->env.caps_of = caps_of;
    l->env.silent = silent;
    l->env.default_policy = default_policy;
    l->env.ctx = l;
    return l;
}

enum tocsin_rc
life_watch(struct life *l, struct conf_heartbeat *list, size_t n_list, struct tocsin_err *err)
{
    struct conf some = { .heartbeats = list, .n_heartbeats = n_list };
    struct arena *arena = arena_new();
    struct event *events = NULL;
    size_t n = beats_changes(l->beats, &some, arena, l->now, false, &events);
    enum tocsin_rc rc = n > 0 ? apply(l, arena, events, n, err) : TOCSIN_OK;

    arena_free(arena);
    return rc;
}

void
life_free(struct life *l)
{
    if (l == NULL)
        return;
    ingest_free(l->ingest);
    beats_free(l->beats);
    turn_env_release(&l->env);
    l->store->ops->close(l->store);
    arena_free(l->arena);
    free(l->sends);
    free(l->down);
    free(l);
}

int64_t
life_now(const struct life *l)
{
    return l->now;
}

/* --- what happens ------------------------------------------------------------------------------------ */

static void
add_beat(struct life *l, struct intake *in, const struct conf_heartbeat *h, const struct tocsin_pair *labels, size_t n)
{
    struct event e;

    if (h != NULL && beats_event(l->beats, in->arena, h, labels, n, l->now, &e))
        ingest_add_event(in, e);
}

/* --- what is known --------------------------------------------------------------------------------- */

struct asker { struct life *life; const struct conf_collector *col; };

static enum tocsin_rc
find(struct host_call *c, const struct tocsin_find *what, const struct tocsin_known **out_r, size_t *n_r,
     struct tocsin_err *err)
{
    const struct asker *asker = c->ctx;

    return ingest_find(asker->life->store, asker->col->name, c, what, out_r, n_r, err);
}

void
life_ask(struct life *l, struct arrival *a)
{
    struct asker asker = { l, a->col };

    a->find = find;
    a->find_ctx = arena_memdup(a->arena, &asker, sizeof asker);
}

enum tocsin_rc
life_arrive(struct life *l, const struct arrival *a, struct tocsin_err *err)
{
    struct arena *arena = arena_new();
    struct counted counted = { .received_at = l->now };
    enum tocsin_rc rc = TOCSIN_OK;

    for (size_t i = 0; rc == TOCSIN_OK && i < a->n_batches; i++) {
        struct intake in = { .arena = arena, .conf = l->conf, .done_ctx = &counted };

        ingest_decide(l->ingest, &in, a->col, a->batches[i], i == 0 ? a->call : NULL, &a->route);
        add_beat(l, &in, a->beat, a->topic_labels, a->n_topic_labels);
        if (in.n > 0)
            rc = apply(l, arena, in.events, in.n, err);
    }
    if (a->n_batches == 0 && a->beat != NULL) {        /* a cleared topic is a beat as well */
        struct intake in = { .arena = arena, .conf = l->conf, .done_ctx = &counted };

        add_beat(l, &in, a->beat, a->topic_labels, a->n_topic_labels);
        rc = apply(l, arena, in.events, in.n, err);
    }
    arena_free(arena);
    return rc;
}

enum tocsin_rc
life_beat(struct life *l, const struct conf_heartbeat *h, struct tocsin_err *err)
{
    struct arena *arena = arena_new();
    struct intake in = { .arena = arena, .conf = l->conf };
    enum tocsin_rc rc;

    add_beat(l, &in, h, NULL, 0);
    rc = apply(l, arena, in.events, in.n, err);
    arena_free(arena);
    return rc;
}

/* An event of which somebody is told whether it was possible. */
static enum tocsin_rc
apply_one(struct life *l, struct event *e, struct tocsin_err *err)
{
    struct arena *arena = arena_new();
    struct tocsin_err why;
    enum tocsin_rc rc;

    e->err = &why;
    rc = apply(l, arena, e, 1, err);
    if (rc == TOCSIN_OK && e->rc != TOCSIN_OK) {
        *err = why;
        rc = e->rc;
    }
    arena_free(arena);
    return rc;
}

enum tocsin_rc
life_act(struct life *l, const struct id16 *incident, enum action action, const char *by, const char *note,
         int64_t until, struct tocsin_err *err)
{
    struct event e = { .kind = EV_ACTION, .incident = *incident, .action = action, .by = by, .note = note,
                       .until = until };

    return apply_one(l, &e, err);
}

enum tocsin_rc
life_silence(struct life *l, const char *matchers, int64_t ends_at, struct tocsin_err *err)
{
    struct silence_row row = { .starts_at = l->now, .ends_at = ends_at, .matchers = matchers, .created_by = "test",
                               .comment = "", .annotations = "" };
    struct event e = { .kind = EV_SILENCE, .silence = &row };

    return apply_one(l, &e, err);
}

bool
life_down(struct life *l, const char *target, bool down)
{
    size_t place = place_of(l, target);

    if (place < l->conf->n_notifiers)
        l->down[place] = down;
    return place < l->conf->n_notifiers;
}

/* --- time ------------------------------------------------------------------------------------------------ */

/* The earliest timer or send; 0: nothing is due ever. */
static enum tocsin_rc
next_due(struct life *l, int64_t *at_r, struct tocsin_err *err)
{
    struct arena *arena = arena_new();
    struct pending *rows = NULL;
    size_t n = 0;
    enum tocsin_rc rc = l->store->ops->pending(l->store, arena, &rows, &n, err);

    *at_r = l->store->ops->next_due(l->store);
    for (size_t i = 0; rc == TOCSIN_OK && i < n; i++)
        if (rows[i].due_at > 0 && (*at_r == 0 || rows[i].due_at < *at_r))
            *at_r = rows[i].due_at;
    arena_free(arena);
    return rc;
}

enum tocsin_rc
life_pass(struct life *l, int64_t until, struct tocsin_err *err)
{
    enum tocsin_rc rc = TOCSIN_OK;

    for (int round = 0; rc == TOCSIN_OK; round++) {
        struct arena *arena;
        int64_t at;

        rc = next_due(l, &at, err);
        if (rc != TOCSIN_OK || at == 0 || at > until)
            break;
        if (round == ROUNDS_MAX)
            return err_set(err, TOCSIN_TOO_LARGE, "", "more than %d things happen in this time", ROUNDS_MAX);
        l->now = at > l->now ? at : l->now;
        arena = arena_new();
        rc = apply(l, arena, NULL, 0, err);
        arena_free(arena);
    }
    l->now = until > l->now ? until : l->now;
    return rc;
}

/* --- what came of it ---------------------------------------------------------------------------------------- */

const struct life_send *
life_sends(const struct life *l, size_t *n_r)
{
    *n_r = l->n_sends;
    return l->sends;
}

/* Those of one list, newest first, behind what there is. */
static enum tocsin_rc
add_page(struct life *l, struct arena *arena, struct incident_filter *f, struct incident_detail **list, size_t *n,
         size_t *got_r, struct tocsin_err *err)
{
    struct incident_row *rows = NULL;
    struct incident_detail *more;
    enum tocsin_rc rc = l->store->ops->list_incidents(l->store, arena, f, &rows, got_r, err);

    if (rc != TOCSIN_OK || *got_r == 0)
        return rc;
    more = arena_alloc(arena, (*n + *got_r) * sizeof *more);
    if (*n > 0)
        memcpy(more, *list, *n * sizeof *more);
    *list = more;
    for (size_t i = 0; rc == TOCSIN_OK && i < *got_r; i++)
        rc = l->store->ops->get_incident(l->store, arena, &rows[i].id, MAX_ALERTS, MAX_EVENTS, &more[(*n)++], err);
    f->before = arena_memdup(arena, &rows[*got_r - 1].id, sizeof *f->before);
    return rc;
}

/* Ids of one millisecond have no order, but alerts are numbered as they come. */
static int64_t
first_alert(const struct incident_detail *d)
{
    int64_t first = INT64_MAX;

    for (size_t i = 0; i < d->n_alerts; i++)
        first = d->alerts[i].rowid < first ? d->alerts[i].rowid : first;
    return first;
}

static int
by_age(const void *a, const void *b)
{
    int64_t x = first_alert(a), y = first_alert(b);

    return (x > y) - (x < y);
}

enum tocsin_rc
life_incidents(struct life *l, struct arena *arena, struct incident_detail **out_r, size_t *n_r, struct tocsin_err *err)
{
    struct incident_filter f = { .states = INCIDENT_DELAYED | 1u << TOCSIN_INC_TRIGGERED |
                                           1u << TOCSIN_INC_ACKNOWLEDGED | 1u << TOCSIN_INC_RESOLVED, .limit = LIST };
    enum tocsin_rc rc = l->store->ops->flush(l->store, err);
    size_t got = 1;

    *out_r = NULL;
    *n_r = 0;
    while (rc == TOCSIN_OK && got > 0)
        rc = add_page(l, arena, &f, out_r, n_r, &got, err);
    if (*n_r > 0)
        qsort(*out_r, *n_r, sizeof **out_r, by_age);
    return rc;
}
