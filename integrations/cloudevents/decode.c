/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - CloudEvents 1.0 over HTTP: structured, batched, and binary, where
 * the attributes are headers ce-* and the body is the data.  Azure Event Grid's
 * own schema, the older one, is read as what it would be in CloudEvents.
 *
 * An event says that something happened, not that it is bad.  Two things make
 * an alert of it: data in tocsin's own schema (`status` and `summary`), or the
 * severity extension at warning or above.  All others are recorded as info.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tocsin/plugin.h>

enum { DAY_MS = 24 * 3600 * 1000, MAX_EXTENSIONS = 32 };

struct events {
    const struct tocsin_host *host;
    const struct tocsin_payload *in;
    struct tocsin_batch *out;
    struct tocsin_err *err;
};

static const char *
text(const struct events *e, const json_t *object, const char *name)
{
    return e->host->text(e->out, json_object_get(object, name));
}

/* --- severity ------------------------------------------------------------------------ */

/* severitynumber counts as OpenTelemetry does: 1 trace, 5 debug, 9 info, 13 warn, 17 error, 21 fatal. */
static enum tocsin_severity
severity_of(const struct events *e, const json_t *event)
{
    enum tocsin_severity word = e->host->severity_of(text(e, event, "severitytext"));
    long n = strtol(text(e, event, "severitynumber"), NULL, 10);

    if (word != TOCSIN_SEV_NONE || n <= 0)
        return word;
    return n >= 21 ? TOCSIN_CRITICAL : n >= 17 ? TOCSIN_ERROR : n >= 13 ? TOCSIN_WARNING : TOCSIN_INFO;
}

/* --- one event ------------------------------------------------------------------------- */

static const char *
key_of(const struct events *e, const json_t *event)
{
    const char *subject = text(e, event, "subject");

    return e->host->batch_printf(e->out, "%s %s%s%s", text(e, event, "source"), text(e, event, "type"),
                                 subject[0] != '\0' ? " " : "", subject);
}

/* Data in tocsin's schema; what the envelope knows fills what is missing there. */
static enum tocsin_rc
read_schema(const struct events *e, const json_t *event, const json_t *data, const char *path)
{
    static const char *const labels[][2] = { { "type", "event_type" },
                                             { "source", "event_source" },
                                             { "subject", "subject" } };
    json_t *alert = json_copy((json_t *)(uintptr_t)data), *own = json_object_get(data, "labels");
    enum tocsin_rc rc;

    if (json_object_get(alert, "dedup_key") == NULL)
        json_object_set_new(alert, "dedup_key", json_string(key_of(e, event)));
    if (own == NULL || json_is_object(own)) {
        own = own != NULL ? json_copy(own) : json_object();
        for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
            if (json_object_get(event, labels[i][0]) != NULL && json_object_get(own, labels[i][1]) == NULL)
                json_object_set(own, labels[i][1], json_object_get(event, labels[i][0]));
        json_object_set_new(alert, "labels", own);
    }
    rc = e->host->decode_schema(e->out, alert, e->host->batch_printf(e->out, "%s.data", path), e->err);
    json_decref(alert);
    return rc;
}

static const char *
summary_of(const struct events *e, const json_t *event, const json_t *data)
{
    static const char *const names[] = { "summary", "message", "title" };
    const char *subject = text(e, event, "subject");

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (text(e, data, names[i])[0] != '\0')
            return text(e, data, names[i]);
    if (json_is_string(data)) /* its first line */
        return e->host->batch_printf(e->out, "%.*s", (int)strcspn(json_string_value(data), "\n"),
                                     json_string_value(data));
    return e->host->batch_printf(e->out, "%s from %s%s%s", text(e, event, "type"), text(e, event, "source"),
                                 subject[0] != '\0' ? ": " : "", subject);
}

static void
read_pairs(const struct events *e, struct tocsin_alert *alert, const json_t *event, const json_t *data)
{
    static const char *const elsewhere[] = {
        "specversion", "source", "type", "subject", "time", "data", "data_base64"
    };
    const char *name;
    json_t *value;
    size_t n = 0;
    char *dump;

    e->host->alert_label_json(e->out, alert, "event_type", json_object_get(event, "type"));
    e->host->alert_label_json(e->out, alert, "event_source", json_object_get(event, "source"));
    e->host->alert_label_json(e->out, alert, "subject", json_object_get(event, "subject"));
    json_object_foreach((json_t *)(uintptr_t)event, name, value)
    {
        bool is_extension = n < MAX_EXTENSIONS;

        for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
            is_extension = is_extension && strcmp(name, elsewhere[i]) != 0;
        if (!is_extension)
            continue;
        e->host->alert_annotation_json(e->out, alert, name, value);
        n++;
    }
    if (json_is_string(data)) {
        e->host->alert_annotation_json(e->out, alert, "data", data);
    } else if (data != NULL && !json_is_null(data)) {
        dump = json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY);
        e->host->alert_annotation(e->out, alert, "data", dump);
        free(dump);
    }
}

static enum tocsin_rc
check(const struct events *e, const json_t *event, const char *path)
{
    static const char *const required[] = { "specversion", "id", "source", "type" };

    if (!json_is_object(event))
        return e->host->fail(e->err, TOCSIN_MEANINGLESS, path, "expected an event, which is an object");
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++)
        if (!json_is_string(json_object_get(event, required[i])) || text(e, event, required[i])[0] == '\0')
            return e->host->fail(e->err, TOCSIN_MEANINGLESS, e->host->batch_printf(e->out, "%s.%s", path, required[i]),
                                 "expected text; CloudEvents require it");
    if (strncmp(text(e, event, "specversion"), "1.", 2) != 0)
        return e->host->fail(e->err, TOCSIN_MEANINGLESS, e->host->batch_printf(e->out, "%s.specversion", path),
                             "version '%.20s' is not read; expected 1.0", text(e, event, "specversion"));
    return TOCSIN_OK;
}

static enum tocsin_rc
read_event(const struct events *e, const json_t *event, const char *path)
{
    const json_t *data = json_object_get(event, "data");
    enum tocsin_rc rc = check(e, event, path);
    struct tocsin_alert *alert;

    if (rc != TOCSIN_OK)
        return rc;
    if (json_is_string(json_object_get(data, "status")) && json_is_string(json_object_get(data, "summary")))
        return read_schema(e, event, data, path);
    alert = e->host->alert_new(e->out);
    alert->severity = severity_of(e, event);
    if (alert->severity >= TOCSIN_WARNING) {
        alert->status = TOCSIN_FIRING;
        alert->dedup_key = key_of(e, event);
        alert->expires_at = e->in->received_at + DAY_MS;
    } else {
        alert->status = TOCSIN_UNKNOWN;
        alert->severity = TOCSIN_INFO;
        alert->dedup_key = e->host->batch_printf(e->out, "%s %s", text(e, event, "source"), text(e, event, "id"));
    }
    alert->summary = summary_of(e, event, data);
    alert->starts_at = e->host->time_of(text(e, event, "time"));
    read_pairs(e, alert, event, data);
    return TOCSIN_OK;
}

/* --- Event Grid's schema ---------------------------------------------------------------- */

/* A subscription is to be validated: the endpoint shows that it reads what it is sent. */
static enum tocsin_rc
validate(const struct events *e, const json_t *event, const char *path)
{
    const char *code = text(e, json_object_get(event, "data"), "validationCode");

    if (code[0] == '\0')
        return e->host->fail(e->err, TOCSIN_MEANINGLESS,
                             e->host->batch_printf(e->out, "%s.data.validationCode", path), "expected text");
    e->host->batch_reply(e->out, 200, json_pack("{s:s}", "validationResponse", code));
    e->host->batch_note(e->out, "validated a subscription of '%s'", text(e, event, "topic"));
    return TOCSIN_OK;
}

static json_t *
from_grid(const json_t *event)
{
    static const char *const names[][2] = { { "id", "id" },          { "topic", "source" },   { "subject", "subject" },
                                            { "eventType", "type" }, { "eventTime", "time" }, { "data", "data" },
                                            { "dataVersion", "dataversion" } };
    json_t *out = json_pack("{s:s}", "specversion", "1.0");

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (json_object_get(event, names[i][0]) != NULL)
            json_object_set(out, names[i][1], json_object_get(event, names[i][0]));
    return out;
}

static enum tocsin_rc
read_either(const struct events *e, const json_t *event, const char *path)
{
    const char *type = text(e, event, "eventType");
    enum tocsin_rc rc;
    json_t *cloud;

    if (type[0] == '\0' || json_object_get(event, "specversion") != NULL)
        return read_event(e, event, path);
    if (strcmp(type, "Microsoft.EventGrid.SubscriptionValidationEvent") == 0)
        return validate(e, event, path);
    cloud = from_grid(event);
    rc = read_event(e, cloud, path);
    json_decref(cloud);
    return rc;
}

/* --- the three modes ------------------------------------------------------------------------ */

static enum tocsin_rc
read_binary(const struct events *e)
{
    static const char *const names[] = { "specversion", "id",         "source",       "type",           "subject",
                                         "time",        "dataschema", "severitytext", "severitynumber", "traceparent" };
    const char *type = e->in->content_type;
    json_t *event = json_object(), *data = NULL;
    enum tocsin_rc rc = TOCSIN_OK;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char header[32];
        const char *value;

        snprintf(header, sizeof header, "ce-%s", names[i]);
        value = e->in->header(e->in, header);
        if (value != NULL)
            json_object_set_new(event, names[i], json_string(e->host->unescape(e->out, value)));
    }
    if (type != NULL)
        json_object_set_new(event, "datacontenttype", json_string(type));
    if (e->in->len > 0 && type != NULL && strstr(type, "json") != NULL)
        rc = e->host->parse_json(e->in->body, e->in->len, &data, e->err);
    else if (e->in->len > 0)
        data = json_stringn(e->in->body, e->in->len); /* none when it is not text */
    if (rc == TOCSIN_OK) {
        if (data != NULL)
            json_object_set_new(event, "data", data);
        rc = read_event(e, event, "$");
    }
    json_decref(event);
    return rc;
}

static enum tocsin_rc
read_batch(const struct events *e, const json_t *list)
{
    json_t *event;
    size_t i;

    json_array_foreach(list, i, event)
    {
        char path[32];
        enum tocsin_rc rc;

        snprintf(path, sizeof path, "$[%zu]", i);
        rc = read_either(e, event, path);
        if (rc != TOCSIN_OK)
            return rc;
    }
    return TOCSIN_OK;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct events e = { host, in, out, err };
    json_t *doc;
    enum tocsin_rc rc;

    (void)self;
    if (in->header(in, "ce-specversion") != NULL &&
        (in->content_type == NULL || strncmp(in->content_type, "application/cloudevents", 23) != 0))
        return read_binary(&e);
    rc = host->parse_json(in->body, in->len, &doc, err);
    if (rc != TOCSIN_OK)
        return rc;
    rc = json_is_array(doc) ? read_batch(&e, doc) : read_either(&e, doc, "$");
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "cloudevents",
    .summary = "CloudEvents 1.0: structured, binary and batched",
    .flags = TOCSIN_TAKES_ORIGIN,
    .decode = decode,
};
