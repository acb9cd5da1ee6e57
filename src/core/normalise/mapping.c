/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compiled program is text; machines that run it are made when they are
 * needed and kept in a list.  A run takes one from the list or makes one, so
 * there are as many as ever ran at the same time.
 */
#include "core/normalise/mapping.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "core/rules/expr.h"

struct machine {
    struct machine *next;
    struct expr *expr;
};

struct mapping {
    char *name, *program;
    pthread_mutex_t lock;          /* guards idle only; never held while a program runs */
    struct machine *idle;
};

static enum tocsin_rc
machine_new(const struct mapping *m, struct machine **out_r, struct tocsin_err *err)
{
    struct expr *e;
    enum tocsin_rc rc = expr_compile(m->program, &e, err);

    if (rc != TOCSIN_OK)
        return rc;
    *out_r = xcalloc(1, sizeof **out_r);
    (*out_r)->expr = e;
    return TOCSIN_OK;
}

enum tocsin_rc
mapping_compile(const char *name, const char *program, struct mapping **out_r, struct tocsin_err *err)
{
    struct mapping *m = xcalloc(1, sizeof *m);
    enum tocsin_rc rc;

    m->name = xstrdup(name);
    m->program = xstrdup(program);
    pthread_mutex_init(&m->lock, NULL);
    rc = machine_new(m, &m->idle, err);
    if (rc == TOCSIN_OK) {
        *out_r = m;
        return TOCSIN_OK;
    }
    mapping_free(m);
    return err != NULL ? err_set(err, rc, name, "%s", err->what) : rc;
}

void
mapping_free(struct mapping *m)
{
    if (m == NULL)
        return;
    while (m->idle != NULL) {
        struct machine *next = m->idle->next;

        expr_free(m->idle->expr);
        free(m->idle);
        m->idle = next;
    }
    pthread_mutex_destroy(&m->lock);
    free(m->name);
    free(m->program);
    free(m);
}

static enum tocsin_rc
borrow(struct mapping *m, struct machine **out_r, struct tocsin_err *err)
{
    struct machine *found;

    pthread_mutex_lock(&m->lock);
    found = m->idle;
    if (found != NULL)
        m->idle = found->next;
    pthread_mutex_unlock(&m->lock);
    if (found == NULL)
        return machine_new(m, out_r, err);
    *out_r = found;
    return TOCSIN_OK;
}

static void
give_back(struct mapping *m, struct machine *machine)
{
    pthread_mutex_lock(&m->lock);
    machine->next = m->idle;
    m->idle = machine;
    pthread_mutex_unlock(&m->lock);
}

static enum tocsin_rc
add(const struct mapping *m, size_t max, json_t *alerts, json_t *alert, struct tocsin_err *err)
{
    static const char *const kinds[] = { "an object", "an array", "a string", "an integer", "a number",
                                         "true",      "false",    "null" };

    if (!json_is_object(alert))
        return err_set(err, TOCSIN_MEANINGLESS, m->name, "the mapping put out %s where an alert was expected",
                       kinds[json_typeof(alert)]);
    if (json_array_size(alerts) == max)
        return err_set(err, TOCSIN_TOO_LARGE, m->name, "the mapping put out more than %zu alerts", max);
    if (json_array_append(alerts, alert) != 0)
        return err_set(err, TOCSIN_INTERNAL, m->name, "cannot keep an alert");
    return TOCSIN_OK;
}

/* One output is an alert or an array of them. */
static enum tocsin_rc
flatten(const struct mapping *m, const json_t *outputs, size_t max, json_t *alerts, struct tocsin_err *err)
{
    enum tocsin_rc rc = TOCSIN_OK;
    size_t i, k;
    json_t *output, *item;

    json_array_foreach(outputs, i, output) {
        if (!json_is_array(output))
            rc = add(m, max, alerts, output, err);
        json_array_foreach(output, k, item) {
            rc = add(m, max, alerts, item, err);
            if (rc != TOCSIN_OK)
                break;
        }
        if (rc != TOCSIN_OK)
            break;
    }
    return rc;
}

/*
 * A program says error("$.event.id: expected ...") to name the place in the payload; what does not
 * begin so is put down to the program itself.
 */
static enum tocsin_rc
explain(const struct mapping *m, enum tocsin_rc rc, const struct tocsin_err *why, struct tocsin_err *err)
{
    const char *end = strstr(why->what, ": ");
    char path[sizeof err->where];

    if (rc != TOCSIN_MEANINGLESS || why->what[0] != '$' || end == NULL ||
        (size_t)(end - why->what) != strcspn(why->what, " ") - 1)
        return err_set(err, rc, m->name, "%s", why->what);
    snprintf(path, sizeof path, "%.*s", (int)(end - why->what), why->what);
    return err_set(err, rc, path, "%s", end + 2);
}

/* A run that was ended by a limit: say where it was.  A part of the way is enough, a loop is a loop. */
static void
say_line(const struct mapping *m, const struct expr *e, const json_t *input, struct tocsin_err *why)
{
    unsigned steps, line;

    if (!expr_was_stopped(e, &steps))
        return;
    line = expr_line_after(m->program, input, steps < 64 ? steps / 2 + 1 : steps / 8);
    if (line > 0) {
        char what[sizeof why->what];

        snprintf(what, sizeof what, "%s", why->what);
        err_set(why, why->rc, "", "%s (line %u)", what, line);
    }
}

enum tocsin_rc
mapping_run(struct mapping *m, const json_t *input, size_t max, const struct jq_limit *limit, json_t **alerts_r,
            struct tocsin_err *err)
{
    struct machine *machine;
    json_t *outputs = NULL, *alerts = NULL;
    struct tocsin_err why;
    enum tocsin_rc rc = borrow(m, &machine, &why);

    if (rc == TOCSIN_OK) {
        rc = expr_run(machine->expr, input, max, limit, &outputs, &why);
        if (rc != TOCSIN_OK)
            say_line(m, machine->expr, input, &why);
        give_back(m, machine);
    }
    if (rc != TOCSIN_OK)
        return explain(m, rc, &why, err);
    alerts = json_array();
    if (alerts == NULL)
        rc = err_set(err, TOCSIN_INTERNAL, m->name, "cannot make an array");
    else
        rc = flatten(m, outputs, max, alerts, err);
    json_decref(outputs);
    if (rc == TOCSIN_OK)
        *alerts_r = alerts;
    else
        json_decref(alerts);
    return rc;
}
