/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a transport that does not depend on how the bytes travel. */
#include "transport/ops.h"

#include <curl/curl.h>
#include <string.h>

#include "base/err.h"

void
transport_free(struct transport *t)
{
    if (t != NULL)
        t->ops->free(t);
}

void
transport_send(struct transport *t, const struct tocsin_request *req, const struct transport_options *opt,
               transport_done done, void *ctx)
{
    transport_start(transport_prepare(t, req, opt, done, ctx));
}

struct transport_call *
transport_prepare(struct transport *t, const struct tocsin_request *req, const struct transport_options *opt,
                  transport_done done, void *ctx)
{
    struct transport_call *c = t->ops->prepare(t, req, opt, done, ctx);

    c->transport = t;
    return c;
}

void
transport_start(struct transport_call *c)
{
    c->transport->in_flight++;
    c->transport->ops->start(c);
}

void
transport_drop(struct transport_call *c)
{
    c->transport->ops->drop(c);
}

void
transport_poll(struct transport *t, int64_t wait_ms)
{
    t->ops->poll(t, wait_ms > 0 ? wait_ms : 0);
}

void
transport_wake(struct transport *t)
{
    t->ops->wake(t);
}

size_t
transport_in_flight(const struct transport *t)
{
    return t->in_flight;
}

struct tocsin_request *
transport_copy(struct arena *a, const struct tocsin_request *from)
{
    struct tocsin_request *to = arena_memdup(a, from, sizeof *from);

    to->arena = a;
    to->method = arena_strdup(a, from->method);
    to->url = arena_strdup(a, from->url);
    to->content_type = arena_strdup(a, from->content_type);
    to->body = from->body != NULL ? arena_strndup(a, "", 0) : NULL;
    if (from->body_len > 0)
        to->body = arena_memdup(a, from->body, from->body_len);
    to->line = arena_strdup(a, from->line);
    to->sign_secret = arena_strdup(a, from->sign_secret);
    to->sign_id = arena_strdup(a, from->sign_id);
    to->cap_headers = from->n_headers;
    to->headers = arena_alloc(a, (from->n_headers + 1) * sizeof *to->headers);
    for (size_t i = 0; i < from->n_headers; i++) {
        to->headers[i].name = arena_strdup(a, from->headers[i].name);
        to->headers[i].value = arena_strdup(a, from->headers[i].value);
    }
    return to;
}

char *
transport_origin(struct arena *a, const char *url)
{
    char *scheme = NULL, *host = NULL, *port = NULL, *out = NULL;
    CURLU *u = curl_url();

    if (u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
        (strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0))
        out = arena_printf(a, "%s://%s:%s", scheme, host, port);
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(u);
    return out;
}

struct fetched {
    bool done;
    struct arena *arena;
    const char *url;
    const char **body_r;
    size_t *len_r;
    struct tocsin_err *err;
    enum tocsin_rc rc;
};

static void
fetched(void *ctx, const struct tocsin_response *r)
{
    struct fetched *f = ctx;

    f->done = true;
    if (r->status == 0)
        f->rc = err_set(f->err, TOCSIN_TEMPORARY, f->url, "cannot fetch: %s", r->error);
    else if (r->status != 200)
        f->rc = err_set(f->err, r->status >= 500 ? TOCSIN_TEMPORARY : TOCSIN_NOT_FOUND, f->url,
                        "cannot fetch: answered %d", r->status);
    else if (r->len >= TRANSPORT_BODY_MAX)
        f->rc = err_set(f->err, TOCSIN_TOO_LARGE, f->url, "answer is over %d bytes", TRANSPORT_BODY_MAX - 1);
    if (f->rc != TOCSIN_OK)
        return;
    *f->body_r = arena_strndup(f->arena, r->body, r->len);
    *f->len_r = r->len;
}

enum tocsin_rc
transport_get(const char *url, const struct transport_options *opt, struct arena *a, const char **body_r, size_t *len_r,
              struct tocsin_err *err)
{
    struct tocsin_request req = { .arena = a, .kind = REQUEST_HTTP, .method = "GET", .url = url };
    struct fetched f = { .arena = a, .url = url, .body_r = body_r, .len_r = len_r, .err = err };
    const char *origin = transport_origin(a, url);
    struct transport *t;

    if (origin == NULL || strncmp(origin, "https://", 8) != 0)
        return err_set(err, TOCSIN_FORBIDDEN, url, "only https addresses are fetched");
    t = transport_curl_new();
    transport_send(t, &req, opt, fetched, &f);
    while (!f.done)
        transport_poll(t, 1000);
    transport_free(t);
    return f.rc;
}
