/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_auth.c - how a collector's senders prove who they are.
 *
 * Exactly one way, plus an address list; and nothing at all only where nobody
 * else can reach the server, or where the file says that this is meant.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "conf/load.h"
#include "conf/report.h"
#include "plugin/loader.h"

/* --- address lists ------------------------------------------------------------------------ */

static bool
is_cidr(const char *text)
{
    size_t n = strcspn(text, "/");
    unsigned char addr[16];
    char host[64], *end;
    unsigned long bits;
    int family;

    if (n >= sizeof host)
        return false;
    memcpy(host, text, n);
    host[n] = '\0';
    family = strchr(host, ':') != NULL ? AF_INET6 : AF_INET;
    if (inet_pton(family, host, addr) != 1)
        return false;
    if (text[n] == '\0')
        return true;
    bits = strtoul(text + n + 1, &end, 10);
    return text[n + 1] >= '0' && text[n + 1] <= '9' && *end == '\0' && bits <= (family == AF_INET6 ? 128u : 32u);
}

void
load_check_addresses(struct load *l, const config_setting_t *group, const char *ctx, const char *const *allow,
                     size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_cidr(allow[i]))
            reading_mistake(&l->r, config_setting_get_member(group, "allow"),
                            "'allow' of %s: found '%s', expected addresses such as \"10.0.0.0/8\" or \"2001:db8::/32\"",
                            ctx, allow[i]);
}

/* --- the ways ---------------------------------------------------------------------------------- */

static bool
set_basic(struct load *l, const config_setting_t *group, const char *ctx, struct auth_src *src)
{
    const char *colon = src->basic != NULL ? strchr(src->basic, ':') : NULL;

    if (src->basic == NULL)
        return true;
    if (src->a.user != NULL || src->a.password != NULL) {
        reading_mistake(&l->r, group, "%s has basic as well as user and password, expected one of the two forms", ctx);
        return false;
    }
    if (colon == NULL || colon == src->basic || colon[1] == '\0') {
        reading_mistake(&l->r, config_setting_get_member(group, "basic"),
                        "'basic' of %s: what it refers to is not of the form user:password", ctx);
        return false;
    }
    src->a.user = arena_strndup(l->r.arena, src->basic, (size_t)(colon - src->basic));
    src->a.password = colon + 1;
    return true;
}

static bool
is_written(const config_setting_t *group, const char *name)
{
    return config_setting_get_member(group, name) != NULL;
}

static void
choose_kind(struct load *l, const config_setting_t *group, const char *ctx, struct auth_src *src)
{
    bool basic = is_written(group, "basic") || is_written(group, "user") || is_written(group, "password");
    int ways = is_written(group, "bearer") + basic + is_written(group, "hmac") + is_written(group, "token") +
               is_written(group, "client_cert") + src->signature;
    struct conf_auth *a = &src->a;

    if (ways > 1)
        reading_mistake(&l->r, group,
                        "%s names several ways, expected one of bearer, basic, hmac, token, client_cert and "
                        "signature",
                        ctx);
    else if (ways == 0 && !is_written(group, "allow"))
        reading_mistake(&l->r, group, "%s is empty, expected bearer, basic, hmac, token, client_cert, signature or allow",
                        ctx);
    if (basic && src->basic == NULL && !is_written(group, "basic") &&
        is_written(group, "user") != is_written(group, "password"))
        reading_mistake(&l->r, group, "%s has only one of user and password, expected both", ctx);
    if (!is_written(group, "hmac") && is_written(group, "prefix"))
        reading_mistake(&l->r, group, "%s has prefix, which belongs to hmac", ctx);
    if (is_written(group, "token") != is_written(group, "header") && !is_written(group, "hmac"))
        reading_mistake(&l->r, group,
                        is_written(group, "token") ? "%s has token without the header that it stands in, expected such "
                                                     "as header = \"X-Secret-Token\""
                                                   : "%s has header, which belongs to hmac and token",
                        ctx);
    a->kind = is_written(group, "bearer")        ? AUTH_BEARER
              : basic                            ? AUTH_BASIC
              : is_written(group, "hmac")        ? AUTH_HMAC
              : is_written(group, "token")       ? AUTH_TOKEN
              : is_written(group, "client_cert") ? AUTH_CERT
              : src->signature                   ? AUTH_SIGNATURE
                                                 : AUTH_NONE;
    a->secrets = a->kind == AUTH_BEARER ? src->bearer : a->kind == AUTH_HMAC ? src->hmac : src->token;
    a->n_secrets = a->kind == AUTH_BEARER ? src->n_bearer : a->kind == AUTH_HMAC ? src->n_hmac : src->n_token;
}

static void
load_auth_group(struct load *l, const config_setting_t *group, const char *ctx, struct conf_auth *out)
{
    struct auth_src src = { .signature = false };
    struct option_names names = { .n = 0 };
    size_t before = l->r.report->total;

    option_read_table(&l->r, group, auth_options, ctx, &src);
    option_names_add(&names, auth_options);
    option_check_names(&l->r, group, ctx, &names);
    load_check_addresses(l, group, ctx, src.a.allow, src.a.n_allow);
    if (src.a.subjects != NULL && src.a.n_subjects == 0)
        reading_mistake(&l->r, group, "'client_cert' of %s is empty, expected at least one name", ctx);
    if (set_basic(l, group, ctx, &src) && l->r.report->total == before)
        choose_kind(l, group, ctx, &src);
    *out = src.a;
}

/* The word of `auth = "..."`.  One that is no near miss is not repeated: it may be a secret in the wrong place. */
static void
load_auth_word(struct load *l, const config_setting_t *set, const char *ctx, struct conf_auth *out)
{
    static const char *const words[] = { "none", "signature" };
    const char *word = config_setting_get_string(set);
    char hint[HINT_TEXT];

    if (strcmp(word, "none") == 0)
        out->kind = AUTH_NONE;
    else if (strcmp(word, "signature") == 0)
        out->kind = AUTH_SIGNATURE;
    else
        reading_mistake(&l->r, set,
                        "'auth' of %s: expected \"none\", \"signature\" or a group such as "
                        "{ bearer = \"env:NAME\"; }%s",
                        ctx, hint_text(nearest_name(word, words, 2), hint));
}

/* --- does it fit? ---------------------------------------------------------------------------------- */

static void
check_fit(struct load *l, const config_setting_t *set, const char *ctx, const struct collector_src *src)
{
    const struct conf_auth *a = &src->c.auth;

    if (a->kind == AUTH_NONE && a->n_allow == 0 && l->public_listen && !src->auth_none_is_fine)
        reading_mistake(&l->r, set,
                        "'auth' of %s is \"none\" while http listens on '%s', where others can reach it: "
                        "expected a way such as { bearer = \"env:NAME\"; }, or auth_none_is_fine = true if this is "
                        "meant",
                        ctx, l->conf->http.listen);
    if (a->kind == AUTH_SIGNATURE && src->c.plugin != NULL && src->c.plugin->api.verify == NULL)
        reading_mistake(&l->r, set, "'auth' of %s: format '%s' has no signature to check", ctx, src->c.format);
    if (a->kind == AUTH_CERT && (l->conf->http.tls_client_ca == NULL || l->conf->http.tls_client_ca[0] == '\0'))
        reading_mistake(&l->r, set,
                        "'auth' of %s wants client certificates, expected http = { tls = { client_ca = "
                        "\"...\"; }; } to check them against",
                        ctx);
}

void
load_auth(struct load *l, const config_setting_t *group, const char *ctx, struct collector_src *src)
{
    const config_setting_t *set = config_setting_get_member(group, "auth");
    size_t before = l->r.report->total;

    if (set == NULL)
        reading_mistake(&l->r, group,
                        "'auth' of %s is missing, expected \"none\", \"signature\" or a group such as "
                        "{ bearer = \"env:NAME\"; }",
                        ctx);
    else if (config_setting_is_group(set))
        load_auth_group(l, set, arena_printf(l->r.arena, "auth of %s", ctx), &src->c.auth);
    else if (config_setting_type(set) == CONFIG_TYPE_STRING)
        load_auth_word(l, set, ctx, &src->c.auth);
    else
        reading_mistake(&l->r, set,
                        "'auth' of %s: expected \"none\", \"signature\" or a group such as "
                        "{ bearer = \"env:NAME\"; }",
                        ctx);
    if (l->r.report->total == before)
        check_fit(l, set, ctx, src);
}
