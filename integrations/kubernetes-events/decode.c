/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - Events of Kubernetes: core/v1 and events.k8s.io/v1, alone, in an
 * EventList, in an array, or in the frame of a watch.
 *
 * An Event tells that something happened, never that it is over, and the API
 * server forgets it an hour after it was last seen.  So does the alert.
 */
#include <stdio.h>
#include <string.h>

#include <tocsin/plugin.h>

enum { HOUR_MS = 3600 * 1000 };

struct events {
    const struct tocsin_host *host;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    int64_t received_at;
};

static const char *
text(const struct events *e, const json_t *object, const char *name)
{
    return e->host->text(e->out, json_object_get(object, name));
}

/* The first of two members that has a value: core/v1's name, and that of events.k8s.io. */
static const json_t *
either(const json_t *object, const char *name, const char *other)
{
    const json_t *value = json_object_get(object, name);

    return value != NULL && !json_is_null(value) ? value : json_object_get(object, other);
}

static int64_t
time_at(const struct events *e, const json_t *event, const char *const names[3])
{
    for (int i = 0; i < 3; i++) {
        int64_t t = e->host->time_of(json_string_value(json_object_get(event, names[i])));

        if (t != 0)
            return t;
    }
    return 0;
}

static void
read_pairs(const struct events *e, struct tocsin_alert *alert, const json_t *event, const json_t *object)
{
    const json_t *source = either(event, "source", "deprecatedSource"), *metadata = json_object_get(event, "metadata");
    const char *namespace = text(e, object, "namespace"), *node = text(e, source, "host");
    const char *component = text(e, source, "component"), *cluster = text(e, event, "clusterName");

    if (strcmp(text(e, object, "kind"), "Node") == 0)
        node = text(e, object, "name");
    e->host->alert_label(e->out, alert, "namespace", namespace[0] != '\0' ? namespace : text(e, metadata, "namespace"));
    e->host->alert_label_json(e->out, alert, "kind", json_object_get(object, "kind"));
    e->host->alert_label_json(e->out, alert, "name", json_object_get(object, "name"));
    e->host->alert_label_json(e->out, alert, "reason", json_object_get(event, "reason"));
    e->host->alert_label_json(e->out, alert, "type", json_object_get(event, "type"));
    e->host->alert_label(e->out, alert, "node", node);
    e->host->alert_label(e->out, alert, "component",
                         component[0] != '\0'
                             ? component
                             : e->host->text(e->out, either(event, "reportingComponent", "reportingController")));
    e->host->alert_label(e->out, alert, "cluster", cluster[0] != '\0' ? cluster : text(e, event, "cluster"));
    e->host->alert_annotation_json(e->out, alert, "message", either(event, "message", "note"));
    e->host->alert_annotation_json(e->out, alert, "count", either(event, "count", "deprecatedCount"));
    e->host->alert_annotation_json(e->out, alert, "field", json_object_get(object, "fieldPath"));
    e->host->alert_annotation_json(e->out, alert, "event", json_object_get(metadata, "name"));
}

static enum tocsin_rc
read_event(const struct events *e, const json_t *event, const char *path)
{
    static const char *const first[] = { "firstTimestamp", "deprecatedFirstTimestamp", "eventTime" };
    const json_t *object = either(event, "involvedObject", "regarding");
    const char *reason = text(e, event, "reason"), *uid = text(e, object, "uid"), *type = text(e, event, "type");
    const char *namespace = text(e, object, "namespace"), *kind = text(e, object, "kind"),
               *name = text(e, object, "name");
    struct tocsin_alert *alert;

    if (!json_is_object(event))
        return e->host->fail(e->err, TOCSIN_MEANINGLESS, path, "expected an Event, which is an object");
    if (!json_is_object(object))
        return e->host->fail(e->err, TOCSIN_MEANINGLESS, e->host->batch_printf(e->out, "%s.involvedObject", path),
                             "expected what the Event is about: 'involvedObject' or 'regarding'");
    if (reason[0] == '\0')
        return e->host->fail(e->err, TOCSIN_MEANINGLESS, e->host->batch_printf(e->out, "%s.reason", path),
                             "expected a reason, such as BackOff");
    if (strcmp(type, "Warning") != 0 && strcmp(type, "Normal") != 0)
        return e->host->fail(e->err, TOCSIN_MEANINGLESS, e->host->batch_printf(e->out, "%s.type", path),
                             "unknown type '%.60s'; expected Normal or Warning", type);
    alert = e->host->alert_new(e->out);
    if (type[0] == 'W') {
        alert->status = TOCSIN_FIRING;
        alert->severity = TOCSIN_WARNING;
        alert->expires_at = e->received_at + HOUR_MS;
    } else {
        alert->status = TOCSIN_UNKNOWN;
        alert->severity = TOCSIN_INFO;
    }
    alert->dedup_key = uid[0] != '\0' ? e->host->batch_printf(e->out, "%s/%s", uid, reason)
                                      : e->host->batch_printf(e->out, "%s/%s/%s/%s", namespace, kind, name, reason);
    alert->summary = e->host->batch_printf(e->out, "%s%s%s %s: %s: %s", namespace, namespace[0] != '\0' ? "/" : "",
                                           kind, name, reason, e->host->text(e->out, either(event, "message", "note")));
    alert->starts_at = time_at(e, event, first);
    read_pairs(e, alert, event, object);
    return TOCSIN_OK;
}

static enum tocsin_rc
read_events(const struct events *e, const json_t *list, const char *path)
{
    json_t *event;
    size_t i;

    json_array_foreach(list, i, event)
    {
        char where[64];
        enum tocsin_rc rc;

        snprintf(where, sizeof where, "%s[%zu]", path, i);
        rc = read_event(e, event, where);
        if (rc != TOCSIN_OK)
            return rc;
    }
    return TOCSIN_OK;
}

static enum tocsin_rc
read_document(const struct events *e, const json_t *doc)
{
    const json_t *items = json_object_get(doc, "items"), *object = json_object_get(doc, "object");

    if (json_is_array(doc))
        return read_events(e, doc, "$");
    if (json_is_array(items))
        return read_events(e, items, "$.items");
    if (!json_is_object(object))
        return read_event(e, doc, "$");
    if (strcmp(text(e, doc, "type"), "DELETED") == 0 || strcmp(text(e, doc, "type"), "BOOKMARK") == 0)
        return TOCSIN_OK; /* forgotten, or a mark of the watch */
    return read_event(e, object, "$.object");
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct events e = { host, out, err, in->received_at };
    json_t *doc;
    enum tocsin_rc rc = host->parse_json(in->body, in->len, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    rc = read_document(&e, doc);
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "kubernetes-events",
    .summary = "Events of Kubernetes, from an exporter or a watch",
    .decode = decode,
};
