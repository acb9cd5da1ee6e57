/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake_alert.c - an alert as Opsgenie's API writes it, into tocsin and back.
 *
 * Fields become labels where rules may want to match on them: priority, tags,
 * entity, source, team, and the short details.  Text for people is annotations.
 */
#include "intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ALIAS_MAX = 512, LABEL_LEN = 200, DETAILS_MAX = 40, COUNT_MAX = 100 /* where Opsgenie stops to count */ };

static const char *const field_labels[] = { "priority", "tags", "entity", "source", "team", NULL };
static const char *const field_annotations[] = { "description", "responders", "actions", NULL };

static const char *
member(const struct tocsin_host *host, struct tocsin_call *call, const json_t *doc, const char *name)
{
    return host->text(call->batch, json_object_get(doc, name));
}

static bool
is_one_of(const char *const *names, const char *name)
{
    for (; *names != NULL; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static size_t
characters(const char *s)
{
    size_t n = 0;

    for (; *s != '\0'; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

/* --- in ----------------------------------------------------------------------------------------- */

/* "P1" to "P5"; P3 is what Opsgenie gives an alert without one. */
static enum tocsin_rc
read_priority(const struct tocsin_host *host, const char *word, struct tocsin_alert *alert, struct tocsin_err *err)
{
    if (word[0] == '\0')
        word = "P3";
    if (strcasecmp(word, "P1") < 0 || strcasecmp(word, "P5") > 0 || strlen(word) != 2)
        return host->fail(err, TOCSIN_MEANINGLESS, "priority", "Priority should be one of P1, P2, P3, P4 and P5.");
    alert->severity = host->severity_of(word);
    return TOCSIN_OK;
}

/* A list of strings as one text: "a,b". */
static const char *
joined(const struct tocsin_host *host, struct tocsin_call *call, const json_t *list)
{
    const char *text = "";
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
        text = host->call_printf(call, "%s%s%s", text, i > 0 ? "," : "", host->text(call->batch, item));
    return text;
}

static void
add_details(const struct tocsin_host *host, struct tocsin_call *call, struct tocsin_alert *alert, json_t *details)
{
    const char *name;
    json_t *value;
    size_t n = 0;

    json_object_foreach(details, name, value) {
        const char *text = host->text(call->batch, value);

        if (n++ >= DETAILS_MAX)
            continue;
        if (strlen(text) <= LABEL_LEN && strchr(text, '\n') == NULL)
            host->alert_label(call->batch, alert, name, text);
        else
            host->alert_annotation(call->batch, alert, name, text);
    }
    if (n > DETAILS_MAX)
        host->batch_note(call->batch, "an alert has %zu details: the first %d are kept", n, (int)DETAILS_MAX);
}

/* The first team is a route: a policy may stand for it. */
static void
add_responders(const struct tocsin_host *host, struct tocsin_call *call, struct tocsin_alert *alert, const json_t *doc)
{
    json_t *list = json_object_get(doc, "responders"), *item;
    bool found = false;
    size_t i;

    if (json_array_size(list) == 0)
        list = json_object_get(doc, "teams");
    json_array_foreach(list, i, item) {
        const char *type = member(host, call, item, "type"), *name = member(host, call, item, "name");

        if (found || (type[0] != '\0' && strcasecmp(type, "team") != 0) || name[0] == '\0')
            continue;
        found = true;
        host->alert_label(call->batch, alert, "team", name);
        host->route_to(call, name);
    }
    if (json_array_size(list) > 0) {
        char *text = json_dumps(list, JSON_COMPACT);

        host->alert_annotation(call->batch, alert, "responders", text);
        free(text);
    }
}

enum tocsin_rc
create_alert(const struct tocsin_host *host, struct tocsin_call *call, json_t *doc, struct tocsin_err *err)
{
    const char *alias = member(host, call, doc, "alias"), *note = member(host, call, doc, "note");
    const char *message = member(host, call, doc, "message"), *priority = member(host, call, doc, "priority");
    struct tocsin_alert *alert = host->alert_new(call->batch);
    struct tocsin_batch *out = call->batch;
    enum tocsin_rc rc;

    if (message[strspn(message, " \t\r\n")] == '\0')
        return host->fail(err, TOCSIN_MEANINGLESS, "message", "Message can not be empty.");
    if (characters(alias) > ALIAS_MAX)
        return host->fail(err, TOCSIN_MEANINGLESS, "alias", "Alias can not be longer than %d characters.",
                          (int)ALIAS_MAX);
    rc = read_priority(host, priority, alert, err);
    if (rc != TOCSIN_OK)
        return rc;
    alert->status = TOCSIN_FIRING;
    alert->dedup_key = alias[0] != '\0' ? alias : call->id;
    alert->summary = message;
    add_details(host, call, alert, json_object_get(doc, "details"));
    host->alert_label(out, alert, "priority", priority);
    host->alert_label(out, alert, "tags", joined(host, call, json_object_get(doc, "tags")));
    host->alert_label(out, alert, "entity", member(host, call, doc, "entity"));
    host->alert_label(out, alert, "source", member(host, call, doc, "source"));
    host->alert_annotation(out, alert, "description", member(host, call, doc, "description"));
    host->alert_annotation(out, alert, "actions", joined(host, call, json_object_get(doc, "actions")));
    add_responders(host, call, alert, doc);
    if (note[0] != '\0')
        host->act(call, &(struct tocsin_act){ .kind = TOCSIN_ACT_NOTE, .dedup_key = alert->dedup_key, .note = note,
                                              .by = member(host, call, doc, "user") });
    return TOCSIN_OK;
}

enum tocsin_rc
change_alert(const struct tocsin_host *host, struct tocsin_call *call, const struct tocsin_known *known,
             const char *field, const char *value, struct tocsin_err *err)
{
    const struct tocsin_alert *old = known->alert;
    struct tocsin_alert *alert = host->alert_new(call->batch);
    bool priority = strcmp(field, "priority") == 0;
    enum tocsin_rc rc = priority ? read_priority(host, value, alert, err) : TOCSIN_OK;

    if (rc != TOCSIN_OK)
        return rc;
    alert->status = TOCSIN_FIRING;
    alert->amends = true;
    alert->dedup_key = old->dedup_key;
    alert->number = known->number;
    alert->starts_at = old->starts_at;
    alert->expires_at = old->expires_at;
    alert->summary = strcmp(field, "message") == 0 ? value : old->summary;
    if (!priority)
        alert->severity = old->severity;
    for (size_t i = 0; i < old->n_labels; i++)
        host->alert_label(call->batch, alert, old->labels[i].name,
                          priority && strcmp(old->labels[i].name, field) == 0 ? value : old->labels[i].value);
    for (size_t i = 0; i < old->n_annotations; i++)
        if (strcmp(old->annotations[i].name, field) != 0)
            host->alert_annotation(call->batch, alert, old->annotations[i].name, old->annotations[i].value);
    if (strcmp(field, "description") == 0)
        host->alert_annotation(call->batch, alert, field, value);
    for (size_t i = 0; i < old->n_links; i++)
        host->alert_link(call->batch, alert, old->links[i].href, old->links[i].text);
    return TOCSIN_OK;
}

/* --- out ------------------------------------------------------------------------------------------ */

static const char *
pair_of(const struct tocsin_pair *pairs, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(pairs[i].name, name) == 0)
            return pairs[i].value;
    return "";
}

static const char *
label(const struct tocsin_known *k, const char *name)
{
    return pair_of(k->alert->labels, k->alert->n_labels, name);
}

static json_t *
split(const char *text)
{
    json_t *list = json_array();

    while (*text != '\0') {
        size_t n = strcspn(text, ",");

        if (n > 0)
            json_array_append_new(list, json_stringn(text, n));
        text += n + (text[n] == ',');
    }
    return list;
}

/* The sender's own word if it still says the severity; a rule may have changed that. */
static const char *
priority_text(const struct tocsin_host *host, const struct tocsin_known *k)
{
    static const char *const words[] = { "P3", "P5", "P3", "P2", "P1" };
    const char *own = label(k, "priority");

    return own[0] != '\0' && host->severity_of(own) == k->alert->severity ? own : words[k->alert->severity];
}

const char *
alert_id(const struct tocsin_host *host, struct tocsin_call *call, const struct tocsin_known *k)
{
    return host->call_printf(call, "00000000-0000-4000-8000-%012llx-%013lld", (unsigned long long)k->number,
                             (long long)k->first_at);
}

static void
put(json_t *doc, const char *name, const char *value)
{
    json_object_set_new(doc, name, json_string(value));
}

static json_t *
details_of(const struct tocsin_known *k)
{
    const struct tocsin_alert *a = k->alert;
    json_t *doc = json_object();

    for (size_t i = 0; i < a->n_labels; i++)
        if (!is_one_of(field_labels, a->labels[i].name))
            put(doc, a->labels[i].name, a->labels[i].value);
    for (size_t i = 0; i < a->n_annotations; i++)
        if (!is_one_of(field_annotations, a->annotations[i].name))
            put(doc, a->annotations[i].name, a->annotations[i].value);
    return doc;
}

/* Times in the report count from the creation, in milliseconds. */
static json_t *
report_of(const struct tocsin_known *k)
{
    json_t *doc = json_object();
    int64_t closed = k->open ? 0 : k->resolved_at > 0 ? k->resolved_at : k->alert->ends_at;

    if (k->acknowledged_at > k->first_at)
        json_object_set_new(doc, "ackTime", json_integer(k->acknowledged_at - k->first_at));
    if (closed > k->first_at)
        json_object_set_new(doc, "closeTime", json_integer(closed - k->first_at));
    if (k->acknowledged_by != NULL && k->acknowledged_by[0] != '\0')
        put(doc, "acknowledgedBy", k->acknowledged_by);
    if (!k->open && k->resolved_by != NULL && k->resolved_by[0] != '\0')
        put(doc, "closedBy", k->resolved_by);
    return doc;
}

static void
put_state(const struct tocsin_host *host, struct tocsin_call *call, json_t *doc, const struct tocsin_known *k)
{
    bool acked = k->open && k->state == TOCSIN_INC_ACKNOWLEDGED, snoozed = k->open && k->snoozed_until > 0;
    int64_t updated = k->updated_at > k->last_at ? k->updated_at : k->last_at;

    put(doc, "status", k->open ? "open" : "closed");
    json_object_set_new(doc, "acknowledged", json_boolean(acked));
    json_object_set_new(doc, "isSeen", json_boolean(acked));
    json_object_set_new(doc, "snoozed", json_boolean(snoozed));
    if (snoozed)
        put(doc, "snoozedUntil", host->call_time(call, k->snoozed_until));
    json_object_set_new(doc, "count", json_integer(k->alert->count < COUNT_MAX ? k->alert->count : COUNT_MAX));
    put(doc, "lastOccurredAt", host->call_time(call, k->last_at));
    put(doc, "createdAt", host->call_time(call, k->first_at));
    put(doc, "updatedAt", host->call_time(call, updated));
    put(doc, "owner", acked && k->acknowledged_by != NULL ? k->acknowledged_by : "");
}

json_t *
alert_document(const struct tocsin_host *host, struct tocsin_call *call, const struct tocsin_known *k, bool brief)
{
    const struct tocsin_alert *a = k->alert;
    const char *responders = pair_of(a->annotations, a->n_annotations, "responders");
    json_t *doc = json_object(), *list;

    put(doc, "id", alert_id(host, call, k));
    put(doc, "tinyId", host->call_printf(call, "%lld", (long long)k->number));
    put(doc, "alias", a->dedup_key);
    put(doc, "message", a->summary);
    put_state(host, call, doc, k);
    json_object_set_new(doc, "tags", split(label(k, "tags")));
    put(doc, "source", label(k, "source"));
    put(doc, "priority", priority_text(host, k));
    list = json_loads(responders[0] != '\0' ? responders : "[]", 0, NULL);
    json_object_set_new(doc, "responders", list != NULL ? list : json_array());
    json_object_set_new(doc, "integration", json_pack("{s:s, s:s}", "name", call->in->collector, "type", "API"));
    json_object_set_new(doc, "report", report_of(k));
    if (brief)
        return doc;
    json_object_set_new(doc, "actions", split(pair_of(a->annotations, a->n_annotations, "actions")));
    put(doc, "entity", label(k, "entity"));
    put(doc, "description", pair_of(a->annotations, a->n_annotations, "description"));
    json_object_set_new(doc, "details", details_of(k));
    return doc;
}
