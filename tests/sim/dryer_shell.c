/*  A dryer's process: its core, its slots, and what the tasks do there. */
#include "sim.h"

#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 16 }; // of what a task streams

static world_t *here;
static process_t *me;

static void on_sink_found (void *arg, const char *endpoint)
{
    net_find (here, me, endpoint);
}

static void on_lane_connect (void *arg, uint64_t washer, uint32_t generation, const char *endpoint)
{
    int lane = atoi (endpoint + 4);
    process_t *there = here->process[here->lanes[lane]->washer];
    me->dryer.lane_of[there->nth] = lane;
    world_at (here, here->now_ms + rng_between (&here->rng, 0, 5), EV_LANE_CONNECT, me->id, (uint64_t)lane, 0);
}

static void on_lane_close (void *arg, uint64_t washer)
{
    for (int i = 0; i < MAX_WASHERS; i++) {
        int lane = me->dryer.lane_of[i];
        if (lane == -1 || here->lanes[lane]->washer_life != washer)
            continue;
        if (here->lanes[lane]->puller == me->id && here->lanes[lane]->wire.up) {
            lanes_reset (here, lane, true);
            here->lanes[lane]->puller = -1;
        }
        me->dryer.lane_of[i] = -1;
    }
}

static void on_wants (void *arg, uint8_t wants, const char *tagstring)
{
}

static size_t on_read_output (void *arg, void *thing, int stream, uint64_t offset, uint8_t *out, size_t size)
{
    const cookie_t *cookie = thing;
    const work_t *work = &here->plan.work[cookie->n];
    uint64_t whole = stream == 1 ? work->out_bytes : work->err_bytes;
    size_t left = offset < whole ? (size_t)(whole - offset) : 0;
    size_t count = size < left ? size : left;
    work_output (cookie->n, cookie->attempt, cookie->life, stream, offset, out, count);
    return count;
}

static void on_free_output (void *arg, void *cookie)
{
    process_t *owner = arg;
    owner->dryer.cookies--;
    free (cookie);
}

static void on_trace (void *arg, const char *from, const char *event, const char *to)
{
    TRACE (here, "%s: %s -%s-> %s", process_name (me), from, event, to);
}

static void enter (world_t *world, process_t *self)
{
    here = world;
    me = self;
}

void dryer_begin (world_t *world, process_t *self)
{
    enter (world, self);
    const dryer_plan_t *how = &self->dryer.how;
    dryer_config_t config = {.life = self->life,
                             .slots = how->slots,
                             .prefetch = how->prefetch,
                             .grain = how->grain,
                             .unsure = how->slots * how->grain,
                             .gather = how->paces ? 0 : how->slots * (uint32_t)(self->nth % 3) / 2,
                             .wait_ms = world->plan.wait_ms};
    snprintf (config.name, sizeof config.name, "dryer-%d", self->nth);
    snprintf (config.host, sizeof config.host, "host");
    dryer_ports_t ports = {.arg = self,
                           .sink_found = on_sink_found,
                           .lane_connect = on_lane_connect,
                           .lane_close = on_lane_close,
                           .wants = on_wants,
                           .read_output = on_read_output,
                           .free_output = on_free_output,
                           .trace = world->trace ? on_trace : NULL};
    for (int i = 0; i < MAX_WASHERS; i++)
        self->dryer.lane_of[i] = -1;
    self->dryer.run = 1;
    self->dryer.core = dryer_new (&config, &ports, world->now_ms);
}

//  ---- work

static bool crashes (const world_t *world, uint64_t n)
{
    work_kind_t kind = world->plan.work[n].kind;
    return kind == WORK_POISON || (kind == WORK_POISON_ONCE && !world->crashes[n]);
}

static void start_job (world_t *world, process_t *self, unsigned slot)
{
    slot_job_t *running = &self->dryer.jobs[slot];
    const job_t *job = &running->job;
    TRACE (world, "%s starts %llu + %llu, attempt %u%s", process_name (self), (unsigned long long)job->n,
           (unsigned long long)job->count, job->attempt, job->last ? ", the last" : "");
    if (job->n < 1 || job->n + job->count - 1 > world->plan.tasks)
        world_violated (world, "4: executions", "task %llu was never put", (unsigned long long)job->n);
    else if (!work_check_item (world, job->n, job->count, &job->bytes))
        world_violated (world, "3: bytes", "the items of task %llu are not what was put", (unsigned long long)job->n);
    if (world->broken)
        return;
    int64_t lasts = 0;
    for (uint64_t i = 0; i < job->count; i++) {
        lasts += world->plan.work[job->n + i].lasts_ms;
        world->executions[job->n + i]++;
        world->stats->executions++;
        if (crashes (world, job->n + i))
            break;
    }
    world_at (world, world->now_ms + lasts, EV_JOB, self->id, slot, job->ticket);
}

//  Tasks that may have been begun and are not told.
static uint64_t exposed (const dryer_shell_t *shell)
{
    uint64_t tasks = 0;
    for (unsigned slot = 0; slot < MAX_JOBS; slot++)
        tasks += shell->jobs[slot].used ? shell->jobs[slot].job.count - shell->jobs[slot].done : 0;
    return tasks;
}

//  Another length of runs and, with it, another number of tasks that a death leaves in doubt.
static void change_pace (world_t *world, process_t *self)
{
    dryer_shell_t *shell = &self->dryer;
    if (!shell->how.paces || !rng_chance (&world->rng, 10))
        return;
    uint32_t run = (uint32_t)rng_between (&world->rng, 1, DRYER_RUN_MOST), unsure = shell->how.slots * run;
    if (unsure < exposed (shell))
        return;
    shell->run = run;
    dryer_pace (shell->core, (uint32_t)rng_between (&world->rng, 0, DRYER_PREFETCH_MOST), unsure);
}

//  What one slot may take now.
static uint64_t most (const dryer_shell_t *shell)
{
    uint64_t out = exposed (shell), sure = dryer_unsure (shell->core);
    if (!shell->how.paces)
        return shell->how.grain;
    return out >= sure ? 0 : sure - out < shell->run ? sure - out : shell->run;
}

//  The tail of a run goes back before it is begun.
static void give_some_back (world_t *world, process_t *self, job_t *job)
{
    if (!self->dryer.how.paces || job->count < 2 || !rng_chance (&world->rng, 20))
        return;
    uint64_t keep = (uint64_t)rng_between (&world->rng, 1, (int64_t)job->count - 1);
    size_t size = shape_skip (&job->shape, job->bytes.data, job->bytes.size, keep);
    TRACE (world, "%s gives back %llu + %llu", process_name (self), (unsigned long long)(job->n + keep),
           (unsigned long long)(job->count - keep));
    dryer_return_part (self->dryer.core, job->ticket, job->n + keep, job->count - keep);
    job->count = keep;
    job->bytes.size = size;
}

static void take_jobs (world_t *world, process_t *self)
{
    dryer_shell_t *shell = &self->dryer;
    for (unsigned slot = 0; slot < shell->how.slots && !world->broken; slot++) {
        slot_job_t *running = &shell->jobs[slot];
        if (running->used)
            continue;
        job_t job = {0};
        if (!dryer_take (shell->core, most (shell), &job))
            return;
        give_some_back (world, self, &job);
        *running = (slot_job_t){.used = true, .job = job, .since_ms = world->now_ms};
        start_job (world, self, slot);
    }
}

//  The next lines of a task's output, each with its task, attempt and number.
static size_t lines_from (const job_t *job, uint64_t n, uint64_t offset, uint64_t whole, uint8_t *out, size_t room)
{
    uint64_t line = offset / LINE_BYTES;
    size_t size = 0;
    for (; size + LINE_BYTES <= room && line * LINE_BYTES < whole; line++, size += LINE_BYTES) {
        uint64_t head = n << 32 | job->attempt;
        memcpy (out + size, &head, 8);
        memcpy (out + size + 8, &line, 8);
    }
    return size;
}

//  Streams what is left of a task's lines; false where the credit has ended before.
static bool stream (world_t *world, process_t *self, slot_job_t *running, uint64_t n)
{
    uint64_t whole = world->plan.work[n].out_bytes / LINE_BYTES * LINE_BYTES;
    while (running->streamed < whole) {
        uint8_t bytes[64 * LINE_BYTES];
        size_t skip = running->streamed % LINE_BYTES;
        size_t size = lines_from (&running->job, n, running->streamed, whole, bytes, sizeof bytes) - skip;
        size_t took = dryer_stream (self->dryer.core, running->job.ticket, 1, NULL, 0, bytes + skip, size);
        running->streamed += took;
        if (took < size)
            return false;
    }
    running->streamed = 0;
    return true;
}

static result_t result_of (world_t *world, process_t *self, const slot_job_t *running, uint64_t n)
{
    const job_t *job = &running->job;
    const work_t *work = &world->plan.work[n];
    result_t result = {.ticket = job->ticket,
                       .n = n,
                       .count = 1,
                       .status = work_status (world, n, job->attempt),
                       .start_us = world->plan.timed ? running->since_ms * 1000 + 1 : 0,
                       .runtime_us = (uint64_t)work->lasts_ms * 1000};
    if (world->plan.items) {
        result.item = work_name (n);
        result.item_size = WORK_NAME_BYTES;
    }
    if (!world->plan.streams && (work->out_bytes || work->err_bytes)) {
        cookie_t *cookie = malloc (sizeof *cookie);
        if (!cookie)
            abort ();
        *cookie = (cookie_t){.n = n, .attempt = job->attempt, .life = self->life};
        result.cookie = cookie;
        result.out_bytes = work->out_bytes;
        result.err_bytes = work->err_bytes;
        self->dryer.cookies++;
    }
    if (result.status)
        world->failures[n]++;
    return result;
}

//  Tasks that follow each other and have nothing to tell are reported as one.
static void join_results (const world_t *world, const slot_job_t *running, result_t *result)
{
    const job_t *job = &running->job;
    uint64_t end = job->n + job->count;
    while (!result->cookie && !result->status && !result->item_size && result->n + result->count < end) {
        uint64_t next = result->n + result->count;
        const work_t *work = &world->plan.work[next];
        if (crashes (world, next) || work_status (world, next, job->attempt) || work->out_bytes || work->err_bytes)
            return;
        result->count++;
    }
}

static bool finish_task (world_t *world, process_t *self, slot_job_t *running)
{
    uint64_t n = running->job.n + running->done;
    if (world->plan.streams && !stream (world, self, running, n))
        return false;
    result_t result = result_of (world, self, running, n);
    join_results (world, running, &result);
    TRACE (world, "%s finishes %llu + %llu with status %u", process_name (self), (unsigned long long)n,
           (unsigned long long)result.count, result.status);
    running->done += result.count;
    dryer_done (self->dryer.core, &result, world->now_ms);
    return true;
}

static void crash (world_t *world, process_t *self, uint64_t n)
{
    world->crashes[n]++;
    self->crashed = true;
    TRACE (world, "task %llu ends its dryer", (unsigned long long)n);
    const dryer_plan_t *how = &self->dryer.how;
    process_kill (world, self, how->supervised ? SEEN_BY_PARENT : how->remote ? SEEN_BY_NOBODY : SEEN_BY_WIRE);
    world_start (world, world->now_ms + rng_between (&world->rng, 5, 1500), PROC_DRYER, self->dryer.plan);
}

//  Finishes what is over in this slot. False where the process has ended.
static bool finish_job (world_t *world, process_t *self, unsigned slot)
{
    slot_job_t *running = &self->dryer.jobs[slot];
    while (running->done < running->job.count) {
        uint64_t n = running->job.n + running->done;
        if (crashes (world, n)) {
            crash (world, self, n);
            return false;
        }
        if (!finish_task (world, self, running)) {
            world_at (world, world->now_ms + 20, EV_JOB, self->id, slot, running->job.ticket);
            return true;
        }
    }
    slice_drop (&running->job.bytes);
    *running = (slot_job_t){0};
    return true;
}

void dryer_job_ends (world_t *world, process_t *self, unsigned slot)
{
    self->dryer.jobs[slot].ripe = true;
    process_wake (world, self, world->now_ms);
}

static bool finish_jobs (world_t *world, process_t *self)
{
    for (unsigned slot = 0; slot < MAX_JOBS; slot++) {
        slot_job_t *running = &self->dryer.jobs[slot];
        if (!running->used || !running->ripe)
            continue;
        running->ripe = false;
        if (!finish_job (world, self, slot))
            return false;
    }
    return true;
}

//  ---- the loop

static void hear (world_t *world, process_t *self)
{
    parcel_t *parcel;
    while (net_read (self, &parcel)) {
        message_t message;
        bool good = net_decode (parcel, &message);
        if (good && parcel->lane != -1)
            dryer_heard_lane (self->dryer.core, &message, world->now_ms);
        else if (good)
            dryer_heard (self->dryer.core, &message, world->now_ms);
        net_free (world, parcel);
    }
}

static void flush (world_t *world, process_t *self)
{
    packet_t packet;
    while (dryer_packet (self->dryer.core, &packet))
        net_send (world, self, &packet);
}

static void end_of_life (world_t *world, process_t *self, dryer_state_t state)
{
    self->ending = *dryer_ending (self->dryer.core);
    if (state == DRYER_OVER) {
        process_over (world, self);
        return;
    }
    world->stats->gone++;
    process_kill (world, self, SEEN_BY_WIRE);
    world_start (world, world->now_ms, PROC_DRYER, self->dryer.plan);
}

void dryer_turn (world_t *world, process_t *self)
{
    enter (world, self);
    dryer_t *core = self->dryer.core;
    hear (world, self);
    dryer_state_t state = dryer_state (core);
    if (state != DRYER_OVER && state != DRYER_GONE) {
        if (!finish_jobs (world, self))
            return;
        change_pace (world, self);
        take_jobs (world, self);
        dryer_tick (core, world->now_ms);
        take_jobs (world, self);
        state = dryer_state (core);
    }
    flush (world, self);
    if (dryer_failed (core))
        world_violated (world, "5: memory", "the dryer failed");
    if (state == DRYER_OVER || state == DRYER_GONE)
        end_of_life (world, self, state);
    else
        process_wake (world, self, dryer_due_ms (core));
}
