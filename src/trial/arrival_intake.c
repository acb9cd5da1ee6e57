/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arrival_intake.c - a request to a foreign path, led as collector/intake.c
 * leads it.
 *
 * Without a path the routes of the integration are tried in their order: the
 * first of which alerts come is taken, else the first that takes the request
 * and asks for nothing.  A path with variables gets their names for values.
 */
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/jsonmem.h"
#include "base/text.h"
#include "collector/intake.h"
#include "plugin/loader.h"
#include "trial/arrival.h"

static const char call_id[] = "00000000-0000-7000-8000-000000000000", bare_id[] = "00000000000070008000000000000000";
static const char anywhere[] = "{*}";

enum { ANSWER_SHOWN = 400 };

/* --- paths ----------------------------------------------------------------------------------- */

/* "{*}/alert/{api_key}/{routing_key}" -> "/alert/api_key/routing_key" */
static const char *
some_path(struct arena *arena, const char *pattern)
{
    char *path, *w;

    if (strncmp(pattern, anywhere, sizeof anywhere - 1) == 0)
        pattern += sizeof anywhere - 1;
    path = w = arena_strdup(arena, pattern);
    for (; *pattern != '\0'; pattern++)
        if (*pattern != '{' && *pattern != '}')
            *w++ = *pattern;
    *w = '\0';
    return path;
}

static const char *
shown_path(const char *pattern)
{
    return strncmp(pattern, anywhere, sizeof anywhere - 1) == 0 ? pattern + sizeof anywhere - 1 : pattern;
}

const char *
arrival_paths(struct arena *arena, const struct conf_collector *col)
{
    const char *text = "";

    if (strcmp(col->type, "intake") != 0)
        return "";
    for (const struct tocsin_route *r = col->plugin->api.routes; r->method != NULL; r++)
        if (strcmp(r->method, "POST") == 0)
            text = arena_printf(arena, "%s%s%s", text, text[0] != '\0' ? ", " : "", shown_path(r->path));
    return text;
}

/* --- one request ------------------------------------------------------------------------------- */

/* Where nothing is stored, nothing is found. */
static enum tocsin_rc
find_nothing(struct host_call *c, const struct tocsin_find *what, const struct tocsin_known **out_r, size_t *n_r,
             struct tocsin_err *err)
{
    (void)c;
    (void)what;
    (void)err;
    if (out_r != NULL)
        *out_r = NULL;
    *n_r = 0;
    return TOCSIN_OK;
}

static struct host_call *
call_new(const struct arrival *a, const struct candidate *at, const char *body, size_t len)
{
    struct host_call *c = arena_alloc(a->arena, sizeof *c);
    struct tocsin_payload in = arrival_payload(a, body, len);

    host_call_init(c, a->arena, at->route, call_id);
    c->call.in = arena_memdup(a->arena, &in, sizeof in);
    c->call.path = at->path;
    c->call.n_path = at->n_path;
    c->call.peer = a->way->peer != NULL ? a->way->peer : "192.0.2.1";
    c->find = a->find != NULL ? a->find : find_nothing;
    c->ctx = a->find_ctx;
    c->batch.redact = a->col->redact;
    return c;
}

/* Whoever asks what would become of a payload need not have the key; the daemon would not take it without. */
static void
check_key(struct arrival *a, const struct tocsin_call *call, const char *credential, const struct conf_key *key)
{
    bool matters = false, made_up = false;

    if (a->col->n_keys == 0 || key != NULL)
        return;
    for (size_t i = 0; i < a->col->n_keys; i++)
        matters = matters || a->col->keys[i].policy != NULL;
    for (size_t i = 0; credential != NULL && a->way->path == NULL && i < call->n_path; i++)
        made_up = made_up || strcmp(call->path[i].value, credential) == 0;
    if (made_up && !matters)
        return;                    /* with the path the key is made up, and that is said */
    arrival_remark(a, "%s, so the daemon would refuse it (401)%s",
                   credential == NULL ? "no key of a sender comes with it" : "its key is none of the collector's",
                   matters ? "; a key may stand for a policy, which is left out here" : "");
}

/* A key that a sender leaves out is made of the request's id. */
static void
check_fresh_keys(struct arrival *a, const struct tocsin_batch *b)
{
    for (size_t i = 0; i < b->n_alerts; i++)
        if (b->alerts[i]->dedup_key != NULL &&
            (strstr(b->alerts[i]->dedup_key, call_id) != NULL || strstr(b->alerts[i]->dedup_key, bare_id) != NULL)) {
            arrival_remark(a, "the sender gives no key: the daemon makes a fresh one for each request, so that none "
                           "repeats or ends another; here it is %s", b->alerts[i]->dedup_key);
            return;
        }
}

/* Some products word their refusals themselves: 4xx, and nothing is done. */
static enum tocsin_rc
check_answer(const struct arrival *a, const struct host_call *c, struct tocsin_err *err)
{
    if (c->status < 400 || c->batch.n_alerts + c->n_acts > 0)
        return TOCSIN_OK;
    return err_set(err, TOCSIN_BAD_INPUT, "", "%d %s", c->status, text_clean(a->arena, c->body, c->len, ANSWER_SHOWN));
}

static enum tocsin_rc
serve(struct arrival *a, const struct candidate *at, const char *body, size_t len, struct tocsin_err *err)
{
    int64_t max = at->route->body_max > 0 ? at->route->body_max : a->conf->http.body_max;
    struct host_call *c = call_new(a, at, body, len);
    const char *credential = NULL;
    enum tocsin_rc rc;

    jsonmem_begin();
    rc = arrival_check_size(len, max, err);
    if (rc == TOCSIN_OK)
        rc = host_identify(&a->col->plugin->api, c, &credential, err);
    if (rc == TOCSIN_OK)
        rc = host_intake(&a->col->plugin->api, a->col->self, c, err);
    host_call_forget_json(c);
    jsonmem_end();
    if (rc == TOCSIN_OK)
        rc = check_answer(a, c, err);
    if (rc == TOCSIN_OK) {
        const struct conf_key *key = intake_key(a->col, credential);

        check_key(a, &c->call, credential, key);
        check_fresh_keys(a, &c->batch);
        a->call = c;
        a->route = intake_route(a->col, key, c);
        a->batches[0] = &c->batch;
        a->n_batches = 1;
    }
    return rc;
}

/* With each type that the bytes may have, until one is supported. */
static enum tocsin_rc
serve_typed(struct arrival *a, const struct candidate *at, const char *body, size_t len, struct tocsin_err *err)
{
    const char *types[TYPES_MAX];
    enum tocsin_rc rc;

    arrival_types(a, body, len, types);
    for (size_t i = 0;; i++) {
        a->content_type = types[i];
        rc = serve(a, at, body, len, err);
        if (rc != TOCSIN_UNSUPPORTED || types[i + 1] == NULL)
            return rc;
    }
}

/* --- which path --------------------------------------------------------------------------------- */

static enum tocsin_rc
serve_path(struct arrival *a, const char *path, const char *body, size_t len, struct tocsin_err *err)
{
    struct candidate *list = arena_alloc(a->arena, INTAKE_CANDIDATES * sizeof *list);
    struct conf alone = { .collectors = (struct conf_collector *)(uintptr_t)a->col, .n_collectors = 1 };
    char allow[128] = "";

    a->path = path;
    if (strncmp(path, "/v1/in/", 7) != 0)    /* below its own path nobody else takes it */
        path = arena_printf(a->arena, "/v1/in/%s%s%s", a->col->name, path[0] == '/' ? "" : "/", path);
    if (intake_match(&alone, a->method, path, a->arena, list, allow, sizeof allow) > 0)
        return serve_typed(a, list, body, len, err);
    a->astray = true;
    if (allow[0] != '\0')
        return err_set(err, TOCSIN_NOT_FOUND, "", "path '%s' takes %s; --method says which it is", a->path, allow);
    return err_set(err, TOCSIN_NOT_FOUND, "", "format '%s' has no path '%s'; alerts come to %s", a->col->format,
                   a->path, arrival_paths(a->arena, a->col));
}

static bool
asks_nothing(const struct arrival *a)
{
    return a->call->n_acts == 0;
}

/* Better than an earlier one?  Alerts are what is sent to an intake; an action needs a path that names its alert. */
static int
worth(const struct arrival *a, enum tocsin_rc rc)
{
    return rc != TOCSIN_OK ? 0 : a->batches[0]->n_alerts > 0 ? 3 : asks_nothing(a) ? 2 : 1;
}

static enum tocsin_rc
serve_likeliest(struct arrival *a, const char *body, size_t len, struct tocsin_err *err)
{
    const struct arrival blank = *a;
    enum tocsin_rc rc = TOCSIN_NOT_FOUND, first = TOCSIN_OK;
    struct arrival best = *a;
    struct tocsin_err why;
    int value = 0;

    for (const struct tocsin_route *r = a->col->plugin->api.routes; r->method != NULL && value < 3; r++) {
        if (strcmp(r->method, a->method) != 0)
            continue;
        *a = blank;
        a->remarks = NULL;
        rc = serve_path(a, some_path(a->arena, r->path), body, len, &why);
        if (first == TOCSIN_OK && rc != TOCSIN_OK) {
            first = rc;
            *err = why;
        }
        if (worth(a, rc) > value && (strchr(shown_path(r->path), '{') == NULL || worth(a, rc) > 1)) {
            value = worth(a, rc);
            best = *a;
            if (strchr(shown_path(r->path), '{') != NULL)
                arrival_remark(&best, "the path stands for %s; --path says the real one", shown_path(r->path));
        }
    }
    *a = best;
    if (value > 0)
        return TOCSIN_OK;
    a->astray = first == TOCSIN_OK;
    if (first == TOCSIN_OK)
        return err_set(err, TOCSIN_NOT_FOUND, "", "--path is missing, one of %s", arrival_paths(a->arena, a->col));
    return first;
}

enum tocsin_rc
arrival_read_intake(struct arrival *a, const char *body, size_t len, struct tocsin_err *err)
{
    a->method = a->way->method != NULL ? a->way->method : "POST";
    if (a->way->path != NULL)
        return serve_path(a, a->way->path, body, len, err);
    return serve_likeliest(a, body, len, err);
}

/* --- the answer ------------------------------------------------------------------------------------ */

void
arrival_answer(struct arrival *a)
{
    struct host_call *c = a->call;
    struct tocsin_done *alerts, *acts;
    struct tocsin_results r;

    if (c == NULL || c->status != 0)
        return;
    alerts = arena_zalloc(a->arena, (c->batch.n_alerts + 1) * sizeof *alerts);
    acts = arena_zalloc(a->arena, (c->n_acts + 1) * sizeof *acts);
    r = (struct tocsin_results){ alerts, c->batch.n_alerts - c->batch.n_records, acts, c->n_acts };
    for (size_t i = 0; i < r.n_alerts; i++)
        alerts[i] = (struct tocsin_done){ TOCSIN_OK, c->batch.alerts[i]->dedup_key, "", 0 };
    for (size_t i = 0; i < r.n_actions; i++)
        acts[i] = (struct tocsin_done){ TOCSIN_OK, c->acts[i].act.dedup_key, "", 0 };
    host_answer(&a->col->plugin->api, a->col->self, c, &r);
}
