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

static const char intake[] = "/v1/in/";

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

int64_t
api_limit(void *ctx, const char *method, const char *path)
{
    struct api *api = ctx;
    struct conf *conf;
    int64_t max;

    if (strncmp(path, intake, sizeof intake - 1) == 0 && strchr(path + sizeof intake - 1, '/') == NULL)
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
refuse_route(struct http_request *req, const char *allow)
{
    struct tocsin_err err;

    if (allow[0] == '\0') {
        err_set(&err, TOCSIN_NOT_FOUND, "path", "nothing is here; / lists what there is");
        http_reply_problem(req, &err);
        return;
    }
    http_reply_header(req, "Allow", allow);
    err_set(&err, TOCSIN_BAD_INPUT, "method", "this path takes %s", allow);
    http_reply_problem_as(req, 405, &err);
}

/* What Alertmanager's clients may ask for beside its routes; neither needs to know who asks. */
static bool
answer_aside(struct call *c)
{
    static const char old[] = "/api/v1/", current[] = "/api/v2/";
    const char *path = http_path(c->req);

    if (strncmp(path, old, sizeof old - 1) == 0)
        handle_alertmanager_v1(c);
    else if (strcmp(http_method(c->req), "OPTIONS") == 0 && strncmp(path, current, sizeof current - 1) == 0)
        handle_alertmanager_preflight(c);
    else
        return false;
    return true;
}

/* What is no route may be an intake's; what a webhook takes beside POST it says itself. */
static void
refuse_or_pass_on(struct call *c, const char *path, const char *allow)
{
    const struct sink *sink = c->api->deps->sink;
    const char *name = path + sizeof intake - 1;

    if (intake_handle(sink, c->req, allow))
        return;
    if (strncmp(path, intake, sizeof intake - 1) == 0 && *name != '\0' && strchr(name, '/') == NULL)
        webhook_handle(sink, c->req, name);
    else
        refuse_route(c->req, allow);
}

void
api_handle(void *ctx, struct http_request *req)
{
    struct arena *arena = http_arena(req);
    struct call *c = arena_zalloc(arena, sizeof *c);
    struct tocsin_err err;
    const char *path = http_path(req);
    struct conf *conf;
    enum tocsin_rc rc;
    char allow[64];
    bool login;

    c->api = ctx;
    c->req = req;
    if (answer_aside(c))
        return;
    if (strcmp(path, "/") == 0 && page_is_wanted(req))
        path = "/incidents";
    c->route = route_match(http_method(req), path, arena, &c->arg, allow, sizeof allow);
    if (c->route == NULL) {
        refuse_or_pass_on(c, path, allow);
        return;
    }
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
