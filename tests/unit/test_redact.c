/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/redact/redact.h"
#include "plugin/host.h"

static struct host_redact_key key = { "0123456789abcdef", 16 };

struct row {
    const char *name;
    struct redact_rule rules[3];
    const char *in, *out;
};

static const struct row rows[] = {
    { "a path, letter case is free", { { .path = "request.headers.authorization" } },
      "{\"request\":{\"headers\":{\"Authorization\":\"Bearer x\",\"Host\":\"a\"}}}",
      "{\"request\":{\"headers\":{\"Authorization\":\"[redacted]\",\"Host\":\"a\"}}}" },
    { "any depth, none included", { { .path = "**.email", .action = REDACT_REMOVE } },
      "{\"email\":\"a\",\"user\":{\"email\":\"b\",\"id\":1},\"l\":[{\"email\":\"c\"},2]}",
      "{\"user\":{\"id\":1},\"l\":[{},2]}" },
    { "a part of a name", { { .path = "extra.key_*" } }, "{\"extra\":{\"key_a\":1,\"keyb\":2,\"KEY_c\":[3]}}",
      "{\"extra\":{\"key_a\":\"[redacted]\",\"keyb\":2,\"KEY_c\":\"[redacted]\"}}" },
    { "one level", { { .path = "a.*.c", .replace = "-" } }, "{\"a\":{\"b\":{\"c\":1},\"c\":2,\"d\":{\"e\":{\"c\":3}}}}",
      "{\"a\":{\"b\":{\"c\":\"-\"},\"c\":2,\"d\":{\"e\":{\"c\":3}}}}" },
    { "a quoted name", { { .path = "extra.'a.b'" } }, "{\"extra\":{\"a.b\":1,\"a\":{\"b\":2}}}",
      "{\"extra\":{\"a.b\":\"[redacted]\",\"a\":{\"b\":2}}}" },
    { "all elements, and one", { { .path = "v.x" }, { .path = "w.1.x" } },
      "{\"v\":[{\"x\":1},{\"x\":2}],\"w\":[{\"x\":1},{\"x\":2}]}",
      "{\"v\":[{\"x\":\"[redacted]\"},{\"x\":\"[redacted]\"}],\"w\":[{\"x\":1},{\"x\":\"[redacted]\"}]}" },
    { "pairs are members", { { .path = "h.cookie" } },
      "{\"h\":[[\"Cookie\",\"a=b\"],[\"Host\",\"c\"],{\"key\":\"cookie\",\"value\":\"d\"}]}",
      "{\"h\":[[\"Cookie\",\"[redacted]\"],[\"Host\",\"c\"],{\"key\":\"cookie\",\"value\":\"[redacted]\"}]}" },
    { "hash: the same gives the same, below objects too", { { .path = "u", .action = REDACT_HASH } },
      "{\"u\":{\"a\":\"joe\",\"b\":[\"joe\",7,null]}}",
      "{\"u\":{\"a\":\"#7adcb1a49d1a5e30\",\"b\":[\"#7adcb1a49d1a5e30\",\"#f69cf4852626eee1\",null]}}" },
    { "truncate counts characters", { { .path = "ip", .action = REDACT_TRUNCATE, .keep = 3 } },
      "{\"ip\":\"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\",\"l\":{\"ip\":1}}",
      "{\"ip\":\"\xc3\xa4\xc3\xb6\xc3\xbc\xe2\x80\xa6\",\"l\":{\"ip\":1}}" },
    { "truncate has no beginning of a number to keep", { { .path = "ip", .action = REDACT_TRUNCATE, .keep = 3 } },
      "{\"ip\":12345}", "{\"ip\":\"[redacted]\"}" },
    { "a pattern everywhere, numbers too", { { .pattern = "4[0-9]{3}", .replace = "[n]" } },
      "{\"a\":\"x 4111 y 4222\",\"b\":[4333,\"5111\"],\"c\":{\"d\":4444.5}}",
      "{\"a\":\"x [n] y [n]\",\"b\":[\"[n]\",\"5111\"],\"c\":{\"d\":\"[n].5\"}}" },
    { "a pattern in a path", { { .path = "a", .pattern = "x+", .replace = "" } }, "{\"a\":{\"b\":\"1xx2\"},\"c\":\"x\"}",
      "{\"a\":{\"b\":\"12\"},\"c\":\"x\"}" },
    { "an empty match changes nothing and ends", { { .pattern = "x*" } }, "{\"a\":\"\xc3\xa4yx\"}",
      "{\"a\":\"\xc3\xa4y[redacted]\"}" },
    { "pattern and hash", { { .pattern = "joe", .action = REDACT_HASH } }, "{\"a\":\"hi joe\"}",
      "{\"a\":\"hi #7adcb1a49d1a5e30\"}" },
    { "rules one after the other", { { .pattern = "a", .replace = "b" }, { .pattern = "b", .replace = "c" } },
      "{\"x\":\"ab\"}", "{\"x\":\"cc\"}" },
    { "a regex that gives up takes the text with it", { { .pattern = "(a+)+$" } },
      "{\"x\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\",\"y\":\"b\"}",
      "{\"x\":\"[redacted: a rule failed]\",\"y\":\"b\"}" },
    { "null stays", { { .path = "**.a" } }, "{\"a\":null}", "{\"a\":null}" },
};

static const struct { const char *name, *in, *out; } defaults[] = {
    { "names", "{\"password\":\"a\",\"user_passwd\":1,\"API-Key\":\"b\",\"csrf_token\":\"c\",\"Set-Cookie\":\"d\","
               "\"Authorization\":\"e\",\"clientSecret\":{\"f\":1},\"author\":\"g\",\"tokenizer\":\"h\",\"auth\":\"i\"}",
      "{\"password\":\"[redacted]\",\"user_passwd\":\"[redacted]\",\"API-Key\":\"[redacted]\","
      "\"csrf_token\":\"[redacted]\",\"Set-Cookie\":\"[redacted]\",\"Authorization\":\"[redacted]\","
      "\"clientSecret\":\"[redacted]\",\"author\":\"g\",\"tokenizer\":\"h\",\"auth\":\"[redacted]\"}" },
    { "card numbers with a check digit", "{\"m\":\"paid with 4111 1111 1111 1111 and 4111-1111-1111-1112\","
                                         "\"n\":5500005555555559,\"amex\":\"378282246310005.\"}",
      "{\"m\":\"paid with [card] and 4111-1111-1111-1112\",\"n\":\"[card]\",\"amex\":\"[card].\"}" },
    { "times and ids are no card numbers", "{\"t\":1726518445131,\"id\":\"5ec2c82c95d14fffff123f11ffc14a32\"}",
      "{\"t\":1726518445131,\"id\":\"5ec2c82c95d14fffff123f11ffc14a32\"}" },
    { "secrets in texts", "{\"m\":\"GET https://joe:hunter2@db.example/x?token=abc&q=1\",\"h\":\"Bearer abcdef123456\"}",
      "{\"m\":\"GET https://[redacted]@db.example/x?[redacted]&q=1\",\"h\":\"[redacted]\"}" },
    { "keys", "{\"m\":\"-----BEGIN RSA PRIVATE KEY-----\\nabc\\n-----END RSA PRIVATE KEY----- AKIAABCDEFGHIJKLMNOP\"}",
      "{\"m\":\"[key] [key]\"}" },
};

static void
check(const char *name, const struct redact *r, const char *in, const char *out)
{
    json_t *doc = json_loads(in, 0, NULL);
    char *text;

    assert_non_null(doc);
    redact_json(r, doc);
    text = json_dumps(doc, JSON_COMPACT);
    if (strcmp(text, out) != 0)
        fail_msg("%s: expected %s, got %s", name, out, text);
    free(text);
    json_decref(doc);
}

static void
test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct redact *r = redact_new(host_redact_hash, &key);
        struct tocsin_err err;

        for (size_t k = 0; k < 3 && (rows[i].rules[k].path != NULL || rows[i].rules[k].pattern != NULL); k++)
            assert_int_equal(redact_add(r, &rows[i].rules[k], &err), TOCSIN_OK);
        check(rows[i].name, r, rows[i].in, rows[i].out);
        redact_free(r);
    }
}

static void
test_defaults(void **state)
{
    struct redact *r = redact_new(NULL, NULL);
    struct tocsin_err err;

    (void)state;
    assert_int_equal(redact_add_defaults(r, &err), TOCSIN_OK);
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        check(defaults[i].name, r, defaults[i].in, defaults[i].out);
    redact_free(r);
}

static void
test_mistakes(void **state)
{
    static const struct { struct redact_rule rule; const char *where, *what; } bad[] = {
        { { .action = REDACT_REMOVE }, "", "expected a path, a pattern or both" },
        { { .pattern = "(" }, "pattern", "regex '(': missing closing parenthesis at its offset 1" },
        { { .path = "a..b" }, "path", "an empty name" },
        { { .path = "a.'b" }, "path", "a quote without its end" },
        { { .path = "'a'b" }, "path", "expected a dot behind the quoted name" },
        { { .path = "a", .action = REDACT_HASH }, "action", "hash needs a key" },
        { { .pattern = "a", .action = REDACT_TRUNCATE }, "action", "truncate is for whole values, without a pattern" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct redact *r = redact_new(NULL, NULL);
        struct tocsin_err err;

        assert_int_equal(redact_add(r, &bad[i].rule, &err), TOCSIN_BAD_CONFIG);
        assert_string_equal(err.where, bad[i].where);
        assert_string_equal(err.what, bad[i].what);
        redact_free(r);
    }
}

static void
test_texts(void **state)
{
    struct redact *r = redact_new(NULL, NULL);
    struct redact_rule rule = { .pattern = "[0-9]{3}" }, path = { .path = "a.b", .pattern = "x" };
    struct arena *a = arena_new();
    struct tocsin_err err;
    const char *plain = "x 12";

    (void)state;
    assert_int_equal(redact_add(r, &path, &err), TOCSIN_OK);
    assert_string_equal(redact_text(r, a, "x 123"), "x 123");   /* what has a path is for documents */
    assert_int_equal(redact_add(r, &rule, &err), TOCSIN_OK);
    assert_string_equal(redact_text(r, a, "x 123"), "x [redacted]");
    assert_ptr_equal(redact_text(r, a, plain), plain);          /* by which callers know that nothing matched */
    assert_null(redact_text(r, a, NULL));
    arena_free(a);
    redact_free(r);
}

/* Was anything taken out? */
static void
test_changed(void **state)
{
    static const struct { struct redact_rule rule; const char *in; bool changed; } cases[] = {
        { { .path = "a.b" }, "{\"a\":{\"b\":1}}", true },
        { { .path = "a.b" }, "{\"a\":{\"c\":1},\"b\":2}", false },
        { { .path = "a.b" }, "{\"a\":{\"b\":null}}", false },
        { { .path = "**.b", .action = REDACT_REMOVE }, "[[{\"b\":1}]]", true },
        { { .path = "h.cookie" }, "{\"h\":[[\"Cookie\",\"x\"]]}", true },
        { { .pattern = "17" }, "{\"a\":[\"16\",{\"b\":217}]}", true },
        { { .pattern = "17" }, "{\"17\":\"names stay\"}", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct redact *r = redact_new(NULL, NULL);
        json_t *doc = json_loads(cases[i].in, 0, NULL);
        struct tocsin_err err;

        assert_non_null(doc);
        assert_int_equal(redact_add(r, &cases[i].rule, &err), TOCSIN_OK);
        if (redact_json(r, doc) != cases[i].changed)
            fail_msg("%s: expected %d", cases[i].in, cases[i].changed);
        json_decref(doc);
        redact_free(r);
    }
}

static void
test_explains(void **state)
{
    static const struct { struct redact_rule rule; const char *said, *left; bool explains; } cases[] = {
        { { .path = "x" }, "disk sda", "disk sda", true },
        { { .path = "x" }, "disk sda", "disk sdb", false },          /* another alert's */
        { { .path = "x" }, "disk sda", "disk [redacted]", true },
        { { .path = "x", .replace = "-" }, "disk sda", "disk -", true },
        { { .path = "x", .replace = "" }, "disk sda", "disk sdb", true },   /* who knows */
        { { .path = "x", .action = REDACT_REMOVE }, "disk sda", "disk sdb", true },
        { { .path = "x", .action = REDACT_HASH }, "disk sda", "disk #7adcb1a49d1a5e30", true },
        { { .path = "x", .action = REDACT_HASH }, "disk sda", "disk #1", false },
        { { .path = "x", .action = REDACT_TRUNCATE, .keep = 1 }, "disk sda", "d\xe2\x80\xa6", true },
        { { .pattern = "sd[a-z]", .replace = "sd" }, "disk sda", "disk sd", true },
        { { .pattern = "(a+)+$" }, "x", REDACT_FAILED, true },
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct redact *r = redact_new(host_redact_hash, &key);
        struct tocsin_err err;

        assert_int_equal(redact_add(r, &cases[i].rule, &err), TOCSIN_OK);
        if (redact_explains(r, a, cases[i].said, cases[i].left) != cases[i].explains)
            fail_msg("%s, %s: expected %d", cases[i].said, cases[i].left, cases[i].explains);
        redact_free(r);
    }
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rules), cmocka_unit_test(test_defaults),
                                        cmocka_unit_test(test_mistakes), cmocka_unit_test(test_texts),
                                        cmocka_unit_test(test_changed), cmocka_unit_test(test_explains) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
