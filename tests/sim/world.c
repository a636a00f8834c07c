/*  The loop: what is due next happens, until everybody has ended. */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void world_at (world_t *self, int64_t at_ms, int kind, int process, uint64_t a, uint64_t b)
{
    event_t event = {.at_ms = at_ms, .kind = kind, .process = process, .a = a, .b = b};
    heap_push (&self->heap, &event);
}

void world_violated (world_t *self, const char *invariant, const char *format, ...)
{
    if (self->broken)
        return;
    self->broken = invariant;
    va_list args;
    va_start (args, format);
    vsnprintf (self->why, sizeof self->why, format, args);
    va_end (args);
    TRACE (self, "VIOLATED %s: %s", invariant, self->why);
}

void world_trace (world_t *self, const char *format, ...)
{
    fprintf (self->trace, "%9lld  %s", (long long)self->now_ms, self->before ? "second: " : "");
    va_list args;
    va_start (args, format);
    vfprintf (self->trace, format, args);
    va_end (args);
    fputc ('\n', self->trace);
}

void world_start (world_t *self, int64_t at_ms, process_kind_t kind, int plan)
{
    self->pending_starts++;
    world_at (self, at_ms, EV_START, -1, kind, (uint64_t)(plan + 1));
}

//  ---- events

static void ev_wake (world_t *self, process_t *process, const event_t *event)
{
    if (process->wake_ms != event->at_ms)
        return; // an earlier one has made it needless
    process->wake_ms = INT64_MAX;
    process_turn (self, process);
}

static bool all_over (const world_t *self)
{
    return self->sink == -1 && self->decided_ms != -1;
}

static void ev_start (world_t *self, process_t *none, const event_t *event)
{
    self->pending_starts--;
    process_kind_t kind = (process_kind_t)event->a;
    if (all_over (self) && kind != PROC_SINK)
        return; // nobody starts what is over
    if (kind == PROC_SINK && all_over (self) && self->washer == -1 && self->processes > MAX_LIVES / 2)
        return;
    int plan = (int)event->b - 1;
    process_new (self, kind, plan >= 0 ? &self->plan.dryer[plan] : NULL, plan);
}

static void ev_connect_out (world_t *self, process_t *process, const event_t *event)
{
    net_connect_out (self, process);
}

static void ev_connect_in (world_t *self, process_t *process, const event_t *event)
{
    net_connect_in (self, process);
}

static void ev_lane_bound (world_t *self, process_t *process, const event_t *event)
{
    washer_bound (self, process, (int)event->a);
}

static void ev_lane_connect (world_t *self, process_t *process, const event_t *event)
{
    lanes_connect (self, (int)event->a, process->id);
}

static void ev_lane_notice (world_t *self, process_t *process, const event_t *event)
{
    lanes_notice (self, (int)event->a);
}

static void ev_job (world_t *self, process_t *process, const event_t *event)
{
    const slot_job_t *running = &process->dryer.jobs[event->a];
    if (running->used && running->job.ticket == event->b)
        dryer_job_ends (self, process, (unsigned)event->a);
}

static void ev_cont (world_t *self, process_t *process, const event_t *event)
{
    TRACE (self, "%s goes on", process_name (process));
    process->stopped = false;
    process->wake_ms = INT64_MAX;
    process_wake (self, process, self->now_ms);
}

static void ev_fault (world_t *self, process_t *none, const event_t *event)
{
    fault_happens (self, (unsigned)event->a);
}

static void ev_sink_sees (world_t *self, process_t *none, const event_t *event)
{
    process_t *sink = process_alive (self, self->sink), *dead = self->process[event->process];
    if (!sink || (dead->alive && (dead->to_sink.up || dead->from_sink.up)))
        return;
    if (sink->stopped || sink->busy_ms > self->now_ms)
        world_at (self, self->now_ms + 50, EV_SINK_SEES, dead->id, event->a, event->b);
    else
        sink_sees (self, sink, event->b, dead, (seen_t)event->a);
}

static void ev_miss_end (world_t *self, process_t *process, const event_t *event)
{
    net_reset (self, &process->from_sink, false);
    process->from_sink.cut = 0; // all that was under way is lost
    world_at (self, self->now_ms + rng_between (&self->rng, 1, 100), EV_CONNECT_OUT, process->id, 0, 0);
}

static void (*const handlers[EV_KINDS]) (world_t *self, process_t *process, const event_t *event) = {
    [EV_WAKE] = ev_wake,
    [EV_START] = ev_start,
    [EV_CONNECT_OUT] = ev_connect_out,
    [EV_CONNECT_IN] = ev_connect_in,
    [EV_LANE_BOUND] = ev_lane_bound,
    [EV_LANE_CONNECT] = ev_lane_connect,
    [EV_LANE_NOTICE] = ev_lane_notice,
    [EV_JOB] = ev_job,
    [EV_FAULT] = ev_fault,
    [EV_CONT] = ev_cont,
    [EV_SINK_SEES] = ev_sink_sees,
    [EV_MISS_END] = ev_miss_end,
};

static void handle (world_t *self, const event_t *event)
{
    self->same_time = event->at_ms == self->now_ms ? self->same_time + 1 : 0;
    self->now_ms = event->at_ms;
    self->events++;
    if (self->same_time > 50000)
        world_violated (self, "2: end", "time stands still at %lld ms", (long long)self->now_ms);
    if (event->kind == EV_ARRIVE) {
        net_arrive (self, event->thing);
        return;
    }
    bool needs_life = event->process != -1 && event->kind != EV_SINK_SEES;
    process_t *process = event->process == -1 ? NULL : self->process[event->process];
    if (!needs_life || process->alive)
        handlers[event->kind](self, process, event);
}

//  ---- a schedule

static bool anyone (const world_t *self)
{
    if (self->pending_starts)
        return true;
    for (int i = 0; i < self->processes; i++)
        if (self->process[i]->alive)
            return true;
    return false;
}

static bool any_dryer (const world_t *self)
{
    for (int i = 0; i < self->processes; i++)
        if (self->process[i]->kind == PROC_DRYER && self->process[i]->alive)
            return true;
    return self->pending_starts;
}

static int64_t own_limit_ms (const world_t *self)
{
    const scenario_t *plan = &self->plan;
    int64_t work_ms = 0, bytes = 0;
    for (uint32_t n = 1; n <= plan->tasks; n++) {
        work_ms += plan->work[n].lasts_ms * (3 + plan->work[n].times) + 2000 * (plan->work[n].kind != WORK_OK);
        bytes += plan->work[n].out_bytes + plan->work[n].err_bytes;
    }
    return self->quiet_ms + 2 * work_ms + plan->tasks * (plan->feed_gap_ms + 10 * plan->delay_ms + 1000) +
           bytes / plan->print_bytes_ms + 2 * plan->wait_ms + 2 * plan->grace_ms + 10 * plan->dead_after_ms + 30000;
}

//  By when everything has its end, whatever went wrong.
static int64_t limit_ms (const world_t *self)
{
    const world_t *other = self->before ? self->before : self->after;
    return own_limit_ms (self) + (other ? own_limit_ms (other) : 0);
}

static void begin (world_t *self)
{
    const scenario_t *plan = &self->plan;
    if (plan->washer_starts_ms >= 0)
        world_start (self, plan->washer_starts_ms, PROC_WASHER, -1);
    world_start (self, plan->sink_starts_ms, PROC_SINK, -1);
    if (plan->observer_starts_ms >= 0)
        world_start (self, plan->observer_starts_ms, PROC_OBSERVER, -1);
    for (unsigned i = 0; i < plan->dryers; i++)
        world_start (self, plan->dryer[i].starts_ms, PROC_DRYER, (int)i);
    for (unsigned i = 0; i < plan->faults; i++) {
        world_at (self, plan->fault[i].at_ms, EV_FAULT, -1, i, 0);
        if (plan->fault[i].at_ms > self->quiet_ms)
            self->quiet_ms = plan->fault[i].at_ms;
    }
}

//  Liveness is promised while there is a dryer: where the faults left none, one comes.
static void send_for_dryer (world_t *self)
{
    if (!any_dryer (self) && !all_over (self) && self->processes < MAX_LIVES - 20 && self->sink != -1)
        world_start (self, self->now_ms + 100, PROC_DRYER, 0);
}

int64_t world_next_ms (const world_t *self)
{
    return self->broken || !anyone (self) || !self->heap.size ? INT64_MAX : self->heap.events[0].at_ms;
}

bool world_step (world_t *self)
{
    event_t event;
    if (self->broken || !anyone (self) || !heap_pop (&self->heap, &event))
        return false;
    if (event.at_ms > limit_ms (self)) {
        if (event.kind == EV_ARRIVE)
            net_free (self, event.thing);
        return false;
    }
    handle (self, &event);
    send_for_dryer (self);
    return true;
}

static void tell (world_t *self)
{
    stats_t *stats = self->stats;
    stats->schedules++;
    stats->events += self->events;
    stats->virtual_ms += (uint64_t)self->now_ms;
    stats->tasks += self->plan.tasks;
    end_t end = self->decided_ms == -1 ? END_LOST : self->decided.end;
    stats->joined += end == END_JOINED;
    stats->halted += end == END_HALTED;
    stats->deadline += end == END_DEADLINE;
    stats->lost += end == END_LOST;
    for (int i = 0; i < self->processes; i++)
        stats->lives_lost += self->process[i]->lost;
}

void world_close (world_t *self)
{
    tell (self);
    for (event_t event; heap_pop (&self->heap, &event);)
        if (event.kind == EV_ARRIVE)
            net_free (self, event.thing);
    for (int i = 0; i < self->processes; i++)
        process_free (self, self->process[i]);
    for (int i = 0; i < self->lane_count; i++)
        free (self->lanes[i]);
    free (self->lanes);
    for (parcel_t *parcel; (parcel = self->spare); free (parcel))
        self->spare = parcel->next;
    heap_free (&self->heap);
    journal_free (&self->journal);
}

static world_t *open_world (world_t *self, const scenario_t *plan, FILE *trace, stats_t *stats)
{
    memset (self, 0, sizeof *self);
    self->plan = *plan;
    self->trace = trace;
    self->stats = stats;
    self->sink = self->washer = -1;
    self->decided_ms = -1;
    self->dryers_safe = true;
    self->rng.state = rng_mix (plan->seed + 0x5eed);
    begin (self);
    return self;
}

world_t *world_open (const scenario_t *plan, FILE *trace, stats_t *stats)
{
    static world_t world;
    return open_world (&world, plan, trace, stats);
}

world_t *world_open_second (const scenario_t *plan, FILE *trace, stats_t *stats)
{
    static world_t world;
    return open_world (&world, plan, trace, stats);
}

bool world_end (world_t *self, char *why, size_t size)
{
    while (world_step (self))
        ;
    if (!self->broken)
        check_end (self);
    bool held = !self->broken;
    if (!held)
        snprintf (why, size, "%s: %s (at %lld ms)", self->broken, self->why, (long long)self->now_ms);
    return held;
}

bool world_run (const schedule_t *schedule, char *why, size_t size)
{
    scenario_t plan;
    scenario_make (&plan, schedule->seed, schedule->mask);
    if (schedule->trace)
        scenario_print (&plan, schedule->trace);
    if (schedule->is_chained)
        return chain_run (&plan, schedule, why, size);
    world_t *world = world_open (&plan, schedule->trace, schedule->stats);
    bool held = world_end (world, why, size);
    world_close (world);
    return held;
}
