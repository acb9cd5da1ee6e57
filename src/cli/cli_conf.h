/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli_conf.h - the commands about configuration files.
 *
 * argv[0] is the command's name.  The result is the exit status: 0 yes, 1 no, 2 wrong usage.
 */
#ifndef CLI_CLI_CONF_H
#define CLI_CLI_CONF_H

#include <stdbool.h>

int cli_check(int argc, char **argv);
int cli_options(int argc, char **argv);

/* What both take.  `plugins` is never NULL afterwards; released with cli_conf_release(). */
struct cli_conf_args {
    const char *file;
    char *plugins;
    bool json;
};
/* -1 to go on; otherwise the exit status of the command, whose usage has been printed. */
int cli_conf_parse(int argc, char **argv, const char *usage, struct cli_conf_args *out);
void cli_conf_release(struct cli_conf_args *);

#endif
