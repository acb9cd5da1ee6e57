/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_world.h - a small world for the tests of src/api: a store of a few rows,
 * a configuration, a turn that records what it is asked, and the parts below
 * the API replaced at link time.
 */
#ifndef TESTS_UNIT_API_WORLD_H
#define TESTS_UNIT_API_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "api/api.h"
#include "api/internal.h"
#include "base/text.h"
#include "core/alert.h"
#include "lib/fake_http.h"

enum { T0 = 1767225600 };          /* 2026-01-01T00:00:00Z */
#define AT(s) ((T0 + (int64_t)(s)) * 1000)

static const char ID_A[] = "019b76da-a800-7000-8000-0000000000a1";
static const char ID_B[] = "019b76db-a800-7000-8000-0000000000b2";
static const char ID_C[] = "019b76dc-a800-7000-8000-0000000000c3";

static struct incident_row incidents[1200];
static size_t n_incidents;
static struct alert_row alerts[8];
static size_t n_alerts;
static struct delivery_row ledger[4];
static size_t n_ledger;
static struct event_row events[4];
static size_t n_events;
static enum tocsin_rc store_fails;             /* every read fails with this */

static struct conf conf;
static struct conf_token tokens[] __attribute__((unused)) = {
    { "eye", "viewer-secret", ROLE_VIEWER },
    { "ops", "responder-secret", ROLE_RESPONDER },
    { "root", "admin-secret", ROLE_ADMIN },
};
static int conf_refs;

static struct api_action acted;                /* the last action */
static int n_acted;
static enum tocsin_rc act_rc;
static bool act_waits;                         /* keep done until act_finish() */
static void (*act_done)(void *, enum tocsin_rc, const struct tocsin_err *);
static void *act_done_ctx;

static enum tocsin_rc ready_rc, reload_rc;
static const char *ready_text = "";
static char webhook_name[128];
static struct notifier_stats sends[2];
static size_t n_sends;

static struct api_deps deps;
static struct api *api;

/* --- the parts below ------------------------------------------------------------------ */

void
conf_unref(struct conf *c)
{
    assert_ptr_equal(c, &conf);
    assert_true(conf_refs-- > 0);
}

void
conf_report_release(struct conf_report *r)
{
    free(r->items);
}

void
webhook_handle(const struct sink *sink, struct http_request *r, const char *name)
{
    (void)sink;
    snprintf(webhook_name, sizeof webhook_name, "%s", name);
    http_reply(r, 202, "application/json", "{}", 2);
}

/* One foreign path, taken with POST alone. */
bool
intake_handle(const struct sink *sink, struct http_request *r, char *allow, size_t allow_size)
{
    (void)sink;
    (void)allow_size;
    if (strcmp(http_raw_path(r), "/foreign/path") != 0)
        return false;
    http_reply(r, 299, "text/plain", allow, strlen(allow));
    return true;
}

void
intake_word(const struct sink *sink, struct http_request *r, const struct tocsin_err *err)
{
    (void)sink;
    if (strcmp(http_raw_path(r), "/foreign/path") == 0)
        http_reply(r, 299, "text/plain", err->what, strlen(err->what));
}

int64_t
intake_limit(const struct conf *c, const char *method, const char *path)
{
    assert_ptr_equal(c, &conf);
    return strcmp(method, "POST") == 0 && strcmp(path, "/foreign/path") == 0 ? 777 : -1;
}

size_t
notifier_stats(struct notifier *n, struct arena *a, struct notifier_stats **out)
{
    (void)n;
    *out = arena_memdup(a, sends, sizeof sends);
    return n_sends;
}

size_t
mqtt_collectors_status(struct mqtt_collectors *m, struct arena *a, struct mqtt_status **out)
{
    (void)m;
    *out = arena_zalloc(a, sizeof **out);
    **out = (struct mqtt_status){ .collector = "training", .connected = true, .messages = 12, .refused = 3,
                                  .last_error = "" };
    return 1;
}

/* --- store --------------------------------------------------------------------------- */

static enum tocsin_rc
store_broken(struct tocsin_err *err)
{
    return err_set(err, store_fails, "", "the disk is full");
}

static bool
row_fits(const struct incident_filter *f, const struct incident_row *r)
{
    char id[ID_TEXT];

    if (f->states != 0 && (f->states & 1u << r->state) == 0)
        return false;
    if (f->severities != 0 && (f->severities & 1u << r->severity) == 0)
        return false;
    if (f->before != NULL && id_cmp(&r->id, f->before) >= 0)
        return false;
    return f->q == NULL || strcasestr(r->summary, f->q) != NULL || strcasestr(id_format(&r->id, id), f->q) != NULL;
}

/* incidents[] is in rising order of ids */
static enum tocsin_rc
store_list_incidents(struct store *s, struct arena *a, const struct incident_filter *f, struct incident_row **out,
                     size_t *n, struct tocsin_err *err)
{
    (void)s;
    if (store_fails != TOCSIN_OK)
        return store_broken(err);
    *out = arena_alloc(a, sizeof **out * (f->limit + 1));
    *n = 0;
    for (size_t i = n_incidents; i-- > 0 && *n < f->limit;)
        if (row_fits(f, &incidents[i]))
            (*out)[(*n)++] = incidents[i];
    return TOCSIN_OK;
}

static enum tocsin_rc
store_list_alerts(struct store *s, struct arena *a, const struct alert_filter *f, struct alert_row **out, size_t *n,
                  struct tocsin_err *err)
{
    (void)s;
    if (store_fails != TOCSIN_OK)
        return store_broken(err);
    *out = arena_alloc(a, sizeof **out * (f->limit + 1));
    *n = 0;
    for (size_t i = n_alerts; i-- > 0 && *n < f->limit;)
        if ((f->source == NULL || strcmp(f->source, alerts[i].source) == 0) &&
            (f->states == 0 || (f->states & 1u << alerts[i].state) != 0) &&
            (f->before == 0 || alerts[i].rowid < f->before))
            (*out)[(*n)++] = alerts[i];
    return TOCSIN_OK;
}

static enum tocsin_rc
store_get_incident(struct store *s, struct arena *a, const struct id16 *id, size_t max_alerts, size_t max_events,
                   struct incident_detail *out, struct tocsin_err *err)
{
    char text[ID_TEXT];

    (void)s;
    (void)a;
    assert_true(max_alerts > 0 && max_events > 0);
    if (store_fails != TOCSIN_OK)
        return store_broken(err);
    for (size_t i = 0; i < n_incidents; i++) {
        if (!id_eq(&incidents[i].id, id))
            continue;
        *out = (struct incident_detail){ incidents[i], alerts, n_alerts, ledger, n_ledger, events, n_events };
        return TOCSIN_OK;
    }
    return err_set(err, TOCSIN_NOT_FOUND, "", "no incident '%s'", id_format(id, text));
}

static enum tocsin_rc
store_stats(struct store *s, struct store_stats *out, struct tocsin_err *err)
{
    (void)s;
    if (store_fails != TOCSIN_OK)
        return store_broken(err);
    *out = (struct store_stats){ .open_incidents = 3, .triggered = 2, .acknowledged = 1, .open_alerts = 5,
                                 .exhausted = 1, .pending_deliveries = 4, .failing_deliveries = 2,
                                 .oldest_pending_at = AT(0),
                                 .commits = 10, .rows_written = 99, .db_bytes = 4096, .wal_bytes = 512,
                                 .free_bytes = 1 << 30 };
    return TOCSIN_OK;
}

static enum tocsin_rc
store_list_silences(struct store *s, struct arena *a, struct silence_row **out, size_t *n, struct tocsin_err *err)
{
    (void)s;
    if (store_fails != TOCSIN_OK)
        return store_broken(err);
    *out = arena_alloc(a, sizeof **out);
    (*out)[0] = (struct silence_row){ .id = { .b = { [15] = 0x51 } }, .phase = SILENCE_ACTIVE, .starts_at = AT(0),
                                      .ends_at = INT64_C(4000000000000), .updated_at = AT(0),
                                      .matchers = "host=\"a\"", .created_by = "anna", .comment = "works",
                                      .annotations = "" };
    *n = 1;
    return TOCSIN_OK;
}

static const struct store_ops store_ops = {
    .name = "fake", .list_incidents = store_list_incidents, .list_alerts = store_list_alerts,
    .get_incident = store_get_incident, .stats = store_stats, .list_silences = store_list_silences,
};
static struct store store = { &store_ops };

/* --- the daemon ----------------------------------------------------------------------- */

static struct conf *
world_conf(void *ctx)
{
    assert_ptr_equal(ctx, &store);
    conf_refs++;
    return &conf;
}

static void
act_finish(void)
{
    struct tocsin_err err;

    if (act_rc != TOCSIN_OK)
        err_set(&err, act_rc, "", "the incident is resolved");
    act_done(act_done_ctx, act_rc, act_rc != TOCSIN_OK ? &err : NULL);
}

static void
world_act(void *ctx, const struct api_action *a, void (*done)(void *, enum tocsin_rc, const struct tocsin_err *),
          void *done_ctx)
{
    (void)ctx;
    acted = *a;
    n_acted++;
    act_done = done;
    act_done_ctx = done_ctx;
    if (!act_waits)
        act_finish();
}

static enum tocsin_rc
world_reload(void *ctx, struct conf_report *report)
{
    (void)ctx;
    if (reload_rc == TOCSIN_BAD_CONFIG) {
        report->items = calloc(2, sizeof *report->items);
        snprintf(report->items[0].text, sizeof report->items[0].text, "tocsin.cfg:4: unknown policy 'x'");
        snprintf(report->items[1].text, sizeof report->items[1].text, "tocsin.cfg:9: expected a duration");
        report->n = report->total = 2;
    }
    return reload_rc;
}

static void
world_turn_stats(void *ctx, struct turn_stats *out)
{
    (void)ctx;
    *out = (struct turn_stats){ .turns = 7, .events = 20, .alerts = 15, .alerts_resolved = 4, .commits = 6,
                                .queue_depth = 2, .commit_us_sum = 12000,
                                .commit_us_buckets = { 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3 } };
}

static enum tocsin_rc
world_ready(void *ctx, struct tocsin_err *err)
{
    (void)ctx;
    return ready_rc == TOCSIN_OK ? TOCSIN_OK : err_set(err, ready_rc, "", "%s", ready_text);
}

/* --- rows ----------------------------------------------------------------------------- */

static inline struct incident_row
incident_row(const char *id, enum tocsin_incident_state state, const char *summary)
{
    struct incident_row r = { .state = (uint8_t)state, .severity = TOCSIN_CRITICAL, .episode = 1, .opened_at = AT(0),
                              .paging = true, .step = 1, .group_key = "g", .summary = summary, .source = "training",
                              .policy_name = "ml-oncall", .acked_by = "", .resolved_by = "", .suppressed_by = "",
                              .notify = "" };

    assert_true(id_parse(id, &r.id));
    return r;
}

static struct tocsin_pair alert_labels[] = { { "gpu", "3" }, { "host", "node\n\"7\"" } };
static struct tocsin_pair alert_notes[] = { { "runbook", "restart" } };
static struct tocsin_pair alert_rules[] = { { "gpu", "rules/10.cfg:4" } };
static struct tocsin_link alert_links[] = { { "https://example.org/run", NULL }, { "http://example.org/g", "graph" } };
static struct arena *row_arena;                /* what rows point into; one a test */

static inline struct alert_row
alert_row(int64_t rowid, const char *source, enum alert_state state)
{
    struct alert_row a = { .rowid = rowid, .first_at = AT(1), .last_at = AT(9), .count = 3, .state = (uint8_t)state,
                           .severity = TOCSIN_ERROR, .source = source, .dedup_key = "gpu-3" };
    struct alert_text text = { .summary = "GPU 3 lost", .source_severity = "", .labels = alert_labels, .n_labels = 2,
                               .annotations = alert_notes, .n_annotations = 1, .links = alert_links, .n_links = 2,
                               .rules = alert_rules, .n_rules = 1 };

    if (state == ALERT_RESOLVED)
        a.ends_at = AT(8);
    assert_true(id_parse(ID_A, &a.incident));
    alert_text_encode(row_arena, &text, &a.body, &a.body_len, &a.digest);
    return a;
}

static inline int
world_setup(void **state)
{
    static struct conf_notifier notifiers[] = { { .name = "pd", .plugin_name = "pager" },
                                                { .name = "og", .plugin_name = "pager" } };
    static struct conf_collector collectors[] = { { .name = "web", .type = "webhook", .format = "json" },
                                                  { .name = "training", .type = "mqtt", .format = "json" } };

    (void)state;
    conf = (struct conf){ .notifiers = notifiers, .n_notifiers = 2, .collectors = collectors, .n_collectors = 2,
                          .generation = 5 };
    n_incidents = n_alerts = n_ledger = n_events = n_sends = 0;
    incidents[n_incidents++] = incident_row(ID_A, TOCSIN_INC_TRIGGERED, "GPU 3 lost");
    incidents[n_incidents++] = incident_row(ID_B, TOCSIN_INC_ACKNOWLEDGED, "disk full");
    incidents[n_incidents++] = incident_row(ID_C, TOCSIN_INC_RESOLVED, "link down");
    store_fails = act_rc = ready_rc = reload_rc = TOCSIN_OK;
    act_waits = false;
    n_acted = 0;
    webhook_name[0] = '\0';
    deps = (struct api_deps){ .store = &store, .ctx = &store, .conf = world_conf, .act = world_act,
                              .reload = world_reload, .turn_stats = world_turn_stats, .ready = world_ready,
                              .started_at = AT(0) };
    api = api_new(&deps);
    row_arena = arena_new();
    return 0;
}

static inline int
world_teardown(void **state)
{
    (void)state;
    assert_int_equal(conf_refs, 0);
    api_free(api);
    arena_free(row_arena);
    return 0;
}

/* One request from start to end; token NULL: none. */
static inline struct http_request *
ask(const char *method, const char *target, const char *token, const char *body)
{
    struct http_request *r = fake_request(method, target, body);

    if (token != NULL)
        fake_header(r, "Authorization", arena_printf(r->arena, "Bearer %s", token));
    api_handle(api, r);
    return r;
}

static inline json_t *
document(const struct http_request *r)
{
    json_error_t at;
    json_t *doc = json_loads(r->reply, JSON_REJECT_DUPLICATES, &at);

    if (doc == NULL)
        print_error("not JSON: %s: %s\n", at.text, r->reply);
    assert_non_null(doc);
    return doc;
}

static inline void
assert_json(const struct http_request *r, const char *expected)
{
    json_t *have = document(r), *want = json_loads(expected, 0, NULL);

    assert_non_null(want);
    if (!json_equal(have, want)) {
        char *text = json_dumps(have, JSON_INDENT(2));

        print_error("got %s\n", text);
        free(text);
        fail();
    }
    json_decref(have);
    json_decref(want);
}

/* A problem document with this status and where, whose detail holds the words. */
static inline void
refuses(const char *method, const char *target, const char *body, int status, const char *where, const char *says)
{
    struct http_request *r = ask(method, target, NULL, body);
    json_t *doc = document(r);

    if (r->status != status || strstr(r->reply, says) == NULL)
        print_error("%s %s %s: got %s\n", method, target, body != NULL ? body : "", r->reply);
    assert_int_equal(r->status, status);
    assert_string_equal(r->reply_type, "application/problem+json");
    assert_string_equal(json_string_value(json_object_get(doc, "where")), where);
    assert_non_null(strstr(json_string_value(json_object_get(doc, "detail")), says));
    json_decref(doc);
    fake_request_free(r);
}

static inline size_t
world_collector_stats(void *ctx, struct arena *a, struct collector_stats **out)
{
    (void)ctx;
    *out = arena_zalloc(a, 2 * sizeof **out);
    (*out)[0] = (struct collector_stats){ "web", 5, 9, 1, AT(3), 0, NULL, 0, 2, "credentials are missing or wrong" };
    (*out)[1] = (struct collector_stats){ "training", 4, 6, 0, 0, 0, NULL, 0, 0, NULL };
    return 2;
}

/* Every part is there and has counted something. */
static inline void
everything_on(void)
{
    sends[0] = (struct notifier_stats){ .name = "pd", .sent = 5, .retried = 2, .rejected = 1, .uncertain = 1,
                                        .waiting = 3, .last_error = "503 busy", .last_ok_at = AT(9),
                                        .last_error_at = AT(5),
                                        .latency_ms_buckets = { 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 },
                                        .latency_ms_sum = 6007 };
    sends[1] = (struct notifier_stats){ .name = "we\"ird\\n\n", .sent = 1, .breaker_open = true };
    n_sends = 2;
    deps.notifier = (struct notifier *)&sends;
    deps.mqtt = (struct mqtt_collectors *)&sends;
    deps.collector_stats = world_collector_stats;
    api_set_http(api, (struct http_server *)&sends);
}

#endif
