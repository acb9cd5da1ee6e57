/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON from strangers: what the host reads is what jansson by itself reads, and
 * what it calls malformed jansson refuses too.  Its limits come on top.
 */
#include <stdio.h>

#include "fuzz_decode.h"

/* Only fuzz_decode.h's helpers are wanted. */
const struct tocsin_plugin tocsin_plugin = { .abi = 0 };

static json_t *
by_jansson(const char *s, size_t len)
{
    const size_t flags = JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES;
    json_error_t bad = { .text = "" };
    json_t *doc;

    if (len >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0) {
        s += 3;
        len -= 3;
    }
    doc = json_loadb(s, len, flags, &bad);
    if (doc == NULL && json_error_code(&bad) == json_error_numeric_overflow)
        doc = json_loadb(s, len, flags | JSON_DECODE_INT_AS_REAL, &bad);
    return doc;
}

static void
must_be_same(const json_t *a, const json_t *b)
{
    char *x = json_dumps(a, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    char *y = json_dumps(b, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));

    MUST(x != NULL && y != NULL && strcmp(x, y) == 0);
    free(x);
    free(y);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *body = with_nul(data, size);
    json_t *doc = NULL, *same = by_jansson(body, size);
    struct tocsin_err err = { .what = "" };
    enum tocsin_rc rc = host_parse_json(body, size, &doc, &err);

    if (rc == TOCSIN_OK) {
        MUST(same != NULL);
        must_be_same(doc, same);
    } else {
        must_be_error(rc, &err);
        MUST(strncmp(err.what, "malformed", 9) != 0 || same == NULL);
    }
    json_decref(doc);
    json_decref(same);
    free(body);
    return 0;
}
