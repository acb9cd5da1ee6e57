/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the cases of the pagers cannot hold: bodies of half a megabyte, refused
 * settings, and that equal jobs render equal bytes.  The integrations are the
 * built ones, from plugins/ beside tests/; the host is the few functions below.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/text.h"
#include "plugin/host.h"

/* --- a host ------------------------------------------------------------------------------ */

static const struct setting *
find(const struct tocsin_settings *set, const char *name)
{
    static const struct setting none = { 0 };

    for (size_t i = 0; i < set->n; i++)
        if (strcmp(set->items[i].name, name) == 0)
            return &set->items[i];
    return &none;
}

static const char *
setting(const struct tocsin_settings *set, const char *name)
{
    return find(set, name)->text;
}

static size_t
setting_list(const struct tocsin_settings *set, const char *name, const char *const **out_r)
{
    *out_r = find(set, name)->list;
    return find(set, name)->n_list;
}

static size_t
setting_map(const struct tocsin_settings *set, const char *name, const struct tocsin_pair **out_r)
{
    *out_r = find(set, name)->map;
    return find(set, name)->n_map;
}

static const char *const severities[] = { "none", "info", "warning", "error", "critical" };

static const char *
severity_name(enum tocsin_severity s)
{
    return severities[s];
}

static enum tocsin_severity
severity_of(const char *word)
{
    for (int i = TOCSIN_INFO; i <= TOCSIN_CRITICAL; i++)
        if (strcmp(severities[i], word) == 0)
            return (enum tocsin_severity)i;
    return TOCSIN_SEV_NONE;
}

static void
request_http(struct tocsin_request *q, const char *method, const char *url)
{
    q->kind = REQUEST_HTTP;
    q->method = arena_strdup(q->arena, method);
    q->url = arena_strdup(q->arena, url);
}

static void
request_header(struct tocsin_request *q, const char *name, const char *value)
{
    assert_non_null(name);
    assert_non_null(value);
    q->n_headers++;
}

static void
request_json(struct tocsin_request *q, json_t *doc)
{
    char *text = json_dumps(doc, JSON_COMPACT);

    assert_non_null(text);
    q->body = arena_strdup(q->arena, text);
    q->body_len = strlen(text);
    free(text);
    json_decref(doc);
}

static void
request_log(struct tocsin_request *q, const char *line)
{
    q->kind = REQUEST_LOG;
    q->body = arena_strdup(q->arena, line);
    q->body_len = strlen(line);
}

static char *
request_printf(struct tocsin_request *q, const char *fmt, ...)
{
    va_list ap;
    char *out;

    va_start(ap, fmt);
    out = arena_vprintf(q->arena, fmt, ap);
    va_end(ap);
    return out;
}

static char *
request_escape(struct tocsin_request *q, const char *text)
{
    return arena_strdup(q->arena, text);
}

static char *
request_cut(struct tocsin_request *q, const char *text, size_t max)
{
    return arena_strdup(q->arena, text_cut_chars(q->arena, text, max));
}

static char *
request_time(struct tocsin_request *q, int64_t when)
{
    return time_format(when, arena_alloc(q->arena, TIME_TEXT));
}

static const struct tocsin_host host = { .size = sizeof host,
                                         .fail = err_set,
                                         .setting = setting,
                                         .setting_list = setting_list,
                                         .setting_map = setting_map,
                                         .severity_of = severity_of,
                                         .severity_name = severity_name,
                                         .request_http = request_http,
                                         .request_header = request_header,
                                         .request_json = request_json,
                                         .request_log = request_log,
                                         .request_printf = request_printf,
                                         .request_escape = request_escape,
                                         .request_cut = request_cut,
                                         .request_time = request_time };

/* --- an integration and a large incident ---------------------------------------------------- */

static const struct tocsin_plugin *
load(const char *name)
{
    char exe[512], path[600];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    const struct tocsin_plugin *plugin;
    void *dl;

    assert_true(n > 0);
    exe[n] = '\0';
    for (int up = 0; up < 3; up++)
        *strrchr(exe, '/') = '\0';
    snprintf(path, sizeof path, "%s/plugins/%s.so", exe, name);
    dl = dlopen(path, RTLD_NOW | RTLD_LOCAL); /* stays loaded, as in the daemon */
    if (dl == NULL)
        fail_msg("%s (is it built? make all)", dlerror());
    plugin = dlsym(dl, "tocsin_plugin");
    assert_non_null(plugin);
    assert_int_equal(plugin->abi, TOCSIN_PLUGIN_ABI);
    assert_int_equal(plugin->size, sizeof *plugin);
    assert_string_equal(plugin->name, name);
    return plugin;
}

enum { LABELS = 20, ALERTS = 20, VALUE = 4096 };

static struct big {
    char value[VALUE + 1];
    char names[LABELS][8];
    struct tocsin_pair labels[LABELS];
    struct tocsin_alert alerts[ALERTS];
    struct tocsin_incident incident;
} big;

static int
make_big(void **state)
{
    (void)state;
    memset(big.value, 'x', VALUE);
    for (size_t i = 0; i < LABELS; i++) {
        snprintf(big.names[i], sizeof big.names[i], "l%02zu", i);
        big.labels[i] = (struct tocsin_pair){ big.names[i], big.value };
    }
    for (size_t i = 0; i < ALERTS; i++)
        big.alerts[i] = (struct tocsin_alert){ .status = TOCSIN_FIRING,
                                               .severity = TOCSIN_ERROR,
                                               .dedup_key = "k",
                                               .summary = "s",
                                               .labels = big.labels,
                                               .n_labels = LABELS };
    big.incident = (struct tocsin_incident){ .id = "0198c0de-0000-7000-8000-00000000beef",
                                             .number = "0000beef",
                                             .state = TOCSIN_INC_TRIGGERED,
                                             .severity = TOCSIN_ERROR,
                                             .summary = "big",
                                             .source = "test",
                                             .group_key = "g",
                                             .policy = "p",
                                             .by = "",
                                             .alerts = big.alerts,
                                             .n_alerts = ALERTS,
                                             .n_firing = ALERTS,
                                             .n_total = ALERTS,
                                             .opened_at = 1769860800000 };
    return 0;
}

static const struct setting all_settings[] = {
    { .name = "routing_key", .text = "0123456789abcdef0123456789abcdef" },
    { .name = "api_key", .text = "k" },
    { .name = "url", .text = "https://v.example" },
    { .name = "method", .text = "POST" },
    { .name = "source", .text = "tocsin" },
    { .name = "client", .text = "tocsin" },
};
static const struct tocsin_settings settings = { (struct setting *)(uintptr_t)all_settings,
                                                 sizeof all_settings / sizeof all_settings[0] };

/* The body of the job, in the arena.  The request's kind, or REQUEST_NONE. */
static struct tocsin_request
render(const struct tocsin_plugin *p, struct arena *a, enum tocsin_change change)
{
    struct tocsin_job job = { .change = change, .incident = &big.incident, .carry = "", .now = 1769860800000 };
    struct tocsin_request q = { .arena = a };
    struct tocsin_err err;
    void *self = NULL;

    if (p->open != NULL)
        assert_int_equal(p->open(&host, &settings, &self, &err), TOCSIN_OK);
    assert_int_equal(p->render(self, &host, &job, &q, &err), TOCSIN_OK);
    if (p->close != NULL)
        p->close(self);
    return q;
}

/* --- tests -------------------------------------------------------------------------------------- */

static void
a_large_event_still_pages(void **state)
{
    struct arena *a = arena_new();
    struct tocsin_request q = render(load("pagerduty"), a, TOCSIN_TRIGGER);
    json_t *doc = json_loadb(q.body, q.body_len, 0, NULL), *payload = json_object_get(doc, "payload");
    json_t *details = json_object_get(payload, "custom_details");

    (void)state;
    assert_true(q.body_len <= 512000);
    assert_string_equal(json_string_value(json_object_get(payload, "summary")), "big");
    assert_null(json_object_get(details, "alerts"));
    assert_int_equal(json_object_size(json_object_get(details, "labels")), LABELS);
    assert_string_equal(json_string_value(json_object_get(details, "truncated")),
                        "details were left out: the event was over 512000 bytes");
    json_decref(doc);
    arena_free(a);
}

static void
a_large_webhook_keeps_the_newest_alerts(void **state)
{
    struct arena *a = arena_new();
    struct tocsin_request q = render(load("webhook"), a, TOCSIN_TRIGGER);
    json_t *doc = json_loadb(q.body, q.body_len, 0, NULL), *data = json_object_get(doc, "data");
    size_t kept = json_array_size(json_object_get(data, "alerts"));

    (void)state;
    assert_true(q.body_len <= 512000);
    assert_in_range(kept, 1, ALERTS - 1);
    assert_true(json_is_true(json_object_get(data, "truncated")));
    assert_int_equal(json_integer_value(json_object_get(data, "alerts_total")), ALERTS);
    json_decref(doc);
    arena_free(a);
}

static void
large_incidents_fit_everywhere(void **state)
{
    static const char *const names[] = { "victorops", "opsgenie", "log" };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct arena *a = arena_new();
        struct tocsin_request q = render(load(names[i]), a, TOCSIN_TRIGGER);

        assert_true(q.body_len > 0 && q.body_len < 512000);
        arena_free(a);
    }
}

/* A retry must be the same message, so that a vendor or a receiver can tell. */
static void
equal_jobs_render_equal_bytes(void **state)
{
    static const char *const names[] = { "pagerduty", "victorops", "opsgenie", "webhook", "log" };

    (void)state;
    big.incident.note = "n";
    big.incident.note_by = "anna";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (enum tocsin_change change = TOCSIN_TRIGGER; change <= TOCSIN_RESOLVE; change++) {
            struct arena *a = arena_new();
            struct tocsin_request one = render(load(names[i]), a, change), two = render(load(names[i]), a, change);

            assert_int_equal(one.kind, two.kind);
            assert_int_equal(one.body_len, two.body_len);
            if (one.body_len > 0)
                assert_memory_equal(one.body, two.body, one.body_len);
            arena_free(a);
        }
    }
}

static void
refuse(struct setting bad, const char *what)
{
    const struct tocsin_plugin *p = load("opsgenie");
    struct setting items[] = { { .name = "api_key", .text = "k" }, bad };
    struct tocsin_settings set = { items, 2 };
    struct tocsin_err err;
    void *self = NULL;

    assert_int_equal(p->open(&host, &set, &self, &err), TOCSIN_BAD_CONFIG);
    assert_null(self);
    assert_string_equal(err.what, what);
}

static void
wrong_settings_are_refused(void **state)
{
    static const struct tocsin_pair level[] = { { "error", "P6" } }, word[] = { { "purple", "P1" } };
    static const char *const who[] = { "anna" }, *const empty[] = { "team:" };

    (void)state;
    refuse((struct setting){ .name = "priorities", .map = level, .n_map = 1 },
           "priority 'P6' is not P1, P2, P3, P4 or P5");
    refuse((struct setting){ .name = "priorities", .map = word, .n_map = 1 }, "unknown severity 'purple'");
    refuse((struct setting){ .name = "responders", .list = who, .n_list = 1 },
           "responder 'anna' is not team:, user:, escalation: or schedule: and a name");
    refuse((struct setting){ .name = "responders", .list = empty, .n_list = 1 },
           "responder 'team:' is not team:, user:, escalation: or schedule: and a name");
}

static void
jira_cannot_take_an_acknowledgement_back(void **state)
{
    static const struct { const char *api; bool can_unack; } cases[] = { { "opsgenie", true }, { "jsm", false } };
    const struct tocsin_plugin *p = load("opsgenie");

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct setting items[] = { { .name = "api_key", .text = "k" }, { .name = "api", .text = cases[i].api } };
        struct tocsin_settings set = { items, 2 };
        struct tocsin_err err;
        void *self = NULL;

        assert_int_equal(p->open(&host, &set, &self, &err), TOCSIN_OK);
        assert_int_equal((p->flags_of(self) & TOCSIN_CAN_UNACK) != 0, cases[i].can_unack);
        assert_true(p->flags_of(self) & TOCSIN_CAN_ACK);
        p->close(self);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_event_still_pages),      cmocka_unit_test(a_large_webhook_keeps_the_newest_alerts),
        cmocka_unit_test(large_incidents_fit_everywhere), cmocka_unit_test(equal_jobs_render_equal_bytes),
        cmocka_unit_test(wrong_settings_are_refused),     cmocka_unit_test(jira_cannot_take_an_acknowledgement_back),
    };

    return cmocka_run_group_tests(tests, make_big, NULL);
}
