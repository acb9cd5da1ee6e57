/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the source form of rules to the compiled one.  Every mistake is
 * reported and the work goes on, so that an operator sees all of them at once.
 */
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "core/normalise/severity.h"
#include "core/rows.h"
#include "core/rules/ruleset.h"
#include "core/rules/tally.h"

/* Who uses an expression first: for the message when jq does not accept it. */
struct user { const struct rule *rule; const char *what; size_t column; };

struct compiler {
    struct ruleset *rs;
    struct arena *arena;
    rule_report report;
    void *ctx;
    bool failed;
    struct user *users; size_t n_users, cap_users;
};

#define COMPLAIN(c, rule, ...) ((c)->failed = true, (c)->report((c)->ctx, (rule)->pos, __VA_ARGS__))

/* --- templates ------------------------------------------------------------------------ */

static void
remember_users(struct compiler *c, const struct rule *r, const char *what, const struct template *t)
{
    for (size_t i = 0; i < t->n_parts; i++) {
        const struct part *p = &t->parts[i];

        if (p->kind != PART_JQ || p->expr < c->n_users)
            continue;
        if (c->n_users == c->cap_users) {
            c->cap_users = c->cap_users > 0 ? c->cap_users * 2 : 16;
            c->users = xrealloc(c->users, c->cap_users * sizeof *c->users);
        }
        c->users[c->n_users++] = (struct user){ .rule = r, .what = what, .column = p->column };
    }
}

static bool
compile_text(struct compiler *c, const struct rule *r, const char *what, const char *text, struct template *out)
{
    struct tocsin_err err;

    if (template_parse(c->arena, &c->rs->exprs, text, out, &err) != TOCSIN_OK) {
        COMPLAIN(c, r, "rule '%s': %s: %s", r->name, what, err.what);
        return false;
    }
    remember_users(c, r, what, out);
    return true;
}

static void
report_expr(void *ctx, size_t expr, const char *what)
{
    struct compiler *c = ctx;
    const struct user *u = &c->users[expr];

    COMPLAIN(c, u->rule, "rule '%s': %s: column %zu: %s", u->rule->name, u->what, u->column, what);
}

/* All of them together is what the scratches will do; one by one only to say which is wrong. */
static void
check_exprs(struct compiler *c)
{
    const struct rule nowhere = { .pos = { .file = "", .line = 0 } };
    struct jq_pool *pool = jq_pool_new(&c->rs->exprs);

    if (pool == NULL && expr_table_check(&c->rs->exprs, report_expr, c))
        COMPLAIN(c, &nowhere, "jq does not accept the expressions of all rules together; make them shorter");
    jq_pool_free(pool);
}

/* --- actions ---------------------------------------------------------------------------- */

static struct name_ref
name_ref(struct compiler *c, const char *name)
{
    struct name_ref ref = { .slot = NO_SLOT };
    const char *copy = arena_strdup(c->arena, name);

    ref.field = field_of(copy, &ref.label);
    return ref;
}

static void
compile_severity(struct compiler *c, const struct rule *r, struct set_action *a)
{
    const char *word = template_literal(&a->text);

    if (word == NULL)
        return;
    a->severity = severity_of(word);
    if (a->severity == TOCSIN_SEV_NONE)
        COMPLAIN(c, r, "rule '%s': set severity: unknown severity '%s'; expected critical, error, warning or info",
                 r->name, word);
}

static void
compile_set(struct compiler *c, const struct rule_src *src, struct rule *r)
{
    r->set = arena_zalloc(c->arena, src->n_set * sizeof *r->set);
    r->n_set = src->n_set;
    for (size_t i = 0; i < src->n_set; i++) {
        const char *name = src->set[i].name, *what = arena_printf(c->arena, "set %s", name);
        struct set_action *a = &r->set[i];

        a->target = name_ref(c, name);
        if (a->target.field == FIELD_SOURCE || a->target.field == FIELD_STATUS)
            COMPLAIN(c, r, "rule '%s': '%s' cannot be set; 'labels.%s' is the label of that name", r->name, name,
                     name);
        else if (strcmp(name, "dedup_key") == 0 || strcmp(name, "group_by") == 0 || strcmp(name, "policy") == 0)
            COMPLAIN(c, r, "rule '%s': '%s' stands beside 'set', not in it; 'labels.%s' is the label of that name",
                     r->name, name, name);
        else if (name[0] == '\0')
            COMPLAIN(c, r, "rule '%s': 'set' without a name", r->name);
        else if (compile_text(c, r, what, src->set[i].value, &a->text) && a->target.field == FIELD_SEVERITY)
            compile_severity(c, r, a);
    }
}

static void
compile_unset(struct compiler *c, const struct rule_src *src, struct rule *r)
{
    r->unset = arena_zalloc(c->arena, src->n_unset * sizeof *r->unset);
    r->n_unset = src->n_unset;
    for (size_t i = 0; i < src->n_unset; i++) {
        r->unset[i] = name_ref(c, src->unset[i]);
        if (r->unset[i].field != FIELD_LABEL)
            COMPLAIN(c, r, "rule '%s': '%s' cannot be unset; 'labels.%s' is the label of that name", r->name,
                     src->unset[i], src->unset[i]);
        else if (src->unset[i][0] == '\0')
            COMPLAIN(c, r, "rule '%s': 'unset' without a name", r->name);
    }
}

static void
compile_group_by(struct compiler *c, const struct rule_src *src, struct rule *r)
{
    r->has_group_by = src->has_group_by;
    r->group_by = arena_zalloc(c->arena, src->n_group_by * sizeof *r->group_by);
    r->n_group_by = src->n_group_by;
    for (size_t i = 0; i < src->n_group_by; i++) {
        const char *name = src->group_by[i];

        r->group_by[i] = name_ref(c, name);
        if (strcmp(name, "...") == 0)
            COMPLAIN(c, r, "rule '%s': group_by: '...' is not a label; without group_by each alert is an incident",
                     r->name);
        else if (name[0] == '\0')
            COMPLAIN(c, r, "rule '%s': group_by: an empty name", r->name);
    }
}

static void
compile_threshold(struct compiler *c, const struct rule_src *src, struct rule *r)
{
    r->count = src->threshold.count;
    r->window_ms = src->threshold.window_ms;
    r->n_by = src->threshold.n_by;
    r->by = arena_zalloc(c->arena, r->n_by * sizeof *r->by);
    for (size_t i = 0; i < r->n_by; i++) {
        r->by[i] = name_ref(c, src->threshold.by[i]);
        if (src->threshold.by[i][0] == '\0')
            COMPLAIN(c, r, "rule '%s': threshold by: an empty name", r->name);
    }
    if (r->count > TALLY_MAX_COUNT)
        COMPLAIN(c, r, "rule '%s': threshold count: %u is more than %d", r->name, r->count, TALLY_MAX_COUNT);
    if (r->count > 0 && r->window_ms <= 0)
        COMPLAIN(c, r, "rule '%s': a threshold needs a window", r->name);
}

static void
compile_actions(struct compiler *c, const struct rule_src *src, struct rule *r)
{
    compile_set(c, src, r);
    compile_unset(c, src, r);
    compile_group_by(c, src, r);
    if (src->dedup_key != NULL) {
        r->has_dedup_key = true;
        if (src->dedup_key[0] == '\0')
            COMPLAIN(c, r, "rule '%s': dedup_key is empty", r->name);
        else
            (void)compile_text(c, r, "dedup_key", src->dedup_key, &r->dedup_key);
    }
    r->resolve_when = (uint8_t)src->resolve_when;
    if (src->resolve_when != OWN_NONE && src->dedup_key == NULL)
        COMPLAIN(c, r, "rule '%s': resolve_when says what ends an alert that dedup_key merges: it needs one", r->name);
    r->policy = src->policy;
    r->notify = arena_zalloc(c->arena, src->n_notify * sizeof *r->notify);
    r->n_notify = src->n_notify;
    for (size_t i = 0; i < src->n_notify; i++)
        r->notify[i] = arena_strdup(c->arena, src->notify[i]);
    compile_threshold(c, src, r);
    r->has_delay = src->has_delay;
    r->delay_ms = src->delay_ms;
    r->has_resolve_after = src->has_resolve_after;
    r->resolve_after_ms = src->resolve_after_ms;
    r->drop = src->drop;
    r->suppress = src->suppress;
    r->stop = src->stop;
}

/* --- matchers ------------------------------------------------------------------------------ */

static void
compile_match(struct compiler *c, const struct rule_src *src, struct rule *r)
{
    r->any = arena_zalloc(c->arena, src->n_any * sizeof *r->any);
    r->n_any = src->n_any;
    for (size_t a = 0; a < src->n_any; a++) {
        struct alternative *alt = &r->any[a];

        alt->matchers = arena_zalloc(c->arena, src->any[a].n * sizeof *alt->matchers);
        alt->n = src->any[a].n;
        for (size_t i = 0; i < alt->n; i++) {
            const char *text = src->any[a].matchers[i];
            struct tocsin_err err;

            if (matcher_parse(c->arena, text, &alt->matchers[i], &err) != TOCSIN_OK)
                COMPLAIN(c, r, "rule '%s': matcher '%s': %s", r->name, text, err.what);
        }
    }
}

/* --- records of logs -------------------------------------------------------------------------- */

/*
 * Was this alternative written with lines of logs in mind?  It names their text, or the collector and something else:
 * a rule about a host or a team speaks of alerts, and one about a whole collector of all that comes from there.
 */
static bool
is_about_lines(const struct alternative *alt)
{
    bool source = false, more = false;

    for (size_t i = 0; i < alt->n; i++) {
        const struct matcher *m = &alt->matchers[i];

        if (m->op == OP_NE || m->op == OP_NOT_RE)
            continue;
        if (m->field == FIELD_SUMMARY)
            return true;
        if (m->field == FIELD_SOURCE)
            source = true;
        else if (m->field != FIELD_STATUS)
            more = true;
    }
    return source && more;
}

static enum makes
what_it_makes(const struct rule_src *src, const struct rule *r)
{
    bool weighs = r->policy != NULL || r->n_notify > 0 || r->has_group_by || r->has_dedup_key;

    if (src->has_alert && (src->alert || r->count == 0))
        return src->alert ? MAKES_ALERT : MAKES_NO_ALERT;
    if (r->count > 0)
        return MAKES_ALERT;
    if (r->drop)
        return MAKES_NO_ALERT;
    for (size_t i = 0; i < r->n_set; i++)
        weighs = weighs || r->set[i].target.field == FIELD_SEVERITY;
    if (!weighs || r->suppress || r->n_any == 0)
        return MAKES_NOTHING;
    for (size_t i = 0; i < r->n_any; i++)
        if (!is_about_lines(&r->any[i]))
            return MAKES_NOTHING;
    return MAKES_ALERT;
}

/* --- the whole ------------------------------------------------------------------------------- */

static void
compile_rule(struct compiler *c, const struct rule_src *src, struct rule *r)
{
    r->name = arena_strdup(c->arena, src->name != NULL ? src->name : "");
    r->pos.file = arena_strdup(c->arena, src->pos.file != NULL ? src->pos.file : "");
    r->pos.line = src->pos.line;
    r->at = arena_printf(c->arena, "%s:%u", r->pos.file, r->pos.line);
    r->said_by = arena_printf(c->arena, "rule '%s' (%s)", r->name, r->at);
    if (r->name[0] == '\0')
        COMPLAIN(c, r, "a rule without a name");
    compile_match(c, src, r);
    compile_actions(c, src, r);
    r->makes = what_it_makes(src, r);
    c->rs->makes_alerts |= r->makes == MAKES_ALERT;
}

static void
resolve(const struct index *x, struct name_ref *ref)
{
    ref->slot = ref->field == FIELD_LABEL ? index_slot(x, ref->label) : (uint32_t)ref->field;
}

static void
resolve_slots(struct ruleset *rs)
{
    for (size_t r = 0; r < rs->n; r++) {
        struct rule *rule = &rs->rules[r];

        for (size_t i = 0; i < rule->n_set; i++)
            resolve(&rs->index, &rule->set[i].target);
        for (size_t i = 0; i < rule->n_unset; i++)
            resolve(&rs->index, &rule->unset[i]);
    }
}

/* --- what has a say in the keys of alerts --------------------------------------------------- */

static uint64_t
mix(uint64_t seed, const char *text)
{
    return XXH3_64bits_withSeed(text, strlen(text), seed);
}

static uint64_t
mix_rule(uint64_t h, const struct rule_src *src)
{
    for (size_t a = 0; a < src->n_any; a++) {
        h = mix(h, "or");
        for (size_t i = 0; i < src->any[a].n; i++)
            h = mix(h, src->any[a].matchers[i]);
    }
    for (size_t i = 0; i < src->n_set; i++)
        h = mix(mix(h, src->set[i].name), src->set[i].value);
    for (size_t i = 0; i < src->n_unset; i++)
        h = mix(mix(h, "unset"), src->unset[i]);
    return mix(mix(h, src->dedup_key != NULL ? src->dedup_key : ""), src->stop ? "stop" : "");
}

/*
 * One number for each template of a key and all rules that may change what it sees, or whether it is asked.  Where it
 * is the same, different keys are different alerts; where it is not, the rules were edited, or another one spoke.
 */
static void
weigh_keys(struct ruleset *rs, const struct rule_src *rules)
{
    uint64_t all = 0;

    for (size_t i = 0; i < rs->n; i++)
        if (rules[i].dedup_key != NULL || rules[i].n_set + rules[i].n_unset > 0 || rules[i].stop)
            all = mix_rule(all, &rules[i]);
    for (size_t i = 0; i < rs->n; i++)
        if (rules[i].dedup_key != NULL)
            rs->rules[i].key_by = mix(all, rules[i].dedup_key) | 1;
}

struct ruleset *
ruleset_compile(const struct rule_src *rules, size_t n, const struct policy *default_policy, rule_report report,
                void *ctx)
{
    struct ruleset *rs = xcalloc(1, sizeof *rs);
    struct compiler c = { .rs = rs, .report = report, .ctx = ctx };

    rs->arena = c.arena = arena_new();
    rs->default_policy = default_policy;
    rs->rules = arena_zalloc(rs->arena, n * sizeof *rs->rules);
    rs->n = n;
    for (size_t i = 0; i < n; i++)
        compile_rule(&c, &rules[i], &rs->rules[i]);
    check_exprs(&c);
    free(c.users);
    if (c.failed) {
        ruleset_free(rs);
        return NULL;
    }
    weigh_keys(rs, rules);
    index_build(&rs->index, rs->arena, rs->rules, n);
    resolve_slots(rs);
    return rs;
}

void
ruleset_free(struct ruleset *rs)
{
    if (rs == NULL)
        return;
    for (size_t r = 0; r < rs->n; r++)
        for (size_t a = 0; a < rs->rules[r].n_any; a++)
            for (size_t i = 0; i < rs->rules[r].any[a].n; i++)
                matcher_release(&rs->rules[r].any[a].matchers[i]);
    free(rs->exprs.checked);
    arena_free(rs->arena);
    free(rs);
}

size_t
ruleset_count(const struct ruleset *rs)
{
    return rs->n;
}

/* --- for those who show what goes where ------------------------------------------------- */

static void
fill_way(const struct rule *r, struct arena *arena, struct rule_way *out)
{
    *out = (struct rule_way){ .rule = r->name, .policy = r->policy, .n_any = r->n_any, .n_group_by = r->n_group_by,
                              .has_group_by = r->has_group_by, .stop = r->stop };
    out->any = arena_alloc(arena, (r->n_any + 1) * sizeof *out->any);
    for (size_t a = 0; a < r->n_any; a++) {
        out->any[a].n = r->any[a].n;
        out->any[a].matchers = arena_alloc(arena, (r->any[a].n + 1) * sizeof(const char *));
        for (size_t i = 0; i < r->any[a].n; i++)
            out->any[a].matchers[i] = r->any[a].matchers[i].text;
    }
    out->group_by = arena_alloc(arena, (r->n_group_by + 1) * sizeof(const char *));
    for (size_t i = 0; i < r->n_group_by; i++)
        out->group_by[i] = r->group_by[i].label;
}

size_t
ruleset_ways(const struct ruleset *rs, struct arena *arena, struct rule_way **out)
{
    size_t n = 0;

    *out = arena_alloc(arena, (rs->n + 1) * sizeof **out);
    for (size_t i = 0; i < rs->n; i++)
        if (rs->rules[i].policy != NULL)
            fill_way(&rs->rules[i], arena, &(*out)[n++]);
    return n;
}
