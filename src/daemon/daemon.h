/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon.h - `tocsin run`: the parts put together.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

/* `tocsin run [-c FILE]`: the exit status of the process. */
int daemon_main(int argc, char **argv);

#endif
