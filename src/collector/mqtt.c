/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt.c - the MQTT collectors of a configuration: one thread each, started
 * and stopped as the configuration changes, and the wait between two sessions.
 *
 * A client is shared by this set and its thread.  Stopping one waits for its
 * thread, and so for the commit of the batch that it has in hand; except while
 * the thread sits in a call that may block for minutes (name look-up, TCP
 * connect): then it is let go, touches nothing but its own struct, and frees
 * that when the call returns.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "collector/mqtt_client.h"
#include "os/rand.h"

enum { BACKOFF_MIN_MS = 1000, BACKOFF_MAX_MS = 30000 };

struct mqtt_collectors {
    struct sink sink;
    pthread_mutex_t lock;          /* of the list; never held while waiting for a thread */
    struct mqtt_client **clients;
    size_t n;
    bool let_go;                   /* a thread was left behind: the library may not be cleaned up under it */
};

/* --- client ------------------------------------------------------------------------------ */

static void
client_unref(struct mqtt_client *client)
{
    if (atomic_fetch_sub(&client->refs, 1) != 1)
        return;
    mqtt_batch_release(&client->batch);
    pthread_mutex_destroy(&client->lock);
    if (client->wake_fd >= 0)
        close(client->wake_fd);
    free(client->name);
    free(client->digest);
    free(client);
}

struct conf *
mqtt_client_conf(struct mqtt_client *client, const struct conf_collector **c_r)
{
    struct conf *conf = NULL;

    pthread_mutex_lock(&client->lock);
    if (client->conf != NULL && !client->stop) {
        conf = conf_ref(client->conf);
        *c_r = client->c;
    }
    pthread_mutex_unlock(&client->lock);
    return conf;
}

bool
mqtt_client_stopping(struct mqtt_client *client)
{
    bool stop;

    pthread_mutex_lock(&client->lock);
    stop = client->stop;
    pthread_mutex_unlock(&client->lock);
    return stop;
}

/* What was accepted proves that all is well again. */
void
mqtt_client_count(struct mqtt_client *client, uint64_t messages, uint64_t refused)
{
    if (messages == 0)
        return;
    if (client->trouble.active && messages > refused)
        complaint_over(&client->trouble, "mqtt", client->name, "messages arrive again");
    pthread_mutex_lock(&client->lock);
    client->messages += messages;
    client->refused += refused;
    pthread_mutex_unlock(&client->lock);
}

void
mqtt_client_set_connected(struct mqtt_client *client, bool connected)
{
    pthread_mutex_lock(&client->lock);
    client->connected = connected;
    if (connected)
        client->last_error[0] = '\0';
    pthread_mutex_unlock(&client->lock);
}

void
mqtt_client_trouble(struct mqtt_client *client, const char *fmt, ...)
{
    char text[sizeof client->last_error];
    bool stop;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    pthread_mutex_lock(&client->lock);
    memcpy(client->last_error, text, sizeof text);
    stop = client->stop;
    pthread_mutex_unlock(&client->lock);
    if (!stop)
        complain(&client->trouble, "mqtt", client->name, "%s", text);
}

/* Wait before the next try; false when the client is to stop. */
static bool
wait_ms(struct mqtt_client *client, int64_t ms)
{
    struct pollfd p = { .fd = client->wake_fd, .events = POLLIN };

    while (poll(&p, 1, (int)ms) < 0 && errno == EINTR)
        ;
    return !mqtt_client_stopping(client);
}

static void *
client_main(void *arg)
{
    struct mqtt_client *client = arg;
    int64_t backoff_ms = BACKOFF_MIN_MS;

    pthread_setname_np(pthread_self(), "mqtt");
    for (;;) {
        enum mqtt_end end = mqtt_session_run(client);

        if (end == MQTT_STOPPED)
            break;
        if (end == MQTT_WORKED)
            backoff_ms = BACKOFF_MIN_MS;
        /* jitter, so that a broker that comes back does not meet all its clients at once */
        if (!wait_ms(client, backoff_ms / 2 + (int64_t)(rand_u64() % (uint64_t)(backoff_ms / 2 + 1))))
            break;
        backoff_ms = backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : backoff_ms * 2;
    }
    client_unref(client);
    return NULL;
}

static struct mqtt_client *
client_start(const struct sink *sink, struct conf *conf, const struct conf_collector *c)
{
    struct mqtt_client *client = xcalloc(1, sizeof *client);
    int rc;

    atomic_init(&client->refs, 2);
    client->name = xstrdup(c->name);
    client->digest = xstrdup(c->digest);
    client->sink = *sink;
    client->conf = conf_ref(conf);
    client->c = c;
    pthread_mutex_init(&client->lock, NULL);
    mqtt_batch_init(&client->batch);
    if (c->mqtt.tls)
        mqtt_tls_prepare();
    client->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rc = client->wake_fd < 0 ? errno : pthread_create(&client->thread, NULL, client_main, client);
    if (rc == 0)
        return client;
    log_error("mqtt", c->name, "cannot start the collector: %s", err_errno(rc));
    conf_unref(conf);
    client_unref(client);
    client_unref(client);
    return NULL;
}

/* Tell it to stop.  Its configuration is ours again. */
static void
client_ask_to_stop(struct mqtt_client *client)
{
    uint64_t one = 1;
    struct conf *conf;

    pthread_mutex_lock(&client->lock);
    client->stop = true;
    conf = client->conf;
    client->conf = NULL;
    client->c = NULL;
    pthread_mutex_unlock(&client->lock);
    if (write(client->wake_fd, &one, sizeof one) != (ssize_t)sizeof one)
        log_error("mqtt", client->name, "cannot wake the collector: %s", err_errno(errno));
    conf_unref(conf);
}

/* Wait for its end, or let it go; true when it was let go. */
static bool
client_join(struct mqtt_client *client)
{
    bool connecting;

    pthread_mutex_lock(&client->lock);
    connecting = client->connecting;
    if (connecting)                /* under the lock: it cannot end before */
        pthread_detach(client->thread);
    pthread_mutex_unlock(&client->lock);
    if (!connecting)
        pthread_join(client->thread, NULL);
    client_unref(client);
    return connecting;
}

/* --- the set -------------------------------------------------------------------------------- */

struct mqtt_collectors *
mqtt_collectors_new(const struct sink *sink)
{
    struct mqtt_collectors *set = xcalloc(1, sizeof *set);

    mosquitto_lib_init();
    set->sink = *sink;
    pthread_mutex_init(&set->lock, NULL);
    return set;
}

static const struct conf_collector *
find_unchanged(const struct conf *conf, const struct mqtt_client *client)
{
    for (size_t i = 0; i < conf->n_collectors; i++) {
        const struct conf_collector *c = &conf->collectors[i];

        if (strcmp(c->type, "mqtt") == 0 && strcmp(c->name, client->name) == 0 &&
            strcmp(c->digest, client->digest) == 0)
            return c;
    }
    return NULL;
}

/* The thread goes on undisturbed and uses the new configuration from its next batch on. */
static void
client_adopt(struct mqtt_client *client, struct conf *conf, const struct conf_collector *c)
{
    struct conf *old;

    pthread_mutex_lock(&client->lock);
    old = client->conf;
    client->conf = conf_ref(conf);
    client->c = c;
    pthread_mutex_unlock(&client->lock);
    conf_unref(old);
}

static bool
is_running(const struct mqtt_collectors *set, const char *name)
{
    for (size_t i = 0; i < set->n; i++) {
        if (strcmp(set->clients[i]->name, name) == 0)
            return true;
    }
    return false;
}

static void
stop_all(struct mqtt_collectors *set, struct mqtt_client **gone, size_t n)
{
    for (size_t i = 0; i < n; i++)
        client_ask_to_stop(gone[i]);
    for (size_t i = 0; i < n; i++)
        set->let_go |= client_join(gone[i]);
    free(gone);
}

/* Take those out of the list that are not in conf as they are. */
static struct mqtt_client **
take_gone(struct mqtt_collectors *set, struct conf *conf, size_t *n_r)
{
    struct mqtt_client **gone = xcalloc(set->n + 1, sizeof *gone);
    size_t kept = 0;

    *n_r = 0;
    pthread_mutex_lock(&set->lock);
    for (size_t i = 0; i < set->n; i++) {
        const struct conf_collector *c = conf != NULL ? find_unchanged(conf, set->clients[i]) : NULL;

        if (c == NULL) {
            gone[(*n_r)++] = set->clients[i];
            continue;
        }
        client_adopt(set->clients[i], conf, c);
        set->clients[kept++] = set->clients[i];
    }
    set->n = kept;
    pthread_mutex_unlock(&set->lock);
    return gone;
}

void
mqtt_collectors_apply(struct mqtt_collectors *set, struct conf *conf)
{
    size_t n_gone = 0;
    struct mqtt_client **gone = take_gone(set, conf, &n_gone);

    /* a changed one may keep its client id, which only one connection can have: the old one ends first */
    stop_all(set, gone, n_gone);
    pthread_mutex_lock(&set->lock);
    set->clients = xrealloc(set->clients, (set->n + conf->n_collectors + 1) * sizeof *set->clients);
    for (size_t i = 0; i < conf->n_collectors; i++) {
        const struct conf_collector *c = &conf->collectors[i];
        struct mqtt_client *client;

        if (strcmp(c->type, "mqtt") != 0 || is_running(set, c->name))
            continue;
        client = client_start(&set->sink, conf, c);
        if (client != NULL)
            set->clients[set->n++] = client;
    }
    pthread_mutex_unlock(&set->lock);
}

size_t
mqtt_collectors_status(struct mqtt_collectors *set, struct arena *arena, struct mqtt_status **out)
{
    struct mqtt_status *all;
    size_t n;

    pthread_mutex_lock(&set->lock);
    n = set->n;
    all = arena_zalloc(arena, (n + 1) * sizeof *all);
    for (size_t i = 0; i < n; i++) {
        struct mqtt_client *client = set->clients[i];

        pthread_mutex_lock(&client->lock);
        all[i] = (struct mqtt_status){
            .collector = arena_strdup(arena, client->name), .connected = client->connected,
            .messages = client->messages, .refused = client->refused,
            .last_error = arena_strdup(arena, client->last_error)
        };
        pthread_mutex_unlock(&client->lock);
    }
    pthread_mutex_unlock(&set->lock);
    *out = all;
    return n;
}

void
mqtt_collectors_free(struct mqtt_collectors *set)
{
    size_t n = 0;
    struct mqtt_client **gone;

    if (set == NULL)
        return;
    gone = take_gone(set, NULL, &n);
    stop_all(set, gone, n);
    if (!set->let_go)
        mosquitto_lib_cleanup();
    pthread_mutex_destroy(&set->lock);
    free(set->clients);
    free(set);
}
