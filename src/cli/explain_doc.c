/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_doc.c - what a payload becomes, as the document that --json prints.
 *
 * Thresholds are counted over the payload alone, as if nothing had matched
 * before: so a file of ten lines shows whether ten lines are enough.  What is
 * below one is decided a second time as if enough had come, because that is
 * what its author wants to see.
 */
#include <string.h>

#include "base/text.h"
#include "cli/explain_impl.h"
#include "core/normalise/severity.h"

enum { LINES_PLAIN = 5, LINES_MATCHED = 20, WHY_MAX = 100, ANSWER_SHOWN = 4096 };

/* --- thresholds ------------------------------------------------------------------------------------ */

static uint32_t
count_here(void *ctx, const struct rule_hit *hit)
{
    const struct explain_work *w = ctx;

    return tally_hit(w->tally, &hit->group, hit->what, hit->count, hit->window_ms, w->in->at);
}

static uint32_t
count_enough(void *ctx, const struct rule_hit *hit)
{
    (void)ctx;
    return hit->count;
}

static void
ask(struct explain_work *w, const struct tocsin_alert *a, rule_count count, struct rule_explanation *x)
{
    bool why = w->all_rules || w->n <= WHY_MAX;        /* of a large payload nobody reads why all else did not match */

    rule_scratch_count(w->scratch, count, w);
    ruleset_explain(w->in->conf->rules, w->scratch, w->arena, w->in->col->name, a, &w->in->route, why, x);
}

/* What it is once its threshold is reached. */
static void
put_reached(struct explain_work *w, json_t *doc, const struct tocsin_alert *a, const struct rule_explanation *x)
{
    struct rule_explanation enough;

    if (explain_waits_for(x) == NULL)
        return;
    ask(w, a, count_enough, &enough);
    explain_put(doc, "once_reached", explain_alert(w, &enough));
}

/* --- one of a payload --------------------------------------------------------------------------------- */

/* Lines of one alert are one report that counts for all: the latest. */
static void
add_alert(struct explain_work *w, json_t *doc, const struct decision *d, bool is_line)
{
    json_int_t place = explain_number(w->by_key, d->dedup_key);
    json_t *same = is_line && place > 0 ? json_array_get(w->alerts, (size_t)place - 1) : NULL;

    if (is_line)
        explain_put(doc, "lines", json_integer(json_integer_value(json_object_get(same, "lines")) + 1));
    if (same != NULL) {
        json_object_set(doc, "effect", json_object_get(same, "effect"));
        json_object_set(doc, "pages", json_object_get(same, "pages"));
        json_array_set_new(w->alerts, (size_t)place - 1, doc);
        return;
    }
    json_array_append_new(w->alerts, doc);
    place = (json_int_t)json_array_size(w->alerts);
    if (d->status == TOCSIN_FIRING && explain_number(w->by_key, d->dedup_key) == 0)
        explain_put(w->by_key, d->dedup_key, json_integer(place));
    if (d->status == TOCSIN_FIRING && !is_line && explain_number(w->by_own, d->own_key) == 0)
        explain_put(w->by_own, d->own_key, json_integer(place));
    if (json_is_true(json_object_get(doc, "pages")) && explain_number(w->by_group, d->group_key) == 0)
        explain_put(w->by_group, d->group_key, json_integer(place));
}

/* What a line waits for, as the name of its document: lines that wait for the same are one, the latest. */
static const char *
wait_name(const struct explain_work *w, const struct rule_account *r)
{
    return arena_printf(w->arena, "%s/%s", r->rule, r->of);
}

static void
add_line(struct explain_work *w, const struct rule_explanation *x, json_t *doc)
{
    const struct rule_account *r = explain_waits_for(x);
    const char *name = r != NULL ? wait_name(w, r) : arena_printf(w->arena, "/%zu", w->n_lines);

    explain_put(doc, "lines", json_integer(explain_number(json_object_get(w->lines, name), "lines") + 1));
    explain_put(w->lines, name, doc);
}

/* The lines that waited for a threshold are part of the alert that it makes. */
static void
drop_waiting(struct explain_work *w, const struct rule_explanation *x)
{
    for (size_t i = 0; i < x->n_rules; i++)
        if (x->rules[i].count > 0 && x->rules[i].seen >= x->rules[i].count)
            json_object_del(w->lines, wait_name(w, &x->rules[i]));
}

/* Of a large file not every line is shown. */
static bool
is_shown(struct explain_work *w, const struct rule_explanation *x)
{
    bool matched = explain_is_matched(x);

    w->n_quiet++;
    w->n_plain += !matched;
    if (explain_waits_for(x) != NULL)
        return true;
    return matched ? w->n_quiet - w->n_plain <= LINES_MATCHED : w->n_plain <= LINES_PLAIN;
}

static void
explain_one(struct explain_work *w, const struct tocsin_alert *a)
{
    struct rule_explanation x;
    json_t *doc;

    arena_reset(w->arena);         /* of a large file all would be too much; documents have copies */
    w->n++;
    w->n_lines += a->record;
    ask(w, a, count_here, &x);
    if (!x.is_alert && !is_shown(w, &x))
        return;
    doc = explain_alert(w, &x);
    put_reached(w, doc, a, &x);
    if (!x.is_alert) {
        add_line(w, &x, doc);
        return;
    }
    if (a->record)
        drop_waiting(w, &x);
    add_alert(w, doc, x.decision, a->record);
}

static json_t *
values(const json_t *object)
{
    json_t *out = json_array(), *value;
    const char *name;

    json_object_foreach((json_t *)(uintptr_t)object, name, value)
        json_array_append(out, value);
    return out;
}

/* --- what else the payload brings ---------------------------------------------------------------------- */

static json_t *
actions(const struct host_call *c)
{
    static const char *const words[] = { "", "ack", "unack", "resolve", "snooze", "note", "escalate" };
    json_t *out = json_array();

    for (size_t i = 0; c != NULL && i < c->n_acts; i++) {
        const struct tocsin_act *act = &c->acts[i].act;
        json_t *doc = json_pack("{s:s, s:s}", "action", words[act->kind], "dedup_key", act->dedup_key);

        explain_put_text(doc, "by", act->by);
        explain_put_text(doc, "note", act->note);
        explain_put_time(doc, "until", act->until);
        json_array_append_new(out, doc);
    }
    return out;
}

/* What the sender is told beside "accepted"; NULL: nothing. */
static json_t *
answer(const struct arrival *in)
{
    const struct tocsin_batch *b = in->n_batches > 0 ? in->batches[0] : NULL;
    int status = in->call != NULL ? in->call->status : b != NULL ? b->reply_status : 0;
    const char *body = in->call != NULL ? in->call->body : b != NULL ? b->reply : NULL;
    size_t len = in->call != NULL ? in->call->len : b != NULL ? b->reply_len : 0;
    json_t *doc;

    if (status == 0)
        return json_null();
    doc = len > 0 ? json_loadb(body, len, JSON_DECODE_ANY, NULL) : NULL;
    if (doc == NULL)
        doc = json_string(len > 0 ? text_clean(in->arena, body, len, ANSWER_SHOWN) : "");
    return json_pack("{s:i, s:o}", "status", status, "body", doc);
}

static json_t *
heartbeat(const struct arrival *in)
{
    const struct conf_heartbeat *h = in->beat;
    json_t *labels = json_object(), *out;

    for (size_t i = 0; h != NULL && i < h->n_by; i++)
        for (size_t k = 0; k < in->n_topic_labels; k++)
            if (strcmp(in->topic_labels[k].name, h->by[i]) == 0)
                explain_put(labels, h->by[i], json_string(in->topic_labels[k].value));
    if (h == NULL) {
        json_decref(labels);
        return json_null();
    }
    out = json_pack("{s:s, s:o}", "name", h->name, "labels", labels);
    explain_put_duration(out, "every", h->every_ms);
    explain_put_duration(out, "grace", h->grace_ms);
    explain_put_time(out, "silent_at", in->at + h->every_ms + h->grace_ms);
    explain_put_text(out, "severity", severity_name(h->severity));
    return out;
}

static void
put_batches(struct explain_work *w, json_t *out)
{
    json_t *notes = json_array(), *fetches = json_array(), *forwards = json_array(), *counts = json_object();

    for (size_t k = 0; k < w->in->n_batches; k++) {
        const struct tocsin_batch *b = w->in->batches[k];

        for (size_t i = 0; i < b->n_notes; i++)
            json_array_append_new(notes, json_string(b->notes[i]));
        for (size_t i = 0; i < b->n_gets; i++)
            json_array_append_new(fetches, json_pack("{s:s, s:s}", "url", b->gets[i].url, "why", b->gets[i].why));
        for (size_t i = 0; i < b->n_forwards; i++)
            json_array_append_new(forwards, json_pack("{s:s, s:I}", "what", b->forwards[i].what, "bytes",
                                                      (json_int_t)b->forwards[i].len));
        for (size_t i = 0; i < b->n_counts; i++)
            explain_put(counts, b->counts[i].kind,
                        json_integer(explain_number(counts, b->counts[i].kind) + b->counts[i].n));
        for (size_t i = 0; i < b->n_alerts; i++)
            explain_one(w, b->alerts[i]);
    }
    explain_put(out, "notes", notes);
    explain_put(out, "fetches", fetches);
    explain_put(out, "forwards", forwards);
    explain_put(out, "counts", counts);
}

json_t *
explain_document(const struct arrival *in, bool all_rules, struct explain_live *live)
{
    struct explain_work w = { .in = in, .arena = arena_new(), .all_rules = all_rules, .live = live,
                      .scratch = rule_scratch_new(in->conf->rules), .tally = tally_new(), .alerts = json_array(),
                      .lines = json_object(), .by_key = json_object(), .by_own = json_object(),
                      .by_group = json_object() };
    json_t *out = json_object();

    explain_put_text(out, "collector", in->col->name);
    explain_put_text(out, "at", arena_printf(in->arena, "%s:%u", in->col->pos.file, in->col->pos.line));
    explain_put_text(out, "type", in->col->type);
    explain_put_text(out, "format", in->col->format);
    explain_put_text(out, "topic", in->topic);
    explain_put_text(out, "method", in->call != NULL ? in->method : NULL);
    explain_put_text(out, "path", in->call != NULL ? in->path : NULL);
    explain_put_text(out, "content_type", in->content_type);
    explain_put(out, "live", json_boolean(live != NULL));
    explain_put(out, "remarks", explain_names(in->remarks, in->n_remarks));
    put_batches(&w, out);
    explain_put(out, "alerts", w.alerts);
    explain_put(out, "lines", json_integer((json_int_t)w.n_lines));
    explain_put(out, "lines_without_a_rule", json_integer((json_int_t)w.n_quiet));
    explain_put(out, "line_details", values(w.lines));
    explain_put(out, "actions", actions(in->call));
    explain_put(out, "heartbeat", heartbeat(in));
    explain_put(out, "answer", answer(in));
    json_decref(w.lines);
    json_decref(w.by_key);
    json_decref(w.by_own);
    json_decref(w.by_group);
    tally_free(w.tally);
    rule_scratch_free(w.scratch);
    arena_free(w.arena);
    return out;
}
