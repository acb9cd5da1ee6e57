/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.c - answers without an end, such as server-sent events.
 *
 * The library asks for bytes; when there are none the connection is suspended
 * until http_stream_wake().  As with requests, whoever completes the pair
 * PARKED and WOKEN resumes.
 */
#include <stdlib.h>
#include <sys/socket.h>

#include "http/internal.h"
#include "os/log.h"

enum { STREAM_BLOCK = 4096 };

/* A client that has closed its end of a plain connection reads no more events. */
static bool
client_gone(struct http_request *r)
{
    char c;

    return r->server->tls == NULL && recv(r->conn->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Suspend until somebody wakes us.  False: the server is stopping. */
static bool
stream_park(struct http_request *r)
{
    struct http_server *s = r->server;

    atomic_fetch_add(&s->parked, 1);
    if (atomic_load(&s->closing) || atomic_load(&s->ending)) {
        atomic_fetch_sub(&s->parked, 1);
        return false;
    }
    r->suspended = true;
    MHD_suspend_connection(r->mhd);
    if ((atomic_fetch_or(&r->stream_flags, PARKED) & WOKEN) != 0)
        MHD_resume_connection(r->mhd);
    return true;
}

static ssize_t
stream_read(void *request, uint64_t pos, char *out, size_t max)
{
    struct http_request *r = request;
    long n;

    (void)pos;
    request_unpark(r);
    (void)atomic_exchange(&r->stream_flags, 0);    /* and see what the one who woke us wrote before */
    if (atomic_load(&r->server->ending))
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (client_gone(r))
        return MHD_CONTENT_READER_END_WITH_ERROR;
    n = r->fill(r->stream_ctx, out, max);
    if (n < 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (n == 0 && !stream_park(r))
        return MHD_CONTENT_READER_END_OF_STREAM;
    return n;
}

void
stream_wake(struct http_request *r)
{
    struct http_server *s = r->server;

    atomic_fetch_add(&s->busy, 1);
    if ((atomic_fetch_or(&r->stream_flags, WOKEN) & (PARKED | WOKEN)) == PARKED)
        MHD_resume_connection(r->mhd);
    atomic_fetch_sub(&s->busy, 1);
}

void
http_stream_wake(struct http_request *r)
{
    stream_wake(r);
}

void
http_reply_stream(struct http_request *r, int status, const char *content_type, http_fill fill, void (*done)(void *ctx),
                  void *ctx)
{
    struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read, r,
                                                                      NULL);

    if (response == NULL || MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type) != MHD_YES) {
        log_error("http", r->path, "cannot make the answer");
        abort();
    }
    r->fill = fill;
    r->stream_done = done;
    r->stream_ctx = ctx;
    reply_give(r, status, response);
}
