/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport_curl.c - libcurl's multi interface: one loop, many requests,
 * connections kept and shared (HTTP/2 where the vendor speaks it).
 *
 * `sent` is the point where a failure stops being harmless: curl counts the
 * bytes of a request when it writes them, after the connection, the proxy's
 * CONNECT and the TLS handshake; a request that counts none never left.
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "transport/ops.h"

struct call {
    struct transport_call base;
    struct call *prev, *next; /* once started */
    struct arena *arena;
    const struct tocsin_request *req;
    transport_done done;
    void *ctx;
    CURL *easy;
    struct curl_slist *headers;
    struct buf body;
    bool full;    /* the answer passed the limit: what is there stands */
    bool refused; /* the address is private */
    bool bad;     /* it cannot be sent: `error` or `refused` says why */
    char error[CURL_ERROR_SIZE];
};

struct curl {
    struct transport base;
    CURLM *multi;
    int wake_fd;
    struct call *calls;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
init(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
}

/* --- one request ---------------------------------------------------------------- */

static size_t
on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct call *c = ctx;
    size_t room = TRANSPORT_BODY_MAX - c->body.n;

    (void)size;
    if (n <= room) {
        buf_addn(&c->body, p, n);
        return n;
    }
    buf_addn(&c->body, p, room);
    c->full = true;
    return 0;
}

/* Called with the address that is about to be connected to: nothing is resolved again after the check. */
static curl_socket_t
open_public(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct call *c = ctx;

    if (purpose == CURLSOCKTYPE_IPCXN && !address_is_private(&a->addr))
        return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
    c->refused = true;
    return CURL_SOCKET_BAD;
}

static curl_socket_t
open_any(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
    (void)ctx;
    (void)purpose;
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* A header that would break out of its line is a bug of an integration or a hostile value: nothing is sent. */
static bool
header_is_clean(const struct tocsin_pair *h)
{
    if (h->name == NULL || h->value == NULL || h->name[0] == '\0' || strpbrk(h->name, " \t\r\n:") != NULL)
        return false;
    for (const char *p = h->value; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 && *p != '\t')
            return false;
    return true;
}

static bool
add_header(struct call *c, const char *name, const char *value)
{
    /* curl's way to say "empty value" is a semicolon, and "none" is the bare colon */
    char *line = value == NULL      ? arena_printf(c->arena, "%s:", name)
                 : value[0] == '\0' ? arena_printf(c->arena, "%s;", name)
                                    : arena_printf(c->arena, "%s: %s", name, value);
    struct curl_slist *more = curl_slist_append(c->headers, line);

    if (more == NULL)
        abort();
    c->headers = more;
    return true;
}

static bool
set_headers(struct call *c)
{
    const struct tocsin_request *r = c->req;
    const struct tocsin_pair type = { "Content-Type", r->content_type };

    if (r->content_type != NULL && !header_is_clean(&type)) {
        snprintf(c->error, sizeof c->error, "header 'Content-Type' is not a header");
        return false;
    }
    add_header(c, "Content-Type", r->content_type);
    add_header(c, "Expect", NULL);
    for (size_t i = 0; i < r->n_headers; i++) {
        if (!header_is_clean(&r->headers[i])) {
            snprintf(c->error, sizeof c->error, "header %zu of the request is not a header", i);
            return false;
        }
        add_header(c, r->headers[i].name, r->headers[i].value);
    }
    curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
    return true;
}

static void
set_method(struct call *c)
{
    const struct tocsin_request *r = c->req;

    if (strcmp(r->method, "HEAD") == 0) {
        curl_easy_setopt(c->easy, CURLOPT_NOBODY, 1L);
        return;
    }
    if (strcmp(r->method, "GET") != 0 || r->body_len > 0) {
        curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
        curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, r->body_len > 0 ? r->body : "");
    }
    curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, r->method);
}

static const char *
environment_proxy(const char *url)
{
    static const char *const https[] = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL };
    static const char *const http[] = { "http_proxy", "all_proxy", "ALL_PROXY", NULL };
    const char *const *names = strncasecmp(url, "https:", 6) == 0 ? https : http;

    for (; *names != NULL; names++) {
        const char *value = getenv(*names);

        if (value != NULL && value[0] != '\0')
            return value;
    }
    return NULL;
}

/* The host as written is an address of a private network: a proxy would be asked for it. */
static bool
literal_is_private(const char *url)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    char *host = NULL;
    CURLU *u = curl_url();
    bool bad = false;

    if (u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
        size_t n = strlen(host);

        if (n > 2 && host[0] == '[') {
            host[n - 1] = '\0';
            bad = inet_pton(AF_INET6, host + 1, &v6.sin6_addr) != 1 || address_is_private((struct sockaddr *)&v6);
        } else if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
            bad = address_is_private((struct sockaddr *)&v4);
        } else {
            bad = strcasecmp(host, "localhost") == 0;
        }
    }
    curl_free(host);
    curl_url_cleanup(u);
    return bad;
}

/*
 * Our own vendors go where the configuration or the environment says.  An
 * address from a stranger goes through the proxy whenever there is one, past
 * no_proxy, because the proxy is what keeps it off our network; without one
 * the address is checked when the socket is made, on a fresh connection.
 */
static bool
set_way(struct call *c, const struct transport_options *opt)
{
    const char *proxy = opt->proxy != NULL && opt->proxy[0] != '\0' ? opt->proxy : NULL;
    bool untrusted = !opt->allow_private;

    if (proxy == NULL && untrusted)
        proxy = environment_proxy(c->req->url);
    if (proxy != NULL) {
        curl_easy_setopt(c->easy, CURLOPT_PROXY, proxy);
        curl_easy_setopt(c->easy, CURLOPT_NOPROXY, "");
    }
    curl_easy_setopt(c->easy, CURLOPT_OPENSOCKETDATA, c);
    curl_easy_setopt(c->easy, CURLOPT_OPENSOCKETFUNCTION, untrusted && proxy == NULL ? open_public : open_any);
    if (!untrusted)
        return true;
    curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(c->easy, CURLOPT_FORBID_REUSE, 1L);
    c->refused = literal_is_private(c->req->url);
    return !c->refused;
}

static bool
set_up(struct call *c, const struct transport_options *opt)
{
    long timeout = opt->timeout_ms > 0 ? (long)opt->timeout_ms : TRANSPORT_TIMEOUT_MS;

    curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
    curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->error);
    curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->easy, CURLOPT_URL, c->req->url);
    curl_easy_setopt(c->easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(c->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (opt->ca_file != NULL && opt->ca_file[0] != '\0') {
        curl_easy_setopt(c->easy, CURLOPT_CAINFO, opt->ca_file);
        curl_easy_setopt(c->easy, CURLOPT_PROXY_CAINFO, opt->ca_file);
    }
    curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, timeout);
    curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, timeout > 1 ? timeout / 2 : 1);
    curl_easy_setopt(c->easy, CURLOPT_USERAGENT, "tocsin/" TOCSIN_VERSION);
    curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
    set_method(c);
    return set_headers(c) && set_way(c, opt);
}

/* --- its end ---------------------------------------------------------------------- */

static const char *
header_of(const struct tocsin_response *r, const char *name)
{
    const struct call *c = r->host_data;
    struct curl_header *h;

    return curl_easy_header(c->easy, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK ? h->value : NULL;
}

static void
call_free(struct call *c)
{
    curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->headers);
    buf_release(&c->body);
    arena_free(c->arena);
    free(c);
}

/* One that was started. */
static void
call_end(struct curl *t, struct call *c)
{
    curl_multi_remove_handle(t->multi, c->easy);
    if (c->next != NULL)
        c->next->prev = c->prev;
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        t->calls = c->next;
    t->base.in_flight--;
    call_free(c);
}

static void
finish(struct curl *t, struct call *c, CURLcode result)
{
    struct tocsin_response r = {
        .body = c->body.p != NULL ? c->body.p : "", .len = c->body.n, .header = header_of, .host_data = c
    };
    curl_off_t started = 0;
    long bytes = 0, status = 0;

    curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &bytes);
    curl_easy_getinfo(c->easy, CURLINFO_PRETRANSFER_TIME_T, &started);
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    if (result == CURLE_OK || c->full) {
        r.status = (int)status;
        r.sent = true;
    } else {
        r.sent = bytes > 0 && started > 0;
        r.error = c->refused            ? "the address is of a private network"
                  : c->error[0] != '\0' ? c->error
                                        : curl_easy_strerror(result);
    }
    c->done(c->ctx, &r);
    call_end(t, c);
}

/* --- the table --------------------------------------------------------------------- */

static struct transport_call *
curl_prepare(struct transport *base, const struct tocsin_request *req, const struct transport_options *opt,
             transport_done done, void *ctx)
{
    struct call *c = xcalloc(1, sizeof *c);

    (void)base;
    c->arena = arena_new();
    c->req = transport_copy(c->arena, req);
    c->done = done;
    c->ctx = ctx;
    c->easy = curl_easy_init();
    if (c->easy == NULL)
        abort();
    buf_init(&c->body, TRANSPORT_BODY_MAX + 1);
    c->bad = !set_up(c, opt);
    return &c->base;
}

static void
curl_start(struct transport_call *base)
{
    struct curl *t = (struct curl *)base->transport;
    struct call *c = (struct call *)base;
    CURLMcode code;

    c->next = t->calls;
    if (c->next != NULL)
        c->next->prev = c;
    t->calls = c;
    if (c->bad) {
        finish(t, c, CURLE_BAD_FUNCTION_ARGUMENT);
        return;
    }
    code = curl_multi_add_handle(t->multi, c->easy);
    if (code != CURLM_OK) {
        snprintf(c->error, sizeof c->error, "%s", curl_multi_strerror(code));
        finish(t, c, CURLE_FAILED_INIT);
    }
}

static void
curl_drop(struct transport_call *base)
{
    call_free((struct call *)base);
}

static bool
reap(struct curl *t)
{
    bool any = false;
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(t->multi, &left)) != NULL) {
        char *c = NULL;

        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &c);
        finish(t, (struct call *)(void *)c, msg->data.result);
        any = true;
    }
    return any;
}

static void
curl_poll(struct transport *base, int64_t wait_ms)
{
    struct curl *t = (struct curl *)base;
    int running;

    struct curl_waitfd wake = { .fd = t->wake_fd, .events = CURL_WAIT_POLLIN };
    uint64_t count;

    curl_multi_perform(t->multi, &running);
    if (reap(t))
        return;
    curl_multi_poll(t->multi, &wake, 1, wait_ms > 60000 ? 60000 : (int)wait_ms, NULL);
    if (wake.revents != 0 && read(t->wake_fd, &count, sizeof count) < 0 && errno != EAGAIN)
        abort();                             /* a counter of our own: it cannot fail */
    curl_multi_perform(t->multi, &running);
    reap(t);
}

/*
 * Not curl_multi_wakeup(): that writes to a socket, and the kernel then takes the writer for one that is about to
 * sleep and puts whom it wakes on the writer's core, in front of it.  A counter wakes wherever there is room.
 */
static void
curl_wake(struct transport *base)
{
    const uint64_t one = 1;

    if (write(((struct curl *)base)->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
        abort();
}

static void
curl_free_transport(struct transport *base)
{
    struct curl *t = (struct curl *)base;

    while (t->calls != NULL)
        call_end(t, t->calls);
    curl_multi_cleanup(t->multi);
    close(t->wake_fd);
    free(t);
}

static const struct transport_ops curl_ops = { curl_free_transport, curl_prepare, curl_start, curl_drop, curl_poll, curl_wake };

struct transport *
transport_curl_new(void)
{
    struct curl *t = xcalloc(1, sizeof *t);

    pthread_once(&once, init);
    t->base.ops = &curl_ops;
    t->multi = curl_multi_init();
    t->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (t->multi == NULL || t->wake_fd < 0)
        abort();
    return &t->base;
}
