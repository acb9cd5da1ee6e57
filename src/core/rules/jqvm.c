/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set is compiled as   def __e0: ...; def __e1: ...; . as [$i, $v] | $v | <tree of ifs>
 * and run with [index, value].  Each expression is a function of its own, since
 * jq limits the length of one function's code to 64 KiB.
 *
 * How a program counts its steps and calls functions in C: jqprelude.c.  What
 * `debug` shows is, from the time that a key was shown, an argument, and a step
 * otherwise.
 */
#include "core/rules/jqvm.h"

#include <jq.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "core/rules/jqfunc.h"
#include "core/rules/jqprelude.h"
#include "core/rules/jqregex.h"
#include "core/rules/jqscan.h"

enum { UNWATCHED = 16 };            /* steps, and items of arrays, between two questions to the limit */

/* Why a run was ended from outside. */
enum stop { GOES_ON, STOP_STEPS, STOP_TEXT, STOP_ITEMS, STOP_LIMIT };

struct jqvm {
    jq_state *jq;
    bool is_set;
    unsigned steps, max_steps;
    unsigned unwatched;            /* since the limit was asked */
    unsigned line;                 /* of a program that says its lines */
    enum stop stop;
    const struct jq_limit *limit;  /* of this run; NULL: there is none */
    const char *why;               /* STOP_LIMIT */
    size_t max_text, max_items;    /* of what a program makes; what came in may be larger */
    struct jqregex *regex;
    jv *keys;                      /* of the functions in C: empty arrays */
    const struct jqfunc *called;   /* its key was shown */
    unsigned n_args;               /* and so many arguments */
    jv args[JQFUNC_MAX_ARGS];
    bool complained;               /* the first message of a compilation is the one that helps */
    struct tocsin_err *err;        /* during compilation */
};

/* --- what a program asks of its host ---------------------------------------------------- */

static void
stop(struct jqvm *vm, enum stop why)
{
    if (vm->stop != GOES_ON)
        return;
    vm->stop = why;
    jq_halt(vm->jq, jv_number(1), jv_null());
}

bool
jqvm_over(struct jqvm *vm)
{
    if (vm->stop == GOES_ON && vm->limit != NULL) {
        vm->why = vm->limit->over(vm->limit->ctx);
        if (vm->why != NULL)
            stop(vm, STOP_LIMIT);
    }
    return vm->stop != GOES_ON;
}

static void
drop_args(struct jqvm *vm)
{
    while (vm->n_args > 0)
        jv_free(vm->args[--vm->n_args]);
    vm->called = NULL;
}

static bool
is_key(struct jqvm *vm, jv v)
{
    for (size_t i = 0; i < jqfuncs_n; i++) {
        if (jv_identical(jv_copy(v), jv_copy(vm->keys[i]))) {
            drop_args(vm);
            vm->called = &jqfuncs[i];
            return true;
        }
    }
    return false;
}

/* weight: how much may be done until the next step. */
static void
count(struct jqvm *vm, unsigned weight)
{
    if (++vm->steps >= vm->max_steps)
        stop(vm, STOP_STEPS);
    vm->unwatched += weight;
    if (vm->unwatched < UNWATCHED)
        return;
    vm->unwatched = 0;
    (void)jqvm_over(vm);
}

/* An array is about to be gone through, more often than not: its items are no steps, but they take time. */
static void
step(struct jqvm *vm, jv v)
{
    jv_kind kind = jv_get_kind(v);
    size_t n = 0;

    if (kind == JV_KIND_STRING && (size_t)jv_string_length_bytes(jv_copy(v)) > vm->max_text)
        stop(vm, STOP_TEXT);
    if (kind == JV_KIND_ARRAY)
        n = (size_t)jv_array_length(jv_copy(v));
    if (n > vm->max_items)
        stop(vm, STOP_ITEMS);
    count(vm, n < UNWATCHED ? 1 + (unsigned)n : UNWATCHED);
}

/* Takes v.  No reference to a value is kept that a loop may be working on: jq would copy it at each step. */
static void
on_debug(void *ctx, jv v)
{
    struct jqvm *vm = ctx;

    if (vm->called != NULL && vm->n_args < vm->called->args) {
        vm->args[vm->n_args++] = v;
        if (vm->called->run == NULL) {
            vm->line = (unsigned)jv_number_value(v);
            drop_args(vm);
        }
        return;
    }
    if (jv_get_kind(v) != JV_KIND_ARRAY || jv_array_length(jv_copy(v)) > 0 || !is_key(vm, v))
        step(vm, v);
    jv_free(v);
}

static jv
on_input(jq_state *jq, void *ctx)
{
    struct jqvm *vm = ctx;
    const struct jqfunc *f = vm->called;

    (void)jq;
    if (f == NULL || vm->n_args != f->args)
        return jv_invalid_with_msg(jv_string("no function was called"));
    vm->called = NULL;
    vm->n_args = 0;
    count(vm, 1);
    return f->run(vm->regex, vm->args);
}

/* --- compiling ---------------------------------------------------------------------------- */

/* Drop "needle" and what follows it up to n characters more; the words that help only at a shell. */
static void
cut_out(char *text, const char *needle)
{
    char *p = strstr(text, needle);

    if (p != NULL)
        memmove(p, p + strlen(needle), strlen(p + strlen(needle)) + 1);
}

/* "jq: error: X at <top-level>, line 3:\n<source>" to "X (line 2)": the prelude is line 1. */
static void
on_error(void *ctx, jv v)
{
    struct jqvm *vm = ctx;
    char *text, *at;
    long line = 0;

    if (jv_get_kind(v) != JV_KIND_STRING)
        v = jv_dump_string(v, 0);
    if (vm->complained || vm->err == NULL) {
        jv_free(v);
        return;
    }
    vm->complained = true;
    text = xstrdup(jv_string_value(v));
    jv_free(v);
    at = strstr(text, " at <top-level>, line ");
    if (at != NULL) {
        line = strtol(at + strlen(" at <top-level>, line "), NULL, 10) - 1;
        *at = '\0';
    }
    text[strcspn(text, "\n")] = '\0';
    cut_out(text, "jq: error: ");
    cut_out(text, " (Unix shell quoting issues?)");
    if (line > 1)
        err_set(vm->err, TOCSIN_BAD_CONFIG, "", "%s (line %ld)", text, line);
    else
        err_set(vm->err, TOCSIN_BAD_CONFIG, "", "%s", text);
    free(text);
}

/* The variables by which the prelude knows the keys. */
static jv
make_keys(struct jqvm *vm)
{
    jv named = jv_object();

    vm->keys = xcalloc(jqfuncs_n, sizeof *vm->keys);
    for (size_t i = 0; i < jqfuncs_n; i++) {
        vm->keys[i] = jv_array();
        named = jv_object_set(named, jv_string_fmt(JQPRELUDE_KEY "%s", jqfuncs[i].name), jv_copy(vm->keys[i]));
    }
    return named;
}

/* Compile text that begins with the prelude. */
static enum tocsin_rc
compile(const char *text, bool is_set, struct jqvm **out_r, struct tocsin_err *err)
{
    struct tocsin_err unwanted;
    struct jqvm *vm = xcalloc(1, sizeof *vm);

    vm->is_set = is_set;
    vm->err = err != NULL ? err : &unwanted;
    vm->jq = jq_init();
    if (vm->jq == NULL) {
        free(vm);
        return err_set(err, TOCSIN_INTERNAL, "", "cannot start a jq machine");
    }
    vm->regex = jqregex_new(vm);
    jq_set_error_cb(vm->jq, on_error, vm);
    jq_set_debug_cb(vm->jq, on_debug, vm);
    jq_set_input_cb(vm->jq, on_input, vm);
    if (!jq_compile_args(vm->jq, text, make_keys(vm))) {
        if (!vm->complained)
            err_set(err, TOCSIN_BAD_CONFIG, "", "jq does not accept the program");
        jqvm_free(vm);
        return TOCSIN_BAD_CONFIG;
    }
    vm->err = NULL;
    *out_r = vm;
    return TOCSIN_OK;
}

enum tocsin_rc
jqvm_compile(const char *program, bool lines, struct jqvm **out_r, struct tocsin_err *err)
{
    struct buf text;
    size_t used;
    enum tocsin_rc rc;

    buf_init(&text, JQVM_MAX_PROGRAM);
    buf_add(&text, jqprelude);
    rc = jqscan(program, strlen(program), lines ? JQSCAN_LINES : 0, &text, &used, err);
    if (rc == TOCSIN_OK)
        rc = compile(text.p, false, out_r, err);
    buf_release(&text);
    return rc;
}

/* A balanced tree of ifs over [from, to): its depth is what jq's parser has to stack. */
static void
add_choice(struct buf *text, size_t from, size_t to)
{
    size_t middle = from + (to - from) / 2;

    if (to - from == 1) {
        buf_addf(text, "__e%zu", from);
        return;
    }
    buf_addf(text, "if $__i < %zu then ", middle);
    add_choice(text, from, middle);
    buf_add(text, " else ");
    add_choice(text, middle, to);
    buf_add(text, " end");
}

enum tocsin_rc
jqvm_compile_set(const char *const *checked, size_t n, struct jqvm **out_r, struct tocsin_err *err)
{
    struct buf text;
    enum tocsin_rc rc;

    buf_init(&text, JQVM_MAX_PROGRAM);
    buf_add(&text, jqprelude);
    for (size_t i = 0; i < n; i++)
        buf_addf(&text, "def __e%zu: (%s\n);", i, checked[i]);
    buf_add(&text, ".[0] as $__i | .[1] | ");
    add_choice(&text, 0, n);
    if (buf_ok(&text))
        rc = compile(text.p, true, out_r, err);
    else
        rc = err_set(err, TOCSIN_BAD_CONFIG, "", "the expressions are longer than %d bytes", JQVM_MAX_PROGRAM);
    buf_release(&text);
    return rc;
}

void
jqvm_free(struct jqvm *vm)
{
    if (vm == NULL)
        return;
    jq_teardown(&vm->jq);
    drop_args(vm);
    for (size_t i = 0; i < jqfuncs_n; i++)
        jv_free(vm->keys[i]);
    free(vm->keys);
    jqregex_free(vm->regex);
    free(vm);
}

/* --- running ------------------------------------------------------------------------------ */

void
jqvm_start(struct jqvm *vm, size_t which, jv input, size_t longest, const struct jq_limit *limit)
{
    if (vm->is_set)
        input = JV_ARRAY(jv_number((double)which), input);
    drop_args(vm);
    vm->steps = vm->line = vm->unwatched = 0;
    vm->max_steps = JQVM_MAX_STEPS;
    vm->stop = GOES_ON;
    vm->limit = limit;
    vm->max_text = longest > JQFUNC_MAX_TEXT ? longest : JQFUNC_MAX_TEXT;
    vm->max_items = longest > JQFUNC_MAX_ITEMS ? longest : JQFUNC_MAX_ITEMS;
    jq_start(vm->jq, input, 0);
}

void
jqvm_only(struct jqvm *vm, unsigned steps)
{
    vm->max_steps = steps;
}

bool
jqvm_was_stopped(const struct jqvm *vm, unsigned *steps_r)
{
    *steps_r = vm->steps;
    return vm->stop != GOES_ON;
}

unsigned
jqvm_line(const struct jqvm *vm)
{
    return vm->line;
}

static enum tocsin_rc
failed(jv message, struct tocsin_err *err)
{
    if (jv_get_kind(message) != JV_KIND_STRING)
        message = jv_dump_string(message, 0);
    err_set(err, TOCSIN_MEANINGLESS, "", "%s", jv_string_value(message));
    jv_free(message);
    return TOCSIN_MEANINGLESS;
}

static enum tocsin_rc
stopped(const struct jqvm *vm, struct tocsin_err *err)
{
    switch (vm->stop) {
    case STOP_TEXT:
        return err_set(err, TOCSIN_MEANINGLESS, "", "a text is limited to %zu MiB", vm->max_text >> 20);
    case STOP_ITEMS:
        return err_set(err, TOCSIN_MEANINGLESS, "", "an array is limited to %zu items", vm->max_items);
    case STOP_LIMIT:
        return err_set(err, TOCSIN_TOO_LARGE, "", "%s", vm->why);
    case STOP_STEPS:
    case GOES_ON:
        break;
    }
    return err_set(err, TOCSIN_TOO_LARGE, "", "stopped after %d steps of a loop", JQVM_MAX_STEPS);
}

enum tocsin_rc
jqvm_next(struct jqvm *vm, jv *out_r, struct tocsin_err *err)
{
    jv v = jq_next(vm->jq);

    if (jq_halted(vm->jq)) {
        jv_free(v);
        return stopped(vm, err);
    }
    if (!jv_is_valid(v) && jv_invalid_has_msg(jv_copy(v)))
        return failed(jv_invalid_get_msg(v), err);
    *out_r = v;
    return TOCSIN_OK;
}
