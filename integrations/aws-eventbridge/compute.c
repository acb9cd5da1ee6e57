/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compute.c - instances, tasks and databases: EC2, ECS, RDS.
 *
 * An instance that starts or stops is no problem by itself.  A spot instance that
 * is about to be taken away is one, for about as long as the two minutes that
 * are left and the time it takes to see what ran there.
 */
#include "eventbridge.h"

#include <string.h>

/* --- EC2 ---------------------------------------------------------------------------------- */

static struct tocsin_alert *
instance(const struct eb_event *e, enum tocsin_status status, enum tocsin_severity severity, const char *what)
{
    const char *id = eb_or(eb_text(e, e->detail, "instance-id"), eb_or(eb_name(e->resource), "an instance"));
    const char *key = e->host->batch_printf(e->out, "%s/%s", id, what);
    struct tocsin_alert *alert = eb_alert(e, status, severity, key);

    alert->summary = e->host->batch_printf(e->out, "%s: %s", e->type, id);
    eb_label(e, alert, "host", id);
    return alert;
}

enum tocsin_rc
eb_ec2_state(const struct eb_event *e)
{
    const char *state = eb_text(e, e->detail, "state");
    struct tocsin_alert *alert = instance(e, TOCSIN_UNKNOWN, TOCSIN_INFO, "state");

    alert->summary = e->host->batch_printf(e->out, "%s is %s", alert->summary, eb_or(state, "in an unknown state"));
    eb_label(e, alert, "state", state);
    return TOCSIN_OK;
}

enum tocsin_rc
eb_spot(const struct eb_event *e)
{
    const char *action = eb_text(e, e->detail, "instance-action");
    struct tocsin_alert *alert = instance(e, TOCSIN_FIRING, TOCSIN_WARNING, "spot");

    if (action[0] != '\0')
        alert->summary = e->host->batch_printf(e->out, "%s (%s) in two minutes", alert->summary, action);
    eb_label(e, alert, "action", action);
    eb_expire(e, alert, EB_HOUR / 4);
    return TOCSIN_OK;
}

enum tocsin_rc
eb_rebalance(const struct eb_event *e)
{
    struct tocsin_alert *alert = instance(e, TOCSIN_FIRING, TOCSIN_INFO, "rebalance");

    eb_expire(e, alert, EB_HOUR);
    return TOCSIN_OK;
}

/* --- ECS: services --------------------------------------------------------------------------- */

static const char *
ecs_key(const struct eb_event *e, const char *name)
{
    return e->host->batch_printf(e->out, "%s/%s", e->resource, name);
}

static struct tocsin_alert *
ecs_alert(const struct eb_event *e, enum tocsin_status status, enum tocsin_severity severity, const char *key)
{
    const char *name = eb_text(e, e->detail, "eventName");
    const char *reason = eb_text(e, e->detail, "reason");
    struct tocsin_alert *alert = eb_alert(e, status, severity, key);

    alert->summary = e->host->batch_printf(e->out, "%s: %s%s%s", eb_or(eb_name(e->resource), "ECS"),
                                           eb_or(name, e->type), reason[0] != '\0' ? ": " : "", reason);
    eb_label(e, alert, "cluster", eb_name(eb_text(e, e->detail, "clusterArn")));
    eb_label(e, alert, "ecs_service", eb_name(e->resource));
    eb_label(e, alert, "event_name", name);
    eb_note(e, alert, "reason", json_object_get(e->detail, "reason"));
    eb_note(e, alert, "deployment", json_object_get(e->detail, "deploymentId"));
    return alert;
}

/* A service that is steady runs as many tasks as it should: whatever kept it from that is over. */
static void
ecs_steady(const struct eb_event *e)
{
    static const char *const problems[] = {
        "SERVICE_TASK_START_IMPAIRED",
        "SERVICE_TASK_PLACEMENT_FAILURE",
        "SERVICE_TASK_CONFIGURATION_FAILURE",
        "SERVICE_DAEMON_PLACEMENT_CONSTRAINT_VIOLATED",
        "ECS_OPERATION_THROTTLED",
    };

    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++)
        ecs_alert(e, TOCSIN_RESOLVED, TOCSIN_INFO, ecs_key(e, problems[i]));
}

enum tocsin_rc
eb_ecs_action(const struct eb_event *e)
{
    const char *name = eb_text(e, e->detail, "eventName"), *grade = eb_text(e, e->detail, "eventType");
    enum tocsin_severity severity = e->host->severity_of(grade);

    if (name[0] == '\0')
        return e->host->fail(e->err, TOCSIN_MEANINGLESS, e->host->batch_printf(e->out, "%s.detail.eventName", e->path),
                             "expected the name of the event");
    if (strcmp(name, "SERVICE_STEADY_STATE") == 0)
        ecs_steady(e);
    else if (strcmp(name, "SERVICE_DEPLOYMENT_COMPLETED") == 0)
        ecs_alert(e, TOCSIN_RESOLVED, TOCSIN_INFO, ecs_key(e, "SERVICE_DEPLOYMENT_FAILED"));
    else if (severity == TOCSIN_INFO)
        ecs_alert(e, TOCSIN_UNKNOWN, severity, ecs_key(e, name));
    else
        eb_expire(e, ecs_alert(e, TOCSIN_FIRING, severity, ecs_key(e, name)), 24 * EB_HOUR);
    return TOCSIN_OK;
}

/* --- ECS: tasks -------------------------------------------------------------------------------- */

/* The exit status of the first container that failed; NULL when none did, or none says. */
static const char *
exit_code(const struct eb_event *e, const char **container_r, const char **reason_r)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(e->detail, "containers"), i, item)
    {
        const json_t *code = json_object_get(item, "exitCode");

        if (json_is_number(code) && json_number_value(code) != 0) {
            *container_r = eb_text(e, item, "name");
            *reason_r = eb_text(e, item, "reason");
            return e->host->text(e->out, code);
        }
    }
    return NULL;
}

/* A task that stopped by itself failed if a container did; one that was told to stop did not. */
static bool
task_failed(const struct eb_event *e, const char *code)
{
    const char *why = eb_text(e, e->detail, "stopCode");

    if (strcmp(eb_text(e, e->detail, "lastStatus"), "STOPPED") != 0)
        return false;
    return strcmp(why, "TaskFailedToStart") == 0 ||
           (code != NULL && (why[0] == '\0' || strcmp(why, "EssentialContainerExited") == 0));
}

enum tocsin_rc
eb_ecs_task(const struct eb_event *e)
{
    const char *arn = eb_or(eb_text(e, e->detail, "taskArn"), e->resource), *container = "", *reason = "";
    const char *code = exit_code(e, &container, &reason), *group = eb_text(e, e->detail, "group");
    const char *cluster = eb_name(eb_text(e, e->detail, "clusterArn")),
               *stopped = eb_text(e, e->detail, "stoppedReason");
    const char *status = eb_text(e, e->detail, "lastStatus");
    bool failed = task_failed(e, code);
    struct tocsin_alert *alert;

    if (arn[0] == '\0')
        return e->host->fail(e->err, TOCSIN_MEANINGLESS, e->host->batch_printf(e->out, "%s.detail.taskArn", e->path),
                             "expected the ARN of the task");
    alert = eb_alert(e, failed ? TOCSIN_FIRING : TOCSIN_UNKNOWN, failed ? TOCSIN_ERROR : TOCSIN_INFO, arn);
    alert->summary = e->host->batch_printf(e->out, "%s: %s is %s%s%s", e->type, eb_or(group, eb_name(arn)), status,
                                           stopped[0] != '\0' ? ": " : "", stopped);
    if (code != NULL)
        alert->summary = e->host->batch_printf(e->out, "%s (%s: exit status %s)", alert->summary, container, code);
    if (failed && group[0] != '\0') /* tasks that are started again and again are one incident */
        alert->group = e->host->batch_printf(e->out, "%s/%s", cluster, group);
    eb_expire(e, alert, EB_HOUR);
    eb_label(e, alert, "cluster", cluster);
    eb_label(e, alert, "task_group", group);
    eb_label(e, alert, "task_definition", eb_name(eb_text(e, e->detail, "taskDefinitionArn")));
    eb_label(e, alert, "container", container);
    eb_label(e, alert, "status", status);
    eb_label(e, alert, "zone", eb_text(e, e->detail, "availabilityZone"));
    eb_note(e, alert, "stop_code", json_object_get(e->detail, "stopCode"));
    eb_note(e, alert, "stopped_reason", json_object_get(e->detail, "stoppedReason"));
    e->host->alert_annotation(e->out, alert, "reason", reason);
    return TOCSIN_OK;
}

/* --- RDS ----------------------------------------------------------------------------------------- */

/* Only two of RDS' categories say that something is wrong now; failover, maintenance and so on are news. */
static bool
rds_failed(const struct eb_event *e)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(e->detail, "EventCategories"), i, item)
    {
        const char *category = e->host->text(e->out, item);

        if (strcmp(category, "failure") == 0 || strcmp(category, "low storage") == 0)
            return true;
    }
    return false;
}

enum tocsin_rc
eb_rds(const struct eb_event *e)
{
    const char *arn = eb_or(eb_text(e, e->detail, "SourceArn"), e->resource);
    const char *message = eb_text(e, e->detail, "Message");
    bool failed = rds_failed(e);
    struct tocsin_alert *alert;

    if (arn[0] == '\0')
        return e->host->fail(e->err, TOCSIN_MEANINGLESS, e->host->batch_printf(e->out, "%s.detail.SourceArn", e->path),
                             "expected the ARN of the database");
    alert = eb_alert(e, failed ? TOCSIN_FIRING : TOCSIN_UNKNOWN, failed ? TOCSIN_ERROR : TOCSIN_INFO, arn);
    alert->summary = e->host->batch_printf(e->out, "%s: %s", eb_name(arn), eb_or(message, e->type));
    eb_expire(e, alert, 6 * EB_HOUR);
    eb_label(e, alert, "database", eb_name(arn));
    eb_label(e, alert, "category",
             e->host->text(e->out, json_array_get(json_object_get(e->detail, "EventCategories"), 0)));
    eb_label(e, alert, "event_id", eb_text(e, e->detail, "EventID"));
    return TOCSIN_OK;
}
