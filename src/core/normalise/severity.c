/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of syslog, PagerDuty, Opsgenie, Azure, Zabbix, Kubernetes, log
 * libraries and issue trackers.  Bare numbers are no words: 1 is the worst for
 * one vendor and the mildest for the next, so the integration has to say.
 * Words that tell a status (ok, down, alerting) are none either.
 */
#include "core/normalise/severity.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct word { const char *text; enum tocsin_severity severity; };

/* Sorted: looked up by bisection. */
static const struct word words[] = {
    { "alert", TOCSIN_CRITICAL },
    { "average", TOCSIN_WARNING },
    { "blocker", TOCSIN_CRITICAL },
    { "catastrophic", TOCSIN_CRITICAL },
    { "caution", TOCSIN_WARNING },
    { "crit", TOCSIN_CRITICAL },
    { "critical", TOCSIN_CRITICAL },
    { "debug", TOCSIN_INFO },
    { "disaster", TOCSIN_CRITICAL },
    { "emerg", TOCSIN_CRITICAL },
    { "emergency", TOCSIN_CRITICAL },
    { "err", TOCSIN_ERROR },
    { "error", TOCSIN_ERROR },
    { "fatal", TOCSIN_CRITICAL },
    { "high", TOCSIN_ERROR },
    { "highest", TOCSIN_CRITICAL },
    { "immediate", TOCSIN_ERROR },
    { "info", TOCSIN_INFO },
    { "information", TOCSIN_INFO },
    { "informational", TOCSIN_INFO },
    { "low", TOCSIN_INFO },
    { "lowest", TOCSIN_INFO },
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

enum { LONGEST = 15 };

static int
compare(const void *key, const void *item)
{
    return strcmp(key, ((const struct word *)item)->text);
}

/* Lower case, without blanks, '-' and '_': "SEV-1", "Sev 1" and "sev1" are one word. */
static const char *
fold(const char *word, char out[LONGEST + 1])
{
    size_t n = 0;

    for (; *word != '\0'; word++) {
        char c = *word;

        if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '-' || c == '_')
            continue;
        if (n == LONGEST)
            return NULL;
        out[n++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    out[n] = '\0';
    return out;
}

enum tocsin_severity
severity_of(const char *word)
{
    char folded[LONGEST + 1];
    const struct word *found;

    if (word == NULL || fold(word, folded) == NULL)
        return TOCSIN_SEV_NONE;
    found = bsearch(folded, words, sizeof words / sizeof words[0], sizeof words[0], compare);
    return found != NULL ? found->severity : TOCSIN_SEV_NONE;
}

const char *
severity_name(enum tocsin_severity severity)
{
    switch (severity) {
    case TOCSIN_CRITICAL:
        return "critical";
    case TOCSIN_ERROR:
        return "error";
    case TOCSIN_WARNING:
        return "warning";
    case TOCSIN_INFO:
        return "info";
    case TOCSIN_SEV_NONE:
        break;
    }
    return "none";
}
