/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - Sparkplug B: edge nodes, devices and host applications that die
 * and are born.
 *
 * The topic says it all (spBv1.0/<group>/NDEATH/<node>), so the payload need
 * not be read: real ones are protobuf and let be, those that a gateway turned
 * into JSON give the time and bdSeq.  A node's death was written when the node
 * connected, so its timestamp is not the time of death.
 */
#include <stdio.h>
#include <string.h>

#include <tocsin/plugin.h>

struct sparkplug {
    const struct tocsin_host *host;
    const struct tocsin_payload *in;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    const json_t *doc;             /* NULL: the payload is no JSON */
    const char *level[8];          /* of the topic */
    size_t n_levels;
};

static void
split_topic(struct sparkplug *sp)
{
    const size_t max = sizeof sp->level / sizeof sp->level[0];

    for (const char *p = sp->in->topic; p != NULL && sp->n_levels < max;) {
        size_t n = strcspn(p, "/");

        sp->level[sp->n_levels++] = sp->host->batch_printf(sp->out, "%.*s", (int)n, p);
        p = p[n] == '/' ? p + n + 1 : NULL;
    }
}

static int64_t
timestamp(const struct sparkplug *sp)
{
    json_int_t ms = json_integer_value(json_object_get(sp->doc, "timestamp"));

    return ms > 0 ? (int64_t)ms : 0;
}

static const json_t *
bd_seq(const struct sparkplug *sp)
{
    json_t *metric;
    size_t i;

    json_array_foreach(json_object_get(sp->doc, "metrics"), i, metric) {
        const char *name = json_string_value(json_object_get(metric, "name"));

        if (name != NULL && strcmp(name, "bdSeq") == 0)
            return json_object_get(metric, "value");
    }
    return NULL;
}

/* kind: node, device or host application. */
static struct tocsin_alert *
add(const struct sparkplug *sp, bool alive, const char *kind, const char *name)
{
    struct tocsin_alert *alert = sp->host->alert_new(sp->out);

    alert->status = alive ? TOCSIN_RESOLVED : TOCSIN_FIRING;
    alert->dedup_key = name;
    alert->summary = sp->host->batch_printf(sp->out, "%s %s is %s", kind, name, alive ? "online" : "offline");
    alert->ends_at = alive ? timestamp(sp) : 0;
    sp->host->alert_label(sp->out, alert, "kind", kind);
    return alert;
}

/* level: spBv1.0, group, type, node and perhaps device */
static void
add_group_member(const struct sparkplug *sp, const char *group, const char *type, const char *node, const char *device)
{
    bool alive = strcmp(type + 1, "BIRTH") == 0;
    const char *name = sp->host->batch_printf(sp->out, "%s%s%s%s%s", group, group[0] != '\0' ? "/" : "", node,
                                              device[0] != '\0' ? "/" : "", device);
    struct tocsin_alert *alert = add(sp, alive, device[0] != '\0' ? "device" : "node", name);

    if (!alive && type[0] == 'D')
        alert->starts_at = timestamp(sp);
    sp->host->alert_label(sp->out, alert, "group", group);
    sp->host->alert_label(sp->out, alert, "node", node);
    sp->host->alert_label(sp->out, alert, "device", device);
    sp->host->alert_annotation(sp->out, alert, "message_type", type);
    sp->host->alert_annotation_json(sp->out, alert, "bd_seq", bd_seq(sp));
}

/* {"online": true, "timestamp": ...}; before version 3 the words ONLINE and OFFLINE */
static enum tocsin_rc
read_host(const struct sparkplug *sp, const char *name)
{
    const json_t *online = json_object_get(sp->doc, "online");
    bool alive = sp->doc != NULL ? json_is_true(online) : strncmp(sp->in->body, "ONLINE", 6) == 0;

    if (sp->doc != NULL && !json_is_boolean(online))
        return sp->host->fail(sp->err, TOCSIN_MEANINGLESS, "$.online", "expected true or false");
    if (sp->doc == NULL && !alive && strncmp(sp->in->body, "OFFLINE", 7) != 0)
        return sp->host->fail(sp->err, TOCSIN_MEANINGLESS, "body", "expected ONLINE or OFFLINE, or JSON");
    sp->host->alert_label(sp->out, add(sp, alive, "host application", name), "host", name);
    return TOCSIN_OK;
}

static bool
is_life_or_death(const char *type)
{
    return (type[0] == 'N' || type[0] == 'D') && (strcmp(type + 1, "BIRTH") == 0 || strcmp(type + 1, "DEATH") == 0);
}

static enum tocsin_rc
read_message(const struct sparkplug *sp)
{
    const char *const *level = sp->level;

    if (sp->n_levels >= 2 && strcmp(level[sp->n_levels - 2], "STATE") == 0)
        return read_host(sp, level[sp->n_levels - 1]);
    if (sp->n_levels < 4)
        return sp->host->fail(sp->err, TOCSIN_MEANINGLESS, "topic",
                              "expected spBv1.0/<group>/<type>/<node>, or spBv1.0/STATE/<host>");
    if (!is_life_or_death(level[2]))
        return TOCSIN_OK;          /* NDATA, DDATA, NCMD, DCMD */
    if (level[2][0] == 'D' && sp->n_levels < 5)
        return sp->host->fail(sp->err, TOCSIN_MEANINGLESS, "topic", "expected the device behind the node");
    add_group_member(sp, level[1], level[2], level[3], level[2][0] == 'D' ? level[4] : "");
    return TOCSIN_OK;
}

/* Without a topic: of the messages with a bdSeq, a birth has a sequence number and a death must not. */
static enum tocsin_rc
guess(const struct sparkplug *sp)
{
    const char *node = sp->in->query(sp->in, "node");

    if (sp->doc == NULL)
        return sp->host->fail(sp->err, TOCSIN_MEANINGLESS, "body", "expected JSON, for there is no topic");
    if (bd_seq(sp) == NULL)
        return TOCSIN_OK;
    if (node == NULL)
        sp->host->batch_note(sp->out, "neither a topic nor '?node=' says which node it is: all share one alert");
    add_group_member(sp, "", json_object_get(sp->doc, "seq") != NULL ? "NBIRTH" : "NDEATH", node != NULL ? node : "unknown",
                     "");
    return TOCSIN_OK;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct sparkplug sp = { .host = host, .in = in, .out = out, .err = err };
    json_t *doc = NULL;
    enum tocsin_rc rc = TOCSIN_OK;

    (void)self;
    if (in->body[strspn(in->body, " \t\r\n")] == '{')
        rc = host->parse_json(in->body, in->len, &doc, err);
    if (rc != TOCSIN_OK)
        return rc;
    sp.doc = doc;
    split_topic(&sp);
    rc = in->topic != NULL ? read_message(&sp) : guess(&sp);
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "sparkplug",
    .summary = "Sparkplug B: births and deaths of nodes, devices and host applications",
    .decode = decode,
};
