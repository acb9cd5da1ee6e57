/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syslog_server.h - one syslog collector at work; shared by the syslog*.c files only.
 *
 *   syslog.c         the set of collectors: started, stopped, adopted as the configuration changes
 *   syslog_server.c  the thread of one: wait, read what is ready, commit, again
 *   syslog_listen.c  its sockets
 *   syslog_conn.c    its connections
 *   syslog_batch.c   the messages of one turn: handed to the sink, waited for, handed over again
 *   syslog_frame.c   bytes to messages
 *   syslog_tls.c     TLS
 *
 * A turn reads at most a few KiB of each socket that is ready, then waits for
 * the commit.  So nothing is read faster than it is stored, a sender who pours
 * gets as much as any other, and what is in memory is one turn.
 */
#ifndef COLLECTOR_SYSLOG_SERVER_H
#define COLLECTOR_SYSLOG_SERVER_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "collector/collector.h"
#include "collector/refusal.h"
#include "collector/syslog_frame.h"
#include "collector/syslog_tls.h"
#include "os/log.h"

enum {
    SYSLOG_EVENTS = 64,            /* sockets of one turn */
    SYSLOG_READ = 16384,           /* bytes of a connection in one turn; a TLS record fits */
    SYSLOG_TURN_MESSAGES = 4096,   /* more wait for the next turn */
    SYSLOG_HANDSHAKE_MS = 10000
};

/* --- batch ------------------------------------------------------------------------ */

struct syslog_item {               /* one message */
    struct syslog_item *next;
    struct syslog_batch *batch;
    const char *body; size_t len;
    const char *peer;
    int64_t received_at;
    enum tocsin_rc rc;
    struct tocsin_err *err;        /* when rc is not TOCSIN_OK; heap */
};

struct syslog_batch {
    struct arena *arena;
    struct syslog_item *first, **last;
    size_t n;
    atomic_size_t pending;         /* messages whose done() is outstanding, and one for the thread */
    pthread_mutex_t lock;
    pthread_cond_t all_done;
    bool done;
};

struct syslog_server;

void syslog_batch_init(struct syslog_batch *);
void syslog_batch_release(struct syslog_batch *);
/* Copied. */
void syslog_batch_add(struct syslog_server *, const char *peer, const char *p, size_t n);
/* Hand all to the sink and wait until they are committed or refused; while the store is away, for as long as it is. */
void syslog_batch_finish(struct syslog_server *);
/* Say how many refusals were not logged one by one, once the second is over. */
void syslog_batch_report(struct syslog_server *);

/* --- sockets ------------------------------------------------------------------------ */

enum syslog_kind { SOURCE_WAKE, SOURCE_UDP, SOURCE_LISTEN, SOURCE_CONN };

struct syslog_source { enum syslog_kind kind; };   /* first member of whatever epoll points to */

struct syslog_listener {
    struct syslog_source source;
    struct syslog_listener *next;
    char *text;                    /* as configured: its identity */
    bool tls, paused;              /* paused: out of file descriptors, asked again at the next tick */
    int fd;
    uint32_t dropped;              /* UDP: the kernel's own count, which wraps */
};

struct syslog_conn {
    struct syslog_source source;
    struct syslog_conn *prev, *next;
    struct syslog_listener *from;
    int fd;
    SSL *ssl;                      /* NULL: plain */
    bool handshaking, wants_write;
    int64_t heard_ms;              /* last byte; before the handshake is done, the accept */
    char peer[INET6_ADDRSTRLEN];
    struct syslog_frames frames;
};

/* Numeric, v4 for what is mapped into v6. */
void syslog_peer(const struct sockaddr_storage *, char out[INET6_ADDRSTRLEN]);
bool syslog_allowed(const struct conf_syslog *, const char *peer);

/* Open what is configured and not open, close what is open and not configured.  True when all is open. */
bool syslog_listeners_apply(struct syslog_server *);
void syslog_listeners_close(struct syslog_server *);
void syslog_udp_read(struct syslog_server *, struct syslog_listener *);
void syslog_accept(struct syslog_server *, struct syslog_listener *);
void syslog_listener_resume(struct syslog_server *, struct syslog_listener *);

void syslog_conn_open(struct syslog_server *, struct syslog_listener *, int fd, const char *peer);
void syslog_conn_read(struct syslog_server *, struct syslog_conn *);
/* What has come of a last message goes into the batch. */
void syslog_conn_close(struct syslog_server *, struct syslog_conn *);
/* Close who is silent for too long, is not welcome any more, or (from) came in through a door that is closed. */
void syslog_conns_sweep(struct syslog_server *, const struct syslog_listener *from);

/* --- server ------------------------------------------------------------------------ */

struct syslog_server {
    pthread_t thread;
    int epoll_fd, wake_fd;         /* wake_fd: eventfd, readable when stop or next_conf is new */
    char *name;
    struct sink sink;

    pthread_mutex_t lock;          /* guards from here ... */
    bool stop;
    struct conf *next_conf;        /* to be adopted, with a reference; NULL: none */
    const struct conf_collector *next_c;
    bool listening;                /* on all that is configured */
    char last_error[600];          /* ... to here */
    atomic_ullong messages, refused, cut, dropped, turned_away;
    atomic_ulong connections;

    /* the thread's own */
    struct conf *conf;             /* with a reference */
    const struct conf_collector *c;
    char *digest;
    struct syslog_source wake;
    struct syslog_listener *listeners;
    struct syslog_conn *conns;
    SSL_CTX *tls;                  /* NULL: none */
    struct syslog_batch batch;
    char *datagrams;               /* buffers of one recvmmsg; NULL until there is a UDP socket */
    int64_t tick_ms;
    unsigned turn;
    struct complaint trouble, store_trouble, full_trouble, tls_trouble;
    struct refusal_flood flood;
};

/* Sockets are open, or complained about, when this returns; then the thread runs.  NULL: it cannot, which is logged. */
struct syslog_server *syslog_server_start(const struct sink *, struct conf *, const struct conf_collector *);
/* Work with this configuration from the next turn on. */
void syslog_server_adopt(struct syslog_server *, struct conf *, const struct conf_collector *);
void syslog_server_stop(struct syslog_server **all, size_t n);   /* all at once, waits, frees */

bool syslog_server_stopping(struct syslog_server *);
/* Wait for news of the configuration or the end, at most so long. */
void syslog_server_pause(struct syslog_server *, int64_t ms);
/* Remember and complain. */
void syslog_server_trouble(struct syslog_server *, struct complaint *, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool syslog_server_watch(struct syslog_server *, int op, int fd, uint32_t events, struct syslog_source *);

#endif
