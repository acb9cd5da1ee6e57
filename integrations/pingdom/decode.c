/* SPDX-License-Identifier: Apache-2.0 */
/* decode.c - Pingdom's webhook, of uptime checks (UP, DOWN) and of transactions (SUCCESS, FAILING). */
#include <string.h>
#include <strings.h>

#include <tocsin/plugin.h>

enum { MAX_JOINED = 32 }; /* items of a list that go into one label */

struct pingdom {
    const struct tocsin_host *host;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    const json_t *doc;
};

static const char *
text(const struct pingdom *p, const json_t *object, const char *name)
{
    return p->host->text(p->out, json_object_get(object, name));
}

static enum tocsin_rc
read_status(const struct pingdom *p, struct tocsin_alert *alert)
{
    static const struct {
        const char *word;
        enum tocsin_status status;
    } states[] = {
        { "DOWN", TOCSIN_FIRING },
        { "FAILING", TOCSIN_FIRING },
        { "UP", TOCSIN_RESOLVED },
        { "SUCCESS", TOCSIN_RESOLVED },
        { "UNKNOWN", TOCSIN_UNKNOWN },
        { "PAUSED", TOCSIN_UNKNOWN },
        { "UNCONFIRMED_DOWN", TOCSIN_UNKNOWN },
    };
    const char *word = text(p, p->doc, "current_state");

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (strcasecmp(word, states[i].word) == 0) {
            alert->status = states[i].status;
            return TOCSIN_OK;
        }
    }
    return p->host->fail(p->err, TOCSIN_MEANINGLESS, "$.current_state",
                         "unknown state '%.60s'; expected DOWN, UP, FAILING, SUCCESS or UNKNOWN", word);
}

static const char *
joined(const struct pingdom *p, const json_t *list)
{
    const char *all = "";
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (i == MAX_JOINED)
            break;
        all = p->host->batch_printf(p->out, "%s%s%s", all, i > 0 ? "," : "", p->host->text(p->out, item));
    }
    return all;
}

static void
read_pairs(const struct pingdom *p, struct tocsin_alert *alert)
{
    static const struct {
        const char *member, *name;
    } kept[] = {
        { "description", "description" },
        { "long_description", "long_description" },
        { "previous_state", "previous_state" },
        { "custom_message", "message" },
    };
    const json_t *params = json_object_get(p->doc, "check_params");
    const char *host = text(p, params, "hostname");

    p->host->alert_label_json(p->out, alert, "check", json_object_get(p->doc, "check_name"));
    p->host->alert_label_json(p->out, alert, "check_type", json_object_get(p->doc, "check_type"));
    p->host->alert_label_json(p->out, alert, "importance", json_object_get(p->doc, "importance_level"));
    p->host->alert_label(p->out, alert, "host", host[0] != '\0' ? host : text(p, params, "host"));
    p->host->alert_label(p->out, alert, "tags", joined(p, json_object_get(p->doc, "tags")));
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        p->host->alert_annotation_json(p->out, alert, kept[i].name, json_object_get(p->doc, kept[i].member));
    p->host->alert_annotation(p->out, alert, "probe", text(p, json_object_get(p->doc, "first_probe"), "location"));
    p->host->alert_annotation(p->out, alert, "second_probe",
                              text(p, json_object_get(p->doc, "second_probe"), "location"));
    p->host->alert_link(p->out, alert, text(p, params, "full_url"), "monitored");
}

static enum tocsin_rc
read_check(const struct pingdom *p)
{
    const char *id = text(p, p->doc, "check_id"), *name = text(p, p->doc, "check_name"), *why;
    const json_t *changed = json_object_get(p->doc, "state_changed_timestamp");
    json_int_t seconds = json_is_integer(changed) ? json_integer_value(changed) : 0;
    struct tocsin_alert *alert;
    enum tocsin_rc rc;

    if (id[0] == '\0')
        return p->host->fail(p->err, TOCSIN_MEANINGLESS, "$.check_id", "expected the check's number");
    alert = p->host->alert_new(p->out);
    rc = read_status(p, alert);
    if (rc != TOCSIN_OK)
        return rc;
    if (seconds < 0 || seconds > 100000000000)
        seconds = 0;
    alert->dedup_key = id;
    if (alert->status == TOCSIN_RESOLVED)
        alert->ends_at = seconds * 1000;
    else
        alert->starts_at = seconds * 1000;
    /* LOW chose the sober ways of telling, not that it does not matter: a site that is down is never info */
    if (alert->status == TOCSIN_FIRING && text(p, p->doc, "importance_level")[0] != '\0')
        alert->severity = strcasecmp(text(p, p->doc, "importance_level"), "LOW") == 0 ? TOCSIN_WARNING : TOCSIN_ERROR;
    why = text(p, p->doc, "long_description");
    if (why[0] == '\0')
        why = text(p, p->doc, "description");
    alert->summary = p->host->batch_printf(p->out, "%s is %s%s%s", name[0] != '\0' ? name : id,
                                           text(p, p->doc, "current_state"), why[0] != '\0' ? ": " : "", why);
    read_pairs(p, alert);
    return TOCSIN_OK;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct pingdom p = { host, out, err, NULL };
    json_t *doc;
    enum tocsin_rc rc = host->parse_json(in->body, in->len, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    p.doc = doc;
    rc = read_check(&p);
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "pingdom",
    .summary = "Pingdom's webhook",
    .decode = decode,
};
