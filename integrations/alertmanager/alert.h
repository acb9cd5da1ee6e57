/* SPDX-License-Identifier: Apache-2.0 */
/* alert.h - one alert's text, read alike from a webhook (decode.c) and from what is posted as to Alertmanager (intake.c). */
#ifndef ALERTMANAGER_ALERT_H
#define ALERTMANAGER_ALERT_H

#include <tocsin/plugin.h>

enum { ALERT_PAIRS_MAX = 60 };     /* labels, and annotations: below the host's 64, for what it adds itself */

struct frame {                     /* what an alert gets from the document around it */
    const struct tocsin_host *host;
    const struct tocsin_payload *in;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    const char *group, *external_url, *status;
    const json_t *common;          /* annotations that all alerts have */
    const char *list;              /* where the alerts stand: "$", "$.alerts" */
    size_t index;                  /* of the alert at work */
};

/* Severity, labels, annotations, summary and links. */
void alert_read_text(const struct frame *, const json_t *item, struct tocsin_alert *);

/* intake.c */
extern const struct tocsin_route intake_routes[];
enum tocsin_rc intake_open(const struct tocsin_host *, const struct tocsin_settings *, void **self_r,
                           struct tocsin_err *);
void intake_close(void *self);
enum tocsin_rc intake_take(void *self, const struct tocsin_host *, struct tocsin_call *, struct tocsin_err *);
void intake_answer(void *self, const struct tocsin_host *, struct tocsin_call *, const struct tocsin_results *);
void intake_refuse(const struct tocsin_host *, struct tocsin_call *, const struct tocsin_err *);

#endif
