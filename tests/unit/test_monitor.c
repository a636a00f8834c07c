//  Who is connected: the table of descriptors and lives in every order of events, and the ends of a lane over real
//  connections.

#include "test_net_help.h"

#include <zmq.h>

#include "net/lane_end.h"
#include "net/monitor.h"
#include "net/packet.h"
#include "net/presence.h"
#include "net/socket.h"

//  ---- presence

typedef struct {
    presence_t table;
    char log[200]; // "-A" gone, "+A" back
} watch_t;

static void note (watch_t *self, char sign, uint64_t life)
{
    char text[3] = {sign, (char)life, '\0'};
    strcat (self->log, text);
}

static void on_gone (void *arg, uint64_t life)
{
    note (arg, '-', life);
}

static void on_back (void *arg, uint64_t life)
{
    note (arg, '+', life);
}

//  A script, a turn between blanks: `(7` fd 7 accepted, `)7` closed, `A7` a message of A there. Within a turn events
//  come before messages, as the loop has it.
static void play (const char *script, const char *expected)
{
    watch_t watch = {0};
    for (const char *at = script;; at++) {
        if (*at == ' ' || !*at) {
            presence_settle (&watch.table, on_gone, on_back, &watch);
            if (!*at)
                break;
            strcat (watch.log, " ");
            continue;
        }
        char what = *at++;
        if (what == '(' || what == ')')
            presence_event (&watch.table, what == '(' ? PRESENCE_ACCEPTED : PRESENCE_CLOSED, (uint32_t)(*at - '0'));
        else
            presence_heard (&watch.table, *at - '0', (uint64_t)what);
    }
    if (strcmp (watch.log, expected) != 0)
        fail_msg ("'%s' gives '%s', not '%s'", script, watch.log, expected);
    presence_free (&watch.table);
    presence_free (&watch.table);
}

static void test_presence (void **state)
{
    static const struct {
        const char *script, *expected;
    } rows[] = {
        {"(7A7 )7", "+A -A"},                 // comes and goes
        {"(7A7A7 A7 )7", "+A  -A"},           // says much
        {"(7 A7 )7 (7A7", " +A -A +A"},       // comes back
        {"(7A7 )7(8A8", "+A "},               // comes back so quickly that it was not away
        {"(7A7(8A8 )7 )8", "+A  -A"},         // one of two connections is not all
        {"(7B8(8A7 )8 )7", "+B+A -B -A"},     // events in any order among several
        {"(7A7 )7(7B7 )7", "+A +B-A -B"},     // the next connection gets the same descriptor
        {"(7A7 B7 )7(7B7 )7", "+A  +B-A -B"}, // its first message is read before the news
        {"(7A7 A7 )7(7", "+A  "},             // comes back there, and says so before the news
        {"(7A7 A7 )7(7A7   )7", "+A     -A"}, // so it was
        {"(7A7 A7 )7 (7", "+A  -A +A"},       // the same, in two parts
        {"(7A7 A7 )7(7 B7", "+A   +B-A"},     // it was not: who is heard there is believed
        {"(7A7  )7(7", "+A  -A"},             // it said nothing for too long to have meant that
        {"(7A7 B7 B7 B7", "+A   "},           // a claim that nothing bears out: B is not believed
        {"(7A7 B7  )7", "+A   -A"},
        {"A7 (7 )7", " +A -A"}, // heard a turn before it was seen
        {"A7  (7 )7", "   "},   // what is too old says nothing
        {"(7 )7", " "},         // a stranger who never said a word
        {")7 )7 A7", "  "},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        play (rows[i].script, rows[i].expected);
}

//  A life speaks for itself only.
static void test_foreign_voice (void **state)
{
    watch_t watch = {0};
    presence_event (&watch.table, PRESENCE_ACCEPTED, 7);
    assert_true (presence_heard (&watch.table, 7, 'A'));
    presence_settle (&watch.table, on_gone, on_back, &watch);
    assert_true (presence_heard (&watch.table, 7, 'A'));
    assert_false (presence_heard (&watch.table, 7, 'B'));
    assert_true (presence_heard (&watch.table, -1, 'B'));
    assert_true (presence_heard (&watch.table, 7, 0));
    presence_free (&watch.table);
}

//  Nothing from outside makes the table large.
static void test_bounds (void **state)
{
    watch_t watch = {0};
    presence_event (&watch.table, PRESENCE_ACCEPTED, UINT32_MAX);
    presence_event (&watch.table, PRESENCE_CLOSED, UINT32_MAX);
    for (uint64_t life = 1; life < 20000; life++)
        presence_heard (&watch.table, 9, life);
    presence_heard (&watch.table, INT32_MAX, 5);
    assert_true (watch.table.claims_size <= 4096);
    presence_settle (&watch.table, on_gone, on_back, &watch);
    assert_int_equal (watch.table.connections_size, 0);
    presence_settle (&watch.table, on_gone, on_back, &watch);
    assert_int_equal (watch.table.claims_size, 0);
    presence_free (&watch.table);
}

//  ---- real connections

static void *bind_any (void *context, void *socket, char *endpoint, const char *at)
{
    size_t size = 256;
    assert_int_equal (socket_bind (socket, at), 0);
    assert_int_equal (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    return socket;
}

//  A killed peer is missed at once; a reset connection of one who is back is not. All over what the sink has: events,
//  the descriptor of each message.
static void feed (presence_t *table, void *monitor)
{
    monitor_event_t event;
    while (monitor_next (monitor, &event))
        if (event.event == ZMQ_EVENT_ACCEPTED || event.event == ZMQ_EVENT_DISCONNECTED)
            presence_event (table, event.event == ZMQ_EVENT_ACCEPTED ? PRESENCE_ACCEPTED : PRESENCE_CLOSED,
                            event.value);
}

typedef struct {
    watch_t watch;
    void *context, *in, *monitor;
    inbound_t inbound;
} sink_t;

static bool turn (sink_t *self, const char *expected)
{
    feed (&self->watch.table, self->monitor);
    while (packet_receive (self->in, false, &self->inbound) == PACKET_GOOD) {
        int fd = inbound_fd (&self->inbound);
        assert_true (fd >= 0);
        presence_heard (&self->watch.table, fd, self->inbound.message.header.from);
    }
    presence_settle (&self->watch.table, on_gone, on_back, &self->watch);
    return strcmp (self->watch.log, expected) == 0;
}

static void say (void *reports, char life)
{
    packet_t packet = {.wire = TO_SINK, .header = {.type = MSG_BEAT, .from = (uint64_t)life}};
    assert_int_equal (packet_send (reports, &packet), 0);
}

static void check_presence (const char *at)
{
    sink_t sink = {.context = context_new (1, 64)};
    char endpoint[256];
    sink.in = socket_new (sink.context, WIRE_IN);
    assert_int_equal (socket_hear_all (sink.in), 0);
    sink.monitor = monitor_open (sink.context, sink.in, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED);
    bind_any (sink.context, sink.in, endpoint, at);
    inbound_init (&sink.inbound);
    void *context = context_new (1, 64);
    void *a = socket_reports (context, endpoint), *b = socket_reports (context, endpoint);
    WAIT_UNTIL (turn (&sink, "") && socket_subscribed (a));
    say (a, 'A');
    WAIT_UNTIL (turn (&sink, "+A"));
    WAIT_UNTIL (turn (&sink, "+A") && socket_subscribed (b));
    say (b, 'B');
    WAIT_UNTIL (turn (&sink, "+A+B"));
    socket_close (&a);
    WAIT_UNTIL (turn (&sink, "+A+B-A"));
    a = socket_reports (context, endpoint);
    WAIT_UNTIL (turn (&sink, "+A+B-A") && socket_subscribed (a));
    say (a, 'A');
    WAIT_UNTIL (turn (&sink, "+A+B-A+A"));
    socket_close (&a);
    socket_close (&b);
    WAIT_UNTIL (turn (&sink, "+A+B-A+A-A-B") || turn (&sink, "+A+B-A+A-B-A"));
    context_destroy (&context);
    inbound_free (&sink.inbound);
    monitor_close (&sink.monitor, sink.in);
    monitor_close (&sink.monitor, sink.in);
    socket_close (&sink.in);
    presence_free (&sink.watch.table);
    context_destroy (&sink.context);
}

static void test_presence_tcp (void **state)
{
    check_presence ("tcp://127.0.0.1:*");
}

static void test_presence_ipc (void **state)
{
    char at[128];
    snprintf (at, sizeof at, "ipc://%s/in", help_dir);
    check_presence (at);
}

//  ---- lanes

typedef struct {
    void *context, *other;
    lane_end_t push;
    char endpoint[256];
} lane_t;

static void lane_open (lane_t *self)
{
    *self = (lane_t){.context = context_new (1, 64), .other = context_new (1, 64)};
    self->push = (lane_end_t){.is_push = true, .socket = socket_new (self->context, WIRE_PUSH)};
    assert_int_equal (lane_end_watch (&self->push, self->context), 0);
    bind_any (self->context, self->push.socket, self->endpoint, "tcp://127.0.0.1:*");
}

static lane_end_t pull_open (lane_t *self)
{
    lane_end_t pull = {.socket = socket_new (self->other, WIRE_PULL)};
    assert_int_equal (lane_end_watch (&pull, self->other), 0);
    assert_int_equal (socket_connect (pull.socket, self->endpoint), 0);
    return pull;
}

static void lane_close (lane_t *self)
{
    lane_end_close (&self->push);
    context_destroy (&self->other);
    context_destroy (&self->context);
}

static void test_lane_of_one (void **state)
{
    lane_t lane;
    lane_open (&lane);
    assert_int_equal (lane_end_look (&lane.push), LANE_ALONE);
    lane_end_t pull = pull_open (&lane);
    WAIT_UNTIL (lane_end_look (&lane.push) == LANE_MET);
    WAIT_UNTIL (lane_end_look (&pull) == LANE_MET);
    lane_end_close (&pull);
    lane_end_close (&pull);
    WAIT_UNTIL (lane_end_look (&lane.push) == LANE_LOST);
    assert_int_equal (lane_end_look (&lane.push), LANE_LOST);
    lane_close (&lane);
}

static void test_lane_of_two (void **state)
{
    lane_t lane;
    lane_open (&lane);
    lane_end_t pull = pull_open (&lane);
    WAIT_UNTIL (lane_end_look (&lane.push) == LANE_MET);
    lane_end_t second = pull_open (&lane);
    WAIT_UNTIL (lane_end_look (&lane.push) == LANE_LOST);
    lane_end_close (&lane.push);
    WAIT_UNTIL (lane_end_look (&pull) == LANE_LOST);
    WAIT_UNTIL (lane_end_look (&second) == LANE_LOST);
    lane_end_close (&pull);
    lane_end_close (&second);
    lane_close (&lane);
}

//  Nobody looked while one went and another came.
static void test_lane_changed_hands (void **state)
{
    lane_t lane;
    lane_open (&lane);
    lane_end_t pull = pull_open (&lane);
    WAIT_UNTIL (lane_end_look (&pull) == LANE_MET);
    lane_end_close (&pull);
    pull = pull_open (&lane);
    WAIT_UNTIL (lane_end_look (&pull) == LANE_MET);
    WAIT_UNTIL (lane_end_look (&lane.push) == LANE_LOST);
    lane_end_close (&pull);
    lane_close (&lane);
}

//  Who only opens a connection, as a port scanner does, is no peer.
static void test_lane_knocked_at (void **state)
{
    lane_t lane;
    lane_open (&lane);
    void *knock = zmq_socket (lane.other, ZMQ_STREAM);
    int now = 0;
    zmq_setsockopt (knock, ZMQ_LINGER, &now, sizeof now);
    assert_int_equal (zmq_connect (knock, lane.endpoint), 0);
    uint8_t greeting[256];
    assert_true (zmq_recv (knock, greeting, sizeof greeting, 0) >= 0);
    ALL_THE_TIME (lane_end_look (&lane.push) == LANE_ALONE, 30);
    zmq_close (knock);
    lane_end_t pull = pull_open (&lane);
    WAIT_UNTIL (lane_end_look (&lane.push) == LANE_MET);
    ALL_THE_TIME (lane_end_look (&lane.push) == LANE_MET, 30);
    lane_end_close (&pull);
    lane_close (&lane);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, help_setup, help_teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (test_presence),     TEST (test_foreign_voice),      TEST (test_bounds),
        TEST (test_presence_tcp), TEST (test_presence_ipc),       TEST (test_lane_of_one),
        TEST (test_lane_of_two),  TEST (test_lane_changed_hands), TEST (test_lane_knocked_at),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
