/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alert.h - the stored form of an alert's text: summary, labels, annotations,
 * links and the rules that shaped it.
 *
 * A flat sequence of tagged, length-prefixed strings with a version byte in
 * front: written and read in one pass, without parsing JSON again.  Labels are
 * sorted by name, so equal alerts have equal bytes and one digest.
 */
#ifndef CORE_ALERT_H
#define CORE_ALERT_H

#include <stddef.h>
#include <stdint.h>

#include <tocsin/plugin.h>

struct arena;

struct alert_text {
    const char *summary;
    const char *source_severity;   /* "" unless a rule changed the severity: the name it had */
    struct tocsin_pair *labels;      size_t n_labels;      /* sorted by name, one of each */
    struct tocsin_pair *annotations; size_t n_annotations; /* likewise */
    struct tocsin_link *links;       size_t n_links;
    struct tocsin_pair *rules;       size_t n_rules;       /* name and file:line of each rule that matched */
};

/* The digest is of everything but the rules: where they stand changes with every edit of their file. */
void alert_text_encode(struct arena *, const struct alert_text *, const void **body_out, size_t *len_out,
                       uint64_t *digest_out);
/* False when the bytes are damaged or of an unknown version; out is then empty but valid. */
bool alert_text_decode(struct arena *, const void *body, size_t len, struct alert_text *out);

/* Sort by name and keep the last of equal names.  Returns the new count. */
size_t alert_pairs_normalise(struct tocsin_pair *, size_t n);
const char *alert_pair_find(const struct tocsin_pair *, size_t n, const char *name); /* "" when missing */

#endif
