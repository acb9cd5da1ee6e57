/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake.c - POST /_bulk: a line that says what to do, and for most actions a
 * line that is the document.
 *
 * What index and create bring is a record.  A document that is no JSON is an
 * error of its item; a line of actions that cannot be read leaves open which
 * lines are documents, so it refuses the whole body.  Delete and update speak
 * of documents that are not here: 404, as for any that were never stored.
 */
#include <stdio.h>
#include <string.h>

#include "bulk.h"
#include "logline.h"

enum { BODY_MAX = 16 << 20, ITEMS_MAX = 100000, NAME_MAX_LEN = 512 };

const struct tocsin_route bulk_routes[] = {
    { "POST", "/_bulk", BULK, BODY_MAX, 0 },
    { "PUT", "/_bulk", BULK, BODY_MAX, 0 },
    { "POST", "/{index}/_bulk", BULK, BODY_MAX, 0 },
    { "PUT", "/{index}/_bulk", BULK, BODY_MAX, 0 },
    { "GET", "/", INFO, 0, 0 },
    { "GET", "/_license", LICENSE, 0, 0 },
    { "GET", "/_xpack", XPACK, 0, 0 },
    { "GET", "/_template/{name}", SETTING, 0, 0 },
    { "PUT", "/_template/{name}", SETTING_PUT, 0, 0 },
    { "GET", "/_index_template/{name}", SETTING, 0, 0 },
    { "PUT", "/_index_template/{name}", SETTING_PUT, 0, 0 },
    { "GET", "/_component_template/{name}", SETTING, 0, 0 },
    { "PUT", "/_component_template/{name}", SETTING_PUT, 0, 0 },
    { "GET", "/_ilm/policy/{name}", SETTING, 0, 0 },
    { "PUT", "/_ilm/policy/{name}", SETTING_PUT, 0, 0 },
    { "GET", "/_ingest/pipeline/{name}", SETTING, 0, 0 },
    { "PUT", "/_ingest/pipeline/{name}", SETTING_PUT, 0, 0 },
    { "GET", "/_data_stream/{name}", SETTING, 0, 0 },
    { "PUT", "/_data_stream/{name}", SETTING_PUT, 0, 0 },
    { "GET", "/_alias/{name}", SETTING, 0, 0 },
    { NULL, NULL, 0, 0, 0 },
};

struct reading {
    const struct tocsin_host *host;
    struct tocsin_call *call;
    struct bulk_call *b;
    struct tocsin_err *err;
    const char *p, *end;
    size_t line;
};

/* --- documents ---------------------------------------------------------------------------- */

static void
read_document(struct reading *r, const json_t *doc)
{
    static const char *const messages[] = { "message", "log", "msg", "event.original", NULL };
    static const char *const levels[] = { "log.level", "level", "severity", "syslog.severity.name", NULL };
    static const char *const hosts[] = { "host.name", "host.hostname", "hostname", "host", "agent.hostname", "agent.name",
                                         NULL };
    static const char *const units[] = { "service.name", "systemd.unit", "unit", "process.name", "ident", "tag", NULL };
    static const char *const spaces[] = { "kubernetes.namespace_name", "kubernetes.namespace", NULL };
    static const char *const pods[] = { "kubernetes.pod_name", "kubernetes.pod.name", NULL };
    static const char *const containers[] = { "kubernetes.container_name", "kubernetes.container.name",
                                              "container.name", NULL };
    static const char *const times[] = { "@timestamp", "timestamp", "time", NULL };
    const struct logs logs = { r->host, r->call->in, r->call->batch, r->err };
    const struct logline line = {
        .message = logline_first(&logs, doc, messages), .level = logline_first(&logs, doc, levels),
        .host = logline_first(&logs, doc, hosts), .unit = logline_first(&logs, doc, units),
        .namespace = logline_first(&logs, doc, spaces), .pod = logline_first(&logs, doc, pods),
        .container = logline_first(&logs, doc, containers),
        .at = logline_time(&logs, logline_first(&logs, doc, times)),
    };

    logline_add(&logs, &line, doc);
}

/* --- lines ------------------------------------------------------------------------------------ */

static bool
next_line(struct reading *r, const char **line_r, size_t *n_r)
{
    const char *newline = r->p < r->end ? memchr(r->p, '\n', (size_t)(r->end - r->p)) : NULL;

    if (newline == NULL)
        return false;
    *line_r = r->p;
    *n_r = (size_t)(newline - r->p);
    if (*n_r > 0 && r->p[*n_r - 1] == '\r')
        --*n_r;
    r->p = newline + 1;
    r->line++;
    return true;
}

static struct bulk_item *
add_item(struct reading *r)
{
    struct bulk_call *b = r->b;

    if (b->n == b->cap) {
        size_t cap = b->cap == 0 ? 64 : 2 * b->cap;
        struct bulk_item *more = r->host->call_alloc(r->call, cap * sizeof *more);

        if (b->n > 0)
            memcpy(more, b->items, b->n * sizeof *more);
        b->items = more;
        b->cap = cap;
    }
    return &b->items[b->n++];
}

static const char *
text_or(struct reading *r, const json_t *meta, const char *name, const char *fallback)
{
    const char *value = json_string_value(json_object_get(meta, name));

    return value != NULL && value[0] != '\0' ? r->host->call_printf(r->call, "%.*s", NAME_MAX_LEN, value) : fallback;
}

/* {"create": {"_index": "x", "_id": "1"}} */
static enum tocsin_rc
read_action(struct reading *r, const char *line, size_t n, struct bulk_item **item_r)
{
    static const char *const actions[] = { "index", "create", "update", "delete" };
    const char *index = r->call->n_path > 0 ? r->call->path[0].value : "";
    char where[32];
    json_t *doc = NULL, *meta = NULL;
    struct bulk_item *item;
    const char *action = NULL;

    snprintf(where, sizeof where, "line %zu", r->line);
    if (r->host->parse_json(line, n, &doc, NULL) == TOCSIN_OK && json_object_size(doc) == 1)
        for (size_t i = 0; action == NULL && i < sizeof actions / sizeof actions[0]; i++) {
            meta = json_object_get(doc, actions[i]);
            action = json_is_object(meta) ? actions[i] : NULL;
        }
    if (action == NULL) {
        json_decref(doc);
        return r->host->fail(r->err, TOCSIN_BAD_INPUT, where, "Malformed action/metadata line [%zu], expected one of "
                             "[create, delete, index, update]", r->line);
    }
    item = add_item(r);
    *item = (struct bulk_item){ .action = action, .index = text_or(r, meta, "_index", index) };
    item->id = text_or(r, meta, "_id", r->host->call_printf(r->call, "%s-%zu", r->call->id, r->b->n));
    json_decref(doc);
    *item_r = item;
    return TOCSIN_OK;
}

static void
refuse_item(struct bulk_item *item, int status, const char *type, const char *reason)
{
    item->status = status;
    item->type = type;
    item->reason = reason;
}

static void
take_document(struct reading *r, struct bulk_item *item, const char *line, size_t n)
{
    struct tocsin_err bad = { 0 };
    json_t *doc = NULL;

    if (item->index[0] == '\0') {
        refuse_item(item, 400, "action_request_validation_exception", "Validation Failed: 1: index is missing;");
    } else if (strcmp(item->action, "update") == 0) {
        refuse_item(item, 404, "document_missing_exception",
                    r->host->call_printf(r->call, "[%s]: document missing", item->id));
    } else if (r->host->parse_json(line, n, &doc, &bad) != TOCSIN_OK || !json_is_object(doc)) {
        refuse_item(item, 400, "document_parsing_exception",
                    r->host->call_printf(r->call, "failed to parse: %s",
                                         doc != NULL ? "expected an object" : bad.what));
    } else {
        item->status = 201;
        read_document(r, doc);
    }
    json_decref(doc);
}

static enum tocsin_rc
read_body(struct reading *r)
{
    const struct tocsin_host *host = r->host;
    enum tocsin_rc rc = TOCSIN_OK;
    const char *line;
    size_t n;

    if (r->p < r->end && r->end[-1] != '\n')
        return host->fail(r->err, TOCSIN_BAD_INPUT, "", "The bulk request must be terminated by a newline [\\n]");
    while (rc == TOCSIN_OK && next_line(r, &line, &n)) {
        struct bulk_item *item = NULL;

        if (n == 0)
            continue;
        if (r->b->n == ITEMS_MAX)
            return host->fail(r->err, TOCSIN_TOO_LARGE, "", "more than %d actions", ITEMS_MAX);
        rc = read_action(r, line, n, &item);
        if (rc != TOCSIN_OK)
            break;
        if (strcmp(item->action, "delete") == 0)
            item->status = 404;
        else if (next_line(r, &line, &n))
            take_document(r, item, line, n);
        else
            rc = host->fail(r->err, TOCSIN_BAD_INPUT, "", "Malformed bulk request: the last action has no document");
    }
    if (rc == TOCSIN_OK && r->b->n == 0)
        return host->fail(r->err, TOCSIN_MEANINGLESS, "", "Validation Failed: 1: no requests added;");
    return rc;
}

/* --- the table ----------------------------------------------------------------------------------- */

static const struct tocsin_option options[] = {
    { "version", TOCSIN_OPT_STRING, "8.17.0", "of Elasticsearch, to tell clients that ask", NULL },
    { NULL, TOCSIN_OPT_STRING, NULL, NULL, NULL }
};

static enum tocsin_rc
open_bulk(const struct tocsin_host *host, const struct tocsin_settings *set, void **self_r, struct tocsin_err *err)
{
    (void)err;
    *self_r = (void *)(uintptr_t)host->setting(set, "version");    /* lives as long as the instance */
    return TOCSIN_OK;
}

static enum tocsin_rc
intake(void *self, const struct tocsin_host *host, struct tocsin_call *call, struct tocsin_err *err)
{
    struct bulk_call *b;
    struct reading r = { host, call, NULL, err, call->in->body, call->in->body + call->in->len, 0 };

    if (call->route != BULK) {
        bulk_product(host, call, self);
        return TOCSIN_OK;
    }
    r.b = b = call->state = host->call_alloc(call, sizeof *b);
    return read_body(&r);
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "elastic-bulk",
    .summary = "Elasticsearch's bulk API, for Filebeat and others: records, for rules to make alerts of",
    .collector_options = options,
    .open = open_bulk,
    .routes = bulk_routes,
    .intake = intake,
    .answer = bulk_answer,
    .refuse = bulk_refuse,
};
