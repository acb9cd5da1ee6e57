/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request to the daemon, with libcurl.  Nothing is retried and no redirect
 * is followed: who types a command sees what became of it.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "cli/internal.h"

enum { ANSWER_MAX = 64 << 20, CONNECT_MS = 5000, TOTAL_MS = 30000 };

static size_t
take(char *data, size_t size, size_t n, void *ctx)
{
    struct buf *b = ctx;

    buf_addn(b, data, size * n);
    return buf_ok(b) ? size * n : 0;
}

/* http and https alone, and no proxy on the way to this machine. */
static enum tocsin_rc
set_address(CURL *curl, const struct cli *cli, const char *path, struct tocsin_err *err)
{
    size_t n = strlen(cli->url);
    char *host = NULL;
    CURLU *u = curl_url();
    CURLUcode bad;

    while (n > 0 && cli->url[n - 1] == '/')
        n--;
    bad = curl_url_set(u, CURLUPART_URL, arena_printf(cli->arena, "%.*s%s", (int)n, cli->url, path), 0);
    if (bad == CURLUE_OK)
        bad = curl_url_get(u, CURLUPART_HOST, &host, 0);
    if (bad == CURLUE_OK) {
        curl_easy_setopt(curl, CURLOPT_URL, arena_printf(cli->arena, "%.*s%s", (int)n, cli->url, path));
        if (strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0)
            curl_easy_setopt(curl, CURLOPT_PROXY, "");
    }
    curl_free(host);
    curl_url_cleanup(u);
    if (bad != CURLUE_OK)
        return err_set(err, TOCSIN_BAD_CONFIG, cli->url, "not an address: %s", curl_url_strerror(bad));
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    return TOCSIN_OK;
}

static struct curl_slist *
headers(const struct cli *cli, const char *content_type)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");

    if (content_type != NULL)
        list = curl_slist_append(list, arena_printf(cli->arena, "Content-Type: %s", content_type));
    if (cli->token != NULL)
        list = curl_slist_append(list, arena_printf(cli->arena, "Authorization: Bearer %s", cli->token));
    return list;
}

static void
set_request(CURL *curl, const char *method, const char *body, size_t len)
{
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TOTAL_MS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "tocsin/" TOCSIN_VERSION);
    if (strcmp(method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body != NULL ? body : "");
    } else if (strcmp(method, "GET") != 0) {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    }
}

enum tocsin_rc
rest_call(const struct cli *cli, const char *method, const char *path, const char *content_type, const char *body,
          size_t len, struct answer *out, struct tocsin_err *err)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *list = headers(cli, content_type);
    char words[CURL_ERROR_SIZE] = "";
    enum tocsin_rc rc;
    struct buf got;
    CURLcode code;

    *out = (struct answer){ 0 };
    buf_init(&got, ANSWER_MAX);
    if (cli->token != NULL && strpbrk(cli->token, "\r\n") != NULL) {
        rc = err_set(err, TOCSIN_BAD_CONFIG, "", "the token holds a line break");
        goto out;
    }
    rc = set_address(curl, cli, path, err);
    if (rc != TOCSIN_OK)
        goto out;
    set_request(curl, method, body, len);
    if (cli->ca_file != NULL)
        curl_easy_setopt(curl, CURLOPT_CAINFO, cli->ca_file);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &got);
    code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        rc = err_set(err, TOCSIN_TEMPORARY, cli->url, "%s", words[0] != '\0' ? words : curl_easy_strerror(code));
        goto out;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out->status);
    out->len = got.n;
    out->body = buf_take(&got);
    out->doc = json_loadb(out->body, out->len, JSON_DECODE_ANY, NULL);
out:
    buf_release(&got);
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
    return rc;
}

void
answer_release(struct answer *a)
{
    free(a->body);
    json_decref(a->doc);
    *a = (struct answer){ 0 };
}

/* "cannot ack 0000a1: not possible in this state: the incident is resolved" */
void
rest_complain(const struct cli *cli, const char *what, const struct answer *a)
{
    const char *title = doc_text(cli, a->doc, "title"), *detail = doc_text(cli, a->doc, "detail");
    const char *where = doc_text(cli, a->doc, "where");

    fprintf(stderr, "tocsin: cannot %s: ", what);
    if (*title == '\0' && *detail == '\0') {
        fprintf(stderr, "'%s' answered %ld, not in the way of a tocsin daemon\n", cli->url, a->status);
        return;
    }
    fprintf(stderr, "%s", title);
    if (*where != '\0')
        fprintf(stderr, "%s%s", *title != '\0' ? ": " : "", where);
    if (*detail != '\0')
        fprintf(stderr, "%s%s", *title != '\0' || *where != '\0' ? ": " : "", detail);
    fputc('\n', stderr);
}

int
rest_ask(const struct cli *cli, const char *method, const char *path, json_t *body, struct answer *out)
{
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    char line[1024];
    struct tocsin_err err;
    enum tocsin_rc rc;

    json_decref(body);
    rc = rest_call(cli, method, path, text != NULL ? "application/json" : NULL, text, text != NULL ? strlen(text) : 0,
                   out, &err);
    free(text);
    if (rc != TOCSIN_OK) {
        fprintf(stderr, "tocsin: cannot reach the daemon: %s\n",
                term_clean(cli->arena, err_text(&err, line, sizeof line)));
        return EXIT_NO;
    }
    return out->status >= 200 && out->status < 300 && out->doc != NULL ? EXIT_YES : EXIT_NO;
}

char *
rest_escape(const struct cli *cli, const char *text)
{
    char *escaped = curl_easy_escape(NULL, text, 0);
    char *out = arena_strdup(cli->arena, escaped != NULL ? escaped : "");

    curl_free(escaped);
    return out;
}
