/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules change the keys of alerts, and senders go on using their own: told as stories, through the rules, the turn
 * and the store, on both engines.
 *
 * Commands: fire KEY WORDS, resolve KEY WORDS, unknown KEY WORDS (KEY "-": the sender gives none; words: name=value
 * labels, at=SECONDS, expires=SECONDS, named: it came by an intake, number=N) - several in one turn, with " + "
 * between them - ack KEY, close KEY (the incident, by hand), note KEY - rules NAME (a reload) - wait SECONDS - crash
 * (the process dies, and another starts) - old (the alerts that are open were stored before own keys were) -
 * silence LABEL=VALUE - said TEXT (how many lines of the timelines begin so).
 * The answer: what is open, by age, with how many own keys fire under it in [], * dismissed, - dropped, ~ held, and
 * A where the incident is acknowledged; behind "#" how many incidents there have been.
 */
#include "unit/rule_spec.h"

#include "base/id.h"
#include "base/text.h"
#include "base/xalloc.h"
#include "core/rows.h"
#include "daemon/turn.h"
#include "lib/store_rows.h"

enum { START = 1700000000 };

#define RACK { .name = "rack", .match = { "rack != \"\"" }, .dedup_key = "rack-{{ .labels.rack }}" }
#define SPLIT { .name = "split", .dedup_key = "{{ .dedup_key }}/{{ .labels.host }}" }

static struct rule_set { const char *name; struct spec specs[4]; size_t n; } rule_sets[] = {
    { "none", { { .name = "nothing" } }, 1 },
    { "rack", { RACK }, 1 },
    { "rack2", { { .name = "rack", .match = { "rack != \"\"" }, .dedup_key = "{{ .labels.rack }}!" } }, 1 },
    { "edited", { RACK, { .name = "team", .match = { "team = \"\"" }, .set = { { "team", "db" } } } }, 2 },
    { "routed", { RACK, { .name = "way", .policy = &other } }, 2 },
    { "any", { { .name = "rack", .dedup_key = "rack-{{ .labels.rack }}", .resolve_when = OWN_ANY } }, 1 },
    { "all", { { .name = "rack", .dedup_key = "rack-{{ .labels.rack }}", .resolve_when = OWN_ALL } }, 1 },
    { "host", { { .name = "host", .dedup_key = "{{ .labels.host }}/disk" } }, 1 },
    { "split", { SPLIT }, 1 },
    { "split edited", { SPLIT, { .name = "way", .policy = &other } }, 2 },
    { "drop", { RACK, { .name = "drop", .match = { "level = low" }, .drop = true } }, 2 },
    { "hold", { RACK, { .name = "hold", .match = { "level = low" }, .suppress = true } }, 2 },
    { "expire", { { .name = "rack", .match = { "rack != \"\"" }, .dedup_key = "rack-{{ .labels.rack }}",
                    .resolve_after = 60000 } }, 1 },
};

struct tale {
    struct store *store;
    struct turn_env env;
    struct bench rules;
    struct arena *arena;
    int64_t now;
    unsigned starts;
    char *path;                    /* of the database; NULL: in memory */
    size_t n_incidents;
    enum tocsin_rc rc;             /* of the last action */
};

static void
fill_policy(struct policy *p, struct arena *a)
{
    static const char *pd[] = { "pd" };
    const char *name = p->name;

    memset(p, 0, sizeof *p);
    p->name = name;
    p->n_steps = 1;
    p->steps = arena_zalloc(a, sizeof *p->steps);
    p->steps[0] = (struct policy_step){ 0, pd, 1 };
    p->last_wait_ms = 300000;
    policy_seal(p, a);
}

static bool
caps_of(void *ctx, const char *name, struct delivery_caps *out)
{
    (void)ctx;
    (void)name;
    *out = (struct delivery_caps){ .can_ack = true, .send_resolved = true, .dedupes = true };
    return true;
}

static const struct policy *
default_policy(void *ctx)
{
    (void)ctx;
    return &page;
}

static void
start(struct tale *l)
{
    turn_env_init(&l->env, l->store, ++l->starts, 2);
    l->env.caps_of = caps_of;
    l->env.default_policy = default_policy;
    l->env.ctx = l;
}

static void
open_store(struct tale *l)
{
    struct store_sqlite_options options = { .path = l->path, .reserve_bytes = 65536 };
    struct tocsin_err err;

    if (l->path == NULL)
        l->store = store_mem_open();
    else if (store_sqlite_open(&options, &l->store, &err) != TOCSIN_OK)
        fail_msg("%s", err.what);
}

static void
crash(struct tale *l)
{
    struct store *was = l->store;

    turn_env_release(&l->env);
    if (l->path == NULL)
        l->store = store_mem_clone(was);
    was->ops->close(was);
    if (l->path != NULL)
        open_store(l);
    start(l);
}

static void
reload(struct tale *l, const char *name)
{
    for (size_t i = 0; i < sizeof rule_sets / sizeof rule_sets[0]; i++) {
        if (strcmp(rule_sets[i].name, name) != 0)
            continue;
        if (l->rules.rs != NULL)
            unload(&l->rules);
        l->rules = load(rule_sets[i].specs, rule_sets[i].n);
        return;
    }
    fail_msg("no rules '%s'", name);
}

/* --- events --------------------------------------------------------------------------- */

static enum action
action_of(const char *verb)
{
    return strcmp(verb, "ack") == 0 ? ACTION_ACK : strcmp(verb, "close") == 0 ? ACTION_RESOLVE : ACTION_NOTE;
}

static void
report(struct tale *l, const char *verb, const char *key, char *words, struct event *out)
{
    struct tocsin_pair *labels = arena_zalloc(l->arena, 8 * sizeof *labels);
    struct tocsin_alert a = { .status = verb[0] == 'f'   ? TOCSIN_FIRING
                                        : verb[0] == 'r' ? TOCSIN_RESOLVED
                                                         : TOCSIN_UNKNOWN,
                              .dedup_key = strcmp(key, "-") == 0 ? NULL : key, .labels = labels,
                              .summary = "it broke" };
    struct decision *d;
    bool named = false;

    for (char *word = strtok_r(words, " ", &words); word != NULL; word = strtok_r(NULL, " ", &words)) {
        char *value = strchr(word, '=');

        if (value != NULL)
            *value++ = '\0';
        if (strcmp(word, "named") == 0)
            named = true;
        else if (strcmp(word, "at") == 0)
            *(a.status == TOCSIN_RESOLVED ? &a.ends_at : &a.starts_at) = (START + strtoll(value, NULL, 10)) * 1000;
        else if (strcmp(word, "expires") == 0)
            a.expires_at = l->now + 1000 * strtoll(value, NULL, 10);
        else if (strcmp(word, "number") == 0)
            a.number = strtoll(value, NULL, 10);
        else
            labels[a.n_labels++] = (struct tocsin_pair){ word, value };
    }
    d = ruleset_decide(l->rules.rs, l->rules.sc, l->arena, "in", &a);
    d->named = named;
    *out = (struct event){ .kind = EV_ALERT, .decision = d };
}

static void
event(struct tale *l, char *text, struct event *out)
{
    char *rest = text, *verb = strtok_r(rest, " ", &rest), *key = strtok_r(NULL, " ", &rest);

    if (strcmp(verb, "fire") == 0 || strcmp(verb, "resolve") == 0 || strcmp(verb, "unknown") == 0) {
        report(l, verb, key, rest, out);
        return;
    }
    *out = (struct event){ .kind = EV_ACTION, .action = action_of(verb), .by = "anna", .note = "seen",
                           .key = id_hash((const char *[]){ "in", key }, 2),
                           .err = arena_zalloc(l->arena, sizeof(struct tocsin_err)) };
}

static void
turn(struct tale *l, struct event *events, size_t n)
{
    struct turn_result r;
    struct tocsin_err err;

    l->rc = TOCSIN_OK;
    /* as the committer does: what repeats is counted without a turn */
    if (n > 0 && events[0].kind == EV_ALERT && n == 1 && turn_repeats(&l->env, l->arena, events, n, l->now, &r))
        return;
    if (turn_run(&l->env, l->arena, events, n, l->now, 50, &r, &err) != TOCSIN_OK)
        fail_msg("%s", err.what);
    assert_int_equal(r.n_damage, 0);
    if (n > 0 && events[n - 1].kind == EV_ACTION)
        l->rc = events[n - 1].rc;
}

static void
run_events(struct tale *l, char *text)
{
    struct event *events = arena_zalloc(l->arena, 8 * sizeof *events);
    size_t n = 0;

    for (char *next; text != NULL; text = next) {
        next = strstr(text, " + ");
        if (next != NULL) {
            *next = '\0';
            next += 3;
        }
        event(l, text, &events[n++]);
    }
    turn(l, events, n);
}

/* What an upgrade finds: alerts of which nobody wrote down who is under them. */
static void
make_old(struct tale *l)
{
    struct alert_filter all = { .states = 1u << ALERT_FIRING };
    struct rowset set;
    struct alert_row *rows;
    struct tocsin_err err;
    size_t n;

    rowset_init(&set);
    assert_int_equal(l->store->ops->list_alerts(l->store, l->arena, &all, &rows, &n, &err), TOCSIN_OK);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(rows[i].n_own, 0);
        rows[i].own_mode = OWN_ANY;
        rowset_alert(&set, l->arena, &rows[i], false);
    }
    assert_int_equal(store_put(l->store, &set, &err), TOCSIN_OK);
}

static void
hold(struct tale *l, const char *matcher)
{
    const struct silence_row row = { .starts_at = l->now, .ends_at = l->now + 3600000, .matchers = matcher,
                                     .created_by = "anna", .comment = "works", .annotations = "" };
    struct event e = { .kind = EV_SILENCE, .silence = &row, .err = arena_zalloc(l->arena, sizeof(struct tocsin_err)) };

    turn(l, &e, 1);
    turn(l, NULL, 0);
}

/* --- what is so ------------------------------------------------------------------------- */

static size_t
said(struct tale *l, const char *start_of)
{
    struct incident_filter all = { .limit = 50 };
    struct incident_row *rows;
    struct tocsin_err err;
    size_t n, found = 0;

    assert_int_equal(l->store->ops->list_incidents(l->store, l->arena, &all, &rows, &n, &err), TOCSIN_OK);
    for (size_t i = 0; i < n; i++) {
        struct incident_detail d;

        assert_int_equal(l->store->ops->get_incident(l->store, l->arena, &rows[i].id, 0, 100, &d, &err), TOCSIN_OK);
        for (size_t k = 0; k < d.n_events; k++)
            found += strncmp(d.events[k].text, start_of, strlen(start_of)) == 0;
    }
    return found;
}

static bool
is_acked(struct tale *l, const struct id16 *incident)
{
    struct incident_detail d;
    struct tocsin_err err;

    return !id_is_zero(incident) &&
           l->store->ops->get_incident(l->store, l->arena, incident, 0, 0, &d, &err) == TOCSIN_OK &&
           d.row.state == TOCSIN_INC_ACKNOWLEDGED;
}

static const char *
state(struct tale *l)
{
    struct alert_filter open = { .states = 1u << ALERT_FIRING | 1u << ALERT_DISMISSED | 1u << ALERT_DROPPED };
    struct incident_filter all = { .limit = 50 };
    struct incident_row *incidents;
    struct alert_row *rows;
    struct tocsin_err err;
    const char *out = "";
    size_t n;

    assert_int_equal(l->store->ops->list_alerts(l->store, l->arena, &open, &rows, &n, &err), TOCSIN_OK);
    for (size_t i = n; i-- > 0;) {
        const struct alert_row *r = &rows[i];
        const char *count = r->own_mode == OWN_NONE ? "" : arena_printf(l->arena, "[%u]", r->n_own);

        out = arena_printf(l->arena, "%s%s%s%s%s%s ", out, r->dedup_key, count,
                           r->state == ALERT_DISMISSED ? "*" : r->state == ALERT_DROPPED ? "-" : "",
                           r->suppressed ? "~" : "", is_acked(l, &r->incident) ? "A" : "");
    }
    assert_int_equal(l->store->ops->list_incidents(l->store, l->arena, &all, &incidents, &n, &err), TOCSIN_OK);
    for (size_t i = 0; i < n; i++)
        assert_true(incidents[i].state == TOCSIN_INC_RESOLVED || out[0] != '\0');   /* none is open for nothing */
    return arena_printf(l->arena, "%s#%zu%s", out, n, l->rc == TOCSIN_OK ? "" : " not found");
}

static const char *
obey(struct tale *l, const char *command)
{
    char *text = arena_strdup(l->arena, command);

    l->now += 1000;
    if (strncmp(text, "said ", 5) == 0)
        return arena_printf(l->arena, "%zu", said(l, text + 5));
    if (strncmp(text, "rules ", 6) == 0)
        reload(l, text + 6);
    else if (strncmp(text, "silence ", 8) == 0)
        hold(l, text + 8);
    else if (strcmp(text, "crash") == 0)
        crash(l);
    else if (strcmp(text, "old") == 0)
        make_old(l);
    else if (strncmp(text, "wait ", 5) == 0) {
        l->now += 1000 * strtoll(text + 5, NULL, 10);
        turn(l, NULL, 0);
    } else {
        run_events(l, text);
    }
    return state(l);
}

/* --- the stories -------------------------------------------------------------------------------- */

struct line { const char *cmd, *answer; };

#define STORY(name, ...) { name, { __VA_ARGS__, { NULL, NULL } } }

static const struct told_story { const char *name; struct line lines[20]; } stories[] = {
#include "unit/own_stories.inc"
};

enum { N_STORIES = sizeof stories / sizeof stories[0] };

static void
tell(void **which)
{
    const size_t i = *(const size_t *)*which;
    char *dir = i >= N_STORIES ? test_dir_make() : NULL;
    struct tale tale = { .arena = arena_new(), .now = START * 1000LL }, *l = &tale;

    if (dir != NULL)
        l->path = xasprintf("%s/t.db", dir);

    fill_policy(&page, l->arena);
    fill_policy(&other, l->arena);
    open_store(l);
    start(l);
    reload(l, "none");
    for (const struct line *at = stories[i % N_STORIES].lines; at->cmd != NULL; at++) {
        const char *answer = obey(l, at->cmd);

        if (strcmp(answer, at->answer) != 0)
            fail_msg("after '%s': '%s', expected '%s'", at->cmd, answer, at->answer);
    }
    turn_env_release(&l->env);
    l->store->ops->close(l->store);
    unload(&l->rules);
    arena_free(l->arena);
    free(l->path);
    if (dir != NULL)
        test_dir_remove(dir);
}

int
main(void)
{
    struct CMUnitTest tests[2 * N_STORIES];
    size_t which[2 * N_STORIES];
    char names[2 * N_STORIES][160];

    for (size_t i = 0; i < 2 * N_STORIES; i++) {
        which[i] = i;
        snprintf(names[i], sizeof names[i], "%s: %s", i < N_STORIES ? "memory" : "sqlite", stories[i % N_STORIES].name);
        tests[i] = (struct CMUnitTest){ names[i], tell, NULL, NULL, &which[i] };
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
