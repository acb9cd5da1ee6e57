/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows as documents.  The members and their order are the API's promise; the
 * README of this folder lists them and schemas.c describes them.
 * A text that is not UTF-8 (which only a damaged row can hold) is shown
 * cleaned rather than left out.
 */
#include <string.h>

#include "api/internal.h"
#include "base/arena.h"
#include "base/text.h"
#include "core/alert.h"
#include "core/normalise/severity.h"

json_t *
shape_string(struct arena *arena, const char *s)
{
    json_t *v;

    if (s == NULL)
        s = "";
    v = json_string(s);
    return v != NULL ? v : json_string(text_clean(arena, s, strlen(s), strlen(s) * 3));
}

json_t *
shape_text(struct arena *arena, const char *s)
{
    return s == NULL || *s == '\0' ? json_null() : shape_string(arena, s);
}

json_t *
shape_time(int64_t ms)
{
    char text[TIME_TEXT];

    return ms > 0 ? json_string(time_format(ms, text)) : json_null();
}

json_t *
shape_id(const struct id16 *id)
{
    char text[ID_TEXT];

    return id_is_zero(id) ? json_null() : json_string(id_format(id, text));
}

const char *
shape_state(unsigned state)
{
    static const char *const words[] = { "", "triggered", "acknowledged", "resolved" };

    return state < sizeof words / sizeof words[0] ? words[state] : "";
}

const char *
shape_status(unsigned state)
{
    static const char *const words[] = { "", "firing", "resolved", "dismissed", "unknown", "dropped" };

    return state < sizeof words / sizeof words[0] ? words[state] : "";
}

static json_t *
told(unsigned told)
{
    static const char *const words[] = { [TOLD_MAYBE] = "unconfirmed", [TOLD_MAYBE_ACKED] = "unconfirmed",
                                         [TOLD_KNOWN] = "unconfirmed", [TOLD_TRIGGERED] = "triggered",
                                         [TOLD_ACKNOWLEDGED] = "acknowledged", [TOLD_RESOLVED] = "resolved" };

    return told == TOLD_NOTHING || told > TOLD_RESOLVED ? json_null() : json_string(words[told]);
}

static void
put(json_t *object, const char *name, json_t *value)
{
    json_object_set_new_nocheck(object, name, value);
}

static json_t *
pairs(struct arena *arena, const struct tocsin_pair *p, size_t n)
{
    json_t *out = json_object();

    for (size_t i = 0; i < n; i++)
        put(out, text_clean(arena, p[i].name, strlen(p[i].name), strlen(p[i].name) * 3),
            shape_string(arena, p[i].value));
    return out;
}

static json_t *
links(struct arena *arena, const struct tocsin_link *p, size_t n)
{
    json_t *out = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(out, json_pack("{s:o, s:o}", "href", shape_string(arena, p[i].href), "text",
                                             shape_text(arena, p[i].text)));
    return out;
}

/* The rules that made the alert what it is, in the order in which they worked. */
static json_t *
rules(struct arena *arena, const struct tocsin_pair *p, size_t n)
{
    json_t *out = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(out, json_pack("{s:o, s:o}", "name", shape_string(arena, p[i].name), "at",
                                             shape_string(arena, p[i].value)));
    return out;
}

json_t *
shape_alert(struct arena *arena, const struct alert_row *a, bool in_incident)
{
    struct alert_text t = { 0 };
    json_t *out = json_object();

    if (a->body != NULL)
        alert_text_decode(arena, a->body, a->body_len, &t);
    put(out, "dedup_key", shape_string(arena, a->dedup_key));
    if (!in_incident)
        put(out, "source", shape_string(arena, a->source));
    put(out, "status", json_string(shape_status(a->state)));
    put(out, "severity", json_string(severity_name(a->severity)));
    put(out, "summary", shape_string(arena, t.summary));
    put(out, "labels", pairs(arena, t.labels, t.n_labels));
    put(out, "annotations", pairs(arena, t.annotations, t.n_annotations));
    put(out, "links", links(arena, t.links, t.n_links));
    put(out, "rules", rules(arena, t.rules, t.n_rules));
    put(out, "starts_at", shape_time(a->starts_at > 0 ? a->starts_at : a->first_at));
    put(out, "ends_at", shape_time(a->ends_at));
    put(out, "count", json_integer(a->count));
    if (!in_incident)
        put(out, "incident", shape_id(&a->incident));
    return out;
}

/* When the escalation goes on by itself, exhausted or not: loops may be left.  next_due is also used for other timers. */
static int64_t
next_escalation(const struct incident_row *r)
{
    bool runs = r->state == TOCSIN_INC_TRIGGERED && r->paging && r->paused_at == 0;

    return runs ? r->next_due : 0;
}

json_t *
shape_incident(struct arena *arena, const struct incident_row *r)
{
    json_t *out = json_object();

    put(out, "id", shape_id(&r->id));
    put(out, "state", json_string(incident_is_delayed(r) ? "delayed" : shape_state(r->state)));
    put(out, "severity", json_string(severity_name(r->severity)));
    put(out, "summary", shape_string(arena, r->summary));
    put(out, "source", shape_string(arena, r->source));
    put(out, "group_key", shape_string(arena, r->group_key));
    put(out, "episode", json_integer(r->episode));
    put(out, "policy", shape_string(arena, r->policy_name));
    put(out, "step", json_integer(r->step));
    put(out, "next_escalation_at", shape_time(next_escalation(r)));
    put(out, "exhausted", json_boolean(r->exhausted));
    put(out, "suppressed_by", shape_text(arena, r->suppressed_by));
    put(out, "snoozed_until", shape_time(r->snoozed_until));
    put(out, "opened_at", shape_time(r->opened_at));
    put(out, "acknowledged_at", shape_time(r->acked_at));
    put(out, "acknowledged_by", shape_text(arena, r->acked_by));
    put(out, "resolved_at", shape_time(r->resolved_at));
    return out;
}

static json_t *
delivery(struct arena *arena, const struct delivery_row *d)
{
    static const char *const words[] = { "delivered", "pending", "failing", "rejected" };
    json_t *out = json_object();

    put(out, "target", shape_string(arena, d->target));
    put(out, "state", json_string(d->state < sizeof words / sizeof words[0] ? words[d->state] : ""));
    put(out, "vendor_state", told(d->told));
    put(out, "attempts", json_integer(d->attempts));
    put(out, "last_error", shape_text(arena, d->last_error));
    put(out, "vendor_ref", shape_text(arena, d->vendor_ref));
    put(out, "told_at", shape_time(d->told_at));
    return out;
}

static json_t *
line(struct arena *arena, const struct event_row *e)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "at", shape_time(e->at), "kind", shape_string(arena, e->kind), "actor",
                     shape_string(arena, e->actor), "text", shape_string(arena, e->text));
}

json_t *
shape_detail(struct arena *arena, const struct incident_detail *d)
{
    json_t *out = shape_incident(arena, &d->row);
    json_t *alerts = json_array(), *deliveries = json_array(), *timeline = json_array();

    for (size_t i = 0; i < d->n_alerts; i++)
        json_array_append_new(alerts, shape_alert(arena, &d->alerts[i], true));
    for (size_t i = 0; i < d->n_deliveries; i++)
        json_array_append_new(deliveries, delivery(arena, &d->deliveries[i]));
    for (size_t i = 0; i < d->n_events; i++)
        json_array_append_new(timeline, line(arena, &d->events[i]));
    put(out, "alerts", alerts);
    put(out, "deliveries", deliveries);
    put(out, "timeline", timeline);
    return out;
}
