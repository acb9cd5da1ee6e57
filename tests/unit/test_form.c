/* SPDX-License-Identifier: Apache-2.0 */
/* Fields that a stranger sent: forms, the JSON that they are mistaken for, queries; and percent-decoding for others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/redact/redact.h"
#include "plugin/host.h"

static const struct tocsin_host *const host = &plugin_host;

#define S(text) text, sizeof text - 1

static const struct {
    const char *name, *body;
    size_t len;
    const char *json;              /* sorted, compact; NULL: an error */
    enum tocsin_rc rc;
    const char *where, *what;
} rows[] = {
    { "fields", S("a=1&b=two"), "{\"a\":\"1\",\"b\":\"two\"}", TOCSIN_OK, "", "" },
    { "blanks before it", S("\r\n a=1"), "{\"a\":\"1\"}", TOCSIN_OK, "", "" },
    { "the last of two", S("a=1&b=2&a=3"), "{\"a\":\"3\",\"b\":\"2\"}", TOCSIN_OK, "", "" },
    { "plus and escapes", S("a+b=c+d%2Be%20f"), "{\"a b\":\"c d+e f\"}", TOCSIN_OK, "", "" },
    { "escaped separators", S("a=%26%3D&b%26=1"), "{\"a\":\"&=\",\"b&\":\"1\"}", TOCSIN_OK, "", "" },
    { "either case", S("a=%c3%A4"), "{\"a\":\"\xc3\xa4\"}", TOCSIN_OK, "", "" },
    { "escapes that are none", S("a=%&b=%4&c=%zz&d=100%"),
      "{\"a\":\"%\",\"b\":\"%4\",\"c\":\"%zz\",\"d\":\"100%\"}", TOCSIN_OK, "", "" },
    { "an escape is not decoded twice", S("a=%2541"), "{\"a\":\"%41\"}", TOCSIN_OK, "", "" },
    { "a value with =", S("a=b=c"), "{\"a\":\"b=c\"}", TOCSIN_OK, "", "" },
    { "no value", S("a&b=&c=1"), "{\"a\":\"\",\"b\":\"\",\"c\":\"1\"}", TOCSIN_OK, "", "" },
    { "no name", S("=1&&a=2&"), "{\"a\":\"2\"}", TOCSIN_OK, "", "" },
    { "line ends", S("a=x%0D%0Ay%0D%0A&b=1\r\n"), "{\"a\":\"x\\r\\ny\",\"b\":\"1\"}", TOCSIN_OK, "", "" },
    { "no UTF-8", S("a=%ff%41&\xe4=%c3"), "{\"a\":\"\xc3\xbf" "A\",\"\xc3\xa4\":\"\xc3\x83\"}", TOCSIN_OK, "", "" },
    { "Windows-1252 beside UTF-8", S("a=M%FCller+\x93\xc3\xb6\x94&b=%80%81"),
      "{\"a\":\"M\xc3\xbcller \xe2\x80\x9c\xc3\xb6\xe2\x80\x9d\",\"b\":\"\xe2\x82\xac\xc2\x81\"}", TOCSIN_OK, "", "" },
    { "a byte order mark", S("\xef\xbb\xbf a=1&b=2"), "{\"a\":\"1\",\"b\":\"2\"}", TOCSIN_OK, "", "" },
    { "NUL in a value", S("a=x%00y&b=x\0y"), "{\"a\":\"x\\u0000y\",\"b\":\"x?y\"}", TOCSIN_OK, "", "" },
    { "NUL in a name", S("a%00b=1&c=2"), "{\"c\":\"2\"}", TOCSIN_OK, "", "" },
    { "no field", S("==&=1"), NULL, TOCSIN_BAD_INPUT, "", "a form without a field" },
    { "JSON", S(" {\"a\":1}"), "{\"a\":1}", TOCSIN_OK, "", "" },
    { "JSON behind a byte order mark", S("\xef\xbb\xbf{\"a\":\"=\"}"), "{\"a\":\"=\"}", TOCSIN_OK, "", "" },
    { "JSON, broken", S("{\"a\":=}"), NULL, TOCSIN_BAD_INPUT, "line 1 column 6", "malformed JSON" },
    { "an array", S("[1]"), NULL, TOCSIN_MEANINGLESS, "$", "expected an object" },
    { "text", S("down"), NULL, TOCSIN_BAD_INPUT, "line 1 column 4", "malformed JSON" },
    { "nothing", S(""), NULL, TOCSIN_BAD_INPUT, "", "empty body" },
};

static char *
text_of(json_t *doc)
{
    char *text = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);

    json_decref(doc);
    return text;
}

static void
forms(void **state)
{
    int bad = 0;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tocsin_payload in = { .body = rows[i].body, .len = rows[i].len };
        struct tocsin_err err = { 0 };
        json_t *doc = NULL;
        enum tocsin_rc rc = host->parse_form(&in, &doc, &err);
        char *text = rc == TOCSIN_OK ? text_of(doc) : NULL;

        if (rc != rows[i].rc || (text == NULL) != (rows[i].json == NULL) ||
            (text != NULL && strcmp(text, rows[i].json) != 0) || strcmp(err.where, rows[i].where) != 0 ||
            strncmp(err.what, rows[i].what, strlen(rows[i].what)) != 0) {
            print_error("%s: %d %s '%s' '%s'\n", rows[i].name, (int)rc, text != NULL ? text : "", err.where, err.what);
            bad++;
        }
        free(text);
    }
    assert_int_equal(bad, 0);
}

static enum tocsin_rc
parse_many(int fields, struct tocsin_err *err)
{
    size_t size = (size_t)fields * 16 + 1, n = 0;
    char *text = malloc(size);
    struct tocsin_payload in = { .body = text };
    json_t *doc = NULL;
    enum tocsin_rc rc;

    assert_non_null(text);
    for (int i = 0; i < fields; i++)
        n += (size_t)snprintf(text + n, size - n, "%sk%d=0", i > 0 ? "&" : "", i);
    in.len = n;
    rc = host->parse_form(&in, &doc, err);
    if (rc == TOCSIN_OK)
        assert_int_equal(json_object_size(doc), fields);
    json_decref(doc);
    free(text);
    return rc;
}

static void
forms_are_bounded(void **state)
{
    struct tocsin_err err = { 0 };

    (void)state;
    assert_int_equal(parse_many(HOST_JSON_KEYS, &err), TOCSIN_OK);
    assert_int_equal(parse_many(HOST_JSON_KEYS + 1, &err), TOCSIN_TOO_LARGE);
    assert_string_equal(err.what, "more than 4096 fields in a form");
}

static void
queries(void **state)
{
    static const struct tocsin_pair pairs[] = { { "a", "1 2" }, { "b", NULL }, { "c", "\xff" }, { "a", "3" } };
    struct tocsin_payload in = { .body = "", .queries = pairs, .n_queries = 4 };
    struct tocsin_err err = { 0 };
    json_t *doc = NULL;
    char *text;

    (void)state;
    assert_int_equal(host->parse_form(&in, &doc, &err), TOCSIN_OK);
    text = text_of(doc);
    assert_string_equal(text, "{\"a\":\"3\",\"b\":\"\",\"c\":\"\xc3\xbf\"}");
    free(text);
    in.body = "x=y";                         /* a body counts more than the address that it was sent to */
    in.len = 3;
    assert_int_equal(host->parse_form(&in, &doc, &err), TOCSIN_OK);
    text = text_of(doc);
    assert_string_equal(text, "{\"x\":\"y\"}");
    free(text);
}

/* A collector's redaction knows the fields of a form, and of a query, as members. */
static void
forms_are_redacted(void **state)
{
    static const struct tocsin_pair pairs[] = { { "Token", "s3cret" }, { "name", "shop 4711" } };
    static const struct { const char *body; struct redact_rule rule; const char *text; bool changed; } cases[] = {
        { "token=s3cret&name=shop+4711", { .path = "token" }, "{\"name\":\"shop 4711\",\"token\":\"[redacted]\"}",
          true },
        { "token=s3cret&name=shop+4711", { .path = "**.tok*", .action = REDACT_REMOVE }, "{\"name\":\"shop 4711\"}",
          true },
        { "token=s3cret&name=shop+4711", { .pattern = "[0-9]{4}", .replace = "-" },
          "{\"name\":\"shop -\",\"token\":\"s3cret\"}", true },
        { "token=s3%63ret", { .pattern = "s3cret" }, "{\"token\":\"[redacted]\"}", true },
        { "token=s3cret", { .path = "form.token" }, "{\"token\":\"s3cret\"}", false },
        { "{\"token\":{\"a\":1}}", { .path = "token" }, "{\"token\":\"[redacted]\"}", true },
        { "", { .path = "token" }, "{\"Token\":\"[redacted]\",\"name\":\"shop 4711\"}", true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tocsin_payload in = { .body = cases[i].body, .len = strlen(cases[i].body), .queries = pairs,
                                     .n_queries = 2 };
        struct redact *r = redact_new(NULL, NULL);
        struct host_redaction before;
        struct tocsin_err err;
        json_t *doc = NULL;
        char *text;

        assert_int_equal(redact_add(r, &cases[i].rule, &err), TOCSIN_OK);
        before = host_redact_begin(r);
        assert_int_equal(host->parse_form(&in, &doc, &err), TOCSIN_OK);
        text = text_of(doc);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(host_redact_end(before), cases[i].changed);
        free(text);
        redact_free(r);
    }
}

static void
unescaping(void **state)
{
    static const struct { const char *in, *out; } cases[] = {
        { "", "" }, { "a+b", "a+b" }, { "%C3%a4%20x", "\xc3\xa4 x" }, { "%", "%" }, { "%4", "%4" }, { "%2541", "%41" },
        { "x%ff", "x\xef\xbf\xbd" }, { "x%00y", "x\xef\xbf\xbdy" },
    };
    struct arena *arena = arena_new();
    struct tocsin_batch b;

    (void)state;
    host_batch_init(&b, arena);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(host->unescape(&b, cases[i].in), cases[i].out);
    arena_free(arena);
}

static void
replies(void **state)
{
    struct arena *arena = arena_new();
    struct tocsin_batch b;

    (void)state;
    host_batch_init(&b, arena);
    assert_int_equal(b.reply_status, 0);
    host->batch_reply(&b, 200, json_pack("{s:s}", "code", "x"));
    host->batch_reply(&b, 201, json_pack("[i]", 1));       /* the last one stands */
    assert_int_equal(b.reply_status, 201);
    assert_int_equal(b.reply_len, 3);
    assert_string_equal(b.reply, "[1]");
    assert_int_equal(b.over.rc, TOCSIN_OK);
    host->batch_reply(&b, 200, NULL);
    assert_int_equal(b.over.rc, TOCSIN_INTERNAL);
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms), cmocka_unit_test(forms_are_bounded), cmocka_unit_test(queries), cmocka_unit_test(forms_are_redacted),
        cmocka_unit_test(unescaping), cmocka_unit_test(replies),
    };

    return cmocka_run_group_tests_name("form", tests, NULL, NULL);
}
