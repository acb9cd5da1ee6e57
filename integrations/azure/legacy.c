/* SPDX-License-Identifier: Apache-2.0 */
/*
 * legacy.c - the shapes before the common alert schema, which action groups
 * still send unless it is switched on: metric alerts (classic and
 * near-real-time), log alerts, and budgets.
 */
#include "azure.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool
is_digit(const char *s)
{
    return s[0] >= '0' && s[0] <= '9' && s[1] == '\0';
}

/* "3" and 3 are Sev3; Log Analytics writes words. */
static enum tocsin_severity
severity_of(const struct azure *az, const char *word)
{
    return az->host->severity_of(is_digit(word) ? az->host->batch_printf(az->out, "Sev%s", word) : word);
}

/* --- metric alerts: {status, context, properties}, at the top or in data --------------------- */

static enum tocsin_rc
read_status(const struct azure *az, const json_t *root, const char *path, struct tocsin_alert *alert)
{
    static const struct { const char *word; enum tocsin_status status; } words[] = {
        { "Activated", TOCSIN_FIRING },     { "Fired", TOCSIN_FIRING },
        { "Deactivated", TOCSIN_RESOLVED }, { "Resolved", TOCSIN_RESOLVED },
    };
    const char *word = azure_text(az, root, "status");
    char where[32];

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(word, words[i].word) == 0) {
            alert->status = words[i].status;
            return TOCSIN_OK;
        }
    }
    snprintf(where, sizeof where, "%s.status", path);
    if (word[0] == '\0')
        return az->host->fail(az->err, TOCSIN_MEANINGLESS, where, "expected Activated, Deactivated or Resolved");
    return az->host->fail(az->err, TOCSIN_MEANINGLESS, where,
                          "unknown status '%.60s'; expected Activated, Deactivated or Resolved", word);
}

static void
read_metric_resource(const struct azure *az, struct tocsin_alert *alert, const json_t *context)
{
    const char *id = azure_text(az, context, "resourceId");

    if (id[0] == '/') {
        azure_resource(az, alert, id);
    } else {
        az->host->alert_label(az->out, alert, "subscription",
                              azure_lower(az, azure_text(az, context, "subscriptionId")));
        az->host->alert_label(az->out, alert, "resource_group",
                              azure_lower(az, azure_text(az, context, "resourceGroupName")));
        az->host->alert_label(az->out, alert, "resource_type",
                              azure_lower(az, azure_text(az, context, "resourceType")));
        az->host->alert_label(az->out, alert, "resource", azure_lower(az, azure_text(az, context, "resourceName")));
    }
    az->host->alert_label_json(az->out, alert, "region", azure_get(context, "resourceRegion"));
    az->host->alert_link(az->out, alert, azure_text(az, context, "portalLink"), "portal");
}

enum tocsin_rc
azure_metric(const struct azure *az, const json_t *root, const char *path)
{
    const json_t *context = azure_get(root, "context"), *condition = azure_get(context, "condition");
    const char *id = azure_text(az, context, "id"), *resource = azure_text(az, context, "resourceName");
    struct tocsin_alert *alert = az->host->alert_new(az->out);
    enum tocsin_rc rc = read_status(az, root, path, alert);
    char where[32];

    if (rc != TOCSIN_OK)
        return rc;
    if (id[0] == '\0') {
        snprintf(where, sizeof where, "%s.context.id", path);
        return az->host->fail(az->err, TOCSIN_MEANINGLESS, where, "expected the id of the alert rule");
    }
    alert->dedup_key = az->host->batch_printf(az->out, "%s%s", azure_lower(az, id), azure_dimension_key(az, condition));
    alert->severity = severity_of(az, azure_text(az, context, "severity"));
    alert->summary = azure_text(az, context, "name");
    if (resource[0] != '\0' && strcasestr(alert->summary, resource) == NULL)
        alert->summary = az->host->batch_printf(az->out, "%s on %s", alert->summary, resource);
    if (alert->status == TOCSIN_RESOLVED)
        alert->ends_at = azure_time(az, context, "timestamp");
    else
        alert->starts_at = azure_time(az, context, "timestamp");
    azure_custom(az, alert, azure_get(root, "properties"));
    azure_condition(az, alert, condition);
    az->host->alert_label_json(az->out, alert, "alert_rule", azure_get(context, "name"));
    az->host->alert_annotation_json(az->out, alert, "description", azure_get(context, "description"));
    read_metric_resource(az, alert, context);
    return TOCSIN_OK;
}

/* --- log alerts: they only ever fire --------------------------------------------------------- */

static const char *
log_key(const struct azure *az, const json_t *data)
{
    const char *key = az->host->batch_printf(az->out, "%s:%s", azure_text(az, data, "SubscriptionId"),
                                       azure_text(az, data, "AlertRuleName"));
    json_t *item;
    size_t i;

    json_array_foreach(azure_get(data, "Dimensions"), i, item)
        key = az->host->batch_printf(az->out, "%s|%s=%s", key, azure_text(az, item, "name"),
                                     azure_text(az, item, "value"));
    return key;
}

enum tocsin_rc
azure_log(const struct azure *az, const json_t *data)
{
    const char *operation = azure_text(az, data, "AlertThresholdOperator");
    const char *results = azure_text(az, data, "ResultCount");
    struct tocsin_alert *alert = az->host->alert_new(az->out);

    alert->status = TOCSIN_FIRING;
    alert->severity = severity_of(az, azure_text(az, data, "Severity"));
    alert->dedup_key = log_key(az, data);
    alert->summary = azure_text(az, data, "AlertRuleName");
    alert->starts_at = azure_time(az, data, "SearchIntervalEndtimeUtc");
    azure_ends_by_itself(az, alert);
    azure_dimensions(az, alert, azure_get(data, "Dimensions"));
    az->host->alert_label_json(az->out, alert, "alert_rule", azure_get(data, "AlertRuleName"));
    az->host->alert_label_json(az->out, alert, "subscription", azure_get(data, "SubscriptionId"));
    az->host->alert_annotation_json(az->out, alert, "description", azure_get(data, "Description"));
    az->host->alert_annotation_json(az->out, alert, "query", azure_get(data, "SearchQuery"));
    if (results[0] != '\0')
        az->host->alert_annotation(az->out, alert, "condition",
                                   az->host->batch_printf(az->out, "%s results, %s %s", results, operation,
                                                    azure_text(az, data, "AlertThresholdValue")));
    az->host->alert_link(az->out, alert, azure_text(az, data, "LinkToFilteredSearchResultsUI"), "results");
    az->host->alert_link(az->out, alert, azure_text(az, data, "LinkToSearchResults"), "results");
    return TOCSIN_OK;
}

/* --- budgets ------------------------------------------------------------------------------------ */

enum tocsin_rc
azure_budget(const struct azure *az, const json_t *data)
{
    const char *name = azure_text(az, data, "BudgetName"), *unit = azure_text(az, data, "Unit");
    const char *spent = azure_text(az, data, "SpendingAmount"), *amount = azure_text(az, data, "Budget");
    struct tocsin_alert *alert = az->host->alert_new(az->out);

    alert->status = TOCSIN_FIRING;
    alert->dedup_key = az->host->batch_printf(az->out, "budget:%s:%s:%s:%s", azure_text(az, data, "SubscriptionId"),
                                              name, azure_text(az, data, "BudgetStartDate"),
                                              azure_text(az, data, "NotificationThresholdAmount"));
    alert->summary = az->host->batch_printf(az->out, "budget %s: %s of %s %s spent", name, spent, amount, unit);
    azure_ends_by_itself(az, alert);
    az->host->alert_label(az->out, alert, "budget", name);
    az->host->alert_label_json(az->out, alert, "subscription", azure_get(data, "SubscriptionId"));
    az->host->alert_label(az->out, alert, "resource_group", azure_lower(az, azure_text(az, data, "ResourceGroup")));
    az->host->alert_annotation_json(az->out, alert, "threshold", azure_get(data, "NotificationThresholdAmount"));
    az->host->alert_annotation_json(az->out, alert, "subscription_name", azure_get(data, "SubscriptionName"));
    return TOCSIN_OK;
}
