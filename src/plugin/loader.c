/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loader.c - integrations as shared objects.
 *
 * A table is checked before anything in it is called: abi and size stand first
 * in every version of it.  What is loaded stays loaded: instances hold
 * pointers into it, a reload finds it again, and leak checkers can name its
 * functions to the end.  A newer file of the same path is therefore used after
 * a restart, not after a reload.
 */
#include "plugin/loader.h"

#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xalloc.h"

/* Where this ABI ends: every table of it is at least so large. */
#define ABI_SIZE (offsetof(struct tocsin_plugin, refuse) + sizeof(((struct tocsin_plugin *)0)->refuse))

struct entry {
    struct plugin plugin;
    struct entry *next;
};

static struct {
    pthread_mutex_t lock;
    struct entry *first;
} registry = { PTHREAD_MUTEX_INITIALIZER, NULL };

/* --- the table ------------------------------------------------------------------------ */

enum tocsin_rc
plugin_adopt(const struct tocsin_plugin *table, const char *path, const char *name, struct plugin *out,
             struct tocsin_err *err)
{
    if (table->abi != TOCSIN_PLUGIN_ABI)
        return err_set(err, TOCSIN_BAD_CONFIG, "",
                       "integration '%s' has ABI %u, this tocsin needs %u: build it against this version", path,
                       table->abi, TOCSIN_PLUGIN_ABI);
    if (table->size < ABI_SIZE)
        return err_set(err, TOCSIN_BAD_CONFIG, "",
                       "integration '%s' has a table of %u bytes, ABI %u has at least %zu: it is incomplete", path,
                       table->size, TOCSIN_PLUGIN_ABI, ABI_SIZE);
    memset(&out->api, 0, sizeof out->api);
    memcpy(&out->api, table, table->size < sizeof out->api ? table->size : sizeof out->api);
    if (out->api.name == NULL || strcmp(out->api.name, name) != 0)
        return err_set(err, TOCSIN_BAD_CONFIG, "", "integration '%s' calls itself '%s', expected '%s'", path,
                       out->api.name != NULL ? out->api.name : "", name);
    return TOCSIN_OK;
}

/* --- loading ----------------------------------------------------------------------------- */

static bool
is_plugin_name(const char *name)
{
    size_t n = 0;

    for (; name[n] != '\0'; n++)
        if (!isalnum((unsigned char)name[n]) && name[n] != '-' && name[n] != '_')
            return false;
    return n > 0 && n < 64;
}

static struct plugin *
find_loaded(const char *path)
{
    for (struct entry *e = registry.first; e != NULL; e = e->next)
        if (strcmp(e->plugin.path, path) == 0)
            return &e->plugin;
    return NULL;
}

/* path is absolute and exists.  A refused object stays mapped, once: the next try gets the same handle. */
static enum tocsin_rc
load_locked(const char *path, const char *name, struct plugin **out_r, struct tocsin_err *err)
{
    const struct tocsin_plugin *table;
    struct plugin adopted;
    struct entry *e;
    enum tocsin_rc rc;
    void *dl;

    *out_r = find_loaded(path);
    if (*out_r != NULL)
        return TOCSIN_OK;
    dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (dl == NULL)
        return err_set(err, TOCSIN_BAD_CONFIG, "", "cannot load integration '%s': %s; ldd shows what it needs", name,
                       dlerror());
    table = dlsym(dl, "tocsin_plugin");
    if (table == NULL)
        return err_set(err, TOCSIN_BAD_CONFIG, "", "'%s' is no integration: it does not export tocsin_plugin", path);
    rc = plugin_adopt(table, path, name, &adopted, err);
    if (rc != TOCSIN_OK)
        return rc;
    e = xcalloc(1, sizeof *e);
    e->plugin = adopted;
    e->plugin.path = xstrdup(path);
    e->next = registry.first;
    registry.first = e;
    *out_r = &e->plugin;
    return TOCSIN_OK;
}

enum tocsin_rc
plugin_load(const char *plugin_dir, const char *name, struct plugin **out_r, struct tocsin_err *err)
{
    struct plugin *found = NULL;
    enum tocsin_rc rc;
    char *path, *real;

    if (!is_plugin_name(name))
        return err_set(err, TOCSIN_NOT_FOUND, "", "'%s' is not a name of an integration", name);
    path = xasprintf("%s/%s.so", plugin_dir, name);
    real = realpath(path, NULL); /* one folder under two names is loaded once */
    if (real == NULL) {
        rc = errno == ENOENT || errno == ENOTDIR ? TOCSIN_NOT_FOUND : TOCSIN_BAD_CONFIG;
        rc = err_sys(err, rc, "", "cannot open integration '%s'", path);
        goto out;
    }
    pthread_mutex_lock(&registry.lock);
    rc = load_locked(real, name, &found, err);
    pthread_mutex_unlock(&registry.lock);
    if (rc == TOCSIN_OK)
        *out_r = found;
out:
    free(real);
    free(path);
    return rc;
}

/* --- what there is --------------------------------------------------------------------------- */

static int
is_shared_object(const struct dirent *e)
{
    size_t n = strlen(e->d_name);

    return n > 3 && strcmp(e->d_name + n - 3, ".so") == 0;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

char **
plugin_names(const char *plugin_dir, size_t *n_out)
{
    struct dirent **found = NULL;
    int n = scandir(plugin_dir, &found, is_shared_object, by_name);
    char **names = xcalloc((size_t)(n > 0 ? n : 0) + 1, sizeof *names);

    *n_out = 0;
    for (int i = 0; i < n; i++) {
        size_t len = strlen(found[i]->d_name) - 3;

        names[*n_out] = xstrndup(found[i]->d_name, len);
        if (is_plugin_name(names[*n_out]))
            (*n_out)++;
        else
            free(names[*n_out]);
        free(found[i]);
    }
    free(found);
    return names;
}

char *
plugin_default_dir(void)
{
    static const char *const places[] = { "plugins", "../lib/tocsin/plugins" };
    const char *env = getenv("TOCSIN_PLUGIN_DIR");
    char exe[PATH_MAX], *slash;
    ssize_t n;

    if (env != NULL && env[0] != '\0')
        return xstrdup(env);
    n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[n > 0 ? n : 0] = '\0';
    slash = strrchr(exe, '/');
    for (size_t i = 0; slash != NULL && i < sizeof places / sizeof places[0]; i++) {
        char *dir = xasprintf("%.*s/%s", (int)(slash - exe), exe, places[i]);
        struct stat st;

        if (stat(dir, &st) == 0 && S_ISDIR(st.st_mode))
            return dir;
        free(dir);
    }
    return xstrdup("/usr/local/lib/tocsin/plugins");
}
