/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run asks often, so the answer is mostly read off a clock that costs next to
 * nothing and moves every few milliseconds; only when it has moved are the
 * time of the thread and the size of the heap looked at.  Time is the
 * processor's: on a busy machine nobody's mapping is cut off for the load of
 * others.  The heap is the process's, for nobody counts a thread's; what others
 * take meanwhile is small beside the limit.
 */
#include "plugin/host_budget.h"

#include <assert.h>
#include <malloc.h>

#include "os/clock.h"

static_assert(HOST_BUDGET_MS == 2000 && HOST_BUDGET_MIB == 256, "the words below say so");

static size_t
heap_bytes(void)
{
    struct mallinfo2 heap = mallinfo2();

    return heap.uordblks + heap.hblkhd;
}

static const char *
over(void *ctx)
{
    struct host_budget *b = ctx;
    int64_t now_ms = clock_coarse_ms();

    if (now_ms == b->looked_ms)
        return NULL;
    b->looked_ms = now_ms;
    if (b->from_bytes == 0)
        b->from_bytes = heap_bytes();
    if (clock_thread_us() - b->from_us > (int64_t)HOST_BUDGET_MS * 1000)
        return "stopped after 2 s of the processor's time";
    if (heap_bytes() > b->from_bytes + ((size_t)HOST_BUDGET_MIB << 20))
        return "stopped when it had taken 256 MiB";
    return NULL;
}

void
host_budget_init(struct host_budget *b)
{
    *b = (struct host_budget){ .limit = { over, b }, .looked_ms = clock_coarse_ms(), .from_us = clock_thread_us() };
}
