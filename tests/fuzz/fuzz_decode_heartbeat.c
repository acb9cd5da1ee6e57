/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads that nobody reads: integrations/heartbeat. */
#include "fuzz_decode.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tocsin_payload in = { .collector = "fuzz", .received_at = 1769860800000, .header = no_header,
                                 .query = no_header };
    char *body = with_nul(data, size);

    in.len = size;
    in.body = body;
    MUST(decode_one(NULL, &in) == 0);
    free(body);
    return 0;
}
