/* SPDX-License-Identifier: Apache-2.0 */
/*
 * any_decode.c - fuzz_decode_<vendor> of each integration that reads alerts
 * and has no target of its own.  The bytes are those of input_payload().
 */
#include "fuzz_decode.h"
#include "fuzz_input.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    struct input bytes = { (const char *)data, size };
    struct tocsin_payload in = input_payload(&bytes, a);
    void *self = input_instance(&tocsin_plugin, tocsin_plugin.collector_options);

    in.len = bytes.n;
    in.body = with_nul((const uint8_t *)bytes.p, bytes.n);
    MUST(decode_one(self, &in) == decode_one(self, &in));
    free((void *)(uintptr_t)in.body);
    arena_free(a);
    return 0;
}
