/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.c - VictorOps (Splunk On-Call), REST endpoint.
 *
 * One POST for every change; entity_id is the incident's id.  The API key is
 * a part of the path, so nothing that could hold the path is ever repeated in
 * an error text.  A 200 is only an answer: whether it worked stands in
 * `result`.
 */
#include <tocsin/plugin.h>

#include "intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_MAX_CHARS = 1024,
    STATE_MAX = 20480,
    ANNOTATION_MAX = 1124,
    FIELD_MAX = 1024,
    LABELS_MAX = 50,
    LINKS_MAX = 16
};

struct victorops {
    const struct tocsin_host *host;
    const char *url, *key, *route, *host_label;
};

static const struct tocsin_option options[] = {
    { "api_key", TOCSIN_OPT_SECRET, TOCSIN_REQUIRED,
      "key of the REST integration: the part after /alert/ in its address", NULL },
    { "routing_key", TOCSIN_OPT_STRING, TOCSIN_REQUIRED, "who is paged: a routing key of the organisation", NULL },
    { "url", TOCSIN_OPT_STRING, "https://alert.victorops.com", "base address", NULL },
    { "host_label", TOCSIN_OPT_STRING, "host", "label that becomes host_name", NULL },
    { NULL, TOCSIN_OPT_STRING, NULL, NULL, NULL }
};

static enum tocsin_rc
victorops_open(const struct tocsin_host *host, const struct tocsin_settings *set, void **self_r, struct tocsin_err *err)
{
    struct victorops *v = calloc(1, sizeof *v);

    if (v == NULL)
        return host->fail(err, TOCSIN_TEMPORARY, "", "out of memory");
    v->host = host;
    v->url = host->setting(set, "url");
    v->key = host->setting(set, "api_key");
    v->route = host->setting(set, "routing_key");
    v->host_label = host->setting(set, "host_label");
    *self_r = v;
    return TOCSIN_OK;
}

/* An info is triggered only where a rule wants it to page, and INFO never does: it opens no incident over there. */
static const char *
message_type(enum tocsin_severity severity, enum tocsin_change change)
{
    switch (severity) {
    case TOCSIN_INFO:
        return change == TOCSIN_TRIGGER ? "WARNING" : "INFO";
    case TOCSIN_WARNING:
        return "WARNING";
    default:
        return "CRITICAL";
    }
}

static void
put(const struct victorops *v, struct tocsin_request *q, json_t *doc, const char *name, const char *value, size_t max)
{
    if (value != NULL && value[0] != '\0')
        json_object_set_new(doc, name, json_string(v->host->request_cut(q, value, max)));
}

/* What a person reads: a line for each alert. */
static const char *
state_message(const struct victorops *v, struct tocsin_request *q, const struct tocsin_incident *inc)
{
    const char *text = v->host->request_printf(q, "%s\n%zu of %zu alerts firing, incident %s", inc->summary,
                                               inc->n_firing, inc->n_total, inc->number);

    for (size_t i = 0; i < inc->n_alerts; i++) {
        const struct tocsin_alert *a = &inc->alerts[i];

        text = v->host->request_printf(q, "%s\n[%s] %s", text, a->status == TOCSIN_RESOLVED ? "resolved" : "firing",
                                       v->host->request_cut(q, a->summary, FIELD_MAX));
    }
    return text;
}

static void
annotate(const struct victorops *v, struct tocsin_request *q, json_t *doc, char kind, const char *title,
         const char *value)
{
    put(v, q, doc, v->host->request_printf(q, "vo_annotate.%c.%s", kind, v->host->request_cut(q, title, 100)), value,
        ANNOTATION_MAX);
}

static void
put_annotations(const struct victorops *v, struct tocsin_request *q, json_t *doc, const struct tocsin_incident *inc)
{
    size_t links = 0;

    if (inc->url != NULL)
        annotate(v, q, doc, 'u', "Incident in tocsin", inc->url);
    for (size_t i = 0; i < inc->n_alerts; i++) {
        const struct tocsin_alert *a = &inc->alerts[i];

        for (size_t k = 0; k < a->n_links && links++ < LINKS_MAX; k++)
            annotate(v, q, doc, 'u', a->links[k].text != NULL ? a->links[k].text : a->links[k].href, a->links[k].href);
    }
    for (size_t k = 0; inc->n_alerts > 0 && k < inc->alerts[0].n_annotations && k < LABELS_MAX; k++) {
        const struct tocsin_pair *p = &inc->alerts[0].annotations[k];
        bool image = strcmp(p->name, "image") == 0 || strcmp(p->name, "image_url") == 0;

        annotate(v, q, doc, image && strncmp(p->value, "https://", 8) == 0 ? 'i' : 's', p->name, p->value);
    }
}

/* The prefix keeps a label called message_type or entity_id from meaning something to the vendor. */
static void
put_labels(const struct victorops *v, struct tocsin_request *q, json_t *doc, const struct tocsin_incident *inc)
{
    for (size_t i = 0; inc->n_alerts > 0 && i < inc->alerts[0].n_labels && i < LABELS_MAX; i++) {
        const struct tocsin_pair *p = &inc->alerts[0].labels[i];

        put(v, q, doc, v->host->request_printf(q, "label_%s", p->name), p->value, FIELD_MAX);
        if (v->host_label != NULL && strcmp(p->name, v->host_label) == 0)
            put(v, q, doc, "host_name", p->value, FIELD_MAX);
    }
}

static void
put_problem(const struct victorops *v, struct tocsin_request *q, json_t *doc, const struct tocsin_job *job)
{
    const struct tocsin_incident *inc = job->incident;

    put(v, q, doc, "entity_display_name", inc->summary[0] != '\0' ? inc->summary : "(no summary)", NAME_MAX_CHARS);
    put(v, q, doc, "state_message", state_message(v, q, inc), STATE_MAX);
    put(v, q, doc, "tocsin_severity", v->host->severity_name(inc->severity), FIELD_MAX);
    put(v, q, doc, "tocsin_collector", inc->source, FIELD_MAX);
    put(v, q, doc, "tocsin_policy", inc->policy, FIELD_MAX);
    if (inc->opened_at > 0)
        json_object_set_new(doc, "state_start_time", json_integer(inc->opened_at / 1000));
    put_labels(v, q, doc, inc);
    put_annotations(v, q, doc, inc);
}

static enum tocsin_rc
victorops_render(void *self, const struct tocsin_host *host, const struct tocsin_job *job, struct tocsin_request *out,
                 struct tocsin_err *err)
{
    const struct victorops *v = self;
    const struct tocsin_incident *inc = job->incident;
    const char *type = message_type(inc->severity, job->change);
    json_t *doc;

    (void)err;
    if (job->change == TOCSIN_UNACKNOWLEDGE)
        return TOCSIN_OK;
    if (job->change == TOCSIN_ACKNOWLEDGE)
        type = "ACKNOWLEDGEMENT";
    else if (job->change == TOCSIN_RESOLVE)
        type = "RECOVERY";
    else if (job->change == TOCSIN_NOTE)
        type = "INFO";
    doc = json_pack("{s:s, s:s, s:s}", "message_type", type, "entity_id", inc->id, "monitoring_tool", "tocsin");
    if (job->now > 0)
        json_object_set_new(doc, "timestamp", json_integer(job->now / 1000));
    if (job->change == TOCSIN_ACKNOWLEDGE) {
        put(v, out, doc, "ack_author", inc->by[0] != '\0' ? inc->by : "tocsin", FIELD_MAX);
        put(v, out, doc, "ack_message", "acknowledged in tocsin", FIELD_MAX);
    } else if (job->change == TOCSIN_RESOLVE) {
        put(v, out, doc, "state_message",
            inc->by[0] != '\0' ? host->request_printf(out, "resolved by %s", inc->by) : "resolved", STATE_MAX);
    } else if (job->change == TOCSIN_NOTE) {
        put(v, out, doc, "state_message",
            host->request_printf(out, "%s: %s", inc->note_by != NULL ? inc->note_by : "note",
                                 inc->note != NULL ? inc->note : ""),
            STATE_MAX);
    } else {
        put_problem(v, out, doc, job);
    }
    host->request_http(out, "POST",
                       host->request_printf(out, "%s/integrations/generic/20131114/alert/%s/%s", v->url,
                                            host->request_escape(out, v->key), host->request_escape(out, v->route)));
    host->request_json(out, doc);
    return TOCSIN_OK;
}

static bool
names_key(const struct victorops *v, const char *text)
{
    return v->key != NULL && v->key[0] != '\0' && strstr(text, v->key) != NULL;
}

static void
judge_body(const struct victorops *v, const json_t *doc, struct tocsin_outcome *out)
{
    const char *result = json_string_value(json_object_get(doc, "result"));
    const char *message = json_string_value(json_object_get(doc, "message"));

    if (result != NULL && strcmp(result, "success") == 0) {
        out->verdict = TOCSIN_DELIVERED;
        out->reason[0] = '\0';
    } else if (result != NULL && strcmp(result, "failure") == 0) {
        out->verdict = TOCSIN_REJECTED;
        snprintf(out->reason, sizeof out->reason, "refused: %s",
                 message != NULL && !names_key(v, message) ? message : "no reason given");
    } else {
        out->verdict = TOCSIN_RETRY;
        snprintf(out->reason, sizeof out->reason, "the answer says neither success nor failure");
    }
}

static void
victorops_classify(void *self, const struct tocsin_host *host, const struct tocsin_job *job,
                   const struct tocsin_response *r, struct tocsin_outcome *out)
{
    const struct victorops *v = self;
    json_t *doc = NULL;

    (void)job;
    if (r->status == 404) {
        snprintf(out->reason, sizeof out->reason, "404: wrong address, api_key or routing_key");
    } else if (r->status == 200) {
        /* a body that is not JSON judges as one without a result */
        if (host->parse_json(r->body, r->len, &doc, NULL) != TOCSIN_OK)
            doc = NULL;
        judge_body(v, doc, out);
        json_decref(doc);
    } else if (r->status > 200 && r->status < 300) {
        out->verdict = TOCSIN_RETRY;
        snprintf(out->reason, sizeof out->reason, "answered %d instead of 200", r->status);
    } else if (names_key(v, out->reason)) {
        snprintf(out->reason, sizeof out->reason, "could not be reached");
    }
}

static void
victorops_close(void *self)
{
    free(self);
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .flags = TOCSIN_DEDUPES | TOCSIN_CAN_ACK | TOCSIN_CAN_NOTE,
    .name = "victorops",
    .summary = "VictorOps (Splunk On-Call), REST endpoint",
    .notifier_options = options,
    .open = victorops_open,
    .close = victorops_close,
    .render = victorops_render,
    .classify = victorops_classify,
    .routes = intake_routes,
    .identify = intake_identify,
    .intake = intake_take,
    .answer = intake_answer,
    .refuse = intake_refuse,
};
