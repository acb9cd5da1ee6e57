/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - Falco's http_output, and Falcosidekick's webhook, which adds to it.
 *
 * A rule that matched is something that happened: Falco never says that it is
 * over, so the alert expires.
 */
#include <ctype.h>
#include <string.h>

#include <tocsin/plugin.h>

enum { DAY_MS = 24 * 3600 * 1000, MAX_FIELDS = 48, MAX_JOINED = 32 };

struct falco {
    const struct tocsin_host *host;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    int64_t received_at;
    const json_t *doc;
};

static const char *
text(const struct falco *f, const json_t *object, const char *name)
{
    return f->host->text(f->out, json_object_get(object, name));
}

/* "16:31:56.746609046: Error File below ..." without time and priority, which stand elsewhere. */
static const char *
shorten(const char *output, const char *priority)
{
    const char *p = output, *colon = strstr(output, ": ");

    if (isdigit((unsigned char)output[0]) && colon != NULL &&
        strspn(output, "0123456789:.") == (size_t)(colon - output) + 1)
        p = colon + 2;
    if (priority[0] != '\0' && strncmp(p, priority, strlen(priority)) == 0 && p[strlen(priority)] == ' ')
        p += strlen(priority) + 1;
    return p[0] != '\0' ? p : output;
}

static void
read_fields(const struct falco *f, struct tocsin_alert *alert)
{
    static const struct {
        const char *field, *name;
    } places[] = {
        { "k8s.ns.name", "namespace" },
        { "k8s.pod.name", "pod" },
        { "container.name", "container" },
        { "container.id", "container_id" },
        { "user.name", "user" },
        { "proc.name", "process" },
        { "container.image.repository", "image" },
    };
    const json_t *fields = json_object_get(f->doc, "output_fields");
    const char *name;
    json_t *value;
    size_t n = 0;

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        f->host->alert_label_json(f->out, alert, places[i].name, json_object_get(fields, places[i].field));
    json_object_foreach((json_t *)(uintptr_t)fields, name, value)
    {
        if (n++ == MAX_FIELDS)
            break;
        f->host->alert_annotation_json(f->out, alert, name, value);
    }
}

static const char *
joined(const struct falco *f, const json_t *tags)
{
    const char *all = "";
    json_t *tag;
    size_t i;

    json_array_foreach(tags, i, tag)
    {
        if (i == MAX_JOINED)
            break;
        all = f->host->batch_printf(f->out, "%s%s%s", all, i > 0 ? "," : "", f->host->text(f->out, tag));
    }
    return all;
}

static enum tocsin_rc
read_event(const struct falco *f)
{
    const json_t *fields = json_object_get(f->doc, "output_fields");
    const char *rule = text(f, f->doc, "rule"), *host = text(f, f->doc, "hostname"),
               *output = text(f, f->doc, "output");
    const char *priority = text(f, f->doc, "priority");
    struct tocsin_alert *alert;

    if (rule[0] == '\0')
        return f->host->fail(f->err, TOCSIN_MEANINGLESS, "$.rule", "expected the rule's name");
    if (f->host->severity_of(priority) == TOCSIN_SEV_NONE)
        return f->host->fail(f->err, TOCSIN_MEANINGLESS, "$.priority",
                             "unknown priority '%.60s'; expected Emergency, Alert, Critical, Error, Warning, Notice, "
                             "Informational or Debug",
                             priority);
    if (fields != NULL && !json_is_null(fields) && !json_is_object(fields))
        return f->host->fail(f->err, TOCSIN_MEANINGLESS, "$.output_fields", "expected an object");
    alert = f->host->alert_new(f->out);
    alert->status = TOCSIN_FIRING;
    alert->severity = f->host->severity_of(priority);
    alert->dedup_key = f->host->batch_printf(f->out, "%s/%s/%s", host, rule, text(f, fields, "container.id"));
    alert->summary =
        output[0] != '\0'
            ? f->host->batch_printf(f->out, "%s%s%s", host, host[0] != '\0' ? ": " : "", shorten(output, priority))
            : f->host->batch_printf(f->out, "%s%s%s", host, host[0] != '\0' ? ": " : "", rule);
    alert->starts_at = f->host->time_of(json_string_value(json_object_get(f->doc, "time")));
    alert->expires_at = f->received_at + DAY_MS;
    f->host->alert_label(f->out, alert, "rule", rule);
    f->host->alert_label(f->out, alert, "host", host);
    f->host->alert_label(f->out, alert, "priority", priority);
    f->host->alert_label_json(f->out, alert, "source", json_object_get(f->doc, "source"));
    f->host->alert_label(f->out, alert, "tags", joined(f, json_object_get(f->doc, "tags")));
    read_fields(f, alert);
    f->host->alert_annotation(f->out, alert, "output", output);
    return TOCSIN_OK;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct falco f = { host, out, err, in->received_at, NULL };
    json_t *doc;
    enum tocsin_rc rc = host->parse_json(in->body, in->len, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    f.doc = doc;
    rc = read_event(&f);
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "falco",
    .summary = "Falco's http_output and Falcosidekick's webhook",
    .decode = decode,
};
