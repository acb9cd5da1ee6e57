/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stored form of an alert's text, as a damaged disk might give it back:
 * refused, or a text that is written again to the very same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "core/alert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    struct alert_text t;
    const void *again;
    uint64_t digest;
    size_t len;

    if (alert_text_decode(a, data, size, &t)) {
        alert_text_encode(a, &t, &again, &len, &digest);
        if (len != size || memcmp(again, data, len) != 0)
            abort();
    } else if (t.summary == NULL || t.n_labels + t.n_annotations + t.n_links + t.n_rules > 0) {
        abort();                   /* what is refused is empty, but valid */
    }
    arena_free(a);
    return 0;
}
