/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - Tasmota: the last will tele/<device>/LWT, "Online" or "Offline".
 *
 * Full topics are the owner's choice (%prefix%/%topic%/ by default, and some
 * turn it round), so the device is what is left of the topic without the
 * prefix and "LWT".  Telemetry that comes along is let pass.
 */
#include <string.h>
#include <strings.h>

#include <tocsin/plugin.h>

static const char *
last_level(const char *topic)
{
    const char *slash = strrchr(topic, '/');

    return slash != NULL ? slash + 1 : topic;
}

/* "tele/garage/door/LWT" and "garage/door/tele/LWT": garage/door. */
static const char *
device_of(const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out)
{
    const char *level = in->topic != NULL ? in->topic : "", *device = "";

    for (size_t i = 0; i < in->n_topic_labels; i++)
        if (strcmp(in->topic_labels[i].name, "device") == 0 || strcmp(in->topic_labels[i].name, "host") == 0)
            return in->topic_labels[i].value;
    if (in->topic == NULL)
        return in->query(in, "device") != NULL ? in->query(in, "device") : "";
    for (;;) {
        size_t n = strcspn(level, "/");
        bool is_prefix = n == 4 && strncmp(level, "tele", 4) == 0;

        if (level[n] == '\0')
            return device;
        if (n > 0 && !is_prefix)
            device = host->batch_printf(out, "%s%s%.*s", device, device[0] != '\0' ? "/" : "", (int)n, level);
        level += n + 1;
    }
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    const char *device = device_of(host, in, out), *name = device[0] != '\0' ? device : "a device";
    size_t n = strcspn(in->body, " \r\n");
    const char *word = host->batch_printf(out, "%.*s", (int)(n < 64 ? n : 64), in->body);
    bool offline = strcasecmp(word, "offline") == 0;
    struct tocsin_alert *alert;

    (void)self;
    if (in->len == 0 || (in->topic != NULL && strcmp(last_level(in->topic), "LWT") != 0))
        return TOCSIN_OK;          /* STATE, SENSOR and so on, or a retained message that was taken away */
    if (!offline && strcasecmp(word, "online") != 0)
        return host->fail(err, TOCSIN_MEANINGLESS, "body", "expected 'Online' or 'Offline', got '%s'", word);
    if (device[0] == '\0')
        host->batch_note(out, "neither a topic nor '?device=' says which device it is: all share one alert");
    alert = host->alert_new(out);
    alert->status = offline ? TOCSIN_FIRING : TOCSIN_RESOLVED;
    alert->dedup_key = host->batch_printf(out, "%s/LWT", device);
    alert->summary = host->batch_printf(out, "%s is %s", name, offline ? "offline" : "online");
    host->alert_label(out, alert, "device", device);
    host->alert_label(out, alert, "topic", in->topic);
    return TOCSIN_OK;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "tasmota",
    .summary = "Tasmota's last wills: tele/<device>/LWT",
    .decode = decode,
};
