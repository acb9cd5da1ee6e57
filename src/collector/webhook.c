/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook.c - /v1/in/<collector>: who sends, and what became of it.
 *
 * The bytes are neither read nor changed here.  A request is authenticated,
 * handed to the sink, and answered when the sink says that its alerts are on
 * disk.  Until then the connection waits without a thread.
 *
 * Payloads come with POST or PUT.  A format may say that its senders put them
 * into the query of a GET, or ask with OPTIONS whether they may send at all.
 */
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/jsonmem.h"
#include "base/text.h"
#include "collector/refusal.h"
#include "collector/webhook.h"
#include "os/clock.h"
#include "os/log.h"
#include "plugin/loader.h"

/* One request under way; lives in the request's arena. */
struct job {
    const struct sink *sink;
    struct http_request *request;
    struct conf *conf;             /* holds the collector */
    const struct conf_collector *col;
};

static const char *
payload_header(const struct tocsin_payload *in, const char *name)
{
    return http_header(in->host_data, name);
}

static const char *
payload_query(const struct tocsin_payload *in, const char *name)
{
    return http_query(in->host_data, name);
}

static uint32_t
flags_of(const struct conf_collector *col)
{
    return col != NULL && col->plugin != NULL ? col->plugin->api.flags : 0;
}

bool
webhook_is_credential(const struct conf_collector *col, const char *name)
{
    static const char *const names[] = { "authorization", "proxy-authorization", "cookie", "token" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(names[i], name) == 0)
            return true;
    return (col->auth.kind == AUTH_HMAC || col->auth.kind == AUTH_TOKEN) && strcasecmp(col->auth.header, name) == 0;
}

static size_t
list_pairs(const struct conf_collector *col, struct http_request *r,
           bool (*at)(const struct http_request *, size_t, const char **, const char **),
           const struct tocsin_pair **out)
{
    struct tocsin_pair *list;
    const char *name, *value;
    size_t n = 0, total = 0;

    while (at(r, total, &name, &value))
        total++;
    list = arena_alloc(http_arena(r), (total + 1) * sizeof *list);
    for (size_t i = 0; at(r, i, &name, &value); i++)
        if (!webhook_is_credential(col, name))
            list[n++] = (struct tocsin_pair){ name, value };
    *out = list;
    return n;
}

struct tocsin_payload
webhook_payload(const struct conf_collector *col, struct http_request *r)
{
    struct tocsin_payload in = {
        .collector = col->name, .content_type = http_content_type(r), .received_at = clock_steady_ms(),
        .header = payload_header, .query = payload_query, .host_data = r,
    };

    in.body = http_body(r, &in.len);
    if (col->mapping != NULL)                /* nobody else asks for all of them */
        in.n_headers = list_pairs(col, r, http_header_at, &in.headers);
    if (col->mapping != NULL || (flags_of(col) & TOCSIN_TAKES_QUERY) != 0)
        in.n_queries = list_pairs(col, r, http_query_at, &in.queries);
    return in;
}

static json_t *
item_doc(const struct ingest_item *item)
{
    json_t *doc = json_object();

    json_object_set_new_nocheck(doc, "dedup_key", json_string(item->dedup_key != NULL ? item->dedup_key : ""));
    if (item->incident[0] != '\0')
        json_object_set_new_nocheck(doc, "incident", json_string_nocheck(item->incident));
    return doc;
}

static void
accept_all(struct http_request *r, const struct ingest_result *result)
{
    json_t *doc, *list;

    jsonmem_begin();
    jsonmem_use(true);
    doc = json_object();
    list = json_array();
    for (size_t i = 0; i < result->accepted; i++)
        json_array_append_new(list, item_doc(&result->items[i]));
    json_object_set_new_nocheck(doc, "accepted", json_integer((json_int_t)(result->accepted + result->records)));
    json_object_set_new_nocheck(doc, "alerts", list);
    jsonmem_use(false);
    http_reply_json(r, 202, doc);
    jsonmem_end();
}

static void
job_refuse(struct job *job, enum tocsin_rc rc, const struct tocsin_err *err)
{
    struct conf *conf = job->conf;
    struct tocsin_err copy = *err;

    copy.rc = rc;
    if (job->col != NULL)
        refusal_say(job->col->name, http_peer(job->request), &copy);
    http_reply_problem(job->request, &copy);   /* the job is gone with the request */
    if (conf != NULL)
        conf_unref(conf);
}

static void
on_done(void *ctx, const struct ingest_result *result)
{
    struct job *job = ctx;
    struct conf *conf = job->conf;

    if (result->rc != TOCSIN_OK) {
        job_refuse(job, result->rc, &result->err);
        return;
    }
    if (result->reply_status != 0)
        http_reply(job->request, result->reply_status, "application/json", result->reply, result->reply_len);
    else
        accept_all(job->request, result);
    conf_unref(conf);
}

static void
submit(struct job *job)
{
    struct tocsin_payload in = webhook_payload(job->col, job->request);

    job->sink->submit(job->sink->ctx, job->col, &in, on_done, job);
}

static void
on_verified(void *ctx, enum tocsin_rc rc, const struct tocsin_err *err)
{
    struct job *job = ctx;

    if (rc == TOCSIN_OK)
        submit(job);
    else
        job_refuse(job, rc, err);
}

/* With what is in the cache at once; otherwise on the thread that may wait for a fetch. */
static void
verify_then_submit(struct job *job)
{
    struct tocsin_err err;
    enum tocsin_rc rc = webhook_verify_cached(job->col, job->request, &err);

    http_defer(job->request);
    if (rc != TOCSIN_NEED_FETCH) {
        on_verified(job, rc, &err);
        return;
    }
    if (webhook_verify_later(job->col, job->request, on_verified, job))
        return;
    rc = err_set(&err, TOCSIN_TEMPORARY, "", "too many signatures wait for their certificates");
    job_refuse(job, rc, &err);
}

static const struct conf_collector *
webhook_of(const struct conf *conf, const char *name)
{
    const struct conf_collector *col = conf != NULL ? conf_collector(conf, name) : NULL;

    return col != NULL && strcmp(col->type, "webhook") == 0 ? col : NULL;
}

static enum tocsin_rc
find(const struct conf *conf, const char *name, struct http_request *r, const struct conf_collector **out_r,
     struct tocsin_err *err)
{
    const struct conf_collector *col = conf != NULL ? conf_collector(conf, name) : NULL;

    *out_r = webhook_of(conf, name);
    if (*out_r != NULL)
        return TOCSIN_OK;
    webhook_check(NULL, r, err);
    name = text_clean(http_arena(r), name, strlen(name), 64);
    if (col != NULL)
        return err_set(err, TOCSIN_NOT_FOUND, "", "collector '%s' is no webhook", name);
    return err_set(err, TOCSIN_NOT_FOUND, "", "there is no collector '%s'", name);
}

/* --- methods ------------------------------------------------------------------------------ */

static const char *
methods_of(const struct conf_collector *col)
{
    static const char *const lists[] = {
        "POST, PUT", "POST, PUT, GET", "POST, PUT, OPTIONS", "POST, PUT, GET, OPTIONS"
    };
    uint32_t flags = flags_of(col);

    return lists[((flags & TOCSIN_TAKES_QUERY) != 0 ? 1 : 0) + ((flags & TOCSIN_TAKES_ORIGIN) != 0 ? 2 : 0)];
}

static bool
asks_to_send(const struct http_request *r)
{
    return strcmp(http_method(r), "OPTIONS") == 0;
}

/* HEAD is no GET here: who only looks does not send an alert. */
static bool
is_method(struct http_request *r, const struct conf_collector *col)
{
    const char *method = http_method(r);
    uint32_t flags = flags_of(col);
    struct tocsin_err err;

    if (strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0)
        return true;
    if ((flags & TOCSIN_TAKES_QUERY) != 0 && strcmp(method, "GET") == 0 && !http_is_head(r))
        return true;
    if ((flags & TOCSIN_TAKES_ORIGIN) != 0 && asks_to_send(r))
        return true;
    err_set(&err, TOCSIN_BAD_INPUT, "method", "alerts come with %s", methods_of(col));
    http_reply_header(r, "Allow", methods_of(col));
    http_reply_problem_as(r, 405, &err);
    return false;
}

/* Consent is in the headers alone, and is given to who names itself.  We set no rate. */
static void
consent(struct job *job)
{
    struct http_request *r = job->request;
    const char *origin = http_header(r, "WebHook-Request-Origin");
    struct conf *conf = job->conf;

    http_reply_header(r, "Allow", methods_of(job->col));
    if (origin != NULL && origin[0] != '\0') {
        http_reply_header(r, "WebHook-Allowed-Origin", origin);
        http_reply_header(r, "WebHook-Allowed-Rate", "*");
    }
    http_reply(r, 200, NULL, "", 0);         /* the job is gone with the request */
    conf_unref(conf);
}

/* --- a request ---------------------------------------------------------------------------- */

static enum tocsin_rc
check_type(struct http_request *r, struct tocsin_err *err)
{
    const char *type = http_content_type(r);

    if (type != NULL && strncmp(type, "multipart/", 10) == 0)
        return err_set(err, TOCSIN_UNSUPPORTED, "header Content-Type", "forms of several parts are not read");
    return TOCSIN_OK;
}

void
webhook_handle(const struct sink *sink, struct http_request *r, const char *name)
{
    struct job *job = arena_zalloc(http_arena(r), sizeof *job);
    struct conf *conf = sink->conf(sink->ctx);
    struct tocsin_err err;
    enum tocsin_rc rc;

    if (!is_method(r, webhook_of(conf, name))) {
        if (conf != NULL)
            conf_unref(conf);
        return;
    }
    *job = (struct job){ .sink = sink, .request = r, .conf = conf };
    rc = find(conf, name, r, &job->col, &err);
    if (rc == TOCSIN_OK)
        rc = asks_to_send(r) ? webhook_check_origin(job->col, r, &err) : webhook_check(job->col, r, &err);
    if (rc == TOCSIN_OK)
        rc = check_type(r, &err);
    if (rc != TOCSIN_OK) {
        job_refuse(job, rc, &err);
    } else if (asks_to_send(r)) {
        consent(job);
    } else if (job->col->auth.kind == AUTH_SIGNATURE) {
        verify_then_submit(job);
    } else {
        http_defer(r);
        submit(job);
    }
}
