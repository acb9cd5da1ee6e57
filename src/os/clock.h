/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h - wall time may jump; mono time only measures waits; steady time is for deadlines that are stored. */
#ifndef OS_CLOCK_H
#define OS_CLOCK_H

#include <stdint.h>

int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
int64_t clock_coarse_ms(void);               /* mono, as of the last tick of the kernel: costs next to nothing */
int64_t clock_thread_us(void);               /* what this thread has had of the processor */
/*
 * Wall time that never runs backwards in this process: when the clock is set back it goes on at its own pace
 * until the clock has caught up.  Otherwise whatever is due would wait for as long as the clock was set back.
 */
int64_t clock_steady_ms(void);

#endif
