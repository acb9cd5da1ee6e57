/* SPDX-License-Identifier: Apache-2.0 */
/* Filters with named wildcards: what matches, and which labels come of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "collector/collector.h"

static const struct { const char *filter, *topic, *labels; } cases[] = {
    /* labels: "name=value " each; NULL: no match */
    { "train/+cluster/+host/alert", "train/c1/h7/alert", "cluster=c1 host=h7 " },
    { "train/+cluster/+host/alert", "train/c1/h7/alarm", NULL },
    { "train/+cluster/+host/alert", "train/c1/h7", NULL },
    { "train/+cluster/+host/alert", "train/c1/h7/alert/x", NULL },
    { "train/+/+host/alert", "train/c1/h7/alert", "host=h7 " },
    { "a/#rest", "a/b/c", "rest=b/c " },
    { "a/#rest", "a", "" },
    { "a/#rest", "a/", "" },
    { "a/#rest", "b/c", NULL },
    { "a/#", "a/b/c", "" },
    { "#all", "x/y", "all=x/y " },
    { "#", "x", "" },
    { "+first/#rest", "x/y/z", "first=x rest=y/z " },
    { "a/b", "a/b", "" },
    { "a/b", "a/bc", NULL },
    { "a/bc", "a/b", NULL },
    { "a", "a/b", NULL },
    { "a/b", "a", NULL },
    { "a//b", "a//b", "" },
    { "a/+x/b", "a//b", "" },              /* an empty level matches and names nothing */
    { "+", "/x", NULL },
    { "+/+x", "/x", "x=x " },
    { "/+x", "/x", "x=x " },
    { "+a", "$SYS", NULL },
    { "#", "$SYS/broker/load", NULL },
    { "$SYS/#what", "$SYS/broker/load", "what=broker/load " },
    { "$share/group/train/+host", "train/h7", "host=h7 " },
    { "$share/group/train/+host", "group/train/h7", NULL },
    { "t/+x", "t/a\x01\xff", "x=a\xef\xbf\xbd\xef\xbf\xbd " },
};

static void
matches(void **state)
{
    struct arena *arena = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tocsin_pair *labels = NULL;
        size_t n = 0;
        bool matched = mqtt_topic_match(cases[i].filter, cases[i].topic, arena, &labels, &n);
        struct buf text;

        if (matched != (cases[i].labels != NULL))
            fail_msg("filter '%s', topic '%s': %s", cases[i].filter, cases[i].topic, matched ? "matched" : "no match");
        buf_init(&text, 1000);
        for (size_t k = 0; k < n; k++)
            buf_addf(&text, "%s=%s ", labels[k].name, labels[k].value);
        if (matched)
            assert_string_equal(text.n > 0 ? text.p : "", cases[i].labels);
        else
            assert_int_equal(n, 0);
        buf_release(&text);
    }
    arena_free(arena);
}

static void
long_value_is_cut(void **state)
{
    struct arena *arena = arena_new();
    struct tocsin_pair *labels = NULL;
    char topic[4000];
    size_t n = 0;

    (void)state;
    memset(topic, 'x', sizeof topic - 1);
    topic[sizeof topic - 1] = '\0';
    assert_true(mqtt_topic_match("+all", topic, arena, &labels, &n));
    assert_int_equal(n, 1);
    assert_in_range(strlen(labels[0].value), 900, 1024);
    arena_free(arena);
}

static void
plain_filters(void **state)
{
    static const struct { const char *filter, *plain; } table[] = {
        { "train/+cluster/+host/alert", "train/+/+/alert" }, { "a/+host/#rest", "a/+/#" }, { "a/#", "a/#" },
        { "#all", "#" }, { "+", "+" }, { "a/b", "a/b" }, { "/+x/", "/+/" }, { "a//b", "a//b" },
        { "$share/g1/train/+host", "$share/g1/train/+" }, { "a+b/c#", "a+b/c#" },
    };
    struct arena *arena = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_string_equal(mqtt_topic_plain(table[i].filter, arena), table[i].plain);
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches), cmocka_unit_test(long_value_is_cut), cmocka_unit_test(plain_filters)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
