/* SPDX-License-Identifier: Apache-2.0 */
/*
 * any_mapping.c - fuzz_mapping_<vendor> of each integration that is a mapping.jq.
 * The bytes are those of input_payload(); the program's name says which mapping.
 */
#include <errno.h>
#include <limits.h>

#include "core/normalise/mapping.h"
#include "fuzz_decode.h"
#include "fuzz_input.h"
#include "os/file.h"

/* What a format without code has in the place of an integration's. */
const struct tocsin_plugin tocsin_plugin = { .name = "json" };

static struct mapping *
open_mapping(void)
{
    const char *vendor = strstr(program_invocation_short_name, "mapping_");
    struct mapping *m = NULL;
    struct tocsin_err err = { 0 };
    char path[PATH_MAX], *text = NULL;
    size_t n;

    MUST(vendor != NULL);
    snprintf(path, sizeof path, "integrations/%s/mapping.jq", vendor + strlen("mapping_"));
    if (file_read(path, 1 << 20, &text, &n, &err) != TOCSIN_OK || mapping_compile(path, text, &m, &err) != TOCSIN_OK)
        fprintf(stderr, "%s: %s\n", path, err.what);
    MUST(m != NULL);
    free(text);
    return m;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mapping *mapping;
    struct arena *a = arena_new();
    struct input bytes = { (const char *)data, size };
    struct tocsin_payload in = input_payload(&bytes, a);

    if (mapping == NULL)
        mapping = open_mapping();
    in.len = bytes.n;
    in.body = with_nul((const uint8_t *)bytes.p, bytes.n);
    MUST(decode_by(&tocsin_plugin, NULL, mapping, &in) == decode_by(&tocsin_plugin, NULL, mapping, &in));
    free((void *)(uintptr_t)in.body);
    arena_free(a);
    return 0;
}
