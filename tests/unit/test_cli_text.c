/* SPDX-License-Identifier: Apache-2.0 */
/* Words of strangers on a terminal: cleaned, measured in columns, cut between characters. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "cli/internal.h"

static void
text_is_cut_by_columns(void **state)
{
    static const struct {
        const char *text;
        size_t width, cut_to;
        const char *cut;
    } cases[] = {
        { "plain", 5, 5, "plain" },
        { "plain", 5, 4, "pla\xe2\x80\xa6" },
        { "\xe6\x97\xa5\xe6\x9c\xac", 4, 3, "\xe6\x97\xa5\xe2\x80\xa6" },      /* two wide characters */
        { "e\xcc\x81t\xc3\xa9", 3, 2, "e\xcc\x81\xe2\x80\xa6" },               /* a combining accent */
        { "", 0, 3, "" },
    };
    struct arena *arena = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(term_width(cases[i].text), cases[i].width);
        assert_string_equal(term_cut(arena, cases[i].text, cases[i].cut_to), cases[i].cut);
    }
    arena_free(arena);
}

static void
hostile_text_is_harmless(void **state)
{
    struct arena *arena = arena_new();

    (void)state;
    assert_string_equal(term_clean(arena, "a\033[2Jb\r\n\tc\x7f"), "a[2Jb  c");
    assert_string_equal(term_clean(arena, "x\xc2\x9b" "31my"), "x31my");       /* C1 CSI */
    assert_string_equal(term_clean(arena, "\xe2\x80\xaeolleh\xe2\x81\xa6"), "olleh");
    assert_string_equal(term_clean(arena, "\xff\xfe ok \xc3"), "?? ok ?");
    assert_string_equal(term_clean(arena, "\xf0\x9f\x94\xa5 \xc3\xa4"), "\xf0\x9f\x94\xa5 \xc3\xa4");
    arena_free(arena);
}

static void
ages_are_short(void **state)
{
    static const struct { const char *when, *age; } cases[] = {
        { "2026-01-01T00:00:00Z", "0s" },       { "2025-12-31T23:59:01Z", "59s" },   { "2025-12-31T23:56:00Z", "4m" },
        { "2025-12-31T20:50:00Z", "3h10m" },    { "2025-12-29T20:00:00Z", "2d4h" },  { "2026-01-01T00:00:05Z", "0s" },
        { "yesterday", "" },                    { "", "" },
    };
    struct cli cli = { .arena = arena_new(), .now = INT64_C(1767225600000) };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(term_age(&cli, cases[i].when), cases[i].age);
    arena_free(cli.arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_cut_by_columns),
        cmocka_unit_test(hostile_text_is_harmless),
        cmocka_unit_test(ages_are_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
