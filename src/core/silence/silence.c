/* SPDX-License-Identifier: Apache-2.0 */
#include "core/silence/silence.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "core/alert.h"
#include "core/normalise/severity.h"

enum { COMMENT_SHOWN = 200 };

/* --- holding ------------------------------------------------------------------------- */

const struct silence_row *
silence_holding(struct world *w, const struct alert_row *a, const void *body, size_t len)
{
    struct alert_text t;
    struct silence_subject subject;

    if (w->silences == NULL || silence_set_count(w->silences) == 0)
        return NULL;
    alert_text_decode(w->arena, body, len, &t);
    subject = (struct silence_subject){ .labels = t.labels, .n_labels = t.n_labels, .summary = t.summary,
                                        .severity = severity_name((enum tocsin_severity)a->severity),
                                        .source = a->source };
    return silence_set_match(w->silences, &subject);
}

const char *
silence_text(struct world *w, const struct silence_row *s)
{
    char id[ID_TEXT];

    id_format(&s->id, id);
    return arena_printf(w->arena, "silence '%s' (%s)%s%s", id, s->created_by, s->comment[0] != '\0' ? ": " : "",
                        text_cut_bytes(w->arena, s->comment, COMMENT_SHOWN));
}

/* --- phases ---------------------------------------------------------------------------- */

static void
touched(struct world *w, struct world_silence *s)
{
    s->dirty = true;
    w->silences_changed = true;
}

static void
begin_sweep(struct world *w, struct world_silence *s)
{
    s->row.sweep = INT64_MAX;
    s->row.next_due = w->now;
    touched(w, s);
}

/* The next moment at which something happens by itself. */
static void
schedule(struct world_silence *s)
{
    struct silence_row *r = &s->row;

    r->next_due = r->phase == SILENCE_PENDING ? r->starts_at : r->phase == SILENCE_ACTIVE ? r->ends_at : 0;
}

static void
activate(struct world *w, struct world_silence *s)
{
    s->row.phase = SILENCE_ACTIVE;
    silence_set_put(w->silences, &s->row);
    begin_sweep(w, s);
}

/* ends_at is set.  One that never began holds nothing that would have to be let go. */
static void
expire(struct world *w, struct world_silence *s)
{
    bool held = s->row.phase == SILENCE_ACTIVE;

    s->row.phase = SILENCE_EXPIRED;
    s->row.sweep = 0;
    schedule(s);
    touched(w, s);
    if (!held)
        return;
    silence_set_drop(w->silences, &s->row.id);
    begin_sweep(w, s);
}

static void
advance(struct world *w, struct world_silence *s)
{
    struct silence_row *r = &s->row;

    if (r->phase != SILENCE_EXPIRED && r->ends_at <= w->now)
        expire(w, s);
    else if (r->phase == SILENCE_PENDING && r->starts_at <= w->now)
        activate(w, s);
}

void
silence_swept(struct world *w, struct world_silence *s, int64_t rowid)
{
    s->row.sweep = rowid;
    if (rowid == 0)
        schedule(s);
    else
        s->row.next_due = w->now;            /* the next turn goes on */
    touched(w, s);
}

/* --- events ------------------------------------------------------------------------------ */

static enum tocsin_rc
check_times(const struct world *w, const struct silence_row *r, struct tocsin_err *err)
{
    if (r->starts_at >= r->ends_at)
        return err_set(err, TOCSIN_MEANINGLESS, "ends_at", "start time must be before end time");
    if (r->ends_at <= w->now)
        return err_set(err, TOCSIN_MEANINGLESS, "ends_at", "end time can't be in the past");
    return TOCSIN_OK;
}

static bool
may_change(const struct world *w, const struct silence_row *old, const struct silence_row *to)
{
    if (strcmp(old->matchers, to->matchers) != 0 || to->ends_at <= w->now || old->ends_at <= w->now)
        return false;
    if (old->phase == SILENCE_ACTIVE)        /* to the second: clients write times back as they read them */
        return old->starts_at / 1000 == to->starts_at / 1000;
    return old->phase == SILENCE_PENDING && to->starts_at >= w->now;
}

static void
change(struct world *w, struct world_silence *s, const struct silence_row *to)
{
    struct silence_row *r = &s->row;

    if (r->phase == SILENCE_PENDING)
        r->starts_at = to->starts_at;
    r->ends_at = to->ends_at;
    r->created_by = to->created_by;
    r->comment = to->comment;
    r->annotations = to->annotations;
    r->updated_at = w->now;
    touched(w, s);
    if (r->phase == SILENCE_ACTIVE)
        silence_set_put(w->silences, r);
    if (r->sweep == 0)                       /* otherwise the sweep that is under way sets it when it is through */
        schedule(s);
    advance(w, s);
}

static void
end_now(struct world *w, struct world_silence *s)
{
    if (s->row.phase == SILENCE_PENDING)
        s->row.starts_at = w->now;
    s->row.ends_at = w->now;
    s->row.updated_at = w->now;
    expire(w, s);
}

static void
make(struct world *w, struct event *e)
{
    struct silence_row row = *e->silence;
    struct world_silence *s;

    row.id = idgen_uuid7(w->ids, w->now);
    row.phase = SILENCE_PENDING;
    row.updated_at = w->now;
    row.sweep = 0;
    if (row.starts_at < w->now)
        row.starts_at = w->now;
    s = world_put_silence(w, &row);
    schedule(s);
    touched(w, s);
    advance(w, s);
    e->silence_r = row.id;
}

void
silence_on_post(struct world *w, struct event *e)
{
    struct world_silence *old = NULL;

    e->rc = check_times(w, e->silence, e->err);
    if (e->rc == TOCSIN_OK && !id_is_zero(&e->silence->id)) {
        old = world_silence(w, &e->silence->id);
        if (old == NULL)
            e->rc = err_set(e->err, TOCSIN_NOT_FOUND, "", "silence not found");
    }
    if (e->rc != TOCSIN_OK)
        return;
    if (old != NULL && may_change(w, &old->row, e->silence)) {
        change(w, old, e->silence);
        e->silence_r = old->row.id;
        return;
    }
    if (old != NULL && old->row.phase != SILENCE_EXPIRED)
        end_now(w, old);
    make(w, e);
}

void
silence_on_end(struct world *w, struct event *e)
{
    struct world_silence *s = world_silence(w, &e->key);

    if (s == NULL) {
        e->rc = err_set(e->err, TOCSIN_NOT_FOUND, "", "silence not found");
        return;
    }
    e->silence_r = s->row.id;
    if (s->row.phase != SILENCE_EXPIRED)
        end_now(w, s);
}

void
silence_on_timer(struct world *w, const struct event *e)
{
    struct world_silence *s = world_silence(w, &e->key);

    if (s != NULL)
        advance(w, s);
}
