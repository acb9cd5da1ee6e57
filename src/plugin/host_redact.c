/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_redact.c - a collector's redaction on the way into an integration and out of it.
 *
 * In: whatever JSON the integration reads through the host during its call is
 * redacted before it gets it (host_json.c and host_form.c call host_redact_doc()).
 * Out: its texts, for it may have read something that is no JSON, and what an
 * error or a note quotes.  Identities are another matter: host_identity.c.
 */
#include "plugin/host.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

static _Thread_local struct host_redaction current;

struct host_redaction
host_redact_begin(const struct redact *r)
{
    struct host_redaction before = current;

    current = (struct host_redaction){ .rules = r };
    return before;
}

bool
host_redact_end(struct host_redaction before)
{
    bool changed = current.changed;

    current = before;
    return changed;
}

void
host_redact_doc(json_t *doc)
{
    if (current.rules != NULL && redact_json(current.rules, doc))
        current.changed = true;
}

bool
host_redact_hash(void *ctx, const char *text, size_t len, unsigned char mac[REDACT_MAC])
{
    const struct host_redact_key *key = ctx;
    unsigned n = REDACT_MAC;

    return HMAC(EVP_sha256(), key->bytes, (int)key->len, (const unsigned char *)text, len, mac, &n) != NULL;
}

static const struct tocsin_pair *
pairs(const struct redact *r, struct arena *a, const struct tocsin_pair *list, size_t n)
{
    struct tocsin_pair *out = arena_alloc(a, (n + 1) * sizeof *out);

    for (size_t i = 0; i < n; i++)
        out[i] = (struct tocsin_pair){ list[i].name, redact_text(r, a, list[i].value) };
    return out;
}

/* What is left of an address may be none any more. */
static const struct tocsin_link *
links(const struct redact *r, struct arena *a, const struct tocsin_link *list, size_t *n)
{
    struct tocsin_link *out = arena_alloc(a, (*n + 1) * sizeof *out);
    size_t kept = 0;

    for (size_t i = 0; i < *n; i++) {
        const char *href = redact_text(r, a, list[i].href);

        if (href != list[i].href)
            href = host_clean_href(a, href);
        if (href != NULL)
            out[kept++] = (struct tocsin_link){ href, redact_text(r, a, list[i].text) };
    }
    *n = kept;
    return out;
}

void
host_redact_alert(const struct tocsin_batch *b, struct tocsin_alert *alert)
{
    const struct redact *r = b->redact;

    alert->summary = redact_text(r, b->arena, alert->summary);
    alert->by = redact_text(r, b->arena, alert->by);
    alert->labels = pairs(r, b->arena, alert->labels, alert->n_labels);
    alert->annotations = pairs(r, b->arena, alert->annotations, alert->n_annotations);
    alert->links = links(r, b->arena, alert->links, &alert->n_links);
}

void
host_redact_notes(struct tocsin_batch *b)
{
    for (size_t i = 0; i < b->n_notes; i++)
        b->notes[i] = redact_text(b->redact, b->arena, b->notes[i]);
}

void
host_redact_err(const struct redact *r, struct arena *a, struct tocsin_err *err)
{
    char what[sizeof err->what];

    snprintf(what, sizeof what, "%s", redact_text(r, a, err->what));
    memcpy(err->what, what, sizeof what);
}
