/* SPDX-License-Identifier: Apache-2.0 */
#include "logline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXPIRES_MS = 15 * 60 * 1000, SEEN = 200 };    /* SEEN: how far into a message a level is sought */

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* --- records ---------------------------------------------------------------------------- */

static enum tocsin_rc
read_array(const struct logs *logs, const json_t *array, const char *path, logline_reader read)
{
    json_t *item;
    size_t i;

    json_array_foreach(array, i, item) {
        char where[96];

        snprintf(where, sizeof where, "%s[%zu]", path, i);
        if (!json_is_object(item))
            return logs->host->fail(logs->err, TOCSIN_MEANINGLESS, where, "expected a record, which is an object");
        read(logs, item, where);
    }
    return TOCSIN_OK;
}

/* Length of the JSON value at p: up to where its first bracket closes. */
static size_t
value_length(const char *p, const char *end)
{
    size_t depth = 0;
    bool quoted = false;

    for (const char *q = p; q < end; q++) {
        if (quoted && *q == '\\')
            q++;
        else if (*q == '"')
            quoted = !quoted;
        else if (!quoted && (*q == '{' || *q == '['))
            depth++;
        else if (!quoted && (*q == '}' || *q == ']') && (depth == 0 || --depth == 0))
            return (size_t)(q + 1 - p);
    }
    return (size_t)(end - p);
}

/* p: a value, behind line - 1 ends of lines. */
static enum tocsin_rc
read_value(const struct logs *logs, const char *p, size_t n, size_t line, logline_reader read)
{
    struct tocsin_err bad;
    char where[32] = "$";
    json_t *doc;
    enum tocsin_rc rc = logs->host->parse_json(p, n, &doc, &bad);

    if (line > 0)
        snprintf(where, sizeof where, "line %zu: $", line);
    if (rc != TOCSIN_OK)
        return logs->host->fail(logs->err, rc, line > 0 ? where : bad.where, "%s", bad.what);
    if (json_is_array(doc))
        rc = read_array(logs, doc, where, read);
    else
        read(logs, doc, where);
    json_decref(doc);
    return rc;
}

enum tocsin_rc
logline_records(const struct logs *logs, logline_reader read)
{
    const char *p = logs->in->body, *end = p + logs->in->len;
    enum tocsin_rc rc = TOCSIN_OK;
    size_t line = 1, values = 0;

    for (;; values++) {
        size_t n;
        bool is_only;

        for (; p < end && strchr(" \t\r\n,\x1e", *p) != NULL && *p != '\0'; p++)
            line += *p == '\n';
        if (p == end)
            break;
        n = value_length(p, end);
        is_only = values == 0 && strspn(p + n, " \t\r\n\x1e") == (size_t)(end - p) - n;
        rc = read_value(logs, p, n, is_only ? 0 : line, read);
        if (rc != TOCSIN_OK)
            return rc;
        for (; n > 0; n--, p++)
            line += *p == '\n';
    }
    return values > 0 ? TOCSIN_OK : logs->host->fail(logs->err, TOCSIN_BAD_INPUT, "", "empty body");
}

/* --- values ------------------------------------------------------------------------------- */

static const char *
value_at(const struct logs *logs, const json_t *record, const char *name)
{
    const char *dot = strchr(name, '.'), *text = logs->host->text(logs->out, json_object_get(record, name));
    char head[32];

    if (text[0] != '\0' || dot == NULL || (size_t)(dot - name) >= sizeof head)
        return text;
    snprintf(head, sizeof head, "%.*s", (int)(dot - name), name);
    return value_at(logs, json_object_get(record, head), dot + 1);
}

const char *
logline_first(const struct logs *logs, const json_t *record, const char *const *names)
{
    const char *value = "";

    for (; value[0] == '\0' && *names != NULL; names++)
        value = value_at(logs, record, *names);
    return value;
}

int64_t
logline_time(const struct logs *logs, const char *text)
{
    char *end;
    double number = strtod(text, &end);
    uint64_t whole = strtoull(text, NULL, 10);     /* nanoseconds are more than a double holds */

    if (text[0] == '\0' || *end != '\0')
        return logs->host->time_of(text);
    if (!(number > 0 && number < 1e19))
        return 0;
    if (number < 1e11)
        return (int64_t)(number * 1000 + 0.5);     /* seconds; the others are larger by powers of a thousand */
    if ((double)whole != number)
        whole = (uint64_t)number;
    while (whole >= 100000000000000u)
        whole /= 1000;
    return (int64_t)whole;
}

/* --- the level ---------------------------------------------------------------------------- */

static bool
is_level(const char *word)
{
    static const char *const words[] = { "emerg", "panic", "fatal", "critical", "crit", "severe", "error", "err",
                                         "warning", "warn", "notice", "info", "debug", "trace" };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

/* Is the word of n letters at p, within text, set as a level?  ERROR, [error], <err>, level=error, "level":"error" */
static bool
is_set_as_level(const char *text, const char *p, size_t n)
{
    size_t before = (size_t)(p - text);

    if (strspn(p, letters + 26) >= n)
        return true;
    if (before > 0 && (p[-1] == '[' || p[-1] == '<') && (p[n] == ']' || p[n] == '>'))
        return true;
    while (before > 0 && strchr("=: \"'", text[before - 1]) != NULL)
        before--;
    return (before >= 5 && strncmp(text + before - 5, "level", 5) == 0) ||
           (before >= 3 && strncmp(text + before - 3, "lvl", 3) == 0) ||
           (before >= 8 && strncmp(text + before - 8, "severity", 8) == 0);
}

static const char *
level_in_text(const struct logs *logs, const char *text)
{
    static const struct { char letter; const char *level; } klog[] = {
        { 'F', "fatal" }, { 'E', "error" }, { 'W', "warning" }, { 'I', "info" }
    };

    for (size_t i = 0; i < sizeof klog / sizeof klog[0]; i++)    /* Kubernetes' own: E0601 12:05:01.000 */
        if (text[0] == klog[i].letter && strspn(text + 1, "0123456789") == 4 && text[5] == ' ')
            return klog[i].level;
    for (const char *p = text; *p != '\0' && p - text < SEEN;) {
        size_t n = strspn(p, letters);
        char word[12];

        if (n > 0 && n < sizeof word) {
            for (size_t i = 0; i <= n; i++)
                word[i] = i == n ? '\0' : (char)(p[i] | 0x20);
            if (is_level(word) && is_set_as_level(text, p, n))
                return logs->host->batch_printf(logs->out, "%s", word);
        }
        p += n > 0 ? n : 1;
    }
    return "";
}

static enum tocsin_severity
severity_of(const struct logs *logs, const char *level)
{
    static const enum tocsin_severity syslog[] = { TOCSIN_CRITICAL, TOCSIN_CRITICAL, TOCSIN_CRITICAL, TOCSIN_ERROR,
                                                   TOCSIN_WARNING,  TOCSIN_INFO,     TOCSIN_INFO,     TOCSIN_INFO };
    enum tocsin_severity severity = logs->host->severity_of(level);
    char *end;
    long number = strtol(level, &end, 10);

    if (severity != TOCSIN_SEV_NONE)
        return severity;
    if (level[0] == '\0' || *end != '\0' || number < 0)
        return TOCSIN_SEV_NONE;    /* says nothing: what a rule makes an alert of it is as bad as any other */
    if (number < 8)
        return syslog[number];
    return number >= 60 ? TOCSIN_CRITICAL : number >= 50 ? TOCSIN_ERROR : number >= 40 ? TOCSIN_WARNING : TOCSIN_INFO;
}

/* --- one line ------------------------------------------------------------------------------ */

/* The message without what differs from line to line: words with a digit in them become '#'. */
static const char *
pattern_of(const struct logs *logs, const char *message)
{
    char *pattern = logs->host->batch_printf(logs->out, "%.*s", SEEN, message), *out = pattern;

    for (const char *p = pattern; *p != '\0';) {
        size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        bool varies = strcspn(p, "0123456789") < n;

        if (varies) {
            *out++ = '#';
        } else {
            n = n > 0 ? n : 1;
            memmove(out, p, n);
            out += n;
        }
        p += n;
    }
    *out = '\0';
    return pattern;
}

/* A message that is JSON itself: its text and level count. */
static void
unpack(const struct logs *logs, struct logline *line)
{
    static const char *const messages[] = { "message", "msg", "error", NULL };
    static const char *const levels[] = { "level", "severity", "lvl", "log.level", NULL };
    const char *inner, *level;
    json_t *doc;

    if (line->message[0] != '{' || logs->host->parse_json(line->message, strlen(line->message), &doc, NULL) != TOCSIN_OK)
        return;
    inner = logline_first(logs, doc, messages);
    level = logline_first(logs, doc, levels);
    if (inner[0] != '\0')
        line->message = inner;
    if (line->level[0] == '\0')
        line->level = level;
    json_decref(doc);
}

/* A structured record without a message: all of it. */
static const char *
whole_record(const struct logs *logs, const json_t *record)
{
    char *dumped = json_object_size(record) > 0 ? json_dumps(record, JSON_COMPACT) : NULL;
    const char *text = dumped != NULL ? logs->host->batch_printf(logs->out, "%s", dumped) : "";

    free(dumped);
    return text;
}

struct tocsin_alert *
logline_add(const struct logs *logs, const struct logline *given, const json_t *record)
{
    const struct tocsin_host *host = logs->host;
    struct logline line = *given;
    struct tocsin_alert *alert;

    if (line.message[0] == '\0')
        line.message = whole_record(logs, record);
    line.message += strspn(line.message, " \t\r\n");
    if (line.message[0] == '\0')
        return NULL;
    if (given->message[0] != '\0')
        unpack(logs, &line);
    if (line.level[0] == '\0')
        line.level = level_in_text(logs, line.message);
    alert = host->record_new(logs->out);
    alert->severity = severity_of(logs, line.level);
    alert->dedup_key = host->batch_printf(logs->out, "%s/%s/%s/%s", line.host,
                                          line.unit[0] != '\0' ? line.unit : line.app != NULL ? line.app : "",
                                          host->severity_name(alert->severity), pattern_of(logs, line.message));
    alert->summary = line.message;
    alert->starts_at = line.at;
    alert->expires_at = logs->in->received_at + EXPIRES_MS;
    host->alert_label(logs->out, alert, "host", line.host);
    host->alert_label(logs->out, alert, "app", line.app);
    host->alert_label(logs->out, alert, "unit", line.unit);
    host->alert_label(logs->out, alert, "level", line.level);
    host->alert_label(logs->out, alert, "namespace", line.namespace);
    host->alert_label(logs->out, alert, "pod", line.pod);
    host->alert_label(logs->out, alert, "container", line.container);
    if (strchr(line.message, '\n') != NULL)
        host->alert_annotation(logs->out, alert, "message", line.message);
    return alert;
}
