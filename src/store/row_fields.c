/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row's strings are found by their offsets: one function copies rows of all
 * kinds.  A NULL string stays NULL where the row allows it (alerts loaded
 * without text).
 */
#include "store/row_fields.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

struct layout { size_t size; size_t n; size_t text[N_INCIDENT_TEXTS]; };

#define AT(f) offsetof(ROW, f),
#define ROW struct incident_row
static const struct layout incident_layout = { sizeof(ROW), N_INCIDENT_TEXTS, { INCIDENT_TEXTS(AT) } };
#undef ROW
#define ROW struct delivery_row
static const struct layout delivery_layout = { sizeof(ROW), N_DELIVERY_TEXTS, { AT(target) DELIVERY_TEXTS(AT) } };
#undef ROW
#define ROW struct alert_row
static const struct layout alert_layout = { sizeof(ROW), 2, { AT(source) AT(dedup_key) } };
#undef ROW
#define ROW struct event_row
static const struct layout event_layout = { sizeof(ROW), 3, { AT(kind) AT(actor) AT(text) } };
#undef ROW
#define ROW struct policy_row
static const struct layout policy_layout = { sizeof(ROW), 1, { AT(body) } };
#undef ROW
#define ROW struct silence_row
static const struct layout silence_layout = { sizeof(ROW), 0 SILENCE_TEXTS(ONE_MORE), { SILENCE_TEXTS(AT) } };
#undef ROW

static const char *
text_at(const void *row, size_t offset)
{
    const char *s;

    memcpy(&s, (const char *)row + offset, sizeof s);
    return s;
}

static size_t
text_bytes(const struct layout *l, const void *row)
{
    size_t total = 0;

    for (size_t i = 0; i < l->n; i++) {
        const char *s = text_at(row, l->text[i]);

        total += s != NULL ? strlen(s) + 1 : 0;
    }
    return total;
}

/* Copy the row to dst and its strings to room, and let dst point there. */
static char *
fill(const struct layout *l, void *dst, const void *src, char *room)
{
    memcpy(dst, src, l->size);
    for (size_t i = 0; i < l->n; i++) {
        const char *s = text_at(src, l->text[i]);
        size_t n;

        if (s == NULL)
            continue;
        n = strlen(s) + 1;
        memcpy(room, s, n);
        memcpy((char *)dst + l->text[i], &room, sizeof room);
        room += n;
    }
    return room;
}

static void *
dup_row(const struct layout *l, const void *src)
{
    char *block = xmalloc(l->size + text_bytes(l, src));

    fill(l, block, src, block + l->size);
    return block;
}

static void
copy_row(struct arena *a, const struct layout *l, void *dst, const void *src)
{
    fill(l, dst, src, arena_alloc(a, text_bytes(l, src) + 1));
}

struct alert_row *
alert_row_dup(const struct alert_row *src)
{
    size_t body = src->body != NULL ? src->body_len : 0;
    char *block = xmalloc(sizeof *src + text_bytes(&alert_layout, src) + body), *end;
    struct alert_row *dst = (struct alert_row *)(void *)block;

    end = fill(&alert_layout, dst, src, block + sizeof *src);
    if (src->body != NULL) {
        memcpy(end, src->body, body);
        dst->body = end;
    }
    return dst;
}

void
alert_row_copy(struct arena *a, struct alert_row *dst, const struct alert_row *src)
{
    copy_row(a, &alert_layout, dst, src);
    if (src->body != NULL)
        dst->body = arena_memdup(a, src->body, src->body_len);
}

struct incident_row *
incident_row_dup(const struct incident_row *src)
{
    return dup_row(&incident_layout, src);
}

struct delivery_row *
delivery_row_dup(const struct delivery_row *src)
{
    return dup_row(&delivery_layout, src);
}

struct event_row *
event_row_dup(const struct event_row *src)
{
    return dup_row(&event_layout, src);
}

struct policy_row *
policy_row_dup(const struct policy_row *src)
{
    return dup_row(&policy_layout, src);
}

struct silence_row *
silence_row_dup(const struct silence_row *src)
{
    return dup_row(&silence_layout, src);
}

void
incident_row_copy(struct arena *a, struct incident_row *dst, const struct incident_row *src)
{
    copy_row(a, &incident_layout, dst, src);
}

void
delivery_row_copy(struct arena *a, struct delivery_row *dst, const struct delivery_row *src)
{
    copy_row(a, &delivery_layout, dst, src);
}

void
event_row_copy(struct arena *a, struct event_row *dst, const struct event_row *src)
{
    copy_row(a, &event_layout, dst, src);
}

void
policy_row_copy(struct arena *a, struct policy_row *dst, const struct policy_row *src)
{
    copy_row(a, &policy_layout, dst, src);
}

void
silence_row_copy(struct arena *a, struct silence_row *dst, const struct silence_row *src)
{
    copy_row(a, &silence_layout, dst, src);
}

static int
by_step(const void *x, const void *y)
{
    const struct delivery_row *a = x, *b = y;

    return a->step != b->step ? (a->step < b->step ? -1 : 1) : strcmp(a->target, b->target);
}

void
delivery_rows_sort(struct delivery_row *rows, size_t n)
{
    if (n > 1)
        qsort(rows, n, sizeof *rows, by_step);
}
