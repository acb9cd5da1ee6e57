/* SPDX-License-Identifier: Apache-2.0 */
/* What is accepted to be sent: kept by both engines, and sent until it is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "daemon/outbox.h"
#include "os/clock.h"
#include "os/log.h"
#include "plugin/loader.h"
#include "store/store.h"
#include "transport/transport.h"

/* --- the store ------------------------------------------------------------------------ */

static void
put(struct store *s, struct outbox_row *rows, size_t n, const int64_t *gone, size_t n_gone)
{
    struct outbox_row *list[8];
    struct writeset ws = { .outbox = list, .n_outbox = n, .outbox_gone = gone, .n_outbox_gone = n_gone };
    struct tocsin_err err;

    for (size_t i = 0; i < n; i++)
        list[i] = &rows[i];
    assert_int_equal(s->ops->begin(s, &err), TOCSIN_OK);
    assert_int_equal(s->ops->write(s, &ws, &err), TOCSIN_OK);
    assert_int_equal(s->ops->commit(s, &err), TOCSIN_OK);
}

static struct outbox_row
get_row(const char *url)
{
    return (struct outbox_row){ .kind = OUTBOX_GET, .created_at = 1769860800000, .collector = "sns",
                                .what = "confirm a subscription", .url = url };
}

static struct outbox_row
forward_row(const char *body)
{
    return (struct outbox_row){ .kind = OUTBOX_FORWARD, .created_at = 1769860800000, .collector = "shop",
                                .what = "event", .url = "", .body = body, .body_len = strlen(body) };
}

static size_t
count(struct store *s, struct arena *a, struct outbox_row **rows)
{
    struct tocsin_err err;
    size_t n;

    assert_int_equal(s->ops->list_outbox(s, a, rows, &n, &err), TOCSIN_OK);
    return n;
}

static void
check_rows(struct store *s)
{
    struct outbox_row rows[] = { get_row("https://a.example/1"), forward_row("one"), forward_row("two") }, *got, one;
    struct arena *a = arena_new();
    struct tocsin_err err;

    assert_int_equal(count(s, a, &got), 0);
    put(s, rows, 3, NULL, 0);
    assert_true(rows[0].id > 0 && rows[1].id == rows[0].id + 1 && rows[2].id == rows[1].id + 1);
    assert_int_equal(count(s, a, &got), 3);
    assert_string_equal(got[0].url, "https://a.example/1");
    assert_string_equal(got[1].collector, "shop");
    assert_null(got[1].body);
    assert_int_equal(got[1].body_len, 3);
    assert_int_equal(s->ops->get_outbox(s, a, rows[2].id, &one, &err), TOCSIN_OK);
    assert_memory_equal(one.body, "two", 3);
    assert_int_equal(one.kind, OUTBOX_FORWARD);
    assert_int_equal(one.created_at, 1769860800000);
    put(s, NULL, 0, (int64_t[]){ rows[1].id, 4711 }, 2);
    assert_int_equal(count(s, a, &got), 2);
    assert_int_equal(got[1].id, rows[2].id);
    assert_int_equal(s->ops->get_outbox(s, a, rows[1].id, &one, &err), TOCSIN_NOT_FOUND);
    /* what is rolled back leaves nothing */
    {
        struct outbox_row *list[] = { &rows[1] };
        struct writeset ws = { .outbox = list, .n_outbox = 1 };

        assert_int_equal(s->ops->begin(s, &err), TOCSIN_OK);
        assert_int_equal(s->ops->write(s, &ws, &err), TOCSIN_OK);
        s->ops->rollback(s);
    }
    assert_int_equal(count(s, a, &got), 2);
    arena_free(a);
}

static void
test_memory(void **state)
{
    struct store *s = store_mem_open(), *after;
    struct arena *a = arena_new();
    struct outbox_row *got, more = forward_row("three");

    (void)state;
    check_rows(s);
    after = store_mem_clone(s);
    assert_int_equal(count(after, a, &got), 2);
    put(after, &more, 1, NULL, 0);
    assert_true(more.id > got[1].id);
    s->ops->close(s);
    after->ops->close(after);
    arena_free(a);
}

static void
test_sqlite(void **state)
{
    char dir[] = "/tmp/test_outbox.XXXXXX", path[64], command[96];
    struct store_sqlite_options opt = { .path = path, .reserve_bytes = 4096 };
    struct arena *a = arena_new();
    struct outbox_row *got, more = forward_row("three");
    struct store *s;
    struct tocsin_err err;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/t.db", dir);
    assert_int_equal(store_sqlite_open(&opt, &s, &err), TOCSIN_OK);
    check_rows(s);
    s->ops->close(s);
    assert_int_equal(store_sqlite_open(&opt, &s, &err), TOCSIN_OK);
    assert_int_equal(count(s, a, &got), 2);
    put(s, &more, 1, NULL, 0);
    assert_true(more.id > got[1].id);
    s->ops->close(s);
    arena_free(a);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

/* --- sending ------------------------------------------------------------------------------ */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t gone[16]; size_t n_gone;
    char asked[16][96]; size_t n_asked;
    int status[16];                          /* answer number i; 0 is 200 */
} net = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

/* In the place of the committer's. */
void
committer_outbox_gone(struct committer *c, int64_t id)
{
    (void)c;
    pthread_mutex_lock(&net.lock);
    net.gone[net.n_gone++] = id;
    pthread_cond_broadcast(&net.changed);
    pthread_mutex_unlock(&net.lock);
}

static void
answer(void *ctx, const struct tocsin_request *req, struct tocsin_response *r)
{
    (void)ctx;
    pthread_mutex_lock(&net.lock);
    snprintf(net.asked[net.n_asked], sizeof net.asked[0], "%s %s %.*s", req->method, req->url, (int)req->body_len,
             req->body != NULL ? req->body : "");
    r->status = net.status[net.n_asked] != 0 ? net.status[net.n_asked] : 200;
    r->sent = true;
    net.n_asked++;
    pthread_cond_broadcast(&net.changed);
    pthread_mutex_unlock(&net.lock);
}

static struct transport *
no_network(void)
{
    return transport_null_new(answer, NULL);
}

static enum tocsin_rc
forward(void *self, const struct tocsin_host *host, const char *body, size_t len, struct tocsin_request *out,
        struct tocsin_err *err)
{
    (void)self;
    (void)err;
    host->request_http(out, "POST", "http://far.example/x");
    host->request_body(out, "text/plain", body, len);
    return TOCSIN_OK;
}

static struct plugin plugin = { .api = { .name = "far", .forward = forward } };
static struct conf_collector collectors[] = {
    { .name = "shop", .type = "intake", .plugin = &plugin,
      .forward = { .proxy = "", .ca_file = "", .timeout_ms = 1000, .max_bytes = 8 } },
    { .name = "sns", .type = "webhook", .plugin = &plugin, .forward = { .max_bytes = 1 } },
};
static struct conf conf = { .collectors = collectors, .n_collectors = 2, .refs = 1 };

static struct conf *
the_conf(void *ctx)
{
    (void)ctx;
    return conf_ref(&conf);
}

static void
wait_gone(size_t n)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    pthread_mutex_lock(&net.lock);
    while (net.n_gone < n)
        assert_int_equal(pthread_cond_timedwait(&net.changed, &net.lock, &until), 0);
    pthread_mutex_unlock(&net.lock);
}

static struct outbox *
start(struct store *s, const int *status, size_t n)
{
    struct outbox_options opt = { .store = s, .transport = no_network, .conf = the_conf };
    struct outbox *x;
    struct tocsin_err err;

    memset(net.status, 0, sizeof net.status);
    if (n > 0)
        memcpy(net.status, status, n * sizeof *status);
    net.n_gone = net.n_asked = 0;
    assert_int_equal(outbox_start(&opt, &x, &err), TOCSIN_OK);
    return x;
}

/* What a store held before is sent; what fails comes again, in its order; what is refused for good goes. */
static void
test_sent(void **state)
{
    struct outbox_row rows[] = { forward_row("one"), forward_row("two"), forward_row("three") };
    struct store *s = store_mem_open();
    struct outbox_count *counts;
    struct arena *a = arena_new();
    struct outbox *x;

    (void)state;
    put(s, rows, 3, NULL, 0);
    x = start(s, (int[]){ 200, 400, 503 }, 3);
    wait_gone(3);
    outbox_stop(x);
    assert_int_equal(net.n_asked, 4);
    assert_string_equal(net.asked[0], "POST http://far.example/x one");
    assert_string_equal(net.asked[3], "POST http://far.example/x three");
    assert_int_equal(outbox_stats(x, a, &counts), 1);
    assert_string_equal(counts[0].collector, "shop");
    assert_int_equal(counts[0].rows + counts[0].bytes, 0);
    assert_int_equal(counts[0].sent, 2);
    assert_int_equal(counts[0].dropped, 1);
    outbox_free(x);
    arena_free(a);
    s->ops->close(s);
}

/* A wrong credential is an operator's to mend; a fetch is tried again whatever was said, but not for ever. */
static void
test_kept(void **state)
{
    struct outbox_row rows[] = { forward_row("one"), get_row("https://a.example/1"), get_row("http://a.example/2") };
    struct store *s = store_mem_open();
    struct outbox *x;

    (void)state;
    rows[1].created_at = clock_wall_ms();
    put(s, rows, 3, NULL, 0);
    x = start(s, (int[]){ 403, 404 }, 2);
    wait_gone(3);
    outbox_stop(x);
    assert_int_equal(net.n_asked, 4);                      /* the address that is not https never was */
    outbox_free(x);
    net.n_gone = 0;
    put(s, NULL, 0, (int64_t[]){ rows[0].id, rows[1].id, rows[2].id }, 3);
    rows[1] = get_row("https://a.example/old");            /* of long ago */
    put(s, &rows[1], 1, NULL, 0);
    x = start(s, (int[]){ 404 }, 1);
    wait_gone(1);
    outbox_stop(x);
    assert_int_equal(net.n_asked, 1);
    outbox_free(x);
    s->ops->close(s);
}

static void
test_bounded(void **state)
{
    struct outbox_row rows[] = { forward_row("12345"), forward_row("123"), forward_row("1") };
    struct outbox_row *list[] = { &rows[0], &rows[1] };
    struct store *s = store_mem_open();
    struct outbox_count *counts;
    struct arena *a = arena_new();
    struct outbox *x = start(s, NULL, 0);

    (void)state;
    assert_true(outbox_reserve(x, &collectors[0], &rows[0]));
    assert_true(outbox_reserve(x, &collectors[0], &rows[1]));
    assert_false(outbox_reserve(x, &collectors[0], &rows[2]));
    outbox_cancel(x, &list[1], 1);                         /* its payload was not stored */
    assert_true(outbox_reserve(x, &collectors[0], &rows[2]));
    list[1] = &rows[2];
    put(s, rows, 1, NULL, 0);
    put(s, &rows[2], 1, NULL, 0);
    outbox_stored(x, list, 2);
    wait_gone(2);
    outbox_stop(x);
    assert_int_equal(outbox_stats(x, a, &counts), 1);
    assert_int_equal(counts[0].rows, 0);
    assert_int_equal(counts[0].sent, 2);
    assert_int_equal(counts[0].dropped, 1);
    outbox_free(x);
    arena_free(a);
    s->ops->close(s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_memory), cmocka_unit_test(test_sqlite),
                                        cmocka_unit_test(test_sent), cmocka_unit_test(test_kept),
                                        cmocka_unit_test(test_bounded) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
