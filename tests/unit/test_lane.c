//  Lanes stand in the order of lives and stay where they are; a window follows from what the dryer said.
#include "test_core_help.h"

#include "core/lane.h"

enum { LIVES = 60 };

static void test_lanes_are_found_by_life (void **state)
{
    lanes_t lanes = {0};
    lane_t *model[LIVES] = {0};
    uint64_t seed = 7;
    for (int step = 0; step < 5000; step++) {
        uint64_t life = 1 + below (&seed, LIVES - 1);
        if (!model[life]) {
            model[life] = lanes_add (&lanes, life);
            assert_int_equal (model[life]->next, 1);
        } else if (below (&seed, 2)) {
            lanes_remove (&lanes, model[life]);
            model[life] = NULL;
        }
        size_t size = 0;
        uint64_t walked = 0;
        for (uint64_t i = 1; i < LIVES; i++) {
            assert_ptr_equal (lanes_find (&lanes, i), model[i]);
            size += model[i] != NULL;
        }
        for (const lane_t *lane; (lane = lanes_after (&lanes, walked)); size--)
            assert_true (lane->dryer > walked && (walked = lane->dryer));
        assert_int_equal (size, 0);
    }
    assert_null (lanes_after (&lanes, UINT64_MAX));
    lanes_free (&lanes);
}

static void test_windows (void **state)
{
    static const struct {
        uint32_t slots, prefetch, grain;
        uint64_t base, window;
    } windows[] = {
        {1, 0, 1, 1, 1},
        {4, 2, 1, 4, 6},
        {4, 100, 50, 200, 300},
        {0, 100, 50, 0, 0}, // it is leaving
        {UINT32_MAX, UINT32_MAX, UINT32_MAX, (uint64_t)UINT32_MAX * UINT32_MAX, (uint64_t)UINT32_MAX << 32},
    };
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        lane_t lane = {.slots = windows[i].slots, .prefetch = windows[i].prefetch, .grain = windows[i].grain};
        assert_true (lane_base (&lane) == windows[i].base);
        assert_true (lane_window (&lane) == windows[i].window);
    }
}

static void test_what_may_be_sent (void **state)
{
    lane_t lane = {.bound = true, .ready = true, .seq = 3, .next = 3, .shelf.out = 2, .foreign.out = 3};
    assert_true (lane_sendable (&lane));
    assert_int_equal (lane_out (&lane), 5);
    lane.ready = false;
    assert_false (lane_sendable (&lane));
    lane.ready = true;
    lane.bound = false;
    assert_false (lane_sendable (&lane));
    lane.bound = true;
    lane.next = 4;
    assert_false (lane_sendable (&lane));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_lanes_are_found_by_life),
        cmocka_unit_test (test_windows),
        cmocka_unit_test (test_what_may_be_sent),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
