/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - GitHub's webhooks: workflow runs, deployments and the alerts of
 * Dependabot, code scanning and secret scanning.
 *
 * What kind of event it is shows in its members, so a relay that loses the
 * X-GitHub-Event header does no harm.  Other events (push, ping, ...) are
 * noted and make no alert.
 */
#include <string.h>
#include <strings.h>

#include <tocsin/plugin.h>

struct github {
    const struct tocsin_host *host;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    const json_t *root;
    const char *action, *repository;
};

static const char *
text(const struct github *g, const json_t *object, const char *name)
{
    return g->host->text(g->out, json_object_get(object, name));
}

static int64_t
time_at(const struct github *g, const json_t *object, const char *name)
{
    return g->host->time_of(json_string_value(json_object_get(object, name)));
}

static bool
is_one_of(const char *word, const char *const *list)
{
    for (; *list != NULL; list++)
        if (strcmp(word, *list) == 0)
            return true;
    return false;
}

static struct tocsin_alert *
alert_new(const struct github *g, enum tocsin_status status, const char *event, const char *key)
{
    struct tocsin_alert *alert = g->host->alert_new(g->out);

    alert->status = status;
    alert->dedup_key = g->host->batch_printf(g->out, "%s/%s", g->repository, key);
    g->host->alert_label(g->out, alert, "repository", g->repository);
    g->host->alert_label(g->out, alert, "event", event);
    return alert;
}

/* --- workflow runs ----------------------------------------------------------------- */

/* Branches of forks have the same names, most of all "main": such a run says nothing of ours.  "mo/shop:main" */
static const char *
branch_of(const struct github *g, const json_t *run)
{
    const char *branch = text(g, run, "head_branch");
    const json_t *head = json_object_get(run, "head_repository");
    const char *from = json_is_null(head) ? "unknown" : text(g, head, "full_name");   /* null: that fork is gone */

    if (from[0] == '\0' || strcasecmp(from, g->repository) == 0)
        return branch;
    return g->host->batch_printf(g->out, "%s:%s", from, branch);
}

static enum tocsin_rc
read_run(const struct github *g, const json_t *run)
{
    static const char *const failed[] = { "failure", "timed_out", "startup_failure", NULL };
    const char *conclusion = text(g, run, "conclusion"), *branch = branch_of(g, run);
    const char *workflow = text(g, run, "workflow_id"), *name = text(g, run, "name");
    enum tocsin_status status = is_one_of(conclusion, failed)        ? TOCSIN_FIRING
                                : strcmp(conclusion, "success") == 0 ? TOCSIN_RESOLVED
                                                                     : TOCSIN_UNKNOWN;
    struct tocsin_alert *alert;

    if (strcmp(g->action, "completed") != 0)
        return TOCSIN_OK; /* requested, in_progress */
    if (workflow[0] == '\0')
        return g->host->fail(g->err, TOCSIN_MEANINGLESS, "$.workflow_run.workflow_id",
                             "expected the workflow's number");
    if (conclusion[0] == '\0')
        return g->host->fail(g->err, TOCSIN_MEANINGLESS, "$.workflow_run.conclusion",
                             "expected a conclusion, such as failure");
    alert = alert_new(g, status, "workflow_run", g->host->batch_printf(g->out, "workflow/%s/%s", workflow, branch));
    if (status == TOCSIN_RESOLVED)
        alert->severity = TOCSIN_INFO; /* a run that succeeded is no news where none had failed */
    alert->summary = g->host->batch_printf(g->out, "%s: %s on %s: %s", g->repository, name, branch, conclusion);
    alert->starts_at = status == TOCSIN_RESOLVED ? 0 : time_at(g, run, "run_started_at");
    alert->ends_at = status == TOCSIN_RESOLVED ? time_at(g, run, "updated_at") : 0;
    g->host->alert_label(g->out, alert, "workflow", name);
    g->host->alert_label(g->out, alert, "branch", branch);
    g->host->alert_label(g->out, alert, "conclusion", conclusion);
    g->host->alert_label_json(g->out, alert, "trigger", json_object_get(run, "event"));
    g->host->alert_annotation_json(g->out, alert, "title", json_object_get(run, "display_title"));
    g->host->alert_annotation_json(g->out, alert, "commit", json_object_get(run, "head_sha"));
    g->host->alert_annotation_json(g->out, alert, "run", json_object_get(run, "run_number"));
    g->host->alert_annotation(g->out, alert, "actor", text(g, json_object_get(run, "actor"), "login"));
    g->host->alert_link(g->out, alert, text(g, run, "html_url"), "run");
    return TOCSIN_OK;
}

/* --- deployments ------------------------------------------------------------------- */

static enum tocsin_rc
read_deployment(const struct github *g, const json_t *status)
{
    const json_t *deployment = json_object_get(g->root, "deployment");
    const char *state = text(g, status, "state"), *environment = text(g, status, "environment");
    bool failed = strcmp(state, "failure") == 0 || strcmp(state, "error") == 0;
    struct tocsin_alert *alert;

    if (state[0] == '\0')
        return g->host->fail(g->err, TOCSIN_MEANINGLESS, "$.deployment_status.state",
                             "expected a state, such as failure");
    if (!failed && strcmp(state, "success") != 0)
        return TOCSIN_OK; /* queued, in_progress, inactive ... */
    if (environment[0] == '\0')
        environment = text(g, deployment, "environment");
    alert = alert_new(g, failed ? TOCSIN_FIRING : TOCSIN_RESOLVED, "deployment_status",
                      g->host->batch_printf(g->out, "deployment/%s", environment));
    alert->summary = g->host->batch_printf(g->out, "%s: deployment to %s: %s", g->repository, environment, state);
    alert->starts_at = failed ? time_at(g, status, "created_at") : 0;
    alert->ends_at = failed ? 0 : time_at(g, status, "created_at");
    g->host->alert_label(g->out, alert, "environment", environment);
    g->host->alert_annotation_json(g->out, alert, "description", json_object_get(status, "description"));
    g->host->alert_annotation_json(g->out, alert, "ref", json_object_get(deployment, "ref"));
    g->host->alert_annotation_json(g->out, alert, "commit", json_object_get(deployment, "sha"));
    g->host->alert_link(g->out, alert, text(g, status, "log_url"), "log");
    g->host->alert_link(g->out, alert, text(g, status, "target_url"), "deployment");
    return TOCSIN_OK;
}

/* --- security alerts ------------------------------------------------------------------ */

static const char *
kind_of(const json_t *alert)
{
    return json_object_get(alert, "security_advisory") != NULL ? "dependabot"
           : json_object_get(alert, "rule") != NULL            ? "code_scanning"
           : json_object_get(alert, "secret_type") != NULL     ? "secret_scanning"
                                                               : NULL;
}

static enum tocsin_status
status_of(const char *action)
{
    static const char *const fires[] = { "created",          "reopened",           "reintroduced",    "auto_reopened",
                                         "reopened_by_user", "appeared_in_branch", "publicly_leaked", NULL };
    static const char *const ends[] = { "fixed", "dismissed", "auto_dismissed", "closed_by_user", "resolved", NULL };

    return is_one_of(action, fires) ? TOCSIN_FIRING : is_one_of(action, ends) ? TOCSIN_RESOLVED : TOCSIN_UNKNOWN;
}

static void
read_dependabot(const struct github *g, struct tocsin_alert *alert, const json_t *item)
{
    const json_t *advisory = json_object_get(item, "security_advisory");
    const json_t *vulnerability = json_object_get(item, "security_vulnerability");
    const json_t *dependency = json_object_get(item, "dependency"), *package = json_object_get(dependency, "package");
    const json_t *patched = json_object_get(vulnerability, "first_patched_version");
    const char *severity = text(g, vulnerability, "severity");

    alert->severity = g->host->severity_of(severity[0] != '\0' ? severity : text(g, advisory, "severity"));
    alert->summary = g->host->batch_printf(g->out, "%s: %s: %s", g->repository, text(g, package, "name"),
                                           text(g, advisory, "summary"));
    g->host->alert_label_json(g->out, alert, "package", json_object_get(package, "name"));
    g->host->alert_label_json(g->out, alert, "ecosystem", json_object_get(package, "ecosystem"));
    g->host->alert_label_json(g->out, alert, "scope", json_object_get(dependency, "scope"));
    g->host->alert_annotation_json(g->out, alert, "ghsa", json_object_get(advisory, "ghsa_id"));
    g->host->alert_annotation_json(g->out, alert, "cve", json_object_get(advisory, "cve_id"));
    g->host->alert_annotation_json(g->out, alert, "manifest", json_object_get(dependency, "manifest_path"));
    g->host->alert_annotation_json(g->out, alert, "patched_in", json_object_get(patched, "identifier"));
}

static void
read_code(const struct github *g, struct tocsin_alert *alert, const json_t *item)
{
    const json_t *rule = json_object_get(item, "rule");
    const char *severity = text(g, rule, "security_severity_level");

    alert->severity = g->host->severity_of(severity[0] != '\0' ? severity : text(g, rule, "severity"));
    alert->summary = g->host->batch_printf(g->out, "%s: %s", g->repository, text(g, rule, "description"));
    g->host->alert_label_json(g->out, alert, "rule", json_object_get(rule, "id"));
    g->host->alert_label(g->out, alert, "tool", text(g, json_object_get(item, "tool"), "name"));
    g->host->alert_annotation_json(g->out, alert, "ref", json_object_get(g->root, "ref"));
}

static void
read_secret(const struct github *g, struct tocsin_alert *alert, const json_t *item)
{
    const char *name = text(g, item, "secret_type_display_name");

    alert->severity = TOCSIN_CRITICAL; /* a secret in the open: GitHub has no word for how bad */
    alert->summary = g->host->batch_printf(g->out, "%s: secret in the repository: %s", g->repository,
                                           name[0] != '\0' ? name : text(g, item, "secret_type"));
    g->host->alert_label_json(g->out, alert, "secret_type", json_object_get(item, "secret_type"));
    g->host->alert_annotation_json(g->out, alert, "validity", json_object_get(item, "validity"));
    g->host->alert_annotation_json(g->out, alert, "resolution", json_object_get(item, "resolution"));
}

static enum tocsin_rc
read_security(const struct github *g, const json_t *item, const char *kind)
{
    const char *number = text(g, item, "number");
    struct tocsin_alert *alert;

    if (number[0] == '\0')
        return g->host->fail(g->err, TOCSIN_MEANINGLESS, "$.alert.number", "expected the alert's number");
    alert = alert_new(g, status_of(g->action), kind, g->host->batch_printf(g->out, "%s/%s", kind, number));
    alert->starts_at = time_at(g, item, "created_at");
    if (alert->status == TOCSIN_RESOLVED)
        alert->ends_at = time_at(g, item, "updated_at");
    if (kind[0] == 'd')
        read_dependabot(g, alert, item);
    else if (kind[0] == 'c')
        read_code(g, alert, item);
    else
        read_secret(g, alert, item);
    g->host->alert_annotation(g->out, alert, "action", g->action);
    g->host->alert_link(g->out, alert, text(g, item, "html_url"), "alert");
    return TOCSIN_OK;
}

/* --- one event ------------------------------------------------------------------------ */

static enum tocsin_rc
read_event(struct github *g, const struct tocsin_payload *in)
{
    const json_t *run = json_object_get(g->root, "workflow_run"), *item = json_object_get(g->root, "alert");
    const json_t *status = json_object_get(g->root, "deployment_status");
    const char *kind = kind_of(item), *event = in->header(in, "x-github-event");

    if (!json_is_object(g->root))
        return g->host->fail(g->err, TOCSIN_MEANINGLESS, "$", "expected an object");
    if (!json_is_object(run) && kind == NULL && !json_is_object(status)) {
        if (event == NULL && json_object_get(g->root, "repository") == NULL && json_object_get(g->root, "zen") == NULL)
            return g->host->fail(g->err, TOCSIN_MEANINGLESS, "$.repository",
                                 "expected the repository: is this from GitHub?");
        g->host->batch_note(g->out, "event '%.60s' makes no alert", event != NULL ? event : "unknown");
        return TOCSIN_OK;
    }
    g->action = text(g, g->root, "action");
    g->repository = text(g, json_object_get(g->root, "repository"), "full_name");
    if (g->repository[0] == '\0')
        return g->host->fail(g->err, TOCSIN_MEANINGLESS, "$.repository.full_name", "expected owner/name");
    if (json_is_object(run))
        return read_run(g, run);
    if (json_is_object(status))
        return read_deployment(g, status);
    return read_security(g, item, kind);
}

/* GitHub's own default for a new webhook is a form with the document in its field "payload". */
static enum tocsin_rc
read_body(const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out, json_t **doc_r,
          struct tocsin_err *err)
{
    json_t *form;
    const char *payload;
    enum tocsin_rc rc;

    if (in->content_type == NULL || strcmp(in->content_type, "application/x-www-form-urlencoded") != 0)
        return host->parse_json(in->body, in->len, doc_r, err);
    rc = host->parse_form(in, &form, err);
    if (rc != TOCSIN_OK)
        return rc;
    if (json_object_get(form, "payload") == NULL) {          /* JSON under the name of a form */
        *doc_r = form;
        return TOCSIN_OK;
    }
    payload = host->text(out, json_object_get(form, "payload"));
    rc = host->parse_json(payload, strlen(payload), doc_r, err);
    json_decref(form);
    return rc;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct github g = { .host = host, .out = out, .err = err };
    json_t *doc;
    enum tocsin_rc rc = read_body(host, in, out, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    g.root = doc;
    rc = read_event(&g, in);
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "github",
    .summary = "GitHub's webhooks: workflow runs, deployments, security alerts",
    .decode = decode,
};
