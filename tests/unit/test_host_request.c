/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as integrations build them, Standard Webhooks signatures, macs, and what answers mean by default. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "plugin/host.h"

static const struct tocsin_host *const host = &plugin_host;

static int
setup(void **state)
{
    *state = arena_new();
    return 0;
}

static int
teardown(void **state)
{
    arena_free(*state);
    return 0;
}

/* --- parts -------------------------------------------------------------------------------- */

static void
parts(void **state)
{
    struct tocsin_request q;
    struct tocsin_err err = { 0 };

    host_request_init(&q, *state);
    assert_int_equal(q.kind, REQUEST_NONE);
    host->request_http(&q, "POST", "https://a.example/");
    for (int i = 0; i < 20; i++)
        host->request_header(&q, host->request_printf(&q, "X-%d", i), "one\r\ntwo: three");
    host->request_header(&q, "X-None", NULL);
    host->request_json(&q, json_pack("{s:s, s:[i,i]}", "text", "h\xc3\xa9", "list", 1, 2));
    assert_int_equal(q.kind, REQUEST_HTTP);
    assert_int_equal(q.n_headers, 20);
    assert_string_equal(q.headers[19].name, "X-19");
    assert_string_equal(q.headers[0].value, "one  two: three");
    assert_string_equal(q.content_type, "application/json");
    assert_string_equal(q.body, "{\"text\":\"h\xc3\xa9\",\"list\":[1,2]}");
    assert_int_equal(q.body_len, strlen(q.body));
    assert_int_equal(host_request_seal(&q, 1, &err), TOCSIN_OK);
    assert_int_equal(q.n_headers, 20);
}

static void
broken_parts(void **state)
{
    struct tocsin_request q;
    struct tocsin_err err = { 0 };

    host_request_init(&q, *state);
    host->request_json(&q, json_pack("{s:s}", "text", "\xff"));      /* not UTF-8: jansson makes nothing of it */
    assert_int_equal(host_request_seal(&q, 1, &err), TOCSIN_INTERNAL);
    assert_string_equal(err.what, "the document could not be made");
    host_request_init(&q, *state);
    host->request_header(&q, "X Y", "v");
    assert_int_equal(host_request_seal(&q, 1, &err), TOCSIN_INTERNAL);
    assert_string_equal(err.what, "'X Y' is no name of a header");
}

static void
texts(void **state)
{
    struct tocsin_request q;

    host_request_init(&q, *state);
    assert_string_equal(host->request_escape(&q, "a b/c?d=\xc3\xa9&~-._"), "a%20b%2Fc%3Fd%3D%C3%A9%26~-._");
    assert_string_equal(host->request_escape(&q, ""), "");
    assert_string_equal(host->request_cut(&q, "h\xc3\xa9llo", 5), "h\xc3\xa9llo");
    assert_string_equal(host->request_cut(&q, "h\xc3\xa9llo!", 5), "h\xc3\xa9ll\xe2\x80\xa6");
    assert_string_equal(host->request_cut_bytes(&q, "h\xc3\xa9llo!", 6), "h\xc3\xa9\xe2\x80\xa6");
    assert_string_equal(host->request_time(&q, 1769860800123), "2026-01-31T12:00:00.123Z");
    assert_string_equal(host->request_time(&q, 0), "");
    host->request_log(&q, "a line\x1b with an escape");
    assert_int_equal(q.kind, REQUEST_LOG);
    assert_string_equal(q.line, "a line\xef\xbf\xbd with an escape");
    assert_string_equal(host->severity_name(TOCSIN_CRITICAL), "critical");
    assert_int_equal(host->severity_of(NULL), TOCSIN_SEV_NONE);
    assert_int_equal(host->time_of(NULL), 0);
    assert_int_equal(host->time_of("0001-01-01T00:00:00Z"), 0);
    assert_int_equal(host->time_of("2026-01-31T13:00:00+01:00"), 1769860800000);
}

/* --- signatures ------------------------------------------------------------------------------ */

static const char *
header_of(const struct tocsin_request *q, const char *name)
{
    for (size_t i = 0; i < q->n_headers; i++)
        if (strcasecmp(q->headers[i].name, name) == 0)
            return q->headers[i].value;
    return NULL;
}

/*
 * Vectors made with: printf '%s' 'inc-1.1769860800.{"a":1}' | openssl dgst -sha256 -mac HMAC
 * -macopt hexkey:<key> -binary | base64, for the keys 000102...1f (in base64 behind whsec_) and "plain".
 */
static void
standard_webhooks(void **state)
{
    static const struct { const char *secret, *signature; } cases[] = {
        { "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "v1,CkfDB66ARx+uXNEcPP740NOKTNkTBKhfbFOvjvJFSVo=" },
        { "plain", "v1,NE+ygcuERQ3BzmseSzd63nzSZIcZY+hwaNFqRJxbml4=" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tocsin_request q;
        struct tocsin_err err = { 0 };

        host_request_init(&q, *state);
        host->request_http(&q, "POST", "https://a.example/");
        host->request_body(&q, "application/json", "{\"a\":1}", 7);
        host->request_sign(&q, cases[i].secret, "inc-1");
        assert_int_equal(host_request_seal(&q, 1769860800999, &err), TOCSIN_OK);
        assert_string_equal(header_of(&q, "webhook-id"), "inc-1");
        assert_string_equal(header_of(&q, "webhook-timestamp"), "1769860800");
        assert_string_equal(header_of(&q, "webhook-signature"), cases[i].signature);
        assert_int_equal(host_request_seal(&q, 1769860800999, &err), TOCSIN_OK);
        assert_int_equal(q.n_headers, 3);
    }
}

static void
standard_webhooks_bad_secret(void **state)
{
    struct tocsin_request q;
    struct tocsin_err err = { 0 };

    host_request_init(&q, *state);
    host->request_sign(&q, "whsec_!!", "inc-1");
    assert_int_equal(host_request_seal(&q, 1, &err), TOCSIN_BAD_CONFIG);
    assert_string_equal(err.what, "expected base64 behind 'whsec_'");
    assert_int_equal(q.n_headers, 0);
}

static void
hmac(void **state)
{
    static const char key[] = "Jefe", data[] = "what do ya want for nothing?";   /* RFC 4231, test case 2 */
    static const char hex[] = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    static const char base64[] = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=";
    char raw[32], upper[65];

    (void)state;
    for (size_t i = 0; i < 32; i++) {
        unsigned byte = 0;

        for (size_t j = 0; j < 2; j++)
            byte = byte * 16 + (unsigned)(hex[2 * i + j] <= '9' ? hex[2 * i + j] - '0' : hex[2 * i + j] - 'a' + 10);
        raw[i] = (char)byte;
    }
    for (size_t i = 0; i < sizeof upper; i++)
        upper[i] = hex[i] >= 'a' ? (char)(hex[i] - 32) : hex[i];
    assert_true(host->hmac_sha256_ok(key, 4, data, 28, hex, 64));
    assert_true(host->hmac_sha256_ok(key, 4, data, 28, upper, 64));
    assert_true(host->hmac_sha256_ok(key, 4, data, 28, base64, 44));
    assert_true(host->hmac_sha256_ok(key, 4, data, 28, raw, 32));
    assert_false(host->hmac_sha256_ok(key, 3, data, 28, hex, 64));
    assert_false(host->hmac_sha256_ok(key, 4, data, 27, hex, 64));
    assert_false(host->hmac_sha256_ok(key, 4, data, 28, hex, 63));
    assert_false(host->hmac_sha256_ok(key, 4, data, 28, "", 0));
    assert_false(host->hmac_sha256_ok(key, 4, data, 28, "zz", 2));
    upper[63] = 'G';
    assert_false(host->hmac_sha256_ok(key, 4, data, 28, upper, 64));
    raw[31] ^= 1;
    assert_false(host->hmac_sha256_ok(key, 4, data, 28, raw, 32));
}

/* --- answers ------------------------------------------------------------------------------------ */

static const char *
retry_after(const struct tocsin_response *r, const char *name)
{
    return strcasecmp(name, "retry-after") == 0 ? r->host_data : NULL;
}

static void
default_outcome(void **state)
{
    static const struct {
        int status;
        bool sent;
        const char *error, *retry_after;
        enum tocsin_verdict verdict;
        int64_t delay_ms;
        const char *reason;
    } cases[] = {
        { 200, true, NULL, NULL, TOCSIN_DELIVERED, 0, "200 OK" },
        { 202, true, NULL, "9", TOCSIN_DELIVERED, 0, "202 Accepted" },
        { 299, true, NULL, NULL, TOCSIN_DELIVERED, 0, "299" },
        { 301, true, NULL, NULL, TOCSIN_REJECTED, 0, "301 Moved Permanently" },
        { 400, true, NULL, NULL, TOCSIN_REJECTED, 0, "400 Bad Request" },
        { 418, true, NULL, NULL, TOCSIN_REJECTED, 0, "418" },
        { 408, true, NULL, NULL, TOCSIN_RETRY, 0, "408 Request Timeout" },
        { 429, true, NULL, "7", TOCSIN_RETRY, 7000, "429 Too Many Requests" },
        { 429, true, NULL, "0", TOCSIN_RETRY, 0, "429 Too Many Requests" },
        { 429, true, NULL, "-7", TOCSIN_RETRY, 0, "429 Too Many Requests" },
        { 429, true, NULL, "-99999999999999999999", TOCSIN_RETRY, 0, "429 Too Many Requests" },
        { 429, true, NULL, "soon", TOCSIN_RETRY, 0, "429 Too Many Requests" },
        { 503, true, NULL, "Sat, 31 Jan 2026 12:00:30 GMT", TOCSIN_RETRY, 30000, "503 Service Unavailable" },
        { 503, true, NULL, "Sat, 31 Jan 2026 11:00:30 GMT", TOCSIN_RETRY, 0, "503 Service Unavailable" },
        { 503, true, NULL, "99999999999999999999", TOCSIN_RETRY, 86400000, "503 Service Unavailable" },
        { 599, true, NULL, NULL, TOCSIN_RETRY, 0, "599" },
        { 0, false, "could not resolve host", NULL, TOCSIN_RETRY, 0, "could not resolve host" },
        { 0, true, "timed out", NULL, TOCSIN_UNCERTAIN, 0, "timed out" },
        { 0, true, NULL, NULL, TOCSIN_UNCERTAIN, 0, "no answer" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tocsin_response r = { .status = cases[i].status,
                                     .sent = cases[i].sent,
                                     .error = cases[i].error,
                                     .body = "",
                                     .header = retry_after,
                                     .host_data = cases[i].retry_after };
        struct tocsin_outcome o;

        memset(&o, 0x55, sizeof o);
        host_outcome_default(&r, 1769860800000, &o);
        assert_int_equal(o.verdict, cases[i].verdict);
        assert_int_equal(o.delay_ms, cases[i].delay_ms);
        assert_string_equal(o.reason, cases[i].reason);
        assert_string_equal(o.vendor_ref, "");
        assert_string_equal(o.carry, "");
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(parts),
    cmocka_unit_test(broken_parts),
    cmocka_unit_test(texts),
    cmocka_unit_test(standard_webhooks),
    cmocka_unit_test(standard_webhooks_bad_secret),
    cmocka_unit_test(hmac),
    cmocka_unit_test(default_outcome),
};

int
main(void)
{
    return cmocka_run_group_tests_name("host_request", tests, setup, teardown);
}
