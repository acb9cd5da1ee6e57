/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layout:  version  string:summary  string:source_severity
 *          then four times (labels, annotations, links, rules):
 *          varint:count  count * (string string)
 * A string is varint:length, the bytes, and a NUL, so that decoding is one copy
 * of the whole body and pointers into it.  Every value has exactly one form
 * (varints are minimal, labels rise), so that equal alerts have equal bytes;
 * whatever has another form is damaged.
 */
#include "core/alert.h"

#include <stdbool.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/arena.h"

enum { VERSION = 1, MAX_VARINT = 5, MIN_PAIR = 4 /* two empty strings */ };

static size_t
varint_len(size_t v)
{
    size_t n = 1;

    while (v >= 0x80) {
        v >>= 7;
        n++;
    }
    return n;
}

static unsigned char *
put_varint(unsigned char *p, size_t v)
{
    while (v >= 0x80) {
        *p++ = (unsigned char)(v | 0x80);
        v >>= 7;
    }
    *p++ = (unsigned char)v;
    return p;
}

static unsigned char *
put_string(unsigned char *p, const char *s)
{
    size_t n = s != NULL ? strlen(s) : 0;

    p = put_varint(p, n);
    if (n > 0)
        memcpy(p, s, n);
    p[n] = '\0';
    return p + n + 1;
}

static size_t
string_len(const char *s)
{
    size_t n = s != NULL ? strlen(s) : 0;

    return varint_len(n) + n + 1;
}

static size_t
pairs_len(const struct tocsin_pair *pairs, size_t n)
{
    size_t len = varint_len(n);

    for (size_t i = 0; i < n; i++)
        len += string_len(pairs[i].name) + string_len(pairs[i].value);
    return len;
}

static unsigned char *
put_pairs(unsigned char *p, const struct tocsin_pair *pairs, size_t n)
{
    p = put_varint(p, n);
    for (size_t i = 0; i < n; i++) {
        p = put_string(p, pairs[i].name);
        p = put_string(p, pairs[i].value);
    }
    return p;
}

static size_t
links_len(const struct tocsin_link *links, size_t n)
{
    size_t len = varint_len(n);

    for (size_t i = 0; i < n; i++)
        len += string_len(links[i].href) + string_len(links[i].text);
    return len;
}

static unsigned char *
put_links(unsigned char *p, const struct tocsin_link *links, size_t n)
{
    p = put_varint(p, n);
    for (size_t i = 0; i < n; i++) {
        p = put_string(p, links[i].href);
        p = put_string(p, links[i].text);
    }
    return p;
}

void
alert_text_encode(struct arena *arena, const struct alert_text *t, const void **body_out, size_t *len_out,
                  uint64_t *digest_out)
{
    size_t len = 1 + string_len(t->summary) + string_len(t->source_severity) + pairs_len(t->labels, t->n_labels) +
                 pairs_len(t->annotations, t->n_annotations) + links_len(t->links, t->n_links) +
                 pairs_len(t->rules, t->n_rules);
    unsigned char *body = arena_alloc(arena, len), *p = body;

    *p++ = VERSION;
    p = put_string(p, t->summary);
    p = put_string(p, t->source_severity);
    p = put_pairs(p, t->labels, t->n_labels);
    p = put_pairs(p, t->annotations, t->n_annotations);
    p = put_links(p, t->links, t->n_links);
    /* a line added above a rule moves it, and is no news about the alert */
    *digest_out = XXH3_64bits(body, (size_t)(p - body));
    put_pairs(p, t->rules, t->n_rules);
    *body_out = body;
    *len_out = len;
}

/* --- decoding: bytes of unknown origin ---------------------------------------- */

struct reader {
    struct arena *arena;
    const unsigned char *p, *end;
    bool bad;
};

static size_t
get_varint(struct reader *r)
{
    size_t v = 0;

    for (unsigned i = 0; i < MAX_VARINT && r->p < r->end; i++) {
        unsigned char c = *r->p++;

        v |= (size_t)(c & 0x7f) << (7 * i);
        if (c < 0x80) {
            r->bad = r->bad || (c == 0 && i > 0);   /* a longer form of a smaller number */
            return v;
        }
    }
    r->bad = true;
    return 0;
}

static const char *
get_string(struct reader *r)
{
    size_t n = get_varint(r);
    const char *s = (const char *)r->p;

    if (r->bad || n >= (size_t)(r->end - r->p) || s[n] != '\0' || memchr(s, '\0', n) != NULL) {
        r->bad = true;
        return "";
    }
    r->p += n + 1;
    return s;
}

/* A count that the bytes left can hold; 0 when they cannot. */
static size_t
get_count(struct reader *r)
{
    size_t n = get_varint(r);

    if (r->bad || n > (size_t)(r->end - r->p) / MIN_PAIR) {
        r->bad = true;
        return 0;
    }
    return n;
}

static struct tocsin_pair *
get_pairs(struct reader *r, size_t *n_out, bool rising)
{
    size_t n = get_count(r);
    struct tocsin_pair *pairs = arena_alloc(r->arena, n * sizeof *pairs);

    for (size_t i = 0; i < n && !r->bad; i++) {
        pairs[i].name = get_string(r);
        pairs[i].value = get_string(r);
        if (rising && i > 0 && strcmp(pairs[i - 1].name, pairs[i].name) >= 0)
            r->bad = true;
    }
    *n_out = n;
    return pairs;
}

static struct tocsin_link *
get_links(struct reader *r, size_t *n_out)
{
    size_t n = get_count(r);
    struct tocsin_link *links = arena_alloc(r->arena, n * sizeof *links);

    for (size_t i = 0; i < n && !r->bad; i++) {
        const char *text;

        links[i].href = get_string(r);
        text = get_string(r);
        links[i].text = text[0] != '\0' ? text : NULL;
    }
    *n_out = n;
    return links;
}

bool
alert_text_decode(struct arena *arena, const void *body, size_t len, struct alert_text *out)
{
    static const struct alert_text empty = { .summary = "", .source_severity = "" };
    struct reader r = { .arena = arena };
    struct alert_text t;

    *out = empty;
    if (body == NULL || len < 1 || *(const unsigned char *)body != VERSION)
        return false;
    r.p = (const unsigned char *)arena_memdup(arena, body, len) + 1;
    r.end = r.p - 1 + len;
    t.summary = get_string(&r);
    t.source_severity = get_string(&r);
    t.labels = get_pairs(&r, &t.n_labels, true);
    t.annotations = get_pairs(&r, &t.n_annotations, true);
    t.links = get_links(&r, &t.n_links);
    t.rules = get_pairs(&r, &t.n_rules, false);
    if (r.bad || r.p != r.end)
        return false;
    *out = t;
    return true;
}

/* --- pairs ----------------------------------------------------------------------- */

/*
 * Insertion, because there are a few dozen pairs at most (the host's limit), they often come sorted, and
 * it is stable: among equal names the last one given stays last.
 */
static void
sort(struct tocsin_pair *p, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct tocsin_pair moved = p[i];
        size_t j = i;

        while (j > 0 && strcmp(p[j - 1].name, moved.name) > 0) {
            p[j] = p[j - 1];
            j--;
        }
        p[j] = moved;
    }
}

size_t
alert_pairs_normalise(struct tocsin_pair *pairs, size_t n)
{
    size_t kept = 0;

    sort(pairs, n);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && strcmp(pairs[kept - 1].name, pairs[i].name) == 0)
            kept--;
        pairs[kept++] = pairs[i];
    }
    return kept;
}

const char *
alert_pair_find(const struct tocsin_pair *pairs, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(pairs[i].name, name) == 0)
            return pairs[i].value;
    return "";
}
