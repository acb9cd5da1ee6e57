/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake.c - the REST endpoint as a way in.
 *
 * The API key and the routing key stand in the path, behind whatever prefix
 * the sender was given.  The body is JSON whatever its type says; every member
 * that is not known is kept, as over there.
 */
#include "intake.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ENDPOINT = 1 };
enum { BODY_MAX = 1 << 20, LABEL_LEN = 200, MEMBERS_MAX = 50 };

const struct tocsin_route intake_routes[] = {
    { "POST", "{*}/alert/{api_key}/{routing_key}", ENDPOINT, BODY_MAX, 0 },
    { "POST", "{*}/alert/{api_key}", ENDPOINT, BODY_MAX, 0 },
    { NULL, NULL, 0, 0, 0 },
};

enum kind { CRITICAL, WARNING, INFO, ACK, RECOVERY };

static const struct { const char *word; enum kind kind; } kinds[] = {
    { "CRITICAL", CRITICAL }, { "WARNING", WARNING }, { "INFO", INFO }, { "ACKNOWLEDGEMENT", ACK },
    { "ACKNOWLEDGMENT", ACK }, { "RECOVERY", RECOVERY }, { "OK", RECOVERY },
};

/* Members that have a place of their own. */
static const char *const known[] = { "message_type", "entity_id", "entity_display_name", "state_message",
                                     "state_start_time", "timestamp", "ack_author", "ack_message", "alert_url",
                                     "image_url", NULL };

struct message {                   /* call->state */
    const char *entity;
    const char *missing;           /* fields that should have been there */
};

static const char *
text(const struct tocsin_host *host, struct tocsin_call *call, const json_t *doc, const char *name)
{
    return host->text(call->batch, json_object_get(doc, name));
}

static bool
is_known(const char *name)
{
    for (const char *const *k = known; *k != NULL; k++)
        if (strcmp(*k, name) == 0)
            return true;
    return false;
}

enum tocsin_rc
intake_identify(const struct tocsin_host *host, struct tocsin_call *call, const char **credential_r,
                struct tocsin_err *err)
{
    (void)host;
    (void)err;
    *credential_r = call->path[0].value;
    return TOCSIN_OK;
}

/* What counts as nothing else counts as INFO. */
static enum kind
kind_of(const char *word)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcasecmp(kinds[i].word, word) == 0)
            return kinds[i].kind;
    return INFO;
}

/* Unix seconds, as a number or as text; milliseconds when it is far too much for seconds. */
static int64_t
seconds(const struct tocsin_host *host, struct tocsin_call *call, const json_t *doc, const char *name)
{
    const char *s = text(host, call, doc, name);
    double n = s[0] >= '0' && s[0] <= '9' && strchr(s, '-') == NULL ? strtod(s, NULL) : 0;

    if (n <= 0 || n > 1e14)
        return host->time_of(s);
    return n > 1e11 ? (int64_t)n : (int64_t)(n * 1000);
}

/* --- the alert ----------------------------------------------------------------------------------- */

/* "vo_annotate.u.Runbook": a link, an image or a note with a title. */
static void
add_annotation(const struct tocsin_host *host, struct tocsin_call *call, struct tocsin_alert *alert, const char *name,
               const char *value)
{
    const char *kind = name + strlen("vo_annotate."), *title = kind[0] != '\0' && kind[1] == '.' ? kind + 2 : kind;

    if (kind[0] == 's')
        host->alert_annotation(call->batch, alert, title, value);
    else
        host->alert_link(call->batch, alert, value, title);
}

static void
add_member(const struct tocsin_host *host, struct tocsin_call *call, struct tocsin_alert *alert, const char *name,
           const json_t *value)
{
    bool nested = json_is_object(value) || json_is_array(value);
    char *dumped = nested ? json_dumps(value, JSON_COMPACT) : NULL;
    const char *s = nested ? dumped : host->text(call->batch, value);

    if (s != NULL && strncmp(name, "vo_annotate.", 12) == 0)
        add_annotation(host, call, alert, name, s);
    else if (s != NULL && !nested && strlen(s) <= LABEL_LEN && strchr(s, '\n') == NULL)
        host->alert_label(call->batch, alert, name, s);
    else
        host->alert_annotation(call->batch, alert, name, s);
    free(dumped);
}

/* Host names have one label, whatever the sender calls them. */
static const char *
label_name(const char *member)
{
    return strcmp(member, "host_name") == 0 || strcmp(member, "hostname") == 0 ? "host" : member;
}

static void
add_alert(const struct tocsin_host *host, struct tocsin_call *call, const struct message *m, json_t *doc,
          enum kind kind)
{
    struct tocsin_alert *alert = host->alert_new(call->batch);
    const char *title = text(host, call, doc, "entity_display_name");
    const char *long_text = text(host, call, doc, "state_message");
    const char *name;
    json_t *value;
    size_t n = 0;

    alert->status = kind == RECOVERY ? TOCSIN_RESOLVED : kind == INFO ? TOCSIN_UNKNOWN : TOCSIN_FIRING;
    alert->severity = kind == CRITICAL ? TOCSIN_CRITICAL : kind == WARNING ? TOCSIN_WARNING
                      : kind == INFO ? TOCSIN_INFO : TOCSIN_SEV_NONE;
    alert->dedup_key = m->entity;
    alert->summary = title[0] != '\0' ? title : long_text[0] != '\0' ? long_text : m->entity;
    if (kind == RECOVERY)
        alert->ends_at = seconds(host, call, doc, "timestamp");
    else
        alert->starts_at = seconds(host, call, doc, "state_start_time");
    json_object_foreach(doc, name, value)
        if (!is_known(name) && n++ < MEMBERS_MAX)
            add_member(host, call, alert, label_name(name), value);
    if (call->n_path > 1)
        host->alert_label(call->batch, alert, "routing_key", call->path[1].value);
    host->alert_annotation(call->batch, alert, "description", long_text);
    host->alert_link(call->batch, alert, text(host, call, doc, "alert_url"), "alert");
    host->alert_link(call->batch, alert, text(host, call, doc, "image_url"), "image");
}

enum tocsin_rc
intake_take(void *self, const struct tocsin_host *host, struct tocsin_call *call, struct tocsin_err *err)
{
    struct message *m = call->state = host->call_alloc(call, sizeof *m);
    const char *word;
    enum kind kind;
    json_t *doc;
    enum tocsin_rc rc = host->call_json(call, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    if (!json_is_object(doc))
        return host->fail(err, TOCSIN_BAD_INPUT, "$", "expected an object");
    word = text(host, call, doc, "message_type");
    if (word[0] == '\0') {
        m->missing = "message_type";
        return host->fail(err, TOCSIN_MEANINGLESS, "$.message_type", "missing");
    }
    m->entity = text(host, call, doc, "entity_id");
    if (m->entity[0] == '\0')
        m->entity = call->id;
    kind = kind_of(word);
    if (call->n_path > 1)
        host->route_to(call, call->path[1].value);
    if (kind == ACK)
        host->act(call, &(struct tocsin_act){ .kind = TOCSIN_ACT_ACK, .dedup_key = m->entity,
                                              .by = text(host, call, doc, "ack_author"),
                                              .note = text(host, call, doc, "ack_message") });
    else
        add_alert(host, call, m, doc, kind);
    return TOCSIN_OK;
}

/* --- answers ---------------------------------------------------------------------------------------- */

void
intake_answer(void *self, const struct tocsin_host *host, struct tocsin_call *call,
              const struct tocsin_results *results)
{
    const struct message *m = call->state;

    (void)self;
    (void)results;
    host->reply_json(call, 200, json_pack("{s:s, s:s}", "result", "success", "entity_id", m->entity));
}

static void
fail_with(const struct tocsin_host *host, struct tocsin_call *call, int status, const char *message)
{
    host->reply_json(call, status, json_pack("{s:s, s:s}", "result", "failure", "message", message));
}

/* Clients take 404 as a wrong address or key, 5xx as a reason to try again. */
void
intake_refuse(const struct tocsin_host *host, struct tocsin_call *call, const struct tocsin_err *err)
{
    const struct message *m = call->state;

    switch (err->rc) {
    case TOCSIN_UNAUTHORIZED:
        fail_with(host, call, 404, "Unknown API key");
        break;
    case TOCSIN_MEANINGLESS:
        fail_with(host, call, 400, host->call_printf(call, "Missing fields: %s", m->missing));
        break;
    case TOCSIN_BAD_INPUT:
        fail_with(host, call, 400, err->what);
        break;
    case TOCSIN_TOO_LARGE:
        fail_with(host, call, 413, err->what);
        break;
    case TOCSIN_UNSUPPORTED:
        fail_with(host, call, 415, err->what);
        break;
    default:
        break;
    }
}
