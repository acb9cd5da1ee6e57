/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syslog_frame.h - a byte stream cut into syslog messages (RFC 6587).
 *
 * Two framings are in use, and nothing announces which: the length in front
 * ("34 <13>1 ..."), or a line end behind.  The beginning of a connection decides
 * for all of it: a message does not begin with a number and a blank.
 *
 * Pure: bytes in, messages out.  Memory is what one unfinished message takes,
 * at most the limit; of a longer message the beginning is put out and the rest
 * is skipped.
 */
#ifndef COLLECTOR_SYSLOG_FRAME_H
#define COLLECTOR_SYSLOG_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum syslog_framing { FRAMING_UNKNOWN = 0, FRAMING_LENGTH, FRAMING_LINE };

struct syslog_frames {
    enum syslog_framing framing;
    size_t max;                    /* of one message */
    char *part; size_t n, cap;     /* the beginning of a message whose end has not come */
    bool proven;                   /* FRAMING_LENGTH: the first length was one */
    bool in_message;               /* FRAMING_LENGTH: the length is read, and `rest` bytes are to come */
    uint64_t rest;
    bool skipping;                 /* the message was too long and is put out: what follows is its end */
    uint64_t cut;                  /* how many were too long */
};

typedef void (*syslog_message)(void *ctx, const char *p, size_t n);

void syslog_frames_init(struct syslog_frames *, size_t max);
void syslog_frames_release(struct syslog_frames *);
/* False: these are no frames, and nothing after them can be understood. */
bool syslog_frames_feed(struct syslog_frames *, const char *p, size_t n, syslog_message, void *ctx);
/* The stream is over: what has come of the last message is put out. */
void syslog_frames_end(struct syslog_frames *, syslog_message, void *ctx);

#endif
