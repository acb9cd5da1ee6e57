/* SPDX-License-Identifier: Apache-2.0 */
/* TLS: versions, client certificates, and a new pair while connections exist.  The client is OpenSSL's. */
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
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/err.h"
#include "http/http.h"
#include "lib/raw_http.h"

static char dir[] = "/tmp/test_http_tls.XXXXXX";

/* One path in the folder; good for eight calls. */
static const char *
file(const char *name)
{
    static char text[8][128];
    static unsigned i;
    char *out = text[i++ % 8];

    snprintf(out, sizeof text[0], "%s/%s", dir, name);
    return out;
}

/* Throw-away authorities, two pairs of the server, and clients: known, for servers only, of another authority. */
static const char script[] =
    "set -e; cd \"$1\"; exec >log 2>&1\n"
    "ca() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $1.key -out $1.pem -days 2"
    " -subj \"/CN=$1\"; }\n"
    "leaf() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $2.key -out $2.csr"
    " -subj \"/CN=$3\"\n"
    " printf \"extendedKeyUsage=$4\\nsubjectAltName=$5\\n\" >$2.ext\n"
    " openssl x509 -req -in $2.csr -CA $1.pem -CAkey $1.key -CAcreateserial -days 2 -extfile $2.ext -out $2.pem; }\n"
    "ca ca; ca stranger\n"
    "leaf ca first first.example serverAuth DNS:localhost\n"
    "leaf ca second second.example serverAuth DNS:localhost\n"
    "leaf ca sender sender-1 clientAuth DNS:sender.example,URI:spiffe://example/sender\n"
    "leaf ca notclient sender-1 serverAuth DNS:sender.example\n"
    "leaf stranger other sender-1 clientAuth DNS:sender.example\n";

static int
make_files(void **state)
{
    char path[160], command[256];
    FILE *f;

    (void)state;
    if (mkdtemp(dir) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/make.sh", dir);
    f = fopen(path, "w");
    if (f == NULL || fputs(script, f) < 0 || fclose(f) != 0)
        return 1;
    snprintf(command, sizeof command, "sh %s %s", path, dir);
    return system(command);
}

static int
remove_files(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static void
show_names(void *ctx, struct http_request *r)
{
    const char **names;
    size_t n = http_client_names(r, &names);
    json_t *list = json_array();

    (void)ctx;
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(names[i]));
    http_reply_json(r, 200, list);
}

static struct http_server *
start(bool client_ca)
{
    struct http_options opt = {
        .listen = "127.0.0.1:0", .tls_cert = file("first.pem"), .tls_key = file("first.key"),
        .tls_client_ca = client_ca ? file("ca.pem") : "", .body_max = 1 << 20, .header_max = 16384,
        .connections_max = 100, .per_ip_max = 100, .header_timeout_ms = 10000, .body_timeout_ms = 10000,
        .idle_timeout_ms = 10000, .threads = 2,
    };
    struct http_server *server = NULL;
    struct tocsin_err err = { 0 };

    if (http_server_start(&opt, show_names, NULL, NULL, &server, &err) != TOCSIN_OK)
        fail_msg("%s", err.what);
    return server;
}

/* --- a client ------------------------------------------------------------------------- */

struct client { int fd; SSL_CTX *ctx; SSL *ssl; };

static bool
client_open(struct client *c, uint16_t port, const char *cert, int max_version)
{
    char name[64];

    c->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(c->ctx, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(c->ctx, max_version);
    SSL_CTX_set_security_level(c->ctx, 0);     /* so that an old version could be offered at all */
    assert_int_equal(SSL_CTX_load_verify_locations(c->ctx, file("ca.pem"), NULL), 1);
    SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
    if (cert != NULL) {
        snprintf(name, sizeof name, "%s.pem", cert);
        assert_int_equal(SSL_CTX_use_certificate_file(c->ctx, file(name), SSL_FILETYPE_PEM), 1);
        snprintf(name, sizeof name, "%s.key", cert);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(c->ctx, file(name), SSL_FILETYPE_PEM), 1);
    }
    c->fd = raw_connect(port);
    c->ssl = SSL_new(c->ctx);
    SSL_set_fd(c->ssl, c->fd);
    return SSL_connect(c->ssl) == 1;
}

static void
client_close(struct client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
    close(c->fd);
    ERR_clear_error();
}

static const char *
client_ask(struct client *c)
{
    static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    static char answer[4096];
    const char *body;
    int n = 0, k;

    assert_int_equal(SSL_write(c->ssl, get, sizeof get - 1), sizeof get - 1);
    answer[0] = '\0';
    while (strchr(answer, ']') == NULL && (k = SSL_read(c->ssl, answer + n, (int)sizeof answer - 1 - n)) > 0)
        answer[n += k] = '\0';
    assert_int_equal(strncmp(answer, "HTTP/1.1 200 ", 13), 0);
    body = strstr(answer, "\r\n\r\n");
    return body != NULL ? body + 4 : "";
}

static const char *
server_name(struct client *c)
{
    static char name[64];
    X509 *cert = SSL_get1_peer_certificate(c->ssl);

    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof name);
    X509_free(cert);
    return name;
}

/* --- tests ------------------------------------------------------------------------------- */

static void
test_versions(void **state)
{
    static const struct { int version; bool fine; } rows[] = {
        { TLS1_VERSION, false }, { TLS1_1_VERSION, false }, { TLS1_2_VERSION, true }, { TLS1_3_VERSION, true },
    };
    struct http_server *s = start(false);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct client c;

        assert_int_equal(client_open(&c, http_server_port(s), NULL, rows[i].version), rows[i].fine);
        if (rows[i].fine) {
            assert_string_equal(client_ask(&c), "[]");
            assert_string_equal(client_ask(&c), "[]");
        }
        client_close(&c);
    }
    http_server_stop(s, 1000);
}

static void
test_client_names(void **state)
{
    static const struct { const char *cert; const char *names; } rows[] = {
        { "sender", "[\"sender-1\",\"sender.example\",\"spiffe://example/sender\"]" },
        { NULL, "[]" }, { "notclient", "[]" }, { "other", "[]" },
    };
    struct http_server *s = start(true);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct client c;

        assert_true(client_open(&c, http_server_port(s), rows[i].cert, TLS1_3_VERSION));
        for (int k = 0; k < 2; k++)
            assert_string_equal(client_ask(&c), rows[i].names);
        client_close(&c);
    }
    http_server_stop(s, 1000);
    s = start(false);              /* a server without authorities of clients asks nobody */
    {
        struct client c;

        assert_true(client_open(&c, http_server_port(s), "sender", TLS1_3_VERSION));
        assert_string_equal(client_ask(&c), "[]");
        client_close(&c);
    }
    http_server_stop(s, 1000);
}

static void
test_reload(void **state)
{
    struct http_server *s = start(false);
    struct tocsin_err err;
    struct client old, new;

    (void)state;
    assert_true(client_open(&old, http_server_port(s), NULL, TLS1_3_VERSION));
    assert_string_equal(server_name(&old), "first.example");
    client_ask(&old);
    /* pairs that are no good change nothing */
    assert_int_equal(http_server_reload_tls(s, file("second.pem"), file("first.key"), &err), TOCSIN_BAD_CONFIG);
    assert_non_null(strstr(err.what, "does not belong"));
    assert_int_equal(http_server_reload_tls(s, file("make.sh"), file("second.key"), &err), TOCSIN_BAD_CONFIG);
    assert_int_not_equal(http_server_reload_tls(s, file("second.pem"), file("none"), &err), TOCSIN_OK);
    assert_true(client_open(&new, http_server_port(s), NULL, TLS1_3_VERSION));
    assert_string_equal(server_name(&new), "first.example");
    client_close(&new);

    assert_int_equal(http_server_reload_tls(s, file("second.pem"), file("second.key"), &err), TOCSIN_OK);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        assert_true(client_open(&new, http_server_port(s), NULL, version));
        assert_string_equal(server_name(&new), "second.example");
        client_ask(&new);
        client_close(&new);
    }
    client_ask(&old);
    client_close(&old);
    http_server_stop(s, 1000);
}

static void
test_bad_files(void **state)
{
    static const struct { const char *cert, *key, *ca, *word; } rows[] = {
        { "none", "first.key", NULL, "none" }, { "first.pem", "none", NULL, "none" },
        { "first.pem", "second.key", NULL, "does not belong" }, { "first.key", "first.key", NULL, "certificate" },
        { "first.pem", "first.pem", NULL, "key" }, { "first.pem", NULL, NULL, "both" },
        { "first.pem", "first.key", "make.sh", "authorities" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_options opt = {
            .listen = "127.0.0.1:0", .tls_cert = file(rows[i].cert), .tls_key = rows[i].key ? file(rows[i].key) : NULL,
            .tls_client_ca = rows[i].ca ? file(rows[i].ca) : NULL, .connections_max = 10,
        };
        struct http_server *s;
        struct tocsin_err err = { 0 };

        assert_int_not_equal(http_server_start(&opt, show_names, NULL, NULL, &s, &err), TOCSIN_OK);
        if (strstr(err.what, rows[i].word) == NULL)
            fail_msg("row %zu: %s", i, err.what);
    }
}

/* Bytes that are no TLS end the connection, and only that one. */
static void
test_plain_on_tls(void **state)
{
    struct http_server *s = start(false);
    struct client c;
    int fd = raw_connect(http_server_port(s));

    (void)state;
    raw_text(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(raw_is_closed(fd, 5000));
    close(fd);
    assert_true(client_open(&c, http_server_port(s), NULL, TLS1_3_VERSION));
    client_ask(&c);
    client_close(&c);
    http_server_stop(s, 1000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions), cmocka_unit_test(test_client_names), cmocka_unit_test(test_reload),
        cmocka_unit_test(test_bad_files), cmocka_unit_test(test_plain_on_tls),
    };

    return cmocka_run_group_tests(tests, make_files, remove_files);
}
