/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases_samples_fields.c - identity and title of a sample, by the fields that the list names.
 *
 * The list is written for people: "annotations.summary / labels.alertname (or ...)".  Its words that lead to a text or
 * a number anywhere in the payload are taken, JSON within text included; one of them must stand in what came out.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cases.h"
#include "lib/cases_samples.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

struct search {
    const struct tocsin_batch *batch;
    bool (*holds)(const struct tocsin_alert *, const char *text);
    size_t named, held;            /* fields that are in the payload; of these, in an alert */
};

/* What comes out otherwise on purpose. */
static const struct { const char *prefix, *what; } others[] = {
    /* an incident, at whatever level its line was logged */
    { "azure-legacy/activitylog-servicehealth-active", "severity" },
    /* [TEST]: of the test button, which pages nobody */
    { "datadog/custom-lower-snmp", "severity" },
    /* variables that were left as they are count as absent */
    { "datadog/pagertree-uppercase-vars-unrendered", "identity" },
    { "datadog/pagertree-uppercase-vars-unrendered", "title" },
    /* an annotation says it better than the number of alerts */
    { "grafana-unified/v9-test-notification", "title" },
    /* without an exception the message is the identity; with one, it is the title, as over there */
    { "sentry-store/csharp-message", "identity" },
    { "sentry-store/sentry-cli", "identity" },
    { "sentry-store/go-logentry-as-string", "title" },
};

bool
cases_sample_differs(const struct sample *s, const char *what)
{
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strncmp(s->path, others[i].prefix, strlen(others[i].prefix)) == 0 && strcmp(others[i].what, what) == 0)
            return true;
    return false;
}

/* --- comparison --------------------------------------------------------------------------------- */

/* The share, in percent, of the words of ours that stand in text. */
static size_t
words_in(const char *ours, const char *text)
{
    size_t n = 0, in = 0;
    char word[128];

    for (const char *p = ours; *p != '\0'; n++) {
        size_t len;

        p += strcspn(p, LETTERS);
        len = strspn(p, LETTERS);
        if (len == 0)
            break;
        snprintf(word, sizeof word, "%.*s", (int)len, p);
        in += strcasestr(text, word) != NULL;
        p += len;
    }
    return n > 0 ? 100 * in / n : 0;
}

/* All of it in ours, or all of ours in it; a key that is a digest tells elsewhere of what. */
static bool
key_holds(const struct tocsin_alert *alert, const char *text)
{
    const char *key = alert->dedup_key != NULL ? alert->dedup_key : "";

    if (key[0] != '\0' && (strcasestr(key, text) != NULL || words_in(key, text) == 100))
        return true;
    for (size_t i = 0; i < alert->n_annotations; i++)
        if (strcmp(alert->annotations[i].name, "grouping") == 0 && strstr(alert->annotations[i].value, text) != NULL)
            return true;
    return false;
}

/* A title loses its [Triggered], and gets a host before it. */
static bool
title_holds(const struct tocsin_alert *alert, const char *text)
{
    return alert->summary != NULL && (strcasestr(alert->summary, text) != NULL || words_in(alert->summary, text) >= 60);
}

/* --- fields ---------------------------------------------------------------------------------- */

static void
try_value(struct search *s, const json_t *value)
{
    char number[32], line[256];
    const char *text = json_string_value(value);

    if (json_is_integer(value)) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
        text = number;
    }
    if (text == NULL || text[0] == '\0')
        return;
    snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\r\n"), text);   /* a title is a line, and not a long one */
    s->named++;
    for (size_t i = 0; i < s->batch->n_alerts; i++) {
        if (s->holds(s->batch->alerts[i], line) || s->holds(s->batch->alerts[i], text)) {
            s->held++;
            return;
        }
    }
}

/* Does the way through an array, "[word]", lead past this item, which has another key? */
static bool
is_past(const json_t *item, const char *path)
{
    const char *key = json_string_value(json_object_get(item, "key"));

    return key != NULL && isalpha((unsigned char)path[1]) && strncmp(path + 1, key, strlen(key)) != 0;
}

/* The field below value; "[]" and "[0]" go through an array, "[key]" to the value of the item with the key. */
static void
follow(struct search *s, const json_t *value, const char *path)
{
    size_t n = strcspn(path, ".["), i;
    char name[128];
    json_t *item;

    if (json_is_array(value)) {
        const char *close = path[0] == '[' ? strchr(path, ']') : NULL, *rest = close != NULL ? close + 1 : path;

        json_array_foreach(value, i, item)
            if (close == NULL || !is_past(item, path))
                follow(s, item, close != NULL && isalpha((unsigned char)path[1]) ? "value" : rest + (*rest == '.'));
    } else if (n == 0 || path[0] == '\0') {
        try_value(s, value);
    } else if (json_is_string(value)) {
        json_t *inner = json_loads(json_string_value(value), 0, NULL);

        if (inner != NULL)
            follow(s, inner, path);
        json_decref(inner);
    } else {
        snprintf(name, sizeof name, "%.*s", (int)n, path);
        follow(s, json_object_get(value, name), path + n + (path[n] == '.'));
    }
}

static void
anywhere(struct search *s, const json_t *value, const char *path)
{
    const char *name;
    json_t *item;
    size_t i;

    follow(s, value, path);
    if (json_is_array(value))
        json_array_foreach(value, i, item)
            anywhere(s, item, path);
    json_object_foreach((json_t *)(uintptr_t)value, name, item)
        if (json_is_object(item) || json_is_array(item))
            anywhere(s, item, path);
}

/* --- one column ---------------------------------------------------------------------------------- */

static void
check(struct search *s, const char *what, const char *column, const char *payload, size_t len, struct buf *diff)
{
    char path[128];

    for (const char *p = column; *p != '\0';) {
        size_t n = strcspn(p, " /+(),;:");
        const char *at = payload;
        json_error_t where;

        snprintf(path, sizeof path, "%.*s", (int)n, p);
        while (n > 0 && (size_t)(at - payload) < len) {          /* one value, or one on each line */
            json_t *doc = json_loadb(at, len - (size_t)(at - payload), JSON_DISABLE_EOF_CHECK, &where);

            if (doc == NULL)
                break;
            anywhere(s, doc, path);
            at += where.position;
            json_decref(doc);
        }
        p += n + (p[n] != '\0');
    }
    if (s->named > 0 && s->held == 0)
        buf_addf(diff, "%s is of none of '%s'\n", what, column);
}

void
cases_sample_fields(const struct sample *sample, const char *payload, size_t len, const struct tocsin_batch *b,
                    struct buf *diff)
{
    struct search identity = { .batch = b, .holds = key_holds }, title = { .batch = b, .holds = title_holds };

    if (!cases_sample_differs(sample, "identity"))
        check(&identity, "identity", sample->identity, payload, len, diff);
    if (!cases_sample_differs(sample, "title"))
        check(&title, "title", sample->title, payload, len, diff);
}
