/*  A pipeline of the three cores in one thread, wired directly: no network, no loss, no clock but ours. */
#ifndef DISHES_TESTS_CORE_PIPE_H
#define DISHES_TESTS_CORE_PIPE_H

#include "test_core_help.h"

#include "core/dryer.h"
#include "core/sink.h"
#include "core/washer.h"

enum { PIPE_RUN = 77, PIPE_SINK = 1000, PIPE_WASHER = 2000, PIPE_DRYER = 3000, PIPE_DRYERS = 4 };

typedef struct pipe_dryer pipe_dryer_t;

typedef struct {
    washer_t *washer;
    sink_t *sink;
    pipe_dryer_t *dryers;
    size_t dryers_size;
    int64_t now_ms;
    uint64_t completed, commits, bytes; // tasks and output that counted
    uint64_t items;                     // completions that told what their task was given
    uint64_t commands;                  // completions that told their command
    bool commit_fails;
    bool washer_found; // the sink, at its last ADVERT
    struct {
        uint64_t dryer;
        uint32_t generation;
    } opened[PIPE_DRYERS * 2];
    size_t opened_size;
} pipe_t;

struct pipe_dryer {
    pipe_t *pipe;
    dryer_t *core;
    bool found;
    uint64_t washer;                               // of the lane to connect to; 0: none
    uint32_t generation;                           // of it
    void (*free_output) (void *arg, void *cookie); // NULL: outputs are nobody's
    void *free_arg;
};

//  ---- ports

static inline void pipe_washer_found (void *arg, const char *endpoint)
{
    ((pipe_t *)arg)->washer_found = true;
}

static inline void pipe_lane_open (void *arg, uint64_t dryer, uint32_t generation, const char *host)
{
    pipe_t *self = arg;
    assert_true (self->opened_size < sizeof self->opened / sizeof *self->opened);
    self->opened[self->opened_size].dryer = dryer;
    self->opened[self->opened_size++].generation = generation;
}

static inline void pipe_lane_close (void *arg, uint64_t dryer, uint32_t generation)
{
}

static inline void pipe_dryer_found (void *arg, const char *endpoint)
{
    ((pipe_dryer_t *)arg)->found = true;
}

static inline void pipe_connect (void *arg, uint64_t washer, uint32_t generation, const char *endpoint)
{
    pipe_dryer_t *self = arg;
    self->washer = washer;
    self->generation = generation;
}

static inline void pipe_close (void *arg, uint64_t washer)
{
}

static inline void pipe_wants (void *arg, uint8_t wants, const char *tagstring)
{
}

static inline size_t pipe_read (void *arg, void *cookie, int stream, uint64_t offset, uint8_t *out, size_t size)
{
    memset (out, 'x', size);
    return size;
}

static inline void pipe_free (void *arg, void *cookie)
{
    pipe_dryer_t *self = arg;
    if (self->free_output)
        self->free_output (self->free_arg, cookie);
}

static inline void pipe_piece (void *arg, uint64_t dryer, uint64_t n, int stream, bool streamed, const void *tag,
                               size_t tag_size, const slice_t *bytes)
{
    ((pipe_t *)arg)->bytes += bytes->size;
}

static inline void pipe_drop (void *arg, uint64_t dryer, uint64_t n)
{
}

static inline void pipe_completed (void *arg, const completion_t *completion)
{
    pipe_t *self = arg;
    assert_true (run_valid (completion->n, completion->count));
    self->completed += completion->count;
    self->items += completion->values_size > 0;
    self->commands += completion->command_size > 0;
    self->bytes += completion->out_size + completion->err_size;
}

static inline void pipe_eof (void *arg, bool known, uint64_t total, uint64_t washer)
{
}

static inline void pipe_ended (void *arg, const ending_t *ending)
{
}

static inline int pipe_commit (void *arg)
{
    pipe_t *self = arg;
    self->commits++;
    return self->commit_fails ? -1 : 0;
}

//  ---- life

static inline void pipe_begin (pipe_t *self, pipe_dryer_t *dryers, size_t size, const sink_config_t *sink,
                               const washer_config_t *washer, const dryer_config_t *dryer)
{
    *self = (pipe_t){.dryers = dryers, .dryers_size = size, .now_ms = 1000};
    sink_config_t sink_config = *sink;
    sink_config.run = PIPE_RUN;
    sink_config.life = PIPE_SINK;
    strcpy (sink_config.endpoint, "inproc://in");
    sink_ports_t sink_ports = {self, pipe_piece, pipe_drop, pipe_completed, pipe_eof, pipe_ended, pipe_commit,
                               NULL, NULL,       NULL,      NULL,           NULL,     NULL,       NULL};
    self->sink = sink_new (&sink_config, &sink_ports, NULL, self->now_ms);
    washer_config_t washer_config = *washer;
    washer_config.life = PIPE_WASHER;
    strcpy (washer_config.name, "washer");
    washer_ports_t washer_ports = {self, pipe_washer_found, pipe_lane_open, pipe_lane_close, NULL, NULL};
    self->washer = washer_new (&washer_config, &washer_ports, self->now_ms);
    for (size_t i = 0; i < size; i++) {
        dryer_config_t config = *dryer;
        config.life = PIPE_DRYER + i;
        strcpy (config.name, "dryer");
        dryers[i] = (pipe_dryer_t){.pipe = self};
        dryer_ports_t ports = {&dryers[i], pipe_dryer_found, pipe_connect, pipe_close, pipe_wants,
                               pipe_read,  pipe_free,        NULL,         NULL};
        dryers[i].core = dryer_new (&config, &ports, self->now_ms);
    }
}

static inline void pipe_end (pipe_t *self)
{
    washer_destroy (&self->washer);
    sink_destroy (&self->sink);
    for (size_t i = 0; i < self->dryers_size; i++)
        dryer_destroy (&self->dryers[i].core);
}

//  ---- wires

static inline pipe_dryer_t *pipe_dryer_of (pipe_t *self, uint64_t life)
{
    return life >= PIPE_DRYER && life < PIPE_DRYER + self->dryers_size ? &self->dryers[life - PIPE_DRYER] : NULL;
}

static inline message_t pipe_message (const packet_t *packet)
{
    return (message_t){.header = packet->header,
                       .records = packet->records.data,
                       .records_size = packet->records.size,
                       .body = packet->body.block ? &packet->body : NULL};
}

static inline void pipe_to_peer (pipe_t *self, const packet_t *packet)
{
    message_t message = pipe_message (packet);
    pipe_dryer_t *dryer = pipe_dryer_of (self, packet->header.to);
    if (packet->role == ROLE_WASHER && packet->header.to == PIPE_WASHER)
        washer_heard (self->washer, &message, self->now_ms);
    else if (packet->role == ROLE_DRYER && dryer)
        dryer_heard (dryer->core, &message, self->now_ms);
}

static inline void pipe_advert (pipe_t *self)
{
    packet_t advert = sink_advert (self->sink);
    message_t message = pipe_message (&advert);
    washer_heard (self->washer, &message, self->now_ms);
    for (size_t i = 0; i < self->dryers_size; i++)
        dryer_heard (self->dryers[i].core, &message, self->now_ms);
    packet_drop (&advert);
}

//  What the ports were asked for is done: connections stand at once.
static inline void pipe_connections (pipe_t *self)
{
    if (self->washer_found)
        washer_connected (self->washer, self->now_ms);
    self->washer_found = false;
    for (size_t i = 0; i < self->opened_size; i++)
        washer_lane_bound (self->washer, self->opened[i].dryer, self->opened[i].generation, "inproc://lane",
                           self->now_ms);
    self->opened_size = 0;
    for (size_t i = 0; i < self->dryers_size; i++) {
        pipe_dryer_t *dryer = &self->dryers[i];
        if (dryer->found)
            dryer_connected (dryer->core, self->now_ms);
        if (dryer->generation)
            dryer_lane_connected (dryer->core, dryer->washer, dryer->generation, self->now_ms);
        dryer->found = false;
        dryer->generation = 0;
    }
}

static inline void pipe_lanes (pipe_t *self)
{
    for (uint64_t life = 0; (life = washer_lane_ready (self->washer, life));) {
        packet_t packet;
        while (washer_lane_next (self->washer, life, &packet)) {
            message_t message = pipe_message (&packet);
            pipe_dryer_t *dryer = pipe_dryer_of (self, life);
            if (dryer)
                dryer_heard_lane (dryer->core, &message, self->now_ms);
            packet_drop (&packet);
            washer_lane_sent (self->washer, life);
        }
    }
}

//  One turn of everybody; the dryers' work is the caller's.
static inline void pipe_turn (pipe_t *self)
{
    packet_t packet;
    message_t message;
    pipe_connections (self);
    washer_tick (self->washer, self->now_ms);
    for (; washer_packet (self->washer, &packet); packet_drop (&packet)) {
        message = pipe_message (&packet);
        sink_heard (self->sink, &message, self->now_ms);
    }
    pipe_lanes (self);
    for (size_t i = 0; i < self->dryers_size; i++) {
        dryer_tick (self->dryers[i].core, self->now_ms);
        for (; dryer_packet (self->dryers[i].core, &packet); packet_drop (&packet)) {
            message = pipe_message (&packet);
            sink_heard (self->sink, &message, self->now_ms);
        }
    }
    sink_tick (self->sink, self->now_ms);
    for (; sink_packet (self->sink, &packet); packet_drop (&packet))
        pipe_to_peer (self, &packet);
}

//  Until everybody may work.
static inline void pipe_meet (pipe_t *self)
{
    pipe_advert (self);
    for (int i = 0; i < 50; i++, self->now_ms++)
        pipe_turn (self);
    assert_int_equal (sink_state (self->sink), SINK_OPEN);
    assert_int_equal (washer_status (self->washer).dryers, self->dryers_size);
}

#endif
