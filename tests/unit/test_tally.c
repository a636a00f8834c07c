//  Each number counts once; complete is just [1, total].
#include "test_core_help.h"

#include "core/tally.h"

enum { NUMBERS = 150 };

static void test_each_number_counts_once (void **state)
{
    tally_t tally = {0};
    bool model[NUMBERS] = {0};
    uint64_t seed = 9, counted[OUTCOMES] = {0}, duplicates = 0, handed = 0;
    for (int step = 0; step < 300; step++) {
        uint64_t n = 1 + below (&seed, NUMBERS - 1), end = n + 1 + below (&seed, 9);
        end = end < NUMBERS ? end : NUMBERS;
        outcome_t outcome = (outcome_t)below (&seed, OUTCOMES);
        for (uint64_t i = n; i < end; i++) {
            duplicates += model[i];
            counted[outcome] += !model[i];
        }
        for (run_t fresh; n < end; n = fresh.n + fresh.count) {
            assert_int_equal (tally_count (&tally, n, end - n, outcome, &fresh), 0);
            if (!fresh.count)
                break;
            assert_true (fresh.n >= n && fresh.n + fresh.count <= end);
            for (uint64_t i = fresh.n; i < fresh.n + fresh.count; i++) {
                assert_false (model[i]);
                model[i] = true;
                handed++;
            }
        }
        assert_int_equal (tally.counted.total, handed);
        assert_int_equal (tally.duplicates, duplicates);
        for (int i = 0; i < OUTCOMES; i++)
            assert_int_equal (tally.by_outcome[i], counted[i]);
    }
    tally_free (&tally);
}

static void test_complete_is_exact (void **state)
{
    tally_t tally = {0};
    run_t fresh;
    assert_false (tally_complete (&tally)); // the total is not known
    tally.eof = true;
    assert_true (tally_complete (&tally)); // nothing was put
    tally.total = 3;
    assert_false (tally_complete (&tally));
    tally_count (&tally, 2, 3, TASK_OK, &fresh); // as many, but 1 is missing
    assert_false (tally_complete (&tally));
    tally_count (&tally, 1, 1, TASK_FAILED, &fresh); // more than there are
    assert_false (tally_complete (&tally));
    tally.total = 4;
    assert_true (tally_complete (&tally));
    tally_free (&tally);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_each_number_counts_once),
        cmocka_unit_test (test_complete_is_exact),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
