/* SPDX-License-Identifier: Apache-2.0 */
/* Webhooks, MQTT and syslog; what the bytes look like. */
#include "trial/arrival.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "collector/collector.h"
#include "collector/syslog_frame.h"
#include "collector/webhook.h"
#include "plugin/loader.h"

enum { REMARKS_MAX = 16, MESSAGES_MAX = 100000 };

static const char nowhere[] = "192.0.2.1";   /* an address for documentation: nobody's */

void
arrival_remark(struct arrival *a, const char *fmt, ...)
{
    va_list ap;

    if (a->remarks == NULL)
        a->remarks = arena_alloc(a->arena, REMARKS_MAX * sizeof *a->remarks);
    if (a->n_remarks == REMARKS_MAX)
        return;
    va_start(ap, fmt);
    a->remarks[a->n_remarks++] = arena_vprintf(a->arena, fmt, ap);
    va_end(ap);
}

/* --- what the bytes look like ---------------------------------------------------------- */

static bool
is_form(const char *body, size_t len)
{
    size_t name = strcspn(body, "=&");

    return len > 0 && strlen(body) == len && body[name] == '=' && name > 0 &&
           strspn(body, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-%[]") == name &&
           strpbrk(body, " \t\r\n{\"") == NULL;
}

static bool
is_binary(const char *body, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)body[i] < 0x20 && strchr("\t\n\r\f\x1b\x1e", body[i]) == NULL)
            return true;
    return memchr(body, '\0', len) != NULL;
}

void
arrival_types(const struct arrival *a, const char *body, size_t len, const char *types_r[TYPES_MAX])
{
    const char *said = a->way->content_type;
    char first = body[strspn(body, " \t\r\n")];
    size_t n = 0;

    for (size_t i = 0; said == NULL && i < a->way->n_headers; i++)
        if (strcasecmp(a->way->headers[i].name, "content-type") == 0)
            said = a->way->headers[i].value;
    if (said != NULL) {
        char *type = arena_strndup(a->arena, said, strcspn(said, "; \t"));

        for (char *c = type; *c != '\0'; c++)
            *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
        types_r[n++] = type;
    } else if (first == '{' || first == '[') {
        types_r[n++] = "application/json";
    } else if (is_form(body, len)) {
        types_r[n++] = "application/x-www-form-urlencoded";
    } else if (is_binary(body, len)) {
        types_r[n++] = "application/octet-stream";
        types_r[n++] = "application/x-protobuf";
    } else {
        types_r[n++] = "text/plain";
    }
    types_r[n] = NULL;
}

/* --- a payload ---------------------------------------------------------------------------- */

static const char *
find(const struct tocsin_pair *fields, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(fields[i].name, name) == 0)
            return fields[i].value;
    return NULL;
}

static const char *
header(const struct tocsin_payload *in, const char *name)
{
    const struct arrival *a = in->host_data;
    const char *value = find(a->way->headers, a->way->n_headers, name);

    return value == NULL && strcasecmp(name, "content-type") == 0 ? in->content_type : value;
}

static const char *
query(const struct tocsin_payload *in, const char *name)
{
    const struct arrival *a = in->host_data;

    for (size_t i = 0; i < a->way->n_queries; i++)
        if (strcmp(a->way->queries[i].name, name) == 0)
            return a->way->queries[i].value;
    return NULL;
}

/* Mappings see all but the credentials, as the daemon would have it. */
static void
list_fields(const struct arrival *a, struct tocsin_payload *in)
{
    struct tocsin_pair *headers = arena_alloc(a->arena, (a->way->n_headers + 1) * sizeof *headers);

    for (size_t i = 0; a->col->mapping != NULL && i < a->way->n_headers; i++)
        if (!webhook_is_credential(a->col, a->way->headers[i].name))
            headers[in->n_headers++] = a->way->headers[i];
    in->headers = headers;
    if (a->col->mapping != NULL || (a->col->plugin->api.flags & TOCSIN_TAKES_QUERY) != 0) {
        in->queries = a->way->queries;
        in->n_queries = a->way->n_queries;
    }
}

struct tocsin_payload
arrival_payload(const struct arrival *a, const char *body, size_t len)
{
    struct tocsin_payload in = { .collector = a->col->name, .body = body, .len = len,
                                 .content_type = a->content_type[0] != '\0' ? a->content_type : NULL,
                                 .received_at = a->at, .header = header, .query = query, .host_data = a };

    list_fields(a, &in);
    if (a->topic[0] != '\0')
        in.topic = a->topic;
    in.topic_labels = a->topic_labels;
    in.n_topic_labels = a->n_topic_labels;
    return in;
}

static enum tocsin_rc
decode(struct arrival *a, const char *body, size_t len, struct tocsin_err *err)
{
    struct tocsin_batch *b = arena_alloc(a->arena, sizeof *b);
    struct tocsin_payload in = arrival_payload(a, body, len);
    enum tocsin_rc rc;

    host_batch_init(b, a->arena);
    b->redact = a->col->redact;
    rc = host_decode(&a->col->plugin->api, a->col->self, a->col->mapping, &in, b, err);
    if (rc == TOCSIN_OK)
        a->batches[a->n_batches++] = b;
    return rc;
}

enum tocsin_rc
arrival_check_size(size_t len, int64_t max, struct tocsin_err *err)
{
    if (max > 0 && (int64_t)len > max)
        return err_set(err, TOCSIN_TOO_LARGE, "", "payload of %zu bytes is over the limit of %lld (http.body_max)", len,
                       (long long)max);
    return TOCSIN_OK;
}

/* --- webhook ---------------------------------------------------------------------------------- */

static enum tocsin_rc
read_webhook(struct arrival *a, const char *body, size_t len, struct tocsin_err *err)
{
    const char *types[TYPES_MAX];
    enum tocsin_rc rc;

    arrival_types(a, body, len, types);
    if (strncmp(types[0], "multipart/", 10) == 0)
        return err_set(err, TOCSIN_UNSUPPORTED, "header Content-Type", "forms of several parts are not read");
    a->method = a->way->method != NULL ? a->way->method : "POST";
    a->path = arena_printf(a->arena, "/v1/in/%s", a->col->name);
    for (size_t i = 0;; i++) {
        a->content_type = types[i];
        rc = decode(a, body, len, err);
        if (rc != TOCSIN_UNSUPPORTED || types[i + 1] == NULL)
            return rc;
    }
}

/* --- MQTT --------------------------------------------------------------------------------------- */

/* "train/+cluster/+host/alert" -> "train/cluster/host/alert": a topic that the filter matches. */
static const char *
some_topic(struct arena *arena, const char *filter)
{
    char *topic = arena_alloc(arena, 2 * strlen(filter) + 1), *w = topic;

    for (const char *f = filter; *f != '\0'; f++) {
        bool wild = (*f == '+' || *f == '#') && (f == filter || f[-1] == '/');

        if (wild && (f[1] == '/' || f[1] == '\0'))
            *w++ = 'x';
        else if (!wild)
            *w++ = *f;
    }
    *w = '\0';
    return topic;
}

static enum tocsin_rc
read_mqtt(struct arrival *a, const char *body, size_t len, struct tocsin_err *err)
{
    const struct conf_mqtt *m = &a->col->mqtt;
    struct tocsin_pair *labels = NULL;
    bool known = false;
    enum tocsin_rc rc;

    a->topic = a->way->topic != NULL ? a->way->topic : some_topic(a->arena, m->topics[0]);
    for (size_t i = 0; i < m->n_topics && !known; i++)
        known = mqtt_topic_match(m->topics[i], a->topic, a->arena, &labels, &a->n_topic_labels);
    a->astray = !known;
    if (!known)
        return err_set(err, TOCSIN_NOT_FOUND, "", "topic '%s' matches none of the collector's topics", a->topic);
    if (a->way->topic == NULL && strcmp(a->topic, m->topics[0]) != 0)
        arrival_remark(a, "the topic is made up of '%s'; --topic says the real one", m->topics[0]);
    a->topic_labels = labels;
    rc = decode(a, body, len, err);
    if (rc != TOCSIN_BAD_INPUT || len > 0)
        return rc;
    arrival_remark(a, "an empty message clears a retained one: there is nothing to read in it");
    return TOCSIN_OK;
}

/* --- syslog ------------------------------------------------------------------------------------- */

struct stream { struct arrival *a; size_t n, refused; struct tocsin_err first; };

static void
count_message(void *ctx, const char *p, size_t n)
{
    (void)p;
    (void)n;
    ((struct stream *)ctx)->n++;
}

static void
take_message(void *ctx, const char *p, size_t n)
{
    struct stream *s = ctx;
    struct tocsin_err err;

    /* what is decoded ends with a NUL, and frames do not */
    if (decode(s->a, arena_strndup(s->a->arena, p, n), n, &err) != TOCSIN_OK && s->refused++ == 0)
        s->first = err;
}

/* As over TCP, in either framing; cut_r: how many were longer than a line may be. */
static bool
cut(const struct arrival *a, const char *body, size_t len, syslog_message take, struct stream *s, uint64_t *cut_r)
{
    struct syslog_frames frames;
    bool good;

    syslog_frames_init(&frames, (size_t)a->col->syslog.line_max);
    good = syslog_frames_feed(&frames, body, len, take, s);
    if (good)
        syslog_frames_end(&frames, take, s);
    *cut_r = frames.cut;
    syslog_frames_release(&frames);
    return good;
}

static enum tocsin_rc
read_syslog(struct arrival *a, const char *body, size_t len, struct tocsin_err *err)
{
    struct tocsin_pair peer = { "peer", a->way->peer != NULL ? a->way->peer : nowhere };
    struct stream s = { .a = a };
    uint64_t too_long;

    if (!cut(a, body, len, count_message, &s, &too_long))
        return err_set(err, TOCSIN_BAD_INPUT, "", "these are no syslog messages: a length in front of one is none");
    if (s.n > MESSAGES_MAX)
        return err_set(err, TOCSIN_TOO_LARGE, "", "more than %d messages in one file", MESSAGES_MAX);
    a->topic_labels = arena_memdup(a->arena, &peer, sizeof peer);
    a->n_topic_labels = 1;
    a->batches = arena_alloc(a->arena, (s.n + 1) * sizeof(struct tocsin_batch *));
    s.n = 0;
    cut(a, body, len, take_message, &s, &too_long);
    if (a->way->peer == NULL)
        arrival_remark(a, "the sender's address is made up (%s); --peer says the real one", nowhere);
    if (too_long > 0)
        arrival_remark(a, "%llu of the messages are longer than line_max (%lld bytes) and are cut",
                       (unsigned long long)too_long, (long long)a->col->syslog.line_max);
    if (s.refused > 0 && a->n_batches == 0) {
        *err = s.first;
        return err->rc;
    }
    if (s.refused > 0)
        arrival_remark(a, "%zu of the messages would be refused, the first: %s", s.refused, s.first.what);
    return TOCSIN_OK;
}

/* --- all ------------------------------------------------------------------------------------------ */

enum tocsin_rc
arrival_read(struct arrival *a, const char *body, size_t len, struct tocsin_err *err)
{
    const struct conf_heartbeat *beat = conf_heartbeat(a->conf, a->col->name);
    enum tocsin_rc rc;

    a->content_type = a->method = a->path = a->topic = "";
    a->beat = beat != NULL && beat->of_collector ? beat : NULL;
    a->batches = arena_alloc(a->arena, sizeof(struct tocsin_batch *));
    host_set_json_depth((unsigned)a->conf->http.json_depth_max);
    host_set_alerts_max((unsigned)a->conf->http.alerts_max);
    if (strcmp(a->col->type, "syslog") == 0)
        return read_syslog(a, body, len, err);
    if (strcmp(a->col->type, "intake") == 0)
        return arrival_read_intake(a, body, len, err);
    rc = arrival_check_size(len, a->conf->http.body_max, err);
    if (rc != TOCSIN_OK)
        return rc;
    return strcmp(a->col->type, "mqtt") == 0 ? read_mqtt(a, body, len, err) : read_webhook(a, body, len, err);
}
