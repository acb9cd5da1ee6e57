/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake.c - POST /v1/logs, JSON or protobuf; answered in the same encoding
 * with ExportLogsServiceResponse, and what is refused with google.rpc.Status.
 *
 * Exporters repeat what is answered with 429, 502, 503 and 504, and nothing
 * else; so only what may pass later gets one of these.
 */
#include <stdlib.h>
#include <string.h>

#include "otlp.h"

enum { LOGS = 1, BODY_MAX = 16 << 20 };

#define JSON "application/json"
#define PROTO "application/x-protobuf"

static const struct tocsin_route routes[] = {
    { "POST", "/v1/logs", LOGS, BODY_MAX, 0 },
    { NULL, NULL, 0, 0, 0 },
};

struct otlp_call { size_t rejected; const char *why; };

static bool
is_proto(const struct tocsin_call *call)
{
    const char *type = call->in->content_type;

    return type != NULL && (strcmp(type, PROTO) == 0 || strcmp(type, "application/protobuf") == 0);
}

static enum tocsin_rc
intake(void *self, const struct tocsin_host *host, struct tocsin_call *call, struct tocsin_err *err)
{
    const struct logs logs = { host, call->in, call->batch, err };
    struct otlp_call *o = call->state = host->call_alloc(call, sizeof *o);
    enum tocsin_rc rc;
    json_t *doc;

    (void)self;
    o->why = "";
    if (is_proto(call)) {
        doc = otlp_from_proto(call->in->body, call->in->len);
        if (doc == NULL)
            return host->fail(err, TOCSIN_BAD_INPUT, "", "the body is no ExportLogsServiceRequest in protobuf");
        rc = otlp_records(&logs, doc, &o->rejected, &o->why);
        json_decref(doc);
        return rc;
    }
    if (call->in->content_type == NULL || strcmp(call->in->content_type, JSON) != 0)
        return host->fail(err, TOCSIN_UNSUPPORTED, "header Content-Type", "expected " JSON " or " PROTO);
    rc = host->call_json(call, &doc, err);
    return rc != TOCSIN_OK ? rc : otlp_records(&logs, doc, &o->rejected, &o->why);
}

/* bytes is freed. */
static void
reply_proto(const struct tocsin_host *host, struct tocsin_call *call, int status, char *bytes, size_t n)
{
    if (bytes != NULL)
        host->reply(call, status, PROTO, bytes, n);
    free(bytes);
}

static void
answer(void *self, const struct tocsin_host *host, struct tocsin_call *call, const struct tocsin_results *results)
{
    const struct otlp_call *o = call->state;
    json_t *doc;
    size_t n = 0;
    char *bytes;

    (void)self;
    (void)results;
    if (is_proto(call)) {
        bytes = otlp_response_proto(o->rejected, o->why, &n);
        reply_proto(host, call, 200, bytes, n);
        return;
    }
    doc = json_object();
    if (o->rejected > 0)           /* int64 is text in the JSON of protobuf */
        json_object_set_new(doc, "partialSuccess",
                            json_pack("{s:s, s:s}", "rejectedLogRecords", host->call_printf(call, "%zu", o->rejected),
                                      "errorMessage", o->why));
    host->reply_json(call, 200, doc);
}

static void
refuse(const struct tocsin_host *host, struct tocsin_call *call, const struct tocsin_err *err)
{
    static const struct { enum tocsin_rc rc; int status, code; } known[] = {   /* code: of google.rpc */
        { TOCSIN_BAD_INPUT, 400, 3 },     { TOCSIN_MEANINGLESS, 400, 3 },   { TOCSIN_UNAUTHORIZED, 401, 16 },
        { TOCSIN_FORBIDDEN, 403, 7 },     { TOCSIN_TOO_LARGE, 413, 8 },     { TOCSIN_UNSUPPORTED, 415, 3 },
        { TOCSIN_TOO_MANY, 429, 8 },      { TOCSIN_TEMPORARY, 503, 14 },    { TOCSIN_FULL, 503, 14 },
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t n = 0;
        char *bytes;

        if (known[i].rc != err->rc)
            continue;
        if (!is_proto(call)) {
            host->reply_json(call, known[i].status,
                             json_pack("{s:i, s:s}", "code", known[i].code, "message", err->what));
            return;
        }
        bytes = otlp_status_proto(known[i].code, err->what, &n);
        reply_proto(host, call, known[i].status, bytes, n);
        return;
    }
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "otlp",
    .summary = "OpenTelemetry's logs over HTTP, JSON and protobuf: records, for rules to make alerts of",
    .routes = routes,
    .intake = intake,
    .answer = answer,
    .refuse = refuse,
};
