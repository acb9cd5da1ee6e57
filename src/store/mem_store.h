/* SPDX-License-Identifier: Apache-2.0 */
/* mem_store.h - the memory engine's state, shared by its files only. */
#ifndef STORE_MEM_STORE_H
#define STORE_MEM_STORE_H

#include "store/history.h"
#include "store/mem_disk.h"
#include "store/store.h"
#include "store/writer.h"

struct mem {
    struct writer w;      /* first: a struct store is a struct mem */
    pthread_mutex_t lock; /* disk: one writes, all may read */
    struct mem_disk disk;
    struct history history;
    unsigned char secret[STORE_SECRET];
};

static inline struct mem *
mem_of(struct store *s)
{
    return (struct mem *)s;
}

/* mem_read.c; all but the first are members of struct store_ops */
struct delivery_row *mem_deliveries(struct arena *, const struct mem_incident *, size_t *n_out);
const char *mem_policy_body(struct store *s, struct arena *a, const struct id16 *id);
enum tocsin_rc mem_pending(struct store *s, struct arena *a, struct pending **out, size_t *n_out,
                           struct tocsin_err *err);
enum tocsin_rc mem_list_incidents(struct store *s, struct arena *a, const struct incident_filter *f,
                                  struct incident_row **out, size_t *n_out, struct tocsin_err *err);
enum tocsin_rc mem_list_alerts(struct store *s, struct arena *a, const struct alert_filter *f, struct alert_row **out,
                               size_t *n_out, struct tocsin_err *err);
enum tocsin_rc mem_list_silences(struct store *s, struct arena *a, struct silence_row **out, size_t *n_out,
                                 struct tocsin_err *err);
enum tocsin_rc mem_get_incident(struct store *s, struct arena *a, const struct id16 *id, size_t max_alerts,
                                size_t max_events, struct incident_detail *out, struct tocsin_err *err);
enum tocsin_rc mem_get_delivery(struct store *s, struct arena *a, const struct id16 *id, const char *target,
                                size_t max_alerts, struct incident_detail *out, struct tocsin_err *err);
enum tocsin_rc mem_get_notes(struct store *s, struct arena *a, const struct id16 *id, uint32_t from,
                             struct event_row **out, size_t *n_out, struct tocsin_err *err);
enum tocsin_rc mem_list_outbox(struct store *, struct arena *, struct outbox_row **out, size_t *n_out,
                               struct tocsin_err *);
enum tocsin_rc mem_get_outbox(struct store *, struct arena *, int64_t id, struct outbox_row *out, struct tocsin_err *);

#endif
