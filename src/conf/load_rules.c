/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_rules.c - the rules folder: every *.cfg, in name order, to one rule set.
 *
 * This file knows how a rule is written; what matchers and templates mean is
 * the rule set's business, which reports its own mistakes through us.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "conf/load.h"
#include "conf/report.h"

struct rule_list {
    struct rule_src *v;
    size_t n, cap;
};

static void
push_rule(struct rule_list *list, struct arena *a, const struct rule_src *rule)
{
    if (list->n == list->cap) {
        size_t cap = list->cap > 0 ? 2 * list->cap : 64;
        struct rule_src *v = arena_alloc(a, cap * sizeof *v);

        if (list->n > 0)
            memcpy(v, list->v, list->n * sizeof *v);
        list->v = v;
        list->cap = cap;
    }
    list->v[list->n++] = *rule;
}

/* --- match ------------------------------------------------------------------------------- */

static void
refuse_match(struct reading *r, const config_setting_t *at, const char *ctx)
{
    reading_mistake(r, at,
                    "'match' of %s: expected a matcher such as \"host = web-1\", a list of them, or a list of "
                    "such lists",
                    ctx);
}

/* One text, or a list of texts that must all hold. */
static bool
read_matchers(struct reading *r, const config_setting_t *set, const char *ctx, const char ***out, size_t *n_out)
{
    bool one = config_setting_type(set) == CONFIG_TYPE_STRING;
    size_t n = one ? 1 : config_setting_is_group(set) ? 0 : (size_t)config_setting_length(set);

    if (n == 0) {
        refuse_match(r, set, ctx);
        return false;
    }
    *out = arena_zalloc(r->arena, n * sizeof **out);
    *n_out = n;
    for (size_t i = 0; i < n; i++) {
        const config_setting_t *at = one ? set : config_setting_get_elem(set, (unsigned)i);
        const char *text = config_setting_get_string(at);

        if (text == NULL) {
            refuse_match(r, at, ctx);
            return false;
        }
        (*out)[i] = arena_strdup(r->arena, text);
    }
    return true;
}

static bool
holds_lists(const config_setting_t *set)
{
    for (int i = 0; config_setting_is_list(set) && i < config_setting_length(set); i++)
        if (config_setting_is_aggregate(config_setting_get_elem(set, (unsigned)i)))
            return true;
    return false;
}

static void
read_match(struct reading *r, const config_setting_t *group, const char *ctx, struct rule_src *rule)
{
    const config_setting_t *set = config_setting_get_member(group, "match");
    bool either = set != NULL && holds_lists(set);
    size_t n = set == NULL ? 0 : either ? (size_t)config_setting_length(set) : 1;

    if (n == 0)
        return;
    rule->any = arena_zalloc(r->arena, n * sizeof *rule->any);
    for (size_t i = 0; i < n; i++)
        if (!read_matchers(r, either ? config_setting_get_elem(set, (unsigned)i) : set, ctx, &rule->any[i].matchers,
                           &rule->any[i].n))
            return;
    rule->n_any = n;
}

/* --- actions --------------------------------------------------------------------------------- */

/* A scalar of any type as text; NULL for lists and groups. */
static const char *
scalar_text(struct arena *a, const config_setting_t *set)
{
    switch (config_setting_type(set)) {
    case CONFIG_TYPE_STRING:
        return arena_strdup(a, config_setting_get_string(set));
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        return arena_printf(a, "%lld", config_setting_get_int64(set));
    case CONFIG_TYPE_FLOAT:
        return arena_printf(a, "%.15g", config_setting_get_float(set));
    case CONFIG_TYPE_BOOL:
        return config_setting_get_bool(set) ? "true" : "false";
    default:
        return NULL;
    }
}

static void
read_set(struct reading *r, const config_setting_t *group, const char *ctx, struct rule_src *rule)
{
    const config_setting_t *set = config_setting_get_member(group, "set");
    size_t n = set != NULL && config_setting_is_group(set) ? (size_t)config_setting_length(set) : 0;

    if (set != NULL && !config_setting_is_group(set))
        reading_mistake(r, set, "'set' of %s: expected a group such as { severity = \"critical\"; }", ctx);
    rule->set = arena_zalloc(r->arena, (n + 1) * sizeof *rule->set);
    for (size_t i = 0; i < n; i++) {
        const config_setting_t *at = config_setting_get_elem(set, (unsigned)i);
        const char *value = scalar_text(r->arena, at);

        if (value == NULL) {
            reading_mistake(r, at, "'set.%s' of %s: expected text, a number, true or false", config_setting_name(at),
                            ctx);
            continue;
        }
        rule->set[rule->n_set++] = (struct rule_action){ arena_strdup(r->arena, config_setting_name(at)), value };
    }
}

static void
read_policy(struct load *l, struct reading *r, const config_setting_t *group, const char *ctx, struct rule_src *rule)
{
    const config_setting_t *set = config_setting_get_member(group, "policy");
    const char *name = set != NULL ? config_setting_get_string(set) : NULL;

    if (name != NULL)
        rule->policy = load_find_policy(l, r, group, "policy", ctx, name);
    else if (set != NULL)
        reading_mistake(r, set, "'policy' of %s: expected the name of a policy, in quotes", ctx);
}

/* What is written but wrong has been said already; a threshold that is not whole is none, and the compiler is silent. */
static void
check_threshold(struct reading *r, const config_setting_t *group, const char *ctx, struct rule_src *rule)
{
    static const char *const needed[] = { "count", "window" };
    const config_setting_t *set = config_setting_get_member(group, "threshold");

    for (size_t i = 0; set != NULL && config_setting_is_group(set) && i < sizeof needed / sizeof needed[0]; i++)
        if (config_setting_get_member(set, needed[i]) == NULL)
            reading_mistake(r, set, "'threshold' of %s needs a '%s', such as { count = 5; window = \"10m\"; }", ctx,
                            needed[i]);
    if (rule->threshold.window_ms == 0)
        rule->threshold.count = 0;
}

/* --- rules --------------------------------------------------------------------------------------- */

static void
load_rule(struct load *l, struct reading *r, const config_setting_t *group, size_t i, struct rule_list *list)
{
    struct conf_pos pos = reading_pos(r, group);
    const char *name = NULL, *ctx;
    struct option_names names = { .n = 0 };
    struct rule_src rule = { .pos = { pos.file, pos.line } };

    if (config_setting_lookup_string(group, "name", &name) && name[0] != '\0')
        ctx = arena_printf(r->arena, "rule '%.100s'", name);
    else
        ctx = arena_printf(r->arena, "rule %zu", i + 1);
    option_names_add(&names, rule_options);
    option_check_names(r, group, ctx, &names);
    option_read_table(r, group, rule_options, ctx, &rule);
    rule.has_group_by = rule.group_by != NULL;
    rule.has_delay = config_setting_get_member(group, "delay") != NULL;
    rule.has_resolve_after = config_setting_get_member(group, "resolve_after") != NULL;
    check_threshold(r, group, ctx, &rule);
    rule.has_alert = config_setting_get_member(group, "alert") != NULL;
    read_match(r, group, ctx, &rule);
    read_set(r, group, ctx, &rule);
    read_policy(l, r, group, ctx, &rule);
    load_check_targets(l, r, group, "notify", ctx, rule.notify, rule.n_notify);
    if (rule.name == NULL)                   /* has been reported; the compiler would say it once more */
        rule.name = arena_printf(r->arena, "%s of %s", ctx, r->source);
    push_rule(list, r->arena, &rule);
}

static void
load_rule_file(struct load *l, const char *path, struct rule_list *list)
{
    struct reading r = {
        .arena = l->r.arena, .report = l->r.report, .source = path, .dir = source_dir(l->r.arena, path)
    };
    struct option_names names = { .v = { "rules" }, .n = 1 };
    const config_setting_t *rules, *root;
    config_t cfg;
    size_t n;

    if (!source_read(&r, &cfg))
        return;
    root = config_root_setting(&cfg);
    option_check_names(&r, root, "a rule file", &names);
    n = load_groups(&r, root, "rules", "a rule file", &rules);
    for (size_t i = 0; i < n; i++)
        load_rule(l, &r, config_setting_get_elem(rules, (unsigned)i), i, list);
    config_destroy(&cfg);
}

/* --- the folder ------------------------------------------------------------------------------------- */

static int
is_rule_file(const struct dirent *e)
{
    size_t n = strlen(e->d_name);

    return e->d_name[0] != '.' && n > 4 && strcmp(e->d_name + n - 4, ".cfg") == 0;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); /* not alphasort(): the order must not hang on the locale */
}

static void
load_folder(struct load *l, const config_setting_t *set, struct rule_list *list)
{
    struct dirent **found = NULL;
    int n = scandir(l->conf->rules_dir, &found, is_rule_file, by_name);

    if (n < 0)
        reading_mistake(&l->r, set, "'rules' of the configuration: cannot open the folder '%s': %s", l->conf->rules_dir,
                        err_errno(errno));
    for (int i = 0; i < n; i++) {
        load_rule_file(l, arena_printf(l->r.arena, "%s/%s", l->conf->rules_dir, found[i]->d_name), list);
        free(found[i]);
    }
    free(found);
}

/* By name, and in load order within a name: rules lie in one array. */
static int
by_rule_name(const void *a, const void *b)
{
    const struct rule_src *const *x = a, *const *y = b;
    int d = strcmp((*x)->name, (*y)->name);

    return d != 0 ? d : *x < *y ? -1 : 1;
}

static void
check_rule_names(struct load *l, const struct rule_list *list)
{
    struct arena *scratch = arena_new();
    const struct rule_src **sorted = arena_alloc(scratch, (list->n + 1) * sizeof *sorted);

    for (size_t i = 0; i < list->n; i++)
        sorted[i] = &list->v[i];
    qsort(sorted, list->n, sizeof *sorted, by_rule_name);
    for (size_t i = 1; i < list->n; i++)
        if (sorted[i]->name[0] != '\0' && strcmp(sorted[i]->name, sorted[i - 1]->name) == 0)
            conf_report_add(l->r.report, (struct conf_pos){ sorted[i]->pos.file, sorted[i]->pos.line },
                            "rule '%.100s' is defined twice; before at %s:%u", sorted[i]->name, sorted[i - 1]->pos.file,
                            sorted[i - 1]->pos.line);
    arena_free(scratch);
}

static void
report_rule(void *ctx, struct rule_pos pos, const char *fmt, ...)
{
    struct conf_report *report = ctx;
    va_list ap;

    va_start(ap, fmt);
    conf_report_vadd(report, (struct conf_pos){ pos.file, pos.line }, fmt, ap);
    va_end(ap);
}

void
load_rules(struct load *l)
{
    /* stands in when the real one is missing, so that mistakes in rules are still found */
    static const struct policy nobody = { .name = "" };
    const config_setting_t *set = config_setting_get_member(l->root, "rules");
    const char *dir = set != NULL ? config_setting_get_string(set) : NULL;
    struct conf *c = l->conf;
    struct rule_list list = { .n = 0 };

    if (dir != NULL && dir[0] != '\0') {
        c->rules_dir = arena_strdup(l->r.arena, reading_path(&l->r, dir));
        load_folder(l, set, &list);
    } else if (set != NULL) {
        reading_mistake(&l->r, set, "'rules' of the configuration: expected the path of a folder, in quotes");
    }
    check_rule_names(l, &list);
    c->rules = ruleset_compile(list.v, list.n, c->default_policy != NULL ? c->default_policy : &nobody, report_rule,
                               l->r.report);
}
