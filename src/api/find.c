/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People do not type 36 characters.  An incident is found by its whole id or
 * by 8 or more hexadecimal digits that only it begins or ends with, dashes or
 * not.  (Pagers show the last 8.)
 *
 * Ids begin with the time, so a beginning is a range and costs one look-up.
 * An end is looked for among the open incidents and then among the RECENT
 * newest ones, never in the whole history.
 */
#include <ctype.h>
#include <string.h>

#include "api/internal.h"
#include "base/arena.h"
#include "base/err.h"

enum { HEX = 32, MIN_HEX = 8, RECENT = 1000, PAGE = 500 };

struct search {
    struct call *call;
    char hex[HEX + 1];
    size_t n;
    struct id16 found;
    bool is_found, many;
};

static bool
read_hex(const char *text, char hex[HEX + 1], size_t *n_out)
{
    size_t n = 0;

    for (; *text != '\0'; text++) {
        if (*text == '-')
            continue;
        if (!isxdigit((unsigned char)*text) || n == HEX)
            return false;
        hex[n++] = (char)tolower((unsigned char)*text);
    }
    hex[n] = '\0';
    *n_out = n;
    return n >= MIN_HEX;
}

static void
id_hex(const struct id16 *id, char hex[HEX + 1])
{
    char text[ID_TEXT];
    size_t n;

    read_hex(id_format(id, text), hex, &n);
}

static void
found(struct search *s, const struct id16 *id)
{
    s->many = s->many || (s->is_found && !id_eq(&s->found, id));
    s->is_found = true;
    s->found = *id;
}

static enum tocsin_rc
list(struct search *s, const struct incident_filter *f, struct incident_row **rows, size_t *n, struct tocsin_err *err)
{
    struct store *store = s->call->api->deps->store;

    return store->ops->list_incidents(store, http_arena(s->call->req), f, rows, n, err);
}

static enum tocsin_rc
by_beginning(struct search *s, struct tocsin_err *err)
{
    struct incident_filter f = { .limit = 2 };
    struct incident_row *rows;
    struct id16 end;
    char text[ID_TEXT], hex[HEX + 1];
    size_t n, at = 0;
    enum tocsin_rc rc;

    for (size_t i = 0; i < HEX; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            text[at++] = '-';
        text[at++] = i < s->n ? s->hex[i] : 'f';
    }
    text[at] = '\0';
    id_parse(text, &end);
    f.before = &end;                         /* no id ends in so many f: they are random there */
    rc = list(s, &f, &rows, &n, err);
    for (size_t i = 0; rc == TOCSIN_OK && i < n; i++) {
        id_hex(&rows[i].id, hex);
        if (memcmp(hex, s->hex, s->n) == 0)
            found(s, &rows[i].id);
    }
    return rc;
}

/* Looks through at most `max` incidents that the filter gives, newest first. */
static enum tocsin_rc
by_end(struct search *s, struct incident_filter *f, size_t max, struct tocsin_err *err)
{
    struct incident_row *rows;
    struct id16 last;
    char hex[HEX + 1];
    size_t n = PAGE;
    enum tocsin_rc rc = TOCSIN_OK;

    f->limit = PAGE;
    for (size_t seen = 0; rc == TOCSIN_OK && n == PAGE && seen < max; seen += n) {
        rc = list(s, f, &rows, &n, err);
        for (size_t i = 0; rc == TOCSIN_OK && i < n; i++) {
            id_hex(&rows[i].id, hex);
            if (memcmp(hex + HEX - s->n, s->hex, s->n) == 0)
                found(s, &rows[i].id);
            last = rows[i].id;
            f->before = &last;
        }
    }
    return rc;
}

static enum tocsin_rc
search(struct search *s, struct tocsin_err *err)
{
    struct incident_filter open = { .states = 1u << TOCSIN_INC_TRIGGERED | 1u << TOCSIN_INC_ACKNOWLEDGED,
                                    .q = s->hex + s->n - MIN_HEX };
    struct incident_filter recent = { 0 };
    enum tocsin_rc rc = by_beginning(s, err);

    if (rc == TOCSIN_OK && !s->is_found)
        rc = by_end(s, &open, RECENT, err);
    if (rc == TOCSIN_OK && !s->is_found)
        rc = by_end(s, &recent, RECENT, err);
    return rc;
}

enum tocsin_rc
find_incident(struct call *c, const char *text, struct id16 *out, struct tocsin_err *err)
{
    struct search s = { .call = c };
    enum tocsin_rc rc;

    if (id_parse(text, out))
        return TOCSIN_OK;
    if (strlen(text) >= ID_TEXT || !read_hex(text, s.hex, &s.n))
        return err_set(err, TOCSIN_NOT_FOUND, "path", "no incident '%.40s': an id is a UUID, or at least %d hexadecimal"
                       " digits that it begins or ends with", text, MIN_HEX);
    rc = search(&s, err);
    if (rc != TOCSIN_OK)
        return rc;
    if (s.many)
        return err_set(err, TOCSIN_CONFLICT, "path", "more than one incident begins or ends with '%s'", text);
    if (!s.is_found)
        return err_set(err, TOCSIN_NOT_FOUND, "path", "no open or recent incident begins or ends with '%s'", text);
    *out = s.found;
    return TOCSIN_OK;
}
