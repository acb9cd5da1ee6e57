/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings.c - known names, and the options of integrations.
 *
 * An integration describes its options with struct tocsin_option, which says
 * less than struct option.  It is translated and read by option_read(), so
 * that a mistake in a vendor's option reads like any other.
 */
#include <string.h>

#include "conf/option.h"
#include "conf/report.h"
#include "plugin/host.h"

/* --- names ------------------------------------------------------------------------------ */

static void
add_name(struct option_names *names, const char *name)
{
    if (names->n < OPTION_NAMES_MAX)
        names->v[names->n++] = name;
}

void
option_names_add(struct option_names *names, const struct option *table)
{
    for (; table->name != NULL; table++)
        add_name(names, table->name);
}

void
option_names_add_plugin(struct option_names *names, const struct tocsin_option *table)
{
    for (; table != NULL && table->name != NULL; table++)
        add_name(names, table->name);
}

bool
option_names_has(const struct option_names *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->v[i], name) == 0)
            return true;
    return false;
}

void
option_check_names(struct reading *r, const config_setting_t *group, const char *ctx, const struct option_names *names)
{
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *set = config_setting_get_elem(group, (unsigned)i);
        const char *name = config_setting_name(set);
        char hint[HINT_TEXT];

        if (!option_names_has(names, name))
            reading_mistake(r, set, "unknown option '%s' in %s%s", name, ctx,
                            hint_text(nearest_name(name, names->v, names->n), hint));
    }
}

/* --- options of integrations ---------------------------------------------------------------- */

static const enum option_type plugin_types[] = {
    [TOCSIN_OPT_STRING] = OPTION_TEXT, [TOCSIN_OPT_SECRET] = OPTION_SECRET,     [TOCSIN_OPT_INT] = OPTION_INT,
    [TOCSIN_OPT_BOOL] = OPTION_BOOL,   [TOCSIN_OPT_DURATION] = OPTION_DURATION, [TOCSIN_OPT_LIST] = OPTION_LIST,
    [TOCSIN_OPT_MAP] = OPTION_MAP,
};

struct option
option_of_plugin(const struct tocsin_option *p)
{
    struct option o = { .name = p->name,
                        .type = plugin_types[p->type],
                        .def = p->def,
                        .help = p->help,
                        .choices = p->choices,
                        .min = INT64_MIN,
                        .max = INT64_MAX,
                        .unit = 1 };

    switch (p->type) {
    case TOCSIN_OPT_STRING:
    case TOCSIN_OPT_SECRET:
        o.offset = OPTION_AT(setting, text, const char *);
        break;
    case TOCSIN_OPT_LIST:
        o.offset = OPTION_AT_LIST(setting, list);
        o.n_offset = OPTION_AT(setting, n_list, size_t);
        break;
    case TOCSIN_OPT_MAP:
        o.offset = OPTION_AT(setting, map, const struct tocsin_pair *);
        o.n_offset = OPTION_AT(setting, n_map, size_t);
        break;
    default:
        o.offset = OPTION_AT(setting, num, int64_t);
        o.width = sizeof(int64_t);
    }
    if (p->type == TOCSIN_OPT_DURATION)
        o.min = 0;
    return o;
}

struct tocsin_settings *
settings_read(struct reading *r, const config_setting_t *group, const struct tocsin_option *table, const char *ctx)
{
    struct tocsin_settings *set = arena_zalloc(r->arena, sizeof *set);
    size_t n = 0;

    while (table != NULL && table[n].name != NULL)
        n++;
    set->items = arena_zalloc(r->arena, (n + 1) * sizeof *set->items);
    for (size_t i = 0; i < n; i++) {
        struct option o = option_of_plugin(&table[i]);
        struct setting *item = &set->items[set->n];

        if (!option_read(r, group, &o, ctx, item))
            continue;
        item->name = arena_strdup(r->arena, table[i].name);
        item->type = table[i].type;
        set->n++;
    }
    return set;
}
