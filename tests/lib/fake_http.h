/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_http.h - requests without a network: a test program that includes this
 * (once) brings its own http_* functions, and the real ones are not linked.
 *
 *     struct http_request *r = fake_request("GET", "/v1/incidents?state=open", NULL);
 *     api_handle(api, r);
 *     assert_int_equal(r->status, 200);
 *     fake_request_free(r);
 *
 * An answer is kept in the request; answering twice fails the test.
 */
#ifndef TESTS_LIB_FAKE_HTTP_H
#define TESTS_LIB_FAKE_HTTP_H

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"
#include "http/http.h"

enum { FAKE_MAX = 16 };

struct fake_pair { const char *name, *value; };

struct http_request {
    struct arena *arena;
    const char *method, *raw, *path, *body, *peer, *content_type;
    size_t body_len;
    struct fake_pair headers[FAKE_MAX], query[FAKE_MAX];
    size_t n_headers, n_query;
    /* the answer */
    bool deferred;
    int answers, status;
    char *reply, *reply_type;
    size_t reply_len;
    struct fake_pair reply_headers[FAKE_MAX];
    size_t n_reply_headers;
};

static inline char *
fake_decode(struct arena *a, const char *s, size_t n)
{
    char *out = arena_alloc(a, n + 1), *p = out;

    for (size_t i = 0; i < n; i++) {
        char hex[3] = { 0 };

        if (s[i] == '%' && i + 2 < n && isxdigit((unsigned char)s[i + 1]) && isxdigit((unsigned char)s[i + 2])) {
            memcpy(hex, s + i + 1, 2);
            *p++ = (char)strtol(hex, NULL, 16);
            i += 2;
        } else {
            *p++ = s[i] == '+' ? ' ' : s[i];
        }
    }
    *p = '\0';
    return out;
}

static inline void
fake_header(struct http_request *r, const char *name, const char *value)
{
    r->headers[r->n_headers++] = (struct fake_pair){ name, value };
}

/* From 127.0.0.1; a body is application/json. */
static inline struct http_request *
fake_request(const char *method, const char *target, const char *body)
{
    struct arena *a = arena_new();
    struct http_request *r = arena_zalloc(a, sizeof *r);
    const char *q = strchr(target, '?');

    r->arena = a;
    r->method = method;
    r->raw = arena_strdup(a, target);
    r->path = fake_decode(a, target, q != NULL ? (size_t)(q - target) : strlen(target));
    for (const char *p = q; p != NULL && *++p != '\0';) {
        size_t n = strcspn(p, "&"), eq = strcspn(p, "=&");

        r->query[r->n_query++] = (struct fake_pair){ fake_decode(a, p, eq),
                                                     eq < n ? fake_decode(a, p + eq + 1, n - eq - 1) : "" };
        p += n;
        if (*p == '\0')
            break;
    }
    r->peer = "127.0.0.1";
    r->body = body != NULL ? arena_strdup(a, body) : "";
    r->body_len = strlen(r->body);
    r->content_type = body != NULL ? "application/json" : NULL;
    return r;
}

static inline void
fake_request_free(struct http_request *r)
{
    free(r->reply);
    free(r->reply_type);
    arena_free(r->arena);
}

static inline const char *
fake_reply_header(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->n_reply_headers; i++)
        if (strcasecmp(r->reply_headers[i].name, name) == 0)
            return r->reply_headers[i].value;
    return "";
}

/* --- http.h ------------------------------------------------------------------------ */

struct arena *
http_arena(struct http_request *r)
{
    return r->arena;
}

const char *
http_method(const struct http_request *r)
{
    return r->method;
}

const char *
http_path(const struct http_request *r)
{
    return r->path;
}

const char *
http_raw_path(const struct http_request *r)
{
    return r->raw;
}

const char *
http_header(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->n_headers; i++)
        if (strcasecmp(r->headers[i].name, name) == 0)
            return r->headers[i].value;
    return NULL;
}

const char *
http_query(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->n_query; i++)
        if (strcmp(r->query[i].name, name) == 0)
            return r->query[i].value;
    return NULL;
}

size_t
http_query_all(struct http_request *r, const char *name, const char ***out)
{
    size_t n = 0;

    *out = arena_alloc(r->arena, (r->n_query + 1) * sizeof **out);
    for (size_t i = 0; i < r->n_query; i++)
        if (strcmp(r->query[i].name, name) == 0)
            (*out)[n++] = r->query[i].value;
    return n;
}

const char *
http_body(const struct http_request *r, size_t *len)
{
    *len = r->body_len;
    return r->body;
}

const char *
http_content_type(const struct http_request *r)
{
    return r->content_type;
}

const char *
http_peer(const struct http_request *r)
{
    return r->peer;
}

bool
http_peer_is_loopback(const struct http_request *r)
{
    return strncmp(r->peer, "127.", 4) == 0 || strcmp(r->peer, "::1") == 0;
}

void
http_defer(struct http_request *r)
{
    if (r->deferred || r->answers > 0)
        abort();
    r->deferred = true;
}

void
http_reply_header(struct http_request *r, const char *name, const char *value)
{
    r->reply_headers[r->n_reply_headers++] =
        (struct fake_pair){ arena_strdup(r->arena, name), arena_strdup(r->arena, value) };
}

void
http_reply(struct http_request *r, int status, const char *content_type, const void *body, size_t len)
{
    if (r->answers++ > 0)
        abort();
    r->status = status;
    r->reply_type = strdup(content_type != NULL ? content_type : "");
    r->reply = malloc(len + 1);
    memcpy(r->reply, body, len);
    r->reply[len] = '\0';
    r->reply_len = len;
}

void
http_reply_json(struct http_request *r, int status, struct json_t *doc)
{
    char *text = json_dumps(doc, JSON_COMPACT);

    if (text == NULL)
        abort();
    http_reply(r, status, "application/json", text, strlen(text));
    free(text);
    json_decref(doc);
}

void
http_reply_problem_as(struct http_request *r, int status, const struct tocsin_err *err)
{
    const char *title = status == 405 ? "method not allowed" : rc_title(err->rc);
    json_t *doc = json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", "about:blank", "title", title, "status", status,
                            "detail", err->what, "where", err->where);
    char *text = json_dumps(doc, JSON_COMPACT);

    if (text == NULL)
        abort();
    http_reply(r, status, "application/problem+json", text, strlen(text));
    free(text);
    json_decref(doc);
}

void
http_reply_problem(struct http_request *r, const struct tocsin_err *err)
{
    http_reply_problem_as(r, rc_http_status(err->rc), err);
}

void
http_server_stats(const struct http_server *s, struct http_stats *out)
{
    (void)s;
    *out = (struct http_stats){ 3, 1, 42, 2 };
}

#endif
