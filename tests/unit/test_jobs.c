//  What waits is taken from the front and given back from the tail; each task comes out once, with its bytes.
#include "test_core_help.h"

#include "core/jobs.h"

enum { NUMBERS = 4000 };

static const shape_t lines = {BLOCK_DELIMITED, '\n', 1, 1};

static held_t run_of (uint64_t washer, uint64_t seq, uint64_t n, uint64_t count)
{
    char text[64 * 24];
    size_t size = 0;
    for (uint64_t i = 0; i < count; i++)
        size += (size_t)sprintf (text + size, "%llu\n", (unsigned long long)(n + i));
    return (held_t){.washer = washer,
                    .seq = seq,
                    .n = n,
                    .count = count,
                    .attempt = 1,
                    .shape = lines,
                    .bytes = slice_from (text, size)};
}

static void check_bytes (const held_t *run)
{
    held_t model = run_of (run->washer, run->seq, run->n, run->count);
    assert_int_equal (run->bytes.size, model.bytes.size);
    assert_memory_equal (run->bytes.data, model.bytes.data, model.bytes.size);
    slice_drop (&model.bytes);
}

static void test_front_and_tail_meet (void **state)
{
    uint64_t seed = 10;
    for (int round = 0; round < 30; round++) {
        held_queue_t held = {0};
        uint64_t order[NUMBERS], first = 0, last = 0, next = 1; // what waits: order[first..last)
        held_t run;
        for (uint64_t seq = 1; seq < 800; seq++) {
            uint64_t count = 1 + below (&seed, 12), max = 1 + below (&seed, 12), expected;
            switch (below (&seed, 3)) {
            case 0:
                if (last + count > NUMBERS)
                    break;
                run = run_of (7, seq, next, count);
                assert_int_equal (held_push (&held, &run), 0);
                for (uint64_t i = 0; i < count; i++)
                    order[last++] = next++;
                next += below (&seed, 2); // runs that touch, and runs that do not
                break;
            case 1:
                expected = first < last;
                assert_int_equal (held_take (&held, max, &run), expected);
                if (!expected)
                    break;
                assert_true (run.count >= 1 && run.count <= max);
                check_bytes (&run);
                for (uint64_t i = 0; i < run.count; i++)
                    assert_int_equal (order[first++], run.n + i);
                slice_drop (&run.bytes);
                break;
            default:
                assert_int_equal (held_give_back (&held, max, &run), first < last);
                if (first == last)
                    break;
                assert_null (run.bytes.block);
                assert_true (run.count >= 1 && run.count <= max);
                for (uint64_t i = run.count; i; i--)
                    assert_int_equal (order[--last], run.n + i - 1);
            }
            assert_int_equal (held.tasks, last - first);
        }
        held_free (&held);
        assert_int_equal (held.tasks, 0);
    }
}

static void test_nothing_waits (void **state)
{
    held_queue_t held = {0};
    held_t run;
    assert_int_equal (held_take (&held, 5, &run), 0);
    assert_false (held_give_back (&held, 5, &run));
    held_drop (&held, UINT64_MAX);
    run = run_of (1, 1, 1, 2);
    held_push (&held, &run);
    assert_int_equal (held_take (&held, 0, &run), 0);
    assert_false (held_give_back (&held, 0, &run));
    held_free (&held);
}

//  A run whose bytes do not hold what it says is taken whole, once, without bytes.
static void test_torn_bytes (void **state)
{
    static const struct {
        const char *bytes;
        uint64_t count, max;
    } torn[] = {{"a\nb", 2, 2}, {"a\nb\n", 3, 3}, {"a\nb\nc\n", 2, 2}, {"", 1, 1}, {"a", 2, 1}, {"a\n", 5, 2}};
    for (size_t i = 0; i < sizeof torn / sizeof *torn; i++) {
        held_queue_t held = {0};
        held_t run = {.washer = 1, .n = 5, .count = torn[i].count, .shape = lines, .bytes = slice_text (torn[i].bytes)};
        assert_int_equal (held_push (&held, &run), 0);
        assert_int_equal (held_take (&held, torn[i].max, &run), -1);
        assert_int_equal (run.n, 5);
        assert_int_equal (run.count, torn[i].count);
        assert_null (run.bytes.block);
        assert_int_equal (held.tasks, 0);
        assert_int_equal (held_take (&held, 1, &run), 0);
        held_free (&held);
    }
}

static void test_lives_up_to_one_are_dropped (void **state)
{
    held_queue_t held = {0};
    held_t run;
    for (uint64_t i = 0; i < 9; i++) {
        run = run_of (1 + i % 3, i + 1, 1 + 10 * i, 10);
        held_push (&held, &run);
    }
    assert_int_equal (held_take (&held, 4, &run), 1);
    slice_drop (&run.bytes);
    held_drop (&held, 2);
    assert_int_equal (held.tasks, 30);
    for (uint64_t i = 2; i < 9; i += 3) {
        assert_int_equal (held_take (&held, 100, &run), 1);
        assert_int_equal (run.washer, 3);
        assert_int_equal (run.n, 1 + 10 * i);
        check_bytes (&run);
        slice_drop (&run.bytes);
    }
    held_free (&held);
}

static void test_running_is_found_by_ticket (void **state)
{
    running_set_t set = {0};
    uint64_t seed = 11, tickets[200], size = 0;
    for (int step = 0; step < 20000; step++) {
        if (size < 200 && below (&seed, 2)) {
            held_t run = {.washer = 1, .seq = 2, .n = (uint64_t)step + 1, .count = 3};
            running_t *job = running_add (&set, &run);
            assert_int_equal (job->n, step + 1);
            assert_int_equal (job->left, 3);
            tickets[size++] = job->ticket;
        } else if (size) {
            uint64_t at = below (&seed, size);
            running_t *job = running_find (&set, tickets[at]);
            assert_non_null (job);
            running_remove (&set, job);
            assert_null (running_find (&set, tickets[at]));
            tickets[at] = tickets[--size];
        }
        assert_int_equal (set.jobs, size);
        assert_true (set.size <= 2 * size);
        for (uint64_t i = 0; i < size; i += 1 + size / 8)
            assert_int_equal (running_find (&set, tickets[i])->ticket, tickets[i]);
    }
    assert_null (running_find (&set, 0));
    assert_null (running_find (&set, UINT64_MAX));
    running_free (&set);
}

//  Each once, in the order of their tickets, whatever was removed in between.
static void test_running_is_gone_through (void **state)
{
    enum { JOBS = 50 };
    running_set_t set = {0};
    const running_t *job = NULL;
    assert_null (running_next (&set, NULL));
    held_t run = {.washer = 1, .seq = 2, .n = 1, .count = 1};
    for (int i = 0; i < JOBS; i++)
        assert_non_null (running_add (&set, &run));
    for (uint64_t ticket = 1; ticket <= JOBS; ticket++)
        if (ticket % 3 == 0)
            running_remove (&set, running_find (&set, ticket));
    for (uint64_t ticket = 1; ticket <= JOBS; ticket++)
        if (ticket % 3) {
            job = running_next (&set, job);
            assert_non_null (job);
            assert_int_equal (job->ticket, ticket);
        }
    assert_null (running_next (&set, job));
    running_free (&set);
}

//  A job that lasts does not keep the places of all that came and went beside it.
static void test_running_beside_one_that_lasts (void **state)
{
    running_set_t set = {0};
    held_t run = {.washer = 1, .seq = 2, .n = 1, .count = 1};
    uint64_t lasts = running_add (&set, &run)->ticket;
    for (int i = 0; i < 10000; i++)
        running_remove (&set, running_add (&set, &run));
    assert_int_equal (running_find (&set, lasts)->ticket, lasts);
    assert_true (set.capacity <= 16);
    running_free (&set);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_front_and_tail_meet),
        cmocka_unit_test (test_nothing_waits),
        cmocka_unit_test (test_torn_bytes),
        cmocka_unit_test (test_lives_up_to_one_are_dropped),
        cmocka_unit_test (test_running_is_found_by_ticket),
        cmocka_unit_test (test_running_is_gone_through),
        cmocka_unit_test (test_running_beside_one_that_lasts),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
