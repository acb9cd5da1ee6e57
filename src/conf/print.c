/* SPDX-License-Identifier: Apache-2.0 */
/*
 * print.c - `tocsin options`: the tables, for people and for programs.
 *
 * Both forms are made from one JSON document, so that they say the same.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "conf/load.h"
#include "plugin/loader.h"

/* --- the document --------------------------------------------------------------------- */

static void
set_text(json_t *doc, const char *key, const char *value)
{
    if (value != NULL)
        json_object_set_new(doc, key, json_string(value));
}

static json_t *
choices_json(const char *choices)
{
    json_t *out = json_array();

    for (const char *p = choices; *p != '\0';) {
        size_t n = strcspn(p, "|");

        json_array_append_new(out, json_stringn(p, n));
        p += p[n] == '|' ? n + 1 : n;
    }
    return out;
}

static void
set_range(json_t *doc, const struct option *o)
{
    char lo[DURATION_TEXT], hi[DURATION_TEXT], small[SIZE_TEXT], large[SIZE_TEXT];

    if (o->type == OPTION_DURATION && o->max != INT64_MAX) {
        set_text(doc, "min", duration_format(o->min, lo));
        set_text(doc, "max", duration_format(o->max, hi));
    } else if (o->type == OPTION_SIZE) {
        set_text(doc, "min", size_format(o->min, small));
        set_text(doc, "max", size_format(o->max, large));
    } else if (o->type == OPTION_INT && o->max != INT64_MAX) {
        json_object_set_new(doc, "min", json_integer(o->min));
        json_object_set_new(doc, "max", json_integer(o->max));
    }
}

static json_t *
option_json(const struct option *o, const char *prefix)
{
    bool required = o->def != NULL && strcmp(o->def, OPTION_REQUIRED) == 0;
    bool words = o->type == OPTION_SPECIAL || o->type == OPTION_BLOCK;
    json_t *doc = json_object();

    json_object_set_new(doc, "name", json_sprintf("%s%s", prefix, o->name));
    if (!words)
        set_text(doc, "type", option_type_name(o));
    else
        set_text(doc, "type", o->choices);
    json_object_set_new(doc, "required", json_boolean(required));
    if (!required)
        set_text(doc, "default", o->def);
    if (o->choices != NULL && !words)
        json_object_set_new(doc, "choices", choices_json(o->choices));
    set_range(doc, o);
    set_text(doc, "help", o->help);
    return doc;
}

static void
add_table(json_t *out, const struct option *table, const char *prefix)
{
    for (; table->name != NULL; table++) {
        char inner[64];

        json_array_append_new(out, option_json(table, prefix));
        if (table->type == OPTION_GROUP) {
            snprintf(inner, sizeof inner, "%s%s.", prefix, table->name);
            add_table(out, table->group, inner);
        }
    }
}

static json_t *
plugin_table_json(const struct tocsin_option *table)
{
    json_t *out = json_array();

    for (; table != NULL && table->name != NULL; table++) {
        struct option o = option_of_plugin(table);

        json_array_append_new(out, option_json(&o, ""));
    }
    return out;
}

static json_t *
integration_json(const char *plugin_dir, const char *name)
{
    struct plugin *plugin = NULL;
    json_t *doc = json_object();
    struct tocsin_err err;

    set_text(doc, "name", name);
    if (plugin_load(plugin_dir, name, &plugin, &err) != TOCSIN_OK) {
        set_text(doc, "error", err.what);
        return doc;
    }
    set_text(doc, "summary", plugin->api.summary);
    if (plugin->api.decode != NULL || plugin->api.intake != NULL)
        json_object_set_new(doc, "collector", plugin_table_json(plugin->api.collector_options));
    if (plugin->api.render != NULL)
        json_object_set_new(doc, "notifier", plugin_table_json(plugin->api.notifier_options));
    return doc;
}

static json_t *
document(const char *plugin_dir)
{
    json_t *blocks = json_array(), *integrations = json_array();
    size_t n = 0;
    char **names = plugin_names(plugin_dir, &n);

    for (const struct option_block *b = option_blocks; b->name != NULL; b++) {
        json_t *options = json_array();

        add_table(options, b->table, "");
        json_array_append_new(blocks,
                              json_pack("{s:s, s:s, s:o}", "name", b->name, "summary", b->summary, "options", options));
    }
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(integrations, integration_json(plugin_dir, names[i]));
        free(names[i]);
    }
    free(names);
    return json_pack("{s:o, s:o}", "blocks", blocks, "integrations", integrations);
}

/* --- for people ----------------------------------------------------------------------------- */

static const char *
text_of(const json_t *doc, const char *key)
{
    const char *s = json_string_value(json_object_get(doc, key));

    return s != NULL ? s : "";
}

/* The third column: what happens without it, and what may be written. */
static const char *
default_text(const json_t *o, struct arena *a)
{
    const json_t *def = json_object_get(o, "default");

    if (json_is_true(json_object_get(o, "required")))
        return "required";
    if (def == NULL)
        return "-";
    return arena_printf(a, "%s", json_string_value(def)[0] != '\0' ? json_string_value(def) : "\"\"");
}

static const char *
limits_text(const json_t *o, struct arena *a)
{
    const json_t *choices = json_object_get(o, "choices"), *lo = json_object_get(o, "min");
    const char *out = "";
    size_t i;
    json_t *c;

    json_array_foreach((json_t *)(uintptr_t)choices, i, c) out =
        arena_printf(a, "%s%s%s", out, i > 0 ? ", " : "", json_string_value(c));
    if (choices != NULL)
        return arena_printf(a, " (%s)", out);
    if (json_is_integer(lo))
        return arena_printf(a, " (%" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT ")", json_integer_value(lo),
                            json_integer_value(json_object_get(o, "max")));
    if (lo != NULL)
        return arena_printf(a, " (%s to %s)", text_of(o, "min"), text_of(o, "max"));
    return "";
}

static void
print_table(const json_t *options, struct arena *a)
{
    size_t i;
    json_t *o;

    json_array_foreach((json_t *)(uintptr_t)options, i, o)
    {
        const char *type = text_of(o, "type");

        /* what a special option takes is a phrase: it goes with the help */
        bool phrase = strchr(type, ' ') != NULL;

        printf("  %-18s %-9s %-26s %s%s%s%s\n", text_of(o, "name"), phrase ? "..." : type, default_text(o, a),
               text_of(o, "help"), limits_text(o, a), phrase ? "; " : "", phrase ? type : "");
    }
}

static void
print_people(const json_t *doc)
{
    struct arena *a = arena_new();
    size_t i;
    json_t *block;

    json_array_foreach(json_object_get(doc, "blocks"), i, block)
    {
        printf("%s%s: %s\n", i > 0 ? "\n" : "", text_of(block, "name"), text_of(block, "summary"));
        print_table(json_object_get(block, "options"), a);
    }
    json_array_foreach(json_object_get(doc, "integrations"), i, block)
    {
        const json_t *in = json_object_get(block, "collector"), *out = json_object_get(block, "notifier");

        if (json_object_get(block, "error") != NULL)
            printf("\nintegration %s: %s\n", text_of(block, "name"), text_of(block, "error"));
        else
            printf("\nintegration %s: %s\n", text_of(block, "name"), text_of(block, "summary"));
        if (in != NULL) {
            printf(" as format of a collector%s\n", json_array_size(in) == 0 ? ": no options of its own" : "");
            print_table(in, a);
        }
        if (out != NULL) {
            printf(" as plugin of a notifier%s\n", json_array_size(out) == 0 ? ": no options of its own" : "");
            print_table(out, a);
        }
    }
    arena_free(a);
}

void
conf_print_options(const char *plugin_dir, bool json)
{
    json_t *doc = document(plugin_dir);

    if (json) {
        json_dumpf(doc, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print_people(doc);
    }
    json_decref(doc);
}
