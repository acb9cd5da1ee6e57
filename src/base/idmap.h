/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idmap.h - from a 16-byte id to a 32-bit number, eight bytes an entry.
 *
 * Open addressing with linear probing.  The keys are not kept here: key_of
 * gives the key of a value, so a record that carries its own id pays for it
 * once.  A slot holds 32 bits of the hash beside the value, so that a probe
 * rarely asks and growing never does.  Ids are hashes or random already;
 * mixing them once is enough.
 */
#ifndef BASE_IDMAP_H
#define BASE_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"

struct idmap {
    uint64_t *slots;               /* hash << 32 | value + 1; 0: empty */
    size_t cap, used;              /* cap is a power of two, or 0 */
    const struct id16 *(*key_of)(const void *ctx, uint32_t value);
    const void *ctx;
};

void idmap_init(struct idmap *, const struct id16 *(*key_of)(const void *ctx, uint32_t value), const void *ctx);
void idmap_release(struct idmap *);
bool idmap_get(const struct idmap *, const struct id16 *key, uint32_t *value_r);
/* key must be key_of(value), now and for as long as it stays in; one that is there already gets the new value. */
void idmap_put(struct idmap *, const struct id16 *key, uint32_t value);
bool idmap_del(struct idmap *, const struct id16 *key);       /* false: it was not there */
size_t idmap_bytes(const struct idmap *);

#endif
