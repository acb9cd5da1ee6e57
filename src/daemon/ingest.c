/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/ingest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/idmap.h"
#include "base/xalloc.h"
#include "core/rules/tally.h"
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
    atomic_ullong payloads, alerts, refused, records;
    atomic_llong last_at;
};

struct ingest {
    struct ingest_options opt;
    struct sink sink;
    pthread_mutex_t mutex;                   /* guards spares and the list of counters */
    struct spare *spares;
    struct counter *counters;
    pthread_mutex_t tally_mutex;
    struct tally *tally;                     /* of thresholds; a rule keeps its counts over a reload, as it keeps its name */
};

/* What a threshold counts with. */
struct counting { struct ingest *ingest; int64_t now; };

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
                                                atomic_load(&c->last_at), atomic_load(&c->records) };
    pthread_mutex_unlock(&g->mutex);
    return n;
}

/* Between the committer and whoever waits: what became of it is counted. */
struct counted {
    struct counter *counter;
    int64_t received_at;
    struct beats *beats;
    const struct event *beat;                /* NULL: none */
    size_t records, lines;                   /* of the payload; those that became no alert of their own */
    ingest_done done;
    void *done_ctx;
};

static void
counted_done(void *ctx, const struct ingest_result *r)
{
    struct counted *d = ctx;

    struct ingest_result with_lines = *r;

    atomic_fetch_add(&d->counter->payloads, 1);
    if (r->rc == TOCSIN_OK) {
        with_lines.records = d->lines;
        if (d->beat != NULL)
            beats_done(d->beats, d->beat, d->received_at);
        atomic_fetch_add(&d->counter->records, d->records);
        atomic_fetch_add(&d->counter->alerts, r->accepted);
        atomic_store(&d->counter->last_at, d->received_at);
    } else {
        atomic_fetch_add(&d->counter->refused, 1);
    }
    d->done(d->done_ctx, &with_lines);
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

static uint32_t
count_hit(void *ctx, const struct rule_hit *hit)
{
    struct counting *c = ctx;
    uint32_t n;

    pthread_mutex_lock(&c->ingest->tally_mutex);
    n = tally_hit(c->ingest->tally, &hit->group, hit->what, hit->count, hit->window_ms, c->now);
    pthread_mutex_unlock(&c->ingest->tally_mutex);
    return n;
}

static const struct id16 *
decision_key(const void *ctx, uint32_t i)
{
    const struct intake *in = ctx;

    return &in->decisions[i]->key;
}

static void
add_decision(struct intake *in, struct decision *d)
{
    if (in->n == in->cap) {
        size_t cap = in->cap * 2 + 16;
        struct decision **more = arena_alloc(in->arena, cap * sizeof(struct decision *));

        if (in->n > 0)
            memcpy(more, in->decisions, in->n * sizeof(struct decision *));
        in->decisions = more;
        in->cap = cap;
    }
    in->decisions[in->n++] = d;
}

/* A line of a log that became an alert.  Lines of one alert are one report that counts for all: the latest. */
static void
add_line(struct intake *in, struct idmap *lines, struct decision *d)
{
    uint32_t at;

    if (idmap_get(lines, &d->key, &at)) {
        d->more = in->decisions[at]->more + 1;
        in->decisions[at] = d;
        return;
    }
    add_decision(in, d);
    idmap_put(lines, &d->key, (uint32_t)(in->n - 1));
}

static void
decide(struct ingest *g, struct intake *in, const struct conf_collector *c, const struct tocsin_batch *batch)
{
    const struct ruleset *rules = in->conf->rules;
    struct spare *s = spare_take(g, in->conf);
    struct counting counting = { g, batch->received_at };
    struct idmap lines;

    rule_scratch_count(s->scratch, count_hit, &counting);
    idmap_init(&lines, decision_key, in);
    for (size_t i = 0; i < batch->n_alerts; i++) {
        const struct tocsin_alert *a = batch->alerts[i];
        struct decision *d = a->record ? ruleset_decide_record(rules, s->scratch, in->arena, c->name, a)
                                       : ruleset_decide(rules, s->scratch, in->arena, c->name, a);

        if (d == NULL)
            continue;
        report_failures(c, d);
        if (a->record)
            add_line(in, &lines, d);
        else
            add_decision(in, d);
    }
    idmap_release(&lines);
    rule_scratch_count(s->scratch, NULL, NULL);
    spare_put(g, s);
}

static void
side_effects(struct ingest *g, const struct conf_collector *c, const struct tocsin_batch *batch)
{
    for (size_t i = 0; i < batch->n_notes; i++)
        log_info("collector", c->name, "%s", batch->notes[i]);
    for (size_t i = 0; i < batch->n_gets; i++)
        g->opt.get(g->opt.ctx, c->name, batch->gets[i].url, batch->gets[i].why);
}

/* --- heartbeats -------------------------------------------------------------------------- */

static const struct conf_heartbeat *
collector_heartbeat(const struct conf *conf, const struct conf_collector *c)
{
    const struct conf_heartbeat *h = conf->n_heartbeats > 0 ? conf_heartbeat(conf, c->name) : NULL;

    return h != NULL && h->of_collector ? h : NULL;
}

static void
add_beat(struct ingest *g, struct intake *in, struct counted *counted, const struct conf_heartbeat *h,
         const struct tocsin_pair *labels, size_t n)
{
    struct event *e = arena_alloc(in->arena, sizeof *e);

    if (h == NULL || !beats_event(g->opt.beats, in->arena, h, labels, n, counted->received_at, e))
        return;
    in->beats = e;
    in->n_beats = 1;
    counted->beats = g->opt.beats;
    counted->beat = e;
}

static void
beat(void *ctx, const struct conf_heartbeat *h, int64_t received_at, ingest_done done, void *done_ctx)
{
    struct ingest *g = ctx;
    struct arena *arena = arena_new();
    struct intake *in = arena_zalloc(arena, sizeof *in);
    struct counted *counted = arena_alloc(arena, sizeof *counted);

    *counted = (struct counted){ .counter = counter_of(g, HEARTBEAT_SOURCE), .received_at = received_at, .done = done,
                                 .done_ctx = done_ctx };
    *in = (struct intake){ .arena = arena, .conf = g->opt.conf(g->opt.ctx), .done = counted_done,
                           .done_ctx = counted };
    add_beat(g, in, counted, h, NULL, 0);
    committer_intake(g->opt.committer, in);
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

    *counted = (struct counted){ .counter = counter_of(g, c->name), .received_at = payload->received_at,
                                 .done = done, .done_ctx = done_ctx };
    in->arena = arena;
    in->done = counted_done;
    in->done_ctx = counted;
    host_batch_init(&batch, arena);
    nothing.rc = host_decode(&c->plugin->api, c->self, c->mapping, payload, &batch, &nothing.err);
    in->conf = g->opt.conf(g->opt.ctx);
    if (nothing.rc == TOCSIN_OK)
        add_beat(g, in, counted, collector_heartbeat(in->conf, c), payload->topic_labels, payload->n_topic_labels);
    if (nothing.rc == TOCSIN_OK && batch.n_alerts > 0) {
        decide(g, in, c, &batch);
        counted->records = batch.n_records;
        counted->lines = batch.n_alerts - in->n;
    }
    if (nothing.rc == TOCSIN_OK)
        side_effects(g, c, &batch);
    if (in->n + in->n_beats > 0) {
        committer_intake(g->opt.committer, in);
        return;
    }
    counted_done(counted, &nothing);         /* nothing to be stored: no turn, no commit */
    conf_unref(in->conf);
    arena_free(arena);
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
    g->sink = (struct sink){ .submit = submit, .beat = beat, .ctx = g, .conf = current_conf };
    g->tally = tally_new();
    pthread_mutex_init(&g->mutex, NULL);
    pthread_mutex_init(&g->tally_mutex, NULL);
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
    tally_free(g->tally);
    pthread_mutex_destroy(&g->mutex);
    pthread_mutex_destroy(&g->tally_mutex);
    free(g);
}
