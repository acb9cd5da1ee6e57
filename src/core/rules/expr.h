/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr.h - jq programs, compiled once and run many times.
 *
 * jq is the expression language of templates and mappings.  Names that reach
 * outside the value ($ENV, env, now, input, debug, halt, ...) are refused at
 * compile time, so that a result depends on the input alone.
 * A struct expr belongs to one thread at a time.
 */
#ifndef CORE_EXPR_H
#define CORE_EXPR_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include <tocsin/err.h>

struct expr;
struct jq_limit;

enum tocsin_rc expr_compile(const char *program, struct expr **out_r, struct tocsin_err *err);
void expr_free(struct expr *);
/* All outputs, as an array; at most max of them, or an error.  The caller drops the reference.  limit: jqvm.h, or NULL. */
enum tocsin_rc expr_run(struct expr *, const json_t *input, size_t max, const struct jq_limit *limit, json_t **out_r,
                        struct tocsin_err *err);
/* Was the last run ended by a limit?  After how many steps? */
bool expr_was_stopped(const struct expr *, unsigned *steps_r);
/*
 * In which line is the program after so many steps?  It is compiled anew and run again, for nothing is known of lines
 * while it runs at full speed.  0 when it cannot be said.
 */
unsigned expr_line_after(const char *program, const json_t *input, unsigned steps);

#endif
