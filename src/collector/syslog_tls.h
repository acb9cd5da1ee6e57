/* SPDX-License-Identifier: Apache-2.0 */
/* syslog_tls.h - TLS for syslog's streams (RFC 5425): a thin layer over OpenSSL, without blocking. */
#ifndef COLLECTOR_SYSLOG_TLS_H
#define COLLECTOR_SYSLOG_TLS_H

#include <openssl/ssl.h>

#include "conf/conf.h"

enum syslog_io { IO_DATA, IO_AGAIN_READ, IO_AGAIN_WRITE, IO_END, IO_FAILED };

/* What new connections use; the caller frees it, and connections keep what they need of it. */
enum tocsin_rc syslog_tls_new(const struct conf_syslog *, SSL_CTX **out_r, struct tocsin_err *err);
/* Go on with the handshake: IO_DATA when it is done.  why: words for IO_FAILED. */
enum syslog_io syslog_tls_accept(SSL *, char *why, size_t size);
enum syslog_io syslog_tls_read(SSL *, char *out, size_t size, size_t *n_r, char *why, size_t why_size);
/* Does a name in the client's certificate fit one of the patterns?  Without patterns every verified one does. */
bool syslog_tls_name_fits(SSL *, const char *const *patterns, size_t n);

#endif
