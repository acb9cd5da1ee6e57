/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_schema.c - tocsin's own schema of an alert in JSON.
 *
 * What the json format reads and what a mapping.jq puts out
 * (integrations/json/README.md).  Strict in the types of the members that it
 * knows, with the JSON path of what is wrong; members that it does not know
 * become annotations, so that nothing is lost.
 */
#include "plugin/host.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "core/normalise/severity.h"

struct at {                        /* where we are: what every reader needs */
    struct tocsin_batch *batch;
    struct tocsin_alert *alert;
    const json_t *object;
    const char *path;
    struct tocsin_err *err;
    int64_t expires_in, ends_at;
};

enum { PATH = 240 };

/* path.name, or path["name"] when the name is not a plain word. */
static const char *
member_path(char out[PATH], const char *path, const char *name)
{
    bool plain = name[0] != '\0';

    for (const char *p = name; *p != '\0'; p++)
        plain = plain && strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", *p) != NULL;
    snprintf(out, PATH, plain ? "%s.%s" : "%s[\"%s\"]", path, name);
    return out;
}

static enum tocsin_rc
wrong(const struct at *at, const char *name, const char *expected)
{
    char path[PATH];

    return host_fail(at->err, TOCSIN_MEANINGLESS, member_path(path, at->path, name), "expected %s", expected);
}

static bool
is_scalar(const json_t *value)
{
    return json_is_string(value) || json_is_number(value) || json_is_boolean(value);
}

/* --- readers, one for each kind of member ------------------------------------------- */

static const struct { const char *word; enum tocsin_status status; } statuses[] = {
    { "firing", TOCSIN_FIRING }, { "fired", TOCSIN_FIRING }, { "trigger", TOCSIN_FIRING },
    { "triggered", TOCSIN_FIRING }, { "open", TOCSIN_FIRING }, { "opened", TOCSIN_FIRING },
    { "active", TOCSIN_FIRING }, { "activated", TOCSIN_FIRING }, { "alert", TOCSIN_FIRING },
    { "alerting", TOCSIN_FIRING }, { "alarm", TOCSIN_FIRING }, { "problem", TOCSIN_FIRING },
    { "new", TOCSIN_FIRING }, { "down", TOCSIN_FIRING }, { "failed", TOCSIN_FIRING },
    { "resolved", TOCSIN_RESOLVED }, { "resolve", TOCSIN_RESOLVED }, { "ok", TOCSIN_RESOLVED },
    { "closed", TOCSIN_RESOLVED }, { "close", TOCSIN_RESOLVED }, { "recovered", TOCSIN_RESOLVED },
    { "recovery", TOCSIN_RESOLVED }, { "cleared", TOCSIN_RESOLVED }, { "clear", TOCSIN_RESOLVED },
    { "normal", TOCSIN_RESOLVED }, { "inactive", TOCSIN_RESOLVED }, { "deactivated", TOCSIN_RESOLVED },
    { "fixed", TOCSIN_RESOLVED }, { "up", TOCSIN_RESOLVED },
    { "unknown", TOCSIN_UNKNOWN }, { "nodata", TOCSIN_UNKNOWN }, { "no_data", TOCSIN_UNKNOWN },
    { "no data", TOCSIN_UNKNOWN }, { "insufficient_data", TOCSIN_UNKNOWN },
};

static enum tocsin_rc
read_status(struct at *at, const char *name, const json_t *value)
{
    const char *word = json_string_value(value);
    char path[PATH];
    size_t n;

    if (word == NULL)
        return wrong(at, name, "text: firing, resolved or unknown");
    word += strspn(word, " \t\r\n");          /* scripts put in what a command has printed */
    for (n = strlen(word); n > 0 && strchr(" \t\r\n", word[n - 1]) != NULL;)
        n--;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (strlen(statuses[i].word) == n && strncasecmp(word, statuses[i].word, n) == 0) {
            at->alert->status = statuses[i].status;
            return TOCSIN_OK;
        }
    }
    return host_fail(at->err, TOCSIN_MEANINGLESS, member_path(path, at->path, name),
                     "unknown status '%.60s'; expected firing, resolved or unknown", word);
}

static enum tocsin_rc
read_text(struct at *at, const char *name, const json_t *value, const char **out)
{
    if (!is_scalar(value))
        return wrong(at, name, "text");
    *out = host_json_text(at->batch->arena, value);
    return TOCSIN_OK;
}

static enum tocsin_rc
read_key(struct at *at, const char *name, const json_t *value)
{
    return read_text(at, name, value, &at->alert->dedup_key);
}

static enum tocsin_rc
read_summary(struct at *at, const char *name, const json_t *value)
{
    return read_text(at, name, value, &at->alert->summary);
}

static enum tocsin_rc
read_group(struct at *at, const char *name, const json_t *value)
{
    return read_text(at, name, value, &at->alert->group);
}

static enum tocsin_rc
read_severity(struct at *at, const char *name, const json_t *value)
{
    const char *word = "";
    enum tocsin_rc rc = read_text(at, name, value, &word);

    if (rc != TOCSIN_OK)
        return rc;
    at->alert->severity = severity_of(word);
    if (at->alert->severity == TOCSIN_SEV_NONE)      /* a word of the sender's own: kept, for a rule to read */
        host_alert_label(at->batch, at->alert, "severity", word);
    return TOCSIN_OK;
}

static enum tocsin_rc
read_description(struct at *at, const char *name, const json_t *value)
{
    if (!is_scalar(value))
        return wrong(at, name, "text");
    host_alert_annotation_json(at->batch, at->alert, "description", value);
    return TOCSIN_OK;
}

static enum tocsin_rc
read_source(struct at *at, const char *name, const json_t *value)
{
    if (!is_scalar(value))
        return wrong(at, name, "text");
    host_alert_label_json(at->batch, at->alert, "source", value);
    return TOCSIN_OK;
}

/* "1769860800" of a script that puts everything into quotes, but not "2026"; -1: it is no such number. */
static double
quoted_number(const json_t *value)
{
    const char *s = json_is_string(value) ? json_string_value(value) : "";
    size_t n = strspn(s, "0123456789");

    return n >= 9 && s[n + strspn(s + n, ".0123456789")] == '\0' ? strtod(s, NULL) : -1;
}

/* RFC 3339 text, or seconds or milliseconds since 1970: 100,000,000,000 s would be the year 5138. */
static enum tocsin_rc
read_time(struct at *at, const char *name, const json_t *value, int64_t *out)
{
    double number = json_is_number(value) ? json_number_value(value) : quoted_number(value);

    if (json_is_string(value) && number < 0) {
        const char *s = json_string_value(value);

        *out = time_parse(s);
        if (*out == 0 && s[0] != '\0' && strncmp(s, "0001-01-01", 10) != 0)   /* Go's zero time */
            return wrong(at, name, "a time as in 2026-01-31T12:00:00Z, or seconds since 1970");
        return TOCSIN_OK;
    }
    if (!(number >= 0 && number < 1e14))
        return wrong(at, name, "a time as in 2026-01-31T12:00:00Z, or seconds since 1970");
    *out = (int64_t)(number < 1e11 ? number * 1000 : number);
    return TOCSIN_OK;
}

static enum tocsin_rc
read_starts_at(struct at *at, const char *name, const json_t *value)
{
    return read_time(at, name, value, &at->alert->starts_at);
}

static enum tocsin_rc
read_ends_at(struct at *at, const char *name, const json_t *value)
{
    return read_time(at, name, value, &at->ends_at);
}

static enum tocsin_rc
read_expires_in(struct at *at, const char *name, const json_t *value)
{
    double seconds = json_number_value(value);

    if (json_is_number(value) && seconds > 0 && seconds < 1e9) {
        at->expires_in = (int64_t)(seconds * 1000);
        return TOCSIN_OK;
    }
    if (!json_is_string(value) || !duration_parse(json_string_value(value), &at->expires_in) || at->expires_in <= 0)
        return wrong(at, name, "a duration as in '5m', or seconds");
    return TOCSIN_OK;
}

/* --- labels, annotations, links ------------------------------------------------------- */

typedef void (*adder)(struct tocsin_batch *, struct tocsin_alert *, const char *name, const json_t *);

static enum tocsin_rc
read_pairs(struct at *at, const char *name, const json_t *value, adder add)
{
    struct at inner = *at;
    char path[PATH];
    const char *key;
    json_t *item;

    if (!json_is_object(value))
        return wrong(at, name, "an object of text");
    inner.path = member_path(path, at->path, name);
    json_object_foreach((json_t *)(uintptr_t)value, key, item) {
        if (json_is_null(item))
            continue;
        if (!is_scalar(item))
            return wrong(&inner, key, "text, a number or a boolean");
        add(at->batch, at->alert, key, item);
    }
    return TOCSIN_OK;
}

static enum tocsin_rc
read_labels(struct at *at, const char *name, const json_t *value)
{
    return read_pairs(at, name, value, host_alert_label_json);
}

static enum tocsin_rc
read_annotations(struct at *at, const char *name, const json_t *value)
{
    return read_pairs(at, name, value, host_alert_annotation_json);
}

static enum tocsin_rc
read_links(struct at *at, const char *name, const json_t *value)
{
    struct at inner = *at;
    char path[PATH], index[32], list[PATH];
    json_t *item;
    size_t i;

    if (!json_is_array(value))
        return wrong(at, name, "an array of links");
    member_path(list, at->path, name);
    json_array_foreach(value, i, item) {
        const json_t *href = json_is_object(item) ? json_object_get(item, "href") : item;
        const json_t *text = json_object_get(item, "text");

        snprintf(index, sizeof index, "[%zu]", i);
        snprintf(path, sizeof path, "%.200s%s", list, index);
        inner.path = path;
        if (!json_is_string(href) && json_is_object(item))
            return wrong(&inner, "href", "an address");
        if (!json_is_string(href))
            return host_fail(at->err, TOCSIN_MEANINGLESS, path, "expected an address or {href, text}");
        if (text != NULL && !json_is_null(text) && !json_is_string(text))
            return wrong(&inner, "text", "text");
        host_alert_link(at->batch, at->alert, json_string_value(href), json_string_value(text));
    }
    return TOCSIN_OK;
}

/* A member that the schema does not have. */
static void
keep(struct at *at, const char *name, const json_t *value)
{
    char *text;

    if (is_scalar(value)) {
        host_alert_annotation_json(at->batch, at->alert, name, value);
        return;
    }
    text = json_dumps(value, JSON_COMPACT);
    host_alert_annotation(at->batch, at->alert, name, text);
    free(text);
}

/* What "true" asks for was done when the alert was made. */
static enum tocsin_rc
read_record(struct at *at, const char *name, const json_t *value)
{
    if (!json_is_boolean(value))
        keep(at, name, value);
    return TOCSIN_OK;
}

static const struct member {
    const char *name;
    enum tocsin_rc (*read)(struct at *, const char *name, const json_t *value);
} members[] = {
    { "status", read_status },
    { "dedup_key", read_key },
    { "severity", read_severity },
    { "summary", read_summary },
    { "description", read_description },
    { "source", read_source },
    { "group", read_group },
    { "labels", read_labels },
    { "annotations", read_annotations },
    { "links", read_links },
    { "starts_at", read_starts_at },
    { "ends_at", read_ends_at },
    { "expires_in", read_expires_in },
    { "record", read_record },
};

static enum tocsin_rc
read_member(struct at *at, const char *name, const json_t *value)
{
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (strcmp(name, members[i].name) == 0)
            return members[i].read(at, name, value);
    keep(at, name, value);
    return TOCSIN_OK;
}

enum tocsin_rc
host_decode_schema(struct tocsin_batch *batch, const json_t *object, const char *path, struct tocsin_err *err)
{
    struct at at = { .batch = batch, .object = object, .path = path, .err = err };
    enum tocsin_rc rc;
    const char *name;
    json_t *value;

    if (!json_is_object(object))
        return host_fail(err, TOCSIN_MEANINGLESS, path, "expected an alert, which is an object");
    at.alert = json_is_true(json_object_get(object, "record")) ? host_record_new(batch) : host_alert_new(batch);
    at.alert->status = TOCSIN_FIRING;
    json_object_foreach((json_t *)(uintptr_t)object, name, value) {
        if (json_is_null(value))
            continue;
        rc = read_member(&at, name, value);
        if (rc != TOCSIN_OK)
            return rc;
    }
    if (at.alert->n_labels == 0 && (at.alert->summary == NULL || at.alert->summary[0] == '\0') &&
        (at.alert->dedup_key == NULL || at.alert->dedup_key[0] == '\0'))
        return host_fail(err, TOCSIN_MEANINGLESS, path, "expected at least one of 'summary', 'labels', 'dedup_key'");
    if (at.alert->status != TOCSIN_FIRING)
        at.alert->ends_at = at.ends_at;
    else if (at.expires_in > 0)
        at.alert->expires_at = batch->received_at + at.expires_in;
    else
        at.alert->expires_at = at.ends_at;           /* an end that is announced */
    return TOCSIN_OK;
}
