/* SPDX-License-Identifier: Apache-2.0 */
/* document.c - the JSON that Opsgenie reads, within its limits (in characters, as the vendor counts). */
#include <string.h>

#include "opsgenie.h"

enum {
    MESSAGE_MAX = 130,
    DESCRIPTION_MAX = 15000,
    TAG_MAX = 50,
    TAGS_MAX = 20,
    ACTIONS_MAX = 10,
    RESPONDERS_MAX = 50,
    DETAILS_MAX = 8000,
    DETAIL_MAX = 1000,
    ENTITY_MAX = 512,
    SOURCE_MAX = 100,
    NOTE_MAX = 25000,
    LINE_MAX_CHARS = 1024
};

static size_t
chars(const char *s)
{
    size_t n = 0;

    for (; *s != '\0'; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

json_t *
responder_of(const char *text)
{
    static const struct {
        const char *prefix, *type, *member;
    } kinds[] = {
        { "team:", "team", "name" },
        { "team-id:", "team", "id" },
        { "user:", "user", "username" },
        { "user-id:", "user", "id" },
        { "escalation:", "escalation", "name" },
        { "escalation-id:", "escalation", "id" },
        { "schedule:", "schedule", "name" },
        { "schedule-id:", "schedule", "id" },
    };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t n = strlen(kinds[i].prefix);

        if (strncmp(text, kinds[i].prefix, n) == 0 && text[n] != '\0')
            return json_pack("{s:s, s:s}", "type", kinds[i].type, kinds[i].member, text + n);
    }
    return NULL;
}

static json_t *
responders_of(const struct opsgenie *o)
{
    json_t *out = json_array();

    for (size_t i = 0; i < o->n_teams && json_array_size(out) < RESPONDERS_MAX; i++)
        json_array_append_new(out, json_pack("{s:s, s:s}", "type", "team", "name", o->teams[i]));
    for (size_t i = 0; i < o->n_responders && json_array_size(out) < RESPONDERS_MAX; i++)
        json_array_append_new(out, responder_of(o->responders[i]));
    return out;
}

static json_t *
words_of(const struct opsgenie *o, struct tocsin_request *q, const char *const *words, size_t n, size_t max)
{
    json_t *out = json_array();

    for (size_t i = 0; i < n && json_array_size(out) < max; i++)
        json_array_append_new(out, json_string(o->host->request_cut(q, words[i], TAG_MAX)));
    return out;
}

static const char *
label(const struct tocsin_incident *inc, const char *name)
{
    for (size_t i = 0; name != NULL && i < inc->n_alerts; i++)
        for (size_t k = 0; k < inc->alerts[i].n_labels; k++)
            if (strcmp(inc->alerts[i].labels[k].name, name) == 0)
                return inc->alerts[i].labels[k].value;
    return NULL;
}

/* Values must be strings, and all names and values together have a limit: what does not fit is left out, and said. */
static json_t *
details_of(const struct opsgenie *o, struct tocsin_request *q, const struct tocsin_incident *inc)
{
    const struct tocsin_alert *a = inc->n_alerts > 0 ? &inc->alerts[0] : NULL;
    json_t *out = json_pack("{s:s, s:s}", "tocsin_incident", inc->number, "tocsin_collector",
                            o->host->request_cut(q, inc->source, DETAIL_MAX));
    size_t used = 64 + chars(inc->source);

    for (size_t i = 0; a != NULL && i < a->n_labels; i++) {
        const char *value = o->host->request_cut(q, a->labels[i].value, DETAIL_MAX);
        size_t more = chars(a->labels[i].name) + chars(value);

        if (used + more > DETAILS_MAX - 32) {
            json_object_set_new(out, "tocsin_more", json_string("left out"));
            break;
        }
        used += more;
        json_object_set_new(out, a->labels[i].name, json_string(value));
    }
    return out;
}

const char *
message_text(const struct opsgenie *o, struct tocsin_request *q, const struct tocsin_incident *inc)
{
    return o->host->request_cut(q, inc->summary[0] != '\0' ? inc->summary : "(no summary)", MESSAGE_MAX);
}

const char *
description_text(const struct opsgenie *o, struct tocsin_request *q, const struct tocsin_incident *inc)
{
    const struct tocsin_host *h = o->host;
    const char *text = h->request_printf(q, "%s\n%zu of %zu alerts firing", inc->summary, inc->n_firing, inc->n_total);

    if (inc->url != NULL)
        text = h->request_printf(q, "%s\n%s", text, inc->url);
    for (size_t i = 0; i < inc->n_alerts; i++) {
        const struct tocsin_alert *a = &inc->alerts[i];

        text = h->request_printf(q, "%s\n\n[%s] %s", text, a->status == TOCSIN_RESOLVED ? "resolved" : "firing",
                                 h->request_cut(q, a->summary, LINE_MAX_CHARS));
        for (size_t k = 0; k < a->n_annotations && k < 16; k++)
            text = h->request_printf(q, "%s\n%s: %s", text, a->annotations[k].name,
                                     h->request_cut(q, a->annotations[k].value, LINE_MAX_CHARS));
        for (size_t k = 0; k < a->n_links; k++)
            text = h->request_printf(q, "%s\n%s", text, a->links[k].href);
    }
    return h->request_cut(q, text, DESCRIPTION_MAX);
}

const char *
priority_of(const struct opsgenie *o, const struct tocsin_incident *inc)
{
    return o->priority[inc->severity];
}

static void
set_list(json_t *doc, const char *name, json_t *list)
{
    if (json_array_size(list) > 0)
        json_object_set(doc, name, list);
    json_decref(list);
}

json_t *
create_document(const struct opsgenie *o, struct tocsin_request *q, const struct tocsin_incident *inc)
{
    const char *entity = label(inc, o->entity_label);
    json_t *doc = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "message", message_text(o, q, inc), "alias", inc->id,
                            "description", description_text(o, q, inc), "priority", priority_of(o, inc), "source",
                            o->host->request_cut(q, o->source, SOURCE_MAX), "details", details_of(o, q, inc));

    if (entity != NULL && entity[0] != '\0')
        json_object_set_new(doc, "entity", json_string(o->host->request_cut(q, entity, ENTITY_MAX)));
    if (o->user != NULL)
        json_object_set_new(doc, "user", json_string(o->host->request_cut(q, o->user, SOURCE_MAX)));
    set_list(doc, "responders", responders_of(o));
    set_list(doc, "tags", words_of(o, q, o->tags, o->n_tags, TAGS_MAX));
    set_list(doc, "actions", words_of(o, q, o->actions, o->n_actions, ACTIONS_MAX));
    return doc;
}

json_t *
action_document(const struct opsgenie *o, struct tocsin_request *q, const struct tocsin_job *job)
{
    const struct tocsin_incident *inc = job->incident;
    const char *who = inc->by, *note = NULL;
    json_t *doc = json_pack("{s:s}", "source", o->host->request_cut(q, o->source, SOURCE_MAX));

    switch (job->change) {
    case TOCSIN_NOTE:
        who = inc->note_by != NULL ? inc->note_by : "";
        note = inc->note != NULL && inc->note[0] != '\0' ? inc->note : "(empty note)";
        break;
    case TOCSIN_UNACKNOWLEDGE:
        note = "no longer acknowledged in tocsin";
        break;
    case TOCSIN_ACKNOWLEDGE:
        note = "acknowledged in tocsin";
        break;
    case TOCSIN_RESOLVE:
        note = "resolved in tocsin";
        break;
    default: /* an update where the API has no other word for it */
        note =
            o->host->request_printf(q, "[%s] %s", o->host->severity_name(inc->severity), description_text(o, q, inc));
    }
    json_object_set_new(doc, "note", json_string(o->host->request_cut(q, note, NOTE_MAX)));
    if (who[0] != '\0')
        json_object_set_new(doc, "user", json_string(o->host->request_cut(q, who, SOURCE_MAX)));
    return doc;
}
