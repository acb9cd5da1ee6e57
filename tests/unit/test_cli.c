/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The REST commands against a small HTTP server of this program: what they
 * ask, what they print, how they end.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "cli/cli.h"
#include "cli/internal.h"

/* --- the server ---------------------------------------------------------------------- */

static struct MHD_Daemon *server;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned answer_status;
static const char *answer_body;
static char asked[8192];                       /* "POST /path?query token=... type=... body" of the last request */
static int n_asked;

static enum MHD_Result
add_query(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
    size_t n = strlen(ctx);

    (void)kind;
    snprintf((char *)ctx + n, 1024 - n, " %s=%s", name, value != NULL ? value : "");
    return MHD_YES;
}

static enum MHD_Result
handle(void *ctx, struct MHD_Connection *c, const char *url, const char *method, const char *version, const char *body,
       size_t *len, void **state)
{
    const char *auth = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Authorization");
    const char *type = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Type");
    char query[1024] = "", **text = (char **)state;
    struct MHD_Response *r;
    enum MHD_Result ok;

    (void)ctx;
    (void)version;
    if (*text == NULL) {
        *text = calloc(1, 4096);
        return MHD_YES;
    }
    if (*len > 0) {
        size_t n = strlen(*text);

        snprintf(*text + n, 4096 - n, "%.*s", (int)*len, body);
        *len = 0;
        return MHD_YES;
    }
    MHD_get_connection_values(c, MHD_GET_ARGUMENT_KIND, add_query, query);
    pthread_mutex_lock(&mutex);
    n_asked++;
    snprintf(asked, sizeof asked, "%s %s%s|%s|%s|%s", method, url, query, auth != NULL ? auth : "",
             type != NULL ? type : "", *text);
    r = MHD_create_response_from_buffer(strlen(answer_body), (void *)(uintptr_t)answer_body, MHD_RESPMEM_MUST_COPY);
    ok = MHD_queue_response(c, answer_status, r);
    pthread_mutex_unlock(&mutex);
    MHD_destroy_response(r);
    free(*text);
    return ok;
}

static void
answers(unsigned status, const char *body)
{
    pthread_mutex_lock(&mutex);
    answer_status = status;
    answer_body = body;
    asked[0] = '\0';
    n_asked = 0;
    pthread_mutex_unlock(&mutex);
}

static int
start(void **state)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    char url[64];

    (void)state;
    server = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, handle, NULL, MHD_OPTION_SOCK_ADDR,
                              &address, MHD_OPTION_END);
    assert_non_null(server);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port);
    setenv("TOCSIN_URL", url, 1);
    setenv("http_proxy", "http://127.0.0.1:1", 1);         /* must not be used on the way to this machine */
    setenv("TZ", "UTC", 1);
    unsetenv("TOCSIN_TOKEN");
    unsetenv("USER");
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    MHD_stop_daemon(server);
    return 0;
}

/* --- a command ------------------------------------------------------------------------- */

static char out[65536], errors[65536];

static void
read_back(int fd, char *to)
{
    ssize_t n = pread(fd, to, 65535, 0);

    assert_true(n >= 0);
    to[n] = '\0';
    close(fd);
}

static int
temporary(void)
{
    char name[] = "/tmp/tocsin-cli-XXXXXX";
    int fd = mkstemp(name);

    assert_true(fd >= 0);
    unlink(name);
    return fd;
}

/* Words end with NULL; stdin is empty unless a text is given. */
static int
tocsin_with(const char *input, const char *const *words)
{
    int fds[3] = { temporary(), temporary(), temporary() }, saved[3], argc = 0, status;
    char *argv[32];

    for (; words[argc] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc];
    argv[argc] = NULL;
    assert_int_equal(pwrite(fds[0], input, strlen(input), 0), strlen(input));
    fflush(NULL);
    for (int i = 0; i < 3; i++) {
        saved[i] = dup(i);
        dup2(fds[i], i);
    }
    status = cli_main(argc, argv);
    fflush(NULL);
    for (int i = 0; i < 3; i++) {
        dup2(saved[i], i);
        close(saved[i]);
    }
    close(fds[0]);
    read_back(fds[1], out);
    read_back(fds[2], errors);
    return status;
}

#define TOCSIN(...) tocsin_with("", (const char *const[]){ __VA_ARGS__, NULL })

static void
assert_holds(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        print_error("expected '%s' in:\n%s\n", part, text);
    assert_non_null(strstr(text, part));
}

/* --- send ------------------------------------------------------------------------------- */

static const char accepted[] = "{\"accepted\":1,\"alerts\":[{\"dedup_key\":\"k\\u001b[31m\","
                               "\"incident\":\"019b76da-a800-7000-8000-0000000000a1\"}]}";

static void
send_posts_one_alert(void **state)
{
    (void)state;
    answers(202, accepted);
    assert_int_equal(TOCSIN("send", "--collector", "my web", "--status", "firing", "--severity", "P1", "--summary",
                            "disk \"full\"", "--key", "k", "--label", "host=a=b", "--label", "x="),
                     0);
    assert_string_equal(asked, "POST /v1/in/my web||application/json|{\"status\":\"firing\",\"severity\":\"P1\","
                               "\"summary\":\"disk \\\"full\\\"\",\"dedup_key\":\"k\","
                               "\"labels\":{\"host\":\"a=b\",\"x\":\"\"}}");
    assert_string_equal(out, "019b76da-a800-7000-8000-0000000000a1  k[31m\n");
    assert_string_equal(errors, "");
}

static void
send_posts_a_file_as_it_is(void **state)
{
    (void)state;
    answers(202, accepted);
    assert_int_equal(tocsin_with("<not json>\n",
                                 (const char *const[]){ "tocsin", "send", "--collector=x", "--file", "-",
                                                        "--content-type", "text/xml", "--json", NULL }),
                     0);
    assert_string_equal(asked, "POST /v1/in/x||text/xml|<not json>\n");
    assert_holds(out, "\"accepted\": 1");
    assert_int_equal(TOCSIN("send", "--collector", "x", "--file", "/nowhere/at/all"), 1);
    assert_holds(errors, "tocsin: cannot send: cannot open '/nowhere/at/all': No such file or directory\n");
}

static void
send_says_why_not(void **state)
{
    (void)state;
    answers(422, "{\"title\":\"request makes no sense\",\"status\":422,\"detail\":\"expected 'firing'\\u0007\","
                 "\"where\":\"$.status\"}");
    assert_int_equal(TOCSIN("send", "--collector", "x", "--summary", "s"), 1);
    assert_string_equal(errors, "tocsin: cannot send: request makes no sense: $.status: expected 'firing'\n");
    assert_int_equal(n_asked, 1);
    answers(503, "<html>");
    assert_int_equal(TOCSIN("send", "--collector", "x", "--summary", "s"), 1);
    assert_holds(errors, "answered 503, not in the way of a tocsin daemon\n");
    assert_int_equal(n_asked, 1);
    assert_string_equal(out, "");
}

static void
tokens_come_from_files_and_environment(void **state)
{
    char name[] = "/tmp/tocsin-token-XXXXXX";
    int fd = mkstemp(name);

    (void)state;
    assert_int_equal(write(fd, "from-file\r\n", 11), 11);
    close(fd);
    setenv("TOCSIN_TOKEN", "from-env", 1);
    answers(202, accepted);
    assert_int_equal(TOCSIN("send", "--collector", "x", "--key", "k"), 0);
    assert_holds(asked, "|Bearer from-env|");
    assert_int_equal(TOCSIN("send", "--collector", "x", "--key", "k", "--token-file", name), 0);
    assert_holds(asked, "|Bearer from-file|");
    answers(202, accepted);
    setenv("TOCSIN_TOKEN", "a\r\nX-Evil: 1", 1);
    assert_int_equal(TOCSIN("send", "--collector", "x", "--key", "k"), 1);
    assert_int_equal(n_asked, 0);
    assert_null(strstr(errors, "Evil"));
    unsetenv("TOCSIN_TOKEN");
    unlink(name);
    assert_int_equal(TOCSIN("send", "--collector", "x", "--key", "k", "--token-file", name), 2);
}

/* --- incidents -------------------------------------------------------------------------- */

#define HEAD_OF(id, state, severity, summary, acked)                                                                   \
    "{\"id\":\"" id "\",\"state\":\"" state "\",\"severity\":\"" severity "\",\"summary\":\"" summary "\","            \
    "\"source\":\"web\",\"group_key\":\"g\",\"episode\":2,\"policy\":\"ml\",\"step\":1,"                               \
    "\"next_escalation_at\":\"2026-01-01T00:05:00.000Z\",\"exhausted\":true,\"suppressed_by\":null,"                  \
    "\"opened_at\":\"2026-01-01T00:00:00.000Z\",\"acknowledged_at\":null,\"acknowledged_by\":" acked                   \
    ",\"resolved_at\":null"

static const char two[] =
    "{\"incidents\":[" HEAD_OF("019b76da-a800-7000-8000-0000000000a1", "triggered", "critical",
                               "gr\xc3\xb6\xc3\x9f" "er\\n\\u001b]0;evil\\u0007\\u202e", "null") "},"
    HEAD_OF("019b76da-a800-7000-8000-0000000000b2", "acknowledged", "info", "b", "\"anna\"") "}],\"next\":\"c-1\"}";

static void
list_is_a_table(void **state)
{
    (void)state;
    answers(200, two);
    assert_int_equal(TOCSIN("incidents"), 0);
    assert_string_equal(asked, "GET /v1/incidents state=open|||");
    assert_holds(out, "ID        STATE         SEVERITY  AGE");
    assert_holds(out, "000000a1  triggered     critical  ");
    assert_holds(out, "  web                      gr\xc3\xb6\xc3\x9f" "er ]0;evil\n");
    assert_holds(out, "000000b2  acknowledged  info      ");
    assert_holds(out, "  web     anna             b\n");
    assert_null(strchr(out, '\033'));
    assert_string_equal(errors, "there are more: --cursor c-1\n");
    answers(200, "{\"incidents\":[],\"next\":null}");
    assert_int_equal(TOCSIN("incidents", "list", "--state", "all", "--severity", "critical,error", "--search", "a&b c",
                            "--limit", "3", "--cursor", "x/y"),
                     0);
    assert_string_equal(asked, "GET /v1/incidents state= severity=critical,error q=a&b c limit=3 cursor=x/y|||");
    assert_string_equal(out, "no incidents\n");
    answers(200, two);
    assert_int_equal(TOCSIN("incidents", "list", "--json"), 0);
    assert_holds(out, "\"next\": \"c-1\"");
}

static const char whole[] =
    HEAD_OF("019b76da-a800-7000-8000-0000000000a1", "triggered", "critical", "GPU lost", "null")
    ",\"alerts\":[{\"dedup_key\":\"k\",\"status\":\"firing\",\"severity\":\"error\",\"summary\":\"GPU 3 lost\","
    "\"labels\":{\"host\":\"n7\"},\"annotations\":{},"
    "\"links\":[{\"href\":\"https://example.org/run\",\"text\":\"runbook\"}],"
    "\"rules\":[{\"name\":\"gpu\",\"at\":\"10.cfg:4\"},{\"name\":\"team\",\"at\":\"20.cfg:9\"}],"
    "\"starts_at\":\"2026-01-01T00:00:00.000Z\",\"ends_at\":null,\"count\":3}],"
    "\"deliveries\":[{\"target\":\"pd\",\"state\":\"failing\",\"vendor_state\":null,\"attempts\":4,"
    "\"last_error\":\"503 from the far side\",\"vendor_ref\":null,\"told_at\":null}],"
    "\"timeline\":[{\"at\":\"2026-01-01T00:00:00.000Z\",\"kind\":\"opened\",\"actor\":\"web\","
    "\"text\":\"GPU 3 lost\"}]}";

static void
heartbeats_are_a_table(void **state)
{
    (void)state;
    answers(200, "{\"heartbeats\":[{\"name\":\"backup\",\"labels\":{},\"state\":\"ok\",\"every\":\"1d\","
                 "\"grace\":\"1h\",\"last_beat_at\":\"2023-11-14T22:13:20Z\",\"due_at\":\"2023-11-15T23:13:20Z\","
                 "\"beats\":7,\"incident\":null},{\"name\":\"sensors\",\"labels\":{\"host\":\"a\\u001b[31m\","
                 "\"rack\":\"2\"},\"state\":\"silent\",\"every\":\"30s\",\"grace\":\"0s\",\"last_beat_at\":null,"
                 "\"due_at\":null,\"beats\":0,\"incident\":\"018bd0c9-8417-7e2b-818e-6dae03f69706\"}]}");
    assert_int_equal(TOCSIN("heartbeats"), 0);
    assert_string_equal(asked, "GET /v1/heartbeats|||");
    assert_holds(out, "NAME     LABELS             STATE   EVERY");
    assert_holds(out, "backup                      ok      1d");
    assert_holds(out, "2023-11-15 23:13:20  7");
    assert_holds(out, "sensors  host=a[31m,rack=2  silent  30s");
    assert_holds(out, "018bd0c9-8417-7e2b-818e-6dae03f69706");
    assert_int_equal(TOCSIN("heartbeats", "--json"), 0);
    assert_holds(out, "\"name\": \"backup\"");
    answers(200, "{\"heartbeats\":[]}");
    assert_int_equal(TOCSIN("heartbeats"), 0);
    assert_string_equal(out, "no heartbeats\n");
    answers(403, "{\"title\":\"no\",\"detail\":\"not for you\"}");
    assert_int_equal(TOCSIN("heartbeats"), 1);
    assert_holds(errors, "not for you");
    assert_int_equal(TOCSIN("heartbeats", "backup"), 2);
    assert_holds(errors, "unexpected 'backup'");
}

static void
show_says_it_all(void **state)
{
    static const char *const parts[] = {
        "critical  GPU lost\n", "  state       triggered\n",
        "  policy      ml, 1 step told\n              it ended unanswered; the last resort is told\n",
        "  next        2026-01-01 00:05:00 unless somebody answers\n", "  episode     2: it came back\n",
        "  id          019b76da-a800-7000-8000-0000000000a1\n",
        "error firing: GPU 3 lost (3 reports, since 2026-01-01 00:00:00)\n", "  host        n7\n",
        "  rules       gpu (10.cfg:4)\n              team (20.cfg:9)\n",
        "  https://example.org/run  runbook\n", "pd      failing  -                  4       503 from the far side\n",
        "2026-01-01 00:00:00  opened  web  GPU 3 lost\n",
    };

    (void)state;
    answers(200, whole);
    assert_int_equal(TOCSIN("incidents", "show", "000000a1"), 0);
    assert_string_equal(asked, "GET /v1/incidents/000000a1|||");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        assert_holds(out, parts[i]);
}

static void
actions_post(void **state)
{
    static const struct {
        const char *words[12], *asked;
    } cases[] = {
        { { "incidents", "ack", "000000a1", "--by", "anna", "--note", "on it" },
          "POST /v1/incidents/000000a1/ack||application/json|{\"by\":\"anna\",\"note\":\"on it\"}" },
        { { "incidents", "unack", "000000a1" }, "POST /v1/incidents/000000a1/unack||application/json|{}" },
        { { "incidents", "resolve", "000000a1" }, "POST /v1/incidents/000000a1/resolve||application/json|{}" },
        { { "incidents", "escalate", "000000a1" }, "POST /v1/incidents/000000a1/escalate||application/json|{}" },
        { { "incidents", "snooze", "000000a1", "--for", "2h" },
          "POST /v1/incidents/000000a1/snooze||application/json|{\"for\":\"2h\"}" },
        { { "incidents", "snooze", "000000a1", "--until", "2030-01-01T00:00:00Z" },
          "POST /v1/incidents/000000a1/snooze||application/json|{\"until\":\"2030-01-01T00:00:00Z\"}" },
        { { "incidents", "note", "000000a1", "--note", "x" },
          "POST /v1/incidents/000000a1/note||application/json|{\"note\":\"x\"}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        answers(200, whole);
        assert_int_equal(tocsin_with("", cases[i].words), 0);
        assert_string_equal(asked, cases[i].asked);
        assert_string_equal(out, "000000a1  triggered  GPU lost\n");
    }
    setenv("USER", "bea", 1);
    assert_int_equal(TOCSIN("incidents", "ack", "000000a1", "000000b2"), 0);
    assert_string_equal(asked, "POST /v1/incidents/000000b2/ack||application/json|{\"by\":\"bea\"}");
    unsetenv("USER");
}

static void
what_an_action_did_is_said(void **state)
{
    static const struct {
        const char *answer, *out;
    } cases[] = {
        { "{\"id\":\"019b76da-a800-7000-8000-0000000000a1\",\"state\":\"acknowledged\",\"acknowledged_by\":\"anna\","
          "\"snoozed_until\":null,\"summary\":\"s\"}",
          "000000a1  acknowledged by anna  s\n" },
        { "{\"id\":\"019b76da-a800-7000-8000-0000000000a1\",\"state\":\"triggered\",\"acknowledged_by\":null,"
          "\"snoozed_until\":\"2026-01-01T02:00:00.000Z\",\"summary\":\"s\"}",
          "000000a1  snoozed until 2026-01-01 02:00:00  s\n" },
        { "{\"id\":\"019b76da-a800-7000-8000-0000000000a1\",\"state\":\"resolved\",\"acknowledged_by\":\"anna\","
          "\"snoozed_until\":null,\"summary\":\"s\"}",
          "000000a1  resolved  s\n" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        answers(200, cases[i].answer);
        assert_int_equal(TOCSIN("incidents", "note", "000000a1", "--note", "x"), 0);
        assert_string_equal(out, cases[i].out);
    }
    answers(200, "{\"id\":\"019b76da-a800-7000-8000-0000000000c1\",\"state\":\"expired\","
                 "\"ends_at\":\"2026-01-01T02:00:00.000Z\",\"matchers\":[]}");
    assert_int_equal(TOCSIN("silence", "expire", "019b76da-a800-7000-8000-0000000000c1"), 0);
    assert_holds(out, "expired at 2026-01-01 02:00:00");
}

static void
refusals_end_with_1(void **state)
{
    (void)state;
    answers(409, "{\"title\":\"not possible in this state\",\"status\":409,\"detail\":\"the incident is resolved\"}");
    assert_int_equal(TOCSIN("incidents", "ack", "00\033000a1", "000000b2"), 1);
    assert_string_equal(errors, "tocsin: cannot ack '00000a1': not possible in this state: the incident is resolved\n"
                                "tocsin: cannot ack '000000b2': not possible in this state: "
                                "the incident is resolved\n");
    assert_int_equal(n_asked, 2);
    assert_int_equal(TOCSIN("incidents"), 1);
    assert_int_equal(TOCSIN("incidents", "--url", "http://127.0.0.1:1"), 1);
    assert_holds(errors, "tocsin: cannot reach the daemon: http://127.0.0.1:1: ");
    assert_int_equal(TOCSIN("incidents", "--url", "file:///etc/passwd"), 1);
    assert_int_equal(TOCSIN("incidents", "--url", "::"), 1);
}

static void
wrong_usage_ends_with_2(void **state)
{
    static const struct {
        const char *words[10], *says;
    } cases[] = {
        { { "send" }, "--collector is missing" },
        { { "send", "--collector", "x" }, "one of --summary" },
        { { "send", "--collector", "x", "--status", "broken" }, "not 'broken'" },
        { { "send", "--collector", "x", "--label", "nothing" }, "'nothing' is not NAME=VALUE" },
        { { "send", "--collector", "x", "--label", "=v" }, "'=v' is not NAME=VALUE" },
        { { "send", "--collector", "x", "--summary", "\xff" }, "not UTF-8" },
        { { "send", "--collector", "x", "--file", "-", "--key", "k" }, "--file stands alone" },
        { { "send", "--collector", "x", "--key", "k", "more" }, "unexpected 'more'" },
        { { "send", "--colector", "x" }, "colector" },
        { { "incidents", "fix", "000000a1" }, "unknown word 'fix'" },
        { { "incidents", "ack" }, "'ack' needs the id" },
        { { "incidents", "ack", "" }, "an id is empty" },
        { { "incidents", "list", "x" }, "unexpected 'x'" },
        { { "incidents", "note", "000000a1" }, "'note' needs --note TEXT" },
        { { "incidents", "snooze", "000000a1" }, "one of --for and --until" },
        { { "incidents", "snooze", "000000a1", "--for", "1h", "--until", "x" }, "one of --for and --until" },
        { { "incidents", "ack", "000000a1", "--for", "1h" }, "'ack' does not take --for" },
        { { "incidents", "show", "000000a1", "--state", "open" }, "'show' does not take --state" },
        { { "incidents", "--limit" }, "requires an argument" },
    };

    (void)state;
    answers(200, whole);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(tocsin_with("", cases[i].words), 2);
        assert_holds(errors, cases[i].says);
        assert_string_equal(out, "");
    }
    assert_int_equal(n_asked, 0);
}

static void
help_is_not_an_error(void **state)
{
    (void)state;
    assert_int_equal(TOCSIN("incidents", "--help"), 0);
    assert_holds(out, "usage: tocsin incidents");
    assert_int_equal(TOCSIN("send", "-h"), 0);
    assert_holds(out, "usage: tocsin send");
    assert_string_equal(errors, "");
    assert_true(cli_find("send") && cli_find("incidents") && !cli_find("run"));
}

/* --- the terminal ------------------------------------------------------------------------ */

static void
narrow_terminals_cut_one_column(void **state)
{
    struct cli cli = { .arena = arena_new(), .width = 40 };
    struct table t = { .n = 2, .flexible = 1, .heads = { "ID", "SUMMARY" } };
    const char *cells[] = { "000000a1", "a summary that is much longer than forty columns" };
    int fd = temporary(), saved;

    (void)state;
    table_add(&t, cells, "");
    fflush(stdout);
    saved = dup(1);
    dup2(fd, 1);
    table_print(&t, &cli);
    fflush(stdout);
    dup2(saved, 1);
    close(saved);
    read_back(fd, out);
    assert_string_equal(out, "ID        SUMMARY\n000000a1  a summary that is much longer\xe2\x80\xa6\n");
    arena_free(cli.arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(send_posts_one_alert),
        cmocka_unit_test(send_posts_a_file_as_it_is),
        cmocka_unit_test(send_says_why_not),
        cmocka_unit_test(tokens_come_from_files_and_environment),
        cmocka_unit_test(list_is_a_table),
        cmocka_unit_test(heartbeats_are_a_table),
        cmocka_unit_test(show_says_it_all),
        cmocka_unit_test(actions_post), cmocka_unit_test(what_an_action_did_is_said),
        cmocka_unit_test(refusals_end_with_1),
        cmocka_unit_test(wrong_usage_ends_with_2),
        cmocka_unit_test(help_is_not_an_error),
        cmocka_unit_test(narrow_terminals_cut_one_column),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
