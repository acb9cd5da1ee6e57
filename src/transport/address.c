/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses are not of the public network.  A request whose address was
 * given by a stranger must not reach our own machines, so this is asked of the
 * address that is connected to, after the name has been resolved.
 */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "transport/ops.h"

static const struct {
    uint32_t net;
    unsigned bits;
} private_v4[] = {
    { 0x00000000, 8 },  /* this network */
    { 0x0a000000, 8 },  /* RFC 1918 */
    { 0x64400000, 10 }, /* RFC 6598, shared by carriers */
    { 0x7f000000, 8 },  /* loopback */
    { 0xa9fe0000, 16 }, /* link-local, cloud metadata */
    { 0xac100000, 12 }, /* RFC 1918 */
    { 0xc0000000, 24 }, /* protocol assignments */
    { 0xc0a80000, 16 }, /* RFC 1918 */
    { 0xc6120000, 15 }, /* benchmarks */
    { 0xe0000000, 3 },  /* multicast, reserved, broadcast */
};

static bool
v4_is_private(uint32_t ip)
{
    for (size_t i = 0; i < sizeof private_v4 / sizeof private_v4[0]; i++)
        if ((ip ^ private_v4[i].net) >> (32 - private_v4[i].bits) == 0)
            return true;
    return false;
}

static uint32_t
be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool
v6_is_private(const uint8_t *b)
{
    static const uint8_t zero[12] = { 0 }, mapped[12] = { [10] = 0xff, [11] = 0xff };
    static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b };

    if (memcmp(b, zero, 12) == 0) /* ::, ::1 and the old v4-compatible form */
        return true;
    if (memcmp(b, mapped, 12) == 0 || memcmp(b, nat64, 12) == 0)
        return v4_is_private(be32(b + 12));
    if (b[0] == 0x20 && b[1] == 0x02) /* 6to4 holds a v4 address */
        return v4_is_private(be32(b + 2));
    return (b[0] & 0xfe) == 0xfc                   /* unique local */
           || (b[0] == 0xfe && (b[1] & 0x80) != 0) /* link-local, site-local */
           || b[0] == 0xff;                        /* multicast */
}

bool
address_is_private(const struct sockaddr *sa)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    switch (sa->sa_family) {
    case AF_INET:
        memcpy(&v4, sa, sizeof v4);
        return v4_is_private(ntohl(v4.sin_addr.s_addr));
    case AF_INET6:
        memcpy(&v6, sa, sizeof v6);
        return v6_is_private(v6.sin6_addr.s6_addr);
    default:
        return true;
    }
}
