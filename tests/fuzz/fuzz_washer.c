//  The washer's core, told anything by the sink. What it sends under a number is what was put under that number.
#include "base/line.h"
#include "core/washer.h"
#include "letters.h"

#define INVENTORY "vs[vsr]"

static const layout_t layouts[] = {
    {MSG_ADVERT, "t"},
    {MSG_WELCOME, "wbwqbqq[r]"},
    {MSG_DRYER_UP, "dtwwww" INVENTORY},
    {MSG_COUNTED, "*rb"},
    {MSG_DRYER_SLOTS, "dwww"},
    {MSG_DRYER_UP, "dtwwwwvs0000"},
    {MSG_DRYER_DOWN, "db"},
    {MSG_FAILED, "dv*nswhbb"},
    {MSG_RETURNED, "dvs*rs"},
    {MSG_LANEGOT, "dvws"},
    {MSG_HALT, ""},
    {MSG_GONE, ""},
    {MSG_WHO, ""},
    {MSG_REFUSED, "t"},
    {MSG_JOINED, "bbqqqqqqqqt"},
    {MSG_BEAT, ""},
};
enum { LAYOUTS = sizeof layouts / sizeof *layouts, OPENED = 16, PUT_MOST = 2000 };

typedef struct {
    washer_t *core;
    voice_t sink;
    uint64_t life;
    int64_t now_ms;
    uint64_t put; // numbers given out
    bool dropped[PUT_MOST + 1];
    bool ended;
    struct {
        uint64_t dryer;
        uint32_t generation;
    } opened[OPENED];
    size_t opened_size;
    struct {
        uint64_t dryer, seq;
        uint32_t attempt;
        run_t run;
    } tasks, recall; // the last ones sent
} world_t;

//  ---- ports

static void on_found (void *arg, const char *endpoint)
{
    HOLDS (strlen (endpoint) < ENDPOINT_BYTES);
}

static void on_open (void *arg, uint64_t dryer, uint32_t generation, const char *host)
{
    world_t *self = arg;
    HOLDS (generation && strlen (host) < NAME_BYTES && line_is_clean (host));
    self->opened[self->opened_size % OPENED].dryer = dryer;
    self->opened[self->opened_size++ % OPENED].generation = generation;
}

static void on_close (void *arg, uint64_t dryer, uint32_t generation)
{
    HOLDS (generation);
}

//  ---- the input

static void put (world_t *self, uint64_t tasks)
{
    char text[32 * 8];
    size_t size = 0;
    if (self->ended || self->put + tasks > PUT_MOST)
        return;
    for (uint64_t i = 1; i <= tasks; i++)
        size += (size_t)snprintf (text + size, sizeof text - size, "%llu\n", (unsigned long long)(self->put + i));
    block_t *block = block_new (size);
    memcpy (block_data (block), text, size);
    slice_t slice = slice_of (block, 0, size);
    block_unref (block);
    HOLDS (washer_put (self->core, &slice, tasks) == 0);
    self->put += tasks;
}

static void put_dropped (world_t *self, uint64_t tasks)
{
    if (self->ended || self->put + tasks > PUT_MOST)
        return;
    HOLDS (washer_put_dropped (self->core, &(slice_t){0}, tasks) == 0);
    while (tasks--)
        self->dropped[++self->put] = true;
}

//  ---- what goes out

static void check_tasks (world_t *self, const packet_t *packet)
{
    message_t message = {.records = packet->records.data, .records_size = packet->records.size};
    reader_t in = reader_of (&message);
    run_t run = get_run (&in);
    const char *at = (const char *)packet->body.data, *end = at + packet->body.size;
    HOLDS (!in.bad && run.n + run.count - 1 <= self->put);
    for (uint64_t n = run.n; n < run.n + run.count; n++) {
        char line[32];
        size_t size = (size_t)snprintf (line, sizeof line, "%llu\n", (unsigned long long)n);
        HOLDS (!self->dropped[n] && (size_t)(end - at) >= size && memcmp (at, line, size) == 0);
        at += size;
    }
    HOLDS (at == end);
    self->tasks.dryer = packet->header.to;
    self->tasks.seq = packet->header.seq;
    self->tasks.attempt = get_u32 (&in);
    self->tasks.run = run;
}

static void send_lanes (world_t *self, feed_t *feed)
{
    bool all = feed_below (feed, 4);
    for (uint64_t life = 0; (life = washer_lane_ready (self->core, life));) {
        packet_t packet;
        while (washer_lane_next (self->core, life, &packet)) {
            HOLDS (packet.header.to == life && packet.header.seq && packet.header.seq <= packet.header.sent);
            if (packet.header.type == MSG_TASKS) {
                check_tasks (self, &packet);
            } else if (packet.header.type == MSG_RECALL) {
                self->recall.dryer = life;
                self->recall.seq = packet.header.seq;
            }
            packet_drop (&packet);
            washer_lane_sent (self->core, life);
            if (!all)
                break;
        }
    }
}

static void hear_out (world_t *self)
{
    for (packet_t packet; washer_packet (self->core, &packet); packet_drop (&packet)) {
        HOLDS (packet.wire == TO_SINK && packet.header.from == self->life);
        HOLDS (packet.header.ack <= packet.header.got);
        if (packet.header.seq > self->sink.heard)
            self->sink.heard = packet.header.seq;
    }
}

//  ---- the world

static void hear (world_t *self, feed_t *feed)
{
    received_t in;
    if (any_message (feed, &self->sink, self->life, layouts, LAYOUTS, &in))
        washer_heard (self->core, &in.message, self->now_ms);
    received_drop (&in);
}

//  A sink begins, or begins again.
static void meet (world_t *self, feed_t *feed)
{
    self->sink = (voice_t){.life = SINK_LIFE + feed_below (feed, LIVES_A_ROLE)};
    const layout_t advert = {MSG_ADVERT, "t"}, welcome = {MSG_WELCOME, "wbwqbqq[r]"};
    received_t in;
    if (any_message (feed, &self->sink, 0, &advert, 1, &in))
        washer_heard (self->core, &in.message, self->now_ms);
    received_drop (&in);
    washer_connected (self->core, self->now_ms);
    if (any_message (feed, &self->sink, self->life, &welcome, 1, &in))
        washer_heard (self->core, &in.message, self->now_ms);
    received_drop (&in);
}

static void lane_happens (world_t *self, feed_t *feed)
{
    unsigned which = feed_below (feed, OPENED);
    uint64_t dryer = self->opened[which].dryer;
    uint32_t generation = self->opened[which].generation;
    if (feed_below (feed, 3))
        washer_lane_bound (self->core, dryer, generation, "inproc://lane", self->now_ms);
    else
        washer_lane_lost (self->core, dryer, generation, self->now_ms);
}

static void tick (world_t *self, feed_t *feed)
{
    self->now_ms += feed_rarely (feed) ? (int64_t)(feed_number (feed) % 100000) : feed_below (feed, 64);
    for (int turns = 0; turns == 0 || washer_due_ms (self->core) <= self->now_ms; turns++) {
        HOLDS (turns < 5); // else it would never sleep
        washer_tick (self->core, self->now_ms);
        hear_out (self);
    }
}

//  ---- what chance alone would hardly come to: a story of dryers that makes sense

static void say (world_t *self, uint8_t type, uint32_t count, writer_t *records)
{
    message_t message = {.header = next_header (&self->sink, self->life, type, count),
                         .records = records->data,
                         .records_size = records->size};
    washer_heard (self->core, &message, self->now_ms);
    writer_free (records);
}

static void sink_comes (world_t *self, feed_t *feed, uint64_t dryer)
{
    const layout_t advert = {MSG_ADVERT, "t"};
    received_t in;
    self->sink = (voice_t){.life = self->sink.life + feed_below (feed, 2)};
    if (any_message (feed, &self->sink, 0, &advert, 1, &in))
        washer_heard (self->core, &in.message, self->now_ms);
    received_drop (&in);
    washer_connected (self->core, self->now_ms);
    writer_t records = {0};
    put_u32 (&records, 5000);
    put_u8 (&records, feed_below (feed, 2));  // durable
    put_u32 (&records, feed_below (feed, 3)); // crash limit
    put_u64 (&records, feed_below (feed, 8)); // order window
    put_u8 (&records, 0);
    put_u64 (&records, 0);
    put_u64 (&records, 0);
    put_u32 (&records, 0);
    say (self, MSG_WELCOME, 1, &records);
    self->sink.said = 0; // it had none
}

static void dryer_comes (world_t *self, feed_t *feed, uint64_t dryer)
{
    uint32_t slots = 1 + feed_below (feed, 4);
    writer_t records = {0};
    put_u64 (&records, dryer);
    put_text (&records, "host");
    for (int i = 0; i < 4; i++) // slots, prefetch, grain, unsure
        put_u32 (&records, i == 2 ? 1 : slots);
    put_u64 (&records, self->life);
    put_u64 (&records, feed_below (feed, 4)); // got
    put_u32 (&records, 0);
    say (self, MSG_DRYER_UP, 1, &records);
}

static void dryer_goes (world_t *self, feed_t *feed, uint64_t dryer)
{
    writer_t records = {0};
    put_u64 (&records, feed_below (feed, 4) ? self->tasks.dryer : dryer);
    put_u8 (&records, feed_below (feed, 4) > 0); // blame
    say (self, MSG_DRYER_DOWN, 1, &records);
}

static void tasks_count (world_t *self, feed_t *feed, uint64_t dryer)
{
    writer_t records = {0};
    put_u64 (&records, self->tasks.run.n);
    put_u64 (&records, 1 + feed_below (feed, 8));
    put_u8 (&records, (uint8_t)feed_below (feed, 4));
    say (self, MSG_COUNTED, 1, &records);
}

static void task_fails (world_t *self, feed_t *feed, uint64_t dryer)
{
    writer_t records = {0};
    put_u64 (&records, self->tasks.dryer);
    put_u64 (&records, self->life);
    put_u64 (&records, self->tasks.run.n);
    put_u64 (&records, self->tasks.seq);
    put_u32 (&records, self->tasks.attempt);
    put_u32 (&records, 1);
    say (self, MSG_FAILED, 1, &records);
}

static void tasks_return (world_t *self, feed_t *feed, uint64_t dryer)
{
    writer_t records = {0};
    put_u64 (&records, self->recall.seq ? self->recall.dryer : self->tasks.dryer);
    put_u64 (&records, self->life);
    put_u64 (&records, self->recall.seq);
    uint32_t count = feed_below (feed, 2);
    if (count) {
        put_run (&records, self->tasks.run.n, 1 + feed_below (feed, 4));
        put_u64 (&records, self->tasks.seq);
    }
    say (self, MSG_RETURNED, count, &records);
}

//  One of the last lanes that were opened.
static size_t any_lane (const world_t *self, feed_t *feed)
{
    return (self->opened_size + OPENED - 1 - feed_below (feed, 4)) % OPENED;
}

static void lane_breaks (world_t *self, feed_t *feed, uint64_t dryer)
{
    size_t which = any_lane (self, feed);
    washer_lane_lost (self->core, self->opened[which].dryer, self->opened[which].generation, self->now_ms);
}

static void lane_resumes (world_t *self, feed_t *feed, uint64_t dryer)
{
    size_t which = any_lane (self, feed);
    writer_t records = {0};
    put_u64 (&records, self->opened[which].dryer);
    put_u64 (&records, self->life);
    put_u32 (&records, self->opened[which].generation + feed_below (feed, 2)); // or what was told as it was given up
    put_u64 (&records, feed_below (feed, 4));                                  // got
    say (self, MSG_LANEGOT, 1, &records);
}

static void others_come (world_t *self, feed_t *feed, uint64_t dryer)
{
    washer_strangers (self->core, feed_number (feed));
    if (!self->ended)
        washer_before (self->core, (before_t){(end_t)feed_below (feed, END_LOST + 1), feed_byte (feed)});
}

//  The lanes are up, and what can go has gone.
static void settle (world_t *self, feed_t *feed)
{
    for (size_t i = 0; i < OPENED; i++)
        washer_lane_bound (self->core, self->opened[i].dryer, self->opened[i].generation, "inproc://lane",
                           self->now_ms);
    washer_tick (self->core, self->now_ms);
    send_lanes (self, feed);
    hear_out (self);
}

static void dryer_dies (world_t *self, feed_t *feed, uint64_t dryer)
{
    dryer_comes (self, feed, dryer);
    settle (self, feed);
    dryer_goes (self, feed, dryer);
}

//  So often that it is given up.
static void lane_flaps (world_t *self, feed_t *feed, uint64_t dryer)
{
    lane_breaks (self, feed, dryer);
    settle (self, feed);
    lane_breaks (self, feed, dryer);
    lane_resumes (self, feed, dryer);
}

static void make_sense (world_t *self, feed_t *feed)
{
    static void (*const events[]) (world_t *, feed_t *, uint64_t) = {
        dryer_comes, dryer_goes,   dryer_dies,  tasks_count, task_fails, tasks_return,
        lane_flaps,  lane_resumes, others_come, sink_comes,  lane_breaks};
    uint64_t dryer = DRYER_LIFE + feed_below (feed, 8);
    events[feed_below (feed, sizeof events / sizeof *events)](self, feed, dryer);
    settle (self, feed);
}

static void happen (world_t *self, feed_t *feed)
{
    switch (feed_below (feed, 16)) {
    case 0:
        put (self, 1 + feed_below (feed, 8));
        break;
    case 1:
        if (feed_below (feed, 4))
            put (self, 1);
        else
            put_dropped (self, 1 + feed_below (feed, 4));
        break;
    case 2:
        self->ended = self->ended || feed_rarely (feed);
        if (self->ended)
            washer_eof (self->core);
        break;
    case 3:
    case 4:
        tick (self, feed);
        break;
    case 5:
        send_lanes (self, feed);
        break;
    case 6:
    case 7:
        lane_happens (self, feed);
        break;
    case 8:
        if (feed_below (feed, 4) == 0)
            meet (self, feed);
        else
            make_sense (self, feed);
        break;
    default:
        hear (self, feed);
    }
    if (washer_state (self->core) == WASHER_GONE && feed_below (feed, 2)) {
        washer_reborn (self->core, ++self->life, self->now_ms);
        self->sink.said = self->sink.heard = 0;
    }
    HOLDS (!washer_failed (self->core));
    HOLDS (washer_status (self->core).put == self->put);
    HOLDS (washer_held_bytes (self->core) <= 5 * self->put);
    HOLDS (washer_counted_to (self->core) <= washer_status (self->core).counted);
    HOLDS (washer_unsent_tasks (self->core) <= self->put);
    HOLDS (washer_ending (self->core)->end <= END_LOST && line_is_clean (washer_reason (self->core)));
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    size_t before = __sanitizer_get_current_allocated_bytes ();
    feed_t feed = feed_of (data, size);
    world_t self = {.now_ms = 1000, .life = WASHER_LIFE, .sink.life = SINK_LIFE};
    washer_config_t config = {.life = WASHER_LIFE,
                              .name = "washer",
                              .shape = {BLOCK_DELIMITED, '\n', 1, 1},
                              .retries = feed_below (&feed, 4),
                              .wait_ms = 60000};
    washer_ports_t ports = {.arg = &self, .sink_found = on_found, .lane_open = on_open, .lane_close = on_close};
    self.core = washer_new (&config, &ports, self.now_ms);
    if (feed_byte (&feed) % 8)
        meet (&self, &feed);
    while (feed_left (&feed))
        happen (&self, &feed);
    feed_check_memory (before, size);
    washer_destroy (&self.core);
    return 0;
}
