/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - Home Assistant over MQTT: state topics of binary sensors, of the
 * alarm panel and of alert entities, and who is online.
 *
 * Which of a house's sensors are worth an alert is decided by the topics that
 * are subscribed: ON fires, OFF resolves.  A state that is no such word (a
 * temperature) gives no alert, for topics with wildcards bring many.
 */
#include <string.h>
#include <strings.h>

#include <tocsin/plugin.h>

struct ha {
    const struct tocsin_host *host;
    const struct tocsin_payload *in;
    struct tocsin_batch *out;
    const char *component, *object;         /* binary_sensor, garden */
};

static const struct word { const char *word; enum tocsin_status status; enum tocsin_severity severity; } words[] = {
    { "on", TOCSIN_FIRING, TOCSIN_SEV_NONE },
    { "off", TOCSIN_RESOLVED, TOCSIN_SEV_NONE },
    { "problem", TOCSIN_FIRING, TOCSIN_SEV_NONE },
    { "ok", TOCSIN_RESOLVED, TOCSIN_SEV_NONE },
    { "offline", TOCSIN_FIRING, TOCSIN_SEV_NONE },
    { "online", TOCSIN_RESOLVED, TOCSIN_SEV_NONE },
    { "unavailable", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },
    { "unknown", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },
    { "none", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },
    { "triggered", TOCSIN_FIRING, TOCSIN_CRITICAL },     /* alarm_control_panel */
    { "pending", TOCSIN_UNKNOWN, TOCSIN_CRITICAL },
    { "arming", TOCSIN_UNKNOWN, TOCSIN_CRITICAL },
    { "disarmed", TOCSIN_RESOLVED, TOCSIN_CRITICAL },
    { "armed_home", TOCSIN_RESOLVED, TOCSIN_CRITICAL },
    { "armed_away", TOCSIN_RESOLVED, TOCSIN_CRITICAL },
    { "armed_night", TOCSIN_RESOLVED, TOCSIN_CRITICAL },
    { "armed_vacation", TOCSIN_RESOLVED, TOCSIN_CRITICAL },
    { "idle", TOCSIN_RESOLVED, TOCSIN_SEV_NONE },        /* alert: idle is over, off is acknowledged */
};

static const struct { const char *device_class; enum tocsin_severity severity; } classes[] = {
    { "smoke", TOCSIN_CRITICAL },  { "gas", TOCSIN_CRITICAL },    { "carbon_monoxide", TOCSIN_CRITICAL },
    { "moisture", TOCSIN_ERROR },  { "safety", TOCSIN_ERROR },    { "problem", TOCSIN_ERROR },
    { "tamper", TOCSIN_WARNING },  { "battery", TOCSIN_WARNING },
};

static const struct word *
find_word(const char *state)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(words[i].word, state) == 0)
            return &words[i];
    return NULL;
}

/* homeassistant/binary_sensor/garden/state: the two levels in front of the last one. */
static void
split_topic(struct ha *ha)
{
    const char *level = ha->in->topic, *last = strrchr(level, '/');

    ha->component = "";
    ha->object = ha->host->batch_printf(ha->out, "%.*s", (int)strcspn(level, "/"), level);
    for (level = strchr(level, '/'); level != NULL && level != last; level = strchr(level + 1, '/')) {
        const char *name = ha->host->batch_printf(ha->out, "%.*s", (int)strcspn(level + 1, "/"), level + 1);

        if (ha->component[0] == '\0')
            ha->component = name;
        ha->object = name;
    }
    if (strcmp(ha->component, ha->object) == 0)
        ha->component = "";
}

/* The identity is the topic without its last level, or the topic when there is but one. */
static const char *
key_of(const struct ha *ha)
{
    const char *topic = ha->in->topic != NULL ? ha->in->topic : ha->object, *last = strrchr(topic, '/');

    return last == NULL || strcmp(last, "/state") != 0 ? topic
                                                       : ha->host->batch_printf(ha->out, "%.*s", (int)(last - topic), topic);
}

static enum tocsin_severity
severity_of(const struct word *word, const char *device_class)
{
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (strcmp(classes[i].device_class, device_class) == 0)
            return classes[i].severity;
    return word->severity;
}

static void
add(const struct ha *ha, const char *state, const json_t *doc)
{
    const json_t *attributes = json_object_get(doc, "attributes");
    const char *name = ha->host->text(ha->out, json_object_get(attributes, "friendly_name"));
    const char *class = ha->host->text(ha->out, json_object_get(attributes, "device_class"));
    const struct word *word = find_word(state);
    struct tocsin_alert *alert = ha->host->alert_new(ha->out);

    alert->status = word->status;
    if (strcmp(ha->component, "alert") == 0 && strcasecmp(state, "off") == 0) {
        alert->status = TOCSIN_FIRING;               /* somebody acknowledged it there; it is not over */
        state = "acknowledged";
    }
    alert->severity = severity_of(word, class);
    alert->dedup_key = key_of(ha);
    alert->summary = ha->host->batch_printf(ha->out, "%s is %s", name[0] != '\0' ? name : ha->object, state);
    ha->host->alert_label(ha->out, alert, "component", ha->component);
    ha->host->alert_label(ha->out, alert, "object", ha->object);
    ha->host->alert_label(ha->out, alert, "device_class", class);
    ha->host->alert_label(ha->out, alert, "topic", ha->in->topic);
    ha->host->alert_annotation(ha->out, alert, "state", state);
}

/* The state alone, in quotes (as statestream writes attributes), or {"state": "on", "attributes": {...}}. */
static enum tocsin_rc
read_payload(const struct ha *ha, struct tocsin_err *err)
{
    const char *p = ha->in->body + strspn(ha->in->body, " \t\r\n\""), *state;
    size_t n = strcspn(p, "\" \r\n");
    json_t *doc = NULL;
    enum tocsin_rc rc = *p == '{' ? ha->host->parse_json(ha->in->body, ha->in->len, &doc, err) : TOCSIN_OK;

    if (rc != TOCSIN_OK)
        return rc;
    state = doc != NULL ? ha->host->text(ha->out, json_object_get(doc, "state"))
                        : ha->host->batch_printf(ha->out, "%.*s", (int)(n < 64 ? n : 64), p);
    if (find_word(state) != NULL)
        add(ha, state, doc);
    else if (doc != NULL && state[0] == '\0')
        rc = ha->host->fail(err, TOCSIN_MEANINGLESS, "$.state", "expected a state such as on or off");
    json_decref(doc);
    return rc;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct ha ha = { .host = host, .in = in, .out = out, .component = "", .object = in->query(in, "entity") };

    (void)self;
    if (in->len == 0)              /* a retained message that was taken away */
        return TOCSIN_OK;
    if (in->topic != NULL)
        split_topic(&ha);
    else if (ha.object == NULL) {
        host->batch_note(out, "neither a topic nor '?entity=' says what it is: all share one alert");
        ha.object = "an entity";
    }
    return read_payload(&ha, err);
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "homeassistant",
    .summary = "Home Assistant's state topics: binary sensors, alarm panel, alerts, online",
    .decode = decode,
};
