/* SPDX-License-Identifier: Apache-2.0 */
/* test_expect.c - what was sent and which incidents there are, and whether that is what a case expects. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/test_impl.h"
#include "core/alert.h"
#include "core/normalise/severity.h"

/* --- what happened, as documents ---------------------------------------------------------- */

static const char *const changes[] = {
    "nothing", "trigger", "update", "acknowledge", "unacknowledge", "note", "resolve"
};

static void
put_text(json_t *object, const char *name, const char *text)
{
    json_object_set_new(object, name, text != NULL && text[0] != '\0' ? json_string(text) : json_null());
}

json_t *
test_told(const struct test_case *t, size_t from)
{
    const struct life_send *sends;
    json_t *out = json_array();
    size_t n;

    sends = life_sends(t->life, &n);
    for (size_t i = from; i < n; i++) {
        json_t *doc = json_pack("{s:s, s:s, s:s, s:b}", "at", test_time(t, sends[i].at), "target", sends[i].target,
                                "change", changes[sends[i].change], "failed", sends[i].failed);

        put_text(doc, "severity", severity_name(sends[i].severity));
        put_text(doc, "summary", sends[i].summary);
        put_text(doc, "group", sends[i].group_key);
        json_array_append_new(out, doc);
    }
    return out;
}

static const char *
state_of(const struct incident_row *i)
{
    return incident_is_delayed(i)                 ? "delayed"
           : i->state == TOCSIN_INC_RESOLVED      ? "resolved"
           : i->state == TOCSIN_INC_ACKNOWLEDGED  ? "acknowledged"
                                                  : "triggered";
}

static json_t *
alert_doc(const struct test_case *t, const struct alert_row *a)
{
    struct alert_text text = { 0 };
    json_t *doc = json_object(), *labels = json_object();

    if (a->body != NULL)
        alert_text_decode(t->arena, a->body, a->body_len, &text);
    for (size_t i = 0; i < text.n_labels; i++)
        put_text(labels, text.labels[i].name, text.labels[i].value);
    put_text(doc, "dedup_key", a->dedup_key);
    put_text(doc, "status", a->state == ALERT_RESOLVED ? "resolved" : "firing");
    put_text(doc, "severity", severity_name((enum tocsin_severity)a->severity));
    put_text(doc, "summary", text.summary);
    json_object_set_new(doc, "suppressed", json_boolean(a->suppressed != 0));
    json_object_set_new(doc, "count", json_integer(a->count));
    json_object_set_new(doc, "labels", labels);
    return doc;
}

static json_t *
incident_doc(const struct test_case *t, const struct incident_detail *d)
{
    const struct incident_row *i = &d->row;
    json_t *doc = json_object(), *alerts = json_array();

    for (size_t k = d->n_alerts; k > 0; k--)         /* oldest first, as they came */
        json_array_append_new(alerts, alert_doc(t, &d->alerts[k - 1]));
    put_text(doc, "state", state_of(i));
    put_text(doc, "severity", severity_name((enum tocsin_severity)i->severity));
    put_text(doc, "summary", i->summary);
    put_text(doc, "source", i->source);
    put_text(doc, "group", i->group_key);
    put_text(doc, "policy", i->policy_name);
    json_object_set_new(doc, "steps_told", json_integer(i->paging ? i->step : 0));
    json_object_set_new(doc, "exhausted", json_boolean(i->exhausted));
    json_object_set_new(doc, "suppressed", json_boolean(i->suppressed_by[0] != '\0'));
    put_text(doc, "suppressed_by", i->suppressed_by);
    put_text(doc, "acknowledged_by", i->acked_by);
    put_text(doc, "resolved_by", i->resolved_by);
    put_text(doc, "opened_at", i->opened_at > 0 ? test_time(t, i->opened_at) : "");
    put_text(doc, "resolved_at", i->resolved_at > 0 ? test_time(t, i->resolved_at) : "");
    json_object_set_new(doc, "episode", json_integer(i->episode));
    json_object_set_new(doc, "alerts", alerts);
    return doc;
}

json_t *
test_incidents(struct test_case *t)
{
    struct incident_detail *list = NULL;
    struct tocsin_err err;
    json_t *out = json_array();
    size_t n = 0;

    if (life_incidents(t->life, t->arena, &list, &n, &err) != TOCSIN_OK)
        test_mistake(t, "%s", err.what);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(out, incident_doc(t, &list[i]));
    return out;
}

/* --- comparison ------------------------------------------------------------------------------- */

static const char *
shown(const struct test_case *t, const json_t *value)
{
    char *text = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6)) : NULL;
    const char *copy = arena_strdup(t->arena, text != NULL ? text : "nothing");

    free(text);
    return copy;
}

static bool
differs(struct test_case *t, const char *path, const json_t *expected, const json_t *got, bool silent)
{
    if (!silent)
        test_mistake(t, "%s: expected %s, got %s", path, shown(t, expected), shown(t, got));
    return false;
}

/* Of incidents and alerts, enough to know which are meant. */
static const char *
listed(const struct test_case *t, const json_t *list)
{
    const char *text = "";
    const json_t *item;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)list, i, item) {
        const json_t *state = json_object_get(item, "state"), *summary = json_object_get(item, "summary");

        text = arena_printf(t->arena, "%s%s%s%s%s", text, i > 0 ? ", " : "",
                            state != NULL ? json_string_value(state) : "", state != NULL ? " " : "",
                            shown(t, summary != NULL ? summary : item));
    }
    return text;
}

static bool
is_longer_or_shorter(struct test_case *t, const char *path, const json_t *expected, const json_t *got, bool silent)
{
    size_t n = json_array_size(expected), m = json_array_size(got);

    if (n != m && !silent)
        test_mistake(t, "%s: expected %s, got %zu: %s", path, n > 0 ? arena_printf(t->arena, "%zu", n) : "none", m,
                     m > 0 ? listed(t, got) : "none");
    return n != m;
}

/* "pd trigger": a send in short. */
static const char *
in_short(const struct test_case *t, const json_t *send)
{
    return arena_printf(t->arena, "%s %s", json_string_value(json_object_get(send, "target")),
                        json_string_value(json_object_get(send, "change")));
}

static bool
object_holds(struct test_case *t, const char *path, const json_t *expected, const json_t *got, bool silent)
{
    const char *name;
    json_t *value;
    bool holds = true;

    json_object_foreach((json_t *)(uintptr_t)expected, name, value) {
        const json_t *there = json_object_get(got, name);
        const char *inner = arena_printf(t->arena, "%s.%s", path, name);

        if (there == NULL)
            return differs(t, inner, value, NULL, silent);
        holds = test_holds(t, inner, value, there, silent) && holds;
    }
    return holds;
}

bool
test_holds(struct test_case *t, const char *path, const json_t *expected, const json_t *got, bool silent)
{
    bool holds = true;

    if (json_is_object(expected) && json_is_object(got))
        return object_holds(t, path, expected, got, silent);
    if (!json_is_array(expected) || !json_is_array(got))
        return json_equal(expected, got) || differs(t, path, expected, got, silent);
    if (is_longer_or_shorter(t, path, expected, got, silent))
        return false;
    for (size_t i = 0; i < json_array_size(expected); i++)
        holds = test_holds(t, arena_printf(t->arena, "%s[%zu]", path, i), json_array_get(expected, i),
                           json_array_get(got, i), silent) && holds;
    return holds;
}

/* What reached its target, as it is expected: in short where the expectation is, or there is none. */
static json_t *
as_expected(const struct test_case *t, const json_t *expected, const json_t *told)
{
    json_t *out = json_array(), *send;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)told, i, send) {
        bool whole = json_is_object(json_array_get(expected, json_array_size(out)));

        if (!json_is_true(json_object_get(send, "failed")))
            json_array_append_new(out, whole ? json_incref(send) : json_string(in_short(t, send)));
    }
    return out;
}

void
test_expect(struct test_case *t, const json_t *expected)
{
    static const char *const members[] = { "told", "incidents" };
    const json_t *told = json_object_get(expected, "told"), *incidents = json_object_get(expected, "incidents");

    if (!json_is_object(expected)) {
        test_mistake(t, "expect: expected an object with told or incidents, or both");
        return;
    }
    if (!test_members(t, expected, members, sizeof members / sizeof members[0]))
        return;
    if (told != NULL) {
        json_t *all = test_told(t, t->told), *got = as_expected(t, told, all);

        t->told += json_array_size(all);
        test_holds(t, "told", told, got, false);
        json_decref(all);
        json_decref(got);
    }
    if (incidents != NULL) {
        json_t *got = test_incidents(t);

        test_holds(t, "incidents", incidents, got, false);
        json_decref(got);
    }
}
