/* SPDX-License-Identifier: Apache-2.0 */
/* cases_samples.h - payloads from elsewhere, listed in an INDEX.tsv. */
#ifndef TESTS_LIB_CASES_SAMPLES_H
#define TESTS_LIB_CASES_SAMPLES_H

#include <stdbool.h>

#include "base/buf.h"
#include "plugin/host.h"

struct sample {
    const char *path, *status, *severity, *identity, *title;    /* columns of the list */
    const char *format;            /* the integration that reads it; NULL none */
    const char *request;           /* an intake's: members of a case, as JSON; NULL: a webhook's payload */
};

/* Splits the line in place; false when it is no row. */
bool cases_sample_read(char *line, struct sample *);
void cases_sample_run(const char *folder, const struct sample *, struct buf *diff);
/* Do identity and title come from the fields of the payload that the list names? */
void cases_sample_fields(const struct sample *, const char *payload, size_t len, const struct tocsin_batch *,
                         struct buf *diff);
/* Does it come out otherwise on purpose?  what: "severity", "identity", "title". */
bool cases_sample_differs(const struct sample *, const char *what);

#endif
