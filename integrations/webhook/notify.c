/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.c - the incident as JSON to any address, signed as Standard Webhooks
 * describe when there is a secret.  webhook-id is the same on every retry, so
 * a receiver that remembers ids sees each change once.
 */
#include <tocsin/plugin.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_MAX = 512000, TEXT_MAX = 4096 };

struct webhook {
    const struct tocsin_host *host;
    const char *url, *method, *secret, *bearer;
    const struct tocsin_pair *headers;
    size_t n_headers;
};

static const struct tocsin_option options[] = {
    { "url", TOCSIN_OPT_STRING, TOCSIN_REQUIRED, "where to send", NULL },
    { "method", TOCSIN_OPT_STRING, "POST", "HTTP method", "POST|PUT|PATCH" },
    { "secret", TOCSIN_OPT_SECRET, NULL, "signs each request (Standard Webhooks); whsec_… or any text", NULL },
    { "bearer", TOCSIN_OPT_SECRET, NULL, "sent as Authorization: Bearer …", NULL },
    { "headers", TOCSIN_OPT_MAP, NULL, "more headers, such as { X-Team = \"ml\"; }", NULL },
    { NULL, TOCSIN_OPT_STRING, NULL, NULL, NULL }
};

static enum tocsin_rc
webhook_open(const struct tocsin_host *host, const struct tocsin_settings *set, void **self_r, struct tocsin_err *err)
{
    struct webhook *w = calloc(1, sizeof *w);

    if (w == NULL)
        return host->fail(err, TOCSIN_TEMPORARY, "", "out of memory");
    w->host = host;
    w->url = host->setting(set, "url");
    w->method = host->setting(set, "method");
    w->secret = host->setting(set, "secret");
    w->bearer = host->setting(set, "bearer");
    w->n_headers = host->setting_map(set, "headers", &w->headers);
    *self_r = w;
    return TOCSIN_OK;
}

static const char *
type_of(enum tocsin_change change)
{
    switch (change) {
    case TOCSIN_TRIGGER:
        return "incident.triggered";
    case TOCSIN_UPDATE:
        return "incident.updated";
    case TOCSIN_ACKNOWLEDGE:
        return "incident.acknowledged";
    case TOCSIN_UNACKNOWLEDGE:
        return "incident.unacknowledged";
    case TOCSIN_NOTE:
        return "incident.note";
    case TOCSIN_RESOLVE:
        return "incident.resolved";
    }
    return "incident.updated";
}

static const char *
state_of(enum tocsin_incident_state state)
{
    return state == TOCSIN_INC_ACKNOWLEDGED ? "acknowledged" : state == TOCSIN_INC_RESOLVED ? "resolved" : "triggered";
}

static json_t *
time_of(const struct webhook *w, struct tocsin_request *q, int64_t ms)
{
    return ms > 0 ? json_string(w->host->request_time(q, ms)) : json_null();
}

static json_t *
text_of(const struct webhook *w, struct tocsin_request *q, const char *text)
{
    return text != NULL ? json_string(w->host->request_cut(q, text, TEXT_MAX)) : json_null();
}

static json_t *
pairs_of(const struct webhook *w, struct tocsin_request *q, const struct tocsin_pair *pairs, size_t n)
{
    json_t *out = json_object();

    for (size_t i = 0; i < n; i++)
        json_object_set_new(out, pairs[i].name, text_of(w, q, pairs[i].value));
    return out;
}

static json_t *
links_of(const struct webhook *w, struct tocsin_request *q, const struct tocsin_alert *a)
{
    json_t *out = json_array();

    for (size_t i = 0; i < a->n_links; i++)
        json_array_append_new(
            out, json_pack("{s:s, s:o}", "href", a->links[i].href, "text", text_of(w, q, a->links[i].text)));
    return out;
}

static json_t *
alert_of(const struct webhook *w, struct tocsin_request *q, const struct tocsin_alert *a)
{
    const char *status = a->status == TOCSIN_RESOLVED ? "resolved" : a->status == TOCSIN_UNKNOWN ? "unknown" : "firing";

    return json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "dedup_key", text_of(w, q, a->dedup_key),
                     "status", status, "severity", w->host->severity_name(a->severity), "summary",
                     text_of(w, q, a->summary), "labels", pairs_of(w, q, a->labels, a->n_labels), "annotations",
                     pairs_of(w, q, a->annotations, a->n_annotations), "links", links_of(w, q, a), "starts_at",
                     time_of(w, q, a->starts_at), "ends_at", time_of(w, q, a->ends_at), "count", (json_int_t)a->count);
}

static json_t *
incident_of(const struct webhook *w, struct tocsin_request *q, const struct tocsin_incident *inc)
{
    bool acked = inc->state == TOCSIN_INC_ACKNOWLEDGED, resolved = inc->state == TOCSIN_INC_RESOLVED;
    json_t *alerts = json_array();

    for (size_t i = 0; i < inc->n_alerts; i++)
        json_array_append_new(alerts, alert_of(w, q, &inc->alerts[i]));
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o}", "id", inc->id,
        "number", inc->number, "state", state_of(inc->state), "severity", w->host->severity_name(inc->severity),
        "summary", text_of(w, q, inc->summary), "source", text_of(w, q, inc->source), "group_key",
        text_of(w, q, inc->group_key), "episode", (int)inc->episode, "policy", text_of(w, q, inc->policy), "url",
        text_of(w, q, inc->url), "opened_at", time_of(w, q, inc->opened_at), "acknowledged_at",
        time_of(w, q, inc->acknowledged_at), "acknowledged_by", text_of(w, q, acked ? inc->by : NULL), "resolved_at",
        time_of(w, q, inc->resolved_at), "resolved_by", text_of(w, q, resolved ? inc->by : NULL), "alerts_firing",
        (json_int_t)inc->n_firing, "alerts_total", (json_int_t)inc->n_total, "alerts", alerts);
}

/* Fewer alerts, the newest kept, until a receiver with a usual limit takes it.  Each is measured once. */
static void
trim(json_t *doc, json_t *data)
{
    json_t *alerts = json_object_get(data, "alerts");
    size_t n = json_array_size(alerts), size = json_dumpb(doc, NULL, 0, JSON_COMPACT);

    if (size <= BODY_MAX)
        return;
    json_object_set_new(data, "truncated", json_true());
    for (size += sizeof "\"truncated\":true"; n > 0 && size > BODY_MAX; n--) {
        size -= json_dumpb(json_array_get(alerts, n - 1), NULL, 0, JSON_COMPACT);
        json_array_remove(alerts, n - 1);
    }
}

/* Two notes of one version are two messages: their ids differ by what they say (FNV-1a). */
static uint32_t
note_hash(const struct tocsin_incident *inc)
{
    uint32_t h = 2166136261u;

    for (const char *p = inc->note; p != NULL && *p != '\0'; p++)
        h = (h ^ (unsigned char)*p) * 16777619u;
    return h;
}

static const char *
id_of(struct tocsin_request *q, const struct webhook *w, const struct tocsin_job *job)
{
    const char *word = strchr(type_of(job->change), '.') + 1;

    if (job->change == TOCSIN_NOTE)
        return w->host->request_printf(q, "%s.note-%08" PRIx32 ".%" PRId64, job->incident->id, note_hash(job->incident),
                                       job->now);
    return w->host->request_printf(q, "%s.%s.%" PRId64, job->incident->id, word, job->now);
}

static enum tocsin_rc
webhook_render(void *self, const struct tocsin_host *host, const struct tocsin_job *job, struct tocsin_request *out,
               struct tocsin_err *err)
{
    const struct webhook *w = self;
    const char *type = type_of(job->change);
    const char *id = id_of(out, w, job);
    json_t *data = incident_of(w, out, job->incident);
    json_t *doc = json_pack("{s:s, s:o, s:O}", "type", type, "timestamp", time_of(w, out, job->now), "data", data);

    (void)err;
    if (job->change == TOCSIN_NOTE) {
        json_object_set_new(data, "note", text_of(w, out, job->incident->note));
        json_object_set_new(data, "note_by", text_of(w, out, job->incident->note_by));
    }
    trim(doc, data);
    json_decref(data);
    host->request_http(out, w->method, w->url);
    for (size_t i = 0; i < w->n_headers; i++)
        host->request_header(out, w->headers[i].name, w->headers[i].value);
    if (w->bearer != NULL)
        host->request_header(out, "Authorization", host->request_printf(out, "Bearer %s", w->bearer));
    host->request_json(out, doc);
    if (w->secret != NULL)
        host->request_sign(out, w->secret, id);
    else
        host->request_header(out, "webhook-id", id);
    return TOCSIN_OK;
}

static void
webhook_classify(void *self, const struct tocsin_host *host, const struct tocsin_job *job,
                 const struct tocsin_response *r, struct tocsin_outcome *out)
{
    (void)self;
    (void)host;
    (void)job;
    if (r->status == 410) {
        out->verdict = TOCSIN_REJECTED;
        snprintf(out->reason, sizeof out->reason, "410: the receiver wants nothing from here any more");
    } else if (r->status >= 300 && r->status < 400) {
        snprintf(out->reason, sizeof out->reason, "%d: redirects are not followed; set the address it leads to",
                 r->status);
    }
}

static void
webhook_close(void *self)
{
    free(self);
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .flags = TOCSIN_DEDUPES | TOCSIN_CAN_ACK | TOCSIN_CAN_UNACK | TOCSIN_CAN_NOTE,
    .name = "webhook",
    .summary = "the incident as signed JSON to any address",
    .notifier_options = options,
    .open = webhook_open,
    .close = webhook_close,
    .render = webhook_render,
    .classify = webhook_classify,
};
