/* SPDX-License-Identifier: Apache-2.0 */
/* JSON in slabs: values are whole whatever the slab has room for, and malloc's are told from a slab's. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/jsonmem.h"
#include "base/xalloc.h"

/* An array of n objects, as text; what comes back is parsed and written again. */
static void
round_trip(int n)
{
    char *text = xmalloc((size_t)n * 32 + 3), *again;
    size_t len = 0;
    json_t *doc;

    text[len++] = '[';
    for (int i = 0; i < n; i++)
        len += (size_t)snprintf(text + len, 32, "%s{\"n\":%d,\"s\":\"x\"}", i > 0 ? "," : "", i);
    text[len++] = ']';
    text[len] = '\0';
    jsonmem_begin();
    assert_false(jsonmem_use(true));
    doc = json_loadb(text, len, 0, NULL);
    jsonmem_use(false);
    assert_non_null(doc);
    again = json_dumps(doc, JSON_COMPACT);
    assert_string_equal(again, text);
    free(again);                             /* made while no slab was in use: plain malloc */
    json_decref(doc);
    jsonmem_end();
    free(text);
}

static void
small_and_larger_than_a_slab(void **state)
{
    static const int sizes[] = { 1, 10, 1000, 20000 };

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (int times = 0; times < 3; times++)
            round_trip(sizes[i]);
}

static void
outside_and_nested(void **state)
{
    json_t *kept, *inner;

    (void)state;
    assert_false(jsonmem_use(true));         /* no slab is held: nothing to use */
    kept = json_pack("{s:s}", "made", "by malloc");
    assert_false(jsonmem_use(false));
    jsonmem_begin();
    jsonmem_use(true);
    inner = json_pack("{s:s}", "made", "in the slab");
    jsonmem_begin();
    jsonmem_end();
    assert_string_equal(json_string_value(json_object_get(inner, "made")), "in the slab");
    json_decref(kept);                       /* dropped in between: still malloc's */
    json_decref(inner);
    jsonmem_end();
    assert_false(jsonmem_use(false));        /* the end has cleared it */
}

/* More at once than there are slabs: the others do without. */
enum { THREADS = 24 };
static pthread_barrier_t all_hold_one;

static void *
hold_one(void *failed)
{
    json_t *doc;

    jsonmem_begin();
    jsonmem_use(true);
    pthread_barrier_wait(&all_hold_one);
    for (int i = 0; i < 200; i++) {
        doc = json_pack("{s:i}", "n", i);
        pthread_barrier_wait(&all_hold_one);
        if (json_integer_value(json_object_get(doc, "n")) != i)
            *(int *)failed = 1;
        json_decref(doc);
    }
    jsonmem_end();
    return NULL;
}

static void
more_threads_than_slabs(void **state)
{
    pthread_t threads[THREADS];
    int failed[THREADS] = { 0 };

    (void)state;
    pthread_barrier_init(&all_hold_one, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hold_one, &failed[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(failed[i], 0);
    }
    pthread_barrier_destroy(&all_hold_one);
    for (int i = 0; i < 40; i++)             /* all of them were given back */
        round_trip(5);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_and_larger_than_a_slab),
        cmocka_unit_test(outside_and_nested),
        cmocka_unit_test(more_threads_than_slabs),
    };

    jsonmem_install();
    json_object_seed(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
