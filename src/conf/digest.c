/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.c - "is this collector still what it was?", as one hash.
 *
 * It covers the values, not the text: a default that is written out, a comment
 * or another order changes nothing, a rotated secret or certificate does.  The
 * parts are hashed with their lengths, so no two lists run into each other.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "conf/load.h"
#include "os/file.h"
#include "plugin/host.h"

void
digest_add(struct digest *d, const char *part)
{
    if (d->n == d->cap) {
        size_t cap = d->cap > 0 ? 2 * d->cap : 64;
        const char **parts = arena_alloc(d->arena, cap * sizeof *parts);

        if (d->n > 0)
            memcpy(parts, d->parts, d->n * sizeof *parts);
        d->parts = parts;
        d->cap = cap;
    }
    d->parts[d->n++] = part != NULL ? part : "";
}

void
digest_num(struct digest *d, int64_t v)
{
    digest_add(d, arena_printf(d->arena, "%" PRId64, v));
}

void
digest_list(struct digest *d, const char *const *items, size_t n)
{
    digest_num(d, (int64_t)n);
    for (size_t i = 0; i < n; i++)
        digest_add(d, items[i]);
}

/* What a file holds, since a certificate may be renewed in place. */
static void
digest_file(struct digest *d, const char *path)
{
    struct tocsin_err err;
    char *text;

    digest_add(d, path);
    if (path == NULL || path[0] == '\0' || file_read(path, 8 << 20, &text, NULL, &err) != TOCSIN_OK)
        return;
    digest_add(d, arena_strdup(d->arena, text));
    free(text);
}

static int64_t
get_int(const struct option *o, const void *at)
{
    switch (o->width) {
    case 1:
        return *(const bool *)at;
    case 2:
        return *(const uint16_t *)at;
    case 4:
        return *(const uint32_t *)at;
    default:
        return *(const int64_t *)at;
    }
}

static void
digest_option(struct digest *d, const struct option *o, const void *base)
{
    const char *at = (const char *)base + o->offset, *text;
    const char *const *items;
    size_t n;

    digest_add(d, o->name);
    switch (o->type) {
    case OPTION_TEXT:
    case OPTION_PATH:
    case OPTION_SECRET:
    case OPTION_FILE:
        memcpy(&text, at, sizeof text);
        if (o->type == OPTION_FILE)
            digest_file(d, text);
        else
            digest_add(d, text);
        break;
    case OPTION_LIST:
    case OPTION_SECRETS:
        memcpy(&items, at, sizeof items);
        memcpy(&n, (const char *)base + o->n_offset, sizeof n);
        digest_list(d, items, n);
        break;
    case OPTION_GROUP:
        digest_table(d, o->group, base);
        break;
    case OPTION_MAP:
    case OPTION_SPECIAL:
    case OPTION_BLOCK:
        break; /* the caller adds what these made */
    default:
        digest_num(d, get_int(o, at));
    }
}

void
digest_table(struct digest *d, const struct option *table, const void *base)
{
    for (; table->name != NULL; table++)
        digest_option(d, table, base);
}

void
digest_settings(struct digest *d, const struct tocsin_settings *set)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct setting *s = &set->items[i];

        digest_add(d, s->name);
        digest_add(d, s->text);
        digest_num(d, s->num);
        digest_list(d, s->list, s->n_list);
        digest_num(d, (int64_t)s->n_map);
        for (size_t k = 0; k < s->n_map; k++) {
            digest_add(d, s->map[k].name);
            digest_add(d, s->map[k].value);
        }
    }
}

const char *
digest_text(const struct digest *d, struct arena *a)
{
    struct id16 id = id_hash(d->parts, d->n);
    char text[ID_TEXT];

    return arena_strdup(a, id_format(&id, text));
}
