//  The washer alone, message by message.
#include "test_core_help.h"

#include "core/prints.h"
#include "core/tally.h"
#include "core/washer.h"

enum { RUN = 7, SINK = 100, WASHER = 300, DRYER = 400 };

typedef struct {
    washer_t *washer;
    int64_t now_ms;
    uint64_t seq;
    uint64_t presented; // the letters that WELCOME speaks of
    unsigned opened;    // lanes
    unsigned said;      // lines for the user
} desk_t;

static void on_sink_found (void *arg, const char *endpoint)
{
}

static void on_lane_open (void *arg, uint64_t dryer, uint32_t generation, const char *host)
{
    ((desk_t *)arg)->opened++;
}

static void on_lane_close (void *arg, uint64_t dryer, uint32_t generation)
{
}

static void on_log (void *arg, const char *line)
{
    ((desk_t *)arg)->said++;
}

static void hear (desk_t *self, uint8_t type, uint32_t count, writer_t *records)
{
    bool outside = type == MSG_ADVERT || type == MSG_WELCOME;
    message_t message = {.header = {.type = type, .count = count, .run = RUN, .from = SINK, .to = WASHER}};
    message.header.seq = outside ? 0 : ++self->seq;
    message.header.sent = type == MSG_WELCOME ? self->presented : 0;
    message.records = records->data;
    message.records_size = records->size;
    washer_heard (self->washer, &message, self->now_ms);
    writer_free (records);
}

//  The washer, before any sink
static void desk_begin_shaped (desk_t *self, uint32_t dryers, shape_t shape)
{
    *self = (desk_t){.now_ms = 1000};
    washer_config_t config = {.life = WASHER, .shape = shape, .retries = 3, .wait_dryers = dryers};
    washer_ports_t ports = {self, on_sink_found, on_lane_open, on_lane_close, NULL, on_log};
    self->washer = washer_new (&config, &ports, self->now_ms);
}

static void desk_begin_for (desk_t *self, uint32_t dryers)
{
    desk_begin_shaped (self, dryers, (shape_t){BLOCK_DELIMITED, '\n', 1, 1});
}

static void desk_begin (desk_t *self)
{
    desk_begin_for (self, 0);
}

//  A sink that knows the input up to this place (0: nothing of it).
static void meet_sink (desk_t *self, uint64_t order_window, uint64_t input_bytes)
{
    writer_t out = {0};
    put_text (&out, "inproc://in");
    hear (self, MSG_ADVERT, 0, &out);
    put_u32 (&out, 5000); // dead-after
    put_u8 (&out, false); // no journal
    put_u32 (&out, 3);    // crash limit
    put_u64 (&out, order_window);
    put_u8 (&out, false); // halting
    put_u64 (&out, 0);
    put_u64 (&out, input_bytes);
    put_u32 (&out, 0); // nothing is counted
    hear (self, MSG_WELCOME, 0, &out);
    assert_int_equal (washer_state (self->washer), WASHER_OPEN);
}

static void desk_open (desk_t *self, uint64_t order_window)
{
    desk_begin (self);
    meet_sink (self, order_window, 0);
}

static void dryer_up_with (desk_t *self, uint64_t dryer, uint32_t slots, uint32_t prefetch)
{
    writer_t out = {0};
    put_u64 (&out, dryer);
    put_text (&out, "host");
    put_u32 (&out, slots);
    put_u32 (&out, prefetch);
    put_u32 (&out, 1); // grain
    put_u32 (&out, slots);
    put_u64 (&out, 0);
    put_u64 (&out, 0);
    put_u32 (&out, 0); // it holds nothing
    hear (self, MSG_DRYER_UP, 1, &out);
}

static void dryer_up (desk_t *self, uint64_t dryer, uint32_t slots)
{
    dryer_up_with (self, dryer, slots, 2);
}

//  A dryer, and its lane stands.
static void comes (desk_t *self, uint64_t dryer, uint32_t slots)
{
    dryer_up (self, dryer, slots);
    washer_lane_bound (self->washer, dryer, 1, "inproc://lane", self->now_ms);
}

static void put_lines (desk_t *self, uint64_t count)
{
    char lines[200];
    for (uint64_t i = 0; i < count; i++)
        memcpy (lines + 2 * i, "i\n", 2);
    slice_t bytes = slice_from (lines, 2 * count);
    assert_int_equal (washer_put (self->washer, &bytes, count), 0);
}

//  Sends what may be sent to this dryer now; how many tasks.
static uint64_t send (desk_t *self, uint64_t dryer)
{
    uint64_t tasks = 0;
    washer_tick (self->washer, self->now_ms);
    for (packet_t packet; washer_lane_next (self->washer, dryer, &packet); packet_drop (&packet)) {
        message_t message = {.records = packet.records.data, .records_size = packet.records.size};
        reader_t in = reader_of (&message);
        if (packet.header.type == MSG_TASKS)
            tasks += get_run (&in).count;
        washer_lane_sent (self->washer, dryer);
    }
    return tasks;
}

static void returned (desk_t *self, uint64_t dryer, uint64_t seq, uint64_t n, uint64_t count)
{
    writer_t out = {0};
    put_u64 (&out, dryer);
    put_u64 (&out, WASHER);
    put_u64 (&out, 0); // no recall
    put_run (&out, n, count);
    put_u64 (&out, seq);
    hear (self, MSG_RETURNED, 1, &out);
}

//  A run of any size costs no more than what is out.
static void test_a_huge_returned_gives_back_what_is_out (void **state)
{
    desk_t desk;
    desk_open (&desk, 0);
    comes (&desk, DRYER, 4);
    put_lines (&desk, 6);
    assert_int_equal (send (&desk, DRYER), 6);
    assert_int_equal (washer_status (desk.washer).out, 6);
    returned (&desk, DRYER, 99, 1, INT64_MAX - 2); // answers no delivery
    assert_int_equal (washer_status (desk.washer).out, 6);
    returned (&desk, DRYER, 1, 1, INT64_MAX - 2);
    assert_in_range (washer_status (desk.washer).out, 0, 5);
    assert_int_equal (washer_status (desk.washer).recalled, 6 - washer_status (desk.washer).out);
    washer_destroy (&desk.washer);
}

//  A life is a number that fits the books.
static void test_a_dryer_of_no_life_gets_no_lane (void **state)
{
    static const uint64_t lives[] = {0, INT64_MAX, UINT64_MAX};
    desk_t desk;
    desk_open (&desk, 0);
    for (size_t i = 0; i < 3; i++)
        dryer_up (&desk, lives[i], 1);
    assert_int_equal (desk.opened, 0);
    assert_int_equal (washer_status (desk.washer).dryers, 0);
    assert_int_equal (washer_status (desk.washer).bad, 3);
    washer_destroy (&desk.washer);
}

//  S28: with an order window of K, n goes out only while n < low + K; a K without a limit is no limit.
static void test_order_windows (void **state)
{
    static const struct {
        uint64_t window, sent;
    } windows[] = {{0, 6}, {1, 1}, {4, 4}, {100, 6}, {INT64_MAX, 6}, {UINT64_MAX, 6}};
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        desk_t desk;
        desk_open (&desk, windows[i].window);
        dryer_up (&desk, DRYER, 4);
        washer_lane_bound (desk.washer, DRYER, 1, "inproc://lane", desk.now_ms);
        put_lines (&desk, 6);
        assert_int_equal (send (&desk, DRYER), windows[i].sent);
        washer_destroy (&desk.washer);
    }
}

static void counted (desk_t *self, uint64_t n, uint64_t count)
{
    writer_t out = {0};
    put_run (&out, n, count);
    put_u8 (&out, TASK_OK);
    hear (self, MSG_COUNTED, 1, &out);
}

//  S21: what waits behind the slots is filled up when a quarter of it is gone; a free slot waits for nothing.
static void test_what_waits_is_filled_up_by_quarters (void **state)
{
    static const struct {
        uint32_t prefetch;
        uint64_t quarter;
    } rows[] = {{1, 1}, {3, 1}, {4, 1}, {8, 2}, {40, 10}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        desk_t desk;
        uint64_t window = 2 + rows[i].prefetch, quarter = rows[i].quarter;
        desk_open (&desk, 0);
        dryer_up_with (&desk, DRYER, 2, rows[i].prefetch);
        washer_lane_bound (desk.washer, DRYER, 1, "inproc://lane", desk.now_ms);
        put_lines (&desk, 100);
        assert_int_equal (send (&desk, DRYER), window);
        if (quarter > 1) {
            counted (&desk, 1, quarter - 1);
            assert_int_equal (send (&desk, DRYER), 0);
        }
        counted (&desk, quarter, 1);
        assert_int_equal (send (&desk, DRYER), quarter);
        washer_destroy (&desk.washer);
    }
}

//  One message, and so one record of what became of it, has its bound, however many slots there are.
static void test_no_message_has_too_many_tasks (void **state)
{
    enum { LINES = TASKS_MOST + 10 };
    desk_t desk;
    char *lines = malloc (LINES);
    assert_non_null (lines);
    memset (lines, '\n', LINES);
    desk_open (&desk, 0);
    comes (&desk, DRYER, 2 * LINES);
    slice_t bytes = slice_from (lines, LINES);
    assert_int_equal (washer_put (desk.washer, &bytes, LINES), 0);
    washer_tick (desk.washer, desk.now_ms);
    uint64_t all = 0, messages = 0;
    for (packet_t packet; washer_lane_next (desk.washer, DRYER, &packet); packet_drop (&packet), messages++) {
        message_t message = {.records = packet.records.data, .records_size = packet.records.size};
        reader_t in = reader_of (&message);
        uint64_t count = get_run (&in).count;
        assert_in_range (count, 1, TASKS_MOST);
        all += count;
        washer_lane_sent (desk.washer, DRYER);
    }
    assert_int_equal (all, LINES);
    assert_int_equal (messages, 2);
    free (lines);
    washer_destroy (&desk.washer);
}

//  S46: the dryers are presented one by one, and what the second holds is not to be given to the first meanwhile.
static void test_nothing_is_dealt_before_all_are_presented (void **state)
{
    desk_t desk;
    desk_begin (&desk);
    desk.presented = 2;
    meet_sink (&desk, 0, 0);
    put_lines (&desk, 6);
    comes (&desk, DRYER, 4);
    assert_int_equal (send (&desk, DRYER), 0);
    dryer_up (&desk, DRYER + 1, 4);
    assert_int_equal (send (&desk, DRYER), 3); // half of it
    washer_destroy (&desk.washer);
}

//  What ends the presentation may be a letter that by itself gives no reason to deal.
static void test_all_are_presented_with_any_letter (void **state)
{
    desk_t desk;
    desk_begin (&desk);
    desk.presented = 2;
    meet_sink (&desk, 0, 0);
    put_lines (&desk, 6);
    comes (&desk, DRYER, 4);
    assert_int_equal (send (&desk, DRYER), 0);
    hear (&desk, MSG_COUNTED, 0, &(writer_t){0});
    assert_int_equal (send (&desk, DRYER), 6);
    washer_destroy (&desk.washer);
}

static void dryer_down (desk_t *self, uint64_t dryer)
{
    writer_t out = {0};
    put_u64 (&out, dryer);
    put_u8 (&out, 0); // nothing is to blame
    hear (self, MSG_DRYER_DOWN, 1, &out);
}

static void sink_beats (desk_t *self)
{
    writer_t out = {0};
    put_text (&out, "inproc://in");
    hear (self, MSG_ADVERT, 0, &out);
}

static void test_so_many_dryers_are_waited_for_once (void **state)
{
    desk_t desk;
    desk_begin_for (&desk, 2);
    meet_sink (&desk, 0, 0);
    put_lines (&desk, 9);
    comes (&desk, DRYER, 1);
    assert_int_equal (send (&desk, DRYER), 0);
    comes (&desk, DRYER + 1, 1);
    assert_int_equal (send (&desk, DRYER), 3);
    assert_int_equal (send (&desk, DRYER + 1), 3);
    dryer_down (&desk, DRYER + 1);
    comes (&desk, DRYER + 2, 1);
    assert_int_equal (send (&desk, DRYER + 2), 3);
    assert_int_equal (desk.said, 0);
    washer_destroy (&desk.washer);
}

static void test_who_waits_for_several_dryers_says_so (void **state)
{
    desk_t desk;
    desk_begin_for (&desk, 2);
    meet_sink (&desk, 0, 0);
    put_lines (&desk, 9);
    dryer_up (&desk, DRYER, 1);
    for (int64_t end_ms = desk.now_ms + 12000; desk.now_ms < end_ms; desk.now_ms += 500) {
        sink_beats (&desk);
        washer_tick (desk.washer, desk.now_ms);
    }
    assert_int_equal (desk.said, 1); // once
    washer_destroy (&desk.washer);
}

static void test_one_alone_does_not_begin_where_another_has_left_again (void **state)
{
    desk_t desk;
    desk_begin_for (&desk, 2);
    meet_sink (&desk, 0, 0);
    put_lines (&desk, 9);
    dryer_up (&desk, DRYER, 1);
    washer_tick (desk.washer, desk.now_ms);
    dryer_down (&desk, DRYER);
    dryer_up (&desk, DRYER + 1, 1);
    assert_int_equal (send (&desk, DRYER + 1), 0); // two at once are wanted, not one after the other
    washer_destroy (&desk.washer);
}

static void dryer_slots (desk_t *self, uint64_t dryer, uint32_t slots, uint32_t unsure)
{
    writer_t out = {0};
    put_u64 (&out, dryer);
    put_u32 (&out, slots);
    put_u32 (&out, 2); // prefetch
    put_u32 (&out, unsure);
    hear (self, MSG_DRYER_SLOTS, 1, &out);
}

static void dryer_lost (desk_t *self, uint64_t dryer)
{
    writer_t out = {0};
    put_u64 (&out, dryer);
    put_u8 (&out, 1); // something there is to blame
    hear (self, MSG_DRYER_DOWN, 1, &out);
}

static void test_more_slots_take_more_and_fewer_take_less (void **state)
{
    desk_t desk;
    desk_open (&desk, 0);
    comes (&desk, DRYER, 1);
    put_lines (&desk, 12);
    assert_int_equal (send (&desk, DRYER), 3); // 1 and 2 that wait
    dryer_slots (&desk, DRYER, 4, 4);
    assert_int_equal (send (&desk, DRYER), 3);
    dryer_slots (&desk, DRYER, 2, 3);
    returned (&desk, DRYER, 1, 1, 1);
    assert_int_equal (send (&desk, DRYER), 0); // 5 are out, and 4 may be
    dryer_slots (&desk, DRYER, 4, 4);
    assert_int_equal (send (&desk, DRYER), 1);
    washer_destroy (&desk.washer);
}

//  S26: as many are suspected as the dryer has said last.
static void test_suspects_are_as_many_as_slots_say (void **state)
{
    desk_t desk;
    desk_open (&desk, 0);
    comes (&desk, DRYER, 1);
    dryer_slots (&desk, DRYER, 3, 3);
    put_lines (&desk, 5);
    assert_int_equal (send (&desk, DRYER), 5);
    dryer_slots (&desk, DRYER, 1, 3);
    dryer_lost (&desk, DRYER);
    comes (&desk, DRYER + 1, 9);
    comes (&desk, DRYER + 2, 9);
    uint64_t cell = send (&desk, DRYER + 1), others = send (&desk, DRYER + 2);
    assert_int_equal (cell < others ? cell : others, 1); // of three suspects one alone
    assert_int_equal (cell + others, 3);                 // and the two that were only waiting
    washer_destroy (&desk.washer);
}

//  With two numbers counted, of which the washer learns from COUNTED, low is 3.
static void test_the_window_moves_with_what_is_counted (void **state)
{
    desk_t desk;
    writer_t out = {0};
    desk_open (&desk, 2);
    comes (&desk, DRYER, 4);
    put_lines (&desk, 6);
    assert_int_equal (send (&desk, DRYER), 2);
    put_run (&out, 2, 1); // out of order: low is still 1
    put_u8 (&out, 0);
    hear (&desk, MSG_COUNTED, 1, &out);
    assert_int_equal (send (&desk, DRYER), 0);
    put_run (&out, 1, 1);
    put_u8 (&out, 0);
    hear (&desk, MSG_COUNTED, 1, &out);
    assert_int_equal (washer_due_ms (desk.washer), 0); // there is something to deal
    assert_int_equal (send (&desk, DRYER), 2);
    washer_destroy (&desk.washer);
}

//  S48
static void test_its_eof_tells_what_was_before (void **state)
{
    static const before_t befores[] = {{0}, {END_JOINED, 7}, {END_HALTED, 1}};
    for (size_t i = 0; i < sizeof befores / sizeof *befores; i++) {
        desk_t desk;
        desk_open (&desk, 0);
        washer_before (desk.washer, befores[i]);
        washer_eof (desk.washer);
        washer_tick (desk.washer, desk.now_ms);
        bool is_said = false;
        for (packet_t packet; washer_packet (desk.washer, &packet); packet_drop (&packet)) {
            message_t message = {.records = packet.records.data, .records_size = packet.records.size};
            reader_t in = reader_of (&message);
            if (packet.header.type != MSG_EOF)
                continue;
            is_said = true;
            assert_int_equal (get_u64 (&in), 0);
            before_t before = befores[i].end == END_NONE ? (before_t){0} : get_before (&in);
            assert_true (in.at == in.end && !in.bad);
            assert_int_equal (before.end, befores[i].end);
            assert_int_equal (before.status, befores[i].status);
        }
        assert_true (is_said);
        washer_destroy (&desk.washer);
    }
}

//  What it says of its input at its next turn, and whether EOF follows; the places are added to `places`.
static size_t told (desk_t *self, print_t *places, bool *eof)
{
    size_t count = 0;
    washer_tick (self->washer, self->now_ms);
    for (packet_t packet; washer_packet (self->washer, &packet); packet_drop (&packet)) {
        message_t message = {.records = packet.records.data, .records_size = packet.records.size};
        reader_t in = reader_of (&message);
        *eof |= packet.header.type == MSG_EOF;
        for (uint32_t i = 0; packet.header.type == MSG_INPUT && i < packet.header.count; i++) {
            assert_false (*eof); // EOF comes last
            places[count++] = (print_t){get_u64 (&in), get_u64 (&in)};
        }
        assert_false (in.bad);
    }
    return count;
}

static void put_bytes_of (desk_t *self, uint8_t *data, size_t size, size_t lot, bool drops)
{
    for (size_t at = 0; at < size; at += lot) {
        slice_t bytes = slice_from (data + at, lot < size - at ? lot : size - at);
        if (drops && at / lot % 2)
            assert_int_equal (washer_put_dropped (self->washer, &bytes, 1), 0);
        else
            assert_int_equal (washer_put (self->washer, &bytes, 1), 0);
        slice_drop (&bytes);
    }
}

//  S43: the same places and the same hashes however it was cut, and whatever of it was dropped.
static void test_what_is_told_of_the_input_depends_on_its_bytes_alone (void **state)
{
    enum { SIZE = 200000, PLACES = 10 + 64 + 2 + 1 };
    static uint8_t data[SIZE];
    print_t first[PLACES + 1], again[PLACES + 1];
    uint64_t seed = 5;
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (uint8_t)chance (&seed);
    for (size_t lot = 700; lot < SIZE; lot *= 3) {
        desk_t desk;
        bool eof = false;
        desk_open (&desk, 0);
        put_bytes_of (&desk, data, SIZE, lot, lot > 10000);
        washer_eof (desk.washer);
        assert_int_equal (told (&desk, lot == 700 ? first : again, &eof), PLACES);
        assert_true (eof);
        assert_int_equal (first[PLACES - 1].bytes, SIZE);
        if (lot > 700)
            assert_memory_equal (first, again, PLACES * sizeof *first);
        washer_destroy (&desk.washer);
    }
}

//  S43: blocks are told apart by where they end, too.
static void test_the_same_bytes_in_other_blocks_are_another_input (void **state)
{
    static uint8_t data[3000];
    print_t first[16], again[16];
    for (size_t lot = 1000; lot <= 1500; lot += 500) {
        desk_t desk;
        bool eof = false;
        desk_begin_shaped (&desk, 0, (shape_t){BLOCK_WHOLE, 0, 1, 1});
        meet_sink (&desk, 0, 0);
        put_bytes_of (&desk, data, sizeof data, lot, false);
        washer_eof (desk.washer);
        assert_true (told (&desk, lot == 1000 ? first : again, &eof) > 1);
        washer_destroy (&desk.washer);
    }
    assert_int_equal (first[10].bytes, 1024);
    assert_int_equal (again[10].bytes, 1024);
    assert_int_not_equal (first[10].hash, again[10].hash);
}

//  S43: the place that WELCOME names, read before or only after it.
static void test_the_place_that_the_sink_asks_for_is_told (void **state)
{
    static uint8_t data[3000];
    for (int after = 0; after < 2; after++) {
        print_t places[16];
        bool eof = false;
        desk_t desk;
        desk_begin (&desk);
        if (!after)
            put_bytes_of (&desk, data, sizeof data, 100, false);
        meet_sink (&desk, 0, 1550);
        if (after)
            put_bytes_of (&desk, data, sizeof data, 100, false);
        assert_int_equal (told (&desk, places, &eof), 10 + 3);
        assert_int_equal (places[0].bytes, 1550);
        ink_t ink;
        ink_init (&ink, &(shape_t){BLOCK_DELIMITED, '\n', 1, 1});
        ink_take (&ink, data, 1550);
        assert_int_equal (places[0].hash, ink_print (&ink).hash);
        assert_int_equal (places[1].bytes, 1);
        assert_int_equal (places[11].bytes, 1024);
        assert_int_equal (places[12].bytes, 2048);
        washer_destroy (&desk.washer);
    }
}

//  The same where the shape changes on the way: what was read before is hashed again as it was.
static void test_a_place_behind_another_shape_is_told (void **state)
{
    static uint8_t data[3000];
    const shape_t other = {BLOCK_DELIMITED, 0, 1, 1};
    uint64_t hashes[2];
    for (int after = 0; after < 2; after++) {
        print_t places[16];
        bool eof = false;
        desk_t desk;
        desk_begin (&desk);
        if (after)
            meet_sink (&desk, 0, 1550);
        put_bytes_of (&desk, data, 1000, 100, false);
        washer_shape (desk.washer, &other);
        put_bytes_of (&desk, data, 2000, 100, false);
        if (!after)
            meet_sink (&desk, 0, 1550);
        assert_int_equal (told (&desk, places, &eof), 10 + 3);
        assert_int_equal (places[0].bytes, 1550);
        hashes[after] = places[0].hash;
        washer_destroy (&desk.washer);
    }
    assert_int_equal (hashes[0], hashes[1]);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_a_huge_returned_gives_back_what_is_out),
        cmocka_unit_test (test_a_dryer_of_no_life_gets_no_lane),
        cmocka_unit_test (test_order_windows),
        cmocka_unit_test (test_no_message_has_too_many_tasks),
        cmocka_unit_test (test_what_waits_is_filled_up_by_quarters),
        cmocka_unit_test (test_nothing_is_dealt_before_all_are_presented),
        cmocka_unit_test (test_all_are_presented_with_any_letter),
        cmocka_unit_test (test_so_many_dryers_are_waited_for_once),
        cmocka_unit_test (test_who_waits_for_several_dryers_says_so),
        cmocka_unit_test (test_one_alone_does_not_begin_where_another_has_left_again),
        cmocka_unit_test (test_more_slots_take_more_and_fewer_take_less),
        cmocka_unit_test (test_suspects_are_as_many_as_slots_say),
        cmocka_unit_test (test_the_window_moves_with_what_is_counted),
        cmocka_unit_test (test_its_eof_tells_what_was_before),
        cmocka_unit_test (test_what_is_told_of_the_input_depends_on_its_bytes_alone),
        cmocka_unit_test (test_the_same_bytes_in_other_blocks_are_another_input),
        cmocka_unit_test (test_the_place_that_the_sink_asks_for_is_told),
        cmocka_unit_test (test_a_place_behind_another_shape_is_told),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
