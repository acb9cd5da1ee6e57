/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - AWS IoT Core's life-cycle events: a client that connects and one
 * that disconnects.
 *
 * The client id is the identity.  A client that was thrown out because another
 * one came with its id is not gone, whatever the order in which the two events
 * arrive: that is unknown, not firing.
 */
#include <string.h>

#include <tocsin/plugin.h>

struct presence {
    const struct tocsin_host *host;
    const struct tocsin_payload *in;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    const json_t *doc;
};

static const char *
text_of(const struct presence *p, const char *name)
{
    return p->host->text(p->out, json_object_get(p->doc, name));
}

/* disconnected, connected, subscribed, unsubscribed: in the payload, else in $aws/events/presence/disconnected/<id>. */
static const char *
event_type(const struct presence *p)
{
    static const char prefix[] = "$aws/events/presence/";
    const char *type = text_of(p, "eventType"), *topic = p->in->topic;

    if (type[0] == '\0' && topic != NULL && strncmp(topic, prefix, strlen(prefix)) == 0)
        type = p->host->batch_printf(p->out, "%.*s", (int)strcspn(topic + strlen(prefix), "/"), topic + strlen(prefix));
    return type;
}

static void
add(const struct presence *p, bool connected, const char *client)
{
    const char *reason = text_of(p, "disconnectReason");
    const json_t *when = json_object_get(p->doc, "timestamp");
    int64_t at = json_integer_value(when) > 0 ? json_integer_value(when) : 0;
    struct tocsin_alert *alert = p->host->alert_new(p->out);

    alert->status = connected                                     ? TOCSIN_RESOLVED
                    : strcmp(reason, "DUPLICATE_CLIENTID") == 0 ? TOCSIN_UNKNOWN
                                                                  : TOCSIN_FIRING;
    *(connected ? &alert->ends_at : &alert->starts_at) = at;
    alert->dedup_key = client;
    alert->summary = p->host->batch_printf(p->out, "%s %s%s%s", client, connected ? "connected" : "disconnected",
                                           reason[0] != '\0' ? ": " : "", reason);
    p->host->alert_label(p->out, alert, "client", client);
    p->host->alert_label(p->out, alert, "disconnect_reason", reason);
    p->host->alert_label_json(p->out, alert, "client_initiated", json_object_get(p->doc, "clientInitiatedDisconnect"));
    p->host->alert_annotation(p->out, alert, "principal", text_of(p, "principalIdentifier"));
    p->host->alert_annotation(p->out, alert, "session", text_of(p, "sessionIdentifier"));
    p->host->alert_annotation(p->out, alert, "ip_address", text_of(p, "ipAddress"));
    p->host->alert_annotation(p->out, alert, "version", text_of(p, "versionNumber"));
}

static enum tocsin_rc
read_event(const struct presence *p)
{
    const char *type = event_type(p), *client = text_of(p, "clientId");

    if (!json_is_object(p->doc))
        return p->host->fail(p->err, TOCSIN_MEANINGLESS, "$", "expected an object");
    if (strcmp(text_of(p, "messageType"), "DestinationConfirmation") == 0) {
        p->host->batch_note(p->out, "AWS IoT asks to confirm this destination of a rule: open %s", text_of(p, "enableUrl"));
        return TOCSIN_OK;
    }
    if (strcmp(type, "subscribed") == 0 || strcmp(type, "unsubscribed") == 0)
        return TOCSIN_OK;
    if (strcmp(type, "connected") != 0 && strcmp(type, "disconnected") != 0)
        return p->host->fail(p->err, TOCSIN_MEANINGLESS, "$.eventType", "expected 'connected' or 'disconnected'");
    if (client[0] == '\0')
        return p->host->fail(p->err, TOCSIN_MEANINGLESS, "$.clientId", "expected the client's id");
    add(p, type[0] == 'c', client);
    return TOCSIN_OK;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct presence p = { .host = host, .in = in, .out = out, .err = err };
    json_t *doc;
    enum tocsin_rc rc = host->parse_json(in->body, in->len, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    p.doc = doc;
    rc = read_event(&p);
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "aws-iot",
    .summary = "AWS IoT Core's life-cycle events: clients that connect and disconnect",
    .decode = decode,
};
