/* SPDX-License-Identifier: Apache-2.0 */
/* explain_live.c - the daemon's silences, matched here as it matches them, and its open alerts. */
#include "cli/explain_live.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "base/xalloc.h"
#include "core/alert.h"
#include "core/normalise/severity.h"
#include "core/silence/matchers.h"
#include "core/silence/set.h"

enum { PAGE = 200, PAGES_MAX = 50 };

struct explain_live {
    struct arena *arena;           /* of the silences' rows */
    struct silence_set *silences;
    json_t *open;                  /* by dedup_key */
};

static json_t *
get(const struct cli *cli, const char *path)
{
    struct answer a;
    int status = rest_ask(cli, "GET", path, NULL, &a);
    json_t *doc = status == EXIT_YES ? json_incref(a.doc) : NULL;

    if (status != EXIT_YES && a.status != 0)
        rest_complain(cli, "ask what is in force", &a);
    answer_release(&a);
    return doc;
}

/* --- silences --------------------------------------------------------------------------- */

static void
add_silence(struct explain_live *l, const json_t *doc)
{
    const json_t *text;
    struct matchers matchers = { 0 };
    struct silence_row row = { .phase = SILENCE_ACTIVE, .annotations = "" };
    const char *ends = json_string_value(json_object_get(doc, "ends_at"));
    const char *by = json_string_value(json_object_get(doc, "created_by"));
    const char *comment = json_string_value(json_object_get(doc, "comment"));
    const char *id = json_string_value(json_object_get(doc, "id"));
    size_t i;

    if (id == NULL || !id_parse(id, &row.id))
        return;
    json_array_foreach(json_object_get(doc, "matchers"), i, text)
        if (matchers_add(l->arena, &matchers, json_string_value(text), NULL) != TOCSIN_OK)
            return;
    row.matchers = matchers_format(l->arena, &matchers);
    row.ends_at = time_parse(ends != NULL ? ends : "");
    row.created_by = arena_strdup(l->arena, by != NULL ? by : "");
    row.comment = arena_strdup(l->arena, comment != NULL ? comment : "");
    silence_set_put(l->silences, &row);
}

static bool
read_silences(struct explain_live *l, const struct cli *cli)
{
    json_t *doc = get(cli, "/v1/silences?state=active"), *one;
    size_t i;

    json_array_foreach(json_object_get(doc, "silences"), i, one)
        add_silence(l, one);
    json_decref(doc);
    return doc != NULL;
}

const char *
explain_live_silence(struct explain_live *l, struct arena *arena, const struct decision *d)
{
    struct alert_text t = { 0 };
    struct silence_subject subject;
    const struct silence_row *s;
    char id[ID_TEXT], until[TIME_TEXT];

    if (l == NULL || silence_set_count(l->silences) == 0)
        return NULL;
    alert_text_decode(arena, d->body, d->body_len, &t);
    subject = (struct silence_subject){ .labels = t.labels, .n_labels = t.n_labels, .summary = t.summary,
                                        .severity = severity_name(d->severity), .source = d->source };
    s = silence_set_match(l->silences, &subject);
    if (s == NULL)
        return NULL;
    return arena_printf(arena, "silence '%s' (%s)%s%s, until %s", id_format(&s->id, id), s->created_by,
                        s->comment[0] != '\0' ? ": " : "", s->comment, time_format(s->ends_at, until));
}

/* --- open alerts -------------------------------------------------------------------------- */

static bool
read_open(struct explain_live *l, const struct cli *cli, const char *collector)
{
    const char *base = arena_printf(cli->arena, "/v1/alerts?status=firing,dismissed,dropped&limit=%d&source=%s", PAGE,
                                    rest_escape(cli, collector));
    const char *cursor = NULL;
    bool good = true;

    for (int page = 0; good && (page == 0 || cursor != NULL) && page < PAGES_MAX; page++) {
        json_t *doc = get(cli, cursor != NULL ? arena_printf(cli->arena, "%s&cursor=%s", base, cursor) : base), *one;
        size_t i;

        json_array_foreach(json_object_get(doc, "alerts"), i, one)
            json_object_set(l->open, json_string_value(json_object_get(one, "dedup_key")), one);
        cursor = arena_strdup(cli->arena, json_string_value(json_object_get(doc, "next")));
        good = doc != NULL;
        json_decref(doc);
    }
    if (cursor != NULL)
        fprintf(stderr, "tocsin: the collector has more than %d open alerts; older ones are not looked at\n",
                PAGE * PAGES_MAX);
    return good;
}

const json_t *
explain_live_open(const struct explain_live *l, const char *dedup_key)
{
    return l != NULL ? json_object_get(l->open, dedup_key) : NULL;
}

/* --- both ------------------------------------------------------------------------------------- */

struct explain_live *
explain_live_ask(const struct cli *cli, const char *collector)
{
    struct explain_live *l = xcalloc(1, sizeof *l);

    l->arena = arena_new();
    l->silences = silence_set_new();
    l->open = json_object();
    if (read_silences(l, cli) && read_open(l, cli, collector))
        return l;
    explain_live_free(l);
    return NULL;
}

void
explain_live_free(struct explain_live *l)
{
    if (l == NULL)
        return;
    silence_set_free(l->silences);
    json_decref(l->open);
    arena_free(l->arena);
    free(l);
}
