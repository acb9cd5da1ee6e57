/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server over time: kept connections, late answers, slow senders, crowds, streams, and the end. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <zlib.h>

#include "base/err.h"
#include "http/http.h"
#include "lib/raw_http.h"
#include "os/clock.h"

enum { SECOND = 1000, LONG = 10000 };

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static struct http_options
options(void)
{
    return (struct http_options){
        .listen = "127.0.0.1:0", .body_max = 1 << 20, .header_max = 16384, .connections_max = 2000,
        .per_ip_max = 2000, .header_timeout_ms = LONG, .body_timeout_ms = LONG, .idle_timeout_ms = LONG, .threads = 2,
    };
}

static struct http_server *
start(const struct http_options *opt, http_handler handler, void *ctx)
{
    struct http_server *server = NULL;
    struct tocsin_err err = { 0 };

    if (http_server_start(opt, handler, NULL, ctx, &server, &err) != TOCSIN_OK)
        fail_msg("%s", err.what);
    return server;
}

static void
echo(void *ctx, struct http_request *r)
{
    size_t n;
    const char *body = http_body(r, &n);

    (void)ctx;
    http_reply(r, 200, "text/plain", body, n);
}

/* --- kept connections ------------------------------------------------------------------ */

static void
test_pipelining(void **state)
{
    struct http_options opt = options();
    struct http_server *s = start(&opt, echo, NULL);
    int fd = raw_connect(http_server_port(s));
    static struct raw_answer a;

    (void)state;
    assert_true(raw_text(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none" GET("/")
                         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nthree\r\n0\r\n\r\n"
                         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nfo"));
    raw_read(fd, &a, LONG, false);
    assert_string_equal(a.body, "one");
    raw_read(fd, &a, LONG, false);
    assert_string_equal(a.body, "");
    raw_read(fd, &a, LONG, false);
    assert_string_equal(a.body, "three");
    assert_true(raw_text(fd, "ur" GET("/%zz") GET("/")));
    raw_read(fd, &a, LONG, false);
    assert_string_equal(a.body, "four");
    raw_read(fd, &a, LONG, false);
    assert_int_equal(a.status, 400);
    assert_true(raw_is_closed(fd, LONG));      /* what follows a malformed request is not read */
    close(fd);
    http_server_stop(s, SECOND);
}

static void
test_expect_continue(void **state)
{
    struct http_options opt = options();
    struct http_server *s;
    static struct raw_answer a;
    int fd;

    (void)state;
    opt.body_max = 100;
    s = start(&opt, echo, NULL);
    fd = raw_connect(http_server_port(s));
    raw_text(fd, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    raw_read(fd, &a, LONG, false);
    assert_int_equal(a.status, 100);
    raw_text(fd, "abc");
    raw_read(fd, &a, LONG, false);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "abc");
    /* too large: no 100, the answer at once */
    raw_text(fd, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n");
    raw_read(fd, &a, LONG, false);
    assert_int_equal(a.status, 413);
    assert_non_null(strstr(a.body, "the limit is 100"));
    close(fd);
    http_server_stop(s, SECOND);
}

/* A client that sends all of a body that is too large still reads why it was refused. */
static void
test_refusal_is_seen(void **state)
{
    static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n";
    struct http_options opt = options();
    struct http_server *s = start(&opt, echo, NULL);
    char *body = calloc(1, 3000000);

    (void)state;
    for (int i = 0; i < 5; i++) {
        static struct raw_answer a;
        int fd = raw_connect(http_server_port(s));

        assert_true(raw_text(fd, head));
        assert_true(raw_send(fd, body, 3000000));
        raw_read(fd, &a, LONG, false);
        assert_int_equal(a.status, 413);
        close(fd);
    }
    free(body);
    http_server_stop(s, SECOND);
}

/* --- limits of header sizes ---------------------------------------------------------------- */

static void
ask_long(uint16_t port, size_t target, size_t header, size_t lines, int status)
{
    static struct raw_answer a;
    size_t cap = target + header + lines * 16 + 200, n;
    char *text = malloc(cap);

    n = (size_t)snprintf(text, cap, "GET /");
    memset(text + n, 'a', target);
    n += target;
    n += (size_t)snprintf(text + n, cap - n, " HTTP/1.1\r\nHost: a\r\nX: ");
    memset(text + n, 'b', header);
    n += header;
    for (size_t i = 0; i < lines; i++)
        n += (size_t)snprintf(text + n, cap - n, "\r\nX%zu: y", i);
    n += (size_t)snprintf(text + n, cap - n, "\r\n\r\n");
    raw_ask(port, text, n, &a);
    if (a.status != status)
        fail_msg("target %zu header %zu lines %zu: %d, not %d", target, header, lines, a.status, status);
    free(text);
}

static void
test_header_limits(void **state)
{
    struct http_options opt = options();
    struct http_server *s = start(&opt, echo, NULL);
    uint16_t port = http_server_port(s);

    (void)state;
    ask_long(port, 8191, 10, 0, 200);
    ask_long(port, 8192, 10, 0, 414);
    ask_long(port, 100000, 10, 0, 414);
    ask_long(port, 10, 16000, 0, 200);
    ask_long(port, 10, 16384 + 8192, 0, 431);
    ask_long(port, 10, 100000, 0, 431);
    ask_long(port, 10, 10, 62, 200);
    ask_long(port, 10, 10, 63, 431);
    ask_long(port, 10, 10, 1000, 431);
    http_server_stop(s, SECOND);
}

/* --- packed bodies -------------------------------------------------------------------------------- */

static size_t
pack(const char *in, size_t n, int window, unsigned char *out, size_t cap)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)in, .avail_in = (uInt)n, .next_out = out, .avail_out = (uInt)cap };

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return cap - z.avail_out;
}

static void
ask_packed(uint16_t port, const char *coding, const void *body, size_t n, struct raw_answer *a)
{
    char *text = malloc(n + 200);
    int k = snprintf(text, 200, "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: %s\r\nContent-Length: %zu\r\n\r\n",
                     coding, n);

    memcpy(text + k, body, n);
    raw_ask(port, text, (size_t)k + n, a);
    free(text);
}

static void
test_packed(void **state)
{
    static const struct { const char *coding; int window; } ways[] = {
        { "gzip", 31 }, { "X-GZIP", 31 }, { "deflate", 15 }, { "deflate", -15 },
    };
    struct http_options opt = options();
    struct http_server *s = start(&opt, echo, NULL);
    uint16_t port = http_server_port(s);
    static unsigned char packed[65536];
    static struct raw_answer a;
    char text[5000];
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i * i % 23);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        n = pack(text, sizeof text, ways[i].window, packed, sizeof packed);
        ask_packed(port, ways[i].coding, packed, n, &a);
        assert_int_equal(a.status, 200);
        assert_int_equal(a.body_len, sizeof text);
        assert_memory_equal(a.body, text, sizeof text);
        ask_packed(port, ways[i].coding, packed, n - 1, &a);
        assert_int_equal(a.status, 400);
    }
    n = pack(text, 100, 31, packed, sizeof packed);
    memcpy(packed + n, packed, n);             /* two members are one text */
    ask_packed(port, "gzip", packed, 2 * n, &a);
    assert_int_equal(a.body_len, 200);
    packed[n + 30] ^= 0x55;
    ask_packed(port, "gzip", packed, 2 * n, &a);
    assert_int_equal(a.status, 400);
    packed[n] = 'x';                           /* something else behind the end */
    ask_packed(port, "gzip", packed, 2 * n, &a);
    assert_int_equal(a.status, 400);
    ask_packed(port, "gzip", "", 0, &a);       /* no body, so nothing to undo */
    assert_int_equal(a.status, 200);
    http_server_stop(s, SECOND);
}

static void
test_bombs(void **state)
{
    struct http_options opt = options();
    struct http_server *s;
    static unsigned char packed[65536];
    static struct raw_answer a;
    char *zeros = calloc(1, 20 << 20);
    size_t n;

    (void)state;
    s = start(&opt, echo, NULL);
    n = pack(zeros, 60000, 31, packed, sizeof packed);         /* 600:1, but small */
    ask_packed(http_server_port(s), "gzip", packed, n, &a);
    assert_int_equal(a.status, 200);
    n = pack(zeros, 200000, 31, packed, sizeof packed);        /* 900:1 */
    ask_packed(http_server_port(s), "gzip", packed, n, &a);
    assert_int_equal(a.status, 413);
    n = pack(zeros, 20 << 20, 31, packed, sizeof packed);
    ask_packed(http_server_port(s), "gzip", packed, n, &a);
    assert_int_equal(a.status, 413);
    http_server_stop(s, SECOND);
    opt.inflate_ratio = 100000;                                /* now the size alone decides */
    s = start(&opt, echo, NULL);
    ask_packed(http_server_port(s), "gzip", packed, n, &a);
    assert_int_equal(a.status, 413);
    assert_non_null(strstr(a.body, "8388608"));
    http_server_stop(s, SECOND);
    free(zeros);
}

/* --- slow senders -------------------------------------------------------------------------------- */

/* Sends a byte now and then; how long until the server has had enough? */
static int64_t
trickle(uint16_t port, const char *begin, struct raw_answer *a)
{
    int fd = raw_connect(port);
    int64_t t0 = clock_mono_ms();
    const struct timespec pause = { 0, 30000000 };

    raw_text(fd, begin);
    while (clock_mono_ms() - t0 < LONG && raw_text(fd, "a"))
        nanosleep(&pause, NULL);
    t0 = clock_mono_ms() - t0;
    raw_read(fd, a, LONG, false);
    close(fd);
    return t0;
}

static void
test_slow(void **state)
{
    struct http_options opt = options();
    struct http_server *s;
    static struct raw_answer a;
    struct http_stats stats;

    (void)state;
    opt.header_timeout_ms = 300;
    opt.body_timeout_ms = 300;
    s = start(&opt, echo, NULL);
    assert_in_range(trickle(http_server_port(s), "GET /", &a), 200, 3000);                         /* request line */
    assert_in_range(trickle(http_server_port(s), "GET / HTTP/1.1\r\nX: ", &a), 200, 3000);         /* headers */
    assert_in_range(trickle(http_server_port(s), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n", &a),
                    200, 3000);                                                                       /* body */
    /* the third may still be on its way out; of the first one there was no request yet */
    do
        http_server_stats(s, &stats);
    while (stats.refused_requests < 2);
    assert_int_equal(stats.refused_requests, 2);
    assert_int_equal(stats.requests, 0);
    http_server_stop(s, SECOND);
}

static void
test_silent(void **state)
{
    static const struct { const char *bytes; int status; } rows[] = {
        { "", 0 }, { "GET /", 0 }, { "GET / HTTP/1.1\r\n", 408 }, { "GET / HTTP/1.1\r\nHost: a", 408 },
        { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", 408 },
        { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", 408 },
    };
    struct http_options opt = options();
    struct http_server *s;
    static struct raw_answer a;

    (void)state;
    opt.header_timeout_ms = opt.body_timeout_ms = 200;
    s = start(&opt, echo, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int fd = raw_connect(http_server_port(s));

        raw_text(fd, rows[i].bytes);
        raw_read(fd, &a, LONG, false);
        if (a.status != rows[i].status)
            fail_msg("'%s': %d", rows[i].bytes, a.status);
        assert_true(raw_is_closed(fd, LONG));
        close(fd);
    }
    http_server_stop(s, SECOND);
}

/* --- crowds -------------------------------------------------------------------------------------------- */

static void
test_thousand_idle(void **state)
{
    enum { N = 1000 };
    struct http_options opt = options();
    struct http_server *s = start(&opt, echo, NULL);
    static struct raw_answer a;
    static int fds[N];

    (void)state;
    for (int i = 0; i < N; i++)
        fds[i] = raw_connect(http_server_port(s));
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < N; i++)
            assert_true(raw_text(fds[i], GET("/")));
        for (int i = 0; i < N; i++) {
            raw_read(fds[i], &a, LONG, false);
            assert_int_equal(a.status, 200);
        }
    }
    for (int i = 0; i < N; i++)
        close(fds[i]);
    http_server_stop(s, SECOND);
}

static void
test_per_ip(void **state)
{
    struct http_options opt = options();
    struct http_server *s;
    struct http_stats stats;
    static struct raw_answer a;
    int fds[3], extra;

    (void)state;
    opt.per_ip_max = 3;
    opt.threads = 1;
    s = start(&opt, echo, NULL);
    for (int i = 0; i < 3; i++) {
        fds[i] = raw_connect(http_server_port(s));
        raw_text(fds[i], GET("/"));
        raw_read(fds[i], &a, LONG, false);
        assert_int_equal(a.status, 200);
    }
    extra = raw_connect(http_server_port(s));
    assert_true(raw_is_closed(extra, LONG));
    close(extra);
    http_server_stats(s, &stats);
    assert_int_equal(stats.connections, 3);
    assert_int_equal(stats.refused_connections, 1);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    http_server_stop(s, SECOND);
}

static void
test_address_in_use(void **state)
{
    struct http_options opt = options(), second = options();
    struct http_server *s = start(&opt, echo, NULL), *other;
    struct tocsin_err err;
    char text[64];

    (void)state;
    snprintf(text, sizeof text, "127.0.0.1:%u", http_server_port(s));
    second.listen = text;
    assert_int_not_equal(http_server_start(&second, echo, NULL, NULL, &other, &err), TOCSIN_OK);
    assert_non_null(strstr(err.what, text));
    assert_non_null(strstr(err.what, "in use"));
    second.listen = "nonsense";
    assert_int_equal(http_server_start(&second, echo, NULL, NULL, &other, &err), TOCSIN_BAD_CONFIG);
    second.listen = "::1:80";
    assert_int_equal(http_server_start(&second, echo, NULL, NULL, &other, &err), TOCSIN_BAD_CONFIG);
    http_server_stop(s, 0);
    second.listen = "[::1]:0";
    s = start(&second, echo, NULL);
    assert_int_not_equal(http_server_port(s), 0);
    http_server_stop(s, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipelining), cmocka_unit_test(test_expect_continue),
        cmocka_unit_test(test_refusal_is_seen),
        cmocka_unit_test(test_header_limits), cmocka_unit_test(test_packed), cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_slow), cmocka_unit_test(test_silent), cmocka_unit_test(test_thousand_idle),
        cmocka_unit_test(test_per_ip), cmocka_unit_test(test_address_in_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
