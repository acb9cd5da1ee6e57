/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the API and to Alertmanager's, on a store in memory that holds two alerts.  The bytes are requests with
 * a zero byte between them, each a line "POST /api/v2/silences" and a body.  What they ask is done by turns, so the
 * next sees it.  Every answer is one, of a status that is not our fault, and of its type.
 */
#include "api/api.h"
#include "core/alert.h"
#include "daemon/turn.h"
#include "fuzz_decode.h"
#include "lib/fake_http.h"
#include "os/clock.h"

enum { REQUESTS = 8 };

/* Only fuzz_decode.h's helpers are wanted. */
const struct tocsin_plugin tocsin_plugin = { .abi = 0 };

static struct setup {
    struct arena *arena;
    struct store *store;
    struct turn_env env;
    struct policy policy;
    struct conf conf;
    bool changed;                  /* by an input: the next gets a new one */
} w;

/* --- in the place of others ---------------------------------------------------------------- */

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

/* What authenticates by itself has targets of its own. */
void
webhook_handle(const struct sink *sink, struct http_request *r, const char *name)
{
    (void)sink;
    (void)name;
    http_reply(r, 202, "text/plain", "", 0);
}

void
heartbeat_handle(const struct sink *sink, struct http_request *r, const char *name)
{
    webhook_handle(sink, r, name);
}

bool
intake_handle(const struct sink *sink, struct http_request *r, char *allow, size_t allow_size)
{
    (void)sink;
    (void)r;
    (void)allow;
    (void)allow_size;
    return false;
}

void
intake_word(const struct sink *sink, struct http_request *r, const struct tocsin_err *err)
{
    (void)sink;
    (void)r;
    (void)err;
}

static struct conf *
give_conf(void *ctx)
{
    (void)ctx;
    return &w.conf;
}

static const struct policy *
default_policy(void *ctx)
{
    (void)ctx;
    return &w.policy;
}

static bool
caps_of(void *ctx, const char *target, struct delivery_caps *out)
{
    (void)ctx;
    (void)target;
    *out = (struct delivery_caps){ .can_ack = true, .can_note = true, .can_unack = true, .send_resolved = true };
    return true;
}

/* --- turns ------------------------------------------------------------------------------------ */

static enum tocsin_rc
turn(struct event *e, struct tocsin_err *err)
{
    struct turn_result r;

    w.changed = true;
    e->err = err;
    MUST(turn_run(&w.env, w.arena, e, 1, clock_steady_ms(), 50, &r, err) == TOCSIN_OK);
    if (e->rc != TOCSIN_OK)
        must_be_error(e->rc, err);
    return e->rc;
}

static void
act(void *ctx, const struct api_action *a, void (*done)(void *, enum tocsin_rc, const struct tocsin_err *),
    void *done_ctx)
{
    struct event e = { .kind = EV_ACTION, .incident = a->incident, .action = a->action, .by = a->by, .note = a->note,
                       .until = a->until };
    struct tocsin_err err = { 0 };

    (void)ctx;
    done(done_ctx, turn(&e, &err), &err);
}

static void
silence(void *ctx, const struct api_silence *s, silence_done done, void *done_ctx)
{
    struct event e = { .kind = s->end ? EV_SILENCE_END : EV_SILENCE, .key = s->row.id, .silence = &s->row };
    struct tocsin_err err = { 0 };
    enum tocsin_rc rc;

    (void)ctx;
    if (s->end)
        e.silence = NULL;
    rc = turn(&e, &err);
    done(done_ctx, rc, &e.silence_r, &err);
}

static enum tocsin_rc
reload(void *ctx, struct conf_report *report)
{
    (void)ctx;
    (void)report;
    return TOCSIN_OK;
}

static enum tocsin_rc
ready(void *ctx, struct tocsin_err *err)
{
    (void)ctx;
    (void)err;
    return TOCSIN_OK;
}

static void
turn_stats(void *ctx, struct turn_stats *out)
{
    (void)ctx;
    *out = (struct turn_stats){ 0 };
}

static void
fire(const char *name, struct tocsin_pair *labels, size_t n)
{
    struct alert_text text = { .summary = name, .source_severity = "", .labels = labels, .n_labels = n };
    struct decision d = { .status = TOCSIN_FIRING, .source = "web", .dedup_key = name, .group_key = name,
                          .summary = name, .severity = TOCSIN_CRITICAL, .policy = &w.policy, .held_by = "",
                          .delayed_by = "", .routed_by = "default policy" };
    struct event e = { .kind = EV_ALERT, .decision = &d };
    struct tocsin_err err;

    alert_text_encode(w.arena, &text, &d.body, &d.body_len, &d.digest);
    d.key = d.group = id_hash(&name, 1);
    turn(&e, &err);
}

/* --- a world ------------------------------------------------------------------------------------ */

static void
begin(void)
{
    static struct tocsin_pair disk[] = { { "alertname", "DiskFull" }, { "host", "a" } }, gpu[] = { { "gpu", "3" } };
    static const char *targets[] = { "pd" };
    static struct policy_step step = { 0, targets, 1 };
    static struct conf_collector web = { .name = "web", .type = "webhook", .format = "json" };

    w = (struct setup){ .arena = arena_new(), .store = store_mem_open() };
    w.policy = (struct policy){ .name = "ops", .steps = &step, .n_steps = 1, .failover_after_ms = 60000 };
    policy_seal(&w.policy, w.arena);
    w.conf = (struct conf){ .default_policy = &w.policy, .policies = &w.policy, .n_policies = 1, .collectors = &web,
                            .n_collectors = 1, .generation = 1 };
    turn_env_init(&w.env, w.store, 1, 2);
    w.env.default_policy = default_policy;
    w.env.caps_of = caps_of;
    fire("disk", disk, 2);
    fire("gpu", gpu, 1);
    w.changed = false;
}

static void
end(void)
{
    turn_env_release(&w.env);
    w.store->ops->close(w.store);
    arena_free(w.arena);
    w.store = NULL;
}

static void
must_be_answer(const struct http_request *r)
{
    bool is_json = strstr(r->reply_type, "json") != NULL;
    json_t *doc;

    MUST(r->answers == 1);
    MUST(r->status >= 200 && r->status < 500);
    for (size_t i = 0; i < r->n_reply_headers; i++)
        must_be_clean(r->reply_headers[i].value, 4096);
    if (is_json && r->reply_len > 0) {
        doc = json_loadb(r->reply, r->reply_len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
        MUST(doc != NULL);
        json_decref(doc);
    }
}

static void
ask(struct api *api, char *text)
{
    char *line_end = strchr(text, '\n'), *target = strchr(text, ' ');
    struct http_request *r;
    size_t n = 0;

    if (line_end != NULL)
        *line_end = '\0';
    if (target == NULL || (line_end != NULL && target > line_end) || target[1] != '/')
        return;
    *target++ = '\0';
    for (const char *p = target; *p != '\0'; p++)
        n += *p == '&';
    if (n >= FAKE_MAX)
        return;
    r = fake_request(text, target, line_end != NULL ? line_end + 1 : NULL);
    api_handle(api, r);
    must_be_answer(r);
    fake_request_free(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct api_deps deps = { .conf = give_conf, .act = act, .silence = silence, .reload = reload, .ready = ready,
                             .turn_stats = turn_stats, .started_at = 1769860800000 };
    char *text = with_nul(data, size), *p = text;
    struct api *api;

    if (w.store == NULL)
        begin();
    deps.store = w.store;
    api = api_new(&deps);
    for (unsigned i = 0; i < REQUESTS && p < text + size; i++) {
        size_t n = strlen(p);

        ask(api, p);
        p += n + 1;
    }
    api_free(api);
    if (w.changed)
        end();
    free(text);
    return 0;
}
