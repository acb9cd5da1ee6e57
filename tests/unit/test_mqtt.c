/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MQTT collector between a broker and a sink that are both in the hands of
 * the test: what is acknowledged, when, and what is asked for again.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "collector/mqtt_client.h"
#include "unit/mqtt_broker.h"
#include "os/clock.h"

/* libmosquitto 2.0 unlocks a mutex that it has not locked when a broker sends DISCONNECT; not ours to mend. */
const char *__tsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *
__tsan_default_suppressions(void)
{
    return "mutex:libmosquitto.so\n";
}

/* Stand in for conf.c: only the count of references matters here. */
__attribute__((weak)) struct conf *
conf_ref(struct conf *conf)
{
    __atomic_add_fetch(&conf->refs, 1, __ATOMIC_SEQ_CST);
    return conf;
}

__attribute__((weak)) void
conf_unref(struct conf *conf)
{
    if (conf != NULL)
        __atomic_sub_fetch(&conf->refs, 1, __ATOMIC_SEQ_CST);
}

/* --- the sink: keeps what is submitted until the test answers it --------------------------------- */

struct held { ingest_done done; void *ctx; char body[64], topic[64], labels[128]; size_t len; bool answered; };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct held held[512];
    size_t n;                      /* submitted so far */
    bool automatic;                /* answer TOCSIN_OK at once */
} sink_state = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void
fake_submit(void *ctx, const struct conf_collector *c, const struct tocsin_payload *in, ingest_done done,
            void *done_ctx)
{
    struct held *h;
    bool automatic;

    (void)ctx;
    assert_string_equal(in->collector, c->name);
    assert_null(in->content_type);
    assert_int_equal(in->body[in->len], '\0');
    assert_null(in->header(in, "X-Any"));
    assert_true(in->received_at > 1600000000000);
    pthread_mutex_lock(&sink_state.lock);
    h = &sink_state.held[sink_state.n++];
    *h = (struct held){ .done = done, .ctx = done_ctx, .len = in->len };
    snprintf(h->body, sizeof h->body, "%s", in->body);
    snprintf(h->topic, sizeof h->topic, "%s", in->topic);
    for (size_t i = 0; i < in->n_topic_labels; i++) {
        size_t at = strlen(h->labels);

        snprintf(h->labels + at, sizeof h->labels - at, "%s=%s ", in->topic_labels[i].name, in->topic_labels[i].value);
    }
    automatic = sink_state.automatic;
    h->answered = automatic;
    pthread_cond_broadcast(&sink_state.changed);
    pthread_mutex_unlock(&sink_state.lock);
    if (automatic)
        done(done_ctx, &(struct ingest_result){ .rc = TOCSIN_OK, .accepted = 1 });
}

/* The i-th message submitted since the start of the test; waits for it. */
static struct held
submitted(size_t i)
{
    struct timespec until;
    struct held h;
    int rc = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    pthread_mutex_lock(&sink_state.lock);
    while (sink_state.n <= i && rc == 0)
        rc = pthread_cond_timedwait(&sink_state.changed, &sink_state.lock, &until);
    h = sink_state.held[i];
    pthread_mutex_unlock(&sink_state.lock);
    if (rc != 0)
        fail_msg("message %zu was not submitted", i);
    return h;
}

static void
answer(size_t i, enum tocsin_rc rc)
{
    struct held h = submitted(i);
    struct ingest_result r = { .rc = rc };

    if (rc != TOCSIN_OK)
        err_set(&r.err, rc, "$.status", "the test says so");
    pthread_mutex_lock(&sink_state.lock);
    sink_state.held[i].answered = true;
    pthread_mutex_unlock(&sink_state.lock);
    h.done(h.ctx, &r);
}

/* A test that failed half way leaves questions open, and the collector waits for the answers. */
static void
answer_the_rest(void)
{
    pthread_mutex_lock(&sink_state.lock);
    sink_state.automatic = true;
    pthread_mutex_unlock(&sink_state.lock);
    for (size_t i = 0; i < sink_state.n; i++) {
        if (!sink_state.held[i].answered)
            answer(i, TOCSIN_OK);
    }
}

static size_t
count_submitted(void)
{
    size_t n;

    pthread_mutex_lock(&sink_state.lock);
    n = sink_state.n;
    pthread_mutex_unlock(&sink_state.lock);
    return n;
}

static const struct sink fake_sink = { .submit = fake_submit };

/* --- a configuration with one collector ------------------------------------------------------------ */

struct world {
    struct broker broker;
    struct conf conf;
    struct conf_collector collector;
    const char *topics[2];
    struct mqtt_collectors *set;
    struct arena *arena;
};

static int
setup(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);

    log_set_level(LOG_LEVEL_ERROR);
    pthread_mutex_lock(&sink_state.lock);
    sink_state.n = 0;
    sink_state.automatic = false;
    pthread_mutex_unlock(&sink_state.lock);
    broker_open(&w->broker);
    w->topics[0] = "train/+cluster/+host/alert";
    w->topics[1] = "plant/#rest";
    w->collector = (struct conf_collector){
        .name = "training", .type = "mqtt", .format = "json", .digest = "d1",
        .mqtt = { .host = "127.0.0.1", .port = w->broker.port, .client_id = "tocsin-1", .topics = w->topics,
                  .n_topics = 2, .version = 311, .keepalive_s = 30 }
    };
    w->conf = (struct conf){ .collectors = &w->collector, .n_collectors = 1, .refs = 1, .http.body_max = 50 };
    w->set = mqtt_collectors_new(&fake_sink);
    w->arena = arena_new();
    *state = w;
    return 0;
}

static int
teardown(void **state)
{
    struct world *w = *state;

    answer_the_rest();
    mqtt_collectors_free(w->set);
    assert_int_equal(w->conf.refs, 1);
    broker_close(&w->broker);
    arena_free(w->arena);
    free(w);
    return 0;
}

static void
welcome(struct world *w, struct packet *connect_packet, struct packet *sub)
{
    bool v5 = w->collector.mqtt.version == 5;

    broker_accept(&w->broker, connect_packet);
    broker_connack(&w->broker, v5, false, 0);
    broker_expect(&w->broker, P_SUBSCRIBE, sub);
    broker_suback(&w->broker, sub, v5, w->collector.mqtt.n_topics, 1);
}

static void
begin(struct world *w)
{
    struct packet c, s;

    mqtt_collectors_apply(w->set, &w->conf);
    welcome(w, &c, &s);
}

static struct mqtt_status
status(struct world *w)
{
    struct mqtt_status *all = NULL;

    assert_int_equal(mqtt_collectors_status(w->set, w->arena, &all), 1);
    assert_string_equal(all[0].collector, "training");
    return all[0];
}

static bool
contains(const struct packet *p, const char *text)
{
    return memmem(p->body, p->n, text, strlen(text)) != NULL;
}

/* --- cases ------------------------------------------------------------------------------------------- */

static void
asks_for_a_lasting_session(void **state)
{
    struct world *w = *state;
    struct packet c, s;

    w->collector.mqtt.username = "anna";
    w->collector.mqtt.password = "geheim";
    mqtt_collectors_apply(w->set, &w->conf);
    welcome(w, &c, &s);
    assert_memory_equal(c.body, "\0\4MQTT\4", 7);
    assert_int_equal(c.body[7], 0xc0);                      /* user name, password, no clean session */
    assert_true(contains(&c, "tocsin-1") && contains(&c, "anna") && contains(&c, "geheim"));
    assert_true(contains(&s, "train/+/+/alert\1") && contains(&s, "plant/#\1"));
}

static void
puback_waits_for_the_commit(void **state)
{
    struct world *w = *state;
    struct held h;

    begin(w);
    broker_publish(&w->broker, 7, false, "train/c1/h9/alert", "{}");
    broker_publish(&w->broker, 8, false, "plant/x/y", "{}");
    h = submitted(0);
    assert_string_equal(h.topic, "train/c1/h9/alert");
    assert_string_equal(h.labels, "cluster=c1 host=h9 ");
    assert_false(readable(w->broker.fd, 300));
    answer(0, TOCSIN_OK);
    assert_string_equal(submitted(1).labels, "rest=x/y ");
    answer(1, TOCSIN_OK);
    assert_int_equal(broker_expect_puback(&w->broker), 7);
    assert_int_equal(broker_expect_puback(&w->broker), 8);
}

static void
batch_is_acknowledged_together(void **state)
{
    struct world *w = *state;
    size_t n = 0;

    begin(w);
    broker_publish(&w->broker, 1, false, "plant/a", "first");
    (void)submitted(0);
    usleep(50000);                                          /* it has seen that there is no more, and waits */
    for (unsigned i = 2; i <= 300; i++)
        broker_publish(&w->broker, i, false, "plant/a", "more");
    answer(0, TOCSIN_OK);
    assert_int_equal(broker_expect_puback(&w->broker), 1);
    (void)submitted(200);                                   /* the next batch: 200 more, not all 299 */
    assert_false(readable(w->broker.fd, 100));
    assert_int_equal(n = count_submitted(), 201);
    for (size_t i = 1; i < n; i++)
        answer(i, TOCSIN_OK);
    for (unsigned i = 2; i <= 201; i++)
        assert_int_equal(broker_expect_puback(&w->broker), i);
    for (size_t i = 201; i < 300; i++)
        answer(i, TOCSIN_OK);
    for (unsigned i = 202; i <= 300; i++)
        assert_int_equal(broker_expect_puback(&w->broker), i);
    assert_int_equal(status(w).messages, 300);
}

static void
senders_fault_does_not_block_the_topic(void **state)
{
    static const enum tocsin_rc faults[] = { TOCSIN_BAD_INPUT, TOCSIN_MEANINGLESS, TOCSIN_TOO_LARGE,
                                             TOCSIN_UNSUPPORTED, TOCSIN_NOT_FOUND };
    struct world *w = *state;

    begin(w);
    for (unsigned i = 0; i < 5; i++) {
        broker_publish(&w->broker, 20 + i, false, "plant/a", "not json");
        answer(i, faults[i]);
        assert_int_equal(broker_expect_puback(&w->broker), 20 + i);
    }
    broker_publish(&w->broker, 30, false, "plant/a", "012345678901234567890123456789012345678901234567890");
    assert_int_equal(broker_expect_puback(&w->broker), 30); /* over body_max: the sink is not even asked */
    assert_int_equal(count_submitted(), 5);
    assert_int_equal(status(w).messages, 6);
    assert_int_equal(status(w).refused, 6);
}

static void
what_is_not_committed_is_asked_for_again(void **state)
{
    static const enum tocsin_rc faults[] = { TOCSIN_TEMPORARY, TOCSIN_FULL };
    struct world *w = *state;
    struct packet c, s;

    begin(w);
    for (size_t i = 0; i < 2; i++) {
        broker_publish(&w->broker, 5, false, "plant/a", "x");
        answer(i, faults[i]);
        assert_true(broker_is_left(&w->broker));            /* no PUBACK, no DISCONNECT */
        assert_non_null(strstr(status(w).last_error, "the test says so"));
        welcome(w, &c, &s);
    }
    broker_publish(&w->broker, 5, false, "plant/a", "x");
    answer(2, TOCSIN_OK);
    assert_int_equal(broker_expect_puback(&w->broker), 5);
    assert_int_equal(status(w).messages, 1);
}

static void
retained_messages_are_an_option(void **state)
{
    struct world *w = *state;
    struct packet c, s;

    sink_state.automatic = true;
    begin(w);
    broker_publish(&w->broker, 1, true, "plant/a", "old");
    assert_int_equal(broker_expect_puback(&w->broker), 1);
    assert_int_equal(count_submitted(), 0);
    w->collector.mqtt.retained = true;
    w->collector.digest = "d2";
    mqtt_collectors_apply(w->set, &w->conf);
    broker_expect(&w->broker, P_DISCONNECT, &c);
    welcome(w, &c, &s);
    broker_publish(&w->broker, 2, true, "plant/a", "old");
    assert_int_equal(broker_expect_puback(&w->broker), 2);
    assert_string_equal(submitted(0).body, "old");
}

/* An empty message clears a topic: it is no mistake of the sender, whatever the decoder says to an empty body. */
static void
an_empty_message_is_no_mistake(void **state)
{
    struct world *w = *state;

    begin(w);
    broker_publish(&w->broker, 1, false, "plant/a", "");
    answer(0, TOCSIN_BAD_INPUT);
    assert_int_equal(broker_expect_puback(&w->broker), 1);
    assert_int_equal(status(w).refused, 0);
    broker_publish(&w->broker, 2, false, "plant/a", "{");
    answer(1, TOCSIN_BAD_INPUT);
    assert_int_equal(broker_expect_puback(&w->broker), 2);
    assert_int_equal(status(w).refused, 1);
}

static void
says_why_the_broker_refuses(void **state)
{
    struct world *w = *state;
    struct packet c, s;

    mqtt_collectors_apply(w->set, &w->conf);
    broker_accept(&w->broker, &c);
    broker_connack(&w->broker, false, false, 4);
    assert_true(broker_is_left(&w->broker));
    broker_accept(&w->broker, &c);                          /* it comes back */
    assert_non_null(strstr(status(w).last_error, "wrong user name or password"));
    broker_connack(&w->broker, false, false, 0);
    broker_expect(&w->broker, P_SUBSCRIBE, &s);
    broker_suback(&w->broker, &s, false, 2, 0x80);
    broker_publish(&w->broker, 1, false, "plant/a", "x");   /* the other topic works */
    answer(0, TOCSIN_OK);
    assert_int_equal(broker_expect_puback(&w->broker), 1);
    assert_true(status(w).connected);
    assert_non_null(strstr(status(w).last_error, "refused the subscription to 'train/+cluster/+host/alert'"));
}

static void
reload_leaves_the_unchanged_alone(void **state)
{
    struct world *w = *state;
    struct conf next = w->conf;
    struct packet p;

    sink_state.automatic = true;
    begin(w);
    next.refs = 1;
    mqtt_collectors_apply(w->set, &next);
    assert_int_equal(w->conf.refs, 1);                      /* nobody holds the old configuration */
    broker_publish(&w->broker, 3, false, "plant/a", "x");
    assert_int_equal(broker_expect_puback(&w->broker), 3);
    assert_false(readable(w->broker.listen_fd, 50));
    next.n_collectors = 0;
    mqtt_collectors_apply(w->set, &next);
    broker_expect(&w->broker, P_DISCONNECT, &p);
    assert_int_equal(next.refs, 1);
}

static void
version_5_keeps_the_session_and_tells_a_take_over(void **state)
{
    static const unsigned char expiry[] = { 0x11, 0xff, 0xff, 0xff, 0xff };
    static const unsigned char maximum[] = { 0x21, 1000 >> 8, 1000 & 0xff };
    struct world *w = *state;
    struct packet c, s;

    w->collector.mqtt.version = 5;
    mqtt_collectors_apply(w->set, &w->conf);
    welcome(w, &c, &s);
    assert_memory_equal(c.body, "\0\4MQTT\5", 7);
    assert_int_equal(c.body[7], 0);
    assert_non_null(memmem(c.body, c.n, expiry, sizeof expiry));
    assert_non_null(memmem(c.body, c.n, maximum, sizeof maximum));
    assert_true(contains(&s, "plant/#\x21"));               /* QoS 1, retained messages never */
    broker_write(&w->broker, "\xe0\2\x8e\0", 4);
    broker_accept(&w->broker, &c);
    assert_non_null(strstr(status(w).last_error, "another client uses the client id 'tocsin-1'"));
}

static void
client_id_of_its_own(void **state)
{
    struct world *w = *state;
    struct packet c, s;
    char host[256] = "", id[300];

    w->collector.mqtt.client_id = "";
    mqtt_collectors_apply(w->set, &w->conf);
    welcome(w, &c, &s);
    gethostname(host, sizeof host - 1);
    snprintf(id, sizeof id, "tocsin-%s-training", host);
    assert_true(contains(&c, id));
}

static void
stops_while_nobody_listens(void **state)
{
    struct world *w = *state;
    int64_t begun = clock_mono_ms();

    w->collector.mqtt.port = 1;                             /* refused at once: it waits for its next try */
    mqtt_collectors_apply(w->set, &w->conf);
    for (int i = 0; i < 100 && status(w).last_error[0] == '\0'; i++)
        usleep(20000);
    assert_non_null(strstr(status(w).last_error, "cannot connect to '127.0.0.1:1'"));
    mqtt_collectors_free(w->set);
    assert_in_range(clock_mono_ms() - begun, 0, 3000);
    w->set = mqtt_collectors_new(&fake_sink);
}

/* A message that we cannot take by our own fault is tried a few times, then let go: two do not hide each other. */
static void
poison_is_let_go(void **state)
{
    struct world *w = *state;
    struct mqtt_client client = { .name = "training", .sink = fake_sink };
    unsigned tries = 0;
    bool done = false;

    pthread_mutex_init(&client.lock, NULL);
    mqtt_batch_init(&client.batch);
    while (!done && tries++ < 20) {
        struct tocsin_err err = { 0 };
        struct mosquitto_message m[2] = { { .topic = "plant/a", .payload = "p1", .payloadlen = 2 },
                                          { .topic = "plant/b", .payload = "p1", .payloadlen = 2 } };
        size_t at = count_submitted();

        mqtt_batch_begin(&client.batch, &w->conf, &w->collector);
        for (size_t i = 0; i < 2; i++) {
            mqtt_batch_add(&client, &m[i]);
            answer(at + i, TOCSIN_INTERNAL);
        }
        done = mqtt_batch_finish(&client, &err);
        assert_true(done || err.rc == TOCSIN_INTERNAL);
    }
    assert_in_range(tries, MQTT_INTERNAL_TRIES, 2 * MQTT_INTERNAL_TRIES);
    assert_int_equal(client.refused, 2);
    mqtt_batch_release(&client.batch);
    pthread_mutex_destroy(&client.lock);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(asks_for_a_lasting_session), CASE(puback_waits_for_the_commit), CASE(batch_is_acknowledged_together),
        CASE(senders_fault_does_not_block_the_topic), CASE(what_is_not_committed_is_asked_for_again),
        CASE(an_empty_message_is_no_mistake), CASE(retained_messages_are_an_option), CASE(says_why_the_broker_refuses),
        CASE(reload_leaves_the_unchanged_alone), CASE(version_5_keeps_the_session_and_tells_a_take_over),
        CASE(client_id_of_its_own), CASE(stops_while_nobody_listens), CASE(poison_is_let_go)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
