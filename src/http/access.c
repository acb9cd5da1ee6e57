/* SPDX-License-Identifier: Apache-2.0 */
/* access.c - reading a request. */
#include <string.h>
#include <strings.h>

#include "http/internal.h"

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

bool
http_is_head(const struct http_request *r)
{
    return r->head;
}

const char *
http_path(const struct http_request *r)
{
    return r->path;
}

const char *
http_raw_path(const struct http_request *r)
{
    return r->raw_path;
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
    const char **list = arena_alloc(r->arena, (r->n_query + 1) * sizeof *list);
    size_t n = 0;

    for (size_t i = 0; i < r->n_query; i++)
        if (strcmp(r->query[i].name, name) == 0)
            list[n++] = r->query[i].value;
    *out = list;
    return n;
}

static bool
pair_at(const struct header *list, size_t n, size_t i, const char **name, const char **value)
{
    if (i >= n)
        return false;
    *name = list[i].name;
    *value = list[i].value;
    return true;
}

bool
http_header_at(const struct http_request *r, size_t i, const char **name, const char **value)
{
    return pair_at(r->headers, r->n_headers, i, name, value);
}

bool
http_query_at(const struct http_request *r, size_t i, const char **name, const char **value)
{
    return pair_at(r->query, r->n_query, i, name, value);
}

const char *
http_body(const struct http_request *r, size_t *len)
{
    if (len != NULL)
        *len = r->plain != NULL ? r->plain_len : r->body_len;
    return r->plain != NULL ? r->plain : r->body;
}

const char *
http_raw_body(const struct http_request *r, size_t *len)
{
    if (len != NULL)
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
    return addr_is_loopback(&r->addr);
}

bool
http_peer_in(const struct http_request *r, const char *cidr)
{
    return addr_in(&r->addr, cidr);
}

size_t
http_client_names(struct http_request *r, const char ***out)
{
    *out = r->names;
    return r->n_names;
}
