/* SPDX-License-Identifier: Apache-2.0 */
/* severity.h - every vendor's words on one scale. */
#ifndef CORE_SEVERITY_H
#define CORE_SEVERITY_H

#include <tocsin/plugin.h>

/* Case and surrounding blanks do not matter.  TOCSIN_SEV_NONE when the word is unknown. */
enum tocsin_severity severity_of(const char *word);
const char *severity_name(enum tocsin_severity);   /* "critical", "error", "warning", "info"; "none" */

#endif
