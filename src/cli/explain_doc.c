/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_doc.c - what a payload becomes, as the document that --json prints.
 *
 * Thresholds are counted over the payload alone, as if nothing had matched
 * before: so a file of ten lines shows whether ten lines are enough.  What is
 * below one is decided a second time as if enough had come, because that is
 * what its author wants to see.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/explain.h"
#include "core/alert.h"
#include "core/normalise/severity.h"
#include "core/rules/tally.h"

enum { LINES_PLAIN = 5, LINES_MATCHED = 20, OTHERS_MAX = 50, ANSWER_SHOWN = 4096 };

struct work {
    const struct arrival *in;
    struct arena *arena;
    bool all_rules;
    struct rule_scratch *scratch;
    struct tally *tally;
    json_t *alerts;                /* documents of what becomes an alert */
    json_t *lines;                 /* of lines of a log that do not, by what they wait for: many wait for the same */
    json_t *by_key, *by_group;     /* place in alerts, from 1 */
    size_t n_lines, n_quiet, n_plain;        /* lines; without an alert; of those, without a rule that matches */
};

/* --- values ---------------------------------------------------------------------------- */

static void
put(json_t *object, const char *name, json_t *value)
{
    json_object_set_new(object, name, value);
}

static void
put_text(json_t *object, const char *name, const char *value)
{
    put(object, name, value != NULL && *value != '\0' ? json_string(value) : json_null());
}

static void
put_time(json_t *object, const char *name, int64_t ms)
{
    char text[TIME_TEXT];

    put_text(object, name, time_format(ms, text));
}

static void
put_duration(json_t *object, const char *name, int64_t ms)
{
    char text[DURATION_TEXT];

    put_text(object, name, ms > 0 ? duration_format(ms, text) : "");
}

static json_t *
pairs(const struct tocsin_pair *p, size_t n)
{
    json_t *out = json_object();

    for (size_t i = 0; i < n; i++)
        put(out, p[i].name, json_string(p[i].value));
    return out;
}

static json_t *
names(const char *const *list, size_t n)
{
    json_t *out = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(out, json_string(list[i]));
    return out;
}

static json_int_t
number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

/* --- rules --------------------------------------------------------------------------------- */

static json_t *
threshold(const struct rule_account *r)
{
    json_t *out = json_object();

    put_text(out, "of", r->of);
    put(out, "seen", json_integer(r->seen));
    put(out, "count", json_integer(r->count));
    put(out, "missing", json_integer(r->seen < r->count ? r->count - r->seen : 0));
    put_duration(out, "window", r->window_ms);
    return out;
}

static json_t *
rule(struct arena *arena, const struct rule_account *r)
{
    json_t *out = json_pack("{s:s, s:s}", "name", r->rule, "at", arena_printf(arena, "%s:%u", r->pos.file, r->pos.line));

    if (r->part == RULE_NO_MATCH || r->part == RULE_NOT_REACHED) {
        put_text(out, "why", r->text);
        return out;
    }
    put_text(out, "text", r->text);
    put(out, "failed", json_boolean(r->part == RULE_FAILED));
    if (r->count > 0)
        put(out, "threshold", threshold(r));
    return out;
}

static void
put_rules(const struct work *w, json_t *out, const struct rule_explanation *x)
{
    json_t *rules = json_array(), *others = json_array();
    size_t n = 0;

    for (size_t i = 0; i < x->n_rules; i++) {
        const struct rule_account *r = &x->rules[i];

        if (r->part == RULE_MATCHED || r->part == RULE_FAILED)
            json_array_append_new(rules, rule(w->arena, r));
        else if (n++ < OTHERS_MAX || w->all_rules)
            json_array_append_new(others, rule(w->arena, r));
    }
    put(out, "rules", rules);
    put(out, "other_rules", others);
    put(out, "other_rules_total", json_integer((json_int_t)n));
}

static bool
is_matched(const struct rule_explanation *x)
{
    for (size_t i = 0; i < x->n_rules; i++)
        if (x->rules[i].part == RULE_MATCHED || x->rules[i].part == RULE_FAILED)
            return true;
    return false;
}

/* The first threshold that is not reached; NULL: none. */
static const struct rule_account *
waits_for(const struct rule_explanation *x)
{
    for (size_t i = 0; i < x->n_rules; i++)
        if (x->rules[i].count > x->rules[i].seen)
            return &x->rules[i];
    return NULL;
}

static json_t *
steps(const struct policy *p)
{
    json_t *out = json_array();

    for (size_t i = 0; i < p->n_steps; i++) {
        char after[DURATION_TEXT];

        json_array_append_new(out, json_pack("{s:s, s:o}", "after", duration_format(p->steps[i].after_ms, after),
                                             "notify", names(p->steps[i].targets, p->steps[i].n_targets)));
    }
    return out;
}

/* --- what the daemon would do ------------------------------------------------------------------ */

static const char *
line_effect(struct arena *arena, const struct rule_explanation *x)
{
    const struct rule_account *r = waits_for(x);
    char window[DURATION_TEXT];

    if (r != NULL)
        return arena_printf(arena, "only counted: rule '%s' (%s:%u) makes an alert of it when %u more come%s within %s",
                            r->rule, r->pos.file, r->pos.line, r->count - r->seen, r->count - r->seen == 1 ? "s" : "",
                            duration_format(r->window_ms, window));
    if (x->decision->drop)
        return arena_printf(arena, "only counted: %s drops it", x->decision->held_by);
    return is_matched(x) ? "only counted: no rule that matches makes an alert of it, as alert = true would"
                         : "only counted: no rule matches it, and lines of a log are alerts only by a rule";
}

/* Somebody may be woken; after a delay, or at once. */
static const char *
paging_effect(struct work *w, const struct decision *d)
{
    json_int_t other = number_of(w->by_group, d->group_key);
    char delay[DURATION_TEXT];

    if (other > 0)
        return arena_printf(w->arena, "joins the incident of alert %lld, which has the same group", (long long)other);
    if (d->delay_ms > 0)
        return arena_printf(w->arena, "waits %s (%s): if it still fires then, an incident opens and pages; if it is over "
                            "before, there never was one; if the incident of its group is open already, it joins that at "
                            "once", duration_format(d->delay_ms, delay), d->delayed_by);
    return "opens an incident and pages, or joins the open incident of its group";
}

/* What the daemon would do with it, and whether somebody is woken. */
static const char *
effect(struct work *w, const struct decision *d, bool *pages_out)
{
    json_int_t earlier = number_of(w->by_key, d->dedup_key);

    *pages_out = false;
    if (d->status == TOCSIN_RESOLVED && earlier > 0)
        return arena_printf(w->arena, "ends alert %lld, which has the same dedup_key", (long long)earlier);
    if (d->status == TOCSIN_RESOLVED)
        return "ends the alert of this key if it fires; otherwise nothing happens";
    if (d->status == TOCSIN_UNKNOWN)
        return "recorded; it neither pages nor ends anything";
    if (d->drop)
        return arena_printf(w->arena, "dropped by %s: counted and kept in the history, no incident", d->held_by);
    if (d->suppress)
        return arena_printf(w->arena, "suppressed by %s: the incident is recorded and nobody is told", d->held_by);
    if (d->below)
        return arena_printf(w->arena, "below the threshold of %s: the incident is recorded and nobody is told, unless "
                            "this alert was told already", d->held_by);
    if (earlier > 0)
        return arena_printf(w->arena, "the same alert as number %lld, once more", (long long)earlier);
    if (d->severity == TOCSIN_INFO && !d->routed)
        return "info pages nobody unless a rule gives it a policy: the incident is only recorded";
    *pages_out = true;
    return paging_effect(w, d);
}

static void
put_times(const struct work *w, json_t *out, const struct decision *d)
{
    bool fires = d->status == TOCSIN_FIRING;

    put_time(out, "starts_at", d->starts_at);
    put_time(out, "ends_at", d->ends_at);
    put_time(out, "expires_at", fires && d->resolve_after_ms > 0 ? w->in->at + d->resolve_after_ms : d->expires_at);
    put_duration(out, "resolve_after", fires ? d->resolve_after_ms : 0);
    put_duration(out, "delay", fires ? d->delay_ms : 0);
    put_time(out, "delayed_until", fires && d->delay_ms > 0 ? w->in->at + d->delay_ms : 0);
}

/* --- an alert, or a line ------------------------------------------------------------------------- */

static json_t *
links(const struct alert_text *t)
{
    json_t *out = json_array();

    for (size_t i = 0; i < t->n_links; i++) {
        json_t *link = json_pack("{s:s}", "href", t->links[i].href);

        put_text(link, "text", t->links[i].text);
        json_array_append_new(out, link);
    }
    return out;
}

static json_t *
alert_doc(struct work *w, const struct rule_explanation *x)
{
    static const char *const statuses[] = { "", "firing", "resolved", "unknown" };
    const struct decision *d = x->decision;
    const struct policy *p = d->policy;
    struct alert_text t = { 0 };
    json_t *out = json_object();
    bool pages = false;
    const char *what = x->is_alert ? effect(w, d, &pages) : line_effect(w->arena, x);

    alert_text_decode(w->arena, d->body, d->body_len, &t);
    put_text(out, "dedup_key", d->dedup_key);
    put_text(out, "status", statuses[d->status]);
    put_text(out, "severity", severity_name(d->severity));
    put_text(out, "source_severity", t.source_severity);
    put_text(out, "summary", d->summary);
    put(out, "labels", pairs(t.labels, t.n_labels));
    put(out, "annotations", pairs(t.annotations, t.n_annotations));
    put(out, "links", links(&t));
    put_times(w, out, d);
    put_rules(w, out, x);
    put(out, "pages", json_boolean(pages));
    put_text(out, "effect", what);
    put_text(out, "group_key", d->group_key);
    put(out, "policy", json_pack("{s:s, s:s, s:o, s:o}", "name", p->name, "routed_by", d->routed_by, "steps", steps(p),
                                 "last_resort", names(p->last_resort, p->n_last_resort)));
    put(out, "notify", names(d->notify, d->n_notify));
    return out;
}

/* --- thresholds ------------------------------------------------------------------------------------ */

static uint32_t
count_here(void *ctx, const struct rule_hit *hit)
{
    const struct work *w = ctx;

    return tally_hit(w->tally, &hit->group, hit->what, hit->count, hit->window_ms, w->in->at);
}

static uint32_t
count_enough(void *ctx, const struct rule_hit *hit)
{
    (void)ctx;
    return hit->count;
}

static void
ask(struct work *w, const struct tocsin_alert *a, rule_count count, struct rule_explanation *x)
{
    rule_scratch_count(w->scratch, count, w);
    ruleset_explain(w->in->conf->rules, w->scratch, w->arena, w->in->col->name, a, &w->in->route, x);
}

/* What it is once its threshold is reached. */
static void
put_reached(struct work *w, json_t *doc, const struct tocsin_alert *a, const struct rule_explanation *x)
{
    struct rule_explanation enough;

    if (waits_for(x) == NULL)
        return;
    ask(w, a, count_enough, &enough);
    put(doc, "once_reached", alert_doc(w, &enough));
}

/* --- one of a payload --------------------------------------------------------------------------------- */

/* Lines of one alert are one report that counts for all: the latest. */
static void
add_alert(struct work *w, json_t *doc, const struct decision *d, bool is_line)
{
    json_int_t place = number_of(w->by_key, d->dedup_key);
    json_t *same = is_line && place > 0 ? json_array_get(w->alerts, (size_t)place - 1) : NULL;

    if (is_line)
        put(doc, "lines", json_integer(json_integer_value(json_object_get(same, "lines")) + 1));
    if (same != NULL) {
        json_object_set(doc, "effect", json_object_get(same, "effect"));
        json_object_set(doc, "pages", json_object_get(same, "pages"));
        json_array_set_new(w->alerts, (size_t)place - 1, doc);
        return;
    }
    json_array_append_new(w->alerts, doc);
    place = (json_int_t)json_array_size(w->alerts);
    if (d->status == TOCSIN_FIRING && number_of(w->by_key, d->dedup_key) == 0)
        put(w->by_key, d->dedup_key, json_integer(place));
    if (json_is_true(json_object_get(doc, "pages")) && number_of(w->by_group, d->group_key) == 0)
        put(w->by_group, d->group_key, json_integer(place));
}

/* What a line waits for, as the name of its document: lines that wait for the same are one, the latest. */
static const char *
wait_name(const struct work *w, const struct rule_account *r)
{
    return arena_printf(w->arena, "%s/%s", r->rule, r->of);
}

static void
add_line(struct work *w, const struct rule_explanation *x, json_t *doc)
{
    const struct rule_account *r = waits_for(x);
    const char *name = r != NULL ? wait_name(w, r) : arena_printf(w->arena, "/%zu", w->n_lines);

    put(doc, "lines", json_integer(number_of(json_object_get(w->lines, name), "lines") + 1));
    put(w->lines, name, doc);
}

/* The lines that waited for a threshold are part of the alert that it makes. */
static void
drop_waiting(struct work *w, const struct rule_explanation *x)
{
    for (size_t i = 0; i < x->n_rules; i++)
        if (x->rules[i].count > 0 && x->rules[i].seen >= x->rules[i].count)
            json_object_del(w->lines, wait_name(w, &x->rules[i]));
}

/* Of a large file not every line is shown. */
static bool
is_shown(struct work *w, const struct rule_explanation *x)
{
    bool matched = is_matched(x);

    w->n_quiet++;
    w->n_plain += !matched;
    return waits_for(x) != NULL || (matched ? w->n_quiet - w->n_plain <= LINES_MATCHED : w->n_plain <= LINES_PLAIN);
}

static void
explain_one(struct work *w, const struct tocsin_alert *a)
{
    struct rule_explanation x;
    json_t *doc;

    w->n_lines += a->record;
    ask(w, a, count_here, &x);
    if (!x.is_alert && !is_shown(w, &x))
        return;
    doc = alert_doc(w, &x);
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

        put_text(doc, "by", act->by);
        put_text(doc, "note", act->note);
        put_time(doc, "until", act->until);
        json_array_append_new(out, doc);
    }
    return out;
}

/* What the sender is told beside "accepted"; NULL: nothing. */
static json_t *
answer(struct arena *arena, const struct arrival *in)
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
        doc = json_string(len > 0 ? text_clean(arena, body, len, ANSWER_SHOWN) : "");
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
                put(labels, h->by[i], json_string(in->topic_labels[k].value));
    if (h == NULL) {
        json_decref(labels);
        return json_null();
    }
    out = json_pack("{s:s, s:o}", "name", h->name, "labels", labels);
    put_duration(out, "every", h->every_ms);
    put_duration(out, "grace", h->grace_ms);
    put_time(out, "silent_at", in->at + h->every_ms + h->grace_ms);
    put_text(out, "severity", severity_name(h->severity));
    return out;
}

static void
put_batches(struct work *w, json_t *out)
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
            put(counts, b->counts[i].kind, json_integer(number_of(counts, b->counts[i].kind) + b->counts[i].n));
        for (size_t i = 0; i < b->n_alerts; i++)
            explain_one(w, b->alerts[i]);
    }
    put(out, "notes", notes);
    put(out, "fetches", fetches);
    put(out, "forwards", forwards);
    put(out, "counts", counts);
}

json_t *
explain_document(const struct arrival *in, bool all_rules)
{
    struct work w = { .in = in, .arena = in->arena, .all_rules = all_rules,
                      .scratch = rule_scratch_new(in->conf->rules), .tally = tally_new(), .alerts = json_array(),
                      .lines = json_object(), .by_key = json_object(), .by_group = json_object() };
    json_t *out = json_object();

    put_text(out, "collector", in->col->name);
    put_text(out, "at", arena_printf(w.arena, "%s:%u", in->col->pos.file, in->col->pos.line));
    put_text(out, "type", in->col->type);
    put_text(out, "format", in->col->format);
    put_text(out, "topic", in->topic);
    put_text(out, "method", in->call != NULL ? in->method : NULL);
    put_text(out, "path", in->call != NULL ? in->path : NULL);
    put_text(out, "content_type", in->content_type);
    put(out, "remarks", names(in->remarks, in->n_remarks));
    put_batches(&w, out);
    put(out, "alerts", w.alerts);
    put(out, "lines", json_integer((json_int_t)w.n_lines));
    put(out, "lines_without_a_rule", json_integer((json_int_t)w.n_quiet));
    put(out, "line_details", values(w.lines));
    put(out, "actions", actions(in->call));
    put(out, "heartbeat", heartbeat(in));
    put(out, "answer", answer(w.arena, in));
    json_decref(w.lines);
    json_decref(w.by_key);
    json_decref(w.by_group);
    tally_free(w.tally);
    rule_scratch_free(w.scratch);
    return out;
}
