/* SPDX-License-Identifier: Apache-2.0 */
/* First pages that are rendered before their commit: what lets them go, and what makes them void. */
#include "test_notifier_ledger.h"

/* What the turn announces of an incident that is in the ledger, or is about to be. */
static void
draft(unsigned i)
{
    struct alert_row alert = { .rowid = 1, .state = ALERT_FIRING, .severity = TOCSIN_ERROR, .body = "disk full",
                               .body_len = 9, .dedup_key = "db1/disk", .source = "test" };
    struct incident_detail d = { .alerts = &alert, .n_alerts = 1, .n_deliveries = 1 };

    pthread_mutex_lock(&fx.lock);
    d.row = fx.incidents[i];
    d.deliveries = &fx.rows[i];
    pthread_mutex_unlock(&fx.lock);
    notifier_draft(fx.n, &d);
}

static void
set_read(enum tocsin_rc rc)
{
    pthread_mutex_lock(&fx.lock);
    fx.read_rc = rc;
    pthread_mutex_unlock(&fx.lock);
}

/* The inbox is worked off in order: when this page has gone, what was posted before it has been looked at. */
static void
wait_until_looked_at(const char *target)
{
    size_t n = count_of(&fx.n_sent);

    wake(add_incident(target));
    wait_for(&fx.n_sent, n + 1);
}

static void
a_draft_goes_with_its_wake(void **state)
{
    unsigned i;

    (void)state;
    begin();
    i = add_incident("pd");
    draft(i);
    wait_until_looked_at("vo");
    wait_until_looked_at("vo");
    assert_int_equal(fx.n_sent, 2);          /* nothing leaves before the commit */
    set_read(TOCSIN_TEMPORARY);              /* and the ledger is not asked after it */
    wake(i);
    wait_for(&fx.n_sent, 3);
    assert_int_equal(fx.sent[2].id, i);
    assert_string_equal(fx.sent[2].what, "trigger");
    wait_for(&fx.n_reports, 3);
    assert_int_equal(fx.reports[2].change, TOCSIN_TRIGGER);
    assert_int_equal(fx.reports[2].ver, 1);
    assert_int_equal(fx.reports[2].page, 1);
}

static void
what_comes_after_it_is_told_from_the_ledger(void **state)
{
    unsigned i;

    (void)state;
    begin();
    i = add_incident("pd");
    draft(i);
    wake(i);
    wait_for(&fx.n_settled, 1);
    change(i, TOCSIN_INC_RESOLVED);
    wait_for(&fx.n_sent, 2);
    assert_string_equal(fx.sent[1].what, "resolve");
}

static void
a_commit_that_failed_sends_nothing(void **state)
{
    unsigned i;

    (void)state;
    begin();
    i = add_incident("pd");
    draft(i);
    notifier_drop_drafts(fx.n);
    wait_until_looked_at("vo");
    wait_until_looked_at("vo");
    assert_int_equal(fx.n_sent, 2);
    assert_int_equal(stats_of("pd").waiting, 0);
    assert_int_equal(stats_of("pd").in_flight, 0);
    set_read(TOCSIN_OK);
    wake(i);                                 /* the same alert, accepted after all */
    wait_for(&fx.n_sent, 3);
    assert_int_equal(fx.sent[2].id, i);
}

/* The first page could not go while the circuit was being opened and so on: whatever else changed is in the ledger. */
static void
a_newer_wake_makes_it_void(void **state)
{
    struct id16 id;
    unsigned i;

    (void)state;
    begin();
    i = add_incident("pd");
    id = make_id(i);
    draft(i);
    pthread_mutex_lock(&fx.lock);
    fx.incidents[i].severity = TOCSIN_CRITICAL;
    fx.incidents[i].ver = 7;
    fx.rows[i].due_at -= 1000;
    pthread_mutex_unlock(&fx.lock);
    notifier_wake(fx.n, &id, "pd", fx.rows[i].due_at);       /* not the time that was announced */
    wait_for(&fx.n_reports, 1);
    assert_int_equal(fx.reports[0].ver, 7);
}

static void
two_wakes_at_once_ask_the_ledger(void **state)
{
    struct id16 id;
    unsigned i;
    int64_t due;

    (void)state;
    begin();
    i = add_incident("pd");
    id = make_id(i);
    pthread_mutex_lock(&fx.lock);
    due = fx.rows[i].due_at = clock_wall_ms() + 300;         /* so that both are there before it goes */
    pthread_mutex_unlock(&fx.lock);
    draft(i);
    notifier_wake(fx.n, &id, "pd", due);
    pthread_mutex_lock(&fx.lock);
    fx.incidents[i].ver = 2;
    pthread_mutex_unlock(&fx.lock);
    notifier_wake(fx.n, &id, "pd", due);
    wait_for(&fx.n_reports, 1);
    assert_int_equal(fx.reports[0].ver, 2);
}

static void
a_reload_makes_it_void(void **state)
{
    unsigned i;

    (void)state;
    begin();
    i = add_incident("pd");
    draft(i);
    wait_until_looked_at("vo");
    pthread_mutex_lock(&fx.lock);
    fx.incidents[i].ver = 3;                 /* seen only if the ledger is read */
    pthread_mutex_unlock(&fx.lock);
    notifier_reload(fx.n);
    wake(i);
    wait_for(&fx.n_reports, 2);
    assert_int_equal(fx.reports[1].ver, 3);
}

/* One row, one send: a draft of what is in flight already is not taken. */
static void
a_row_that_is_known_has_no_draft(void **state)
{
    unsigned i;

    (void)state;
    fx.hold = true;
    begin();
    i = add_incident("pd");
    wake(i);
    wait_in_flight("pd", 1);
    draft(i);
    draft(i);
    wake(i);
    set_hold(false);
    wait_for(&fx.n_settled, 1);
    wait_until_looked_at("vo");
    assert_int_equal(fx.n_sent, 2);
}

static void
without_room_it_waits_its_turn(void **state)
{
    unsigned first, second;

    (void)state;
    fx.cn[0].concurrency = 1;
    fx.hold = true;
    begin();
    first = add_incident("pd");
    second = add_incident("pd");
    draft(first);
    draft(second);
    wake(first);
    wake(second);
    wait_in_flight("pd", 1);
    wait_in_flight("pd", 1);
    set_hold(false);
    wait_for(&fx.n_reports, 2);
    assert_int_equal(fx.sent[0].id, first);
    assert_int_equal(fx.sent[1].id, second);
    assert_int_equal(fx.n_sent, 2);
}

/* What cannot be rendered is said once, when it is due; what cannot go is not prepared; and nothing leaks at the end. */
static void
a_draft_that_cannot_be_made_is_no_harm(void **state)
{
    unsigned i;

    (void)state;
    fx.render_fails = true;
    begin();
    i = add_incident("pd");
    draft(i);
    wake(i);
    wait_for(&fx.n_reports, 1);
    assert_int_equal(fx.reports[0].outcome.verdict, TOCSIN_REJECTED);
    assert_string_equal(fx.reports[0].outcome.reason, "severity 'purple' is not known");
    draft(add_incident("nobody"));
    pthread_mutex_lock(&fx.lock);
    fx.render_fails = false;
    pthread_mutex_unlock(&fx.lock);
    wait_until_looked_at("vo");
    assert_int_equal(count_of(&fx.n_reports), 2);
    draft(add_incident("vo"));               /* left behind: its commit never ends */
    wait_until_looked_at("pd");
    draft(add_incident("vo"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_draft_goes_with_its_wake),
        TEST(what_comes_after_it_is_told_from_the_ledger),
        TEST(a_commit_that_failed_sends_nothing),
        TEST(a_newer_wake_makes_it_void),
        TEST(two_wakes_at_once_ask_the_ledger),
        TEST(a_reload_makes_it_void),
        TEST(a_row_that_is_known_has_no_draft),
        TEST(without_room_it_waits_its_turn),
        TEST(a_draft_that_cannot_be_made_is_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
