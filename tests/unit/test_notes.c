//  A note is there from the first trouble of a task until it is counted.
#include "test_core_help.h"

#include "core/notes.h"

enum { NUMBERS = 100 };

static void test_notes_are_an_array (void **state)
{
    notes_t notes = {0};
    uint32_t model[NUMBERS] = {0}; // failures; 0: no note
    uint64_t seed = 8;
    for (int step = 0; step < 20000; step++) {
        uint64_t n = 1 + below (&seed, NUMBERS - 1);
        if (below (&seed, 3)) {
            note_t *note = notes_add (&notes, n);
            assert_int_equal (note->n, n);
            assert_int_equal (note->failures, model[n]);
            note->failures = ++model[n];
        } else {
            uint64_t count = below (&seed, below (&seed, 4) ? 4 : NUMBERS);
            notes_remove (&notes, n, count);
            for (uint64_t i = n; i < n + count && i < NUMBERS; i++)
                model[i] = 0;
        }
        uint64_t from = 1 + below (&seed, NUMBERS), next = from;
        while (next < NUMBERS && !model[next])
            next++;
        note_t *note = notes_from (&notes, from);
        assert_int_equal (note ? note->n : NUMBERS, next);
        assert_int_equal (notes_find (&notes, n) != NULL, model[n] > 0);
    }
    notes_free (&notes);
    assert_null (notes_from (&notes, 1));
    notes_remove (&notes, 1, INT64_MAX);
}

int main (void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test (test_notes_are_an_array)};
    return cmocka_run_group_tests (tests, NULL, NULL);
}
