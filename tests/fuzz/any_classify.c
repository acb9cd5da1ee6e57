/* SPDX-License-Identifier: Apache-2.0 */
/*
 * any_classify.c - fuzz_classify_<vendor>: what a pager, or whoever stands in
 * its place, answers.
 *
 * The bytes are four lines - change and step as digits, the status, what the
 * step before left, the value that every header has - and a body.  Whatever it
 * is, the verdict is one of those that there are, its words are bounded, the
 * same answer has the same verdict, and the step that follows can be rendered.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_input.h"
#include "notifier/verdict.h"

extern const struct tocsin_plugin tocsin_plugin;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct tocsin_pair labels[] = { { "cluster", "c1" }, { "host", "h1" } };
static const struct tocsin_alert alert = { .status = TOCSIN_FIRING, .severity = TOCSIN_ERROR, .dedup_key = "k",
                                           .summary = "disk full", .labels = labels, .n_labels = 2, .count = 1 };
static const struct tocsin_incident incident = { .id = "01900000-0000-7000-8000-0000000000b2", .number = "000000b2",
                                                 .state = TOCSIN_INC_TRIGGERED, .severity = TOCSIN_ERROR,
                                                 .summary = "disk full", .source = "s", .group_key = "g", .policy = "p",
                                                 .by = "ann", .note = "n", .note_by = "ann", .opened_at = 1769860800000,
                                                 .episode = 1, .alerts = &alert, .n_alerts = 1, .n_firing = 1,
                                                 .n_total = 1 };

static void
must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

static bool
is_utf8(const char *s)
{
    size_t n = strlen(s), len;

    for (; n > 0 && (len = utf8_seq(s, n)) > 0; n -= len)
        s += len;
    return n == 0;
}

static const char *
same_field(const struct tocsin_response *r, const char *name)
{
    (void)name;
    return r->host_data;
}

static struct tocsin_outcome
judge(void *self, const struct tocsin_job *job, const struct tocsin_response *r, struct arena *a)
{
    struct tocsin_outcome o;

    host_outcome_default(r, 1769860800000, &o);
    if (tocsin_plugin.classify != NULL)
        tocsin_plugin.classify(self, &plugin_host, job, r, &o);
    must(o.verdict >= TOCSIN_DELIVERED && o.verdict <= TOCSIN_CONTINUE, "the verdict is one that there is");
    must(memchr(o.reason, '\0', sizeof o.reason) != NULL, "the reason ends");
    must(memchr(o.vendor_ref, '\0', sizeof o.vendor_ref) != NULL, "the vendor's id ends");
    must(memchr(o.carry, '\0', sizeof o.carry) != NULL, "the carry ends");
    must(o.delay_ms >= 0, "the delay is no time past");
    verdict_tidy(a, NULL, &o);
    must(r->status != 0 || o.verdict != TOCSIN_DELIVERED, "no answer delivers nothing");
    must(o.verdict == TOCSIN_DELIVERED || o.verdict == TOCSIN_CONTINUE || o.reason[0] != '\0', "a failure has words");
    must(is_utf8(o.reason) && is_utf8(o.vendor_ref), "words are UTF-8");
    return o;
}

static void
render(void *self, const struct tocsin_job *job, struct arena *a)
{
    struct tocsin_request q;
    struct tocsin_err err = { 0 };

    host_request_init(&q, a);
    if (tocsin_plugin.render(self, &plugin_host, job, &q, &err) == TOCSIN_OK)
        must(q.kind != REQUEST_HTTP || host_request_seal(&q, job->now, &err) == TOCSIN_OK || err.what[0] != '\0',
             "a request that cannot be sent has words");
    else
        must(err.what[0] != '\0', "a job that cannot be rendered has words");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    struct input in = { (const char *)data, size };
    void *self = input_instance(&tocsin_plugin, tocsin_plugin.notifier_options);
    const char *what = input_line(&in, a);
    struct tocsin_job job = { .incident = &incident, .now = 1769860800000 };
    struct tocsin_response r = { .status = atoi(input_line(&in, a)), .header = same_field, .error = "" };
    struct tocsin_outcome o;
    const char *field;

    job.change = what[0] >= '1' && what[0] <= '6' ? (enum tocsin_change)(what[0] - '0') : TOCSIN_TRIGGER;
    job.step = what[0] != '\0' && what[1] >= '0' && what[1] <= '9' ? (unsigned)(what[1] - '0') : 0;
    job.carry = input_line(&in, a);
    field = input_line(&in, a);
    r.host_data = field[0] != '\0' ? field : NULL;
    r.body = input_rest(&in, a);
    r.len = in.n;
    r.sent = r.status != 0 || field[0] != '\0';
    r.status = r.status >= 100 && r.status <= 599 ? r.status : 0;
    r.error = r.status == 0 ? "connection reset" : "";
    o = judge(self, &job, &r, a);
    must(judge(self, &job, &r, a).verdict == o.verdict, "the same answer has the same verdict");
    job.step++;
    job.carry = o.carry;
    if (o.verdict == TOCSIN_CONTINUE)
        render(self, &job, a);
    arena_free(a);
    return 0;
}
