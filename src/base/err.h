/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.h - filling struct tocsin_err so that an error path is one line:
 *     return err_set(err, TOCSIN_BAD_INPUT, "$.alerts", "expected an array");
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <tocsin/err.h>

/* Each returns rc.  Bytes that are no UTF-8 become '?', so arguments may be a stranger's.  where may be "" or NULL.
 * err may be NULL: then nobody wants the words. */
enum tocsin_rc err_set(struct tocsin_err *err, enum tocsin_rc rc, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same, and appends ": " and the text of errno. */
enum tocsin_rc err_sys(struct tocsin_err *err, enum tocsin_rc rc, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* What an errno means, in words; safe in any thread, and valid until this thread asks again. */
const char *err_errno(int no);
/* Put context before what is there already: "cannot reload: <what>".  Keeps rc and where. */
enum tocsin_rc err_wrap(struct tocsin_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "where: what", or what alone. */
const char *err_text(const struct tocsin_err *err, char *out, unsigned size);

int rc_http_status(enum tocsin_rc rc);       /* 200 for TOCSIN_OK */
const char *rc_title(enum tocsin_rc rc);     /* "malformed request": the problem+json title */

#endif
