/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blocks.c - what the loaders of blocks share: lists of groups, names, integrations, references.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "conf/load.h"
#include "conf/report.h"
#include "plugin/host.h"
#include "plugin/loader.h"

enum { NAME_MAX_LEN = 64 };

size_t
load_groups(struct reading *r, const config_setting_t *parent, const char *name, const char *ctx,
            const config_setting_t **list_r)
{
    const config_setting_t *list = config_setting_get_member(parent, name);
    int n = list != NULL ? config_setting_length(list) : 0;

    *list_r = list;
    if (list == NULL)
        return 0;
    if (!config_setting_is_list(list)) {
        if (config_setting_is_array(list) && n == 0)
            return 0;
        reading_mistake(r, list, "'%s' of %s: expected a list of groups, such as ( { ... }, { ... } )", name, ctx);
        return 0;
    }
    for (int i = 0; i < n; i++) {
        const config_setting_t *at = config_setting_get_elem(list, (unsigned)i);

        if (!config_setting_is_group(at)) {
            reading_mistake(r, at, "'%s' of %s: item %d is not a group, expected { ... }", name, ctx, i + 1);
            return 0;
        }
    }
    return (size_t)n;
}

static bool
is_name(const char *name)
{
    size_t n = 0;

    for (; name[n] != '\0'; n++)
        if (!isalnum((unsigned char)name[n]) && name[n] != '-' && name[n] != '_')
            return false;
    return n > 0 && n <= NAME_MAX_LEN;
}

const char *
load_context(struct reading *r, const config_setting_t *group, const char *kind, size_t index)
{
    const char *name = NULL;

    if (config_setting_lookup_string(group, "name", &name) && is_name(name))
        return arena_printf(r->arena, "%s '%s'", kind, name);
    return arena_printf(r->arena, "%s %zu", kind, index + 1);
}

bool
load_check_name(struct reading *r, const config_setting_t *group, const char *ctx, const char *name)
{
    if (is_name(name))
        return true;
    reading_mistake(r, config_setting_get_member(group, "name"),
                    "'name' of %s: found '%s', expected at most %d letters, digits, - and _", ctx, name, NAME_MAX_LEN);
    return false;
}

/* --- integrations -------------------------------------------------------------------- */

static void
report_unknown_plugin(struct load *l, const config_setting_t *at, const char *key, const char *ctx, const char *name)
{
    char hint[HINT_TEXT];
    size_t n = 0;
    char **names = plugin_names(l->plugin_dir, &n);

    reading_mistake(&l->r, at, "'%s' of %s: there is no integration '%s' in '%s'%s", key, ctx, name, l->plugin_dir,
                    hint_text(nearest_name(name, (const char *const *)names, n), hint));
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

struct plugin *
load_plugin(struct load *l, const config_setting_t *group, const char *key, const char *ctx, const char *name)
{
    const config_setting_t *at = config_setting_get_member(group, key);
    struct plugin *plugin = NULL;
    struct tocsin_err err;
    enum tocsin_rc rc = plugin_load(l->plugin_dir, name, &plugin, &err);

    if (rc == TOCSIN_OK)
        return plugin;
    if (rc == TOCSIN_NOT_FOUND)
        report_unknown_plugin(l, at, key, ctx, name);
    else
        reading_mistake(&l->r, at, "'%s' of %s: %s", key, ctx, err.what);
    return NULL;
}

bool
load_instance(struct load *l, const config_setting_t *group, const char *ctx, struct plugin *plugin,
              const struct tocsin_settings *settings, void **self_r)
{
    struct tocsin_err err = { .what = "" };

    if (plugin->api.open == NULL || plugin->api.open(&plugin_host, settings, self_r, &err) == TOCSIN_OK)
        return true;
    reading_mistake(&l->r, group, "%s: %s%s%s%s", ctx, err.where[0] != '\0' ? "'" : "", err.where,
                    err.where[0] != '\0' ? "': " : "", err.what);
    return false;
}

/* --- references from block to block -------------------------------------------------------- */

/* Where in the list an item stands; the list itself when one text was written. */
static const config_setting_t *
item_at(const config_setting_t *group, const char *key, size_t i)
{
    const config_setting_t *list = config_setting_get_member(group, key);

    if (list == NULL || !config_setting_is_aggregate(list))
        return list != NULL ? list : group;
    return config_setting_get_elem(list, (unsigned)i);
}

void
load_check_targets(struct load *l, struct reading *r, const config_setting_t *group, const char *key, const char *ctx,
                   const char *const *targets, size_t n)
{
    const struct conf *c = l->conf;
    const char **known = arena_zalloc(r->arena, (c->n_notifiers + 1) * sizeof *known);
    char hint[HINT_TEXT];

    for (size_t i = 0; i < c->n_notifiers; i++)
        known[i] = c->notifiers[i].name;
    for (size_t i = 0; i < n; i++) {
        const config_setting_t *at = item_at(group, key, i);

        if (conf_notifier(c, targets[i]) == NULL)
            reading_mistake(r, at, "'%s' of %s: unknown notifier '%s'%s", key, ctx, targets[i],
                            hint_text(nearest_name(targets[i], known, c->n_notifiers), hint));
        for (size_t k = 0; k < i; k++)
            if (strcmp(targets[i], targets[k]) == 0) {
                reading_mistake(r, at, "'%s' of %s names '%s' twice", key, ctx, targets[i]);
                break;
            }
    }
}

const struct policy *
load_find_policy(struct load *l, struct reading *r, const config_setting_t *group, const char *key, const char *ctx,
                 const char *name)
{
    const struct policy *found = conf_policy(l->conf, name);
    const char **known = arena_zalloc(r->arena, (l->conf->n_policies + 1) * sizeof *known);
    char hint[HINT_TEXT];

    for (size_t i = 0; i < l->conf->n_policies; i++)
        known[i] = l->conf->policies[i].name;
    if (found == NULL)
        reading_mistake(r, config_setting_get_member(group, key), "'%s' of %s: unknown policy '%s'%s", key, ctx, name,
                        hint_text(nearest_name(name, known, l->conf->n_policies), hint));
    return found;
}
