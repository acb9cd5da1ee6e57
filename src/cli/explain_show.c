/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What explain found, for a person: the alert first, then why it is so, then
 * who hears of it.  Everything is read from the document that --json prints.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/explain.h"
#include "cli/internal.h"

enum { LABEL = 12, OTHERS_SHOWN = 6, ANSWER_WIDTH = 240 };

struct show {
    const struct cli *cli;
    size_t indent;
    bool alone;                    /* one alert or line: all that can be said of it has room */
    bool all_rules;
};

/* --- fields ------------------------------------------------------------------------------- */

/* Words in lines of the terminal's width; what is longer than a line stays whole. */
static void
print_words(const struct cli *cli, const char *text, size_t indent)
{
    size_t room = cli->width > indent + 20 ? cli->width - indent : 0, used = 0;

    while (*text != '\0') {
        size_t n = strcspn(text, " ");
        const char *word = arena_strndup(cli->arena, text, n);
        size_t width = term_width(word);

        if (used > 0 && room > 0 && used + 1 + width > room) {
            printf("\n%*s", (int)indent, "");
            used = 0;
        }
        printf("%s%s", used > 0 ? " " : "", word);
        used += width + (used > 0);
        text += n;
        text += *text == ' ';
    }
    putchar('\n');
}

static void
field(const struct show *s, const char *name, const char *value)
{
    if (*value == '\0')
        return;
    printf("%*s%-*s", (int)s->indent, "", LABEL, name);
    print_words(s->cli, value, s->indent + LABEL);
}

/* Texts, or a member of each object. */
static const char *
joined(const struct cli *cli, const json_t *list, const char *member)
{
    const char *text = "";
    const json_t *item;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)list, i, item)
        text = arena_printf(cli->arena, "%s%s%s", text, i > 0 ? ", " : "",
                            member != NULL ? doc_text(cli, item, member)
                                           : term_clean(cli->arena, json_string_value(item)));
    return text;
}

static void
fields(const struct show *s, const char *what, const json_t *pairs)
{
    struct arena *arena = s->cli->arena;
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)pairs, name, value) {
        field(s, what, arena_printf(arena, "%s = %s", term_clean(arena, name),
                                    term_clean(arena, json_string_value(value))));
        what = "";
    }
}

static const char *
plural(const struct cli *cli, json_int_t n, const char *one, const char *many)
{
    return arena_printf(cli->arena, "%lld %s", (long long)n, n == 1 ? one : many);
}

/* --- rules ----------------------------------------------------------------------------------- */

static const char *
threshold(const struct cli *cli, const json_t *t)
{
    const char *of = doc_text(cli, t, "of");
    json_int_t missing = doc_int(t, "missing");

    if (t == NULL || missing == 0)
        return "";
    return arena_printf(cli->arena, " (counted%s%s, in this payload alone: %lld more %s it)",
                        *of != '\0' ? " for " : "", of, (long long)missing, missing == 1 ? "reaches" : "reach");
}

/* Why each of the others does not match; where there is more to show, only which they are. */
static void
other_rules(const struct show *s, const json_t *a)
{
    const json_t *others = json_object_get(a, "other_rules"), *rule;
    json_int_t total = doc_int(a, "other_rules_total");
    struct arena *arena = s->cli->arena;
    size_t i, shown = 0;

    if (!s->all_rules && total > OTHERS_SHOWN && (!s->alone || json_array_size(others) == 0)) {
        field(s, "no match", arena_printf(arena, "%lld rules; --all-rules says why", (long long)total));
        return;
    }
    if (!s->alone && !s->all_rules && total > 0) {
        field(s, "no match", arena_printf(arena, "%s; --all-rules says why", joined(s->cli, others, "name")));
        return;
    }
    json_array_foreach((json_t *)(uintptr_t)others, i, rule) {
        if (i == OTHERS_SHOWN && !s->all_rules && total > OTHERS_SHOWN + 1)
            break;
        field(s, i == 0 ? "no match" : "", arena_printf(arena, "%s (%s): %s", doc_text(s->cli, rule, "name"),
                                                        doc_text(s->cli, rule, "at"), doc_text(s->cli, rule, "why")));
        shown++;
    }
    total -= (json_int_t)shown;
    if (total > 0)
        field(s, "", arena_printf(arena, "and %lld more; --all-rules shows them", (long long)total));
}

static void
rules(const struct show *s, const json_t *a)
{
    const json_t *list = json_object_get(a, "rules"), *rule;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)list, i, rule) {
        const char *failed = json_is_true(json_object_get(rule, "failed")) ? " FAILED" : "";
        const char *name = doc_text(s->cli, rule, "name"), *at = doc_text(s->cli, rule, "at");

        field(s, i == 0 ? "rules" : "", arena_printf(s->cli->arena, "%s (%s)%s: %s%s", name, at, failed,
                                                     doc_text(s->cli, rule, "text"),
                                                     threshold(s->cli, json_object_get(rule, "threshold"))));
    }
    if (json_array_size(list) == 0)
        field(s, "rules", "none matched");
}

/* --- an alert ------------------------------------------------------------------------------------ */

static void
policy(const struct show *s, const json_t *alert)
{
    const json_t *p = json_object_get(alert, "policy"), *step;
    const char *delay = doc_text(s->cli, alert, "delay");
    struct arena *arena = s->cli->arena;
    size_t i;

    field(s, "policy", arena_printf(arena, "%s (%s)%s%s", doc_text(s->cli, p, "name"), doc_text(s->cli, p, "routed_by"),
                                    *delay != '\0' ? ", which begins when the incident opens, after " : "", delay));
    field(s, "also told", joined(s->cli, json_object_get(alert, "notify"), NULL));
    json_array_foreach(json_object_get(p, "steps"), i, step)
        field(s, "", arena_printf(arena, "after %s: %s", doc_text(s->cli, step, "after"),
                                  joined(s->cli, json_object_get(step, "notify"), NULL)));
    if (json_array_size(json_object_get(p, "last_resort")) > 0)
        field(s, "", arena_printf(arena, "last resort: %s", joined(s->cli, json_object_get(p, "last_resort"), NULL)));
}

static void
times(const struct show *s, const json_t *a, bool is_alert)
{
    const char *after = doc_text(s->cli, a, "resolve_after"), *expires = doc_text(s->cli, a, "expires_at");

    field(s, "starts", doc_text(s->cli, a, "starts_at"));
    field(s, "ended", doc_text(s->cli, a, "ends_at"));
    if (!is_alert)
        return;
    if (*expires != '\0' && *after != '\0')
        field(s, "expires", arena_printf(s->cli->arena, "%s after the last news of it, at %s if there is none", after,
                                         term_clock(s->cli, expires)));
    else if (*expires != '\0')
        field(s, "expires", arena_printf(s->cli->arena, "at %s, unless there is news of it",
                                         term_clock(s->cli, expires)));
}

/* A line that is no alert has neither an end nor a key that anybody would see. */
static void
what_it_is(const struct show *s, const json_t *a, bool is_alert)
{
    const char *severity = doc_text(s->cli, a, "severity"), *was = doc_text(s->cli, a, "source_severity");
    const char *own = doc_text(s->cli, a, "own_key");
    const json_t *link;
    size_t i;

    if (is_alert)
        field(s, "dedup_key", doc_text(s->cli, a, "dedup_key"));
    if (is_alert && *own != '\0')
        field(s, "own key", arena_printf(s->cli->arena, "%s, by which its sender goes on to know it", own));
    if (*was != '\0')
        field(s, "severity", arena_printf(s->cli->arena, "%s, which a rule made of %s", severity, was));
    times(s, a, is_alert);
    fields(s, "labels", json_object_get(a, "labels"));
    fields(s, "annotations", json_object_get(a, "annotations"));
    json_array_foreach(json_object_get(a, "links"), i, link)
        field(s, i == 0 ? "links" : "", doc_text(s->cli, link, "href"));
}

static void
what_becomes_of_it(const struct show *s, const json_t *a)
{
    const char *until = doc_text(s->cli, a, "delayed_until");

    field(s, "so it", doc_text(s->cli, a, "effect"));
    if (!json_is_true(json_object_get(a, "pages")))
        return;
    if (*until != '\0')
        field(s, "until", term_clock(s->cli, until));
    field(s, "group", doc_text(s->cli, a, "group_key"));
    policy(s, a);
}

static void
heading(const struct cli *cli, const json_t *a, const char *before, const char *status)
{
    const char *severity = doc_text(cli, a, "severity");
    json_int_t lines = doc_int(a, "lines");

    printf("%s%s%s%s %s: %s%s%s", before, term_severity_colour(cli, severity), severity, term_reset(cli), status,
           term_bold(cli), doc_text(cli, a, "summary"), term_reset(cli));
    if (lines > 1)
        printf(" (the last of %lld such lines)", (long long)lines);
    putchar('\n');
}

/* What it would be if a threshold were reached: only what differs from what it is. */
static void
once_reached(const struct show *s, const json_t *a)
{
    const json_t *then = json_object_get(a, "once_reached");
    struct show inner = *s;

    if (then == NULL)
        return;
    heading(s->cli, then, "  once the threshold is reached: ", doc_text(s->cli, then, "status"));
    inner.indent += 2;
    if (strcmp(doc_text(s->cli, then, "dedup_key"), doc_text(s->cli, a, "dedup_key")) != 0)
        field(&inner, "dedup_key", doc_text(s->cli, then, "dedup_key"));
    rules(&inner, then);
    if (*doc_text(s->cli, then, "resolve_after") != '\0')
        field(&inner, "expires", arena_printf(s->cli->arena, "%s after the last news of it",
                                              doc_text(s->cli, then, "resolve_after")));
    what_becomes_of_it(&inner, then);
}

static void
alert(const struct show *s, const json_t *a, const char *before, const char *status, bool is_alert)
{
    putchar('\n');
    heading(s->cli, a, before, status);
    what_it_is(s, a, is_alert);
    rules(s, a);
    other_rules(s, a);
    what_becomes_of_it(s, a);
    once_reached(s, a);
}

/* --- the payload ------------------------------------------------------------------------------------- */

static void
summary(const struct cli *cli, const json_t *x)
{
    const char *topic = doc_text(cli, x, "topic"), *path = doc_text(cli, x, "path");
    size_t n_acts = json_array_size(json_object_get(x, "actions"));
    size_t n_alerts = json_array_size(json_object_get(x, "alerts"));
    json_int_t lines = doc_int(x, "lines");

    printf("collector '%s' (%s, format %s%s%s", doc_text(cli, x, "collector"), doc_text(cli, x, "at"),
           doc_text(cli, x, "format"), *topic != '\0' ? ", topic " : "", topic);
    if (*path != '\0')
        printf(", %s %s", doc_text(cli, x, "method"), path);
    fputs("): ", stdout);
    if (lines > 0)
        printf("%s of a log, ", plural(cli, lines, "line", "lines"));
    if (n_alerts > 0 || n_acts == 0)
        printf("%s%s", n_alerts > 0 ? plural(cli, (json_int_t)n_alerts, "alert", "alerts") : "no alert",
               n_acts > 0 ? ", " : "");
    if (n_acts > 0)
        fputs(plural(cli, (json_int_t)n_acts, "action", "actions"), stdout);
    putchar('\n');
}

static void
actions(const struct show *s, const json_t *list)
{
    const struct cli *cli = s->cli;
    static const char *const words[][2] = {
        { "ack", "acknowledges" }, { "unack", "takes the acknowledgement back of" }, { "resolve", "resolves" },
        { "snooze", "snoozes" }, { "note", "adds a note to" }, { "escalate", "escalates" },
    };
    const json_t *act;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)list, i, act) {
        const char *word = doc_text(cli, act, "action");

        for (size_t k = 0; k < sizeof words / sizeof words[0]; k++)
            if (strcmp(words[k][0], word) == 0)
                word = words[k][1];
        printf("\n%s the incident of the alert that is open under '%s', if there is one\n", word,
               doc_text(cli, act, "dedup_key"));
        field(s, "by", doc_text(cli, act, "by"));
        field(s, "note", doc_text(cli, act, "note"));
        field(s, "until", doc_text(cli, act, "until"));
    }
}

static void
heartbeat(const struct cli *cli, const json_t *h)
{
    const char *labels = "", *name, *grace = doc_text(cli, h, "grace");
    json_t *value;

    if (!json_is_object(h))
        return;
    json_object_foreach(json_object_get(h, "labels"), name, value)
        labels = arena_printf(cli->arena, "%s%s%s=%s", labels, *labels != '\0' ? ", " : " of ", name,
                              term_clean(cli->arena, json_string_value(value)));
    printf("heartbeat: this is a beat%s; without another within %s%s%s of grace, by %s, it is silent: an alert (%s)\n",
           labels, doc_text(cli, h, "every"), *grace != '\0' ? " and " : "", *grace != '\0' ? grace : "nothing",
           term_clock(cli, doc_text(cli, h, "silent_at")), doc_text(cli, h, "severity"));
}

static void
answer(const struct cli *cli, const json_t *a)
{
    char *body = json_is_object(a) ? json_dumps(json_object_get(a, "body"), JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    if (body != NULL)
        printf("its sender is told: %lld%s%s\n", (long long)doc_int(a, "status"), strcmp(body, "\"\"") == 0 ? "" : " ",
               term_cut(cli->arena, term_clean(cli->arena, strcmp(body, "\"\"") == 0 ? "" : body), ANSWER_WIDTH));
    free(body);
}

static void
besides(const struct cli *cli, const json_t *x)
{
    const json_t *item;
    const char *kind;
    json_t *n;
    size_t i;

    json_array_foreach(json_object_get(x, "remarks"), i, item)
        printf("note: %s\n", term_clean(cli->arena, json_string_value(item)));
    json_array_foreach(json_object_get(x, "notes"), i, item)
        printf("would log: %s\n", term_clean(cli->arena, json_string_value(item)));
    json_array_foreach(json_object_get(x, "fetches"), i, item)
        printf("would fetch %s (%s)\n", doc_text(cli, item, "url"), doc_text(cli, item, "why"));
    json_array_foreach(json_object_get(x, "forwards"), i, item)
        printf("would pass on: %s, %lld bytes\n", doc_text(cli, item, "what"), (long long)doc_int(item, "bytes"));
    json_object_foreach(json_object_get(x, "counts"), kind, n)
        printf("counted: %lld %s\n", (long long)json_integer_value(n), term_clean(cli->arena, kind));
    heartbeat(cli, json_object_get(x, "heartbeat"));
    answer(cli, json_object_get(x, "answer"));
}

static void
quiet_lines(const struct show *s, const json_t *x, json_int_t *told_r)
{
    const json_t *list = json_object_get(x, "line_details"), *item;
    size_t i;

    *told_r = 0;
    json_array_foreach((json_t *)(uintptr_t)list, i, item) {
        alert(s, item, "", "line, no alert", false);
        *told_r += doc_int(item, "lines");
    }
}

static void
show_rest(const struct show *s, const json_t *x, json_int_t told)
{
    json_int_t quiet = doc_int(x, "lines_without_a_rule") - told;

    if (quiet > 0)
        printf("\nand %s that no rule makes an alert of: only counted\n",
               plural(s->cli, quiet, "more line", "more lines"));
}

void
show_explanation(const struct cli *cli, const json_t *x, bool all_rules)
{
    const json_t *alerts = json_object_get(x, "alerts"), *item;
    size_t n = json_array_size(alerts), i;
    struct show s = { .cli = cli, .indent = 2, .all_rules = all_rules,
                      .alone = n + json_array_size(json_object_get(x, "line_details")) == 1 };
    json_int_t told;
    bool pages = false;

    summary(cli, x);
    besides(cli, x);
    json_array_foreach((json_t *)(uintptr_t)alerts, i, item) {
        alert(&s, item, n > 1 ? arena_printf(cli->arena, "%zu: ", i + 1) : "", doc_text(cli, item, "status"),
              true);
        pages = pages || json_is_true(json_object_get(item, "pages"));
    }
    quiet_lines(&s, x, &told);
    show_rest(&s, x, told);
    actions(&s, json_object_get(x, "actions"));
    if (pages && !json_is_true(json_object_get(x, "live")))
        puts("\nA silence in force would hold it back: 'tocsin silence' lists those of the daemon.");
}
