/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history.h - letting go of what is old.
 *
 * Shared by the engines: what goes is decided here, how it goes by the engine.
 * Resolved incidents go with their alerts, events and deliveries, a bounded
 * number of rows at a time, children first; an incident that the cache still
 * holds stays.  Alerts and events that belong to no incident go by their age.
 */
#ifndef STORE_HISTORY_H
#define STORE_HISTORY_H

#include "store/writer.h"

struct old_incident { struct id16 id; uint8_t state; int64_t opened_at, resolved_at; };
struct orphan { int64_t rowid, first_at, last_at; bool open; };

enum history_part { HISTORY_ALERTS, HISTORY_EVENTS, HISTORY_DELIVERIES, HISTORY_PARTS };

struct history_ops {
    /* The first one above the cursor, by id or row number; *found says whether there is one. */
    enum tocsin_rc (*next_incident)(struct writer *, const struct id16 *after, struct old_incident *out, bool *found,
                                    struct tocsin_err *);
    enum tocsin_rc (*next_orphan)(struct writer *, enum history_part, int64_t after, struct orphan *out, bool *found,
                                  struct tocsin_err *);
    /* Remove at most max rows of an incident, oldest first; how many went. */
    enum tocsin_rc (*drop_part)(struct writer *, enum history_part, const struct id16 *incident, size_t max,
                                size_t *n_out, struct tocsin_err *);
    enum tocsin_rc (*drop_incident)(struct writer *, const struct id16 *incident, struct tocsin_err *);
    enum tocsin_rc (*drop_orphan)(struct writer *, enum history_part, int64_t rowid, struct tocsin_err *);
};

struct history { struct id16 incident; int64_t orphan[2]; };     /* cursors; zero to begin with */

/* Remove at most max rows that ended before `before`; *n_out says how many went. */
enum tocsin_rc history_sweep(struct history *, struct writer *, const struct history_ops *, int64_t before, size_t max,
                             size_t *n_out, struct tocsin_err *);

#endif
