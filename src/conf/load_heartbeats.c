/* SPDX-License-Identifier: Apache-2.0 */
/* load_heartbeats.c - heartbeats of their own, and those that collectors have. */
#include <string.h>

#include "conf/load.h"
#include "conf/report.h"

static void
read_labels(struct load *l, const config_setting_t *group, const char *ctx, struct conf_heartbeat *h)
{
    const config_setting_t *set = config_setting_get_member(group, "labels");
    size_t n = set != NULL && config_setting_is_group(set) ? (size_t)config_setting_length(set) : 0;
    struct tocsin_pair *labels = arena_zalloc(l->r.arena, (n + 1) * sizeof *labels);

    if (set != NULL && !config_setting_is_group(set))
        reading_mistake(&l->r, set, "'labels' of %s: expected a group such as { team = \"db\"; }", ctx);
    for (size_t i = 0; i < n; i++) {
        const config_setting_t *at = config_setting_get_elem(set, (unsigned)i);
        const char *value = config_setting_get_string(at);

        if (value == NULL) {
            reading_mistake(&l->r, at, "'labels.%s' of %s: expected text in quotes", config_setting_name(at), ctx);
            continue;
        }
        labels[h->n_labels++] = (struct tocsin_pair){ arena_strdup(l->r.arena, config_setting_name(at)),
                                                      arena_strdup(l->r.arena, value) };
    }
    h->labels = labels;
}

static void
read_common(struct load *l, const config_setting_t *group, const struct option *table, const char *ctx,
            struct heartbeat_src *src)
{
    const config_setting_t *set = config_setting_get_member(group, "policy");
    const char *name = set != NULL ? config_setting_get_string(set) : NULL;
    struct option_names names = { .n = 0 };

    src->h.pos = reading_pos(&l->r, group);
    option_names_add(&names, table);
    option_check_names(&l->r, group, ctx, &names);
    option_read_table(&l->r, group, table, ctx, src);
    read_labels(l, group, ctx, &src->h);
    if (name != NULL)
        src->h.policy = load_find_policy(l, &l->r, group, "policy", ctx, name);
    else if (set != NULL)
        reading_mistake(&l->r, set, "'policy' of %s: expected the name of a policy, in quotes", ctx);
}

/* --- of their own ----------------------------------------------------------------------- */

static void
read_door(struct load *l, const config_setting_t *group, const char *ctx, struct heartbeat_src *src)
{
    struct collector_src door = { .c = { .name = src->h.name }, .auth_none_is_fine = src->auth_none_is_fine };

    if (l->public_listen || config_setting_get_member(group, "auth") != NULL)
        load_auth(l, group, ctx, &door);
    if (door.c.auth.kind == AUTH_SIGNATURE)
        reading_mistake(&l->r, group, "'auth' of %s: a heartbeat has no signature to check", ctx);
    src->h.door = arena_memdup(l->r.arena, &door.c, sizeof door.c);
}

static void
load_heartbeat(struct load *l, const config_setting_t *group, size_t i)
{
    const char *ctx = load_context(&l->r, group, "heartbeat", i);
    struct heartbeat_src src = { .h = { .name = "" } };
    const struct conf_heartbeat *first;

    read_common(l, group, heartbeat_options, ctx, &src);
    if (src.h.name == NULL)
        src.h.name = "";
    first = conf_heartbeat(l->conf, src.h.name);
    if (src.h.name[0] != '\0' && load_check_name(&l->r, group, ctx, src.h.name) && first != NULL)
        reading_mistake(&l->r, group, "%s is defined twice; first at %s:%u", ctx, first->pos.file, first->pos.line);
    src.h.max = 1;
    read_door(l, group, ctx, &src);
    l->conf->heartbeats[l->conf->n_heartbeats++] = src.h;
}

/* --- of collectors ------------------------------------------------------------------------ */

/* Names of the wildcards in the topics: "a/+host/#rest" has host and rest. */
static size_t
wildcards(struct arena *a, const struct conf_mqtt *m, const char ***out)
{
    const char **names = NULL;
    size_t n = 0, room = 1;

    for (size_t i = 0; i < m->n_topics; i++)
        room += strlen(m->topics[i]);
    names = arena_alloc(a, room * sizeof *names);
    for (size_t i = 0; i < m->n_topics; i++)
        for (const char *p = m->topics[i]; *p != '\0'; p += strcspn(p, "/"), p += *p == '/') {
            const char *name = arena_strndup(a, p + 1, p[0] != '\0' ? strcspn(p + 1, "/") : 0);
            bool known = false;

            for (size_t k = 0; k < n; k++)
                known = known || strcmp(names[k], name) == 0;
            if ((p[0] == '+' || p[0] == '#') && name[0] != '\0' && !known)
                names[n++] = name;
        }
    *out = names;
    return n;
}

static bool
is_among(const char *name, const char **names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* A beat that lacks one of `by` is nobody's, so a topic without it would never be missed. */
static void
check_topics(struct load *l, const config_setting_t *group, const char *ctx, const struct conf_mqtt *m,
             const struct conf_heartbeat *h)
{
    for (size_t i = 0; i < m->n_topics; i++) {
        const struct conf_mqtt one = { .topics = &m->topics[i], .n_topics = 1 };
        const char **names;
        size_t n = wildcards(l->r.arena, &one, &names);

        for (size_t k = 0; k < h->n_by; k++)
            if (!is_among(h->by[k], names, n))
                reading_mistake(&l->r, group, "'by' of %s: topic '%s' has no wildcard named '%s'; say 'by', or make a "
                                "collector for each", ctx, m->topics[i], h->by[k]);
    }
}

static void
check_by(struct load *l, const config_setting_t *group, const char *ctx, const struct conf_mqtt *m,
         struct conf_heartbeat *h)
{
    const char **names;
    size_t n = wildcards(l->r.arena, m, &names);
    bool known = true;

    if (config_setting_get_member(group, "by") == NULL) {
        h->by = names;
        h->n_by = n;
    }
    for (size_t i = 0; i < h->n_by; i++) {
        if (is_among(h->by[i], names, n))
            continue;
        known = false;
        reading_mistake(&l->r, group, "'by' of %s: no topic has a wildcard named '%s'", ctx, h->by[i]);
    }
    if (known)
        check_topics(l, group, ctx, m, h);
}

static void
load_beat(struct load *l, const config_setting_t *group, const struct conf_collector *c)
{
    const char *ctx = arena_printf(l->r.arena, "heartbeat of collector '%.100s'", c->name);
    struct heartbeat_src src = { .h = { .name = c->name, .of_collector = true } };
    const struct conf_heartbeat *first = conf_heartbeat(l->conf, c->name);
    struct conf_heartbeat *h = &l->conf->heartbeats[l->conf->n_heartbeats];

    if (!config_setting_is_group(group)) {
        reading_mistake(&l->r, group, "'heartbeat' of collector '%.100s': expected a group such as { every = \"5m\"; }",
                        c->name);
        return;
    }
    if (first != NULL)
        reading_mistake(&l->r, group, "%s has the name of another heartbeat, at %s:%u", ctx, first->pos.file,
                        first->pos.line);
    read_common(l, group, beat_options, ctx, &src);
    check_by(l, group, ctx, &c->mqtt, &src.h);
    *h = src.h;
    l->conf->n_heartbeats++;
}

void
load_heartbeats(struct load *l)
{
    const config_setting_t *list, *collectors = config_setting_get_member(l->root, "collectors");
    size_t n = load_groups(&l->r, l->root, "heartbeats", "the configuration", &list);

    l->conf->heartbeats = arena_zalloc(l->r.arena, (n + l->conf->n_collectors + 1) * sizeof *l->conf->heartbeats);
    for (size_t i = 0; i < n; i++)
        load_heartbeat(l, config_setting_get_elem(list, (unsigned)i), i);
    for (size_t i = 0; i < l->conf->n_collectors; i++) {
        const config_setting_t *group = config_setting_get_elem(collectors, (unsigned)i);
        const config_setting_t *beat = config_setting_get_member(group, "heartbeat");

        if (beat != NULL)
            load_beat(l, beat, &l->conf->collectors[i]);
    }
}
