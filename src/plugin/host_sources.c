/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_sources.c - source maps in a folder, by release and file name.
 *
 *   FOLDER/RELEASE/static/js/main.min.js.map    or, if that is not there,
 *   FOLDER/RELEASE/js/main.min.js.map, FOLDER/RELEASE/main.min.js.map
 *   FOLDER/debug-id/0198c0de-....map            when the generated code names its map
 *
 * Release and file come from strangers: each segment is checked, so no path
 * leaves the folder.  A map is read when it is first asked for and kept, the
 * least used going first; a file that changed is read again.  Nobody holds the
 * lock while a file is read: who wants the same map waits for it.
 */
#include "plugin/host.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "core/sourcemap/sourcemap.h"
#include "os/file.h"

enum { MAP_MAX = 64 << 20, PATH_BYTES = 1024, SUFFIXES = 16 };
#define CACHE_BYTES ((size_t)128 << 20)

struct entry {
    struct entry *next;            /* most recently used first */
    char *path;
    struct timespec mtime;
    off_t size;
    struct sourcemap *map;         /* NULL: the file is none, and err says so */
    struct tocsin_err err;
    size_t bytes;
    unsigned users;
    bool loading, stale;           /* stale: out of the list; the last user frees it */
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t loaded;
    struct entry *first;
    size_t bytes;
} cache = { .lock = PTHREAD_MUTEX_INITIALIZER, .loaded = PTHREAD_COND_INITIALIZER };

/* --- names -------------------------------------------------------------------------------- */

/* "a/b@1.0/c": no segment is empty, "." or "..", and nothing is in it that is no part of a plain name. */
static bool
is_inside(const char *name, size_t n)
{
    size_t begin = 0;

    if (n == 0 || n > PATH_BYTES)
        return false;
    for (size_t i = 0; i <= n; i++) {
        size_t len = i - begin;

        if (i < n && name[i] != '/') {
            if ((unsigned char)name[i] < ' ' || name[i] == '\\' || name[i] == 0x7f)
                return false;
            continue;
        }
        if (len == 0 || (name[begin] == '.' && (len == 1 || (len == 2 && name[begin + 1] == '.'))))
            return false;
        begin = i + 1;
    }
    return true;
}

/* The path part of "https://host/static/main.js?v=1", "app:///main.js", "~/main.js", "/srv/main.js". */
static const char *
path_part(const char *file, size_t *len)
{
    const char *scheme = strstr(file, "://");

    if (scheme != NULL) {
        file = strchr(scheme + 3, '/');
        if (file == NULL)
            file = "";
    } else if (file[0] == '~') {
        file++;
    }
    file += strspn(file, "/");
    if (strncmp(file, "./", 2) == 0)
        file += 2;
    *len = strcspn(file, "?#");
    return file;
}

/* --- the cache -------------------------------------------------------------------------------- */

static void
entry_free(struct entry *e)
{
    sourcemap_free(e->map);
    free(e->path);
    free(e);
}

static void
detach(struct entry **at)
{
    struct entry *e = *at;

    *at = e->next;
    cache.bytes -= e->bytes;
    e->stale = true;
    if (e->users == 0)
        entry_free(e);
}

/* What nobody uses goes, the least recently used first, until there is room. */
static void
make_room(void)
{
    while (cache.bytes > CACHE_BYTES) {
        struct entry **last = NULL;

        for (struct entry **at = &cache.first; *at != NULL; at = &(*at)->next)
            if ((*at)->users == 0)
                last = at;
        if (last == NULL)
            return;
        detach(last);
    }
}

static bool
is_current(const struct entry *e, const struct stat *st)
{
    return e->size == st->st_size && e->mtime.tv_sec == st->st_mtim.tv_sec && e->mtime.tv_nsec == st->st_mtim.tv_nsec;
}

/* With the lock: the entry of a file as it is now, at the head of the list; new ones are `loading`. */
static struct entry *
entry_get(const char *path, const struct stat *st, bool *new_r)
{
    struct entry **at = &cache.first, *e;

    while (*at != NULL && strcmp((*at)->path, path) != 0)
        at = &(*at)->next;
    e = *at;
    if (e != NULL && !is_current(e, st)) {
        detach(at);
        e = NULL;
    }
    *new_r = e == NULL;
    if (e == NULL) {
        e = xcalloc(1, sizeof *e);
        e->path = xstrdup(path);
        e->mtime = st->st_mtim;
        e->size = st->st_size;
        e->loading = true;
    } else {
        *at = e->next;
    }
    e->next = cache.first;
    cache.first = e;
    e->users++;
    return e;
}

/* Without the lock. */
static void
load(struct entry *e)
{
    struct host_redaction before = host_redact_begin(NULL);   /* this is no payload */
    char *text = NULL;
    json_t *doc = NULL;
    size_t n = 0;
    enum tocsin_rc rc = file_read(e->path, MAP_MAX, &text, &n, &e->err);

    if (rc == TOCSIN_OK && n > 4 && strncmp(text, ")]}'", 4) == 0)   /* a guard that may stand before the JSON */
        memset(text, ' ', strcspn(text, "\n"));
    if (rc == TOCSIN_OK)
        rc = host_parse_json(text, n, &doc, &e->err);
    if (rc == TOCSIN_OK && sourcemap_new(doc, &e->map, &e->err) != TOCSIN_OK)
        e->map = NULL;
    json_decref(doc);
    free(text);
    host_redact_end(before);
}

static struct entry *
acquire(const char *path, const struct stat *st, bool *new_r)
{
    struct entry *e;

    pthread_mutex_lock(&cache.lock);
    e = entry_get(path, st, new_r);
    while (e->loading && !*new_r)
        pthread_cond_wait(&cache.loaded, &cache.lock);
    pthread_mutex_unlock(&cache.lock);
    if (!*new_r)
        return e;
    load(e);
    pthread_mutex_lock(&cache.lock);
    e->loading = false;
    e->bytes = e->map != NULL && !e->stale ? sourcemap_bytes(e->map) : 0;
    cache.bytes += e->bytes;
    make_room();
    pthread_cond_broadcast(&cache.loaded);
    pthread_mutex_unlock(&cache.lock);
    return e;
}

static void
release(struct entry *e)
{
    pthread_mutex_lock(&cache.lock);
    e->users--;
    if (e->stale && e->users == 0)
        entry_free(e);
    else
        make_room();
    pthread_mutex_unlock(&cache.lock);
}

void
host_sources_forget(void)
{
    pthread_mutex_lock(&cache.lock);
    while (cache.first != NULL)
        detach(&cache.first);
    pthread_mutex_unlock(&cache.lock);
}

/* --- the question ---------------------------------------------------------------------------------- */

static bool
is_file(const char *path, struct stat *st)
{
    return stat(path, st) == 0 && S_ISREG(st->st_mode);
}

/* The file that holds the map; false: there is none. */
static bool
find_file(const struct tocsin_generated *q, char path[PATH_BYTES * 4], struct stat *st)
{
    size_t len, release = q->release != NULL ? strlen(q->release) : 0;
    const char *file = path_part(q->file != NULL ? q->file : "", &len);

    if (q->debug_id != NULL && strchr(q->debug_id, '/') == NULL && is_inside(q->debug_id, strlen(q->debug_id))) {
        snprintf(path, PATH_BYTES * 4, "%s/debug-id/%s.map", q->folder, q->debug_id);
        if (is_file(path, st))
            return true;
    }
    if (!is_inside(q->release != NULL ? q->release : "", release) || !is_inside(file, len))
        return false;
    for (unsigned i = 0; i < SUFFIXES && len > 0; i++) {
        const char *slash = memchr(file, '/', len);

        snprintf(path, PATH_BYTES * 4, "%s/%s/%.*s.map", q->folder, q->release, (int)len, file);
        if (is_file(path, st))
            return true;
        if (slash == NULL)
            return false;
        len -= (size_t)(slash + 1 - file);
        file = slash + 1;
    }
    return false;
}

enum tocsin_rc
host_source_of(struct tocsin_batch *b, const struct tocsin_generated *q, struct tocsin_source *out_r)
{
    char path[PATH_BYTES * 4];
    struct source_place place;
    struct stat st;
    struct entry *e;
    enum tocsin_rc rc = TOCSIN_NOT_FOUND;
    bool is_new;

    if (q->folder == NULL || strlen(q->folder) > PATH_BYTES || !find_file(q, path, &st))
        return TOCSIN_NOT_FOUND;
    e = acquire(path, &st, &is_new);
    if (e->map != NULL)
        rc = sourcemap_find(e->map, q->line, q->column, b->arena, &place);
    else if (is_new)
        host_batch_note(b, "source map '%s' is of no use: %s", path, e->err.what);
    if (rc == TOCSIN_OK)
        *out_r = (struct tocsin_source){ place.file, place.name, place.line, place.column, place.text, place.context };
    release(e);
    return rc;
}
