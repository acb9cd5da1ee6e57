/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfs_powercut.h - files in memory that can lose their power.
 *
 * A file has what is on the platter and what was written since its last sync.
 * A cut keeps each unsynced sector of 512 bytes by the toss of a coin, and
 * tears the last write at a random byte; lengths survive at random too.  After
 * the cut every call fails until the power is back.
 */
#ifndef TESTS_VFS_POWERCUT_H
#define TESTS_VFS_POWERCUT_H

#include <stdbool.h>
#include <stdint.h>

#define VFS_POWERCUT "powercut"

void vfs_powercut_register(void);
void vfs_powercut_format(void);                /* remove all files; none may be open */
/* The power goes during operation number nth from now on (writes, syncs, truncations); 0: not at all. */
void vfs_powercut_arm(unsigned nth, uint64_t seed);
bool vfs_powercut_is_off(void);
void vfs_powercut_now(uint64_t seed);          /* as if nth were here */
void vfs_powercut_restore(void);               /* power is back: what survived is what is there */
void vfs_powercut_lie(bool);                   /* a disk that says it has synced, and has not */

#endif
