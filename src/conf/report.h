/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - collecting mistakes, and guessing what was meant.
 */
#ifndef CONF_REPORT_H
#define CONF_REPORT_H

#include <stdarg.h>
#include <stddef.h>

#include "conf/conf.h"

enum { CONF_REPORT_MAX = 50 };

/* "FILE:LINE: words"; line 0: "FILE: words".  Past CONF_REPORT_MAX mistakes are only counted. */
void conf_report_add(struct conf_report *, struct conf_pos, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void conf_report_vadd(struct conf_report *, struct conf_pos, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

/* The known name that is nearest to word, or NULL when none is near enough to be worth a guess. */
const char *nearest_name(const char *word, const char *const *names, size_t n);

/* "; did you mean 'x'?", or "" when x is NULL. */
enum { HINT_TEXT = 128 };
const char *hint_text(const char *name, char out[HINT_TEXT]);

#endif
