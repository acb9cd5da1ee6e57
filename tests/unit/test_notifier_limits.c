/* SPDX-License-Identifier: Apache-2.0 */
/* What the notifier does when there is more to tell than may be sent: order, rate, circuit, coalescing. */
#include "test_notifier_ledger.h"

/* With room for one, what wakes people goes first, then what lets them sleep. */
static void
urgent_changes_go_first(void **state)
{
    static const char *const order[] = { "trigger", "trigger", "resolve", "ack", "update" };
    unsigned update, ack, resolve, first;

    (void)state;
    fx.cn[0].concurrency = 1;
    fx.hold = true;
    begin();
    first = add_incident("pd");
    wake(first);
    wait_in_flight("pd", 1);
    update = add_incident("pd");
    ack = add_incident("pd");
    resolve = add_incident("pd");
    fx.rows[update].told = fx.rows[ack].told = fx.rows[resolve].told = TOLD_TRIGGERED;
    fx.rows[update].told_page = 1;
    change(update, TOCSIN_INC_TRIGGERED);
    change(ack, TOCSIN_INC_ACKNOWLEDGED);
    change(resolve, TOCSIN_INC_RESOLVED);
    wake(add_incident("pd"));
    while (stats_of("pd").waiting < 4)
        usleep(500);
    usleep(5000);
    assert_int_equal(stats_of("pd").in_flight, 1);
    set_hold(false);
    wait_for(&fx.n_reports, 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(fx.sent[i].what, order[i]);
}

static void
a_queued_row_that_becomes_urgent_moves_up(void **state)
{
    unsigned a, b;

    (void)state;
    fx.cn[0].concurrency = 1;
    fx.hold = true;
    begin();
    wake(add_incident("pd"));
    wait_in_flight("pd", 1);
    a = add_incident("pd");
    b = add_incident("pd");
    fx.rows[a].told = fx.rows[b].told = TOLD_TRIGGERED;
    fx.rows[a].told_page = fx.rows[b].told_page = 1;
    change(a, TOCSIN_INC_TRIGGERED);
    change(b, TOCSIN_INC_TRIGGERED);
    while (stats_of("pd").waiting < 2)
        usleep(500);
    change(b, TOCSIN_INC_RESOLVED);
    usleep(5000);
    set_hold(false);
    wait_for(&fx.n_reports, 3);
    assert_int_equal(fx.sent[1].id, b);
    assert_string_equal(fx.sent[1].what, "resolve");
    assert_int_equal(fx.sent[2].id, a);
}

static void
the_rate_is_kept_and_nothing_is_dropped(void **state)
{
    (void)state;
    fx.cn[0].rate_per_s = 100;
    fx.cn[0].burst = 2;
    begin();
    for (int i = 0; i < 12; i++)
        wake(add_incident("pd"));
    wait_for(&fx.n_reports, 12);
    assert_int_equal(fx.n_sent, 12);
    /* two at once, ten more at one every 10 ms */
    assert_true(fx.sent[11].at - fx.sent[0].at >= 90);
    assert_true(fx.sent[1].at - fx.sent[0].at < 90);
}

static void
a_dead_host_opens_its_circuit(void **state)
{
    struct notifier_stats s;
    unsigned extra;
    size_t before, reports;

    (void)state;
    fx.status = 503;
    fx.retry_ms = 1;
    begin();
    for (int i = 0; i < 5; i++)
        wake(add_incident("vo"));
    while (!stats_of("vo").breaker_open)
        usleep(500);
    before = count_of(&fx.n_sent);
    extra = add_incident("vo");
    wake(extra);
    wait_for(&fx.n_reports, count_of(&fx.n_sent) + 1); /* every request has one, and this row's has none */
    reports = count_of(&fx.n_reports);
    assert_string_equal(fx.reports[reports - 1].outcome.reason, "circuit open: 503 Service Unavailable");
    assert_int_equal(fx.reports[reports - 1].outcome.verdict, TOCSIN_RETRY);
    usleep(300000); /* nothing goes out, and nobody says it twice */
    assert_int_equal(count_of(&fx.n_sent), before);
    assert_int_equal(count_of(&fx.n_reports), reports);
    pthread_mutex_lock(&fx.lock);
    fx.status = 200;
    pthread_mutex_unlock(&fx.lock);
    wait_for(&fx.n_sent, before + 6); /* the probe, then all the others */
    while ((s = stats_of("vo")).sent < 6)
        usleep(500);
    assert_false(s.breaker_open);
    wake(add_incident("pd"));
    while (stats_of("pd").sent < 1)
        usleep(500);
}

static void
many_pending_rows_are_no_burden(void **state)
{
    enum { MANY = 100000 };
    int64_t begun, later = clock_wall_ms() + 3600000;

    (void)state;
    fx.pending = xcalloc(MANY, sizeof *fx.pending);
    for (unsigned i = 0; i < MANY; i++)
        fx.pending[i] = (struct pending){ make_id(1000 + i), "og", later - (int64_t)(i * 7919 % MANY) };
    fx.n_pending = MANY;
    begun = clock_mono_ms();
    begin();
    wake(add_incident("pd"));
    wait_for(&fx.n_reports, 1);
    assert_true(clock_mono_ms() - begun < 5000);
    assert_int_equal(stats_of("og").waiting, MANY);
    for (unsigned i = 0; i < MANY; i += 2) {
        struct id16 id = make_id(1000 + i);

        notifier_wake(fx.n, &id, "og", 0);
    }
    begun = clock_mono_ms();
    while (stats_of("og").waiting > MANY / 2 && clock_mono_ms() - begun < MISSING_WAIT_MS)
        usleep(1000);
    assert_int_equal(stats_of("og").waiting, MANY / 2);
}

static void
updates_in_flight_become_one_send(void **state)
{
    unsigned i;

    (void)state;
    fx.hold = true;
    begin();
    i = add_incident("pd");
    wake(i);
    wait_in_flight("pd", 1);
    for (int k = 0; k < 50; k++)
        change(i, TOCSIN_INC_TRIGGERED);
    set_hold(false);
    wait_for(&fx.n_reports, 2);
    usleep(20000);
    assert_int_equal(count_of(&fx.n_sent), 2);
    assert_string_equal(fx.sent[0].what, "trigger");
    assert_string_equal(fx.sent[1].what, "update");
    assert_int_equal(fx.reports[0].ver, 1);
    assert_int_equal(fx.reports[1].ver, 51);
}

/* The turn that takes a report may commit after one that wakes the same row: the old row must not be sent again. */
static void
a_row_is_not_sent_again_before_its_report_is_settled(void **state)
{
    struct id16 id;
    int64_t due;
    unsigned i;

    (void)state;
    fx.lag = true;
    begin();
    i = add_incident("pd");
    id = make_id(i);
    wake(i);
    wait_for(&fx.n_reports, 1);
    change(i, TOCSIN_INC_TRIGGERED);
    usleep(400000);
    assert_int_equal(count_of(&fx.n_sent), 1);
    pthread_mutex_lock(&fx.lock);
    fx.lag = false;
    due = settle(&fx.reports[0]);
    pthread_mutex_unlock(&fx.lock);
    notifier_wake(fx.n, &id, "pd", due);
    wait_for(&fx.n_reports, 2);
    assert_string_equal(fx.sent[1].what, "update");
    assert_int_equal(count_of(&fx.n_sent), 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(urgent_changes_go_first),
        TEST(a_queued_row_that_becomes_urgent_moves_up),
        TEST(the_rate_is_kept_and_nothing_is_dropped),
        TEST(a_dead_host_opens_its_circuit),
        TEST(many_pending_rows_are_no_burden),
        TEST(updates_in_flight_become_one_send),
        TEST(a_row_is_not_sent_again_before_its_report_is_settled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
