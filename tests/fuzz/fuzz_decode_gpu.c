/* SPDX-License-Identifier: Apache-2.0 */
/* gpud's components and fields of DCGM: integrations/gpu.  The first byte picks the topic. */
#include "fuzz_decode.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const topics[] = { NULL };
    struct tocsin_payload in = { .collector = "fuzz", .received_at = 1769860800000, .header = no_header,
                                 .query = no_header };
    char *body;

    if (size == 0)
        return 0;
    in.topic = topics[data[0] % (sizeof topics / sizeof topics[0])];
    in.len = size - 1;
    in.body = body = with_nul(data + 1, size - 1);
    MUST(decode_one(NULL, &in) == decode_one(NULL, &in));
    free(body);
    return 0;
}
