/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - Wazuh: the alert as its integrator hands it to a script (rule,
 * agent, full_log), and the flat form of a widespread script, which packs rule
 * and agent into lines of its description.
 *
 * Either way rule and agent are the identity, and the alert expires: Wazuh
 * tells what happened, never that it is over.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <tocsin/plugin.h>

enum { DAY_MS = 24 * 3600 * 1000, MAX_JOINED = 32 };

struct wazuh {
    const struct tocsin_host *host;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    int64_t received_at;
    const json_t *doc;
};

static const char *
text(const struct wazuh *w, const json_t *object, const char *name)
{
    return w->host->text(w->out, json_object_get(object, name));
}

/* The scripts write zones as +01.00 and +0100; the first is no time anywhere. */
static int64_t
time_at(const struct wazuh *w, const char *name)
{
    const char *s = text(w, w->doc, name), *sign = strrchr(s, '+');
    size_t n = strlen(s);

    if (n > 20 && sign == NULL)
        sign = s[n - 6] == '-' ? s + n - 6 : NULL;
    if (sign != NULL && strlen(sign) == 6 && sign[3] == '.')
        s = w->host->batch_printf(w->out, "%.*s:%s", (int)(sign + 3 - s), s, sign + 4);
    return w->host->time_of(s);
}

/* Levels 0 to 15 as Wazuh's own pages name them: low, medium, high, critical. */
static enum tocsin_severity
severity_of_level(long level)
{
    return level >= 15 ? TOCSIN_CRITICAL : level >= 12 ? TOCSIN_ERROR : level >= 7 ? TOCSIN_WARNING : TOCSIN_INFO;
}

static struct tocsin_alert *
alert_new(const struct wazuh *w, const char *rule, const char *agent, const char *name, const char *level)
{
    struct tocsin_alert *alert = w->host->alert_new(w->out);

    alert->status = TOCSIN_FIRING;
    alert->dedup_key = w->host->batch_printf(w->out, "%s/%s", agent, rule);
    alert->expires_at = w->received_at + DAY_MS;
    w->host->alert_label(w->out, alert, "rule", rule);
    w->host->alert_label(w->out, alert, "level", level);
    w->host->alert_label(w->out, alert, "agent_id", agent);
    w->host->alert_label(w->out, alert, "host", name);
    return alert;
}

static const char *
joined(const struct wazuh *w, const json_t *list)
{
    const char *all = "";
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (i == MAX_JOINED)
            break;
        all = w->host->batch_printf(w->out, "%s%s%s", all, i > 0 ? "," : "", w->host->text(w->out, item));
    }
    return all;
}

static enum tocsin_rc
read_native(const struct wazuh *w, const json_t *rule)
{
    const json_t *agent = json_object_get(w->doc, "agent");
    const char *level = text(w, rule, "level");              /* text, where the alert came through an indexer */
    const char *id = text(w, rule, "id"), *name = text(w, agent, "name"), *what = text(w, rule, "description");
    struct tocsin_alert *alert;

    if (id[0] == '\0')
        return w->host->fail(w->err, TOCSIN_MEANINGLESS, "$.rule.id", "expected the rule's number");
    if (level[0] == '\0' || level[strspn(level, "0123456789")] != '\0' || strlen(level) > 2)
        return w->host->fail(w->err, TOCSIN_MEANINGLESS, "$.rule.level", "expected a level from 0 to 15");
    alert = alert_new(w, id, text(w, agent, "id"), name, level);
    alert->severity = severity_of_level(strtol(level, NULL, 10));
    alert->summary = w->host->batch_printf(w->out, "%s%s%s", name, name[0] != '\0' ? ": " : "", what);
    alert->starts_at = time_at(w, "timestamp");
    w->host->alert_label(w->out, alert, "groups", joined(w, json_object_get(rule, "groups")));
    w->host->alert_label(w->out, alert, "address", text(w, agent, "ip"));
    w->host->alert_label(w->out, alert, "manager", text(w, json_object_get(w->doc, "manager"), "name"));
    w->host->alert_annotation(w->out, alert, "mitre", joined(w, json_object_get(json_object_get(rule, "mitre"), "id")));
    w->host->alert_annotation(w->out, alert, "location", text(w, w->doc, "location"));
    w->host->alert_annotation(w->out, alert, "source_address", text(w, json_object_get(w->doc, "data"), "srcip"));
    w->host->alert_annotation(w->out, alert, "full_log", text(w, w->doc, "full_log"));
    w->host->alert_annotation(w->out, alert, "alert_id", text(w, w->doc, "id"));
    return TOCSIN_OK;
}

/* What stands behind the word at the beginning of a line of the description. */
static const char *
line_of(const struct wazuh *w, const char *description, const char *word)
{
    size_t n = strlen(word);

    for (const char *p = description; p != NULL; p = strchr(p, '\n')) {
        p += *p == '\n';
        if (strncmp(p, word, n) == 0 && p[n] == ' ')
            return w->host->batch_printf(w->out, "%.*s", (int)strcspn(p + n + 1, "\n"), p + n + 1);
    }
    return "";
}

static enum tocsin_rc
read_flat(const struct wazuh *w)
{
    const char *message = text(w, w->doc, "message"), *about = text(w, w->doc, "description");
    const char *rule = line_of(w, about, "Rule ID"), *name = line_of(w, about, "Agent Name");
    const char *level = line_of(w, about, "Level"), *word = text(w, w->doc, "severity");
    struct tocsin_alert *alert;

    if (message[0] == '\0')
        return w->host->fail(w->err, TOCSIN_MEANINGLESS, "$.message",
                             "expected 'rule', or 'message' and 'description'");
    if (rule[0] == '\0')
        return w->host->fail(w->err, TOCSIN_MEANINGLESS, "$.description",
                             "expected a line 'Rule ID', such as 'Rule ID 2902'");
    alert = alert_new(w, rule, line_of(w, about, "Agent ID"), name, level);
    alert->severity = w->host->severity_of(word);
    if (alert->severity == TOCSIN_SEV_NONE && isdigit((unsigned char)level[0]))
        alert->severity = severity_of_level(strtol(level, NULL, 10));
    alert->summary = w->host->batch_printf(w->out, "%s%s%s", name, name[0] != '\0' ? ": " : "", message);
    alert->starts_at = time_at(w, "created_at");
    w->host->alert_annotation(w->out, alert, "full_log", line_of(w, about, "Full Log"));
    w->host->alert_annotation(w->out, alert, "description", about);
    return TOCSIN_OK;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct wazuh w = { host, out, err, in->received_at, NULL };
    json_t *doc;
    enum tocsin_rc rc = host->parse_json(in->body, in->len, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    w.doc = doc;
    rc = json_is_object(json_object_get(doc, "rule")) ? read_native(&w, json_object_get(doc, "rule")) : read_flat(&w);
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "wazuh",
    .summary = "Wazuh's alerts, as its integrator hands them to a script",
    .decode = decode,
};
