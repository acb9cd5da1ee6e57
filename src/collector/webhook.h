/* SPDX-License-Identifier: Apache-2.0 */
/* webhook.h - what webhook.c, webhook_auth.c and webhook_verify.c share. */
#ifndef COLLECTOR_WEBHOOK_H
#define COLLECTOR_WEBHOOK_H

#include "collector/collector.h"
#include "http/http.h"

/* The request as an integration sees it.  Borrows from the request. */
struct tocsin_payload webhook_payload(const struct conf_collector *, struct http_request *);
/* A mapping may look at every header but those of the sender's credentials. */
bool webhook_is_credential(const struct conf_collector *, const char *header);

/* Address list and credentials; for a signature the address list only.  col NULL: does the work of a refusal. */
enum tocsin_rc webhook_check(const struct conf_collector *col, struct http_request *, struct tocsin_err *err);

/* The same for a request that has nothing to sign yet: whoever is to sign is let in by its address alone. */
enum tocsin_rc webhook_check_origin(const struct conf_collector *, struct http_request *, struct tocsin_err *err);

/* As webhook_check() without the header that a refusal has: for one of several collectors that may take the request. */
enum tocsin_rc webhook_admit(const struct conf_collector *, struct http_request *, struct tocsin_err *err);
bool webhook_same_secret(const char *got, size_t n, const char *secret);       /* in constant time */

/* A signature, with the documents that are in the cache.  TOCSIN_NEED_FETCH: one is missing. */
enum tocsin_rc webhook_verify_cached(const struct conf_collector *, struct http_request *, struct tocsin_err *err);
/* The same; fetches what is missing. */
enum tocsin_rc webhook_verify(const struct conf_collector *, struct http_request *, struct tocsin_err *err);
/* Run webhook_verify() on the thread for it, then call done there.  False: too many are waiting; done is not called. */
typedef void (*webhook_verified)(void *ctx, enum tocsin_rc rc, const struct tocsin_err *err);
bool webhook_verify_later(const struct conf_collector *, struct http_request *, webhook_verified done, void *ctx);

#endif
