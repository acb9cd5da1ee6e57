/* SPDX-License-Identifier: Apache-2.0 */
/* Actions in time: threshold, delay, resolve_after; and the counters of thresholds. */
#include "core/rows.h"
#include "core/rules/tally.h"
#include "unit/rule_spec.h"

/* --- counters ----------------------------------------------------------------------------------- */

static struct id16
group(const char *name)
{
    return id_hash(&name, 1);
}

static void
test_tally(void **state)
{
    static const struct { int64_t at; uint64_t what; uint32_t want; } hits[] = {
        { 1000, 0, 1 }, { 1000, 0, 2 }, { 1999, 0, 3 }, { 2000, 0, 3 },      /* never more than it counts to */
        { 2001, 0, 3 }, { 3002, 0, 1 },                                       /* a window later all are too old */
        { 3003, 7, 2 }, { 3004, 7, 2 }, { 3005, 8, 3 },                       /* the same thing twice is one */
        { 2900, 0, 3 },                                                       /* a clock that goes back */
    };
    struct tally *t = tally_new();
    struct id16 a = group("a"), b = group("b");

    (void)state;
    for (size_t i = 0; i < sizeof hits / sizeof hits[0]; i++)
        assert_int_equal(tally_hit(t, &a, hits[i].what, 3, 1000, hits[i].at), hits[i].want);
    assert_int_equal(tally_hit(t, &b, 0, 3, 1000, 5000), 1);
    assert_int_equal(tally_groups(t), 2);
    tally_free(t);
}

static void
test_tally_is_bounded(void **state)
{
    struct tally *t = tally_new();
    struct id16 first = group("0"), last;
    char name[16];

    (void)state;
    for (int i = 0; i < 2 * TALLY_MAX_GROUPS; i++) {
        snprintf(name, sizeof name, "%d", i);
        last = group(name);
        assert_int_equal(tally_hit(t, &last, 0, 2, 1000, i), 1);
    }
    assert_int_equal(tally_groups(t), TALLY_MAX_GROUPS);
    assert_int_equal(tally_hit(t, &last, 0, 2, 1000, 2 * TALLY_MAX_GROUPS), 2);
    assert_int_equal(tally_hit(t, &first, 0, 2, 1000000, 2 * TALLY_MAX_GROUPS), 1);   /* was forgotten */
    for (int i = 0; i < 3000; i++) {         /* times are bounded as well: groups of a thousand each */
        snprintf(name, sizeof name, "big %d", i);
        last = group(name);
        for (int k = 0; k < TALLY_MAX_COUNT; k++)
            tally_hit(t, &last, 0, TALLY_MAX_COUNT, 1000, 100000);
    }
    assert_in_range(tally_groups(t), 2, TALLY_MAX_TIMES / TALLY_MAX_COUNT + 1);
    assert_int_equal(tally_hit(t, &last, 0, TALLY_MAX_COUNT, 1000, 100000), TALLY_MAX_COUNT);
    tally_free(t);
}

/* --- thresholds ------------------------------------------------------------------------------------ */

struct clock { struct tally *tally; int64_t now; };

static uint32_t
count(void *ctx, const struct rule_hit *h)
{
    struct clock *c = ctx;

    return tally_hit(c->tally, &h->group, h->what, h->count, h->window_ms, c->now);
}

static struct decision *
decide_line(struct bench *b, const char *text, const char *host)
{
    struct tocsin_pair *labels = arena_zalloc(b->arena, sizeof *labels);
    struct tocsin_alert a = { .status = TOCSIN_FIRING, .severity = TOCSIN_INFO, .summary = text, .dedup_key = text,
                              .labels = labels, .n_labels = 1, .record = true };

    *labels = (struct tocsin_pair){ "host", host };
    return ruleset_decide_record(b->rs, b->sc, b->arena, "journal", &a);
}

static void
test_lines_over_a_threshold(void **state)
{
    struct spec rules[] = { { .name = "errors", .match = { "summary =~ \".*error.*\"" },
                              .set = { { "severity", "critical" } },
                              .threshold = { 3, 60000, { "host" } } } };
    struct bench b = LOAD(rules);
    struct clock clock = { tally_new(), 1000 };
    struct decision *d, *again;

    (void)state;
    rule_scratch_count(b.sc, count, &clock);
    assert_null(decide_line(&b, "error 1", "a"));
    assert_null(decide_line(&b, "error 2", "a"));
    assert_null(decide_line(&b, "error 3", "b"));
    assert_null(decide_line(&b, "all is well", "a"));
    d = decide_line(&b, "error 4", "a");
    assert_non_null(d);
    assert_string_equal(d->dedup_key, "threshold/errors/host=a");
    assert_string_equal(d->summary, "error 4");
    assert_int_equal(d->severity, TOCSIN_CRITICAL);
    assert_int_equal(d->resolve_after_ms, 60000);
    assert_true(d->steady);
    assert_string_equal(d->trace[0].text, "threshold 3 of 3 in 1m; severity: info -> critical; made an alert");
    clock.now += 1000;
    again = decide_line(&b, "error 5", "a");           /* still over: the same alert, and each line counts once */
    assert_true(id_eq(&again->key, &d->key));
    clock.now += 60000;
    assert_null(decide_line(&b, "error 6", "a"));      /* below again: the one at 2000 and this one */
    rule_scratch_count(b.sc, NULL, NULL);
    assert_null(decide_line(&b, "error 7", "a"));      /* an explanation counts nothing */
    tally_free(clock.tally);
    unload(&b);
}

/* Lines of two hosts whose names are redacted are not counted together. */
static void
test_redacted_lines_over_a_threshold(void **state)
{
    static const struct tocsin_pair labels[] = { { "host", "[redacted]" } };
    static const struct tocsin_pair hidden[] = { { "host", "h1" }, { "host", "h2" } };
    struct spec rules[] = { { .name = "errors", .match = { "summary = \"error\"" },
                              .threshold = { 2, 60000, { "host" } } } };
    struct tocsin_alert a = { .status = TOCSIN_FIRING, .summary = "error", .labels = labels, .n_labels = 1,
                              .n_hidden = 1, .record = true };
    struct bench b = LOAD(rules);
    struct clock clock = { tally_new(), 1000 };
    struct decision *d = NULL;

    (void)state;
    rule_scratch_count(b.sc, count, &clock);
    for (int i = 0; i < 3; i++) {
        a.hidden = &hidden[i % 2];
        d = ruleset_decide_record(b.rs, b.sc, b.arena, "journal", &a);
        assert_int_equal(d != NULL, i == 2);
    }
    assert_string_equal(d->dedup_key, "threshold/errors/host=h1");
    tally_free(clock.tally);
    unload(&b);
}

static void
test_alerts_over_a_threshold(void **state)
{
    struct spec rules[] = { { .name = "many", .match = { "cluster = a" }, .group_by = { "cluster" },
                              .threshold = { 2, 60000, { "cluster" } } } };
    struct bench b = LOAD(rules);
    struct clock clock = { tally_new(), 1000 };
    struct tocsin_alert first = alert(gpu, 5), second = alert(gpu, 4);
    struct decision *d;

    (void)state;
    rule_scratch_count(b.sc, count, &clock);
    d = decide(&b, &first);
    assert_true(d->below);
    assert_string_equal(d->held_by, "rule 'many' (rules/10.cfg:10)");
    assert_string_equal(d->group_key, "page/cluster=a");
    assert_true(decide(&b, &first)->below);            /* the same alert again is still one */
    d = decide(&b, &second);
    assert_false(d->below);
    assert_string_equal(d->group_key, "page/cluster=a");
    assert_false(decide(&b, &first)->below);
    first.status = TOCSIN_RESOLVED;                    /* an end is no match */
    assert_false(decide(&b, &first)->below);
    tally_free(clock.tally);
    unload(&b);
}

/* A threshold of two, which the repeat of the first does not reach: does the second? */
static void
expect_below(struct spec *rules, size_t n, const char *first_key, const char *second_key, bool second_below)
{
    struct bench b = load(rules, n);
    struct clock clock = { tally_new(), 1000 };
    struct tocsin_alert first = alert(gpu, 5), second = alert(gpu, 3);

    first.dedup_key = first_key;
    second.dedup_key = second_key;
    rule_scratch_count(b.sc, count, &clock);
    assert_true(decide(&b, &first)->below);
    assert_true(decide(&b, &first)->below);
    assert_int_equal(decide(&b, &second)->below, second_below);
    tally_free(clock.tally);
    unload(&b);
}

static void
test_merged_alerts_over_a_threshold(void **state)
{
    struct spec rules[] = { { .name = "one", .match = { "cluster = a" }, .dedup_key = "{{ .labels.cluster }}" },
                            { .name = "many", .match = { "cluster = a" }, .threshold = { 2, 60000, { "cluster" } } } };

    (void)state;
    expect_below(rules, 2, "a", "b", false);
    expect_below(rules, 2, NULL, NULL, true);          /* labels that change may be all that tells them apart */
    rules[0].resolve_when = OWN_ANY;
    expect_below(rules, 2, "a", "b", true);            /* so the rule says of keys */
    rules[0] = (struct spec){ .name = "split", .dedup_key = "{{ .dedup_key }}/{{ .labels.gpu }}" };
    expect_below(rules, 2, "a", "a", false);
}

/* --- delay and resolve_after -------------------------------------------------------------------------- */

static void
test_times(void **state)
{
    struct spec rules[] = { { .name = "slow", .match = { "cluster = a" }, .delay = 300000, .resolve_after = 900000 },
                            { .name = "urgent", .match = { "gpu = 3" }, .has_delay = true } };
    struct bench b = LOAD(rules);
    struct tocsin_alert a = alert(gpu, 3), urgent = alert(gpu, 5);
    struct decision *d = decide(&b, &a);

    (void)state;
    assert_int_equal(d->delay_ms, 300000);
    assert_int_equal(d->resolve_after_ms, 900000);
    assert_string_equal(d->delayed_by, "rule 'slow' (rules/10.cfg:10)");
    assert_string_equal(d->trace[0].text, "delay 5m; resolve_after 15m");
    d = decide(&b, &urgent);                           /* the last word counts: no delay */
    assert_int_equal(d->delay_ms, 0);
    assert_int_equal(d->n_trace, 2);
    unload(&b);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tally),
        cmocka_unit_test(test_tally_is_bounded),
        cmocka_unit_test(test_lines_over_a_threshold),
        cmocka_unit_test(test_redacted_lines_over_a_threshold),
        cmocka_unit_test(test_alerts_over_a_threshold),
        cmocka_unit_test(test_merged_alerts_over_a_threshold),
        cmocka_unit_test(test_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
