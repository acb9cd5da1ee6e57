/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn.c - connections: who they are, how many one address may have, and until
 * when each must have got on.
 *
 * The library only knows a time-out of inactivity, which a sender of one byte
 * a second never meets.  So each connection carries a deadline, pushed on by
 * progress, and the watcher shuts down those that have passed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/xalloc.h"
#include "http/internal.h"
#include "os/clock.h"

/* An address that has connections.  An IPv6 network of 64 bits counts as one address: one host has all of it. */
struct ip_use {
    unsigned char key[16];
    int64_t n;
    UT_hash_handle hh;
};

static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static bool
is_v4(const struct in6_addr *a)
{
    return memcmp(a->s6_addr, mapped, sizeof mapped) == 0;
}

static struct in6_addr
addr_from(const struct sockaddr *sa)
{
    struct in6_addr a = { 0 };

    if (sa->sa_family == AF_INET6) {
        a = ((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
    } else if (sa->sa_family == AF_INET) {
        memcpy(a.s6_addr, mapped, sizeof mapped);
        memcpy(a.s6_addr + 12, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
    }
    return a;
}

static void
ip_key(const struct in6_addr *a, unsigned char key[16])
{
    memset(key, 0, 16);
    memcpy(key, a->s6_addr, is_v4(a) ? 16 : 8);
}

static struct ip_use *
ip_find(struct http_server *s, const unsigned char key[16])
{
    struct ip_use *u;

    HASH_FIND(hh, s->ips, key, 16, u);
    return u;
}

enum MHD_Result
conn_accept(void *server, const struct sockaddr *sa, socklen_t len)
{
    struct http_server *s = server;
    struct in6_addr a = addr_from(sa);
    unsigned char key[16];
    struct ip_use *u;
    bool welcome;

    (void)len;
    ip_key(&a, key);
    pthread_mutex_lock(&s->lock);
    u = ip_find(s, key);
    welcome = s->opt.per_ip_max <= 0 || u == NULL || u->n < s->opt.per_ip_max;
    pthread_mutex_unlock(&s->lock);
    if (!welcome || atomic_load(&s->quiesced)) {
        atomic_fetch_add(&s->n_refused_connections, 1);
        return MHD_NO;
    }
    return MHD_YES;
}

static void
name_peer(struct conn *c)
{
    if (is_v4(&c->addr))
        inet_ntop(AF_INET, c->addr.s6_addr + 12, c->peer, sizeof c->peer);
    else
        inet_ntop(AF_INET6, &c->addr, c->peer, sizeof c->peer);
}

static void
conn_open(struct http_server *s, struct MHD_Connection *mhd, void **socket_ctx)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *who = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct conn *c = xcalloc(1, sizeof *c);
    unsigned char key[16];

    c->server = s;
    c->fd = info->connect_fd;
    c->addr = addr_from(who->client_addr);
    name_peer(c);
    atomic_init(&c->deadline, clock_mono_ms() + s->opt.header_timeout_ms);
    *socket_ctx = c;
    http_tls_greet(s->tls, mhd);
    ip_key(&c->addr, key);

    pthread_mutex_lock(&s->lock);
    c->ip = ip_find(s, key);
    if (c->ip == NULL) {
        c->ip = xcalloc(1, sizeof *c->ip);
        memcpy(c->ip->key, key, sizeof key);
        HASH_ADD(hh, s->ips, key, sizeof key, c->ip);
    }
    c->ip->n++;
    c->next = s->conns;
    if (s->conns != NULL)
        s->conns->prev = c;
    else
        pthread_cond_broadcast(&s->changed);   /* the watcher sleeps while there is nothing to watch */
    s->conns = c;
    pthread_mutex_unlock(&s->lock);
    atomic_fetch_add(&s->n_connections, 1);
}

static void
conn_close(struct http_server *s, struct conn *c)
{
    pthread_mutex_lock(&s->lock);
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    if (--c->ip->n == 0) {
        HASH_DEL(s->ips, c->ip);
        free(c->ip);
    }
    if (atomic_load(&c->linger))
        watcher_add_linger(s, fcntl(c->fd, F_DUPFD_CLOEXEC, 0));
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < c->n_names; i++)
        free(c->names[i]);
    free(c->names);
    free(c);
}

void
conn_notify(void *server, struct MHD_Connection *mhd, void **socket_ctx, enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        conn_open(server, mhd, socket_ctx);
    else if (*socket_ctx != NULL)
        conn_close(server, *socket_ctx);
}

struct conn *
conn_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

bool
conn_set_deadline(struct conn *c, int64_t deadline)
{
    int64_t was = atomic_load(&c->deadline);

    while (was != DEADLINE_PASSED)
        if (atomic_compare_exchange_weak(&c->deadline, &was, deadline))
            return true;
    return false;
}

/* --- addresses ----------------------------------------------------------------- */

bool
addr_is_loopback(const struct in6_addr *a)
{
    return is_v4(a) ? a->s6_addr[12] == 127 : IN6_IS_ADDR_LOOPBACK(a);
}

/* "10.0.0.0/8", "2001:db8::/32", or an address alone.  bits counts from the start of the mapped form. */
static bool
parse_cidr(const char *cidr, struct in6_addr *net, unsigned long *bits)
{
    const char *slash = strchr(cidr, '/');
    size_t n = slash != NULL ? (size_t)(slash - cidr) : strlen(cidr);
    unsigned long most, offset = 0;
    char text[INET6_ADDRSTRLEN], *end;

    if (n >= sizeof text)
        return false;
    memcpy(text, cidr, n);
    text[n] = '\0';
    if (inet_pton(AF_INET6, text, net) != 1) {
        memcpy(net->s6_addr, mapped, sizeof mapped);
        if (inet_pton(AF_INET, text, net->s6_addr + 12) != 1)
            return false;
        offset = 96;
    }
    most = 128 - offset;
    *bits = most;
    if (slash != NULL) {
        if (slash[1] < '0' || slash[1] > '9')
            return false;
        *bits = strtoul(slash + 1, &end, 10);
        if (*end != '\0' || *bits > most)
            return false;
    }
    *bits += offset;
    return true;
}

bool
addr_in(const struct in6_addr *a, const char *cidr)
{
    struct in6_addr net;
    unsigned long bits;
    unsigned rest;

    if (!parse_cidr(cidr, &net, &bits) || memcmp(a->s6_addr, net.s6_addr, bits / 8) != 0)
        return false;
    rest = (unsigned)(bits % 8);
    return rest == 0 || ((unsigned)(a->s6_addr[bits / 8] ^ net.s6_addr[bits / 8]) >> (8 - rest)) == 0;
}

bool
http_address_in(const char *address, const char *cidr)
{
    struct in6_addr a;
    unsigned long bits;

    return parse_cidr(address, &a, &bits) && bits == 128 && addr_in(&a, cidr);
}
