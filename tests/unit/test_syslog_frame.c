/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to messages: both framings, however the bytes are cut up on their way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/syslog_frame.h"

/* The messages, each behind a bar; a line end within is shown as '/'. */
static char seen[65536];

static void
on_message(void *ctx, const char *p, size_t n)
{
    size_t at = strlen(seen);

    (void)ctx;
    assert_true(at + n + 2 < sizeof seen);
    seen[at++] = '|';
    for (size_t i = 0; i < n; i++)
        seen[at++] = p[i] == '\n' ? '/' : p[i];
    seen[at] = '\0';
}

/* Feed in pieces of a size; false when the stream was refused. */
static bool
run(const char *bytes, size_t n, size_t max, size_t piece, uint64_t *cut_r)
{
    struct syslog_frames f;
    bool ok = true;

    seen[0] = '\0';
    syslog_frames_init(&f, max);
    for (size_t i = 0; ok && i < n; i += piece)
        ok = syslog_frames_feed(&f, bytes + i, n - i < piece ? n - i : piece, on_message, NULL);
    syslog_frames_end(&f, on_message, NULL);
    *cut_r = f.cut;
    syslog_frames_release(&f);
    return ok;
}

static const struct {
    const char *name, *bytes;
    size_t n;                      /* 0: up to the NUL */
    size_t max;
    const char *messages;
    uint64_t cut;
    bool refused;
} rows[] = {
    { "lines", "<1>a\n<2>b\n", 0, 64, "|<1>a|<2>b", 0, false },
    { "line ends of other systems, and empty lines", "\r\n<1>a\r\n\n\n<2>b\n", 0, 64, "|<1>a\r|<2>b", 0, false },
    { "NUL for a line end", "<1>a\0<2>b\0\n<3>c", 15, 64, "|<1>a|<2>b|<3>c", 0, false },
    { "a last line without its end", "<1>a\n<2>b", 0, 64, "|<1>a|<2>b", 0, false },
    { "lengths", "4 <1>a5 <2>bc", 0, 64, "|<1>a|<2>bc", 0, false },
    { "a line end within a length", "7 <1>a\nbc4 <2>d", 0, 64, "|<1>a/bc|<2>d", 0, false },
    { "lengths, and line ends all the same", "4 <1>a\n4 <2>b\n", 0, 64, "|<1>a|<2>b", 0, false },
    { "a length whose message breaks off", "9 <1>abc", 0, 64, "|<1>abc", 0, false },
    { "a length that breaks off", "4 <1>a12", 0, 64, "|<1>a", 0, false },
    { "no message at all", "", 0, 64, "", 0, false },
    { "line ends only", "\n\n\n", 0, 64, "", 0, false },
    { "as long as allowed", "<1>45678\n<2>x\n", 0, 8, "|<1>45678|<2>x", 0, false },
    { "a line that is too long", "<1>456789012345\n<2>x\n", 0, 8, "|<1>45678|<2>x", 1, false },
    { "a message that is too long", "15 <1>4567890123454 <2>x", 0, 8, "|<1>45678|<2>x", 1, false },
    { "too long, and never ends", "99999999 <1>45678abcdef", 0, 8, "|<1>45678", 1, false },
    { "a line that begins with a number", "2026-01-31T12:00:00Z h a: b\nc\n", 0, 64, "|2026-01-31T12:00:00Z h a: b|c",
      0, false },
    { "what follows is no length", "4 <1>aoops 4 <2>b", 0, 64, "|<1>a", 0, true },
    { "a length with a nought in front", "4 <1>a04 <2>b", 0, 64, "|<1>a", 0, true },
    { "a length of too many digits", "4 <1>a12345678901 <2>b", 0, 64, "|<1>a", 0, true },
    { "a first length of too many digits is a line", "12345678901 x\n", 0, 64, "|12345678901 x", 0, false },
};

static void
whatever_the_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t n = rows[i].n > 0 ? rows[i].n : strlen(rows[i].bytes);

        for (size_t piece = 1; piece <= n + 1; piece++) {
            uint64_t cut = 0;
            bool ok = run(rows[i].bytes, n, rows[i].max, piece, &cut);

            if (ok == rows[i].refused || strcmp(seen, rows[i].messages) != 0 || cut != rows[i].cut)
                fail_msg("%s, in pieces of %zu: %s, %d cut%s", rows[i].name, piece, seen, (int)cut,
                         ok ? "" : ", refused");
        }
    }
}

/* What a sender can make us hold is its limit, whatever length it names. */
static void
memory_is_bounded(void **state)
{
    struct syslog_frames f;
    char x[1000];

    (void)state;
    memset(x, 'x', sizeof x);
    syslog_frames_init(&f, 4096);
    assert_true(syslog_frames_feed(&f, "9999999999 ", 11, on_message, NULL));
    seen[0] = '\0';
    for (int i = 0; i < 1000; i++) {
        assert_true(syslog_frames_feed(&f, x, sizeof x, on_message, NULL));
        assert_true(f.cap <= 8192);
    }
    assert_int_equal(strlen(seen), 4097);
    assert_int_equal(f.cut, 1);
    syslog_frames_release(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_the_pieces),
        cmocka_unit_test(memory_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
