/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_tls.c - the first TLS connection of libmosquitto, made while nobody else makes one.
 *
 * The library sets up what all its TLS connections share when the first of
 * them is made, under a flag that it neither locks nor makes atomic: two
 * collectors that connect at once leak what one of them made, and a
 * certificate may be refused because the place where the other looks for its
 * connection has moved.  No function of the library's does that alone.  So an
 * instance connects to a socket of ours, on loopback, that listens and never
 * answers, and is thrown away.
 */
#include <errno.h>
#include <netinet/in.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "collector/mqtt_client.h"

static pthread_once_t prepared = PTHREAD_ONCE_INIT;

/* A listening socket and its port; -1 with errno. */
static int
listen_on_loopback(int *port_r)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), sys;

    if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 1) == 0 &&
        getsockname(fd, (struct sockaddr *)&at, &len) == 0) {
        *port_r = ntohs(at.sin_port);
        return fd;
    }
    sys = errno;
    if (fd >= 0)
        close(fd);
    errno = sys;
    return -1;
}

static bool
connect_once(int port)
{
    struct mosquitto *m = mosquitto_new(NULL, true, NULL);
    const char *folder = X509_get_default_cert_dir();
    bool ok = m != NULL && mosquitto_tls_set(m, NULL, folder, NULL, NULL, NULL) == MOSQ_ERR_SUCCESS &&
              mosquitto_connect(m, "127.0.0.1", port, 60) == MOSQ_ERR_SUCCESS;

    mosquitto_destroy(m);
    return ok;
}

static void
prepare(void)
{
    int port, fd = listen_on_loopback(&port);

    if (fd < 0)
        log_warn("mqtt", NULL, "cannot listen on loopback: %s; TLS is set up by the first collector to connect",
                 err_errno(errno));
    else if (!connect_once(port))
        log_warn("mqtt", NULL, "cannot set up TLS ahead; the first collector to connect does it");
    if (fd >= 0)
        close(fd);
}

void
mqtt_tls_prepare(void)
{
    pthread_once(&prepared, prepare);
}
