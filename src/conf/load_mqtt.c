/* SPDX-License-Identifier: Apache-2.0 */
/* load_mqtt.c - what a collector of type "mqtt" has besides: the broker and what to subscribe to. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "conf/load.h"

enum { PORT_PLAIN = 1883, PORT_TLS = 8883 };

/* host[:port] or [v6][:port]; false when malformed. */
static bool
split_host(struct arena *a, const char *text, const char **host_r, uint16_t *port)
{
    bool v6 = text[0] == '[';
    size_t n = v6 ? strcspn(text, "]") : strcspn(text, ":");
    const char *rest = text + n;
    unsigned long number;
    char *end;

    if (v6 && *rest++ != ']')
        return false;
    for (size_t i = v6 ? 1 : 0; i < n; i++)
        if (!isalnum((unsigned char)text[i]) && strchr(v6 ? ":." : ".-_", text[i]) == NULL)
            return false;
    *host_r = v6 ? arena_strndup(a, text + 1, n - 1) : arena_strndup(a, text, n);
    if (**host_r == '\0' || *rest == '\0')
        return **host_r != '\0';
    if (*rest != ':' || !isdigit((unsigned char)rest[1]))
        return false;
    number = strtoul(rest + 1, &end, 10);
    *port = (uint16_t)number;
    return *end == '\0' && number > 0 && number <= 65535;
}

void
read_broker(struct reading *r, const struct option *o, const config_setting_t *set, const char *ctx, void *base)
{
    struct conf_mqtt *m = base;
    const char *text = config_setting_get_string(set), *rest = NULL;

    if (text != NULL && strchr(text, '@') != NULL) {
        reading_mistake(r, set,
                        "'broker' of %s holds a user or password, expected username = \"...\" and "
                        "password = \"env:NAME\"",
                        ctx);
        return;
    }
    if (text != NULL && strncmp(text, "mqtt://", 7) == 0)
        rest = text + 7;
    if (text != NULL && strncmp(text, "mqtts://", 8) == 0)
        rest = text + 8;
    m->tls = rest != NULL && rest - text == 8;
    m->port = m->tls ? PORT_TLS : PORT_PLAIN;
    if (rest == NULL || !split_host(r->arena, rest, &m->host, &m->port))
        option_refuse(r, o, set, ctx, "");
}

void
read_mqtt_version(struct reading *r, const struct option *o, const config_setting_t *set, const char *ctx, void *base)
{
    struct conf_mqtt *m = base;
    int type = set != NULL ? config_setting_type(set) : CONFIG_TYPE_NONE;
    const char *text = type == CONFIG_TYPE_STRING ? config_setting_get_string(set) : "";
    int number = type == CONFIG_TYPE_INT ? config_setting_get_int(set) : 0;

    if (set == NULL || number == 311 || strcmp(text, "3.1.1") == 0)
        m->version = 311;
    else if (number == 5 || strcmp(text, "5") == 0)
        m->version = 5;
    else
        option_refuse(r, o, set, ctx, "");
}

/* Levels are names, "+", "+label", and at the end "#" or "#label". */
static bool
is_filter(const char *filter)
{
    for (const char *p = filter;; p++) {
        size_t n = strcspn(p, "/");

        if ((p[0] == '+' || p[0] == '#') && strspn(p + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                          "0123456789_") != n - 1)
            return false;
        if (p[0] != '+' && p[0] != '#' && strcspn(p, "+#") < n)
            return false;
        if (p[n] == '\0')
            return true;
        if (p[0] == '#')
            return false;
        p += n;
    }
}

void
load_mqtt(struct load *l, const config_setting_t *group, const char *ctx, struct conf_mqtt *m)
{
    const config_setting_t *topics = config_setting_get_member(group, "topics");

    option_read_table(&l->r, group, mqtt_options, ctx, m);
    if (m->topics != NULL && m->n_topics == 0)
        reading_mistake(&l->r, topics, "'topics' of %s is empty, expected at least one", ctx);
    for (size_t i = 0; i < m->n_topics; i++)
        if (!is_filter(m->topics[i]))
            reading_mistake(&l->r, topics,
                            "'topics' of %s: found '%s', expected a filter such as "
                            "\"train/+cluster/+host/alert\" or \"lab/#\"",
                            ctx, m->topics[i]);
    load_check_pair(l, group, ctx, m->cert_file, m->key_file);
    if (m->host != NULL && !m->tls &&
        ((m->ca_file != NULL && m->ca_file[0] != '\0') || (m->cert_file != NULL && m->cert_file[0] != '\0')))
        reading_mistake(&l->r, group,
                        "%s has certificates, but its broker is reached without TLS, expected "
                        "mqtts://...",
                        ctx);
    if (m->password != NULL && m->username == NULL)
        reading_mistake(&l->r, group, "%s has a password without a username", ctx);
}
