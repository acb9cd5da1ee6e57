/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Incidents as Alertmanager's groups: the labels that made them, and their
 * alerts, all in the order in which Alertmanager lists them.
 */
#include <stdlib.h>
#include <string.h>

#include "api/api_alertmanager.h"

struct labels { struct tocsin_pair *v; size_t n; };      /* sorted by name */

struct group {
    const struct am_alert *alerts; size_t n;
    struct labels labels;
};

/* --- order ----------------------------------------------------------------------------- */

/* Fewer labels first; then, at the first name that one of the two lacks or that has two values, without, or the less. */
static int
by_labels(const struct labels *a, const struct labels *b)
{
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    for (size_t i = 0; i < a->n; i++) {
        int d = -strcmp(a->v[i].name, b->v[i].name);

        if (d == 0)
            d = strcmp(a->v[i].value, b->v[i].value);
        if (d != 0)
            return d;
    }
    return 0;
}

static int
by_group(const void *x, const void *y)
{
    const struct group *a = x, *b = y;
    int d = by_labels(&a->labels, &b->labels);

    if (d == 0)
        d = strcmp(a->alerts[0].receiver, b->alerts[0].receiver);
    return d != 0 ? d : id_cmp(&a->alerts[0].row->incident, &b->alerts[0].row->incident);
}

/* Those that have the label come first. */
static int
by_label(const struct labels *a, const struct labels *b, const char *name)
{
    const char *x = alert_pair_find(a->v, a->n, name), *y = alert_pair_find(b->v, b->n, name);

    if ((*x == '\0') != (*y == '\0'))
        return *x == '\0' ? 1 : -1;
    return strcmp(x, y);
}

/* In a group: by job, by instance, by all labels. */
static int
by_origin(const void *x, const void *y)
{
    static const char *const first[] = { "job", "instance" };
    const struct am_alert *a = x, *b = y;
    struct labels p = { a->text.labels, a->text.n_labels }, q = { b->text.labels, b->text.n_labels };
    int d = id_cmp(&a->row->incident, &b->row->incident);

    for (size_t i = 0; i < sizeof first / sizeof first[0] && d == 0; i++)
        d = by_label(&p, &q, first[i]);
    if (d == 0)
        d = by_labels(&p, &q);
    return d != 0 ? d : strcmp(a->row->source, b->row->source);
}

/* --- the labels of a group --------------------------------------------------------------- */

/* `policy/a=b,c=d`, as a rule's group_by makes it: the names by which the group was made.  False: it is no such key. */
static bool
labels_of_key(struct am_request *q, const struct incident_row *r, const struct am_alert *first, struct labels *out)
{
    size_t n = strlen(r->policy_name);
    const char *p;

    if (strncmp(r->group_key, r->policy_name, n) != 0 || r->group_key[n] != '/')
        return false;
    p = r->group_key + n + 1;
    out->v = arena_alloc(q->arena, (first->text.n_labels + strlen(p) / 2 + 1) * sizeof *out->v);
    while (*p != '\0') {
        char name[256];
        size_t len = 0;
        const char *value;

        for (; *p != '\0' && *p != '=' && len < sizeof name - 1; p++)
            name[len++] = *p == '\\' && p[1] != '\0' ? *++p : *p;
        name[len] = '\0';
        if (*p != '=')
            break;
        while (*p != '\0' && *p != ',')      /* the value stands in the alert as well, without escapes */
            p += *p == '\\' && p[1] != '\0' ? 2 : 1;
        p += *p == ',';
        value = alert_pair_find(first->text.labels, first->text.n_labels, name);
        if (value[0] != '\0')
            out->v[out->n++] = (struct tocsin_pair){ arena_strdup(q->arena, name), value };
    }
    out->n = alert_pairs_normalise(out->v, out->n);
    return true;
}

/* What all alerts of the group have in common. */
static void
labels_in_common(struct am_request *q, const struct am_alert *s, size_t n, struct labels *out)
{
    out->v = arena_alloc(q->arena, (s->text.n_labels + 1) * sizeof *out->v);
    for (size_t i = 0; i < s->text.n_labels; i++) {
        const struct tocsin_pair *p = &s->text.labels[i];
        bool all = true;

        for (size_t k = 1; k < n && all; k++)
            all = strcmp(alert_pair_find(s[k].text.labels, s[k].text.n_labels, p->name), p->value) == 0;
        if (all)
            out->v[out->n++] = *p;
    }
}

/* --- groups -------------------------------------------------------------------------------- */

static json_t *
shape_group(struct am_request *q, const struct group *g)
{
    json_t *alerts = json_array(), *labels = json_object();

    for (size_t i = 0; i < g->n; i++)
        json_array_append_new(alerts, am_alert_shape(q, &g->alerts[i]));
    for (size_t i = 0; i < g->labels.n; i++)
        json_object_set_new(labels, g->labels.v[i].name, shape_string(q->arena, g->labels.v[i].value));
    return json_pack("{s:o, s:o, s:{s:o}, s:{}}", "alerts", alerts, "labels", labels, "receiver", "name",
                     shape_string(q->arena, g->alerts[0].receiver), "routeLabels");
}

/* The alerts of the request, which are sorted by incident. */
static size_t
make_groups(struct am_request *q, struct group *out)
{
    size_t n_groups = 0;

    for (size_t i = 0, n; i < q->n; i += n) {
        struct group g = { .alerts = &q->list[i] };

        for (n = 1; i + n < q->n && id_eq(&q->list[i].row->incident, &q->list[i + n].row->incident);)
            n++;
        g.n = n;
        if (g.alerts->incident == NULL || !labels_of_key(q, g.alerts->incident, g.alerts, &g.labels))
            labels_in_common(q, g.alerts, n, &g.labels);
        out[n_groups++] = g;
    }
    return n_groups;
}

void
handle_alertmanager_groups(struct call *c)
{
    struct am_request q;

    if (am_alerts_begin(&q, c) && am_alerts_load(&q)) {
        struct group *groups = arena_alloc(q.arena, (q.n + 1) * sizeof *groups);
        json_t *list = json_array();
        size_t n;

        if (q.n > 1)
            qsort(q.list, q.n, sizeof *q.list, by_origin);
        n = make_groups(&q, groups);
        if (n > 1)
            qsort(groups, n, sizeof *groups, by_group);
        for (size_t i = 0; i < n; i++)
            json_array_append_new(list, shape_group(&q, &groups[i]));
        am_reply(c, list);
    }
    am_alerts_end(&q);
}
