/* SPDX-License-Identifier: Apache-2.0 */
/* The notifier's thread against a ledger in memory and a vendor without a network. */
#include "test_notifier_ledger.h"

static void
a_life_is_told_in_order(void **state)
{
    unsigned i;

    (void)state;
    begin();
    i = add_incident("pd");
    wake(i);
    wait_for(&fx.n_reports, 1);
    change(i, TOCSIN_INC_ACKNOWLEDGED);
    wait_for(&fx.n_reports, 2);
    change(i, TOCSIN_INC_RESOLVED);
    wait_for(&fx.n_reports, 3);
    assert_string_equal(fx.sent[0].what, "trigger");
    assert_string_equal(fx.sent[1].what, "ack");
    assert_string_equal(fx.sent[2].what, "resolve");
    assert_int_equal(fx.n_sent, 3);
    assert_int_equal(fx.rows[i].told, TOLD_RESOLVED);
    assert_int_equal(fx.reports[1].ver, 2);
    assert_int_equal(stats_of("pd").sent, 3);
    assert_int_equal(stats_of("pd").in_flight, 0);
    assert_true(stats_of("pd").last_ok_at > 0);
}

static void
pending_rows_are_found_at_start(void **state)
{
    (void)state;
    fx.pending = xcalloc(2, sizeof *fx.pending);
    for (unsigned k = 0; k < 2; k++) {
        unsigned i = add_incident("pd");

        fx.pending[k] = (struct pending){ make_id(i), "pd", fx.rows[i].due_at };
    }
    fx.n_pending = 2;
    begin();
    wait_for(&fx.n_reports, 2);
    assert_int_equal(fx.n_sent, 2);
}

static void
start_says_why_not(void **state)
{
    const struct notifier_hooks hooks = { on_report, give_conf, NULL };
    struct tocsin_err err;

    (void)state;
    fx.read_rc = TOCSIN_TEMPORARY;
    fx.transport = transport_null_new(vendor, NULL);
    assert_int_equal(notifier_start(&fake_store, fx.transport, &hooks, &fx.n, &err), TOCSIN_TEMPORARY);
    assert_string_equal(err.what, "cannot read what is still to be told: disk on fire");
    assert_null(fx.n);
}

static void
fates_are_told_apart(void **state)
{
    static const struct {
        int status;
        bool not_sent;
        const char *retry_after, *body;
        enum tocsin_verdict verdict;
        int64_t delay_ms;
        const char *reason;
    } cases[] = {
        { 200, false, NULL, NULL, TOCSIN_DELIVERED, 0, "200 OK" },
        { 0, false, NULL, NULL, TOCSIN_UNCERTAIN, 0, "timed out" },
        { 0, true, NULL, NULL, TOCSIN_RETRY, 0, "connection refused" },
        { 503, false, "3600000", NULL, TOCSIN_RETRY, 3600000, "503 Service Unavailable" },
        { 429, false, "7", NULL, TOCSIN_RETRY, 7000, "429 Too Many Requests" },
        { 404, false, NULL, NULL, TOCSIN_REJECTED, 0, "404 Not Found" },
        { 400, false, NULL, "no key s3cr3t-key", TOCSIN_REJECTED, 0, "vendor says: no key ***" },
    };

    (void)state;
    begin();
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        unsigned i = add_incident("pd");
        const struct tocsin_outcome *o = &fx.reports[k].outcome;

        pthread_mutex_lock(&fx.lock);
        fx.retry_ms = 3600000;
        fx.status = cases[k].status;
        fx.not_sent = cases[k].not_sent;
        fx.retry_after = cases[k].retry_after;
        fx.body = cases[k].body;
        pthread_mutex_unlock(&fx.lock);
        wake(i);
        wait_for(&fx.n_reports, k + 1);
        assert_int_equal(o->verdict, cases[k].verdict);
        assert_int_equal(o->delay_ms, cases[k].delay_ms);
        assert_string_equal(o->reason, cases[k].reason);
    }
    assert_int_equal(stats_of("pd").retried, 3);
    assert_int_equal(stats_of("pd").uncertain, 1);
    assert_int_equal(stats_of("pd").rejected, 2);
    assert_string_equal(stats_of("pd").last_error, "vendor says: no key ***");
}

static void
an_uncertain_send_is_repeated(void **state)
{
    unsigned i;

    (void)state;
    fx.status = 0;
    begin();
    i = add_incident("pd");
    wake(i);
    wait_for(&fx.n_reports, 2);
    pthread_mutex_lock(&fx.lock);
    fx.status = 200;
    pthread_mutex_unlock(&fx.lock);
    while (count_of(&fx.n_reports) < 20 && stats_of("pd").sent == 0)
        usleep(500);
    assert_int_equal(stats_of("pd").sent, 1);
    assert_string_equal(fx.sent[1].what, "trigger");
    assert_int_equal(fx.sent[1].id, i);
}

static void
what_needs_no_vendor_is_settled(void **state)
{
    unsigned i;

    (void)state;
    begin();
    i = add_incident("gone");
    wake(i);
    wait_for(&fx.n_reports, 1);
    assert_int_equal(fx.reports[0].outcome.verdict, TOCSIN_RETRY);
    assert_int_equal(fx.reports[0].outcome.delay_ms, 300000);
    assert_string_equal(fx.reports[0].outcome.reason, "notifier 'gone' is not configured");
    assert_int_equal(fx.reports[0].change, TOCSIN_TRIGGER);

    fx.render_fails = true;
    wake(add_incident("pd"));
    wait_for(&fx.n_reports, 2);
    assert_int_equal(fx.reports[1].outcome.verdict, TOCSIN_REJECTED);
    assert_string_equal(fx.reports[1].outcome.reason, "severity 'purple' is not known");
    fx.render_fails = false;

    fx.render_none = true;
    wake(add_incident("pd"));
    wait_for(&fx.n_reports, 3);
    assert_int_equal(fx.reports[2].outcome.verdict, TOCSIN_DELIVERED);
    fx.render_none = false;

    fx.render_log = true;
    wake(add_incident("pd"));
    wait_for(&fx.n_reports, 4);
    assert_int_equal(fx.reports[3].outcome.verdict, TOCSIN_DELIVERED);
    fx.render_log = false;

    i = add_incident("pd"); /* resolved before anybody was told */
    change(i, TOCSIN_INC_RESOLVED);
    wait_for(&fx.n_reports, 5);
    assert_int_equal(fx.reports[4].outcome.verdict, TOCSIN_DELIVERED);
    assert_int_equal(fx.reports[4].change, 0);
    assert_int_equal(fx.reports[4].ver, 2);
    assert_int_equal(fx.n_sent, 0);
}

static void
a_note_carries_its_text(void **state)
{
    unsigned i;

    (void)state;
    fx.notes[0] = (struct event_row){ .kind = "note", .actor = "anna", .text = "looking" };
    fx.notes[1] = (struct event_row){ .kind = "note", .actor = "bob", .text = "fixed" };
    fx.n_notes = 2;
    begin();
    i = add_incident("pd");
    fx.incidents[i].notes = 2;
    wake(i);
    wait_for(&fx.n_reports, 3);
    assert_string_equal(fx.sent[1].what, "note");
    assert_non_null(strstr(fx.sent[1].extra, "looking"));
    assert_non_null(strstr(fx.sent[2].extra, "fixed"));
    assert_int_equal(fx.rows[i].told_notes, 2);
}

static void
one_send_may_take_several_requests(void **state)
{
    (void)state;
    fx.steps = 3;
    begin();
    wake(add_incident("og"));
    wait_for(&fx.n_reports, 1);
    assert_int_equal(fx.n_sent, 3);
    assert_string_equal(fx.sent[0].extra, "0  ");
    assert_string_equal(fx.sent[1].extra, "1 after0 ");
    assert_string_equal(fx.sent[2].extra, "2 after1 ");
    assert_int_equal(fx.reports[0].outcome.verdict, TOCSIN_DELIVERED);
    fx.steps = 1000;
    wake(add_incident("og"));
    wait_for(&fx.n_reports, 2);
    assert_int_equal(fx.reports[1].outcome.verdict, TOCSIN_RETRY);
    assert_string_equal(fx.reports[1].outcome.reason, "gave up after 64 requests for one change");
}

static void
a_reload_holds_for_new_sends(void **state)
{
    unsigned i;

    (void)state;
    fx.hold = true;
    begin();
    i = add_incident("pd");
    wake(i);
    wait_in_flight("pd", 1);
    pthread_mutex_lock(&fx.lock);
    fx.current = &fx.other;
    pthread_mutex_unlock(&fx.lock);
    fx.other.n_notifiers = 1; /* "vo" is gone */
    notifier_reload(fx.n);
    wake(add_incident("vo"));
    wait_for(&fx.n_reports, 1);
    assert_string_equal(fx.reports[0].outcome.reason, "notifier 'vo' is not configured");
    pthread_mutex_lock(&fx.lock);
    assert_true(fx.conf.refs > 1); /* the one in flight still has its own */
    pthread_mutex_unlock(&fx.lock);
    set_hold(false);
    wait_for(&fx.n_reports, 2);
    assert_int_equal(fx.reports[1].outcome.verdict, TOCSIN_DELIVERED);
}

static void
a_stop_waits_for_what_is_in_flight(void **state)
{
    unsigned i;

    (void)state;
    fx.hold = true;
    begin();
    wake(add_incident("pd"));
    wait_in_flight("pd", 1);
    set_hold(false);
    notifier_stop(fx.n, 5000);
    assert_int_equal(fx.n_reports, 1);
    i = add_incident("pd");
    wake(i); /* nobody is there any more, and nothing breaks */
    assert_int_equal(fx.n_reports, 1);
}

static void
a_stop_does_not_wait_for_ever(void **state)
{
    int64_t begun;

    (void)state;
    fx.hold = true;
    begin();
    wake(add_incident("pd"));
    wait_in_flight("pd", 1);
    begun = clock_mono_ms();
    notifier_stop(fx.n, 50);
    assert_in_range(clock_mono_ms() - begun, 40, 3000);
    assert_int_equal(fx.n_reports, 0); /* the row is still due: the next start sends it again */
}

static void
an_unreadable_ledger_is_read_again(void **state)
{
    (void)state;
    begin();
    pthread_mutex_lock(&fx.lock);
    fx.read_rc = TOCSIN_TEMPORARY;
    pthread_mutex_unlock(&fx.lock);
    wake(add_incident("pd"));
    usleep(20000);
    assert_int_equal(count_of(&fx.n_reports), 0);
    pthread_mutex_lock(&fx.lock);
    fx.read_rc = TOCSIN_OK;
    pthread_mutex_unlock(&fx.lock);
    wait_for(&fx.n_reports, 1);
    assert_int_equal(fx.reports[0].outcome.verdict, TOCSIN_DELIVERED);
}

static void
only_https_is_fetched(void **state)
{
    struct arena *a = arena_new();
    struct tocsin_err err;
    const char *body;
    size_t len;

    (void)state;
    begin();
    assert_int_equal(notifier_get(fx.n, "http://127.0.0.1/cert.pem", a, &body, &len, &err), TOCSIN_FORBIDDEN);
    assert_string_equal(err.what, "only https addresses are fetched");
    assert_int_equal(notifier_get(fx.n, "https://127.0.0.1/cert.pem", a, &body, &len, &err), TOCSIN_TEMPORARY);
    assert_string_equal(err.what, "cannot fetch: the address is of a private network");
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_life_is_told_in_order),
        TEST(pending_rows_are_found_at_start),
        TEST(start_says_why_not),
        TEST(fates_are_told_apart),
        TEST(an_uncertain_send_is_repeated),
        TEST(what_needs_no_vendor_is_settled),
        TEST(a_note_carries_its_text),
        TEST(one_send_may_take_several_requests),
        TEST(a_reload_holds_for_new_sends),
        TEST(a_stop_waits_for_what_is_in_flight),
        TEST(a_stop_does_not_wait_for_ever),
        TEST(an_unreadable_ledger_is_read_again),
        TEST(only_https_is_fetched),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
