//  The washer's core, told anything by the sink. What it sends under a number is what was put under that number.
#include "core/washer.h"
#include "letters.h"

#define INVENTORY "ls[lsr]"

static const layout_t layouts[] = {
    {MSG_ADVERT, "t"},
    {MSG_WELCOME, "wbwqbqq[r]"},
    {MSG_DRYER_UP, "ltwwww" INVENTORY},
    {MSG_COUNTED, "*rb"},
    {MSG_DRYER_SLOTS, "lwww"},
    {MSG_DRYER_UP, "ltwwwwls0000"},
    {MSG_DRYER_DOWN, "lb"},
    {MSG_FAILED, "ll*nswhbb"},
    {MSG_RETURNED, "lls*rs"},
    {MSG_LANEGOT, "llws"},
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
} world_t;

//  ---- ports

static void on_found (void *arg, const char *endpoint)
{
    HOLDS (strlen (endpoint) < ENDPOINT_BYTES);
}

static void on_open (void *arg, uint64_t dryer, uint32_t generation, const char *host)
{
    world_t *self = arg;
    HOLDS (generation && strlen (host) < NAME_BYTES);
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

static void check_tasks (const world_t *self, const packet_t *packet)
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
}

static void send_lanes (world_t *self, feed_t *feed)
{
    bool all = feed_below (feed, 4);
    for (uint64_t life = 0; (life = washer_lane_ready (self->core, life));) {
        packet_t packet;
        while (washer_lane_next (self->core, life, &packet)) {
            HOLDS (packet.header.to == life && packet.header.seq && packet.header.seq <= packet.header.sent);
            if (packet.header.type == MSG_TASKS)
                check_tasks (self, &packet);
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
