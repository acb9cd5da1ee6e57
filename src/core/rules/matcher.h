/* SPDX-License-Identifier: Apache-2.0 */
/*
 * matcher.h - one condition, `name op value`, in Alertmanager's syntax.
 *
 * Answers have three values: a regex that ran into its limit says neither yes
 * nor no, and a rule must not be passed over in silence because of that.
 */
#ifndef CORE_MATCHER_H
#define CORE_MATCHER_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tocsin/plugin.h>

#include "core/rules/field.h"

struct arena;

enum match_op {
    OP_EQ, OP_NE,                  /* one of values, none of them */
    OP_RE, OP_NOT_RE,
    OP_LT, OP_LE, OP_GT, OP_GE
};

enum truth { NO, YES, UNSURE };

struct matcher {
    const char *text;              /* as written */
    enum field field;
    const char *label;             /* of FIELD_LABEL; otherwise the field's name */
    enum match_op op;
    /* OP_EQ, OP_NE: more than one when a regex was nothing but words: "a|b|c" */
    const char **values; size_t n_values;
    pcre2_code *re;                /* OP_RE, OP_NOT_RE */
    double number;                 /* OP_LT ... OP_GE; a rank when the field is severity */
    uint32_t slot;                 /* where the value stands in the scratch; filled by the index */
};

/* What a running match needs and threads do not share. */
struct match_state {
    pcre2_match_data *data;
    pcre2_match_context *context;
};

/* Memory from the arena, except the regex.  The text of an error begins with the column. */
enum tocsin_rc matcher_parse(struct arena *, const char *text, struct matcher *out, struct tocsin_err *err);
void matcher_release(struct matcher *);

/* What a matcher says, without what it means: a silence means labels alone. */
struct matcher_parts { const char *name, *value; enum match_op op; };
enum tocsin_rc matcher_split(struct arena *, const char *text, struct matcher_parts *out, struct tocsin_err *err);
/* A matcher of the label of this name, also where a rule would mean a field.  op is one of the first four. */
enum tocsin_rc matcher_of_label(struct arena *, const struct matcher_parts *, struct matcher *out,
                                struct tocsin_err *err);

/* A decimal number and nothing else: not "5%", "inf", "0x10" or "". */
bool matcher_number(const char *text, double *out);

void match_state_init(struct match_state *);
void match_state_release(struct match_state *);

/* value: the field's text, "" when missing.  *why_r is set when the answer is UNSURE. */
enum truth matcher_test(const struct matcher *, const char *value, enum tocsin_severity, struct match_state *,
                        const char **why_r);

#endif
