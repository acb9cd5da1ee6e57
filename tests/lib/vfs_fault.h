/* SPDX-License-Identifier: Apache-2.0 */
/* vfs_fault.h - SQLite's own file layer, with a fault where a test wants one. */
#ifndef TESTS_VFS_FAULT_H
#define TESTS_VFS_FAULT_H

#include <stdbool.h>

#define VFS_FAULT "fault"

enum fault_op { FAULT_WRITE, FAULT_SYNC, FAULT_OPS };

void vfs_fault_register(void);
/* Call number nth (from 1) from now on gives `code` and does nothing; sticky: and so do all after it.  nth 0: none. */
void vfs_fault_arm(enum fault_op, unsigned nth, int code, bool sticky);
unsigned vfs_fault_count(enum fault_op);       /* calls since it was armed */
unsigned vfs_fault_hits(void);                 /* faults given since then */

#endif
