/* SPDX-License-Identifier: Apache-2.0 */
/* opsgenie.h - one configured notifier, shared by notify.c (the conversation) and document.c (what is said). */
#ifndef OPSGENIE_H
#define OPSGENIE_H

#include <tocsin/plugin.h>

struct opsgenie {
    const struct tocsin_host *host;
    const char *url, *key;
    const char *source, *user, *entity_label;
    bool jsm;                      /* Jira Service Management's integration API: no updates, no un-acknowledgement */
    const char *priority[TOCSIN_CRITICAL + 1];
    const char *const *teams;      size_t n_teams;
    const char *const *responders; size_t n_responders;
    const char *const *tags;       size_t n_tags;
    const char *const *actions;    size_t n_actions;
};

/* "team:NAME", "team-id:UUID", "user:MAIL", "escalation:NAME", "schedule:NAME"; NULL when it is none of these. */
json_t *responder_of(const char *text);

json_t *create_document(const struct opsgenie *, struct tocsin_request *, const struct tocsin_incident *);
const char *message_text(const struct opsgenie *, struct tocsin_request *, const struct tocsin_incident *);
const char *description_text(const struct opsgenie *, struct tocsin_request *, const struct tocsin_incident *);
const char *priority_of(const struct opsgenie *, const struct tocsin_incident *);
/* Body of acknowledge, unacknowledge, close and notes. */
json_t *action_document(const struct opsgenie *, struct tocsin_request *, const struct tocsin_job *);

#endif
