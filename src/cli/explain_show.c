/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What explain found, for a person: the alert first, then why it is so, then
 * who hears of it.  Everything is read from the document that --json prints.
 */
#include <stdio.h>
#include <string.h>

#include "cli/internal.h"

enum { LABEL = 12 };

static void
field(const struct cli *cli, const char *name, const char *value)
{
    size_t room = cli->width > LABEL + 12 ? cli->width - LABEL - 2 : 0;

    if (*value != '\0')
        printf("  %-*s%s\n", LABEL, name, term_cut(cli->arena, value, room));
}

static const char *
joined(const struct cli *cli, const json_t *names)
{
    const char *text = "";
    const json_t *name;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)names, i, name)
        text = arena_printf(cli->arena, "%s%s%s", text, i > 0 ? ", " : "",
                            term_clean(cli->arena, json_string_value(name)));
    return text;
}

static void
fields(const struct cli *cli, const char *what, const json_t *pairs)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)pairs, name, value) {
        field(cli, what, arena_printf(cli->arena, "%s = %s", term_clean(cli->arena, name),
                                      term_clean(cli->arena, json_string_value(value))));
        what = "";
    }
}

static void
rules(const struct cli *cli, const json_t *list)
{
    const json_t *rule;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)list, i, rule) {
        const char *failed = json_is_true(json_object_get(rule, "failed")) ? " FAILED" : "";

        field(cli, i == 0 ? "rules" : "",
              arena_printf(cli->arena, "%s (%s)%s: %s", doc_text(cli, rule, "name"), doc_text(cli, rule, "at"), failed,
                           doc_text(cli, rule, "text")));
    }
    if (json_array_size(list) == 0)
        field(cli, "rules", "none matched");
}

static void
policy(const struct cli *cli, const json_t *alert)
{
    const json_t *p = json_object_get(alert, "policy"), *step;
    size_t i;

    field(cli, "policy", arena_printf(cli->arena, "%s (%s)", doc_text(cli, p, "name"), doc_text(cli, p, "routed_by")));
    field(cli, "also told", joined(cli, json_object_get(alert, "notify")));
    json_array_foreach(json_object_get(p, "steps"), i, step)
        field(cli, "", arena_printf(cli->arena, "after %s: %s", doc_text(cli, step, "after"),
                                    joined(cli, json_object_get(step, "notify"))));
    if (json_array_size(json_object_get(p, "last_resort")) > 0)
        field(cli, "", arena_printf(cli->arena, "last resort: %s", joined(cli, json_object_get(p, "last_resort"))));
}

static void
alert(const struct cli *cli, const json_t *a)
{
    const char *severity = doc_text(cli, a, "severity"), *was = doc_text(cli, a, "source_severity");
    const json_t *link;
    size_t i;

    printf("\n%s%s%s %s: %s%s%s\n", term_severity_colour(cli, severity), severity, term_reset(cli),
           doc_text(cli, a, "status"), term_bold(cli), doc_text(cli, a, "summary"), term_reset(cli));
    field(cli, "dedup_key", doc_text(cli, a, "dedup_key"));
    if (*was != '\0')
        field(cli, "severity", arena_printf(cli->arena, "%s, which a rule made of %s", severity, was));
    field(cli, "starts", doc_text(cli, a, "starts_at"));
    field(cli, "ended", doc_text(cli, a, "ends_at"));
    field(cli, "expires", doc_text(cli, a, "expires_at"));
    fields(cli, "labels", json_object_get(a, "labels"));
    fields(cli, "annotations", json_object_get(a, "annotations"));
    json_array_foreach(json_object_get(a, "links"), i, link)
        field(cli, i == 0 ? "links" : "", doc_text(cli, link, "href"));
    rules(cli, json_object_get(a, "rules"));
    field(cli, "so it", doc_text(cli, a, "effect"));
    field(cli, "group", doc_text(cli, a, "group_key"));
    if (json_is_true(json_object_get(a, "pages")))
        policy(cli, a);
}

void
show_explanation(const struct cli *cli, const json_t *x)
{
    const json_t *alerts = json_object_get(x, "alerts"), *item;
    const char *topic = doc_text(cli, x, "topic");
    size_t n = json_array_size(alerts), i;

    printf("collector '%s' (%s, format %s%s%s): %zu alert%s\n", doc_text(cli, x, "collector"), doc_text(cli, x, "at"),
           doc_text(cli, x, "format"), *topic != '\0' ? ", topic " : "", topic, n, n == 1 ? "" : "s");
    if (doc_int(x, "lines_without_a_rule") > 0)
        printf("%lld line%s of a log that no rule makes an alert of: only counted\n",
               (long long)doc_int(x, "lines_without_a_rule"), doc_int(x, "lines_without_a_rule") == 1 ? "" : "s");
    json_array_foreach(json_object_get(x, "notes"), i, item)
        printf("note: %s\n", term_clean(cli->arena, json_string_value(item)));
    json_array_foreach(json_object_get(x, "fetches"), i, item)
        printf("would fetch %s (%s)\n", doc_text(cli, item, "url"), doc_text(cli, item, "why"));
    json_array_foreach((json_t *)(uintptr_t)alerts, i, item)
        alert(cli, item);
}
