/* SPDX-License-Identifier: Apache-2.0 */
/* heartbeat.c - /v1/heartbeat/<name>: a request is a beat, whatever it holds.  Any method that a scheduler can send. */
#include <string.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "collector/refusal.h"
#include "collector/webhook.h"
#include "os/clock.h"

/* One request under way; lives in its arena. */
struct beat {
    struct http_request *request;
    const char *name;
    int64_t at, due_at;
};

static void
on_done(void *ctx, const struct ingest_result *result)
{
    struct beat *b = ctx;
    char at[TIME_TEXT], due[TIME_TEXT];

    if (result->rc != TOCSIN_OK)
        http_reply_problem(b->request, &result->err);
    else
        http_reply_json(b->request, 200, json_pack("{s:s, s:s, s:s}", "name", b->name, "last_beat_at",
                                                   time_format(b->at, at), "due_at", time_format(b->due_at, due)));
}

void
heartbeat_handle(const struct sink *sink, struct http_request *r, const char *name)
{
    struct conf *conf = sink->conf(sink->ctx);
    const struct conf_heartbeat *h = conf != NULL ? conf_heartbeat(conf, name) : NULL;
    struct beat *b = arena_zalloc(http_arena(r), sizeof *b);
    struct tocsin_err err;
    enum tocsin_rc rc = webhook_check(h != NULL ? h->door : NULL, r, &err);

    name = text_clean(http_arena(r), name, strlen(name), 64);
    if (h != NULL && h->of_collector)
        rc = err_set(&err, TOCSIN_NOT_FOUND, "", "heartbeat '%s' beats with the payloads of its collector", name);
    else if (h == NULL)
        rc = err_set(&err, TOCSIN_NOT_FOUND, "", "there is no heartbeat '%s'", name);
    if (rc != TOCSIN_OK) {
        if (h != NULL)
            refusal_say(h->name, http_peer(r), &err);
        http_reply_problem(r, &err);
    } else {
        *b = (struct beat){ .request = r, .name = name, .at = clock_steady_ms() };
        b->due_at = b->at + h->every_ms + h->grace_ms;
        http_defer(r);
        sink->beat(sink->ctx, h, b->at, on_done, b);
    }
    if (conf != NULL)
        conf_unref(conf);
}
