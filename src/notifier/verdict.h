/* SPDX-License-Identifier: Apache-2.0 */
/* verdict.h - bounds on what an integration makes of an answer, and what must not be said of it. */
#ifndef NOTIFIER_VERDICT_H
#define NOTIFIER_VERDICT_H

#include "plugin/host.h"

enum { RETRY_AFTER_MAX_MS = 3600000 };

/*
 * What classify() left, made safe: a verdict out of range is a retry, delays are bounded, texts end and
 * are clean UTF-8, and no secret of the settings (which may be NULL) stands in the reason.
 */
void verdict_tidy(struct arena *, const struct tocsin_settings *, struct tocsin_outcome *);

#endif
