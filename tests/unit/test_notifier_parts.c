/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of the notifier: token bucket, circuit breaker, what is bounded and hidden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "notifier/breaker.h"
#include "notifier/bucket.h"
#include "notifier/verdict.h"

static void
a_bucket_delays(void **state)
{
    struct bucket b = { 0 };
    int64_t now = 1000, begun = now;

    (void)state;
    bucket_set(&b, 2, 3, now);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(bucket_wait_ms(&b, now), 0);
        bucket_take(&b, now);
    }
    assert_in_range(bucket_wait_ms(&b, now), 500, 501);
    for (int i = 0; i < 10; i++) {
        int64_t wait = bucket_wait_ms(&b, now);

        assert_in_range(wait, 1, 501);
        now += wait;
        assert_int_equal(bucket_wait_ms(&b, now), 0);
        bucket_take(&b, now);
    }
    assert_in_range(now - begun, 5000, 5010);
    now += 3600000; /* an idle hour saves no more than the burst */
    for (int i = 0; i < 3; i++)
        bucket_take(&b, now);
    assert_true(bucket_wait_ms(&b, now) > 0);
}

static void
a_bucket_without_a_rate_is_open(void **state)
{
    struct bucket b = { 0 };

    (void)state;
    bucket_set(&b, 0, 0, 0);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(bucket_wait_ms(&b, 0), 0);
        bucket_take(&b, 0);
    }
}

static void
a_reload_grants_no_second_burst(void **state)
{
    struct bucket b = { 0 };

    (void)state;
    bucket_set(&b, 1, 2, 0);
    bucket_take(&b, 0);
    bucket_take(&b, 0);
    bucket_set(&b, 1, 5, 0);
    assert_true(bucket_wait_ms(&b, 0) > 0);
    bucket_set(&b, 0.0001, 1, 0);
    assert_int_equal(bucket_wait_ms(&b, 0), 3600000);
    bucket_set(&b, 1000, 1, 0);
    assert_in_range(bucket_wait_ms(&b, 0), 1, 2);
}

static void
a_breaker_opens_probes_and_closes(void **state)
{
    struct breaker b = { 0 };
    int64_t now = 0, wait = 1000;

    (void)state;
    for (int i = 0; i < 4; i++)
        breaker_bad(&b, "500", now);
    breaker_good(&b); /* one answer, and it counts from the beginning */
    for (int i = 0; i < 4; i++)
        breaker_bad(&b, "500", now);
    assert_int_equal(breaker_wait_ms(&b, now), 0);
    breaker_bad(&b, "503", now);
    assert_true(b.open);
    assert_string_equal(b.last_error, "503");
    assert_int_equal(breaker_wait_ms(&b, now), 1000);
    breaker_bad(&b, "late", now); /* was under way when it opened: the wait stays */
    assert_int_equal(breaker_wait_ms(&b, now), 1000);
    for (int i = 0; i < 10; i++) {
        now += wait;
        assert_int_equal(breaker_wait_ms(&b, now), 0);
        breaker_begin(&b);
        assert_true(breaker_wait_ms(&b, now) > 0); /* one probe at a time */
        breaker_bad(&b, "503", now);
        wait = wait * 2 < 60000 ? wait * 2 : 60000;
        assert_int_equal(breaker_wait_ms(&b, now), wait);
    }
    now += wait;
    breaker_begin(&b);
    breaker_good(&b);
    assert_false(b.open);
    assert_int_equal(breaker_wait_ms(&b, now), 0);
}

static void
outcomes_are_tidied(void **state)
{
    struct setting items[] = { { .name = "key", .type = TOCSIN_OPT_SECRET, .text = "s3cr3t-key" },
                               { .name = "none", .type = TOCSIN_OPT_SECRET, .text = NULL },
                               { .name = "short", .type = TOCSIN_OPT_SECRET, .text = "a" },
                               { .name = "url", .type = TOCSIN_OPT_STRING, .text = "public" } };
    struct tocsin_settings set = { items, 4 };
    struct arena *a = arena_new();
    struct tocsin_outcome o = { .verdict = 99, .delay_ms = -1, .reason = "a public s3cr3t-keys3cr3t-key \x1b[1m \xff" };

    (void)state;
    verdict_tidy(a, &set, &o);
    assert_int_equal(o.verdict, TOCSIN_RETRY);
    assert_int_equal(o.delay_ms, 0);
    assert_string_equal(o.reason, "a public ****** \xef\xbf\xbd[1m \xef\xbf\xbd");
    o.verdict = TOCSIN_CONTINUE;
    o.delay_ms = INT64_MAX;
    /* a full buffer that ends with the first part of the secret, and no NUL */
    memset(o.reason, 'x', sizeof o.reason);
    memcpy(o.reason + sizeof o.reason - 7, "s3cr3t-", 7);
    memset(o.carry, 'c', sizeof o.carry);
    memset(o.vendor_ref, 'v', sizeof o.vendor_ref);
    verdict_tidy(a, &set, &o);
    assert_int_equal(o.delay_ms, 60000);
    assert_null(strstr(o.reason, "s3cr"));
    assert_int_equal(strlen(o.carry), sizeof o.carry - 1);
    assert_int_equal(strlen(o.vendor_ref), sizeof o.vendor_ref - 1);
    o.verdict = TOCSIN_RETRY;
    o.delay_ms = INT64_MAX;
    verdict_tidy(a, NULL, &o);
    assert_int_equal(o.delay_ms, 3600000);
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_delays),
        cmocka_unit_test(a_bucket_without_a_rate_is_open),
        cmocka_unit_test(a_reload_grants_no_second_burst),
        cmocka_unit_test(a_breaker_opens_probes_and_closes),
        cmocka_unit_test(outcomes_are_tidied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
