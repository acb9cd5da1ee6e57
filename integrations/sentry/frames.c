/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frames.c - stack traces as SDKs send them, oldest frame first, turned round.
 *
 * A frame of a minified file is looked up in the release's source map: file,
 * line, column and source line come from there.  What its function was called
 * is not in the map; but the caller's frame stands on the call, and the name of
 * the token there is the name of the function that was called.
 */
#include <stdio.h>
#include <string.h>

#include "sentry.h"

enum { SHOWN = 30, NAME_MAX_BYTES = 400 };

const char *
text_of(const struct reader *r, const json_t *object, const char *name)
{
    return r->host->text(r->out, json_object_get(object, name));
}

size_t
values_of(const json_t *member, const json_t *out[], size_t max)
{
    const json_t *list = json_is_object(member) && json_object_get(member, "values") != NULL
                             ? json_object_get(member, "values")
                             : member;
    size_t n = json_array_size(list), skip = n > max ? n - max : 0, k = 0;

    if (json_is_object(list)) {
        out[0] = list;
        return 1;
    }
    for (size_t i = skip; i < n; i++)          /* the last ones: the newest and the outermost stand there */
        if (json_is_object(json_array_get(list, i)))
            out[k++] = json_array_get(list, i);
    return k;
}

static unsigned
number_of(const json_t *object, const char *name)
{
    json_int_t v = json_integer_value(json_object_get(object, name));

    return v > 0 && v < 1000000000 ? (unsigned)v : 0;
}

/* The debug id of a generated file, from the images that the event names. */
static const char *
debug_id_of(const struct reader *r, const char *file)
{
    const json_t *images = json_object_get(json_object_get(r->event, "debug_meta"), "images");
    const json_t *image;
    size_t i;

    json_array_foreach(images, i, image)
    {
        const char *code = json_string_value(json_object_get(image, "code_file"));

        if (code != NULL && strcmp(code, file) == 0)
            return json_string_value(json_object_get(image, "debug_id"));
    }
    return NULL;
}

/* Is it the application's own?  Where nobody says, all are. */
static bool
is_in_app(const json_t *frame)
{
    const json_t *v = json_object_get(frame, "in_app");

    return !json_is_false(v);
}

/* Strangers choose the lengths; what is longer than any name is cut. */
static const char *
short_of(const struct reader *r, const json_t *object, const char *name)
{
    const char *s = text_of(r, object, name);

    return strlen(s) > NAME_MAX_BYTES ? r->host->batch_printf(r->out, "%.*s", NAME_MAX_BYTES, s) : s;
}

static struct frame
read_frame(const struct reader *r, const json_t *from)
{
    struct frame f = { .function = short_of(r, from, "function"), .module = short_of(r, from, "module") };

    f.file = short_of(r, from, "filename");
    if (f.file[0] == '\0')
        f.file = short_of(r, from, "abs_path");
    if (f.file[0] == '\0' && f.module[0] == '\0')
        f.module = short_of(r, from, "package");
    f.context = short_of(r, from, "context_line");
    f.context += strspn(f.context, " \t");
    f.line = number_of(from, "lineno");
    f.column = number_of(from, "colno");
    f.in_app = is_in_app(from);
    return f;
}

/* True: the frame is of the source now; called: the name of what is called there, NULL unknown. */
static bool
resolve(const struct reader *r, const json_t *from, struct frame *f, const char **called)
{
    const char *path = text_of(r, from, "abs_path");
    struct tocsin_generated q = { .folder = r->self->source_maps, .release = r->release, .line = f->line,
                                  .column = f->column };
    struct tocsin_source s;

    q.file = path[0] != '\0' ? path : f->file;
    if (q.folder == NULL || f->line == 0 || f->column == 0)
        return false;
    q.debug_id = debug_id_of(r, q.file);
    if (r->host->source_of(r->out, &q, &s) != TOCSIN_OK)
        return false;
    f->file = s.file;
    f->module = "";
    f->line = s.line;
    f->column = s.column;
    f->context = s.text != NULL ? s.text : "";
    f->around = s.context;
    f->in_app = f->in_app && strstr(s.file, "node_modules/") == NULL;
    *called = s.name;
    return true;
}

void
trace_read(const struct reader *r, const json_t *stacktrace, struct trace *out)
{
    const json_t *frames = json_object_get(stacktrace, "frames");
    size_t total = json_array_size(frames), first = total > FRAMES ? total - FRAMES : 0;
    const char *called = NULL;

    out->n = total - first;
    for (size_t i = first; i < total; i++) {
        const json_t *from = json_array_get(frames, i);
        struct frame *f = &out->frame[total - 1 - i];
        const char *by_caller = called;

        called = NULL;
        *f = read_frame(r, from);
        if (resolve(r, from, f, &called) && by_caller != NULL)
            f->function = by_caller;
    }
}

const struct frame *
trace_top(const struct trace *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->frame[i].in_app)
            return &t->frame[i];
    return t->n > 0 ? &t->frame[0] : NULL;
}

const char *
trace_text(const struct reader *r, const struct trace *t)
{
    enum { MAX = 8192 };
    char *text = r->host->batch_printf(r->out, "%*s", MAX, "");
    size_t n = 0;

    text[0] = '\0';
    for (size_t i = 0; i < t->n && i < SHOWN; i++) {
        const struct frame *f = &t->frame[i];
        char place[48] = "";
        int len;

        if (f->line > 0 && f->column > 0)
            snprintf(place, sizeof place, ":%u:%u", f->line, f->column);
        else if (f->line > 0)
            snprintf(place, sizeof place, ":%u", f->line);
        len = snprintf(text + n, MAX - n, "%sat %s (%s%s)%s", i > 0 ? "\n" : "", f->function[0] != '\0' ? f->function : "?",
                       f->file[0] != '\0' ? f->file : f->module, place, f->in_app ? "" : " [library]");
        n += len > 0 && (size_t)len < MAX - n ? (size_t)len : MAX - n - 1;
    }
    return text;
}
