/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/normalise/severity.h"

static const struct { const char *word; enum tocsin_severity severity; } rows[] = {
    { "critical", TOCSIN_CRITICAL }, { "Sev0", TOCSIN_CRITICAL },      { "P1", TOCSIN_CRITICAL },
    { "page", TOCSIN_CRITICAL },     { "disaster", TOCSIN_CRITICAL },  { "fatal", TOCSIN_CRITICAL },
    { "emergency", TOCSIN_CRITICAL }, { "alert", TOCSIN_CRITICAL },    { "crit", TOCSIN_CRITICAL },
    { "SEVERE", TOCSIN_CRITICAL },   { "emerg", TOCSIN_CRITICAL },     { "Highest", TOCSIN_CRITICAL },
    { "P0", TOCSIN_CRITICAL },       { "urgent", TOCSIN_CRITICAL },    { "panic", TOCSIN_CRITICAL },
    { "error", TOCSIN_ERROR },       { "Sev1", TOCSIN_ERROR },         { "P2", TOCSIN_ERROR },
    { "err", TOCSIN_ERROR },         { "HIGH", TOCSIN_ERROR },         { "major", TOCSIN_ERROR },
    { "Sev2", TOCSIN_WARNING },      { "P3", TOCSIN_WARNING },         { "average", TOCSIN_WARNING },
    { "WARN", TOCSIN_WARNING },      { "Warning", TOCSIN_WARNING },    { "medium", TOCSIN_WARNING },
    { "minor", TOCSIN_WARNING },     { "Sev3", TOCSIN_INFO },          { "Sev4", TOCSIN_INFO },
    { "P4", TOCSIN_INFO },           { "P5", TOCSIN_INFO },            { "notice", TOCSIN_INFO },
    { "INFO", TOCSIN_INFO },         { "Informational", TOCSIN_INFO }, { "Information", TOCSIN_INFO },
    { "Normal", TOCSIN_INFO },       { "low", TOCSIN_INFO },           { "debug", TOCSIN_INFO },
    { "  critical \t", TOCSIN_CRITICAL }, { "SEV-1", TOCSIN_ERROR },   { "Sev 2", TOCSIN_WARNING },
    { "p_4", TOCSIN_INFO },
    /* no words: numbers, statuses, parts and extensions of words, nothing */
    { "1", TOCSIN_SEV_NONE },        { "0", TOCSIN_SEV_NONE },         { "5", TOCSIN_SEV_NONE },
    { "Sev5", TOCSIN_SEV_NONE },     { "P6", TOCSIN_SEV_NONE },        { "ok", TOCSIN_SEV_NONE },
    { "down", TOCSIN_SEV_NONE },     { "alerting", TOCSIN_SEV_NONE },  { "resolved", TOCSIN_SEV_NONE },
    { "", TOCSIN_SEV_NONE },         { "   ", TOCSIN_SEV_NONE },       { "criticality", TOCSIN_SEV_NONE },
    { "war", TOCSIN_SEV_NONE },      { "a very long text that is no word at all", TOCSIN_SEV_NONE },
    { "\xff\xfe", TOCSIN_SEV_NONE }, { "unknown", TOCSIN_SEV_NONE },   { NULL, TOCSIN_SEV_NONE },
};

static void
test_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (severity_of(rows[i].word) != rows[i].severity)
            fail_msg("'%s' is %s, expected %s", rows[i].word != NULL ? rows[i].word : "(null)",
                     severity_name(severity_of(rows[i].word)), severity_name(rows[i].severity));
}

static void
test_names_are_words(void **state)
{
    (void)state;
    for (int s = TOCSIN_INFO; s <= TOCSIN_CRITICAL; s++)
        assert_int_equal(severity_of(severity_name((enum tocsin_severity)s)), s);
    assert_string_equal(severity_name(TOCSIN_SEV_NONE), "none");
    assert_string_equal(severity_name((enum tocsin_severity)99), "none");
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_words), cmocka_unit_test(test_names_are_words) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
