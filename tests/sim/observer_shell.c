/*  An observer's process: its core, and the loop around it. */
#include "sim.h"

#include <stdio.h>

static world_t *here;
static process_t *me;

static void on_sink_found (void *arg, const char *endpoint)
{
    net_find (here, me, endpoint);
}

static void on_trace (void *arg, const char *from, const char *event, const char *to)
{
    TRACE (here, "%s: %s -%s-> %s", process_name (me), from, event, to);
}

void observer_begin (world_t *world, process_t *self)
{
    observer_config_t config = {
        .life = self->life, .name = "observer", .wait_ms = world->plan.wait_ms, .run = world->plan.observer_run};
    observer_ports_t ports = {.sink_found = on_sink_found, .trace = world->trace ? on_trace : NULL};
    self->observer = observer_new (&config, &ports, world->now_ms);
}

static void hear (world_t *world, process_t *self)
{
    parcel_t *parcel;
    while (net_read (self, &parcel)) {
        message_t message;
        if (net_decode (parcel, &message))
            observer_heard (self->observer, &message, world->now_ms);
        net_free (world, parcel);
    }
}

//  What it was told is what there is: never more than was put.
static void check_status (world_t *world, const process_t *self)
{
    const sink_status_t *status = observer_status (self->observer);
    if (!status)
        return;
    size_t rows;
    const dryer_row_t *dryers = observer_dryers (self->observer, &rows);
    const figures_t *f = &status->figures;
    uint64_t slots = 0;
    for (size_t i = 0; i < rows; i++)
        slots += dryers[i].slots;
    if (f->ok + f->failed + f->broken + f->dropped > world->plan.tasks || rows != status->dryers ||
        slots != status->slots)
        world_violated (world, "1: counted once", "%s was told of %llu tasks, %zu rows for %llu dryers",
                        process_name (self), (unsigned long long)(f->ok + f->failed), rows,
                        (unsigned long long)status->dryers);
}

void observer_turn (world_t *world, process_t *self)
{
    here = world;
    me = self;
    observer_t *core = self->observer;
    hear (world, self);
    check_status (world, self);
    if (observer_state (core) == OBSERVER_GONE) {
        self->life = process_life (world);
        observer_reborn (core, self->life, world->now_ms);
    }
    observer_tick (core, world->now_ms);
    packet_t packet;
    while (observer_packet (core, &packet))
        net_send (world, self, &packet);
    if (observer_failed (core))
        world_violated (world, "5: memory", "the observer failed");
    if (observer_state (core) == OBSERVER_OVER) {
        self->ending = *observer_ending (core);
        process_over (world, self);
    } else {
        process_wake (world, self, observer_due_ms (core));
    }
}
