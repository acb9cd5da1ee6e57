/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.c - what people put on topics: CloudWatch alarms (cloudwatch.c), events of
 * EventBridge, tocsin's own schema, any other JSON, and text.
 *
 * Only what says that something is wrong fires.  Text and unknown JSON are
 * recorded as unknown: they can neither page at night nor resolve anything,
 * until a rule says what they mean.
 */
#include "sns.h"

#include <string.h>
#include <strings.h>

static const char *
text_of(const struct sns_read *r, const json_t *object, const char *name)
{
    return r->host->text(r->out, json_object_get(object, name));
}

static const char *
first_of(const struct sns_read *r, const json_t *object, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *value = text_of(r, object, names[i]);

        if (value[0] != '\0')
            return value;
    }
    return "";
}

/* --- EventBridge: {"detail-type", "source", "region", "account", "resources", "detail"} --------- */

/* Findings are graded by a number from 0 to 10: 9 critical, 7 high, 4 medium, the rest low. */
static enum tocsin_severity
grade(double n)
{
    return n >= 9 ? TOCSIN_CRITICAL : n >= 7 ? TOCSIN_ERROR : n >= 4 ? TOCSIN_WARNING : TOCSIN_INFO;
}

static enum tocsin_severity
severity_in(const struct sns_read *r, const json_t *object)
{
    static const char *const names[] = { "severity", "Severity", "level", "priority" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const json_t *value = json_object_get(object, names[i]);
        enum tocsin_severity severity;

        if (json_is_number(value) && i < 2)
            return grade(json_number_value(value));
        if (json_is_object(value))
            value = json_object_get(value, "Label");     /* Security Hub */
        severity = r->host->severity_of(json_string_value(value));
        if (severity != TOCSIN_SEV_NONE)
            return severity;
    }
    return TOCSIN_SEV_NONE;
}

/* CloudWatch's alarm as an event rather than as an alarm action. */
static enum tocsin_rc
alarm_event(const struct sns_read *r, const struct sns_message *m, const json_t *doc, const json_t *detail)
{
    const json_t *state = json_object_get(detail, "state");
    const char *arn = r->host->text(r->out, json_array_get(json_object_get(doc, "resources"), 0));
    json_t *alarm = json_pack("{s:s, s:s, s:s, s:s, s:s}", "AlarmName", text_of(r, detail, "alarmName"), "AlarmArn",
                              arn, "NewStateValue", text_of(r, state, "value"), "NewStateReason",
                              text_of(r, state, "reason"), "StateChangeTime", text_of(r, state, "timestamp"));
    enum tocsin_rc rc;

    if (alarm == NULL)             /* a NUL in the text became U+FFFD, so this is memory */
        return r->host->fail(r->err, TOCSIN_FATAL, "", "out of memory");
    rc = sns_alarm(r, m, alarm);
    json_decref(alarm);
    return rc;
}

static enum tocsin_rc
event(const struct sns_read *r, const struct sns_message *m, const json_t *doc)
{
    static const char *const titles[] = { "title", "Title", "summary", "message", "eventTypeCode" };
    static const char *const keys[] = { "id", "Id", "arn", "eventArn" };
    static const char *const texts[] = { "description", "Description", "eventDescription" };
    const json_t *detail = json_object_get(doc, "detail");
    const char *type = text_of(r, doc, "detail-type"), *title, *key;
    struct tocsin_alert *alert;

    if (strcmp(type, "CloudWatch Alarm State Change") == 0 && json_object_get(detail, "alarmName") != NULL)
        return alarm_event(r, m, doc, detail);
    if (json_is_array(json_object_get(detail, "findings")))
        detail = json_array_get(json_object_get(detail, "findings"), 0);
    alert = r->host->alert_new(r->out);
    alert->severity = severity_in(r, detail);
    alert->status = alert->severity != TOCSIN_SEV_NONE ? TOCSIN_FIRING : TOCSIN_UNKNOWN;
    key = first_of(r, detail, keys, sizeof keys / sizeof keys[0]);
    if (key[0] == '\0')
        key = text_of(r, doc, "id");
    alert->dedup_key = key[0] != '\0' ? key : m->id;
    title = first_of(r, detail, titles, sizeof titles / sizeof titles[0]);
    alert->summary = title[0] != '\0' ? title : type;
    alert->starts_at = r->host->time_of(text_of(r, doc, "time"));
    if (alert->starts_at == 0)
        alert->starts_at = m->sent_at;
    r->host->alert_label(r->out, alert, "event", type);
    r->host->alert_label_json(r->out, alert, "type", json_object_get(detail, "type"));
    sns_labels(r, alert, "", m->topic);
    r->host->alert_label_json(r->out, alert, "region", json_object_get(doc, "region"));
    r->host->alert_label_json(r->out, alert, "account", json_object_get(doc, "account"));
    r->host->alert_annotation(r->out, alert, "description",
                              first_of(r, detail, texts, sizeof texts / sizeof texts[0]));
    return TOCSIN_OK;
}

/* --- anything else --------------------------------------------------------------------------------- */

static void
frame(const struct sns_read *r, const struct sns_message *m, struct tocsin_alert *alert)
{
    alert->dedup_key = m->id;
    alert->starts_at = m->sent_at;
    sns_labels(r, alert, "", m->topic);
}

static void
keep_scalars(const struct sns_read *r, struct tocsin_alert *alert, const json_t *doc)
{
    const char *name;
    json_t *value;
    size_t kept = 0;

    json_object_foreach((json_t *)(uintptr_t)doc, name, value) {
        if (json_is_object(value) || json_is_array(value) || json_is_null(value))
            continue;
        if (kept++ == 32)          /* a stranger's document, not an alert: it must not be refused for its size */
            return;
        r->host->alert_annotation_json(r->out, alert, name, value);
    }
}

static enum tocsin_rc
other(const struct sns_read *r, const struct sns_message *m, const json_t *doc)
{
    static const char *const titles[] = { "title",   "summary",       "subject", "name",
                                          "message", "Event Message", "Event",   "Cause" };
    struct tocsin_alert *alert = r->host->alert_new(r->out);
    enum tocsin_severity severity = severity_in(r, doc);

    frame(r, m, alert);
    alert->status = severity > TOCSIN_INFO ? TOCSIN_FIRING : TOCSIN_UNKNOWN;
    alert->severity = severity != TOCSIN_SEV_NONE ? severity : TOCSIN_INFO;
    alert->summary = m->subject;
    if (alert->summary[0] == '\0')
        alert->summary = first_of(r, doc, titles, sizeof titles / sizeof titles[0]);
    if (alert->summary[0] == '\0')
        alert->summary = r->host->batch_printf(r->out, "message from %s", m->topic[0] != '\0' ? m->topic : "SNS");
    keep_scalars(r, alert, doc);
    return TOCSIN_OK;
}

static enum tocsin_rc
plain(const struct sns_read *r, const struct sns_message *m)
{
    struct tocsin_alert *alert = r->host->alert_new(r->out);
    json_t *text = json_stringn(m->text, m->text_len);

    frame(r, m, alert);
    alert->status = TOCSIN_UNKNOWN;
    alert->severity = TOCSIN_INFO;
    alert->summary = m->subject;
    if (alert->summary[0] == '\0')
        alert->summary = r->host->batch_printf(r->out, "%.*s", (int)strcspn(m->text, "\r\n"), m->text);
    if (alert->summary[0] == '\0')
        alert->summary = r->host->batch_printf(r->out, "message from %s", m->topic[0] != '\0' ? m->topic : "SNS");
    if (text != NULL)
        r->host->alert_annotation_json(r->out, alert, "message", text);
    else                           /* not UTF-8: as far as the first NUL, cleaned */
        r->host->alert_annotation(r->out, alert, "message", m->text);
    json_decref(text);
    return TOCSIN_OK;
}

static bool
is_own_schema(const json_t *doc)
{
    return json_is_string(json_object_get(doc, "summary")) && json_is_string(json_object_get(doc, "status")) &&
           (json_object_get(doc, "dedup_key") != NULL || json_object_get(doc, "labels") != NULL);
}

enum tocsin_rc
sns_message(const struct sns_read *r, const struct sns_message *m)
{
    json_t *doc = NULL;
    enum tocsin_rc rc;

    if (r->host->parse_json(m->text, m->text_len, &doc, NULL) != TOCSIN_OK)
        return plain(r, m);
    if (sns_is_alarm(doc))
        rc = sns_alarm(r, m, doc);
    else if (json_is_object(json_object_get(doc, "detail")) && json_is_string(json_object_get(doc, "detail-type")))
        rc = event(r, m, doc);
    else if (is_own_schema(doc))
        rc = r->host->decode_schema(
            r->out, doc, m->path[0] != '\0' ? r->host->batch_printf(r->out, "%s.Message", m->path) : "$", r->err);
    else if (json_is_object(doc))
        rc = other(r, m, doc);
    else
        rc = plain(r, m);
    json_decref(doc);
    return rc;
}
