/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records.c - resourceLogs > scopeLogs > logRecords.
 *
 * A record's labels are its own attributes, then its scope's, then its
 * resource's, as long as there is room: what stands nearest says most.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "otlp.h"

enum { ATTRIBUTES_MAX = 48, VALUE_TEXT = 1024 };

struct around { const json_t *resource, *scope; };

/* --- values ----------------------------------------------------------------------------------- */

/* Text of a value; what is made of several is JSON. */
static const char *
value_text(const struct logs *logs, const json_t *value)
{
    static const char *const scalars[] = { "stringValue", "intValue", "doubleValue", "boolValue", "bytesValue" };
    const char *out = "";
    char *dumped;

    for (size_t i = 0; i < sizeof scalars / sizeof scalars[0]; i++) {
        const json_t *v = json_object_get(value, scalars[i]);

        if (v != NULL)
            return json_is_boolean(v) ? json_is_true(v) ? "true" : "false" : logs->host->text(logs->out, v);
    }
    if (json_object_size(value) == 0)
        return out;
    dumped = json_dumps(value, JSON_COMPACT);
    if (dumped != NULL)
        out = logs->host->batch_printf(logs->out, "%.*s", VALUE_TEXT, dumped);
    free(dumped);
    return out;
}

static const json_t *
attribute(const json_t *attributes, const char *name)
{
    const json_t *pair;
    size_t i;

    json_array_foreach(attributes, i, pair) {
        const char *key = json_string_value(json_object_get(pair, "key"));

        if (key != NULL && strcmp(key, name) == 0)
            return json_object_get(pair, "value");
    }
    return NULL;
}

/* The first of the names that an attribute of the record or of its resource has. */
static const char *
first(const struct logs *logs, const json_t *record, const struct around *a, const char *const *names)
{
    for (; *names != NULL; names++) {
        const json_t *value = attribute(json_object_get(record, "attributes"), *names);
        const char *text;

        if (value == NULL)
            value = attribute(json_object_get(a->resource, "attributes"), *names);
        text = value_text(logs, value);
        if (text[0] != '\0')
            return text;
    }
    return "";
}

/* --- a record ------------------------------------------------------------------------------------ */

/* Of the numbers 1 to 24 four belong to each level. */
static const char *
level_of(const struct logs *logs, const json_t *record)
{
    static const char *const levels[] = { "trace", "debug", "info", "warning", "error", "fatal" };
    const char *number = logs->host->text(logs->out, json_object_get(record, "severityNumber"));
    const char *word = logs->host->text(logs->out, json_object_get(record, "severityText"));
    long n = strncmp(number, "SEVERITY_NUMBER_", 16) == 0 ? 0 : strtol(number, NULL, 10);

    if (n >= 1 && n <= 24)
        return levels[(n - 1) / 4];
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strncasecmp(number, "SEVERITY_NUMBER_", 16) == 0 && strncasecmp(number + 16, levels[i], 4) == 0)
            return levels[i];
    return word;
}

static void
add_labels(const struct logs *logs, struct tocsin_alert *alert, const json_t *attributes)
{
    const json_t *pair;
    size_t i;

    json_array_foreach(attributes, i, pair) {
        const char *key = logs->host->text(logs->out, json_object_get(pair, "key"));
        bool taken = key[0] == '\0';

        for (size_t k = 0; k < alert->n_labels && !taken; k++)
            taken = strcmp(alert->labels[k].name, key) == 0;
        if (!taken && alert->n_labels < ATTRIBUTES_MAX)
            logs->host->alert_label(logs->out, alert, key, value_text(logs, json_object_get(pair, "value")));
    }
}

static void
read_record(const struct logs *logs, const json_t *record, const struct around *a)
{
    static const char *const hosts[] = { "host.name", "k8s.node.name", "host.id", NULL };
    static const char *const units[] = { "service.name", "process.executable.name", NULL };
    static const char *const spaces[] = { "k8s.namespace.name", "service.namespace", NULL };
    static const char *const pods[] = { "k8s.pod.name", NULL };
    static const char *const containers[] = { "k8s.container.name", "container.name", NULL };
    static const char *const times[] = { "timeUnixNano", "observedTimeUnixNano", NULL };
    static const char *const errors[] = { "exception.message", "exception.type", "event.name", NULL };
    const char *body = value_text(logs, json_object_get(record, "body"));
    const struct logline line = {
        .message = body[0] != '\0' ? body : first(logs, record, a, errors), .level = level_of(logs, record),
        .host = first(logs, record, a, hosts), .unit = first(logs, record, a, units),
        .namespace = first(logs, record, a, spaces), .pod = first(logs, record, a, pods),
        .container = first(logs, record, a, containers),
        .at = logline_time(logs, logline_first(logs, record, times)),
    };
    struct tocsin_alert *alert = logline_add(logs, &line, record);

    if (alert == NULL)
        return;
    logs->host->alert_label_json(logs->out, alert, "trace_id", json_object_get(record, "traceId"));
    logs->host->alert_label_json(logs->out, alert, "span_id", json_object_get(record, "spanId"));
    logs->host->alert_label_json(logs->out, alert, "event", json_object_get(record, "eventName"));
    logs->host->alert_label_json(logs->out, alert, "scope", json_object_get(a->scope, "name"));
    add_labels(logs, alert, json_object_get(record, "attributes"));
    add_labels(logs, alert, json_object_get(a->scope, "attributes"));
    add_labels(logs, alert, json_object_get(a->resource, "attributes"));
}

/* --- a request ------------------------------------------------------------------------------------- */

enum tocsin_rc
otlp_records(const struct logs *logs, const json_t *doc, size_t *rejected_r, const char **why_r)
{
    const json_t *all = json_object_get(doc, "resourceLogs"), *resource, *scope, *record;
    size_t i, k, n;

    *rejected_r = 0;
    if (!json_is_object(doc) || (all != NULL && !json_is_array(all)))
        return logs->host->fail(logs->err, TOCSIN_BAD_INPUT, "$.resourceLogs", "expected an array");
    json_array_foreach(all, i, resource) {
        const json_t *scopes = json_object_get(resource, "scopeLogs");

        if (scopes != NULL && !json_is_array(scopes))
            return logs->host->fail(logs->err, TOCSIN_BAD_INPUT, "$.resourceLogs[].scopeLogs", "expected an array");
        json_array_foreach(scopes, k, scope) {
            const struct around a = { json_object_get(resource, "resource"), json_object_get(scope, "scope") };

            json_array_foreach(json_object_get(scope, "logRecords"), n, record) {
                if (json_is_object(record)) {
                    read_record(logs, record, &a);
                    continue;
                }
                ++*rejected_r;
                *why_r = "a log record is not an object";
            }
        }
    }
    return TOCSIN_OK;
}
