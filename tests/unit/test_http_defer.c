/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that come later, from other threads, too late, or without an end; and the server's own end. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/err.h"
#include "http/http.h"
#include "lib/raw_http.h"
#include "os/clock.h"

enum { SECOND = 1000, LONG = 20000, MAX = 4096 };

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* Requests that wait for somebody to answer them. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_request *list[MAX];
    size_t n;
    bool stop;
} q = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void
put_off(void *ctx, struct http_request *r)
{
    (void)ctx;
    http_defer(r);
    pthread_mutex_lock(&q.lock);
    q.list[q.n++] = r;
    pthread_cond_broadcast(&q.changed);
    pthread_mutex_unlock(&q.lock);
}

static struct http_request *
take(void)
{
    struct http_request *r = NULL;

    pthread_mutex_lock(&q.lock);
    while (q.n == 0 && !q.stop)
        pthread_cond_wait(&q.changed, &q.lock);
    if (q.n > 0)
        r = q.list[--q.n];
    pthread_mutex_unlock(&q.lock);
    return r;
}

static void
answer(struct http_request *r)
{
    http_reply_json(r, 202, json_pack("{s:s}", "path", http_path(r)));
}

static void *
answerer(void *unused)
{
    struct http_request *r;

    while ((r = take()) != NULL)
        answer(r);
    return unused;
}

static struct http_server *
start(http_handler handler, void *ctx)
{
    struct http_options opt = {
        .listen = "127.0.0.1:0", .body_max = 1 << 20, .header_max = 16384, .connections_max = 2000,
        .per_ip_max = 2000, .header_timeout_ms = LONG, .body_timeout_ms = LONG, .idle_timeout_ms = LONG, .threads = 2,
    };
    struct http_server *server = NULL;
    struct tocsin_err err = { 0 };

    q.n = 0;
    q.stop = false;
    if (http_server_start(&opt, handler, NULL, ctx, &server, &err) != TOCSIN_OK)
        fail_msg("%s", err.what);
    return server;
}

static void
stop_answerers(pthread_t *threads, size_t n)
{
    pthread_mutex_lock(&q.lock);
    q.stop = true;
    pthread_cond_broadcast(&q.changed);
    pthread_mutex_unlock(&q.lock);
    for (size_t i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

/* --- stress ---------------------------------------------------------------------------- */

struct client { uint16_t port; int rounds; bool rude; int answers; };

static void *
client_run(void *ctx)
{
    struct client *c = ctx;
    struct raw_answer *a = malloc(sizeof *a);

    for (int i = 0; i < c->rounds; i++) {
        int fd = raw_connect(c->port);
        char text[128], want[64];

        for (int k = 0; k < 20; k++) {
            snprintf(text, sizeof text, "POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", k);
            snprintf(want, sizeof want, "{\"path\":\"/%d\"}", k);
            if (!raw_text(fd, text) || (c->rude && k == i % 20))
                break;             /* gone, with an answer on the way */
            raw_read(fd, a, LONG, false);
            if (a->status == 202 && strcmp(a->body, want) == 0)
                c->answers++;
        }
        close(fd);
    }
    free(a);
    return NULL;
}

static void
test_stress(void **state)
{
    enum { CLIENTS = 8, ANSWERERS = 3 };
    struct http_server *s = start(put_off, NULL);
    struct client clients[CLIENTS];
    pthread_t threads[CLIENTS], answerers[ANSWERERS];

    (void)state;
    for (size_t i = 0; i < ANSWERERS; i++)
        assert_int_equal(pthread_create(&answerers[i], NULL, answerer, NULL), 0);
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){ .port = http_server_port(s), .rounds = 20, .rude = i % 2 == 1 };
        assert_int_equal(pthread_create(&threads[i], NULL, client_run, &clients[i]), 0);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
        if (!clients[i].rude)
            assert_int_equal(clients[i].answers, 20 * 20);
    }
    http_server_stop(s, LONG);
    stop_answerers(answerers, ANSWERERS);
}

/* Replies inside the handler after http_defer(), and from a thread that wins the race. */
static void
now_or_soon(void *ctx, struct http_request *r)
{
    if (strcmp(http_path(r), "/now") == 0) {
        http_defer(r);
        answer(r);
    } else {
        put_off(ctx, r);
        sched_yield();
    }
}

static void
test_reply_before_return(void **state)
{
    struct http_server *s = start(now_or_soon, NULL);
    int fd = raw_connect(http_server_port(s));
    static struct raw_answer a;
    pthread_t t;

    (void)state;
    assert_int_equal(pthread_create(&t, NULL, answerer, NULL), 0);
    for (int i = 0; i < 500; i++) {
        assert_true(raw_text(fd, i % 2 == 0 ? GET("/now") : GET("/soon")));
        raw_read(fd, &a, LONG, false);
        assert_int_equal(a.status, 202);
    }
    close(fd);
    http_server_stop(s, LONG);
    stop_answerers(&t, 1);
}

/* --- the end ------------------------------------------------------------------------------ */

static void
wait_for(size_t n)
{
    pthread_mutex_lock(&q.lock);
    while (q.n < n)
        pthread_cond_wait(&q.changed, &q.lock);
    pthread_mutex_unlock(&q.lock);
}

/* Outstanding requests get 503 after the grace; their late answers harm nobody. */
static void
test_stop_with_outstanding(void **state)
{
    enum { N = 20 };
    struct http_server *s = start(put_off, NULL);
    static struct raw_answer a;
    int fds[N];
    int64_t t0;

    (void)state;
    for (int i = 0; i < N; i++) {
        fds[i] = raw_connect(http_server_port(s));
        raw_text(fds[i], "POST /x HTTP/1.1\r\nHost: a\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello");
    }
    wait_for(N);
    close(fds[0]);                             /* one client does not wait for it */
    t0 = clock_mono_ms();
    http_server_stop(s, 200);
    assert_in_range(clock_mono_ms() - t0, 150, 5000);
    for (int i = 1; i < N; i++) {
        raw_read(fds[i], &a, LONG, false);
        assert_true(a.status == 503 || a.status == 0);         /* the answer, or the close, whichever was first */
        close(fds[i]);
    }
    for (size_t i = 0; i < N; i++) {           /* the memory of a request lives until it is answered */
        size_t n;

        assert_string_equal(http_body(q.list[i], &n), "hello");
        assert_string_equal(http_header(q.list[i], "x-a"), "b");
        assert_string_equal(http_path(q.list[i]), "/x");
        answer(q.list[i]);
    }
}

static void *
answer_soon(void *unused)
{
    const struct timespec moment = { 0, 100000000 };

    nanosleep(&moment, NULL);
    for (size_t i = 0; i < q.n; i++)
        answer(q.list[i]);
    return unused;
}

/* Within the grace the answers still go out, no new requests come in, and the stop does not take longer than needed. */
static void
test_stop_in_grace(void **state)
{
    struct http_server *s = start(put_off, NULL);
    static struct raw_answer a;
    struct http_stats stats;
    char value[32];
    int one = raw_connect(http_server_port(s)), two = raw_connect(http_server_port(s));
    pthread_t t;
    int64_t t0;

    (void)state;
    raw_text(one, GET("/one"));
    wait_for(1);
    do                             /* the second is a connection of the server, not one that still waits for it */
        http_server_stats(s, &stats);
    while (stats.connections < 2);
    http_server_quiesce(s);
    raw_text(two, GET("/two"));
    raw_read(two, &a, LONG, false);
    assert_int_equal(a.status, 503);
    assert_string_equal(raw_header(&a, "Retry-After", value, sizeof value), "5");
    assert_int_equal(pthread_create(&t, NULL, answer_soon, NULL), 0);
    t0 = clock_mono_ms();
    http_server_stop(s, LONG);
    assert_in_range(clock_mono_ms() - t0, 0, LONG / 2);
    raw_read(one, &a, LONG, false);
    assert_int_equal(a.status, 202);
    assert_string_equal(raw_header(&a, "Connection", value, sizeof value), "close");
    pthread_join(t, NULL);
    close(one);
    close(two);
}

/* --- streams --------------------------------------------------------------------------------- */

struct feed {
    pthread_mutex_t lock;
    struct http_request *request;              /* NULL: not begun, or done */
    char text[64];
    bool end;
    atomic_int done;
};

static long
feed_fill(void *ctx, char *out, size_t max)
{
    struct feed *f = ctx;
    bool end;
    size_t n;

    pthread_mutex_lock(&f->lock);
    n = strlen(f->text);
    end = f->end;
    assert_true(n <= max);
    memcpy(out, f->text, n);
    f->text[0] = '\0';
    pthread_mutex_unlock(&f->lock);
    return n == 0 && end ? -1 : (long)n;
}

static void
feed_done(void *ctx)
{
    struct feed *f = ctx;

    pthread_mutex_lock(&f->lock);
    f->request = NULL;
    pthread_mutex_unlock(&f->lock);
    atomic_fetch_add(&f->done, 1);
}

static void
feed_say(struct feed *f, const char *text, bool end)
{
    pthread_mutex_lock(&f->lock);
    snprintf(f->text, sizeof f->text, "%s", text);
    f->end = end;
    if (f->request != NULL)
        http_stream_wake(f->request);
    pthread_mutex_unlock(&f->lock);
}

static void
stream(void *ctx, struct http_request *r)
{
    struct feed *f = ctx;

    pthread_mutex_lock(&f->lock);
    f->request = r;
    pthread_mutex_unlock(&f->lock);
    http_reply_stream(r, 200, "text/event-stream", feed_fill, feed_done, f);
}

static bool
see(int fd, const char *text)
{
    char got[4096] = "";
    size_t n = 0;

    while (strstr(got, text) == NULL && n + 1 < sizeof got && recv(fd, got + n, 1, 0) == 1)
        got[++n] = '\0';
    return strstr(got, text) != NULL;
}

static void
wait_done(struct feed *f, int n)
{
    while (atomic_load(&f->done) < n)
        sched_yield();
}

static void
test_stream(void **state)
{
    struct feed f = { .lock = PTHREAD_MUTEX_INITIALIZER };
    struct http_server *s = start(stream, &f);
    int fd = raw_connect(http_server_port(s));

    (void)state;
    raw_text(fd, GET("/"));
    assert_true(see(fd, "text/event-stream"));
    for (int i = 0; i < 200; i++) {
        char text[32];

        snprintf(text, sizeof text, "data: %d.\n\n", i);
        feed_say(&f, text, false);
        snprintf(text, sizeof text, "data: %d.", i);
        assert_true(see(fd, text));
    }
    feed_say(&f, "last", true);
    assert_true(see(fd, "last\r\n"));
    wait_done(&f, 1);
    /* the connection goes on after the end */
    feed_say(&f, "", false);
    raw_text(fd, GET("/"));
    assert_true(see(fd, "text/event-stream"));
    close(fd);
    http_server_stop(s, LONG);
}

/* A client that goes away is noticed at the next wake; the server ends what is still open. */
static void
test_stream_ends(void **state)
{
    struct feed f = { .lock = PTHREAD_MUTEX_INITIALIZER }, g = { .lock = PTHREAD_MUTEX_INITIALIZER };
    struct http_server *s = start(stream, &f), *t = start(stream, &g);
    int fd = raw_connect(http_server_port(s)), gd = raw_connect(http_server_port(t));

    (void)state;
    raw_text(fd, GET("/"));
    assert_true(see(fd, "text/event-stream"));
    close(fd);
    while (atomic_load(&f.done) == 0)
        feed_say(&f, "", false);
    http_server_stop(s, LONG);
    assert_int_equal(f.done, 1);

    raw_text(gd, GET("/"));
    assert_true(see(gd, "text/event-stream"));
    http_server_stop(t, LONG);
    assert_int_equal(g.done, 1);
    assert_true(raw_is_closed(gd, LONG));
    close(gd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stress), cmocka_unit_test(test_reply_before_return),
        cmocka_unit_test(test_stop_with_outstanding), cmocka_unit_test(test_stop_in_grace),
        cmocka_unit_test(test_stream), cmocka_unit_test(test_stream_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
