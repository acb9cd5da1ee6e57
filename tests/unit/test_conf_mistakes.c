/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every mistake has its own words: the cases of conf_mistakes.txt.
 *
 * Along the way: a refused configuration leaves no instance open, and no message ever holds a secret.
 */
#include "unit/conf_doubles.h"

#define NOTIFIERS "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; } );"
#define POLICIES "policies = ( { name = \"p\"; steps = ( { notify = \"pd\"; } ); } );"

/* What the cases write, or refer to, where secrets belong. */
static const char *const secrets[] = { "k3y-of-the-test", "t0ken-of-the-test", "passw0rd", "hunter2",
                                       "s3cr3t",          "R0UT1NG",           "12345678" };

struct row {
    char *text, *expected;
    unsigned line;
};

static struct row rows[512];
static struct {
    const char *name;
    size_t first, n;
} sections[8];
static size_t n_rows, n_sections;

static void
append(char **to, const char *line, const char *between)
{
    char *more = *to == NULL ? xstrdup(line) : xasprintf("%s%s%s", *to, between, line);

    free(*to);
    *to = more;
}

/* Lines of text, then lines of "=> ". */
static void
take_line(char *line, unsigned number)
{
    struct row *row;

    if (line[0] == '#' || line[0] == '\0')
        return;
    if (line[0] == '[') {
        line[strcspn(line, "]")] = '\0';
        sections[n_sections].name = xstrdup(line + 1);
        sections[n_sections++].first = n_rows;
        return;
    }
    row = n_rows > 0 ? &rows[n_rows - 1] : NULL;
    if (strncmp(line, "=> ", 3) == 0) {
        append(&row->expected, line + 3, "\n");
        return;
    }
    if (row == NULL || row->expected != NULL) {
        assert_true(n_rows < COUNT(rows));
        row = &rows[n_rows++];
        row->line = number;
        sections[n_sections - 1].n++;
    }
    append(&row->text, line, "\n");
}

static void
read_cases(void)
{
    FILE *f = fopen("tests/unit/conf_mistakes.txt", "r");
    char line[2048];
    unsigned number = 0;

    if (f == NULL) {
        fprintf(stderr, "tests/unit/conf_mistakes.txt: not found; run this from the top folder\n");
        exit(1);
    }
    while (fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        take_line(line, ++number);
    }
    fclose(f);
}

/* All mistakes, one a line; heap. */
static char *
mistakes_of(const struct conf_report *report)
{
    char *all = xstrdup("");

    for (size_t i = 0; i < report->n; i++) {
        char *more = xasprintf("%s%s%s", all, i > 0 ? "\n" : "", report->items[i].text);

        free(all);
        all = more;
    }
    return all;
}

static bool
holds_secret(const char *said)
{
    for (size_t i = 0; i < COUNT(secrets); i++)
        if (strstr(said, secrets[i]) != NULL)
            return true;
    return false;
}

static bool
is_as_expected(const struct row *row)
{
    struct conf_report report;
    struct conf *c = conf_load("t.cfg", "plugins", &report);
    char *said = mistakes_of(&report);
    bool ok = c == NULL && strcmp(said, row->expected) == 0 && report.total == report.n && !holds_secret(said);

    if (!ok)
        print_error("conf_mistakes.txt:%u\n  expected: %s\n  said:     %s\n", row->line, row->expected, said);
    free(said);
    conf_unref(c);
    conf_report_release(&report);
    assert_int_equal(instances_open, 0);
    return ok;
}

/* before and after stand on the first and last line, so that the case's own lines count from 1. */
static void
run_section(const char *name, const char *file, const char *before, const char *after)
{
    unsigned ran = 0, wrong = 0;

    for (size_t s = 0; s < n_sections; s++)
        for (size_t i = 0; strcmp(sections[s].name, name) == 0 && i < sections[s].n; i++) {
            const struct row *row = &rows[sections[s].first + i];
            char *text = xasprintf("%s%s %s\n", before, row->text, after);

            write_file(file, text);
            free(text);
            ran++;
            wrong += !is_as_expected(row);
        }
    assert_true(ran > 0);
    assert_int_equal(wrong, 0);
}

static void
test_whole(void **state)
{
    (void)state;
    run_section("whole", "t.cfg", "", NOTIFIERS POLICIES);
}

static void
test_notifiers(void **state)
{
    (void)state;
    run_section("notifier", "t.cfg", "", POLICIES);
}

static void
test_policies(void **state)
{
    (void)state;
    run_section("policy", "t.cfg", NOTIFIERS, "");
}

static void
test_rules(void **state)
{
    (void)state;
    write_file("t.cfg", NOTIFIERS POLICIES "rules = \"rules\";");
    run_section("rule", "rules/r.cfg", "", "");
}

/* Past 50 they are counted, not kept. */
static void
test_many(void **state)
{
    struct conf_report report;
    FILE *f = fopen("t.cfg", "w");

    (void)state;
    for (int i = 0; i < 70; i++)
        fprintf(f, "nonsense%d = %d;\n", i, i);
    fputs(NOTIFIERS POLICIES, f);
    fclose(f);
    assert_null(conf_load("t.cfg", "plugins", &report));
    assert_int_equal(report.total, 70);
    assert_int_equal(report.n, 50);
    assert_string_equal(report.items[49].text, "t.cfg:50: unknown option 'nonsense49' in the configuration");
    conf_report_release(&report);
}

static int
setup(void **state)
{
    read_cases();
    if (enter_folder(state) != 0 || mkdir("rules", 0755) != 0)
        return -1;
    setenv("T_KEY", "k3y-of-the-test", 1);
    setenv("T_TOKEN", "t0ken-of-the-test", 1);
    setenv("T_BASIC", "user:passw0rd", 1);
    setenv("T_EMPTY", "\n", 1);
    unsetenv("T_NOT_SET");
    unsetenv("CREDENTIALS_DIRECTORY");
    write_file("secret.txt", "no certificate\n");
    write_file("key.txt", "k3y-of-the-test\n");
    write_file("empty.txt", "\n");
    write_file("broken.jq", "broken");
    return 0;
}

static int
teardown(void **state)
{
    for (size_t i = 0; i < n_rows; i++) {
        free(rows[i].text);
        free(rows[i].expected);
    }
    for (size_t i = 0; i < n_sections; i++)
        free((char *)(uintptr_t)sections[i].name);
    return leave_folder(state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole), cmocka_unit_test(test_notifiers), cmocka_unit_test(test_policies),
        cmocka_unit_test(test_rules), cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
