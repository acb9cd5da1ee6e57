/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - conf_load(): the file as a whole, in the order in which blocks name each other.
 *
 * Everything is read even after mistakes, so that one run shows them all.  A
 * configuration with a mistake is thrown away; the one in use stays.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/load.h"
#include "conf/report.h"

const config_setting_t *
load_group(struct load *l, const char *name)
{
    const config_setting_t *group = config_setting_get_member(l->root, name);

    if (group == NULL || config_setting_is_group(group))
        return group;
    reading_mistake(&l->r, group, "'%s': expected a group, such as %s = { ... };", name, name);
    return NULL;
}

static void
check_names(struct load *l, const config_setting_t *group, const struct option *table, const char *ctx)
{
    struct option_names names = { .n = 0 };

    if (group == NULL)
        return;
    option_names_add(&names, table);
    option_check_names(&l->r, group, ctx, &names);
}

void
load_store(struct load *l)
{
    const config_setting_t *group = load_group(l, "store");

    option_read_table(&l->r, group, store_options, "store", &l->conf->store);
    check_names(l, group, store_options, "store");
}

/* --- tokens of the API ------------------------------------------------------------------- */

static void
load_token(struct load *l, const config_setting_t *group, size_t i)
{
    struct conf_token *tokens = l->conf->tokens;
    const char *ctx = load_context(&l->r, group, "token", i);
    struct token_src src = { .t = { .name = "", .secret = "" } };

    option_read_table(&l->r, group, token_options, ctx, &src);
    check_names(l, group, token_options, ctx);
    for (size_t k = 0; k < i; k++) {
        if (src.t.name[0] != '\0' && strcmp(tokens[k].name, src.t.name) == 0)
            reading_mistake(&l->r, group, "%s is defined twice", ctx);
        if (src.t.secret[0] != '\0' && strcmp(tokens[k].secret, src.t.secret) == 0)
            reading_mistake(&l->r, group, "%s has the same secret as token '%s', expected one of its own", ctx,
                            tokens[k].name);
    }
    tokens[i] = src.t;
}

void
load_tokens(struct load *l)
{
    const config_setting_t *group = load_group(l, "auth"), *list = NULL;
    struct option_names names = { .v = { "tokens" }, .n = 1 };
    size_t n = 0;

    if (group != NULL) {
        option_check_names(&l->r, group, "auth", &names);
        n = load_groups(&l->r, group, "tokens", "auth", &list);
    }
    l->conf->tokens = arena_zalloc(l->r.arena, (n + 1) * sizeof *l->conf->tokens);
    l->conf->n_tokens = n;
    for (size_t i = 0; i < n; i++)
        load_token(l, config_setting_get_elem(list, (unsigned)i), i);
    if (n == 0 && l->public_listen) /* which is no default, so it is written somewhere */
        reading_mistake(&l->r, config_setting_get_member(load_group(l, "http"), "listen"),
                        "http listens on '%s', where others can reach it, but there are no tokens: expected auth = { "
                        "tokens = ( ... ); }, or a listen on 127.0.0.1",
                        l->conf->http.listen);
}

/* --- the file ------------------------------------------------------------------------------- */

/* In this order: later ones name what earlier ones define. */
static void
load_blocks(struct load *l)
{
    check_names(l, l->root, top_options, "the configuration");
    option_read_table(&l->r, l->root, top_options, "the configuration", l->conf);
    load_http(l);
    load_store(l);
    load_tokens(l);
    load_notifiers(l);
    load_policies(l);
    load_default_policy(l);
    load_collectors(l);
    load_heartbeats(l);
    load_rules(l);
}

struct conf *
conf_load(const char *file, const char *plugin_dir, struct conf_report *report)
{
    struct arena *arena = arena_new();
    struct conf *c = arena_zalloc(arena, sizeof *c);
    struct load l = { .conf = c, .plugin_dir = plugin_dir };
    config_t cfg;

    *report = (struct conf_report){ 0 };
    c->arena = arena;
    c->refs = 1;
    c->file = arena_strdup(arena, file);
    l.r = (struct reading){ .arena = arena, .report = report, .source = c->file, .dir = source_dir(arena, c->file) };
    if (source_read(&l.r, &cfg)) {
        l.root = config_root_setting(&cfg);
        load_blocks(&l);
        config_destroy(&cfg);
    }
    if (report->total > 0) {
        conf_unref(c);
        c = NULL;
    }
    return c;
}
