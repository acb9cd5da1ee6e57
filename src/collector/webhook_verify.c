/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook_verify.c - a vendor's own signature, and the documents that it needs.
 *
 * An integration checks the signature; when it needs a document, such as the
 * certificate that a message names, the host fetches it.  A fetch may take
 * seconds, so it happens on a thread of its own, never on one of the HTTP
 * server's; what was fetched is kept, so that it happens once a day.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "collector/webhook.h"
#include "os/clock.h"
#include "os/log.h"
#include "plugin/host.h"
#include "plugin/loader.h"

enum {
    DOCS = 32, DOC_MAX = 256 * 1024,
    DOC_KEEP_MS = 24 * 3600 * 1000,
    FETCHES_PER_REQUEST = 4,
    WAITING_MAX = 256
};

struct doc {
    char *url;                     /* NULL: free */
    char *body;
    size_t len;
    int64_t fetched, used;         /* monotonic; the one used longest ago makes room */
};

struct task {
    struct task *next;
    const struct conf_collector *col;
    struct http_request *request;
    webhook_verified done;
    void *ctx;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    webhook_fetch fetch;
    void *fetch_ctx;
    struct doc docs[DOCS];
    struct task *first, **last;
    size_t waiting;
    size_t fetching;               /* calls of fetch under way */
    bool running, stop;
    pthread_t thread;
} v = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .last = &v.first };

/* --- the cache; v.lock is held ------------------------------------------------------ */

static void
doc_drop(struct doc *d)
{
    free(d->url);
    free(d->body);
    *d = (struct doc){ 0 };
}

static struct doc *
doc_find(const char *url, int64_t now)
{
    for (size_t i = 0; i < DOCS; i++) {
        struct doc *d = &v.docs[i];

        if (d->url == NULL || strcmp(d->url, url) != 0)
            continue;
        if (now - d->fetched < DOC_KEEP_MS)
            return d;
        doc_drop(d);
    }
    return NULL;
}

static void
doc_put(const char *url, const char *body, size_t len, int64_t now)
{
    struct doc *d = doc_find(url, now);

    if (d == NULL) {
        d = &v.docs[0];
        for (size_t i = 1; i < DOCS && d->url != NULL; i++)
            if (v.docs[i].url == NULL || v.docs[i].used < d->used)
                d = &v.docs[i];
    }
    doc_drop(d);
    d->url = xstrdup(url);
    d->body = xmalloc(len + 1);
    memcpy(d->body, body, len);
    d->body[len] = '\0';
    d->len = len;
    d->fetched = d->used = now;
}

/* Into the arena: the cache may drop it at any time. */
static bool
doc_get(const char *url, struct arena *arena, struct tocsin_document *out)
{
    int64_t now = clock_mono_ms();
    struct doc *d;

    pthread_mutex_lock(&v.lock);
    d = doc_find(url, now);
    if (d != NULL) {
        d->used = now;
        out->body = arena_strndup(arena, d->body, d->len);
        out->len = d->len;
    }
    pthread_mutex_unlock(&v.lock);
    return d != NULL;
}

/* --- fetching ----------------------------------------------------------------------------- */

static enum tocsin_rc
fetch_begin(webhook_fetch *fetch, void **ctx, struct tocsin_err *err)
{
    pthread_mutex_lock(&v.lock);
    *fetch = v.fetch;
    *ctx = v.fetch_ctx;
    if (v.fetch != NULL)
        v.fetching++;
    pthread_mutex_unlock(&v.lock);
    if (*fetch == NULL)
        return err_set(err, TOCSIN_TEMPORARY, "", "a document for the signature cannot be fetched now");
    return TOCSIN_OK;
}

static void
fetch_end(void)
{
    pthread_mutex_lock(&v.lock);
    v.fetching--;
    pthread_cond_broadcast(&v.changed);
    pthread_mutex_unlock(&v.lock);
}

static enum tocsin_rc
doc_fetch(struct tocsin_document *doc, struct arena *arena, struct tocsin_err *err)
{
    webhook_fetch fetch;
    enum tocsin_rc rc;
    void *ctx;

    rc = fetch_begin(&fetch, &ctx, err);
    if (rc != TOCSIN_OK)
        return rc;
    rc = fetch(ctx, doc->url, arena, &doc->body, &doc->len, err);
    fetch_end();
    if (rc != TOCSIN_OK)
        return err_wrap(err, "cannot fetch '%s' for the signature", doc->url);
    if (doc->len > DOC_MAX)
        return err_set(err, TOCSIN_UNAUTHORIZED, "", "the document '%s' for the signature is too large", doc->url);
    pthread_mutex_lock(&v.lock);
    doc_put(doc->url, doc->body, doc->len, clock_mono_ms());
    pthread_mutex_unlock(&v.lock);
    return TOCSIN_OK;
}

/* --- verifying ------------------------------------------------------------------------------- */

static enum tocsin_rc
verify(const struct conf_collector *col, struct http_request *r, bool may_fetch, struct tocsin_err *err)
{
    const struct tocsin_plugin *api = &col->plugin->api;
    struct tocsin_payload in = webhook_payload(col, r);
    struct tocsin_document doc = { .body = NULL };
    enum tocsin_rc rc;

    if (api->verify == NULL)
        return err_set(err, TOCSIN_INTERNAL, "", "integration '%s' knows no signatures", api->name);
    for (int i = 0; i <= FETCHES_PER_REQUEST; i++) {
        rc = api->verify(col->self, &plugin_host, &in, &doc, err);
        if (rc != TOCSIN_NEED_FETCH)
            return rc;
        if (strncmp(doc.url, "https://", 8) != 0)
            return err_set(err, TOCSIN_UNAUTHORIZED, "",
                           "the signature names a document that is not at an https address");
        if (doc_get(doc.url, http_arena(r), &doc))
            continue;
        if (!may_fetch)
            return rc;
        if (i == FETCHES_PER_REQUEST)
            break;
        rc = doc_fetch(&doc, http_arena(r), err);
        if (rc != TOCSIN_OK)
            return rc;
    }
    return err_set(err, TOCSIN_UNAUTHORIZED, "", "the signature needs more than %d documents", FETCHES_PER_REQUEST);
}

enum tocsin_rc
webhook_verify_cached(const struct conf_collector *col, struct http_request *r, struct tocsin_err *err)
{
    return verify(col, r, false, err);
}

enum tocsin_rc
webhook_verify(const struct conf_collector *col, struct http_request *r, struct tocsin_err *err)
{
    return verify(col, r, true, err);
}

/* --- the thread --------------------------------------------------------------------------------- */

static void
task_run(struct task *t)
{
    struct tocsin_err err = { 0 };
    enum tocsin_rc rc = webhook_verify(t->col, t->request, &err);

    t->done(t->ctx, rc, &err);     /* the request, and t in its arena, are gone after this */
}

static void *
run(void *unused)
{
    pthread_mutex_lock(&v.lock);
    while (!v.stop || v.first != NULL) {
        struct task *t = v.first;

        if (t == NULL) {
            pthread_cond_wait(&v.changed, &v.lock);
            continue;
        }
        v.first = t->next;
        if (v.first == NULL)
            v.last = &v.first;
        v.waiting--;
        pthread_mutex_unlock(&v.lock);
        task_run(t);
        pthread_mutex_lock(&v.lock);
    }
    pthread_mutex_unlock(&v.lock);
    return unused;
}

bool
webhook_verify_later(const struct conf_collector *col, struct http_request *r, webhook_verified done, void *ctx)
{
    struct task *t = arena_zalloc(http_arena(r), sizeof *t);
    bool taken = false;

    *t = (struct task){ .col = col, .request = r, .done = done, .ctx = ctx };
    pthread_mutex_lock(&v.lock);
    if (!v.running && !v.stop)
        v.running = pthread_create(&v.thread, NULL, run, NULL) == 0;
    if (v.running && !v.stop && v.waiting < WAITING_MAX) {
        *v.last = t;
        v.last = &t->next;
        v.waiting++;
        taken = true;
        pthread_cond_broadcast(&v.changed);
    }
    pthread_mutex_unlock(&v.lock);
    return taken;
}

/* Lets the thread finish what waits (quickly, as nothing is fetched any more) and forgets the documents. */
static void
stop_all(void)
{
    bool join;

    pthread_mutex_lock(&v.lock);
    v.stop = true;
    join = v.running;
    pthread_cond_broadcast(&v.changed);
    while (v.fetching > 0)
        pthread_cond_wait(&v.changed, &v.lock);
    pthread_mutex_unlock(&v.lock);
    if (join)
        pthread_join(v.thread, NULL);
    pthread_mutex_lock(&v.lock);
    for (size_t i = 0; i < DOCS; i++)
        doc_drop(&v.docs[i]);
    v.running = v.stop = false;
    pthread_mutex_unlock(&v.lock);
}

void
webhook_set_fetch(webhook_fetch fetch, void *ctx)
{
    pthread_mutex_lock(&v.lock);
    v.fetch = fetch;
    v.fetch_ctx = ctx;
    pthread_mutex_unlock(&v.lock);
    if (fetch == NULL)
        stop_all();
}
