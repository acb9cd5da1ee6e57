/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The low-level SHA256_* calls are used on purpose: they need no algorithm
 * look-up, which in OpenSSL 3.0 costs more than hashing a short key.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/id.h"

#include <openssl/sha.h>
#include <string.h>

bool
id_is_zero(const struct id16 *a)
{
    static const struct id16 zero;

    return memcmp(a, &zero, sizeof zero) == 0;
}

bool
id_eq(const struct id16 *a, const struct id16 *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

int
id_cmp(const struct id16 *a, const struct id16 *b)
{
    return memcmp(a, b, sizeof *a);
}

static bool
dash_before(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

char *
id_format(const struct id16 *id, char out[ID_TEXT])
{
    static const char hex[] = "0123456789abcdef";
    char *p = out;

    for (size_t i = 0; i < sizeof id->b; i++) {
        if (dash_before(i))
            *p++ = '-';
        *p++ = hex[id->b[i] >> 4];
        *p++ = hex[id->b[i] & 15];
    }
    *p = '\0';
    return out;
}

static int
nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool
id_parse(const char *text, struct id16 *out)
{
    struct id16 id;
    const char *p = text;

    for (size_t i = 0; i < sizeof id.b; i++) {
        int hi, lo;

        if (dash_before(i) && *p++ != '-')
            return false;
        hi = nibble(p[0]);
        lo = hi >= 0 ? nibble(p[1]) : -1;
        if (lo < 0)
            return false;
        id.b[i] = (uint8_t)(hi << 4 | lo);
        p += 2;
    }
    if (*p != '\0')
        return false;
    *out = id;
    return true;
}

struct id16
id_hash(const char *const *parts, size_t n)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    struct id16 id;
    SHA256_CTX ctx;

    SHA256_Init(&ctx);
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(parts[i]);
        unsigned char head[4] = { (unsigned char)len, (unsigned char)(len >> 8), (unsigned char)(len >> 16),
                                  (unsigned char)(len >> 24) };

        SHA256_Update(&ctx, head, sizeof head);
        SHA256_Update(&ctx, parts[i], len);
    }
    SHA256_Final(digest, &ctx);
    memcpy(id.b, digest, sizeof id.b);
    return id;
}

static uint64_t
splitmix(uint64_t *x)
{
    uint64_t z = (*x += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void
idgen_seed(struct idgen *g, uint64_t a, uint64_t b)
{
    uint64_t x = a;

    g->s[0] = splitmix(&x) ^ b;
    g->s[1] = splitmix(&x);
    if (g->s[0] == 0 && g->s[1] == 0)
        g->s[0] = 1;
}

uint64_t
idgen_u64(struct idgen *g)                   /* xorshift128+ */
{
    uint64_t a = g->s[0], b = g->s[1];

    g->s[0] = b;
    a ^= a << 23;
    g->s[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
    return g->s[1] + b;
}

struct id16
idgen_uuid7(struct idgen *g, int64_t now_ms)
{
    uint64_t t = (uint64_t)now_ms, hi = idgen_u64(g), lo = idgen_u64(g);
    struct id16 id;

    for (int i = 0; i < 6; i++)
        id.b[i] = (uint8_t)(t >> (40 - 8 * i));
    for (int i = 0; i < 2; i++)
        id.b[6 + i] = (uint8_t)(hi >> (8 * i));
    for (int i = 0; i < 8; i++)
        id.b[8 + i] = (uint8_t)(lo >> (8 * i));
    id.b[6] = (uint8_t)((id.b[6] & 0x0f) | 0x70);
    id.b[8] = (uint8_t)((id.b[8] & 0x3f) | 0x80);
    return id;
}
