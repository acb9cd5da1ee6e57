/* SPDX-License-Identifier: Apache-2.0 */
/* load_redact.c - what is taken out of a collector's payloads: redact, redact_key and scrub. */
#include <string.h>

#include "base/err.h"
#include "conf/load.h"
#include "conf/report.h"
#include "plugin/host.h"
#include "plugin/loader.h"

enum { KEY_MIN = 16 };

static void
load_rule(struct load *l, const config_setting_t *group, const char *collector, size_t i, struct redact *r)
{
    const char *ctx = arena_printf(l->r.arena, "redact %zu of %s", i + 1, collector);
    struct redact_src src = { .keep = 0 };
    struct option_names names = { .n = 0 };
    const config_setting_t *at = group;
    size_t before = l->r.report->total;
    struct tocsin_err err;

    option_read_table(&l->r, group, redact_options, ctx, &src);
    option_names_add(&names, redact_options);
    option_check_names(&l->r, group, ctx, &names);
    src.rule.keep = (unsigned)src.keep;
    if (l->r.report->total != before || redact_add(r, &src.rule, &err) == TOCSIN_OK)
        return;
    if (err.where[0] != '\0' && config_setting_get_member(group, err.where) != NULL)
        at = config_setting_get_member(group, err.where);
    if (strcmp(err.where, "action") == 0 && src.rule.action == REDACT_HASH)
        reading_mistake(&l->r, at, "'action' of %s: hash needs 'redact_key' of %s", ctx, collector);
    else if (err.where[0] != '\0')
        reading_mistake(&l->r, at, "'%s' of %s: %s", err.where, ctx, err.what);
    else
        reading_mistake(&l->r, at, "%s: %s", ctx, err.what);
}

/* Is there anything to do for this collector's payloads? */
static bool
is_scrubbed(const struct collector_src *src, bool has_rules)
{
    const struct plugin *plugin = src->c.plugin;

    if (src->scrub == NULL || strcmp(src->scrub, "auto") != 0)
        return src->scrub != NULL && strcmp(src->scrub, "on") == 0;
    return has_rules || (plugin != NULL && (plugin->api.flags & TOCSIN_PERSONAL) != 0);
}

static struct redact *
new_redact(struct load *l, const config_setting_t *group, const char *ctx, const struct collector_src *src)
{
    struct host_redact_key *key;

    if (src->redact_key == NULL)
        return redact_new(NULL, NULL);
    key = arena_alloc(l->r.arena, sizeof *key);
    *key = (struct host_redact_key){ src->redact_key, strlen(src->redact_key) };
    if (key->len < KEY_MIN)
        reading_mistake(&l->r, config_setting_get_member(group, "redact_key"),
                        "'redact_key' of %s is shorter than %d bytes", ctx, KEY_MIN);
    return redact_new(host_redact_hash, key);
}

void
load_redact(struct load *l, const config_setting_t *group, const char *ctx, struct collector_src *src)
{
    const config_setting_t *list = NULL;
    bool has_rules = config_setting_get_member(group, "redact") != NULL;
    size_t n = has_rules ? load_groups(&l->r, group, "redact", ctx, &list) : 0;
    bool scrubbed = is_scrubbed(src, has_rules);
    struct tocsin_err err;

    if (n == 0 && !scrubbed)
        return;
    src->c.redact = new_redact(l, group, ctx, src);
    for (size_t i = 0; i < n; i++)
        load_rule(l, config_setting_get_elem(list, (unsigned)i), ctx, i, src->c.redact);
    if (scrubbed && redact_add_defaults(src->c.redact, &err) != TOCSIN_OK)
        reading_mistake(&l->r, group, "'scrub' of %s: %s", ctx, err.what);
}

void
digest_redact(struct digest *d, const config_setting_t *group)
{
    const config_setting_t *list = config_setting_get_member(group, "redact");
    int n = list != NULL ? config_setting_length(list) : 0;

    for (int i = 0; i < n; i++) {
        const config_setting_t *rule = config_setting_get_elem(list, (unsigned)i);

        for (int k = 0; k < config_setting_length(rule); k++) {
            const config_setting_t *set = config_setting_get_elem(rule, (unsigned)k);

            digest_add(d, config_setting_name(set));
            digest_add(d, config_setting_get_string(set));
            digest_num(d, config_setting_get_int64(set));
        }
    }
}
