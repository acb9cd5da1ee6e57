/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outcome.c - events whose detail has one word for how it went: jobs, pipelines,
 * executions, volumes, and what nobody wrote a reader for.
 *
 * A failure fires, a success resolves the same subject, everything on the way is
 * recorded only.  What is severe by its own word fires too.
 */
#include "eventbridge.h"

#include <string.h>
#include <strings.h>

/* By detail-type, as far as it is written; an empty name is looked for in the lists below. */
static const struct kind {
    const char *type, *word, *subject, *label;
    int hours;    /* a failure is over by itself after that; 0: only by a success */
    bool by_name; /* the subject is known by its name: the resource is one run of many, or none */
} kinds[] = {
    { "SageMaker Training Job", "TrainingJobStatus", "TrainingJobName", "job", 24, false },
    { "SageMaker Processing Job", "ProcessingJobStatus", "ProcessingJobName", "job", 24, false },
    { "SageMaker Transform Job", "TransformJobStatus", "TransformJobName", "job", 24, false },
    { "SageMaker HyperParameter Tuning Job", "HyperParameterTuningJobStatus", "HyperParameterTuningJobName", "job", 24,
      false },
    { "SageMaker Endpoint Deployment", "DeploymentStatus", "EndpointName", "endpoint", 0, true },
    { "SageMaker Endpoint", "EndpointStatus", "EndpointName", "endpoint", 0, false },
    { "SageMaker Model Building Pipeline", "currentPipelineExecutionStatus", "pipelineArn", "pipeline", 24, false },
    { "Batch Job State", "status", "jobName", "job", 24, false },
    { "Batch Service Job State", "status", "jobName", "job", 24, false },
    { "Batch Job Queue Blocked", "", "jobQueue", "queue", 1, false },
    { "Glue Job", "state", "jobName", "job", 0, true },
    { "Glue Crawler", "state", "crawlerName", "crawler", 0, true },
    { "EBS ", "result", "event", "operation", 24, false },
    { "Step Functions Execution", "status", "name", "execution", 24, false },
    { "CodePipeline Pipeline", "state", "pipeline", "pipeline", 0, false },
    { "CodeBuild Build State", "build-status", "project-name", "project", 0, true },
    { "CodeDeploy Deployment", "state", "application", "application", 0, true },
    { "Backup Job State", "state", "resourceArn", "backup", 24, false },
    { "EC2 Instance Launch Unsuccessful", "", "AutoScalingGroupName", "group", 1, false },
    { "EC2 Instance Terminate Unsuccessful", "", "AutoScalingGroupName", "group", 1, false },
    { "", "", "", "", 24, false },
};

static const struct kind *
kind_of(const char *type)
{
    const struct kind *k = kinds;

    while (strncmp(type, k->type, strlen(k->type)) != 0)
        k++; /* the last one fits all */
    return k;
}

static const char *
find(const struct eb_event *e, const char *name, const char *const *others)
{
    const char *value = name[0] != '\0' ? eb_text(e, e->detail, name) : "";

    for (; value[0] == '\0' && *others != NULL; others++)
        value = eb_text(e, e->detail, *others);
    return value;
}

/* The end of a word tells: FAILED, UPDATE_ROLLBACK_FAILED and CompletedWithFailure are no success. */
static enum tocsin_status
status_of(const char *word)
{
    static const char *const bad[] = { "failed",    "failure",  "failing",   "error",       "timeout",
                                       "timed_out", "timedout", "unhealthy", "unsuccessful" };
    static const char *const good[] = { "succeeded", "success",    "successful", "completed", "complete", "available",
                                        "inservice", "in_service", "healthy",    "ok",        "ready",    "fixed" };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t n = strlen(word), k = strlen(bad[i]);

        if (n >= k && strcasecmp(word + n - k, bad[i]) == 0)
            return TOCSIN_FIRING;
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (strcasecmp(word, good[i]) == 0)
            return TOCSIN_RESOLVED;
    return TOCSIN_UNKNOWN;
}

static void
judge(const struct eb_event *e, const char *word, enum tocsin_status *status_r, enum tocsin_severity *severity_r)
{
    static const char *const names[] = { "Severity", "eventType", "level", NULL };
    enum tocsin_severity said = e->host->severity_of(find(e, "severity", names));
    enum tocsin_status status = status_of(word);
    bool failed = strstr(e->type, "Unsuccessful") != NULL || strstr(e->type, "Blocked") != NULL;

    if (failed && status == TOCSIN_UNKNOWN)
        status = TOCSIN_FIRING;
    if (status == TOCSIN_UNKNOWN && word[0] == '\0' && said > TOCSIN_INFO)
        status = TOCSIN_FIRING;
    *status_r = status;
    if (status != TOCSIN_FIRING)
        *severity_r = TOCSIN_INFO;
    else
        *severity_r = said > TOCSIN_INFO ? said : failed ? TOCSIN_WARNING : TOCSIN_ERROR;
}

/* The resource, with what was done to it where that can be told; or the name.  An event that nobody wrote a reader
 * for adds its type: the success of one thing must not resolve the failure of another. */
static const char *
key_of(const struct eb_event *e, const struct kind *kind, const char *subject)
{
    if (strcmp(kind->label, "operation") == 0 && e->resource[0] != '\0')
        return e->host->batch_printf(e->out, "%s/%s", e->resource, subject);
    if (e->resource[0] != '\0' && kind->type[0] == '\0')
        return e->host->batch_printf(e->out, "%s/%s", e->resource, e->type);
    if (e->resource[0] != '\0' && !kind->by_name)
        return e->resource;
    if (subject[0] != '\0')
        return e->host->batch_printf(e->out, "%s/%s/%s/%s", e->source, e->account, e->region, subject);
    return eb_or(e->resource, e->host->batch_printf(e->out, "%s/%s", e->source, eb_or(e->id, e->type)));
}

enum tocsin_rc
eb_outcome(const struct eb_event *e)
{
    static const char *const words[] = { "status", "state", "result", NULL };
    static const char *const none[] = { NULL };
    static const char *const reasons[] = { "message",       "statusReason", "stateReason", "FailureReason", "cause",
                                           "StatusMessage", "reason",       "error",       "description",   NULL };
    const struct kind *kind = kind_of(e->type);
    const char *word = find(e, kind->word, kind->word[0] != '\0' ? none : words);
    const char *subject = find(e, kind->subject, none), *reason = find(e, "", reasons);
    enum tocsin_severity severity;
    enum tocsin_status status;
    struct tocsin_alert *alert;

    judge(e, word, &status, &severity);
    alert = eb_alert(e, status, severity, key_of(e, kind, subject));
    alert->summary = e->host->batch_printf(e->out, "%s: %s%s%s%s%s", e->type,
                                           eb_or(eb_name(subject), eb_or(eb_name(e->resource), e->source)),
                                           word[0] != '\0' ? " is " : "", word, reason[0] != '\0' ? ": " : "", reason);
    if (kind->hours > 0)
        eb_expire(e, alert, kind->hours * EB_HOUR);
    if (kind->label[0] != '\0')
        eb_label(e, alert, kind->label, eb_name(subject));
    eb_label(e, alert, "state", word);
    eb_label(e, alert, "queue", strcmp(kind->label, "queue") != 0 ? eb_name(eb_text(e, e->detail, "jobQueue")) : "");
    e->host->alert_annotation(e->out, alert, "reason", reason);
    eb_note(e, alert, "secondary_status", json_object_get(e->detail, "SecondaryStatus"));
    eb_note(e, alert, "run", json_object_get(e->detail, "jobRunId"));
    return TOCSIN_OK;
}
