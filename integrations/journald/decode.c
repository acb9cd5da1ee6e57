/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - systemd's journal, as JSON (journalctl -o json) and in the export
 * format (journalctl -o export, systemd-journal-upload).
 *
 * An entry in export format is lines of NAME=value and ends with an empty
 * line; a value that is not plain text is a line NAME, its length in 8 bytes,
 * little-endian, and the bytes.  Entries are turned into what JSON has, so
 * that there is one reader: text, or an array of bytes.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "logline.h"

/* Text, or an array of bytes; of a field that stands several times the first value. */
static const char *
message_of(const struct logs *logs, const json_t *value)
{
    size_t n = json_array_size(value);
    char *text;

    if (!json_is_array(value))
        return logs->host->text(logs->out, value);
    if (json_is_string(json_array_get(value, 0)) || json_is_array(json_array_get(value, 0)))
        return message_of(logs, json_array_get(value, 0));
    text = logs->host->batch_printf(logs->out, "%*s", (int)(n < 65536 ? n : 65536), "");
    for (size_t i = 0; i < n && text[i] != '\0'; i++) {
        json_int_t byte = json_integer_value(json_array_get(value, i));

        text[i] = byte > 0 && byte < 256 ? (char)byte : ' ';
    }
    return text;
}

static void
read_entry(const struct logs *logs, const json_t *entry, const char *path)
{
    static const char *const levels[] = { "PRIORITY", NULL };
    static const char *const hosts[] = { "_HOSTNAME", NULL };
    static const char *const units[] = { "_SYSTEMD_UNIT", "UNIT", "_SYSTEMD_USER_UNIT", "SYSLOG_IDENTIFIER", "_COMM", NULL };
    static const char *const containers[] = { "CONTAINER_NAME", NULL };
    static const char *const times[] = { "_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP", NULL };
    static const char *const words[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };
    const char *priority = logline_first(logs, entry, levels);
    struct logline line = {
        .message = message_of(logs, json_object_get(entry, "MESSAGE")),
        .level = strlen(priority) == 1 && priority[0] >= '0' && priority[0] <= '7' ? words[priority[0] - '0'] : priority,
        .host = logline_first(logs, entry, hosts),
        .unit = logline_first(logs, entry, units),
        .container = logline_first(logs, entry, containers),
        .at = logline_time(logs, logline_first(logs, entry, times)),
    };

    if (line.message[0] == '\0') {           /* too large for journalctl without --all, or an entry of fields alone */
        logs->host->batch_note(logs->out, "%s: an entry without MESSAGE is left out", path);
        return;
    }
    logline_add(logs, &line, entry);
}

/* --- export format ------------------------------------------------------------------------ */

static void
set_field(json_t *entry, const char *name, const char *value, size_t n)
{
    json_t *text = json_stringn(value, n);

    if (text == NULL) {            /* not UTF-8 */
        text = json_array();
        for (size_t i = 0; i < n; i++)
            json_array_append_new(text, json_integer((unsigned char)value[i]));
    }
    if (json_object_get(entry, name) == NULL)
        json_object_set_new(entry, name, text);
    else
        json_decref(text);
}

/* The field at *p; false when it is cut off. */
static bool
read_field(const struct logs *logs, json_t *entry, const char **p, const char *end)
{
    const char *newline = memchr(*p, '\n', (size_t)(end - *p));
    const char *line_end = newline != NULL ? newline : end, *equals = memchr(*p, '=', (size_t)(line_end - *p));
    const char *name_end = equals != NULL ? equals : line_end;
    const char *name = logs->host->batch_printf(logs->out, "%.*s", (int)(name_end - *p < 256 ? name_end - *p : 256), *p);
    uint64_t n = 0;

    if (equals != NULL) {
        set_field(entry, name, equals + 1, (size_t)(line_end - equals) - 1);
        *p = newline != NULL ? newline + 1 : end;
        return true;
    }
    if (newline == NULL || end - newline <= 8)
        return false;
    for (unsigned i = 0; i < 8; i++)
        n |= (uint64_t)(unsigned char)newline[1 + i] << (8 * i);
    if (n > (uint64_t)(end - newline - 9))
        return false;
    set_field(entry, name, newline + 9, (size_t)n);
    *p = newline + 9 + n;
    if (*p < end && **p == '\n')
        ++*p;
    return true;
}

static enum tocsin_rc
read_export(const struct logs *logs)
{
    const char *p = logs->in->body, *end = p + logs->in->len;
    enum tocsin_rc rc = TOCSIN_OK;

    for (size_t number = 1; rc == TOCSIN_OK && p < end; number++) {
        json_t *entry = json_object();
        char where[40];
        bool whole = true;

        snprintf(where, sizeof where, "entry %zu", number);
        while (whole && p < end && *p != '\n')
            whole = read_field(logs, entry, &p, end);
        if (!whole)
            rc = logs->host->fail(logs->err, TOCSIN_BAD_INPUT, where, "a field without '=' and without its length");
        else if (json_object_size(entry) > 0)
            read_entry(logs, entry, where);
        json_decref(entry);
        p += p < end;              /* the empty line */
    }
    return rc;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct logs logs = { host, in, out, err };
    char first = in->body[strspn(in->body, " \t\r\n\x1e")];     /* the last begins each text of a JSON sequence */

    (void)self;
    return first == '{' || first == '[' || first == '\0' ? logline_records(&logs, read_entry) : read_export(&logs);
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "journald",
    .summary = "systemd's journal, JSON or export format: records, for rules to make alerts of",
    .decode = decode,
};
