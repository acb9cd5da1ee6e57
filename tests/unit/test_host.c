/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host table: reading JSON, limits of a batch, requests, secrets and their signatures.
 * Certificates are in test_host_x509.c; what integrations make of payloads is in test_cases.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "plugin/host.h"

static const struct tocsin_host *const host = &plugin_host;

static int
setup(void **state)
{
    *state = arena_new();
    return 0;
}

static int
teardown(void **state)
{
    arena_free(*state);
    return 0;
}

/* --- JSON ---------------------------------------------------------------------------- */

static void
json_errors(void **state)
{
    static const struct { const char *text; size_t len; enum tocsin_rc rc; const char *where, *what;
    } cases[] = {
        { "", 0, TOCSIN_BAD_INPUT, "", "empty body" },
        { " \r\n\t", 4, TOCSIN_BAD_INPUT, "", "empty body" },
        { "\xef\xbb\xbf", 3, TOCSIN_BAD_INPUT, "", "empty body" },
        { "\xff\xfe{\0}\0", 6, TOCSIN_BAD_INPUT, "", "the body is UTF-16; JSON is sent as UTF-8" },
        { "{\"a\":1,\n \"a\":2}", 15, TOCSIN_BAD_INPUT, "line 2 column 4",
          "malformed JSON: duplicate object key near '\"a\"'" },
        { "[1,\n 2", 6, TOCSIN_BAD_INPUT, "line 2 column 2", "malformed JSON: ']' expected near end of file" },
        { "[\"\xff\"]", 5, TOCSIN_BAD_INPUT, "line 1 column 2",
          "malformed JSON: unable to decode byte 0xff near '\"'" },
        { "[1]\0", 4, TOCSIN_BAD_INPUT, "line 1 column 4", "malformed JSON: end of file expected near end of file" },
        { "[1e999]", 7, TOCSIN_BAD_INPUT, "line 1 column 6", "malformed JSON: real number overflow near '1e999'" },
        { "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 33, TOCSIN_BAD_INPUT, "line 1 column 33",
          "nested deeper than 32 levels" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tocsin_err err = { 0 };
        json_t *doc = NULL;

        assert_int_equal(host->parse_json(cases[i].text, cases[i].len, &doc, &err), cases[i].rc);
        assert_null(doc);
        assert_int_equal(err.rc, cases[i].rc);
        assert_string_equal(err.where, cases[i].where);
        assert_memory_equal(err.what, cases[i].what, strlen(cases[i].what));
    }
}

/* What JavaScript and Python write of a text that was cut within a character, or is no Unicode. */
static void
json_halves(void **state)
{
    static const struct { const char *json, *text; } cases[] = {
        { "[\"down \\ud83d\"]", "down \xef\xbf\xbd" },
        { "[\"\\uDE00 up\"]", "\xef\xbf\xbd up" },
        { "[\"\\ud83d\\ud83d\\udd14\"]", "\xef\xbf\xbd\xf0\x9f\x94\x94" },   /* a half and a whole */
        { "[\"\\ud83dx\\udd14\"]", "\xef\xbf\xbdx\xef\xbf\xbd" },
        { "[\"Caf\\udce9\"]", "Caf\xc3\xa9" },                                 /* b"Caf\xe9" of Python */
        { "[\"\\\\ud83d \\ud83d\"]", "\\ud83d \xef\xbf\xbd" },                  /* the first is text */
    };
    static const char *const broken[] = { "[\"\\ud8", "[\"\\ud83d", "[\"\\ud83d\",]", "[\"\\ud83d\\u12\"]" };
    struct tocsin_err err;
    json_t *doc;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(host->parse_json(cases[i].json, strlen(cases[i].json), &doc, &err), TOCSIN_OK);
        assert_string_equal(json_string_value(json_array_get(doc, 0)), cases[i].text);
        json_decref(doc);
    }
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_int_equal(host->parse_json(broken[i], strlen(broken[i]), &doc, &err), TOCSIN_BAD_INPUT);
}

static void
json_depth(void **state)
{
    char text[200];
    struct tocsin_err err = { 0 };
    json_t *doc;

    (void)state;
    for (int depth = 1; depth <= 64; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        if (host->parse_json(text, 2 * (size_t)depth, &doc, &err) == TOCSIN_OK) {
            assert_in_range(depth, 1, HOST_JSON_DEPTH);
            json_decref(doc);
        } else {
            assert_in_range(depth, HOST_JSON_DEPTH + 1, 64);
        }
    }
    host_set_json_depth(2);
    assert_int_equal(host->parse_json("[[[]]]", 6, &doc, &err), TOCSIN_BAD_INPUT);
    assert_string_equal(err.what, "nested deeper than 2 levels");
    host_set_json_depth(HOST_JSON_DEPTH);
    /* brackets within strings, behind escaped quotes too, are no nesting */
    assert_int_equal(host->parse_json("[\"\\\\\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\",\"\\\\\"]", 50, &doc, &err),
                     TOCSIN_OK);
    json_decref(doc);
}

/* A megabyte of brackets must not cost a stack, half a million values not half a gigabyte. */
static void
json_sizes(void **state)
{
    size_t n = 2 * 1000 * 1000;
    char *text = malloc(n);
    struct tocsin_err err = { 0 };
    json_t *doc;

    (void)state;
    assert_non_null(text);
    memset(text, '{', n);
    assert_int_equal(host->parse_json(text, n, &doc, &err), TOCSIN_BAD_INPUT);
    assert_string_equal(err.where, "line 1 column 33");
    for (size_t i = 0; i < n; i += 2)
        memcpy(text + i, "0,", 2);
    text[0] = '[';
    assert_int_equal(host->parse_json(text, n, &doc, &err), TOCSIN_TOO_LARGE);
    assert_string_equal(err.what, "more than 500000 values");
    memset(text, '"', n);
    assert_int_equal(host->parse_json(text, n, &doc, &err), TOCSIN_BAD_INPUT);
    free(text);
}

/* [{}, {"k0":0, ...}] with so many members; the array beside it has more items than an object may have members. */
static enum tocsin_rc
parse_members(int members, struct tocsin_err *err)
{
    size_t size = (size_t)members * 16 + 4 * HOST_JSON_KEYS + 64, n = 0;
    char *text = malloc(size);
    json_t *doc = NULL;
    enum tocsin_rc rc;

    assert_non_null(text);
    n += (size_t)snprintf(text + n, size - n, "[{},[0");
    for (int i = 0; i < HOST_JSON_KEYS; i++)
        n += (size_t)snprintf(text + n, size - n, ",0");
    n += (size_t)snprintf(text + n, size - n, "],{");
    for (int i = 0; i < members; i++)
        n += (size_t)snprintf(text + n, size - n, "%s\"k%d\":0", i > 0 ? "," : "", i);
    n += (size_t)snprintf(text + n, size - n, "}]");
    rc = host->parse_json(text, n, &doc, err);
    json_decref(doc);
    free(text);
    return rc;
}

static void
json_members(void **state)
{
    struct tocsin_err err = { 0 };

    (void)state;
    assert_int_equal(parse_members(HOST_JSON_KEYS, &err), TOCSIN_OK);
    assert_int_equal(parse_members(HOST_JSON_KEYS + 1, &err), TOCSIN_TOO_LARGE);
    assert_string_equal(err.what, "more than 4096 members in an object");
}

static void
json_text(void **state)
{
    static const struct { const char *json, *text; } cases[] = {
        { "[\"x\"]", "x" },          { "[12]", "12" },        { "[-9223372036854775808]", "-9223372036854775808" },
        { "[0.1]", "0.1" },          { "[25.0]", "25" },      { "[1e3]", "1000" },
        { "[97.5]", "97.5" },        { "[1e300]", "1e+300" }, { "[true]", "true" },
        { "[false]", "false" },      { "[null]", "" },        { "[{}]", "" },
        { "[[1]]", "" },             { "[\"\"]", "" },        { "[\"a\\u0000b\"]", "a\xef\xbf\xbd" "b" },
        { "[18446744073709551615]", "18446744073709551616" },  /* beyond 63 bits: as near as a double gets */
        { "[0.30000000000000004]", "0.30000000000000004" },
    };
    struct tocsin_batch b;
    json_t *doc;

    host_batch_init(&b, *state);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(host->parse_json(cases[i].json, strlen(cases[i].json), &doc, NULL), TOCSIN_OK);
        assert_string_equal(host->text(&b, json_array_get(doc, 0)), cases[i].text);
        json_decref(doc);
    }
    assert_string_equal(host->text(&b, NULL), "");
}

/* --- batches ---------------------------------------------------------------------------- */

/* A decoder that adds what a payload's first byte asks for. */
static enum tocsin_rc
decode(void *self, const struct tocsin_host *h, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    int n = atoi(in->body + 1);
    struct tocsin_alert *alert = NULL;
    char name[32];

    (void)self;
    for (int i = 0; i < (in->body[0] == 'a' ? n : 1); i++) {
        alert = h->alert_new(out);
        alert->status = in->body[0] == 's' ? (enum tocsin_status)n : TOCSIN_FIRING;
    }
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "https://n.example/%d", i);
        if (in->body[0] == 'r')
            h->record_new(out);
        else if (in->body[0] == 'l')
            h->alert_label(out, alert, name, "v");
        else if (in->body[0] == 'n')
            h->alert_annotation(out, alert, name, "v");
        else if (in->body[0] == 'h')
            h->alert_link(out, alert, name, NULL);
        else if (in->body[0] == 'g')
            h->batch_get(out, name, "why");
        else if (in->body[0] == 'N')
            h->batch_note(out, "note %d", i);
    }
    return in->body[0] == 'e' ? host_fail(err, TOCSIN_MEANINGLESS, "$.x", "no %s", "sense") : TOCSIN_OK;
}

static const struct tocsin_plugin probe = { TOCSIN_PLUGIN_ABI, sizeof probe, .name = "probe", .decode = decode };

static enum tocsin_rc
run(struct arena *a, struct tocsin_batch *b, const char *body, struct tocsin_err *err)
{
    struct tocsin_payload in = { .collector = "c", .body = body, .len = strlen(body) };

    host_batch_init(b, a);
    return host_decode(&probe, NULL, NULL, &in, b, err);
}

static void
batch_limits(void **state)
{
    static const struct { const char *body; enum tocsin_rc rc; const char *where, *what; } cases[] = {
        { "a10000", TOCSIN_OK, "", "" },
        { "a10001", TOCSIN_TOO_LARGE, "", "more than 10000 alerts in one payload (http.alerts_max)" },
        { "r3000", TOCSIN_OK, "", "" },            /* lines of a log are no alerts yet */
        { "r100000", TOCSIN_OK, "", "" },
        { "r100001", TOCSIN_TOO_LARGE, "", "more than 100000 records in one payload" },
        { "l64", TOCSIN_OK, "", "" },
        { "l65", TOCSIN_TOO_LARGE, "alert 1", "more than 64 labels" },
        { "n64", TOCSIN_OK, "", "" },
        { "n65", TOCSIN_TOO_LARGE, "alert 1", "more than 64 annotations" },
        { "h16", TOCSIN_OK, "", "" },
        { "h17", TOCSIN_TOO_LARGE, "alert 1", "more than 16 links" },
        { "g16", TOCSIN_OK, "", "" },
        { "g17", TOCSIN_TOO_LARGE, "alert 1", "more than 16 addresses to fetch" },
        { "N500", TOCSIN_OK, "", "" },
        { "s0", TOCSIN_INTERNAL, "alert 1", "the integration gave no status" },
        { "s4", TOCSIN_INTERNAL, "alert 1", "the integration gave no status" },
        { "e", TOCSIN_MEANINGLESS, "$.x", "no sense" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tocsin_err err = { 0 };
        struct tocsin_batch b;

        assert_int_equal(run(*state, &b, cases[i].body, &err), cases[i].rc);
        assert_string_equal(err.where, cases[i].where);
        assert_string_equal(err.what, cases[i].what);
        if (cases[i].rc != TOCSIN_OK)
            assert_int_equal(b.n_alerts + b.n_gets + b.n_notes, 0);
    }
}

static void
batch_without_decoder(void **state)
{
    static const struct tocsin_plugin mute = { TOCSIN_PLUGIN_ABI, sizeof mute, .name = "mute" };
    struct tocsin_payload in = { .collector = "c", .body = "", .len = 0 };
    struct tocsin_err err = { 0 };
    struct tocsin_batch b;

    host_batch_init(&b, *state);
    assert_int_equal(host_decode(&mute, NULL, NULL, &in, &b, &err), TOCSIN_BAD_CONFIG);
    assert_string_equal(err.what, "integration 'mute' takes no alerts in");
}

static void
batch_cleaning(void **state)
{
    struct tocsin_batch b;
    struct tocsin_alert *a;
    char long_text[6000];

    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    host_batch_init(&b, *state);
    a = host->alert_new(&b);
    a->status = TOCSIN_FIRING;
    a->summary = "  two\r\n\tlines\x01 ";
    a->group = "";
    a->starts_at = -2;
    a->ends_at = INT64_MAX;
    a->expires_at = HOST_MAX_TIME;
    host->alert_label(&b, a, "a\x1b", "\xff!");
    host->alert_label(&b, a, "crlf", "one\r\ntwo\rthree");
    host->alert_label(&b, a, "", "dropped");
    host->alert_label(&b, a, "dropped", "");
    host->alert_label(&b, a, "dropped", NULL);
    host->alert_label(&b, a, long_text, long_text);
    host_batch_finish(&b);
    assert_string_equal(a->summary, "two lines\xef\xbf\xbd");
    assert_null(a->group);
    assert_null(a->dedup_key);
    assert_int_equal(a->starts_at, 0);
    assert_int_equal(a->ends_at, 0);
    assert_int_equal(a->expires_at, HOST_MAX_TIME);
    assert_int_equal(a->n_labels, 3);
    assert_string_equal(a->labels[0].name, "a\xef\xbf\xbd");
    assert_string_equal(a->labels[0].value, "\xef\xbf\xbd!");
    assert_string_equal(a->labels[1].value, "one\ntwo\nthree");
    assert_int_equal(strlen(a->labels[2].name), HOST_MAX_NAME);
    assert_int_equal(strlen(a->labels[2].value), HOST_MAX_VALUE);
    assert_string_equal(a->labels[2].value + HOST_MAX_VALUE - 3, TEXT_MARK);
}

/* Two keys that differ only behind the limit are two identities. */
static void
batch_long_keys(void **state)
{
    struct tocsin_batch b;
    struct tocsin_alert *one, *two, *again;
    char key[3000];

    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    host_batch_init(&b, *state);
    one = host->alert_new(&b);
    two = host->alert_new(&b);
    again = host->alert_new(&b);
    one->status = two->status = again->status = TOCSIN_FIRING;
    one->dedup_key = host->batch_printf(&b, "%s1", key);
    two->dedup_key = host->batch_printf(&b, "%s2", key);
    again->dedup_key = host->batch_printf(&b, "%s1", key);
    host_batch_finish(&b);
    assert_string_not_equal(one->dedup_key, two->dedup_key);
    assert_string_equal(one->dedup_key, again->dedup_key);
    assert_in_range(strlen(one->dedup_key), 900, HOST_MAX_KEY);
}

static void
links(void **state)
{
    static const struct { const char *in, *out; } cases[] = {
        { "https://a.example/x?y=z#f", "https://a.example/x?y=z#f" },
        { "HTTP://a.example", "HTTP://a.example" },
        { "https://a.example/a b<c>\"d\"", "https://a.example/a%20b%3Cc%3E%22d%22" },
        { "https://a.example/\xc3\xa9", "https://a.example/%C3%A9" },
        { "ftp://a.example/", NULL },   { "javascript:alert(1)", NULL }, { "//a.example/", NULL },
        { "https://", NULL },           { "https:///path", NULL },       { "http:/a", NULL },
        { "https://a.example/\n", NULL }, { "", NULL },                  { " https://a.example", NULL },
        { "https://?x", NULL },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tocsin_batch b;
        struct tocsin_alert *a;

        host_batch_init(&b, *state);
        a = host->alert_new(&b);
        host->alert_link(&b, a, cases[i].in, "");
        host->alert_link(&b, a, cases[i].in, "the same again");
        assert_int_equal(a->n_links, cases[i].out != NULL);
        if (cases[i].out != NULL)
            assert_string_equal(a->links[0].href, cases[i].out);
        if (cases[i].out != NULL)
            assert_null(a->links[0].text);
    }
}

/* What is quoted from a stranger must leave an error that is UTF-8, also where it was cut. */
static void
errors_are_utf8(void **state)
{
    struct tocsin_err err;
    char text[1200];

    (void)state;
    for (size_t at = 500; at < 512; at++) {
        memset(text, 'a', at);
        memcpy(text + at, "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", 16);
        assert_int_equal(host_fail(&err, TOCSIN_BAD_INPUT, "\xff$", "%s", text), TOCSIN_BAD_INPUT);
        json_t *s = json_string(err.what);

        assert_non_null(s);
        json_decref(s);
        assert_string_equal(err.where, "");
    }
    host_fail(&err, TOCSIN_BAD_INPUT, "", "a \xff in the middle");
    assert_string_equal(err.what, "a ? in the middle");
}

/* --- settings ------------------------------------------------------------------------------ */

static void
settings(void **state)
{
    const char *list[] = { "a", "b" };
    const struct tocsin_pair map[] = { { "k", "v" } };
    struct setting items[] = {
        { .name = "text", .text = "x" }, { .name = "number", .num = 42 }, { .name = "list", .list = list, .n_list = 2 },
        { .name = "map", .map = map, .n_map = 1 }, { .name = "on", .num = 1 },
    };
    struct tocsin_settings set = { items, sizeof items / sizeof items[0] };
    const char *const *l;
    const struct tocsin_pair *m;

    (void)state;
    assert_string_equal(host->setting(&set, "text"), "x");
    assert_null(host->setting(&set, "none"));
    assert_int_equal(host->setting_int(&set, "number"), 42);
    assert_int_equal(host->setting_int(&set, "none"), 0);
    assert_true(host->setting_bool(&set, "on"));
    assert_false(host->setting_bool(&set, "none"));
    assert_int_equal(host->setting_list(&set, "list", &l), 2);
    assert_string_equal(l[1], "b");
    assert_int_equal(host->setting_list(&set, "none", &l), 0);
    assert_null(l);
    assert_int_equal(host->setting_map(&set, "map", &m), 1);
    assert_string_equal(m[0].value, "v");
    assert_int_equal(host->setting_map(&set, "none", &m), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(json_errors),  cmocka_unit_test(json_halves),           cmocka_unit_test(json_depth),
    cmocka_unit_test(json_sizes),   cmocka_unit_test(json_members),          cmocka_unit_test(json_text),
    cmocka_unit_test(batch_limits), cmocka_unit_test(batch_without_decoder), cmocka_unit_test(batch_cleaning),
    cmocka_unit_test(links),        cmocka_unit_test(batch_long_keys),       cmocka_unit_test(errors_are_utf8),
    cmocka_unit_test(settings),
};

int
main(void)
{
    return cmocka_run_group_tests_name("host", tests, setup, teardown);
}
