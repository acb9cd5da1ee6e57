/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - UptimeRobot's webhook: the same fields as JSON, as a form, or in
 * the query of a request without a body.
 *
 * alertTypeFriendlyName says the state; alertType, a number, is asked where
 * that is missing.  A certificate or domain that runs out is an alert beside
 * the monitor's own, and nobody says when it was renewed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <tocsin/plugin.h>

enum { WEEK_MS = 7 * 24 * 3600 * 1000 };

struct robot {
    const struct tocsin_host *host;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    int64_t received_at;
    const json_t *doc;
};

static const char *
text(const struct robot *r, const char *name)
{
    const char *s = r->host->text(r->out, json_object_get(r->doc, name));

    return s[0] == '*' && s[strlen(s) - 1] == '*' ? "" : s; /* a variable that did not apply: *sslExpiryDate* */
}

static bool
is_number(const char *s)
{
    return s[0] != '\0' && s[strspn(s, "0123456789")] == '\0';
}

/* What the monitor's alert is about; NULL: no word that we know. */
static const char *
kind_of(const struct robot *r, enum tocsin_status *status)
{
    const char *type = text(r, "alertType"), *word = text(r, "alertTypeFriendlyName");
    bool up = strcasecmp(word, "Up") == 0, down = strcasecmp(word, "Down") == 0;

    *status = TOCSIN_FIRING;
    if (up || down) {
        *status = up ? TOCSIN_RESOLVED : TOCSIN_FIRING;
        return "";
    }
    if (strcasestr(word, "domain") != NULL)
        return "/domain";
    if (strcasestr(word, "ssl") != NULL || strcasestr(word, "certificate") != NULL || strcmp(type, "3") == 0)
        return "/certificate";
    if (strcmp(type, "1") == 0 || strcmp(type, "2") == 0) {
        *status = type[0] == '2' ? TOCSIN_RESOLVED : TOCSIN_FIRING;
        return "";
    }
    return NULL;
}

static void
read_pairs(const struct robot *r, struct tocsin_alert *alert)
{
    static const struct {
        const char *field, *name;
    } kept[] = {
        { "alertDetails", "details" },  { "alertDuration", "duration" },      { "alertID", "alert_id" },
        { "sslExpiryDate", "expires" }, { "sslExpiryDaysLeft", "days_left" },
    };

    r->host->alert_label(r->out, alert, "monitor", text(r, "monitorFriendlyName"));
    r->host->alert_label(r->out, alert, "monitor_id", text(r, "monitorID"));
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        r->host->alert_annotation(r->out, alert, kept[i].name, text(r, kept[i].field));
    r->host->alert_link(r->out, alert, text(r, "monitorURL"), "monitored");
}

static enum tocsin_rc
read_alert(const struct robot *r)
{
    const char *id = text(r, "monitorID"), *name = text(r, "monitorFriendlyName"), *details = text(r, "alertDetails");
    const char *word = text(r, "alertTypeFriendlyName"), *when = text(r, "alertDateTime"), *kind;
    enum tocsin_status status;
    struct tocsin_alert *alert;
    int64_t at = is_number(when) && strlen(when) < 11 ? strtoll(when, NULL, 10) * 1000 : r->host->time_of(when);

    if (id[0] == '\0')
        return r->host->fail(r->err, TOCSIN_MEANINGLESS, "$.monitorID", "expected the monitor's number");
    kind = kind_of(r, &status);
    if (kind == NULL)
        return r->host->fail(r->err, TOCSIN_MEANINGLESS, "$.alertTypeFriendlyName",
                             "expected Down, Up, or words about SSL or a domain; or 'alertType' 1, 2 or 3");
    if (word[0] == '\0')
        word = status == TOCSIN_RESOLVED ? "Up" : kind[0] == '\0' ? "Down" : "SSL expiry";
    alert = r->host->alert_new(r->out);
    alert->status = status;
    alert->dedup_key = r->host->batch_printf(r->out, "%s%s", id, kind);
    alert->summary = r->host->batch_printf(r->out, "%s is %s%s%s", name[0] != '\0' ? name : text(r, "monitorURL"), word,
                                           details[0] != '\0' ? ": " : "", details);
    alert->starts_at = status == TOCSIN_FIRING ? at : 0;
    alert->ends_at = status == TOCSIN_RESOLVED ? at : 0;
    if (kind[0] != '\0') {
        alert->severity = TOCSIN_WARNING;
        alert->expires_at = r->received_at + WEEK_MS;
        alert->summary =
            r->host->batch_printf(r->out, "%s: %s%s%s", name, word, details[0] != '\0' ? ": " : "", details);
        r->host->alert_label(r->out, alert, "kind", kind + 1);
    }
    read_pairs(r, alert);
    return TOCSIN_OK;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct robot r = { .host = host, .out = out, .err = err, .received_at = in->received_at };
    json_t *doc;
    enum tocsin_rc rc = host->parse_form(in, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    r.doc = doc;
    rc = read_alert(&r);
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "uptimerobot",
    .summary = "UptimeRobot's webhook: JSON, form or query",
    .flags = TOCSIN_TAKES_QUERY,
    .decode = decode,
};
