/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_redact.c - a collector's redaction on the way into an integration and out of it.
 *
 * In: whatever JSON the integration reads through the host during its call is
 * redacted before it gets it (host_json.c asks host_redactor()).  Out: its
 * texts, for it may have read something that is no JSON, and what an error or
 * a note quotes.
 */
#include "plugin/host.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

static _Thread_local const struct redact *current;

const struct redact *
host_redactor(void)
{
    return current;
}

const struct redact *
host_redact_with(const struct redact *r)
{
    const struct redact *before = current;

    current = r;
    return before;
}

void
host_redact_hash(void *ctx, const char *text, size_t len, char out[REDACT_HASH_TEXT])
{
    const struct host_redact_key *key = ctx;
    unsigned char mac[EVP_MAX_MD_SIZE];

    if (HMAC(EVP_sha256(), key->bytes, (int)key->len, (const unsigned char *)text, len, mac, NULL) == NULL) {
        snprintf(out, REDACT_HASH_TEXT, "%s", REDACT_FAILED);
        return;
    }
    snprintf(out, REDACT_HASH_TEXT, "#%02x%02x%02x%02x%02x%02x%02x%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
             mac[5], mac[6], mac[7]);
}

static const struct tocsin_pair *
pairs(const struct redact *r, struct arena *a, const struct tocsin_pair *list, size_t n)
{
    struct tocsin_pair *out = arena_alloc(a, (n + 1) * sizeof *out);

    for (size_t i = 0; i < n; i++)
        out[i] = (struct tocsin_pair){ list[i].name, redact_text(r, a, list[i].value) };
    return out;
}

static const struct tocsin_link *
links(const struct redact *r, struct arena *a, const struct tocsin_link *list, size_t n)
{
    struct tocsin_link *out = arena_alloc(a, (n + 1) * sizeof *out);

    for (size_t i = 0; i < n; i++)
        out[i] = (struct tocsin_link){ redact_text(r, a, list[i].href), redact_text(r, a, list[i].text) };
    return out;
}

void
host_redact_batch(struct tocsin_batch *b)
{
    const struct redact *r = b->redact;

    for (size_t i = 0; i < b->n_alerts; i++) {
        struct tocsin_alert *alert = b->alerts[i];

        alert->dedup_key = redact_key(r, b->arena, alert->dedup_key);
        alert->group = redact_key(r, b->arena, alert->group);
        alert->summary = redact_text(r, b->arena, alert->summary);
        alert->labels = pairs(r, b->arena, alert->labels, alert->n_labels);
        alert->annotations = pairs(r, b->arena, alert->annotations, alert->n_annotations);
        alert->links = links(r, b->arena, alert->links, alert->n_links);
    }
    for (size_t i = 0; i < b->n_notes; i++)
        b->notes[i] = redact_text(r, b->arena, b->notes[i]);
}

void
host_redact_err(const struct redact *r, struct arena *a, struct tocsin_err *err)
{
    char what[sizeof err->what];

    if (err == NULL)
        return;
    snprintf(what, sizeof what, "%s", redact_text(r, a, err->what));
    memcpy(err->what, what, sizeof what);
}
