/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What jq 1.6 gives for a match is given here, oddities included: an empty
 * match has no captures, and one at the end of what another match consumed is
 * not found.  Empty matches are left out where the text is not ASCII and all
 * matches are wanted: libjq steps through them by bytes.
 */
#include "core/rules/jqregex.h"

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <oniguruma.h>

#include "base/xalloc.h"
#include "core/rules/jqfunc.h"
#include "core/rules/jqvm.h"

enum { KEPT = 32, MAX_RETRIES = 1000000, MAX_MATCHES = 100000 };

struct compiled {
    jv pattern;                    /* text */
    OnigOptionType options;
    regex_t *reg;
    int n_groups;
    jv *names;                     /* of group i + 1; null where it has none */
};

struct jqregex {
    struct jqvm *vm;
    OnigMatchParam *limits;
    OnigRegion *region;
    struct compiled *kept[KEPT];   /* the last used first */
    size_t n_kept;
};

/* A search that goes through all matches of a text. */
struct search {
    struct compiled *re;
    jv text;
    const UChar *from, *to, *at;   /* the text, and where the next search starts */
    bool ascii, global, empty;     /* empty: of the last match */
    int begin, end;                /* of the last match, in bytes */
    int last;                      /* where the match before began; -1 */
    int counted_bytes, counted;    /* up to there: characters */
};

/* --- compiled regexes ---------------------------------------------------------------------- */

static pthread_once_t started = PTHREAD_ONCE_INIT;

static void
start(void)
{
    OnigEncoding utf8[] = { ONIG_ENCODING_UTF8 };

    onig_initialize(utf8, 1);
}

struct jqregex *
jqregex_new(struct jqvm *vm)
{
    struct jqregex *re = xcalloc(1, sizeof *re);

    pthread_once(&started, start);
    re->vm = vm;
    re->region = onig_region_new();
    re->limits = onig_new_match_param();
    onig_initialize_match_param(re->limits);
    onig_set_retry_limit_in_match_of_match_param(re->limits, MAX_RETRIES);
    onig_set_retry_limit_in_search_of_match_param(re->limits, MAX_RETRIES);
    return re;
}

static void
compiled_free(struct compiled *c)
{
    for (int i = 0; i < c->n_groups; i++)
        jv_free(c->names[i]);
    free(c->names);
    onig_free(c->reg);
    jv_free(c->pattern);
    free(c);
}

void
jqregex_free(struct jqregex *re)
{
    if (re == NULL)
        return;
    for (size_t i = 0; i < re->n_kept; i++)
        compiled_free(re->kept[i]);
    onig_free_match_param(re->limits);
    onig_region_free(re->region, 1);
    free(re);
}

static int
on_name(const UChar *name, const UChar *end, int n, int *groups, regex_t *reg, void *arg)
{
    struct compiled *c = arg;

    (void)reg;
    for (int i = 0; i < n; i++) {
        jv_free(c->names[groups[i] - 1]);
        c->names[groups[i] - 1] = jv_string_sized((const char *)name, (int)(end - name));
    }
    return 0;
}

static jv
failure(int code, OnigErrorInfo *info)
{
    UChar words[ONIG_MAX_ERROR_MESSAGE_LEN];

    onig_error_code_to_str(words, code, info);
    return jv_invalid_with_msg(jv_string_fmt("Regex failure: %s", (const char *)words));
}

/* An invalid value with the words of the mistake, or a valid one. */
static jv
compile(jv pattern, OnigOptionType options, struct compiled **out_r)
{
    const UChar *p = (const UChar *)jv_string_value(pattern);
    OnigErrorInfo info;
    struct compiled *c;
    regex_t *reg;
    int rc = onig_new(&reg, p, p + jv_string_length_bytes(jv_copy(pattern)), options, ONIG_ENCODING_UTF8,
                      ONIG_SYNTAX_PERL_NG, &info);

    if (rc != ONIG_NORMAL)
        return failure(rc, &info);
    c = xcalloc(1, sizeof *c);
    c->pattern = jv_copy(pattern);
    c->options = options;
    c->reg = reg;
    c->n_groups = onig_number_of_captures(reg);
    c->names = xcalloc((size_t)c->n_groups + 1, sizeof *c->names);
    for (int i = 0; i < c->n_groups; i++)
        c->names[i] = jv_null();
    onig_foreach_name(reg, on_name, c);
    *out_r = c;
    return jv_true();
}

static bool
is_it(const struct compiled *c, jv pattern, OnigOptionType options)
{
    return c->options == options && (jv_identical(jv_copy(c->pattern), jv_copy(pattern)) ||
                                     jv_equal(jv_copy(c->pattern), jv_copy(pattern)));
}

static jv
find(struct jqregex *re, jv pattern, OnigOptionType options, struct compiled **out_r)
{
    struct compiled *c = NULL;
    jv good = jv_true();
    size_t i = 0;

    while (i < re->n_kept && !is_it(re->kept[i], pattern, options))
        i++;
    if (i < re->n_kept) {
        c = re->kept[i];
    } else {
        good = compile(pattern, options, &c);
        if (!jv_is_valid(good))
            return good;
        if (re->n_kept < KEPT)
            re->n_kept++;
        else
            compiled_free(re->kept[KEPT - 1]);
        i = re->n_kept - 1;
    }
    memmove(re->kept + 1, re->kept, i * sizeof re->kept[0]);
    re->kept[0] = *out_r = c;
    return good;
}

/* --- searching ------------------------------------------------------------------------------ */

static bool
read_flag(char flag, OnigOptionType *options, bool *global)
{
    switch (flag) {
    case 'g': *global = true; return true;
    case 'i': *options |= ONIG_OPTION_IGNORECASE; return true;
    case 'x': *options |= ONIG_OPTION_EXTEND; return true;
    case 'm': *options |= ONIG_OPTION_MULTILINE; return true;
    case 's': *options |= ONIG_OPTION_SINGLELINE; return true;
    case 'p': *options |= ONIG_OPTION_MULTILINE | ONIG_OPTION_SINGLELINE; return true;
    case 'l': *options |= ONIG_OPTION_FIND_LONGEST; return true;
    case 'n': *options |= ONIG_OPTION_FIND_NOT_EMPTY; return true;
    default: return false;
    }
}

/* Of flags, text or null.  An invalid value says what is wrong. */
static jv
read_flags(jv flags, OnigOptionType *options, bool *global)
{
    if (jv_get_kind(flags) == JV_KIND_NULL)
        return jv_true();
    if (jv_get_kind(flags) != JV_KIND_STRING)
        return jqfunc_refuse(jv_copy(flags), "is not a string");
    for (int i = 0, n = jv_string_length_bytes(jv_copy(flags)); i < n; i++)
        if (!read_flag(jv_string_value(flags)[i], options, global))
            return jv_invalid_with_msg(jv_string_concat(jv_copy(flags), jv_string(" is not a valid modifier string")));
    return jv_true();
}

/* args: regex, flags, text; borrowed.  each: empty matches are left out of a global search as told above. */
static jv
search_init(struct jqregex *re, const jv *args, bool each, struct search *s)
{
    OnigOptionType options = ONIG_OPTION_CAPTURE_GROUP;
    int n;
    jv good;

    *s = (struct search){ .text = args[2], .last = -1 };
    if (jv_get_kind(args[2]) != JV_KIND_STRING)
        return jqfunc_refuse(jv_copy(args[2]), "cannot be matched, as it is not a string");
    if (jv_get_kind(args[0]) != JV_KIND_STRING)
        return jqfunc_refuse(jv_copy(args[0]), "is not a string");
    good = read_flags(args[1], &options, &s->global);
    if (!jv_is_valid(good))
        return good;
    n = jv_string_length_bytes(jv_copy(s->text));
    s->ascii = jv_string_length_codepoints(jv_copy(s->text)) == n;
    if (each && s->global && !s->ascii)
        options |= ONIG_OPTION_FIND_NOT_EMPTY;
    s->from = s->at = (const UChar *)jv_string_value(s->text);
    s->to = s->from + n;
    return find(re, args[0], options, &s->re);
}

/* The next match: true; false after the last; an invalid value when the search failed. */
static jv
search_next(struct jqregex *re, struct search *s)
{
    int rc;

    do {
        if (s->at > s->to || (s->last >= 0 && (!s->global || s->at == s->to)))
            return jv_false();
        rc = onig_search_with_param(s->re->reg, s->from, s->to, s->at, s->to, re->region, ONIG_OPTION_NONE, re->limits);
        if (rc == ONIG_MISMATCH)
            return jv_false();
        if (rc < 0)
            return failure(rc, NULL);
        if (jqvm_over(re->vm))
            return jv_invalid_with_msg(jv_string("there is no time for another search"));
        s->begin = re->region->beg[0];
        s->end = re->region->end[0];
        s->empty = s->begin == s->end;
        s->at = s->empty ? s->at + 1 : s->from + s->end;
    } while (s->begin <= s->last);     /* an empty match that was there before */
    s->last = s->begin;
    return jv_true();
}

/* --- what is given -------------------------------------------------------------------------- */

static jv
release(jv *args, jv out)
{
    for (int i = 0; i < 3; i++)
        jv_free(args[i]);
    return out;
}

jv
jqregex_test(struct jqregex *re, jv *args)
{
    struct search s;
    jv good = search_init(re, args, false, &s);

    return release(args, jv_is_valid(good) ? search_next(re, &s) : good);
}

jv
jqregex_tests(struct jqregex *re, jv *args)
{
    jv apart[3] = { args[0], jv_null(), args[1] };
    int n = jv_get_kind(args[0]) == JV_KIND_ARRAY ? jv_array_length(jv_copy(args[0])) : 0;

    if (n > 0) {
        apart[0] = jv_array_get(jv_copy(args[0]), 0);
        apart[1] = n > 1 ? jv_array_get(jv_copy(args[0]), 1) : jv_null();
        jv_free(args[0]);
    } else if (jv_get_kind(args[0]) != JV_KIND_STRING) {
        return release(apart, jv_invalid_with_msg(jv_string_fmt("%s not a string or array",
                                                                jv_kind_name(jv_get_kind(args[0])))));
    }
    return jqregex_test(re, apart);
}

/* Characters before a place.  Places mostly come in order, so what was counted is kept. */
static int
characters(struct search *s, int bytes)
{
    if (s->ascii)
        return bytes;
    if (bytes < s->counted_bytes)
        s->counted_bytes = s->counted = 0;
    for (; s->counted_bytes < bytes; s->counted_bytes++)
        if ((s->from[s->counted_bytes] & 0xc0) != 0x80)
            s->counted++;
    return s->counted;
}

static jv
piece(const struct search *s, int begin, int end)
{
    return end > begin ? jv_string_sized((const char *)s->from + begin, end - begin) : jv_string("");
}

static jv
put(jv o, const char *name, jv value)
{
    return jv_object_set(o, jv_string(name), value);
}

static jv
group_text(const struct search *s, const OnigRegion *r, int i)
{
    return r->beg[i] == ONIG_REGION_NOTPOS ? jv_null() : piece(s, r->beg[i], r->end[i]);
}

static jv
capture(struct search *s, const OnigRegion *r, int i)
{
    int begin = r->beg[i] == ONIG_REGION_NOTPOS ? -1 : characters(s, r->beg[i]);
    jv name = i <= s->re->n_groups ? jv_copy(s->re->names[i - 1]) : jv_null();
    jv o = put(jv_object(), "offset", jv_number(begin));

    if (r->beg[i] == r->end[i]) {
        o = put(o, "string", group_text(s, r, i));
        return put(put(o, "length", jv_number(0)), "name", name);
    }
    o = put(o, "length", jv_number(characters(s, r->end[i]) - begin));
    return put(put(o, "string", group_text(s, r, i)), "name", name);
}

static jv
describe(struct search *s, const OnigRegion *r)
{
    int begin = characters(s, s->begin);
    jv captures = jv_array(), o;

    for (int i = 1; !s->empty && i < r->num_regs; i++)
        captures = jv_array_append(captures, capture(s, r, i));
    o = put(jv_object(), "offset", jv_number(begin));
    o = put(o, "length", jv_number(characters(s, s->end) - begin));
    o = put(o, "string", piece(s, s->begin, s->end));
    return put(o, "captures", captures);
}

static jv
named_groups(const struct search *s, const OnigRegion *r)
{
    jv o = jv_object();

    for (int i = 1; !s->empty && i < r->num_regs && i <= s->re->n_groups; i++)
        if (jv_get_kind(s->re->names[i - 1]) == JV_KIND_STRING)
            o = jv_object_set(o, jv_copy(s->re->names[i - 1]), group_text(s, r, i));
    return o;
}

/* What both functions below share: go through the matches. */
static jv
collect(struct jqregex *re, struct search *s, jv (*add)(jv out, struct search *, const OnigRegion *))
{
    jv out = jv_array(), more = search_next(re, s);

    for (int n = 0; jv_is_valid(more) && jv_get_kind(more) == JV_KIND_TRUE; n++) {
        if (n == MAX_MATCHES) {
            more = jv_invalid_with_msg(jv_string_fmt("a regex is limited to %d matches", MAX_MATCHES));
            break;
        }
        out = add(out, s, re->region);
        more = search_next(re, s);
    }
    if (jv_is_valid(more))
        return out;
    jv_free(out);
    return more;
}

static jv
add_match(jv out, struct search *s, const OnigRegion *r)
{
    return jv_array_append(out, describe(s, r));
}

jv
jqregex_match(struct jqregex *re, jv *args)
{
    struct search s;
    jv good = search_init(re, args, true, &s);

    return release(args, jv_is_valid(good) ? collect(re, &s, add_match) : good);
}

static jv
add_named(jv out, struct search *s, const OnigRegion *r)
{
    return jv_array_append(out, named_groups(s, r));
}

jv
jqregex_named(struct jqregex *re, jv *args)
{
    struct search s;
    jv good = search_init(re, args, true, &s);

    return release(args, jv_is_valid(good) ? collect(re, &s, add_named) : good);
}

/* begin of a part is where the last match ended: kept in counted, which parts do not need. */
static jv
add_parts(jv out, struct search *s, const OnigRegion *r)
{
    out = jv_array_append(jv_array_append(out, piece(s, s->counted_bytes, s->begin)), named_groups(s, r));
    s->counted_bytes = s->end;
    return out;
}

jv
jqregex_parts(struct jqregex *re, jv *args)
{
    struct search s;
    jv out = search_init(re, args, true, &s);

    if (jv_is_valid(out))
        out = collect(re, &s, add_parts);
    if (!jv_is_valid(out))
        return release(args, out);
    if (jv_array_length(jv_copy(out)) > 0)
        return release(args, jv_array_append(out, piece(&s, s.counted_bytes, (int)(s.to - s.from))));
    jv_free(out);
    return release(args, jv_null());
}
