/* SPDX-License-Identifier: Apache-2.0 */
/* cases_samples.h - payloads from elsewhere, listed in an INDEX.tsv. */
#ifndef TESTS_LIB_CASES_SAMPLES_H
#define TESTS_LIB_CASES_SAMPLES_H

#include <stdbool.h>

#include "base/buf.h"

struct sample { const char *path, *status, *severity, *format; };

/* Splits the line in place; false when no integration reads it. */
bool cases_sample_read(char *line, struct sample *);
void cases_sample_run(const char *folder, const struct sample *, struct buf *diff);

#endif
