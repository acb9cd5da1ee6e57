/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded: wall time moved by the seconds in the file that $CLOCK_SHIM names; every other clock stays as it is. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int
clock_gettime(clockid_t clock, struct timespec *out)
{
    char text[32] = "";
    int status = (int)syscall(SYS_clock_gettime, clock, out);
    int fd = clock == CLOCK_REALTIME ? open(getenv("CLOCK_SHIM"), O_RDONLY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        if (read(fd, text, sizeof text - 1) > 0)
            out->tv_sec += strtol(text, NULL, 10);
        close(fd);
    }
    return status;
}
