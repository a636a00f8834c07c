/*  A washer's process: its core, its input, and the loop around them. */
#include "sim.h"

#include <stdio.h>
#include <string.h>

//  The ports know only one address: the world has one process that runs at a time.
static world_t *here;
static process_t *me;

static void on_sink_found (void *arg, const char *endpoint)
{
    net_find (here, me, endpoint);
}

static void on_lane_open (void *arg, uint64_t dryer, uint32_t generation, const char *host)
{
    int lane = lanes_open (here, me, dryer, generation);
    world_at (here, here->now_ms + rng_between (&here->rng, 0, 5), EV_LANE_BOUND, me->id, (uint64_t)lane, 0);
}

static void on_lane_close (void *arg, uint64_t dryer, uint32_t generation)
{
    lanes_close (here, me, dryer, generation);
}

static void on_trace (void *arg, const char *from, const char *event, const char *to)
{
    TRACE (here, "%s: %s -%s-> %s", process_name (me), from, event, to);
}

static void on_log (void *arg, const char *line)
{
    TRACE (here, "%s says: %s", process_name (me), line);
    me->washer.said++;
}

static void enter (world_t *world, process_t *self)
{
    here = world;
    me = self;
}

void washer_begin (world_t *world, process_t *self)
{
    enter (world, self);
    const scenario_t *plan = &world->plan;
    washer_config_t config = {
        .life = self->life, .name = "washer", .shape = plan->shape, .retries = plan->retries, .wait_ms = plan->wait_ms};
    washer_ports_t ports = {.sink_found = on_sink_found,
                            .lane_open = on_lane_open,
                            .lane_close = on_lane_close,
                            .trace = world->trace ? on_trace : NULL,
                            .log = on_log};
    self->washer.core = washer_new (&config, &ports, world->now_ms);
    world->washer = self->id;
    self->washer.changed = world->changed_from;
    world->washer_lives++;
    memset (world->told, 0, sizeof world->told);
}

static void put (world_t *world, process_t *self, uint32_t count)
{
    washer_t *core = self->washer.core;
    uint32_t n = self->washer.fed + 1;
    bool dropped = world->plan.work[n].kind == WORK_DROPPED;
    slice_t bytes = work_item (world, n, count, self->washer.changed);
    int rc = dropped ? washer_put_dropped (core, &bytes, count) : washer_put (core, &bytes, count);
    slice_drop (&bytes);
    if (rc == -1)
        world_violated (world, "5: memory", "washer_put fails");
    self->washer.fed += count;
}

//  The next tasks that lie in one block: of one kind of put, and no more than a block has.
static uint32_t next_chunk (const world_t *world, const process_t *self)
{
    const scenario_t *plan = &world->plan;
    uint32_t n = self->washer.fed + 1, count = 1;
    bool dropped = plan->work[n].kind == WORK_DROPPED;
    while (count < plan->chunk && n + count <= chain_items (world) &&
           (plan->work[n + count].kind == WORK_DROPPED) == dropped)
        count++;
    return count;
}

static int64_t next_put_ms (const world_t *world, const process_t *self)
{
    return self->born_ms + self->washer.fed / world->plan.chunk * world->plan.feed_gap_ms;
}

static void feed (world_t *world, process_t *self)
{
    washer_t *core = self->washer.core;
    uint32_t fed = self->washer.fed, items = chain_items (world);
    before_t before;
    while (self->washer.fed < items && next_put_ms (world, self) <= world->now_ms &&
           washer_unsent_tasks (core) < world->plan.queue)
        put (world, self, next_chunk (world, self));
    if (self->washer.fed > fed)
        chain_fed (world);
    if (self->washer.fed == items && !self->washer.eof && chain_at_end (world, &before)) {
        washer_before (core, before);
        washer_eof (core);
        self->washer.eof = true;
    }
}

static void hear (world_t *world, process_t *self)
{
    parcel_t *parcel;
    while (net_read (self, &parcel)) {
        message_t message;
        if (net_decode (parcel, &message))
            washer_heard (self->washer.core, &message, world->now_ms);
        net_free (world, parcel);
    }
}

static void be_reborn (world_t *world, process_t *self)
{
    world->stats->gone++;
    world->washer_lives++;
    world->hurt = true;
    memset (world->told, 0, sizeof world->told);
    self->life = process_life (world);
    self->told_high = 0;
    self->washer.told_size = 0;
    TRACE (world, "%s goes on as life %llx", process_name (self), (unsigned long long)self->life);
    washer_reborn (self->washer.core, self->life, world->now_ms);
}

void washer_turn (world_t *world, process_t *self)
{
    enter (world, self);
    washer_t *core = self->washer.core;
    hear (world, self);
    if (washer_state (core) == WASHER_GONE)
        be_reborn (world, self);
    feed (world, self);
    washer_tick (core, world->now_ms);
    packet_t packet;
    while (washer_packet (core, &packet))
        net_send (world, self, &packet);
    lanes_drain (world, self);
    if (washer_failed (core))
        world_violated (world, "5: memory", "the washer failed");
    if (washer_state (core) == WASHER_OVER) {
        self->ending = *washer_ending (core);
        process_over (world, self);
        return;
    }
    process_wake (world, self, washer_due_ms (core));
    if (self->washer.fed < world->plan.tasks && next_put_ms (world, self) > world->now_ms)
        process_wake (world, self, next_put_ms (world, self));
}

//  What other files call into the core for goes through here, so that the ports find their process.
void washer_bound (world_t *world, process_t *self, int lane)
{
    enter (world, self);
    const lane_line_t *line = world->lanes[lane];
    char endpoint[32];
    snprintf (endpoint, sizeof endpoint, "lane%d", lane);
    if (line->open)
        washer_lane_bound (self->washer.core, line->dryer, line->generation, endpoint, world->now_ms);
    process_wake (world, self, world->now_ms);
}

void washer_lane_is_lost (world_t *world, process_t *self, const lane_line_t *line)
{
    enter (world, self);
    washer_lane_lost (self->washer.core, line->dryer, line->generation, world->now_ms);
}
