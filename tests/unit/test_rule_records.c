/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of logs: which rules make an alert of one, and that all others leave nothing behind. */
#include "unit/rule_spec.h"

static const struct tocsin_pair labels[] = { { "host", "web-1" }, { "level", "error" }, { "unit", "nginx" } };

static struct tocsin_alert
line(const char *text)
{
    return (struct tocsin_alert){ .status = TOCSIN_FIRING, .severity = TOCSIN_INFO, .summary = text, .dedup_key = text,
                                  .labels = labels, .n_labels = 3, .record = true };
}

static struct decision *
decide_line(struct bench *b, const char *text)
{
    struct tocsin_alert a = line(text);

    return ruleset_decide_record(b->rs, b->sc, b->arena, "journal", &a);
}

#define ABOUT_TEXT { "summary =~ \".*memory.*\"" }
#define CRITICAL { { "severity", "critical" } }

static struct {
    const char *why;
    struct spec rules[3];
    bool want;
} cases[] = {
    { "no rule", { { .name = NULL } }, false },
    { "asked for", { { .name = "a", .match = { "host = web-1" }, .alert = MAKES } }, true },
    { "asked for, without a match", { { .name = "a", .alert = MAKES } }, true },
    { "asked for, elsewhere", { { .name = "a", .match = { "host = web-2" }, .alert = MAKES } }, false },
    { "its text, and a severity", { { .name = "a", .match = ABOUT_TEXT, .set = CRITICAL } }, true },
    { "its text, and a policy", { { .name = "a", .match = ABOUT_TEXT, .policy = &other } }, true },
    { "its text, and a target", { { .name = "a", .match = ABOUT_TEXT, .notify = { "pd" } } }, true },
    { "its text, and a group", { { .name = "a", .match = ABOUT_TEXT, .group_by = { "host" } } }, true },
    { "its text, and an identity", { { .name = "a", .match = ABOUT_TEXT, .dedup_key = "oom" } }, true },
    { "its text, and a label", { { .name = "a", .match = ABOUT_TEXT, .set = { { "team", "x" } } } }, false },
    { "its text, but suppressed", { { .name = "a", .match = ABOUT_TEXT, .set = CRITICAL, .suppress = true } }, false },
    { "its text, but told not to",
      { { .name = "a", .match = ABOUT_TEXT, .set = CRITICAL, .alert = MAKES_NOT } }, false },
    { "not its text", { { .name = "a", .match = { "summary !~ \".*disk.*\"" }, .policy = &other } }, false },
    { "its collector alone", { { .name = "a", .match = { "source = journal" }, .policy = &other } }, false },
    { "its collector and a status",
      { { .name = "a", .match = { "source = journal", "status = firing" }, .policy = &other } }, false },
    { "its collector and a level",
      { { .name = "a", .match = { "source = journal", "level = error" }, .policy = &other } }, true },
    { "its host alone", { { .name = "a", .match = { "host = web-1" }, .policy = &other } }, false },
    { "one alternative is general",
      { { .name = "a", .match = { "summary =~ \".*memory.*\"", "||", "host = web-1" }, .policy = &other } }, false },
    { "dropped below", { { .name = "a", .match = ABOUT_TEXT, .set = CRITICAL },
                         { .name = "b", .match = { "host = web-1" }, .drop = true } }, false },
    { "told not to below", { { .name = "a", .match = ABOUT_TEXT, .set = CRITICAL },
                             { .name = "b", .alert = MAKES_NOT } }, false },
    { "asked for again below", { { .name = "a", .drop = false, .alert = MAKES_NOT },
                                 { .name = "b", .match = ABOUT_TEXT, .alert = MAKES } }, true },
    { "stopped above", { { .name = "a", .match = { "host = web-1" }, .stop = true },
                         { .name = "b", .match = ABOUT_TEXT, .alert = MAKES } }, false },
    { "a rule above gives the label", { { .name = "a", .match = ABOUT_TEXT, .set = { { "team", "x" } } },
                                        { .name = "b", .match = { "team = x" }, .alert = MAKES } }, true },
};

static void
test_which_rules_make_alerts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t n = 0;
        struct bench b;
        struct decision *d;

        while (n < 3 && cases[i].rules[n].name != NULL)
            n++;
        b = load(cases[i].rules, n);
        d = decide_line(&b, "Out of memory: killed 812");
        if ((d != NULL) != cases[i].want)
            fail_msg("%s: %s", cases[i].why, d != NULL ? "an alert" : "none");
        unload(&b);
    }
}

static void
test_what_it_becomes(void **state)
{
    struct spec rules[] = { { .name = "oom", .match = ABOUT_TEXT, .set = CRITICAL, .group_by = { "host" } } };
    struct bench b = LOAD(rules);
    struct decision *d = decide_line(&b, "Out of memory: killed 812");

    (void)state;
    assert_non_null(d);
    assert_int_equal(d->severity, TOCSIN_CRITICAL);
    assert_string_equal(d->group_key, "page/host=web-1");
    assert_string_equal(d->summary, "Out of memory: killed 812");
    assert_int_equal(d->n_trace, 1);
    assert_string_equal(d->trace[0].text, "severity: info -> critical; group_by host; made an alert");
    assert_string_equal(label_of(&b, d, "unit"), "nginx");
    unload(&b);
}

/* What no rule matches costs no memory, however many lines come. */
static void
test_nothing_is_left(void **state)
{
    struct spec rules[] = { { .name = "oom", .match = ABOUT_TEXT, .set = CRITICAL },
                            { .name = "web-2", .match = { "source = journal", "host = web-2" }, .alert = MAKES } };
    struct bench b = LOAD(rules);
    size_t before = arena_used(b.arena);

    (void)state;
    for (int i = 0; i < 10000; i++)
        assert_null(decide_line(&b, "GET /index.html 200"));
    assert_int_equal(arena_used(b.arena), before);
    unload(&b);
}

/* An alert is not a record: the same rules say nothing about whether it is one. */
static void
test_alerts_stay_alerts(void **state)
{
    struct spec rules[] = { { .name = "a", .alert = MAKES_NOT } };
    struct bench b = LOAD(rules);
    struct tocsin_alert a = alert(gpu, 5);

    (void)state;
    assert_non_null(decide(&b, &a));
    unload(&b);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_rules_make_alerts),
        cmocka_unit_test(test_what_it_becomes),
        cmocka_unit_test(test_nothing_is_left),
        cmocka_unit_test(test_alerts_stay_alerts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
