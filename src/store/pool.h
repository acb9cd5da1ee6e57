/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - records of one size, named by a number, that never move.
 *
 * Numbers are half the size of pointers and stay right when memory grows:
 * records come in blocks of 256, and a freed one is used again first.
 */
#ifndef STORE_POOL_H
#define STORE_POOL_H

#include <stddef.h>
#include <stdint.h>

enum { POOL_BLOCK = 256 };
#define POOL_NONE UINT32_MAX

struct pool {
    unsigned char **blocks;
    size_t size;                   /* of one record, at least 4 */
    uint32_t n_blocks, cap_blocks;
    uint32_t used;                 /* numbers given out so far: all live ones are below */
    uint32_t free_head;
};

void pool_init(struct pool *, size_t size);
void pool_release(struct pool *);
uint32_t pool_take(struct pool *);              /* zeroed */
void pool_give(struct pool *, uint32_t);        /* zeroed but for its first 4 bytes, which hold the list of free ones */
size_t pool_bytes(const struct pool *);

static inline void *
pool_at(const struct pool *p, uint32_t i)
{
    return p->blocks[i / POOL_BLOCK] + p->size * (i % POOL_BLOCK);
}

#endif
