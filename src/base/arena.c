/* SPDX-License-Identifier: Apache-2.0 */
/* A list of blocks, the newest first; allocation moves a mark. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

enum { FIRST_BLOCK = 8192, KEEP = 65536 };

struct block {
    struct block *next;
    size_t size;
    size_t used;
    alignas(16) unsigned char data[];
};

struct arena {
    struct block *top;
    size_t used;
};

static struct block *
block_new(size_t size, struct block *next)
{
    struct block *b = xmalloc(sizeof *b + size);

    b->next = next;
    b->size = size;
    b->used = 0;
    return b;
}

struct arena *
arena_new(void)
{
    struct arena *a = xcalloc(1, sizeof *a);

    a->top = block_new(FIRST_BLOCK, NULL);
    return a;
}

void
arena_reset(struct arena *a)
{
    struct block *b = a->top;

    while (b->next != NULL) {
        struct block *next = b->next;

        free(b);
        b = next;
    }
    if (b->size > KEEP) {
        free(b);
        b = block_new(FIRST_BLOCK, NULL);
    }
    b->used = 0;
    a->top = b;
    a->used = 0;
}

void
arena_free(struct arena *a)
{
    if (a == NULL)
        return;
    arena_reset(a);
    free(a->top);
    free(a);
}

size_t
arena_used(const struct arena *a)
{
    return a->used;
}

void *
arena_alloc(struct arena *a, size_t n)
{
    struct block *b = a->top;
    size_t need = (n + 15) & ~(size_t)15;
    void *p;

    if (need > b->size - b->used) {
        size_t size = b->size < KEEP ? b->size * 2 : KEEP;

        b = block_new(need > size ? need : size, b);
        a->top = b;
    }
    p = b->data + b->used;
    b->used += need;
    a->used += need;
    return p;
}

void *
arena_zalloc(struct arena *a, size_t n)
{
    return memset(arena_alloc(a, n), 0, n);
}

void *
arena_memdup(struct arena *a, const void *p, size_t n)
{
    void *copy = arena_alloc(a, n > 0 ? n : 1);

    if (n > 0)
        memcpy(copy, p, n);
    return copy;
}

char *
arena_strndup(struct arena *a, const char *s, size_t n)
{
    char *copy = arena_alloc(a, n + 1);

    memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *
arena_strdup(struct arena *a, const char *s)
{
    return s != NULL ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *
arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
    va_list again;
    char *s;
    int n;

    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0)
        abort();
    s = arena_alloc(a, (size_t)n + 1);
    vsnprintf(s, (size_t)n + 1, fmt, ap);
    return s;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    char *s;

    va_start(ap, fmt);
    s = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return s;
}
