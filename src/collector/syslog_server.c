/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/syslog_server.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "os/clock.h"

enum { TICK_MS = 500, DRAIN_MS = 1000 };

/* --- helpers of the other files ------------------------------------------------------------ */

bool
syslog_server_stopping(struct syslog_server *s)
{
    bool stop;

    pthread_mutex_lock(&s->lock);
    stop = s->stop;
    pthread_mutex_unlock(&s->lock);
    return stop;
}

void
syslog_server_trouble(struct syslog_server *s, struct complaint *complaint, const char *fmt, ...)
{
    char text[sizeof s->last_error];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    pthread_mutex_lock(&s->lock);
    memcpy(s->last_error, text, sizeof text);
    pthread_mutex_unlock(&s->lock);
    complain(complaint, "syslog", s->name, "%s", text);
}

bool
syslog_server_watch(struct syslog_server *s, int op, int fd, uint32_t events, struct syslog_source *source)
{
    struct epoll_event e = { .events = events, .data.ptr = source };

    if (epoll_ctl(s->epoll_fd, op, fd, &e) == 0)
        return true;
    syslog_server_trouble(s, &s->trouble, "cannot watch a socket: %s", err_errno(errno));
    return false;
}

static void
take_wake(struct syslog_server *s)
{
    uint64_t n;

    if (read(s->wake_fd, &n, sizeof n) < 0 && errno != EAGAIN && errno != EINTR)
        log_error("syslog", s->name, "cannot read the wake-up: %s", err_errno(errno));
}

void
syslog_server_pause(struct syslog_server *s, int64_t ms)
{
    struct pollfd p = { .fd = s->wake_fd, .events = POLLIN };

    if (poll(&p, 1, (int)ms) == 1 && !syslog_server_stopping(s)) {
        take_wake(s);              /* a new configuration: it is adopted after the turn */
        poll(&p, 1, (int)ms);
    }
}

/* --- configuration ---------------------------------------------------------------------------- */

static void
renew_tls(struct syslog_server *s)
{
    struct tocsin_err err = { 0 };
    SSL_CTX *fresh = NULL;

    if (s->c->syslog.tls_cert[0] != '\0' && syslog_tls_new(&s->c->syslog, &fresh, &err) != TOCSIN_OK) {
        syslog_server_trouble(s, &s->tls_trouble, "%s%s", err.what,
                              s->tls != NULL ? "; the certificate stays as it was" : "");
        return;
    }
    SSL_CTX_free(s->tls);
    s->tls = fresh;
}

static void
set_listening(struct syslog_server *s, bool all)
{
    pthread_mutex_lock(&s->lock);
    if (all && !s->listening)
        s->last_error[0] = '\0';
    s->listening = all;
    pthread_mutex_unlock(&s->lock);
}

/* Take the new configuration, if there is one.  Connections and sockets that it still wants go on. */
static void
adopt(struct syslog_server *s)
{
    struct conf *conf, *old = s->conf;
    const struct conf_collector *c;
    bool changed;

    pthread_mutex_lock(&s->lock);
    conf = s->next_conf;
    c = s->next_c;
    s->next_conf = NULL;
    s->next_c = NULL;
    pthread_mutex_unlock(&s->lock);
    if (conf == NULL)
        return;
    changed = s->digest == NULL || strcmp(s->digest, c->digest) != 0;
    s->conf = conf;
    s->c = c;
    if (changed) {
        free(s->digest);
        s->digest = xstrdup(c->digest);
        renew_tls(s);
        set_listening(s, syslog_listeners_apply(s));
        syslog_conns_sweep(s, NULL);
    }
    conf_unref(old);
}

/* --- turns ------------------------------------------------------------------------------------- */

static void
tick(struct syslog_server *s)
{
    int64_t now = clock_mono_ms();

    if (now < s->tick_ms)
        return;
    s->tick_ms = now + TICK_MS;
    for (struct syslog_listener *l = s->listeners; l != NULL; l = l->next)
        syslog_listener_resume(s, l);
    if (s->c->syslog.tls_cert[0] != '\0' && s->tls == NULL)
        renew_tls(s);
    set_listening(s, syslog_listeners_apply(s));
    syslog_conns_sweep(s, NULL);
    syslog_batch_report(s);
}

static void
handle(struct syslog_server *s, struct syslog_source *source)
{
    switch (source->kind) {
    case SOURCE_WAKE:
        take_wake(s);
        break;
    case SOURCE_UDP:
        syslog_udp_read(s, (struct syslog_listener *)source);
        break;
    case SOURCE_LISTEN:
        syslog_accept(s, (struct syslog_listener *)source);
        break;
    case SOURCE_CONN:
        syslog_conn_read(s, (struct syslog_conn *)source);
        break;
    }
}

/* Read what is ready.  How many sockets there were. */
static int
read_ready(struct syslog_server *s, int timeout_ms)
{
    struct epoll_event events[SYSLOG_EVENTS];
    int n = epoll_wait(s->epoll_fd, events, SYSLOG_EVENTS, timeout_ms);

    if (n < 0 && errno != EINTR) {
        syslog_server_trouble(s, &s->trouble, "cannot wait for messages: %s", err_errno(errno));
        syslog_server_pause(s, TICK_MS);
    }
    /* whoever is left is ready in the next turn too; another one begins each time, so nobody is always left */
    s->turn++;
    for (int i = 0; i < n && s->batch.n < SYSLOG_TURN_MESSAGES; i++)
        handle(s, events[(s->turn + (unsigned)i) % (unsigned)n].data.ptr);
    return n;
}

/* What senders have written already is read, then their last words are taken. */
static void
drain(struct syslog_server *s)
{
    int64_t until = clock_mono_ms() + DRAIN_MS;
    size_t before;
    int n;

    epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, s->wake_fd, NULL);
    do {
        before = s->batch.n;
        n = read_ready(s, 0);
        if (s->batch.n >= SYSLOG_TURN_MESSAGES || n == 0) {
            syslog_batch_finish(s);
            before = 0;
        }
    } while ((n > 0 || s->batch.n > before) && clock_mono_ms() < until);
    syslog_listeners_close(s);
    syslog_batch_finish(s);
}

static void *
server_main(void *arg)
{
    struct syslog_server *s = arg;

    pthread_setname_np(pthread_self(), "syslog");
    while (!syslog_server_stopping(s)) {
        adopt(s);
        read_ready(s, TICK_MS);
        tick(s);
        syslog_batch_finish(s);
    }
    adopt(s);
    drain(s);
    return NULL;
}

/* --- life --------------------------------------------------------------------------------------- */

static void
server_free(struct syslog_server *s)
{
    syslog_listeners_close(s);
    SSL_CTX_free(s->tls);
    syslog_batch_release(&s->batch);
    conf_unref(s->conf);
    if (s->next_conf != NULL)
        conf_unref(s->next_conf);
    if (s->epoll_fd >= 0)
        close(s->epoll_fd);
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    pthread_mutex_destroy(&s->lock);
    free(s->datagrams);
    free(s->digest);
    free(s->name);
    free(s);
}

static void
wake(struct syslog_server *s)
{
    uint64_t one = 1;

    if (write(s->wake_fd, &one, sizeof one) != (ssize_t)sizeof one)
        log_error("syslog", s->name, "cannot wake the collector: %s", err_errno(errno));
}

struct syslog_server *
syslog_server_start(const struct sink *sink, struct conf *conf, const struct conf_collector *c)
{
    struct syslog_server *s = xcalloc(1, sizeof *s);
    int rc = 0;

    s->name = xstrdup(c->name);
    s->sink = *sink;
    s->wake.kind = SOURCE_WAKE;
    pthread_mutex_init(&s->lock, NULL);
    syslog_batch_init(&s->batch);
    s->next_conf = conf_ref(conf);
    s->next_c = c;
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->wake_fd = s->epoll_fd < 0 ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->wake_fd < 0 || !syslog_server_watch(s, EPOLL_CTL_ADD, s->wake_fd, EPOLLIN, &s->wake)) {
        rc = errno;
    } else {
        adopt(s);                  /* here, so that the sockets are open when the daemon says that it is up */
        rc = pthread_create(&s->thread, NULL, server_main, s);
    }
    if (rc == 0)
        return s;
    log_error("syslog", c->name, "cannot start the collector: %s", err_errno(rc));
    server_free(s);
    return NULL;
}

void
syslog_server_adopt(struct syslog_server *s, struct conf *conf, const struct conf_collector *c)
{
    struct conf *old;

    pthread_mutex_lock(&s->lock);
    old = s->next_conf;
    s->next_conf = conf_ref(conf);
    s->next_c = c;
    pthread_mutex_unlock(&s->lock);
    if (old != NULL)
        conf_unref(old);
    wake(s);
}

void
syslog_server_stop(struct syslog_server **all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        pthread_mutex_lock(&all[i]->lock);
        all[i]->stop = true;
        pthread_mutex_unlock(&all[i]->lock);
        wake(all[i]);
    }
    for (size_t i = 0; i < n; i++) {
        pthread_join(all[i]->thread, NULL);
        server_free(all[i]);
    }
}
