/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - Uptime Kuma's webhook: {"heartbeat", "monitor", "msg"}.
 *
 * Both objects are null in what is about no heartbeat: the test button, and
 * certificates and domains that run out.  Those are told apart by the text
 * alone; one that nobody knows is an alert, for only the test is no news.
 * With GET the same three are in the query, both objects as JSON in text.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <tocsin/plugin.h>

enum { WEEK_MS = 7 * 24 * 3600 * 1000 };

struct kuma {
    const struct tocsin_host *host;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    int64_t received_at;
    const json_t *doc, *heartbeat, *monitor;
};

static const char *
text(const struct kuma *k, const json_t *object, const char *name)
{
    return k->host->text(k->out, json_object_get(object, name));
}

static bool
is_test(const char *message)
{
    static const char word[] = "Testing";
    size_t n = strlen(message), m = strlen(word);

    return n >= m && strcasecmp(message + n - m, word) == 0;
}

/* A certificate or a domain is told of 21, 14 and 7 days before its end, and never that it was renewed. */
static void
read_notice(const struct kuma *k, const char *message)
{
    static const char *const ends[] = { " will expire in ", " will be expired in ", " expires in " };
    const char *cut = NULL, *kind = strncmp(message, "Domain ", 7) == 0 ? "domain" : "certificate";
    struct tocsin_alert *alert;

    if (is_test(message))
        return;
    for (size_t i = 0; cut == NULL && i < sizeof ends / sizeof ends[0]; i++)
        cut = strstr(message, ends[i]);
    if (cut == NULL) {
        kind = "notice";
        cut = message + strlen(message);
    }
    alert = k->host->alert_new(k->out);
    alert->status = TOCSIN_FIRING;
    alert->severity = TOCSIN_WARNING;
    alert->dedup_key = k->host->batch_printf(k->out, "%s/%.*s", kind, (int)(cut - message), message);
    alert->summary = message;
    alert->expires_at = k->received_at + WEEK_MS;
    k->host->alert_label(k->out, alert, "kind", kind);
}

static enum tocsin_rc
read_status(const struct kuma *k, struct tocsin_alert *alert)
{
    static const enum tocsin_status states[] = { TOCSIN_FIRING, TOCSIN_RESOLVED, TOCSIN_UNKNOWN, TOCSIN_UNKNOWN };
    const json_t *status = json_object_get(k->heartbeat, "status");
    const char *word = k->host->text(k->out, status);         /* text in a body that is written by hand */
    int n = word[0] >= '0' && word[0] <= '3' && word[1] == '\0' ? word[0] - '0' : -1;

    if (n < 0)
        return k->host->fail(k->err, TOCSIN_MEANINGLESS, "$.heartbeat.status",
                             "expected 0 (down), 1 (up), 2 (pending) or 3 (maintenance)");
    alert->status = states[n];
    return TOCSIN_OK;
}

/* Tags have names that people chose: letters, digits and '_' of them are the label's name. */
static void
read_tags(const struct kuma *k, struct tocsin_alert *alert)
{
    json_t *tag;
    size_t i;

    json_array_foreach(json_object_get(k->monitor, "tags"), i, tag)
    {
        const char *name = text(k, tag, "name"), *value = text(k, tag, "value");
        char label[64];
        size_t n = 0;

        for (; *name != '\0' && n + 1 < sizeof label; name++)
            label[n++] = isalnum((unsigned char)*name) ? (char)tolower((unsigned char)*name) : '_';
        label[n] = '\0';
        if (i < 40)
            k->host->alert_label(k->out, alert, label, value[0] != '\0' ? value : "true");
    }
}

static void
read_pairs(const struct kuma *k, struct tocsin_alert *alert)
{
    const char *url = text(k, k->monitor, "url");

    read_tags(k, alert);
    k->host->alert_label_json(k->out, alert, "monitor", json_object_get(k->monitor, "name"));
    k->host->alert_label_json(k->out, alert, "type", json_object_get(k->monitor, "type"));
    k->host->alert_label_json(k->out, alert, "host", json_object_get(k->monitor, "hostname"));
    k->host->alert_label_json(k->out, alert, "port", json_object_get(k->monitor, "port"));
    k->host->alert_annotation_json(k->out, alert, "message", json_object_get(k->heartbeat, "msg"));
    k->host->alert_annotation_json(k->out, alert, "ping_ms", json_object_get(k->heartbeat, "ping"));
    k->host->alert_annotation_json(k->out, alert, "description", json_object_get(k->monitor, "description"));
    if (strcmp(url, "https://") != 0) /* what the form of other types leaves behind */
        k->host->alert_link(k->out, alert, url, "monitored");
}

static enum tocsin_rc
read_heartbeat(const struct kuma *k)
{
    const char *id = text(k, k->monitor, "id"), *name = text(k, k->monitor, "name"), *title = text(k, k->doc, "title");
    const char *message = text(k, k->heartbeat, "msg");
    struct tocsin_alert *alert = k->host->alert_new(k->out);
    enum tocsin_rc rc = read_status(k, alert);
    int64_t when = k->host->time_of(json_string_value(json_object_get(k->heartbeat, "time")));

    if (rc != TOCSIN_OK)
        return rc;
    if (id[0] == '\0')
        id = text(k, k->heartbeat, "monitorID");
    if (id[0] == '\0')
        return k->host->fail(k->err, TOCSIN_MEANINGLESS, "$.monitor.id", "expected the monitor's number");
    alert->dedup_key = k->host->batch_printf(k->out, "monitor/%s", id);
    alert->summary = text(k, k->doc, "msg");
    if (alert->summary[0] == '\0')
        alert->summary = k->host->batch_printf(k->out, "%s%s%s", title[0] != '\0' ? title : name,
                                               message[0] != '\0' ? ": " : "", message);
    if (alert->status == TOCSIN_RESOLVED)
        alert->ends_at = when;
    else
        alert->starts_at = when;
    read_pairs(k, alert);
    return TOCSIN_OK;
}

static enum tocsin_rc
read_document(struct kuma *k)
{
    const char *message = text(k, k->doc, "msg");

    k->heartbeat = json_object_get(k->doc, "heartbeat");
    k->monitor = json_object_get(k->doc, "monitor");
    if (json_is_object(k->heartbeat))
        return read_heartbeat(k);
    if (k->heartbeat != NULL && !json_is_null(k->heartbeat))
        return k->host->fail(k->err, TOCSIN_MEANINGLESS, "$.heartbeat", "expected an object, or null");
    if (message[0] == '\0')
        return k->host->fail(k->err, TOCSIN_MEANINGLESS, "$", "expected 'heartbeat' or 'msg'");
    read_notice(k, message);
    return TOCSIN_OK;
}

/* The query of a GET: heartbeat and monitor are JSON. */
static enum tocsin_rc
read_query(const struct kuma *k, const struct tocsin_payload *in, json_t **doc_r)
{
    static const char *const names[] = { "heartbeat", "monitor" };
    enum tocsin_rc rc = k->host->parse_form(in, doc_r, k->err);

    for (size_t i = 0; rc == TOCSIN_OK && i < sizeof names / sizeof names[0]; i++) {
        const char *s = k->host->text(k->out, json_object_get(*doc_r, names[i]));
        json_t *part;

        if (s[0] == '\0')
            continue;
        rc = k->host->parse_json(s, strlen(s), &part, k->err);
        if (rc == TOCSIN_OK)
            json_object_set_new(*doc_r, names[i], part);
        else
            json_decref(*doc_r);
    }
    return rc;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct kuma k = { .host = host, .out = out, .err = err, .received_at = in->received_at };
    json_t *doc;
    enum tocsin_rc rc = in->len == 0 && in->n_queries > 0 ? read_query(&k, in, &doc)
                                                          : host->parse_json(in->body, in->len, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    k.doc = doc;
    rc = read_document(&k);
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "uptime-kuma",
    .summary = "Uptime Kuma's webhook",
    .flags = TOCSIN_TAKES_QUERY,
    .decode = decode,
};
