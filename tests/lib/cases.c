/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins, settings, comparison: what all roles need. */
#include "lib/cases.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "os/file.h"

/* --- plugins ----------------------------------------------------------------------- */

const char *
cases_build_dir(void)
{
    static char path[4096];
    ssize_t n;

    if (path[0] != '\0')
        return path;
    n = readlink("/proc/self/exe", path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    for (int up = 0; up < 3; up++) {         /* <build>/tests/<kind>/<program> */
        char *slash = strrchr(path, '/');

        if (slash != NULL)
            *slash = '\0';
    }
    return path;
}

const char *
cases_own_mapping(const char *format, char path[4600])
{
    snprintf(path, 4600, "%s/plugins/%s.jq", cases_build_dir(), format);
    return access(path, R_OK) == 0 ? path : NULL;
}

const struct tocsin_plugin *
cases_plugin(const char *name)
{
    char path[4600];
    void *so;

    if (cases_own_mapping(name, path) != NULL)
        name = "json";
    snprintf(path, sizeof path, "%s/plugins/%s.so", cases_build_dir(), name);
    so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (so == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return NULL;
    }
    return dlsym(so, "tocsin_plugin");
}

/* --- reading a case ------------------------------------------------------------------ */

const char *
cases_text(const json_t *object, const char *name, const char *def)
{
    const json_t *value = json_object_get(object, name);

    return json_is_string(value) ? json_string_value(value) : def;
}

int64_t
cases_time(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_integer(value)  ? json_integer_value(value)
           : json_is_string(value) ? time_parse(json_string_value(value))
                                   : 0;
}

const char *
cases_bytes(struct arena *a, const json_t *value, size_t *len)
{
    char *text, *copy;

    if (json_is_string(value)) {
        *len = json_string_length(value);
        return arena_strndup(a, json_string_value(value), *len);
    }
    text = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    copy = arena_strdup(a, text != NULL ? text : "");
    free(text);
    *len = strlen(copy);
    return copy;
}

/* --- settings -------------------------------------------------------------------------- */

static const char *const *
read_list(struct arena *a, const json_t *value, size_t *n)
{
    const char **list = arena_alloc(a, (json_array_size(value) + 1) * sizeof *list);
    json_t *item;
    size_t i;

    json_array_foreach(value, i, item)
        list[i] = arena_strdup(a, json_string_value(item));
    *n = json_array_size(value);
    return list;
}

static const struct tocsin_pair *
read_map(struct arena *a, const json_t *value, size_t *n)
{
    struct tocsin_pair *map = arena_alloc(a, (json_object_size(value) + 1) * sizeof *map);
    const char *name;
    json_t *item;

    *n = 0;
    json_object_foreach((json_t *)(uintptr_t)value, name, item) {
        map[*n].name = arena_strdup(a, name);
        map[(*n)++].value = arena_strdup(a, json_string_value(item));
    }
    return map;
}

static void
set_value(struct arena *a, struct setting *s, const json_t *value)
{
    const char *text = json_string_value(value);

    s->text = arena_strdup(a, text);
    s->num = json_is_boolean(value) ? json_is_true(value) : json_integer_value(value);
    if (text != NULL && s->type == TOCSIN_OPT_DURATION)
        duration_parse(text, &s->num);
    else if (text != NULL && s->type == TOCSIN_OPT_BOOL)
        s->num = strcmp(text, "true") == 0;
    else if (text != NULL && s->type == TOCSIN_OPT_INT)
        s->num = strtoll(text, NULL, 10);
    if (json_is_array(value))
        s->list = read_list(a, value, &s->n_list);
    if (json_is_object(value))
        s->map = read_map(a, value, &s->n_map);
}

static bool
is_option(const struct tocsin_option *table, const char *name)
{
    for (; table != NULL && table->name != NULL; table++)
        if (strcmp(table->name, name) == 0)
            return true;
    return false;
}

/* The table's options with their defaults or the case's values, then what only the case has (url, proxy, ...). */
static struct tocsin_settings *
settings(struct case_run *run, const struct tocsin_option *table)
{
    const json_t *given = json_object_get(run->doc, "settings");
    struct tocsin_settings *set = arena_zalloc(run->arena, sizeof *set);
    size_t max = json_object_size(given);
    const char *name;
    json_t *value;

    for (const struct tocsin_option *o = table; o != NULL && o->name != NULL; o++)
        max++;
    set->items = arena_zalloc(run->arena, (max + 1) * sizeof *set->items);
    for (const struct tocsin_option *o = table; o != NULL && o->name != NULL; o++) {
        struct setting *s = &set->items[set->n];
        json_t *text;

        s->name = o->name;
        s->type = o->type;
        value = json_object_get(given, o->name);
        if (value == NULL && (o->def == NULL || strcmp(o->def, TOCSIN_REQUIRED) == 0))
            continue;
        text = value != NULL ? json_incref(value) : json_string(o->def);
        set_value(run->arena, s, text);
        json_decref(text);
        set->n++;
    }
    json_object_foreach((json_t *)(uintptr_t)given, name, value) {
        if (!is_option(table, name)) {
            set->items[set->n].name = arena_strdup(run->arena, name);
            set_value(run->arena, &set->items[set->n++], value);
        }
    }
    return set;
}

static bool
compile_mapping(struct case_run *run)
{
    const char *name = cases_text(run->doc, "mapping", NULL), *path, *format = strrchr(run->folder, '/');
    char own[4600];
    struct tocsin_err err = { 0 };
    char *program = NULL;
    size_t n;

    path = name != NULL ? arena_printf(run->arena, "%s/%s", run->folder, name)
                        : cases_own_mapping(format != NULL ? format + 1 : run->folder, own);
    if (path == NULL)
        return true;
    if (file_read(path, 1 << 20, &program, &n, &err) == TOCSIN_OK)
        mapping_compile(path, program, &run->mapping, &err);
    free(program);
    if (run->mapping == NULL)
        buf_addf(&run->diff, "mapping: %s: %s\n", err.where, err.what);
    return run->mapping != NULL;
}

bool
cases_open(struct case_run *run, const struct tocsin_option *table)
{
    struct tocsin_err err = { 0 };

    if (!compile_mapping(run))
        return false;
    if (run->plugin->open == NULL ||
        run->plugin->open(&plugin_host, settings(run, table), &run->self, &err) == TOCSIN_OK)
        return true;
    if (json_object_get(run->doc, "expect_open") != NULL)
        cases_compare(&run->diff, "open", json_object_get(run->doc, "expect_open"), cases_error(&err));
    else
        buf_addf(&run->diff, "open: %s: %s\n", err.where, err.what);
    return false;
}

void
cases_close(struct case_run *run)
{
    if (run->plugin->close != NULL && run->self != NULL)
        run->plugin->close(run->self);
    run->self = NULL;
    mapping_free(run->mapping);
    run->mapping = NULL;
    redact_free(run->redact);
    run->redact = NULL;
}

void
cases_run(struct case_run *run)
{
    const json_t *c = run->doc;

    if (json_object_get(c, "expect_answer") != NULL)
        cases_answer(run);
    else if (json_object_get(c, "expect_request") != NULL || json_object_get(c, "expect_error") != NULL)
        cases_render(run);
    else if (json_object_get(c, "expect_outcome") != NULL)
        cases_classify(run);
    else if (json_object_get(c, "expect_verify") != NULL)
        cases_verify(run);
    else if (json_object_get(c, "expect") != NULL)
        cases_decode(run);
    else
        buf_add(&run->diff, "the case expects nothing: no expect, expect_answer, expect_verify, expect_request or "
                            "expect_outcome\n");
}

/* --- comparison -------------------------------------------------------------------------- */

static void
tell(struct buf *diff, const char *path, const json_t *expected, const json_t *actual)
{
    char *e = expected != NULL ? json_dumps(expected, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    char *a = actual != NULL ? json_dumps(actual, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

    buf_addf(diff, "%s\n    expected %s\n    but got  %s\n", path, e != NULL ? e : "nothing",
             a != NULL ? a : "nothing");
    free(e);
    free(a);
}

static void compare(struct buf *diff, const char *path, const json_t *expected, const json_t *actual);

static void
compare_objects(struct buf *diff, const char *path, const json_t *expected, const json_t *actual)
{
    const char *name;
    json_t *value;
    char inner[512];

    json_object_foreach((json_t *)(uintptr_t)expected, name, value) {
        snprintf(inner, sizeof inner, "%.300s.%.200s", path, name);
        compare(diff, inner, value, json_object_get(actual, name));
    }
    json_object_foreach((json_t *)(uintptr_t)actual, name, value) {
        snprintf(inner, sizeof inner, "%.300s.%.200s", path, name);
        if (json_object_get(expected, name) == NULL)
            tell(diff, inner, NULL, value);
    }
}

static void
compare(struct buf *diff, const char *path, const json_t *expected, const json_t *actual)
{
    size_t n =
        json_array_size(expected) > json_array_size(actual) ? json_array_size(expected) : json_array_size(actual);
    char inner[512];

    if (json_is_object(expected) && json_is_object(actual)) {
        compare_objects(diff, path, expected, actual);
    } else if (json_is_array(expected) && json_is_array(actual)) {
        for (size_t i = 0; i < n; i++) {
            snprintf(inner, sizeof inner, "%.400s[%zu]", path, i);
            compare(diff, inner, json_array_get(expected, i), json_array_get(actual, i));
        }
    } else if (expected == NULL || actual == NULL || !json_equal(expected, actual)) {
        tell(diff, path, expected, actual);
    }
}

void
cases_compare(struct buf *diff, const char *path, const json_t *expected, json_t *actual)
{
    compare(diff, path, expected, actual);
    json_decref(actual);
}

json_t *
cases_error(const struct tocsin_err *err)
{
    return json_pack("{s:{s:i, s:s, s:s}}", "error", "status", rc_http_status(err->rc), "where", err->where, "what",
                     err->what);
}
