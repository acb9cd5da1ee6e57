/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watcher.c - one thread that looks at the clock for all connections.
 *
 * It shuts down connections whose deadline has passed, and reads off what a
 * client still sends after it was refused: closing with unread data would
 * reset the connection, and the client would never see why.  It sleeps while
 * there is no connection, and else looks ten times a second.
 */
#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "http/internal.h"
#include "os/clock.h"

enum { LOOK_MS = 100, LINGER_MS = 2000 };

void
watcher_add_linger(struct http_server *s, int fd)
{
    if (fd < 0)
        return;                    /* no descriptor to spare: the client may see a reset */
    if (s->n_lingers == HTTP_LINGERS || s->watcher_stop) {
        close(fd);
        return;
    }
    s->lingers[s->n_lingers].fd = fd;
    s->lingers[s->n_lingers++].until = clock_mono_ms() + LINGER_MS;
    pthread_cond_broadcast(&s->changed);
}

/* At most 256 KiB a look: somebody who sends faster is slowed down by us not reading. */
static bool
drained(int fd)
{
    char sink[16384];

    for (int i = 0; i < 16; i++) {
        ssize_t n = recv(fd, sink, sizeof sink, MSG_DONTWAIT);

        if (n == 0)
            return true;
        if (n < 0)
            return errno != EAGAIN && errno != EINTR;
    }
    return false;
}

static void
drain_lingers(struct http_server *s, int64_t now)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->n_lingers; i++) {
        if (drained(s->lingers[i].fd) || now >= s->lingers[i].until || s->watcher_stop)
            close(s->lingers[i].fd);
        else
            s->lingers[kept++] = s->lingers[i];
    }
    s->n_lingers = kept;
}

static void
expire(struct conn *c)
{
    if (atomic_load(&c->reading))
        reply_last_words(c, MHD_HTTP_REQUEST_TIMEOUT, "the request did not arrive in time");
    shutdown(c->fd, SHUT_RDWR);
}

static void
look(struct http_server *s, int64_t now)
{
    for (struct conn *c = s->conns; c != NULL; c = c->next) {
        int64_t deadline = atomic_load(&c->deadline);

        if (deadline != DEADLINE_PASSED && deadline <= now &&
            atomic_compare_exchange_strong(&c->deadline, &deadline, DEADLINE_PASSED))
            expire(c);
    }
    drain_lingers(s, now);
}

void *
watcher_run(void *server)
{
    struct http_server *s = server;

    pthread_mutex_lock(&s->lock);
    while (!s->watcher_stop) {
        int64_t now = clock_mono_ms(), next = now + LOOK_MS;
        struct timespec ts = { .tv_sec = next / 1000, .tv_nsec = next % 1000 * 1000000 };

        look(s, now);
        if (s->conns != NULL || s->n_lingers > 0)
            pthread_cond_timedwait(&s->changed, &s->lock, &ts);
        else
            pthread_cond_wait(&s->changed, &s->lock);
    }
    drain_lingers(s, clock_mono_ms());
    pthread_mutex_unlock(&s->lock);
    return NULL;
}
