/*  Two pipelines in a row: two worlds of one clock, with a process that is the sink of the first and the washer of the
 *  second (sink --into). What the first one's journal has counted, in the order in which it was printed, are the items
 *  of the second. */
#include "sim.h"

#include <stdio.h>

//  What one world does to the other happens now there, too.
static void meet (world_t *other, const world_t *self)
{
    if (other->now_ms < self->now_ms)
        other->now_ms = self->now_ms;
}

static bool is_final (end_t end)
{
    return end == END_JOINED || end == END_HALTED || end == END_DEADLINE;
}

//  The washer's end of its items: that of the first pipeline, if that stands.
bool chain_at_end (const world_t *self, before_t *before)
{
    const world_t *first = self->before;
    *before = (before_t){0};
    if (!first)
        return true;
    if (first->decided_ms == -1 || !is_final (first->decided.end))
        return false;
    *before = (before_t){.end = first->decided.end, .status = first->decided.status};
    return true;
}

uint32_t chain_items (const world_t *self)
{
    return self->before ? self->before->journal.printed_size : self->plan.tasks;
}

//  The task of the first pipeline of which this item of the second is the result.
uint64_t chain_source (const world_t *self, uint64_t n)
{
    const journal_t *journal = &self->before->journal;
    return n <= journal->printed_size ? journal->printed[n - 1] : 0;
}

static void wake (world_t *world, int process)
{
    process_t *target = process_alive (world, process);
    if (target)
        process_wake (world, target, world->now_ms);
}

//  Something was committed in the first: there may be more for the second, or the end.
void chain_committed (world_t *self)
{
    world_t *next = self->after;
    if (!next)
        return;
    meet (next, self);
    if (self->decided_ms != -1 && is_final (self->decided.end))
        next->plan.tasks = self->journal.printed_size;
    wake (next, next->washer);
}

//  The pipe between the two: what was printed and not read holds back the first.
uint64_t chain_unread (const world_t *self)
{
    const process_t *washer = process_alive (self->after, self->after->washer);
    uint64_t bytes = 0;
    for (uint32_t i = washer ? washer->washer.fed : 0; i < self->journal.printed_size; i++) {
        const work_t *work = &self->plan.work[self->journal.printed[i]];
        bytes += work->out_bytes + work->err_bytes;
    }
    return bytes;
}

void chain_fed (world_t *self)
{
    if (!self->before)
        return;
    meet (self->before, self);
    wake (self->before, self->before->sink);
}

//  ---- the process in the middle

static void kill_washer (world_t *second, seen_t seen)
{
    process_t *washer = process_alive (second, second->washer);
    if (washer)
        process_kill (second, washer, seen);
}

//  Its sink has ended by itself: the washer goes on to the end of its items, or leaves without one.
void chain_sink_over (world_t *self, end_t end)
{
    world_t *second = self->after;
    if (!second || is_final (end))
        return;
    meet (second, self);
    second->may_lose = true;
    kill_washer (second, SEEN_BY_WIRE);
}

//  Its washer has: nobody takes the results any more.
void chain_washer_over (world_t *self)
{
    world_t *first = self->before;
    if (!first)
        return;
    meet (first, self);
    first->is_broken_off = true;
    wake (first, first->sink);
}

//  Its sink begins, and so does its washer.
void chain_begins (world_t *self)
{
    world_t *second = self->after;
    if (!second || (second->sink == -1 && second->decided_ms != -1))
        return;
    meet (second, self);
    process_new (second, PROC_WASHER, NULL, -1);
}

//  The sink was killed, and is back in so long; -1: it never is.
void chain_killed (world_t *self, int64_t back_ms, seen_t seen)
{
    world_t *second = self->after;
    if (!second)
        return;
    meet (second, self);
    kill_washer (second, seen);
    second->may_lose |= back_ms == -1;
    if (back_ms == -1)
        return;
    if (second->now_ms + back_ms > second->quiet_ms)
        second->quiet_ms = second->now_ms + back_ms;
}

//  The first world's part of a fault that hit the process as the washer of the second.
world_t *chain_first (world_t *self)
{
    world_t *first = self->before;
    if (!first || !process_alive (first, first->sink))
        return NULL;
    meet (first, self);
    first->dryers_safe = false;
    first->hurt = true;
    return first;
}

//  ---- a schedule

static void check_chain (world_t *second)
{
    const world_t *first = second->before;
    bool all_joined = first->decided_ms != -1 && first->decided.end == END_JOINED;
    bool is_joined = second->decided_ms != -1 && second->decided.end == END_JOINED;
    if (is_joined && !all_joined)
        world_violated (second, "8: chain", "joined, and what was before it is not");
    if (is_joined && second->journal.counted.total != first->journal.printed_size)
        world_violated (second, "8: chain", "joined with %llu of %u results",
                        (unsigned long long)second->journal.counted.total, first->journal.printed_size);
}

static void run_both (world_t *first, world_t *second)
{
    bool is_stuck[2] = {false, false};
    world_t *const worlds[2] = {first, second};
    for (;;) {
        int64_t at_ms[2];
        for (int i = 0; i < 2; i++)
            at_ms[i] = is_stuck[i] ? INT64_MAX : world_next_ms (worlds[i]);
        int now = at_ms[1] < at_ms[0];
        if (at_ms[now] == INT64_MAX || first->broken || second->broken)
            return;
        is_stuck[now] = !world_step (worlds[now]);
    }
}

bool chain_run (const scenario_t *plan, const schedule_t *schedule, char *why, size_t size)
{
    scenario_t next;
    scenario_make_next (&next, plan, schedule->mask);
    if (schedule->trace)
        scenario_print (&next, schedule->trace);
    world_t *first = world_open (plan, schedule->trace, schedule->stats);
    world_t *second = world_open_second (&next, schedule->trace, schedule->stats);
    first->after = second;
    second->before = first;
    run_both (first, second);
    bool held = !second->broken && world_end (first, why, size);
    held = held && world_end (second, why, size);
    if (held)
        check_chain (second);
    if (second->broken)
        snprintf (why, size, "%s: %s (at %lld ms, the second of a chain)", second->broken, second->why,
                  (long long)second->now_ms);
    held = held && !second->broken;
    schedule->stats->chains++;
    world_close (second);
    world_close (first);
    return held;
}
