/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply.c - answers, from any thread.
 *
 * The bytes of an answer are made by whoever replies, so that the library's
 * threads only send.
 */
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "http/internal.h"
#include "os/log.h"

#define JSON "application/json"
#define PROBLEM "application/problem+json"

enum { ANSWER_MAX = 256 << 20 };

static void
add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (MHD_add_response_header(response, name, value) != MHD_YES)
        log_error("http", name, "this header's value cannot be sent");
}

static int
add_text(const char *piece, size_t n, void *text)
{
    buf_addn(text, piece, n);
    return 0;
}

/* doc as text on the heap, which outlives the memory of doc.  NULL: doc holds something that is no text. */
static char *
json_text(const json_t *doc, size_t *n_r)
{
    struct buf text;

    buf_init(&text, ANSWER_MAX);
    if (json_dump_callback(doc, add_text, &text, JSON_COMPACT | JSON_ENCODE_ANY) != 0 || !buf_ok(&text)) {
        buf_release(&text);
        return NULL;
    }
    *n_r = text.n;
    return buf_take(&text);
}

/* NULL: the library is out of memory, or doc holds something that is no text. */
static struct MHD_Response *
json_response(json_t *doc, const char *type)
{
    struct MHD_Response *response;
    size_t n = 0;
    char *text = doc != NULL ? json_text(doc, &n) : NULL;

    json_decref(doc);
    if (text == NULL)
        return NULL;
    response = MHD_create_response_from_buffer_with_free_callback(n, text, free);
    if (response == NULL)
        free(text);
    else
        add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    return response;
}

/* Without memory there is no answer, and nothing else will work either. */
static struct MHD_Response *
must(struct MHD_Response *response)
{
    if (response == NULL) {
        log_error("http", "", "out of memory");
        abort();
    }
    return response;
}

/* "Method Not Allowed" in the lower case of rc_title(). */
static const char *
status_title(int status, char out[64])
{
    const char *phrase = MHD_get_reason_phrase_for((unsigned)status);
    size_t n = 0;

    for (; phrase[n] != '\0' && n < 63; n++)
        out[n] = (char)tolower((unsigned char)phrase[n]);
    out[n] = '\0';
    return out;
}

static json_t *
problem_doc(int status, const struct tocsin_err *err)
{
    char phrase[64];
    const char *title = rc_http_status(err->rc) == status ? rc_title(err->rc) : status_title(status, phrase);
    json_t *doc = json_pack("{s:s, s:s, s:i}", "type", "about:blank", "title", title, "status", status);

    /* an integration's words that are no UTF-8 are left out, the rest of the answer stands */
    json_object_set_new(doc, "detail", json_string(err->what));
    if (err->where[0] != '\0')
        json_object_set_new(doc, "where", json_string(err->where));
    return doc;
}

struct MHD_Response *
problem_response(int status, const struct tocsin_err *err)
{
    struct MHD_Response *response = must(json_response(problem_doc(status, err), PROBLEM));

    if (status == MHD_HTTP_SERVICE_UNAVAILABLE || status == MHD_HTTP_TOO_MANY_REQUESTS)
        add_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "5");
    return response;
}

enum MHD_Result
reply_now(struct MHD_Connection *mhd, int status, const struct tocsin_err *err)
{
    struct MHD_Response *response = problem_response(status, err);
    enum MHD_Result rc = MHD_queue_response(mhd, (unsigned)status, response);

    MHD_destroy_response(response);
    return rc;
}

bool
refuse(struct http_request *r, int status, bool close, const char *where, const char *fmt, ...)
{
    char what[sizeof r->refusal.err.what];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    err_set(&r->refusal.err, TOCSIN_BAD_INPUT, where, "%s", what);
    r->refusal.status = status;
    r->refusal.close = close;
    return false;
}

void
reply_give(struct http_request *r, int status, struct MHD_Response *response)
{
    struct http_server *s = r->server;
    bool deferred = r->deferred;
    unsigned was;

    for (size_t i = 0; i < r->n_extra; i++)
        add_header(response, r->extra[i].name, r->extra[i].value);
    if (atomic_load(&s->quiesced))
        add_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    r->response = response;
    r->status = status;
    atomic_fetch_add(&s->busy, 1);
    was = flags_set_unless(&r->flags, ANSWERED, ABANDONED);
    assert((was & ANSWERED) == 0);
    if ((was & (PARKED | ABANDONED)) == PARKED)
        MHD_resume_connection(r->mhd);
    atomic_fetch_sub(&s->busy, 1);
    if (deferred)
        request_put(r);
}

/* --- the interface ------------------------------------------------------------------- */

void
http_reply_header(struct http_request *r, const char *name, const char *value)
{
    struct header *more = arena_alloc(r->arena, (r->n_extra + 1) * sizeof *more);

    if (r->n_extra > 0)
        memcpy(more, r->extra, r->n_extra * sizeof *more);
    more[r->n_extra++] = (struct header){ arena_strdup(r->arena, name), arena_strdup(r->arena, value) };
    r->extra = more;
}

static bool
has_header(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->n_extra; i++)
        if (strcasecmp(r->extra[i].name, name) == 0)
            return true;
    return false;
}

void
http_reply(struct http_request *r, int status, const char *content_type, const void *body, size_t len)
{
    struct MHD_Response *response = must(MHD_create_response_from_buffer(len, (void *)(uintptr_t)body,
                                                                         MHD_RESPMEM_MUST_COPY));

    if (content_type != NULL)
        add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    reply_give(r, status, response);
}

void
http_reply_json(struct http_request *r, int status, json_t *doc)
{
    struct MHD_Response *response = json_response(doc, JSON);
    struct tocsin_err err;

    if (response == NULL) {
        log_error("http", r->path, "the answer is no JSON");
        err_set(&err, TOCSIN_INTERNAL, "", "the answer could not be written");
        http_reply_problem(r, &err);
        return;
    }
    reply_give(r, status, response);
}

void
http_reply_problem_as(struct http_request *r, int status, const struct tocsin_err *err)
{
    if (status == MHD_HTTP_UNAUTHORIZED && !has_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE))
        http_reply_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"tocsin\"");
    reply_give(r, status, problem_response(status, err));
}

void
http_reply_problem(struct http_request *r, const struct tocsin_err *err)
{
    http_reply_problem_as(r, rc_http_status(err->rc), err);
}

void
reply_last_words(struct conn *c, int status, const char *what)
{
    struct tocsin_err err;
    char text[1024];
    json_t *doc;
    char *body;
    size_t len = 0;
    int n;

    atomic_store(&c->linger, true);
    if (c->server->tls != NULL)
        return;
    err_set(&err, TOCSIN_BAD_INPUT, "", "%s", what);
    doc = problem_doc(status, &err);
    body = json_text(doc, &len);
    json_decref(doc);
    if (body == NULL)
        return;
    n = snprintf(text, sizeof text, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: " PROBLEM
                 "\r\nContent-Length: %zu\r\n\r\n%s", status, MHD_get_reason_phrase_for((unsigned)status), len, body);
    free(body);
    /* best effort: the connection ends in any case */
    if (n > 0 && (size_t)n < sizeof text && send(c->fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        log_debug("http", c->peer, "gone before it could be told '%s'", what);
}
