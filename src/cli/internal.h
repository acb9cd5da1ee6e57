/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal.h - what the REST commands share: where the daemon is, how to ask
 * it, and how to put its words on a terminal.
 */
#ifndef CLI_INTERNAL_H
#define CLI_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <tocsin/err.h>

#include "base/arena.h"
#include "base/buf.h"

enum { EXIT_YES = 0, EXIT_NO = 1, EXIT_USAGE = 2 };

struct cli {
    struct arena *arena;
    const char *url;               /* --url, $TOCSIN_URL, http://127.0.0.1:9096 */
    const char *token;             /* --token-file, $TOCSIN_TOKEN; NULL: none */
    const char *ca_file;           /* --ca-file, $TOCSIN_CA_FILE; NULL: the system's authorities */
    bool json;                     /* --json */
    bool colour;                   /* stdout is a terminal that wants it */
    size_t width;                  /* columns; 0: not a terminal, nothing is cut */
    int64_t now;                   /* for ages */
};

/* --- rest.c ------------------------------------------------------------------------ */

struct answer {
    long status;
    char *body; size_t len;        /* NUL behind it */
    json_t *doc;                   /* NULL when it is not JSON */
};

/* Any status is TOCSIN_OK; an error means that there was no whole answer. */
enum tocsin_rc rest_call(const struct cli *, const char *method, const char *path, const char *content_type,
                         const char *body, size_t len, struct answer *out, struct tocsin_err *err);
void answer_release(struct answer *);
/* The same, with a document as the body (taken; may be NULL), and everything but 2xx told on stderr. */
int rest_ask(const struct cli *, const char *method, const char *path, json_t *body, struct answer *out);
/* One line on stderr that says what the daemon said. */
void rest_complain(const struct cli *, const char *what, const struct answer *);
char *rest_escape(const struct cli *, const char *text);      /* percent-encoded */

/* --- text.c: strangers' words on a terminal ------------------------------------------ */

/* Without control, escape and direction characters; line breaks become blanks. */
const char *term_clean(struct arena *, const char *);
size_t term_width(const char *);   /* columns that clean text takes */
/* Cut to at most `width` columns, ending in U+2026 when cut; width 0: as it is. */
const char *term_cut(struct arena *, const char *, size_t width);
const char *term_severity_colour(const struct cli *, const char *severity);   /* "" without colour */
const char *term_bold(const struct cli *);
const char *term_reset(const struct cli *);
/* "4m", "3h10m", "2d4h" since an RFC 3339 time; "" when it is none. */
const char *term_age(const struct cli *, const char *when);
const char *term_clock(const struct cli *, const char *when); /* "21:04:17" today, otherwise with the date */

/* The string member, cleaned; "" when it is missing or null. */
const char *doc_text(const struct cli *, const json_t *object, const char *name);
json_int_t doc_int(const json_t *object, const char *name);

enum { TABLE_COLUMNS = 8 };
struct table {
    size_t n;                      /* columns */
    const char *heads[TABLE_COLUMNS];
    size_t flexible;               /* the column that gives way when the terminal is narrow */
    const char *(*cells)[TABLE_COLUMNS];
    const char **colours;          /* one a row */
    size_t rows, cap;
};
/* cells: n strings that live as long as the table. */
void table_add(struct table *, const char *const *cells, const char *colour);
void table_print(struct table *, const struct cli *);         /* and releases it */

/* --- commands ------------------------------------------------------------------------ */

/* Options that every command has; for getopt_long tables. */
enum { OPT_URL = 1000, OPT_TOKEN_FILE, OPT_CA_FILE, OPT_JSON, OPT_COMMAND };
#define CLI_LONG_OPTIONS                                                                                               \
    { "url", required_argument, NULL, OPT_URL }, { "token-file", required_argument, NULL, OPT_TOKEN_FILE },            \
    { "ca-file", required_argument, NULL, OPT_CA_FILE },                                                               \
    { "json", no_argument, NULL, OPT_JSON }, { "help", no_argument, NULL, 'h' }
#define CLI_HELP                                                                                                       \
    "  --url URL            where the daemon is ($TOCSIN_URL; http://127.0.0.1:9096)\n"                                \
    "  --token-file FILE    holds the bearer token ($TOCSIN_TOKEN)\n"                                                  \
    "  --ca-file FILE       authorities for https, PEM, instead of the system's ($TOCSIN_CA_FILE)\n"                   \
    "  --json               what the API answered, for programs\n"                                                     \
    "  -h, --help           this text\n"

/* EXIT_YES to go on, another status to end with, or one of these. */
enum { OPTION_UNKNOWN = -1, OPTION_HELP = -2 };
int cli_option(struct cli *, int opt, const char *arg, const char *help);
int cli_usage(const char *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cli_print_json(const json_t *);
/* A file's bytes with a NUL behind them, or standard input's for "-"; heap. */
enum tocsin_rc cli_read(const char *path, char **out_r, size_t *len_out, struct tocsin_err *);

int command_send(struct cli *, int argc, char **argv);
int command_silence(struct cli *, int argc, char **argv);
int command_heartbeats(struct cli *, int argc, char **argv);
int command_incidents(struct cli *, int argc, char **argv);
int command_explain(struct cli *, int argc, char **argv);
int command_test(struct cli *, int argc, char **argv);
/* show.c: an incident for a person. */
void show_incident(const struct cli *, const json_t *incident);
/* explain_show.c: what explain found, for a person. */
void show_explanation(const struct cli *, const json_t *explanation, bool all_rules);

#endif
