/* SPDX-License-Identifier: Apache-2.0 */
/*
 * product.c - what Filebeat, Logstash and others ask before they send: is this
 * Elasticsearch, which version, which licence, are template and lifecycle
 * policy there.  The answers say that all is in place, so that they go on.
 */
#include <string.h>

#include "bulk.h"

#define UUID "AAAAAAAAAAAAAAAAAAAAAA"

void
bulk_reply(const struct tocsin_host *host, struct tocsin_call *call, int status, json_t *doc)
{
    host->reply_header(call, "X-Elastic-Product", "Elasticsearch");
    host->reply_json(call, status, doc);
}

static json_t *
info(const char *version)
{
    return json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s}, s:s}", "name", "tocsin",
                     "cluster_name", "tocsin", "cluster_uuid", UUID, "version", "number", version, "build_flavor",
                     "default", "build_type", "docker", "build_hash", "0000000000000000000000000000000000000000",
                     "build_date", "2024-01-01T00:00:00.000000000Z", "build_snapshot", 0, "lucene_version", "9.10.0",
                     "minimum_wire_compatibility_version", "7.17.0", "minimum_index_compatibility_version", "7.0.0",
                     "tagline", "You Know, for Search");
}

static json_t *
licence(void)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i}", "status", "active", "uid",
                     "00000000-0000-0000-0000-000000000000", "type", "basic", "mode", "basic", "issued_to", "tocsin",
                     "issuer", "elasticsearch", "start_date_in_millis", -1);
}

static const char *
name_of(const struct tocsin_call *call)
{
    return call->n_path > 0 ? call->path[0].value : "";
}

void
bulk_product(const struct tocsin_host *host, struct tocsin_call *call, const char *version)
{
    json_t *doc;

    switch (call->route) {
    case INFO:
        doc = info(version);
        break;
    case LICENSE:
        doc = json_pack("{s:o}", "license", licence());
        break;
    case XPACK:
        doc = json_pack("{s:o, s:{s:{s:b, s:b}, s:{s:b, s:b}}, s:s}", "license", licence(), "features", "ilm",
                        "available", 1, "enabled", 1, "security", "available", 1, "enabled", 1, "tagline",
                        "You know, for X");
        break;
    case SETTING_PUT:
        doc = json_pack("{s:b}", "acknowledged", 1);
        break;
    default:                       /* it is there: nobody reads what is in it */
        doc = json_pack("{s:{}}", name_of(call));
        break;
    }
    bulk_reply(host, call, 200, doc);
}
