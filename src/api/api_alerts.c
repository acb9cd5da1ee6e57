/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/alerts: occurrences of alerts, the newest first. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#include "api/internal.h"
#include "base/err.h"

static const struct word statuses[] = {
    { "firing", 1u << ALERT_FIRING },
    { "resolved", 1u << ALERT_RESOLVED },
    { "dismissed", 1u << ALERT_DISMISSED },
    { "unknown", 1u << ALERT_UNKNOWN },
    { "dropped", 1u << ALERT_DROPPED },
    { NULL, 0 },
};

/* The cursor is a rowid. */
static enum tocsin_rc
read_cursor(struct call *c, int64_t *out, struct tocsin_err *err)
{
    const char *s;
    char *end;
    enum tocsin_rc rc = param_text(c, "cursor", API_Q_MAX, &s, err);

    if (rc != TOCSIN_OK || s == NULL)
        return rc;
    *out = isdigit((unsigned char)s[0]) ? strtoll(s, &end, 10) : 0;
    if (*out <= 0 || *end != '\0' || *out == INT64_MAX)
        return err_set(err, TOCSIN_MEANINGLESS, "query cursor", "not a cursor that this API gave: '%.40s'", s);
    return TOCSIN_OK;
}

void
handle_alert_list(struct call *c)
{
    struct store *store = c->api->deps->store;
    struct arena *arena = http_arena(c->req);
    struct alert_filter f = { 0 };
    struct alert_row *rows = NULL;
    struct tocsin_err err;
    size_t n = 0, limit;
    json_t *list, *next = NULL;
    enum tocsin_rc rc = param_text(c, "source", API_Q_MAX, &f.source, &err);

    if (rc == TOCSIN_OK)
        rc = param_words(c, "status", statuses, &f.states, &err);
    if (rc == TOCSIN_OK)
        rc = param_limit(c, &f.limit, &err);
    if (rc == TOCSIN_OK)
        rc = read_cursor(c, &f.before, &err);
    limit = f.limit++;
    if (rc == TOCSIN_OK)
        rc = store->ops->list_alerts(store, arena, &f, &rows, &n, &err);
    if (rc != TOCSIN_OK) {
        http_reply_problem(c->req, &err);
        return;
    }
    list = json_array();
    for (size_t i = 0; i < n && i < limit; i++)
        json_array_append_new(list, shape_alert(arena, &rows[i], false));
    next = n > limit ? json_sprintf("%" PRId64, rows[limit - 1].rowid) : json_null();
    http_reply_json(c->req, 200, json_pack("{s:o, s:o}", "alerts", list, "next", next));
}
