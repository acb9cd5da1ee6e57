/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "core/rules/template.h"

static const struct tocsin_pair labels[] = { { "a b", "blank" }, { "gpu", "3" }, { "host", "train-07" },
                                            { "q\"q", "x" } };
static const struct tocsin_pair notes[] = { { "title", "A title" } };
static const struct tocsin_link link_list[] = { { "https://example.org/x", NULL } };

static struct view
sample(void)
{
    return (struct view){ .summary = "it broke", .source = "training", .dedup_key = "k1", .group = NULL,
                          .severity = TOCSIN_CRITICAL, .status = TOCSIN_FIRING, .starts_at = 1767225600000,
                          .labels = labels, .n_labels = 4, .annotations = notes, .n_annotations = 1,
                          .links = link_list, .n_links = 1 };
}

static const struct { const char *text; const char *result; } rows[] = {
    { "", "" },
    { "plain", "plain" },
    { "GPU {{ .labels.gpu }} lost on {{ .labels.host }}", "GPU 3 lost on train-07" },
    { "{{.labels.gpu}}{{.labels.host}}", "3train-07" },
    { "{{\n .labels.gpu\t}}", "3" },
    { "{{ .labels[\"a b\"] }}", "blank" },
    { "{{ .labels[\"q\\\"q\"] }}", "x" },
    { "{{ .labels.missing }}", "" },
    { "[{{ .labels[\"missing\"] }}]", "[]" },
    { "{{ .annotations.title }}", "A title" },
    { "{{ .annotations[\"title\"] }}", "A title" },
    { "{{ .summary }}/{{ .severity }}/{{ .source }}/{{ .status }}/{{ .dedup_key }}",
      "it broke/critical/training/firing/k1" },
    { "{{ .group }}|{{ .ends_at }}", "|" },
    { "{{ .starts_at }}", "2026-01-01T00:00:00.000Z" },
    { "{ {{ .labels.gpu }} }", "{ 3 }" },
    { "{ single }", "{ single }" },
    /* jq */
    { "{{ .labels.host | ascii_upcase }}", "TRAIN-07" },
    { "{{ .labels.gpu | tonumber + 1 }}", "4" },
    { "{{ 1.5 }} {{ true }} {{ null }}", "1.5 true " },
    { "{{ .labels | keys }}", "[\"a b\",\"gpu\",\"host\",\"q\\\"q\"]" },
    { "{{ {a: {b: 1}} }}", "{\"a\":{\"b\":1}}" },
    { "{{ {a:{b:1}}}}", "{\"a\":{\"b\":1}}" },
    { "{{ \"}}\" }}", "}}" },
    { "{{ \"{{\" }}", "{{" },
    { "{{ \"\\(.labels.host | split(\"-\")[0])!\" }}", "train!" },
    { "{{ if .labels.gpu == \"3\" then \"three\" else \"other\" end }}", "three" },
    { "{{ .labels.team // \"nobody\" }}", "nobody" },
    { "{{ .group }}{{ .group == null }}", "true" },
    { "{{ .links[0].href }} {{ .links[0].text == null }}", "https://example.org/x true" },
    { "{{ [.starts_at, .ends_at] }}", "[\"2026-01-01T00:00:00.000Z\",null]" },
    { "{{ .labels.env }}{{ {env: 1}.env }}", "1" },
    { "{{ 9007199254740991 }}", "9007199254740991" },
    { "{{ .labels # a comment\n .host }}", "train-07" },
};

static void
test_rows(void **state)
{
    const size_t n = sizeof rows / sizeof rows[0];
    struct arena *a = arena_new();
    struct template *t = arena_zalloc(a, n * sizeof *t);
    struct expr_table exprs = { 0 };
    struct view v = sample();
    struct jq_pool *pool;
    struct buf out;

    (void)state;
    for (size_t i = 0; i < n; i++) {
        struct tocsin_err err;

        if (template_parse(a, &exprs, rows[i].text, &t[i], &err) != TOCSIN_OK)
            fail_msg("%s: %s", rows[i].text, err.what);
    }
    pool = jq_pool_new(&exprs);
    assert_non_null(pool);
    buf_init(&out, 1 << 16);
    for (size_t i = 0; i < n; i++) {
        struct tocsin_err err;

        buf_reset(&out);
        if (template_render(&t[i], &v, pool, &out, &err) != TOCSIN_OK)
            fail_msg("%s: %s", rows[i].text, err.what);
        if (strcmp(out.n > 0 ? out.p : "", rows[i].result) != 0)
            fail_msg("%s: '%s', expected '%s'", rows[i].text, out.p, rows[i].result);
    }
    buf_release(&out);
    jq_pool_free(pool);
    free(exprs.checked);
    arena_free(a);
}

static const struct { const char *text; const char *column; const char *words; } mistakes[] = {
    { "{{", "column 1:", "'{{' is not closed" },
    { "abc {{ .labels.x", "column 5:", "'{{' is not closed" },
    { "abc {{ .labels.x }", "column 18:", "unexpected '}'" },
    { "abc }} def", "column 5:", "without '{{'" },
    { "{{ .a.b }} }}", "column 12:", "without '{{'" },
    { "{{ }}", "column 4:", "empty expression" },
    { "{{ \"abc }}", "column 5:", "not closed" },
    { "{{ (1 }}", "column 7:", "unexpected '}'" },
    { "{{ [1) }}", "column 6:", "unexpected ')'" },
    { "{{ .host }}", "column 4:", "no such field" },
    { "text {{ .label }}", "column 9:", "no such field" },
    { "{{ 1 + 1 }}{{ .label }}", "column 15:", "no such field" },
    { "{{ env.HOME }}", "column 4:", "'env' is not available" },
    { "{{ now }}", "column 4:", "'now' is not available" },
    { "{{ $ENV.HOME }}", "column 5:", "'$ENV' is not available" },
};

static void
test_mistakes(void **state)
{
    struct arena *a = arena_new();
    struct expr_table exprs = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        struct tocsin_err err = { .what = "" };
        struct template t;

        if (template_parse(a, &exprs, mistakes[i].text, &t, &err) == TOCSIN_OK)
            fail_msg("accepted: %s", mistakes[i].text);
        if (strncmp(err.what, mistakes[i].column, strlen(mistakes[i].column)) != 0 ||
            strstr(err.what, mistakes[i].words) == NULL)
            fail_msg("%s: '%s', expected '%s ... %s'", mistakes[i].text, err.what, mistakes[i].column,
                     mistakes[i].words);
        assert_int_equal(exprs.n, 0);        /* nobody uses the expressions of a text that was refused */
    }
    free(exprs.checked);
    arena_free(a);
}

static const struct { const char *text; const char *words; } failing[] = {
    { "{{ .labels.host | tonumber }}", "{{ .labels.host | tonumber }}: " },
    { "{{ empty }}", "no result" },
    { "{{ 1, 2 }}", "more than one result" },
    { "{{ error(\"my words\") }}", "my words" },
    { "{{ [range(1e9)] }}", "steps" },
    { "{{ 1, error(\"late\") }}", "late" },
    { "{{ \"x\" * 3000 }}{{ \"y\" * 3000 }}", "longer than 4096 bytes" },
};

/* A failure leaves the machine fit for the next run. */
static void
test_failing(void **state)
{
    struct arena *a = arena_new();
    struct expr_table exprs = { 0 };
    struct template t[sizeof failing / sizeof failing[0]], good;
    struct tocsin_err err = { .what = "" };
    struct view v = sample();
    struct jq_pool *pool;
    struct buf out;

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
        assert_int_equal(template_parse(a, &exprs, failing[i].text, &t[i], &err), TOCSIN_OK);
    assert_int_equal(template_parse(a, &exprs, "{{ .labels.host | length }}", &good, &err), TOCSIN_OK);
    pool = jq_pool_new(&exprs);
    assert_non_null(pool);
    buf_init(&out, 4096);
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        buf_reset(&out);
        if (template_render(&t[i], &v, pool, &out, &err) == TOCSIN_OK)
            fail_msg("%s gave '%s'", failing[i].text, out.p);
        if (strstr(err.what, failing[i].words) == NULL)
            fail_msg("%s: '%s', expected '%s'", failing[i].text, err.what, failing[i].words);
        buf_reset(&out);
        assert_int_equal(template_render(&good, &v, pool, &out, &err), TOCSIN_OK);
        assert_string_equal(out.p, "8");
    }
    buf_release(&out);
    jq_pool_free(pool);
    free(exprs.checked);
    arena_free(a);
}

/* More expressions than one set holds; equal ones are one. */
static void
test_many(void **state)
{
    enum { N = 300 };
    struct arena *a = arena_new();
    struct expr_table exprs = { 0 };
    struct template t[N];
    struct tocsin_err err;
    struct view v = sample();
    struct jq_pool *pool;
    struct buf out;

    (void)state;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < N; i++)
            assert_int_equal(template_parse(a, &exprs, arena_printf(a, "{{ %d + 1 }}", i), &t[i], &err), TOCSIN_OK);
    assert_int_equal(exprs.n, N);
    pool = jq_pool_new(&exprs);
    assert_non_null(pool);
    buf_init(&out, 4096);
    for (int i = 0; i < N; i++) {
        buf_reset(&out);
        assert_int_equal(template_render(&t[i], &v, pool, &out, &err), TOCSIN_OK);
        assert_int_equal(strtol(out.p, NULL, 10), i + 1);
    }
    buf_release(&out);
    jq_pool_free(pool);
    free(exprs.checked);
    arena_free(a);
}

static void
test_literal(void **state)
{
    struct arena *a = arena_new();
    struct expr_table exprs = { 0 };
    struct tocsin_err err;
    struct template t;

    (void)state;
    assert_int_equal(template_parse(a, &exprs, "abc", &t, &err), TOCSIN_OK);
    assert_string_equal(template_literal(&t), "abc");
    assert_int_equal(template_parse(a, &exprs, "", &t, &err), TOCSIN_OK);
    assert_string_equal(template_literal(&t), "");
    assert_int_equal(template_parse(a, &exprs, "a{{ .summary }}", &t, &err), TOCSIN_OK);
    assert_null(template_literal(&t));
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_mistakes),
                                        cmocka_unit_test(test_failing), cmocka_unit_test(test_many),
                                        cmocka_unit_test(test_literal) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
