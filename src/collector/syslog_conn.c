/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syslog_conn.c - one sender's stream: handshake, bytes, end.
 *
 * However a connection ends, by its sender, by an error, for its silence or
 * with the collector, what has come of its last message is a message.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "collector/syslog_server.h"
#include "os/clock.h"

/* --- beginning and end ---------------------------------------------------------------------- */

/* A host that has vanished without a word is noticed within two minutes. */
static void
keep_alive(int fd)
{
    static const int yes = 1, idle_s = 60, interval_s = 15, probes = 4;

    if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes) != 0)
        log_debug("syslog", "", "no keep-alive: %s", err_errno(errno));
}

static SSL *
begin_tls(struct syslog_server *s, int fd)
{
    SSL *ssl = SSL_new(s->tls);

    if (ssl != NULL && SSL_set_fd(ssl, fd) == 1)
        return ssl;
    SSL_free(ssl);
    return NULL;
}

void
syslog_conn_open(struct syslog_server *s, struct syslog_listener *from, int fd, const char *peer)
{
    struct syslog_conn *c = xcalloc(1, sizeof *c);

    c->source.kind = SOURCE_CONN;
    c->from = from;
    c->fd = fd;
    c->ssl = from->tls ? begin_tls(s, fd) : NULL;
    c->handshaking = from->tls;
    c->heard_ms = clock_mono_ms();
    memcpy(c->peer, peer, sizeof c->peer);
    syslog_frames_init(&c->frames, (size_t)s->c->syslog.line_max);
    keep_alive(fd);
    if ((from->tls && c->ssl == NULL) || !syslog_server_watch(s, EPOLL_CTL_ADD, fd, EPOLLIN, &c->source)) {
        SSL_free(c->ssl);
        close(fd);
        free(c);
        return;
    }
    c->next = s->conns;
    if (s->conns != NULL)
        s->conns->prev = c;
    s->conns = c;
    atomic_fetch_add(&s->connections, 1);
}

static void
on_message(void *ctx, const char *p, size_t n)
{
    void **both = ctx;
    struct syslog_conn *c = both[1];

    syslog_batch_add(both[0], c->peer, p, n);
}

void
syslog_conn_close(struct syslog_server *s, struct syslog_conn *c)
{
    void *both[2] = { s, c };

    syslog_frames_end(&c->frames, on_message, both);
    syslog_frames_release(&c->frames);
    if (c->ssl != NULL && !c->handshaking)
        SSL_shutdown(c->ssl);
    SSL_free(c->ssl);
    close(c->fd);
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    atomic_fetch_sub(&s->connections, 1);
    free(c);
}

void
syslog_conns_sweep(struct syslog_server *s, const struct syslog_listener *from)
{
    const struct conf_syslog *conf = &s->c->syslog;
    int64_t now = clock_mono_ms();

    for (struct syslog_conn *c = s->conns, *next; c != NULL; c = next) {
        int64_t limit = c->handshaking ? SYSLOG_HANDSHAKE_MS : conf->idle_timeout_ms;

        next = c->next;
        if (from != NULL ? c->from == from
                         : (limit > 0 && now - c->heard_ms > limit) || !syslog_allowed(conf, c->peer)) {
            log_debug("syslog", s->name, "the connection of '%s' is closed", c->peer);
            syslog_conn_close(s, c);
        }
    }
}

/* --- bytes ------------------------------------------------------------------------------------- */

static enum syslog_io
read_plain(struct syslog_conn *c, char *out, size_t size, size_t *n_r, char *why, size_t why_size)
{
    ssize_t n = read(c->fd, out, size);

    if (n > 0) {
        *n_r = (size_t)n;
        return IO_DATA;
    }
    if (n == 0)
        return IO_END;
    if (errno == EAGAIN || errno == EINTR)
        return IO_AGAIN_READ;
    snprintf(why, why_size, "%s", err_errno(errno));
    return IO_FAILED;
}

/* TLS may have to write before it can read. */
static void
await(struct syslog_server *s, struct syslog_conn *c, bool write)
{
    if (c->wants_write != write && syslog_server_watch(s, EPOLL_CTL_MOD, c->fd, write ? EPOLLOUT : EPOLLIN, &c->source))
        c->wants_write = write;
}

static enum syslog_io
handshake(struct syslog_server *s, struct syslog_conn *c, char *why, size_t size)
{
    const struct conf_syslog *conf = &s->c->syslog;
    enum syslog_io io = syslog_tls_accept(c->ssl, why, size);

    if (io != IO_DATA)
        return io;
    if (!syslog_tls_name_fits(c->ssl, (const char *const *)conf->subjects, conf->n_subjects)) {
        snprintf(why, size, "no name in the client's certificate fits 'client_cert'");
        return IO_FAILED;
    }
    c->handshaking = false;
    c->heard_ms = clock_mono_ms();
    await(s, c, false);
    return IO_DATA;
}

/* One read's worth.  Fails also when the bytes are no frames. */
static enum syslog_io
read_some(struct syslog_server *s, struct syslog_conn *c, char *why, size_t size)
{
    void *both[2] = { s, c };
    char bytes[SYSLOG_READ];
    size_t n = 0;
    bool ok;
    enum syslog_io io = c->ssl != NULL ? syslog_tls_read(c->ssl, bytes, sizeof bytes, &n, why, size)
                                       : read_plain(c, bytes, sizeof bytes, &n, why, size);

    if (io != IO_DATA)
        return io;
    c->heard_ms = clock_mono_ms();
    ok = syslog_frames_feed(&c->frames, bytes, n, on_message, both);
    atomic_fetch_add(&s->cut, c->frames.cut);
    c->frames.cut = 0;
    if (ok)
        return IO_DATA;
    snprintf(why, size, "what follows a message is not the length of the next one");
    atomic_fetch_add(&s->refused, 1);
    return IO_FAILED;
}

void
syslog_conn_read(struct syslog_server *s, struct syslog_conn *c)
{
    char why[256] = "";
    bool greeting = c->handshaking;
    enum syslog_io io = greeting ? handshake(s, c, why, sizeof why) : read_some(s, c, why, sizeof why);

    switch (io) {
    case IO_DATA:
        return;
    case IO_AGAIN_READ:
    case IO_AGAIN_WRITE:
        await(s, c, io == IO_AGAIN_WRITE);
        return;
    case IO_FAILED:
        atomic_fetch_add(&s->turned_away, greeting);
        syslog_server_trouble(s, &s->tls_trouble, "the connection of '%s' ended: %s", c->peer, why);
        break;
    case IO_END:
        break;
    }
    syslog_conn_close(s, c);
}
