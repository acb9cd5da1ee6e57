/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - what Jenkins' Notification plugin sends at the end of a build.
 *
 * A job is known by its path: the name alone is "main" in every multibranch
 * project.
 */
#include <string.h>

#include <tocsin/plugin.h>

struct jenkins {
    const struct tocsin_host *host;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    const json_t *doc, *build;
};

static const char *
text(const struct jenkins *j, const json_t *object, const char *name)
{
    return j->host->text(j->out, json_object_get(object, name));
}

static enum tocsin_rc
read_status(const struct jenkins *j, struct tocsin_alert *alert)
{
    static const struct {
        const char *word;
        enum tocsin_status status;
        enum tocsin_severity severity;
    } states[] = {
        { "SUCCESS", TOCSIN_RESOLVED, TOCSIN_SEV_NONE },  { "FAILURE", TOCSIN_FIRING, TOCSIN_ERROR },
        { "UNSTABLE", TOCSIN_FIRING, TOCSIN_WARNING },    { "ABORTED", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },
        { "NOT_BUILT", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },
    };
    const char *word = text(j, j->build, "status");

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (strcmp(states[i].word, word) == 0) {
            alert->status = states[i].status;
            alert->severity = states[i].severity;
            return TOCSIN_OK;
        }
    }
    return j->host->fail(j->err, TOCSIN_MEANINGLESS, "$.build.status",
                         "unknown status '%.60s'; expected SUCCESS, FAILURE, UNSTABLE, ABORTED or NOT_BUILT", word);
}

static enum tocsin_rc
read_build(const struct jenkins *j)
{
    static const char *const phases[] = { "COMPLETED", "FINALIZED", "FINISHED" };
    const json_t *scm = json_object_get(j->build, "scm");
    const char *name = text(j, j->doc, "name"), *path = text(j, j->doc, "url"), *phase = text(j, j->build, "phase");
    struct tocsin_alert *alert;
    bool is_end = false;
    enum tocsin_rc rc;

    if (name[0] == '\0' && path[0] == '\0')
        return j->host->fail(j->err, TOCSIN_MEANINGLESS, "$.name", "expected the job's name");
    if (phase[0] == '\0')
        return j->host->fail(j->err, TOCSIN_MEANINGLESS, "$.build.phase", "expected a phase, such as COMPLETED");
    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++)
        is_end = is_end || strcmp(phase, phases[i]) == 0;
    if (!is_end)
        return TOCSIN_OK; /* QUEUED, STARTED */
    alert = j->host->alert_new(j->out);
    rc = read_status(j, alert);
    if (rc != TOCSIN_OK)
        return rc;
    alert->dedup_key = path[0] != '\0' ? path : name;
    if (text(j, j->doc, "display_name")[0] != '\0')
        name = text(j, j->doc, "display_name");
    alert->summary =
        j->host->batch_printf(j->out, "%s #%s: %s", name, text(j, j->build, "number"), text(j, j->build, "status"));
    j->host->alert_label(j->out, alert, "job", name);
    j->host->alert_label_json(j->out, alert, "result", json_object_get(j->build, "status"));
    j->host->alert_label_json(j->out, alert, "branch", json_object_get(scm, "branch"));
    j->host->alert_label_json(j->out, alert, "node", json_object_get(j->build, "node_name"));
    j->host->alert_annotation_json(j->out, alert, "build", json_object_get(j->build, "number"));
    j->host->alert_annotation_json(j->out, alert, "commit", json_object_get(scm, "commit"));
    j->host->alert_annotation_json(j->out, alert, "repository", json_object_get(scm, "url"));
    j->host->alert_annotation_json(j->out, alert, "log", json_object_get(j->build, "log"));
    j->host->alert_link(j->out, alert, text(j, j->build, "full_url"), "build");
    return TOCSIN_OK;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct jenkins j = { host, out, err, NULL, NULL };
    json_t *doc;
    enum tocsin_rc rc = host->parse_json(in->body, in->len, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    j.doc = doc;
    j.build = json_object_get(doc, "build");
    if (json_is_object(j.build))
        rc = read_build(&j);
    else
        rc = host->fail(err, TOCSIN_MEANINGLESS, "$.build", "expected an object");
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "jenkins",
    .summary = "Jenkins' Notification plugin",
    .decode = decode,
};
