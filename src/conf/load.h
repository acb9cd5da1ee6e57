/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h - the parts of conf_load(), one file a block.
 *
 * Each reads its block from the file into the configuration under
 * construction and reports what is wrong; none stops at a mistake.  They run in
 * the order of conf_load(): what a block names must have been read before.
 */
#ifndef CONF_LOAD_H
#define CONF_LOAD_H

#include "conf/conf.h"
#include "conf/option.h"

struct load {
    struct reading r;
    struct conf *conf;
    const config_setting_t *root;
    const char *plugin_dir;
    bool public_listen; /* http listens where others can reach it */
};

/* --- blocks as written, where they hold more than the struct of conf.h ------------ */

struct auth_src {
    struct conf_auth a;
    const char *const *bearer;
    size_t n_bearer;
    const char *const *hmac;
    size_t n_hmac;
    const char *const *token;
    size_t n_token;
    const char *basic;
    bool signature;
};

struct collector_src {
    struct conf_collector c;
    const char *mapping; /* path; "" none */
    bool auth_none_is_fine;
    const char *scrub, *redact_key;
};

struct redact_src {
    struct redact_rule rule;
    int64_t keep;
};

struct heartbeat_src {
    struct conf_heartbeat h;
    bool auth_none_is_fine;
};

struct token_src {
    struct conf_token t;
};

struct step_src {
    struct policy_step s;
};

extern const struct option top_options[], http_options[], store_options[], token_options[], collector_options[],
    mqtt_options[], syslog_options[], auth_options[], notifier_options[], policy_options[], step_options[],
    rule_options[], heartbeat_options[], beat_options[], intake_options[], key_options[], route_options[],
    redact_options[], forward_options[];

/* Every block with a title, for `tocsin options`; a NULL name ends it. */
struct option_block {
    const char *name, *summary;
    const struct option *table;
};
extern const struct option_block option_blocks[];

/* Readers of OPT_SPECIAL. */
typedef void option_reader(struct reading *, const struct option *, const config_setting_t *, const char *ctx,
                           void *base);
option_reader read_loops, read_broker, read_mqtt_version, read_proxy, read_forward_proxy, read_rate;

/* --- helpers that the blocks share ---------------------------------------------------- */

/* The groups of a list such as `collectors`; 0 when it is not written or not such a list (reported). */
size_t load_groups(struct reading *, const config_setting_t *parent, const char *name, const char *ctx,
                   const config_setting_t **list_r);
/* "collector 'azure'"; without a good name "collector 2". */
const char *load_context(struct reading *, const config_setting_t *group, const char *kind, size_t index);
/* Letters, digits, - and _; reported when not. */
bool load_check_name(struct reading *, const config_setting_t *group, const char *ctx, const char *name);
/* NULL with a report when there is no such integration or it cannot be used. */
struct plugin *load_plugin(struct load *, const config_setting_t *group, const char *key, const char *ctx,
                           const char *name);
/* Open one instance; false with a report. */
bool load_instance(struct load *, const config_setting_t *group, const char *ctx, struct plugin *,
                   const struct tocsin_settings *, void **self_r);
/* Open, parse; false with a report.  On true the caller owns the config_t. */
bool source_read(struct reading *, config_t *out);
const char *source_dir(struct arena *, const char *file);
/* A target (step, last_resort, notify) must be a notifier. */
void load_check_targets(struct load *, struct reading *, const config_setting_t *group, const char *key,
                        const char *ctx, const char *const *targets, size_t n);
/* A policy by name; NULL with a report. */
const struct policy *load_find_policy(struct load *, struct reading *, const config_setting_t *group, const char *key,
                                      const char *ctx, const char *name);

/* A certificate and its key: do they belong together?  Reported when not. */
void load_check_pair(struct load *, const config_setting_t *group, const char *ctx, const char *cert, const char *key);
/* 'allow' holds addresses and networks; reported when not. */
void load_check_addresses(struct load *, const config_setting_t *group, const char *ctx, const char *const *allow,
                          size_t n);
/* A group at the top of the file; NULL when it is not written, or is something else (reported). */
const config_setting_t *load_group(struct load *, const char *name);

/* --- blocks ------------------------------------------------------------------------------ */

void load_http(struct load *);
void load_store(struct load *);
void load_tokens(struct load *);
void load_notifiers(struct load *);
void load_policies(struct load *);
void load_default_policy(struct load *);
void load_collectors(struct load *);
void load_mqtt(struct load *, const config_setting_t *group, const char *ctx, struct conf_mqtt *);
void load_syslog(struct load *, const config_setting_t *group, const char *ctx, struct collector_src *);
void load_auth(struct load *, const config_setting_t *group, const char *ctx, struct collector_src *);
void load_heartbeats(struct load *);     /* after the collectors: theirs are among them */
/* keys, routes and auth of a collector of type "intake" */
void load_intake(struct load *, const config_setting_t *group, const char *ctx, struct collector_src *);
void load_rules(struct load *);
/* What is taken out of a collector's payloads; every part of it goes into the digest. */
struct digest;
void load_redact(struct load *, const config_setting_t *group, const char *ctx, struct collector_src *);
void digest_redact(struct digest *, const config_setting_t *group);

/* --- digests ------------------------------------------------------------------------------ */

struct digest {
    struct arena *arena;
    const char **parts;
    size_t n, cap;
};
void digest_add(struct digest *, const char *part); /* NULL counts as "" */
void digest_num(struct digest *, int64_t);
void digest_list(struct digest *, const char *const *items, size_t n);
void digest_table(struct digest *, const struct option *table, const void *base);
void digest_settings(struct digest *, const struct tocsin_settings *);
const char *digest_text(const struct digest *, struct arena *);

#endif
