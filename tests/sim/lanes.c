/*  Lanes: a PUSH that a washer binds for one dryer, and the PULL that connects to it. */
#include "core/array.h"
#include "sim.h"

lane_line_t *lanes_current (world_t *world, const process_t *washer, uint64_t dryer)
{
    for (int i = world->lane_count - 1; i >= 0; i--) {
        lane_line_t *line = world->lanes[i];
        if (line->washer == washer->id && line->dryer == dryer && line->open)
            return line;
    }
    return NULL;
}

int lanes_open (world_t *world, process_t *washer, uint64_t dryer, uint32_t generation)
{
    lane_line_t *line = calloc (1, sizeof *line);
    if (!line ||
        array_reserve (&world->lanes, &world->lane_capacity, (size_t)world->lane_count + 1, sizeof *world->lanes) == -1)
        abort ();
    *line = (lane_line_t){.washer = washer->id,
                          .puller = -1,
                          .stray = -1,
                          .washer_life = washer->life,
                          .dryer = dryer,
                          .generation = generation,
                          .open = true};
    world->lanes[world->lane_count] = line;
    return world->lane_count++;
}

void lanes_close (world_t *world, process_t *washer, uint64_t dryer, uint32_t generation)
{
    for (int i = 0; i < world->lane_count; i++) {
        lane_line_t *line = world->lanes[i];
        if (line->washer != washer->id || line->dryer != dryer || line->generation != generation || !line->open)
            continue;
        line->open = false;
        net_reset (world, &line->wire, false);
    }
}

void lanes_connect (world_t *world, int number, int dryer)
{
    lane_line_t *line = world->lanes[number];
    process_t *washer = process_alive (world, line->washer), *self = process_alive (world, dryer);
    if (!washer || !self || !line->open || line->wire.up || self->dryer.lane_of[washer->nth] != number)
        return;
    if (self->walled_ms > world->now_ms) { // it goes on trying
        world_at (world, self->walled_ms, EV_LANE_CONNECT, dryer, (uint64_t)number, 0);
        return;
    }
    line->wire.up = true;
    line->wire.last_ms = world->now_ms;
    line->puller = dryer;
    TRACE (world, "%s pulls from generation %u of %s", process_name (self), line->generation, process_name (washer));
    dryer_lane_connected (self->dryer.core, washer->life, line->generation, world->now_ms);
    process_wake (world, self, world->now_ms);
    process_wake (world, washer, world->now_ms);
}

bool lanes_pulls (const world_t *world, int number, const process_t *dryer)
{
    const lane_line_t *line = world->lanes[number];
    return dryer->dryer.lane_of[world->process[line->washer]->nth] == number || line->stray == dryer->id;
}

static void put_on_lane (world_t *world, process_t *washer, uint64_t dryer)
{
    packet_t packet;
    while (washer_lane_next (washer->washer.core, dryer, &packet)) {
        net_send (world, washer, &packet);
        washer_lane_sent (washer->washer.core, dryer);
    }
}

void lanes_drain (world_t *world, process_t *washer)
{
    uint64_t dryer = 0;
    while ((dryer = washer_lane_ready (washer->washer.core, dryer))) {
        lane_line_t *line = lanes_current (world, washer, dryer);
        if (line && line->wire.up)
            put_on_lane (world, washer, dryer);
    }
}

void lanes_notice (world_t *world, int number)
{
    lane_line_t *line = world->lanes[number];
    process_t *washer = process_alive (world, line->washer);
    if (!washer || !line->open)
        return;
    if (washer->stopped || washer->busy_ms > world->now_ms) {
        world_at (world, world->now_ms + 50, EV_LANE_NOTICE, washer->id, (uint64_t)number, 0);
        return;
    }
    line->open = false;
    net_reset (world, &line->wire, false);
    TRACE (world, "%s sees generation %u broken", process_name (washer), line->generation);
    washer_lane_is_lost (world, washer, line);
    process_wake (world, washer, world->now_ms);
}

void lanes_reset (world_t *world, int number, bool noticed)
{
    lane_line_t *line = world->lanes[number];
    net_reset (world, &line->wire, false);
    line->stray = -1;
    if (noticed)
        world_at (world, world->now_ms + rng_between (&world->rng, 0, 200), EV_LANE_NOTICE, line->washer,
                  (uint64_t)number, 0);
    if (line->puller != -1)
        world_at (world, world->now_ms + rng_between (&world->rng, 5, 200), EV_LANE_CONNECT, line->puller,
                  (uint64_t)number, 0);
}

void lanes_wall (world_t *world, process_t *dryer, int64_t until_ms)
{
    dryer->walled_ms = until_ms;
    for (int i = 0; i < world->lane_count; i++)
        if (world->lanes[i]->puller == dryer->id && world->lanes[i]->open && world->lanes[i]->wire.up)
            lanes_reset (world, i, true);
}

void lanes_of_dead (world_t *world, process_t *dead, bool noticed)
{
    for (int i = 0; i < world->lane_count; i++) {
        lane_line_t *line = world->lanes[i];
        if (line->washer == dead->id && line->open) {
            line->open = false;
            net_reset (world, &line->wire, false);
        } else if (line->puller == dead->id && line->open && line->wire.up) {
            lanes_reset (world, i, noticed);
            line->puller = -1;
        }
        if (line->stray == dead->id)
            line->stray = -1;
    }
}
