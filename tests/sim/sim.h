/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.h - a whole life of tocsin's core in virtual time, from a seed.
 *
 * Real: rules, turns, store (the in-memory engine), incidents, escalation, ledger, heartbeats.
 * Played: senders, people, vendors, the notifier's loop, the clock, and faults:
 * crash before and after a commit, crash between a send and its result, failed
 * commits, vendors that are down, refuse, or lose their answer, clocks that go
 * back (also far, between two starts), targets that leave the configuration.
 *
 * The same seed gives the same trace, so every failure is repeatable:
 * sim --first SEED --seeds 1 --verbose
 */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/beats.h"
#include "daemon/turn.h"

enum { N_VENDORS = 4, N_KEYS = 16, N_SOURCES = 2, N_WATCHED = 5, N_RACKED = 8, N_RACK_RULES = 3 };
enum { SIM_DELAY_MS = 120000, SIM_RESOLVE_AFTER_MS = 300000 };

/* Errors that --self-test plants one at a time, to see that the checks find them. */
enum plant {
    PLANT_NOTHING,
    PLANT_LOSE_COMMIT,             /* a commit says OK and keeps nothing */
    PLANT_FORGET_RETRY,            /* a failed send is not tried again */
    PLANT_SKIP_RESOLVE,            /* a resolve is taken for told without being sent */
    PLANT_NEW_KEY,                 /* a retry uses another dedup key */
    PLANT_IGNORE_TIMERS,           /* steps do not fire */
    PLANT_SKIP_ACK,                /* an acknowledgement is taken for told without being sent */
    PLANT_TRUST_CLOCK,             /* a start takes deadlines from before as they are */
    PLANT_UNWATCH,                 /* a start does not read which heartbeats are watched */
    PLANT_LOSE_BEAT,               /* a beat is accepted and moves no deadline */
    PLANT_DEAF,                    /* deadlines of alerts and heartbeats do not fire */
    PLANT_NO_DELAY,                /* a delay of a rule is taken for none */
    PLANT_LONG_DELAY,              /* a delay is longer than the rule says */
    PLANT_NEVER_EXPIRES,           /* an alert with resolve_after stays open without news */
    PLANT_ANY_ENDS,                /* an alert of several ends with the first of them */
    PLANT_NO_OWNS,                 /* nobody asks under which alerts an own key is */
    N_PLANTS
};
extern const char *const plant_names[N_PLANTS];

/* What a vendor knows: one entry per key it ever saw. */
struct vendor_alert {
    struct id16 key;
    bool open, acked;
    uint32_t pages;                /* times it woke somebody */
    int64_t first_at;
};

struct vendor {
    const char *name;
    struct delivery_caps caps;
    bool down, rejects, loses_answers, configured;
    struct vendor_alert *alerts; size_t n, cap;
};

struct source_alert {              /* what the senders believe */
    bool firing;
    int64_t starts_at;
    bool accepted_firing;          /* the last state that was accepted (2xx) */
    bool known;                    /* was anything accepted at all */
    uint8_t severity;
    bool quiet;
    uint32_t shape;                /* varies the text */
};

/*
 * A heartbeat as those who beat and wait see it: it must not be silent before `floor`, and must be from `ceil` on.
 * Both move with each beat that was accepted, and with a start, which gives it time and may have lost its last beats.
 */
struct watched {
    const char *name, *host;       /* host "": it has no labels */
    bool on, silent, fresh;        /* fresh: beaten or configured since the start */
    int64_t last_at, floor, ceil;
};

/* An alert that a rule delays: when its incident is to open, at the earliest and at the latest. */
struct delayed { int64_t rowid, opens_min, opens_max; struct id16 incident; };

/* A host that is one alert with the others of its rack. */
struct racked {
    bool firing, known, anew;
    bool excused;                  /* a person closed the incident while it fired */
    int64_t starts_at, ends_at;
    uint32_t shape;
};

/* An alert that ends without news: not before `floor`, and not after `ceil`. */
struct expiring { bool on; int64_t floor, ceil; };

struct sim {
    uint64_t seed;
    struct idgen dice;
    enum plant plant;
    bool verbose;
    int64_t now, latest;           /* latest: the most that the clock ever showed */
    struct store *store;
    struct store_ops ops;          /* of the store, with a commit that can fail */
    enum tocsin_rc (*real_commit)(struct store *, struct tocsin_err *);
    void (*real_rollback)(struct store *);
    struct turn_env env;
    struct ruleset *rules;
    struct rule_scratch *scratch;
    struct vendor vendors[N_VENDORS];
    struct source_alert alerts[N_SOURCES][N_KEYS];
    struct beats *beats;
    unsigned conf;                 /* which configuration of heartbeats is in force */
    struct watched watched[N_WATCHED];
    struct delayed delayed[N_SOURCES][N_KEYS];
    struct expiring expiring[N_SOURCES][N_KEYS];
    struct racked racked[N_RACKED];
    struct ruleset *rack_rules[N_RACK_RULES];
    struct rule_scratch *rack_scratch[N_RACK_RULES];
    unsigned rack_rule;            /* which of them is in force */
    /* the notifier's schedule */
    struct sim_due { struct id16 incident; char target[16]; int64_t at; } *due; size_t n_due, cap_due;
    bool fail_commit;
    uint64_t trace;                /* hash of everything that happened */
    uint64_t steps, sends, crashes, announced;
    char problem[512];             /* the first broken invariant; "" none */
};

uint64_t roll(struct sim *, uint64_t n);                       /* 0 .. n-1 */
void trace(struct sim *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void broken(struct sim *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* vendors.c */
void vendors_init(struct sim *);
struct vendor *vendor_find(struct sim *, const char *name);
struct vendor_alert *vendor_alert(struct vendor *, const struct id16 *key);
/* Work off everything that is due now; crash: stop after a send and before its result is known. */
void notifier_work(struct sim *, bool crash);
void notifier_restart(struct sim *);                           /* what is due is read from the store */
void notifier_rearm(struct sim *);                             /* a reload: what was refused is tried again */
void notifier_due(struct sim *, const struct turn_result *);

/* senders.c */
struct ruleset *sim_rules(const struct policy **default_policy_r);
const char *sender_kind(int key);
struct id16 sender_key(struct arena *, int source, int key);
void senders_report(struct sim *);

/* merged.c */
void merged_init(struct sim *, const struct policy *);
void merged_release(struct sim *);
void merged_report(struct sim *);
bool merged_no_owns(struct store *);                           /* planted */
void merged_reload(struct sim *);                              /* the rules of racks are edited */
void check_merged(struct sim *, struct arena *);               /* after every step */

/* beats.c */
void beats_init(struct sim *);                                 /* before the first start */
void beats_start(struct sim *);
void beats_beat(struct sim *);
void beats_reload(struct sim *);                               /* heartbeats leave the configuration, and come back */
const struct decision *beats_fall_silent(void *sim, struct arena *, const struct alert_row *);
void check_beats(struct sim *, struct arena *);                /* after every step */

/* times.c */
bool times_expires(int key);
void times_news(struct sim *, int source, int key, enum tocsin_status);   /* it was accepted */
void times_restart(struct sim *);
void check_times(struct sim *, struct arena *);                /* after every step */

/* silences.c */
void silences_change(struct sim *);
void check_silences(struct sim *);                             /* after every step */
void check_silence_over(struct sim *, const struct incident_detail *);

/* announced.c */
void announced_begin(struct arena *);                          /* of a turn, which lasts until the check */
void announced_add(void *sim, const struct incident_detail *); /* the hook of struct turn_env */
void check_announced(struct sim *, const struct turn_result *);/* after a turn that was committed */

/* check.c */
void check_state(struct sim *);                                /* after every step */
void check_waits(struct sim *);                                /* after a start behind a clock that was set back */
void check_end(struct sim *);                                  /* after the faults ended and all drained */

/* sim.c */
void sim_crash(struct sim *);                                  /* the process dies, and another one starts */
bool sim_turn(struct sim *, struct event *events, size_t n);   /* false: refused, nothing happened */

#endif
