/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shapes.c - what others send about training: Determined AI's webhook, and the
 * error file that a worker of torchelastic (torchrun) leaves behind.
 *
 * Neither has an end: they expire.
 */
#include <stdio.h>
#include <string.h>

#include "training.h"

static const char *
text_of(const struct event *ev, const json_t *object, const char *name)
{
    return ev->host->text(ev->out, json_object_get(object, name));
}

/* --- Determined AI ------------------------------------------------------------------ */

static enum tocsin_rc
read_experiment(struct event *ev, const json_t *experiment)
{
    const char *id = text_of(ev, experiment, "id"), *state = text_of(ev, experiment, "state");
    const char *name = text_of(ev, experiment, "name");
    struct tocsin_alert *alert;
    int64_t when = training_time(ev, json_object_get(ev->doc, "timestamp"));

    if (id[0] == '\0')
        return ev->host->fail(ev->err, TOCSIN_MEANINGLESS, "$.event_data.experiment.id", "expected a number");
    if (state[0] == '\0')
        return ev->host->fail(ev->err, TOCSIN_MEANINGLESS, "$.event_data.experiment.state",
                              "expected a state such as ERROR or COMPLETED");
    alert = ev->host->alert_new(ev->out);
    if (strcmp(state, "ERROR") == 0) {
        alert->status = TOCSIN_FIRING;
        alert->severity = TOCSIN_ERROR;
        alert->expires_at = ev->in->received_at + TRAINING_KEEP;
        ev->host->alert_label(ev->out, alert, "event", "crash");
    } else {                       /* an experiment that was continued after an error, and came to its end */
        alert->status = strcmp(state, "COMPLETED") == 0 ? TOCSIN_RESOLVED : TOCSIN_UNKNOWN;
        alert->severity = TOCSIN_INFO;
    }
    *(alert->status == TOCSIN_RESOLVED ? &alert->ends_at : &alert->starts_at) = when;
    alert->dedup_key = ev->host->batch_printf(ev->out, "determined/experiment/%s", id);
    alert->summary = ev->host->batch_printf(ev->out, "experiment %s (%s): %s", id, name, state);
    training_labels(ev, alert);
    ev->host->alert_label(ev->out, alert, "job", name);
    ev->host->alert_label(ev->out, alert, "experiment", id);
    ev->host->alert_label(ev->out, alert, "state", state);
    ev->host->alert_label(ev->out, alert, "resource_pool", text_of(ev, experiment, "resource_pool"));
    ev->host->alert_label(ev->out, alert, "workspace", text_of(ev, experiment, "workspace"));
    ev->host->alert_label(ev->out, alert, "project", text_of(ev, experiment, "project"));
    ev->host->alert_annotation(ev->out, alert, "duration_s", text_of(ev, experiment, "duration"));
    ev->host->alert_annotation(ev->out, alert, "slots_per_trial", text_of(ev, experiment, "slots_per_trial"));
    return TOCSIN_OK;
}

/* A line of a task's log that a pattern of the webhook matched. */
static enum tocsin_rc
read_task_log(struct event *ev, const json_t *task)
{
    const char *id = text_of(ev, task, "task_id"), *line = text_of(ev, task, "triggering_log");
    struct tocsin_alert *alert = ev->host->alert_new(ev->out);

    alert->status = TOCSIN_FIRING;
    alert->dedup_key = ev->host->batch_printf(ev->out, "determined/task/%s/%s", id,
                                              text_of(ev, json_object_get(ev->doc, "condition"), "regex"));
    alert->summary = ev->host->batch_printf(ev->out, "task %s: %s", id, line);
    alert->starts_at = training_time(ev, json_object_get(ev->doc, "timestamp"));
    alert->expires_at = ev->in->received_at + TRAINING_KEEP;
    training_labels(ev, alert);
    ev->host->alert_label(ev->out, alert, "event", "task_log");
    ev->host->alert_label(ev->out, alert, "task", id);
    ev->host->alert_label(ev->out, alert, "host", text_of(ev, task, "node_name"));
    ev->host->alert_annotation(ev->out, alert, "log", line);
    return TOCSIN_OK;
}

/* What the program itself sends with the Core API: title, description, level. */
static enum tocsin_rc
read_custom(struct event *ev, const json_t *custom)
{
    const json_t *experiment = json_object_get(json_object_get(ev->doc, "event_data"), "experiment");
    const char *title = text_of(ev, custom, "title"), *id = text_of(ev, experiment, "id");
    struct tocsin_alert *alert = ev->host->alert_new(ev->out);

    alert->status = TOCSIN_FIRING;
    alert->severity = ev->host->severity_of(text_of(ev, custom, "level"));
    alert->dedup_key = ev->host->batch_printf(ev->out, "determined/custom/%s/%s", id, title);
    alert->summary = title;
    alert->starts_at = training_time(ev, json_object_get(ev->doc, "timestamp"));
    alert->expires_at = ev->in->received_at + TRAINING_KEEP;
    training_labels(ev, alert);
    ev->host->alert_label(ev->out, alert, "event", "custom");
    ev->host->alert_label(ev->out, alert, "experiment", id);
    ev->host->alert_label(ev->out, alert, "job", text_of(ev, experiment, "name"));
    ev->host->alert_annotation(ev->out, alert, "description", text_of(ev, custom, "description"));
    return TOCSIN_OK;
}

enum tocsin_rc
determined_read(struct event *ev)
{
    json_t *data = json_object_get(ev->doc, "event_data"), *value;
    const json_t *experiment = json_object_get(data, "experiment");
    const char *name;

    if (!json_is_object(data))
        return ev->host->fail(ev->err, TOCSIN_MEANINGLESS, "$.event_data", "expected an object");
    if (json_is_string(json_object_get(data, "data"))) {
        ev->host->batch_note(ev->out, "test of Determined's webhook: no alert");
        return TOCSIN_OK;
    }
    json_object_foreach(data, name, value) {         /* these two are told by what they hold, not by their name */
        if (json_is_string(json_object_get(value, "triggering_log")))
            return read_task_log(ev, value);
        if (json_is_string(json_object_get(value, "title")))
            return read_custom(ev, value);
    }
    if (!json_is_object(experiment))
        return ev->host->fail(ev->err, TOCSIN_MEANINGLESS, "$.event_data.experiment", "expected an object");
    return read_experiment(ev, experiment);
}

/* --- torchelastic ------------------------------------------------------------------- */

/* "RuntimeError" of "RuntimeError: CUDA out of memory"; "" when the text begins otherwise. */
static const char *
exception_name(const struct event *ev, const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");

    return text[n] == ':' && n < 100 ? ev->host->batch_printf(ev->out, "%.*s", (int)n, text) : "";
}

static const char *
kind_of(const char *message)
{
    return strstr(message, "out of memory") != NULL                                       ? "oom"
           : strstr(message, "NCCL") != NULL || strstr(message, "ncclInternal") != NULL ? "nccl"
                                                                                          : "crash";
}

enum tocsin_rc
torchelastic_read(struct event *ev)
{
    static const char *const scope[] = { "cluster", "job", "host", "rank", NULL };
    const json_t *outer = json_object_get(ev->doc, "message"), *extra = json_object_get(outer, "extraInfo");
    const char *message = json_is_object(outer) ? text_of(ev, outer, "message") : ev->host->text(ev->out, outer);
    const char *line = ev->host->batch_printf(ev->out, "%.*s", (int)strcspn(message, "\r\n"), message);
    struct tocsin_alert *alert;
    char where[80];

    if (message[0] == '\0') {
        snprintf(where, sizeof where, "%s.message%s", ev->path, json_is_object(outer) ? ".message" : "");
        return ev->host->fail(ev->err, TOCSIN_MEANINGLESS, where, "expected the text of the error");
    }
    alert = ev->host->alert_new(ev->out);
    alert->status = TOCSIN_FIRING;
    alert->severity = TOCSIN_ERROR;
    alert->dedup_key = ev->host->batch_printf(ev->out, "%s/%s", training_key(ev, "torchelastic", scope), line);
    alert->summary = line;
    alert->starts_at = training_time(ev, json_object_get(extra, "timestamp"));
    alert->expires_at = ev->in->received_at + TRAINING_KEEP;
    training_group(ev, alert);
    training_labels(ev, alert);
    ev->host->alert_label(ev->out, alert, "event", kind_of(message));
    ev->host->alert_label(ev->out, alert, "error", exception_name(ev, line));
    ev->host->alert_label(ev->out, alert, "error_code", text_of(ev, outer, "errorCode"));
    if (strcmp(line, message) != 0)
        ev->host->alert_annotation(ev->out, alert, "message", message);
    ev->host->alert_annotation(ev->out, alert, "callstack", text_of(ev, extra, "py_callstack"));
    return TOCSIN_OK;
}
