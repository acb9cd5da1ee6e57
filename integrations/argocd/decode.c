/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - Argo CD Notifications.  Its webhook has no fixed form: the two
 * that are read are that of the commit status in Argo CD's own documentation
 * ({"state", "context"}), and the template of our README ({"app", "health"}).
 */
#include <string.h>
#include <strings.h>

#include <tocsin/plugin.h>

struct argo {
    const struct tocsin_host *host;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    const json_t *doc;
};

static const struct state {
    const char *word;
    enum tocsin_status status;
    enum tocsin_severity severity;
} states[] = {
    { "error", TOCSIN_FIRING, TOCSIN_ERROR },           { "failure", TOCSIN_FIRING, TOCSIN_ERROR },
    { "failed", TOCSIN_FIRING, TOCSIN_ERROR },          { "degraded", TOCSIN_FIRING, TOCSIN_ERROR },
    { "missing", TOCSIN_FIRING, TOCSIN_ERROR },         { "success", TOCSIN_RESOLVED, TOCSIN_SEV_NONE },
    { "succeeded", TOCSIN_RESOLVED, TOCSIN_SEV_NONE },  { "healthy", TOCSIN_RESOLVED, TOCSIN_SEV_NONE },
    { "pending", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },     { "running", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },
    { "terminating", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE }, { "progressing", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },
    { "suspended", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },   { "unknown", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },
};

static const char *
text(const struct argo *a, const char *name)
{
    const char *s = a->host->text(a->out, json_object_get(a->doc, name));

    return strcmp(s, "<no value>") == 0 ? "" : s; /* Go's template: there is no such member */
}

static const struct state *
find(const char *word)
{
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (strcasecmp(states[i].word, word) == 0)
            return &states[i];
    return NULL;
}

static enum tocsin_rc
unknown(const struct argo *a, const char *where, const char *word)
{
    return a->host->fail(a->err, TOCSIN_MEANINGLESS, where,
                         "unknown state '%.60s'; expected one of Argo CD's words, such as Degraded", word);
}

static enum tocsin_rc
read_commit_status(const struct argo *a)
{
    const char *word = text(a, "state"), *context = text(a, "context"), *app = strrchr(context, '/');
    const struct state *state = find(word);
    struct tocsin_alert *alert;

    if (context[0] == '\0')
        return a->host->fail(a->err, TOCSIN_MEANINGLESS, "$.context",
                             "expected what it is about, such as continuous-delivery/shop");
    if (state == NULL)
        return unknown(a, "$.state", word);
    alert = a->host->alert_new(a->out);
    alert->status = state->status;
    alert->severity = state->severity;
    alert->dedup_key = context;
    alert->summary = a->host->batch_printf(a->out, "%s: %s", context, word);
    a->host->alert_label(a->out, alert, "app", app != NULL ? app + 1 : context);
    a->host->alert_label(a->out, alert, "state", word);
    a->host->alert_annotation(a->out, alert, "description", text(a, "description"));
    a->host->alert_link(a->out, alert, text(a, "target_url"), "application");
    return TOCSIN_OK;
}

/* The operation is asked first: an application may be healthy while its sync fails. */
static enum tocsin_rc
read_app(const struct argo *a)
{
    static const char *const labels[] = { "app", "namespace", "project", "cluster", "environment" };
    static const char *const annotations[] = { "phase", "health", "sync", "message", "revision" };
    const char *app = text(a, "app"), *namespace = text(a, "namespace"), *phase = text(a, "phase");
    const char *health = text(a, "health"), *message = text(a, "message");
    const struct state *operation = find(phase), *state = find(health);
    bool sync_failed = operation != NULL && operation->status == TOCSIN_FIRING;
    struct tocsin_alert *alert;

    if (phase[0] != '\0' && operation == NULL)
        return unknown(a, "$.phase", phase);
    if (state == NULL && (health[0] != '\0' || operation == NULL))
        return unknown(a, "$.health", health);
    if (sync_failed || state == NULL)
        state = operation;
    alert = a->host->alert_new(a->out);
    alert->status = state->status;
    alert->severity = state->severity;
    alert->dedup_key = namespace[0] != '\0' ? a->host->batch_printf(a->out, "%s/%s", namespace, app) : app;
    alert->summary = a->host->batch_printf(a->out, "%s: %s%s%s%s", app, sync_failed ? "sync " : "",
                                           sync_failed || health[0] == '\0' ? phase : health,
                                           sync_failed && message[0] != '\0' ? ": " : "", sync_failed ? message : "");
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        a->host->alert_label(a->out, alert, labels[i], text(a, labels[i]));
    for (size_t i = 0; i < sizeof annotations / sizeof annotations[0]; i++)
        a->host->alert_annotation(a->out, alert, annotations[i], text(a, annotations[i]));
    a->host->alert_link(a->out, alert, text(a, "url"), "application");
    return TOCSIN_OK;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct argo a = { host, out, err, NULL };
    json_t *doc;
    enum tocsin_rc rc = host->parse_json(in->body, in->len, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    a.doc = doc;
    if (text(&a, "app")[0] != '\0')
        rc = read_app(&a);
    else if (json_object_get(doc, "state") != NULL)
        rc = read_commit_status(&a);
    else
        rc = host->fail(err, TOCSIN_MEANINGLESS, "$.app", "expected 'app', or 'state' and 'context'");
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "argocd",
    .summary = "Argo CD Notifications' webhook, by a template",
    .decode = decode,
};
