/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slabs stand in one array, so that two comparisons tell whether a pointer
 * that is to be freed belongs to one of them: then nothing is to be done.  A
 * sanitizer could not see a value that is used too late, so it gets no slabs.
 */
#include "base/jsonmem.h"

#include <jansson.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_SLABS 0
#elif defined(__has_feature)
#define HAVE_SLABS (!__has_feature(address_sanitizer) && !__has_feature(memory_sanitizer))
#else
#define HAVE_SLABS 1
#endif

/* A slab holds the values of a payload of about 100 KiB; memory is only taken for what was used once. */
enum { SLABS = 16, SLAB_BYTES = 512 * 1024, ALIGN = 16 };

static alignas(64) unsigned char slabs[SLABS][SLAB_BYTES];
static atomic_uint taken;          /* a bit for each */

static _Thread_local struct {
    unsigned char *slab;           /* NULL: none */
    size_t used;
    unsigned depth;
    bool on;
} mine;

static void *
take(size_t n)
{
    void *p;

    if (!mine.on || n > SLAB_BYTES - mine.used)
        return malloc(n);
    p = mine.slab + mine.used;
    n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    mine.used = n < SLAB_BYTES - mine.used ? mine.used + n : SLAB_BYTES;
    return p;
}

static void
give(void *p)
{
    if ((uintptr_t)p - (uintptr_t)slabs >= sizeof slabs)
        free(p);
}

void
jsonmem_install(void)
{
    json_set_alloc_funcs(take, give);
}

void
jsonmem_begin(void)
{
    unsigned was = atomic_load(&taken);

    if (mine.depth++ > 0 || !HAVE_SLABS)
        return;
    while ((was & ((1u << SLABS) - 1)) != (1u << SLABS) - 1) {
        unsigned i = (unsigned)__builtin_ctz(~was);

        if (!atomic_compare_exchange_weak(&taken, &was, was | 1u << i))
            continue;
        mine.slab = slabs[i];
        mine.used = 0;
        return;
    }
}

void
jsonmem_end(void)
{
    if (--mine.depth > 0 || mine.slab == NULL)
        return;
    atomic_fetch_and(&taken, ~(1u << (unsigned)((size_t)(mine.slab - slabs[0]) / SLAB_BYTES)));
    mine.slab = NULL;
    mine.on = false;
}

bool
jsonmem_use(bool on)
{
    bool was = mine.on;

    mine.on = on && mine.slab != NULL;
    return was;
}
