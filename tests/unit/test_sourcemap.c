/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sourcemap/sourcemap.h"
#include "plugin/host.h"

/* Line 1: columns 1 and 10 from line 1 of a.js, 21 from its line 2, 41 and on from nothing; line 2 from line 5 of b.js. */
#define MAPPINGS "AAAA,SAASA,WACPC,oB;ACGD"
#define MAP(root)                                                                                                      \
    "{\"version\":3,\"sourceRoot\":\"" root "\",\"sources\":[\"webpack:///./src/a.js\",\"../lib/b.js\"],"               \
    "\"sourcesContent\":[\"function pay(cart) {\\r\\n  explode(cart);\\r\\n}\\r\\n\",null],"                              \
    "\"names\":[\"pay\",\"explode\"],\"mappings\":\"" MAPPINGS "\"}"

static struct sourcemap *
map_of(const char *text, struct tocsin_err *err)
{
    json_t *doc = json_loads(text, 0, NULL);
    struct sourcemap *m = NULL;
    enum tocsin_rc rc;

    assert_non_null(doc);
    rc = sourcemap_new(doc, &m, err);
    json_decref(doc);                        /* the map has copies */
    assert_true((rc == TOCSIN_OK) == (m != NULL));
    return m;
}

static const struct { unsigned line, column; const char *file, *name; unsigned src_line, src_column; } places[] = {
    { 1, 1, "src/a.js", NULL, 1, 1 },       { 1, 9, "src/a.js", NULL, 1, 1 },     { 1, 10, "src/a.js", "pay", 1, 10 },
    { 1, 21, "src/a.js", "explode", 2, 3 }, { 1, 40, "src/a.js", "explode", 2, 3 }, { 1, 41, NULL, NULL, 0, 0 },
    { 2, 1, "lib/b.js", NULL, 5, 2 },       { 3, 1, NULL, NULL, 0, 0 },           { 0, 1, NULL, NULL, 0, 0 },
    { 1, 0, NULL, NULL, 0, 0 },             { 4294967295u, 4294967295u, NULL, NULL, 0, 0 },
};

static void
check_places(const struct sourcemap *m, unsigned line_offset)
{
    struct arena *a = arena_new();

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct source_place p = { .file = NULL };
        unsigned line = places[i].line + (places[i].line > 0 && places[i].line < 100 ? line_offset : 0);
        enum tocsin_rc rc = sourcemap_find(m, line, places[i].column, a, &p);

        assert_int_equal(rc, places[i].file != NULL ? TOCSIN_OK : TOCSIN_NOT_FOUND);
        if (rc != TOCSIN_OK)
            continue;
        assert_string_equal(p.file, places[i].file);
        assert_true((p.name == NULL) == (places[i].name == NULL));
        if (p.name != NULL)
            assert_string_equal(p.name, places[i].name);
        assert_int_equal(p.line, places[i].src_line);
        assert_int_equal(p.column, places[i].src_column);
    }
    arena_free(a);
}

static void
test_find(void **state)
{
    struct tocsin_err err;
    struct sourcemap *m = map_of(MAP(""), &err);
    struct arena *a = arena_new();
    struct source_place p;

    (void)state;
    check_places(m, 0);
    assert_int_equal(sourcemap_find(m, 1, 21, a, &p), TOCSIN_OK);
    assert_string_equal(p.text, "explode(cart);");
    assert_string_equal(p.context, "     1 | function pay(cart) {\n>    2 |   explode(cart);\n     3 | }");
    assert_int_equal(sourcemap_find(m, 2, 1, a, &p), TOCSIN_OK);
    assert_null(p.text);
    assert_null(p.context);
    arena_free(a);
    sourcemap_free(m);
}

static void
test_sections(void **state)
{
    static const char text[] = "{\"version\":3,\"sections\":[{\"offset\":{\"line\":0,\"column\":0},\"map\":"
                               "{\"version\":3,\"sources\":[\"z.js\"],\"names\":[\"z\"],\"mappings\":\"AAAAA\"}},"
                               "{\"offset\":{\"line\":7,\"column\":0},\"map\":" MAP("/r/") "}]}";
    struct tocsin_err err;
    struct sourcemap *m = map_of(text, &err);
    struct arena *a = arena_new();
    struct source_place p;

    (void)state;
    assert_int_equal(sourcemap_find(m, 1, 1, a, &p), TOCSIN_OK);
    assert_string_equal(p.file, "z.js");
    assert_int_equal(sourcemap_find(m, 8, 10, a, &p), TOCSIN_OK);
    assert_string_equal(p.name, "pay");
    assert_int_equal(sourcemap_find(m, 9, 1, a, &p), TOCSIN_OK);
    assert_string_equal(p.file, "/r/../lib/b.js");
    arena_free(a);
    sourcemap_free(m);
}

static void
test_refused(void **state)
{
    static const struct { const char *text, *where, *what; } bad[] = {
        { "{}", "$.version", "expected a source map of version 3" },
        { "{\"version\":2,\"sources\":[],\"mappings\":\"\"}", "$.version", "expected a source map of version 3" },
        { "{\"version\":3}", "$", "expected a source map with 'sources' and 'mappings'" },
        { "{\"version\":3,\"sources\":[],\"mappings\":\"AAAA\"}", "$.mappings", "malformed in line 1" },
        { "{\"version\":3,\"sources\":[\"a\"],\"mappings\":\";AAAAC\"}", "$.mappings", "malformed in line 2" },
        { "{\"version\":3,\"sources\":[\"a\"],\"mappings\":\"AA\"}", "$.mappings", "malformed in line 1" },
        { "{\"version\":3,\"sources\":[\"a\"],\"mappings\":\"D\"}", "$.mappings", "malformed in line 1" },
        { "{\"version\":3,\"sources\":[\"a\"],\"mappings\":\"AAAA!\"}", "$.mappings", "malformed in line 1" },
        { "{\"version\":3,\"sources\":[\"a\"],\"mappings\":\"gggggggggC\"}", "$.mappings", "malformed in line 1" },
        { "{\"version\":3,\"sources\":[\"a\"],\"mappings\":\"AAAAAA\"}", "$.mappings", "malformed in line 1" },
        { "{\"version\":3,\"sections\":[{}]}", "$.sections", "section 1: expected 'offset' and 'map'" },
        { "{\"version\":3,\"sections\":[{\"offset\":{\"line\":-1,\"column\":0},\"map\":{}}]}", "$.sections",
          "section 1: expected 'offset' and 'map'" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct tocsin_err err = { .what = "" };

        assert_null(map_of(bad[i].text, &err));
        assert_string_equal(err.where, bad[i].where);
        assert_string_equal(err.what, bad[i].what);
    }
}

/* --- the folder --------------------------------------------------------------------------- */

static char dir[] = "/tmp/test_sourcemap.XXXXXX";

static void
put_file(const char *name, const char *text)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    fclose(f);
}

static void
make_dir(const char *name)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static enum tocsin_rc
ask(struct tocsin_batch *b, const char *release, const char *file, const char *debug_id, struct tocsin_source *out)
{
    char maps[512];
    struct tocsin_generated q = { .release = release, .file = file, .debug_id = debug_id, .line = 1, .column = 21 };

    snprintf(maps, sizeof maps, "%s/maps", dir);
    q.folder = maps;
    return host_source_of(b, &q, out);
}

static void
test_folder(void **state)
{
    static const struct { const char *release, *file, *debug_id; bool found; } rows_[] = {
        { "shop@1.0", "https://cdn.example.com/static/js/main.js?v=3#x", NULL, true },
        { "shop@1.0", "app:///main.js", NULL, true },
        { "shop@1.0", "~/static/main.js", NULL, true },
        { "shop@1.0", "/srv/app/main.js", NULL, true },
        { "shop@1.0", "other.js", NULL, false },
        { "shop@1.0", "", NULL, false },
        { "shop@2.0", "main.js", NULL, false },
        { NULL, "main.js", NULL, false },
        { "", "main.js", NULL, false },
        { NULL, NULL, "0f-1", true },
        { NULL, NULL, "../secret", false },
        { "..", "secret.js", NULL, false },
        { "shop@1.0", "../../secret.js", NULL, false },
        { "shop@1.0", "https://x/../../secret.js", NULL, false },
        { "shop@1.0/..", "../secret.js", NULL, false },
        { "/", "secret.js", NULL, false },
        { "shop@1.0", "..\\secret.js", NULL, false },
        { "shop@1.0", "bad.js", NULL, false },
    };
    struct arena *a = arena_new();
    struct tocsin_batch b;

    (void)state;
    assert_non_null(mkdtemp(dir));
    make_dir("maps");
    make_dir("maps/shop@1.0");
    make_dir("maps/debug-id");
    put_file("secret.js.map", MAP(""));
    put_file("maps/shop@1.0/main.js.map", ")]}'\n" MAP(""));
    put_file("maps/shop@1.0/bad.js.map", "{");
    put_file("maps/debug-id/0f-1.map", MAP(""));
    host_batch_init(&b, a);
    for (size_t i = 0; i < sizeof rows_ / sizeof rows_[0]; i++) {
        struct tocsin_source s;
        enum tocsin_rc rc = ask(&b, rows_[i].release, rows_[i].file, rows_[i].debug_id, &s);

        assert_int_equal(rc, rows_[i].found ? TOCSIN_OK : TOCSIN_NOT_FOUND);
        if (rc == TOCSIN_OK)
            assert_string_equal(s.name, "explode");
    }
    assert_int_equal(b.n_notes, 1);          /* of bad.js, and once */
    assert_non_null(strstr(b.notes[0], "bad.js.map"));
    put_file("maps/shop@1.0/bad.js.map", MAP(""));   /* a file that changed is read again */
    {
        struct tocsin_source s;

        assert_int_equal(ask(&b, "shop@1.0", "bad.js", NULL, &s), TOCSIN_OK);
    }
    host_sources_forget();
    arena_free(a);
}

static int
remove_dir(void **state)
{
    static const char *const files[] = { "maps/shop@1.0/main.js.map", "maps/shop@1.0/bad.js.map",
                                         "maps/debug-id/0f-1.map", "secret.js.map", "maps/shop@1.0", "maps/debug-id",
                                         "maps", "" };
    char path[512];

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        remove(path);
    }
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_find), cmocka_unit_test(test_sections),
                                        cmocka_unit_test(test_refused),
                                        cmocka_unit_test_teardown(test_folder, remove_dir) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
