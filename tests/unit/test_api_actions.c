/* SPDX-License-Identifier: Apache-2.0 */
/* What people do to an incident over REST: each action, what is refused and why, and that the answer waits. */
#include "unit/api_world.h"

#include "base/xalloc.h"
#include "os/clock.h"

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
    char *big = xcalloc(1, 70000);
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
        TEST(every_action), TEST(by_tells_the_token), TEST(snooze_takes_one_time), TEST(bad_bodies),
        TEST(sizes_and_types_of_bodies), TEST(refusals_of_the_turn), TEST(the_answer_waits_for_the_commit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
