/* SPDX-License-Identifier: Apache-2.0 */
/* paths.h - where tocsin finds its files. */
#ifndef OS_PATHS_H
#define OS_PATHS_H

/* $TOCSIN_PLUGIN_DIR; else plugins/ beside the program (a build tree), else ../lib/tocsin/plugins.  Static. */
const char *path_plugin_dir(void);
/* The argument if given, else $TOCSIN_CONFIG, else /etc/tocsin/tocsin.cfg. */
const char *path_config(const char *argument);

#endif
