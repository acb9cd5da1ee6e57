/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.c - one libconfig file, with what it includes.
 *
 * libconfig's scanner ends the process when it is given a folder to read, and
 * `@include "conf.d"` is easily written.  So the files and the @include lines
 * are looked at before libconfig sees them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "conf/load.h"
#include "conf/report.h"
#include "os/file.h"

enum { SOURCE_MAX = 8 << 20, INCLUDE_DEPTH = 10, FILES_MAX = 256 }; /* the depth is libconfig's own limit */

struct scan {
    struct reading *r;
    unsigned files;
};

const char *
source_dir(struct arena *a, const char *file)
{
    const char *slash = strrchr(file, '/');

    if (slash == NULL)
        return ".";
    return slash == file ? "/" : arena_strndup(a, file, (size_t)(slash - file));
}

static bool scan_file(struct scan *, const char *file, struct conf_pos from, int depth);

/* The path of an @include line as libconfig recognises it, or NULL. */
static const char *
include_of(const char *line, size_t n, struct arena *a)
{
    const char *p = line, *end = line + n, *quote;

    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    if ((size_t)(end - p) < 10 || strncmp(p, "@include", 8) != 0)
        return NULL;
    for (p += 8; p < end && (*p == ' ' || *p == '\t');)
        p++;
    if (p == end || *p++ != '"')
        return NULL;
    quote = memchr(p, '"', (size_t)(end - p));
    return quote != NULL ? arena_strndup(a, p, (size_t)(quote - p)) : NULL;
}

/* libconfig puts the folder before an absolute path, too. */
static const char *
included(const struct reading *r, const char *path)
{
    return path[0] == '/' ? arena_printf(r->arena, "%s/%s", r->dir, path) : reading_path(r, path);
}

static bool
scan_text(struct scan *s, const char *file, const char *text, int depth)
{
    struct reading *r = s->r;
    unsigned line = 1;
    bool ok = true;

    for (const char *p = text; *p != '\0'; line++) {
        size_t n = strcspn(p, "\n");
        const char *path = include_of(p, n, r->arena);

        if (path != NULL)
            ok = scan_file(s, included(r, path), (struct conf_pos){ arena_strdup(r->arena, file), line }, depth + 1) &&
                 ok;
        p += p[n] == '\n' ? n + 1 : n;
    }
    return ok;
}

/* from: the @include that leads here; line 0 for the first file. */
static bool
scan_file(struct scan *s, const char *file, struct conf_pos from, int depth)
{
    struct reading *r = s->r;
    struct tocsin_err err;
    struct stat st;
    char *text;
    bool ok;

    if (s->files == FILES_MAX) /* a file that includes itself, and more than once */
        conf_report_add(r->report, from, "more than %d files are included; does one include itself?", FILES_MAX);
    if (s->files++ >= FILES_MAX)
        return false;
    if (depth > INCLUDE_DEPTH)
        return true; /* libconfig says so itself */
    if (stat(file, &st) != 0) {
        conf_report_add(r->report, from, "cannot open '%s': %s%s", file, err_errno(errno),
                        from.line > 0 ? " (an @include starts from the folder of the first file)" : "");
        return false;
    }
    if (S_ISDIR(st.st_mode)) {
        conf_report_add(r->report, from, "'%s' is a folder, expected a file", file);
        return false;
    }
    if (file_read(file, SOURCE_MAX, &text, NULL, &err) != TOCSIN_OK) {
        conf_report_add(r->report, from, "%s", err.what);
        return false;
    }
    ok = scan_text(s, file, text, depth);
    free(text);
    return ok;
}

bool
source_read(struct reading *r, config_t *out)
{
    struct conf_pos pos = { r->source, 0 };
    const char *file;

    if (!scan_file(&(struct scan){ .r = r }, r->source, pos, 0))
        return false;
    config_init(out);
    config_set_include_dir(out, r->dir);
    if (config_read_file(out, r->source))
        return true;
    file = config_error_file(out);
    if (file != NULL)
        pos.file = strcmp(file, r->source) == 0 ? r->source : reading_path(r, file);
    pos.line = (unsigned)config_error_line(out);
    conf_report_add(r->report, pos, "%s", config_error_text(out));
    config_destroy(out);
    return false;
}
