/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template.h - "text {{ expression }} text".
 *
 * A plain path (.labels.host, .labels["a b"], .summary) is looked up; anything
 * else is jq.  The jq expressions of all templates of a rule set are collected
 * in one table, so that a scratch compiles them together.
 */
#ifndef CORE_TEMPLATE_H
#define CORE_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tocsin/plugin.h>

struct arena;
struct buf;
struct jqvm;

enum { TEMPLATE_MAX = 4096 };      /* bytes of a rendered text */

/* --- the jq expressions of a rule set ------------------------------------------- */

struct expr_table {
    const char **checked;          /* as jqscan() wrote them */
    size_t n, cap;
};

/* --- templates --------------------------------------------------------------------- */

enum part_kind { PART_TEXT, PART_PATH, PART_JQ };

enum path_root {
    PATH_LABEL, PATH_ANNOTATION, PATH_SUMMARY, PATH_SEVERITY, PATH_SOURCE, PATH_STATUS, PATH_DEDUP_KEY, PATH_GROUP,
    PATH_STARTS_AT, PATH_ENDS_AT
};

struct part {
    enum part_kind kind;
    enum path_root root;
    const char *text;              /* PART_TEXT: itself; PART_PATH: the label's name; PART_JQ: as written */
    size_t len;
    size_t expr;                   /* PART_JQ: index in the table */
    size_t column;                 /* from 1 */
};

struct template { struct part *parts; size_t n_parts; };

/* Memory from the arena.  The text of an error begins with the column. */
enum tocsin_rc template_parse(struct arena *, struct expr_table *, const char *text, struct template *out,
                              struct tocsin_err *err);
/* The text if there is nothing but text; NULL otherwise. */
const char *template_literal(const struct template *);

/* --- rendering ---------------------------------------------------------------------- */

/* What an expression sees: the alert as it is at this moment. */
struct view {
    const char *summary, *source, *dedup_key, *group;
    enum tocsin_severity severity;
    enum tocsin_status status;
    int64_t starts_at, ends_at;
    const struct tocsin_pair *labels;      size_t n_labels;
    const struct tocsin_pair *annotations; size_t n_annotations;
    const struct tocsin_link *links;       size_t n_links;
};

/* The machines of one thread, and the alert in jq's form for as long as it does not change. */
struct jq_pool;

struct jq_pool *jq_pool_new(const struct expr_table *);
void jq_pool_free(struct jq_pool *);
void jq_pool_forget(struct jq_pool *);       /* the alert changed */
/* Where is the mistake?  Compiles each expression alone.  True when all of them are good. */
bool expr_table_check(const struct expr_table *, void (*report)(void *, size_t expr, const char *what), void *ctx);

/*
 * Append the text to out.  MEANINGLESS when an expression failed, TOO_LARGE when the text passes out's
 * maximum.  out's content is then of no use.
 */
enum tocsin_rc template_render(const struct template *, const struct view *, struct jq_pool *, struct buf *out,
                               struct tocsin_err *err);
/* The same, and whether every expression in it had some text. */
enum tocsin_rc template_render_whole(const struct template *, const struct view *, struct jq_pool *, struct buf *out,
                                     bool *whole_r, struct tocsin_err *err);

#endif
