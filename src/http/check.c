/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - the strictness that libmicrohttpd 0.9.75 does not have.
 *
 * The library folds continued lines, takes a bare LF for a line's end, cuts at
 * a NUL, allows blanks before a header's colon, takes the first of two
 * Content-Lengths, and prefers Transfer-Encoding where both are given.  Each
 * of these lets two servers in a row disagree on where a request ends.
 *
 * Most of them are found by one observation: the library parses in place.  The
 * header block is one stretch of its buffer (request_step is given its start,
 * the library tells its length) in which every line must begin exactly where
 * the one before it ended plus CR LF.  A folded line (moved elsewhere), a bare
 * LF (one byte short) and a NUL (the text ends early) all break the tiling.
 * The stretch is then copied once, and the request's strings point into the copy.
 */
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "http/internal.h"

struct fields {
    struct http_request *r;
    struct header *list;
    size_t n, max;
};

static bool
is_token(const char *s, size_t n)
{
    static const char also[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < n; i++) {
        char c = s[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c != '\0' && strchr(also, c) != NULL)))
            return false;
    }
    return n > 0;
}

/* No control characters but the tab. */
static bool
is_clean(const char *s)
{
    for (; *s != '\0'; s++)
        if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
            return false;
    return true;
}

static int
hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent signs stand before two hex digits, and none of them makes a NUL. */
static bool
is_escaped_well(const char *s)
{
    for (; (s = strchr(s, '%')) != NULL; s += 3)
        if (hex(s[1]) < 0 || hex(s[2]) < 0 || (s[1] == '0' && s[2] == '0'))
            return false;
    return true;
}

static enum MHD_Result
gather(void *ctx, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value, size_t value_len)
{
    struct fields *f = ctx;

    (void)kind;
    (void)name_len;
    (void)value_len;
    if (f->n == f->max)
        return MHD_NO;
    f->list[f->n++] = (struct header){ name, value };
    return MHD_YES;
}

static size_t
fields_of(struct http_request *r, enum MHD_ValueKind kind, struct header **out)
{
    int n = MHD_get_connection_values(r->mhd, kind, NULL, NULL);
    struct fields f = { .r = r, .max = n > 0 ? (size_t)n : 0 };

    f.list = arena_alloc(r->arena, (f.max > 0 ? f.max : 1) * sizeof *f.list);
    MHD_get_connection_values_n(r->mhd, kind, gather, &f);
    *out = f.list;
    return f.n;
}

/* Does the block consist of exactly these lines?  version is the last word of the request line. */
static bool
tiles(const struct http_request *r, const char *block, size_t size, const char *version)
{
    const char *at = block + strlen(block) + 1;

    if (r->target_at != at || version != at + strlen(r->target) + 1)
        return false;
    at = version + strlen(version) + 2;
    for (size_t i = 0; i < r->n_headers; i++) {
        const struct header *h = &r->headers[i];
        const char *colon = h->name + strlen(h->name);

        if (h->name != at || h->value <= colon || h->value > block + size)
            return false;
        at = h->value + strlen(h->value) + 2;
    }
    return at + 2 == block + size;
}

/* Point the strings of list, which lie in block, into its copy.  Those elsewhere are copied. */
static void
rebase(struct http_request *r, struct header *list, size_t n, const char *block, size_t size, char *copy)
{
    for (size_t i = 0; i < n; i++) {
        struct header *h = &list[i];
        const char **text[2] = { &h->name, &h->value };

        for (int k = 0; k < 2; k++) {
            const char *s = *text[k] != NULL ? *text[k] : "";

            *text[k] = s >= block && s < block + size ? copy + (s - block) : arena_strdup(r->arena, s);
        }
    }
}

/* Blanks behind a value do not belong to it. */
static void
trim(struct header *h)
{
    size_t n = strlen(h->value);
    char *copy = (char *)(uintptr_t)h->value;   /* in our own copy of the block */

    while (n > 0 && (copy[n - 1] == ' ' || copy[n - 1] == '\t'))
        copy[--n] = '\0';
}

static bool
take_block(struct http_request *r, const char *block, const char *version)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    size_t size = info != NULL ? info->header_size : 0;
    char *copy;

    r->n_headers = fields_of(r, MHD_HEADER_KIND, &r->headers);
    if (r->n_headers > HTTP_MAX_HEADERS)
        return refuse(r, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, true, "", "the request has %zu header lines, "
                      "the limit is %d", r->n_headers, HTTP_MAX_HEADERS);
    if (size > (size_t)r->server->opt.header_max + HTTP_MAX_TARGET)
        return refuse(r, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, true, "", "the headers have %zu bytes, "
                      "the limit is %lld", size, (long long)r->server->opt.header_max);
    if (!tiles(r, block, size, version))
        return refuse(r, MHD_HTTP_BAD_REQUEST, true, "", "a header line is continued on the next one, "
                      "ends without CR LF, or holds a NUL");
    r->n_query = fields_of(r, MHD_GET_ARGUMENT_KIND, &r->query);
    copy = arena_memdup(r->arena, block, size);
    rebase(r, r->headers, r->n_headers, block, size, copy);
    rebase(r, r->query, r->n_query, block, size, copy);
    r->method = copy;
    for (size_t i = 0; i < r->n_headers; i++) {
        struct header *h = &r->headers[i];

        trim(h);
        if (!is_token(h->name, strlen(h->name)) || !is_clean(h->value))
            return refuse(r, MHD_HTTP_BAD_REQUEST, true, "", "header line %zu holds a character that may not be there",
                          i + 1);
    }
    return true;
}

static bool
check_method(struct http_request *r)
{
    static const char *const known[] = { "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS" };

    if (strcmp(r->method, "HEAD") == 0) {
        r->head = true;
        r->method = "GET";
        return true;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(r->method, known[i]) == 0)
            return true;
    return refuse(r, MHD_HTTP_NOT_IMPLEMENTED, true, "", "this server has no method '%.32s'", r->method);
}

/* The path: of "/a?b", of "http://host/a?b", and "*" of OPTIONS. */
static bool
check_target(struct http_request *r)
{
    const char *t = r->target, *start = t;
    char *path;

    for (const char *p = t; *p != '\0'; p++)
        if ((unsigned char)*p <= 0x20 || *p == 0x7f)
            return refuse(r, MHD_HTTP_BAD_REQUEST, true, "request target", "it holds a control character");
    if (!is_escaped_well(t))
        return refuse(r, MHD_HTTP_BAD_REQUEST, true, "request target",
                      "'%%' stands without two hex digits, or for NUL");
    if (strncasecmp(t, "http://", 7) == 0 || strncasecmp(t, "https://", 8) == 0) {
        start = strchr(t, ':') + 3;
        start += strcspn(start, "/?");
    } else if (t[0] != '/' && !(strcmp(t, "*") == 0 && strcmp(r->method, "OPTIONS") == 0)) {
        return refuse(r, MHD_HTTP_BAD_REQUEST, true, "request target", "it is neither a path nor an address");
    }
    path = arena_strndup(r->arena, start, strcspn(start, "?"));
    r->raw_path = path[0] != '\0' ? path : "/";
    path = arena_strdup(r->arena, r->raw_path);
    MHD_http_unescape(path);
    r->path = path;
    return true;
}

/* Headers of which two would have to agree. */
static bool
check_single(struct http_request *r)
{
    static const char *const single[] = {
        "Host", "Content-Length", "Transfer-Encoding", "Content-Type", "Content-Encoding", "Authorization", "Expect"
    };
    unsigned seen = 0;

    for (size_t i = 0; i < r->n_headers; i++)
        for (unsigned k = 0; k < sizeof single / sizeof single[0]; k++) {
            if (strcasecmp(r->headers[i].name, single[k]) != 0)
                continue;
            if ((seen & 1u << k) != 0)
                return refuse(r, MHD_HTTP_BAD_REQUEST, true, "", "header '%s' is there twice", single[k]);
            seen |= 1u << k;
        }
    return true;
}

static bool
check_framing(struct http_request *r, const char *version)
{
    const char *length = http_header(r, "Content-Length");
    const char *coding = http_header(r, "Transfer-Encoding");
    const char *expect = http_header(r, "Expect");

    if (http_header(r, "Host") == NULL && strcmp(version, "HTTP/1.0") != 0)
        return refuse(r, MHD_HTTP_BAD_REQUEST, true, "", "the request has no header 'Host'");
    if (coding != NULL && (length != NULL || strcmp(version, "HTTP/1.0") == 0))
        return refuse(r, MHD_HTTP_BAD_REQUEST, true, "header Transfer-Encoding", length != NULL ?
                      "it may not stand beside Content-Length" : "HTTP/1.0 does not have it");
    if (coding != NULL && strcasecmp(coding, "chunked") != 0)
        return refuse(r, MHD_HTTP_NOT_IMPLEMENTED, true, "header Transfer-Encoding", "only 'chunked' is known");
    if (expect != NULL && strcasecmp(expect, "100-continue") != 0)
        return refuse(r, MHD_HTTP_EXPECTATION_FAILED, true, "header Expect", "only '100-continue' is known");
    r->expected = coding != NULL ? -1 : 0;
    if (length != NULL) {
        /* the library has refused what is not a number; one that does not fit is over every limit */
        for (const char *p = length; *p != '\0' && r->expected <= INT64_MAX / 10 - 1; p++)
            r->expected = r->expected * 10 + (*p - '0');
    }
    return true;
}

static void
find_content_type(struct http_request *r)
{
    const char *value = http_header(r, "Content-Type");
    char *type;
    size_t n;

    if (value == NULL)
        return;
    n = strcspn(value, "; \t");
    if (n == 0)
        return;
    type = arena_strndup(r->arena, value, n);
    for (char *p = type; *p != '\0'; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p | 0x20);
    r->content_type = type;
}

static bool
check_coding(struct http_request *r)
{
    const char *coding = http_header(r, "Content-Encoding");
    static const char *const known[] = { "identity", "gzip", "x-gzip", "deflate" };

    if (coding == NULL)
        return true;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcasecmp(coding, known[i]) == 0)
            return true;
    http_reply_header(r, "Accept-Encoding", "gzip, deflate");
    return refuse(r, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, false, "header Content-Encoding",
                  "'%.64s' is not known; gzip and deflate are", coding);
}

static bool
check_size(struct http_request *r)
{
    int64_t own = r->server->limit != NULL ? r->server->limit(r->server->ctx, r->method, r->raw_path) : 0;

    r->body_max = own > 0 ? own : r->server->opt.body_max;
    if (r->expected > r->body_max)
        return refuse(r, MHD_HTTP_CONTENT_TOO_LARGE, true, "header Content-Length", "the body has %lld bytes, "
                      "the limit is %lld", (long long)r->expected, (long long)r->body_max);
    return true;
}

bool
check_request(struct http_request *r, struct MHD_Connection *mhd, const char *method, const char *version)
{
    (void)mhd;
    if (strlen(r->target) > HTTP_MAX_TARGET)
        return refuse(r, MHD_HTTP_URI_TOO_LONG, true, "request target", "it has %zu bytes, the limit is %d",
                      strlen(r->target), HTTP_MAX_TARGET);
    if (!take_block(r, method, version) || !check_single(r) || !check_framing(r, version) || !check_method(r) ||
        !check_target(r) || !check_size(r))
        return false;
    find_content_type(r);
    if (atomic_load(&r->server->quiesced))
        return refuse(r, MHD_HTTP_SERVICE_UNAVAILABLE, true, "", "this server is stopping");
    return check_coding(r);
}
