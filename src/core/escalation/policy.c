/* SPDX-License-Identifier: Apache-2.0 */
#include "core/escalation/policy.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

static json_t *
list_json(const char *const *items, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(items[i]));
    return list;
}

void
policy_seal(struct policy *p, struct arena *a)
{
    json_t *steps = json_array(), *doc;
    const char *parts[1];
    char *text;

    for (size_t i = 0; i < p->n_steps; i++)
        json_array_append_new(steps, json_pack("{s:I, s:o}", "after_ms", (json_int_t)p->steps[i].after_ms, "targets",
                                               list_json((const char *const *)p->steps[i].targets, p->steps[i].n_targets)));
    doc = json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:s, s:o}", "name", p->name, "steps", steps, "loops",
                    p->loops == POLICY_FOR_EVER ? (json_int_t)-1 : (json_int_t)p->loops, "ack_timeout_ms",
                    (json_int_t)p->ack_timeout_ms, "failover_after_ms", (json_int_t)p->failover_after_ms, "last_wait_ms",
                    (json_int_t)p->last_wait_ms, "on_unack", p->restart_on_unack ? "restart" : "resume", "last_resort",
                    list_json((const char *const *)p->last_resort, p->n_last_resort));
    text = doc != NULL ? json_dumps(doc, JSON_COMPACT) : NULL;
    json_decref(doc);
    if (text == NULL)
        abort();                             /* out of memory, or a name that is not UTF-8, which conf refuses */
    p->body = arena_strdup(a, text);
    free(text);
    parts[0] = p->body;
    p->id = id_hash(parts, 1);
}

static bool
parse_list(const json_t *list, struct arena *a, const char ***out, size_t *n)
{
    if (!json_is_array(list))
        return false;
    *n = json_array_size(list);
    *out = arena_alloc(a, (*n + 1) * sizeof(const char *));
    for (size_t i = 0; i < *n; i++) {
        const char *s = json_string_value(json_array_get(list, i));

        if (s == NULL)
            return false;
        (*out)[i] = arena_strdup(a, s);
    }
    return true;
}

static bool
parse_steps(const json_t *steps, struct arena *a, struct policy *p)
{
    p->n_steps = json_array_size(steps);
    p->steps = arena_zalloc(a, (p->n_steps + 1) * sizeof *p->steps);
    for (size_t i = 0; i < p->n_steps; i++) {
        const json_t *s = json_array_get(steps, i);

        p->steps[i].after_ms = json_integer_value(json_object_get(s, "after_ms"));
        if (!parse_list(json_object_get(s, "targets"), a, &p->steps[i].targets, &p->steps[i].n_targets))
            return false;
    }
    return p->n_steps > 0;
}

struct policy *
policy_parse(const char *body, struct arena *a)
{
    struct policy *p = arena_zalloc(a, sizeof *p);
    json_t *doc = json_loads(body, 0, NULL);
    const char *name = json_string_value(json_object_get(doc, "name")), *on_unack;
    json_int_t loops = json_integer_value(json_object_get(doc, "loops"));
    bool ok;

    on_unack = json_string_value(json_object_get(doc, "on_unack"));
    p->name = arena_strdup(a, name != NULL ? name : "");
    p->loops = loops < 0 ? POLICY_FOR_EVER : (uint32_t)loops;
    p->ack_timeout_ms = json_integer_value(json_object_get(doc, "ack_timeout_ms"));
    p->failover_after_ms = json_integer_value(json_object_get(doc, "failover_after_ms"));
    p->last_wait_ms = json_integer_value(json_object_get(doc, "last_wait_ms"));
    p->restart_on_unack = on_unack != NULL && strcmp(on_unack, "restart") == 0;
    ok = name != NULL && on_unack != NULL && parse_steps(json_object_get(doc, "steps"), a, p) &&
         parse_list(json_object_get(doc, "last_resort"), a, &p->last_resort, &p->n_last_resort);
    json_decref(doc);
    return ok ? p : NULL;
}

int64_t
policy_pass_ms(const struct policy *p)
{
    return p->steps[p->n_steps - 1].after_ms + p->last_wait_ms;
}

int64_t
policy_step_offset(const struct policy *p, uint32_t loop, size_t step)
{
    return (int64_t)loop * policy_pass_ms(p) + p->steps[step].after_ms;
}
