/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.h - what people see in a browser: read-only pages, made here from the
 * documents of the API.
 *
 * There is no script and no state, so a page works in any browser and over any
 * proxy, and its Content-Security-Policy (PAGE_POLICY) allows nothing but its
 * own style sheet.  Every text of a stranger is escaped, and isolated, so that
 * direction marks in it do not turn its surroundings around.
 */
#ifndef WEB_PAGE_H
#define WEB_PAGE_H

#include <stdbool.h>

#include <jansson.h>

#include "base/buf.h"

#define PAGE_TYPE "text/html; charset=utf-8"
#define PAGE_POLICY "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

extern const char page_style[];    /* served as style.css, beside / */

/* Each fills out with a whole page; root: the way from the page to /, "" or "../". */
void page_list(struct buf *out, const char *root, const json_t *incidents, bool more);
void page_incident(struct buf *out, const char *root, const json_t *incident);
void page_problem(struct buf *out, const char *root, const char *title, const char *words);

#endif
