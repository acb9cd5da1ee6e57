/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.c - the listening socket, made here so that its errors have words.
 *
 * "127.0.0.1:9096", "[::1]:9096", "host:9096", ":9096" and "[::]:9096" (both
 * families).  Port 0 takes a free one.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "http/internal.h"
#include "os/log.h"

/* host becomes "" for every address. */
static bool
split(const char *address, char host[256], char port[8])
{
    const char *colon = strrchr(address, ':');
    size_t n = colon != NULL ? (size_t)(colon - address) : 0;
    char *end;
    unsigned long number;

    if (colon == NULL || n >= 256 || colon[1] < '0' || colon[1] > '9')
        return false;
    number = strtoul(colon + 1, &end, 10);
    if (*end != '\0' || number > 65535)
        return false;
    snprintf(port, 8, "%lu", number);
    if (n >= 2 && address[0] == '[' && address[n - 1] == ']') {
        address++;
        n -= 2;
    } else if (memchr(address, ':', n) != NULL) {
        return false;              /* an IPv6 address needs its brackets */
    }
    memcpy(host, address, n);
    host[n] = '\0';
    return true;
}

static int
open_one(const struct addrinfo *ai)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int yes = 1, no = 0, saved;

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        (ai->ai_family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) == 0) &&
        bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static uint16_t
port_of(int fd)
{
    struct sockaddr_storage ss = { 0 };
    socklen_t n = sizeof ss;

    if (getsockname(fd, (struct sockaddr *)&ss, &n) != 0)
        return 0;
    if (ss.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)(void *)&ss)->sin6_port);
    return ntohs(((struct sockaddr_in *)(void *)&ss)->sin_port);
}

enum tocsin_rc
http_listen(const char *address, int *fd_r, uint16_t *port_r, struct tocsin_err *err)
{
    struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM }, *list = NULL;
    char host[256], port[8];
    int fd = -1, rc;

    if (!split(address, host, port))
        return err_set(err, TOCSIN_BAD_CONFIG, "", "cannot listen on '%s': expected address:port, such as "
                       "127.0.0.1:9096 or [::1]:9096", address);
    if (host[0] == '\0')
        hints.ai_family = AF_INET6;
    rc = getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &list);
    if (rc != 0)
        return err_set(err, TOCSIN_BAD_CONFIG, "", "cannot listen on '%s': %s", address, gai_strerror(rc));
    for (const struct addrinfo *ai = list; ai != NULL && fd < 0; ai = ai->ai_next)
        fd = open_one(ai);
    freeaddrinfo(list);
    if (fd < 0)
        return err_sys(err, TOCSIN_TEMPORARY, "", "cannot listen on '%s'", address);
    *fd_r = fd;
    *port_r = port_of(fd);
    return TOCSIN_OK;
}

void
http_raise_file_limit(int64_t connections)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            log_warn("http", "", "cannot raise the limit of open files: %s", err_errno(errno));
    }
    if (limit.rlim_cur != RLIM_INFINITY && (int64_t)limit.rlim_cur < connections + 128)
        log_warn("http", "", "%lld connections are allowed, but only %llu open files: raise the limit (LimitNOFILE)",
                 (long long)connections, (unsigned long long)limit.rlim_cur);
}
