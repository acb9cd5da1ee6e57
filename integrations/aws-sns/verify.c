/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify.c - is it SNS that speaks?
 *
 * SNS signs a text made of chosen members, each name and value on a line of its
 * own, in the order of their names: with RSA over SHA-1 (SignatureVersion 1)
 * or SHA-256 (2).  The certificate is at SigningCertURL; that address comes
 * from the message, so it must be one of SNS's own hosts before anything is
 * fetched, and the host fetches it over https without following redirects.
 *
 * SNS serves its certificate without the certificates that issued it.  Where
 * they are unknown, trust rests on that verified https connection to SNS,
 * unless require_chain is set.
 */
#include "sns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const notification[] = { "Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type", NULL };
static const char *const confirmation[] = { "Message",   "MessageId", "SubscribeURL", "Timestamp",
                                            "Token",     "TopicArn",  "Type",         NULL };

static size_t
put(char *p, const char *s, size_t n)
{
    memcpy(p, s, n);
    p[n] = '\n';
    return n + 1;
}

/* The text that was signed; NULL with err filled.  The caller frees it. */
static char *
canonical(const struct tocsin_host *host, const json_t *envelope, const char *path, size_t *len, struct tocsin_err *err)
{
    const char *type = json_string_value(json_object_get(envelope, "Type"));
    const char *const *names = type != NULL && strcmp(type, "Notification") == 0 ? notification : confirmation;
    size_t size = 1, n = 0;
    char where[80], *text;

    for (const char *const *name = names; *name != NULL; name++) {
        const json_t *value = json_object_get(envelope, *name);
        bool optional = strcmp(*name, "Subject") == 0 && (value == NULL || json_is_null(value));

        if (!optional && !json_is_string(value)) {
            snprintf(where, sizeof where, "%s.%s", path, *name);
            host->fail(err, TOCSIN_UNAUTHORIZED, where, "expected text: it is part of what SNS signs");
            return NULL;
        }
        size += strlen(*name) + json_string_length(value) + 2;
    }
    text = malloc(size);
    if (text == NULL) {
        host->fail(err, TOCSIN_FATAL, "", "out of memory");
        return NULL;
    }
    for (const char *const *name = names; *name != NULL; name++) {
        const json_t *value = json_object_get(envelope, *name);

        if (!json_is_string(value))
            continue;
        n += put(text + n, *name, strlen(*name));
        n += put(text + n, json_string_value(value), json_string_length(value));
    }
    *len = n;
    return text;
}

/* Lambda writes SigningCertUrl where HTTP has SigningCertURL. */
static const char *
cert_url(const json_t *envelope)
{
    const char *url = json_string_value(json_object_get(envelope, "SigningCertURL"));

    return url != NULL ? url : json_string_value(json_object_get(envelope, "SigningCertUrl"));
}

static enum tocsin_rc
check_url(const struct tocsin_host *host, const json_t *envelope, const char *path, struct tocsin_document *doc,
          struct tocsin_err *err)
{
    const char *url = cert_url(envelope), *rest = url != NULL ? sns_address(url) : NULL;
    size_t n = url != NULL ? strlen(url) : 0;
    char where[80];

    snprintf(where, sizeof where, "%s.SigningCertURL", path);
    if (rest == NULL || n >= sizeof doc->url || n < 4 || strcmp(url + n - 4, ".pem") != 0 ||
        strpbrk(rest, "?#%") != NULL || strstr(rest, "..") != NULL)
        return host->fail(err, TOCSIN_UNAUTHORIZED, where, "expected https://sns.<region>.amazonaws.com/<name>.pem");
    if (doc->url[0] != '\0' && strcmp(doc->url, url) != 0)
        return host->fail(err, TOCSIN_UNAUTHORIZED, where,
                          "the messages of one request are signed by different certificates");
    snprintf(doc->url, sizeof doc->url, "%s", url);
    return TOCSIN_OK;
}

static const char *
digest_of(const json_t *envelope)
{
    const char *version = json_string_value(json_object_get(envelope, "SignatureVersion"));

    return version == NULL ? NULL : strcmp(version, "1") == 0 ? "SHA1" : strcmp(version, "2") == 0 ? "SHA256" : NULL;
}

/* The certificate with the issuers that the operator gave behind it. */
static char *
with_issuers(const struct sns *sns, const struct tocsin_document *doc, size_t *len)
{
    size_t n = strlen(sns->issuers);
    char *pem = malloc(doc->len + n + 2);

    if (pem == NULL)
        return NULL;
    memcpy(pem, doc->body, doc->len);
    pem[doc->len] = '\n';
    memcpy(pem + doc->len + 1, sns->issuers, n + 1);
    *len = doc->len + 1 + n;
    return pem;
}

static enum tocsin_rc
check_signature(const struct sns *sns, const struct tocsin_host *host, const struct tocsin_payload *in,
                const json_t *envelope, const char *path, const struct tocsin_document *doc, struct tocsin_err *err)
{
    const char *signature = json_string_value(json_object_get(envelope, "Signature")), *digest = digest_of(envelope);
    size_t len = 0, pem_len = 0;
    char where[80], *text = NULL, *pem = NULL;
    enum tocsin_rc rc = TOCSIN_UNAUTHORIZED;

    snprintf(where, sizeof where, "%s.%s", path, digest == NULL ? "SignatureVersion" : "Signature");
    if (digest == NULL || signature == NULL)
        return host->fail(err, rc, where, digest == NULL ? "expected '1' or '2'" : "expected text");
    text = canonical(host, envelope, path, &len, err);
    if (text == NULL)
        return err->rc;
    pem = with_issuers(sns, doc, &pem_len);
    if (pem == NULL)
        rc = host->fail(err, TOCSIN_FATAL, "", "out of memory");
    else
        rc = host->x509_verify(pem, pem_len, digest, text, len, signature, in->received_at, err);
    if (rc == TOCSIN_NOT_FOUND && sns->require_chain)
        rc = host->fail(err, TOCSIN_UNAUTHORIZED, where,
                        "the certificate's issuer is unknown, and require_chain is set: give it in 'issuers'");
    else if (rc == TOCSIN_NOT_FOUND)
        rc = TOCSIN_OK;
    else if (rc != TOCSIN_OK)
        rc = host->fail(err, rc, where, "%s: %.200s", err->where, err->what);
    free(text);
    free(pem);
    return rc;
}

/*
 * A signature is good for ever, so a captured message could be sent again to end a later alarm.  SNS itself tries for at
 * most an hour, and the time is part of what it signs.  A time to come is let through: it is this machine's clock that
 * is wrong, and a page would be lost.
 */
static enum tocsin_rc
check_age(const struct sns *sns, const struct tocsin_host *host, const struct tocsin_payload *in, const json_t *envelope,
          const char *path, struct tocsin_err *err)
{
    const char *text = json_string_value(json_object_get(envelope, "Timestamp"));
    int64_t sent_at = text != NULL ? host->time_of(text) : 0;
    char where[80];

    if (sns->max_age_ms == 0 || in->received_at - sent_at <= sns->max_age_ms)
        return TOCSIN_OK;
    snprintf(where, sizeof where, "%s.Timestamp", path);
    if (text == NULL)
        return host->fail(err, TOCSIN_UNAUTHORIZED, where, "expected text: it is part of what SNS signs");
    if (sent_at == 0)
        return host->fail(err, TOCSIN_UNAUTHORIZED, where, "'%.40s' is not a time", text);
    return host->fail(err, TOCSIN_UNAUTHORIZED, where, "the message is %lld s old, more than max_age: sent again by a "
                      "stranger, or this machine's clock is wrong", (long long)((in->received_at - sent_at) / 1000));
}

static enum tocsin_rc
verify_document(const struct sns *sns, const struct tocsin_host *host, const struct tocsin_payload *in,
                const json_t *root, struct tocsin_document *doc, struct tocsin_err *err)
{
    size_t n = sns_envelopes(root);
    bool fetched = doc->body != NULL;
    enum tocsin_rc rc;

    if (n == 0)
        return host->fail(err, TOCSIN_UNAUTHORIZED, "$",
                          "not a signed message of SNS: it has no 'Type' and 'TopicArn'");
    if (!fetched)
        doc->url[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        char path[40], where[80];
        const json_t *envelope = sns_envelope(root, i, path);
        const char *topic = json_string_value(json_object_get(envelope, "TopicArn"));

        snprintf(where, sizeof where, "%s.TopicArn", path);
        rc = sns_check_topic(sns, host, topic != NULL ? topic : "", where, err);
        if (rc == TOCSIN_OK)
            rc = check_url(host, envelope, path, doc, err);
        if (rc == TOCSIN_OK)
            rc = check_age(sns, host, in, envelope, path, err);
        if (rc == TOCSIN_OK && fetched)
            rc = check_signature(sns, host, in, envelope, path, doc, err);
        if (rc != TOCSIN_OK)
            return rc;
    }
    return fetched ? TOCSIN_OK : TOCSIN_NEED_FETCH;
}

enum tocsin_rc
sns_verify(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_document *doc,
           struct tocsin_err *err)
{
    json_t *root = NULL;
    enum tocsin_rc rc;

    if (sns_is_raw(in))
        return host->fail(err, TOCSIN_UNAUTHORIZED, "header x-amz-sns-rawdelivery",
                          "raw delivery carries no signature: switch it off in the subscription, or use another auth");
    rc = host->parse_json(in->body, in->len, &root, err);
    if (rc != TOCSIN_OK)
        return rc;
    rc = verify_document(self, host, in, root, doc, err);
    json_decref(root);
    return rc;
}
