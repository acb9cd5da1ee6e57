/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsonmem.h - memory for JSON values that live no longer than one call.
 *
 * A parsed payload is some twenty small allocations an alert, all of which end
 * together.  Between jsonmem_begin() and jsonmem_end() a thread holds a slab;
 * what jansson allocates on it while jsonmem_use(true) comes from there, and
 * jsonmem_end() gives all of it back at once.  Values made so must not be
 * touched after the end, but may be dropped before it like any others.
 *
 * Without jsonmem_install(), with no slab free, or with the slab used up,
 * values come from malloc, and nobody notices.
 */
#ifndef BASE_JSONMEM_H
#define BASE_JSONMEM_H

#include <stdbool.h>

/* Once, at the start of the process: before any thread, and before any JSON. */
void jsonmem_install(void);

void jsonmem_begin(void);          /* begin and end nest */
void jsonmem_end(void);
/* Should what jansson allocates now come from the slab?  Gives what was set before; the end of a slab clears it. */
bool jsonmem_use(bool);

#endif
