/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - Slurm: the documents of the jobcomp/elasticsearch plugin, and what
 * a program of strigger posts as lines NAME=value.
 *
 * A trigger names its nodes as one expression, gpu[04-05], and the one that
 * tells of their return may name others: so each node is an alert.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <tocsin/plugin.h>

enum { DAY_MS = 24 * 3600 * 1000, MAX_NODES = 1000, MAX_DIGITS = 9 };

struct slurm {
    const struct tocsin_host *host;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    int64_t received_at;
    const json_t *doc;
};

static const char *
text(const struct slurm *s, const char *name)
{
    return s->host->text(s->out, json_object_get(s->doc, name));
}

/* --- jobs -------------------------------------------------------------------------- */

static enum tocsin_rc
job_status(const struct slurm *s, struct tocsin_alert *alert, const char *state)
{
    static const struct {
        const char *word;
        enum tocsin_status status;
        enum tocsin_severity severity;
    } states[] = {
        { "FAILED", TOCSIN_FIRING, TOCSIN_ERROR },         { "TIMEOUT", TOCSIN_FIRING, TOCSIN_ERROR },
        { "OUT_OF_MEMORY", TOCSIN_FIRING, TOCSIN_ERROR },  { "DEADLINE", TOCSIN_FIRING, TOCSIN_ERROR },
        { "NODE_FAIL", TOCSIN_FIRING, TOCSIN_CRITICAL },   { "BOOT_FAIL", TOCSIN_FIRING, TOCSIN_CRITICAL },
        { "COMPLETED", TOCSIN_RESOLVED, TOCSIN_SEV_NONE }, { "CANCELLED", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },
        { "PREEMPTED", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },  { "SUSPENDED", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },
        { "REQUEUED", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },   { "RUNNING", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },
        { "PENDING", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },    { "LAUNCH_FAILED", TOCSIN_FIRING, TOCSIN_ERROR },
        { "RECONFIG_FAIL", TOCSIN_FIRING, TOCSIN_ERROR },  { "SPECIAL_EXIT", TOCSIN_FIRING, TOCSIN_ERROR },
        { "REVOKED", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },    { "STOPPED", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },
        { "COMPLETING", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE }, { "RESIZING", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },
    };

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        size_t n = strlen(states[i].word);

        if (strncasecmp(state, states[i].word, n) == 0 &&
            (state[n] == '\0' || state[n] == ' ')) { /* "CANCELLED by 1001" */
            alert->status = states[i].status;
            alert->severity = states[i].severity;
            return TOCSIN_OK;
        }
    }
    return s->host->fail(s->err, TOCSIN_MEANINGLESS, "$.state",
                         "unknown state '%.60s'; expected one of Slurm's job states", state);
}

static enum tocsin_rc
read_job(const struct slurm *s)
{
    static const char *const labels[][2] = {
        { "cluster", "cluster" }, { "partition", "partition" }, { "username", "user" }, { "account", "account" },
        { "qos", "qos" },         { "job_name", "job" },
    };
    static const char *const annotations[] = { "jobid",         "nodes",       "exit_code",  "derived_ec",
                                               "elapsed",       "total_nodes", "total_cpus", "array_job_id",
                                               "array_task_id", "work_dir",    "std_err" };
    const char *id = text(s, "jobid"), *cluster = text(s, "cluster"), *nodes = text(s, "nodes");
    struct tocsin_alert *alert = s->host->alert_new(s->out);
    enum tocsin_rc rc = job_status(s, alert, text(s, "state"));
    bool fires = alert->status == TOCSIN_FIRING;

    if (rc != TOCSIN_OK)
        return rc;
    alert->dedup_key = s->host->batch_printf(s->out, "%s/job/%s", cluster, id);
    alert->summary = s->host->batch_printf(s->out, "job %s %s: %s%s%s%s%s", id, text(s, "job_name"), text(s, "state"),
                                           fires && text(s, "exit_code")[0] != '\0' ? " " : "",
                                           fires ? text(s, "exit_code") : "", nodes[0] != '\0' ? " on " : "", nodes);
    alert->starts_at = s->host->time_of(text(s, "@end"));
    if (fires) {
        alert->expires_at = s->received_at + DAY_MS;
    } else if (alert->status == TOCSIN_RESOLVED) {
        alert->ends_at = alert->starts_at;
        alert->starts_at = 0;
    }
    s->host->alert_label(s->out, alert, "state", /* without "by 1001" */
                         s->host->batch_printf(s->out, "%.*s", (int)strcspn(text(s, "state"), " "), text(s, "state")));
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        s->host->alert_label_json(s->out, alert, labels[i][1], json_object_get(s->doc, labels[i][0]));
    for (size_t i = 0; i < sizeof annotations / sizeof annotations[0]; i++)
        s->host->alert_annotation_json(s->out, alert, annotations[i], json_object_get(s->doc, annotations[i]));
    /* the plugin takes nothing but 200 and 201, as Elasticsearch answers: after another it sends the job again, for ever */
    s->host->batch_reply(s->out, 201, json_pack("{s:s}", "result", "created"));
    return TOCSIN_OK;
}

/* --- triggers ------------------------------------------------------------------------ */

static const struct event {
    const char *word, *subject; /* subject: what is down and up again; NULL: each of the nodes */
    enum tocsin_status status;
    enum tocsin_severity severity;
} events[] = {
    { "node_down", NULL, TOCSIN_FIRING, TOCSIN_ERROR },
    { "node_fail", NULL, TOCSIN_FIRING, TOCSIN_ERROR },
    { "node_drained", NULL, TOCSIN_FIRING, TOCSIN_WARNING },
    { "node_draining", NULL, TOCSIN_FIRING, TOCSIN_WARNING },
    { "node_up", NULL, TOCSIN_RESOLVED, TOCSIN_SEV_NONE },
    { "node_resume", NULL, TOCSIN_RESOLVED, TOCSIN_SEV_NONE },
    { "node_idle", NULL, TOCSIN_RESOLVED, TOCSIN_SEV_NONE },
    { "slurmctld_down", "slurmctld", TOCSIN_FIRING, TOCSIN_CRITICAL },
    { "slurmctld_up", "slurmctld", TOCSIN_RESOLVED, TOCSIN_SEV_NONE },
    { "slurmdbd_down", "slurmdbd", TOCSIN_FIRING, TOCSIN_CRITICAL },
    { "slurmdbd_up", "slurmdbd", TOCSIN_RESOLVED, TOCSIN_SEV_NONE },
    { "database_down", "database", TOCSIN_FIRING, TOCSIN_CRITICAL },
    { "database_up", "database", TOCSIN_RESOLVED, TOCSIN_SEV_NONE },
};

static void
add(const struct slurm *s, const struct event *event, const char *subject)
{
    const char *cluster = text(s, "cluster");
    struct tocsin_alert *alert = s->host->alert_new(s->out);

    alert->status = event->status;
    alert->severity = event->severity;
    alert->dedup_key =
        s->host->batch_printf(s->out, "%s/%s/%s", cluster, event->subject == NULL ? "node" : "daemon", subject);
    alert->summary = s->host->batch_printf(s->out, "%s%s%s: %s%s%s", cluster, cluster[0] != '\0' ? " " : "", subject,
                                           event->word, text(s, "reason")[0] != '\0' ? ": " : "", text(s, "reason"));
    s->host->alert_label(s->out, alert, "cluster", cluster);
    s->host->alert_label(s->out, alert, "event", event->word);
    s->host->alert_label(s->out, alert, event->subject == NULL ? "host" : "daemon", subject);
    s->host->alert_annotation(s->out, alert, "reason", text(s, "reason"));
}

static enum tocsin_rc
bad_nodes(const struct slurm *s, const char *nodes)
{
    return s->host->fail(s->err, TOCSIN_MEANINGLESS, "$.nodes",
                         "cannot read the list of nodes '%.80s'; expected one as in gpu[04-06,9],login1", nodes);
}

/* One range of a bracket, at most `left` nodes; -1: malformed, or too many. */
static long
expand_range(const struct slurm *s, const struct event *event, const char *prefix, const char *range, size_t n,
             const char *suffix, long left)
{
    char copy[2 * MAX_DIGITS + 2], *dash;
    long from, to;

    if (n == 0 || n >= sizeof copy)
        return -1;
    memcpy(copy, range, n);
    copy[n] = '\0';
    dash = strchr(copy, '-');
    if (dash != NULL)
        *dash++ = '\0';
    else
        dash = copy;
    if (copy[strspn(copy, "0123456789")] != '\0' || dash[strspn(dash, "0123456789")] != '\0' || copy[0] == '\0' ||
        dash[0] == '\0' || strlen(copy) > MAX_DIGITS || strlen(dash) > MAX_DIGITS)
        return -1;
    from = strtol(copy, NULL, 10);
    to = strtol(dash, NULL, 10);
    if (to < from || to - from >= left)
        return -1;
    for (long i = from; i <= to; i++) /* the width of the first number is that of all */
        add(s, event, s->host->batch_printf(s->out, "%s%0*ld%s", prefix, (int)strlen(copy), i, suffix));
    return to - from + 1;
}

/* "gpu[04-06,9]" of n bytes; the number of nodes, or -1. */
static long
expand_name(const struct slurm *s, const struct event *event, const char *name, size_t n, long left)
{
    const char *open = memchr(name, '[', n),
               *close = open != NULL ? memchr(open, ']', n - (size_t)(open - name)) : NULL;
    const char *prefix, *suffix;
    long total = 0;

    if (n == 0 || left <= 0 || (open != NULL && close == NULL))
        return -1;
    if (open == NULL) {
        add(s, event, s->host->batch_printf(s->out, "%.*s", (int)n, name));
        return 1;
    }
    prefix = s->host->batch_printf(s->out, "%.*s", (int)(open - name), name);
    suffix = s->host->batch_printf(s->out, "%.*s", (int)(name + n - close - 1), close + 1);
    if (strchr(suffix, '[') != NULL)
        return -1;
    for (const char *p = open + 1; p <= close;) {
        size_t len = strcspn(p, ",]");
        long count = expand_range(s, event, prefix, p, len, suffix, left - total);

        if (count < 0)
            return -1;
        total += count;
        p += len + 1;
    }
    return total;
}

static enum tocsin_rc
read_nodes(const struct slurm *s, const struct event *event, const char *nodes)
{
    long left = MAX_NODES;

    if (nodes[0] == '\0')
        return s->host->fail(s->err, TOCSIN_MEANINGLESS, "$.nodes", "expected the nodes, as in gpu[04-06],login1");
    for (const char *p = nodes; *p != '\0';) {
        bool inside = false;
        size_t n = 0;
        long count;

        for (; p[n] != '\0' && (inside || p[n] != ','); n++)
            inside = p[n] == '[' || (inside && p[n] != ']');
        count = expand_name(s, event, p, n, left);
        if (count < 0)
            return bad_nodes(s, nodes);
        left -= count;
        p += n + (p[n] == ',');
    }
    return TOCSIN_OK;
}

static enum tocsin_rc
read_trigger(const struct slurm *s)
{
    const char *word = text(s, "event"), *nodes = text(s, "nodes");

    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (strcasecmp(word, events[i].word) != 0)
            continue;
        if (events[i].subject == NULL)
            return read_nodes(s, &events[i], nodes);
        add(s, &events[i], events[i].subject);
        return TOCSIN_OK;
    }
    return s->host->fail(s->err, TOCSIN_MEANINGLESS, "$.event",
                         "unknown event '%.60s'; expected node_down, node_up and others of the README", word);
}

/* --- one payload ------------------------------------------------------------------------ */

/* Lines NAME=value.  Names are read in lower case, without SLURM_. */
static json_t *
from_lines(const char *body, size_t len)
{
    json_t *doc = json_object();
    const char *end = body + len;

    for (const char *p = body; p < end;) {
        const char *stop = memchr(p, '\n', (size_t)(end - p)), *equals;
        char name[64];
        size_t n = 0, value;

        stop = stop != NULL ? stop : end;
        equals = memchr(p, '=', (size_t)(stop - p));
        if (equals != NULL && (size_t)(equals - p) < sizeof name) {
            for (; p + n < equals; n++)
                name[n] = (char)tolower((unsigned char)p[n]);
            name[n] = '\0';
            value = (size_t)(stop - equals - 1);
            while (value > 0 && strchr(" \t\r", equals[value]) != NULL)
                value--;
            if (strlen(name) == n && n > 0)
                json_object_set_new(doc, strncmp(name, "slurm_", 6) == 0 ? name + 6 : name,
                                    json_stringn(equals + 1, value));
        }
        p = stop + 1;
    }
    return doc;
}

static enum tocsin_rc
read_document(const struct slurm *s)
{
    if (text(s, "jobid")[0] != '\0')
        return read_job(s);
    if (text(s, "event")[0] != '\0')
        return read_trigger(s);
    return s->host->fail(s->err, TOCSIN_MEANINGLESS, "$", "expected 'jobid' (a finished job) or 'event' (a trigger)");
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct slurm s = { .host = host, .out = out, .err = err, .received_at = in->received_at };
    size_t blank = strspn(in->body, " \t\r\n");
    enum tocsin_rc rc = TOCSIN_OK;
    json_t *doc;

    (void)self;
    if (isalpha((unsigned char)in->body[blank]) && memchr(in->body, '=', in->len) != NULL)
        doc = from_lines(in->body, in->len);
    else
        rc = host->parse_json(in->body, in->len, &doc, err);
    if (rc != TOCSIN_OK)
        return rc;
    s.doc = doc;
    rc = read_document(&s);
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "slurm",
    .summary = "Slurm: finished jobs of jobcomp/elasticsearch, and triggers",
    .decode = decode,
};
