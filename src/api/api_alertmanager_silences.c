/* SPDX-License-Identifier: Apache-2.0 */
/* Silences as Alertmanager's clients read and write them; what they make is an ordinary silence. */
#include <ctype.h>
#include <string.h>

#include "api/api_alertmanager.h"
#include "base/err.h"
#include "base/id.h"
#include "base/text.h"
#include "os/clock.h"

/* --- reading ----------------------------------------------------------------------- */

static json_t *
matcher_list(struct arena *arena, const struct matchers *m)
{
    json_t *list = json_array();

    for (size_t i = 0; i < m->n; i++)
        json_array_append_new(
            list, json_pack("{s:b, s:b, s:o, s:o}", "isEqual", m->v[i].op == OP_EQ || m->v[i].op == OP_RE,
                            "isRegex", m->v[i].op == OP_RE || m->v[i].op == OP_NOT_RE, "name",
                            shape_string(arena, m->v[i].name), "value", shape_string(arena, m->v[i].value)));
    return list;
}

static json_t *
shape(struct arena *arena, const struct silence_row *r, const struct matchers *m, int64_t now)
{
    json_t *annotations = r->annotations[0] != '\0' ? json_loads(r->annotations, 0, NULL) : NULL;

    return json_pack("{s:o, s:{s:s}, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", shape_id(&r->id), "status", "state",
                     silence_phase_name(silence_phase_at(r, now)), "updatedAt", shape_time(r->updated_at),
                     "annotations", annotations != NULL ? annotations : json_object(), "comment",
                     shape_string(arena, r->comment), "createdBy", shape_string(arena, r->created_by), "endsAt",
                     shape_time(r->ends_at), "matchers", matcher_list(arena, m), "startsAt",
                     shape_time(r->starts_at));
}

/* Each filter is, to the letter, among the silence's matchers. */
static bool
has_all(const struct matchers *m, const struct matchers *wanted)
{
    for (size_t i = 0; i < wanted->n; i++) {
        bool found = false;

        for (size_t k = 0; k < m->n && !found; k++)
            found = m->v[k].op == wanted->v[i].op && strcmp(m->v[k].name, wanted->v[i].name) == 0 &&
                    strcmp(m->v[k].value, wanted->v[i].value) == 0;
        if (!found)
            return false;
    }
    return true;
}

void
handle_alertmanager_silence_list(struct call *c)
{
    struct store *store = c->api->deps->store;
    struct arena *arena = http_arena(c->req);
    bool shown[] = { [SILENCE_PENDING] = am_flag(c, "pending"), [SILENCE_ACTIVE] = am_flag(c, "active"),
                     [SILENCE_EXPIRED] = am_flag(c, "expired") };
    struct silence_row *rows = NULL;
    int64_t now = clock_steady_ms();
    struct matchers wanted, m;
    struct tocsin_err err;
    json_t *list;
    size_t n = 0;

    if (!am_filters(c, "filter", &wanted))
        return;
    if (store->ops->list_silences(store, arena, &rows, &n, &err) != TOCSIN_OK) {
        am_fail(c, 500, "%s", err.what);
        return;
    }
    silences_sort(rows, n, now);
    list = json_array();
    for (size_t i = 0; i < n; i++)
        if (shown[silence_phase_at(&rows[i], now)] && matchers_parse(arena, rows[i].matchers, &m) &&
            has_all(&m, &wanted))
            json_array_append_new(list, shape(arena, &rows[i], &m, now));
    am_reply(c, list);
}

/* Hyphens may be missing. */
static bool
is_uuid(const char *text)
{
    static const size_t parts[] = { 8, 4, 4, 4, 12 };

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        for (size_t k = 0; k < parts[i]; k++)
            if (!isxdigit((unsigned char)*text++))
                return false;
        if (*text == '-' && i + 1 < sizeof parts / sizeof parts[0])
            text++;
    }
    return *text == '\0';
}

/* False: answered already.  What is a UUID but not as silences have it names none. */
static bool
path_id(struct call *c, struct id16 *out)
{
    if (id_parse(c->arg, out))
        return true;
    if (is_uuid(c->arg))
        am_reply_empty(c, 404);
    else
        am_invalid(c, 422, 601, "silenceID in path must be of type uuid: \"%.100s\"", c->arg);
    return false;
}

void
handle_alertmanager_silence_get(struct call *c)
{
    struct arena *arena = http_arena(c->req);
    struct silence_row row;
    struct matchers m;
    struct tocsin_err err;
    struct id16 id;
    enum tocsin_rc rc;

    if (!path_id(c, &id))
        return;
    rc = silence_find(c, arena, c->arg, &row, &err);
    if (rc == TOCSIN_NOT_FOUND)
        am_reply_empty(c, 404);
    else if (rc != TOCSIN_OK || !matchers_parse(arena, row.matchers, &m))
        am_fail(c, 500, "%s", rc != TOCSIN_OK ? err.what : "the silence is damaged");
    else
        am_reply(c, shape(arena, &row, &m, clock_steady_ms()));
}

/* --- ending ------------------------------------------------------------------------- */

static void
ended(void *ctx, enum tocsin_rc rc, const struct id16 *id, const struct tocsin_err *err)
{
    (void)id;
    if (rc == TOCSIN_OK || rc == TOCSIN_NOT_FOUND)
        am_reply_empty(ctx, rc == TOCSIN_OK ? 200 : 404);
    else
        am_fail(ctx, rc_http_status(rc), "%s", err->what);
}

void
handle_alertmanager_silence_end(struct call *c)
{
    struct api_silence s = { .end = true };

    if (!path_id(c, &s.row.id))
        return;
    http_defer(c->req);
    c->api->deps->silence(c->api->deps->ctx, &s, ended, c);
}

/* --- making: what is wrong with it ------------------------------------------------------ */

static bool
malformed(struct call *c, const char *what)
{
    am_invalid(c, 400, 400, "parsing silence body from \"\" failed, because %s", what);
    return false;
}

/* The body, or NULL after an answer that says what is wrong with it.  null is an object without members. */
static json_t *
read_body(struct call *c)
{
    const char *type = http_content_type(c->req), *text, *first;
    json_error_t at;
    json_t *doc;
    size_t n;

    text = http_body(c->req, &n);
    first = text + strspn(text, " \t\r\n");
    if (n == 0 || *first == '\0') {
        am_invalid(c, 422, 602, "silence in body is required");
        return NULL;
    }
    if (type == NULL || strcmp(type, "application/json") != 0) {
        am_invalid(c, 415, 415, "unsupported media type \"%.80s\", only [application/json] are allowed",
                   type != NULL ? type : "application/octet-stream");
        return NULL;
    }
    doc = json_loadb(text, n, JSON_DECODE_ANY, &at);
    if (json_is_null(doc)) {
        json_decref(doc);
        return json_object();
    }
    if (json_is_object(doc))
        return doc;
    malformed(c, doc == NULL ? at.text : "it is no object");
    json_decref(doc);
    return NULL;
}

static bool
is_text_or_null(const json_t *v)
{
    return v == NULL || json_is_null(v) || json_is_string(v);
}

static bool
is_flag_or_null(const json_t *v)
{
    return v == NULL || json_is_null(v) || json_is_boolean(v);
}

/* "" and the year 1 stand for no time. */
static bool
is_time_or_null(const json_t *v)
{
    const char *text = json_string_value(v);

    return v == NULL || json_is_null(v) ||
           (text != NULL && (*text == '\0' || strncmp(text, "0001-01-01T", 11) == 0 || time_parse(text) != 0));
}

/* Types are looked at before anything that is missing. */
static bool
check_types(struct call *c, const json_t *doc)
{
    static const char *const texts[] = { "id", "comment", "createdBy", "endsAt", "startsAt" };
    const json_t *list = json_object_get(doc, "matchers"), *item;
    size_t i;

    for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!is_text_or_null(json_object_get(doc, texts[i])))
            return malformed(c, arena_printf(http_arena(c->req), "%s is no string", texts[i]));
    for (i = 3; i < sizeof texts / sizeof texts[0]; i++)
        if (!is_time_or_null(json_object_get(doc, texts[i])))
            return malformed(c, arena_printf(http_arena(c->req), "%s is no time", texts[i]));
    if (list != NULL && !json_is_null(list) && !json_is_array(list))
        return malformed(c, "matchers is no array");
    json_array_foreach(list, i, item)
        if (!json_is_object(item) || !is_text_or_null(json_object_get(item, "name")) ||
            !is_text_or_null(json_object_get(item, "value")) || !is_flag_or_null(json_object_get(item, "isRegex")) ||
            !is_flag_or_null(json_object_get(item, "isEqual")))
            return malformed(c, arena_printf(http_arena(c->req), "matcher %zu is none", i));
    return true;
}

static bool
check_matchers(struct call *c, const json_t *list)
{
    static const char *const names[] = { "isRegex", "name", "value" };
    const json_t *item;
    size_t i;

    if (json_array_size(list) == 0) {
        am_invalid(c, 422, 612, "matchers in body should have at least 1 items");
        return false;
    }
    json_array_foreach(list, i, item)
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
            const json_t *v = json_object_get(item, names[k]);

            if (v == NULL || json_is_null(v)) {
                am_invalid(c, 422, 602, "matchers.%zu.%s in body is required", i, names[k]);
                return false;
            }
        }
    return true;
}

static bool
check_needed(struct call *c, const json_t *doc)
{
    static const char *const names[] = { "comment", "createdBy", "endsAt", "matchers", "startsAt" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const json_t *v = json_object_get(doc, names[i]);

        if (v == NULL || json_is_null(v)) {
            am_invalid(c, 422, 602, "%s in body is required", names[i]);
            return false;
        }
        if (json_is_array(v) && !check_matchers(c, v))
            return false;
    }
    return true;
}

/* --- making ----------------------------------------------------------------------------- */

static enum tocsin_rc
read_matcher(struct arena *arena, const json_t *item, size_t i, struct matcher_parts *out, struct tocsin_err *err)
{
    const json_t *name = json_object_get(item, "name"), *value = json_object_get(item, "value"),
                 *equal = json_object_get(item, "isEqual");
    bool regex = json_is_true(json_object_get(item, "isRegex")), is_equal = !json_is_false(equal);
    struct matcher compiled;

    *out = (struct matcher_parts){ json_string_value(name), json_string_value(value),
                                   regex ? is_equal ? OP_RE : OP_NOT_RE : is_equal ? OP_EQ : OP_NE };
    if (*out->name == '\0')
        return err_set(err, TOCSIN_BAD_INPUT, "", "invalid label matcher %zu: invalid label name \"\"", i);
    if (matcher_of_label(arena, out, &compiled, err) != TOCSIN_OK)
        return err_wrap(err, "invalid label matcher %zu: invalid regular expression \"%.100s\": error parsing regexp", i,
                        out->value);
    matcher_release(&compiled);
    return TOCSIN_OK;
}

static enum tocsin_rc
read_matchers(struct arena *arena, const json_t *list, const char **out, struct tocsin_err *err)
{
    struct matchers m = { .n = json_array_size(list) };
    enum tocsin_rc rc = TOCSIN_OK;

    if (m.n > MATCHERS_MAX)
        return err_set(err, TOCSIN_BAD_INPUT, "", "silence invalid: more than %d matchers", MATCHERS_MAX);
    m.v = arena_alloc(arena, m.n * sizeof *m.v);
    for (size_t i = 0; i < m.n && rc == TOCSIN_OK; i++)
        rc = read_matcher(arena, json_array_get(list, i), i, &m.v[i], err);
    if (rc == TOCSIN_OK)
        rc = matchers_check(arena, &m, err);
    if (rc != TOCSIN_OK)
        return err_wrap(err, "silence invalid");
    *out = matchers_format(arena, &m);
    return TOCSIN_OK;
}

static const char *
clean(struct arena *arena, const json_t *doc, const char *name, size_t max)
{
    const json_t *v = json_object_get(doc, name);

    return text_clean(arena, json_string_value(v), json_string_length(v), max);
}

static const char *
annotations(struct arena *arena, const json_t *doc)
{
    const json_t *v = json_object_get(doc, "annotations");
    size_t n = json_is_object(v) && json_object_size(v) > 0 ? json_dumpb(v, NULL, 0, JSON_COMPACT) : 0;
    char *text;

    if (n == 0 || n > API_NOTE_MAX)
        return "";
    text = arena_zalloc(arena, n + 1);
    json_dumpb(v, text, n, JSON_COMPACT);
    return text;
}

static bool
read_silence(struct call *c, const json_t *doc, struct silence_row *r)
{
    const char *id = json_string_value(json_object_get(doc, "id"));
    struct arena *arena = http_arena(c->req);
    struct tocsin_err err;

    if (id != NULL && *id != '\0' && (!id_parse(id, &r->id) || id_is_zero(&r->id))) {
        am_fail(c, 404, "silence not found");        /* the id of all zeros would be that of a new one */
        return false;
    }
    r->starts_at = time_parse(json_string_value(json_object_get(doc, "startsAt")));
    r->ends_at = time_parse(json_string_value(json_object_get(doc, "endsAt")));
    r->created_by = clean(arena, doc, "createdBy", API_BY_MAX);
    if (c->caller.token != NULL)
        r->created_by = arena_printf(arena, "%s (token %s)", r->created_by, c->caller.token);
    r->comment = clean(arena, doc, "comment", API_NOTE_MAX);
    r->annotations = annotations(arena, doc);
    if (read_matchers(arena, json_object_get(doc, "matchers"), &r->matchers, &err) != TOCSIN_OK) {
        am_fail(c, 400, "%s", err.what);
        return false;
    }
    return true;
}

static void
made(void *ctx, enum tocsin_rc rc, const struct id16 *id, const struct tocsin_err *err)
{
    struct call *c = ctx;

    if (rc == TOCSIN_OK)
        am_reply(c, json_pack("{s:o}", "silenceID", shape_id(id)));
    else if (rc == TOCSIN_MEANINGLESS)
        am_fail(c, 400, "Failed to create silence: %s", err->what);
    else
        am_fail(c, rc_http_status(rc), "%s", rc == TOCSIN_NOT_FOUND ? "silence not found" : err->what);
}

void
handle_alertmanager_silence_post(struct call *c)
{
    struct api_silence s = { 0 };
    json_t *doc = read_body(c);
    bool ok;

    if (doc == NULL)
        return;
    ok = check_types(c, doc) && check_needed(c, doc) && read_silence(c, doc, &s.row);
    if (ok) {
        http_defer(c->req);
        c->api->deps->silence(c->api->deps->ctx, &s, made, c);
    }
    json_decref(doc);
}
