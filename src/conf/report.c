/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/xalloc.h"

void
conf_report_vadd(struct conf_report *report, struct conf_pos pos, const char *fmt, va_list ap)
{
    struct conf_mistake *m;
    size_t at;

    report->total++;
    if (report->n == CONF_REPORT_MAX)
        return;
    if (report->items == NULL)
        report->items = xcalloc(CONF_REPORT_MAX, sizeof *report->items);
    m = &report->items[report->n++];
    if (pos.line > 0)
        snprintf(m->text, sizeof m->text, "%s:%u: ", pos.file, pos.line);
    else
        snprintf(m->text, sizeof m->text, "%s: ", pos.file);
    at = strlen(m->text);
    vsnprintf(m->text + at, sizeof m->text - at, fmt, ap);
}

void
conf_report_add(struct conf_report *report, struct conf_pos pos, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    conf_report_vadd(report, pos, fmt, ap);
    va_end(ap);
}

void
conf_report_release(struct conf_report *report)
{
    free(report->items);
    *report = (struct conf_report){ 0 };
}

/* Two neighbours in the wrong order are one slip of the fingers, though two edits. */
static bool
is_swapped(const char *a, const char *b)
{
    size_t i = 0;

    while (a[i] != '\0' && a[i] == b[i])
        i++;
    if (a[i] == '\0' || a[i + 1] == '\0' || a[i + 1] != b[i] || a[i] != b[i + 1])
        return false;
    return strcmp(a + i + 2, b + i + 2) == 0;
}

/* A guess must share most of its letters with the word: one edit in short names, up to three in long ones. */
static unsigned
edits_allowed(const char *word)
{
    size_t n = strlen(word);

    return n < 3 ? 0 : n < 5 ? 1 : n < 9 ? 2 : 3;
}

const char *
nearest_name(const char *word, const char *const *names, size_t n)
{
    unsigned best = edits_allowed(word) + 1;
    const char *found = NULL;

    for (size_t i = 0; i < n; i++) {
        unsigned d = is_swapped(word, names[i]) ? 0 : text_distance(word, names[i]);

        if (d < best) {
            best = d;
            found = names[i];
        }
    }
    return found;
}

const char *
hint_text(const char *name, char out[HINT_TEXT])
{
    out[0] = '\0';
    if (name != NULL)
        snprintf(out, HINT_TEXT, "; did you mean '%s'?", name);
    return out;
}
