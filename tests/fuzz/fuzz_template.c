/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes are a template.  It is refused with a column or rendered.  Since
 * starting a jq machine takes 20 ms, only one in eight of those that need one
 * gets it, chosen by the bytes so that a run can be repeated.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "core/rules/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct tocsin_pair labels[] = { { "a b", "x" }, { "host", "train-07" }, { "n", "12" } };

static void
check(bool ok)
{
    if (!ok)
        abort();
}

static void
render(const struct template *t, const struct expr_table *exprs)
{
    const struct view v = { .summary = "it broke", .source = "s", .dedup_key = "k", .severity = TOCSIN_ERROR,
                            .status = TOCSIN_FIRING, .labels = labels, .n_labels = 3 };
    struct jq_pool *pool = jq_pool_new(exprs);
    struct tocsin_err err = { .what = "" };
    struct buf out;

    if (pool == NULL)
        return;
    buf_init(&out, TEMPLATE_MAX);
    if (template_render(t, &v, pool, &out, &err) == TOCSIN_OK)
        check(out.n <= TEMPLATE_MAX);
    else
        check(err.what[0] != '\0');
    buf_release(&out);
    jq_pool_free(pool);
}

static unsigned
chosen(const uint8_t *data, size_t size)
{
    unsigned h = 0;

    for (size_t i = 0; i < size; i++)
        h = h * 31 + data[i];
    return h % 8;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    struct expr_table exprs = { 0 };
    struct tocsin_err err = { .what = "" };
    struct template t;
    const char *text = arena_strndup(a, (const char *)data, size);

    if (template_parse(a, &exprs, text, &t, &err) != TOCSIN_OK)
        check(err.rc == TOCSIN_BAD_CONFIG && strncmp(err.what, "column ", 7) == 0);
    else if (exprs.n == 0 || chosen(data, size) == 0)
        render(&t, &exprs);
    free(exprs.checked);
    arena_free(a);
    return 0;
}
