/* SPDX-License-Identifier: Apache-2.0 */
/* Each value has a list of places to look for it, best first; index and rules then need not know of gaps. */
#include "core/normalise/normalise.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/id.h"
#include "base/text.h"
#include "core/alert.h"
#include "core/normalise/severity.h"

static bool
is_empty(const char *s)
{
    return s == NULL || s[0] == '\0';
}

/* An empty value is the same as none, as everywhere in the language of matchers. */
static struct tocsin_pair *
tidy(struct arena *arena, const struct tocsin_pair *in, size_t n, size_t spare, size_t *n_out)
{
    struct tocsin_pair *pairs = arena_alloc(arena, (n + spare) * sizeof *pairs);
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (!is_empty(in[i].name) && !is_empty(in[i].value))
            pairs[kept++] = in[i];
    *n_out = alert_pairs_normalise(pairs, kept);
    return pairs;
}

static enum tocsin_severity
severity(const struct tocsin_alert *a, const struct normal *n)
{
    static const char *const names[] = { "severity", "priority", "level" };

    if (a->severity >= TOCSIN_INFO && a->severity <= TOCSIN_CRITICAL)
        return a->severity;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        enum tocsin_severity s = severity_of(alert_pair_find(n->labels, n->n_labels, names[i]));

        if (s != TOCSIN_SEV_NONE)
            return s;
    }
    return TOCSIN_ERROR;
}

/* "cluster=a, host=b", as much as fits. */
static const char *
from_labels(struct arena *arena, const struct normal *n)
{
    size_t len = 1;
    char *text, *p;

    for (size_t i = 0; i < n->n_labels; i++)
        len += strlen(n->labels[i].name) + strlen(n->labels[i].value) + 3;
    text = arena_alloc(arena, len);
    p = text;
    *p = '\0';
    for (size_t i = 0; i < n->n_labels; i++)
        p += snprintf(p, len - (size_t)(p - text), "%s%s=%s", i > 0 ? ", " : "", n->labels[i].name,
                      n->labels[i].value);
    return text_cut_bytes(arena, text, NORMAL_MAX_SUMMARY);
}

static const char *
summary(struct arena *arena, const struct tocsin_alert *a, const struct normal *n)
{
    const char *s = a->summary;

    if (is_empty(s))
        s = alert_pair_find(n->annotations, n->n_annotations, "summary");
    if (is_empty(s))
        s = alert_pair_find(n->annotations, n->n_annotations, "title");
    if (is_empty(s))
        s = alert_pair_find(n->labels, n->n_labels, "alertname");
    if (is_empty(s) && n->n_labels > 0)
        return from_labels(arena, n);
    return is_empty(s) ? "alert without a name" : text_cut_bytes(arena, s, NORMAL_MAX_SUMMARY);
}

static const char *
dedup_key(struct arena *arena, const struct tocsin_alert *a, const struct normal *n)
{
    static const char hex[] = "0123456789abcdef";
    const char **parts, *text;
    struct id16 id;
    char *out;

    if (!is_empty(a->dedup_key))
        return a->dedup_key;
    parts = arena_alloc(arena, 2 * n->n_labels * sizeof *parts);
    for (size_t i = 0; i < n->n_labels; i++) {
        parts[2 * i] = n->labels[i].name;
        parts[2 * i + 1] = n->labels[i].value;
    }
    text = n->summary;
    id = n->n_labels > 0 ? id_hash(parts, 2 * n->n_labels) : id_hash(&text, 1);
    out = arena_alloc(arena, 2 * sizeof id.b + 1);
    for (size_t i = 0; i < sizeof id.b; i++) {
        out[2 * i] = hex[id.b[i] >> 4];
        out[2 * i + 1] = hex[id.b[i] & 15];
    }
    out[2 * sizeof id.b] = '\0';
    return out;
}

void
alert_normalise(struct arena *arena, const struct tocsin_alert *a, size_t spare, struct normal *out)
{
    out->labels = tidy(arena, a->labels, a->n_labels, spare, &out->n_labels);
    out->cap_labels = a->n_labels + spare;
    out->annotations = tidy(arena, a->annotations, a->n_annotations, 0, &out->n_annotations);
    out->severity = severity(a, out);
    out->summary = summary(arena, a, out);
    out->dedup_key = dedup_key(arena, a, out);
}
