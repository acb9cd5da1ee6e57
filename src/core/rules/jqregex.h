/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jqregex.h - the regexes of jq programs.
 *
 * The same library with the same syntax as in libjq, which compiles a regex
 * anew each time it is used, and searches as long as it takes.  Here the last
 * ones are kept compiled, a search is bounded, and positions are counted once.
 */
#ifndef CORE_JQREGEX_H
#define CORE_JQREGEX_H

#include <jv.h>

struct jqregex;
struct jqvm;

struct jqregex *jqregex_new(struct jqvm *);            /* the machine is asked whether time is up */
void jqregex_free(struct jqregex *);

/* Each takes its arguments: the regex, the flags (text or null), the text. */

/* true or false */
jv jqregex_test(struct jqregex *, jv *args);
/* The same of a regex, or [regex, flags], and the text: two arguments. */
jv jqregex_tests(struct jqregex *, jv *args);
/* An array of what jq's match() gives; an empty match is there once. */
jv jqregex_match(struct jqregex *, jv *args);
/* An array of what jq's capture() gives. */
jv jqregex_named(struct jqregex *, jv *args);
/*
 * The text around the matches, and of each match its named groups: ["before", {"name": "matched"}, "after"].
 * null when nothing matches.
 */
jv jqregex_parts(struct jqregex *, jv *args);

#endif
