/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients read the routing from status.config.original and test labels
 * against it themselves, so it has to be a configuration that Alertmanager
 * would accept: policies are its receivers, rules that choose a policy its
 * routes.
 *
 * There the first route that matches wins, here the last rule, unless an
 * earlier one stops; so rules that stop come first, in their order, and then
 * the others, last one first.  Matchers that Alertmanager has no words for
 * (numbers, names of other characters) leave their route out.
 */
#include <stdlib.h>
#include <string.h>

#include "api/api_alertmanager.h"
#include "base/buf.h"
#include "core/rules/rules.h"

enum { CONFIG_MAX = 4 << 20 };

/* A scalar in double quotes: JSON's are YAML's. */
static void
add_text(struct buf *b, struct arena *arena, const char *text)
{
    json_t *v = shape_string(arena, text);
    char *dump = json_dumps(v, JSON_ENCODE_ANY);

    buf_add(b, dump != NULL ? dump : "\"\"");
    free(dump);
    json_decref(v);
}

/* As Alertmanager writes it; NULL: it cannot. */
static const char *
foreign_matcher(struct arena *arena, const char *text)
{
    static const char prefix[] = "labels.";
    struct matcher_parts p;

    if (matcher_split(arena, text, &p, NULL) != TOCSIN_OK || p.op > OP_NOT_RE)
        return NULL;
    if (strncmp(p.name, prefix, sizeof prefix - 1) == 0)
        p.name += sizeof prefix - 1;
    text = matcher_format(arena, &p);
    return text[0] != '"' ? text : NULL;     /* a quoted name */
}

static void
add_group_by(struct buf *b, struct arena *arena, const struct rule_way *w)
{
    buf_add(b, "    group_by: [");
    for (size_t i = 0; i < w->n_group_by; i++) {
        buf_add(b, i > 0 ? ", " : "");
        add_text(b, arena, w->group_by[i]);
    }
    buf_add(b, "]\n");
}

static void
add_route(struct buf *b, struct arena *arena, const struct rule_way *w, size_t alternative)
{
    size_t n = w->n_any > 0 ? w->any[alternative].n : 0;
    const char **matchers = arena_alloc(arena, (n + 1) * sizeof *matchers);

    for (size_t i = 0; i < n; i++) {
        matchers[i] = foreign_matcher(arena, w->any[alternative].matchers[i]);
        if (matchers[i] == NULL)
            return;
    }
    buf_add(b, "  - receiver: ");
    add_text(b, arena, w->policy->name);
    buf_addc(b, '\n');
    if (w->has_group_by)
        add_group_by(b, arena, w);
    if (n > 0)
        buf_add(b, "    matchers:\n");
    for (size_t i = 0; i < n; i++) {
        buf_add(b, "    - ");
        add_text(b, arena, matchers[i]);
        buf_addc(b, '\n');
    }
}

static void
add_rule(struct buf *b, struct arena *arena, const struct rule_way *w)
{
    for (size_t i = 0; i < (w->n_any > 0 ? w->n_any : 1); i++)
        add_route(b, arena, w, i);
}

static void
add_routes(struct buf *b, struct arena *arena, const struct conf *conf)
{
    struct rule_way *ways;
    size_t n = ruleset_ways(conf->rules, arena, &ways), before = b->n;

    buf_add(b, "  routes:\n");
    for (size_t i = 0; i < n; i++)
        if (ways[i].stop)
            add_rule(b, arena, &ways[i]);
    for (size_t i = n; i > 0; i--)
        if (!ways[i - 1].stop)
            add_rule(b, arena, &ways[i - 1]);
    if (b->n == before + strlen("  routes:\n")) {
        b->n = before;
        b->p[before] = '\0';
    }
}

const char *
am_config_text(struct arena *arena, const struct conf *conf)
{
    const char *text;
    struct buf b;

    buf_init(&b, CONFIG_MAX);
    buf_add(&b, "global:\n  resolve_timeout: 5m\nroute:\n  receiver: ");
    add_text(&b, arena, conf->default_policy->name);
    buf_add(&b, "\n  group_wait: 0s\n");
    add_routes(&b, arena, conf);
    buf_add(&b, "receivers:\n");
    for (size_t i = 0; i < conf->n_policies; i++) {
        buf_add(&b, "- name: ");
        add_text(&b, arena, conf->policies[i].name);
        buf_addc(&b, '\n');
    }
    buf_add(&b, "templates: []\n");
    text = arena_strndup(arena, b.p, b.n);
    buf_release(&b);
    return text;
}
