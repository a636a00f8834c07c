#include "scenario.h"

#include <string.h>

const char *const fault_names[FAULT_KINDS] = {
    [FAULT_KILL_DRYER] = "kill-dryer",
    [FAULT_STOP_DRYER] = "stop-dryer",
    [FAULT_STOP_WASHER] = "stop-washer",
    [FAULT_STOP_SINK] = "stop-sink",
    [FAULT_SUSPEND] = "suspend",
    [FAULT_CUT_DRYER] = "cut-dryer",
    [FAULT_CUT_WASHER] = "cut-washer",
    [FAULT_CUT_LANE] = "cut-lane",
    [FAULT_RESET_IN] = "reset-in",
    [FAULT_RESET_OUT] = "reset-out",
    [FAULT_RESET_BOTH] = "reset-both",
    [FAULT_RESET_LANE] = "reset-lane",
    [FAULT_WALL] = "wall",
    [FAULT_STRAY_LANE] = "stray-lane",
    [FAULT_LEAVE] = "leave",
    [FAULT_JOIN] = "join",
    [FAULT_SLOTS] = "slots",
    [FAULT_KILL_WASHER] = "kill-washer",
    [FAULT_CHANGE_INPUT] = "change-input",
    [FAULT_KILL_SINK] = "kill-sink",
    [FAULT_SLOW_COMMIT] = "slow-commit",
    [FAULT_FULL_DISK] = "full-disk",
    [FAULT_SLOW_READER] = "slow-reader",
    [FAULT_GARBAGE] = "garbage",
};

//  How often each kind is drawn; a run that a fault must end teaches less than one that survives.
static const uint8_t weights[FAULT_KINDS] = {
    [FAULT_KILL_DRYER] = 14, [FAULT_STOP_DRYER] = 10, [FAULT_STOP_WASHER] = 4, [FAULT_STOP_SINK] = 5,
    [FAULT_SUSPEND] = 4,     [FAULT_CUT_DRYER] = 8,   [FAULT_CUT_WASHER] = 4,  [FAULT_CUT_LANE] = 5,
    [FAULT_RESET_IN] = 8,    [FAULT_RESET_OUT] = 8,   [FAULT_RESET_BOTH] = 7,  [FAULT_RESET_LANE] = 10,
    [FAULT_STRAY_LANE] = 7,  [FAULT_WALL] = 5,        [FAULT_LEAVE] = 8,       [FAULT_JOIN] = 6,
    [FAULT_SLOTS] = 3,       [FAULT_KILL_WASHER] = 5, [FAULT_KILL_SINK] = 10,  [FAULT_SLOW_COMMIT] = 4,
    [FAULT_FULL_DISK] = 1,   [FAULT_SLOW_READER] = 5, [FAULT_GARBAGE] = 3,     [FAULT_CHANGE_INPUT] = 2,
};

static uint32_t pick_tasks (rng_t *rng)
{
    int64_t dice = rng_between (rng, 0, 99);
    if (dice < 4)
        return 0;
    if (dice < 20)
        return (uint32_t)rng_between (rng, 1, 3);
    if (dice < 80)
        return (uint32_t)rng_between (rng, 4, 24);
    return (uint32_t)(dice < 99 ? rng_between (rng, 25, 60) : 300);
}

static uint32_t pick_output (rng_t *rng, uint64_t window)
{
    int64_t dice = rng_between (rng, 0, 99);
    if (dice < 50)
        return 0;
    if (dice < 80)
        return (uint32_t)rng_between (rng, 1, 60);
    return (uint32_t)(dice < 98 ? rng_between (rng, 100, 5000) : rng_between (rng, 60000, 70000 + (int64_t)window));
}

static int64_t pick_duration (rng_t *rng, int64_t usual)
{
    int64_t dice = rng_between (rng, 0, 99);
    if (dice < 15)
        return 0;
    return dice < 96 ? rng_between (rng, 1, usual) : rng_between (rng, usual, usual * 10);
}

static void make_work (scenario_t *self, rng_t *rng)
{
    static const int64_t usual[] = {4, 40, 300, 1500};
    int64_t lasts = usual[rng_next (rng) % 4];
    unsigned failing = rng_chance (rng, 40) ? 15 : 0;
    unsigned poison = rng_chance (rng, 15) ? 6 : 0;
    unsigned dropped = rng_chance (rng, 10) ? 10 : 0;
    bool silent = rng_chance (rng, 40);
    for (uint32_t n = 1; n <= self->tasks; n++) {
        work_t *work = &self->work[n];
        *work = (work_t){.lasts_ms = pick_duration (rng, lasts)};
        if (rng_chance (rng, failing))
            work->kind = WORK_FAILS, work->times = (uint32_t)rng_between (rng, 1, 4);
        else if (rng_chance (rng, poison))
            work->kind = rng_chance (rng, 50) ? WORK_POISON : WORK_POISON_ONCE;
        else if (rng_chance (rng, dropped))
            work->kind = WORK_DROPPED;
        if (!silent) {
            work->out_bytes = pick_output (rng, self->output_bytes);
            work->err_bytes = rng_chance (rng, 20) ? pick_output (rng, self->output_bytes) : 0;
        }
        self->work_ms += work->lasts_ms;
    }
}

static void make_dryers (scenario_t *self, rng_t *rng)
{
    self->dryers = (unsigned)rng_between (rng, 1, MAX_DRYERS);
    uint32_t slots = 0;
    for (unsigned i = 0; i < self->dryers; i++) {
        dryer_plan_t *plan = &self->dryer[i];
        plan->slots = (uint32_t)rng_between (rng, 1, 4);
        plan->prefetch = (uint32_t)rng_between (rng, 0, 4);
        plan->grain = !self->streams && rng_chance (rng, 15) ? (uint32_t)rng_between (rng, 2, 6) : 1;
        plan->starts_ms = rng_chance (rng, 70) ? rng_between (rng, 0, 100) : rng_between (rng, 0, 3000);
        plan->supervised = rng_chance (rng, 50);
        plan->remote = !plan->supervised && rng_chance (rng, 40);
        plan->paces = !self->streams && plan->grain == 1 && rng_chance (rng, 15);
        slots += plan->slots;
    }
    self->work_ms = self->work_ms / slots + self->tasks / self->chunk * self->feed_gap_ms + 50;
}

static void make_halt (scenario_t *self, rng_t *rng)
{
    if (rng_chance (rng, 94))
        return;
    self->halt_when = (int)rng_between (rng, 1, 2);
    self->halt_what = (int)rng_between (rng, 0, 2);
    self->halt_count = (uint64_t)rng_between (rng, 1, 1 + self->tasks / 2);
}

static fault_kind_t pick_fault (rng_t *rng, uint32_t mask)
{
    unsigned sum = 0, kind = 0;
    for (unsigned i = 0; i < FAULT_KINDS; i++)
        sum += mask & 1u << i ? weights[i] : 0;
    for (uint64_t dice = rng_next (rng) % sum;; dice -= weights[kind++]) {
        while (!(mask & 1u << kind))
            kind++;
        if (dice < weights[kind])
            return kind;
    }
}

static void make_faults (scenario_t *self, rng_t *rng, uint32_t mask)
{
    if (!mask || rng_chance (rng, 15))
        return;
    self->faults = (unsigned)rng_between (rng, 1, rng_chance (rng, 70) ? 3 : MAX_FAULTS);
    for (unsigned i = 0; i < self->faults; i++) {
        fault_t *fault = &self->fault[i];
        fault->kind = pick_fault (rng, mask);
        fault->at_ms = rng_between (rng, 0, rng_chance (rng, 80) ? self->work_ms : self->work_ms * 2 + 3000);
        int64_t dead = self->dead_after_ms;
        fault->lasts_ms = rng_chance (rng, 50) ? rng_between (rng, 1, dead / 2) : rng_between (rng, dead, dead * 3);
        fault->chance = rng_next (rng);
    }
}

static void make_limits (scenario_t *self, rng_t *rng)
{
    static const int64_t dead_after[] = {1000, 2000, 5000};
    static const uint64_t windows[] = {1000, 4096, 20000, 100000};
    self->dead_after_ms = dead_after[rng_next (rng) % 3];
    self->grace_ms = rng_between (rng, 1, 10) * 1000;
    self->wait_ms = rng_between (rng, 8, 20) * 1000;
    self->retries = (uint32_t)rng_between (rng, 1, 3);
    self->crash_limit = (uint32_t)rng_between (rng, 1, 3);
    self->output_bytes = windows[rng_next (rng) % 4];
    self->backlog_bytes = windows[rng_next (rng) % 4];
    self->order_window = rng_chance (rng, 30) ? (uint64_t)rng_between (rng, 1, 40) : 0;
    self->durable = rng_chance (rng, 60);
    self->streams = rng_chance (rng, 10);
    self->timed = rng_chance (rng, 50);
    self->ends_badly = rng_chance (rng, 8);
    self->same_endpoint = rng_chance (rng, 60);
    self->delay_ms = rng_chance (rng, 70) ? rng_between (rng, 0, 2) : rng_between (rng, 0, 80);
    self->jitter_ms = rng_chance (rng, 60) ? rng_between (rng, 0, 3) : rng_between (rng, 0, 60);
    self->commit_ms = rng_chance (rng, 80) ? rng_between (rng, 0, 3) : rng_between (rng, 0, 60);
    self->print_bytes_ms = rng_chance (rng, 80) ? 1000000 : rng_between (rng, 20, 400);
}

void scenario_make_next (scenario_t *self, const scenario_t *before, uint32_t mask)
{
    rng_t rng = {rng_mix (before->seed + 0xc4a1)};
    *self = (scenario_t){.seed = before->seed, .tasks = before->tasks};
    make_limits (self, &rng);
    self->shape = (shape_t){BLOCK_DELIMITED, '\n', 1, 1};
    self->chunk = (uint32_t)rng_between (&rng, 1, 12);
    self->queue = (uint32_t)rng_between (&rng, 1, 40);
    make_work (self, &rng);
    make_dryers (self, &rng);
    make_halt (self, &rng);
    self->washer_starts_ms = -1;
    self->sink_starts_ms = rng_between (&rng, 0, rng_chance (&rng, 80) ? 100 : 3000);
    self->observer_starts_ms = rng_chance (&rng, 70) ? -1 : rng_between (&rng, 0, 2 * self->work_ms);
    self->work_ms += before->work_ms;
    make_faults (self, &rng, mask);
}

void scenario_make (scenario_t *self, uint64_t seed, uint32_t mask)
{
    rng_t rng = {seed};
    rng.state = rng_next (&rng);
    *self = (scenario_t){.seed = seed, .tasks = pick_tasks (&rng), .items = seed % 4 == 0};
    make_limits (self, &rng);
    if (rng_chance (&rng, 70))
        self->shape =
            (shape_t){BLOCK_DELIMITED, '\n', 1, rng_chance (&rng, 70) ? 1 : (uint32_t)rng_between (&rng, 2, 3)};
    else
        self->shape = (shape_t){BLOCK_PREFIXED, 0, 1, 1};
    self->chunk = (uint32_t)rng_between (&rng, 1, 12);
    self->feed_gap_ms = rng_chance (&rng, 60) ? 0 : rng_between (&rng, 1, 300);
    self->queue = (uint32_t)rng_between (&rng, 1, 40);
    make_work (self, &rng);
    make_dryers (self, &rng);
    make_halt (self, &rng);
    if (rng_chance (&rng, 2))
        self->deadline_ms = rng_between (&rng, 1, self->work_ms * 2);
    self->washer_starts_ms = rng_between (&rng, 0, rng_chance (&rng, 80) ? 100 : 3000);
    self->sink_starts_ms = rng_between (&rng, 0, rng_chance (&rng, 80) ? 100 : 3000);
    self->observer_starts_ms = rng_chance (&rng, 70) ? -1 : rng_between (&rng, 0, 2 * self->work_ms);
    make_faults (self, &rng, mask);
}

static void print_faults (const scenario_t *self, FILE *out)
{
    for (unsigned i = 0; i < self->faults; i++) {
        const fault_t *fault = &self->fault[i];
        fprintf (out, "  fault %s at %lld ms for %lld ms\n", fault_names[fault->kind], (long long)fault->at_ms,
                 (long long)fault->lasts_ms);
    }
}

static void print_work (const scenario_t *self, FILE *out)
{
    static const char *const kinds[] = {"ok", "fails", "poison", "poison-once", "dropped"};
    for (uint32_t n = 1; n <= self->tasks && n <= 60; n++)
        fprintf (out, "  task %u: %s %u, %lld ms, out %u, err %u\n", n, kinds[self->work[n].kind], self->work[n].times,
                 (long long)self->work[n].lasts_ms, self->work[n].out_bytes, self->work[n].err_bytes);
}

void scenario_print (const scenario_t *self, FILE *out)
{
    fprintf (out, "scenario of seed %llu: %u tasks, %u a block every %lld ms, queue %u, format %u x %u\n",
             (unsigned long long)self->seed, self->tasks, self->chunk, (long long)self->feed_gap_ms, self->queue,
             self->shape.format, self->shape.items);
    fprintf (out, "  retries %u, crash limit %u, keep-order %llu, journal %d, streams %d, items %d, same endpoint %d\n",
             self->retries, self->crash_limit, (unsigned long long)self->order_window, self->durable, self->streams,
             self->items, self->same_endpoint);
    fprintf (
        out, "  dead-after %lld, grace %lld, wait %lld, deadline %lld ms; output window %llu, backlog %llu bytes\n",
        (long long)self->dead_after_ms, (long long)self->grace_ms, (long long)self->wait_ms,
        (long long)self->deadline_ms, (unsigned long long)self->output_bytes, (unsigned long long)self->backlog_bytes);
    fprintf (out,
             "  halt %d,%d=%llu; starts: washer %lld, sink %lld, observer %lld; delay %lld + %lld, commit %lld ms\n",
             self->halt_when, self->halt_what, (unsigned long long)self->halt_count, (long long)self->washer_starts_ms,
             (long long)self->sink_starts_ms, (long long)self->observer_starts_ms, (long long)self->delay_ms,
             (long long)self->jitter_ms, (long long)self->commit_ms);
    for (unsigned i = 0; i < self->dryers; i++)
        fprintf (out, "  dryer %u: %u slots + %u, grain %u, starts %lld ms%s%s%s\n", i, self->dryer[i].slots,
                 self->dryer[i].prefetch, self->dryer[i].grain, (long long)self->dryer[i].starts_ms,
                 self->dryer[i].supervised ? ", supervised" : "", self->dryer[i].remote ? ", remote" : "",
                 self->dryer[i].paces ? ", paces" : "");
    print_work (self, out);
    print_faults (self, out);
}
