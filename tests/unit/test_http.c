/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server with good and hostile requests, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"
#include "http/http.h"
#include "lib/raw_http.h"

static struct http_server *server;
static uint16_t port;

enum { BODY_MAX = 1000, HEADER_MAX = 4096 };

/* What the handler saw, as JSON. */
static void
show(struct http_request *r)
{
    const char **list;
    size_t len, n = http_query_all(r, "f", &list);
    const char *body = http_body(r, &len);
    json_t *all = json_array();

    assert_int_equal(body[len], 0);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(all, json_string(list[i]));
    http_reply_json(r, 200, json_pack("{s:s, s:s, s:s, s:s%, s:s?, s:s?, s:s?, s:o, s:s, s:b}",
                                      "method", http_method(r), "path", http_path(r), "raw", http_raw_path(r),
                                      "body", body, len, "type", http_content_type(r), "x", http_header(r, "x-a"),
                                      "q", http_query(r, "q"), "f", all, "peer", http_peer(r),
                                      "loopback", http_peer_is_loopback(r)));
}

static void
handle(void *ctx, struct http_request *r)
{
    struct tocsin_err err;

    (void)ctx;
    if (strcmp(http_path(r), "/forget") == 0)
        return;
    if (strcmp(http_path(r), "/problem") == 0) {
        err_set(&err, (enum tocsin_rc)atoi(http_query(r, "rc")), "$.a[0]", "no such '%s'", "thing");
        http_reply_problem(r, &err);
        return;
    }
    if (strcmp(http_path(r), "/405") == 0) {
        err_set(&err, TOCSIN_BAD_INPUT, "", "only POST");
        http_reply_header(r, "Allow", "POST");
        http_reply_problem_as(r, 405, &err);
        return;
    }
    if (strcmp(http_path(r), "/204") == 0) {
        http_reply(r, 204, NULL, NULL, 0);
        return;
    }
    show(r);
}

static int64_t
limit(void *ctx, const char *method, const char *path)
{
    (void)ctx;
    (void)method;
    return strcmp(path, "/small") == 0 ? 10 : 0;
}

/* One path words its refusals itself, with a status of its own; nothing is to be seen of the body. */
static void
word(void *ctx, struct http_request *r, int status, const struct tocsin_err *err)
{
    char text[1024];
    size_t n = 99;

    (void)ctx;
    if (strcmp(http_path(r), "/own") != 0)
        return;
    assert_string_equal(http_body(r, &n), "");
    assert_int_equal(n, 0);
    snprintf(text, sizeof text, "own words for %d and %d: %s", status, (int)err->rc, err->what);
    http_reply(r, status == 400 ? 422 : status, "text/plain", text, strlen(text));
}

static int
start(void **state)
{
    struct http_options opt = {
        .listen = "127.0.0.1:0", .body_max = BODY_MAX, .header_max = HEADER_MAX, .connections_max = 100,
        .per_ip_max = 50, .header_timeout_ms = 20000, .body_timeout_ms = 20000, .idle_timeout_ms = 20000, .threads = 2,
        .word = word,
    };
    struct tocsin_err err;

    (void)state;
    if (http_server_start(&opt, handle, limit, NULL, &server, &err) != TOCSIN_OK) {
        print_error("%s\n", err.what);
        return 1;
    }
    port = http_server_port(server);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    http_server_stop(server, 1000);
    return 0;
}

#define H "Host: a\r\n"
#define S(text) text, sizeof text - 1

static const struct {
    const char *name;
    const char *bytes; size_t n;
    int status;                    /* 0: closed without an answer */
    bool closes;
    const char *part;              /* stands in the body */
} rows[] = {
    /* fine */
    { "get", S("GET /a HTTP/1.1\r\n" H "\r\n"), 200, false, "\"path\":\"/a\"" },
    { "1.0 without host", S("GET /a HTTP/1.0\r\n\r\n"), 200, true, "\"path\":\"/a\"" },
    { "1.0 keep-alive", S("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), 200, false, "\"path\":\"/a\"" },
    { "close asked for", S("GET /a HTTP/1.1\r\n" H "Connection: close\r\n\r\n"), 200, true, "/a" },
    { "post", S("POST /a HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc"), 200, false, "\"body\":\"abc\"" },
    { "nul in the body", S("POST /a HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\na\0c"), 200, false, "a\\u0000c" },
    { "put", S("PUT /a HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nx"), 200, false, "\"method\":\"PUT\"" },
    { "empty post", S("POST /a HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n"), 200, false, "\"body\":\"\"" },
    { "head is a get without body", S("HEAD /a HTTP/1.1\r\n" H "\r\n"), 200, false, "" },
    { "chunked", S("POST /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"),
      200, false, "\"body\":\"abcde\"" },
    { "chunked with trailer",
      S("POST /a HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\nX-A: t\r\n\r\n"),
      200, false, "\"x\":null" },
    { "absolute form", S("GET http://h.example:80/p/q?q=1 HTTP/1.1\r\n" H "\r\n"), 200, false, "\"path\":\"/p/q\"" },
    { "absolute form without path", S("GET http://h.example?q=1 HTTP/1.1\r\n" H "\r\n"), 200, false, "\"path\":\"/\"" },
    { "escapes and query", S("GET /a%2Fb%20c?q=x+y%26&f=1&f=2&f HTTP/1.1\r\n" H "\r\n"), 200, false,
      "\"path\":\"/a/b c\",\"raw\":\"/a%2Fb%20c\"" },
    { "decoded query", S("GET /?q=x+y%26&f=1&f=2&f HTTP/1.1\r\n" H "\r\n"), 200, false,
      "\"q\":\"x y&\",\"f\":[\"1\",\"2\",\"\"]" },
    { "header is found in any case, without blanks", S("GET / HTTP/1.1\r\n" H "X-a: \t v w \t\r\n\r\n"), 200, false,
      "\"x\":\"v w\"" },
    { "media type", S("POST / HTTP/1.1\r\n" H "Content-Type: Application/JSON; charset=x\r\nContent-Length: 0\r\n\r\n"),
      200, false, "\"type\":\"application/json\"" },
    { "empty line before the request", S("\r\nGET /a HTTP/1.1\r\n" H "\r\n"), 200, false, "/a" },
    { "options *", S("OPTIONS * HTTP/1.1\r\n" H "\r\n"), 200, false, "\"path\":\"*\"" },
    { "peer", S("GET / HTTP/1.1\r\n" H "\r\n"), 200, false, "\"peer\":\"127.0.0.1\",\"loopback\":true" },
    { "no content", S("GET /204 HTTP/1.1\r\n" H "\r\n"), 204, false, "" },
    { "problem", S("GET /problem?rc=2 HTTP/1.1\r\n" H "\r\n"), 422, false,
      "{\"type\":\"about:blank\",\"title\":\"request makes no sense\",\"status\":422,\"detail\":\"no such 'thing'\","
      "\"where\":\"$.a[0]\"}" },
    { "problem with another status", S("GET /405 HTTP/1.1\r\n" H "\r\n"), 405, false,
      "\"title\":\"method not allowed\",\"status\":405" },
    { "forgotten by the handler", S("GET /forget HTTP/1.1\r\n" H "\r\n"), 500, false, "forgotten" },
    /* framing */
    { "length and coding",
      S("POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
      400, true, "Content-Length" },
    { "coding and length",
      S("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
      400, true, "Content-Length" },
    { "two lengths", S("POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), 400, true,
      "'Content-Length' is there twice" },
    { "two equal lengths",
      S("POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"), 400, true, "twice" },
    { "length list", S("POST / HTTP/1.1\r\n" H "Content-Length: 3, 3\r\n\r\nabc"), 400, true, "" },
    { "length with plus", S("POST / HTTP/1.1\r\n" H "Content-Length: +3\r\n\r\nabc"), 400, true, "" },
    { "negative length", S("POST / HTTP/1.1\r\n" H "Content-Length: -3\r\n\r\nabc"), 400, true, "" },
    { "hex length", S("POST / HTTP/1.1\r\n" H "Content-Length: 0x3\r\n\r\nabc"), 400, true, "" },
    { "empty length", S("POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\nabc"), 400, true, "" },
    { "length over 64 bits",
      S("POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\nabc"), 413, true, "" },
    { "length of nearly 64 bits",
      S("POST / HTTP/1.1\r\n" H "Content-Length: 9999999999999999999\r\n\r\nabc"), 413, true, "" },
    { "two codings",
      S("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
      400, true, "twice" },
    { "coding list",
      S("POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 501, true, "chunked" },
    { "unknown coding", S("POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\nabc"), 501, true, "chunked" },
    { "chunked in 1.0",
      S("POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400, true, "HTTP/1.0" },
    { "bad chunk size",
      S("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"), 400, true, "" },
    { "chunk size with sign",
      S("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n"), 400, true, "" },
    { "chunk longer than its size",
      S("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n"),
      400, true, "" },
    { "chunk size over 64 bits",
      S("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc"),
      413, true, "" },
    { "blank before the colon",
      S("POST / HTTP/1.1\r\n" H "Content-Length : 3\r\n\r\nabc"), 400, true, "header line 2" },
    { "tab before the colon",
      S("POST / HTTP/1.1\r\n" H "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"), 400, true, "" },
    { "continued line", S("GET / HTTP/1.1\r\n" H "X-A: a\r\n b\r\n\r\n"), 400, true, "continued" },
    { "continued line with tab", S("GET / HTTP/1.1\r\nX-A: a\r\n\tb\r\n" H "\r\n"), 400, true, "continued" },
    { "continued length", S("POST / HTTP/1.1\r\n" H "Content-Length: 1\r\n 0\r\n\r\nabcdefghij"), 400, true, "" },
    { "first line continued", S("GET / HTTP/1.1\r\n " H "\r\n"), 400, true, "" },
    { "bare lf after a header", S("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"), 400, true, "CR LF" },
    { "bare lf after the request line", S("GET / HTTP/1.1\n" H "\r\n"), 400, true, "CR LF" },
    { "bare lf at the end", S("GET / HTTP/1.1\r\nHost: a\r\n\n"), 400, true, "CR LF" },
    { "bare cr in a value", S("GET / HTTP/1.1\r\n" H "X-A: a\rb\r\n\r\n"), 400, true, "" },
    { "nul in a value", S("GET / HTTP/1.1\r\n" H "X-A: a\0b\r\n\r\n"), 400, true, "NUL" },
    { "nul in the last value", S("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n"), 400, true, "NUL" },
    { "nul in a name", S("GET / HTTP/1.1\r\n" H "X\0A: b\r\n\r\n"), 400, true, "" },
    { "nul in the target", S("GET /a\0b HTTP/1.1\r\n" H "\r\n"), 400, true, "NUL" },
    { "control character in a value", S("GET / HTTP/1.1\r\n" H "X-A: a\x01\r\n\r\n"), 400, true, "" },
    { "no colon", S("GET / HTTP/1.1\r\n" H "nonsense\r\n\r\n"), 400, true, "" },
    { "empty name", S("GET / HTTP/1.1\r\n" H ": x\r\n\r\n"), 400, true, "" },
    { "name with a bracket", S("GET / HTTP/1.1\r\n" H "X(A): x\r\n\r\n"), 400, true, "" },
    { "no host", S("GET / HTTP/1.1\r\n\r\n"), 400, true, "'Host'" },
    { "two hosts", S("GET / HTTP/1.1\r\n" H "Host: b\r\n\r\n"), 400, true, "'Host' is there twice" },
    { "two authorizations",
      S("GET / HTTP/1.1\r\n" H "Authorization: a\r\nauthorization: b\r\n\r\n"), 400, true, "twice" },
    /* request line */
    { "trace", S("TRACE / HTTP/1.1\r\n" H "\r\n"), 501, true, "TRACE" },
    { "connect", S("CONNECT a:1 HTTP/1.1\r\n" H "\r\n"), 501, true, "CONNECT" },
    { "unknown method", S("BREW / HTTP/1.1\r\n" H "\r\n"), 501, true, "BREW" },
    { "method in lower case", S("get / HTTP/1.1\r\n" H "\r\n"), 501, true, "" },
    { "no version", S("GET /\r\n\r\n"), 400, true, "" },
    { "old version", S("GET / HTTP/0.9\r\n\r\n"), 505, true, "" },
    { "new version", S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505, true, "" },
    { "bad version", S("GET / HTTP/1.x\r\n" H "\r\n"), 400, true, "" },
    { "lower case version", S("GET / http/1.1\r\n" H "\r\n"), 400, true, "" },
    { "two blanks", S("GET  / HTTP/1.1\r\n" H "\r\n"), 400, true, "" },
    { "blank in the target", S("GET /a b HTTP/1.1\r\n" H "\r\n"), 400, true, "control" },
    { "one word", S("GARBAGE\r\n\r\n"), 0, true, "" },
    { "a TLS greeting", S("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"), 0, true, "" },
    { "no slash", S("GET a HTTP/1.1\r\n" H "\r\n"), 400, true, "neither a path" },
    { "star", S("GET * HTTP/1.1\r\n" H "\r\n"), 400, true, "" },
    { "other scheme", S("GET ftp://a/ HTTP/1.1\r\n" H "\r\n"), 400, true, "" },
    { "bad escape", S("GET /%zz HTTP/1.1\r\n" H "\r\n"), 400, true, "hex" },
    { "cut escape", S("GET /a%2 HTTP/1.1\r\n" H "\r\n"), 400, true, "hex" },
    { "escaped nul", S("GET /a%00b HTTP/1.1\r\n" H "\r\n"), 400, true, "NUL" },
    { "escaped nul in the query", S("GET /?q=%00 HTTP/1.1\r\n" H "\r\n"), 400, true, "NUL" },
    { "tab in the target", S("GET /a\tb HTTP/1.1\r\n" H "\r\n"), 400, true, "control" },
    /* expectations, codings, limits */
    { "unknown expectation", S("POST / HTTP/1.1\r\n" H "Expect: cake\r\nContent-Length: 1\r\n\r\nx"), 417, true, "" },
    { "unknown content coding",
      S("POST / HTTP/1.1\r\n" H "Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx"), 415, false,
      "'br'" },
    { "two content codings",
      S("POST / HTTP/1.1\r\n" H "Content-Encoding: gzip, gzip\r\nContent-Length: 1\r\n\r\nx"), 415, false,
      "" },
    { "damaged gzip", S("POST / HTTP/1.1\r\n" H "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd"), 400, false,
      "damaged" },
    { "identity",
      S("POST / HTTP/1.1\r\n" H "Content-Encoding: identity\r\nContent-Length: 1\r\n\r\nx"), 200, false, "x" },
    { "damaged gzip, in own words", S("POST /own HTTP/1.1\r\n" H "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd"),
      422, false, "own words for 400 and 1: the body is not what it says" },
    { "unknown packing, in own words", S("POST /own HTTP/1.1\r\n" H "Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx"),
      415, false, "own words for 415 and 8: 'br' is not known" },
    { "length over the limit, in own words", S("POST /own HTTP/1.1\r\n" H "Content-Length: 1001\r\n\r\n"), 413, true,
      "own words for 413 and 7: the body has 1001 bytes" },
    { "framing in doubt has no other words",
      S("POST /own HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx"), 400, true, "" },
    { "body over the path's limit", S("POST /small HTTP/1.1\r\n" H "Content-Length: 11\r\n\r\nabcdefghijk"), 413, true,
      "the limit is 10" },
    { "body at the path's limit",
      S("POST /small HTTP/1.1\r\n" H "Content-Length: 10\r\n\r\nabcdefghij"), 200, false, "" },
    { "chunks over the path's limit", S("POST /small HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
                                        "8\r\nabcdefgh\r\n8\r\nabcdefgh\r\n0\r\n\r\n"), 413, false, "limit of 10" },
    { "length over the limit, body not sent", S("POST / HTTP/1.1\r\n" H "Content-Length: 1001\r\n\r\n"), 413, true,
      "the limit is 1000" },
};

static void
test_rows(void **state)
{
    static struct raw_answer a;
    int bad = 0;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        raw_ask(port, rows[i].bytes, rows[i].n, &a);
        if (a.status != rows[i].status || (rows[i].status != 0 && a.closed != rows[i].closes) ||
            strstr(a.body, rows[i].part) == NULL) {
            print_error("%s: status %d closed %d body %s\n", rows[i].name, a.status, a.closed, a.body);
            bad++;
        }
    }
    assert_int_equal(bad, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
