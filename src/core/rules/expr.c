/* SPDX-License-Identifier: Apache-2.0 */
/* A jq machine (jqvm.h) that takes and gives jansson values. */
#include "core/rules/expr.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "core/rules/jqvm.h"
#include "core/rules/jvjson.h"

struct expr { struct jqvm *vm; };

enum tocsin_rc
expr_compile(const char *program, struct expr **out_r, struct tocsin_err *err)
{
    struct jqvm *vm = NULL;
    enum tocsin_rc rc = jqvm_compile(program, false, &vm, err);

    if (rc != TOCSIN_OK)
        return rc;
    *out_r = xmalloc(sizeof **out_r);
    (*out_r)->vm = vm;
    return TOCSIN_OK;
}

void
expr_free(struct expr *e)
{
    if (e == NULL)
        return;
    jqvm_free(e->vm);
    free(e);
}

static enum tocsin_rc
collect(struct expr *e, size_t max, json_t *all, struct tocsin_err *err)
{
    for (;;) {
        jv v;
        json_t *item;
        const char *why = "";
        enum tocsin_rc rc = jqvm_next(e->vm, &v, err);

        if (rc != TOCSIN_OK)
            return rc;
        if (!jv_is_valid(v)) {
            jv_free(v);
            return TOCSIN_OK;
        }
        if (json_array_size(all) == max) {
            jv_free(v);
            return err_set(err, TOCSIN_TOO_LARGE, "", "more than %zu output%s", max, max == 1 ? "" : "s");
        }
        item = json_from_jv_take(v, &why);
        if (item == NULL)
            return err_set(err, TOCSIN_TOO_LARGE, "", "an output %s", why);
        if (json_array_append_new(all, item) != 0)
            return err_set(err, TOCSIN_INTERNAL, "", "cannot keep an output");
    }
}

enum tocsin_rc
expr_run(struct expr *e, const json_t *input, size_t max, const struct jq_limit *limit, json_t **out_r,
         struct tocsin_err *err)
{
    json_t *all;
    enum tocsin_rc rc;
    size_t longest;
    jv v;

    if (!jv_from_json(input, &v, &longest))
        return err_set(err, TOCSIN_TOO_LARGE, "", "the input is nested deeper than %d levels", JVJSON_MAX_DEPTH);
    all = json_array();
    if (all == NULL) {
        jv_free(v);
        return err_set(err, TOCSIN_INTERNAL, "", "cannot make an array");
    }
    jqvm_start(e->vm, 0, v, longest, limit);
    rc = collect(e, max, all, err);
    if (rc == TOCSIN_OK)
        *out_r = all;
    else
        json_decref(all);
    return rc;
}

bool
expr_was_stopped(const struct expr *e, unsigned *steps_r)
{
    return jqvm_was_stopped(e->vm, steps_r);
}

unsigned
expr_line_after(const char *program, const json_t *input, unsigned steps)
{
    struct jqvm *vm;
    unsigned line;
    size_t longest;
    jv v;

    if (!jv_from_json(input, &v, &longest))
        return 0;
    if (jqvm_compile(program, true, &vm, NULL) != TOCSIN_OK) {
        jv_free(v);
        return 0;
    }
    jqvm_start(vm, 0, v, longest, NULL);
    jqvm_only(vm, steps);
    while (jqvm_next(vm, &v, NULL) == TOCSIN_OK && jv_is_valid(v))
        jv_free(v);
    line = jqvm_line(vm);
    jqvm_free(vm);
    return line;
}
