//  Addresses, and the wires over inproc: who greets whom, that bodies arrive untouched, that rubbish is thrown away.

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "net/address.h"
#include "net/packet.h"
#include "net/socket.h"

static void test_address (void **state)
{
    address_t address;
    char error[200];
    endpoint_t endpoint, other;
    assert_int_equal (address_parse ("inproc://kitchen", &address, error, sizeof error), 0);
    address_out (&address, endpoint);
    assert_string_equal (endpoint, "inproc://kitchen/out");
    address_in (&address, endpoint);
    assert_string_equal (endpoint, "inproc://kitchen/in");
    address_lane (&address, 1, 0xabc, 7, endpoint);
    assert_string_equal (endpoint, "inproc://kitchen/lane/1-abc-7");
    memset (address.name, 'x', sizeof address.name - 1);
    address_lane (&address, UINT64_MAX, UINT64_MAX, UINT32_MAX, endpoint);
    address_lane (&address, UINT64_MAX, UINT64_MAX, UINT32_MAX - 1, other);
    assert_string_not_equal (endpoint, other);
}

static void test_address_refused (void **state)
{
    char longest[200] = "inproc://";
    memset (longest + strlen (longest), 'x', NAME_BYTES);
    const char *const bad[] = {"", "kitchen", "inproc:", "inproc://", "http://x", "inproc:/x", longest, "a\nb"};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        address_t address;
        char error[400] = "";
        assert_int_equal (address_parse (bad[i], &address, error, sizeof error), -1);
        assert_int_equal (errno, EINVAL);
        assert_non_null (strstr (error, "inproc://NAME"));
        assert_null (strchr (error, '\n'));
    }
}

static packet_t packet (wire_t wire, uint8_t type, uint64_t to, const char *records)
{
    packet_t made = {.wire = wire, .role = ROLE_DRYER, .header = {.type = type, .from = 1, .to = to, .seq = 5}};
    writer_t writer = {0};
    put_bytes (&writer, records, strlen (records));
    assert_int_equal (writer_take (&writer, &made.records), 0);
    return made;
}

//  Waits until the socket has something, as a loop would: by its descriptor.
static packet_found_t receive (void *socket, bool topic, inbound_t *into)
{
    packet_found_t found;
    while ((found = packet_receive (socket, topic, into)) == PACKET_NONE) {
        struct pollfd fd = {.fd = socket_fd (socket), .events = POLLIN};
        assert_int_equal (poll (&fd, 1, 5000), 1);
    }
    return found;
}

static void send_records (void *socket, wire_t wire, uint8_t type, uint64_t to, const char *records)
{
    packet_t out = packet (wire, type, to, records);
    assert_int_equal (packet_send (socket, &out), 0);
    packet_drop (&out);
}

static void assert_records (const inbound_t *inbound, uint8_t type, const char *records)
{
    assert_int_equal (inbound->message.header.type, type);
    assert_int_equal (inbound->message.records_size, strlen (records));
    assert_memory_equal (inbound->message.records, records, strlen (records));
}

//  A new peer gets the advert at once, is told when its reports will arrive, and hears only what is for it.
static void test_meeting (void **state)
{
    void *context = context_new (0, 64);
    packet_t advert = packet (TO_PEER, MSG_ADVERT, 0, "inproc://a/in");
    advert.role = 0;
    void *out = socket_out (context, "inproc://a/out", &advert);
    void *in = socket_in (context, "inproc://a/in");
    assert_true (out && in);
    void *orders = socket_orders (context, "inproc://a/out", ROLE_DRYER, 42);
    inbound_t inbound;
    inbound_init (&inbound);
    assert_true (socket_subscribed (out)); // a bound socket greets when its thread enters libzmq
    assert_int_equal (receive (orders, true, &inbound), PACKET_GOOD);
    assert_records (&inbound, MSG_ADVERT, "inproc://a/in");

    void *reports = socket_reports (context, "inproc://a/in");
    assert_int_equal (packet_receive (in, false, &inbound), PACKET_NONE);
    assert_true (socket_subscribed (reports));
    send_records (reports, TO_SINK, MSG_HELLO, 7, "hello");
    assert_int_equal (receive (in, false, &inbound), PACKET_GOOD);
    assert_records (&inbound, MSG_HELLO, "hello");
    assert_null (inbound.message.body);

    send_records (out, TO_PEER, MSG_WELCOME, 41, "another");
    send_records (out, TO_PEER, MSG_WELCOME, 42, "mine");
    assert_int_equal (receive (orders, true, &inbound), PACKET_GOOD);
    assert_records (&inbound, MSG_WELCOME, "mine");

    inbound_free (&inbound);
    packet_drop (&advert);
    void **all[] = {&out, &in, &orders, &reports};
    for (unsigned i = 0; i < 4; i++)
        socket_close (all[i]);
    context_destroy (&context);
}

typedef struct {
    void *context, *push, *pull;
    inbound_t inbound;
} lane_t;

static lane_t lane_new (void)
{
    lane_t lane = {.context = context_new (0, 64)};
    lane.push = socket_lane_push (lane.context, "inproc://b/lane");
    assert_non_null (lane.push);
    inbound_init (&lane.inbound);
    return lane;
}

static void lane_free (lane_t *lane)
{
    inbound_free (&lane->inbound);
    socket_close (&lane->push);
    socket_close (&lane->pull);
    context_destroy (&lane->context);
}

static void mark_released (void *hint)
{
    *(bool *)hint = true;
}

//  Both small and large bodies; a large one is the very memory that was sent, given back when both ends are done.
static void test_bodies (void **state)
{
    lane_t lane = lane_new ();
    lane.pull = socket_lane_pull (lane.context, "inproc://b/lane");
    static const size_t sizes[] = {0, 1, 33, 34, 1024, 1025, 100000};
    static uint8_t bytes[100000];
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        bool released = false;
        memset (bytes, (int)i + 1, sizeof bytes);
        block_t *block = block_wrap (bytes, sizeof bytes, mark_released, &released);
        packet_t out = packet (TO_LANE, MSG_TASKS, 42, "head");
        out.body = slice_of (block, 0, sizes[i]);
        block_unref (block);
        assert_int_equal (packet_send (lane.push, &out), 0);
        packet_drop (&out);
        assert_int_equal (receive (lane.pull, false, &lane.inbound), PACKET_GOOD);
        assert_records (&lane.inbound, MSG_TASKS, "head");
        assert_non_null (lane.inbound.message.body);
        assert_int_equal (lane.inbound.body.size, sizes[i]);
        assert_true (!sizes[i] || memcmp (lane.inbound.body.data, bytes, sizes[i]) == 0);
        slice_t kept = slice_copy (&lane.inbound.body);
        assert_int_equal (packet_receive (lane.pull, false, &lane.inbound), PACKET_NONE);
        bool is_same_memory = sizes[i] > 1024;
        assert_int_equal (released, !is_same_memory);
        assert_true (!is_same_memory || kept.data == bytes);
        slice_drop (&kept);
        assert_true (released);
    }
    lane_free (&lane);
}

//  A lane without a peer takes nothing, and says when it would.
static void test_nobody_there (void **state)
{
    lane_t lane = lane_new ();
    packet_t out = packet (TO_LANE, MSG_TASKS, 42, "head");
    assert_false (socket_can_send (lane.push));
    assert_int_equal (packet_send (lane.push, &out), -1);
    assert_int_equal (errno, EAGAIN);
    lane.pull = socket_lane_pull (lane.context, "inproc://b/lane");
    struct pollfd fd = {.fd = socket_fd (lane.push), .events = POLLIN};
    assert_int_equal (poll (&fd, 1, 5000), 1);
    assert_true (socket_can_send (lane.push));
    assert_int_equal (packet_send (lane.push, &out), 0);
    packet_drop (&out);
    assert_int_equal (receive (lane.pull, false, &lane.inbound), PACKET_GOOD);
    lane_free (&lane);
}

static void send_raw (void *socket, const void *data, size_t size, unsigned frames)
{
    while (frames--)
        assert_int_equal (zmq_send (socket, data, size, frames ? ZMQ_SNDMORE : 0), size);
}

//  Whatever comes, one bad message is one PACKET_BAD and takes nothing of the next with it.
static void test_rubbish (void **state)
{
    lane_t lane = lane_new ();
    lane.pull = socket_lane_pull (lane.context, "inproc://b/lane");
    uint8_t valid[HEADER_BYTES];
    header_encode (&(header_t){.type = MSG_TASKS}, valid);
    send_raw (lane.push, "", 0, 1);
    send_raw (lane.push, valid, HEADER_BYTES - 1, 1);
    send_raw (lane.push, valid, HEADER_BYTES, 3);
    send_raw (lane.push, "nonsense", 8, 2);
    send_raw (lane.push, valid, HEADER_BYTES, 1);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal (receive (lane.pull, false, &lane.inbound), PACKET_BAD);
    assert_int_equal (receive (lane.pull, false, &lane.inbound), PACKET_GOOD);
    assert_int_equal (packet_receive (lane.pull, false, &lane.inbound), PACKET_NONE);
    lane_free (&lane);
}

static void test_errors (void **state)
{
    void *context = context_new (0, 64);
    void *first = socket_in (context, "inproc://c/in");
    assert_non_null (first);
    assert_null (socket_in (context, "inproc://c/in"));
    assert_int_equal (errno, EADDRINUSE);
    socket_close (&first);
    socket_close (&first);
    context_destroy (&context);
    context_destroy (&context);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_address), cmocka_unit_test (test_address_refused), cmocka_unit_test (test_meeting),
        cmocka_unit_test (test_bodies),  cmocka_unit_test (test_nobody_there),    cmocka_unit_test (test_rubbish),
        cmocka_unit_test (test_errors),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
