/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_impl.h - parts of tocsin test: files and cases (test.c), what a step
 * does (test_step.c), what it expects (test_expect.c).
 *
 * A mistake in a case and an expectation that does not hold are both said with
 * the place: "step 3 (at 5m): told[0]: expected ..., got ...".
 */
#ifndef CLI_TEST_IMPL_H
#define CLI_TEST_IMPL_H

#include <jansson.h>

#include "base/arena.h"
#include "trial/life.h"

struct test_case {
    struct arena *arena;
    struct conf *conf;
    struct life *life;
    const char *folder;            /* of the file: payloads are named from there */
    int64_t begin;                 /* virtual time 0 */
    size_t told;                   /* sends that an expectation has looked at */
    const char *where;             /* "step 3 (at 5m)" */
    json_t *mistakes;              /* texts */
};

void test_mistake(struct test_case *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "5m" since the beginning. */
const char *test_time(const struct test_case *, int64_t at);
/* The members that a step or expectation may have; another is a mistake, with the nearest that is known. */
bool test_members(struct test_case *, const json_t *object, const char *const *known, size_t n);
/* Time passes, and something happens; false: a mistake was said, and the rest of the case makes no sense. */
bool test_step(struct test_case *, const json_t *step);
/* {"told": [...], "incidents": [...]} */
void test_expect(struct test_case *, const json_t *expected);
/* All that was sent, and all incidents, as documents that expectations are compared with. */
json_t *test_told(const struct test_case *, size_t from);
json_t *test_incidents(struct test_case *);
/* Is each member of the expected value there, and equal?  Arrays have as many items. */
bool test_holds(struct test_case *, const char *path, const json_t *expected, const json_t *got, bool silent);

#endif
