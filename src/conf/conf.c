/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf.c - the life of a configuration, and look-ups by name.
 *
 * Look-ups walk an array: there are tens of collectors and notifiers, and who
 * needs one often keeps the pointer together with a reference.
 */
#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>

#include "core/normalise/mapping.h"
#include "plugin/loader.h"

static void
close_instance(const struct plugin *plugin, void *self)
{
    if (plugin != NULL && plugin->api.close != NULL && self != NULL)
        plugin->api.close(self);
}

static void
conf_free(struct conf *c)
{
    struct arena *arena = c->arena;

    for (size_t i = 0; i < c->n_collectors; i++) {
        close_instance(c->collectors[i].plugin, c->collectors[i].self);
        if (c->collectors[i].mapping != NULL)
            mapping_free(c->collectors[i].mapping);
        redact_free(c->collectors[i].redact);
    }
    for (size_t i = 0; i < c->n_notifiers; i++)
        close_instance(c->notifiers[i].plugin, c->notifiers[i].self);
    if (c->rules != NULL)
        ruleset_free(c->rules);
    arena_free(arena); /* c itself lies in it */
}

struct conf *
conf_ref(struct conf *c)
{
    __atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
    return c;
}

void
conf_unref(struct conf *c)
{
    if (c != NULL && __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) == 0)
        conf_free(c);
}

const char *
conf_default_file(void)
{
    const char *file = getenv("TOCSIN_CONFIG");

    return file != NULL && file[0] != '\0' ? file : "/etc/tocsin/tocsin.cfg";
}

const struct conf_collector *
conf_collector(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_collectors; i++)
        if (strcmp(c->collectors[i].name, name) == 0)
            return &c->collectors[i];
    return NULL;
}

const struct conf_heartbeat *
conf_heartbeat(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_heartbeats; i++)
        if (strcmp(c->heartbeats[i].name, name) == 0)
            return &c->heartbeats[i];
    return NULL;
}

const struct conf_notifier *
conf_notifier(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_notifiers; i++)
        if (strcmp(c->notifiers[i].name, name) == 0)
            return &c->notifiers[i];
    return NULL;
}

const struct policy *
conf_policy(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_policies; i++)
        if (strcmp(c->policies[i].name, name) == 0)
            return &c->policies[i];
    return NULL;
}
