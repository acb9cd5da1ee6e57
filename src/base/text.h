/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - UTF-8, times and durations as text.  Pure.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

#define TEXT_MARK "\xe2\x80\xa6"             /* U+2026, appended where something was cut */

/* Length of the valid UTF-8 sequence at s (1-4), 0 when there is none within n bytes. */
size_t utf8_seq(const char *s, size_t n);
size_t utf8_chars(const char *s);            /* code points; an invalid byte counts as one */
/* s itself if it fits, otherwise a copy cut between code points that ends with TEXT_MARK. */
const char *text_cut_chars(struct arena *, const char *s, size_t max_chars);
const char *text_cut_bytes(struct arena *, const char *s, size_t max_bytes);
/* n bytes from a stranger as clean text: invalid UTF-8 and NUL become U+FFFD; control characters
 * other than tab, LF become U+FFFD; at most max_bytes, cut with TEXT_MARK. */
const char *text_clean(struct arena *, const char *s, size_t n, size_t max_bytes);
bool text_is_utf8(const char *s, size_t n);
/* n bytes as UTF-8 at out, which has room for 3 * n + 1: what is UTF-8 stays, any other byte is read as Windows-1252,
 * so two names that differ still do.  Returns the length. */
size_t text_to_utf8(const char *s, size_t n, char *out);

/* Percent-decoded in place; '%' without two hex digits stays.  Returns the new length: the text may hold NUL. */
size_t text_unescape(char *s);

enum { TIME_TEXT = 32 };
/* "2026-01-31T12:00:00.123Z"; "" for 0. */
char *time_format(int64_t ms, char out[TIME_TEXT]);
/* RFC 3339 and ISO 8601 as senders write it: fraction of any length, Z or offset with or without
 * colon, none meaning UTC, a blank for T.  0 when it is not a time or before 1970. */
int64_t time_parse(const char *s);

/* "200ms", "30s", "5m", "1h30m", "2d", "1w"; a bare number other than 0 is refused.  False if not one. */
bool duration_parse(const char *s, int64_t *ms_out);
enum { DURATION_TEXT = 32 };
char *duration_format(int64_t ms, char out[DURATION_TEXT]);

/* Smallest number of edits from a to b, at most 8: for "did you mean". */
unsigned text_distance(const char *a, const char *b);

#endif
