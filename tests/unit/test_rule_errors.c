/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that fail while running, texts that are not clean, and what a wrong rule file is told. */
#include "unit/rule_spec.h"

/* --- failures ------------------------------------------------------------------------------------------ */

static void
test_failures(void **state)
{
    struct spec specs[] = {
        { .name = "one-of-three", .match = { "gpu = 3" },
          .set = { { "x", "1" }, { "y", "{{ .labels.host | tonumber }}" }, { "z", "3" } }, .policy = &other },
        { .name = "nonsense", .match = { "gpu = 3" }, .set = { { "severity", "{{ .labels.host }}" } }, .drop = true },
        { .name = "empty-key", .match = { "gpu = 3" }, .dedup_key = "{{ .labels.missing }}" },
        { .name = "empty-summary", .match = { "gpu = 3" }, .set = { { "summary", "{{ .labels.missing }}" } } },
        { .name = "regex", .match = { "long =~ \"(a|aa)+[xyz]\"" }, .drop = true },
        { .name = "regex-or-not", .match = { "long =~ \"(a|aa)+[xyz]\"", "||", "gpu = 3" }, .set = { { "or", "1" } } },
        { .name = "regex-and-no", .match = { "long =~ \"(a|aa)+[xyz]\"", "gpu = 4" }, .drop = true },
        { .name = "too-long", .match = { "gpu = 3" }, .set = { { "w", "{{ .labels.long * 3 }}" } }, .suppress = true },
        { .name = "works", .match = { "gpu = 3" }, .set = { { "end", "1" } } },
    };
    struct bench b = LOAD(specs);
    char text[3000];
    struct tocsin_pair labels[] = { { "gpu", "3" }, { "host", "h" }, { "long", text } };
    struct tocsin_alert a = alert(labels, 3);
    struct decision *d;
    static const char *const failed[] = { "one-of-three", "nonsense", "empty-key", "empty-summary", "regex",
                                          "too-long" };
    size_t n = 0;

    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    a.dedup_key = "key";
    d = decide(&b, &a);
    assert_true(d->failed);
    assert_false(d->drop || d->suppress);
    assert_string_equal(d->dedup_key, "key");
    assert_int_equal(d->severity, TOCSIN_ERROR);
    assert_ptr_equal(d->policy, &other);
    assert_string_equal(label_of(&b, d, "x"), "1");
    assert_string_equal(label_of(&b, d, "y"), "");
    assert_string_equal(label_of(&b, d, "z"), "3");
    assert_string_equal(label_of(&b, d, "or"), "1");
    assert_string_equal(label_of(&b, d, "w"), "");
    assert_string_equal(label_of(&b, d, "end"), "1");
    for (size_t i = 0; i < d->n_trace; i++)
        if (d->trace[i].failed)
            assert_string_equal(d->trace[i].rule, failed[n++]);
    assert_int_equal(n, 6);
    assert_non_null(strstr(d->trace[0].text, "x: (none) -> 1; y failed: {{ .labels.host | tonumber }}: "));
    assert_string_equal(d->trace[1].text,
                        "severity failed: 'h' is not a severity; drop passed over because of the failure");
    assert_string_equal(d->trace[4].text, "skipped: matcher 'long =~ \"(a|aa)+[xyz]\"': the regex ran into its limit");
    unload(&b);
}

/* Bytes that a careless sender may put in: the text stays clean, nothing else is disturbed. */
static void
test_texts_are_clean(void **state)
{
    struct spec specs[] = {
        { .name = "r", .set = { { "summary", "{{ \"a\\nb\\tc\\u0001\" }}" }, { "l", "{{ \"x\\u0007y\" }}" } } },
    };
    struct bench b = LOAD(specs);
    struct tocsin_alert a = alert(gpu, 5);
    struct decision *d = decide(&b, &a);

    (void)state;
    assert_string_equal(d->summary, "a b c\xef\xbf\xbd");
    assert_string_equal(label_of(&b, d, "l"), "x\xef\xbf\xbdy");
    unload(&b);
}

/* --- a rule file with mistakes ---------------------------------------------------------------------------- */

static void
test_mistakes(void **state)
{
    struct spec specs[] = {
        { .name = "a", .match = { "host =~ \"(\"" } },
        { .name = "b", .set = { { "severity", "crtical" } } },
        { .name = "c", .set = { { "source", "x" }, { "dedup_key", "x" } }, .unset = { "summary" } },
        { .name = "d", .set = { { "summary", "GPU {{ .labels.gpu" } } },
        { .name = "e", .set = { { "summary", "ok {{ .labels.gpu | nothing }}" }, { "x", "{{ 1 + }}" } } },
        { .name = "f", .group_by = { "..." } },
        { .name = "g", .match = { "fine = 1" }, .set = { { "summary", "{{ .labels.gpu | length }}" } } },
        { .name = "h", .dedup_key = "{{ now }}" },
        { .name = "" },
    };
    static const char *const lines[] = {
        "rules/10.cfg:10: rule 'a': matcher 'host =~ \"(\"': column 9: regex '(': ",
        "rules/10.cfg:20: rule 'b': set severity: unknown severity 'crtical'; expected ",
        "rules/10.cfg:30: rule 'c': 'source' cannot be set; 'labels.source' ",
        "rules/10.cfg:30: rule 'c': 'dedup_key' stands beside 'set'",
        "rules/10.cfg:30: rule 'c': 'summary' cannot be unset",
        "rules/10.cfg:40: rule 'd': set summary: column 5: '{{' is not closed",
        "rules/10.cfg:50: rule 'e': set summary: column 7: nothing/0 is not defined",
        "rules/10.cfg:50: rule 'e': set x: column 4: syntax error",
        "rules/10.cfg:60: rule 'f': group_by: '...' is not a label",
        "rules/10.cfg:80: rule 'h': dedup_key: column 4: 'now' is not available",
        "rules/10.cfg:90: a rule without a name",
    };
    struct arena *a = arena_new();
    struct reports reports = { .n = 0 };
    struct rule_src src[sizeof specs / sizeof specs[0]];

    (void)state;
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++)
        src[i] = source_of(a, &specs[i], (unsigned)(i + 1) * 10);
    assert_null(ruleset_compile(src, sizeof specs / sizeof specs[0], &page, on_report, &reports));
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (strstr(reports.text, lines[i]) == NULL)
            fail_msg("missing '%s' in\n%s", lines[i], reports.text);
    assert_int_equal(reports.n, sizeof lines / sizeof lines[0]);
    arena_free(a);
}

/* The rule set owns what it was given. */
static void
test_copies(void **state)
{
    char match[] = "gpu = 3", name[] = "r", value[] = "v{{ .labels.gpu }}";
    struct spec specs[] = { { .name = name, .match = { match }, .set = { { "x", value } } } };
    struct bench b = LOAD(specs);
    struct tocsin_alert a = alert(gpu, 5);
    struct decision *d;

    (void)state;
    memset(match, '#', sizeof match - 1);
    memset(name, '#', sizeof name - 1);
    memset(value, '#', sizeof value - 1);
    d = decide(&b, &a);
    assert_string_equal(label_of(&b, d, "x"), "v3");
    assert_string_equal(d->trace[0].rule, "r");
    assert_int_equal(ruleset_count(b.rs), 1);
    /* the decision outlives the rules, except for its policy */
    rule_scratch_free(b.sc);
    ruleset_free(b.rs);
    assert_string_equal(d->trace[0].text, "x: (none) -> v3");
    assert_string_equal(d->trace[0].pos.file, "rules/10.cfg");
    arena_free(b.arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_texts_are_clean),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_copies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
