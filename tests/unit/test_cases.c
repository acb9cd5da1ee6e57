/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the cases of all integrations: integrations/<name>/cases/<any>.json (schema:
 * integrations/README.md), each case a test of its own.  Arguments are words that the name
 * of a test must contain, such as "azure".  With TOCSIN_SAMPLES=<folder>, the payloads that its
 * INDEX.tsv lists are read as well; one that no integration reads is a failure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glob.h>

#include <cmocka.h>

#include "base/xalloc.h"
#include "lib/cases.h"
#include "lib/cases_samples.h"
#include "os/file.h"

struct test { char *name; json_t *doc; char *folder; char *format; char *line; struct sample sample; };

static struct CMUnitTest *tests;
static json_t *files;              /* all case files: the tests borrow from them */
static size_t n_tests;
static char **words;
static int n_words;

static void
fail_with(struct buf *diff)
{
    if (diff->n > 0) {
        fprintf(stderr, "%s", diff->p);      /* print_error() cuts after 1024 bytes */
        buf_release(diff);
        fail();
    }
    buf_release(diff);
}

static void
run_case(void **state)
{
    struct test *t = *state;
    struct case_run run = { .doc = t->doc, .folder = t->folder };

    buf_init(&run.diff, 1 << 20);
    run.plugin = cases_plugin(t->format);
    assert_non_null(run.plugin);
    run.arena = arena_new();
    cases_run(&run);
    cases_close(&run);
    arena_free(run.arena);
    fail_with(&run.diff);
}

static void
run_sample(void **state)
{
    struct test *t = *state;
    struct buf diff;

    buf_init(&diff, 1 << 20);
    cases_sample_run(getenv("TOCSIN_SAMPLES"), &t->sample, &diff);
    fail_with(&diff);
}

/* A list that names no plugin, or a file that is no array, must not pass in silence. */
static void
run_broken(void **state)
{
    fail_msg("%s", ((struct test *)*state)->line);
}

static void
add(struct test t, CMUnitTestFunction run)
{
    struct test *kept = xmalloc(sizeof *kept);

    for (int i = 0; i < n_words; i++)
        if (strstr(t.name, words[i]) == NULL)
            return;
    *kept = t;
    tests = xrealloc(tests, (n_tests + 1) * sizeof *tests);
    tests[n_tests++] = (struct CMUnitTest){ .name = t.name, .test_func = run, .initial_state = kept };
}

/* path: integrations/<name>/cases/<file>.json */
static void
add_file(const char *path)
{
    const char *name = strchr(path, '/') + 1, *slash = strchr(name, '/'), *file = strrchr(path, '/') + 1;
    char *format = xstrndup(name, (size_t)(slash - name)), *folder = xstrndup(path, (size_t)(slash - path));
    json_error_t bad;
    json_t *doc = json_load_file(path, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &bad), *item;
    size_t i;

    if (!json_is_array(doc)) {
        struct test broken = { .name = xstrdup(path) };

        free(format);
        free(folder);
        broken.line = doc != NULL ? xstrdup("expected an array of cases")
                                  : xasprintf("line %d column %d: %s", bad.line, bad.column, bad.text);
        json_decref(doc);
        add(broken, run_broken);
        return;
    }
    json_array_append_new(files, doc);
    json_array_foreach(doc, i, item) {
        struct test t = { .doc = item, .folder = folder, .format = format };

        t.name = xasprintf("%s/%s: %s", format, file, cases_text(item, "name", "a case without a name"));
        add(t, run_case);
    }
}

static void
add_samples(const char *folder)
{
    char *path = xasprintf("%s/INDEX.tsv", folder), *line = NULL;
    FILE *f = fopen(path, "r");
    size_t cap = 0;

    free(path);
    while (f != NULL && getline(&line, &cap, f) > 0) {
        struct test t = { .line = xstrdup(line) };

        if (cases_sample_read(t.line, &t.sample)) {
            t.name = xasprintf("sample %s", t.sample.path);
            add(t, run_sample);
        } else {
            free(t.line);
        }
    }
    free(line);
    if (f != NULL)
        fclose(f);
}

int
main(int argc, char **argv)
{
    glob_t found = { 0 };

    files = json_array();
    words = argv + 1;
    n_words = argc - 1;
    if (glob("integrations/*/cases/*.json", 0, NULL, &found) != 0) {
        fprintf(stderr, "no integrations/*/cases/*.json below the current folder\n");
        return 1;
    }
    for (size_t i = 0; i < found.gl_pathc; i++)
        add_file(found.gl_pathv[i]);
    globfree(&found);
    if (getenv("TOCSIN_SAMPLES") != NULL)
        add_samples(getenv("TOCSIN_SAMPLES"));
    return _cmocka_run_group_tests("cases", tests, n_tests, NULL, NULL);
}
