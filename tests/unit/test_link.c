//  A link delivers in order and exactly once over a wire that loses and overtakes at each change of connection.
#include "test_core_help.h"

#include "core/link.h"

enum { FLIGHT = 4096 };

//  One direction of the wire: FIFO within an epoch; epochs are read in turn with each other.
typedef struct {
    struct {
        message_t message;
        uint8_t *frame;
        slice_t body;
        unsigned epoch;
    } flight[FLIGHT];
    size_t size;
    unsigned epoch;
} flow_t;

typedef struct {
    link_t links[2]; // 0 sends to 1
    flow_t wires[2];
    uint64_t seed, pushed, handled;
} world_t;

static void wire_send (flow_t *self, packet_t *packet)
{
    assert_true (self->size < FLIGHT);
    self->flight[self->size].message = message_from (packet, &self->flight[self->size].frame);
    self->flight[self->size].epoch = self->epoch;
    packet_drop (packet);
    self->size++;
}

static void wire_take_off (flow_t *self, size_t at)
{
    free (self->flight[at].frame);
    memmove (self->flight + at, self->flight + at + 1, (self->size - at - 1) * sizeof *self->flight);
    self->size--;
}

//  The connection changes: a tail of what is under way is lost, the rest may come later than what follows.
static void wire_break (flow_t *self, uint64_t *seed)
{
    for (size_t lost = below (seed, self->size + 1); lost; lost--)
        wire_take_off (self, self->size - 1);
    self->epoch++;
}

//  The place of the next message: the first of any epoch.
static size_t wire_pick (const flow_t *self, uint64_t *seed)
{
    size_t at = below (seed, self->size);
    for (size_t i = 0; i < at; i++)
        if (self->flight[i].epoch == self->flight[at].epoch)
            return i;
    return at;
}

static void pump (world_t *self, int side)
{
    for (packet_t packet = {0}; link_next (&self->links[side], &packet); packet = (packet_t){0}) {
        link_stamp (&self->links[side], &packet.header);
        wire_send (&self->wires[side], &packet);
    }
}

static void beat (world_t *self, int side)
{
    packet_t packet = {.header.type = MSG_BEAT};
    link_stamp (&self->links[side], &packet.header);
    wire_send (&self->wires[side], &packet);
}

static void deliver (world_t *self, int side)
{
    flow_t *wire = &self->wires[1 - side];
    if (!wire->size)
        return;
    size_t at = wire_pick (wire, &self->seed);
    message_t message = wire->flight[at].message;
    link_t *link = &self->links[side];
    link_heard (link, &message.header);
    if (message.header.seq && link_accept (link, message.header.seq, message.header.count)) {
        assert_int_equal (side, 1);
        assert_int_equal (message.header.seq, self->handled + 1);
        assert_int_equal (message.records_size, 8);
        uint64_t value;
        memcpy (&value, message.records, 8);
        assert_int_equal (value, ++self->handled);
    }
    wire_take_off (wire, at);
    if (below (&self->seed, 3) == 0)
        link_ack_all (link);
    if (link_must_tell (link))
        beat (self, side);
}

static void push (world_t *self)
{
    self->pushed++;
    slice_t records = slice_from (&self->pushed, 8);
    link_push (&self->links[0], MSG_DONE, 1, &records, NULL);
    assert_null (records.block);
}

static void step (world_t *self, bool lossy)
{
    int side = (int)below (&self->seed, 2);
    switch (below (&self->seed, lossy ? 40 : 38)) {
    case 38:
    case 39:
        wire_break (&self->wires[side], &self->seed);
        break;
    case 0:
        beat (self, side);
        break;
    case 1:
    case 2:
    case 3:
        if (lossy)
            push (self);
        break;
    case 4:
    case 5:
        pump (self, 0);
        break;
    default:
        deliver (self, side);
    }
}

static void test_lossy_wire_delivers_once_in_order (void **state)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        world_t *self = calloc (1, sizeof *self);
        self->seed = seed;
        for (int i = 0; i < 2000; i++)
            step (self, true);
        //  losses stop: it ends, and the sender knows
        int steps = 0;
        while (self->handled < self->pushed || !link_idle (&self->links[0])) {
            assert_true (steps++ < 200000);
            step (self, false);
        }
        assert_int_equal (link_sent (&self->links[0]), self->pushed);
        for (int side = 0; side < 2; side++) {
            while (self->wires[side].size)
                wire_take_off (&self->wires[side], 0);
            assert_false (self->links[side].failed);
            link_free (&self->links[side]);
        }
        free (self);
    }
}

static void push_text (link_t *link, const char *text)
{
    slice_t records = slice_text (text);
    link_push (link, MSG_OUT, 1, &records, NULL);
}

//  Takes the next letter for the wire and compares it.
static void assert_next (link_t *link, uint64_t seq, const char *text)
{
    packet_t packet = {0};
    assert_true (link_next (link, &packet));
    assert_int_equal (packet.header.seq, seq);
    assert_memory_equal (packet.records.data, text, strlen (text));
    packet_drop (&packet);
}

static void test_restart_sends_what_lasts_from_one (void **state)
{
    link_t link = {0};
    packet_t packet = {0};
    push_text (&link, "acked");
    push_text (&link, "piece");
    link_transient (&link);
    push_text (&link, "stays");
    while (link_next (&link, &packet))
        packet_drop (&packet);
    link_heard (&link, &(header_t){.got = 2, .ack = 1});
    assert_true (link_accept (&link, 1, 1));
    assert_non_null (link_letter (&link, 1));
    assert_null (link_letter (&link, 2));
    link_restart (&link);
    assert_int_equal (link_sent (&link), 1);
    assert_next (&link, 1, "stays");
    assert_false (link_next (&link, &packet));
    assert_true (link_accept (&link, 1, 1)); // reception begins anew
    link_free (&link);
}

static void test_gap_goes_back (void **state)
{
    link_t link = {0};
    packet_t packet = {0};
    push_text (&link, "a");
    push_text (&link, "b");
    while (link_next (&link, &packet))
        packet_drop (&packet);
    link_heard (&link, &(header_t){.got = 1}); // no flag: what follows is under way
    assert_false (link_next (&link, &packet));
    link_heard (&link, &(header_t){.got = 1, .flags = FLAG_GAP});
    assert_next (&link, 2, "b");
    assert_false (link_next (&link, &packet));
    link_free (&link);
}

static void test_gap_is_told_once_and_by_beats (void **state)
{
    link_t link = {0};
    header_t told = {0};
    assert_false (link_accept (&link, 3, 1));
    assert_true (link_must_tell (&link));
    link_stamp (&link, &told);
    assert_true (told.flags & FLAG_GAP);
    assert_false (link_accept (&link, 4, 1)); // the same gap
    assert_false (link_must_tell (&link));
    link_heard (&link, &(header_t){.sent = 4}); // a beat: it was lost again
    assert_true (link_must_tell (&link));
    assert_true (link_accept (&link, 1, 1));
    assert_false (link_accept (&link, 1, 1));
    assert_false (link.gap);
    link_free (&link);
}

static void test_numbers_that_cannot_be_true_are_ignored (void **state)
{
    link_t link = {0};
    packet_t packet = {0};
    push_text (&link, "a");
    push_text (&link, "b");
    assert_true (link_next (&link, &packet));
    packet_drop (&packet);
    static const header_t lies[] = {
        {.got = 2, .ack = 2},
        {.got = 0, .ack = 1},
        {.got = UINT64_MAX, .ack = UINT64_MAX},
        {.got = 2, .flags = FLAG_GAP},
        {.got = UINT64_MAX, .flags = FLAG_GAP},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
        link_heard (&link, &lies[i]);
    assert_int_equal (link.acked, 0);
    assert_next (&link, 2, "b");
    assert_false (link_accept (&link, UINT64_MAX, 1));
    link_free (&link);
}

//  A letter that holds many is as good as many; one whose `count` says nothing is one.
static void test_many_records_make_the_numbers_due (void **state)
{
    static const struct {
        uint32_t records;
        uint64_t letters;
    } rows[] = {{1, 64}, {0, 64}, {2, 32}, {21, 4}, {63, 2}, {64, 1}, {UINT32_MAX, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        link_t link = {0};
        uint64_t seq = 0;
        while (!link_must_tell (&link) && seq < 1000)
            link_accept (&link, ++seq, rows[i].records);
        assert_int_equal (seq, rows[i].letters);
        header_t told = {0};
        link_ack_all (&link);
        link_stamp (&link, &told);
        assert_int_equal (told.got, seq);
        assert_int_equal (told.ack, seq);
        assert_false (link_must_tell (&link));
        assert_false (link_accept (&link, seq, UINT32_MAX)); // heard before: that counts as one
        assert_false (link_must_tell (&link));
        link_free (&link);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_lossy_wire_delivers_once_in_order),
        cmocka_unit_test (test_restart_sends_what_lasts_from_one),
        cmocka_unit_test (test_gap_goes_back),
        cmocka_unit_test (test_gap_is_told_once_and_by_beats),
        cmocka_unit_test (test_numbers_that_cannot_be_true_are_ignored),
        cmocka_unit_test (test_many_records_make_the_numbers_due),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
