/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dcgm.c - fields of DCGM as one flat object for each GPU:
 *
 *   {"Hostname": "train-07", "gpu": "3", "UUID": "GPU-...", "DCGM_FI_DEV_XID_ERRORS": 79, ...}
 *
 * Only the fields whose value alone says that something is broken become
 * alerts: anything but 0 fires, 0 resolves.  All others are left to a metrics
 * store, which has the thresholds and the history.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu.h"

static const struct { const char *field; enum tocsin_severity severity; const char *words; } fields[] = {
    { "DCGM_FI_DEV_XID_ERRORS", TOCSIN_ERROR, "Xid" },
    { "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", TOCSIN_CRITICAL, "uncorrectable ECC errors" },
    { "DCGM_FI_DEV_ROW_REMAP_FAILURE", TOCSIN_CRITICAL, "row remapping failed" },
    { "DCGM_FI_DEV_ROW_REMAP_PENDING", TOCSIN_WARNING, "row remapping waits for a reset" },
    { "DCGM_FI_DEV_RETIRED_PENDING", TOCSIN_WARNING, "page retirement waits for a reset" },
};

bool
dcgm_is(const json_t *sample)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)sample, name, value)
        if (strncmp(name, "DCGM_FI_", 8) == 0)
            return true;
    return false;
}

static const char *
first_of(const struct gpu *g, const json_t *sample, const char *const *names)
{
    const char *value = "";

    for (; value[0] == '\0' && *names != NULL; names++)
        value = gpu_text(g, sample, *names);
    return value;
}

struct device { const char *node, *index, *uuid, *pci, *model; };

static void
add(const struct gpu *g, size_t i, const struct device *d, const char *number)
{
    bool is_xid = strcmp(fields[i].words, "Xid") == 0, firing = strtod(number, NULL) != 0;
    const char *which = d->index[0] != '\0' ? d->index : d->uuid;
    struct tocsin_alert *alert = g->host->alert_new(g->out);

    alert->status = firing ? TOCSIN_FIRING : TOCSIN_RESOLVED;
    alert->severity = fields[i].severity;
    alert->dedup_key = g->host->batch_printf(g->out, "%s/%s/%s", d->node, d->uuid[0] != '\0' ? d->uuid : d->index,
                                             fields[i].field);
    alert->summary = g->host->batch_printf(g->out, "GPU %s%s%s: %s%s%s", which, d->node[0] != '\0' ? " on " : "",
                                           d->node, is_xid && !firing ? "no Xid" : fields[i].words,
                                           is_xid && firing ? " " : "", is_xid && firing ? number : "");
    g->host->alert_label(g->out, alert, "host", d->node);
    g->host->alert_label(g->out, alert, "gpu", d->index);
    g->host->alert_label(g->out, alert, "gpu_uuid", d->uuid);
    g->host->alert_label(g->out, alert, "pci", d->pci);
    g->host->alert_label(g->out, alert, "model", d->model);
    g->host->alert_label(g->out, alert, "field", fields[i].field);
    if (is_xid && firing)
        g->host->alert_label(g->out, alert, "xid", number);
    g->host->alert_annotation(g->out, alert, "value", number);
}

enum tocsin_rc
dcgm_read(const struct gpu *g, const json_t *sample)
{
    static const char *const indexes[] = { "gpu", "GPU", "gpu_id", NULL };
    static const char *const uuids[] = { "UUID", "uuid", "gpu_uuid", NULL };
    static const char *const pcis[] = { "pci_bus_id", "pci", NULL };
    static const char *const models[] = { "modelName", "model", NULL };
    struct device d = { gpu_node(g, sample), first_of(g, sample, indexes), first_of(g, sample, uuids),
                        first_of(g, sample, pcis), first_of(g, sample, models) };

    if (d.index[0] == '\0' && d.uuid[0] == '\0')
        return g->host->fail(g->err, TOCSIN_MEANINGLESS, g->path, "expected 'gpu' or 'UUID': which GPU is it?");
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const json_t *value = json_object_get(sample, fields[i].field);
        const char *number = g->host->text(g->out, value);
        char where[120], *end;

        if (value == NULL || json_is_null(value))
            continue;
        (void)strtod(number, &end);
        if (number[0] == '\0' || *end != '\0') {
            snprintf(where, sizeof where, "%s.%s", g->path, fields[i].field);
            return g->host->fail(g->err, TOCSIN_MEANINGLESS, where, "expected a number");
        }
        add(g, i, &d, number);
    }
    return TOCSIN_OK;
}
