/* SPDX-License-Identifier: Apache-2.0 */
/* The short cut through JSON gives what jansson gives, or nothing: on chosen documents, and on their damaged kin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/json_fast.h"

#ifdef HAVE_SIMDJSON

enum { FLAGS = JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES };

/* json_equal() does not tell 1 from 1.0 by value alone, nor -0.0 from 0.0, nor one order of names from another. */
static void
assert_same(const json_t *a, const json_t *b, const char *text, size_t n)
{
    char *x = json_dumps(a, JSON_COMPACT), *y = json_dumps(b, JSON_COMPACT);

    if (!json_equal(a, b) || x == NULL || y == NULL || strcmp(x, y) != 0)
        fail_msg("'%.*s': jansson reads %s, the short cut %s", (int)n, text, x, y);
    free(x);
    free(y);
}

/* True: the short cut took it. */
static bool
compare(const char *text, size_t n)
{
    json_error_t err;
    json_t *slow = json_loadb(text, n, FLAGS, &err), *fast = json_fast(text, n);
    bool taken = fast != NULL;

    if (fast != NULL && slow == NULL)
        fail_msg("'%.*s' (%zu bytes): the short cut takes it, jansson does not: %s", (int)n, text, n, err.text);
    if (fast != NULL)
        assert_same(slow, fast, text, n);
    json_decref(slow);
    json_decref(fast);
    return taken;
}

#define TEXT(s) { s, sizeof s - 1 }

/* What every sender sends must go the short way. */
static const struct { const char *text; size_t n; } plain[] = {
    TEXT("{}"), TEXT("[]"), TEXT(" [ ] "), TEXT("[1]"), TEXT("[-0]"), TEXT("[-0.0]"), TEXT("[1e5,1.5E-3,123456789012]"),
    TEXT("[9223372036854775807,-9223372036854775808]"), TEXT("[true,false,null]"), TEXT("{\"a\":{\"b\":[{\"c\":\"d\"}]}}"),
    TEXT("[\"caf\xc3\xa9 \xf0\x9f\x94\x94\"]"), TEXT("[\"\\u0041\\n\\t\\\"\\\\\\/\\b\\f\\r\"]"), TEXT("[\"\\ud83d\\udd14\"]"),
    TEXT("[\"a\\u0000b\"]"), TEXT("{\"\":0}"), TEXT("[\"\x7f\"]"), TEXT("\n\t\r [0.1]\n"), TEXT("{\"z\":1,\"a\":2,\"m\":3}"),
    TEXT("[2.2250738585072014e-308,1.7976931348623157e308,5e-324,0.1e-400]"),
};

/* What must not be read, or is jansson's to decide. */
static const struct { const char *text; size_t n; } odd[] = {
    TEXT(""), TEXT(" "), TEXT("1"), TEXT("\"a\""), TEXT("null"), TEXT("{"), TEXT("[1,]"), TEXT("{\"a\":1,}"), TEXT("[1 2]"),
    TEXT("{\"a\" 1}"), TEXT("{a:1}"), TEXT("['a']"), TEXT("[01]"), TEXT("[1.]"), TEXT("[.5]"), TEXT("[+1]"), TEXT("[-]"),
    TEXT("[1e]"), TEXT("[0x10]"), TEXT("[NaN]"), TEXT("[Infinity]"), TEXT("[1e400]"), TEXT("[9223372036854775808]"),
    TEXT("[18446744073709551616]"), TEXT("[-9223372036854775809]"), TEXT("[\"\n\"]"), TEXT("[\"\\x\"]"), TEXT("[\"\\u12\"]"),
    TEXT("[\"\\ud800\"]"), TEXT("[\"\\udc00\"]"), TEXT("[\"\\ud800\\u0041\"]"), TEXT("[\"\xff\"]"), TEXT("[\"\xc3\"]"),
    TEXT("[\"\xed\xa0\x80\"]"), TEXT("[\"\xc0\x80\"]"), TEXT("[\"\xf5\x80\x80\x80\"]"), TEXT("[] []"), TEXT("[]x"), TEXT("[]\0"),
    TEXT("[\0]"), TEXT("{\"a\":1,\"a\":1}"), TEXT("{\"a\":{\"b\":1,\"b\":2}}"), TEXT("{\"\\u0061\":1,\"a\":2}"),
    TEXT("{\"a\\u0000\":1}"), TEXT("[tru]"), TEXT("[nulll]"), TEXT("[\"a"), TEXT("[\"a\\"), TEXT("]"), TEXT("}"), TEXT("[}"),
    TEXT("/* c */ []"), TEXT("[1,,2]"), TEXT("\xef\xbb\xbf[]"), TEXT("{\"a\":1}}"), TEXT("[\"\t\"]"), TEXT("[-01]"),
};

static void
chosen(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (!compare(plain[i].text, plain[i].n))
            fail_msg("'%s' does not go the short way", plain[i].text);
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        compare(odd[i].text, odd[i].n);
}

static uint64_t
next(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

/* Bytes that mean something to JSON, put in, put over, or taken out. */
static size_t
damage(char *text, size_t n, uint64_t *seed)
{
    static const char bytes[] = "\"\\{}[]:,0123456789.eE+-tfnu/ \n\x01\xff\xc3\xa9\xed\xa0";
    size_t at = n > 0 ? next(seed) % n : 0;
    char byte = bytes[next(seed) % (sizeof bytes)];

    switch (next(seed) % 3) {
    case 0:
        text[at] = byte;
        return n > 0 ? n : 1;
    case 1:
        memmove(text + at + 1, text + at, n - at);
        text[at] = byte;
        return n + 1;
    default:
        if (n > 0)
            memmove(text + at, text + at + 1, n - at - 1);
        return n > 0 ? n - 1 : 0;
    }
}

static void
damaged(void **state)
{
    enum { ROUNDS = 200000 };
    uint64_t seed = 20260131;
    size_t taken = 0;

    (void)state;
    for (size_t i = 0; i < ROUNDS; i++) {
        size_t which = next(&seed) % (sizeof plain / sizeof plain[0] + sizeof odd / sizeof odd[0]);
        bool is_plain = which < sizeof plain / sizeof plain[0];
        size_t n = is_plain ? plain[which].n : odd[which - sizeof plain / sizeof plain[0]].n;
        char text[160];

        memcpy(text, is_plain ? plain[which].text : odd[which - sizeof plain / sizeof plain[0]].text, n);
        for (uint64_t k = 1 + next(&seed) % 3; k > 0; k--)
            n = damage(text, n, &seed);
        taken += compare(text, n) ? 1 : 0;
    }
    assert_true(taken > ROUNDS / 20);        /* else nothing was compared */
}

static void
sizes(void **state)
{
    enum { MANY = 40000 };
    char *text = malloc(MANY * 16 + 8);
    size_t n = 0;

    (void)state;
    assert_non_null(text);
    for (int count = 1; count <= MANY; count = count < 1000 ? count + 37 : count * 3) {
        n = 0;
        text[n++] = '{';
        for (int i = 0; i < count; i++)
            n += (size_t)snprintf(text + n, 16, "%s\"%d\":%d", i > 0 ? "," : "", i, i % 10);
        text[n++] = '}';
        compare(text, n);
    }
    assert_null(json_fast(text, (size_t)1 << 30));   /* too large: not even looked at */
    free(text);
}

#else

static void
not_built(void **state)
{
    (void)state;
    skip();
}

#endif

int
main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef HAVE_SIMDJSON
        cmocka_unit_test(chosen),
        cmocka_unit_test(damaged),
        cmocka_unit_test(sizes),
#else
        cmocka_unit_test(not_built),
#endif
    };

    json_object_seed(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
