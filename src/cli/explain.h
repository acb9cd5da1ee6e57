/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.h - parts of tocsin explain: the document that says what a payload
 * becomes (explain_doc.c), and the same for a person (explain_show.c).
 */
#ifndef CLI_EXPLAIN_H
#define CLI_EXPLAIN_H

#include <jansson.h>

#include "trial/arrival.h"

/* all_rules: with every rule that does not match, not only the first.  live: NULL when no daemon was asked. */
struct explain_live;
json_t *explain_document(const struct arrival *, bool all_rules, struct explain_live *);

#endif
