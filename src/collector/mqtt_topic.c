/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_topic.c - topic filters whose wildcards have names.
 *
 * In MQTT a wildcard fills a whole level, so "+host" is not a legal level and
 * can carry a name without ambiguity: the broker is given the filter without
 * the names, and what each named wildcard stood for becomes a label.
 */
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "collector/collector.h"

enum { LABEL_VALUE_MAX = 1024 };

/* "$share/<group>/<filter>": the group is between the subscriber and the broker; topics do not have it. */
static const char *
without_share(const char *filter)
{
    const char *group_end;

    if (strncmp(filter, "$share/", 7) != 0)
        return filter;
    group_end = strchr(filter + 7, '/');
    return group_end != NULL ? group_end + 1 : filter;
}

static size_t
level_len(const char *s)
{
    return strcspn(s, "/");
}

struct names {
    struct arena *arena;
    struct tocsin_pair *labels;
    size_t n;
};

static void
add_label(struct names *out, const char *name, size_t name_len, const char *value, size_t value_len)
{
    if (name_len == 0 || value_len == 0)
        return;
    out->labels[out->n].name = arena_strndup(out->arena, name, name_len);
    out->labels[out->n].value = text_clean(out->arena, value, value_len, LABEL_VALUE_MAX);
    out->n++;
}

/* Both strings level by level; labels has room for one label a level of the filter. */
static bool
match_levels(const char *filter, const char *topic, struct names *out)
{
    const char *t = topic;             /* NULL: the topic has no more levels */

    for (const char *f = filter;;) {
        size_t fl = level_len(f);
        size_t tl = t != NULL ? level_len(t) : 0;

        if (*f == '#') {               /* also matches the level above: "a/#" is true of "a" */
            if (t != NULL)
                add_label(out, f + 1, fl - 1, t, strlen(t));
            return f[fl] == '\0';
        }
        if (t == NULL)
            return false;
        if (*f == '+')
            add_label(out, f + 1, fl - 1, t, tl);
        else if (fl != tl || memcmp(f, t, fl) != 0)
            return false;
        t = t[tl] == '/' ? t + tl + 1 : NULL;
        if (f[fl] == '\0')
            return t == NULL;
        f += fl + 1;
    }
}

bool
mqtt_topic_match(const char *filter, const char *topic, struct arena *arena, struct tocsin_pair **labels, size_t *n)
{
    struct names out = { .arena = arena };
    size_t levels = 1;

    filter = without_share(filter);
    /* a wildcard at the start does not reach the broker's own topics ("$SYS/...") */
    if (topic[0] == '$' && (filter[0] == '+' || filter[0] == '#'))
        return false;
    for (const char *p = filter; *p != '\0'; p++)
        levels += *p == '/';
    out.labels = arena_alloc(arena, levels * sizeof *out.labels);
    if (!match_levels(filter, topic, &out))
        return false;
    *labels = out.labels;
    *n = out.n;
    return true;
}

char *
mqtt_topic_plain(const char *filter, struct arena *arena)
{
    char *plain = arena_alloc(arena, strlen(filter) + 1), *w = plain;
    const char *body = without_share(filter);

    memcpy(w, filter, (size_t)(body - filter));
    w += body - filter;
    for (const char *f = body;;) {
        size_t len = level_len(f);
        size_t keep = *f == '+' || *f == '#' ? 1 : len;

        memcpy(w, f, keep);
        w += keep;
        if (f[len] == '\0')
            break;
        *w++ = '/';
        f += len + 1;
    }
    *w = '\0';
    return plain;
}
