/* SPDX-License-Identifier: Apache-2.0 */
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xalloc.h"

enum tocsin_rc
file_read(const char *path, size_t max, char **out_r, size_t *n_out, struct tocsin_err *err)
{
    enum tocsin_rc rc = TOCSIN_OK;
    size_t n = 0, cap = 4096;
    char *p = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_sys(err, TOCSIN_BAD_CONFIG, "", "cannot open '%s'", path);
    p = xmalloc(cap);
    for (;;) {
        ssize_t got = read(fd, p + n, cap - n - 1);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            rc = err_sys(err, TOCSIN_BAD_CONFIG, "", "cannot read '%s'", path);
            goto out;
        }
        if (got == 0)
            break;
        n += (size_t)got;
        if (n > max) {
            rc = err_set(err, TOCSIN_TOO_LARGE, "", "'%s' is larger than %zu bytes", path, max);
            goto out;
        }
        if (n + 1 == cap)
            p = xrealloc(p, cap *= 2);
    }
    p[n] = '\0';
    *out_r = p;
    if (n_out != NULL)
        *n_out = n;
    p = NULL;
out:
    free(p);
    close(fd);
    return rc;
}

enum tocsin_rc
file_sync_dir(const char *path, struct tocsin_err *err)
{
    enum tocsin_rc rc = TOCSIN_OK;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return err_sys(err, TOCSIN_FATAL, "", "cannot open folder '%s'", path);
    if (fsync(fd) < 0)
        rc = err_sys(err, TOCSIN_FATAL, "", "cannot sync folder '%s'", path);
    close(fd);
    return rc;
}

enum tocsin_rc
file_make_dirs(const char *path, unsigned mode, struct tocsin_err *err)
{
    enum tocsin_rc rc = TOCSIN_OK;
    char *copy = xstrdup(path);

    for (char *p = copy + 1;; p++) {
        char c = *p;

        if (c != '/' && c != '\0')
            continue;
        *p = '\0';
        if (mkdir(copy, (mode_t)mode) < 0 && errno != EEXIST) {
            rc = err_sys(err, TOCSIN_BAD_CONFIG, "", "cannot make folder '%s'", copy);
            break;
        }
        *p = c;
        if (c == '\0')
            break;
    }
    free(copy);
    return rc;
}
