/* SPDX-License-Identifier: Apache-2.0 */
/* test_transport_servers.h - the two servers of test_transport.c: a real one, and a socket that follows a script. */
#ifndef TEST_TRANSPORT_SERVERS_H
#define TEST_TRANSPORT_SERVERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/xalloc.h"
#include "os/clock.h"
#include "os/file.h"
#include "transport/ops.h"

/* --- a real server ------------------------------------------------------------------- */

static struct {
    struct MHD_Daemon *plain, *tls;
    uint16_t port, tls_port;
    pthread_mutex_t lock;
    unsigned connections;
    char seen[512]; /* "POST /path X-A=b type body" of the last request */
    char dir[64], ca[96];
} server = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct upload {
    char body[256];
    size_t n;
};

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *c, const char *url, const char *method, const char *version,
           const char *data, size_t *size, void **state)
{
    static char big[100000];
    struct upload *up = *state;
    const char *a = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "X-A");
    const char *type = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Type");
    struct MHD_Response *r;
    enum MHD_Result rc;
    bool is_big = strcmp(url, "/big") == 0, redirect = strcmp(url, "/redirect") == 0;

    (void)cls;
    (void)version;
    if (up == NULL) {
        *state = xcalloc(1, sizeof *up);
        return MHD_YES;
    }
    if (*size > 0) {
        size_t room = sizeof up->body - 1 - up->n, n = *size < room ? *size : room;

        memcpy(up->body + up->n, data, n);
        up->n += n;
        *size = 0;
        return MHD_YES;
    }
    pthread_mutex_lock(&server.lock);
    snprintf(server.seen, sizeof server.seen, "%s %s X-A=%s %s %s", method, url, a != NULL ? a : "-",
             type != NULL ? type : "-", up->body);
    pthread_mutex_unlock(&server.lock);
    memset(big, 'x', sizeof big);
    r = MHD_create_response_from_buffer(is_big ? sizeof big : 5, is_big ? big : "hello", MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(r, "X-Answer", "yes");
    if (redirect)
        MHD_add_response_header(r, "Location", "/elsewhere");
    rc = MHD_queue_response(c, redirect ? 302 : strcmp(url, "/teapot") == 0 ? 418 : 200, r);
    MHD_destroy_response(r);
    return rc;
}

static void
on_completed(void *cls, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode why)
{
    (void)cls;
    (void)c;
    (void)why;
    free(*state);
    *state = NULL;
}

static void
on_connection(void *cls, struct MHD_Connection *c, void **ctx, enum MHD_ConnectionNotificationCode code)
{
    (void)cls;
    (void)c;
    (void)ctx;
    pthread_mutex_lock(&server.lock);
    server.connections += code == MHD_CONNECTION_NOTIFY_STARTED;
    pthread_mutex_unlock(&server.lock);
}

static struct MHD_Daemon *
serve(unsigned flags, const char *key, const char *cert, uint16_t *port_out)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct MHD_OptionItem tls[] = { { MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key },
                                    { MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cert },
                                    { MHD_OPTION_END, 0, NULL } };
    struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };
    struct MHD_Daemon *d =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | flags, 0, NULL, NULL, on_request, NULL, MHD_OPTION_SOCK_ADDR,
                         &at, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
                         on_connection, NULL, MHD_OPTION_ARRAY, key != NULL ? tls : none, MHD_OPTION_END);

    assert_non_null(d);
    *port_out = MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT)->port;
    return d;
}

static int
start_servers(void **state)
{
    char cmd[512], path[128], *key, *cert;
    size_t n;

    (void)state;
    unsetenv("http_proxy");
    unsetenv("https_proxy");
    unsetenv("HTTPS_PROXY");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
    snprintf(server.dir, sizeof server.dir, "/tmp/test_transport.XXXXXX");
    assert_non_null(mkdtemp(server.dir));
    snprintf(server.ca, sizeof server.ca, "%s/cert.pem", server.dir);
    snprintf(cmd, sizeof cmd,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
             "-addext subjectAltName=DNS:localhost -keyout %s/key.pem -out %s 2>/dev/null",
             server.dir, server.ca);
    assert_int_equal(system(cmd), 0);
    snprintf(path, sizeof path, "%s/key.pem", server.dir);
    assert_int_equal(file_read(path, 65536, &key, &n, NULL), TOCSIN_OK);
    assert_int_equal(file_read(server.ca, 65536, &cert, &n, NULL), TOCSIN_OK);
    server.plain = serve(0, NULL, NULL, &server.port);
    server.tls = serve(MHD_USE_TLS, key, cert, &server.tls_port);
    free(key);
    free(cert);
    return 0;
}

static int
stop_servers(void **state)
{
    char path[128];

    (void)state;
    MHD_stop_daemon(server.plain);
    MHD_stop_daemon(server.tls);
    snprintf(path, sizeof path, "%s/key.pem", server.dir);
    unlink(path);
    unlink(server.ca);
    rmdir(server.dir);
    return 0;
}

/* --- a bare socket ---------------------------------------------------------------------- */

struct script {
    int fd;
    uint16_t port;
    pthread_t thread;
    bool reads;       /* wait for the request */
    const char *says; /* then say this, if anything */
    unsigned hold_ms; /* and close after so long */
    char got[256];
};

static void *
play(void *arg)
{
    struct script *s = arg;
    int fd = accept(s->fd, NULL, NULL);

    if (fd < 0)
        return NULL;
    if (s->reads) {
        ssize_t n = read(fd, s->got, sizeof s->got - 1);

        s->got[n > 0 ? n : 0] = '\0';
    }
    if (s->says != NULL && write(fd, s->says, strlen(s->says)) < 0)
        perror("write");
    usleep(s->hold_ms * 1000);
    close(fd);
    return NULL;
}

static void
script_start(struct script *s)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;

    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(s->fd, 8), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &len), 0);
    s->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, play, s), 0);
}

static void
script_end(struct script *s)
{
    shutdown(s->fd, SHUT_RDWR); /* nobody may have come */
    pthread_join(s->thread, NULL);
    close(s->fd);
}

#endif
