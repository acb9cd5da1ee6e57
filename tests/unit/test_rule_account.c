/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of each rule when a decision is to be explained; and that it is the decision that would be taken. */
#include "core/rules/tally.h"
#include "unit/rule_spec.h"

static const char *const parts[] = { "no match", "matched", "failed", "not reached" };

static struct rule_explanation
explain(struct bench *b, const struct tocsin_alert *a)
{
    struct rule_explanation x;

    ruleset_explain(b->rs, b->sc, b->arena, "training", a, NULL, true, &x);
    return x;
}

static struct tocsin_alert
line(const char *text)
{
    static const struct tocsin_pair labels[] = { { "host", "n7" } };

    return (struct tocsin_alert){ .status = TOCSIN_FIRING, .severity = TOCSIN_INFO, .summary = text, .dedup_key = text,
                                  .labels = labels, .n_labels = 1, .record = true };
}

/* Of an alert "disk full" with host = n7 and severity error. */
static void
test_each_rule_has_its_account(void **state)
{
    struct spec rules[] = {
        { .name = "equal", .match = { "host = db1" } },
        { .name = "missing", .match = { "team != \"\"" } },
        { .name = "both", .match = { "host = n7", "severity = info" } },
        { .name = "either", .match = { "host = db1", "||", "source = other" } },
        { .name = "ratio", .match = { "host = n7" }, .set = { { "r", "{{ 1 / (.labels.zero | tonumber) }}" } } },
        { .name = "loud", .match = { "host = n7" }, .set = { { "severity", "critical" } } },
        { .name = "changed", .match = { "severity = error" } },
        { .name = "stops", .match = { "severity = critical" }, .stop = true },
        { .name = "last", .match = { "host = n7" } },
    };
    static const struct { int part; const char *text; } want[] = {
        { RULE_NO_MATCH, "host = db1 (it is 'n7')" },
        { RULE_NO_MATCH, "team != \"\" (there is no team)" },
        { RULE_NO_MATCH, "severity = info (it is 'error')" },
        { RULE_NO_MATCH, "host = db1 (it is 'n7'), nor source = other (it is 'training')" },
        { RULE_FAILED, NULL },
        { RULE_MATCHED, "severity: error -> critical" },
        { RULE_NO_MATCH, "severity = error (it is 'critical')" },
        { RULE_MATCHED, "stop" },
        { RULE_NOT_REACHED, "rule 'stops' stops before it" },
    };
    struct bench b = LOAD(rules);
    struct tocsin_alert a = line("disk full");
    struct rule_explanation x;

    (void)state;
    a.record = false;
    a.severity = TOCSIN_ERROR;
    x = explain(&b, &a);
    assert_true(x.is_alert);
    assert_int_equal(x.n_rules, sizeof want / sizeof want[0]);
    for (size_t i = 0; i < x.n_rules; i++) {
        assert_string_equal(x.rules[i].rule, rules[i].name);
        assert_int_equal(x.rules[i].pos.line, 10 + i * 10);
        assert_string_equal(parts[x.rules[i].part], parts[want[i].part]);
        if (want[i].text != NULL)
            assert_string_equal(x.rules[i].text, want[i].text);
    }
    ruleset_explain(b.rs, b.sc, b.arena, "training", &a, NULL, false, &x);     /* the same, without reasons */
    for (size_t i = 0; i < x.n_rules; i++) {
        bool done = want[i].part == RULE_MATCHED || want[i].part == RULE_FAILED;

        assert_string_equal(x.rules[i].rule, rules[i].name);
        assert_string_equal(parts[x.rules[i].part], parts[done ? want[i].part : RULE_NO_MATCH]);
        assert_string_equal(done ? "" : x.rules[i].text, "");
    }
    unload(&b);
}

static uint32_t
count(void *ctx, const struct rule_hit *h)
{
    return tally_hit(ctx, &h->group, h->what, h->count, h->window_ms, 1000);
}

static void
test_a_line_is_explained_below_its_threshold(void **state)
{
    struct spec rules[] = { { .name = "errors", .match = { "summary =~ \".*error.*\"" },
                              .threshold = { 3, 60000, { "host", "team" } }, .set = { { "severity", "critical" } } },
                            { .name = "rest", .match = { "host = n7" }, .set = { { "team", "ml" } } } };
    struct bench b = LOAD(rules);
    struct tally *tally = tally_new();
    struct tocsin_alert error = line("error 1"), fine = line("all is well");
    struct rule_explanation x;

    (void)state;
    rule_scratch_count(b.sc, count, tally);
    for (uint32_t seen = 1; seen <= 3; seen++) {
        x = explain(&b, &error);
        assert_int_equal(x.is_alert, seen == 3);
        assert_int_equal(x.rules[0].part, RULE_MATCHED);
        assert_int_equal(x.rules[0].seen, seen);
        assert_int_equal(x.rules[0].count, 3);
        assert_int_equal(x.rules[0].window_ms, 60000);
        assert_string_equal(x.rules[0].of, "host=n7, team=");
        assert_int_equal(x.decision->severity, seen == 3 ? TOCSIN_CRITICAL : TOCSIN_INFO);
        assert_string_equal(x.rules[1].text, "team: (none) -> ml");
        assert_int_equal(x.rules[1].count, 0);
    }
    x = explain(&b, &fine);
    assert_false(x.is_alert);
    assert_int_equal(x.rules[0].part, RULE_NO_MATCH);
    assert_int_equal(x.rules[0].count, 0);
    assert_string_equal(x.rules[0].text, "summary =~ \".*error.*\" (it is 'all is well')");
    tally_free(tally);
    unload(&b);
}

/* A resolve asks no threshold, and a dropped line is none that a rule wants. */
static void
test_what_no_threshold_is_asked_of(void **state)
{
    struct spec rules[] = { { .name = "many", .match = { "host = n7" }, .threshold = { 2, 60000, { NULL } } },
                            { .name = "noise", .match = { "summary = noise" }, .alert = MAKES, .drop = true } };
    struct bench b = LOAD(rules);
    struct tocsin_alert over = line("over"), noise = line("noise");
    struct rule_explanation x;

    (void)state;
    over.record = false;
    over.status = TOCSIN_RESOLVED;
    x = explain(&b, &over);
    assert_true(x.is_alert);
    assert_int_equal(x.rules[0].part, RULE_MATCHED);
    assert_int_equal(x.rules[0].count, 0);
    assert_string_equal(x.rules[0].text, "matched, changed nothing");
    x = explain(&b, &noise);
    assert_false(x.is_alert);
    assert_true(x.decision->drop);
    unload(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_rule_has_its_account),
        cmocka_unit_test(test_a_line_is_explained_below_its_threshold),
        cmocka_unit_test(test_what_no_threshold_is_asked_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
