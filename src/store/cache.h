/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache.h - what is open, in memory: the part of the state that turns need.
 *
 * In it are the open occurrences of alerts, and every incident that is open,
 * or has an open alert, or has a delivery with something to do; with such an
 * incident all its deliveries.  Its records are the last committed state plus
 * lazy counters; alerts are without text.  So a turn loads without SQL, and
 * the timers are three heaps.
 *
 * One thread writes and reads it.  The structs are small on purpose (README.md
 * has the sum): links are 32-bit numbers into pools, and the strings of a
 * record stand one behind the other in one allocation.
 */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include "base/arena.h"
#include "base/idmap.h"
#include "store/pool.h"
#include "store/row_fields.h"
#include "store/store.h"
#include "store/timers.h"

#define FIELD(type, f) __typeof__(((struct type *)0)->f) f

struct cache_alert {
    struct id16 key;               /* first, as in the records below: pool_give() leaves no id behind it */
    FIELD(alert_row, digest);
    int64_t rowid, first_at, last_at, starts_at, ends_at, expires_at;
    FIELD(alert_row, count);
    uint32_t incident;             /* POOL_NONE: none */
    uint32_t prev, next;           /* among the alerts of the incident */
    uint32_t timer;
    FIELD(alert_row, severity);
    FIELD(alert_row, suppressed);
    bool lazy;                     /* ahead of the disk */
    FIELD(alert_row, state);       /* ALERT_NONE: the record is free */
    FIELD(alert_row, own_mode);
    FIELD(alert_row, n_own);
    uint32_t owns;                 /* head of a list */
};

struct cache_own {                 /* an own key that fires under an open alert */
    struct id16 own;
    FIELD(own_row, starts_at);
    FIELD(own_row, digest);
    FIELD(own_row, by);
    uint32_t alert;
    uint32_t next;                 /* of the same own key */
    uint32_t prev, beside;         /* under the same alert */
    FIELD(own_row, severity);
};

struct cache_incident {
    struct id16 id, group, policy;
    uint32_t timer;
    uint32_t alerts, deliveries;   /* heads of lists */
    uint32_t n_due;                /* deliveries with something to do */
    FIELD(incident_row, state);
    FIELD(incident_row, severity);
    FIELD(incident_row, paging);
    FIELD(incident_row, exhausted);
    FIELD(incident_row, routed);
    bool touched;                  /* stands in the list for cache_trim() */
    bool live;
    FIELD(incident_row, step);
    FIELD(incident_row, loop);
    FIELD(incident_row, ver);
    FIELD(incident_row, page);
    FIELD(incident_row, notes);
    FIELD(incident_row, episode);
    FIELD(incident_row, n_total);
    FIELD(incident_row, n_firing);
    FIELD(incident_row, n_quiet);
    int64_t opened_at, acked_at, resolved_at, updated_at, snoozed_until, esc_start, paused_at, next_due;
    char *text;                    /* INCIDENT_TEXTS, one behind the other */
};

struct cache_delivery {
    uint32_t incident, next, timer;
    FIELD(delivery_row, told);
    FIELD(delivery_row, state);
    FIELD(delivery_row, refused_change);
    FIELD(delivery_row, step);
    FIELD(delivery_row, want_page);
    FIELD(delivery_row, told_page);
    FIELD(delivery_row, told_ver);
    FIELD(delivery_row, told_notes);
    FIELD(delivery_row, refused_ver);
    FIELD(delivery_row, attempts);
    FIELD(delivery_row, sends);
    FIELD(delivery_row, refused_page);
    int64_t due_at, failing_since, told_at;
    char *text;                    /* target, DELIVERY_TEXTS */
};

struct cache_silence {
    struct id16 id;
    uint32_t timer;
    struct silence_row *row;       /* NULL: the record is free */
};

struct cache {
    struct pool alerts, incidents, deliveries, owns;
    struct idmap by_key, by_id, by_group;          /* by_group: open incidents only */
    struct idmap by_own;                           /* the first of each own key */
    struct timers expiries, dues, sends;
    struct pool silences;
    struct idmap silence_by_id;
    struct timers silence_dues;
    uint32_t *lazy; size_t n_lazy, cap_lazy;       /* alerts ahead of the disk, oldest first; some no longer are */
    size_t lazy_head;                              /* those before it have been flushed */
    uint32_t *touched; size_t n_touched, cap_touched;
    struct store_stats counts;                     /* the members that are about what is open */
    size_t text_bytes;
    uint32_t sweep;                                /* where cache_silent() goes on */
};

void cache_init(struct cache *);
void cache_release(struct cache *);
size_t cache_bytes(const struct cache *);

/* NULL: not in. */
struct cache_alert *cache_alert(const struct cache *, const struct id16 *key);
struct cache_incident *cache_incident(const struct cache *, const struct id16 *id);
struct cache_incident *cache_group(const struct cache *, const struct id16 *group);

void cache_alert_row(const struct cache *, const struct cache_alert *, struct alert_row *out);   /* no text, no body */
void cache_incident_row(const struct cache_incident *, struct arena *, struct incident_row *out);
void cache_deliveries(const struct cache *, const struct cache_incident *, struct arena *, struct delivery_row **out,
                      size_t *n_out);
void cache_members(const struct cache *, const struct cache_incident *, struct arena *, struct alert_row **out,
                   size_t *n_out);                                     /* by rowid */

/*
 * Committed rows.  An alert's incident and a delivery's must be in; a closed alert goes out.
 * What is no longer worth keeping stays until cache_trim().
 */
void cache_put_incident(struct cache *, const struct incident_row *);
void cache_put_delivery(struct cache *, const struct delivery_row *);
void cache_put_alert(struct cache *, const struct alert_row *);
/* Counters and deadline alone, not on the disk yet.  False: this occurrence is not open. */
bool cache_count_alert(struct cache *, const struct alert_row *);
void cache_trim(struct cache *);
/* Take it from the list of what cache_trim() looks at: incidents put for a transaction that then wrote nothing. */
void cache_touch(struct cache *, struct cache_incident *);

/* The alerts that have been ahead of the disk for longest, and that they no longer are. */
size_t cache_lazy(const struct cache *, struct alert_row *out, size_t max);
void cache_flushed(struct cache *, const struct alert_row *rows, size_t n);
/* Alerts that nobody waits for (dismissed, dropped) without news since `before`; looks at a part of all each time. */
size_t cache_silent(struct cache *, int64_t before, struct alert_row *out, size_t max);

/* cache_own.c: own keys that fire under open alerts; they go with their alert */
void cache_own_init(struct cache *);
void cache_own_release(struct cache *);
void cache_put_own(struct cache *, const struct own_row *);            /* firing: in, else out */
void cache_drop_owns(struct cache *, struct cache_alert *);            /* all that are under it */
size_t cache_owns(const struct cache *, const struct id16 *own, struct own_row *out, size_t max);
bool cache_has_owns(const struct cache *);

/* cache_silence.c; the rows stay until they are changed */
void cache_silence_init(struct cache *);
void cache_silence_release(struct cache *);
const struct silence_row *cache_silence(const struct cache *, const struct id16 *id);      /* NULL: not in */
void cache_put_silence(struct cache *, const struct silence_row *);
void cache_drop_silence(struct cache *, const struct id16 *id);
/* Those in this phase; expired ones only when no sweep is under way.  ended_before 0: whenever they end. */
void cache_silences(const struct cache *, struct arena *, enum silence_phase, int64_t ended_before,
                    struct silence_row **out, size_t *n_out);

#endif
