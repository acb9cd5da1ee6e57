/* SPDX-License-Identifier: Apache-2.0 */
/*
 * normalise.h - what every alert has before the first rule sees it.
 *
 *   labels, annotations   sorted by name, one of each name, none empty
 *   severity              the alert's; else the word in its label severity, priority or level; else error:
 *                         an alert that nobody weighed is never info
 *   summary               the alert's; else annotation summary or title; else label alertname; else the labels
 *   dedup_key             the alert's; else a hash of the labels (of the summary when there are none)
 */
#ifndef CORE_NORMALISE_H
#define CORE_NORMALISE_H

#include <stddef.h>

#include <tocsin/plugin.h>

struct arena;

enum { NORMAL_MAX_SUMMARY = 1024 };  /* bytes */

struct normal {
    const char *summary, *dedup_key;
    enum tocsin_severity severity;
    struct tocsin_pair *labels;      size_t n_labels, cap_labels;
    struct tocsin_pair *annotations; size_t n_annotations;
};

/* Arrays come from the arena, texts stay where they are.  cap_labels leaves room for `spare` more. */
void alert_normalise(struct arena *, const struct tocsin_alert *, size_t spare, struct normal *out);

#endif
