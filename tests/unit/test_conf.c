/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations that are right, and what becomes of them. */
#include "unit/conf_doubles.h"

/* The examples of the manual; %s is where /etc/tocsin would be. */
static const char example[] =
    "collectors = (\n"
    "  { name = \"azure\";    type = \"webhook\"; format = \"azure\"; auth = { bearer = \"env:T_KEY\"; }; },\n"
    "  { name = \"cloud\";    type = \"webhook\"; format = \"aws-sns\"; topic_arns = [ "
    "\"arn:aws:sns:eu-west-1:1:alarms\" ];"
    " auth = \"signature\"; },\n"
    "  { name = \"grafana\";  type = \"webhook\"; format = \"json\"; mapping = \"integrations/mine/mapping.jq\";"
    " auth = { hmac = \"file:%s/h.key\"; header = \"X-Signature\"; }; },\n"
    "  { name = \"local\";    type = \"webhook\"; format = \"alertmanager\"; auth = \"none\"; },\n"
    "  { name = \"training\"; type = \"mqtt\"; broker = \"mqtts://broker:8883\"; client_id = \"tocsin-1\";"
    " topics = [ \"train/+cluster/+host/alert\" ];\n"
    "    format = \"json\"; username = \"tocsin\"; password = \"cred:mqtt\"; ca_file = \"%s/ca.pem\"; } );\n"
    "rules = \"%s/rules\";          # the folder of rule files\n"
    "notifiers = (\n"
    "  { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; },\n"
    "  { name = \"vo\"; plugin = \"victorops\"; api_key = \"file:%s/h.key\"; routing_key = \"ml\"; },\n"
    "  { name = \"og\"; plugin = \"opsgenie\";  api_key = \"cred:mqtt\"; region = \"eu\"; } );\n"
    "policies = (\n"
    "  { name = \"ml-oncall\";\n"
    "    steps = ( { after = \"0s\";  notify = [ \"pd\" ]; },\n"
    "              { after = \"5m\";  notify = [ \"vo\" ]; },\n"
    "              { after = \"15m\"; notify = [ \"og\" ]; } );\n"
    "    loops = 1; ack_timeout = \"1h\"; last_resort = [ \"og\" ]; } );\n"
    "default_policy = \"ml-oncall\";\n";

static char start_dir[512]; /* the top folder, where tests are started */

static const char rest[] = "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; } );"
                           "policies = ( { name = \"p\"; steps = ( { notify = \"pd\"; } ); } );\n";

/* Load, and fail the test with the mistakes when there are any. */
static struct conf *
load(const char *file)
{
    struct conf_report report;
    struct conf *c = conf_load(file, "plugins", &report);

    for (size_t i = 0; i < report.n; i++)
        print_error("%s\n", report.items[i].text);
    assert_int_equal(report.total, 0);
    assert_non_null(c);
    conf_report_release(&report);
    return c;
}

static struct conf *
load_text(const char *text, const char *more)
{
    char *all = xasprintf("%s%s", text, more);
    struct conf *c;

    write_file("t.cfg", all);
    free(all);
    c = load("t.cfg");
    assert_string_equal(c->file, "t.cfg");
    return c;
}

static void
check_example_collectors(const struct conf *c)
{
    const struct conf_collector *k = conf_collector(c, "azure");

    assert_int_equal(c->n_collectors, 5);
    assert_int_equal(k->auth.kind, AUTH_BEARER);
    assert_int_equal(k->auth.n_secrets, 1);
    assert_string_equal(k->auth.secrets[0], "k3y");
    assert_int_equal(k->pos.line, 2);
    k = conf_collector(c, "cloud");
    assert_int_equal(k->auth.kind, AUTH_SIGNATURE);
    assert_string_equal(k->settings->items[0].name, "topic_arns");
    assert_string_equal(k->settings->items[0].list[0], "arn:aws:sns:eu-west-1:1:alarms");
    k = conf_collector(c, "grafana");
    assert_int_equal(k->auth.kind, AUTH_HMAC);
    assert_string_equal(k->auth.secrets[0], "hmac-key");
    assert_string_equal(k->auth.header, "X-Signature");
    assert_string_equal(k->auth.prefix, "");
    assert_non_null(k->mapping);
    k = conf_collector(c, "local");
    assert_int_equal(k->auth.kind, AUTH_NONE);
    assert_null(k->mapping);
    k = conf_collector(c, "training");
    assert_string_equal(k->mqtt.host, "broker");
    assert_int_equal(k->mqtt.port, 8883);
    assert_true(k->mqtt.tls);
    assert_string_equal(k->mqtt.password, "from-systemd");
    assert_string_equal(k->mqtt.topics[0], "train/+cluster/+host/alert");
    assert_int_equal(k->mqtt.version, 311);
    assert_int_equal(k->mqtt.keepalive_s, 30);
    assert_true(k->mqtt.retained);
    assert_null(conf_collector(c, "nobody"));
}

static void
check_example_out(const struct conf *c)
{
    const struct policy *p = conf_policy(c, "ml-oncall");
    const struct conf_notifier *n = conf_notifier(c, "og");

    assert_ptr_equal(c->default_policy, p);
    assert_int_equal(p->n_steps, 3);
    assert_int_equal(p->steps[2].after_ms, 900000);
    assert_string_equal(p->steps[1].targets[0], "vo");
    assert_int_equal(p->loops, 1);
    assert_int_equal(p->ack_timeout_ms, 3600000);
    assert_int_equal(p->failover_after_ms, 60000);
    assert_int_equal(p->last_wait_ms, 600000); /* the gap from 5m to 15m */
    assert_string_equal(p->last_resort[0], "og");
    assert_string_equal(p->body, "ml-oncall"); /* sealed */
    assert_int_equal(n->timeout_ms, 10000);
    assert_int_equal(n->concurrency, 8);
    assert_true(n->send_resolved && n->allow_private && n->rate_per_s == 0 && n->burst == 0);
    assert_string_equal(n->proxy, "");
    assert_string_equal(conf_notifier(c, "pd")->settings->items[0].text, "https://events.example.com");
    assert_null(conf_notifier(c, "nobody"));
    assert_int_equal(conf_notifier(c, "pd")->flags, TOCSIN_CAN_NOTE);
    assert_int_equal(conf_notifier(c, "og")->flags, TOCSIN_CAN_ACK);       /* what its instance says */
    assert_null(conf_policy(c, "nobody"));
}

static void
test_example(void **state)
{
    char *text = xasprintf(example, test_dir, test_dir, test_dir, test_dir);
    struct conf *c;

    (void)state;
    c = load_text(text, "");
    free(text);
    check_example_collectors(c);
    check_example_out(c);
    assert_string_equal(c->http.listen, "127.0.0.1:9096");
    assert_int_equal(c->http.body_max, 1 << 20);
    assert_int_equal(c->http.header_max, 16 << 10);
    assert_int_equal(c->http.connections_max, 10000);
    assert_string_equal(c->http.tls_cert, "");
    assert_string_equal(c->store.driver, "sqlite");
    assert_string_equal(c->store.path, "/var/lib/tocsin/tocsin.db");
    assert_int_equal(c->store.keep_ms, 90ll * 86400000);
    assert_string_equal(c->log_level, "info");
    assert_int_equal(instances_open, 8);
    conf_unref(c);
    assert_int_equal(instances_open, 0);
}

/* --- defaults that depend on what is written ------------------------------------------------ */

static void
test_policy_defaults(void **state)
{
    static const char head[] = "notifiers = ( { name = \"a\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; },"
                               " { name = \"b\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; } );";
    struct conf *c = load_text(head, "policies = ( { name = \"p\"; loops = \"for ever\"; on_unack = \"restart\";"
                                     " steps = ( { notify = [ \"b\", \"a\" ]; } ); } );");

    (void)state;
    assert_ptr_equal(c->default_policy, &c->policies[0]);
    assert_int_equal(c->policies[0].loops, POLICY_FOR_EVER);
    assert_true(c->policies[0].restart_on_unack);
    assert_int_equal(c->policies[0].last_wait_ms, 300000);
    assert_int_equal(c->policies[0].n_last_resort, 2);
    assert_string_equal(c->policies[0].last_resort[0], "b");
    conf_unref(c);
    c = load_text(head, "policies = ( { name = \"p\"; last_resort = [ ]; last_wait = \"90s\"; ack_timeout = 0;"
                        " steps = ( { after = \"1m\"; notify = \"a\"; } ); } );");
    assert_int_equal(c->policies[0].n_last_resort, 0);
    assert_int_equal(c->policies[0].last_wait_ms, 90000);
    assert_int_equal(c->policies[0].steps[0].after_ms, 60000);
    assert_false(c->policies[0].restart_on_unack);
    conf_unref(c);
}

static void
test_rates(void **state)
{
    static const struct {
        const char *text;
        double rate;
        uint32_t burst;
    } cases[] = {
        { "rate = \"120/1m\";", 2, 120 },          { "rate = 5;", 5, 5 }, { "rate = 0.5;", 0.5, 1 },
        { "rate = \"30/10s\"; burst = 7;", 3, 7 }, { "rate = 0;", 0, 0 }, { "rate = \"2\";", 2, 2 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text =
            xasprintf("notifiers = ( { name = \"n\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; %s } );"
                      "policies = ( { name = \"p\"; steps = ( { notify = \"n\"; } ); } );",
                      cases[i].text);
        struct conf *c = load_text(text, "");

        assert_true(c->notifiers[0].rate_per_s == cases[i].rate);
        assert_int_equal(c->notifiers[0].burst, cases[i].burst);
        conf_unref(c);
        free(text);
    }
}

static void
test_auth_forms(void **state)
{
    struct conf *c =
        load_text("http = { listen = \"0.0.0.0:9096\"; public_url = \"https://t.example.org/x//\"; };"
                  "auth = { tokens = ( { name = \"t\"; token = \"env:T_KEY\"; role = \"responder\"; } ); };"
                  "collectors = ("
                  " { name = \"a\"; format = \"json\"; auth = { bearer = [ \"env:T_KEY\", \"env:T_BASIC\" ]; }; },"
                  " { name = \"b\"; format = \"json\"; auth = { basic = \"env:T_BASIC\"; allow = [ \"10.0.0.0/8\", "
                  "\"::1\" ]; }; },"
                  " { name = \"c\"; format = \"json\"; auth = { user = \"u\"; password = \"env:T_KEY\"; }; },"
                  " { name = \"d\"; format = \"json\"; auth = { allow = \"192.0.2.7\"; }; },"
                  " { name = \"e\"; format = \"json\"; auth = \"none\"; auth_none_is_fine = true; },"
                  " { name = \"f\"; format = \"aws-sns\"; topic_arns = \"x\"; auth = { signature = true; allow = "
                  "\"10.0.0.0/8\"; }; },"
                  " { name = \"g\"; type = \"mqtt\"; format = \"json\"; broker = \"mqtt://[::1]\"; client_id = \"c\"; "
                  "topics = \"#\";"
                  "   version = 5; keepalive = \"2m\"; retained = false; } );",
                  rest);
    const struct conf_collector *k = c->collectors;

    (void)state;
    assert_int_equal(c->tokens[0].role, ROLE_RESPONDER);
    assert_string_equal(c->tokens[0].secret, "k3y");
    assert_string_equal(c->http.public_url, "https://t.example.org/x");
    assert_int_equal(k[0].auth.n_secrets, 2);
    assert_int_equal(k[1].auth.kind, AUTH_BASIC);
    assert_string_equal(k[1].auth.user, "user");
    assert_string_equal(k[1].auth.password, "pass:word");
    assert_int_equal(k[1].auth.n_allow, 2);
    assert_int_equal(k[2].auth.kind, AUTH_BASIC);
    assert_string_equal(k[2].auth.password, "k3y");
    assert_int_equal(k[3].auth.kind, AUTH_NONE);
    assert_int_equal(k[3].auth.n_allow, 1);
    assert_int_equal(k[4].auth.kind, AUTH_NONE);
    assert_int_equal(k[5].auth.kind, AUTH_SIGNATURE);
    assert_string_equal(k[6].mqtt.host, "::1");
    assert_int_equal(k[6].mqtt.port, 1883);
    assert_int_equal(k[6].mqtt.version, 5);
    assert_int_equal(k[6].mqtt.keepalive_s, 120);
    assert_false(k[6].mqtt.tls || k[6].mqtt.retained);
    conf_unref(c);
}

/* A source that needs no code: FORMAT.jq beside the integrations. */
static void
test_format_without_code(void **state)
{
    struct conf *c;
    char digest[64];

    (void)state;
    assert_int_equal(mkdir("plugins", 0755), 0);
    write_file("plugins/gatus.jq", ".body");
    c = load_text("collectors = ( { name = \"g\"; format = \"gatus\"; auth = \"none\"; } );", rest);
    assert_string_equal(c->collectors[0].format, "gatus");
    assert_string_equal(c->collectors[0].plugin->api.name, "json");
    assert_non_null(c->collectors[0].mapping);
    snprintf(digest, sizeof digest, "%s", c->collectors[0].digest);
    conf_unref(c);
    write_file("plugins/gatus.jq", ".body.alerts");
    c = load_text("collectors = ( { name = \"g\"; format = \"gatus\"; auth = \"none\"; } );", rest);
    assert_string_not_equal(digest, c->collectors[0].digest);
    conf_unref(c);
    remove_tree("plugins");
}

/* --- rule files -------------------------------------------------------------------------------- */

static void
check_first_rule(const struct rule_src *r)
{
    assert_string_equal(r->name, "gpu");
    assert_string_equal(r->pos.file, "rules/10-a.cfg");
    assert_int_equal(r->pos.line, 3);
    assert_int_equal(r->n_any, 1);
    assert_int_equal(r->any[0].n, 2);
    assert_string_equal(r->any[0].matchers[1], "xid =~ \"48|74\"");
    assert_int_equal(r->n_set, 4);
    assert_string_equal(r->set[0].name, "severity");
    assert_string_equal(r->set[0].value, "critical");
    assert_string_equal(r->set[1].value, "7");
    assert_string_equal(r->set[2].value, "0.1");
    assert_string_equal(r->set[3].value, "true");
    assert_true(r->has_group_by && r->n_group_by == 2);
    assert_string_equal(r->policy->name, "p");
    assert_false(r->drop || r->suppress || r->stop);
}

static void
test_rules(void **state)
{
    struct conf *c;

    (void)state;
    write_file("rules/20-b.cfg",
               "rules = ( { name = \"or\"; match = ( [ \"a = b\", \"c = d\" ], ( \"e = f\" ), \"g = h\" );"
               " unset = [ \"x\" ]; dedup_key = \"{{ .labels.host }}\"; notify = [ \"pd\" ]; suppress = true;"
               " stop = true; }, { name = \"all\"; drop = true; group_by = [ ]; },"
               " { name = \"one\"; match = \"a = b\"; } );");
    write_file("rules/10-a.cfg",
               "rules = (\n  # comment\n  { name = \"gpu\";\n    match = [ \"source = training\","
               " \"xid =~ \\\"48|74\\\"\" ];\n    set = { severity = \"critical\"; level = 7; share = 0.1;"
               " paged = true; };\n group_by = [ \"cluster\", \"host\" ]; policy = \"p\"; } );");
    write_file("rules/ignored.txt", "not a rule file");
    write_file("rules/.hidden.cfg", "nor this");
    write_file("rules/30-empty.cfg", "");
    c = load_text("rules = \"rules\";", rest);
    assert_string_equal(c->rules_dir, "rules");
    assert_int_equal(n_compiled, 4);
    check_first_rule(&compiled[0]);
    assert_int_equal(compiled[1].n_any, 3);
    assert_int_equal(compiled[1].any[0].n, 2);
    assert_string_equal(compiled[1].any[2].matchers[0], "g = h");
    assert_string_equal(compiled[1].unset[0], "x");
    assert_string_equal(compiled[1].notify[0], "pd");
    assert_string_equal(compiled[1].dedup_key, "{{ .labels.host }}");
    assert_true(compiled[1].suppress && compiled[1].stop && !compiled[1].has_group_by);
    assert_int_equal(compiled[2].n_any, 0);
    assert_true(compiled[2].drop && compiled[2].has_group_by && compiled[2].n_group_by == 0);
    assert_int_equal(compiled[3].n_any, 1);
    conf_unref(c);
    remove_tree("rules");
    assert_int_equal(mkdir("rules", 0755), 0);
}

/* The rules that are shipped load beside any configuration: they name no policy and no notifier. */
static void
test_shipped_rules(void **state)
{
    char *text = xasprintf("rules = \"%s/rules\";", start_dir);
    struct conf *c = load_text(text, rest);

    (void)state;
    assert_true(n_compiled >= 4);
    for (size_t i = 0; i < n_compiled; i++) {
        assert_null(compiled[i].policy);
        assert_int_equal(compiled[i].n_notify, 0);
        assert_false(compiled[i].drop || compiled[i].suppress);
        assert_int_equal(compiled[i].n_any, 1);
    }
    conf_unref(c);
    free(text);
}

/* --- includes -------------------------------------------------------------------------------------- */

static void
test_include(void **state)
{
    struct conf_report report;
    struct conf *c;

    (void)state;
    assert_int_equal(mkdir("etc", 0755), 0);
    assert_int_equal(mkdir("etc/conf.d", 0755), 0);
    write_file("etc/conf.d/out.cfg", rest);
    write_file("etc/tocsin.cfg", "log_level = \"debug\";\n@include \"conf.d/out.cfg\"\n");
    c = load("etc/tocsin.cfg"); /* from the file's folder, not from ours */
    assert_string_equal(c->log_level, "debug");
    assert_string_equal(c->notifiers[0].pos.file, "etc/conf.d/out.cfg");
    conf_unref(c);

    write_file("etc/conf.d/out.cfg", "\n\nlog_levle = 1;\n");
    assert_null(conf_load("etc/tocsin.cfg", "plugins", &report));
    assert_string_equal(
        report.items[0].text,
        "etc/conf.d/out.cfg:3: unknown option 'log_levle' in the configuration; did you mean 'log_level'?");
    conf_report_release(&report);
    write_file("etc/conf.d/out.cfg", "a = ;");
    assert_null(conf_load("etc/tocsin.cfg", "plugins", &report));
    assert_string_equal(report.items[0].text, "etc/conf.d/out.cfg:1: syntax error");
    conf_report_release(&report);
}

/* What libconfig would end the process for, or say nothing of. */
static void
test_bad_sources(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        { "\n  @include \"rules\"\n", "t.cfg:2: 'rules' is a folder, expected a file" },
        { "@include \"nowhere.cfg\"\n",
          "t.cfg:1: cannot open 'nowhere.cfg': No such file or directory (an @include starts from the folder of the "
          "first file)" },
        { "@include \"t.cfg\"\n", "t.cfg:1: include file nesting too deep" },
        { "@include \"t.cfg\"\n@include \"t.cfg\"\n@include \"t.cfg\"\n",
          "t.cfg:2: more than 256 files are included; does one include itself?" },
    };
    struct conf_report report;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        write_file("t.cfg", cases[i].text);
        assert_null(conf_load("t.cfg", "plugins", &report));
        assert_string_equal(report.items[0].text, cases[i].expected);
        assert_int_equal(report.total, 1);
        conf_report_release(&report);
    }
    assert_null(conf_load("nowhere.cfg", "plugins", &report));
    assert_string_equal(report.items[0].text, "nowhere.cfg: cannot open 'nowhere.cfg': No such file or directory");
    conf_report_release(&report);
    assert_null(conf_load("rules", "plugins", &report));
    assert_string_equal(report.items[0].text, "rules: 'rules' is a folder, expected a file");
    conf_report_release(&report);
}

static int
setup(void **state)
{
    if (getcwd(start_dir, sizeof start_dir) == NULL || enter_folder(state) != 0 || mkdir("rules", 0755) != 0 ||
        mkdir("creds", 0755) != 0 || mkdir("integrations", 0755) != 0 || mkdir("integrations/mine", 0755) != 0)
        return -1;
    setenv("T_KEY", "k3y", 1);
    setenv("T_BASIC", "user:pass:word", 1);
    unsetenv("T_NOBODY");
    setenv("CREDENTIALS_DIRECTORY", "creds", 1);
    write_file("creds/mqtt", "from-systemd\n");
    write_file("h.key", "hmac-key\n");
    write_file("same.key", "k3y");
    write_file("ca.pem", "an authority");
    write_file("m1.jq", ".body");
    write_file("m2.jq", ".body.alerts");
    write_file("integrations/mine/mapping.jq", ".body");
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example),       cmocka_unit_test(test_policy_defaults),
        cmocka_unit_test(test_rates),         cmocka_unit_test(test_format_without_code),
        cmocka_unit_test(test_auth_forms),    cmocka_unit_test(test_rules),
        cmocka_unit_test(test_shipped_rules), cmocka_unit_test(test_include),
        cmocka_unit_test(test_bad_sources),
    };

    return cmocka_run_group_tests(tests, setup, leave_folder);
}
