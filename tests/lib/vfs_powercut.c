/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/vfs_powercut.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/xalloc.h"

enum { SECTOR = 512, FILES = 8, SHM_PAGES = 64, SHM_LOCKS = 8 };

/* Bytes now, bytes on the platter, and which sectors differ. */
struct disk_file {
    char name[256];
    unsigned char *now, *platter;
    size_t size, platter_size, cap;
    bool *dirty;                               /* by sector */
    bool exists, survives;
    int users;
    void *shm[SHM_PAGES];
    size_t shm_size;
    int shared[SHM_LOCKS];
    bool exclusive[SHM_LOCKS];
    int levels[SQLITE_LOCK_EXCLUSIVE + 1];     /* handles that hold each level of xLock */
};

struct file {
    sqlite3_file base;
    struct disk_file *disk;
    int level;
    unsigned shm_shared, shm_exclusive;        /* bits: locks that this handle holds */
};

static struct disk_file disks[FILES];
static struct idgen rng;
static unsigned operations, cut_at;
static bool off, lying;
static size_t last_write_at, last_write_n;
static struct disk_file *last_write_file;
static sqlite3_vfs vfs;

static unsigned
toss(unsigned n)
{
    return (unsigned)(idgen_u64(&rng) >> 33) % n;
}

/* --- what survives ------------------------------------------------------------ */

static void
reach(struct disk_file *d, size_t size)
{
    size_t cap = d->cap > 0 ? d->cap : 64 * SECTOR;

    if (size <= d->cap)
        return;
    while (cap < size)
        cap *= 2;
    d->now = xrealloc(d->now, cap);
    d->platter = xrealloc(d->platter, cap);
    d->dirty = xrealloc(d->dirty, cap / SECTOR * sizeof *d->dirty);
    memset(d->now + d->cap, 0, cap - d->cap);
    memset(d->platter + d->cap, 0, cap - d->cap);
    memset(d->dirty + d->cap / SECTOR, 0, (cap - d->cap) / SECTOR * sizeof *d->dirty);
    d->cap = cap;
}

static void
tear(struct disk_file *d)
{
    if (d != last_write_file || last_write_n == 0)
        return;
    /* the end of the last write never left the cache */
    for (size_t at = last_write_at + toss((unsigned)last_write_n); at < last_write_at + last_write_n; at++)
        if (at < d->cap)
            d->now[at] = d->platter[at];
}

static void
lose(struct disk_file *d)
{
    size_t sectors = (d->size > d->platter_size ? d->size : d->platter_size) / SECTOR + 1;

    tear(d);
    for (size_t i = 0; i < sectors && i < d->cap / SECTOR; i++)
        if (d->dirty[i] && toss(2) != 0)
            memcpy(d->platter + i * SECTOR, d->now + i * SECTOR, SECTOR);
    if (d->size != d->platter_size && toss(2) != 0)
        d->platter_size = d->size;
}

void
vfs_powercut_now(uint64_t seed)
{
    if (off)
        return;
    idgen_seed(&rng, seed, 77);
    off = true;
    for (int i = 0; i < FILES; i++)
        if (disks[i].exists)
            lose(&disks[i]);
}

static uint64_t cut_seed;

/* One operation.  False: there is no power (any more). */
static bool
power(void)
{
    operations++;
    if (!off && cut_at != 0 && operations >= cut_at)
        vfs_powercut_now(cut_seed);
    return !off;
}

void
vfs_powercut_arm(unsigned nth, uint64_t seed)
{
    operations = 0;
    cut_at = nth;
    cut_seed = seed;
}

bool
vfs_powercut_is_off(void)
{
    return off;
}

void
vfs_powercut_lie(bool yes)
{
    lying = yes;
}

static void
drop_shm(struct disk_file *d)
{
    for (int i = 0; i < SHM_PAGES; i++) {
        free(d->shm[i]);
        d->shm[i] = NULL;
    }
    memset(d->shared, 0, sizeof d->shared);
    memset(d->exclusive, 0, sizeof d->exclusive);
}

void
vfs_powercut_restore(void)
{
    for (int i = 0; i < FILES; i++) {
        struct disk_file *d = &disks[i];

        if (!d->exists)
            continue;
        if (d->users != 0)
            abort();                           /* a process that has lost its power has no open files */
        d->size = d->platter_size;
        memcpy(d->now, d->platter, d->cap);
        memset(d->now + d->size, 0, d->cap - d->size);
        memset(d->platter + d->size, 0, d->cap - d->size);
        memset(d->dirty, 0, d->cap / SECTOR * sizeof *d->dirty);
        drop_shm(d);
        memset(d->levels, 0, sizeof d->levels);
    }
    off = false;
    cut_at = 0;
    last_write_file = NULL;
}

void
vfs_powercut_format(void)
{
    for (int i = 0; i < FILES; i++) {
        struct disk_file *d = &disks[i];

        if (d->users != 0)
            abort();
        drop_shm(d);
        free(d->now);
        free(d->platter);
        free(d->dirty);
        memset(d, 0, sizeof *d);
    }
    last_write_n = 0;
    off = false;
    cut_at = 0;
    last_write_file = NULL;
}

/* --- a file ------------------------------------------------------------------- */

static struct disk_file *
disk_of(sqlite3_file *f)
{
    return ((struct file *)f)->disk;
}

static void
wipe(struct disk_file *d)
{
    drop_shm(d);
    free(d->now);
    free(d->platter);
    free(d->dirty);
    memset(d, 0, sizeof *d);
}

static int
x_close(sqlite3_file *f)
{
    struct disk_file *d = disk_of(f);

    d->levels[((struct file *)f)->level]--;
    if (--d->users == 0 && d->name[0] == '\0')
        wipe(d);                               /* it was removed while open */
    return SQLITE_OK;
}

static int
x_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    const struct disk_file *d = disk_of(f);
    size_t from = (size_t)at, want = (size_t)n, have;

    if (off)
        return SQLITE_IOERR_READ;
    have = from >= d->size ? 0 : d->size - from < want ? d->size - from : want;
    memcpy(p, d->now + (have > 0 ? from : 0), have);
    memset((char *)p + have, 0, want - have);
    return have == want ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int
x_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    struct disk_file *d = disk_of(f);
    size_t from = (size_t)at, end = from + (size_t)n;

    if (off)
        return SQLITE_IOERR_WRITE;
    reach(d, end);
    memcpy(d->now + from, p, (size_t)n);
    for (size_t i = from / SECTOR; i * SECTOR < end; i++)
        d->dirty[i] = true;
    d->size = d->size > end ? d->size : end;
    last_write_file = d;
    last_write_at = from;
    last_write_n = (size_t)n;
    return power() ? SQLITE_OK : SQLITE_IOERR_WRITE;
}

static int
x_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    struct disk_file *d = disk_of(f);

    if (off)
        return SQLITE_IOERR_TRUNCATE;
    reach(d, (size_t)size);
    for (size_t i = (size_t)size / SECTOR; i * SECTOR < d->size; i++)
        d->dirty[i] = true;
    if ((size_t)size < d->size)
        memset(d->now + size, 0, d->size - (size_t)size);
    d->size = (size_t)size;
    return power() ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

/* The power may go while the disk is syncing: then nothing of it is promised. */
static int
x_sync(sqlite3_file *f, int flags)
{
    struct disk_file *d = disk_of(f);

    (void)flags;
    if (!power())
        return SQLITE_IOERR_FSYNC;
    if (lying || d->cap == 0)
        return SQLITE_OK;
    for (size_t i = 0; i < d->cap / SECTOR; i++) {
        if (d->dirty[i])
            memcpy(d->platter + i * SECTOR, d->now + i * SECTOR, SECTOR);
        d->dirty[i] = false;
    }
    d->platter_size = d->size;
    if (last_write_file == d)
        last_write_file = NULL;
    return SQLITE_OK;
}

static int
x_size(sqlite3_file *f, sqlite3_int64 *out)
{
    *out = (sqlite3_int64)disk_of(f)->size;
    return SQLITE_OK;
}

static int
others_at_least(const struct file *file, int level)
{
    int n = -(file->level >= level);

    for (int i = level; i <= SQLITE_LOCK_EXCLUSIVE; i++)
        n += file->disk->levels[i];
    return n;
}

/* Who closes last, and may so remove the log, is found out with these locks. */
static int
x_lock(sqlite3_file *f, int level)
{
    struct file *file = (struct file *)f;
    int bar = level == SQLITE_LOCK_SHARED ? SQLITE_LOCK_PENDING
                                          : level == SQLITE_LOCK_RESERVED ? SQLITE_LOCK_RESERVED : SQLITE_LOCK_SHARED;

    if (level <= file->level)
        return SQLITE_OK;
    if (others_at_least(file, bar) > 0)
        return SQLITE_BUSY;
    file->disk->levels[file->level]--;
    file->disk->levels[level]++;
    file->level = level;
    return SQLITE_OK;
}

static int
x_unlock(sqlite3_file *f, int level)
{
    struct file *file = (struct file *)f;

    if (level >= file->level)
        return SQLITE_OK;
    file->disk->levels[file->level]--;
    file->disk->levels[level]++;
    file->level = level;
    return SQLITE_OK;
}

static int
x_reserved(sqlite3_file *f, int *out)
{
    *out = others_at_least((struct file *)f, SQLITE_LOCK_RESERVED) > 0;
    return SQLITE_OK;
}

static int
x_control(sqlite3_file *f, int op, void *arg)
{
    (void)f;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int
x_sector(sqlite3_file *f)
{
    (void)f;
    return SECTOR;
}

static int
x_device(sqlite3_file *f)
{
    (void)f;
    return 0;                                  /* neither atomic writes nor power-safe overwrite */
}

/* --- the shared memory of the log's index ------------------------------------- */

static int
x_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    struct disk_file *d = disk_of(f);

    *out = NULL;
    if (page >= SHM_PAGES)
        return SQLITE_IOERR_SHMMAP;
    if (d->shm[page] == NULL && extend)
        d->shm[page] = xcalloc(1, (size_t)size);
    *out = d->shm[page];
    return SQLITE_OK;
}

static int
x_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    struct file *file = (struct file *)f;
    struct disk_file *d = file->disk;

    for (int i = offset; i < offset + n; i++) {
        bool mine_shared = file->shm_shared >> i & 1, mine = file->shm_exclusive >> i & 1;

        if ((flags & SQLITE_SHM_LOCK) == 0)
            continue;
        if ((flags & SQLITE_SHM_SHARED) != 0 && d->exclusive[i] && !mine)
            return SQLITE_BUSY;
        if ((flags & SQLITE_SHM_EXCLUSIVE) != 0 && ((d->exclusive[i] && !mine) || d->shared[i] > mine_shared))
            return SQLITE_BUSY;
    }
    for (int i = offset; i < offset + n; i++) {
        unsigned bit = 1u << i;
        bool take = (flags & SQLITE_SHM_LOCK) != 0;

        if ((flags & SQLITE_SHM_SHARED) != 0) {
            d->shared[i] += (int)take - (int)((file->shm_shared & bit) != 0);
            file->shm_shared = take ? file->shm_shared | bit : file->shm_shared & ~bit;
        } else {
            d->exclusive[i] = take;
            file->shm_exclusive = take ? file->shm_exclusive | bit : file->shm_exclusive & ~bit;
        }
    }
    return SQLITE_OK;
}

static void
x_shm_barrier(sqlite3_file *f)
{
    (void)f;
}

static int
x_shm_unmap(sqlite3_file *f, int remove)
{
    struct file *file = (struct file *)f;

    for (int i = 0; i < SHM_LOCKS; i++) {
        file->disk->shared[i] -= (file->shm_shared >> i & 1) != 0;
        file->disk->exclusive[i] = file->disk->exclusive[i] && (file->shm_exclusive >> i & 1) == 0;
    }
    file->shm_shared = file->shm_exclusive = 0;
    if (remove)
        drop_shm(file->disk);
    return SQLITE_OK;
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

/* --- names -------------------------------------------------------------------- */

static struct disk_file *
find(const char *name, bool create)
{
    for (int i = 0; i < FILES; i++)
        if (disks[i].exists && strcmp(disks[i].name, name) == 0)
            return &disks[i];
    for (int i = 0; i < FILES && create; i++) {
        struct disk_file *d = &disks[i];

        if (d->exists)
            continue;
        memset(d, 0, sizeof *d);
        memcpy(d->name, name, strlen(name) + 1);
        d->exists = true;
        reach(d, SECTOR);
        return d;
    }
    return NULL;
}

/* The names of files survive a cut: the store syncs the folder itself before it relies on one. */
static int
x_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
    struct file *file = (struct file *)f;

    (void)v;
    memset(file, 0, sizeof *file);
    if (off || name == NULL || strlen(name) >= sizeof disks[0].name)
        return SQLITE_CANTOPEN;
    file->disk = find(name, (flags & SQLITE_OPEN_CREATE) != 0);
    if (file->disk == NULL)
        return SQLITE_CANTOPEN;
    file->disk->users++;
    file->disk->levels[SQLITE_LOCK_NONE]++;
    file->base.pMethods = &methods;
    if (out_flags != NULL)
        *out_flags = flags;
    return SQLITE_OK;
}

static int
x_delete(sqlite3_vfs *v, const char *name, int sync)
{
    struct disk_file *d = find(name, false);

    (void)v;
    (void)sync;
    if (off)
        return SQLITE_IOERR_DELETE;
    if (d == NULL)
        return SQLITE_IOERR_DELETE_NOENT;
    if (d->users > 0)
        d->name[0] = '\0';
    else
        wipe(d);
    return SQLITE_OK;
}

static int
x_access(sqlite3_vfs *v, const char *name, int flags, int *out)
{
    struct disk_file *d = find(name, false);

    (void)v;
    *out = d != NULL && (flags != SQLITE_ACCESS_EXISTS || d->size > 0);
    return SQLITE_OK;
}

static int
x_path(sqlite3_vfs *v, const char *name, int n, char *out)
{
    (void)v;
    sqlite3_snprintf(n, out, "%s", name);
    return SQLITE_OK;
}

/* The same run each time, but never the same salt for two logs. */
static int
x_randomness(sqlite3_vfs *v, int n, char *out)
{
    static struct idgen salt = { { 1, 2 } };

    (void)v;
    for (int i = 0; i < n; i++)
        out[i] = (char)idgen_u64(&salt);
    return n;
}

void
vfs_powercut_register(void)
{
    const sqlite3_vfs *real = sqlite3_vfs_find(NULL);

    if (vfs.zName != NULL)
        return;
    vfs = *real;
    vfs.pNext = NULL;
    vfs.szOsFile = sizeof(struct file);
    vfs.zName = VFS_POWERCUT;
    vfs.xOpen = x_open;
    vfs.xDelete = x_delete;
    vfs.xAccess = x_access;
    vfs.xFullPathname = x_path;
    vfs.xRandomness = x_randomness;
    sqlite3_vfs_register(&vfs, 0);
}
