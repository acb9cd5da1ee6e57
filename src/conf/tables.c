/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tables.c - every option of tocsin.cfg and of the rule files.
 *
 * The help is one line and is read in `tocsin options`; it says what a default
 * cannot.
 */
#include "conf/load.h"
#include "core/rules/tally.h"

#define SECOND 1000ll
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define KIB 1024ll
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* --- the file --------------------------------------------------------------------- */

const struct option top_options[] = {
    OPT_BLOCK("http", "a group", NULL, "the server: collectors, API, page"),
    OPT_BLOCK("store", "a group", NULL, "where alerts and incidents are kept"),
    OPT_BLOCK("auth", "a group", NULL, "who may use the API"),
    OPT_BLOCK("collectors", "a list of groups", NULL, "ways in"),
    OPT_BLOCK("heartbeats", "a list of groups", NULL, "what is to be heard of every now and then"),
    OPT_BLOCK("notifiers", "a list of groups", NULL, "ways out"),
    OPT_BLOCK("policies", "a list of groups", NULL, "who is told, when; at least one"),
    OPT_BLOCK("default_policy", "the name of a policy", NULL,
              "for alerts that no rule routes; may be left out when there is one policy"),
    OPT_BLOCK("rules", "the path of a folder", NULL, "every *.cfg in it is loaded, in name order"),
    OPT_CHOICE(conf, log_level, "log_level", "info", "error|warn|info|debug", "what is written to the log"),
    OPT_END
};

static const struct option tls_options[] = { OPT_FILE(conf_http, tls_cert, "cert", "", "certificate and chain, PEM"),
                                             OPT_FILE(conf_http, tls_key, "key", "", "its private key, PEM"),
                                             OPT_FILE(conf_http, tls_client_ca, "client_ca", "",
                                                      "authorities of client certificates, PEM; asks for certificates"),
                                             OPT_END };

const struct option http_options[] = {
    OPT_TEXT(conf_http, listen, "listen", "127.0.0.1:9096", "address and port; [::]:9096 for all of IPv6"),
    OPT_GROUP("tls", tls_options, "serve https"),
    OPT_TEXT(conf_http, public_url, "public_url", "", "address under which people reach tocsin; for links in pages"),
    OPT_BYTES(conf_http, body_max, "body_max", "1MiB", KIB, 64 * MIB, "largest body of a request"),
    OPT_BYTES(conf_http, header_max, "header_max", "16KiB", KIB, 256 * KIB, "largest head of a request"),
    OPT_I64(conf_http, connections_max, "connections_max", "10000", 1, 1000000, "open connections"),
    OPT_I64(conf_http, per_ip_max, "per_ip_max", "1000", 1, 1000000, "open connections of one address"),
    OPT_MS(conf_http, header_timeout_ms, "header_timeout", "5s", 100, 5 * MINUTE, "until the head is complete"),
    OPT_MS(conf_http, body_timeout_ms, "body_timeout", "15s", 100, 10 * MINUTE, "until the body is complete"),
    OPT_MS(conf_http, idle_timeout_ms, "idle_timeout", "60s", SECOND, HOUR, "between two requests of a connection"),
    OPT_I64(conf_http, json_depth_max, "json_depth_max", "32", 4, 256, "nesting of JSON"),
    OPT_I64(conf_http, alerts_max, "alerts_max", "10000", 1, 100000, "alerts in one request; lines of logs are none"),
    OPT_U32(conf_http, threads, "threads", "0", 0, 64, "of the server; 0: one per core, at most 4"),
    OPT_END
};

const struct option store_options[] = {
    OPT_CHOICE(conf_store, driver, "driver", "sqlite", "sqlite|memory",
               "memory forgets at every stop: for trials only"),
    OPT_PATH(conf_store, path, "path", "/var/lib/tocsin/tocsin.db", "the database file"),
    OPT_BYTES(conf_store, wal_limit, "wal_limit", "256MiB", MIB, 64 * GIB,
              "the write-ahead log is folded back at this size"),
    OPT_BYTES(conf_store, reserve, "reserve", "32MiB", 0, 64 * GIB, "free disk below which nothing new is accepted"),
    OPT_MS(conf_store, keep_ms, "keep", "90d", HOUR, 3650 * DAY, "how long a resolved incident is kept"),
    OPT_END
};

const struct option token_options[] = {
    OPT_TEXT(token_src, t.name, "name", OPTION_REQUIRED, "who holds it; stands in the timeline of what it did"),
    OPT_SECRET(token_src, t.secret, "token", OPTION_REQUIRED, "the bearer token"),
    OPT_ENUM(token_src, t.role, enum conf_role, ROLE_VIEWER, "role", OPTION_REQUIRED, "viewer|responder|admin",
             "viewer reads, responder also acts on incidents, admin also changes tocsin"),
    OPT_END
};

/* --- ways in --------------------------------------------------------------------------- */

const struct option collector_options[] = {
    OPT_TEXT(collector_src, c.name, "name", OPTION_REQUIRED, "letters, digits, - and _; webhooks post to /v1/in/NAME"),
    OPT_CHOICE(collector_src, c.type, "type", "webhook", "webhook|mqtt|syslog|intake",
               "how the bytes come; intake: at the paths of the product that the format imitates"),
    OPT_TEXT(collector_src, c.format, "format", NULL,
             "the integration that understands the bytes; must be said, but for syslog and, to be beaten alone, with heartbeat"),
    OPT_BLOCK("heartbeat", "a group such as { every = \"5m\"; }", NULL,
              "every payload is a beat: when none comes, an incident opens"),
    OPT_FILE(collector_src, mapping, "mapping", "", "a jq program that turns the payload into the format; its file"),
    OPT_BLOCK("auth", "\"none\", \"signature\" or a group such as { bearer = \"env:NAME\"; }", NULL,
              "how senders prove who they are; webhooks must say it"),
    OPT_BOOL(collector_src, auth_none_is_fine, "auth_none_is_fine", "false",
             "allow auth = \"none\" although others can reach the server"),
    OPT_BLOCK("redact", "a list of groups such as ( { path = \"**.email\"; action = \"hash\"; } )", NULL,
              "what is taken out of payloads before anything is stored, logged or passed on"),
    OPT_SECRET(collector_src, redact_key, "redact_key", NULL,
               "key of action = \"hash\" and of redacted identities, 16 bytes or more"),
    OPT_CHOICE(collector_src, scrub, "scrub", "auto", "auto|on|off",
               "take out passwords, tokens, cookies, card numbers; auto: with redact, and where the format needs it"),
    OPT_END
};

/* beside those of a collector whose format passes on */
const struct option forward_options[] = {
    OPT_SPECIAL("forward_proxy", "an address such as \"http://proxy:3128\", or a reference to one", "",
                "for what is passed on; one that holds a password must be a reference", read_forward_proxy),
    OPT_FILE(conf_forward, ca_file, "forward_ca_file", "", "authorities instead of the system's, PEM"),
    OPT_MS(conf_forward, timeout_ms, "forward_timeout", "10s", 100, 5 * MINUTE, "of one request"),
    OPT_BYTES(conf_forward, max_bytes, "forward_queue", "64MiB", KIB, 16 * GIB,
              "how much may wait while it is not taken; more is dropped, counted and logged"),
    OPT_END
};

const struct option redact_options[] = {
    OPT_TEXT(redact_src, rule.path, "path", "", "members: request.headers.cookie, **.email, extra.*; letter case is free"),
    OPT_TEXT(redact_src, rule.pattern, "pattern", "", "a regex: of texts, only what it matches is taken out"),
    OPT_ENUM(redact_src, rule.action, enum redact_action, REDACT_MASK, "action", "mask", "mask|remove|hash|truncate",
             "what becomes of it"),
    OPT_TEXT(redact_src, rule.replace, "replace", REDACT_MARK, "with mask: what stands in its place"),
    OPT_I64(redact_src, keep, "keep", "8", 0, 4096, "with truncate: how many characters stay"),
    OPT_END
};

#define BEAT_OPTIONS                                                                                                   \
    OPT_MS(heartbeat_src, h.every_ms, "every", OPTION_REQUIRED, SECOND, 400 * DAY, "a beat is expected so often"),     \
    OPT_MS(heartbeat_src, h.grace_ms, "grace", "1m", 0, 400 * DAY, "how late a beat may be"),                          \
    OPT_ENUM(heartbeat_src, h.severity, enum tocsin_severity, TOCSIN_INFO, "severity", "critical",                     \
             "info|warning|error|critical", "of the incident when it is silent; rules may change it"),                 \
    OPT_BLOCK("policy", "the name of a policy", NULL, "who is told; without it, and unless a rule says it, the default"), \
    OPT_BLOCK("labels", "a group such as { team = \"db\"; }", NULL, "labels of the alert")

/* heartbeat = { ... } of a collector */
const struct option beat_options[] = {
    BEAT_OPTIONS,
    OPT_LIST(heartbeat_src, h.by, h.n_by, "by", NULL,
             "named wildcards of the topics: each value of them, once seen, must go on beating; without it all, [] none"),
    OPT_U32(heartbeat_src, h.max, "max", "1000", 1, 100000, "so many values of them; what is more is not watched"),
    OPT_END
};

const struct option heartbeat_options[] = {
    OPT_TEXT(heartbeat_src, h.name, "name", OPTION_REQUIRED, "letters, digits, - and _; beats come to /v1/heartbeat/NAME"),
    BEAT_OPTIONS,
    OPT_BLOCK("auth", "\"none\" or a group such as { bearer = \"env:NAME\"; }", NULL,
              "as of collectors; may be left out while the server listens on this machine only"),
    OPT_BOOL(heartbeat_src, auth_none_is_fine, "auth_none_is_fine", "false",
             "allow auth = \"none\" although others can reach the server"),
    OPT_END
};

const struct option mqtt_options[] = {
    OPT_SPECIAL("broker", "an address such as \"mqtts://broker:8883\" or \"mqtt://broker\"", OPTION_REQUIRED,
                "the broker; port 8883 with mqtts, 1883 with mqtt", read_broker),
    OPT_TEXT(conf_mqtt, client_id, "client_id", "",
             "the broker keeps messages under this name while tocsin is away; without it tocsin-HOST-NAME"),
    OPT_LIST(conf_mqtt, topics, n_topics, "topics", OPTION_REQUIRED,
             "filters; a named wildcard becomes a label: train/+cluster/+host/alert"),
    OPT_TEXT(conf_mqtt, username, "username", NULL, "for the broker"),
    OPT_SECRET(conf_mqtt, password, "password", NULL, "for the broker"),
    OPT_FILE(conf_mqtt, ca_file, "ca_file", "", "authorities that the broker's certificate is checked against, PEM"),
    OPT_FILE(conf_mqtt, cert_file, "cert_file", "", "client certificate, PEM"),
    OPT_FILE(conf_mqtt, key_file, "key_file", "", "its private key, PEM"),
    OPT_SPECIAL("version", "5, 311, \"5\" or \"3.1.1\"", "311", "of the protocol", read_mqtt_version),
    OPT_SECONDS16(conf_mqtt, keepalive_s, "keepalive", "30s", 5 * SECOND, 18 * HOUR,
                  "a dead connection is noticed after 1.5 times this"),
    OPT_BOOL(conf_mqtt, retained, "retained", "true",
             "take retained messages, published before tocsin came, as alerts"),
    OPT_END
};

static const struct option syslog_tls_options[] = {
    OPT_FILE(conf_syslog, tls_cert, "cert", "", "certificate and chain, PEM; a renewed one is taken at a reload"),
    OPT_FILE(conf_syslog, tls_key, "key", "", "its private key, PEM"),
    OPT_FILE(conf_syslog, tls_client_ca, "client_ca", "",
             "authorities of client certificates, PEM; who has none is refused"),
    OPT_END
};

const struct option syslog_options[] = {
    OPT_LIST(conf_syslog, listen, n_listen, "listen", OPTION_REQUIRED,
             "such as udp://0.0.0.0:514, tcp://0.0.0.0:514, tls://[::]:6514"),
    OPT_GROUP("tls", syslog_tls_options, "for addresses with tls://"),
    OPT_LIST(conf_syslog, subjects, n_subjects, "client_cert", NULL,
             "names in the client's certificate, * stands for anything; without it any that is verified"),
    OPT_LIST(conf_syslog, allow, n_allow, "allow", NULL, "addresses that may send, such as 10.0.0.0/8"),
    OPT_BYTES(conf_syslog, line_max, "line_max", "64KiB", 480, MIB, "of a longer message the rest is left out"),
    OPT_I64(conf_syslog, connections_max, "connections_max", "1000", 1, 100000, "open connections"),
    OPT_I64(conf_syslog, per_ip_max, "per_ip_max", "100", 1, 100000, "open connections of one address"),
    OPT_MS(conf_syslog, idle_timeout_ms, "idle_timeout", "1d", 0, 30 * DAY,
           "a connection that is silent for so long is closed; 0s: none"),
    OPT_END
};

/* beside those of a collector */
const struct option intake_options[] = {
    OPT_BLOCK("keys", "a list such as ( \"env:A\", { key = \"env:B\"; policy = \"ops\"; } )", NULL,
              "the keys that senders have, any one is good; auth may be left out with them"),
    OPT_BLOCK("routes", "a list of groups", NULL, "routes that senders name in clear, and their policies"),
    OPT_END
};

const struct option key_options[] = {
    OPT_SECRET(conf_key, secret, "key", OPTION_REQUIRED, "what the senders have: routing key, API key, token"),
    OPT_TEXT(conf_key, policy_name, "policy", NULL, "route what comes with it to this policy; rules come after"),
    OPT_END
};

const struct option route_options[] = {
    OPT_TEXT(conf_route, name, "name", OPTION_REQUIRED, "as the senders say it"),
    OPT_TEXT(conf_route, policy_name, "policy", OPTION_REQUIRED, "the policy that it stands for; rules come after"),
    OPT_END
};

const struct option auth_options[] = {
    OPT_SECRETS(auth_src, bearer, n_bearer, "bearer", NULL, "Authorization: Bearer; any of several tokens is good"),
    OPT_SECRET(auth_src, basic, "basic", NULL, "Basic: a secret of the form user:password"),
    OPT_TEXT(auth_src, a.user, "user", NULL, "Basic, with password"),
    OPT_SECRET(auth_src, a.password, "password", NULL, "Basic, with user"),
    OPT_SECRETS(auth_src, hmac, n_hmac, "hmac", NULL, "HMAC-SHA256 of the body; any of several keys is good"),
    OPT_SECRETS(auth_src, token, n_token, "token", NULL, "what the header named by header holds, word for word; any of several"),
    OPT_TEXT(auth_src, a.header, "header", "X-Signature",
             "with hmac: the header that holds it, in hex or base64; with token: the header that it stands in"),
    OPT_TEXT(auth_src, a.prefix, "prefix", "", "with hmac: what stands before it, such as sha256="),
    OPT_BOOL(auth_src, signature, "signature", "false", "the vendor's own signature, as auth = \"signature\""),
    OPT_LIST(auth_src, a.subjects, a.n_subjects, "client_cert", NULL,
             "names in the client's certificate, * stands for anything; needs http.tls.client_ca"),
    OPT_LIST(auth_src, a.allow, a.n_allow, "allow", NULL,
             "addresses that may send, such as 10.0.0.0/8; alone or with the others"),
    OPT_END
};

/* --- ways out -------------------------------------------------------------------------------- */

const struct option notifier_options[] = {
    OPT_TEXT(conf_notifier, name, "name", OPTION_REQUIRED, "letters, digits, - and _; stands in policies and rules"),
    OPT_TEXT(conf_notifier, plugin_name, "plugin", OPTION_REQUIRED, "the integration"),
    OPT_SPECIAL("proxy", "an address such as \"http://proxy:3128\", or a reference to one", "",
                "for its requests; one that holds a password must be a reference", read_proxy),
    OPT_FILE(conf_notifier, ca_file, "ca_file", "", "authorities instead of the system's, PEM"),
    OPT_MS(conf_notifier, timeout_ms, "timeout", "10s", 100, 5 * MINUTE, "of one request"),
    OPT_U32(conf_notifier, burst, "burst", "0", 0, 100000, "requests at once after a pause; 0: the count of rate"),
    /* after burst, whose default it gives */
    OPT_SPECIAL("rate", "requests in a time, such as \"120/1m\", or a number of requests a second", "0",
                "more are merged, never dropped; 0: no limit", read_rate),
    OPT_U32(conf_notifier, concurrency, "concurrency", "8", 1, 256, "requests under way at once"),
    OPT_BOOL(conf_notifier, send_resolved, "send_resolved", "true", "tell when an incident is resolved"), OPT_END
};

/* --- policies ------------------------------------------------------------------------------------ */

const struct option step_options[] = {
    OPT_MS(step_src, s.after_ms, "after", "0s", 0, 30 * DAY,
           "from the start of the escalation; rises from step to step"),
    OPT_LIST(step_src, s.targets, s.n_targets, "notify", OPTION_REQUIRED, "notifiers"), OPT_END
};

const struct option policy_options[] = {
    OPT_TEXT(policy, name, "name", OPTION_REQUIRED, "letters, digits, - and _"),
    OPT_BLOCK("steps", "a list of groups", OPTION_REQUIRED, "at least one"),
    OPT_SPECIAL("loops", "a whole number from 0 to 1000, or \"for ever\"", "0",
                "how often the steps are repeated after the first pass", read_loops),
    OPT_MS(policy, ack_timeout_ms, "ack_timeout", "0s", 0, 30 * DAY,
           "an acknowledged incident pages again after this; 0: it does not"),
    OPT_MS(policy, failover_after_ms, "failover_after", "60s", SECOND, DAY,
           "a delivery that fails this long moves the escalation on"),
    OPT_BLOCK("last_wait", "a duration with a unit, such as \"30s\" or \"5m\"", NULL,
              "for an answer to the last step; without it the longest gap between two steps, 5m for a single step"),
    OPT_ENUM(policy, restart_on_unack, bool, 0, "on_unack", "resume", "resume|restart",
             "an unacknowledge goes on at the step reached, or begins again"),
    OPT_BLOCK("last_resort", "a list of texts, such as [ \"a\", \"b\" ]", NULL,
              "told when a policy ends unanswered; without it those of the last step, [] for nobody"),
    OPT_END
};

/* --- rules ------------------------------------------------------------------------------------------ */

static const struct option threshold_options[] = {
    OPT_U32(rule_src, threshold.count, "count", NULL, 1, TALLY_MAX_COUNT, "so many matches"),
    OPT_MS(rule_src, threshold.window_ms, "window", NULL, 1, 7 * DAY, "within this time"),
    OPT_LIST(rule_src, threshold.by, threshold.n_by, "by", NULL, "counted apart for each value of these labels"),
    OPT_END
};

const struct option rule_options[] = {
    OPT_TEXT(rule_src, name, "name", OPTION_REQUIRED, "unique; stands in explanations"),
    OPT_BLOCK("match", "a matcher, a list of matchers, or a list of such lists", NULL,
              "all of a list must hold; of several lists, one; without it every alert matches"),
    OPT_BLOCK("set", "a group such as { severity = \"critical\"; }", NULL,
              "fields (severity, summary) and labels; values are templates"),
    OPT_LIST(rule_src, unset, n_unset, "unset", NULL, "labels to remove"),
    OPT_TEXT(rule_src, dedup_key, "dedup_key", NULL, "identity of the alert; a template"),
    OPT_ENUM(rule_src, resolve_when, int, 0, "resolve_when", "auto", "auto|all|any",
             "an alert that dedup_key makes of several is over when all of them are, or any; auto: all where the "
             "sender gives keys, else any"),
    OPT_LIST(rule_src, group_by, n_group_by, "group_by", NULL,
             "labels that alerts of one incident share; [] for one incident"),
    OPT_BLOCK("policy", "the name of a policy", NULL, "route to it"),
    OPT_LIST(rule_src, notify, n_notify, "notify", NULL, "notifiers that are told as well"),
    OPT_GROUP("threshold", threshold_options,
              "holds only from the count-th match within the window; makes an alert of log lines"),
    OPT_MS(rule_src, delay_ms, "delay", "0s", 0, 30 * DAY,
           "open the incident only if it still fires after this; resolved before, it leaves none"),
    OPT_MS(rule_src, resolve_after_ms, "resolve_after", "0s", 0, 30 * DAY,
           "resolve the alert when there is no news of it for so long; 0s: not by time"),
    OPT_BOOL(rule_src, alert, "alert", "false",
             "make an alert of a log line that matches, or with false: none; without it see rules/README.md"),
    OPT_BOOL(rule_src, drop, "drop", "false", "count the alert and keep it in history, nothing more"),
    OPT_BOOL(rule_src, suppress, "suppress", "false", "record the incident, tell nobody"),
    OPT_BOOL(rule_src, stop, "stop", "false", "no later rule sees the alert"),
    OPT_END
};

const struct option_block option_blocks[] = {
    { "tocsin.cfg", "the file", top_options },
    { "http", "the server", http_options },
    { "store", "the database", store_options },
    { "auth.tokens", "each of auth = { tokens = ( ... ); }", token_options },
    { "collectors", "each of collectors = ( ... ), with the options of its format", collector_options },
    { "collectors (mqtt)", "and with type = \"mqtt\"", mqtt_options },
    { "collectors (syslog)", "and with type = \"syslog\"", syslog_options },
    { "collectors (intake)", "and with type = \"intake\"", intake_options },
    { "collectors.keys", "each of keys = ( ... ), when it is a group", key_options },
    { "collectors.routes", "each of routes = ( ... )", route_options },
    { "collectors (passing on)", "and with a format that passes on what it took, such as to another server",
      forward_options },
    { "collectors.redact", "each of redact = ( ... ) of a collector", redact_options },
    { "collectors.auth", "auth of a collector, when it is a group", auth_options },
    { "heartbeats", "each of heartbeats = ( ... )", heartbeat_options },
    { "collectors.heartbeat", "heartbeat of a collector", beat_options },
    { "notifiers", "each of notifiers = ( ... ), with the options of its plugin", notifier_options },
    { "policies", "each of policies = ( ... )", policy_options },
    { "policies.steps", "each of steps = ( ... )", step_options },
    { "rules", "each of rules = ( ... ) in a rule file", rule_options },
    { NULL, NULL, NULL }
};
