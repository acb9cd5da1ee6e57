/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact.h - what must not be kept is taken out of a payload before anybody sees it.
 *
 * A rule has a path, a pattern or both.  A path names members of a JSON
 * document; with a path alone the whole value goes.  A pattern is a regex; what
 * it matches in a text goes, in the values that the path names or, without a
 * path, in all of them.
 *
 *   request.headers.authorization    members, one level each; letter case does not count
 *   **.email                         ** is any number of levels, none included
 *   extra.*.key_*                    * is any one name, or a part of one
 *   extra.'a.b'                      quoted, where a name holds a dot
 *   exception.values.1.value         a number is an element; without one, all elements are meant
 *
 * A list of pairs ([["Cookie", "a=b"]]) and a list of {"key", "value"} objects
 * are read as the members that they stand for.
 *
 * A regex that fails at run time (its limits are tight) takes the whole text
 * with it: no value gets through because a rule did not work.
 *
 * Rules are about texts that are kept.  What an alert is known by is taken from
 * what was sent, before them (plugin/host_identity.c says what is kept of it).
 */
#ifndef CORE_REDACT_REDACT_H
#define CORE_REDACT_REDACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <tocsin/err.h>

#include "base/arena.h"

enum redact_action {
    REDACT_MASK = 0,      /* the value becomes `replace` */
    REDACT_REMOVE,        /* the member goes; of a text, what matched */
    REDACT_HASH,          /* the same value gives the same mark, which only who has the key can make */
    REDACT_TRUNCATE       /* the first `keep` characters stay */
};

#define REDACT_MARK "[redacted]"
#define REDACT_FAILED "[redacted: a rule failed]"
enum { REDACT_RULES = 64, REDACT_SEGMENTS = 30, REDACT_MAC = 32 };

struct redact_rule {
    const char *path;              /* NULL or "": everywhere; then there is a pattern */
    const char *pattern;           /* NULL or "": the whole value */
    enum redact_action action;
    const char *replace;           /* NULL: REDACT_MARK */
    unsigned keep;                 /* TRUNCATE: characters */
};

/* A message authentication code; false: it cannot be made.  The core has no keys, so whoever has gives the function. */
typedef bool (*redact_hash)(void *ctx, const char *text, size_t len, unsigned char mac[REDACT_MAC]);

struct redact;                     /* compiled rules; immutable once they are used, and then for any thread */

struct redact *redact_new(redact_hash, void *ctx);     /* hash may be NULL when no rule hashes */
void redact_free(struct redact *);
/* TOCSIN_BAD_CONFIG: where is "path", "pattern", "action" or "". */
enum tocsin_rc redact_add(struct redact *, const struct redact_rule *, struct tocsin_err *err);
/* What nobody wants in an alert: passwords, tokens, cookies, keys, card numbers. */
enum tocsin_rc redact_add_defaults(struct redact *, struct tocsin_err *err);

/* All rules on a document, in place.  False: nothing was taken out. */
bool redact_json(const struct redact *, json_t *doc);
/* The rules without a path on a text.  text itself when nothing matched; len as in strlen(). */
const char *redact_text(const struct redact *, struct arena *, const char *text);
/* The code of a text with the rules' own key; false: they have none. */
bool redact_mac(const struct redact *, const char *text, size_t len, unsigned char mac[REDACT_MAC]);
/*
 * Can `left` be what the rules left of a document where `said` stood?  They are equal, or the patterns make the one of
 * the other, or left bears a mark; yes as well where some rule leaves no mark behind.
 */
bool redact_explains(const struct redact *, struct arena *, const char *said, const char *left);

#endif
