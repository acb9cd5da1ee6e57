/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jqfunc.h - functions of jq that are written in C.
 *
 * jq 1.6 runs 20 million steps of its byte code a second, and much of its own
 * library is byte code: ascii_downcase takes 25 steps a character.  What
 * mappings use most is here, and the words that tocsin adds (text, at, txt,
 * ...).  How a program gets here is told in jqprelude.c.
 */
#ifndef CORE_JQFUNC_H
#define CORE_JQFUNC_H

#include <stddef.h>

#include <jv.h>

struct jqregex;

enum { JQFUNC_MAX_ARGS = 3, JQFUNC_MAX_TEXT = 4 << 20, JQFUNC_MAX_ITEMS = 500000 };

struct jqfunc {
    const char *name;
    unsigned args;                 /* `.` among them: it is the last */
    /* Takes the arguments.  A jv that is invalid and has a message is jq's error().  NULL: the line of a program. */
    jv (*run)(struct jqregex *, jv *args);
};

extern const struct jqfunc jqfuncs[];
extern const size_t jqfuncs_n;

/* A text that is not empty, a number or a boolean as text; null for anything else.  Takes v. */
jv jqfunc_text(jv v);
/* jq's own words for a value that does not fit: "object ({"a":1}) cannot be matched".  Takes bad. */
jv jqfunc_refuse(jv bad, const char *words);
/* "a text is limited to 4 MiB" */
jv jqfunc_too_long(void);

#endif
