/* SPDX-License-Identifier: Apache-2.0 */
/*
 * id.h - 16-byte identities: UUIDv7 for incidents, truncated SHA-256 for keys.
 *
 * Ids come from a generator with a seed, never from the system: the same seed
 * and times give the same ids, which is what makes a simulation repeatable.
 */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id16 { uint8_t b[16]; };

enum { ID_TEXT = 37 };                       /* 36 characters and the NUL */

bool id_is_zero(const struct id16 *);
bool id_eq(const struct id16 *, const struct id16 *);
int id_cmp(const struct id16 *, const struct id16 *);
char *id_format(const struct id16 *, char out[ID_TEXT]);     /* UUID text; returns out */
bool id_parse(const char *text, struct id16 *out);           /* exact, 36 characters */

/* SHA-256 over the parts, each preceded by its length, cut to 16 bytes. */
struct id16 id_hash(const char *const *parts, size_t n);

struct idgen { uint64_t s[2]; };
void idgen_seed(struct idgen *, uint64_t a, uint64_t b);
uint64_t idgen_u64(struct idgen *);
struct id16 idgen_uuid7(struct idgen *, int64_t now_ms);

#endif
