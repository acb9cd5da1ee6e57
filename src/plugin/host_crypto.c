/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_crypto.c - signatures, by OpenSSL's libcrypto.
 *
 * Of what came in (HMAC of a shared secret; a certificate's key) and of what
 * goes out (Standard Webhooks).  Macs are compared in constant time.
 */
#include "plugin/host.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/xalloc.h"

enum { MAC = 32 };

/* Heap, or NULL when it is not base64.  Line ends within are fine, as OpenSSL reads them. */
static unsigned char *
base64_decode(const char *text, size_t n, size_t *len_out)
{
    EVP_ENCODE_CTX *ctx;
    unsigned char *out;
    int len = 0, tail = 0;
    bool ok;

    if (n == 0 || n > 1 << 20)
        return NULL;
    ctx = EVP_ENCODE_CTX_new();
    out = xmalloc(n);
    if (ctx == NULL) {
        free(out);
        return NULL;
    }
    EVP_DecodeInit(ctx);
    ok = EVP_DecodeUpdate(ctx, out, &len, (const unsigned char *)text, (int)n) >= 0 &&
         EVP_DecodeFinal(ctx, out + len, &tail) == 1 && len + tail > 0;
    EVP_ENCODE_CTX_free(ctx);
    if (!ok) {
        free(out);
        return NULL;
    }
    *len_out = (size_t)(len + tail);
    return out;
}

/* --- shared secrets ------------------------------------------------------------------ */

static int
hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool
read_hex(const char *s, unsigned char out[MAC])
{
    for (size_t i = 0; i < MAC; i++) {
        int high = hex_digit(s[2 * i]), low = hex_digit(s[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

bool
host_hmac_sha256_ok(const char *key, size_t key_len, const char *data, size_t len, const char *mac, size_t mac_len)
{
    unsigned char expected[MAC], given[MAC], *decoded;
    size_t n = 0;
    bool read = false;

    if (HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)data, len, expected, NULL) == NULL)
        return false;
    if (mac_len == MAC) {
        memcpy(given, mac, MAC);
        read = true;
    } else if (mac_len == 2 * MAC) {
        read = read_hex(mac, given);
    } else if (mac_len == 44) {    /* base64 of 32 bytes */
        decoded = base64_decode(mac, mac_len, &n);
        read = decoded != NULL && n == MAC;
        if (read)
            memcpy(given, decoded, MAC);
        free(decoded);
    }
    return read && CRYPTO_memcmp(expected, given, MAC) == 0;
}

/* --- certificates ---------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    X509_STORE *store;             /* loaded on first use: it holds some 140 authorities */
    char *file;                    /* NULL: the system's */
} authorities = { .lock = PTHREAD_MUTEX_INITIALIZER };

void
host_set_authorities(const char *pem_file)
{
    pthread_mutex_lock(&authorities.lock);
    X509_STORE_free(authorities.store);
    authorities.store = NULL;
    free(authorities.file);
    authorities.file = pem_file != NULL ? xstrdup(pem_file) : NULL;
    pthread_mutex_unlock(&authorities.lock);
}

/* A reference of the caller's own, or NULL. */
static X509_STORE *
authorities_get(void)
{
    X509_STORE *store;
    bool loaded;

    pthread_mutex_lock(&authorities.lock);
    if (authorities.store == NULL) {
        store = X509_STORE_new();
        loaded = store != NULL && (authorities.file != NULL ? X509_STORE_load_file(store, authorities.file)
                                                            : X509_STORE_set_default_paths(store)) == 1;
        if (!loaded) {
            X509_STORE_free(store);
            store = NULL;
        }
        authorities.store = store;
    }
    store = authorities.store;
    if (store != NULL)
        X509_STORE_up_ref(store);
    pthread_mutex_unlock(&authorities.lock);
    return store;
}

/* The first certificate is the signer's; those behind it may be its issuers. */
static X509 *
read_chain(const char *pem, size_t len, STACK_OF(X509) *issuers)
{
    BIO *bio = len < 1 << 20 ? BIO_new_mem_buf(pem, (int)len) : NULL;
    X509 *signer = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL, *next;

    while (signer != NULL && sk_X509_num(issuers) < 8 && (next = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
        sk_X509_push(issuers, next);
    ERR_clear_error();             /* the end of the file is one */
    BIO_free(bio);
    return signer;
}

static enum tocsin_rc
check_chain(X509 *signer, STACK_OF(X509) *issuers, int64_t when, struct tocsin_err *err)
{
    X509_STORE *store = authorities_get();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    enum tocsin_rc rc = TOCSIN_OK;
    int why;

    if (store == NULL || ctx == NULL || X509_STORE_CTX_init(ctx, store, signer, issuers) != 1) {
        rc = host_fail(err, TOCSIN_TEMPORARY, "certificate", "cannot read the authorities of this machine");
        goto out;
    }
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), (time_t)(when / 1000));
    if (X509_verify_cert(ctx) == 1)
        goto out;
    why = X509_STORE_CTX_get_error(ctx);
    if (why == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY && X509_STORE_CTX_get_error_depth(ctx) == 0)
        rc = TOCSIN_NOT_FOUND;
    else
        rc = TOCSIN_UNAUTHORIZED;
    host_fail(err, rc, "certificate", "not to be trusted: %s", X509_verify_cert_error_string(why));
out:
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return rc;
}

/* OpenSSL reports a missing issuer before it looks at the dates. */
static enum tocsin_rc
check_dates(X509 *signer, int64_t when, struct tocsin_err *err)
{
    time_t t = (time_t)(when / 1000);

    if (X509_cmp_time(X509_get0_notBefore(signer), &t) >= 0)
        return host_fail(err, TOCSIN_UNAUTHORIZED, "certificate", "not to be trusted: not yet valid");
    if (X509_cmp_time(X509_get0_notAfter(signer), &t) <= 0)
        return host_fail(err, TOCSIN_UNAUTHORIZED, "certificate", "not to be trusted: expired");
    return TOCSIN_OK;
}

static enum tocsin_rc
check_signature(X509 *signer, const EVP_MD *digest, const char *data, size_t len, const char *base64,
                struct tocsin_err *err)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    enum tocsin_rc rc = TOCSIN_OK;
    unsigned char *signature;
    size_t n = 0;

    signature = base64_decode(base64, strlen(base64), &n);
    if (signature == NULL)
        rc = host_fail(err, TOCSIN_UNAUTHORIZED, "signature", "not base64");
    else if (ctx == NULL || EVP_DigestVerifyInit(ctx, NULL, digest, NULL, X509_get0_pubkey(signer)) != 1 ||
             EVP_DigestVerify(ctx, signature, n, (const unsigned char *)data, len) != 1)
        rc = host_fail(err, TOCSIN_UNAUTHORIZED, "signature", "does not fit the message");
    ERR_clear_error();
    EVP_MD_CTX_free(ctx);
    free(signature);
    return rc;
}

enum tocsin_rc
host_x509_verify(const char *cert, size_t cert_len, const char *digest, const char *data, size_t len,
                 const char *signature_base64, int64_t when, struct tocsin_err *err)
{
    const EVP_MD *md = strcmp(digest, "SHA1") == 0 ? EVP_sha1() : strcmp(digest, "SHA256") == 0 ? EVP_sha256() : NULL;
    STACK_OF(X509) *issuers = sk_X509_new_null();
    X509 *signer = NULL;
    enum tocsin_rc rc;

    if (md == NULL || issuers == NULL) {
        rc = host_fail(err, TOCSIN_INTERNAL, "signature", "unknown digest '%s'", digest);
        goto out;
    }
    signer = read_chain(cert, cert_len, issuers);
    if (signer == NULL) {
        rc = host_fail(err, TOCSIN_UNAUTHORIZED, "certificate", "not a certificate in PEM form");
        goto out;
    }
    rc = check_signature(signer, md, data, len, signature_base64, err);
    if (rc == TOCSIN_OK)
        rc = check_dates(signer, when, err);
    if (rc == TOCSIN_OK)
        rc = check_chain(signer, issuers, when, err);
out:
    X509_free(signer);
    sk_X509_pop_free(issuers, X509_free);
    return rc;
}

/* --- what goes out ------------------------------------------------------------------------ */

enum tocsin_rc
host_standard_signature(struct arena *a, const char *secret, const char *id, const char *timestamp, const char *body,
                        size_t len, const char **out_r, struct tocsin_err *err)
{
    static const char prefix[] = "whsec_";
    bool encoded = strncmp(secret, prefix, sizeof prefix - 1) == 0;
    unsigned char *key = NULL, mac[MAC];
    char *head, *text, *signature;
    size_t key_len = strlen(secret), head_len;

    if (encoded) {
        key = base64_decode(secret + sizeof prefix - 1, key_len - (sizeof prefix - 1), &key_len);
        if (key == NULL)
            return host_fail(err, TOCSIN_BAD_CONFIG, "secret", "expected base64 behind 'whsec_'");
    }
    head = arena_printf(a, "%s.%s.", id, timestamp);
    head_len = strlen(head);
    text = arena_alloc(a, head_len + len);
    memcpy(text, head, head_len);
    if (len > 0)
        memcpy(text + head_len, body, len);
    HMAC(EVP_sha256(), encoded ? (const void *)key : (const void *)secret, (int)key_len, (const unsigned char *)text,
         head_len + len, mac, NULL);
    if (encoded) {
        OPENSSL_cleanse(key, key_len);
        free(key);
    }
    signature = arena_alloc(a, 48);
    EVP_EncodeBlock((unsigned char *)signature, mac, MAC);
    *out_r = arena_printf(a, "v1,%s", signature);
    return TOCSIN_OK;
}
