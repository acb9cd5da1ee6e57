/* SPDX-License-Identifier: Apache-2.0 */
/* Redaction of any document: what a rule names is gone, however deep, and it can be done again. */
#include "core/redact/redact.h"
#include "fuzz_decode.h"

/* Only fuzz_decode.h's helpers are wanted. */
const struct tocsin_plugin tocsin_plugin = { .abi = 0 };

static void
must_be_gone(const json_t *v)
{
    json_t *item;
    const char *name;
    size_t i;

    json_object_foreach((json_t *)(uintptr_t)v, name, item) {
        MUST(strcasecmp(name, "gone") != 0 || json_is_null(item));
        must_be_gone(item);
    }
    json_array_foreach(v, i, item)
        must_be_gone(item);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct redact_rule rules[] = { { .path = "**.gone", .action = REDACT_REMOVE },
                                         { .path = "a.*.b", .action = REDACT_TRUNCATE, .keep = 2 },
                                         { .path = "list.1" }, { .pattern = "x(y+)?z", .replace = "-" } };
    struct redact *r = redact_new(NULL, NULL);
    struct tocsin_err err = { 0 };
    json_t *doc = NULL;
    char *once, *twice;

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        MUST(redact_add(r, &rules[i], &err) == TOCSIN_OK);
    MUST(redact_add_defaults(r, &err) == TOCSIN_OK);
    if (size > 0 && host_parse_json((const char *)data, size, &doc, NULL) == TOCSIN_OK) {
        redact_json(r, doc);
        must_be_gone(doc);
        once = json_dumps(doc, JSON_COMPACT);
        redact_json(r, doc);
        twice = json_dumps(doc, JSON_COMPACT);
        MUST(once != NULL && twice != NULL);
        must_be_gone(doc);
        free(once);
        free(twice);
        json_decref(doc);
    }
    redact_free(r);
    return 0;
}
