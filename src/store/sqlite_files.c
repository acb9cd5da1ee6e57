/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "os/file.h"
#include "os/log.h"

static const struct {
    long magic;
    const char *name;
} network[] = {
    { 0x6969, "NFS" },         { 0x517b, "SMB" },         { 0xff534d42, "CIFS" },  { 0xfe534d42, "SMB2" },
    { 0x564c, "NCP" },         { 0x5346414f, "AFS" },     { 0x6b414653, "AFS" },   { 0x73757245, "Coda" },
    { 0x00c36400, "Ceph" },    { 0x0bd00bd0, "Lustre" },  { 0x01021997, "9P" },    { 0xaad7aaea, "PanFS" },
    { 0x47504653, "GPFS" },
};

const char *
network_fs(long magic)
{
    for (size_t i = 0; i < sizeof network / sizeof network[0]; i++)
        if ((magic & 0xffffffffL) == network[i].magic)
            return network[i].name;
    return NULL;
}

enum tocsin_rc
folder_check(const char *dir, struct tocsin_err *err)
{
    struct statfs fs;
    const char *name;

    if (statfs(dir, &fs) < 0)
        return err_sys(err, TOCSIN_BAD_CONFIG, "", "cannot look at folder '%s'", dir);
    name = network_fs((long)fs.f_type);
    if (name != NULL)
        return err_set(err, TOCSIN_BAD_CONFIG, "",
                       "folder '%s' is on a network file system (%s), where a database can be lost: choose a local one",
                       dir, name);
    return TOCSIN_OK;
}

enum tocsin_rc
lock_take(const char *path, int *fd_r, struct tocsin_err *err)
{
    enum tocsin_rc rc = TOCSIN_OK;
    char *name = xasprintf("%s-lock", path), text[32] = "";
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), len;

    if (fd < 0) {
        rc = err_sys(err, TOCSIN_BAD_CONFIG, "", "cannot open '%s'", name);
        goto out;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EWOULDBLOCK && pread(fd, text, sizeof text - 1, 0) >= 0)
            rc = err_set(err, TOCSIN_BAD_CONFIG, "", "database '%s' is in use by process %.*s", path,
                         (int)strcspn(text, "\n"), text);
        else
            rc = err_sys(err, TOCSIN_BAD_CONFIG, "", "cannot lock '%s'", name);
        goto out;
    }
    len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    /* the number is for the message above only: the lock holds without it, on a full disk too */
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)len, 0) != len)
        log_warn("store", "", "cannot write '%s': %s", name, strerrordesc_np(errno));
    *fd_r = fd;
    fd = -1;
out:
    if (fd >= 0)
        close(fd);
    free(name);
    return rc;
}

enum tocsin_rc
database_create(const char *path, struct tocsin_err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_sys(err, TOCSIN_BAD_CONFIG, "", "cannot open database '%s'", path);
    close(fd);
    return TOCSIN_OK;
}

int64_t
disk_free(const char *dir)
{
    struct statvfs fs;

    if (statvfs(dir, &fs) < 0)
        return -1;
    return (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
}

int64_t
file_size(const char *path, const char *suffix)
{
    char *name = xasprintf("%s%s", path, suffix);
    struct stat st;
    int64_t n = stat(name, &st) == 0 ? (int64_t)st.st_size : 0;

    free(name);
    return n;
}

/* --- the reserve -------------------------------------------------------------- */

void
reserve_make(const char *path, const char *dir, int64_t bytes)
{
    static struct complaint failing;
    char *name;
    int fd, no = 0;

    /* twice as much: what is taken must not bring the rest below the mark, or it would be given and taken for ever */
    if (file_size(path, "-reserve") >= bytes || disk_free(dir) < 2 * bytes)
        return;
    name = xasprintf("%s-reserve", path);
    fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        no = errno;
    } else {
        no = posix_fallocate(fd, 0, (off_t)bytes);
        close(fd);
        if (no != 0)
            unlink(name);
    }
    if (no != 0)
        complain(&failing, "store", "", "cannot set '%s' aside: %s", name, strerrordesc_np(no));
    else
        complaint_over(&failing, "store", "", "set '%s' aside again", name);
    free(name);
}

bool
reserve_free(const char *path)
{
    char *name = xasprintf("%s-reserve", path);
    bool freed = unlink(name) == 0;

    if (freed)
        log_warn("store", "", "disk full: gave up '%s' to finish what is open", name);
    free(name);
    return freed;
}

/* --- the mark of a failed disk ------------------------------------------------ */

void
mark_failed(const char *path, const char *dir, const char *why)
{
    char *name = xasprintf("%s-failed", path);
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct tocsin_err err;

    if (fd < 0 || write(fd, why, strlen(why)) < 0 || fsync(fd) < 0 || file_sync_dir(dir, &err) != TOCSIN_OK)
        log_error("store", "", "cannot leave the mark '%s': %s", name, strerrordesc_np(errno));
    if (fd >= 0)
        close(fd);
    free(name);
}

bool
is_marked_failed(const char *path)
{
    char *name = xasprintf("%s-failed", path);
    bool marked = access(name, F_OK) == 0;

    free(name);
    return marked;
}

/* All pages of the database, log included, as SQLite reads them now.  The old files are not touched. */
static enum tocsin_rc
copy_database(const char *from, const char *to, const char *vfs, struct tocsin_err *err)
{
    enum tocsin_rc rc = TOCSIN_OK;
    sqlite3 *src = NULL, *dst = NULL;
    sqlite3_backup *backup = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, code;

    code = sqlite3_open_v2(from, &src, flags, vfs);
    if (code == SQLITE_OK)
        code = sqlite3_db_config(src, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_open_v2(to, &dst, flags, vfs);
    if (code == SQLITE_OK) {
        backup = sqlite3_backup_init(dst, "main", src, "main");
        code = backup != NULL ? sqlite3_backup_step(backup, -1) : sqlite3_errcode(dst);
        sqlite3_backup_finish(backup);
    }
    if (code == SQLITE_OK || code == SQLITE_DONE)
        code = sqlite3_exec(dst, "pragma quick_check(1)", NULL, NULL, NULL);
    if (code != SQLITE_OK && code != SQLITE_DONE)
        rc = err_set(err, TOCSIN_FATAL, "", "cannot copy database '%s' to '%s': %s", from, to, sqlite3_errstr(code));
    sqlite3_close(dst);
    sqlite3_close(src);
    return rc;
}

static enum tocsin_rc
sync_file(const char *path, struct tocsin_err *err)
{
    enum tocsin_rc rc = TOCSIN_OK;
    int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return err_sys(err, TOCSIN_FATAL, "", "cannot open '%s'", path);
    if (fsync(fd) < 0)
        rc = err_sys(err, TOCSIN_FATAL, "", "cannot sync '%s'", path);
    close(fd);
    return rc;
}

static void
remove_beside(const char *path, const char *suffix)
{
    char *name = xasprintf("%s%s", path, suffix);

    if (unlink(name) < 0 && errno != ENOENT)
        log_warn("store", "", "cannot remove '%s': %s", name, strerrordesc_np(errno));
    free(name);
}

/*
 * The old log may still stand when we die after the rename: it holds the same pages as the copy, so playing it
 * into the copy changes nothing.
 */
enum tocsin_rc
database_rescue(const char *path, const char *dir, const char *vfs, struct tocsin_err *err)
{
    char *copy = xasprintf("%s-copy", path);
    enum tocsin_rc rc;

    log_warn("store", "", "the disk failed in the last run: copying '%s' before use", path);
    remove_beside(copy, "");
    remove_beside(copy, "-wal");
    remove_beside(copy, "-journal");
    rc = copy_database(path, copy, vfs, err);
    if (rc == TOCSIN_OK)
        rc = sync_file(copy, err);
    if (rc == TOCSIN_OK && rename(copy, path) < 0)
        rc = err_sys(err, TOCSIN_FATAL, "", "cannot rename '%s' to '%s'", copy, path);
    if (rc == TOCSIN_OK)
        rc = file_sync_dir(dir, err);
    if (rc == TOCSIN_OK) {
        remove_beside(path, "-wal");
        remove_beside(path, "-shm");
        remove_beside(path, "-failed");
        rc = file_sync_dir(dir, err);
    }
    free(copy);
    return rc;
}
