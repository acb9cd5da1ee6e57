/* SPDX-License-Identifier: Apache-2.0 */
/* load_syslog.c - what a collector of type "syslog" has besides: where it listens, and to whom. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "conf/load.h"

enum { PORT = 514, PORT_TLS = 6514 };

/* "host", "host:port", "[v6]", "[v6]:port"; false when it is none, or the host is no address. */
static bool
split(struct arena *a, const char *text, struct conf_listen *at)
{
    bool v6 = text[0] == '[';
    size_t n = v6 ? strcspn(text, "]") : strcspn(text, ":");
    const char *rest = text + n + (v6 && text[n] == ']');
    unsigned char address[16];
    unsigned long port;
    char *end;

    if (v6 && text[n] != ']')
        return false;
    at->host = v6 ? arena_strndup(a, text + 1, n - 1) : arena_strndup(a, text, n);
    if (strcmp(at->host, "localhost") == 0)
        at->host = "127.0.0.1";
    if (inet_pton(v6 ? AF_INET6 : AF_INET, at->host, address) != 1)
        return false;
    if (*rest == '\0')
        return true;
    if (*rest != ':' || !isdigit((unsigned char)rest[1]))
        return false;
    port = strtoul(rest + 1, &end, 10);
    at->port = (uint16_t)port;
    return *end == '\0' && port > 0 && port <= 65535;
}

static bool
read_address(struct arena *a, const char *text, struct conf_listen *at)
{
    static const struct { const char *scheme; enum conf_transport transport; } known[] = {
        { "udp://", LISTEN_UDP }, { "tcp://", LISTEN_TCP }, { "tls://", LISTEN_TLS }
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t n = strlen(known[i].scheme);

        if (strncmp(text, known[i].scheme, n) != 0)
            continue;
        *at = (struct conf_listen){ .text = text, .transport = known[i].transport,
                                    .port = known[i].transport == LISTEN_TLS ? PORT_TLS : PORT };
        return split(a, text + n, at);
    }
    return false;
}

static void
read_listen(struct load *l, const config_setting_t *set, const char *ctx, struct conf_syslog *s)
{
    s->at = arena_zalloc(l->r.arena, (s->n_listen + 1) * sizeof *s->at);
    for (size_t i = 0; i < s->n_listen; i++) {
        if (!read_address(l->r.arena, s->listen[i], &s->at[i]))
            reading_mistake(&l->r, set,
                            "'listen' of %s: found '%s', expected a transport, an address and a port, such as "
                            "\"udp://0.0.0.0:514\", \"tcp://127.0.0.1:514\" or \"tls://[::]:6514\"",
                            ctx, s->listen[i]);
        for (size_t k = 0; k < i; k++)
            if (strcmp(s->listen[k], s->listen[i]) == 0)
                reading_mistake(&l->r, set, "'listen' of %s holds '%s' twice", ctx, s->listen[i]);
    }
}

/* --- does it fit? ------------------------------------------------------------------------ */

static bool
listens_on(const struct conf_syslog *s, enum conf_transport transport)
{
    for (size_t i = 0; i < s->n_listen; i++)
        if (s->at[i].transport == transport)
            return true;
    return false;
}

static bool
is_set(const char *path)
{
    return path != NULL && path[0] != '\0';
}

static void
check_tls(struct load *l, const config_setting_t *group, const char *ctx, const struct conf_syslog *s)
{
    bool tls = listens_on(s, LISTEN_TLS);

    load_check_pair(l, group, ctx, s->tls_cert, s->tls_key);
    if (tls && s->tls_cert != NULL && s->tls_key != NULL && !is_set(s->tls_cert))
        reading_mistake(&l->r, group, "%s listens on tls://, expected tls = { cert = \"...\"; key = \"...\"; }", ctx);
    if (!tls && s->n_listen > 0 && (is_set(s->tls_cert) || is_set(s->tls_client_ca)))
        reading_mistake(&l->r, group, "%s has certificates, but listens on no address with TLS, expected tls://...",
                        ctx);
    if (s->n_subjects > 0 && s->tls_client_ca != NULL && !is_set(s->tls_client_ca))
        reading_mistake(&l->r, group,
                        "'client_cert' of %s names certificates, expected tls = { client_ca = \"...\"; } to check "
                        "them against",
                        ctx);
}

static bool
is_loopback(const char *host)
{
    return strcmp(host, "::1") == 0 || strncmp(host, "127.", 4) == 0;
}

/* Without credentials in the protocol, who may send is a matter of addresses and certificates. */
static void
check_open(struct load *l, const config_setting_t *group, const char *ctx, const struct collector_src *src)
{
    const struct conf_syslog *s = &src->c.syslog;

    for (size_t i = 0; i < s->n_listen && s->n_allow == 0 && !src->auth_none_is_fine; i++) {
        const struct conf_listen *at = &s->at[i];

        if (at->host == NULL || is_loopback(at->host) || (at->transport == LISTEN_TLS && is_set(s->tls_client_ca)))
            continue;
        reading_mistake(&l->r, config_setting_get_member(group, "listen"),
                        "%s listens on '%s', where anybody can write to it: expected allow = [ \"10.0.0.0/8\" ], a "
                        "tls.client_ca, or auth_none_is_fine = true if this is meant",
                        ctx, at->text);
        return;
    }
}

void
load_syslog(struct load *l, const config_setting_t *group, const char *ctx, struct collector_src *src)
{
    struct conf_syslog *s = &src->c.syslog;
    size_t before = l->r.report->total;

    option_read_table(&l->r, group, syslog_options, ctx, s);
    if (s->listen != NULL && s->n_listen == 0)
        reading_mistake(&l->r, config_setting_get_member(group, "listen"),
                        "'listen' of %s is empty, expected at least one", ctx);
    read_listen(l, config_setting_get_member(group, "listen"), ctx, s);
    load_check_addresses(l, group, ctx, s->allow, s->n_allow);
    if (config_setting_get_member(group, "auth") != NULL)
        reading_mistake(&l->r, group, "'auth' of %s is for webhooks: here it is 'allow', 'tls' and 'client_cert'", ctx);
    if (l->r.report->total != before)
        return;
    check_tls(l, group, ctx, s);
    check_open(l, group, ctx, src);
}
