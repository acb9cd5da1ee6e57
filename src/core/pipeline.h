/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipeline.h - events in, changed rows out.  Read this first.
 *
 *   payload --decode--> alert --ruleset_decide()--> decision          (any thread, pure)
 *   event + rows --pipeline_apply()--> changed rows, timeline          (the turn, pure)
 *   changed delivery rows --delivery_next()--> what to tell whom       (the notifier, pure)
 *
 * pipeline_apply() is the whole state machine: (state, event, now) -> state'.
 * The effects are the delivery rows that became due.
 */
#ifndef CORE_PIPELINE_H
#define CORE_PIPELINE_H

#include "core/rules/rules.h"
#include "core/world.h"

enum event_kind {
    EV_ALERT,             /* a decided alert arrived */
    EV_BEAT,              /* a heartbeat beat */
    EV_ARM,               /* a heartbeat is watched from now on, or has another deadline */
    EV_DISARM,            /* a heartbeat is not watched any more */
    EV_EXPIRY,            /* an alert's expires_at has come */
    EV_ACTION,            /* somebody acted on an incident */
    EV_TIMER,             /* an incident's next_due has come */
    EV_DELIVERY,          /* a send ended */
    EV_REARM,             /* the configuration changed: try what a target had refused once more */
    EV_CLOCK,             /* after a start: the stored deadlines may come from a clock that was ahead */
    EV_SILENCE,           /* make a silence, or change one */
    EV_SILENCE_END,       /* end a silence */
    EV_SILENCE_TIMER,     /* a silence's next_due has come */
    EV_RECHECK            /* silences changed: is this open alert held? */
};

enum action {
    ACTION_ACK = 1, ACTION_UNACK, ACTION_RESOLVE, ACTION_SNOOZE, ACTION_NOTE, ACTION_ESCALATE
};

struct event {
    enum event_kind kind;
    /* EV_ALERT; EV_EXPIRY: what a heartbeat that fell silent becomes, else NULL; EV_BEAT, EV_ARM, EV_DISARM: its key
     * and text, and in expires_at the deadline */
    const struct decision *decision;
    /* EV_EXPIRY, EV_RECHECK; EV_ACTION without an incident: on that of the alert which is open under this key, and of
     * those under which it is a sender's own key; of the silence: EV_SILENCE_END, EV_SILENCE_TIMER */
    struct id16 key;
    int64_t number;                /* EV_ACTION by key: only if this is the open occurrence (rowid); 0: whichever is */
    /* EV_SILENCE: what it is to be; id zero: a new one */
    const struct silence_row *silence;
    /* EV_RECHECK: the alert as it is stored, with its text */
    const struct alert_row *stored;
    /* EV_ACTION, EV_TIMER, EV_DELIVERY, EV_REARM, EV_CLOCK */
    struct id16 incident;
    /* EV_ACTION */
    enum action action;
    const char *by;                /* who, for the timeline: "anna", "pd" */
    const char *note;              /* may be NULL; needed for ACTION_NOTE */
    int64_t until;                 /* ACTION_SNOOZE; EV_EXPIRY: do not resolve, wait for news until then; 0: resolve */
    const char *origin;            /* the target it came from, which is not told again; NULL: ours */
    /* EV_DELIVERY, EV_REARM */
    const char *target;
    enum tocsin_change change;
    uint32_t ver, page, notes;     /* what the rendered incident had (delivery_next() gives them) */
    const struct tocsin_outcome *outcome;    /* never NULL for EV_DELIVERY */
    uint64_t seed;                 /* for the jitter of the back-off */

    /* out */
    enum tocsin_rc rc;             /* EV_ACTION: TOCSIN_OK, NOT_FOUND, CONFLICT; EV_SILENCE*: MEANINGLESS as well */
    struct tocsin_err *err;        /* the caller's, filled when rc is not TOCSIN_OK; may be NULL */
    struct id16 incident_r;        /* EV_ALERT, EV_ACTION by key: the incident it belongs to; zero: none */
    struct id16 alert_r;           /* the same: the key of the alert that it turned out to be about; zero: none */
    int64_t number_r;              /* the same, after the commit: the occurrence (rowid); 0: none */
    struct id16 silence_r;         /* EV_SILENCE, EV_SILENCE_END: the silence's id */
};

/*
 * Is this a report of an open alert that changes nothing but its counters?  Then its incident need not be loaded.
 * EV_ALERT and EV_BEAT, whose alerts and own keys are in the world; false for all other events.
 */
bool pipeline_repeats(struct world *, const struct event *);
/* Apply one event.  All rows that it names are in the world. */
void pipeline_apply(struct world *, struct event *);

#endif
