/* SPDX-License-Identifier: Apache-2.0 */
/* What a reload sees (digests, references), and what is read from beside the file: secrets and certificates. */
#include "unit/conf_doubles.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>

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

/* --- what a reload sees ------------------------------------------------------------------------------ */

static const char *
digest_of(const char *collector, const char *notifier, bool of_notifier)
{
    static char digest[64];
    char *text = xasprintf("collectors = ( { name = \"c\"; %s } ); notifiers = ( { name = \"n\"; %s } );"
                           "policies = ( { name = \"p\"; steps = ( { notify = \"n\"; } ); } );",
                           collector, notifier);
    struct conf *c = load_text(text, "");

    free(text);
    snprintf(digest, sizeof digest, "%s", of_notifier ? c->notifiers[0].digest : c->collectors[0].digest);
    conf_unref(c);
    return digest;
}

#define MQTT                                                                                                           \
    "type = \"mqtt\"; format = \"json\"; broker = \"mqtts://b\"; client_id = \"c\"; topics = [ \"a\", \"b\" ]; "
#define PAGER "plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; "
#define OG "plugin = \"opsgenie\"; api_key = \"env:T_KEY\"; "

static void
test_digests(void **state)
{
    static const struct {
        const char *one, *other;
        bool notifier, same;
    } cases[] = {
        { MQTT, MQTT, false, true },
        { MQTT, MQTT " # comment\n keepalive = \"30s\"; version = 311;", false, true },
        { MQTT,
          "type = \"mqtt\"; format = \"json\"; broker = \"mqtts://b:8883\"; client_id = \"c\"; topics = [ \"a\", \"b\" "
          "];",
          false, true },
        { MQTT,
          "type = \"mqtt\"; format = \"json\"; broker = \"mqtt://b:8883\"; client_id = \"c\"; topics = [ \"a\", \"b\" "
          "];",
          false, false },
        { MQTT, "type = \"mqtt\"; format = \"json\"; broker = \"mqtts://b\"; client_id = \"c\"; topics = [ \"ab\" ];",
          false, false },
        { MQTT, MQTT "keepalive = \"31s\";", false, false },
        { MQTT, MQTT "version = 5;", false, false },
        { MQTT, MQTT "username = \"u\"; password = \"env:T_KEY\";", false, false },
        { MQTT, MQTT "retained = false;", false, false },
        { "format = \"json\"; auth = \"none\";", "format = \"azure\"; auth = \"none\";", false, false },
        { "format = \"json\"; auth = \"none\";", "format = \"json\"; auth = { allow = \"10.0.0.0/8\"; };", false,
          false },
        { "format = \"json\"; auth = { bearer = \"env:T_KEY\"; };",
          "format = \"json\"; auth = { hmac = \"env:T_KEY\"; };", false, false },
        { "format = \"json\"; auth = { bearer = \"env:T_KEY\"; };",
          "format = \"json\"; auth = { bearer = \"file:h.key\"; };", false, false },
        { "format = \"json\"; auth = { bearer = \"env:T_KEY\"; };",
          "format = \"json\"; auth = { bearer = \"file:same.key\"; };", false, true },
        { "format = \"json\"; auth = \"none\";", "format = \"json\"; auth = \"none\"; mapping = \"m1.jq\";", false,
          false },
        { "format = \"json\"; auth = \"none\"; mapping = \"m1.jq\";",
          "format = \"json\"; auth = \"none\"; mapping = \"m2.jq\";", false, false },
        { "format = \"aws-sns\"; auth = \"none\"; topic_arns = \"a\";",
          "format = \"aws-sns\"; auth = \"none\"; topic_arns = [ \"a\", \"b\" ];", false, false },
        { PAGER, PAGER "timeout = \"10s\"; rate = 0; concurrency = 8;", true, true },
        { PAGER, PAGER "timeout = \"11s\";", true, false },
        { PAGER, PAGER "rate = 1;", true, false },
        { PAGER, PAGER "proxy = \"http://p:1\";", true, false },
        { PAGER, PAGER "send_resolved = false;", true, false },
        { PAGER, "plugin = \"pagerduty\"; routing_key = \"file:h.key\";", true, false },
        { PAGER, PAGER "url = \"https://other.example.com\";", true, false },
        { OG, OG "tags = [ \"a\", \"b\" ]; depth = 3; wait = \"5000ms\";", true, true },
        { OG, OG "tags = [ \"ab\" ];", true, false },
        { OG, OG "details = { a = \"b\"; };", true, false },
        { OG, OG "verbose = true;", true, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *in = "format = \"json\"; auth = \"none\";";
        bool out = cases[i].notifier;
        char one[64];

        snprintf(one, sizeof one, "%s", digest_of(out ? in : cases[i].one, out ? cases[i].one : PAGER, out));
        if ((strcmp(one, digest_of(out ? in : cases[i].other, out ? cases[i].other : PAGER, out)) == 0) !=
            cases[i].same)
            fail_msg("'%s' and '%s' should%s be the same", cases[i].one, cases[i].other, cases[i].same ? "" : " not");
    }
}

/* The reference stays, what it refers to changes. */
static void
test_digest_of_contents(void **state)
{
    static const char hmac[] = "format = \"json\"; auth = { hmac = \"file:rotated.key\"; };";
    static const char ca[] = MQTT "ca_file = \"rotated.key\";";
    static const char mapped[] = "format = \"json\"; auth = \"none\"; mapping = \"rotated.key\";";
    static const char *const cases[] = { hmac, ca, mapped };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char before[64];

        write_file("rotated.key", "old");
        snprintf(before, sizeof before, "%s", digest_of(cases[i], PAGER, false));
        assert_string_equal(before, digest_of(cases[i], PAGER, false));
        write_file("rotated.key", "new");
        assert_string_not_equal(before, digest_of(cases[i], PAGER, false));
    }
}

/* --- references ------------------------------------------------------------------------------------------ */

static void *
borrow(void *arg)
{
    struct conf *c = arg;

    for (int i = 0; i < 20000; i++) {
        conf_ref(c);
        conf_unref(c);
    }
    conf_unref(c);
    return NULL;
}

static void
test_references(void **state)
{
    struct conf *c = load_text(rest, "");
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, borrow, conf_ref(c)), 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(c->refs, 1);
    assert_int_equal(instances_open, 1);
    conf_unref(c);
    conf_unref(NULL);
    assert_int_equal(instances_open, 0);
}

/* --- secrets -------------------------------------------------------------------------------------------------- */

static void
test_secrets(void **state)
{
    static const struct {
        const char *reference, *value, *error;
    } cases[] = {
        { "env:T_KEY", "k3y", NULL },
        { "file:h.key", "hmac-key", NULL },
        { "file:crlf.key", "two\nlines", NULL },
        { "cred:mqtt", "from-systemd", NULL },
        { "env:T_NOBODY", NULL, "environment variable 'T_NOBODY' is not set" },
        { "file:none.key", NULL, "cannot open 'none.key': No such file or directory" },
        { "cred:none", NULL, "cannot open 'creds/none': No such file or directory" },
        { "cred:../h.key", NULL, "'cred:../h.key': expected a name without '/'" },
        { "file:", NULL, "'file:' names nothing" },
        { "hunter2", NULL,
          "a secret stands in the file itself, where all who read or copy it see it; expected a reference such as "
          "\"env:NAME\", \"file:/path\" or \"cred:NAME\"" },
        { "", NULL,
          "a secret stands in the file itself, where all who read or copy it see it; expected a reference such as "
          "\"env:NAME\", \"file:/path\" or \"cred:NAME\"" },
    };
    struct arena *a = arena_new();

    (void)state;
    write_file("crlf.key", "two\nlines\r\n");
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *value = NULL;
        struct tocsin_err err = { .what = "" };
        enum tocsin_rc rc = conf_secret(cases[i].reference, a, &value, &err);

        assert_int_equal(rc, cases[i].error == NULL ? TOCSIN_OK : TOCSIN_BAD_CONFIG);
        if (cases[i].error == NULL)
            assert_string_equal(value, cases[i].value);
        else
            assert_string_equal(err.what, cases[i].error);
    }
    assert_int_equal(conf_secret("hunter2", a, &(const char *){ NULL }, NULL), TOCSIN_BAD_CONFIG);
    arena_free(a);
}

static void
test_binary_secret(void **state)
{
    struct arena *a = arena_new();
    FILE *f = fopen("nul.key", "w");
    struct tocsin_err err;
    const char *value;

    (void)state;
    assert_int_equal(fwrite("a\0b", 1, 3, f), 3);
    fclose(f);
    assert_int_equal(conf_secret("file:nul.key", a, &value, &err), TOCSIN_BAD_CONFIG);
    assert_string_equal(err.what, "file 'nul.key' holds a NUL byte");
    arena_free(a);
}

/* --- certificates ---------------------------------------------------------------------------------------------------
 */

static void
write_pair(const char *cert_file, const char *key_file)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    FILE *f;

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    f = fopen(cert_file, "w");
    assert_int_equal(PEM_write_X509(f, cert), 1);
    fclose(f);
    f = fopen(key_file, "w");
    assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void
test_certificates(void **state)
{
    static const char tls[] =
        "http = { tls = { cert = \"a.pem\"; key = \"%s\"; client_ca = \"a.pem\"; }; };"
        "collectors = ( { name = \"c\"; format = \"json\"; auth = { client_cert = \"*.example.org\"; }; } );";
    char *good = xasprintf(tls, "a.key"), *bad = xasprintf(tls, "b.key"), *all = xasprintf("%s%s", bad, rest);
    struct conf_report report;
    struct conf *c;

    (void)state;
    write_pair("a.pem", "a.key");
    write_pair("b.pem", "b.key");
    c = load_text(good, rest);
    assert_string_equal(c->http.tls_cert, "a.pem");
    assert_int_equal(c->collectors[0].auth.kind, AUTH_CERT);
    assert_string_equal(c->collectors[0].auth.subjects[0], "*.example.org");
    conf_unref(c);
    write_file("t.cfg", all);
    assert_null(conf_load("t.cfg", "plugins", &report));
    assert_string_equal(report.items[0].text, "t.cfg:1: http.tls: certificate 'a.pem' does not belong to the key");
    assert_int_equal(report.total, 1);
    conf_report_release(&report);
    free(good);
    free(bad);
    free(all);
}

static int
setup(void **state)
{
    if (enter_folder(state) != 0 || mkdir("rules", 0755) != 0 || mkdir("creds", 0755) != 0 ||
        mkdir("integrations", 0755) != 0 || mkdir("integrations/mine", 0755) != 0)
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
        cmocka_unit_test(test_digests), cmocka_unit_test(test_digest_of_contents), cmocka_unit_test(test_references),
        cmocka_unit_test(test_secrets), cmocka_unit_test(test_binary_secret),      cmocka_unit_test(test_certificates),
    };

    return cmocka_run_group_tests(tests, setup, leave_folder);
}
