//  The sink's core, told anything by anybody. What it counts it counts once, and it never says JOINED early.
#include "base/line.h"
#include "core/sink.h"
#include "core/dryer.h"
#include "letters.h"

#define INVENTORY "ls[lsr]"

static const layout_t layouts[] = {
    {MSG_DONE, "l*rswhbbqqwwww"},
    {MSG_OUT, "lnsbbt"},
    {MSG_FAILED, "l*nswhbb"},
    {MSG_RETURNED, "ls*rs"},
    {MSG_LANEGOT, "lws"},
    {MSG_SLOTS, "www"},
    {MSG_HOLDING, "lb" INVENTORY},
    {MSG_EOF, "n"},
    {MSG_LANE, "lwt"},
    {MSG_BROKEN, "nwbbhw"},
    {MSG_DROPPED, "r"},
    {MSG_CLOSED, "l"},
    {MSG_HALTED, ""},
    {MSG_DIED, "l"},
    {MSG_INPUT, "*qq"},
    {MSG_BEAT, "*q"},
    {MSG_BYE, ""},
    {MSG_DONE, "l*rswhbbqq0000000000000000"},
    {MSG_DONE, "l*rswhbfqq0000000000000000w"},
    {MSG_EOF, "nbb"},
};
enum { LAYOUTS = sizeof layouts / sizeof *layouts };

typedef struct {
    sink_t *core;
    ranges_t counted; // what `completed` was told of
    voice_t voices[3 * LIVES_A_ROLE];
    int64_t now_ms;
    bool commit_fails, ended;
} world_t;

//  ---- ports

static void on_piece (void *arg, uint64_t dryer, uint64_t n, int stream, bool streamed, const void *tag,
                      size_t tag_size, const slice_t *bytes)
{
    HOLDS (run_valid (n, 1) && (stream == 1 || stream == 2));
    HOLDS (!ranges_has (&((world_t *)arg)->counted, n));
}

static void on_drop (void *arg, uint64_t dryer, uint64_t n)
{
}

static void on_completed (void *arg, const completion_t *c)
{
    world_t *self = arg;
    static volatile uint8_t seen;
    HOLDS (!self->ended && run_valid (c->n, c->count));
    HOLDS (!ranges_present (&self->counted, c->n, c->count).count); // each task once
    HOLDS (ranges_add (&self->counted, c->n, c->count) == 0);
    HOLDS ((!c->name || line_is_clean (c->name)) && (!c->host || line_is_clean (c->host)));
    const uint8_t *parts[] = {c->out, c->err, c->tag, c->command, c->values};
    const size_t sizes[] = {c->out_size, c->err_size, c->tag_size, c->command_size, c->values_size};
    for (int i = 0; i < 5; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            seen = parts[i][k];
    (void)seen;
}

static void on_eof (void *arg, bool known, uint64_t total, uint64_t washer)
{
}

static void on_ended (void *arg, const ending_t *ending)
{
    world_t *self = arg;
    HOLDS (!self->ended);
    self->ended = true;
    if (!self->core || ending->end != END_JOINED)
        return;
    HOLDS (sink_status (self->core).eof);
    HOLDS (sink_counted (self->core)->total == ending->figures.total);
    HOLDS (!ending->figures.total || ranges_cover (sink_counted (self->core), 1, ending->figures.total));
}

static int on_commit (void *arg)
{
    return ((world_t *)arg)->commit_fails ? -1 : 0;
}

//  What was counted before, as far as the washer knows.
static void on_known (void *arg, const ranges_t *counted, uint64_t failed)
{
    world_t *self = arg;
    HOLDS (!self->ended);
    for (size_t i = 0; i < counted->size; i++) {
        HOLDS (run_valid (counted->runs[i].n, counted->runs[i].count));
        HOLDS (ranges_add (&self->counted, counted->runs[i].n, counted->runs[i].count) == 0);
    }
}

static void on_washer (void *arg, const char *name, uint64_t life, uint64_t input_hash)
{
    HOLDS (life && line_is_clean (name));
}

static void on_dryer (void *arg, uint64_t life, const char *name, const char *host)
{
    HOLDS (life && line_is_clean (name) && line_is_clean (host));
}

static int on_input (void *arg, uint64_t bytes, uint64_t hash)
{
    return bytes && hash != UINT64_MAX ? 0 : -1;
}

static void on_before (void *arg, before_t before)
{
    HOLDS (before.end <= END_LOST);
}

static void on_log (void *arg, const char *line)
{
    HOLDS (*line);
}

//  ---- the world

static voice_t *voice_of (world_t *self, uint64_t life)
{
    for (size_t i = 0; i < sizeof self->voices / sizeof *self->voices; i++)
        if (self->voices[i].life == life)
            return &self->voices[i];
    return NULL;
}

static void hear_out (world_t *self)
{
    for (packet_t packet; sink_packet (self->core, &packet); packet_drop (&packet)) {
        voice_t *voice = voice_of (self, packet.header.to);
        HOLDS (packet.wire == TO_PEER && packet.header.run == RUN && packet.header.from == SINK_LIFE);
        HOLDS (packet.header.ack <= packet.header.got);
        if (voice && packet.header.seq > voice->heard)
            voice->heard = packet.header.seq;
    }
}

static void check (const world_t *self)
{
    figures_t f = sink_status (self->core).figures;
    const ranges_t *counted = sink_counted (self->core);
    uint64_t told = f.ok + f.failed + f.broken + f.dropped; // what is durable, once something could not be made so
    HOLDS (told == counted->total || (self->commit_fails && told < counted->total));
    HOLDS (!sink_failed (self->core));
    HOLDS ((sink_state (self->core) >= SINK_ENDED) == (sink_ending (self->core)->end != END_NONE));
    for (size_t i = 0; i < self->counted.size; i++)
        HOLDS (ranges_cover (counted, self->counted.runs[i].n, self->counted.runs[i].count));
}

static void say_hello (world_t *self, feed_t *feed, voice_t *voice)
{
    static const layout_t hello[] = {{MSG_HELLO, "ttq[l][r]q"}, {MSG_HELLO, "ttwwww" INVENTORY}, {MSG_HELLO, "tt"}};
    static const char roles[] = "wdo";
    unsigned which = (unsigned)((voice->life - WASHER_LIFE) / 1000);
    header_t header = any_header (feed, voice, SINK_LIFE);
    writer_t records = {0};
    header.type = MSG_HELLO;
    header.seq = 0;
    put_u8 (&records, feed_rarely (feed) ? feed_byte (feed) : (uint8_t)roles[which]);
    if (which == 0 && !feed_rarely (feed)) { // the names that it most often has
        put_text (&records, "w");
        put_text (&records, "");
        put_layout (feed, &records, "q[l][r]q", 0);
    } else {
        put_layout (feed, &records, hello[which].layout, 0);
    }
    uint8_t *exact = malloc (records.size);
    memcpy (exact, records.data, records.size);
    message_t message = {.header = header, .records = exact, .records_size = records.size};
    sink_heard (self->core, &message, self->now_ms);
    voice->said = 0;
    free (exact);
    writer_free (&records);
}

static void hear (world_t *self, feed_t *feed, voice_t *voice)
{
    received_t in;
    if (any_message (feed, voice, SINK_LIFE, layouts, LAYOUTS, &in))
        sink_heard (self->core, &in.message, self->now_ms);
    else
        sink_bad_message (self->core);
    received_drop (&in);
}

static void tick (world_t *self, feed_t *feed)
{
    self->now_ms += feed_rarely (feed) ? (int64_t)(feed_number (feed) % 100000) : feed_below (feed, 64);
    for (int turns = 0; turns == 0 || sink_due_ms (self->core) <= self->now_ms; turns++) {
        HOLDS (turns < 5); // else it would never sleep
        sink_tick (self->core, self->now_ms);
        hear_out (self);
    }
}

//  What the process around it knows.
static void be_told (world_t *self, feed_t *feed)
{
    dryer_row_t rows[LIVES_A_ROLE];
    switch (feed_below (feed, 8)) {
    case 0:
        sink_strangers (self->core, feed_number (feed));
        break;
    case 1:
        sink_guests (self->core, feed_below (feed, 3));
        break;
    case 2:
        sink_detain (self->core, feed_below (feed, 4) == 0);
        break;
    case 3:
        sink_explain (self->core, "%0*d", feed_rarely (feed) ? 2000 : 1, 0);
        break;
    default:
        for (size_t i = sink_dryers (self->core, rows, LIVES_A_ROLE); i--;)
            HOLDS (sink_knows (self->core, rows[i].life) && line_is_clean (rows[i].name));
    }
    HOLDS (strlen (sink_reason (self->core)) < WHY_BYTES);
}

static void happen (world_t *self, feed_t *feed)
{
    voice_t *voice = &self->voices[feed_below (feed, sizeof self->voices / sizeof *self->voices)];
    switch (feed_below (feed, 16)) {
    case 0:
        sink_disconnected (self->core, voice->life, self->now_ms);
        break;
    case 1:
        sink_reconnected (self->core, voice->life);
        break;
    case 2:
        if (!feed_below (feed, 8))
            sink_died (self->core, voice->life, self->now_ms);
        else
            be_told (self, feed);
        break;
    case 3:
        sink_backlog (self->core, feed_number (feed));
        break;
    case 4:
        if (feed_rarely (feed))
            self->commit_fails = true;
        if (feed_rarely (feed))
            sink_stop (self->core, END_DEADLINE, 124, self->now_ms);
        break;
    case 5:
    case 6:
        say_hello (self, feed, voice);
        break;
    case 7:
    case 8:
        tick (self, feed);
        break;
    default:
        hear (self, feed, voice);
    }
    check (self);
}

static sink_config_t any_config (feed_t *feed)
{
    sink_config_t config = {.run = RUN,
                            .life = SINK_LIFE,
                            .endpoint = "inproc://in",
                            .dead_after_ms = 5000,
                            .wait_ms = 60000,
                            .grace_ms = 10000,
                            .crash_limit = 3,
                            .output_bytes = 1000,
                            .backlog_bytes = 5000};
    uint8_t bits = feed_byte (feed);
    if (!(bits & 1))
        return config;
    config.durable = bits & 2;
    config.wants = bits & 4 ? WANT_VERDICT : WANT_TAG;
    config.order_window = bits & 8 ? feed_number (feed) : 0;
    config.deadline_ms = bits & 16 ? 1000 : 0;
    if (!(bits & 32))
        return config;
    config.halt_when = (halt_when_t)feed_below (feed, 3);
    config.halt_what = (halt_what_t)feed_below (feed, 3);
    config.halt_count = feed_number (feed) + 1;
    config.halt_percent = bits & 64 ? 1 + feed_below (feed, 100) : 0;
    config.total_hint = feed_number (feed);
    return config;
}

static void restored_of (feed_t *feed, sink_restored_t *out)
{
    *out = (sink_restored_t){.washer_name = "w", .eof = feed_below (feed, 2)};
    for (unsigned i = feed_below (feed, 4); i; i--) {
        uint64_t n = 1 + feed_below (feed, 32), count = 1 + feed_below (feed, 8);
        HOLDS (ranges_add (&out->counted, n, count) == 0);
    }
    out->figures.ok = out->counted.total;
    out->total = out->eof ? 40 + feed_below (feed, 8) : 0;
    out->eof_life = out->eof ? WASHER_LIFE : 0;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    size_t before = __sanitizer_get_current_allocated_bytes ();
    feed_t feed = feed_of (data, size);
    world_t self = {.now_ms = 1000};
    for (size_t i = 0; i < 3 * LIVES_A_ROLE; i++)
        self.voices[i].life = (uint64_t[]){WASHER_LIFE, DRYER_LIFE, OBSERVER_LIFE}[i % 3] + i / 3;
    sink_config_t config = any_config (&feed);
    sink_ports_t ports = {.arg = &self,
                          .piece = on_piece,
                          .drop = on_drop,
                          .completed = on_completed,
                          .eof = on_eof,
                          .ended = on_ended,
                          .commit = on_commit,
                          .log = on_log,
                          .known = on_known,
                          .washer = on_washer,
                          .dryer = on_dryer,
                          .input = config.durable ? on_input : NULL,
                          .before = on_before};
    sink_restored_t restored;
    bool restarts = feed_rarely (&feed);
    if (restarts) {
        restored_of (&feed, &restored);
        for (size_t i = 0; i < restored.counted.size; i++)
            HOLDS (ranges_add (&self.counted, restored.counted.runs[i].n, restored.counted.runs[i].count) == 0);
    }
    self.core = sink_new (&config, &ports, restarts ? &restored : NULL, self.now_ms);
    if (restarts)
        ranges_free (&restored.counted);
    while (feed_left (&feed))
        happen (&self, &feed);
    feed_check_memory (before, size);
    sink_destroy (&self.core);
    ranges_free (&self.counted);
    return 0;
}
