/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gpud.c - components as gpud's GET /v1/states and /v1/events give them.
 *
 * The health is decided in the states; an event by itself says nothing about
 * it (so gpud's own comment), it only tells what happened.  A healthy state
 * names no PCI address, so that is a label and not part of the identity.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu.h"

enum { EVENT_MS = 3600 * 1000 };   /* how long an event lasts: gpud never takes one back */

struct at { const struct gpu *g; const char *component, *node; const json_t *item; const char *path; };

static enum tocsin_rc
fail_at(const struct at *at, const char *name, const char *expected)
{
    char where[160];

    snprintf(where, sizeof where, "%s.%s", at->path, name);
    return at->g->host->fail(at->g->err, TOCSIN_MEANINGLESS, where, "expected %s", expected);
}

/* Older versions had "healthy": true. */
static const char *
health_word(const struct at *at)
{
    const json_t *flag = json_object_get(at->item, "healthy");
    const char *word = gpu_text(at->g, at->item, "health");

    if (word[0] != '\0' || !json_is_boolean(flag))
        return word;
    return json_is_true(flag) ? "Healthy" : "Unhealthy";
}

static enum tocsin_rc
read_health(const struct at *at, struct tocsin_alert *alert)
{
    static const struct { const char *word; enum tocsin_status status; enum tocsin_severity severity; } words[] = {
        { "Healthy", TOCSIN_RESOLVED, TOCSIN_SEV_NONE },
        { "Unhealthy", TOCSIN_FIRING, TOCSIN_CRITICAL },
        { "Degraded", TOCSIN_FIRING, TOCSIN_WARNING },   /* by gpud's definition workloads do not feel it */
        { "Initializing", TOCSIN_UNKNOWN, TOCSIN_INFO },
    };
    const char *word = health_word(at);

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(word, words[i].word) == 0) {
            alert->status = words[i].status;
            alert->severity = words[i].severity;
            return TOCSIN_OK;
        }
    }
    return fail_at(at, "health", "Healthy, Unhealthy, Degraded or Initializing");
}

/* "PCI:0000:04:00" and "XID 74", wherever they stand in the text. */
static void
label_from_text(const struct at *at, struct tocsin_alert *alert, const char *text)
{
    const struct tocsin_host *host = at->g->host;
    const char *pci = strstr(text, "PCI:"), *xid = strstr(text, "XID ");
    long code;

    if (xid == NULL)
        xid = strstr(text, "Xid ");
    if (pci != NULL)
        host->alert_label(at->g->out, alert, "pci",
                          host->batch_printf(at->g->out, "%.*s", (int)strspn(pci + 4, "0123456789abcdefABCDEF:."), pci + 4));
    code = xid != NULL ? strtol(xid + 4, NULL, 10) : 0;
    if (code > 0)
        host->alert_label(at->g->out, alert, "xid", host->batch_printf(at->g->out, "%ld", code));
}

static struct tocsin_alert *
new_alert(const struct at *at, const char *text)
{
    const struct tocsin_host *host = at->g->host;
    struct tocsin_alert *alert = host->alert_new(at->g->out);
    const char *name = gpu_text(at->g, at->item, "name");

    alert->dedup_key = host->batch_printf(at->g->out, "%s/%s%s%s", at->node, at->component, name[0] != '\0' ? "/" : "",
                                          name);
    alert->summary = host->batch_printf(at->g->out, "%s%s%s", at->node, at->node[0] != '\0' ? ": " : "", text);
    host->alert_label(at->g->out, alert, "host", at->node);
    host->alert_label(at->g->out, alert, "component", at->component);
    host->alert_label(at->g->out, alert, "state", name);
    label_from_text(at, alert, text);
    return alert;
}

static void
annotate(const struct at *at, struct tocsin_alert *alert)
{
    const struct tocsin_host *host = at->g->host;
    const json_t *suggested = json_object_get(at->item, "suggested_actions");
    const char *actions = "";
    json_t *action;
    size_t i;

    json_array_foreach(json_object_get(suggested, "repair_actions"), i, action)
        actions = host->batch_printf(at->g->out, "%s%s%s", actions, i > 0 ? ", " : "", host->text(at->g->out, action));
    host->alert_annotation(at->g->out, alert, "actions", actions);
    host->alert_annotation_json(at->g->out, alert, "advice", json_object_get(suggested, "description"));
    host->alert_annotation_json(at->g->out, alert, "error", json_object_get(at->item, "error"));
}

static enum tocsin_rc
read_state(const struct at *at)
{
    const char *reason = gpu_text(at->g, at->item, "reason");
    struct tocsin_alert *alert;
    int64_t when = at->g->host->time_of(gpu_text(at->g, at->item, "time"));
    enum tocsin_rc rc;

    if (reason[0] == '\0')
        reason = at->g->host->batch_printf(at->g->out, "%s is %s", at->component, health_word(at));
    alert = new_alert(at, reason);
    rc = read_health(at, alert);
    *(alert->status == TOCSIN_RESOLVED ? &alert->ends_at : &alert->starts_at) = when;
    annotate(at, alert);
    return rc;
}

static enum tocsin_rc
read_event(const struct at *at)
{
    const char *message = gpu_text(at->g, at->item, "message"), *type = gpu_text(at->g, at->item, "type");
    struct tocsin_alert *alert;

    if (type[0] == '\0')
        return fail_at(at, "type", "Fatal, Critical, Warning or Info");
    alert = new_alert(at, message[0] != '\0' ? message : gpu_text(at->g, at->item, "name"));
    alert->dedup_key = at->g->host->batch_printf(at->g->out, "event/%s", alert->dedup_key);
    alert->severity = at->g->host->severity_of(type);
    alert->starts_at = at->g->host->time_of(gpu_text(at->g, at->item, "time"));
    alert->status = TOCSIN_UNKNOWN;
    if (strcmp(type, "Fatal") == 0 || strcmp(type, "Critical") == 0) {
        alert->status = TOCSIN_FIRING;
        alert->expires_at = at->g->in->received_at + EVENT_MS;
    }
    annotate(at, alert);
    return TOCSIN_OK;
}

static enum tocsin_rc
read_list(struct at *at, const json_t *list, const char *name, enum tocsin_rc (*read)(const struct at *))
{
    enum tocsin_rc rc = TOCSIN_OK;
    char path[120];
    json_t *item;
    size_t i;

    at->path = at->g->path;
    if (list != NULL && !json_is_null(list) && !json_is_array(list))
        return fail_at(at, name, "an array");
    json_array_foreach(list, i, item) {
        snprintf(path, sizeof path, "%s.%s[%zu]", at->g->path, name, i);
        at->path = path;
        at->item = item;
        if (!json_is_object(item))
            return at->g->host->fail(at->g->err, TOCSIN_MEANINGLESS, path, "expected an object");
        rc = read(at);
        if (rc != TOCSIN_OK)
            break;
    }
    return rc;
}

enum tocsin_rc
gpud_read(const struct gpu *g, const json_t *component)
{
    const json_t *states = json_object_get(component, "states"), *events = json_object_get(component, "events");
    struct at at = { g, gpu_text(g, component, "component"), gpu_node(g, component), component, g->path };
    enum tocsin_rc rc;

    if (at.component[0] == '\0')
        return fail_at(&at, "component", "the component's name, or fields of DCGM");
    if (states == NULL && events == NULL)            /* a state that stands alone */
        return read_state(&at);
    rc = read_list(&at, states, "states", read_state);
    return rc == TOCSIN_OK ? read_list(&at, events, "events", read_event) : rc;
}
