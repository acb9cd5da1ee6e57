/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_decode.h - one payload through an integration's decode(), and what must
 * hold afterwards whatever the bytes were: alerts are complete, clean and
 * within the limits; an error has a kind and words; the same bytes give the
 * same result.  Whatever a collector redacts of them, the same alerts come out
 * of them, and two that are told apart are told apart.
 */
#ifndef FUZZ_DECODE_H
#define FUZZ_DECODE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/normalise/normalise.h"
#include "plugin/host.h"

extern const struct tocsin_plugin tocsin_plugin;
struct mapping;

#define MUST(what) \
    do { \
        if (!(what)) { \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #what); \
            abort(); \
        } \
    } while (0)

static inline void
must_be_clean(const char *s, size_t max)
{
    size_t n = s != NULL ? strlen(s) : 0;

    MUST(n <= max);
    for (size_t i = 0, len; i < n; i += len) {
        len = utf8_seq(s + i, n - i);
        MUST(len > 0);
        MUST((unsigned char)s[i] >= ' ' || s[i] == '\t' || s[i] == '\n');
    }
}

static inline void
must_be_alert(const struct tocsin_alert *a)
{
    MUST(a->status >= TOCSIN_FIRING && a->status <= TOCSIN_UNKNOWN);
    MUST(a->severity <= TOCSIN_CRITICAL);
    MUST(a->starts_at >= 0 && a->ends_at >= 0 && a->expires_at >= 0);
    MUST(a->starts_at <= HOST_MAX_TIME && a->ends_at <= HOST_MAX_TIME && a->expires_at <= HOST_MAX_TIME);
    MUST(a->n_labels <= HOST_MAX_LABELS && a->n_annotations <= HOST_MAX_LABELS && a->n_links <= HOST_MAX_LINKS);
    MUST(a->dedup_key == NULL || a->dedup_key[0] != '\0');
    MUST(a->summary == NULL || strpbrk(a->summary, "\r\n") == NULL);
    must_be_clean(a->summary, HOST_MAX_SUMMARY);
    must_be_clean(a->dedup_key, 3 * HOST_MAX_KEY);
    must_be_clean(a->group, 3 * HOST_MAX_KEY);
    for (size_t i = 0; i < a->n_labels; i++) {
        must_be_clean(a->labels[i].name, HOST_MAX_NAME);
        must_be_clean(a->labels[i].value, HOST_MAX_VALUE);
    }
    for (size_t i = 0; i < a->n_annotations; i++)
        must_be_clean(a->annotations[i].value, HOST_MAX_VALUE);
    for (size_t i = 0; i < a->n_links; i++)
        MUST(strncasecmp(a->links[i].href, "http", 4) == 0 && strpbrk(a->links[i].href, " \"<>\n") == NULL);
}

static inline void
must_be_error(enum tocsin_rc rc, const struct tocsin_err *err)
{
    MUST(err->rc == rc);
    MUST(rc != TOCSIN_INTERNAL && rc != TOCSIN_FATAL && rc != TOCSIN_BAD_CONFIG);
    MUST(err->what[0] != '\0');
    must_be_clean(err->where, sizeof err->where);
    for (size_t i = 0, len; err->what[i] != '\0'; i += len) {
        len = utf8_seq(err->what + i, strlen(err->what + i));
        MUST(len > 0);
    }
}

/* One of several, so that what is taken out is now a value, now a member. */
static inline const struct redact *
some_redaction(size_t which)
{
    static const struct redact_rule rules[] = { { .pattern = "[0-9]+" }, { .path = "**.*" },
                                                { .path = "*.*", .action = REDACT_REMOVE },
                                                { .pattern = "[a-z]{2}", .replace = "" } };
    enum { N = sizeof rules / sizeof rules[0] };
    static struct redact *made[N];
    struct tocsin_err err;

    which %= N;
    if (made[which] == NULL) {
        made[which] = redact_new(NULL, NULL);
        MUST(redact_add(made[which], &rules[which], &err) == TOCSIN_OK);
        MUST(redact_add_defaults(made[which], &err) == TOCSIN_OK);
    }
    return made[which];
}

static inline const char *
identity_of(struct arena *a, const struct tocsin_alert *alert)
{
    struct normal n;

    alert_normalise(a, alert, 0, &n);
    return n.dedup_key;
}

/* The first are enough to find two that became one. */
static inline void
must_be_same_alerts(struct arena *a, const struct tocsin_batch *said, const struct tocsin_batch *kept)
{
    enum { FIRST = 8 };
    const char *before[FIRST], *after[FIRST];

    MUST(said->n_alerts == kept->n_alerts);
    for (size_t i = 0; i < kept->n_alerts; i++) {
        must_be_alert(kept->alerts[i]);
        MUST(said->alerts[i]->status == kept->alerts[i]->status);
        if (i >= FIRST)
            continue;
        before[i] = identity_of(a, said->alerts[i]);
        after[i] = identity_of(a, kept->alerts[i]);
        MUST(strcmp(before[i], after[i]) == 0 || strncmp(after[i], "redacted:", 9) == 0);
        for (size_t k = 0; k < i; k++)
            MUST(strcmp(before[i], before[k]) == 0 || strcmp(after[i], after[k]) != 0);
    }
}

/* mapping: NULL, or what reads the payload in the place of the plugin */
static inline size_t
decode_by(const struct tocsin_plugin *plugin, void *self, struct mapping *mapping, const struct tocsin_payload *in)
{
    struct arena *arena = arena_new();
    struct tocsin_err err = { 0 };
    struct tocsin_batch b, kept;
    enum tocsin_rc rc;
    size_t n;

    host_batch_init(&b, arena);
    rc = host_decode(plugin, self, mapping, in, &b, &err);
    if (rc != TOCSIN_OK)
        must_be_error(rc, &err);
    for (size_t i = 0; i < b.n_alerts; i++)
        must_be_alert(b.alerts[i]);
    for (size_t i = 0; i < b.n_gets; i++)
        MUST(strncmp(b.gets[i].url, "https://sns.", 12) == 0);
    n = b.n_alerts + 10000 * (size_t)rc;
    host_batch_init(&kept, arena);
    kept.redact = some_redaction(in->len);
    if (rc == TOCSIN_OK) {
        MUST(host_decode(plugin, self, mapping, in, &kept, &err) == TOCSIN_OK);
        must_be_same_alerts(arena, &b, &kept);
    }
    arena_free(arena);
    return n;
}

static inline size_t
decode_one(void *self, const struct tocsin_payload *in)
{
    return decode_by(&tocsin_plugin, self, NULL, in);
}

/* Hosts pass bodies with a NUL behind them. */
static inline char *
with_nul(const uint8_t *data, size_t size)
{
    char *body = malloc(size + 1);

    MUST(body != NULL);
    if (size > 0)
        memcpy(body, data, size);
    body[size] = '\0';
    return body;
}

static inline const char *
no_header(const struct tocsin_payload *in, const char *name)
{
    (void)in;
    (void)name;
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
