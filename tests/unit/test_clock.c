/* SPDX-License-Identifier: Apache-2.0 */
/* Steady time, over a clock that is set back and forward. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "os/clock.h"

static int64_t wall, mono;

int64_t
clock_wall_ms(void)
{
    return wall;
}

int64_t
clock_mono_ms(void)
{
    return mono;
}

static void
steady_time_goes_on_when_the_clock_is_set_back(void **state)
{
    static const struct {
        int64_t passed, wall, steady;
    } cases[] = {
        { 0, 10000000, 10000000 },   { 500, 10000500, 10000500 }, /* together */
        { 100, 6400600, 10000600 },  { 0, 6400600, 10000600 },    /* an hour back */
        { 1000, 6401600, 10001600 }, { 0, 10001599, 10001600 },   /* nearly caught up */
        { 5, 10001700, 10001700 },   { 5, 13601705, 13601705 },   /* caught up, and an hour ahead */
        { 5, 10001710, 13601710 },
    };

    (void)state;
    mono = 77;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mono += cases[i].passed;
        wall = cases[i].wall;
        assert_int_equal(clock_steady_ms(), cases[i].steady);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steady_time_goes_on_when_the_clock_is_set_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
