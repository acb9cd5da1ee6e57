/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - the webhook of Honeycomb's triggers and burn alerts.
 *
 * Payloads of version v0.1.0 have no id, so the name stands in for it: one way
 * or the other it is the same in TRIGGERED and OK.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <tocsin/plugin.h>

enum { MAX_GROUPS = 20, MAX_TEXT = 4000 };

struct comb {
    const struct tocsin_host *host;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    const json_t *doc;
};

static const char *
text(const struct comb *c, const char *name)
{
    return c->host->text(c->out, json_object_get(c->doc, name));
}

static void
read_groups(const struct comb *c, struct tocsin_alert *alert)
{
    const json_t *groups = json_object_get(c->doc, "result_groups_triggered");
    json_t *item, *value;
    const char *all = "", *name;
    size_t i;

    json_array_foreach(groups, i, item)
    {
        const char *sep = i > 0 ? "; " : "";

        if (i == MAX_GROUPS)
            break;
        json_object_foreach(json_object_get(item, "Group"), name, value)
        {
            all = c->host->batch_printf(c->out, "%s%s%s=%s", all, sep, name, c->host->text(c->out, value));
            sep = ", ";
        }
        all = c->host->batch_printf(c->out, "%s%s%s", all, sep[0] == ',' ? ": " : sep,
                                    c->host->text(c->out, json_object_get(item, "Result")));
    }
    c->host->alert_annotation(c->out, alert, "groups", all);
}

static void
read_pairs(const struct comb *c, struct tocsin_alert *alert)
{
    static const char *const labels[][2] = { { "name", "trigger" },
                                             { "dataset", "dataset" },
                                             { "dataset_name", "dataset" },
                                             { "environment", "environment" },
                                             { "environment_name", "environment" } };
    static const char *const annotations[] = { "description", "trigger_description", "operator", "threshold",
                                               "version" };
    static const char *const links[][2] = {
        { "result_url", "result" }, { "trigger_url", "trigger" }, { "url", "alert" }, { "slo_url", "slo" }
    };

    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        c->host->alert_label(c->out, alert, labels[i][1], text(c, labels[i][0]));
    for (size_t i = 0; i < sizeof annotations / sizeof annotations[0]; i++)
        c->host->alert_annotation(c->out, alert, annotations[i], text(c, annotations[i]));
    read_groups(c, alert);
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        c->host->alert_link(c->out, alert, text(c, links[i][0]), links[i][1]);
}

static enum tocsin_rc
read_trigger(const struct comb *c)
{
    const char *status = text(c, "status"), *id = text(c, "id"), *name = text(c, "name");
    bool fires = strcasecmp(status, "TRIGGERED") == 0,
         ok = strcasecmp(status, "OK") == 0 || strcasecmp(status, "RESOLVED") == 0;
    struct tocsin_alert *alert;

    if (!fires && !ok)
        return c->host->fail(c->err, TOCSIN_MEANINGLESS, "$.status", "unknown status '%.60s'; expected TRIGGERED or OK",
                             status);
    if (id[0] == '\0' && name[0] == '\0')
        return c->host->fail(c->err, TOCSIN_MEANINGLESS, "$.id", "expected 'id' or 'name'");
    alert = c->host->alert_new(c->out);
    alert->status = fires ? TOCSIN_FIRING : TOCSIN_RESOLVED;
    alert->dedup_key = id[0] != '\0' ? id : name;
    alert->summary = text(c, "summary");
    if (alert->summary[0] == '\0')
        alert->summary = c->host->batch_printf(c->out, "%s: %s", name, status);
    read_pairs(c, alert);
    return TOCSIN_OK;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct comb c = { host, out, err, NULL };
    json_t *doc;
    enum tocsin_rc rc = host->parse_json(in->body, in->len, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    c.doc = doc;
    rc = read_trigger(&c);
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "honeycomb",
    .summary = "Honeycomb's webhook: triggers and burn alerts",
    .decode = decode,
};
