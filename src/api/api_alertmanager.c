/* SPDX-License-Identifier: Apache-2.0 */
/* What all of /api/v2 shares, and the parts that are not about alerts or silences: status, receivers, v1. */
#include "api/api_alertmanager.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

/* --- answers ---------------------------------------------------------------------- */

/*
 * Browsers of other pages may read what they have a token for: requests that carry no token are let in for local peers
 * alone, and a page of another origin is none (auth.c).
 */
void
am_headers(struct call *c)
{
    if (http_header(c->req, "Origin") != NULL)
        http_reply_header(c->req, "Access-Control-Allow-Origin", "*");
    http_reply_header(c->req, "Vary", "Origin");
    http_reply_header(c->req, "Cache-Control", "no-store");
}

void
am_reply(struct call *c, json_t *doc)
{
    am_headers(c);
    http_reply_json(c->req, 200, doc);
}

void
am_reply_empty(struct call *c, int status)
{
    am_headers(c);
    http_reply(c->req, status, NULL, "", 0);
}

static void
reply_value(struct call *c, int status, json_t *value)
{
    char *text = value != NULL ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

    am_headers(c);
    http_reply(c->req, status, "application/json", text != NULL ? text : "\"\"", text != NULL ? strlen(text) : 2);
    free(text);
    json_decref(value);
}

static json_t *
formatted(struct call *c, const char *fmt, va_list ap)
{
    return shape_string(http_arena(c->req), arena_vprintf(http_arena(c->req), fmt, ap));
}

void
am_fail(struct call *c, int status, const char *fmt, ...)
{
    json_t *text;
    va_list ap;

    va_start(ap, fmt);
    text = formatted(c, fmt, ap);
    va_end(ap);
    reply_value(c, status, text);
}

void
am_invalid(struct call *c, int status, int code, const char *fmt, ...)
{
    json_t *text;
    va_list ap;

    va_start(ap, fmt);
    text = formatted(c, fmt, ap);
    va_end(ap);
    reply_value(c, status, json_pack("{s:i, s:o}", "code", code, "message", text));
}

/* --- fingerprints ------------------------------------------------------------------- */

uint64_t
am_fingerprint(const struct tocsin_pair *labels, size_t n)
{
    static const uint64_t prime = 1099511628211u;
    uint64_t h = 14695981039346656037u;

    for (size_t i = 0; i < n; i++) {
        const char *const parts[] = { labels[i].name, labels[i].value };

        for (size_t k = 0; k < 2; k++) {
            for (const unsigned char *p = (const unsigned char *)parts[k]; *p != '\0'; p++)
                h = (h ^ *p) * prime;
            h = (h ^ 0xff) * prime;
        }
    }
    return h;
}

/* --- status, receivers ---------------------------------------------------------------- */

static json_t *
versions(void)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "version", API_FOREIGN_VERSION, "revision", "tocsin-" TOCSIN_VERSION,
                     "branch", "tocsin", "buildUser", "", "buildDate", "", "goVersion", "");
}

void
handle_alertmanager_status(struct call *c)
{
    const struct api_deps *deps = c->api->deps;
    struct arena *arena = http_arena(c->req);
    struct conf *conf = deps->conf(deps->ctx);
    json_t *original = shape_string(arena, am_config_text(arena, conf));
    char text[TIME_TEXT];

    conf_unref(conf);
    am_reply(c, json_pack("{s:{s:s, s:[]}, s:o, s:{s:o}, s:s}", "cluster", "status", "disabled", "peers",
                          "versionInfo", versions(), "config", "original", original, "uptime",
                          time_format(deps->started_at, text)));
}

void
handle_alertmanager_receivers(struct call *c)
{
    struct conf *conf = c->api->deps->conf(c->api->deps->ctx);
    struct matchers wanted;
    json_t *list = json_array();

    if (!am_filters(c, "receiver_matchers", &wanted)) {
        json_decref(list);
        conf_unref(conf);
        return;
    }
    for (size_t i = 0; i < conf->n_policies; i++)
        json_array_append_new(list, json_pack("{s:o}", "name",
                                              shape_string(http_arena(c->req), conf->policies[i].name)));
    conf_unref(conf);
    am_reply(c, list);
}

/* --- what is not there ------------------------------------------------------------------ */

void
handle_alertmanager_v1(struct call *c)
{
    am_headers(c);
    http_reply_json(c->req, 410,
                    json_pack("{s:s, s:s}", "status", "deprecated", "error",
                              "The Alertmanager v1 API was deprecated in version 0.16.0 and is removed as of version "
                              "0.27.0 - please use the equivalent route in the v2 API"));
}

/* A browser asks before it sends what is no plain request; whoever else sends OPTIONS is told which methods there are. */
bool
handle_alertmanager_preflight(struct call *c)
{
    if (strcmp(http_method(c->req), "OPTIONS") != 0 || http_header(c->req, "Origin") == NULL ||
        http_header(c->req, "Access-Control-Request-Method") == NULL)
        return false;
    http_reply_header(c->req, "Access-Control-Allow-Methods", "GET, POST, DELETE");
    http_reply_header(c->req, "Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, Origin, "
                                                              "X-Requested-With");
    am_reply_empty(c, 200);
    return true;
}

/* "GET, HEAD, POST" as Alertmanager lists them: "GET,POST". */
static const char *
foreign_allow(struct call *c, const char *allow)
{
    struct arena *arena = http_arena(c->req);
    const char *out = "";

    while (*allow != '\0') {
        size_t n = strcspn(allow, ", ");

        if (strncmp(allow, "HEAD", n) != 0)
            out = arena_printf(arena, "%s%s%.*s", out, *out != '\0' ? "," : "", (int)n, allow);
        allow += n + strspn(allow + n, ", ");
    }
    return out;
}

void
handle_alertmanager_refusal(struct call *c, const char *allow)
{
    if (*allow == '\0') {
        am_invalid(c, 404, 404, "path %.500s was not found", http_path(c->req));
        return;
    }
    allow = foreign_allow(c, allow);
    http_reply_header(c->req, "Allow", allow);
    am_invalid(c, 405, 405, "method %s is not allowed, but [%s] are",
               http_is_head(c->req) ? "HEAD" : http_method(c->req), allow);
}

bool
handle_alertmanager_accept(struct call *c)
{
    static const char *const ranges[] = { "application/json", "application/*", "*/*" };
    const char *accept = http_header(c->req, "Accept");

    for (size_t i = 0; accept != NULL && i < sizeof ranges / sizeof ranges[0]; i++)
        if (strcasestr(accept, ranges[i]) != NULL)
            return true;
    if (accept == NULL || *accept == '\0')
        return true;
    am_invalid(c, 406, 406, "unsupported media type requested, only [application/json] are available");
    return false;
}

void
handle_alertmanager_word(struct call *c, int status, const struct tocsin_err *err)
{
    am_invalid(c, status, status, "%s", err->what);
}
