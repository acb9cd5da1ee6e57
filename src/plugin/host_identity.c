/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_identity.c - what alerts are known by, where a collector redacts.
 *
 * Text is what redaction left; identity is what the sender said, or two hosts whose names are masked would be one
 * problem, and the resolve of one the end of the other.  So a payload that redaction changed is read twice: as it is
 * kept, and as it was sent.  Of the second reading nothing is kept but what these functions take from it:
 *
 *   identity      (dedup_key or the labels and the summary that stand for it, group, the key of an action) as it was
 *                 sent, if redaction left it alone; otherwise "redacted:" and the first half of an HMAC-SHA256 of it.
 *                 Two identities stay two, one stays one, in every report, and the text is not in the store.
 *   hidden        for the keys that rules make: labels whose value redaction changed, with such a hash of the value
 *   the answer    of a handshake, and what an intake echoes: the sender gets back what it sent itself.
 *
 * Who sees a hash can test guesses only with the key: the collector's redact_key or, without one, the secret that the
 * store made for itself (host_set_redact_secret).  Who has the store then has the secret as well: where the values are
 * few, such as card numbers or customers, a redact_key that is not in the store is what keeps them.
 *
 * The two readings are paired by index.  Where they do not fit together - redaction left nothing that can be read,
 * another number of alerts, another status, labels or a summary of several alerts that redaction does not explain - the
 * alerts of the second are kept bare: status, severity, times and identity (always hashed, since nothing tells what was
 * taken out of it), and no text but that it is missing.  Where only the redacted payload can be read, its bytes are the
 * identity: nothing is merged, and nothing but a person resolves it.
 */
#include "plugin/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/err.h"
#include "core/normalise/normalise.h"

#define PREFIX "redacted:"
#define BARE "alert whose text was taken out by redaction"

enum { SECRET_MAX = 64, KEEP = 16 /* bytes of a code */ };

static struct { char bytes[SECRET_MAX]; size_t len; } secret;

void
host_set_redact_secret(const void *bytes, size_t len)
{
    secret.len = len < SECRET_MAX ? len : SECRET_MAX;
    memcpy(secret.bytes, bytes, secret.len);
}

/* --- what is kept of an identity -------------------------------------------------------------- */

/* Without memory for a code nothing may go on: an identity that is missing merges what it should keep apart. */
static void
code_of(const struct redact *r, const char *text, size_t len, unsigned char mac[REDACT_MAC])
{
    unsigned n = REDACT_MAC;

    if (redact_mac(r, text, len, mac))
        return;
    if (HMAC(EVP_sha256(), secret.bytes, (int)secret.len, (const unsigned char *)text, len, mac, &n) == NULL)
        abort();
}

/* kind is before it: an identity, a label's value and a mark of the action hash are not alike. */
static const char *
hashed(struct arena *a, const struct redact *r, const char *kind, const char *said)
{
    static const char hex[] = "0123456789abcdef";
    const char *text = arena_printf(a, "%s %s", kind, said);
    char *out = arena_alloc(a, sizeof PREFIX + 2 * KEEP), *p = stpcpy(out, PREFIX);
    unsigned char mac[REDACT_MAC];

    code_of(r, text, strlen(text), mac);
    for (size_t i = 0; i < KEEP; i++) {
        *p++ = hex[mac[i] >> 4];
        *p++ = hex[mac[i] & 15];
    }
    *p = '\0';
    return out;
}

/* NULL: it is not among them. */
static const char *
named(const struct host_names *names, const char *said)
{
    for (size_t i = 0; names != NULL && i < names->n; i++)
        if (strcmp(names->list[i].name, said) == 0 || strcmp(names->list[i].value, said) == 0)
            return names->list[i].value;
    return NULL;
}

/* Who was shown a hash may name it: it stands for itself. */
static bool
is_hash(const char *said)
{
    const char *p = strncmp(said, PREFIX, sizeof PREFIX - 1) == 0 ? said + sizeof PREFIX - 1 : "";

    return strspn(p, "0123456789abcdef") == 2 * KEEP && p[2 * KEEP] == '\0';
}

void
host_names_add(struct host_names *names, struct arena *a, const char *said, const char *kept)
{
    struct tocsin_pair *more;

    if (named(names, said) != NULL)
        return;
    if (names->n == names->cap) {
        names->cap = names->cap * 2 + 8;
        more = arena_alloc(a, names->cap * sizeof *more);
        if (names->n > 0)
            memcpy(more, names->list, names->n * sizeof *more);
        names->list = more;
    }
    names->list[names->n++] = (struct tocsin_pair){ arena_strdup(a, said), arena_strdup(a, kept) };
}

const char *
host_kept_key(const struct redact *r, const struct host_names *names, struct arena *a, const char *said,
              const char *left)
{
    const char *known;

    if (said == NULL || said[0] == '\0')
        return NULL;
    known = is_hash(said) ? arena_strdup(a, said) : named(names, said);
    if (known != NULL)
        return known;
    if (left != NULL && strcmp(said, left) == 0 && redact_text(r, a, left) == left)
        return left;               /* which lives as long as what is kept */
    return hashed(a, r, "identity", host_clean_key(a, said));
}

/* --- one alert ------------------------------------------------------------------------------------ */

/* The identity of an alert to which its source gave none. */
static const char *
key_of_text(struct tocsin_batch *b, const struct tocsin_alert *alert)
{
    struct tocsin_alert copy = *alert;
    struct normal n;

    copy.dedup_key = NULL;
    host_alert_clean(b, &copy);
    alert_normalise(b->arena, &copy, 0, &n);
    return n.dedup_key;
}

static bool
same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same_labels(const struct tocsin_alert *a, const struct tocsin_alert *b)
{
    if (a->n_labels != b->n_labels)
        return false;
    for (size_t i = 0; i < a->n_labels; i++)
        if (strcmp(a->labels[i].name, b->labels[i].name) != 0 || !same_text(a->labels[i].value, b->labels[i].value))
            return false;
    return true;
}

/* Do they look the same to key_of_text()?  Most do, and then nothing need be hashed. */
static bool
same_texts(const struct tocsin_alert *a, const struct tocsin_alert *b)
{
    return same_labels(a, b) && (a->n_labels > 0 || same_text(a->summary, b->summary));
}

static bool
has_key(const struct tocsin_alert *alert)
{
    return alert->dedup_key != NULL && alert->dedup_key[0] != '\0';
}

/* said: as it was sent; left: as redaction of the payload left it; alert: the same with its texts redacted, too. */
static void
keep_identity(struct tocsin_batch *b, const struct tocsin_alert *said, const struct tocsin_alert *left,
              struct tocsin_alert *alert)
{
    const struct redact *r = b->redact;
    const char *key;

    alert->group = host_kept_key(r, b->names, b->arena, said->group, left->group);
    if (has_key(said)) {
        alert->dedup_key = host_kept_key(r, b->names, b->arena, said->dedup_key, left->dedup_key);
        return;
    }
    if (!has_key(left) && same_texts(said, alert))
        return;
    key = key_of_text(b, said);
    if (!has_key(left) && strcmp(key, key_of_text(b, alert)) == 0)
        return;
    alert->dedup_key = hashed(b->arena, r, "identity", key);
    alert->unkeyed = true;
}

/* Of equal names the last counts.  NULL: it has none. */
static const char *
label(const struct tocsin_alert *alert, const char *name)
{
    for (size_t i = alert->n_labels; i-- > 0;)
        if (strcmp(alert->labels[i].name, name) == 0)
            return alert->labels[i].value;
    return NULL;
}

/* What rules make keys of: labels that do not say any more what was said. */
static void
hide_labels(struct tocsin_batch *b, const struct tocsin_alert *said, struct tocsin_alert *alert)
{
    struct tocsin_pair *list;

    if (same_labels(said, alert))
        return;
    list = arena_alloc(b->arena, (said->n_labels + 1) * sizeof *list);
    for (size_t i = 0; i < said->n_labels; i++) {
        const struct tocsin_pair *pair = &said->labels[i];
        const char *left = label(alert, pair->name);

        if (label(said, pair->name) != pair->value || same_text(left, pair->value))
            continue;              /* another of this name counts, or it is as it was */
        list[alert->n_hidden++] = (struct tocsin_pair){ arena_strdup(b->arena, pair->name),
                                                        hashed(b->arena, b->redact, "value", pair->value) };
    }
    alert->hidden = list;
}

void
host_keep(struct tocsin_batch *b, const struct tocsin_batch *said)
{
    for (size_t i = 0; i < b->n_alerts; i++) {
        struct tocsin_alert left = *b->alerts[i];
        const struct tocsin_alert *whole = said != NULL ? said->alerts[i] : &left;

        host_redact_alert(b, b->alerts[i]);
        keep_identity(b, whole, &left, b->alerts[i]);
        hide_labels(b, whole, b->alerts[i]);
    }
    host_redact_notes(b);
}

/* --- two readings ---------------------------------------------------------------------------------- */

/* Is there no text that says that these are two alerts? */
static bool
explained(const struct tocsin_batch *b, const struct tocsin_alert *said, const struct tocsin_alert *left)
{
    for (size_t i = 0; i < left->n_labels; i++) {
        const char *value = label(said, left->labels[i].name);

        if (value != NULL && !redact_explains(b->redact, b->arena, value, left->labels[i].value))
            return false;
    }
    return said->summary == NULL || left->summary == NULL ||
           redact_explains(b->redact, b->arena, said->summary, left->summary);
}

bool
host_fits(const struct tocsin_batch *b, const struct tocsin_batch *said)
{
    bool fits = b->n_alerts == said->n_alerts;

    for (size_t i = 0; fits && i < b->n_alerts; i++) {
        const struct tocsin_alert *left = b->alerts[i], *whole = said->alerts[i];

        fits = left->status == whole->status && left->record == whole->record &&
               (b->n_alerts == 1 || explained(b, whole, left));
    }
    return fits;
}

/* Another batch in its place, whose identities are kept like b's. */
static void
begin_anew(struct tocsin_batch *b, const struct tocsin_batch *said)
{
    b->alerts = NULL;
    b->notes = NULL;
    b->n_alerts = b->n_records = b->n_gets = b->n_forwards = b->n_notes = 0;
    b->over = (struct tocsin_err){ .rc = TOCSIN_OK };
    memcpy(b->counts, said->counts, sizeof b->counts);
    b->n_counts = said->n_counts;
}

void
host_keep_bare(struct tocsin_batch *b, const struct tocsin_batch *said, const char *why)
{
    begin_anew(b, said);
    for (size_t i = 0; i < said->n_gets; i++)    /* of which integrations take care that they are as they were sent */
        host_batch_get(b, said->gets[i].url, redact_text(b->redact, b->arena, said->gets[i].why));
    for (size_t i = 0; i < said->n_alerts; i++) {
        const struct tocsin_alert *whole = said->alerts[i];
        struct tocsin_alert *bare = whole->record ? host_record_new(b) : host_alert_new(b);
        const char *key = has_key(whole) ? whole->dedup_key : key_of_text(b, whole);
        struct normal n;

        alert_normalise(b->arena, whole, 0, &n);
        bare->status = whole->status;
        bare->severity = n.severity;
        bare->starts_at = whole->starts_at;
        bare->ends_at = whole->ends_at;
        bare->expires_at = whole->expires_at;
        bare->number = whole->number;
        bare->unkeyed = !has_key(whole);
        bare->amends = whole->amends;
        bare->summary = BARE;
        bare->dedup_key = host_kept_key(b->redact, b->names, b->arena, key, NULL);
        bare->group = host_kept_key(b->redact, b->names, b->arena, whole->group, NULL);
        hide_labels(b, whole, bare);
    }
    host_batch_note(b, "redaction left %s: what was sent is kept without its text", why);
    host_redact_notes(b);
}

void
host_keep_by_bytes(struct tocsin_batch *b, const struct tocsin_payload *in)
{
    unsigned char mac[REDACT_MAC];
    char text[2 * REDACT_MAC + 1];

    code_of(b->redact, in->body, in->len, mac);
    for (size_t i = 0; i < REDACT_MAC; i++)
        snprintf(text + 2 * i, 3, "%02x", mac[i]);
    host_keep(b, NULL);
    for (size_t i = 0; i < b->n_alerts; i++) {
        b->alerts[i]->dedup_key = hashed(b->arena, b->redact, "identity", arena_printf(b->arena, "%s %zu", text, i));
        b->alerts[i]->group = NULL;
    }
    host_batch_note(b, "only what redaction left can be read: the payload is known by its bytes");
}
