/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory that is released all at once.
 *
 * Everything made while one batch or one turn is handled lives in one arena.
 * Nothing long-lived may point into it.  Not thread-safe; one owner at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *);              /* NULL is fine */
void arena_reset(struct arena *);             /* empty, keeps up to 64 KiB for reuse */
size_t arena_used(const struct arena *);

void *arena_alloc(struct arena *, size_t n) __attribute__((returns_nonnull));   /* aligned to 16, not zeroed */
void *arena_zalloc(struct arena *, size_t n) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *, const char *s);                              /* NULL gives NULL */
char *arena_strndup(struct arena *, const char *s, size_t n);
void *arena_memdup(struct arena *, const void *p, size_t n);
char *arena_printf(struct arena *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

#endif
