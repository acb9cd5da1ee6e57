/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disks that fail: full, refusing to write or to sync, and processes that are
 * killed.  OK means durable, FULL leaves a usable store without a trace of the
 * transaction, FATAL is the end of the store until it is opened again.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "lib/store_rows.h"
#include "lib/vfs_fault.h"
#include "os/file.h"

struct fixture {
    char *dir, *path;
    struct store *store;
    struct idgen ids;
    int64_t now;
    int64_t reserve;
    const char *vfs;
    int checkpoint_ms;
};

static enum tocsin_rc
reopen(struct fixture *f, struct tocsin_err *err)
{
    struct store_sqlite_options options = { .path = f->path, .vfs = f->vfs, .reserve_bytes = f->reserve,
                                            .checkpoint_ms = f->checkpoint_ms };

    if (f->store != NULL)
        f->store->ops->close(f->store);
    f->store = NULL;
    return store_sqlite_open(&options, &f->store, err);
}

static void
setup(struct fixture *f, const char *vfs)
{
    struct tocsin_err err;

    memset(f, 0, sizeof *f);
    f->dir = test_dir_make();
    f->path = xasprintf("%s/t.db", f->dir);
    f->now = 1700000000000;
    f->reserve = 65536;
    f->vfs = vfs;
    f->checkpoint_ms = -1;
    idgen_seed(&f->ids, 5, 6);
    if (reopen(f, &err) != TOCSIN_OK)
        fail_msg("%s", err.what);
}

static void
teardown(struct fixture *f)
{
    if (f->store != NULL)
        f->store->ops->close(f->store);
    free(f->path);
    test_dir_remove(f->dir);
}

/* A new alert with its incident. */
static enum tocsin_rc
put_new(struct fixture *f, unsigned n, struct tocsin_err *err)
{
    struct arena *a = arena_new();
    struct alert_row alert = make_alert(a, n, f->now);
    struct incident_row incident = make_incident(a, &f->ids, n, f->now++);
    struct delivery_row delivery = make_delivery(a, &incident.id, "pd", f->now);
    struct rowset set;
    enum tocsin_rc rc;

    alert.incident = incident.id;
    rowset_init(&set);
    rowset_alert(&set, a, &alert, false);
    rowset_incident(&set, a, &incident);
    rowset_delivery(&set, a, &delivery);
    rc = store_put(f->store, &set, err);
    arena_free(a);
    return rc;
}

/* An acknowledgement: nothing new, but it must get through. */
static enum tocsin_rc
put_ack(struct fixture *f, unsigned group, struct tocsin_err *err)
{
    struct arena *a = arena_new();
    struct id16 id = id_of("group", group);
    struct incident_row row;
    struct rowset set;
    enum tocsin_rc rc;
    bool found;

    assert_int_equal(f->store->ops->load_groups(f->store, a, &id, 1, &row, &found, err), TOCSIN_OK);
    assert_true(found);
    row.state = TOCSIN_INC_ACKNOWLEDGED;
    row.ver++;
    rowset_init(&set);
    rowset_incident(&set, a, &row);
    rc = store_put(f->store, &set, err);
    arena_free(a);
    return rc;
}

static char *
dump(struct fixture *f)
{
    struct buf text;

    buf_init(&text, 64 << 20);
    store_dump_loads(f->store, 8, 8, f->now, &text);
    store_dump(f->store, &text);
    assert_true(buf_ok(&text));
    return buf_take(&text);
}

static void
assert_open(struct fixture *f, unsigned n, bool there)
{
    struct id16 key = id_of("key", n);
    struct alert_row row;
    struct tocsin_err err;

    assert_int_equal(f->store->ops->load_alerts(f->store, &key, 1, &row, &err), TOCSIN_OK);
    assert_int_equal(row.state, there ? ALERT_FIRING : ALERT_NONE);
}

/* --- full ----------------------------------------------------------------------- */

/* "No space" at every write of a commit in turn: nothing of it stays, and the next one works. */
static void
test_full_at_every_write(void **state)
{
    struct fixture f;
    struct tocsin_err err;
    unsigned n = 0, refused = 0;

    (void)state;
    setup(&f, VFS_FAULT);
    assert_int_equal(put_new(&f, n++, &err), TOCSIN_OK);
    for (unsigned nth = 1;; nth++) {
        char *before = dump(&f), *after;
        enum tocsin_rc rc;

        vfs_fault_arm(FAULT_WRITE, nth, SQLITE_FULL, true);
        rc = put_new(&f, n, &err);
        vfs_fault_arm(FAULT_WRITE, 0, 0, false);
        if (rc == TOCSIN_OK) {
            free(before);
            break;
        }
        assert_int_equal(rc, TOCSIN_FULL);
        refused++;
        f.now--;
        after = dump(&f);
        assert_string_equal(before, after);
        f.now++;
        free(before);
        free(after);
        assert_int_equal(put_ack(&f, 0, &err), TOCSIN_OK);
    }
    assert_true(refused > 5);
    assert_int_equal(reopen(&f, &err), TOCSIN_OK);
    assert_open(&f, n, true);
    teardown(&f);
}

/* A small file system of our own, when we may mount one. */
static bool
mount_small(const char *dir)
{
    return mount("tmpfs", dir, "tmpfs", 0, "size=16m") == 0;
}

static void
fill_disk(const char *dir)
{
    char *name = xasprintf("%s/filler", dir), block[4096];
    int fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    memset(block, 1, sizeof block);
    while (write(fd, block, sizeof block) == (ssize_t)sizeof block)
        continue;
    assert_int_equal(errno, ENOSPC);
    close(fd);
    free(name);
}

static void
test_real_full_disk(void **state)
{
    struct fixture f;
    struct tocsin_err err;
    enum tocsin_rc rc = TOCSIN_OK;
    char *name, *reserve;
    unsigned n = 0;

    (void)state;
    setup(&f, NULL);
    f.store->ops->close(f.store);
    f.store = NULL;
    if (!mount_small(f.dir)) {
        teardown(&f);
        skip();
    }
    f.reserve = 1 << 20;                     /* and no checkpoint but that of maintain(): it would make room in the log */
    assert_int_equal(reopen(&f, &err), TOCSIN_OK);
    while (rc == TOCSIN_OK)
        rc = put_new(&f, n++, &err);
    assert_int_equal(rc, TOCSIN_FULL);
    assert_int_equal(f.store->ops->health(f.store, &err), TOCSIN_FULL);
    n--;
    assert_true(n > 100);
    assert_open(&f, n, false);
    assert_int_equal(put_ack(&f, 0, &err), TOCSIN_OK);        /* below the mark, but there is space */

    fill_disk(f.dir);                                          /* by somebody else */
    reserve = xasprintf("%s-reserve", f.path);
    assert_int_equal(access(reserve, F_OK), 0);
    for (unsigned i = 0; i < 60; i++)
        if (put_ack(&f, i % n, &err) != TOCSIN_OK)
            fail_msg("%s", err.what);
    assert_int_equal(access(reserve, F_OK), -1);               /* given up for these */
    assert_int_equal(put_new(&f, n, &err), TOCSIN_FULL);

    name = xasprintf("%s/filler", f.dir);
    assert_int_equal(unlink(name), 0);
    free(name);
    assert_int_equal(f.store->ops->maintain(f.store, f.now, 1 << 30, 1000, &err), TOCSIN_OK);
    assert_int_equal(reopen(&f, &err), TOCSIN_OK);
    for (unsigned i = 0; i < n; i++)
        assert_open(&f, i, true);
    f.store->ops->close(f.store);
    f.store = NULL;
    free(reserve);
    assert_int_equal(umount2(f.dir, MNT_DETACH), 0);
    teardown(&f);
}

/* The mark, without a small disk: more is to be kept free than there is. */
static void
test_low_water(void **state)
{
    struct fixture f;
    struct tocsin_err err;

    (void)state;
    setup(&f, NULL);
    assert_int_equal(put_new(&f, 0, &err), TOCSIN_OK);
    f.reserve = INT64_MAX / 4;
    assert_int_equal(reopen(&f, &err), TOCSIN_OK);
    assert_int_equal(put_new(&f, 1, &err), TOCSIN_FULL);
    assert_open(&f, 1, false);
    assert_int_equal(put_ack(&f, 0, &err), TOCSIN_OK);
    assert_int_equal(f.store->ops->health(f.store, &err), TOCSIN_FULL);
    teardown(&f);
}

/* --- failures ------------------------------------------------------------------- */

/*
 * Fail call number nth, once, of a commit.  Never OK without durability; after FATAL nothing works any more; the
 * next start copies the database and has everything that was acknowledged.
 */
static bool
fail_one(enum fault_op op, int code, unsigned nth)
{
    struct fixture f;
    struct tocsin_err err;
    enum tocsin_rc rc;
    char *mark;
    bool hit;

    setup(&f, VFS_FAULT);
    assert_int_equal(put_new(&f, 0, &err), TOCSIN_OK);
    vfs_fault_arm(op, nth, code, false);
    rc = put_new(&f, 1, &err);
    hit = vfs_fault_hits() > 0;
    if (!hit) {
        assert_int_equal(rc, TOCSIN_OK);
        teardown(&f);
        return false;
    }
    assert_int_equal(rc, TOCSIN_FATAL);
    assert_int_equal(put_new(&f, 2, &err), TOCSIN_FATAL);      /* though the disk works again */
    assert_int_equal(put_ack(&f, 0, &err), TOCSIN_FATAL);
    assert_int_equal(f.store->ops->flush(f.store, &err), TOCSIN_FATAL);
    assert_int_equal(f.store->ops->health(f.store, &err), TOCSIN_FATAL);
    mark = xasprintf("%s-failed", f.path);
    assert_int_equal(access(mark, F_OK), 0);
    if (reopen(&f, &err) != TOCSIN_OK)
        fail_msg("%s", err.what);
    assert_int_equal(access(mark, F_OK), -1);
    assert_open(&f, 0, true);
    assert_open(&f, 2, false);
    assert_int_equal(put_new(&f, 3, &err), TOCSIN_OK);
    free(mark);
    teardown(&f);
    return true;
}

static void
test_sync_fails(void **state)
{
    unsigned nth = 1;

    (void)state;
    while (fail_one(FAULT_SYNC, SQLITE_IOERR_FSYNC, nth))
        nth++;
    assert_true(nth > 1);
}

static void
test_write_fails(void **state)
{
    unsigned nth = 1;

    (void)state;
    while (fail_one(FAULT_WRITE, SQLITE_IOERR_WRITE, nth))
        nth++;
    assert_true(nth > 5);
}

static void
test_checkpoint_fails(void **state)
{
    struct fixture f;
    struct tocsin_err err;

    (void)state;
    setup(&f, VFS_FAULT);
    assert_int_equal(put_new(&f, 0, &err), TOCSIN_OK);
    vfs_fault_arm(FAULT_SYNC, 1, SQLITE_IOERR_FSYNC, false);
    assert_int_equal(f.store->ops->maintain(f.store, f.now, 1 << 30, 1000, &err), TOCSIN_FATAL);
    assert_int_equal(vfs_fault_hits(), 1);
    assert_int_equal(put_new(&f, 1, &err), TOCSIN_FATAL);
    assert_int_equal(reopen(&f, &err), TOCSIN_OK);
    assert_open(&f, 0, true);
    teardown(&f);
}

/* --- kill -9 -------------------------------------------------------------------- */

enum { CYCLES = 50 };

/* Commits one alert after the other and says so after each, until it is killed. */
static void
commit_for_ever(struct fixture *f, int fd, unsigned first)
{
    struct tocsin_err err;

    for (unsigned n = first;; n++)
        if (put_new(f, n, &err) != TOCSIN_OK || write(fd, &n, sizeof n) != (ssize_t)sizeof n)
            _exit(1);
}

static unsigned
one_life(struct fixture *f, unsigned first, unsigned acks)
{
    unsigned n, acked = first, got = 0;
    struct tocsin_err err;
    int fds[2], status;
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    if (pid == 0) {
        close(fds[0]);
        if (reopen(f, &err) != TOCSIN_OK)
            _exit(2);
        idgen_seed(&f->ids, first, 9);
        commit_for_ever(f, fds[1], first);
    }
    close(fds[1]);
    while (got < acks && read(fds[0], &n, sizeof n) == (ssize_t)sizeof n) {
        acked = n + 1;
        got++;
    }
    kill(pid, SIGKILL);
    while (read(fds[0], &n, sizeof n) == (ssize_t)sizeof n)
        acked = n + 1;
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    return acked;
}

static void
test_kill(void **state)
{
    struct fixture f;
    struct tocsin_err err;
    unsigned next = 0, total = 0, unacked = 0;

    (void)state;
    setup(&f, NULL);
    f.checkpoint_ms = 0;
    f.store->ops->close(f.store);
    f.store = NULL;
    for (unsigned i = 0; i < CYCLES; i++) {
        unsigned acked = one_life(&f, next, 1 + i % 17);

        assert_int_equal(reopen(&f, &err), TOCSIN_OK);
        for (unsigned n = 0; n < acked; n++)
            assert_open(&f, n, true);
        total += acked - next;
        for (next = acked;; next++, unacked++) {       /* committed, but killed before it said so */
            struct id16 key = id_of("key", next);
            struct alert_row row;

            assert_int_equal(f.store->ops->load_alerts(f.store, &key, 1, &row, &err), TOCSIN_OK);
            if (row.state == ALERT_NONE)
                break;
        }
        f.store->ops->close(f.store);
        f.store = NULL;
    }
    print_message("%d kills: %u acknowledged, 0 lost, %u committed without an answer\n", CYCLES, total, unacked);
    teardown(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_at_every_write), cmocka_unit_test(test_real_full_disk),
        cmocka_unit_test(test_low_water),           cmocka_unit_test(test_sync_fails),
        cmocka_unit_test(test_write_fails),         cmocka_unit_test(test_checkpoint_fails),
        cmocka_unit_test(test_kill),
    };

    vfs_fault_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
