//  An observer alone, and before a sink: it is told how the run stands, waits for its end, and costs it nothing.
#include "test_core_help.h"

#include "core/observer.h"
#include "core/sink.h"

enum { RUN = 7, SINK = 100, LIFE = 500, WAIT_MS = 3000, DEAD_AFTER_MS = 4000 };

typedef struct {
    observer_t *observer;
    sink_t *sink;
    char endpoint[ENDPOINT_BYTES]; // found
    int64_t now_ms;
    size_t welcomes, to_observer; // that the sink has sent
    bool deaf;                    // what the sink says is lost
} pair_t;

static void on_sink_found (void *arg, const char *endpoint)
{
    snprintf (((pair_t *)arg)->endpoint, ENDPOINT_BYTES, "%s", endpoint);
}

static int on_commit (void *arg)
{
    return 0;
}

static void on_ended (void *arg, const ending_t *ending)
{
}

static void pair_open (pair_t *self, uint64_t run)
{
    *self = (pair_t){.now_ms = 1000};
    observer_config_t config = {.life = LIFE, .name = "looker", .wait_ms = WAIT_MS, .run = run};
    observer_ports_t ports = {self, on_sink_found, NULL};
    sink_config_t sink_config = {.run = RUN, .life = SINK, .endpoint = "inproc://in", .dead_after_ms = DEAD_AFTER_MS};
    sink_ports_t sink_ports = {.arg = self, .commit = on_commit, .ended = on_ended};
    self->observer = observer_new (&config, &ports, self->now_ms);
    self->sink = sink_new (&sink_config, &sink_ports, NULL, self->now_ms);
    assert_non_null (self->observer);
    assert_non_null (self->sink);
}

static void pair_close (pair_t *self)
{
    observer_destroy (&self->observer);
    sink_destroy (&self->sink);
    observer_destroy (&self->observer);
}

static void to_observer (pair_t *self, const packet_t *packet)
{
    uint8_t *frame;
    message_t message = message_from (packet, &frame);
    observer_heard (self->observer, &message, self->now_ms);
    free (frame);
}

static void meet (pair_t *self)
{
    packet_t advert = sink_advert (self->sink);
    to_observer (self, &advert);
    packet_drop (&advert);
    observer_connected (self->observer, self->now_ms);
}

//  One turn of both, `ms` later.
static void turn (pair_t *self, int64_t ms)
{
    self->now_ms += ms;
    observer_tick (self->observer, self->now_ms);
    for (packet_t packet; observer_packet (self->observer, &packet); packet_drop (&packet)) {
        uint8_t *frame;
        message_t message = message_from (&packet, &frame);
        sink_heard (self->sink, &message, self->now_ms);
        free (frame);
    }
    sink_tick (self->sink, self->now_ms);
    for (packet_t packet; sink_packet (self->sink, &packet); packet_drop (&packet)) {
        self->welcomes += packet.header.type == MSG_WELCOME;
        self->to_observer++;
        if (!self->deaf)
            to_observer (self, &packet);
    }
}

static void say_hello_as_dryer (pair_t *self, uint64_t life, const char *name)
{
    writer_t out = {0};
    put_u8 (&out, ROLE_DRYER);
    put_text (&out, name);
    put_text (&out, "host");
    const uint32_t numbers[] = {4, 2, 1, 4};
    for (int i = 0; i < 4; i++)
        put_u32 (&out, numbers[i]);
    put_u64 (&out, 0);
    put_u64 (&out, 0);
    put_u32 (&out, 0);
    message_t message = {.header = {.type = MSG_HELLO, .run = RUN, .from = life, .to = SINK},
                         .records = out.data,
                         .records_size = out.size};
    sink_heard (self->sink, &message, self->now_ms);
    writer_free (&out);
}

static void test_it_is_told_how_the_run_stands (void **state)
{
    pair_t pair;
    pair_open (&pair, 0);
    say_hello_as_dryer (&pair, 400, "first");
    say_hello_as_dryer (&pair, 401, "second");
    sink_backlog (pair.sink, 77);
    sink_strangers (pair.sink, 5);
    sink_bad_message (pair.sink);
    assert_null (observer_status (pair.observer));
    meet (&pair);
    assert_string_equal (pair.endpoint, "inproc://in");
    turn (&pair, 1);
    const sink_status_t *status = observer_status (pair.observer);
    assert_non_null (status);
    assert_int_equal (observer_state (pair.observer), OBSERVER_OPEN);
    assert_int_equal (observer_run (pair.observer), RUN);
    assert_int_equal (status->state, SINK_WAITING);
    assert_string_equal (sink_state_name (status->state), "waiting");
    assert_false (status->washer_alive);
    assert_int_equal (status->dryers, 2);
    assert_int_equal (status->slots, 8);
    assert_int_equal (status->observers, 1);
    assert_int_equal (status->backlog, 77);
    assert_int_equal (status->strangers, 5);
    assert_int_equal (status->bad, 1);
    size_t count;
    const dryer_row_t *dryers = observer_dryers (pair.observer, &count);
    assert_int_equal (count, 2);
    assert_string_equal (dryers[1].name, "second");
    assert_string_equal (dryers[1].host, "host");
    assert_int_equal (dryers[1].slots, 4);
    pair_close (&pair);
}

static void test_it_may_leave_once_it_was_told (void **state)
{
    pair_t pair;
    pair_open (&pair, 0);
    meet (&pair);
    turn (&pair, 1);
    observer_leave (pair.observer, pair.now_ms);
    turn (&pair, 1);
    turn (&pair, 1);
    assert_int_equal (observer_state (pair.observer), OBSERVER_OVER);
    assert_int_equal (observer_ending (pair.observer)->end, END_NONE);
    assert_int_equal (sink_status (pair.sink).observers, 0);
    assert_true (observer_due_ms (pair.observer) == INT64_MAX);
    pair_close (&pair);
}

static void test_it_stays_until_the_end_is_told (void **state)
{
    pair_t pair;
    pair_open (&pair, RUN);
    meet (&pair);
    turn (&pair, 1);
    turn (&pair, 500);
    sink_stop (pair.sink, END_INTERRUPTED, 130, pair.now_ms);
    for (int i = 0; i < 3; i++)
        turn (&pair, 1);
    assert_int_equal (observer_ending (pair.observer)->end, END_INTERRUPTED);
    assert_int_equal (observer_ending (pair.observer)->status, 130);
    assert_int_equal (observer_state (pair.observer), OBSERVER_OVER);
    assert_int_equal (sink_state (pair.sink), SINK_OVER); // it waited for the BYE, and for no more
    pair_close (&pair);
}

//  --top: another HELLO of the same life is answered by how the run stands then.
static void test_it_asks_again_and_is_told_what_has_changed (void **state)
{
    pair_t pair;
    size_t count;
    pair_open (&pair, 0);
    observer_ask (pair.observer); // nobody is there to be asked
    meet (&pair);
    turn (&pair, 1);
    assert_int_equal (observer_told (pair.observer), 1);
    say_hello_as_dryer (&pair, 400, "late");
    turn (&pair, 200);
    assert_int_equal (observer_told (pair.observer), 1);
    for (uint64_t told = 2; told < 5; told++) {
        sink_backlog (pair.sink, told);
        observer_ask (pair.observer);
        turn (&pair, 200);
        assert_int_equal (observer_told (pair.observer), told);
        assert_int_equal (observer_status (pair.observer)->backlog, told);
        assert_int_equal (observer_status (pair.observer)->observers, 1);
        observer_dryers (pair.observer, &count);
        assert_int_equal (count, 1);
    }
    assert_int_equal (observer_state (pair.observer), OBSERVER_OPEN);
    sink_stop (pair.sink, END_INTERRUPTED, 130, pair.now_ms);
    observer_ask (pair.observer);
    for (int i = 0; i < 3; i++)
        turn (&pair, 200);
    assert_int_equal (observer_ending (pair.observer)->end, END_INTERRUPTED);
    assert_int_equal (observer_state (pair.observer), OBSERVER_OVER);
    pair_close (&pair);
}

static void test_one_that_comes_while_the_sink_lingers_is_told (void **state)
{
    pair_t pair;
    pair_open (&pair, 0);
    say_hello_as_dryer (&pair, 400, "slow to leave");
    sink_stop (pair.sink, END_INTERRUPTED, 130, pair.now_ms);
    turn (&pair, 1);
    meet (&pair);
    for (int i = 0; i < 3; i++)
        turn (&pair, 1);
    assert_int_equal (observer_ending (pair.observer)->end, END_INTERRUPTED);
    assert_int_equal (observer_state (pair.observer), OBSERVER_OVER);
    pair_close (&pair);
}

//  S38
static void test_another_run_is_not_the_one_that_is_meant (void **state)
{
    pair_t pair;
    pair_open (&pair, RUN + 1);
    meet (&pair);
    assert_int_equal (observer_ending (pair.observer)->end, END_LOST);
    assert_non_null (strstr (observer_reason (pair.observer), "another run"));
    assert_string_equal (pair.endpoint, "");
    pair_close (&pair);
}

static void test_nobody_there_is_an_end (void **state)
{
    pair_t pair;
    pair_open (&pair, 0);
    for (int64_t ms = 0; ms < WAIT_MS; ms += 500)
        turn (&pair, 500);
    assert_int_equal (observer_state (pair.observer), OBSERVER_OVER);
    assert_int_equal (observer_ending (pair.observer)->end, END_LOST);
    assert_true (*observer_reason (pair.observer));
    pair_close (&pair);
}

static void say (pair_t *self, uint64_t life, uint8_t type, uint64_t seq, writer_t *out)
{
    message_t message = {.header = {.type = type, .run = RUN, .from = life, .to = SINK, .seq = seq, .sent = seq},
                         .records = out->data,
                         .records_size = out->size};
    sink_heard (self->sink, &message, self->now_ms);
}

//  S37. HELLO, beats that say what was never sent, letters with gaps: the answers are bounded by the time.
static void test_a_flood_from_an_observer_is_not_answered_by_one (void **state)
{
    pair_t pair;
    pair_open (&pair, 0);
    pair.deaf = true;
    writer_t hello = {0}, none = {0};
    put_u8 (&hello, ROLE_OBSERVER);
    put_text (&hello, "flood");
    put_text (&hello, "");
    for (uint64_t i = 1; i <= 10000; i++) { // in a second
        say (&pair, 600, MSG_HELLO, 0, &hello);
        say (&pair, 600, MSG_BEAT, 0, &none);
        say (&pair, 600, MSG_DONE, 3 * i, &none);
        if (i % 10 == 0)
            turn (&pair, 1);
    }
    assert_in_range (pair.to_observer, 1, 22);
    assert_int_equal (sink_status (pair.sink).observers, 1);
    writer_free (&hello);
    pair_close (&pair);
}

//  S37, when all is over: who is not told twice at once is told again soon.
static void test_a_flood_at_the_end_is_not_answered_by_one (void **state)
{
    pair_t pair;
    pair_open (&pair, 0);
    pair.deaf = true;
    writer_t hello = {0};
    put_u8 (&hello, ROLE_OBSERVER);
    put_text (&hello, "flood");
    put_text (&hello, "");
    sink_stop (pair.sink, END_INTERRUPTED, 130, pair.now_ms);
    for (uint64_t i = 1; i <= 10000; i++) { // in a second
        say (&pair, 600, MSG_HELLO, 0, &hello);
        if (i % 10 == 0)
            turn (&pair, 1);
    }
    assert_in_range (pair.to_observer, 5, 22);
    for (uint64_t life = 1000; life < 4000; life++)
        say (&pair, life, MSG_HELLO, 0, &hello);
    assert_in_range (sink_status (pair.sink).observers, 1, 1000);
    writer_free (&hello);
    pair_close (&pair);
}

//  S37
static void test_there_is_a_most_of_observers (void **state)
{
    pair_t pair;
    pair_open (&pair, 0);
    pair.deaf = true;
    writer_t hello = {0};
    put_u8 (&hello, ROLE_OBSERVER);
    put_text (&hello, "many");
    put_text (&hello, "");
    for (uint64_t life = 1000; life < 4000; life++)
        say (&pair, life, MSG_HELLO, 0, &hello);
    assert_int_equal (sink_status (pair.sink).observers, 1000);
    assert_int_equal (sink_status (pair.sink).refused, 2000);
    turn (&pair, DEAD_AFTER_MS / 4);
    for (int i = 0; i < 5; i++)
        turn (&pair, DEAD_AFTER_MS / 4);
    assert_int_equal (sink_status (pair.sink).observers, 0); // silent ones are forgotten
    writer_free (&hello);
    pair_close (&pair);
}

static void test_a_status_that_lies_is_dropped (void **state)
{
    pair_t pair;
    pair_open (&pair, 0);
    meet (&pair);
    writer_t out = {0};
    sink_status_t status = {.state = SINK_OPEN};
    put_u32 (&out, DEAD_AFTER_MS);
    put_u8 (&out, 0);
    put_status (&out, &status);
    put_u32 (&out, UINT32_MAX); // dryers
    message_t message = {.header = {.type = MSG_WELCOME, .run = RUN, .from = SINK, .to = LIFE},
                         .records = out.data,
                         .records_size = out.size};
    observer_heard (pair.observer, &message, pair.now_ms);
    assert_null (observer_status (pair.observer));
    assert_int_equal (observer_bad (pair.observer), 1);
    assert_false (observer_failed (pair.observer));
    writer_free (&out);
    pair_close (&pair);
}

//  S1: cut anywhere, or with a byte that is another, it is taken or dropped, and nothing else.
static void test_a_status_that_is_damaged_does_no_harm (void **state)
{
    uint64_t seed = 1;
    sink_status_t status = {.state = SINK_OPEN, .washer = "washer", .figures = {.ok = 3}, .dryers = 2};
    dryer_row_t row = {.life = 9, .name = "name", .host = "host", .slots = 4};
    writer_t out = {0};
    put_u32 (&out, DEAD_AFTER_MS);
    put_u8 (&out, 0);
    put_status (&out, &status);
    put_u32 (&out, 2);
    put_dryer_row (&out, &row);
    put_dryer_row (&out, &row);
    for (size_t i = 0; i < 3000; i++) {
        pair_t pair;
        pair_open (&pair, 0);
        meet (&pair);
        uint8_t *bytes = malloc (out.size);
        assert_non_null (bytes);
        size_t size = i < out.size ? i : out.size;
        memcpy (bytes, out.data, size);
        if (i > out.size)
            bytes[below (&seed, out.size)] = (uint8_t)chance (&seed);
        message_t message = {.header = {.type = MSG_WELCOME, .run = RUN, .from = SINK, .to = LIFE},
                             .records = bytes,
                             .records_size = size};
        observer_heard (pair.observer, &message, pair.now_ms);
        assert_int_equal (!observer_status (pair.observer), i < out.size || observer_bad (pair.observer));
        free (bytes);
        pair_close (&pair);
    }
    writer_free (&out);
}

static void test_a_life_that_was_closed_goes_on_as_another (void **state)
{
    pair_t pair;
    pair_open (&pair, 0);
    meet (&pair);
    turn (&pair, 1);
    packet_t gone = {.header = {.type = MSG_GONE, .run = RUN, .from = SINK, .to = LIFE}};
    to_observer (&pair, &gone);
    assert_int_equal (observer_state (pair.observer), OBSERVER_GONE);
    observer_reborn (pair.observer, LIFE + 1, pair.now_ms);
    turn (&pair, 1);
    assert_int_equal (observer_state (pair.observer), OBSERVER_OPEN);
    pair_close (&pair);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_it_is_told_how_the_run_stands),
        cmocka_unit_test (test_it_may_leave_once_it_was_told),
        cmocka_unit_test (test_it_stays_until_the_end_is_told),
        cmocka_unit_test (test_it_asks_again_and_is_told_what_has_changed),
        cmocka_unit_test (test_one_that_comes_while_the_sink_lingers_is_told),
        cmocka_unit_test (test_another_run_is_not_the_one_that_is_meant),
        cmocka_unit_test (test_nobody_there_is_an_end),
        cmocka_unit_test (test_a_flood_from_an_observer_is_not_answered_by_one),
        cmocka_unit_test (test_a_flood_at_the_end_is_not_answered_by_one),
        cmocka_unit_test (test_there_is_a_most_of_observers),
        cmocka_unit_test (test_a_status_that_is_damaged_does_no_harm),
        cmocka_unit_test (test_a_status_that_lies_is_dropped),
        cmocka_unit_test (test_a_life_that_was_closed_goes_on_as_another),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
