/* SPDX-License-Identifier: Apache-2.0 */
#include "notifier/bucket.h"

void
bucket_set(struct bucket *b, double rate, uint32_t burst, int64_t now_ms)
{
    bool fresh = b->burst <= 0;

    b->rate = rate > 0 ? rate : 0;
    b->burst = burst > 0 ? (double)burst : 1;
    if (fresh || b->tokens > b->burst)
        b->tokens = b->burst;
    if (fresh)
        b->at_ms = now_ms;
}

static void
refill(struct bucket *b, int64_t now_ms)
{
    if (now_ms > b->at_ms)
        b->tokens += (double)(now_ms - b->at_ms) * b->rate / 1000;
    b->at_ms = now_ms;
    if (b->tokens > b->burst)
        b->tokens = b->burst;
}

int64_t
bucket_wait_ms(struct bucket *b, int64_t now_ms)
{
    double missing;

    if (b->rate <= 0)
        return 0;
    refill(b, now_ms);
    /* a token that is a rounding error short is a token: otherwise the wait below could be 0 for ever */
    missing = 1 - b->tokens;
    if (missing < 1e-6)
        return 0;
    missing = missing * 1000 / b->rate;
    return missing > 3600000 ? 3600000 : (int64_t)missing + 1;
}

void
bucket_take(struct bucket *b, int64_t now_ms)
{
    if (b->rate <= 0)
        return;
    refill(b, now_ms);
    b->tokens -= 1;
}
