/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin's own JSON, as one document and as lines: integrations/json/decode.c. */
#include "fuzz_decode.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tocsin_payload in = { .collector = "fuzz", .len = size, .received_at = 1769860800000, .header = no_header,
                                 .query = no_header };
    char *body = with_nul(data, size);

    in.body = body;
    in.content_type = "application/json";
    MUST(decode_one(NULL, &in) == decode_one(NULL, &in));
    in.content_type = "application/x-ndjson";
    decode_one(NULL, &in);
    free(body);
    return 0;
}
