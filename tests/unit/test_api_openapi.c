/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenAPI document: whole in itself, of every route, and true of what the routes answer. */
#include "unit/api_world.h"

static json_t *spec;

static json_t *
schema_named(const char *ref)
{
    static const char prefix[] = "#/components/schemas/";
    json_t *s;

    assert_int_equal(strncmp(ref, prefix, sizeof prefix - 1), 0);
    s = json_object_get(json_object_get(json_object_get(spec, "components"), "schemas"), ref + sizeof prefix - 1);
    if (s == NULL)
        print_error("%s leads nowhere\n", ref);
    assert_non_null(s);
    return s;
}

static void
check_refs(json_t *v)
{
    const char *key;
    json_t *child;
    size_t i;

    if (json_is_object(v) && json_is_string(json_object_get(v, "$ref")))
        schema_named(json_string_value(json_object_get(v, "$ref")));
    json_object_foreach(v, key, child)
        check_refs(child);
    json_array_foreach(v, i, child)
        check_refs(child);
}

static bool
type_fits(const char *type, const json_t *v)
{
    return (strcmp(type, "string") == 0 && json_is_string(v)) || (strcmp(type, "integer") == 0 && json_is_integer(v)) ||
           (strcmp(type, "boolean") == 0 && json_is_boolean(v)) || (strcmp(type, "object") == 0 && json_is_object(v)) ||
           (strcmp(type, "array") == 0 && json_is_array(v)) || (strcmp(type, "null") == 0 && json_is_null(v));
}

/* As much of JSON Schema as the document uses. */
static void
check_fits(json_t *schema, json_t *v, const char *path)
{
    json_t *ref = json_object_get(schema, "$ref"), *type = json_object_get(schema, "type"), *one;
    json_t *properties, *more = json_object_get(schema, "additionalProperties");
    bool fits = json_is_string(type) && type_fits(json_string_value(type), v);
    char inner[256];
    const char *key;
    size_t i;

    if (ref != NULL) {
        check_fits(schema_named(json_string_value(ref)), v, path);
        return;
    }
    json_array_foreach(type, i, one)
        fits = fits || type_fits(json_string_value(one), v);
    if (!fits)
        print_error("%s does not fit its schema\n", path);
    assert_true(fits);
    json_array_foreach(json_object_get(schema, "required"), i, one)
        assert_non_null(json_object_get(v, json_string_value(one)));
    json_array_foreach(v, i, one) {
        snprintf(inner, sizeof inner, "%s[%zu]", path, i);
        check_fits(json_object_get(schema, "items"), one, inner);
    }
    properties = json_object_get(schema, "properties");
    json_object_foreach(v, key, one) {
        snprintf(inner, sizeof inner, "%s.%s", path, key);
        if (json_object_get(properties, key) != NULL)
            check_fits(json_object_get(properties, key), one, inner);
        else if (json_is_object(more))
            check_fits(more, one, inner);
        else
            assert_true(json_is_true(more));
    }
}

static void
check_operation(const char *path, const char *method, json_t *op)
{
    json_t *p;
    size_t i, in_path = 0;

    assert_true(json_is_string(json_object_get(op, "operationId")));
    assert_non_null(json_object_get(json_object_get(op, "responses"), "default"));
    assert_int_equal(json_object_size(json_object_get(op, "responses")), 2);
    json_array_foreach(json_object_get(op, "parameters"), i, p) {
        char variable[64];

        assert_non_null(json_object_get(p, "schema"));
        if (strcmp(json_string_value(json_object_get(p, "in")), "path") != 0)
            continue;
        in_path++;
        assert_true(json_is_true(json_object_get(p, "required")));
        snprintf(variable, sizeof variable, "{%s}", json_string_value(json_object_get(p, "name")));
        assert_non_null(strstr(path, variable));
    }
    assert_int_equal(in_path, strchr(path, '{') != NULL);
    assert_true(strcmp(method, "get") == 0 || strcmp(method, "post") == 0 || strcmp(method, "put") == 0 ||
                strcmp(method, "delete") == 0);
}

static void
openapi_is_whole(void **state)
{
    struct http_request *r = ask("GET", "/v1/openapi.json", NULL, NULL);
    json_t *ids = json_object(), *item, *op;
    const char *path, *method;
    size_t n, operations = 0;

    (void)state;
    spec = document(r);
    assert_string_equal(json_string_value(json_object_get(spec, "openapi")), "3.1.0");
    check_refs(spec);
    json_object_foreach(json_object_get(spec, "paths"), path, item)
        json_object_foreach(item, method, op) {
            check_operation(path, method, op);
            json_object_set_new(ids, json_string_value(json_object_get(op, "operationId")), json_true());
            operations++;
        }
    route_table(&n);
    assert_int_equal(operations, n);
    assert_int_equal(json_object_size(ids), n);            /* operation ids differ */
    json_decref(ids);
    json_decref(spec);
    fake_request_free(r);
}

/* What the routes answer is what the document says they do. */
static void
answers_fit_the_schemas(void **state)
{
    static const struct { const char *method, *target, *schema; } cases[] = {
        { "GET", "/v1/incidents", "IncidentList" },
        { "GET", "/v1/incidents/000000a1", "Incident" },
        { "POST", "/v1/incidents/000000a1/ack", "Incident" },
        { "GET", "/v1/alerts", "AlertList" },
        { "GET", "/v1/silences", "SilenceList" },
        { "GET", "/v1/silences/00000000-0000-0000-0000-000000000051", "Silence" },
        { "GET", "/v1/notifiers", "NotifierList" },
        { "GET", "/v1/collectors", "CollectorList" },
        { "GET", "/v1/version", "Version" },
        { "GET", "/-/ready", "Ready" },
        { "POST", "/-/reload", "Reloaded" },
        { "GET", "/v1/openapi.json", "Document" },
        { "GET", "/nowhere", "Problem" },
        { "GET", "/v1/incidents/x", "Problem" },
    };

    (void)state;
    everything_on();
    alerts[n_alerts++] = alert_row(7, "training", ALERT_FIRING);
    ledger[n_ledger++] = (struct delivery_row){ .target = "pd", .last_error = "", .vendor_ref = "" };
    events[n_events++] = (struct event_row){ .at = AT(0), .kind = "opened", .actor = "web", .text = "x" };
    spec = openapi_document();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request *r = ask(cases[i].method, cases[i].target, NULL, NULL);
        char ref[64];
        json_t *doc = document(r);

        snprintf(ref, sizeof ref, "#/components/schemas/%s", cases[i].schema);
        check_fits(schema_named(ref), doc, cases[i].target);
        json_decref(doc);
        fake_request_free(r);
    }
    json_decref(spec);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = { TEST(openapi_is_whole), TEST(answers_fit_the_schemas) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
