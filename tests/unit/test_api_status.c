/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics read back as Prometheus would; health, reload, the ways in and out. */
#include "unit/api_world.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* --- metrics, read back strictly ---------------------------------------------------------- */

struct sample { char name[80], labels[256]; double value; };
static struct sample samples[400];
static size_t n_samples;
static char families[100][80], types[100][16];
static size_t n_families;

static const char *
family_of(const char *name)
{
    for (size_t i = 0; i < n_families; i++) {
        size_t n = strlen(families[i]);

        if (strcmp(name, families[i]) == 0)
            return types[i];
        if (strncmp(name, families[i], n) == 0 && strcmp(types[i], "histogram") == 0 &&
            (strcmp(name + n, "_bucket") == 0 || strcmp(name + n, "_sum") == 0 || strcmp(name + n, "_count") == 0))
            return types[i];
    }
    return NULL;
}

static void
read_comment(const char *line, const char *last_help)
{
    char name[80], type[16];

    assert_int_equal(sscanf(line, "# TYPE %79s %15s", name, type), 2);
    assert_string_equal(name, last_help);
    assert_true(strcmp(type, "counter") == 0 || strcmp(type, "gauge") == 0 || strcmp(type, "histogram") == 0);
    assert_null(family_of(name));
    if (strcmp(type, "counter") == 0)
        assert_string_equal(name + strlen(name) - 6, "_total");
    snprintf(families[n_families], 80, "%s", name);
    snprintf(types[n_families++], 16, "%s", type);
}

static bool
matches(const pcre2_code *format, const char *line)
{
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    int n = pcre2_match(format, (PCRE2_SPTR)line, PCRE2_ZERO_TERMINATED, 0, 0, data, NULL);

    pcre2_match_data_free(data);
    return n >= 0;
}

static void
read_sample(const char *line, const pcre2_code *format)
{
    struct sample *s = &samples[n_samples];
    size_t name = strcspn(line, "{ ");
    const char *value = strrchr(line, ' ');
    char *end;

    if (!matches(format, line))
        print_error("not a sample: %s\n", line);
    assert_true(matches(format, line));
    snprintf(s->name, sizeof s->name, "%.*s", (int)name, line);
    snprintf(s->labels, sizeof s->labels, "%.*s", (int)(value - line - (long)name), line + name);
    s->value = strtod(value + 1, &end);
    assert_int_equal(*end, '\0');
    assert_non_null(family_of(s->name));
    for (size_t i = 0; i < n_samples; i++)
        assert_false(strcmp(samples[i].name, s->name) == 0 && strcmp(samples[i].labels, s->labels) == 0);
    n_samples++;
}

/* HELP before TYPE before samples; every sample of a family that was announced; no series twice. */
static void
read_metrics(char *text)
{
    char help[80] = "", *save = NULL;
    size_t offset;
    int bad;
    pcre2_code *format = pcre2_compile((PCRE2_SPTR) "^[a-zA-Z_:][a-zA-Z0-9_:]*"
                                                    "([{]([a-z_]+=\"([^\"\\\\]|\\\\[\\\\\"n])*\",?)+[}])? "
                                                    "[-+]?[0-9.]+(e[-+]?[0-9]+)?$",
                                       PCRE2_ZERO_TERMINATED, 0, &bad, &offset, NULL);

    n_samples = n_families = 0;
    assert_non_null(format);
    assert_int_equal(text[strlen(text) - 1], '\n');
    for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            snprintf(help, sizeof help, "%.*s", (int)strcspn(line + 7, " "), line + 7);
            assert_true(strlen(line + 7) > strlen(help) + 1);
        } else if (line[0] == '#') {
            read_comment(line, help);
        } else {
            read_sample(line, format);
        }
    }
    pcre2_code_free(format);
}

static double
metric(const char *name, const char *labels)
{
    for (size_t i = 0; i < n_samples; i++)
        if (strcmp(samples[i].name, name) == 0 && strcmp(samples[i].labels, labels) == 0)
            return samples[i].value;
    print_error("no %s%s\n", name, labels);
    fail();
    return 0;
}

static bool
has_metric(const char *name)
{
    for (size_t i = 0; i < n_samples; i++)
        if (strcmp(samples[i].name, name) == 0)
            return true;
    return false;
}

static void
metrics_read_back(void **state)
{
    static const struct { const char *name, *labels; double value; } expected[] = {
        { "tocsin_alerts_received_total", "{collector=\"web\"}", 9 },
        { "tocsin_payloads_refused_total", "{collector=\"web\"}", 1 },
        { "tocsin_requests_unauthorized_total", "{collector=\"web\"}", 2 },
        { "tocsin_incidents", "{state=\"triggered\"}", 2 },
        { "tocsin_incidents", "{state=\"acknowledged\"}", 1 },
        { "tocsin_incidents_exhausted", "", 1 },
        { "tocsin_open_alerts", "", 5 },
        { "tocsin_deliveries", "{state=\"failing\"}", 2 },
        { "tocsin_notifications_total", "{notifier=\"pd\",result=\"delivered\"}", 5 },
        { "tocsin_notifications_total", "{notifier=\"pd\",result=\"rejected\"}", 1 },
        { "tocsin_notifications_total", "{notifier=\"we\\\"ird\\\\n\\n\",result=\"delivered\"}", 1 },
        { "tocsin_notification_latency_seconds_bucket", "{notifier=\"pd\",le=\"0.001\"}", 0 },
        { "tocsin_notification_latency_seconds_bucket", "{notifier=\"pd\",le=\"5\"}", 4 },
        { "tocsin_notification_latency_seconds_bucket", "{notifier=\"pd\",le=\"+Inf\"}", 5 },
        { "tocsin_notification_latency_seconds_count", "{notifier=\"pd\"}", 5 },
        { "tocsin_notification_latency_seconds_sum", "{notifier=\"pd\"}", 6.007 },
        { "alertmanager_notification_latency_seconds_sum", "{integration=\"pager\",receiver_name=\"pd\"}", 6.007 },
        { "alertmanager_notification_latency_seconds_count", "{integration=\"pager\",receiver_name=\"pd\"}", 5 },
        { "tocsin_commit_seconds_bucket", "{le=\"0.0001\"}", 1 },
        { "tocsin_commit_seconds_bucket", "{le=\"1\"}", 3 },
        { "tocsin_commit_seconds_bucket", "{le=\"+Inf\"}", 6 },
        { "tocsin_commit_seconds_sum", "", 0.012 },
        { "tocsin_commit_seconds_count", "", 6 },
        { "tocsin_queue_depth", "", 2 },
        { "tocsin_http_requests_total", "", 42 },
        { "tocsin_mqtt_connected", "{collector=\"training\"}", 1 },
        { "tocsin_store_wal_bytes", "", 512 },
        { "tocsin_store_up", "{engine=\"fake\"}", 1 },
        { "process_start_time_seconds", "", 1767225600 },
        { "tocsin_build_info", "{version=\"" TOCSIN_VERSION "\"}", 1 },
        { "alertmanager_alerts", "{state=\"active\"}", 5 },
        { "alertmanager_alerts_received_total", "{status=\"firing\",version=\"v2\"}", 11 },
        { "alertmanager_alerts_received_total", "{status=\"resolved\",version=\"v2\"}", 4 },
        { "alertmanager_notifications_total", "{integration=\"pager\",receiver_name=\"pd\"}", 9 },
        { "alertmanager_notifications_failed_total", "{integration=\"pager\",receiver_name=\"pd\"}", 4 },
    };
    struct http_request *r;

    (void)state;
    everything_on();
    r = ask("GET", "/metrics", NULL, NULL);
    assert_int_equal(r->status, 200);
    assert_string_equal(r->reply_type, "text/plain; version=0.0.4; charset=utf-8");
    read_metrics(r->reply);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_true(metric(expected[i].name, expected[i].labels) == expected[i].value);
    assert_true(metric("process_resident_memory_bytes", "") > 100000);
    assert_in_range((uint64_t)metric("process_open_fds", ""), 3, 1000);
    assert_true(metric("tocsin_delivery_oldest_pending_seconds", "") > 0);
    fake_request_free(r);
}

static void
what_nobody_keeps_is_left_out(void **state)
{
    struct http_request *r;

    (void)state;
    store_fails = TOCSIN_TEMPORARY;
    r = ask("GET", "/metrics", NULL, NULL);
    assert_int_equal(r->status, 200);
    read_metrics(r->reply);
    assert_true(metric("tocsin_store_up", "{engine=\"fake\"}") == 0);
    assert_true(metric("tocsin_alerts_received_total", "") == 15);
    assert_false(has_metric("tocsin_incidents") || has_metric("tocsin_http_requests_total") ||
                 has_metric("tocsin_notifications_total"));
    fake_request_free(r);
}

/* --- health and reload ------------------------------------------------------------------------ */

static void
answers_with(const char *method, const char *target, int status, const char *json)
{
    struct http_request *r = ask(method, target, NULL, NULL);

    assert_int_equal(r->status, status);
    assert_json(r, json);
    fake_request_free(r);
}

static void
ready_means_it(void **state)
{
    (void)state;
    answers_with("GET", "/-/ready", 200, "{\"ready\":true,\"not_ready\":[]}");
    ready_rc = TOCSIN_FULL;
    ready_text = "store: disk full\nnotifier pd: \"paused\"";
    answers_with("GET", "/-/ready", 503,
                 "{\"ready\":false,\"not_ready\":[\"store: disk full\",\"notifier pd: \\\"paused\\\"\"]}");
}

static void
healthy_is_plain(void **state)
{
    struct http_request *r = ask("GET", "/-/healthy", NULL, NULL);

    (void)state;
    assert_string_equal(r->reply, "OK\n");
    assert_string_equal(r->reply_type, "text/plain; charset=utf-8");
    fake_request_free(r);
}

static void
reload_tells_all_mistakes(void **state)
{
    (void)state;
    answers_with("POST", "/-/reload", 200, "{\"generation\":5}");
    reload_rc = TOCSIN_BAD_CONFIG;
    answers_with("POST", "/-/reload", 500,
                 "{\"type\":\"about:blank\",\"title\":\"configuration error\",\"status\":500,"
                 "\"detail\":\"the configuration has 2 mistakes; the old one stays in use\",\"total\":2,"
                 "\"mistakes\":[\"tocsin.cfg:4: unknown policy 'x'\",\"tocsin.cfg:9: expected a duration\"]}");
    reload_rc = TOCSIN_TEMPORARY;
    answers_with("POST", "/-/reload", 503,
                 "{\"type\":\"about:blank\",\"title\":\"temporarily unavailable\",\"status\":503,"
                 "\"detail\":\"cannot reload: temporarily unavailable\",\"where\":\"\"}");
}

/* --- ways in and out ----------------------------------------------------------------------------- */

static void
ways_are_exact(void **state)
{
    (void)state;
    answers_with("GET", "/v1/collectors", 200,
                 "{\"collectors\":[{\"name\":\"web\",\"type\":\"webhook\",\"format\":\"json\",\"connected\":null,"
                 "\"payloads\":null,\"alerts\":null,\"refused\":null,\"last_at\":null,\"last_error\":null},"
                 "{\"name\":\"training\",\"type\":\"mqtt\",\"format\":\"json\",\"connected\":null,\"payloads\":null,"
                 "\"alerts\":null,\"refused\":null,\"last_at\":null,\"last_error\":null}]}");
    everything_on();
    answers_with("GET", "/v1/collectors", 200,
                 "{\"collectors\":[{\"name\":\"web\",\"type\":\"webhook\",\"format\":\"json\",\"connected\":null,"
                 "\"payloads\":5,\"alerts\":9,\"refused\":1,\"last_at\":\"2026-01-01T00:00:03.000Z\","
                 "\"last_error\":\"credentials are missing or wrong\"},"
                 "{\"name\":\"training\",\"type\":\"mqtt\",\"format\":\"json\",\"connected\":true,\"payloads\":4,"
                 "\"alerts\":6,\"refused\":0,\"last_at\":null,\"last_error\":null}]}");
    answers_with("GET", "/v1/notifiers", 200,
                 "{\"notifiers\":[{\"name\":\"pd\",\"plugin\":\"pager\",\"state\":\"ok\",\"breaker_open\":false,"
                 "\"sent\":5,"
                 "\"retried\":2,\"rejected\":1,\"uncertain\":1,\"waiting\":3,\"in_flight\":0,"
                 "\"last_ok_at\":\"2026-01-01T00:00:09.000Z\",\"last_error_at\":\"2026-01-01T00:00:05.000Z\","
                 "\"last_error\":\"503 busy\"},{\"name\":\"og\",\"plugin\":\"pager\",\"state\":\"idle\","
                 "\"breaker_open\":false,\"sent\":0,\"retried\":0,\"rejected\":0,\"uncertain\":0,\"waiting\":0,"
                 "\"in_flight\":0,\"last_ok_at\":null,\"last_error_at\":null,\"last_error\":null}]}");
    answers_with("GET", "/v1/version", 200,
                 "{\"name\":\"tocsin\",\"version\":\"" TOCSIN_VERSION "\","
                 "\"started_at\":\"2026-01-01T00:00:00.000Z\"}");
}

static void
notifier_states(void **state)
{
    static const struct { struct notifier_stats s; const char *state; } cases[] = {
        { { .last_ok_at = 0 }, "\"state\":\"idle\"" },
        { { .last_ok_at = 2, .last_error_at = 1 }, "\"state\":\"ok\"" },
        { { .last_ok_at = 1, .last_error_at = 2 }, "\"state\":\"failing\"" },
        { { .last_ok_at = 2, .breaker_open = true }, "\"state\":\"paused\"" },
    };

    (void)state;
    everything_on();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request *r;

        sends[0] = cases[i].s;
        sends[0].name = "pd";
        r = ask("GET", "/v1/notifiers", NULL, NULL);
        assert_non_null(strstr(r->reply, cases[i].state));
        fake_request_free(r);
    }
}

static void
index_lists_every_route(void **state)
{
    struct http_request *r = ask("GET", "/", NULL, NULL);
    size_t n;
    const struct route *routes = route_table(&n);

    (void)state;
    assert_non_null(strstr(r->reply, "tocsin " TOCSIN_VERSION));
    for (size_t i = 0; i < n; i++)
        assert_non_null(strstr(r->reply, routes[i].pattern));
    fake_request_free(r);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(metrics_read_back), TEST(what_nobody_keeps_is_left_out), TEST(ready_means_it), TEST(healthy_is_plain),
        TEST(reload_tells_all_mistakes), TEST(ways_are_exact), TEST(notifier_states),
        TEST(index_lists_every_route),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
