/* SPDX-License-Identifier: Apache-2.0 */
/* cli_conf.c - the arguments of the commands about configuration files. */
#include "cli/cli_conf.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "conf/conf.h"
#include "plugin/loader.h"

int
cli_conf_parse(int argc, char **argv, const char *usage, struct cli_conf_args *out)
{
    static const struct option known[] = { { "config", required_argument, NULL, 'c' },
                                           { "plugins", required_argument, NULL, 'p' },
                                           { "json", no_argument, NULL, 'j' },
                                           { "help", no_argument, NULL, 'h' },
                                           { NULL, 0, NULL, 0 } };
    int c;

    *out = (struct cli_conf_args){ .file = conf_default_file() };
    optind = 0; /* the program has read its own arguments before */
    while ((c = getopt_long(argc, argv, "c:p:h", known, NULL)) != -1) {
        switch (c) {
        case 'c':
            out->file = optarg;
            break;
        case 'p':
            free(out->plugins);
            out->plugins = xstrdup(optarg);
            break;
        case 'j':
            out->json = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "unexpected argument '%s'\n%s", argv[optind], usage);
        return 2;
    }
    if (out->plugins == NULL)
        out->plugins = plugin_default_dir();
    return -1;
}

void
cli_conf_release(struct cli_conf_args *args)
{
    free(args->plugins);
    *args = (struct cli_conf_args){ 0 };
}
