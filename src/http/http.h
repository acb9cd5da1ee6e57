/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h - bytes in: the one seam to the HTTP library.
 *
 * A server calls its handler once per request, on one of its own threads, with
 * the whole body read, unpacked (gzip, deflate) and within the limits.  The
 * handler answers with one of the http_reply* functions, before it returns or
 * later: after http_defer() the request stays suspended until some thread
 * calls http_reply*().  Every request is answered exactly once.
 *
 * Memory of a request (paths, headers, body) lives until it is answered.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tocsin/err.h>

struct http_server;
struct http_request;
struct arena;

/*
 * A request is refused before the handler sees it: its body is too large, damaged, or packed in an unknown way.  It may
 * be answered at once, with this status or another one, in the words of whoever has the path; without an answer it is
 * problem+json.  There is no body to be seen.
 */
typedef void (*http_word)(void *ctx, struct http_request *, int status, const struct tocsin_err *err);

struct http_options {
    const char *listen;            /* "127.0.0.1:9096"; port 0 takes a free one */
    const char *tls_cert, *tls_key, *tls_client_ca;   /* files; "" or NULL: none */
    int64_t body_max, header_max, connections_max, per_ip_max;
    int64_t header_timeout_ms, body_timeout_ms, idle_timeout_ms;
    int64_t inflate_max, inflate_ratio;               /* 0: 8 MiB, 100 */
    uint32_t threads;
    http_word word;                /* NULL: refusals have no other words */
};

typedef void (*http_handler)(void *ctx, struct http_request *);
/* Called as soon as the headers are in, before the body: the largest body that is welcome for this path,
 * 0 for the server's own limit.  The path is as it came. */
typedef int64_t (*http_limit)(void *ctx, const char *method, const char *path);

enum tocsin_rc http_server_start(const struct http_options *, http_handler, http_limit, void *ctx,
                                 struct http_server **out_r, struct tocsin_err *err);
/* No new connections or requests from now on; those under way are still answered. */
void http_server_quiesce(struct http_server *);
/* Waits up to grace_ms for open requests, then closes. */
void http_server_stop(struct http_server *, int64_t grace_ms);
uint16_t http_server_port(const struct http_server *);
/* New certificate files are read; connections that exist keep theirs.  An unreadable pair changes nothing. */
enum tocsin_rc http_server_reload_tls(struct http_server *, const char *cert, const char *key, struct tocsin_err *err);

/* requests: handed to the handler and ended; refused: answered or cut off before. */
struct http_stats { uint64_t connections, refused_connections, requests, refused_requests; };
void http_server_stats(const struct http_server *, struct http_stats *);

/* --- a request --------------------------------------------------------------- */

struct arena *http_arena(struct http_request *);              /* freed with the request */
const char *http_method(const struct http_request *);         /* HEAD is shown as GET; the body is left out below */
bool http_is_head(const struct http_request *);
const char *http_path(const struct http_request *);           /* percent-decoded, without the query */
const char *http_raw_path(const struct http_request *);       /* as it came */
const char *http_header(const struct http_request *, const char *name);   /* NULL: none */
const char *http_query(const struct http_request *, const char *name);    /* NULL: none; decoded */
/* All values of a name that may repeat (filter=a&filter=b). */
size_t http_query_all(struct http_request *, const char *name, const char ***out);
/* All of them in the order of arrival, number i; false behind the last. */
bool http_header_at(const struct http_request *, size_t i, const char **name, const char **value);
bool http_query_at(const struct http_request *, size_t i, const char **name, const char **value);
const char *http_body(const struct http_request *, size_t *len);          /* NUL behind it; never NULL */
/* As it came, before gzip or deflate was undone: what a sender's MAC covers. */
const char *http_raw_body(const struct http_request *, size_t *len);
const char *http_content_type(const struct http_request *);   /* lower case, without parameters; NULL: none */
const char *http_peer(const struct http_request *);           /* "192.0.2.1", "2001:db8::1" */
bool http_peer_is_loopback(const struct http_request *);
bool http_peer_in(const struct http_request *, const char *cidr);         /* false for what is not a CIDR */
bool http_address_in(const char *address, const char *cidr);              /* the same for an address as text */
/* Common name and subject alternative names of a verified client certificate; 0 when there is none. */
size_t http_client_names(struct http_request *, const char ***out);

/* --- answers: each ends the request --------------------------------------------- */

void http_defer(struct http_request *);                       /* the answer comes later, from any thread */
void http_reply_header(struct http_request *, const char *name, const char *value);  /* before the reply */
void http_reply(struct http_request *, int status, const char *content_type, const void *body, size_t len);
/* Takes ownership of doc (also on failure). */
struct json_t;
void http_reply_json(struct http_request *, int status, struct json_t *doc);
/* RFC 9457: {type, title, status, detail, where}; Retry-After for 503 and 429, WWW-Authenticate for 401. */
void http_reply_problem(struct http_request *, const struct tocsin_err *err);
/* The same with a status that no kind stands for (405, 410, ...); the title is the status' own. */
void http_reply_problem_as(struct http_request *, int status, const struct tocsin_err *err);
/* Server-sent events and other endless answers: fill writes at most max bytes and returns how many, 0 for
 * "nothing yet, ask again after http_stream_wake()", -1 for the end.  fill runs on a thread of the server.  done is
 * called once, when the client is gone or the end was sent: until then http_stream_wake() may be called.  A client
 * that went away is noticed at a wake, so wake now and then even if there is nothing to say. */
typedef long (*http_fill)(void *ctx, char *out, size_t max);
void http_reply_stream(struct http_request *, int status, const char *content_type, http_fill, void (*done)(void *ctx),
                       void *ctx);
void http_stream_wake(struct http_request *);

#endif
