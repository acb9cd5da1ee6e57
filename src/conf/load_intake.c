/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_intake.c - keys and routes of a collector of type "intake".
 *
 * The senders of a foreign product know a key and, with some products, a name
 * of a route; both may stand for a policy here.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/load.h"
#include "conf/report.h"
#include "plugin/loader.h"

static const struct policy *
find_policy(struct load *l, const config_setting_t *group, const char *ctx, const char *name)
{
    return name != NULL && name[0] != '\0' ? load_find_policy(l, &l->r, group, "policy", ctx, name) : NULL;
}

static void
read_group(struct load *l, const config_setting_t *group, const struct option *table, const char *ctx, void *out)
{
    struct option_names names = { .n = 0 };

    option_read_table(&l->r, group, table, ctx, out);
    option_names_add(&names, table);
    option_check_names(&l->r, group, ctx, &names);
}

/* A key is a group, or a reference alone where no policy belongs to it. */
static void
read_key(struct load *l, const config_setting_t *at, const char *ctx, struct conf_key *out)
{
    struct tocsin_err err;

    if (config_setting_is_group(at)) {
        read_group(l, at, key_options, ctx, out);
        out->policy = find_policy(l, at, ctx, out->policy_name);
    } else if (config_setting_type(at) != CONFIG_TYPE_STRING) {
        reading_mistake(&l->r, at, "%s: expected a reference such as \"env:NAME\" or { key = \"env:NAME\"; policy = "
                        "\"...\"; }", ctx);
    } else if (conf_secret(config_setting_get_string(at), l->r.arena, &out->secret, &err) != TOCSIN_OK) {
        reading_mistake(&l->r, at, "%s: %s", ctx, err.what);
    }
    out->pos = reading_pos(&l->r, at);
    if (out->secret != NULL && out->secret[0] == '\0')
        reading_mistake(&l->r, at, "%s is empty: everybody would have it", ctx);
}

static void
load_keys(struct load *l, const config_setting_t *set, const char *ctx, struct conf_collector *c)
{
    bool single = config_setting_type(set) == CONFIG_TYPE_STRING;
    int n = single ? 1 : config_setting_length(set);
    struct conf_key *keys = arena_zalloc(l->r.arena, ((size_t)n + 1) * sizeof *keys);

    if (!single && !config_setting_is_list(set) && !config_setting_is_array(set))
        n = 0;
    for (int i = 0; i < n; i++) {
        const char *at = arena_printf(l->r.arena, "key %d of %s", i + 1, ctx);

        read_key(l, single ? set : config_setting_get_elem(set, (unsigned)i), at, &keys[i]);
        for (int k = 0; k < i; k++)
            if (keys[i].secret != NULL && keys[k].secret != NULL && strcmp(keys[i].secret, keys[k].secret) == 0)
                reading_mistake(&l->r, set, "%s is the same as key %d", at, k + 1);
    }
    if (n == 0)
        reading_mistake(&l->r, set, "'keys' of %s: expected at least one key, such as ( \"env:NAME\" )", ctx);
    c->keys = keys;
    c->n_keys = (size_t)n;
}

static void
load_routes(struct load *l, const config_setting_t *group, const char *ctx, struct conf_collector *c)
{
    const config_setting_t *list;
    size_t n = load_groups(&l->r, group, "routes", ctx, &list);
    struct conf_route *routes = arena_zalloc(l->r.arena, (n + 1) * sizeof *routes);

    for (size_t i = 0; i < n; i++) {
        const config_setting_t *at = config_setting_get_elem(list, (unsigned)i);
        const char *name = load_context(&l->r, at, "route", i);

        name = arena_printf(l->r.arena, "%s of %s", name, ctx);
        read_group(l, at, route_options, name, &routes[i]);
        routes[i].pos = reading_pos(&l->r, at);
        routes[i].policy = find_policy(l, at, name, routes[i].policy_name);
        for (size_t k = 0; k < i; k++)
            if (routes[i].name != NULL && routes[k].name != NULL && strcasecmp(routes[i].name, routes[k].name) == 0)
                reading_mistake(&l->r, at, "%s is the same as route %zu: letter case does not count", name, k + 1);
    }
    c->routes = routes;
    c->n_routes = n;
}

void
load_intake(struct load *l, const config_setting_t *group, const char *ctx, struct collector_src *src)
{
    const config_setting_t *keys = config_setting_get_member(group, "keys");
    struct conf_collector *c = &src->c;

    load_routes(l, group, ctx, c);
    if (keys != NULL && c->plugin != NULL && c->plugin->api.identify == NULL)
        reading_mistake(&l->r, keys, "'keys' of %s: senders of format '%s' have none, expected auth = ...", ctx,
                        c->format);
    else if (keys != NULL)
        load_keys(l, keys, ctx, c);
    if (keys == NULL && config_setting_get_member(group, "auth") == NULL && c->plugin != NULL &&
        c->plugin->api.identify != NULL) {
        reading_mistake(&l->r, group, "'keys' of %s is missing, expected what the senders of format '%s' have, such as "
                        "( \"env:NAME\" )", ctx, c->format);
        return;
    }
    if (keys != NULL && config_setting_get_member(group, "auth") == NULL)
        return;                    /* the keys are enough */
    load_auth(l, group, ctx, src);
    if (c->auth.kind == AUTH_SIGNATURE && c->plugin != NULL && c->plugin->api.verify != NULL)
        reading_mistake(&l->r, config_setting_get_member(group, "auth"),
                        "'auth' of %s: an intake has no signature to check", ctx);
}
