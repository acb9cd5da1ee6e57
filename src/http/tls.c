/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.c - certificates: ours, which may be replaced while the server runs, and
 * those of clients.
 *
 * The library can only take its certificate at the start.  But GnuTLS, which
 * it uses, asks a callback at each handshake: that one gives copies of the
 * current pair, so a reload is a swap under a mutex, and connections that
 * exist are not concerned.  The callback has no argument of ours; the holder
 * travels in the session's database pointer, which is free because sessions
 * are not stored.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "http/internal.h"
#include "os/file.h"
#include "os/log.h"

enum { FILE_MAX = 1 << 20, CHAIN_MAX = 16, NAMES_MAX = 64 };

#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

struct pair {
    gnutls_x509_crt_t *chain;
    unsigned n;
    gnutls_x509_privkey_t key;
};

struct http_tls {
    pthread_mutex_t lock;
    struct pair pair;
    char *client_ca;
};

static void
pair_release(struct pair *p)
{
    for (unsigned i = 0; i < p->n; i++)
        gnutls_x509_crt_deinit(p->chain[i]);
    gnutls_free(p->chain);
    if (p->key != NULL)
        gnutls_x509_privkey_deinit(p->key);
    *p = (struct pair){ 0 };
}

static enum tocsin_rc
bad_file(struct tocsin_err *err, const char *what, const char *path, int rc)
{
    return err_set(err, TOCSIN_BAD_CONFIG, "", "cannot use the %s '%s': %s", what, path, gnutls_strerror(rc));
}

static enum tocsin_rc
read_chain(const char *path, struct pair *p, struct tocsin_err *err)
{
    gnutls_datum_t text = { 0 };
    char *s = NULL;
    size_t n = 0;
    enum tocsin_rc rc = file_read(path, FILE_MAX, &s, &n, err);
    int no;

    if (rc != TOCSIN_OK)
        return rc;
    text = (gnutls_datum_t){ (unsigned char *)s, (unsigned)n };
    no = gnutls_x509_crt_list_import2(&p->chain, &p->n, &text, GNUTLS_X509_FMT_PEM, 0);
    free(s);
    if (no < 0)
        return bad_file(err, "certificate", path, no);
    if (p->n > CHAIN_MAX)
        return err_set(err, TOCSIN_BAD_CONFIG, "", "cannot use the certificate '%s': it is a chain of more than %d",
                       path, CHAIN_MAX);
    return TOCSIN_OK;
}

static enum tocsin_rc
read_key(const char *path, struct pair *p, struct tocsin_err *err)
{
    gnutls_datum_t text = { 0 };
    char *s = NULL;
    size_t n = 0;
    enum tocsin_rc rc = file_read(path, FILE_MAX, &s, &n, err);
    int no;

    if (rc != TOCSIN_OK)
        return rc;
    text = (gnutls_datum_t){ (unsigned char *)s, (unsigned)n };
    no = gnutls_x509_privkey_init(&p->key);
    if (no == 0)
        no = gnutls_x509_privkey_import2(p->key, &text, GNUTLS_X509_FMT_PEM, NULL, 0);
    explicit_bzero(s, n);
    free(s);
    return no < 0 ? bad_file(err, "key", path, no) : TOCSIN_OK;
}

static enum tocsin_rc
check_match(const struct pair *p, const char *cert, const char *key, struct tocsin_err *err)
{
    unsigned char a[64], b[64];
    size_t na = sizeof a, nb = sizeof b;
    int no = gnutls_x509_crt_get_key_id(p->chain[0], GNUTLS_KEYID_USE_SHA256, a, &na);

    if (no == 0)
        no = gnutls_x509_privkey_get_key_id(p->key, GNUTLS_KEYID_USE_SHA256, b, &nb);
    if (no < 0)
        return bad_file(err, "key", key, no);
    if (na != nb || memcmp(a, b, na) != 0)
        return err_set(err, TOCSIN_BAD_CONFIG, "", "the key '%s' does not belong to the certificate '%s'", key, cert);
    return TOCSIN_OK;
}

static enum tocsin_rc
pair_read(const char *cert, const char *key, struct pair *out_r, struct tocsin_err *err)
{
    struct pair p = { 0 };
    enum tocsin_rc rc = read_chain(cert, &p, err);

    if (rc == TOCSIN_OK)
        rc = read_key(key, &p, err);
    if (rc == TOCSIN_OK)
        rc = check_match(&p, cert, key, err);
    if (rc == TOCSIN_OK)
        *out_r = p;
    else
        pair_release(&p);
    return rc;
}

static enum tocsin_rc
read_client_ca(const char *path, char **out_r, struct tocsin_err *err)
{
    gnutls_x509_trust_list_t trust = NULL;
    gnutls_datum_t text;
    size_t n = 0;
    enum tocsin_rc rc = file_read(path, FILE_MAX, out_r, &n, err);
    int no;

    if (rc != TOCSIN_OK)
        return rc;
    text = (gnutls_datum_t){ (unsigned char *)*out_r, (unsigned)n };
    no = gnutls_x509_trust_list_init(&trust, 0);
    if (no == 0)
        no = gnutls_x509_trust_list_add_trust_mem(trust, &text, NULL, GNUTLS_X509_FMT_PEM, 0, 0);
    if (trust != NULL)
        gnutls_x509_trust_list_deinit(trust, 1);
    if (no > 0)
        return TOCSIN_OK;
    free(*out_r);
    *out_r = NULL;
    return bad_file(err, "list of client authorities", path, no < 0 ? no : GNUTLS_E_NO_CERTIFICATE_FOUND);
}

static bool
is_set(const char *s)
{
    return s != NULL && s[0] != '\0';
}

enum tocsin_rc
http_tls_new(const struct http_options *opt, struct http_tls **out_r, struct tocsin_err *err)
{
    struct http_tls *t;
    enum tocsin_rc rc;

    if (!is_set(opt->tls_cert) && !is_set(opt->tls_key) && !is_set(opt->tls_client_ca))
        return TOCSIN_OK;
    if (!is_set(opt->tls_cert) || !is_set(opt->tls_key))
        return err_set(err, TOCSIN_BAD_CONFIG, "", "TLS needs both a certificate and a key");
    t = xcalloc(1, sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
    rc = pair_read(opt->tls_cert, opt->tls_key, &t->pair, err);
    if (rc == TOCSIN_OK && is_set(opt->tls_client_ca))
        rc = read_client_ca(opt->tls_client_ca, &t->client_ca, err);
    if (rc == TOCSIN_OK)
        *out_r = t;
    else
        http_tls_free(t);
    return rc;
}

void
http_tls_free(struct http_tls *t)
{
    if (t == NULL)
        return;
    pair_release(&t->pair);
    free(t->client_ca);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

const char *
http_tls_client_ca(const struct http_tls *t)
{
    return t->client_ca;
}

enum tocsin_rc
http_server_reload_tls(struct http_server *s, const char *cert, const char *key, struct tocsin_err *err)
{
    struct pair fresh = { 0 }, old;
    enum tocsin_rc rc;

    if (s->tls == NULL)
        return err_set(err, TOCSIN_BAD_CONFIG, "", "cannot take the certificate '%s': the server listens without TLS",
                       cert);
    rc = pair_read(cert, key, &fresh, err);
    if (rc != TOCSIN_OK)
        return rc;
    pthread_mutex_lock(&s->tls->lock);
    old = s->tls->pair;
    s->tls->pair = fresh;
    pthread_mutex_unlock(&s->tls->lock);
    pair_release(&old);
    return TOCSIN_OK;
}

/* --- handshakes ---------------------------------------------------------------------- */

static void
certs_drop(gnutls_pcert_st *certs, unsigned n, gnutls_privkey_t key)
{
    for (unsigned i = 0; i < n; i++)
        gnutls_pcert_deinit(&certs[i]);
    gnutls_free(certs);
    if (key != NULL)
        gnutls_privkey_deinit(key);
}

/* Copies, which GnuTLS releases with the session. */
static int
give_pair(gnutls_session_t session, const struct gnutls_cert_retr_st *info, gnutls_pcert_st **certs_r, unsigned *n_r,
          gnutls_ocsp_data_st **ocsp, unsigned *n_ocsp, gnutls_privkey_t *key_r, unsigned *flags)
{
    struct http_tls *t = gnutls_db_get_ptr(session);
    gnutls_pcert_st *certs;
    gnutls_privkey_t key = NULL;
    unsigned n = 0;
    int no;

    (void)info;
    if (t == NULL)
        return -1;
    pthread_mutex_lock(&t->lock);
    certs = gnutls_malloc(t->pair.n * sizeof *certs);
    no = certs != NULL ? gnutls_privkey_init(&key) : GNUTLS_E_MEMORY_ERROR;
    if (no == 0)
        no = gnutls_privkey_import_x509(key, t->pair.key, GNUTLS_PRIVKEY_IMPORT_COPY);
    while (no == 0 && n < t->pair.n) {
        no = gnutls_pcert_import_x509(&certs[n], t->pair.chain[n], 0);
        if (no == 0)
            n++;
    }
    pthread_mutex_unlock(&t->lock);
    if (no != 0) {
        log_error("http", "tls", "cannot give the certificate: %s", gnutls_strerror(no));
        certs_drop(certs, n, key);
        return -1;
    }
    *certs_r = certs;
    *n_r = n;
    *ocsp = NULL;
    *n_ocsp = 0;
    *key_r = key;
    *flags = GNUTLS_CERT_RETR_DEINIT_ALL;
    return 0;
}

void
http_tls_options(struct http_tls *t, struct MHD_OptionItem *items, size_t *n)
{
    union { gnutls_certificate_retrieve_function3 *call; void *ptr; } give = { .call = give_pair };

    items[(*n)++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)PRIORITIES };
    items[(*n)++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, give.ptr };
    if (t->client_ca != NULL)
        items[(*n)++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_TRUST, 0, t->client_ca };
}

static gnutls_session_t
session_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);

    return info != NULL ? info->tls_session : NULL;
}

void
http_tls_greet(struct http_tls *t, struct MHD_Connection *mhd)
{
    gnutls_session_t session = t != NULL ? session_of(mhd) : NULL;

    if (session != NULL)
        gnutls_db_set_ptr(session, t);
}

/* --- client certificates --------------------------------------------------------------- */

static void
name_add(struct conn *c, const char *name, size_t n)
{
    /* a NUL inside would make "good.example\0.evil" look good */
    if (n == 0 || memchr(name, '\0', n) != NULL || c->n_names == NAMES_MAX)
        return;
    if (c->names == NULL)
        c->names = xcalloc(NAMES_MAX, sizeof *c->names);
    c->names[c->n_names++] = xstrndup(name, n);
}

static void
take_names(struct conn *c, gnutls_x509_crt_t crt)
{
    char name[1024];
    size_t n = sizeof name;

    if (gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &n) == 0)
        name_add(c, name, n);
    for (unsigned i = 0; i < NAMES_MAX; i++) {
        int type;

        n = sizeof name;
        type = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &n, NULL);
        if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            break;
        if (type == GNUTLS_SAN_DNSNAME || type == GNUTLS_SAN_RFC822NAME || type == GNUTLS_SAN_URI)
            name_add(c, name, n);
    }
}

/* Does the certificate come from an authority of ours, is it in its time, is it for clients? */
static bool
is_verified(gnutls_session_t session, const struct conn *c)
{
    gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
                                      .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT };
    unsigned status = 0;
    int no = gnutls_certificate_verify_peers(session, &purpose, 1, &status);

    if (no == 0 && status == 0)
        return true;
    log_info("http", c->peer, "the client certificate is not accepted: %s",
             no != 0 ? gnutls_strerror(no) : "it is unknown, out of its time, or not for clients");
    return false;
}

void
http_tls_names(struct conn *c, struct MHD_Connection *mhd)
{
    gnutls_session_t session = session_of(mhd);
    gnutls_x509_crt_t crt = NULL;
    const gnutls_datum_t *list;
    unsigned n = 0;

    if (c->names_known || session == NULL)
        return;
    c->names_known = true;
    list = gnutls_certificate_get_peers(session, &n);
    if (list == NULL || n == 0 || !is_verified(session, c))
        return;
    if (gnutls_x509_crt_init(&crt) != 0)
        return;
    if (gnutls_x509_crt_import(crt, &list[0], GNUTLS_X509_FMT_DER) == 0)
        take_names(c, crt);
    gnutls_x509_crt_deinit(crt);
}
