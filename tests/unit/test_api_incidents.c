/* SPDX-License-Identifier: Apache-2.0 */
/* Incidents and alerts over REST: shapes to the letter, pages, ids as people type them, actions and refusals. */
#include "unit/api_world.h"

#include "os/clock.h"

static void
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

/* --- shapes -------------------------------------------------------------------------- */

static const char head_a[] =
    "\"id\":\"019b76da-a800-7000-8000-0000000000a1\",\"state\":\"triggered\",\"severity\":\"critical\","
    "\"summary\":\"GPU 3 lost\",\"source\":\"training\",\"group_key\":\"g\",\"episode\":1,\"policy\":\"ml-oncall\",\"step\":1,"
    "\"next_escalation_at\":\"2026-01-01T00:05:00.000Z\",\"suppressed_by\":null,\"opened_at\":\"2026-01-01T00:00:00.000Z\","
    "\"acknowledged_at\":null,\"acknowledged_by\":null,\"resolved_at\":null";

static const char alert_text_json[] =
    "\"severity\":\"error\",\"summary\":\"GPU 3 lost\",\"labels\":{\"gpu\":\"3\",\"host\":\"node\\n\\\"7\\\"\"},"
    "\"annotations\":{\"runbook\":\"restart\"},\"links\":[{\"href\":\"https://example.org/run\",\"text\":null},"
    "{\"href\":\"http://example.org/g\",\"text\":\"graph\"}],\"starts_at\":\"2026-01-01T00:00:01.000Z\",\"count\":3";

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

/* The next escalation is told only while it would come by itself. */
static void
next_escalation_is_honest(void **state)
{
    static const struct {
        unsigned state;
        bool paging, exhausted, paused, shown;
    } cases[] = {
        { TOCSIN_INC_TRIGGERED, true, false, false, true },  { TOCSIN_INC_ACKNOWLEDGED, true, false, false, false },
        { TOCSIN_INC_TRIGGERED, false, false, false, false }, { TOCSIN_INC_TRIGGERED, true, true, false, false },
        { TOCSIN_INC_TRIGGERED, true, false, true, false },  { TOCSIN_INC_RESOLVED, true, false, false, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request *r;
        json_t *doc;

        incidents[0].next_due = AT(300);
        incidents[0].state = (uint8_t)cases[i].state;
        incidents[0].paging = cases[i].paging;
        incidents[0].exhausted = cases[i].exhausted;
        incidents[0].paused_at = cases[i].paused ? AT(1) : 0;
        r = ask("GET", "/v1/incidents/019b76da-a800-7000-8000-0000000000a1", NULL, NULL);
        doc = document(r);
        assert_int_equal(json_is_string(json_object_get(doc, "next_escalation_at")), cases[i].shown);
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

/* --- actions ----------------------------------------------------------------------------- */

#define A "/v1/incidents/019b76da-a800-7000-8000-0000000000a1"

static void
every_action(void **state)
{
    static const struct {
        const char *target, *body;
        enum action action;
        const char *by, *note;
    } cases[] = {
        { A "/ack", NULL, ACTION_ACK, "local", NULL },
        { A "/ack", "", ACTION_ACK, "local", NULL },
        { A "/ack", " \n", ACTION_ACK, "local", NULL },
        { A "/ack", "{}", ACTION_ACK, "local", NULL },
        { A "/ack", "{\"by\":null,\"note\":null}", ACTION_ACK, "local", NULL },
        { A "/ack", "{\"by\":\"anna\",\"note\":\"on it\"}", ACTION_ACK, "anna", "on it" },
        { "/v1/incidents/000000a1/unack", NULL, ACTION_UNACK, "local", NULL },
        { A "/resolve", "{\"by\":\"J\xc3\xbcrgen\"}", ACTION_RESOLVE, "J\xc3\xbcrgen", NULL },
        { A "/escalate", NULL, ACTION_ESCALATE, "local", NULL },
        { A "/note", "{\"note\":\"a\\nb\\u001b\"}", ACTION_NOTE, "local", "a\nb\xef\xbf\xbd" },
    };
    struct id16 id;

    (void)state;
    id_parse(ID_A, &id);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request *r = ask("POST", cases[i].target, NULL, cases[i].body);

        assert_int_equal(r->status, 200);
        assert_true(r->deferred);
        assert_non_null(strstr(r->reply, "\"timeline\":[]"));
        assert_int_equal(acted.action, cases[i].action);
        assert_true(id_eq(&acted.incident, &id));
        assert_string_equal(acted.by, cases[i].by);
        if (cases[i].note != NULL)
            assert_string_equal(acted.note, cases[i].note);
        else
            assert_null(acted.note);
        fake_request_free(r);
    }
    assert_int_equal(n_acted, sizeof cases / sizeof cases[0]);
}

static void
by_tells_the_token(void **state)
{
    struct http_request *r;

    (void)state;
    conf.tokens = tokens;
    conf.n_tokens = 3;
    r = ask("POST", A "/ack", "responder-secret", NULL);
    assert_string_equal(acted.by, "ops");
    fake_request_free(r);
    r = ask("POST", A "/ack", "responder-secret", "{\"by\":\"anna\"}");
    assert_string_equal(acted.by, "anna (token ops)");
    fake_request_free(r);
}

static void
snooze_takes_one_time(void **state)
{
    static const struct { const char *body, *where, *says; } bad[] = {
        { NULL, "$", "one of 'until'" },
        { "{}", "$", "one of 'until'" },
        { "{\"for\":\"1h\",\"until\":\"2030-01-01T00:00:00Z\"}", "$", "one of 'until'" },
        { "{\"for\":\"soon\"}", "$.for", "expected a duration such as '2h', got 'soon'" },
        { "{\"for\":\"0\"}", "$.for", "not in the future" },
        { "{\"for\":\"31d\"}", "$.for", "more than 30 days ahead" },
        { "{\"for\":7200}", "$.for", "expected a string, got a number" },
        { "{\"until\":\"tomorrow\"}", "$.until", "expected a time" },
        { "{\"until\":\"2020-01-01T00:00:00Z\"}", "$.until", "not in the future" },
        { "{\"until\":\"2999-01-01T00:00:00Z\"}", "$.until", "more than 30 days ahead" },
    };
    struct http_request *r;
    char body[128], when[TIME_TEXT];
    int64_t before = clock_wall_ms(), until = before + 86400000;

    (void)state;
    r = ask("POST", A "/snooze", NULL, "{\"for\":\"2h\",\"by\":\"anna\"}");
    assert_int_equal(r->status, 200);
    assert_in_range(acted.until, before + 7200000, clock_wall_ms() + 7200000);
    fake_request_free(r);
    snprintf(body, sizeof body, "{\"until\":\"%s\"}", time_format(until, when));
    r = ask("POST", A "/snooze", NULL, body);
    assert_int_equal(r->status, 200);
    assert_int_equal(acted.until, until);
    fake_request_free(r);
    n_acted = 0;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refuses("POST", A "/snooze", bad[i].body, 422, bad[i].where, bad[i].says);
    assert_int_equal(n_acted, 0);
}

static void
bad_bodies(void **state)
{
    static const struct { const char *target, *body; int status; const char *where, *says; } cases[] = {
        { A "/ack", "{\"by\":", 400, "line 1 column 6", "not JSON" },
        { A "/ack", "{\n  \"by\": anna}", 400, "line 2 column 12", "not JSON" },
        { A "/ack", "{} x", 400, "line 1 column 4", "not JSON" },
        { A "/ack", "{\"by\":\"a\",\"by\":\"b\"}", 400, "line 1 column 14", "duplicate" },
        { A "/ack", "{\"by\":\"\xff\"}", 400, "line 1 column 7", "not JSON" },
        { A "/ack", "{\"by\":\"a\\u0000b\"}", 400, "line 1 column 16", "not JSON" },
        { A "/ack", "[]", 422, "$", "expected an object" },
        { A "/ack", "\"anna\"", 400, "line 1 column 6", "not JSON" },
        { A "/ack", "{\"by\":1}", 422, "$.by", "expected a string, got a number" },
        { A "/ack", "{\"by\":{}}", 422, "$.by", "got an object" },
        { A "/ack", "{\"note\":true}", 422, "$.note", "got a boolean" },
        { A "/ack", "{\"notes\":\"x\"}", 422, "$", "unknown member 'notes'; did you mean 'note'?" },
        { A "/ack", "{\"for\":\"2h\"}", 422, "$", "unknown member 'for'" },
        { A "/ack", "{\"by\":\"a\\nb\"}", 422, "$.by", "line break" },
        { A "/note", NULL, 422, "$.note", "a note needs a text" },
        { A "/note", "{\"note\":\"\"}", 422, "$.note", "a note needs a text" },
        { "/v1/incidents/deadbeef/ack", NULL, 404, "path", "deadbeef" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuses("POST", cases[i].target, cases[i].body, cases[i].status, cases[i].where, cases[i].says);
    assert_int_equal(n_acted, 0);
}

static void
sizes_and_types_of_bodies(void **state)
{
    static const char *const types[] = { "text/plain", "application/x-www-form-urlencoded", NULL };
    char *big = calloc(1, 70000);
    struct http_request *r;

    (void)state;
    for (size_t i = 0; i < 3; i++) {           /* what a form on a foreign page can send without being asked */
        r = fake_request("POST", A "/ack", "{}");
        r->content_type = types[i];
        api_handle(api, r);
        assert_int_equal(r->status, 415);
        fake_request_free(r);
    }
    memset(big, ' ', 66000);
    refuses("POST", A "/ack", big, 413, "body", "larger than 65536 bytes");
    snprintf(big, 70000, "{\"by\":\"%0200d\"}", 0);
    refuses("POST", A "/ack", big, 422, "$.by", "longer than 128 bytes");
    snprintf(big, 70000, "{\"note\":\"%05000d\"}", 0);
    refuses("POST", A "/note", big, 422, "$.note", "longer than 4096 bytes");
    memset(big, '[', 60000);
    big[60000] = '\0';
    r = ask("POST", A "/ack", NULL, big);
    assert_int_equal(r->status, 400);
    fake_request_free(r);
    assert_int_equal(n_acted, 0);
    free(big);
}

static void
refusals_of_the_turn(void **state)
{
    (void)state;
    act_rc = TOCSIN_CONFLICT;
    refuses("POST", A "/ack", NULL, 409, "", "the incident is resolved");
    act_rc = TOCSIN_NOT_FOUND;
    refuses("POST", A "/ack", NULL, 404, "", "");
    act_rc = TOCSIN_FULL;
    refuses("POST", A "/ack", NULL, 503, "", "");
    act_rc = TOCSIN_OK;
    store_fails = TOCSIN_TEMPORARY;
    refuses("POST", A "/ack", NULL, 503, "", "the action is stored, but the incident cannot be read back");
    assert_int_equal(n_acted, 4);
}

static void
the_answer_waits_for_the_commit(void **state)
{
    struct http_request *r;

    (void)state;
    act_waits = true;
    r = ask("POST", A "/ack", NULL, "{\"by\":\"anna\"}");
    assert_true(r->deferred);
    assert_int_equal(r->answers, 0);
    incidents[0].state = TOCSIN_INC_ACKNOWLEDGED;
    incidents[0].acked_at = AT(60);
    incidents[0].acked_by = "anna";
    act_finish();
    assert_int_equal(r->status, 200);
    assert_non_null(strstr(r->reply, "\"state\":\"acknowledged\""));
    assert_non_null(strstr(r->reply, "\"acknowledged_at\":\"2026-01-01T00:01:00.000Z\",\"acknowledged_by\":\"anna\""));
    fake_request_free(r);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(detail_is_exact), TEST(list_is_exact), TEST(alerts_are_exact), TEST(next_escalation_is_honest),
        TEST(damaged_text_is_shown_cleaned), TEST(filters), TEST(pages_join), TEST(alert_pages_join),
        TEST(hostile_queries), TEST(store_away_is_503), TEST(ids_as_people_type_them), TEST(two_are_not_one),
        TEST(recent_is_bounded), TEST(every_action), TEST(by_tells_the_token), TEST(snooze_takes_one_time),
        TEST(bad_bodies), TEST(sizes_and_types_of_bodies), TEST(refusals_of_the_turn),
        TEST(the_answer_waits_for_the_commit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
