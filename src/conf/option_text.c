/* SPDX-License-Identifier: Apache-2.0 */
/*
 * option_text.c - options in words: what is expected, what was found instead.
 *
 * What stands in the place of a secret is never shown, whatever it is: it may
 * be the secret itself, written where a reference belongs.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "conf/option.h"
#include "conf/report.h"

/* --- sizes ----------------------------------------------------------------------- */

static const struct {
    const char *unit;
    int64_t bytes;
} size_units[] = {
    { "TiB", 1099511627776 }, { "TB", 1000000000000 }, { "GiB", 1073741824 }, { "GB", 1000000000 }, { "MiB", 1048576 },
    { "MB", 1000000 },        { "KiB", 1024 },         { "kB", 1000 },        { "B", 1 },
};

bool
size_parse(const char *s, int64_t *bytes_out)
{
    char *end;
    double v;
    size_t n = strspn(s, "0123456789.");

    if (!isdigit((unsigned char)*s) || n > 15)
        return false;
    v = strtod(s, &end);
    if (end != s + n) /* strtod() knows 0x10 and 1e9, too */
        return false;
    if (*end == '\0') {
        *bytes_out = (int64_t)v;
        return v <= 9e15;
    }
    while (*end == ' ')
        end++;
    for (size_t i = 0; i < sizeof size_units / sizeof size_units[0]; i++)
        if (strcasecmp(end, size_units[i].unit) == 0 && v * (double)size_units[i].bytes <= 9e15) {
            *bytes_out = (int64_t)(v * (double)size_units[i].bytes);
            return true;
        }
    return false;
}

char *
size_format(int64_t bytes, char out[SIZE_TEXT])
{
    for (size_t i = 0; i < sizeof size_units / sizeof size_units[0]; i++)
        if (bytes >= size_units[i].bytes && bytes % size_units[i].bytes == 0) {
            snprintf(out, SIZE_TEXT, "%" PRId64 "%s", bytes / size_units[i].bytes, size_units[i].unit);
            return out;
        }
    snprintf(out, SIZE_TEXT, "%" PRId64 "B", bytes);
    return out;
}

/* --- what is expected ------------------------------------------------------------------- */

static const char *const type_names[] = {
    [OPTION_TEXT] = "text",     [OPTION_PATH] = "path",         [OPTION_FILE] = "file",
    [OPTION_SECRET] = "secret", [OPTION_SECRETS] = "secrets",   [OPTION_INT] = "number",
    [OPTION_BOOL] = "bool",     [OPTION_DURATION] = "duration", [OPTION_SIZE] = "size",
    [OPTION_LIST] = "list",     [OPTION_ENUM] = "text",         [OPTION_MAP] = "map",
    [OPTION_GROUP] = "group",   [OPTION_SPECIAL] = "special",   [OPTION_BLOCK] = "block",
};

const char *
option_type_name(const struct option *o)
{
    return type_names[o->type];
}

/* "us|eu|au" as "'us', 'eu' or 'au'" */
static const char *
choices_text(const char *choices, struct arena *a)
{
    struct buf b;
    char *out;

    buf_init(&b, 1024);
    for (const char *p = choices; *p != '\0';) {
        size_t n = strcspn(p, "|");
        bool last = p[n] == '\0';

        if (p != choices)
            buf_add(&b, last ? " or " : ", ");
        buf_addf(&b, "'%.*s'", (int)n, p);
        p += last ? n : n + 1;
    }
    out = buf_take(&b);
    choices = arena_strdup(a, out);
    free(out);
    return choices;
}

static const char *
range_text(const struct option *o, struct arena *a)
{
    char lo[DURATION_TEXT], hi[DURATION_TEXT];

    if (o->max == INT64_MAX) /* an integration says no range */
        return "";
    if (o->type == OPTION_DURATION)
        return arena_printf(a, ", from %s to %s", duration_format(o->min, lo), duration_format(o->max, hi));
    if (o->type == OPTION_SIZE)
        return arena_printf(a, ", from %s to %s", size_format(o->min, lo), size_format(o->max, hi));
    return arena_printf(a, " from %" PRId64 " to %" PRId64, o->min, o->max);
}

const char *
option_expected(const struct option *o, struct arena *a)
{
    switch (o->type) {
    case OPTION_TEXT:
    case OPTION_ENUM:
        return o->choices != NULL ? choices_text(o->choices, a) : "text in quotes";
    case OPTION_PATH:
    case OPTION_FILE:
        return "the path of a file, in quotes";
    case OPTION_SECRET:
        return "a reference such as \"env:NAME\", \"file:/path\" or \"cred:NAME\"";
    case OPTION_SECRETS:
        return "a reference such as \"env:NAME\", \"file:/path\" or \"cred:NAME\", or a list of them";
    case OPTION_INT:
        return arena_printf(a, "a whole number%s", range_text(o, a));
    case OPTION_BOOL:
        return "true or false";
    case OPTION_DURATION:
        return arena_printf(a, "a duration with a unit, such as \"30s\" or \"5m\"%s", range_text(o, a));
    case OPTION_SIZE:
        return arena_printf(a, "a size with a unit, such as \"64KiB\" or \"1MiB\"%s", range_text(o, a));
    case OPTION_LIST:
        return "a list of texts, such as [ \"a\", \"b\" ]";
    case OPTION_MAP:
        return "a group of texts, such as { a = \"b\"; }";
    case OPTION_GROUP:
        return "a group, such as { ... }";
    case OPTION_SPECIAL:
    case OPTION_BLOCK:
        break;
    }
    return o->choices;
}

/* --- what was found ----------------------------------------------------------------------- */

static const char *
kind_of(const config_setting_t *set)
{
    switch (config_setting_type(set)) {
    case CONFIG_TYPE_STRING:
        return "text";
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
    case CONFIG_TYPE_FLOAT:
        return "a number";
    case CONFIG_TYPE_BOOL:
        return "true or false";
    case CONFIG_TYPE_GROUP:
        return "a group";
    default:
        return config_setting_length(set) == 0 ? "an empty list" : "a list";
    }
}

static const char *
found_text(const struct option *o, const config_setting_t *set, struct arena *a)
{
    if (o->type == OPTION_SECRET || o->type == OPTION_SECRETS)
        return kind_of(set);
    switch (config_setting_type(set)) {
    case CONFIG_TYPE_STRING:
        return arena_printf(a, "'%s'",
                            text_clean(a, config_setting_get_string(set), strlen(config_setting_get_string(set)), 80));
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        return arena_printf(a, "%lld", config_setting_get_int64(set));
    case CONFIG_TYPE_FLOAT:
        return arena_printf(a, "%g", config_setting_get_float(set));
    case CONFIG_TYPE_BOOL:
        return config_setting_get_bool(set) ? "true" : "false";
    default:
        return kind_of(set);
    }
}

void
option_refuse(struct reading *r, const struct option *o, const config_setting_t *set, const char *ctx, const char *more)
{
    reading_mistake(r, set, "'%s' of %s: found %s, expected %s%s", o->name, ctx, found_text(o, set, r->arena),
                    option_expected(o, r->arena), more);
}
