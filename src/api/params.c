/* SPDX-License-Identifier: Apache-2.0 */
/* Values that strangers send: query parameters and JSON bodies, each with its limit and a clear refusal. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/internal.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"

/* The known word nearest to what was written, when it is near enough to be meant. */
static const char *
nearest(const char *given, const char *best, const char *next)
{
    unsigned d = text_distance(given, next);

    if (d > 2 || d >= strlen(next) || (best != NULL && text_distance(given, best) <= d))
        return best;
    return next;
}

static const char *
where_of(struct call *c, const char *name)
{
    return arena_printf(http_arena(c->req), "query %s", name);
}

enum tocsin_rc
param_limit(struct call *c, size_t *out, struct tocsin_err *err)
{
    const char *s = http_query(c->req, "limit");
    size_t v = 0;

    *out = API_LIMIT_DEFAULT;
    if (s == NULL)
        return TOCSIN_OK;
    for (const char *p = s; *p != '\0' && v <= API_LIMIT_MAX; p++) {
        if (!isdigit((unsigned char)*p)) {
            v = 0;
            break;
        }
        v = v * 10 + (size_t)(*p - '0');
    }
    if (v < 1 || v > API_LIMIT_MAX)
        return err_set(err, TOCSIN_MEANINGLESS, "query limit", "expected a number from 1 to %d, got '%.40s'",
                       API_LIMIT_MAX, s);
    *out = v;
    return TOCSIN_OK;
}

static enum tocsin_rc
add_word(struct call *c, const char *name, const struct word *words, const char *word, unsigned *out,
         struct tocsin_err *err)
{
    const char *best = NULL;

    for (size_t i = 0; words[i].word != NULL; i++) {
        if (strcasecmp(words[i].word, word) == 0) {
            *out |= words[i].bits;
            return TOCSIN_OK;
        }
        best = nearest(word, best, words[i].word);
    }
    return err_set(err, TOCSIN_MEANINGLESS, where_of(c, name), "unknown word '%.40s'%s%s%s", word,
                   best != NULL ? "; did you mean '" : "", best != NULL ? best : "", best != NULL ? "'?" : "");
}

enum tocsin_rc
param_words(struct call *c, const char *name, const struct word *words, unsigned *out, struct tocsin_err *err)
{
    const char *s = http_query(c->req, name);
    char *copy, *save = NULL;

    *out = 0;
    if (s == NULL || *s == '\0')
        return TOCSIN_OK;
    if (strlen(s) > API_Q_MAX)
        return err_set(err, TOCSIN_MEANINGLESS, where_of(c, name), "longer than %d bytes", API_Q_MAX);
    copy = arena_strdup(http_arena(c->req), s);
    for (char *word = strtok_r(copy, ", ", &save); word != NULL; word = strtok_r(NULL, ", ", &save)) {
        enum tocsin_rc rc = add_word(c, name, words, word, out, err);

        if (rc != TOCSIN_OK)
            return rc;
    }
    return TOCSIN_OK;
}

enum tocsin_rc
param_text(struct call *c, const char *name, size_t max, const char **out, struct tocsin_err *err)
{
    const char *s = http_query(c->req, name);

    *out = NULL;
    if (s == NULL || *s == '\0')
        return TOCSIN_OK;
    if (strlen(s) > max)
        return err_set(err, TOCSIN_MEANINGLESS, where_of(c, name), "longer than %zu bytes", max);
    *out = text_clean(http_arena(c->req), s, strlen(s), max);
    return TOCSIN_OK;
}

/* --- bodies --------------------------------------------------------------------- */

static enum tocsin_rc
check_known(const json_t *body, const char *const *known, struct tocsin_err *err)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)body, key, value) {
        const char *best = NULL;
        bool ok = false;

        for (size_t i = 0; known[i] != NULL && !ok; i++) {
            ok = strcmp(known[i], key) == 0;
            best = nearest(key, best, known[i]);
        }
        if (!ok)
            return err_set(err, TOCSIN_MEANINGLESS, "$", "unknown member '%.64s'%s%s%s", key,
                           best != NULL ? "; did you mean '" : "", best != NULL ? best : "", best != NULL ? "'?" : "");
    }
    return TOCSIN_OK;
}

enum tocsin_rc
param_body(struct call *c, const char *const *known, json_t **out_r, struct tocsin_err *err)
{
    const char *type = http_content_type(c->req);
    size_t n;
    const char *text = http_body(c->req, &n);
    json_error_t at;
    json_t *doc;
    char where[64];
    enum tocsin_rc rc;

    if (n > API_BODY_MAX)
        return err_set(err, TOCSIN_TOO_LARGE, "body", "larger than %d bytes", API_BODY_MAX);
    while (n > 0 && isspace((unsigned char)*text)) {
        text++;
        n--;
    }
    if (n == 0) {
        *out_r = json_object();
        return TOCSIN_OK;
    }
    /* a form that a foreign page posts cannot have this type, which is why it is asked for */
    if (type == NULL || strcmp(type, "application/json") != 0)
        return err_set(err, TOCSIN_UNSUPPORTED, "header Content-Type", "expected application/json, got '%.80s'",
                       type != NULL ? type : "");
    doc = json_loadb(text, n, JSON_REJECT_DUPLICATES, &at);
    if (doc == NULL) {
        snprintf(where, sizeof where, "line %d column %d", at.line, at.column);
        return err_set(err, TOCSIN_BAD_INPUT, where, "not JSON: %s", at.text);
    }
    if (!json_is_object(doc))
        rc = err_set(err, TOCSIN_MEANINGLESS, "$", "expected an object");
    else
        rc = check_known(doc, known, err);
    if (rc != TOCSIN_OK)
        json_decref(doc);
    else
        *out_r = doc;
    return rc;
}

static const char *
type_name(const json_t *v)
{
    static const char *const names[] = { "an object", "an array", "a string", "a number", "a number",
                                         "a boolean", "a boolean", "null" };

    return names[json_typeof(v)];
}

enum tocsin_rc
param_member(struct call *c, const json_t *body, const char *name, size_t max, const char **out_r,
             struct tocsin_err *err)
{
    struct arena *arena = http_arena(c->req);
    const json_t *v = json_object_get(body, name);
    const char *where = arena_printf(arena, "$.%s", name);

    *out_r = NULL;
    if (v == NULL || json_is_null(v))
        return TOCSIN_OK;
    if (!json_is_string(v))
        return err_set(err, TOCSIN_MEANINGLESS, where, "expected a string, got %s", type_name(v));
    if (json_string_length(v) > max)
        return err_set(err, TOCSIN_MEANINGLESS, where, "longer than %zu bytes", max);
    if (json_string_length(v) > 0)
        *out_r = text_clean(arena, json_string_value(v), json_string_length(v), 3 * max);
    return TOCSIN_OK;
}

enum tocsin_rc
param_by(struct call *c, const json_t *body, const char **by_r, struct tocsin_err *err)
{
    const char *person, *token = c->caller.token;
    enum tocsin_rc rc = param_member(c, body, "by", API_BY_MAX, &person, err);

    if (rc != TOCSIN_OK)
        return rc;
    if (person != NULL && strpbrk(person, "\n\t") != NULL)
        return err_set(err, TOCSIN_MEANINGLESS, "$.by", "holds a line break or a tab");
    if (person != NULL && token != NULL)
        *by_r = arena_printf(http_arena(c->req), "%s (token %s)", person, token);
    else
        *by_r = person != NULL ? person : token != NULL ? token : "local";
    return TOCSIN_OK;
}

enum tocsin_rc
param_until(struct call *c, const json_t *body, const char *until_name, int64_t from, int64_t *until_r,
            struct tocsin_err *err)
{
    const char *until, *lasting, *where;
    int64_t ms = 0;
    enum tocsin_rc rc = param_member(c, body, until_name, 64, &until, err);

    if (rc == TOCSIN_OK)
        rc = param_member(c, body, "for", 64, &lasting, err);
    if (rc != TOCSIN_OK)
        return rc;
    if ((until == NULL) == (lasting == NULL))
        return err_set(err, TOCSIN_MEANINGLESS, "$", "expected one of '%s' (a time) and 'for' (a duration)",
                       until_name);
    where = arena_printf(http_arena(c->req), "$.%s", until != NULL ? until_name : "for");
    if (lasting != NULL && !duration_parse(lasting, &ms))
        return err_set(err, TOCSIN_MEANINGLESS, where, "expected a duration such as '2h', got '%s'", lasting);
    if (until != NULL && (*until_r = time_parse(until)) == 0)
        return err_set(err, TOCSIN_MEANINGLESS, where, "expected a time such as '2030-01-31T12:00:00Z', got '%s'",
                       until);
    if (lasting != NULL)
        *until_r = from + ms;
    return TOCSIN_OK;
}
