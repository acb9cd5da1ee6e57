/* SPDX-License-Identifier: Apache-2.0 */
/* gpu.h - what the two shapes of the gpu format share. */
#ifndef GPU_H
#define GPU_H

#include <tocsin/plugin.h>

struct gpu {
    const struct tocsin_host *host;
    const struct tocsin_payload *in;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    const char *path;              /* of the object that is read: "$", "$[3]" */
};

const char *gpu_text(const struct gpu *, const json_t *object, const char *name);
/* The node: a wildcard of the topic, a member of the payload, ?host= of the address.  "" when nobody says it. */
const char *gpu_node(const struct gpu *, const json_t *object);

enum tocsin_rc gpud_read(const struct gpu *, const json_t *component);
bool dcgm_is(const json_t *sample);
enum tocsin_rc dcgm_read(const struct gpu *, const json_t *sample);

#endif
