/* SPDX-License-Identifier: Apache-2.0 */
#include "os/rand.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void
rand_bytes(void *p, size_t n)
{
    unsigned char *at = p;

    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);

        if (got < 0 && errno != EINTR)
            abort();
        if (got > 0) {
            at += got;
            n -= (size_t)got;
        }
    }
}

uint64_t
rand_u64(void)
{
    uint64_t v;

    rand_bytes(&v, sizeof v);
    return v;
}
