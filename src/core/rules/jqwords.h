/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jqwords.h - the words of jq that mean something to the scan (jqscan.h).
 */
#ifndef CORE_JQWORDS_H
#define CORE_JQWORDS_H

#include <stdbool.h>
#include <stddef.h>

/* The len bytes at p are this word. */
bool jqword_is(const char *p, size_t len, const char *word);
/* A function that reaches outside the value, or that prints, reads or ends the process. */
bool jqword_is_refused(const char *p, size_t len);
/* A word that is neither a term nor the end of one. */
bool jqword_is_keyword(const char *p, size_t len);
/* How many of the n bytes are UTF-8, up to the first that is not. */
size_t jqword_utf8(const char *p, size_t n);

#endif
