/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal.h - what the files of this folder share.
 *
 * Three lives are told apart.  A struct http_server lives until the last of
 * its requests is gone, which may be after http_server_stop().  A struct conn
 * lives as long as the library's connection; only the library's thread and,
 * under server->lock, the watcher touch it.  A struct http_request is counted:
 * the library holds one reference until it has sent the answer or lost the
 * client, whoever called http_defer() holds the other one until it replies.
 *
 * How a deferred request meets its answer (request.c): one atomic word holds
 * PARKED (the connection is suspended), ANSWERED (an answer lies ready) and
 * ABANDONED (the server stops; a late answer is thrown away).  ANSWERED and
 * ABANDONED exclude each other.  Whoever completes the pair PARKED and one of
 * the others resumes the connection, so it is resumed exactly once.
 */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <microhttpd.h>

#include "base/arena.h"
#include "http/http.h"

struct http_tls;                   /* tls.c */
struct ip_use;                     /* conn.c */

enum {
    HTTP_MAX_TARGET = 8192, HTTP_MAX_HEADERS = 64,
    HTTP_SPARES = 64,              /* requests kept for reuse */
    HTTP_LINGERS = 256             /* closed connections that are still being read from */
};

/* Values of conn.deadline besides a time of the monotonic clock. */
#define DEADLINE_NONE INT64_MAX
#define DEADLINE_PASSED INT64_C(-1)

struct conn {
    struct conn *prev, *next;      /* server->conns */
    struct http_server *server;
    struct ip_use *ip;
    int fd;
    _Atomic int64_t deadline;      /* until then the sender must have got on */
    atomic_bool reading;           /* a request line has come: an answer such as 408 is expected */
    atomic_bool linger;            /* unread data may be left at the close */
    struct in6_addr addr;          /* IPv4 as ::ffff:a.b.c.d */
    char peer[INET6_ADDRSTRLEN];
    bool names_known;              /* tls.c: the certificate was looked at */
    char **names; size_t n_names;
};

struct http_server {
    struct http_options opt;       /* numbers only: strings are gone after the start */
    http_handler handler;
    http_limit limit;
    void *ctx;
    struct MHD_Daemon *mhd;
    struct http_tls *tls;          /* NULL: plain */
    int listen_fd;
    uint16_t port;
    atomic_int refs;               /* the owner, and one for each request that exists */

    pthread_mutex_t lock;          /* the lists and counts below */
    pthread_cond_t changed;
    struct conn *conns;
    struct ip_use *ips;
    struct http_request *live;     /* the library holds these */
    size_t n_live;
    struct http_request *spare; size_t n_spare;
    struct { int fd; int64_t until; } lingers[HTTP_LINGERS]; size_t n_lingers;
    bool watcher_stop;
    pthread_t watcher;

    atomic_bool quiesced;          /* no new requests */
    atomic_bool ending;            /* streams end */
    atomic_bool closing;           /* nothing is parked any more */
    atomic_int parked;             /* suspended connections */
    atomic_int busy;               /* threads between "answer is ready" and "resumed" */
    atomic_uint_least64_t n_connections, n_refused_connections, n_requests, n_refused_requests;
};

enum { PARKED = 1u, ANSWERED = 2u, ABANDONED = 4u, WOKEN = 8u };

struct header { const char *name, *value; };

/* A reason to answer without asking the handler. */
struct refusal {
    int status;                    /* 0: none */
    bool close;                    /* the connection cannot go on: framing is in doubt, or a body is unwanted */
    struct tocsin_err err;
};

struct http_request {
    struct http_request *prev, *next;
    struct http_server *server;
    struct conn *conn;             /* only on the library's thread */
    struct MHD_Connection *mhd;
    atomic_int refs;
    atomic_uint flags;
    struct arena *arena;
    bool begun, handled, deferred, head;
    bool welcome;                  /* the handler has it */
    bool suspended;                /* counted in server->parked; only on the library's thread */

    char *target;                  /* the request target as it came */
    const char *target_at;         /* where it stood in the library's buffer */
    const char *method, *path, *raw_path, *content_type;
    struct header *headers; size_t n_headers;
    struct header *query;   size_t n_query;
    char peer[INET6_ADDRSTRLEN];
    struct in6_addr addr;
    const char **names; size_t n_names;

    char *body; size_t body_len, body_cap;
    bool body_on_heap;
    char *plain; size_t plain_len; /* body after gzip or deflate; NULL: body is plain */
    int64_t body_max, expected;    /* expected: Content-Length; -1 chunked, 0 none */
    int64_t body_begin;
    struct refusal refusal;

    struct header *extra; size_t n_extra;      /* http_reply_header */
    struct MHD_Response *response;
    int status;

    http_fill fill;                /* stream.c */
    void (*stream_done)(void *ctx);
    void *stream_ctx;
    atomic_uint stream_flags;      /* PARKED, WOKEN */
};

/* listen.c */
enum tocsin_rc http_listen(const char *address, int *fd_r, uint16_t *port_r, struct tocsin_err *err);
void http_raise_file_limit(int64_t connections);

/* conn.c */
enum MHD_Result conn_accept(void *server, const struct sockaddr *, socklen_t);
void conn_notify(void *server, struct MHD_Connection *, void **socket_ctx, enum MHD_ConnectionNotificationCode);
struct conn *conn_of(struct MHD_Connection *);
/* False: the deadline had passed already and the connection is being closed. */
bool conn_set_deadline(struct conn *, int64_t deadline);
bool addr_is_loopback(const struct in6_addr *);
bool addr_in(const struct in6_addr *, const char *cidr);

/* watcher.c */
void *watcher_run(void *server);
void watcher_add_linger(struct http_server *, int fd);         /* server->lock is held; takes the descriptor */

/* check.c: what the library lets pass.  False: r->refusal is filled. */
bool check_request(struct http_request *, struct MHD_Connection *, const char *method, const char *version);

/* request.c */
void *request_begin(void *server, const char *target, struct MHD_Connection *);
enum MHD_Result request_step(void *server, struct MHD_Connection *, const char *url, const char *method,
                             const char *version, const char *data, size_t *size, void **request);
void request_end(void *server, struct MHD_Connection *, void **request, enum MHD_RequestTerminationCode);
/* The connection is not suspended any more. */
void request_unpark(struct http_request *);
void request_abandon_all(struct http_server *);
void request_put(struct http_request *);
/* Bit is set unless one of `unless` is set already; returns the word as it was. */
unsigned flags_set_unless(atomic_uint *, unsigned bit, unsigned unless);
void server_put(struct http_server *);

/* reply.c */
bool refuse(struct http_request *, int status, bool close, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));                     /* always false */
struct MHD_Response *problem_response(int status, const struct tocsin_err *);
enum MHD_Result reply_now(struct MHD_Connection *, int status, const struct tocsin_err *);
void reply_give(struct http_request *, int status, struct MHD_Response *);  /* takes the response */
/* The library cannot answer in the middle of an upload: a last word written past it, on plain connections. */
void reply_last_words(struct conn *, int status, const char *what);

/* stream.c */
void stream_wake(struct http_request *);

/* inflate.c.  TOCSIN_OK: *out_r is heap with a NUL behind it.  bare: deflate without zlib's header, which some
 * senders leave out, is fine too. */
enum tocsin_rc http_inflate(const char *in, size_t len, bool bare, int64_t max, int64_t ratio, char **out_r,
                            size_t *out_len_r, struct tocsin_err *err);

/* tls.c */
enum tocsin_rc http_tls_new(const struct http_options *, struct http_tls **out_r, struct tocsin_err *err);
/* A connection has opened: its handshake will ask this holder for the certificate. */
void http_tls_greet(struct http_tls *, struct MHD_Connection *);
void http_tls_free(struct http_tls *);
const char *http_tls_client_ca(const struct http_tls *);       /* PEM or NULL */
void http_tls_options(struct http_tls *, struct MHD_OptionItem *items, size_t *n);
/* The names in the verified client certificate, kept with the connection. */
void http_tls_names(struct conn *, struct MHD_Connection *);

#endif
