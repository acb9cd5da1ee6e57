/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - syslog messages to records.
 *
 * From a collector of type syslog a payload is one message, and the label peer
 * says whose; it may hold line ends.  By any other way each line is a message.
 */
#include <stdlib.h>
#include <string.h>

#include "logline.h"
#include "syslog.h"

struct syslog { int64_t offset_ms; bool automatic; };

/* --- settings ------------------------------------------------------------------------------ */

static const struct tocsin_option options[] = {
    { "utc_offset", TOCSIN_OPT_STRING, "+00:00",
      "of senders whose times have no zone: such as \"+02:00\", or \"auto\" for what fits the arrival best", NULL },
    { NULL, TOCSIN_OPT_STRING, NULL, NULL, NULL }
};

/* "+hh:mm" */
static bool
read_offset(const char *text, int64_t *ms_r)
{
    int hours, minutes;

    if (strlen(text) != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' ||
        strspn(text + 1, "0123456789") != 2 || strspn(text + 4, "0123456789") != 2)
        return false;
    hours = 10 * (text[1] - '0') + text[2] - '0';
    minutes = 10 * (text[4] - '0') + text[5] - '0';
    *ms_r = (text[0] == '-' ? -1 : 1) * (hours * 60ll + minutes) * 60000;
    return hours <= 14 && minutes < 60;
}

static enum tocsin_rc
open_syslog(const struct tocsin_host *host, const struct tocsin_settings *set, void **self_r, struct tocsin_err *err)
{
    const char *offset = host->setting(set, "utc_offset");
    struct syslog *s;
    int64_t ms = 0;
    bool automatic = strcmp(offset, "auto") == 0;

    if (!automatic && !read_offset(offset, &ms))
        return host->fail(err, TOCSIN_BAD_CONFIG, "utc_offset", "found '%s', expected \"auto\" or an offset such as "
                          "\"+02:00\"", offset);
    s = malloc(sizeof *s);
    if (s == NULL)
        return host->fail(err, TOCSIN_TEMPORARY, "", "out of memory");
    *s = (struct syslog){ ms, automatic };
    *self_r = s;
    return TOCSIN_OK;
}

static void
close_syslog(void *self)
{
    free(self);
}

/* --- a message ----------------------------------------------------------------------------- */

static const char *
peer_of(const struct tocsin_payload *in)
{
    for (size_t i = 0; i < in->n_topic_labels; i++)
        if (strcmp(in->topic_labels[i].name, "peer") == 0)
            return in->topic_labels[i].value;
    return NULL;
}

static void
add(const struct logs *logs, const struct syslog_message *m, const char *peer)
{
    static const char *const severities[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };
    static const char *const facilities[] = {
        "kern",   "user",   "mail",   "daemon", "auth",   "syslog", "lpr",    "news",
        "uucp",   "cron",   "authpriv", "ftp",  "ntp",    "audit",  "alert",  "clock",
        "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"
    };
    const struct tocsin_host *host = logs->host;
    struct logline line = {
        .message = m->text, .level = m->pri >= 0 ? severities[m->pri % 8] : "",
        .host = m->host[0] != '\0' ? m->host : peer, .app = m->app,
        .unit = "", .namespace = "", .pod = "", .container = "", .at = m->at,
    };
    struct tocsin_alert *alert;

    if (line.message[strspn(line.message, " \t\r\n")] == '\0') {
        line.message = m->msgid;   /* all there is to say is there, or in the elements */
        for (size_t i = 0; i < m->n_params && i < 16; i++)
            line.message = host->batch_printf(logs->out, "%s%s%s=%s", line.message, line.message[0] != '\0' ? " " : "",
                                              m->params[i].name, m->params[i].value);
    }
    alert = logline_add(logs, &line, NULL);
    if (alert == NULL)
        return;
    host->alert_label(logs->out, alert, "facility", m->pri >= 0 ? facilities[m->pri / 8] : NULL);
    host->alert_label(logs->out, alert, "procid", m->procid);
    host->alert_label(logs->out, alert, "msgid", m->msgid);
    for (size_t i = 0; i < m->n_params && alert->n_labels < SYSLOG_PARAMS_MAX; i++)
        host->alert_label(logs->out, alert, host->batch_printf(logs->out, "%s.%s", m->params[i].id, m->params[i].name),
                          m->params[i].value);
}

/* n bytes from a stranger; a NUL within would hide what is behind it. */
static void
decode_message(const struct syslog *s, const struct logs *logs, const char *bytes, size_t n, const char *peer)
{
    const struct syslog_clock clock = { logs->in->received_at, s->offset_ms, s->automatic };
    struct syslog_message m;
    char *text;

    while (n > 0 && (bytes[n - 1] == '\n' || bytes[n - 1] == '\r' || bytes[n - 1] == '\0'))
        n--;
    if (n == 0)
        return;
    text = logs->host->batch_printf(logs->out, "%*s", (int)n, "");
    for (size_t i = 0; i < n && text[i] != '\0'; i++)
        text[i] = bytes[i] != '\0' ? bytes[i] : ' ';
    syslog_read(logs->host, &clock, text, &m);
    add(logs, &m, peer);
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    const struct logs logs = { host, in, out, err };
    const char *peer = peer_of(in), *p = in->body, *end = p + in->len;

    if (peer != NULL) {
        decode_message(self, &logs, p, in->len, peer);
        return TOCSIN_OK;
    }
    while (p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((newline != NULL ? newline : end) - p);

        decode_message(self, &logs, p, n, "");
        p += n + (newline != NULL);
    }
    return TOCSIN_OK;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "syslog",
    .summary = "syslog, RFC 5424 and RFC 3164: records, for rules to make alerts of",
    .collector_options = options,
    .open = open_syslog,
    .close = close_syslog,
    .decode = decode,
};
