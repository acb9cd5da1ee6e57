/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery.h - the ledger: what each target is to be told next.
 *
 * Level-triggered: a row says what the vendor believes and the incident says
 * what is so; the difference is the work.  A hundred updates become one send,
 * and trigger, acknowledge, resolve need no queue to stay in order.
 */
#ifndef CORE_DELIVERY_H
#define CORE_DELIVERY_H

#include "core/rows.h"

/* What the target can be told; from the notifier's plugin and settings. */
struct delivery_caps {
    bool can_ack, can_note, can_unack, send_resolved;
    bool dedupes;                  /* the same trigger twice is one page */
};

struct delivery_work {
    enum tocsin_change change;     /* 0: nothing to tell, only the versions below to settle */
    uint32_t ver, page, notes;     /* put these into the EV_DELIVERY event */
};

/* What to tell now.  False: the vendor knows everything. */
bool delivery_next(const struct incident_row *, const struct delivery_row *, const struct delivery_caps *,
                   struct delivery_work *out);

enum { DELIVERY_BACKOFF_MAX_MS = 300000 };
/* Back-off before try number `attempts` + 1: full jitter between 0.5 and 1 of 1 s * 2^attempts, at most 5 min. */
int64_t delivery_backoff_ms(uint32_t attempts, uint64_t seed);

#endif
