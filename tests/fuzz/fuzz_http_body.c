/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_http_body - strangers' bytes behind the HTTP library: packed bodies, and
 * the headers that carry credentials.
 *
 * The first byte chooses; what follows is a packed body, or a header value, a
 * line feed and a body.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "collector/webhook.h"
#include "http/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_inflate(const char *in, size_t n, bool bare)
{
    enum { MAX = 1 << 20, RATIO = 100 };
    struct tocsin_err err;
    size_t len = 0;
    char *out = NULL;

    if (http_inflate(in, n, bare, MAX, RATIO, &out, &len, &err) == TOCSIN_OK && (len > MAX || out[len] != '\0'))
        abort();
    free(out);
}

static void
try_auth(enum conf_auth_kind kind, const char *header, const char *in, size_t n)
{
    static const char *const secrets[] = { "one", "another secret that nobody knows" };
    static const char *const cidrs[] = { "10.0.0.0/8", "::/0" };
    struct conf_collector col = {
        .name = "c", .type = "webhook",
        .auth = { .kind = kind, .secrets = secrets, .n_secrets = 2, .user = "u", .password = "only we know this one",
                  .header = "X-Sig", .prefix = "v1=", .allow = cidrs, .n_allow = 2 },
    };
    struct http_request r = { .arena = arena_new() };
    const char *end = memchr(in, '\n', n);
    size_t k = end != NULL ? (size_t)(end - in) : n;
    struct header h = { header, arena_strndup(r.arena, in, k) };
    struct tocsin_err err;

    r.headers = &h;
    r.n_headers = 1;
    r.body_len = end != NULL ? n - k - 1 : 0;
    r.body = arena_strndup(r.arena, end != NULL ? end + 1 : "", r.body_len);
    if (webhook_check(&col, &r, &err) == TOCSIN_OK)
        abort();                   /* nobody guesses these secrets */
    arena_free(r.arena);
}

/* A list of addresses is written by an operator, but with the same care. */
static void
try_cidr(const char *in, size_t n)
{
    struct in6_addr a = IN6ADDR_LOOPBACK_INIT;
    char *text = strndup(in, n);

    if (text != NULL)
        addr_in(&a, text);
    free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *in = (const char *)data + 1;

    if (size < 1)
        return 0;
    switch (data[0] % 6) {
    case 0:
        try_inflate(in, size - 1, false);
        break;
    case 1:
        try_inflate(in, size - 1, true);
        break;
    case 2:
        try_auth(AUTH_BEARER, "Authorization", in, size - 1);
        break;
    case 3:
        try_auth(AUTH_BASIC, "Authorization", in, size - 1);
        break;
    case 4:
        try_auth(AUTH_HMAC, "X-Sig", in, size - 1);
        break;
    default:
        try_cidr(in, size - 1);
    }
    return 0;
}
