/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alarm.c - CloudWatch's alarm as an event.  The alarm's ARN is the resource; it is
 * unique over regions and accounts.
 */
#include "eventbridge.h"

#include <string.h>

/*
 * An alarm on a Metrics Insights query whose data is partial comes with evaluationState in the place of
 * value.  Such an alarm is not OK, so it fires: a page too many is better than none.
 */
static enum tocsin_rc
status_of(const struct eb_event *e, const json_t *state, enum tocsin_status *out_r)
{
    const char *word = eb_text(e, state, "value");

    if (word[0] == '\0' && json_object_get(state, "evaluationState") != NULL)
        word = "ALARM";
    if (strcmp(word, "ALARM") == 0)
        *out_r = TOCSIN_FIRING;
    else if (strcmp(word, "OK") == 0)
        *out_r = TOCSIN_RESOLVED;
    else if (strcmp(word, "INSUFFICIENT_DATA") == 0)
        *out_r = TOCSIN_UNKNOWN;
    else
        return e->host->fail(e->err, TOCSIN_MEANINGLESS,
                             e->host->batch_printf(e->out, "%s.detail.state.value", e->path),
                             "unknown state '%.60s'; expected ALARM, OK or INSUFFICIENT_DATA", word);
    return TOCSIN_OK;
}

static void
read_metric(const struct eb_event *e, struct tocsin_alert *alert, const json_t *metric)
{
    const char *name;
    json_t *value;
    size_t n = 0;

    eb_label(e, alert, "namespace", eb_text(e, metric, "namespace"));
    eb_label(e, alert, "metric", eb_text(e, metric, "name"));
    json_object_foreach(json_object_get(metric, "dimensions"), name, value) if (n++ < 32)
        e->host->alert_label_json(e->out, alert, e->host->batch_printf(e->out, "dimension_%s", name), value);
}

/* The first metric that is looked up names the alarm's subject; expressions are kept. */
static void
read_metrics(const struct eb_event *e, struct tocsin_alert *alert, const json_t *metrics)
{
    const char *expressions = "";
    bool found = false;
    json_t *item;
    size_t i;

    json_array_foreach(metrics, i, item)
    {
        const json_t *metric = json_object_get(json_object_get(item, "metricStat"), "metric");
        const char *expression = eb_text(e, item, "expression");

        if (metric != NULL && !found) {
            read_metric(e, alert, metric);
            found = true;
        }
        if (expression[0] != '\0')
            expressions =
                e->host->batch_printf(e->out, "%s%s%s", expressions, expressions[0] != '\0' ? "; " : "", expression);
    }
    e->host->alert_annotation(e->out, alert, "expression", expressions);
}

static void
console_link(const struct eb_event *e, struct tocsin_alert *alert, const char *alarm)
{
    const char *domain = strncmp(e->region, "cn-", 3) == 0       ? "console.amazonaws.cn"
                         : strncmp(e->region, "us-gov-", 7) == 0 ? "console.amazonaws-us-gov.com"
                                                                 : "console.aws.amazon.com";

    if (e->region[0] == '\0' || e->region[strspn(e->region, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
        return;
    e->host->alert_link(e->out, alert,
                        e->host->batch_printf(e->out, "https://%s.%s/cloudwatch/home?region=%s#alarmsV2:alarm/%s",
                                              e->region, domain, e->region, e->host->escape(e->out, alarm)),
                        "CloudWatch");
}

enum tocsin_rc
eb_alarm(const struct eb_event *e)
{
    const json_t *state = json_object_get(e->detail, "state");
    const json_t *configuration = json_object_get(e->detail, "configuration");
    const char *name = eb_text(e, e->detail, "alarmName");
    int64_t when = e->host->time_of(eb_text(e, state, "timestamp"));
    struct eb_event at = *e;
    enum tocsin_status status = TOCSIN_UNKNOWN;
    struct tocsin_alert *alert;
    enum tocsin_rc rc = status_of(e, state, &status);

    if (rc != TOCSIN_OK)
        return rc;
    if (name[0] == '\0')
        return e->host->fail(e->err, TOCSIN_MEANINGLESS, e->host->batch_printf(e->out, "%s.detail.alarmName", e->path),
                             "expected the name of the alarm");
    at.time = when != 0 ? when : e->time;
    alert = eb_alert(&at, status, TOCSIN_SEV_NONE,
                     eb_or(e->resource, e->host->batch_printf(e->out, "alarm:%s:%s:%s", e->account, e->region, name)));
    alert->summary = name;
    eb_label(e, alert, "alarm", name);
    read_metrics(e, alert, json_object_get(configuration, "metrics"));
    eb_note(e, alert, "description", json_object_get(configuration, "description"));
    eb_note(e, alert, "reason", json_object_get(state, "reason"));
    eb_note(e, alert, "rule", json_object_get(configuration, "alarmRule"));
    eb_note(e, alert, "evaluation_state", json_object_get(state, "evaluationState"));
    eb_note(e, alert, "old_state", json_object_get(json_object_get(e->detail, "previousState"), "value"));
    console_link(e, alert, name);
    return TOCSIN_OK;
}
