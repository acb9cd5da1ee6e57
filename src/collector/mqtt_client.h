/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_client.h - one MQTT collector at work; shared by the mqtt_*.c files only.
 *
 *   mqtt.c          the set of collectors; one thread each, back-off between sessions
 *   mqtt_session.c  one connection to the broker: connect, subscribe, read, acknowledge
 *   mqtt_batch.c    the messages of one read: handed to the sink, and what became of them
 *   mqtt_topic.c    filters with named wildcards
 */
#ifndef COLLECTOR_MQTT_CLIENT_H
#define COLLECTOR_MQTT_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>

#include <mosquitto.h>

#include "base/arena.h"
#include "collector/collector.h"
#include "collector/refusal.h"
#include "os/log.h"

/* --- batch ------------------------------------------------------------------------ */

struct mqtt_slot {                 /* one message */
    struct mqtt_batch *batch;
    struct mqtt_slot *next;
    const char *topic;
    uint64_t fingerprint;          /* of topic and payload */
    bool empty;                    /* a retained message was taken away */
    enum tocsin_rc rc;
    struct tocsin_err *err;        /* when rc is not TOCSIN_OK; heap */
};

struct mqtt_batch {
    struct arena *arena;
    const struct conf *conf;       /* of this batch; the session holds the reference */
    const struct conf_collector *c;
    struct mqtt_slot *first, *last;
    size_t n, bytes;
    atomic_size_t pending;         /* messages whose done() is outstanding, and one for the reader */
    pthread_mutex_t lock;
    pthread_cond_t all_done;
    bool done;
};

struct mqtt_client;

void mqtt_batch_init(struct mqtt_batch *);
void mqtt_batch_release(struct mqtt_batch *);
void mqtt_batch_begin(struct mqtt_batch *, const struct conf *, const struct conf_collector *);
/* Hand one message to the sink. */
void mqtt_batch_add(struct mqtt_client *, const struct mosquitto_message *);
/* Wait for the commit.  False: something is to be delivered again, so nothing may be acknowledged; err says why. */
bool mqtt_batch_finish(struct mqtt_client *, struct tocsin_err *err);
/* Say how many refusals were not logged one by one, once the second is over. */
void mqtt_batch_report(struct mqtt_client *);

/* --- client ------------------------------------------------------------------------ */

enum { MQTT_INTERNAL_TRIES = 5, MQTT_POISON = 16 };

struct mqtt_poison { uint64_t fingerprint; unsigned tries; };   /* a message that fails by our own fault */

struct mqtt_client {
    pthread_t thread;
    atomic_int refs;               /* the set and the thread */
    int wake_fd;                   /* eventfd: readable once stop is set */
    char *name, *digest;
    struct sink sink;

    pthread_mutex_t lock;          /* guards from here ... */
    bool stop;
    bool connecting;               /* inside a call that may block for minutes: name look-up, TCP connect */
    struct conf *conf;             /* NULL once stopped */
    const struct conf_collector *c;
    bool connected;
    uint64_t messages, refused;
    char last_error[600];          /* ... to here */

    /* the thread's own */
    struct complaint trouble;
    struct mqtt_batch batch;
    unsigned quick_losses;         /* connections in a row that were lost soon after they were accepted */
    bool was_connected;            /* at least one session worked: the broker should know us by now */
    bool subscribed;               /* to all topics, in the session that the broker keeps */
    struct mqtt_poison poison[MQTT_POISON]; unsigned next_poison;
    struct refusal_flood flood;
};

/* The configuration, with a reference; NULL once the client is to stop. */
struct conf *mqtt_client_conf(struct mqtt_client *, const struct conf_collector **c_r);
bool mqtt_client_stopping(struct mqtt_client *);
void mqtt_client_count(struct mqtt_client *, uint64_t messages, uint64_t refused);
void mqtt_client_set_connected(struct mqtt_client *, bool connected);
/* Remember and complain. */
void mqtt_client_trouble(struct mqtt_client *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* --- session ----------------------------------------------------------------------- */

enum mqtt_end {
    MQTT_STOPPED,                  /* the client is to stop */
    MQTT_LOST,                     /* not connected, or not any more: come back after the back-off */
    MQTT_WORKED                    /* the same, but it had worked: begin the back-off anew */
};

/* Connect and work until the connection ends. */
enum mqtt_end mqtt_session_run(struct mqtt_client *);

/* To be called, after mosquitto_lib_init(), before a thread makes a TLS connection. */
void mqtt_tls_prepare(void);

#endif
