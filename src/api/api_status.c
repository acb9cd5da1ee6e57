/* SPDX-License-Identifier: Apache-2.0 */
/* How the daemon itself fares: health, readiness, reload, version, the ways in and out. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

void
handle_healthy(struct call *c)
{
    reply_text(c, 200, "OK\n");
}

void
handle_version(struct call *c)
{
    http_reply_json(c->req, 200, json_pack("{s:s, s:s, s:o}", "name", "tocsin", "version", TOCSIN_VERSION, "started_at",
                                           shape_time(c->api->deps->started_at)));
}

void
handle_openapi(struct call *c)
{
    http_reply_json(c->req, 200, openapi_document());
}

void
handle_root(struct call *c)
{
    struct buf page;
    size_t n;
    const struct route *r = route_table(&n);

    buf_init(&page, 65536);
    buf_add(&page, "tocsin " TOCSIN_VERSION
                   ": takes in alerts, decides what they mean, makes sure that a person answers.\n\n");
    for (size_t i = 0; i < n; i++)
        buf_addf(&page, "%-5s %-32s %s\n", r[i].method, r[i].pattern, r[i].summary);
    http_reply_header(c->req, "X-Content-Type-Options", "nosniff");
    reply_text(c, 200, page.p);
    buf_release(&page);
}

/* --- ready ------------------------------------------------------------------------ */

/* One entry a line. */
static json_t *
list_lines(struct arena *arena, const struct tocsin_err *err)
{
    char text[sizeof err->where + sizeof err->what + 4], *save = NULL;
    json_t *list = json_array();

    err_text(err, text, sizeof text);
    for (char *p = strtok_r(text, "\n", &save); p != NULL; p = strtok_r(NULL, "\n", &save))
        json_array_append_new(list, shape_text(arena, p));
    return list;
}

void
handle_ready(struct call *c)
{
    struct tocsin_err err;
    enum tocsin_rc rc = c->api->deps->ready(c->api->deps->ctx, &err);
    json_t *missing = rc == TOCSIN_OK ? json_array() : list_lines(http_arena(c->req), &err);

    http_reply_json(c->req, rc == TOCSIN_OK ? 200 : 503,
                    json_pack("{s:b, s:o}", "ready", rc == TOCSIN_OK, "not_ready", missing));
}

/* --- reload ----------------------------------------------------------------------- */

static void
reply_mistakes(struct call *c, const struct conf_report *report)
{
    struct arena *arena = http_arena(c->req);
    json_t *list = json_array(), *doc;
    char *text;

    for (size_t i = 0; i < report->n; i++)
        json_array_append_new(list, shape_text(arena, report->items[i].text));
    doc = json_pack("{s:s, s:s, s:i, s:o, s:I, s:o}", "type", "about:blank", "title", rc_title(TOCSIN_BAD_CONFIG),
                    "status", 500, "detail",
                    json_sprintf("the configuration has %zu mistake%s; the old one stays in use", report->total,
                                 report->total == 1 ? "" : "s"),
                    "total", (json_int_t)report->total, "mistakes", list);
    text = json_dumps(doc, JSON_COMPACT);
    http_reply(c->req, 500, "application/problem+json", text != NULL ? text : "", text != NULL ? strlen(text) : 0);
    free(text);
    json_decref(doc);
}

void
handle_reload(struct call *c)
{
    const struct api_deps *deps = c->api->deps;
    struct conf_report report = { 0 };
    struct tocsin_err err;
    enum tocsin_rc rc = deps->reload(deps->ctx, &report);

    if (rc == TOCSIN_OK) {
        struct conf *conf = deps->conf(deps->ctx);

        http_reply_json(c->req, 200, json_pack("{s:I}", "generation", (json_int_t)conf->generation));
        conf_unref(conf);
    } else if (report.n > 0) {
        reply_mistakes(c, &report);
    } else {
        err_set(&err, rc, "", "cannot reload: %s", rc_title(rc));
        http_reply_problem(c->req, &err);
    }
    conf_report_release(&report);
}
