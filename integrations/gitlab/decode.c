/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - GitLab's webhooks: pipelines, jobs and deployments.
 *
 * A pipeline is known by project and ref, not by its number: the next one of
 * the same branch that succeeds is the end.  But only one of its kind: what a
 * schedule runs, what a merge request runs and a child of another pipeline all
 * bear the branch's name, and their success does not mend the branch.
 */
#include <string.h>

#include <tocsin/plugin.h>

enum { DAY_MS = 24 * 3600 * 1000 };

struct gitlab {
    const struct tocsin_host *host;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    const json_t *root;
    const char *project;
    int64_t received_at;
};

static const char *
text(const struct gitlab *g, const json_t *object, const char *name)
{
    return g->host->text(g->out, json_object_get(object, name));
}

/* "2026-01-31 12:00:00 UTC", or RFC 3339. */
static int64_t
time_at(const struct gitlab *g, const json_t *object, const char *name)
{
    const char *s = text(g, object, name), *zone = strstr(s, " UTC");

    return g->host->time_of(zone != NULL ? g->host->batch_printf(g->out, "%.*sZ", (int)(zone - s), s) : s);
}

static const char *
joined(const struct gitlab *g, const char *a, const char *b, const char *c)
{
    return g->host->batch_printf(g->out, "%s/%s/%s", a, b, c);
}

/* False: neither good nor bad (running, pending, manual ...), or not for us to say. */
static bool
is_final(const char *status, enum tocsin_status *out)
{
    if (strcmp(status, "failed") == 0)
        *out = TOCSIN_FIRING;
    else if (strcmp(status, "success") == 0)
        *out = TOCSIN_RESOLVED;
    else if (strcmp(status, "canceled") == 0 || strcmp(status, "skipped") == 0)
        *out = TOCSIN_UNKNOWN;
    else
        return false;
    return true;
}

static struct tocsin_alert *
alert_new(const struct gitlab *g, enum tocsin_status status, const char *kind, const char *key, int64_t start,
          int64_t end)
{
    struct tocsin_alert *alert = g->host->alert_new(g->out);

    alert->status = status;
    alert->dedup_key = key;
    alert->starts_at = status == TOCSIN_RESOLVED ? 0 : start;
    alert->ends_at = status == TOCSIN_RESOLVED ? end : 0;
    g->host->alert_label(g->out, alert, "project", g->project);
    g->host->alert_label(g->out, alert, "event", kind);
    return alert;
}

static enum tocsin_rc
no_status(const struct gitlab *g, const char *where)
{
    return g->host->fail(g->err, TOCSIN_MEANINGLESS, where, "expected a status, such as failed or success");
}

/* What the pipeline's name needs behind its ref.  The children of one pipeline have no name of their own. */
static const char *
kind_of(const struct gitlab *g, const json_t *pipeline)
{
    const char *source = text(g, pipeline, "source"), *request;

    if (strcmp(source, "schedule") == 0)
        return "/schedule";
    if (strcmp(source, "parent_pipeline") == 0)
        return g->host->batch_printf(g->out, "/child/%s", text(g, pipeline, "id"));
    if (strcmp(source, "merge_request_event") != 0)
        return "";
    request = text(g, json_object_get(g->root, "merge_request"), "iid");
    return g->host->batch_printf(g->out, "/merge-request%s%s", request[0] != '\0' ? "/" : "", request);
}

static enum tocsin_rc
read_pipeline(const struct gitlab *g)
{
    const json_t *pipeline = json_object_get(g->root, "object_attributes"),
                 *commit = json_object_get(g->root, "commit");
    const char *ref = text(g, pipeline, "ref"), *word = text(g, pipeline, "status"), *kind = kind_of(g, pipeline);
    enum tocsin_status status;
    struct tocsin_alert *alert;

    if (word[0] == '\0')
        return no_status(g, "$.object_attributes.status");
    if (!is_final(word, &status))
        return TOCSIN_OK;
    alert = alert_new(g, status, "pipeline",
                      g->host->batch_printf(g->out, "%s/pipeline/%s%s", g->project, ref, kind),
                      time_at(g, pipeline, "created_at"), time_at(g, pipeline, "finished_at"));
    if (status == TOCSIN_FIRING && strncmp(kind, "/child/", 7) == 0)
        alert->expires_at = g->received_at + DAY_MS;         /* the next one has another number */
    alert->summary = g->host->batch_printf(g->out, "%s: pipeline on %s %s", g->project, ref, word);
    g->host->alert_label(g->out, alert, "ref", ref);
    g->host->alert_label_json(g->out, alert, "trigger", json_object_get(pipeline, "source"));
    g->host->alert_annotation_json(g->out, alert, "pipeline", json_object_get(pipeline, "id"));
    g->host->alert_annotation_json(g->out, alert, "duration", json_object_get(pipeline, "duration"));
    g->host->alert_annotation_json(g->out, alert, "commit", json_object_get(pipeline, "sha"));
    g->host->alert_annotation_json(g->out, alert, "commit_message", json_object_get(commit, "message"));
    g->host->alert_annotation(g->out, alert, "user", text(g, json_object_get(g->root, "user"), "username"));
    g->host->alert_link(g->out, alert, text(g, pipeline, "url"), "pipeline");
    g->host->alert_link(g->out, alert, text(g, commit, "url"), "commit");
    return TOCSIN_OK;
}

static enum tocsin_rc
read_job(const struct gitlab *g)
{
    const char *ref = text(g, g->root, "ref"), *name = text(g, g->root, "build_name");
    const char *word = text(g, g->root, "build_status"),
               *web = text(g, json_object_get(g->root, "repository"), "homepage");
    enum tocsin_status status;
    struct tocsin_alert *alert;

    if (word[0] == '\0')
        return no_status(g, "$.build_status");
    if (!is_final(word, &status))
        return TOCSIN_OK;
    if (status == TOCSIN_FIRING && json_is_true(json_object_get(g->root, "build_allow_failure")))
        status = TOCSIN_UNKNOWN;
    alert =
        alert_new(g, status, "job", joined(g, g->project, "job", joined(g, ref, text(g, g->root, "build_stage"), name)),
                  time_at(g, g->root, "build_started_at"), time_at(g, g->root, "build_finished_at"));
    alert->summary = g->host->batch_printf(g->out, "%s: job %s on %s %s", g->project, name, ref, word);
    g->host->alert_label(g->out, alert, "ref", ref);
    g->host->alert_label(g->out, alert, "job", name);
    g->host->alert_label_json(g->out, alert, "stage", json_object_get(g->root, "build_stage"));
    g->host->alert_label(g->out, alert, "runner", text(g, json_object_get(g->root, "runner"), "description"));
    g->host->alert_annotation_json(g->out, alert, "reason", json_object_get(g->root, "build_failure_reason"));
    g->host->alert_annotation_json(g->out, alert, "commit", json_object_get(g->root, "sha"));
    if (web[0] != '\0')
        g->host->alert_link(g->out, alert,
                            g->host->batch_printf(g->out, "%s/-/jobs/%s", web, text(g, g->root, "build_id")), "job");
    return TOCSIN_OK;
}

static enum tocsin_rc
read_deployment(const struct gitlab *g)
{
    const char *word = text(g, g->root, "status"), *environment = text(g, g->root, "environment");
    enum tocsin_status status;
    struct tocsin_alert *alert;

    if (word[0] == '\0')
        return no_status(g, "$.status");
    if (!is_final(word, &status))
        return TOCSIN_OK;
    alert = alert_new(g, status, "deployment", joined(g, g->project, "deployment", environment),
                      time_at(g, g->root, "status_changed_at"), time_at(g, g->root, "status_changed_at"));
    alert->summary = g->host->batch_printf(g->out, "%s: deployment to %s %s", g->project, environment, word);
    g->host->alert_label(g->out, alert, "environment", environment);
    g->host->alert_annotation_json(g->out, alert, "ref", json_object_get(g->root, "ref"));
    g->host->alert_annotation_json(g->out, alert, "commit", json_object_get(g->root, "short_sha"));
    g->host->alert_link(g->out, alert, text(g, g->root, "deployable_url"), "job");
    return TOCSIN_OK;
}

static enum tocsin_rc
read_event(struct gitlab *g)
{
    const char *kind = text(g, g->root, "object_kind");
    const json_t *project = json_object_get(g->root, "project");

    if (kind[0] == '\0')
        return g->host->fail(g->err, TOCSIN_MEANINGLESS, "$.object_kind",
                             "expected the kind of event, such as pipeline");
    g->project = text(g, project, "path_with_namespace");
    if (g->project[0] == '\0') /* jobs have the project's number everywhere, its path not in all versions */
        g->project = text(g, g->root, "project_id");
    if (strcmp(kind, "pipeline") != 0 && strcmp(kind, "build") != 0 && strcmp(kind, "deployment") != 0) {
        g->host->batch_note(g->out, "event '%.60s' makes no alert", kind);
        return TOCSIN_OK;
    }
    if (g->project[0] == '\0')
        return g->host->fail(g->err, TOCSIN_MEANINGLESS, "$.project.path_with_namespace", "expected the project");
    return strcmp(kind, "pipeline") == 0 ? read_pipeline(g)
           : strcmp(kind, "build") == 0  ? read_job(g)
                                         : read_deployment(g);
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct gitlab g = { .host = host, .out = out, .err = err, .received_at = in->received_at };
    json_t *doc;
    enum tocsin_rc rc = host->parse_json(in->body, in->len, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    g.root = doc;
    rc = read_event(&g);
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "gitlab",
    .summary = "GitLab's webhooks: pipelines, jobs, deployments",
    .decode = decode,
};
