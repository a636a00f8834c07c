//  Peers are found by life; an inventory, however torn, tells what it can.
#include "test_core_help.h"

#include "core/roster.h"

enum { LIVES = 60 };

static void test_peers_are_found_by_life (void **state)
{
    roster_t roster = {0};
    peer_t *model[LIVES] = {0};
    uint64_t seed = 12;
    for (int step = 0; step < 5000; step++) {
        uint64_t life = 1 + below (&seed, LIVES - 1);
        if (!model[life]) {
            model[life] = roster_add (&roster, life);
            assert_int_equal (model[life]->gone_ms, -1);
        } else if (below (&seed, 2)) {
            roster_remove (&roster, model[life]);
            model[life] = NULL;
        }
        for (uint64_t i = 1; i < LIVES; i++)
            assert_ptr_equal (roster_find (&roster, i), model[i]);
        for (size_t i = 1; i < roster.size; i++)
            assert_true (roster.peers[i - 1]->life < roster.peers[i]->life);
    }
    roster_free (&roster);
}

static void test_all_that_a_peer_has_goes_with_it (void **state)
{
    roster_t roster = {0};
    peer_t *peer = roster_add (&roster, 5);
    slice_t records = slice_text ("records");
    assert_int_equal (peer_keep (peer, MSG_FAILED, 1, &records), 0);
    assert_null (records.block);
    peer->inventory = slice_text ("inventory");
    records = slice_text ("letter");
    link_push (&peer->link, MSG_COUNTED, 1, &records, NULL);
    roster_remove (&roster, peer); // the leak checker tells
    assert_null (roster_find (&roster, 5));
    roster_free (&roster);
}

static slice_t inventory (uint32_t count)
{
    writer_t out = {0};
    slice_t bytes;
    put_u64 (&out, 9);
    put_u64 (&out, 77);
    put_u32 (&out, count);
    put_u64 (&out, 9); // washer 9 holds 3..5
    put_u64 (&out, 1);
    put_run (&out, 3, 3);
    put_u64 (&out, 8); // washer 8 holds 10
    put_u64 (&out, 2);
    put_run (&out, 10, 1);
    assert_int_equal (writer_take (&out, &bytes), 0);
    return bytes;
}

static void test_an_inventory_tells_what_is_held (void **state)
{
    peer_t peer = {0};
    ranges_t held = {0};
    assert_false (peer_holds_for_others (&peer, 9)); // it has none
    assert_int_equal (peer_held (&peer, &held), 0);
    assert_int_equal (held.total, 0);
    peer.inventory = inventory (2);
    assert_true (peer_holds_for_others (&peer, 9));
    assert_int_equal (peer_held (&peer, &held), 0);
    assert_int_equal (held.total, 4);
    assert_true (ranges_cover (&held, 3, 3) && ranges_has (&held, 10));
    slice_drop (&peer.inventory);
    peer.inventory = inventory (1);
    assert_false (peer_holds_for_others (&peer, 9));
    slice_drop (&peer.inventory);
    ranges_free (&held);
}

static void test_a_torn_inventory_does_no_harm (void **state)
{
    slice_t whole = inventory (UINT32_MAX); // it says more than it has
    for (size_t size = 0; size <= whole.size; size++) {
        peer_t peer = {.inventory = slice_from (whole.data, size)};
        ranges_t held = {0};
        peer_holds_for_others (&peer, 9);
        assert_int_equal (peer_held (&peer, &held), 0);
        assert_true (held.total <= 4);
        ranges_free (&held);
        slice_drop (&peer.inventory);
    }
    slice_drop (&whole);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_peers_are_found_by_life),
        cmocka_unit_test (test_all_that_a_peer_has_goes_with_it),
        cmocka_unit_test (test_an_inventory_tells_what_is_held),
        cmocka_unit_test (test_a_torn_inventory_does_no_harm),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
