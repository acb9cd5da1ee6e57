/* SPDX-License-Identifier: Apache-2.0 */
/*
 * own.h - from the key that a sender gave to the alerts that rules made of it.
 *
 * A rule's dedup_key says which alert a report is about.  The sender knows
 * nothing of that: it closes, acknowledges and asks by its own key, and what
 * it closes with may lack whatever the rule looked at.  So each alert that was
 * reported under another key than the sender's remembers the own keys that
 * fire under it, and a report finds its way like this:
 *
 *   1. the alert of the rules' key, if the own key fires under it
 *   2. else the open alert under which the own key fires: when the rules say
 *      something else than they did (they were edited, no rule with a key
 *      matches any more, a label that the key is made of is missing)
 *   3. else the alert of the rules' key.  A firing report joins or opens it; a
 *      resolve ends nothing there, for its sender has nothing that fires
 *
 * So an open alert keeps its key, whatever becomes of the rules; and where a
 * rule tells apart what the sender gives one key, those stay apart.  An alert
 * is over when the last own key under it is (OWN_ALL), or the first (OWN_ANY).
 */
#ifndef CORE_OWN_H
#define CORE_OWN_H

#include "core/pipeline.h"

/* Where a report goes. */
struct own_place {
    struct world_alert *alert;     /* NULL: nowhere; it was about an occurrence that is over */
    struct world_own *member;      /* its own key there; NULL: see `in` */
    bool in;                       /* it is one of those that fire there, by a member or by the alert's own key */
};

struct own_place own_place(struct world *, const struct decision *);
/* Does a firing report say what is known there already? */
bool own_repeats(const struct decision *, const struct own_place *);
/* Do others fire under the alert as well, so that one report does not speak for all of it? */
bool own_is_merged(const struct alert_row *);
/* A firing report is taken by the alert: its own key fires under it from now on.  Before the alert takes the report. */
void own_join(struct world *, struct world_alert *, const struct decision *);
/* Is anything under it that is not this report's? */
bool own_has_others(const struct own_place *);
/* A member is over, and others are not. */
void own_leave(struct world_alert *, struct world_own *);

/* The open alerts that a resolve is about, one after the other: begin with at->alert NULL.  False: no more. */
struct own_end {
    struct world_alert *alert;
    struct world_own *member;      /* NULL: the alert's own key, or all that is under it */
    bool whole;                    /* the alert is over, whatever else fires under it */
    const struct world_own *rest;  /* private */
    int step;
};
bool own_next_end(struct world *, const struct decision *, struct own_end *);

/* The open alerts that an action on this key is about.  Begin with at zero; NULL: no more. */
struct own_acted { const struct world_own *rest; int step; };
struct world_alert *own_next_acted(struct world *, const struct id16 *key, struct own_acted *at);

#endif
