#include "script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

typedef struct {
    process_kind_t from;
    uint8_t type;
    unsigned most, count;
} match_t;

static struct {
    match_t await, lose;
    stats_t stats;
    world_t *world; // the one that is open
} script;

void script_forget (void)
{
    if (script.world)
        world_close (script.world);
    script.world = NULL;
}

scenario_t script_plan (uint32_t tasks, int64_t lasts_ms, unsigned dryers, uint32_t prefetch)
{
    scenario_t plan = {.seed = 1,
                       .tasks = tasks,
                       .shape = {BLOCK_DELIMITED, '\n', 1, 1},
                       .chunk = 1,
                       .queue = 1000,
                       .retries = 1,
                       .crash_limit = 3,
                       .durable = true,
                       .same_endpoint = true,
                       .dead_after_ms = 1000,
                       .grace_ms = 5000,
                       .wait_ms = 20000,
                       .output_bytes = 100000,
                       .backlog_bytes = 100000,
                       .observer_starts_ms = -1,
                       .delay_ms = 1,
                       .print_bytes_ms = 1000000,
                       .dryers = dryers};
    for (uint32_t n = 1; n <= tasks; n++)
        plan.work[n] = (work_t){.kind = WORK_OK, .lasts_ms = lasts_ms};
    for (unsigned i = 0; i < dryers; i++)
        plan.dryer[i] = (dryer_plan_t){.slots = 1, .prefetch = prefetch, .grain = 1};
    return plan;
}

static bool matches (const match_t *match, const process_t *from, const packet_t *packet)
{
    return match->type == packet->header.type && match->from == from->kind;
}

static bool watch (world_t *world, const process_t *from, const packet_t *packet)
{
    script.await.count += matches (&script.await, from, packet);
    if (!matches (&script.lose, from, packet) || script.lose.count >= script.lose.most)
        return true;
    script.lose.count++;
    return false;
}

world_t *script_begin (const scenario_t *plan)
{
    script_forget ();
    memset (&script, 0, sizeof script);
    world_t *world = world_open (plan, getenv ("SIM_TRACE") ? stderr : NULL, &script.stats);
    world->watch = watch;
    world->dryers_safe = false; // what the script does is not known to the world
    script.world = world;
    return world;
}

end_t script_end (world_t *world)
{
    char why[512] = "";
    bool held = world_end (world, why, sizeof why);
    if (!held)
        fail_msg ("%s", why);
    return world->decided_ms == -1 ? END_LOST : world->decided.end;
}

static void step (world_t *world)
{
    if (!world_step (world))
        fail_msg ("nothing more happens at %lld ms: %s", (long long)world->now_ms, world->why);
}

void script_pass (world_t *world, int64_t ms)
{
    int64_t until = world->now_ms + ms;
    while (world->heap.size && world->heap.events[0].at_ms <= until && world_step (world))
        ;
    world->now_ms = until;
}

void script_until_sent (world_t *world, process_kind_t from, uint8_t type)
{
    script.await = (match_t){.from = from, .type = type};
    while (!script.await.count)
        step (world);
}

void script_until_started (world_t *world, uint64_t n, unsigned times)
{
    while (world->executions[n] < times)
        step (world);
}

void script_until_counted (world_t *world, uint64_t n)
{
    while (!world->journal.known[n])
        step (world);
}

void script_lose (world_t *world, process_kind_t from, uint8_t type, unsigned most)
{
    script.lose = (match_t){.from = from, .type = type, .most = most};
}

unsigned script_lost (const world_t *world)
{
    return script.lose.count;
}

process_t *script_dryer (world_t *world, int nth)
{
    for (int i = 0; i < world->processes; i++)
        if (world->process[i]->kind == PROC_DRYER && world->process[i]->nth == nth)
            return world->process[i];
    fail_msg ("there is no dryer %d", nth);
    return NULL;
}

process_t *script_washer (world_t *world)
{
    process_t *washer = process_alive (world, world->washer);
    assert_non_null (washer);
    return washer;
}

process_t *script_sink (world_t *world)
{
    process_t *sink = process_alive (world, world->sink);
    assert_non_null (sink);
    return sink;
}

process_t *script_runner (world_t *world, uint64_t n)
{
    for (int i = 0; i < world->processes; i++) {
        process_t *dryer = world->process[i];
        for (int slot = 0; dryer->alive && dryer->kind == PROC_DRYER && slot < MAX_JOBS; slot++) {
            const slot_job_t *running = &dryer->dryer.jobs[slot];
            if (running->used && n >= running->job.n && n < running->job.n + running->job.count)
                return dryer;
        }
    }
    return NULL;
}

unsigned script_dryers_lost (const world_t *world)
{
    unsigned lost = 0;
    for (int i = 0; i < world->processes; i++)
        lost += world->process[i]->kind == PROC_DRYER && world->process[i]->lost;
    return lost;
}

void script_kill_sink (world_t *world, int64_t back_ms)
{
    process_kill (world, script_sink (world), SEEN_BY_WIRE);
    journal_crash (world);
    world_start (world, world->now_ms + back_ms, PROC_SINK, -1);
}

void script_stop (world_t *world, process_t *process, int64_t lasts_ms)
{
    process->stopped = true;
    process->harmed_ms = world->now_ms + lasts_ms;
    world_at (world, world->now_ms + lasts_ms, EV_CONT, process->id, 0, 0);
}
