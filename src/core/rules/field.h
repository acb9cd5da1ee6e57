/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field.h - what a name in a rule means: severity, summary, source and status
 * are fields of the alert; any other name is a label.  "labels.x" is always the
 * label x, which is how a label called "source" is reached.
 */
#ifndef CORE_FIELD_H
#define CORE_FIELD_H

enum field { FIELD_SEVERITY = 0, FIELD_SUMMARY, FIELD_SOURCE, FIELD_STATUS, FIELD_LABEL };

/* *label_r points into name; it is name itself for the four fields. */
enum field field_of(const char *name, const char **label_r);

#endif
