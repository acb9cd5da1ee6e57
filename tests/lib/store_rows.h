/* SPDX-License-Identifier: Apache-2.0 */
/* store_rows.h - rows for tests of the store, a life of random operations, and the whole of a store as text. */
#ifndef TESTS_STORE_ROWS_H
#define TESTS_STORE_ROWS_H

#include "base/arena.h"
#include "base/buf.h"
#include "store/store.h"

struct id16 id_of(const char *kind, unsigned n);
/* Filled with different values in every member; the time is `now`. */
struct alert_row make_alert(struct arena *, unsigned n, int64_t now);
struct incident_row make_incident(struct arena *, struct idgen *, unsigned group, int64_t now);
/* An own key under the alert, which is in the same set or stored. */
struct own_row make_own(unsigned n, const struct alert_row *);
struct delivery_row make_delivery(struct arena *, const struct id16 *incident, const char *target, int64_t now);
struct event_row make_event(struct arena *, const struct id16 *incident, const char *kind, unsigned n, int64_t now);

/* A set of rows that grows, with room for 16 of each kind. */
struct rowset {
    struct alert_write alerts[16];
    struct own_write owns[16];
    struct incident_row *incidents[16];
    struct delivery_row *deliveries[16];
    struct event_row events[16];
    struct policy_row policies[16];
    struct silence_row *silence;
    struct id16 gone;
    struct writeset ws;
};
void rowset_init(struct rowset *);
void rowset_alert(struct rowset *, struct arena *, const struct alert_row *, bool lazy);
/* The alert as it was put into the set last, or a stored row that stays where it is. */
void rowset_own(struct rowset *, struct arena *, const struct own_row *, const struct alert_row *stored);
void rowset_incident(struct rowset *, struct arena *, const struct incident_row *);
void rowset_delivery(struct rowset *, struct arena *, const struct delivery_row *);
void rowset_event(struct rowset *, const struct event_row *);
/* begin, write, commit; the kind of the first failure, after a rollback. */
enum tocsin_rc store_put(struct store *, struct rowset *, struct tocsin_err *);

/* Everything that the reads of a store give, as text; and what its writer's loads give for the keys and groups. */
void store_dump(struct store *, struct buf *out);
void store_dump_loads(struct store *, unsigned n_keys, unsigned n_groups, int64_t now, struct buf *out);

/* One random operation, the same for the same generator and state, on both stores. */
struct life {
    struct store *a, *b;
    struct idgen rng, ids;
    int64_t now;
    unsigned serial;
};
enum { LIFE_KEYS = 24, LIFE_GROUPS = 9, LIFE_SILENCES = 6, LIFE_OWNS = 12 };
void life_step(struct life *);

char *test_dir_make(void);                     /* a new empty folder; heap */
void test_dir_remove(char *);                  /* with what is in it; frees */

#endif
