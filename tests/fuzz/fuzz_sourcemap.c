/* SPDX-License-Identifier: Apache-2.0 */
/* A source map from anybody: it is refused with words, or every look-up gives a place that makes sense. */
#include "core/sourcemap/sourcemap.h"
#include "fuzz_decode.h"

/* Only fuzz_decode.h's helpers are wanted. */
const struct tocsin_plugin tocsin_plugin = { .abi = 0 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tocsin_err err = { 0 };
    struct sourcemap *m = NULL;
    json_t *doc = NULL;
    enum tocsin_rc rc;

    if (size == 0 || host_parse_json((const char *)data, size, &doc, &err) != TOCSIN_OK)
        return 0;
    rc = sourcemap_new(doc, &m, &err);
    json_decref(doc);
    if (rc != TOCSIN_OK) {
        must_be_error(rc, &err);
        return 0;
    }
    MUST(sourcemap_bytes(m) > 0);
    for (unsigned line = 0; line < 5; line++) {
        for (unsigned column = 0; column < 40; column += 3) {
            struct arena *a = arena_new();
            struct source_place p = { .file = NULL };

            if (sourcemap_find(m, line, column, a, &p) == TOCSIN_OK) {
                MUST(p.file != NULL && p.line > 0 && p.column > 0);
                MUST((p.text == NULL) == (p.context == NULL));
                must_be_clean(p.file, 1100);
                must_be_clean(p.name, 300);
                must_be_clean(p.text, 300);
            }
            arena_free(a);
        }
    }
    sourcemap_free(m);
    return 0;
}
