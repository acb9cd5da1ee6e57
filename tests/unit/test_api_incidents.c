/* SPDX-License-Identifier: Apache-2.0 */
/* Incidents and alerts over REST: shapes to the letter, pages, ids as people type them. */
#include "unit/api_world.h"

/* --- shapes -------------------------------------------------------------------------- */

static const char head_a[] =
    "\"id\":\"019b76da-a800-7000-8000-0000000000a1\",\"state\":\"triggered\",\"severity\":\"critical\","
    "\"summary\":\"GPU 3 lost\",\"source\":\"training\",\"group_key\":\"g\",\"episode\":1,\"policy\":\"ml-oncall\",\"step\":1,"
    "\"next_escalation_at\":\"2026-01-01T00:05:00.000Z\",\"exhausted\":false,\"suppressed_by\":null,\"snoozed_until\":null,"
    "\"opened_at\":\"2026-01-01T00:00:00.000Z\","
    "\"acknowledged_at\":null,\"acknowledged_by\":null,\"resolved_at\":null";

static const char alert_text_json[] =
    "\"severity\":\"error\",\"summary\":\"GPU 3 lost\",\"labels\":{\"gpu\":\"3\",\"host\":\"node\\n\\\"7\\\"\"},"
    "\"annotations\":{\"runbook\":\"restart\"},\"links\":[{\"href\":\"https://example.org/run\",\"text\":null},"
    "{\"href\":\"http://example.org/g\",\"text\":\"graph\"}],"
    "\"rules\":[{\"name\":\"gpu\",\"at\":\"rules/10.cfg:4\"}],\"starts_at\":\"2026-01-01T00:00:01.000Z\",\"count\":3";

static void
detail_is_exact(void **state)
{
    struct http_request *r;
    char want[4096];

    (void)state;
    incidents[0].next_due = AT(300);
    alerts[n_alerts++] = alert_row(7, "training", ALERT_FIRING);
    ledger[n_ledger++] = (struct delivery_row){ .target = "pd", .told = TOLD_TRIGGERED, .state = DELIVERY_IDLE, .sends = 1,
                                                .told_at = AT(2), .last_error = "", .vendor_ref = "PD-1" };
    ledger[n_ledger++] = (struct delivery_row){ .target = "og", .told = TOLD_MAYBE, .state = DELIVERY_FAILING,
                                                .attempts = 4,
                                                .last_error = "503 busy", .vendor_ref = "" };
    events[n_events++] = (struct event_row){ .at = AT(0), .kind = "opened", .actor = "rule 'x' (f:3)", .text = "GPU 3 lost" };
    snprintf(want, sizeof want,
             "{%s,\"alerts\":[{\"dedup_key\":\"gpu-3\",\"status\":\"firing\",%s,\"ends_at\":null}],\"deliveries\":["
             "{\"target\":\"pd\",\"state\":\"delivered\",\"vendor_state\":\"triggered\",\"attempts\":0,\"last_error\":null,"
             "\"vendor_ref\":\"PD-1\",\"told_at\":\"2026-01-01T00:00:02.000Z\"},{\"target\":\"og\",\"state\":\"failing\","
             "\"vendor_state\":\"unconfirmed\",\"attempts\":4,\"last_error\":\"503 busy\",\"vendor_ref\":null,\"told_at\":null}],"
             "\"timeline\":[{\"at\":\"2026-01-01T00:00:00.000Z\",\"kind\":\"opened\",\"actor\":\"rule 'x' (f:3)\","
             "\"text\":\"GPU 3 lost\"}]}", head_a, alert_text_json);
    r = ask("GET", "/v1/incidents/019b76da-a800-7000-8000-0000000000a1", NULL, NULL);
    assert_int_equal(r->status, 200);
    assert_json(r, want);
    fake_request_free(r);
}

static void
list_is_exact(void **state)
{
    struct http_request *r;
    char want[2048];

    (void)state;
    incidents[0].next_due = AT(300);
    snprintf(want, sizeof want, "{\"incidents\":[{%s}],\"next\":null}", head_a);
    r = ask("GET", "/v1/incidents?state=triggered", NULL, NULL);
    assert_json(r, want);
    fake_request_free(r);
}

static void
alerts_are_exact(void **state)
{
    struct http_request *r;
    char want[4096];

    (void)state;
    alerts[n_alerts++] = alert_row(7, "training", ALERT_RESOLVED);
    snprintf(want, sizeof want,
             "{\"alerts\":[{\"dedup_key\":\"gpu-3\",\"source\":\"training\",\"status\":\"resolved\",%s,"
             "\"ends_at\":\"2026-01-01T00:00:08.000Z\",\"incident\":\"019b76da-a800-7000-8000-0000000000a1\"}],"
             "\"next\":null}", alert_text_json);
    r = ask("GET", "/v1/alerts?source=training&status=firing,resolved", NULL, NULL);
    assert_json(r, want);
    fake_request_free(r);
    r = ask("GET", "/v1/alerts?source=other", NULL, NULL);
    assert_json(r, "{\"alerts\":[],\"next\":null}");
    fake_request_free(r);
}

/* The next escalation is told only while it would come by itself; an exhausted incident may have loops left. */
static void
next_escalation_is_honest(void **state)
{
    static const struct {
        unsigned state;
        bool paging, exhausted, paused;
        int64_t due;
        bool shown;
    } cases[] = {
        { TOCSIN_INC_TRIGGERED, true, false, false, AT(300), true },
        { TOCSIN_INC_ACKNOWLEDGED, true, false, false, AT(300), false },
        { TOCSIN_INC_TRIGGERED, false, false, false, AT(300), false },
        { TOCSIN_INC_TRIGGERED, true, true, false, AT(300), true },
        { TOCSIN_INC_TRIGGERED, true, true, false, 0, false },
        { TOCSIN_INC_TRIGGERED, true, false, true, AT(300), false },
        { TOCSIN_INC_RESOLVED, true, false, false, AT(300), false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request *r;
        json_t *doc;

        incidents[0].next_due = cases[i].due;
        incidents[0].state = (uint8_t)cases[i].state;
        incidents[0].paging = cases[i].paging;
        incidents[0].exhausted = cases[i].exhausted;
        incidents[0].paused_at = cases[i].paused ? AT(1) : 0;
        r = ask("GET", "/v1/incidents/019b76da-a800-7000-8000-0000000000a1", NULL, NULL);
        doc = document(r);
        assert_int_equal(json_is_string(json_object_get(doc, "next_escalation_at")), cases[i].shown);
        assert_int_equal(json_is_true(json_object_get(doc, "exhausted")), cases[i].exhausted);
        json_decref(doc);
        fake_request_free(r);
    }
}

static void
damaged_text_is_shown_cleaned(void **state)
{
    struct http_request *r;

    (void)state;
    incidents[0].summary = "bad \xff byte";
    r = ask("GET", "/v1/incidents/019b76da-a800-7000-8000-0000000000a1", NULL, NULL);
    assert_non_null(strstr(r->reply, "\"summary\":\"bad \xef\xbf\xbd byte\""));
    fake_request_free(r);
}

/* --- lists ----------------------------------------------------------------------------- */

/* "a1 b2": the last two digits of each id in the answer. */
static void
lists(const char *target, const char *ids)
{
    struct http_request *r = ask("GET", target, NULL, NULL);
    json_t *doc = document(r), *one;
    char got[256] = "";
    size_t i;

    json_array_foreach(json_object_get(doc, "incidents"), i, one)
    {
        size_t n = strlen(got);

        snprintf(got + n, sizeof got - n, "%s%s", n > 0 ? " " : "", json_string_value(json_object_get(one, "id")) + 34);
    }
    assert_string_equal(got, ids);
    json_decref(doc);
    fake_request_free(r);
}

static void
filters(void **state)
{
    (void)state;
    incidents[1].severity = TOCSIN_INFO;
    lists("/v1/incidents", "c3 b2 a1");
    lists("/v1/incidents?state=", "c3 b2 a1");
    lists("/v1/incidents?state=open", "b2 a1");
    lists("/v1/incidents?state=resolved,Triggered", "c3 a1");
    lists("/v1/incidents?state=acknowledged&severity=critical", "");
    lists("/v1/incidents?severity=info", "b2");
    lists("/v1/incidents?q=DISK", "b2");
    lists("/v1/incidents?q=0000a1", "a1");
    lists("/v1/incidents?limit=1", "c3");
    lists("/v1/incidents?unknown=1", "c3 b2 a1");
}

static void
pages_join(void **state)
{
    char target[128], ids[8][ID_TEXT], text[ID_TEXT];
    const char *next = "";
    size_t seen = 0;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        snprintf(text, sizeof text, "019b76e0-a800-7000-8000-%012zx", i);
        incidents[n_incidents++] = incident_row(text, TOCSIN_INC_TRIGGERED, "more");
    }
    do {
        struct http_request *r;
        json_t *doc, *one;
        size_t i;

        snprintf(target, sizeof target, "/v1/incidents?limit=3&cursor=%s", next);
        r = ask("GET", target, NULL, NULL);
        doc = document(r);
        json_array_foreach(json_object_get(doc, "incidents"), i, one)
            snprintf(ids[seen++], ID_TEXT, "%s", json_string_value(json_object_get(one, "id")));
        snprintf(text, sizeof text, "%s", json_is_string(json_object_get(doc, "next"))
                                              ? json_string_value(json_object_get(doc, "next")) : "");
        next = text;
        json_decref(doc);
        fake_request_free(r);
    } while (*next != '\0' && seen <= 7);
    assert_int_equal(seen, 7);
    for (size_t i = 1; i < seen; i++)
        assert_true(strcmp(ids[i - 1], ids[i]) > 0);
}

static void
alert_pages_join(void **state)
{
    struct http_request *r;
    json_t *doc;

    (void)state;
    for (int i = 1; i <= 3; i++)
        alerts[n_alerts++] = alert_row(i, "training", ALERT_FIRING);
    r = ask("GET", "/v1/alerts?limit=2", NULL, NULL);
    doc = document(r);
    assert_int_equal(json_array_size(json_object_get(doc, "alerts")), 2);
    assert_string_equal(json_string_value(json_object_get(doc, "next")), "2");
    json_decref(doc);
    fake_request_free(r);
    r = ask("GET", "/v1/alerts?limit=2&cursor=2", NULL, NULL);
    doc = document(r);
    assert_int_equal(json_array_size(json_object_get(doc, "alerts")), 1);
    assert_true(json_is_null(json_object_get(doc, "next")));
    json_decref(doc);
    fake_request_free(r);
}

static void
hostile_queries(void **state)
{
    static char long_q[1000];
    static const struct { const char *target, *where, *says; } cases[] = {
        { "/v1/incidents?state=trigered", "query state", "unknown word 'trigered'; did you mean 'triggered'?" },
        { "/v1/incidents?severity=P1", "query severity", "unknown word 'P1'" },
        { "/v1/incidents?limit=0", "query limit", "a number from 1 to 500, got '0'" },
        { "/v1/incidents?limit=501", "query limit", "got '501'" },
        { "/v1/incidents?limit=-1", "query limit", "got '-1'" },
        { "/v1/incidents?limit=", "query limit", "got ''" },
        { "/v1/incidents?limit=99999999999999999999", "query limit", "got '99999999999999999999'" },
        { "/v1/incidents?limit=1e2", "query limit", "got '1e2'" },
        { "/v1/incidents?cursor=x", "query cursor", "not a cursor" },
        { "/v1/alerts?cursor=0", "query cursor", "not a cursor" },
        { "/v1/alerts?cursor=-4", "query cursor", "not a cursor" },
        { "/v1/alerts?cursor=12x", "query cursor", "not a cursor" },
        { "/v1/alerts?cursor=99999999999999999999", "query cursor", "not a cursor" },
        { "/v1/alerts?status=fireing", "query status", "did you mean 'firing'?" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuses("GET", cases[i].target, NULL, 422, cases[i].where, cases[i].says);
    memcpy(long_q, "/v1/incidents?q=", 16);
    memset(long_q + 16, 'a', 300);
    refuses("GET", long_q, NULL, 422, "query q", "longer than 256 bytes");
    memcpy(long_q, "/v1/incidents?state=", 20);
    refuses("GET", long_q, NULL, 422, "query state", "longer than 256 bytes");
}

static void
store_away_is_503(void **state)
{
    (void)state;
    store_fails = TOCSIN_TEMPORARY;
    refuses("GET", "/v1/incidents", NULL, 503, "", "the disk is full");
    refuses("GET", "/v1/alerts", NULL, 503, "", "the disk is full");
    refuses("GET", "/v1/incidents/019b76da-a800-7000-8000-0000000000a1", NULL, 503, "", "the disk is full");
    refuses("GET", "/v1/incidents/000000a1", NULL, 503, "", "the disk is full");
}

/* --- ids -------------------------------------------------------------------------------- */

static void
finds(const char *id, int status, const char *want)
{
    struct http_request *r;
    char target[256];

    snprintf(target, sizeof target, "/v1/incidents/%s", id);
    r = ask("GET", target, NULL, NULL);
    if (r->status != status)
        print_error("%s: %s\n", id, r->reply);
    assert_int_equal(r->status, status);
    assert_non_null(strstr(r->reply, want));
    fake_request_free(r);
}

static void
ids_as_people_type_them(void **state)
{
    (void)state;
    incidents[2].id.b[12] = 0xab;              /* ...8000-0000ab0000c3 */
    finds("019B76DA-A800-7000-8000-0000000000A1", 200, ID_A);
    finds("000000a1", 200, ID_A);
    finds("8000-0000000000b2", 200, ID_B);
    finds("80000000000000b2", 200, ID_B);
    finds("ab0000c3", 200, "019b76dc");        /* resolved, but recent */
    finds("019b76da", 200, ID_A);
    finds("019b76da-a800-7", 200, ID_A);
    finds("019b76da-a8", 200, ID_A);
    finds("019b76d", 404, "at least 8 hexadecimal digits");
    finds("00000a1", 404, "at least 8 hexadecimal digits");
    finds("deadbeef", 404, "no open or recent incident begins or ends with 'deadbeef'");
    finds("019b76da-a800-7000-8000-0000000000a2", 404, "no incident");
    finds("zzzzzzzz", 404, "no incident 'zzzzzzzz'");
    finds("%2e%2e", 404, "no incident");
    finds("%27%20OR%201=1--", 404, "no incident");
    finds("019b76da-a800-7000-8000-0000000000a1000000000000", 404, "no incident");
    finds("--------", 404, "no incident");
}

static void
two_are_not_one(void **state)
{
    (void)state;
    incidents[n_incidents++] = incident_row("019b76dc-a800-7000-8000-1111000000a1", TOCSIN_INC_TRIGGERED, "twin");
    finds("000000a1", 409, "more than one incident");
    finds("1111000000a1", 200, "twin");
    finds("019b76dc", 409, "more than one incident");
}

/* More than one page of recent incidents is looked through, and not the whole history. */
static void
recent_is_bounded(void **state)
{
    char text[ID_TEXT];

    (void)state;
    n_incidents = 0;
    for (unsigned i = 0; i < 1100; i++) {
        snprintf(text, sizeof text, "019b76%02x-a800-7000-8000-0000%04x%04x", i / 256 + 1, 0x5000 + i, 0x5000 + i);
        incidents[n_incidents++] = incident_row(text, TOCSIN_INC_RESOLVED, "old");
    }
    finds("51ff51ff", 200, "51ff51ff");        /* number 511, the 589th from the newest */
    finds("50055005", 404, "no open or recent incident");
    incidents[5].state = TOCSIN_INC_TRIGGERED;
    finds("50055005", 200, "50055005");        /* open ones are found however old */
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(detail_is_exact), TEST(list_is_exact), TEST(alerts_are_exact), TEST(next_escalation_is_honest),
        TEST(damaged_text_is_shown_cleaned), TEST(filters), TEST(pages_join), TEST(alert_pages_join),
        TEST(hostile_queries), TEST(store_away_is_503), TEST(ids_as_people_type_them), TEST(two_are_not_one),
        TEST(recent_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
