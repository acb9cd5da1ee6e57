/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.c - PagerDuty, Events API v2.
 *
 * One POST for every change; the incident's id is the dedup_key, so a repeat
 * joins the alert that is open instead of opening another.  A resolved alert
 * is never triggered again with the same key: a new problem is a new incident
 * with a new id.  There is no word for an un-acknowledgement and none for a
 * note; they are not sent.
 */
#include <tocsin/plugin.h>

#include "intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SUMMARY_MAX = 1024,
    TEXT_MAX = 1024,
    DETAIL_MAX = 4096,
    LINKS_MAX = 16,
    IMAGES_MAX = 5,
    BODY_MAX = 512000 /* bytes; what Alertmanager plans with for the documented 512 KB */
};

struct pagerduty {
    const struct tocsin_host *host;
    const char *url, *key, *client;
    const char *source_label, *component_label, *group_label, *class_label;
};

static const struct tocsin_option options[] = {
    { "routing_key", TOCSIN_OPT_SECRET, TOCSIN_REQUIRED, "integration key of the service, 32 characters", NULL },
    { "region", TOCSIN_OPT_STRING, "us", "service region of the account", "us|eu" },
    { "url", TOCSIN_OPT_STRING, NULL, "base address instead of the region's", NULL },
    { "client", TOCSIN_OPT_STRING, "tocsin", "shown as 'View in …' beside the incident's address", NULL },
    { "source_label", TOCSIN_OPT_STRING, "host", "label that names the affected machine; without it the collector",
      NULL },
    { "component_label", TOCSIN_OPT_STRING, "component", "label that becomes payload.component", NULL },
    { "group_label", TOCSIN_OPT_STRING, "cluster", "label that becomes payload.group", NULL },
    { "class_label", TOCSIN_OPT_STRING, "alertname", "label that becomes payload.class", NULL },
    { NULL, TOCSIN_OPT_STRING, NULL, NULL, NULL }
};

static enum tocsin_rc
pagerduty_open(const struct tocsin_host *host, const struct tocsin_settings *set, void **self_r, struct tocsin_err *err)
{
    struct pagerduty *p = calloc(1, sizeof *p);
    const char *region = host->setting(set, "region");

    if (p == NULL)
        return host->fail(err, TOCSIN_TEMPORARY, "", "out of memory");
    p->host = host;
    p->key = host->setting(set, "routing_key");
    p->client = host->setting(set, "client");
    p->url = host->setting(set, "url");
    if (p->url == NULL || p->url[0] == '\0')
        p->url = region != NULL && strcmp(region, "eu") == 0 ? "https://events.eu.pagerduty.com"
                                                             : "https://events.pagerduty.com";
    p->source_label = host->setting(set, "source_label");
    p->component_label = host->setting(set, "component_label");
    p->group_label = host->setting(set, "group_label");
    p->class_label = host->setting(set, "class_label");
    *self_r = p;
    return TOCSIN_OK;
}

/* --- reading the incident ------------------------------------------------------------ */

static const char *
find(const struct tocsin_pair *pairs, size_t n, const char *name)
{
    for (size_t i = 0; name != NULL && i < n; i++)
        if (strcmp(pairs[i].name, name) == 0 && pairs[i].value[0] != '\0')
            return pairs[i].value;
    return NULL;
}

/* Of the newest alert that has it. */
static const char *
label(const struct tocsin_incident *inc, const char *name)
{
    for (size_t i = 0; i < inc->n_alerts; i++) {
        const char *value = find(inc->alerts[i].labels, inc->alerts[i].n_labels, name);

        if (value != NULL)
            return value;
    }
    return NULL;
}

static json_t *
cut(const struct pagerduty *p, struct tocsin_request *q, const char *text, size_t max)
{
    return json_string(p->host->request_cut(q, text, max));
}

static json_t *
pairs_of(const struct pagerduty *p, struct tocsin_request *q, const struct tocsin_pair *pairs, size_t n)
{
    json_t *out = json_object();

    for (size_t i = 0; i < n; i++)
        json_object_set_new(out, pairs[i].name, cut(p, q, pairs[i].value, DETAIL_MAX));
    return out;
}

static const char *
status_word(enum tocsin_status status)
{
    return status == TOCSIN_RESOLVED ? "resolved" : status == TOCSIN_UNKNOWN ? "unknown" : "firing";
}

/* --- the event ------------------------------------------------------------------------- */

static json_t *
alerts_of(const struct pagerduty *p, struct tocsin_request *q, const struct tocsin_incident *inc)
{
    json_t *out = json_array();

    for (size_t i = 0; i < inc->n_alerts; i++) {
        const struct tocsin_alert *a = &inc->alerts[i];

        json_array_append_new(out, json_pack("{s:s, s:s, s:o, s:o, s:o}", "status", status_word(a->status), "severity",
                                             p->host->severity_name(a->severity), "summary",
                                             cut(p, q, a->summary, SUMMARY_MAX), "labels",
                                             pairs_of(p, q, a->labels, a->n_labels), "annotations",
                                             pairs_of(p, q, a->annotations, a->n_annotations)));
    }
    return out;
}

static json_t *
details_of(const struct pagerduty *p, struct tocsin_request *q, const struct tocsin_incident *inc)
{
    const struct tocsin_alert *newest = inc->n_alerts > 0 ? &inc->alerts[0] : NULL;
    json_t *out = json_pack("{s:s, s:o, s:o, s:o, s:I, s:I, s:i}", "incident", inc->number, "collector",
                            cut(p, q, inc->source, TEXT_MAX), "group", cut(p, q, inc->group_key, TEXT_MAX), "policy",
                            cut(p, q, inc->policy, TEXT_MAX), "firing", (json_int_t)inc->n_firing, "alerts_total",
                            (json_int_t)inc->n_total, "episode", (int)inc->episode);

    if (newest != NULL) {
        json_object_set_new(out, "labels", pairs_of(p, q, newest->labels, newest->n_labels));
        json_object_set_new(out, "annotations", pairs_of(p, q, newest->annotations, newest->n_annotations));
        json_object_set_new(out, "alerts", alerts_of(p, q, inc));
    }
    return out;
}

static json_t *
links_of(const struct pagerduty *p, struct tocsin_request *q, const struct tocsin_incident *inc)
{
    json_t *out = json_array();

    if (inc->url != NULL)
        json_array_append_new(out, json_pack("{s:s, s:s}", "href", inc->url, "text", "Incident in tocsin"));
    for (size_t i = 0; i < inc->n_alerts; i++) {
        const struct tocsin_alert *a = &inc->alerts[i];

        for (size_t k = 0; k < a->n_links && json_array_size(out) < LINKS_MAX; k++)
            json_array_append_new(
                out, json_pack("{s:s, s:o}", "href", a->links[k].href, "text",
                               cut(p, q, a->links[k].text != NULL ? a->links[k].text : a->links[k].href, TEXT_MAX)));
    }
    return out;
}

/* PagerDuty refuses images that are not https. */
static json_t *
images_of(const struct tocsin_incident *inc)
{
    static const char *const names[] = { "image", "image_url" };
    json_t *out = json_array();

    for (size_t i = 0; i < inc->n_alerts; i++) {
        for (size_t k = 0; k < 2 && json_array_size(out) < IMAGES_MAX; k++) {
            const char *src = find(inc->alerts[i].annotations, inc->alerts[i].n_annotations, names[k]);

            if (src != NULL && strncmp(src, "https://", 8) == 0)
                json_array_append_new(out, json_pack("{s:s}", "src", src));
        }
    }
    return out;
}

static void
set_label(const struct pagerduty *p, struct tocsin_request *q, json_t *payload, const char *member,
          const struct tocsin_incident *inc, const char *name)
{
    const char *value = label(inc, name);

    if (value != NULL)
        json_object_set_new(payload, member, cut(p, q, value, TEXT_MAX));
}

static json_t *
payload_of(const struct pagerduty *p, struct tocsin_request *q, const struct tocsin_incident *inc)
{
    const char *source = label(inc, p->source_label);
    json_t *out = json_pack("{s:o, s:o, s:s}", "summary",
                            cut(p, q, inc->summary[0] != '\0' ? inc->summary : "(no summary)", SUMMARY_MAX), "source",
                            cut(p, q,
                                source != NULL           ? source
                                : inc->source[0] != '\0' ? inc->source
                                                         : "tocsin",
                                TEXT_MAX),
                            "severity", p->host->severity_name(inc->severity));

    if (inc->opened_at > 0)
        json_object_set_new(out, "timestamp", json_string(p->host->request_time(q, inc->opened_at)));
    set_label(p, q, out, "component", inc, p->component_label);
    set_label(p, q, out, "group", inc, p->group_label);
    set_label(p, q, out, "class", inc, p->class_label);
    json_object_set_new(out, "custom_details", details_of(p, q, inc));
    return out;
}

static size_t
pairs_len(const struct tocsin_pair *pairs, size_t n)
{
    size_t len = 0;

    for (size_t i = 0; i < n; i++)
        len += strlen(pairs[i].name) + strlen(pairs[i].value) + 8;
    return len;
}

/*
 * Does the body fit for certain?  A byte of text takes six at most, the newest alert is in it twice, and all else is
 * cut to less than half of what is allowed.  Measuring exactly takes as long as writing the body.
 */
static bool
is_small(const struct tocsin_incident *inc)
{
    size_t len = 0;

    for (size_t i = 0; i < inc->n_alerts; i++) {
        const struct tocsin_alert *a = &inc->alerts[i];

        len += strlen(a->summary) + 64 + pairs_len(a->labels, a->n_labels) + pairs_len(a->annotations, a->n_annotations);
    }
    return 12 * len < BODY_MAX / 2;
}

/* The page matters more than what hangs on it: take details off until the body fits. */
static void
trim(const struct tocsin_incident *inc, json_t *doc)
{
    static const char *const stages[] = { "alerts", "annotations", "labels" };
    json_t *details = json_object_get(json_object_get(doc, "payload"), "custom_details");

    if (is_small(inc))
        return;
    for (size_t i = 0; i < sizeof stages / sizeof stages[0] && json_dumpb(doc, NULL, 0, JSON_COMPACT) > BODY_MAX; i++) {
        json_object_del(details, stages[i]);
        json_object_set_new(details, "truncated",
                            json_string("details were left out: the event was over 512000 bytes"));
    }
}

static enum tocsin_rc
pagerduty_render(void *self, const struct tocsin_host *host, const struct tocsin_job *job, struct tocsin_request *out,
                 struct tocsin_err *err)
{
    const struct pagerduty *p = self;
    const struct tocsin_incident *inc = job->incident;
    const char *action = job->change == TOCSIN_ACKNOWLEDGE ? "acknowledge"
                         : job->change == TOCSIN_RESOLVE   ? "resolve"
                                                           : "trigger";
    json_t *doc;

    (void)err;
    if (job->change == TOCSIN_NOTE || job->change == TOCSIN_UNACKNOWLEDGE)
        return TOCSIN_OK;
    doc = json_pack("{s:s, s:s, s:s}", "routing_key", p->key, "event_action", action, "dedup_key", inc->id);
    if (strcmp(action, "trigger") == 0) {
        json_t *links = links_of(p, out, inc), *images = images_of(inc);

        json_object_set_new(doc, "payload", payload_of(p, out, inc));
        if (p->client != NULL)
            json_object_set_new(doc, "client", json_string(p->client));
        if (inc->url != NULL)
            json_object_set_new(doc, "client_url", json_string(inc->url));
        if (json_array_size(links) > 0)
            json_object_set(doc, "links", links);
        if (json_array_size(images) > 0)
            json_object_set(doc, "images", images);
        json_decref(links);
        json_decref(images);
        trim(inc, doc);
    }
    host->request_http(out, "POST", host->request_printf(out, "%s/v2/enqueue", p->url));
    host->request_json(out, doc);
    return TOCSIN_OK;
}

/* --- the answer --------------------------------------------------------------------------- */

/* "invalid event: Length of 'routing_key' is incorrect; ..." */
static void
say(struct tocsin_outcome *out, int status, const json_t *doc)
{
    const char *words = json_string_value(json_object_get(doc, "message"));
    const json_t *errors = json_object_get(doc, "errors");
    size_t used, i;
    json_t *item;

    if (words == NULL)
        return;
    used = (size_t)snprintf(out->reason, sizeof out->reason, "%d: %s", status, words);
    json_array_foreach(errors, i, item)
    {
        if (!json_is_string(item) || used >= sizeof out->reason)
            continue;
        used += (size_t)snprintf(out->reason + used, sizeof out->reason - used, "%s%s", i == 0 ? ": " : "; ",
                                 json_string_value(item));
    }
}

static void
pagerduty_classify(void *self, const struct tocsin_host *host, const struct tocsin_job *job,
                   const struct tocsin_response *r, struct tocsin_outcome *out)
{
    json_t *doc = NULL;

    (void)self;
    (void)job;
    if (r->status == 202) {
        out->reason[0] = '\0';
        return;
    }
    if (r->status == 0)
        return;
    if (r->status >= 200 && r->status < 300) {
        out->verdict = TOCSIN_RETRY;
        snprintf(out->reason, sizeof out->reason, "answered %d instead of 202: not PagerDuty's events endpoint?",
                 r->status);
        return;
    }
    if (host->parse_json(r->body, r->len, &doc, NULL) == TOCSIN_OK)
        say(out, r->status, doc);
    json_decref(doc);
}

static void
pagerduty_close(void *self)
{
    free(self);
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .flags = TOCSIN_DEDUPES | TOCSIN_CAN_ACK,
    .name = "pagerduty",
    .summary = "PagerDuty: Events API v2, and as an intake its events API v2 and v1",
    .notifier_options = options,
    .open = pagerduty_open,
    .close = pagerduty_close,
    .render = pagerduty_render,
    .classify = pagerduty_classify,
    .routes = intake_routes,
    .identify = intake_identify,
    .intake = intake_take,
    .answer = intake_answer,
    .refuse = intake_refuse,
};
