/* SPDX-License-Identifier: Apache-2.0 */
/* load_notifiers.c - the ways out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/load.h"
#include "conf/report.h"
#include "plugin/loader.h"

/* --- special options -------------------------------------------------------------------- */

static bool
is_proxy(const char *text)
{
    static const char *const schemes[] = { "http://", "https://", "socks5://", "socks5h://" };

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncmp(text, schemes[i], strlen(schemes[i])) == 0 && text[strlen(schemes[i])] != '\0')
            return true;
    return false;
}

static bool
is_reference(const char *text)
{
    return strncmp(text, "env:", 4) == 0 || strncmp(text, "file:", 5) == 0 || strncmp(text, "cred:", 5) == 0;
}

/* The address, or "" for none and where a mistake was reported. */
static const char *
proxy_of(struct reading *r, const struct option *o, const config_setting_t *set, const char *ctx)
{
    const char *text = set != NULL ? config_setting_get_string(set) : "", *proxy;
    struct tocsin_err err;

    if (text == NULL)
        option_refuse(r, o, set, ctx, "");
    if (text == NULL || text[0] == '\0')
        return "";
    if (!is_reference(text) && strchr(text, '@') != NULL) {
        reading_mistake(r, set,
                        "'%s' of %s holds a user or password, expected a reference to the whole address, "
                        "such as \"env:NAME\", \"file:/path\" or \"cred:NAME\"",
                        o->name, ctx);
        return "";
    }
    if (!is_reference(text)) {
        if (is_proxy(text))
            return arena_strdup(r->arena, text);
        option_refuse(r, o, set, ctx, "");
        return "";
    }
    if (strncmp(text, "file:", 5) == 0)
        text = arena_printf(r->arena, "file:%s", reading_path(r, text + 5));
    if (conf_secret(text, r->arena, &proxy, &err) != TOCSIN_OK) {
        reading_mistake(r, set, "'%s' of %s: %s", o->name, ctx, err.what);
        return "";
    }
    if (is_proxy(proxy))
        return proxy;
    reading_mistake(r, set, "'%s' of %s refers to something that is no address such as \"http://proxy:3128\"", o->name,
                    ctx);
    return "";
}

void
read_proxy(struct reading *r, const struct option *o, const config_setting_t *set, const char *ctx, void *base)
{
    ((struct conf_notifier *)base)->proxy = proxy_of(r, o, set, ctx);
}

void
read_forward_proxy(struct reading *r, const struct option *o, const config_setting_t *set, const char *ctx, void *base)
{
    ((struct conf_forward *)base)->proxy = proxy_of(r, o, set, ctx);
}

/* "120/1m": 120 in a minute. */
static bool
parse_rate(const char *text, double *count, double *seconds)
{
    char *end;
    int64_t ms;

    *count = strtod(text, &end);
    *seconds = 1;
    if (end == text || text[0] == '-' || !isfinite(*count))
        return false;
    if (*end == '\0')
        return true;
    if (*end != '/' || !duration_parse(end + 1, &ms) || ms <= 0)
        return false;
    *seconds = (double)ms / 1000;
    return true;
}

void
read_rate(struct reading *r, const struct option *o, const config_setting_t *set, const char *ctx, void *base)
{
    struct conf_notifier *n = base;
    int type = set != NULL ? config_setting_type(set) : CONFIG_TYPE_NONE;
    double count = 0, seconds = 1;
    bool ok = true;

    if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64)
        count = (double)config_setting_get_int64(set);
    else if (type == CONFIG_TYPE_FLOAT)
        count = config_setting_get_float(set);
    else if (type == CONFIG_TYPE_STRING)
        ok = parse_rate(config_setting_get_string(set), &count, &seconds);
    else
        ok = set == NULL;
    if (!ok || !(count >= 0 && count <= 100000)) {
        option_refuse(r, o, set, ctx, "");
        return;
    }
    n->rate_per_s = count / seconds;
    if (n->burst == 0) /* read before; the table says so */
        n->burst = (uint32_t)ceil(count);
}

/* --- one notifier -------------------------------------------------------------------------- */

static const char *
notifier_digest(const struct conf_notifier *n, struct arena *out)
{
    struct digest d = { .arena = arena_new() };
    const char *text;

    digest_table(&d, notifier_options, n);
    digest_add(&d, n->proxy);
    digest_add(&d, arena_printf(d.arena, "%.17g", n->rate_per_s));
    digest_settings(&d, n->settings);
    text = digest_text(&d, out);
    arena_free(d.arena);
    return text;
}

static void
check_notifier_name(struct load *l, const config_setting_t *group, const char *ctx, const struct conf_notifier *n)
{
    const struct conf_notifier *first = conf_notifier(l->conf, n->name);

    if (n->name[0] == '\0' || !load_check_name(&l->r, group, ctx, n->name) || first == n)
        return;
    reading_mistake(&l->r, group, "%s is defined twice; first at %s:%u", ctx, first->pos.file, first->pos.line);
}

static void
load_notifier_plugin(struct load *l, const config_setting_t *group, const char *ctx, struct conf_notifier *n)
{
    struct option_names names = { .n = 0 };
    size_t before = l->r.report->total;
    struct plugin *plugin = load_plugin(l, group, "plugin", ctx, n->plugin_name);

    if (plugin == NULL)
        return;
    if (plugin->api.render == NULL) {
        reading_mistake(&l->r, config_setting_get_member(group, "plugin"),
                        "'plugin' of %s: integration '%s' only takes alerts in, it cannot notify", ctx, n->plugin_name);
        return;
    }
    option_names_add(&names, notifier_options);
    option_names_add_plugin(&names, plugin->api.notifier_options);
    option_check_names(&l->r, group, ctx, &names);
    n->settings = settings_read(&l->r, group, plugin->api.notifier_options, ctx);
    if (l->r.report->total == before && load_instance(l, group, ctx, plugin, n->settings, &n->self)) {
        n->plugin = plugin;
        n->flags = plugin->api.flags_of != NULL ? plugin->api.flags_of(n->self) : plugin->api.flags;
    }
}

static void
load_notifier(struct load *l, const config_setting_t *group, size_t i)
{
    struct conf_notifier *n = &l->conf->notifiers[i];
    const char *ctx = load_context(&l->r, group, "notifier", i);
    size_t before = l->r.report->total;

    *n = (struct conf_notifier){ .name = "", .pos = reading_pos(&l->r, group), .allow_private = true };
    option_read_table(&l->r, group, notifier_options, ctx, n);
    if (n->name == NULL)
        n->name = "";
    check_notifier_name(l, group, ctx, n);
    if (n->plugin_name != NULL)
        load_notifier_plugin(l, group, ctx, n);
    if (l->r.report->total == before)
        n->digest = notifier_digest(n, l->r.arena);
}

void
load_notifiers(struct load *l)
{
    const config_setting_t *list;
    size_t n = load_groups(&l->r, l->root, "notifiers", "the configuration", &list);

    l->conf->notifiers = arena_zalloc(l->r.arena, (n + 1) * sizeof *l->conf->notifiers);
    for (size_t i = 0; i < n; i++) {
        l->conf->n_notifiers = i + 1;
        load_notifier(l, config_setting_get_elem(list, (unsigned)i), i);
    }
}
