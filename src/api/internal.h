/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal.h - what the files of this folder share.
 *
 * A request becomes a struct call: the route that it matched, who sent it and
 * the one variable part of its path.  A handler answers the call, before it
 * returns or later.  Everything that a call points to lives in the arena of
 * its request.
 */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>

#include <jansson.h>

#include "api/api.h"

struct arena;

enum {
    API_BODY_MAX = 65536,          /* of the requests that this folder reads itself */
    API_LIMIT_DEFAULT = 50, API_LIMIT_MAX = 500,
    API_Q_MAX = 256, API_BY_MAX = 128, API_NOTE_MAX = 4096,
    API_MAX_ALERTS = 500, API_MAX_EVENTS = 1000       /* in one incident's document */
};

/* Of the Alertmanager whose API is served: clients compare it with their own. */
#define API_FOREIGN_VERSION "0.25.0"

struct api {
    const struct api_deps *deps;
    _Atomic(struct http_server *) http;
};

struct caller {
    enum conf_role role;
    const char *token;             /* its name; NULL: a local peer where no tokens are configured, or nobody */
};

struct call {
    struct api *api;
    struct http_request *req;
    const struct route *route;
    const char *arg;               /* what stands for {...} in the pattern; "" */
    struct caller caller;
    bool foreign;                  /* a path of Alertmanager's API */
};

typedef void (*route_handler)(struct call *);

struct param { const char *name, *type, *help; };     /* a table ends with name NULL */

struct route {
    const char *method, *pattern;  /* at most one {variable} segment */
    enum conf_role role;           /* ROLE_NONE: everybody */
    bool local_ok;                 /* local peers need no token */
    bool page;                     /* HTML for people: problems are pages as well, and Basic carries a token */
    route_handler handler;
    enum action action;            /* of the six action routes */
    /* for openapi.c */
    const char *id, *summary;
    const struct param *query;
    const char *body, *answer;     /* schema names; NULL: none, or text of `type` */
    const char *type;              /* media type of the answer; NULL: application/json */
    int status;                    /* of success; 0: 200 */
};

/* routes.c */
const struct route *route_table(size_t *n_out);
/* NULL: allow then holds the methods that the path has ("" when there is no such path). */
const struct route *route_match(const char *method, const char *path, struct arena *, const char **arg_r, char *allow,
                                size_t allow_size);

/* auth.c: TOCSIN_OK and who it is, or 401/403 with words. */
enum tocsin_rc auth_check(const struct conf *, struct http_request *, const struct route *, struct caller *who_r,
                          struct tocsin_err *err);
/* The peer is this machine itself: no proxy in between, and no foreign page in a browser. */
bool auth_is_local(const struct http_request *);
const char *auth_role_name(enum conf_role);

/* params.c: values that strangers send.  Each error names the parameter or the JSON path. */
enum tocsin_rc param_limit(struct call *, size_t *out, struct tocsin_err *err);
struct word { const char *word; unsigned bits; };     /* a table ends with word NULL */
enum tocsin_rc param_words(struct call *, const char *name, const struct word *, unsigned *out, struct tocsin_err *err);
enum tocsin_rc param_text(struct call *, const char *name, size_t max, const char **out, struct tocsin_err *err);
/* An empty body gives an empty object.  The caller drops the reference. */
enum tocsin_rc param_body(struct call *, const char *const *known, json_t **out_r, struct tocsin_err *err);
/* The string member `name`, cleaned; NULL when it is missing. */
enum tocsin_rc param_member(struct call *, const json_t *body, const char *name, size_t max, const char **out_r,
                            struct tocsin_err *err);

/* The token's name; a person named in the body stands before it. */
enum tocsin_rc param_by(struct call *, const json_t *body, const char **by_r, struct tocsin_err *err);
/* `until` as a time, or `for` as a duration from now: just one of them. */
enum tocsin_rc param_until(struct call *, const json_t *body, const char *until_name, int64_t from, int64_t *until_r,
                           struct tocsin_err *err);

/* find.c: an incident by its full id or a unique end of it. */
enum tocsin_rc find_incident(struct call *, const char *text, struct id16 *out, struct tocsin_err *err);

/* api_incidents.c: the incident that the path names, with all that is shown of it. */
enum tocsin_rc incident_read(struct call *, struct incident_detail *out, struct tocsin_err *err);

/* api_pages.c: the refusal as a page; login: a browser may ask for a token. */
void page_refuse(struct call *, bool login, const struct tocsin_err *err);
bool page_is_wanted(const struct http_request *);

/* shapes.c: rows as the documents of the API.  New references; never NULL. */
json_t *shape_text(struct arena *, const char *);     /* "" and NULL are null */
json_t *shape_string(struct arena *, const char *);   /* NULL is "" */
json_t *shape_time(int64_t ms);                       /* 0 is null */
json_t *shape_id(const struct id16 *);                /* zero is null */
json_t *shape_incident(struct arena *, const struct incident_row *);
json_t *shape_detail(struct arena *, const struct incident_detail *);
json_t *shape_alert(struct arena *, const struct alert_row *, bool in_incident);
const char *shape_state(unsigned incident_state);
const char *shape_status(unsigned alert_state);

/* silences.c: what the REST API and Alertmanager's share */
json_t *shape_silence(struct arena *, const struct silence_row *, int64_t now);
/* By the clock, as people see it: the turn that says so may be some milliseconds away. */
enum silence_phase silence_phase_at(const struct silence_row *, int64_t now);
const char *silence_phase_name(enum silence_phase);
/* Active ones (the next to end first), pending ones (the next to begin first), expired ones (the last to end first). */
void silences_sort(struct silence_row *, size_t n, int64_t now);
/* NOT_FOUND when there is none of this id. */
enum tocsin_rc silence_find(struct call *, struct arena *, const char *id, struct silence_row *out,
                            struct tocsin_err *err);

/* process.c */
struct process_figures { double resident_bytes; uint64_t open_fds; };
void process_read(struct process_figures *out);       /* what cannot be read stays 0 */

/* openapi.c, schemas.c */
json_t *openapi_document(void);
json_t *schema_all(void);

/* handlers */
void handle_incident_list(struct call *);
void handle_incident_get(struct call *);
void handle_incident_action(struct call *);
void handle_page_list(struct call *);
void handle_page_incident(struct call *);
void handle_page_style(struct call *);
void handle_alert_list(struct call *);
void handle_silence_list(struct call *);
void handle_silence_get(struct call *);
void handle_silence_post(struct call *);
void handle_silence_end(struct call *);
void handle_notifier_list(struct call *);
void handle_collector_list(struct call *);
void handle_metrics(struct call *);
struct buf;
/* The part of /metrics that is about heartbeats. */
void metrics_heartbeats(struct buf *, struct call *);
/* Open occurrences that are no alerts but heartbeats, waiting for their next beat. */
uint64_t heartbeats_waiting(struct call *);
void handle_healthy(struct call *);
void handle_ready(struct call *);
void handle_reload(struct call *);
void handle_openapi(struct call *);
void handle_version(struct call *);
void handle_root(struct call *);
void handle_heartbeat(struct call *);
void handle_heartbeat_list(struct call *);
void handle_webhook(struct call *);
void handle_alertmanager_status(struct call *);
void handle_alertmanager_receivers(struct call *);
void handle_alertmanager_v1(struct call *);
/* False: it is none, and nothing is answered. */
bool handle_alertmanager_preflight(struct call *);
/* 404, or 405 where the path takes the methods of allow. */
void handle_alertmanager_refusal(struct call *, const char *allow);
/* Does the client take JSON?  False: it was told 406. */
bool handle_alertmanager_accept(struct call *);
void handle_alertmanager_word(struct call *, int status, const struct tocsin_err *err);
void handle_alertmanager_silence_list(struct call *);
void handle_alertmanager_silence_get(struct call *);
void handle_alertmanager_silence_end(struct call *);
void handle_alertmanager_silence_post(struct call *);
void handle_alertmanager_alert_list(struct call *);
void handle_alertmanager_groups(struct call *);

void reply_text(struct call *, int status, const char *text);

#endif
