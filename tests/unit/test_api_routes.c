/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: method, path and role to status; the marks of a stranger behind a loopback address. */
#include "unit/api_world.h"

static const char *const secrets[] = { NULL, "viewer-secret", "responder-secret", "admin-secret", "wrong", "" };

/* One digit group a column: status without a token, viewer, responder, admin, wrong token, empty token. */
static const struct {
    const char *method, *path, *body;
    int status[6];
} with_tokens[] = {
    { "GET", "/", NULL, { 200, 200, 200, 200, 200, 200 } },
    { "HEAD", "/-/healthy", NULL, { 200, 200, 200, 200, 200, 200 } },
    { "GET", "/-/ready", NULL, { 200, 200, 200, 200, 200, 200 } },
    { "POST", "/-/reload", NULL, { 401, 403, 403, 200, 401, 401 } },
    { "GET", "/-/reload", NULL, { 405, 405, 405, 405, 405, 405 } },
    { "GET", "/v1/incidents", NULL, { 401, 200, 200, 200, 401, 401 } },
    { "HEAD", "/v1/incidents", NULL, { 401, 200, 200, 200, 401, 401 } },
    { "POST", "/v1/incidents", NULL, { 405, 405, 405, 405, 405, 405 } },
    { "GET", "/v1/incidents/019b76da-a800-7000-8000-0000000000a1", NULL, { 401, 200, 200, 200, 401, 401 } },
    { "POST", "/v1/incidents/019b76da-a800-7000-8000-0000000000a1/ack", NULL, { 401, 403, 200, 200, 401, 401 } },
    { "GET", "/v1/incidents/019b76da-a800-7000-8000-0000000000a1/ack", NULL, { 405, 405, 405, 405, 405, 405 } },
    { "POST", "/v1/incidents/019b76da-a800-7000-8000-0000000000a1/note", "{\"note\":\"x\"}",
      { 401, 403, 200, 200, 401, 401 } },
    { "POST", "/v1/incidents/019b76da-a800-7000-8000-0000000000a1/delete", NULL, { 404, 404, 404, 404, 404, 404 } },
    { "GET", "/v1/alerts", NULL, { 401, 200, 200, 200, 401, 401 } },
    { "DELETE", "/v1/alerts", NULL, { 405, 405, 405, 405, 405, 405 } },
    { "GET", "/v1/silences", NULL, { 401, 200, 200, 200, 401, 401 } },
    { "POST", "/v1/silences", "{}", { 401, 403, 422, 422, 401, 401 } },
    { "DELETE", "/v1/silences/x", NULL, { 401, 403, 404, 404, 401, 401 } },
    { "GET", "/api/v2/silences", NULL, { 401, 200, 200, 200, 401, 401 } },
    { "POST", "/api/v2/silences", "{}", { 401, 403, 422, 422, 401, 401 } },
    { "DELETE", "/api/v2/silence/x", NULL, { 401, 403, 422, 422, 401, 401 } },
    { "OPTIONS", "/api/v2/alerts", NULL, { 405, 405, 405, 405, 405, 405 } },     /* a browser asks otherwise */
    { "GET", "/api/v2/silences/", NULL, { 401, 200, 200, 200, 401, 401 } },
    { "GET", "/api/v2/nothing", NULL, { 404, 404, 404, 404, 404, 404 } },
    { "GET", "/api/v1/alerts", NULL, { 410, 410, 410, 410, 410, 410 } },
    { "GET", "/v1/notifiers", NULL, { 401, 200, 200, 200, 401, 401 } },
    { "GET", "/v1/collectors", NULL, { 401, 200, 200, 200, 401, 401 } },
    { "GET", "/v1/version", NULL, { 401, 200, 200, 200, 401, 401 } },
    { "GET", "/v1/openapi.json", NULL, { 401, 200, 200, 200, 401, 401 } },
    { "GET", "/metrics", NULL, { 200, 200, 200, 200, 200, 200 } },          /* from this machine */
    { "POST", "/v1/in/web", "[]", { 202, 202, 202, 202, 202, 202 } },       /* the collector authenticates */
    { "GET", "/v1/in/web", NULL, { 202, 202, 202, 202, 202, 202 } },         /* and says which methods it takes */
    { "OPTIONS", "/v1/in/web", NULL, { 202, 202, 202, 202, 202, 202 } },
    { "OPTIONS", "/v1/in/", NULL, { 404, 404, 404, 404, 404, 404 } },
    { "OPTIONS", "/v1/in/a/b", NULL, { 404, 404, 404, 404, 404, 404 } },
    { "POST", "/v1/in/", NULL, { 404, 404, 404, 404, 404, 404 } },
    { "POST", "/v1/in/a/b", NULL, { 404, 404, 404, 404, 404, 404 } },
    { "GET", "/v1", NULL, { 404, 404, 404, 404, 404, 404 } },
    { "GET", "/v1/incidents/", NULL, { 404, 404, 404, 404, 404, 404 } },
    { "GET", "//", NULL, { 404, 404, 404, 404, 404, 404 } },
    { "GET", "/v1/config", NULL, { 404, 404, 404, 404, 404, 404 } },
    { "BREW", "/", NULL, { 405, 405, 405, 405, 405, 405 } },
};

static void
check(const char *method, const char *path, const char *body, const char *secret, int want)
{
    struct http_request *r = ask(method, path, secret, body);

    if (r->status != want)
        print_error("%s %s with '%s': got %d, expected %d\n", method, path, secret != NULL ? secret : "(none)",
                    r->status, want);
    assert_int_equal(r->status, want);
    assert_int_equal(r->answers, 1);
    if (r->status >= 400 && strncmp(path, "/api/", 5) != 0)    /* those say it as their clients expect */
        assert_string_equal(r->reply_type, "application/problem+json");
    fake_request_free(r);
}

static void
roles_with_tokens(void **state)
{
    (void)state;
    conf.tokens = tokens;
    conf.n_tokens = 3;
    for (size_t i = 0; i < sizeof with_tokens / sizeof with_tokens[0]; i++)
        for (size_t k = 0; k < 6; k++)
            check(with_tokens[i].method, with_tokens[i].path, with_tokens[i].body, secrets[k],
                  with_tokens[i].status[k]);
}

static void
local_is_admin_without_tokens(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof with_tokens / sizeof with_tokens[0]; i++)
        check(with_tokens[i].method, with_tokens[i].path, with_tokens[i].body, NULL, with_tokens[i].status[3]);
}

/* With a loopback address alone nobody is local. */
static void
strangers_without_tokens(void **state)
{
    static const struct {
        const char *peer, *header, *value;
        int status;
    } cases[] = {
        { "127.0.0.1", NULL, NULL, 200 },
        { "::1", NULL, NULL, 200 },
        { "192.0.2.1", NULL, NULL, 401 },
        { "2001:db8::1", NULL, NULL, 401 },
        { "127.0.0.1", "Host", "127.0.0.1:9096", 200 },
        { "127.0.0.1", "Host", "[::1]:9096", 200 },
        { "127.0.0.1", "Host", "localhost:9096", 200 },
        { "127.0.0.1", "Host", "evil.example:9096", 401 },
        { "127.0.0.1", "Host", "", 401 },
        { "127.0.0.1", "X-Forwarded-For", "192.0.2.1", 401 },
        { "127.0.0.1", "Forwarded", "for=192.0.2.1", 401 },
        { "127.0.0.1", "X-Real-IP", "192.0.2.1", 401 },
        { "127.0.0.1", "Origin", "https://evil.example", 401 },
        { "127.0.0.1", "Origin", "null", 401 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request *r = fake_request("GET", "/v1/incidents", NULL);

        r->peer = cases[i].peer;
        if (cases[i].header != NULL)
            fake_header(r, cases[i].header, cases[i].value);
        api_handle(api, r);
        assert_int_equal(r->status, cases[i].status);
        fake_request_free(r);
    }
}

static void
own_page_is_local(void **state)
{
    struct http_request *r = fake_request("GET", "/v1/incidents", NULL);

    (void)state;
    fake_header(r, "Host", "localhost:9096");
    fake_header(r, "Origin", "http://localhost:9096");
    api_handle(api, r);
    assert_int_equal(r->status, 200);
    fake_request_free(r);
}

static void
metrics_need_a_viewer_from_afar(void **state)
{
    struct http_request *r = fake_request("GET", "/metrics", NULL);

    (void)state;
    conf.tokens = tokens;
    conf.n_tokens = 3;
    r->peer = "192.0.2.1";
    api_handle(api, r);
    assert_int_equal(r->status, 401);
    fake_request_free(r);
    r = fake_request("GET", "/metrics", NULL);
    r->peer = "192.0.2.1";
    fake_header(r, "Authorization", "bearer  viewer-secret");
    api_handle(api, r);
    assert_int_equal(r->status, 200);
    fake_request_free(r);
}

static void
other_schemes_are_no_token(void **state)
{
    static const char *const headers[] = { "Basic dmlld2VyLXNlY3JldA==", "viewer-secret", "Bearer",
                                           "Bearer viewer-secret ", "Bearer viewer-secre",
                                           "Bearer Viewer-secret", "Bearer viewer-secret,x" };

    (void)state;
    conf.tokens = tokens;
    conf.n_tokens = 3;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct http_request *r = fake_request("GET", "/v1/incidents", NULL);

        fake_header(r, "Authorization", headers[i]);
        api_handle(api, r);
        assert_int_equal(r->status, 401);
        assert_null(strstr(r->reply, "secret"));
        fake_request_free(r);
    }
}

static void
an_empty_secret_opens_nothing(void **state)
{
    static struct conf_token empty[] = { { "empty", "", ROLE_ADMIN } };
    struct http_request *r;

    (void)state;
    conf.tokens = empty;
    conf.n_tokens = 1;
    r = ask("GET", "/v1/incidents", "", NULL);
    assert_int_equal(r->status, 401);
    fake_request_free(r);
}

static void
allow_names_the_methods(void **state)
{
    struct http_request *r = ask("DELETE", "/v1/incidents", NULL, NULL);

    (void)state;
    assert_string_equal(fake_reply_header(r, "Allow"), "GET, HEAD");
    assert_json(r, "{\"type\":\"about:blank\",\"title\":\"method not allowed\",\"status\":405,"
                   "\"detail\":\"this path takes GET, HEAD\",\"where\":\"method\"}");
    fake_request_free(r);
    r = ask("GET", "/-/reload", NULL, NULL);
    assert_string_equal(fake_reply_header(r, "Allow"), "POST");
    fake_request_free(r);
}

static void
webhook_gets_the_name(void **state)
{
    struct http_request *r = ask("POST", "/v1/in/tr%61ining", NULL, "{}");

    (void)state;
    assert_string_equal(webhook_name, "training");
    fake_request_free(r);
    r = ask("OPTIONS", "/v1/in/clo%75d", NULL, NULL);
    assert_string_equal(webhook_name, "cloud");
    fake_request_free(r);
}

static void
foreign_paths_are_intakes(void **state)
{
    struct http_request *r = ask("POST", "/foreign/path", NULL, "{}");

    (void)state;
    assert_int_equal(r->status, 299);
    fake_request_free(r);
    r = ask("POST", "/foreign/other", NULL, "{}");
    assert_int_equal(r->status, 404);
    fake_request_free(r);
    assert_int_equal(api_limit(api, "POST", "/foreign/path"), 777);
}

static void
bodies_are_limited(void **state)
{
    (void)state;
    assert_int_equal(api_limit(api, "POST", "/v1/in/web"), 0);
    assert_int_equal(api_limit(api, "POST", "/v1/incidents/x/ack"), 65536);
    assert_int_equal(api_limit(api, "POST", "/nowhere"), 65536);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(roles_with_tokens), TEST(local_is_admin_without_tokens), TEST(strangers_without_tokens),
        TEST(own_page_is_local), TEST(metrics_need_a_viewer_from_afar), TEST(other_schemes_are_no_token),
        TEST(an_empty_secret_opens_nothing), TEST(allow_names_the_methods), TEST(webhook_gets_the_name),
        TEST(foreign_paths_are_intakes), TEST(bodies_are_limited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
