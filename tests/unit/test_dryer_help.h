//  Shared by the tests of a dryer alone: what a sink and a washer would say to it, and what it says.
#ifndef TEST_DRYER_HELP_H
#define TEST_DRYER_HELP_H

#include "test_core_help.h"

#include "core/dryer.h"

enum { RUN = 7, SINK = 100, OLD_WASHER = 200, WASHER = 300, DRYER = 400 };

typedef struct {
    dryer_t *dryer;
    int64_t now_ms;
    uint64_t sink_seq, lane_seq;
    uint64_t sinks; // that came after the first
} desk_t;

static inline void on_sink_found (void *arg, const char *endpoint)
{
}

static inline void on_lane_connect (void *arg, uint64_t washer, uint32_t generation, const char *endpoint)
{
    desk_t *self = arg;
    self->lane_seq = 0;
}

static inline void on_lane_close (void *arg, uint64_t washer)
{
}

static inline void on_wants (void *arg, uint8_t wants, const char *tagstring)
{
}

static inline size_t on_read_output (void *arg, void *cookie, int stream, uint64_t offset, uint8_t *out, size_t size)
{
    memset (out, 'x', size);
    return size;
}

static inline void on_free_output (void *arg, void *cookie)
{
}

static inline void hear (desk_t *self, uint8_t type, uint64_t seq, writer_t *records)
{
    message_t message = {.header = {.type = type, .count = 1, .run = RUN, .to = DRYER, .seq = seq}};
    message.header.from = SINK + self->sinks;
    message.header.credit = 1 << 20;
    message.header.to = type == MSG_ADVERT ? 0 : DRYER;
    message.records = records->data;
    message.records_size = records->size;
    dryer_heard (self->dryer, &message, self->now_ms);
    writer_free (records);
}

static inline void sink_calls (desk_t *self)
{
    writer_t out = {0};
    put_text (&out, "inproc://in");
    hear (self, MSG_ADVERT, 0, &out);
    dryer_connected (self->dryer, self->now_ms);
}

static inline void sink_welcomes (desk_t *self)
{
    writer_t out = {0};
    put_u32 (&out, 5000);
    put_u8 (&out, false);
    put_u8 (&out, 0);
    put_text (&out, "");
    hear (self, MSG_WELCOME, 0, &out);
    assert_int_equal (dryer_state (self->dryer), DRYER_OPEN);
}

static inline void order_lane (desk_t *self, uint64_t washer)
{
    writer_t out = {0};
    put_u64 (&out, washer);
    put_u32 (&out, 1);
    put_text (&out, "inproc://lane");
    hear (self, MSG_LANE, ++self->sink_seq, &out);
    dryer_lane_connected (self->dryer, washer, 1, self->now_ms);
}

static inline void desk_open_with (desk_t *self, uint64_t washer, bool no_blocks, uint32_t gather)
{
    *self = (desk_t){.now_ms = 1000};
    dryer_config_t config = {.life = DRYER, .slots = 2, .prefetch = 8, .grain = 1, .unsure = 2, .no_blocks = no_blocks};
    config.gather = gather;
    dryer_ports_t ports = {
        self, on_sink_found, on_lane_connect, on_lane_close, on_wants, on_read_output, on_free_output, NULL, NULL};
    self->dryer = dryer_new (&config, &ports, self->now_ms);
    sink_calls (self);
    sink_welcomes (self);
    order_lane (self, washer);
}

static inline void desk_open_for (desk_t *self, uint64_t washer, bool no_blocks)
{
    desk_open_with (self, washer, no_blocks, 0);
}

static inline void desk_open (desk_t *self, uint64_t washer)
{
    desk_open_for (self, washer, true);
}

static inline void lane (desk_t *self, uint64_t washer, uint8_t type, writer_t *records, const char *body)
{
    slice_t bytes = slice_text (body);
    message_t message = {.header = {.type = type, .count = 1, .run = RUN, .from = washer, .to = DRYER}};
    message.header.seq = ++self->lane_seq;
    message.records = records->data;
    message.records_size = records->size;
    message.body = &bytes;
    dryer_heard_lane (self->dryer, &message, self->now_ms);
    slice_drop (&bytes);
    writer_free (records);
}

static inline void tasks_of (desk_t *self, uint64_t washer, const shape_t *shape, uint64_t n, uint64_t count,
                             const char *body)
{
    writer_t out = {0};
    put_run (&out, n, count);
    put_u32 (&out, 1);
    put_u8 (&out, 1); // the last attempt
    put_shape (&out, shape);
    lane (self, washer, MSG_TASKS, &out, body);
}

static inline void tasks (desk_t *self, uint64_t washer, uint64_t n, uint64_t count, const char *body)
{
    tasks_of (self, washer, &(shape_t){BLOCK_DELIMITED, '\n', 1, 1}, n, count, body);
}

//  Takes the next job and ends it well.
static inline bool work (desk_t *self)
{
    job_t job;
    if (!dryer_take (self->dryer, 1, &job))
        return false;
    dryer_done (self->dryer, &(result_t){.ticket = job.ticket, .n = job.n, .count = job.count}, self->now_ms);
    slice_drop (&job.bytes);
    return true;
}

//  The types of the letters that go to the sink now, in order, by their names.
static inline void assert_says (desk_t *self, const char *expected)
{
    char said[256] = "";
    dryer_tick (self->dryer, ++self->now_ms);
    for (packet_t packet; dryer_packet (self->dryer, &packet); packet_drop (&packet))
        if (packet.header.seq) {
            strcat (said, msg_name (packet.header.type));
            strcat (said, " ");
        }
    assert_string_equal (said, expected);
}

#endif
