/* SPDX-License-Identifier: Apache-2.0 */
/* explain_impl.h - shared by explain_alert.c (one alert or line) and explain_doc.c (the payload). */
#ifndef CLI_EXPLAIN_IMPL_H
#define CLI_EXPLAIN_IMPL_H

#include "cli/explain.h"
#include "cli/explain_live.h"
#include "core/rules/rules.h"
#include "core/rules/tally.h"

struct explain_work {
    const struct arrival *in;
    struct arena *arena;           /* of the alert at work */
    bool all_rules;
    struct explain_live *live;     /* NULL: no daemon was asked */
    struct rule_scratch *scratch;
    struct tally *tally;
    json_t *alerts;                /* documents of what becomes an alert */
    json_t *lines;                 /* of lines of a log that do not, by what they wait for: many wait for the same */
    json_t *by_key, *by_own, *by_group;      /* place in alerts, from 1 */
    size_t n;                      /* alerts and lines so far */
    size_t n_lines, n_quiet, n_plain;        /* lines; without an alert; of those, without a rule that matches */
};

void explain_put(json_t *object, const char *name, json_t *value);     /* takes the value */
void explain_put_text(json_t *object, const char *name, const char *value);
void explain_put_time(json_t *object, const char *name, int64_t ms);
void explain_put_duration(json_t *object, const char *name, int64_t ms);
json_t *explain_names(const char *const *list, size_t n);
json_int_t explain_number(const json_t *object, const char *name);  /* 0: none */

/* Does any rule match?  The first threshold that is not reached; NULL: none. */
bool explain_is_matched(const struct rule_explanation *);
const struct rule_account *explain_waits_for(const struct rule_explanation *);
json_t *explain_alert(struct explain_work *, const struct rule_explanation *);

#endif
