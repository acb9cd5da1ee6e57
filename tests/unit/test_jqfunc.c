/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written in C gives what jq gives: each program runs in a bare libjq
 * and in ours, over values of all kinds, and the outputs or the errors must be
 * the same.  The words that jq does not have are compared with definitions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rules/expr.h"
#include "core/rules/jvjson.h"

static const char *const inputs[] = {
    "null", "true", "false", "0", "-1.5", "1e300", "\"\"", "\"a\"", "\"ABC xyz [ab] \\u00e9\\u00c9\"",
    "\"abab\\u0000ABab\"", "\"\\u20ac ab \\u20ac\\u20acb a\"", "\"line\\nab\\n\"",
    "\"a very long text that is cut when it is shown in an error\"", "[]", "[1]", "[null]",
    "[\"a\",\"b\",null,\"\",1,2.5,true,false]", "[\"a\",[1]]", "[{\"a\":1},\"b\"]", "[\"x\",\"y\",{\"z\":1}]",
    "[1,2,1,2,1]", "[[1],[1,2],\"a\"]", "{}", "{\"a\":null}",
    "{\"a\":\"x\",\"b\":\"\",\"c\":1,\"d\":false,\"\":\"e\",\"f\":[1]}", "{\"a\":{\"b\":\"deep\",\"c\":{\"d\":7}}}",
    "{\"a\":[{\"b\":1}]}", "{\"a\":\"{{x}}\",\"b\":\"found\"}", "{\"Alert Title\":1,\"alert_title\":2,\"X\":3}",
    "[{\"key\":\"k\",\"value\":1},{\"key\":\"l\"},{\"key\":\"k\",\"value\":2}]", "[{\"key\":1}]", "[{\"value\":1}]",
    "[{\"key\":\"k\"},7]", "{\"a\":{\"key\":\"k\",\"value\":1}}",
};

/* program; what defines its words in jq */
static const struct { const char *program, *defs; } rows[] = {
    { "ascii_downcase", "" },
    { "ascii_upcase", "" },
    { "to_entries", "" },
    { "with_entries(.)", "" },
    { "with_entries(select(.value != null))", "" },
    { "[.[]? | tojson | fromjson]", "" },
    { "tojson | fromjson", "" },
    { "[(\"1\", \" [1, {\\\"a\\\": null}] \", \"12345678901234567890\", \"\\\"\\\\u00e9\\\"\") | fromjson]", "" },
    { "join(\",\")", "" },
    { "join(\"\")", "" },
    { "join(null)", "" },
    { "join(1)", "" },
    { "join(\"a\", \"b\")", "" },
    { "[.[]? | index(\"a\")?]", "" },
    { "test(\"ab\")", "" },
    { "test(\"AB\"; \"i\")", "" },
    { "test(\"ab\", \"x\"; \"x\", null)", "" },
    { "test([\"AB\", \"ix\"])", "" },
    { "test([\"a\"]), test([\"^a\", null])", "" },
    { "test([])", "" },
    { "test(1)", "" },
    { "test(\"a\"; 1)", "" },
    { "test(\"a\"; \"q\")", "" },
    { "test(1; \"g\")", "" },
    { "test(\"(\")", "" },
    { "test(\"[[:alpha:]]{2,}$\")", "" },
    { "[match(\"a(b)?(?<n>x)?\")]", "" },
    { "[match(\"(?<n>[ab])(?<m>b?)\"; \"g\")]", "" },
    { "[match(\"\\u20ac+\"; \"g\")]", "" },
    { "[match(\"(?<n>\\\\p{L})(?<o>.)?\"; \"gi\")]", "" },
    { "[match([\"B\", \"ig\"])]", "" },
    { "[match(\"(?=b)\")]", "" },
    { "capture(\"(?<x>a)(?<y>b)?(?<z>c)?\")", "" },
    { "[capture(\"(?<x>a)|(?<y>b)\"; \"g\")]", "" },
    { "sub(\"(?<x>b+)\"; \"<\\(.x)>\")", "" },
    { "sub(\"nothing\"; \"x\")", "" },
    { "gsub(\"[^A-Za-z0-9_]\"; \"_\")", "" },
    { "gsub(\"(?<x>[ab])\"; \"\\(.x)\\(.x)\")", "" },
    { "text", "def text: if type == \"string\" and . != \"\" then . elif type == \"number\" or type == \"boolean\" "
              "then tostring else null end;" },
    { "at([\"a\", \"b\"])", "def at($p): reduce $p[] as $k (.; if type == \"object\" then .[$k] else null end);" },
    { "at(\"a\")", "def at($p): if type == \"object\" then .[$p] else null end;" },
    { "at([])", "def at($p): .;" },
    { "txt([\"a\", \"b\"], [\"a\"], \"c\", [])",
      "def text: if type == \"string\" and . != \"\" then . elif type == \"number\" or type == \"boolean\" then tostring else "
      "null end; def txt($p): reduce ($p | if type == \"array\" then .[] else . end) as $k (.; if type == \"object\" then "
      ".[$k] else null end) | text;" },
    { "txt([[\"b\"], [\"a\", \"b\"], [\"c\"]])",
      "def text: if type == \"string\" and . != \"\" then . elif type == \"number\" or type == \"boolean\" then tostring else "
      "null end; def txt($p): [$p[] as $one | reduce $one[] as $k (.; if type == \"object\" then .[$k] else null end) "
      "| text | select(. != null)][0];" },
    { "txt([[\"a\"], [\"b\"]]; \"^\\\\{\\\\{\")",
      "def text: if type == \"string\" and . != \"\" then . elif type == \"number\" or type == \"boolean\" then tostring else "
      "null end; def txt($p; $re): [$p[] as $one | reduce $one[] as $k (.; if type == \"object\" then .[$k] else null end) "
      "| text | select(. != null and (test($re) | not))][0];" },
    { "gather", "def gather: reduce .[] as $e ({}; . + { ($e.key): $e.value });" },
    { "compact", "def compact: if type == \"object\" then with_entries(select(.value != null)) else map(select(. != null)) "
                 "end;" },
    { "texts(2, 9)", "def texts($n): if type == \"object\" then [to_entries[:$n][] | select(.key != \"\" and (.value | "
                     "type == \"number\" or type == \"boolean\" or (type == \"string\" and . != \"\"))) "
                     "| { key, value: (.value | tostring) }] | from_entries else {} end;" },
    { "if type == \"object\" then fold(\" _\") else 0 end",
      "def fold($c): to_entries | map({ key: (.key | gsub(\"[\\($c)]\"; \"\") | ascii_downcase), value }) "
      "| reduce .[] as $e ({}; . + { ($e.key): $e.value });" },
};

/* Outputs as an array, or the error as a text. */
static json_t *
bare(const char *defs, const char *program, const json_t *input)
{
    json_t *all = json_array();
    char *text = NULL;
    jq_state *jq = jq_init();
    size_t longest;
    const char *why;
    jv in, v;

    assert_true(asprintf(&text, "%s %s", defs, program) > 0);
    assert_true(jq_compile(jq, text));
    assert_true(jv_from_json(input, &in, &longest));
    jq_start(jq, in, 0);
    for (v = jq_next(jq); jv_is_valid(v); v = jq_next(jq))
        json_array_append_new(all, json_from_jv_take(v, &why));
    if (jv_invalid_has_msg(jv_copy(v))) {
        json_decref(all);
        all = json_from_jv_take(jv_invalid_get_msg(v), &why);
    } else {
        jv_free(v);
    }
    jq_teardown(&jq);
    free(text);
    return all;
}

static void
test_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tocsin_err err = { .what = "" };
        struct expr *e;

        if (expr_compile(rows[i].program, &e, &err) != TOCSIN_OK)
            fail_msg("%s: %s", rows[i].program, err.what);
        for (size_t k = 0; k < sizeof inputs / sizeof inputs[0]; k++) {
            json_t *in = json_loads(inputs[k], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL), *want, *got = NULL;

            want = bare(rows[i].defs, rows[i].program, in);
            if (expr_run(e, in, 100, NULL, &got, &err) != TOCSIN_OK)
                got = json_string(err.what);
            if (!json_equal(got, want))
                fail_msg("%s of %s: %s, jq says %s", rows[i].program, inputs[k],
                         json_dumps(got, JSON_ENCODE_ANY | JSON_COMPACT), json_dumps(want, JSON_ENCODE_ANY | JSON_COMPACT));
            json_decref(in);
            json_decref(want);
            json_decref(got);
        }
        expr_free(e);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_same) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
