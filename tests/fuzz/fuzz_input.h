/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_input.h - bytes of the fuzzer as lines and a rest, and settings for an
 * integration that has none: each option as its table says, a word for what
 * must be set.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "plugin/host.h"

struct input { const char *p; size_t n; };

/* The next line, without its end; "" when there is none. */
static inline char *
input_line(struct input *in, struct arena *a)
{
    const char *end = in->n > 0 ? memchr(in->p, '\n', in->n) : NULL;
    size_t n = end != NULL ? (size_t)(end - in->p) : in->n;
    char *line = arena_strndup(a, in->n > 0 ? in->p : "", n);

    n += end != NULL;
    in->p += n;
    in->n -= n;
    return line;
}

static inline const char *
input_field(const struct tocsin_payload *in, const char *name)
{
    (void)name;
    return in->host_data;
}

/* A payload of three lines - content type, topic, and the value that every header and parameter has - and a body. */
static inline struct tocsin_payload
input_payload(struct input *bytes, struct arena *a)
{
    struct tocsin_payload in = { .collector = "fuzz", .received_at = 1769860800000, .header = input_field,
                                 .query = input_field };
    const char *type = input_line(bytes, a), *topic = input_line(bytes, a), *field = input_line(bytes, a);
    struct tocsin_pair *labels;

    in.content_type = type[0] != '\0' ? type : NULL;
    in.host_data = field[0] != '\0' ? field : NULL;
    if (topic[0] != '\0') {
        labels = arena_zalloc(a, 2 * sizeof *labels);
        labels[0] = (struct tocsin_pair){ "first", arena_strndup(a, topic, strcspn(topic, "/")) };
        labels[1] = (struct tocsin_pair){ "rest", topic + strcspn(topic, "/") };
        in.topic = topic;
        in.topic_labels = labels;
        in.n_topic_labels = 2;
    }
    return in;
}

/* What is left, with a NUL behind it. */
static inline char *
input_rest(const struct input *in, struct arena *a)
{
    return arena_strndup(a, in->n > 0 ? in->p : "", in->n);
}

static inline struct setting
input_setting(const struct tocsin_option *o)
{
    bool required = o->def != NULL && strcmp(o->def, TOCSIN_REQUIRED) == 0;
    struct setting s = { .name = o->name, .type = o->type, .text = o->def };

    if (required)
        s.text = strcmp(o->name, "url") == 0 ? "https://hooks.example.org/in" : "0123456789abcdef0123456789abcdef";
    if (o->def != NULL && o->type == TOCSIN_OPT_BOOL)
        s.num = strcmp(o->def, "true") == 0;
    else if (o->def != NULL && o->type == TOCSIN_OPT_INT)
        s.num = strtoll(o->def, NULL, 10);
    else if (o->def != NULL && o->type == TOCSIN_OPT_DURATION)
        duration_parse(o->def, &s.num);
    return s;
}

/* Opens the integration once; NULL where it has no instance. */
static inline void *
input_instance(const struct tocsin_plugin *plugin, const struct tocsin_option *options)
{
    static struct setting items[64];
    static struct tocsin_settings set = { items, 0 };
    static void *self;
    struct tocsin_err err;

    if (self != NULL || plugin->open == NULL)
        return self;
    while (options != NULL && options[set.n].name != NULL) {
        items[set.n] = input_setting(&options[set.n]);
        set.n++;
    }
    if (plugin->open(&plugin_host, &set, &self, &err) != TOCSIN_OK)
        abort();
    return self;
}

#endif
