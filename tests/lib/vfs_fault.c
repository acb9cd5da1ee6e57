/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/vfs_fault.h"

#include <pthread.h>
#include <sqlite3.h>
#include <string.h>

struct file { sqlite3_file base; sqlite3_file *real; };

static struct { unsigned nth, count; int code; bool sticky; } plan[FAULT_OPS];
static unsigned hits;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sqlite3_vfs vfs;
static sqlite3_vfs *real_vfs;

void
vfs_fault_arm(enum fault_op op, unsigned nth, int code, bool sticky)
{
    pthread_mutex_lock(&lock);
    plan[op].nth = nth;
    plan[op].count = 0;
    plan[op].code = code;
    plan[op].sticky = sticky;
    hits = 0;
    pthread_mutex_unlock(&lock);
}

unsigned
vfs_fault_count(enum fault_op op)
{
    unsigned n;

    pthread_mutex_lock(&lock);
    n = plan[op].count;
    pthread_mutex_unlock(&lock);
    return n;
}

unsigned
vfs_fault_hits(void)
{
    unsigned n;

    pthread_mutex_lock(&lock);
    n = hits;
    pthread_mutex_unlock(&lock);
    return n;
}

static int
fault(enum fault_op op)
{
    int code = SQLITE_OK;

    pthread_mutex_lock(&lock);
    plan[op].count++;
    if (plan[op].nth != 0 && (plan[op].count == plan[op].nth || (plan[op].sticky && plan[op].count > plan[op].nth))) {
        code = plan[op].code;
        hits++;
    }
    pthread_mutex_unlock(&lock);
    return code;
}

#define REAL(f) (((struct file *)(f))->real)
#define CALL(f, method, ...) (REAL(f)->pMethods->method(REAL(f), ##__VA_ARGS__))

static int
x_close(sqlite3_file *f)
{
    return CALL(f, xClose);
}

static int
x_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return CALL(f, xRead, p, n, at);
}

static int
x_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    int code = fault(FAULT_WRITE);

    return code != SQLITE_OK ? code : CALL(f, xWrite, p, n, at);
}

static int
x_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return CALL(f, xTruncate, size);
}

static int
x_sync(sqlite3_file *f, int flags)
{
    int code = fault(FAULT_SYNC);

    return code != SQLITE_OK ? code : CALL(f, xSync, flags);
}

static int
x_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return CALL(f, xFileSize, size);
}

static int
x_lock(sqlite3_file *f, int level)
{
    return CALL(f, xLock, level);
}

static int
x_unlock(sqlite3_file *f, int level)
{
    return CALL(f, xUnlock, level);
}

static int
x_reserved(sqlite3_file *f, int *out)
{
    return CALL(f, xCheckReservedLock, out);
}

static int
x_control(sqlite3_file *f, int op, void *arg)
{
    return CALL(f, xFileControl, op, arg);
}

static int
x_sector(sqlite3_file *f)
{
    return CALL(f, xSectorSize);
}

static int
x_device(sqlite3_file *f)
{
    return CALL(f, xDeviceCharacteristics);
}

static int
x_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    return CALL(f, xShmMap, page, size, extend, out);
}

static int
x_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return CALL(f, xShmLock, offset, n, flags);
}

static void
x_shm_barrier(sqlite3_file *f)
{
    CALL(f, xShmBarrier);
}

static int
x_shm_unmap(sqlite3_file *f, int remove)
{
    return CALL(f, xShmUnmap, remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = x_close,
    .xRead = x_read,
    .xWrite = x_write,
    .xTruncate = x_truncate,
    .xSync = x_sync,
    .xFileSize = x_size,
    .xLock = x_lock,
    .xUnlock = x_unlock,
    .xCheckReservedLock = x_reserved,
    .xFileControl = x_control,
    .xSectorSize = x_sector,
    .xDeviceCharacteristics = x_device,
    .xShmMap = x_shm_map,
    .xShmLock = x_shm_lock,
    .xShmBarrier = x_shm_barrier,
    .xShmUnmap = x_shm_unmap,
};

static int
x_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
    struct file *file = (struct file *)f;
    int code;

    (void)v;
    file->real = (sqlite3_file *)(file + 1);
    code = real_vfs->xOpen(real_vfs, name, file->real, flags, out_flags);
    file->base.pMethods = code == SQLITE_OK ? &methods : NULL;
    return code;
}

void
vfs_fault_register(void)
{
    if (real_vfs != NULL)
        return;
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.pNext = NULL;
    vfs.szOsFile = (int)sizeof(struct file) + real_vfs->szOsFile;
    vfs.zName = VFS_FAULT;
    vfs.xOpen = x_open;
    sqlite3_vfs_register(&vfs, 0);
}
