/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - Shelly: what is offline (<device>/online, "true" or "false"), and
 * what a component reports: errors such as overtemp, flood and smoke alarms.
 *
 * Devices of generation 2 and later publish components as JSON, to be laid
 * over what is known (<device>/events/rpc, <device>/status/<component>): a
 * member that is missing has not changed, except in NotifyFullStatus, which
 * has all.  Generation 1 has a topic for each value (shellies/<device>/...).
 */
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include <tocsin/plugin.h>

struct shelly {
    const struct tocsin_host *host;
    const struct tocsin_payload *in;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    const char *device;
    int64_t when;
};

static struct tocsin_alert *
new_alert(const struct shelly *s, const char *check, bool firing, enum tocsin_severity severity)
{
    struct tocsin_alert *alert = s->host->alert_new(s->out);

    alert->status = firing ? TOCSIN_FIRING : TOCSIN_RESOLVED;
    alert->severity = severity;
    alert->dedup_key = s->host->batch_printf(s->out, "%s/%s", s->device, check);
    *(firing ? &alert->starts_at : &alert->ends_at) = s->when;
    s->host->alert_label(s->out, alert, "device", s->device);
    s->host->alert_label(s->out, alert, "check", check);
    s->host->alert_label(s->out, alert, "topic", s->in->topic);
    return alert;
}

/* --- generation 1, and "online" of all ------------------------------------------------ */

/* 1: true, 0: false, -1: neither */
static int
read_flag(const struct shelly *s)
{
    size_t n = strcspn(s->in->body, " \r\n");

    if ((n == 4 && strncmp(s->in->body, "true", 4) == 0) || (n == 1 && s->in->body[0] == '1'))
        return 1;
    if ((n == 5 && strncmp(s->in->body, "false", 5) == 0) || (n == 1 && s->in->body[0] == '0'))
        return 0;
    return -1;
}

static enum tocsin_rc
read_value(const struct shelly *s, const char *check, enum tocsin_severity severity)
{
    bool is_online = strcmp(check, "online") == 0;
    int flag = read_flag(s);
    struct tocsin_alert *alert;

    if (flag < 0)
        return s->host->fail(s->err, TOCSIN_MEANINGLESS, "body", "expected true or false");
    alert = new_alert(s, check, is_online ? flag == 0 : flag == 1, severity);
    if (is_online)
        alert->summary = s->host->batch_printf(s->out, "%s is %s", s->device[0] != '\0' ? s->device : "a device",
                                               flag == 1 ? "online" : "offline");
    else
        alert->summary = s->host->batch_printf(s->out, "%s: %s%s", s->device, check, flag == 1 ? "" : " cleared");
    return TOCSIN_OK;
}

/* --- generation 2 ------------------------------------------------------------------------ */

static void
read_alarm(const struct shelly *s, const char *component, const json_t *alarm)
{
    const char *kind = s->host->batch_printf(s->out, "%.*s", (int)strcspn(component, ":"), component);
    const char *check = s->host->batch_printf(s->out, "%s/alarm", component);
    struct tocsin_alert *alert = new_alert(s, check, json_is_true(alarm), TOCSIN_CRITICAL);

    s->host->alert_label(s->out, alert, "component", component);
    alert->summary = s->host->batch_printf(s->out, "%s: %s%s", s->device, kind, json_is_true(alarm) ? "" : " cleared");
}

/* errors: ["overtemp"], or none of them any more. */
static void
read_errors(const struct shelly *s, const char *component, const json_t *errors)
{
    const char *list = "", *check = s->host->batch_printf(s->out, "%s/errors", component);
    struct tocsin_alert *alert;
    json_t *item;
    size_t i;

    json_array_foreach(errors, i, item)
        list = s->host->batch_printf(s->out, "%s%s%s", list, i > 0 ? ", " : "", s->host->text(s->out, item));
    alert = new_alert(s, check, list[0] != '\0', TOCSIN_ERROR);
    s->host->alert_label(s->out, alert, "component", component);
    s->host->alert_label(s->out, alert, "errors", list);
    alert->summary = s->host->batch_printf(s->out, "%s %s: %s", s->device, component,
                                           list[0] != '\0' ? list : "no errors");
}

static enum tocsin_rc
read_component(const struct shelly *s, const char *component, const json_t *status, bool full)
{
    const json_t *errors = json_object_get(status, "errors"), *alarm = json_object_get(status, "alarm");
    char where[120];

    if (errors != NULL && !json_is_array(errors) && !json_is_null(errors)) {
        snprintf(where, sizeof where, "$.params[\"%.60s\"].errors", component);
        return s->host->fail(s->err, TOCSIN_MEANINGLESS, where, "expected an array of text");
    }
    if (json_is_boolean(alarm))
        read_alarm(s, component, alarm);
    if (errors != NULL || (full && strchr(component, ':') != NULL))
        read_errors(s, component, errors);
    return TOCSIN_OK;
}

static enum tocsin_rc
read_rpc(struct shelly *s, const json_t *doc)
{
    const char *method = s->host->text(s->out, json_object_get(doc, "method")), *component;
    const char *src = s->host->text(s->out, json_object_get(doc, "src"));
    json_t *params = json_object_get(doc, "params"), *status;
    bool full = strcmp(method, "NotifyFullStatus") == 0;
    double ts = json_number_value(json_object_get(params, "ts"));
    enum tocsin_rc rc = TOCSIN_OK;

    if (method[0] == '\0')
        return s->host->fail(s->err, TOCSIN_MEANINGLESS, "$.method", "expected NotifyStatus, NotifyFullStatus or NotifyEvent");
    if (!full && strcmp(method, "NotifyStatus") != 0)
        return TOCSIN_OK;          /* NotifyEvent: buttons */
    if (!json_is_object(params))
        return s->host->fail(s->err, TOCSIN_MEANINGLESS, "$.params", "expected an object");
    if (src[0] != '\0')
        s->device = src;
    if (ts > 0 && ts < 1e11)       /* seconds; not what would overflow */
        s->when = (int64_t)(ts * 1000);
    json_object_foreach(params, component, status) {
        if (json_is_object(status))
            rc = read_component(s, component, status, full);
        if (rc != TOCSIN_OK)
            break;
    }
    return rc;
}

static enum tocsin_rc
read_json(struct shelly *s, const char *component)
{
    json_t *doc;
    enum tocsin_rc rc = s->host->parse_json(s->in->body, s->in->len, &doc, s->err);

    if (rc != TOCSIN_OK)
        return rc;
    rc = component != NULL ? read_component(s, component, doc, false) : read_rpc(s, doc);
    json_decref(doc);
    return rc;
}

/* --- by topic ------------------------------------------------------------------------------- */

/* The device in front of tail, when the topic ends so: "a/shellyplus1-1/online" -> "shellyplus1-1". */
static const char *
in_front(const struct shelly *s, const char *tail)
{
    size_t n = strlen(s->in->topic), m = strlen(tail);
    const char *name, *slash;

    if (n <= m || strcmp(s->in->topic + n - m, tail) != 0)
        return NULL;
    name = s->host->batch_printf(s->out, "%.*s", (int)(n - m), s->in->topic);
    slash = strrchr(name, '/');
    return slash != NULL ? slash + 1 : name;
}

static enum tocsin_rc
read_topic(struct shelly *s)
{
    static const struct { const char *tail, *check; enum tocsin_severity severity; } values[] = {
        { "/online", "online", TOCSIN_SEV_NONE },
        { "/sensor/flood", "flood", TOCSIN_CRITICAL },
        { "/sensor/smoke", "smoke", TOCSIN_CRITICAL },
        { "/overtemperature", "overtemperature", TOCSIN_ERROR },
    };
    const char *component = strstr(s->in->topic, "/status/");

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        s->device = in_front(s, values[i].tail);
        if (s->device != NULL)
            return read_value(s, values[i].check, values[i].severity);
    }
    s->device = in_front(s, "/events/rpc");
    if (s->device != NULL)
        return read_json(s, NULL);
    s->device = component != NULL ? in_front(s, component) : NULL;
    return s->device != NULL ? read_json(s, component + strlen("/status/")) : TOCSIN_OK;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct shelly s = { .host = host, .in = in, .out = out, .err = err, .device = in->query(in, "device") };

    (void)self;
    if (in->len == 0)              /* a retained message that was taken away */
        return TOCSIN_OK;
    if (in->topic != NULL)
        return read_topic(&s);
    if (s.device == NULL)
        s.device = "";
    if (in->body[strspn(in->body, " \t\r\n")] == '{')
        return read_json(&s, NULL);
    if (s.device[0] == '\0')
        host->batch_note(out, "neither a topic nor '?device=' says which device it is: all share one alert");
    return read_value(&s, "online", TOCSIN_SEV_NONE);
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "shelly",
    .summary = "Shelly devices: online, errors of components, flood and smoke alarms",
    .decode = decode,
};
