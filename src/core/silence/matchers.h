/* SPDX-License-Identifier: Apache-2.0 */
/*
 * matchers.h - the matchers of a silence: from text, and as the one text that is stored.
 *
 * A name is always a label here, as in Alertmanager, whose clients make most
 * silences.  An alert that has no label severity, source, summary or status
 * shows its own field of that name instead (set.h).
 */
#ifndef CORE_SILENCE_MATCHERS_H
#define CORE_SILENCE_MATCHERS_H

#include "core/rules/matcher.h"

enum { MATCHERS_MAX = 64, MATCHERS_MAX_BYTES = 16384 };

struct matchers { struct matcher_parts *v; size_t n; };

/* `a="b"`, `{a="b", c=~"d"}`, `a=b,c=d`: appended to what there is.  The text of an error begins with the column. */
enum tocsin_rc matchers_add(struct arena *, struct matchers *, const char *text, struct tocsin_err *err);
/* One a line, quoted: what silence_row holds. */
const char *matchers_format(struct arena *, const struct matchers *);
/* The lines that matchers_format() wrote.  False: damaged. */
bool matchers_parse(struct arena *, const char *lines, struct matchers *out);
/* One of them as Alertmanager writes it: name="value". */
const char *matcher_format(struct arena *, const struct matcher_parts *);
/* Regexes are such, there is at least one matcher that does not accept the empty text, and none of < <= > >=. */
enum tocsin_rc matchers_check(struct arena *, const struct matchers *, struct tocsin_err *err);

#endif
