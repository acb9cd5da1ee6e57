/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset.h - the compiled form of rules and the state of one evaluation.
 * Private to this folder, its tests, and ../silence, which is filed in the same index.
 */
#ifndef CORE_RULESET_H
#define CORE_RULESET_H

#include "base/buf.h"
#include "core/rules/index.h"
#include "core/rules/matcher.h"
#include "core/rules/rules.h"
#include "core/rules/template.h"

/* What a rule that matches says of a log's record: nothing, no alert, an alert. */
enum makes { MAKES_NOTHING, MAKES_NO_ALERT, MAKES_ALERT };

struct alternative { struct matcher *matchers; size_t n; };

struct name_ref {                  /* a field or label that an action names */
    enum field field;
    const char *label;
    uint32_t slot;
};

struct set_action {
    struct name_ref target;
    struct template text;
    enum tocsin_severity severity; /* target is severity and the text a word; else NONE */
};

struct rule {
    const char *name;
    struct rule_pos pos;
    const char *at;                /* "f.cfg:3" */
    const char *said_by;           /* "rule 'x' (f.cfg:3)" */
    struct alternative *any; size_t n_any;
    struct set_action *set;  size_t n_set;
    struct name_ref *unset;  size_t n_unset;
    bool has_dedup_key;
    struct template dedup_key;
    uint64_t key_by;               /* decision.key_by of what it renders */
    uint8_t resolve_when;          /* enum own_mode */
    bool has_group_by;
    struct name_ref *group_by; size_t n_group_by;
    const struct policy *policy;
    const char **notify; size_t n_notify;
    bool drop, suppress, stop;
    bool has_delay, has_resolve_after;
    int64_t delay_ms, resolve_after_ms;
    uint32_t count; int64_t window_ms;               /* threshold; count 0: none */
    struct name_ref *by; size_t n_by;
    enum makes makes;
};

struct ruleset {
    struct arena *arena;
    struct rule *rules; size_t n;
    const struct policy *default_policy;
    struct expr_table exprs;
    struct index index;
    bool makes_alerts;             /* at least one rule can make an alert of a log's record */
};

/* Candidates not looked at yet: the rest of a bucket. */
struct cursor { const uint32_t *p, *end; };

struct rule_scratch {
    struct match_state match;
    struct jq_pool *jq;
    const char **values;           /* by slot; NULL: "" */
    uint32_t *touched; size_t n_touched;           /* slots of labels that have a value */
    struct cursor *cursors; size_t n_cursors, cap_cursors;
    struct buf trace, text;
    rule_count count; void *count_ctx;
    /* what the thresholds said of a record on trial: to be said again, without counting, when it is decided to stay */
    uint32_t *said; size_t n_said, cap_said, next_said;
    bool repeats;
    struct arena *trial;           /* a record's decision, before it is known whether it becomes an alert */
};

/* One alert on its way through the rules. */
struct run {
    const struct ruleset *rs;
    struct rule_scratch *sc;
    struct arena *arena;
    struct view view;
    struct tocsin_pair *labels; size_t cap_labels;  /* view.labels, writable */
    const struct tocsin_pair *hidden; size_t n_hidden;   /* labels that keys know by something else than their value */
    size_t current;                /* the rule at work */
    bool indexed;
    struct decision *out;
    const struct rule *group_rule; /* the last one with group_by */
    const char *own_key;           /* that the sender gave; NULL: none */
    const struct rule *key_rule;   /* the last one with dedup_key */
    bool key_whole;                /* no expression of it was empty */
    size_t cap_trace, cap_notify;
    bool record;                   /* a log's record, not an alert */
    bool wanted;                   /* a record that a rule made an alert */
    struct tocsin_pair *matched; size_t n_matched, cap_matched;  /* name and place, for the stored text */
    struct rule_account *accounts; /* one for each rule; NULL: nobody asks */
};

/* A value in the slot changed: rules filed under the new one become candidates.  run.c */
void run_put_value(struct run *, uint32_t slot, const char *value);
/* Apply the actions of a rule that matched, with a trace of what they did.  actions.c */
void actions_apply(struct run *, const struct rule *);
/* What a name stands for in the alert at work.  run.c */
const char *run_value(const struct run *, const struct name_ref *);
/* The same in a key. */
const char *run_key_value(const struct run *, const struct name_ref *);
/* A rule gave the label another value: from here on that is what counts. */
void run_value_is_plain(struct run *, const char *label);
/* What a template of a key sees. */
struct view run_key_view(const struct run *);
/* Did its sender say by which key it knows the alert? */
bool run_is_keyed(const struct tocsin_alert *);
/* Keys and group of the decision, from the alert as it is now and the key that it came with.  identify.c */
void run_identify(struct run *, const char *source, const struct tocsin_alert *, const char *own_key);
void run_trace(struct run *, const struct rule *, const char *text, bool failed);
/* NULL: a record that no rule made an alert; never when it is to be explained (asked, or NULL).  run.c */
struct decision *run_decide(const struct ruleset *, struct rule_scratch *, struct arena *, const char *source,
                            const struct tocsin_alert *, const struct rule_route *, bool indexed,
                            struct rule_explanation *asked);
/* The rule at work was asked, and applied if it matches; how its threshold stands.  account.c */
void account_rule(struct run *, const struct rule *, enum truth);
void account_threshold(struct run *, const struct rule *, uint32_t seen);

/* As ruleset_decide(), but looks at every rule: what the index is tested against. */
struct decision *ruleset_decide_plainly(const struct ruleset *, struct rule_scratch *, struct arena *,
                                        const char *source, const struct tocsin_alert *);

#endif
