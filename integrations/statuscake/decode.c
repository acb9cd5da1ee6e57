/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - StatusCake's webhook: a form, or the query of a GET; the same fields as JSON are read as well.
 *
 * The form has two names for some fields, older and newer; TestID is missing
 * in some alerts, so a check is then known by its name and address.
 */
#include <string.h>
#include <strings.h>

#include <tocsin/plugin.h>

struct cake {
    const struct tocsin_host *host;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    const json_t *doc;
};

static const char *
text(const struct cake *c, const char *name, const char *other)
{
    const char *s = c->host->text(c->out, json_object_get(c->doc, name));

    return s[0] != '\0' || other == NULL ? s : c->host->text(c->out, json_object_get(c->doc, other));
}

static enum tocsin_rc
read_alert(const struct cake *c)
{
    const char *id = text(c, "TestID", "test_id"), *name = text(c, "Name", "name"), *url = text(c, "URL", "url");
    const char *status = text(c, "Status", "status"), *code = text(c, "StatusCode", "status_code");
    bool up = strcasecmp(status, "Up") == 0, down = strcasecmp(status, "Down") == 0;
    struct tocsin_alert *alert;

    if (!up && !down)
        return c->host->fail(
            c->err, TOCSIN_MEANINGLESS, "$.Status",
            status[0] != '\0' ? "unknown status '%.60s'; expected Up or Down" : "expected Up or Down%s", status);
    if (id[0] == '\0' && name[0] == '\0' && url[0] == '\0')
        return c->host->fail(c->err, TOCSIN_MEANINGLESS, "$.TestID", "expected 'TestID', 'Name' or 'URL'");
    alert = c->host->alert_new(c->out);
    alert->status = up ? TOCSIN_RESOLVED : TOCSIN_FIRING;
    alert->dedup_key = id[0] != '\0' ? id
                                     : c->host->batch_printf(c->out, "%s%s%s", name,
                                                             name[0] != '\0' && url[0] != '\0' ? " " : "", url);
    if (name[0] == '\0')
        name = url[0] != '\0' ? url : id;
    alert->summary = code[0] != '\0' && strcmp(code, "0") != 0
                         ? c->host->batch_printf(c->out, "%s is %s (status code %s)", name, status, code)
                         : c->host->batch_printf(c->out, "%s is %s", name, status);
    c->host->alert_label(c->out, alert, "check", name);
    c->host->alert_label(c->out, alert, "method", text(c, "Method", "method"));
    c->host->alert_label(c->out, alert, "tags", text(c, "Tags", "tags"));
    c->host->alert_label(c->out, alert, "status_code", strcmp(code, "0") != 0 ? code : "");
    c->host->alert_annotation(c->out, alert, "ip", text(c, "IP", "ip"));
    c->host->alert_annotation(c->out, alert, "check_rate", text(c, "Checkrate", "check_rate"));
    c->host->alert_annotation(c->out, alert, "url", url);
    c->host->alert_link(c->out, alert, url, "monitored");
    return TOCSIN_OK;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct cake c = { host, out, err, NULL };
    json_t *doc;
    enum tocsin_rc rc = host->parse_form(in, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    c.doc = doc;
    rc = read_alert(&c);
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "statuscake",
    .summary = "StatusCake's webhook: form or query",
    .flags = TOCSIN_TAKES_QUERY,
    .decode = decode,
};
