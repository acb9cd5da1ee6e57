/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - Healthchecks: the webhook with $JSON as its body (alone or as
 * "check"), and the fixed form of its PagerTree integration.
 *
 * A read-only view of a check has unique_key, a full one its ping_url with the
 * check's UUID at the end: one of the two is the identity.
 */
#include <string.h>
#include <strings.h>

#include <tocsin/plugin.h>

struct checks {
    const struct tocsin_host *host;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    const json_t *doc;
};

static const char *
text(const struct checks *c, const json_t *object, const char *name)
{
    return c->host->text(c->out, json_object_get(object, name));
}

static enum tocsin_rc
read_event(const struct checks *c)
{
    const char *key = text(c, c->doc, "incident_key"), *type = text(c, c->doc, "event_type");
    bool over = strcmp(type, "resolve") == 0;
    struct tocsin_alert *alert;

    if (key[0] == '\0')
        return c->host->fail(c->err, TOCSIN_MEANINGLESS, "$.incident_key", "expected the check's code");
    if (!over && strcmp(type, "trigger") != 0)
        return c->host->fail(c->err, TOCSIN_MEANINGLESS, "$.event_type",
                             "unknown event '%.60s'; expected trigger or resolve", type);
    alert = c->host->alert_new(c->out);
    alert->status = over ? TOCSIN_RESOLVED : TOCSIN_FIRING;
    alert->dedup_key = key;
    alert->summary = text(c, c->doc, "title");
    c->host->alert_label_json(c->out, alert, "tags", json_object_get(c->doc, "tags"));
    c->host->alert_annotation_json(c->out, alert, "description", json_object_get(c->doc, "description"));
    c->host->alert_link(c->out, alert, text(c, c->doc, "client_url"), "check");
    return TOCSIN_OK;
}

static const char *
identity(const struct checks *c, const json_t *check)
{
    static const char *const names[] = { "code", "uuid", "unique_key", "id" };
    const char *ping = text(c, check, "ping_url"), *slash = strrchr(ping, '/');

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (text(c, check, names[i])[0] != '\0')
            return text(c, check, names[i]);
    return slash != NULL ? slash + 1 : "";
}

static void
read_pairs(const struct checks *c, struct tocsin_alert *alert, const json_t *check)
{
    static const char *const kept[] = { "desc", "last_ping", "next_ping", "n_pings", "grace", "schedule", "tz" };

    c->host->alert_label_json(c->out, alert, "check", json_object_get(check, "name"));
    c->host->alert_label_json(c->out, alert, "slug", json_object_get(check, "slug"));
    c->host->alert_label_json(c->out, alert, "tags", json_object_get(check, "tags"));
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        c->host->alert_annotation_json(c->out, alert, kept[i], json_object_get(check, kept[i]));
    c->host->alert_link(c->out, alert, text(c, check, "details_url"), "check");
    c->host->alert_link(c->out, alert, text(c, check, "url"), "check");
}

static enum tocsin_rc
read_check(const struct checks *c, const json_t *check)
{
    static const struct {
        const char *word;
        enum tocsin_status status;
    } states[] = {
        { "down", TOCSIN_FIRING },   { "up", TOCSIN_RESOLVED },    { "new", TOCSIN_UNKNOWN },
        { "grace", TOCSIN_UNKNOWN }, { "paused", TOCSIN_UNKNOWN }, { "started", TOCSIN_UNKNOWN },
    };
    const char *status = text(c, check, "status"), *key = identity(c, check), *name = text(c, check, "name");
    const char *path = check == c->doc ? "$" : "$.check", *last = text(c, check, "last_ping");
    size_t i = 0, n = sizeof states / sizeof states[0];
    struct tocsin_alert *alert;

    while (i < n && strcasecmp(states[i].word, status) != 0)
        i++;
    if (i == n)
        return c->host->fail(c->err, TOCSIN_MEANINGLESS, c->host->batch_printf(c->out, "%s.status", path),
                             "unknown status '%.60s'; expected down or up", status);
    if (key[0] == '\0')
        return c->host->fail(c->err, TOCSIN_MEANINGLESS, path,
                             "expected 'code', 'uuid', 'unique_key' or 'ping_url': which check is it?");
    alert = c->host->alert_new(c->out);
    alert->status = states[i].status;
    alert->dedup_key = key;
    alert->summary = c->host->batch_printf(c->out, "%s is %s%s%s", name[0] != '\0' ? name : key, status,
                                           alert->status == TOCSIN_FIRING && last[0] != '\0' ? ", last ping " : "",
                                           alert->status == TOCSIN_FIRING ? last : "");
    read_pairs(c, alert, check);
    return TOCSIN_OK;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct checks c = { host, out, err, NULL };
    json_t *doc;
    enum tocsin_rc rc = host->parse_json(in->body, in->len, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    c.doc = doc;
    if (!json_is_object(doc))
        rc = host->fail(err, TOCSIN_MEANINGLESS, "$", "expected an object");
    else if (json_object_get(doc, "event_type") != NULL || json_object_get(doc, "incident_key") != NULL)
        rc = read_event(&c);
    else
        rc = read_check(&c, json_is_object(json_object_get(doc, "check")) ? json_object_get(doc, "check") : doc);
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "healthchecks-io",
    .summary = "Healthchecks: webhook with $JSON, or its PagerTree integration",
    .decode = decode,
};
