/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/ingest.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "daemon/ingest_find.h"
#include "daemon/ingest_impl.h"
#include "plugin/loader.h"

/* --- a payload ------------------------------------------------------------------------- */

static void
side_effects(struct ingest *g, const struct conf_collector *c, const struct tocsin_batch *batch)
{
    for (size_t i = 0; i < batch->n_notes; i++)
        log_info("collector", c->name, "%s", batch->notes[i]);
    for (size_t i = 0; i < batch->n_counts; i++)
        ingest_count_kind(g, c->name, batch->counts[i].kind, batch->counts[i].n);
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
    ingest_add_event(in, *e);
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
        ingest_decide(g, in, c, batch, call, route);
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
    ingest_counted(counted, &nothing);
    conf_unref(in->conf);
    arena_free(in->arena);
}

static struct intake *
intake_new(struct ingest *g, struct arena *arena, const char *name, int64_t received_at, ingest_done done,
           void *done_ctx)
{
    struct intake *in = arena_zalloc(arena, sizeof *in);
    struct counted *counted = arena_zalloc(arena, sizeof *counted);

    *counted = (struct counted){ .counter = ingest_counter(g, name), .received_at = received_at, .done = done,
                                 .done_ctx = done_ctx };
    in->arena = arena;
    in->done = ingest_counted;
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
        ingest_counted(in->done_ctx, &refused);
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
    ingest_rules_init(g);
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
    ingest_stats_release(g);
    ingest_rules_release(g);
    pthread_mutex_destroy(&g->mutex);
    free(g);
}
