/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake.c - other products' paths: who sends, what it asks for, and the
 * answer that their clients expect.
 *
 * The integration says where the credential stands, what is to be done, and
 * how answers and refusals are worded; here a collector is found that admits
 * the request, and nothing is answered before the sink says that it is on
 * disk.  Until then the connection waits without a thread.
 */
#include "collector/intake.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/id.h"
#include "base/jsonmem.h"
#include "collector/refusal.h"
#include "collector/webhook.h"
#include "os/clock.h"
#include "os/log.h"
#include "os/rand.h"
#include "plugin/loader.h"

enum { ALLOW_TEXT = 256 };

/* One request under way; lives in the request's arena, what the integration makes in an arena of its own. */
struct job {
    const struct sink *sink;
    struct http_request *request;
    struct conf *conf;             /* holds the collector, its policies and the integration's instance */
    const struct conf_collector *col;
    const struct conf_key *key;    /* NULL: the collector has none */
    struct tocsin_payload in;
    int64_t begun_us;
    struct host_call *call;
    struct rule_route route;
};

/* --- the answer --------------------------------------------------------------------------- */

static void
reply_with(const struct host_call *c, struct http_request *r)
{
    for (size_t i = 0; i < c->n_headers; i++)
        http_reply_header(r, c->headers[i].name, c->headers[i].value);
    http_reply(r, c->status, c->content_type, c->body, c->len);
}

/* Sends what the integration said, and ends the job: its memory is gone with the request. */
static void
send_answer(struct job *job, const struct tocsin_err *otherwise)
{
    struct http_request *r = job->request;
    struct conf *conf = job->conf;

    if (job->call->status != 0)
        reply_with(job->call, r);
    else
        http_reply_problem(r, otherwise);
    conf_unref(conf);
}

static void
refuse(struct job *job, const struct conf_collector *col, enum tocsin_rc rc, const struct tocsin_err *err)
{
    struct tocsin_err copy = *err;

    copy.rc = rc;
    refusal_say(col->name, http_peer(job->request), &copy);
    host_refuse(&col->plugin->api, job->call, &copy);
    send_answer(job, &copy);
}

static const struct tocsin_done *
results_of(struct arena *a, const struct ingest_item *items, size_t n)
{
    struct tocsin_done *list = arena_alloc(a, (n + 1) * sizeof *list);

    for (size_t i = 0; i < n; i++)
        list[i] = (struct tocsin_done){ items[i].rc, items[i].dedup_key, items[i].incident, items[i].number };
    return list;
}

/* The call's arena goes right after this: the answer is copied when it is sent. */
static void
on_done(void *ctx, const struct ingest_result *result)
{
    struct job *job = ctx;
    struct host_call *c = job->call;
    struct tocsin_results results = { .n_alerts = result->accepted, .n_actions = result->n_actions };
    struct tocsin_err none;

    if (result->rc != TOCSIN_OK) {
        refuse(job, job->col, result->rc, &result->err);
        return;
    }
    results.alerts = results_of(c->arena, result->items, result->accepted);
    results.actions = results_of(c->arena, result->actions, result->n_actions);
    for (size_t i = 0; i < results.n_actions; i++)
        ((struct tocsin_done *)(uintptr_t)results.actions)[i].dedup_key = c->acts[i].act.dedup_key;
    host_answer(&job->col->plugin->api, job->col->self, c, &results);
    err_set(&none, TOCSIN_INTERNAL, "", "integration '%s' gave no answer", job->col->format);
    send_answer(job, &none);
}

/* --- who sends ------------------------------------------------------------------------------- */

const struct conf_key *
intake_key(const struct conf_collector *col, const char *credential)
{
    const struct conf_key *key = NULL;

    for (size_t i = 0; i < col->n_keys; i++)
        if (credential != NULL && webhook_same_secret(credential, strlen(credential), col->keys[i].secret))
            key = &col->keys[i];
    return key;
}

static enum tocsin_rc
admit(const struct candidate *at, const char *credential, struct job *job, struct tocsin_err *err)
{
    const struct conf_collector *col = at->col;
    enum tocsin_rc rc = webhook_admit(col, job->request, err);

    job->key = rc == TOCSIN_OK ? intake_key(col, credential) : NULL;
    if (rc == TOCSIN_OK && col->n_keys > 0 && job->key == NULL)
        rc = err_set(err, TOCSIN_UNAUTHORIZED, "", "credentials are missing or wrong");
    if (rc == TOCSIN_OK)
        job->col = col;
    return rc;
}

/* --- what it asks for ------------------------------------------------------------------------ */

static int64_t
elapsed_us(struct host_call *c)
{
    const struct job *job = c->ctx;

    return clock_mono_us() - job->begun_us;
}

static enum tocsin_rc
find(struct host_call *c, const struct tocsin_find *what, const struct tocsin_known **out_r, size_t *n_r,
     struct tocsin_err *err)
{
    const struct job *job = c->ctx;

    return job->sink->find(job->sink->ctx, job->col, c, what, out_r, n_r, err);
}

static struct host_call *
call_new(struct job *job, struct arena *arena, const struct candidate *at)
{
    struct host_call *c = arena_alloc(arena, sizeof *c);
    struct idgen ids;
    struct id16 id;
    char text[ID_TEXT];

    idgen_seed(&ids, rand_u64(), rand_u64());
    id = idgen_uuid7(&ids, clock_wall_ms());
    host_call_init(c, arena, at->route, id_format(&id, text));
    job->in = webhook_payload(at->col, job->request);
    c->call.in = &job->in;
    c->call.path = at->path;
    c->call.n_path = at->n_path;
    c->call.peer = http_peer(job->request);
    c->find = job->sink->find != NULL ? find : NULL;
    c->elapsed_us = elapsed_us;
    c->ctx = job;
    return c;
}

struct rule_route
intake_route(const struct conf_collector *col, const struct conf_key *key, const struct host_call *call)
{
    const struct conf_route *named = NULL;

    for (size_t i = 0; call->route_to != NULL && i < col->n_routes; i++)
        if (strcasecmp(col->routes[i].name, call->route_to) == 0)
            named = &col->routes[i];
    if (named != NULL)
        return (struct rule_route){ named->policy, arena_printf(call->arena, "route '%s' (%s:%u)", named->name,
                                                                named->pos.file, named->pos.line) };
    if (key != NULL && key->policy != NULL)
        return (struct rule_route){ key->policy, arena_printf(call->arena, "the sender's key (%s:%u)", key->pos.file,
                                                              key->pos.line) };
    return (struct rule_route){ NULL, NULL };
}

static void
serve(struct job *job)
{
    struct host_call *c = job->call;
    struct arena *arena = c->arena;
    struct tocsin_err err;
    enum tocsin_rc rc;

    c->batch.redact = job->col->redact;
    rc = host_intake(&job->col->plugin->api, job->col->self, c, &err);
    host_call_forget_json(c);
    jsonmem_end();
    if (rc != TOCSIN_OK) {
        refuse(job, job->col, rc, &err);
        arena_free(arena);
    } else if (c->status != 0 && c->batch.n_alerts + c->n_acts + c->batch.n_gets + c->batch.n_forwards == 0) {
        send_answer(job, NULL);
        arena_free(arena);
    } else {
        job->route = intake_route(job->col, job->key, c);
        job->sink->put(job->sink->ctx, job->col, c, &job->route, on_done, job);
    }
}

/* The first collector that takes the request.  What is begun with jsonmem_begin(), serve() or the refusal ends. */
static void
find_and_serve(struct job *job, const struct candidate *list, size_t n)
{
    struct arena *arena = arena_new();
    enum tocsin_rc rc = TOCSIN_OK;
    struct tocsin_err err = { .rc = TOCSIN_OK };

    jsonmem_begin();
    for (size_t i = 0; i < n; i++) {
        const char *credential = NULL;

        if (job->call == NULL || list[i].col->plugin != list[i - 1].col->plugin || list[i].route != list[i - 1].route) {
            if (job->call != NULL)
                host_call_forget_json(job->call);
            job->call = call_new(job, arena, &list[i]);
        }
        rc = host_identify(&list[i].col->plugin->api, job->call, &credential, &err);
        if (rc == TOCSIN_OK)
            rc = admit(&list[i], credential, job, &err);
        if (rc == TOCSIN_OK)
            break;
    }
    if (rc == TOCSIN_OK) {
        serve(job);
        return;
    }
    host_call_forget_json(job->call);
    jsonmem_end();
    refuse(job, list[n - 1].col, rc, &err);
    arena_free(arena);
}

bool
intake_handle(const struct sink *sink, struct http_request *r, char *allow, size_t allow_size)
{
    struct arena *arena = http_arena(r);
    struct candidate *list = arena_alloc(arena, INTAKE_CANDIDATES * sizeof *list);
    struct job *job = arena_zalloc(arena, sizeof *job);
    struct conf *conf = sink->conf(sink->ctx);
    size_t n = conf != NULL ? intake_match(conf, http_method(r), http_raw_path(r), arena, list, allow, allow_size) : 0;

    if (n == 0) {
        if (conf != NULL)
            conf_unref(conf);
        return false;
    }
    *job = (struct job){ .sink = sink, .request = r, .conf = conf, .begun_us = clock_mono_us() };
    http_defer(r);
    find_and_serve(job, list, n);
    return true;
}

/* The one whose path it is words the refusal; which collector was meant is not known, for nobody has looked for a key. */
void
intake_word(const struct sink *sink, struct http_request *r, const struct tocsin_err *err)
{
    struct arena *arena = http_arena(r);
    struct candidate *list = arena_alloc(arena, INTAKE_CANDIDATES * sizeof *list);
    struct job job = { .sink = sink, .request = r, .conf = sink->conf(sink->ctx), .begun_us = clock_mono_us() };
    char allow[ALLOW_TEXT] = "";

    if (job.conf == NULL)
        return;
    if (intake_match(job.conf, http_method(r), http_raw_path(r), arena, list, allow, sizeof allow) > 0) {
        job.call = call_new(&job, arena, &list[0]);
        host_refuse(&list[0].col->plugin->api, job.call, err);
        if (job.call->status != 0)
            reply_with(job.call, r);
    }
    conf_unref(job.conf);
}
