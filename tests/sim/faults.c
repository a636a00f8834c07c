/*  What goes wrong, to whom, and for how long. */
#include "sim.h"

//  The living process of a kind that the fault's own number picks; NULL: none lives.
static process_t *pick (const world_t *world, process_kind_t kind, uint64_t chance)
{
    process_t *all[MAX_LIVES];
    unsigned count = 0;
    for (int i = 0; i < world->processes; i++)
        if (world->process[i]->alive && world->process[i]->kind == kind)
            all[count++] = world->process[i];
    return count ? all[chance % count] : NULL;
}

//  Any peer of the sink.
static process_t *pick_peer (const world_t *world, uint64_t chance)
{
    process_kind_t kind = chance % 8 == 0 ? PROC_OBSERVER : chance % 8 < 3 ? PROC_WASHER : PROC_DRYER;
    return pick (world, kind, chance / 8);
}

static int pick_lane (const world_t *world, uint64_t chance)
{
    int open = 0, at = -1;
    for (int i = 0; i < world->lane_count; i++)
        open += world->lanes[i]->open && world->lanes[i]->wire.up;
    if (!open)
        return -1;
    for (int left = (int)(chance % (uint64_t)open); left >= 0; left--)
        for (at++; !world->lanes[at]->open || !world->lanes[at]->wire.up;)
            at++;
    return at;
}

static void keep_busy (world_t *world, int64_t lasts_ms)
{
    if (world->now_ms + lasts_ms > world->quiet_ms)
        world->quiet_ms = world->now_ms + lasts_ms;
}

static void harm (world_t *world, process_t *target, int64_t lasts_ms)
{
    if (world->now_ms + lasts_ms > target->harmed_ms)
        target->harmed_ms = world->now_ms + lasts_ms;
    keep_busy (world, lasts_ms);
}

//  The sink bears an absence of the washer for so long, and the peers one of the sink; what comes together is added up.
static void may_lose (world_t *world)
{
    const scenario_t *plan = &world->plan;
    int64_t away_ms = world->washer_away_ms + world->sink_away_ms + (plan->durable ? plan->dead_after_ms : 0);
    world->may_lose |= world->washer_away_ms >= (plan->durable ? plan->wait_ms : plan->grace_ms);
    world->may_lose |= away_ms >= (plan->durable ? plan->wait_ms : plan->dead_after_ms);
}

static void washer_away (world_t *world, int64_t lasts_ms)
{
    world->washer_away_ms += lasts_ms + 1000;
    may_lose (world);
}

static void sink_away (world_t *world, int64_t lasts_ms)
{
    world->sink_away_ms += lasts_ms + 1000 + (world->plan.durable ? world->plan.dead_after_ms : 0); // it listens anew
    may_lose (world);
}

static void kill_dryer (world_t *world, const fault_t *fault)
{
    process_t *target = pick (world, PROC_DRYER, fault->chance);
    if (!target)
        return;
    const dryer_plan_t *how = &target->dryer.how;
    process_kill (world, target, how->supervised ? SEEN_BY_PARENT : how->remote ? SEEN_BY_NOBODY : SEEN_BY_WIRE);
    int64_t back_ms = world->now_ms + fault->lasts_ms / 4;
    if (back_ms > world->quiet_ms)
        world->quiet_ms = back_ms;
    world_start (world, back_ms, PROC_DRYER, target->dryer.plan);
}

static void stop (world_t *world, process_t *target, const fault_t *fault)
{
    if (!target || target->stopped)
        return;
    TRACE (world, "%s is stopped", process_name (target));
    target->stopped = true;
    harm (world, target, fault->lasts_ms);
    world_at (world, world->now_ms + fault->lasts_ms, EV_CONT, target->id, 0, 0);
}

static void stop_dryer (world_t *world, const fault_t *fault)
{
    stop (world, pick (world, PROC_DRYER, fault->chance), fault);
}

static void stop_washer (world_t *world, const fault_t *fault)
{
    washer_away (world, fault->lasts_ms);
    stop (world, process_alive (world, world->washer), fault);
}

static void stop_sink (world_t *world, const fault_t *fault)
{
    for (int i = 0; i < world->processes; i++)
        harm (world, world->process[i], fault->lasts_ms);
    sink_away (world, fault->lasts_ms);
    stop (world, process_alive (world, world->sink), fault);
}

static void later_reset (world_t *world, tube_t *wire)
{
    if (wire->hold_ms < wire->blocked_ms)
        wire->hold_ms = wire->blocked_ms;
}

static void put_off (const world_t *world, int64_t *at_ms, int64_t by_ms)
{
    if (*at_ms > world->now_ms && *at_ms != INT64_MAX)
        *at_ms += by_ms;
}

static void put_off_wire (const world_t *world, tube_t *wire, int64_t by_ms)
{
    put_off (world, &wire->last_ms, by_ms);
    put_off (world, &wire->hold_ms, by_ms);
    put_off (world, &wire->blocked_ms, by_ms);
}

//  The machine sleeps: all that was to happen happens that much later, and every clock has gone on.
static void suspend (world_t *world, const fault_t *fault)
{
    int64_t by_ms = fault->lasts_ms;
    for (size_t i = 0; i < world->heap.size; i++)
        world->heap.events[i].at_ms += by_ms;
    for (int i = 0; i < world->processes; i++) {
        process_t *process = world->process[i];
        if (process->wake_ms != INT64_MAX)
            process->wake_ms += by_ms;
        process->born_ms += process->alive ? by_ms : 0;
        put_off (world, &process->busy_ms, by_ms);
        put_off (world, &process->harmed_ms, by_ms);
        put_off_wire (world, &process->to_sink, by_ms);
        put_off_wire (world, &process->from_sink, by_ms);
    }
    for (int i = 0; i < world->lane_count; i++)
        put_off_wire (world, &world->lanes[i]->wire, by_ms);
    put_off (world, &world->printer.stalled_ms, by_ms);
    world->quiet_ms += by_ms;
}

//  Nothing passes between a peer and the sink; sometimes the connections break over it.
static void cut (world_t *world, process_t *target, const fault_t *fault)
{
    if (!target)
        return;
    TRACE (world, "%s is cut off from the sink", process_name (target));
    harm (world, target, fault->lasts_ms);
    net_block (&target->to_sink, world->now_ms + fault->lasts_ms);
    net_block (&target->from_sink, world->now_ms + fault->lasts_ms);
    if (fault->chance >> 40 & 1)
        return;
    net_reset (world, &target->to_sink, true);
    net_reset (world, &target->from_sink, false);
    later_reset (world, &target->to_sink);
    later_reset (world, &target->from_sink);
    int64_t back_ms = world->now_ms + fault->lasts_ms + rng_between (&world->rng, 0, 50);
    world_at (world, back_ms, EV_CONNECT_IN, target->id, 0, 0);
    world_at (world, back_ms, EV_CONNECT_OUT, target->id, 0, 0);
    if (fault->chance >> 41 & 1)
        world_at (world, world->now_ms + 20, EV_SINK_SEES, target->id, SEEN_BY_WIRE, target->life);
}

static void cut_dryer (world_t *world, const fault_t *fault)
{
    cut (world, pick (world, PROC_DRYER, fault->chance), fault);
}

static void cut_washer (world_t *world, const fault_t *fault)
{
    washer_away (world, fault->lasts_ms);
    cut (world, process_alive (world, world->washer), fault);
}

static void cut_lane (world_t *world, const fault_t *fault)
{
    int lane = pick_lane (world, fault->chance);
    if (lane == -1)
        return;
    TRACE (world, "lane %d is cut", lane);
    net_block (&world->lanes[lane]->wire, world->now_ms + fault->lasts_ms);
    keep_busy (world, fault->lasts_ms);
}

static void reset_in (world_t *world, const fault_t *fault)
{
    process_t *target = pick_peer (world, fault->chance);
    if (!target || !target->to_sink.up)
        return;
    TRACE (world, "the reports of %s are cut", process_name (target));
    keep_busy (world, 500); // it will have missed nothing in the end
    net_reset (world, &target->to_sink, true);
    world_at (world, world->now_ms + rng_between (&world->rng, 1, 100), EV_CONNECT_IN, target->id, 0, 0);
}

static void reset_out (world_t *world, const fault_t *fault)
{
    process_t *target = pick_peer (world, fault->chance);
    if (!target || !target->from_sink.up)
        return;
    TRACE (world, "the orders to %s are cut", process_name (target));
    keep_busy (world, 500); // it will have missed nothing in the end
    net_reset (world, &target->from_sink, false);
    world_at (world, world->now_ms + rng_between (&world->rng, 1, 100), EV_CONNECT_OUT, target->id, 0, 0);
}

static void reset_both (world_t *world, const fault_t *fault)
{
    process_t *target = pick_peer (world, fault->chance);
    if (!target)
        return;
    reset_in (world, fault);
    reset_out (world, fault);
    harm (world, target, 500);
    world_at (world, world->now_ms + rng_between (&world->rng, 0, 20), EV_SINK_SEES, target->id, SEEN_BY_WIRE,
              target->life);
}

static void reset_lane (world_t *world, const fault_t *fault)
{
    int lane = pick_lane (world, fault->chance);
    if (lane == -1)
        return;
    TRACE (world, "lane %d is reset", lane);
    lanes_reset (world, lane, true);
}

static void wall (world_t *world, const fault_t *fault)
{
    process_t *target = pick (world, PROC_DRYER, fault->chance);
    if (!target)
        return;
    TRACE (world, "no lane reaches %s", process_name (target));
    lanes_wall (world, target, world->now_ms + fault->lasts_ms);
    keep_busy (world, fault->lasts_ms + 3 * world->plan.dead_after_ms); // until it is tried again
}

static void stray_lane (world_t *world, const fault_t *fault)
{
    int lane = pick_lane (world, fault->chance);
    process_t *other = pick (world, PROC_DRYER, fault->chance >> 20);
    if (lane == -1 || !other || other->id == world->lanes[lane]->puller)
        return;
    TRACE (world, "%s pulls from lane %d, too", process_name (other), lane);
    world->lanes[lane]->stray = other->id;
    world_at (world, world->now_ms + rng_between (&world->rng, 0, 1500), EV_LANE_NOTICE, world->lanes[lane]->washer,
              (uint64_t)lane, 0);
}

static void leave (world_t *world, const fault_t *fault)
{
    process_t *target = pick (world, PROC_DRYER, fault->chance);
    if (!target || target->stopped)
        return;
    TRACE (world, "%s is asked to leave", process_name (target));
    target->dryer.leaving = true;
    dryer_leave (target->dryer.core, world->now_ms);
    process_wake (world, target, world->now_ms);
    if (fault->chance >> 30 & 3)
        world_start (world, world->now_ms + fault->lasts_ms / 4, PROC_DRYER, target->dryer.plan);
}

static void join (world_t *world, const fault_t *fault)
{
    world_start (world, world->now_ms, PROC_DRYER, (int)(fault->chance % world->plan.dryers));
}

static void slots (world_t *world, const fault_t *fault)
{
    process_t *target = pick (world, PROC_DRYER, fault->chance);
    if (!target || target->stopped)
        return;
    target->dryer.how.slots = 1 + (uint32_t)(fault->chance >> 20) % 4;
    TRACE (world, "%s has %u slots now", process_name (target), target->dryer.how.slots);
    dryer_slots (target->dryer.core, target->dryer.how.slots, world->now_ms);
    process_wake (world, target, world->now_ms);
}

static void kill_sink (world_t *world, const fault_t *fault);

//  In a chain it is a part of one process with the sink before it.
static void kill_washer (world_t *world, const fault_t *fault)
{
    process_t *target = process_alive (world, world->washer);
    world_t *first = target ? chain_first (world) : NULL;
    if (first) {
        kill_sink (first, fault);
        return;
    }
    if (!target)
        return;
    process_kill (world, target, fault->chance & 1 ? SEEN_BY_WIRE : SEEN_BY_NOBODY);
    if (fault->chance >> 1 & 7 && !(world->before && !world->before->plan.durable)) {
        int64_t back_ms = world->now_ms + fault->lasts_ms;
        world_start (world, back_ms, PROC_WASHER, -1);
        if (back_ms > world->quiet_ms)
            world->quiet_ms = back_ms;
        washer_away (world, fault->lasts_ms);
    } else {
        world->may_lose = true;
    }
}

//  Whoever comes now, and later, has what is not the first input any more.
static void change_input (world_t *world, const fault_t *fault)
{
    if (!process_alive (world, world->washer) || !world->plan.tasks || world->changed_from)
        return;
    world->changed_from = 1 + fault->chance / 16 % world->plan.tasks;
    TRACE (world, "the input changes from task %llu on", (unsigned long long)world->changed_from);
    world->may_lose = true;
    kill_washer (world, fault);
}

static void kill_sink (world_t *world, const fault_t *fault)
{
    process_t *target = process_alive (world, world->sink);
    if (!target)
        return;
    process_kill (world, target, SEEN_BY_WIRE);
    journal_crash (world);
    int64_t away_ms = fault->lasts_ms;
    sink_away (world, away_ms);
    world->may_lose |= !world->plan.durable;
    if (world->after)
        washer_away (world->after, away_ms);
    chain_killed (world, world->plan.durable ? away_ms : -1, fault->chance & 1 ? SEEN_BY_WIRE : SEEN_BY_NOBODY);
    if (!world->plan.durable)
        return;
    world_start (world, world->now_ms + away_ms, PROC_SINK, -1);
    if (world->now_ms + away_ms > world->quiet_ms)
        world->quiet_ms = world->now_ms + away_ms;
}

static void slow_commit (world_t *world, const fault_t *fault)
{
    process_t *target = process_alive (world, world->sink);
    if (!target)
        return;
    TRACE (world, "a commit takes %lld ms", (long long)fault->lasts_ms);
    sink_away (world, fault->lasts_ms);
    target->busy_ms = world->now_ms + fault->lasts_ms;
    for (int i = 0; i < world->processes; i++)
        harm (world, world->process[i], fault->lasts_ms);
}

static void full_disk (world_t *world, const fault_t *fault)
{
    world->journal.full = true;
    world->may_lose = true;
}

static void slow_reader (world_t *world, const fault_t *fault)
{
    TRACE (world, "nobody reads for %lld ms", (long long)fault->lasts_ms);
    printer_backlog (world);
    world->printer.stalled_ms = world->now_ms + fault->lasts_ms;
    if (world->printer.stalled_ms > world->quiet_ms)
        world->quiet_ms = world->printer.stalled_ms;
}

static void garbage (world_t *world, const fault_t *fault)
{
    for (int i = 0; i < world->processes; i++)
        if (world->process[i]->alive)
            net_garbage (world, world->process[i]);
}

static void (*const faults[FAULT_KINDS]) (world_t *world, const fault_t *fault) = {
    [FAULT_KILL_DRYER] = kill_dryer,
    [FAULT_STOP_DRYER] = stop_dryer,
    [FAULT_STOP_WASHER] = stop_washer,
    [FAULT_STOP_SINK] = stop_sink,
    [FAULT_SUSPEND] = suspend,
    [FAULT_CUT_DRYER] = cut_dryer,
    [FAULT_CUT_WASHER] = cut_washer,
    [FAULT_CUT_LANE] = cut_lane,
    [FAULT_RESET_IN] = reset_in,
    [FAULT_RESET_OUT] = reset_out,
    [FAULT_RESET_BOTH] = reset_both,
    [FAULT_RESET_LANE] = reset_lane,
    [FAULT_WALL] = wall,
    [FAULT_STRAY_LANE] = stray_lane,
    [FAULT_LEAVE] = leave,
    [FAULT_JOIN] = join,
    [FAULT_SLOTS] = slots,
    [FAULT_KILL_WASHER] = kill_washer,
    [FAULT_CHANGE_INPUT] = change_input,
    [FAULT_KILL_SINK] = kill_sink,
    [FAULT_SLOW_COMMIT] = slow_commit,
    [FAULT_FULL_DISK] = full_disk,
    [FAULT_SLOW_READER] = slow_reader,
    [FAULT_GARBAGE] = garbage,
};

//  Those after which an invariant may say less: a process was killed, or was not heard for a while.
static bool hurts (fault_kind_t kind)
{
    return kind != FAULT_JOIN && kind != FAULT_SLOTS && kind != FAULT_GARBAGE && kind != FAULT_SLOW_READER &&
           kind != FAULT_LEAVE;
}

//  Those that leave every dryer alive and heard, as far as the sink listens.
static bool spares_dryers (fault_kind_t kind)
{
    return !hurts (kind) || kind == FAULT_STOP_WASHER || kind == FAULT_STOP_SINK || kind == FAULT_SUSPEND ||
           kind == FAULT_CUT_WASHER || kind == FAULT_CUT_LANE || kind == FAULT_RESET_LANE || kind == FAULT_STRAY_LANE ||
           kind == FAULT_WALL || kind == FAULT_SLOW_COMMIT || kind == FAULT_KILL_WASHER || kind == FAULT_CHANGE_INPUT ||
           kind == FAULT_FULL_DISK;
}

void fault_happens (world_t *world, unsigned number)
{
    const fault_t *fault = &world->plan.fault[number];
    if (world->decided_ms != -1 && world->sink == -1)
        return;
    world->stats->fault[fault->kind]++;
    TRACE (world, "fault: %s", fault_names[fault->kind]);
    world->hurt |= hurts (fault->kind);
    world->dryers_safe &= spares_dryers (fault->kind);
    faults[fault->kind](world, fault);
}
