/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - an event of Amazon EventBridge, as an API destination delivers it.
 *
 * The frame is the same for all services; what has happened stands in detail, in a
 * shape that detail-type decides.  Most events tell of something ordinary: they
 * are recorded as unknown with severity info, so they neither page nor resolve.
 */
#include "eventbridge.h"

#include <stdio.h>
#include <string.h>

const char *
eb_text(const struct eb_event *e, const json_t *object, const char *name)
{
    return e->host->text(e->out, json_object_get(object, name));
}

const char *
eb_name(const char *arn)
{
    const char *slash = strrchr(arn, '/'), *colon = strrchr(arn, ':');

    if (slash != NULL)
        return slash + 1;
    return strncmp(arn, "arn:", 4) == 0 && colon != NULL ? colon + 1 : arn;
}

const char *
eb_or(const char *a, const char *b)
{
    return a[0] != '\0' ? a : b;
}

void
eb_label(const struct eb_event *e, struct tocsin_alert *alert, const char *name, const char *value)
{
    e->host->alert_label(e->out, alert, name, value);
}

void
eb_note(const struct eb_event *e, struct tocsin_alert *alert, const char *name, const json_t *value)
{
    e->host->alert_annotation_json(e->out, alert, name, value);
}

struct tocsin_alert *
eb_alert(const struct eb_event *e, enum tocsin_status status, enum tocsin_severity severity, const char *key)
{
    struct tocsin_alert *alert = e->host->alert_new(e->out);

    alert->status = status;
    alert->severity = severity;
    alert->dedup_key = key;
    if (status == TOCSIN_RESOLVED)
        alert->ends_at = e->time;
    else
        alert->starts_at = e->time;
    eb_label(e, alert, "event", e->type);
    eb_label(e, alert, "service", strncmp(e->source, "aws.", 4) == 0 ? e->source + 4 : e->source);
    eb_label(e, alert, "region", e->region);
    eb_label(e, alert, "account", e->account);
    eb_label(e, alert, "resource", eb_name(e->resource));
    if (strncmp(e->resource, "arn:", 4) == 0)
        e->host->alert_annotation(e->out, alert, "resource_arn", e->resource);
    return alert;
}

void
eb_expire(const struct eb_event *e, struct tocsin_alert *alert, int64_t after)
{
    if (alert->status == TOCSIN_FIRING)
        alert->expires_at = e->received_at + after;
}

/* What is not here is read by its outcome.  Names are compared as far as they are written here. */
static const struct {
    const char *type;
    eb_reader *read;
} readers[] = {
    { "CloudWatch Alarm State Change", eb_alarm },
    { "AWS Health ", eb_health }, /* Event, Abuse Event */
    { "GuardDuty Finding", eb_guardduty },
    { "Security Hub Findings", eb_security_hub },
    { "EC2 Instance State-change Notification", eb_ec2_state },
    { "EC2 Spot Instance Interruption Warning", eb_spot },
    { "EC2 Instance Rebalance Recommendation", eb_rebalance },
    { "ECS Service Action", eb_ecs_action },
    { "ECS Deployment State Change", eb_ecs_action },
    { "ECS Task State Change", eb_ecs_task },
    { "RDS DB ", eb_rds }, /* Instance Event, Cluster Event, Snapshot Event, ... */
};

static enum tocsin_rc
read_event(const struct eb_event *e)
{
    if (strcmp(e->type, "Scheduled Event") == 0)
        return TOCSIN_OK; /* a rule with a schedule: a ping */
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++)
        if (strncmp(e->type, readers[i].type, strlen(readers[i].type)) == 0)
            return readers[i].read(e);
    return eb_outcome(e);
}

static enum tocsin_rc
decode_event(const struct tocsin_host *host, const struct tocsin_payload *in, const json_t *doc, const char *path,
             struct tocsin_batch *out, struct tocsin_err *err)
{
    struct eb_event e = { .host = host, .out = out, .err = err, .path = path, .received_at = in->received_at };
    char where[64];

    if (!json_is_object(doc))
        return host->fail(err, TOCSIN_MEANINGLESS, path, "expected an event, which is an object");
    e.detail = json_object_get(doc, "detail");
    e.type = eb_text(&e, doc, "detail-type");
    if (e.type[0] == '\0') {
        snprintf(where, sizeof where, "%.32s[\"detail-type\"]", path);
        return host->fail(err, TOCSIN_MEANINGLESS, where,
                          json_object_get(doc, "Type") != NULL
                              ? "expected the type of an event; this is a message of SNS, read by format aws-sns"
                              : "expected the type of an event");
    }
    if (!json_is_object(e.detail)) {
        snprintf(where, sizeof where, "%.32s.detail", path);
        return host->fail(err, TOCSIN_MEANINGLESS, where, "expected an object");
    }
    e.source = eb_text(&e, doc, "source");
    e.region = eb_text(&e, doc, "region");
    e.account = eb_text(&e, doc, "account");
    e.resource = host->text(out, json_array_get(json_object_get(doc, "resources"), 0));
    e.id = eb_text(&e, doc, "id");
    e.time = host->time_of(eb_text(&e, doc, "time"));
    return read_event(&e);
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    json_t *doc, *item;
    size_t i;
    enum tocsin_rc rc = host->parse_json(in->body, in->len, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    if (!json_is_array(doc))
        rc = decode_event(host, in, doc, "$", out, err);
    json_array_foreach(doc, i, item)
    { /* a pipe delivers several at once */
        rc = decode_event(host, in, item, host->batch_printf(out, "$[%zu]", i), out, err);
        if (rc != TOCSIN_OK)
            break;
    }
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "aws-eventbridge",
    .summary = "events of Amazon EventBridge through an API destination",
    .decode = decode,
};
