//  No byte sequence crashes, hangs or grows a part: random records in messages of every type, into every core, welcomed
//  or not, in the link or outside of it. To be run under the sanitizers.
//  ctest: seconds=240
#include "test_core_pipe.h"

#include "core/sink_i.h"
#include "core/washer_i.h"

#include <malloc.h>

enum { MESSAGES = 60000, BYTES = 400 };

static const sink_config_t sink_config = {.output_bytes = 1 << 16, .backlog_bytes = 1 << 20, .dead_after_ms = 5000};
static const washer_config_t washer_config = {.shape = {BLOCK_DELIMITED, '\n', 1, 1}, .retries = 2};
static const dryer_config_t dryer_config = {.slots = 2, .prefetch = 4, .grain = 1, .unsure = 2};

//  A number as it stands on the wire: small, a life that is known, near a limit, or anything.
static uint64_t some_number (uint64_t *seed)
{
    static const uint64_t numbers[] = {0,
                                       1,
                                       2,
                                       3,
                                       PIPE_SINK,
                                       PIPE_WASHER,
                                       PIPE_DRYER,
                                       INT64_MAX,
                                       INT64_MIN,
                                       UINT64_MAX,
                                       UINT64_MAX - 1,
                                       UINT32_MAX,
                                       1 << 20,
                                       INT64_MAX - 1,
                                       PIPE_WASHER + 1,
                                       PIPE_DRYER + 1};
    switch (below (seed, 4)) {
    case 0:
        return below (seed, 50);
    case 1:
        return chance (seed);
    default:
        return numbers[below (seed, sizeof numbers / sizeof *numbers)];
    }
}

static slice_t some_bytes (uint64_t *seed)
{
    writer_t out = {0};
    slice_t bytes;
    for (size_t size = below (seed, 4) ? below (seed, 80) : below (seed, BYTES); out.size < size;)
        switch (below (seed, 4)) {
        case 0:
            put_u8 (&out, (uint8_t)some_number (seed));
            break;
        case 1:
            put_u32 (&out, (uint32_t)some_number (seed));
            break;
        case 2:
            put_text (&out, below (seed, 2) ? "name" : "");
            break;
        default:
            put_u64 (&out, some_number (seed));
        }
    assert_int_equal (writer_take (&out, &bytes), 0);
    return bytes;
}

//  The records of each type as they should be: u8 b, u16 h, u32 i, u64 q, a run r, a text t, a size s; "*" repeats what
//  follows.
static const char *const layouts[70] = {
    [MSG_HELLO] = "bttiiiiqqi*qqr",
    [MSG_DONE] = "q*rqihbbqqssss",
    [MSG_OUT] = "qqqbbt",
    [MSG_FAILED] = "qq*qqihbb",
    [MSG_RETURNED] = "qqq*rq",
    [MSG_LANEGOT] = "qqiq",
    [MSG_SLOTS] = "iii",
    [MSG_HOLDING] = "qbqqi*qqr",
    [MSG_EOF] = "q",
    [MSG_LANE] = "qit",
    [MSG_BROKEN] = "qibbhi",
    [MSG_DROPPED] = "r",
    [MSG_CLOSED] = "q",
    [MSG_DIED] = "q",
    [MSG_WELCOME] = "ibiqbqqi*r",
    [MSG_DRYER_UP] = "qtiiiiqqi*qqr",
    [MSG_DRYER_SLOTS] = "qiii",
    [MSG_DRYER_DOWN] = "qb",
    [MSG_COUNTED] = "*rb",
    [MSG_WASHER_DOWN] = "qb",
    [MSG_TASKS] = "ribbbhi",
    [MSG_RECALL] = "i",
};

//  Most runs are small enough to be of tasks that there are.
static void put_some_run (writer_t *out, uint64_t *seed)
{
    if (below (seed, 12))
        put_run (out, 1 + below (seed, 10), 1 + below (seed, 4));
    else
        put_run (out, some_number (seed), some_number (seed));
}

static void put_field (writer_t *out, char field, uint64_t *seed)
{
    switch (field) {
    case 'b':
        put_u8 (out, (uint8_t)(below (seed, 3) ? below (seed, 3) : chance (seed)));
        break;
    case 'h':
        put_u16 (out, (uint16_t)some_number (seed));
        break;
    case 'i':
        put_u32 (out, (uint32_t)some_number (seed));
        break;
    case 's':
        put_u32 (out, (uint32_t)(below (seed, 4) ? 0 : some_number (seed)));
        break;
    case 'q':
        put_u64 (out, some_number (seed));
        break;
    case 'r':
        put_some_run (out, seed);
        break;
    case 't':
        put_text (out, below (seed, 2) ? "name" : "");
        break;
    default:
        break; // a "*"
    }
}

//  Records of the right form, with any values; now and then cut off, or followed by more.
static slice_t some_records (uint8_t type, uint64_t *seed)
{
    const char *layout = type < 70 && layouts[type] ? layouts[type] : "", *tail = strchr (layout, '*');
    writer_t out = {0};
    slice_t bytes;
    if (type == MSG_HELLO)
        put_u8 (&out, "wdo"[below (seed, 3)]), layout++;
    for (const char *field = layout; *field; field++)
        put_field (&out, *field, seed);
    for (uint64_t more = tail ? below (seed, 4) : 0; more; more--)
        for (const char *field = tail; *field; field++)
            put_field (&out, *field, seed);
    if (below (seed, 10) == 0)
        out.size = below (seed, out.size + 1);
    assert_int_equal (writer_take (&out, &bytes), 0);
    return bytes;
}

//  A message that gets past the checks of its header, as a rule, and holds anything.
static packet_t some_packet (uint64_t *seed, uint64_t from, uint64_t to, uint64_t seq)
{
    packet_t packet = {0};
    header_t *header = &packet.header;
    do
        header->type = (uint8_t)below (seed, 70);
    while (!strcmp (msg_name (header->type), "?"));
    header->flags = (uint8_t)below (seed, 4);
    packet.records = below (seed, 8) ? some_records (header->type, seed) : some_bytes (seed);
    header->count = (uint32_t)some_number (seed);
    header->run = below (seed, 20) ? PIPE_RUN : some_number (seed);
    header->from = below (seed, 20) ? from : some_number (seed);
    header->to = below (seed, 20) ? to : some_number (seed);
    header->seq = below (seed, 10) ? seq : some_number (seed);
    header->got = below (seed, 4);
    header->ack = below (seed, 4);
    header->sent = below (seed, 3) ? 0 : some_number (seed);
    header->credit = some_number (seed);
    if (below (seed, 2))
        packet.body = some_bytes (seed);
    return packet;
}

//  The end of a run, another run, or a life that is closed would leave nothing to be tried.
static bool ends_all (const packet_t *packet)
{
    uint8_t type = packet->header.type;
    return type == MSG_ADVERT || type == MSG_GONE || type == MSG_REFUSED || type == MSG_JOINED || type == MSG_STOP;
}

//  What the sink says outside of the link
static bool is_outside (uint8_t type)
{
    return type == MSG_BEAT || type == MSG_WELCOME || type == MSG_WHO;
}

static pipe_t pipe;
static pipe_dryer_t dryers[2];
static uint64_t heard[2]; // by the dryer: of the sink's link, of the lane

static void begin (bool welcomed)
{
    pipe_begin (&pipe, dryers, 2, &sink_config, &washer_config, &dryer_config);
    heard[0] = heard[1] = 0;
    if (!welcomed)
        return;
    pipe_meet (&pipe);
    slice_t lines = slice_text ("1\n2\n3\n4\n5\n6\n7\n8\n");
    assert_int_equal (washer_put (pipe.washer, &lines, 8), 0);
    pipe_turn (&pipe);
    heard[0] = link_sent (&roster_find (&pipe.sink->roster, PIPE_DRYER)->link);
    heard[1] = lanes_find (&pipe.washer->lanes, PIPE_DRYER)->next - 1;
}

//  What a role would do between two messages; what comes out is thrown away.
static void turn (uint64_t *seed)
{
    packet_t packet;
    job_t job;
    pipe_connections (&pipe);
    washer_tick (pipe.washer, pipe.now_ms);
    while (washer_packet (pipe.washer, &packet))
        packet_drop (&packet);
    for (uint64_t life = 0; (life = washer_lane_ready (pipe.washer, life));)
        while (washer_lane_next (pipe.washer, life, &packet)) {
            packet_drop (&packet);
            washer_lane_sent (pipe.washer, life);
        }
    for (size_t i = 0; i < 2; i++) {
        dryer_t *dryer = pipe.dryers[i].core;
        while (dryer_take (dryer, 1 + below (seed, 3), &job)) {
            result_t result = {.ticket = job.ticket, .n = job.n, .count = job.count, .status = below (seed, 2)};
            dryer_done (dryer, &result, pipe.now_ms);
            slice_drop (&job.bytes);
        }
        dryer_tick (dryer, pipe.now_ms);
        while (dryer_packet (dryer, &packet))
            packet_drop (&packet);
    }
    sink_tick (pipe.sink, pipe.now_ms);
    assert_true (washer_due_ms (pipe.washer) > 0 && dryer_due_ms (dryers[0].core) > 0 && sink_due_ms (pipe.sink) > 0);
    assert_false (washer_failed (pipe.washer) || dryer_failed (dryers[0].core) || sink_failed (pipe.sink));
    while (sink_packet (pipe.sink, &packet))
        packet_drop (&packet);
}

static void hit_washer (uint64_t *seed)
{
    packet_t packet = some_packet (seed, PIPE_SINK, PIPE_WASHER, pipe.washer->session.link.got + 1);
    message_t message = pipe_message (&packet);
    if (!ends_all (&packet))
        washer_heard (pipe.washer, &message, pipe.now_ms);
    packet_drop (&packet);
}

static void hit_dryer (uint64_t *seed)
{
    bool lane = below (seed, 2);
    packet_t packet = some_packet (seed, lane ? PIPE_WASHER : PIPE_SINK, PIPE_DRYER, heard[lane] + 1);
    if (lane) {
        packet.header.type = (uint8_t)(MSG_TASKS + below (seed, 3));
        slice_drop (&packet.records);
        packet.records = some_records (packet.header.type, seed);
    }
    const header_t *header = &packet.header;
    bool good = header->run == PIPE_RUN && header->to == PIPE_DRYER && header->seq == heard[lane] + 1;
    if (good && header->from == (lane ? PIPE_WASHER : PIPE_SINK) && (lane || !is_outside (header->type)))
        heard[lane]++;
    message_t message = pipe_message (&packet);
    if (lane)
        dryer_heard_lane (dryers[0].core, &message, pipe.now_ms);
    else if (!ends_all (&packet))
        dryer_heard (dryers[0].core, &message, pipe.now_ms);
    packet_drop (&packet);
}

static void hit_sink (uint64_t *seed)
{
    static const uint64_t from[] = {PIPE_WASHER, PIPE_DRYER, PIPE_DRYER + 1};
    size_t who = below (seed, 3);
    peer_t *peer = roster_find (&pipe.sink->roster, from[who]);
    packet_t packet = some_packet (seed, from[who], PIPE_SINK, peer ? peer->link.got + 1 : 1);
    message_t message = pipe_message (&packet);
    sink_heard (pipe.sink, &message, pipe.now_ms);
    packet_drop (&packet);
}

static void storm (void (*hit) (uint64_t *seed), bool welcomed)
{
    uint64_t seed = welcomed;
    for (int round = 0; round < 60; round++) { // each anew: a message may well close a life, or end the run
        begin (welcomed);
        for (int i = 0; i < MESSAGES / 60; i++) {
            hit (&seed);
            if (below (&seed, 10) == 0) {
                pipe.now_ms += (int64_t)below (&seed, 100);
                turn (&seed);
            }
        }
        assert_true (mallinfo2 ().uordblks < (size_t)64 << 20);
        pipe_end (&pipe);
    }
}

static void test_washer_bears_anything (void **state)
{
    storm (hit_washer, true);
}

static void test_washer_not_welcomed_bears_anything (void **state)
{
    storm (hit_washer, false);
}

static void test_dryer_bears_anything (void **state)
{
    storm (hit_dryer, true);
}

static void test_dryer_not_welcomed_bears_anything (void **state)
{
    storm (hit_dryer, false);
}

static void test_sink_bears_anything (void **state)
{
    storm (hit_sink, true);
}

static void test_sink_without_peers_bears_anything (void **state)
{
    storm (hit_sink, false);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_washer_bears_anything), cmocka_unit_test (test_washer_not_welcomed_bears_anything),
        cmocka_unit_test (test_dryer_bears_anything),  cmocka_unit_test (test_dryer_not_welcomed_bears_anything),
        cmocka_unit_test (test_sink_bears_anything),   cmocka_unit_test (test_sink_without_peers_bears_anything),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
