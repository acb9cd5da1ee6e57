/* SPDX-License-Identifier: Apache-2.0 */
/*
 * any_intake.c - fuzz_intake_<vendor> of each integration that imitates the
 * paths of a product.
 *
 * The bytes are three lines - method, path and content type; the value that
 * every header and parameter has; "stored" if what it says is found to be so,
 * "redacted" if the collector redacts - and a body.  Of every request there is
 * an answer; what is to be done is complete and clean, and the same whatever is
 * redacted of it.
 */
#include "fuzz_decode.h"
#include "fuzz_input.h"

#include "collector/intake.h"
#include "plugin/loader.h"

static bool stored, redacted;

/* One alert is known, under any key and number. */
static enum tocsin_rc
find(struct host_call *c, const struct tocsin_find *what, const struct tocsin_known **out_r, size_t *n_r,
     struct tocsin_err *err)
{
    static const struct tocsin_pair labels[] = { { "priority", "P2" }, { "tags", "a,,b" } };
    static const struct tocsin_pair annotations[] = { { "responders", "[{}]" } };
    struct tocsin_alert *alert = arena_zalloc(c->arena, sizeof *alert);
    struct tocsin_known *known = arena_zalloc(c->arena, sizeof *known);

    (void)err;
    *alert = (struct tocsin_alert){ .status = TOCSIN_FIRING, .severity = TOCSIN_ERROR, .summary = "stored",
                                    .dedup_key = what->dedup_key != NULL ? what->dedup_key : "key", .count = 1,
                                    .labels = labels, .n_labels = 2, .annotations = annotations, .n_annotations = 1 };
    *known = (struct tocsin_known){ .alert = alert, .number = what->number != 0 ? what->number : 1, .open = true,
                                    .first_at = 1769860800000, .last_at = 1769860800000, .incident = "" };
    if (out_r != NULL)
        *out_r = known;
    *n_r = stored;
    return TOCSIN_OK;
}

static void
must_be_answer(struct host_call *c)
{
    MUST(c->status >= 200 && c->status < 600);
    MUST(c->body != NULL && (c->content_type != NULL || c->len == 0));
    for (size_t i = 0; i < c->n_headers; i++)
        must_be_clean(c->headers[i].value, 4096);
}

static void
answer(void *self, struct host_call *c)
{
    struct tocsin_done *alerts = arena_zalloc(c->arena, (c->batch.n_alerts + 1) * sizeof *alerts);
    struct tocsin_done *acts = arena_zalloc(c->arena, (c->n_acts + 1) * sizeof *acts);
    struct tocsin_results r = { alerts, c->batch.n_alerts, acts, c->n_acts };

    for (size_t i = 0; i < r.n_alerts; i++) {
        must_be_alert(c->batch.alerts[i]);
        alerts[i] = (struct tocsin_done){ TOCSIN_OK, c->batch.alerts[i]->dedup_key, "", stored ? 1 + (int64_t)i : 0 };
    }
    for (size_t i = 0; i < r.n_actions; i++) {
        must_be_clean(c->acts[i].act.dedup_key, 3 * HOST_MAX_KEY);
        must_be_clean(c->acts[i].act.note, HOST_MAX_VALUE);
        acts[i] = (struct tocsin_done){ stored ? TOCSIN_OK : TOCSIN_NOT_FOUND, "", "", stored };
    }
    host_answer(&tocsin_plugin, self, c, &r);
    must_be_answer(c);
}

static enum tocsin_rc
take(void *self, struct arena *a, const struct candidate *at, const struct tocsin_payload *in, const struct redact *r,
     struct host_call *c, struct tocsin_err *err)
{
    const char *credential = NULL;
    enum tocsin_rc rc;

    host_call_init(c, a, at->route, "0198c0de-0000-7abc-8000-00000000beef");
    c->call.in = in;
    c->call.path = at->path;
    c->call.n_path = at->n_path;
    c->call.peer = "192.0.2.1";
    c->find = find;
    c->batch.redact = r;
    rc = host_identify(&tocsin_plugin, c, &credential, err);
    if (rc == TOCSIN_OK)
        rc = host_intake(&tocsin_plugin, self, c, err);
    host_call_forget_json(c);
    return rc;
}

static void
must_be_same(struct arena *a, const struct host_call *said, const struct host_call *kept)
{
    must_be_same_alerts(a, &said->batch, &kept->batch);
    MUST(said->n_acts == kept->n_acts);
    for (size_t i = 0; i < kept->n_acts; i++)
        MUST(said->acts[i].act.kind == kept->acts[i].act.kind && said->acts[i].before == kept->acts[i].before);
}

static void
run(void *self, struct arena *a, const struct candidate *at, const struct tocsin_payload *in)
{
    struct host_call *c = arena_alloc(a, sizeof *c), *said = arena_alloc(a, sizeof *said);
    struct tocsin_err err = { 0 }, unasked;
    enum tocsin_rc rc = take(self, a, at, in, redacted ? some_redaction(in->len) : NULL, c, &err);

    if (redacted && take(self, a, at, in, NULL, said, &unasked) == TOCSIN_OK) {
        MUST(rc == TOCSIN_OK);
        must_be_same(a, said, c);
    }
    if (rc != TOCSIN_OK) {
        must_be_error(rc, &err);
        host_refuse(&tocsin_plugin, c, &err);
        if (c->status != 0)
            must_be_answer(c);
    } else if (c->status != 0) {
        must_be_answer(c);
    } else {
        answer(self, c);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    struct input bytes = { (const char *)data, size };
    struct candidate *found = arena_alloc(a, INTAKE_CANDIDATES * sizeof *found);
    struct plugin plugin = { .api = tocsin_plugin };
    struct conf_collector col = { .name = "fuzz", .type = "intake", .plugin = &plugin };
    struct conf conf = { .collectors = &col, .n_collectors = 1 };
    struct tocsin_payload in = { .collector = "fuzz", .received_at = 1769860800000, .header = input_field,
                                 .query = input_field };
    void *self = input_instance(&tocsin_plugin, tocsin_plugin.collector_options);
    char *method = input_line(&bytes, a), *path = strchr(method, ' '), *field = input_line(&bytes, a), allow[256] = "";
    char *type = path != NULL ? strchr(path + 1, ' ') : NULL, *flags = input_line(&bytes, a);

    stored = strstr(flags, "stored") != NULL;
    redacted = strstr(flags, "redacted") != NULL;
    if (type != NULL) {
        *type++ = '\0';
        in.content_type = type;
    }
    in.host_data = field[0] != '\0' ? field : NULL;
    in.body = input_rest(&bytes, a);
    in.len = bytes.n;
    if (path != NULL) {
        *path++ = '\0';
        if (intake_match(&conf, method, path, a, found, allow, sizeof allow) > 0)
            run(self, a, &found[0], &in);
    }
    arena_free(a);
    return 0;
}
