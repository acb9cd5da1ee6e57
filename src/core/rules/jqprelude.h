/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jqprelude.h - what stands before every jq program, in jq.
 */
#ifndef CORE_JQPRELUDE_H
#define CORE_JQPRELUDE_H

/* One line, so that jq's line numbers are ours plus one. */
extern const char jqprelude[];
/* The variable $<this><name> is the key of a function of jqfunc.h; jqvm.c gives it its value. */
#define JQPRELUDE_KEY "__k_"

#endif
