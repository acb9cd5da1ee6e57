/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Format: one version byte, then fields until the end: a tag byte, and for
 * each string of the field a length (LEB128) and its bytes.
 */
#include "core/alert.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/arena.h"

enum { VERSION = 1, MAX_STRINGS = 4096 };
enum tag { TAG_SUMMARY = 1, TAG_SOURCE_SEVERITY, TAG_LABEL, TAG_ANNOTATION, TAG_LINK, TAG_RULE };

/* --- writing ------------------------------------------------------------------------ */

static size_t
string_room(const char *s)
{
    return s != NULL ? strlen(s) + 5 : 5;
}

static size_t
pairs_room(const struct tocsin_pair *p, size_t n)
{
    size_t room = 0;

    for (size_t i = 0; i < n; i++)
        room += 1 + string_room(p[i].name) + string_room(p[i].value);
    return room;
}

static unsigned char *
put_string(unsigned char *at, const char *s)
{
    size_t n = s != NULL ? strlen(s) : 0, left = n;

    for (; left >= 0x80; left >>= 7)
        *at++ = (unsigned char)(left | 0x80);
    *at++ = (unsigned char)left;
    if (n > 0)
        memcpy(at, s, n);
    return at + n;
}

static unsigned char *
put_pairs(unsigned char *at, enum tag tag, const struct tocsin_pair *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        *at++ = (unsigned char)tag;
        at = put_string(at, p[i].name);
        at = put_string(at, p[i].value);
    }
    return at;
}

void
alert_text_encode(struct arena *a, const struct alert_text *t, const void **body_out, size_t *len_out, uint64_t *digest_out)
{
    size_t room = 3 + string_room(t->summary) + string_room(t->source_severity) + pairs_room(t->labels, t->n_labels) +
                  pairs_room(t->annotations, t->n_annotations) + pairs_room(t->rules, t->n_rules);
    unsigned char *body, *at;

    for (size_t i = 0; i < t->n_links; i++)
        room += 1 + string_room(t->links[i].href) + string_room(t->links[i].text);
    body = at = arena_alloc(a, room);
    *at++ = VERSION;
    *at++ = TAG_SUMMARY;
    at = put_string(at, t->summary);
    if (t->source_severity != NULL && t->source_severity[0] != '\0') {
        *at++ = TAG_SOURCE_SEVERITY;
        at = put_string(at, t->source_severity);
    }
    at = put_pairs(at, TAG_LABEL, t->labels, t->n_labels);
    at = put_pairs(at, TAG_ANNOTATION, t->annotations, t->n_annotations);
    for (size_t i = 0; i < t->n_links; i++) {
        *at++ = TAG_LINK;
        at = put_string(at, t->links[i].href);
        at = put_string(at, t->links[i].text);
    }
    at = put_pairs(at, TAG_RULE, t->rules, t->n_rules);
    *body_out = body;
    *len_out = (size_t)(at - body);
    *digest_out = XXH3_64bits(body, *len_out);
}

/* --- reading --------------------------------------------------------------------------- */

struct reader {
    const unsigned char *at, *end;
    bool bad;
};

static const char *
get_string(struct reader *r, struct arena *a)
{
    size_t n = 0;
    unsigned shift = 0;
    const char *s;

    for (;; shift += 7) {
        if (r->at == r->end || shift > 28) {
            r->bad = true;
            return "";
        }
        n |= (size_t)(*r->at & 0x7f) << shift;
        if ((*r->at++ & 0x80) == 0)
            break;
    }
    if (n > (size_t)(r->end - r->at)) {
        r->bad = true;
        return "";
    }
    s = n > 0 ? arena_strndup(a, (const char *)r->at, n) : "";
    r->at += n;
    return s;
}

static struct tocsin_pair
get_pair(struct reader *r, struct arena *a)
{
    struct tocsin_pair p;

    p.name = get_string(r, a);
    p.value = get_string(r, a);
    return p;
}

/* Room for the fields of each kind: counted in a first pass that makes no strings. */
static bool
count_fields(struct reader r, size_t n[TAG_RULE + 1])
{
    size_t total = 0;

    while (r.at < r.end) {
        unsigned tag = *r.at++;
        int strings = tag == TAG_SUMMARY || tag == TAG_SOURCE_SEVERITY ? 1 : 2;

        if (tag < TAG_SUMMARY || tag > TAG_RULE || ++total > MAX_STRINGS)
            return false;
        n[tag]++;
        for (; strings > 0; strings--) {
            size_t len = 0;
            unsigned shift = 0;

            for (;; shift += 7) {
                if (r.at == r.end || shift > 28)
                    return false;
                len |= (size_t)(*r.at & 0x7f) << shift;
                if ((*r.at++ & 0x80) == 0)
                    break;
            }
            if (len > (size_t)(r.end - r.at))
                return false;
            r.at += len;
        }
    }
    return true;
}

static void
get_field(struct reader *r, struct arena *a, struct alert_text *out)
{
    switch (*r->at++) {
    case TAG_SUMMARY:
        out->summary = get_string(r, a);
        break;
    case TAG_SOURCE_SEVERITY:
        out->source_severity = get_string(r, a);
        break;
    case TAG_LABEL:
        out->labels[out->n_labels++] = get_pair(r, a);
        break;
    case TAG_ANNOTATION:
        out->annotations[out->n_annotations++] = get_pair(r, a);
        break;
    case TAG_LINK:
        out->links[out->n_links].href = get_string(r, a);
        out->links[out->n_links++].text = get_string(r, a);
        break;
    case TAG_RULE:
        out->rules[out->n_rules++] = get_pair(r, a);
        break;
    default:
        r->bad = true;
    }
}

bool
alert_text_decode(struct arena *a, const void *body, size_t len, struct alert_text *out)
{
    static const struct alert_text empty = { .summary = "", .source_severity = "" };
    struct reader r = { body, (const unsigned char *)body + len, false };
    size_t n[TAG_RULE + 1] = { 0 };

    *out = empty;
    if (body == NULL || len < 1 || *r.at++ != VERSION || !count_fields(r, n))
        return false;
    out->labels = arena_alloc(a, (n[TAG_LABEL] + 1) * sizeof *out->labels);
    out->annotations = arena_alloc(a, (n[TAG_ANNOTATION] + 1) * sizeof *out->annotations);
    out->links = arena_alloc(a, (n[TAG_LINK] + 1) * sizeof *out->links);
    out->rules = arena_alloc(a, (n[TAG_RULE] + 1) * sizeof *out->rules);
    while (r.at < r.end && !r.bad)
        get_field(&r, a, out);
    if (r.bad)
        *out = empty;
    return !r.bad;
}

/* --- pairs ------------------------------------------------------------------------------ */

/* Insertion sort: stable, and labels mostly come sorted. */
size_t
alert_pairs_normalise(struct tocsin_pair *p, size_t n)
{
    size_t out = 0;

    for (size_t i = 1; i < n; i++) {
        struct tocsin_pair x = p[i];
        size_t k = i;

        for (; k > 0 && strcmp(p[k - 1].name, x.name) > 0; k--)
            p[k] = p[k - 1];
        p[k] = x;
    }
    for (size_t i = 0; i < n; i++) {
        if (out > 0 && strcmp(p[out - 1].name, p[i].name) == 0)
            p[out - 1] = p[i];
        else
            p[out++] = p[i];
    }
    return out;
}

const char *
alert_pair_find(const struct tocsin_pair *p, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(p[i].name, name) == 0)
            return p[i].value;
    return "";
}
