/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syslog.c - the syslog collectors of a configuration: one thread each, started
 * and stopped as the configuration changes.
 *
 * One that is still there under its name is never stopped, whatever changed:
 * it adopts the new configuration itself, and closes only what that one does
 * not want any more (syslog_server.c).
 */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "collector/syslog_server.h"

struct syslog_collectors {
    struct sink sink;
    pthread_mutex_t lock;          /* of the list; never held while waiting for a thread */
    struct syslog_server **servers;
    size_t n;
};

struct syslog_collectors *
syslog_collectors_new(const struct sink *sink)
{
    struct syslog_collectors *set = xcalloc(1, sizeof *set);

    set->sink = *sink;
    pthread_mutex_init(&set->lock, NULL);
    return set;
}

static const struct conf_collector *
find(const struct conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->n_collectors; i++)
        if (strcmp(conf->collectors[i].type, "syslog") == 0 && strcmp(conf->collectors[i].name, name) == 0)
            return &conf->collectors[i];
    return NULL;
}

static bool
is_running(const struct syslog_collectors *set, const char *name)
{
    for (size_t i = 0; i < set->n; i++)
        if (strcmp(set->servers[i]->name, name) == 0)
            return true;
    return false;
}

/* Take those out of the list that conf does not name; conf NULL: all. */
static struct syslog_server **
take_gone(struct syslog_collectors *set, const struct conf *conf, size_t *n_r)
{
    struct syslog_server **gone = xcalloc(set->n + 1, sizeof *gone);
    size_t kept = 0;

    *n_r = 0;
    pthread_mutex_lock(&set->lock);
    for (size_t i = 0; i < set->n; i++) {
        if (conf != NULL && find(conf, set->servers[i]->name) != NULL)
            set->servers[kept++] = set->servers[i];
        else
            gone[(*n_r)++] = set->servers[i];
    }
    set->n = kept;
    pthread_mutex_unlock(&set->lock);
    return gone;
}

static void
stop_gone(struct syslog_collectors *set, const struct conf *conf)
{
    size_t n = 0;
    struct syslog_server **gone = take_gone(set, conf, &n);

    syslog_server_stop(gone, n);
    free(gone);
}

void
syslog_collectors_apply(struct syslog_collectors *set, struct conf *conf)
{
    stop_gone(set, conf);          /* first, for a new one may want their ports */
    pthread_mutex_lock(&set->lock);
    for (size_t i = 0; i < set->n; i++)
        syslog_server_adopt(set->servers[i], conf, find(conf, set->servers[i]->name));
    set->servers = xrealloc(set->servers, (set->n + conf->n_collectors + 1) * sizeof *set->servers);
    for (size_t i = 0; i < conf->n_collectors; i++) {
        const struct conf_collector *c = &conf->collectors[i];
        struct syslog_server *s;

        if (strcmp(c->type, "syslog") != 0 || is_running(set, c->name))
            continue;
        s = syslog_server_start(&set->sink, conf, c);
        if (s != NULL)
            set->servers[set->n++] = s;
    }
    pthread_mutex_unlock(&set->lock);
}

size_t
syslog_collectors_status(struct syslog_collectors *set, struct arena *arena, struct syslog_status **out)
{
    struct syslog_status *all;
    size_t n;

    pthread_mutex_lock(&set->lock);
    n = set->n;
    all = arena_zalloc(arena, (n + 1) * sizeof *all);
    for (size_t i = 0; i < n; i++) {
        struct syslog_server *s = set->servers[i];

        pthread_mutex_lock(&s->lock);
        all[i] = (struct syslog_status){
            .collector = arena_strdup(arena, s->name), .listening = s->listening,
            .connections = atomic_load(&s->connections), .messages = atomic_load(&s->messages),
            .refused = atomic_load(&s->refused), .cut = atomic_load(&s->cut), .dropped = atomic_load(&s->dropped),
            .turned_away = atomic_load(&s->turned_away), .last_error = arena_strdup(arena, s->last_error)
        };
        pthread_mutex_unlock(&s->lock);
    }
    pthread_mutex_unlock(&set->lock);
    *out = all;
    return n;
}

void
syslog_collectors_free(struct syslog_collectors *set)
{
    if (set == NULL)
        return;
    stop_gone(set, NULL);
    pthread_mutex_destroy(&set->lock);
    free(set->servers);
    free(set);
}
