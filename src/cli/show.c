/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An incident for somebody who was woken by it.  In this order: what is wrong
 * and how bad; whose it is and what happens next; where to look (labels,
 * links); who was told and who could not be; how it came about.
 */
#include <stdio.h>
#include <string.h>

#include "cli/internal.h"

enum { MAX_ALERTS = 10, LABEL = 12 };

static void
field(const struct cli *cli, const char *name, const char *value)
{
    size_t room = cli->width > LABEL + 12 ? cli->width - LABEL - 2 : 0;

    if (*value != '\0')
        printf("  %-*s%s\n", LABEL, name, term_cut(cli->arena, value, room));
}

static void
heading(const struct cli *cli, const char *text)
{
    printf("\n%s%s%s\n", term_bold(cli), text, term_reset(cli));
}

static const char *
with_age(const struct cli *cli, const char *when)
{
    return *when != '\0' ? arena_printf(cli->arena, "%s (%s ago)", term_clock(cli, when), term_age(cli, when)) : "";
}

static void
head(const struct cli *cli, const json_t *in)
{
    const char *severity = doc_text(cli, in, "severity"), *acked = doc_text(cli, in, "acknowledged_at");
    const char *next = doc_text(cli, in, "next_escalation_at"), *resolved = doc_text(cli, in, "resolved_at");
    const char *snoozed = doc_text(cli, in, "snoozed_until");

    printf("%s%s%s  %s%s%s\n", term_severity_colour(cli, severity), severity, term_reset(cli), term_bold(cli),
           doc_text(cli, in, "summary"), term_reset(cli));
    field(cli, "state", doc_text(cli, in, "state"));
    field(cli, "opened", with_age(cli, doc_text(cli, in, "opened_at")));
    if (*acked != '\0')
        field(cli, "ack",
              arena_printf(cli->arena, "%s, %s", doc_text(cli, in, "acknowledged_by"), with_age(cli, acked)));
    field(cli, "resolved", with_age(cli, resolved));
    field(cli, "held by", doc_text(cli, in, "suppressed_by"));
    field(cli, "snoozed", *snoozed != '\0' ? arena_printf(cli->arena, "until %s", term_clock(cli, snoozed)) : "");
    field(cli, "policy", arena_printf(cli->arena, "%s, %lld step%s told", doc_text(cli, in, "policy"),
                                      (long long)doc_int(in, "step"), doc_int(in, "step") == 1 ? "" : "s"));
    if (json_is_true(json_object_get(in, "exhausted")))
        field(cli, "", "it ended unanswered; the last resort is told");
    if (*next != '\0')
        field(cli, "next", arena_printf(cli->arena, "%s unless somebody answers", term_clock(cli, next)));
    field(cli, "source", doc_text(cli, in, "source"));
    field(cli, "group", doc_text(cli, in, "group_key"));
    if (doc_int(in, "episode") > 1)
        field(cli, "episode", arena_printf(cli->arena, "%lld: it came back", (long long)doc_int(in, "episode")));
    field(cli, "id", doc_text(cli, in, "id"));
}

static void
print_pairs(const struct cli *cli, const json_t *pairs)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)pairs, name, value)
        field(cli, term_clean(cli->arena, name),
              json_is_string(value) ? term_clean(cli->arena, json_string_value(value)) : "");
}

static void
alert(const struct cli *cli, const json_t *a)
{
    const json_t *links = json_object_get(a, "links"), *rules = json_object_get(a, "rules"), *link, *rule;
    const char *severity = doc_text(cli, a, "severity");
    size_t i;

    printf("%s%s%s %s: %s (%lld report%s, since %s)\n", term_severity_colour(cli, severity), severity, term_reset(cli),
           doc_text(cli, a, "status"), doc_text(cli, a, "summary"), (long long)doc_int(a, "count"),
           doc_int(a, "count") == 1 ? "" : "s", term_clock(cli, doc_text(cli, a, "starts_at")));
    print_pairs(cli, json_object_get(a, "labels"));
    print_pairs(cli, json_object_get(a, "annotations"));
    json_array_foreach((json_t *)(uintptr_t)rules, i, rule)
        field(cli, i == 0 ? "rules" : "",
              arena_printf(cli->arena, "%s (%s)", doc_text(cli, rule, "name"), doc_text(cli, rule, "at")));
    json_array_foreach((json_t *)(uintptr_t)links, i, link)
        printf("  %s%s%s\n", doc_text(cli, link, "href"), *doc_text(cli, link, "text") != '\0' ? "  " : "",
               doc_text(cli, link, "text"));
}

static void
alerts(const struct cli *cli, const json_t *list)
{
    const json_t *a;
    size_t i;

    heading(cli, "ALERTS");
    json_array_foreach((json_t *)(uintptr_t)list, i, a)
    {
        if (i == MAX_ALERTS) {
            printf("... and %zu more (--json shows all)\n", json_array_size(list) - i);
            break;
        }
        alert(cli, a);
    }
}

static void
deliveries(const struct cli *cli, const json_t *list)
{
    struct table t = { .n = 6, .flexible = 5,
                       .heads = { "TARGET", "STATE", "KNOWS IT AS", "TOLD", "FAILED", "LAST ERROR" } };
    const json_t *d;
    size_t i;

    if (json_array_size(list) == 0) {
        heading(cli, "TOLD");
        printf("nobody\n");
        return;
    }
    printf("\n");
    json_array_foreach((json_t *)(uintptr_t)list, i, d)
    {
        const char *state = doc_text(cli, d, "state");
        bool bad = strcmp(state, "failing") == 0 || strcmp(state, "rejected") == 0;
        const char *told = doc_text(cli, d, "vendor_state");
        const char *cells[] = { doc_text(cli, d, "target"), state, *told != '\0' ? told : "-",
                                term_clock(cli, doc_text(cli, d, "told_at")),
                                arena_printf(cli->arena, "%lld", (long long)doc_int(d, "attempts")),
                                doc_text(cli, d, "last_error") };

        table_add(&t, cells, bad ? term_severity_colour(cli, "error") : "");
    }
    table_print(&t, cli);
}

static void
timeline(const struct cli *cli, const json_t *list)
{
    struct table t = { .n = 4, .flexible = 3, .heads = { "TIME", "WHAT", "WHO", "" } };
    const json_t *e;
    size_t i;

    printf("\n");
    json_array_foreach((json_t *)(uintptr_t)list, i, e)
    {
        const char *cells[] = { term_clock(cli, doc_text(cli, e, "at")), doc_text(cli, e, "kind"),
                                doc_text(cli, e, "actor"), doc_text(cli, e, "text") };

        table_add(&t, cells, "");
    }
    table_print(&t, cli);
}

void
show_incident(const struct cli *cli, const json_t *in)
{
    head(cli, in);
    alerts(cli, json_object_get(in, "alerts"));
    deliveries(cli, json_object_get(in, "deliveries"));
    timeline(cli, json_object_get(in, "timeline"));
}
