/* SPDX-License-Identifier: Apache-2.0 */
/* impl.h - compiled rules, shared by redact.c (rules), defaults.c and walk.c (documents). */
#ifndef CORE_REDACT_IMPL_H
#define CORE_REDACT_IMPL_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/buf.h"
#include "core/redact/redact.h"

struct rule {
    char *segments[REDACT_SEGMENTS];
    unsigned n_segments;           /* bit n_segments of a state: the path is matched */
    uint32_t start;                /* state before the first name */
    pcre2_code *names;             /* for the last segment, in the place of its text; NULL: the text */
    pcre2_code *re;                /* NULL: whole values */
    bool card;                     /* a match counts only with the check digit of card numbers */
    enum redact_action action;
    char *replace;
    size_t replace_len;
    unsigned keep;
};

struct redact {
    struct rule rules[REDACT_RULES];
    unsigned n;
    bool any_text;                 /* some rule has a pattern and no path */
    bool traceless;                /* what some rule takes out leaves no mark behind */
    pcre2_match_context *limits;
    redact_hash hash;
    void *hash_ctx;
};

/* What one document or text is worked on with. */
struct work {
    const struct redact *r;
    pcre2_match_data *match;
    struct buf out;
    bool changed;                  /* a document: something was taken out */
};

bool work_begin(struct work *, const struct redact *);
void work_end(struct work *);

/* The state of a rule's path one name further down; index: an element of a list, whose number need not be named. */
uint32_t redact_step(const struct work *, const struct rule *, uint32_t state, const char *name, bool index);
enum subst { SUBST_NONE, SUBST_DONE, SUBST_FAILED };
/* What one rule's pattern matches in a text; the result is in w->out when it is SUBST_DONE. */
enum subst redact_subst(struct work *, const struct rule *, const char *text, size_t len);
enum { REDACT_HASH_TEXT = 32 };
/* The mark of REDACT_HASH: "#" and 16 hexadecimal digits. */
void redact_hash_mark(const struct redact *, const char *text, size_t len, char out[REDACT_HASH_TEXT]);
enum tocsin_rc redact_compile(const char *pattern, uint32_t options, pcre2_code **out_r, struct tocsin_err *err);

#endif
