/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inflate.c - gzip and deflate undone with zlib, within a size and a ratio.
 *
 * The output grows with what really came out, so a bomb costs no more memory
 * than the limit.  Small outputs are exempt from the ratio: a short text of
 * blanks is no attack.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "http/internal.h"

enum { FREE_OF_RATIO = 65536, FIRST_OUT = 16384 };

struct out { char *p; size_t n, cap; };

static size_t
limit_of(size_t in, int64_t max, int64_t ratio)
{
    size_t by_ratio = in < SIZE_MAX / (size_t)ratio ? in * (size_t)ratio : SIZE_MAX;

    if (by_ratio < FREE_OF_RATIO)
        by_ratio = FREE_OF_RATIO;
    return by_ratio < (size_t)max ? by_ratio : (size_t)max;
}

/* One zlib or gzip stream, or several gzip members one after the other. */
static enum tocsin_rc
run(z_stream *z, size_t limit, struct out *out, struct tocsin_err *err)
{
    for (;;) {
        size_t room;
        int rc;

        if (out->n == out->cap) {
            out->cap = out->cap == 0 ? FIRST_OUT : out->cap * 2;
            out->p = xrealloc(out->p, out->cap + 1);
        }
        room = out->cap - out->n;
        z->next_out = (Bytef *)out->p + out->n;
        z->avail_out = (uInt)room;
        rc = inflate(z, Z_NO_FLUSH);
        out->n += room - z->avail_out;
        if (out->n > limit)
            return err_set(err, TOCSIN_TOO_LARGE, "header Content-Encoding", "the body unpacks to more than %zu bytes, "
                           "the limit for one of its size", limit);
        if (rc == Z_STREAM_END && z->avail_in == 0)
            return TOCSIN_OK;
        if (rc == Z_STREAM_END)
            rc = inflateReset(z);
        if (rc != Z_OK || (z->avail_in == 0 && z->avail_out > 0))
            return err_set(err, TOCSIN_BAD_INPUT, "header Content-Encoding", "the body is %s",
                           rc == Z_OK || rc == Z_BUF_ERROR ? "cut off before its packed end"
                                                           : "not what it says, or damaged");
    }
}

static enum tocsin_rc
attempt(const char *in, size_t len, int window, size_t limit, struct out *out, struct tocsin_err *err)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)in, .avail_in = (uInt)len };
    enum tocsin_rc rc;

    out->n = 0;
    if (inflateInit2(&z, window) != Z_OK)
        return err_set(err, TOCSIN_TEMPORARY, "", "cannot unpack the body: out of memory");
    rc = run(&z, limit, out, err);
    inflateEnd(&z);
    return rc;
}

enum tocsin_rc
http_inflate(const char *in, size_t len, bool bare, int64_t max, int64_t ratio, char **out_r, size_t *out_len_r,
             struct tocsin_err *err)
{
    enum { EITHER = MAX_WBITS + 32, RAW = -MAX_WBITS };
    struct out out = { 0 };
    struct tocsin_err second;
    enum tocsin_rc rc;
    size_t limit;

    if (len > UINT_MAX / 2)
        return err_set(err, TOCSIN_TOO_LARGE, "", "the body is too large to be unpacked");
    limit = limit_of(len, max, ratio);
    rc = attempt(in, len, EITHER, limit, &out, err);
    if (rc == TOCSIN_BAD_INPUT && out.n == 0 && bare) {
        enum tocsin_rc again = attempt(in, len, RAW, limit, &out, &second);

        if (again == TOCSIN_OK || again == TOCSIN_TOO_LARGE) {
            rc = again;
            if (again != TOCSIN_OK)
                *err = second;
        }
    }
    if (rc != TOCSIN_OK) {
        free(out.p);
        return rc;
    }
    out.p[out.n] = '\0';
    *out_r = out.p;
    *out_len_r = out.n;
    return TOCSIN_OK;
}
