/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c - one item for each action, as clients count them; refusals as Elasticsearch words them. */
#include <stdlib.h>
#include <string.h>

#include "bulk.h"

static json_t *
item(const struct bulk_item *i)
{
    json_t *doc = json_pack("{s:s, s:s, s:i}", "_index", i->index, "_id", i->id, "status", i->status);

    if (i->reason != NULL)
        json_object_set_new(doc, "error", json_pack("{s:s, s:s}", "type", i->type, "reason", i->reason));
    else if (i->status == 404)
        json_object_set_new(doc, "result", json_string("not_found"));
    else
        json_object_update_new(doc, json_pack("{s:i, s:s, s:{s:i, s:i, s:i}, s:i, s:i}", "_version", 1, "result",
                                              "created", "_shards", "total", 1, "successful", 1, "failed", 0,
                                              "_seq_no", 0, "_primary_term", 1));
    return json_pack("{s:o}", i->action, doc);
}

void
bulk_answer(void *self, const struct tocsin_host *host, struct tocsin_call *call, const struct tocsin_results *results)
{
    const struct bulk_call *b = call->state;
    json_t *items = json_array();
    bool errors = false;

    (void)self;
    (void)results;
    for (size_t i = 0; i < b->n; i++) {
        errors |= b->items[i].reason != NULL;
        json_array_append_new(items, item(&b->items[i]));
    }
    bulk_reply(host, call, 200, json_pack("{s:b, s:I, s:o}", "errors", errors, "took",
                                          (json_int_t)(host->elapsed_us(call) / 1000), "items", items));
}

void
bulk_refuse(const struct tocsin_host *host, struct tocsin_call *call, const struct tocsin_err *err)
{
    static const struct { enum tocsin_rc rc; int status; const char *type; } known[] = {
        { TOCSIN_BAD_INPUT, 400, "illegal_argument_exception" },
        { TOCSIN_MEANINGLESS, 400, "action_request_validation_exception" },
        { TOCSIN_UNAUTHORIZED, 401, "security_exception" },
        { TOCSIN_FORBIDDEN, 403, "security_exception" },
        { TOCSIN_TOO_LARGE, 413, "content_too_long_exception" },
        { TOCSIN_TOO_MANY, 429, "es_rejected_execution_exception" },
        { TOCSIN_TEMPORARY, 503, "cluster_block_exception" },
        { TOCSIN_FULL, 503, "cluster_block_exception" },
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        json_t *cause;

        if (known[i].rc != err->rc)
            continue;
        cause = json_pack("{s:s, s:s}", "type", known[i].type, "reason", err->what);
        bulk_reply(host, call, known[i].status,
                   json_pack("{s:{s:[O], s:s, s:s}, s:i}", "error", "root_cause", cause, "type", known[i].type,
                             "reason", err->what, "status", known[i].status));
        json_decref(cause);
        return;
    }
}
