/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/ingest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "os/log.h"
#include "plugin/host.h"
#include "plugin/loader.h"

/* A rule machine that nobody uses at the moment; of the configuration with this generation. */
struct spare {
    struct spare *next;
    struct rule_scratch *scratch;
    uint64_t generation;
};

/* Counters of one collector name; kept for good, so that a reload does not reset them. */
struct counter {
    struct counter *next;
    char *name;
    atomic_ullong payloads, alerts, refused;
    atomic_llong last_at;
    struct kind_count kinds[HOST_MAX_KINDS]; size_t n_kinds;   /* guarded by the mutex of the ingest */
};

struct ingest {
    struct ingest_options opt;
    struct sink sink;
    pthread_mutex_t mutex;                   /* guards spares and the list of counters */
    struct spare *spares;
    struct counter *counters;
};

/* --- counters --------------------------------------------------------------------------- */

static struct counter *
counter_of(struct ingest *g, const char *name)
{
    struct counter *c;

    pthread_mutex_lock(&g->mutex);
    for (c = g->counters; c != NULL; c = c->next)
        if (strcmp(c->name, name) == 0)
            break;
    if (c == NULL) {
        c = xcalloc(1, sizeof *c);
        c->name = xstrdup(name);
        c->next = g->counters;
        g->counters = c;
    }
    pthread_mutex_unlock(&g->mutex);
    return c;
}

size_t
ingest_stats(struct ingest *g, struct arena *a, struct collector_stats **out)
{
    size_t n = 0;

    pthread_mutex_lock(&g->mutex);
    for (const struct counter *c = g->counters; c != NULL; c = c->next)
        n++;
    *out = arena_alloc(a, (n + 1) * sizeof **out);
    n = 0;
    for (struct counter *c = g->counters; c != NULL; c = c->next)
        (*out)[n++] = (struct collector_stats){ arena_strdup(a, c->name), atomic_load(&c->payloads),
                                                atomic_load(&c->alerts), atomic_load(&c->refused),
                                                atomic_load(&c->last_at),
                                                arena_memdup(a, c->kinds, sizeof c->kinds), c->n_kinds };
    pthread_mutex_unlock(&g->mutex);
    return n;
}

/* kind is a constant of an integration, so it is kept by its address. */
static void
count_kind(struct ingest *g, const char *collector, const char *kind, unsigned n)
{
    struct counter *c = counter_of(g, collector);
    size_t i = 0;

    pthread_mutex_lock(&g->mutex);
    while (i < c->n_kinds && strcmp(c->kinds[i].kind, kind) != 0)
        i++;
    if (i == c->n_kinds && i < HOST_MAX_KINDS)
        c->kinds[c->n_kinds++] = (struct kind_count){ .kind = kind };
    if (i < HOST_MAX_KINDS)
        c->kinds[i].n += n;
    pthread_mutex_unlock(&g->mutex);
}

/* Between the committer and whoever waits: what became of it is counted. */
struct counted {
    struct counter *counter;
    int64_t received_at;
    ingest_done done;
    void *done_ctx;
    struct outbox *outbox;
    struct outbox_row **rows; size_t n_rows; /* reserved there: with the payload they are stored, or not */
};

static void
counted_done(void *ctx, const struct ingest_result *r)
{
    struct counted *d = ctx;

    atomic_fetch_add(&d->counter->payloads, 1);
    if (r->rc == TOCSIN_OK) {
        atomic_fetch_add(&d->counter->alerts, r->accepted);
        atomic_store(&d->counter->last_at, d->received_at);
    } else {
        atomic_fetch_add(&d->counter->refused, 1);
    }
    if (d->n_rows > 0)
        (r->rc == TOCSIN_OK ? outbox_stored : outbox_cancel)(d->outbox, d->rows, d->n_rows);
    d->done(d->done_ctx, r);
}

/* --- rule machines: one per thread at a time, kept for reuse ------------------------ */

static struct spare *
spare_take(struct ingest *g, const struct conf *conf)
{
    struct spare **at, *s = NULL, *old = NULL;

    pthread_mutex_lock(&g->mutex);
    for (at = &g->spares; *at != NULL;) {
        struct spare *x = *at;

        if (x->generation == conf->generation && s == NULL) {
            *at = x->next;
            s = x;
        } else if (x->generation < conf->generation) {
            *at = x->next;
            x->next = old;
            old = x;
        } else {
            at = &x->next;
        }
    }
    pthread_mutex_unlock(&g->mutex);
    while (old != NULL) {
        struct spare *x = old;

        old = x->next;
        rule_scratch_free(x->scratch);
        free(x);
    }
    if (s == NULL) {
        s = xcalloc(1, sizeof *s);
        s->scratch = rule_scratch_new(conf->rules);
        s->generation = conf->generation;
    }
    return s;
}

static void
spare_put(struct ingest *g, struct spare *s)
{
    pthread_mutex_lock(&g->mutex);
    s->next = g->spares;
    g->spares = s;
    pthread_mutex_unlock(&g->mutex);
}

/* --- a payload ------------------------------------------------------------------------- */

static void
report_failures(const struct conf_collector *c, const struct decision *d)
{
    for (size_t i = 0; d->failed && i < d->n_trace; i++)
        if (d->trace[i].failed)
            log_warn("rules", c->name, "rule '%s' (%s:%u) failed for alert '%s' and was skipped: %s", d->trace[i].rule,
                     d->trace[i].pos.file, d->trace[i].pos.line, d->dedup_key, d->trace[i].text);
}

static struct event
action_event(struct arena *arena, const struct conf_collector *c, const struct tocsin_act *a)
{
    const char *parts[] = { c->name, a->dedup_key != NULL ? a->dedup_key : "" };

    return (struct event){ .kind = EV_ACTION, .action = (enum action)a->kind, .key = id_hash(parts, 2),
                           .number = a->number, .by = a->by != NULL && a->by[0] != '\0' ? a->by : c->name,
                           .note = a->note, .until = a->until, .err = arena_zalloc(arena, sizeof(struct tocsin_err)) };
}

/* Alerts through the rules, with the actions between them where the integration put them. */
static void
decide(struct ingest *g, struct intake *in, const struct conf_collector *c, const struct tocsin_batch *batch,
       const struct host_call *call, const struct rule_route *route)
{
    size_t n_acts = call != NULL ? call->n_acts : 0, k = 0;
    struct spare *s = spare_take(g, in->conf);

    in->events = arena_alloc(in->arena, (batch->n_alerts + n_acts + 1) * sizeof *in->events);
    in->n_alerts = batch->n_alerts;
    for (size_t i = 0; i <= batch->n_alerts; i++) {
        struct decision *d;

        while (k < n_acts && call->acts[k].before == i)
            in->events[in->n++] = action_event(in->arena, c, &call->acts[k++].act);
        if (i == batch->n_alerts)
            break;
        d = ruleset_decide_routed(in->conf->rules, s->scratch, in->arena, c->name, batch->alerts[i], route);
        report_failures(c, d);
        in->events[in->n++] = (struct event){ .kind = EV_ALERT, .decision = d };
    }
    spare_put(g, s);
}

static void
side_effects(struct ingest *g, const struct conf_collector *c, const struct tocsin_batch *batch)
{
    for (size_t i = 0; i < batch->n_notes; i++)
        log_info("collector", c->name, "%s", batch->notes[i]);
    for (size_t i = 0; i < batch->n_counts; i++)
        count_kind(g, c->name, batch->counts[i].kind, batch->counts[i].n);
}

static void
reserve(struct ingest *g, struct intake *in, const struct conf_collector *c, struct outbox_row row)
{
    if (g->opt.outbox == NULL || !outbox_reserve(g->opt.outbox, c, &row))
        return;
    in->outbox[in->n_outbox++] = arena_memdup(in->arena, &row, sizeof row);
}

/* What the payload asked to be fetched and passed on; all of it lies in the intake's arena. */
static void
fill_outbox(struct ingest *g, struct intake *in, const struct conf_collector *c, const struct tocsin_batch *batch)
{
    struct counted *counted = in->done_ctx;

    in->outbox = arena_alloc(in->arena, (batch->n_gets + batch->n_forwards + 1) * sizeof(struct outbox_row *));
    for (size_t i = 0; i < batch->n_gets; i++)
        reserve(g, in, c, (struct outbox_row){ .kind = OUTBOX_GET, .created_at = counted->received_at,
                                               .collector = arena_strdup(in->arena, c->name), .what = batch->gets[i].why,
                                               .url = batch->gets[i].url });
    for (size_t i = 0; i < batch->n_forwards; i++)
        reserve(g, in, c, (struct outbox_row){ .kind = OUTBOX_FORWARD, .created_at = counted->received_at,
                                               .collector = arena_strdup(in->arena, c->name),
                                               .what = batch->forwards[i].what, .url = "",
                                               .body = batch->forwards[i].body, .body_len = batch->forwards[i].len });
    counted->outbox = g->opt.outbox;
    counted->rows = in->outbox;
    counted->n_rows = in->n_outbox;
}

static void
submit(void *ctx, const struct conf_collector *c, const struct tocsin_payload *payload, ingest_done done,
       void *done_ctx)
{
    struct ingest *g = ctx;
    struct arena *arena = arena_new();
    struct intake *in = arena_zalloc(arena, sizeof *in);
    struct ingest_result nothing = { .rc = TOCSIN_OK };
    struct counted *counted = arena_alloc(arena, sizeof *counted);
    struct tocsin_batch batch;

    *counted = (struct counted){ counter_of(g, c->name), payload->received_at, done, done_ctx, NULL, NULL, 0 };
    in->arena = arena;
    in->done = counted_done;
    in->done_ctx = counted;
    host_batch_init(&batch, arena);
    batch.redact = c->redact;
    nothing.rc = host_decode(&c->plugin->api, c->self, c->mapping, payload, &batch, &nothing.err);
    if (nothing.rc == TOCSIN_OK) {
        side_effects(g, c, &batch);
        fill_outbox(g, in, c, &batch);
    }
    if (nothing.rc != TOCSIN_OK || batch.n_alerts + in->n_outbox == 0) {
        counted_done(counted, &nothing);
        arena_free(arena);
        return;
    }
    in->conf = g->opt.conf(g->opt.ctx);
    decide(g, in, c, &batch, NULL, NULL);
    committer_intake(g->opt.committer, in);
}

static void
put(void *ctx, const struct conf_collector *c, struct host_call *call, const struct rule_route *route,
    ingest_done done, void *done_ctx)
{
    struct ingest *g = ctx;
    struct arena *arena = call->arena;
    struct intake *in = arena_zalloc(arena, sizeof *in);
    struct ingest_result nothing = { .rc = TOCSIN_OK };
    struct counted *counted = arena_alloc(arena, sizeof *counted);

    *counted = (struct counted){ counter_of(g, c->name), call->call.in->received_at, done, done_ctx, NULL, NULL,
                                 0 };
    in->arena = arena;
    in->done = counted_done;
    in->done_ctx = counted;
    side_effects(g, c, &call->batch);
    fill_outbox(g, in, c, &call->batch);
    if (call->batch.n_alerts + call->n_acts + in->n_outbox == 0) {
        counted_done(counted, &nothing);
        arena_free(arena);
        return;
    }
    in->conf = g->opt.conf(g->opt.ctx);
    decide(g, in, c, &call->batch, call, route);
    committer_intake(g->opt.committer, in);
}

static struct conf *
current_conf(void *ctx)
{
    struct ingest *g = ctx;

    return g->opt.conf(g->opt.ctx);
}

struct ingest *
ingest_new(const struct ingest_options *opt)
{
    struct ingest *g = xcalloc(1, sizeof *g);

    g->opt = *opt;
    g->sink = (struct sink){ .submit = submit, .put = put, .ctx = g, .conf = current_conf, .store = opt->store };
    pthread_mutex_init(&g->mutex, NULL);
    return g;
}

const struct sink *
ingest_sink(struct ingest *g)
{
    return &g->sink;
}

void
ingest_free(struct ingest *g)
{
    if (g == NULL)
        return;
    while (g->counters != NULL) {
        struct counter *c = g->counters;

        g->counters = c->next;
        free(c->name);
        free(c);
    }
    while (g->spares != NULL) {
        struct spare *s = g->spares;

        g->spares = s->next;
        rule_scratch_free(s->scratch);
        free(s);
    }
    pthread_mutex_destroy(&g->mutex);
    free(g);
}
