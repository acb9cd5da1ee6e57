/* SPDX-License-Identifier: Apache-2.0 */
/* The roles render and classify. */
#include "lib/cases.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

static int
index_of(const char *const *words, int n, const char *word)
{
    for (int i = 0; i < n; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return -1;
}

/* --- the job ------------------------------------------------------------------------------ */

static enum tocsin_severity
severity(const char *word)
{
    static const char *const words[] = { "none", "info", "warning", "error", "critical" };
    int i = index_of(words, 5, word);

    return (enum tocsin_severity)(i > 0 ? i : 0);
}

static enum tocsin_incident_state
state(const char *word)
{
    return strcmp(word, "resolved") == 0       ? TOCSIN_INC_RESOLVED
           : strcmp(word, "acknowledged") == 0 ? TOCSIN_INC_ACKNOWLEDGED
                                               : TOCSIN_INC_TRIGGERED;
}

static void
read_alerts(struct arena *a, struct tocsin_incident *incident, const json_t *list)
{
    size_t n = json_array_size(list), i;
    struct tocsin_alert *alerts = arena_zalloc(a, (n + 1) * sizeof *alerts);
    json_t *item;

    json_array_foreach(list, i, item) {
        alerts[i] = *cases_alert(a, item);
        incident->n_firing += alerts[i].status == TOCSIN_FIRING;
    }
    incident->alerts = alerts;
    incident->n_alerts = incident->n_total = n;
}

static struct tocsin_incident *
read_incident(struct arena *a, const json_t *c)
{
    struct tocsin_incident *in = arena_zalloc(a, sizeof *in);
    size_t n;

    in->id = cases_text(c, "id", "00000000-0000-7000-8000-000000000000");
    n = strlen(in->id);
    in->number = cases_text(c, "number", n > 8 ? in->id + n - 8 : in->id);
    in->state = state(cases_text(c, "state", "triggered"));
    in->severity = severity(cases_text(c, "severity", "none"));
    in->summary = cases_text(c, "summary", "");
    in->source = cases_text(c, "source", "");
    in->group_key = cases_text(c, "group_key", "");
    in->policy = cases_text(c, "policy", "");
    in->url = cases_text(c, "url", NULL);
    in->by = cases_text(c, "by", "");
    in->note = cases_text(c, "note", NULL);
    in->note_by = cases_text(c, "note_by", NULL);
    in->vendor_ref = cases_text(c, "vendor_ref", NULL);
    in->opened_at = cases_time(c, "opened_at");
    in->acknowledged_at = cases_time(c, "acknowledged_at");
    in->resolved_at = cases_time(c, "resolved_at");
    in->step = (unsigned)json_integer_value(json_object_get(c, "step"));
    in->episode = (unsigned)json_integer_value(json_object_get(c, "episode"));
    read_alerts(a, in, json_object_get(c, "alerts"));
    if (json_object_get(c, "n_firing") != NULL)
        in->n_firing = (size_t)json_integer_value(json_object_get(c, "n_firing"));
    if (json_object_get(c, "n_total") != NULL)
        in->n_total = (size_t)json_integer_value(json_object_get(c, "n_total"));
    return in;
}

static bool
read_job(struct case_run *run, struct tocsin_job *job)
{
    static const char *const changes[] = { "", "trigger", "update", "acknowledge", "unacknowledge", "note", "resolve" };
    const json_t *c = json_object_get(run->doc, "job");
    int change = index_of(changes, 7, cases_text(c, "change", "trigger"));

    if (change < 1) {
        buf_addf(&run->diff, "job.change: unknown change '%s'\n", cases_text(c, "change", ""));
        return false;
    }
    job->change = (enum tocsin_change)change;
    job->incident = read_incident(run->arena, json_object_get(run->doc, "incident"));
    job->step = (unsigned)json_integer_value(json_object_get(c, "step"));
    job->carry = cases_text(c, "carry", "");
    job->now = json_object_get(c, "now") != NULL ? cases_time(c, "now") : time_parse("2026-01-31T12:00:00Z");
    return true;
}

/* --- render --------------------------------------------------------------------------------- */

/* A body is compared as JSON where the case writes JSON, otherwise byte for byte. */
static json_t *
body_json(const struct tocsin_request *q, const json_t *expected)
{
    json_t *doc = NULL;

    if (expected != NULL && !json_is_string(expected))
        doc = json_loadb(q->body, q->body_len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    return doc != NULL ? doc : json_stringn(q->body, q->body_len);
}

static json_t *
request_json(const struct tocsin_request *q, const json_t *expected)
{
    json_t *object = json_object(), *headers = json_object();

    if (q->kind == REQUEST_LOG) {
        json_object_set_new(object, "log", json_string(q->line));
    } else {
        json_object_set_new(object, "method", json_string(q->method));
        json_object_set_new(object, "url", json_string(q->url));
    }
    for (size_t i = 0; i < q->n_headers; i++)
        json_object_set_new(headers, q->headers[i].name, json_string(q->headers[i].value));
    if (q->n_headers > 0)
        json_object_set(object, "headers", headers);
    json_decref(headers);
    if (q->body != NULL)
        json_object_set_new(object, "body", body_json(q, json_object_get(expected, "body")));
    if (q->body != NULL && (q->content_type == NULL || strcmp(q->content_type, "application/json") != 0 ||
                            json_object_get(expected, "content_type") != NULL))
        json_object_set_new(object, "content_type", json_string(q->content_type != NULL ? q->content_type : ""));
    if (q->sign_secret != NULL)
        json_object_set_new(object, "sign_secret", json_string(q->sign_secret));
    if (q->sign_id != NULL)
        json_object_set_new(object, "sign_id", json_string(q->sign_id));
    return object;
}

void
cases_render(struct case_run *run)
{
    const json_t *expected = json_object_get(run->doc, "expect_request");
    struct tocsin_request q;
    struct tocsin_err err = { 0 };
    struct tocsin_job job;
    enum tocsin_rc rc;

    if (run->plugin->render == NULL) {
        buf_add(&run->diff, "the integration has no render()\n");
        return;
    }
    if (!cases_open(run, run->plugin->notifier_options) || !read_job(run, &job))
        return;
    host_request_init(&q, run->arena);
    rc = run->plugin->render(run->self, &plugin_host, &job, &q, &err);
    if (rc == TOCSIN_OK && q.broken.rc != TOCSIN_OK) {
        rc = q.broken.rc;
        err = q.broken;
    }
    if (rc != TOCSIN_OK) {
        json_t *error = cases_error(&err);

        cases_compare(&run->diff, "expect_error", json_object_get(run->doc, "expect_error"),
                      json_incref(json_object_get(error, "error")));
        json_decref(error);
        return;
    }
    cases_compare(&run->diff, "expect_request", expected,
                  q.kind == REQUEST_NONE ? json_null() : request_json(&q, expected));
}

/* --- classify ---------------------------------------------------------------------------------- */

static const char *
header(const struct tocsin_response *r, const char *wanted)
{
    const char *name;
    json_t *value;

    json_object_foreach(json_object_get(r->host_data, "headers"), name, value)
        if (strcasecmp(name, wanted) == 0)
            return json_string_value(value);
    return NULL;
}

static json_t *
outcome_json(const struct tocsin_outcome *o)
{
    static const char *const verdicts[] = { "none", "delivered", "retry", "rejected", "uncertain", "continue" };
    json_t *object = json_pack("{s:s}", "verdict", verdicts[o->verdict]);

    if (o->delay_ms != 0)
        json_object_set_new(object, "delay_ms", json_integer(o->delay_ms));
    if (o->reason[0] != '\0')
        json_object_set_new(object, "reason", json_string(o->reason));
    if (o->vendor_ref[0] != '\0')
        json_object_set_new(object, "vendor_ref", json_string(o->vendor_ref));
    if (o->carry[0] != '\0')
        json_object_set_new(object, "carry", json_string(o->carry));
    return object;
}

void
cases_classify(struct case_run *run)
{
    const json_t *c = json_object_get(run->doc, "response");
    struct tocsin_response r = { .header = header, .host_data = c };
    struct tocsin_outcome outcome;
    struct tocsin_job job;

    if (!cases_open(run, run->plugin->notifier_options) || !read_job(run, &job))
        return;
    r.status = (int)json_integer_value(json_object_get(c, "status"));
    r.sent = !json_is_false(json_object_get(c, "sent"));
    r.error = cases_text(c, "error", NULL);
    r.body = cases_bytes(run->arena, json_object_get(c, "body"), &r.len);
    host_outcome_default(&r, job.now, &outcome);
    if (run->plugin->classify != NULL)
        run->plugin->classify(run->self, &plugin_host, &job, &r, &outcome);
    cases_compare(&run->diff, "expect_outcome", json_object_get(run->doc, "expect_outcome"), outcome_json(&outcome));
}
