/* SPDX-License-Identifier: Apache-2.0 */
/* lookup.c - the segment that a place belongs to, and the lines around it in the source. */
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "core/sourcemap/impl.h"

/* The last segment of the line that begins at or before the column; NULL: none. */
static const struct segment *
segment_at(const struct sourcemap *m, uint32_t line, uint32_t column)
{
    size_t lo = 0, hi = m->n_segments;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct segment *s = &m->segments[mid];

        if (s->gen_line < line || (s->gen_line == line && s->gen_column <= column))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo > 0 && m->segments[lo - 1].gen_line == line ? &m->segments[lo - 1] : NULL;
}

/* Start of the line with this number (from 0), its length without the line end; NULL: there is none. */
static const char *
line_at(const struct source *s, uint32_t number, size_t *len)
{
    const char *p = s->content, *end = p + s->len, *eol;

    for (; number > 0 && p != NULL && p < end; number--) {
        p = memchr(p, '\n', (size_t)(end - p));
        p = p != NULL ? p + 1 : NULL;
    }
    if (p == NULL || p >= end)
        return NULL;
    eol = memchr(p, '\n', (size_t)(end - p));
    *len = (size_t)((eol != NULL ? eol : end) - p);
    if (*len > 0 && p[*len - 1] == '\r')
        --*len;
    return p;
}

static const char *
line_text(struct arena *a, const char *line, size_t len, bool indent)
{
    while (!indent && len > 0 && (*line == ' ' || *line == '\t')) {
        line++;
        len--;
    }
    return text_clean(a, line, len, SOURCEMAP_LINE_MAX);
}

static const char *
context(struct arena *a, const struct source *s, uint32_t at)
{
    uint32_t first = at > SOURCEMAP_CONTEXT ? at - SOURCEMAP_CONTEXT : 0;
    struct buf out;
    const char *text;

    buf_init(&out, (2 * SOURCEMAP_CONTEXT + 1) * (SOURCEMAP_LINE_MAX + 32));
    for (uint32_t i = first; i <= at + SOURCEMAP_CONTEXT; i++) {
        size_t len;
        const char *line = line_at(s, i, &len);

        if (line == NULL)
            break;
        buf_addf(&out, "%s%c %4u | %s", i > first ? "\n" : "", i == at ? '>' : ' ', i + 1,
                 line_text(a, line, len, true));
    }
    text = arena_strdup(a, out.p != NULL ? out.p : "");
    buf_release(&out);
    return text;
}

enum tocsin_rc
sourcemap_find(const struct sourcemap *m, unsigned line, unsigned column, struct arena *a, struct source_place *out_r)
{
    const struct segment *s = line > 0 && column > 0 ? segment_at(m, line - 1, column - 1) : NULL;
    const struct source *source;
    const char *text;
    size_t len;

    if (s == NULL || s->source == NO_INDEX)
        return TOCSIN_NOT_FOUND;
    source = &m->sources[s->source];
    *out_r = (struct source_place){ .line = s->line + 1, .column = s->column + 1 };
    out_r->file = text_clean(a, source->file, strlen(source->file), 1024);
    if (s->name != NO_INDEX && m->names[s->name][0] != '\0')
        out_r->name = text_clean(a, m->names[s->name], strlen(m->names[s->name]), 256);
    text = source->content != NULL ? line_at(source, s->line, &len) : NULL;
    if (text != NULL) {
        out_r->text = line_text(a, text, len, false);
        out_r->context = context(a, source, s->line);
    }
    return TOCSIN_OK;
}
