/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_batch.c - the messages of one read: handed to the sink one by one,
 * waited for together.
 *
 * pending begins at one, for the reader, so that it cannot reach zero while
 * messages are still being added; whoever takes it to zero wakes the reader.
 *
 * What the sink says decides for the whole batch, because the broker is given
 * all acknowledgements at once:
 *   committed                 acknowledged
 *   the sender's fault        acknowledged too, as it would come back for ever, and logged with its topic
 *   the world's or our fault  nothing is acknowledged; the broker delivers all of it again.  What is
 *                             committed already is a repeat then, which changes nothing
 */
#include "collector/mqtt_client.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "os/clock.h"

void
mqtt_batch_init(struct mqtt_batch *b)
{
    *b = (struct mqtt_batch){ .arena = arena_new() };
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->all_done, NULL);
}

static void
empty(struct mqtt_batch *b)
{
    for (struct mqtt_slot *s = b->first; s != NULL; s = s->next)
        free(s->err);
    b->first = b->last = NULL;
    b->n = b->bytes = 0;
    b->done = false;
    arena_reset(b->arena);
}

void
mqtt_batch_release(struct mqtt_batch *b)
{
    empty(b);
    arena_free(b->arena);
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->all_done);
}

void
mqtt_batch_begin(struct mqtt_batch *b, const struct conf *conf, const struct conf_collector *c)
{
    empty(b);
    b->conf = conf;
    b->c = c;
    atomic_store(&b->pending, 1);
}

static void
drop_pending(struct mqtt_batch *b)
{
    if (atomic_fetch_sub(&b->pending, 1) != 1)
        return;
    pthread_mutex_lock(&b->lock);
    b->done = true;
    pthread_cond_signal(&b->all_done);
    pthread_mutex_unlock(&b->lock);
}

static void
settled(void *ctx, const struct ingest_result *result)
{
    struct mqtt_slot *s = ctx;

    s->rc = result->rc;
    if (s->empty && s->rc == TOCSIN_BAD_INPUT)
        s->rc = TOCSIN_OK;                   /* that is how MQTT clears a topic: nothing to read, and nobody's mistake */
    if (s->rc != TOCSIN_OK) {
        s->err = xmalloc(sizeof *s->err);
        *s->err = result->err;
    }
    drop_pending(s->batch);
}

static const char *
no_such_field(const struct tocsin_payload *in, const char *name)
{
    (void)in;
    (void)name;
    return NULL;
}

static void
refuse_large(struct mqtt_slot *s, size_t len, int64_t max)
{
    struct ingest_result r = { .rc = TOCSIN_TOO_LARGE };

    err_set(&r.err, TOCSIN_TOO_LARGE, "", "payload of %zu bytes is over the limit of %lld (http.body_max)", len,
            (long long)max);
    settled(s, &r);
}

/* The labels of the first filter, in the order of the configuration, that matches. */
static void
label(struct arena *arena, const struct conf_mqtt *conf, struct tocsin_payload *in)
{
    struct tocsin_pair *labels = NULL;

    for (size_t i = 0; i < conf->n_topics; i++) {
        if (mqtt_topic_match(conf->topics[i], in->topic, arena, &labels, &in->n_topic_labels))
            break;
    }
    in->topic_labels = labels;
}

void
mqtt_batch_add(struct mqtt_client *client, const struct mosquitto_message *msg)
{
    struct mqtt_batch *b = &client->batch;
    struct mqtt_slot *s = arena_zalloc(b->arena, sizeof *s);
    size_t len = (size_t)msg->payloadlen;
    char *body = arena_alloc(b->arena, len + 1);
    int64_t body_max = b->conf->http.body_max;
    struct tocsin_payload in = {
        .collector = b->c->name, .body = body, .len = len, .received_at = clock_steady_ms(),
        .header = no_such_field, .query = no_such_field
    };

    if (len > 0)
        memcpy(body, msg->payload, len);
    body[len] = '\0';
    s->batch = b;
    s->empty = len == 0;
    in.topic = s->topic = arena_strdup(b->arena, msg->topic);
    s->fingerprint = XXH3_64bits_withSeed(body, len, XXH3_64bits(s->topic, strlen(s->topic)));
    if (b->last != NULL)
        b->last->next = s;
    else
        b->first = s;
    b->last = s;
    b->n++;
    b->bytes += len;
    atomic_fetch_add(&b->pending, 1);
    if (body_max > 0 && (int64_t)len > body_max) {
        refuse_large(s, len, body_max);
        return;
    }
    label(b->arena, &b->c->mqtt, &in);
    client->sink.submit(client->sink.ctx, b->c, &in, settled, s);
}

static void
wait_for_all(struct mqtt_batch *b)
{
    drop_pending(b);
    pthread_mutex_lock(&b->lock);
    while (!b->done)
        pthread_cond_wait(&b->all_done, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

static bool
is_senders_fault(enum tocsin_rc rc)
{
    return rc >= TOCSIN_BAD_INPUT && rc <= TOCSIN_UNSUPPORTED;
}

/*
 * A message that fails by our own fault is asked for again, but not for ever: after a few times it would only stand
 * in the way of all others.
 */
static bool
is_poison(struct mqtt_client *client, const struct mqtt_slot *s)
{
    struct mqtt_poison *p = NULL;

    if (s->rc != TOCSIN_INTERNAL && s->rc != TOCSIN_BAD_CONFIG)
        return false;
    for (size_t i = 0; i < MQTT_POISON && p == NULL; i++) {
        if (client->poison[i].tries > 0 && client->poison[i].fingerprint == s->fingerprint)
            p = &client->poison[i];
    }
    if (p == NULL) {
        p = &client->poison[client->next_poison++ % MQTT_POISON];
        *p = (struct mqtt_poison){ .fingerprint = s->fingerprint };
    }
    return ++p->tries >= MQTT_INTERNAL_TRIES;
}

void
mqtt_batch_report(struct mqtt_client *client)
{
    refusal_flood_report(&client->flood, "mqtt", client->name);
}

static void
report_refusal(struct mqtt_client *client, const struct mqtt_slot *s)
{
    char text[800];

    if (!refusal_flood_line(&client->flood, "mqtt", client->name))
        return;
    log_warn("mqtt", client->name, "message on topic '%s' refused: %s", s->topic,
             err_text(s->err, text, sizeof text));
}

bool
mqtt_batch_finish(struct mqtt_client *client, struct tocsin_err *err)
{
    struct mqtt_batch *b = &client->batch;
    uint64_t refused = 0;

    wait_for_all(b);
    for (const struct mqtt_slot *s = b->first; s != NULL; s = s->next) {
        if (s->rc == TOCSIN_OK || is_senders_fault(s->rc) || is_poison(client, s))
            continue;
        *err = *s->err;
        return false;
    }
    for (const struct mqtt_slot *s = b->first; s != NULL; s = s->next) {
        if (s->rc == TOCSIN_OK)
            continue;
        refused++;
        report_refusal(client, s);
    }
    mqtt_client_count(client, b->n, refused);
    return true;
}
