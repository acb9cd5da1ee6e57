/* SPDX-License-Identifier: Apache-2.0 */
#include "core/normalise/severity.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Sorted, lower case: looked up by bisection. */
static const struct word {
    const char *word;
    enum tocsin_severity severity;
} words[] = {
    { "alarm", TOCSIN_ERROR },
    { "alert", TOCSIN_CRITICAL },
    { "average", TOCSIN_WARNING },
    { "catastrophic", TOCSIN_CRITICAL },
    { "crit", TOCSIN_CRITICAL },
    { "critical", TOCSIN_CRITICAL },
    { "danger", TOCSIN_ERROR },
    { "debug", TOCSIN_INFO },
    { "disaster", TOCSIN_CRITICAL },
    { "down", TOCSIN_CRITICAL },
    { "emerg", TOCSIN_CRITICAL },
    { "emergency", TOCSIN_CRITICAL },
    { "err", TOCSIN_ERROR },
    { "error", TOCSIN_ERROR },
    { "fatal", TOCSIN_CRITICAL },
    { "high", TOCSIN_ERROR },
    { "immediate", TOCSIN_CRITICAL },
    { "info", TOCSIN_INFO },
    { "information", TOCSIN_INFO },
    { "informational", TOCSIN_INFO },
    { "low", TOCSIN_INFO },
    { "major", TOCSIN_ERROR },
    { "medium", TOCSIN_WARNING },
    { "minor", TOCSIN_WARNING },
    { "moderate", TOCSIN_WARNING },
    { "normal", TOCSIN_INFO },
    { "notice", TOCSIN_INFO },
    { "p0", TOCSIN_CRITICAL },
    { "p1", TOCSIN_CRITICAL },
    { "p2", TOCSIN_ERROR },
    { "p3", TOCSIN_WARNING },
    { "p4", TOCSIN_INFO },
    { "p5", TOCSIN_INFO },
    { "page", TOCSIN_CRITICAL },
    { "panic", TOCSIN_CRITICAL },
    { "sev0", TOCSIN_CRITICAL },
    { "sev1", TOCSIN_ERROR },
    { "sev2", TOCSIN_WARNING },
    { "sev3", TOCSIN_INFO },
    { "sev4", TOCSIN_INFO },
    { "severe", TOCSIN_CRITICAL },
    { "trace", TOCSIN_INFO },
    { "urgent", TOCSIN_CRITICAL },
    { "verbose", TOCSIN_INFO },
    { "warn", TOCSIN_WARNING },
    { "warning", TOCSIN_WARNING },
};

static int
by_word(const void *a, const void *b)
{
    return strcasecmp(((const struct word *)a)->word, ((const struct word *)b)->word);
}

enum tocsin_severity
severity_of(const char *word)
{
    char trimmed[16];
    struct word key = { trimmed, TOCSIN_SEV_NONE };
    const struct word *found;
    size_t n;

    if (word == NULL)
        return TOCSIN_SEV_NONE;
    word += strspn(word, " \t\r\n");
    n = strlen(word);
    while (n > 0 && strchr(" \t\r\n", word[n - 1]) != NULL)
        n--;
    if (n == 0 || n >= sizeof trimmed)
        return TOCSIN_SEV_NONE;
    memcpy(trimmed, word, n);
    trimmed[n] = '\0';
    found = bsearch(&key, words, sizeof words / sizeof words[0], sizeof words[0], by_word);
    return found != NULL ? found->severity : TOCSIN_SEV_NONE;
}

const char *
severity_name(enum tocsin_severity s)
{
    static const char *const names[] = { "none", "info", "warning", "error", "critical" };

    return s <= TOCSIN_CRITICAL ? names[s] : names[0];
}
