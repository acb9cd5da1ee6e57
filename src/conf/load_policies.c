/* SPDX-License-Identifier: Apache-2.0 */
/* load_policies.c - who is told, when: policies, and the one for alerts that no rule routes. */
#include <string.h>

#include "base/text.h"
#include "conf/load.h"
#include "conf/report.h"

enum { STEPS_MAX = 100, SINGLE_STEP_WAIT_MS = 5 * 60 * 1000 };

void
read_loops(struct reading *r, const struct option *o, const config_setting_t *set, const char *ctx, void *base)
{
    struct policy *p = base;
    int type = set != NULL ? config_setting_type(set) : CONFIG_TYPE_NONE;
    long long n = -1;

    if (set == NULL)
        return; /* zeroed: no loop */
    if (type == CONFIG_TYPE_STRING && strcmp(config_setting_get_string(set), "for ever") == 0) {
        p->loops = POLICY_FOR_EVER;
        return;
    }
    if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64)
        n = config_setting_get_int64(set);
    if (n < 0 || n > 1000)
        option_refuse(r, o, set, ctx, "");
    else
        p->loops = (uint32_t)n;
}

/* --- steps ----------------------------------------------------------------------------- */

static void
load_step(struct load *l, const config_setting_t *group, const char *policy_ctx, struct policy *p, size_t i)
{
    const char *ctx = arena_printf(l->r.arena, "step %zu of %s", i + 1, policy_ctx);
    struct step_src src = { .s = { .after_ms = -1 } };
    struct option_names names = { .n = 0 };
    char now[DURATION_TEXT], before[DURATION_TEXT];

    option_read_table(&l->r, group, step_options, ctx, &src);
    option_names_add(&names, step_options);
    option_check_names(&l->r, group, ctx, &names);
    load_check_targets(l, &l->r, group, "notify", ctx, src.s.targets, src.s.n_targets);
    if (src.s.targets != NULL && src.s.n_targets == 0)
        reading_mistake(&l->r, group, "'notify' of %s is empty, expected at least one notifier", ctx);
    if (i > 0 && src.s.after_ms >= 0 && src.s.after_ms <= p->steps[i - 1].after_ms)
        reading_mistake(&l->r, group, "'after' of %s is %s, expected more than the %s of the step before", ctx,
                        duration_format(src.s.after_ms, now), duration_format(p->steps[i - 1].after_ms, before));
    p->steps[i] = src.s;
}

static void
load_steps(struct load *l, const config_setting_t *group, const char *ctx, struct policy *p)
{
    const config_setting_t *list;
    size_t before = l->r.report->total, n = load_groups(&l->r, group, "steps", ctx, &list);

    if (n == 0 || n > STEPS_MAX) {
        if (l->r.report->total == before) /* otherwise it is no list, and that is said */
            reading_mistake(&l->r, list != NULL ? list : group,
                            "%s has %s steps, expected 1 to %d: steps = ( "
                            "{ after = \"0s\"; notify = [ ... ]; } )",
                            ctx, n == 0 ? "no" : "too many", STEPS_MAX);
        return;
    }
    p->steps = arena_zalloc(l->r.arena, n * sizeof *p->steps);
    p->n_steps = n;
    for (size_t i = 0; i < n; i++)
        load_step(l, config_setting_get_elem(list, (unsigned)i), ctx, p, i);
}

/* --- what depends on the steps ------------------------------------------------------------- */

static void
load_last_wait(struct load *l, const config_setting_t *group, const char *ctx, struct policy *p)
{
    static const struct option written =
        OPT_MS(policy, last_wait_ms, "last_wait", NULL, 1000, 30ll * 86400000, "for an answer to the last step");

    p->last_wait_ms = p->n_steps > 1 ? 0 : SINGLE_STEP_WAIT_MS;
    for (size_t i = 1; i < p->n_steps; i++) {
        int64_t gap = p->steps[i].after_ms - p->steps[i - 1].after_ms;

        if (gap > p->last_wait_ms)
            p->last_wait_ms = gap;
    }
    option_read(&l->r, group, &written, ctx, p);
}

static void
load_last_resort(struct load *l, const config_setting_t *group, const char *ctx, struct policy *p)
{
    static const struct option written =
        OPT_LIST(policy, last_resort, n_last_resort, "last_resort", NULL, "told when a policy ends unanswered");

    if (config_setting_get_member(group, "last_resort") != NULL) {
        option_read(&l->r, group, &written, ctx, p);
        load_check_targets(l, &l->r, group, "last_resort", ctx, p->last_resort, p->n_last_resort);
    } else if (p->n_steps > 0) {
        p->last_resort = p->steps[p->n_steps - 1].targets;
        p->n_last_resort = p->steps[p->n_steps - 1].n_targets;
    }
}

/* --- policies --------------------------------------------------------------------------------- */

static void
load_policy(struct load *l, const config_setting_t *group, size_t i)
{
    struct policy *p = &l->conf->policies[i];
    const char *ctx = load_context(&l->r, group, "policy", i);
    size_t before = l->r.report->total;
    struct option_names names = { .n = 0 };

    option_read_table(&l->r, group, policy_options, ctx, p);
    option_names_add(&names, policy_options);
    option_check_names(&l->r, group, ctx, &names);
    if (p->name == NULL)
        p->name = "";
    else if (load_check_name(&l->r, group, ctx, p->name) && conf_policy(l->conf, p->name) != p)
        reading_mistake(&l->r, group, "%s is defined twice", ctx);
    load_steps(l, group, ctx, p);
    load_last_wait(l, group, ctx, p);
    load_last_resort(l, group, ctx, p);
    if (l->r.report->total == before)
        policy_seal(p, l->r.arena);
}

void
load_policies(struct load *l)
{
    const config_setting_t *list;
    size_t before = l->r.report->total, n = load_groups(&l->r, l->root, "policies", "the configuration", &list);

    l->conf->policies = arena_zalloc(l->r.arena, (n + 1) * sizeof *l->conf->policies);
    for (size_t i = 0; i < n; i++) {
        l->conf->n_policies = i + 1;
        load_policy(l, config_setting_get_elem(list, (unsigned)i), i);
    }
    if (n == 0 && l->r.report->total == before)
        reading_mistake(&l->r, list,
                        "there is no policy, so no alert would page anybody: expected policies = ( "
                        "{ name = \"...\"; steps = ( ... ); } )");
}

void
load_default_policy(struct load *l)
{
    const config_setting_t *set = config_setting_get_member(l->root, "default_policy");
    struct conf *c = l->conf;

    if (set != NULL && config_setting_type(set) != CONFIG_TYPE_STRING)
        reading_mistake(&l->r, set, "'default_policy' of the configuration: expected the name of a policy, in quotes");
    else if (set != NULL)
        c->default_policy =
            load_find_policy(l, &l->r, l->root, "default_policy", "the configuration", config_setting_get_string(set));
    else if (c->n_policies == 1)
        c->default_policy = &c->policies[0];
    else if (c->n_policies > 1)
        reading_mistake(&l->r, config_setting_get_member(l->root, "policies"),
                        "'default_policy' is missing: there are %zu policies, expected the name of the one "
                        "for alerts that no rule routes",
                        c->n_policies);
}
