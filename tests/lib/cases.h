/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases.h - runs the case files of integrations (their schema: integrations/README.md).
 *
 * What came is written in the form in which a case writes what it expects, and
 * the two are compared as JSON, so that a difference is told by its path.
 */
#ifndef TESTS_LIB_CASES_H
#define TESTS_LIB_CASES_H

#include <stdbool.h>

#include <jansson.h>

#include <tocsin/plugin.h>

#include "base/arena.h"
#include "base/buf.h"
#include "core/normalise/mapping.h"
#include "plugin/host.h"

struct case_run {
    struct arena *arena;
    const struct tocsin_plugin *plugin;
    const json_t *doc;             /* the case */
    const char *folder;            /* "integrations/json" */
    void *self;
    struct mapping *mapping;
    struct redact *redact;         /* of the case; freed with cases_close() */
    struct buf diff;               /* empty: as expected */
};

/* The folder that test programs are built into, found from where this one is. */
const char *cases_build_dir(void);
/* <build>/plugins/<name>.so; NULL with a line on stderr. */
const struct tocsin_plugin *cases_plugin(const char *name);
/* The mapping of an integration without code; NULL: it has code. */
const char *cases_own_mapping(const char *format, char path[4600]);
/* Opens the instance that the case describes; false: said in diff. */
bool cases_open(struct case_run *, const struct tocsin_option *table);
/* Runs the case; what differs is in diff. */
void cases_run(struct case_run *);
void cases_close(struct case_run *);

/* Parts, one for each role. */
void cases_decode(struct case_run *);
void cases_verify(struct case_run *);
void cases_answer(struct case_run *);
void cases_render(struct case_run *);
void cases_classify(struct case_run *);
/* Leads the request of the case through its integration to the answer; NULL: said in diff. */
struct host_call *cases_serve(struct case_run *, const char **credential_r, struct tocsin_err *);
/* What was made of what arrived. */
json_t *cases_batch_json(const struct tocsin_batch *);

/* Adds a line for each difference, with its path; takes the reference of actual. */
void cases_compare(struct buf *diff, const char *path, const json_t *expected, json_t *actual);
json_t *cases_error(const struct tocsin_err *);
const char *cases_text(const json_t *object, const char *name, const char *def);
int64_t cases_time(const json_t *object, const char *name);
/* An alert as a case writes it, and back. */
json_t *cases_alert_json(const struct tocsin_alert *);
const struct tocsin_alert *cases_alert(struct arena *, const json_t *);
/* What the case's collector redacts; NULL: nothing.  Valid until the next call. */
const struct redact *cases_redact(struct case_run *);
/* payload, headers, query, ... of the case as an integration sees them */
void cases_payload(struct case_run *, struct tocsin_payload *out);
/* Bytes of a member that is text (as it is) or JSON (dumped); the default when missing. */
const char *cases_bytes(struct arena *, const json_t *value, size_t *len);

#endif
