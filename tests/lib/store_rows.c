/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/store_rows.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "store/row_fields.h"

/* --- rows --------------------------------------------------------------------- */

struct id16
id_of(const char *kind, unsigned n)
{
    char text[16];
    const char *const parts[] = { kind, text };

    snprintf(text, sizeof text, "%u", n);
    return id_hash(parts, 2);
}

struct alert_row
make_alert(struct arena *a, unsigned n, int64_t now)
{
    char *body = arena_printf(a, "%c\x01 body of %u \xff, at %" PRId64, 0, n, now);

    body[0] = '\0';                            /* bytes, not text */
    return (struct alert_row){
        .key = id_of("key", n), .digest = 0xfedcba9800000000u + n, .first_at = now, .last_at = now,
        .starts_at = now - 5000, .ends_at = 0, .expires_at = now + 60000 + n, .count = 1, .state = ALERT_FIRING,
        .severity = (uint8_t)(1 + n % 4), .suppressed = n % 5 == 0, .source = n % 2 ? "azure" : "grafana",
        .dedup_key = arena_printf(a, "disk full on host-%u", n), .body = body, .body_len = 24,
    };
}

struct incident_row
make_incident(struct arena *a, struct idgen *ids, unsigned group, int64_t now)
{
    return (struct incident_row){
        .id = idgen_uuid7(ids, now), .group = id_of("group", group), .policy = id_of("policy", group % 3),
        .state = TOCSIN_INC_TRIGGERED, .severity = (uint8_t)(1 + group % 4), .paging = true, .routed = group % 2 == 0,
        .step = 1, .loop = 2, .ver = 3, .page = 4, .notes = 0, .episode = 1, .n_total = 6,
        .n_firing = { 10, 11, 12, 13, 14 }, .n_quiet = 7, .opened_at = now, .updated_at = now + 1,
        .snoozed_until = now + 2, .esc_start = now + 3, .paused_at = now + 4, .next_due = now + 30000 + group,
        .group_key = arena_printf(a, "cluster=berlin, group=%u", group),
        .summary = arena_printf(a, "Node %u is gone \xc3\xa4", group), .source = group % 2 ? "azure" : "grafana",
        .policy_name = "ml-oncall", .acked_by = "", .resolved_by = "",
        .suppressed_by = group % 4 == 1 ? "rule 'x' (rules/50-dev.cfg:3)" : "", .notify = "pd\nvo",
    };
}

struct own_row
make_own(unsigned n, const struct alert_row *alert)
{
    return (struct own_row){ .own = id_of("own", n), .key = alert->key, .alert = alert->rowid, .starts_at = 1000 + n,
                             .digest = 0xfedcba9800000000u + n, .severity = (uint8_t)(1 + n % 4),
                             .by = 0xabcdef0000000000u + n, .firing = true };
}

struct delivery_row
make_delivery(struct arena *a, const struct id16 *incident, const char *target, int64_t now)
{
    return (struct delivery_row){
        .incident = *incident, .target = arena_strdup(a, target), .told = TOLD_MAYBE, .state = DELIVERY_PENDING,
        .step = (uint16_t)(target[0] == 'p' ? 0 : STEP_NONE), .want_page = 1, .told_page = 2, .told_ver = 3,
        .told_notes = 4, .refused_change = 5, .refused_ver = 6, .refused_page = 7, .attempts = 8, .sends = 9,
        .due_at = now + 10, .failing_since = now + 11, .told_at = now + 12, .last_error = "connection refused",
        .vendor_ref = "Q1234",
    };
}

struct event_row
make_event(struct arena *a, const struct id16 *incident, const char *kind, unsigned n, int64_t now)
{
    return (struct event_row){ .at = now, .incident = *incident, .kind = kind, .actor = "anna",
                               .text = arena_printf(a, "line %u", n) };
}

/* --- sets of rows ------------------------------------------------------------- */

void
rowset_init(struct rowset *s)
{
    memset(s, 0, sizeof *s);
    s->ws.alerts = s->alerts;
    s->ws.owns = s->owns;
    s->ws.incidents = s->incidents;
    s->ws.deliveries = s->deliveries;
    s->ws.events = s->events;
    s->ws.policies = s->policies;
}

void
rowset_alert(struct rowset *s, struct arena *a, const struct alert_row *row, bool lazy)
{
    s->alerts[s->ws.n_alerts++] = (struct alert_write){ arena_memdup(a, row, sizeof *row), lazy };
}

void
rowset_own(struct rowset *s, struct arena *a, const struct own_row *row, const struct alert_row *stored)
{
    s->owns[s->ws.n_owns++] = (struct own_write){
        arena_memdup(a, row, sizeof *row), stored != NULL ? stored : s->alerts[s->ws.n_alerts - 1].row };
}

void
rowset_incident(struct rowset *s, struct arena *a, const struct incident_row *row)
{
    s->incidents[s->ws.n_incidents++] = arena_memdup(a, row, sizeof *row);
}

void
rowset_delivery(struct rowset *s, struct arena *a, const struct delivery_row *row)
{
    s->deliveries[s->ws.n_deliveries++] = arena_memdup(a, row, sizeof *row);
}

void
rowset_event(struct rowset *s, const struct event_row *row)
{
    s->events[s->ws.n_events++] = *row;
}

enum tocsin_rc
store_put(struct store *s, struct rowset *rows, struct tocsin_err *err)
{
    enum tocsin_rc rc = s->ops->begin(s, err);

    if (rc != TOCSIN_OK)
        return rc;
    rc = s->ops->write(s, &rows->ws, err);
    if (rc == TOCSIN_OK)
        return s->ops->commit(s, err);
    s->ops->rollback(s);
    return rc;
}

/* --- dumps -------------------------------------------------------------------- */

static void
add_id(struct buf *out, const char *name, const struct id16 *id)
{
    char text[ID_TEXT];

    buf_addf(out, " %s=%s", name, id_is_zero(id) ? "-" : id_format(id, text));
}

#define ADD_INT(f) buf_addf(out, " " #f "=%" PRId64, (int64_t)row->f);
#define ADD_TEXT(f) buf_addf(out, " " #f "='%s'", row->f != NULL ? row->f : "(null)");

static void
add_alert(struct buf *out, const struct alert_row *row)
{
    buf_add(out, "  alert");
    add_id(out, "key", &row->key);
    add_id(out, "incident", &row->incident);
    ADD_INT(rowid)
    ADD_INT(state)
    ALERT_INTS(ADD_INT)
    ADD_TEXT(source)
    ADD_TEXT(dedup_key)
    buf_addf(out, " body=%zu:", row->body_len);
    for (size_t i = 0; i < row->body_len; i++)
        buf_addf(out, "%02x", ((const unsigned char *)row->body)[i]);
    buf_add(out, "\n");
}

static void
add_incident(struct buf *out, const struct incident_row *row)
{
    buf_add(out, "incident");
    add_id(out, "id", &row->id);
    add_id(out, "group", &row->group);
    add_id(out, "policy", &row->policy);
    ADD_INT(episode)
    INCIDENT_INTS(ADD_INT)
    INCIDENT_TEXTS(ADD_TEXT)
    buf_add(out, "\n");
}

static void
add_delivery(struct buf *out, const struct delivery_row *row)
{
    buf_add(out, "  delivery");
    add_id(out, "incident", &row->incident);
    ADD_TEXT(target)
    DELIVERY_INTS(ADD_INT)
    DELIVERY_TEXTS(ADD_TEXT)
    buf_add(out, "\n");
}

static void
add_event(struct buf *out, const struct event_row *row)
{
    buf_add(out, "  event");
    add_id(out, "incident", &row->incident);
    ADD_INT(at)
    ADD_TEXT(kind)
    ADD_TEXT(actor)
    ADD_TEXT(text)
    buf_add(out, "\n");
}

static void
add_silence(struct buf *out, const struct silence_row *row)
{
    buf_add(out, "silence");
    add_id(out, "id", &row->id);
    ADD_INT(phase)
    ADD_INT(starts_at)
    ADD_INT(ends_at)
    ADD_INT(updated_at)
    ADD_INT(next_due)
    ADD_INT(sweep)
    ADD_TEXT(matchers)
    ADD_TEXT(created_by)
    ADD_TEXT(comment)
    ADD_TEXT(annotations)
    buf_add(out, "\n");
}

static void
must(enum tocsin_rc rc, const struct tocsin_err *err)
{
    if (rc == TOCSIN_OK)
        return;
    fprintf(stderr, "store: %s\n", err->what);
    abort();
}

static void
dump_detail(struct store *s, struct arena *a, const struct id16 *id, struct buf *out)
{
    struct incident_detail d;
    struct event_row *notes;
    struct tocsin_err err;
    size_t n;

    must(s->ops->get_incident(s, a, id, 5, 7, &d, &err), &err);
    add_incident(out, &d.row);
    for (size_t i = 0; i < d.n_alerts; i++)
        add_alert(out, &d.alerts[i]);
    for (size_t i = 0; i < d.n_deliveries; i++) {
        struct incident_detail one;

        must(s->ops->get_delivery(s, a, id, d.deliveries[i].target, 2, &one, &err), &err);
        buf_addf(out, "  %zu alerts with", one.n_alerts);
        add_delivery(out, &one.deliveries[0]);
    }
    for (size_t i = 0; i < d.n_events; i++)
        add_event(out, &d.events[i]);
    must(s->ops->get_notes(s, a, id, 1, &notes, &n, &err), &err);
    for (size_t i = 0; i < n; i++)
        add_event(out, &notes[i]);
}

void
store_dump(struct store *s, struct buf *out)
{
    struct arena *a = arena_new();
    struct alert_filter alerts = { .limit = 7 };
    struct incident_filter incidents = { .limit = 3, .states = INCIDENT_DELAYED | 1u << TOCSIN_INC_TRIGGERED |
                                                                1u << TOCSIN_INC_ACKNOWLEDGED |
                                                                1u << TOCSIN_INC_RESOLVED };
    struct silence_row *silences;
    struct incident_row *inc;
    struct alert_row *al;
    struct pending *p;
    struct tocsin_err err;
    size_t n;

    do {                                       /* page by page, so that cursors are used */
        must(s->ops->list_incidents(s, a, &incidents, &inc, &n, &err), &err);
        for (size_t i = 0; i < n; i++) {
            add_incident(out, &inc[i]);
            dump_detail(s, a, &inc[i].id, out);
        }
        incidents.before = n > 0 ? &inc[n - 1].id : NULL;
    } while (n == incidents.limit);
    do {
        must(s->ops->list_alerts(s, a, &alerts, &al, &n, &err), &err);
        for (size_t i = 0; i < n; i++)
            add_alert(out, &al[i]);
        alerts.before = n > 0 ? al[n - 1].rowid : 0;
    } while (n == alerts.limit);
    must(s->ops->pending(s, a, &p, &n, &err), &err);
    for (size_t i = 0; i < n; i++)
        buf_addf(out, "pending %s %" PRId64 "\n", p[i].target, p[i].due_at);
    must(s->ops->list_silences(s, a, &silences, &n, &err), &err);
    for (size_t i = 0; i < n; i++)
        add_silence(out, &silences[i]);
    arena_free(a);
}

static int
by_own(const void *x, const void *y)
{
    const struct own_row *a = x, *b = y;
    int d = id_cmp(&a->own, &b->own);

    return d != 0 ? d : a->alert < b->alert ? -1 : a->alert > b->alert;
}

/* Of each own key the open alerts under which it fires, and all that it ever was under. */
static void
dump_owns(struct store *s, struct arena *a, struct buf *out)
{
    struct id16 owns[LIFE_OWNS];
    struct own_row *rows;
    struct tocsin_err err;
    size_t n;

    for (unsigned i = 0; i < LIFE_OWNS; i++)
        owns[i] = id_of("own", i);
    must(s->ops->load_owns(s, a, owns, LIFE_OWNS, &rows, &n, &err), &err);
    if (s->ops->has_owns(s) != (n > 0))
        buf_add(out, "has_owns is wrong\n");
    qsort(rows, n, sizeof *rows, by_own);
    for (size_t i = 0; i < n; i++) {
        const struct own_row *row = &rows[i];

        buf_add(out, "own");
        add_id(out, "own", &row->own);
        add_id(out, "key", &row->key);
        OWN_INTS(ADD_INT)
        buf_add(out, "\n");
    }
    for (unsigned i = 0; i < LIFE_OWNS; i++) {
        struct alert_filter f = { .key = &owns[i], .own = true, .limit = 100 };
        struct alert_row *alerts;

        must(s->ops->list_alerts(s, a, &f, &alerts, &n, &err), &err);
        for (size_t k = 0; k < n; k++)
            buf_addf(out, "own %u is of alert %" PRId64 "\n", i, alerts[k].rowid);
    }
}

static void
dump_open(struct store *s, struct arena *a, const struct incident_row *row, struct buf *out)
{
    struct delivery_row *d;
    struct alert_row *m;
    struct tocsin_err err;
    size_t n;

    add_incident(out, row);
    must(s->ops->load_deliveries(s, a, &row->id, &d, &n, &err), &err);
    for (size_t i = 0; i < n; i++)
        add_delivery(out, &d[i]);
    must(s->ops->load_members(s, a, &row->id, &m, &n, &err), &err);
    for (size_t i = 0; i < n; i++)
        add_alert(out, &m[i]);
}

static void
dump_due(struct store *s, int64_t now, struct buf *out)
{
    struct id16 ids[64];
    struct tocsin_err err;
    size_t n;

    must(s->ops->due_incidents(s, now, ids, 64, &n, &err), &err);
    for (size_t i = 0; i < n; i++)
        add_id(out, "due", &ids[i]);
    must(s->ops->due_alerts(s, now, ids, 5, &n, &err), &err);
    for (size_t i = 0; i < n; i++)
        add_id(out, "due", &ids[i]);
    must(s->ops->due_silences(s, now, ids, 64, &n, &err), &err);
    for (size_t i = 0; i < n; i++)
        add_id(out, "due", &ids[i]);
    buf_addf(out, " next=%" PRId64 "\n", s->ops->next_due(s));
}

void
store_dump_loads(struct store *s, unsigned n_keys, unsigned n_groups, int64_t now, struct buf *out)
{
    struct arena *a = arena_new();
    struct silence_row *silences;
    struct tocsin_err err;
    struct store_stats st;
    size_t n;

    for (unsigned k = 0; k < n_keys; k++) {
        struct id16 key = id_of("key", k);
        struct alert_row row;

        must(s->ops->load_alerts(s, &key, 1, &row, &err), &err);
        add_alert(out, &row);
    }
    for (unsigned g = 0; g < n_groups; g++) {
        struct id16 group = id_of("group", g);
        struct incident_row row;
        uint32_t episodes;
        bool found;

        must(s->ops->episodes(s, &group, &episodes, &err), &err);
        buf_addf(out, "episodes %u\n", episodes);
        must(s->ops->load_groups(s, a, &group, 1, &row, &found, &err), &err);
        if (found)
            dump_open(s, a, &row, out);
    }
    must(s->ops->load_silences(s, a, &silences, &n, &err), &err);
    for (size_t i = 0; i < n; i++)
        add_silence(out, &silences[i]);
    dump_owns(s, a, out);
    dump_due(s, now, out);
    dump_due(s, INT64_MAX, out);
    must(s->ops->stats(s, &st, &err), &err);
    buf_addf(out, "open %" PRIu64 " %" PRIu64 " %" PRIu64 " alerts %" PRIu64 " exhausted %" PRIu64, st.open_incidents,
             st.triggered, st.acknowledged, st.open_alerts, st.exhausted);
    buf_addf(out, " silences %" PRIu64 " %" PRIu64 " %" PRIu64, st.silences[SILENCE_PENDING],
             st.silences[SILENCE_ACTIVE], st.silences[SILENCE_EXPIRED]);
    buf_addf(out, " pending %" PRIu64 " failing %" PRIu64 " oldest %" PRId64 " lazy %" PRIu64 "\n",
             st.pending_deliveries, st.failing_deliveries, st.oldest_pending_at, st.lazy_unflushed);
    arena_free(a);
}

/* --- folders ------------------------------------------------------------------ */

char *
test_dir_make(void)
{
    const char *tmp = getenv("TMPDIR");
    char *path = xasprintf("%s/tocsin-store-XXXXXX", tmp != NULL ? tmp : "/tmp");

    if (mkdtemp(path) == NULL)
        abort();
    return path;
}

void
test_dir_remove(char *path)
{
    DIR *d = opendir(path);
    const struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL) {
        char *name = xasprintf("%s/%s", path, e->d_name);

        unlink(name);
        free(name);
    }
    if (d != NULL)
        closedir(d);
    rmdir(path);
    free(path);
}
