/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret.c - from a reference to the secret.
 *
 * The words of an error name the variable or file, never what it holds; and a
 * text that is no reference is not repeated, since it may be the secret.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "conf/conf.h"
#include "os/file.h"

enum { SECRET_MAX = 64 * 1024 };

/* Check and keep; cuts the newline that editors and `echo` leave. */
static enum tocsin_rc
keep(const char *what, const char *text, size_t n, struct arena *a, const char **out_r, struct tocsin_err *err)
{
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    if (n == 0)
        return err_set(err, TOCSIN_BAD_CONFIG, "", "%s is empty", what);
    if (memchr(text, '\0', n) != NULL)
        return err_set(err, TOCSIN_BAD_CONFIG, "", "%s holds a NUL byte", what);
    *out_r = arena_strndup(a, text, n);
    return TOCSIN_OK;
}

static enum tocsin_rc
from_file(const char *path, struct arena *a, const char **out_r, struct tocsin_err *err)
{
    enum tocsin_rc rc;
    char *text;
    size_t n;

    rc = file_read(path, SECRET_MAX, &text, &n, err);
    if (rc != TOCSIN_OK)
        return err_set(err, TOCSIN_BAD_CONFIG, "", "%s", err->what);
    rc = keep(arena_printf(a, "file '%s'", path), text, n, a, out_r, err);
    explicit_bzero(text, n);
    free(text);
    return rc;
}

static enum tocsin_rc
from_env(const char *name, struct arena *a, const char **out_r, struct tocsin_err *err)
{
    const char *text = getenv(name);

    if (text == NULL)
        return err_set(err, TOCSIN_BAD_CONFIG, "", "environment variable '%s' is not set", name);
    return keep(arena_printf(a, "environment variable '%s'", name), text, strlen(text), a, out_r, err);
}

static enum tocsin_rc
from_credentials(const char *name, struct arena *a, const char **out_r, struct tocsin_err *err)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");

    if (strchr(name, '/') != NULL)
        return err_set(err, TOCSIN_BAD_CONFIG, "", "'cred:%s': expected a name without '/'", name);
    if (dir == NULL || dir[0] == '\0')
        return err_set(err, TOCSIN_BAD_CONFIG, "",
                       "'cred:%s': $CREDENTIALS_DIRECTORY is not set; systemd sets it for LoadCredential=", name);
    return from_file(arena_printf(a, "%s/%s", dir, name), a, out_r, err);
}

enum tocsin_rc
conf_secret(const char *reference, struct arena *a, const char **out_r, struct tocsin_err *err)
{
    static const struct {
        const char *prefix;
        enum tocsin_rc (*read)(const char *, struct arena *, const char **, struct tocsin_err *);
    } kinds[] = { { "env:", from_env }, { "file:", from_file }, { "cred:", from_credentials } };
    struct tocsin_err scratch;

    if (err == NULL)
        err = &scratch;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t n = strlen(kinds[i].prefix);

        if (strncmp(reference, kinds[i].prefix, n) != 0)
            continue;
        if (reference[n] == '\0')
            return err_set(err, TOCSIN_BAD_CONFIG, "", "'%s' names nothing", kinds[i].prefix);
        return kinds[i].read(reference + n, a, out_r, err);
    }
    return err_set(err, TOCSIN_BAD_CONFIG, "",
                   "a secret stands in the file itself, where all who read or copy it see it; expected a reference "
                   "such as \"env:NAME\", \"file:/path\" or \"cred:NAME\"");
}
