/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running matchers; parsing them is matcher.c.  PCRE2's compiled code has a
 * stack of 32 KiB; what does not fit there is tried again by the interpreter,
 * which has a larger limit.  The match limit holds for both.
 */
#include <stdlib.h>
#include <string.h>

#include "core/rules/matcher.h"

enum { MATCH_LIMIT = 100000, HEAP_LIMIT_KIB = 2048 };

void
match_state_init(struct match_state *s)
{
    s->data = pcre2_match_data_create(1, NULL);
    s->context = pcre2_match_context_create(NULL);
    if (s->data == NULL || s->context == NULL)
        abort();                   /* out of memory, as in xmalloc() */
    pcre2_set_match_limit(s->context, MATCH_LIMIT);
    pcre2_set_depth_limit(s->context, MATCH_LIMIT);
    pcre2_set_heap_limit(s->context, HEAP_LIMIT_KIB);
}

void
match_state_release(struct match_state *s)
{
    pcre2_match_data_free(s->data);
    pcre2_match_context_free(s->context);
    memset(s, 0, sizeof *s);
}

static enum truth
regex_matches(const struct matcher *m, const char *value, struct match_state *s, const char **why_r)
{
    size_t n = strlen(value);
    int rc = pcre2_match(m->re, (PCRE2_SPTR)value, n, 0, 0, s->data, s->context);

    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(m->re, (PCRE2_SPTR)value, n, 0, PCRE2_NO_JIT, s->data, s->context);
    if (rc >= 0)
        return YES;
    if (rc == PCRE2_ERROR_NOMATCH)
        return NO;
    *why_r = rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT || rc == PCRE2_ERROR_HEAPLIMIT
                 ? "the regex ran into its limit"
                 : "the regex could not be run";
    return UNSURE;
}

static enum truth
negate(enum truth t)
{
    return t == UNSURE ? UNSURE : t == YES ? NO : YES;
}

static enum truth
equals(const struct matcher *m, const char *value)
{
    for (size_t i = 0; i < m->n_values; i++)
        if (strcmp(m->values[i], value) == 0)
            return YES;
    return NO;
}

static enum truth
compares(const struct matcher *m, const char *value, enum tocsin_severity severity)
{
    double d = severity;
    bool yes;

    if (m->field != FIELD_SEVERITY && !matcher_number(value, &d))
        return NO;
    switch (m->op) {
    case OP_LT:
        yes = d < m->number;
        break;
    case OP_LE:
        yes = d <= m->number;
        break;
    case OP_GT:
        yes = d > m->number;
        break;
    default:
        yes = d >= m->number;
        break;
    }
    return yes ? YES : NO;
}

enum truth
matcher_test(const struct matcher *m, const char *value, enum tocsin_severity severity, struct match_state *s,
             const char **why_r)
{
    switch (m->op) {
    case OP_EQ:
        return equals(m, value);
    case OP_NE:
        return negate(equals(m, value));
    case OP_RE:
        return regex_matches(m, value, s, why_r);
    case OP_NOT_RE:
        return negate(regex_matches(m, value, s, why_r));
    default:
        return compares(m, value, severity);
    }
}
