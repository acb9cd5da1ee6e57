/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules and texts.
 *
 * A path is a small automaton: bit i of a state says that the first i segments
 * are matched, so a step down is a few operations whatever the path.
 */
#include "core/redact/redact.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "base/xalloc.h"
#include "core/redact/impl.h"

/* A regex may look at this much before it counts as failed; a text is at most this long. */
enum { MATCH_LIMIT = 200000, DEPTH_LIMIT = 2000, HEAP_LIMIT_KIB = 1024, PATTERN_MAX = 4096, TEXT_MAX_BYTES = 64 << 20 };

/* --- names ---------------------------------------------------------------------------- */

static bool
same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* '*' is any text; the rest must be equal but for letter case. */
static bool
is_like(const char *pattern, const char *name)
{
    const char *star = NULL, *from = NULL;

    while (*name != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            from = name;
        } else if (*pattern != '\0' && same_letter(*pattern, *name)) {
            pattern++;
            name++;
        } else if (star != NULL) {
            pattern = star;
            name = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static bool
is_any_depth(const char *segment)
{
    return strcmp(segment, "**") == 0;
}

/* "**" may also stand for nothing. */
static uint32_t
closure(const struct rule *rule, uint32_t state)
{
    for (unsigned i = 0; i < rule->n_segments; i++)
        if ((state >> i & 1) && is_any_depth(rule->segments[i]))
            state |= 1u << (i + 1);
    return state;
}

/* A list of names that cannot be searched counts as one that holds the name. */
static bool
is_named(const struct work *w, const struct rule *rule, unsigned i, const char *name)
{
    if (rule->names == NULL || i + 1 < rule->n_segments)
        return is_like(rule->segments[i], name);
    return pcre2_match(rule->names, (PCRE2_SPTR)name, strlen(name), 0, 0, w->match, w->r->limits) !=
           PCRE2_ERROR_NOMATCH;
}

uint32_t
redact_step(const struct work *w, const struct rule *rule, uint32_t state, const char *name, bool index)
{
    uint32_t next = index ? state : 0;

    for (unsigned i = 0; i < rule->n_segments; i++) {
        if ((state >> i & 1) == 0)
            continue;
        if (is_any_depth(rule->segments[i]))
            next |= 1u << i;
        else if (is_named(w, rule, i, name))
            next |= 1u << (i + 1);
    }
    return closure(rule, next);
}

/* --- compiling --------------------------------------------------------------------------- */

/* One segment; gives what stands behind it, NULL when the quote does not end. */
static const char *
take_segment(const char *p, char **out)
{
    const char *end = *p == '\'' ? strchr(p + 1, '\'') : p + strcspn(p, ".");

    if (end == NULL)
        return NULL;
    if (*p != '\'') {
        *out = xstrndup(p, (size_t)(end - p));
        return end;
    }
    *out = xstrndup(p + 1, (size_t)(end - p - 1));
    return end + 1;
}

static enum tocsin_rc
compile_path(struct rule *rule, const char *path, struct tocsin_err *err)
{
    const char *p = path;

    for (;;) {
        if (rule->n_segments == REDACT_SEGMENTS)
            return err_set(err, TOCSIN_BAD_CONFIG, "path", "more than %d names", REDACT_SEGMENTS);
        p = take_segment(p, &rule->segments[rule->n_segments]);
        if (p == NULL)
            return err_set(err, TOCSIN_BAD_CONFIG, "path", "a quote without its end");
        if (rule->segments[rule->n_segments++][0] == '\0')
            return err_set(err, TOCSIN_BAD_CONFIG, "path", "an empty name");
        if (*p == '\0')
            break;
        if (*p++ != '.')
            return err_set(err, TOCSIN_BAD_CONFIG, "path", "expected a dot behind the quoted name");
    }
    rule->start = closure(rule, 1);
    return TOCSIN_OK;
}

enum tocsin_rc
redact_compile(const char *pattern, uint32_t options, pcre2_code **out_r, struct tocsin_err *err)
{
    char text[128];
    size_t at;
    int code;

    if (strlen(pattern) > PATTERN_MAX)
        return err_set(err, TOCSIN_BAD_CONFIG, "pattern", "the regex is longer than %d bytes", PATTERN_MAX);
    *out_r = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options | PCRE2_NEVER_BACKSLASH_C, &code, &at,
                           NULL);
    if (*out_r == NULL) {
        pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
        return err_set(err, TOCSIN_BAD_CONFIG, "pattern", "regex '%s': %s at its offset %zu", pattern, text, at);
    }
    (void)pcre2_jit_compile(*out_r, PCRE2_JIT_COMPLETE);   /* without it the interpreter does the same */
    return TOCSIN_OK;
}

static enum tocsin_rc
check(const struct redact *r, const struct redact_rule *in, bool has_path, bool has_pattern, struct tocsin_err *err)
{
    if (!has_path && !has_pattern)
        return err_set(err, TOCSIN_BAD_CONFIG, "", "expected a path, a pattern or both");
    if (r->n == REDACT_RULES)
        return err_set(err, TOCSIN_BAD_CONFIG, "", "more than %d rules", REDACT_RULES);
    if (in->action == REDACT_HASH && r->hash == NULL)
        return err_set(err, TOCSIN_BAD_CONFIG, "action", "hash needs a key");
    if (in->action == REDACT_TRUNCATE && has_pattern)
        return err_set(err, TOCSIN_BAD_CONFIG, "action", "truncate is for whole values, without a pattern");
    return TOCSIN_OK;
}

static struct rule *
rule_new(struct redact *r)
{
    struct rule *rule = &r->rules[r->n++];

    memset(rule, 0, sizeof *rule);
    return rule;
}

enum tocsin_rc
redact_add(struct redact *r, const struct redact_rule *in, struct tocsin_err *err)
{
    bool has_path = in->path != NULL && in->path[0] != '\0';
    bool has_pattern = in->pattern != NULL && in->pattern[0] != '\0';
    enum tocsin_rc rc = check(r, in, has_path, has_pattern, err);
    struct rule *rule;

    if (rc != TOCSIN_OK)
        return rc;
    rule = rule_new(r);
    rule->action = in->action;
    rule->keep = in->keep;
    rule->replace = xstrdup(in->replace != NULL ? in->replace : REDACT_MARK);
    rule->replace_len = strlen(rule->replace);
    rc = compile_path(rule, has_path ? in->path : "**", err);
    if (rc == TOCSIN_OK && has_pattern)
        rc = redact_compile(in->pattern, PCRE2_UTF, &rule->re, err);
    r->any_text |= !has_path;
    r->traceless |= in->action == REDACT_REMOVE || (in->action == REDACT_MASK && rule->replace[0] == '\0');
    return rc;
}

struct redact *
redact_new(redact_hash hash, void *ctx)
{
    struct redact *r = xcalloc(1, sizeof *r);

    r->hash = hash;
    r->hash_ctx = ctx;
    r->limits = pcre2_match_context_create(NULL);
    if (r->limits == NULL)
        abort();
    pcre2_set_match_limit(r->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(r->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(r->limits, HEAP_LIMIT_KIB);
    return r;
}

void
redact_free(struct redact *r)
{
    if (r == NULL)
        return;
    for (unsigned i = 0; i < r->n; i++) {
        for (unsigned k = 0; k < REDACT_SEGMENTS; k++)
            free(r->rules[i].segments[k]);
        free(r->rules[i].replace);
        pcre2_code_free(r->rules[i].re);
        pcre2_code_free(r->rules[i].names);
    }
    pcre2_match_context_free(r->limits);
    free(r);
}

/* --- texts ------------------------------------------------------------------------------------ */

bool
work_begin(struct work *w, const struct redact *r)
{
    w->r = r;
    w->changed = false;
    w->match = pcre2_match_data_create(1, NULL);
    buf_init(&w->out, TEXT_MAX_BYTES);
    return w->match != NULL;
}

void
work_end(struct work *w)
{
    pcre2_match_data_free(w->match);
    buf_release(&w->out);
}

/* The check digit of card numbers (ISO/IEC 7812-1): every second digit from the right counts twice. */
static bool
is_card(const char *s, size_t n)
{
    unsigned sum = 0, digits = 0;

    for (size_t i = n; i-- > 0;) {
        unsigned d = (unsigned)(s[i] - '0');

        if (s[i] < '0' || s[i] > '9')
            continue;
        if (digits++ % 2 == 1)
            d = d * 2 > 9 ? d * 2 - 9 : d * 2;
        sum += d;
    }
    return digits >= 13 && sum % 10 == 0;
}

void
redact_hash_mark(const struct redact *r, const char *s, size_t n, char out[REDACT_HASH_TEXT])
{
    unsigned char mac[REDACT_MAC];

    if (!redact_mac(r, s, n, mac)) {
        snprintf(out, REDACT_HASH_TEXT, "%s", REDACT_FAILED);
        return;
    }
    snprintf(out, REDACT_HASH_TEXT, "#%02x%02x%02x%02x%02x%02x%02x%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
             mac[5], mac[6], mac[7]);
}

static void
put_mark(struct work *w, const struct rule *rule, const char *s, size_t n)
{
    char mark[REDACT_HASH_TEXT];

    switch (rule->action) {
    case REDACT_REMOVE:
        break;
    case REDACT_HASH:
        redact_hash_mark(w->r, s, n, mark);
        buf_add(&w->out, mark);
        break;
    default:
        buf_addn(&w->out, rule->replace, rule->replace_len);
        break;
    }
}

enum subst
redact_subst(struct work *w, const struct rule *rule, const char *s, size_t n)
{
    size_t at = 0, copied = 0;
    enum subst done = SUBST_NONE;

    buf_reset(&w->out);
    while (at <= n) {
        int rc = pcre2_match(rule->re, (PCRE2_SPTR)s, n, at, 0, w->match, w->r->limits);
        const size_t *hit = pcre2_get_ovector_pointer(w->match);

        if (rc == PCRE2_ERROR_NOMATCH)
            break;
        if (rc < 0 || hit[1] < hit[0])
            return SUBST_FAILED;
        if (hit[1] > hit[0] && (!rule->card || is_card(s + hit[0], hit[1] - hit[0]))) {
            buf_addn(&w->out, s + copied, hit[0] - copied);
            put_mark(w, rule, s + hit[0], hit[1] - hit[0]);
            copied = hit[1];
            done = SUBST_DONE;
        }
        at = hit[1] > at ? hit[1] : at + 1;
        while (at < n && ((unsigned char)s[at] & 0xc0) == 0x80)
            at++;                  /* an empty match moves on by a character, not by a byte */
    }
    buf_addn(&w->out, s + copied, n - copied);
    return buf_ok(&w->out) ? done : SUBST_FAILED;
}

static const char *
texts(const struct redact *r, struct arena *a, const char *text)
{
    struct work w;
    bool ready = work_begin(&w, r);

    for (unsigned i = 0; i < r->n && ready; i++) {
        const struct rule *rule = &r->rules[i];
        enum subst done = SUBST_NONE;

        if (rule->re != NULL && rule->n_segments == 1 && is_any_depth(rule->segments[0]))
            done = redact_subst(&w, rule, text, strlen(text));
        if (done == SUBST_FAILED)
            text = REDACT_FAILED;
        else if (done == SUBST_DONE)
            text = arena_strndup(a, w.out.p, w.out.n);
    }
    work_end(&w);
    return ready ? text : REDACT_FAILED;
}

const char *
redact_text(const struct redact *r, struct arena *a, const char *text)
{
    return text == NULL || !r->any_text ? text : texts(r, a, text);
}

/* --- identities -------------------------------------------------------------------------------- */

bool
redact_mac(const struct redact *r, const char *text, size_t len, unsigned char mac[REDACT_MAC])
{
    return r->hash != NULL && r->hash(r->hash_ctx, text, len, mac);
}

static bool
has_hash(const char *text)
{
    for (const char *p = strchr(text, '#'); p != NULL; p = strchr(p + 1, '#'))
        if (strspn(p + 1, "0123456789abcdef") >= 16)
            return true;
    return false;
}

static bool
bears_mark(const struct redact *r, const char *text)
{
    bool found = strstr(text, REDACT_FAILED) != NULL;

    for (unsigned i = 0; i < r->n && !found; i++) {
        const struct rule *rule = &r->rules[i];

        if (rule->action == REDACT_HASH)
            found = has_hash(text);
        else                       /* what is no text is masked where it cannot be cut */
            found = strstr(text, rule->replace) != NULL ||
                    (rule->action == REDACT_TRUNCATE && strstr(text, TEXT_MARK) != NULL);
    }
    return found;
}

bool
redact_explains(const struct redact *r, struct arena *a, const char *said, const char *left)
{
    return r->traceless || strcmp(said, left) == 0 || bears_mark(r, left) || strcmp(redact_text(r, a, said), left) == 0;
}
