/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - one line per event on stderr, in logfmt: time level comp key=value msg="...".
 *
 * Thread-safe.  Control characters from strangers are escaped.  Payloads and
 * secrets are never logged.
 */
#ifndef OS_LOG_H
#define OS_LOG_H

enum log_level { LOG_LEVEL_ERROR = 0, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level);
enum log_level log_level(void);
/* comp is the part that speaks: "http", "mqtt", "store", "notifier", ...; subject is "" or what it is about:
 * a collector, a notifier, an incident. */
void log_error(const char *comp, const char *subject, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void log_warn(const char *comp, const char *subject, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void log_info(const char *comp, const char *subject, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void log_debug(const char *comp, const char *subject, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* A failure that repeats: said at once, then after 2, 4, 8 ... up to 3600 s with the number of times it came. */
struct complaint { long long next_ms, wait_ms; unsigned long suppressed; int active; };
void complain(struct complaint *, const char *comp, const char *subject, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* One line "recovered" if there was a complaint. */
void complaint_over(struct complaint *, const char *comp, const char *subject, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
