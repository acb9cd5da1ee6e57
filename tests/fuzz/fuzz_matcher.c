/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes are a matcher, a zero byte, and the value it is tried on.
 * A matcher is refused with a column or gives an answer; `=` and `!=` on the
 * same text give opposite ones.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "core/rules/matcher.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
    if (!ok)
        abort();
}

static void
check_opposite(const struct matcher *m, const char *value, struct match_state *state, enum truth t)
{
    struct matcher opposite = *m;
    const char *why = "";
    enum truth u;

    if (m->op > OP_NOT_RE)
        return;
    opposite.op = m->op == OP_EQ ? OP_NE : m->op == OP_NE ? OP_EQ : m->op == OP_RE ? OP_NOT_RE : OP_RE;
    u = matcher_test(&opposite, value, TOCSIN_ERROR, state, &why);
    check(t == UNSURE ? u == UNSURE : u == (t == YES ? NO : YES));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    struct match_state state;
    struct tocsin_err err = { .what = "" };
    struct matcher m;
    char *text = arena_strndup(a, (const char *)data, size);
    const char *value = strlen(text) < size ? text + strlen(text) + 1 : "";
    const char *why = NULL;

    match_state_init(&state);
    if (matcher_parse(a, text, &m, &err) == TOCSIN_OK) {
        enum truth t = matcher_test(&m, value, TOCSIN_ERROR, &state, &why);

        check(t == NO || t == YES || (t == UNSURE && why != NULL));
        check_opposite(&m, value, &state, t);
        matcher_release(&m);
    } else {
        check(err.rc == TOCSIN_BAD_CONFIG && strncmp(err.what, "column ", 7) == 0);
    }
    match_state_release(&state);
    arena_free(a);
    return 0;
}
