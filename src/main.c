/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - sub-commands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/cli_conf.h"
#include "daemon/daemon.h"

static int help(int argc, char **argv);
static int version(int argc, char **argv);

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *text;
} commands[] = {
    { "run", daemon_main, "the daemon, in the foreground" },
    { "check", cli_check, "validate a configuration and its rules" },
    { "options", cli_options, "every option of the configuration, with default and meaning" },
    { "explain", cli_main, "what a payload would become: alerts, rules, incident, who is paged" },
    { "test", cli_main, "run cases of rules and escalations in virtual time" },
    { "send", cli_main, "post an alert" },
    { "incidents", cli_main, "list, show, ack, unack, resolve, snooze, note, escalate" },
    { "silence", cli_main, "list, add, expire" },
    { "heartbeats", cli_main, "what is to be heard of every now and then, and whether it is" },
    { "version", version, "print the version" },
    { "help", help, "this text" },
};

enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void
print_commands(FILE *to)
{
    fputs("usage: tocsin COMMAND [ARGUMENT ...]\n\n", to);
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].text);
    fputs("\ntocsin COMMAND --help tells more.\n", to);
}

static int
help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    print_commands(stdout);
    return 0;
}

static int
version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("tocsin " TOCSIN_VERSION);
    return 0;
}

static int
unknown(const char *name)
{
    const char *nearest = NULL;
    unsigned best = 3;

    for (size_t i = 0; i < N_COMMANDS; i++) {
        unsigned d = text_distance(name, commands[i].name);

        if (d < best) {
            best = d;
            nearest = commands[i].name;
        }
    }
    fprintf(stderr, "tocsin: unknown command '%s'", name);
    if (nearest != NULL)
        fprintf(stderr, "; did you mean '%s'?", nearest);
    fputs("\n\n", stderr);
    print_commands(stderr);
    return 2;
}

int
main(int argc, char **argv)
{
    /*
     * libjq puts ~/.jq before every program that it compiles, and has no switch against it: an operator's own functions
     * would change rules and mappings on one machine and not on another.  Nothing else here looks for a home.
     */
    unsetenv("HOME");
    if (argc < 2) {
        print_commands(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help(argc, argv);
    if (strcmp(argv[1], "--version") == 0)
        return version(argc, argv);
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return unknown(argv[1]);
}
