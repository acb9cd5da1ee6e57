/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - PRTG's "Execute HTTP Action": a form of the placeholders that the
 * README lists.
 *
 * %status is a sentence: "Down", "Down ended (now: Up)", "Down ESCALATION",
 * "Down (Acknowledged)".  What counts is the state after it: the word behind
 * "now:", else the first.
 */
#include <string.h>
#include <strings.h>

#include <tocsin/plugin.h>

struct prtg {
    const struct tocsin_host *host;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    const json_t *doc;
};

static const char *
text(const struct prtg *p, const char *name)
{
    const char *s = p->host->text(p->out, json_object_get(p->doc, name));

    return s[0] == '%' && s[1] != '\0' && strchr(s, ' ') == NULL ? "" : s; /* a placeholder that PRTG does not know */
}

static enum tocsin_rc
read_status(const struct prtg *p, struct tocsin_alert *alert, const char *status)
{
    static const struct {
        const char *word;
        enum tocsin_status status;
        enum tocsin_severity severity;
    } states[] = {
        { "Down (Acknowledged)", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },
        { "Down Acknowledged", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },
        { "Down", TOCSIN_FIRING, TOCSIN_ERROR },
        { "Warning", TOCSIN_FIRING, TOCSIN_WARNING },
        { "Unusual", TOCSIN_FIRING, TOCSIN_WARNING },
        { "Up", TOCSIN_RESOLVED, TOCSIN_SEV_NONE },
        { "Paused", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },
        { "Unknown", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },
        { "None", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },
    };
    const char *now = strcasestr(status, "now:"), *word = status;

    if (now != NULL)
        word = now + 4 + strspn(now + 4, " ");
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        size_t n = strlen(states[i].word);

        if (strncasecmp(word, states[i].word, n) == 0 && strchr(" ()", word[n]) != NULL) { /* finds the end, too */
            alert->status = states[i].status;
            alert->severity = states[i].severity;
            return TOCSIN_OK;
        }
    }
    return p->host->fail(p->err, TOCSIN_MEANINGLESS, "$.status",
                         "unknown status '%.60s'; expected Up, Down, Warning, Unusual, Paused or Unknown", status);
}

static enum tocsin_rc
read_sensor(const struct prtg *p)
{
    static const char *const labels[][2] = {
        { "device", "device" }, { "host", "host" },         { "group", "group" }, { "probe", "probe" },
        { "name", "sensor" },   { "priority", "priority" }, { "tags", "tags" },   { "sensorid", "sensor_id" },
    };
    static const char *const annotations[] = { "message",    "down",  "downtime", "lastvalue",
                                               "laststatus", "since", "comments", "datetime" };
    const char *id = text(p, "sensorid"), *status = text(p, "status"), *device = text(p, "device");
    const char *message = text(p, "message"), *name = text(p, "name");
    struct tocsin_alert *alert;
    enum tocsin_rc rc;

    if (id[0] == '\0')
        return p->host->fail(p->err, TOCSIN_MEANINGLESS, "$.sensorid", "expected the sensor's number");
    alert = p->host->alert_new(p->out);
    rc = read_status(p, alert, status);
    if (rc != TOCSIN_OK)
        return rc;
    alert->dedup_key = id;
    alert->summary =
        p->host->batch_printf(p->out, "%s%s%s: %s%s%s", device, device[0] != '\0' ? " " : "",
                              name[0] != '\0' ? name : id, status, message[0] != '\0' ? ": " : "", message);
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        p->host->alert_label(p->out, alert, labels[i][1], text(p, labels[i][0]));
    p->host->alert_annotation(p->out, alert, "status", status);
    for (size_t i = 0; i < sizeof annotations / sizeof annotations[0]; i++)
        p->host->alert_annotation(p->out, alert, annotations[i], text(p, annotations[i]));
    p->host->alert_link(p->out, alert, text(p, "linksensor"), "sensor");
    return TOCSIN_OK;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct prtg p = { host, out, err, NULL };
    json_t *doc;
    enum tocsin_rc rc = host->parse_form(in, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    p.doc = doc;
    rc = read_sensor(&p);
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "prtg",
    .summary = "PRTG's HTTP action (a form)",
    .decode = decode,
};
