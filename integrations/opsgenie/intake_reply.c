/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake_reply.c - answers: the 202 of a write, the status of its request,
 * errors.
 *
 * A request id says itself what became of its request, so its status can be
 * told for ever, by any node, after any restart, and nothing is kept for it.
 * It is a UUIDv7 whose first part is the time, and whose last part holds the
 * alert's number, the deed and the outcome; the digits after the version are
 * a check sum, by which other UUIDs are told apart.
 */
#include "intake.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { UUID = 36, CHECK_AT = 15, LAST_AT = 24 };

enum outcome { FAILED = 0, DONE = 1 };

/* As the status of a request calls them; the place in the table is a part of request ids. */
static const struct { const char *action, *done; } deeds[DEEDS] = {
    [DEED_CREATE] = { "Create", "Created alert" },          [DEED_CLOSE] = { "Close", "Closed alert" },
    [DEED_DELETE] = { "Delete", "Deleted alert" },          [DEED_ACK] = { "Acknowledge", "Acknowledged alert" },
    [DEED_UNACK] = { "UnAcknowledge", "Unacknowledged alert" }, [DEED_SNOOZE] = { "Snooze", "Snoozed alert" },
    [DEED_NOTE] = { "AddNote", "Added note to alert" },     [DEED_ESCALATE] = { "Escalate", "Escalated alert" },
    [DEED_UPDATE] = { "Update", "Updated alert" },
};

/* --- request ids ------------------------------------------------------------------------------ */

/* Three hex digits over the rest. */
static unsigned
check_sum(const char *id)
{
    unsigned sum = 5381;

    for (int i = 0; i < UUID; i++)
        if (i < CHECK_AT || i >= CHECK_AT + 3)
            sum = sum * 33 + (unsigned char)id[i];
    return (sum ^ sum >> 12) & 0xfff;
}

static char *
request_id(const struct tocsin_host *host, struct tocsin_call *call, int64_t number, enum deed deed,
           enum outcome outcome)
{
    char *id = host->call_printf(call, "%.*s%010llx%x%x", LAST_AT, call->id,
                                 (unsigned long long)number & 0xffffffffffull, (unsigned)deed, (unsigned)outcome);
    char check[4];

    snprintf(check, sizeof check, "%03x", check_sum(id));
    memcpy(id + CHECK_AT, check, 3);
    return id;
}

static bool
read_id(const char *id, int64_t *number, enum deed *deed, enum outcome *outcome, int64_t *at)
{
    char part[12];
    unsigned long last;

    if (strlen(id) != UUID || strspn(id, "0123456789abcdef-") != UUID ||
        strtoul(memcpy(memset(part, 0, sizeof part), id + CHECK_AT, 3), NULL, 16) != check_sum(id))
        return false;
    last = strtoul(id + UUID - 2, NULL, 16);
    *deed = (enum deed)(last >> 4);
    *outcome = (enum outcome)(last & 15);
    *number = strtoll(memcpy(memset(part, 0, sizeof part), id + LAST_AT, 10), NULL, 16);
    *at = strtoll(memcpy(memset(part, 0, sizeof part), id, 8), NULL, 16) << 16;
    *at |= strtoll(memcpy(memset(part, 0, sizeof part), id + 9, 4), NULL, 16);
    return *deed > DEED_NONE && *deed < DEEDS && *outcome <= DONE;
}

/* --- answers ------------------------------------------------------------------------------------- */

static void
reply(const struct tocsin_host *host, struct tocsin_call *call, int status, const char *id, json_t *doc)
{
    int64_t ms = (host->elapsed_us(call) + 999) / 1000;
    double took = (double)ms / 1000;         /* decimals, as over there: a smaller number would have an exponent */

    host->reply_header(call, "X-Request-ID", id);
    host->reply_header(call, "X-Response-Time", host->call_printf(call, "%.3f", took));
    host->reply_header(call, "X-RateLimit-State", "OK");
    json_object_set_new(doc, "took", json_real(took));
    json_object_set_new(doc, "requestId", json_string(id));
    host->reply_json(call, status, doc);
}

void
reply_data(const struct tocsin_host *host, struct tocsin_call *call, json_t *data)
{
    reply(host, call, 200, call->id, json_pack("{s:o}", "data", data));
}

void
intake_answer(void *self, const struct tocsin_host *host, struct tocsin_call *call,
              const struct tocsin_results *results)
{
    const struct write *w = call->state;
    const struct tocsin_done *done = NULL;
    enum outcome outcome = FAILED;

    (void)self;
    if (w->by_alert && results->n_alerts > 0)
        done = &results->alerts[0];
    else if (!w->by_alert && results->n_actions > 0)
        done = &results->actions[0];
    if (done != NULL && done->rc == TOCSIN_OK && done->number > 0)
        outcome = DONE;
    reply(host, call, 202, request_id(host, call, outcome == DONE ? done->number : 0, w->deed, outcome),
          json_pack("{s:s}", "result", "Request will be processed"));
}

enum tocsin_rc
reply_status(const struct tocsin_host *host, struct tocsin_call *call, const char *request, struct tocsin_err *err)
{
    const struct tocsin_known *known = NULL;
    enum tocsin_rc rc = TOCSIN_OK;
    enum outcome outcome;
    enum deed deed;
    int64_t number, at;
    size_t n = 0;

    if (!read_id(request, &number, &deed, &outcome, &at))
        return host->fail(err, TOCSIN_NOT_FOUND, "path", "Request not found.");
    if (number > 0)
        rc = host->find(call, &(struct tocsin_find){ .number = number, .max = 1 }, &known, &n, err);
    if (rc != TOCSIN_OK)
        return rc;
    reply_data(host, call,
               json_pack("{s:b, s:s, s:s, s:s, s:b, s:s, s:s, s:s}", "success", outcome == DONE, "action",
                         deeds[deed].action, "processedAt", host->call_time(call, at), "integrationId", "", "isSuccess",
                         outcome == DONE, "status", outcome == DONE ? deeds[deed].done : "Alert does not exist",
                         "alertId", n > 0 ? alert_id(host, call, known) : "", "alias",
                         n > 0 ? known->alert->dedup_key : ""));
    return TOCSIN_OK;
}

/* --- errors ---------------------------------------------------------------------------------------- */

/* Keys are UUIDs: what is none is told so, with another status than a key that nobody has. */
static bool
is_bad_key(struct tocsin_call *call)
{
    const char *value = call->in->header(call->in, "Authorization");

    if (value == NULL || strncasecmp(value, "GenieKey", 8) != 0)
        return false;
    value += 8 + strspn(value + 8, " \t");
    for (int i = 0; i < UUID; i++, value++)
        if (i == 8 || i == 13 || i == 18 || i == 23 ? *value != '-' : !isxdigit((unsigned char)*value))
            return true;
    return *value != '\0';
}

void
intake_refuse(const struct tocsin_host *host, struct tocsin_call *call, const struct tocsin_err *err)
{
    json_t *doc = json_object();
    const char *message = err->what;
    int status = 503;

    switch (err->rc) {
    case TOCSIN_UNAUTHORIZED:
        status = is_bad_key(call) ? 422 : 401;
        message = status == 422 ? "Key format is not valid!" : "Could not authenticate";
        break;
    case TOCSIN_FORBIDDEN:
        status = 403;
        break;
    case TOCSIN_BAD_INPUT:
        status = 400;
        message = "Request body is not in correct format";
        json_object_set_new(doc, "errors", json_pack("{s:s}", "json", err->what));
        break;
    case TOCSIN_MEANINGLESS:
        status = 422;
        message = "Request body is not processable. Please check the errors.";
        json_object_set_new(doc, "errors", json_pack("{s:s}", err->where, err->what));
        break;
    case TOCSIN_NOT_FOUND:
        status = 404;
        break;
    case TOCSIN_TOO_LARGE:
        status = 413;
        break;
    case TOCSIN_UNSUPPORTED:
        status = 415;
        break;
    default:                       /* store away, queue full: clients repeat it */
        break;
    }
    json_object_set_new(doc, "message", json_string(message));
    if (status == 503)
        host->reply_header(call, "Retry-After", "5");
    reply(host, call, status, call->id, doc);
}
