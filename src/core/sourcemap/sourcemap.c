/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoding.  "mappings" holds lines parted by ';', segments parted by ',', each
 * of one, four or five numbers in base 64, five bits a digit, all but the
 * first of a line relative to the segment before.
 */
#include "core/sourcemap/sourcemap.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "core/sourcemap/impl.h"

/* --- numbers ------------------------------------------------------------------------------ */

static int
digit(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

/* One number at *p; false when there is none or it has more than 32 bits. */
static bool
vlq(const char **p, int64_t *out)
{
    uint64_t value = 0;
    unsigned shift = 0;
    int d;

    do {
        d = digit(**p);
        if (d < 0 || shift > 30)
            return false;
        value |= (uint64_t)(d & 31) << shift;
        shift += 5;
        ++*p;
    } while (d & 32);
    *out = value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
    return true;
}

/* --- segments -------------------------------------------------------------------------------- */

struct decoder {
    struct sourcemap *map;
    struct tocsin_err *err;
    uint32_t line_offset, column_offset;       /* of the section */
    uint32_t first_source, first_name;         /* of the section, in the lists of the whole */
    size_t n_sources, n_names;                 /* of the section */
    int64_t line, column, source, src_line, src_column, name;   /* running values */
};

static enum tocsin_rc
add_segment(struct decoder *d, const struct segment *s)
{
    struct sourcemap *m = d->map;

    if (m->n_segments == SOURCEMAP_SEGMENTS)
        return err_set(d->err, TOCSIN_TOO_LARGE, "$.mappings", "more than %d segments", SOURCEMAP_SEGMENTS);
    if (m->n_segments == m->cap_segments) {
        m->cap_segments = m->cap_segments > 0 ? m->cap_segments * 2 : 1024;
        m->segments = xrealloc(m->segments, m->cap_segments * sizeof *m->segments);
    }
    m->segments[m->n_segments++] = *s;
    return TOCSIN_OK;
}

static bool
in_range(int64_t v, int64_t end)
{
    return v >= 0 && v < end;
}

/* The numbers of one segment; -1: malformed, else how many. */
static int
read_fields(struct decoder *d, const char **p, int64_t field[5])
{
    int n = 0;

    while (**p != ',' && **p != ';' && **p != '\0') {
        if (n == 5 || !vlq(p, &field[n]))
            return -1;
        n++;
    }
    d->column += n > 0 ? field[0] : 0;
    if (n >= 4) {
        d->source += field[1];
        d->src_line += field[2];
        d->src_column += field[3];
    }
    if (n == 5)
        d->name += field[4];
    return n == 2 || n == 3 ? -1 : n;
}

static enum tocsin_rc
read_segment(struct decoder *d, const char **p)
{
    struct segment s = { .source = NO_INDEX, .name = NO_INDEX };
    int64_t field[5];
    int n = read_fields(d, p, field);
    bool good = n >= 0 && in_range(d->column, INT32_MAX);

    if (n >= 4)
        good = good && in_range(d->source, (int64_t)d->n_sources) && in_range(d->src_line, INT32_MAX) &&
               in_range(d->src_column, INT32_MAX);
    if (n == 5)
        good = good && in_range(d->name, (int64_t)d->n_names);
    if (!good)
        return err_set(d->err, TOCSIN_BAD_INPUT, "$.mappings", "malformed in line %lld", (long long)d->line + 1);
    if (n == 0)
        return TOCSIN_OK;
    s.gen_line = (uint32_t)d->line + d->line_offset;
    s.gen_column = (uint32_t)d->column + (d->line == 0 ? d->column_offset : 0);
    if (n >= 4) {
        s.source = d->first_source + (uint32_t)d->source;
        s.line = (uint32_t)d->src_line;
        s.column = (uint32_t)d->src_column;
    }
    if (n == 5)
        s.name = d->first_name + (uint32_t)d->name;
    return add_segment(d, &s);
}

static enum tocsin_rc
read_mappings(struct decoder *d, const char *p)
{
    enum tocsin_rc rc = TOCSIN_OK;

    while (*p != '\0' && rc == TOCSIN_OK) {
        if (*p == ';') {
            d->column = 0;
            if (++d->line > INT32_MAX / 2)
                return err_set(d->err, TOCSIN_TOO_LARGE, "$.mappings", "too many lines");
            p++;
        } else if (*p == ',') {
            p++;
        } else {
            rc = read_segment(d, &p);
        }
    }
    return rc;
}

/* --- sources and names --------------------------------------------------------------------------- */

/* Bundlers write "webpack:///./src/a.js" and "../../src/a.js": what people call it is "src/a.js". */
static const char *
file_name(struct arena *a, const char *root, const char *name)
{
    const char *scheme;
    char *full;

    if (root[0] != '\0' && name[0] != '/' && strstr(name, "://") == NULL)
        full = arena_printf(a, "%s%s%s", root, root[strlen(root) - 1] == '/' ? "" : "/", name);
    else
        full = arena_strdup(a, name);
    scheme = strstr(full, "://");
    if (scheme != NULL && strncmp(full, "http", 4) != 0) {
        full = strchr(scheme + 3, '/') != NULL ? strchr(scheme + 3, '/') + 1 : full;
    }
    for (;;) {
        if (strncmp(full, "./", 2) == 0)
            full += 2;
        else if (strncmp(full, "../", 3) == 0)
            full += 3;
        else
            return full;
    }
}

static void
read_sources(struct decoder *d, const json_t *doc)
{
    const json_t *list = json_object_get(doc, "sources"), *contents = json_object_get(doc, "sourcesContent");
    const char *root = json_string_value(json_object_get(doc, "sourceRoot"));
    struct sourcemap *m = d->map;

    d->first_source = (uint32_t)m->n_sources;
    d->n_sources = json_array_size(list);
    m->sources = xrealloc(m->sources, (m->n_sources + d->n_sources + 1) * sizeof *m->sources);
    for (size_t i = 0; i < d->n_sources; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        const json_t *content = json_array_get(contents, i);
        struct source *s = &m->sources[m->n_sources++];

        *s = (struct source){ .file = file_name(m->arena, root != NULL ? root : "", name != NULL ? name : "") };
        if (json_is_string(content)) {
            s->len = json_string_length(content);
            s->content = arena_strndup(m->arena, json_string_value(content), s->len);
        }
    }
}

static void
read_names(struct decoder *d, const json_t *doc)
{
    const json_t *list = json_object_get(doc, "names");
    struct sourcemap *m = d->map;

    d->first_name = (uint32_t)m->n_names;
    d->n_names = json_array_size(list);
    m->names = xrealloc(m->names, (m->n_names + d->n_names + 1) * sizeof *m->names);
    for (size_t i = 0; i < d->n_names; i++) {
        const char *name = json_string_value(json_array_get(list, i));

        m->names[m->n_names++] = arena_strdup(m->arena, name != NULL ? name : "");
    }
}

/* --- maps --------------------------------------------------------------------------------------------- */

static enum tocsin_rc
read_plain(struct decoder *d, const json_t *doc)
{
    const char *mappings = json_string_value(json_object_get(doc, "mappings"));

    if (mappings == NULL || !json_is_array(json_object_get(doc, "sources")))
        return err_set(d->err, TOCSIN_BAD_INPUT, "$", "expected a source map with 'sources' and 'mappings'");
    read_sources(d, doc);
    read_names(d, doc);
    return read_mappings(d, mappings);
}

static enum tocsin_rc
read_sections(struct sourcemap *m, const json_t *list, struct tocsin_err *err)
{
    enum tocsin_rc rc = TOCSIN_OK;
    json_t *section;
    size_t i;

    if (json_array_size(list) > SOURCEMAP_SECTIONS)
        return err_set(err, TOCSIN_TOO_LARGE, "$.sections", "more than %d sections", SOURCEMAP_SECTIONS);
    json_array_foreach(list, i, section) {
        const json_t *offset = json_object_get(section, "offset"), *map = json_object_get(section, "map");
        json_int_t line = json_integer_value(json_object_get(offset, "line"));
        json_int_t column = json_integer_value(json_object_get(offset, "column"));
        struct decoder d = { .map = m, .err = err, .line_offset = (uint32_t)line, .column_offset = (uint32_t)column };

        if (!json_is_object(map) || !in_range(line, INT32_MAX / 2) || !in_range(column, INT32_MAX / 2))
            return err_set(err, TOCSIN_BAD_INPUT, "$.sections", "section %zu: expected 'offset' and 'map'", i + 1);
        rc = read_plain(&d, map);
        if (rc != TOCSIN_OK)
            return rc;
    }
    return rc;
}

static int
by_place(const void *x, const void *y)
{
    const struct segment *a = x, *b = y;

    if (a->gen_line != b->gen_line)
        return a->gen_line < b->gen_line ? -1 : 1;
    return a->gen_column < b->gen_column ? -1 : a->gen_column > b->gen_column;
}

/* Nearly every map is in order already. */
static void
sort_segments(struct sourcemap *m)
{
    for (size_t i = 1; i < m->n_segments; i++) {
        if (by_place(&m->segments[i - 1], &m->segments[i]) > 0) {
            qsort(m->segments, m->n_segments, sizeof *m->segments, by_place);
            return;
        }
    }
}

enum tocsin_rc
sourcemap_new(const json_t *doc, struct sourcemap **out_r, struct tocsin_err *err)
{
    const json_t *version = json_object_get(doc, "version"), *sections = json_object_get(doc, "sections");
    struct sourcemap *m;
    enum tocsin_rc rc;

    if (!json_is_integer(version) || json_integer_value(version) != 3)
        return err_set(err, TOCSIN_BAD_INPUT, "$.version", "expected a source map of version 3");
    m = xcalloc(1, sizeof *m);
    m->arena = arena_new();
    if (json_is_array(sections)) {
        rc = read_sections(m, sections, err);
    } else {
        struct decoder d = { .map = m, .err = err };

        rc = read_plain(&d, doc);
    }
    if (rc != TOCSIN_OK) {
        sourcemap_free(m);
        return rc;
    }
    sort_segments(m);
    *out_r = m;
    return TOCSIN_OK;
}

void
sourcemap_free(struct sourcemap *m)
{
    if (m == NULL)
        return;
    arena_free(m->arena);
    free(m->segments);
    free(m->sources);
    free(m->names);
    free(m);
}

size_t
sourcemap_bytes(const struct sourcemap *m)
{
    return sizeof *m + arena_used(m->arena) + m->cap_segments * sizeof *m->segments +
           m->n_sources * sizeof *m->sources + m->n_names * sizeof *m->names;
}
