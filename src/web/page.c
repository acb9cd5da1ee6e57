/* SPDX-License-Identifier: Apache-2.0 */
/* Members of documents as tables; what is null or empty takes no room. */
#include "web/page.h"

#include <stdint.h>
#include <string.h>

const char page_style[] =
    ":root{color-scheme:light dark}body{font:16px/1.45 system-ui,sans-serif;margin:1.5rem auto;max-width:62rem;"
    "padding:0 1rem}h1{font-size:1.4rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}table{border-collapse:collapse;"
    "width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #8884;"
    "overflow-wrap:anywhere}th{font-weight:600;white-space:nowrap}table.facts th{width:11rem}bdi.label{font-family:"
    "ui-monospace,monospace;font-size:.85rem;background:#8882;border-radius:.2rem;padding:0 .3rem;margin-right:.3rem}"
    "time{white-space:nowrap}b.critical,b.error{color:#c62828}b.warning{color:#b26a00}@media(prefers-color-scheme:dark)"
    "{b.critical,b.error{color:#ff8a80}b.warning{color:#ffb74d}}";

static void
put_text(struct buf *out, const char *s)
{
    for (; *s != '\0'; s++) {
        switch (*s) {
        case '&': buf_add(out, "&amp;"); break;
        case '<': buf_add(out, "&lt;"); break;
        case '>': buf_add(out, "&gt;"); break;
        case '"': buf_add(out, "&quot;"); break;
        case '\'': buf_add(out, "&#39;"); break;
        default: buf_addc(out, *s);
        }
    }
}

static const char *
text_of(const json_t *doc, const char *name)
{
    const char *s = json_string_value(json_object_get(doc, name));

    return s != NULL ? s : "";
}

static void
put_bdi(struct buf *out, const char *s)
{
    buf_add(out, "<bdi>");
    put_text(out, s);
    buf_add(out, "</bdi>");
}

/* "2026-01-31T12:00:00.123Z" for people. */
static void
put_time(struct buf *out, const char *s)
{
    if (s[0] == '\0')
        return;
    buf_add(out, "<time datetime=\"");
    put_text(out, s);
    buf_addf(out, "\">%.10s %.8s UTC</time>", s, strlen(s) > 11 ? s + 11 : "");
}

static bool
is_time(const char *name)
{
    size_t n = strlen(name);

    return (n >= 2 && strcmp(name + n - 2, "at") == 0) || strcmp(name, "snoozed_until") == 0;
}

/* The severity is a word of ours; it is also the name of a class. */
static void
put_value(struct buf *out, const json_t *doc, const char *name)
{
    const json_t *value = json_object_get(doc, name);

    if (json_is_integer(value)) {
        buf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (is_time(name)) {
        put_time(out, text_of(doc, name));
    } else if (strcmp(name, "severity") == 0) {
        buf_addf(out, "<b class=\"%s\">", text_of(doc, name));
        put_text(out, text_of(doc, name));
        buf_add(out, "</b>");
    } else {
        put_bdi(out, text_of(doc, name));
    }
}

struct column { const char *name, *title; };                  /* a table ends with name NULL */

/* One line for each that is there. */
static void
put_facts(struct buf *out, const json_t *doc, const struct column *facts)
{
    buf_add(out, "<table class=\"facts\">\n");
    for (; facts->name != NULL; facts++) {
        const json_t *value = json_object_get(doc, facts->name);

        if (value == NULL || json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0))
            continue;
        buf_addf(out, "<tr><th scope=\"row\">%s</th><td>", facts->title);
        put_value(out, doc, facts->name);
        buf_add(out, "</td></tr>\n");
    }
    buf_add(out, "</table>\n");
}

static void
begin_table(struct buf *out, const struct column *columns)
{
    buf_add(out, "<table>\n<thead><tr>");
    for (; columns->name != NULL; columns++)
        buf_addf(out, "<th scope=\"col\">%s</th>", columns->title);
    buf_add(out, "</tr></thead>\n<tbody>\n");
}

static void
put_table(struct buf *out, const json_t *list, const struct column *columns)
{
    size_t i;
    json_t *item;

    begin_table(out, columns);
    json_array_foreach(list, i, item) {
        buf_add(out, "<tr>");
        for (const struct column *c = columns; c->name != NULL; c++) {
            buf_add(out, "<td>");
            put_value(out, item, c->name);
            buf_add(out, "</td>");
        }
        buf_add(out, "</tr>\n");
    }
    buf_add(out, "</tbody>\n</table>\n");
}

static void
begin(struct buf *out, const char *root, const char *title)
{
    buf_add(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    put_text(out, title);
    buf_addf(out, " - tocsin</title>\n<link rel=\"stylesheet\" href=\"%sstyle.css\">\n</head>\n<body>\n", root);
}

static void
end(struct buf *out)
{
    buf_add(out, "</body>\n</html>\n");
}

/* --- the open incidents -------------------------------------------------------------- */

static void
put_row(struct buf *out, const char *root, const json_t *incident, const struct column *columns)
{
    buf_add(out, "<tr>");
    for (; columns->name != NULL; columns++) {
        bool link = strcmp(columns->name, "summary") == 0;

        buf_add(out, "<td>");
        if (link)
            buf_addf(out, "<a href=\"%sincidents/%s\">", root, text_of(incident, "id"));
        put_value(out, incident, columns->name);
        buf_add(out, link ? "</a></td>" : "</td>");
    }
    buf_add(out, "</tr>\n");
}

void
page_list(struct buf *out, const char *root, const json_t *incidents, bool more)
{
    static const struct column columns[] = { { "severity", "Severity" }, { "state", "State" }, { "summary", "Summary" },
                                             { "source", "Source" }, { "opened_at", "Opened" }, { NULL, NULL } };
    size_t i;
    json_t *item;

    begin(out, root, "Open incidents");
    buf_add(out, "<h1>Open incidents</h1>\n");
    if (json_array_size(incidents) == 0) {
        buf_add(out, "<p>Nothing is open.</p>\n");
    } else {
        begin_table(out, columns);
        json_array_foreach(incidents, i, item)
            put_row(out, root, item, columns);
        buf_add(out, "</tbody>\n</table>\n");
    }
    if (more)
        buf_addf(out, "<p>These are the newest %zu; there are more.</p>\n", json_array_size(incidents));
    end(out);
}

/* --- one incident --------------------------------------------------------------------- */

static void
put_pairs(struct buf *out, const json_t *pairs, const char *title)
{
    const char *name;
    json_t *value;

    if (json_object_size(pairs) == 0)
        return;
    buf_addf(out, "<tr><th scope=\"row\">%s</th><td>", title);
    json_object_foreach((json_t *)(uintptr_t)pairs, name, value) {
        buf_add(out, "<bdi class=\"label\">");
        put_text(out, name);
        buf_add(out, "=");
        put_text(out, json_string_value(value) != NULL ? json_string_value(value) : "");
        buf_add(out, "</bdi> ");
    }
    buf_add(out, "</td></tr>\n");
}

static void
put_links(struct buf *out, const json_t *links)
{
    size_t i;
    json_t *item;

    json_array_foreach(links, i, item) {
        const char *href = text_of(item, "href"), *text = text_of(item, "text");

        if (strncmp(href, "http://", 7) != 0 && strncmp(href, "https://", 8) != 0)
            continue;                        /* integrations can add no others; this page trusts nobody */
        buf_add(out, "<p><a rel=\"noopener noreferrer\" href=\"");
        put_text(out, href);
        buf_add(out, "\">");
        put_bdi(out, text[0] != '\0' ? text : href);
        buf_add(out, "</a></p>\n");
    }
}

static void
put_alert(struct buf *out, const json_t *alert)
{
    static const struct column facts[] = { { "status", "Status" }, { "severity", "Severity" }, { "dedup_key", "Key" },
                                           { "starts_at", "Since" }, { "ends_at", "Until" }, { "count", "Reports" },
                                           { NULL, NULL } };

    buf_add(out, "<h3>");
    put_bdi(out, text_of(alert, "summary"));
    buf_add(out, "</h3>\n");
    put_facts(out, alert, facts);
    buf_add(out, "<table class=\"facts\">\n");
    put_pairs(out, json_object_get(alert, "labels"), "Labels");
    put_pairs(out, json_object_get(alert, "annotations"), "Annotations");
    buf_add(out, "</table>\n");
    put_links(out, json_object_get(alert, "links"));
}

void
page_incident(struct buf *out, const char *root, const json_t *incident)
{
    static const struct column facts[] = {
        { "state", "State" }, { "severity", "Severity" }, { "source", "Source" }, { "policy", "Policy" },
        { "opened_at", "Opened" }, { "acknowledged_at", "Acknowledged" }, { "acknowledged_by", "Acknowledged by" },
        { "next_escalation_at", "Next escalation" }, { "snoozed_until", "Snoozed until" },
        { "suppressed_by", "Suppressed by" }, { "resolved_at", "Resolved" }, { "episode", "Episode" },
        { "group_key", "Group" }, { "id", "Id" }, { NULL, NULL } };
    static const struct column deliveries[] = { { "target", "Target" }, { "state", "State" }, { "vendor_state", "Told" },
                                                { "attempts", "Attempts" }, { "told_at", "At" },
                                                { "last_error", "Last error" }, { NULL, NULL } };
    static const struct column timeline[] = { { "at", "At" }, { "kind", "What" }, { "actor", "Who" },
                                              { "text", "Text" }, { NULL, NULL } };
    const json_t *alerts = json_object_get(incident, "alerts");
    size_t i;
    json_t *item;

    begin(out, root, text_of(incident, "summary"));
    buf_addf(out, "<p><a href=\"%s\">Open incidents</a></p>\n<h1>", root[0] != '\0' ? root : "./");
    put_bdi(out, text_of(incident, "summary"));
    buf_add(out, "</h1>\n");
    put_facts(out, incident, facts);
    buf_addf(out, "<h2>Alerts (%zu)</h2>\n", json_array_size(alerts));
    json_array_foreach(alerts, i, item)
        put_alert(out, item);
    buf_add(out, "<h2>Deliveries</h2>\n");
    put_table(out, json_object_get(incident, "deliveries"), deliveries);
    buf_add(out, "<h2>Timeline</h2>\n");
    put_table(out, json_object_get(incident, "timeline"), timeline);
    end(out);
}

void
page_problem(struct buf *out, const char *root, const char *title, const char *words)
{
    begin(out, root, title);
    buf_add(out, "<h1>");
    put_text(out, title);
    buf_add(out, "</h1>\n<p>");
    put_bdi(out, words);
    buf_add(out, "</p>\n");
    end(out);
}
