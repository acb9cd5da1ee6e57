/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.c - a fuzz target over inputs that are known, without libFuzzer: all
 * files of the folders given.  A target that does not hold ends the process,
 * so the input is named before it runs.
 */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "os/file.h"

enum { INPUT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
is_input(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static unsigned
replay(const char *folder)
{
    struct dirent **found = NULL;
    int n = scandir(folder, &found, is_input, alphasort);
    struct tocsin_err err;

    if (n < 0) {
        fprintf(stderr, "cannot open '%s'\n", folder);
        exit(2);
    }
    for (int i = 0; i < n; i++) {
        char path[PATH_MAX];
        char *data = NULL;
        size_t size = 0;

        snprintf(path, sizeof path, "%s/%s", folder, found[i]->d_name);
        free(found[i]);
        if (file_read(path, INPUT_MAX, &data, &size, &err) != TOCSIN_OK) {
            fprintf(stderr, "%s\n", err.what);
            exit(2);
        }
        printf("%s\n", path);
        fflush(stdout);
        LLVMFuzzerTestOneInput((const uint8_t *)data, size);
        free(data);
    }
    free(found);
    return (unsigned)n;
}

int
main(int argc, char **argv)
{
    unsigned passed = 0;

    for (int i = 1; i < argc; i++)
        passed += replay(argv[i]);
    printf("%u passed, 0 failed\n", passed);
    return passed > 0 ? 0 : 1;
}
