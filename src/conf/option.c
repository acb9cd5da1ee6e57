/* SPDX-License-Identifier: Apache-2.0 */
/*
 * option.c - from libconfig's values, or the default's text, to members of C structs.
 *
 * One function per type takes what is written; the default goes through
 * store_text(), which takes the same text that a person would write.
 */
#include "conf/option.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "conf/report.h"
#include "os/file.h"

/* --- positions ---------------------------------------------------------------------- */

const char *
reading_path(const struct reading *r, const char *path)
{
    if (path[0] == '/' || strcmp(r->dir, ".") == 0)
        return path;
    return arena_printf(r->arena, "%s/%s", r->dir, path);
}

struct conf_pos
reading_pos(const struct reading *r, const config_setting_t *set)
{
    const char *file = set != NULL ? config_setting_source_file(set) : NULL;

    if (file == NULL)
        return (struct conf_pos){ r->source, 0 };
    /* libconfig gives an included file as it was written, which is relative to the folder */
    file = strcmp(file, r->source) == 0 ? r->source : arena_strdup(r->arena, reading_path(r, file));
    return (struct conf_pos){ file, (unsigned)config_setting_source_line(set) };
}

void
reading_mistake(struct reading *r, const config_setting_t *set, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    conf_report_vadd(r->report, reading_pos(r, set), fmt, ap);
    va_end(ap);
}

/* --- members ---------------------------------------------------------------------------- */

static void
put_text(const struct option *o, void *base, const char *value)
{
    memcpy((char *)base + o->offset, &value, sizeof value);
}

static void
put_list(const struct option *o, void *base, const void *items, size_t n)
{
    memcpy((char *)base + o->offset, &items, sizeof items);
    memcpy((char *)base + o->n_offset, &n, sizeof n);
}

static void
put_int(const struct option *o, void *base, int64_t value)
{
    void *at = (char *)base + o->offset;

    value /= o->unit;
    switch (o->width) {
    case 1:
        *(bool *)at = value != 0;
        break;
    case 2:
        *(uint16_t *)at = (uint16_t)value;
        break;
    case 4:
        *(uint32_t *)at = (uint32_t)value;
        break;
    default:
        *(int64_t *)at = value;
    }
}

/* --- one value from text ------------------------------------------------------------------ */

static bool
choice_index(const char *choices, const char *word, int64_t *out)
{
    int64_t i = 0;

    for (const char *p = choices; *p != '\0'; i++) {
        size_t n = strcspn(p, "|");

        if (strlen(word) == n && strncmp(p, word, n) == 0) {
            *out = i;
            return true;
        }
        p += p[n] == '|' ? n + 1 : n;
    }
    return false;
}

static bool
parse_number(const struct option *o, const char *text, int64_t *out)
{
    char *end;
    bool ok;

    switch (o->type) {
    case OPTION_DURATION:
        ok = duration_parse(text, out);
        break;
    case OPTION_SIZE:
        ok = size_parse(text, out);
        break;
    case OPTION_ENUM:
        ok = choice_index(o->choices, text, out);
        *out += ok ? o->min : 0;
        return ok;
    case OPTION_BOOL:
        *out = strcmp(text, "true") == 0;
        return *out || strcmp(text, "false") == 0;
    default:
        *out = strtoll(text, &end, 10);
        ok = end != text && *end == '\0';
    }
    return ok && *out >= o->min && *out <= o->max;
}

/* "a,b" to a list; only defaults are written so. */
static void
put_default_list(struct reading *r, const struct option *o, const char *text, void *base)
{
    const char **items = arena_zalloc(r->arena, (strlen(text) / 2 + 1) * sizeof *items);
    size_t n = 0;

    for (const char *p = text; *p != '\0';) {
        size_t len = strcspn(p, ",");

        if (len > 0)
            items[n++] = arena_strndup(r->arena, p, len);
        p += p[len] == ',' ? len + 1 : len;
    }
    put_list(o, base, items, n);
}

static bool
put_secret(struct reading *r, const struct option *o, const config_setting_t *at, const char *ref, const char *ctx,
           const char **out)
{
    struct tocsin_err err;

    if (strncmp(ref, "file:", 5) == 0 && ref[5] != '\0')
        ref = arena_printf(r->arena, "file:%s", reading_path(r, ref + 5));
    if (conf_secret(ref, r->arena, out, &err) == TOCSIN_OK)
        return true;
    reading_mistake(r, at, "'%s' of %s: %s", o->name, ctx, err.what);
    return false;
}

static bool
put_file(struct reading *r, const struct option *o, const config_setting_t *at, const char *path, const char *ctx,
         void *base)
{
    struct tocsin_err err;
    char *text;
    size_t n;

    path = arena_strdup(r->arena, reading_path(r, path));
    if (o->type == OPTION_FILE) {
        if (file_read(path, 8 << 20, &text, &n, &err) != TOCSIN_OK) {
            reading_mistake(r, at, "'%s' of %s: %s", o->name, ctx, err.what);
            return false;
        }
        explicit_bzero(text, n); /* it may be a key */
        free(text);
    }
    put_text(o, base, path);
    return true;
}

/* The default, in the text form of the table. */
static bool
put_default(struct reading *r, const struct option *o, const config_setting_t *group, const char *ctx, void *base)
{
    const char *secret;
    int64_t v;

    switch (o->type) {
    case OPTION_TEXT:
        put_text(o, base, o->def);
        return true;
    case OPTION_PATH:
    case OPTION_FILE:
        if (o->def[0] != '\0')
            return put_file(r, o, group, o->def, ctx, base);
        put_text(o, base, "");
        return true;
    case OPTION_SECRET:
        if (!put_secret(r, o, group, o->def, ctx, &secret))
            return false;
        put_text(o, base, secret);
        return true;
    case OPTION_LIST:
        put_default_list(r, o, o->def, base);
        return true;
    case OPTION_INT:
    case OPTION_BOOL:
    case OPTION_DURATION:
    case OPTION_SIZE:
    case OPTION_ENUM:
        if (parse_number(o, o->def, &v)) {
            put_int(o, base, v);
            return true;
        }
        break;
    default:
        break;
    }
    reading_mistake(r, group, "'%s' of %s: its default '%s' cannot be used; write the option", o->name, ctx, o->def);
    return false;
}

/* --- one value as written -------------------------------------------------------------------- */

static const char *
choice_hint(const struct option *o, const char *word, struct arena *a)
{
    const char *names[32];
    char hint[HINT_TEXT];
    size_t n = 0;

    for (const char *p = o->choices; *p != '\0' && n < 32;) {
        size_t len = strcspn(p, "|");

        names[n++] = arena_strndup(a, p, len);
        p += p[len] == '|' ? len + 1 : len;
    }
    return arena_strdup(a, hint_text(nearest_name(word, names, n), hint));
}

static bool
read_text(struct reading *r, const struct option *o, const config_setting_t *set, const char *ctx, void *base)
{
    const char *text = config_setting_get_string(set);
    int64_t i;

    if (text == NULL) {
        option_refuse(r, o, set, ctx, "");
        return false;
    }
    if (o->choices != NULL && !choice_index(o->choices, text, &i)) {
        option_refuse(r, o, set, ctx, choice_hint(o, text, r->arena));
        return false;
    }
    if (text[0] == '\0' && o->def != NULL && strcmp(o->def, OPTION_REQUIRED) == 0) {
        reading_mistake(r, set, "'%s' of %s is empty", o->name, ctx);
        return false;
    }
    if ((o->type == OPTION_PATH || o->type == OPTION_FILE) && text[0] != '\0')
        return put_file(r, o, set, text, ctx, base);
    put_text(o, base, arena_strdup(r->arena, text));
    return true;
}

static bool
read_number(struct reading *r, const struct option *o, const config_setting_t *set, const char *ctx, void *base)
{
    int type = config_setting_type(set);
    int64_t v = 0;
    bool ok, integer = type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;

    if (integer && o->type == OPTION_INT) {
        v = config_setting_get_int64(set);
        ok = v >= o->min && v <= o->max;
    } else if (integer && (o->type == OPTION_DURATION || o->type == OPTION_SIZE)) {
        /* nothing says seconds or milliseconds; nought is nought in any unit */
        ok = config_setting_get_int64(set) == 0 && o->min <= 0;
    } else if (type == CONFIG_TYPE_BOOL) {
        v = config_setting_get_bool(set);
        ok = o->type == OPTION_BOOL;
    } else {
        ok = type == CONFIG_TYPE_STRING && o->type != OPTION_INT && o->type != OPTION_BOOL &&
             parse_number(o, config_setting_get_string(set), &v);
    }
    if (ok)
        put_int(o, base, v);
    else if (o->type == OPTION_ENUM && type == CONFIG_TYPE_STRING)
        option_refuse(r, o, set, ctx, choice_hint(o, config_setting_get_string(set), r->arena));
    else
        option_refuse(r, o, set, ctx, "");
    return ok;
}

static bool
is_list(const config_setting_t *set)
{
    return config_setting_is_array(set) || config_setting_is_list(set);
}

static bool
read_list(struct reading *r, const struct option *o, const config_setting_t *set, const char *ctx, void *base)
{
    bool one = config_setting_type(set) == CONFIG_TYPE_STRING, ok = true;
    size_t n = one ? 1 : is_list(set) ? (size_t)config_setting_length(set) : 0;
    const char **items = arena_zalloc(r->arena, (n + 1) * sizeof *items);

    if (!one && !is_list(set)) {
        option_refuse(r, o, set, ctx, "");
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const config_setting_t *at = one ? set : config_setting_get_elem(set, (unsigned)i);
        const char *text = config_setting_get_string(at);

        if (text == NULL || (text[0] == '\0' && o->type == OPTION_LIST)) {
            reading_mistake(r, at, "'%s' of %s: item %zu is %s, expected %s", o->name, ctx, i + 1,
                            text == NULL ? "not text" : "empty", option_expected(o, r->arena));
            ok = false;
        } else if (o->type == OPTION_SECRETS) {
            ok = put_secret(r, o, at, text, ctx, &items[i]) && ok;
        } else {
            items[i] = arena_strdup(r->arena, text);
        }
    }
    if (n == 0 && o->type == OPTION_SECRETS) {
        option_refuse(r, o, set, ctx, "");
        return false;
    }
    if (ok)
        put_list(o, base, items, n);
    return ok;
}

static bool
read_map(struct reading *r, const struct option *o, const config_setting_t *set, const char *ctx, void *base)
{
    size_t n = config_setting_is_group(set) ? (size_t)config_setting_length(set) : 0;
    struct tocsin_pair *pairs = arena_zalloc(r->arena, (n + 1) * sizeof *pairs);

    if (!config_setting_is_group(set)) {
        option_refuse(r, o, set, ctx, "");
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const config_setting_t *at = config_setting_get_elem(set, (unsigned)i);
        const char *text = config_setting_get_string(at);

        if (text == NULL) {
            reading_mistake(r, at, "'%s.%s' of %s is not text, expected text in quotes", o->name,
                            config_setting_name(at), ctx);
            return false;
        }
        pairs[i].name = arena_strdup(r->arena, config_setting_name(at));
        pairs[i].value = arena_strdup(r->arena, text);
    }
    put_list(o, base, pairs, n);
    return true;
}

static bool
read_group(struct reading *r, const struct option *o, const config_setting_t *set, const char *ctx, void *base)
{
    struct option_names names = { .n = 0 };
    const char *inner = arena_printf(r->arena, "%s.%s", ctx, o->name);

    if (set != NULL && !config_setting_is_group(set)) {
        option_refuse(r, o, set, ctx, "");
        set = NULL;
    }
    option_read_table(r, set, o->group, inner, base);
    if (set != NULL) {
        option_names_add(&names, o->group);
        option_check_names(r, set, inner, &names);
    }
    return set != NULL;
}

static bool
read_secret(struct reading *r, const struct option *o, const config_setting_t *set, const char *ctx, void *base)
{
    const char *ref = config_setting_get_string(set), *secret;

    if (ref == NULL) {
        option_refuse(r, o, set, ctx, "");
        return false;
    }
    if (!put_secret(r, o, set, ref, ctx, &secret))
        return false;
    put_text(o, base, secret);
    return true;
}

static bool
read_written(struct reading *r, const struct option *o, const config_setting_t *set, const char *ctx, void *base)
{
    switch (o->type) {
    case OPTION_TEXT:
    case OPTION_PATH:
    case OPTION_FILE:
        return read_text(r, o, set, ctx, base);
    case OPTION_SECRET:
        return read_secret(r, o, set, ctx, base);
    case OPTION_LIST:
    case OPTION_SECRETS:
        return read_list(r, o, set, ctx, base);
    case OPTION_MAP:
        return read_map(r, o, set, ctx, base);
    default:
        return read_number(r, o, set, ctx, base);
    }
}

bool
option_read(struct reading *r, const config_setting_t *group, const struct option *o, const char *ctx, void *base)
{
    const config_setting_t *set = group != NULL ? config_setting_get_member(group, o->name) : NULL;

    if (o->type == OPTION_BLOCK)
        return false;
    if (o->type == OPTION_GROUP)
        return read_group(r, o, set, ctx, base);
    if (set == NULL && o->def != NULL && strcmp(o->def, OPTION_REQUIRED) == 0) {
        reading_mistake(r, group, "'%s' of %s is missing, expected %s: %s", o->name, ctx, option_expected(o, r->arena),
                        o->help);
        return false;
    }
    if (o->type == OPTION_SPECIAL) {
        o->read(r, o, set, ctx, base);
        return set != NULL;
    }
    if (set != NULL)
        return read_written(r, o, set, ctx, base);
    return o->def != NULL && put_default(r, o, group, ctx, base);
}

void
option_read_table(struct reading *r, const config_setting_t *group, const struct option *table, const char *ctx,
                  void *base)
{
    for (; table->name != NULL; table++)
        option_read(r, group, table, ctx, base);
}
