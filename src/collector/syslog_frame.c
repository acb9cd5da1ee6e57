/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/syslog_frame.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

enum { LENGTH_DIGITS = 10, FIRST_CAP = 512 };

void
syslog_frames_init(struct syslog_frames *f, size_t max)
{
    *f = (struct syslog_frames){ .max = max };
}

void
syslog_frames_release(struct syslog_frames *f)
{
    free(f->part);
    *f = (struct syslog_frames){ .max = f->max };
}

/* Keep the beginning of a message, up to the limit. */
static void
keep(struct syslog_frames *f, const char *p, size_t n)
{
    if (n > f->max - f->n)
        n = f->max - f->n;
    if (f->n + n > f->cap) {
        f->cap = f->cap == 0 ? FIRST_CAP : 2 * f->cap;
        if (f->cap < f->n + n)
            f->cap = f->n + n;
        f->part = xrealloc(f->part, f->cap);
    }
    if (n > 0)
        memcpy(f->part + f->n, p, n);
    f->n += n;
}

/* p is the end of a message, or a part that fills the limit. */
static void
put(struct syslog_frames *f, const char *p, size_t n, syslog_message out, void *ctx)
{
    if (f->n == 0) {
        if (n > 0)
            out(ctx, p, n < f->max ? n : f->max);
        return;
    }
    keep(f, p, n);
    out(ctx, f->part, f->n);
    f->n = 0;
    if (f->cap > 4096) {           /* quiet connections should cost little */
        free(f->part);
        f->part = NULL;
        f->cap = 0;
    }
}

/* n bytes of a message; last: it ends with them. */
static void
take(struct syslog_frames *f, const char *p, size_t n, bool last, syslog_message out, void *ctx)
{
    bool over = n > f->max - f->n;

    if (!f->skipping && (last || over))
        put(f, p, n, out, ctx);
    else if (!f->skipping)
        keep(f, p, n);
    f->cut += over && !f->skipping;
    f->skipping = !last && (f->skipping || over);
}

/* --- lines ------------------------------------------------------------------------------- */

static bool
feed_lines(struct syslog_frames *f, const char *p, size_t n, syslog_message out, void *ctx)
{
    const char *end = p + n;

    while (p < end) {
        const char *q = p;

        while (q < end && *q != '\n' && *q != '\0')
            q++;
        take(f, p, (size_t)(q - p), q < end, out, ctx);
        p = q + 1;
    }
    return true;
}

/* --- lengths ------------------------------------------------------------------------------ */

/* The digits are in part.  False when they are no length. */
static bool
begin_message(struct syslog_frames *f)
{
    f->rest = 0;
    for (size_t i = 0; i < f->n; i++)
        f->rest = 10 * f->rest + (uint64_t)(f->part[i] - '0');
    f->n = 0;
    f->in_message = f->proven = true;
    return f->rest > 0;
}

/* One byte of a length.  False when it cannot be one. */
static bool
length_byte(struct syslog_frames *f, char c)
{
    if (c == ' ' && f->n > 0)
        return begin_message(f);
    if (f->n == 0 && (c == '\n' || c == '\r' || c == '\0'))
        return true;               /* some senders end their lines all the same */
    if (!isdigit((unsigned char)c) || f->n == LENGTH_DIGITS || (f->n == 0 && c == '0'))
        return false;
    keep(f, &c, 1);
    return true;
}

static bool
feed_lengths(struct syslog_frames *f, const char *p, size_t n, syslog_message out, void *ctx)
{
    while (n > 0) {
        size_t now = n;

        if (!f->in_message) {
            if (!length_byte(f, *p)) {
                if (f->proven)
                    return false;
                /* "2026-01-31T12:00:00Z ...": a line without <PRI>, whose digits are kept */
                f->framing = FRAMING_LINE;
                return feed_lines(f, p, n, out, ctx);
            }
            now = 1;
        } else {
            if (now > f->rest)
                now = (size_t)f->rest;
            f->rest -= now;
            take(f, p, now, f->rest == 0, out, ctx);
            f->in_message = f->rest > 0;
        }
        p += now;
        n -= now;
    }
    return true;
}

/* --- either --------------------------------------------------------------------------------- */

bool
syslog_frames_feed(struct syslog_frames *f, const char *p, size_t n, syslog_message out, void *ctx)
{
    while (f->framing == FRAMING_UNKNOWN && n > 0) {
        if (*p != '\n' && *p != '\r' && *p != '\0')
            f->framing = *p >= '1' && *p <= '9' ? FRAMING_LENGTH : FRAMING_LINE;
        else
            p++, n--;
    }
    if (f->framing == FRAMING_LENGTH)
        return feed_lengths(f, p, n, out, ctx);
    return n == 0 || feed_lines(f, p, n, out, ctx);
}

void
syslog_frames_end(struct syslog_frames *f, syslog_message out, void *ctx)
{
    bool message = f->framing == FRAMING_LINE || f->in_message;

    if (message && !f->skipping && f->n > 0)
        out(ctx, f->part, f->n);
    f->n = 0;
    f->in_message = false;
}
