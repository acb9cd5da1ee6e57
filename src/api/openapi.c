/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/openapi.json: OpenAPI 3.1 from the route table and the schemas, so it cannot tell of what is not there. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "api/internal.h"

static json_t *
ref(const char *schema)
{
    if (strcmp(schema, "any") == 0)          /* described elsewhere */
        return json_object();
    return json_pack("{s:o}", "$ref", json_sprintf("#/components/schemas/%s", schema));
}

static json_t *
content(const char *type, json_t *schema)
{
    return json_pack("{s:{s:o}}", type, "schema", schema);
}

static json_t *
parameter(const char *name, const char *in, bool required, json_t *schema, const char *help)
{
    return json_pack("{s:s, s:s, s:b, s:o, s:s*}", "name", name, "in", in, "required", required, "schema", schema,
                     "description", help);
}

static json_t *
parameters(const struct route *r)
{
    const char *open = strchr(r->pattern, '{');
    json_t *list = json_array();
    char name[32];

    if (open != NULL) {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(open + 1, "}"), open + 1);
        json_array_append_new(list, parameter(name, "path", true, json_pack("{s:s}", "type", "string"), NULL));
    }
    for (const struct param *p = r->query; p != NULL && p->name != NULL; p++) {
        json_t *schema = strcmp(p->type, "limit") == 0
                             ? json_pack("{s:s, s:i, s:i, s:i}", "type", "integer", "minimum", 1, "maximum",
                                         API_LIMIT_MAX, "default", API_LIMIT_DEFAULT)
                             : json_pack("{s:s}", "type", "string");

        json_array_append_new(list, parameter(p->name, "query", false, schema, p->help));
    }
    return list;
}

static json_t *
responses(const struct route *r)
{
    json_t *answer = r->answer != NULL ? ref(r->answer) : json_pack("{s:s}", "type", "string");
    const char *type = r->type != NULL ? r->type : "application/json";
    json_t *out = json_object();
    char status[16];

    snprintf(status, sizeof status, "%d", r->status > 0 ? r->status : 200);
    json_object_set_new(out, status, json_pack("{s:s, s:o}", "description", r->summary, "content",
                                               content(type, answer)));
    json_object_set_new(out, "default", json_pack("{s:s, s:o}", "description", "What is wrong (RFC 9457)", "content",
                                                  content("application/problem+json", ref("Problem"))));
    return out;
}

static json_t *
operation(const struct route *r)
{
    json_t *op = json_pack("{s:s, s:s, s:o, s:o, s:s}", "operationId", r->id, "summary", r->summary, "parameters",
                           parameters(r), "responses", responses(r), "x-role", auth_role_name(r->role));

    if (r->body != NULL)
        json_object_set_new(op, "requestBody",
                            json_pack("{s:b, s:o}", "required", strcmp(r->body, "Action") != 0, "content",
                                      content("application/json", ref(r->body))));
    if (r->role == ROLE_NONE)
        json_object_set_new(op, "security", json_array());
    return op;
}

json_t *
openapi_document(void)
{
    json_t *paths = json_object();
    size_t n;
    const struct route *routes = route_table(&n);

    for (size_t i = 0; i < n; i++) {
        json_t *item = json_object_get(paths, routes[i].pattern);
        char method[8];

        if (item == NULL) {
            item = json_object();
            json_object_set_new(paths, routes[i].pattern, item);
        }
        snprintf(method, sizeof method, "%s", routes[i].method);
        for (char *p = method; *p != '\0'; p++)
            *p = (char)tolower((unsigned char)*p);
        json_object_set_new(item, method, operation(&routes[i]));
    }
    return json_pack("{s:s, s:{s:s, s:s, s:s}, s:[{s:[]}], s:o, s:{s:{s:{s:s, s:s}}, s:o}}", "openapi", "3.1.0", "info",
                     "title", "tocsin", "version", TOCSIN_VERSION, "description",
                     "Incidents, alerts and the ways in and out of tocsin", "security", "bearer", "paths", paths,
                     "components", "securitySchemes", "bearer", "type", "http", "scheme", "bearer", "schemas",
                     schema_all());
}
