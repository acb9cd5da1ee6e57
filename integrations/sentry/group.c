/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group.c - which events are one issue, as Sentry decides it: what the
 * application says (`fingerprint`); else, of each exception, its type and the
 * functions on the stack that are the application's own, without line numbers;
 * else its type and text, or the message, without what differs each time.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "sentry.h"

enum { GROUPING_MAX = 16384, FINGERPRINTS = 32 };

struct parts {
    const struct reader *r;
    char *text;                    /* of GROUPING_MAX; what would pass it is left out */
    size_t n;
};

static struct parts
parts_new(const struct reader *r)
{
    struct parts p = { .r = r, .text = r->host->batch_printf(r->out, "%*s", GROUPING_MAX, "") };

    p.text[0] = '\0';
    return p;
}

static void
add(struct parts *p, const char *kind, const char *value)
{
    size_t room = GROUPING_MAX - p->n;
    int len;

    if (value[0] == '\0')
        return;
    len = snprintf(p->text + p->n, room, "%s%s %s", p->n > 0 ? "\n" : "", kind, value);
    p->n += len > 0 && (size_t)len < room ? (size_t)len : room - 1;
}

/* "https://cdn.example/js/main.4f2a91c3.js?v=1" is "js/main.*.js": hosts and builds change, the file stays. */
static const char *
stable_file(const struct reader *r, const char *file)
{
    const char *scheme = strstr(file, "://"), *slash = scheme != NULL ? strchr(scheme + 3, '/') : NULL;
    char *out;
    size_t n = 0, len;

    if (slash != NULL)
        file = slash + 1;
    len = strcspn(file, "?#");
    out = r->host->batch_printf(r->out, "%.*s", (int)len, file);
    for (size_t i = 0; i < len;) {
        size_t hex = 0;

        if (i == 0 || strchr(".-_/", file[i - 1]) != NULL)
            while (i + hex < len && isxdigit((unsigned char)file[i + hex]))
                hex++;
        if (hex >= 7 && (i + hex == len || strchr(".-_/", file[i + hex]) != NULL)) {
            out[n++] = '*';
            i += hex;
        } else {
            out[n++] = file[i++];
        }
    }
    out[n] = '\0';
    return out;
}

/* Names that compilers make up say nothing. */
static bool
is_named(const char *function)
{
    static const char *const none[] = { "", "?", "<anonymous>", "<lambda>", "lambda", "anonymous", "<unknown>", "{closure}" };

    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        if (strcmp(function, none[i]) == 0)
            return false;
    return true;
}

static const char *
frame_part(const struct reader *r, const struct frame *f)
{
    const char *where = f->module[0] != '\0' ? f->module : stable_file(r, f->file);

    if (is_named(f->function))
        return r->host->batch_printf(r->out, "%s in %s", f->function, where);
    if (f->context[0] != '\0')
        return r->host->batch_printf(r->out, "%s in %s", f->context, where);
    return where;
}

/* The application's own frames; where there is none, all.  A recursion counts once. */
static bool
add_frames(struct parts *p, const struct trace *t)
{
    const char *before = "";
    bool any = false, some = false;

    for (size_t i = 0; i < t->n; i++)
        any |= t->frame[i].in_app;
    for (size_t i = 0; i < t->n; i++) {
        const char *part;

        if (any && !t->frame[i].in_app)
            continue;
        part = frame_part(p->r, &t->frame[i]);
        if (strcmp(part, before) != 0)
            add(p, "at", part);
        some |= part[0] != '\0';
        before = part;
    }
    return some;
}

static bool
is_synthetic(const json_t *exception)
{
    return json_is_true(json_object_get(json_object_get(exception, "mechanism"), "synthetic"));
}

static void
add_exception(struct parts *p, const json_t *exception, const struct trace *trace)
{
    const char *type = text_of(p->r, exception, "type");
    bool synthetic = is_synthetic(exception);

    if (!synthetic)
        add(p, "type", type);
    if (add_frames(p, trace))
        return;
    if (synthetic)
        add(p, "type", type);
    add(p, "value", message_plain(p->r, text_of(p->r, exception, "value")));
}

static const char *
by_default(const struct reader *r, const json_t *const exceptions[], const struct trace *traces, size_t n)
{
    struct parts p = parts_new(r);
    const char *pattern, *message = message_of(r, &pattern);
    const json_t *threads[EXCEPTIONS];
    size_t n_threads;
    struct trace trace;

    for (size_t i = n; i-- > 0;)
        add_exception(&p, exceptions[i], &traces[i]);
    if (p.n > 0)
        return p.text;
    n_threads = values_of(json_object_get(r->event, "threads"), threads, EXCEPTIONS);
    for (size_t i = 0; i < n_threads; i++) {
        if (!json_is_true(json_object_get(threads[i], "crashed")) && n_threads > 1)
            continue;
        trace_read(r, json_object_get(threads[i], "stacktrace"), &trace);
        add_frames(&p, &trace);
    }
    if (p.n == 0)
        add(&p, "message", pattern[0] != '\0' ? pattern : message_plain(r, message));
    if (p.n == 0)
        add(&p, "event", "without message and exception");
    return p.text;
}

/* A variable of a fingerprint, such as "{{ default }}"; NULL: it is none. */
static const char *
variable(const char *s, char name[64])
{
    size_t n = strlen(s), len;

    if (n < 4 || strncmp(s, "{{", 2) != 0 || strcmp(s + n - 2, "}}") != 0)
        return NULL;
    s += 2 + strspn(s + 2, " ");
    len = strcspn(s, " }");
    if (len >= 64)
        return NULL;
    memcpy(name, s, len);
    name[len] = '\0';
    return name;
}

static const char *
tag_of(const struct reader *r, const char *tag)
{
    const json_t *tags = json_object_get(r->event, "tags"), *pair;
    size_t i;

    json_array_foreach(tags, i, pair)
        if (strcmp(r->host->text(r->out, json_array_get(pair, 0)), tag) == 0)
            return r->host->text(r->out, json_array_get(pair, 1));
    return text_of(r, tags, tag);
}

static const char *
value_of(const struct reader *r, const char *name, const json_t *exception, const struct trace *trace)
{
    const struct frame *top = trace != NULL ? trace_top(trace) : NULL;
    const char *pattern;

    if (strcmp(name, "error.type") == 0 || strcmp(name, "type") == 0)
        return text_of(r, exception, "type");
    if (strcmp(name, "error.value") == 0 || strcmp(name, "value") == 0)
        return text_of(r, exception, "value");
    if (strcmp(name, "message") == 0)
        return message_of(r, &pattern);
    if (strcmp(name, "stack.function") == 0 || strcmp(name, "function") == 0)
        return top != NULL ? top->function : "";
    if (strcmp(name, "stack.module") == 0 || strcmp(name, "module") == 0)
        return top != NULL ? top->module : "";
    if (strncmp(name, "tags.", 5) == 0)
        return tag_of(r, name + 5);
    if (strcmp(name, "transaction") == 0 || strcmp(name, "level") == 0 || strcmp(name, "logger") == 0)
        return text_of(r, r->event, name);
    return name;
}

static bool
is_default(const struct reader *r, const json_t *part)
{
    const char *value = r->host->text(r->out, part);
    char name[64];

    return variable(value, name) != NULL && strcmp(name, "default") == 0;
}

const char *
grouping_of(const struct reader *r, const json_t *const exceptions[], const struct trace *traces, size_t n)
{
    const json_t *list = json_object_get(r->event, "fingerprint"), *part;
    struct parts p = parts_new(r);
    size_t i;

    if (json_array_size(list) == 1 && is_default(r, json_array_get(list, 0)))
        return by_default(r, exceptions, traces, n);
    json_array_foreach(list, i, part)
    {
        const char *value = r->host->text(r->out, part);
        char name[64];

        if (i == FINGERPRINTS)
            break;
        if (variable(value, name) == NULL)
            add(&p, "fingerprint", value);
        else if (strcmp(name, "default") == 0)
            add(&p, "fingerprint", by_default(r, exceptions, traces, n));
        else
            add(&p, "fingerprint", value_of(r, name, n > 0 ? exceptions[n - 1] : NULL, n > 0 ? &traces[n - 1] : NULL));
    }
    return p.n > 0 ? p.text : by_default(r, exceptions, traces, n);
}
