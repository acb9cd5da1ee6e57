/* SPDX-License-Identifier: Apache-2.0 */
/* Webhooks over a real server: who is let in, what reaches the sink, and what the sender is told. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "collector/collector.h"
#include "http/http.h"
#include "lib/raw_http.h"
#include "plugin/host.h"
#include "plugin/loader.h"

static const char *const tokens[] = { "s3cret-old", "s3cret-new" };
static const char *const keys[] = { "key-one", "key-two" };
static const char *const nearby[] = { "10.0.0.0/8", "127.0.0.0/8" };
static const char *const elsewhere[] = { "10.0.0.0/8", "2001:db8::/32" };
static struct plugin signer;
static struct plugin asker = { .api = { .flags = TOCSIN_TAKES_QUERY | TOCSIN_TAKES_ORIGIN } };

static struct conf_collector collectors[] = {
    { .name = "open", .type = "webhook", .auth = { .kind = AUTH_NONE } },
    { .name = "bearer", .type = "webhook", .auth = { .kind = AUTH_BEARER, .secrets = tokens, .n_secrets = 2 } },
    { .name = "basic", .type = "webhook", .auth = { .kind = AUTH_BASIC, .user = "u", .password = "p:w" } },
    { .name = "hmac", .type = "webhook",
      .auth = { .kind = AUTH_HMAC, .secrets = keys, .n_secrets = 2, .header = "X-Sig", .prefix = "sha256=" } },
    { .name = "bare", .type = "webhook",
      .auth = { .kind = AUTH_HMAC, .secrets = keys, .n_secrets = 2, .header = "X-Sig", .prefix = "" } },
    { .name = "token", .type = "webhook",
      .auth = { .kind = AUTH_TOKEN, .secrets = tokens, .n_secrets = 2, .header = "X-Gitlab-Token" } },
    { .name = "cert", .type = "webhook", .auth = { .kind = AUTH_CERT, .n_subjects = 0 } },
    { .name = "near", .type = "webhook", .auth = { .kind = AUTH_NONE, .allow = nearby, .n_allow = 2 } },
    { .name = "far", .type = "webhook", .auth = { .kind = AUTH_NONE, .allow = elsewhere, .n_allow = 2 } },
    { .name = "signed", .type = "webhook", .plugin = &signer, .auth = { .kind = AUTH_SIGNATURE } },
    { .name = "asks", .type = "webhook", .plugin = &asker,
      .auth = { .kind = AUTH_BEARER, .secrets = tokens, .n_secrets = 2 } },
    { .name = "asks-hmac", .type = "webhook", .plugin = &asker,
      .auth = { .kind = AUTH_HMAC, .secrets = keys, .n_secrets = 2, .header = "X-Sig", .prefix = "" } },
    { .name = "asks-far", .type = "webhook", .plugin = &asker,
      .auth = { .kind = AUTH_HMAC, .secrets = keys, .n_secrets = 2, .header = "X-Sig", .prefix = "",
                .allow = elsewhere, .n_allow = 2 } },
    { .name = "mqtt", .type = "mqtt" },
};

static struct conf conf = {
    .collectors = collectors, .n_collectors = sizeof collectors / sizeof collectors[0], .refs = 1,
};

static struct conf *
conf_now(void *ctx)
{
    (void)ctx;
    __atomic_add_fetch(&conf.refs, 1, __ATOMIC_SEQ_CST);
    return &conf;
}

static struct {
    pthread_mutex_t lock;
    enum tocsin_rc rc;             /* what becomes of a payload */
    size_t accepted;
    bool later;                    /* told by another thread */
    int reply_status;              /* the integration's answer; 0: none */
    atomic_int submits;
    char seen[256];                /* collector, body, type, header and query of the last one */
} world = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
world_set(enum tocsin_rc rc, size_t accepted, bool later)
{
    pthread_mutex_lock(&world.lock);
    world.rc = rc;
    world.accepted = accepted;
    world.later = later;
    pthread_mutex_unlock(&world.lock);
}

static void
assert_seen(const char *what)
{
    pthread_mutex_lock(&world.lock);
    assert_string_equal(world.seen, what);
    pthread_mutex_unlock(&world.lock);
}

/* The last reference is dropped behind the answer. */
static void
assert_conf_is_free(void)
{
    for (int i = 0; i < 1000 && __atomic_load_n(&conf.refs, __ATOMIC_SEQ_CST) != 1; i++)
        usleep(1000);
    assert_int_equal(__atomic_load_n(&conf.refs, __ATOMIC_SEQ_CST), 1);
}

struct told { ingest_done done; void *ctx; };

static void
tell(ingest_done done, void *ctx)
{
    struct ingest_item items[2] = { { .dedup_key = "disk/a", .incident = "0195d0a0-0000-7000-8000-000000000001" },
                                    { .dedup_key = "disk/\xc3\xa4" } };
    struct ingest_result result = { .items = items };

    pthread_mutex_lock(&world.lock);
    result.rc = world.rc;
    result.reply_status = world.reply_status;
    result.reply = "{\"code\":1}";
    result.reply_len = strlen(result.reply);
    result.accepted = world.accepted;
    pthread_mutex_unlock(&world.lock);
    if (result.rc != TOCSIN_OK)
        err_set(&result.err, result.rc, "$.alerts[0]", "this was not taken");
    done(ctx, &result);
}

static void *
tell_later(void *ctx)
{
    struct told *t = ctx;

    tell(t->done, t->ctx);
    free(t);
    return NULL;
}

static const char *
or_dash(const char *s)
{
    return s != NULL ? s : "-";
}

static void
submit(void *ctx, const struct conf_collector *col, const struct tocsin_payload *in, ingest_done done, void *done_ctx)
{
    const char *header = in->header(in, "x-a"), *query = in->query(in, "q");
    struct told *t;
    pthread_t thread;
    bool later;

    (void)ctx;
    assert_int_equal(in->body[in->len], 0);
    assert_string_equal(in->collector, col->name);
    pthread_mutex_lock(&world.lock);
    later = world.later;
    snprintf(world.seen, sizeof world.seen, "%s|%s|%s|%s|%s", col->name, in->body,
             or_dash(in->content_type), or_dash(header), or_dash(query));
    pthread_mutex_unlock(&world.lock);
    atomic_fetch_add(&world.submits, 1);
    if (!later) {
        tell(done, done_ctx);
        return;
    }
    t = malloc(sizeof *t);
    *t = (struct told){ done, done_ctx };
    assert_int_equal(pthread_create(&thread, NULL, tell_later, t), 0);
    pthread_detach(thread);
}

static const struct sink sink = { .submit = submit, .conf = conf_now };

/* --- stand-ins for parts that are not looked at here: used only where the library lacks them ---------- */

__attribute__((weak)) void
conf_unref(struct conf *c)
{
    __atomic_sub_fetch(&c->refs, 1, __ATOMIC_SEQ_CST);
}

__attribute__((weak)) const struct conf_collector *
conf_collector(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_collectors; i++)
        if (strcmp(c->collectors[i].name, name) == 0)
            return &c->collectors[i];
    return NULL;
}

__attribute__((weak)) const struct tocsin_host plugin_host = { .size = sizeof plugin_host };

/* --- an integration that signs: the body names the document, which must say "good" ---------------------- */

static enum tocsin_rc
signer_verify(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_document *doc,
              struct tocsin_err *err)
{
    (void)self;
    (void)host;
    if (strcmp(in->body, "unsigned") == 0)
        return err_set(err, TOCSIN_UNAUTHORIZED, "$.Signature", "the signature is missing");
    if (doc->body == NULL) {
        snprintf(doc->url, sizeof doc->url, "%s", in->body);
        return TOCSIN_NEED_FETCH;
    }
    if (strcmp(in->body, "https://d.example/never") == 0) {
        size_t n = strlen(doc->url);       /* one document leads to the next, without an end */

        snprintf(doc->url + n, sizeof doc->url - n, "x");
        doc->body = NULL;
        return TOCSIN_NEED_FETCH;
    }
    if (doc->len != 4 || strcmp(doc->body, "good") != 0)
        return err_set(err, TOCSIN_UNAUTHORIZED, "", "the signature is wrong");
    return TOCSIN_OK;
}

static atomic_int fetches;

static enum tocsin_rc
fetch(void *ctx, const char *url, struct arena *arena, const char **body, size_t *len, struct tocsin_err *err)
{
    (void)ctx;
    atomic_fetch_add(&fetches, 1);
    if (strstr(url, "down") != NULL)
        return err_set(err, TOCSIN_TEMPORARY, "", "no answer");
    *body = arena_strdup(arena, strstr(url, "bad") != NULL ? "bad" : "good");
    *len = strlen(*body);
    return TOCSIN_OK;
}

static struct http_server *server;

static void
handle(void *ctx, struct http_request *r)
{
    (void)ctx;
    webhook_handle(&sink, r, http_path(r) + strlen("/v1/in/"));
}

static int
start(void **state)
{
    struct http_options opt = {
        .listen = "127.0.0.1:0", .body_max = 1 << 20, .header_max = 16384, .connections_max = 100, .per_ip_max = 100,
        .header_timeout_ms = 20000, .body_timeout_ms = 20000, .idle_timeout_ms = 20000, .threads = 2,
    };
    struct tocsin_err err;

    (void)state;
    signer.api.name = "signer";
    signer.api.verify = signer_verify;
    webhook_set_fetch(fetch, NULL);
    return http_server_start(&opt, handle, NULL, NULL, &server, &err) != TOCSIN_OK;
}

static int
stop(void **state)
{
    (void)state;
    http_server_stop(server, 5000);
    webhook_set_fetch(NULL, NULL);
    return 0;
}

static int
fresh(void **state)
{
    (void)state;
    world_set(TOCSIN_OK, 1, false);
    return 0;
}

static void
ask(const char *method, const char *path, const char *headers, const void *body, size_t n, struct raw_answer *a)
{
    char text[4096];
    int k = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: a\r\n%sContent-Length: %zu\r\n\r\n", method, path,
                     headers, n);

    memcpy(text + k, body, n);
    raw_ask(http_server_port(server), text, (size_t)k + n, a);
}

static struct raw_answer a;

static const struct {
    const char *name, *method, *path, *headers;
    int status;
    const char *part;              /* in the head or the body */
} rows[] = {
    { "fine", "POST", "/v1/in/open", "", 202, "{\"accepted\":1,\"alerts\":[{\"dedup_key\":\"disk/a\","
      "\"incident\":\"0195d0a0-0000-7000-8000-000000000001\"}]}" },
    { "put", "PUT", "/v1/in/open", "", 202, "accepted" },
    { "get", "GET", "/v1/in/open", "", 405, "Allow: POST, PUT" },
    { "delete", "DELETE", "/v1/in/nothing", "", 405, "\"status\":405" },
    { "options", "OPTIONS", "/v1/in/open", "WebHook-Request-Origin: s.example\r\n", 405, "Allow: POST, PUT\r\n" },
    { "get of nothing", "GET", "/v1/in/nothing", "", 405, "Allow: POST, PUT\r\n" },
    { "get of another kind", "GET", "/v1/in/mqtt", "", 405, "Allow: POST, PUT\r\n" },
    { "get where it is taken", "GET", "/v1/in/asks?token=s3cret-new&q=1", "", 202, "accepted" },
    { "get without a token", "GET", "/v1/in/asks?q=1", "", 401, "missing or wrong" },
    { "head is no get", "HEAD", "/v1/in/asks?token=s3cret-new&q=1", "", 405, "Allow: POST, PUT, GET, OPTIONS\r\n" },
    { "delete there", "DELETE", "/v1/in/asks", "", 405, "alerts come with POST, PUT, GET, OPTIONS" },
    { "may I send", "OPTIONS", "/v1/in/asks?token=s3cret-new", "WebHook-Request-Origin: s.example\r\n", 200,
      "WebHook-Allowed-Origin: s.example\r\nWebHook-Allowed-Rate: *\r\n" },
    { "may I send, says nobody", "OPTIONS", "/v1/in/asks?token=s3cret-new", "", 200,
      "Allow: POST, PUT, GET, OPTIONS\r\n" },
    { "may I send, without a token", "OPTIONS", "/v1/in/asks", "WebHook-Request-Origin: s.example\r\n", 401, "wrong" },
    { "nothing to sign yet", "OPTIONS", "/v1/in/asks-hmac", "WebHook-Request-Origin: s.example\r\n", 200,
      "WebHook-Allowed-Origin: s.example\r\n" },
    { "a mac later", "POST", "/v1/in/asks-hmac", "WebHook-Request-Origin: s.example\r\n", 401, "missing or wrong" },
    { "may I send from far", "OPTIONS", "/v1/in/asks-far", "WebHook-Request-Origin: s.example\r\n", 403, "127.0.0.1" },
    { "unknown", "POST", "/v1/in/nothing", "", 404, "there is no collector 'nothing'" },
    { "unknown, not UTF-8", "POST", "/v1/in/%ff", "", 404, "there is no collector" },
    { "no name", "POST", "/v1/in/", "", 404, "''" },
    { "another kind of collector", "POST", "/v1/in/mqtt", "", 404, "'mqtt' is no webhook" },
    { "form of parts",
      "POST", "/v1/in/open", "Content-Type: Multipart/form-data; boundary=x\r\n", 415, "several parts" },
    { "no token", "POST", "/v1/in/bearer", "", 401, "WWW-Authenticate: Bearer" },
    { "wrong token", "POST", "/v1/in/bearer", "Authorization: Bearer s3cret\r\n", 401, "missing or wrong" },
    { "longer token", "POST", "/v1/in/bearer", "Authorization: Bearer s3cret-new2\r\n", 401, "missing or wrong" },
    { "empty token", "POST", "/v1/in/bearer", "Authorization: Bearer \r\n", 401, "missing or wrong" },
    { "first token", "POST", "/v1/in/bearer", "Authorization: Bearer s3cret-old\r\n", 202, "accepted" },
    { "second token", "POST", "/v1/in/bearer", "Authorization: bearer  s3cret-new\r\n", 202, "accepted" },
    { "token in the address", "POST", "/v1/in/bearer?token=s3cret-new", "", 202, "accepted" },
    { "wrong token in the address", "POST", "/v1/in/bearer?token=s3cret", "", 401, "missing or wrong" },
    { "the header counts", "POST", "/v1/in/bearer?token=s3cret-new", "Authorization: Bearer x\r\n", 401, "missing" },
    { "no token header", "POST", "/v1/in/token", "", 401, "missing or wrong" },
    { "an empty token header", "POST", "/v1/in/token", "X-Gitlab-Token: \r\n", 401, "missing or wrong" },
    { "a wrong token header", "POST", "/v1/in/token", "X-Gitlab-Token: s3cret\r\n", 401, "missing or wrong" },
    { "a token header", "POST", "/v1/in/token", "X-Gitlab-Token: s3cret-new\r\n", 202, "accepted" },
    { "a token in the wrong header", "POST", "/v1/in/token", "Authorization: Bearer s3cret-new\r\n", 401, "missing" },
    { "token as password", "POST", "/v1/in/bearer", "Authorization: Basic czNjcmV0LW5ldw==\r\n", 401, "missing" },
    { "basic", "POST", "/v1/in/basic", "Authorization: Basic dTpwOnc=\r\n", 202, "accepted" },
    { "no password", "POST", "/v1/in/basic", "", 401, "WWW-Authenticate: Basic" },
    { "wrong password", "POST", "/v1/in/basic", "Authorization: Basic dTpwOng=\r\n", 401, "missing or wrong" },
    { "no base64", "POST", "/v1/in/basic", "Authorization: Basic dTpwOnc\r\n", 401, "missing or wrong" },
    { "blank base64", "POST", "/v1/in/basic", "Authorization: Basic ====\r\n", 401, "missing or wrong" },
    { "nul behind the password", "POST", "/v1/in/basic", "Authorization: Basic dTpwOncA\r\n", 401, "missing or wrong" },
    { "no certificate", "POST", "/v1/in/cert", "", 401, "missing or wrong" },
    { "address on the list", "POST", "/v1/in/near", "", 202, "accepted" },
    { "address not on the list", "POST", "/v1/in/far", "", 403, "address 127.0.0.1" },
    { "no mac", "POST", "/v1/in/hmac", "", 401, "missing or wrong" },
    { "a mac that is none", "POST", "/v1/in/hmac", "X-Sig: sha256=zz\r\n", 401, "missing or wrong" },
    { "an empty mac", "POST", "/v1/in/hmac", "X-Sig: sha256=\r\n", 401, "missing or wrong" },
    { "a mac too short", "POST", "/v1/in/bare", "X-Sig: 00000000000000000000\r\n", 401, "missing or wrong" },
};

static void
test_rows(void **state)
{
    int bad = 0;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int before = atomic_load(&world.submits);
        bool said;

        ask(rows[i].method, rows[i].path, rows[i].headers, "{}", 2, &a);
        said = strstr(a.body, rows[i].part) != NULL || strstr(a.head, rows[i].part) != NULL;
        if (a.status != rows[i].status || !said || atomic_load(&world.submits) != before + (rows[i].status == 202)) {
            print_error("%s: %d\n%s%s\n", rows[i].name, a.status, a.head, a.body);
            bad++;
        }
    }
    assert_int_equal(bad, 0);
    assert_conf_is_free();
}

/* Consent is given to who names itself, and never along with a refusal. */
static void
test_consent(void **state)
{
    static const struct { const char *path, *headers; bool granted; } asks[] = {
        { "/v1/in/asks?token=s3cret-new", "WebHook-Request-Origin: s.example\r\n", true },
        { "/v1/in/asks?token=s3cret-new", "WebHook-Request-Origin: \r\n", false },
        { "/v1/in/asks?token=s3cret-new", "Origin: https://s.example\r\n", false },
        { "/v1/in/asks?token=wrong", "WebHook-Request-Origin: s.example\r\n", false },
        { "/v1/in/open", "WebHook-Request-Origin: s.example\r\n", false },
    };
    char value[64];

    (void)state;
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        ask("OPTIONS", asks[i].path, asks[i].headers, "", 0, &a);
        assert_int_equal(raw_header(&a, "WebHook-Allowed-Origin", value, sizeof value) != NULL, asks[i].granted);
        assert_int_equal(raw_header(&a, "WebHook-Allowed-Rate", value, sizeof value) != NULL, asks[i].granted);
    }
    assert_conf_is_free();
}

/* What the sink says is what the sender hears, at once or from another thread. */
static void
test_results(void **state)
{
    static const struct { enum tocsin_rc rc; size_t accepted; int status; const char *part; } results[] = {
        { TOCSIN_OK, 0, 202, "{\"accepted\":0,\"alerts\":[]}" },
        { TOCSIN_OK, 2, 202, "{\"dedup_key\":\"disk/\xc3\xa4\"}]" },
        { TOCSIN_BAD_INPUT, 0, 400, "\"where\":\"$.alerts[0]\"" }, { TOCSIN_MEANINGLESS, 0, 422, "not taken" },
        { TOCSIN_TOO_MANY, 0, 429, "not taken" }, { TOCSIN_TEMPORARY, 0, 503, "not taken" },
        { TOCSIN_FULL, 0, 503, "not taken" }, { TOCSIN_INTERNAL, 0, 500, "not taken" },
    };
    char value[64];

    (void)state;
    for (size_t i = 0; i < 2 * sizeof results / sizeof results[0]; i++) {
        size_t k = i / 2;

        world_set(results[k].rc, results[k].accepted, i % 2 == 1);
        ask("POST", "/v1/in/open", "", "{}", 2, &a);
        if (a.status != results[k].status || strstr(a.body, results[k].part) == NULL)
            fail_msg("row %zu: %d %s", k, a.status, a.body);
        assert_string_equal(raw_header(&a, "Content-Type", value, sizeof value),
                            results[k].status == 202 ? "application/json" : "application/problem+json");
        assert_int_equal(raw_header(&a, "Retry-After", value, sizeof value) != NULL,
                         results[k].status == 503 || results[k].status == 429);
    }
}

/* The integration's own answer stands for acceptance, not for a refusal. */
static void
test_reply(void **state)
{
    (void)state;
    world.reply_status = 200;
    ask("POST", "/v1/in/open", "", "{}", 2, &a);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "{\"code\":1}");
    world_set(TOCSIN_FULL, 0, false);
    ask("POST", "/v1/in/open", "", "{}", 2, &a);
    assert_int_equal(a.status, 503);
    world.reply_status = 0;
}

static void
test_payload(void **state)
{
    (void)state;
    ask("POST", "/v1/in/open?q=a%20b", "Content-Type: Text/Plain; charset=x\r\nX-A: v\r\n", "hello", 5, &a);
    assert_seen("open|hello|text/plain|v|a b");
    ask("POST", "/v1/in/open", "", "", 0, &a);
    assert_seen("open||-|-|-");
}

static const char *
mac_text(const char *key, const void *body, size_t n, bool hex)
{
    static char text[2][80];
    static unsigned turn;
    char *out = text[turn++ % 2];
    unsigned char mac[32];

    HMAC(EVP_sha256(), key, (int)strlen(key), body, n, mac, NULL);
    if (hex)
        for (int i = 0; i < 32; i++)
            snprintf(out + 2 * i, 3, i % 2 == 0 ? "%02x" : "%02X", mac[i]);
    else
        EVP_EncodeBlock((unsigned char *)out, mac, 32);
    return out;
}

static void
ask_mac(const char *path, const char *more, const void *body, size_t n, int status, const char *fmt, const char *one,
        const char *two)
{
    char headers[512];
    int k = snprintf(headers, sizeof headers, "%sX-Sig: ", more);

    k += snprintf(headers + k, sizeof headers - (size_t)k, fmt, one, two);
    snprintf(headers + k, sizeof headers - (size_t)k, "\r\n");
    ask("POST", path, headers, body, n, &a);
    if (a.status != status)
        fail_msg("%s: %d", headers, a.status);
}

static void
test_mac(void **state)
{
    const char *wrong = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    (void)state;
    ask_mac("/v1/in/hmac", "", "body", 4, 202, "sha256=%s%s", mac_text("key-one", "body", 4, true), "");
    ask_mac("/v1/in/hmac", "", "body", 4, 202, "sha256=%s%s", mac_text("key-two", "body", 4, true), "");
    ask_mac("/v1/in/hmac", "", "body", 4, 202, "sha256=%s%s", mac_text("key-one", "body", 4, false), "");
    ask_mac("/v1/in/hmac", "", "body", 4, 202, "sha256=%s, sha256=%s", wrong, mac_text("key-one", "body", 4, true));
    ask_mac("/v1/in/hmac", "", "body", 4, 401, "sha256=%s%s", mac_text("key-no", "body", 4, true), "");
    ask_mac("/v1/in/hmac", "", "bodY", 4, 401, "sha256=%s%s", mac_text("key-one", "body", 4, true), "");
    ask_mac("/v1/in/hmac", "", "body", 4, 401, "%s%s", mac_text("key-one", "body", 4, true), "");      /* no prefix */
    ask_mac("/v1/in/hmac", "", "body", 4, 401, "sha256=%.63s%s", mac_text("key-one", "body", 4, true), "");
    ask_mac("/v1/in/bare", "", "body", 4, 202, "%s%s", mac_text("key-one", "body", 4, true), "");
    ask_mac("/v1/in/bare", "", "body", 4, 202, "%s%s", mac_text("key-two", "body", 4, false), "");
    ask_mac("/v1/in/bare", "", "", 0, 202, "%s%s", mac_text("key-two", "", 0, false), "");
}

/* The MAC covers what was sent, which is the packed body. */
static void
test_mac_of_packed(void **state)
{
    static const char text[] = "a body that is packed";
    z_stream z = { .next_in = (Bytef *)(uintptr_t)text, .avail_in = sizeof text - 1 };
    unsigned char packed[256];
    size_t n;

    (void)state;
    z.next_out = packed;
    z.avail_out = sizeof packed;
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    n = sizeof packed - z.avail_out;
    deflateEnd(&z);
    ask_mac("/v1/in/bare", "Content-Encoding: gzip\r\n", packed, n, 202, "%s%s",
            mac_text("key-one", packed, n, true), "");
    assert_seen("bare|a body that is packed|-|-|-");
    ask_mac("/v1/in/bare", "Content-Encoding: gzip\r\n", packed, n, 401, "%s%s",
            mac_text("key-one", text, sizeof text - 1, true), "");
}

static void
ask_signed(const char *body, int status, int fetched)
{
    int before = atomic_load(&fetches);

    ask("POST", "/v1/in/signed", "", body, strlen(body), &a);
    if (a.status != status || atomic_load(&fetches) - before != fetched)
        fail_msg("%s: %d, %d fetches: %s", body, a.status, atomic_load(&fetches) - before, a.body);
}

static void
test_signature(void **state)
{
    (void)state;
    ask_signed("https://d.example/good", 202, 1);
    ask_signed("https://d.example/good", 202, 0);              /* kept */
    ask_signed("https://d.example/bad", 401, 1);
    ask_signed("unsigned", 401, 0);
    ask_signed("http://d.example/good", 401, 0);
    ask_signed("https://d.example/down", 503, 1);
    ask_signed("https://d.example/down", 503, 1);              /* a failure is not kept */
    ask_signed("https://d.example/never", 401, 4);
    assert_conf_is_free();
}

static void
test_cache_is_bounded(void **state)
{
    char url[64];

    (void)state;
    for (int i = 0; i < 40; i++) {
        snprintf(url, sizeof url, "https://d.example/%d", i);
        ask_signed(url, 202, 1);
    }
    ask_signed("https://d.example/39", 202, 0);
    ask_signed("https://d.example/0", 202, 1);
    webhook_set_fetch(NULL, NULL);             /* the end: nothing is fetched, nothing is kept */
    ask_signed("https://d.example/39", 503, 0);
    webhook_set_fetch(fetch, NULL);
    ask_signed("https://d.example/39", 202, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_rows, fresh), cmocka_unit_test_setup(test_results, fresh),
        cmocka_unit_test_setup(test_consent, fresh), cmocka_unit_test_setup(test_reply, fresh),
        cmocka_unit_test_setup(test_payload, fresh), cmocka_unit_test_setup(test_mac, fresh),
        cmocka_unit_test_setup(test_mac_of_packed, fresh), cmocka_unit_test_setup(test_signature, fresh),
        cmocka_unit_test_setup(test_cache_is_bounded, fresh),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
