/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/raw_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/clock.h"

/* Enough for a machine that is busy with something else. */
enum { ANSWER_MS = 10000, CLOSE_MS = 150 };

int
raw_connect(uint16_t port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        fail_msg("cannot connect to port %u: %s", port, strerror(errno));
    return fd;
}

bool
raw_send(int fd, const void *bytes, size_t n)
{
    const char *p = bytes;

    while (n > 0) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

bool
raw_text(int fd, const char *text)
{
    return raw_send(fd, text, strlen(text));
}

/* One byte; 0 at the end, -1 when the time is over. */
static int
get(int fd, char *c, int64_t until)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int64_t left = until - clock_mono_ms();

    if (poll(&p, 1, left > 0 ? (int)left : 0) <= 0)
        return -1;
    return recv(fd, c, 1, 0) == 1 ? 1 : 0;
}

static int
get_line(int fd, char *out, size_t size, int64_t until)
{
    size_t n = 0;
    int rc;

    while (n + 1 < size && (rc = get(fd, &out[n], until)) == 1)
        if (out[n++] == '\n')
            break;
    out[n] = '\0';
    return n > 0 ? 1 : rc;
}

static void
get_bytes(int fd, struct raw_answer *a, size_t n, int64_t until)
{
    while (n-- > 0 && a->body_len + 1 < sizeof a->body && get(fd, &a->body[a->body_len], until) == 1)
        a->body_len++;
}

static void
get_chunks(int fd, struct raw_answer *a, int64_t until)
{
    char line[64];
    size_t n;

    while (get_line(fd, line, sizeof line, until) == 1 && (n = strtoul(line, NULL, 16)) > 0) {
        get_bytes(fd, a, n, until);
        get_line(fd, line, sizeof line, until);
    }
    get_line(fd, line, sizeof line, until);
}

const char *
raw_header(const struct raw_answer *a, const char *name, char *out, size_t size)
{
    size_t n = strlen(name);

    for (const char *p = strchr(a->head, '\n'); p != NULL; p = strchr(p + 1, '\n'))
        if (strncasecmp(p + 1, name, n) == 0 && p[1 + n] == ':') {
            const char *v = p + 2 + n + strspn(p + 2 + n, " ");

            snprintf(out, size, "%.*s", (int)strcspn(v, "\r\n"), v);
            return out;
        }
    return NULL;
}

static void
get_body(int fd, struct raw_answer *a, int64_t until)
{
    char value[64];

    if (raw_header(a, "Transfer-Encoding", value, sizeof value) != NULL)
        get_chunks(fd, a, until);
    else if (raw_header(a, "Content-Length", value, sizeof value) != NULL)
        get_bytes(fd, a, strtoul(value, NULL, 10), until);
    else
        get_bytes(fd, a, sizeof a->body, until);
    a->body[a->body_len] = '\0';
}

void
raw_read(int fd, struct raw_answer *a, int timeout_ms, bool no_body)
{
    int64_t until = clock_mono_ms() + timeout_ms;
    size_t n = 0;
    int rc;

    memset(a, 0, sizeof *a);
    while ((rc = get_line(fd, a->head + n, sizeof a->head - n, until)) == 1) {
        if (strcmp(a->head + n, "\r\n") == 0)
            break;
        n += strlen(a->head + n);
    }
    if (n == 0 || rc != 1 || sscanf(a->head, "HTTP/1.1 %d", &a->status) != 1) {
        a->status = rc < 0 ? -1 : 0;
        return;
    }
    if (!no_body && a->status != 204 && a->status != 304 && a->status >= 200)
        get_body(fd, a, until);
}

bool
raw_is_closed(int fd, int timeout_ms)
{
    int64_t until = clock_mono_ms() + timeout_ms;
    char c;
    int rc;

    while ((rc = get(fd, &c, until)) == 1)
        ;
    return rc == 0;
}

void
raw_ask(uint16_t port, const void *bytes, size_t n, struct raw_answer *a)
{
    int fd = raw_connect(port);

    raw_send(fd, bytes, n);
    raw_read(fd, a, ANSWER_MS, n > 5 && memcmp(bytes, "HEAD ", 5) == 0);
    a->closed = raw_is_closed(fd, CLOSE_MS);
    close(fd);
}
