/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resource.c - members, resource ids and conditions.
 *
 * An id is /subscriptions/S/resourceGroups/G/providers/NS/TYPE/NAME[/TYPE/NAME...].  Its
 * case changes between services and is without meaning, so labels made from
 * it are in lower case: a rule can compare them.
 */
#include "azure.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

const json_t *
azure_get(const json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    const char *key;

    if (value != NULL)
        return value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
        if (strcasecmp(key, name) == 0)
            return value;
    return NULL;
}

const char *
azure_text(const struct azure *az, const json_t *object, const char *name)
{
    return az->host->text(az->out, azure_get(object, name));
}

bool
azure_is(const struct azure *az, const json_t *object, const char *name, const char *word)
{
    return strcasecmp(azure_text(az, object, name), word) == 0;
}

int64_t
azure_time(const struct azure *az, const json_t *object, const char *name)
{
    return az->host->time_of(azure_text(az, object, name));
}

const char *
azure_lower(const struct azure *az, const char *s)
{
    char *copy = az->host->batch_printf(az->out, "%s", s);

    for (char *p = copy; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    return copy;
}

/* --- resources ------------------------------------------------------------------------- */

const char *
azure_name(const char *id)
{
    const char *slash = strrchr(id, '/');

    return slash != NULL ? slash + 1 : id;
}

/* The part of an id (in lower case) behind /name/, up to the next slash; "" when it is not there. */
static const char *
part(const struct azure *az, const char *id, const char *name)
{
    const char *p = strstr(id, name);

    if (p == NULL)
        return "";
    p += strlen(name);
    return az->host->batch_printf(az->out, "%.*s", (int)strcspn(p, "/"), p);
}

/* microsoft.compute/virtualmachines of .../providers/microsoft.compute/virtualmachines/web01 */
static const char *
type_of(const struct azure *az, const char *id)
{
    static const char providers[] = "/providers/";
    const char *p = strstr(id, providers);
    size_t n;

    if (p == NULL)
        return "";
    p += sizeof providers - 1;
    n = strcspn(p, "/");
    if (p[n] == '/')
        n += 1 + strcspn(p + n + 1, "/");
    return az->host->batch_printf(az->out, "%.*s", (int)n, p);
}

void
azure_resource(const struct azure *az, struct tocsin_alert *alert, const char *id)
{
    const char *lower = azure_lower(az, id);

    if (id[0] != '/')
        return;
    az->host->alert_label(az->out, alert, "subscription", part(az, lower, "/subscriptions/"));
    az->host->alert_label(az->out, alert, "resource_group", part(az, lower, "/resourcegroups/"));
    az->host->alert_label(az->out, alert, "resource_type", type_of(az, lower));
    az->host->alert_label(az->out, alert, "resource", azure_name(lower));
    az->host->alert_link(az->out, alert, az->host->batch_printf(az->out, "https://portal.azure.com/#resource%s", id),
                         "resource");
}

/* --- conditions ---------------------------------------------------------------------------- */

void
azure_dimensions(const struct azure *az, struct tocsin_alert *alert, const json_t *dimensions)
{
    json_t *item;
    size_t i;

    json_array_foreach(dimensions, i, item) {
        const char *name = azure_text(az, item, "name");

        if (name[0] != '\0')
            az->host->alert_label_json(az->out, alert, az->host->batch_printf(az->out, "dimension_%s", name),
                                       azure_get(item, "value"));
    }
}

const char *
azure_dimension_key(const struct azure *az, const json_t *condition)
{
    const char *key = "";
    json_t *criterion, *item;
    size_t i, j;

    json_array_foreach(azure_get(condition, "allOf"), i, criterion)
        json_array_foreach(azure_get(criterion, "dimensions"), j, item)
            key = az->host->batch_printf(az->out, "%s|%s=%s", key, azure_text(az, item, "name"),
                                         azure_text(az, item, "value"));
    return key;
}

static bool
has(const char *s)
{
    return s[0] != '\0';
}

/* "Percentage CPU GreaterThan 80 (Average over PT5M), value 97.5" */
static const char *
describe(const struct azure *az, const json_t *criterion, const char *window)
{
    const char *measure = azure_text(az, criterion, "metricName");
    const char *aggregation = azure_text(az, criterion, "timeAggregation");
    const char *threshold = azure_text(az, criterion, "threshold");
    const char *value = azure_text(az, criterion, "metricValue"), *text;

    if (!has(measure))
        measure = azure_text(az, criterion, "metricMeasureColumn");
    text = az->host->batch_printf(az->out, "%s %s%s%s", has(measure) ? measure : "results",
                            azure_text(az, criterion, "operator"), has(threshold) ? " " : "", threshold);
    if (has(aggregation) && has(window) && strcmp(aggregation, window) != 0)
        text = az->host->batch_printf(az->out, "%s (%s over %s%s)", text, aggregation, window,
                                window[0] == 'P' ? "" : " min");     /* classic alerts write bare minutes */
    if (has(value))
        text = az->host->batch_printf(az->out, "%s, value %s", text, value);
    return text;
}

void
azure_condition(const struct azure *az, struct tocsin_alert *alert, const json_t *condition)
{
    const json_t *all = azure_get(condition, "allOf");
    const char *window = azure_text(az, condition, "windowSize"), *text = "";
    json_t *criterion;
    size_t i;

    if (!json_is_array(all) && azure_get(condition, "metricName") != NULL) {     /* classic: one criterion, in place */
        az->host->alert_label_json(az->out, alert, "metric", azure_get(condition, "metricName"));
        az->host->alert_annotation(az->out, alert, "condition", describe(az, condition, window));
        return;
    }
    json_array_foreach(all, i, criterion) {
        if (i == 0)
            az->host->alert_label_json(az->out, alert, "metric", azure_get(criterion, "metricName"));
        azure_dimensions(az, alert, azure_get(criterion, "dimensions"));
        text = az->host->batch_printf(az->out, "%s%s%s", text, i > 0 ? "; " : "", describe(az, criterion, window));
        az->host->alert_annotation_json(az->out, alert, "query", azure_get(criterion, "searchQuery"));
        az->host->alert_link(az->out, alert, azure_text(az, criterion, "linkToFilteredSearchResultsUI"), "results");
    }
    az->host->alert_annotation(az->out, alert, "condition", text);
}

void
azure_ends_by_itself(const struct azure *az, struct tocsin_alert *alert)
{
    enum { DAY_MS = 24 * 3600 * 1000 };

    if (alert->status == TOCSIN_FIRING)
        alert->expires_at = az->received_at + DAY_MS;
}

void
azure_custom(const struct azure *az, struct tocsin_alert *alert, const json_t *properties)
{
    enum { LABELS_MAX = 44 };                /* of 64: the alert's own come behind */
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)properties, name, value)
        if (alert->n_labels < LABELS_MAX)
            az->host->alert_label_json(az->out, alert, name, value);
}
