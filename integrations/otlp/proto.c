/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto.c - protobuf to the JSON that the same request would be, and answers
 * in protobuf.
 *
 * What the library reads by itself is nested as deep as otlp.proto is: values
 * within values are opened here, and only so deep.
 */
#include <stdlib.h>
#include <string.h>

#include "otlp.h"
#include "otlp.pb-c.h"

enum { DEPTH = 8, BYTES_SHOWN = 256 };

/* --- values ------------------------------------------------------------------------------- */

/* Text as it should be is UTF-8; of other text what is ASCII is kept. */
static json_t *
text(ProtobufCBinaryData s)
{
    json_t *out = json_stringn(s.len > 0 ? (const char *)s.data : "", s.len);
    char *copy;

    if (out != NULL || s.len == 0)
        return out;
    copy = malloc(s.len);
    if (copy == NULL)
        return NULL;
    for (size_t i = 0; i < s.len; i++)
        copy[i] = s.data[i] < 0x80 ? (char)s.data[i] : '?';
    out = json_stringn(copy, s.len);
    free(copy);
    return out;
}

/* As in the JSON encoding of protobuf an id is hexadecimal, not base64. */
static json_t *
hex(ProtobufCBinaryData s)
{
    static const char digits[] = "0123456789abcdef";
    char out[2 * BYTES_SHOWN];
    size_t n = s.len < BYTES_SHOWN ? s.len : BYTES_SHOWN;

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[s.data[i] >> 4];
        out[2 * i + 1] = digits[s.data[i] & 15];
    }
    return json_stringn(out, 2 * n);
}

static json_t *value_json(const Otlp__Value *, int depth);

static json_t *
pairs_json(Otlp__KeyValue *const *list, size_t n, int depth)
{
    json_t *out = json_array();

    for (size_t i = 0; i < n; i++) {
        json_t *pair = json_object();

        json_object_set_new(pair, "key", text(list[i]->key));
        if (list[i]->value != NULL)
            json_object_set_new(pair, "value", value_json(list[i]->value, depth));
        json_array_append_new(out, pair);
    }
    return out;
}

static json_t *
array_json(ProtobufCBinaryData s, int depth)
{
    Otlp__Array *array = depth > 0 ? otlp__array__unpack(NULL, s.len, s.data) : NULL;
    json_t *list = json_array();

    for (size_t i = 0; array != NULL && i < array->n_values; i++)
        json_array_append_new(list, value_json(array->values[i], depth - 1));
    if (array != NULL)
        otlp__array__free_unpacked(array, NULL);
    return json_pack("{s:o}", "values", list);
}

static json_t *
list_json(ProtobufCBinaryData s, int depth)
{
    Otlp__KeyValueList *list = depth > 0 ? otlp__key_value_list__unpack(NULL, s.len, s.data) : NULL;
    json_t *out = list != NULL ? pairs_json(list->values, list->n_values, depth - 1) : json_array();

    if (list != NULL)
        otlp__key_value_list__free_unpacked(list, NULL);
    return json_pack("{s:o}", "values", out);
}

static json_t *
value_json(const Otlp__Value *v, int depth)
{
    switch (v->value_case) {
    case OTLP__VALUE__VALUE_STRING_VALUE:
        return json_pack("{s:o}", "stringValue", text(v->string_value));
    case OTLP__VALUE__VALUE_BOOL_VALUE:
        return json_pack("{s:b}", "boolValue", v->bool_value);
    case OTLP__VALUE__VALUE_INT_VALUE:
        return json_pack("{s:I}", "intValue", (json_int_t)v->int_value);
    case OTLP__VALUE__VALUE_DOUBLE_VALUE:        /* JSON has no word for those that are no number */
        return json_pack("{s:f}", "doubleValue", v->double_value - v->double_value == 0 ? v->double_value : 0.0);
    case OTLP__VALUE__VALUE_ARRAY_VALUE:
        return json_pack("{s:o}", "arrayValue", array_json(v->array_value, depth));
    case OTLP__VALUE__VALUE_KVLIST_VALUE:
        return json_pack("{s:o}", "kvlistValue", list_json(v->kvlist_value, depth));
    case OTLP__VALUE__VALUE_BYTES_VALUE:
        return json_pack("{s:o}", "bytesValue", hex(v->bytes_value));
    default:
        return json_object();
    }
}

/* --- a request ------------------------------------------------------------------------------- */

static json_t *
record_json(const Otlp__LogRecord *r)
{
    json_t *out = json_pack("{s:I, s:I, s:i, s:o, s:o, s:o, s:o, s:o}", "timeUnixNano", (json_int_t)r->time_unix_nano,
                            "observedTimeUnixNano", (json_int_t)r->observed_time_unix_nano, "severityNumber",
                            (int)r->severity_number, "severityText", text(r->severity_text), "traceId",
                            hex(r->trace_id), "spanId", hex(r->span_id), "eventName", text(r->event_name),
                            "attributes", pairs_json(r->attributes, r->n_attributes, DEPTH));

    if (r->body != NULL)
        json_object_set_new(out, "body", value_json(r->body, DEPTH));
    return out;
}

static json_t *
scope_json(const Otlp__ScopeLogs *s)
{
    json_t *out = json_object(), *records = json_array();

    for (size_t i = 0; i < s->n_log_records; i++)
        json_array_append_new(records, record_json(s->log_records[i]));
    json_object_set_new(out, "logRecords", records);
    if (s->scope != NULL)
        json_object_set_new(out, "scope",
                            json_pack("{s:o, s:o, s:o}", "name", text(s->scope->name), "version",
                                      text(s->scope->version), "attributes",
                                      pairs_json(s->scope->attributes, s->scope->n_attributes, DEPTH)));
    return out;
}

json_t *
otlp_from_proto(const char *bytes, size_t n)
{
    Otlp__Request *request = otlp__request__unpack(NULL, n, (const uint8_t *)bytes);
    json_t *list;

    if (request == NULL)
        return NULL;
    list = json_array();
    for (size_t i = 0; i < request->n_resource_logs; i++) {
        const Otlp__ResourceLogs *logs = request->resource_logs[i];
        json_t *scopes = json_array(), *one = json_object();

        for (size_t k = 0; k < logs->n_scope_logs; k++)
            json_array_append_new(scopes, scope_json(logs->scope_logs[k]));
        json_object_set_new(one, "scopeLogs", scopes);
        if (logs->resource != NULL)
            json_object_set_new(one, "resource",
                                json_pack("{s:o}", "attributes",
                                          pairs_json(logs->resource->attributes, logs->resource->n_attributes, DEPTH)));
        json_array_append_new(list, one);
    }
    otlp__request__free_unpacked(request, NULL);
    return json_pack("{s:o}", "resourceLogs", list);
}

/* --- answers ------------------------------------------------------------------------------------ */

/* Names that protobuf-c takes, but does not change. */
static char *
writable(const char *s)
{
    return (char *)(uintptr_t)s;
}

char *
otlp_response_proto(size_t rejected, const char *why, size_t *n_r)
{
    Otlp__PartialSuccess partial = OTLP__PARTIAL_SUCCESS__INIT;
    Otlp__Response response = OTLP__RESPONSE__INIT;
    char *out;

    partial.rejected_log_records = (int64_t)rejected;
    partial.error_message = writable(why);
    if (rejected > 0)
        response.partial_success = &partial;
    *n_r = otlp__response__get_packed_size(&response);
    out = malloc(*n_r + 1);
    if (out != NULL)
        otlp__response__pack(&response, (uint8_t *)out);
    return out;
}

char *
otlp_status_proto(int code, const char *message, size_t *n_r)
{
    Otlp__Status status = OTLP__STATUS__INIT;
    char *out;

    status.code = code;
    status.message = writable(message);
    *n_r = otlp__status__get_packed_size(&status);
    out = malloc(*n_r + 1);
    if (out != NULL)
        otlp__status__pack(&status, (uint8_t *)out);
    return out;
}
