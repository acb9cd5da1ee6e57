/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_conn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

#define ALERT_COLUMNS \
    "a.id, a.key, a.incident, a.state, a.count, a.last_at, a.expires_at, a.digest, a.first_at, a.starts_at, " \
    "a.ends_at, a.severity, a.suppressed, a.own_mode, a.n_own"
#define ALERT_TEXT ALERT_COLUMNS ", t.source, t.dedup_key, t.body from alert a join alert_text t on t.id = a.id "
#define INCIDENT_COLUMNS \
    "id, grp, policy, episode, state, severity, paging, exhausted, routed, step, loop, ver, page, notes, n_total, " \
    "n_firing_none, n_firing_info, n_firing_warning, n_firing_error, n_firing_critical, n_quiet, opened_at, " \
    "acked_at, resolved_at, updated_at, snoozed_until, esc_start, paused_at, next_due, group_key, summary, source, " \
    "policy_name, acked_by, resolved_by, suppressed_by, notify"
#define INCIDENT_SET \
    "policy = ?3, state = ?5, severity = ?6, paging = ?7, exhausted = ?8, routed = ?9, step = ?10, loop = ?11, " \
    "ver = ?12, page = ?13, notes = ?14, n_total = ?15, n_firing_none = ?16, n_firing_info = ?17, " \
    "n_firing_warning = ?18, n_firing_error = ?19, n_firing_critical = ?20, n_quiet = ?21, opened_at = ?22, " \
    "acked_at = ?23, resolved_at = ?24, updated_at = ?25, snoozed_until = ?26, esc_start = ?27, paused_at = ?28, " \
    "next_due = ?29, group_key = ?30, summary = ?31, source = ?32, policy_name = ?33, acked_by = ?34, " \
    "resolved_by = ?35, suppressed_by = ?36, notify = ?37"
#define DELIVERY_COLUMNS \
    "incident, target, told, state, step, want_page, told_page, told_ver, told_notes, refused_change, refused_ver, " \
    "refused_page, attempts, sends, due_at, failing_since, told_at, last_error, vendor_ref"

static const char *const texts[N_STATEMENTS] = {
    [ST_BEGIN] = "begin",
    [ST_BEGIN_WRITE] = "begin immediate",
    [ST_COMMIT] = "commit",
    [ST_ROLLBACK] = "rollback",

    [ST_ALERT_INSERT] = "insert into alert values (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15)",
    [ST_ALERT_TEXT_INSERT] = "insert into alert_text values (?1,?2,?3,?4)",
    /* without incident and state where they stay as they are: three indexes are left alone */
    [ST_ALERT_UPDATE] = "update alert set count = ?5, last_at = ?6, expires_at = ?7, digest = ?8, first_at = ?9, "
                        "starts_at = ?10, ends_at = ?11, severity = ?12, suppressed = ?13, own_mode = ?14, "
                        "n_own = ?15 where id = ?1",
    [ST_ALERT_MOVE] = "update alert set incident = ?3, state = ?4, count = ?5, last_at = ?6, expires_at = ?7, "
                      "digest = ?8, first_at = ?9, starts_at = ?10, ends_at = ?11, severity = ?12, suppressed = ?13, "
                      "own_mode = ?14, n_own = ?15 where id = ?1",
    [ST_ALERT_BODY] = "update alert_text set body = ?2 where id = ?1",
    [ST_OWN_PUT] = "insert into alert_own (own, alert, firing, starts_at, digest, severity, made_by) "
                   "values (?1,?2,?3,?4,?5,?6,?7) on conflict (own, alert) do update set firing = ?3, starts_at = ?4, "
                   "digest = ?5, severity = ?6, made_by = ?7",
    [ST_OWN_OVER] = "update alert_own set firing = 0 where alert = ?1 and firing = 1",
    [ST_OWN_OF] = "select alert from alert_own where own = ?1 order by alert",
    [ST_LOAD_OWNS] = "select o.own, o.alert, o.firing, o.starts_at, o.digest, o.severity, o.made_by, a.key "
                     "from alert_own o indexed by alert_own_open join alert a on a.id = o.alert where o.firing = 1",
    [ST_DROP_OWNS] = "delete from alert_own where alert in (select id from alert where incident = ?1 and "
                     "incident <> x'' order by id limit ?2)",
    [ST_DROP_OWN] = "delete from alert_own where alert = ?1",
    [ST_ALERT_COUNT] = "update alert set count = ?2, last_at = ?3, expires_at = ?4 where id = ?1",
    [ST_INCIDENT_PUT] = "insert into incident values (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,"
                        "?19,?20,?21,?22,?23,?24,?25,?26,?27,?28,?29,?30,?31,?32,?33,?34,?35,?36,?37) "
                        "on conflict (id) do update set " INCIDENT_SET,
    [ST_INCIDENT_EPISODE] = "update incident set episode = ?2 where id = ?1 and episode <> ?2",
    [ST_DELIVERY_PUT] = "replace into delivery values (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,"
                        "?18,?19)",
    [ST_EVENT_INSERT] = "insert into event (incident, at, kind, actor, text) values (?1,?2,?3,?4,?5)",
    [ST_POLICY_INSERT] = "insert or ignore into policy values (?1,?2)",

    [ST_INCIDENT_GET] = "select " INCIDENT_COLUMNS " from incident where id = ?1",
    [ST_INCIDENT_EPISODES] = "select max(episode) from incident where grp = ?1 and state = 3",
    [ST_INCIDENT_LIST] = "select " INCIDENT_COLUMNS " from incident where id < ?1 order by id desc",
    [ST_INCIDENT_LIST_OPEN] = "select " INCIDENT_COLUMNS " from incident indexed by incident_open "
                              "where state <> 3 and id < ?1 order by id desc",
    [ST_DELIVERIES_GET] = "select " DELIVERY_COLUMNS " from delivery where incident = ?1",
    [ST_DELIVERY_GET] = "select " DELIVERY_COLUMNS " from delivery where incident = ?1 and target = ?2",
    [ST_DELIVERY_PENDING] = "select incident, target, due_at from delivery indexed by delivery_due "
                            "where due_at <> 0 or state = 3 "
                            "order by due_at, incident, target",
    [ST_POLICY_GET] = "select body from policy where id = ?1",

    [ST_ALERT_LIST] = "select " ALERT_TEXT "where a.id < ?1 order by a.id desc",
    [ST_ALERT_LIST_OPEN] = "select " ALERT_COLUMNS ", t.source, t.dedup_key, t.body from alert a indexed by alert_open "
                           "join alert_text t on t.id = a.id where a.state in (1, 3, 5) and a.id < ?1 "
                           "order by a.id desc",
    [ST_ALERTS_OF] = "select " ALERT_TEXT "where a.incident = ?1 and a.incident <> x'' order by a.id desc limit ?2",
    [ST_EVENTS_OF] = "select incident, at, kind, actor, text from (select * from event where incident = ?1 and "
                     "incident <> x'' order by id desc limit ?2) order by id",
    [ST_NOTES_OF] = "select incident, at, kind, actor, text from event where incident = ?1 and incident <> x'' and "
                    "kind = 'note' order by id limit -1 offset ?2",

    [ST_LOAD_INCIDENTS] = "select " INCIDENT_COLUMNS " from incident indexed by incident_open where state <> 3",
    [ST_LOAD_DELIVERIES] = "select " DELIVERY_COLUMNS " from delivery where incident in "
                           "(select id from incident indexed by incident_open where state <> 3)",
    [ST_LOAD_ALERTS] = "select " ALERT_COLUMNS " from alert a indexed by alert_open where a.state in (1, 3, 5)",
    [ST_LOAD_DUE] = "select incident from delivery indexed by delivery_due where due_at <> 0",
    [ST_MAX_ALERT] = "select max(id) from alert",
    [ST_MAX_INCIDENT] = "select max(id) from incident",

    [ST_OLD_INCIDENT] = "select id, state, opened_at, resolved_at from incident where id > ?1 order by id limit 1",
    [ST_ORPHAN_ALERT] = "select id, first_at, last_at, state in (1, 3, 5) from alert where incident = x'' and id > ?1 "
                        "order by id limit 1",
    [ST_ORPHAN_EVENT] = "select id, at, at, 0 from event where incident = x'' and id > ?1 order by id limit 1",
    [ST_DROP_ALERT_TEXTS] = "delete from alert_text where id in (select id from alert where incident = ?1 and "
                            "incident <> x'' order by id limit ?2)",
    [ST_DROP_ALERTS] = "delete from alert where id in (select id from alert where incident = ?1 and incident <> x'' "
                       "order by id limit ?2)",
    [ST_DROP_EVENTS] = "delete from event where id in (select id from event where incident = ?1 and incident <> x'' "
                       "order by id limit ?2)",
    [ST_DROP_DELIVERIES] = "delete from delivery where incident = ?1 and target in (select target from delivery "
                           "where incident = ?1 order by target limit ?2)",
    [ST_DROP_INCIDENT] = "delete from incident where id = ?1",
    [ST_DROP_ALERT] = "delete from alert where id = ?1",
    [ST_DROP_ALERT_TEXT] = "delete from alert_text where id = ?1",
    [ST_DROP_EVENT] = "delete from event where id = ?1",
    [ST_VACUUM] = "pragma incremental_vacuum(256)",

    [ST_SILENCE_PUT] = "replace into silence values (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)",
    [ST_SILENCE_LIST] = "select id, phase, starts_at, ends_at, updated_at, next_due, sweep, matchers, created_by, "
                        "comment, annotations from silence where id > x'' order by id",
    [ST_DROP_SILENCE] = "delete from silence where id = ?1",
    [ST_FIRING] = "select " ALERT_COLUMNS ", t.source, t.dedup_key, t.body from alert a indexed by alert_open "
                  "join alert_text t on t.id = a.id where a.state in (1, 3, 5) and a.state = 1 and a.id < ?1 "
                  "order by a.id desc limit ?2",
    [ST_FIRING_HELD] = "select " ALERT_COLUMNS ", t.source, t.dedup_key, t.body from alert a indexed by "
                       "alert_silenced join alert_text t on t.id = a.id where a.state = 1 and a.suppressed > 1 and "
                       "a.id < ?1 order by a.id desc limit ?2",
    [ST_OUTBOX_INSERT] = "insert into outbox values (?1,?2,?3,?4,?5,?6,?7)",
    [ST_OUTBOX_DELETE] = "delete from outbox where id = ?1",
    [ST_OUTBOX_LIST] = "select id, kind, created_at, collector, what, url, length(body) from outbox where id > 0 "
                       "order by id",
    [ST_OUTBOX_GET] = "select id, kind, created_at, collector, what, url, length(body), body from outbox where id = ?1",
    [ST_OUTBOX_LAST] = "select max(id) from outbox",
};

/* --- errors ------------------------------------------------------------------- */

/*
 * Only the file system's "no space" leaves the database as it was; any other failure of reading, writing or
 * syncing means that memory and disk may differ from now on.  A full disk can also show as a failure to grow
 * the shared-memory file.
 */
static enum tocsin_rc
kind_of(sqlite3 *db, int code)
{
    int sys = sqlite3_system_errno(db);
    bool no_space = sys == ENOSPC || sys == EDQUOT || sys == EFBIG;

    switch (code & 0xff) {
    case SQLITE_FULL:
        return TOCSIN_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_INTERRUPT:
        return TOCSIN_TEMPORARY;
    case SQLITE_IOERR:
        if (no_space && (code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_SHMSIZE))
            return TOCSIN_FULL;
        return code == SQLITE_IOERR_NOMEM ? TOCSIN_TEMPORARY : TOCSIN_FATAL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
        return TOCSIN_FATAL;
    default:
        return TOCSIN_INTERNAL;
    }
}

enum tocsin_rc
conn_kind(struct conn *c)
{
    return kind_of(c->db, sqlite3_extended_errcode(c->db));
}

enum tocsin_rc
conn_error(struct conn *c, const char *doing, struct tocsin_err *err)
{
    int code = sqlite3_extended_errcode(c->db);
    enum tocsin_rc rc = kind_of(c->db, code);

    err_set(err, rc, "", "database '%s': %s: %s (code %d)", c->path, doing, sqlite3_errmsg(c->db), code);
    if (err != NULL)
        err->sys_errno = sqlite3_system_errno(c->db);
    return rc;
}

/* --- opening ------------------------------------------------------------------ */

enum tocsin_rc
conn_exec(struct conn *c, const char *sql, struct tocsin_err *err)
{
    return sqlite3_exec(c->db, sql, NULL, NULL, NULL) == SQLITE_OK ? TOCSIN_OK : conn_error(c, sql, err);
}

/*
 * mmap_size=0: an I/O error under mmap is a SIGBUS.  No automatic checkpoints: they would run inside a commit.
 * A writer waits for nobody: readers do not hold the lock that it needs.  Plans do not depend on what is bound
 * (QPSG): else statements that could use a partial index are compiled anew for each value.
 */
static enum tocsin_rc
configure(struct conn *c, const struct conn_options *o, struct tocsin_err *err)
{
    char sql[512];
    int got;

    sqlite3_extended_result_codes(c->db, 1);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, &got);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, &got);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_ENABLE_QPSG, 1, &got);
    sqlite3_busy_timeout(c->db, o->writer ? 1000 : 5000);
    snprintf(sql, sizeof sql,
             "pragma mmap_size=0; pragma temp_store=memory; pragma foreign_keys=on; pragma cache_size=-%d; "
             "pragma synchronous=%s; %s",
             o->cache_kib, o->synchronous != NULL ? o->synchronous : "full",
             o->writer ? "pragma auto_vacuum=incremental; pragma journal_mode=wal; pragma wal_autocheckpoint=0"
                       : "pragma query_only=on");
    return conn_exec(c, sql, err);
}

enum tocsin_rc
conn_open(struct conn *c, const struct conn_options *o, struct tocsin_err *err)
{
    enum tocsin_rc rc;

    memset(c, 0, sizeof *c);
    c->path = o->path;
    if (sqlite3_open_v2(o->path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, o->vfs) !=
        SQLITE_OK)
        rc = c->db != NULL ? conn_error(c, "open", err)
                           : err_set(err, TOCSIN_FATAL, "", "cannot open database '%s': out of memory", o->path);
    else
        rc = configure(c, o, err);
    if (rc != TOCSIN_OK)
        conn_close(c);
    return rc;
}

void
conn_close(struct conn *c)
{
    for (int i = 0; i < N_STATEMENTS; i++)
        sqlite3_finalize(c->st[i]);
    sqlite3_close(c->db);
    memset(c, 0, sizeof *c);
}

/* --- statements --------------------------------------------------------------- */

sqlite3_stmt *
conn_take(struct conn *c, enum statement which, struct tocsin_err *err)
{
    if (c->st[which] == NULL &&
        sqlite3_prepare_v3(c->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, &c->st[which], NULL) != SQLITE_OK)
        conn_error(c, texts[which], err);
    return c->st[which];
}

enum tocsin_rc
conn_step(struct conn *c, sqlite3_stmt *st, bool *row_r, struct tocsin_err *err)
{
    enum tocsin_rc rc = TOCSIN_OK;
    int code = sqlite3_step(st);

    *row_r = code == SQLITE_ROW;
    if (code == SQLITE_ROW)
        return TOCSIN_OK;
    if (code != SQLITE_DONE) {
        char doing[32];

        snprintf(doing, sizeof doing, "%.24s", sqlite3_sql(st));
        rc = conn_error(c, doing, err);
    }
    sqlite3_reset(st);
    return rc;
}

enum tocsin_rc
conn_run(struct conn *c, sqlite3_stmt *st, struct tocsin_err *err)
{
    bool row;
    enum tocsin_rc rc = conn_step(c, st, &row, err);

    if (row)
        sqlite3_reset(st);
    return rc;
}

enum tocsin_rc
conn_do(struct conn *c, enum statement which, struct tocsin_err *err)
{
    sqlite3_stmt *st = conn_take(c, which, err);

    return st != NULL ? conn_run(c, st, err) : conn_kind(c);
}

void
conn_done(sqlite3_stmt *st)
{
    if (st != NULL)
        sqlite3_reset(st);
}

/* --- values ------------------------------------------------------------------- */

void
bind_id(sqlite3_stmt *st, int n, const struct id16 *id)
{
    sqlite3_bind_blob(st, n, id->b, id_is_zero(id) ? 0 : (int)sizeof id->b, SQLITE_STATIC);
}

struct id16
column_id(sqlite3_stmt *st, int n)
{
    struct id16 id = { { 0 } };

    if (sqlite3_column_bytes(st, n) == (int)sizeof id.b)
        memcpy(id.b, sqlite3_column_blob(st, n), sizeof id.b);
    return id;
}

const char *
column_text(sqlite3_stmt *st, int n, struct arena *a)
{
    const char *s = (const char *)sqlite3_column_text(st, n);

    return s != NULL ? arena_strndup(a, s, (size_t)sqlite3_column_bytes(st, n)) : "";
}
