/* SPDX-License-Identifier: Apache-2.0 */
/* explain_alert.c - one alert, or line of a log, as a document: what it is, what each rule says, what becomes of it. */
#include <string.h>

#include "base/text.h"
#include "cli/explain_impl.h"
#include "core/alert.h"
#include "core/normalise/severity.h"
#include "core/rows.h"

enum { OTHERS_MAX = 50 };

/* --- values ---------------------------------------------------------------------------- */

void
explain_put(json_t *object, const char *name, json_t *value)
{
    json_object_set_new(object, name, value);
}

void
explain_put_text(json_t *object, const char *name, const char *value)
{
    explain_put(object, name, value != NULL && *value != '\0' ? json_string(value) : json_null());
}

void
explain_put_time(json_t *object, const char *name, int64_t ms)
{
    char text[TIME_TEXT];

    explain_put_text(object, name, time_format(ms, text));
}

void
explain_put_duration(json_t *object, const char *name, int64_t ms)
{
    char text[DURATION_TEXT];

    explain_put_text(object, name, ms > 0 ? duration_format(ms, text) : "");
}

static json_t *
pairs(const struct tocsin_pair *p, size_t n)
{
    json_t *out = json_object();

    for (size_t i = 0; i < n; i++)
        explain_put(out, p[i].name, json_string(p[i].value));
    return out;
}

json_t *
explain_names(const char *const *list, size_t n)
{
    json_t *out = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(out, json_string(list[i]));
    return out;
}

json_int_t
explain_number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

/* --- rules --------------------------------------------------------------------------------- */

static json_t *
threshold(const struct rule_account *r)
{
    json_t *out = json_object();

    explain_put_text(out, "of", r->of);
    explain_put(out, "seen", json_integer(r->seen));
    explain_put(out, "count", json_integer(r->count));
    explain_put(out, "missing", json_integer(r->seen < r->count ? r->count - r->seen : 0));
    explain_put_duration(out, "window", r->window_ms);
    return out;
}

static json_t *
rule(struct arena *arena, const struct rule_account *r)
{
    const char *at = arena_printf(arena, "%s:%u", r->pos.file, r->pos.line);
    json_t *out = json_pack("{s:s, s:s}", "name", r->rule, "at", at);

    if (r->part == RULE_NO_MATCH || r->part == RULE_NOT_REACHED) {
        explain_put_text(out, "why", r->text);
        return out;
    }
    explain_put_text(out, "text", r->text);
    explain_put(out, "failed", json_boolean(r->part == RULE_FAILED));
    if (r->count > 0)
        explain_put(out, "threshold", threshold(r));
    return out;
}

static void
put_rules(const struct explain_work *w, json_t *out, const struct rule_explanation *x)
{
    json_t *rules = json_array(), *others = json_array();
    size_t n = 0;

    for (size_t i = 0; i < x->n_rules; i++) {
        const struct rule_account *r = &x->rules[i];

        if (r->part == RULE_MATCHED || r->part == RULE_FAILED)
            json_array_append_new(rules, rule(w->arena, r));
        else if ((n++ < OTHERS_MAX || w->all_rules) && r->text[0] != '\0')
            json_array_append_new(others, rule(w->arena, r));
    }
    explain_put(out, "rules", rules);
    explain_put(out, "other_rules", others);
    explain_put(out, "other_rules_total", json_integer((json_int_t)n));
}

bool
explain_is_matched(const struct rule_explanation *x)
{
    for (size_t i = 0; i < x->n_rules; i++)
        if (x->rules[i].part == RULE_MATCHED || x->rules[i].part == RULE_FAILED)
            return true;
    return false;
}

const struct rule_account *
explain_waits_for(const struct rule_explanation *x)
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
                                             "notify", explain_names(p->steps[i].targets, p->steps[i].n_targets)));
    }
    return out;
}

/* --- what the daemon would do ------------------------------------------------------------------ */

static const char *
line_effect(struct arena *arena, const struct rule_explanation *x)
{
    const struct rule_account *r = explain_waits_for(x);
    char window[DURATION_TEXT];

    if (r != NULL)
        return arena_printf(arena, "only counted: rule '%s' (%s:%u) makes an alert of it when %u more come%s within %s",
                            r->rule, r->pos.file, r->pos.line, r->count - r->seen, r->count - r->seen == 1 ? "s" : "",
                            duration_format(r->window_ms, window));
    if (x->decision->drop)
        return arena_printf(arena, "only counted: %s drops it", x->decision->held_by);
    return explain_is_matched(x) ? "only counted: no rule that matches makes an alert of it, as alert = true would"
                         : "only counted: no rule matches it, and lines of a log are alerts only by a rule";
}

/* It is known to the daemon already. */
static const char *
open_effect(const struct explain_work *w, const json_t *open)
{
    const char *status = json_string_value(json_object_get(open, "status"));
    const char *incident = json_string_value(json_object_get(open, "incident"));

    if (strcmp(status, "firing") != 0)
        return arena_printf(w->arena, "the alert of this key is open and %s: nobody is told, unless this is news",
                            status);
    return arena_printf(w->arena, "fires already, in incident %s: what is new in it is passed on, and nobody is woken "
                        "anew", incident != NULL ? incident : "(none)");
}

/* Somebody may be woken; after a delay, or at once. */
static const char *
paging_effect(struct explain_work *w, const struct decision *d)
{
    json_int_t other = explain_number(w->by_group, d->group_key);
    const json_t *open = explain_live_open(w->live, d->dedup_key);
    char delay[DURATION_TEXT];

    if (open != NULL)
        return open_effect(w, open);
    if (other > 0)
        return arena_printf(w->arena, "joins the incident of alert %lld, which has the same group", (long long)other);
    if (d->delay_ms > 0)
        return arena_printf(w->arena, "waits %s (%s): if it still fires then, an incident opens and pages; if it is "
                            "over before, there never was one; if the incident of its group is open already, it joins "
                            "that at once", duration_format(d->delay_ms, delay), d->delayed_by);
    return "opens an incident and pages, or joins the open incident of its group";
}

/* What a resolve ends: by the key that its sender knows, or by that of the rules (core/incident/own.h). */
static const char *
resolve_effect(struct explain_work *w, const struct decision *d)
{
    json_int_t own = explain_number(w->by_own, d->own_key), same = explain_number(w->by_key, d->dedup_key);

    if (own > 0 && id_is_zero(&d->own) && own == same)
        return arena_printf(w->arena, "ends alert %lld, which has the same dedup_key", (long long)own);
    if (own > 0)
        return arena_printf(w->arena, "ends alert %lld, which has the same own key; what others are one alert with it "
                            "goes on", (long long)own);
    if (d->resolve_when == OWN_ANY && same > 0)
        return arena_printf(w->arena, "ends alert %lld, which has the same dedup_key", (long long)same);
    if (w->live != NULL && (d->resolve_when == OWN_ANY || id_is_zero(&d->own)))
        return explain_live_open(w->live, d->dedup_key) != NULL
                   ? "ends the alert of this key, which is open"
                   : "nothing happens, unless a rule gave it another key when it fired: no alert of this key is open";
    if (d->resolve_when == OWN_ANY || id_is_zero(&d->own))
        return "ends the alert of this key if it fires; otherwise nothing happens";
    return arena_printf(w->arena, "ends what fires under its own key '%s'; an alert that rules make of several is over "
                        "when all of them are", d->own_key);
}

/* What the daemon would do with it, and whether somebody is woken. */
static const char *
effect(struct explain_work *w, const struct decision *d, bool *pages_out)
{
    json_int_t earlier = explain_number(w->by_key, d->dedup_key);
    const char *silence;

    *pages_out = false;
    if (d->status == TOCSIN_RESOLVED)
        return resolve_effect(w, d);
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
    silence = explain_live_silence(w->live, w->arena, d);
    if (silence != NULL)
        return arena_printf(w->arena, "held back by %s: the incident is recorded and nobody is told before", silence);
    *pages_out = explain_live_open(w->live, d->dedup_key) == NULL;
    return paging_effect(w, d);
}

static void
put_times(const struct explain_work *w, json_t *out, const struct decision *d)
{
    bool fires = d->status == TOCSIN_FIRING;
    int64_t after = fires ? d->resolve_after_ms : 0;

    explain_put_time(out, "starts_at", d->starts_at);
    explain_put_time(out, "ends_at", d->ends_at);
    explain_put_time(out, "expires_at", after > 0 ? w->in->at + after : d->expires_at);
    explain_put_duration(out, "resolve_after", after);
    explain_put_duration(out, "delay", fires ? d->delay_ms : 0);
    explain_put_time(out, "delayed_until", fires && d->delay_ms > 0 ? w->in->at + d->delay_ms : 0);
}

/* --- an alert, or a line ------------------------------------------------------------------------- */

static json_t *
links(const struct alert_text *t)
{
    json_t *out = json_array();

    for (size_t i = 0; i < t->n_links; i++) {
        json_t *link = json_pack("{s:s}", "href", t->links[i].href);

        explain_put_text(link, "text", t->links[i].text);
        json_array_append_new(out, link);
    }
    return out;
}

json_t *
explain_alert(struct explain_work *w, const struct rule_explanation *x)
{
    static const char *const statuses[] = { "", "firing", "resolved", "unknown" };
    const struct decision *d = x->decision;
    const struct policy *p = d->policy;
    struct alert_text t = { 0 };
    json_t *out = json_object();
    bool pages = false;
    const char *what = x->is_alert ? effect(w, d, &pages) : line_effect(w->arena, x);

    alert_text_decode(w->arena, d->body, d->body_len, &t);
    explain_put_text(out, "dedup_key", d->dedup_key);
    explain_put_text(out, "own_key", id_is_zero(&d->own) ? "" : d->own_key);
    explain_put_text(out, "status", statuses[d->status]);
    explain_put_text(out, "severity", severity_name(d->severity));
    explain_put_text(out, "source_severity", t.source_severity);
    explain_put_text(out, "summary", d->summary);
    explain_put(out, "labels", pairs(t.labels, t.n_labels));
    explain_put(out, "annotations", pairs(t.annotations, t.n_annotations));
    explain_put(out, "links", links(&t));
    put_times(w, out, d);
    put_rules(w, out, x);
    explain_put(out, "pages", json_boolean(pages));
    explain_put_text(out, "effect", what);
    explain_put_text(out, "group_key", d->group_key);
    explain_put(out, "policy", json_pack("{s:s, s:s, s:o, s:o}", "name", p->name, "routed_by", d->routed_by, "steps",
                                         steps(p), "last_resort", explain_names(p->last_resort, p->n_last_resort)));
    explain_put(out, "notify", explain_names(d->notify, d->n_notify));
    return out;
}
