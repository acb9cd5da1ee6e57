/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jqvm.h - a jq machine: one or many checked programs in one libjq state.
 *
 * Making a libjq state takes about 20 ms, because it compiles jq's own library
 * each time; one more expression in the same state takes a fraction of one.
 * So the expressions of a rule set share states, and an index chooses.
 *
 * libjq can neither be interrupted nor limited, so a prelude written in jq
 * (jqprelude.h) replaces what could run or grow without end: a run ends after
 * JQVM_MAX_STEPS; repeated strings, sums of texts and of arrays, and array
 * positions are bounded.  A caller that has a clock may end it sooner.
 * A machine belongs to one thread at a time.
 */
#ifndef CORE_JQVM_H
#define CORE_JQVM_H

#include <stdbool.h>
#include <stddef.h>

#include <jv.h>

#include <tocsin/err.h>

enum { JQVM_MAX_STEPS = 200000, JQVM_MAX_PROGRAM = 1 << 20 };

/* Asked often during a run: NULL, or why it must end now.  The words must outlive the run. */
struct jq_limit {
    const char *(*over)(void *ctx);
    void *ctx;
};

struct jqvm;

/* One program, any text.  lines: it says which line it is in, and is slow. */
enum tocsin_rc jqvm_compile(const char *program, bool lines, struct jqvm **out_r, struct tocsin_err *err);
/* n >= 1 expressions that jqscan() has passed and rewritten; jqvm_start() chooses one. */
enum tocsin_rc jqvm_compile_set(const char *const *checked, size_t n, struct jqvm **out_r, struct tocsin_err *err);
void jqvm_free(struct jqvm *);

/*
 * Begin a run.  Consumes input.  which: index into the set; 0 for a single program.  longest: what the longest text in
 * the input has bytes, or the longest array items, for a program may always hand on what it got.  limit: may be NULL.
 */
void jqvm_start(struct jqvm *, size_t which, jv input, size_t longest, const struct jq_limit *limit);
/* Has the run been ended?  Asks the limit. */
bool jqvm_over(struct jqvm *);
/* Fewer steps than JQVM_MAX_STEPS for the run that has begun. */
void jqvm_only(struct jqvm *, unsigned steps);
/* Was the run ended by a limit, not by an error of its own?  After how many steps? */
bool jqvm_was_stopped(const struct jqvm *, unsigned *steps_r);
/* Where the run is or ended, of a program with lines; 0 before the first. */
unsigned jqvm_line(const struct jqvm *);
/* The next output in *out_r (the caller frees it); an invalid jv after the last.  MEANINGLESS when the
 * program failed, TOO_LARGE when it ran too long. */
enum tocsin_rc jqvm_next(struct jqvm *, jv *out_r, struct tocsin_err *err);

#endif
