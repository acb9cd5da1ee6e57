/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jqvm.h - a jq machine: one or many checked programs in one libjq state.
 *
 * Making a libjq state takes about 20 ms, because it compiles jq's own library
 * each time; one more expression in the same state takes a fraction of one.
 * So the expressions of a rule set share states, and an index chooses.
 *
 * libjq can neither be interrupted nor limited, so a prelude written in jq
 * replaces what could run or grow without end: loops call `__tick`, which ends
 * the run after JQVM_MAX_TICKS; repeated strings, sums of texts and of arrays,
 * and array positions are bounded.  A machine belongs to one thread at a time.
 */
#ifndef CORE_JQVM_H
#define CORE_JQVM_H

#include <stddef.h>

#include <jv.h>

#include <tocsin/err.h>

enum { JQVM_MAX_TICKS = 200000, JQVM_MAX_PROGRAM = 1 << 20 };

struct jqvm;

/* One program, any text. */
enum tocsin_rc jqvm_compile(const char *program, struct jqvm **out_r, struct tocsin_err *err);
/* n >= 1 expressions that jqscan() has passed and rewritten; jqvm_start() chooses one. */
enum tocsin_rc jqvm_compile_set(const char *const *checked, size_t n, struct jqvm **out_r, struct tocsin_err *err);
void jqvm_free(struct jqvm *);

/* Begin a run.  Consumes input.  which: index into the set; 0 for a single program. */
void jqvm_start(struct jqvm *, size_t which, jv input);
/* The next output in *out_r (the caller frees it); an invalid jv after the last.  MEANINGLESS when the
 * program failed, TOO_LARGE when it ran too long. */
enum tocsin_rc jqvm_next(struct jqvm *, jv *out_r, struct tocsin_err *err);

#endif
