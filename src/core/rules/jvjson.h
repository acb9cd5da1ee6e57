/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jvjson.h - values between jansson and libjq.
 *
 * libjq keeps every number as a double.  An integer beyond 2^53 would lose its
 * low digits, and two identifiers that differ only there would become one
 * alert; so such an integer is handed to jq as a string of its digits.
 */
#ifndef CORE_JVJSON_H
#define CORE_JVJSON_H

#include <stdbool.h>

#include <jansson.h>
#include <jv.h>

enum { JVJSON_MAX_DEPTH = 128, JVJSON_MAX_VALUES = 500000, JVJSON_MAX_TEXT = 16 << 20 };

/* False when the value is nested deeper than JVJSON_MAX_DEPTH.  *longest_r: bytes of the longest text, or items of the
 * longest array. */
bool jv_from_json(const json_t *in, jv *out_r, size_t *longest_r);
/*
 * Consumes v, also on failure.  NaN becomes null.  NULL when it is nested too deep, or holds too much: libjq shares
 * equal parts, so a few steps make a value that nobody could write down.  *why_r says which.
 */
json_t *json_from_jv_take(jv v, const char **why_r);

#endif
