/* SPDX-License-Identifier: Apache-2.0 */
/*
 * option.h - a block of the configuration, described once.
 *
 * A block (http, a collector, a policy's step, ...) is a static table of struct
 * option.  The table is the parser, the defaults, the range checks, the known
 * names for "did you mean", and what `tocsin options` prints, so none of these
 * can disagree.  The OPT_* macros refuse at compile time a member of another C
 * type than the option writes.  The options of an integration (struct
 * tocsin_option) are read by the same functions, into struct setting.
 *
 * Every mistake goes to the report and reading goes on.
 */
#ifndef CONF_OPTION_H
#define CONF_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libconfig.h>

#include <tocsin/plugin.h>

#include "base/arena.h"
#include "conf/conf.h"

/* --- where a file is being read ------------------------------------------------- */

struct reading {
    struct arena *arena; /* results live here */
    struct conf_report *report;
    const char *source; /* the file given to libconfig */
    const char *dir;    /* its folder: @include, paths and file: references start there */
};

struct conf_pos reading_pos(const struct reading *, const config_setting_t *);
void reading_mistake(struct reading *, const config_setting_t *, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* path as it is when absolute, otherwise below the folder of the file. */
const char *reading_path(const struct reading *, const char *path);

/* --- tables ------------------------------------------------------------------------ */

enum option_type {
    OPTION_TEXT,    /* choices: one of them */
    OPTION_PATH,    /* of something that may not exist yet */
    OPTION_FILE,    /* of a file that must be readable */
    OPTION_SECRET,  /* env:, file: or cred: reference; the member gets what it refers to */
    OPTION_SECRETS, /* one reference or a list of them */
    OPTION_INT,
    OPTION_BOOL,
    OPTION_DURATION,
    OPTION_SIZE,
    OPTION_LIST,    /* of texts; a single text is a list of one */
    OPTION_ENUM,    /* the member gets min + index of the choice */
    OPTION_MAP,     /* group of texts */
    OPTION_GROUP,   /* a group with a table of its own, same base */
    OPTION_SPECIAL, /* read() knows */
    OPTION_BLOCK    /* described here, read elsewhere */
};

#define OPTION_REQUIRED TOCSIN_REQUIRED

struct option {
    const char *name; /* NULL ends the table */
    enum option_type type;
    const char *def; /* text form; NULL: none; OPTION_REQUIRED */
    const char *help;
    const char *choices; /* "a|b"; for SPECIAL and BLOCK: what is expected, in words */
    int64_t min, max;    /* INT as it is, DURATION in ms, SIZE in bytes */
    int64_t unit;        /* the member counts in units of so many (1000: seconds from ms) */
    size_t offset, n_offset;
    uint8_t width; /* of an integer member, in bytes */
    const struct option *group;
    /* set is NULL when the option is not written. */
    void (*read)(struct reading *, const struct option *, const config_setting_t *set, const char *ctx, void *base);
};

#define OPTION_AT(S, m, T) _Generic(((struct S *)0)->m, T : offsetof(struct S, m))
#define OPTION_AT_LIST(S, m)                                                                                           \
    _Generic(((struct S *)0)->m, const char ** : offsetof(struct S, m), const char *const * : offsetof(struct S, m))
#define OPTION_INTEGER(S, m, T) .offset = OPTION_AT(S, m, T), .width = (uint8_t)sizeof(T), .unit = 1

/* Each: the struct's tag, its member, the option's name, ... */
#define OPT_TEXT(S, m, nm, d, h)                                                                                       \
    {                                                                                                                  \
        .name = nm, .type = OPTION_TEXT, .def = d, .help = h, .offset = OPTION_AT(S, m, const char *)                  \
    }
#define OPT_CHOICE(S, m, nm, d, ch, h)                                                                                 \
    {                                                                                                                  \
        .name = nm, .type = OPTION_TEXT, .def = d, .choices = ch, .help = h, .offset = OPTION_AT(S, m, const char *)   \
    }
#define OPT_PATH(S, m, nm, d, h)                                                                                       \
    {                                                                                                                  \
        .name = nm, .type = OPTION_PATH, .def = d, .help = h, .offset = OPTION_AT(S, m, const char *)                  \
    }
#define OPT_FILE(S, m, nm, d, h)                                                                                       \
    {                                                                                                                  \
        .name = nm, .type = OPTION_FILE, .def = d, .help = h, .offset = OPTION_AT(S, m, const char *)                  \
    }
#define OPT_SECRET(S, m, nm, d, h)                                                                                     \
    {                                                                                                                  \
        .name = nm, .type = OPTION_SECRET, .def = d, .help = h, .offset = OPTION_AT(S, m, const char *)                \
    }
#define OPT_SECRETS(S, m, n, nm, d, h)                                                                                 \
    {                                                                                                                  \
        .name = nm, .type = OPTION_SECRETS, .def = d, .help = h, .offset = OPTION_AT_LIST(S, m),                       \
        .n_offset = OPTION_AT(S, n, size_t)                                                                            \
    }
#define OPT_LIST(S, m, n, nm, d, h)                                                                                    \
    {                                                                                                                  \
        .name = nm, .type = OPTION_LIST, .def = d, .help = h, .offset = OPTION_AT_LIST(S, m),                          \
        .n_offset = OPTION_AT(S, n, size_t)                                                                            \
    }
#define OPT_I64(S, m, nm, d, lo, hi, h)                                                                                \
    {                                                                                                                  \
        .name = nm, .type = OPTION_INT, .def = d, .help = h, .min = lo, .max = hi, OPTION_INTEGER(S, m, int64_t)       \
    }
#define OPT_U32(S, m, nm, d, lo, hi, h)                                                                                \
    {                                                                                                                  \
        .name = nm, .type = OPTION_INT, .def = d, .help = h, .min = lo, .max = hi, OPTION_INTEGER(S, m, uint32_t)      \
    }
#define OPT_BOOL(S, m, nm, d, h)                                                                                       \
    {                                                                                                                  \
        .name = nm, .type = OPTION_BOOL, .def = d, .help = h, OPTION_INTEGER(S, m, bool)                               \
    }
#define OPT_MS(S, m, nm, d, lo, hi, h)                                                                                 \
    {                                                                                                                  \
        .name = nm, .type = OPTION_DURATION, .def = d, .help = h, .min = lo, .max = hi, OPTION_INTEGER(S, m, int64_t)  \
    }
#define OPT_SECONDS16(S, m, nm, d, lo, hi, h)                                                                          \
    {                                                                                                                  \
        .name = nm, .type = OPTION_DURATION, .def = d, .help = h, .min = lo, .max = hi,                                \
        .offset = OPTION_AT(S, m, uint16_t), .width = 2, .unit = 1000                                                  \
    }
#define OPT_BYTES(S, m, nm, d, lo, hi, h)                                                                              \
    {                                                                                                                  \
        .name = nm, .type = OPTION_SIZE, .def = d, .help = h, .min = lo, .max = hi, OPTION_INTEGER(S, m, int64_t)      \
    }
/* first: the value of the first choice; the others follow it. */
#define OPT_ENUM(S, m, T, first, nm, d, ch, h)                                                                         \
    {                                                                                                                  \
        .name = nm, .type = OPTION_ENUM, .def = d, .choices = ch, .help = h, .min = first, OPTION_INTEGER(S, m, T)     \
    }
#define OPT_GROUP(nm, table, h)                                                                                        \
    {                                                                                                                  \
        .name = nm, .type = OPTION_GROUP, .help = h, .group = table                                                    \
    }
#define OPT_SPECIAL(nm, what, d, h, fn)                                                                                \
    {                                                                                                                  \
        .name = nm, .type = OPTION_SPECIAL, .def = d, .choices = what, .help = h, .read = fn                           \
    }
#define OPT_BLOCK(nm, what, d, h)                                                                                      \
    {                                                                                                                  \
        .name = nm, .type = OPTION_BLOCK, .def = d, .choices = what, .help = h                                         \
    }
#define OPT_END                                                                                                        \
    {                                                                                                                  \
        .name = NULL                                                                                                   \
    }

/* --- reading --------------------------------------------------------------------------- */

/* Read what a table describes from a group (NULL: everything has its default) into *base.  ctx names the
 * group in messages: "http", "collector 'azure'". */
void option_read_table(struct reading *, const config_setting_t *group, const struct option *table, const char *ctx,
                       void *base);
/* The same for one option; false when it has neither value nor default, or a mistake was reported. */
bool option_read(struct reading *, const config_setting_t *group, const struct option *, const char *ctx, void *base);

/* Report that the value of an option is not what is expected; more is appended, or "". */
void option_refuse(struct reading *, const struct option *, const config_setting_t *, const char *ctx,
                   const char *more);
/* What is expected, in words. */
const char *option_expected(const struct option *, struct arena *);
/* The type as `tocsin options` names it. */
const char *option_type_name(const struct option *);

enum { OPTION_NAMES_MAX = 128 };
struct option_names {
    const char *v[OPTION_NAMES_MAX];
    size_t n;
};
void option_names_add(struct option_names *, const struct option *table);
void option_names_add_plugin(struct option_names *, const struct tocsin_option *table);
bool option_names_has(const struct option_names *, const char *name);
/* Report every member of a group that is not among the names. */
void option_check_names(struct reading *, const config_setting_t *group, const char *ctx, const struct option_names *);

/* An integration's options from a group; lives in the arena of the reading.  table may be NULL. */
struct tocsin_settings *settings_read(struct reading *, const config_setting_t *group,
                                      const struct tocsin_option *table, const char *ctx);
/* An option of an integration in the form of this header. */
struct option option_of_plugin(const struct tocsin_option *);

/* "512", "64KiB", "1MiB", "2GB"; false if not one. */
bool size_parse(const char *, int64_t *bytes_out);
enum { SIZE_TEXT = 32 };
char *size_format(int64_t bytes, char out[SIZE_TEXT]);

#endif
