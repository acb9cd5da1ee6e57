/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.c - one event of an SDK as an alert.
 *
 * The last exception of the list is the one that reached the top; the others
 * caused it.  SDKs never say that an error is over, so an alert ends when there
 * is no news for a while.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sentry.h"

enum { TITLE = 300, VALUE_MAX = 1000, TAGS_MAX = 40 };

struct event {
    const struct reader *r;
    const json_t *exceptions[EXCEPTIONS];
    struct trace *traces;
    size_t n;
    const struct trace *trace;     /* that is shown: of the last exception, or of the event itself */
    const char *message;
};

static struct trace *
traces_new(const struct reader *r, size_t n)
{
    char *room = r->host->batch_printf(r->out, "%*s", (int)((n + 1) * sizeof(struct trace) + _Alignof(struct trace)), "");
    size_t past = (uintptr_t)room % _Alignof(struct trace);

    if (past > 0)
        room += _Alignof(struct trace) - past;
    memset(room, 0, (n + 1) * sizeof(struct trace));
    return (struct trace *)(void *)room;
}

static void
read_traces(struct event *e)
{
    const struct reader *r = e->r;
    const json_t *threads[EXCEPTIONS];
    const json_t *own = json_object_get(r->event, "exception");
    size_t n_threads;
    const char *pattern;

    if (own == NULL)
        own = json_object_get(r->event, "sentry.interfaces.Exception");
    e->n = values_of(own, e->exceptions, EXCEPTIONS);
    e->traces = traces_new(r, e->n);
    for (size_t i = 0; i < e->n; i++)
        trace_read(r, json_object_get(e->exceptions[i], "stacktrace"), &e->traces[i]);
    e->message = message_of(r, &pattern);
    e->trace = &e->traces[e->n > 0 ? e->n - 1 : 0];
    if (e->n > 0)
        return;
    n_threads = values_of(json_object_get(r->event, "threads"), threads, EXCEPTIONS);
    if (json_object_get(r->event, "stacktrace") != NULL)
        trace_read(r, json_object_get(r->event, "stacktrace"), &e->traces[0]);
    for (size_t i = 0; i < n_threads && e->traces[0].n == 0; i++)
        if (n_threads == 1 || json_is_true(json_object_get(threads[i], "crashed")))
            trace_read(r, json_object_get(threads[i], "stacktrace"), &e->traces[0]);
}

/* --- the words ------------------------------------------------------------------------------ */

/* The first line, at most so many bytes. */
static const char *
first_line(const struct reader *r, const char *s)
{
    size_t len = strcspn(s, "\r\n");

    return r->host->batch_printf(r->out, "%.*s", (int)(len > TITLE ? TITLE : len), s);
}

static const char *
title_of(const struct event *e)
{
    const struct reader *r = e->r;
    const json_t *last = e->n > 0 ? e->exceptions[e->n - 1] : NULL;
    const char *type = text_of(r, last, "type"), *value = first_line(r, text_of(r, last, "value"));
    const struct frame *top = trace_top(e->trace);

    if (type[0] != '\0' && value[0] != '\0')
        return r->host->batch_printf(r->out, "%s: %s", type, value);
    if (type[0] != '\0' || value[0] != '\0')
        return type[0] != '\0' ? type : value;
    if (e->message[0] != '\0')
        return first_line(r, e->message);
    return top != NULL && top->function[0] != '\0' ? top->function : "event without message and exception";
}

static const char *
culprit_of(const struct event *e)
{
    const struct reader *r = e->r;
    const struct frame *top = trace_top(e->trace);
    const char *where;

    if (top != NULL && top->around == NULL) {  /* what a source map says is better than the SDK's own guess */
        const char *said = text_of(r, r->event, "culprit");

        if (said[0] == '\0')
            said = text_of(r, r->event, "transaction");
        if (said[0] != '\0')
            return said;
    }
    if (top == NULL)
        return text_of(r, r->event, "transaction");
    where = top->module[0] != '\0' ? top->module : top->file;
    return top->function[0] != '\0' ? r->host->batch_printf(r->out, "%s in %s", where, top->function) : where;
}

/* Of the exceptions behind the last one, newest first. */
static const char *
causes_of(const struct event *e)
{
    const struct reader *r = e->r;
    const char *text = "";

    for (size_t i = e->n > 0 ? e->n - 1 : 0; i-- > 0;)
        text = r->host->batch_printf(r->out, "%s%s%s: %.*s", text, text[0] != '\0' ? "\n" : "",
                                     text_of(r, e->exceptions[i], "type"), VALUE_MAX,
                                     text_of(r, e->exceptions[i], "value"));
    return text;
}

/* --- tags --------------------------------------------------------------------------------------- */

static bool
is_wanted(const struct sentry *s, const char *tag)
{
    for (size_t i = 0; i < s->n_tags; i++)
        if (strcmp(s->tags[i], "*") == 0 || strcmp(s->tags[i], tag) == 0)
            return true;
    return false;
}

static void
add_tag(const struct reader *r, struct tocsin_alert *alert, const char *tag, const json_t *value)
{
    if (tag[0] != '\0' && alert->n_labels < TAGS_MAX && is_wanted(r->self, tag))
        r->host->alert_label_json(r->out, alert, r->host->batch_printf(r->out, "tag_%s", tag), value);
}

/* An object, or a list of [name, value]. */
static void
read_tags(const struct reader *r, struct tocsin_alert *alert)
{
    json_t *tags = json_object_get(r->event, "tags"), *value;
    const char *name;
    size_t i;

    json_object_foreach(tags, name, value)
        add_tag(r, alert, name, value);
    json_array_foreach(tags, i, value)
        add_tag(r, alert, r->host->text(r->out, json_array_get(value, 0)), json_array_get(value, 1));
}

/* --- the alert ------------------------------------------------------------------------------------ */

static int64_t
time_of(const struct reader *r)
{
    const json_t *at = json_object_get(r->event, "timestamp");
    double seconds = json_number_value(at);

    if (json_is_string(at))
        return r->host->time_of(json_string_value(at));
    return seconds > 0 && seconds < 1e11 ? (int64_t)(seconds * 1000) : 0;
}

static void
add_labels(const struct event *e, struct tocsin_alert *alert)
{
    static const char *const members[] = { "environment", "release", "dist", "platform", "logger", "server_name" };
    const struct reader *r = e->r;
    const json_t *last = e->n > 0 ? e->exceptions[e->n - 1] : NULL;
    const json_t *handled = json_object_get(json_object_get(last, "mechanism"), "handled");

    r->host->alert_label(r->out, alert, "project", r->project);
    r->host->alert_label_json(r->out, alert, "type", json_object_get(last, "type"));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        r->host->alert_label_json(r->out, alert, strcmp(members[i], "server_name") == 0 ? "host" : members[i],
                                  json_object_get(r->event, members[i]));
    if (json_is_boolean(handled))
        r->host->alert_label_json(r->out, alert, "handled", handled);
    read_tags(r, alert);
    if (r->self->user)
        r->host->alert_label_json(r->out, alert, "user", json_object_get(json_object_get(r->event, "user"), "id"));
}

static void
add_annotations(const struct event *e, struct tocsin_alert *alert, const char *grouping)
{
    const struct reader *r = e->r;
    const json_t *last = e->n > 0 ? e->exceptions[e->n - 1] : NULL;
    const struct frame *top = trace_top(e->trace);
    const char *value = text_of(r, last, "value");

    r->host->alert_annotation(r->out, alert, "culprit", culprit_of(e));
    r->host->alert_annotation(r->out, alert, "message", value[0] != '\0' ? value : e->message);
    r->host->alert_annotation(r->out, alert, "stacktrace", trace_text(r, e->trace));
    r->host->alert_annotation(r->out, alert, "caused_by", causes_of(e));
    if (top != NULL && top->line > 0)
        r->host->alert_annotation(r->out, alert, "location",
                                  r->host->batch_printf(r->out, top->column > 0 ? "%s:%u:%u" : "%s:%u", top->file,
                                                        top->line, top->column));
    if (top != NULL) {
        r->host->alert_annotation(r->out, alert, "source_line", top->context);
        r->host->alert_annotation(r->out, alert, "source", top->around);
    }
    r->host->alert_annotation_json(r->out, alert, "transaction", json_object_get(r->event, "transaction"));
    r->host->alert_annotation_json(r->out, alert, "event_id", json_object_get(r->event, "event_id"));
    r->host->alert_annotation(r->out, alert, "grouping", grouping);
}

/* "https://sentry.example/events/{event_id}" */
static void
add_link(const struct reader *r, struct tocsin_alert *alert)
{
    const char *id = r->host->escape(r->out, text_of(r, r->event, "event_id"));
    const char *p = r->self->event_url != NULL ? r->self->event_url : "", *url = "", *open;

    while ((open = strchr(p, '{')) != NULL) {
        const char *value = strncmp(open, "{event_id}", 10) == 0 ? id : strncmp(open, "{project}", 9) == 0 ? r->project : NULL;

        url = r->host->batch_printf(r->out, "%s%.*s%s", url, (int)(open - p), p, value != NULL ? value : "{");
        p = value == NULL ? open + 1 : strchr(open, '}') + 1;
    }
    r->host->alert_link(r->out, alert, r->host->batch_printf(r->out, "%s%s", url, p), "event");
}

void
event_read(const struct reader *r, int64_t received_at)
{
    struct event e = { .r = r };
    struct tocsin_alert *alert = r->host->alert_new(r->out);
    const char *level = text_of(r, r->event, "level"), *grouping;

    read_traces(&e);
    grouping = grouping_of(r, e.exceptions, e.traces, e.n);
    alert->status = TOCSIN_FIRING;
    alert->severity = r->host->severity_of(level[0] != '\0' ? level : "error");
    alert->dedup_key = r->host->batch_printf(r->out, "%s/%s", r->project, r->host->digest(r->out, grouping));
    alert->summary = title_of(&e);
    alert->starts_at = time_of(r);
    alert->expires_at = r->self->resolve_after_ms > 0 ? received_at + r->self->resolve_after_ms : 0;
    add_labels(&e, alert);
    add_annotations(&e, alert, grouping);
    add_link(r, alert);
}
