/* SPDX-License-Identifier: Apache-2.0 */
/* The role intake: a request to a vendor's own path, what is to be done for it, and the answer to the letter. */
#include "lib/cases.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "collector/intake.h"
#include "plugin/loader.h"

static const char call_id[] = "0198c0de-0000-7abc-8000-00000000beef";
static const char incident[] = "0198c0de-0000-7000-8000-00000000cafe";
static const char *const act_words[] = { "", "ack", "unack", "resolve", "snooze", "note", "escalate" };

enum { FIRST_NUMBER = 7 };         /* of what is stored by the case */

/* --- what is known ------------------------------------------------------------------------ */

static const char *
text_or_null(const json_t *doc, const char *name)
{
    const char *s = cases_text(doc, name, "");

    return s[0] != '\0' ? s : NULL;
}

static struct tocsin_known
known_of(struct arena *a, const json_t *doc)
{
    const char *state = cases_text(doc, "state", "triggered");

    return (struct tocsin_known){
        .alert = cases_alert(a, doc), .number = json_integer_value(json_object_get(doc, "number")),
        .open = !json_is_false(json_object_get(doc, "open")), .first_at = cases_time(doc, "first_at"),
        .last_at = cases_time(doc, "last_at"), .incident = incident,
        .state = strcmp(state, "resolved") == 0       ? TOCSIN_INC_RESOLVED
                 : strcmp(state, "acknowledged") == 0 ? TOCSIN_INC_ACKNOWLEDGED
                                                      : TOCSIN_INC_TRIGGERED,
        .acknowledged_at = cases_time(doc, "acknowledged_at"), .snoozed_until = cases_time(doc, "snoozed_until"),
        .resolved_at = cases_time(doc, "resolved_at"), .updated_at = cases_time(doc, "updated_at"),
        .acknowledged_by = text_or_null(doc, "acknowledged_by"), .resolved_by = text_or_null(doc, "resolved_by") };
}

static enum tocsin_rc
find(struct host_call *c, const struct tocsin_find *what, const struct tocsin_known **out_r, size_t *n_r,
     struct tocsin_err *err)
{
    const struct case_run *run = c->ctx;
    const json_t *all = json_object_get(run->doc, "known");
    struct tocsin_known *list = arena_alloc(c->arena, (json_array_size(all) + 1) * sizeof *list);
    size_t i, skipped = 0;
    json_t *item;

    (void)err;
    *n_r = 0;
    json_array_foreach(all, i, item) {
        struct tocsin_known k = known_of(c->arena, item);

        if ((what->dedup_key != NULL && strcmp(what->dedup_key, k.alert->dedup_key) != 0) ||
            (what->number != 0 && what->number != k.number) || (what->open != what->closed && what->open != k.open))
            continue;
        if (skipped++ >= what->skip && (out_r == NULL || *n_r < what->max))
            list[(*n_r)++] = k;
    }
    if (out_r != NULL)
        *out_r = list;
    return TOCSIN_OK;
}

/* --- what came of it ------------------------------------------------------------------------ */

static json_t *
acts_json(const struct host_call *c)
{
    json_t *list = json_array();
    char time[TIME_TEXT];

    for (size_t i = 0; i < c->n_acts; i++) {
        const struct tocsin_act *a = &c->acts[i].act;
        json_t *doc = json_pack("{s:s, s:s}", "act", act_words[a->kind], "dedup_key", a->dedup_key);

        if (a->number != 0)
            json_object_set_new(doc, "number", json_integer(a->number));
        if (a->by != NULL && a->by[0] != '\0')
            json_object_set_new(doc, "by", json_string(a->by));
        if (a->note != NULL && a->note[0] != '\0')
            json_object_set_new(doc, "note", json_string(a->note));
        if (a->until != 0)
            json_object_set_new(doc, "until", json_string(time_format(a->until, time)));
        json_array_append_new(list, doc);
    }
    return list;
}

static json_t *
answer_json(const struct host_call *c)
{
    json_t *doc = json_object(), *body = json_loadb(c->body, c->len, JSON_DECODE_ANY, NULL);

    json_object_set_new(doc, "status", json_integer(c->status));
    json_object_set_new(doc, "body", body != NULL ? body : json_stringn(c->body, c->len));
    for (size_t i = 0; i < c->n_headers; i++) {
        if (i == 0)
            json_object_set_new(doc, "headers", json_object());
        json_object_set_new(json_object_get(doc, "headers"), c->headers[i].name, json_string(c->headers[i].value));
    }
    return doc;
}

/* As the committer would answer: everything is stored, unless the case says that nothing is open. */
static void
answer(struct case_run *run, struct host_call *c)
{
    bool nothing = json_is_true(json_object_get(run->doc, "nothing_open"));
    struct tocsin_done *alerts = arena_zalloc(c->arena, (c->batch.n_alerts + 1) * sizeof *alerts);
    struct tocsin_done *acts = arena_zalloc(c->arena, (c->n_acts + 1) * sizeof *acts);
    struct tocsin_results r = { alerts, c->batch.n_alerts, acts, c->n_acts };

    for (size_t i = 0; i < r.n_alerts; i++)
        alerts[i] = (struct tocsin_done){ TOCSIN_OK, c->batch.alerts[i]->dedup_key, nothing ? "" : incident,
                                          nothing ? 0 : (int64_t)(FIRST_NUMBER + i) };
    for (size_t i = 0; i < r.n_actions; i++)
        acts[i] = (struct tocsin_done){ nothing ? TOCSIN_NOT_FOUND : TOCSIN_OK, c->acts[i].act.dedup_key,
                                        nothing ? "" : incident, nothing ? 0 : FIRST_NUMBER };
    host_answer(run->plugin, run->self, c, &r);
}

/* What the HTTP server refuses by itself, before anybody has read it. */
static enum tocsin_rc
refused_unread(const char *refused, struct tocsin_err *err)
{
    if (strcmp(refused, "large") == 0)
        return err_set(err, TOCSIN_TOO_LARGE, "header Content-Length", "the body has 9 bytes, the limit is 8");
    if (strcmp(refused, "damaged") == 0)
        return err_set(err, TOCSIN_BAD_INPUT, "header Content-Encoding", "the body is not what it says, or damaged");
    if (strcmp(refused, "packed") == 0)
        return err_set(err, TOCSIN_UNSUPPORTED, "header Content-Encoding", "'br' is not known; gzip and deflate are");
    return TOCSIN_OK;
}

/* The way of the request as collector/intake.c leads it. */
static enum tocsin_rc
lead(struct case_run *run, struct host_call *c, const char **credential, struct tocsin_err *err)
{
    const char *refused = cases_text(run->doc, "refused", "");
    enum tocsin_rc rc = refused_unread(refused, err);

    if (rc == TOCSIN_OK)
        rc = host_identify(run->plugin, c, credential, err);

    if (rc == TOCSIN_OK && (strcmp(refused, "key") == 0 || (run->plugin->identify != NULL && *credential == NULL)))
        rc = err_set(err, TOCSIN_UNAUTHORIZED, "", "credentials are missing or wrong");
    if (rc == TOCSIN_OK && strcmp(refused, "rate") == 0)
        rc = err_set(err, TOCSIN_TOO_MANY, "", "too many requests");
    if (rc == TOCSIN_OK)
        rc = host_intake(run->plugin, run->self, c, err);
    if (rc == TOCSIN_OK && strcmp(refused, "store") == 0)
        rc = err_set(err, TOCSIN_TEMPORARY, "", "the store is away");
    host_call_forget_json(c);
    if (rc != TOCSIN_OK)
        host_refuse(run->plugin, c, err);
    else if (c->status == 0)
        answer(run, c);
    return rc;
}

/* What is passed on, and what is only counted; what is not there is not written. */
static void
put_rest(const struct tocsin_batch *b, json_t *out)
{
    json_t *forwards = json_array(), *counts = json_object();

    for (size_t i = 0; i < b->n_forwards; i++)
        json_array_append_new(forwards, json_stringn(b->forwards[i].body, b->forwards[i].len));
    for (size_t i = 0; i < b->n_counts; i++)
        json_object_set_new(counts, b->counts[i].kind, json_integer(b->counts[i].n));
    if (b->n_forwards > 0)
        json_object_set(out, "forwards", forwards);
    if (b->n_counts > 0)
        json_object_set(out, "counts", counts);
    json_decref(forwards);
    json_decref(counts);
}

static void
compare(struct case_run *run, const struct host_call *c, const char *credential)
{
    const json_t *expect = json_object_get(run->doc, "expect");
    json_t *actual = cases_batch_json(&c->batch);

    put_rest(&c->batch, actual);
    if (json_array_size(json_object_get(actual, "alerts")) == 0)
        json_object_del(actual, "alerts");
    if (c->n_acts > 0)
        json_object_set_new(actual, "acts", acts_json(c));
    if (c->route_to != NULL)
        json_object_set_new(actual, "route_to", json_string(c->route_to));
    if (json_object_get(expect, "credential") != NULL && credential != NULL)
        json_object_set_new(actual, "credential", json_string(credential));
    cases_compare(&run->diff, "expect", expect, actual);
    cases_compare(&run->diff, "answer", json_object_get(run->doc, "expect_answer"), answer_json(c));
}

struct host_call *
cases_serve(struct case_run *run, const char **credential, struct tocsin_err *err)
{
    struct candidate *found = arena_alloc(run->arena, INTAKE_CANDIDATES * sizeof *found);
    struct plugin plugin = { .api = *run->plugin };
    struct conf_collector col = { .name = "test", .type = "intake", .plugin = &plugin };
    struct conf conf = { .collectors = &col, .n_collectors = 1 };
    struct tocsin_payload *in = arena_alloc(run->arena, sizeof *in);
    struct host_call *c = arena_alloc(run->arena, sizeof *c);
    char allow[256] = "";

    *credential = NULL;
    if (intake_match(&conf, cases_text(run->doc, "method", "POST"), cases_text(run->doc, "path", "/"), run->arena,
                     found, allow, sizeof allow) == 0) {
        buf_add(&run->diff, "no route of the integration takes this method and path\n");
        return NULL;
    }
    if (!cases_open(run, run->plugin->collector_options))
        return NULL;
    cases_payload(run, in);
    host_call_init(c, run->arena, found[0].route, call_id);
    c->call.in = in;
    c->call.path = found[0].path;
    c->call.n_path = found[0].n_path;
    c->call.peer = "192.0.2.1";
    c->find = find;
    c->ctx = run;
    c->batch.redact = cases_redact(run);
    lead(run, c, credential, err);
    return c;
}

void
cases_answer(struct case_run *run)
{
    struct tocsin_err err = { 0 };
    const char *credential;
    struct host_call *c = cases_serve(run, &credential, &err);

    if (c != NULL)
        compare(run, c, credential);
}
