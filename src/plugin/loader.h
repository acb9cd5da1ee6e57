/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loader.h - integrations as shared objects.
 *
 * <plugin_dir>/<name>.so exports `tocsin_plugin`.  abi must be equal; the host
 * copies min(size) into a zeroed struct, so a member that an older integration
 * does not have is NULL.  A shared object is loaded once and stays loaded.
 */
#ifndef PLUGIN_LOADER_H
#define PLUGIN_LOADER_H

#include <tocsin/plugin.h>

struct plugin { struct tocsin_plugin api; const char *path; };

/* Loaded before: the same pointer.  Errors: TOCSIN_NOT_FOUND (no such file), TOCSIN_BAD_CONFIG.  Thread-safe. */
enum tocsin_rc plugin_load(const char *plugin_dir, const char *name, struct plugin **out_r, struct tocsin_err *err);
/*
 * The check behind plugin_load(), for a table from anywhere: fills out->api, or says in err what is wrong with `path`,
 * which is expected to hold the integration `name`.
 */
enum tocsin_rc plugin_adopt(const struct tocsin_plugin *table, const char *path, const char *name, struct plugin *out,
                            struct tocsin_err *err);
/* Where the integrations lie unless somebody says otherwise: $TOCSIN_PLUGIN_DIR, the folder plugins/ beside the
 * program, or ../lib/tocsin/plugins from there.  Freed by the caller. */
char *plugin_default_dir(void);
/* Names of all integrations in the folder, sorted; for "did you mean" and options.  The caller frees each and all. */
char **plugin_names(const char *plugin_dir, size_t *n_out);

#endif
