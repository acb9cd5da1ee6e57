/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sourcemap.h - from a place in generated code back to the source that it was made from.
 *
 * Reads source maps of revision 3 (ECMA-426), index maps with sections
 * included.  A map is decoded once into a sorted table and copied out of the
 * document; a look-up is a binary search.  Whoever wrote the map is no friend:
 * every number is checked, and sizes are bounded before memory is taken.
 */
#ifndef CORE_SOURCEMAP_SOURCEMAP_H
#define CORE_SOURCEMAP_SOURCEMAP_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <tocsin/err.h>

#include "base/arena.h"

struct sourcemap;                  /* immutable; for any thread */

enum { SOURCEMAP_SEGMENTS = 4000000, SOURCEMAP_SECTIONS = 10000, SOURCEMAP_CONTEXT = 3, SOURCEMAP_LINE_MAX = 240 };

struct source_place {
    const char *file;              /* as a person would write it: "src/cart.ts" */
    const char *name;              /* what the token there is called in the source; NULL unknown */
    unsigned line, column;         /* from 1 */
    const char *text;              /* the line, without its indent, at most SOURCEMAP_LINE_MAX bytes; NULL: not in the map */
    const char *context;           /* it with SOURCEMAP_CONTEXT lines before and after, numbered; NULL likewise */
};

/* TOCSIN_BAD_INPUT (no source map), TOCSIN_TOO_LARGE. */
enum tocsin_rc sourcemap_new(const json_t *doc, struct sourcemap **out_r, struct tocsin_err *err);
void sourcemap_free(struct sourcemap *);
size_t sourcemap_bytes(const struct sourcemap *);
/* line and column from 1, in the generated code.  TOCSIN_NOT_FOUND: that is no part of any source. */
enum tocsin_rc sourcemap_find(const struct sourcemap *, unsigned line, unsigned column, struct arena *,
                              struct source_place *out_r);

#endif
