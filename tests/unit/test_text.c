/* SPDX-License-Identifier: Apache-2.0 */
/* Text from strangers: what is clean stays as it is, everything else is replaced, wherever it stands. */
#include <setjmp.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"

static bool
is_allowed(unsigned char c)
{
    return (c >= 0x20 && c < 0x7f) || c == '\t' || c == '\n';
}

/* What is UTF-8 stays; whatever else is there, what comes out is UTF-8, and differs where the bytes differed. */
static void
bytes_of_another_charset(void **state)
{
    static const struct { const char *in, *out; } cases[] = {
        { "", "" }, { "plain, and longer than a machine word", NULL },
        { "caf\xc3\xa9 \xf0\x9f\x94\x94 and a tail", NULL },
        { "caf\xe9", "caf\xc3\xa9" }, { "\x80 \x93quoted\x94", "\xe2\x82\xac \xe2\x80\x9cquoted\xe2\x80\x9d" },
        { "12345678\xff", "12345678\xc3\xbf" }, { "\xc3\xa9\xe9", "\xc3\xa9\xc3\xa9" },
        { "\xed\xa0\x80", "\xc3\xad\xc2\xa0\xe2\x82\xac" },
    };
    char out[128];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *wanted = cases[i].out != NULL ? cases[i].out : cases[i].in;

        assert_int_equal(text_is_utf8(cases[i].in, strlen(cases[i].in)), strcmp(wanted, cases[i].in) == 0);
        assert_int_equal(text_to_utf8(cases[i].in, strlen(cases[i].in), out), strlen(wanted));
        assert_string_equal(out, wanted);
    }
    for (int c = 0x80; c < 256; c++) {
        const char byte = (char)c;

        assert_true(text_is_utf8(out, text_to_utf8(&byte, 1, out)));
    }
}

/* Each byte value at each place of texts longer and shorter than a machine word, between the neighbours that carry. */
static void
every_byte_everywhere(void **state)
{
    static const char fill[] = { 'a', ' ', '~' };

    (void)state;
    for (size_t n = 1; n <= 19; n++)
        for (size_t at = 0; at < n; at++)
            for (int c = 0; c < 256; c++)
                for (size_t f = 0; f < sizeof fill; f++) {
                    struct arena *a = arena_new();
                    char text[20];
                    const char *out;

                    memset(text, fill[f], n);
                    text[at] = (char)c;
                    out = text_clean(a, text, n, 100);
                    if (is_allowed((unsigned char)c)) {
                        assert_int_equal(strlen(out), n);
                        assert_memory_equal(out, text, n);
                    } else {
                        assert_int_equal(strlen(out), n + 2);
                        assert_memory_equal(out, text, at);
                        assert_memory_equal(out + at, "\xef\xbf\xbd", 3);
                        assert_memory_equal(out + at + 3, text + at + 1, n - at - 1);
                    }
                    arena_free(a);
                }
}

static void
sequences(void **state)
{
    static const struct { const char *in; size_t n, max; const char *out; } cases[] = {
        { "", 0, 10, "" },
        { "caf\xc3\xa9 au lait", 13, 50, "caf\xc3\xa9 au lait" },
        { "cut after eight", 15, 11, "cut afte" TEXT_MARK },
        { "exactly ten", 11, 11, "exactly ten" },
        { "\xe2\x82", 2, 10, "\xef\xbf\xbd\xef\xbf\xbd" },
        { "a\0b", 3, 10, "a\xef\xbf\xbd" "b" },
        { "plain text, then \xff", 18, 50, "plain text, then \xef\xbf\xbd" },
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(text_clean(a, cases[i].in, cases[i].n, cases[i].max), cases[i].out);
    arena_free(a);
}

static void
percent_codes(void **state)
{
    static const struct { const char *in, *out; size_t n; } cases[] = {
        { "", "", 0 }, { "plain", "plain", 5 }, { "a%20b%2Fc", "a b/c", 5 }, { "%C3%a9", "\xc3\xa9", 2 },
        { "a+b", "a+b", 3 }, { "%", "%", 1 }, { "100%", "100%", 4 }, { "%4", "%4", 2 }, { "%zz%41", "%zzA", 4 },
        { "%2525", "%25", 3 }, { "a%00b", "a", 3 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[16];

        memcpy(text, cases[i].in, strlen(cases[i].in) + 1);
        assert_int_equal(text_unescape(text), cases[i].n);
        assert_string_equal(text, cases[i].out);
    }
}

/* Errors quote strangers, and are cut at a byte. */
static void
words_of_errors(void **state)
{
    struct tocsin_err err;

    (void)state;
    err_set(&err, TOCSIN_BAD_INPUT, "query \xff\xff=a%20b", "unknown word '%.3s'", "\xc3\xa9\xc3\xa9");
    assert_string_equal(err.where, "query \?\?=a%20b");
    assert_string_equal(err.what, "unknown word '\xc3\xa9");
    errno = ENOENT;
    err_sys(&err, TOCSIN_INTERNAL, NULL, "cannot open '%s'", "a\xff\xc3zzz");
    assert_string_equal(err.what, "cannot open 'a\?\?zzz': No such file or directory");
    memset(err.what, 'x', sizeof err.what - 4);
    memcpy(err.what + sizeof err.what - 4, "\xe2\x82\xac", 4);
    err_wrap(&err, "cannot reload '%.2s'", "\xc3\xc3");
    assert_true(strncmp(err.what, "cannot reload '\?\?': xxx", 22) == 0);
    for (size_t i = 0, n = strlen(err.what), len; i < n; i += len) {
        len = utf8_seq(err.what + i, n - i);
        assert_true(len > 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_of_another_charset), cmocka_unit_test(every_byte_everywhere),
        cmocka_unit_test(sequences), cmocka_unit_test(percent_codes),
        cmocka_unit_test(words_of_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
