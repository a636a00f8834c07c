//  A set of runs says the same as a map of bits, and is kept in the least number of runs.
#include "test_core_help.h"

#include "core/ranges.h"

enum { NUMBERS = 200 };

static run_t first_run (const bool *map, uint64_t n, uint64_t count, bool wanted)
{
    uint64_t end = n + count;
    while (n < end && map[n] != wanted)
        n++;
    run_t run = {n, 0};
    while (n < end && map[n] == wanted)
        n++, run.count++;
    return run;
}

static void check_form (const ranges_t *set, const bool *map)
{
    uint64_t total = 0;
    for (size_t i = 0; i < set->size; i++) {
        assert_true (set->runs[i].count > 0);
        if (i)
            assert_true (set->runs[i].n > set->runs[i - 1].n + set->runs[i - 1].count);
        total += set->runs[i].count;
        for (uint64_t k = 0; k < set->runs[i].count; k++)
            assert_true (map[set->runs[i].n + k]);
    }
    assert_int_equal (total, set->total);
    for (uint64_t n = 1; n < NUMBERS; n++)
        assert_int_equal (ranges_has (set, n), map[n]);
}

static void check_questions (const ranges_t *set, const bool *map, uint64_t n, uint64_t count)
{
    run_t present = ranges_present (set, n, count), model = first_run (map, n, count, true);
    assert_int_equal (present.count, model.count);
    if (model.count)
        assert_int_equal (present.n, model.n);
    run_t missing = ranges_missing (set, n, count);
    model = first_run (map, n, count, false);
    assert_int_equal (missing.count, model.count);
    if (model.count)
        assert_int_equal (missing.n, model.n);
    assert_int_equal (ranges_cover (set, n, count), model.count == 0);
}

static void test_ranges_are_a_map_of_bits (void **state)
{
    uint64_t seed = 5;
    for (int round = 0; round < 50; round++) {
        ranges_t set = {0};
        bool map[NUMBERS] = {0};
        for (int step = 0; step < 400; step++) {
            uint64_t n = 1 + below (&seed, NUMBERS - 1), most = below (&seed, 8) ? 6 : NUMBERS;
            uint64_t count = below (&seed, most < NUMBERS - n ? most : NUMBERS - n + 1);
            bool add = below (&seed, 2);
            assert_int_equal (add ? ranges_add (&set, n, count) : ranges_remove (&set, n, count), 0);
            for (uint64_t i = 0; i < count; i++)
                map[n + i] = add;
            check_form (&set, map);
            check_questions (&set, map, 1 + below (&seed, NUMBERS / 2), below (&seed, NUMBERS / 2));
        }
        ranges_free (&set);
        assert_int_equal (set.total, 0);
    }
}

static void test_in_order_is_one_run (void **state)
{
    ranges_t set = {0};
    for (uint64_t n = 1; n <= 100000; n++)
        assert_int_equal (ranges_add (&set, n, 1), 0);
    assert_int_equal (set.size, 1);
    assert_int_equal (set.total, 100000);
    assert_true (ranges_cover (&set, 1, 100000));
    assert_false (ranges_cover (&set, 1, 100001));
    ranges_free (&set);
}

static void test_the_largest_numbers_fit (void **state)
{
    ranges_t set = {0};
    assert_true (run_valid (1, INT64_MAX - 1));
    assert_int_equal (ranges_add (&set, 1, INT64_MAX - 1), 0);
    assert_true (ranges_has (&set, INT64_MAX - 1));
    assert_false (ranges_has (&set, INT64_MAX));
    assert_int_equal (ranges_remove (&set, 2, INT64_MAX - 3), 0);
    assert_int_equal (set.total, 2);
    assert_int_equal (set.size, 2);
    ranges_free (&set);
}

static void test_the_empty_set (void **state)
{
    ranges_t set = {0};
    assert_true (ranges_cover (&set, 1, 0));
    assert_false (ranges_cover (&set, 1, 1));
    assert_int_equal (ranges_remove (&set, 1, 5), 0);
    assert_int_equal (ranges_present (&set, 1, 5).count, 0);
    assert_int_equal (ranges_missing (&set, 1, 5).count, 5);
    ranges_free (&set);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_ranges_are_a_map_of_bits),
        cmocka_unit_test (test_in_order_is_one_run),
        cmocka_unit_test (test_the_largest_numbers_fit),
        cmocka_unit_test (test_the_empty_set),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
