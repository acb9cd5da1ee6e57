/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - what Alertmanager's webhook receiver sends (versions 4 and 3), and
 * what speaks that form: Grafana, Mimir, Loki's ruler, VictoriaMetrics.
 *
 * Each alert stands for itself: the status of the whole is "firing" as long as
 * one of them is, so it is only asked when an alert has none.  An array of
 * alerts without a frame, as Prometheus posts it, is read too; there the end
 * time is the status, as in Alertmanager itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"

enum { WHERE = 256 };

/* Where the alert at work, or a member of it, stands: "$.alerts[3].labels".  Only made for errors. */
static const char *
where_is(const struct frame *f, const char *member, char out[WHERE])
{
    snprintf(out, WHERE, "%s[%zu]%s%.200s", f->list, f->index, member[0] != '\0' ? "." : "", member);
    return out;
}

static const char *
text_of(const struct frame *f, const json_t *object, const char *name)
{
    return f->host->text(f->out, json_object_get(object, name));
}

static enum tocsin_rc
check_map(const struct frame *f, const json_t *map, const char *name)
{
    char where[WHERE], member[WHERE];
    const char *key;
    json_t *value;

    if (map == NULL || json_is_null(map))
        return TOCSIN_OK;
    if (!json_is_object(map))
        return f->host->fail(f->err, TOCSIN_MEANINGLESS, where_is(f, name, where), "expected an object of text");
    json_object_foreach((json_t *)(uintptr_t)map, key, value) {
        if (json_is_object(value) || json_is_array(value)) {
            snprintf(member, sizeof member, "%s.%.80s", name, key);
            return f->host->fail(f->err, TOCSIN_MEANINGLESS, where_is(f, member, where), "expected text");
        }
    }
    return TOCSIN_OK;
}

/* Go's zero time, which stands for "none", is before 1970 and so comes out as 0. */
static int64_t
time_of(const struct frame *f, const json_t *alert, const char *name)
{
    return f->host->time_of(json_string_value(json_object_get(alert, name)));
}

static enum tocsin_rc
read_status(const struct frame *f, const json_t *item, struct tocsin_alert *alert)
{
    const json_t *member = json_object_get(item, "status");
    /* GET /api/v2/alerts shows an object here; what it lists is never over */
    const char *word = json_is_string(member) ? json_string_value(member) : NULL;
    int64_t ends_at = time_of(f, item, "endsAt");
    char where[WHERE];

    if (word == NULL && ends_at != 0 && f->status == NULL) {
        alert->status = ends_at <= f->in->received_at ? TOCSIN_RESOLVED : TOCSIN_FIRING;
        alert->expires_at = alert->status == TOCSIN_FIRING ? ends_at : 0;
    } else {
        if (word == NULL)
            word = f->status != NULL ? f->status : "firing";
        if (strcmp(word, "firing") != 0 && strcmp(word, "resolved") != 0)
            return f->host->fail(f->err, TOCSIN_MEANINGLESS, where_is(f, "status", where),
                                 "unknown status '%.60s'; expected firing or resolved", word);
        alert->status = strcmp(word, "resolved") == 0 ? TOCSIN_RESOLVED : TOCSIN_FIRING;
    }
    alert->starts_at = time_of(f, item, "startsAt");
    alert->ends_at = alert->status == TOCSIN_RESOLVED ? ends_at : 0;
    return TOCSIN_OK;
}

/* Alertmanager knows no limit.  What is too much is left out and noted: refused, it would take the whole batch along. */
static void
read_map(const struct frame *f, const json_t *item, struct tocsin_alert *alert, const char *what,
         void (*add)(struct tocsin_batch *, struct tocsin_alert *, const char *, const json_t *))
{
    json_t *map = json_object_get(item, what), *value;
    const char *name, *first = NULL;
    size_t n = 0;

    json_object_foreach(map, name, value) {
        if (n++ < ALERT_PAIRS_MAX)
            add(f->out, alert, name, value);
        else if (first == NULL)
            first = name;
    }
    if (first != NULL)
        f->host->batch_note(f->out, "%s[%zu]: %zu %s from '%.80s' on are left out", f->list, f->index,
                            n - ALERT_PAIRS_MAX, what, first);
}

/* The line that people read: what the rule's author wrote for it, else the rule's name and where. */
static void
read_summary(const struct frame *f, const json_t *item, struct tocsin_alert *alert)
{
    static const char *const names[] = { "summary", "title", "message", "description" };
    const size_t n = sizeof names / sizeof names[0];
    const json_t *annotations = json_object_get(item, "annotations"), *labels = json_object_get(item, "labels");
    const char *name, *instance;

    for (size_t i = 0; i < 2 * n; i++) {
        alert->summary = text_of(f, i < n ? annotations : f->common, names[i % n]);
        if (alert->summary[0] != '\0')
            return;
    }
    name = text_of(f, labels, "alertname");
    instance = text_of(f, labels, "instance");
    if (name[0] != '\0' && instance[0] != '\0')
        alert->summary = f->host->batch_printf(f->out, "%s on %s", name, instance);
    else
        alert->summary = name;
}

static void
read_links(const struct frame *f, const json_t *item, struct tocsin_alert *alert)
{
    static const struct { const char *name, *text; } own[] = {
        { "generatorURL", "source" }, { "dashboardURL", "dashboard" }, { "panelURL", "panel" },
        { "silenceURL", "silence" },  { "imageURL", "image" },
    };
    static const struct { const char *name, *text; } annotated[] = {
        { "runbook_url", "runbook" }, { "runbook", "runbook" }, { "dashboard_url", "dashboard" },
    };
    const json_t *annotations = json_object_get(item, "annotations");

    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        f->host->alert_link(f->out, alert, json_string_value(json_object_get(item, own[i].name)), own[i].text);
    for (size_t i = 0; i < sizeof annotated / sizeof annotated[0]; i++)
        f->host->alert_link(f->out, alert, json_string_value(json_object_get(annotations, annotated[i].name)),
                            annotated[i].text);
    f->host->alert_link(f->out, alert, f->external_url, "sender");
}

void
alert_read_text(const struct frame *f, const json_t *item, struct tocsin_alert *alert)
{
    const json_t *labels = json_object_get(item, "labels");

    alert->severity = f->host->severity_of(json_string_value(json_object_get(labels, "severity")));
    read_map(f, item, alert, "labels", f->host->alert_label_json);
    read_map(f, item, alert, "annotations", f->host->alert_annotation_json);
    read_summary(f, item, alert);
    read_links(f, item, alert);
}

/* "": the host hashes the labels that the alert has, so long as those are all. */
static const char *
identity(const struct frame *f, const json_t *item)
{
    const json_t *labels = json_object_get(item, "labels");
    const char *key = text_of(f, item, "fingerprint");
    char *all;

    if (key[0] != '\0' || json_object_size(labels) <= ALERT_PAIRS_MAX)
        return key;
    all = json_dumps(labels, JSON_COMPACT | JSON_SORT_KEYS);
    key = all != NULL ? f->host->digest(f->out, all) : "";
    free(all);
    return key;
}

static enum tocsin_rc
read_alert(const struct frame *f, const json_t *item)
{
    struct tocsin_alert *alert;
    const json_t *labels = json_object_get(item, "labels");
    char where[WHERE];
    enum tocsin_rc rc;

    if (!json_is_object(item))
        return f->host->fail(f->err, TOCSIN_MEANINGLESS, where_is(f, "", where),
                             "expected an alert, which is an object");
    rc = check_map(f, labels, "labels");
    if (rc == TOCSIN_OK)
        rc = check_map(f, json_object_get(item, "annotations"), "annotations");
    if (rc != TOCSIN_OK)
        return rc;
    if (json_object_size(labels) == 0)
        return f->host->fail(f->err, TOCSIN_MEANINGLESS, where_is(f, "labels", where), "expected at least one label");
    alert = f->host->alert_new(f->out);
    rc = read_status(f, item, alert);
    if (rc != TOCSIN_OK)
        return rc;
    alert->dedup_key = identity(f, item);
    alert->group = f->group;
    alert_read_text(f, item, alert);
    return TOCSIN_OK;
}

static enum tocsin_rc
read_alerts(struct frame *f, const json_t *alerts, const char *path)
{
    json_t *item;

    f->list = path;
    json_array_foreach(alerts, f->index, item) {
        enum tocsin_rc rc = read_alert(f, item);

        if (rc != TOCSIN_OK)
            return rc;
    }
    return TOCSIN_OK;
}

static enum tocsin_rc
read_document(struct frame *f, const json_t *doc)
{
    const json_t *alerts = json_object_get(doc, "alerts");
    json_int_t truncated = json_integer_value(json_object_get(doc, "truncatedAlerts"));

    if (json_is_array(doc))
        return read_alerts(f, doc, "$");
    if (!json_is_array(alerts))
        return f->host->fail(f->err, TOCSIN_MEANINGLESS, "$.alerts", "expected an array of alerts");
    f->group = text_of(f, doc, "groupKey");
    f->external_url = json_string_value(json_object_get(doc, "externalURL"));
    f->status = json_string_value(json_object_get(doc, "status"));
    f->common = json_object_get(doc, "commonAnnotations");
    if (truncated > 0)
        f->host->batch_note(f->out, "the sender left out %" JSON_INTEGER_FORMAT " alerts: raise max_alerts there",
                            truncated);
    return read_alerts(f, alerts, "$.alerts");
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct frame f = { .host = host, .in = in, .out = out, .err = err };
    json_t *doc;
    enum tocsin_rc rc = host->parse_json(in->body, in->len, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    rc = read_document(&f, doc);
    json_decref(doc);
    return rc;
}

static const struct tocsin_option options[] = {
    { "resolve_timeout", TOCSIN_OPT_DURATION, "5m",
      "intake: an alert without an end is resolved when nothing was heard of it for so long", NULL },
    { NULL, TOCSIN_OPT_STRING, NULL, NULL, NULL },
};

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "alertmanager",
    .summary = "Alertmanager's webhook and API, and what speaks their form (Prometheus, Grafana, Mimir, Loki)",
    .collector_options = options,
    .open = intake_open,
    .close = intake_close,
    .decode = decode,
    .routes = intake_routes,
    .intake = intake_take,
    .answer = intake_answer,
    .refuse = intake_refuse,
};
