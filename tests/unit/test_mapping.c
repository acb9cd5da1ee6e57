/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/normalise/mapping.h"
#include "core/rules/jqvm.h"

static const char program[] =
    "# one alert for each event\n"
    "def level: if .prio >= 3 then \"critical\" else \"warning\" end;\n"
    ".topic_labels as $t | .body.events[] | {\n"
    "  dedup_key: \"\\($t.host)/\\(.id)\", status: (if .ok then \"resolved\" else \"firing\" end),\n"
    "  severity: level, summary: .text, labels: {host: $t.host, env: .env}\n"
    "}\n";

static const char input_text[] =
    "{\"topic_labels\":{\"host\":\"h1\"},\"body\":{\"events\":["
    "{\"id\":1,\"prio\":4,\"ok\":false,\"text\":\"a\",\"env\":\"dev\"},"
    "{\"id\":9007199254740993,\"prio\":1,\"ok\":true,\"text\":\"b\"}]}}";

static const char expected[] =
    "[{\"dedup_key\":\"h1/1\",\"status\":\"firing\",\"severity\":\"critical\",\"summary\":\"a\","
    "\"labels\":{\"host\":\"h1\",\"env\":\"dev\"}},"
    "{\"dedup_key\":\"h1/9007199254740993\",\"status\":\"resolved\",\"severity\":\"warning\",\"summary\":\"b\","
    "\"labels\":{\"host\":\"h1\",\"env\":null}}]";

static json_t *
json(const char *text)
{
    json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);

    assert_non_null(v);
    return v;
}

static void
test_mapping(void **state)
{
    struct mapping *m;
    struct tocsin_err err;
    json_t *in = json(input_text), *want = json(expected), *out;

    (void)state;
    assert_int_equal(mapping_compile("m.jq", program, &m, &err), TOCSIN_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mapping_run(m, in, 1000, NULL, &out, &err), TOCSIN_OK);
        assert_true(json_equal(out, want));
        json_decref(out);
    }
    mapping_free(m);
    json_decref(in);
    json_decref(want);
}

/* program, input, the result or its error */
static const struct { const char *program, *input; size_t n; enum tocsin_rc rc; const char *words; } rows[] = {
    { "{}", "null", 1, TOCSIN_OK, NULL },
    { "{}, {}", "null", 2, TOCSIN_OK, NULL },
    { "[{}, {}, {}]", "null", 3, TOCSIN_OK, NULL },
    { "[{}], {}, [], [{}]", "null", 3, TOCSIN_OK, NULL },
    { "empty", "null", 0, TOCSIN_OK, NULL },
    { "[]", "null", 0, TOCSIN_OK, NULL },
    { "[range(1000) | {}]", "null", 1000, TOCSIN_OK, NULL },
    { "range(1000) | {}", "null", 1000, TOCSIN_OK, NULL },
    { "[range(1001) | {}]", "null", 0, TOCSIN_TOO_LARGE, "more than 1000 alerts" },
    { "range(1001) | {}", "null", 0, TOCSIN_TOO_LARGE, "more than 1000 outputs" },
    { "null", "null", 0, TOCSIN_MEANINGLESS, "put out null" },
    { "\"x\"", "null", 0, TOCSIN_MEANINGLESS, "put out a string" },
    { "[1]", "null", 0, TOCSIN_MEANINGLESS, "put out an integer" },
    { "[[{}]]", "null", 0, TOCSIN_MEANINGLESS, "put out an array" },
    { ".body.a.b", "{\"body\":{\"a\":\"text\"}}", 0, TOCSIN_MEANINGLESS, "Cannot index string" },
    { "[range(.n)]", "{\"n\":1e12}", 0, TOCSIN_TOO_LARGE, "steps of a loop (line 1)" },
    { "{} |\n. as $x\n| [range(9)]\n| [range(1e9)]", "{}", 0, TOCSIN_TOO_LARGE, "steps of a loop (line 4)" },
    { "# :\ndef f(n):\n  n | f(. + 1);\n{a: (1 | f(.))}", "{}", 0, TOCSIN_TOO_LARGE, "steps of a loop (line 3)" },
};

static void
test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tocsin_err err = { .what = "" };
        struct mapping *m;
        json_t *in = json(rows[i].input), *out = NULL;
        enum tocsin_rc rc;

        assert_int_equal(mapping_compile("m.jq", rows[i].program, &m, &err), TOCSIN_OK);
        rc = mapping_run(m, in, 1000, NULL, &out, &err);
        if (rc != rows[i].rc)
            fail_msg("%s: %d %s", rows[i].program, rc, err.what);
        if (rc == TOCSIN_OK) {
            assert_int_equal(json_array_size(out), rows[i].n);
        } else {
            assert_null(out);
            assert_string_equal(err.where, "m.jq");
            if (strstr(err.what, rows[i].words) == NULL)
                fail_msg("%s: '%s', expected '%s'", rows[i].program, err.what, rows[i].words);
        }
        json_decref(out);
        json_decref(in);
        mapping_free(m);
    }
}

static const char *
asked(void *ctx)
{
    return --*(int *)ctx < 0 ? "stopped by whoever watches" : NULL;
}

static void
test_a_run_is_ended_from_outside(void **state)
{
    struct tocsin_err err = { .what = "" };
    struct mapping *m;
    json_t *in = json("{}"), *out = NULL;
    int left = 3;
    const struct jq_limit limit = { asked, &left };

    (void)state;
    assert_int_equal(mapping_compile("m.jq", "[\nrange(1000)] | {}", &m, &err), TOCSIN_OK);
    assert_int_equal(mapping_run(m, in, 1000, &limit, &out, &err), TOCSIN_TOO_LARGE);
    assert_null(out);
    assert_string_equal(err.where, "m.jq");
    assert_non_null(strstr(err.what, "stopped by whoever watches (line "));
    left = 1000;                                   /* and the next one is as good as ever */
    assert_int_equal(mapping_run(m, in, 1000, &limit, &out, &err), TOCSIN_OK);
    assert_int_equal(json_array_size(out), 1);
    json_decref(out);
    json_decref(in);
    mapping_free(m);
}

static void
test_compile_error(void **state)
{
    struct tocsin_err err = { .what = "" };
    struct mapping *m;

    (void)state;
    assert_int_equal(mapping_compile("dir/m.jq", ".a\n| env", &m, &err), TOCSIN_BAD_CONFIG);
    assert_string_equal(err.where, "dir/m.jq");
    assert_non_null(strstr(err.what, "'env'"));
    assert_int_equal(mapping_compile("dir/m.jq", "{", &m, NULL), TOCSIN_BAD_CONFIG);
}

struct job { struct mapping *m; unsigned good; };

static void *
work(void *arg)
{
    struct job *j = arg;
    json_t *in = json(input_text), *want = json(expected), *out;
    struct tocsin_err err;

    for (int i = 0; i < 200; i++) {
        if (mapping_run(j->m, in, 1000, NULL, &out, &err) != TOCSIN_OK)
            continue;
        j->good += json_equal(out, want) == 1;
        json_decref(out);
    }
    json_decref(in);
    json_decref(want);
    return NULL;
}

static void
test_threads(void **state)
{
    enum { N = 4 };
    struct mapping *m;
    struct tocsin_err err;
    struct job jobs[N];
    pthread_t threads[N];

    (void)state;
    assert_int_equal(mapping_compile("m.jq", program, &m, &err), TOCSIN_OK);
    for (int i = 0; i < N; i++) {
        jobs[i] = (struct job){ .m = m };
        assert_int_equal(pthread_create(&threads[i], NULL, work, &jobs[i]), 0);
    }
    for (int i = 0; i < N; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(jobs[i].good, 200);
    }
    mapping_free(m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_mapping), cmocka_unit_test(test_rows),
                                        cmocka_unit_test(test_a_run_is_ended_from_outside),
                                        cmocka_unit_test(test_compile_error), cmocka_unit_test(test_threads) };

    /* jansson makes the seed of its tables on first use, which two threads must not do at once */
    json_object_seed(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
