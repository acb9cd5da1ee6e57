/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raw_http.h - a client that sends whatever it is told, byte for byte.
 *
 * Well-behaved clients cannot send what a server must refuse.
 */
#ifndef TESTS_RAW_HTTP_H
#define TESTS_RAW_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct raw_answer {
    int status;                    /* 0: the connection was closed without an answer; -1: nothing came in time */
    char head[4096];               /* status line and headers */
    char body[65536];
    size_t body_len;
    bool closed;                   /* the server closed the connection after it */
};

int raw_connect(uint16_t port);                              /* to 127.0.0.1; fails the test */
bool raw_send(int fd, const void *bytes, size_t n);          /* false: the server has closed */
bool raw_text(int fd, const char *text);
/* One answer, with its body by Content-Length or chunks (decoded), or until the close.  no_body: to a HEAD. */
void raw_read(int fd, struct raw_answer *, int timeout_ms, bool no_body);
/* Does the server close within the time?  What it still sends is read off. */
bool raw_is_closed(int fd, int timeout_ms);
/* Connect, send, read one answer, see whether the server closes, close. */
void raw_ask(uint16_t port, const void *bytes, size_t n, struct raw_answer *);
/* Value of a header, cut into out; NULL when it is not there. */
const char *raw_header(const struct raw_answer *, const char *name, char *out, size_t size);

#endif
