/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - Azure Monitor: which of its shapes is it?
 *
 * The common alert schema has data.essentials; the older ones are told by
 * schemaId where it is there, otherwise by the members that only they have.
 * Event Grid comes in between where it delivers an alert: it asks first whether
 * the endpoint wants it.
 */
#include <string.h>

#include "azure.h"

/* The event with which Event Grid validates a subscription, in its own schema: an array of one.  NULL: another. */
static const json_t *
validation_of(const struct azure *az, const json_t *root)
{
    const json_t *event = json_array_size(root) == 1 ? json_array_get(root, 0) : NULL;

    return azure_is(az, event, "eventType", "Microsoft.EventGrid.SubscriptionValidationEvent") ? event : NULL;
}

static enum tocsin_rc
validate(const struct azure *az, const json_t *event)
{
    const char *code = azure_text(az, azure_get(event, "data"), "validationCode");

    if (code[0] == '\0')
        return az->host->fail(az->err, TOCSIN_MEANINGLESS, "$[0].data.validationCode", "expected text");
    az->host->batch_reply(az->out, 200, json_pack("{s:s}", "validationResponse", code));
    az->host->batch_note(az->out, "validated a subscription of '%s'", azure_text(az, event, "topic"));
    return TOCSIN_OK;
}

static enum tocsin_rc
read_document(const struct azure *az, const json_t *root)
{
    const json_t *data = azure_get(root, "data");
    const json_t *essentials = azure_get(data, "essentials");
    const json_t *event = azure_get(azure_get(data, "context"), "activityLog");

    if (validation_of(az, root) != NULL)
        return validate(az, validation_of(az, root));
    if (!json_is_object(root))
        return az->host->fail(az->err, TOCSIN_MEANINGLESS, "$",
                              azure_get(json_array_get(root, 0), "eventType") != NULL
                              ? "expected an object; events of Event Grid are read by the format cloudevents"
                              : "expected an object");
    if (essentials != NULL)
        return azure_common(az, data, essentials);
    if (json_is_object(event))
        return azure_activity_log(az, event);
    if (json_is_object(azure_get(data, "context")))
        return azure_metric(az, data, "$.data");
    if (azure_get(data, "AlertRuleName") != NULL)
        return azure_log(az, data);
    if (azure_get(data, "BudgetName") != NULL)
        return azure_budget(az, data);
    if (azure_get(root, "AlertRuleName") != NULL)
        return azure_log(az, root);
    if (json_is_object(azure_get(root, "context")))
        return azure_metric(az, root, "$");
    return az->host->fail(az->err, TOCSIN_MEANINGLESS, "$",
                          "none of the shapes of Azure Monitor: neither 'data.essentials' nor 'data.context', "
                          "'data.AlertRuleName', 'data.BudgetName' or 'context'");
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct azure az = { host, out, err, in->received_at };
    json_t *root;
    enum tocsin_rc rc = host->parse_json(in->body, in->len, &root, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    rc = read_document(&az, root);
    json_decref(root);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "azure",
    .summary = "Azure Monitor's action groups: common alert schema and the older ones",
    .flags = TOCSIN_TAKES_ORIGIN,
    .decode = decode,
};
