/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/silences: lists, one of them; making, changing and ending them. */
#include <string.h>

#include "api/internal.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "core/silence/matchers.h"
#include "os/clock.h"

static const struct word states[] = {
    { "active", 1u << SILENCE_ACTIVE },
    { "pending", 1u << SILENCE_PENDING },
    { "expired", 1u << SILENCE_EXPIRED },
    { NULL, 0 },
};

void
handle_silence_list(struct call *c)
{
    struct store *store = c->api->deps->store;
    struct arena *arena = http_arena(c->req);
    struct silence_row *rows = NULL;
    int64_t now = clock_steady_ms();
    struct tocsin_err err;
    unsigned wanted = 0;
    size_t n = 0;
    json_t *list;
    enum tocsin_rc rc = param_words(c, "state", states, &wanted, &err);

    if (rc == TOCSIN_OK)
        rc = store->ops->list_silences(store, arena, &rows, &n, &err);
    if (rc != TOCSIN_OK) {
        http_reply_problem(c->req, &err);
        return;
    }
    silences_sort(rows, n, now);
    list = json_array();
    for (size_t i = 0; i < n; i++)
        if (wanted == 0 || wanted & 1u << silence_phase_at(&rows[i], now))
            json_array_append_new(list, shape_silence(arena, &rows[i], now));
    http_reply_json(c->req, 200, json_pack("{s:o}", "silences", list));
}

static void
answer(struct call *c, const char *id)
{
    struct arena *arena = http_arena(c->req);
    struct silence_row row;
    struct tocsin_err err;

    if (silence_find(c, arena, id, &row, &err) != TOCSIN_OK)
        http_reply_problem(c->req, &err);
    else
        http_reply_json(c->req, 200, shape_silence(arena, &row, clock_steady_ms()));
}

void
handle_silence_get(struct call *c)
{
    answer(c, c->arg);
}

/* --- changes ---------------------------------------------------------------------- */

/* After the commit, on the thread that made it; or with the refusal. */
static void
done(void *ctx, enum tocsin_rc rc, const struct id16 *id, const struct tocsin_err *refusal)
{
    struct call *c = ctx;
    char text[ID_TEXT];

    if (rc != TOCSIN_OK)
        http_reply_problem(c->req, refusal);
    else
        answer(c, id_format(id, text));
}

static enum tocsin_rc
read_matchers(struct call *c, const json_t *body, const char **out, struct tocsin_err *err)
{
    struct arena *arena = http_arena(c->req);
    const json_t *list = json_object_get(body, "matchers"), *one;
    struct matchers m = { 0 };
    enum tocsin_rc rc = TOCSIN_OK;
    size_t i;

    if (!json_is_array(list))
        return err_set(err, TOCSIN_MEANINGLESS, "$.matchers", "expected an array of matchers such as 'host=\"a\"'");
    json_array_foreach((json_t *)(uintptr_t)list, i, one)
    {
        if (!json_is_string(one))
            rc = err_set(err, TOCSIN_MEANINGLESS, "", "expected a string");
        else if (strlen(json_string_value(one)) != json_string_length(one))
            rc = err_set(err, TOCSIN_MEANINGLESS, "", "holds U+0000");
        else
            rc = matchers_add(arena, &m, json_string_value(one), err);
        if (rc != TOCSIN_OK)
            return err_set(err, TOCSIN_MEANINGLESS, arena_printf(arena, "$.matchers[%zu]", i), "%s",
                           arena_strdup(arena, err->what));
    }
    rc = matchers_check(arena, &m, err);
    if (rc != TOCSIN_OK)
        return err_set(err, rc, "$.matchers", "%s", arena_strdup(arena, err->what));
    *out = matchers_format(arena, &m);
    return TOCSIN_OK;
}

static enum tocsin_rc
read_times(struct call *c, const json_t *body, struct silence_row *r, struct tocsin_err *err)
{
    const char *start;
    enum tocsin_rc rc = param_member(c, body, "starts_at", 64, &start, err);

    if (rc != TOCSIN_OK)
        return rc;
    r->starts_at = start != NULL ? time_parse(start) : clock_steady_ms();
    if (r->starts_at == 0)
        return err_set(err, TOCSIN_MEANINGLESS, "$.starts_at",
                       "expected a time such as '2030-01-31T12:00:00Z', got '%s'", start);
    return param_until(c, body, "ends_at", r->starts_at, &r->ends_at, err);
}

static enum tocsin_rc
read_silence(struct call *c, struct silence_row *r, struct tocsin_err *err)
{
    static const char *const known[] = { "id", "matchers", "starts_at", "ends_at", "for", "by", "comment", NULL };
    const char *id = NULL, *comment = NULL;
    json_t *body = NULL;
    enum tocsin_rc rc = param_body(c, known, &body, err);

    if (rc != TOCSIN_OK)
        return rc;
    rc = param_member(c, body, "id", 64, &id, err);
    if (rc == TOCSIN_OK && id != NULL && !id_parse(id, &r->id))
        rc = err_set(err, TOCSIN_MEANINGLESS, "$.id", "not the id of a silence: '%s'", id);
    if (rc == TOCSIN_OK)
        rc = read_matchers(c, body, &r->matchers, err);
    if (rc == TOCSIN_OK)
        rc = read_times(c, body, r, err);
    if (rc == TOCSIN_OK)
        rc = param_by(c, body, &r->created_by, err);
    if (rc == TOCSIN_OK)
        rc = param_member(c, body, "comment", API_NOTE_MAX, &comment, err);
    r->comment = comment != NULL ? comment : "";
    r->annotations = "";
    json_decref(body);
    return rc;
}

void
handle_silence_post(struct call *c)
{
    struct api_silence s = { 0 };
    struct tocsin_err err;

    if (read_silence(c, &s.row, &err) != TOCSIN_OK) {
        http_reply_problem(c->req, &err);
        return;
    }
    http_defer(c->req);
    c->api->deps->silence(c->api->deps->ctx, &s, done, c);
}

void
handle_silence_end(struct call *c)
{
    struct api_silence s = { .end = true };
    struct tocsin_err err;

    if (!id_parse(c->arg, &s.row.id)) {
        err_set(&err, TOCSIN_NOT_FOUND, "path", "no silence '%.64s'", c->arg);
        http_reply_problem(c->req, &err);
        return;
    }
    http_defer(c->req);
    c->api->deps->silence(c->api->deps->ctx, &s, done, c);
}
