/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

void
pool_init(struct pool *p, size_t size)
{
    memset(p, 0, sizeof *p);
    p->size = (size + 7) & ~(size_t)7;
    p->free_head = POOL_NONE;
}

void
pool_release(struct pool *p)
{
    for (uint32_t i = 0; i < p->n_blocks; i++)
        free(p->blocks[i]);
    free(p->blocks);
    pool_init(p, p->size);
}

uint32_t
pool_take(struct pool *p)
{
    uint32_t i = p->free_head;

    if (i != POOL_NONE) {
        memcpy(&p->free_head, pool_at(p, i), sizeof p->free_head);
        memset(pool_at(p, i), 0, sizeof p->free_head);
        return i;
    }
    assert(p->used < POOL_NONE - 1);
    if (p->used == p->n_blocks * POOL_BLOCK) {
        if (p->n_blocks == p->cap_blocks) {
            p->cap_blocks = p->cap_blocks > 0 ? p->cap_blocks * 2 : 4;
            p->blocks = xrealloc(p->blocks, p->cap_blocks * sizeof *p->blocks);
        }
        p->blocks[p->n_blocks++] = xcalloc(POOL_BLOCK, p->size);
    }
    return p->used++;
}

void
pool_give(struct pool *p, uint32_t i)
{
    memset(pool_at(p, i), 0, p->size);
    memcpy(pool_at(p, i), &p->free_head, sizeof p->free_head);
    p->free_head = i;
}

size_t
pool_bytes(const struct pool *p)
{
    return p->n_blocks * POOL_BLOCK * p->size + p->cap_blocks * sizeof *p->blocks;
}
