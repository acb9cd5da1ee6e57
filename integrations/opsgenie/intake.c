/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake.c - the alert API of Opsgenie, and of Jira Service Management's
 * integrations, as a way in: requests.
 *
 * The alias is the alert's identity here, too.  A write is done before its 202
 * is sent, so its status can be asked for at once.  What tocsin has no word
 * for (assign, tags, responders) becomes a note in the timeline, so that
 * nothing that a sender says is lost.
 */
#include "intake.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BODY_MAX = 1 << 20, LIST_DEFAULT = 20, LIST_MAX = 100, OFFSET_MAX = 20000, SNOOZE_MIN_MS = 2000 };

#define BOTH(method, path, id)                                                                                         \
    { method, "/v2/alerts" path, id, BODY_MAX, 0 },                                                                    \
    { method, "/jsm/ops/integration/v2/alerts" path, id, BODY_MAX, 0 }

const struct tocsin_route intake_routes[] = {
    BOTH("POST", "", CREATE_ALERT),
    BOTH("GET", "", LIST_ALERTS),
    BOTH("GET", "/count", COUNT_ALERTS),
    BOTH("GET", "/requests/{request}", REQUEST_STATUS),
    BOTH("GET", "/{identifier}", GET_ALERT),
    BOTH("DELETE", "/{identifier}", DELETE_ALERT),
    BOTH("POST", "/{identifier}/actions/{name}", RUN_ACTION),
    BOTH("POST", "/{identifier}/{verb}", ACT_ON),
    BOTH("PUT", "/{identifier}/{field}", CHANGE_FIELD),
    BOTH("DELETE", "/{identifier}/{part}", REMOVE_PART),
    { NULL, NULL, 0, 0, 0 },
};

enum tocsin_rc
intake_identify(const struct tocsin_host *host, struct tocsin_call *call, const char **credential_r,
                struct tocsin_err *err)
{
    const char *value = call->in->header(call->in, "Authorization");

    (void)host;
    (void)err;
    if (value != NULL && strncasecmp(value, "GenieKey", 8) == 0 && (value[8] == ' ' || value[8] == '\t'))
        *credential_r = value + 8 + strspn(value + 8, " \t");
    return TOCSIN_OK;
}

/* --- the body and the parameters ------------------------------------------------------------- */

/* An action needs no body; one that is there is an object. */
static enum tocsin_rc
body_of(const struct tocsin_host *host, struct tocsin_call *call, json_t **out_r, struct tocsin_err *err)
{
    enum tocsin_rc rc;

    *out_r = NULL;
    if (call->in->body[strspn(call->in->body, " \t\r\n")] == '\0' && call->route != CREATE_ALERT)
        return TOCSIN_OK;
    rc = host->call_json(call, out_r, err);
    if (rc == TOCSIN_OK && !json_is_object(*out_r))
        return host->fail(err, TOCSIN_BAD_INPUT, "$", "expected an object");
    return rc;
}

static const char *
member(const struct tocsin_host *host, struct tocsin_call *call, const json_t *doc, const char *name)
{
    return host->text(call->batch, json_object_get(doc, name));
}

static const char *
parameter(struct tocsin_call *call, const char *name)
{
    const char *value = call->in->query(call->in, name);

    return value != NULL ? value : "";
}

static size_t
number_parameter(struct tocsin_call *call, const char *name, size_t def, size_t max)
{
    const char *value = parameter(call, name);
    unsigned long n = value[0] >= '0' && value[0] <= '9' ? strtoul(value, NULL, 10) : def;

    return n < max ? n : max;
}

/* --- which alert ------------------------------------------------------------------------------- */

/* The number in an id of ours: alert_id() says where it stands. */
static int64_t
number_of(const char *identifier, const char *type)
{
    char *end;
    long long n;

    if (strcasecmp(type, "tiny") == 0) {
        n = strtoll(identifier, &end, 10);
        return *end == '\0' && n > 0 ? n : -1;
    }
    if (strlen(identifier) < 36 || strncmp(identifier, "00000000-0000-4000-8000-", 24) != 0)
        return -1;
    n = strtoll(identifier + 24, &end, 16);
    return (*end == '\0' || *end == '-') && n > 0 ? n : -1;
}

static const char *
named_by(const struct tocsin_host *host, struct tocsin_call *call, const char *alias)
{
    return host->named_key(call, "alias", alias);
}

/* NULL in *out_r: there is none. */
static enum tocsin_rc
find(const struct tocsin_host *host, struct tocsin_call *call, const struct tocsin_known **out_r,
     struct tocsin_err *err)
{
    const char *identifier = call->path[0].value, *type = parameter(call, "identifierType");
    struct tocsin_find what = { .max = 1 };
    enum tocsin_rc rc;
    size_t n;

    *out_r = NULL;
    if (strcasecmp(type, "alias") == 0)
        what.dedup_key = named_by(host, call, identifier);
    else
        what.number = number_of(identifier, type);
    if (what.number < 0)
        return TOCSIN_OK;
    rc = host->find(call, &what, out_r, &n, err);
    if (rc == TOCSIN_OK && n == 0)
        *out_r = NULL;
    return rc;
}

/* The key and the occurrence to act on; key NULL: there is none.  An alias needs no look: it may be new just now. */
static enum tocsin_rc
aim(const struct tocsin_host *host, struct tocsin_call *call, struct tocsin_act *act, struct tocsin_err *err)
{
    const struct tocsin_known *known;
    enum tocsin_rc rc;

    if (strcasecmp(parameter(call, "identifierType"), "alias") == 0) {
        act->dedup_key = named_by(host, call, call->path[0].value);
        return TOCSIN_OK;
    }
    rc = find(host, call, &known, err);
    if (rc == TOCSIN_OK && known != NULL && known->open) {
        act->dedup_key = known->alert->dedup_key;
        act->number = known->number;
    }
    return rc;
}

/* --- writes ------------------------------------------------------------------------------------- */

static void
close_alert(const struct tocsin_host *host, struct tocsin_call *call, struct tocsin_act *act, struct write *w)
{
    struct tocsin_alert *alert;

    if (act->note[0] != '\0') {
        act->kind = TOCSIN_ACT_NOTE;
        host->act(call, act);
    }
    alert = host->alert_new(call->batch);
    alert->status = TOCSIN_RESOLVED;
    alert->dedup_key = act->dedup_key;
    alert->by = act->by;
    alert->amends = true;          /* Opsgenie counts creates alone */
    alert->number = act->number;
    w->by_alert = true;
}

static const char *
name_of(const struct tocsin_host *host, struct tocsin_call *call, const json_t *who)
{
    static const char *const members[] = { "username", "name", "id" };

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const char *name = member(host, call, who, members[i]);

        if (name[0] != '\0')
            return name;
    }
    return "";
}

/* What tocsin has no word for, in words. */
static const char *
in_words(const struct tocsin_host *host, struct tocsin_call *call, const char *verb, const json_t *doc)
{
    static const struct { const char *verb, *member, *words; } people[] = {
        { "assign", "owner", "assigned to" }, { "responders", "responder", "responder added:" },
        { "teams", "team", "team added:" } };
    char *dumped;
    const char *note;

    for (size_t i = 0; i < sizeof people / sizeof people[0]; i++)
        if (strcmp(verb, people[i].verb) == 0)
            return host->call_printf(call, "%s %s", people[i].words,
                                     name_of(host, call, json_object_get(doc, people[i].member)));
    dumped = json_dumps(json_object_get(doc, verb), JSON_COMPACT);
    note = host->call_printf(call, "%s added: %s", verb, dumped != NULL ? dumped : "");
    free(dumped);
    return note;
}

static const struct verb { const char *name; enum deed deed; enum tocsin_act_kind kind; } verbs[] = {
    { "acknowledge", DEED_ACK, TOCSIN_ACT_ACK },      { "unacknowledge", DEED_UNACK, TOCSIN_ACT_UNACK },
    { "close", DEED_CLOSE, TOCSIN_ACT_RESOLVE },      { "snooze", DEED_SNOOZE, TOCSIN_ACT_SNOOZE },
    { "escalate", DEED_ESCALATE, TOCSIN_ACT_ESCALATE }, { "notes", DEED_NOTE, TOCSIN_ACT_NOTE },
    { "assign", DEED_UPDATE, TOCSIN_ACT_NOTE },       { "tags", DEED_UPDATE, TOCSIN_ACT_NOTE },
    { "details", DEED_UPDATE, TOCSIN_ACT_NOTE },      { "responders", DEED_UPDATE, TOCSIN_ACT_NOTE },
    { "teams", DEED_UPDATE, TOCSIN_ACT_NOTE },
};

static const struct verb *
verb_of(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static enum tocsin_rc
check_verb(const struct tocsin_host *host, struct tocsin_call *call, const struct verb *verb, const json_t *doc,
           struct tocsin_act *act, struct tocsin_err *err)
{
    if (verb->deed == DEED_NOTE && act->note[0] == '\0')
        return host->fail(err, TOCSIN_MEANINGLESS, "note", "Note can not be empty.");
    if (verb->deed != DEED_SNOOZE)
        return TOCSIN_OK;
    act->until = host->time_of(member(host, call, doc, "endTime"));
    if (act->until < call->in->received_at + SNOOZE_MIN_MS)
        return host->fail(err, TOCSIN_MEANINGLESS, "endTime", "End time should be in the future.");
    return TOCSIN_OK;
}

static enum tocsin_rc
act_on(const struct tocsin_host *host, struct tocsin_call *call, const char *name, json_t *doc, struct write *w,
       struct tocsin_err *err)
{
    struct tocsin_act act = { .by = member(host, call, doc, "user"), .note = member(host, call, doc, "note") };
    const struct verb *verb = verb_of(name);
    enum tocsin_rc rc;

    if (verb == NULL)
        return host->fail(err, TOCSIN_NOT_FOUND, "path", "No such action: %s", name);
    rc = check_verb(host, call, verb, doc, &act, err);
    if (rc == TOCSIN_OK)
        rc = aim(host, call, &act, err);
    w->deed = verb->deed;
    if (rc != TOCSIN_OK || act.dedup_key == NULL)
        return rc;
    act.kind = verb->kind;
    if (verb->deed == DEED_CLOSE) {
        close_alert(host, call, &act, w);
        return TOCSIN_OK;
    }
    if (verb->deed == DEED_UPDATE)
        act.note = in_words(host, call, name, doc);
    host->act(call, &act);
    return TOCSIN_OK;
}

/* DELETE of the alert, or of some of its tags or details; an action of the sender's own making. */
static enum tocsin_rc
say(const struct tocsin_host *host, struct tocsin_call *call, const char *words, struct write *w,
    struct tocsin_err *err)
{
    struct tocsin_act act = { .kind = TOCSIN_ACT_NOTE, .by = parameter(call, "user"), .note = words };
    enum tocsin_rc rc = aim(host, call, &act, err);

    if (rc != TOCSIN_OK || act.dedup_key == NULL)
        return rc;
    if (w->deed == DEED_DELETE)
        close_alert(host, call, &act, w);
    else
        host->act(call, &act);
    return TOCSIN_OK;
}

static enum tocsin_rc
change_field(const struct tocsin_host *host, struct tocsin_call *call, const json_t *doc, struct write *w,
             struct tocsin_err *err)
{
    const char *field = call->path[1].value, *value = member(host, call, doc, field);
    const struct tocsin_known *known;
    enum tocsin_rc rc;

    if (strcmp(field, "message") != 0 && strcmp(field, "description") != 0 && strcmp(field, "priority") != 0)
        return host->fail(err, TOCSIN_NOT_FOUND, "path", "No such field: %s", field);
    if (value[0] == '\0')
        return host->fail(err, TOCSIN_MEANINGLESS, field, "%s can not be empty.", field);
    w->deed = DEED_UPDATE;
    w->by_alert = true;
    rc = find(host, call, &known, err);
    if (rc != TOCSIN_OK || known == NULL || !known->open)
        return rc;
    return change_alert(host, call, known, field, value, err);
}

/* --- reads --------------------------------------------------------------------------------------- */

/* Of the query language: status and alias, with or without AND between them. */
static enum tocsin_rc
read_query(const struct tocsin_host *host, struct tocsin_call *call, struct tocsin_find *what, struct tocsin_err *err)
{
    const char *p = parameter(call, "query");

    for (p += strspn(p, " "); *p != '\0'; p += strspn(p, " ")) {
        size_t name = strcspn(p, ":= "), n;
        const char *field = p;
        char *value;

        p += name;
        p += strspn(p, ":= ");
        if (name == 3 && strncasecmp(field, "and", 3) == 0) {
            p = field + name;
            continue;
        }
        n = *p == '"' ? strcspn(p + 1, "\"") : strcspn(p, " ");
        value = host->call_printf(call, "%.*s", (int)n, *p == '"' ? p + 1 : p);
        p += *p == '"' ? n + 1 + (p[n + 1] == '"') : n;
        if (name == 6 && strncasecmp(field, "status", 6) == 0) {
            what->open = strcasecmp(value, "closed") != 0;
            what->closed = !what->open;
        } else if (name == 5 && strncasecmp(field, "alias", 5) == 0) {
            what->dedup_key = named_by(host, call, value);
        } else {
            return host->fail(err, TOCSIN_MEANINGLESS, "query", "Only status and alias can be searched for.");
        }
    }
    return TOCSIN_OK;
}

static enum tocsin_rc
list_alerts(const struct tocsin_host *host, struct tocsin_call *call, struct tocsin_err *err)
{
    struct tocsin_find what = { .skip = number_parameter(call, "offset", 0, OFFSET_MAX),
                                .max = number_parameter(call, "limit", LIST_DEFAULT, LIST_MAX) };
    const struct tocsin_known *known;
    enum tocsin_rc rc = read_query(host, call, &what, err);
    json_t *list;
    size_t n = 0;

    if (rc == TOCSIN_OK && what.max > 0)
        rc = host->find(call, &what, &known, &n, err);
    if (rc != TOCSIN_OK)
        return rc;
    list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, alert_document(host, call, &known[i], true));
    reply_data(host, call, list);
    return TOCSIN_OK;
}

static enum tocsin_rc
count_alerts(const struct tocsin_host *host, struct tocsin_call *call, struct tocsin_err *err)
{
    struct tocsin_find what = { .max = 0 };
    enum tocsin_rc rc = read_query(host, call, &what, err);
    size_t n = 0;

    if (rc == TOCSIN_OK)
        rc = host->count(call, &what, &n, err);
    if (rc == TOCSIN_OK)
        reply_data(host, call, json_pack("{s:I}", "count", (json_int_t)n));
    return rc;
}

static enum tocsin_rc
get_alert(const struct tocsin_host *host, struct tocsin_call *call, struct tocsin_err *err)
{
    const struct tocsin_known *known;
    enum tocsin_rc rc = find(host, call, &known, err);

    if (rc != TOCSIN_OK)
        return rc;
    if (known == NULL)
        return host->fail(err, TOCSIN_NOT_FOUND, "path", "Alert with id [%s] does not exist.", call->path[0].value);
    reply_data(host, call, alert_document(host, call, known, false));
    return TOCSIN_OK;
}

enum tocsin_rc
intake_take(void *self, const struct tocsin_host *host, struct tocsin_call *call, struct tocsin_err *err)
{
    struct write *w = call->state = host->call_alloc(call, sizeof *w);
    json_t *doc;
    enum tocsin_rc rc;

    (void)self;
    switch (call->route) {
    case LIST_ALERTS:
        return list_alerts(host, call, err);
    case COUNT_ALERTS:
        return count_alerts(host, call, err);
    case REQUEST_STATUS:
        return reply_status(host, call, call->path[0].value, err);
    case GET_ALERT:
        return get_alert(host, call, err);
    case DELETE_ALERT:
        w->deed = DEED_DELETE;
        return say(host, call, "the alert was deleted by its source", w, err);
    case REMOVE_PART:
        w->deed = DEED_UPDATE;
        return say(host, call, host->call_printf(call, "%s removed: %s%s", call->path[1].value,
                                                 parameter(call, "tags"), parameter(call, "keys")), w, err);
    default:
        break;
    }
    rc = body_of(host, call, &doc, err);
    if (rc != TOCSIN_OK)
        return rc;
    switch (call->route) {
    case CREATE_ALERT:
        w->deed = DEED_CREATE;
        w->by_alert = true;
        return create_alert(host, call, doc, err);
    case CHANGE_FIELD:
        return change_field(host, call, doc, w, err);
    case RUN_ACTION:
        w->deed = DEED_UPDATE;
        return say(host, call, host->call_printf(call, "action '%s' was asked for", call->path[1].value), w, err);
    default:
        return act_on(host, call, call->path[1].value, doc, w, err);
    }
}
