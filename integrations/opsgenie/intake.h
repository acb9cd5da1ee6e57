/* SPDX-License-Identifier: Apache-2.0 */
/* intake.h - the alert API as a way in: intake.c (requests), intake_alert.c (alerts), intake_reply.c (answers). */
#ifndef OPSGENIE_INTAKE_H
#define OPSGENIE_INTAKE_H

#include <tocsin/plugin.h>

enum route { CREATE_ALERT = 1, LIST_ALERTS, COUNT_ALERTS, REQUEST_STATUS, GET_ALERT, DELETE_ALERT, RUN_ACTION, ACT_ON,
             CHANGE_FIELD, REMOVE_PART };

/* What a write is called in the status of its request; the place in the table is kept in request ids. */
enum deed { DEED_NONE, DEED_CREATE, DEED_CLOSE, DEED_DELETE, DEED_ACK, DEED_UNACK, DEED_SNOOZE, DEED_NOTE,
            DEED_ESCALATE, DEED_UPDATE, DEEDS };

struct write {                     /* call->state */
    enum deed deed;
    bool by_alert;                 /* the outcome is that of the alert, not of the first action */
};

extern const struct tocsin_route intake_routes[];
enum tocsin_rc intake_identify(const struct tocsin_host *, struct tocsin_call *, const char **credential_r,
                               struct tocsin_err *);
enum tocsin_rc intake_take(void *self, const struct tocsin_host *, struct tocsin_call *, struct tocsin_err *);

/* intake_alert.c */
enum tocsin_rc create_alert(const struct tocsin_host *, struct tocsin_call *, json_t *doc, struct tocsin_err *);
/* The stored alert once more, with one field changed: "message", "description" or "priority". */
enum tocsin_rc change_alert(const struct tocsin_host *, struct tocsin_call *, const struct tocsin_known *,
                            const char *field, const char *value, struct tocsin_err *);
/* As GET shows it; short: as in a list. */
json_t *alert_document(const struct tocsin_host *, struct tocsin_call *, const struct tocsin_known *, bool brief);
const char *alert_id(const struct tocsin_host *, struct tocsin_call *, const struct tocsin_known *);

/* intake_reply.c */
void intake_answer(void *self, const struct tocsin_host *, struct tocsin_call *, const struct tocsin_results *);
void intake_refuse(const struct tocsin_host *, struct tocsin_call *, const struct tocsin_err *);
/* {"data": data, took, requestId}; takes the reference. */
void reply_data(const struct tocsin_host *, struct tocsin_call *, json_t *data);
enum tocsin_rc reply_status(const struct tocsin_host *, struct tocsin_call *, const char *request,
                            struct tocsin_err *);

#endif
