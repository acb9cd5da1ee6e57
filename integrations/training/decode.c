/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - alerts of training jobs and their GPUs, from a webhook or MQTT.
 *
 * tocsin's own shape is one flat object, {"event": "xid", "host": ..., "gpu":
 * ..., "xid": 79}, or an array of them; README.md documents it.  A topic such
 * as train/+cluster/+host/alert says cluster and host instead.  Which of the
 * values make the identity depends on what the event is about: a GPU, a node
 * or a job.  The step, the loss and the words of the message never do.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "training.h"

/* --- values and who is meant ---------------------------------------------------------- */

static const struct { const char *name, *aliases[3]; } fields[] = {
    { "cluster", { NULL } },
    { "host", { "node", "hostname", NULL } },
    { "gpu", { "gpu_index", "device", NULL } },
    { "gpu_uuid", { "uuid", NULL } },
    { "pci", { "pci_bus_id", NULL } },
    { "xid", { NULL } },
    { "job", { "job_name", "job_id", NULL } },
    { "run", { "run_id", NULL } },
    { "rank", { "global_rank", NULL } },
    { "team", { NULL } },
    { "user", { NULL } },
    { "environment", { "env", NULL } },
    { "region", { NULL } },
};
enum { N_FIELDS = sizeof fields / sizeof fields[0] };

static const char *
topic_label(const struct event *ev, const char *name)
{
    for (size_t i = 0; i < ev->in->n_topic_labels; i++)
        if (strcmp(ev->in->topic_labels[i].name, name) == 0)
            return ev->in->topic_labels[i].value;
    return NULL;
}

static const char *
field_at(const struct event *ev, size_t i)
{
    const char *value = topic_label(ev, fields[i].name);

    if (value != NULL && value[0] != '\0')
        return value;
    value = ev->host->text(ev->out, json_object_get(ev->doc, fields[i].name));
    for (size_t k = 0; value[0] == '\0' && fields[i].aliases[k] != NULL; k++)
        value = ev->host->text(ev->out, json_object_get(ev->doc, fields[i].aliases[k]));
    if (value[0] == '\0' && ev->in->query(ev->in, fields[i].name) != NULL)
        value = ev->in->query(ev->in, fields[i].name);
    return value;
}

const char *
training_field(const struct event *ev, const char *name)
{
    for (size_t i = 0; i < N_FIELDS; i++)
        if (strcmp(fields[i].name, name) == 0)
            return field_at(ev, i);
    return "";
}

void
training_labels(const struct event *ev, struct tocsin_alert *alert)
{
    for (size_t i = 0; i < N_FIELDS; i++)
        if (topic_label(ev, fields[i].name) == NULL)     /* the host adds those itself */
            ev->host->alert_label(ev->out, alert, fields[i].name, field_at(ev, i));
}

const char *
training_key(const struct event *ev, const char *first, const char *const *names)
{
    const char *key = first;

    for (; *names != NULL; names++) {
        const char *value = training_field(ev, *names);

        if (value[0] != '\0')
            key = ev->host->batch_printf(ev->out, "%s/%s=%s", key, *names, value);
    }
    return key;
}

void
training_group(const struct event *ev, struct tocsin_alert *alert)
{
    static const char *const names[] = { "cluster", "job", NULL };

    if (training_field(ev, "job")[0] != '\0')
        alert->group = training_key(ev, "training", names);
}

int64_t
training_time(const struct event *ev, const json_t *value)
{
    const char *text = ev->host->text(ev->out, value);
    char *end;
    double number = strtod(text, &end);

    if (text[0] == '\0' || *end != '\0')
        return ev->host->time_of(text);
    if (!(number > 0 && number < 1e14))
        return 0;
    return (int64_t)(number < 1e11 ? number * 1000 : number);      /* as seconds, 1e11 would be the year 5138 */
}

/* --- the kinds of events ---------------------------------------------------------------- */

static const char *const gpu_scope[] = { "cluster", "host", "gpu", "xid", NULL };
static const char *const pci_scope[] = { "cluster", "host", "pci", "xid", NULL };
static const char *const uuid_scope[] = { "cluster", "host", "gpu_uuid", "xid", NULL };
static const char *const host_scope[] = { "cluster", "host", NULL };
static const char *const job_scope[] = { "cluster", "job", NULL };
static const char *const any_scope[] = { "cluster", "host", "gpu", "job", "rank", NULL };

enum about { ABOUT_ANY, ABOUT_GPU, ABOUT_HOST, ABOUT_JOB };

static const struct kind {
    const char *event;
    enum about about;
    enum tocsin_severity severity;
    const char *words;
} kinds[] = {
    { "xid", ABOUT_GPU, TOCSIN_SEV_NONE, "Xid" },    /* by its code */
    { "ecc", ABOUT_GPU, TOCSIN_ERROR, "ECC errors" },
    { "ecc_dbe", ABOUT_GPU, TOCSIN_CRITICAL, "uncorrectable ECC error" },
    { "ecc_sbe", ABOUT_GPU, TOCSIN_WARNING, "many correctable ECC errors" },
    { "gpu_lost", ABOUT_GPU, TOCSIN_CRITICAL, "GPU lost" },
    { "nvlink", ABOUT_GPU, TOCSIN_ERROR, "NVLink errors" },
    { "thermal", ABOUT_GPU, TOCSIN_WARNING, "GPU throttled by heat" },
    { "node_down", ABOUT_HOST, TOCSIN_CRITICAL, "node down" },
    { "network", ABOUT_HOST, TOCSIN_ERROR, "network link down" },
    { "nccl", ABOUT_JOB, TOCSIN_ERROR, "NCCL error" },
    { "nan_loss", ABOUT_JOB, TOCSIN_ERROR, "loss is NaN" },
    { "loss_spike", ABOUT_JOB, TOCSIN_WARNING, "loss spike" },
    { "stalled", ABOUT_JOB, TOCSIN_ERROR, "no step finished" },
    { "slow", ABOUT_JOB, TOCSIN_WARNING, "steps are slow" },
    { "crash", ABOUT_JOB, TOCSIN_ERROR, "job crashed" },
    { "oom", ABOUT_JOB, TOCSIN_ERROR, "out of memory" },
    { "checkpoint", ABOUT_JOB, TOCSIN_ERROR, "checkpoint failed" },
};

/* An event of the sender's own: all that it names is its identity, its word is what people read. */
static struct kind
kind_of(const char *event)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].event, event) == 0)
            return kinds[i];
    return (struct kind){ event, ABOUT_ANY, TOCSIN_SEV_NONE, event };
}

static const char *const *
scope_of(const struct event *ev, enum about about)
{
    switch (about) {
    case ABOUT_GPU:                /* index, else address, else UUID: one of them, so that all may be sent */
        return training_field(ev, "gpu")[0] != '\0'   ? gpu_scope
               : training_field(ev, "pci")[0] != '\0' ? pci_scope
                                                      : uuid_scope;
    case ABOUT_HOST:
        return host_scope;
    case ABOUT_JOB:
        return training_field(ev, "job")[0] != '\0' ? job_scope : any_scope;
    case ABOUT_ANY:
        break;
    }
    return any_scope;
}

/* "GPU 3 on train-07", "job llm-7 at step 1200". */
static const char *
subject(const struct event *ev, enum about about)
{
    const char *host = training_field(ev, "host"), *job = training_field(ev, "job");
    const char *step = ev->host->text(ev->out, json_object_get(ev->doc, "step"));
    const char *const *scope = scope_of(ev, about);
    const char *gpu = training_field(ev, about == ABOUT_GPU ? scope[2] : "gpu");

    if (about == ABOUT_JOB && job[0] != '\0')
        return ev->host->batch_printf(ev->out, "job %s%s%s", job, step[0] != '\0' ? " at step " : "", step);
    if (gpu[0] != '\0' && about != ABOUT_HOST)
        return ev->host->batch_printf(ev->out, "GPU %s%s%s", gpu, host[0] != '\0' ? " on " : "", host);
    return host[0] != '\0' ? host : job;
}

/* --- one event ------------------------------------------------------------------------------- */

static enum tocsin_rc
fail_at(const struct event *ev, const char *name, const char *expected)
{
    char where[120];

    snprintf(where, sizeof where, "%s.%s", ev->path, name);
    return ev->host->fail(ev->err, TOCSIN_MEANINGLESS, where, "expected %s", expected);
}

static enum tocsin_rc
read_status(const struct event *ev, struct tocsin_alert *alert)
{
    static const struct { const char *word; enum tocsin_status status; } words[] = {
        { "", TOCSIN_FIRING },           { "firing", TOCSIN_FIRING }, { "resolved", TOCSIN_RESOLVED },
        { "recovered", TOCSIN_RESOLVED }, { "ok", TOCSIN_RESOLVED },  { "unknown", TOCSIN_UNKNOWN },
    };
    const char *word = ev->host->text(ev->out, json_object_get(ev->doc, "status"));

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(word, words[i].word) == 0) {
            alert->status = words[i].status;
            return TOCSIN_OK;
        }
    }
    return fail_at(ev, "status", "firing, resolved or unknown");
}

static enum tocsin_rc
read_times(const struct event *ev, struct tocsin_alert *alert)
{
    const json_t *time = json_object_get(ev->doc, "time"), *expires = json_object_get(ev->doc, "expires_in");
    int64_t when = training_time(ev, time);
    double seconds = json_number_value(expires);

    if (time != NULL && !json_is_null(time) && when == 0)
        return fail_at(ev, "time", "a time as in 2026-01-31T12:00:00Z, or seconds since 1970");
    if (expires != NULL && !json_is_null(expires) && !(seconds > 0 && seconds < 1e9))
        return fail_at(ev, "expires_in", "seconds");
    *(alert->status == TOCSIN_RESOLVED ? &alert->ends_at : &alert->starts_at) = when;
    if (alert->status == TOCSIN_FIRING && seconds > 0)
        alert->expires_at = ev->in->received_at + (int64_t)(seconds * 1000);
    return TOCSIN_OK;
}

/* The words of the event; for an Xid with its number and meaning, which also says how bad it is. */
static enum tocsin_rc
read_kind(const struct event *ev, const struct kind *kind, struct tocsin_alert *alert, const char **words)
{
    const char *given = ev->host->text(ev->out, json_object_get(ev->doc, "severity"));
    const char *xid = training_field(ev, "xid"), *meaning;
    char *end;
    long code = strtol(xid, &end, 10);

    *words = kind->words;
    alert->severity = kind->severity;
    if (strcmp(kind->event, "xid") == 0) {
        if (code <= 0 || *end != '\0')
            return fail_at(ev, "xid", "the number of the Xid");
        meaning = xid_meaning(code);
        alert->severity = xid_severity(code);
        *words = ev->host->batch_printf(ev->out, "Xid %ld%s%s%s", code, meaning != NULL ? " (" : "",
                                        meaning != NULL ? meaning : "", meaning != NULL ? ")" : "");
    }
    if (ev->host->severity_of(given) != TOCSIN_SEV_NONE)
        alert->severity = ev->host->severity_of(given);
    else                           /* a word of the sender's own: kept, for a rule to read */
        ev->host->alert_label(ev->out, alert, "severity", given);
    return TOCSIN_OK;
}

static bool
is_known(const char *name)
{
    static const char *const read[] = { "event", "status", "severity", "time", "expires_in", "id", "url", "log_url" };

    for (size_t i = 0; i < sizeof read / sizeof read[0]; i++)
        if (strcmp(name, read[i]) == 0)
            return true;
    for (size_t i = 0; i < N_FIELDS; i++) {
        if (strcmp(name, fields[i].name) == 0)
            return true;
        for (size_t k = 0; fields[i].aliases[k] != NULL; k++)
            if (strcmp(name, fields[i].aliases[k]) == 0)
                return true;
    }
    return false;
}

/* message, step, loss and what else the sender tells. */
static void
read_annotations(const struct event *ev, struct tocsin_alert *alert)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)ev->doc, name, value) {
        char *dumped = json_is_object(value) || json_is_array(value) ? json_dumps(value, JSON_COMPACT) : NULL;

        if (is_known(name)) {
            free(dumped);
            continue;
        }
        if (dumped != NULL)
            ev->host->alert_annotation(ev->out, alert, name, dumped);
        else
            ev->host->alert_annotation_json(ev->out, alert, name, value);
        free(dumped);
    }
    ev->host->alert_link(ev->out, alert, json_string_value(json_object_get(ev->doc, "url")), "run");
    ev->host->alert_link(ev->out, alert, json_string_value(json_object_get(ev->doc, "log_url")), "log");
}

static enum tocsin_rc
read_event(struct event *ev)
{
    const char *event = ev->host->text(ev->out, json_object_get(ev->doc, "event"));
    const char *message = ev->host->text(ev->out, json_object_get(ev->doc, "message"));
    const char *id = ev->host->text(ev->out, json_object_get(ev->doc, "id")), *words;
    struct kind kind = kind_of(event);
    struct tocsin_alert *alert;
    enum tocsin_rc rc;

    if (event[0] == '\0')
        return fail_at(ev, "event", "the kind of event, such as xid, nccl, nan_loss, stalled or crash");
    if (strcmp(event, "test") == 0) {
        ev->host->batch_note(ev->out, "event 'test': no alert");
        return TOCSIN_OK;
    }
    if (subject(ev, kind.about)[0] == '\0')
        return ev->host->fail(ev->err, TOCSIN_MEANINGLESS, ev->path,
                              "expected 'host' or 'job', here or in the topic: whom is the event about?");
    alert = ev->host->alert_new(ev->out);
    rc = read_status(ev, alert);
    if (rc == TOCSIN_OK)
        rc = read_times(ev, alert);
    if (rc == TOCSIN_OK)
        rc = read_kind(ev, &kind, alert, &words);
    if (rc != TOCSIN_OK)
        return rc;
    alert->dedup_key = id[0] != '\0' ? id : training_key(ev, event, scope_of(ev, kind.about));
    if (strchr(words, '(') != NULL)
        message = "";              /* a known Xid: the driver's words would say it again */
    alert->summary = ev->host->batch_printf(ev->out, "%s: %s%s%s", words, subject(ev, kind.about),
                                            message[0] != '\0' ? ": " : "", message);
    if (kind.about == ABOUT_JOB)
        training_group(ev, alert);
    ev->host->alert_label(ev->out, alert, "event", event);
    training_labels(ev, alert);
    read_annotations(ev, alert);
    return TOCSIN_OK;
}

static enum tocsin_rc
read_object(struct event *ev)
{
    if (!json_is_object(ev->doc))
        return ev->host->fail(ev->err, TOCSIN_MEANINGLESS, ev->path, "expected an object");
    if (json_object_get(ev->doc, "event") != NULL)
        return read_event(ev);
    if (json_object_get(ev->doc, "event_type") != NULL)
        return determined_read(ev);
    if (json_object_get(ev->doc, "message") != NULL)
        return torchelastic_read(ev);
    return fail_at(ev, "event", "the kind of event, such as xid, nccl, nan_loss, stalled or crash");
}

static enum tocsin_rc
read_array(struct event *ev, const json_t *array)
{
    enum tocsin_rc rc = TOCSIN_OK;
    char path[40];
    json_t *item;
    size_t i;

    json_array_foreach(array, i, item) {
        snprintf(path, sizeof path, "$[%zu]", i);
        ev->doc = item;
        ev->path = path;
        rc = read_object(ev);
        if (rc != TOCSIN_OK)
            break;
    }
    return rc;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct event ev = { .host = host, .in = in, .out = out, .err = err, .path = "$" };
    struct tocsin_err bad;         /* not the caller's: it may turn out to be a kernel log */
    json_t *doc;
    enum tocsin_rc rc = host->parse_json(in->body, in->len, &doc, &bad);

    (void)self;
    if (rc == TOCSIN_BAD_INPUT && xid_in_text(in->body))
        return xid_read_text(&ev);
    if (rc != TOCSIN_OK)
        return host->fail(err, rc, bad.where, "%s", bad.what);
    ev.doc = doc;
    rc = json_is_array(doc) ? read_array(&ev, doc) : read_object(&ev);
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "training",
    .summary = "training jobs and their GPUs: Xid, ECC, NCCL, NaN, stalled steps, crashes; Determined, torchelastic",
    .decode = decode,
};
