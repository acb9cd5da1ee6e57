/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c - the settings of a collector, and the table that the host sees. */
#include <stdlib.h>
#include <string.h>

#include "sentry.h"

static void
sentry_close(void *self)
{
    struct sentry *s = self;

    free(s->dsn_text);
    free(s);
}

static enum tocsin_rc
sentry_open(const struct tocsin_host *host, const struct tocsin_settings *set, void **self_r, struct tocsin_err *err)
{
    const char *dsn = host->setting(set, "forward_to");
    struct sentry *s = calloc(1, sizeof *s);

    if (s == NULL)
        return host->fail(err, TOCSIN_TEMPORARY, "", "out of memory");
    s->dsn_text = dsn != NULL && dsn[0] != '\0' ? strdup(dsn) : NULL;
    if (s->dsn_text != NULL && !dsn_parse(s->dsn_text, &s->dsn)) {
        sentry_close(s);
        return host->fail(err, TOCSIN_BAD_CONFIG, "forward_to",
                          "refers to something that is no DSN such as \"https://KEY@sentry.example/42\"");
    }
    s->attachments = host->setting_bool(set, "forward_attachments");
    s->source_maps = host->setting(set, "source_maps");
    if (s->source_maps != NULL && s->source_maps[0] == '\0')
        s->source_maps = NULL;
    s->resolve_after_ms = host->setting_int(set, "resolve_after");
    s->event_url = host->setting(set, "event_url");
    s->user = strcmp(host->setting(set, "user"), "id") == 0;
    s->n_tags = host->setting_list(set, "tags", &s->tags);
    s->n_origins = host->setting_list(set, "origins", &s->origins);
    *self_r = s;
    return TOCSIN_OK;
}

static const struct tocsin_option collector_options[] = {
    { "resolve_after", TOCSIN_OPT_DURATION, "1h", "intake: an error is over when it has not come for so long; 0s: never",
      NULL },
    { "source_maps", TOCSIN_OPT_STRING, NULL, "intake: a folder, RELEASE/FILE.map and debug-id/ID.map", NULL },
    { "tags", TOCSIN_OPT_LIST, "*", "intake: tags that become labels tag_NAME; * for all, [] for none", NULL },
    { "user", TOCSIN_OPT_STRING, "none", "intake: whether the user's id is a label", "none|id" },
    { "event_url", TOCSIN_OPT_STRING, NULL, "intake: a link for people, with {event_id} and {project}", NULL },
    { "origins", TOCSIN_OPT_LIST, "*", "intake: origins of pages that may send, such as https://shop.example", NULL },
    { "forward_to", TOCSIN_OPT_SECRET, NULL, "intake: a DSN; what was redacted goes on to it", NULL },
    { "forward_attachments", TOCSIN_OPT_BOOL, "false", "intake: so do files, which cannot be redacted", NULL },
    { NULL, TOCSIN_OPT_STRING, NULL, NULL, NULL },
};

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .flags = TOCSIN_PERSONAL,
    .name = "sentry",
    .summary = "Sentry's SDKs (intake), and its webhooks: issues, errors, alert rules, metric alerts",
    .collector_options = collector_options,
    .open = sentry_open,
    .close = sentry_close,
    .decode = hook_decode,
    .routes = sentry_routes,
    .identify = intake_identify,
    .intake = intake_read,
    .answer = intake_answer,
    .refuse = intake_refuse,
    .forward = forward_render,
};
