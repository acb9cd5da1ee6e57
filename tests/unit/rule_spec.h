/* SPDX-License-Identifier: Apache-2.0 */
/* rule_spec.h - rules written down in a few lines, loaded and tried, for the tests of rules. */
#ifndef TESTS_RULE_SPEC_H
#define TESTS_RULE_SPEC_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "core/alert.h"
#include "core/rules/rules.h"

struct spec {                      /* lists end with NULL */
    const char *name;
    const char *match[6];          /* "||" begins another alternative */
    struct rule_action set[4];
    const char *unset[3];
    const char *dedup_key;
    int resolve_when;
    const char *group_by[4];       /* "" alone: an empty list */
    const struct policy *policy;
    const char *notify[3];
    bool drop, suppress, stop;
    struct { uint32_t count; int64_t window; const char *by[3]; } threshold;
    int64_t delay, resolve_after;
    bool has_delay;                /* also when it is 0 */
    enum { UNSAID, MAKES, MAKES_NOT } alert;
};

static struct policy page = { .name = "page" };
static struct policy other __attribute__((unused)) = { .name = "other" };

static inline size_t
length(const char *const *list, size_t max)
{
    size_t n = 0;

    while (n < max && list[n] != NULL)
        n++;
    return n;
}

static inline struct rule_src
source_of(struct arena *a, struct spec *s, unsigned line)
{
    struct rule_src r = { .name = s->name, .pos = { "rules/10.cfg", line }, .set = s->set, .unset = s->unset,
                          .dedup_key = s->dedup_key, .resolve_when = s->resolve_when, .group_by = s->group_by, .policy = s->policy,
                          .notify = s->notify, .drop = s->drop, .suppress = s->suppress, .stop = s->stop,
                          .has_alert = s->alert != UNSAID, .alert = s->alert == MAKES };
    size_t n = length(s->match, 6);

    r.any = arena_zalloc(a, 6 * sizeof *r.any);
    for (size_t i = 0; i < n; i++) {
        if (r.n_any == 0 || strcmp(s->match[i], "||") == 0) {
            r.any[r.n_any++].matchers = &s->match[strcmp(s->match[i], "||") == 0 ? i + 1 : i];
            if (strcmp(s->match[i], "||") == 0)
                continue;
        }
        r.any[r.n_any - 1].n++;
    }
    while (r.n_set < 4 && s->set[r.n_set].name != NULL)
        r.n_set++;
    r.n_unset = length(s->unset, 3);
    r.has_group_by = s->group_by[0] != NULL;
    r.n_group_by = r.has_group_by && s->group_by[0][0] == '\0' && s->group_by[1] == NULL ? 0 : length(s->group_by, 4);
    r.threshold.count = s->threshold.count;
    r.threshold.window_ms = s->threshold.window;
    r.threshold.by = s->threshold.by;
    r.threshold.n_by = length(s->threshold.by, 3);
    r.delay_ms = s->delay;
    r.has_delay = s->has_delay || s->delay > 0;
    r.resolve_after_ms = s->resolve_after;
    r.has_resolve_after = s->resolve_after > 0;
    r.n_notify = length(s->notify, 3);
    return r;
}

struct reports { char text[4096]; unsigned n; };

static inline void
on_report(void *ctx, struct rule_pos pos, const char *fmt, ...)
{
    struct reports *r = ctx;
    size_t n = strlen(r->text);
    va_list ap;

    n += (size_t)snprintf(r->text + n, sizeof r->text - n, "%s:%u: ", pos.file, pos.line);
    va_start(ap, fmt);
    n += (size_t)vsnprintf(r->text + n, sizeof r->text - n, fmt, ap);
    va_end(ap);
    snprintf(r->text + n, sizeof r->text - n, "\n");
    r->n++;
}

struct bench { struct arena *arena; struct ruleset *rs; struct rule_scratch *sc; };

static inline struct bench
load(struct spec *specs, size_t n)
{
    struct bench b = { .arena = arena_new() };
    struct reports reports = { .n = 0 };
    struct rule_src *src = arena_zalloc(b.arena, (n + 1) * sizeof *src);

    for (size_t i = 0; i < n; i++)
        src[i] = source_of(b.arena, &specs[i], (unsigned)(i + 1) * 10);
    b.rs = ruleset_compile(src, n, &page, on_report, &reports);
    if (b.rs == NULL)
        fail_msg("%s", reports.text);
    b.sc = rule_scratch_new(b.rs);
    return b;
}

static inline void
unload(struct bench *b)
{
    rule_scratch_free(b->sc);
    ruleset_free(b->rs);
    arena_free(b->arena);
}

#define LOAD(specs) load(specs, sizeof specs / sizeof specs[0])

static inline struct tocsin_alert
alert(const struct tocsin_pair *labels, size_t n)
{
    return (struct tocsin_alert){ .status = TOCSIN_FIRING, .labels = labels, .n_labels = n };
}

static const struct tocsin_pair gpu[] = {
    { "host", "train-07" }, { "cluster", "a" }, { "xid", "79" }, { "gpu", "3" }, { "severity", "warning" },
};

static inline struct decision *
decide(struct bench *b, const struct tocsin_alert *a)
{
    return ruleset_decide(b->rs, b->sc, b->arena, "training", a);
}

static inline const char *
label_of(struct bench *b, const struct decision *d, const char *name)
{
    struct alert_text t;

    assert_true(alert_text_decode(b->arena, d->body, d->body_len, &t));
    return alert_pair_find(t.labels, t.n_labels, name);
}

#endif
