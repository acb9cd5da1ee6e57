/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each heartbeat that is watched, by the key of its alert; events for the committer; and the alert that silence is.
 * Deadlines are moved by events alone, so what is here follows what is committed.
 */
#include "daemon/beats_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "base/xalloc.h"
#include "core/alert.h"
#include "os/clock.h"
#include "os/log.h"

static const struct id16 *
entry_key(const void *ctx, uint32_t i)
{
    return &((const struct beats *)ctx)->v[i].key;
}

struct beats *
beats_new(struct store *store)
{
    struct beats *b = xcalloc(1, sizeof *b);

    b->store = store;
    pthread_mutex_init(&b->mutex, NULL);
    idmap_init(&b->by_key, entry_key, b);
    return b;
}

static void
release(struct beat_entry *e)
{
    for (size_t i = 0; i < e->n_labels; i++) {
        free((char *)(uintptr_t)e->labels[i].name);
        free((char *)(uintptr_t)e->labels[i].value);
    }
    free(e->labels);
    free(e->name);
}

void
beats_free(struct beats *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < b->n; i++)
        release(&b->v[i]);
    free(b->v);
    idmap_release(&b->by_key);
    rule_scratch_free(b->scratch);
    pthread_mutex_destroy(&b->mutex);
    free(b);
}

/* --- names ---------------------------------------------------------------------------- */

/* nightly-backup, or sensors{host=a,rack=b} */
static const char *
dedup_key(struct arena *a, const char *name, const struct tocsin_pair *labels, size_t n)
{
    const char *text = name;

    for (size_t i = 0; i < n; i++)
        text = arena_printf(a, "%s%s%s=%s%s", text, i == 0 ? "{" : ",", labels[i].name, labels[i].value,
                            i + 1 == n ? "}" : "");
    return text;
}

static struct id16
key_of(const char *dedup_key)
{
    const char *parts[] = { HEARTBEAT_SOURCE, dedup_key };

    return id_hash(parts, 2);
}

static struct beat_entry *
find(struct beats *b, const struct id16 *key)
{
    uint32_t i;

    return idmap_get(&b->by_key, key, &i) && !b->v[i].gone ? &b->v[i] : NULL;
}

static struct beat_entry *
add(struct beats *b, const struct id16 *key, const char *name, const struct tocsin_pair *labels, size_t n)
{
    struct beat_entry *e;
    uint32_t i;

    if (idmap_get(&b->by_key, key, &i)) {
        e = &b->v[i];              /* configured once more */
        release(e);
    } else {
        if (b->n == b->cap) {
            b->cap = b->cap * 2 + 16;
            b->v = xrealloc(b->v, b->cap * sizeof *b->v);
        }
        i = (uint32_t)b->n++;
        e = &b->v[i];
    }
    *e = (struct beat_entry){ .key = *key, .name = xstrdup(name), .n_labels = n };
    e->labels = xcalloc(n + 1, sizeof *e->labels);
    for (size_t k = 0; k < n; k++)
        e->labels[k] = (struct tocsin_pair){ xstrdup(labels[k].name), xstrdup(labels[k].value) };
    idmap_put(&b->by_key, &e->key, i);
    return e;
}

static size_t
count(const struct beats *b, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < b->n; i++)
        n += !b->v[i].gone && strcmp(b->v[i].name, name) == 0;
    return n;
}

/* --- start ------------------------------------------------------------------------------ */

/* Who it is stands in annotations, which no rule can change: `heartbeat`, and by_host for the label host. */
static void
load_row(struct beats *b, struct arena *a, const struct alert_row *row)
{
    struct alert_text t;
    struct tocsin_pair *labels;
    const char *name;
    struct beat_entry *e;
    size_t n = 0;

    if (row->body == NULL || !alert_text_decode(a, row->body, row->body_len, &t) || find(b, &row->key) != NULL)
        return;
    name = alert_pair_find(t.annotations, t.n_annotations, "heartbeat");
    labels = arena_alloc(a, (t.n_annotations + 1) * sizeof *labels);
    for (size_t i = 0; i < t.n_annotations; i++)
        if (strncmp(t.annotations[i].name, "by_", 3) == 0)
            labels[n++] = (struct tocsin_pair){ t.annotations[i].name + 3, t.annotations[i].value };
    e = add(b, &row->key, name, labels, n);
    /* a silent one says since when in starts_at, and its first report as such was counted */
    e->last_at = row->state == ALERT_DROPPED && row->expires_at > 0 ? row->last_at : row->starts_at;
    e->beats = row->count - (row->state != ALERT_DROPPED && row->count > 0);
    e->due_at = row->expires_at;
}

enum tocsin_rc
beats_load(struct beats *b, struct tocsin_err *err)
{
    struct alert_filter f = { .source = HEARTBEAT_SOURCE, .waiting = true, .limit = BEATS_PAGE,
                              .states = 1u << ALERT_FIRING | 1u << ALERT_DISMISSED | 1u << ALERT_DROPPED };
    enum tocsin_rc rc;
    size_t n;

    do {
        struct arena *a = arena_new();
        struct alert_row *rows = NULL;

        rc = b->store->ops->list_alerts(b->store, a, &f, &rows, &n, err);
        for (size_t i = 0; rc == TOCSIN_OK && i < n; i++)
            load_row(b, a, &rows[i]);
        f.before = rc == TOCSIN_OK && n > 0 ? rows[n - 1].rowid : 0;
        arena_free(a);
    } while (rc == TOCSIN_OK && n > 0);
    return rc;
}

/* --- events -------------------------------------------------------------------------------- */

/* by_... of each label that tells it apart, and its name; sorted. */
static struct tocsin_pair *
identity(struct arena *a, const struct beat_entry *e, size_t *n_r)
{
    struct tocsin_pair *by = arena_alloc(a, (e->n_labels + 1) * sizeof *by);

    for (size_t i = 0; i < e->n_labels; i++)
        by[i] = (struct tocsin_pair){ arena_printf(a, "by_%s", e->labels[i].name),
                                      arena_strdup(a, e->labels[i].value) };
    by[e->n_labels] = (struct tocsin_pair){ "heartbeat", arena_strdup(a, e->name) };
    *n_r = alert_pairs_normalise(by, e->n_labels + 1);
    return by;
}

/* The text that is stored while it waits: enough to know it again after a restart. */
static struct decision *
waiting(struct arena *a, const struct beat_entry *e, int64_t due_at)
{
    struct decision *d = arena_zalloc(a, sizeof *d);
    struct tocsin_pair label = { "heartbeat", arena_strdup(a, e->name) };
    struct alert_text t = { .source_severity = "", .labels = &label, .n_labels = 1 };

    t.annotations = identity(a, e, &t.n_annotations);
    d->key = e->key;
    d->source = HEARTBEAT_SOURCE;
    d->dedup_key = dedup_key(a, e->name, e->labels, e->n_labels);
    t.summary = arena_printf(a, "heartbeat '%s' beats", d->dedup_key);
    d->summary = t.summary;
    d->status = TOCSIN_FIRING;
    d->severity = TOCSIN_INFO;
    d->expires_at = due_at;
    d->held_by = d->delayed_by = d->routed_by = "";
    alert_text_encode(a, &t, &d->body, &d->body_len, &d->digest);
    return d;
}

static size_t
select_labels(const struct conf_heartbeat *h, const struct tocsin_pair *in, size_t n, struct tocsin_pair *out)
{
    size_t kept = 0;

    for (size_t i = 0; i < h->n_by; i++)
        for (size_t k = 0; k < n; k++)
            if (strcmp(in[k].name, h->by[i]) == 0) {
                out[kept++] = in[k];
                break;
            }
    return kept;
}

/* Which of `by` the topic has no value for: without it nobody could be named, and no two told apart. */
static const char *
missing(const struct conf_heartbeat *h, const struct tocsin_pair *labels, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(labels[i].name, h->by[i]) != 0)
            return h->by[i];
    return n < h->n_by ? h->by[n] : NULL;
}

bool
beats_event(struct beats *b, struct arena *a, const struct conf_heartbeat *h, const struct tocsin_pair *topic_labels,
            size_t n_topic, int64_t now, struct event *out)
{
    struct tocsin_pair *labels = arena_alloc(a, (h->n_by + 1) * sizeof *labels);
    size_t n = select_labels(h, topic_labels, n_topic, labels);
    const char *lacks = missing(h, labels, n), *text = dedup_key(a, h->name, labels, n);
    struct id16 key = key_of(text);
    struct beat_entry *e;

    pthread_mutex_lock(&b->mutex);
    e = lacks == NULL ? find(b, &key) : NULL;
    if (e == NULL && lacks == NULL && count(b, h->name) < h->max)
        e = add(b, &key, h->name, labels, n);
    if (e != NULL)
        *out = (struct event){ .kind = EV_BEAT, .decision = waiting(a, e, now + h->every_ms + h->grace_ms) };
    else if (lacks != NULL)
        complain(&b->nameless, "heartbeat", h->name, "a beat counts for nobody: its topic has no '%s'", lacks);
    else
        complain(&b->too_many, "heartbeat", h->name, "'%s' is not watched: there are %u already, and 'max' is that",
                 text, h->max);
    pthread_mutex_unlock(&b->mutex);
    return e != NULL;
}

void
beats_done(struct beats *b, const struct event *event, int64_t now)
{
    struct beat_entry *e;

    pthread_mutex_lock(&b->mutex);
    e = find(b, &event->decision->key);
    if (e != NULL && event->kind == EV_BEAT) {
        e->last_at = now > e->last_at ? now : e->last_at;
        e->beats++;
    }
    if (e != NULL)
        e->due_at = event->decision->expires_at;
    pthread_mutex_unlock(&b->mutex);
}

/* --- a configuration is in force ------------------------------------------------------------ */

/* It is not stored: the next configuration reckons it anew. */
static void
forget_deadline(struct beats *b, const struct id16 *key)
{
    struct beat_entry *e;

    pthread_mutex_lock(&b->mutex);
    e = find(b, key);
    if (e != NULL)
        e->span_ms = 0;
    pthread_mutex_unlock(&b->mutex);
}

struct applied { struct beats *beats; const struct intake *intake; };

static void
applied(void *ctx, const struct ingest_result *r)
{
    const struct applied *d = ctx;

    if (r->rc != TOCSIN_OK)
        log_error("heartbeat", "", "the heartbeats of this configuration are not watched, reload again: %s",
                  r->err.what);
    for (size_t i = 0; i < d->intake->n; i++) {
        const struct event *event = &d->intake->events[i];

        if (r->rc == TOCSIN_OK)
            beats_done(d->beats, event, 0);
        else
            forget_deadline(d->beats, &event->decision->key);
    }
}

static bool
is_configured(const struct conf *conf, const struct beat_entry *e)
{
    const struct conf_heartbeat *h = conf_heartbeat(conf, e->name);

    if (h == NULL || e->n_labels != h->n_by)
        return false;
    for (size_t i = 0; i < e->n_labels; i++) {
        bool known = false;

        for (size_t k = 0; k < h->n_by; k++)
            known = known || strcmp(h->by[k], e->labels[i].name) == 0;
        if (!known)
            return false;
    }
    return true;
}

/* Those that need no first beat to be known are watched from the first configuration that has them. */
static void
add_known(struct beats *b, const struct conf *conf, int64_t now)
{
    for (size_t i = 0; i < conf->n_heartbeats; i++) {
        const struct conf_heartbeat *h = &conf->heartbeats[i];
        struct id16 key = key_of(h->name);

        if (h->n_by == 0 && find(b, &key) == NULL)
            add(b, &key, h->name, NULL, 0)->last_at = now;
    }
}

/*
 * When the next beat is due.  At a start, one whose deadline passed meanwhile (or is about to) may have had nobody to
 * beat to: it is given the time in which it would beat, but no more than other sources are given.  And the last beat
 * may be of a clock that was ahead: it is not later than now.
 */
static int64_t
deadline(const struct conf_heartbeat *h, struct beat_entry *e, int64_t now, bool starting)
{
    int64_t span = h->every_ms + h->grace_ms, grace = span < COMMITTER_GRACE_MS ? span : COMMITTER_GRACE_MS, due;

    if (starting && e->last_at > now)
        e->last_at = now;
    due = e->span_ms == span ? e->due_at : e->last_at + span;
    e->span_ms = span;
    return starting && due < now + grace ? now + grace : due;
}

/* Its first beat was refused, or is on its way: there is nothing to watch yet. */
static bool
is_unborn(const struct beat_entry *e)
{
    return e->n_labels > 0 && e->beats == 0 && e->due_at == 0;
}

size_t
beats_changes(struct beats *b, const struct conf *conf, struct arena *a, int64_t now, bool starting,
              struct event **out_r)
{
    struct event *events;
    size_t n = 0;

    pthread_mutex_lock(&b->mutex);
    add_known(b, conf, now);
    events = arena_alloc(a, (b->n + 1) * sizeof *events);
    for (size_t i = 0; i < b->n; i++) {
        struct beat_entry *e = &b->v[i];
        int64_t due;

        if (e->gone)
            continue;
        e->gone = !is_configured(conf, e);
        if (e->gone) {
            events[n++] = (struct event){ .kind = EV_DISARM, .decision = waiting(a, e, 0) };
        } else if (!is_unborn(e)) {
            due = deadline(conf_heartbeat(conf, e->name), e, now, starting);
            if (due != e->due_at)
                events[n++] = (struct event){ .kind = EV_ARM, .decision = waiting(a, e, due) };
        }
    }
    pthread_mutex_unlock(&b->mutex);
    *out_r = events;
    return n;
}

void
beats_apply(struct beats *b, struct conf *conf, struct committer *committer, bool starting)
{
    struct arena *a = arena_new();
    struct intake *in = arena_zalloc(a, sizeof *in);
    struct applied *done = arena_zalloc(a, sizeof *done);

    *done = (struct applied){ b, in };
    *in = (struct intake){ .arena = a, .done = applied, .done_ctx = done };
    in->n = in->n_beats = beats_changes(b, conf, a, clock_steady_ms(), starting, &in->events);
    if (in->n == 0) {
        arena_free(a);
        return;
    }
    in->conf = conf_ref(conf);
    committer_intake(committer, in);
}

/* --- silence --------------------------------------------------------------------------------- */

static void
use_rules(struct beats *b, const struct conf *conf)
{
    if (b->scratch != NULL && b->generation == conf->generation)
        return;
    rule_scratch_free(b->scratch);
    b->scratch = rule_scratch_new(conf->rules);
    b->generation = conf->generation;
}

static const char *
what_is_silent(struct arena *a, const struct conf_heartbeat *h, const struct beat_entry *e)
{
    const char *who = arena_printf(a, "heartbeat '%s'", e->name);
    char since[TIME_TEXT], every[DURATION_TEXT];

    for (size_t i = 0; i < e->n_labels; i++)
        who = arena_printf(a, "%s%s%s=%s", who, i == 0 ? " of " : ", ", e->labels[i].name, e->labels[i].value);
    time_format(e->last_at, since);
    duration_format(h->every_ms, every);
    return e->beats > 0 ? arena_printf(a, "%s is silent since %s (expected every %s)", who, since, every)
                        : arena_printf(a, "%s has not beaten yet, since %s (expected every %s)", who, since, every);
}

/* The alert before the rules; they may change all of it but its identity. */
static struct tocsin_alert
silence(struct arena *a, const struct conf_heartbeat *h, const struct beat_entry *e)
{
    struct tocsin_pair *labels = arena_alloc(a, (h->n_labels + e->n_labels + 2) * sizeof *labels);
    size_t n = 0, n_by;
    struct tocsin_pair *by = identity(a, e, &n_by);

    for (size_t i = 0; i < h->n_labels; i++)
        labels[n++] = h->labels[i];
    for (size_t i = 0; i < e->n_labels; i++)
        labels[n++] = (struct tocsin_pair){ arena_strdup(a, e->labels[i].name), arena_strdup(a, e->labels[i].value) };
    labels[n++] = (struct tocsin_pair){ "heartbeat", arena_strdup(a, e->name) };
    if (h->of_collector)
        labels[n++] = (struct tocsin_pair){ "collector", arena_strdup(a, e->name) };
    return (struct tocsin_alert){ .status = TOCSIN_FIRING, .severity = h->severity, .starts_at = e->last_at,
                                  .dedup_key = dedup_key(a, e->name, e->labels, e->n_labels),
                                  .summary = what_is_silent(a, h, e), .labels = labels, .n_labels = n,
                                  .annotations = by, .n_annotations = n_by };
}

const struct decision *
beats_silent(struct beats *b, const struct conf *conf, struct arena *a, const struct alert_row *row)
{
    const struct conf_heartbeat *h = NULL;
    struct tocsin_alert alert;
    struct decision *d;
    struct beat_entry *e;

    pthread_mutex_lock(&b->mutex);
    e = find(b, &row->key);
    h = e != NULL && is_configured(conf, e) ? conf_heartbeat(conf, e->name) : NULL;
    if (h != NULL)
        alert = silence(a, h, e);
    pthread_mutex_unlock(&b->mutex);
    if (h == NULL)
        return NULL;
    use_rules(b, conf);
    d = ruleset_decide(conf->rules, b->scratch, a, HEARTBEAT_SOURCE, &alert);
    d->key = row->key;             /* a rule that changes the key would part it from its beats */
    d->dedup_key = alert.dedup_key;
    if (h->policy != NULL && !d->routed) {
        d->policy = h->policy;
        d->routed = true;
        d->routed_by = arena_printf(a, "heartbeat '%s' (%s:%u)", h->name, h->pos.file, h->pos.line);
    }
    return d;
}
