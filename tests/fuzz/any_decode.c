/* SPDX-License-Identifier: Apache-2.0 */
/*
 * any_decode.c - fuzz_decode_<vendor> of each integration that reads alerts
 * and has no target of its own.
 *
 * The bytes are three lines - content type, topic, and the value that every
 * header and parameter has - and a body.
 */
#include "fuzz_decode.h"
#include "fuzz_input.h"

static const char *
same_field(const struct tocsin_payload *in, const char *name)
{
    (void)name;
    return in->host_data;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    struct input bytes = { (const char *)data, size };
    struct tocsin_payload in = { .collector = "fuzz", .received_at = 1769860800000, .header = same_field,
                                 .query = same_field };
    struct tocsin_pair labels[] = { { "first", NULL }, { "rest", NULL } };
    void *self = input_instance(&tocsin_plugin, tocsin_plugin.collector_options);
    const char *type = input_line(&bytes, a), *topic = input_line(&bytes, a), *field = input_line(&bytes, a);

    in.content_type = type[0] != '\0' ? type : NULL;
    in.host_data = field[0] != '\0' ? field : NULL;
    in.len = bytes.n;
    in.body = with_nul((const uint8_t *)bytes.p, bytes.n);
    if (topic[0] != '\0') {
        labels[0].value = arena_strndup(a, topic, strcspn(topic, "/"));
        labels[1].value = topic + strcspn(topic, "/");
        in.topic = topic;
        in.topic_labels = labels;
        in.n_topic_labels = 2;
    }
    MUST(decode_one(self, &in) == decode_one(self, &in));
    free((void *)(uintptr_t)in.body);
    arena_free(a);
    return 0;
}
