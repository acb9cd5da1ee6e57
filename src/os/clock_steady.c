/* SPDX-License-Identifier: Apache-2.0 */
/* In a file of its own, so that a test can put clocks of its own under it. */
#include <pthread.h>

#include "os/clock.h"

int64_t
clock_steady_ms(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static int64_t last, last_mono;
    int64_t now, mono;

    pthread_mutex_lock(&lock);
    now = clock_wall_ms();
    mono = clock_mono_ms();
    if (now < last)
        now = last + (mono - last_mono);
    last = now;
    last_mono = mono;
    pthread_mutex_unlock(&lock);
    return now;
}
