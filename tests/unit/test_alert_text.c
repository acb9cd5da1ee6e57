/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/id.h"
#include "core/alert.h"

static struct alert_text
sample(void)
{
    static struct tocsin_pair labels[] = { { "cluster", "a" }, { "host", "train-07" } };
    static struct tocsin_pair notes[] = { { "description", "a text\nof two lines" }, { "empty", "" } };
    static struct tocsin_link links[] = { { "https://example.org/run", "run book" }, { "https://example.org/", NULL } };
    static struct tocsin_pair rules[] = { { "z-rule", "rules/10.cfg:3" }, { "a-rule", "rules/20.cfg:7" } };

    return (struct alert_text){ .summary = "GPU 3 lost", .source_severity = "warning", .labels = labels,
                                .n_labels = 2, .annotations = notes, .n_annotations = 2, .links = links,
                                .n_links = 2, .rules = rules, .n_rules = 2 };
}

static void
assert_pairs_equal(const struct tocsin_pair *a, size_t na, const struct tocsin_pair *b, size_t nb)
{
    assert_int_equal(na, nb);
    for (size_t i = 0; i < na; i++) {
        assert_string_equal(a[i].name, b[i].name);
        assert_string_equal(a[i].value, b[i].value);
    }
}

static void
test_round_trip(void **state)
{
    struct arena *a = arena_new();
    struct alert_text t = sample(), u;
    const void *body, *again;
    size_t len, len2;
    uint64_t digest, digest2;

    (void)state;
    alert_text_encode(a, &t, &body, &len, &digest);
    assert_true(alert_text_decode(a, body, len, &u));
    assert_string_equal(u.summary, t.summary);
    assert_string_equal(u.source_severity, t.source_severity);
    assert_pairs_equal(u.labels, u.n_labels, t.labels, t.n_labels);
    assert_pairs_equal(u.annotations, u.n_annotations, t.annotations, t.n_annotations);
    assert_pairs_equal(u.rules, u.n_rules, t.rules, t.n_rules);
    assert_int_equal(u.n_links, 2);
    assert_string_equal(u.links[0].text, "run book");
    assert_null(u.links[1].text);
    alert_text_encode(a, &u, &again, &len2, &digest2);
    assert_int_equal(len, len2);
    assert_memory_equal(body, again, len);
    assert_true(digest == digest2);
    t.rules = u.rules;
    t.rules[0].value = "rules/10.cfg:99";               /* a line was added above it: no news */
    alert_text_encode(a, &t, &again, &len2, &digest2);
    assert_true(digest == digest2);
    t.summary = "GPU 4 lost";
    alert_text_encode(a, &t, &again, &len2, &digest2);
    assert_true(digest != digest2);
    arena_free(a);
}

static void
test_long_strings(void **state)
{
    static const size_t sizes[] = { 0, 1, 127, 128, 129, 16383, 16384, 70000 };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct alert_text t = { .source_severity = "" }, u;
        char *text = arena_alloc(a, sizes[i] + 1);
        const void *body;
        size_t len;
        uint64_t digest;

        memset(text, 'x', sizes[i]);
        text[sizes[i]] = '\0';
        t.summary = text;
        alert_text_encode(a, &t, &body, &len, &digest);
        assert_true(alert_text_decode(a, body, len, &u));
        assert_string_equal(u.summary, text);
        assert_int_equal(u.n_labels, 0);
    }
    arena_free(a);
}

/* In a buffer of its exact size, so that a sanitizer sees any read past the end. */
static bool
decode_exact(struct arena *a, const unsigned char *p, size_t n, struct alert_text *out)
{
    unsigned char *copy = malloc(n > 0 ? n : 1);
    bool good;

    memcpy(copy, p, n);
    good = alert_text_decode(a, copy, n, out);
    free(copy);
    return good;
}

static void
test_every_prefix_is_damaged(void **state)
{
    struct arena *a = arena_new();
    struct alert_text t = sample(), u;
    const void *body;
    size_t len;
    uint64_t digest;

    (void)state;
    alert_text_encode(a, &t, &body, &len, &digest);
    for (size_t n = 0; n < len; n++) {
        assert_false(decode_exact(a, body, n, &u));
        assert_string_equal(u.summary, "");
        assert_int_equal(u.n_labels + u.n_annotations + u.n_links + u.n_rules, 0);
    }
    arena_free(a);
}

/* Any change either is refused or decodes to something that encodes to the same bytes. */
static void
test_random_damage(void **state)
{
    struct arena *a = arena_new(), *b = arena_new();
    struct alert_text t = sample(), u;
    struct idgen g;
    const void *body, *again;
    size_t len, len2, accepted = 0, refused = 0;
    uint64_t digest;

    (void)state;
    idgen_seed(&g, 7, 9);
    alert_text_encode(a, &t, &body, &len, &digest);
    for (int i = 0; i < 20000; i++) {
        unsigned char *copy = arena_memdup(b, body, len);

        for (uint64_t k = idgen_u64(&g) % 3; k < 3; k++)
            copy[idgen_u64(&g) % len] = (unsigned char)idgen_u64(&g);
        if (decode_exact(b, copy, len, &u)) {
            alert_text_encode(b, &u, &again, &len2, &digest);
            assert_int_equal(len, len2);
            assert_memory_equal(copy, again, len);
            accepted++;
        } else {
            refused++;
        }
        arena_reset(b);
    }
    assert_true(accepted > 1000 && refused > 1000);
    arena_free(a);
    arena_free(b);
}

static void
test_huge_counts(void **state)
{
    /* version, two empty strings, then 2^32 - 1 labels in five bytes */
    static const unsigned char bytes[] = { 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f };
    static const unsigned char unsorted[] = { 1, 0, 0, 0, 0, 2, 1, 'b', 0, 0, 0, 1, 'a', 0, 0, 0, 0, 0, 0 };
    static const unsigned char version[] = { 2, 0, 0, 0, 0, 0, 0, 0, 0 };
    static const unsigned char good[] = { 1, 0, 0, 0, 0, 0, 0, 0, 0 };
    struct arena *a = arena_new();
    struct alert_text u;

    (void)state;
    assert_false(decode_exact(a, bytes, sizeof bytes, &u));
    assert_true(arena_used(a) < 4096);
    assert_false(decode_exact(a, unsorted, sizeof unsorted, &u));
    assert_false(decode_exact(a, version, sizeof version, &u));
    assert_true(decode_exact(a, good, sizeof good, &u));
    assert_false(alert_text_decode(a, NULL, 0, &u));
    arena_free(a);
}

static void
test_pairs(void **state)
{
    struct tocsin_pair p[] = { { "b", "1" }, { "a", "1" }, { "b", "2" }, { "c", "" }, { "a", "9" }, { "b", "3" } };

    (void)state;
    assert_int_equal(alert_pairs_normalise(p, 6), 3);
    assert_string_equal(alert_pair_find(p, 3, "a"), "9");
    assert_string_equal(alert_pair_find(p, 3, "b"), "3");
    assert_string_equal(alert_pair_find(p, 3, "c"), "");
    assert_string_equal(alert_pair_find(p, 3, "d"), "");
    assert_string_equal(p[0].name, "a");
    assert_string_equal(p[2].name, "c");
    assert_int_equal(alert_pairs_normalise(p, 0), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_long_strings),
        cmocka_unit_test(test_every_prefix_is_damaged), cmocka_unit_test(test_random_damage),
        cmocka_unit_test(test_huge_counts),  cmocka_unit_test(test_pairs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
