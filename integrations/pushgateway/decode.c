/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - samples in Prometheus' text format, as scripts push them to a Pushgateway.
 *
 * A metric that the collector's `alerts` names is an alert: it fires while its comparison holds and is
 * resolved when it does not, so the same push that shows the end of a problem closes it.  All other
 * samples are records, which rules may make alerts of.
 * Source of the format: prometheus.io/docs/instrumenting/exposition_formats.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tocsin/plugin.h>

enum { LABELS_MAX = 64 };

enum comparison { ABOVE, AT_LEAST, BELOW, AT_MOST, EQUAL, NOT_EQUAL };

struct limit {                     /* one of `alerts` */
    const char *metric;
    enum comparison how;
    double value;
    const char *text;              /* "> 0" */
};

struct self {
    struct limit *limits;
    size_t n;
};

struct reading {
    const struct tocsin_host *host;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    const struct self *self;
    const char *at, *end;          /* of the line */
    unsigned line;
};

/* --- what is an alert ------------------------------------------------------------------------- */

static bool
limit_read(const char *text, struct limit *l)
{
    static const struct { const char *word; enum comparison how; } words[] = {
        { ">=", AT_LEAST }, { "<=", AT_MOST }, { "!=", NOT_EQUAL }, { "==", EQUAL }, { ">", ABOVE }, { "<", BELOW },
        { "=", EQUAL },
    };
    char *end;

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t n = strlen(words[i].word);

        if (strncmp(text, words[i].word, n) != 0)
            continue;
        l->how = words[i].how;
        l->value = strtod(text + n, &end);
        return end != text + n && *end == '\0' && isfinite(l->value);
    }
    return false;
}

static bool
holds(const struct limit *l, double v)
{
    switch (l->how) {
    case ABOVE:
        return v > l->value;
    case AT_LEAST:
        return v >= l->value;
    case BELOW:
        return v < l->value;
    case AT_MOST:
        return v <= l->value;
    case EQUAL:
        return !(v < l->value) && !(v > l->value) && !isnan(v);
    case NOT_EQUAL:
        return v < l->value || v > l->value || isnan(v);
    }
    return false;
}

static const struct limit *
limit_of(const struct self *self, const char *metric)
{
    for (size_t i = 0; i < self->n; i++)
        if (strcmp(self->limits[i].metric, metric) == 0)
            return &self->limits[i];
    return NULL;
}

static void
close_self(void *p)
{
    struct self *self = p;

    free(self->limits);
    free(self);
}

static enum tocsin_rc
open_self(const struct tocsin_host *host, const struct tocsin_settings *set, void **self_r, struct tocsin_err *err)
{
    const struct tocsin_pair *pairs;
    size_t n = host->setting_map(set, "alerts", &pairs);
    struct self *self = calloc(1, sizeof *self);

    if (self != NULL)
        self->limits = calloc(n + 1, sizeof *self->limits);
    if (self == NULL || self->limits == NULL) {
        free(self);
        return host->fail(err, TOCSIN_INTERNAL, "", "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        struct limit *l = &self->limits[self->n++];

        l->metric = pairs[i].name;
        l->text = pairs[i].value;
        if (!limit_read(pairs[i].value, l)) {
            enum tocsin_rc rc = host->fail(err, TOCSIN_BAD_CONFIG, "alerts",
                                           "'%s' of '%s' is no comparison; expected one such as \"> 0\"",
                                           pairs[i].value, pairs[i].name);

            close_self(self);
            return rc;
        }
    }
    *self_r = self;
    return TOCSIN_OK;
}

/* --- a line ------------------------------------------------------------------------------------- */

static enum tocsin_rc
bad(const struct reading *r, const char *what)
{
    char where[32];

    snprintf(where, sizeof where, "line %u", r->line);
    return r->host->fail(r->err, TOCSIN_BAD_INPUT, where, "%s", what);
}

static void
skip_blanks(struct reading *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\r'))
        r->at++;
}

/* A metric's or label's name; NULL when there is none. */
static const char *
read_name(struct reading *r)
{
    const char *from = r->at;

    while (r->at < r->end && (isalnum((unsigned char)*r->at) || *r->at == '_' || *r->at == ':'))
        r->at++;
    if (r->at == from || isdigit((unsigned char)*from))
        return NULL;
    return r->host->batch_printf(r->out, "%.*s", (int)(r->at - from), from);
}

/* A label's value, from behind its first quote to behind its last; NULL when it does not end. */
static const char *
read_value(struct reading *r)
{
    const char *from = r->at;
    size_t n = 0;
    char *text;

    while (r->at < r->end && *r->at != '"')
        r->at += *r->at == '\\' && r->at + 1 < r->end ? 2 : 1;
    if (r->at >= r->end)
        return NULL;
    text = r->host->batch_printf(r->out, "%.*s", (int)(r->at - from), from);
    for (const char *c = from; c < r->at; c++) {
        if (*c != '\\')
            text[n++] = *c;
        else
            text[n++] = *++c == 'n' ? '\n' : *c;
    }
    text[n] = '\0';
    r->at++;
    return text;
}

static enum tocsin_rc
read_labels(struct reading *r, struct tocsin_pair *labels, size_t *n)
{
    if (r->at >= r->end || *r->at != '{')
        return TOCSIN_OK;
    r->at++;
    for (skip_blanks(r); r->at < r->end && *r->at != '}'; skip_blanks(r)) {
        struct tocsin_pair pair = { .name = read_name(r) };

        skip_blanks(r);
        if (pair.name == NULL || r->at >= r->end || *r->at != '=')
            return bad(r, "expected a label such as job=\"nightly\"");
        r->at++;
        skip_blanks(r);
        if (r->at >= r->end || *r->at++ != '"')
            return bad(r, "expected the label's value in quotes");
        pair.value = read_value(r);
        if (pair.value == NULL)
            return bad(r, "the label's value does not end");
        if (*n == LABELS_MAX)
            return bad(r, "more than 64 labels");
        labels[(*n)++] = pair;
        skip_blanks(r);
        if (r->at < r->end && *r->at == ',')
            r->at++;
        else if (r->at >= r->end || *r->at != '}')
            return bad(r, "expected ',' or '}' behind a label");
    }
    if (r->at >= r->end)
        return bad(r, "the labels do not end");
    r->at++;
    return TOCSIN_OK;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct tocsin_pair *)a)->name, ((const struct tocsin_pair *)b)->name);
}

static void
add(struct reading *r, const char *metric, struct tocsin_pair *labels, size_t n, double v, int64_t when)
{
    const struct limit *l = limit_of(r->self, metric);
    struct tocsin_alert *alert = l != NULL ? r->host->alert_new(r->out) : r->host->record_new(r->out);
    const char *value = r->host->batch_printf(r->out, "%.15g", v);
    char *key = r->host->batch_printf(r->out, "%s", metric), *series = key;

    qsort(labels, n, sizeof *labels, by_name);
    for (size_t i = 0; i < n; i++) {
        key = r->host->batch_printf(r->out, "%s/%s=%s", key, labels[i].name, labels[i].value);
        series = r->host->batch_printf(r->out, "%s%s%s=\"%s\"", series, i == 0 ? "{" : ", ", labels[i].name,
                                       labels[i].value);
        r->host->alert_label(r->out, alert, labels[i].name, labels[i].value);
    }
    alert->status = l == NULL || holds(l, v) ? TOCSIN_FIRING : TOCSIN_RESOLVED;
    alert->dedup_key = key;
    alert->summary = r->host->batch_printf(r->out, "%s%s is %s", series, n > 0 ? "}" : "", value);
    if (alert->status == TOCSIN_RESOLVED)
        alert->ends_at = when;
    else
        alert->starts_at = when;
    r->host->alert_label(r->out, alert, "metric", metric);
    if (l == NULL)
        r->host->alert_label(r->out, alert, "value", value);      /* for a rule's match */
    else
        r->host->alert_annotation(r->out, alert, "value", value);
    if (l != NULL)
        r->host->alert_annotation(r->out, alert, "fires_when", l->text);
}

static enum tocsin_rc
read_sample(struct reading *r)
{
    struct tocsin_pair labels[LABELS_MAX];
    const char *metric = read_name(r), *from;
    size_t n = 0;
    char number[64], *end;
    double v;
    long long when;
    enum tocsin_rc rc;

    if (metric == NULL)
        return bad(r, "expected a sample such as backup_failed{job=\"nightly\"} 1");
    skip_blanks(r);
    rc = read_labels(r, labels, &n);
    if (rc != TOCSIN_OK)
        return rc;
    skip_blanks(r);
    from = r->at;
    while (r->at < r->end && *r->at != ' ' && *r->at != '\t' && *r->at != '\r')
        r->at++;
    snprintf(number, sizeof number, "%.*s", (int)(r->at - from), from);
    v = strtod(number, &end);
    if (end == number || *end != '\0')
        return bad(r, "expected the sample's value, a number");
    skip_blanks(r);
    snprintf(number, sizeof number, "%.*s", (int)(r->end - r->at), r->at);
    when = strtoll(number, &end, 10);
    if (*end != '\0' && *end != '#' && (end == number || (*end != ' ' && *end != '\r')))
        return bad(r, "expected a time in milliseconds behind the value, or nothing");
    add(r, metric, labels, n, v, when);
    return TOCSIN_OK;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct reading r = { .host = host, .out = out, .err = err, .self = self };
    const char *line = in->body, *end = in->body + in->len;
    enum tocsin_rc rc = TOCSIN_OK;

    while (rc == TOCSIN_OK && line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));

        r.at = line;
        r.end = stop != NULL ? stop : end;
        r.line++;
        line = r.end + 1;
        skip_blanks(&r);
        if (r.at < r.end && *r.at != '#')
            rc = read_sample(&r);
    }
    return rc;
}

static const struct tocsin_option collector_options[] = {
    { "alerts", TOCSIN_OPT_MAP, NULL, "metrics that are alerts, each with when it fires: { backup_failed = \"> 0\"; }",
      NULL },
    { NULL, TOCSIN_OPT_STRING, NULL, NULL, NULL },
};

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "pushgateway",
    .summary = "samples in Prometheus' text format, as scripts push them",
    .collector_options = collector_options,
    .open = open_self,
    .close = close_self,
    .decode = decode,
};
