/* SPDX-License-Identifier: Apache-2.0 */
/* Two figures about this process, from /proc. */
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "api/internal.h"

static double
resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    unsigned long size, resident = 0;

    if (f == NULL)
        return 0;
    if (fscanf(f, "%lu %lu", &size, &resident) != 2) /* lint: ok fscanf: two numbers from the kernel */
        resident = 0;
    fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static uint64_t
open_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    uint64_t n = 0;

    if (d == NULL)
        return 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(d);
    return n - 1;                            /* the folder itself was open */
}

void
process_read(struct process_figures *out)
{
    out->resident_bytes = resident_bytes();
    out->open_fds = open_fds();
}
