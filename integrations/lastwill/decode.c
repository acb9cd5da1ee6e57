/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - last wills in plain words: "online" and "offline" under a topic
 * that names the host.
 *
 * The topic is the identity.  The host is a wildcard of the topic that is
 * called so; otherwise the last level that is not a word such as "status".
 */
#include <string.h>
#include <strings.h>

#include <tocsin/plugin.h>

static const char *const offline[] = { "offline", "down",  "disconnected", "dead", "lost", "unavailable", "stopped",
                                       "not connected", "false", "0", NULL };
static const char *const online[] = { "online", "up", "connected", "alive", "available", "running", "started", "true",
                                      "ok", "1", NULL };
/* Levels that say what the topic is about, not whom. */
static const char *const generic[] = { "status", "state", "lwt", "online", "connected", "connection", "availability",
                                       "available", "will", "presence", "alive", "health", NULL };

static bool
is_one_of(const char *const *words, const char *word)
{
    for (; *words != NULL; words++)
        if (strcasecmp(*words, word) == 0)
            return true;
    return false;
}

static const char *
named_host(const struct tocsin_payload *in)
{
    static const char *const names[] = { "host", "device", "node", "name", NULL };

    for (size_t i = 0; i < in->n_topic_labels; i++)
        if (is_one_of(names, in->topic_labels[i].name))
            return in->topic_labels[i].value;
    return in->query(in, "host");
}

static const char *
host_of(const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out)
{
    const char *named = named_host(in), *level = in->topic != NULL ? in->topic : "";
    const char *found = level;

    if (named != NULL)
        return named;
    for (;;) {
        size_t n = strcspn(level, "/");
        const char *word = host->batch_printf(out, "%.*s", (int)n, level);

        if (n > 0 && (found == in->topic || !is_one_of(generic, word)))
            found = word;
        if (level[n] == '\0')
            return found;
        level += n + 1;
    }
}

/* The word, without the quotes or the object around it: online, "online", {"state": "online"}. */
static enum tocsin_rc
read_word(const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out, const char **word,
          struct tocsin_err *err)
{
    static const char *const names[] = { "state", "status", "online", "connected" };
    const char *p = in->body + strspn(in->body, " \t\r\n\"");
    size_t n = strcspn(p, "\"\r\n");
    enum tocsin_rc rc;
    json_t *doc;

    if (*p != '{') {
        while (n > 0 && strchr(" \t", p[n - 1]) != NULL)
            n--;
        *word = host->batch_printf(out, "%.*s", (int)(n < 64 ? n : 64), p);
        return TOCSIN_OK;
    }
    rc = host->parse_json(in->body, in->len, &doc, err);
    if (rc != TOCSIN_OK)
        return rc;
    *word = "";
    for (size_t i = 0; (*word)[0] == '\0' && i < sizeof names / sizeof names[0]; i++)
        *word = host->text(out, json_object_get(doc, names[i]));
    json_decref(doc);
    return (*word)[0] != '\0' ? TOCSIN_OK
                              : host->fail(err, TOCSIN_MEANINGLESS, "$.state", "expected 'online' or 'offline'");
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    const char *word, *name = host_of(host, in, out);
    struct tocsin_alert *alert;
    enum tocsin_rc rc;

    (void)self;
    if (in->len == 0)              /* somebody has taken the retained message away */
        return TOCSIN_OK;
    if (name[0] == '\0')
        return host->fail(err, TOCSIN_MEANINGLESS, "topic", "expected a topic, or '?host=' in the address: who is it?");
    rc = read_word(host, in, out, &word, err);
    if (rc != TOCSIN_OK)
        return rc;
    if (!is_one_of(offline, word) && !is_one_of(online, word))
        return host->fail(err, TOCSIN_MEANINGLESS, "body", "expected 'online' or 'offline', got '%.60s'", word);
    alert = host->alert_new(out);
    alert->status = is_one_of(offline, word) ? TOCSIN_FIRING : TOCSIN_RESOLVED;
    alert->dedup_key = in->topic != NULL ? in->topic : name;
    alert->summary = host->batch_printf(out, "%s is %s", name, alert->status == TOCSIN_FIRING ? "offline" : "online");
    host->alert_label(out, alert, "host", name);
    host->alert_label(out, alert, "topic", in->topic);
    host->alert_annotation(out, alert, "said", word);
    return TOCSIN_OK;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "lastwill",
    .summary = "MQTT last wills in plain words: online and offline, the host in the topic",
    .decode = decode,
};
