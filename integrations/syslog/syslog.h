/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syslog.h - one syslog message taken apart; shared by the .c files of this folder.
 *
 *   message.c   RFC 5424 and RFC 3164, and what stands between them in the field
 *   bsdtime.c   the times of RFC 3164, without year or zone
 *   decode.c    messages to records
 */
#ifndef SYSLOG_SYSLOG_H
#define SYSLOG_SYSLOG_H

#include <tocsin/plugin.h>

enum { SYSLOG_PARAMS_MAX = 64, SYSLOG_PRI_MAX = 191 };

struct syslog_clock {
    int64_t received_at;
    int64_t offset_ms;             /* how far ahead of UTC a time without zone is */
    bool automatic;                /* or: so far that the message is about as old as its arrival */
};

/* An element's parameter; pointers into the message, which reading has changed. */
struct syslog_param { const char *id, *name, *value; };

/* Members are "" where the message does not say. */
struct syslog_message {
    int pri;                       /* -1: none */
    int64_t at;                    /* 0: none */
    const char *host, *app, *procid, *msgid, *text;
    struct syslog_param params[SYSLOG_PARAMS_MAX];
    size_t n_params;
};

/* text is changed: it is cut into pieces, which the members point to.  Never fails: what is not understood is text. */
void syslog_read(const struct tocsin_host *, const struct syslog_clock *, char *text, struct syslog_message *out);

/* The time at *p, which is moved behind it and one blank; 0, and *p stays, when there is none. */
int64_t syslog_time(const struct tocsin_host *, const struct syslog_clock *, const char **p);

#endif
