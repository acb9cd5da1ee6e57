/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem_disk.h - what the memory engine has instead of a disk: all rows, in the
 * order in which the SQL engines would give them.
 */
#ifndef STORE_MEM_DISK_H
#define STORE_MEM_DISK_H

#include "store/row_fields.h"

/* A list of pointers, in order. */
struct list { void **v; size_t n, cap; };

struct mem_incident {
    struct incident_row *row;
    struct list alerts;            /* struct alert_row, owned by the disk's list; by rowid */
    struct list deliveries;        /* struct delivery_row; by target */
    struct list events;            /* struct mem_event; oldest first */
};

struct mem_outbox { struct outbox_row row; struct arena *arena; };   /* the arena holds the row too */

struct mem_event { int64_t seq; struct event_row *row; };

struct mem_disk {
    struct list alerts;            /* struct alert_row, by rowid */
    struct list incidents;         /* struct mem_incident, by id */
    struct list orphans;           /* struct mem_event of no incident */
    struct list policies;          /* struct policy_row, by id */
    struct list silences;          /* struct silence_row, by id */
    struct list outbox;            /* struct mem_outbox, by id */
    struct list owns;              /* struct own_row, by own key and alert */
    int64_t last_seq;
};

void mem_disk_release(struct mem_disk *);
void mem_disk_clone(struct mem_disk *to, const struct mem_disk *from);     /* `to` is zeroed */

struct alert_row *mem_alert(const struct mem_disk *, int64_t rowid);       /* NULL: none */
struct mem_incident *mem_incident(const struct mem_disk *, const struct id16 *id);
const struct policy_row *mem_policy(const struct mem_disk *, const struct id16 *id);
/* Position of the first element not below: for cursors. */
size_t mem_alert_from(const struct mem_disk *, int64_t rowid);
size_t mem_incident_from(const struct mem_disk *, const struct id16 *id);

void mem_put_alert(struct mem_disk *, const struct alert_row *);  /* NULL text and body: keep those there are */
void mem_put_own(struct mem_disk *, const struct own_row *);
void mem_owns_over(struct mem_disk *, int64_t alert);              /* nothing fires under it any more */
size_t mem_own_from(const struct mem_disk *, const struct id16 *own);      /* position of its first */
void mem_put_incident(struct mem_disk *, const struct incident_row *);
void mem_put_delivery(struct mem_disk *, const struct delivery_row *);
void mem_put_event(struct mem_disk *, const struct event_row *);
void mem_put_policy(struct mem_disk *, const struct policy_row *);
void mem_put_silence(struct mem_disk *, const struct silence_row *);
void mem_put_outbox(struct mem_disk *, const struct outbox_row *);
void mem_drop_outbox(struct mem_disk *, int64_t id);

void mem_drop_silence(struct mem_disk *, const struct id16 *id);
void mem_drop_owns(struct mem_disk *, int64_t alert);
void mem_drop_alert(struct mem_disk *, int64_t rowid);           /* with its own keys */
void mem_drop_incident(struct mem_disk *, const struct id16 *id); /* its lists are empty */
void list_insert(struct list *, size_t i, void *p);
void list_remove(struct list *, size_t i);
void mem_event_free(struct mem_event *);

#endif
