/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world.h - the rows that one turn works on.
 *
 * The shell loads what the turn's events name, the core changes it, the shell
 * writes what is dirty.  Nothing here reaches outside: the time is `now`, ids
 * come from `ids`, memory from `arena`.
 */
#ifndef CORE_WORLD_H
#define CORE_WORLD_H

#include "base/arena.h"
#include "core/delivery/delivery.h"
#include "core/escalation/policy.h"
#include "core/rows.h"

enum dirt {
    CLEAN = 0,
    COUNTED,                       /* only count, last_at or expires_at changed: may be written later */
    DIRTY
};

struct world_own;

struct world_alert {
    struct alert_row row;          /* state ALERT_NONE: no open occurrence of this key */
    enum dirt dirt;
    struct world_alert *earlier;   /* the occurrence of the same key that this turn closed before; or NULL */
    struct world_own *owns;        /* under it, of those that the turn is about */
};

struct world_own {
    struct own_row row;
    struct world_alert *alert;     /* NULL: that occurrence is over */
    const struct alert_row *of;    /* the same, also when it is over: whose rowid is to be written */
    bool dirty;
    struct world_own *next;        /* of the same own key */
    struct world_own *beside;      /* under the same alert */
};

struct world_delivery {
    struct delivery_row row;
    bool dirty;
    struct world_delivery *next;
};

struct world_incident {
    struct incident_row row;
    const struct policy *policy;
    struct world_delivery *deliveries;      /* in the order of their first step */
    bool dirty;
    bool fresh;                              /* it begins with this turn */
};

struct world_silence {
    struct silence_row row;
    bool dirty;
    struct world_silence *next;
};

struct silence_set;

struct world_hooks {
    /* the policy that an incident was opened with; NULL: it is not stored, or what is stored is damaged */
    const struct policy *(*policy_of)(void *ctx, const struct id16 *id);
    /* the configuration's default policy, for those; never NULL */
    const struct policy *(*default_policy)(void *ctx);
    /* incidents that the group had so far */
    uint32_t (*episodes_of)(void *ctx, const struct id16 *group);
    /* was a line of this kind and actor, beginning with `start`, written at `since` or later? */
    bool (*said_since)(void *ctx, const struct event_row *line, const char *start, int64_t since);
    /* what the target understands; false: not configured (any more) */
    bool (*caps_of)(void *ctx, const char *target, struct delivery_caps *out);
};

struct world {
    struct arena *arena;
    int64_t now;
    struct idgen *ids;
    /* questions to the shell, answered from what is stored and configured; same question, same answer */
    const struct world_hooks *hooks;
    void *hooks_ctx;

    /* the silences in force: changed by the core as they begin and end.  NULL: there can be none */
    struct silence_set *silences;
    bool silences_changed;
    struct world_silence *silence_list;      /* those that the turn is about */

    /* index and lists; world.c */
    struct world_index *alerts, *incidents, *groups;
    struct world_index *owns;                /* NULL: there are none */
    struct world_alert **alert_list;       size_t n_alerts, cap_alerts;
    struct world_own **own_list;           size_t n_owns, cap_owns;
    struct world_incident **incident_list; size_t n_incidents, cap_incidents;
    struct event_row *events;              size_t n_events, cap_events;
    const struct policy **new_policies;    size_t n_new_policies, cap_new_policies;
    const char **damage;                   size_t n_damage, cap_damage;     /* what was found damaged, for the log */
};

void world_init(struct world *, struct arena *, int64_t now, struct idgen *ids, const struct world_hooks *hooks,
                void *hooks_ctx);

/*
 * Put loaded rows in.  A key, id or group that was put twice keeps the first.  An incident whose policy cannot be
 * read goes on with the default policy, from its first step: somebody is paged.
 */
struct world_alert *world_put_alert(struct world *, const struct alert_row *);     /* row.state may be NONE */
struct world_incident *world_put_incident(struct world *, const struct incident_row *);
struct world_delivery *world_put_delivery(struct world *, const struct delivery_row *); /* its incident must be in */

struct world_silence *world_put_silence(struct world *, const struct silence_row *);

struct world_own *world_put_own(struct world *, const struct own_row *);           /* its alert must be in, and open */

struct world_alert *world_alert(struct world *, const struct id16 *key);           /* NULL: not loaded */
struct world_own *world_owns(struct world *, const struct id16 *own);              /* the first of a list; NULL: none */
struct world_incident *world_incident(struct world *, const struct id16 *id);      /* NULL: not loaded */
struct world_incident *world_open_incident(struct world *, const struct id16 *group); /* NULL: none open */

struct world_silence *world_silence(struct world *, const struct id16 *id);        /* NULL: not loaded */

/* A new open incident for a group that has none: triggered, without alerts. */
struct world_incident *world_new_incident(struct world *, const struct id16 *group, const struct policy *policy);
/* The number of the next incident of a group. */
uint32_t world_next_episode(struct world *, const struct id16 *group);
/* A new occurrence of a key whose occurrence is closed; the closed one is kept as `earlier`. */
struct world_alert *world_next_occurrence(struct world *, struct world_alert *);
/* An own key that fires under the alert from now on; the caller fills in the rest. */
struct world_own *world_new_own(struct world *, struct world_alert *, const struct id16 *own);
/* The occurrence is over, and so is what was under it. */
void world_alert_closed(struct world_alert *);
struct world_delivery *world_delivery(struct world *, struct world_incident *, const char *target, bool create);

void world_note(struct world *, const struct id16 *incident, const char *kind, const char *actor, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/*
 * The same for what a source or vendor may go on saying for weeks: left out when a line of this kind and actor that
 * begins with `start` was written within the last hour.  The text is start, then rest.
 */
bool event_begins(const struct event_row *, const struct event_row *like, const char *start);
void world_note_lately(struct world *, const struct id16 *incident, const char *kind, const char *actor,
                       const char *start, const char *rest);
/* Stored rows contradict each other: said in the incident's timeline and, by the shell, in the log. */
void world_damage(struct world *, const struct id16 *incident, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
