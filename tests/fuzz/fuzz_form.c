/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forms, and the JSON that they are mistaken for.  What comes of one is an object of clean text; written as a form
 * again it says the same.
 */
#include <ctype.h>

#include "base/buf.h"
#include "fuzz_decode.h"

/* Only fuzz_decode.h's helpers are wanted. */
const struct tocsin_plugin tocsin_plugin = { .abi = 0 };

static void
add_escaped(struct buf *b, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_addf(b, isalnum((unsigned char)s[i]) ? "%c" : "%%%02x", (unsigned char)s[i]);
}

static bool
parse(const char *text, size_t n, json_t **out)
{
    struct tocsin_payload in = { .body = text, .len = n };
    struct tocsin_err err = { 0 };
    enum tocsin_rc rc = host_parse_form(&in, out, &err);

    if (rc != TOCSIN_OK)
        must_be_error(rc, &err);
    return rc == TOCSIN_OK;
}

/* Line ends behind a value are those of a file, and are left out when it is read. */
static void
must_say_the_same(json_t *doc)
{
    json_t *v, *again = NULL;
    const char *name;
    struct buf b;

    buf_init(&b, SIZE_MAX / 2);
    json_object_foreach(doc, name, v) {
        MUST(json_is_string(v));
        buf_add(&b, b.n > 0 ? "&" : "");
        add_escaped(&b, name, strlen(name));
        buf_addc(&b, '=');
        add_escaped(&b, json_string_value(v), json_string_length(v));
    }
    MUST(parse(b.p, b.n, &again));
    MUST(json_equal(doc, again));
    json_decref(again);
    buf_release(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *body = with_nul(data, size);
    size_t blank = strspn(body, " \t\r\n");
    json_t *doc = NULL;

    if (parse(body, size, &doc)) {
        MUST(json_is_object(doc) && json_object_size(doc) <= HOST_JSON_KEYS);
        if (body[blank] != '{' && body[blank] != '\xef')
            must_say_the_same(doc);
        json_decref(doc);
    }
    free(body);
    return 0;
}
