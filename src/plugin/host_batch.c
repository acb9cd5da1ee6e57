/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_batch.c - alerts as integrations build them.
 *
 * Whatever comes in here was written by a stranger: each text is made clean
 * UTF-8 of a bounded length when it is added, and what an integration sets in
 * the struct directly is treated likewise in host_batch_finish().  Counts over
 * a limit do not fail on the spot, for builders return nothing: they mark the
 * batch, which is then refused as a whole.
 */
#include "plugin/host.h"

#include <assert.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/id.h"
#include "base/text.h"

enum { FIRST = 8 };                /* elements of a list's first block; it doubles from there */

static atomic_uint alerts_max = HOST_MAX_ALERTS;

void
host_set_alerts_max(unsigned max)
{
    assert(max <= HOST_ALERTS_MAX);
    atomic_store(&alerts_max, max);
}

unsigned
host_alerts_max(void)
{
    return atomic_load(&alerts_max);
}

void
host_batch_init(struct tocsin_batch *b, struct arena *arena)
{
    memset(b, 0, sizeof *b);
    b->arena = arena;
}

/* Room for one more element behind n.  Lists hold FIRST, 2 * FIRST, 4 * FIRST ... elements, so n alone tells. */
static void *
grow(struct arena *a, const void *list, size_t n, size_t size)
{
    void *bigger;

    if (n != 0 && (n < FIRST || (n & (n - 1)) != 0))
        return (void *)(uintptr_t)list;
    bigger = arena_alloc(a, (n == 0 ? FIRST : n * 2) * size);
    if (n > 0)
        memcpy(bigger, list, n * size);
    return bigger;
}

static void
over(struct tocsin_batch *b, const char *what, int limit)
{
    char where[40];

    if (b->over.rc != TOCSIN_OK)
        return;
    snprintf(where, sizeof where, "alert %zu", b->n_alerts);
    host_fail(&b->over, TOCSIN_TOO_LARGE, where, "more than %d %s", limit, what);
}

static struct tocsin_alert *
new_item(struct tocsin_batch *b, size_t so_far, size_t max, const char *what, const char *option)
{
    struct tocsin_alert *alert = arena_zalloc(b->arena, sizeof *alert);

    if (so_far == max) {
        if (b->over.rc == TOCSIN_OK)
            host_fail(&b->over, TOCSIN_TOO_LARGE, "", "more than %zu %s in one payload%s", max, what, option);
        return alert;
    }
    b->alerts = grow(b->arena, b->alerts, b->n_alerts, sizeof *b->alerts);
    b->alerts[b->n_alerts++] = alert;
    return alert;
}

struct tocsin_alert *
host_alert_new(struct tocsin_batch *b)
{
    size_t so_far = b->n_alerts - b->n_records;

    if (b->max_alerts > 0)                   /* the protocol's own limit */
        return new_item(b, so_far, b->max_alerts, "alerts", "");
    return new_item(b, so_far, host_alerts_max(), "alerts", " (http.alerts_max)");
}

struct tocsin_alert *
host_record_new(struct tocsin_batch *b)
{
    struct tocsin_alert *record = new_item(b, b->n_records, HOST_MAX_RECORDS, "records", "");

    b->n_records += b->n_records < HOST_MAX_RECORDS;
    record->record = true;
    record->status = TOCSIN_FIRING;
    return record;
}

/* Line ends as LF: CR alone would come out as a control character. */
static const char *
unix_lines(struct arena *a, const char *s, size_t *len)
{
    char *out, *p;

    if (memchr(s, '\r', *len) == NULL)
        return s;
    out = p = arena_alloc(a, *len + 1);
    for (size_t i = 0; i < *len; i++) {
        if (s[i] == '\r' && i + 1 < *len && s[i + 1] == '\n')
            continue;
        *p++ = s[i] == '\r' ? '\n' : s[i];
    }
    *len = (size_t)(p - out);
    return out;
}

static void
add_pair(struct tocsin_batch *b, const struct tocsin_pair **list, size_t *n, const char *what, const char *name,
         const char *value, size_t len)
{
    struct tocsin_pair *pairs;

    if (name == NULL || name[0] == '\0' || value == NULL || len == 0)
        return;
    if (*n == HOST_MAX_LABELS) {
        over(b, what, HOST_MAX_LABELS);
        return;
    }
    value = unix_lines(b->arena, value, &len);
    pairs = grow(b->arena, *list, *n, sizeof *pairs);
    pairs[*n].name = text_clean(b->arena, name, strlen(name), HOST_MAX_NAME);
    pairs[*n].value = text_clean(b->arena, value, len, HOST_MAX_VALUE);
    *list = pairs;
    ++*n;
}

static void
add_json(struct tocsin_batch *b, const struct tocsin_pair **list, size_t *n, const char *what, const char *name,
         const json_t *value)
{
    const char *s;

    if (json_is_string(value)) {
        add_pair(b, list, n, what, name, json_string_value(value), json_string_length(value));
    } else {
        s = host_json_text(b->arena, value);
        add_pair(b, list, n, what, name, s, strlen(s));
    }
}

void
host_alert_label(struct tocsin_batch *b, struct tocsin_alert *alert, const char *name, const char *value)
{
    add_pair(b, &alert->labels, &alert->n_labels, "labels", name, value, value != NULL ? strlen(value) : 0);
}

void
host_alert_label_json(struct tocsin_batch *b, struct tocsin_alert *alert, const char *name, const json_t *value)
{
    add_json(b, &alert->labels, &alert->n_labels, "labels", name, value);
}

void
host_alert_annotation(struct tocsin_batch *b, struct tocsin_alert *alert, const char *name, const char *value)
{
    add_pair(b, &alert->annotations, &alert->n_annotations, "annotations", name, value,
             value != NULL ? strlen(value) : 0);
}

void
host_alert_annotation_json(struct tocsin_batch *b, struct tocsin_alert *alert, const char *name, const json_t *value)
{
    add_json(b, &alert->annotations, &alert->n_annotations, "annotations", name, value);
}

/*
 * An address that a person may click: http or https with a host.  What could end an attribute or a line
 * is percent-encoded, for senders paste queries into links as they are.  NULL when it is none.
 */
const char *
host_clean_href(struct arena *a, const char *href)
{
    static const char hex[] = "0123456789ABCDEF";
    static const bool coded[128] = { [' '] = true, ['"'] = true, ['<'] = true, ['>'] = true, ['\\'] = true,
                                     ['^'] = true, ['`'] = true, ['{'] = true, ['|'] = true, ['}'] = true };
    size_t n = strlen(href), host = strncasecmp(href, "https://", 8) == 0 ? 8 : 7, more = 0;
    char *out, *p;

    if (n > HOST_MAX_HREF || (host == 7 && strncasecmp(href, "http://", 7) != 0))
        return NULL;
    if (href[host] == '\0' || strchr("/?#", href[host]) != NULL)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)href[i];

        if (c < ' ' || c == 0x7f)
            return NULL;
        more += c >= 0x80 || coded[c];
    }
    if (more == 0)
        return arena_strndup(a, href, n);
    out = p = arena_alloc(a, n + 2 * more + 1);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)href[i];

        if (c < 0x80 && !coded[c]) {
            *p++ = (char)c;
        } else {
            *p++ = '%';
            *p++ = hex[c >> 4];
            *p++ = hex[c & 15];
        }
    }
    *p = '\0';
    return out;
}

void
host_alert_link(struct tocsin_batch *b, struct tocsin_alert *alert, const char *href, const char *text)
{
    struct tocsin_link *links;

    href = href != NULL ? host_clean_href(b->arena, href) : NULL;
    if (href == NULL)
        return;
    for (size_t i = 0; i < alert->n_links; i++)
        if (strcmp(alert->links[i].href, href) == 0)
            return;                /* sources name the same page twice; the first text is the better one */
    if (alert->n_links == HOST_MAX_LINKS) {
        over(b, "links", HOST_MAX_LINKS);
        return;
    }
    links = grow(b->arena, alert->links, alert->n_links, sizeof *links);
    links[alert->n_links].href = href;
    links[alert->n_links].text =
        text != NULL && text[0] != '\0' ? text_clean(b->arena, text, strlen(text), HOST_MAX_NAME) : NULL;
    alert->links = links;
    alert->n_links++;
}

char *
host_printf(struct tocsin_batch *b, const char *fmt, ...)
{
    va_list ap;
    char *s;

    va_start(ap, fmt);
    s = arena_vprintf(b->arena, fmt, ap);
    va_end(ap);
    return s;
}

void
host_batch_get(struct tocsin_batch *b, const char *url, const char *why)
{
    if (b->n_gets == HOST_MAX_GETS) {
        over(b, "addresses to fetch", HOST_MAX_GETS);
        return;
    }
    b->gets = grow(b->arena, b->gets, b->n_gets, sizeof *b->gets);
    b->gets[b->n_gets].url = arena_strdup(b->arena, url);
    b->gets[b->n_gets++].why = text_clean(b->arena, why, strlen(why), HOST_MAX_SUMMARY);
}

void
host_batch_forward(struct tocsin_batch *b, const char *body, size_t len, const char *what)
{
    if (b->n_forwards == HOST_MAX_GETS) {
        over(b, "things to send on", HOST_MAX_GETS);
        return;
    }
    b->forwards = grow(b->arena, b->forwards, b->n_forwards, sizeof *b->forwards);
    b->forwards[b->n_forwards++] = (struct host_forward){ arena_memdup(b->arena, body, len), len,
                                                          text_clean(b->arena, what, strlen(what), HOST_MAX_NAME) };
}

void
host_batch_count(struct tocsin_batch *b, const char *kind, unsigned n)
{
    size_t i = 0;

    while (i < b->n_counts && strcmp(b->counts[i].kind, kind) != 0)
        i++;
    if (i == HOST_MAX_KINDS)
        return;
    if (i == b->n_counts)
        b->counts[b->n_counts++] = (struct host_count){ .kind = kind };
    b->counts[i].n += n;
}

void
host_batch_reply(struct tocsin_batch *b, int status, json_t *doc)
{
    char *text = doc != NULL ? json_dumps(doc, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    json_decref(doc);
    if (text == NULL) {
        if (b->over.rc == TOCSIN_OK)
            host_fail(&b->over, TOCSIN_INTERNAL, "", "the integration's answer is no JSON");
        return;
    }
    b->reply_status = status;
    b->reply_len = strlen(text);
    b->reply = arena_strndup(b->arena, text, b->reply_len);
    free(text);
}

void
host_copy_reply(struct tocsin_batch *to, const struct tocsin_batch *from)
{
    to->reply_status = from->reply_status;
    to->reply_len = from->reply_len;
    to->reply = from->reply_status != 0 ? arena_strndup(to->arena, from->reply, from->reply_len) : NULL;
}

void
host_batch_note(struct tocsin_batch *b, const char *fmt, ...)
{
    va_list ap;
    char *s;

    if (b->n_notes == HOST_MAX_NOTES)
        return;                    /* for people: the first hundred tell enough */
    va_start(ap, fmt);
    s = arena_vprintf(b->arena, fmt, ap);
    va_end(ap);
    b->notes = grow(b->arena, b->notes, b->n_notes, sizeof *b->notes);
    b->notes[b->n_notes++] = text_clean(b->arena, s, strlen(s), HOST_MAX_SUMMARY);
}

/* --- what integrations set directly -------------------------------------------------- */

/* One line: runs of blanks and line ends become one blank, none at the ends. */
static const char *
one_line(struct arena *a, const char *s)
{
    size_t n = strlen(s);
    char *out = arena_alloc(a, n + 1), *p = out;

    for (size_t i = 0; i < n; i++) {
        bool blank = s[i] == ' ' || s[i] == '\t' || s[i] == '\r' || s[i] == '\n';

        if (!blank)
            *p++ = s[i];
        else if (p > out && p[-1] != ' ')
            *p++ = ' ';
    }
    if (p > out && p[-1] == ' ')
        p--;
    *p = '\0';
    return text_clean(a, out, (size_t)(p - out), HOST_MAX_SUMMARY);
}

/* Keys are compared, so one that is too long must not be cut: equal beginnings are not equal keys. */
const char *
host_clean_key(struct arena *a, const char *s)
{
    enum { KEEP = HOST_MAX_KEY - ID_TEXT - 1 };
    size_t n;
    char digest[ID_TEXT];
    struct id16 id;

    if (s == NULL || s[0] == '\0')
        return NULL;
    n = strlen(s);
    if (n <= HOST_MAX_KEY)
        return text_clean(a, s, n, n * 3);
    id = id_hash(&s, 1);
    return arena_printf(a, "%s#%s", text_clean(a, s, n, KEEP), id_format(&id, digest));
}

/* Numbers that strangers call times: before 1970, or so late that nobody could write it, is no time. */
static int64_t
clean_time(int64_t ms)
{
    return ms > 0 && ms <= HOST_MAX_TIME ? ms : 0;
}

void
host_alert_clean(struct tocsin_batch *b, struct tocsin_alert *alert)
{
    alert->dedup_key = host_clean_key(b->arena, alert->dedup_key);
    alert->group = host_clean_key(b->arena, alert->group);
    if (alert->by != NULL)
        alert->by = text_clean(b->arena, alert->by, strlen(alert->by), HOST_MAX_NAME);
    alert->starts_at = clean_time(alert->starts_at);
    alert->ends_at = clean_time(alert->ends_at);
    alert->expires_at = clean_time(alert->expires_at);
    if (alert->summary != NULL)
        alert->summary = one_line(b->arena, alert->summary);
    if (alert->summary != NULL && alert->summary[0] == '\0')
        alert->summary = NULL;
}

void
host_batch_finish(struct tocsin_batch *b)
{
    for (size_t i = 0; i < b->n_alerts; i++) {
        struct tocsin_alert *alert = b->alerts[i];
        char where[40];

        host_alert_clean(b, alert);
        if (alert->status < TOCSIN_FIRING || alert->status > TOCSIN_UNKNOWN) {
            snprintf(where, sizeof where, "alert %zu", i + 1);
            host_fail(&b->over, TOCSIN_INTERNAL, where, "the integration gave no status");
        }
    }
}
