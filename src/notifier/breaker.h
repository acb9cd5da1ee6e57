/* SPDX-License-Identifier: Apache-2.0 */
/*
 * breaker.h - a circuit breaker for one host.  Pure.
 *
 *   closed --5 failures in a row--> open --wait over--> one probe --answered--> closed
 *                                    ^---- failed: wait doubled, 1 s to 60 s ----'
 *
 * A failure is no answer or a 5xx.  An open breaker only delays.
 */
#ifndef NOTIFIER_BREAKER_H
#define NOTIFIER_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum { BREAKER_FAILURES = 5, BREAKER_WAIT_MS = 1000, BREAKER_WAIT_MAX_MS = 60000 };

struct breaker {
    unsigned failures;             /* in a row */
    bool open, probing;
    int64_t wait_ms, probe_at_ms;
    char last_error[256];
};

/* How long a send has to wait; 0: it may go now, and is the probe if the breaker is open. */
int64_t breaker_wait_ms(const struct breaker *, int64_t now_ms);
void breaker_begin(struct breaker *);          /* a send begins, after a wait of 0 */
void breaker_good(struct breaker *);
void breaker_bad(struct breaker *, const char *error, int64_t now_ms);

#endif
