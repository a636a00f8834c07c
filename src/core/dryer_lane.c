/*  The dryer's end of a lane: where it connects, what comes, what goes back, and what it holds. */
#include "core/done.h"
#include "core/dryer_i.h"

enum { TASK_LAST = 1 };

//  ---- the inventory: what the washer must not take for lost

static void put_holding (writer_t *out, uint32_t *count, uint64_t washer, uint64_t seq, uint64_t n, uint64_t tasks)
{
    put_u64 (out, washer);
    put_u64 (out, seq);
    put_run (out, n, tasks);
    ++*count;
}

//  The tasks of the next record of a DONE, FAILED or RETURNED.
static run_t reported_run (uint8_t type, reader_t *in, uint64_t *lane_seq)
{
    if (type == MSG_DONE)
        return done_tasks (in, lane_seq);
    uint64_t n = get_u64 (in);
    run_t run = {n, type == MSG_RETURNED ? get_u64 (in) : 1};
    *lane_seq = get_u64 (in);
    if (type == MSG_FAILED)
        get_u64 (in); // attempt, status
    return run;
}

//  Reports that are under way: to a new sink they are still held by us.
static void put_reported (const dryer_t *self, writer_t *out, uint32_t *count)
{
    const letter_t *l;
    for (size_t i = 0; (l = link_letter (&self->session.link, i)); i++) {
        if (l->type != MSG_DONE && l->type != MSG_FAILED && l->type != MSG_RETURNED)
            continue;
        message_t message = {.records = l->records.data, .records_size = l->records.size};
        reader_t in = reader_of (&message);
        uint64_t washer = get_u64 (&in);
        if (l->type == MSG_RETURNED)
            get_u64 (&in); // the recall
        for (uint32_t k = 0; k < l->count; k++) {
            uint64_t seq;
            run_t run = reported_run (l->type, &in, &seq);
            put_holding (out, count, washer, seq, run.n, run.count);
        }
    }
}

void dryer_put_inventory (const dryer_t *self, writer_t *out, bool reported)
{
    writer_t held = {0};
    uint32_t count = 0;
    for (const running_t *job = NULL; (job = running_next (&self->running, job));)
        put_holding (&held, &count, job->washer, job->seq, job->n, job->count);
    for (size_t i = 0; i < self->held.size; i++) {
        const held_t *run = &self->held.items[self->held.head + i];
        put_holding (&held, &count, run->washer, run->seq, run->n, run->count);
    }
    for (size_t i = 0; i < self->reports.size; i++) {
        const waiting_t *w = &self->reports.items[self->reports.head + i];
        put_holding (&held, &count, w->washer, w->seq, w->result.n, w->result.count);
    }
    if (reported)
        put_reported (self, &held, &count);
    put_u64 (out, self->lane.washer);
    put_u64 (out, self->lane.got);
    put_u32 (out, count);
    put_bytes (out, held.data, held.size);
    out->failed |= held.failed;
    writer_free (&held);
}

//  ---- the lane

static void say_lanegot (dryer_t *self)
{
    writer_t records = {0};
    put_u64 (&records, self->lane.washer);
    put_u32 (&records, self->lane.generation);
    put_u64 (&records, self->lane.got);
    dryer_letter (self, MSG_LANEGOT, 1, &records);
}

void dryer_put_returned (writer_t *out, uint64_t n, uint64_t count, uint64_t seq)
{
    put_run (out, n, count);
    put_u64 (out, seq);
}

//  Gives back up to `most` tasks of a washer's life that were not started.
static void give_back (dryer_t *self, uint64_t most, uint64_t washer, uint64_t recall_seq)
{
    writer_t records = {0};
    uint32_t count = 0;
    put_u64 (&records, washer);
    put_u64 (&records, recall_seq);
    for (held_t run; most && held_last (&self->held) == washer; most -= run.count) {
        held_give_back (&self->held, most, &run);
        dryer_put_returned (&records, run.n, run.count, run.seq);
        self->figures.returned += run.count;
        count++;
    }
    if (count || recall_seq)
        dryer_letter (self, MSG_RETURNED, count, &records);
    else
        writer_free (&records);
}

void dryer_give_back_all (dryer_t *self)
{
    while (self->held.size)
        give_back (self, UINT64_MAX, held_last (&self->held), 0);
}

//  The washer does not reach us: what was not started goes back, and what it has sent and we have not got is not ours.
static void shut_lane (dryer_t *self)
{
    if (!self->told_of)
        dryer_say (self, "the washer cannot reach this dryer; it will try again");
    self->told_of = self->lane.shut = true;
    self->ports.lane_close (self->ports.arg, self->lane.washer);
    give_back (self, UINT64_MAX, self->lane.washer, 0);
    say_lanegot (self);
}

void dryer_lane_order (dryer_t *self, reader_t *in)
{
    uint64_t washer = get_u64 (in);
    uint32_t generation = get_u32 (in);
    char endpoint[ENDPOINT_BYTES];
    get_text (in, endpoint, sizeof endpoint);
    bool same = washer == self->lane.washer;
    if (in->bad || !run_valid (washer, 1) || washer < self->lane.washer || !generation ||
        (same && (self->lane.closed || generation < self->lane.generation)))
        return;
    if (same && generation == self->lane.generation) {
        say_lanegot (self); // the order was repeated: so is its answer
        return;
    }
    if (!same)
        self->lane = (entrance_t){.washer = washer};
    self->lane.generation = generation;
    self->lane.shut = false;
    if (*endpoint)
        self->ports.lane_connect (self->ports.arg, washer, generation, endpoint);
    else
        shut_lane (self);
}

void dryer_lane_connected (dryer_t *self, uint64_t washer, uint32_t generation, int64_t now_ms)
{
    if (washer != self->lane.washer || generation != self->lane.generation)
        return;
    self->lane.gap_told = 0;
    if (generation > 1) // the first generation begins at nothing, as both know
        say_lanegot (self);
}

static void on_tasks (dryer_t *self, const message_t *message, int64_t now_ms)
{
    reader_t in = reader_of (message);
    held_t run = {.washer = self->lane.washer, .seq = message->header.seq};
    run_t tasks = get_run (&in);
    run.n = tasks.n;
    run.count = tasks.count;
    run.attempt = get_u32 (&in);
    run.last = get_u8 (&in) & TASK_LAST;
    run.shape = get_shape (&in);
    bool fits =
        message->body && run.count <= message->body->size && run.count <= TASKS_MOST; // no task is less than a byte
    if (in.bad || !fits) {
        self->figures.bad++;
        return;
    }
    run.bytes = slice_copy (message->body);
    if (held_push (&self->held, &run) == -1) {
        slice_drop (&run.bytes);
        self->oom = true;
    }
    if (run.shape.format == BLOCK_WHOLE && self->config.no_blocks && !self->unfit) {
        self->unfit = UNFIT_BLOCKS;
        dryer_leave (self, now_ms);
    }
    if (self->state == DRYER_LEAVING)
        dryer_give_back_all (self);
}

//  In order, or it leaves a gap: then the washer is told where to go on.
static bool lane_accept (dryer_t *self, uint64_t seq)
{
    if (seq == self->lane.got + 1) {
        self->lane.got++;
        return true;
    }
    if (seq > self->lane.got && self->lane.gap_told != self->lane.got + 1) {
        self->lane.gap_told = self->lane.got + 1;
        say_lanegot (self);
    }
    return false;
}

void dryer_heard_lane (dryer_t *self, const message_t *message, int64_t now_ms)
{
    const header_t *header = &message->header;
    if (header->run != self->session.run || header->from != self->lane.washer || !header->from ||
        header->to != self->config.life || header->type < MSG_TASKS || !header->seq || self->lane.closed) {
        self->figures.bad++;
        return;
    }
    if (self->lane.shut || (self->state != DRYER_OPEN && self->state != DRYER_LEAVING) ||
        !lane_accept (self, header->seq))
        return;
    if (header->type == MSG_TASKS)
        on_tasks (self, message, now_ms);
    reader_t in = reader_of (message);
    if (header->type == MSG_RECALL)
        give_back (self, get_u32 (&in), self->lane.washer, header->seq);
}
