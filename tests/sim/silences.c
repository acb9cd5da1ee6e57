/* SPDX-License-Identifier: Apache-2.0 */
/* People make, change and end silences; and what must be so because of them. */
#include <string.h>

#include "core/alert.h"
#include "core/silence/matchers.h"
#include "core/silence/set.h"
#include "sim/sim.h"

static size_t
all_silences(struct sim *s, struct arena *a, struct silence_row **out)
{
    struct tocsin_err err;
    size_t n = 0;

    if (s->store->ops->list_silences(s->store, a, out, &n, &err) != TOCSIN_OK)
        broken(s, "list_silences failed: %s", err.what);
    return n;
}

static struct silence_row
invent(struct sim *s)
{
    static const char *const matchers[] = { "kind=\"plain\"", "host=\"a\"", "host=~\"a|b\"\nkind!=\"grouped\"",
                                            "kind=\"grouped\"\nhost=\"c\"", "host=~\".+\"", "source=\"cloud\"" };
    int64_t start = s->now + (int64_t)roll(s, 2) * (int64_t)roll(s, 600000);

    return (struct silence_row){ .starts_at = start, .ends_at = start + 1 + (int64_t)roll(s, 1800000),
                                 .matchers = matchers[roll(s, 6)], .created_by = "anna", .comment = "works",
                                 .annotations = "" };
}

void
silences_change(struct sim *s)
{
    struct arena *a = arena_new();
    struct silence_row *rows = NULL, to = invent(s);
    size_t n = all_silences(s, a, &rows);
    struct tocsin_err err;
    struct event e = { .kind = EV_SILENCE, .silence = &to, .by = "anna", .err = &err };

    if (n > 0 && roll(s, 2) == 0) {
        const struct silence_row *was = &rows[roll(s, n)];

        to.id = was->id;
        if (roll(s, 2) == 0) {               /* an extension; otherwise another silence in its place */
            to.starts_at = was->starts_at;
            to.matchers = was->matchers;
        }
        if (roll(s, 3) == 0) {
            e.kind = EV_SILENCE_END;
            e.key = was->id;
        }
    }
    while (!sim_turn(s, &e, 1))
        ;
    trace(s, "silence %d: %d", (int)e.kind, (int)e.rc);
    arena_free(a);
}

/* --- what must be so ------------------------------------------------------------------ */

static void
compare(struct sim *s, struct arena *a, struct silence_set *set)
{
    struct alert_row *rows = NULL;
    struct tocsin_err err;
    size_t n = 0;

    if (s->store->ops->load_firing(s->store, a, INT64_MAX, false, 10000, &rows, &n, &err) != TOCSIN_OK)
        broken(s, "load_firing failed: %s", err.what);
    for (size_t i = 0; i < n; i++) {
        struct alert_text t;
        struct silence_subject subject;

        alert_text_decode(a, rows[i].body, rows[i].body_len, &t);
        subject = (struct silence_subject){ .labels = t.labels, .n_labels = t.n_labels, .source = rows[i].source };
        if ((silence_set_match(set, &subject) != NULL) != ((rows[i].suppressed & HELD_BY_SILENCE) != 0))
            broken(s, "S1: alert '%s' is%s held by a silence", rows[i].dedup_key,
                   rows[i].suppressed & HELD_BY_SILENCE ? "" : " not");
    }
}

void
check_silences(struct sim *s)
{
    struct arena *a = arena_new();
    struct silence_set *set = silence_set_new();
    struct silence_row *rows = NULL;
    size_t n = all_silences(s, a, &rows);
    bool sweeping = false;

    for (size_t i = 0; i < n; i++) {
        sweeping |= rows[i].sweep != 0;
        if (rows[i].phase == SILENCE_ACTIVE)
            silence_set_put(set, &rows[i]);
        if (rows[i].phase != SILENCE_EXPIRED && rows[i].next_due == 0)
            broken(s, "S2: a silence in phase %u has no timer", rows[i].phase);
    }
    if (!sweeping)
        compare(s, a, set);
    silence_set_free(set);
    arena_free(a);
}

/* S3: an incident whose silence ended, and that still fires, was told of again. */
void
check_silence_over(struct sim *s, const struct incident_detail *d)
{
    static const char *const answers[] = { "page", "exhausted", "acknowledged", "snoozed", "suppressed" };
    bool owed = false;

    for (size_t i = 0; i < d->n_events; i++) {
        const struct event_row *e = &d->events[i];

        if (strcmp(e->kind, "unsuppressed") == 0 && e->actor[0] != '\0')
            owed = true;
        for (size_t k = 0; k < sizeof answers / sizeof answers[0]; k++)
            owed &= strcmp(e->kind, answers[k]) != 0;
    }
    if (owed && d->row.state == TOCSIN_INC_TRIGGERED && d->row.paging && d->row.snoozed_until == 0 &&
        d->row.suppressed_by[0] == '\0')
        broken(s, "S3: the silence of '%s' ended, and nobody was told", d->row.group_key);
    if (d->row.suppressed_by[0] != '\0' && d->row.n_quiet == 0 && d->row.state != TOCSIN_INC_RESOLVED)
        broken(s, "S3: nothing holds '%s', and it is suppressed by %s", d->row.group_key, d->row.suppressed_by);
}
