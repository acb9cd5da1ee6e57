/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.h - a compiled rule set: what to do with an alert.
 *
 * Rules run top to bottom and later ones see what earlier ones changed.  An
 * equality matcher is indexed, so the cost of an alert grows with the rules
 * that can match it, not with those that exist.
 *
 * A rule set is immutable after ruleset_compile() and may be used by several
 * threads; each brings its own struct rule_scratch (regex match data and the
 * jq machine, which are not shareable).
 */
#ifndef CORE_RULES_H
#define CORE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tocsin/plugin.h>

#include "base/id.h"
#include "core/escalation/policy.h"

struct arena;
struct ruleset;
struct rule_scratch;

/* --- source form: what a configuration loader fills -------------------------- */

struct rule_pos { const char *file; unsigned line; };

struct rule_action { const char *name; const char *value; };    /* set: field or label, template text */

struct rule_src {
    const char *name;
    struct rule_pos pos;
    /* match: OR over alternatives, AND within one.  Each matcher is Alertmanager's syntax in one string. */
    struct { const char **matchers; size_t n; } *any; size_t n_any;   /* n_any 0: matches everything */
    struct rule_action *set; size_t n_set;
    const char **unset; size_t n_unset;
    const char *dedup_key;           /* template; NULL: unchanged */
    int resolve_when;                /* enum own_mode: what ends an alert that dedup_key merges; OWN_NONE: as it says */
    const char **group_by; size_t n_group_by; bool has_group_by;
    const struct policy *policy;     /* NULL: unchanged; outlives the rule set */
    const char **notify; size_t n_notify;
    bool drop, suppress, stop;
    int64_t delay_ms, resolve_after_ms;
    bool has_delay, has_resolve_after;
    struct { uint32_t count; int64_t window_ms; const char **by; size_t n_by; } threshold;   /* count 0: none */
    bool has_alert, alert;           /* alert: does it make an alert of a log's record?  Unset: see README.md */
};

/* Called for every mistake; compile goes on to find the others. */
typedef void (*rule_report)(void *ctx, struct rule_pos pos, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* NULL when there was at least one mistake.  Copies what it needs except policies.  default_policy
 * serves alerts that no rule routes. */
struct ruleset *ruleset_compile(const struct rule_src *rules, size_t n, const struct policy *default_policy,
                                rule_report report, void *ctx);
void ruleset_free(struct ruleset *);
size_t ruleset_count(const struct ruleset *);

struct rule_scratch *rule_scratch_new(const struct ruleset *);
void rule_scratch_free(struct rule_scratch *);

/* One match of a rule with a threshold. */
struct rule_hit {
    struct id16 group;               /* of the rule and the values of its `by` */
    uint64_t what;                   /* the same alert twice counts once; 0: a line of a log, which always counts */
    uint32_t count; int64_t window_ms;
};
/* Counts a hit; how many there are within the window now (tally.h).  Without one nothing counts, and no threshold is
 * reached. */
typedef uint32_t (*rule_count)(void *ctx, const struct rule_hit *);
void rule_scratch_count(struct rule_scratch *, rule_count, void *ctx);

/* A rule that chooses a policy, as it was written: for those who show what goes where. */
struct rule_way {
    const char *rule;
    const struct policy *policy;
    struct { const char **matchers; size_t n; } *any; size_t n_any;
    const char **group_by; size_t n_group_by; bool has_group_by;
    bool stop;
};
/* In their order; memory from the arena, names from the rule set. */
size_t ruleset_ways(const struct ruleset *, struct arena *, struct rule_way **out);

/* --- decisions ----------------------------------------------------------------- */

struct rule_trace {                  /* for explain: one entry per rule that matched or failed */
    const char *rule; struct rule_pos pos;
    const char *text;                /* "severity: warning -> critical; group_by cluster, host", or the failure */
    bool failed;                     /* skipped: limit or template error */
};

/* What the rules made of one alert.  Lives in the arena given; policy in the rule set's configuration. */
struct decision {
    struct id16 key, group;
    const char *source, *dedup_key, *group_key;
    struct id16 own;                 /* of the key that the sender gave it, if a rule gave it another; else zero */
    const char *own_key;             /* that key; without another: dedup_key */
    bool keyed;                      /* the sender gave it one; else it is a hash of the labels */
    /*
     * What made dedup_key of the own key: a hash of the template and of all that may have a say in what it sees; 0:
     * nothing did.  key_whole: every expression in it had a value, so that what came of it tells two alerts apart.
     */
    uint64_t key_by;
    bool key_whole;
    uint8_t resolve_when;            /* enum own_mode (rows.h): how an alert ends that this opens under another key */
    bool any_ends;                   /* a rule says so of this report: it ends the alert of this key, whoever fires */
    bool named;                      /* it came by an interface that knows alerts by their own keys alone */
    int64_t number;                  /* it is about this occurrence (rowid), all of it, and no other; 0: see its keys */
    enum tocsin_status status;
    enum tocsin_severity severity;   /* never NONE */
    int64_t starts_at, ends_at, expires_at;
    const void *body; size_t body_len; uint64_t digest;
    const char *summary;
    bool drop, suppress;
    const char *held_by;             /* the rule that dropped or suppressed: "rule 'x' (f.cfg:3)"; "" */
    const struct policy *policy;     /* never NULL */
    bool routed;                     /* a rule chose it */
    const char *routed_by;           /* "rule 'x' (f.cfg:3)" or "default policy" */
    const char **notify; size_t n_notify;
    struct rule_trace *trace; size_t n_trace;
    bool failed;                     /* at least one rule failed: report it */
    int64_t delay_ms;                /* the incident opens when it still fires then; 0: at once */
    const char *delayed_by;          /* the rule; "" */
    int64_t resolve_after_ms;        /* resolved when there is no news for so long; 0: expires_at says when, if at all */
    bool below;                      /* below a threshold: suppressed, unless it fires and has been told already */
    bool steady;                     /* stands for many lines of a log: while it fires, another text is no news */
    uint32_t more;                   /* reports that it stands for beside its own: equal lines of a log */
    bool amends;                     /* says what is known of an open alert anew: not counted, and opens none */
    const char *by;                  /* of a resolve: the person who said so; "" the source itself */
};

/*
 * Normalise the alert (severity, summary, identity, order of labels), run the rules, encode.  Never
 * fails: a rule that cannot be evaluated is skipped and traced, and the alert still pages.
 */
struct decision *ruleset_decide(const struct ruleset *, struct rule_scratch *, struct arena *, const char *source,
                                const struct tocsin_alert *);

/*
 * The same for a record of a log: NULL unless a rule makes an alert of it.  A record that no rule matches allocates
 * nothing.
 */
struct decision *ruleset_decide_record(const struct ruleset *, struct rule_scratch *, struct arena *,
                                       const char *source, const struct tocsin_alert *);
/* A policy that was chosen before the rules, such as by the key that a sender used; `by` is kept as routed_by. */
struct rule_route { const struct policy *policy; const char *by; };   /* policy NULL: none */

/* What became of one rule, for those who want to know why. */
enum rule_part { RULE_NO_MATCH, RULE_MATCHED, RULE_FAILED, RULE_NOT_REACHED };

struct rule_account {
    const char *rule; struct rule_pos pos;
    enum rule_part part;
    const char *text;                /* no match: the matchers that said no, and of what; else as in rule_trace */
    /* Its threshold, if it asked one (count 0: no): seen of count matches, with this one, for the values of its `by`. */
    const char *of; uint32_t seen, count; int64_t window_ms;
};

struct rule_explanation {
    struct decision *decision;       /* never NULL: of a record that stays one, what it would be as an alert */
    bool is_alert;                   /* false: a record of which no rule makes an alert */
    struct rule_account *rules; size_t n_rules;    /* all of the set, in their order */
};

/*
 * As ruleset_decide_routed(), with an account of every rule.  why: also of those that do not match, which is slow, for
 * all have to be looked at; without it their text is "".
 */
void ruleset_explain(const struct ruleset *, struct rule_scratch *, struct arena *, const char *source,
                     const struct tocsin_alert *, const struct rule_route *, bool why, struct rule_explanation *out);

/* Either of the two, as the alert is a record or not, as if a rule before the first had routed it. */
struct decision *ruleset_decide_routed(const struct ruleset *, struct rule_scratch *, struct arena *,
                                       const char *source, const struct tocsin_alert *, const struct rule_route *);

#endif
