/* SPDX-License-Identifier: Apache-2.0 */
/* bucket.h - a token bucket: rate tokens a second, at most burst saved up.  It delays; it never drops.  Pure. */
#ifndef NOTIFIER_BUCKET_H
#define NOTIFIER_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
    double rate;                   /* tokens a second; 0: unlimited */
    double burst, tokens;
    int64_t at_ms;                 /* monotonic time that `tokens` is of */
};

/* Begins full.  Called again with other figures it keeps what is saved, so a reload grants no second burst. */
void bucket_set(struct bucket *, double rate, uint32_t burst, int64_t now_ms);
int64_t bucket_wait_ms(struct bucket *, int64_t now_ms);   /* 0: a token is there */
void bucket_take(struct bucket *, int64_t now_ms);         /* after a wait of 0 */

#endif
