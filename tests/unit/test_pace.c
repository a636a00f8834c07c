//  How many tasks a thread takes at a time, by how long they took.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/pace.h"

enum { THREADS = 2, SLOTS = 3, PREFETCH = 64, LONGEST = 4096 };
enum { QUICK_NS = 1000, SLOW_NS = 2000000, MIDDLING_NS = 500000, TASK_BYTES = 16 };

static pace_t usual (void)
{
    pace_t pace;
    pace_init (&pace, &(pace_config_t){.threads = THREADS, .slots = SLOTS, .prefetch = PREFETCH});
    return pace;
}

//  A whole stint of the present length.
static void stint (pace_t *pace, int64_t took_ns, uint64_t task_bytes)
{
    pace_note (pace, took_ns, pace->length, pace->length, pace->length * task_bytes);
    pace_lengthen (pace);
}

static void grow (pace_t *pace, uint64_t task_bytes)
{
    for (unsigned i = 0; i < 100; i++)
        stint (pace, QUICK_NS, task_bytes);
}

static void test_it_begins_with_one (void **state)
{
    pace_t pace = usual ();
    assert_int_equal (pace_stint (&pace, SLOTS), 1);
    assert_int_equal (pace_prefetch (&pace), PREFETCH);
    assert_int_equal (pace_unsure (&pace), SLOTS);
    assert_int_equal (pace_room (&pace, 1, THREADS), SLOTS);
}

static void test_it_grows_by_steps_while_stints_are_quick (void **state)
{
    pace_t pace = usual ();
    for (unsigned i = 0; i < 2 * THREADS; i++) {
        assert_int_equal (pace.length, 1);
        stint (&pace, QUICK_NS, TASK_BYTES);
    }
    assert_int_equal (pace.length, 8);
    grow (&pace, TASK_BYTES);
    assert_int_equal (pace.length, LONGEST);
    assert_int_equal (pace_unsure (&pace), THREADS * PACE_STINTS_UNTOLD * LONGEST);
}

static void test_neither_middling_nor_cut_stints_let_it_grow (void **state)
{
    pace_t pace = usual ();
    for (unsigned i = 0; i < 100; i++)
        stint (&pace, MIDDLING_NS, TASK_BYTES);
    assert_int_equal (pace.length, 1);
    grow (&pace, TASK_BYTES);
    pace_shorten (&pace);
    for (unsigned i = 0; i < 100; i++) { // called back after the first task
        pace_note (&pace, QUICK_NS, 1, pace.length, pace.length * TASK_BYTES);
        pace_lengthen (&pace);
    }
    assert_int_equal (pace.length, LONGEST / 8);
}

static void test_a_slow_one_shortens_it (void **state)
{
    pace_t pace = usual ();
    grow (&pace, TASK_BYTES);
    stint (&pace, SLOW_NS, TASK_BYTES);
    assert_int_equal (pace.length, LONGEST / 8);
    for (unsigned i = 0; i < 10; i++)
        stint (&pace, SLOW_NS, TASK_BYTES);
    assert_int_equal (pace.length, 1);
}

static void test_no_more_is_given_out_than_may_be_in_doubt (void **state)
{
    pace_t pace = usual ();
    grow (&pace, TASK_BYTES);
    assert_int_equal (pace_stint (&pace, SLOTS), 1);
    assert_int_equal (pace_stint (&pace, THREADS * PACE_STINTS_UNTOLD * 10), 10);
    assert_int_equal (pace_stint (&pace, pace_unsure (&pace)), LONGEST);
    assert_true (pace_room (&pace, LONGEST, THREADS) > pace_room (&pace, 8, THREADS));
    assert_int_equal (pace_room (&pace, LONGEST, 0), 0);
}

static void test_what_waits_is_bounded_in_bytes (void **state)
{
    enum { WAITING_BYTES = 4 << 20, LARGE_BYTES = 1 << 20 };
    pace_t tiny = usual (), large = usual ();
    grow (&tiny, TASK_BYTES);
    assert_in_range (pace_prefetch (&tiny), PREFETCH + 1, WAITING_BYTES / TASK_BYTES);
    grow (&large, LARGE_BYTES);
    assert_int_equal (pace_prefetch (&large), PREFETCH); // as its user wishes, at least
}

static void test_what_a_user_fixed_stays (void **state)
{
    pace_t pace;
    pace_init (&pace, &(pace_config_t){.threads = THREADS, .slots = SLOTS, .prefetch = PREFETCH, .is_fixed = true});
    grow (&pace, TASK_BYTES);
    assert_int_equal (pace_prefetch (&pace), PREFETCH);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_it_begins_with_one),
        cmocka_unit_test (test_it_grows_by_steps_while_stints_are_quick),
        cmocka_unit_test (test_neither_middling_nor_cut_stints_let_it_grow),
        cmocka_unit_test (test_a_slow_one_shortens_it),
        cmocka_unit_test (test_no_more_is_given_out_than_may_be_in_doubt),
        cmocka_unit_test (test_what_waits_is_bounded_in_bytes),
        cmocka_unit_test (test_what_a_user_fixed_stays),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
