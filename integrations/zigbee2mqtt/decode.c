/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - Zigbee2MQTT: what is offline (zigbee2mqtt/<device>/availability,
 * zigbee2mqtt/bridge/state), and what a device's state says of danger
 * (zigbee2mqtt/<device>: smoke, water_leak, battery_low and so on).
 *
 * A device's name may hold slashes.  Members of a state that are missing say
 * nothing: devices publish some of them at a time.
 */
#include <string.h>

#include <tocsin/plugin.h>

struct z2m {
    const struct tocsin_host *host;
    const struct tocsin_payload *in;
    struct tocsin_batch *out;
    struct tocsin_err *err;
};

static const struct { const char *name; enum tocsin_severity severity; const char *words; } dangers[] = {
    { "smoke", TOCSIN_CRITICAL, "smoke" },
    { "gas", TOCSIN_CRITICAL, "gas" },
    { "carbon_monoxide", TOCSIN_CRITICAL, "carbon monoxide" },
    { "water_leak", TOCSIN_CRITICAL, "water leak" },
    { "sos", TOCSIN_CRITICAL, "SOS" },
    { "tamper", TOCSIN_WARNING, "tampered with" },
    { "battery_low", TOCSIN_WARNING, "battery low" },
};

static struct tocsin_alert *
new_alert(const struct z2m *z, const char *device, const char *what)
{
    struct tocsin_alert *alert = z->host->alert_new(z->out);

    alert->dedup_key = z->host->batch_printf(z->out, "%s/%s", device, what);
    z->host->alert_label(z->out, alert, "device", device);
    z->host->alert_label(z->out, alert, "check", what);
    z->host->alert_label(z->out, alert, "topic", z->in->topic);
    return alert;
}

/* {"state": "offline"}, or the word alone, as older versions published it. */
static enum tocsin_rc
read_availability(const struct z2m *z, const char *device, const json_t *doc)
{
    size_t n = strcspn(z->in->body, " \r\n");
    const char *word = doc != NULL ? z->host->text(z->out, json_object_get(doc, "state"))
                                   : z->host->batch_printf(z->out, "%.*s", (int)(n < 64 ? n : 64), z->in->body);
    bool offline = strcmp(word, "offline") == 0;
    struct tocsin_alert *alert;

    if (!offline && strcmp(word, "online") != 0)
        return z->host->fail(z->err, TOCSIN_MEANINGLESS, doc != NULL ? "$.state" : "body",
                             "expected 'online' or 'offline'");
    alert = new_alert(z, device, "availability");
    alert->status = offline ? TOCSIN_FIRING : TOCSIN_RESOLVED;
    alert->summary = z->host->batch_printf(z->out, "%s is %s", device[0] != '\0' ? device : "a device", word);
    return TOCSIN_OK;
}

static enum tocsin_rc
read_state(const struct z2m *z, const char *device, const json_t *doc)
{
    for (size_t i = 0; i < sizeof dangers / sizeof dangers[0]; i++) {
        const json_t *value = json_object_get(doc, dangers[i].name), *level = json_object_get(doc, "battery");
        struct tocsin_alert *alert;

        if (value == NULL || json_is_null(value))
            continue;
        if (!json_is_boolean(value))
            return z->host->fail(z->err, TOCSIN_MEANINGLESS, z->host->batch_printf(z->out, "$.%s", dangers[i].name),
                                 "expected true or false");
        alert = new_alert(z, device, dangers[i].name);
        alert->status = json_is_true(value) ? TOCSIN_FIRING : TOCSIN_RESOLVED;
        alert->severity = dangers[i].severity;
        alert->summary = z->host->batch_printf(z->out, "%s: %s%s", device, dangers[i].words,
                                               json_is_true(value) ? "" : " cleared");
        z->host->alert_annotation_json(z->out, alert, "battery", level);
    }
    return TOCSIN_OK;
}

static bool
ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n >= m && strcmp(s + n - m, end) == 0;
}

/* rest: the topic behind the base, such as "kitchen/smoke/availability". */
static enum tocsin_rc
read_message(const struct z2m *z, const char *rest, const json_t *doc)
{
    static const char tail[] = "/availability";
    size_t n = strlen(rest);

    if (strcmp(rest, "bridge/state") == 0)
        return read_availability(z, "bridge", doc);
    if (strncmp(rest, "bridge/", 7) == 0)
        return TOCSIN_OK;
    if (ends_with(rest, tail))
        return read_availability(z, z->host->batch_printf(z->out, "%.*s", (int)(n - strlen(tail)), rest), doc);
    if (ends_with(rest, "/set") || ends_with(rest, "/get") || doc == NULL)
        return TOCSIN_OK;
    return read_state(z, rest, doc);
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct z2m z = { host, in, out, err };
    const char *slash = in->topic != NULL ? strchr(in->topic, '/') : NULL, *asked = in->query(in, "device");
    enum tocsin_rc rc = TOCSIN_OK;
    json_t *doc = NULL;

    (void)self;
    if (in->len == 0)              /* a retained message that was taken away */
        return TOCSIN_OK;
    if (in->body[strspn(in->body, " \t\r\n")] == '{')
        rc = host->parse_json(in->body, in->len, &doc, err);
    if (rc != TOCSIN_OK)
        return rc;
    if (in->topic == NULL && asked == NULL)
        host->batch_note(out, "neither a topic nor '?device=' says which device it is: all share one alert");
    if (slash != NULL)
        rc = read_message(&z, slash + 1, doc);
    else
        rc = read_availability(&z, asked != NULL ? asked : "", doc);
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "zigbee2mqtt",
    .summary = "Zigbee2MQTT: availability, the bridge, smoke, leaks, batteries",
    .decode = decode,
};
