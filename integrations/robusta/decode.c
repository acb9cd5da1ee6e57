/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - alerts as Robusta's send-alerts API takes them: whoever writes to
 * that API can write to tocsin.  `failure` says whether it is one.
 */
#include <stdio.h>
#include <string.h>

#include <tocsin/plugin.h>

enum { PAIRS_MAX = 50 };           /* of 64: our own come behind */

struct robusta {
    const struct tocsin_host *host;
    struct tocsin_batch *out;
    struct tocsin_err *err;
};

static const char *
text(const struct robusta *r, const json_t *object, const char *name)
{
    return r->host->text(r->out, json_object_get(object, name));
}

static int64_t
time_at(const struct robusta *r, const json_t *item, const char *name)
{
    return r->host->time_of(json_string_value(json_object_get(item, name)));
}

static void
read_pairs(const struct robusta *r, struct tocsin_alert *alert, const json_t *item)
{
    static const char *const labels[][2] = {
        { "source", "source" },       { "cluster", "cluster" },       { "subject_namespace", "namespace" },
        { "subject_node", "node" },   { "subject_name", "name" },     { "subject_type", "kind" },
        { "service_key", "service" }, { "aggregation_key", "alert" }, { "finding_type", "type" },
    };
    const char *name;
    json_t *value;

    json_object_foreach(json_object_get(item, "labels"), name, value)
        if (alert->n_labels < PAIRS_MAX)
            r->host->alert_label_json(r->out, alert, name, value);
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        r->host->alert_label_json(r->out, alert, labels[i][1], json_object_get(item, labels[i][0]));
    json_object_foreach(json_object_get(item, "annotations"), name, value)
        if (alert->n_annotations < PAIRS_MAX)
            r->host->alert_annotation_json(r->out, alert, name, value);
    r->host->alert_annotation_json(r->out, alert, "description", json_object_get(item, "description"));
}

/* The aggregation key names the kind of problem; with where it is, that is one problem. */
static const char *
identity(const struct robusta *r, const json_t *item)
{
    static const char *const places[] = { "cluster", "subject_namespace", "subject_node", "subject_type",
                                          "subject_name" };
    const char *key = text(r, item, "fingerprint");

    if (key[0] != '\0' || text(r, item, "aggregation_key")[0] == '\0')
        return key;
    key = text(r, item, "aggregation_key");
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (text(r, item, places[i])[0] != '\0')
            key = r->host->batch_printf(r->out, "%s/%s", key, text(r, item, places[i]));
    return key;
}

static enum tocsin_rc
read_alert(const struct robusta *r, const json_t *item, const char *path)
{
    const json_t *failure = json_object_get(item, "failure");
    const char *key = identity(r, item);
    struct tocsin_alert *alert;

    if (!json_is_object(item))
        return r->host->fail(r->err, TOCSIN_MEANINGLESS, path, "expected an alert, which is an object");
    if (key[0] == '\0')
        return r->host->fail(r->err, TOCSIN_MEANINGLESS, r->host->batch_printf(r->out, "%s.aggregation_key", path),
                             "expected 'aggregation_key' or 'fingerprint'");
    if (failure != NULL && !json_is_null(failure) && !json_is_boolean(failure))
        return r->host->fail(r->err, TOCSIN_MEANINGLESS, r->host->batch_printf(r->out, "%s.failure", path),
                             "expected true or false");
    alert = r->host->alert_new(r->out);
    alert->status = json_is_false(failure) ? TOCSIN_RESOLVED : TOCSIN_FIRING;
    alert->severity = r->host->severity_of(text(r, item, "priority"));
    alert->dedup_key = key;
    alert->summary = text(r, item, "title");
    alert->starts_at = time_at(r, item, "starts_at");
    if (alert->status == TOCSIN_RESOLVED)
        alert->ends_at = time_at(r, item, "ends_at");
    read_pairs(r, alert, item);
    return TOCSIN_OK;
}

static enum tocsin_rc
read_document(const struct robusta *r, const json_t *doc)
{
    const json_t *alerts = json_object_get(doc, "alerts");
    json_t *item;
    size_t i;

    if (!json_is_array(alerts))
        return r->host->fail(r->err, TOCSIN_MEANINGLESS, "$.alerts", "expected an array of alerts");
    json_array_foreach(alerts, i, item)
    {
        char path[64];
        enum tocsin_rc rc;

        snprintf(path, sizeof path, "$.alerts[%zu]", i);
        rc = read_alert(r, item, path);
        if (rc != TOCSIN_OK)
            return rc;
    }
    return TOCSIN_OK;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct robusta r = { host, out, err };
    json_t *doc;
    enum tocsin_rc rc = host->parse_json(in->body, in->len, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    rc = read_document(&r, doc);
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "robusta",
    .summary = "alerts in the form of Robusta's send-alerts API",
    .decode = decode,
};
