/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xid.c - NVIDIA's Xid codes: what they mean, how bad they are, and the line of
 * the kernel log that reports one:
 *
 *   NVRM: Xid (PCI:0000:17:00): 79, pid=1234, name=python, GPU has fallen off the bus.
 *
 * Critical: the GPU cannot be used before a reset or at all.  Warning: mostly
 * the program's own fault, or repaired by the hardware.  All others, and those
 * that are not in the table: error.
 */
#include <stdlib.h>
#include <string.h>

#include "training.h"

static const struct { long code; enum tocsin_severity severity; const char *meaning; } codes[] = {
    { 13, TOCSIN_WARNING, "graphics engine exception" },
    { 31, TOCSIN_WARNING, "GPU memory page fault" },
    { 32, TOCSIN_WARNING, "invalid or corrupted push buffer stream" },
    { 38, TOCSIN_ERROR, "driver firmware error" },
    { 43, TOCSIN_WARNING, "GPU stopped processing" },
    { 45, TOCSIN_WARNING, "preemptive cleanup, due to previous errors" },
    { 48, TOCSIN_CRITICAL, "double-bit ECC error" },
    { 61, TOCSIN_ERROR, "internal micro-controller breakpoint" },
    { 62, TOCSIN_CRITICAL, "internal micro-controller halt" },
    { 63, TOCSIN_WARNING, "ECC page retirement or row remapping recorded" },
    { 64, TOCSIN_CRITICAL, "ECC page retirement or row remapper failure" },
    { 68, TOCSIN_WARNING, "video processor exception" },
    { 69, TOCSIN_WARNING, "graphics engine class error" },
    { 74, TOCSIN_ERROR, "NVLink error" },
    { 79, TOCSIN_CRITICAL, "GPU has fallen off the bus" },
    { 92, TOCSIN_WARNING, "high single-bit ECC error rate" },
    { 94, TOCSIN_ERROR, "contained memory error" },
    { 95, TOCSIN_CRITICAL, "uncontained memory error" },
    { 109, TOCSIN_ERROR, "context switch timeout" },
    { 119, TOCSIN_CRITICAL, "GSP RPC timeout" },
    { 120, TOCSIN_CRITICAL, "GSP error" },
    { 121, TOCSIN_WARNING, "corrected error on the C2C link" },
    { 140, TOCSIN_CRITICAL, "unrecovered ECC error" },
    { 143, TOCSIN_CRITICAL, "GPU initialization failure" },
    { 154, TOCSIN_ERROR, "GPU recovery action changed" },
};

const char *
xid_meaning(long code)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].code == code)
            return codes[i].meaning;
    return NULL;
}

enum tocsin_severity
xid_severity(long code)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].code == code)
            return codes[i].severity;
    return TOCSIN_ERROR;
}

static const char mark[] = "NVRM: Xid (";

bool
xid_in_text(const char *text)
{
    return strstr(text, mark) != NULL;
}

/* What the driver says behind the code, without the process: "GPU has fallen off the bus." */
static const char *
details(const char *p)
{
    static const char *const skipped[] = { ", pid=", ", name=" };

    for (size_t i = 0; i < sizeof skipped / sizeof skipped[0]; i++)
        if (strncmp(p, skipped[i], strlen(skipped[i])) == 0)
            p += 2 + strcspn(p + 2, ",");
    return p + strspn(p, ", ");
}

/* line: from the mark on, without the line's end.  Older drivers write the address without "PCI:". */
static enum tocsin_rc
read_line(struct event *ev, const char *line)
{
    static const char *const scope[] = { "cluster", "host", NULL };
    const struct tocsin_host *host = ev->host;
    const char *pci = line + strlen(mark), *close, *meaning, *where = training_field(ev, "host");
    struct tocsin_alert *alert;
    char *end;
    long code;

    if (strncmp(pci, "PCI:", 4) == 0)
        pci += 4;
    close = strstr(pci, "): ");
    code = close != NULL ? strtol(close + 3, &end, 10) : 0;
    if (code <= 0)
        return host->fail(ev->err, TOCSIN_MEANINGLESS, "body", "expected 'NVRM: Xid (PCI:<address>): <number>'");
    pci = host->batch_printf(ev->out, "%.*s", (int)(close - pci), pci);
    meaning = xid_meaning(code);
    alert = host->alert_new(ev->out);
    alert->status = TOCSIN_FIRING;
    alert->severity = xid_severity(code);
    alert->dedup_key = host->batch_printf(ev->out, "%s/%s/%ld", training_key(ev, "xid", scope), pci, code);
    alert->summary = host->batch_printf(ev->out, "Xid %ld (%s), GPU %s%s%s", code,
                                        meaning != NULL ? meaning : details(end), pci,
                                        where[0] != '\0' ? " on " : "", where);
    alert->expires_at = ev->in->received_at + TRAINING_KEEP;
    training_labels(ev, alert);
    host->alert_label(ev->out, alert, "event", "xid");
    host->alert_label(ev->out, alert, "xid", host->batch_printf(ev->out, "%ld", code));
    host->alert_label(ev->out, alert, "pci", pci);
    host->alert_annotation(ev->out, alert, "log", line);
    return TOCSIN_OK;
}

enum tocsin_rc
xid_read_text(struct event *ev)
{
    enum tocsin_rc rc = TOCSIN_OK;

    for (const char *p = strstr(ev->in->body, mark); rc == TOCSIN_OK && p != NULL; p = strstr(p + 1, mark))
        rc = read_line(ev, ev->host->batch_printf(ev->out, "%.*s", (int)strcspn(p, "\r\n"), p));
    return rc;
}
