/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eventbridge.h - the parts of the Amazon EventBridge integration.
 *
 * decode.c takes the frame apart and picks a reader by detail-type.  outcome.c reads what has
 * one word for its outcome, by a table; the others read what needs more: alarm.c,
 * finding.c (Health, GuardDuty, Security Hub), compute.c (EC2, ECS, RDS).
 */
#ifndef AWS_EVENTBRIDGE_H
#define AWS_EVENTBRIDGE_H

#include <tocsin/plugin.h>

#define EB_HOUR ((int64_t)3600000)

struct eb_event {                  /* one event being read; texts are "" where the event does not say */
    const struct tocsin_host *host;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    const json_t *detail;
    const char *path;              /* where it stands: "$", or "$[3]" */
    const char *type;              /* detail-type */
    const char *source, *region, *account;
    const char *resource;          /* resources[0], an ARN as a rule */
    const char *id;
    int64_t time, received_at;
};

/* decode.c */
const char *eb_text(const struct eb_event *, const json_t *object, const char *name);
/* The part behind the last '/' or ':' of an ARN; the whole of anything else. */
const char *eb_name(const char *arn);
/* The first of two texts that is not empty. */
const char *eb_or(const char *a, const char *b);
/* An alert with the labels that all events have, its time put where the status wants it. */
struct tocsin_alert *eb_alert(const struct eb_event *, enum tocsin_status, enum tocsin_severity, const char *key);
void eb_label(const struct eb_event *, struct tocsin_alert *, const char *name, const char *value);
void eb_note(const struct eb_event *, struct tocsin_alert *, const char *name, const json_t *value);
/* Firing alerts of sources that never say that it is over. */
void eb_expire(const struct eb_event *, struct tocsin_alert *, int64_t after);

typedef enum tocsin_rc eb_reader(const struct eb_event *);

eb_reader eb_alarm;                /* alarm.c */
eb_reader eb_health, eb_guardduty, eb_security_hub;          /* finding.c */
eb_reader eb_ec2_state, eb_spot, eb_rebalance, eb_ecs_action, eb_ecs_task, eb_rds;     /* compute.c */
eb_reader eb_outcome;              /* outcome.c */

#endif
