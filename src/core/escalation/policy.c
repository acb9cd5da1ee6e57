/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy's body is compact JSON with its members in one order, so that equal
 * policies have equal bodies and one id.  A stored body is read strictly: a
 * policy that is half right would page the wrong people.
 */
#include "core/escalation/policy.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/xalloc.h"

/* jansson fails only when memory runs out, since all names and texts here are UTF-8 from the configuration. */
static json_t *
must(json_t *v)
{
    if (v == NULL)
        abort();
    return v;
}

static void
put(json_t *o, const char *name, json_t *v)
{
    if (json_object_set_new(o, name, must(v)) != 0)
        abort();
}

static void
append(json_t *a, json_t *v)
{
    if (json_array_append_new(a, must(v)) != 0)
        abort();
}

static json_t *
names_to_json(const char *const *names, size_t n)
{
    json_t *a = must(json_array());

    for (size_t i = 0; i < n; i++)
        append(a, json_string(names[i]));
    return a;
}

static json_t *
steps_to_json(const struct policy *p)
{
    json_t *a = must(json_array());

    for (size_t i = 0; i < p->n_steps; i++) {
        const struct policy_step *s = &p->steps[i];
        json_t *o = must(json_object());

        put(o, "after_ms", json_integer(s->after_ms));
        put(o, "targets", names_to_json(s->targets, s->n_targets));
        append(a, o);
    }
    return a;
}

void
policy_seal(struct policy *p, struct arena *arena)
{
    json_t *o = must(json_object());
    char *text;

    put(o, "name", json_string(p->name));
    put(o, "steps", steps_to_json(p));
    put(o, "loops", json_integer(p->loops));
    put(o, "ack_timeout_ms", json_integer(p->ack_timeout_ms));
    put(o, "failover_after_ms", json_integer(p->failover_after_ms));
    put(o, "last_wait_ms", json_integer(p->last_wait_ms));
    put(o, "restart_on_unack", json_boolean(p->restart_on_unack));
    put(o, "last_resort", names_to_json(p->last_resort, p->n_last_resort));
    text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    if (text == NULL)
        abort();
    p->body = arena_strdup(arena, text);
    free(text);
    p->id = id_hash(&p->body, 1);
}

/* --- reading back ---------------------------------------------------------------- */

static bool
get_time(const json_t *o, const char *name, int64_t *out)
{
    const json_t *v = json_object_get(o, name);

    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return false;
    *out = json_integer_value(v);
    return true;
}

static bool
get_names(const json_t *a, struct arena *arena, const char ***names_out, size_t *n_out)
{
    size_t n = json_array_size(a);
    const char **names = arena_alloc(arena, (n + 1) * sizeof *names);

    if (!json_is_array(a))
        return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(a, i);

        if (!json_is_string(v))
            return false;
        names[i] = arena_strdup(arena, json_string_value(v));
    }
    *names_out = names;
    *n_out = n;
    return true;
}

static bool
get_steps(const json_t *a, struct arena *arena, struct policy *p)
{
    p->n_steps = json_array_size(a);
    if (p->n_steps == 0)
        return false;
    p->steps = arena_zalloc(arena, p->n_steps * sizeof *p->steps);
    for (size_t i = 0; i < p->n_steps; i++) {
        const json_t *o = json_array_get(a, i);
        struct policy_step *s = &p->steps[i];

        if (!get_time(o, "after_ms", &s->after_ms) ||
            !get_names(json_object_get(o, "targets"), arena, &s->targets, &s->n_targets) ||
            (i > 0 && s->after_ms < s[-1].after_ms))
            return false;
    }
    return true;
}

static bool
get_policy(const json_t *o, struct arena *arena, struct policy *p)
{
    const json_t *name = json_object_get(o, "name"), *restart = json_object_get(o, "restart_on_unack");
    int64_t loops;

    if (!json_is_string(name) || !json_is_boolean(restart) || !get_time(o, "loops", &loops) || loops > UINT32_MAX)
        return false;
    p->name = arena_strdup(arena, json_string_value(name));
    p->loops = (uint32_t)loops;
    p->restart_on_unack = json_is_true(restart);
    return get_steps(json_object_get(o, "steps"), arena, p) && get_time(o, "ack_timeout_ms", &p->ack_timeout_ms) &&
           get_time(o, "failover_after_ms", &p->failover_after_ms) &&
           get_time(o, "last_wait_ms", &p->last_wait_ms) &&
           get_names(json_object_get(o, "last_resort"), arena, &p->last_resort, &p->n_last_resort);
}

struct policy *
policy_parse(const char *body, struct arena *arena)
{
    json_t *o = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
    struct policy *p = arena_zalloc(arena, sizeof *p);
    bool good = get_policy(o, arena, p);

    json_decref(o);
    if (!good)
        return NULL;
    p->body = arena_strdup(arena, body);
    p->id = id_hash(&p->body, 1);
    return p;
}

/* --- times ------------------------------------------------------------------------- */

int64_t
policy_pass_ms(const struct policy *p)
{
    int64_t sum;

    if (__builtin_add_overflow(p->steps[p->n_steps - 1].after_ms, p->last_wait_ms, &sum))
        return INT64_MAX;
    return sum;
}

/* Far beyond any clock the result stays at the largest number instead of turning into the past. */
int64_t
policy_step_offset(const struct policy *p, uint32_t loop, size_t step)
{
    int64_t passes, sum;

    if (__builtin_mul_overflow((int64_t)loop, policy_pass_ms(p), &passes) ||
        __builtin_add_overflow(passes, p->steps[step].after_ms, &sum))
        return INT64_MAX;
    return sum;
}
