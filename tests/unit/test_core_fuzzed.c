//  What the fuzz targets of tests/fuzz have found in the cores, each as a story of its own.
#include "test_core_pipe.h"

#include "core/jobs.h"
#include "core/ledger.h"
#include "core/stock.h"

static const sink_config_t sink_config = {.dead_after_ms = 5000, .output_bytes = 1 << 20, .backlog_bytes = 1 << 20};
static const washer_config_t washer_config = {.shape = {BLOCK_DELIMITED, '\n', 1, 1}, .retries = 1};
static const dryer_config_t dryer_config = {.slots = 2, .prefetch = 2, .grain = 1, .unsure = 2};

//  fuzz/washer: nothing was booked yet, so there is no array to point into.
static void test_in_empty_books_nothing_is_found (void **state)
{
    ledger_t ledger = {0};
    running_set_t running = {0};
    stock_t stock;
    delivery_t *delivery;
    stock_init (&stock, &washer_config.shape);
    assert_int_equal (ledger_find (&ledger, 1, 10, &delivery).count, 0);
    assert_null (delivery);
    assert_null (running_find (&running, 1));
    stock_forget (&stock, 1, 10);
    stock_free (&stock);
}

//  fuzz/sink: a message without records is one of nothing but zeros, and bad.
static void test_no_records_are_at_their_end (void **state)
{
    reader_t in = reader_of (&(message_t){0});
    assert_int_equal (get_u8 (&in), 0);
    assert_true (in.bad);
}

static message_t letter (uint8_t type, uint64_t from, uint64_t to, uint64_t seq, const writer_t *records)
{
    return (message_t){.header = {.type = type, .count = 1, .run = PIPE_RUN, .from = from, .to = to, .seq = seq},
                       .records = records->data,
                       .records_size = records->size};
}

//  fuzz/dryer: a lane of life 0, that is of nobody, was taken, and what was to be given back to nobody never ended.
static void test_a_lane_of_nobody_is_refused (void **state)
{
    pipe_t pipe;
    pipe_dryer_t dryer;
    writer_t records = {0};
    pipe_begin (&pipe, &dryer, 1, &sink_config, &washer_config, &dryer_config);
    pipe_advert (&pipe);
    pipe.washer_found = false; // only the dryer comes
    for (int i = 0; i < 5; i++, pipe.now_ms += 10) {
        dryer_connected (dryer.core, pipe.now_ms);
        pipe_turn (&pipe);
    }
    assert_int_equal (dryer_state (dryer.core), DRYER_OPEN);
    put_u64 (&records, 0);
    put_u32 (&records, 1);
    put_text (&records, "");
    message_t message = letter (MSG_LANE, PIPE_SINK, PIPE_DRYER, 1, &records);
    dryer_heard (dryer.core, &message, pipe.now_ms);
    assert_int_equal (dryer.generation, 0);
    writer_free (&records);
    pipe_end (&pipe);
}

//  fuzz/washer: a washer that is gone wanted a HELLO that it does not say, at once and for ever.
static void test_a_gone_washer_waits_for_its_new_life_alone (void **state)
{
    pipe_t pipe;
    writer_t none = {0};
    pipe_begin (&pipe, NULL, 0, &sink_config, &washer_config, &dryer_config);
    pipe_advert (&pipe);
    message_t gone = letter (MSG_GONE, PIPE_SINK, PIPE_WASHER, 0, &none);
    washer_heard (pipe.washer, &gone, pipe.now_ms);
    assert_int_equal (washer_state (pipe.washer), WASHER_GONE);
    pipe.now_ms += 1000;
    washer_tick (pipe.washer, pipe.now_ms);
    assert_true (washer_due_ms (pipe.washer) > pipe.now_ms);
    washer_reborn (pipe.washer, PIPE_WASHER + 1, pipe.now_ms);
    washer_tick (pipe.washer, pipe.now_ms);
    packet_t packet;
    assert_true (washer_packet (pipe.washer, &packet));
    assert_int_equal (packet.header.type, MSG_HELLO);
    packet_drop (&packet);
    pipe_end (&pipe);
}

//  fuzz/sink: what came after the last word was counted once more.
static void test_a_sink_that_is_over_counts_nothing (void **state)
{
    pipe_t pipe;
    pipe_dryer_t dryer;
    pipe_begin (&pipe, &dryer, 1, &sink_config, &washer_config, &dryer_config);
    pipe_meet (&pipe);
    washer_eof (pipe.washer);
    for (int i = 0; i < 20 && sink_state (pipe.sink) != SINK_OVER; i++, pipe.now_ms += 1000) {
        pipe_turn (&pipe);
        sink_tick (pipe.sink, pipe.now_ms + 6000);
    }
    assert_int_equal (sink_state (pipe.sink), SINK_OVER);
    writer_t records = {0};
    put_u8 (&records, ROLE_DRYER);
    put_text (&records, "late");
    put_text (&records, "");
    for (int i = 0; i < 8; i++)
        put_u32 (&records, 0);
    put_u32 (&records, 0);
    message_t hello = letter (MSG_HELLO, PIPE_DRYER + 9, PIPE_SINK, 0, &records);
    sink_heard (pipe.sink, &hello, pipe.now_ms);
    assert_int_equal (sink_status (pipe.sink).dryers, 0);
    records.size = 0;
    put_u64 (&records, PIPE_WASHER);
    put_run (&records, 1, 1);
    for (int i = 0; i < 12; i++)
        put_u32 (&records, 0);
    for (uint64_t seq = 1; seq < 10; seq++) {
        message_t done = letter (MSG_DONE, PIPE_DRYER + 9, PIPE_SINK, seq, &records);
        sink_heard (pipe.sink, &done, pipe.now_ms);
    }
    sink_tick (pipe.sink, pipe.now_ms);
    assert_int_equal (pipe.completed, 0);
    writer_free (&records);
    pipe_end (&pipe);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_in_empty_books_nothing_is_found),
        cmocka_unit_test (test_no_records_are_at_their_end),
        cmocka_unit_test (test_a_lane_of_nobody_is_refused),
        cmocka_unit_test (test_a_gone_washer_waits_for_its_new_life_alone),
        cmocka_unit_test (test_a_sink_that_is_over_counts_nothing),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
