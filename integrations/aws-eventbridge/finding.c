/* SPDX-License-Identifier: Apache-2.0 */
/*
 * finding.c - events with a life of their own: AWS Health, GuardDuty, Security Hub.
 * Each has an id that stays the same while the matter is open.
 */
#include "eventbridge.h"

#include <string.h>
#include <strings.h>

/* --- AWS Health -------------------------------------------------------------------------- */

/* "Fri, 10 Mar 2023 12:03:38 GMT" */
static int64_t
http_date(const struct eb_event *e, const char *s)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const char *day = s + 5, *year, *month;

    if (strlen(s) != 29 || strcmp(s + 25, " GMT") != 0)
        return 0;
    for (month = months; *month != '\0' && strncmp(month, s + 8, 3) != 0; month += 3)
        ;
    if (*month == '\0')
        return 0;
    year = s + 12;
    return e->host->time_of(
        e->host->batch_printf(e->out, "%.4s-%02d-%.2sT%.8sZ", year, (int)((month - months) / 3) + 1, day, s + 17));
}

/* accountNotification is news; without a category we cannot tell, so it fires. */
static enum tocsin_severity
health_severity(const char *category)
{
    if (strcmp(category, "accountNotification") == 0)
        return TOCSIN_INFO;
    return strcmp(category, "scheduledChange") == 0 || strcmp(category, "investigation") == 0 ? TOCSIN_WARNING
                                                                                              : TOCSIN_ERROR;
}

static const char *
description_of(const struct eb_event *e)
{
    const json_t *list = json_object_get(e->detail, "eventDescription"), *best = json_array_get(list, 0);
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item) if (strcasecmp(eb_text(e, item, "language"), "en_US") == 0) best = item;
    return eb_text(e, best, "latestDescription");
}

static void
affected(const struct eb_event *e, struct tocsin_alert *alert)
{
    const char *all = "";
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(e->detail, "affectedEntities"), i, item)
    {
        if (i == 50)
            break;
        all = e->host->batch_printf(e->out, "%s%s%s", all, i > 0 ? ", " : "", eb_text(e, item, "entityValue"));
    }
    e->host->alert_annotation(e->out, alert, "affected", all);
}

enum tocsin_rc
eb_health(const struct eb_event *e)
{
    const char *arn = eb_text(e, e->detail, "eventArn"), *code = eb_text(e, e->detail, "eventTypeCode");
    const char *category = eb_text(e, e->detail, "eventTypeCategory"), *text = description_of(e);
    enum tocsin_severity severity = health_severity(category);
    bool closed = strcasecmp(eb_text(e, e->detail, "statusCode"), "closed") == 0;
    struct eb_event at = *e;
    struct tocsin_alert *alert;

    if (arn[0] == '\0')
        return e->host->fail(e->err, TOCSIN_MEANINGLESS, e->host->batch_printf(e->out, "%s.detail.eventArn", e->path),
                             "expected the ARN of the health event");
    at.time = http_date(e, eb_text(e, e->detail, closed ? "endTime" : "startTime"));
    if (at.time == 0)
        at.time = e->time;
    at.region = eb_or(eb_text(e, e->detail, "eventRegion"), e->region);
    alert = eb_alert(&at,
                     closed                    ? TOCSIN_RESOLVED
                     : severity == TOCSIN_INFO ? TOCSIN_UNKNOWN
                                               : TOCSIN_FIRING,
                     severity, arn);
    alert->summary = e->host->batch_printf(e->out, "%s%s%s", code, text[0] != '\0' ? ": " : "", text);
    eb_expire(e, alert, 7 * 24 * EB_HOUR);
    eb_label(e, alert, "health_service", eb_text(e, e->detail, "service"));
    eb_label(e, alert, "category", category);
    eb_label(e, alert, "code", code);
    eb_label(e, alert, "scope", eb_text(e, e->detail, "eventScopeCode"));
    e->host->alert_annotation(e->out, alert, "description", text);
    eb_note(e, alert, "affected_account", json_object_get(e->detail, "affectedAccount"));
    affected(e, alert);
    e->host->alert_link(e->out, alert, "https://health.aws.amazon.com/health/home", "AWS Health");
    return TOCSIN_OK;
}

/* --- GuardDuty ------------------------------------------------------------------------------ */

/* From 0 to 10: 9 critical, 7 high, 4 medium, the rest low. */
static enum tocsin_severity
grade(const json_t *value)
{
    double n = json_number_value(value);

    if (!json_is_number(value))
        return TOCSIN_SEV_NONE;
    return n >= 9 ? TOCSIN_CRITICAL : n >= 7 ? TOCSIN_ERROR : n >= 4 ? TOCSIN_WARNING : TOCSIN_INFO;
}

enum tocsin_rc
eb_guardduty(const struct eb_event *e)
{
    const json_t *service = json_object_get(e->detail, "service"), *resource = json_object_get(e->detail, "resource");
    const char *id = eb_text(e, e->detail, "id"), *title = eb_text(e, e->detail, "title");
    enum tocsin_severity severity = grade(json_object_get(e->detail, "severity"));
    bool archived = json_is_true(json_object_get(service, "archived"));
    struct eb_event at = *e;
    struct tocsin_alert *alert;

    if (id[0] == '\0')
        return e->host->fail(e->err, TOCSIN_MEANINGLESS, e->host->batch_printf(e->out, "%s.detail.id", e->path),
                             "expected the id of the finding");
    if (strncmp(title, "[SAMPLE]", 8) == 0 ||
        json_is_true(json_object_get(json_object_get(service, "additionalInfo"), "sample")))
        severity = TOCSIN_INFO; /* the button "Generate sample findings" */
    at.account = eb_or(eb_text(e, e->detail, "accountId"), e->account);
    at.region = eb_or(eb_text(e, e->detail, "region"), e->region);
    at.source = eb_or(e->source, "aws.guardduty");
    alert = eb_alert(&at, archived ? TOCSIN_RESOLVED : TOCSIN_FIRING, severity, id);
    alert->summary = eb_or(title, eb_text(e, e->detail, "type"));
    eb_expire(e, alert, 7 * 24 * EB_HOUR);
    eb_label(e, alert, "type", eb_text(e, e->detail, "type"));
    eb_label(e, alert, "resource_type", eb_text(e, resource, "resourceType"));
    eb_label(e, alert, "host", eb_text(e, json_object_get(resource, "instanceDetails"), "instanceId"));
    eb_note(e, alert, "description", json_object_get(e->detail, "description"));
    eb_note(e, alert, "count", json_object_get(service, "count"));
    eb_note(e, alert, "first_seen", json_object_get(service, "eventFirstSeen"));
    eb_note(e, alert, "last_seen", json_object_get(service, "eventLastSeen"));
    return TOCSIN_OK;
}

/* --- Security Hub ----------------------------------------------------------------------------- */

static enum tocsin_status
finding_status(const struct eb_event *e, const json_t *finding)
{
    const char *workflow = eb_text(e, json_object_get(finding, "Workflow"), "Status");
    const char *compliance = eb_text(e, json_object_get(finding, "Compliance"), "Status");

    if (strcmp(workflow, "RESOLVED") == 0 || strcmp(workflow, "SUPPRESSED") == 0 ||
        strcmp(eb_text(e, finding, "RecordState"), "ARCHIVED") == 0 || strcmp(compliance, "PASSED") == 0)
        return TOCSIN_RESOLVED;
    return strcmp(compliance, "NOT_AVAILABLE") == 0 ? TOCSIN_UNKNOWN : TOCSIN_FIRING;
}

static void
finding(const struct eb_event *e, const json_t *f, const char *id)
{
    const char *label = eb_text(e, json_object_get(f, "Severity"), "Label");
    const char *resource = eb_text(e, json_array_get(json_object_get(f, "Resources"), 0), "Id");
    struct eb_event at = *e;
    struct tocsin_alert *alert;

    at.resource = resource;
    at.account = eb_or(eb_text(e, f, "AwsAccountId"), e->account);
    alert = eb_alert(&at, finding_status(e, f), e->host->severity_of(label), id);
    alert->summary = eb_or(eb_text(e, f, "Title"), id);
    eb_label(e, alert, "product", eb_text(e, f, "ProductName"));
    eb_label(e, alert, "generator", eb_name(eb_text(e, f, "GeneratorId")));
    eb_note(e, alert, "description", json_object_get(f, "Description"));
    eb_note(e, alert, "workflow", json_object_get(json_object_get(f, "Workflow"), "Status"));
    e->host->alert_link(e->out, alert,
                        eb_text(e, json_object_get(json_object_get(f, "Remediation"), "Recommendation"), "Url"),
                        "remediation");
    e->host->alert_link(e->out, alert, eb_text(e, f, "SourceUrl"), "source");
}

enum tocsin_rc
eb_security_hub(const struct eb_event *e)
{
    const json_t *list = json_object_get(e->detail, "findings");
    json_t *f;
    size_t i;

    if (!json_is_array(list))
        return e->host->fail(e->err, TOCSIN_MEANINGLESS, e->host->batch_printf(e->out, "%s.detail.findings", e->path),
                             "expected an array of findings");
    json_array_foreach(list, i, f)
    {
        const char *id = eb_text(e, f, "Id");

        if (id[0] == '\0')
            return e->host->fail(e->err, TOCSIN_MEANINGLESS,
                                 e->host->batch_printf(e->out, "%s.detail.findings[%zu].Id", e->path, i),
                                 "expected the id of the finding");
        finding(e, f, id);
    }
    return TOCSIN_OK;
}
