/* SPDX-License-Identifier: Apache-2.0 */
/* cli_options.c - tocsin options: what may stand in tocsin.cfg, in rule files, and for which integration. */
#include <stdio.h>

#include "cli/cli_conf.h"
#include "conf/conf.h"

static const char usage[] = "usage: tocsin options [-p FOLDER] [--json]\n"
                            "Print every option with type, default, range and help.\n"
                            "  -p, --plugins FOLDER  where the integrations lie\n"
                            "      --json            as JSON\n";

int
cli_options(int argc, char **argv)
{
    struct cli_conf_args args;
    int status = cli_conf_parse(argc, argv, usage, &args);

    if (status < 0) {
        conf_print_options(args.plugins, args.json);
        status = fflush(stdout) == 0 ? 0 : 1;
    }
    cli_conf_release(&args);
    return status;
}
