/* SPDX-License-Identifier: Apache-2.0 */
/* One request to an intake: who sent it, what it brought, the answer.  Nothing is stored: whatever came counts as done. */
#include <string.h>

#include "lib/cases.h"

static const struct tocsin_route *
route_of(struct case_run *run)
{
    const char *method = cases_text(run->doc, "method", "POST"), *path = cases_text(run->doc, "route", "");

    for (const struct tocsin_route *r = run->plugin->routes; r != NULL && r->method != NULL; r++)
        if (strcmp(r->method, method) == 0 && strcmp(r->path, path) == 0)
            return r;
    buf_addf(&run->diff, "there is no route %s %s\n", method, path);
    return NULL;
}

static void
set_path(struct case_run *run, struct host_call *c)
{
    const json_t *list = json_object_get(run->doc, "path");
    struct tocsin_pair *path = arena_alloc(run->arena, (json_array_size(list) + 1) * sizeof *path);

    for (size_t i = 0; i < json_array_size(list); i++)
        path[i] = (struct tocsin_pair){ "", json_string_value(json_array_get(list, i)) };
    c->call.path = path;
    c->call.n_path = json_array_size(list);
}

static json_t *
bytes_json(const char *p, size_t len)
{
    json_t *doc = json_loadb(p, len, 0, NULL);

    return doc != NULL ? doc : json_stringn(p, len);
}

static void
put_answer(const struct host_call *c, json_t *out)
{
    json_t *answer = json_pack("{s:i, s:o}", "status", c->status, "body", bytes_json(c->body, c->len)), *headers;

    headers = json_object();
    for (size_t i = 0; i < c->n_headers; i++)
        json_object_set_new(headers, c->headers[i].name, json_string(c->headers[i].value));
    if (json_object_size(headers) > 0)
        json_object_set(answer, "headers", headers);
    json_decref(headers);
    json_object_set_new(out, "answer", answer);
}

/* What is not there is not written. */
static void
put_rest(const struct host_call *c, json_t *out)
{
    json_t *forwards = json_array(), *counts = json_object();

    for (size_t i = 0; i < c->batch.n_forwards; i++)
        json_array_append_new(forwards, json_stringn(c->batch.forwards[i].body, c->batch.forwards[i].len));
    for (size_t i = 0; i < c->batch.n_counts; i++)
        json_object_set_new(counts, c->batch.counts[i].kind, json_integer(c->batch.counts[i].n));
    if (json_array_size(forwards) > 0)
        json_object_set(out, "forwards", forwards);
    if (json_object_size(counts) > 0)
        json_object_set(out, "counts", counts);
    json_decref(forwards);
    json_decref(counts);
}

static void
serve(struct case_run *run, struct host_call *c, const char *credential, json_t *out)
{
    struct tocsin_results none = { .n_alerts = 0 };
    struct tocsin_err err = { 0 };
    json_t *alerts = json_array();

    if (run->plugin->identify != NULL && credential == NULL) {
        err.rc = TOCSIN_UNAUTHORIZED;
        host_refuse(run->plugin, c, &err);
    } else if (host_intake(run->plugin, run->self, c, &err) != TOCSIN_OK) {
        host_refuse(run->plugin, c, &err);
    } else if (c->status == 0) {
        host_answer(run->plugin, run->self, c, &none);
    }
    for (size_t i = 0; i < c->batch.n_alerts; i++)
        json_array_append_new(alerts, cases_alert_json(c->batch.alerts[i]));
    if (json_array_size(alerts) > 0)
        json_object_set(out, "alerts", alerts);
    json_decref(alerts);
    put_answer(c, out);
    put_rest(c, out);
}

void
cases_intake(struct case_run *run)
{
    const struct tocsin_route *route = route_of(run);
    const char *credential = NULL;
    struct tocsin_err err = { 0 };
    struct tocsin_payload in;
    struct host_call c;
    json_t *out;

    if (route == NULL || !cases_open(run, run->plugin->collector_options))
        return;
    cases_payload(run, &in);
    host_call_init(&c, run->arena, route, "0198c0de-0000-7000-8000-00000000beef");
    c.call.in = &in;
    c.call.peer = "192.0.2.1";
    set_path(run, &c);
    if (host_identify(run->plugin, &c, &credential, &err) != TOCSIN_OK)
        buf_addf(&run->diff, "identify: %s\n", err.what);
    out = json_object();
    if (credential != NULL)
        json_object_set_new(out, "credential", json_string(credential));
    serve(run, &c, credential, out);
    host_call_forget_json(&c);
    cases_compare(&run->diff, "expect_intake", json_object_get(run->doc, "expect_intake"), out);
}
