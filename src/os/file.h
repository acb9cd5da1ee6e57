/* SPDX-License-Identifier: Apache-2.0 */
/* file.h - files as a whole. */
#ifndef OS_FILE_H
#define OS_FILE_H

#include <stddef.h>

#include <tocsin/err.h>

/* Contents with a NUL behind them; heap.  TOCSIN_TOO_LARGE over max bytes. */
enum tocsin_rc file_read(const char *path, size_t max, char **out_r, size_t *n_out, struct tocsin_err *err);
enum tocsin_rc file_sync_dir(const char *path, struct tocsin_err *err);   /* fsync of a folder */
enum tocsin_rc file_make_dirs(const char *path, unsigned mode, struct tocsin_err *err);

#endif
