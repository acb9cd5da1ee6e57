/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_http.c - the block http.
 *
 * Besides its own values it decides who can reach the server, on which the
 * demands for tokens and for authentication of collectors depend.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "conf/load.h"
#include "conf/report.h"

/* --- listen -------------------------------------------------------------------------- */

/* "host:port" or "[v6]:port" in two; false when it is neither. */
static bool
split_listen(struct arena *a, const char *listen, const char **host_r, bool *v6_r)
{
    const char *colon = strrchr(listen, ':');
    size_t n = colon != NULL ? (size_t)(colon - listen) : 0;
    char *end;

    if (n == 0 || !isdigit((unsigned char)colon[1]) || strtoul(colon + 1, &end, 10) > 65535 || *end != '\0')
        return false;
    *v6_r = listen[0] == '[';
    if (*v6_r) {
        if (n < 3 || listen[n - 1] != ']')
            return false;
        listen++;
        n -= 2;
    }
    *host_r = arena_strndup(a, listen, n);
    return true;
}

static bool
is_address(const char *host, bool v6)
{
    unsigned char addr[16];

    return strcmp(host, "localhost") == 0 ? !v6 : inet_pton(v6 ? AF_INET6 : AF_INET, host, addr) == 1;
}

static bool
is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 || strncmp(host, "127.", 4) == 0;
}

static void
check_listen(struct load *l, const config_setting_t *group)
{
    const char *listen = l->conf->http.listen, *host;
    bool v6;

    if (split_listen(l->r.arena, listen, &host, &v6) && is_address(host, v6)) {
        l->public_listen = !is_loopback(host);
        return;
    }
    reading_mistake(&l->r, config_setting_get_member(group, "listen"),
                    "'listen' of http: found '%s', expected an address and a port, such as \"127.0.0.1:9096\", "
                    "\"0.0.0.0:9096\" or \"[::]:9096\"",
                    listen);
}

/* --- TLS ---------------------------------------------------------------------------------- */

/* A key behind a passphrase would make OpenSSL ask on the terminal. */
static int
no_passphrase(char *out, int size, int writing, void *ctx)
{
    (void)out, (void)size, (void)writing, (void)ctx;
    return 0;
}

static const char *
pair_problem(const char *cert_file, const char *key_file)
{
    const char *problem = NULL;
    BIO *cert_bio = BIO_new_file(cert_file, "r"), *key_bio = BIO_new_file(key_file, "r");
    X509 *cert = cert_bio != NULL ? PEM_read_bio_X509(cert_bio, NULL, no_passphrase, NULL) : NULL;
    EVP_PKEY *key = key_bio != NULL ? PEM_read_bio_PrivateKey(key_bio, NULL, no_passphrase, NULL) : NULL;

    if (cert == NULL)
        problem = "holds no certificate in PEM";
    else if (key == NULL)
        problem = "has a key file without a private key in PEM, or with a passphrase";
    else if (X509_check_private_key(cert, key) != 1)
        problem = "does not belong to the key";
    EVP_PKEY_free(key);
    X509_free(cert);
    BIO_free(key_bio);
    BIO_free(cert_bio);
    ERR_clear_error();
    return problem;
}

void
load_check_pair(struct load *l, const config_setting_t *group, const char *ctx, const char *cert, const char *key)
{
    const char *problem;

    /* "" is unset, NULL was unreadable and is reported already */
    if (cert == NULL || key == NULL || (cert[0] == '\0' && key[0] == '\0'))
        return;
    if (cert[0] == '\0' || key[0] == '\0') {
        reading_mistake(&l->r, group, "%s has a %s, expected its %s as well", ctx,
                        cert[0] != '\0' ? "certificate" : "private key",
                        cert[0] != '\0' ? "private key" : "certificate");
        return;
    }
    problem = pair_problem(cert, key);
    if (problem != NULL)
        reading_mistake(&l->r, group, "%s: certificate '%s' %s", ctx, cert, problem);
}

static void
check_tls(struct load *l, const config_setting_t *group)
{
    const struct conf_http *http = &l->conf->http;
    const config_setting_t *tls = group != NULL ? config_setting_get_member(group, "tls") : NULL;

    if (tls == NULL || !config_setting_is_group(tls))
        return;
    load_check_pair(l, tls, "http.tls", http->tls_cert, http->tls_key);
    if (http->tls_cert != NULL && http->tls_cert[0] == '\0' && http->tls_key != NULL && http->tls_key[0] == '\0')
        reading_mistake(&l->r, tls, "http.tls has no certificate, expected cert and key");
}

/* --- the block ------------------------------------------------------------------------------- */

static void
check_public_url(struct load *l, const config_setting_t *group)
{
    const char *url = l->conf->http.public_url;
    size_t n = strlen(url);

    if (n == 0)
        return;
    if ((strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) || strpbrk(url, " \t\r\n?#") != NULL)
        reading_mistake(&l->r, config_setting_get_member(group, "public_url"),
                        "'public_url' of http: found '%s', expected an address such as \"https://tocsin.example.org\"",
                        url);
    while (n > 0 && url[n - 1] == '/')
        n--;
    l->conf->http.public_url = arena_strndup(l->r.arena, url, n);
}

void
load_http(struct load *l)
{
    const config_setting_t *group = load_group(l, "http");
    struct conf_http *http = &l->conf->http;
    struct option_names names = { .n = 0 };

    option_read_table(&l->r, group, http_options, "http", http);
    if (group != NULL) {
        option_names_add(&names, http_options);
        option_check_names(&l->r, group, "http", &names);
    }
    if (http->listen != NULL)
        check_listen(l, group);
    else
        http->listen = "";
    if (http->public_url != NULL)
        check_public_url(l, group);
    check_tls(l, group);
}
