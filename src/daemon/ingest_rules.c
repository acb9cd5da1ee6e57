/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts through the rules, actions beside them: what a payload asks of the next turn. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/idmap.h"
#include "base/xalloc.h"
#include "daemon/ingest_impl.h"

/* What a threshold counts with. */
struct counting { struct ingest *ingest; int64_t now; };

/* --- rule machines: one per thread at a time, kept for reuse ------------------------ */

static struct spare *
spare_take(struct ingest *g, const struct conf *conf)
{
    struct spare **at, *s = NULL, *old = NULL;

    pthread_mutex_lock(&g->mutex);
    for (at = &g->spares; *at != NULL;) {
        struct spare *x = *at;

        if (x->generation == conf->generation && s == NULL) {
            *at = x->next;
            s = x;
        } else if (x->generation < conf->generation) {
            *at = x->next;
            x->next = old;
            old = x;
        } else {
            at = &x->next;
        }
    }
    pthread_mutex_unlock(&g->mutex);
    while (old != NULL) {
        struct spare *x = old;

        old = x->next;
        rule_scratch_free(x->scratch);
        free(x);
    }
    if (s == NULL) {
        s = xcalloc(1, sizeof *s);
        s->scratch = rule_scratch_new(conf->rules);
        s->generation = conf->generation;
    }
    return s;
}

static void
spare_put(struct ingest *g, struct spare *s)
{
    pthread_mutex_lock(&g->mutex);
    s->next = g->spares;
    g->spares = s;
    pthread_mutex_unlock(&g->mutex);
}

/* --- what a payload becomes --------------------------------------------------------------- */

static struct failing *
failing_of(struct ingest *g, const struct rule_trace *t)
{
    struct failing *f;

    for (f = g->failing; f != NULL; f = f->next)
        if (f->line == t->pos.line && strcmp(f->rule, t->rule) == 0 && strcmp(f->file, t->pos.file) == 0)
            return f;
    f = xcalloc(1, sizeof *f);
    f->rule = xstrdup(t->rule);
    f->file = xstrdup(t->pos.file);
    f->line = t->pos.line;
    f->next = g->failing;
    g->failing = f;
    return f;
}

/* Each is counted with the turn (rule_failures); this is for people. */
static void
report_failures(struct ingest *g, const struct conf_collector *c, const struct decision *d)
{
    for (size_t i = 0; d->failed && i < d->n_trace; i++) {
        const struct rule_trace *t = &d->trace[i];

        if (!t->failed)
            continue;
        pthread_mutex_lock(&g->failing_mutex);
        complain(&failing_of(g, t)->complaint, "rules", c->name,
                 "rule '%s' (%s:%u) failed for alert '%s' and was skipped: %s", t->rule, t->pos.file, t->pos.line,
                 d->dedup_key, t->text);
        pthread_mutex_unlock(&g->failing_mutex);
    }
}

_Static_assert((int)TOCSIN_ACT_ACK == (int)ACTION_ACK && (int)TOCSIN_ACT_ESCALATE == (int)ACTION_ESCALATE &&
                   (int)TOCSIN_ACT_SNOOZE == (int)ACTION_SNOOZE && (int)TOCSIN_ACT_NOTE == (int)ACTION_NOTE,
               "actions are passed on as they are");

static uint32_t
count_hit(void *ctx, const struct rule_hit *hit)
{
    struct counting *c = ctx;
    uint32_t n;

    pthread_mutex_lock(&c->ingest->tally_mutex);
    n = tally_hit(c->ingest->tally, &hit->group, hit->what, hit->count, hit->window_ms, c->now);
    pthread_mutex_unlock(&c->ingest->tally_mutex);
    return n;
}

static const struct id16 *
event_key(const void *ctx, uint32_t i)
{
    const struct intake *in = ctx;

    return &in->events[i].decision->key;
}

void
ingest_add_event(struct intake *in, struct event e)
{
    if (in->n == in->cap) {
        size_t cap = in->cap * 2 + 16;
        struct event *more = arena_alloc(in->arena, cap * sizeof *more);

        if (in->n > 0)
            memcpy(more, in->events, in->n * sizeof *more);
        in->events = more;
        in->cap = cap;
    }
    in->events[in->n++] = e;
    in->n_alerts += e.kind == EV_ALERT;
}

static void
add_action(struct intake *in, const struct conf_collector *c, const struct tocsin_act *a)
{
    const char *parts[] = { c->name, a->dedup_key != NULL ? a->dedup_key : "" };

    ingest_add_event(in, (struct event){ .kind = EV_ACTION, .action = (enum action)a->kind, .key = id_hash(parts, 2),
                                  .number = a->number, .by = a->by != NULL && a->by[0] != '\0' ? a->by : c->name,
                                  .note = a->note, .until = a->until,
                                  .err = arena_zalloc(in->arena, sizeof(struct tocsin_err)) });
}

/* A line of a log that became an alert.  Lines of one alert are one report that counts for all: the latest. */
static void
add_line(struct intake *in, struct idmap *lines, struct decision *d)
{
    uint32_t at;

    if (idmap_get(lines, &d->key, &at)) {
        d->more = in->events[at].decision->more + 1;
        in->events[at].decision = d;
        return;
    }
    ingest_add_event(in, (struct event){ .kind = EV_ALERT, .decision = d });
    idmap_put(lines, &d->key, (uint32_t)(in->n - 1));
}

void
ingest_decide(struct ingest *g, struct intake *in, const struct conf_collector *c, const struct tocsin_batch *batch,
       const struct host_call *call, const struct rule_route *route)
{
    const struct ruleset *rules = in->conf->rules;
    size_t n_acts = call != NULL ? call->n_acts : 0, k = 0;
    struct spare *s = spare_take(g, in->conf);
    struct counted *counted = in->done_ctx;
    struct counting counting = { g, counted->received_at };
    struct idmap lines;

    rule_scratch_count(s->scratch, count_hit, &counting);
    idmap_init(&lines, event_key, in);
    for (size_t i = 0; i <= batch->n_alerts; i++) {
        struct decision *d;

        while (k < n_acts && call->acts[k].before == i)
            add_action(in, c, &call->acts[k++].act);
        if (i == batch->n_alerts)
            break;
        d = ruleset_decide_routed(rules, s->scratch, in->arena, c->name, batch->alerts[i], route);
        if (d == NULL)
            continue;
        d->named = call != NULL;
        report_failures(g, c, d);
        if (batch->alerts[i]->record)
            add_line(in, &lines, d);
        else
            ingest_add_event(in, (struct event){ .kind = EV_ALERT, .decision = d });
    }
    idmap_release(&lines);
    rule_scratch_count(s->scratch, NULL, NULL);
    spare_put(g, s);
}

void
ingest_rules_init(struct ingest *g)
{
    pthread_mutex_init(&g->failing_mutex, NULL);
    g->tally = tally_new();
    pthread_mutex_init(&g->tally_mutex, NULL);
}

void
ingest_rules_release(struct ingest *g)
{
    while (g->spares != NULL) {
        struct spare *s = g->spares;

        g->spares = s->next;
        rule_scratch_free(s->scratch);
        free(s);
    }
    while (g->failing != NULL) {
        struct failing *f = g->failing;

        g->failing = f->next;
        free(f->rule);
        free(f->file);
        free(f);
    }
    pthread_mutex_destroy(&g->failing_mutex);
    tally_free(g->tally);
    pthread_mutex_destroy(&g->tally_mutex);
}
