/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an open alert costs: bytes in memory, time to commit and to repeat as
 * their number grows, and time to load them at a start.  Prints the figures;
 * the limits asserted are wide, for machines that are busy with other things.
 *
 * TOCSIN_SCALE is the largest number of open alerts (100000).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "lib/store_rows.h"
#include "os/clock.h"
#include "store/writer.h"

enum { BATCH = 100 };

/* what a sanitizer makes of a time that is bounded here */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { SLOWED = 20 };
#else
enum { SLOWED = 1 };
#endif

struct scale {
    char *dir, *path;
    struct store *store;
    struct idgen ids;
    int64_t now;
    unsigned n;                                /* open alerts, each with an incident and a delivery */
    char body[500];
};

static void
open_store(struct scale *s)
{
    struct store_sqlite_options options = { .path = s->path };
    struct tocsin_err err;

    if (store_sqlite_open(&options, &s->store, &err) != TOCSIN_OK)
        fail_msg("%s", err.what);
}

/* One transaction with `batch` new alerts, as a burst of separate problems makes it. */
static void
commit_new(struct scale *s, unsigned batch)
{
    struct arena *a = arena_new();
    struct alert_write *alerts = arena_alloc(a, batch * sizeof *alerts);
    struct incident_row **incidents = arena_alloc(a, batch * sizeof(struct incident_row *));
    struct delivery_row **deliveries = arena_alloc(a, batch * sizeof(struct delivery_row *));
    struct event_row *events = arena_alloc(a, batch * sizeof *events);
    struct writeset ws = { .alerts = alerts, .n_alerts = batch, .incidents = incidents, .n_incidents = batch,
                           .deliveries = deliveries, .n_deliveries = batch, .events = events, .n_events = batch };
    struct tocsin_err err;

    for (unsigned i = 0; i < batch; i++) {
        struct alert_row alert = make_alert(a, s->n + i, s->now);
        struct incident_row incident = make_incident(a, &s->ids, s->n + i, ++s->now);
        struct delivery_row delivery = make_delivery(a, &incident.id, "pagerduty", s->now);

        alert.incident = incident.id;
        alert.body = s->body;
        alert.body_len = sizeof s->body;
        alerts[i] = (struct alert_write){ arena_memdup(a, &alert, sizeof alert), false };
        incidents[i] = arena_memdup(a, &incident, sizeof incident);
        deliveries[i] = arena_memdup(a, &delivery, sizeof delivery);
        events[i] = make_event(a, &incident.id, "opened", s->n + i, s->now);
    }
    assert_int_equal(s->store->ops->begin(s->store, &err), TOCSIN_OK);
    assert_int_equal(s->store->ops->write(s->store, &ws, &err), TOCSIN_OK);
    if (s->store->ops->commit(s->store, &err) != TOCSIN_OK)
        fail_msg("%s", err.what);
    s->n += batch;
    arena_free(a);
}

static void
fill(struct scale *s, unsigned n)
{
    while (s->n < n)
        commit_new(s, n - s->n < BATCH ? n - s->n : BATCH);
}

/* A duplicate of a random alert that changes a counter and a deadline: load, write, commit.  Microseconds. */
static double
cost_of_repeat(struct scale *s)
{
    enum { ROUNDS = 400 };
    struct arena *a = arena_new();
    struct alert_row rows[BATCH];
    struct alert_write writes[BATCH];
    struct writeset ws = { .alerts = writes, .n_alerts = BATCH };
    struct tocsin_err err;
    struct idgen rng;
    struct id16 keys[BATCH];
    int64_t begin, spent = 0;

    idgen_seed(&rng, 1, s->n);
    for (int r = 0; r < ROUNDS; r++) {
        for (int i = 0; i < BATCH; i++)
            keys[i] = id_of("key", (unsigned)(idgen_u64(&rng) >> 33) % s->n);
        begin = clock_mono_us();
        assert_int_equal(s->store->ops->begin(s->store, &err), TOCSIN_OK);
        assert_int_equal(s->store->ops->load_alerts(s->store, keys, BATCH, rows, &err), TOCSIN_OK);
        for (int i = 0; i < BATCH; i++) {
            assert_int_equal(rows[i].state, ALERT_FIRING);
            rows[i].count++;
            rows[i].expires_at = s->now + 300000 + i;
            writes[i] = (struct alert_write){ &rows[i], true };
        }
        assert_int_equal(s->store->ops->write(s->store, &ws, &err), TOCSIN_OK);
        assert_int_equal(s->store->ops->commit(s->store, &err), TOCSIN_OK);
        spent += clock_mono_us() - begin;
    }
    arena_free(a);
    return (double)spent / (ROUNDS * BATCH);
}

/* New alerts with all that goes with them, in batches of 100.  Microseconds each. */
static double
cost_of_new(struct scale *s)
{
    enum { ROUNDS = 30 };
    int64_t begin = clock_mono_us();

    for (int r = 0; r < ROUNDS; r++)
        commit_new(s, BATCH);
    return (double)(clock_mono_us() - begin) / (ROUNDS * BATCH);
}

static void
flush_all(struct scale *s)
{
    struct store_stats st;
    struct tocsin_err err;
    int64_t begin = clock_mono_us(), longest = 0, rows = 0;

    do {
        int64_t t = clock_mono_us();

        assert_int_equal(s->store->ops->flush(s->store, &err), TOCSIN_OK);
        t = clock_mono_us() - t;
        longest = t > longest ? t : longest;
        rows += FLUSH_BATCH;
        assert_int_equal(s->store->ops->stats(s->store, &st, &err), TOCSIN_OK);
    } while (st.lazy_unflushed > 0);
    print_message("  flush: at most %lld us a call, %.1f us a row\n", (long long)longest,
                  (double)(clock_mono_us() - begin) / (double)rows);
}

static void
print_rates(struct scale *s)
{
    static const unsigned batches[] = { 1, 10, 100 };

    for (int i = 0; i < 3; i++) {
        int64_t begin = clock_mono_us(), took;
        unsigned n = 0;

        while ((took = clock_mono_us() - begin) < 400000) {
            commit_new(s, batches[i]);
            n++;
        }
        print_message("  batches of %u: %.0f commits/s, %.0f new alerts/s\n", batches[i],
                      n * 1e6 / (double)took, n * 1e6 * batches[i] / (double)took);
    }
}

static double
bytes_per_alert(const struct scale *s)
{
    return (double)cache_bytes(&((struct writer *)s->store)->cache) / s->n;
}

static void
measure(struct scale *s, unsigned n, double *new_us, double *repeat_us)
{
    fill(s, n);
    *repeat_us = cost_of_repeat(s);
    flush_all(s);
    *new_us = cost_of_new(s);
    print_message("%u open: %.2f us a repeat, %.1f us a new alert, %.0f bytes for alert, incident and delivery\n", n,
                  *repeat_us, *new_us, bytes_per_alert(s));
}

static void
measure_load(struct scale *s)
{
    int64_t begin;
    unsigned n = s->n;
    struct store_stats st;
    struct tocsin_err err;

    s->store->ops->close(s->store);
    begin = clock_mono_us();
    open_store(s);
    print_message("load of %u alerts, incidents and deliveries: %lld ms\n", n,
                  (long long)(clock_mono_us() - begin) / 1000);
    assert_int_equal(s->store->ops->stats(s->store, &st, &err), TOCSIN_OK);
    assert_int_equal(st.open_alerts, n);
    assert_int_equal(st.open_incidents, n);
    assert_int_equal(st.pending_deliveries, n);
    assert_true((clock_mono_us() - begin) / n < 40 * SLOWED);
}

static void
test_scale(void **state)
{
    const char *text = getenv("TOCSIN_SCALE");
    unsigned most = text != NULL ? (unsigned)strtoul(text, NULL, 10) : 100000;
    struct scale s = { .dir = test_dir_make(), .now = 1700000000000 };
    double new_us[2], repeat_us[2];

    (void)state;
    s.path = xasprintf("%s/t.db", s.dir);
    memset(s.body, 'x', sizeof s.body);
    idgen_seed(&s.ids, 1, 2);
    open_store(&s);
    measure(&s, 1000, &new_us[0], &repeat_us[0]);
    print_rates(&s);
    measure(&s, most, &new_us[1], &repeat_us[1]);
    measure_load(&s);
    print_message("from 1000 to %u open: repeat x %.2f, new x %.2f\n", most, repeat_us[1] / repeat_us[0],
                  new_us[1] / new_us[0]);
    assert_true(bytes_per_alert(&s) < 1024);
    assert_true(new_us[1] < 5 * new_us[0]);
    s.store->ops->close(s.store);
    free(s.path);
    test_dir_remove(s.dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_scale) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
