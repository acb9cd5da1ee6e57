/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration file and, behind a NUL, a rules file: loaded without a
 * mistake, or refused with words for each, which never hold a secret.
 *
 * Includes are left out, as they would read the files of this machine.
 * Integrations are played, so that their settings are read too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "conf/conf.h"
#include "plugin/loader.h"

#define SECRET "the-secret-of-this-target"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig forgets the text of a string that the end of the file or a mistake cuts off. */
const char *
__lsan_default_suppressions(void)
{
    return "leak:libconfig.so\n";
}

/* --- integrations, in the place of the real loader -------------------------------------- */

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    (void)self;
    (void)host;
    (void)in;
    (void)out;
    (void)err;
    return TOCSIN_OK;
}

static enum tocsin_rc
render(void *self, const struct tocsin_host *host, const struct tocsin_job *job, struct tocsin_request *out,
       struct tocsin_err *err)
{
    (void)self;
    (void)host;
    (void)job;
    (void)out;
    (void)err;
    return TOCSIN_OK;
}

static enum tocsin_rc
open_(const struct tocsin_host *host, const struct tocsin_settings *set, void **self_r, struct tocsin_err *err)
{
    const char *key = host->setting(set, "key");

    if (key != NULL && key[0] == 'x')
        return host->fail(err, TOCSIN_BAD_CONFIG, "", "a key does not begin with x");
    *self_r = xstrdup("an instance");
    return TOCSIN_OK;
}

static const struct tocsin_option options[] = {
    { "key", TOCSIN_OPT_SECRET, TOCSIN_REQUIRED, "a secret", NULL },
    { "region", TOCSIN_OPT_STRING, "us", "a word", "us|eu" },
    { "count", TOCSIN_OPT_INT, "3", "a number", NULL },
    { "again", TOCSIN_OPT_BOOL, "true", "a choice", NULL },
    { "wait", TOCSIN_OPT_DURATION, "10s", "a time", NULL },
    { "teams", TOCSIN_OPT_LIST, NULL, "words", NULL },
    { "priorities", TOCSIN_OPT_MAP, NULL, "pairs", NULL },
    { NULL, TOCSIN_OPT_STRING, NULL, NULL, NULL },
};

static struct plugin plugins[] = {
    { .api = { .abi = TOCSIN_PLUGIN_ABI, .size = sizeof(struct tocsin_plugin), .name = "json", .decode = decode } },
    { .api = { .abi = TOCSIN_PLUGIN_ABI, .size = sizeof(struct tocsin_plugin), .name = "pager", .render = render,
               .notifier_options = options, .open = open_, .close = free } },
};

enum { PLUGINS = sizeof plugins / sizeof plugins[0] };

enum tocsin_rc
plugin_load(const char *plugin_dir, const char *name, struct plugin **out_r, struct tocsin_err *err)
{
    (void)plugin_dir;
    for (size_t i = 0; i < PLUGINS; i++)
        if (strcmp(plugins[i].api.name, name) == 0) {
            *out_r = &plugins[i];
            return TOCSIN_OK;
        }
    return err_set(err, TOCSIN_NOT_FOUND, "", "there is no integration '%s'", name);
}

char **
plugin_names(const char *plugin_dir, size_t *n_out)
{
    char **names = xcalloc(PLUGINS, sizeof *names);

    (void)plugin_dir;
    for (size_t i = 0; i < PLUGINS; i++)
        names[i] = xstrdup(plugins[i].api.name);
    *n_out = PLUGINS;
    return names;
}

char *
plugin_default_dir(void)
{
    return xstrdup("");
}

/* --- files ---------------------------------------------------------------------------------- */

static char dir[] = "/tmp/tocsin-fuzz-XXXXXX";
static char *main_file, *rules_file, *rules_dir;

static void
leave(void)
{
    unlink(rules_file);
    unlink(main_file);
    rmdir(rules_dir);
    rmdir(dir);
    free(main_file);
    free(rules_file);
    free(rules_dir);
}

static void
enter(void)
{
    static bool done;

    if (done)
        return;
    done = true;
    if (mkdtemp(dir) == NULL || setenv("KEY", SECRET, 1) != 0)
        abort();
    main_file = xasprintf("%s/tocsin.cfg", dir);
    rules_dir = xasprintf("%s/rules", dir);
    rules_file = xasprintf("%s/rules/10-fuzz.cfg", dir);
    if (mkdir(rules_dir, 0700) != 0)
        abort();
    atexit(leave);
}

static void
put(const char *name, const uint8_t *data, size_t size)
{
    FILE *f = fopen(name, "wb");

    if (f == NULL || fwrite(data, 1, size, f) != size || fclose(f) != 0)
        abort();
}

/* --- */

static void
check_words(const struct conf_report *report)
{
    if (report->n == 0 || report->total < report->n)
        abort();
    for (size_t i = 0; i < report->n; i++)
        if (report->items[i].text[0] == '\0' || strstr(report->items[i].text, SECRET) != NULL) {
            fprintf(stderr, "'%s'\n", report->items[i].text);
            abort();
        }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size > 0 ? memchr(data, '\0', size) : NULL;
    size_t n = nul != NULL ? (size_t)(nul - data) : size;
    struct conf_report report;
    struct conf *c;

    if (size > 0 && (memmem(data, size, "@include", 8) != NULL || memmem(data, size, SECRET, strlen(SECRET)) != NULL))
        return 0;
    enter();
    put(main_file, data, n);
    put(rules_file, nul != NULL ? nul + 1 : data, nul != NULL ? size - n - 1 : 0);
    c = conf_load(main_file, dir, &report);
    if (c == NULL)
        check_words(&report);
    else if (report.n > 0)
        abort();
    conf_report_release(&report);
    conf_unref(c);
    return 0;
}
