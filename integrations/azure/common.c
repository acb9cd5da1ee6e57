/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common.c - the common alert schema: data.essentials says what every alert has,
 * data.alertContext what only this kind has.
 *
 * monitorCondition alone tells whether it is over: resolvedDateTime may be
 * there on an alert that is "Fired".  Health entries are the exception
 * (event.c).
 */
#include "azure.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { TARGETS_TEXT = 8192 };        /* more than is kept of an annotation, so that its cut is marked */

static const char *
first_text(const struct azure *az, const json_t *array)
{
    return az->host->text(az->out, json_array_get(array, 0));
}

static enum tocsin_rc
read_status(const struct azure *az, const json_t *essentials, const json_t *context, struct tocsin_alert *alert)
{
    const char *word = azure_text(az, essentials, "monitorCondition");

    if (strcasecmp(word, "Resolved") == 0)
        alert->status = TOCSIN_RESOLVED;
    else if (strcasecmp(word, "Fired") == 0)
        alert->status = azure_event_status(az, context);
    else
        return az->host->fail(az->err, TOCSIN_MEANINGLESS, "$.data.essentials.monitorCondition",
                              word[0] != '\0' ? "unknown condition '%.60s'; expected Fired or Resolved"
                                              : "expected Fired or Resolved%s", word);
    alert->starts_at = azure_time(az, essentials, "firedDateTime");
    if (alert->status == TOCSIN_RESOLVED) {
        alert->ends_at = azure_time(az, essentials, "resolvedDateTime");
        if (alert->ends_at == 0)
            alert->ends_at = azure_time(az, context, "eventTimestamp");
    }
    return TOCSIN_OK;
}

static const char *
summary_of(const struct azure *az, const json_t *essentials, const json_t *context)
{
    const char *rule = azure_text(az, essentials, "alertRule");
    const char *item = first_text(az, azure_get(essentials, "configurationItems"));
    const char *detail = azure_text(az, azure_get(context, "annotations"), "summary");

    if (detail[0] != '\0')         /* Prometheus: the rule's author wrote the line */
        return detail;
    detail = azure_text(az, azure_get(context, "properties"), "title");
    if (detail[0] == '\0')
        detail = azure_text(az, context, "DetectionSummary");
    if (rule[0] == '\0')
        rule = azure_text(az, essentials, "monitoringService");
    if (detail[0] != '\0')
        rule = az->host->batch_printf(az->out, "%s: %s", rule, detail);
    if (item[0] == '\0' || strcasestr(rule, item) != NULL)
        return rule;
    return az->host->batch_printf(az->out, "%s on %s", rule, item);
}

/* Prometheus rule groups bring labels and annotations of their own. */
static void
read_prometheus(const struct azure *az, struct tocsin_alert *alert, const json_t *context)
{
    const json_t *annotations = azure_get(context, "annotations");
    const char *name;
    json_t *value;

    azure_custom(az, alert, azure_get(context, "labels"));
    json_object_foreach((json_t *)(uintptr_t)annotations, name, value)
        az->host->alert_annotation_json(az->out, alert, name, value);
    az->host->alert_annotation_json(az->out, alert, "expression", azure_get(context, "expression"));
    az->host->alert_annotation_json(az->out, alert, "value", azure_get(context, "expressionValue"));
    az->host->alert_link(az->out, alert, azure_text(az, annotations, "runbook_url"), "runbook");
}

/* Log alerts of version 1, and smart detection. */
static void
read_details(const struct azure *az, struct tocsin_alert *alert, const json_t *context)
{
    static const struct { const char *member, *name; } kept[] = {
        { "SearchQuery", "query" },         { "ResultCount", "results" },    { "Operator", "operator" },
        { "Threshold", "threshold" },       { "AlertType", "alert_type" },   { "DetectionSummary", "detection" },
        { "DetectedValue", "detected" },    { "NormalValue", "normal" },     { "SmartDetectorName", "detector" },
    };

    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        az->host->alert_annotation_json(az->out, alert, kept[i].name, azure_get(context, kept[i].member));
    azure_dimensions(az, alert, azure_get(context, "Dimensions"));
    az->host->alert_link(az->out, alert, azure_text(az, context, "LinkToFilteredSearchResultsUI"), "results");
    az->host->alert_link(az->out, alert, azure_text(az, context, "LinkToSearchResults"), "results");
}

static void
read_budget(const struct azure *az, struct tocsin_alert *alert, const json_t *budget)
{
    static const struct { const char *member, *name; } kept[] = {
        { "BudgetName", "budget" },         { "SpentAmount", "spent" },       { "SpendingAmount", "spent" },
        { "NotificationThresholdAmount", "threshold" }, { "Budget", "budget_amount" }, { "Unit", "unit" },
    };

    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        az->host->alert_annotation_json(az->out, alert, kept[i].name, azure_get(budget, kept[i].member));
}

static void
read_targets(const struct azure *az, struct tocsin_alert *alert, const json_t *targets)
{
    char *all = az->host->batch_printf(az->out, "%*s", TARGETS_TEXT, ""), *p = all;
    json_t *item;
    size_t i;

    azure_resource(az, alert, first_text(az, targets));
    json_array_foreach(targets, i, item) {
        size_t room = (size_t)(all + TARGETS_TEXT - p);
        int n = snprintf(p, room, "%s%s", i > 0 ? " " : "", az->host->text(az->out, item));

        if (n < 0 || (size_t)n >= room)
            break;                           /* what was cut off would not be kept either */
        p += n;
    }
    if (json_array_size(targets) > 1)
        az->host->alert_annotation(az->out, alert, "targets", all);
}

static void
read_context(const struct azure *az, struct tocsin_alert *alert, const json_t *data, const json_t *context)
{
    const json_t *condition = azure_get(context, "condition"), *labels = azure_get(context, "labels");

    azure_custom(az, alert, azure_get(data, "customProperties"));
    if (json_is_object(condition)) {
        if (azure_get(data, "customProperties") == NULL)
            azure_custom(az, alert, azure_get(context, "properties"));
        azure_condition(az, alert, condition);
    } else if (azure_get(context, "eventSource") != NULL) {
        azure_event_details(az, alert, context);
        if (azure_event_kind(az, context) == AZURE_EVENT_OTHER)
            azure_ends_by_itself(az, alert);
    } else if (json_is_object(labels)) {
        read_prometheus(az, alert, context);
    } else {
        read_details(az, alert, context);
        read_budget(az, alert, azure_get(context, "AlertData"));
        if (azure_get(context, "AlertData") != NULL)
            azure_ends_by_itself(az, alert);
    }
}

enum tocsin_rc
azure_common(const struct azure *az, const json_t *data, const json_t *essentials)
{
    const json_t *context = azure_get(data, "alertContext"), *targets = azure_get(essentials, "alertTargetIDs");
    const char *key;
    struct tocsin_alert *alert;
    enum tocsin_rc rc;

    if (!json_is_object(essentials))
        return az->host->fail(az->err, TOCSIN_MEANINGLESS, "$.data.essentials", "expected an object");
    alert = az->host->alert_new(az->out);
    rc = read_status(az, essentials, context, alert);
    if (rc != TOCSIN_OK)
        return rc;
    key = azure_event_key(az, context, first_text(az, targets));
    if (key == NULL)
        key = azure_text(az, essentials, "alertId");
    if (key[0] == '\0')
        key = azure_text(az, essentials, "originAlertId");
    if (key[0] == '\0')
        return az->host->fail(az->err, TOCSIN_MEANINGLESS, "$.data.essentials.alertId", "expected the alert's id");
    alert->dedup_key = key;
    alert->severity = az->host->severity_of(azure_text(az, essentials, "severity"));
    if (alert->severity == TOCSIN_SEV_NONE)
        alert->severity = az->host->severity_of(azure_text(az, azure_get(context, "labels"), "severity"));
    alert->summary = summary_of(az, essentials, context);
    read_context(az, alert, data, context);
    az->host->alert_label_json(az->out, alert, "alert_rule", azure_get(essentials, "alertRule"));
    az->host->alert_label_json(az->out, alert, "signal_type", azure_get(essentials, "signalType"));
    az->host->alert_label_json(az->out, alert, "monitoring_service", azure_get(essentials, "monitoringService"));
    az->host->alert_annotation_json(az->out, alert, "description", azure_get(essentials, "description"));
    read_targets(az, alert, targets);
    az->host->alert_link(az->out, alert, azure_text(az, essentials, "investigationLink"), "investigate");
    return TOCSIN_OK;
}
