/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook_auth.c - may this request use this collector?
 *
 * Secrets are compared as SHA-256 of both sides with CRYPTO_memcmp, all of
 * them, so that neither their length nor the place of the first difference
 * shows in the time.  Whoever fails learns that he failed, not why.
 */
#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "base/arena.h"
#include "base/err.h"
#include "collector/webhook.h"

enum { MAC = SHA256_DIGEST_LENGTH, MACS_MAX = 8, TEXT_MAX = 4096 };

bool
webhook_same_secret(const char *got, size_t n, const char *secret)
{
    unsigned char a[MAC], b[MAC];

    SHA256((const unsigned char *)got, n, a);
    SHA256((const unsigned char *)secret, strlen(secret), b);
    return CRYPTO_memcmp(a, b, MAC) == 0;
}

/* What follows the scheme in Authorization; NULL when it is another scheme, or none. */
static const char *
credentials(struct http_request *r, const char *scheme)
{
    const char *value = http_header(r, "Authorization");
    size_t n = strlen(scheme);

    if (value == NULL || strncasecmp(value, scheme, n) != 0 || value[n] != ' ')
        return NULL;
    return value + n + strspn(value + n, " ");
}

static bool
token_ok(const struct conf_auth *auth, const char *token)
{
    bool ok = false;

    if (token == NULL)
        token = "";
    for (size_t i = 0; i < auth->n_secrets; i++)
        ok |= webhook_same_secret(token, strlen(token), auth->secrets[i]);
    return ok && token[0] != '\0';
}

/* From the header; senders that cannot set one put it into the address. */
static bool
bearer_ok(const struct conf_auth *auth, struct http_request *r)
{
    const char *token = credentials(r, "Bearer");

    if (token == NULL && http_header(r, "Authorization") == NULL)
        token = http_query(r, "token");
    return token_ok(auth, token);
}

/* Base64 with its padding; -1 when it is not. */
static int
base64(const char *text, size_t n, unsigned char *out)
{
    int len;

    if (n == 0 || n % 4 != 0 || n > TEXT_MAX)
        return -1;
    len = EVP_DecodeBlock(out, (const unsigned char *)text, (int)n);
    if (len >= 0 && text[n - 1] == '=')
        len--;
    if (len >= 0 && text[n - 2] == '=')
        len--;
    return len;
}

static bool
basic_ok(const struct conf_auth *auth, struct http_request *r)
{
    const char *text = credentials(r, "Basic");
    unsigned char got[TEXT_MAX];
    int n = text != NULL ? base64(text, strlen(text), got) : -1;
    const char *want = arena_printf(http_arena(r), "%s:%s", auth->user != NULL ? auth->user : "",
                                    auth->password != NULL ? auth->password : "");

    return webhook_same_secret((const char *)got, n > 0 ? (size_t)n : 0, want) && n > 0;
}

/* One MAC as text, hex or base64. */
static bool
mac_read(const char *text, size_t n, unsigned char mac[MAC])
{
    unsigned char out[TEXT_MAX];
    size_t len = 0;
    char hex[2 * MAC + 1];

    if (n == 2 * MAC) {
        memcpy(hex, text, n);
        hex[n] = '\0';
        return OPENSSL_hexstr2buf_ex(mac, MAC, &len, hex, '\0') == 1 && len == MAC;
    }
    if (n > 64 || base64(text, n, out) != MAC)
        return false;
    memcpy(mac, out, MAC);
    return true;
}

/* The MACs in the header: several when the sender changes its key, each behind the prefix. */
static size_t
macs_read(const struct conf_auth *auth, const char *value, unsigned char macs[MACS_MAX][MAC])
{
    const char *prefix = auth->prefix != NULL ? auth->prefix : "";
    size_t n = 0, skip = strlen(prefix);

    while (value != NULL && *value != '\0' && n < MACS_MAX) {
        size_t len = strcspn(value, ","), end = len;

        while (end > 0 && (value[end - 1] == ' ' || value[end - 1] == '\t'))
            end--;
        if (end >= skip && memcmp(value, prefix, skip) == 0 && mac_read(value + skip, end - skip, macs[n]))
            n++;
        value += len;
        value += strspn(value, ", \t");
    }
    return n;
}

static bool
hmac_ok(const struct conf_auth *auth, struct http_request *r)
{
    unsigned char macs[MACS_MAX][MAC] = { { 0 } }, own[MAC];
    size_t len, n = macs_read(auth, http_header(r, auth->header), macs);
    const char *body = http_raw_body(r, &len);
    bool ok = false;

    for (size_t i = 0; i < auth->n_secrets; i++) {
        if (HMAC(EVP_sha256(), auth->secrets[i], (int)strlen(auth->secrets[i]), (const unsigned char *)body, len, own,
                 NULL) == NULL)
            continue;
        for (size_t k = 0; k < n; k++)
            ok |= CRYPTO_memcmp(own, macs[k], MAC) == 0;
    }
    return ok;
}

/* A name in the certificate fits one of the patterns; no pattern: any certificate of our authorities. */
static bool
cert_ok(const struct conf_auth *auth, struct http_request *r)
{
    const char **names;
    size_t n = http_client_names(r, &names);

    if (auth->n_subjects == 0)
        return n > 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < auth->n_subjects; k++)
            if (fnmatch(auth->subjects[k], names[i], FNM_NOESCAPE) == 0)
                return true;
    return false;
}

static bool
address_ok(const struct conf_auth *auth, struct http_request *r)
{
    for (size_t i = 0; i < auth->n_allow; i++)
        if (http_peer_in(r, auth->allow[i]))
            return true;
    return auth->n_allow == 0;
}

static bool
credentials_ok(const struct conf_auth *auth, struct http_request *r)
{
    switch (auth->kind) {
    case AUTH_NONE:
    case AUTH_SIGNATURE:
        return true;
    case AUTH_BEARER:
        return bearer_ok(auth, r);
    case AUTH_BASIC:
        return basic_ok(auth, r);
    case AUTH_HMAC:
        return hmac_ok(auth, r);
    case AUTH_CERT:
        return cert_ok(auth, r);
    case AUTH_TOKEN:
        return token_ok(auth, http_header(r, auth->header));
    }
    return false;
}

static enum tocsin_rc
admit(const struct conf_auth *auth, struct http_request *r, struct tocsin_err *err)
{
    if (!address_ok(auth, r))
        return err_set(err, TOCSIN_FORBIDDEN, "", "address %s may not use this collector", http_peer(r));
    if (credentials_ok(auth, r))
        return TOCSIN_OK;
    return err_set(err, TOCSIN_UNAUTHORIZED, "", "credentials are missing or wrong");
}

enum tocsin_rc
webhook_admit(const struct conf_collector *col, struct http_request *r, struct tocsin_err *err)
{
    return admit(&col->auth, r, err);
}

/* admit(), and how to authenticate for who did not. */
static enum tocsin_rc
check(const struct conf_auth *auth, struct http_request *r, struct tocsin_err *err)
{
    enum tocsin_rc rc = admit(auth, r, err);

    if (rc != TOCSIN_UNAUTHORIZED)
        return rc;
    if (auth->kind == AUTH_BASIC)
        http_reply_header(r, "WWW-Authenticate", "Basic realm=\"tocsin\", charset=\"UTF-8\"");
    else if (auth->kind == AUTH_HMAC || auth->kind == AUTH_CERT)
        http_reply_header(r, "WWW-Authenticate", auth->kind == AUTH_HMAC ? "HMAC-SHA256 realm=\"tocsin\""
                                                                         : "Certificate realm=\"tocsin\"");
    return rc;
}

enum tocsin_rc
webhook_check(const struct conf_collector *col, struct http_request *r, struct tocsin_err *err)
{
    static const char *const nothing[] = { "a collector that does not exist takes as long as a wrong token" };
    static const struct conf_auth nobody = { .kind = AUTH_BEARER, .secrets = nothing, .n_secrets = 1 };

    return check(col != NULL ? &col->auth : &nobody, r, err);
}

enum tocsin_rc
webhook_check_origin(const struct conf_collector *col, struct http_request *r, struct tocsin_err *err)
{
    struct conf_auth auth = col->auth;

    if (auth.kind == AUTH_HMAC)
        auth.kind = AUTH_NONE;
    return check(&auth, r, err);
}

enum tocsin_rc
webhook_authenticate(const struct conf_collector *col, struct http_request *r, struct tocsin_err *err)
{
    enum tocsin_rc rc = webhook_check(col, r, err);

    if (rc == TOCSIN_OK && col->auth.kind == AUTH_SIGNATURE)
        rc = webhook_verify(col, r, err);
    return rc;
}
