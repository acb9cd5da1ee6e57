/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory engine is the model: the same operations must leave the same rows
 * in both, through rollbacks, flushes, upkeep and restarts.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "lib/store_rows.h"

enum { LIVES = 40, SEQUENCES = 50, STEPS = 24 };

/* What turns load, each time; all that the reads show, which is long, now and then. */
static void
compare(struct life *l, uint64_t seed, bool all)
{
    struct store *stores[2] = { l->a, l->b };
    struct buf text[2];

    for (int k = 0; k < 2; k++) {
        struct tocsin_err err;

        buf_init(&text[k], 64 << 20);
        store_dump_loads(stores[k], LIFE_KEYS, LIFE_GROUPS, l->now, &text[k]);
        assert_int_equal(stores[k]->ops->flush(stores[k], &err), TOCSIN_OK);
        if (all)
            store_dump(stores[k], &text[k]);
        assert_true(buf_ok(&text[k]));
    }
    if (strcmp(text[0].p, text[1].p) != 0) {
        size_t i = 0, line = 0;

        for (; text[0].p[i] == text[1].p[i]; i++)
            line = text[0].p[i] == '\n' ? i + 1 : line;
        fail_msg("seed %llu: memory has\n%.*s\nsqlite has\n%.*s", (unsigned long long)seed,
                 (int)strcspn(text[0].p + line, "\n"), text[0].p + line, (int)strcspn(text[1].p + line, "\n"),
                 text[1].p + line);
    }
    buf_release(&text[0]);
    buf_release(&text[1]);
}

static struct store *
open_sqlite(const char *path)
{
    struct store_sqlite_options options = { .path = path, .synchronous = "off", .reserve_bytes = 4096 };
    struct tocsin_err err;
    struct store *s;

    if (store_sqlite_open(&options, &s, &err) != TOCSIN_OK)
        fail_msg("%s", err.what);
    return s;
}

static void
restart(struct life *l, const char *path)
{
    struct store *was = l->a;

    l->b->ops->close(l->b);                    /* writes what is lazy */
    l->b = open_sqlite(path);
    l->a = store_mem_clone(was);
    was->ops->close(was);
}

static void
live(uint64_t seed)
{
    char *dir = test_dir_make(), *path = xasprintf("%s/t.db", dir);
    struct life l = { .now = 1700000000000, .a = store_mem_open(), .b = open_sqlite(path) };

    idgen_seed(&l.rng, seed, 1);
    idgen_seed(&l.ids, seed, 2);
    for (int i = 0; i < SEQUENCES; i++) {
        for (int k = 0; k < STEPS; k++)
            life_step(&l);
        compare(&l, seed, i % 5 == 4);
        if (i % 10 == 9)
            restart(&l, path);
    }
    l.a->ops->close(l.a);
    l.b->ops->close(l.b);
    free(path);
    test_dir_remove(dir);
}

static void
test_same_state(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= LIVES; seed++)
        live(seed);
    print_message("%d sequences of %d operations, %d restarts: no difference\n", LIVES * SEQUENCES, STEPS,
                  LIVES * SEQUENCES / 10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_same_state) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
