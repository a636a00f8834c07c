/*  The letters of the sink: who dries, and what became of each task. */
#include "core/washer_i.h"

enum { COUNTED_OK = 0 };

static void on_dryer_up (washer_t *self, reader_t *in, uint32_t count)
{
    uint64_t dryer = get_u64 (in);
    lane_t *lane = lanes_find (&self->lanes, dryer);
    in->bad |= !run_valid (dryer, 1);
    if (in->bad)
        return;
    if (!lane && ranges_has (&self->closed, dryer)) { // a sink that forgot: we took back what it had
        writer_t records = {0};
        put_u64 (&records, dryer);
        washer_letter (self, MSG_CLOSED, 1, &records, NULL);
        return;
    }
    bool known = lane;
    if (!lane && !(lane = lanes_add (&self->lanes, dryer))) {
        self->oom = true;
        return;
    }
    get_name (in, lane->host, sizeof lane->host);
    lane->slots = get_u32 (in);
    lane->prefetch = get_u32 (in);
    lane->grain = get_u32 (in);
    lane->unsure = get_u32 (in);
    lane->grain += !lane->grain;
    lane->recall_seq = 0; // its answer too
    book_inventory (self, lane, in);
    self->dirty = true;
    if (!known)
        lane_begin (self, lane);
    else if (lane->bound || lane->shut)
        lane_order (self, lane); // the first order, or the answer to it, may have died with the old sink
}

static void on_dryer_slots (washer_t *self, reader_t *in, uint32_t count)
{
    lane_t *lane = lanes_find (&self->lanes, get_u64 (in));
    uint32_t slots = get_u32 (in), prefetch = get_u32 (in), unsure = get_u32 (in);
    if (!lane || in->bad)
        return;
    lane->slots = slots;
    lane->prefetch = prefetch;
    lane->unsure = unsure;
    self->dirty = true;
}

void lane_end (washer_t *self, lane_t *lane, bool blame)
{
    book_lane_over (self, lane, blame);
    if (lane->generation && !lane->shut)
        self->ports.lane_close (self->ports.arg, lane->dryer, lane->generation);
    if (!self->oom) // else the ledger may still point into it
        lanes_remove (&self->lanes, lane);
}

static void on_dryer_down (washer_t *self, reader_t *in, uint32_t count)
{
    uint64_t dryer = get_u64 (in);
    bool blame = get_u8 (in);
    lane_t *lane = lanes_find (&self->lanes, dryer);
    if (lane && !in->bad)
        lane_end (self, lane, blame);
    else if (!in->bad && run_valid (dryer, 1) && lives_close (&self->closed, dryer) == -1)
        self->oom = true;
}

static void on_counted (washer_t *self, reader_t *in, uint32_t count)
{
    while (count-- && !in->bad) {
        run_t run = get_run (in);
        uint8_t outcome = get_u8 (in);
        if (!in->bad)
            book_counted (self, run.n, run.count, outcome != COUNTED_OK);
    }
}

static void on_failed (washer_t *self, reader_t *in, uint32_t count)
{
    lane_t *lane = lanes_find (&self->lanes, get_u64 (in));
    uint64_t washer = get_u64 (in);
    while (lane && count--) {
        uint64_t n = get_u64 (in), seq = get_u64 (in);
        uint32_t attempt = get_u32 (in);
        get_u32 (in); // status, signal, flags
        if (in->bad)
            return;
        if (!book_returned (self, lane, washer, seq, (run_t){n, 1}))
            continue;
        note_t *note = notes_add (&self->notes, n);
        if (!note) {
            self->oom = true;
            return;
        }
        note->avoid = lane->dryer;
        if (attempt > note->failures && attempt < UINT32_MAX) // the next has a number too
            note->failures = attempt;
    }
}

static void on_returned (washer_t *self, reader_t *in, uint32_t count)
{
    lane_t *lane = lanes_find (&self->lanes, get_u64 (in));
    uint64_t washer = get_u64 (in), recall_seq = get_u64 (in);
    if (!lane || in->bad)
        return;
    if (recall_seq && recall_seq == lane->recall_seq && washer == self->config.life) {
        lane->recall_seq = 0;
        lane->recall_vain = !count && recall_seq == lane->seq; // what was sent since may be had
    }
    while (count--) {
        run_t run = get_run (in);
        uint64_t seq = get_u64 (in);
        if (in->bad)
            return;
        self->figures.recalled += book_returned (self, lane, washer, seq, run);
    }
    self->dirty = true;
}

static void on_lanegot (washer_t *self, reader_t *in, uint32_t count)
{
    lane_t *lane = lanes_find (&self->lanes, get_u64 (in));
    uint64_t washer = get_u64 (in);
    uint32_t generation = get_u32 (in);
    uint64_t got = get_u64 (in);
    if (lane && !in->bad && washer == self->config.life)
        lane_resume (self, lane, generation, got);
}

static void on_halt (washer_t *self, reader_t *in, uint32_t count)
{
    washer_halt (self);
}

static const struct {
    uint8_t type;
    void (*handle) (washer_t *self, reader_t *in, uint32_t count);
} letters[] = {
    {MSG_COUNTED, on_counted},         {MSG_FAILED, on_failed},
    {MSG_RETURNED, on_returned},       {MSG_DRYER_UP, on_dryer_up},
    {MSG_DRYER_DOWN, on_dryer_down},   {MSG_LANEGOT, on_lanegot},
    {MSG_DRYER_SLOTS, on_dryer_slots}, {MSG_HALT, on_halt},
};

void washer_letter_heard (washer_t *self, const message_t *message)
{
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        if (letters[i].type != message->header.type)
            continue;
        reader_t in = reader_of (message);
        letters[i].handle (self, &in, message->header.count);
        self->figures.bad += in.bad;
        return;
    }
    self->figures.bad++;
}
