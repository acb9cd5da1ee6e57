/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.c - entries of the activity log: somebody did something (administrative), a resource
 * is unwell (resource health), Azure is unwell (service health).
 *
 * The alert around such an entry is always "Fired" or "Activated".  Whether a health
 * problem is over stands in the entry, and what it is about gives its identity.
 */
#include "azure.h"

#include <string.h>
#include <strings.h>

static const char *
source_of(const struct azure *az, const json_t *event)
{
    return azure_text(az, event, "eventSource");
}

enum azure_event
azure_event_kind(const struct azure *az, const json_t *event)
{
    if (strcasecmp(source_of(az, event), "ResourceHealth") == 0)
        return AZURE_EVENT_RESOURCE_HEALTH;
    if (strcasecmp(source_of(az, event), "ServiceHealth") == 0)
        return AZURE_EVENT_SERVICE_HEALTH;
    return AZURE_EVENT_OTHER;
}

enum tocsin_status
azure_event_status(const struct azure *az, const json_t *event)
{
    static const char *const over[] = { "Resolved", "Complete", "Canceled", "RCA" };
    const json_t *properties = azure_get(event, "properties");
    enum azure_event kind = azure_event_kind(az, event);

    if (kind == AZURE_EVENT_OTHER)
        return TOCSIN_FIRING;
    if (azure_is(az, event, "status", "Resolved"))
        return TOCSIN_RESOLVED;
    if (kind == AZURE_EVENT_RESOURCE_HEALTH) {
        if (azure_is(az, properties, "currentHealthStatus", "Available"))
            return TOCSIN_RESOLVED;
        return azure_is(az, properties, "currentHealthStatus", "Unknown") ? TOCSIN_UNKNOWN : TOCSIN_FIRING;
    }
    for (size_t i = 0; i < sizeof over / sizeof over[0]; i++)
        if (azure_is(az, properties, "stage", over[i]))
            return TOCSIN_RESOLVED;
    return TOCSIN_FIRING;
}

const char *
azure_event_key(const struct azure *az, const json_t *event, const char *resource_id)
{
    const char *tracking = azure_text(az, azure_get(event, "properties"), "trackingId");

    switch (azure_event_kind(az, event)) {
    case AZURE_EVENT_RESOURCE_HEALTH:
        return resource_id[0] != '\0'
                   ? az->host->batch_printf(az->out, "resource-health:%s", azure_lower(az, resource_id))
                   : NULL;
    case AZURE_EVENT_SERVICE_HEALTH:
        return tracking[0] != '\0' ? az->host->batch_printf(az->out, "service-health:%s", tracking) : NULL;
    default:
        return NULL;
    }
}

void
azure_event_details(const struct azure *az, struct tocsin_alert *alert, const json_t *event)
{
    static const struct { const char *member, *label; } labels[] = {
        { "incidentType", "incident_type" }, { "service", "service" }, { "region", "region" },
        { "trackingId", "tracking_id" },     { "currentHealthStatus", "health_status" }, { "cause", "cause" },
    };
    const json_t *properties = azure_get(event, "properties");
    const char *operation = azure_text(az, event, "operationName");

    if (operation[0] == '\0')
        operation = azure_text(az, azure_get(event, "authorization"), "action");
    az->host->alert_label(az->out, alert, "operation", operation);
    az->host->alert_label(az->out, alert, "event_source", source_of(az, event));
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        az->host->alert_label_json(az->out, alert, labels[i].label, azure_get(properties, labels[i].member));
    az->host->alert_annotation_json(az->out, alert, "caller", azure_get(event, "caller"));
    az->host->alert_annotation_json(az->out, alert, "event_status", azure_get(event, "status"));
    az->host->alert_annotation_json(az->out, alert, "title", azure_get(properties, "title"));
    az->host->alert_annotation_json(az->out, alert, "details", azure_get(properties, "details"));
    az->host->alert_annotation_json(az->out, alert, "communication", azure_get(properties, "communication"));
}

/* --- the older schema -------------------------------------------------------------------- */

/* An incident of Azure's own is reported at level Informational: that word is about the log entry. */
static enum tocsin_severity
severity_of(const struct azure *az, const json_t *event, enum azure_event kind)
{
    const json_t *properties = azure_get(event, "properties");
    enum tocsin_severity level = az->host->severity_of(azure_text(az, event, "level"));

    if (kind == AZURE_EVENT_SERVICE_HEALTH && azure_is(az, properties, "incidentType", "Incident") &&
        level < TOCSIN_WARNING)
        return TOCSIN_WARNING;
    if (kind == AZURE_EVENT_OTHER && level == TOCSIN_SEV_NONE)
        return TOCSIN_INFO;        /* "somebody did it": nothing is broken, unless the entry says so */
    return level;
}

static const char *
summary_of(const struct azure *az, const json_t *event, const char *resource_id)
{
    const json_t *properties = azure_get(event, "properties");
    const char *what = azure_text(az, properties, "title");

    if (what[0] == '\0')
        what = azure_text(az, event, "description");
    if (what[0] == '\0')
        what = azure_text(az, event, "operationName");
    if (what[0] == '\0')
        what = azure_text(az, azure_get(event, "authorization"), "action");
    if (resource_id[0] == '\0' || azure_event_kind(az, event) == AZURE_EVENT_SERVICE_HEALTH)
        return what;
    return az->host->batch_printf(az->out, "%s on %s", what, azure_name(resource_id));
}

enum tocsin_rc
azure_activity_log(const struct azure *az, const json_t *event)
{
    const char *resource_id = azure_text(az, event, "resourceId"), *key;
    const json_t *properties = azure_get(event, "properties");
    enum azure_event kind = azure_event_kind(az, event);
    struct tocsin_alert *alert = az->host->alert_new(az->out);

    alert->status = azure_event_status(az, event);
    alert->severity = severity_of(az, event, kind);
    key = azure_event_key(az, event, resource_id);
    if (key == NULL)
        key = az->host->batch_printf(az->out, "activity:%s:%s", azure_lower(az, resource_id),
                               azure_lower(az, azure_text(az, azure_get(event, "authorization"), "action")));
    alert->dedup_key = key;
    alert->summary = summary_of(az, event, resource_id);
    alert->starts_at = azure_time(az, properties, "impactStartTime");
    if (alert->starts_at == 0)
        alert->starts_at = azure_time(az, event, "eventTimestamp");
    if (alert->status == TOCSIN_RESOLVED)
        alert->ends_at = azure_time(az, event, "eventTimestamp");
    if (kind == AZURE_EVENT_OTHER)
        azure_ends_by_itself(az, alert);
    azure_event_details(az, alert, event);
    az->host->alert_annotation_json(az->out, alert, "description", azure_get(event, "description"));
    if (resource_id[0] != '\0')
        azure_resource(az, alert, resource_id);
    else
        az->host->alert_label_json(az->out, alert, "subscription", azure_get(event, "subscriptionId"));
    return TOCSIN_OK;
}
