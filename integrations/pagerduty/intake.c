/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake.c - the events API, versions 2 and 1, as a way in.
 *
 * Strict in what is answered, lenient in what is read: the codes and bodies
 * are PagerDuty's, since clients check them to the letter, but a number where
 * text is usual, null for absent or a summary that is too long refuse nothing
 * that would page.  An acknowledge or resolve for a key that is not open is
 * accepted and does nothing, as over there.
 */
#include "intake.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { V2 = 1, CHANGE, V1 };
enum { BODY_MAX = 1 << 20, KEY_MAX = 255, KEY_LEN = 32, LABEL_LEN = 200, DETAILS_MAX = 40, LINKS_MAX = 12, ERRORS = 6 };

const struct tocsin_route intake_routes[] = {
    { "POST", "/v2/enqueue", V2, BODY_MAX, 0 },
    { "POST", "/v2/change/enqueue", CHANGE, BODY_MAX, 0 },
    { "POST", "/generic/2010-04-15/create_event.json", V1, BODY_MAX, 0 },
    { NULL, NULL, 0, 0, 0 },
};

struct event {
    const struct tocsin_host *host;
    struct tocsin_call *call;
    const char *credential;        /* "" missing */
    const char *key;               /* dedup_key or incident_key */
    const char *errors[ERRORS]; size_t n_errors;
};

static struct event *
event_of(const struct tocsin_host *host, struct tocsin_call *call)
{
    struct event *e = call->state;

    if (e == NULL) {
        e = call->state = host->call_alloc(call, sizeof *e);
        e->host = host;
        e->call = call;
        e->credential = e->key = "";
    }
    return e;
}

static void
complain(struct event *e, const char *text)
{
    if (e->n_errors < ERRORS)
        e->errors[e->n_errors++] = text;
}

/* A scalar as text; "" for null, absent, objects and arrays. */
static const char *
text(struct event *e, const json_t *object, const char *name)
{
    return e->host->text(e->call->batch, json_object_get(object, name));
}

static bool
is_blank(const char *s)
{
    return s[strspn(s, " \t\r\n")] == '\0';
}

/* A member that must be there; where it is missing that is noted. */
static const char *
needed(struct event *e, const json_t *object, const char *name, const char *error)
{
    const char *s = text(e, object, name);

    if (is_blank(s))
        complain(e, error);
    return s;
}

/* --- who sends ------------------------------------------------------------------------------- */

enum tocsin_rc
intake_identify(const struct tocsin_host *host, struct tocsin_call *call, const char **credential_r,
                struct tocsin_err *err)
{
    struct event *e = event_of(host, call);
    const char *header = call->in->header(call->in, "X-Routing-Key");
    json_t *doc;
    enum tocsin_rc rc = host->call_json(call, &doc, err);

    if (rc != TOCSIN_OK)
        return rc;
    if (!json_is_object(doc))
        return host->fail(err, TOCSIN_BAD_INPUT, "$", "expected an object");
    e->credential = text(e, doc, call->route == V1 ? "service_key" : "routing_key");
    if (e->credential[0] == '\0' && header != NULL)
        e->credential = host->call_printf(call, "%s", header);
    if (e->credential[0] != '\0')
        *credential_r = e->credential;
    return TOCSIN_OK;
}

/* --- details and links ----------------------------------------------------------------------- */

/* Short values are what rules match on, so they are labels; long ones are for people. */
static void
add_detail(struct event *e, struct tocsin_alert *alert, const char *name, const json_t *value)
{
    const struct tocsin_host *host = e->host;
    struct tocsin_batch *out = e->call->batch;
    char *dumped;

    if (json_is_object(value) || json_is_array(value)) {
        dumped = json_dumps(value, JSON_COMPACT);
        if (dumped != NULL && (json_object_size(value) > 0 || json_array_size(value) > 0))
            host->alert_annotation(out, alert, name, dumped);
        free(dumped);
        return;
    }
    dumped = (char *)(uintptr_t)host->text(out, value);
    if (strlen(dumped) <= LABEL_LEN && strchr(dumped, '\n') == NULL)
        host->alert_label(out, alert, name, dumped);
    else
        host->alert_annotation(out, alert, name, dumped);
}

static void
add_details(struct event *e, struct tocsin_alert *alert, json_t *details)
{
    const char *name;
    json_t *value;
    size_t n = 0;

    if (!json_is_object(details)) {
        add_detail(e, alert, "details", details);
        return;
    }
    json_object_foreach(details, name, value)
        if (n++ < DETAILS_MAX)
            add_detail(e, alert, name, value);
    if (n > DETAILS_MAX)
        e->host->batch_note(e->call->batch, "event '%s' has %zu details: the first %d are kept", e->key, n,
                            (int)DETAILS_MAX);
}

static void
add_links(struct event *e, struct tocsin_alert *alert, const json_t *list, const char *words)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item) {
        const char *image = text(e, item, "src"), *href = text(e, item, "href"), *name = text(e, item, words);

        if (alert->n_links >= LINKS_MAX)
            return;
        e->host->alert_link(e->call->batch, alert, href[0] != '\0' ? href : image, name);
        if (href[0] != '\0' && image[0] != '\0')
            e->host->alert_link(e->call->batch, alert, image, name);
    }
}

static void
add_client(struct event *e, struct tocsin_alert *alert, const json_t *doc)
{
    const char *client = text(e, doc, "client");

    e->host->alert_link(e->call->batch, alert, text(e, doc, "client_url"), client);
    e->host->alert_annotation(e->call->batch, alert, "client", client);
}

/* --- what it says ----------------------------------------------------------------------------- */

static enum tocsin_severity
severity(struct event *e, const json_t *payload)
{
    static const struct { const char *word; enum tocsin_severity severity; } words[] = {
        { "critical", TOCSIN_CRITICAL }, { "error", TOCSIN_ERROR }, { "warning", TOCSIN_WARNING },
        { "info", TOCSIN_INFO } };
    const char *word = needed(e, payload, "severity", "'payload.severity' is missing or blank");

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(word, words[i].word) == 0)
            return words[i].severity;
    if (!is_blank(word))
        complain(e, "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or "
                    "'info')");
    return TOCSIN_SEV_NONE;
}

/* Without a key a trigger gets one of its own, in the shape that PagerDuty's have. */
static const char *
made_up(struct event *e)
{
    char *key = e->host->call_printf(e->call, "%s", e->call->id), *to = key;

    for (const char *p = key; *p != '\0'; p++)
        if (*p != '-')
            *to++ = *p;
    *to = '\0';
    return key;
}

static size_t
characters(const char *s)
{
    size_t n = 0;

    for (; *s != '\0'; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static void
take_key(struct event *e, const json_t *doc, const char *name, bool trigger)
{
    e->key = text(e, doc, name);
    if (is_blank(e->key) && trigger)
        e->key = made_up(e);
    else if (is_blank(e->key))
        complain(e, e->host->call_printf(e->call, "'%s' is missing or blank", name));
    else if (characters(e->key) > KEY_MAX)
        complain(e, e->host->call_printf(e->call, "Length of '%s' is incorrect (should be at most %d characters)", name,
                                         (int)KEY_MAX));
}

static void
trigger_v2(struct event *e, json_t *doc)
{
    struct tocsin_batch *out = e->call->batch;
    json_t *payload = json_object_get(doc, "payload");
    struct tocsin_alert *alert = e->host->alert_new(out);

    alert->status = TOCSIN_FIRING;
    alert->dedup_key = e->key;
    alert->summary = needed(e, payload, "summary", "'payload.summary' is missing or blank");
    alert->severity = severity(e, payload);
    add_details(e, alert, json_object_get(payload, "custom_details"));
    e->host->alert_label(out, alert, "source",
                         needed(e, payload, "source", "'payload.source' is missing or blank"));
    e->host->alert_label(out, alert, "component", text(e, payload, "component"));
    e->host->alert_label(out, alert, "group", text(e, payload, "group"));
    e->host->alert_label(out, alert, "class", text(e, payload, "class"));
    alert->starts_at = e->host->time_of(text(e, payload, "timestamp"));
    add_client(e, alert, doc);
    add_links(e, alert, json_object_get(doc, "links"), "text");
    add_links(e, alert, json_object_get(doc, "images"), "alt");
}

static void
trigger_v1(struct event *e, json_t *doc)
{
    struct tocsin_alert *alert = e->host->alert_new(e->call->batch);

    alert->status = TOCSIN_FIRING;
    alert->dedup_key = e->key;
    alert->summary = needed(e, doc, "description", "Description is missing or blank");
    add_details(e, alert, json_object_get(doc, "details"));
    alert->severity = e->host->severity_of(text(e, json_object_get(doc, "details"), "severity"));
    add_client(e, alert, doc);
    add_links(e, alert, json_object_get(doc, "contexts"), "text");
}

static void
act_on(struct event *e, json_t *doc, const char *verb, void (*trigger)(struct event *, json_t *), const char *bad_verb)
{
    if (strcasecmp(verb, "trigger") == 0) {
        trigger(e, doc);
    } else if (strcasecmp(verb, "acknowledge") == 0) {
        e->host->act(e->call, &(struct tocsin_act){ .kind = TOCSIN_ACT_ACK, .dedup_key = e->key });
    } else if (strcasecmp(verb, "resolve") == 0) {
        struct tocsin_alert *alert = e->host->alert_new(e->call->batch);

        alert->status = TOCSIN_RESOLVED;
        alert->dedup_key = e->key;
    } else {
        complain(e, bad_verb);
    }
}

/* Kept in the history for people who look what changed; it opens nothing. */
static void
take_change(struct event *e, json_t *doc)
{
    json_t *payload = json_object_get(doc, "payload");
    struct tocsin_alert *alert = e->host->alert_new(e->call->batch);

    e->key = made_up(e);
    alert->status = TOCSIN_UNKNOWN;
    alert->severity = TOCSIN_INFO;
    alert->dedup_key = e->key;
    alert->summary = needed(e, payload, "summary", "'payload.summary' is missing or blank");
    add_details(e, alert, json_object_get(payload, "custom_details"));
    e->host->alert_label(e->call->batch, alert, "source", text(e, payload, "source"));
    alert->starts_at = e->host->time_of(text(e, payload, "timestamp"));
    add_links(e, alert, json_object_get(doc, "links"), "text");
    add_links(e, alert, json_object_get(doc, "images"), "alt");
}

enum tocsin_rc
intake_take(void *self, const struct tocsin_host *host, struct tocsin_call *call, struct tocsin_err *err)
{
    struct event *e = event_of(host, call);
    const char *verb;
    json_t *doc;
    enum tocsin_rc rc = host->call_json(call, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    switch (call->route) {
    case V2:
        verb = text(e, doc, "event_action");
        take_key(e, doc, "dedup_key", strcasecmp(verb, "trigger") == 0);
        act_on(e, doc, verb, trigger_v2,
               is_blank(verb) ? "'event_action' is missing or blank"
                              : "'event_action' is invalid (must be one of: trigger acknowledge resolve)");
        break;
    case CHANGE:
        take_change(e, doc);
        break;
    default:
        verb = text(e, doc, "event_type");
        take_key(e, doc, "incident_key", strcasecmp(verb, "trigger") == 0);
        act_on(e, doc, verb, trigger_v1, "event_type is invalid (must be one of: trigger acknowledge resolve)");
    }
    if (e->n_errors > 0)
        return host->fail(err, TOCSIN_MEANINGLESS, "$", "%s", e->errors[0]);
    return TOCSIN_OK;
}

/* --- answers ------------------------------------------------------------------------------------ */

void
intake_answer(void *self, const struct tocsin_host *host, struct tocsin_call *call,
              const struct tocsin_results *results)
{
    struct event *e = call->state;
    json_t *doc = json_object();

    (void)self;
    (void)results;
    json_object_set_new(doc, "status", json_string("success"));
    json_object_set_new(doc, "message",
                        json_string(call->route == CHANGE ? "Change event processed" : "Event processed"));
    if (call->route != CHANGE)
        json_object_set_new(doc, call->route == V1 ? "incident_key" : "dedup_key", json_string(e->key));
    host->reply_json(call, call->route == V1 ? 200 : 202, doc);
}

/* What PagerDuty says of a key that it does not take: all that is wrong with its shape, or that nobody has it. */
static void
complain_of_key(struct event *e, bool v1)
{
    bool plain = true;

    e->n_errors = 0;
    for (const char *p = e->credential; *p != '\0'; p++)
        plain &= isalnum((unsigned char)*p) != 0;
    if (e->credential[0] == '\0') {
        complain(e, v1 ? "Service key is missing or blank" : "'routing_key' is missing or blank");
        return;
    }
    if (strlen(e->credential) != KEY_LEN)
        complain(e, v1 ? "Service key is the wrong length (should be 32 characters)"
                       : "Length of 'routing_key' is incorrect (should be 32 characters)");
    if (!plain && !v1)
        complain(e, "'routing_key' cannot contain non-alphanumeric characters.");
    if (e->n_errors == 0)
        complain(e, v1 ? "Invalid service key" : "Invalid routing key");
}

static void
reply_bad(const struct tocsin_host *host, struct tocsin_call *call, int code, const char *status, const char *message,
          const char *const *errors, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(errors[i]));
    host->reply_json(call, code, json_pack("{s:s, s:s, s:o}", "status", status, "message", message, "errors", list));
}

static void
reply_invalid(const struct tocsin_host *host, struct tocsin_call *call, int code, const struct event *e)
{
    reply_bad(host, call, code, "invalid event", "Event object is invalid", e->errors, e->n_errors);
}

void
intake_refuse(const struct tocsin_host *host, struct tocsin_call *call, const struct tocsin_err *err)
{
    static const char *const parse_error[] = { "JSON parse error" };
    struct event *e = event_of(host, call);

    switch (err->rc) {
    case TOCSIN_BAD_INPUT:
        reply_bad(host, call, 400, "Unrecognized object", "Event object format is unrecognized", parse_error, 1);
        break;
    case TOCSIN_UNAUTHORIZED:
        complain_of_key(e, call->route == V1);
        reply_invalid(host, call, 400, e);
        break;
    case TOCSIN_MEANINGLESS:
        reply_invalid(host, call, 400, e);
        break;
    case TOCSIN_TOO_LARGE:
    case TOCSIN_UNSUPPORTED:
        e->n_errors = 0;
        complain(e, err->what);
        reply_invalid(host, call, err->rc == TOCSIN_TOO_LARGE ? 413 : 415, e);
        break;
    default:                       /* overload, store away: the host's words; clients look at the code */
        break;
    }
}
