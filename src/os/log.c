/* SPDX-License-Identifier: Apache-2.0 */
#include "os/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"
#include "os/clock.h"

static atomic_int level = LOG_LEVEL_INFO;

void
log_set_level(enum log_level l)
{
    atomic_store(&level, (int)l);
}

enum log_level
log_level(void)
{
    return (enum log_level)atomic_load(&level);
}

static void
add_quoted(struct buf *b, const char *s)
{
    buf_addc(b, '"');
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;

        if (c == '"' || c == '\\')
            buf_addf(b, "\\%c", c);
        else if (c == '\n')
            buf_add(b, "\\n");
        else if (c < 0x20 || c == 0x7f)
            buf_addf(b, "\\x%02x", c);
        else
            buf_addc(b, (char)c);
    }
    buf_addc(b, '"');
}

static void
emit(enum log_level l, const char *comp, const char *subject, const char *fmt, va_list ap)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    char when[TIME_TEXT];
    struct buf line;
    char *msg = NULL;

    if (l > log_level())
        return;
    if (vasprintf(&msg, fmt, ap) < 0)
        return;
    buf_init(&line, 65536);
    buf_addf(&line, "%s level=%s comp=%s", time_format(clock_wall_ms(), when), names[l], comp);
    if (subject != NULL && subject[0] != '\0') {
        buf_add(&line, " subject=");
        add_quoted(&line, subject);
    }
    buf_add(&line, " msg=");
    add_quoted(&line, msg);
    buf_addc(&line, '\n');
    if (line.n > 0 && write(STDERR_FILENO, line.p, line.n) < 0) {
        /* nobody is left to tell */
    }
    buf_release(&line);
    free(msg);
}

#define LOG_FUNCTION(name, lvl)                                       \
    void name(const char *comp, const char *subject, const char *fmt, ...) \
    {                                                                 \
        va_list ap;                                                   \
                                                                      \
        va_start(ap, fmt);                                            \
        emit(lvl, comp, subject, fmt, ap);                            \
        va_end(ap);                                                   \
    }

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

void
complain(struct complaint *c, const char *comp, const char *subject, const char *fmt, ...)
{
    int64_t now = clock_mono_ms();
    char more[64] = "", *text = NULL;
    va_list ap;

    c->suppressed++;
    if (c->active && now < c->next_ms)
        return;
    c->wait_ms = c->active ? (c->wait_ms < 1800000 ? c->wait_ms * 2 : 3600000) : 2000;
    c->next_ms = now + c->wait_ms;
    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        text = NULL;
    va_end(ap);
    if (c->active && c->suppressed > 1)
        snprintf(more, sizeof more, " (%lu times since the last such line)", c->suppressed);
    log_warn(comp, subject, "%s%s", text != NULL ? text : fmt, more);
    free(text);
    c->active = 1;
    c->suppressed = 0;
}

void
complaint_over(struct complaint *c, const char *comp, const char *subject, const char *fmt, ...)
{
    va_list ap;

    if (!c->active)
        return;
    *c = (struct complaint){ 0 };
    va_start(ap, fmt);
    emit(LOG_LEVEL_INFO, comp, subject, fmt, ap);
    va_end(ap);
}
