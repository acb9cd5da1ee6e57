/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading integrations: what is refused and with which words; and, where integrations are built, all of them.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "plugin/loader.h"

static char dir[64];

static char *
path_of(const char *file)
{
    return xasprintf("%s/%s", dir, file);
}

static void
write_file(const char *file, const char *text)
{
    char *path = path_of(file);
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    free(path);
}

/* --- the table --------------------------------------------------------------------- */

static enum tocsin_rc
render(void *self, const struct tocsin_host *host, const struct tocsin_job *job, struct tocsin_request *out,
       struct tocsin_err *err)
{
    (void)self, (void)host, (void)job, (void)out, (void)err;
    return TOCSIN_OK;
}

static void
classify(void *self, const struct tocsin_host *host, const struct tocsin_job *job, const struct tocsin_response *r,
         struct tocsin_outcome *out)
{
    (void)self, (void)host, (void)job, (void)r, (void)out;
}

static void
test_adopt(void **state)
{
    const struct tocsin_plugin good = {
        .abi = TOCSIN_PLUGIN_ABI, .size = sizeof good, .name = "x", .render = render, .classify = classify
    };
    const struct {
        uint32_t abi, size;
        const char *name, *expected;
    } cases[] = {
        { 7, sizeof good, "x", "integration 'x.so' has ABI 7, this tocsin needs 2: build it against this version" },
        { 0, sizeof good, "x", "integration 'x.so' has ABI 0, this tocsin needs 2: build it against this version" },
        { 2, 16, "x", "integration 'x.so' has a table of 16 bytes, ABI 2 has at least 144: it is incomplete" },
        { 2, sizeof good, "y", "integration 'x.so' calls itself 'y', expected 'x'" },
        { 2, sizeof good, NULL, "integration 'x.so' calls itself '', expected 'x'" },
    };
    struct plugin p = { .path = "kept" };
    struct tocsin_err err;

    (void)state;
    assert_int_equal(plugin_adopt(&good, "x.so", "x", &p, &err), TOCSIN_OK);
    assert_ptr_equal(p.api.classify, classify);
    assert_string_equal(p.path, "kept");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tocsin_plugin bad = good;

        bad.abi = cases[i].abi;
        bad.size = cases[i].size;
        bad.name = cases[i].name;
        assert_int_equal(plugin_adopt(&bad, "x.so", "x", &p, &err), TOCSIN_BAD_CONFIG);
        assert_string_equal(err.what, cases[i].expected);
    }
}

/* A newer integration has members that we do not know: they are left where they are. */
static void
test_adopt_larger(void **state)
{
    struct {
        struct tocsin_plugin known;
        void *more[4];
    } newer;
    struct {
        struct plugin p;
        unsigned char guard[64];
    } out;
    struct tocsin_err err;

    (void)state;
    memset(&newer, 0xee, sizeof newer);
    newer.known =
        (struct tocsin_plugin){ .abi = TOCSIN_PLUGIN_ABI, .size = sizeof newer, .name = "x", .render = render };
    memset(&out, 0x55, sizeof out);
    assert_int_equal(plugin_adopt(&newer.known, "x.so", "x", &out.p, &err), TOCSIN_OK);
    assert_ptr_equal(out.p.api.render, render);
    assert_null(out.p.api.decode);
    for (size_t i = 0; i < sizeof out.guard; i++)
        assert_int_equal(out.guard[i], 0x55);
}

/* --- files -------------------------------------------------------------------------- */

static void
test_missing(void **state)
{
    static const char *const names[] = { "nobody", "", "../x", "a/b", "a.b", "a b" };
    struct tocsin_err err;
    struct plugin *p = NULL;
    char *expected = xasprintf("cannot open integration '%s/nobody.so': No such file or directory", dir);

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(plugin_load(dir, names[i], &p, &err), TOCSIN_NOT_FOUND);
        assert_null(p);
    }
    assert_string_equal(err.what, "'a b' is not a name of an integration");
    assert_int_equal(plugin_load(dir, "nobody", &p, &err), TOCSIN_NOT_FOUND);
    assert_string_equal(err.what, expected);
    assert_int_equal(plugin_load("/dev/null", "nobody", &p, &err), TOCSIN_NOT_FOUND);
    free(expected);
}

static void
test_not_an_object(void **state)
{
    struct tocsin_err err;
    struct plugin *p = NULL;

    (void)state;
    write_file("text.so", "this is no shared object, although it is long enough to hold the head of one\n");
    assert_int_equal(plugin_load(dir, "text", &p, &err), TOCSIN_BAD_CONFIG);
    assert_null(p);
    assert_non_null(strstr(err.what, "cannot load integration 'text': "));
    assert_non_null(strstr(err.what, "invalid ELF header; ldd shows what it needs"));
}

/* A shared object, but somebody else's: a library that this program uses anyway. */
static void
test_not_an_integration(void **state)
{
    char *path = path_of("library.so"), *expected;
    struct tocsin_err err;
    struct plugin *p = NULL;
    Dl_info info;
    char real[PATH_MAX];

    (void)state;
    assert_int_not_equal(dladdr((void *)(uintptr_t)json_object, &info), 0);
    assert_non_null(realpath(info.dli_fname, real));
    assert_int_equal(symlink(real, path), 0);
    expected = xasprintf("'%s' is no integration: it does not export tocsin_plugin", real);
    for (int i = 0; i < 2; i++) { /* asking again gives the same answer */
        assert_int_equal(plugin_load(dir, "library", &p, &err), TOCSIN_BAD_CONFIG);
        assert_string_equal(err.what, expected);
    }
    assert_null(p);
    assert_int_equal(unlink(path), 0);
    free(expected);
    free(path);
}

static void
test_names(void **state)
{
    size_t n = 99;
    char **names;

    (void)state;
    write_file("zulu.so", "");
    write_file("alpha-1.so", "");
    write_file("notes.txt", "");
    write_file("odd name.so", "");
    write_file(".so", "");
    names = plugin_names(dir, &n);
    assert_int_equal(n, 3);
    assert_string_equal(names[0], "alpha-1");
    assert_string_equal(names[1], "text");
    assert_string_equal(names[2], "zulu");
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
    names = plugin_names("/nowhere/at/all", &n);
    assert_int_equal(n, 0);
    free(names);
}

static void
test_default_dir(void **state)
{
    char *found;

    (void)state;
    setenv("TOCSIN_PLUGIN_DIR", "/some/where", 1);
    found = plugin_default_dir();
    assert_string_equal(found, "/some/where");
    free(found);
    unsetenv("TOCSIN_PLUGIN_DIR");
    found = plugin_default_dir(); /* beside this program there is no such folder */
    assert_string_equal(found, "/usr/local/lib/tocsin/plugins");
    free(found);
}

struct loading {
    const char *plugins;
    char **names;
    size_t n;
    struct plugin *found[64];
};

static void *
load_all(void *arg)
{
    struct loading *l = arg;
    struct tocsin_err err;

    for (size_t i = 0; i < l->n && i < 64; i++)
        plugin_load(l->plugins, l->names[i], &l->found[i], &err);
    return NULL;
}

/* Several threads that want the same at once get the same. */
static void
check_at_once(const char *plugins, char **names, size_t n)
{
    struct loading l[4] = { { .plugins = NULL } };
    pthread_t threads[4];

    for (size_t i = 0; i < 4; i++) {
        l[i] = (struct loading){ .plugins = plugins, .names = names, .n = n };
        assert_int_equal(pthread_create(&threads[i], NULL, load_all, &l[i]), 0);
    }
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < n && k < 64; k++) {
            assert_non_null(l[i].found[k]);
            assert_ptr_equal(l[i].found[k], l[0].found[k]);
        }
}

/* Every integration that is built loads, is loaded once, and plays at least one role. */
static void
test_built_integrations(void **state)
{
    const char *build = getenv("BUILD");
    char *plugins = xasprintf("%s/plugins", build != NULL ? build : "build"), *again = xasprintf("%s/.", plugins);
    size_t n = 0;
    char **names = plugin_names(plugins, &n);

    (void)state;
    check_at_once(plugins, names, n);
    for (size_t i = 0; i < n; i++) {
        struct plugin *one = NULL, *other = NULL;
        struct tocsin_err err;

        if (plugin_load(plugins, names[i], &one, &err) != TOCSIN_OK)
            fail_msg("%s", err.what);
        assert_int_equal(plugin_load(again, names[i], &other, &err), TOCSIN_OK);
        assert_ptr_equal(one, other);
        assert_string_equal(one->api.name, names[i]);
        assert_non_null(one->api.summary);
        assert_true(one->api.decode != NULL || one->api.render != NULL || one->api.intake != NULL);
        free(names[i]);
    }
    print_message("%zu integrations\n", n);
    free(names);
    free(again);
    free(plugins);
}

static int
setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/tocsin-loader-XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
    char *cmd = xasprintf("rm -rf '%s'", dir);
    int status = system(cmd);

    (void)state;
    free(cmd);
    return status;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adopt),         cmocka_unit_test(test_adopt_larger),       cmocka_unit_test(test_missing),
        cmocka_unit_test(test_not_an_object), cmocka_unit_test(test_not_an_integration), cmocka_unit_test(test_names),
        cmocka_unit_test(test_default_dir),   cmocka_unit_test(test_built_integrations),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
