/* SPDX-License-Identifier: Apache-2.0 */
#include "os/paths.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char plugin_dir[PATH_MAX];

static void
find_plugin_dir(void)
{
    const char *env = getenv("TOCSIN_PLUGIN_DIR");
    char self[PATH_MAX / 2] = "", *slash;
    struct stat st;

    if (env != NULL && env[0] != '\0') {
        snprintf(plugin_dir, sizeof plugin_dir, "%s", env);
        return;
    }
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        self[0] = '\0';
    slash = strrchr(self, '/');
    if (slash != NULL)
        *slash = '\0';
    snprintf(plugin_dir, sizeof plugin_dir, "%s/plugins", self);
    if (stat(plugin_dir, &st) < 0)
        snprintf(plugin_dir, sizeof plugin_dir, "%s/../lib/tocsin/plugins", self);
}

const char *
path_plugin_dir(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, find_plugin_dir);
    return plugin_dir;
}

const char *
path_config(const char *argument)
{
    const char *env = getenv("TOCSIN_CONFIG");

    if (argument != NULL)
        return argument;
    return env != NULL && env[0] != '\0' ? env : "/etc/tocsin/tocsin.cfg";
}
