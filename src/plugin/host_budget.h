/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_budget.h - what one payload may cost in a mapping: time of the processor, and memory.
 */
#ifndef PLUGIN_HOST_BUDGET_H
#define PLUGIN_HOST_BUDGET_H

#include <stddef.h>
#include <stdint.h>

#include "core/rules/jqvm.h"

enum { HOST_BUDGET_MS = 2000, HOST_BUDGET_MIB = 256 };

struct host_budget {
    struct jq_limit limit;         /* for mapping_run() */
    int64_t looked_ms;             /* the clock that is cheap to read, at the last look */
    int64_t from_us;               /* what this thread had used up */
    size_t from_bytes;             /* of the heap at the first look; 0 before */
};

/* It must stay where it is while it is used. */
void host_budget_init(struct host_budget *);

#endif
