/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_files.h - what stands beside the database: the lock, the reserve, the
 * mark of a failed disk, and the folder itself.
 */
#ifndef STORE_SQLITE_FILES_H
#define STORE_SQLITE_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include <tocsin/err.h>

/* Refuses network file systems: their locks and syncs are not to be trusted. */
enum tocsin_rc folder_check(const char *dir, struct tocsin_err *);
/* Name of a network file system by its statfs magic; NULL: it is none. */
const char *network_fs(long magic);

/* The descriptor that holds the lock; TOCSIN_BAD_CONFIG when another process has it. */
enum tocsin_rc lock_take(const char *path, int *fd_r, struct tocsin_err *);
enum tocsin_rc database_create(const char *path, struct tocsin_err *);         /* empty, 0600, if missing */

int64_t disk_free(const char *dir);                /* bytes that we may use; -1 unknown */
int64_t file_size(const char *path, const char *suffix);                       /* 0 when missing */

/* A file of `bytes` that can be given up when the disk is full. */
void reserve_make(const char *path, const char *dir, int64_t bytes);
bool reserve_free(const char *path);               /* false: there was none */

/* <path>-failed says that a sync failed and nobody knows what is on the disk. */
void mark_failed(const char *path, const char *dir, const char *why);
bool is_marked_failed(const char *path);
/* Read all that can be read, write it to a new file, sync that, and put it in the place of the old one. */
enum tocsin_rc database_rescue(const char *path, const char *dir, const char *vfs, struct tocsin_err *);

#endif
