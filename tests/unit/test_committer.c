/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The committer's thread: who shares a turn with whom, and what the notifier is told before and after the commit.
 * The store is the model in memory, with a commit that the test holds up or lets fail.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "conf/conf.h"
#include "daemon/committer_impl.h"
#include "os/clock.h"

enum { MISSING_WAIT_MS = 10000, SLOW_US = 20000, ROUNDS = 20, MANY = 700 };

static struct fixture {
    struct committer *c;
    struct store *store;
    struct store_ops ops;
    enum tocsin_rc (*real_commit)(struct store *, struct tocsin_err *);
    struct arena *arena;
    struct policy policy;
    struct conf conf;
    unsigned made;

    pthread_mutex_t lock;
    bool held, fails, slow;        /* the commit */
    unsigned commits;              /* that stored something, begun */
    unsigned answered, refused;
    char said[256];                /* to the notifier, and to senders */
} fx;

/* --- in the place of other folders ------------------------------------------------------------ */

struct conf *
conf_ref(struct conf *c)
{
    return c;
}

void
conf_unref(struct conf *c)
{
    (void)c;
}

const struct conf_notifier *
conf_notifier(const struct conf *c, const char *name)
{
    static const struct conf_notifier pd = { .name = "pd", .send_resolved = true };

    (void)c;
    return strcmp(name, "pd") == 0 ? &pd : NULL;
}

static void
say(const char *word)
{
    size_t n;

    pthread_mutex_lock(&fx.lock);
    n = strlen(fx.said);
    snprintf(fx.said + n, sizeof fx.said - n, "%s ", word);
    pthread_mutex_unlock(&fx.lock);
}

void
notifier_draft(struct notifier *n, const struct incident_detail *d)
{
    (void)n;
    assert_int_equal(d->n_alerts, 1);
    assert_string_equal(d->deliveries[0].target, "pd");
    say("draft");
}

void
notifier_drop_drafts(struct notifier *n)
{
    (void)n;
    say("drop");
}

void
notifier_wake(struct notifier *n, const struct id16 *incident, const char *target, int64_t due_at)
{
    (void)n;
    (void)incident;
    (void)target;
    assert_true(due_at > 0);
    say("wake");
}

/* --- the store ------------------------------------------------------------------------------------ */

static bool
is_held(void)
{
    bool held;

    pthread_mutex_lock(&fx.lock);
    held = fx.held;
    pthread_mutex_unlock(&fx.lock);
    return held;
}

static enum tocsin_rc
test_commit(struct store *s, struct tocsin_err *err)
{
    bool fails, slow;

    pthread_mutex_lock(&fx.lock);
    fx.commits++;
    fails = fx.fails;
    slow = fx.slow;
    pthread_mutex_unlock(&fx.lock);
    while (is_held())
        usleep(200);
    if (slow)
        usleep(SLOW_US);
    say("commit");
    if (!fails)
        return fx.real_commit(s, err);
    s->ops->rollback(s);
    return err_set(err, TOCSIN_TEMPORARY, "", "the disk is busy");
}

/* --- payloads -------------------------------------------------------------------------------------- */

static void
on_done(void *ctx, const struct ingest_result *r)
{
    (void)ctx;
    say(r->rc == TOCSIN_OK ? "202" : "503");
    pthread_mutex_lock(&fx.lock);
    fx.answered++;
    fx.refused += r->rc != TOCSIN_OK;
    pthread_mutex_unlock(&fx.lock);
}

/* Problem number n; suppressed ones page nobody. */
static void
report(unsigned n, bool pages)
{
    struct arena *a = arena_new();
    struct intake *in = arena_zalloc(a, sizeof *in);
    struct decision *d = arena_zalloc(a, sizeof *d);
    char *name = arena_printf(a, "disk-%u", n);
    const char *parts[] = { "shop", name };

    *d = (struct decision){ .status = TOCSIN_FIRING, .source = "shop", .dedup_key = name, .group_key = name,
                            .summary = name, .severity = TOCSIN_ERROR, .body = name, .body_len = strlen(name),
                            .digest = 1, .policy = &fx.policy, .routed_by = "default policy", .held_by = "rule 'x'",
                            .delayed_by = "", .suppress = !pages };
    d->key = d->group = id_hash(parts, 2);
    in->arena = a;
    in->conf = &fx.conf;
    in->events = arena_zalloc(a, sizeof *in->events);
    in->events[0] = (struct event){ .kind = EV_ALERT, .decision = d };
    in->n = in->n_alerts = 1;
    in->done = on_done;
    committer_intake(fx.c, in);
}

/* A new one. */
static void
submit(bool pages)
{
    report(fx.made++, pages);
}

static unsigned
count_of(const unsigned *counter)
{
    unsigned n;

    pthread_mutex_lock(&fx.lock);
    n = *counter;
    pthread_mutex_unlock(&fx.lock);
    return n;
}

static void
wait_for(const unsigned *counter, unsigned n)
{
    int64_t until = clock_mono_ms() + MISSING_WAIT_MS;

    while (count_of(counter) < n) {
        if (clock_mono_ms() > until)
            fail_msg("waited for %u, there are %u", n, count_of(counter));
        usleep(100);
    }
}

static void
set(bool *what, bool to)
{
    pthread_mutex_lock(&fx.lock);
    *what = to;
    pthread_mutex_unlock(&fx.lock);
}

/* --- life -------------------------------------------------------------------------------------------- */

static struct conf *
give_conf(void *ctx)
{
    (void)ctx;
    return &fx.conf;
}

static void
on_fatal(void *ctx, const struct tocsin_err *err)
{
    (void)ctx;
    fail_msg("fatal: %s", err->what);
}

static int
set_up(void **state)
{
    static const char *const targets[] = { "pd" };
    static struct policy_step steps[] = { { 0, (const char **)(uintptr_t)targets, 1 } };
    struct committer_options opt = { .queue_max = 1000, .conf = give_conf, .fatal = on_fatal };

    (void)state;
    memset(&fx, 0, sizeof fx);
    pthread_mutex_init(&fx.lock, NULL);
    log_set_level(LOG_LEVEL_ERROR);
    fx.arena = arena_new();
    fx.policy = (struct policy){ .name = "p", .steps = steps, .n_steps = 1 };
    policy_seal(&fx.policy, fx.arena);
    fx.conf.default_policy = &fx.policy;
    fx.store = store_mem_open();
    fx.ops = *fx.store->ops;
    fx.real_commit = fx.ops.commit;
    fx.ops.commit = test_commit;
    fx.store->ops = &fx.ops;
    opt.store = fx.store;
    fx.c = committer_new(&opt);
    committer_run(fx.c, NULL);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    committer_stop(fx.c);
    committer_free(fx.c);
    fx.store->ops->close(fx.store);
    arena_free(fx.arena);
    pthread_mutex_destroy(&fx.lock);
    return 0;
}

/* --- tests --------------------------------------------------------------------------------------------- */

static void
a_page_is_announced_then_committed_then_woken(void **state)
{
    (void)state;
    submit(true);
    wait_for(&fx.answered, 1);
    assert_string_equal(fx.said, "draft commit wake 202 ");
}

static void
a_commit_that_fails_takes_it_back(void **state)
{
    (void)state;
    set(&fx.fails, true);
    submit(true);
    wait_for(&fx.answered, 1);
    assert_string_equal(fx.said, "draft commit drop 503 ");
    assert_int_equal(fx.refused, 1);
}

static void
who_pages_nobody_is_not_announced(void **state)
{
    (void)state;
    submit(false);
    wait_for(&fx.answered, 1);
    assert_string_equal(fx.said, "commit 202 ");
    set(&fx.fails, true);
    submit(false);
    wait_for(&fx.answered, 2);
    assert_string_equal(fx.said, "commit 202 commit 503 ");
}

/* One commit for all that came while the one before was under way; the thread then expects as many again. */
static void
answer_four_together(void)
{
    unsigned commits = count_of(&fx.commits), answered = count_of(&fx.answered);

    set(&fx.held, true);
    submit(false);
    wait_for(&fx.commits, commits + 1);
    for (int i = 0; i < COMPANY_MIN; i++)
        submit(false);
    set(&fx.held, false);
    wait_for(&fx.answered, answered + 1 + COMPANY_MIN);
    assert_int_equal(count_of(&fx.commits), commits + 2);
}

/*
 * Four that come back one after the other share a turn.  That they come within the thread's patience is up to the
 * machine, so one round of many has to show it; the first alone would begin a commit of 20 ms at once.
 */
static void
those_who_were_answered_together_are_waited_for(void **state)
{
    bool together = false;

    (void)state;
    set(&fx.slow, true);
    for (int round = 0; round < ROUNDS && !together; round++) {
        unsigned commits, answered;

        answer_four_together();
        commits = count_of(&fx.commits);
        answered = count_of(&fx.answered);
        for (int i = 0; i < COMPANY_MIN; i++) {
            submit(false);
            usleep(600);
        }
        wait_for(&fx.answered, answered + COMPANY_MIN);
        together = count_of(&fx.commits) == commits + 1;
    }
    assert_true(together);
}

/* Nobody else comes: the one who did is served all the same, soon. */
static void
patience_ends(void **state)
{
    (void)state;
    set(&fx.slow, true);
    answer_four_together();
    submit(false);
    wait_for(&fx.answered, COMPANY_MIN + 2);
    submit(false);
    wait_for(&fx.answered, COMPANY_MIN + 3);
    assert_int_equal(count_of(&fx.commits), 4);
}

/* After a turn of fewer, and for whoever comes when it was answered, there is no wait at all. */
static void
a_single_sender_is_not_held_up(void **state)
{
    (void)state;
    set(&fx.slow, true);
    for (unsigned i = 1; i <= 3; i++) {
        submit(false);
        wait_for(&fx.answered, i);
        pthread_mutex_lock(&fx.c->mutex);
        assert_int_equal(fx.c->company, 0);
        pthread_mutex_unlock(&fx.c->mutex);
    }
    answer_four_together();
    pthread_mutex_lock(&fx.c->mutex);
    assert_in_range(fx.c->company, COMPANY_MIN, COMPANY_MIN);
    assert_true(fx.c->company_us <= COMPANY_US);
    pthread_mutex_unlock(&fx.c->mutex);
}

static void
a_stop_does_not_wait_for_company(void **state)
{
    (void)state;
    set(&fx.slow, true);
    answer_four_together();
    submit(false);
    committer_stop(fx.c);
    assert_int_equal(count_of(&fx.answered), COMPANY_MIN + 2);
    fx.c->running = false;                   /* tear_down() stops it once more */
}

/* More repeats than one flush takes, and nothing comes after them: all reach the disk. */
static void
all_that_was_counted_is_flushed(void **state)
{
    int64_t until;
    struct store_stats st = { 0 };
    struct tocsin_err err;

    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        submit(false);
        wait_for(&fx.answered, i + 1);
    }
    for (unsigned i = 0; i < MANY; i++)
        report(i, false);
    wait_for(&fx.answered, 2 * MANY);
    until = clock_mono_ms() + MISSING_WAIT_MS;
    do {
        usleep(1000);
        assert_int_equal(fx.store->ops->stats(fx.store, &st, &err), TOCSIN_OK);
    } while (st.lazy_unflushed > 0 && clock_mono_ms() < until);
    assert_int_equal(st.lazy_unflushed, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_page_is_announced_then_committed_then_woken),
        TEST(a_commit_that_fails_takes_it_back),
        TEST(who_pages_nobody_is_not_announced),
        TEST(those_who_were_answered_together_are_waited_for),
        TEST(patience_ends),
        TEST(a_single_sender_is_not_held_up),
        TEST(a_stop_does_not_wait_for_company),
        TEST(all_that_was_counted_is_flushed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
