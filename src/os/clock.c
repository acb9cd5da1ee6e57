/* SPDX-License-Identifier: Apache-2.0 */
#include "os/clock.h"

#include <time.h>

static int64_t
read_us(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

int64_t
clock_mono_us(void)
{
    return read_us(CLOCK_BOOTTIME);
}

int64_t
clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

int64_t
clock_coarse_ms(void)
{
    return read_us(CLOCK_MONOTONIC_COARSE) / 1000;
}

int64_t
clock_thread_us(void)
{
    return read_us(CLOCK_THREAD_CPUTIME_ID);
}
