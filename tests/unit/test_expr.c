/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rules/expr.h"

#define INPUT                                                                                                        \
    "{\"labels\":{\"env\":\"dev\",\"now\":\"then\",\"host\":\"a\"},\"n\":[3,1,2],\"big\":9007199254740993,"         \
    "\"deep\":{\"x\":[{\"y\":1}]},\"s\":\"abc\",\"f\":1.5,\"nul\":\"a\\u0000b\"}"

static json_t *
input(void)
{
    json_t *v = json_loads(INPUT, JSON_ALLOW_NUL, NULL);

    assert_non_null(v);
    return v;
}

/* program, its outputs as one array */
static const struct { const char *program; const char *outputs; } rows[] = {
    { ".labels.host", "[\"a\"]" },
    { ".n[]", "[3,1,2]" },
    { "empty", "[]" },
    { ".n | sort | map(. * 2)", "[[2,4,6]]" },
    { ".f", "[1.5]" },
    { ".nul | length", "[3]" },
    { "[true, false, null]", "[[true,false,null]]" },
    /* names that are refused as functions are fine as data */
    { ".labels.env", "[\"dev\"]" },
    { ".labels | .now", "[\"then\"]" },
    { ".labels[\"env\"]", "[\"dev\"]" },
    { "{env: 1, now: {halt: 2}, input: .labels.env}", "[{\"env\":1,\"now\":{\"halt\":2},\"input\":\"dev\"}]" },
    { ".labels | {env, now}", "[{\"env\":\"dev\",\"now\":\"then\"}]" },
    { ". as {labels: {env: $env}} | $env", "[\"dev\"]" },
    { "1 as $now | 2 as $input | [$now, $input]", "[[1,2]]" },
    { "\"env now halt\"", "[\"env now halt\"]" },
    { "\"a \\(.labels.env) b \\(\"x\\(1 + 1)\") c\"", "[\"a dev b x2 c\"]" },
    { "1 # env now\n + 1", "[2]" },
    { "{\"a\": 1, @base64 \"x\\(.s)\": 2} | keys", "[[\"a\",\"xYWJj\"]]" },
    { "1.5e1, .5, 2.", "[15,0.5,2]" },
    /* integers that a double cannot hold come as text */
    { ".big", "[\"9007199254740993\"]" },
    { "9007199254740991", "[9007199254740991]" },
    /* our own versions of what jq defines */
    { "[range(5)]", "[[0,1,2,3,4]]" },
    { "[range(2;5)]", "[[2,3,4]]" },
    { "[range(0,1;3,4)]", "[[0,1,2,0,1,2,3,1,2,1,2,3]]" },
    { "[range(0;10;3)]", "[[0,3,6,9]]" },
    { "[range(5;0;-2)]", "[[5,3,1]]" },
    { "[range(0;1;0)]", "[[]]" },
    { "[1|while(. < 50; . * 2)]", "[[1,2,4,8,16,32]]" },
    { "1|until(. > 50; . * 2)", "[64]" },
    { "[limit(3; 0|repeat(1))]", "[[0,1,1]]" },
    { "[limit(4; 1|repeat(. * 2))]", "[[1,2,4,8]]" },
    { "[.deep|..|numbers]", "[[1]]" },
    { "[.deep|paths]|length", "[3]" },
    { "[path(.deep|..)]|length", "[4]" },
    { "[2|recurse(if . < 20 then . * . else empty end)]", "[[2,4,16,256]]" },
    { "[2|recurse(. * .; . < 20)]", "[[2,4,16]]" },
    { "[[1,2],[3,4]]|[combinations]", "[[[1,3],[1,4],[2,3],[2,4]]]" },
    { "[0,1]|[combinations(2)]", "[[[0,0],[0,1],[1,0],[1,1]]]" },
    { "(1,2) * (3,4)", "[3,6,4,8]" },
    { "\"ab\" * 3", "[\"ababab\"]" },
    { "{\"a\":1} * {\"b\":2}", "[{\"a\":1,\"b\":2}]" },
    { ".n[1] = 9 | .n", "[[3,9,2]]" },
    { ".n[] |= . + 1 | .n", "[[4,2,3]]" },
    { ".n |= map(select(. > 1)) | .n", "[[3,2]]" },
    { ".labels.host += \"b\" | .labels.host", "[\"ab\"]" },
    { "[1,null,2] | map(values)", "[[1,2]]" },
    { "del(.labels.env) | .labels | keys", "[[\"host\",\"now\"]]" },
    { ".n[:2] = [7] | .n", "[[7,2]]" },
    { "setpath([\"a\",0]; 1) | .a", "[[1]]" },
    { "\"12\"|tonumber", "[12]" },
    { "\"abcb\"|sub(\"b\"; \"X\")", "[\"aXcb\"]" },
    { "\"abcb\"|gsub(\"b\"; \"X\")", "[\"aXcX\"]" },
    { "\"abc\"|gsub(\"\"; \"-\")", "[\"-a-b-c\"]" },
    { "\"abc\"|gsub(\"^\"; \">\")", "[\">abc\"]" },
    { "\"a1b22\"|gsub(\"(?<d>[0-9]+)\"; \"<\\(.d)>\")", "[\"a<1>b<22>\"]" },
    { "\"aBc\"|gsub(\"b\"; \"x\"; \"i\")", "[\"axc\"]" },
    { "\"abc\"|gsub(\"$\"; \".\")", "[\"abc.\"]" },
    { "\"ab \"|gsub(\"\\\\s*$\"; \"\")", "[\"ab\"]" },
    { "\"\u00e9a\u00e9 \"|gsub(\"\\\\s*$\"; \"\")", "[\"\u00e9a\u00e9\"]" },
    { "\"\u00e9\u00e9\"|gsub(\"\"; \"-\"), gsub(\"x*\"; \"-\"), gsub(\"$\"; \"-\")",
      "[\"\u00e9\u00e9\",\"\u00e9\u00e9\",\"\u00e9\u00e9\"]" },
    { "\"\u00e9b\u00e9b\"|gsub(\"b\"; \"\u00fc\"), sub(\"b\"; \"\"), [match(\"b\"; \"g\").offset]",
      "[\"\u00e9\u00fc\u00e9\u00fc\",\"\u00e9\u00e9b\",[1,3]]" },
    { "\"\u00e9 b\u00e9\"|[splits(\" *\")], split(\" \"; null), [scan(\"[a-z]*\")]",
      "[[\"\u00e9\",\"b\u00e9\"],[\"\u00e9\",\"b\u00e9\"],[\"b\"]]" },
    { "\"a1b2\"|[scan(\"[0-9]\")], [scan(\"([a-z])([0-9])\")], split(\"[0-9]\"; null), [splits(\"[0-9]\"; \"g\")]",
      "[[\"1\",\"2\"],[[\"a\",\"1\"],[\"b\",\"2\"]],[\"a\",\"b\",\"\"],[\"a\",\"b\",\"\"]]" },
    { "\"a1b2\"|capture(\"(?<l>[a-z])(?<n>[0-9])\"), [capture(\"(?<l>[a-z])\"; \"g\")]",
      "[{\"l\":\"a\",\"n\":\"1\"},[{\"l\":\"a\"},{\"l\":\"b\"}]]" },
    { "\"aB\"|[match([\"b\",\"i\"]).offset], [match(\"b\").offset], [match([\"B\"]).string]", "[[1],[],[\"B\"]]" },
    { "[-1e300,-1] | try (.[0] % .[1]) catch \"no\"", "[\"no\"]" },
    { "[7,-3] | .[0] % .[1]", "[1]" },
    { "\"abc\"|test(\"B\"; \"i\")", "[true]" },
    { "def f(x; $y): x + $y; f(.n[0]; 4)", "[7]" },
    { "def f(x): x; def x: 5; def g: x; [f(7), g, x], {x: 1, a: x}.x, {x}, (. as {x: $x} | $x)",
      "[[7,5,5],1,{\"x\":null},null]" },
    { "def f(p): path(p), [p[]], [p | .[0]], -p[0], (p as [$a] | $a), (try p[9] catch 0), (p |= sort | .n);"
      " [f(.n)]",
      "[[[\"n\"],[3,1,2],[3],-3,3,null,[1,2,3]]]" },
    { "def f(x): def g(x; $y): x + y + $y; g(x * 2; 1); f(3)", "[8]" },
    { "def x(a): a + 1; def f(x): x + x(1); f(2)", "[4]" },
    { "def f: if . > 3 then . else . + 1 | f end; 0 | f", "[4]" },
    { "{def: 1, if: 2, import: 3} | .def, .import", "[1,3]" },
    { "try error(\"x\") catch .", "[\"x\"]" },
    { "[.n[] as $x | reduce range($x) as $i (0; . + $i)]", "[[3,0,1]]" },
    { "1e300 | try todate catch \"no\"", "[\"no\"]" },
    { "-1e300 | try strftime(\"%Y\") catch \"no\"", "[\"no\"]" },
    { "666 | try strftime(1) catch \"no\"", "[\"no\"]" },
    { "1e18 | try gmtime catch \"no\"", "[\"no\"]" },
    { "\"abab\" | [indices(\"b\"), index(\"b\"), rindex(\"b\"), indices(\"\"), index(\"\")]", "[[[1,3],1,3,[],null]]" },
    { "[1,2,1,2] | [indices(1), index(2), rindex(2), indices([1,2]), indices([]), indices([3]), index(9)]",
      "[[[0,2],1,3,[0,2],[],[],null]]" },
    { "[[1],\"a\",\"\",null] | indices([[1]]), index(\"a\"), index(\"\"), indices(null)", "[[0],1,2,[3]]" },
    { "{a: \"x\", b: true, cc: 1} | any, all, any(. == \"x\"), all(. != null), any(.[]; . == \"y\")",
      "[true,true,true,true,false]" },
    { "[null, 1] | any, all, any(. == 2), all(. == 1)", "[true,false,false,false]" },
    { "[] | any, all", "[false,true]" },
    /* [] is rewritten, so that no key of an object is lost */
    { ".n[]?, .s[]?, .deep[]", "[3,1,2,[{\"y\":1}]]" },
    { "first(.labels[]), first(.labels | .[]?), (label $out | .labels[] | ., break $out)",
      "[\"dev\",\"dev\",\"dev\"]" },
    { "[limit(2; .labels[])], (.labels | [first(.[])]), first(..|strings)", "[[\"dev\",\"then\"],[\"dev\"],\"dev\"]" },
    { ".labels | try (.[] | error(\"x\")) catch ., try map(error(\"y\")) catch ., try (.[] += 1) catch \"no\"",
      "[\"x\",\"y\",\"no\"]" },
    { ".labels | try add catch ., try join(\"-\") catch ., first(paths), first(paths(strings))",
      "[\"devthena\",\"dev-then-a\",[\"env\"],[\"env\"]]" },
    { "{a: 1, b: \"x\"} | try add catch \"no\", try max_by(. + 1) catch \"no\", try from_entries catch \"no\"",
      "[\"no\",\"no\",\"no\"]" },
    { "{a: [1], b: true} | try transpose catch ., map_values(type), (.[] |= type), (map_values(empty)|length)",
      "[\"an object cannot be transposed\",{\"a\":\"array\",\"b\":\"boolean\"},"
      "{\"a\":\"array\",\"b\":\"boolean\"},0]" },
    { "[path(.deep[][][])], del(.labels[]).labels, (.deep.x[].y = 4 | .deep), (.deep[\"x\"][0][] |= 5 | .deep)",
      "[[[\"deep\",\"x\",0,\"y\"]],{},{\"x\":[{\"y\":4}]},{\"x\":[{\"y\":5}]}]" },
    { "[[1,2],[3]][][], \"\\(.n[])\", {a: .n[], b: 1}.a, ([.n[]][1:][]), . \"s\"",
      "[1,2,3,\"3\",\"1\",\"2\",3,1,2,1,2,\"abc\"]" },
    { ".n as [$a, $b] | .n as $all | -$all[], $all [ # here\n ], [$a][]?, (if . then .n else 1 end)[0]",
      "[-3,-1,-2,3,1,2,3,3]" },
    { "reduce .n[] as $x (0; . + $x), [foreach .n[] as $x (0; . + $x)], (.n[] as $x | $x)", "[6,[3,4,6],3,1,2]" },
    { "def f(x): x[]; def g: .n[]; f(.n), g, f([7])[]?, (try error([8]) catch .[]), ([9][]? // 1)",
      "[3,1,2,3,1,2,8,9]" },
    { "{\"a\": [1], (.n[]|tostring): 0}|keys_unsorted, [@text \"a\\(.n[0])\"][], [1,[2]][1][]",
      "[[\"a\",\"3\"],\"anull\",2,[\"a\",\"1\"],\"anull\",2,[\"a\",\"2\"],\"anull\",2]" },
    { "0|todate", "[\"1970-01-01T00:00:00Z\"]" },
    { "\"2015-03-05T23:51:47Z\"|fromdate", "[1425599507]" },
    { "with_entries(.value |= type) | .n", "[\"array\"]" },
    { ".s | ascii_upcase | @base64 | @base64d", "[\"ABC\"]" },
    { "[splits(\"x\")]? // 1", "[1]" },
};

static void
test_rows(void **state)
{
    json_t *in = input();

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tocsin_err err = { .what = "" };
        struct expr *e;
        json_t *out, *want = json_loads(rows[i].outputs, 0, NULL);

        if (expr_compile(rows[i].program, &e, &err) != TOCSIN_OK)
            fail_msg("%s: %s", rows[i].program, err.what);
        for (int again = 0; again < 2; again++) {
            if (expr_run(e, in, 100, NULL, &out, &err) != TOCSIN_OK)
                fail_msg("%s: %s", rows[i].program, err.what);
            if (!json_equal(out, want)) {
                char *text = json_dumps(out, JSON_COMPACT);

                fail_msg("%s: %s, expected %s", rows[i].program, text, rows[i].outputs);
            }
            json_decref(out);
        }
        json_decref(want);
        expr_free(e);
    }
    json_decref(in);
}

/* program that is refused, a part of the words */
static const struct { const char *program; const char *words; } refused[] = {
    { "", "empty expression" },
    { "  # nothing\n", "empty expression" },
    { "env", "'env' is not available" },
    { ".a | env.PATH", "'env' is not available" },
    { "$ENV", "'$ENV' is not available" },
    { "$ ENV.PATH", "'$ENV' is not available" },
    { "$__prog_args", "'$__prog_args' is not available" },
    { "now", "'now' is not available" },
    { "{a: now}", "'now' is not available" },
    { "{(now|tostring): 1}", "'now' is not available" },
    { "{a: 1, b: [now]}", "'now' is not available" },
    { "\"x \\(now) y\"", "'now' is not available" },
    { "\"\\(\"\\(env)\")\"", "'env' is not available" },
    { "..env", "'env' is not available" },
    { "1.env", "'env' is not available" },
    { "input", "'input' is not available" },
    { "[inputs]", "'inputs' is not available" },
    { "debug", "'debug' is not available" },
    { "stderr", "'stderr' is not available" },
    { "input_filename", "is not available" },
    { "input_line_number", "is not available" },
    { "halt", "'halt' is not available" },
    { "\"x\" | halt_error", "is not available" },
    { "halt_error(1)", "is not available" },
    { "localtime", "is not available" },
    { "strflocaltime(\"%Y\")", "is not available" },
    { "modulemeta", "is not available" },
    { "get_search_list", "is not available" },
    { "import \"a\" as a; 1", "'import' is not available" },
    { "include \"a\"; 1", "'include' is not available" },
    { "a::b", "modules are not available" },
    { "def now: 1; now", "'now' is not available" },
    { "_nwise(0)", "reserved" },
    { "__tick", "reserved" },
    { "def _x: 1; 2", "reserved" },
    { "(", "'(' is not closed" },
    { ")", "unexpected ')'" },
    { "[1)", "unexpected ')'" },
    { "{a: 1", "'{' is not closed" },
    { "\"abc", "not closed" },
    { "\"a \\(1", "is not closed" },
    { "1 +", "syntax error" },
    { "|", "syntax error" },
    { "foo", "foo/0 is not defined" },
    { "$x", "$x is not defined" },
    { ".a\n| .b\n| foo(1)", "foo/1 is not defined" },
    { "1) , (2", "unexpected ')'" },
    { ".n[]?//1", "syntax error" },
    { ".n.[]", "syntax error" },
};

static void
test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct tocsin_err err = { .what = "" };
        struct expr *e;

        if (expr_compile(refused[i].program, &e, &err) == TOCSIN_OK)
            fail_msg("accepted: %s", refused[i].program);
        assert_int_equal(err.rc, TOCSIN_BAD_CONFIG);
        if (strstr(err.what, refused[i].words) == NULL || strstr(err.what, "jq: error") != NULL ||
            strchr(err.what, '\n') != NULL)
            fail_msg("%s: '%s', expected '%s'", refused[i].program, err.what, refused[i].words);
    }
}

/* program that compiles and fails when it runs */
static const struct { const char *program; enum tocsin_rc rc; const char *words; } failing[] = {
    { ".n + 1", TOCSIN_MEANINGLESS, "cannot be added" },
    { "\"[{\\\"a\\\":02\\\"x\\\"}]\" | fromjson", TOCSIN_MEANINGLESS, "no JSON: " },
    { "\"\" | fromjson", TOCSIN_MEANINGLESS, "no JSON: " },
    { "\"1 2\" | fromjson", TOCSIN_MEANINGLESS, "no JSON: end of file expected" },
    { "1 | fromjson", TOCSIN_MEANINGLESS, "number (1) cannot be parsed as JSON" },
    { "error(\"my words\")", TOCSIN_MEANINGLESS, "my words" },
    { "error({a: 1})", TOCSIN_MEANINGLESS, "{\"a\":1}" },
    { ".n[]", TOCSIN_TOO_LARGE, "more than 2 outputs" },
    { "[range(1e9)]", TOCSIN_TOO_LARGE, "200000 steps" },
    { "def f: f; f", TOCSIN_TOO_LARGE, "steps" },
    { "def f: 1 + f; f", TOCSIN_TOO_LARGE, "steps" },
    { "def f: def g: f; g; f", TOCSIN_TOO_LARGE, "steps" },
    { "last(repeat(1))", TOCSIN_TOO_LARGE, "steps" },
    { "0 | until(false; . + 1)", TOCSIN_TOO_LARGE, "steps" },
    { "[0 | while(true; . + 1)]", TOCSIN_TOO_LARGE, "steps" },
    { "[recurse(1)]", TOCSIN_TOO_LARGE, "steps" },
    { "[recurse]|[limit(9; range(0; 1e9; 1))]|last|[range(0;1e9;1)]", TOCSIN_TOO_LARGE, "steps" },
    { "[range(9)] | [combinations(9)]", TOCSIN_TOO_LARGE, "steps" },
    { "try (def f: f; f) catch 1", TOCSIN_TOO_LARGE, "steps" },
    /* the parameter of the n-th call is n calls away */
    { "[def f(x): x, f(x); f(1)]", TOCSIN_TOO_LARGE, "steps" },
    { "def f(x): x, f(x); f(empty)", TOCSIN_TOO_LARGE, "steps" },
    { "def f($x): f(x + 1); f(1)", TOCSIN_TOO_LARGE, "steps" },
    { "def f(x): if x > 20000 then 1 else f(x + 1) end; f(1)", TOCSIN_TOO_LARGE, "steps" },
    { "reduce range(60) as $i (\"aaaa\"; . + .)", TOCSIN_MEANINGLESS, "text is limited" },
    { "reduce range(60) as $i ([1]; . += .)", TOCSIN_MEANINGLESS, "array is limited" },
    { "reduce range(60) as $i (1; [., .])", TOCSIN_TOO_LARGE, "too many values" },
    { "(\"x\" * 65536) as $t | [range(300) | $t]", TOCSIN_TOO_LARGE, "too much text" },
    { "\"x\" * 1e9", TOCSIN_MEANINGLESS, "repeated string" },
    { "[] | .[1000000000] = 1", TOCSIN_MEANINGLESS, "array is limited" },
    { "[] | .[1000000000] |= 1", TOCSIN_MEANINGLESS, "array is limited" },
    { "setpath([1000000000]; 1)", TOCSIN_MEANINGLESS, "limited" },
    { "[1,2] | [combinations(1e9)]", TOCSIN_MEANINGLESS, "limited to 16" },
    { "\"nan\" | tonumber", TOCSIN_MEANINGLESS, "not a number" },
    { "reduce range(200) as $i (1; [.])", TOCSIN_TOO_LARGE, "nested too deep" },
    { "(\"a\" * 40 + \"!\") | test(\"(a+)+$\")", TOCSIN_MEANINGLESS, "retry-limit" },
    { "[\"a\"] | implode", TOCSIN_MEANINGLESS, "imploded" },
};

static void
test_failing(void **state)
{
    json_t *in = input();

    (void)state;
    for (size_t i = 0; i < sizeof failing / sizeof failing[0]; i++) {
        struct tocsin_err err = { .what = "" };
        struct expr *e;
        json_t *out = NULL;

        if (expr_compile(failing[i].program, &e, &err) != TOCSIN_OK)
            fail_msg("%s: %s", failing[i].program, err.what);
        for (int again = 0; again < 2; again++) {
            enum tocsin_rc rc = expr_run(e, in, 2, NULL, &out, &err);

            if (rc != failing[i].rc || strstr(err.what, failing[i].words) == NULL)
                fail_msg("%s: %d '%s', expected %d '%s'", failing[i].program, rc, err.what, failing[i].rc,
                         failing[i].words);
        }
        expr_free(e);
    }
    json_decref(in);
}

static void
test_lines(void **state)
{
    struct tocsin_err err = { .what = "" };
    struct expr *e;

    (void)state;
    assert_int_equal(expr_compile("# a comment\n.a\n| nothing_like_it", &e, &err), TOCSIN_BAD_CONFIG);
    assert_non_null(strstr(err.what, "(line 3)"));
}

static void
test_depth(void **state)
{
    struct tocsin_err err = { .what = "" };
    struct expr *e;
    json_t *in = json_integer(1), *out;

    (void)state;
    assert_int_equal(expr_compile(".", &e, &err), TOCSIN_OK);
    for (int i = 0; i < 100; i++)
        in = json_pack("[o]", in);
    assert_int_equal(expr_run(e, in, 1, NULL, &out, &err), TOCSIN_OK);
    assert_true(json_equal(json_array_get(out, 0), in));
    json_decref(out);
    for (int i = 0; i < 100; i++)
        in = json_pack("[o]", in);
    assert_int_equal(expr_run(e, in, 1, NULL, &out, &err), TOCSIN_TOO_LARGE);
    json_decref(in);
    expr_free(e);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_refused),
                                        cmocka_unit_test(test_failing), cmocka_unit_test(test_lines),
                                        cmocka_unit_test(test_depth) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
