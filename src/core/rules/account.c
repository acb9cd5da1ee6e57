/* SPDX-License-Identifier: Apache-2.0 */
/* An account of each rule: did it match, what did it do, and if not, which matcher said no to which value. */
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "core/rules/ruleset.h"

enum { MAX_SHOWN = 80 };

/* The first matcher that says no, and of what; the others need not hold for that. */
static const char *
no_of(struct run *r, const struct alternative *alt)
{
    for (size_t i = 0; i < alt->n; i++) {
        const struct matcher *m = &alt->matchers[i];
        const char *value = r->sc->values[m->slot], *why;

        value = value != NULL ? value : "";
        if (matcher_test(m, value, r->view.severity, &r->sc->match, &why) != NO)
            continue;
        if (value[0] == '\0')
            return arena_printf(r->arena, "%s (there is no %s)", m->text, m->label);
        return arena_printf(r->arena, "%s (it is '%s')", m->text, text_cut_bytes(r->arena, value, MAX_SHOWN));
    }
    return "";
}

static const char *
why_not(struct run *r, const struct rule *rule)
{
    const char *text = "";

    for (size_t i = 0; i < rule->n_any; i++)
        text = arena_printf(r->arena, "%s%s%s", text, i > 0 ? ", nor " : "", no_of(r, &rule->any[i]));
    return text;
}

void
account_rule(struct run *r, const struct rule *rule, enum truth t)
{
    struct rule_account *a = &r->accounts[r->current];
    const struct rule_trace *last = r->out->n_trace > 0 ? &r->out->trace[r->out->n_trace - 1] : NULL;

    a->rule = arena_strdup(r->arena, rule->name);
    a->pos = (struct rule_pos){ arena_strdup(r->arena, rule->pos.file), rule->pos.line };
    if (t == NO || last == NULL) {           /* one that matched or failed has left a trace */
        a->part = RULE_NO_MATCH;
        a->text = r->indexed ? "" : why_not(r, rule);
        return;
    }
    a->part = last->failed ? RULE_FAILED : RULE_MATCHED;
    a->text = last->text;
}

void
account_threshold(struct run *r, const struct rule *rule, uint32_t seen)
{
    struct rule_account *a = r->accounts != NULL ? &r->accounts[r->current] : NULL;

    if (a == NULL)
        return;
    a->seen = seen;
    a->count = rule->count;
    a->window_ms = rule->window_ms;
    a->of = "";
    for (size_t i = 0; i < rule->n_by; i++)
        a->of = arena_printf(r->arena, "%s%s%s=%s", a->of, i > 0 ? ", " : "", rule->by[i].label,
                             text_cut_bytes(r->arena, run_value(r, &rule->by[i]), MAX_SHOWN));
}

void
ruleset_explain(const struct ruleset *rs, struct rule_scratch *sc, struct arena *arena, const char *source,
                const struct tocsin_alert *a, const struct rule_route *route, bool why,
                struct rule_explanation *out)
{
    const char *stopper = "";

    out->n_rules = rs->n;
    out->rules = arena_zalloc(arena, (rs->n + 1) * sizeof *out->rules);
    out->decision = run_decide(rs, sc, arena, source, a, route, !why, out);
    for (size_t i = 0; i < rs->n; i++) {
        struct rule_account *ra = &out->rules[i];

        if (ra->rule != NULL) {
            stopper = ra->rule;
            continue;
        }
        *ra = (struct rule_account){ .rule = arena_strdup(arena, rs->rules[i].name),
                                     .part = why ? RULE_NOT_REACHED : RULE_NO_MATCH, .text = "",
                                     .pos = { arena_strdup(arena, rs->rules[i].pos.file), rs->rules[i].pos.line } };
        if (why)
            ra->text = arena_printf(arena, "rule '%s' stops before it", stopper);
    }
}
