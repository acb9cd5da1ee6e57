/* SPDX-License-Identifier: Apache-2.0 */
/* load_collectors.c - the ways in. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "conf/load.h"
#include "conf/report.h"
#include "core/normalise/mapping.h"
#include "core/rows.h"
#include "os/file.h"
#include "plugin/loader.h"

enum { MAPPING_MAX = 1 << 20 };

/* --- mapping --------------------------------------------------------------------------- */

/* The program's text, for the digest; NULL when there is none or it cannot be used. */
static const char *
load_mapping(struct load *l, const config_setting_t *group, const char *ctx, struct collector_src *src)
{
    const config_setting_t *at = config_setting_get_member(group, "mapping");
    const char *program = NULL;
    struct tocsin_err err;
    char words[sizeof err.where + sizeof err.what];
    char *text;

    if (src->mapping == NULL || src->mapping[0] == '\0')
        return NULL;
    if (file_read(src->mapping, MAPPING_MAX, &text, NULL, &err) != TOCSIN_OK) {
        reading_mistake(&l->r, at, "'mapping' of %s: %s", ctx, err.what);
        return NULL;
    }
    program = arena_strdup(l->r.arena, text);
    free(text);
    if (mapping_compile(src->mapping, program, &src->c.mapping, &err) == TOCSIN_OK)
        return program;
    reading_mistake(&l->r, at, "'mapping' of %s: %s", ctx, err_text(&err, words, sizeof words));
    return NULL;
}

/* --- integration ------------------------------------------------------------------------------ */

/* What each type has beside the options of every collector. */
static const struct { const char *type; const struct option *table; } of_type[] = {
    { "mqtt", mqtt_options },
    { "syslog", syslog_options },
    { "intake", intake_options },
};

/* Options that belong to another type are named as such: no guess would lead there. */
static void
check_collector_names(struct load *l, const config_setting_t *group, const char *ctx, const struct conf_collector *c)
{
    struct option_names names = { .n = 0 };

    option_names_add(&names, collector_options);
    option_names_add_plugin(&names, c->plugin->api.collector_options);
    if (c->plugin->api.forward != NULL)
        option_names_add(&names, forward_options);
    for (size_t k = 0; k < sizeof of_type / sizeof of_type[0]; k++)
        if (strcmp(of_type[k].type, c->type) == 0)
            option_names_add(&names, of_type[k].table);
    for (size_t k = 0; k < sizeof of_type / sizeof of_type[0]; k++) {
        struct option_names other = { .n = 0 };

        option_names_add(&other, of_type[k].table);
        for (int i = 0; i < config_setting_length(group); i++) {
            const config_setting_t *set = config_setting_get_elem(group, (unsigned)i);
            const char *name = config_setting_name(set);

            if (!option_names_has(&other, name) || option_names_has(&names, name))
                continue;
            reading_mistake(&l->r, set, "'%s' of %s belongs to type \"%s\", and this is \"%s\"", name, ctx,
                            of_type[k].type, c->type);
            names.v[names.n++] = name; /* said; not an unknown name as well */
        }
    }
    option_check_names(&l->r, group, ctx, &names);
}

/*
 * A source that needs no code is a mapping beside the integrations, FORMAT.jq: its output is read as `json`.  A
 * mapping of the collector's own is taken instead.
 */
static const char *
plugin_of_format(struct load *l, struct collector_src *src)
{
    const char *path = arena_printf(l->r.arena, "%s/%s.jq", l->plugin_dir, src->c.format);

    if (strchr(src->c.format, '/') != NULL || access(path, F_OK) != 0)
        return src->c.format;
    if (src->mapping == NULL || src->mapping[0] == '\0')
        src->mapping = path;
    return "json";
}

static void
load_collector_plugin(struct load *l, const config_setting_t *group, const char *ctx, struct collector_src *src)
{
    struct conf_collector *c = &src->c;
    bool intake;

    c->plugin = load_plugin(l, group, "format", ctx, plugin_of_format(l, src));
    if (c->plugin == NULL)
        return;
    if (c->type == NULL)
        c->type = "webhook";       /* what is written there is reported already */
    intake = strcmp(c->type, "intake") == 0;
    if (intake ? c->plugin->api.intake == NULL : c->plugin->api.decode == NULL) {
        reading_mistake(&l->r, config_setting_get_member(group, "format"),
                        intake                           ? "'format' of %s: integration '%s' has no paths to imitate"
                        : c->plugin->api.intake != NULL  ? "'format' of %s: integration '%s' takes alerts in at the "
                                                           "paths of its product: expected type = \"intake\""
                                                         : "'format' of %s: integration '%s' only notifies, it takes "
                                                           "no alerts in",
                        ctx, c->format);
        return;
    }
    check_collector_names(l, group, ctx, c);
    c->settings = settings_read(&l->r, group, c->plugin->api.collector_options, ctx);
    if (c->plugin->api.forward != NULL)
        option_read_table(&l->r, group, forward_options, ctx, &c->forward);
}

/* --- digest ------------------------------------------------------------------------------------- */

static void
digest_auth(struct digest *d, const struct conf_auth *a)
{
    digest_num(d, a->kind);
    digest_list(d, a->secrets, a->n_secrets);
    digest_add(d, a->user);
    digest_add(d, a->password);
    digest_add(d, a->header);
    digest_add(d, a->prefix);
    digest_list(d, a->subjects, a->n_subjects);
    digest_list(d, a->allow, a->n_allow);
}

static const char *
collector_digest(const struct collector_src *src, const config_setting_t *group, const char *program, bool mqtt,
                 struct arena *out)
{
    struct digest d = { .arena = arena_new() };
    const struct conf_mqtt *m = &src->c.mqtt;
    const char *text;

    digest_table(&d, collector_options, src);
    digest_add(&d, program);
    digest_auth(&d, &src->c.auth);
    if (mqtt) {
        digest_table(&d, mqtt_options, m);
        digest_add(&d, m->host);
        digest_num(&d, m->port);
        digest_num(&d, m->tls);
        digest_num(&d, m->version);
    }
    if (strcmp(src->c.type, "syslog") == 0)
        digest_table(&d, syslog_options, &src->c.syslog);
    for (size_t i = 0; i < src->c.n_keys; i++) {
        digest_add(&d, src->c.keys[i].secret);
        digest_add(&d, src->c.keys[i].policy_name);
    }
    for (size_t i = 0; i < src->c.n_routes; i++) {
        digest_add(&d, src->c.routes[i].name);
        digest_add(&d, src->c.routes[i].policy_name);
    }
    digest_settings(&d, src->c.settings);
    digest_redact(&d, group);
    if (src->c.plugin->api.forward != NULL) {
        digest_table(&d, forward_options, &src->c.forward);
        digest_add(&d, src->c.forward.proxy);
    }
    text = digest_text(&d, out);
    arena_free(d.arena);
    return text;
}

/* --- one collector --------------------------------------------------------------------------------- */

static void
check_collector_name(struct load *l, const config_setting_t *group, const char *ctx, const struct conf_collector *c)
{
    const struct conf_collector *first = conf_collector(l->conf, c->name);

    if (c->name[0] == '\0' || !load_check_name(&l->r, group, ctx, c->name) || first == NULL)
        return;
    reading_mistake(&l->r, group, "%s is defined twice; first at %s:%u", ctx, first->pos.file, first->pos.line);
}

/* A broker lets one client in under a name: two collectors would throw each other out for ever. */
static void
check_client_id(struct load *l, const config_setting_t *group, const char *ctx, const struct conf_mqtt *m)
{
    for (size_t i = 0; m->host != NULL && m->client_id != NULL && i < l->conf->n_collectors; i++) {
        const struct conf_mqtt *other = &l->conf->collectors[i].mqtt;

        if (m->client_id[0] != '\0' && other->host != NULL && other->client_id != NULL && other->port == m->port &&
            strcasecmp(other->host, m->host) == 0 && strcmp(other->client_id, m->client_id) == 0)
            reading_mistake(&l->r, group,
                            "%s has the client_id '%s' of collector '%s' at the same broker, which would cut off one "
                            "for the other; expected one of its own",
                            ctx, m->client_id, l->conf->collectors[i].name);
    }
}

/* Syslog comes in one format, unless a mapping or another integration is wanted. */
static void
check_format(struct load *l, const config_setting_t *group, const char *ctx, struct conf_collector *c, bool is_syslog)
{
    if (c->format != NULL || config_setting_get_member(group, "format") != NULL)
        return;
    if (is_syslog)
        c->format = "syslog";
    else
        reading_mistake(&l->r, group,
                        "'format' of %s is missing, expected text in quotes: the integration that understands "
                        "the bytes",
                        ctx);
}

static void
load_collector(struct load *l, const config_setting_t *group, size_t i, struct collector_src *src)
{
    const char *ctx = load_context(&l->r, group, "collector", i), *program;
    struct conf_collector *c = &src->c;
    size_t before = l->r.report->total;
    bool mqtt, is_syslog;

    c->pos = reading_pos(&l->r, group);
    option_read_table(&l->r, group, collector_options, ctx, src);
    if (c->name == NULL)
        c->name = "";
    check_collector_name(l, group, ctx, c);
    mqtt = c->type != NULL && strcmp(c->type, "mqtt") == 0;
    is_syslog = c->type != NULL && strcmp(c->type, "syslog") == 0;
    if (c->format == NULL && !is_syslog && config_setting_get_member(group, "heartbeat") != NULL)
        c->format = "heartbeat";
    check_format(l, group, ctx, c, is_syslog);
    if (c->format != NULL)
        load_collector_plugin(l, group, ctx, src);
    if (strcmp(c->name, HEARTBEAT_SOURCE) == 0)
        reading_mistake(&l->r, group, "%s has the name that heartbeats have as a source, expected another one", ctx);
    program = load_mapping(l, group, ctx, src);
    load_redact(l, group, ctx, src);
    if (mqtt) {
        load_mqtt(l, group, ctx, &c->mqtt);
        check_client_id(l, group, ctx, &c->mqtt);
        if (config_setting_get_member(group, "auth") != NULL)
            reading_mistake(&l->r, group, "'auth' of %s is for webhooks: here the broker knows its publishers", ctx);
    } else if (is_syslog) {
        load_syslog(l, group, ctx, src);
    } else if (c->type != NULL && strcmp(c->type, "intake") == 0) {
        if (src->mapping != NULL && src->mapping[0] != '\0')
            reading_mistake(&l->r, group, "'mapping' of %s is for webhooks and MQTT", ctx);
        load_intake(l, group, ctx, src);
    } else {
        load_auth(l, group, ctx, src);
    }
    if (l->r.report->total == before && load_instance(l, group, ctx, c->plugin, c->settings, &c->self))
        c->digest = collector_digest(src, group, program, mqtt, l->r.arena);
}

void
load_collectors(struct load *l)
{
    const config_setting_t *list;
    size_t n = load_groups(&l->r, l->root, "collectors", "the configuration", &list);

    l->conf->collectors = arena_zalloc(l->r.arena, (n + 1) * sizeof *l->conf->collectors);
    for (size_t i = 0; i < n; i++) {
        struct collector_src src = { .c = { .name = "" } };

        load_collector(l, config_setting_get_elem(list, (unsigned)i), i, &src);
        l->conf->collectors[i] = src.c;
        l->conf->n_collectors = i + 1;
    }
}
