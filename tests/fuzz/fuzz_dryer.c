//  The dryer's core, told anything by the sink and by a washer. A job that it hands out holds the tasks that it names,
//  and every output is let go of once.
#include "base/line.h"
#include "core/dryer.h"
#include "letters.h"

static const layout_t layouts[] = {
    {MSG_ADVERT, "t"},       {MSG_WELCOME, "wbbt"}, {MSG_LANE, "lwt"}, {MSG_LANE, "lwt"},
    {MSG_WASHER_DOWN, "lb"}, {MSG_HALT, ""},        {MSG_GONE, ""},    {MSG_WHO, ""},
    {MSG_REFUSED, "t"},      {MSG_BEAT, ""},        {MSG_BEAT, ""},    {MSG_STOP, "bbqqqqqqqqt"},
};
static const layout_t lane_layouts[] = {
    {MSG_TASKS, "rwbbbhw"},
    {MSG_TASKS, "rwbbbhw"},
    {MSG_RECALL, "w"},
    {MSG_SKIP, ""},
};
enum { LAYOUTS = sizeof layouts / sizeof *layouts, JOBS = 8 };

typedef struct {
    dryer_t *core;
    voice_t sink, lane;
    int64_t now_ms;
    job_t jobs[JOBS];
    uint64_t done[JOBS]; // of the job's tasks
    size_t outputs;      // not yet let go of
    uint64_t ticket;     // the last one
} world_t;

typedef struct {
    size_t bytes;
    bool unreadable;
} output_t;

//  ---- ports

static void on_found (void *arg, const char *endpoint)
{
    HOLDS (strlen (endpoint) < ENDPOINT_BYTES);
}

static void on_connect (void *arg, uint64_t washer, uint32_t generation, const char *endpoint)
{
    ((world_t *)arg)->lane = (voice_t){.life = washer};
    HOLDS (generation);
}

static void on_close (void *arg, uint64_t washer)
{
    HOLDS (washer);
}

static void on_wants (void *arg, uint8_t wants, const char *tagstring)
{
    HOLDS (strlen (tagstring) < ENDPOINT_BYTES);
}

static size_t on_read (void *arg, void *cookie, int stream, uint64_t offset, uint8_t *out, size_t size)
{
    const output_t *output = cookie;
    HOLDS (size && offset + size <= output->bytes);
    memset (out, stream, size);
    return output->unreadable ? 0 : size;
}

static void on_free (void *arg, void *cookie)
{
    HOLDS (((world_t *)arg)->outputs--);
    free (cookie);
}

//  ---- the work

static void take (world_t *self, feed_t *feed)
{
    unsigned slot = feed_below (feed, JOBS);
    if (self->jobs[slot].count)
        return;
    job_t job;
    if (!dryer_take (self->core, 1 + feed_below (feed, 8), &job))
        return;
    HOLDS (dryer_state (self->core) == DRYER_OPEN && run_valid (job.n, job.count));
    HOLDS (job.ticket > self->ticket);
    HOLDS (shape_count (&job.shape, job.bytes.data, job.bytes.size) == job.count);
    self->ticket = job.ticket;
    self->jobs[slot] = job;
    self->done[slot] = 0;
}

static void finish (world_t *self, feed_t *feed)
{
    unsigned slot = feed_below (feed, JOBS);
    job_t *job = &self->jobs[slot];
    if (!job->count)
        return;
    result_t result = {.ticket = job->ticket, .n = job->n + self->done[slot], .count = job->count - self->done[slot]};
    uint8_t bits = feed_byte (feed);
    if (bits & 1)
        result.count = 1;
    result.status = bits & 2 ? (uint16_t)feed_byte (feed) : 0;
    result.start_us = bits & 4;
    if (bits & 8)
        result.tag = "tag", result.tag_size = 3;
    if (bits & 16 && result.count == 1) {
        output_t *output = malloc (sizeof *output);
        result.out_bytes = feed_number (feed) % 200000;
        result.err_bytes = feed_number (feed) % 200000;
        *output = (output_t){result.out_bytes > result.err_bytes ? result.out_bytes : result.err_bytes, bits & 32};
        result.cookie = output;
        self->outputs++;
    }
    dryer_done (self->core, &result, self->now_ms);
    self->done[slot] += result.count;
    if (self->done[slot] < job->count)
        return;
    slice_drop (&job->bytes);
    *job = (job_t){0};
}

//  What is not done of one goes back.
static void give_back (world_t *self, feed_t *feed)
{
    unsigned slot = feed_below (feed, JOBS);
    job_t *job = &self->jobs[slot];
    if (!job->count)
        return;
    if (self->done[slot])
        dryer_return_part (self->core, job->ticket, job->n + self->done[slot], job->count - self->done[slot]);
    else
        dryer_return (self->core, job->ticket);
    slice_drop (&job->bytes);
    *job = (job_t){0};
}

static void stream (world_t *self, feed_t *feed)
{
    const job_t *job = &self->jobs[feed_below (feed, JOBS)];
    size_t size = feed_number (feed) % 70000;
    uint8_t *data = calloc (1, size + 1);
    if (job->count)
        HOLDS (dryer_stream (self->core, job->ticket, 1 + (int)feed_below (feed, 2), "t", 1, data, size) <= size);
    free (data);
}

//  Other numbers, but room for what is begun.
static void pace (world_t *self, feed_t *feed)
{
    uint64_t begun = 0;
    job_t next;
    for (int i = 0; i < JOBS; i++)
        begun += self->jobs[i].count ? self->jobs[i].count - self->done[i] : 0;
    if (dryer_peek (self->core, &next))
        HOLDS (next.count == 1 && shape_count (&next.shape, next.bytes.data, next.bytes.size) == 1);
    dryer_pace (self->core, feed_below (feed, 16), (uint32_t)begun + 1 + feed_below (feed, 8));
    HOLDS (dryer_status (self->core).running <= JOBS);
}

//  ---- the world

static void hear (world_t *self, feed_t *feed, const layout_t *layouts_of, size_t size)
{
    received_t in;
    bool lane = layouts_of == lane_layouts;
    if (any_message (feed, lane ? &self->lane : &self->sink, DRYER_LIFE, layouts_of, size, &in)) {
        if (lane)
            dryer_heard_lane (self->core, &in.message, self->now_ms);
        else
            dryer_heard (self->core, &in.message, self->now_ms);
    }
    received_drop (&in);
}

//  Tasks as a washer would send them.
static void hear_tasks (world_t *self, feed_t *feed)
{
    uint64_t count = 1 + feed_below (feed, 6), n = 1 + feed_below (feed, 100);
    block_t *block = block_new (2 * count);
    memcpy (block_data (block), "a\na\na\na\na\na\n", 2 * count);
    slice_t body = slice_of (block, 0, 2 * count);
    block_unref (block);
    writer_t records = {0};
    put_run (&records, n, count);
    put_u32 (&records, 1);
    put_u8 (&records, feed_byte (feed) & 1);
    put_u8 (&records, BLOCK_DELIMITED);
    put_u8 (&records, '\n');
    put_u16 (&records, 1);
    put_u32 (&records, 1);
    message_t message = {.header = next_header (&self->lane, DRYER_LIFE, MSG_TASKS, 1),
                         .records = records.data,
                         .records_size = records.size,
                         .body = &body};
    dryer_heard_lane (self->core, &message, self->now_ms);
    writer_free (&records);
    slice_drop (&body);
}

static void meet (world_t *self, feed_t *feed)
{
    static const layout_t advert = {MSG_ADVERT, "t"}, welcome = {MSG_WELCOME, "wbbt"}, lane = {MSG_LANE, "lwt"};
    self->sink = (voice_t){.life = SINK_LIFE + feed_below (feed, LIVES_A_ROLE)};
    hear (self, feed, &advert, 1);
    dryer_connected (self->core, self->now_ms);
    hear (self, feed, &welcome, 1);
    hear (self, feed, &lane, 1);
}

static void hear_out (world_t *self)
{
    for (packet_t packet; dryer_packet (self->core, &packet); packet_drop (&packet)) {
        HOLDS (packet.wire == TO_SINK && packet.header.from == DRYER_LIFE);
        HOLDS (packet.header.ack <= packet.header.got);
        if (packet.header.seq > self->sink.heard)
            self->sink.heard = packet.header.seq;
    }
}

static void tick (world_t *self, feed_t *feed)
{
    self->now_ms += feed_rarely (feed) ? (int64_t)(feed_number (feed) % 100000) : feed_below (feed, 64);
    for (int turns = 0; turns == 0 || dryer_due_ms (self->core) <= self->now_ms; turns++) {
        HOLDS (turns < 5); // else it would never sleep
        dryer_tick (self->core, self->now_ms);
        hear_out (self);
    }
}

static void happen (world_t *self, feed_t *feed)
{
    switch (feed_below (feed, 16)) {
    case 0:
        tick (self, feed);
        break;
    case 1:
        tick (self, feed);
        pace (self, feed);
        break;
    case 2:
    case 3:
        take (self, feed);
        break;
    case 4:
    case 5:
        finish (self, feed);
        break;
    case 6:
        stream (self, feed);
        break;
    case 7:
        if (feed_rarely (feed))
            dryer_leave (self->core, self->now_ms);
        else
            dryer_slots (self->core, feed_below (feed, 4), self->now_ms);
        break;
    case 8:
        dryer_lane_connected (self->core, self->lane.life, (uint32_t)feed_number (feed), self->now_ms);
        break;
    case 9:
    case 10:
        hear (self, feed, lane_layouts, sizeof lane_layouts / sizeof *lane_layouts);
        break;
    case 11:
        hear_tasks (self, feed);
        break;
    case 12:
        if (feed_below (feed, 8) == 0)
            meet (self, feed);
        else
            give_back (self, feed);
        break;
    default:
        hear (self, feed, layouts, LAYOUTS);
    }
    HOLDS (!dryer_failed (self->core));
    HOLDS (line_is_clean (dryer_reason (self->core)) && line_is_clean (dryer_ending (self->core)->why));
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    size_t before = __sanitizer_get_current_allocated_bytes ();
    feed_t feed = feed_of (data, size);
    world_t self = {.now_ms = 1000, .sink.life = SINK_LIFE, .lane.life = WASHER_LIFE};
    unsigned bits = feed_byte (&feed);
    dryer_config_t config = {.life = DRYER_LIFE,
                             .name = "dryer",
                             .host = "host",
                             .slots = 1 + (bits >> 3 & 1),
                             .prefetch = bits >> 4 & 3,
                             .grain = 1,
                             .unsure = 2,
                             .gather = (bits >> 6) * 3,
                             .wait_ms = 60000};
    dryer_ports_t ports = {.arg = &self,
                           .sink_found = on_found,
                           .lane_connect = on_connect,
                           .lane_close = on_close,
                           .wants = on_wants,
                           .read_output = on_read,
                           .free_output = on_free};
    self.core = dryer_new (&config, &ports, self.now_ms);
    if (bits % 8)
        meet (&self, &feed);
    while (feed_left (&feed))
        happen (&self, &feed);
    dryer_destroy (&self.core);
    HOLDS (!self.outputs);
    for (int i = 0; i < JOBS; i++)
        slice_drop (&self.jobs[i].bytes);
    feed_check_memory (before, size);
    return 0;
}
