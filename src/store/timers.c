/* SPDX-License-Identifier: Apache-2.0 */
#include "store/timers.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

enum { ARITY = 4 };

void
timers_init(struct timers *t, void *ctx, const struct id16 *(*key_of)(const void *ctx, uint32_t item),
            void (*moved)(void *ctx, uint32_t item, uint32_t pos))
{
    memset(t, 0, sizeof *t);
    t->ctx = ctx;
    t->key_of = key_of;
    t->moved = moved;
}

void
timers_release(struct timers *t)
{
    free(t->v);
    t->v = NULL;
    t->n = t->cap = 0;
}

static bool
before(const struct timers *t, const struct timer *a, const struct timer *b)
{
    if (a->at != b->at)
        return a->at < b->at;
    return id_cmp(t->key_of(t->ctx, a->item), t->key_of(t->ctx, b->item)) < 0;
}

static void
place(struct timers *t, uint32_t pos, struct timer x)
{
    t->v[pos] = x;
    t->moved(t->ctx, x.item, pos);
}

/* Put x where it belongs, starting from the hole at pos. */
static void
settle(struct timers *t, uint32_t pos, struct timer x)
{
    while (pos > 0 && before(t, &x, &t->v[(pos - 1) / ARITY])) {
        place(t, pos, t->v[(pos - 1) / ARITY]);
        pos = (pos - 1) / ARITY;
    }
    for (;;) {
        uint32_t first = pos * ARITY + 1, best = pos;
        const struct timer *least = &x;

        for (uint32_t c = first; c < first + ARITY && c < t->n; c++)
            if (before(t, &t->v[c], least)) {
                best = c;
                least = &t->v[c];
            }
        if (best == pos)
            break;
        place(t, pos, *least);
        pos = best;
    }
    place(t, pos, x);
}

void
timers_set(struct timers *t, uint32_t pos, uint32_t item, int64_t at)
{
    struct timer x = { at, item };

    if (at != 0) {
        if (pos == TIMER_NONE) {
            if (t->n == t->cap) {
                t->cap = t->cap > 0 ? t->cap + t->cap / 2 : 16;
                t->v = xrealloc(t->v, t->cap * sizeof *t->v);
            }
            pos = t->n++;
        } else if (t->v[pos].at == at) {
            return;
        }
        settle(t, pos, x);
    } else if (pos != TIMER_NONE) {
        struct timer last = t->v[--t->n];

        if (pos < t->n)
            settle(t, pos, last);
        t->moved(t->ctx, item, TIMER_NONE);
    }
}

int64_t
timers_first(const struct timers *t)
{
    return t->n > 0 ? t->v[0].at : 0;
}

/* A small heap of positions, the earliest first: the places where the next item may be. */
static void
push(const struct timers *t, uint32_t *heap, size_t *n, uint32_t pos)
{
    size_t i = (*n)++;

    while (i > 0 && before(t, &t->v[pos], &t->v[heap[(i - 1) / 2]])) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = pos;
}

static uint32_t
pop(const struct timers *t, uint32_t *heap, size_t *n)
{
    uint32_t top = heap[0], last = heap[--*n];
    size_t i = 0;

    for (size_t c; (c = 2 * i + 1) < *n; i = c) {
        if (c + 1 < *n && before(t, &t->v[heap[c + 1]], &t->v[heap[c]]))
            c++;
        if (!before(t, &t->v[heap[c]], &t->v[last]))
            break;
        heap[i] = heap[c];
    }
    heap[i] = last;
    return top;
}

size_t
timers_due(const struct timers *t, int64_t now, uint32_t *items, size_t max)
{
    uint32_t *open;
    size_t n_open = 0, n = 0;

    if (max == 0 || t->n == 0 || t->v[0].at > now)
        return 0;
    open = xmalloc((max * (ARITY - 1) + ARITY + 1) * sizeof *open);
    push(t, open, &n_open, 0);
    while (n_open > 0 && n < max) {
        uint32_t pos = pop(t, open, &n_open);

        items[n++] = t->v[pos].item;
        for (uint32_t c = pos * ARITY + 1; c < pos * ARITY + 1 + ARITY && c < t->n; c++)
            if (t->v[c].at <= now)
                push(t, open, &n_open, c);
    }
    free(open);
    return n;
}
