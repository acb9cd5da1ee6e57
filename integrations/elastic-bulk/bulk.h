/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bulk.h - Elasticsearch's bulk API as a way in; shared by the .c files of this folder.
 *
 *   intake.c   the paths, and the bulk body
 *   product.c  what clients ask before their first bulk
 *   answer.c   items, and refusals, in Elasticsearch's words
 */
#ifndef ELASTIC_BULK_BULK_H
#define ELASTIC_BULK_BULK_H

#include <tocsin/plugin.h>

enum route {
    BULK = 1, INFO, LICENSE, XPACK, SETTING, SETTING_PUT
};

struct bulk_item {
    const char *action, *index, *id;
    int status;                    /* 201, 400, 404 */
    const char *type, *reason;     /* of an error; NULL: none */
};

struct bulk_call {
    struct bulk_item *items; size_t n, cap;
};

extern const struct tocsin_route bulk_routes[];

/* Answer what is no bulk. */
void bulk_product(const struct tocsin_host *, struct tocsin_call *, const char *version);
void bulk_answer(void *self, const struct tocsin_host *, struct tocsin_call *, const struct tocsin_results *);
void bulk_refuse(const struct tocsin_host *, struct tocsin_call *, const struct tocsin_err *);
/* Clients look at this header before they believe anything. */
void bulk_reply(const struct tocsin_host *, struct tocsin_call *, int status, json_t *doc);

#endif
