//  A session finds its sink, survives another life of it, and every wait of it has an end.
#include "test_core_help.h"

#include "core/session.h"

enum { RUN = 500, SINK = 10, LIFE = 3, WAIT_MS = 60000, SILENCE_MS = 4000 };

static message_t from_sink (uint8_t type)
{
    return (message_t){.header = {.type = type, .run = RUN, .from = SINK, .to = LIFE}};
}

static message_t advert (uint64_t run, uint64_t sink)
{
    return (message_t){.header = {.type = MSG_ADVERT, .run = run, .from = sink}};
}

static heard_t hear_welcome (session_t *self, uint64_t sink, bool durable, int64_t now_ms)
{
    uint8_t records[5] = {SILENCE_MS & 255, SILENCE_MS >> 8, 0, 0, durable};
    message_t welcome = from_sink (MSG_WELCOME);
    welcome.header.from = sink;
    welcome.records = records;
    welcome.records_size = sizeof records;
    return session_heard (self, &welcome, now_ms);
}

//  Up since time 0
static session_t up (bool durable)
{
    session_t self;
    session_init (&self, ROLE_DRYER, LIFE, WAIT_MS, 0);
    assert_int_equal (session_heard (&self, &(message_t){.header = advert (RUN, SINK).header}, 0), HEARD_SINK);
    assert_int_equal (hear_welcome (&self, SINK, durable, 0), HEARD_WELCOME);
    assert_int_equal (self.state, SESSION_UP);
    return self;
}

static size_t drain (outbox_t *box, uint8_t type)
{
    size_t found = 0;
    for (packet_t packet; outbox_pop (box, &packet); packet_drop (&packet))
        found += packet.header.type == type;
    outbox_free (box);
    return found;
}

static void test_hello_is_repeated_ever_more_slowly (void **state)
{
    session_t self;
    session_init (&self, ROLE_DRYER, LIFE, 0, 0);
    assert_false (session_hello_due (&self, 1000000)); // no sink is known
    assert_true (session_due_ms (&self) == INT64_MAX); // --wait 0: for ever
    message_t found = advert (RUN, SINK);
    assert_int_equal (session_heard (&self, &found, 0), HEARD_SINK);
    session_connected (&self, 1);
    int64_t now_ms = 1, gap_ms = 10;
    for (int i = 0; i < 10; i++) {
        assert_int_equal (session_due_ms (&self), now_ms);
        assert_true (session_hello_due (&self, now_ms));
        assert_false (session_hello_due (&self, now_ms + gap_ms - 1));
        now_ms += gap_ms;
        gap_ms = gap_ms * 2 < 500 ? gap_ms * 2 : 500;
    }
    session_free (&self);
}

//  Ticks whenever it is due, and at the end; nothing comes of it before.
static heard_t wait_until (session_t *self, int64_t now_ms, int64_t end_ms)
{
    for (int64_t due_ms; (due_ms = session_due_ms (self)) < end_ms; now_ms = due_ms) {
        assert_true (due_ms > now_ms);
        assert_int_equal (session_tick (self, due_ms), HEARD_NOTHING);
        session_hello_due (self, due_ms);
    }
    return session_tick (self, end_ms);
}

static void test_waits_have_an_end (void **state)
{
    session_t self;
    session_init (&self, ROLE_DRYER, LIFE, WAIT_MS, 0);
    assert_int_equal (wait_until (&self, 0, WAIT_MS), HEARD_LOST); // no sink at all
    assert_int_equal (self.ending.end, END_LOST);
    assert_true (*self.reason);
    assert_int_equal (session_tick (&self, WAIT_MS + 1), HEARD_NOTHING); // once

    session_init (&self, ROLE_DRYER, LIFE, WAIT_MS, 0);
    message_t found = advert (RUN, SINK);
    session_tick (&self, 100);
    session_heard (&self, &found, 100);
    session_hello_due (&self, 110);
    assert_int_equal (wait_until (&self, 110, 100 + WAIT_MS), HEARD_LOST); // one that does not answer
}

//  Where dead-after is short two HELLO lie further apart than two beats: that is no pause, and the wait goes on.
static void test_waits_have_an_end_where_dead_after_is_short (void **state)
{
    session_t self = up (false);
    message_t who = from_sink (MSG_WHO);
    self.silence_ms = 400;
    session_heard (&self, &who, 100);
    assert_int_equal (session_tick (&self, 100), HEARD_NOTHING);
    assert_true (session_hello_due (&self, 100));
    assert_int_equal (wait_until (&self, 100, 100 + WAIT_MS), HEARD_LOST);
    session_free (&self);
}

//  S14: the machine slept. That is no part of the wait for a sink, nor of that for its answer.
static void test_a_sleep_is_no_part_of_a_wait (void **state)
{
    session_t self;
    session_init (&self, ROLE_DRYER, LIFE, WAIT_MS, 0);
    assert_int_equal (wait_until (&self, 0, WAIT_MS - 2000), HEARD_NOTHING);
    assert_int_equal (session_tick (&self, WAIT_MS + 1000000), HEARD_NOTHING);
    assert_true (self.paused_ms > 0);
    message_t found = advert (RUN, SINK);
    session_heard (&self, &found, WAIT_MS + 1000000);
    session_hello_due (&self, WAIT_MS + 1000010);
    assert_int_equal (session_tick (&self, 2 * WAIT_MS + 2000000), HEARD_NOTHING);
    assert_int_equal (session_tick (&self, 2 * WAIT_MS + 2000001), HEARD_NOTHING);
    session_hello_due (&self, 2 * WAIT_MS + 2000001);
    assert_int_equal (self.paused_ms, 0);
    assert_int_equal (self.state, SESSION_HELLO);
    assert_int_equal (wait_until (&self, 2 * WAIT_MS + 2000001, 3 * WAIT_MS + 2000000), HEARD_LOST);
}

//  hole 19: a pause of our own is not the sink's silence
static void test_silence_counts_only_while_awake (void **state)
{
    session_t self = up (false);
    assert_int_equal (session_tick (&self, 1000), HEARD_NOTHING);
    assert_int_equal (session_tick (&self, 100000), HEARD_NOTHING);
    for (int64_t now_ms = 101000; now_ms < 100000 + SILENCE_MS; now_ms += 1000)
        assert_int_equal (session_tick (&self, now_ms), HEARD_NOTHING);
    assert_int_equal (session_tick (&self, 100000 + SILENCE_MS), HEARD_LOST);
    session_free (&self);
}

static void test_a_durable_sink_is_waited_for (void **state)
{
    session_t self = up (true);
    for (int64_t now_ms = 1000; now_ms < WAIT_MS; now_ms += 1000) {
        assert_int_equal (session_tick (&self, now_ms), HEARD_NOTHING);
        assert_int_equal (self.quiet, now_ms >= SILENCE_MS); // it starts nothing more
        assert_true (session_due_ms (&self) > 0);
    }
    message_t beat = from_sink (MSG_BEAT);
    session_heard (&self, &beat, WAIT_MS - 1);
    assert_false (self.quiet);
    session_free (&self);
}

static void test_another_run_is_a_lost_pipeline (void **state)
{
    session_t self = up (true);
    message_t other = advert (RUN + 1, SINK + 1), older = advert (RUN + 1, SINK - 1);
    assert_int_equal (session_heard (&self, &older, 1), HEARD_NOTHING); // read late
    assert_int_equal (session_heard (&self, &other, 1), HEARD_LOST);
    assert_int_equal (self.ending.end, END_LOST);
    session_free (&self);
}

static void test_a_new_life_of_the_sink_gets_what_was_not_acked (void **state)
{
    session_t self = up (true);
    outbox_t box = {0};
    slice_t records = slice_text ("done"), none = {0};
    link_push (&self.link, MSG_DONE, 1, &records, &none);
    session_pump (&self, &box, 1);
    assert_int_equal (drain (&box, MSG_DONE), 1);
    message_t again = advert (RUN, SINK), newer = advert (RUN, SINK + 5);
    assert_int_equal (session_heard (&self, &again, 2), HEARD_NOTHING);
    assert_int_equal (session_heard (&self, &newer, 2), HEARD_SINK);
    assert_int_equal (self.state, SESSION_HELLO);
    message_t stale = from_sink (MSG_BEAT); // of the old life
    assert_int_equal (session_heard (&self, &stale, 3), HEARD_BAD);
    assert_int_equal (hear_welcome (&self, SINK + 5, true, 4), HEARD_WELCOME);
    session_pump (&self, &box, 5);
    assert_int_equal (drain (&box, MSG_DONE), 1);
    session_free (&self);
}

static void test_what_is_not_for_us_is_bad (void **state)
{
    session_t self = up (false);
    message_t message = from_sink (MSG_STOP);
    message.header.to = LIFE + 1;
    assert_int_equal (session_heard (&self, &message, 1), HEARD_BAD);
    message = from_sink (MSG_STOP);
    message.header.run = RUN + 1;
    assert_int_equal (session_heard (&self, &message, 1), HEARD_BAD);
    message = from_sink (MSG_STOP); // without its records
    assert_int_equal (session_heard (&self, &message, 1), HEARD_BAD);
    message = from_sink (MSG_REFUSED); // likewise
    assert_int_equal (session_heard (&self, &message, 1), HEARD_BAD);
    assert_int_equal (self.state, SESSION_UP);
    message = from_sink (MSG_LANE); // a letter outside of the link
    assert_int_equal (session_heard (&self, &message, 1), HEARD_BAD);
    assert_int_equal (self.ending.end, END_NONE);
    session_free (&self);
    session_init (&self, ROLE_DRYER, LIFE, WAIT_MS, 0); // no sink is known: nobody can speak for it
    message = (message_t){.header = {.type = MSG_GONE, .to = LIFE}};
    assert_int_equal (session_heard (&self, &message, 1), HEARD_BAD);
}

static void test_letters_are_heard_once (void **state)
{
    session_t self = up (false);
    message_t letter = from_sink (MSG_LANE);
    letter.header.seq = 1;
    assert_int_equal (session_heard (&self, &letter, 1), HEARD_LETTER);
    assert_int_equal (session_heard (&self, &letter, 1), HEARD_NOTHING);
    letter.header.seq = 3;
    assert_int_equal (session_heard (&self, &letter, 1), HEARD_NOTHING);
    outbox_t box = {0};
    packet_t packet;
    session_pump (&self, &box, 1); // the gap is told at once
    assert_true (outbox_pop (&box, &packet));
    assert_true (packet.header.flags & FLAG_GAP);
    assert_int_equal (packet.header.got, 1);
    outbox_free (&box);
    session_free (&self);
}

static void test_bye_is_said_until_it_is_answered (void **state)
{
    session_t self = up (false);
    outbox_t box = {0};
    session_bye (&self, 1000);
    size_t said = 0;
    for (int64_t now_ms = 1000; now_ms < 1600; now_ms += 10) {
        session_tick (&self, now_ms);
        session_pump (&self, &box, now_ms);
        said += drain (&box, MSG_BYE);
    }
    assert_in_range (said, 4, 10);
    session_t unanswered = self;
    message_t gone = from_sink (MSG_GONE);
    assert_int_equal (session_heard (&self, &gone, 1600), HEARD_NOTHING);
    assert_int_equal (self.state, SESSION_OVER);
    session_hello_due (&unanswered, 1600);
    assert_int_equal (wait_until (&unanswered, 1600, 1000 + SILENCE_MS), HEARD_NOTHING);
    assert_int_equal (unanswered.state, SESSION_OVER);
    session_free (&self);
}

static void test_gone_and_who (void **state)
{
    session_t self = up (false);
    message_t who = from_sink (MSG_WHO), gone = from_sink (MSG_GONE);
    assert_int_equal (session_heard (&self, &who, 5), HEARD_NOTHING);
    assert_true (session_hello_due (&self, 5));
    assert_int_equal (session_heard (&self, &gone, 6), HEARD_GONE);
    session_reborn (&self, LIFE + 100, 7);
    assert_int_equal (self.state, SESSION_HELLO);
    assert_int_equal (session_heard (&self, &gone, 8), HEARD_BAD); // that was the old life
    session_free (&self);
}

static void test_an_ending_comes_back (void **state)
{
    ending_t ending = {.end = END_DEADLINE, .status = 124, .figures = {1, 2, 3, 4, 5, 6, 7, UINT64_MAX}};
    writer_t out = {0};
    put_ending (&out, &ending);
    message_t message = from_sink (MSG_JOINED);
    message.records = out.data;
    message.records_size = out.size;
    session_t self = up (false);
    assert_int_equal (session_heard (&self, &message, 1), HEARD_END);
    assert_int_equal (session_heard (&self, &message, 2), HEARD_NOTHING); // it is repeated
    assert_int_equal (self.ending.end, END_DEADLINE);
    assert_int_equal (self.ending.status, 124);
    assert_memory_equal (&self.ending.figures, &ending.figures, sizeof ending.figures);
    writer_free (&out);
    session_free (&self);
}

//  S50. A text that is too long, torn or holds a NUL is no message.
static void test_an_ending_says_why (void **state)
{
    static const struct {
        const char *why;
        size_t torn; // so many bytes of the message are missing
        end_t end;
        heard_t heard;
    } rows[] = {
        {"cannot write to out", 0, END_LOST, HEARD_END},   {"", 0, END_LOST, HEARD_END},
        {"cannot write to out", 1, END_LOST, HEARD_BAD},   {"cannot write to out", 20, END_LOST, HEARD_BAD},
        {"looked at by nobody", 9, END_JOINED, HEARD_END},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ending_t ending = {.end = rows[i].end, .status = 125};
        snprintf (ending.why, sizeof ending.why, "%s", rows[i].why);
        writer_t out = {0};
        put_ending (&out, &ending);
        message_t message = from_sink (MSG_STOP);
        message.records = out.data;
        message.records_size = out.size - rows[i].torn;
        session_t self = up (false);
        assert_int_equal (session_heard (&self, &message, 1), rows[i].heard);
        bool is_told = rows[i].heard == HEARD_END && rows[i].end == END_LOST;
        assert_string_equal (self.ending.why, is_told ? rows[i].why : "");
        writer_free (&out);
        session_free (&self);
    }
}

static void test_a_long_why_is_malformed (void **state)
{
    for (size_t size = WHY_BYTES - 1; size <= WHY_BYTES; size++) {
        writer_t out = {0};
        put_ending (&out, &(ending_t){.end = END_LOST});
        put_u16 (&out, (uint16_t)size);
        for (size_t i = 0; i < size; i++)
            put_u8 (&out, 'x');
        message_t message = from_sink (MSG_JOINED);
        message.records = out.data;
        message.records_size = out.size;
        session_t self = up (false);
        assert_int_equal (session_heard (&self, &message, 1), size < WHY_BYTES ? HEARD_END : HEARD_BAD);
        writer_free (&out);
        session_free (&self);
    }
}

static void test_beats_go_out_in_time (void **state)
{
    session_t self = up (false);
    outbox_t box = {0};
    size_t beats = 0;
    int64_t last_ms = 0;
    for (int64_t now_ms = 0; now_ms < 20000; now_ms += 100) {
        message_t beat = from_sink (MSG_BEAT);
        session_heard (&self, &beat, now_ms);
        session_tick (&self, now_ms);
        session_pump (&self, &box, now_ms);
        if (!drain (&box, MSG_BEAT))
            continue;
        assert_true (now_ms - last_ms <= 1000);
        last_ms = now_ms;
        beats++;
    }
    assert_in_range (beats, 19, 21);
    session_free (&self);
}

//  Of the beats that go out within this turn: how many, and what the last tells of strangers (0: nothing).
static size_t beats (session_t *self, int64_t now_ms, uint64_t *strangers)
{
    outbox_t box = {0};
    size_t count = 0;
    message_t beat = from_sink (MSG_BEAT);
    beat.header.to = self->life;
    session_heard (self, &beat, now_ms);
    session_tick (self, now_ms);
    session_pump (self, &box, now_ms);
    for (packet_t packet; outbox_pop (&box, &packet); packet_drop (&packet)) {
        message_t said = {.records = packet.records.data, .records_size = packet.records.size};
        reader_t in = reader_of (&said);
        if (packet.header.type != MSG_BEAT)
            continue;
        *strangers = packet.records.size ? get_u64 (&in) : 0;
        assert_true (!in.bad && in.at == in.end);
        count++;
    }
    outbox_free (&box);
    return count;
}

//  S47: soon after each, but of a flood at the pace of beats; though letters go.
static void test_strangers_are_told_of (void **state)
{
    session_t self = up (false);
    uint64_t told = 99;
    assert_int_equal (beats (&self, 1000, &told), 1);
    assert_int_equal (told, 0);
    session_strangers (&self, 1);
    assert_int_equal (session_due_ms (&self), 2000);
    assert_int_equal (beats (&self, 1999, &told), 0);
    size_t flood = 0;
    for (int64_t now_ms = 2000; now_ms < 12000; now_ms += 10) {
        session_strangers (&self, (uint64_t)now_ms);
        link_push (&self.link, MSG_EOF, 1, &(slice_t){0}, NULL);
        flood += beats (&self, now_ms, &told);
    }
    assert_in_range (flood, 10, 11);
    assert_in_range (told, 10000, 11990);
    beats (&self, 13000, &told);
    assert_int_equal (told, 11990);
    session_free (&self);
}

//  S47: where they may be lost, they are told of again; a new life begins at what the old one has told.
static void test_strangers_are_told_of_once_a_life (void **state)
{
    session_t self = up (false);
    uint64_t told = 0;
    session_strangers (&self, 5);
    beats (&self, 1000, &told);
    assert_int_equal (told, 5);
    session_connected (&self, 1100);
    assert_int_equal (beats (&self, 1100, &told), 1);
    assert_int_equal (told, 5);
    session_reborn (&self, LIFE + 1, 1200);
    session_strangers (&self, 7);
    message_t welcome = from_sink (MSG_WELCOME);
    uint8_t records[5] = {SILENCE_MS & 255, SILENCE_MS >> 8};
    welcome.header.to = LIFE + 1;
    welcome.records = records;
    welcome.records_size = sizeof records;
    assert_int_equal (session_heard (&self, &welcome, 1300), HEARD_WELCOME);
    assert_int_equal (beats (&self, 1300, &told), 1);
    assert_int_equal (told, 2);
    session_free (&self);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_hello_is_repeated_ever_more_slowly),
        cmocka_unit_test (test_waits_have_an_end),
        cmocka_unit_test (test_waits_have_an_end_where_dead_after_is_short),
        cmocka_unit_test (test_a_sleep_is_no_part_of_a_wait),
        cmocka_unit_test (test_silence_counts_only_while_awake),
        cmocka_unit_test (test_a_durable_sink_is_waited_for),
        cmocka_unit_test (test_another_run_is_a_lost_pipeline),
        cmocka_unit_test (test_a_new_life_of_the_sink_gets_what_was_not_acked),
        cmocka_unit_test (test_what_is_not_for_us_is_bad),
        cmocka_unit_test (test_letters_are_heard_once),
        cmocka_unit_test (test_bye_is_said_until_it_is_answered),
        cmocka_unit_test (test_gone_and_who),
        cmocka_unit_test (test_an_ending_comes_back),
        cmocka_unit_test (test_an_ending_says_why),
        cmocka_unit_test (test_a_long_why_is_malformed),
        cmocka_unit_test (test_beats_go_out_in_time),
        cmocka_unit_test (test_strangers_are_told_of),
        cmocka_unit_test (test_strangers_are_told_of_once_a_life),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
