/* SPDX-License-Identifier: Apache-2.0 */
/* The pages for people: documents of the API, handed to src/web. */
#include <string.h>

#include "api/internal.h"
#include "base/arena.h"
#include "base/err.h"
#include "web/page.h"

enum { PAGE_MAX = 64 << 20, LIST_MAX = 500 };

/* A page stands at / or one level below it: that is how it finds its style sheet behind a proxy's prefix. */
static const char *
root_of(const struct call *c)
{
    return strchr(http_path(c->req) + 1, '/') != NULL ? "../" : "";
}

static void
answer(struct call *c, int status, struct buf *page)
{
    http_reply_header(c->req, "Content-Security-Policy", PAGE_POLICY);
    http_reply_header(c->req, "X-Content-Type-Options", "nosniff");
    http_reply_header(c->req, "Referrer-Policy", "no-referrer");
    http_reply_header(c->req, "Cache-Control", "no-store");
    if (buf_ok(page))
        http_reply(c->req, status, PAGE_TYPE, page->p, page->n);
    else
        http_reply(c->req, 500, "text/plain", "the page is too large\n", 22);
    buf_release(page);
}

void
page_refuse(struct call *c, bool login, const struct tocsin_err *err)
{
    int status = rc_http_status(err->rc);
    struct buf page;

    if (status == 401)
        http_reply_header(c->req, "WWW-Authenticate",
                          login ? "Basic realm=\"tocsin: a token as the password\", charset=\"UTF-8\""
                                : "Bearer realm=\"tocsin\"");
    buf_init(&page, PAGE_MAX);
    page_problem(&page, root_of(c), rc_title(err->rc), err->what);
    answer(c, status, &page);
}

bool
page_is_wanted(const struct http_request *req)
{
    const char *accept = http_header(req, "Accept");

    return accept != NULL && strstr(accept, "text/html") != NULL;
}

void
handle_page_list(struct call *c)
{
    struct store *store = c->api->deps->store;
    struct arena *arena = http_arena(c->req);
    struct incident_filter f = { .states = 1u << TOCSIN_INC_TRIGGERED | 1u << TOCSIN_INC_ACKNOWLEDGED,
                                 .limit = LIST_MAX + 1 };
    struct incident_row *rows = NULL;
    struct tocsin_err err;
    struct buf page;
    json_t *list;
    size_t n = 0;

    if (store->ops->list_incidents(store, arena, &f, &rows, &n, &err) != TOCSIN_OK) {
        page_refuse(c, false, &err);
        return;
    }
    list = json_array();
    for (size_t i = 0; i < n && i < LIST_MAX; i++)
        json_array_append_new(list, shape_incident(arena, &rows[i]));
    buf_init(&page, PAGE_MAX);
    page_list(&page, root_of(c), list, n > LIST_MAX);
    json_decref(list);
    answer(c, 200, &page);
}

void
handle_page_incident(struct call *c)
{
    struct incident_detail detail = { 0 };
    struct tocsin_err err;
    struct buf page;
    json_t *doc;

    if (incident_read(c, &detail, &err) != TOCSIN_OK) {
        page_refuse(c, false, &err);
        return;
    }
    doc = shape_detail(http_arena(c->req), &detail);
    buf_init(&page, PAGE_MAX);
    page_incident(&page, root_of(c), doc);
    json_decref(doc);
    answer(c, 200, &page);
}

void
handle_page_style(struct call *c)
{
    http_reply_header(c->req, "X-Content-Type-Options", "nosniff");
    http_reply_header(c->req, "Cache-Control", "max-age=3600");
    http_reply(c->req, 200, "text/css; charset=utf-8", page_style, strlen(page_style));
}
