/* SPDX-License-Identifier: Apache-2.0 */
/* decode.c - payloads that nobody reads: that they came is all that they say. */
#include <tocsin/plugin.h>

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    (void)self;
    (void)host;
    (void)in;
    (void)out;
    (void)err;
    return TOCSIN_OK;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "heartbeat",
    .summary = "payloads that nobody reads: with heartbeat = { ... } each of them is a beat",
    .decode = decode,
};
