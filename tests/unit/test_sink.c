//  The sink alone, message by message: who is told what, and in which order.
#include "test_core_help.h"

#include "core/dryer.h"
#include "core/sink.h"

enum { RUN = 7, SINK = 100, OLD_WASHER = 200, WASHER = 300, DRYER = 400, DEAD_AFTER_MS = 4000 };

typedef struct {
    sink_t *sink;
    sink_config_t config;
    int64_t now_ms;
    unsigned commits, uncommitted; // calls; completions since the last one
    unsigned lines;                // said to the user
    bool commit_fails;
    uint64_t seq[1000];  // by life: what it has said
    uint64_t known;      // tasks that a washer remembered
    uint64_t washer;     // life that was to be durable last
    uint64_t wrong_hash; // of an input that is another
    uint64_t waiting;    // at the dryers, they say
    packet_t heard;      // the last packet that `hear` found
} desk_t;

static const sink_config_t plain = {.output_bytes = 1 << 20, .backlog_bytes = 1 << 20, .wait_ms = 60000};

static void on_piece (void *arg, uint64_t dryer, uint64_t n, int stream, bool streamed, const void *tag,
                      size_t tag_size, const slice_t *bytes)
{
}

static void on_drop (void *arg, uint64_t dryer, uint64_t n)
{
}

static void on_completed (void *arg, const completion_t *completion)
{
    ((desk_t *)arg)->uncommitted++;
}

static void on_eof (void *arg, bool known, uint64_t total, uint64_t washer)
{
}

static void on_ended (void *arg, const ending_t *ending)
{
}

static void on_known (void *arg, const ranges_t *counted, uint64_t failed)
{
    ((desk_t *)arg)->known = counted->total;
}

static void on_washer (void *arg, const char *name, uint64_t life, uint64_t input_hash)
{
    ((desk_t *)arg)->washer = life;
}

static void on_log (void *arg, const char *line)
{
    ((desk_t *)arg)->lines++;
}

static int on_commit (void *arg)
{
    desk_t *self = arg;
    self->commits++;
    if (self->commit_fails)
        return -1;
    self->uncommitted = 0;
    return 0;
}

static void desk_open (desk_t *self, const sink_config_t *config, const sink_restored_t *restored)
{
    *self = (desk_t){.config = *config, .now_ms = 1000};
    self->config.run = RUN;
    self->config.life = SINK;
    self->config.dead_after_ms = DEAD_AFTER_MS;
    sink_ports_t ports = {self, on_piece, on_drop,  on_completed, on_eof, on_ended, on_commit,
                          NULL, on_log,   on_known, on_washer,    NULL,   NULL,     NULL};
    self->sink = sink_new (&self->config, &ports, restored, self->now_ms);
    assert_non_null (self->sink);
}

static int on_input (void *arg, uint64_t bytes, uint64_t hash)
{
    return hash == ((desk_t *)arg)->wrong_hash ? -1 : 0;
}

//  One whose surroundings keep what the input is.
static void desk_open_with_input (desk_t *self, const sink_restored_t *restored)
{
    *self = (desk_t){.config = plain, .now_ms = 1000, .wrong_hash = 99};
    self->config.run = RUN;
    self->config.life = SINK;
    sink_ports_t ports = {.arg = self, .eof = on_eof, .ended = on_ended, .commit = on_commit, .input = on_input};
    self->sink = sink_new (&self->config, &ports, restored, self->now_ms);
    assert_non_null (self->sink);
}

static void desk_close (desk_t *self)
{
    packet_drop (&self->heard);
    sink_destroy (&self->sink);
}

static void say_with (desk_t *self, uint64_t from, uint8_t type, uint32_t count, writer_t *records, const slice_t *body)
{
    bool outside = type == MSG_HELLO || type == MSG_BEAT || type == MSG_BYE;
    message_t message = {.header = {.type = type, .count = count, .run = RUN, .from = from, .to = SINK}};
    message.header.seq = outside ? 0 : ++self->seq[from];
    message.header.credit = self->waiting;
    message.body = body;
    if (records) {
        message.records = records->data;
        message.records_size = records->size;
    }
    sink_heard (self->sink, &message, self->now_ms);
    if (records)
        writer_free (records);
}

static void say (desk_t *self, uint64_t from, uint8_t type, uint32_t count, writer_t *records)
{
    say_with (self, from, type, count, records, NULL);
}

//  The next packet of this type for this life; what comes before it is thrown away.
static bool hear (desk_t *self, uint64_t to, uint8_t type)
{
    for (packet_drop (&self->heard); sink_packet (self->sink, &self->heard); packet_drop (&self->heard))
        if (self->heard.header.to == to && self->heard.header.type == type)
            return true;
    return false;
}

static reader_t heard (const desk_t *self)
{
    message_t message = {.records = self->heard.records.data, .records_size = self->heard.records.size};
    return reader_of (&message);
}

static void tick (desk_t *self, int64_t ms)
{
    self->now_ms += ms;
    sink_tick (self->sink, self->now_ms);
}

//  Ticks whenever it is due, and at the end of this time.
static void pass (desk_t *self, int64_t ms)
{
    int64_t end_ms = self->now_ms + ms;
    for (int64_t due_ms; (due_ms = sink_due_ms (self->sink)) < end_ms;)
        tick (self, due_ms > self->now_ms ? due_ms - self->now_ms : 0);
    tick (self, end_ms - self->now_ms);
}

//  HELLO of a washer with a lane to this dryer (0: none); `counted`: it knows that so many tasks are.
static void hello_washer_again (desk_t *self, uint64_t life, uint64_t dryer, uint64_t counted)
{
    writer_t out = {0};
    put_u8 (&out, ROLE_WASHER);
    put_text (&out, "washer");
    put_text (&out, "");
    put_u64 (&out, 0);
    put_u32 (&out, dryer ? 1 : 0);
    if (dryer)
        put_u64 (&out, dryer);
    put_u32 (&out, counted ? 1 : 0);
    if (counted)
        put_run (&out, 1, counted);
    put_u64 (&out, 0);
    say (self, life, MSG_HELLO, 0, &out);
}

static void hello_washer (desk_t *self, uint64_t life, uint64_t dryer)
{
    hello_washer_again (self, life, dryer, 0);
}

//  HELLO of a dryer that holds task 1 of this washer life (0: nothing)
static void hello_dryer_with (desk_t *self, uint64_t life, uint64_t washer, uint32_t slots, uint32_t prefetch)
{
    writer_t out = {0};
    put_u8 (&out, ROLE_DRYER);
    put_text (&out, "dryer");
    put_text (&out, "host");
    put_u32 (&out, slots);
    put_u32 (&out, prefetch);
    put_u32 (&out, 1);     // grain
    put_u32 (&out, slots); // unsure
    put_u64 (&out, washer);
    put_u64 (&out, 1);
    put_u32 (&out, washer ? 1 : 0);
    if (washer) {
        put_u64 (&out, washer);
        put_u64 (&out, 1);
        put_run (&out, 1, 1);
    }
    say (self, life, MSG_HELLO, 0, &out);
}

static void hello_dryer (desk_t *self, uint64_t life, uint64_t washer)
{
    hello_dryer_with (self, life, washer, 1, 1);
}

static void done_with (desk_t *self, uint64_t dryer, uint64_t n, uint64_t count, uint16_t status)
{
    writer_t out = {0};
    put_u64 (&out, WASHER);
    put_run (&out, n, count);
    put_u64 (&out, 1);
    put_u32 (&out, 1);
    put_u32 (&out, status); // signal, flags
    put_u64 (&out, 0);
    put_u64 (&out, 0);
    put_u64 (&out, 0);
    put_u64 (&out, 0);
    say (self, dryer, MSG_DONE, 1, &out);
}

static void done (desk_t *self, uint64_t dryer, uint64_t n, uint64_t count)
{
    done_with (self, dryer, n, count, 0);
}

static void eof_after (desk_t *self, uint64_t washer, uint64_t total, before_t before)
{
    writer_t out = {0};
    put_u64 (&out, total);
    if (before.end != END_NONE)
        put_before (&out, before);
    say (self, washer, MSG_EOF, 1, &out);
}

static void eof (desk_t *self, uint64_t washer, uint64_t total)
{
    eof_after (self, washer, total, (before_t){0});
}

//  A dryer that is told to drop what it held for an older washer dies before it answers: the washer that knew it from
//  before must hear that, or waits for ever for what was out there.
static void test_a_dryer_lost_before_it_was_presented_is_told_of (void **state)
{
    desk_t desk;
    desk_open (&desk, &plain, NULL);
    hello_washer (&desk, WASHER, DRYER);
    hello_dryer (&desk, DRYER, OLD_WASHER);
    tick (&desk, 1);
    assert_true (hear (&desk, DRYER, MSG_WASHER_DOWN));
    sink_died (desk.sink, DRYER, desk.now_ms);
    tick (&desk, 1);
    assert_true (hear (&desk, WASHER, MSG_DRYER_DOWN));
    reader_t in = heard (&desk);
    assert_int_equal (get_u64 (&in), DRYER);
    desk_close (&desk);
}

//  S1: what others call themselves stands in lines and columns, of a job log too.
static void test_a_name_of_two_lines_is_malformed (void **state)
{
    desk_t desk;
    desk_open (&desk, &plain, NULL);
    writer_t out = {0};
    put_u8 (&out, ROLE_DRYER);
    put_text (&out, "dryer");
    put_text (&out, "host\n2\t:");
    for (int i = 0; i < 4; i++)
        put_u32 (&out, 1);
    put_u64 (&out, 0);
    put_u64 (&out, 0);
    put_u32 (&out, 0);
    say (&desk, DRYER, MSG_HELLO, 0, &out);
    assert_int_equal (sink_status (desk.sink).dryers, 0);
    assert_int_equal (sink_status (desk.sink).bad, 1);
    desk_close (&desk);
}

//  S30: what a washer is told as counted, it forgets: so it is durable, in WELCOME as in COUNTED.
static void test_welcome_tells_only_what_is_durable (void **state)
{
    for (int fails = 0; fails < 2; fails++) {
        desk_t desk;
        desk_open (&desk, &plain, NULL);
        hello_dryer (&desk, DRYER, 0);
        done (&desk, DRYER, 1, 1);
        assert_int_equal (desk.uncommitted, 1);
        desk.commit_fails = fails;
        hello_washer (&desk, WASHER, 0);
        assert_int_equal (hear (&desk, WASHER, MSG_WELCOME), !fails);
        assert_int_equal (desk.uncommitted, fails);
        hello_washer (&desk, WASHER, 0); // again, as it may have been lost
        assert_int_equal (hear (&desk, WASHER, fails ? MSG_JOINED : MSG_WELCOME), true);
        desk_close (&desk);
    }
}

//  What was counted in a row is told as one run, whoever did it; what ended otherwise, or lies elsewhere, as another.
static void test_counted_in_a_row_is_told_as_one_run (void **state)
{
    desk_t desk;
    desk_open (&desk, &plain, NULL);
    hello_washer (&desk, WASHER, 0);
    hello_dryer (&desk, DRYER, 0);
    assert_true (hear (&desk, WASHER, MSG_WELCOME));
    done (&desk, DRYER, 1, 1);
    done (&desk, DRYER, 2, 3);
    done (&desk, DRYER, 9, 1);
    tick (&desk, 1000);
    assert_true (hear (&desk, WASHER, MSG_COUNTED));
    assert_int_equal (desk.heard.header.count, 2);
    reader_t in = heard (&desk);
    assert_int_equal (get_u64 (&in), 1);
    assert_int_equal (get_u64 (&in), 4);
    get_u8 (&in);
    assert_int_equal (get_u64 (&in), 9);
    desk_close (&desk);
}

//  However many there are in a turn, no message is larger than its wire takes.
static void test_very_many_records_go_in_several_messages (void **state)
{
    enum { TASKS = 200001, EACH = 1 << 16 };
    desk_t desk;
    uint64_t records = 0, messages = 0;
    desk_open (&desk, &plain, NULL);
    hello_washer (&desk, WASHER, 0);
    hello_dryer (&desk, DRYER, 0);
    for (uint64_t n = 1; n <= TASKS; n++)
        done_with (&desk, DRYER, n, 1, n % 2);
    tick (&desk, 1);
    for (; hear (&desk, WASHER, MSG_COUNTED); messages++) {
        assert_in_range (desk.heard.header.count, 1, EACH);
        assert_int_equal (desk.heard.records.size, desk.heard.header.count * 17);
        records += desk.heard.header.count;
    }
    assert_int_equal (records, TASKS);
    assert_int_equal (messages, 4);
    desk_close (&desk);
}

//  S49
static void test_counted_is_held_back_while_enough_waits_at_the_slots (void **state)
{
    enum { SLOTS = 2, PREFETCH = 20 };
    static const struct {
        uint64_t waiting, count;
        int64_t ms; // when the washer hears of it
    } rows[] = {{PREFETCH, 1, 19},  {PREFETCH / 2, 1, 19}, {PREFETCH / 2 - 1, 1, 0}, {0, 1, 0},
                {PREFETCH, 15, 19}, {PREFETCH, 16, 0},     {UINT64_MAX, 1, 19}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        desk_t desk;
        desk_open (&desk, &plain, NULL);
        hello_washer (&desk, WASHER, 0);
        hello_dryer_with (&desk, DRYER, 0, SLOTS, PREFETCH);
        done (&desk, DRYER, 1, 1); // it was told of nothing for long
        tick (&desk, 0);
        assert_true (hear (&desk, WASHER, MSG_COUNTED));
        tick (&desk, 1);
        desk.waiting = rows[i].waiting;
        done (&desk, DRYER, 2, rows[i].count);
        tick (&desk, 0);
        assert_int_equal (desk.uncommitted, 0);
        assert_int_equal (hear (&desk, WASHER, MSG_COUNTED), !rows[i].ms);
        if (rows[i].ms) {
            pass (&desk, rows[i].ms - 1);
            assert_false (hear (&desk, WASHER, MSG_COUNTED));
            pass (&desk, 1);
            assert_true (hear (&desk, WASHER, MSG_COUNTED));
        }
        desk_close (&desk);
    }
}

//  S49: what another dryer says that has nothing left to do, or the end of a life, takes along what is held back.
static void test_what_is_held_back_goes_with_the_next_that_is_not (void **state)
{
    for (int dies = 0; dies < 2; dies++) {
        desk_t desk;
        desk_open (&desk, &plain, NULL);
        hello_washer (&desk, WASHER, 0);
        hello_dryer_with (&desk, DRYER, 0, 2, 20);
        hello_dryer_with (&desk, DRYER + 1, 0, 2, 20);
        done (&desk, DRYER, 1, 1);
        tick (&desk, 0);
        assert_true (hear (&desk, WASHER, MSG_COUNTED));
        desk.waiting = 20;
        done (&desk, DRYER, 2, 1);
        tick (&desk, 1);
        assert_false (hear (&desk, WASHER, MSG_COUNTED));
        desk.waiting = 0;
        if (dies)
            sink_died (desk.sink, DRYER + 1, desk.now_ms);
        else
            done (&desk, DRYER + 1, 3, 1);
        tick (&desk, 1);
        assert_true (hear (&desk, WASHER, MSG_COUNTED));
        assert_int_equal (hear (&desk, WASHER, MSG_DRYER_DOWN), dies); // behind it
        desk_close (&desk);
    }
}

//  A dryer says what it holds in a row with what it has reported: else the washer would take what is counted, and held
//  back, for lost, and send it again.
static void test_what_is_counted_is_told_before_what_is_held (void **state)
{
    desk_t desk;
    desk_open (&desk, &plain, NULL);
    hello_washer (&desk, WASHER, DRYER);
    hello_dryer (&desk, DRYER + 1, 0);
    done (&desk, DRYER + 1, 1, 1);
    tick (&desk, 0);
    assert_true (hear (&desk, WASHER, MSG_COUNTED));
    hello_dryer (&desk, DRYER, OLD_WASHER); // it is to drop that first
    desk.waiting = 20;
    done (&desk, DRYER, 2, 1);
    tick (&desk, 1);
    assert_false (hear (&desk, WASHER, MSG_COUNTED));
    writer_t out = {0};
    put_u64 (&out, WASHER - 1);
    put_u8 (&out, true);
    put_u64 (&out, WASHER);
    put_u64 (&out, 2);
    put_u32 (&out, 0); // it holds nothing
    say (&desk, DRYER, MSG_HOLDING, 1, &out);
    tick (&desk, 1);
    assert_true (hear (&desk, WASHER, MSG_COUNTED));
    assert_true (hear (&desk, WASHER, MSG_DRYER_UP));
    desk_close (&desk);
}

//  A sink that died after it had decided, and comes back: those who were not told find it, and it does not wait for
//  ever.
static void test_a_restarted_sink_tells_the_end (void **state)
{
    desk_t desk;
    sink_restored_t restored = {.eof = true, .ending = {.end = END_JOINED}};
    desk_open (&desk, &plain, &restored);
    tick (&desk, 1);
    assert_int_equal (sink_state (desk.sink), SINK_ENDED);
    assert_in_range (sink_due_ms (desk.sink), desk.now_ms + 1, desk.now_ms + DEAD_AFTER_MS);
    tick (&desk, 500);
    hello_dryer (&desk, DRYER, 0);
    assert_true (hear (&desk, DRYER, MSG_STOP));
    say (&desk, DRYER, MSG_BYE, 0, NULL);
    pass (&desk, DEAD_AFTER_MS);
    assert_int_equal (sink_state (desk.sink), SINK_OVER);
    desk_close (&desk);
}

//  A washer that comes while the end of a run is told has tasks of its own: it is not told that they are done.
static void test_a_washer_of_the_next_run_does_not_hear_the_end_of_this_one (void **state)
{
    static const struct {
        bool stay;
        const char *fed_by; // the run that has ended
        uint64_t counted;   // it knows of so many
        bool hears;
    } cases[] = {{false, "washer", 0, true},  {false, "another", 0, false}, {true, "washer", 0, false},
                 {true, "another", 0, false}, {true, "washer", 2, true},    {true, "another", 2, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        desk_t desk;
        sink_config_t config = plain;
        config.stay = cases[i].stay;
        sink_restored_t restored = {.eof = true, .ending = {.end = END_JOINED}};
        strcpy (restored.washer_name, cases[i].fed_by);
        desk_open (&desk, &config, &restored);
        tick (&desk, 1);
        hello_washer_again (&desk, WASHER, 7, cases[i].counted);
        assert_int_equal (hear (&desk, WASHER, MSG_JOINED), cases[i].hears);
        desk_close (&desk);
    }
}

//  Nor is one of the same name where that of this run lives, or has left by itself: it is no next life of it.
static void test_a_washer_of_the_same_name_is_no_next_life_of_one_that_is_well (void **state)
{
    static const struct {
        bool leaves, is_cut, is_silent; // the first one
        bool hears;
    } cases[] = {
        {.hears = false}, {.leaves = true}, {.is_cut = true, .hears = true}, {.is_silent = true, .hears = true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        desk_t desk;
        desk_open (&desk, &plain, NULL);
        hello_washer (&desk, OLD_WASHER, 0);
        eof (&desk, OLD_WASHER, 0);
        tick (&desk, 1);
        assert_int_equal (sink_state (desk.sink), SINK_ENDED);
        if (cases[i].leaves)
            say (&desk, OLD_WASHER, MSG_BYE, 0, NULL);
        if (cases[i].is_cut)
            sink_disconnected (desk.sink, OLD_WASHER, desk.now_ms);
        if (cases[i].is_silent)
            pass (&desk, DEAD_AFTER_MS * 3 / 4);
        hello_washer (&desk, WASHER, 0);
        tick (&desk, 1);
        assert_int_equal (hear (&desk, WASHER, MSG_JOINED), cases[i].hears);
        desk_close (&desk);
    }
}

//  With --stay nothing runs before a washer comes; else the deadline holds for that, too.
static void test_the_deadline_of_a_sink_that_stays_begins_with_the_run (void **state)
{
    for (int stay = 0; stay < 2; stay++) {
        desk_t desk;
        sink_config_t config = plain;
        config.stay = stay;
        config.deadline_ms = 300;
        config.wait_ms = 60000;
        desk_open (&desk, &config, NULL);
        pass (&desk, 1000);
        assert_int_equal (sink_ending (desk.sink)->end, stay ? END_NONE : END_DEADLINE);
        if (stay) {
            hello_washer (&desk, WASHER, 0);
            pass (&desk, 200);
            assert_int_equal (sink_ending (desk.sink)->end, END_NONE);
            pass (&desk, 200);
            assert_int_equal (sink_ending (desk.sink)->end, END_DEADLINE);
        }
        desk_close (&desk);
    }
}

//  Who asks while what was done is still to be printed is told how it ended.
static void test_a_sink_with_other_things_to_do_stays_and_tells_the_end (void **state)
{
    desk_t desk;
    sink_restored_t restored = {.eof = true, .ending = {.end = END_JOINED}};
    desk_open (&desk, &plain, &restored);
    sink_detain (desk.sink, true);
    pass (&desk, 20 * DEAD_AFTER_MS);
    assert_int_equal (sink_state (desk.sink), SINK_ENDED);
    assert_true (sink_due_ms (desk.sink) > desk.now_ms); // it does not spin
    hello_dryer (&desk, DRYER, 0);
    assert_true (hear (&desk, DRYER, MSG_STOP));
    say (&desk, DRYER, MSG_BYE, 0, NULL);
    sink_detain (desk.sink, false);
    tick (&desk, 1);
    assert_int_equal (sink_state (desk.sink), SINK_OVER);
    desk_close (&desk);
}

//  S48: what was before is in the end, also of a sink that knows it from its journal. JOINED only where all have
//  joined.
static void test_the_end_is_that_of_the_pipelines_before_too (void **state)
{
    static const struct {
        before_t before;
        uint32_t status; // of the one task here
        end_t end;
        uint8_t whole;
    } cases[] = {
        {{0}, 1, END_JOINED, 1},
        {{END_JOINED, 0}, 0, END_JOINED, 0},
        {{END_JOINED, 3}, 1, END_JOINED, 4},
        {{END_JOINED, 100}, 1, END_JOINED, 101},
        {{END_JOINED, 101}, 1, END_JOINED, 101},
        {{END_JOINED, 200}, 1, END_JOINED, 200}, // no count: of --halt there
        {{END_HALTED, 3}, 1, END_HALTED, 3},
        {{END_HALTED, 0}, 1, END_HALTED, 1},
        {{END_DEADLINE, 124}, 0, END_DEADLINE, 124},
        {{END_LOST, 125}, 1, END_LOST, 125}, // the washer could not read on
    };
    for (size_t i = 0; i < 2 * (sizeof cases / sizeof *cases); i++) {
        bool is_restored = i % 2;
        size_t row = i / 2;
        desk_t desk;
        sink_restored_t restored = {.eof = true,
                                    .total = 1,
                                    .before = cases[row].before,
                                    .figures = {.ok = !cases[row].status, .failed = cases[row].status}};
        assert_int_equal (ranges_add (&restored.counted, 1, 1), 0);
        desk_open (&desk, &plain, is_restored ? &restored : NULL);
        if (!is_restored) {
            hello_washer (&desk, WASHER, 0);
            hello_dryer (&desk, DRYER, 0);
            done_with (&desk, DRYER, 1, 1, (uint16_t)cases[row].status);
            eof_after (&desk, WASHER, 1, cases[row].before);
        }
        tick (&desk, 1);
        assert_int_equal (sink_ending (desk.sink)->end, cases[row].end);
        assert_int_equal (sink_ending (desk.sink)->status, cases[row].whole);
        desk_close (&desk);
        ranges_free (&restored.counted);
    }
}

//  An end that none can have is a malformed message.
static void test_an_eof_after_no_end_is_none (void **state)
{
    static const end_t ends[] = {END_NONE, END_INTERRUPTED, END_LOST + 1};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        desk_t desk;
        desk_open (&desk, &plain, NULL);
        hello_washer (&desk, WASHER, 0);
        writer_t out = {0};
        put_u64 (&out, 0);
        put_before (&out, (before_t){.end = ends[i]});
        say (&desk, WASHER, MSG_EOF, 1, &out);
        tick (&desk, 1);
        assert_int_equal (sink_ending (desk.sink)->end, END_NONE);
        assert_int_equal (sink_status (desk.sink).bad, 1);
        desk_close (&desk);
    }
}

//  The same where EOF and all that was counted were durable, but not yet the end.
static void test_a_restarted_sink_that_has_all_counted_tells_the_end (void **state)
{
    desk_t desk;
    sink_restored_t restored = {.eof = true};
    desk_open (&desk, &plain, &restored);
    tick (&desk, 1);
    tick (&desk, 500);
    hello_washer (&desk, WASHER, 0);
    assert_true (hear (&desk, WASHER, MSG_JOINED));
    desk_close (&desk);
}

//  What a washer said of the input's end is true as long as it is that washer.
static void test_a_resumed_sink_believes_the_eof_of_a_washer_that_is_still_there (void **state)
{
    static const struct {
        uint64_t eof_life;
        end_t end;
    } cases[] = {{WASHER, END_JOINED}, {WASHER - 1, END_NONE}, {0, END_NONE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        desk_t desk;
        sink_restored_t restored = {
            .is_resumed = true, .total = 2, .eof_life = cases[i].eof_life, .figures = {.ok = 2}};
        assert_int_equal (ranges_add (&restored.counted, 1, 2), 0);
        desk_open (&desk, &plain, &restored);
        tick (&desk, 1);
        assert_int_equal (sink_ending (desk.sink)->end, END_NONE); // nobody has said that it is the same input
        hello_washer (&desk, WASHER, 0);
        tick (&desk, 1);
        assert_int_equal (sink_ending (desk.sink)->end, cases[i].end);
        desk_close (&desk);
        ranges_free (&restored.counted);
    }
}

//  S15: what was for the sink before comes over a connection that its dryer closes when it hears of this one; it may be
//  busy before it says HELLO over the next.
static void test_who_is_expected_may_connect_anew (void **state)
{
    for (int comes = 0; comes < 2; comes++) {
        desk_t desk;
        desk_open (&desk, &plain, &(sink_restored_t){0});
        hello_washer (&desk, WASHER, DRYER);
        tick (&desk, 1);
        sink_disconnected (desk.sink, DRYER, desk.now_ms);
        pass (&desk, DEAD_AFTER_MS - 100);
        say (&desk, WASHER, MSG_BEAT, 0, NULL);
        if (comes)
            hello_dryer (&desk, DRYER, 0);
        pass (&desk, 200);
        assert_int_equal (hear (&desk, WASHER, MSG_DRYER_DOWN), !comes);
        desk_close (&desk);
    }
}

//  S41: --halt is judged by what was counted before, not only by what comes.
static void test_a_restarted_sink_judges_halt_at_once (void **state)
{
    static const struct {
        halt_what_t what;
        uint64_t count;
        uint32_t percent;
        figures_t figures;
        uint8_t failure, status;
        bool halts;
    } cases[] = {
        {HALT_FAIL, 1, 0, {.ok = 5, .failed = 1}, 7, 7, true},
        {HALT_FAIL, 1, 0, {.ok = 5, .failed = 1}, 0, 1, true}, // which status it was is not known
        {HALT_FAIL, 2, 0, {.ok = 5, .failed = 1, .broken = 1}, 0, 2, true},
        {HALT_FAIL, 3, 0, {.ok = 5, .failed = 1}, 0, 0, false},
        {HALT_SUCCESS, 5, 0, {.ok = 5, .failed = 1}, 0, 0, true},
        {HALT_DONE, 6, 0, {.ok = 5, .failed = 1}, 0, 1, true},
        {HALT_FAIL, 0, 50, {.total = 12, .ok = 5, .failed = 6}, 0, 50, true},
        {HALT_FAIL, 0, 50, {.total = 12, .ok = 5, .failed = 5}, 0, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        desk_t desk;
        sink_config_t config = plain;
        config.halt_when = HALT_NOW;
        config.halt_what = cases[i].what;
        config.halt_count = cases[i].count;
        config.halt_percent = cases[i].percent;
        sink_restored_t restored = {.figures = cases[i].figures, .failure = cases[i].failure};
        restored.eof = cases[i].figures.total;
        restored.total = cases[i].figures.total;
        desk_open (&desk, &config, &restored);
        tick (&desk, 1);
        assert_int_equal (sink_ending (desk.sink)->end, cases[i].halts ? END_HALTED : END_NONE);
        assert_int_equal (sink_ending (desk.sink)->status, cases[i].status);
        desk_close (&desk);
    }
}

//  Soon: who holds tasks from before is to start none of them, and a washer that does not come is not waited for in
//  vain.
static void test_a_restarted_sink_that_was_to_halt_lets_nothing_start (void **state)
{
    desk_t desk;
    sink_config_t config = plain;
    config.halt_when = HALT_SOON;
    config.halt_count = 1;
    sink_restored_t restored = {.figures = {.failed = 1}, .failure = 9};
    desk_open (&desk, &config, &restored);
    tick (&desk, 1);
    hello_dryer (&desk, DRYER, 0);
    tick (&desk, 1);
    assert_true (hear (&desk, DRYER, MSG_HALT));
    pass (&desk, config.wait_ms);
    assert_int_equal (sink_ending (desk.sink)->end, END_HALTED);
    assert_int_equal (sink_ending (desk.sink)->status, 9);
    desk_close (&desk);
}

//  The total makes a share of what had only been a number.
static void test_halt_is_judged_when_the_total_is_known (void **state)
{
    desk_t desk;
    sink_config_t config = plain;
    config.halt_when = HALT_NOW;
    config.halt_what = HALT_DONE;
    config.halt_percent = 50;
    desk_open (&desk, &config, NULL);
    hello_dryer (&desk, DRYER, 0);
    hello_washer (&desk, WASHER, DRYER);
    done (&desk, DRYER, 1, 1);
    done (&desk, DRYER, 2, 1);
    tick (&desk, 1);
    assert_int_equal (sink_ending (desk.sink)->end, END_NONE);
    eof (&desk, WASHER, 4);
    tick (&desk, 1);
    assert_int_equal (sink_ending (desk.sink)->end, END_HALTED);
    desk_close (&desk);
}

//  S42: what is told at the end is what is durable.
static void test_a_failed_commit_is_not_in_the_figures (void **state)
{
    desk_t desk;
    desk_open (&desk, &plain, NULL);
    hello_dryer (&desk, DRYER, 0);
    hello_washer (&desk, WASHER, DRYER);
    done (&desk, DRYER, 1, 1);
    tick (&desk, 1);
    desk.commit_fails = true;
    done (&desk, DRYER, 2, 1);
    tick (&desk, 1);
    assert_int_equal (sink_ending (desk.sink)->end, END_LOST);
    assert_int_equal (sink_ending (desk.sink)->figures.ok, 1);
    assert_int_equal (sink_status (desk.sink).figures.ok, 1);
    desk_close (&desk);

    desk_open (&desk, &plain, NULL); // the same where it is the end itself that cannot be made durable
    hello_dryer (&desk, DRYER, 0);
    hello_washer (&desk, WASHER, DRYER);
    done (&desk, DRYER, 1, 1);
    tick (&desk, 1);
    desk.commit_fails = true;
    eof (&desk, WASHER, 1);
    tick (&desk, 1);
    assert_int_equal (sink_ending (desk.sink)->end, END_LOST);
    assert_int_equal (sink_ending (desk.sink)->status, 125);
    assert_int_equal (sink_ending (desk.sink)->figures.ok, 1);
    desk_close (&desk);
}

//  S50: who hears of the end hears why, the first reason there was, and late comers too. A long one keeps both its
//  ends.
static void test_the_end_says_why (void **state)
{
    static const char *const rows[][3] = {
        {"cannot write to out: No space left on device", "too late", "cannot write to out: No space left on device"},
        {NULL, NULL, "what was done cannot be made durable"},
    };
    char path[600] = "", why[WHY_BYTES];
    desk_t desk;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        desk_open (&desk, &plain, NULL);
        hello_dryer (&desk, DRYER, 0);
        hello_washer (&desk, WASHER, DRYER);
        done (&desk, DRYER, 1, 1);
        for (int j = 0; j < 2 && rows[i][j]; j++)
            sink_explain (desk.sink, "%s", rows[i][j]);
        desk.commit_fails = true;
        tick (&desk, 1);
        hello_washer (&desk, WASHER + 1, 0);
        for (uint64_t life = WASHER; life <= WASHER + 1; life++) {
            assert_true (hear (&desk, life, MSG_JOINED));
            reader_t in = heard (&desk);
            assert_string_equal (get_ending (&in).why, rows[i][2]);
            assert_true (in.at == in.end && !in.bad);
        }
        desk_close (&desk);
    }
    memset (path, 'x', sizeof path - 1);
    desk_open (&desk, &plain, NULL);
    sink_explain (desk.sink, "cannot write to %s: No space left on device", path);
    snprintf (why, sizeof why, "%s", sink_reason (desk.sink));
    assert_int_equal (strlen (why), WHY_BYTES - 1);
    assert_memory_equal (why, "cannot write to x", 17);
    assert_non_null (strstr (why, "x...x"));
    assert_string_equal (why + strlen (why) - 26, "x: No space left on device");
    sink_stop (desk.sink, END_INTERRUPTED, 130, desk.now_ms); // no loss: its own word is enough
    assert_string_equal (sink_ending (desk.sink)->why, "");
    desk_close (&desk);
}

static void put_done (writer_t *out, uint64_t n, uint64_t count, uint64_t start_us, uint64_t runtime_us)
{
    put_u64 (out, WASHER);
    put_run (out, n, count);
    put_u64 (out, 1); // lane sequence
    put_u32 (out, 1);
    put_u32 (out, 0); // status, signal, flags
    put_u64 (out, start_us);
    put_u64 (out, runtime_us);
    for (int i = 0; i < 4; i++)
        put_u32 (out, 0);
}

//  What no dryer can have done is dropped; it is counted each time, and told once a dryer.
static void test_lies_about_tasks_are_dropped (void **state)
{
    static const struct {
        uint64_t n, count, start_us, runtime_us;
    } lies[] = {{1, (1 << 20) + 1, 0, 0},
                {1, INT64_MAX - 1, 0, 0},
                {1, 1, UINT64_MAX, 0},
                {1, 1, INT64_MAX, 0},
                {1, 1, 0, UINT64_MAX},
                {0, 1, 0, 0},
                {1, UINT64_MAX, 0, 0},
                {UINT64_MAX, 2, 0, 0},
                {INT64_MAX, 1, 0, 0},
                {1, 0, 0, 0},
                {11, 1, 0, 0},
                {5, 1 << 20, 0, 0}};
    const size_t count = sizeof lies / sizeof *lies;
    desk_t desk;
    desk_open (&desk, &plain, NULL);
    hello_dryer (&desk, DRYER, 0);
    hello_dryer (&desk, DRYER + 1, 0);
    hello_washer (&desk, WASHER, DRYER);
    eof (&desk, WASHER, 10);
    for (size_t i = 0; i < 2 * count; i++) {
        writer_t out = {0};
        put_done (&out, lies[i / 2].n, lies[i / 2].count, lies[i / 2].start_us, lies[i / 2].runtime_us);
        say (&desk, DRYER + i % 2, MSG_DONE, 1, &out);
    }
    tick (&desk, 1);
    assert_int_equal (sink_status (desk.sink).bad, 2 * count);
    assert_int_equal (sink_status (desk.sink).figures.ok, 0);
    assert_int_equal (desk.lines, 2);
    done (&desk, DRYER, 1, 10);
    tick (&desk, 1);
    assert_int_equal (sink_ending (desk.sink)->end, END_JOINED);
    assert_int_equal (sink_ending (desk.sink)->figures.ok, 10);
    desk_close (&desk);
}

//  Output in part of more tasks than anybody works at. Reports of more than anybody holds, while there is no washer.
static void test_what_a_dryer_says_is_bounded (void **state)
{
    desk_t desk;
    block_t *block = block_new (1);
    slice_t body = {block, block_data (block), 1};
    *(uint8_t *)block_data (block) = 'x';
    desk_open (&desk, &plain, NULL);
    hello_dryer (&desk, DRYER, 0);
    hello_dryer (&desk, DRYER + 1, 0);
    for (uint64_t n = 1; n <= 70000; n++) {
        writer_t out = {0};
        put_u64 (&out, WASHER);
        put_u64 (&out, n);
        put_u64 (&out, 1);
        put_u16 (&out, 1);
        say_with (&desk, DRYER, MSG_OUT, 1, &out, &body);
    }
    assert_int_equal (sink_status (desk.sink).bad, 70000 - 65536);
    done (&desk, DRYER, 1, 65536); // that made room
    writer_t more = {0};
    put_u64 (&more, WASHER);
    put_u64 (&more, 70001);
    put_u64 (&more, 1);
    put_u16 (&more, 1);
    say_with (&desk, DRYER, MSG_OUT, 1, &more, &body);
    assert_int_equal (sink_status (desk.sink).bad, 70000 - 65536);
    tick (&desk, 1);
    assert_int_equal (sink_status (desk.sink).dryers, 2);
    for (uint64_t i = 0; i <= 1 << 20; i++) {
        writer_t out = {0};
        put_u64 (&out, WASHER);
        put_u64 (&out, 0);
        say (&desk, DRYER, MSG_RETURNED, 0, &out);
    }
    tick (&desk, 1);
    assert_int_equal (sink_status (desk.sink).dryers, 1);
    assert_int_equal (sink_status (desk.sink).figures.lost, 1);
    assert_false (sink_failed (desk.sink));
    slice_drop (&body);
    desk_close (&desk);
}

//  As many as that are no pipeline. Those that come and go leave little behind, and the last ones are known.
static void test_dryers_without_end (void **state)
{
    enum { MOST = 1 << 14, MANY = 1 << 17 };
    desk_t desk;
    desk_open (&desk, &plain, NULL);
    for (uint64_t life = 1; life <= MOST; life++)
        hello_dryer (&desk, 1000 + life, 0);
    hello_dryer (&desk, 1000 + MOST + 1, 0);
    assert_true (hear (&desk, 1000 + MOST + 1, MSG_REFUSED));
    assert_int_equal (sink_status (desk.sink).dryers, MOST);
    for (uint64_t life = MOST; life; life--)
        say (&desk, 1000 + life, MSG_BYE, 1, NULL);
    for (uint64_t life = 1; life <= MANY; life++) {
        hello_dryer (&desk, 2 * MANY + 2 * life, 0);
        say (&desk, 2 * MANY + 2 * life, MSG_BYE, 1, NULL);
        hear (&desk, 1, MSG_GONE); // forget what is said
    }
    assert_true (sink_knows (desk.sink, 4 * MANY));
    assert_false (sink_knows (desk.sink, 1001));
    assert_int_equal (sink_status (desk.sink).dryers, 0);
    desk_close (&desk);
}

//  Where they come faster than the washer hears of them they say HELLO again.
static void test_the_washer_is_not_flooded_with_dryers (void **state)
{
    enum { MANY = 10000 };
    desk_t desk;
    desk_open (&desk, &plain, NULL);
    hello_washer (&desk, WASHER, 0);
    tick (&desk, 1);
    for (uint64_t life = 1; life <= MANY; life++)
        hello_dryer (&desk, 1000 + life, 0);
    uint64_t before = sink_status (desk.sink).dryers;
    assert_in_range (before, 64, 1000);
    tick (&desk, 1);
    message_t beat = {.header = {.type = MSG_BEAT, .run = RUN, .from = WASHER, .to = SINK}};
    beat.header.got = beat.header.ack = before;
    sink_heard (desk.sink, &beat, desk.now_ms);
    hello_dryer (&desk, 1000 + MANY, 0);
    assert_int_equal (sink_status (desk.sink).dryers, before + 1);
    desk_close (&desk);
}

//  S10, S12: answers go to who comes again, and have an end all the same.
static void test_a_flood_of_questions_is_answered_now_and_then (void **state)
{
    static const uint8_t kinds[] = {MSG_HELLO, MSG_BEAT, MSG_BYE};
    desk_t desk;
    for (size_t i = 0; i < sizeof kinds; i++)
        for (int closed = 0; closed < 2; closed++) {
            desk_open (&desk, &plain, NULL);
            hello_dryer (&desk, DRYER, 0);
            if (closed)
                say (&desk, DRYER, MSG_BYE, 1, NULL);
            size_t answers = 0;
            for (int n = 0; n < 100000; n++)
                if (kinds[i] == MSG_HELLO)
                    hello_dryer (&desk, DRYER, 0);
                else
                    say (&desk, closed ? DRYER : DRYER + 1, kinds[i], 1, NULL);
            for (packet_t packet; sink_packet (desk.sink, &packet); packet_drop (&packet))
                answers++;
            assert_true (answers && answers < 4000);
            tick (&desk, 100);
            say (&desk, DRYER + 1, MSG_BEAT, 1, NULL);
            assert_true (hear (&desk, DRYER + 1, MSG_WHO));
            desk_close (&desk);
        }
}

//  S12: also of a sink that was restarted meanwhile.
static void test_the_last_washer_is_remembered (void **state)
{
    desk_t desk;
    desk_open (&desk, &plain, NULL);
    hello_washer (&desk, WASHER, 0);
    assert_int_equal (desk.washer, WASHER);
    tick (&desk, 1);
    assert_true (desk.commits > 0); // with its life
    desk_close (&desk);

    sink_restored_t restored = {.washer_name = "washer", .washer_life = WASHER};
    desk_open (&desk, &plain, &restored);
    hello_washer (&desk, OLD_WASHER, 0);
    assert_true (hear (&desk, OLD_WASHER, MSG_REFUSED));
    hello_washer (&desk, WASHER, 0);
    tick (&desk, 1);
    assert_true (hear (&desk, WASHER, MSG_WELCOME));
    desk_close (&desk);
}

static void input (desk_t *self, uint64_t washer, uint64_t bytes, uint64_t hash)
{
    writer_t out = {0};
    put_u64 (&out, bytes);
    put_u64 (&out, hash);
    say (self, washer, MSG_INPUT, 1, &out);
}

//  Another life of the washer comes; returns the place that its WELCOME names.
static uint64_t next_washer (desk_t *self)
{
    sink_died (self->sink, OLD_WASHER, self->now_ms);
    hello_washer (self, WASHER, 0);
    tick (self, 1);
    assert_true (hear (self, WASHER, MSG_WELCOME));
    reader_t in = heard (self);
    get_u32 (&in);
    get_u8 (&in);
    get_u32 (&in);
    get_u64 (&in);
    get_u8 (&in);
    get_u64 (&in);
    return get_u64 (&in);
}

//  S44: with nobody who keeps what is told, the sink compares by itself.
static void test_another_input_ends_the_run (void **state)
{
    for (uint64_t hash = 7; hash <= 8; hash++) {
        desk_t desk;
        desk_open (&desk, &plain, NULL);
        hello_washer (&desk, OLD_WASHER, 0);
        input (&desk, OLD_WASHER, 1024, 6);
        input (&desk, OLD_WASHER, 1500, 7);
        assert_int_equal (next_washer (&desk), 1500);
        input (&desk, WASHER, 1024, 6);
        input (&desk, WASHER, 1500, hash);
        tick (&desk, 1);
        assert_int_equal (sink_ending (desk.sink)->end, hash == 7 ? END_NONE : END_LOST);
        assert_int_equal (sink_ending (desk.sink)->status, hash == 7 ? 0 : 125);
        assert_string_equal (
            sink_reason (desk.sink),
            hash == 7 ? "" : "the input is not that of the run that goes on: it differs within its first 1500 bytes");
        desk_close (&desk);
    }
}

//  S44: one that has grown goes on; one that was cut does not.
static void test_a_shorter_input_ends_the_run (void **state)
{
    for (uint64_t bytes = 1400; bytes <= 1600; bytes += 100) {
        desk_t desk;
        desk_open (&desk, &plain, NULL);
        hello_washer (&desk, OLD_WASHER, 0);
        input (&desk, OLD_WASHER, 1500, 7);
        eof (&desk, OLD_WASHER, 5);
        assert_int_equal (next_washer (&desk), 1500);
        input (&desk, WASHER, bytes, 7);
        eof (&desk, WASHER, 5);
        tick (&desk, 1);
        assert_int_equal (sink_ending (desk.sink)->end, bytes < 1500 ? END_LOST : END_NONE);
        desk_close (&desk);
    }
}

//  S44: who keeps what is told says what differs; it is durable before it is acked.
static void test_what_is_told_of_the_input_is_kept_elsewhere (void **state)
{
    desk_t desk;
    sink_restored_t restored = {.washer_name = "washer", .washer_life = OLD_WASHER, .input_bytes = 5000};
    desk_open_with_input (&desk, &restored);
    assert_int_equal (next_washer (&desk), 5000);
    unsigned commits = desk.commits;
    input (&desk, WASHER, 1024, 1);
    tick (&desk, 1);
    assert_int_equal (desk.commits, commits + 1);
    input (&desk, WASHER, 1024, 2); // the core keeps nothing itself
    tick (&desk, 1);
    assert_int_equal (sink_ending (desk.sink)->end, END_NONE);
    input (&desk, WASHER, 2048, desk.wrong_hash);
    tick (&desk, 1);
    assert_int_equal (sink_ending (desk.sink)->end, END_LOST);
    desk_close (&desk);
}

static void test_an_input_of_no_bytes_is_malformed (void **state)
{
    desk_t desk;
    desk_open (&desk, &plain, NULL);
    hello_washer (&desk, WASHER, 0);
    input (&desk, WASHER, 0, 1);
    assert_int_equal (sink_status (desk.sink).bad, 1);
    desk_close (&desk);
}

//  hole 10: the linger has an end, though a peer beats and beats and does not leave
static void test_the_end_waits_no_longer_than_dead_after (void **state)
{
    desk_t desk;
    desk_open (&desk, &plain, NULL);
    hello_dryer (&desk, DRYER, 0);
    hello_washer (&desk, WASHER, 0);
    eof (&desk, WASHER, 0);
    tick (&desk, 1);
    assert_int_equal (sink_state (desk.sink), SINK_ENDED);
    say (&desk, WASHER, MSG_BYE, 0, NULL);
    int64_t ended_ms = desk.now_ms;
    while (sink_state (desk.sink) == SINK_ENDED) {
        assert_true (desk.now_ms <= ended_ms + DEAD_AFTER_MS);
        assert_true (sink_due_ms (desk.sink) <= ended_ms + DEAD_AFTER_MS);
        say (&desk, DRYER, MSG_BEAT, 0, NULL);
        tick (&desk, 100);
    }
    assert_true (desk.now_ms >= ended_ms + DEAD_AFTER_MS);
    desk_close (&desk);
}

static void test_the_end_is_over_when_all_have_left (void **state)
{
    desk_t desk;
    desk_open (&desk, &plain, NULL);
    hello_washer (&desk, WASHER, 0);
    eof (&desk, WASHER, 0);
    tick (&desk, 1);
    say (&desk, WASHER, MSG_BYE, 0, NULL);
    tick (&desk, 1);
    assert_int_equal (sink_state (desk.sink), SINK_OVER);
    desk_close (&desk);
}

//  hole 7: dryers take no lanes of a washer older than the last, so letting one in would be a wait without an end.
static void test_a_washer_whose_clock_is_behind_is_refused (void **state)
{
    desk_t desk;
    desk_open (&desk, &plain, NULL);
    hello_washer (&desk, WASHER, 0);
    say (&desk, WASHER, MSG_BYE, 0, NULL);
    hello_washer (&desk, OLD_WASHER, 0);
    assert_true (hear (&desk, OLD_WASHER, MSG_REFUSED));
    hello_washer (&desk, WASHER + 1, 0);
    assert_true (hear (&desk, WASHER + 1, MSG_WELCOME));
    desk_close (&desk);
}

//  0 is "never" for each of the waits.
static void test_no_grace_is_for_ever (void **state)
{
    desk_t desk;
    desk_open (&desk, &plain, NULL);
    hello_washer (&desk, WASHER, 0);
    tick (&desk, 1);
    sink_died (desk.sink, WASHER, desk.now_ms);
    for (int i = 0; i < 200; i++)
        tick (&desk, 1000);
    assert_int_equal (sink_state (desk.sink), SINK_ORPHAN);
    assert_true (sink_due_ms (desk.sink) > desk.now_ms);
    desk_close (&desk);
}

static void test_grace_has_an_end (void **state)
{
    desk_t desk;
    sink_config_t config = plain;
    config.grace_ms = 10000;
    desk_open (&desk, &config, NULL);
    hello_washer (&desk, WASHER, 0);
    tick (&desk, 1);
    sink_died (desk.sink, WASHER, desk.now_ms);
    pass (&desk, 9999);
    assert_int_equal (sink_state (desk.sink), SINK_ORPHAN);
    assert_int_equal (sink_due_ms (desk.sink), desk.now_ms + 1);
    tick (&desk, 1);
    assert_int_equal (sink_ending (desk.sink)->end, END_LOST);
    assert_int_equal (sink_ending (desk.sink)->status, 125);
    desk_close (&desk);
}

//  S14: the machine slept. That is no part of the wait for a washer, nor of that for its next life.
static void test_a_sleep_is_no_part_of_a_wait (void **state)
{
    desk_t desk;
    sink_config_t config = plain;
    config.grace_ms = config.wait_ms = 10000;
    desk_open (&desk, &config, NULL);
    pass (&desk, 9000);
    tick (&desk, 100000);
    assert_int_equal (sink_state (desk.sink), SINK_WAITING);
    hello_washer (&desk, WASHER, 0);
    tick (&desk, 1);
    sink_died (desk.sink, WASHER, desk.now_ms);
    pass (&desk, 9000);
    tick (&desk, 100000);
    assert_int_equal (sink_state (desk.sink), SINK_ORPHAN);
    pass (&desk, 1000);
    assert_int_equal (sink_ending (desk.sink)->end, END_LOST);
    desk_close (&desk);

    desk_open (&desk, &config, NULL);
    pass (&desk, 9000);
    tick (&desk, 100000);
    pass (&desk, 1000);
    assert_int_equal (sink_ending (desk.sink)->end, END_LOST); // it is a wait all the same
    desk_close (&desk);
}

//  What was never put cannot be done: such a report would make the total wrong for ever.
static void test_nothing_beyond_the_total_counts (void **state)
{
    desk_t desk;
    desk_open (&desk, &plain, NULL);
    hello_dryer (&desk, DRYER, 0);
    hello_washer (&desk, WASHER, 0);
    eof (&desk, WASHER, 2);
    done (&desk, DRYER, 2, 2);
    done (&desk, DRYER, 1, INT64_MAX - 2);
    assert_int_equal (sink_counted (desk.sink)->total, 0);
    assert_int_equal (sink_status (desk.sink).bad, 2);
    done (&desk, DRYER, 1, 2);
    tick (&desk, 1);
    assert_int_equal (sink_ending (desk.sink)->end, END_JOINED);
    desk_close (&desk);
}

//  --total is a guess: the share may be over all of it, and is a status all the same.
static void test_a_halted_share_is_at_most_all (void **state)
{
    desk_t desk;
    sink_config_t config = plain;
    config.halt_when = HALT_NOW;
    config.halt_what = HALT_DONE;
    config.halt_percent = 100;
    config.total_hint = 1;
    desk_open (&desk, &config, NULL);
    hello_washer (&desk, WASHER, 0);
    writer_t out = {0};
    put_run (&out, 1, 300);
    say (&desk, WASHER, MSG_DROPPED, 1, &out);
    tick (&desk, 1);
    assert_int_equal (sink_ending (desk.sink)->end, END_HALTED);
    assert_int_equal (sink_ending (desk.sink)->status, 100);
    desk_close (&desk);
}

static void beat (desk_t *self, uint64_t from, uint64_t strangers)
{
    writer_t out = {0};
    put_u64 (&out, strangers);
    say (self, from, MSG_BEAT, 1, &out);
}

static void assert_strangers (const desk_t *self, uint64_t strangers, uint64_t bad)
{
    sink_status_t status = sink_status (self->sink);
    assert_int_equal (status.strangers, strangers);
    assert_int_equal (status.bad, bad);
}

//  S47: with those of the sink's own, all that lives of the washer tell, once; nothing takes any away.
static void test_strangers_at_lanes_are_added_up (void **state)
{
    desk_t desk;
    desk_open (&desk, &plain, NULL);
    sink_strangers (desk.sink, 3);
    hello_washer (&desk, WASHER, 0);
    assert_strangers (&desk, 3, 0);
    beat (&desk, WASHER, 4);
    beat (&desk, WASHER, 4);
    say (&desk, WASHER, MSG_BEAT, 0, NULL); // as of a peer that does not count
    assert_strangers (&desk, 7, 0);
    beat (&desk, WASHER, 2); // overtaken
    beat (&desk, WASHER, 6);
    assert_strangers (&desk, 9, 0);
    sink_died (desk.sink, WASHER, desk.now_ms);
    beat (&desk, WASHER, 60); // of a closed life
    assert_strangers (&desk, 9, 0);
    hello_washer (&desk, WASHER + 1, 0);
    beat (&desk, WASHER + 1, 1);
    sink_strangers (desk.sink, 4);
    assert_strangers (&desk, 11, 0);
    desk_close (&desk);
}

//  S1: it has no other effect: nor is it a sign of life.
static void test_a_beat_of_another_form_is_malformed (void **state)
{
    desk_t desk;
    desk_open (&desk, &plain, NULL);
    hello_washer (&desk, WASHER, 0);
    hello_dryer (&desk, DRYER, 0);
    beat (&desk, DRYER, 5); // a dryer has no lanes of its own
    assert_strangers (&desk, 0, 1);
    for (uint32_t size = 1; size < 20; size++) {
        writer_t out = {0};
        for (uint32_t i = 0; i < size; i++)
            put_u8 (&out, 1);
        if (size != 8)
            say (&desk, WASHER, MSG_BEAT, 1, &out);
        writer_free (&out);
    }
    assert_strangers (&desk, 0, 19);
    int64_t end_ms = desk.now_ms + 2 * DEAD_AFTER_MS;
    while (desk.now_ms < end_ms) {
        beat (&desk, DRYER, 5);
        tick (&desk, 100);
    }
    assert_int_equal (sink_status (desk.sink).dryers, 0);
    desk_close (&desk);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_a_dryer_lost_before_it_was_presented_is_told_of),
        cmocka_unit_test (test_welcome_tells_only_what_is_durable),
        cmocka_unit_test (test_counted_in_a_row_is_told_as_one_run),
        cmocka_unit_test (test_very_many_records_go_in_several_messages),
        cmocka_unit_test (test_counted_is_held_back_while_enough_waits_at_the_slots),
        cmocka_unit_test (test_what_is_held_back_goes_with_the_next_that_is_not),
        cmocka_unit_test (test_what_is_counted_is_told_before_what_is_held),
        cmocka_unit_test (test_a_restarted_sink_tells_the_end),
        cmocka_unit_test (test_a_washer_of_the_next_run_does_not_hear_the_end_of_this_one),
        cmocka_unit_test (test_a_washer_of_the_same_name_is_no_next_life_of_one_that_is_well),
        cmocka_unit_test (test_the_deadline_of_a_sink_that_stays_begins_with_the_run),
        cmocka_unit_test (test_a_sink_with_other_things_to_do_stays_and_tells_the_end),
        cmocka_unit_test (test_the_end_is_that_of_the_pipelines_before_too),
        cmocka_unit_test (test_an_eof_after_no_end_is_none),
        cmocka_unit_test (test_a_restarted_sink_that_has_all_counted_tells_the_end),
        cmocka_unit_test (test_a_resumed_sink_believes_the_eof_of_a_washer_that_is_still_there),
        cmocka_unit_test (test_who_is_expected_may_connect_anew),
        cmocka_unit_test (test_a_restarted_sink_judges_halt_at_once),
        cmocka_unit_test (test_a_restarted_sink_that_was_to_halt_lets_nothing_start),
        cmocka_unit_test (test_halt_is_judged_when_the_total_is_known),
        cmocka_unit_test (test_a_failed_commit_is_not_in_the_figures),
        cmocka_unit_test (test_the_end_says_why),
        cmocka_unit_test (test_lies_about_tasks_are_dropped),
        cmocka_unit_test (test_what_a_dryer_says_is_bounded),
        cmocka_unit_test (test_dryers_without_end),
        cmocka_unit_test (test_the_washer_is_not_flooded_with_dryers),
        cmocka_unit_test (test_a_flood_of_questions_is_answered_now_and_then),
        cmocka_unit_test (test_the_last_washer_is_remembered),
        cmocka_unit_test (test_another_input_ends_the_run),
        cmocka_unit_test (test_a_shorter_input_ends_the_run),
        cmocka_unit_test (test_what_is_told_of_the_input_is_kept_elsewhere),
        cmocka_unit_test (test_an_input_of_no_bytes_is_malformed),
        cmocka_unit_test (test_the_end_waits_no_longer_than_dead_after),
        cmocka_unit_test (test_the_end_is_over_when_all_have_left),
        cmocka_unit_test (test_a_washer_whose_clock_is_behind_is_refused),
        cmocka_unit_test (test_no_grace_is_for_ever),
        cmocka_unit_test (test_grace_has_an_end),
        cmocka_unit_test (test_a_sleep_is_no_part_of_a_wait),
        cmocka_unit_test (test_nothing_beyond_the_total_counts),
        cmocka_unit_test (test_a_name_of_two_lines_is_malformed),
        cmocka_unit_test (test_a_halted_share_is_at_most_all),
        cmocka_unit_test (test_strangers_at_lanes_are_added_up),
        cmocka_unit_test (test_a_beat_of_another_form_is_malformed),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
