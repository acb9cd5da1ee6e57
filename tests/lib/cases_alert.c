/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts as cases write them; the roles decode and verify. */
#include "lib/cases.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

static const char *const status_words[] = { "", "firing", "resolved", "unknown" };
static const char *const severity_words[] = { "none", "info", "warning", "error", "critical" };

static unsigned
index_of(const char *const *words, unsigned n, const char *word)
{
    for (unsigned i = 0; i < n; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return 0;
}

/* --- alert to JSON -------------------------------------------------------------------- */

static void
put(json_t *object, const char *name, const char *value)
{
    if (value != NULL)
        json_object_set_new(object, name, json_string(value));
}

static void
put_time(json_t *object, const char *name, int64_t ms)
{
    char text[TIME_TEXT];

    if (ms != 0)
        json_object_set_new(object, name, json_string(time_format(ms, text)));
}

static void
put_pairs(json_t *object, const char *name, const struct tocsin_pair *pairs, size_t n)
{
    json_t *map = json_object();

    for (size_t i = 0; i < n; i++)
        json_object_set_new(map, pairs[i].name, json_string(pairs[i].value));
    if (n > 0)
        json_object_set(object, name, map);
    json_decref(map);
}

json_t *
cases_alert_json(const struct tocsin_alert *alert)
{
    json_t *object = json_object(), *links = json_array();

    put(object, "status", status_words[alert->status]);
    if (alert->record)
        json_object_set_new(object, "record", json_true());
    if (alert->severity != TOCSIN_SEV_NONE)
        put(object, "severity", severity_words[alert->severity]);
    put(object, "dedup_key", alert->dedup_key);
    put(object, "summary", alert->summary);
    put(object, "group", alert->group);
    put_time(object, "starts_at", alert->starts_at);
    put_time(object, "ends_at", alert->ends_at);
    put_time(object, "expires_at", alert->expires_at);
    if (alert->amends)
        json_object_set_new(object, "amends", json_true());
    if (alert->by != NULL && alert->by[0] != '\0')
        put(object, "by", alert->by);
    put_pairs(object, "labels", alert->labels, alert->n_labels);
    put_pairs(object, "annotations", alert->annotations, alert->n_annotations);
    for (size_t i = 0; i < alert->n_links; i++) {
        json_t *link = json_object();

        put(link, "href", alert->links[i].href);
        put(link, "text", alert->links[i].text);
        json_array_append_new(links, link);
    }
    if (alert->n_links > 0)
        json_object_set(object, "links", links);
    json_decref(links);
    return object;
}

/* --- JSON to alert ---------------------------------------------------------------------- */

static const struct tocsin_pair *
read_pairs(struct arena *a, const json_t *map, size_t *n)
{
    struct tocsin_pair *pairs = arena_alloc(a, (json_object_size(map) + 1) * sizeof *pairs);
    const char *name;
    json_t *value;

    *n = 0;
    json_object_foreach((json_t *)(uintptr_t)map, name, value) {
        pairs[*n].name = arena_strdup(a, name);
        pairs[(*n)++].value = arena_strdup(a, json_string_value(value));
    }
    return pairs;
}

static const struct tocsin_link *
read_links(struct arena *a, const json_t *list, size_t *n)
{
    struct tocsin_link *links = arena_alloc(a, (json_array_size(list) + 1) * sizeof *links);
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item) {
        links[i].href = arena_strdup(a, cases_text(item, "href", ""));
        links[i].text = arena_strdup(a, cases_text(item, "text", NULL));
    }
    *n = json_array_size(list);
    return links;
}

const struct tocsin_alert *
cases_alert(struct arena *a, const json_t *object)
{
    struct tocsin_alert *alert = arena_zalloc(a, sizeof *alert);

    alert->status = (enum tocsin_status)index_of(status_words, 4, cases_text(object, "status", "firing"));
    alert->severity = (enum tocsin_severity)index_of(severity_words, 5, cases_text(object, "severity", "none"));
    alert->dedup_key = cases_text(object, "dedup_key", "");
    alert->summary = cases_text(object, "summary", "");
    alert->group = cases_text(object, "group", NULL);
    alert->starts_at = cases_time(object, "starts_at");
    alert->ends_at = cases_time(object, "ends_at");
    alert->expires_at = cases_time(object, "expires_at");
    alert->labels = read_pairs(a, json_object_get(object, "labels"), &alert->n_labels);
    alert->annotations = read_pairs(a, json_object_get(object, "annotations"), &alert->n_annotations);
    alert->links = read_links(a, json_object_get(object, "links"), &alert->n_links);
    alert->count = (uint32_t)json_integer_value(json_object_get(object, "count"));
    return alert;
}

/* --- decode, verify ------------------------------------------------------------------------ */

static const char *
find(const json_t *map, const char *wanted)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)map, name, value)
        if (strcasecmp(name, wanted) == 0)
            return json_string_value(value);
    return NULL;
}

static const char *
header(const struct tocsin_payload *in, const char *name)
{
    return find(json_object_get(in->host_data, "headers"), name);
}

static const char *
query(const struct tocsin_payload *in, const char *name)
{
    return find(json_object_get(in->host_data, "query"), name);
}

void
cases_payload(struct case_run *run, struct tocsin_payload *in)
{
    const json_t *c = run->doc;

    memset(in, 0, sizeof *in);
    in->collector = cases_text(c, "collector", "test");
    in->body = cases_bytes(run->arena, json_object_get(c, "payload"), &in->len);
    in->content_type = cases_text(c, "content_type", "application/json");
    in->topic = cases_text(c, "topic", NULL);
    in->topic_labels = read_pairs(run->arena, json_object_get(c, "topic_labels"), &in->n_topic_labels);
    in->received_at = time_parse(cases_text(c, "received_at", "2026-01-31T12:00:00Z"));
    in->header = header;
    in->query = query;
    in->headers = read_pairs(run->arena, json_object_get(c, "headers"), &in->n_headers);
    in->queries = read_pairs(run->arena, json_object_get(c, "query"), &in->n_queries);
    in->host_data = c;
}

json_t *
cases_batch_json(const struct tocsin_batch *b)
{
    json_t *alerts = json_array(), *notes = json_array(), *gets = json_array(), *object = json_object();

    for (size_t i = 0; i < b->n_alerts; i++)
        json_array_append_new(alerts, cases_alert_json(b->alerts[i]));
    for (size_t i = 0; i < b->n_notes; i++)
        json_array_append_new(notes, json_string(b->notes[i]));
    for (size_t i = 0; i < b->n_gets; i++)
        json_array_append_new(gets, json_pack("{s:s, s:s}", "url", b->gets[i].url, "why", b->gets[i].why));
    json_object_set(object, "alerts", alerts);
    if (b->n_notes > 0)
        json_object_set(object, "notes", notes);
    if (b->n_gets > 0)
        json_object_set(object, "gets", gets);
    if (b->reply_status != 0)
        json_object_set_new(object, "reply", json_pack("{s:i, s:o}", "status", b->reply_status, "body",
                                                       json_loadb(b->reply, b->reply_len, JSON_DECODE_ANY, NULL)));
    json_decref(alerts);
    json_decref(notes);
    json_decref(gets);
    return object;
}

/* --- redaction ------------------------------------------------------------------------------- */

static enum redact_action
action_of(const json_t *rule)
{
    static const char *const words[] = { "mask", "remove", "hash", "truncate" };

    return (enum redact_action)index_of(words, 4, cases_text(rule, "action", "mask"));
}

static void
add_rule(struct case_run *run, const json_t *item)
{
    const struct redact_rule rule = { .path = cases_text(item, "path", NULL),
                                      .pattern = cases_text(item, "pattern", NULL),
                                      .action = action_of(item), .replace = cases_text(item, "replace", NULL),
                                      .keep = (unsigned)json_integer_value(json_object_get(item, "keep")) };
    struct tocsin_err err;

    if (redact_add(run->redact, &rule, &err) != TOCSIN_OK)
        buf_addf(&run->diff, "redact: %s: %s\n", err.where, err.what);
}

const struct redact *
cases_redact(struct case_run *run)
{
    static struct host_redact_key key = { "the key of cases", 16 };
    const json_t *redact = json_object_get(run->doc, "redact");
    struct tocsin_err err;
    json_t *item;
    size_t i;

    redact_free(run->redact);
    run->redact = redact != NULL ? redact_new(host_redact_hash, &key) : NULL;
    json_array_foreach(redact, i, item)
        add_rule(run, item);
    if (json_is_true(redact) && redact_add_defaults(run->redact, &err) != TOCSIN_OK)
        buf_addf(&run->diff, "redact: %s\n", err.what);
    return run->redact;
}

void
cases_decode(struct case_run *run)
{
    struct tocsin_err err = { 0 };
    struct tocsin_batch batch;
    struct tocsin_payload in;
    enum tocsin_rc rc;

    if (!cases_open(run, run->plugin->collector_options))
        return;
    cases_payload(run, &in);
    host_batch_init(&batch, run->arena);
    batch.redact = cases_redact(run);
    rc = host_decode(run->plugin, run->self, run->mapping, &in, &batch, &err);
    if (rc != err.rc)
        buf_addf(&run->diff, "decode returned %d, but its error says %d\n", (int)rc, (int)err.rc);
    cases_compare(&run->diff, "expect", json_object_get(run->doc, "expect"),
                  rc == TOCSIN_OK ? cases_batch_json(&batch) : cases_error(&err));
}

void
cases_verify(struct case_run *run)
{
    const json_t *document = json_object_get(run->doc, "document");
    struct tocsin_document doc = { .body = NULL };
    struct tocsin_err err = { 0 };
    struct tocsin_payload in;
    enum tocsin_rc rc;
    json_t *actual;

    if (!cases_open(run, run->plugin->collector_options))
        return;
    cases_payload(run, &in);
    rc = run->plugin->verify(run->self, &plugin_host, &in, &doc, &err);
    if (rc == TOCSIN_NEED_FETCH && document != NULL) {
        doc.body = cases_bytes(run->arena, document, &doc.len);
        rc = run->plugin->verify(run->self, &plugin_host, &in, &doc, &err);
    }
    if (rc == TOCSIN_OK)
        actual = json_pack("{s:b}", "ok", 1);
    else
        actual = rc == TOCSIN_NEED_FETCH ? json_pack("{s:s}", "fetch", doc.url) : cases_error(&err);
    cases_compare(&run->diff, "expect_verify", json_object_get(run->doc, "expect_verify"), actual);
}
