/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/syslog_tls.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/err.h"

/* --- what connections share ------------------------------------------------------------------ */

static int
no_passphrase(char *out, int size, int writing, void *ctx)
{
    (void)out, (void)size, (void)writing, (void)ctx;
    return 0;                      /* OpenSSL would ask on the terminal */
}

static const char *
reason(void)
{
    const char *words = ERR_reason_error_string(ERR_peek_last_error());

    return words != NULL ? words : "no reason given";
}

static enum tocsin_rc
bad_file(struct tocsin_err *err, const char *what, const char *path)
{
    return err_set(err, TOCSIN_BAD_CONFIG, "", "cannot use the %s '%s': %s", what, path, reason());
}

static enum tocsin_rc
demand_certificates(SSL_CTX *ctx, const char *path, struct tocsin_err *err)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(path);

    if (names == NULL || SSL_CTX_load_verify_locations(ctx, path, NULL) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return bad_file(err, "list of client authorities", path);
    }
    SSL_CTX_set_client_CA_list(ctx, names);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return TOCSIN_OK;
}

enum tocsin_rc
syslog_tls_new(const struct conf_syslog *conf, SSL_CTX **out_r, struct tocsin_err *err)
{
    SSL_CTX *ctx;
    enum tocsin_rc rc = TOCSIN_OK;

    ERR_clear_error();
    ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1) {
        SSL_CTX_free(ctx);
        return err_set(err, TOCSIN_TEMPORARY, "", "cannot set up TLS: %s", reason());
    }
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(ctx, conf->tls_cert) != 1)
        rc = bad_file(err, "certificate", conf->tls_cert);
    else if (SSL_CTX_use_PrivateKey_file(ctx, conf->tls_key, SSL_FILETYPE_PEM) != 1 ||
             SSL_CTX_check_private_key(ctx) != 1)
        rc = bad_file(err, "key", conf->tls_key);
    else if (conf->tls_client_ca[0] != '\0')
        rc = demand_certificates(ctx, conf->tls_client_ca, err);
    if (rc == TOCSIN_OK)
        *out_r = ctx;
    else
        SSL_CTX_free(ctx);
    return rc;
}

/* --- one connection ------------------------------------------------------------------------------ */

static enum syslog_io
io_result(SSL *ssl, int rc, char *why, size_t size)
{
    int sys = errno;

    switch (SSL_get_error(ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        return IO_AGAIN_READ;
    case SSL_ERROR_WANT_WRITE:
        return IO_AGAIN_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return IO_END;
    case SSL_ERROR_SYSCALL:
        snprintf(why, size, "%s", sys != 0 ? err_errno(sys) : "the connection was closed");
        return IO_FAILED;
    default:
        if (ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
            return IO_END;         /* many senders do not say goodbye */
        snprintf(why, size, "%s", reason());
        return IO_FAILED;
    }
}

enum syslog_io
syslog_tls_accept(SSL *ssl, char *why, size_t size)
{
    long verified;
    enum syslog_io io;
    int rc;

    ERR_clear_error();
    errno = 0;
    rc = SSL_accept(ssl);
    if (rc == 1)
        return IO_DATA;
    io = io_result(ssl, rc, why, size);
    verified = SSL_get_verify_result(ssl);
    if (io == IO_END) {
        snprintf(why, size, "the connection was closed");
        return IO_FAILED;
    }
    if (io == IO_FAILED && verified != X509_V_OK)
        snprintf(why, size, "the client's certificate is not accepted: %s", X509_verify_cert_error_string(verified));
    return io;
}

enum syslog_io
syslog_tls_read(SSL *ssl, char *out, size_t size, size_t *n_r, char *why, size_t why_size)
{
    int rc;

    ERR_clear_error();
    errno = 0;
    rc = SSL_read_ex(ssl, out, size, n_r);
    return rc == 1 ? IO_DATA : io_result(ssl, rc, why, why_size);
}

/* --- names --------------------------------------------------------------------------------------- */

/* A NUL inside would make "good.example\0.evil" look good. */
static bool
fits(const ASN1_STRING *name, const char *const *patterns, size_t n)
{
    unsigned char *text = NULL;
    int len = ASN1_STRING_to_UTF8(&text, name);
    bool ok = false;

    for (size_t i = 0; len > 0 && strlen((const char *)text) == (size_t)len && i < n && !ok; i++)
        ok = fnmatch(patterns[i], (const char *)text, FNM_NOESCAPE) == 0;
    OPENSSL_free(text);
    return ok;
}

static bool
alternative_fits(const X509 *cert, const char *const *patterns, size_t n)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    bool ok = false;

    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !ok; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type == GEN_DNS || name->type == GEN_EMAIL || name->type == GEN_URI)
            ok = fits(name->d.ia5, patterns, n);
    }
    GENERAL_NAMES_free(names);
    return ok;
}

bool
syslog_tls_name_fits(SSL *ssl, const char *const *patterns, size_t n)
{
    X509 *cert = n > 0 ? SSL_get1_peer_certificate(ssl) : NULL;
    X509_NAME *subject = cert != NULL ? X509_get_subject_name(cert) : NULL;
    int at = subject != NULL ? X509_NAME_get_index_by_NID(subject, NID_commonName, -1) : -1;
    bool ok = n == 0;

    if (at >= 0)
        ok = fits(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)), patterns, n);
    if (cert != NULL && !ok)
        ok = alternative_fits(cert, patterns, n);
    X509_free(cert);
    return ok;
}
