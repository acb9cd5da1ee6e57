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
#include "daemon/ingest_find.h"
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
    struct kind_count kinds[HOST_MAX_KINDS]; size_t n_kinds;   /* guarded by the mutex of the ingest */
};

/* A rule that failed: an alert storm through it is one line now and then, not one per alert. */
struct failing {
    struct failing *next;
    char *rule, *file;
    unsigned line;
    struct complaint complaint;
};

struct ingest {
    struct ingest_options opt;
    struct sink sink;
    pthread_mutex_t mutex;                   /* guards spares and the list of counters */
    struct spare *spares;
    struct counter *counters;
    pthread_mutex_t failing_mutex;           /* guards failing */
    struct failing *failing;
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
                                                atomic_load(&c->last_at), atomic_load(&c->records),
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
    struct beats *beats;
    const struct event *beat;                /* NULL: none */
    size_t records, lines;                   /* of the payload; those that became no alert of their own */
    ingest_done done;
    void *done_ctx;
    struct outbox *outbox;
    struct outbox_row **rows; size_t n_rows; /* reserved there: with the payload they are stored, or not */
    int reply_status;                        /* what the integration answers; 0: nothing */
    const char *reply; size_t reply_len;
};

static void
counted_done(void *ctx, const struct ingest_result *r)
{
    struct counted *d = ctx;
    struct ingest_result with_lines = *r;

    atomic_fetch_add(&d->counter->payloads, 1);
    if (r->rc == TOCSIN_OK) {
        with_lines.records = d->lines;
        with_lines.reply_status = d->reply_status;
        with_lines.reply = d->reply;
        with_lines.reply_len = d->reply_len;
        if (d->beat != NULL)
            beats_done(d->beats, d->beat, d->received_at);
        atomic_fetch_add(&d->counter->records, d->records);
        atomic_fetch_add(&d->counter->alerts, r->accepted);
        atomic_store(&d->counter->last_at, d->received_at);
    } else {
        atomic_fetch_add(&d->counter->refused, 1);
    }
    if (d->n_rows > 0)
        (r->rc == TOCSIN_OK ? outbox_stored : outbox_cancel)(d->outbox, d->rows, d->n_rows);
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

static struct failing *
failing_of(struct ingest *g, const struct rule_trace *t)
{
    struct failing *f;

    for (f = g->failing; f != NULL; f = f->next)
        if (f->line == t->pos.line && strcmp(f->rule, t->rule) == 0 && strcmp(f->file, t->pos.file) == 0)
            return f;
    f = xcalloc(1, sizeof *f);
    f->rule = xstrdup(t->rule);
    f->file = xstrdup(t->pos.file);
    f->line = t->pos.line;
    f->next = g->failing;
    g->failing = f;
    return f;
}

/* Each is counted with the turn (rule_failures); this is for people. */
static void
report_failures(struct ingest *g, const struct conf_collector *c, const struct decision *d)
{
    for (size_t i = 0; d->failed && i < d->n_trace; i++) {
        const struct rule_trace *t = &d->trace[i];

        if (!t->failed)
            continue;
        pthread_mutex_lock(&g->failing_mutex);
        complain(&failing_of(g, t)->complaint, "rules", c->name,
                 "rule '%s' (%s:%u) failed for alert '%s' and was skipped: %s", t->rule, t->pos.file, t->pos.line,
                 d->dedup_key, t->text);
        pthread_mutex_unlock(&g->failing_mutex);
    }
}

_Static_assert((int)TOCSIN_ACT_ACK == (int)ACTION_ACK && (int)TOCSIN_ACT_ESCALATE == (int)ACTION_ESCALATE &&
                   (int)TOCSIN_ACT_SNOOZE == (int)ACTION_SNOOZE && (int)TOCSIN_ACT_NOTE == (int)ACTION_NOTE,
               "actions are passed on as they are");

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
event_key(const void *ctx, uint32_t i)
{
    const struct intake *in = ctx;

    return &in->events[i].decision->key;
}

static void
add_event(struct intake *in, struct event e)
{
    if (in->n == in->cap) {
        size_t cap = in->cap * 2 + 16;
        struct event *more = arena_alloc(in->arena, cap * sizeof *more);

        if (in->n > 0)
            memcpy(more, in->events, in->n * sizeof *more);
        in->events = more;
        in->cap = cap;
    }
    in->events[in->n++] = e;
    in->n_alerts += e.kind == EV_ALERT;
}

static void
add_action(struct intake *in, const struct conf_collector *c, const struct tocsin_act *a)
{
    const char *parts[] = { c->name, a->dedup_key != NULL ? a->dedup_key : "" };

    add_event(in, (struct event){ .kind = EV_ACTION, .action = (enum action)a->kind, .key = id_hash(parts, 2),
                                  .number = a->number, .by = a->by != NULL && a->by[0] != '\0' ? a->by : c->name,
                                  .note = a->note, .until = a->until,
                                  .err = arena_zalloc(in->arena, sizeof(struct tocsin_err)) });
}

/* A line of a log that became an alert.  Lines of one alert are one report that counts for all: the latest. */
static void
add_line(struct intake *in, struct idmap *lines, struct decision *d)
{
    uint32_t at;

    if (idmap_get(lines, &d->key, &at)) {
        d->more = in->events[at].decision->more + 1;
        in->events[at].decision = d;
        return;
    }
    add_event(in, (struct event){ .kind = EV_ALERT, .decision = d });
    idmap_put(lines, &d->key, (uint32_t)(in->n - 1));
}

/* Alerts through the rules, with the actions of an intake between them where it put them. */
static void
decide(struct ingest *g, struct intake *in, const struct conf_collector *c, const struct tocsin_batch *batch,
       const struct host_call *call, const struct rule_route *route)
{
    const struct ruleset *rules = in->conf->rules;
    size_t n_acts = call != NULL ? call->n_acts : 0, k = 0;
    struct spare *s = spare_take(g, in->conf);
    struct counted *counted = in->done_ctx;
    struct counting counting = { g, counted->received_at };
    struct idmap lines;

    rule_scratch_count(s->scratch, count_hit, &counting);
    idmap_init(&lines, event_key, in);
    for (size_t i = 0; i <= batch->n_alerts; i++) {
        struct decision *d;

        while (k < n_acts && call->acts[k].before == i)
            add_action(in, c, &call->acts[k++].act);
        if (i == batch->n_alerts)
            break;
        d = ruleset_decide_routed(rules, s->scratch, in->arena, c->name, batch->alerts[i], route);
        if (d == NULL)
            continue;
        report_failures(g, c, d);
        if (batch->alerts[i]->record)
            add_line(in, &lines, d);
        else
            add_event(in, (struct event){ .kind = EV_ALERT, .decision = d });
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

/* --- heartbeats -------------------------------------------------------------------------- */

static const struct conf_heartbeat *
collector_heartbeat(const struct conf *conf, const struct conf_collector *c)
{
    const struct conf_heartbeat *h = conf->n_heartbeats > 0 ? conf_heartbeat(conf, c->name) : NULL;

    return h != NULL && h->of_collector ? h : NULL;
}

static void
add_beat(struct ingest *g, struct intake *in, const struct conf_heartbeat *h, const struct tocsin_pair *labels, size_t n)
{
    struct counted *counted = in->done_ctx;
    struct event *e = arena_alloc(in->arena, sizeof *e);

    if (h == NULL || !beats_event(g->opt.beats, in->arena, h, labels, n, counted->received_at, e))
        return;
    add_event(in, *e);
    in->n_beats++;
    counted->beats = g->opt.beats;
    counted->beat = e;
}

/* What was decoded is stored, or, when there is nothing to store, answered: no turn, no commit. */
static void
take_on(struct ingest *g, struct intake *in, const struct conf_collector *c, const struct tocsin_batch *batch,
        const struct tocsin_payload *payload, const struct host_call *call, const struct rule_route *route)
{
    struct ingest_result nothing = { .rc = TOCSIN_OK };
    struct counted *counted = in->done_ctx;

    in->conf = g->opt.conf(g->opt.ctx);
    counted->reply_status = batch->reply_status;
    counted->reply = batch->reply;
    counted->reply_len = batch->reply_len;
    if (batch->n_alerts > 0 || (call != NULL && call->n_acts > 0)) {
        decide(g, in, c, batch, call, route);
        counted->records = batch->n_records;
        counted->lines = batch->n_alerts - in->n_alerts;
    }
    add_beat(g, in, collector_heartbeat(in->conf, c), payload->topic_labels, payload->n_topic_labels);
    side_effects(g, c, batch);
    fill_outbox(g, in, c, batch);
    if (in->n + in->n_outbox > 0) {
        committer_intake(g->opt.committer, in);
        return;
    }
    counted_done(counted, &nothing);
    conf_unref(in->conf);
    arena_free(in->arena);
}

static struct intake *
intake_new(struct ingest *g, struct arena *arena, const char *name, int64_t received_at, ingest_done done,
           void *done_ctx)
{
    struct intake *in = arena_zalloc(arena, sizeof *in);
    struct counted *counted = arena_zalloc(arena, sizeof *counted);

    *counted = (struct counted){ .counter = counter_of(g, name), .received_at = received_at, .done = done,
                                 .done_ctx = done_ctx };
    in->arena = arena;
    in->done = counted_done;
    in->done_ctx = counted;
    return in;
}

/* A message without a byte is how MQTT clears a retained one; only some formats read anything into it. */
static bool
is_cleared_topic(const struct tocsin_payload *payload)
{
    return payload->topic != NULL && payload->len == 0;
}

static void
submit(void *ctx, const struct conf_collector *c, const struct tocsin_payload *payload, ingest_done done,
       void *done_ctx)
{
    struct ingest *g = ctx;
    struct arena *arena = arena_new();
    struct intake *in = intake_new(g, arena, c->name, payload->received_at, done, done_ctx);
    struct ingest_result refused = { .rc = TOCSIN_OK };
    struct tocsin_batch batch;

    host_batch_init(&batch, arena);
    batch.redact = c->redact;
    refused.rc = host_decode(&c->plugin->api, c->self, c->mapping, payload, &batch, &refused.err);
    if (refused.rc == TOCSIN_OK) {
        take_on(g, in, c, &batch, payload, NULL, NULL);
        return;
    }
    if (is_cleared_topic(payload) && refused.rc == TOCSIN_BAD_INPUT)
        done(done_ctx, &refused);            /* and is in no count */
    else
        counted_done(in->done_ctx, &refused);
    arena_free(arena);
}

static void
put(void *ctx, const struct conf_collector *c, struct host_call *call, const struct rule_route *route,
    ingest_done done, void *done_ctx)
{
    struct ingest *g = ctx;

    take_on(g, intake_new(g, call->arena, c->name, call->call.in->received_at, done, done_ctx), c, &call->batch,
            call->call.in, call, route);
}

static void
beat(void *ctx, const struct conf_heartbeat *h, int64_t received_at, ingest_done done, void *done_ctx)
{
    struct ingest *g = ctx;
    struct intake *in = intake_new(g, arena_new(), HEARTBEAT_SOURCE, received_at, done, done_ctx);

    in->conf = g->opt.conf(g->opt.ctx);
    add_beat(g, in, h, NULL, 0);
    committer_intake(g->opt.committer, in);
}

static enum tocsin_rc
find(void *ctx, const struct conf_collector *c, struct host_call *call, const struct tocsin_find *what,
     const struct tocsin_known **out_r, size_t *n_r, struct tocsin_err *err)
{
    struct ingest *g = ctx;

    return ingest_find(g->opt.store, c->name, call, what, out_r, n_r, err);
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
    g->sink = (struct sink){ .submit = submit, .put = put, .beat = beat, .ctx = g, .conf = current_conf, .find = find };
    pthread_mutex_init(&g->mutex, NULL);
    pthread_mutex_init(&g->failing_mutex, NULL);
    g->tally = tally_new();
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
    while (g->failing != NULL) {
        struct failing *f = g->failing;

        g->failing = f->next;
        free(f->rule);
        free(f->file);
        free(f);
    }
    pthread_mutex_destroy(&g->failing_mutex);
    tally_free(g->tally);
    pthread_mutex_destroy(&g->tally_mutex);
    pthread_mutex_destroy(&g->mutex);
    free(g);
}
