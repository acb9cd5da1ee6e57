/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_step.c - a step of a case: when, what happens then, and what is expected
 * after it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "cli/test_impl.h"
#include "conf/report.h"
#include "core/silence/matchers.h"
#include "os/file.h"

enum { PAYLOAD_MAX = 64 << 20, TIMES_MAX = 100000 };

/* --- members ------------------------------------------------------------------------------- */

static const char *
text_of(struct test_case *t, const json_t *step, const char *name)
{
    const json_t *value = json_object_get(step, name);

    if (value != NULL && !json_is_string(value))
        test_mistake(t, "%s: expected text", name);
    return json_string_value(value);
}

static bool
duration_of(struct test_case *t, const json_t *step, const char *name, int64_t *ms_r)
{
    const char *text = text_of(t, step, name);

    if (text != NULL && duration_parse(text, ms_r))
        return true;
    test_mistake(t, "%s: expected a duration with a unit, such as \"30s\" or \"5m\"", name);
    return false;
}

static const struct tocsin_pair *
pairs_of(struct test_case *t, const json_t *step, const char *name, size_t *n_r)
{
    const json_t *object = json_object_get(step, name);
    struct tocsin_pair *list = arena_alloc(t->arena, (json_object_size(object) + 1) * sizeof *list);
    const char *key;
    json_t *value;

    *n_r = 0;
    if (object != NULL && !json_is_object(object))
        test_mistake(t, "%s: expected an object of texts", name);
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        if (!json_is_string(value))
            test_mistake(t, "%s.%s: expected text", name, key);
        else
            list[(*n_r)++] = (struct tocsin_pair){ key, json_string_value(value) };
    }
    return list;
}

/* --- send ------------------------------------------------------------------------------------- */

static bool
payload_of(struct test_case *t, const json_t *step, const char **body_r, size_t *len_r)
{
    const json_t *value = json_object_get(step, "payload");
    const char *file = text_of(t, step, "file");
    struct tocsin_err err;
    char *text = NULL;

    if ((value == NULL) == (file == NULL)) {
        test_mistake(t, "send: expected a payload, or the file that holds one");
        return false;
    }
    if (file != NULL) {
        const char *path = file[0] == '/' ? file : arena_printf(t->arena, "%s/%s", t->folder, file);

        if (file_read(path, PAYLOAD_MAX, &text, len_r, &err) != TOCSIN_OK) {
            test_mistake(t, "file: %s", err.what);
            return false;
        }
    } else if (json_is_string(value)) {
        *body_r = json_string_value(value);
        *len_r = json_string_length(value);
        return true;
    } else {
        text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        *len_r = text != NULL ? strlen(text) : 0;
    }
    *body_r = arena_strndup(t->arena, text != NULL ? text : "", *len_r);
    free(text);
    return true;
}

static bool
arrive(struct test_case *t, const json_t *step, const struct conf_collector *col, const struct way *way,
       const char *body, size_t len)
{
    struct arrival a = { .arena = t->arena, .conf = t->conf, .col = col, .way = way, .at = life_now(t->life) };
    const char *refused = text_of(t, step, "refused");
    struct tocsin_err err;
    char text[1024];
    enum tocsin_rc rc;

    life_ask(t->life, &a);
    rc = arrival_read(&a, body, len, &err);
    if (rc == TOCSIN_OK && refused != NULL) {
        test_mistake(t, "refused: expected a refusal with '%s', but it is taken", refused);
        return false;
    }
    if (rc != TOCSIN_OK && refused != NULL && strstr(err_text(&err, text, sizeof text), refused) != NULL)
        return true;
    if (rc == TOCSIN_OK)
        rc = life_arrive(t->life, &a, &err);
    if (rc != TOCSIN_OK)
        test_mistake(t, "collector '%s' refuses it: %s", col->name, err_text(&err, text, sizeof text));
    return rc == TOCSIN_OK;
}

static bool
pass(struct test_case *t, int64_t until)
{
    struct tocsin_err err;

    if (life_pass(t->life, until, &err) == TOCSIN_OK)
        return true;
    test_mistake(t, "%s", err.what);
    return false;
}

static const struct conf_collector *
collector_of(struct test_case *t, const char *name)
{
    const struct conf_collector *col = conf_collector(t->conf, name);
    const char **known = arena_alloc(t->arena, (t->conf->n_collectors + 1) * sizeof *known);
    char hint[HINT_TEXT];

    for (size_t i = 0; i < t->conf->n_collectors; i++)
        known[i] = t->conf->collectors[i].name;
    if (col == NULL)
        test_mistake(t, "send: there is no collector '%s'%s", name,
                     hint_text(nearest_name(name, known, t->conf->n_collectors), hint));
    return col;
}

static bool
do_send(struct test_case *t, const json_t *step)
{
    static const char *const members[] = { "at", "after", "expect", "send", "payload", "file", "topic", "path",
                                           "method", "headers", "query", "content_type", "peer", "times", "every",
                                           "refused" };
    const json_t *times = json_object_get(step, "times");
    const char *name = text_of(t, step, "send"), *body;
    json_int_t n = times != NULL ? json_integer_value(times) : 1;
    const struct conf_collector *col = name != NULL ? collector_of(t, name) : NULL;
    struct way way = { .method = text_of(t, step, "method"), .path = text_of(t, step, "path"),
                       .topic = text_of(t, step, "topic"), .content_type = text_of(t, step, "content_type"),
                       .peer = text_of(t, step, "peer") };
    int64_t every = 0;
    size_t len;

    way.headers = pairs_of(t, step, "headers", &way.n_headers);
    way.queries = pairs_of(t, step, "query", &way.n_queries);
    if (!test_members(t, step, members, sizeof members / sizeof members[0]) || col == NULL ||
        !payload_of(t, step, &body, &len))
        return false;
    if (json_object_get(step, "every") != NULL && !duration_of(t, step, "every", &every))
        return false;
    if (n < 1 || n > TIMES_MAX) {
        test_mistake(t, "times: expected a whole number from 1 to %d", TIMES_MAX);
        return false;
    }
    for (json_int_t i = 0; i < n; i++)
        if ((i > 0 && !pass(t, life_now(t->life) + every)) || !arrive(t, step, col, &way, body, len))
            return false;
    return true;
}

/* --- heartbeats and people ------------------------------------------------------------------------ */

static bool
do_beat(struct test_case *t, const json_t *step)
{
    static const char *const members[] = { "at", "after", "expect", "beat" };
    const char *name = text_of(t, step, "beat");
    const struct conf_heartbeat *h = name != NULL ? conf_heartbeat(t->conf, name) : NULL;
    struct tocsin_err err;

    if (!test_members(t, step, members, sizeof members / sizeof members[0]))
        return false;
    if (h == NULL || h->of_collector) {
        test_mistake(t, h == NULL ? "beat: there is no heartbeat '%s'"
                                  : "beat: '%s' beats with the payloads of its collector: send one", name);
        return false;
    }
    if (life_beat(t->life, h, &err) == TOCSIN_OK)
        return true;
    test_mistake(t, "beat: %s", err.what);
    return false;
}

/* The newest that is open and as described. */
static bool
find_incident(struct test_case *t, const json_t *described, struct id16 *id_r)
{
    struct incident_detail *list = NULL;
    json_t *docs = test_incidents(t);
    struct tocsin_err err;
    size_t n = 0;
    bool found = false;

    if (life_incidents(t->life, t->arena, &list, &n, &err) != TOCSIN_OK)
        n = 0;
    for (size_t i = n; i > 0 && !found; i--)
        if (list[i - 1].row.state != TOCSIN_INC_RESOLVED &&
            (described == NULL || test_holds(t, "incident", described, json_array_get(docs, i - 1), true))) {
            *id_r = list[i - 1].row.id;
            found = true;
        }
    json_decref(docs);
    if (!found)
        test_mistake(t, "incident: there is none that is open%s", described != NULL ? " and like this" : "");
    return found;
}

static bool
do_act(struct test_case *t, const json_t *step)
{
    static const char *const members[] = { "at", "after", "expect", "act", "by", "note", "for", "incident", "refused" };
    static const struct { const char *word; enum action action; } words[] = {
        { "ack", ACTION_ACK },       { "unack", ACTION_UNACK }, { "resolve", ACTION_RESOLVE },
        { "snooze", ACTION_SNOOZE }, { "note", ACTION_NOTE },   { "escalate", ACTION_ESCALATE },
    };
    const char *word = text_of(t, step, "act"), *by = text_of(t, step, "by"), *refused = text_of(t, step, "refused");
    enum action action = 0;
    int64_t span = 0;
    struct id16 id;
    struct tocsin_err err;

    for (size_t i = 0; word != NULL && i < sizeof words / sizeof words[0]; i++)
        if (strcmp(word, words[i].word) == 0)
            action = words[i].action;
    if (action == 0)
        test_mistake(t, "act: expected ack, unack, resolve, snooze, note or escalate");
    if (action == 0 || !test_members(t, step, members, sizeof members / sizeof members[0]) ||
        (action == ACTION_SNOOZE && !duration_of(t, step, "for", &span)) ||
        !find_incident(t, json_object_get(step, "incident"), &id))
        return false;
    if (life_act(t->life, &id, action, by != NULL ? by : "somebody", text_of(t, step, "note"),
                 life_now(t->life) + span, &err) == TOCSIN_OK) {
        if (refused != NULL)
            test_mistake(t, "refused: expected a refusal with '%s', but it is done", refused);
        return refused == NULL;
    }
    if (refused != NULL && strstr(err.what, refused) != NULL)
        return true;
    test_mistake(t, "%s: %s", word, err.what);
    return false;
}

/* --- silences and pagers ---------------------------------------------------------------------------- */

static bool
do_silence(struct test_case *t, const json_t *step)
{
    static const char *const members[] = { "at", "after", "expect", "silence", "for" };
    const json_t *list = json_object_get(step, "silence"), *text;
    struct matchers matchers = { 0 };
    struct tocsin_err err;
    int64_t span = 0;
    size_t i;

    if (!test_members(t, step, members, sizeof members / sizeof members[0]) || !duration_of(t, step, "for", &span))
        return false;
    json_array_foreach((json_t *)(uintptr_t)list, i, text)
        if (!json_is_string(text) || matchers_add(t->arena, &matchers, json_string_value(text), &err) != TOCSIN_OK) {
            test_mistake(t, "silence[%zu]: %s", i, json_is_string(text) ? err.what : "expected text");
            return false;
        }
    if (matchers_check(t->arena, &matchers, &err) != TOCSIN_OK ||
        life_silence(t->life, matchers_format(t->arena, &matchers), life_now(t->life) + span, &err) != TOCSIN_OK) {
        test_mistake(t, "silence: %s", err.what);
        return false;
    }
    return true;
}

static bool
do_down(struct test_case *t, const json_t *step, const char *word)
{
    static const char *const members[] = { "at", "after", "expect", "down", "up" };
    const json_t *list = json_object_get(step, word), *name;
    size_t i;

    if (!test_members(t, step, members, sizeof members / sizeof members[0]))
        return false;
    if (!json_is_array(list))
        test_mistake(t, "%s: expected a list of notifiers", word);
    json_array_foreach((json_t *)(uintptr_t)list, i, name)
        if (!json_is_string(name) || !life_down(t->life, json_string_value(name), strcmp(word, "down") == 0)) {
            test_mistake(t, "%s[%zu]: there is no notifier '%s'", word, i,
                         json_is_string(name) ? json_string_value(name) : "");
            return false;
        }
    return json_is_array(list);
}

/* --- a step ------------------------------------------------------------------------------------------- */

static bool
wait_for(struct test_case *t, const json_t *step)
{
    bool at = json_object_get(step, "at") != NULL, after = json_object_get(step, "after") != NULL;
    int64_t ms = 0, until;

    if (!at && !after)
        return true;
    if (at && after) {
        test_mistake(t, "expected at, since the beginning, or after, since the step before, and not both");
        return false;
    }
    if (!duration_of(t, step, at ? "at" : "after", &ms))
        return false;
    until = (at ? t->begin : life_now(t->life)) + ms;
    if (until < life_now(t->life)) {
        test_mistake(t, "at: it is %s already", test_time(t, life_now(t->life)));
        return false;
    }
    return pass(t, until);
}

static bool
happens(struct test_case *t, const json_t *step)
{
    static const char *const all[] = { "at", "after", "expect", "send", "beat", "act", "silence", "down", "up" };

    if (json_object_get(step, "send") != NULL)
        return do_send(t, step);
    if (json_object_get(step, "beat") != NULL)
        return do_beat(t, step);
    if (json_object_get(step, "act") != NULL)
        return do_act(t, step);
    if (json_object_get(step, "silence") != NULL)
        return do_silence(t, step);
    if (json_object_get(step, "down") != NULL)
        return do_down(t, step, "down");
    if (json_object_get(step, "up") != NULL)
        return do_down(t, step, "up");
    return test_members(t, step, all, sizeof all / sizeof all[0]);
}

bool
test_step(struct test_case *t, const json_t *step)
{
    const json_t *expected = json_object_get(step, "expect");

    if (!json_is_object(step)) {
        test_mistake(t, "expected an object");
        return false;
    }
    if (!wait_for(t, step))
        return false;
    t->where = arena_printf(t->arena, "%s (at %s)", t->where, test_time(t, life_now(t->life)));
    if (!happens(t, step))
        return false;
    if (expected != NULL)
        test_expect(t, expected);
    return true;
}
