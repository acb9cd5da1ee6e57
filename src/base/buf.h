/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf.h - a growing byte string with a maximum and a sticky error.
 *
 * Always NUL-terminated.  When an append would pass the maximum, nothing is
 * appended then or later and buf_ok() turns false: check once, at the end.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *p;
    size_t n;
    size_t cap;
    size_t max;
    bool over;
};

void buf_init(struct buf *, size_t max);
void buf_release(struct buf *);
void buf_reset(struct buf *);
bool buf_ok(const struct buf *);
char *buf_take(struct buf *);                /* heap; the buffer is empty afterwards; never NULL */

void buf_add(struct buf *, const char *s);
void buf_addn(struct buf *, const void *p, size_t n);
void buf_addc(struct buf *, char c);
void buf_addf(struct buf *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
