/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h - the two clocks.  Wall time may jump and is what is stored; mono time only measures waits. */
#ifndef OS_CLOCK_H
#define OS_CLOCK_H

#include <stdint.h>

int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);

#endif
