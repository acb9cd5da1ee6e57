/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load - POSTs alerts over keep-alive connections, each connection waiting for
 * its answer before it sends again, and counts.
 *
 *   load PORT PATH [name=value ...]
 *     connections=16   open at once
 *     seconds=5        how long; 0: until requests are sent
 *     requests=0       how many in all; 0: until the time is over
 *     batch=1          alerts in a request
 *     distinct=1000    different alerts, in turn
 *     first=0          number of the first one
 *     rate=0           requests a second over all connections; 0: as fast as answers come
 *     severity=warning of every alert; info is paged to nobody
 *     id=bench         value of a label: another id, other alerts
 *     logs=0           1: lines of a log instead, as log shippers post them; batch is how many in a request
 *
 * The alerts are as Prometheus posts them: an array of labels and annotations.
 * Prints one line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ALERT_MAX = 1024, ANSWER_MAX = 65536, SAMPLES = 1 << 20 };

struct options {
    long port, connections, seconds, requests, batch, distinct, first, rate, logs;
    char path[200], severity[20], id[40];
};

struct conn {
    int fd;
    bool busy;
    char *out; size_t out_n, out_at;
    char *in; size_t in_n;
    int64_t sent_us;
};

static struct options opt = { .connections = 16, .seconds = 5, .batch = 1, .distinct = 1000, .severity = "warning",
                              .id = "bench" };
static struct {
    int64_t sent, ok, failed, dropped;
    uint32_t *us; size_t n_us;
    long next;                     /* alert */
} run;

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
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* --- requests ------------------------------------------------------------------------- */

static int
put_alert(char *p, size_t size, long i)
{
    return snprintf(p, size,
        "{\"labels\":{\"alertname\":\"HostDown%ld\",\"instance\":\"node-%06ld.example:9100\",\"job\":\"node\","
        "\"cluster\":\"c%ld\",\"severity\":\"%s\",\"run\":\"%s\"},\"annotations\":{\"summary\":\"node-%06ld has not "
        "answered for 5 minutes\",\"description\":\"The node exporter of node-%06ld.example in cluster c%ld cannot be "
        "scraped; the host may be down or cut off.\",\"runbook_url\":\"https://runbooks.example/host-down\"},"
        "\"generatorURL\":\"http://prometheus.example/graph?g0.expr=up%%3D%%3D0\"}",
        i, i, i % 50, opt.severity, opt.id, i, i, i % 50);
}

static int
put_line(char *p, size_t size, long i)
{
    return snprintf(p, size,
        "{\"date\":1700000000.5,\"log\":\"10.0.%ld.%ld - - GET /item/%ld.html 200 %ld ms\",\"host\":\"web-%ld\","
        "\"level\":\"info\",\"kubernetes\":{\"namespace_name\":\"shop\",\"container_name\":\"nginx\"}}",
        i / 250 % 250, i % 250, i, i % 900, i % 50);
}

static void
make_request(struct conn *c)
{
    char *body = c->out + 400, head[400];
    size_t n = 0;
    int h;

    body[n++] = '[';
    for (long k = 0; k < opt.batch; k++) {
        if (k > 0)
            body[n++] = ',';
        n += (size_t)(opt.logs != 0 ? put_line : put_alert)(body + n, ALERT_MAX, opt.first + run.next);
        run.next = (run.next + 1) % opt.distinct;
    }
    body[n++] = ']';
    h = snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: localhost:%ld\r\nContent-Type: application/json\r\n"
                 "Content-Length: %zu\r\n\r\n", opt.path, opt.port, n);
    c->out_at = 400 - (size_t)h;   /* the head right before the body */
    memcpy(c->out + c->out_at, head, (size_t)h);
    c->out_n = 400 + n;
    c->in_n = 0;
    c->busy = true;
    c->sent_us = now_us();
    run.sent++;
}

/* --- answers --------------------------------------------------------------------------- */

/* Length of the answer in n bytes, 0 when it is not complete, and its status. */
static size_t
complete(const char *in, size_t n, int *status)
{
    const char *end = memmem(in, n, "\r\n\r\n", 4), *len;
    size_t head, body = 0;

    if (end == NULL || n < 12)
        return 0;
    head = (size_t)(end - in) + 4;
    *status = (int)strtol(in + 9, NULL, 10);
    len = strcasestr(in, "\ncontent-length:");
    if (len != NULL && len < end)
        body = strtoul(len + 16, NULL, 10);
    return n >= head + body ? head + body : 0;
}

static void
answered(struct conn *c, int status)
{
    int64_t us = now_us() - c->sent_us;

    if (status / 100 == 2)
        run.ok++;
    else
        run.failed++;
    if (run.n_us < SAMPLES)
        run.us[run.n_us++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
    c->busy = false;
}

/* --- connections ------------------------------------------------------------------------ */

static void
open_conn(struct conn *c, int ep)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof a) != 0)
        die("cannot connect");
    if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev) != 0)
        die("cannot watch a connection");
    c->busy = false;
}

static void
drop(struct conn *c, int ep)
{
    run.dropped++;
    close(c->fd);
    open_conn(c, ep);
}

/* The socket blocks: bodies are small against its buffer. */
static void
send_request(struct conn *c, int ep)
{
    make_request(c);
    while (c->out_at < c->out_n) {
        ssize_t w = send(c->fd, c->out + c->out_at, c->out_n - c->out_at, MSG_NOSIGNAL);

        if (w <= 0) {
            drop(c, ep);
            return;
        }
        c->out_at += (size_t)w;
    }
}

static void
receive(struct conn *c, int ep)
{
    ssize_t r = recv(c->fd, c->in + c->in_n, ANSWER_MAX - 1 - c->in_n, 0);
    int status = 0;

    if (r <= 0) {
        drop(c, ep);
        return;
    }
    c->in_n += (size_t)r;
    c->in[c->in_n] = '\0';
    if (c->busy && complete(c->in, c->in_n, &status) > 0)
        answered(c, status);
    else if (c->in_n == ANSWER_MAX - 1)
        drop(c, ep);
}

/* --- the run ------------------------------------------------------------------------------ */

static bool
may_send(int64_t begin, int64_t now)
{
    if (opt.requests > 0 && run.sent >= opt.requests)
        return false;
    if (opt.seconds > 0 && now - begin >= opt.seconds * 1000000)
        return false;
    return opt.rate == 0 || run.sent * 1000000 <= (now - begin) * opt.rate;
}

static double
go(struct conn *conns, int ep)
{
    int64_t begin = now_us(), now = begin, last_answer = begin;
    long free_at = 0;

    for (;;) {
        struct epoll_event ev[256];
        long busy = 0;
        int n;

        now = now_us();
        for (long i = 0; i < opt.connections; i++) {
            struct conn *c = &conns[(free_at + i) % opt.connections];

            if (!c->busy && may_send(begin, now))
                send_request(c, ep);
            busy += c->busy;
        }
        free_at++;
        if (busy == 0 && !may_send(begin, now) && (opt.rate == 0 || now - begin >= opt.seconds * 1000000))
            break;
        if (busy > 0 && now - last_answer > 20000000)
            break;                                   /* nothing for 20 s: those are failures */
        n = epoll_wait(ep, ev, 256, opt.rate > 0 ? 1 : 1000);
        for (int i = 0; i < n; i++)
            receive(ev[i].data.ptr, ep);
        if (n > 0)
            last_answer = now_us();
    }
    return (double)(now - begin) / 1e6;
}

static int
by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static void
report(double seconds)
{
    size_t n = run.n_us;

    qsort(run.us, n, sizeof *run.us, by_value);
    printf("{\"requests\": %lld, \"ok\": %lld, \"failed\": %lld, \"dropped\": %lld, \"seconds\": %.3f, "
           "\"requests_per_s\": %.1f, \"alerts_per_s\": %.1f, \"p50_us\": %u, \"p99_us\": %u}\n",
           (long long)run.sent, (long long)run.ok, (long long)run.failed, (long long)run.dropped, seconds,
           (double)run.ok / seconds, (double)run.ok * (double)opt.batch / seconds, n > 0 ? run.us[n / 2] : 0,
           n > 0 ? run.us[n - 1 - n / 100] : 0);
}

static void
read_option(const char *arg)
{
    const struct { const char *name; long *value; } numbers[] = {
        { "connections", &opt.connections }, { "seconds", &opt.seconds }, { "requests", &opt.requests },
        { "batch", &opt.batch }, { "distinct", &opt.distinct }, { "first", &opt.first }, { "rate", &opt.rate },
        { "logs", &opt.logs }
    };
    const char *value = strchr(arg, '=');

    for (size_t i = 0; value != NULL && i < sizeof numbers / sizeof *numbers; i++) {
        size_t n = (size_t)(value - arg);

        if (strlen(numbers[i].name) == n && strncmp(arg, numbers[i].name, n) == 0) {
            *numbers[i].value = strtol(value + 1, NULL, 10);
            return;
        }
    }
    if (strncmp(arg, "severity=", 9) == 0) {
        snprintf(opt.severity, sizeof opt.severity, "%s", value + 1);
    } else if (strncmp(arg, "id=", 3) == 0) {
        snprintf(opt.id, sizeof opt.id, "%s", value + 1);
    } else {
        fprintf(stderr, "load: unknown option '%s'\n", arg);
        exit(2);
    }
}

int
main(int argc, char **argv)
{
    struct rlimit files = { .rlim_cur = 8192, .rlim_max = 8192 };
    struct conn *conns;
    int ep = epoll_create1(EPOLL_CLOEXEC);

    if (argc < 3) {
        fprintf(stderr, "usage: load PORT PATH [name=value ...]\n");
        return 2;
    }
    opt.port = strtol(argv[1], NULL, 10);
    snprintf(opt.path, sizeof opt.path, "%s", argv[2]);
    for (int i = 3; i < argc; i++)
        read_option(argv[i]);
    setrlimit(RLIMIT_NOFILE, &files);
    run.us = calloc(SAMPLES, sizeof *run.us);
    conns = calloc((size_t)opt.connections, sizeof *conns);
    if (ep < 0 || run.us == NULL || conns == NULL)
        die("cannot start");
    for (long i = 0; i < opt.connections; i++) {
        conns[i].out = malloc(500 + (size_t)opt.batch * ALERT_MAX);
        conns[i].in = malloc(ANSWER_MAX);
        if (conns[i].out == NULL || conns[i].in == NULL)
            die("cannot start");
        open_conn(&conns[i], ep);
    }
    report(go(conns, ep));
    return 0;
}
