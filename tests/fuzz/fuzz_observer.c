//  The observer's core, told anything by the sink. What it shows is well-formed, and it comes to an end.
#include "base/line.h"
#include "core/observer.h"
#include "letters.h"

#define STATUS "bbtqqqqqqqqqqqqqqqq[lttwwb]"

static const layout_t layouts[] = {
    {MSG_ADVERT, "t"},  {MSG_WELCOME, "wb" STATUS},  {MSG_WELCOME, "wb1"},      {MSG_GONE, ""}, {MSG_WHO, ""},
    {MSG_REFUSED, "t"}, {MSG_JOINED, "bbqqqqqqqqt"}, {MSG_STOP, "bbqqqqqqqqt"}, {MSG_BEAT, ""}, {MSG_COUNTED, "*rb"},
};
enum { LAYOUTS = sizeof layouts / sizeof *layouts };

typedef struct {
    observer_t *core;
    voice_t sink;
    uint64_t life;
    int64_t now_ms;
} world_t;

static void on_found (void *arg, const char *endpoint)
{
    HOLDS (strlen (endpoint) < ENDPOINT_BYTES);
}

static void hear (world_t *self, feed_t *feed, uint64_t to, const layout_t *which, size_t size)
{
    received_t in;
    if (any_message (feed, &self->sink, to, which, size, &in))
        observer_heard (self->core, &in.message, self->now_ms);
    received_drop (&in);
}

static void tick (world_t *self, feed_t *feed)
{
    self->now_ms += feed_rarely (feed) ? (int64_t)(feed_number (feed) % 100000) : feed_below (feed, 64);
    for (int turns = 0; turns == 0 || observer_due_ms (self->core) <= self->now_ms; turns++) {
        HOLDS (turns < 5); // else it would never sleep
        observer_tick (self->core, self->now_ms);
        for (packet_t packet; observer_packet (self->core, &packet); packet_drop (&packet))
            HOLDS (packet.wire == TO_SINK && packet.header.from == self->life);
    }
}

static void check (const world_t *self)
{
    const sink_status_t *status = observer_status (self->core);
    size_t count = 0;
    const dryer_row_t *rows = observer_dryers (self->core, &count);
    HOLDS (!observer_failed (self->core) && count <= STATUS_DRYERS);
    HOLDS (!status || (*sink_state_name (status->state) && line_is_clean (status->washer)));
    for (size_t i = 0; i < count; i++)
        HOLDS (line_is_clean (rows[i].name) && line_is_clean (rows[i].host));
    const ending_t *ending = observer_ending (self->core);
    HOLDS (ending->end <= END_LOST && line_is_clean (ending->why) && line_is_clean (observer_reason (self->core)));
}

static void meet (world_t *self, feed_t *feed)
{
    self->sink = (voice_t){.life = SINK_LIFE + feed_below (feed, LIVES_A_ROLE)};
    hear (self, feed, 0, &layouts[0], 1);
    observer_connected (self->core, self->now_ms);
    hear (self, feed, self->life, &layouts[1], 1);
}

static void happen (world_t *self, feed_t *feed)
{
    switch (feed_below (feed, 8)) {
    case 0:
    case 1:
        tick (self, feed);
        break;
    case 2:
        if (feed_below (feed, 4) == 0)
            meet (self, feed);
        break;
    case 3:
        if (feed_rarely (feed))
            observer_leave (self->core, self->now_ms);
        break;
    default:
        hear (self, feed, self->life, layouts, LAYOUTS);
    }
    if (observer_state (self->core) == OBSERVER_GONE && feed_below (feed, 2)) {
        observer_reborn (self->core, ++self->life, self->now_ms);
        self->sink.said = self->sink.heard = 0;
    }
    check (self);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    size_t before = __sanitizer_get_current_allocated_bytes ();
    feed_t feed = feed_of (data, size);
    world_t self = {.now_ms = 1000, .life = OBSERVER_LIFE, .sink.life = SINK_LIFE};
    observer_config_t config = {.life = OBSERVER_LIFE, .name = "observer", .wait_ms = 60000};
    observer_ports_t ports = {.arg = &self, .sink_found = on_found};
    config.run = feed_below (&feed, 4) ? 0 : RUN;
    self.core = observer_new (&config, &ports, self.now_ms);
    while (feed_left (&feed))
        happen (&self, &feed);
    feed_check_memory (before, size);
    observer_destroy (&self.core);
    return 0;
}
