/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.h - the host's side of plugin.h: batches, requests, settings.
 */
#ifndef PLUGIN_HOST_H
#define PLUGIN_HOST_H

#include <tocsin/plugin.h>

#include "base/arena.h"
#include "core/redact/redact.h"

extern const struct tocsin_host plugin_host;

/* Limits on what one payload may hold (reference: the README of this folder). */
enum {
    HOST_MAX_ALERTS = 10000 /* by default */, HOST_ALERTS_MAX = 100000,
    HOST_MAX_LABELS = 64, HOST_MAX_NAME = 128, HOST_MAX_VALUE = 4096,
    HOST_MAX_SUMMARY = 1024, HOST_MAX_KEY = 1024, HOST_MAX_LINKS = 16, HOST_MAX_HREF = 2048, HOST_JSON_DEPTH = 32,
    HOST_JSON_DEPTH_MAX = 256, HOST_JSON_VALUES = 500000, HOST_JSON_KEYS = 4096, HOST_MAX_NOTES = 100,
    HOST_MAX_GETS = 16, HOST_MAX_ACTS = 1000, HOST_MAX_KINDS = 16,
    HOST_MAX_RECORDS = 100000      /* lines of a log; they are not alerts yet */
};

#define HOST_MAX_TIME INT64_C(253402300799999)       /* 9999-12-31T23:59:59.999Z: later cannot be written */

/* --- batches ----------------------------------------------------------------- */

struct host_get { const char *url, *why; };
struct host_forward { const char *body; size_t len; const char *what; };
struct host_count { const char *kind; unsigned n; };

struct tocsin_batch {
    struct arena *arena;
    struct tocsin_alert **alerts;  size_t n_alerts, n_records;   /* n_records of n_alerts are records of logs */
    struct host_get *gets;         size_t n_gets;
    struct host_forward *forwards; size_t n_forwards;
    struct host_count counts[HOST_MAX_KINDS]; size_t n_counts;
    const char **notes;            size_t n_notes;
    struct tocsin_err over;        /* rc set when a limit was passed: the batch is refused */
    int64_t received_at;           /* of the payload: what expires_in counts from */
    size_t max_alerts;             /* 0: the server's, host_set_alerts_max() */
    int reply_status;              /* of batch_reply(); 0: none */
    const char *reply; size_t reply_len;
    const struct redact *redact;   /* NULL: nothing is taken out */
    struct host_names *names;      /* of an intake's request with redaction; NULL: none */
};

void host_batch_init(struct tocsin_batch *, struct arena *);

/* --- redaction: host_redact.c, host_identity.c ---------------------------------- */

struct host_redact_key { const char *bytes; size_t len; };
bool host_redact_hash(void *key, const char *text, size_t len, unsigned char mac[REDACT_MAC]);    /* a redact_hash */

/* What JSON is redacted with that this thread reads, and whether that took out anything. */
struct host_redaction { const struct redact *rules; bool changed; };
struct host_redaction host_redact_begin(const struct redact *);    /* gives what was before, for the end */
bool host_redact_end(struct host_redaction before);                /* was anything taken out? */
void host_redact_doc(json_t *);
void host_redact_alert(const struct tocsin_batch *, struct tocsin_alert *);    /* its texts */
void host_redact_notes(struct tocsin_batch *);
void host_redact_err(const struct redact *, struct arena *, struct tocsin_err *);

/* Identities of a request that are known under another name, or are kept as they are: said -> kept. */
struct host_names { const struct redact *rules; struct tocsin_pair *list; size_t n, cap; };
void host_names_add(struct host_names *, struct arena *, const char *said, const char *kept);
/* The key of identities whose collector has none: of this installation, once, before there are payloads. */
void host_set_redact_secret(const void *bytes, size_t len);
/* What is kept of an identity.  left: what redaction of the payload left of it; NULL: it is not known. */
const char *host_kept_key(const struct redact *, const struct host_names *, struct arena *, const char *said,
                          const char *left);
/* The texts of a batch that was read redacted, its identities as they were said.  said NULL: by the same reading. */
void host_keep(struct tocsin_batch *, const struct tocsin_batch *said);
/* Can the two readings be paired?  If not: of said without its texts. */
bool host_fits(const struct tocsin_batch *, const struct tocsin_batch *said);
void host_keep_bare(struct tocsin_batch *, const struct tocsin_batch *said, const char *why);
/* For a payload that cannot be read as it was sent. */
void host_keep_by_bytes(struct tocsin_batch *, const struct tocsin_payload *);

/* --- payloads ---------------------------------------------------------------------- */

/* On this thread: of two members with one name the last counts, or (false) such JSON is refused.  Gives what it was. */
bool host_json_last_counts(bool);
/* host_text.c: the payload without a byte order mark, and in UTF-8 if it says that it is Latin-1 or Windows-1252. */
struct tocsin_payload host_as_text(struct arena *, const struct tocsin_payload *);
/* A text with each word that holds a digit made "#": what is said again with another number is the same. */
const char *host_words(struct arena *, const char *s);

/*
 * Decode a payload with a plugin: verify nothing, run the mapping if there is one, decode, check the
 * limits.  On TOCSIN_OK the batch holds the alerts.
 */
struct mapping;
enum tocsin_rc host_decode(const struct tocsin_plugin *, void *self, struct mapping *, const struct tocsin_payload *,
                           struct tocsin_batch *out, struct tocsin_err *err);
/* The largest nesting that parse_json() accepts from now on, up to HOST_JSON_DEPTH_MAX; HOST_JSON_DEPTH by default. */
void host_set_json_depth(unsigned depth);
/* How many alerts one request may bring from now on, up to HOST_ALERTS_MAX; HOST_MAX_ALERTS by default. */
void host_set_alerts_max(unsigned max);
unsigned host_alerts_max(void);
/* For tests: signatures are traced to the authorities in this PEM file; NULL: to the system's again. */
void host_set_authorities(const char *pem_file);

/* --- intakes -------------------------------------------------------------------- */

struct host_act { struct tocsin_act act; size_t before; };    /* before: how many alerts had been added */

struct host_call {                 /* one request to an intake; lives in its arena */
    struct tocsin_call call;
    struct arena *arena;
    struct tocsin_batch batch;
    struct host_act *acts;         size_t n_acts, cap_acts;
    const char *route_to;          /* NULL: nothing was said */
    json_t *doc;                   /* of call_json() */
    struct host_call *said;        /* the same request read unredacted; NULL: redaction changed nothing */
    struct tocsin_err bad_json;
    /* the answer; status 0: none yet */
    int status;
    const char *content_type, *body; size_t len;
    struct tocsin_pair *headers;   size_t n_headers;
    /* given by whoever serves; out_r NULL: only count.  May be NULL */
    enum tocsin_rc (*find)(struct host_call *, const struct tocsin_find *, const struct tocsin_known **out_r,
                           size_t *n_r, struct tocsin_err *);
    int64_t (*elapsed_us)(struct host_call *);
    void *ctx;
};

void host_call_init(struct host_call *, struct arena *, const struct tocsin_route *, const char *id);
/* The integration's part in a request, in this order.  host_intake() also checks the limits; an error leaves nothing. */
enum tocsin_rc host_identify(const struct tocsin_plugin *, struct host_call *, const char **credential_r,
                             struct tocsin_err *err);
enum tocsin_rc host_intake(const struct tocsin_plugin *, void *self, struct host_call *, struct tocsin_err *err);
void host_call_forget_json(struct host_call *);    /* after intake() at the latest, on the thread that parsed it */
void host_answer(const struct tocsin_plugin *, void *self, struct host_call *, const struct tocsin_results *);
void host_refuse(const struct tocsin_plugin *, struct host_call *, const struct tocsin_err *);

/* --- requests ------------------------------------------------------------------ */

enum request_kind { REQUEST_NONE = 0, REQUEST_HTTP, REQUEST_LOG };

struct tocsin_request {
    struct arena *arena;
    enum request_kind kind;
    const char *method, *url;
    struct tocsin_pair *headers;   size_t n_headers, cap_headers;
    const char *content_type, *body; size_t body_len;
    const char *line;              /* REQUEST_LOG */
    const char *sign_secret, *sign_id;  /* Standard Webhooks; NULL: unsigned */
    struct tocsin_err broken;      /* rc set when a part could not be made */
};

void host_request_init(struct tocsin_request *, struct arena *);
/*
 * To be called on each request before it is sent.  Says what went wrong while it was built; adds the
 * headers webhook-id, webhook-timestamp and webhook-signature if it asked to be signed.
 */
enum tocsin_rc host_request_seal(struct tocsin_request *, int64_t now_ms, struct tocsin_err *err);

/* What classify() finds in *out, and what stands without it (plugin.h).  now: for a Retry-After that is a date. */
void host_outcome_default(const struct tocsin_response *, int64_t now_ms, struct tocsin_outcome *out);

/* --- settings ------------------------------------------------------------------- */

struct setting {
    const char *name;
    enum tocsin_option_type type;
    const char *text;              /* STRING, SECRET */
    int64_t num;                   /* INT, BOOL, DURATION (ms) */
    const char *const *list; size_t n_list;
    const struct tocsin_pair *map; size_t n_map;
};

struct tocsin_settings { struct setting *items; size_t n; };

/* --- parts of the table, each in the file of its name ------------------------------ */

/* host.c */
enum tocsin_rc host_fail(struct tocsin_err *, enum tocsin_rc, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* host_json.c */
enum tocsin_rc host_parse_json(const char *text, size_t len, json_t **out_r, struct tocsin_err *);
enum tocsin_rc host_parse_unredacted(const char *text, size_t len, json_t **out_r, struct tocsin_err *);
const char *host_json_text(struct arena *, const json_t *);
/* host_form.c */
enum tocsin_rc host_parse_form(const struct tocsin_payload *, json_t **out_r, struct tocsin_err *);
/* host_batch.c */
void host_batch_finish(struct tocsin_batch *);     /* clean what integrations set directly, check the limits */
void host_alert_clean(struct tocsin_batch *, struct tocsin_alert *);
const char *host_clean_key(struct arena *, const char *key);
const char *host_clean_href(struct arena *, const char *href);     /* NULL: not one that may be clicked */
struct tocsin_alert *host_alert_new(struct tocsin_batch *);
struct tocsin_alert *host_record_new(struct tocsin_batch *);
void host_alert_label(struct tocsin_batch *, struct tocsin_alert *, const char *name, const char *value);
void host_alert_label_json(struct tocsin_batch *, struct tocsin_alert *, const char *name, const json_t *);
void host_alert_annotation(struct tocsin_batch *, struct tocsin_alert *, const char *name, const char *value);
void host_alert_annotation_json(struct tocsin_batch *, struct tocsin_alert *, const char *name, const json_t *);
void host_alert_link(struct tocsin_batch *, struct tocsin_alert *, const char *href, const char *text);
char *host_printf(struct tocsin_batch *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void host_batch_get(struct tocsin_batch *, const char *url, const char *why);
void host_batch_note(struct tocsin_batch *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void host_batch_reply(struct tocsin_batch *, int status, json_t *doc);
void host_copy_reply(struct tocsin_batch *to, const struct tocsin_batch *from);
/* host_intake.c */
enum tocsin_rc host_call_json(struct tocsin_call *, json_t **out_r, struct tocsin_err *);
void *host_call_alloc(struct tocsin_call *, size_t n);
char *host_call_printf(struct tocsin_call *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *host_call_time(struct tocsin_call *, int64_t when);
int64_t host_elapsed_us(struct tocsin_call *);
const char *host_named_key(struct tocsin_call *, const char *member, const char *value);
void host_act(struct tocsin_call *, const struct tocsin_act *);
void host_route_to(struct tocsin_call *, const char *name);
enum tocsin_rc host_find(struct tocsin_call *, const struct tocsin_find *, const struct tocsin_known **out_r,
                         size_t *n_r, struct tocsin_err *);
enum tocsin_rc host_count(struct tocsin_call *, const struct tocsin_find *, size_t *n_r, struct tocsin_err *);
void host_reply_header(struct tocsin_call *, const char *name, const char *value);
void host_reply_json(struct tocsin_call *, int status, json_t *doc);
void host_reply(struct tocsin_call *, int status, const char *content_type, const char *body, size_t len);
void host_batch_forward(struct tocsin_batch *, const char *body, size_t len, const char *what);
void host_batch_count(struct tocsin_batch *, const char *kind, unsigned n);
/* host_sources.c */
enum tocsin_rc host_source_of(struct tocsin_batch *, const struct tocsin_generated *, struct tocsin_source *out_r);
void host_sources_forget(void);    /* what is cached and not in use */
/* host_schema.c */
enum tocsin_rc host_decode_schema(struct tocsin_batch *, const json_t *alert, const char *path, struct tocsin_err *);
/* host_crypto.c */
bool host_hmac_sha256_ok(const char *key, size_t key_len, const char *data, size_t len, const char *mac,
                         size_t mac_len);
enum tocsin_rc host_x509_verify(const char *cert, size_t cert_len, const char *digest, const char *data, size_t len,
                                const char *signature_base64, int64_t when, struct tocsin_err *);
/* "v1,<base64>" of HMAC-SHA256(secret, id.timestamp.body); secret: whsec_<base64>, or the key itself. */
enum tocsin_rc host_standard_signature(struct arena *, const char *secret, const char *id, const char *timestamp,
                                       const char *body, size_t len, const char **out_r, struct tocsin_err *);
/* host_request.c */
void host_request_http(struct tocsin_request *, const char *method, const char *url);
void host_request_header(struct tocsin_request *, const char *name, const char *value);
void host_request_json(struct tocsin_request *, json_t *doc);
void host_request_body(struct tocsin_request *, const char *content_type, const char *body, size_t len);
void host_request_log(struct tocsin_request *, const char *line);
void host_request_sign(struct tocsin_request *, const char *secret, const char *id);
char *host_request_printf(struct tocsin_request *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *host_request_cut(struct tocsin_request *, const char *text, size_t max_chars);
char *host_request_cut_bytes(struct tocsin_request *, const char *text, size_t max_bytes);
char *host_request_time(struct tocsin_request *, int64_t when);
char *host_escape(struct arena *, const char *text);

#endif
