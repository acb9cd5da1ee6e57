/* SPDX-License-Identifier: Apache-2.0 */
/*
 * azure.h - what the readers of Azure Monitor's many shapes share.
 *
 * Azure writes the same member as `data`, `Data` or `DATA`, depending on the
 * service and its age, so members are looked up without regard to case, at
 * every level.
 */
#ifndef AZURE_H
#define AZURE_H

#include <tocsin/plugin.h>

struct azure {
    const struct tocsin_host *host;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    int64_t received_at;
};

/* resource.c: members, resources, conditions */
const json_t *azure_get(const json_t *object, const char *name);
/* Text of a scalar member; "" when missing. */
const char *azure_text(const struct azure *, const json_t *object, const char *name);
bool azure_is(const struct azure *, const json_t *object, const char *name, const char *word);
int64_t azure_time(const struct azure *, const json_t *object, const char *name);
const char *azure_lower(const struct azure *, const char *);
/* What an id says: labels subscription, resource_group, resource_type, resource; and a link to the portal. */
void azure_resource(const struct azure *, struct tocsin_alert *, const char *id);
/* The last part of an id: the resource's name. */
const char *azure_name(const char *id);
/* Metric or log criteria: labels metric and dimension_<name>, annotations condition and query. */
void azure_condition(const struct azure *, struct tocsin_alert *, const json_t *condition);
void azure_dimensions(const struct azure *, struct tocsin_alert *, const json_t *dimensions);
/* |name=value for each dimension: the part of an identity that tells instances of one rule apart. */
const char *azure_dimension_key(const struct azure *, const json_t *condition);
/* Azure will never say that it is over: it ends a day after it was last heard of. */
void azure_ends_by_itself(const struct azure *, struct tocsin_alert *);
/* What users attach to a rule: scalars become labels, as many as there is room for. */
void azure_custom(const struct azure *, struct tocsin_alert *, const json_t *properties);

/* event.c: activity log entries, which come in both schemas */
enum azure_event { AZURE_EVENT_OTHER, AZURE_EVENT_RESOURCE_HEALTH, AZURE_EVENT_SERVICE_HEALTH };
enum azure_event azure_event_kind(const struct azure *, const json_t *event);
enum tocsin_status azure_event_status(const struct azure *, const json_t *event);
/* Equal while a problem opens, changes and ends, in both schemas; NULL when the entry has no such thing. */
const char *azure_event_key(const struct azure *, const json_t *event, const char *resource_id);
void azure_event_details(const struct azure *, struct tocsin_alert *, const json_t *event);
enum tocsin_rc azure_activity_log(const struct azure *, const json_t *event);

/* common.c, legacy.c: one payload each */
enum tocsin_rc azure_common(const struct azure *, const json_t *data, const json_t *essentials);
enum tocsin_rc azure_metric(const struct azure *, const json_t *root, const char *path);
enum tocsin_rc azure_log(const struct azure *, const json_t *data);
enum tocsin_rc azure_budget(const struct azure *, const json_t *data);

#endif
