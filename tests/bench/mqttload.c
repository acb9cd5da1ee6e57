/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqttload - QoS 1 messages through a broker, as fast as they go.
 *
 *   mqttload pub PORT N TOPIC          publish N alerts, each a key of its own; ends when all are acknowledged
 *   mqttload sub PORT N TOPIC          bare libmosquitto subscriber: ends when N have arrived
 *   mqttload collector PORT N TOPIC    tocsin's collector with a sink that accepts at once: the same
 *
 * sub and collector print "ready" when they are subscribed, and at the end the
 * seconds between the first and the last message.
 */
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mosquitto.h>

#include "collector/collector.h"
#include "os/clock.h"
#include "os/log.h"

static atomic_long arrived;
static atomic_llong first_us, last_us;

static void
count_one(void)
{
    long long now = clock_mono_us(), none = 0;

    atomic_compare_exchange_strong(&first_us, &none, now);
    atomic_store(&last_us, now);
    atomic_fetch_add(&arrived, 1);
}

static int
report(void)
{
    double seconds = (double)(atomic_load(&last_us) - atomic_load(&first_us)) / 1e6;

    printf("{\"messages\": %ld, \"seconds\": %.3f}\n", atomic_load(&arrived), seconds);
    return 0;
}

static void
ready(void)
{
    puts("ready");
    fflush(stdout);
}

/* --- pub ----------------------------------------------------------------------------- */

static void
on_publish(struct mosquitto *m, void *ctx, int mid)
{
    (void)m;
    (void)ctx;
    (void)mid;
    atomic_fetch_add(&arrived, 1);
}

static int
publish_all(int port, long n, const char *topic)
{
    enum { WINDOW = 2000 };
    struct mosquitto *m = mosquitto_new(NULL, true, NULL);
    char text[256];

    if (m == NULL || mosquitto_int_option(m, MOSQ_OPT_SEND_MAXIMUM, 65535) != MOSQ_ERR_SUCCESS)
        return 1;
    mosquitto_publish_callback_set(m, on_publish);
    if (mosquitto_connect(m, "127.0.0.1", port, 60) != MOSQ_ERR_SUCCESS || mosquitto_loop_start(m) != MOSQ_ERR_SUCCESS)
        return 1;
    for (long i = 0; i < n; i++) {
        int len = snprintf(text, sizeof text, "{\"dedup_key\":\"mq-%ld\",\"severity\":\"info\","
                           "\"summary\":\"fan %ld is slow\",\"labels\":{\"fan\":\"%ld\",\"unit\":\"rpm\"}}", i, i, i);

        while (i - atomic_load(&arrived) > WINDOW)
            usleep(200);
        if (mosquitto_publish(m, NULL, topic, len, text, 1, false) != MOSQ_ERR_SUCCESS)
            return 1;
    }
    while (atomic_load(&arrived) < n)
        usleep(1000);
    mosquitto_disconnect(m);
    mosquitto_loop_stop(m, false);
    mosquitto_destroy(m);
    return 0;
}

/* --- sub ------------------------------------------------------------------------------ */

static void
on_message(struct mosquitto *m, void *ctx, const struct mosquitto_message *msg)
{
    (void)m;
    (void)ctx;
    (void)msg;
    count_one();
}

static void
on_subscribe(struct mosquitto *m, void *ctx, int mid, int n, const int *granted)
{
    (void)m;
    (void)ctx;
    (void)mid;
    (void)n;
    (void)granted;
    ready();
}

static int
subscribe_bare(int port, long n, const char *topic)
{
    struct mosquitto *m = mosquitto_new("bench-bare", false, NULL);

    if (m == NULL)
        return 1;
    mosquitto_message_callback_set(m, on_message);
    mosquitto_subscribe_callback_set(m, on_subscribe);
    if (mosquitto_connect(m, "127.0.0.1", port, 60) != MOSQ_ERR_SUCCESS ||
        mosquitto_subscribe(m, NULL, topic, 1) != MOSQ_ERR_SUCCESS)
        return 1;
    while (atomic_load(&arrived) < n) {
        if (mosquitto_loop(m, 1000, 1) != MOSQ_ERR_SUCCESS)
            return 1;
    }
    mosquitto_disconnect(m);
    mosquitto_destroy(m);
    return report();
}

/* --- collector -------------------------------------------------------------------------- */

static void
accept_at_once(void *ctx, const struct conf_collector *c, const struct tocsin_payload *in, ingest_done done,
               void *done_ctx)
{
    (void)ctx;
    (void)c;
    (void)in;
    count_one();
    done(done_ctx, &(struct ingest_result){ .rc = TOCSIN_OK, .accepted = 1 });
}

static int
collect(int port, long n, const char *topic)
{
    struct conf_collector c = {
        .name = "bench", .type = "mqtt", .format = "json", .digest = "1",
        .mqtt = { .host = "127.0.0.1", .port = (uint16_t)port, .client_id = "bench-collector", .topics = &topic,
                  .n_topics = 1, .version = 311, .keepalive_s = 60 }
    };
    struct conf conf = { .collectors = &c, .n_collectors = 1, .refs = 2, .http.body_max = 1 << 20 };
    struct sink sink = { .submit = accept_at_once };
    struct mqtt_collectors *set = mqtt_collectors_new(&sink);
    struct arena *arena = arena_new();
    struct mqtt_status *status = NULL;

    log_set_level(LOG_LEVEL_WARN);
    mqtt_collectors_apply(set, &conf);
    while (mqtt_collectors_status(set, arena, &status) != 1 || !status[0].connected)
        usleep(10000);
    usleep(200000);
    ready();
    while (atomic_load(&arrived) < n)
        usleep(1000);
    mqtt_collectors_free(set);
    arena_free(arena);
    return report();
}

int
main(int argc, char **argv)
{
    static const struct { const char *name; int (*run)(int, long, const char *); } modes[] = {
        { "pub", publish_all }, { "sub", subscribe_bare }, { "collector", collect }
    };
    int rc = 2;

    mosquitto_lib_init();
    for (size_t i = 0; argc == 5 && i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(argv[1], modes[i].name) == 0)
            rc = modes[i].run((int)strtol(argv[2], NULL, 10), strtol(argv[3], NULL, 10), argv[4]);
    }
    mosquitto_lib_cleanup();
    if (rc == 2)
        fprintf(stderr, "usage: mqttload pub|sub|collector PORT N TOPIC\n");
    return rc;
}
