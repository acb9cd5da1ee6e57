/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mappings that would never end, or take all memory, as the host runs them:
 * each is ended in bounded time, in words that say which mapping and which line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "core/normalise/mapping.h"
#include "os/clock.h"
#include "plugin/host_budget.h"

enum { ITEMS = 20000, BYTES = 1000000, PATIENCE_US = 20 * 1000000 };

static const struct { const char *program, *words; } rows[] = {
    { ".\n| [range(1e9)]", "stopped after 200000 steps of a loop (line 2)" },
    { ".\n| .\n| [limit(1e9; 0|repeat(1))]", "stopped after 200000 steps of a loop (line 3)" },
    { ".\n| def f:\n  1 + f;\n f", "stopped after 200000 steps of a loop (line 3)" },
    { "def f: [f]; f", "stopped after 200000 steps of a loop (line 1)" },
    { "def f($n): if $n > 1e9 then 0 else f($n + 1) end; f(0)", "stopped after 200000 steps of a loop (line 1)" },
    { "\"x\" * 1e9", "a repeated string is limited to 65536 bytes" },
    { "{} | .a[1e9] = 1", "an array is limited to 100000 items" },
    { "[1e9, -1, 55296] | implode | {summary: ., status: 1} | .x[1e9] |= 1", "an array is limited to 100000 items" },
    { "reduce range(60) as $i (\"aaaa\";\n . + .)", "a text is limited to 4 MiB (line 1)" },
    { "reduce range(60) as $i ([1]; . + .)", " items (line 1)" },
    { "(\"a\" * 40 + \"!\") | test(\"(a+)+$\")", "Regex failure: retry-limit" },
    { ".text | gsub(\"-\"; \"_\")", "a regex is limited to 100000 matches" },
    /* no loop of its own makes many steps here: it is time that ends these */
    { "[range(100000)\n | (\"a\" * 40 + \"!\")\n | try test(\"(a+)+$\") catch 0]", "processor's time (line" },
    { ".items as $a\n| [$a[] as $x\n| $a[] as $y | select($x == -9)]", "processor's time (line 3)" },
    { ".text as $t\n| [range(9000) | $t | ascii_downcase | explode | length]", "processor's time (line 2)" },
    { ". as $b\n| [range(100000) | $b | tojson | length]", "processor's time (line 2)" },
#ifndef __SANITIZE_ADDRESS__       /* it has a heap of its own, which nobody can ask for its size */
    { ".text as $t\n| [range(10000) | $t + \"x\"]", "stopped when it had taken 256 MiB (line 2)" },
#endif
};

static json_t *
large(void)
{
    json_t *items = json_array();
    char *text = xmalloc(BYTES);
    json_t *made;

    memset(text, '-', BYTES);
    for (int i = 0; i < ITEMS; i++)
        json_array_append_new(items, json_integer(i % 7));
    made = json_pack("{s:o, s:o}", "items", items, "text", json_stringn(text, BYTES));
    free(text);
    return made;
}

static void
test_hostile(void **state)
{
    json_t *in = large();

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tocsin_err err = { .what = "" };
        struct host_budget budget;
        struct mapping *m;
        json_t *out = NULL;
        int64_t from = clock_thread_us();

        assert_int_equal(mapping_compile("dir/hostile.jq", rows[i].program, &m, &err), TOCSIN_OK);
        host_budget_init(&budget);
        assert_int_not_equal(mapping_run(m, in, 1000, &budget.limit, &out, &err), TOCSIN_OK);
        assert_null(out);
        assert_string_equal(err.where, "dir/hostile.jq");
        if (strstr(err.what, rows[i].words) == NULL)
            fail_msg("%s: '%s', expected '%s'", rows[i].program, err.what, rows[i].words);
        if (clock_thread_us() - from > PATIENCE_US)
            fail_msg("%s: took %lld us", rows[i].program, (long long)(clock_thread_us() - from));
        mapping_free(m);
    }
    json_decref(in);
}

/* What was cut off leaves nothing behind: the next payload is read as ever. */
static void
test_after(void **state)
{
    struct tocsin_err err = { .what = "" };
    struct host_budget budget;
    struct mapping *m;
    json_t *few = json_pack("{s:i}", "n", 2), *many = json_pack("{s:i}", "n", 300000), *out = NULL;

    (void)state;
    assert_int_equal(mapping_compile("m.jq", "[range(.n) | {dedup_key: \"\\(.)\"}]", &m, &err), TOCSIN_OK);
    for (int i = 0; i < 3; i++) {
        host_budget_init(&budget);
        assert_int_equal(mapping_run(m, many, 1000, &budget.limit, &out, &err), TOCSIN_TOO_LARGE);
        host_budget_init(&budget);
        assert_int_equal(mapping_run(m, few, 1000, &budget.limit, &out, &err), TOCSIN_OK);
        assert_int_equal(json_array_size(out), 2);
        json_decref(out);
        out = NULL;
    }
    mapping_free(m);
    json_decref(few);
    json_decref(many);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_hostile), cmocka_unit_test(test_after) };

    json_object_seed(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
