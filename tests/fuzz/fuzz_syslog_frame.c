/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte says how the stream that follows it is cut into packets.  How
 * it was cut changes nothing: the same messages come out of it, none longer
 * than the limit, and it is given up at the same place or not at all.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "collector/syslog_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 40 };               /* short, so that it is reached */

static void
check(bool ok)
{
    if (!ok)
        abort();
}

static void
take(void *ctx, const char *p, size_t n)
{
    struct buf *all = ctx;

    check(n <= LIMIT);
    buf_addf(all, "%zu:", n);
    buf_addn(all, p, n);
}

/* What comes of the stream in packets of `step` bytes; 0: at once. */
static struct buf
read_stream(const char *p, size_t n, size_t step)
{
    struct syslog_frames f;
    struct buf all;
    bool ok = true;

    buf_init(&all, SIZE_MAX / 2);
    syslog_frames_init(&f, LIMIT);
    for (size_t at = 0, len; ok && at < n; at += len) {
        len = step == 0 || n - at < step ? n - at : step;
        ok = syslog_frames_feed(&f, p + at, len, take, &all);
        check(f.n <= LIMIT);
    }
    if (ok)
        syslog_frames_end(&f, take, &all);
    else
        buf_add(&all, "given up");
    buf_addf(&all, " cut %llu", (unsigned long long)f.cut);
    syslog_frames_release(&f);
    return all;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole, cut;

    if (size < 1)
        return 0;
    whole = read_stream((const char *)data + 1, size - 1, 0);
    cut = read_stream((const char *)data + 1, size - 1, 1 + data[0] % 64);
    check(whole.n == cut.n && memcmp(whole.p, cut.p, whole.n) == 0);
    buf_release(&whole);
    buf_release(&cut);
    return 0;
}
