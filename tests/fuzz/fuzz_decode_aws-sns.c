/* SPDX-License-Identifier: Apache-2.0 */
/* Amazon SNS: envelopes with and without a list of topics, raw delivery, and the check of a signature. */
#include "fuzz_decode.h"

static const char *
raw_header(const struct tocsin_payload *in, const char *name)
{
    (void)in;
    return strcmp(name, "x-amz-sns-rawdelivery") == 0 ? "true" : NULL;
}

static void
verify(void *self, const struct tocsin_payload *in)
{
    struct tocsin_document doc = { .body = NULL };
    struct tocsin_err err = { 0 };
    enum tocsin_rc rc = tocsin_plugin.verify(self, &plugin_host, in, &doc, &err);

    MUST(rc != TOCSIN_OK);                   /* nothing is trusted without a certificate */
    if (rc != TOCSIN_NEED_FETCH) {
        must_be_error(rc, &err);
        return;
    }
    MUST(strncmp(doc.url, "https://sns.", 12) == 0 && strstr(doc.url, ".amazonaws.com") != NULL);
    doc.body = in->body;
    doc.len = in->len;
    rc = tocsin_plugin.verify(self, &plugin_host, in, &doc, &err);
    MUST(rc != TOCSIN_OK && rc != TOCSIN_NEED_FETCH);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *topics[] = { "arn:aws:sns:eu-west-1:111122223333:alarms" };
    static struct setting items[] = { { .name = "topic_arns", .list = topics, .n_list = 1 } };
    struct tocsin_settings none = { NULL, 0 }, listed = { items, 1 };
    static void *open_self, *listed_self;
    struct tocsin_payload in = { .collector = "fuzz", .len = size, .received_at = 1769860800000, .header = no_header,
                                 .query = no_header, .content_type = "text/plain" };
    char *body = with_nul(data, size);

    if (open_self == NULL) {
        MUST(tocsin_plugin.open(&plugin_host, &none, &open_self, NULL) == TOCSIN_OK);
        MUST(tocsin_plugin.open(&plugin_host, &listed, &listed_self, NULL) == TOCSIN_OK);
    }
    in.body = body;
    MUST(decode_one(open_self, &in) == decode_one(open_self, &in));
    decode_one(listed_self, &in);
    verify(open_self, &in);
    in.header = raw_header;
    decode_one(open_self, &in);
    free(body);
    return 0;
}
