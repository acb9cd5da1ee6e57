/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sns.h - the parts of the Amazon SNS integration.
 *
 * decode.c takes the envelope apart, message.c reads what is in it, verify.c
 * checks its signature.
 */
#ifndef AWS_SNS_H
#define AWS_SNS_H

#include <tocsin/plugin.h>

struct sns {                       /* one configured collector */
    const char *const *topics; size_t n_topics;   /* topic_arns; none: any topic, but no subscription is confirmed */
    const char *issuers;           /* PEM; "" */
    int64_t max_age_ms;            /* of a signed message; 0: any */
    bool require_chain;
};

struct sns_read {                  /* one payload being read */
    const struct sns *sns;
    const struct tocsin_host *host;
    const struct tocsin_payload *in;
    struct tocsin_batch *out;
    struct tocsin_err *err;
};

struct sns_message {               /* what the envelope says; "" where it does not */
    const char *topic, *id, *subject, *text, *path;
    size_t text_len;
    int64_t sent_at;
};

/* decode.c */
/* TOCSIN_FORBIDDEN unless the topic is listed, or no list is set. */
enum tocsin_rc sns_check_topic(const struct sns *, const struct tocsin_host *, const char *topic, const char *path,
                               struct tocsin_err *);
/* An https address on a host of SNS itself; the path behind it, or NULL. */
const char *sns_address(const char *url);
bool sns_is_raw(const struct tocsin_payload *);
/* The envelopes of a payload: itself, or those in Records[].Sns.  count 0: it is none. */
size_t sns_envelopes(const json_t *root);
const json_t *sns_envelope(const json_t *root, size_t i, char path[40]);

/* message.c */
enum tocsin_rc sns_message(const struct sns_read *, const struct sns_message *);

/* cloudwatch.c */
bool sns_is_alarm(const json_t *doc);
enum tocsin_rc sns_alarm(const struct sns_read *, const struct sns_message *, const json_t *doc);
/* Parts of an ARN: arn:partition:service:region:account:rest; "" when it is none. */
const char *sns_arn_part(const struct sns_read *, const char *arn, unsigned index);
/* Labels region, account and topic. */
void sns_labels(const struct sns_read *, struct tocsin_alert *, const char *arn, const char *topic);
void sns_console_link(const struct sns_read *, struct tocsin_alert *, const char *arn, const char *region,
                      const char *alarm);

/* verify.c */
enum tocsin_rc sns_verify(void *self, const struct tocsin_host *, const struct tocsin_payload *,
                          struct tocsin_document *, struct tocsin_err *);

#endif
