/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The curl transport against servers on loopback: a real one (libmicrohttpd),
 * and a bare socket that follows a script where a server has to misbehave.
 */
#include "test_transport_servers.h"

/* --- one request ---------------------------------------------------------------------------- */

struct answer {
    unsigned n;
    int status;
    bool sent;
    size_t len;
    char body[32], header[32], error[256];
    struct transport *again; /* send one more from done() */
    struct tocsin_request *req;
};

static const struct transport_options usual = { .timeout_ms = 5000, .allow_private = true };

static void
on_done(void *ctx, const struct tocsin_response *r)
{
    struct answer *a = ctx;
    const char *header = r->header(r, "x-answer");

    a->n++;
    a->status = r->status;
    a->sent = r->sent;
    a->len = r->len;
    snprintf(a->body, sizeof a->body, "%.*s", (int)(r->len < 31 ? r->len : 31), r->body);
    snprintf(a->header, sizeof a->header, "%s", header != NULL ? header : "-");
    snprintf(a->error, sizeof a->error, "%s", r->error != NULL ? r->error : "-");
    if (a->again != NULL) {
        struct transport *t = a->again;

        a->again = NULL;
        transport_send(t, a->req, &usual, on_done, a);
    }
}

static struct answer
ask_with(const char *method, const char *url, const char *body, const struct tocsin_pair *headers, size_t n_headers,
         const struct transport_options *opt)
{
    struct transport *t = transport_curl_new();
    struct tocsin_request req = { .kind = REQUEST_HTTP,
                                  .method = method,
                                  .url = url,
                                  .body = body,
                                  .body_len = body != NULL ? strlen(body) : 0,
                                  .content_type = body != NULL ? "application/json" : NULL,
                                  .headers = (struct tocsin_pair *)(uintptr_t)headers,
                                  .n_headers = n_headers };
    struct answer a = { 0 };
    int64_t until = clock_mono_ms() + 15000;

    transport_send(t, &req, opt, on_done, &a);
    while (a.n == 0 && clock_mono_ms() < until)
        transport_poll(t, 100);
    assert_int_equal(a.n, 1);
    assert_int_equal(transport_in_flight(t), 0);
    transport_free(t);
    return a;
}

static struct answer
ask(const char *url, const struct transport_options *opt)
{
    return ask_with("POST", url, "{}", NULL, 0, opt);
}

static const char *
at(char *out, const char *scheme, uint16_t port, const char *path)
{
    snprintf(out, 128, "%s://127.0.0.1:%u%s", scheme, (unsigned)port, path);
    return out;
}

/* --- tests ------------------------------------------------------------------------------------- */

static void
a_request_arrives_as_it_was_described(void **state)
{
    const struct tocsin_pair headers[] = { { "X-A", "b" } };
    char url[128];
    struct answer a = ask_with("PUT", at(url, "http", server.port, "/a%2Fb/../c"), "{\"x\":1}", headers, 1, &usual);

    (void)state;
    assert_int_equal(a.status, 200);
    assert_true(a.sent);
    assert_string_equal(a.body, "hello");
    assert_string_equal(a.header, "yes");
    assert_string_equal(server.seen, "PUT /a/b/../c X-A=b application/json {\"x\":1}");
    a = ask_with("GET", at(url, "http", server.port, "/g"), NULL, NULL, 0, &usual);
    assert_string_equal(server.seen, "GET /g X-A=- - ");
    a = ask_with("POST", at(url, "http", server.port, "/p"), NULL, NULL, 0, &usual);
    assert_string_equal(server.seen, "POST /p X-A=- - ");
    a = ask_with("POST", at(url, "http", server.port, "/teapot"), "{}", NULL, 0, &usual);
    assert_int_equal(a.status, 418);
}

/* The certificate names localhost, and not the address. */
static const char *
named(char *out, const char *path)
{
    snprintf(out, 128, "https://localhost:%u%s", (unsigned)server.tls_port, path);
    return out;
}

static void
redirects_are_not_followed(void **state)
{
    char url[128];
    struct answer a = ask(at(url, "http", server.port, "/redirect"), &usual);

    (void)state;
    assert_int_equal(a.status, 302);
    assert_string_equal(server.seen, "POST /redirect X-A=- application/json {}");
}

static void
a_long_answer_is_cut(void **state)
{
    char url[128];
    struct answer a = ask(at(url, "http", server.port, "/big"), &usual);

    (void)state;
    assert_int_equal(a.status, 200);
    assert_int_equal(a.len, TRANSPORT_BODY_MAX);
}

static void
certificates_are_verified(void **state)
{
    struct transport_options opt = usual;
    struct script mute = { .hold_ms = 600 };
    char url[128];
    struct answer a = ask(named(url, "/"), &opt);

    (void)state;
    assert_int_equal(a.status, 0);
    assert_false(a.sent);
    assert_non_null(strstr(a.error, "certificate"));
    opt.ca_file = server.ca;
    a = ask(named(url, "/"), &opt);
    assert_int_equal(a.status, 200);
    a = ask(at(url, "https", server.tls_port, "/"), &opt);
    assert_int_equal(a.status, 0);
    assert_false(a.sent);
    assert_non_null(strstr(a.error, "127.0.0.1"));
    script_start(&mute);
    opt.timeout_ms = 400;
    a = ask(at(url, "https", mute.port, "/"), &opt);
    assert_int_equal(a.status, 0);
    assert_false(a.sent);
    script_end(&mute);
}

/* Whether bytes of the request left decides between "again" and "nobody knows". */
static void
sent_or_not(void **state)
{
    struct transport_options quick = { .timeout_ms = 300, .allow_private = true };
    struct script closes = { .reads = true }, mute = { .reads = true, .hold_ms = 900 };
    struct script half = { .reads = true, .says = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc" };
    struct script noise = { .reads = true, .says = "noise\r\n\r\n" };
    struct script gone = { 0 };
    char url[128];
    struct answer a;

    (void)state;
    script_start(&gone);
    script_end(&gone);
    a = ask(at(url, "http", gone.port, "/"), &usual);
    assert_int_equal(a.status, 0);
    assert_false(a.sent);
    a = ask("http://nobody.invalid/", &usual);
    assert_int_equal(a.status, 0);
    assert_false(a.sent);
    script_start(&closes);
    a = ask(at(url, "http", closes.port, "/"), &usual);
    assert_int_equal(a.status, 0);
    assert_true(a.sent);
    script_end(&closes);
    assert_non_null(strstr(closes.got, "POST / HTTP/1.1"));
    script_start(&mute);
    a = ask(at(url, "http", mute.port, "/"), &quick);
    assert_int_equal(a.status, 0);
    assert_true(a.sent);
    assert_non_null(strstr(a.error, "timed out"));
    script_end(&mute);
    script_start(&half);
    a = ask(at(url, "http", half.port, "/"), &usual);
    assert_int_equal(a.status, 0);
    assert_true(a.sent);
    script_end(&half);
    script_start(&noise);
    a = ask(at(url, "http", noise.port, "/"), &usual);
    assert_int_equal(a.status, 0);
    assert_true(a.sent);
    script_end(&noise);
}

static void
what_cannot_start_says_so(void **state)
{
    static const struct tocsin_pair bad[] = { { "X-A", "b\r\nX-B: c" }, { "X:A", "b" }, { "", "b" } };
    char url[128];
    struct answer a;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        a = ask_with("POST", at(url, "http", server.port, "/"), "{}", &bad[i], 1, &usual);
        assert_int_equal(a.status, 0);
        assert_false(a.sent);
        assert_string_equal(a.error, "header 0 of the request is not a header");
    }
    a = ask("file:///etc/passwd", &usual);
    assert_int_equal(a.status, 0);
    assert_false(a.sent);
    a = ask("no address", &usual);
    assert_int_equal(a.status, 0);
    assert_false(a.sent);
}

static void
private_addresses_are_refused(void **state)
{
    const struct transport_options strict = { .timeout_ms = 2000 };
    char url[128];
    struct answer a = ask(at(url, "http", server.port, "/"), &strict);

    (void)state;
    assert_int_equal(a.status, 0);
    assert_false(a.sent);
    assert_string_equal(a.error, "the address is of a private network");
    snprintf(url, sizeof url, "http://localhost:%u/", server.port);
    assert_string_equal(ask(url, &strict).error, "the address is of a private network");
    snprintf(url, sizeof url, "http://[::ffff:127.0.0.1]:%u/", server.port);
    assert_string_equal(ask(url, &strict).error, "the address is of a private network");
    snprintf(url, sizeof url, "http://2130706433:%u/", server.port); /* 127.0.0.1 in disguise */
    assert_string_equal(ask(url, &strict).error, "the address is of a private network");
    snprintf(url, sizeof url, "http://0x7f.1:%u/", server.port);
    assert_string_equal(ask(url, &strict).error, "the address is of a private network");
}

static void
private_is_what_is_not_public(void **state)
{
    static const struct {
        const char *text;
        bool private;
    } cases[] = {
        { "8.8.8.8", false },
        { "10.1.2.3", true },
        { "172.15.0.1", false },
        { "172.16.0.1", true },
        { "172.31.255.255", true },
        { "172.32.0.1", false },
        { "192.168.1.1", true },
        { "169.254.169.254", true },
        { "127.9.9.9", true },
        { "0.0.0.0", true },
        { "100.64.0.1", true },
        { "100.128.0.1", false },
        { "224.0.0.1", true },
        { "255.255.255.255", true },
        { "198.18.0.1", true },
        { "192.0.2.1", false },
        { "::1", true },
        { "::", true },
        { "fe80::1", true },
        { "fd00::1", true },
        { "fc00::1", true },
        { "2001:4860::8888", false },
        { "::ffff:10.0.0.1", true },
        { "::ffff:8.8.8.8", false },
        { "64:ff9b::7f00:1", true },
        { "64:ff9b::808:808", false },
        { "2002:a00:1::", true },
        { "ff02::1", true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sockaddr_in v4 = { .sin_family = AF_INET };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
        bool is_v4 = inet_pton(AF_INET, cases[i].text, &v4.sin_addr) == 1;

        if (!is_v4)
            assert_int_equal(inet_pton(AF_INET6, cases[i].text, &v6.sin6_addr), 1);
        if (address_is_private(is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6) != cases[i].private)
            fail_msg("%s", cases[i].text);
    }
}

static void
a_proxy_is_used(void **state)
{
    struct script proxy = { .reads = true,
                            .says = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi" };
    struct script env = proxy, refuses = { .reads = true, .says = "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n" };
    struct transport_options opt = usual;
    char url[128], way[128];
    struct answer a;

    (void)state;
    script_start(&proxy);
    opt.proxy = at(way, "http", proxy.port, "");
    setenv("no_proxy", "*", 1); /* what is configured wins over the environment */
    a = ask("http://vendor.invalid/x", &opt);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "hi");
    script_end(&proxy);
    assert_non_null(strstr(proxy.got, "POST http://vendor.invalid/x HTTP/1.1"));
    script_start(&refuses);
    opt.proxy = at(way, "http", refuses.port, "");
    a = ask("https://vendor.invalid/x", &opt); /* the CONNECT left, the request did not */
    assert_int_equal(a.status, 0);
    assert_false(a.sent);
    script_end(&refuses);
    assert_non_null(strstr(refuses.got, "CONNECT vendor.invalid:443"));
    script_start(&env);
    setenv("http_proxy", at(way, "http", env.port, ""), 1);
    a = ask(at(url, "http", server.port, "/direct"), &usual);
    assert_string_equal(a.body, "hello"); /* no_proxy holds */
    unsetenv("no_proxy");
    a = ask("http://vendor.invalid/y", &usual);
    assert_string_equal(a.body, "hi");
    unsetenv("http_proxy");
    script_end(&env);
}

static void
connections_are_kept(void **state)
{
    struct transport *t = transport_curl_new();
    char url[128];
    struct tocsin_request req = { .kind = REQUEST_HTTP, .method = "GET", .url = at(url, "http", server.port, "/") };
    struct answer a = { 0 };
    unsigned before;

    (void)state;
    pthread_mutex_lock(&server.lock);
    before = server.connections;
    pthread_mutex_unlock(&server.lock);
    for (unsigned i = 0; i < 5; i++) {
        transport_send(t, &req, &usual, on_done, &a);
        while (a.n <= i)
            transport_poll(t, 1000);
    }
    assert_int_equal(server.connections - before, 1);
    a = (struct answer){ .again = t, .req = &req }; /* done() may send */
    transport_send(t, &req, &usual, on_done, &a);
    while (a.n < 2)
        transport_poll(t, 1000);
    a = (struct answer){ 0 };
    for (int i = 0; i < 100; i++)
        transport_send(t, &req, &usual, on_done, &a);
    assert_int_equal(transport_in_flight(t), 100);
    while (a.n < 100)
        transport_poll(t, 1000);
    assert_int_equal(transport_in_flight(t), 0);
    transport_send(t, &req, &usual, on_done, &a);
    transport_free(t); /* abandoned: done() is not called */
    assert_int_equal(a.n, 100);
}

static void *
wake_soon(void *arg)
{
    usleep(30000);
    transport_wake(arg);
    return NULL;
}

static void
a_wake_ends_the_wait(void **state)
{
    struct transport *t = transport_curl_new();
    int64_t begun = clock_mono_ms();
    pthread_t thread;

    (void)state;
    pthread_create(&thread, NULL, wake_soon, t);
    transport_poll(t, 10000);
    assert_in_range(clock_mono_ms() - begun, 20, 5000);
    pthread_join(thread, NULL);
    begun = clock_mono_ms();
    transport_poll(t, 30);
    assert_in_range(clock_mono_ms() - begun, 20, 5000);
    transport_free(t);
}

static void
one_document_is_fetched(void **state)
{
    struct transport_options opt = usual;
    struct arena *a = arena_new();
    struct tocsin_err err;
    const char *body = NULL;
    char url[128];
    size_t len = 0;

    (void)state;
    opt.ca_file = server.ca;
    assert_int_equal(transport_get(named(url, "/"), &opt, a, &body, &len, &err), TOCSIN_OK);
    assert_int_equal(len, 5);
    assert_string_equal(body, "hello");
    assert_int_equal(transport_get(named(url, "/teapot"), &opt, a, &body, &len, &err), TOCSIN_NOT_FOUND);
    assert_string_equal(err.what, "cannot fetch: answered 418");
    assert_int_equal(transport_get(named(url, "/redirect"), &opt, a, &body, &len, &err), TOCSIN_NOT_FOUND);
    assert_int_equal(transport_get(named(url, "/big"), &opt, a, &body, &len, &err), TOCSIN_TOO_LARGE);
    assert_int_equal(transport_get(at(url, "http", server.port, "/"), &opt, a, &body, &len, &err), TOCSIN_FORBIDDEN);
    arena_free(a);
}

static void
origins(void **state)
{
    static const char *const cases[][2] = {
        { "https://a.example/x?y#z", "https://a.example:443" },
        { "http://u:p@a.example:81", "http://a.example:81" },
        { "HTTPS://A.example", "https://A.example:443" },
        { "ftp://a.example", NULL },
        { "a.example", NULL },
        { "", NULL },
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *got = transport_origin(a, cases[i][0]);

        if (cases[i][1] == NULL)
            assert_null(got);
        else
            assert_string_equal(got, cases[i][1]);
    }
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_arrives_as_it_was_described),
        cmocka_unit_test(redirects_are_not_followed),
        cmocka_unit_test(a_long_answer_is_cut),
        cmocka_unit_test(certificates_are_verified),
        cmocka_unit_test(sent_or_not),
        cmocka_unit_test(what_cannot_start_says_so),
        cmocka_unit_test(private_addresses_are_refused),
        cmocka_unit_test(private_is_what_is_not_public),
        cmocka_unit_test(a_proxy_is_used),
        cmocka_unit_test(connections_are_kept),
        cmocka_unit_test(a_wake_ends_the_wait),
        cmocka_unit_test(one_document_is_fetched),
        cmocka_unit_test(origins),
    };

    return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
