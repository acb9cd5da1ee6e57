/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake_routes.c - which collectors serve a path.
 *
 * Paths come raw: a key or an alias may hold an encoded slash, so they are
 * split into segments first and each variable is decoded afterwards.
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "collector/intake.h"
#include "plugin/loader.h"

static const char own[] = "/v1/in/";
static const char anywhere[] = "{*}";

enum { VARIABLE_MAX = 2048 };

static const char *
decoded(struct arena *a, const char *s, size_t n)
{
    char *text = arena_strndup(a, s, n);

    n = text_unescape(text);
    return text_clean(a, text, n, VARIABLE_MAX);
}

/* Segment by segment; {name} takes one that is not empty.  arena NULL: the variables are not wanted. */
static bool
matches(const char *pattern, const char *path, struct arena *a, struct candidate *out)
{
    out->n_path = 0;
    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return path[-1] == '\0' && strcmp(pattern - 1, "/") == 0;
            continue;
        }
        size_t n = strcspn(path, "/"), name = strcspn(pattern, "}");

        if (n == 0 || out->n_path == INTAKE_VARIABLES)
            return false;
        if (a != NULL)
            out->path[out->n_path++] =
                (struct tocsin_pair){ arena_strndup(a, pattern + 1, name - 1), decoded(a, path, n) };
        path += n;
        pattern += name + 1;
    }
    return *path == '\0' || strcmp(path, "/") == 0;
}

/* Behind any number of segments, the fewest that fit. */
static bool
matches_below(const char *pattern, const char *path, struct arena *a, struct candidate *out)
{
    for (; path != NULL && *path != '\0'; path = strchr(path + 1, '/'))
        if (matches(pattern, path, a, out))
            return true;
    return false;
}

static void
allow_add(char *allow, size_t size, const char *method)
{
    size_t n = strlen(allow);

    if (strstr(allow, method) == NULL)
        snprintf(allow + n, size - n, "%s%s%s", n > 0 ? ", " : "", method, strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

/* What stands behind /v1/in/NAME, if the path is below that; NULL: it is not. */
static const char *
below_own(const struct conf_collector *c, const char *path)
{
    size_t n = strlen(c->name);

    if (strncmp(path, own, sizeof own - 1) != 0 || strncmp(path + sizeof own - 1, c->name, n) != 0)
        return NULL;
    path += sizeof own - 1 + n;
    return *path == '/' ? path : *path == '\0' ? "/" : NULL;
}

static bool
route_matches(const struct tocsin_route *r, const char *path, bool wide, struct arena *a, struct candidate *out)
{
    bool is_wide = strncmp(r->path, anywhere, sizeof anywhere - 1) == 0;

    if (is_wide != wide)
        return false;
    return is_wide ? matches_below(r->path + sizeof anywhere - 1, path, a, out) : matches(r->path, path, a, out);
}

size_t
intake_match(const struct conf *conf, const char *method, const char *path, struct arena *a,
             struct candidate out[INTAKE_CANDIDATES], char *allow, size_t allow_size)
{
    bool below = strncmp(path, own, sizeof own - 1) == 0;
    size_t n = 0;

    for (int wide = 0; wide <= 1 && n == 0; wide++) {
        for (size_t i = 0; i < conf->n_collectors; i++) {
            const struct conf_collector *c = &conf->collectors[i];
            const char *rest = below ? below_own(c, path) : path;

            if (strcmp(c->type, "intake") != 0 || rest == NULL)
                continue;
            for (const struct tocsin_route *r = c->plugin->api.routes; r->method != NULL; r++) {
                struct candidate got = { .col = c, .route = r };

                if (n == INTAKE_CANDIDATES || !route_matches(r, rest, wide == 1, a, &got))
                    continue;
                allow_add(allow, allow_size, r->method);
                if (strcmp(r->method, strcmp(method, "HEAD") == 0 ? "GET" : method) != 0)
                    continue;
                out[n++] = got;
                break;                       /* the first route of an integration's table that fits */
            }
        }
    }
    return n;
}

int64_t
intake_limit(const struct conf *conf, const char *method, const char *path)
{
    struct candidate found[INTAKE_CANDIDATES];
    char allow[128] = "";
    size_t n = intake_match(conf, method, path, NULL, found, allow, sizeof allow);
    int64_t max = 0;

    for (size_t i = 0; i < n; i++)
        max = found[i].route->body_max > max ? found[i].route->body_max : max;
    return n > 0 ? max : -1;
}
