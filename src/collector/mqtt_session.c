/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_session.c - one connection to a broker, from CONNECT to its end.
 *
 * PUBACK after the commit: libmosquitto queues the PUBACK of a QoS 1 message
 * before it calls us, and writes it at once unless it believes that another
 * thread does the writing.  So it is told that (mosquitto_threaded_set) and the
 * socket is driven from here, under one invariant: whenever
 * mosquitto_loop_write() is called, every message read so far is committed.
 *
 *   poll -> [queue not empty, all of it committed: write] -> read until the
 *   socket has nothing more -> wait for the commit -> write the PUBACKs
 *
 * When the commit fails nothing may be written any more: the queue is thrown
 * away with the connection, and the broker, which keeps the session, delivers
 * all of it again.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <mqtt_protocol.h>
#include <openssl/x509.h>

#include "base/err.h"
#include "collector/mqtt_client.h"
#include "os/clock.h"

enum {
    BATCH_MESSAGES = 200, BATCH_BYTES = 1 << 20,
    RECEIVE_MAXIMUM = 1000,        /* v5: unacknowledged messages that the broker may have under way */
    ACCEPT_WAIT_MS = 15000,        /* from TCP connect to CONNACK */
    RESUBSCRIBE_MS = 60000,
    TICK_MS = 1000,
    TLS_WAIT_MS = 50,
    QUICK_LOSS_MS = 5000, QUICK_LOSSES = 3,
    SETTLED_MS = 30000             /* a connection that lives this long is a good one */
};

struct session {
    struct mqtt_client *client;
    struct mosquitto *m;
    char *client_id, *endpoint;    /* in the arena */
    struct arena *arena;
    char library_error[200];       /* what libmosquitto logged last as an error */
    int64_t begun_at, accepted_at; /* accepted_at 0: no CONNACK yet */
    int64_t resubscribe_at;        /* 0: all topics are subscribed */
    uint64_t seen;                 /* messages handed to us, skipped ones too */
    uint64_t commits;
    bool more;                     /* the last batch ended at its limit: there may be bytes that poll does not see */
    bool explained;                /* why the session ends has been said */
};

/* --- what the broker says ------------------------------------------------------------ */

static const char *
refusal_words(int rc)
{
    switch (rc) {
    case 1: return "it does not speak this version of MQTT (set 'version' to 311 or 5)";
    case 2: return "it does not accept the client id";
    case 3: return "server unavailable";
    case 4: return "wrong user name or password";
    case 5: return "not authorised";
    case MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION: return "it does not speak MQTT 5 (set 'version' to 311)";
    default: return mosquitto_reason_string(rc);
    }
}

static void
subscribe(struct session *s)
{
    const struct conf_collector *c = NULL;
    struct conf *conf = mqtt_client_conf(s->client, &c);
    char **plain;
    int rc, options;

    if (conf == NULL)
        return;
    plain = arena_alloc(s->arena, c->mqtt.n_topics * sizeof *plain);
    for (size_t i = 0; i < c->mqtt.n_topics; i++)
        plain[i] = mqtt_topic_plain(c->mqtt.topics[i], s->arena);
    /* an old state comes once, with a new subscription: again at each connection it would open again what is over */
    options = c->mqtt.version != 5 ? 0
              : c->mqtt.retained ? MQTT_SUB_OPT_SEND_RETAIN_NEW : MQTT_SUB_OPT_SEND_RETAIN_NEVER;
    rc = mosquitto_subscribe_multiple(s->m, NULL, (int)c->mqtt.n_topics, plain, 1, options, NULL);
    if (rc != MOSQ_ERR_SUCCESS) {
        mqtt_client_trouble(s->client, "cannot subscribe at '%s': %s", s->endpoint, mosquitto_strerror(rc));
        s->resubscribe_at = clock_mono_ms() + RESUBSCRIBE_MS;
    }
    conf_unref(conf);
}

static void
on_connect(struct mosquitto *m, void *ctx, int rc, int flags, const mosquitto_property *props)
{
    struct session *s = ctx;
    bool known = (flags & 1) != 0;

    (void)m;
    (void)props;
    if (rc != 0) {
        mqtt_client_trouble(s->client, "'%s' refused the connection of client id '%s': %s", s->endpoint, s->client_id,
                            refusal_words(rc));
        s->explained = true;
        return;
    }
    s->accepted_at = clock_mono_ms();
    if (!known && s->client->was_connected)
        log_warn("mqtt", s->client->name, "'%s' has forgotten the session of client id '%s': what was published while "
                 "it was not connected is lost", s->endpoint, s->client_id);
    log_info("mqtt", s->client->name, "connected to '%s' as '%s', %s", s->endpoint, s->client_id,
             known ? "session goes on" : "new session");
    s->client->was_connected = true;
    mqtt_client_set_connected(s->client, true);
    /* a broker that kept the session kept its subscriptions; MQTT 3.1.1 would send all retained messages once more */
    if (!known || !s->client->subscribed)
        subscribe(s);
}

static void
on_subscribe(struct mosquitto *m, void *ctx, int mid, int n, const int *granted)
{
    struct session *s = ctx;
    const struct conf_collector *c = NULL;
    struct conf *conf = mqtt_client_conf(s->client, &c);
    size_t failed = 0;

    (void)m;
    (void)mid;
    if (conf == NULL)
        return;
    for (size_t i = 0; i < (size_t)n && i < c->mqtt.n_topics; i++) {
        if (granted[i] >= 0x80) {
            failed++;
            mqtt_client_trouble(s->client, "'%s' refused the subscription to '%s': %s", s->endpoint, c->mqtt.topics[i],
                                granted[i] == 0x80 ? "not allowed" : mosquitto_reason_string(granted[i]));
        } else if (granted[i] == 0) {
            log_warn("mqtt", s->client->name, "'%s' grants only QoS 0 for '%s': messages can be lost on the way",
                     s->endpoint, c->mqtt.topics[i]);
        }
    }
    s->resubscribe_at = failed > 0 ? clock_mono_ms() + RESUBSCRIBE_MS : 0;
    s->client->subscribed = failed == 0;
    conf_unref(conf);
}

static void
on_message(struct mosquitto *m, void *ctx, const struct mosquitto_message *msg)
{
    struct session *s = ctx;

    (void)m;
    s->seen++;
    if (msg->retain && !s->client->batch.c->mqtt.retained)
        log_debug("mqtt", s->client->name, "retained message on topic '%s' skipped", msg->topic);
    else
        mqtt_batch_add(s->client, msg);
}

/* A broker that throws out the older of two clients with one id says so in MQTT 5 only. */
static bool
looks_taken_over(struct session *s, int rc)
{
    bool quick = s->accepted_at != 0 && clock_mono_ms() - s->accepted_at < QUICK_LOSS_MS;

    if (rc == MQTT_RC_SESSION_TAKEN_OVER)
        return true;
    s->client->quick_losses = quick && rc == MOSQ_ERR_CONN_LOST ? s->client->quick_losses + 1 : 0;
    return s->client->quick_losses >= QUICK_LOSSES;
}

static void
on_disconnect(struct mosquitto *m, void *ctx, int rc, const mosquitto_property *props)
{
    struct session *s = ctx;
    int sys = errno;
    const char *why;

    (void)m;
    (void)props;
    if (s->explained || mqtt_client_stopping(s->client))
        return;
    s->explained = true;
    if (looks_taken_over(s, rc)) {
        mqtt_client_trouble(s->client, "'%s' closed the connection%s another client uses the client id '%s', and each "
                            "throws the other out: give each one its own 'client_id'", s->endpoint,
                            rc == MQTT_RC_SESSION_TAKEN_OVER ? " because" : " again and again; it seems that",
                            s->client_id);
        return;
    }
    why = rc == 0 ? "the broker closed it" : rc >= 0x80 ? mosquitto_reason_string(rc)
          : rc == MOSQ_ERR_ERRNO && sys != 0 ? err_errno(sys) : mosquitto_strerror(rc);
    mqtt_client_trouble(s->client, "connection to '%s' ended: %s%s%s", s->endpoint, why,
                        s->library_error[0] != '\0' ? "; " : "", s->library_error);
}

static void
on_log(struct mosquitto *m, void *ctx, int level, const char *text)
{
    struct session *s = ctx;

    (void)m;
    if (level == MOSQ_LOG_ERR)
        snprintf(s->library_error, sizeof s->library_error, "%s", text);
}

/* --- connecting ------------------------------------------------------------------------ */

static int
set_tls(struct mosquitto *m, const struct conf_mqtt *q)
{
    /* without a file of authorities of its own, those of the system */
    const char *folder = q->ca_file != NULL && q->ca_file[0] != '\0' ? NULL : X509_get_default_cert_dir();
    const char *cert = q->cert_file != NULL && q->cert_file[0] != '\0' ? q->cert_file : NULL;
    const char *key = q->key_file != NULL && q->key_file[0] != '\0' ? q->key_file : NULL;

    return mosquitto_tls_set(m, folder == NULL ? q->ca_file : NULL, folder, cert, key, NULL);
}

static void
make_names(struct session *s, const struct conf_collector *c)
{
    const struct conf_mqtt *q = &c->mqtt;
    char host[256] = "host";

    s->endpoint = arena_printf(s->arena, strchr(q->host, ':') != NULL ? "[%s]:%u" : "%s:%u", q->host,
                               (unsigned)q->port);
    if (q->client_id != NULL && q->client_id[0] != '\0') {
        s->client_id = arena_strdup(s->arena, q->client_id);
        return;
    }
    /* the same after a restart, so that the broker finds the session again */
    if (gethostname(host, sizeof host - 1) != 0)
        log_warn("mqtt", c->name, "the host has no name: set 'client_id'");
    s->client_id = arena_printf(s->arena, "tocsin-%s-%s", host, c->name);
}

/* A library instance with all settings, not connected yet. */
static bool
set_up(struct session *s, const struct conf_collector *c)
{
    const struct conf_mqtt *q = &c->mqtt;
    int rc;

    make_names(s, c);
    s->m = mosquitto_new(s->client_id, false, s);
    if (s->m == NULL) {
        mqtt_client_trouble(s->client, "cannot use the client id '%s': %s", s->client_id, err_errno(errno));
        return false;
    }
    rc = mosquitto_threaded_set(s->m, true);
    if (rc == MOSQ_ERR_SUCCESS)
        rc = mosquitto_int_option(s->m, MOSQ_OPT_PROTOCOL_VERSION, q->version == 5 ? MQTT_PROTOCOL_V5
                                                                                   : MQTT_PROTOCOL_V311);
    if (rc == MOSQ_ERR_SUCCESS)
        rc = mosquitto_int_option(s->m, MOSQ_OPT_RECEIVE_MAXIMUM, RECEIVE_MAXIMUM);
    if (rc == MOSQ_ERR_SUCCESS)
        rc = mosquitto_int_option(s->m, MOSQ_OPT_TCP_NODELAY, 1);
    if (rc == MOSQ_ERR_SUCCESS && q->username != NULL && q->username[0] != '\0')
        rc = mosquitto_username_pw_set(s->m, q->username, q->password);
    if (rc == MOSQ_ERR_SUCCESS && q->tls) {
        rc = set_tls(s->m, q);
        if (rc == MOSQ_ERR_INVAL) {
            mqtt_client_trouble(s->client, "cannot read 'ca_file', 'cert_file' or 'key_file'");
            return false;
        }
    }
    if (rc != MOSQ_ERR_SUCCESS) {
        mqtt_client_trouble(s->client, "cannot set up the connection to '%s': %s", s->endpoint, mosquitto_strerror(rc));
        return false;
    }
    mosquitto_connect_v5_callback_set(s->m, on_connect);
    mosquitto_disconnect_v5_callback_set(s->m, on_disconnect);
    mosquitto_subscribe_callback_set(s->m, on_subscribe);
    mosquitto_message_callback_set(s->m, on_message);
    mosquitto_log_callback_set(s->m, on_log);
    return true;
}

/*
 * Name look-up and TCP connect.  The library tries all addresses of a name only when it blocks, so it does; whoever
 * stops the client meanwhile does not wait for it (mqtt.c).  The configuration is not held across the call.
 */
static bool
dial(struct session *s, const char *host, uint16_t port, uint16_t keepalive, bool v5)
{
    mosquitto_property *props = NULL;
    int rc = MOSQ_ERR_SUCCESS, sys;

    if (v5)                        /* the session never ends by itself, as with clean_session = false in 3.1.1 */
        rc = mosquitto_property_add_int32(&props, MQTT_PROP_SESSION_EXPIRY_INTERVAL, UINT32_MAX);
    if (rc == MOSQ_ERR_SUCCESS)
        rc = mosquitto_connect_bind_v5(s->m, host, port, keepalive < 5 ? 5 : keepalive, NULL, props);
    sys = errno;
    mosquitto_property_free_all(&props);
    if (rc == MOSQ_ERR_SUCCESS)
        return true;
    mqtt_client_trouble(s->client, "cannot connect to '%s': %s%s%s", s->endpoint,
                        rc == MOSQ_ERR_EAI ? gai_strerror(sys) : rc == MOSQ_ERR_ERRNO ? err_errno(sys)
                                                                                      : mosquitto_strerror(rc),
                        s->library_error[0] != '\0' ? "; " : "", s->library_error);
    return false;
}

static bool
enter_connecting(struct mqtt_client *client)
{
    bool stop;

    pthread_mutex_lock(&client->lock);
    stop = client->stop;
    client->connecting = !stop;
    pthread_mutex_unlock(&client->lock);
    return !stop;
}

static bool
leave_connecting(struct mqtt_client *client)
{
    bool stop;

    pthread_mutex_lock(&client->lock);
    stop = client->stop;
    client->connecting = false;
    pthread_mutex_unlock(&client->lock);
    return !stop;
}

static bool
connect_to_broker(struct session *s)
{
    const struct conf_collector *c = NULL;
    struct conf *conf = mqtt_client_conf(s->client, &c);
    uint16_t port, keepalive;
    const char *host;
    bool ok, v5;

    if (conf == NULL)
        return false;
    host = arena_strdup(s->arena, c->mqtt.host);
    port = c->mqtt.port;
    keepalive = c->mqtt.keepalive_s;
    v5 = c->mqtt.version == 5;
    ok = set_up(s, c);
    conf_unref(conf);
    if (!ok || !enter_connecting(s->client))
        return false;
    ok = dial(s, host, port, keepalive, v5);
    return leave_connecting(s->client) && ok;
}

/* --- reading and acknowledging ------------------------------------------------------------ */

/* One batch: read, commit, acknowledge.  False: the session is over. */
static bool
turn(struct session *s)
{
    struct mqtt_client *client = s->client;
    const struct conf_collector *c = NULL;
    struct conf *conf = mqtt_client_conf(client, &c);
    struct tocsin_err err = { 0 };
    uint64_t seen;
    bool committed;
    int rc;

    if (conf == NULL)
        return false;
    mqtt_batch_begin(&client->batch, conf, c);
    do {
        seen = s->seen;
        rc = mosquitto_loop_read(s->m, 1);
    } while (rc == MOSQ_ERR_SUCCESS && s->seen > seen && client->batch.n < BATCH_MESSAGES &&
             client->batch.bytes < BATCH_BYTES);
    s->more = s->seen > seen;
    committed = mqtt_batch_finish(client, &err);
    conf_unref(conf);
    if (!committed) {
        char text[800];

        mqtt_client_trouble(client, "cannot accept messages, the broker keeps them: %s",
                            err_text(&err, text, sizeof text));
        s->explained = true;
        return false;
    }
    s->commits += client->batch.n > 0;
    if (rc != MOSQ_ERR_SUCCESS)
        return false;
    return !mosquitto_want_write(s->m) || mosquitto_loop_write(s->m, 1) == MOSQ_ERR_SUCCESS;
}

static void
say_goodbye(struct session *s)
{
    if (s->accepted_at == 0 || mosquitto_socket(s->m) < 0)
        return;
    if (mosquitto_disconnect_v5(s->m, 0, NULL) == MOSQ_ERR_SUCCESS)
        mosquitto_loop_write(s->m, 1);
}

/* Which events to wait for, and how long. */
static int
wait_for(const struct session *s, short *events)
{
    struct pollfd p = { .fd = mosquitto_socket(s->m), .events = POLLOUT };

    *events = POLLIN;
    if (s->more)
        return 0;
    if (!mosquitto_want_write(s->m))
        return TICK_MS;
    /* bytes to write to a socket that takes them: then it is TLS that waits, for bytes to read */
    if (poll(&p, 1, 0) == 1 && s->accepted_at == 0)
        return TLS_WAIT_MS;
    *events = POLLIN | POLLOUT;
    return TICK_MS;
}

/* Keep-alive and whatever has its time.  False: the session is over. */
static bool
tick(struct session *s)
{
    int64_t now = clock_mono_ms();

    if (mosquitto_loop_misc(s->m) != MOSQ_ERR_SUCCESS || mosquitto_socket(s->m) < 0)
        return false;
    mqtt_batch_report(s->client);
    if (s->accepted_at == 0 && now - s->begun_at > ACCEPT_WAIT_MS) {
        mqtt_client_trouble(s->client, "'%s' did not answer within %d s; does it expect %s?", s->endpoint,
                            ACCEPT_WAIT_MS / 1000, "TLS (mqtts://), or none (mqtt://),");
        s->explained = true;
        return false;
    }
    if (s->accepted_at != 0 && now - s->accepted_at > SETTLED_MS)
        s->client->quick_losses = 0;
    if (s->resubscribe_at != 0 && now >= s->resubscribe_at) {
        s->resubscribe_at = now + RESUBSCRIBE_MS;
        subscribe(s);
    }
    return true;
}

static void
work(struct session *s)
{
    /* CONNECT is in the queue */
    bool alive = mosquitto_loop_write(s->m, 1) == MOSQ_ERR_SUCCESS;

    while (alive && mosquitto_socket(s->m) >= 0) {
        struct pollfd p[2] = { { .fd = mosquitto_socket(s->m) }, { .fd = s->client->wake_fd, .events = POLLIN } };
        int timeout = wait_for(s, &p[0].events);

        if (poll(p, 2, timeout) < 0 && errno != EINTR) {
            mqtt_client_trouble(s->client, "cannot wait for '%s': %s", s->endpoint, err_errno(errno));
            s->explained = true;
            return;
        }
        if (mqtt_client_stopping(s->client)) {
            say_goodbye(s);
            return;
        }
        if (mosquitto_want_write(s->m))
            alive = mosquitto_loop_write(s->m, 1) == MOSQ_ERR_SUCCESS;
        if (alive && (s->more || (p[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0))
            alive = turn(s);
        alive = alive && tick(s);
    }
    if (!s->explained && !mqtt_client_stopping(s->client))
        on_disconnect(s->m, s, MOSQ_ERR_CONN_LOST, NULL);
}

enum mqtt_end
mqtt_session_run(struct mqtt_client *client)
{
    struct session s = { .client = client, .arena = arena_new() };
    bool worked;

    if (connect_to_broker(&s)) {
        s.begun_at = clock_mono_ms();
        work(&s);
    }
    mqtt_client_set_connected(client, false);
    worked = s.accepted_at != 0 && (s.commits > 0 || clock_mono_ms() - s.accepted_at > SETTLED_MS);
    mosquitto_destroy(s.m);        /* closes the socket; whatever is queued is not written */
    arena_free(s.arena);
    return mqtt_client_stopping(client) ? MQTT_STOPPED : worked ? MQTT_WORKED : MQTT_LOST;
}
