/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "core/normalise/severity.h"
#include "core/rules/matcher.h"

struct fixture { struct arena *arena; struct match_state match; };

static int
setup(void **state)
{
    static struct fixture f;

    f.arena = arena_new();
    match_state_init(&f.match);
    *state = &f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    match_state_release(&f->match);
    arena_free(f->arena);
    return 0;
}

/* matcher, the value of its field, expected answer */
static const struct { const char *matcher; const char *value; enum truth truth; } rows[] = {
    /* equality; a missing label is "" */
    { "host = a", "a", YES },
    { "host = a", "b", NO },
    { "host = a", "", NO },
    { "host=a", "a", YES },
    { "  host  =  a  ", "a", YES },
    { "host = \"a\"", "a", YES },
    { "host=\"a\"", "a", YES },
    { "host = \"a b\"", "a b", YES },
    { "host = a b", "a b", YES },
    { "host = ", "", YES },
    { "host =", "", YES },
    { "host = \"\"", "", YES },
    { "host = \"\"", "a", NO },
    { "host != a", "b", YES },
    { "host != a", "a", NO },
    { "host != a", "", YES },
    { "host != \"\"", "", NO },
    { "host != \"\"", "x", YES },
    { "host = a,b", "a,b", YES },
    { "host = A", "a", NO },
    { "host = x=y", "x=y", YES },
    { "host = \"=y\"", "=y", YES },
    /* classic escapes: \n \" \\; any other backslash stays */
    { "host = \"a\\\"b\"", "a\"b", YES },
    { "host = \"a\\\\b\"", "a\\b", YES },
    { "host = \"a\\nb\"", "a\nb", YES },
    { "host = \"a\\tb\"", "a\\tb", YES },
    { "host = a\\nb", "a\nb", YES },
    { "host = a\\\"b", "a\"b", YES },
    { "host = \"trailing\\\\\"", "trailing\\", YES },
    /* other names: Go escapes as well */
    { "\"host\" = a", "a", YES },
    { "\"host name\" = \"a\\tb\"", "a\tb", YES },
    { "\"host\" = \"\\u00e9\"", "\xc3\xa9", YES },
    { "\"host\" = \"\\U0001F525\"", "\xf0\x9f\x94\xa5", YES },
    { "\"host\" = \"\\x41\"", "A", YES },
    { "\"host\" = \"\\x4\"", "\\x4", YES },
    { "\"host\" = \"\\d\"", "\\d", YES },
    { "resource-group = dev", "dev", YES },
    { "k8s.io/name = dev", "dev", YES },
    { "h\xc3\xb4te = \"\xf0\x9f\x94\xa5\"", "\xf0\x9f\x94\xa5", YES },
    { "\"a=b\" = c", "c", YES },
    { "labels.source = x", "x", YES },
    { "a:b = c", "c", YES },
    /* regexes: anchored on both sides */
    { "host =~ \"train-.*\"", "train-07", YES },
    { "host =~ train-.*", "train-07", YES },
    { "host =~ \"train-.*\"", "x-train-07", NO },
    { "host =~ \"train\"", "train-07", NO },
    { "host =~ \"a|ab\"", "ab", YES },
    { "host =~ \"(a|ab)(c|bcd)\"", "abcd", YES },
    { "host =~ \"a.c\"", "a\nc", NO },
    { "host =~ \"a$\"", "a\n", NO },
    { "host =~ \".*\"", "", YES },
    { "host =~ \".+\"", "", NO },
    { "host =~ \"\"", "", YES },
    { "host =~ \"\"", "a", NO },
    { "host =~ \"\\d+\"", "123", YES },
    { "host =~ \"\\d+\"", "12a", NO },
    { "host =~ \"(?i)TRAIN\"", "train", YES },
    { "host =~ \"h.te\"", "h\xc3\xb4te", YES },
    { "host =~ \"a.*\"", "a\xff", NO },
    { "host !~ \"train-.*\"", "x", YES },
    { "host !~ \"train-.*\"", "train-1", NO },
    { "host !~ \".+\"", "", YES },
    { "xid =~ \"48|74|79|94|95\"", "79", YES },
    { "xid =~ \"48|74|79|94|95\"", "7", NO },
    { "xid =~ \"48|74|79|94|95\"", "479", NO },
    { "xid !~ \"48|74\"", "74", NO },
    { "xid !~ \"48|74\"", "", YES },
    { "xid =~ \"48|\"", "", YES },
    { "xid =~ \"48|\"", "48", YES },
    /* numbers; text that is none never matches */
    { "gpu > 5", "6", YES },
    { "gpu > 5", "5", NO },
    { "gpu >= 5", "5", YES },
    { "gpu >= 5", "5.0", YES },
    { "gpu < 5", "-1", YES },
    { "gpu < 10", "9", YES },
    { "gpu <= 1e3", "1000", YES },
    { "gpu < 5", "", NO },
    { "gpu < 5", "x", NO },
    { "gpu < 5", "4%", NO },
    { "gpu < 5", "nan", NO },
    { "gpu < 5", "-inf", NO },
    { "gpu < 50", "0x10", NO },
    { "gpu < 5", " 4", NO },
    { "gpu > -2.5", "-2", YES },
    { "gpu>5", "6", YES },
    { "gpu > \"5\"", "6", YES },
    /* fixed vocabularies */
    { "status = firing", "firing", YES },
    { "status != resolved", "firing", YES },
    { "source = training", "training", YES },
    { "summary =~ \".*lost.*\"", "GPU lost", YES },
};

static void
test_rows(void **state)
{
    struct fixture *f = *state;

    assert_true(sizeof rows / sizeof rows[0] >= 60);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tocsin_err err = { .what = "" };
        struct matcher m;
        const char *why = "";
        enum truth t;

        if (matcher_parse(f->arena, rows[i].matcher, &m, &err) != TOCSIN_OK)
            fail_msg("%s: %s", rows[i].matcher, err.what);
        t = matcher_test(&m, rows[i].value, TOCSIN_SEV_NONE, &f->match, &why);
        matcher_release(&m);
        if (t != rows[i].truth)
            fail_msg("%s on '%s': %d, expected %d %s", rows[i].matcher, rows[i].value, t, rows[i].truth, why);
    }
}

static const struct { const char *matcher; enum tocsin_severity severity; enum truth truth; } ranks[] = {
    { "severity >= error", TOCSIN_CRITICAL, YES },   { "severity >= \"error\"", TOCSIN_ERROR, YES },
    { "severity >= error", TOCSIN_WARNING, NO },     { "severity > error", TOCSIN_ERROR, NO },
    { "severity > error", TOCSIN_CRITICAL, YES },    { "severity < error", TOCSIN_WARNING, YES },
    { "severity < error", TOCSIN_ERROR, NO },        { "severity <= warning", TOCSIN_INFO, YES },
    { "severity <= warning", TOCSIN_CRITICAL, NO },  { "severity = critical", TOCSIN_CRITICAL, YES },
    { "severity = crit", TOCSIN_CRITICAL, YES },     { "severity = P1", TOCSIN_CRITICAL, YES },
    { "severity != info", TOCSIN_ERROR, YES },       { "severity =~ \"page|err\"", TOCSIN_ERROR, YES },
    { "severity =~ \"page|err\"", TOCSIN_INFO, NO }, { "severity !~ \"critical|error\"", TOCSIN_ERROR, NO },
    { "severity =~ \"(crit|err).*\"", TOCSIN_CRITICAL, YES },
};

static void
test_ranks(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof ranks / sizeof ranks[0]; i++) {
        struct tocsin_err err = { .what = "" };
        struct matcher m;
        const char *why;
        enum truth t;

        if (matcher_parse(f->arena, ranks[i].matcher, &m, &err) != TOCSIN_OK)
            fail_msg("%s: %s", ranks[i].matcher, err.what);
        t = matcher_test(&m, severity_name(ranks[i].severity), ranks[i].severity, &f->match, &why);
        matcher_release(&m);
        if (t != ranks[i].truth)
            fail_msg("%s on %s: %d", ranks[i].matcher, severity_name(ranks[i].severity), t);
    }
}

/* mistakes: the column, and a part of the words */
static const struct { const char *matcher; const char *column; const char *words; } mistakes[] = {
    { "", "column 1:", "expected a name" },
    { "   ", "column 4:", "expected a name" },
    { "= a", "column 1:", "expected a name" },
    { "\"\" = a", "column 1:", "expected a name" },
    { "host", "column 5:", "expected one of" },
    { "host a", "column 6:", "expected one of" },
    { "host ~ a", "column 6:", "expected one of" },
    { "host == a", "column 7:", "unexpected sign" },
    { "host =< 1", "column 7:", "unexpected sign" },
    { "host =~~ a", "column 8:", "unexpected sign" },
    { "host = \"a", "column 8:", "not closed" },
    { "host = \"a\" b", "column 12:", "after the value" },
    { "host = \"a\", x=\"b\"", "column 11:", "after the value" },
    { "host = a\"b\"", "column 9:", "quote" },
    { "{host = a}", "column 1:", "expected a name" },
    { "host =~ \"(\"", "column 9:", "regex '('" },
    { "host =~ \"a{2,1}\"", "column 9:", "regex 'a{2,1}'" },
    { "host =~ \"(a)\\1\"", "column 9:", "regex '(a)\\1'" },
    { "host =~ *", "column 9:", "regex '*'" },
    { "gpu > x", "column 7:", "not a number: x" },
    { "gpu > ", "column 7:", "not a number" },
    { "gpu > 1x", "column 7:", "not a number" },
    { "gpu > inf", "column 7:", "not a number" },
    { "severity >= high-ish", "column 13:", "not a severity" },
    { "severity = 1", "column 12:", "not a severity" },
    { "severity = \"\"", "column 12:", "not a severity" },
    { "severity =~ \"critical|bad\"", "column 13:", "not a severity" },
    { "status = open", "column 10:", "not a status" },
    { "host = \xff", "column 8:", "not UTF-8" },
    { "h\xc3 = a", "column 2:", "not UTF-8" },
};

static void
test_mistakes(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        struct tocsin_err err = { .what = "" };
        struct matcher m;

        if (matcher_parse(f->arena, mistakes[i].matcher, &m, &err) == TOCSIN_OK)
            fail_msg("accepted: %s", mistakes[i].matcher);
        assert_int_equal(err.rc, TOCSIN_BAD_CONFIG);
        if (strncmp(err.what, mistakes[i].column, strlen(mistakes[i].column)) != 0 ||
            strstr(err.what, mistakes[i].words) == NULL)
            fail_msg("%s: '%s', expected '%s ... %s'", mistakes[i].matcher, err.what, mistakes[i].column,
                     mistakes[i].words);
    }
}

/* A regex that backtracks without end is neither yes nor no, and soon. */
static void
test_limit(void **state)
{
    static const char *const patterns[] = { "host =~ \"(a+)+$\"", "host !~ \"(a|aa)*[bc]\"", "host =~ \"(a*)*[b-d]\"" };
    struct fixture *f = *state;
    char value[2048];

    memset(value, 'a', sizeof value - 2);
    value[sizeof value - 2] = '!';
    value[sizeof value - 1] = '\0';
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct matcher m;
        const char *why = NULL;

        assert_int_equal(matcher_parse(f->arena, patterns[i], &m, NULL), TOCSIN_OK);
        if (matcher_test(&m, value, TOCSIN_SEV_NONE, &f->match, &why) != UNSURE)
            fail_msg("%s gave an answer", patterns[i]);
        assert_non_null(strstr(why, "limit"));
        matcher_release(&m);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_ranks),
                                        cmocka_unit_test(test_mistakes), cmocka_unit_test(test_limit) };

    return cmocka_run_group_tests(tests, setup, teardown);
}
