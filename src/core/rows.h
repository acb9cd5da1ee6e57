/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h - the state that the core computes with and the store keeps.
 *
 * Plain values.  Strings are borrowed from whatever arena the row was loaded
 * or made in and are never NULL ("" where empty), so a row is copied by
 * assignment and deepened by the store when it keeps one.
 * Times are milliseconds since 1970 UTC, 0 where there is none.
 */
#ifndef CORE_ROWS_H
#define CORE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tocsin/plugin.h>

#include "base/id.h"

enum alert_state {
    ALERT_NONE = 0,
    ALERT_FIRING,
    ALERT_RESOLVED,       /* closed: this occurrence is history */
    ALERT_DISMISSED,      /* its incident was resolved by a person while the source still reports it: open, quiet */
    ALERT_UNKNOWN,        /* the source does not know; recorded, closed at once */
    ALERT_DROPPED         /* a rule dropped it: counted, open until the source resolves it, no incident */
};

/* What holds an open alert back. */
enum { HELD_BY_RULE = 1, HELD_BY_SILENCE = 2 };

/*
 * Rules may bring reports of several senders' keys (own keys) under one alert.  What ends it then: the end of all
 * that fire under it, or of any of them.
 */
enum own_mode { OWN_NONE = 0 /* nothing but its own key was reported under it */, OWN_ALL, OWN_ANY };

/*
 * One occurrence of one alert: from the first report to its end.  At most one
 * occurrence per key is open (FIRING, DISMISSED, DROPPED); closed ones stay
 * as the history of their incident.
 */
struct alert_row {
    int64_t rowid;                 /* 0: new; the store gives it when written */
    struct id16 key;               /* id_hash(source, dedup_key) */
    struct id16 incident;          /* zero: none */
    uint64_t digest;               /* XXH3 of body: a repeat with the same digest changes nothing */
    int64_t first_at, last_at;     /* first and latest report, by our clock */
    int64_t starts_at, ends_at;    /* by the source's clock */
    int64_t expires_at;            /* resolved then if there is no news */
    uint32_t count;                /* reports */
    uint8_t state;                 /* enum alert_state */
    uint8_t severity;              /* enum tocsin_severity */
    uint8_t suppressed;            /* HELD_ bits: recorded, not told; 0: it counts */
    uint8_t own_mode;              /* enum own_mode */
    uint32_t n_own;                /* own keys that fire under it; 0: only its key is known */
    const char *source;            /* NULL when loaded without text (store.h says where) */
    const char *dedup_key;         /* NULL likewise */
    const void *body;              /* alert.h; NULL: not loaded or unchanged */
    size_t body_len;
};

/*
 * Heartbeats are alerts that wait to fire: an occurrence of this source that is open and quiet (DROPPED) until
 * expires_at, which every beat moves on.  Nobody else's alerts have this source.
 */
#define HEARTBEAT_SOURCE "heartbeat"

/*
 * An own key, the one that a sender gave its alert, and an occurrence under which a rule's dedup_key has put it.  It
 * is by its own key that a sender acknowledges, closes and asks, so these rows lead it to what is open, whatever the
 * rules make of the key by then.  An own key is under several alerts where a rule tells apart what the sender does not.
 */
struct own_row {
    struct id16 own;               /* id_hash(source, own key) */
    struct id16 key;               /* alert_row.key, of the occurrence while it is open; not stored */
    int64_t alert;                 /* alert_row.rowid; 0: new, as the alert */
    int64_t starts_at;             /* of its latest report that said something new; so the two below */
    uint64_t digest;
    uint8_t severity;
    uint64_t by;                   /* what made the key of the alert from the own one: decision.key_by */
    bool firing;                   /* false: its sender said that it is over, others go on */
};

static inline bool
alert_is_open(const struct alert_row *a)
{
    return a->state == ALERT_FIRING || a->state == ALERT_DISMISSED || a->state == ALERT_DROPPED;
}

/*
 * An incident.  state is enum tocsin_incident_state.
 *
 * Escalation: step k of the policy is due at esc_start + after[k].  While the
 * incident is acknowledged, snoozed or suppressed the clock stands: paused_at
 * holds when it stopped, and esc_start moves by the pause when it goes on.
 */
struct incident_row {
    struct id16 id;                /* UUIDv7: the key given to every vendor */
    struct id16 group;             /* id_hash of the group key; at most one open incident has it */
    struct id16 policy;            /* policy_row.id: the policy as it was when the incident opened */
    uint8_t state;
    uint8_t severity;              /* the highest of its firing alerts; at the end, the highest it had */
    bool paging;                   /* escalation has begun */
    bool exhausted;                /* the policy ended unanswered and the last resort was told */
    bool routed;                   /* a rule chose the policy: pages even when info */
    uint16_t step;                 /* steps fired in this loop; the next one is policy->steps[step] */
    uint16_t loop;                 /* loops finished */
    uint32_t ver;                  /* grows with every change that vendors are to see */
    uint32_t page;                 /* grows whenever people are to be woken: start, step, un-acknowledge */
    uint32_t notes;                /* notes written so far */
    uint32_t episode;              /* 1 for the first incident of its group */
    uint32_t n_total;              /* alerts it ever held */
    uint32_t n_firing[TOCSIN_CRITICAL + 1]; /* open alerts that count, by severity */
    uint32_t n_quiet;              /* open alerts that are suppressed */
    int64_t opened_at;             /* 0: not opened yet, a rule delays it */
    int64_t acked_at, resolved_at, updated_at;
    int64_t snoozed_until;
    int64_t esc_start, paused_at;
    int64_t next_due;              /* next timer: step, ack timeout, snooze end; 0 none */
    const char *group_key;
    const char *summary;
    const char *source;            /* collector of the alert that opened it */
    const char *policy_name;
    const char *acked_by, *resolved_by;
    const char *suppressed_by;     /* "" or what holds it back: "rule 'x' (rules/50-dev.cfg:3)" */
    const char *notify;            /* extra targets from rules, separated by '\n' */
};

/*
 * While a rule's `delay` holds an incident back it is triggered, not opened (opened_at 0) and "snoozed" until the
 * delay is over: nobody is told, and lists leave it out.  When its alerts end before, it was never opened: it is
 * resolved as such, and nobody sees it again.
 */
static inline bool
incident_is_delayed(const struct incident_row *i)
{
    return i->opened_at == 0 && i->state != TOCSIN_INC_RESOLVED;
}

static inline bool
incident_never_was(const struct incident_row *i)
{
    return i->opened_at == 0 && i->state == TOCSIN_INC_RESOLVED;
}

/*
 * What a vendor believes of the incident.  What is being told is not certain until it is confirmed, so
 * from the commit that makes a change due until its answer the row says less:
 *   MAYBE        a trigger may be under way or lost: it is sent (again) while the incident is open, and a
 *                resolve is sent in any case
 *   MAYBE_ACKED  the same, and the acknowledgement was passed on, understood or not
 *   KNOWN        the vendor knows the incident; whether as acknowledged is not certain
 */
enum told {
    TOLD_NOTHING = 0, TOLD_MAYBE, TOLD_MAYBE_ACKED, TOLD_KNOWN, TOLD_TRIGGERED, TOLD_ACKNOWLEDGED, TOLD_RESOLVED
};

#define STEP_NONE 0xffffu          /* named by a rule's notify or as the last resort */

enum delivery_state {
    DELIVERY_IDLE = 0,             /* the vendor knows what it should */
    DELIVERY_PENDING,              /* to be sent at due_at, not failed yet */
    DELIVERY_FAILING,              /* failed, tried again at due_at */
    DELIVERY_REJECTED              /* refused for good: waits for a newer version or another configuration */
};

/*
 * What one target is to be told of one incident: one row of the ledger.  An acknowledgement or resolve that
 * comes from the target itself is entered as told, so it is never echoed.
 */
struct delivery_row {
    struct id16 incident;
    const char *target;            /* a notifier's name */
    uint8_t told;                  /* enum told */
    uint8_t state;                 /* enum delivery_state */
    uint16_t step;                 /* policy step that named it last, or STEP_NONE */
    uint32_t want_page, told_page; /* incident.page it is to have been told, and was */
    uint32_t told_ver;             /* incident.ver it was told */
    uint32_t told_notes;           /* notes it was told */
    uint8_t refused_change;        /* what was refused for good: not sent again unless it differs; 0 nothing */
    uint32_t refused_ver, refused_page;
    uint32_t attempts;             /* since the last success */
    uint32_t sends;                /* successes */
    int64_t due_at;                /* 0: nothing to do */
    int64_t failing_since;         /* 0: not failing */
    int64_t told_at;               /* last success */
    const char *last_error;
    const char *vendor_ref;
};

/* One line of an incident's timeline. */
struct event_row {
    int64_t at;
    struct id16 incident;
    const char *kind;              /* "opened", "alert", "page", "acknowledged", ... (README.md of this folder) */
    const char *actor;             /* who or what: "rule 'x' (f:3)", "anna", "pd", "timer" */
    const char *text;
};

/*
 * A silence: matchers and a time.  phase is what the turns made of it, and so what the open alerts know;
 * the moment that starts_at or ends_at comes, next_due brings it to the next one.  When it begins or ends, the
 * open alerts are looked at from the newest to the oldest, some in each turn: sweep is how far that came.
 */
enum silence_phase { SILENCE_PENDING = 1, SILENCE_ACTIVE, SILENCE_EXPIRED };

struct silence_row {
    struct id16 id;                /* UUIDv7 */
    uint8_t phase;                 /* enum silence_phase */
    int64_t starts_at, ends_at, updated_at;
    int64_t next_due;              /* next timer: its start, its end, or the sweep under way; 0: none */
    int64_t sweep;                 /* open alerts with a rowid below it are still to be looked at; 0: none */
    const char *matchers;          /* one a line, as matchers_format() writes them */
    const char *created_by, *comment;
    const char *annotations;       /* a JSON object, kept for those who sent it; "" */
};

/* A policy as it was when some incident opened; id is the hash of body, so equal ones are kept once. */
struct policy_row {
    struct id16 id;
    const char *body;              /* JSON, policy.h */
};

enum outbox_kind { OUTBOX_GET = 1, OUTBOX_FORWARD };

/* Something to be sent that belongs to no incident: kept until it was taken, or is given up. */
struct outbox_row {
    int64_t id;                    /* 0: new; the store gives it when written */
    uint8_t kind;                  /* enum outbox_kind */
    int64_t created_at;
    const char *collector;         /* whose payload it came with */
    const char *what;              /* for people */
    const char *url;               /* GET; "" */
    const void *body;              /* FORWARD: what the collector's integration makes a request of; NULL: not loaded */
    size_t body_len;
};

#endif
