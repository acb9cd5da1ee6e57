/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mapping.h - a mapping.jq: any JSON to alerts, without code.
 *
 * The program gets {body, headers, query, topic, topic_labels, collector} and
 * puts out alerts in the schema of the `json` format (integrations/json), one
 * output each or an array of them.
 */
#ifndef CORE_MAPPING_H
#define CORE_MAPPING_H

#include <jansson.h>

#include <tocsin/err.h>

struct mapping;
struct jq_limit;

/* name: for messages, usually the file's path.  Thread-safe: each thread gets its own machine on first use. */
enum tocsin_rc mapping_compile(const char *name, const char *program, struct mapping **out_r, struct tocsin_err *err);
void mapping_free(struct mapping *);
/* An array of alert objects; more than max of them are an error.  The caller drops the reference.  limit: what else may
 * end the run (core/rules/jqvm.h), or NULL. */
enum tocsin_rc mapping_run(struct mapping *, const json_t *input, size_t max, const struct jq_limit *limit,
                           json_t **alerts_r, struct tocsin_err *err);

#endif
