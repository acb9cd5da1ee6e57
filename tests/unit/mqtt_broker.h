/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_broker.h - the broker's side of an MQTT connection, in the hands of a
 * test: it reads and writes packets when the test says so, and so can see that
 * a packet has not come.
 */
#ifndef TESTS_UNIT_MQTT_BROKER_H
#define TESTS_UNIT_MQTT_BROKER_H

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { BROKER_WAIT_MS = 8000 };

enum { P_CONNECT = 1, P_PUBACK = 4, P_SUBSCRIBE = 8, P_PINGREQ = 12, P_DISCONNECT = 14 };

struct broker { int listen_fd, fd; uint16_t port; };

struct packet { int type; unsigned char body[4096]; size_t n; };

static void
broker_open(struct broker *b)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;

    b->fd = -1;
    b->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(b->listen_fd >= 0);
    assert_int_equal(bind(b->listen_fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(b->listen_fd, 4), 0);
    assert_int_equal(getsockname(b->listen_fd, (struct sockaddr *)&a, &len), 0);
    b->port = ntohs(a.sin_port);
}

static void
broker_hang_up(struct broker *b)
{
    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
}

static void
broker_close(struct broker *b)
{
    broker_hang_up(b);
    close(b->listen_fd);
}

static bool
readable(int fd, int ms)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    return poll(&p, 1, ms) == 1;
}

static void
read_exactly(int fd, void *p, size_t n)
{
    for (size_t got = 0; got < n;) {
        ssize_t r;

        if (!readable(fd, BROKER_WAIT_MS))
            fail_msg("no bytes within %d ms", BROKER_WAIT_MS);
        r = read(fd, (char *)p + got, n - got);
        if (r <= 0)
            fail_msg("connection ended in the middle of a packet");
        got += (size_t)r;
    }
}

static void
broker_read(struct broker *b, struct packet *p)
{
    unsigned char byte;
    unsigned shift = 0;

    read_exactly(b->fd, &byte, 1);
    p->type = byte >> 4;
    p->n = 0;
    do {
        read_exactly(b->fd, &byte, 1);
        p->n |= (size_t)(byte & 0x7f) << shift;
        shift += 7;
    } while ((byte & 0x80) != 0);
    assert_in_range(p->n, 0, sizeof p->body);
    read_exactly(b->fd, p->body, p->n);
}

static void
broker_expect(struct broker *b, int type, struct packet *p)
{
    broker_read(b, p);
    if (p->type != type)
        fail_msg("packet of type %d where %d was expected", p->type, type);
}

static void
broker_write(struct broker *b, const void *p, size_t n)
{
    assert_int_equal(send(b->fd, p, n, MSG_NOSIGNAL), (int)n);
}

static void
broker_connack(struct broker *b, bool v5, bool session, int rc)
{
    unsigned char ack[5] = { 0x20, v5 ? 3 : 2, session, (unsigned char)rc, 0 };

    broker_write(b, ack, v5 ? 5 : 4);
}

/* Answer SUBSCRIBE: code for the first filter, QoS 1 for the others. */
static void
broker_suback(struct broker *b, const struct packet *sub, bool v5, size_t n, int code)
{
    unsigned char ack[32] = { 0x90, (unsigned char)(2 + v5 + n), sub->body[0], sub->body[1] };

    for (size_t i = 0; i < n; i++)
        ack[4 + v5 + i] = (unsigned char)(i == 0 ? code : 1);
    broker_write(b, ack, 4 + v5 + n);
}

/* PUBLISH with QoS 1; short topics and payloads. */
static void
broker_publish(struct broker *b, unsigned mid, bool retain, const char *topic, const char *text)
{
    size_t tl = strlen(topic), pl = strlen(text);
    unsigned char p[128];

    assert_in_range(tl + pl, 0, 100);
    p[0] = (unsigned char)(0x32 | retain);
    p[1] = (unsigned char)(2 + tl + 2 + pl);
    p[2] = 0;
    p[3] = (unsigned char)tl;
    memcpy(p + 4, topic, tl);
    p[4 + tl] = (unsigned char)(mid >> 8);
    p[5 + tl] = (unsigned char)mid;
    memcpy(p + 6 + tl, text, pl);
    broker_write(b, p, 6 + tl + pl);
}

static unsigned
broker_expect_puback(struct broker *b)
{
    struct packet p;

    broker_expect(b, P_PUBACK, &p);
    return (unsigned)(p.body[0] << 8 | p.body[1]);
}

/* CONNECT, which it returns, and the TCP connection that it comes on. */
static void
broker_accept(struct broker *b, struct packet *connect_packet)
{
    broker_hang_up(b);
    if (!readable(b->listen_fd, BROKER_WAIT_MS))
        fail_msg("no connection within %d ms", BROKER_WAIT_MS);
    b->fd = accept(b->listen_fd, NULL, NULL);
    assert_true(b->fd >= 0);
    broker_expect(b, P_CONNECT, connect_packet);
}

/* Is the connection closed without a further packet? */
static bool
broker_is_left(struct broker *b)
{
    char byte;

    return readable(b->fd, BROKER_WAIT_MS) && recv(b->fd, &byte, 1, 0) <= 0;
}

#endif
