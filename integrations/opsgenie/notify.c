/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.c - Opsgenie's Alert API, and Jira Service Management's events API,
 * which speaks the same words.
 *
 * Every write is answered 202 and worked off later, so a send is a
 * conversation: write, then ask for the request's fate until it is known.
 *
 *   create | acknowledge | unacknowledge | close | note:  write, ask ...
 *   update:  PUT message, ask ..., PUT description, ask ..., PUT priority, ask ...
 *
 * A create for an alias that is open changes nothing, which is why an update
 * needs three writes and why a repeat is harmless.  Where an update or an
 * un-acknowledgement finds no alert, somebody closed it over there: it is
 * created again, because the incident still is.
 *
 * carry: one letter for the write under way, and once it is accepted the
 * number of the next question and the request's id: "m 3 43a29c5c-...".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "intake.h"
#include "opsgenie.h"

enum { POLLS_MAX = 10, POLL_FIRST_MS = 200, POLL_MAX_MS = 5000, ID_MAX = 128 };

enum phase {
    CREATE = 'c',
    MESSAGE = 'm',
    DESCRIPTION = 'd',
    PRIORITY = 'p',
    ACKNOWLEDGE = 'a',
    UNACKNOWLEDGE = 'u',
    CLOSE = 'x',
    NOTE = 'n'
};

struct progress {
    enum phase phase;
    unsigned poll; /* 0: the write itself */
    const char *id;
};

static const struct tocsin_option options[] = {
    { "api_key", TOCSIN_OPT_SECRET, TOCSIN_REQUIRED, "key of an API integration", NULL },
    { "api", TOCSIN_OPT_STRING, "opsgenie", "jsm: Jira Service Management, integration events API", "opsgenie|jsm" },
    { "region", TOCSIN_OPT_STRING, "us", "region of the Opsgenie account", "us|eu" },
    { "url", TOCSIN_OPT_STRING, NULL, "base address instead of the region's", NULL },
    { "teams", TOCSIN_OPT_LIST, NULL, "names of the teams to page", NULL },
    { "responders", TOCSIN_OPT_LIST, NULL,
      "more responders: team:NAME, user:MAIL, escalation:NAME, schedule:NAME, "
      "or with -id: by id",
      NULL },
    { "priorities", TOCSIN_OPT_MAP, NULL,
      "priority of a severity, such as { warning = \"P2\"; }; else critical P1, "
      "error P2, warning P3, info P5",
      NULL },
    { "tags", TOCSIN_OPT_LIST, NULL, "tags, at most 20", NULL },
    { "actions", TOCSIN_OPT_LIST, NULL, "names of custom actions, at most 10", NULL },
    { "entity_label", TOCSIN_OPT_STRING, "host", "label that becomes the entity", NULL },
    { "source", TOCSIN_OPT_STRING, "tocsin", "shown as the source", NULL },
    { "user", TOCSIN_OPT_STRING, NULL, "shown as the user who created it", NULL },
    { NULL, TOCSIN_OPT_STRING, NULL, NULL, NULL }
};

/* --- settings ----------------------------------------------------------------------------- */

static enum tocsin_rc
read_priorities(struct opsgenie *o, const struct tocsin_settings *set, struct tocsin_err *err)
{
    static const char *const usual[] = { "P3", "P5", "P3", "P2", "P1" };
    const struct tocsin_pair *map;
    size_t n = o->host->setting_map(set, "priorities", &map);

    memcpy(o->priority, usual, sizeof usual);
    for (size_t i = 0; i < n; i++) {
        enum tocsin_severity s = o->host->severity_of(map[i].name);
        const char *p = map[i].value;

        if (s == TOCSIN_SEV_NONE || strcmp(map[i].name, o->host->severity_name(s)) != 0)
            return o->host->fail(err, TOCSIN_BAD_CONFIG, "priorities", "unknown severity '%s'", map[i].name);
        if (p[0] != 'P' || p[1] < '1' || p[1] > '5' || p[2] != '\0')
            return o->host->fail(err, TOCSIN_BAD_CONFIG, "priorities", "priority '%s' is not P1, P2, P3, P4 or P5", p);
        o->priority[s] = p;
    }
    return TOCSIN_OK;
}

static enum tocsin_rc
check_responders(const struct opsgenie *o, struct tocsin_err *err)
{
    for (size_t i = 0; i < o->n_responders; i++) {
        json_t *doc = responder_of(o->responders[i]);

        if (doc == NULL)
            return o->host->fail(err, TOCSIN_BAD_CONFIG, "responders",
                                 "responder '%s' is not team:, user:, escalation: or schedule: and a name",
                                 o->responders[i]);
        json_decref(doc);
    }
    return TOCSIN_OK;
}

static const char *
base_address(const struct tocsin_host *host, const struct tocsin_settings *set, bool jsm)
{
    const char *url = host->setting(set, "url"), *region = host->setting(set, "region");

    if (url != NULL && url[0] != '\0')
        return url;
    if (jsm)
        return "https://api.atlassian.com/jsm/ops/integration";
    return region != NULL && strcmp(region, "eu") == 0 ? "https://api.eu.opsgenie.com" : "https://api.opsgenie.com";
}

static enum tocsin_rc
opsgenie_open(const struct tocsin_host *host, const struct tocsin_settings *set, void **self_r, struct tocsin_err *err)
{
    struct opsgenie *o = calloc(1, sizeof *o);
    const char *api = host->setting(set, "api");
    enum tocsin_rc rc;

    if (o == NULL)
        return host->fail(err, TOCSIN_TEMPORARY, "", "out of memory");
    o->host = host;
    o->jsm = api != NULL && strcmp(api, "jsm") == 0;
    o->url = base_address(host, set, o->jsm);
    o->key = host->setting(set, "api_key");
    o->source = host->setting(set, "source");
    o->user = host->setting(set, "user");
    o->entity_label = host->setting(set, "entity_label");
    o->n_teams = host->setting_list(set, "teams", &o->teams);
    o->n_responders = host->setting_list(set, "responders", &o->responders);
    o->n_tags = host->setting_list(set, "tags", &o->tags);
    o->n_actions = host->setting_list(set, "actions", &o->actions);
    rc = read_priorities(o, set, err);
    if (rc == TOCSIN_OK)
        rc = check_responders(o, err);
    if (rc == TOCSIN_OK)
        *self_r = o;
    else
        free(o);
    return rc;
}

/* --- where the conversation stands ----------------------------------------------------------- */

static enum phase
first_phase(const struct opsgenie *o, enum tocsin_change change)
{
    switch (change) {
    case TOCSIN_TRIGGER:
        return CREATE;
    case TOCSIN_UPDATE:
        return o->jsm ? NOTE : MESSAGE;
    case TOCSIN_ACKNOWLEDGE:
        return ACKNOWLEDGE;
    case TOCSIN_UNACKNOWLEDGE:
        return o->jsm ? NOTE : UNACKNOWLEDGE;
    case TOCSIN_RESOLVE:
        return CLOSE;
    case TOCSIN_NOTE:
        return NOTE;
    }
    return NOTE;
}

static struct progress
progress_of(const struct opsgenie *o, const struct tocsin_job *job)
{
    struct progress p = { .phase = first_phase(o, job->change), .id = "" };
    char *end;

    if (job->carry[0] == '\0')
        return p;
    p.phase = (enum phase)job->carry[0];
    if (job->carry[1] == ' ') {
        p.poll = (unsigned)strtoul(job->carry + 2, &end, 10);
        p.id = *end == ' ' ? end + 1 : end;
    }
    return p;
}

/* --- requests ----------------------------------------------------------------------------------- */

static void
write_phase(const struct opsgenie *o, const struct tocsin_job *job, enum phase phase, struct tocsin_request *out)
{
    const struct tocsin_host *h = o->host;
    const struct tocsin_incident *inc = job->incident;
    const char *verb = phase == MESSAGE         ? "message"
                       : phase == DESCRIPTION   ? "description"
                       : phase == PRIORITY      ? "priority"
                       : phase == ACKNOWLEDGE   ? "acknowledge"
                       : phase == UNACKNOWLEDGE ? "unacknowledge"
                       : phase == CLOSE         ? "close"
                                                : "notes";
    bool put = phase == MESSAGE || phase == DESCRIPTION || phase == PRIORITY;
    json_t *doc;

    if (phase == CREATE) {
        h->request_http(out, "POST", h->request_printf(out, "%s/v2/alerts", o->url));
        h->request_json(out, create_document(o, out, inc));
        return;
    }
    if (put)
        doc = json_pack("{s:s}", verb,
                        phase == MESSAGE       ? message_text(o, out, inc)
                        : phase == DESCRIPTION ? description_text(o, out, inc)
                                               : priority_of(o, inc));
    else
        doc = action_document(o, out, job);
    h->request_http(out, put ? "PUT" : "POST",
                    h->request_printf(out, "%s/v2/alerts/%s/%s?identifierType=alias", o->url,
                                      h->request_escape(out, inc->id), verb));
    h->request_json(out, doc);
}

static enum tocsin_rc
opsgenie_render(void *self, const struct tocsin_host *host, const struct tocsin_job *job, struct tocsin_request *out,
                struct tocsin_err *err)
{
    const struct opsgenie *o = self;
    struct progress p = progress_of(o, job);

    (void)err;
    if (p.poll > 0)
        host->request_http(
            out, "GET", host->request_printf(out, "%s/v2/alerts/requests/%s", o->url, host->request_escape(out, p.id)));
    else
        write_phase(o, job, p.phase, out);
    host->request_header(out, "Authorization", host->request_printf(out, "GenieKey %s", o->key));
    return TOCSIN_OK;
}

/* --- answers -------------------------------------------------------------------------------------- */

static void
ask(struct tocsin_outcome *out, enum phase phase, unsigned poll, const char *id, int64_t at_least)
{
    int64_t wait = poll > 5 ? POLL_MAX_MS : (int64_t)POLL_FIRST_MS << (poll - 1);

    out->verdict = TOCSIN_CONTINUE;
    out->delay_ms = wait > at_least ? wait : at_least;
    snprintf(out->carry, sizeof out->carry, "%c %u %.*s", (int)phase, poll, ID_MAX, id);
}

static void
go_to(struct tocsin_outcome *out, enum phase phase)
{
    out->verdict = TOCSIN_CONTINUE;
    out->delay_ms = 0;
    snprintf(out->carry, sizeof out->carry, "%c", (int)phase);
}

/* "422: Request body is not processable: message: Message can not be empty." */
static void
say(struct tocsin_outcome *out, int status, const json_t *doc)
{
    const char *message = json_string_value(json_object_get(doc, "message"));
    const char *field;
    size_t used;
    json_t *text;

    if (message == NULL)
        return;
    used = (size_t)snprintf(out->reason, sizeof out->reason, "%d: %s", status, message);
    json_object_foreach(json_object_get(doc, "errors"), field, text)
    {
        if (json_is_string(text) && used < sizeof out->reason)
            used += (size_t)snprintf(out->reason + used, sizeof out->reason - used, " %s: %s", field,
                                     json_string_value(text));
    }
}

static void
judge_write(enum phase phase, const struct tocsin_response *r, const json_t *doc, struct tocsin_outcome *out)
{
    const char *id = json_string_value(json_object_get(doc, "requestId"));

    if (r->status == 202 && id != NULL && id[0] != '\0') {
        ask(out, phase, 1, id, 0);
    } else if (r->status >= 200 && r->status < 300) {
        out->verdict = TOCSIN_RETRY;
        snprintf(out->reason, sizeof out->reason, "answered %d without a requestId: its fate cannot be asked for",
                 r->status);
    } else if (r->status != 0) {
        say(out, r->status, doc);
    }
}

/* It was accepted, and then it failed. */
static void
judge_failure(const struct tocsin_job *job, enum phase phase, const char *status, struct tocsin_outcome *out)
{
    bool gone = strcasestr(status, "does not exist") != NULL || strcasestr(status, "not found") != NULL;
    bool already = strcasestr(status, "already") != NULL;

    out->verdict = TOCSIN_REJECTED;
    snprintf(out->reason, sizeof out->reason, "accepted, then failed: %s", status);
    if (already || (gone && phase == CLOSE)) {
        out->verdict = TOCSIN_DELIVERED;
        out->reason[0] = '\0';
    } else if (gone && phase != CREATE && (job->change == TOCSIN_UPDATE || job->change == TOCSIN_UNACKNOWLEDGE)) {
        go_to(out, CREATE);
    } else if (strcasestr(status, "try again") != NULL || strcasestr(status, "internal") != NULL ||
               strcasestr(status, "timeout") != NULL || strcasestr(status, "throttl") != NULL) {
        out->verdict = TOCSIN_RETRY;
    }
}

static void
judge_fate(const struct tocsin_job *job, const struct progress *p, const json_t *doc, struct tocsin_outcome *out)
{
    const json_t *data = json_object_get(doc, "data") != NULL ? json_object_get(doc, "data") : doc;
    const char *status = json_string_value(json_object_get(data, "status"));
    const char *alert = json_string_value(json_object_get(data, "alertId"));

    if (json_is_true(json_object_get(data, "isSuccess"))) {
        if (alert != NULL)
            snprintf(out->vendor_ref, sizeof out->vendor_ref, "%s", alert);
        out->reason[0] = '\0';
        if (p->phase == MESSAGE)
            go_to(out, DESCRIPTION);
        else if (p->phase == DESCRIPTION)
            go_to(out, PRIORITY);
    } else if (json_is_false(json_object_get(data, "isSuccess"))) {
        judge_failure(job, p->phase, status != NULL ? status : "no status given", out);
    } else {
        out->verdict = TOCSIN_RETRY;
        snprintf(out->reason, sizeof out->reason, "the answer does not say how the request ended");
    }
}

static void
judge_poll(const struct tocsin_job *job, const struct progress *p, const struct tocsin_response *r, const json_t *doc,
           struct tocsin_outcome *out)
{
    const char *type = r->header(r, "X-Opsgenie-Errortype");
    bool waiting = r->status == 404 && type != NULL && strcasecmp(type, "RequestNotProcessed") == 0;
    bool trouble = r->status == 0 || r->status == 408 || r->status == 429 || r->status >= 500;

    if (r->status == 200) {
        judge_fate(job, p, doc, out);
    } else if ((waiting || trouble) && p->poll < POLLS_MAX) {
        ask(out, p->phase, p->poll + 1, p->id, out->delay_ms);
    } else if (waiting) {
        out->verdict = TOCSIN_RETRY;
        snprintf(out->reason, sizeof out->reason, "still not processed after %d questions", POLLS_MAX);
    } else if (r->status == 404) {
        out->verdict = TOCSIN_RETRY;
        snprintf(out->reason, sizeof out->reason, "the request that was accepted is not known any more");
    } else if (!trouble) {
        say(out, r->status, doc);
    }
}

static void
opsgenie_classify(void *self, const struct tocsin_host *host, const struct tocsin_job *job,
                  const struct tocsin_response *r, struct tocsin_outcome *out)
{
    const struct opsgenie *o = self;
    struct progress p = progress_of(o, job);
    json_t *doc = NULL;

    if (r->len > 0 && host->parse_json(r->body, r->len, &doc, NULL) != TOCSIN_OK)
        doc = NULL; /* judged by its status, like an empty one */
    if (p.poll > 0)
        judge_poll(job, &p, r, doc, out);
    else
        judge_write(p.phase, r, doc, out);
    json_decref(doc);
}

/* JSM's integration events know no way to take an acknowledgement back: the escalation must not wait for one. */
static uint32_t
opsgenie_flags(void *self)
{
    const struct opsgenie *o = self;
    uint32_t flags = TOCSIN_DEDUPES | TOCSIN_CAN_ACK | TOCSIN_CAN_UNACK | TOCSIN_CAN_NOTE;

    return o->jsm ? flags & ~TOCSIN_CAN_UNACK : flags;
}

static void
opsgenie_close(void *self)
{
    free(self);
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .flags = TOCSIN_DEDUPES | TOCSIN_CAN_ACK | TOCSIN_CAN_UNACK | TOCSIN_CAN_NOTE,
    .name = "opsgenie",
    .summary = "Opsgenie, and Jira Service Management alerts",
    .notifier_options = options,
    .open = opsgenie_open,
    .close = opsgenie_close,
    .render = opsgenie_render,
    .classify = opsgenie_classify,
    .routes = intake_routes,
    .identify = intake_identify,
    .intake = intake_take,
    .answer = intake_answer,
    .refuse = intake_refuse,
    .flags_of = opsgenie_flags,
};
