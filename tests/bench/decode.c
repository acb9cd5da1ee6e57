/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode - what a payload costs in each integration's decoder, mappings of jq
 * and C alike: the payloads of its own cases, through host_decode().
 *
 *   decode ROUNDS MS CASES.json ...      (integrations/<name>/cases/<file>.json)
 *
 * Each round decodes all payloads of an integration, again and again until MS
 * milliseconds of the processor are used up, so that what else the machine does
 * counts little; the median of the rounds counts, and the least is there too.  Cases that expect an
 * error, or are an intake's, are left out.  Prints one line of JSON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/xalloc.h"
#include "lib/cases.h"

enum { ROUNDS_MAX = 99 };

struct one { struct case_run run; struct tocsin_payload in; };

struct integration {
    char *name;
    struct one *cases; size_t n;
    size_t bytes;
};

static int64_t
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* --- cases ----------------------------------------------------------------------------- */

/* integrations/<name>/cases/<file>.json: the name, and the folder; heap. */
static char *
name_of(const char *path, char **folder_r)
{
    const char *cases = strstr(path, "/cases/"), *at = cases;

    if (cases == NULL) {
        fprintf(stderr, "decode: '%s' is not in a folder of cases\n", path);
        exit(2);
    }
    while (at > path && at[-1] != '/')
        at--;
    *folder_r = xstrndup(path, (size_t)(cases - path));
    return xstrndup(at, (size_t)(cases - at));
}

static bool
decodes(const json_t *doc)
{
    const json_t *expect = json_object_get(doc, "expect");

    return expect != NULL && json_object_get(expect, "error") == NULL && json_object_get(doc, "expect_answer") == NULL &&
           json_object_get(doc, "expect_open") == NULL;
}

static void
add_case(struct integration *g, const json_t *doc, const char *folder)
{
    struct case_run run = { .doc = doc, .folder = folder, .arena = arena_new() };
    struct one *to;

    buf_init(&run.diff, 1 << 20);
    run.plugin = cases_plugin(g->name);
    if (run.plugin == NULL || !cases_open(&run, run.plugin->collector_options)) {
        fprintf(stderr, "decode: %s: %s\n", g->name, run.diff.n > 0 ? run.diff.p : "no plugin");
        exit(1);
    }
    g->cases = xrealloc(g->cases, (g->n + 1) * sizeof *g->cases);
    to = &g->cases[g->n++];
    to->run = run;
    cases_payload(&to->run, &to->in);
    g->bytes += to->in.len;
}

/* --- measuring ------------------------------------------------------------------------- */

static void
decode(struct one *c, struct arena *arena)
{
    struct tocsin_batch batch;
    struct tocsin_err err = { 0 };

    host_batch_init(&batch, arena);
    if (host_decode(c->run.plugin, c->run.self, c->run.mapping, &c->in, &batch, &err) != TOCSIN_OK) {
        fprintf(stderr, "decode: %s: '%s' does not decode: %s\n", c->run.folder,
                cases_text(c->run.doc, "name", "?"), err.what);
        exit(1);
    }
    arena_reset(arena);
}

/* Microseconds that all payloads take together. */
static double
round_us(struct integration *g, struct arena *arena, long ms)
{
    int64_t from = now_ns(), to;
    size_t passes = 0;

    do {
        for (size_t i = 0; i < g->n; i++)
            decode(&g->cases[i], arena);
        passes++;
        to = now_ns();
    } while (to - from < ms * 1000000);
    return (double)(to - from) / 1000 / (double)passes;
}

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static json_t *
measure(struct integration *g, long rounds, long ms)
{
    struct arena *arena = arena_new();
    double us[ROUNDS_MAX];

    for (size_t i = 0; i < g->n; i++)
        decode(&g->cases[i], arena);         /* once to warm up */
    for (long r = 0; r < rounds; r++)
        us[r] = round_us(g, arena, ms);
    qsort(us, (size_t)rounds, sizeof *us, by_value);
    arena_free(arena);
    return json_pack("{s:s, s:s, s:I, s:f, s:f, s:f, s:f}", "name", g->name, "by",
                     g->cases[0].run.mapping != NULL ? "jq" : "C", "payloads", (json_int_t)g->n, "bytes",
                     (double)g->bytes / (double)g->n, "us", us[rounds / 2] / (double)g->n, "us_least", us[0] / (double)g->n, "mb_s",
                     (double)g->bytes / us[rounds / 2]);
}

static void
integration_release(struct integration *g)
{
    for (size_t i = 0; i < g->n; i++) {
        cases_close(&g->cases[i].run);
        buf_release(&g->cases[i].run.diff);
        arena_free(g->cases[i].run.arena);
    }
    free(g->cases);
    free(g->name);
}

/* The files of one integration follow each other; returns the first that is not its own. */
static int
one_integration(char **files, int n, json_t *out, long rounds, long ms)
{
    struct integration g = { 0 };
    json_t *docs = json_array();
    char *folders[64] = { NULL };
    int k;

    for (k = 0; k < n && k < 64; k++) {
        json_error_t bad;
        char *name = name_of(files[k], &folders[k]);
        json_t *doc, *item;
        size_t i;

        if (g.name != NULL && strcmp(name, g.name) != 0) {
            free(name);
            free(folders[k]);
            break;
        }
        free(g.name);
        g.name = name;
        doc = json_load_file(files[k], JSON_ALLOW_NUL, &bad);
        json_array_append_new(docs, doc);
        json_array_foreach(doc, i, item)
            if (decodes(item))
                add_case(&g, item, folders[k]);
    }
    if (g.n > 0)
        json_array_append_new(out, measure(&g, rounds, ms));
    integration_release(&g);
    json_decref(docs);
    for (int i = 0; i < k; i++)
        free(folders[i]);
    return k;
}

int
main(int argc, char **argv)
{
    long rounds = argc > 3 ? strtol(argv[1], NULL, 10) : 0, ms = argc > 3 ? strtol(argv[2], NULL, 10) : 0;
    json_t *list = json_array(), *out = json_pack("{s:o}", "decoders", list);

    if (rounds < 1 || rounds > ROUNDS_MAX || ms < 1) {
        fprintf(stderr, "usage: decode ROUNDS MS integrations/NAME/cases/FILE.json ...\n");
        return 2;
    }
    for (int i = 3; i < argc;)
        i += one_integration(argv + i, argc - i, list, rounds, ms);
    json_dumpf(out, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(out);
    return 0;
}
