/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin.h - what an integration (a vendor's folder) implements and may call.
 *
 * An integration is one exported const struct, `tocsin_plugin`.  Each of its
 * roles is a function pointer; a role that it does not play is NULL.
 * Integrations describe, the host sends: they open no socket, read no clock,
 * start no thread, and keep no state outside the instance made by open().
 * All functions but open() and close() may be called from several threads at
 * once on the same instance.
 *
 * Strings are NUL-terminated UTF-8 unless a length stands beside them.  Times
 * are milliseconds since 1970 UTC, 0 where unknown.  Everything passed in is
 * borrowed for the call; everything put out through the host is copied.
 *
 * Changelog of the ABI
 *   1  decode, verify, render, classify; host: up to escape
 *   2  tocsin_alert.record; host: record_new
 *      flags_of
 *      routes, identify, intake, answer, refuse; host: call_json to reply
 *      forward; host: source_of to batch_count
 *      host: parse_unredacted
 *      TOCSIN_TAKES_QUERY, TOCSIN_TAKES_ORIGIN; host: parse_form to batch_reply
 *      tocsin_alert.amends, .by
 *      tocsin_alert.number
 *      host: named_key; tocsin_alert.hidden, unkeyed
 */
#ifndef TOCSIN_PLUGIN_H
#define TOCSIN_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <tocsin/err.h>

#define TOCSIN_PLUGIN_ABI 2u
#define TOCSIN_EXPORT __attribute__((visibility("default")))

/* --- alerts: what decode() produces --------------------------------------- */

enum tocsin_status {
    TOCSIN_FIRING = 1,
    TOCSIN_RESOLVED,
    TOCSIN_UNKNOWN        /* the source does not know: recorded, neither pages nor resolves */
};

enum tocsin_severity {    /* in rising order; 0 means that the source gave no word */
    TOCSIN_SEV_NONE = 0,
    TOCSIN_INFO,
    TOCSIN_WARNING,
    TOCSIN_ERROR,
    TOCSIN_CRITICAL
};

struct tocsin_pair { const char *name; const char *value; };
struct tocsin_link { const char *href; const char *text; };   /* http(s) only; text may be NULL */

/*
 * One alert.  Made by host->alert_new(), filled through host->alert_*();
 * scalar members may be set directly.  In render() the same struct describes
 * an alert of an incident.
 */
struct tocsin_alert {
    enum tocsin_status status;
    enum tocsin_severity severity; /* set with host->severity_of(word), or directly */
    const char *dedup_key;         /* identity within the collector; NULL: hash of the labels */
    const char *summary;           /* one line; NULL: made from the labels */
    const char *group;             /* the source's own group, such as Alertmanager's groupKey; or NULL */
    int64_t starts_at;             /* when it began, by the source's clock; 0 unknown */
    int64_t ends_at;               /* resolved: when it ended; firing: 0 */
    int64_t expires_at;            /* firing: resolved by itself then if there is no news; 0 never */
    const struct tocsin_pair *labels;      size_t n_labels;
    const struct tocsin_pair *annotations; size_t n_annotations;
    const struct tocsin_link *links;       size_t n_links;
    uint32_t count;                /* render() only: how often it was reported */
    bool record;                   /* made by host->record_new(): a line of a log, see there */
    bool amends;                   /* says what is known of an open alert anew: no report to be counted, and opens none */
    const char *by;                /* resolved: the person who said so; NULL or "": the source itself */
    int64_t number;                /* intake() only: about this open occurrence (struct tocsin_known), whose dedup_key it
                                    * has from there, and about no other; 0: about whatever its key leads to */
    /* The host's: labels out of whose value redaction took something, with what stands for the value in keys. */
    const struct tocsin_pair *hidden;      size_t n_hidden;
    bool unkeyed;                  /* the host's: the source gave no key, dedup_key stands for the labels */
};

struct tocsin_batch;               /* opaque: where decode() puts alerts */

/* What arrived.  For MQTT content_type is NULL, topic is set and topic_labels
 * holds the named wildcards. */
struct tocsin_payload {
    const char *collector;         /* name of the configured collector */
    const char *body; size_t len;  /* after decompression; body[len] is '\0' */
    const char *content_type;      /* lower case, without parameters; or NULL */
    const char *topic;
    const struct tocsin_pair *topic_labels; size_t n_topic_labels;
    int64_t received_at;
    const char *(*header)(const struct tocsin_payload *in, const char *name); /* or NULL result */
    const char *(*query)(const struct tocsin_payload *in, const char *name);  /* or NULL result */
    const void *host_data;
    /* All of them, names in lower case, where the collector can list them (mappings see these); or NULL, 0. */
    const struct tocsin_pair *headers; size_t n_headers;
    const struct tocsin_pair *queries; size_t n_queries;
};

/* --- documents that verify() needs ----------------------------------------- */

struct tocsin_document {           /* one fetched https document, such as a certificate */
    char url[1024];
    const char *body; size_t len;  /* NULL until fetched */
};

/* --- source maps ------------------------------------------------------------ */

struct tocsin_generated {          /* a place in generated code */
    const char *folder;            /* from the settings: FOLDER/RELEASE/FILE.map, FOLDER/debug-id/ID.map */
    const char *release, *file;    /* as a stranger wrote them; what would leave the folder is not found */
    const char *debug_id;          /* NULL: none */
    unsigned line, column;         /* from 1 */
};

struct tocsin_source {             /* what it was made from; lives as long as the batch */
    const char *file;
    const char *name;              /* of the token there; NULL unknown */
    unsigned line, column;
    const char *text, *context;    /* the line; it and some around it, numbered; NULL: not in the map */
};

/* --- incidents: what render() is given ------------------------------------- */

enum tocsin_change {
    TOCSIN_TRIGGER = 1,   /* the vendor knows nothing of it yet */
    TOCSIN_UPDATE,        /* the vendor knows it; its text or severity changed, or it is to page again */
    TOCSIN_ACKNOWLEDGE,
    TOCSIN_UNACKNOWLEDGE,
    TOCSIN_NOTE,          /* note, note_by are set */
    TOCSIN_RESOLVE
};

enum tocsin_incident_state { TOCSIN_INC_TRIGGERED = 1, TOCSIN_INC_ACKNOWLEDGED, TOCSIN_INC_RESOLVED };

struct tocsin_incident {
    const char *id;                /* UUIDv7 text, 36 characters: the vendor's dedup key */
    const char *number;            /* short form for people, the id's last 8 characters */
    enum tocsin_incident_state state;
    enum tocsin_severity severity;
    const char *summary;
    const char *source;            /* name of the collector that opened it */
    const char *group_key;
    const char *policy;
    const char *url;               /* the incident on tocsin's page; NULL unless http.public_url is set */
    const char *by;                /* who acknowledged, un-acknowledged or resolved; never NULL */
    const char *note; const char *note_by;
    const char *vendor_ref;        /* what an earlier verdict gave as vendor_ref; or NULL */
    int64_t opened_at, acknowledged_at, resolved_at;
    unsigned step;                 /* step of the policy that told this target, from 0 */
    unsigned episode;
    const struct tocsin_alert *alerts; size_t n_alerts;  /* newest first, at most 20 */
    size_t n_firing, n_total;      /* alerts in the incident */
};

/*
 * One send of one change may take several requests (Opsgenie answers 202 and
 * is asked afterwards how it went).  `step` counts them from 0; `carry` is
 * what classify() left for the next one.  After a crash a send begins again
 * at step 0, so every sequence must be safe to repeat.
 */
struct tocsin_job {
    enum tocsin_change change;
    const struct tocsin_incident *incident;
    unsigned step;
    const char *carry;             /* "" at step 0 */
    int64_t now;                   /* when this version of the change was decided; equal on every retry */
};

struct tocsin_request;             /* opaque: filled through host->request_*() */

struct tocsin_response {
    int status;                    /* HTTP status, or 0 when there was none */
    bool sent;                     /* the request left this machine (so with status 0 its fate is unknown) */
    const char *body; size_t len;  /* at most 64 KiB; never NULL */
    const char *(*header)(const struct tocsin_response *r, const char *name);
    const char *error;             /* transport error text when status is 0 */
    const void *host_data;
};

enum tocsin_verdict {
    TOCSIN_DELIVERED = 1,
    TOCSIN_RETRY,                  /* same again later */
    TOCSIN_REJECTED,               /* the same again is useless: bad key, bad request */
    TOCSIN_UNCERTAIN,              /* sent, fate unknown: repeated; harmless where the vendor dedups */
    TOCSIN_CONTINUE                /* fine so far: render step + 1 after delay_ms */
};

struct tocsin_outcome {
    enum tocsin_verdict verdict;
    int64_t delay_ms;              /* RETRY: at least this long (Retry-After); CONTINUE: wait */
    char reason[256];              /* for people; what the vendor said */
    char vendor_ref[128];          /* the vendor's own id; "" keeps the old one */
    char carry[256];               /* CONTINUE: for the next step */
};

/* --- intakes: a vendor's own paths, imitated ------------------------------------ */

/*
 * One path that is served while a collector of type "intake" has this format.  A {variable} stands for one segment,
 * which is split off before percent-decoding; a slash at the end is optional.  A path that begins with {*} stands
 * below any prefix, none included.  A path of the API itself wins; so does a route that is written without {*}.
 * Below /v1/in/NAME each intake has all its paths once more, for itself alone.
 */
struct tocsin_route {              /* a table ends with method NULL */
    const char *method;            /* GET answers HEAD as well */
    const char *path;              /* "/v2/alerts/{identifier}/{verb}" */
    int id;                        /* the integration's own: which of its requests this is */
    int64_t body_max;              /* bytes, also unpacked; 0: http.body_max */
    size_t alerts_max;             /* that one request may bring, records of logs aside; 0: http.alerts_max */
};

/* One request to an intake, from identify() to answer() or refuse().  All that is made for it lives as long. */
struct tocsin_call {
    int route;                     /* id of the route */
    const char *id;                /* a fresh UUID: for request ids and for keys that a sender left out */
    const struct tocsin_payload *in;
    const struct tocsin_pair *path; size_t n_path;  /* the route's {variables} in their order, decoded; not {*} */
    const char *peer;              /* the sender's address */
    struct tocsin_batch *batch;    /* intake() adds alerts here */
    void *state;                   /* the integration's own, from call_alloc(); NULL at first */
    const void *host_data;
};

enum tocsin_act_kind {
    TOCSIN_ACT_ACK = 1, TOCSIN_ACT_UNACK, TOCSIN_ACT_RESOLVE /* the whole incident, by hand */, TOCSIN_ACT_SNOOZE,
    TOCSIN_ACT_NOTE, TOCSIN_ACT_ESCALATE
};

/* Somebody acts on the incident of the alert that is open under a dedup key of this collector. */
struct tocsin_act {
    enum tocsin_act_kind kind;
    const char *dedup_key;
    int64_t number;                /* only if this occurrence is the open one (struct tocsin_known); 0: whichever is */
    const char *by;                /* who; NULL: the collector */
    const char *note;              /* NOTE: needed; others: may be NULL */
    int64_t until;                 /* SNOOZE */
};

/* What became of an alert or an action that intake() added; they come in that order.  Records of logs are among them
 * only if a rule made them alerts, lines of one alert as one. */
struct tocsin_done {
    enum tocsin_rc rc;             /* actions: TOCSIN_OK; NOT_FOUND: nothing is open there; CONFLICT: not in this state */
    const char *dedup_key;
    const char *incident;          /* its id; "" none */
    int64_t number;                /* of the occurrence; 0 none */
};

struct tocsin_results {
    const struct tocsin_done *alerts;  size_t n_alerts;
    const struct tocsin_done *actions; size_t n_actions;
};

/* An occurrence of an alert as it is stored, with what is known of its incident. */
struct tocsin_known {
    const struct tocsin_alert *alert;
    int64_t number;                /* never used again */
    bool open;                     /* firing, and nobody has resolved its incident by hand */
    int64_t first_at, last_at;     /* reports, by our clock */
    const char *incident;          /* id; "" none, and then nothing below is set */
    enum tocsin_incident_state state;
    int64_t acknowledged_at, snoozed_until, resolved_at, updated_at;
    const char *acknowledged_by, *resolved_by;
};

struct tocsin_find {               /* alerts of this collector, newest first */
    const char *dedup_key;         /* NULL: any */
    int64_t number;                /* 0: any */
    bool open, closed;             /* which; both false: both */
    size_t skip, max;
};

/* --- settings --------------------------------------------------------------- */

enum tocsin_option_type {
    TOCSIN_OPT_STRING, TOCSIN_OPT_SECRET /* env:, file: or cred: reference */, TOCSIN_OPT_INT,
    TOCSIN_OPT_BOOL, TOCSIN_OPT_DURATION /* setting_int() gives milliseconds */,
    TOCSIN_OPT_LIST /* of strings */, TOCSIN_OPT_MAP /* group of strings */
};

struct tocsin_option {
    const char *name;              /* NULL ends the table */
    enum tocsin_option_type type;
    const char *def;               /* text form of the default; NULL: none; TOCSIN_REQUIRED: must be set */
    const char *help;
    const char *choices;           /* "us|eu", or NULL */
};
#define TOCSIN_REQUIRED "\1required"

struct tocsin_settings;

/* --- what the host offers ---------------------------------------------------- */

struct tocsin_host {
    uint32_t size;

    /* errors: fill *err and return rc, so that an error path is one line */
    enum tocsin_rc (*fail)(struct tocsin_err *err, enum tocsin_rc rc, const char *where,
                           const char *fmt, ...) __attribute__((format(printf, 4, 5)));

    /* settings: NULL / 0 / false when unset and without default */
    const char *(*setting)(const struct tocsin_settings *, const char *name);
    int64_t (*setting_int)(const struct tocsin_settings *, const char *name);
    bool (*setting_bool)(const struct tocsin_settings *, const char *name);
    size_t (*setting_list)(const struct tocsin_settings *, const char *name, const char *const **out_r);
    size_t (*setting_map)(const struct tocsin_settings *, const char *name, const struct tocsin_pair **out_r);

    /* JSON.  parse() enforces the depth and size limits, refuses duplicate keys, reads a BOM and
     * accepts \u0000; its errors carry line and column.  The caller drops the reference. */
    enum tocsin_rc (*parse_json)(const char *text, size_t len, json_t **out_r, struct tocsin_err *err);

    /* alerts.  All memory lives as long as the batch.  Values with control characters are cleaned,
     * NUL becomes U+FFFD, over-long ones are cut with a mark.  A NULL or empty value adds nothing. */
    struct tocsin_alert *(*alert_new)(struct tocsin_batch *);
    void (*alert_label)(struct tocsin_batch *, struct tocsin_alert *, const char *name, const char *value);
    void (*alert_label_json)(struct tocsin_batch *, struct tocsin_alert *, const char *name, const json_t *);
    void (*alert_annotation)(struct tocsin_batch *, struct tocsin_alert *, const char *name, const char *value);
    void (*alert_annotation_json)(struct tocsin_batch *, struct tocsin_alert *, const char *name, const json_t *);
    void (*alert_link)(struct tocsin_batch *, struct tocsin_alert *, const char *href, const char *text);
    /* not "printf": that is a macro where _FORTIFY_SOURCE is on */
    char *(*batch_printf)(struct tocsin_batch *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
    /* scalar JSON as text: strings as they are, numbers in decimal; "" for null, objects and arrays */
    const char *(*text)(struct tocsin_batch *, const json_t *);
    enum tocsin_severity (*severity_of)(const char *word);  /* TOCSIN_SEV_NONE when unknown */
    int64_t (*time_of)(const char *rfc3339);                /* 0 when not a time */
    /* ask the host for a GET of an https address once the batch is accepted (a subscription to confirm) */
    void (*batch_get)(struct tocsin_batch *, const char *url, const char *why);
    /* what to tell an operator about this payload, in the log and in explain */
    void (*batch_note)(struct tocsin_batch *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

    /* signatures.  mac is 32 raw bytes, or their hex or base64 text; the comparison takes constant time.
     * cert is PEM, the signer first, then any issuers; the chain is verified against the system's
     * authorities at `when`.  TOCSIN_UNAUTHORIZED: signature, dates or chain are wrong.  TOCSIN_NOT_FOUND:
     * all is well but that the signer's issuer is neither in cert nor among the authorities. */
    bool (*hmac_sha256_ok)(const char *key, size_t key_len, const char *data, size_t len, const char *mac,
                           size_t mac_len);
    enum tocsin_rc (*x509_verify)(const char *cert, size_t cert_len, const char *digest /* SHA1, SHA256 */,
                                  const char *data, size_t len, const char *signature_base64, int64_t when,
                                  struct tocsin_err *err);

    /* requests.  JSON bodies are dumped compactly; request_json drops the reference of doc, also on failure. */
    void (*request_http)(struct tocsin_request *, const char *method, const char *url);
    void (*request_header)(struct tocsin_request *, const char *name, const char *value);
    void (*request_json)(struct tocsin_request *, json_t *doc);
    void (*request_body)(struct tocsin_request *, const char *content_type, const char *body, size_t len);
    void (*request_log)(struct tocsin_request *, const char *line);       /* no network: a line in the log */
    /* sign the body as Standard Webhooks do, at the moment of sending: webhook-id, -timestamp, -signature */
    void (*request_sign)(struct tocsin_request *, const char *secret, const char *id);
    char *(*request_printf)(struct tocsin_request *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
    char *(*request_escape)(struct tocsin_request *, const char *text);   /* percent-encoded, for a path segment */
    /* cut at max code points or bytes, between code points; what was cut ends with U+2026 */
    char *(*request_cut)(struct tocsin_request *, const char *text, size_t max_chars);
    char *(*request_cut_bytes)(struct tocsin_request *, const char *text, size_t max_bytes);
    char *(*request_time)(struct tocsin_request *, int64_t when);         /* RFC 3339, milliseconds, Z */
    const char *(*severity_name)(enum tocsin_severity);                   /* "critical" ... "info" */

    /* An alert in the schema of the json format (integrations/json/README.md); path is where it stands: "$[3]". */
    enum tocsin_rc (*decode_schema)(struct tocsin_batch *, const json_t *alert, const char *path,
                                    struct tocsin_err *err);
    char *(*escape)(struct tocsin_batch *, const char *text);             /* percent-encoded, for a part of a link */

    /*
     * As alert_new(), for a record of a log: it is filled in the same way, but becomes an alert only if a
     * rule makes it one, and otherwise leaves nothing behind but a counter.  status is TOCSIN_FIRING already.
     */
    struct tocsin_alert *(*record_new)(struct tocsin_batch *);
    /* intakes (ABI 2).  call_json parses the body once; what it gives is borrowed, and gone when intake() returns. */
    enum tocsin_rc (*call_json)(struct tocsin_call *, json_t **out_r, struct tocsin_err *err);
    void *(*call_alloc)(struct tocsin_call *, size_t n);                  /* zeroed */
    char *(*call_printf)(struct tocsin_call *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
    char *(*call_time)(struct tocsin_call *, int64_t when);               /* RFC 3339, milliseconds, Z; "" for 0 */
    int64_t (*elapsed_us)(struct tocsin_call *);                          /* since the request came */
    /* During intake().  Actions and alerts are applied in the order in which they were added. */
    void (*act)(struct tocsin_call *, const struct tocsin_act *);
    /* The policy that the collector's `routes` give this name, as if a rule had set it; others are passed over. */
    void (*route_to)(struct tocsin_call *, const char *name);
    enum tocsin_rc (*find)(struct tocsin_call *, const struct tocsin_find *, const struct tocsin_known **out_r,
                           size_t *n_r, struct tocsin_err *err);
    enum tocsin_rc (*count)(struct tocsin_call *, const struct tocsin_find *, size_t *n_r, struct tocsin_err *err);
    /* The answer; the last one stands.  reply_json takes the reference of doc.  content_type NULL: none, for no body. */
    void (*reply_header)(struct tocsin_call *, const char *name, const char *value);
    void (*reply_json)(struct tocsin_call *, int status, json_t *doc);
    void (*reply)(struct tocsin_call *, int status, const char *content_type, const char *body, size_t len);

    /* TOCSIN_NOT_FOUND: no map, or the place is no part of any source. */
    enum tocsin_rc (*source_of)(struct tocsin_batch *, const struct tocsin_generated *, struct tocsin_source *out_r);
    /* 32 hexadecimal digits, another for each text: for keys that are made of much */
    char *(*digest)(struct tocsin_batch *, const char *text);
    /*
     * The bytes are kept with the batch, in one commit, and sent on until they are taken: forward() says where to.
     * what: for the log, if they are dropped in the end.
     */
    void (*batch_forward)(struct tocsin_batch *, const char *body, size_t len, const char *what);
    /* Things that came in and make no alert are counted by kind: "session".  kind is a constant. */
    void (*batch_count)(struct tocsin_batch *, const char *kind, unsigned n);
    /*
     * As parse_json(), but without what the collector redacts: for what must be as it was sent, such as an address that
     * is to be fetched or a name that is compared with the settings.  Nothing of it may get into an alert.
     */
    enum tocsin_rc (*parse_unredacted)(const char *text, size_t len, json_t **out_r, struct tocsin_err *err);
    /*
     * The fields of a form (application/x-www-form-urlencoded) as an object of text; of two with one name the last
     * counts.  A JSON object is read as well, for senders call either by the other's name; so is the query of a
     * request without a body.  Limits, errors and the reference as with parse_json.
     */
    enum tocsin_rc (*parse_form)(const struct tocsin_payload *in, json_t **out_r, struct tocsin_err *err);
    char *(*unescape)(struct tocsin_batch *, const char *text);           /* percent-decoded: escape() undone */
    /*
     * During decode(): the answer that a sender over HTTP gets instead of 202 once the batch is stored, for one that
     * wants to be told something.  Takes the reference of doc.
     */
    void (*batch_reply)(struct tocsin_batch *, int status, json_t *doc);
    /*
     * During intake(): to be called with a dedup key that comes from a path or a query before it is used in find(), an
     * action or an alert, with the member of the body in which the sender's alerts have it.  So what a collector
     * redacts there is recognised here as well.  Gives the key.
     */
    const char *(*named_key)(struct tocsin_call *, const char *member, const char *key);
};

/* --- what an integration exports ---------------------------------------------- */

#define TOCSIN_DEDUPES   1u   /* the vendor dedups by incident id.  An uncertain send is repeated in any case; without
                               * this flag the incident's timeline says that it may have arrived twice. */
#define TOCSIN_CAN_UNACK 2u   /* UNACKNOWLEDGE, or UPDATE after it, pages again */
#define TOCSIN_CAN_NOTE  4u
#define TOCSIN_CAN_ACK   8u   /* knows ACKNOWLEDGE; without it an ack is not told */
#define TOCSIN_PERSONAL  0x100u /* payloads hold what people typed: scrubbed unless the collector says otherwise */
/* What a webhook of this format takes beside POST and PUT; all others are told 405. */
#define TOCSIN_TAKES_QUERY  0x200u  /* GET: the query is the payload, the body is empty */
#define TOCSIN_TAKES_ORIGIN 0x400u  /* OPTIONS: a sender that names itself in WebHook-Request-Origin is told that it may
                                     * send (CloudEvents' HTTP webhooks, section 4) */
/* Of two members with one name in a payload the last counts, for those who add their own to what they pass on.  All
 * other JSON with such members is refused: nobody knows which one the sender meant. */
#define TOCSIN_LAST_COUNTS 0x800u

struct tocsin_plugin {
    uint32_t abi;                  /* first two members: they protect the rest */
    uint32_t size;
    uint32_t flags;
    const char *name;              /* its folder's name: a collector's `format`, a notifier's `plugin` */
    const char *summary;           /* one line for `tocsin options` */
    const struct tocsin_option *collector_options;  /* may be NULL */
    const struct tocsin_option *notifier_options;   /* may be NULL */

    /*
     * Create one configured instance.  host and set outlive it; strings of set may be kept.  On
     * TOCSIN_OK the host passes *self_r to close() later; otherwise *self_r is untouched.  NULL: no
     * instance is needed, self is NULL.
     */
    enum tocsin_rc (*open)(const struct tocsin_host *host, const struct tocsin_settings *set, void **self_r,
                           struct tocsin_err *err);
    void (*close)(void *self);

    /*
     * Payload to alerts.  All or nothing: an error (TOCSIN_BAD_INPUT, TOCSIN_MEANINGLESS, with a JSON
     * path in where) discards what was added.  No alert at all with TOCSIN_OK is fine: a ping.
     * The same payload gives the same alerts.  One of which redaction took something is decoded twice, redacted for
     * what is kept and as it was sent for identities and batch_reply(), and its alerts are paired by their order.
     */
    enum tocsin_rc (*decode)(void *self, const struct tocsin_host *host, const struct tocsin_payload *in,
                             struct tocsin_batch *out, struct tocsin_err *err);
    /*
     * Is the payload's own signature good?  Used by collectors with auth = "signature".  Returns
     * TOCSIN_NEED_FETCH with doc->url set to ask for a document; the host fetches it (https only, no
     * redirect, cached) and calls again with doc->body set.
     */
    enum tocsin_rc (*verify)(void *self, const struct tocsin_host *host, const struct tocsin_payload *in,
                             struct tocsin_document *doc, struct tocsin_err *err);
    /*
     * Describe the request for job.  Deterministic: the same job renders the same bytes.  A change that
     * the vendor has no word for returns TOCSIN_OK and leaves out untouched: it counts as delivered.
     */
    enum tocsin_rc (*render)(void *self, const struct tocsin_host *host, const struct tocsin_job *job,
                             struct tocsin_request *out, struct tocsin_err *err);
    /*
     * What does the answer mean?  *out is zeroed and holds the host's default on entry: 2xx delivered;
     * 408, 429, 5xx retry (with Retry-After); no answer uncertain if sent, else retry; others rejected.
     * NULL: the default stands.
     */
    void (*classify)(void *self, const struct tocsin_host *host, const struct tocsin_job *job,
                     const struct tocsin_response *r, struct tocsin_outcome *out);
    /* ABI 1 ends here.  Append only; never reorder, never remove. */

    /*
     * What this instance can, where that hangs on its settings: flags, or fewer of them.  NULL: flags hold for all.
     */
    uint32_t (*flags_of)(void *self);

    /* The vendor's own paths: NULL, or intake() is there too. */
    const struct tocsin_route *routes;
    /*
     * The credential in a request, wherever the vendor puts it: it is compared with the `keys` of the collectors of
     * this format, and the first collector that has it takes the request.  *credential_r stays NULL where there is
     * none.  NULL: senders authenticate as those of a webhook do, and collectors have no `keys`.
     */
    enum tocsin_rc (*identify)(const struct tocsin_host *host, struct tocsin_call *call, const char **credential_r,
                               struct tocsin_err *err);
    /*
     * Say what is to be done: alerts into call->batch, actions with act().  With TOCSIN_OK all of it is committed,
     * then answer() is called.  If the answer was given already and there is neither alert nor action, that is all.
     * Where redaction took something, a second struct tocsin_call of the same request goes through identify() and
     * intake() as it was sent; answer() is called with that one.
     */
    enum tocsin_rc (*intake)(void *self, const struct tocsin_host *host, struct tocsin_call *call,
                             struct tocsin_err *err);
    /* All is on disk: give the answer that the vendor would give.  Must be quick. */
    void (*answer)(void *self, const struct tocsin_host *host, struct tocsin_call *call,
                   const struct tocsin_results *results);
    /*
     * Word a refusal as the vendor would: TOCSIN_UNAUTHORIZED or FORBIDDEN (no collector takes it), an error of
     * identify() or intake(), TOO_LARGE, TEMPORARY, FULL.  Without an answer from here it is problem+json.
     */
    void (*refuse)(const struct tocsin_host *host, struct tocsin_call *call, const struct tocsin_err *err);
    /*
     * The request that takes on what batch_forward() was given, by the settings of today.  As render(): deterministic;
     * the host's verdict on the answer stands, and what is rejected is dropped.  Collectors with it have the options
     * of forwarding (proxy, limits).
     */
    enum tocsin_rc (*forward)(void *self, const struct tocsin_host *host, const char *body, size_t len,
                              struct tocsin_request *out, struct tocsin_err *err);
    /* ABI 2 ends here. */
};

#endif
