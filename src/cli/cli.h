/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.h - the operator's commands that speak to a running daemon over REST.
 *
 * Exit status: 0 done, 1 refused or not reachable, 2 wrong usage.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

/* argv[0] is the command ("send", "incidents"); the program's name before it is fine too. */
int cli_main(int argc, char **argv);
/* 1 when cli_main() knows the command. */
int cli_find(const char *command);

#endif
