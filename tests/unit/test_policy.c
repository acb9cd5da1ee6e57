/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "core/escalation/policy.h"

static const char *first[] = { "pd" };
static const char *second[] = { "vo", "anna" };
static const char *last[] = { "og" };

static struct policy
sample(void)
{
    static struct policy_step steps[2];
    struct policy p = { .name = "ml-oncall", .steps = steps, .n_steps = 2, .loops = 1, .ack_timeout_ms = 3600000,
                        .failover_after_ms = 60000, .last_wait_ms = 600000, .restart_on_unack = true,
                        .last_resort = last, .n_last_resort = 1 };

    steps[0] = (struct policy_step){ .after_ms = 0, .targets = first, .n_targets = 1 };
    steps[1] = (struct policy_step){ .after_ms = 300000, .targets = second, .n_targets = 2 };
    return p;
}

static void
test_round_trip(void **state)
{
    struct arena *a = arena_new();
    struct policy p = sample(), *q;

    (void)state;
    policy_seal(&p, a);
    q = policy_parse(p.body, a);
    assert_non_null(q);
    assert_string_equal(q->name, "ml-oncall");
    assert_int_equal(q->n_steps, 2);
    assert_int_equal(q->steps[1].after_ms, 300000);
    assert_int_equal(q->steps[1].n_targets, 2);
    assert_string_equal(q->steps[1].targets[1], "anna");
    assert_int_equal(q->loops, 1);
    assert_int_equal(q->ack_timeout_ms, 3600000);
    assert_int_equal(q->failover_after_ms, 60000);
    assert_int_equal(q->last_wait_ms, 600000);
    assert_true(q->restart_on_unack);
    assert_int_equal(q->n_last_resort, 1);
    assert_string_equal(q->last_resort[0], "og");
    assert_true(id_eq(&p.id, &q->id));
    policy_seal(q, a);
    assert_string_equal(q->body, p.body);
    assert_true(id_eq(&p.id, &q->id));
    arena_free(a);
}

static void
test_id_follows_content(void **state)
{
    struct arena *a = arena_new();
    struct policy p = sample(), q = sample();

    (void)state;
    policy_seal(&p, a);
    policy_seal(&q, a);
    assert_true(id_eq(&p.id, &q.id));
    q.loops = POLICY_FOR_EVER;
    policy_seal(&q, a);
    assert_false(id_eq(&p.id, &q.id));
    assert_int_equal(policy_parse(q.body, a)->loops, POLICY_FOR_EVER);
    arena_free(a);
}

#define STEP "{\"after_ms\":0,\"targets\":[\"a\"]}"
#define LAST ",\"last_resort\":[]}"
#define REST ",\"ack_timeout_ms\":0,\"failover_after_ms\":0,\"last_wait_ms\":0,\"restart_on_unack\":false" LAST

static void
test_damaged(void **state)
{
    static const char *const bodies[] = {
        "", "null", "[]", "{}", "{\"name\":\"x\"", "nonsense",
        "{\"name\":\"x\",\"steps\":[],\"loops\":0" REST,
        "{\"name\":7,\"steps\":[" STEP "],\"loops\":0" REST,
        "{\"name\":\"x\",\"steps\":[" STEP "],\"loops\":-1" REST,
        "{\"name\":\"x\",\"steps\":[" STEP "],\"loops\":4294967296" REST,
        "{\"name\":\"x\",\"steps\":[" STEP "],\"loops\":\"0\"" REST,
        "{\"name\":\"x\",\"steps\":[7],\"loops\":0" REST,
        "{\"name\":\"x\",\"steps\":[{\"after_ms\":0,\"targets\":[1]}],\"loops\":0" REST,
        "{\"name\":\"x\",\"steps\":[{\"after_ms\":-1,\"targets\":[]}],\"loops\":0" REST,
        "{\"name\":\"x\",\"steps\":[{\"after_ms\":9,\"targets\":[]}," STEP "],\"loops\":0" REST,
        "{\"name\":\"x\",\"steps\":[" STEP "],\"loops\":0,\"loops\":1" REST,
        "{\"name\":\"x\",\"steps\":[" STEP "],\"loops\":0}",
    };
    struct arena *a = arena_new();

    (void)state;
    assert_non_null(policy_parse("{\"name\":\"x\",\"steps\":[" STEP "],\"loops\":0" REST, a));
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        if (policy_parse(bodies[i], a) != NULL)
            fail_msg("accepted: %s", bodies[i]);
    arena_free(a);
}

static void
test_offsets(void **state)
{
    struct policy p = sample();

    (void)state;
    assert_int_equal(policy_pass_ms(&p), 900000);
    assert_int_equal(policy_step_offset(&p, 0, 0), 0);
    assert_int_equal(policy_step_offset(&p, 0, 1), 300000);
    assert_int_equal(policy_step_offset(&p, 1, 0), 900000);
    assert_int_equal(policy_step_offset(&p, 7, 1), 7 * 900000 + 300000);
    p.last_wait_ms = INT64_MAX - 5;
    assert_true(policy_pass_ms(&p) == INT64_MAX);
    assert_true(policy_step_offset(&p, UINT32_MAX, 1) == INT64_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_round_trip), cmocka_unit_test(test_id_follows_content),
                                        cmocka_unit_test(test_damaged), cmocka_unit_test(test_offsets) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
