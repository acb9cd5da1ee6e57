/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page - from the POST of an alert until the bytes of its page reach the vendor.
 *
 *   page PORT PATH SINK_PORT RATE SECONDS
 *
 * Posts RATE alerts a second, each a new problem with a word of its own in its
 * name, and at the same time is the vendor on SINK_PORT: a request that holds
 * the word is its page.  The times of both are of one clock.  Prints one line
 * of JSON with the percentiles in microseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_MAX = 262144, CONNS = 4096, DRAIN_MS = 10000 };

struct conn { int fd; char *in; size_t n; int64_t first_us; };

static _Atomic int64_t *sent_us, *paged_us;
static atomic_long n_paged;
static long total;
static atomic_bool over;
static struct conn conns[CONNS];

static int64_t
now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
die(const char *what)
{
    fprintf(stderr, "page: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* --- the vendor ---------------------------------------------------------------------------- */

/* Every word in the body that is one of ours; one page may hold it several times. */
static void
find_words(const char *body, size_t n, int64_t at)
{
    const char *p = body, *end = body + n;

    while ((p = memmem(p, (size_t)(end - p), "pgword", 6)) != NULL) {
        long i = strtol(p + 6, NULL, 10);

        if (i >= 0 && i < total) {
            int64_t none = 0;

            if (atomic_compare_exchange_strong(&paged_us[i], &none, at))
                atomic_fetch_add(&n_paged, 1);
        }
        p += 6;
    }
}

static void
answer(int fd)
{
    static const char body[] = "{\"status\":\"success\",\"message\":\"Event processed\"}";
    char text[300];
    int n = snprintf(text, sizeof text, "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n%s", sizeof body - 1, body);

    if (send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
        fprintf(stderr, "page: cannot answer: %s\n", strerror(errno));
}

/* Take complete requests out of what has arrived. */
static void
take_requests(struct conn *c)
{
    for (;;) {
        const char *end = memmem(c->in, c->n, "\r\n\r\n", 4), *len;
        size_t head, body;

        if (end == NULL)
            return;
        head = (size_t)(end - c->in) + 4;
        c->in[c->n] = '\0';
        len = strcasestr(c->in, "\ncontent-length:");
        body = len != NULL && len < end ? strtoul(len + 16, NULL, 10) : 0;
        if (c->n < head + body)
            return;
        find_words(c->in + head, body, c->first_us);
        answer(c->fd);
        memmove(c->in, c->in + head + body, c->n - head - body);
        c->n -= head + body;
        c->first_us = now_us();
    }
}

static void
accept_one(int listen_fd, int ep)
{
    int fd = accept(listen_fd, NULL, NULL);

    for (size_t i = 0; fd >= 0 && i < CONNS; i++) {
        struct epoll_event ev = { .events = EPOLLIN, .data.u64 = i };

        if (conns[i].in != NULL)
            continue;
        conns[i] = (struct conn){ .fd = fd, .in = malloc(REQUEST_MAX + 1) };
        if (conns[i].in == NULL || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) != 0)
            die("cannot take a connection");
        return;
    }
    close(fd);
}

static void
read_one(struct conn *c)
{
    ssize_t r = recv(c->fd, c->in + c->n, REQUEST_MAX - c->n, 0);

    if (r <= 0) {
        close(c->fd);
        free(c->in);
        *c = (struct conn){ 0 };
        return;
    }
    if (c->n == 0)
        c->first_us = now_us();
    c->n += (size_t)r;
    take_requests(c);
}

static void *
vendor_main(void *arg)
{
    int listen_fd = *(int *)arg, ep = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event ev = { .events = EPOLLIN, .data.u64 = CONNS };

    if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, listen_fd, &ev) != 0)
        die("cannot watch the listener");
    while (!atomic_load(&over)) {
        struct epoll_event got[64];
        int n = epoll_wait(ep, got, 64, 100);

        for (int i = 0; i < n; i++) {
            if (got[i].data.u64 == CONNS)
                accept_one(listen_fd, ep);
            else
                read_one(&conns[got[i].data.u64]);
        }
    }
    close(ep);
    return NULL;
}

/* --- the sender ------------------------------------------------------------------------------- */

static struct sockaddr_in
loopback(long port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void
post(int fd, long port, const char *path, long i)
{
    char body[800], text[1400];
    int n = snprintf(body, sizeof body, "[{\"labels\":{\"alertname\":\"pgword%ld\",\"severity\":\"critical\","
                     "\"job\":\"node\","
                     "\"instance\":\"node-%ld:9100\"},\"annotations\":{\"summary\":\"pgword%ld is down\"},"
                     "\"generatorURL\":\"http://prometheus.example/graph\"}]", i, i, i);
    int all = snprintf(text, sizeof text, "POST %s HTTP/1.1\r\nHost: localhost:%ld\r\n"
                       "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, port, n, body);

    atomic_store(&sent_us[i], now_us());
    if (send(fd, text, (size_t)all, MSG_NOSIGNAL) != all)
        die("cannot send");
}

/* One answer; its text does not matter, but it must be a success. */
static void
read_answer(int fd)
{
    char in[65536];
    size_t n = 0;

    for (;;) {
        ssize_t r = recv(fd, in + n, sizeof in - 1 - n, 0);
        const char *end, *len;

        if (r <= 0)
            die("connection lost");
        n += (size_t)r;
        in[n] = '\0';
        end = strstr(in, "\r\n\r\n");
        if (end == NULL)
            continue;
        if (in[9] != '2') {
            fprintf(stderr, "page: answer: %.300s\n", in);
            exit(1);
        }
        len = strcasestr(in, "\ncontent-length:");
        if (n >= (size_t)(end - in) + 4 + (len != NULL && len < end ? strtoul(len + 16, NULL, 10) : 0))
            return;
    }
}

static void
send_all(long port, const char *path, long rate)
{
    struct sockaddr_in a = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int64_t begin;

    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
        die("cannot connect");
    begin = now_us();
    for (long i = 0; i < total; i++) {
        int64_t due = begin + i * 1000000 / rate, now = now_us();

        if (due > now)
            usleep((useconds_t)(due - now));
        post(fd, port, path, i);
        read_answer(fd);
    }
    close(fd);
}

static int
by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static void
report(void)
{
    int64_t *us = calloc((size_t)total, sizeof *us);
    long n = 0;

    if (us == NULL)
        die("cannot report");
    for (long i = 0; i < total; i++) {
        if (atomic_load(&paged_us[i]) > 0)
            us[n++] = atomic_load(&paged_us[i]) - atomic_load(&sent_us[i]);
    }
    qsort(us, (size_t)n, sizeof *us, by_value);
    printf("{\"sent\": %ld, \"paged\": %ld, \"p50_us\": %lld, \"p90_us\": %lld, \"p99_us\": %lld, \"max_us\": %lld}\n",
           total, n, (long long)(n > 0 ? us[n / 2] : 0), (long long)(n > 0 ? us[n * 9 / 10] : 0),
           (long long)(n > 0 ? us[n * 99 / 100] : 0), (long long)(n > 0 ? us[n - 1] : 0));
    free(us);
}

int
main(int argc, char **argv)
{
    struct sockaddr_in a;
    int listen_fd, on = 1;
    pthread_t vendor;

    if (argc != 6) {
        fprintf(stderr, "usage: page PORT PATH SINK_PORT RATE SECONDS\n");
        return 2;
    }
    total = strtol(argv[4], NULL, 10) * strtol(argv[5], NULL, 10);
    a = loopback(strtol(argv[3], NULL, 10));
    sent_us = calloc((size_t)total, sizeof *sent_us);
    paged_us = calloc((size_t)total, sizeof *paged_us);
    listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sent_us == NULL || paged_us == NULL || listen_fd < 0 ||
        setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(listen_fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(listen_fd, 256) != 0)
        die("cannot listen");
    if (pthread_create(&vendor, NULL, vendor_main, &listen_fd) != 0)
        die("cannot start the vendor");
    send_all(strtol(argv[1], NULL, 10), argv[2], strtol(argv[4], NULL, 10));
    for (int i = 0; i < DRAIN_MS / 10 && atomic_load(&n_paged) < total; i++)
        usleep(10000);
    atomic_store(&over, true);
    pthread_join(vendor, NULL);
    report();
    return 0;
}
