/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - the health of a node's GPUs: gpud's components, or fields of DCGM;
 * one object or an array of them.
 *
 * Neither says which node it is from, unless something on the way adds it.
 */
#include <stdio.h>
#include <string.h>

#include "gpu.h"

const char *
gpu_text(const struct gpu *g, const json_t *object, const char *name)
{
    return g->host->text(g->out, json_object_get(object, name));
}

const char *
gpu_node(const struct gpu *g, const json_t *object)
{
    static const char *const names[] = { "host", "Hostname", "hostname", "node", "machine_id" };
    const char *asked = g->in->query(g->in, "host");

    for (size_t i = 0; i < g->in->n_topic_labels; i++)
        if (strcmp(g->in->topic_labels[i].name, "host") == 0 || strcmp(g->in->topic_labels[i].name, "node") == 0)
            return g->in->topic_labels[i].value;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (gpu_text(g, object, names[i])[0] != '\0')
            return gpu_text(g, object, names[i]);
    if (asked == NULL)
        g->host->batch_note(g->out, "nothing says which node it is: give the topic a wildcard '+host', or the "
                                    "address '?host=NAME'");
    return asked != NULL ? asked : "";
}

static enum tocsin_rc
read_object(const struct gpu *g, const json_t *object)
{
    if (!json_is_object(object))
        return g->host->fail(g->err, TOCSIN_MEANINGLESS, g->path, "expected an object");
    return dcgm_is(object) ? dcgm_read(g, object) : gpud_read(g, object);
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct gpu g = { host, in, out, err, "$" };
    char path[40];
    json_t *doc, *item;
    size_t i;
    enum tocsin_rc rc = host->parse_json(in->body, in->len, &doc, err);

    (void)self;
    if (rc != TOCSIN_OK)
        return rc;
    if (!json_is_array(doc))
        rc = read_object(&g, doc);
    json_array_foreach(doc, i, item) {
        snprintf(path, sizeof path, "$[%zu]", i);
        g.path = path;
        rc = read_object(&g, item);
        if (rc != TOCSIN_OK)
            break;
    }
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "gpu",
    .summary = "health of a node's GPUs: gpud's states and events, fields of DCGM",
    .decode = decode,
};
