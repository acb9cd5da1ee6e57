/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Words quote what a stranger sent, and are cut at a byte: what is left must be UTF-8 to be told to anybody. */
static void
scrub(char *s)
{
    size_t n = strlen(s);

    for (size_t i = 0, len; i < n; i += len) {
        len = utf8_seq(s + i, n - i);
        if (len == 0) {
            s[i] = n - i < 4 ? '\0' : '?';
            len = 1;
        }
    }
}

static void
fill(struct tocsin_err *err, enum tocsin_rc rc, const char *where, const char *fmt, va_list ap)
{
    char what[sizeof err->what];

    /* formatted aside: an argument may point into *err itself */
    vsnprintf(what, sizeof what, fmt, ap);
    snprintf(err->where, sizeof err->where, "%s", where != NULL ? where : "");
    memcpy(err->what, what, sizeof what);
    scrub(err->where);
    scrub(err->what);
    err->rc = rc;
    err->sys_errno = 0;
}

enum tocsin_rc
err_set(struct tocsin_err *err, enum tocsin_rc rc, const char *where, const char *fmt, ...)
{
    va_list ap;

    if (err == NULL)
        return rc;
    va_start(ap, fmt);
    fill(err, rc, where, fmt, ap);
    va_end(ap);
    return rc;
}

const char *
err_errno(int no)
{
    static _Thread_local char text[128];

    return strerror_r(no, text, sizeof text);
}

enum tocsin_rc
err_sys(struct tocsin_err *err, enum tocsin_rc rc, const char *where, const char *fmt, ...)
{
    int no = errno;
    size_t n;
    va_list ap;

    if (err == NULL)
        return rc;
    va_start(ap, fmt);
    fill(err, rc, where, fmt, ap);
    va_end(ap);
    n = strlen(err->what);
    snprintf(err->what + n, sizeof err->what - n, ": %s", err_errno(no));
    err->sys_errno = no;
    return rc;
}

enum tocsin_rc
err_wrap(struct tocsin_err *err, const char *fmt, ...)
{
    char old[sizeof err->what];
    va_list ap;
    size_t n;

    memcpy(old, err->what, sizeof old);
    va_start(ap, fmt);
    vsnprintf(err->what, sizeof err->what, fmt, ap);
    va_end(ap);
    n = strlen(err->what);
    if (n + 3 < sizeof err->what) {          /* as much of the cause as there is room for */
        size_t room = sizeof err->what - n - 3, len = strnlen(old, room);

        memcpy(err->what + n, ": ", 2);
        memcpy(err->what + n + 2, old, len);
        err->what[n + 2 + len] = '\0';
    }
    scrub(err->what);
    return err->rc;
}

const char *
err_text(const struct tocsin_err *err, char *out, unsigned size)
{
    if (err->where[0] != '\0')
        snprintf(out, size, "%s: %s", err->where, err->what);
    else
        snprintf(out, size, "%s", err->what);
    return out;
}

static const struct {
    int status;
    const char *title;
} kinds[] = {
    [TOCSIN_OK] = { 200, "fine" },
    [TOCSIN_BAD_INPUT] = { 400, "malformed request" },
    [TOCSIN_MEANINGLESS] = { 422, "request makes no sense" },
    [TOCSIN_UNAUTHORIZED] = { 401, "not authenticated" },
    [TOCSIN_FORBIDDEN] = { 403, "not allowed" },
    [TOCSIN_NOT_FOUND] = { 404, "not found" },
    [TOCSIN_CONFLICT] = { 409, "not possible in this state" },
    [TOCSIN_TOO_LARGE] = { 413, "too large" },
    [TOCSIN_UNSUPPORTED] = { 415, "unsupported media type" },
    [TOCSIN_TOO_MANY] = { 429, "too many requests" },
    [TOCSIN_BAD_CONFIG] = { 500, "configuration error" },
    [TOCSIN_TEMPORARY] = { 503, "temporarily unavailable" },
    [TOCSIN_FULL] = { 503, "disk full" },
    [TOCSIN_FATAL] = { 503, "storage failed" },
    [TOCSIN_INTERNAL] = { 500, "internal error" },
    [TOCSIN_NEED_FETCH] = { 503, "a document is missing" },
};

int
rc_http_status(enum tocsin_rc rc)
{
    return kinds[rc].status;
}

const char *
rc_title(enum tocsin_rc rc)
{
    return kinds[rc].title;
}
