/*  Lives and deaths of the processes. */
#include "sim.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    void (*begin) (world_t *world, process_t *self);
    void (*turn) (world_t *world, process_t *self);
} roles[] = {
    [PROC_WASHER] = {"washer", washer_begin, washer_turn},
    [PROC_DRYER] = {"dryer", dryer_begin, dryer_turn},
    [PROC_SINK] = {"sink", sink_begin, sink_turn},
    [PROC_OBSERVER] = {"observer", observer_begin, observer_turn},
};

const char *process_name (const process_t *self)
{
    static char names[4][32];
    static unsigned turn;
    char *name = names[turn++ % 4];
    snprintf (name, sizeof *names, "%s-%d", roles[self->kind].name, self->nth);
    return name;
}

//  Start time, then random bits; greater than any before unless the clock was set back.
static uint64_t new_life (world_t *world)
{
    uint64_t ns = 1700000000000000000u + (uint64_t)(world->now_ms + world->clock_ms) * 1000000u;
    uint64_t life = (ns & ~0xfffffu) | (rng_next (&world->rng) & 0xfffff);
    if (life <= world->last_life && world->clock_ms == 0)
        life = world->last_life + 1;
    world->last_life = life;
    return life;
}

uint64_t process_life (world_t *world)
{
    return new_life (world);
}

process_t *process_of_life (const world_t *world, uint64_t life)
{
    for (int i = world->processes - 1; i >= 0; i--)
        if (world->process[i]->life == life)
            return world->process[i];
    return NULL;
}

process_t *process_alive (const world_t *world, int id)
{
    return id >= 0 && world->process[id]->alive ? world->process[id] : NULL;
}

process_t *process_new (world_t *world, process_kind_t kind, const dryer_plan_t *plan, int plan_number)
{
    process_t *self = world->processes < MAX_LIVES ? calloc (1, sizeof *self) : NULL;
    if (!self)
        abort ();
    self->id = world->processes++;
    world->process[self->id] = self;
    self->kind = kind;
    self->nth = world->kinds[kind]++;
    self->life = new_life (world);
    self->alive = true;
    self->born_ms = world->now_ms;
    self->harmed_ms = INT64_MIN;
    self->wake_ms = INT64_MAX;
    self->reports_to = -1;
    if (plan)
        self->dryer.how = *plan;
    if (kind == PROC_DRYER)
        self->dryer.plan = plan_number;
    TRACE (world, "%s begins, life %llx", process_name (self), (unsigned long long)self->life);
    roles[kind].begin (world, self);
    if (kind != PROC_SINK)
        world_at (world, world->now_ms + rng_between (&world->rng, 0, 5), EV_CONNECT_OUT, self->id, 0, 0);
    process_wake (world, self, world->now_ms);
    return self;
}

void process_wake (world_t *world, process_t *self, int64_t at_ms)
{
    if (at_ms < world->now_ms)
        at_ms = world->now_ms;
    if (at_ms >= self->wake_ms || at_ms == INT64_MAX)
        return;
    self->wake_ms = at_ms;
    world_at (world, at_ms, EV_WAKE, self->id, 0, 0);
}

void process_turn (world_t *world, process_t *self)
{
    if (!self->alive || self->stopped)
        return;
    if (self->busy_ms > world->now_ms) {
        process_wake (world, self, self->busy_ms);
        return;
    }
    roles[self->kind].turn (world, self);
    if (!world->broken)
        check_step (world, self);
}

static void core_free (world_t *world, process_t *self)
{
    if (self->kind == PROC_WASHER)
        washer_destroy (&self->washer.core);
    else if (self->kind == PROC_DRYER)
        dryer_destroy (&self->dryer.core);
    else if (self->kind == PROC_SINK)
        sink_destroy (&self->sink.core);
    else
        observer_destroy (&self->observer);
}

static void drop_inbox (world_t *world, process_t *self)
{
    for (parcel_t *parcel; net_read (self, &parcel);)
        net_free (world, parcel);
    for (parcel_t *parcel; (parcel = self->to_sink.first); net_free (world, parcel))
        self->to_sink.first = parcel->next;
    self->to_sink.tail = NULL;
}

static void jobs_free (dryer_shell_t *self)
{
    for (unsigned i = 0; i < MAX_JOBS; i++)
        if (self->jobs[i].used)
            slice_drop (&self->jobs[i].job.bytes);
}

//  Nothing of it is left but what is under way on the wires.
static void leave (world_t *world, process_t *self, bool noticed)
{
    self->alive = false;
    self->over_ms = world->now_ms;
    if (world->sink == self->id)
        world->sink = -1;
    if (world->washer == self->id)
        world->washer = -1;
    net_reset (world, &self->to_sink, false);
    net_reset (world, &self->from_sink, false);
    self->to_sink.keeps = false;
    lanes_of_dead (world, self, noticed);
    if (self->kind == PROC_DRYER)
        jobs_free (&self->dryer);
    if (self->kind == PROC_SINK)
        sink_partials_free (&self->sink);
    core_free (world, self);
    if (self->kind == PROC_DRYER && self->dryer.cookies)
        world_violated (world, "5: memory", "%s leaves %u outputs behind", process_name (self), self->dryer.cookies);
    drop_inbox (world, self);
}

//  The sink is no more: every peer's wires to it break, and try again. One that ends by itself lingers until what it
//  said last is on its way.
static void break_wires (world_t *world, bool lingers)
{
    for (int i = 0; i < world->processes; i++) {
        process_t *peer = world->process[i];
        if (!peer->alive || peer->kind == PROC_SINK)
            continue;
        if (!lingers && peer->harmed_ms < world->now_ms)
            peer->harmed_ms = world->now_ms;
        net_reset (world, &peer->from_sink, false);
        net_reset (world, &peer->to_sink, true);
        if (lingers) {
            peer->from_sink.cut = peer->from_sink.sent + 1;
            peer->from_sink.hold_ms = 0;
        }
        if (rng_chance (&world->rng, 50))
            peer->to_sink.cut = peer->to_sink.sent + 1; // it keeps what the old one has not read
    }
}

void process_over (world_t *world, process_t *self)
{
    TRACE (world, "%s is over: %d, status %u", process_name (self), self->ending.end, self->ending.status);
    self->over = true;
    uint64_t life = self->life;
    bool sink = self->kind == PROC_SINK;
    leave (world, self, true);
    if (self->kind == PROC_WASHER)
        chain_washer_over (world);
    if (sink) {
        break_wires (world, true);
        chain_sink_over (world, self->ending.end);
    } else
        world_at (world, world->now_ms + rng_between (&world->rng, 0, 20), EV_SINK_SEES, self->id, SEEN_BY_WIRE, life);
}

void process_kill (world_t *world, process_t *self, seen_t seen)
{
    TRACE (world, "%s is killed", process_name (self));
    self->lost = true;
    world->hurt = true;
    uint64_t life = self->life;
    bool sink = self->kind == PROC_SINK;
    leave (world, self, seen != SEEN_BY_NOBODY);
    if (sink)
        break_wires (world, false);
    else if (seen != SEEN_BY_NOBODY)
        world_at (world, world->now_ms + rng_between (&world->rng, 0, 50), EV_SINK_SEES, self->id, seen, life);
}

void process_free (world_t *world, process_t *self)
{
    if (self->alive)
        leave (world, self, false);
    free (self);
}
