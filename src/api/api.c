/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request in, the right handler called: match the route, ask who it is, go.
 * 404 and 405 are told apart before credentials are looked at, since the
 * routes are no secret.
 */
#include "api/api.h"

#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/xalloc.h"

enum { ALLOW_TEXT = 256 };

static const char intake[] = "/v1/in/", beat[] = "/v1/heartbeat/", foreign[] = "/api/v2/";

struct api *
api_new(const struct api_deps *deps)
{
    struct api *api = xcalloc(1, sizeof *api);

    api->deps = deps;
    atomic_init(&api->http, deps->http);
    return api;
}

void
api_free(struct api *api)
{
    free(api);
}

void
api_set_http(struct api *api, struct http_server *http)
{
    atomic_store(&api->http, http);
}

/* The length of NAME in /v1/in/NAME, also with a slash behind it, as senders and people add one; 0: another path. */
static size_t
collector_in(const char *path)
{
    const char *name = path + sizeof intake - 1;
    size_t n;

    if (strncmp(path, intake, sizeof intake - 1) != 0)
        return 0;
    n = strcspn(name, "/");
    return name[n] == '\0' || strcmp(name + n, "/") == 0 ? n : 0;
}

int64_t
api_limit(void *ctx, const char *method, const char *path)
{
    struct api *api = ctx;
    struct conf *conf;
    int64_t max;

    if (collector_in(path) > 0)
        return 0;
    conf = api->deps->conf(api->deps->ctx);
    max = intake_limit(conf, method, path);
    conf_unref(conf);
    return max >= 0 ? max : API_BODY_MAX;
}

void
reply_text(struct call *c, int status, const char *text)
{
    http_reply(c->req, status, "text/plain; charset=utf-8", text, strlen(text));
}

static void
refuse_route(struct call *c, const char *allow)
{
    struct tocsin_err err;

    if (c->foreign) {
        handle_alertmanager_refusal(c, allow);
        return;
    }
    if (allow[0] == '\0') {
        err_set(&err, TOCSIN_NOT_FOUND, "path", "nothing is here; / lists what there is");
        http_reply_problem(c->req, &err);
        return;
    }
    http_reply_header(c->req, "Allow", allow);
    err_set(&err, TOCSIN_BAD_INPUT, "method", "this path takes %s", allow);
    http_reply_problem_as(c->req, 405, &err);
}

/* What Alertmanager's clients may ask for beside its routes; neither needs to know who asks. */
static bool
answer_aside(struct call *c)
{
    static const char old[] = "/api/v1/";

    if (strncmp(http_path(c->req), old, sizeof old - 1) == 0) {
        handle_alertmanager_v1(c);
        return true;
    }
    return c->foreign && handle_alertmanager_preflight(c);
}

/* What is no route may be an intake's; what a webhook takes beside POST it says itself. */
static void
refuse_or_pass_on(struct call *c, const char *path, char *allow, size_t allow_size)
{
    const struct sink *sink = c->api->deps->sink;
    size_t n = collector_in(path);

    if (intake_handle(sink, c->req, allow, allow_size))
        return;
    if (n > 0)
        webhook_handle(sink, c->req, arena_strndup(http_arena(c->req), path + sizeof intake - 1, n));
    else
        refuse_route(c, allow);
}

/* Paths of Alertmanager and of heartbeats may end with a slash; those of webhooks too, but an intake's "/" goes first. */
static const char *
path_of(const struct call *c)
{
    const char *path = http_path(c->req);
    bool may = c->foreign || strncmp(path, beat, sizeof beat - 1) == 0;
    size_t n = strlen(path);

    if (strcmp(path, "/") == 0 && page_is_wanted(c->req))
        return "/incidents";
    return may && path[n - 1] == '/' ? arena_strndup(http_arena(c->req), path, n - 1) : path;
}

static struct call *
call_of(struct api *api, struct http_request *req)
{
    struct call *c = arena_zalloc(http_arena(req), sizeof *c);

    c->api = api;
    c->req = req;
    c->foreign = strncmp(http_path(req), foreign, sizeof foreign - 1) == 0;
    return c;
}

void
api_word(void *ctx, struct http_request *req, int status, const struct tocsin_err *err)
{
    struct call *c = call_of(ctx, req);

    if (c->foreign)
        handle_alertmanager_word(c, status, err);
    else
        intake_word(c->api->deps->sink, req, err);
}

void
api_handle(void *ctx, struct http_request *req)
{
    struct arena *arena = http_arena(req);
    struct call *c = call_of(ctx, req);
    struct tocsin_err err;
    const char *path = path_of(c);
    struct conf *conf;
    enum tocsin_rc rc;
    char allow[ALLOW_TEXT];
    bool login;

    if (answer_aside(c))
        return;
    c->route = route_match(c->foreign && http_is_head(req) ? "-" : http_method(req), path, arena, &c->arg, allow,
                           sizeof allow);
    if (c->route == NULL) {
        refuse_or_pass_on(c, path, allow, sizeof allow);
        return;
    }
    if (c->foreign && !handle_alertmanager_accept(c))
        return;
    conf = c->api->deps->conf(c->api->deps->ctx);
    rc = auth_check(conf, req, c->route, &c->caller, &err);
    if (c->caller.token != NULL)
        c->caller.token = arena_strdup(arena, c->caller.token);
    login = conf->n_tokens > 0;
    conf_unref(conf);
    if (rc != TOCSIN_OK && c->route->page)
        page_refuse(c, login, &err);
    else if (rc != TOCSIN_OK)
        http_reply_problem(req, &err);
    else
        c->route->handler(c);
}

void
handle_heartbeat(struct call *c)
{
    heartbeat_handle(c->api->deps->sink, c->req, c->arg);
}

void
handle_webhook(struct call *c)
{
    webhook_handle(c->api->deps->sink, c->req, c->arg);
}
