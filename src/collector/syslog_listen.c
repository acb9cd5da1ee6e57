/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syslog_listen.c - the sockets of a syslog collector, and datagrams.
 *
 * A socket is known by how it is written in the configuration: a reload closes
 * those that are gone, opens those that are new, and leaves the others, with
 * their connections, alone.  One that cannot be opened is tried again at every
 * tick.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "collector/syslog_server.h"
#include "http/http.h"

enum { DATAGRAMS = 32, DATAGRAM_MAX = 65536, UDP_BUFFER = 8 << 20, ACCEPTS = 64 };

/* --- addresses ----------------------------------------------------------------------------- */

void
syslog_peer(const struct sockaddr_storage *ss, char out[INET6_ADDRSTRLEN])
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)ss;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)ss;

    out[0] = '\0';
    if (ss->ss_family == AF_INET)
        inet_ntop(AF_INET, &v4->sin_addr, out, INET6_ADDRSTRLEN);
    else if (ss->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, out, INET6_ADDRSTRLEN);
    else if (ss->ss_family == AF_INET6)
        inet_ntop(AF_INET6, &v6->sin6_addr, out, INET6_ADDRSTRLEN);
}

bool
syslog_allowed(const struct conf_syslog *conf, const char *peer)
{
    for (size_t i = 0; i < conf->n_allow; i++)
        if (http_address_in(peer, conf->allow[i]))
            return true;
    return conf->n_allow == 0;
}

static socklen_t
address_of(const struct conf_listen *at, struct sockaddr_storage *ss)
{
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)ss;
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)ss;

    *ss = (struct sockaddr_storage){ 0 };
    if (inet_pton(AF_INET, at->host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(at->port);
        return sizeof *v4;
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(at->port);
    return inet_pton(AF_INET6, at->host, &v6->sin6_addr) == 1 ? sizeof *v6 : 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* Bursts wait in the kernel while a turn is committed.  What it does not grant it cuts down by itself. */
static bool
set_up_udp(int fd)
{
    int size = UDP_BUFFER, yes = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) != 0)
        return false;
    return setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &yes, sizeof yes) == 0;
}

static int
open_socket(const struct conf_listen *at)
{
    struct sockaddr_storage ss;
    socklen_t n = address_of(at, &ss);
    bool udp = at->transport == LISTEN_UDP;
    int fd = socket(ss.ss_family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int yes = 1, no = 0, saved;
    bool ok = fd >= 0;

    if (ok && ss.ss_family == AF_INET6)
        ok = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) == 0;
    if (ok)
        ok = udp ? set_up_udp(fd) : setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0;
    if (ok && bind(fd, (struct sockaddr *)&ss, n) == 0 && (udp || listen(fd, SOMAXCONN) == 0))
        return fd;
    saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return -1;
}

static bool
open_listener(struct syslog_server *s, const struct conf_listen *at)
{
    struct syslog_listener *l;
    int fd = open_socket(at);

    if (fd < 0) {
        syslog_server_trouble(s, &s->trouble, "cannot listen on '%s': %s", at->text, err_errno(errno));
        return false;
    }
    l = xcalloc(1, sizeof *l);
    l->source.kind = at->transport == LISTEN_UDP ? SOURCE_UDP : SOURCE_LISTEN;
    l->tls = at->transport == LISTEN_TLS;
    l->fd = fd;
    if (!syslog_server_watch(s, EPOLL_CTL_ADD, fd, EPOLLIN, &l->source)) {
        close(fd);
        free(l);
        return false;
    }
    l->text = xstrdup(at->text);
    l->next = s->listeners;
    s->listeners = l;
    if (l->source.kind == SOURCE_UDP && s->datagrams == NULL)
        s->datagrams = xmalloc((size_t)DATAGRAMS * DATAGRAM_MAX);
    log_info("syslog", s->name, "listening on '%s'", at->text);
    return true;
}

static void
close_listener(struct syslog_server *s, struct syslog_listener *l)
{
    syslog_conns_sweep(s, l);
    close(l->fd);
    free(l->text);
    free(l);
}

static const struct conf_listen *
configured(const struct conf_syslog *conf, const char *text)
{
    for (size_t i = 0; i < conf->n_listen; i++)
        if (strcmp(conf->at[i].text, text) == 0)
            return &conf->at[i];
    return NULL;
}

static bool
is_open(const struct syslog_server *s, const char *text)
{
    for (const struct syslog_listener *l = s->listeners; l != NULL; l = l->next)
        if (strcmp(l->text, text) == 0)
            return true;
    return false;
}

bool
syslog_listeners_apply(struct syslog_server *s)
{
    const struct conf_syslog *conf = &s->c->syslog;
    bool all = true;

    for (struct syslog_listener **at = &s->listeners; *at != NULL;) {
        struct syslog_listener *l = *at;

        if (configured(conf, l->text) != NULL) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        log_info("syslog", s->name, "not listening on '%s' any more", l->text);
        close_listener(s, l);
    }
    for (size_t i = 0; i < conf->n_listen; i++) {
        bool ready = conf->at[i].transport != LISTEN_TLS || s->tls != NULL;

        all &= is_open(s, conf->at[i].text) || (ready && open_listener(s, &conf->at[i]));
    }
    if (all && s->trouble.active)
        complaint_over(&s->trouble, "syslog", s->name, "listening on all that is configured");
    return all;
}

void
syslog_listeners_close(struct syslog_server *s)
{
    while (s->listeners != NULL) {
        struct syslog_listener *l = s->listeners;

        s->listeners = l->next;
        close_listener(s, l);
    }
}

/* --- datagrams ----------------------------------------------------------------------------------- */

/* What the kernel had no room for since the socket was opened. */
static void
count_dropped(struct syslog_server *s, struct syslog_listener *l, struct msghdr *h)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
        uint32_t now;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
            continue;
        memcpy(&now, CMSG_DATA(c), sizeof now);
        if (now != l->dropped)
            atomic_fetch_add(&s->dropped, (uint32_t)(now - l->dropped));
        l->dropped = now;
    }
}

static void
take_datagram(struct syslog_server *s, const struct sockaddr_storage *from, const char *p, size_t n)
{
    const struct conf_syslog *conf = &s->c->syslog;
    char peer[INET6_ADDRSTRLEN];

    syslog_peer(from, peer);
    if (!syslog_allowed(conf, peer)) {
        atomic_fetch_add(&s->turned_away, 1);
        return;
    }
    if (n > (size_t)conf->line_max) {
        atomic_fetch_add(&s->cut, 1);
        n = (size_t)conf->line_max;
    }
    if (n > 0)
        syslog_batch_add(s, peer, p, n);
}

void
syslog_udp_read(struct syslog_server *s, struct syslog_listener *l)
{
    struct mmsghdr list[DATAGRAMS];
    struct sockaddr_storage from[DATAGRAMS];
    struct iovec parts[DATAGRAMS];
    union { char bytes[CMSG_SPACE(sizeof(uint32_t))]; struct cmsghdr align; } control[DATAGRAMS];
    int n;

    memset(list, 0, sizeof list);
    for (size_t i = 0; i < DATAGRAMS; i++) {
        parts[i] = (struct iovec){ s->datagrams + i * DATAGRAM_MAX, DATAGRAM_MAX };
        list[i].msg_hdr = (struct msghdr){ .msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &parts[i],
                                           .msg_iovlen = 1, .msg_control = control[i].bytes,
                                           .msg_controllen = sizeof control[i].bytes };
    }
    n = recvmmsg(l->fd, list, DATAGRAMS, MSG_DONTWAIT, NULL);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        syslog_server_trouble(s, &s->trouble, "cannot read from '%s': %s", l->text, err_errno(errno));
    for (int i = 0; i < n; i++) {
        count_dropped(s, l, &list[i].msg_hdr);
        take_datagram(s, &from[i], parts[i].iov_base, list[i].msg_len);
    }
}

/* --- streams ---------------------------------------------------------------------------------------- */

/* Without file descriptors accept() fails at once and for ever: then it waits for the next tick. */
static void
accept_failed(struct syslog_server *s, struct syslog_listener *l, int no)
{
    if (no == EAGAIN || no == EINTR || no == ECONNABORTED || no == EPROTO)
        return;
    syslog_server_trouble(s, &s->full_trouble, "cannot accept connections on '%s': %s", l->text, err_errno(no));
    l->paused = syslog_server_watch(s, EPOLL_CTL_MOD, l->fd, 0, &l->source);
}

void
syslog_listener_resume(struct syslog_server *s, struct syslog_listener *l)
{
    if (l->paused && syslog_server_watch(s, EPOLL_CTL_MOD, l->fd, EPOLLIN, &l->source))
        l->paused = false;
}

static size_t
connections_of(const struct syslog_server *s, const char *peer)
{
    size_t n = 0;

    for (const struct syslog_conn *c = s->conns; c != NULL; c = c->next)
        n += strcmp(c->peer, peer) == 0;
    return n;
}

/* Words for why it may not come in; NULL: it may. */
static const char *
turned_away(struct syslog_server *s, const char *peer)
{
    const struct conf_syslog *conf = &s->c->syslog;

    if (!syslog_allowed(conf, peer))
        return "its address may not use this collector";
    if ((int64_t)atomic_load(&s->connections) >= conf->connections_max)
        return "there are 'connections_max' connections";
    if ((int64_t)connections_of(s, peer) >= conf->per_ip_max)
        return "its address has 'per_ip_max' connections";
    return NULL;
}

void
syslog_accept(struct syslog_server *s, struct syslog_listener *l)
{
    for (int i = 0; i < ACCEPTS; i++) {
        struct sockaddr_storage from = { 0 };
        socklen_t n = sizeof from;
        char peer[INET6_ADDRSTRLEN];
        const char *why;
        int fd = accept4(l->fd, (struct sockaddr *)&from, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0) {
            accept_failed(s, l, errno);
            return;
        }
        syslog_peer(&from, peer);
        why = turned_away(s, peer);
        if (why == NULL) {
            syslog_conn_open(s, l, fd, peer);
            continue;
        }
        close(fd);
        atomic_fetch_add(&s->turned_away, 1);
        syslog_server_trouble(s, &s->full_trouble, "a connection of '%s' is refused: %s", peer, why);
    }
}
