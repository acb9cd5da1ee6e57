/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cloudwatch.c - a CloudWatch alarm's change of state, as its SNS action sends it.
 *
 * NewStateValue is the truth; the subject may say something else (a rule of the
 * sender's may rewrite it).  AlarmArn is unique over regions and accounts.
 */
#include "sns.h"

#include <stdio.h>
#include <string.h>

/* --- ARNs and the console ------------------------------------------------------------------ */

const char *
sns_arn_part(const struct sns_read *r, const char *arn, unsigned index)
{
    if (strncmp(arn, "arn:", 4) != 0)
        return "";
    for (; index > 0; index--) {
        const char *colon = strchr(arn, ':');

        if (colon == NULL)
            return "";
        arn = colon + 1;
    }
    return r->host->batch_printf(r->out, "%.*s", (int)strcspn(arn, ":"), arn);
}

void
sns_labels(const struct sns_read *r, struct tocsin_alert *alert, const char *arn, const char *topic)
{
    const char *region = sns_arn_part(r, arn, 3), *account = sns_arn_part(r, arn, 4);

    r->host->alert_label(r->out, alert, "region", region[0] != '\0' ? region : sns_arn_part(r, topic, 3));
    r->host->alert_label(r->out, alert, "account", account[0] != '\0' ? account : sns_arn_part(r, topic, 4));
    r->host->alert_label(r->out, alert, "topic", sns_arn_part(r, topic, 5));
}

void
sns_console_link(const struct sns_read *r, struct tocsin_alert *alert, const char *arn, const char *region,
                 const char *alarm)
{
    const char *partition = sns_arn_part(r, arn, 1);
    const char *domain = strcmp(partition, "aws-cn") == 0       ? "console.amazonaws.cn"
                         : strcmp(partition, "aws-us-gov") == 0 ? "console.amazonaws-us-gov.com"
                                                                : "console.aws.amazon.com";

    if (region[0] == '\0' || region[strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
        return;
    r->host->alert_link(r->out, alert,
                        r->host->batch_printf(r->out, "https://%s.%s/cloudwatch/home?region=%s#alarmsV2:alarm/%s",
                                              region, domain, region, r->host->escape(r->out, alarm)),
                        "CloudWatch");
}

/* --- the alarm ------------------------------------------------------------------------------ */

static const char *
text_of(const struct sns_read *r, const json_t *object, const char *name)
{
    return r->host->text(r->out, json_object_get(object, name));
}

bool
sns_is_alarm(const json_t *doc)
{
    return json_is_string(json_object_get(doc, "AlarmName")) && json_object_get(doc, "NewStateValue") != NULL;
}

static enum tocsin_rc
read_state(const struct sns_read *r, const struct sns_message *m, const json_t *doc, struct tocsin_alert *alert)
{
    const char *state = text_of(r, doc, "NewStateValue");
    int64_t when = r->host->time_of(text_of(r, doc, "StateChangeTime"));

    if (strcmp(state, "ALARM") == 0)
        alert->status = TOCSIN_FIRING;
    else if (strcmp(state, "OK") == 0)
        alert->status = TOCSIN_RESOLVED;
    else if (strcmp(state, "INSUFFICIENT_DATA") == 0)
        alert->status = TOCSIN_UNKNOWN;
    else
        return r->host->fail(
            r->err, TOCSIN_MEANINGLESS,
            r->host->batch_printf(r->out, "%s%sNewStateValue", m->path, m->path[0] != '\0' ? ".Message." : "$."),
            "unknown state '%.60s'; expected ALARM, OK or INSUFFICIENT_DATA", state);
    if (when == 0)
        when = m->sent_at;
    if (alert->status == TOCSIN_RESOLVED)
        alert->ends_at = when;
    else
        alert->starts_at = when;
    return TOCSIN_OK;
}

static void
read_dimensions(const struct sns_read *r, struct tocsin_alert *alert, const json_t *dimensions)
{
    json_t *item;
    size_t i;

    json_array_foreach(dimensions, i, item) {
        const char *name = text_of(r, item, "name");

        if (name[0] != '\0')
            r->host->alert_label_json(r->out, alert, r->host->batch_printf(r->out, "dimension_%s", name),
                                      json_object_get(item, "value"));
    }
}

static void
read_metric(const struct sns_read *r, struct tocsin_alert *alert, const json_t *metric)
{
    r->host->alert_label_json(r->out, alert, "namespace", json_object_get(metric, "Namespace"));
    r->host->alert_label_json(r->out, alert, "metric", json_object_get(metric, "MetricName"));
    read_dimensions(r, alert, json_object_get(metric, "Dimensions"));
}

/* Metric math: the first metric that is looked up names the alarm's subject, the expressions are kept. */
static void
read_metrics(const struct sns_read *r, struct tocsin_alert *alert, const json_t *metrics)
{
    const char *expressions = "";
    bool found = false;
    json_t *item;
    size_t i;

    json_array_foreach(metrics, i, item) {
        const json_t *metric = json_object_get(json_object_get(item, "MetricStat"), "Metric");
        const char *expression = text_of(r, item, "Expression");

        if (metric != NULL && !found) {
            read_metric(r, alert, metric);
            found = true;
        }
        if (expression[0] != '\0')
            expressions =
                r->host->batch_printf(r->out, "%s%s%s", expressions, expressions[0] != '\0' ? "; " : "", expression);
    }
    r->host->alert_annotation(r->out, alert, "expression", expressions);
}

static void
read_trigger(const struct sns_read *r, struct tocsin_alert *alert, const json_t *trigger)
{
    const char *operation = text_of(r, trigger, "ComparisonOperator"), *threshold = text_of(r, trigger, "Threshold");
    const char *periods = text_of(r, trigger, "EvaluationPeriods"), *period = text_of(r, trigger, "Period");

    if (json_is_array(json_object_get(trigger, "Metrics")))
        read_metrics(r, alert, json_object_get(trigger, "Metrics"));
    else
        read_metric(r, alert, trigger);
    if (operation[0] != '\0')
        r->host->alert_annotation(
            r->out, alert, "threshold",
            r->host->batch_printf(r->out, "%s%s%s", operation, threshold[0] != '\0' ? " " : "", threshold));
    r->host->alert_annotation_json(r->out, alert, "statistic", json_object_get(trigger, "Statistic"));
    if (periods[0] != '\0' && period[0] != '\0')
        r->host->alert_annotation(r->out, alert, "evaluation",
                                  r->host->batch_printf(r->out, "%s x %s s", periods, period));
}

enum tocsin_rc
sns_alarm(const struct sns_read *r, const struct sns_message *m, const json_t *doc)
{
    const char *arn = text_of(r, doc, "AlarmArn"), *name = text_of(r, doc, "AlarmName");
    const char *account = text_of(r, doc, "AWSAccountId"), *region;
    struct tocsin_alert *alert = r->host->alert_new(r->out);
    enum tocsin_rc rc = read_state(r, m, doc, alert);

    if (rc != TOCSIN_OK)
        return rc;
    if (arn[0] != '\0')
        alert->dedup_key = arn;
    else                           /* alarms before 2019 do not name their ARN */
        alert->dedup_key = r->host->batch_printf(r->out, "%s/%s", m->topic[0] != '\0' ? m->topic : account, name);
    alert->summary = name;
    r->host->alert_label(r->out, alert, "alarm", name);
    sns_labels(r, alert, arn, m->topic);
    read_trigger(r, alert, json_object_get(doc, "Trigger"));
    r->host->alert_annotation_json(r->out, alert, "description", json_object_get(doc, "AlarmDescription"));
    r->host->alert_annotation_json(r->out, alert, "reason", json_object_get(doc, "NewStateReason"));
    r->host->alert_annotation_json(r->out, alert, "rule", json_object_get(doc, "AlarmRule"));
    r->host->alert_annotation_json(r->out, alert, "old_state", json_object_get(doc, "OldStateValue"));
    region = sns_arn_part(r, arn[0] != '\0' ? arn : m->topic, 3);
    sns_console_link(r, alert, arn[0] != '\0' ? arn : m->topic, region, name);
    return TOCSIN_OK;
}
