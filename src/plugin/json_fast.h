/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_fast.h - JSON text to jansson's values without jansson's lexer.
 *
 * jansson looks at each byte through several calls: nine tenths of what a
 * payload costs.  simdjson reads the same text ten times as fast; the values
 * are jansson's all the same.  What simdjson does not like, what jansson would
 * refuse though simdjson takes it, and what is very large comes back as NULL:
 * then jansson decides, and finds the words for what is wrong.  So this is a
 * short cut and never a second opinion.
 */
#ifndef PLUGIN_JSON_FAST_H
#define PLUGIN_JSON_FAST_H

#include <stddef.h>

#include <jansson.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An object or array with duplicate names refused and NUL in texts allowed; NULL: ask jansson.  The nesting is
 * recursed into, so it is bounded by the caller. */
json_t *json_fast(const char *text, size_t len);

#ifdef __cplusplus
}
#endif

#endif
