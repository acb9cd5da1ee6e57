/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notification.c - a notification of Nagios, Icinga or Checkmk.
 *
 * All three tell the same things under names that differ in writing alone:
 * $HOSTNAME$, NAGIOS_HOSTNAME, host.name, NOTIFY_HOSTNAME, host_name.  So names
 * are folded (lower case, letters and digits only, without the program's own
 * prefix) before they are looked up, and objects are flattened by one level.
 *
 * The state says whether something is wrong; the type only where it is about
 * something else: an acknowledgement, or the begin of a downtime or of flapping,
 * changes nothing.
 */
#include "notification.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FOLDED = 80, MAX_OWN = 40 };

struct source {
    const struct tocsin_host *host;
    const struct tocsin_settings *set;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    json_t *fields; /* folded name: scalar */
    size_t n_own;   /* labels that the sender names itself */
};

const struct tocsin_option notification_options[] = {
    { "unknown", TOCSIN_OPT_STRING, "record", "a check in state UNKNOWN: record it, or page as for a warning",
      "record|page" },
    { NULL, 0, NULL, NULL, NULL },
};

enum tocsin_rc
notification_open(const struct tocsin_host *host, const struct tocsin_settings *set, void **self_r,
                  struct tocsin_err *err)
{
    (void)host;
    (void)err;
    *self_r = (void *)(uintptr_t)set;
    return TOCSIN_OK;
}

/* --- names --------------------------------------------------------------------------- */

static void
fold(const char *parent, const char *name, char out[FOLDED])
{
    static const char *const prefixes[] = { "nagios", "icinga", "notify" };
    const char *parts[] = { parent, name };
    size_t n = 0;

    for (int i = 0; i < 2; i++)
        for (const char *p = parts[i]; *p != '\0' && n + 1 < FOLDED; p++)
            if (isalnum((unsigned char)*p))
                out[n++] = (char)tolower((unsigned char)*p);
    out[n] = '\0';
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        size_t len = strlen(prefixes[i]);

        if (n > len && strncmp(out, prefixes[i], len) == 0) {
            memmove(out, out + len, n - len + 1);
            return;
        }
    }
}

static void
collect(struct source *s, const char *parent, const json_t *object)
{
    const char *name;
    json_t *value;
    char folded[FOLDED];

    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        if (json_is_object(value) && parent[0] == '\0') {
            collect(s, name, value);
        } else if (!json_is_null(value) && !json_is_object(value) && !json_is_array(value)) {
            fold(parent, name, folded);
            json_object_set(s->fields, folded, value);
        }
    }
}

/* The first of several names, separated by blanks, that has a value. */
static const char *
get(const struct source *s, const char *names)
{
    for (const char *p = names; *p != '\0';) {
        size_t n = strcspn(p, " ");
        char name[FOLDED];
        const char *text;

        memcpy(name, p, n);
        name[n] = '\0';
        text = s->host->text(s->out, json_object_get(s->fields, name));
        /* a macro that did not apply comes as it was written, or empty */
        if (text[0] != '\0' && !(text[0] == '$' && text[strlen(text) - 1] == '$'))
            return text;
        p += n + strspn(p + n, " ");
    }
    return "";
}

static int64_t
time_at(const struct source *s, const char *names)
{
    const char *text = get(s, names);
    char *end;
    double seconds;

    errno = 0;
    seconds = strtod(text, &end);
    if (end != text && *end == '\0')
        return errno == 0 && seconds > 0 && seconds < 1e11 ? (int64_t)(seconds * 1000) : 0;
    return s->host->time_of(text);
}

/* --- state --------------------------------------------------------------------------- */

static const struct {
    const char *word;
    enum tocsin_status status;
    enum tocsin_severity severity;
} states[] = {
    { "OK", TOCSIN_RESOLVED, TOCSIN_SEV_NONE },       { "UP", TOCSIN_RESOLVED, TOCSIN_SEV_NONE },
    { "RECOVERY", TOCSIN_RESOLVED, TOCSIN_SEV_NONE }, { "WARNING", TOCSIN_FIRING, TOCSIN_WARNING },
    { "WARN", TOCSIN_FIRING, TOCSIN_WARNING },        { "CRITICAL", TOCSIN_FIRING, TOCSIN_CRITICAL },
    { "CRIT", TOCSIN_FIRING, TOCSIN_CRITICAL },       { "DOWN", TOCSIN_FIRING, TOCSIN_CRITICAL },
    { "UNREACHABLE", TOCSIN_FIRING, TOCSIN_ERROR },   { "UNREACH", TOCSIN_FIRING, TOCSIN_ERROR },
    { "UNKNOWN", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },   { "UNKN", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },
    { "PENDING", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },   { "PEND", TOCSIN_UNKNOWN, TOCSIN_SEV_NONE },
};

static bool
is_told_only(const char *type)
{
    return strncasecmp(type, "ACKNOWLEDGE", 11) == 0 || strcasecmp(type, "DOWNTIMESTART") == 0 ||
           strcasecmp(type, "FLAPPINGSTART") == 0;
}

static enum tocsin_rc
read_state(const struct source *s, struct tocsin_alert *alert, const char *type, const char *state)
{
    size_t i = 0, n = sizeof states / sizeof states[0];

    if (state[0] == '\0' && type[0] == '\0')
        return s->host->fail(s->err, TOCSIN_MEANINGLESS, "$.service_state",
                             "expected a state: service_state, host_state or state");
    while (i < n && strcasecmp(states[i].word, state) != 0)
        i++;
    if (i == n && state[0] != '\0')
        return s->host->fail(s->err, TOCSIN_MEANINGLESS, "$.service_state",
                             "unknown state '%.60s'; expected OK, WARNING, CRITICAL, UNKNOWN, UP, DOWN or UNREACHABLE",
                             state);
    alert->status = i < n ? states[i].status : TOCSIN_FIRING;
    alert->severity = i < n ? states[i].severity : TOCSIN_SEV_NONE;
    if (i < n && strncmp(states[i].word, "UNK", 3) == 0 &&
        strcmp(s->host->setting(s->set, "unknown") != NULL ? s->host->setting(s->set, "unknown") : "", "page") == 0) {
        alert->status = TOCSIN_FIRING;
        alert->severity = TOCSIN_WARNING;
    }
    if (strcasecmp(type, "RECOVERY") == 0) {
        alert->status = TOCSIN_RESOLVED;
        alert->severity = TOCSIN_SEV_NONE;
    } else if (is_told_only(type)) {
        alert->status = TOCSIN_UNKNOWN;
    }
    return TOCSIN_OK;
}

/* --- the rest ------------------------------------------------------------------------ */

/* label_environment=prod, and the tags and labels of a Checkmk host. */
static void
own_labels(struct source *s, struct tocsin_alert *alert, const json_t *doc)
{
    static const char *const prefixes[] = { "label_", "NOTIFY_HOSTTAG_", "NOTIFY_HOSTLABEL_", "NOTIFY_SERVICELABEL_" };
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)doc, name, value)
    {
        for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
            size_t n = strlen(prefixes[i]);

            if (strncmp(name, prefixes[i], n) == 0 && name[n] != '\0' && s->n_own < MAX_OWN) {
                s->host->alert_label_json(s->out, alert, name + n, value);
                s->n_own++;
            }
        }
    }
}

static void
read_pairs(const struct source *s, struct tocsin_alert *alert)
{
    static const struct {
        const char *name, *names;
    } labels[] = {
        { "address", "hostaddress address address4" },
        { "site", "omdsite site" },
        { "hostgroups", "hostgroupnames hostgroups" },
        { "servicegroups", "servicegroupnames servicegroups" },
    };
    static const struct {
        const char *name, *names;
    } annotations[] = {
        { "alias", "hostalias alias hostdisplayname" },
        { "output", "serviceoutput hostoutput output checkresultoutput" },
        { "long_output", "longserviceoutput servicelongoutput longhostoutput longoutput" },
        { "notification_type", "notificationtype" },
        { "check_command", "servicecheckcommand hostcheckcommand checkcommand" },
        { "author", "notificationauthor ackauthor author" },
        { "comment", "notificationcomment ackcomment comment" },
        { "event", "event" },
        { "last_check", "lastservicecheck lasthostcheck lastcheck" },
        { "contact", "contactname" },
    };
    static const struct {
        const char *names, *text;
    } links[] = {
        { "url serviceurl hosturl", "source" },
        { "serviceactionurl hostactionurl actionurl", "action" },
        { "servicenotesurl hostnotesurl notesurl", "notes" },
    };

    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        s->host->alert_label(s->out, alert, labels[i].name, get(s, labels[i].names));
    for (size_t i = 0; i < sizeof annotations / sizeof annotations[0]; i++)
        s->host->alert_annotation(s->out, alert, annotations[i].name, get(s, annotations[i].names));
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        s->host->alert_link(s->out, alert, get(s, links[i].names), links[i].text);
    if (get(s, "url serviceurl hosturl")[0] == '/') /* Checkmk: below its own address, which it does not say */
        s->host->alert_annotation(s->out, alert, "path", get(s, "url serviceurl hosturl"));
}

static void
read_summary(const struct source *s, struct tocsin_alert *alert, const char *object, const char *type,
             const char *state)
{
    const char *output = get(s, "serviceoutput hostoutput output checkresultoutput");

    alert->summary = get(s, "summary");
    if (alert->summary[0] == '\0')
        alert->summary = s->host->batch_printf(s->out, "%s%s%s %s%s%s", is_told_only(type) ? type : "",
                                               is_told_only(type) ? ": " : "", object, state[0] != '\0' ? state : type,
                                               output[0] != '\0' ? ": " : "", output);
}

static enum tocsin_rc
read_notification(struct source *s, const json_t *doc)
{
    const char *host = get(s, "hostname host"), *site = get(s, "omdsite site"), *type = get(s, "notificationtype type");
    bool is_host = strcasecmp(get(s, "what"), "HOST") == 0;
    const char *service = is_host ? "" : get(s, "servicedesc servicedescription servicename service");
    const char *state, *object = host;
    struct tocsin_alert *alert;
    enum tocsin_rc rc;
    int64_t changed;

    if (host[0] == '\0')
        return s->host->fail(s->err, TOCSIN_MEANINGLESS, "$.host_name",
                             "expected the host's name: host_name, HOSTNAME or host.name");
    state = service[0] != '\0' ? get(s, "servicestate state status") : get(s, "hoststate state status");
    if (service[0] != '\0')
        object = s->host->batch_printf(s->out, "%s/%s", host, service);
    alert = s->host->alert_new(s->out);
    rc = read_state(s, alert, type, state);
    if (rc != TOCSIN_OK)
        return rc;
    alert->dedup_key = site[0] != '\0' ? s->host->batch_printf(s->out, "%s/%s", site, object) : object;
    read_summary(s, alert, object, type, state);
    changed = time_at(s, service[0] != '\0' ? "lastservicestatechange servicelaststatechange laststatechange"
                                            : "lasthoststatechange hostlaststatechange laststatechange");
    if (alert->status == TOCSIN_RESOLVED)
        alert->ends_at = changed;
    else
        alert->starts_at = changed;
    own_labels(s, alert, doc);
    s->host->alert_label(s->out, alert, "host", host);
    s->host->alert_label(s->out, alert, "service", service);
    s->host->alert_label(s->out, alert, "state", state);
    read_pairs(s, alert);
    return TOCSIN_OK;
}

enum tocsin_rc
notification_decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in,
                    struct tocsin_batch *out, struct tocsin_err *err)
{
    struct source s = { .host = host, .set = self, .out = out, .err = err };
    json_t *doc;
    enum tocsin_rc rc = host->parse_form(in, &doc, err);

    if (rc != TOCSIN_OK)
        return rc;
    s.fields = json_object();
    collect(&s, "", doc);
    rc = read_notification(&s, doc);
    json_decref(s.fields);
    json_decref(doc);
    return rc;
}
