/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

void
buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){ .max = max };
}

void
buf_release(struct buf *b)
{
    free(b->p);
    *b = (struct buf){ .max = b->max };
}

void
buf_reset(struct buf *b)
{
    b->n = 0;
    b->over = false;
    if (b->p != NULL)
        b->p[0] = '\0';
}

bool
buf_ok(const struct buf *b)
{
    return !b->over;
}

static bool
room(struct buf *b, size_t n)
{
    size_t cap = b->cap > 0 ? b->cap : 64;

    if (b->over || n > b->max - b->n) {
        b->over = true;
        return false;
    }
    while (cap < b->n + n + 1)
        cap *= 2;
    if (cap != b->cap) {
        b->p = xrealloc(b->p, cap);
        b->cap = cap;
    }
    return true;
}

char *
buf_take(struct buf *b)
{
    char *p = b->p != NULL ? b->p : xstrdup("");

    *b = (struct buf){ .max = b->max };
    return p;
}

void
buf_addn(struct buf *b, const void *p, size_t n)
{
    if (!room(b, n))
        return;
    if (n > 0)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void
buf_add(struct buf *b, const char *s)
{
    buf_addn(b, s, strlen(s));
}

void
buf_addc(struct buf *b, char c)
{
    buf_addn(b, &c, 1);
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    char *s = NULL;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&s, fmt, ap);
    va_end(ap);
    if (n < 0)
        abort();
    buf_addn(b, s, (size_t)n);
    free(s);
}
