/* SPDX-License-Identifier: Apache-2.0 */
/* The option tables: every default is one that its own option accepts; and what `tocsin options` and `check` print. */
#include "unit/conf_doubles.h"

#include <jansson.h>

#include "base/text.h"
#include "cli/cli_conf.h"
#include "conf/load.h"
#include "conf/report.h"

/* Run f with standard output and error in a file; what was printed, heap. */
static char *captured;

static int
run_captured(int (*f)(int, char **), int argc, char **argv)
{
    int out = dup(1), err = dup(2), status;
    FILE *into = fopen("captured.txt", "w+");
    long n;

    fflush(stdout);
    fflush(stderr);
    dup2(fileno(into), 1);
    dup2(fileno(into), 2);
    status = f(argc, argv);
    fflush(stdout);
    fflush(stderr);
    dup2(out, 1);
    dup2(err, 2);
    close(out);
    close(err);
    fseek(into, 0, SEEK_END);
    n = ftell(into);
    rewind(into);
    free(captured);
    captured = xcalloc((size_t)n + 1, 1);
    assert_int_equal(fread(captured, 1, (size_t)n, into), n);
    fclose(into);
    return status;
}

#define RUN(f, ...) run_captured(f, (int)COUNT(((const char *[]){ __VA_ARGS__ })), (char *[]){ __VA_ARGS__, NULL })

/* --- values ------------------------------------------------------------------------------ */

static void
test_sizes(void **state)
{
    static const struct {
        const char *text;
        int64_t bytes;
        const char *again;
    } good[] = {
        { "0", 0, "0B" },
        { "512", 512, "512B" },
        { "1KiB", 1024, "1KiB" },
        { "1MiB", 1 << 20, "1MiB" },
        { "1.5 GiB", 1610612736, "1536MiB" },
        { "2GB", 2000000000, "2GB" },
        { "3kB", 3000, "3kB" },
        { "64kib", 65536, "64KiB" },
    };
    static const char *const bad[] = { "", "MiB", "-1", "1 parsec", "1MiBx", "1e9", "0x10", "99999999TiB", "nan" };
    char text[SIZE_TEXT];
    int64_t bytes;

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(size_parse(good[i].text, &bytes));
        assert_int_equal(bytes, good[i].bytes);
        assert_string_equal(size_format(bytes, text), good[i].again);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(size_parse(bad[i], &bytes));
}

static void
test_nearest(void **state)
{
    static const char *const known[] = { "listen", "body_max", "tls", "sqlite", "pd", "p" };
    static const struct {
        const char *word, *found;
    } cases[] = {
        { "lisen", "listen" },
        { "Listen", "listen" },
        { "body-max", "body_max" },
        { "tsl", "tls" },
        { "dp", "pd" },
        { "x", NULL },
        { "xy", NULL },
        { "bodies_maximum", NULL },
        { "sqllite", "sqlite" },
        { "", NULL },
        { "pxyz", NULL },
        { "tlsx", "tls" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *found = nearest_name(cases[i].word, known, COUNT(known));

        if (cases[i].found == NULL)
            assert_null(found);
        else
            assert_string_equal(found, cases[i].found);
    }
}

/* --- the tables ------------------------------------------------------------------------------ */

static void
check_default(const struct option *o)
{
    int64_t v = 0;

    assert_true(o->help != NULL && o->help[0] != '\0' && o->help[strlen(o->help) - 1] != '.');
    if (o->type == OPTION_GROUP) {
        for (const struct option *inner = o->group; inner->name != NULL; inner++)
            check_default(inner);
        return;
    }
    if (o->def == NULL || strcmp(o->def, OPTION_REQUIRED) == 0 || o->type == OPTION_SPECIAL)
        return;
    if (o->type == OPTION_DURATION)
        assert_true(duration_parse(o->def, &v));
    else if (o->type == OPTION_SIZE)
        assert_true(size_parse(o->def, &v));
    else if (o->type == OPTION_INT)
        v = atoll(o->def);
    else if (o->type == OPTION_BOOL)
        assert_true(strcmp(o->def, "true") == 0 || strcmp(o->def, "false") == 0);
    else if (o->choices != NULL)
        assert_non_null(strstr(o->choices, o->def));
    if (o->type == OPTION_DURATION || o->type == OPTION_SIZE || o->type == OPTION_INT)
        assert_true(v >= o->min && v <= o->max);
}

static void
test_tables(void **state)
{
    (void)state;
    for (const struct option_block *b = option_blocks; b->name != NULL; b++)
        for (const struct option *o = b->table; o->name != NULL; o++) {
            check_default(o);
            for (const struct option *p = b->table; p != o; p++)
                assert_string_not_equal(p->name, o->name);
        }
}

/* --- tocsin options ------------------------------------------------------------------------------ */

static bool
has_line(const char *line)
{
    const char *at = strstr(captured, line);

    return at != NULL && (at == captured || at[-1] == '\n') && at[strlen(line)] == '\n';
}

static void
test_print(void **state)
{
    (void)state;
    assert_int_equal(RUN(cli_options, "options"), 0);
    assert_true(has_line("http: the server"));
    assert_true(has_line(
        "  listen             text      127.0.0.1:9096             address and port; [::]:9096 for all of IPv6"));
    assert_true(
        has_line("  header_timeout     duration  5s                         until the head is complete (100ms to 5m)"));
    assert_true(has_line("  connections_max    number    10000                      open connections (1 to 1000000)"));
    assert_true(has_line("  tls.cert           file      \"\"                         certificate and chain, PEM"));
    assert_true(has_line("integration aws-sns: a double"));
    assert_true(has_line("  topic_arns         list      required                   topics that may send"));
    assert_true(has_line("  region             text      us                         where the account lives (us, eu)"));
    assert_true(has_line(" as format of a collector: no options of its own"));
}

static const json_t *
find_named(const json_t *list, const char *name)
{
    size_t i;
    json_t *at;

    json_array_foreach((json_t *)(uintptr_t)list, i,
                       at) if (strcmp(json_string_value(json_object_get(at, "name")), name) == 0) return at;
    fail_msg("no '%s'", name);
    return NULL;
}

static void
test_print_json(void **state)
{
    json_t *doc;
    const json_t *o;

    (void)state;
    assert_int_equal(RUN(cli_options, "options", "--json", "-p", "elsewhere"), 0);
    doc = json_loads(captured, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(doc);
    o = find_named(json_object_get(find_named(json_object_get(doc, "blocks"), "store"), "options"), "driver");
    assert_string_equal(json_string_value(json_object_get(o, "default")), "sqlite");
    assert_string_equal(json_string_value(json_array_get(json_object_get(o, "choices"), 1)), "memory");
    assert_true(json_is_false(json_object_get(o, "required")));
    o = find_named(json_object_get(find_named(json_object_get(doc, "blocks"), "http"), "options"), "body_max");
    assert_string_equal(json_string_value(json_object_get(o, "max")), "64MiB");
    o = find_named(json_object_get(find_named(json_object_get(doc, "integrations"), "pagerduty"), "notifier"),
                   "routing_key");
    assert_string_equal(json_string_value(json_object_get(o, "type")), "secret");
    assert_true(json_is_true(json_object_get(o, "required")));
    assert_null(json_object_get(o, "default"));
    json_decref(doc);
}

/* --- tocsin check ----------------------------------------------------------------------------------- */

#define GOOD                                                                                                           \
    "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; } );"                         \
    "policies = ( { name = \"p\"; steps = ( { notify = \"pd\"; } ); } );\n"

static void
test_check(void **state)
{
    json_t *doc;

    (void)state;
    write_file("good.cfg", GOOD);
    write_file("bad.cfg", GOOD "colour = 1;\nhttp = { threads = -1; };");
    assert_int_equal(RUN(cli_check, "check", "-c", "good.cfg"), 0);
    assert_string_equal(captured, "good.cfg: fine: 0 collectors, 1 notifier, 1 policy, 0 rules\n");
    assert_int_equal(RUN(cli_check, "check", "--config", "bad.cfg"), 1);
    assert_string_equal(captured, "bad.cfg:2: unknown option 'colour' in the configuration\n"
                                  "bad.cfg:3: 'threads' of http: found -1, expected a whole number from 0 to 64\n");
    assert_int_equal(RUN(cli_check, "check", "-c", "bad.cfg", "--json"), 1);
    doc = json_loads(captured, 0, NULL);
    assert_true(json_is_false(json_object_get(doc, "ok")));
    assert_int_equal(json_array_size(json_object_get(doc, "mistakes")), 2);
    json_decref(doc);
    setenv("TOCSIN_CONFIG", "good.cfg", 1);
    assert_int_equal(RUN(cli_check, "check", "--json"), 0);
    unsetenv("TOCSIN_CONFIG");
    assert_string_equal(conf_default_file(), "/etc/tocsin/tocsin.cfg");
    doc = json_loads(captured, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(doc, "notifiers")), 1);
    json_decref(doc);
}

static void
test_usage(void **state)
{
    (void)state;
    assert_int_equal(RUN(cli_check, "check", "--colour"), 2);
    assert_non_null(strstr(captured, "usage: tocsin check"));
    assert_int_equal(RUN(cli_check, "check", "-c"), 2);
    assert_int_equal(RUN(cli_check, "check", "tocsin.cfg"), 2);
    assert_non_null(strstr(captured, "unexpected argument 'tocsin.cfg'"));
    assert_int_equal(RUN(cli_check, "check", "--help"), 0);
    assert_int_equal(RUN(cli_options, "options", "http"), 2);
    assert_int_equal(RUN(cli_check, "check", "-c", "nowhere.cfg"), 1);
    assert_string_equal(captured, "nowhere.cfg: cannot open 'nowhere.cfg': No such file or directory\n");
}

static int
setup(void **state)
{
    setenv("T_KEY", "k3y", 1);
    return enter_folder(state);
}

static int
teardown(void **state)
{
    free(captured);
    return leave_folder(state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes), cmocka_unit_test(test_nearest),    cmocka_unit_test(test_tables),
        cmocka_unit_test(test_print), cmocka_unit_test(test_print_json), cmocka_unit_test(test_check),
        cmocka_unit_test(test_usage),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
