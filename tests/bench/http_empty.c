/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_empty - what the HTTP layer alone costs: POSTs of a small JSON body, each
 * put off and answered 202 with a small JSON body by another thread.
 *
 * usage: http_empty [CLIENTS [SECONDS]]     needs wrk; prints what wrk says
 */
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "http/http.h"

extern char **environ;

enum { QUEUE = 16384 };

/* Like the committer: takes all that has gathered, answers it, and looks again. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_request *waiting[QUEUE];
    size_t n;
    bool stop;
} q = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void
answer(struct http_request *r)
{
    json_t *doc = json_object();

    json_object_set_new(doc, "accepted", json_integer(1));
    http_reply_json(r, 202, doc);
}

static void *
answer_all(void *unused)
{
    static struct http_request *batch[QUEUE];
    size_t n = 0;
    bool stop = false;

    while (!stop || n > 0) {
        for (size_t i = 0; i < n; i++)
            answer(batch[i]);
        pthread_mutex_lock(&q.lock);
        while (q.n == 0 && !q.stop)
            pthread_cond_wait(&q.changed, &q.lock);
        n = q.n;
        memcpy(batch, q.waiting, n * sizeof batch[0]);
        q.n = 0;
        stop = q.stop;
        pthread_mutex_unlock(&q.lock);
    }
    return unused;
}

static void
handle(void *ctx, struct http_request *r)
{
    (void)ctx;
    http_defer(r);
    pthread_mutex_lock(&q.lock);
    if (q.n == QUEUE)
        abort();                   /* more requests than clients */
    q.waiting[q.n++] = r;
    if (q.n == 1)
        pthread_cond_signal(&q.changed);
    pthread_mutex_unlock(&q.lock);
}

static char *
script(void)
{
    char *path = xstrdup("/tmp/http_empty.XXXXXX");
    static const char lua[] = "wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\n"
                              "wrk.body = '{\"summary\":\"disk is full\",\"severity\":\"critical\",\"host\":\"a1\"}'\n";
    int fd = mkstemp(path);

    if (fd < 0 || write(fd, lua, sizeof lua - 1) != (ssize_t)sizeof lua - 1)
        abort();
    close(fd);
    return path;
}

static int
run_wrk(uint16_t port, const char *clients, const char *seconds)
{
    char url[64], duration[16], *lua = script();
    char *argv[] = { "wrk", "-t1", "-c", (char *)(uintptr_t)clients, "-d", duration, "--latency", "-s", lua, url,
                     NULL };
    int status = 1;
    pid_t pid;

    snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
    snprintf(duration, sizeof duration, "%ss", seconds);
    if (posix_spawnp(&pid, "wrk", NULL, NULL, argv, environ) != 0)
        fprintf(stderr, "wrk is not installed\n");
    else
        waitpid(pid, &status, 0);
    unlink(lua);
    free(lua);
    return status;
}

int
main(int argc, char **argv)
{
    struct http_options opt = {
        .listen = "127.0.0.1:0", .body_max = 1 << 20, .header_max = 16384, .connections_max = 10000,
        .per_ip_max = 10000, .header_timeout_ms = 5000, .body_timeout_ms = 15000, .idle_timeout_ms = 60000,
        .threads = 2,
    };
    struct http_server *server;
    struct tocsin_err err;
    pthread_t thread;
    int status;

    if (http_server_start(&opt, handle, NULL, NULL, &server, &err) != TOCSIN_OK) {
        fprintf(stderr, "%s\n", err.what);
        return 1;
    }
    if (pthread_create(&thread, NULL, answer_all, NULL) != 0)
        return 1;
    status = run_wrk(http_server_port(server), argc > 1 ? argv[1] : "64", argc > 2 ? argv[2] : "3");
    http_server_stop(server, 1000);
    pthread_mutex_lock(&q.lock);
    q.stop = true;
    pthread_cond_signal(&q.changed);
    pthread_mutex_unlock(&q.lock);
    pthread_join(thread, NULL);
    return status != 0;
}
