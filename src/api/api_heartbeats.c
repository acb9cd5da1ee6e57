/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/heartbeats: what is watched, and how it fares; and its metrics. */
#include <string.h>

#include "api/internal.h"
#include "api/prom.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"

static void
put(json_t *object, const char *name, json_t *value)
{
    json_object_set_new_nocheck(object, name, value);
}

static json_t *
duration(int64_t ms)
{
    char text[DURATION_TEXT];

    return json_string(duration_format(ms, text));
}

static json_t *
heartbeat(struct arena *arena, const struct heartbeat_status *s)
{
    json_t *out = json_object(), *labels = json_object();

    for (size_t i = 0; i < s->n_labels; i++)
        put(labels, s->labels[i].name, shape_text(arena, s->labels[i].value));
    put(out, "name", shape_text(arena, s->name));
    put(out, "labels", labels);
    put(out, "state", json_string(s->state));
    put(out, "every", duration(s->every_ms));
    put(out, "grace", duration(s->grace_ms));
    put(out, "last_beat_at", shape_time(s->last_at));
    put(out, "due_at", shape_time(s->due_at));
    put(out, "beats", json_integer((json_int_t)s->beats));
    put(out, "incident", shape_id(&s->incident));
    return out;
}

void
handle_heartbeat_list(struct call *c)
{
    const struct api_deps *deps = c->api->deps;
    struct heartbeat_status *s = NULL;
    size_t n = deps->heartbeats != NULL ? deps->heartbeats(deps->ctx, http_arena(c->req), &s) : 0;
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, heartbeat(http_arena(c->req), &s[i]));
    http_reply_json(c->req, 200, json_pack("{s:o}", "heartbeats", list));
}

uint64_t
heartbeats_waiting(struct call *c)
{
    const struct api_deps *deps = c->api->deps;
    struct heartbeat_status *s = NULL;
    size_t n = deps->heartbeats != NULL ? deps->heartbeats(deps->ctx, http_arena(c->req), &s) : 0;
    uint64_t waiting = 0;

    for (size_t i = 0; i < n; i++)
        waiting += strcmp(s[i].state, "ok") == 0 || strcmp(s[i].state, "never") == 0;
    return waiting;
}

void
metrics_heartbeats(struct buf *b, struct call *c)
{
    static const char *const states[] = { "ok", "silent", "never", "unarmed" };
    const struct api_deps *deps = c->api->deps;
    struct heartbeat_status *s = NULL;
    size_t n = deps->heartbeats != NULL ? deps->heartbeats(deps->ctx, http_arena(c->req), &s) : 0;

    prom_family(b, "tocsin_heartbeats", "gauge", "Heartbeats by name and state.");
    for (size_t i = 0, next; i < n; i = next) {
        size_t counts[sizeof states / sizeof states[0]] = { 0 };

        for (next = i; next < n && strcmp(s[next].name, s[i].name) == 0; next++)
            for (size_t k = 0; k < sizeof states / sizeof states[0]; k++)
                counts[k] += strcmp(s[next].state, states[k]) == 0;
        for (size_t k = 0; k < sizeof states / sizeof states[0]; k++) {
            const struct prom_label labels[] = { { "heartbeat", s[i].name }, { "state", states[k] } };

            prom_count(b, "tocsin_heartbeats", labels, 2, counts[k]);
        }
    }
}
