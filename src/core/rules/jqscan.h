/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jqscan.h - reading jq text far enough to trust it.
 *
 * libjq offers everything to every program: the environment, the clock, the
 * next input, files.  It also runs a recursion without end.  The scan knows
 * jq's tokens (strings with interpolation, fields, object keys, comments), so
 * that `.labels.env` and `{now: 1}` pass while the functions `env` and `now`
 * are refused, and every `def` gets a `debug` at its start, and every
 * use of a parameter another, which is what bounds recursion (jqvm.c counts
 * them).
 */
#ifndef CORE_JQSCAN_H
#define CORE_JQSCAN_H

#include <stddef.h>

#include <tocsin/err.h>

struct buf;

enum {
    JQSCAN_BRACES = 1,             /* the text ends before the first "}}" that is not inside a string or a bracket */
    JQSCAN_LINES = 2               /* the program says at every pipe and bracket which line it is in (jqvm.h) */
};

/*
 * Check the n bytes at p and append them to out with the steps put in.  *used_r is the number of
 * bytes read.  Errors are TOCSIN_BAD_CONFIG; *used_r is then where the mistake stands.
 */
enum tocsin_rc jqscan(const char *p, size_t n, unsigned flags, struct buf *out, size_t *used_r,
                      struct tocsin_err *err);

#endif
