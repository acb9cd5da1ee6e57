/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - Amazon SNS: the envelope.
 *
 * An HTTP subscription delivers an envelope {Type, TopicArn, Message, ...} as
 * text/plain; a forwarder may wrap several as Lambda gets them
 * ({"Records": [{"Sns": {...}}]}); with raw delivery the message comes alone
 * and the rest stands in headers.  A subscription is confirmed only for a topic
 * that the operator listed, and only at an address of SNS itself: whoever can
 * reach the collector could otherwise subscribe it to anything, or make it
 * fetch anything.
 */
#include "sns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- topics and addresses --------------------------------------------------------------- */

enum tocsin_rc
sns_check_topic(const struct sns *sns, const struct tocsin_host *host, const char *topic, const char *path,
                struct tocsin_err *err)
{
    for (size_t i = 0; i < sns->n_topics; i++)
        if (strcmp(sns->topics[i], topic) == 0)
            return TOCSIN_OK;
    if (sns->n_topics == 0)
        return TOCSIN_OK;
    if (topic[0] == '\0')
        return host->fail(err, TOCSIN_FORBIDDEN, path, "the message names no topic, and topic_arns is set");
    return host->fail(err, TOCSIN_FORBIDDEN, path, "topic '%.300s' is not in topic_arns", topic);
}

/* https://sns.<region>.amazonaws.com[.cn]/path: nothing before the host, no port behind it. */
const char *
sns_address(const char *url)
{
    static const char begin[] = "https://sns.", end[] = ".amazonaws.com";
    const char *p = url;
    size_t region;

    for (const char *q = url; *q != '\0'; q++)
        if (*q <= ' ' || *q >= 0x7f || strchr("\\@\"<>", *q) != NULL)
            return NULL;
    if (strncmp(p, begin, sizeof begin - 1) != 0)
        return NULL;
    p += sizeof begin - 1;
    region = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789-");
    p += region;
    if (region < 3 || strncmp(p, end, sizeof end - 1) != 0)
        return NULL;
    p += sizeof end - 1;
    if (strncmp(p, ".cn", 3) == 0)
        p += 3;
    return *p == '/' ? p : NULL;
}

bool
sns_is_raw(const struct tocsin_payload *in)
{
    const char *raw = in->header != NULL ? in->header(in, "x-amz-sns-rawdelivery") : NULL;

    return raw != NULL && strcasecmp(raw, "true") == 0;
}

/* --- envelopes ------------------------------------------------------------------------------ */

size_t
sns_envelopes(const json_t *root)
{
    const json_t *records = json_object_get(root, "Records"), *sns = NULL;

    if (json_is_array(records))
        sns = json_object_get(json_array_get(records, 0), "Sns");
    if (json_is_object(sns))
        return json_array_size(records);
    return json_is_string(json_object_get(root, "Type")) && json_object_get(root, "TopicArn") != NULL ? 1 : 0;
}

const json_t *
sns_envelope(const json_t *root, size_t i, char path[40])
{
    const json_t *records = json_object_get(root, "Records");

    if (!json_is_array(records)) {
        snprintf(path, 40, "$");
        return root;
    }
    snprintf(path, 40, "$.Records[%zu].Sns", i);
    return json_object_get(json_array_get(records, i), "Sns");
}

static enum tocsin_rc
fail_at(const struct sns_read *r, enum tocsin_rc rc, const char *path, const char *name, const char *what)
{
    char where[80];

    snprintf(where, sizeof where, "%s.%s", path, name);
    return r->host->fail(r->err, rc, where, "%s", what);
}

static const char *
text_of(const struct sns_read *r, const json_t *envelope, const char *name)
{
    return r->host->text(r->out, json_object_get(envelope, name));
}

static enum tocsin_rc
notification(const struct sns_read *r, const json_t *envelope, const char *path)
{
    const json_t *message = json_object_get(envelope, "Message");
    struct sns_message m = { .path = path };

    if (!json_is_string(message))
        return fail_at(r, TOCSIN_MEANINGLESS, path, "Message", "expected text");
    m.topic = text_of(r, envelope, "TopicArn");
    m.id = text_of(r, envelope, "MessageId");
    m.subject = text_of(r, envelope, "Subject");
    m.text = json_string_value(message);
    m.text_len = json_string_length(message);
    m.sent_at = r->host->time_of(json_string_value(json_object_get(envelope, "Timestamp")));
    return sns_message(r, &m);
}

static bool
confirms(const char *rest)
{
    return strncmp(rest, "/?", 2) == 0 && (strncmp(rest + 2, "Action=ConfirmSubscription&", 27) == 0 ||
                                           strstr(rest, "&Action=ConfirmSubscription") != NULL);
}

/* sent: the envelope as it was sent, for its address holds a token. */
static enum tocsin_rc
subscription(const struct sns_read *r, const json_t *envelope, const json_t *sent, const char *path)
{
    const char *topic = text_of(r, envelope, "TopicArn"), *url = text_of(r, sent, "SubscribeURL");
    const char *rest = sns_address(url);

    if (r->sns->n_topics == 0)
        return fail_at(r, TOCSIN_FORBIDDEN, path, "TopicArn",
                       "a subscription is only confirmed for a topic that topic_arns lists, and it is not set");
    if (rest == NULL)
        return fail_at(r, TOCSIN_FORBIDDEN, path, "SubscribeURL",
                       "expected https://sns.<region>.amazonaws.com/..., the subscription is not confirmed");
    if (!confirms(rest))
        return fail_at(r, TOCSIN_FORBIDDEN, path, "SubscribeURL",
                       "expected Action=ConfirmSubscription, the subscription is not confirmed");
    r->host->batch_get(r->out, url, r->host->batch_printf(r->out, "confirm the subscription to %s", topic));
    r->host->batch_note(r->out, "the subscription to %s is being confirmed", topic);
    return TOCSIN_OK;
}

/* What is compared with the settings, or fetched, is taken from the envelope as it was sent; alerts get what is redacted. */
static enum tocsin_rc
read_envelope(const struct sns_read *r, const json_t *envelope, const json_t *sent, const char *path)
{
    const char *type = text_of(r, envelope, "Type"), *topic = text_of(r, envelope, "TopicArn");
    char where[80];
    enum tocsin_rc rc;

    if (!json_is_object(envelope))
        return r->host->fail(r->err, TOCSIN_MEANINGLESS, path, "expected an SNS message, which is an object");
    snprintf(where, sizeof where, "%s.TopicArn", path);
    rc = sns_check_topic(r->sns, r->host, text_of(r, sent, "TopicArn"), where, r->err);
    if (rc != TOCSIN_OK)
        return rc;
    if (strcmp(type, "Notification") == 0)
        return notification(r, envelope, path);
    if (strcmp(type, "SubscriptionConfirmation") == 0)
        return subscription(r, envelope, sent, path);
    if (strcmp(type, "UnsubscribeConfirmation") == 0) {
        r->host->batch_note(r->out, "the subscription to %s was ended; nothing more will come from it", topic);
        return TOCSIN_OK;
    }
    return fail_at(r, TOCSIN_MEANINGLESS, path, "Type",
                   "expected Notification, SubscriptionConfirmation or UnsubscribeConfirmation");
}

/* --- the payload -------------------------------------------------------------------------------- */

static const char *
header(const struct sns_read *r, const char *name)
{
    const char *value = r->in->header != NULL ? r->in->header(r->in, name) : NULL;

    return value != NULL ? value : "";
}

static enum tocsin_rc
read_raw(const struct sns_read *r)
{
    struct sns_message m = { .path = "", .subject = "", .text = r->in->body, .text_len = r->in->len };
    enum tocsin_rc rc;

    m.topic = header(r, "x-amz-sns-topic-arn");
    m.id = header(r, "x-amz-sns-message-id");
    m.sent_at = r->in->received_at;
    rc = sns_check_topic(r->sns, r->host, m.topic, "header x-amz-sns-topic-arn", r->err);
    return rc == TOCSIN_OK ? sns_message(r, &m) : rc;
}

/* Some way between SNS and here lost the headers: anything that is not a broken envelope is taken as a message. */
static bool
is_bare_message(const json_t *root)
{
    return json_is_object(root) && json_object_get(root, "Type") == NULL && json_object_get(root, "TopicArn") == NULL &&
           json_object_get(root, "Records") == NULL;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct sns_read r = { self, host, in, out, err };
    json_t *root = NULL, *sent = NULL;
    enum tocsin_rc rc;
    size_t n;

    if (sns_is_raw(in) && in->len > 0)
        return read_raw(&r);
    rc = host->parse_json(in->body, in->len, &root, err);
    if (rc == TOCSIN_OK && r.sns->n_topics > 0)
        rc = host->parse_unredacted(in->body, in->len, &sent, err);
    if (rc != TOCSIN_OK) {
        json_decref(root);
        return rc;
    }
    n = sns_envelopes(root);
    if (n == 0)
        rc = is_bare_message(root) ? read_raw(&r)
                                   : host->fail(err, TOCSIN_MEANINGLESS, "$",
                                                "not a message of SNS: it has no 'Type' and 'TopicArn'");
    for (size_t i = 0; i < n && rc == TOCSIN_OK; i++) {
        char path[40];
        const json_t *envelope = sns_envelope(root, i, path);

        rc = read_envelope(&r, envelope, sent != NULL ? sns_envelope(sent, i, path) : envelope, path);
    }
    json_decref(sent);
    json_decref(root);
    return rc;
}

/* --- the instance ----------------------------------------------------------------------------------- */

static enum tocsin_rc
open_(const struct tocsin_host *host, const struct tocsin_settings *set, void **self_r, struct tocsin_err *err)
{
    const char *issuers = host->setting(set, "issuers");
    struct sns *sns = calloc(1, sizeof *sns);

    if (sns == NULL)
        return host->fail(err, TOCSIN_FATAL, "", "out of memory");
    sns->n_topics = host->setting_list(set, "topic_arns", &sns->topics);
    for (size_t i = 0; i < sns->n_topics; i++) {
        if (strncmp(sns->topics[i], "arn:", 4) != 0) {
            host->fail(err, TOCSIN_BAD_CONFIG, "topic_arns",
                       "'%.300s' is not an ARN: expected arn:aws:sns:<region>:<account>:<topic>", sns->topics[i]);
            free(sns);
            return TOCSIN_BAD_CONFIG;
        }
    }
    sns->issuers = issuers != NULL ? issuers : "";
    sns->max_age_ms = host->setting_int(set, "max_age");
    sns->require_chain = host->setting_bool(set, "require_chain");
    *self_r = sns;
    return TOCSIN_OK;
}

static const struct tocsin_option options[] = {
    { "topic_arns", TOCSIN_OPT_LIST, NULL, "topics that are let in, and whose subscriptions are confirmed", NULL },
    { "max_age", TOCSIN_OPT_DURATION, "1h", "refuse a signed message that SNS sent longer ago (it tries for an hour); 0s: take any",
      NULL },
    { "require_chain", TOCSIN_OPT_BOOL, "false",
      "refuse a signing certificate whose issuer this machine does not know (SNS serves it without its issuers)",
      NULL },
    { "issuers", TOCSIN_OPT_SECRET, NULL, "PEM of the certificates between SNS's and the authorities of this machine",
      NULL },
    { NULL, TOCSIN_OPT_STRING, NULL, NULL, NULL },
};

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "aws-sns",
    .summary = "Amazon SNS: CloudWatch alarms, EventBridge events, any message",
    .collector_options = options,
    .open = open_,
    .close = free,
    .decode = decode,
    .verify = sns_verify,
};
