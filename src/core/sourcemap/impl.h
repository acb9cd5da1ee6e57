/* SPDX-License-Identifier: Apache-2.0 */
/* impl.h - a decoded map, shared by sourcemap.c (decoding) and lookup.c. */
#ifndef CORE_SOURCEMAP_IMPL_H
#define CORE_SOURCEMAP_IMPL_H

#include "core/sourcemap/sourcemap.h"

#define NO_INDEX UINT32_MAX

struct segment {
    uint32_t gen_line, gen_column; /* from 0 */
    uint32_t source;               /* NO_INDEX: generated out of nothing */
    uint32_t line, column;         /* from 0 */
    uint32_t name;                 /* NO_INDEX: none */
};

struct source { const char *file, *content; size_t len; };   /* content NULL: not in the map */

struct sourcemap {
    struct arena *arena;           /* texts */
    struct segment *segments; size_t n_segments, cap_segments;
    struct source *sources;   size_t n_sources;
    const char **names;       size_t n_names;
};

#endif
