/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.c - start and stop of libmicrohttpd's epoll pool.
 *
 * The end has three steps, because the library ends the process when it is
 * stopped with a suspended connection: no new requests (quiesce); streams end
 * and requests under way get their grace; whatever is parked after that is
 * answered 503 by us and its own late answer is thrown away.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "http/internal.h"
#include "os/clock.h"
#include "os/log.h"

static void
library_log(void *ctx, const char *fmt, va_list ap)
{
    char line[512];
    size_t n;

    (void)ctx;
    if (log_level() < LOG_LEVEL_DEBUG)
        return;
    vsnprintf(line, sizeof line, fmt, ap);
    n = strlen(line);
    if (n > 0 && line[n - 1] == '\n')
        line[n - 1] = '\0';
    log_debug("http", "", "%s", line);
}

static struct http_options
with_defaults(const struct http_options *opt)
{
    struct http_options o = *opt;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (o.inflate_max <= 0)
        o.inflate_max = 8 << 20;
    if (o.inflate_ratio <= 0)
        o.inflate_ratio = 100;
    if (o.threads == 0)
        o.threads = cores > 4 ? 4 : cores > 0 ? (uint32_t)cores : 1;
    if (o.connections_max < o.threads)
        o.connections_max = o.threads;
    o.listen = o.tls_cert = o.tls_key = o.tls_client_ca = NULL;
    return o;
}

static struct http_server *
server_new(const struct http_options *opt, http_handler handler, http_limit limit, void *ctx)
{
    struct http_server *s = xcalloc(1, sizeof *s);
    pthread_condattr_t attr;

    s->opt = with_defaults(opt);
    s->handler = handler;
    s->limit = limit;
    s->ctx = ctx;
    s->listen_fd = -1;
    atomic_init(&s->refs, 1);
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &attr);
    pthread_condattr_destroy(&attr);
    return s;
}

void
server_put(struct http_server *s)
{
    struct http_request *r;

    if (atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    while ((r = s->spare) != NULL) {
        s->spare = r->next;
        arena_free(r->arena);
        free(r);
    }
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    http_tls_free(s->tls);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/*
 * The request's head, the library's notes on each of its lines, and room for the answer's head; no more, because the
 * library clears all of it after each request.
 */
static size_t
connection_memory(const struct http_options *o)
{
    size_t want = (size_t)o->header_max + HTTP_MAX_TARGET + HTTP_MAX_HEADERS * 96 + 2048;

    return want > 32768 ? want : 32768;
}

static enum tocsin_rc
start_library(struct http_server *s, struct tocsin_err *err)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    unsigned idle_s = (unsigned)((s->opt.idle_timeout_ms + 999) / 1000);
    struct MHD_OptionItem tls[6];
    size_t n = 0;

    if (s->tls != NULL) {
        flags |= MHD_USE_TLS;
        http_tls_options(s->tls, tls, &n);
    }
    tls[n] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
    s->mhd = MHD_start_daemon(flags, s->port, conn_accept, s, request_step, s,
                              MHD_OPTION_EXTERNAL_LOGGER, library_log, NULL,
                              MHD_OPTION_LISTEN_SOCKET, s->listen_fd,
                              MHD_OPTION_THREAD_POOL_SIZE, s->opt.threads > 1 ? s->opt.threads : 0u,
                              MHD_OPTION_CONNECTION_LIMIT, (unsigned)s->opt.connections_max,
                              MHD_OPTION_CONNECTION_TIMEOUT, idle_s > 0 ? idle_s : 1u,
                              MHD_OPTION_CONNECTION_MEMORY_LIMIT, connection_memory(&s->opt),
                              MHD_OPTION_STRICT_FOR_CLIENT, 0,   /* check.c is stricter, and says why */
                              MHD_OPTION_NOTIFY_CONNECTION, conn_notify, s,
                              MHD_OPTION_URI_LOG_CALLBACK, request_begin, s,
                              MHD_OPTION_NOTIFY_COMPLETED, request_end, s,
                              MHD_OPTION_ARRAY, tls,
                              MHD_OPTION_END);
    if (s->mhd == NULL)
        return err_sys(err, TOCSIN_TEMPORARY, "", "cannot start the HTTP server");
    return TOCSIN_OK;
}

enum tocsin_rc
http_server_start(const struct http_options *opt, http_handler handler, http_limit limit, void *ctx,
                  struct http_server **out_r, struct tocsin_err *err)
{
    struct http_server *s = server_new(opt, handler, limit, ctx);
    enum tocsin_rc rc;
    int no;

    http_raise_file_limit(s->opt.connections_max);
    rc = http_tls_new(opt, &s->tls, err);
    if (rc != TOCSIN_OK)
        goto out;
    rc = http_listen(opt->listen, &s->listen_fd, &s->port, err);
    if (rc != TOCSIN_OK)
        goto out;
    no = pthread_create(&s->watcher, NULL, watcher_run, s);
    if (no != 0) {
        errno = no;
        rc = err_sys(err, TOCSIN_TEMPORARY, "", "cannot start a thread");
        goto out;
    }
    rc = start_library(s, err);
    if (rc != TOCSIN_OK) {
        pthread_mutex_lock(&s->lock);
        s->watcher_stop = true;
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->lock);
        pthread_join(s->watcher, NULL);
        goto out;
    }
    *out_r = s;
    s = NULL;
out:
    if (s != NULL)
        server_put(s);
    return rc;
}

void
http_server_quiesce(struct http_server *s)
{
    if (atomic_exchange(&s->quiesced, true))
        return;
    if (MHD_quiesce_daemon(s->mhd) == MHD_INVALID_SOCKET)
        log_error("http", "", "cannot stop listening");
    /* Not closed yet: a thread of the library may be about to use it.  Who connects now is refused. */
    shutdown(s->listen_fd, SHUT_RDWR);
}

static void
end_streams(struct http_server *s)
{
    atomic_store(&s->ending, true);
    pthread_mutex_lock(&s->lock);
    for (struct http_request *r = s->live; r != NULL; r = r->next)
        stream_wake(r);
    pthread_mutex_unlock(&s->lock);
}

static void
wait_for_requests(struct http_server *s, int64_t grace_ms)
{
    int64_t end = clock_mono_ms() + grace_ms;
    struct timespec ts = { .tv_sec = end / 1000, .tv_nsec = end % 1000 * 1000000 };

    pthread_mutex_lock(&s->lock);
    while (s->n_live > 0 && clock_mono_ms() < end)
        pthread_cond_timedwait(&s->changed, &s->lock, &ts);
    pthread_mutex_unlock(&s->lock);
}

void
http_server_stop(struct http_server *s, int64_t grace_ms)
{
    const struct timespec moment = { 0, 500000 };

    http_server_quiesce(s);
    end_streams(s);
    wait_for_requests(s, grace_ms);

    atomic_store(&s->closing, true);
    request_abandon_all(s);
    /* Only the library's threads and repliers that are inside resume are waited for: microseconds. */
    while (atomic_load(&s->parked) > 0 || atomic_load(&s->busy) > 0)
        nanosleep(&moment, NULL);
    MHD_stop_daemon(s->mhd);

    pthread_mutex_lock(&s->lock);
    s->watcher_stop = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->watcher, NULL);
    close(s->listen_fd);
    s->listen_fd = -1;
    server_put(s);
}

uint16_t
http_server_port(const struct http_server *s)
{
    return s->port;
}

void
http_server_stats(const struct http_server *s, struct http_stats *out)
{
    /* atomic_load wants an object that is not const; loading changes nothing */
    struct http_server *m = (struct http_server *)(uintptr_t)s;

    out->connections = atomic_load(&m->n_connections);
    out->refused_connections = atomic_load(&m->n_refused_connections);
    out->requests = atomic_load(&m->n_requests);
    out->refused_requests = atomic_load(&m->n_refused_requests);
}
