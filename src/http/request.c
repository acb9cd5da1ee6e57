/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.c - the life of a request, driven by the library's callbacks.
 *
 *   request_begin   the request line is in
 *   request_step    1. the headers are in: refuse early, or
 *                   2. a piece of the body, again and again
 *                   3. all is in: unpack, call the handler, answer or park
 *                   4. resumed: answer
 *   request_end     sent, or the client is gone
 *
 * The library lets us answer at 1 (it then closes the connection), at 3 and at
 * 4, but not at 2: what must be refused there is read to its end, within
 * reason, and refused at 3.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "http/internal.h"
#include "os/clock.h"
#include "os/log.h"

enum {
    BODY_IN_ARENA = 4096, BODY_FIRST = 65536,
    BODY_RATE = 1024,              /* bytes a second that prolong the deadline of a body by a second */
    BODY_EXCESS = 1 << 20          /* read off so that a client over the limit sees the answer */
};

/* --- the object ------------------------------------------------------------------- */

static struct http_request *
request_new(struct http_server *s)
{
    struct http_request *r;
    struct arena *arena;

    pthread_mutex_lock(&s->lock);
    r = s->spare;
    if (r != NULL) {
        s->spare = r->next;
        s->n_spare--;
    }
    pthread_mutex_unlock(&s->lock);
    if (r == NULL) {
        r = xmalloc(sizeof *r);
        arena = arena_new();
    } else {
        arena = r->arena;
    }
    memset(r, 0, sizeof *r);
    r->arena = arena;
    r->server = s;
    atomic_init(&r->refs, 1);
    atomic_fetch_add(&s->refs, 1);
    return r;
}

static void
live_add(struct http_server *s, struct http_request *r)
{
    pthread_mutex_lock(&s->lock);
    s->n_live++;
    r->next = s->live;
    if (s->live != NULL)
        s->live->prev = r;
    s->live = r;
    pthread_mutex_unlock(&s->lock);
}

static void
live_remove(struct http_server *s, struct http_request *r)
{
    pthread_mutex_lock(&s->lock);
    if (r->prev != NULL)
        r->prev->next = r->next;
    else
        s->live = r->next;
    if (r->next != NULL)
        r->next->prev = r->prev;
    if (--s->n_live == 0 && atomic_load(&s->quiesced))
        pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

void
request_put(struct http_request *r)
{
    struct http_server *s = r->server;
    bool kept = false;

    if (atomic_fetch_sub(&r->refs, 1) != 1)
        return;
    if (r->response != NULL)
        MHD_destroy_response(r->response);
    if (r->body_on_heap)
        free(r->body);
    free(r->plain);
    arena_reset(r->arena);
    pthread_mutex_lock(&s->lock);
    if (s->n_spare < HTTP_SPARES && !atomic_load(&s->closing)) {
        r->next = s->spare;
        s->spare = r;
        s->n_spare++;
        kept = true;
    }
    pthread_mutex_unlock(&s->lock);
    if (!kept) {
        arena_free(r->arena);
        free(r);
    }
    server_put(s);
}

unsigned
flags_set_unless(atomic_uint *flags, unsigned bit, unsigned unless)
{
    unsigned was = atomic_load(flags);

    while ((was & unless) == 0)
        if (atomic_compare_exchange_weak(flags, &was, was | bit))
            break;
    return was;
}

/* --- answering ----------------------------------------------------------------------- */

static enum MHD_Result
send_answer(struct http_request *r)
{
    struct MHD_Response *response = r->response;
    enum MHD_Result rc;

    r->response = NULL;
    rc = MHD_queue_response(r->mhd, (unsigned)r->status, response);
    MHD_destroy_response(response);
    return rc;
}

static enum tocsin_rc
kind_of_status(int status)
{
    switch (status) {
    case MHD_HTTP_CONTENT_TOO_LARGE:
        return TOCSIN_TOO_LARGE;
    case MHD_HTTP_UNSUPPORTED_MEDIA_TYPE:
        return TOCSIN_UNSUPPORTED;
    case MHD_HTTP_SERVICE_UNAVAILABLE:
        return TOCSIN_TEMPORARY;
    default:
        return TOCSIN_BAD_INPUT;
    }
}

/* Has whoever serves the path said it in its own words?  Where the framing is in doubt nobody is asked. */
static bool
said_otherwise(struct http_request *r)
{
    struct http_server *s = r->server;
    struct tocsin_err err = r->refusal.err;

    err.rc = kind_of_status(r->refusal.status);
    if (s->opt.word == NULL || r->path == NULL || (r->refusal.close && err.rc == TOCSIN_BAD_INPUT))
        return false;
    r->body_len = 0;
    if (r->body == NULL)
        r->body = arena_strdup(r->arena, "");
    r->body[0] = '\0';
    s->opt.word(s->ctx, r, r->refusal.status, &err);
    return (atomic_load(&r->flags) & ANSWERED) != 0;
}

static enum MHD_Result
send_refusal(struct http_request *r)
{
    if (r->refusal.close)
        atomic_store(&r->conn->linger, true);
    if (said_otherwise(r))
        return send_answer(r);
    r->response = problem_response(r->refusal.status, &r->refusal.err);
    r->status = r->refusal.status;
    for (size_t i = 0; i < r->n_extra; i++)
        MHD_add_response_header(r->response, r->extra[i].name, r->extra[i].value);
    return send_answer(r);
}

static enum MHD_Result
send_stopping(struct http_request *r)
{
    struct tocsin_err err;

    err_set(&err, TOCSIN_TEMPORARY, "", "this server is stopping");
    return reply_now(r->mhd, MHD_HTTP_SERVICE_UNAVAILABLE, &err);
}

void
request_unpark(struct http_request *r)
{
    if (r->suspended)
        atomic_fetch_sub(&r->server->parked, 1);
    r->suspended = false;
}

/* Suspend the connection until the answer is there.  False: there is no need to any more. */
static bool
park(struct http_request *r)
{
    struct http_server *s = r->server;

    atomic_fetch_add(&s->parked, 1);
    if (atomic_load(&s->closing)) {
        atomic_fetch_sub(&s->parked, 1);
        flags_set_unless(&r->flags, ABANDONED, ANSWERED);
        return false;
    }
    r->suspended = true;
    MHD_suspend_connection(r->mhd);
    if ((atomic_fetch_or(&r->flags, PARKED) & (ANSWERED | ABANDONED)) != 0)
        MHD_resume_connection(r->mhd);
    return true;
}

static enum MHD_Result
settle(struct http_request *r)
{
    return (atomic_load(&r->flags) & ABANDONED) != 0 ? send_stopping(r) : send_answer(r);
}

void
request_abandon_all(struct http_server *s)
{
    pthread_mutex_lock(&s->lock);
    for (struct http_request *r = s->live; r != NULL; r = r->next) {
        unsigned was = flags_set_unless(&r->flags, ABANDONED, ANSWERED | ABANDONED);

        if ((was & (PARKED | ANSWERED | ABANDONED)) == PARKED)
            MHD_resume_connection(r->mhd);
    }
    pthread_mutex_unlock(&s->lock);
}

/* --- steps ------------------------------------------------------------------------------ */

void *
request_begin(void *server, const char *target, struct MHD_Connection *mhd)
{
    struct http_server *s = server;
    struct http_request *r = request_new(s);
    struct conn *c = conn_of(mhd);
    int64_t latest = clock_mono_ms() + s->opt.header_timeout_ms;

    r->mhd = mhd;
    r->conn = c;
    r->target_at = target;
    r->target = arena_strdup(r->arena, target != NULL ? target : "");
    r->addr = c->addr;
    memcpy(r->peer, c->peer, sizeof r->peer);
    atomic_store(&c->reading, true);
    if (atomic_load(&c->deadline) > latest)
        conn_set_deadline(c, latest);
    live_add(s, r);
    return r;
}

static void
copy_names(struct http_request *r)
{
    struct conn *c = r->conn;

    r->n_names = c->n_names;
    r->names = arena_alloc(r->arena, (c->n_names + 1) * sizeof *r->names);
    for (size_t i = 0; i < c->n_names; i++)
        r->names[i] = arena_strdup(r->arena, c->names[i]);
}

static enum MHD_Result
on_headers(struct http_request *r, const char *method, const char *version)
{
    r->begun = true;
    r->body_begin = clock_mono_ms();
    if (!check_request(r, r->mhd, method, version) && r->refusal.close)
        return send_refusal(r);
    if (r->server->tls != NULL && http_tls_client_ca(r->server->tls) != NULL) {
        http_tls_names(r->conn, r->mhd);
        copy_names(r);
    }
    return conn_set_deadline(r->conn, r->body_begin + r->server->opt.body_timeout_ms) ? MHD_YES : MHD_NO;
}

static void
body_grow(struct http_request *r, size_t need)
{
    size_t cap = r->body_cap;

    if (cap == 0 && r->expected >= 0 && r->expected <= BODY_IN_ARENA) {
        r->body_cap = (size_t)r->expected;
        r->body = arena_alloc(r->arena, r->body_cap + 1);
        return;
    }
    if (cap == 0)
        cap = r->expected > 0 && r->expected < BODY_FIRST ? (size_t)r->expected : BODY_FIRST;
    while (cap < need)
        cap *= 2;
    r->body = xrealloc(r->body, cap + 1);
    r->body_on_heap = true;
    r->body_cap = cap;
}

static enum MHD_Result
on_body(struct http_request *r, const char *data, size_t *size)
{
    size_t n = *size, before = r->body_len;
    int64_t allowed = r->server->opt.body_timeout_ms;

    *size = 0;
    r->body_len += n;
    if (r->refusal.status == 0 && r->body_len > (size_t)r->body_max)
        refuse(r, MHD_HTTP_CONTENT_TOO_LARGE, true, "", "the body is larger than the limit of %lld bytes",
               (long long)r->body_max);
    if (r->body_len > (size_t)r->body_max + BODY_EXCESS) {
        reply_last_words(r->conn, r->refusal.status, r->refusal.err.what);
        return MHD_NO;
    }
    if (r->refusal.status == 0) {
        if (r->body_len > r->body_cap)
            body_grow(r, r->body_len);
        memcpy(r->body + before, data, n);
    }
    allowed += (int64_t)r->body_len * 1000 / BODY_RATE;
    return conn_set_deadline(r->conn, r->body_begin + allowed) ? MHD_YES : MHD_NO;
}

static void
unpack(struct http_request *r)
{
    const char *coding = http_header(r, "Content-Encoding");
    struct tocsin_err err;
    enum tocsin_rc rc;

    if (coding == NULL || r->body_len == 0 || strcasecmp(coding, "identity") == 0)
        return;
    rc = http_inflate(r->body, r->body_len, strcasecmp(coding, "deflate") == 0, r->server->opt.inflate_max,
                      r->server->opt.inflate_ratio, &r->plain, &r->plain_len, &err);
    if (rc != TOCSIN_OK)
        refuse(r, rc_http_status(rc), false, err.where, "%s", err.what);
}

static enum MHD_Result
on_complete(struct http_request *r)
{
    struct tocsin_err err;

    r->handled = true;
    atomic_store(&r->conn->reading, false);
    if (!conn_set_deadline(r->conn, DEADLINE_NONE))
        return MHD_NO;
    if (r->refusal.status == 0) {
        if (r->body == NULL)
            r->body = arena_strdup(r->arena, "");
        r->body[r->body_len] = '\0';
        unpack(r);
    }
    if (r->refusal.status != 0)
        return send_refusal(r);

    r->welcome = true;
    r->server->handler(r->server->ctx, r);
    if ((atomic_load(&r->flags) & ANSWERED) != 0)
        return settle(r);
    if (r->deferred)
        return park(r) ? MHD_YES : settle(r);
    log_error("http", r->path, "the handler did not answer");
    err_set(&err, TOCSIN_INTERNAL, "", "this request was forgotten");
    http_reply_problem(r, &err);
    return settle(r);
}

enum MHD_Result
request_step(void *server, struct MHD_Connection *mhd, const char *url, const char *method, const char *version,
             const char *data, size_t *size, void **request)
{
    struct http_request *r = *request;

    (void)server;
    (void)mhd;
    (void)url;
    if (!r->begun)
        return on_headers(r, method, version);
    if (*size > 0)
        return on_body(r, data, size);
    if (!r->handled)
        return on_complete(r);
    request_unpark(r);
    return settle(r);
}

void
request_end(void *server, struct MHD_Connection *mhd, void **request, enum MHD_RequestTerminationCode why)
{
    struct http_server *s = server;
    struct http_request *r = *request;

    (void)mhd;
    (void)why;
    if (r == NULL)
        return;
    *request = NULL;
    request_unpark(r);             /* resumed, but the client had gone: there was no step 4 */
    atomic_fetch_add(r->welcome ? &s->n_requests : &s->n_refused_requests, 1);
    if (r->fill != NULL)
        r->stream_done(r->stream_ctx);
    atomic_store(&r->conn->reading, false);
    conn_set_deadline(r->conn, clock_mono_ms() + s->opt.idle_timeout_ms + s->opt.header_timeout_ms);
    live_remove(s, r);
    request_put(r);
}

/* --- the handler's side ----------------------------------------------------------------------- */

void
http_defer(struct http_request *r)
{
    if (r->deferred)
        return;
    r->deferred = true;
    atomic_fetch_add(&r->refs, 1);
}
