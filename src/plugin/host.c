/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.c - the table of functions that integrations call, and the way of one
 * payload through an integration.
 *
 * The functions themselves are in host_json.c and host_form.c (reading), host_batch.c (alerts),
 * host_schema.c (the schema of the json format and of mappings), host_crypto.c
 * (signatures), host_request.c (requests) and host_intake.c (intakes).
 */
#include "plugin/host.h"
#include "plugin/host_budget.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/id.h"
#include "base/jsonmem.h"
#include "base/text.h"
#include "core/normalise/mapping.h"
#include "core/normalise/severity.h"

enum tocsin_rc
host_fail(struct tocsin_err *err, enum tocsin_rc rc, const char *where, const char *fmt, ...)
{
    char what[sizeof err->what];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return err_set(err, rc, where, "%s", what);
}

/* --- settings ------------------------------------------------------------------- */

static const struct setting *
find(const struct tocsin_settings *set, const char *name)
{
    for (size_t i = 0; set != NULL && i < set->n; i++)
        if (strcmp(set->items[i].name, name) == 0)
            return &set->items[i];
    return NULL;
}

static const char *
setting(const struct tocsin_settings *set, const char *name)
{
    const struct setting *s = find(set, name);

    return s != NULL ? s->text : NULL;
}

static int64_t
setting_int(const struct tocsin_settings *set, const char *name)
{
    const struct setting *s = find(set, name);

    return s != NULL ? s->num : 0;
}

static bool
setting_bool(const struct tocsin_settings *set, const char *name)
{
    return setting_int(set, name) != 0;
}

static size_t
setting_list(const struct tocsin_settings *set, const char *name, const char *const **out_r)
{
    const struct setting *s = find(set, name);

    *out_r = s != NULL ? s->list : NULL;
    return s != NULL ? s->n_list : 0;
}

static size_t
setting_map(const struct tocsin_settings *set, const char *name, const struct tocsin_pair **out_r)
{
    const struct setting *s = find(set, name);

    *out_r = s != NULL ? s->map : NULL;
    return s != NULL ? s->n_map : 0;
}

/* --- small adapters --------------------------------------------------------------- */

static const char *
text(struct tocsin_batch *b, const json_t *value)
{
    return host_json_text(b->arena, value);
}

static char *
escape(struct tocsin_batch *b, const char *s)
{
    return host_escape(b->arena, s);
}

static char *
unescape(struct tocsin_batch *b, const char *s)
{
    char *copy = arena_strdup(b->arena, s);
    size_t n = text_unescape(copy);

    return (char *)(uintptr_t)text_clean(b->arena, copy, n, n * 3);  /* room for each byte as U+FFFD */
}

static char *
digest(struct tocsin_batch *b, const char *s)
{
    struct id16 id = id_hash(&s, 1);
    char *out = arena_alloc(b->arena, 2 * sizeof id.b + 1);

    for (size_t i = 0; i < sizeof id.b; i++)
        snprintf(out + 2 * i, 3, "%02x", id.b[i]);
    return out;
}

static char *
request_escape(struct tocsin_request *q, const char *s)
{
    return host_escape(q->arena, s);
}

static enum tocsin_severity
severity(const char *word)
{
    return word != NULL ? severity_of(word) : TOCSIN_SEV_NONE;
}

static int64_t
time_of(const char *rfc3339)
{
    return rfc3339 != NULL ? time_parse(rfc3339) : 0;
}

const struct tocsin_host plugin_host = {
    .size = sizeof(struct tocsin_host),
    .fail = host_fail,
    .setting = setting,
    .setting_int = setting_int,
    .setting_bool = setting_bool,
    .setting_list = setting_list,
    .setting_map = setting_map,
    .parse_json = host_parse_json,
    .alert_new = host_alert_new,
    .alert_label = host_alert_label,
    .alert_label_json = host_alert_label_json,
    .alert_annotation = host_alert_annotation,
    .alert_annotation_json = host_alert_annotation_json,
    .alert_link = host_alert_link,
    .batch_printf = host_printf,
    .text = text,
    .severity_of = severity,
    .time_of = time_of,
    .batch_get = host_batch_get,
    .batch_note = host_batch_note,
    .hmac_sha256_ok = host_hmac_sha256_ok,
    .x509_verify = host_x509_verify,
    .request_http = host_request_http,
    .request_header = host_request_header,
    .request_json = host_request_json,
    .request_body = host_request_body,
    .request_log = host_request_log,
    .request_sign = host_request_sign,
    .request_printf = host_request_printf,
    .request_escape = request_escape,
    .request_cut = host_request_cut,
    .request_cut_bytes = host_request_cut_bytes,
    .request_time = host_request_time,
    .severity_name = severity_name,
    .decode_schema = host_decode_schema,
    .escape = escape,
    .record_new = host_record_new,
    .call_json = host_call_json,
    .call_alloc = host_call_alloc,
    .call_printf = host_call_printf,
    .call_time = host_call_time,
    .elapsed_us = host_elapsed_us,
    .act = host_act,
    .route_to = host_route_to,
    .find = host_find,
    .count = host_count,
    .reply_header = host_reply_header,
    .reply_json = host_reply_json,
    .reply = host_reply,
    .source_of = host_source_of,
    .digest = digest,
    .batch_forward = host_batch_forward,
    .batch_count = host_batch_count,
    .parse_unredacted = host_parse_unredacted,
    .parse_form = host_parse_form,
    .unescape = unescape,
    .batch_reply = host_batch_reply,
    .named_key = host_named_key,
};

/* --- one payload ------------------------------------------------------------------ */

static void
put_text(struct arena *a, json_t *object, const char *name, const char *value)
{
    const char *key = text_clean(a, name, strlen(name), HOST_MAX_NAME);

    if (value != NULL)
        json_object_set_new(object, key, json_string(text_clean(a, value, strlen(value), HOST_MAX_VALUE)));
    else
        json_object_set_new(object, key, json_null());
}

static json_t *
put_pairs(struct arena *a, const struct tocsin_pair *pairs, size_t n)
{
    json_t *object = json_object();

    for (size_t i = 0; i < n; i++)
        put_text(a, object, pairs[i].name, pairs[i].value);
    return object;
}

static const char *
lower_case(struct arena *a, const char *name)
{
    char *copy = arena_strdup(a, name);

    for (char *c = copy; *c != '\0'; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    return copy;
}

/*
 * In lower case, for senders and proxies write the names as they like.  Of a collector that cannot list all of them,
 * those that nearly every sender has.
 */
static json_t *
put_headers(struct arena *a, const struct tocsin_payload *in)
{
    static const char *const usual[] = { "content-type", "user-agent", "host" };
    json_t *object = json_object();

    for (size_t i = 0; i < in->n_headers; i++)
        put_text(a, object, lower_case(a, in->headers[i].name), in->headers[i].value);
    for (size_t i = 0; in->n_headers == 0 && in->header != NULL && i < sizeof usual / sizeof usual[0]; i++) {
        const char *value = in->header(in, usual[i]);

        if (value != NULL)
            put_text(a, object, usual[i], value);
    }
    return object;
}

/* no_json: why the body is text to the mapping; its rc is TOCSIN_OK when it is JSON */
static json_t *
mapping_input(struct arena *a, const struct tocsin_payload *in, struct tocsin_err *no_json)
{
    json_t *root = json_object(), *body = NULL;

    no_json->rc = TOCSIN_OK;
    if (host_parse_json(in->body, in->len, &body, no_json) != TOCSIN_OK)
        body = json_string(text_clean(a, in->body, in->len, in->len * 3));  /* room for each byte as U+FFFD */
    json_object_set_new(root, "body", body);
    json_object_set_new(root, "headers", put_headers(a, in));
    json_object_set_new(root, "query", put_pairs(a, in->queries, in->n_queries));
    put_text(a, root, "topic", in->topic);
    json_object_set_new(root, "topic_labels", put_pairs(a, in->topic_labels, in->n_topic_labels));
    put_text(a, root, "collector", in->collector);
    return root;
}

/* A mapping that wants JSON can say no more of broken JSON than that it is none: where it breaks helps more. */
static bool
was_to_be_json(const struct tocsin_payload *in)
{
    const char *type = in->topic == NULL && in->content_type != NULL ? in->content_type : "";
    char first = in->body[strspn(in->body, " \t\r\n")];

    return first == '{' || first == '[' || strstr(type, "json") != NULL;
}

static enum tocsin_rc
run_mapping(struct mapping *mapping, const struct tocsin_payload *in, struct tocsin_batch *out, struct tocsin_err *err)
{
    struct tocsin_err no_json;
    json_t *input = mapping_input(out->arena, in, &no_json), *alerts = NULL, *item;
    struct host_budget budget;
    enum tocsin_rc rc;
    size_t i;

    host_budget_init(&budget);
    rc = mapping_run(mapping, input, host_alerts_max(), &budget.limit, &alerts, err);
    if (rc == TOCSIN_OK) {
        json_array_foreach(alerts, i, item) {
            char path[64];

            snprintf(path, sizeof path, "mapping output $[%zu]", i);
            rc = host_decode_schema(out, item, path, err);
            if (rc != TOCSIN_OK)
                break;
        }
    }
    json_decref(alerts);
    json_decref(input);
    if (rc != TOCSIN_MEANINGLESS || no_json.rc == TOCSIN_OK || !was_to_be_json(in))
        return rc;
    if (err != NULL)
        *err = no_json;
    return no_json.rc;
}

/* Has the sender said what the alert is known by?  "source" and "severity" are made of other members (host_schema.c). */
static bool
is_identified(const struct tocsin_alert *alert)
{
    if (alert->dedup_key != NULL && alert->dedup_key[0] != '\0')
        return true;
    for (size_t i = 0; i < alert->n_labels; i++)
        if (strcmp(alert->labels[i].name, "source") != 0 && strcmp(alert->labels[i].name, "severity") != 0)
            return true;
    return false;
}

/* The topic says whose it is, not what it is: two messages of a host that say different things are two alerts. */
static const char *
key_of_message(struct arena *a, const struct tocsin_payload *in, const struct tocsin_alert *alert)
{
    const char *key = host_words(a, alert->summary);

    for (size_t k = in->n_topic_labels; k-- > 0;)
        key = arena_printf(a, "%s/%s", in->topic_labels[k].value, key);
    return key;
}

/* The named wildcards of the topic are labels.  They come last and so win: a broker's access list vouches for a
 * topic, nothing vouches for a payload. */
static void
add_topic_labels(struct tocsin_batch *out, const struct tocsin_payload *in)
{
    for (size_t i = 0; i < out->n_alerts && in->n_topic_labels > 0; i++) {
        struct tocsin_alert *alert = out->alerts[i];

        if (!is_identified(alert) && alert->summary != NULL && alert->summary[0] != '\0')
            alert->dedup_key = key_of_message(out->arena, in, alert);
        for (size_t k = 0; k < in->n_topic_labels; k++)
            plugin_host.alert_label(out, alert, in->topic_labels[k].name, in->topic_labels[k].value);
    }
}

/* One reading.  What parse_json() gives is gone with its end; the batch has copies. */
static enum tocsin_rc
read_payload(const struct tocsin_plugin *plugin, void *self, struct mapping *mapping, const struct tocsin_payload *in,
             struct tocsin_batch *out, struct tocsin_err *err)
{
    bool last_counts = host_json_last_counts((plugin->flags & TOCSIN_LAST_COUNTS) != 0);
    struct tocsin_payload text = host_as_text(out->arena, in);
    enum tocsin_rc rc;

    out->received_at = in->received_at;
    jsonmem_begin();
    if (mapping != NULL)
        rc = run_mapping(mapping, &text, out, err);
    else if (plugin->decode != NULL)
        rc = plugin->decode(self, &plugin_host, &text, out, err);
    else
        rc = host_fail(err, TOCSIN_BAD_CONFIG, "", "integration '%s' takes no alerts in", plugin->name);
    jsonmem_end();
    host_json_last_counts(last_counts);
    if (rc == TOCSIN_OK)
        add_topic_labels(out, in);
    if (rc == TOCSIN_OK && out->over.rc != TOCSIN_OK) {
        rc = out->over.rc;
        *err = out->over;
    }
    return rc;
}

/* The payload was read with this result, and redaction changed it: once more, as it was sent (host_identity.c). */
static enum tocsin_rc
read_as_sent(const struct tocsin_plugin *plugin, void *self, struct mapping *mapping, const struct tocsin_payload *in,
             struct tocsin_batch *out, enum tocsin_rc rc, const struct tocsin_err *err)
{
    struct arena *arena = arena_new();
    struct tocsin_batch said;
    struct tocsin_err said_err;
    enum tocsin_rc said_rc;

    host_batch_init(&said, arena);
    said.max_alerts = out->max_alerts;
    said_rc = read_payload(plugin, self, mapping, in, &said, &said_err);
    if (said_rc == TOCSIN_OK)
        host_copy_reply(out, &said);
    if (said_rc != TOCSIN_OK && rc == TOCSIN_OK) {
        host_keep_by_bytes(out, in);
    } else if (said_rc == TOCSIN_OK && rc != TOCSIN_OK) {
        host_keep_bare(out, &said, host_printf(out, "nothing that can be read (%s)", err->what));
        rc = TOCSIN_OK;
    } else if (said_rc == TOCSIN_OK && !host_fits(out, &said)) {
        host_keep_bare(out, &said, "other alerts than were sent");
    } else if (said_rc == TOCSIN_OK) {
        host_keep(out, &said);
    }
    arena_free(arena);
    return rc;
}

static enum tocsin_rc
read_redacted(const struct tocsin_plugin *plugin, void *self, struct mapping *mapping, const struct tocsin_payload *in,
              struct tocsin_batch *out, struct tocsin_err *err)
{
    struct host_redaction before = host_redact_begin(out->redact);
    struct tocsin_err refused;
    enum tocsin_rc rc = read_payload(plugin, self, mapping, in, out, &refused);

    if (host_redact_end(before))
        rc = read_as_sent(plugin, self, mapping, in, out, rc, &refused);
    else if (rc == TOCSIN_OK)
        host_keep(out, NULL);
    if (rc != TOCSIN_OK) {
        host_redact_err(out->redact, out->arena, &refused);
        *err = refused;
    }
    return rc;
}

enum tocsin_rc
host_decode(const struct tocsin_plugin *plugin, void *self, struct mapping *mapping, const struct tocsin_payload *in,
            struct tocsin_batch *out, struct tocsin_err *err)
{
    struct tocsin_err unasked;
    enum tocsin_rc rc;

    err = err != NULL ? err : &unasked;
    rc = out->redact != NULL ? read_redacted(plugin, self, mapping, in, out, err)
                             : read_payload(plugin, self, mapping, in, out, err);

    if (rc == TOCSIN_OK) {
        host_batch_finish(out);
        rc = out->over.rc;
        if (rc != TOCSIN_OK)
            *err = out->over;
    }
    if (rc != TOCSIN_OK) {
        out->n_alerts = out->n_records = out->n_gets = out->n_notes = out->n_forwards = 0;
        out->reply_status = 0;
    }
    return rc;
}
