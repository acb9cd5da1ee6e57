/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matchers of silences, and filters of Alertmanager's clients, which are the same: the bytes are matchers, a zero
 * byte, and the value of the label `a` of an alert.  What is read can be stored, read back and stored as the same;
 * what may be a silence is in force until it is dropped.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "core/silence/matchers.h"
#include "core/silence/set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
    if (!ok)
        abort();
}

static void
check_stored(struct arena *a, const struct matchers *m, const char *text)
{
    struct matchers again;

    check(strlen(text) > 0 && matchers_parse(a, text, &again));
    check(again.n == m->n);
    for (size_t i = 0; i < m->n; i++)
        check(again.v[i].op == m->v[i].op && strcmp(again.v[i].name, m->v[i].name) == 0 &&
              strcmp(again.v[i].value, m->v[i].value) == 0);
    check(strcmp(matchers_format(a, &again), text) == 0);
}

static void
check_held(const char *text, const char *value)
{
    const struct tocsin_pair label = { "a", value };
    const struct silence_subject with = { .labels = &label, .n_labels = 1, .severity = "error", .summary = "s",
                                          .source = "x" };
    const struct silence_row row = { .id = { .b = { 1 } }, .phase = SILENCE_ACTIVE, .ends_at = 1, .matchers = text,
                                     .created_by = "", .comment = "", .annotations = "" };
    struct silence_set *set = silence_set_new();
    const struct silence_row *found, *all[2];

    silence_set_put(set, &row);
    check(silence_set_count(set) == 1);
    found = silence_set_match(set, &with);
    check(silence_set_all(set, &with, all, 2) == (found != NULL));
    silence_set_drop(set, &row.id);
    check(silence_set_match(set, &with) == NULL);
    silence_set_free(set);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    struct tocsin_err err = { .what = "" };
    struct matchers m = { 0 };
    char *text = arena_strndup(a, (const char *)data, size);
    const char *value = strlen(text) < size ? text + strlen(text) + 1 : "";

    if (matchers_add(a, &m, text, &err) != TOCSIN_OK) {
        check(err.what[0] != '\0');
    } else if (m.n > 0) {
        const char *stored = matchers_format(a, &m);

        check_stored(a, &m, stored);
        if (matchers_check(a, &m, &err) == TOCSIN_OK)
            check_held(stored, value);
        else
            check(err.what[0] != '\0');
    }
    arena_free(a);
    return 0;
}
