/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sentry.h - what the files of this folder share.
 *
 *   decode.c    Sentry's webhooks (a Sentry that tells of its issues)
 *   intake.c    what SDKs send: paths, credentials, answers
 *   envelope.c  the framing of envelopes
 *   event.c     an event as an alert
 *   group.c     which events are one issue
 *   frames.c    stack traces, through source maps where there are some
 *   message.c   a message without what differs from time to time
 *   forward.c   what goes on to another Sentry
 *   plugin.c    settings, and the table that the host sees
 */
#ifndef SENTRY_H
#define SENTRY_H

#include <tocsin/plugin.h>

struct dsn { const char *scheme, *key, *host, *path, *project; };   /* path: "" or "/prefix" */

struct sentry {                    /* one collector */
    char *dsn_text;                /* backs dsn */
    struct dsn dsn;                /* of forward_to; key NULL: nothing goes on */
    bool attachments;              /* go on too */
    const char *source_maps;       /* folder; NULL none */
    int64_t resolve_after_ms;
    const char *event_url;         /* "https://.../{event_id}"; NULL */
    bool user;
    const char *const *tags; size_t n_tags;
    const char *const *origins; size_t n_origins;
};

/* --- envelope.c ------------------------------------------------------------------- */

struct envelope { const char *at, *end; json_t *header; unsigned items; };
struct item {
    json_t *header;                /* dropped by the caller */
    const char *type;              /* of the header; "" none */
    const char *payload; size_t len;
};

enum tocsin_rc envelope_open(const struct tocsin_host *, const char *body, size_t len, struct envelope *out,
                             struct tocsin_err *);
/* TOCSIN_NOT_FOUND: there is no further item. */
enum tocsin_rc envelope_next(const struct tocsin_host *, struct envelope *, struct item *out, struct tocsin_err *);

/* --- frames.c --------------------------------------------------------------------- */

enum { FRAMES = 60, EXCEPTIONS = 10 };

struct frame {
    const char *function, *module, *file, *context;   /* "" unknown; context: the source line */
    const char *around;            /* numbered lines from a source map; NULL */
    unsigned line, column;
    bool in_app;
};

struct trace { struct frame frame[FRAMES]; size_t n; };   /* newest first */

struct reader {                    /* one event under way */
    const struct tocsin_host *host;
    const struct sentry *self;
    struct tocsin_batch *out;
    const json_t *event;
    const char *project, *release;
};

const char *text_of(const struct reader *, const json_t *object, const char *name);
/* member "values" of it, or the list that it is itself; a single object counts as a list of one */
size_t values_of(const json_t *member, const json_t *out[], size_t max);
void trace_read(const struct reader *, const json_t *stacktrace, struct trace *out);
/* The frame to show: the newest of the application's own, or the newest. NULL: none. */
const struct frame *trace_top(const struct trace *);
const char *trace_text(const struct reader *, const struct trace *);

/* --- message.c, group.c ------------------------------------------------------------ */

/* The message of an event as people read it, and as its programmer wrote it ("" where that is not known). */
const char *message_of(const struct reader *, const char **pattern_r);
/* Numbers, ids, addresses of memory as <num>, <uuid>, <hex>. */
const char *message_plain(const struct reader *, const char *message);
/* One line for each part that the identity is made of. */
const char *grouping_of(const struct reader *, const json_t *const exceptions[], const struct trace *traces, size_t n);

/* --- event.c, forward.c ------------------------------------------------------------- */

void event_read(const struct reader *, int64_t received_at);

bool dsn_parse(char *text, struct dsn *out);           /* cuts text into pieces */
/* Puts what is to go on into the batch; the items have been read before, so this cannot fail for what is in them. */
enum tocsin_rc forward_envelope(const struct sentry *, const struct tocsin_host *, const char *body, size_t len,
                                struct tocsin_batch *, struct tocsin_err *);
enum tocsin_rc forward_event(const struct tocsin_host *, const char *event_id, const json_t *event,
                             struct tocsin_batch *, struct tocsin_err *);
enum tocsin_rc forward_render(void *self, const struct tocsin_host *, const char *body, size_t len,
                              struct tocsin_request *out, struct tocsin_err *);

/* --- decode.c, intake.c ------------------------------------------------------------- */

enum tocsin_rc hook_decode(void *self, const struct tocsin_host *, const struct tocsin_payload *, struct tocsin_batch *,
                           struct tocsin_err *);

extern const struct tocsin_route sentry_routes[];
enum tocsin_rc intake_identify(const struct tocsin_host *, struct tocsin_call *, const char **credential_r,
                               struct tocsin_err *);
enum tocsin_rc intake_read(void *self, const struct tocsin_host *, struct tocsin_call *, struct tocsin_err *);
void intake_answer(void *self, const struct tocsin_host *, struct tocsin_call *, const struct tocsin_results *);
void intake_refuse(const struct tocsin_host *, struct tocsin_call *, const struct tocsin_err *);

#endif
