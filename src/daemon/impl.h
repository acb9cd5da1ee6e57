/* SPDX-License-Identifier: Apache-2.0 */
/* impl.h - the daemon's own: shared by daemon.c (start, stop) and reload.c. */
#ifndef DAEMON_IMPL_H
#define DAEMON_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "daemon/beats.h"
#include "daemon/committer.h"
#include "daemon/ingest.h"
#include "daemon/outbox.h"

struct daemon {
    const char *config_file;
    const char *plugin_dir;                  /* where the integrations lie */
    pthread_mutex_t conf_mutex;              /* guards conf, the pointer */
    struct conf *conf;
    struct conf *started;                    /* what the parts that a reload cannot change were made with */
    pthread_mutex_t reload_mutex;            /* one reload at a time */
    atomic_bool failed;                      /* the store failed: end with status 1 */
    atomic_bool stopping;

    /* in the order of their start; stopped in reverse */
    struct store *store;
    struct transport *transport;
    struct beats *beats;
    struct committer *committer;
    struct notifier *notifier;
    struct outbox *outbox;
    struct ingest *ingest;
    struct mqtt_collectors *mqtt;
    struct syslog_collectors *syslog;
    struct api_deps deps;
    struct api *api;
    struct http_server *http;
};

/* The current configuration, with a reference for the caller. */
struct conf *daemon_conf(void *daemon);
/* Settings of the process as a whole. */
void daemon_apply(const struct conf *);
/* Load the file again and swap, or change nothing.  report may be NULL: then mistakes are logged. */
enum tocsin_rc daemon_reload(void *daemon, struct conf_report *report);
/* Try again what targets had refused under other settings.  was: those; NULL: the process has just started. */
void daemon_rearm(struct daemon *, const struct conf *was, const struct conf *now);

#endif
