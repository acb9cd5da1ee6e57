/* SPDX-License-Identifier: Apache-2.0 */
#include "notifier/breaker.h"

#include <stdio.h>

int64_t
breaker_wait_ms(const struct breaker *b, int64_t now_ms)
{
    if (!b->open)
        return 0;
    if (b->probing)
        return BREAKER_WAIT_MS;
    return b->probe_at_ms > now_ms ? b->probe_at_ms - now_ms : 0;
}

void
breaker_begin(struct breaker *b)
{
    if (b->open)
        b->probing = true;
}

void
breaker_good(struct breaker *b)
{
    *b = (struct breaker){ 0 };
}

void
breaker_bad(struct breaker *b, const char *error, int64_t now_ms)
{
    bool opens = !b->open && ++b->failures >= BREAKER_FAILURES;

    snprintf(b->last_error, sizeof b->last_error, "%s", error);
    if (opens) {
        b->open = true;
        b->wait_ms = BREAKER_WAIT_MS;
    } else if (b->open && b->probing) {
        b->wait_ms = b->wait_ms * 2 < BREAKER_WAIT_MAX_MS ? b->wait_ms * 2 : BREAKER_WAIT_MAX_MS;
    } else {
        return; /* still closed, or a straggler from before it opened */
    }
    b->probing = false;
    b->probe_at_ms = now_ms + b->wait_ms;
}
