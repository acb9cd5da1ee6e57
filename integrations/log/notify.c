/* SPDX-License-Identifier: Apache-2.0 */
/* notify.c - every change as a line of tocsin's own log: for trying things out, and as a last resort's witness. */
#include <tocsin/plugin.h>

static const char *
word(enum tocsin_change change)
{
    switch (change) {
    case TOCSIN_TRIGGER:
        return "triggered";
    case TOCSIN_UPDATE:
        return "updated";
    case TOCSIN_ACKNOWLEDGE:
        return "acknowledged";
    case TOCSIN_UNACKNOWLEDGE:
        return "unacknowledged";
    case TOCSIN_NOTE:
        return "note";
    case TOCSIN_RESOLVE:
        return "resolved";
    }
    return "changed";
}

static enum tocsin_rc
log_render(void *self, const struct tocsin_host *host, const struct tocsin_job *job, struct tocsin_request *out,
           struct tocsin_err *err)
{
    const struct tocsin_incident *inc = job->incident;
    const char *what = inc->summary, *by = inc->by;

    (void)self;
    (void)err;
    if (job->change == TOCSIN_NOTE) {
        what = inc->note != NULL ? inc->note : "";
        by = inc->note_by != NULL ? inc->note_by : "";
    }
    host->request_log(out, host->request_printf(out, "%s %s %s %s%s%s", word(job->change), inc->id,
                                                host->severity_name(inc->severity), host->request_cut(out, what, 1024),
                                                by[0] != '\0' ? " by " : "", by));
    return TOCSIN_OK;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .flags = TOCSIN_DEDUPES | TOCSIN_CAN_ACK | TOCSIN_CAN_UNACK | TOCSIN_CAN_NOTE,
    .name = "log",
    .summary = "a line in tocsin's own log",
    .render = log_render,
};
