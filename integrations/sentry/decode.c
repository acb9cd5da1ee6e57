/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - Sentry's webhooks: those of an internal integration (issue, error,
 * event_alert, metric_alert) and that of the old WebHooks plugin.
 *
 * Whatever tells of an issue has the issue's number as its identity, so that
 * "issue resolved" ends what an error or an alert rule began.  Those two say
 * nothing more after they happened, and who does not subscribe to issues hears
 * of no end: they expire.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sentry.h"

enum { DAY_MS = 24 * 3600 * 1000 };

struct hook {
    const struct tocsin_host *host;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    int64_t received_at;
    const json_t *root;
    const char *action;
};

static const char *
text(const struct hook *s, const json_t *object, const char *name)
{
    return s->host->text(s->out, json_object_get(object, name));
}

/* The project's slug in an address such as .../projects/<organization>/<slug>/events/... */
static const char *
slug_of(const struct hook *s, const char *url)
{
    const char *p = strstr(url, "/projects/");

    p = p != NULL ? strchr(p + 10, '/') : NULL;
    return p != NULL ? s->host->batch_printf(s->out, "%.*s", (int)strcspn(p + 1, "/"), p + 1) : "";
}

/* Tags are [name, value]; those that say where it happened are labels. */
static void
read_tags(const struct hook *s, struct tocsin_alert *alert, const json_t *tags)
{
    static const struct {
        const char *tag, *name;
        bool is_label;
    } kept[] = {
        { "environment", "environment", true },
        { "server_name", "host", true },
        { "handled", "handled", true },
        { "transaction", "transaction", false },
        { "sentry:release", "release", false },
        { "release", "release", false },
        { "url", "url", false },
        { "runtime.name", "runtime", false },
    };
    json_t *pair;
    size_t i;

    json_array_foreach(tags, i, pair)
    {
        const char *tag = s->host->text(s->out, json_array_get(pair, 0));

        for (size_t k = 0; k < sizeof kept / sizeof kept[0]; k++)
            if (strcmp(kept[k].tag, tag) == 0)
                (kept[k].is_label ? s->host->alert_label_json : s->host->alert_annotation_json)(
                    s->out, alert, kept[k].name, json_array_get(pair, 1));
    }
}

static enum tocsin_rc
missing(const struct hook *s, const char *where)
{
    return s->host->fail(s->err, TOCSIN_MEANINGLESS, where, "expected the issue's number");
}

static void
read_common(const struct hook *s, struct tocsin_alert *alert, const json_t *from, const char *issue,
            const char *project)
{
    const char *title = text(s, from, "title");

    if (title[0] == '\0')
        title = text(s, from, "message");
    alert->dedup_key = s->host->batch_printf(s->out, "issue/%s", issue);
    alert->summary = project[0] != '\0' ? s->host->batch_printf(s->out, "%s: %s", project, title) : title;
    alert->severity = s->host->severity_of(text(s, from, "level"));
    s->host->alert_label(s->out, alert, "project", project);
    s->host->alert_label_json(s->out, alert, "level", json_object_get(from, "level"));
    s->host->alert_label_json(s->out, alert, "platform", json_object_get(from, "platform"));
    s->host->alert_annotation_json(s->out, alert, "culprit", json_object_get(from, "culprit"));
}

/* data.error and data.event: one thing that happened. */
static enum tocsin_rc
read_event(const struct hook *s, const json_t *event, const json_t *data, const char *path)
{
    const char *issue = text(s, event, "issue_id");
    struct tocsin_alert *alert;

    if (issue[0] == '\0')
        return missing(s, s->host->batch_printf(s->out, "%s.issue_id", path));
    alert = s->host->alert_new(s->out);
    alert->status = TOCSIN_FIRING;
    alert->starts_at = s->host->time_of(json_string_value(json_object_get(event, "datetime")));
    alert->expires_at = s->received_at + DAY_MS;
    read_common(s, alert, event, issue, slug_of(s, text(s, event, "url")));
    read_tags(s, alert, json_object_get(event, "tags"));
    s->host->alert_label_json(s->out, alert, "rule", json_object_get(data, "triggered_rule"));
    s->host->alert_link(s->out, alert, text(s, event, "web_url"), "event");
    return TOCSIN_OK;
}

static enum tocsin_rc
read_issue(const struct hook *s, const json_t *issue)
{
    static const struct {
        const char *action;
        enum tocsin_status status;
    } actions[] = {
        { "created", TOCSIN_FIRING },    { "unresolved", TOCSIN_FIRING }, { "resolved", TOCSIN_RESOLVED },
        { "archived", TOCSIN_RESOLVED }, { "ignored", TOCSIN_RESOLVED },  { "assigned", TOCSIN_UNKNOWN },
    };
    const char *id = text(s, issue, "id");
    const json_t *project = json_object_get(issue, "project");
    struct tocsin_alert *alert;
    size_t i = 0, n = sizeof actions / sizeof actions[0];

    if (id[0] == '\0')
        return missing(s, "$.data.issue.id");
    while (i < n && strcmp(actions[i].action, s->action) != 0)
        i++;
    if (i == n)
        return s->host->fail(
            s->err, TOCSIN_MEANINGLESS, "$.action",
            "unknown action '%.60s'; expected created, unresolved, resolved, archived, ignored or assigned", s->action);
    alert = s->host->alert_new(s->out);
    alert->status = actions[i].status;
    alert->starts_at = s->host->time_of(json_string_value(json_object_get(issue, "firstSeen")));
    read_common(s, alert, issue, id, text(s, project, "slug"));
    s->host->alert_annotation_json(s->out, alert, "short_id", json_object_get(issue, "shortId"));
    s->host->alert_annotation_json(s->out, alert, "count", json_object_get(issue, "count"));
    s->host->alert_annotation_json(s->out, alert, "users", json_object_get(issue, "userCount"));
    s->host->alert_link(s->out, alert, text(s, issue, "web_url"), "issue");
    s->host->alert_link(s->out, alert, text(s, issue, "permalink"), "issue");
    return TOCSIN_OK;
}

static enum tocsin_rc
read_metric(const struct hook *s, const json_t *data, const json_t *metric)
{
    const json_t *rule = json_object_get(metric, "alert_rule");
    const char *id = text(s, metric, "id"), *title = text(s, data, "description_title");
    const char *detail = text(s, data, "description_text");
    bool over = strcmp(s->action, "resolved") == 0;
    struct tocsin_alert *alert;

    if (id[0] == '\0')
        return s->host->fail(s->err, TOCSIN_MEANINGLESS, "$.data.metric_alert.id", "expected the incident's number");
    if (!over && strcmp(s->action, "critical") != 0 && strcmp(s->action, "warning") != 0 &&
        strcmp(s->action, "open") != 0)
        return s->host->fail(s->err, TOCSIN_MEANINGLESS, "$.action",
                             "unknown action '%.60s'; expected critical, warning, open or resolved", s->action);
    alert = s->host->alert_new(s->out);
    alert->status = over ? TOCSIN_RESOLVED : TOCSIN_FIRING;
    alert->severity = s->host->severity_of(s->action);
    alert->dedup_key = s->host->batch_printf(s->out, "metric/%s", id);
    alert->summary = title[0] == '\0' ? text(s, rule, "name")
                     : over || detail[0] == '\0'
                         ? title
                         : s->host->batch_printf(s->out, "%s: %.*s", title, (int)strcspn(detail, "\n"), detail);
    alert->starts_at = s->host->time_of(json_string_value(json_object_get(metric, "date_started")));
    if (over)
        alert->ends_at = s->host->time_of(json_string_value(json_object_get(metric, "date_closed")));
    s->host->alert_label_json(s->out, alert, "rule", json_object_get(rule, "name"));
    s->host->alert_label_json(s->out, alert, "environment", json_object_get(rule, "environment"));
    s->host->alert_label_json(s->out, alert, "project", json_array_get(json_object_get(metric, "projects"), 0));
    s->host->alert_annotation(s->out, alert, "description", detail);
    s->host->alert_annotation_json(s->out, alert, "query", json_object_get(rule, "query"));
    s->host->alert_annotation_json(s->out, alert, "aggregate", json_object_get(rule, "aggregate"));
    s->host->alert_link(s->out, alert, text(s, data, "web_url"), "alert");
    return TOCSIN_OK;
}

static enum tocsin_rc
read_plugin(const struct hook *s)
{
    const json_t *event = json_object_get(s->root, "event");
    const char *issue = text(s, s->root, "id"), *project = text(s, s->root, "project_slug");
    struct tocsin_alert *alert;

    if (issue[0] == '\0')
        return missing(s, "$.id");
    alert = s->host->alert_new(s->out);
    alert->status = TOCSIN_FIRING;
    alert->expires_at = s->received_at + DAY_MS;
    read_common(s, alert, event, issue, project[0] != '\0' ? project : text(s, s->root, "project"));
    if (alert->severity == TOCSIN_SEV_NONE)
        alert->severity = s->host->severity_of(text(s, s->root, "level"));
    read_tags(s, alert, json_object_get(event, "tags"));
    s->host->alert_label_json(s->out, alert, "rule", json_array_get(json_object_get(s->root, "triggering_rules"), 0));
    s->host->alert_link(s->out, alert, text(s, s->root, "url"), "issue");
    return TOCSIN_OK;
}

static enum tocsin_rc
read_document(struct hook *s)
{
    const json_t *data = json_object_get(s->root, "data");

    s->action = text(s, s->root, "action");
    if (json_is_object(json_object_get(s->root, "event")))
        return read_plugin(s);
    if (!json_is_object(data))
        return s->host->fail(s->err, TOCSIN_MEANINGLESS, "$.data",
                             "expected an object; or 'event' of the WebHooks plugin");
    if (json_is_object(json_object_get(data, "metric_alert")))
        return read_metric(s, data, json_object_get(data, "metric_alert"));
    if (json_is_object(json_object_get(data, "error")))
        return read_event(s, json_object_get(data, "error"), data, "$.data.error");
    if (json_is_object(json_object_get(data, "event")))
        return read_event(s, json_object_get(data, "event"), data, "$.data.event");
    if (json_is_object(json_object_get(data, "issue")))
        return read_issue(s, json_object_get(data, "issue"));
    s->host->batch_note(
        s->out, "no alert: Sentry told of something else (action '%.60s'), such as a comment or an installation",
        s->action);
    return TOCSIN_OK;
}

enum tocsin_rc
hook_decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct hook s = { .host = host, .out = out, .err = err, .received_at = in->received_at };
    json_t *doc;
    enum tocsin_rc rc = host->parse_json(in->body, in->len, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    s.root = doc;
    rc = read_document(&s);
    json_decref(doc);
    return rc;
}
