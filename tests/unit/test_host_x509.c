/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures by certificates, alone and through the SNS integration.  An authority, an issuer
 * below it and signers are made here, each time anew: no key is kept anywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "lib/cases.h"

enum { DAY = 86400 };
static const int64_t now_ms = 1769860800000;        /* 2026-01-31T12:00:00Z */
static const char cert_url[] = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0f.pem";
static const char topic[] = "arn:aws:sns:eu-west-1:111122223333:alarms";

struct party { EVP_PKEY *key; X509 *cert; char *pem; };

static struct {
    struct party root, issuer, signer, short_lived, direct, self_signed;
    struct party other_root, foreign;
    char *chain;                   /* signer and issuer */
    char *foreign_chain;           /* foreign and its root, which nobody trusts */
    char file[64];                 /* root's certificate */
} pki;

/* --- making certificates ---------------------------------------------------------------------- */

static char *
pem_of(X509 *cert)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data, *copy;
    long n;

    assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
    n = BIO_get_mem_data(bio, &data);
    copy = strndup(data, (size_t)n);
    BIO_free(bio);
    return copy;
}

static void
extend(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    assert_non_null(ext);
    X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
}

/* Valid from `days` before now for a year, or until a day ago when days is over a year. */
static void
make(struct party *p, const char *name, const struct party *by, bool authority, long days)
{
    static long serial = 1;
    X509_NAME *subject;
    time_t now = now_ms / 1000;

    p->key = EVP_RSA_gen(2048);
    p->cert = X509_new();
    X509_set_version(p->cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(p->cert), serial++);
    subject = X509_get_subject_name(p->cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(p->cert, by != NULL ? X509_get_subject_name(by->cert) : subject);
    ASN1_TIME_set(X509_getm_notBefore(p->cert), now - days * DAY);
    ASN1_TIME_set(X509_getm_notAfter(p->cert), now - days * DAY + 365 * DAY);
    X509_set_pubkey(p->cert, p->key);
    if (authority)
        extend(p->cert, NID_basic_constraints, "critical,CA:TRUE");
    if (authority)
        extend(p->cert, NID_key_usage, "keyCertSign");
    assert_true(X509_sign(p->cert, by != NULL ? by->key : p->key, EVP_sha256()) > 0);
    p->pem = pem_of(p->cert);
}

static char *
joined(const char *a, const char *b)
{
    char *s = malloc(strlen(a) + strlen(b) + 1);

    assert_non_null(s);
    memcpy(s, a, strlen(a));
    memcpy(s + strlen(a), b, strlen(b) + 1);
    return s;
}

static char *
sign(const struct party *p, const char *digest, const char *data, size_t n)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char raw[512];
    size_t len = sizeof raw;
    char *text = malloc(1024);

    assert_non_null(text);
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_get_digestbyname(digest), NULL, p->key), 1);
    assert_int_equal(EVP_DigestSign(ctx, raw, &len, (const unsigned char *)data, n), 1);
    EVP_EncodeBlock((unsigned char *)text, raw, (int)len);
    EVP_MD_CTX_free(ctx);
    return text;
}

static int
setup(void **state)
{
    int fd;

    (void)state;
    make(&pki.root, "root", NULL, true, 100);
    make(&pki.issuer, "issuer", &pki.root, true, 100);
    make(&pki.signer, "sns.amazonaws.com", &pki.issuer, false, 10);
    make(&pki.direct, "direct", &pki.root, false, 10);
    make(&pki.short_lived, "old", &pki.root, false, 366);
    make(&pki.self_signed, "self", NULL, false, 10);
    make(&pki.other_root, "other root", NULL, true, 100);
    make(&pki.foreign, "foreign", &pki.other_root, false, 10);
    pki.chain = joined(pki.signer.pem, pki.issuer.pem);
    pki.foreign_chain = joined(pki.foreign.pem, pki.other_root.pem);
    snprintf(pki.file, sizeof pki.file, "/tmp/test_host_x509.XXXXXX");
    fd = mkstemp(pki.file);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, pki.root.pem, strlen(pki.root.pem)), (ssize_t)strlen(pki.root.pem));
    close(fd);
    host_set_authorities(pki.file);
    return 0;
}

static int
teardown(void **state)
{
    struct party *all[] = { &pki.root, &pki.issuer, &pki.signer, &pki.direct, &pki.short_lived, &pki.self_signed,
                            &pki.other_root, &pki.foreign };

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        EVP_PKEY_free(all[i]->key);
        X509_free(all[i]->cert);
        free(all[i]->pem);
    }
    free(pki.chain);
    free(pki.foreign_chain);
    unlink(pki.file);
    host_set_authorities(NULL);
    return 0;
}

/* --- the host function ------------------------------------------------------------------------- */

static void
chains(void **state)
{
    const struct {
        const struct party *by;
        const char *pem, *where, *what;
        int64_t when;
        enum tocsin_rc rc;
    } cases[] = {
        { &pki.direct, pki.direct.pem, "", "", now_ms, TOCSIN_OK },
        { &pki.signer, pki.chain, "", "", now_ms, TOCSIN_OK },
        { &pki.signer, pki.signer.pem, "certificate", "not to be trusted: unable to get local issuer certificate",
          now_ms, TOCSIN_NOT_FOUND },
        { &pki.foreign, pki.foreign.pem, "certificate", "not to be trusted: unable to get local issuer certificate",
          now_ms, TOCSIN_NOT_FOUND },
        { &pki.foreign, pki.foreign_chain, "certificate",
          "not to be trusted: self-signed certificate in certificate chain", now_ms, TOCSIN_UNAUTHORIZED },
        { &pki.self_signed, pki.self_signed.pem, "certificate", "not to be trusted: self-signed certificate", now_ms,
          TOCSIN_UNAUTHORIZED },
        { &pki.short_lived, pki.short_lived.pem, "certificate", "not to be trusted: expired", now_ms,
          TOCSIN_UNAUTHORIZED },
        { &pki.direct, pki.direct.pem, "certificate", "not to be trusted: not yet valid", now_ms - 20LL * DAY * 1000,
          TOCSIN_UNAUTHORIZED },
        { &pki.direct, pki.signer.pem, "signature", "does not fit the message", now_ms, TOCSIN_UNAUTHORIZED },
        { &pki.direct, "<html>", "certificate", "not a certificate in PEM form", now_ms, TOCSIN_UNAUTHORIZED },
        { &pki.direct, "", "certificate", "not a certificate in PEM form", now_ms, TOCSIN_UNAUTHORIZED },
    };
    static const char *const digests[] = { "SHA1", "SHA256" };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        const char *digest = digests[i % 2];
        struct tocsin_err err = { 0 };
        char *signature = sign(cases[i / 2].by, digest, "hello", 5);

        assert_int_equal(plugin_host.x509_verify(cases[i / 2].pem, strlen(cases[i / 2].pem), digest, "hello", 5,
                                                 signature, cases[i / 2].when, &err),
                         cases[i / 2].rc);
        assert_string_equal(err.where, cases[i / 2].where);
        assert_string_equal(err.what, cases[i / 2].what);
        free(signature);
    }
}

static void
signatures(void **state)
{
    char *good = sign(&pki.direct, "SHA256", "hello", 5);
    const char *pem = pki.direct.pem;
    struct tocsin_err err = { 0 };
    size_t n = strlen(pem);

    (void)state;
    assert_int_equal(plugin_host.x509_verify(pem, n, "SHA256", "hellO", 5, good, now_ms, &err), TOCSIN_UNAUTHORIZED);
    assert_int_equal(plugin_host.x509_verify(pem, n, "SHA1", "hello", 5, good, now_ms, &err), TOCSIN_UNAUTHORIZED);
    assert_int_equal(plugin_host.x509_verify(pem, n, "SHA256", "hello", 5, "", now_ms, &err), TOCSIN_UNAUTHORIZED);
    assert_string_equal(err.what, "not base64");
    assert_int_equal(plugin_host.x509_verify(pem, n, "SHA256", "hello", 5, "@@@@", now_ms, &err), TOCSIN_UNAUTHORIZED);
    assert_int_equal(plugin_host.x509_verify(pem, n, "SHA256", "hello", 5, "QUJD", now_ms, &err), TOCSIN_UNAUTHORIZED);
    assert_string_equal(err.what, "does not fit the message");
    assert_int_equal(plugin_host.x509_verify(pem, n, "MD5", "hello", 5, good, now_ms, &err), TOCSIN_INTERNAL);
    assert_int_equal(plugin_host.x509_verify(pem, n, "SHA256", "hello", 5, good, now_ms, &err), TOCSIN_OK);
    free(good);
}

/* Without the file, these are strangers to the machine's own authorities. */
static void
system_authorities(void **state)
{
    char *good = sign(&pki.direct, "SHA256", "hello", 5);
    struct tocsin_err err = { 0 };

    (void)state;
    host_set_authorities(NULL);
    assert_int_equal(
        plugin_host.x509_verify(pki.direct.pem, strlen(pki.direct.pem), "SHA256", "hello", 5, good, now_ms, &err),
        TOCSIN_NOT_FOUND);
    host_set_authorities("/nonexistent");
    assert_int_equal(
        plugin_host.x509_verify(pki.direct.pem, strlen(pki.direct.pem), "SHA256", "hello", 5, good, now_ms, &err),
        TOCSIN_TEMPORARY);
    host_set_authorities(pki.file);
    free(good);
}

/* --- SNS --------------------------------------------------------------------------------------------- */

static const char *
no_header(const struct tocsin_payload *in, const char *name)
{
    (void)in;
    (void)name;
    return NULL;
}

static const char notification_text[] =
    "Message\nline 1\nline 2 \xc3\xa9\nMessageId\nm-1\nSubject\ns\nTimestamp\n2026-01-31T11:58:05.123Z\n"
    "TopicArn\narn:aws:sns:eu-west-1:111122223333:alarms\nType\nNotification\n";
static const char bare_text[] = "Message\nx\nMessageId\nm-1\nTimestamp\n2026-01-31T11:58:05.123Z\n"
                                "TopicArn\narn:aws:sns:eu-west-1:111122223333:alarms\nType\nNotification\n";
static const char subscription_text[] =
    "Message\nx\nMessageId\nm-1\nSubscribeURL\nhttps://sns.eu-west-1.amazonaws.com/"
    "?a\nTimestamp\n2026-01-31T11:58:05.123Z\n"
    "Token\ntok\nTopicArn\narn:aws:sns:eu-west-1:111122223333:alarms\nType\nSubscriptionConfirmation\n";

static json_t *
envelope(const char *type, const char *message, const char *subject)
{
    json_t *e = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "Type", type, "MessageId", "m-1", "TopicArn", topic,
                          "Message", message, "Timestamp", "2026-01-31T11:58:05.123Z", "SigningCertURL", cert_url);

    if (subject != NULL)
        json_object_set_new(e, "Subject", json_string(subject));
    if (strcmp(type, "Notification") != 0) {
        json_object_set_new(e, "SubscribeURL", json_string("https://sns.eu-west-1.amazonaws.com/?a"));
        json_object_set_new(e, "Token", json_string("tok"));
    }
    return e;
}

static void
put_signature(json_t *e, const struct party *by, const char *version, const char *text)
{
    char *signature = sign(by, version[0] == '1' ? "SHA1" : "SHA256", text, strlen(text));

    json_object_set_new(e, "SignatureVersion", json_string(version));
    json_object_set_new(e, "Signature", json_string(signature));
    free(signature);
}

static enum tocsin_rc
verify(json_t *e, const char *pem, struct setting *items, size_t n, struct tocsin_err *err)
{
    const struct tocsin_plugin *sns = cases_plugin("aws-sns");
    struct tocsin_settings set = { items, n };
    struct tocsin_document doc = { .body = NULL };
    char *body = json_dumps(e, 0);
    struct tocsin_payload in = { .collector = "c", .body = body, .len = strlen(body), .received_at = now_ms,
                                 .header = no_header, .query = no_header };
    enum tocsin_rc rc;
    void *self;

    memset(err, 0, sizeof *err);
    assert_non_null(sns);
    assert_int_equal(sns->open(&plugin_host, &set, &self, err), TOCSIN_OK);
    rc = sns->verify(self, &plugin_host, &in, &doc, err);
    if (rc == TOCSIN_NEED_FETCH) {
        assert_string_equal(doc.url, cert_url);
        doc.body = pem;
        doc.len = strlen(pem);
        rc = sns->verify(self, &plugin_host, &in, &doc, err);
    }
    sns->close(self);
    free(body);
    return rc;
}

static void
sns_good(void **state)
{
    static const struct { const char *type, *message, *subject, *text; } cases[] = {
        { "Notification", "line 1\nline 2 \xc3\xa9", "s", notification_text },
        { "Notification", "x", NULL, bare_text },
        { "SubscriptionConfirmation", "x", NULL, subscription_text },
    };

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        json_t *e = envelope(cases[i / 2].type, cases[i / 2].message, cases[i / 2].subject);
        struct tocsin_err err;

        put_signature(e, &pki.signer, i % 2 == 0 ? "1" : "2", cases[i / 2].text);
        assert_int_equal(verify(e, pki.chain, NULL, 0, &err), TOCSIN_OK);
        assert_int_equal(err.rc, TOCSIN_OK);
        json_object_set_new(e, "MessageId", json_string("m-2"));         /* tampered with */
        assert_int_equal(verify(e, pki.chain, NULL, 0, &err), TOCSIN_UNAUTHORIZED);
        assert_string_equal(err.where, "$.Signature");
        assert_string_equal(err.what, "signature: does not fit the message");
        json_decref(e);
    }
}

static void
sns_null_subject(void **state)
{
    json_t *e = envelope("Notification", "x", NULL);
    struct tocsin_err err;

    (void)state;
    json_object_set_new(e, "Subject", json_null());
    put_signature(e, &pki.signer, "2", bare_text);
    assert_int_equal(verify(e, pki.chain, NULL, 0, &err), TOCSIN_OK);
    json_decref(e);
}

static void
sns_records(void **state)
{
    json_t *e = envelope("Notification", "x", NULL), *two = envelope("Notification", "x", NULL);
    json_t *root = json_pack("{s:[{s:o}, {s:o}]}", "Records", "Sns", e, "Sns", two);
    struct tocsin_err err;

    (void)state;
    put_signature(e, &pki.signer, "1", bare_text);
    put_signature(two, &pki.signer, "2", bare_text);
    assert_int_equal(verify(root, pki.chain, NULL, 0, &err), TOCSIN_OK);
    json_object_set_new(two, "Message", json_string("y"));
    assert_int_equal(verify(root, pki.chain, NULL, 0, &err), TOCSIN_UNAUTHORIZED);
    assert_string_equal(err.where, "$.Records[1].Sns.Signature");
    json_decref(root);
}

/* What SNS really serves: its certificate alone. */
static void
sns_missing_issuer(void **state)
{
    json_t *e = envelope("Notification", "x", NULL);
    struct setting strict[] = { { .name = "require_chain", .num = 1 }, { .name = "issuers", .text = pki.issuer.pem } };
    struct tocsin_err err;

    (void)state;
    put_signature(e, &pki.signer, "1", bare_text);
    assert_int_equal(verify(e, pki.signer.pem, NULL, 0, &err), TOCSIN_OK);
    assert_int_equal(verify(e, pki.signer.pem, strict, 1, &err), TOCSIN_UNAUTHORIZED);
    assert_string_equal(err.what,
                        "the certificate's issuer is unknown, and require_chain is set: give it in 'issuers'");
    assert_int_equal(verify(e, pki.signer.pem, strict, 2, &err), TOCSIN_OK);
    json_decref(e);
}

static void
sns_untrusted(void **state)
{
    json_t *e = envelope("Notification", "x", NULL);
    struct tocsin_err err;

    (void)state;
    put_signature(e, &pki.self_signed, "1", bare_text);
    assert_int_equal(verify(e, pki.self_signed.pem, NULL, 0, &err), TOCSIN_UNAUTHORIZED);
    assert_string_equal(err.what, "certificate: not to be trusted: self-signed certificate");
    put_signature(e, &pki.foreign, "1", bare_text);
    assert_int_equal(verify(e, pki.foreign_chain, NULL, 0, &err), TOCSIN_UNAUTHORIZED);
    put_signature(e, &pki.short_lived, "1", bare_text);
    assert_int_equal(verify(e, pki.short_lived.pem, NULL, 0, &err), TOCSIN_UNAUTHORIZED);
    assert_string_equal(err.what, "certificate: not to be trusted: expired");
    json_decref(e);
}

/* A well-signed message of somebody else's topic is refused before anything is fetched. */
static void
sns_wrong_topic(void **state)
{
    const char *listed[] = { "arn:aws:sns:eu-west-1:111122223333:other" };
    struct setting set[] = { { .name = "topic_arns", .list = listed, .n_list = 1 } };
    json_t *e = envelope("Notification", "x", NULL);
    struct tocsin_err err;

    (void)state;
    put_signature(e, &pki.signer, "1", bare_text);
    assert_int_equal(verify(e, pki.chain, set, 1, &err), TOCSIN_FORBIDDEN);
    assert_string_equal(err.what, "topic 'arn:aws:sns:eu-west-1:111122223333:alarms' is not in topic_arns");
    json_decref(e);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(chains),        cmocka_unit_test(signatures),        cmocka_unit_test(system_authorities),
    cmocka_unit_test(sns_good),      cmocka_unit_test(sns_null_subject),  cmocka_unit_test(sns_records),
    cmocka_unit_test(sns_missing_issuer), cmocka_unit_test(sns_untrusted), cmocka_unit_test(sns_wrong_topic),
};

int
main(void)
{
    return cmocka_run_group_tests_name("host_x509", tests, setup, teardown);
}
