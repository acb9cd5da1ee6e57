/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks, and may they?
 *
 * Tokens are compared by their SHA-256, all of them on every request, so that
 * neither a token's content nor its place in the list shows in the time.
 *
 * Where no tokens are configured, whoever is on this machine is the operator.
 * "On this machine" is more than a loopback address: a reverse proxy forwards
 * strangers from one, and so does a browser that shows a foreign page.
 * Requests that a proxy marked, whose Origin is not the address they were sent
 * to, or that name us by a DNS name (which a foreign page can point at
 * 127.0.0.1) do not count as local.
 */
#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "api/internal.h"
#include "base/arena.h"
#include "base/err.h"

enum { DIGEST = 32, BASIC_MAX = 4096 };

static bool
digest(const char *s, unsigned char out[DIGEST])
{
    unsigned n = DIGEST;

    return EVP_Digest(s, strlen(s), out, &n, EVP_sha256(), NULL) == 1 && n == DIGEST;
}

static const struct conf_token *
find_token(const struct conf *conf, const char *given)
{
    const struct conf_token *found = NULL;
    unsigned char want[DIGEST], have[DIGEST];

    if (given[0] == '\0' || !digest(given, want))
        return NULL;
    for (size_t i = 0; i < conf->n_tokens; i++)
        if (digest(conf->tokens[i].secret, have) && CRYPTO_memcmp(want, have, DIGEST) == 0)
            found = &conf->tokens[i];
    return found;
}

/* What stands behind "Bearer "; NULL when there is no such header. */
static const char *
bearer(const struct http_request *req)
{
    const char *h = http_header(req, "Authorization");

    if (h == NULL || strncasecmp(h, "Bearer ", 7) != 0)
        return NULL;
    h += 7;
    return h + strspn(h, " ");
}

/* The password of "Basic ..."; NULL when there is no such header. */
static const char *
basic_password(struct http_request *req)
{
    const char *h = http_header(req, "Authorization"), *colon;
    size_t n;
    char *text;

    if (h == NULL || strncasecmp(h, "Basic ", 6) != 0)
        return NULL;
    h += 6 + strspn(h + 6, " ");
    n = strlen(h);
    text = arena_zalloc(http_arena(req), n + 4);
    if (n > BASIC_MAX || EVP_DecodeBlock((unsigned char *)text, (const unsigned char *)h, (int)n) < 0)
        return "";
    colon = strchr(text, ':');
    return colon != NULL ? colon + 1 : "";
}

/* "127.0.0.1:9096", "[::1]:9096", "localhost": an address, or the one name that needs no DNS. */
static bool
host_is_local(const char *host)
{
    unsigned char bin[16];
    char name[64];
    size_t n = host[0] == '[' ? strcspn(++host, "]") : strcspn(host, ":");

    if (n >= sizeof name)
        return false;
    memcpy(name, host, n);
    name[n] = '\0';
    return strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, bin) == 1 ||
           inet_pton(AF_INET6, name, bin) == 1;
}

static bool
origin_is_host(const char *origin, const char *host)
{
    const char *p = strstr(origin, "://");

    return p != NULL && host != NULL && strcasecmp(p + 3, host) == 0;
}

bool
auth_is_local(const struct http_request *req)
{
    static const char *const marks[] = { "Forwarded", "X-Forwarded-For", "X-Real-IP", "Via" };
    const char *host = http_header(req, "Host"), *origin = http_header(req, "Origin");

    if (!http_peer_is_loopback(req))
        return false;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (http_header(req, marks[i]) != NULL)
            return false;
    if (host != NULL && !host_is_local(host))
        return false;
    return origin == NULL || origin_is_host(origin, host);
}

const char *
auth_role_name(enum conf_role role)
{
    static const char *const names[] = { "none", "viewer", "responder", "admin" };

    return names[role];
}

enum tocsin_rc
auth_check(const struct conf *conf, struct http_request *req, const struct route *route, struct caller *who_r,
           struct tocsin_err *err)
{
    const char *given = route->page && bearer(req) == NULL ? basic_password(req) : bearer(req);
    const struct conf_token *token = given != NULL ? find_token(conf, given) : NULL;
    bool local = auth_is_local(req);

    *who_r = (struct caller){ 0 };
    if (route->role == ROLE_NONE)
        return TOCSIN_OK;
    if (token != NULL) {
        *who_r = (struct caller){ .role = token->role, .token = token->name };
    } else if (local && (conf->n_tokens == 0 || route->local_ok)) {
        who_r->role = conf->n_tokens == 0 ? ROLE_ADMIN : ROLE_VIEWER;
    } else if (given != NULL) {
        return err_set(err, TOCSIN_UNAUTHORIZED, "header Authorization", "unknown token");
    } else if (conf->n_tokens == 0) {
        return err_set(err, TOCSIN_UNAUTHORIZED, "header Authorization",
                       "no tokens are configured, so only requests from this machine itself are allowed");
    } else {
        return err_set(err, TOCSIN_UNAUTHORIZED, "header Authorization", "a bearer token is needed");
    }
    if (who_r->role < route->role)
        return err_set(err, TOCSIN_FORBIDDEN, "header Authorization", "this needs the role '%s', token '%s' has '%s'",
                       auth_role_name(route->role), who_r->token != NULL ? who_r->token : "",
                       auth_role_name(who_r->role));
    return TOCSIN_OK;
}
