//  The dryer alone, message by message: what it starts, gives back and reports, and in which order.
#include "test_dryer_help.h"

static void test_tasks_are_done_and_reported (void **state)
{
    desk_t desk;
    desk_open (&desk, WASHER);
    tasks (&desk, WASHER, 1, 2, "a\nb\n");
    assert_true (work (&desk) && work (&desk) && !work (&desk));
    assert_says (&desk, "DONE ");
    dryer_destroy (&desk.dryer);
}

//  What was done before it was asked is no more held, so its report must come before the answer: else the next washer
//  takes it for undone.
static void test_done_goes_before_holding (void **state)
{
    desk_t desk;
    writer_t out = {0};
    desk_open (&desk, OLD_WASHER);
    tasks (&desk, OLD_WASHER, 1, 1, "a\n");
    assert_true (work (&desk));
    put_u64 (&out, OLD_WASHER);
    put_u8 (&out, true);
    hear (&desk, MSG_WASHER_DOWN, ++desk.sink_seq, &out);
    assert_says (&desk, "DONE HOLDING ");
    dryer_destroy (&desk.dryer);
}

//  A count that the bytes cannot hold is no task of ours, and no failure of 2^62 others.
static void test_a_count_beyond_its_bytes_is_dropped (void **state)
{
    static const uint64_t counts[] = {4, 1 << 20, (uint64_t)1 << 62};
    for (size_t i = 0; i < 3; i++) {
        desk_t desk;
        desk_open (&desk, WASHER);
        tasks (&desk, WASHER, 1, counts[i], "a\n\n");
        assert_false (work (&desk));
        assert_int_equal (dryer_status (desk.dryer).bad, 1);
        assert_says (&desk, "");
        dryer_destroy (&desk.dryer);
    }
}

//  One that they might hold, and do not, is told as failed: it is counted, and seen.
static void test_torn_tasks_are_failures (void **state)
{
    desk_t desk;
    desk_open (&desk, WASHER);
    tasks (&desk, WASHER, 1, 2, "a\nb");
    assert_true (work (&desk)); // the first one is whole
    assert_false (work (&desk));
    assert_says (&desk, "DONE ");
    assert_int_equal (dryer_status (desk.dryer).bad, 1);
    dryer_destroy (&desk.dryer);
}

static void test_recall_of_nothing_is_answered (void **state)
{
    desk_t desk;
    writer_t out = {0};
    desk_open (&desk, WASHER);
    put_u32 (&out, 5);
    lane (&desk, WASHER, MSG_RECALL, &out, "");
    assert_says (&desk, "RETURNED ");
    tasks (&desk, WASHER, 1, 3, "a\nb\nc\n");
    assert_true (work (&desk));
    put_u32 (&out, 1);
    lane (&desk, WASHER, MSG_RECALL, &out, "");
    assert_true (work (&desk));
    assert_false (work (&desk));
    assert_int_equal (dryer_status (desk.dryer).returned, 1);
    dryer_destroy (&desk.dryer);
}

//  Tasks 1 to 4, taken by one slot.
static job_t take_four (desk_t *desk)
{
    job_t job;
    desk_open (desk, WASHER);
    tasks (desk, WASHER, 1, 4, "a\nb\nc\nd\n");
    assert_true (dryer_take (desk->dryer, 4, &job));
    slice_drop (&job.bytes);
    return job;
}

//  Of a run that one slot took some tasks are done and the others go back: then nothing of it runs.
static void test_a_run_is_done_and_returned_in_parts (void **state)
{
    desk_t desk;
    job_t job = take_four (&desk);
    result_t second = {.ticket = job.ticket, .n = 2, .count = 1};
    dryer_done (desk.dryer, &second, desk.now_ms);
    dryer_return_part (desk.dryer, job.ticket, 1, 1);
    assert_int_equal (dryer_status (desk.dryer).running, 1);
    dryer_return_part (desk.dryer, job.ticket, 3, 2);
    assert_int_equal (dryer_status (desk.dryer).running, 0);
    assert_int_equal (dryer_status (desk.dryer).returned, 3);
    dryer_return_part (desk.dryer, job.ticket, 3, 2); // it is known no more
    assert_says (&desk, "DONE RETURNED RETURNED ");
    dryer_destroy (&desk.dryer);
}

//  What is looked at stays, and is what is taken next.
static void test_the_next_task_can_be_looked_at (void **state)
{
    desk_t desk;
    job_t next, job;
    desk_open (&desk, WASHER);
    assert_false (dryer_peek (desk.dryer, &next));
    tasks (&desk, WASHER, 1, 2, "a\nbc\n");
    for (uint64_t n = 1; n <= 2; n++) {
        assert_true (dryer_peek (desk.dryer, &next));
        assert_true (dryer_take (desk.dryer, 1, &job));
        assert_int_equal (next.n, n);
        assert_int_equal (job.n, n);
        assert_ptr_equal (next.bytes.data, job.bytes.data);
        assert_int_equal (next.bytes.size, job.bytes.size);
        assert_int_equal (next.bytes.size, n + 1);
        slice_drop (&job.bytes);
    }
    assert_false (dryer_peek (desk.dryer, &next));
    dryer_destroy (&desk.dryer);
}

//  An ack, with the beat of the sink.
static void acked (desk_t *self, uint64_t seq)
{
    static const uint8_t none;
    message_t message = {.header = {.type = MSG_BEAT, .run = RUN, .to = DRYER}, .records = &none};
    message.header.from = SINK + self->sinks;
    message.header.got = message.header.ack = seq;
    message.header.sent = self->sink_seq;
    dryer_heard (self->dryer, &message, self->now_ms);
}

//  More may be begun when the sink has acked it; less from the moment on when it is said.
static void test_pace (void **state)
{
    desk_t desk;
    desk_open (&desk, WASHER);
    assert_says (&desk, "");
    assert_int_equal (dryer_unsure (desk.dryer), 2);
    dryer_pace (desk.dryer, 100, 16);
    assert_int_equal (dryer_unsure (desk.dryer), 2);
    assert_says (&desk, "SLOTS ");
    assert_int_equal (dryer_unsure (desk.dryer), 2);
    acked (&desk, 1);
    assert_int_equal (dryer_unsure (desk.dryer), 16);
    dryer_pace (desk.dryer, 100, 16);
    assert_says (&desk, "");
    dryer_pace (desk.dryer, 8, 4);
    assert_int_equal (dryer_unsure (desk.dryer), 4);
    dryer_pace (desk.dryer, 8, 64); // before the other was acked
    assert_int_equal (dryer_unsure (desk.dryer), 4);
    assert_says (&desk, "SLOTS SLOTS ");
    acked (&desk, 2);
    assert_int_equal (dryer_unsure (desk.dryer), 4);
    acked (&desk, 3);
    assert_int_equal (dryer_unsure (desk.dryer), 64);
    dryer_leave (desk.dryer, desk.now_ms);
    dryer_pace (desk.dryer, 100, 100);
    assert_int_equal (dryer_unsure (desk.dryer), 64);
    assert_says (&desk, "SLOTS ");
    dryer_destroy (&desk.dryer);
}

//  S26: what is said after HELLO is not in it, so WELCOME is no answer to it; what goes again is known when it is
//  acked.
static void test_pace_while_the_sink_is_new (void **state)
{
    desk_t desk;
    desk_open (&desk, WASHER);
    for (int is_before = 0; is_before < 2; is_before++) {
        uint32_t known = dryer_unsure (desk.dryer);
        if (is_before)
            dryer_pace (desk.dryer, 100, known + 16);
        desk.sinks++;
        desk.sink_seq = 0;
        sink_calls (&desk);
        assert_says (&desk, ""); // but HELLO
        if (!is_before)
            dryer_pace (desk.dryer, 100, known + 16);
        sink_welcomes (&desk);
        assert_int_equal (dryer_unsure (desk.dryer), known);
        assert_says (&desk, "SLOTS ");
        assert_int_equal (dryer_unsure (desk.dryer), known);
        acked (&desk, 1);
        assert_int_equal (dryer_unsure (desk.dryer), known + 16);
    }
    desk.sinks++;
    sink_calls (&desk);
    assert_says (&desk, "");
    sink_welcomes (&desk); // it has heard it in HELLO
    assert_int_equal (dryer_unsure (desk.dryer), 34);
    dryer_destroy (&desk.dryer);
}

//  S49: DONE waits for the next one, for 4 ms at most, while enough waits at the slots and nothing else is to be said;
//  they go in one letter.
static void test_reports_wait_for_the_next_ones (void **state)
{
    static const char lines[] = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
    static const struct {
        uint32_t gather;
        uint64_t tasks;
        unsigned done;
        bool has_else;
        const char *says;
    } rows[] = {{2, 9, 1, false, ""},      {2, 9, 2, false, ""},      {2, 9, 3, false, "DONE "},
                {0, 9, 1, false, "DONE "}, {2, 5, 1, false, "DONE "}, {2, 9, 1, true, "DONE SLOTS "}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        desk_t desk;
        desk_open_with (&desk, WASHER, true, rows[i].gather);
        tasks (&desk, WASHER, 1, rows[i].tasks, lines + sizeof lines - 1 - 2 * rows[i].tasks);
        assert_true (work (&desk));
        assert_says (&desk, "DONE "); // nothing was told for long
        int64_t told_ms = desk.now_ms;
        for (unsigned done = 0; done < rows[i].done; done++) {
            if (done)
                assert_says (&desk, "");
            assert_true (work (&desk));
        }
        if (rows[i].has_else)
            dryer_slots (desk.dryer, 2, desk.now_ms);
        assert_says (&desk, rows[i].says);
        if (!*rows[i].says) {
            assert_int_equal (dryer_due_ms (desk.dryer), told_ms + 4);
            desk.now_ms = told_ms + 2;
            assert_says (&desk, "");
            assert_says (&desk, "DONE ");
        }
        dryer_destroy (&desk.dryer);
    }
}

//  S26: those that may wait so are in doubt as well.
static void test_what_may_wait_is_in_doubt (void **state)
{
    desk_t desk;
    desk_open_with (&desk, WASHER, true, 5);
    dryer_slots (desk.dryer, 3, desk.now_ms);
    dryer_tick (desk.dryer, ++desk.now_ms);
    packet_t packet;
    do {
        assert_true (dryer_packet (desk.dryer, &packet));
        if (packet.header.type == MSG_SLOTS) {
            message_t message = {.records = packet.records.data, .records_size = packet.records.size};
            reader_t in = reader_of (&message);
            assert_int_equal (get_u32 (&in), 3);
            assert_int_equal (get_u32 (&in), 8);
            assert_int_equal (get_u32 (&in), 3 + 5);
        }
        packet_drop (&packet);
    } while (packet.header.type != MSG_SLOTS);
    dryer_destroy (&desk.dryer);
}

static void test_a_leaving_dryer_returns_what_still_comes (void **state)
{
    desk_t desk;
    desk_open (&desk, WASHER);
    tasks (&desk, WASHER, 1, 2, "a\nb\n");
    dryer_leave (desk.dryer, desk.now_ms);
    tasks (&desk, WASHER, 3, 1, "c\n");
    assert_false (work (&desk));
    assert_says (&desk, "SLOTS RETURNED RETURNED ");
    assert_int_equal (dryer_status (desk.dryer).returned, 3);
    assert_int_equal (dryer_state (desk.dryer), DRYER_LEAVING); // until all of it is acked
    dryer_destroy (&desk.dryer);
}

//  It cannot do what is meant for the stdin of a command: all of it goes back, with what comes after.
static void test_blocks_make_who_takes_none_leave (void **state)
{
    for (int takes = 0; takes < 2; takes++) {
        desk_t desk;
        desk_open_for (&desk, WASHER, !takes);
        tasks (&desk, WASHER, 1, 1, "a\n");
        assert_int_equal (dryer_unfit (desk.dryer), UNFIT_NOT);
        tasks_of (&desk, WASHER, &(shape_t){BLOCK_WHOLE, 0, 1, 1}, 2, 1, "b\nc\n");
        tasks_of (&desk, WASHER, &(shape_t){BLOCK_WHOLE, 0, 1, 1}, 3, 1, "d\n");
        assert_int_equal (dryer_unfit (desk.dryer), takes ? UNFIT_NOT : UNFIT_BLOCKS);
        assert_int_equal (dryer_status (desk.dryer).returned, takes ? 0 : 3);
        assert_int_equal (dryer_state (desk.dryer), takes ? DRYER_OPEN : DRYER_LEAVING);
        dryer_destroy (&desk.dryer);
    }
}

//  The HELLO that answers a WHO, as it is said on; empty where there is none.
static slice_t hello_again (desk_t *self)
{
    slice_t records = {0};
    hear (self, MSG_WHO, 0, &(writer_t){0});
    dryer_tick (self->dryer, ++self->now_ms);
    for (packet_t packet; dryer_packet (self->dryer, &packet); packet_drop (&packet))
        if (packet.header.type == MSG_HELLO) {
            slice_drop (&records);
            records = slice_copy (&packet.records);
        }
    return records;
}

//  The largest message that the dryer says now, in bytes, and how many records its DONEs have in all.
static size_t largest_message (desk_t *self, uint64_t *records)
{
    size_t largest = 0;
    dryer_tick (self->dryer, ++self->now_ms);
    for (packet_t packet; dryer_packet (self->dryer, &packet); packet_drop (&packet)) {
        size_t size = packet.records.size + packet.body.size;
        largest = size > largest ? size : largest;
        *records += packet.header.type == MSG_DONE ? packet.header.count : 0;
    }
    return largest;
}

//  A sink takes no larger ones, and cuts the connection.
enum { MESSAGE_MOST = 16 << 20 };

static void test_long_texts_are_cut (void **state)
{
    enum { LONG = 20 << 20 };
    desk_t desk;
    job_t job;
    uint64_t records = 0;
    uint8_t *text = calloc (1, LONG);
    desk_open (&desk, WASHER);
    tasks (&desk, WASHER, 1, 2, "a\nb\n");
    for (int i = 0; i < 2; i++) {
        assert_true (dryer_take (desk.dryer, 1, &job));
        slice_drop (&job.bytes);
        assert_int_equal (dryer_stream (desk.dryer, job.ticket, 1, text, LONG, "x", 1), 1);
        result_t result = {.ticket = job.ticket, .n = job.n, .count = 1};
        result.tag = result.command = result.item = text;
        result.tag_size = result.command_size = result.item_size = LONG;
        dryer_done (desk.dryer, &result, desk.now_ms);
    }
    assert_in_range (largest_message (&desk, &records), RESULT_TEXT_BYTES, MESSAGE_MOST);
    assert_int_equal (records, 2);
    dryer_destroy (&desk.dryer);
    free (text);
}

//  Those that no run can tell: each second one has failed.
static void test_many_records_are_many_messages (void **state)
{
    enum { TASKS = 400000 };
    desk_t desk;
    job_t job;
    uint64_t records = 0;
    char *items = malloc (TASKS * 2 + 1);
    for (size_t i = 0; i < TASKS; i++)
        memcpy (items + i * 2, "x\n", 3);
    desk_open (&desk, WASHER);
    tasks (&desk, WASHER, 1, TASKS, items);
    assert_true (dryer_take (desk.dryer, TASKS, &job));
    assert_int_equal (job.count, TASKS);
    slice_drop (&job.bytes);
    for (uint64_t i = 0; i < TASKS; i++)
        dryer_done (desk.dryer, &(result_t){.ticket = job.ticket, .n = job.n + i, .count = 1, .status = i & 1},
                    desk.now_ms);
    assert_in_range (largest_message (&desk, &records), 1, MESSAGE_MOST);
    assert_int_equal (records, TASKS);
    dryer_destroy (&desk.dryer);
    free (items);
}

//  What its HELLO says that it holds, all of it of the first delivery.
static void assert_holds (desk_t *self, const run_t *runs, uint32_t count)
{
    enum { HELD_BYTES = 32 };
    slice_t hello = hello_again (self);
    reader_t in = {.at = hello.data + hello.size - count * HELD_BYTES - 4, .end = hello.data + hello.size};
    assert_int_equal (get_u32 (&in), count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal (get_u64 (&in), WASHER);
        assert_int_equal (get_u64 (&in), 1);
        run_t run = get_run (&in);
        assert_int_equal (run.n, runs[i].n);
        assert_int_equal (run.count, runs[i].count);
    }
    assert_false (in.bad);
    slice_drop (&hello);
}

//  Records are longer where the sink wants what a task was given (--results): a HELLO that takes them for shorter ones
//  tells nonsense, and a restarted sink hears none of it until the dryer is dead.
static void test_reports_with_items_are_told_to_the_next_sink (void **state)
{
    desk_t desk;
    job_t job;
    desk_open (&desk, WASHER);
    tasks (&desk, WASHER, 1, 3, "a\nb\nc\n");
    while (dryer_take (desk.dryer, 1, &job)) {
        result_t result = {.ticket = job.ticket, .n = job.n, .count = 1, .item = job.bytes.data, .item_size = 1};
        dryer_done (desk.dryer, &result, desk.now_ms);
        slice_drop (&job.bytes);
    }
    assert_says (&desk, "DONE ");
    assert_holds (&desk, (run_t[]){{1, 1}, {2, 1}, {3, 1}}, 3);
    dryer_destroy (&desk.dryer);
}

//  Where the report of it is lost with a sink that has acked it, nobody would do those tasks any more.
static void test_what_went_back_of_a_run_is_held_no_more (void **state)
{
    desk_t desk;
    job_t job = take_four (&desk);
    dryer_return_part (desk.dryer, job.ticket, 3, 2);
    assert_says (&desk, "RETURNED ");
    acked (&desk, 1);
    assert_holds (&desk, (run_t[]){{1, 2}}, 1);
    dryer_destroy (&desk.dryer);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_tasks_are_done_and_reported),
        cmocka_unit_test (test_done_goes_before_holding),
        cmocka_unit_test (test_reports_wait_for_the_next_ones),
        cmocka_unit_test (test_what_may_wait_is_in_doubt),
        cmocka_unit_test (test_a_count_beyond_its_bytes_is_dropped),
        cmocka_unit_test (test_torn_tasks_are_failures),
        cmocka_unit_test (test_recall_of_nothing_is_answered),
        cmocka_unit_test (test_a_run_is_done_and_returned_in_parts),
        cmocka_unit_test (test_the_next_task_can_be_looked_at),
        cmocka_unit_test (test_pace),
        cmocka_unit_test (test_pace_while_the_sink_is_new),
        cmocka_unit_test (test_a_leaving_dryer_returns_what_still_comes),
        cmocka_unit_test (test_blocks_make_who_takes_none_leave),
        cmocka_unit_test (test_long_texts_are_cut),
        cmocka_unit_test (test_many_records_are_many_messages),
        cmocka_unit_test (test_reports_with_items_are_told_to_the_next_sink),
        cmocka_unit_test (test_what_went_back_of_a_run_is_held_no_more),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
