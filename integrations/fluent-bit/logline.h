/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logline.h - records of logs to alerts.
 *
 * A record becomes one alert with what rules need: message, level, host, unit.
 * It fires, for a log has no end, and expires soon.  Several folders have links
 * to this logline.c and logline.h; what differs is where each source keeps the
 * values.
 */
#ifndef LOGLINE_H
#define LOGLINE_H

#include <tocsin/plugin.h>

struct logs {
    const struct tocsin_host *host;
    const struct tocsin_payload *in;
    struct tocsin_batch *out;
    struct tocsin_err *err;
};

/* "" is unknown, in all members. */
struct logline {
    const char *message;
    const char *level;             /* a word, or a number of pino (10-60) or syslog (0-7); else it is sought in the message */
    const char *host, *unit;
    const char *app;               /* where that is no unit; may be NULL */
    const char *namespace, *pod, *container;
    int64_t at;
};

typedef void (*logline_reader)(const struct logs *, const json_t *record, const char *path);

/* Each record of the body: an array of objects, one object, or objects one after another (NDJSON, with line ends or not). */
enum tocsin_rc logline_records(const struct logs *, logline_reader);
/* The first of the members that has a value; "a.b" is b in a, or a member of that name.  names ends with NULL. */
const char *logline_first(const struct logs *, const json_t *record, const char *const *names);
/* Seconds, milliseconds, microseconds or nanoseconds since 1970, or RFC 3339; 0 when it is none. */
int64_t logline_time(const struct logs *, const char *text);
/* A record without message is its own message; one whose message is blank is let pass: one bad record must not cost
 * the shipper its whole batch.  The record, for more labels; NULL when it was let pass. */
struct tocsin_alert *logline_add(const struct logs *, const struct logline *, const json_t *record);

#endif
